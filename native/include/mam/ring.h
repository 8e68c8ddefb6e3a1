/* The ring between two processes: binary compatible with Agrona's OneToOneRingBuffer.
 * Header only, C11 or C++17.
 *
 *   0                        capacity                                                capacity + 768
 *   +------------------------+--------+--------+------------+--------+-------------+-----------+
 *   | records ...            | (free) | tail   | head cache | head   | correlation | heartbeat |
 *   +------------------------+--------+--------+------------+--------+-------------+-----------+
 *                            +0       +128     +256         +384     +512          +640
 *
 *   record, at a multiple of 8, never across the end
 *   0               4               8                          length
 *   +---------------+---------------+--------------------------+      length  > 0  committed
 *   | length, int32 | type, int32   | payload, length - 8 bytes|              0    nothing here
 *   +---------------+---------------+--------------------------+            < 0  claimed, being written
 *   the next record starts at length rounded up to 8
 *
 * Positions are int64, in bytes, and only grow; index = position & (capacity - 1). Types >= 1 are the
 * user's; -1 is padding. Capacity is a power of two, 128 ... 2^30; the largest payload is capacity / 8.
 * Little-endian.
 *
 * Who writes what: the producer writes records, tail and head cache; the consumer writes head and heartbeat,
 * and zeroes what it has read (so that many-to-one producers of the Agrona family work too).
 *
 * Who waits for whom, by the marks in the code:
 *   (L) release of +length by the producer -> acquire of length by the consumer:
 *       type and payload are whole.
 *   (H) release of head by the consumer -> acquire of head by the producer:
 *       reading and zeroing are over.
 *   (T) release of tail by the producer -> acquire of tail at attach and by the consumer's checks.
 *       Ours stores it before (L); older producers of the family after, so a reader lets it lag by one write.
 *
 * Invariants: 0 <= tail - head <= capacity - 8; all bytes from tail to head + capacity are free, and the
 * 8 bytes at tail are zero.
 *
 * Trust: neither side believes the other. Each keeps its own position privately, reads each shared word
 * once, checks it, and only then acts. A broken word gives a MAM_RING_CORRUPT_* code that sticks: fence the
 * ring, never repair it. Nothing here allocates, blocks, calls the system or loops on what the other writes.
 *
 * A `struct mam_ring` is one thread's view; it is not shared. One producer and one consumer a ring: nothing
 * here detects two producers.
 */
#ifndef MAM_RING_H
#define MAM_RING_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the shared layout is little-endian"
#endif

/* cdef: begin */
#define MAM_RING_TRAILER 768      /* bytes after the records */
#define MAM_RING_RECORD_HEADER 8  /* bytes: length, type */
#define MAM_RING_CAPACITY_MIN 128 /* bytes */
#define MAM_RING_CAPACITY_MAX 1073741824
#define MAM_RING_TYPE_PADDING -1
#define MAM_RING_TAIL_OFFSET 128 /* these five are counted from capacity */
#define MAM_RING_HEAD_CACHE_OFFSET 256
#define MAM_RING_HEAD_OFFSET 384
#define MAM_RING_CORRELATION_OFFSET 512
#define MAM_RING_HEARTBEAT_OFFSET 640

/* Results; 0 and more is success. */
#define MAM_RING_EMPTY -1         /* nothing to read now */
#define MAM_RING_CLAIMED -2       /* the producer is inside a write; stuck, if this stays so by your clock */
#define MAM_RING_FULL -3          /* no room now; the consumer is behind */
#define MAM_RING_TOO_LONG -4      /* payload over capacity / 8, or the buffer cannot take even one record */
#define MAM_RING_BAD_TYPE -5      /* type under 1 */
#define MAM_RING_BUSY -6          /* a claim is open: commit or abort it first */
#define MAM_RING_BAD_SIZE -7      /* attach: length is not 2^n + 768 within the limits */
#define MAM_RING_BAD_ALIGNMENT -8 /* attach: memory is not aligned to 8 */
#define MAM_RING_CORRUPT_LENGTH -16 /* a record's length is under 8 or over the largest */
#define MAM_RING_CORRUPT_TYPE -17   /* a record's type is neither >= 1 nor padding */
#define MAM_RING_CORRUPT_BOUNDS -18 /* a record crosses the end of the buffer */
#define MAM_RING_CORRUPT_TAIL -19   /* tail is odd, far behind what was read, or too far ahead */
#define MAM_RING_CORRUPT_HEAD -20   /* head is odd, went back, or is ahead of what was written */

