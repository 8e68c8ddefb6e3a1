#include "loop_resume.h"

#include <mam/directory.h>
#include <stdio.h>
#include <time.h>

#include "loop_state.h"
#include "snapshot.h"

#define SETTLE_ROUNDS 100 /* ms that a reader gets to finish giving back what it read */

static int64_t shared(const struct mam_ring *ring, int64_t offset) {
    return __atomic_load_n(mam_ring_word(ring, offset), __ATOMIC_ACQUIRE);
}

static int32_t length_at(const struct mam_ring *ring, int64_t position) {
    return __atomic_load_n(mam_ring_length_at(ring, position & (ring->capacity - 1)), __ATOMIC_ACQUIRE);
}

static int32_t type_at(const struct mam_ring *ring, int64_t position) {
    return __atomic_load_n(mam_ring_type_at(ring, position & (ring->capacity - 1)), __ATOMIC_RELAXED);
}

/* Nothing was ever written from `tail` on. */
static void take_back(struct mam_ring *ring, int64_t tail) {
    mam_ring_zero_header(ring, tail & (ring->capacity - 1));
    __atomic_store_n(mam_ring_word(ring, MAM_RING_TAIL_OFFSET), tail, __ATOMIC_RELEASE);
    ring->tail = tail;
    ring->head_seen = tail - ring->capacity;
}

/* The journal's reader leaves records as they are: walk them to the first that is not finished. */
static int mend_journal(struct mam_ring *ring) {
    int64_t at = shared(ring, MAM_RING_HEAD_OFFSET);
    while (at < ring->tail) {
        int32_t length = length_at(ring, at);
        if (length <= 0) {
            take_back(ring, at);
            return 0;
        }
        if (mam_ring_judge(ring, at & (ring->capacity - 1), length, type_at(ring, at)) != 0) {
            return -1;
        }
        at += mam_ring_aligned(length);
    }
    return at == ring->tail ? 0 : -1;
}

/*
 * Is there a finished record at `at`? Its reader may be at work: what it has read is zero before the head
 * says so. A bridge that was killed just there, as was the engine just here, would get this one output again.
 */
