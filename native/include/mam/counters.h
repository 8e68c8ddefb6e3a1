/* Counters that anyone may read: binary compatible with Agrona's CountersManager and CountersReader. Header
 * only, C11 or C++17.
 *
 *   0                       512 n                128 n + 512 n
 *   +-----------------------+--------------------+
 *   | metadata, n x 512     | values, n x 128    |        one region, n counters; n = 1 ... 65536
 *   +-----------------------+--------------------+
 *
 *   metadata of counter id, at id * 512
 *   0           4           8                  16            128            132                  512
 *   +-----------+-----------+------------------+-------------+--------------+--------------------+
 *   | state i32 | type i32  | free for reuse   | key[112]    | label length | label[380], UTF-8  |
 *   |           |           | at ms, i64       |             | int32        |                    |
 *   +-----------+-----------+------------------+-------------+--------------+--------------------+
 *   state: 0 unused (readers stop here), 1 allocated, -1 reclaimed (readers skip it)
 *
 *   value of counter id, at 512 n + id * 128
 *   0           8                  16          24             32            128
 *   +-----------+------------------+-----------+--------------+-------------+
 *   | value i64 | registration i64 | owner i64 | reference i64| padding     |
 *   +-----------+------------------+-----------+--------------+-------------+
 *
 * One allocator a region (the daemon, before it opens the bridges), one writer a counter, any number of
 * readers. Counters are never freed: they live as long as the instance. Nothing here allocates, blocks or
 * calls the system.
 *
 *   (A) release of state by the allocator -> acquire by a reader: type, key and label are whole
 *   (V) release of value by its writer -> acquire by a reader: what was done before the count is visible
 */
#ifndef MAM_COUNTERS_H
#define MAM_COUNTERS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* cdef: begin */
#define MAM_COUNTER_METADATA_SIZE 512 /* bytes */
#define MAM_COUNTER_VALUE_SIZE 128    /* bytes */
#define MAM_COUNTER_SIZE 640          /* bytes of the region for each counter */
#define MAM_COUNTER_KEY_MAX 112       /* bytes */
#define MAM_COUNTER_LABEL_MAX 380     /* bytes */
#define MAM_COUNTERS_MAX 65536        /* counters in a region */
#define MAM_COUNTER_UNUSED 0
#define MAM_COUNTER_ALLOCATED 1
#define MAM_COUNTER_RECLAIMED -1

/* Results; 0 and more is success. */
#define MAM_COUNTERS_BAD_SIZE -1      /* attach: length is not n * 640, n = 1 ... 65536 */
#define MAM_COUNTERS_BAD_ALIGNMENT -2 /* attach: memory is not aligned to 8 */
#define MAM_COUNTERS_FULL -3          /* allocate: no counter is left */
#define MAM_COUNTERS_TOO_LONG -4      /* allocate: key over 112 or label over 380 bytes */
#define MAM_COUNTERS_BAD_ID -5        /* id is not 0 ... n - 1 */

struct mam_counters {
    uint8_t *metadata;
    uint8_t *values;
    int32_t capacity; /* counters */
};

/* One counter as read; a copy. */
struct mam_counter_info {
    int32_t id;
    int32_t state;        /* MAM_COUNTER_* */
    int32_t type;         /* what it counts, by its owner's numbering */
    int32_t label_length; /* bytes */
    int64_t value;
    int64_t registration;
    int64_t owner;
    int64_t reference;
    char label[384]; /* UTF-8 by convention, not checked; zero terminated */
    uint8_t key[112];
};

/* Start a view. `length` is n * 640 bytes. 0, BAD_SIZE or BAD_ALIGNMENT. Writes nothing. */
static inline int mam_counters_attach(struct mam_counters *counters, void *memory, size_t length);
/* Allocator: take the next counter, value 0. Its id, or FULL, TOO_LONG. */
static inline int32_t mam_counter_allocate(struct mam_counters *counters, int32_t type, const void *key,
                                           uint32_t key_length, const char *label, uint32_t label_length);
/* Where the value of counter `id` is; aligned to 8, alone on its cache lines. NULL when id is out of range.
 */
static inline int64_t *mam_counter_at(const struct mam_counters *counters, int32_t id);
/* Writer: set, or add to, a value that nobody else writes. */
static inline void mam_counter_set(int64_t *value, int64_t now);
static inline void mam_counter_add(int64_t *value, int64_t amount);
/* Anyone: the value. */
static inline int64_t mam_counter_get(const int64_t *value);
/* Reader: copy counter `id`. Its state, with *info filled when the state is ALLOCATED; or BAD_ID. */
static inline int mam_counter_read(const struct mam_counters *counters, int32_t id,
                                   struct mam_counter_info *info);
/* cdef: end */

struct mam_counter_metadata {
    int32_t state;
    int32_t type;
    int64_t reuse_ms;
    uint8_t key[MAM_COUNTER_KEY_MAX];
    int32_t label_length;
    char label[MAM_COUNTER_LABEL_MAX];
};

struct mam_counter_value {
    int64_t value;
    int64_t registration;
    int64_t owner;
    int64_t reference;
    uint8_t padding[96];
};

static_assert(offsetof(struct mam_counter_metadata, type) == 4, "Agrona layout");
static_assert(offsetof(struct mam_counter_metadata, reuse_ms) == 8, "Agrona layout");
static_assert(offsetof(struct mam_counter_metadata, key) == 16, "Agrona layout");
static_assert(offsetof(struct mam_counter_metadata, label_length) == 128, "Agrona layout");
static_assert(offsetof(struct mam_counter_metadata, label) == 132, "Agrona layout");
static_assert(sizeof(struct mam_counter_metadata) == MAM_COUNTER_METADATA_SIZE, "Agrona layout");
static_assert(offsetof(struct mam_counter_value, reference) == 24, "Agrona layout");
static_assert(sizeof(struct mam_counter_value) == MAM_COUNTER_VALUE_SIZE, "Agrona layout");
static_assert(MAM_COUNTER_METADATA_SIZE + MAM_COUNTER_VALUE_SIZE == MAM_COUNTER_SIZE, "Agrona layout");