struct mam_ring {
    uint8_t *buffer;      /* the shared memory */
    int64_t capacity;     /* bytes of records */
    int64_t record_max;   /* bytes: header and the largest payload */
    int64_t head;         /* consumer: our own position; the shared one only reports it */
    int64_t published;    /* consumer: the shared head; from here to ours is consumed, not yet zeroed */
    int64_t tail_due;     /* consumer: the shared tail is looked at again beyond this position */
    int64_t tail;         /* producer: our own position */
    int64_t head_seen;    /* producer: the last checked shared head */
    int64_t claimed;      /* producer: index of the open claim, or -1 */
    int64_t first;        /* producer: index of the batch's first record, withheld until mam_ring_flush; -1 */
    int32_t first_length; /* producer: what is then stored there */
    int32_t first_type;
    int32_t batching; /* producer: 1: records wait for mam_ring_flush */
    int32_t claim_type;
    int32_t claim_length; /* producer: length of that record, header included */
    int32_t error;        /* 0, or the MAM_RING_CORRUPT_* code that sticks */
    int32_t kept_length;  /* producer: bytes of the batch's first payload that wait in `kept` */
    int64_t kept[32];
};

/* Start a view at the positions found in memory. `length` is capacity + 768 bytes. 0, BAD_SIZE,
 * BAD_ALIGNMENT, CORRUPT_HEAD or CORRUPT_TAIL. Writes nothing. */
static inline int mam_ring_attach(struct mam_ring *ring, void *memory, size_t length);
/* Largest payload, bytes. */
static inline uint32_t mam_ring_payload_max(const struct mam_ring *ring);
/* Bytes that a record with `length` bytes of payload takes in the ring. */
static inline int64_t mam_ring_space(uint32_t length);

/* Producer: copy one message in. 0, FULL, TOO_LONG, BAD_TYPE, BUSY or CORRUPT_HEAD. */
static inline int mam_ring_write(struct mam_ring *ring, int32_t type, const void *source, uint32_t length);
/* Producer: reserve `length` bytes of payload (aligned to 8, content undefined) to be filled in place. One
 * claim at a time; the reader waits until mam_ring_commit or mam_ring_abort. Results as mam_ring_write. */
static inline int mam_ring_claim(struct mam_ring *ring, int32_t type, uint32_t length, void **payload);
static inline void mam_ring_commit(struct mam_ring *ring);
static inline void mam_ring_abort(struct mam_ring *ring);
/* Producer: with `on`, what is written from now on stays unseen until mam_ring_flush, and then is seen whole,
 * in order: far cheaper, for both, than record by record. A reader that polls meanwhile looks at one line of
 * it, the first record's, and the producer leaves that one alone until the flush (a short payload waits in
 * `kept`): else the line would go back and forth with each store. A producer that dies before the flush has
 * written nothing. Off: flush first. */
static inline void mam_ring_batch(struct mam_ring *ring, int on);
static inline void mam_ring_flush(struct mam_ring *ring);
/* Producer: how many bytes of records, counted by mam_ring_space, surely fit now, when no payload among them
 * is over `largest`. Looks at the shared head only when what is known is less than `wanted`. Negative:
 * CORRUPT_HEAD. */
static inline int64_t mam_ring_free(struct mam_ring *ring, int64_t wanted, uint32_t largest);

/* Consumer: copy the next message out and release its room. Returns the payload's length; when that is over
 * `capacity` only the first `capacity` bytes were copied, and the rest is gone. Or EMPTY, CLAIMED, CORRUPT_*.
 * At most two records (padding and a message) a call. `type` is written only for a message. */