static int finished(const struct mam_ring *ring, int64_t at) {
    for (int round = 0; round < SETTLE_ROUNDS; round++) {
        if (shared(ring, MAM_RING_HEAD_OFFSET) > at || length_at(ring, at) > 0) {
            return 1;
        }
        if (length_at(ring, at) < 0) {
            return 0;
        }
        const struct timespec moment = {.tv_nsec = 1000000};
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* What the loop wrote is one flush, seen whole or taken back; what the daemon wrote, record by record. */
void mam_loop_mend_out(struct mam_ring *ring, int64_t tail) {
    int64_t at = tail;
    while (at < ring->tail) {
        int64_t head = shared(ring, MAM_RING_HEAD_OFFSET);
        if (head > at && head <= ring->tail) {
            at = head;
        } else if (!finished(ring, at)) {
            take_back(ring, at);
            return;
        } else {
            int32_t length = length_at(ring, at);
            at += length > 0 ? mam_ring_aligned(length) : 0;
        }
    }
}

/* Nobody knows what the bridge has: it asks. */
static int begin_new_rings(struct lane *lane) {
    lane->told = UINT64_MAX;
    lane->told_tail = lane->end_tail = lane->out.tail;
    return 0;
}

static int begin_lane(struct lane *lane, uint64_t generation) {
    if (lane->recovery == NULL) {
        return -1;
    }
    if ((uint64_t)lane->recovery[RECOVERY_GENERATION] != generation) {
        return begin_new_rings(lane); /* renewed, and never taken up */
    }
    int64_t which = lane->recovery[RECOVERY_WHICH] & 1;
    int64_t tail = lane->recovery[RECOVERY_TAIL + 2 * which];
    if (tail > lane->out.tail || lane->out.tail - tail > lane->out.capacity) {
        return -1;
    }
    mam_loop_mend_out(&lane->out, tail);
    lane->told = lane->last_put = (uint64_t)lane->recovery[RECOVERY_SEQUENCE + 2 * which];
    lane->told_tail = tail;
    lane->end_tail = lane->out.tail;
    return 0;
}

int mam_loop_resume_begin(struct mam_loop *loop, char *error) {
    if (mend_journal(&loop->journal) != 0) {
        snprintf(error, 200, "the journal ring is broken");
        return -1;
    }
    if (loop->journal.tail == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct lane *lane = &loop->lanes[i];
        const struct mam_directory *directory = loop->config.directory;
        if (begin_lane(lane, directory == NULL ? 0 : directory->bridges[i].generation) != 0) {
            snprintf(error, 200, "bridge %.31s: nothing tells which outputs its ring has got",
                     loop->config.bridges[i].name);
            return -1;
        }
        if (directory != NULL) {
            lane->in_fenced = directory->bridges[i].in_state == MAM_STATE_FENCED;
            lane->out_fenced = directory->bridges[i].out_state == MAM_STATE_FENCED;
        }
    }
    return 1;
}

void mam_loop_restore_begin(struct mam_loop *loop, uint64_t lost) {
    loop->lost = (int64_t)lost;
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        begin_new_rings(&loop->lanes[i]);
    }
}

int mam_loop_drained(const struct mam_loop *loop) {
    return shared(&loop->journal, MAM_RING_HEAD_OFFSET) == loop->journal.tail;
}

/* Is this output, the next one that is not told of, among those that were flushed but not told of any more?
 * Their lengths are known, and so is where each record stands (mam_ring_claim). */
static int is_in_ring(struct lane *lane, uint32_t length) {
    if (lane->told_tail >= lane->end_tail) {
        return 0;
    }
    int64_t space = mam_ring_space(length);
    int64_t to_end = lane->out.capacity - (lane->told_tail & (lane->out.capacity - 1));
    int padded = space + MAM_RING_RECORD_HEADER > to_end && space != to_end;
    lane->told_tail += (padded ? to_end : 0) + space;
    return 1;
}

static int hold_missing(struct mam_loop *loop, uint32_t bridge, const void *message, uint32_t length,
                        uint64_t records) {
    if (bridge == MAM_BRIDGE_JOURNAL) {
        return 0;
    }
    struct lane *lane = &loop->lanes[bridge - 1];
    uint64_t sequence;
    memcpy(&sequence, (const uint8_t *)message + sizeof(struct mam_header), sizeof sequence);
    if (sequence <= lane->told || is_in_ring(lane, length)) {
        lane->last_put = sequence;
        lane->released = (int64_t)sequence;
        return 0;
    }
    if (lane->out_fenced) {
        lane->dropped++;
        return 0;
    }
    return mam_loop_hold(lane, message, length, records);
}

/* What the loop itself remembers of what it told the engine. */
static void see_host(struct mam_loop *loop, const void *message, uint32_t length) {
    struct mam_log_state state;
    const struct mam_header *header = message;
    if (length >= sizeof state && header->template_id == MAM_LOG_STATE_ID) {
        memcpy(&state, message, sizeof state);
        loop->suspended = state.suspended;
    }
}

/* Each entry of the log, once the engine has said the same. */
static int seen(void *context, const struct mam_entry_header *header, const void *message) {
    struct mam_loop *loop = context;
    if (header->kind == MAM_ENTRY_OUTPUT) {
        return hold_missing(loop, header->bridge, message, header->length, header->sequence + 1);
    }
    loop->consumed++;
    loop->last_source = header->bridge;
    loop->last_length = header->length;
    if (header->bridge == MAM_BRIDGE_HOST) {
        loop->host_sequence++;
        see_host(loop, message, header->length);
    } else {
        loop->lanes[header->bridge - 1].consumed++;
    }
    memcpy(loop->last_input, message, header->length < MAM_INPUT_MAX ? header->length : MAM_INPUT_MAX);
    return 0;
}

void mam_loop_empty_hold(struct lane *lane) {
    mam_ring_attach(&lane->hold, lane->hold.buffer, (size_t)(lane->hold.capacity + MAM_RING_TRAILER));
    lane->hold.head = lane->hold.published = lane->hold.tail_due = lane->hold.tail;
    __atomic_store_n(mam_ring_word(&lane->hold, MAM_RING_HEAD_OFFSET), lane->hold.tail, __ATOMIC_RELAXED);
    lane->held = 0;
}

void mam_loop_resume_open(struct mam_loop *loop, struct mam_replay *replay, uint8_t *bytes,
                          uint64_t capacity) {
    loop->engine = mam_engine_create(loop->engine, &loop->config.limits);
    loop->consumed = 0;
    loop->host_sequence = 0;
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct lane *lane = &loop->lanes[i];
        mam_loop_empty_hold(lane);
        lane->consumed = lane->released = lane->dropped = 0;
    }
    replay->seen = seen;
    replay->context = loop;
    mam_replay_open(replay, loop->engine, bytes, capacity);
}

void *mam_loop_resume_memory(struct mam_loop *loop) {
    return loop->engine;
}