static inline struct mam_counter_metadata *mam_counter_metadata_at(const struct mam_counters *counters,
                                                                   int32_t id) {
    return (struct mam_counter_metadata *)(void *)(counters->metadata +
                                                   (size_t)id * MAM_COUNTER_METADATA_SIZE);
}

static inline struct mam_counter_value *mam_counter_value_at(const struct mam_counters *counters,
                                                             int32_t id) {
    return (struct mam_counter_value *)(void *)(counters->values + (size_t)id * MAM_COUNTER_VALUE_SIZE);
}

static inline int mam_counters_attach(struct mam_counters *counters, void *memory, size_t length) {
    if (length == 0 || length % MAM_COUNTER_SIZE != 0 || length / MAM_COUNTER_SIZE > MAM_COUNTERS_MAX)
        return MAM_COUNTERS_BAD_SIZE;
    if (((uintptr_t)memory & 7) != 0)
        return MAM_COUNTERS_BAD_ALIGNMENT;
    counters->capacity = (int32_t)(length / MAM_COUNTER_SIZE);
    counters->metadata = (uint8_t *)memory;
    counters->values = counters->metadata + (size_t)counters->capacity * MAM_COUNTER_METADATA_SIZE;
    return 0;
}

static inline int32_t mam_counter_first_unused(const struct mam_counters *counters) {
    for (int32_t id = 0; id < counters->capacity; id++)
        if (__atomic_load_n(&mam_counter_metadata_at(counters, id)->state, __ATOMIC_RELAXED) ==
            MAM_COUNTER_UNUSED)
            return id;
    return MAM_COUNTERS_FULL;
}

static inline int32_t mam_counter_allocate(struct mam_counters *counters, int32_t type, const void *key,
                                           uint32_t key_length, const char *label, uint32_t label_length) {
    if (key_length > MAM_COUNTER_KEY_MAX || label_length > MAM_COUNTER_LABEL_MAX)
        return MAM_COUNTERS_TOO_LONG;
    int32_t id = mam_counter_first_unused(counters);
    if (id < 0)
        return id;
    struct mam_counter_metadata *metadata = mam_counter_metadata_at(counters, id);
    memset(mam_counter_value_at(counters, id), 0, MAM_COUNTER_VALUE_SIZE);
    memset(metadata->key, 0, sizeof metadata->key);
    if (key_length != 0)
        memcpy(metadata->key, key, key_length);
    if (label_length != 0)
        memcpy(metadata->label, label, label_length);
    metadata->type = type;
    metadata->reuse_ms = INT64_MAX; /* "never", to Agrona */
    __atomic_store_n(&metadata->label_length, (int32_t)label_length, __ATOMIC_RELAXED);
    __atomic_store_n(&metadata->state, MAM_COUNTER_ALLOCATED, __ATOMIC_RELEASE); /* (A) */
    return id;
}

static inline int64_t *mam_counter_at(const struct mam_counters *counters, int32_t id) {
    if (id < 0 || id >= counters->capacity)
        return NULL;
    return &mam_counter_value_at(counters, id)->value;
}

static inline void mam_counter_set(int64_t *value, int64_t now) {
    __atomic_store_n(value, now, __ATOMIC_RELEASE); /* (V) */
}

static inline void mam_counter_add(int64_t *value, int64_t amount) {
    /* a plain sum and no locked instruction: we are its only writer; it wraps as Agrona's does */
    uint64_t sum = (uint64_t)__atomic_load_n(value, __ATOMIC_RELAXED) + (uint64_t)amount;
    __atomic_store_n(value, (int64_t)sum, __ATOMIC_RELEASE); /* (V) */
}

static inline int64_t mam_counter_get(const int64_t *value) {
    return __atomic_load_n(value, __ATOMIC_ACQUIRE); /* (V) */
}

static inline int mam_counter_read(const struct mam_counters *counters, int32_t id,
                                   struct mam_counter_info *info) {
    if (id < 0 || id >= counters->capacity)
        return MAM_COUNTERS_BAD_ID;
    const struct mam_counter_metadata *metadata = mam_counter_metadata_at(counters, id);
    int32_t state = __atomic_load_n(&metadata->state, __ATOMIC_ACQUIRE); /* (A) */
    if (state != MAM_COUNTER_ALLOCATED)
        return state == MAM_COUNTER_UNUSED ? MAM_COUNTER_UNUSED : MAM_COUNTER_RECLAIMED;
    const struct mam_counter_value *value = mam_counter_value_at(counters, id);
    int32_t length = __atomic_load_n(&metadata->label_length, __ATOMIC_RELAXED);
    if (length < 0 || length > MAM_COUNTER_LABEL_MAX) /* not ours: show what fits */
        length = MAM_COUNTER_LABEL_MAX;
    memset(info, 0, sizeof *info);
    info->id = id;
    info->state = state;
    info->type = metadata->type;
    info->label_length = length;
    memcpy(info->label, metadata->label, (size_t)length);
    memcpy(info->key, metadata->key, sizeof info->key);
    info->registration = value->registration;
    info->owner = value->owner;
    info->reference = value->reference;
    info->value = mam_counter_get(&value->value);
    return MAM_COUNTER_ALLOCATED;
}

#endif