static inline int32_t mam_ring_read(struct mam_ring *ring, void *destination, uint32_t capacity,
                                    int32_t *type);
/* The same, but its room is released only by mam_ring_publish, or when half the ring has been taken. Once a
 * batch is cheaper; after the answer has been sent, the answer is earlier. Whoever dies between the two sees
 * the messages again. */
static inline int32_t mam_ring_take(struct mam_ring *ring, void *destination, uint32_t capacity,
                                    int32_t *type);
static inline void mam_ring_publish(struct mam_ring *ring);
/* Consumer: copy up to `max` messages, each as [int32 payload length][int32 type][payload, zero-padded to 8].
 * Returns how many, with the bytes used in `*used`; none: EMPTY, CLAIMED, CORRUPT_*, or TOO_LONG when the
 * first does not fit. What follows good records in a batch is reported by the next call. */
static inline int32_t mam_ring_read_batch(struct mam_ring *ring, void *destination, uint32_t capacity,
                                          uint32_t max, uint32_t *used);
/* Consumer: compare the shared tail with our position. 0 or CORRUPT_TAIL. Reading does this by itself every
 * eighth of the capacity; a host does it now and then for a silent ring. Costs the producer a cache miss. */
static inline int mam_ring_check(struct mam_ring *ring);
/* Consumer: bytes between our position and the shared tail (claims and padding counted), or CORRUPT_TAIL. */
static inline int64_t mam_ring_backlog(struct mam_ring *ring);
/* Consumer: say that we live; ms since the Unix epoch, by convention. Read by anyone. */
static inline void mam_ring_set_heartbeat(struct mam_ring *ring, int64_t now_ms);
static inline int64_t mam_ring_heartbeat(const struct mam_ring *ring);
/* Nobody else active: is every record from head to tail whole? 0, CLAIMED (a write was cut off) or CORRUPT_*.
 */
static inline int mam_ring_inspect(const struct mam_ring *ring);
/* The code as a sentence, in static memory. */
static inline const char *mam_ring_text(int code);
/* cdef: end */

#define MAM_RING_POSITION_MAX                                                                                \
    (INT64_MAX / 2) /* 146 years of 1 GB/s; sums of positions cannot overflow below it */
#define MAM_RING_LIKELY(x) __builtin_expect(!!(x), 1)

static inline int64_t mam_ring_aligned(int64_t length) {
    return (length + 7) & ~(int64_t)7;
}

static inline int64_t *mam_ring_word(const struct mam_ring *ring, int64_t offset) {
    return (int64_t *)(void *)(ring->buffer + ring->capacity + offset);
}

static inline int32_t *mam_ring_length_at(const struct mam_ring *ring, int64_t index) {
    return (int32_t *)(void *)(ring->buffer + index);
}

static inline int32_t *mam_ring_type_at(const struct mam_ring *ring, int64_t index) {
    return (int32_t *)(void *)(ring->buffer + index + 4);
}

static inline uint32_t mam_ring_payload_max(const struct mam_ring *ring) {
    return (uint32_t)(ring->record_max - MAM_RING_RECORD_HEADER);
}

static inline int64_t mam_ring_space(uint32_t length) {
    return mam_ring_aligned((int64_t)length + MAM_RING_RECORD_HEADER);
}

static inline int mam_ring_fence(struct mam_ring *ring, int code) {
    ring->error = code;
    return code;
}

