#include "journal_reader.h"

#include "assert.h"

#define TRAILER 768U
#define TAIL 128U
#define HEAD 384U
#define HEARTBEAT 640U
#define RECORD_HEADER 8
#define PADDING (-1)
#define POSITION_MAX (INT64_MAX / 2) /* 146 years of 1 GB/s: sums cannot overflow below it */

static int64_t *word(const struct mam_journal_reader *reader, uint64_t offset) {
    return (int64_t *)(void *)(reader->buffer + reader->capacity + offset);
}

static int64_t aligned(int64_t length) {
    return (length + 7) & ~(int64_t)7;
}

int mam_journal_attach(struct mam_journal_reader *reader, uint8_t *region, uint64_t length) {
    if (length < TRAILER + 64 || length > TRAILER + (1U << 30) || ((uintptr_t)region & 7) != 0) {
        return -1;
    }
    const uint64_t capacity = length - TRAILER;
    if ((capacity & (capacity - 1)) != 0) {
        return -1;
    }
    reader->buffer = region;
    reader->capacity = capacity;
    reader->head = __atomic_load_n(word(reader, HEAD), __ATOMIC_ACQUIRE);
    reader->next = reader->head;
    reader->published = reader->head;
    reader->tail = __atomic_load_n(word(reader, TAIL), __ATOMIC_ACQUIRE);
    if (reader->head < 0 || reader->head > POSITION_MAX || (reader->head & 7) != 0) {
        return -1;
    }
    return reader->tail < reader->head || reader->tail - reader->head > (int64_t)capacity ? -1 : 0;
}

/* Whether `end` lies within what the producer has claimed; looks at its tail only when it must. */
static int claimed(struct mam_journal_reader *reader, int64_t end) {
    if (end > reader->tail) {
        reader->tail = __atomic_load_n(word(reader, TAIL), __ATOMIC_ACQUIRE);
    }
    return end <= reader->tail && (uint64_t)(reader->tail - reader->published) <= reader->capacity;
}

/* The record at the head: its length, header included; 0: none; −1: broken. Pairs with the producer's
 * release. */
static int64_t record_at_head(struct mam_journal_reader *reader, int32_t *type) {
    if ((uint64_t)(reader->head - reader->published) >= reader->capacity) {
        return 0; /* the whole ring is read and not yet published */
    }
    const uint64_t index = (uint64_t)reader->head & (reader->capacity - 1);
    int32_t *header = (int32_t *)(void *)(reader->buffer + index);
    const int32_t length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
    if (length <= 0) {
        return 0;
    }
    *type = __atomic_load_n(header + 1, __ATOMIC_RELAXED);
    const int64_t end = aligned(length);
    if (length < RECORD_HEADER || (uint64_t)end > reader->capacity - index) {
        return MAM_JOURNAL_CORRUPT;
    }
    return claimed(reader, reader->head + end) ? length : MAM_JOURNAL_CORRUPT;
}

int64_t mam_journal_next(struct mam_journal_reader *reader, const uint8_t **entry) {
    int32_t type = 0;
    int64_t length = record_at_head(reader, &type);
    if (length > 0 && type == PADDING) {
        reader->head += aligned(length);
        length = record_at_head(reader, &type);
        if (length > 0 && type == PADDING) {
            return MAM_JOURNAL_CORRUPT; /* padding ends at the ring's end: never two in a row */
        }
    }
    if (length <= 0) {
        return length;
    }
    if (type != MAM_JOURNAL_RECORD || length == RECORD_HEADER) {
        return MAM_JOURNAL_CORRUPT;
    }
    reader->next = reader->head + aligned(length);
    *entry = reader->buffer + ((uint64_t)reader->head & (reader->capacity - 1)) + RECORD_HEADER;
    return length - RECORD_HEADER;
}

void mam_journal_advance(struct mam_journal_reader *reader) {
    MAM_ASSERT(reader->next > reader->head);
    reader->head = reader->next;
}

void mam_journal_publish(struct mam_journal_reader *reader) {
    MAM_ASSERT(reader->head >= reader->published);
    __atomic_store_n(word(reader, HEAD), reader->head, __ATOMIC_RELEASE);
    reader->published = reader->head;
}

void mam_journal_heartbeat(struct mam_journal_reader *reader, int64_t milliseconds) {
    __atomic_store_n(word(reader, HEARTBEAT), milliseconds, __ATOMIC_RELEASE);
}