int mam_loop_resume_thaw(struct mam_loop *loop, struct mam_replay *replay, uint8_t *bytes,
                         uint64_t capacity) {
    struct mam_engine *engine = mam_engine_thaw(loop->engine, &loop->config.limits);
    loop->consumed = 0;
    if (engine == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct lane *lane = &loop->lanes[i];
        uint64_t last = mam_engine_last_output(engine, i + 1);
        if (!lane->out_fenced && lane->told < last) {
            return -1; /* it waits for outputs of before */
        }
        lane->consumed = (int64_t)replay->consumed[i + 1];
        lane->released = (int64_t)last;
        lane->last_put = last;
        loop->consumed += lane->consumed;
    }
    loop->consumed += (int64_t)replay->consumed[0];
    loop->host_sequence = mam_engine_last_input(engine, MAM_BRIDGE_HOST);
    loop->suspended = mam_engine_log_behind(engine);
    replay->seen = seen;
    replay->context = loop;
    mam_replay_open(replay, engine, bytes, capacity);
    return 0;
}

/* The record at the head is the last message that was journaled: its engine was killed before it said so. */
static int is_last_input(struct mam_loop *loop, uint32_t bridge, int64_t *space) {
    struct lane *lane = &loop->lanes[bridge - 1];
    int32_t type = 0, length = mam_ring_peek(&lane->in, &type);
    if (length >= 0 && type == MAM_RING_TYPE_PADDING) {
        mam_ring_consume(&lane->in, length, NULL, 0);
        length = mam_ring_peek(&lane->in, &type);
    }
    if (length < 0 || loop->last_source != bridge || type == MAM_RING_TYPE_PADDING) {
        return 0;
    }
    const uint8_t *record = lane->in.buffer + (lane->in.head & (lane->in.capacity - 1));
    *space = length;
    uint32_t taken = mam_loop_taken(record + MAM_RING_RECORD_HEADER, length, type);
    return taken == loop->last_length &&
           memcmp(record + MAM_RING_RECORD_HEADER, loop->last_input, taken) == 0;
}

/* Gives back what is in the journal; it may be partly zeroed already. */
static void give_back(struct mam_loop *loop, uint32_t bridge) {
    struct lane *lane = &loop->lanes[bridge - 1];
    int64_t taken = lane->recovery[RECOVERY_TAKEN], length = 0;
    if (taken > lane->in.head && taken <= shared(&lane->in, MAM_RING_TAIL_OFFSET) &&
        taken - lane->in.head <= lane->in.capacity && (taken & 7) == 0) {
        lane->in.head = taken;
        mam_ring_publish(&lane->in);
        lane->in.tail_due = taken;
    }
    if (!lane->in_fenced && is_last_input(loop, bridge, &length)) {
        mam_ring_consume(&lane->in, (int32_t)length, NULL, 0);
    }
    if (lane->in.head != lane->in.published) {
        mam_ring_publish(&lane->in);
    }
    lane->recovery[RECOVERY_TAKEN] = lane->in.head;
}

int mam_loop_resume_finish(struct mam_loop *loop, struct mam_replay *replay, char *error) {
    if (replay->engine != loop->engine) {
        snprintf(error, 200, "the log has no run, but the journal ring has had one");
        return -1;
    }
    loop->journal_sequence = replay->sequence;
    loop->now = replay->time;
    uint32_t bridge = 0, length = 0;
    const uint8_t *message = NULL;
    while ((length = mam_replay_next(replay, &bridge, &message)) > 0) {
        mam_loop_journal(loop, MAM_ENTRY_OUTPUT, bridge, message, length);
        if (hold_missing(loop, bridge, message, length, loop->journal_sequence) != 0) {
            snprintf(error, 200, "the outputs that a bridge has not got do not fit its memory");
            return -1;
        }
        mam_replay_step(replay);
    }
    mam_ring_flush(&loop->journal);
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        if (loop->lanes[i].told == UINT64_MAX) { /* new rings */
            loop->lanes[i].recovery[RECOVERY_RESEND] = 0;
            mam_loop_mark_released(&loop->lanes[i]);
            continue;
        }
        if (loop->lanes[i].told_tail != loop->lanes[i].end_tail) {
            snprintf(error, 200, "bridge %.31s: its out ring does not end as the log says",
                     loop->config.bridges[i].name);
            return -1;
        }
        give_back(loop, i + 1);
    }
    mam_engine_sink(loop->engine, mam_loop_put, mam_loop_flush, loop);
    return 0;
}