static inline int mam_ring_attach(struct mam_ring *ring, void *memory, size_t length) {
    if (length < MAM_RING_CAPACITY_MIN + MAM_RING_TRAILER ||
        length > MAM_RING_CAPACITY_MAX + MAM_RING_TRAILER)
        return MAM_RING_BAD_SIZE;
    int64_t capacity = (int64_t)length - MAM_RING_TRAILER;
    if ((capacity & (capacity - 1)) != 0)
        return MAM_RING_BAD_SIZE;
    if (((uintptr_t)memory & 7) != 0)
        return MAM_RING_BAD_ALIGNMENT;
    memset(ring, 0, sizeof *ring);
    ring->buffer = (uint8_t *)memory;
    ring->capacity = capacity;
    ring->record_max = capacity / 8 + MAM_RING_RECORD_HEADER;
    ring->claimed = -1;
    ring->first = -1;
    /* head before tail: both only grow, so a live peer cannot make the difference negative */
    int64_t head = __atomic_load_n(mam_ring_word(ring, MAM_RING_HEAD_OFFSET), __ATOMIC_ACQUIRE);
    int64_t tail = __atomic_load_n(mam_ring_word(ring, MAM_RING_TAIL_OFFSET), __ATOMIC_ACQUIRE);
    if (head < 0 || head > MAM_RING_POSITION_MAX || (head & 7) != 0)
        return MAM_RING_CORRUPT_HEAD;
    if (tail < head || tail > MAM_RING_POSITION_MAX || (tail & 7) != 0)
        return MAM_RING_CORRUPT_TAIL;
    if (tail - head > capacity)
        return MAM_RING_CORRUPT_TAIL;
    ring->head = head;
    ring->published = head;
    ring->tail_due = head;
    ring->tail = tail;
    ring->head_seen =
        tail - capacity; /* nothing known to be free: the first write looks, and sets the head cache */
    return 0;
}

/* ---- producer ---- */

/* Make `needed` bytes from tail on known to be free. */
static inline int mam_ring_reserve(struct mam_ring *ring, int64_t needed) {
    if (MAM_RING_LIKELY(ring->tail + needed - ring->head_seen <= ring->capacity))
        return 0;
    int64_t head = __atomic_load_n(mam_ring_word(ring, MAM_RING_HEAD_OFFSET), __ATOMIC_ACQUIRE); /* (H) */
    if (head < ring->head_seen || head > ring->tail || (head & 7) != 0)
        return mam_ring_fence(ring, MAM_RING_CORRUPT_HEAD);
    ring->head_seen = head;
    /* kept for a stock producer that takes over after us */
    __atomic_store_n(mam_ring_word(ring, MAM_RING_HEAD_CACHE_OFFSET), head, __ATOMIC_RELAXED);
    return ring->tail + needed - head <= ring->capacity ? 0 : MAM_RING_FULL;
}

static inline void mam_ring_zero_header(struct mam_ring *ring, int64_t index) {
    __atomic_store_n((int64_t *)(void *)(ring->buffer + index), (int64_t)0, __ATOMIC_RELAXED);
}

/* A whole record's header in one store; in a batch the first one's waits for the flush, its length staying 0.
 */
static inline void mam_ring_put_header(struct mam_ring *ring, int64_t index, int32_t length, int32_t type) {
    if (ring->first < 0) {
        ring->first = index;
        ring->first_length = length;
        ring->first_type = type;
        return;
    }
    int64_t header = (int64_t)((uint64_t)(uint32_t)length | (uint64_t)(uint32_t)type << 32);
    __atomic_store_n((int64_t *)(void *)(ring->buffer + index), header, __ATOMIC_RELAXED);
}

/* Fill from index to the end with one padding record; writing goes on at index 0. */
static inline void mam_ring_pad(struct mam_ring *ring, int64_t index, int64_t padding) {
    mam_ring_zero_header(ring, 0);
    if (ring->batching) {
        mam_ring_put_header(ring, index, (int32_t)padding, MAM_RING_TYPE_PADDING);
        return;
    }
    __atomic_store_n(mam_ring_length_at(ring, index), (int32_t)-padding, __ATOMIC_RELEASE);
    __atomic_store_n(mam_ring_type_at(ring, index), MAM_RING_TYPE_PADDING, __ATOMIC_RELAXED);
    __atomic_store_n(mam_ring_length_at(ring, index), (int32_t)padding, __ATOMIC_RELEASE); /* (L) */
}

/* Finds the place of a record, padding before it where it must be, and moves tail. Index, or a code. */
static inline int64_t mam_ring_place(struct mam_ring *ring, int32_t type, uint32_t length) {
    if (type < 1)
        return MAM_RING_BAD_TYPE;
    if (length > mam_ring_payload_max(ring))
        return MAM_RING_TOO_LONG;
    if (ring->claimed >= 0)
        return MAM_RING_BUSY;
    if (ring->error != 0)
        return ring->error;
    int64_t space = mam_ring_space(length);
    int64_t index = ring->tail & (ring->capacity - 1);
    int64_t to_end = ring->capacity - index;
    int64_t padding = (space + MAM_RING_RECORD_HEADER > to_end && space != to_end) ? to_end : 0;
    int status = mam_ring_reserve(ring, padding + space + MAM_RING_RECORD_HEADER);
    if (status != 0)
        return status;
    ring->tail += padding + space;
    if (!ring->batching)
        __atomic_store_n(mam_ring_word(ring, MAM_RING_TAIL_OFFSET), ring->tail, __ATOMIC_RELEASE); /* (T) */
    if (padding != 0) {
        mam_ring_pad(ring, index, padding);
        index = 0;
    }
    mam_ring_zero_header(ring, (index + space) & (ring->capacity - 1));
    return index;
}

static inline int mam_ring_claim(struct mam_ring *ring, int32_t type, uint32_t length, void **payload) {
    int64_t index = mam_ring_place(ring, type, length);
    if (index < 0)
        return (int)index;
    ring->claimed = index;
    ring->claim_length = (int32_t)length + MAM_RING_RECORD_HEADER;
    ring->claim_type = type;
    if (!ring->batching) {
        __atomic_store_n(mam_ring_length_at(ring, index), -ring->claim_length, __ATOMIC_RELEASE);
        __atomic_store_n(mam_ring_type_at(ring, index), type, __ATOMIC_RELAXED);
    }
    *payload = ring->buffer + index + MAM_RING_RECORD_HEADER;
    if (ring->batching && ring->first < 0 && length <= sizeof ring->kept) {
        ring->kept_length = (int32_t)length;
        *payload = ring->kept;
    }
    return 0;
}

static inline void mam_ring_commit(struct mam_ring *ring) {
    if (ring->claimed < 0)
        return;
    if (ring->batching)
        mam_ring_put_header(ring, ring->claimed, ring->claim_length, ring->claim_type);
    else
        __atomic_store_n(mam_ring_length_at(ring, ring->claimed), ring->claim_length,
                         __ATOMIC_RELEASE); /* (L) */
    ring->claimed = -1;
}

static inline void mam_ring_abort(struct mam_ring *ring) {
    if (ring->claimed < 0)
        return;
    ring->claim_type = MAM_RING_TYPE_PADDING;
    if (!ring->batching)
        __atomic_store_n(mam_ring_type_at(ring, ring->claimed), MAM_RING_TYPE_PADDING, __ATOMIC_RELAXED);
    mam_ring_commit(ring);
}

static inline void mam_ring_batch(struct mam_ring *ring, int on) {
    ring->batching = on;
}

/*
 * Copies into a record, eight bytes a store. Not memcpy: its wide stores cross cache lines here (records are
 * aligned to 8 only), and a store that crosses into a line which another core holds waits for that line
 * alone; stores within lines wait for many at a time.
 */
static inline void mam_ring_copy(void *record, const void *source, uint32_t length) {
    const uint8_t *from = (const uint8_t *)source;
    int64_t *to = (int64_t *)record;
    for (; length >= 8; length -= 8, from += 8, to++) {
        int64_t word;
        memcpy(&word, from, sizeof word);
        __atomic_store_n(to, word, __ATOMIC_RELAXED);
    }
    if (length != 0)
        memcpy(to, from, length);
}

static inline void mam_ring_flush(struct mam_ring *ring) {
    if (ring->first < 0)
        return;
    uint8_t *record = ring->buffer + ring->first;
    int64_t header =
        (int64_t)((uint64_t)(uint32_t)ring->first_length | (uint64_t)(uint32_t)ring->first_type << 32);
    __atomic_store_n(mam_ring_word(ring, MAM_RING_TAIL_OFFSET), ring->tail, __ATOMIC_RELEASE); /* (T) */
    mam_ring_copy(record + MAM_RING_RECORD_HEADER, ring->kept, (uint32_t)ring->kept_length);
    __atomic_store_n((int64_t *)(void *)record, header, __ATOMIC_RELEASE); /* (L) */
    ring->first = -1;
    ring->kept_length = 0;
}

/*
 * Unlike claim and commit it never shows a negative length: the header is stored last, whole (as older ports
 * of the family do), and with it all that shares its cache line. A reader that polls takes that line once.
 */
static inline int mam_ring_write(struct mam_ring *ring, int32_t type, const void *source, uint32_t length) {
    if (ring->batching) {
        void *payload = NULL;
        int status = mam_ring_claim(ring, type, length, &payload);
        if (status != 0)
            return status;
        mam_ring_copy(payload, source, length);
        mam_ring_commit(ring);
        return 0;
    }
    int64_t index = mam_ring_place(ring, type, length);
    if (index < 0)
        return (int)index;
    uint8_t *record = ring->buffer + index;
    uint32_t first = 56 - ((uint32_t)index & 56); /* of the payload, in the header's line */
    if (length > first) {
        mam_ring_copy(record + MAM_RING_RECORD_HEADER + first, (const uint8_t *)source + first,
                      length - first);
        mam_ring_copy(record + MAM_RING_RECORD_HEADER, source, first);
    } else {
        mam_ring_copy(record + MAM_RING_RECORD_HEADER, source, length);
    }
    int64_t header = (int64_t)((uint64_t)(length + MAM_RING_RECORD_HEADER) | (uint64_t)(uint32_t)type << 32);
    __atomic_store_n((int64_t *)(void *)record, header, __ATOMIC_RELEASE); /* (L) */
    return 0;
}

static inline int64_t mam_ring_free(struct mam_ring *ring, int64_t wanted, uint32_t largest) {
    /* lost at worst: padding before the end (less than the record that did not fit), and the next record's
     * header */
    int64_t slack = mam_ring_space(largest) + MAM_RING_RECORD_HEADER;
    int status = ring->error != 0 ? ring->error : mam_ring_reserve(ring, wanted + slack);
    if (status != 0 && status != MAM_RING_FULL)
        return status;
    int64_t sure = ring->capacity - (ring->tail - ring->head_seen) - slack;
    return sure > 0 ? sure : 0;
}

/* ---- consumer ---- */

static inline int64_t mam_ring_backlog(struct mam_ring *ring) {
    if (ring->error != 0)
        return ring->error;
    int64_t tail = __atomic_load_n(mam_ring_word(ring, MAM_RING_TAIL_OFFSET), __ATOMIC_ACQUIRE); /* (T) */
    int64_t ahead = (int64_t)((uint64_t)tail - (uint64_t)ring->head); /* tail may be anything: no overflow */
    int64_t lag = 2 * mam_ring_aligned(ring->record_max);             /* one write: padding and a record */
    if ((tail & 7) != 0 || ahead < -lag || ahead > ring->capacity)
        return mam_ring_fence(ring, MAM_RING_CORRUPT_TAIL);
    return ahead > 0 ? ahead : 0;
}

static inline int mam_ring_check(struct mam_ring *ring) {
    int64_t backlog = mam_ring_backlog(ring);
    if (backlog < 0)
        return (int)backlog;
    /* not at every record: that would cost a cache-line transfer each */
    int64_t later = ring->capacity / 8;
    ring->tail_due = ring->head + (backlog > later ? backlog : later);
    return 0;
}

/* What is wrong with this record, by its header as read once? 0: nothing. */
static inline int mam_ring_judge(const struct mam_ring *ring, int64_t index, int32_t length, int32_t type) {
    int64_t longest = type == MAM_RING_TYPE_PADDING ? mam_ring_aligned(ring->record_max) : ring->record_max;
    if (length < MAM_RING_RECORD_HEADER || length > longest)
        return MAM_RING_CORRUPT_LENGTH;
    if (type < 1 && type != MAM_RING_TYPE_PADDING)
        return MAM_RING_CORRUPT_TYPE;
    if (mam_ring_aligned(length) > ring->capacity - index)
        return MAM_RING_CORRUPT_BOUNDS;
    return 0;
}

/* The checked header of the next record; consumes nothing. Payload length (padding too), or EMPTY, CLAIMED,
 * CORRUPT. */
static inline int32_t mam_ring_peek(struct mam_ring *ring, int32_t *type) {
    if (ring->error != 0)
        return ring->error;
    int64_t index = ring->head & (ring->capacity - 1);
    int32_t length = __atomic_load_n(mam_ring_length_at(ring, index), __ATOMIC_ACQUIRE); /* (L) */
    if (length <= 0) {
        /* a message is seldom in one line: the next one is then on its way together with this one */
        __builtin_prefetch(ring->buffer + ((index + 64) & (ring->capacity - 1)));
        return length == 0 ? MAM_RING_EMPTY : MAM_RING_CLAIMED;
    }
    *type = __atomic_load_n(mam_ring_type_at(ring, index), __ATOMIC_RELAXED);
    int status = mam_ring_judge(ring, index, length, *type);
    if (status != 0)
        return mam_ring_fence(ring, status);
    int64_t space = mam_ring_aligned(length);
    if (ring->head + space > ring->tail_due && mam_ring_check(ring) != 0)
        return ring->error;
    return length - MAM_RING_RECORD_HEADER;
}

/* Zero what was consumed, at most half the ring, then release it. Zeroing waits until here because it takes
 * the record's cache lines away from the producer: an answer that is sent first does not wait for them. */
static inline void mam_ring_publish(struct mam_ring *ring) {
    int64_t start = ring->published & (ring->capacity - 1), used = ring->head - ring->published;
    int64_t to_end = ring->capacity - start, first = used < to_end ? used : to_end;
    memset(ring->buffer + start, 0, (size_t)first);
    if (used > first)
        memset(ring->buffer, 0, (size_t)(used - first));
    ring->published = ring->head;
    __atomic_store_n(mam_ring_word(ring, MAM_RING_HEAD_OFFSET), ring->head, __ATOMIC_RELEASE); /* (H) */
}

/* Copy `copied` bytes of the peeked record out and step over it. */
static inline void mam_ring_consume(struct mam_ring *ring, int32_t length, void *destination,
                                    uint32_t copied) {
    uint8_t *record = ring->buffer + (ring->head & (ring->capacity - 1));
    if (copied != 0)
        memcpy(destination, record + MAM_RING_RECORD_HEADER, copied);
    ring->head += mam_ring_space((uint32_t)length);
    /* not later: a lap over records that are not zeroed yet would find them again */
    if (ring->head - ring->published >= ring->capacity / 2)
        mam_ring_publish(ring);
}

static inline int32_t mam_ring_take(struct mam_ring *ring, void *destination, uint32_t capacity,
                                    int32_t *type) {
    for (int step = 0; step < 2; step++) {
        int32_t kind = 0;
        int32_t length = mam_ring_peek(ring, &kind);
        if (length < 0)
            return length;
        if (MAM_RING_LIKELY(kind != MAM_RING_TYPE_PADDING)) {
            mam_ring_consume(ring, length, destination,
                             (uint32_t)length < capacity ? (uint32_t)length : capacity);
            *type = kind;
            return length;
        }
        mam_ring_consume(ring, length, NULL, 0);
    }
    return MAM_RING_EMPTY;
}

static inline int32_t mam_ring_read(struct mam_ring *ring, void *destination, uint32_t capacity,
                                    int32_t *type) {
    int32_t length = mam_ring_take(ring, destination, capacity, type);
    if (ring->head != ring->published)
        mam_ring_publish(ring);
    return length;
}

static inline int32_t mam_ring_read_batch(struct mam_ring *ring, void *destination, uint32_t capacity,
                                          uint32_t max, uint32_t *used) {
    uint8_t *out = (uint8_t *)destination;
    uint32_t offset = 0, skipped = 0;
    int32_t count = 0, status = MAM_RING_EMPTY;
    while ((uint32_t)count < max && skipped <= max) {
        int32_t header[2] = {0, 0};
        header[0] = status = mam_ring_peek(ring, &header[1]);
        if (status < 0)
            break;
        if (header[1] == MAM_RING_TYPE_PADDING) {
            mam_ring_consume(ring, header[0], NULL, 0);
            skipped++;
            status = MAM_RING_EMPTY;
            continue;
        }
        int64_t space = mam_ring_space((uint32_t)header[0]); /* the copy has the size of the record */
        status = MAM_RING_TOO_LONG;
        if (space > (int64_t)(capacity - offset))
            break;
        memset(out + offset + space - 8, 0, 8);
        memcpy(out + offset, header, sizeof header);
        mam_ring_consume(ring, header[0], out + offset + sizeof header, (uint32_t)header[0]);
        offset += (uint32_t)space;
        count++;
    }
    if (ring->head != ring->published)
        mam_ring_publish(ring);
    *used = offset;
    return count > 0 ? count : status;
}

static inline void mam_ring_set_heartbeat(struct mam_ring *ring, int64_t now_ms) {
    __atomic_store_n(mam_ring_word(ring, MAM_RING_HEARTBEAT_OFFSET), now_ms, __ATOMIC_RELEASE);
}

static inline int64_t mam_ring_heartbeat(const struct mam_ring *ring) {
    return __atomic_load_n(mam_ring_word(ring, MAM_RING_HEARTBEAT_OFFSET), __ATOMIC_ACQUIRE);
}

static inline int mam_ring_inspect(const struct mam_ring *ring) {
    int64_t head = ring->head;
    while (head < ring->tail) { /* each turn moves at least 8 bytes: at most capacity / 8 turns */
        int64_t index = head & (ring->capacity - 1);
        int32_t length = __atomic_load_n(mam_ring_length_at(ring, index), __ATOMIC_ACQUIRE);
        if (length <= 0)
            return MAM_RING_CLAIMED;
        int32_t type = __atomic_load_n(mam_ring_type_at(ring, index), __ATOMIC_RELAXED);
        int status = mam_ring_judge(ring, index, length, type);
        if (status != 0)
            return status;
        head += mam_ring_aligned(length);
    }
    return head == ring->tail ? 0 : MAM_RING_CORRUPT_TAIL;
}

static inline const char *mam_ring_text(int code) {
    switch (code) {
    case MAM_RING_EMPTY:
        return "the ring is empty";
    case MAM_RING_CLAIMED:
        return "the producer is inside a write";
    case MAM_RING_FULL:
        return "the ring is full";
    case MAM_RING_TOO_LONG:
        return "the message is too long";
    case MAM_RING_BAD_TYPE:
        return "the message type is under 1";
    case MAM_RING_BUSY:
        return "a claim is open";
    case MAM_RING_BAD_SIZE:
        return "the length is not a power of two plus 768 bytes";
    case MAM_RING_BAD_ALIGNMENT:
        return "the memory is not aligned to 8 bytes";
    case MAM_RING_CORRUPT_LENGTH:
        return "corrupt ring: a record's length is out of range";
    case MAM_RING_CORRUPT_TYPE:
        return "corrupt ring: a record's type is neither a message nor padding";
    case MAM_RING_CORRUPT_BOUNDS:
        return "corrupt ring: a record crosses the end of the buffer";
    case MAM_RING_CORRUPT_TAIL:
        return "corrupt ring: the producer's position does not fit the consumer's";
    case MAM_RING_CORRUPT_HEAD:
        return "corrupt ring: the consumer's position does not fit the producer's";
    default:
        return code >= 0 ? "success" : "unknown ring error";
    }
}

#endif
