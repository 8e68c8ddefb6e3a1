#include "loop.h"

#include <mam/counters.h>
#include <mam/messages.h>
#include <mam/ring.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "bus_guard.h"
#include "loop_state.h"

#define BATCH 16             /* messages of one ring before the next ring has its turn */
#define FLUSH_EVERY 64       /* outputs of one message that are released together */
#define COUNTERS_EVERY 1024  /* messages between two publications of the counters under load */
#define HEARTBEAT_NS 1000000 /* heartbeats and counters at least this often */
#define CLOCK_NS 60000000000 /* between two ClockStates when nothing changes */
#define YIELDS 128           /* idle rounds, the first half spun, before `backoff` sleeps */
#define DISK_YIELDS 16384    /* the same while outputs wait for the disk: some ms */
#define FLUSH_NS 1000000000  /* at the end: how long held outputs may still go out */

static struct mam_loop *signalled; /* the one loop of this process, for its signal handler */

/* --- Time --- */

static int64_t clock_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* The engine's time never goes back, whatever the clock does. */
static int64_t stamp(struct mam_loop *loop) {
    int64_t now = clock_now();
    if (now > loop->now) {
        loop->now = now;
    }
    return loop->now;
}

/* --- Fences --- */

static struct mam_directory_bridge *directory_entry(struct mam_loop *loop, uint32_t bridge) {
    struct mam_directory *directory = loop->config.directory;
    return directory == NULL ? NULL : &directory->bridges[bridge - 1];
}

static void fence_in(struct mam_loop *loop, uint32_t bridge, int code) {
    struct lane *lane = &loop->lanes[bridge - 1];
    struct mam_directory_bridge *entry = directory_entry(loop, bridge);
    lane->in_fenced = 1;
    lane->fence_code = -code;
    lane->fence_untold = 1;
    loop->fences_untold++;
    loop->fenced++;
    if (entry != NULL) {
        __atomic_store_n(&entry->in_state, MAM_STATE_FENCED, __ATOMIC_RELEASE); /* (S) */
    }
}

static void fence_out(struct mam_loop *loop, uint32_t bridge, int code) {
    struct lane *lane = &loop->lanes[bridge - 1];
    struct mam_directory_bridge *entry = directory_entry(loop, bridge);
    lane->out_fenced = 1;
    lane->fence_code = -code;
    lane->fence_untold = 1;
    loop->fences_untold++;
    lane->dropped += lane->held;
    lane->held = 0;
    loop->fenced++;
    if (entry != NULL) {
        __atomic_store_n(&entry->out_state, MAM_STATE_FENCED, __ATOMIC_RELEASE); /* (S) */
    }
}

/* --- Journal --- */

void mam_loop_journal(struct mam_loop *loop, uint8_t kind, uint32_t bridge, const void *message,
                      uint32_t length) {
    void *payload = NULL;
    int status = mam_ring_claim(&loop->journal, 1, MAM_ENTRY_HEADER + length, &payload);
    MAM_ASSERT(status == 0);                   /* room was made sure of before the message was taken */
    struct mam_entry_header *header = payload; /* in place: the ring aligns to 8 */
    header->sequence = loop->journal_sequence++;
    header->time = loop->now;
    header->bridge = (uint16_t)bridge;
    header->kind = kind;
    header->version = MAM_ENTRY_VERSION;
    header->length = length;
    mam_ring_copy((uint8_t *)payload + MAM_ENTRY_HEADER, message, length);
    mam_ring_commit(&loop->journal);
}

/* --- Outputs --- */

static uint64_t durable(const struct mam_loop *loop) {
    return loop->config.durable == NULL ? 0 : (uint64_t)mam_counter_get(loop->config.durable);
}

/* A held record: the count of journal records that must be durable first, the message. */
int mam_loop_hold(struct lane *lane, const void *message, uint32_t length, uint64_t records) {
    void *payload = NULL;
    int status = mam_ring_claim(&lane->hold, 1, length + 8, &payload);
    if (status != 0) {
        return status;
    }
    memcpy(payload, &records, 8);
    memcpy((uint8_t *)payload + 8, message, length);
    mam_ring_commit(&lane->hold);
    if (lane->held++ == 0) {
        lane->next_durable = records;
    }
    return 0;
}

void mam_loop_mark_released(struct lane *lane) {
    if (lane->recovery != NULL) {
        int64_t which = lane->recovery[RECOVERY_WHICH] ^ 1;
        lane->recovery[RECOVERY_SEQUENCE + 2 * which] = (int64_t)lane->last_put;
        lane->recovery[RECOVERY_TAIL + 2 * which] = lane->out.tail;
        __atomic_store_n(&lane->recovery[RECOVERY_WHICH], which, __ATOMIC_RELEASE);
    }
}

static int write_out(struct lane *lane, const void *message, uint32_t length) {
    const struct mam_header *header = message;
    int status = mam_ring_write(&lane->out, header->template_id, message, length);
    if (status == 0) {
        lane->released++;
        memcpy(&lane->last_put, (const uint8_t *)message + sizeof *header, sizeof lane->last_put);
    }
    return status;
}

/* The journal first, then the rings out: nothing is seen outside that is not journaled (law 4). */
void mam_loop_flush(void *context) {
    struct mam_loop *loop = context;
    mam_ring_flush(&loop->journal);
    for (uint64_t touched = loop->touched; touched != 0; touched &= touched - 1) {
        struct lane *lane = &loop->lanes[__builtin_ctzll(touched)];
        mam_ring_flush(&lane->out);
        mam_loop_mark_released(lane);
    }
    loop->touched = 0;
    loop->batched = 0;
}

void mam_loop_put(void *context, uint32_t bridge, const void *message, uint32_t length) {
    struct mam_loop *loop = context;
    if (loop->batched++ == FLUSH_EVERY) {
        mam_loop_flush(loop);
    }
    mam_loop_journal(loop, MAM_ENTRY_OUTPUT, bridge, message, length);
    if (bridge == MAM_BRIDGE_JOURNAL) {
        return;
    }
    struct lane *lane = &loop->lanes[bridge - 1];
    if (lane->out_fenced) {
        lane->dropped++;
    } else if (lane->held > 0 || loop->config.durability == MAM_DURABILITY_COMMIT ||
               write_out(lane, message, length) != 0) {
        int status = mam_loop_hold(lane, message, length, loop->journal_sequence);
        MAM_ASSERT(status == 0); /* room was made sure of before the message was taken */
    } else {
        loop->touched |= UINT64_C(1) << (bridge - 1);
    }
}

/* Lets held outputs go, in their order, as far as durability and the out ring allow. */
static uint32_t release_held(struct mam_loop *loop, uint32_t bridge) {
    struct lane *lane = &loop->lanes[bridge - 1];
    uint64_t allowed = loop->config.durability == MAM_DURABILITY_COMMIT ? durable(loop) : UINT64_MAX;
    uint32_t released = 0;
    int lent = lane->lent ? mam_loop_still_lent(lane) : 0;
    if (lent != 0) {
        if (lent < 0) {
            fence_out(loop, bridge, MAM_RING_CORRUPT_TAIL);
        }
        return 0;
    }
    while (lane->held > 0 && lane->next_durable <= allowed && released < 4 * BATCH) {
        int64_t index = lane->hold.head & (lane->hold.capacity - 1);
        int32_t type = 0;
        int32_t length = mam_ring_peek(&lane->hold, &type);
        MAM_ASSERT(length > 0);
        if (type == MAM_RING_TYPE_PADDING) {
            mam_ring_consume(&lane->hold, length, NULL, 0);
            mam_ring_publish(&lane->hold);
            continue;
        }
        const uint8_t *record = lane->hold.buffer + index + MAM_RING_RECORD_HEADER;
        memcpy(&lane->next_durable, record, 8);
        if (lane->next_durable > allowed) {
            break;
        }
        int status = write_out(lane, record + 8, (uint32_t)length - 8);
        if (status != 0 && status != MAM_RING_FULL) {
            fence_out(loop, bridge, status);
            return released;
        }
        if (status == MAM_RING_FULL) {
            break;
        }
        mam_ring_consume(&lane->hold, length, NULL, 0);
        mam_ring_publish(&lane->hold);
        lane->held--;
        released++;
    }
    mam_ring_flush(&lane->out);
    if (released > 0) {
        mam_loop_mark_released(lane);
    }
    return released;
}

/* A bridge that has not read for too long is fenced; what it missed stands in the journal. */
static void watch_held(struct mam_loop *loop, uint32_t bridge, uint32_t released) {
    struct lane *lane = &loop->lanes[bridge - 1];
    bool waits_for_bridge =
        lane->held > 0 && !lane->lent &&
        (loop->config.durability == MAM_DURABILITY_ASYNC || lane->next_durable <= durable(loop));
    if (released > 0 || !waits_for_bridge) {
        lane->held_since = 0;
    } else if (lane->held_since == 0) {
        lane->held_since = clock_now();
    } else if (clock_now() - lane->held_since > loop->config.stuck_after_ns) {
        fence_out(loop, bridge, 0);
    }
}

static uint32_t release_all(struct mam_loop *loop) {
    uint32_t total = 0;
    for (uint32_t bridge = 1; bridge <= loop->config.bridge_count; bridge++) {
        struct lane *lane = &loop->lanes[bridge - 1];
        if (lane->held > 0) {
            uint32_t released = release_held(loop, bridge);
            watch_held(loop, bridge, released);
            total += released;
        }
    }
    return total;
}

/* --- Inputs --- */

/* A bridge that reads, but so slowly that all others wait for it, is fenced like one that does not read. */
static bool crowded(struct mam_loop *loop, uint32_t bridge) {
    struct lane *lane = &loop->lanes[bridge - 1];
    if (mam_ring_free(&lane->hold, loop->hold_worst_case, ENTRY_SPACE) >= loop->hold_worst_case) {
        lane->crowded_since = 0;
        return false;
    }
    int64_t now = clock_now();
    bool waits_for_bridge =
        loop->config.durability == MAM_DURABILITY_ASYNC || lane->next_durable <= durable(loop);
    if (lane->crowded_since == 0 || !waits_for_bridge) {
        lane->crowded_since = now;
    } else if (now - lane->crowded_since > loop->config.stuck_after_ns) {
        fence_out(loop, bridge, 0);
        return false;
    }
    return true;
}

/* Is there room for all that one message can cause? */
static bool room(struct mam_loop *loop) {
    int64_t sure = mam_ring_free(&loop->journal, loop->worst_case, ENTRY_SPACE);
    MAM_ASSERT(sure >= 0); /* the journal's reader is ours: broken words there end the process */
    if (sure < loop->worst_case) {
        loop->journal_stalls++;
        return false;
    }
    for (uint32_t bridge = 1; bridge <= loop->config.bridge_count; bridge++) {
        struct lane *lane = &loop->lanes[bridge - 1];
        if (lane->held > 0 && !lane->out_fenced && crowded(loop, bridge)) {
            return false;
        }
    }
    return true;
}

static void consume(struct mam_loop *loop, uint32_t bridge, const void *message, uint32_t length) {
    stamp(loop);
    mam_loop_journal(loop, MAM_ENTRY_INPUT, bridge, message, length);
    mam_engine_apply(loop->engine, loop->now, bridge, message, length);
    mam_loop_flush(loop);
    if (bridge != MAM_BRIDGE_HOST && loop->lanes[bridge - 1].recovery != NULL) {
        struct lane *lane = &loop->lanes[bridge - 1];
        __atomic_store_n(&lane->recovery[RECOVERY_TAKEN], lane->taken, __ATOMIC_RELEASE);
    }
    loop->consumed++;
    loop->since_counters++;
}

/* The producer is inside a write: fine for a moment; for ever it is dead, by our clock. */
static void watch_claim(struct mam_loop *loop, uint32_t bridge) {
    struct lane *lane = &loop->lanes[bridge - 1];
    int64_t now = clock_now();
    if (lane->claimed_since == 0 || lane->claimed_at != lane->in.head) {
        lane->claimed_since = now;
        lane->claimed_at = lane->in.head;
    } else if (now - lane->claimed_since > loop->config.stuck_after_ns) {
        fence_in(loop, bridge, 0);
    }
}

/* A producer that died between moving tail and storing its record's header: nothing is there to be read, and
 * never will be. */
static void watch_hole(struct mam_loop *loop, uint32_t bridge, int64_t now) {
    struct lane *lane = &loop->lanes[bridge - 1];
    int32_t type = 0;
    bool hole = !lane->in_fenced && mam_ring_peek(&lane->in, &type) == MAM_RING_EMPTY &&
                mam_ring_backlog(&lane->in) > 0;
    if (!hole || lane->hole_at != lane->in.head) {
        lane->hole_since = now;
        lane->hole_at = hole ? lane->in.head : -1;
    } else if (now - lane->hole_since > loop->config.stuck_after_ns) {
        fence_in(loop, bridge, 0);
    }
}

uint32_t mam_loop_taken(const void *message, int32_t length, int32_t type) {
    uint32_t taken = (uint32_t)length < MAM_INPUT_MAX ? (uint32_t)length : MAM_INPUT_MAX;
    const struct mam_header *header = message;
    return taken < sizeof *header || header->template_id != type ? 0 : taken;
}

/* Copies the next message out and leaves it in the ring: it is consumed when it is journaled. */
static int32_t look(struct lane *lane, void *message, int32_t *type) {
    int32_t length = mam_ring_peek(&lane->in, type);
    if (length >= 0 && *type == MAM_RING_TYPE_PADDING) {
        mam_ring_consume(&lane->in, length, NULL, 0);
        length = mam_ring_peek(&lane->in, type);
        if (length >= 0 && *type == MAM_RING_TYPE_PADDING) {
            mam_ring_consume(&lane->in, length, NULL, 0);
            return MAM_RING_EMPTY; /* as mam_ring_take: at most two records a call */
        }
    }
    if (length >= 0) {
        const uint8_t *record = lane->in.buffer + (lane->in.head & (lane->in.capacity - 1));
        size_t copied = (uint32_t)length < MAM_INPUT_MAX ? (uint32_t)length : MAM_INPUT_MAX;
        memcpy(message, record + MAM_RING_RECORD_HEADER, copied);
        lane->taken = lane->in.head + mam_ring_space((uint32_t)length);
    }
    return length;
}

static uint32_t poll_bridge(struct mam_loop *loop, uint32_t bridge) {
    struct lane *lane = &loop->lanes[bridge - 1];
    _Alignas(64) uint8_t message[MAM_INPUT_MAX];
    uint32_t count = 0;
    int64_t before = lane->in.head;
    while (count < BATCH && room(loop)) {
        int32_t type = 0;
        int32_t length = look(lane, message, &type);
        if (length < 0) {
            if (length == MAM_RING_CLAIMED) {
                watch_claim(loop, bridge);
            } else if (length == MAM_RING_EMPTY) {
                lane->claimed_since = 0;
            } else {
                fence_in(loop, bridge, length);
            }
            break;
        }
        lane->claimed_since = 0;
        lane->consumed++;
        count++;
        if (type == MAM_RESYNC_ID) {
            mam_loop_resync(loop, bridge, message, mam_loop_taken(message, length, type));
        }
        consume(loop, bridge, message, mam_loop_taken(message, length, type));
        mam_ring_consume(&lane->in, length, NULL, 0);
    }
    MAM_ASSERT(count <= BATCH);
    if (lane->in.head != before) { /* padding alone counts too: its producer may wait for the room */
        mam_ring_publish(&lane->in);
    }
    return count;
}

/* --- The host's own messages --- */

static void send_host(struct mam_loop *loop, void *message, uint32_t length) {
    loop->host_sequence++;
    memcpy((uint8_t *)message + sizeof(struct mam_header), &loop->host_sequence, 8);
    consume(loop, MAM_BRIDGE_HOST, message, length);
}

static void send_opened(struct mam_loop *loop) {
    const struct mam_capacities *limits = &loop->config.limits;
    struct mam_opened opened;
    mam_opened_init(&opened);
    opened.generation = loop->config.generation;
    opened.instruments = limits->instruments;
    opened.accounts = limits->accounts;
    opened.groups = limits->groups;
    opened.members = limits->members;
    opened.blocks = limits->blocks;
    opened.children = limits->children;
    opened.holdings = limits->holdings;
    opened.bridges = limits->bridges;
    opened.history = limits->history;
    opened.positions = limits->positions;
    opened.leg_timeout = limits->leg_timeout_ms;
    opened.booking_timeout = limits->booking_timeout_ms;
    opened.fingerprint = MAM_SCHEMA_FINGERPRINT;
    memcpy(opened.build, loop->config.build, sizeof opened.build);
    send_host(loop, &opened, sizeof opened);
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct mam_bridge_opened bridge;
        mam_bridge_opened_init(&bridge);
        bridge.bridge = i + 1;
        bridge.role = (uint8_t)loop->config.bridges[i].role;
        memcpy(bridge.bridge_name, loop->config.bridges[i].name, sizeof bridge.bridge_name);
        send_host(loop, &bridge, sizeof bridge);
    }
}

static int64_t clock_figure(const int64_t *counter, int64_t none) {
    return counter == NULL ? none : mam_counter_get(counter);
}

/* A jump, and the loss or return of discipline, go into the journal at once; the error bound once a minute.
 */
static bool clock_changed(const struct mam_loop *loop) {
    bool disciplined = clock_figure(loop->config.clock_error, -1) >= 0;
    return disciplined != (loop->clock_error >= 0) || loop->now >= loop->clock_due ||
           clock_figure(loop->config.clock_steps, 0) != loop->clock_steps;
}

static void send_clock_state(struct mam_loop *loop) {
    int64_t steps = clock_figure(loop->config.clock_steps, 0);
    struct mam_clock_state state;
    mam_clock_state_init(&state);
    state.error_bound = loop->clock_error = clock_figure(loop->config.clock_error, -1);
    state.step = steps != loop->clock_steps ? clock_figure(loop->config.clock_step, 0) : 0;
    loop->clock_steps = steps;
    loop->clock_due = stamp(loop) + CLOCK_NS;
    send_host(loop, &state, sizeof state);
}

/* The run goes on in new memory: whoever was here before attaches again. */
static void send_continued(struct mam_loop *loop) {
    struct mam_continued continued;
    mam_continued_init(&continued);
    continued.generation = loop->config.generation;
    continued.lost = (uint64_t)loop->lost;
    send_host(loop, &continued, sizeof continued);
    loop->lost = -1;
}

/* Refuses new orders when too many records are not on disk, until half of that; and as long as the log's disk
 * is full: what is traded then could be neither signed nor, soon, kept. */
static void watch_log(struct mam_loop *loop) {
    uint64_t limit = loop->config.gap_limit, at = durable(loop);
    uint64_t behind = loop->journal_sequence > at ? loop->journal_sequence - at : 0;
    bool late = limit != 0 && behind > (loop->suspended ? limit / 2 : limit);
    int32_t suspend = late ? MAM_LOG_BEHIND : 0;
    if (loop->config.no_room != NULL && mam_counter_get(loop->config.no_room) != 0) {
        suspend = MAM_LOG_DISK_FULL;
    }
    if (suspend == loop->suspended || !room(loop)) {
        return;
    }
    struct mam_log_state state;
    mam_log_state_init(&state);
    state.behind = behind;
    state.suspended = (uint8_t)suspend;
    loop->suspended = suspend;
    send_host(loop, &state, sizeof state);
}

static void send_clock(struct mam_loop *loop) {
    struct mam_clock clock;
    mam_clock_init(&clock);
    clock.now = stamp(loop);
    clock.error_bound = clock_figure(loop->config.clock_error, -1);
    send_host(loop, &clock, sizeof clock);
}

static void tell_fences(struct mam_loop *loop) {
    loop->fences_untold = 0;
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct lane *lane = &loop->lanes[i];
        if (lane->fence_untold && !room(loop)) {
            loop->fences_untold++;
        } else if (lane->fence_untold) {
            struct mam_bridge_fenced fenced;
            mam_bridge_fenced_init(&fenced);
            fenced.bridge = i + 1;
            fenced.code = (uint32_t)lane->fence_code;
            lane->fence_untold = 0;
            send_host(loop, &fenced, sizeof fenced);
        }
    }
}

/* --- Counters --- */

static const char *const LABELS[] = {
    "law 1 conservation: violations", "law 2 entitlement: violations", "law 3 one price: violations",
    "law 4 plan first: violations", "law 5 determinism: violations", "law 6 exactly once: violations",
    "law 7 tamper evidence: violations", "law 8 no trust in a producer: violations",
    "law 9 clients first: violations", "law 10 fair over time: violations", "messages in", "messages out",
    "messages rejected", "duplicates", "sequence gaps", "impossible messages", "alerts", "quotes",
    "blocks opened", "blocks done", "blocks rejected", "blocks rolled back",
    "changes of the house's exposure", "children planned", "bookings sent", "bookings refused", "accounts",
    "members", "instruments", "groups", "blocks at work", "children at work", "holdings",
    "halted on a broken law", "positions of accounts", "positions revalued", "members stopped",
    "largest drift under carry, 1/1000 step", "largest drift under largest remainder, 1/1000 step",
    "quotes conflated into a later one", "accounts out of sync", "accounts whose figures are old",
    /* the loop's own */
    "journal records", "journal full: polls put off", "rings fenced", "outputs held",
    "outputs dropped at fences", "engine time, ns since the epoch", "polls of all rings",
    "new orders refused: the log is behind (1 yes, 2 its disk is full)"};

#define ENGINE_COUNTERS (sizeof(struct mam_engine_counts) / sizeof(int64_t))
_Static_assert(sizeof LABELS / sizeof *LABELS == ENGINE_COUNTERS + 8, "a label for each counter");
_Static_assert(sizeof LABELS / sizeof *LABELS <= MAM_LOOP_COUNTERS, "counters reserved");

const char *mam_loop_counter_label(uint32_t at) {
    return at < sizeof LABELS / sizeof *LABELS ? LABELS[at] : NULL;
}

static const char *const BRIDGE_LABELS[MAM_LOOP_BRIDGE_COUNTERS] = {"messages consumed", "messages released",
                                                                    "messages held", "rings fenced"};

const char *mam_loop_bridge_counter_label(uint32_t at) {
    return at < MAM_LOOP_BRIDGE_COUNTERS ? BRIDGE_LABELS[at] : NULL;
}

static void publish_bridge_counters(struct mam_loop *loop) {
    const size_t stride = MAM_COUNTER_VALUE_SIZE / sizeof(int64_t);
    for (uint32_t i = 0; i < loop->config.bridge_count && loop->config.bridge_counters != NULL; i++) {
        const struct lane *lane = &loop->lanes[i];
        const int64_t values[MAM_LOOP_BRIDGE_COUNTERS] = {lane->consumed, lane->released, lane->held,
                                                          lane->in_fenced + lane->out_fenced};
        for (size_t at = 0; at < MAM_LOOP_BRIDGE_COUNTERS; at++) {
            mam_counter_set(loop->config.bridge_counters + (i * MAM_LOOP_BRIDGE_COUNTERS + at) * stride,
                            values[at]);
        }
    }
}

static void publish_counters(struct mam_loop *loop) {
    publish_bridge_counters(loop);
    if (loop->config.counters == NULL) {
        return;
    }
    int64_t own[8] = {(int64_t)loop->journal_sequence,
                      loop->journal_stalls,
                      loop->fenced,
                      0,
                      0,
                      loop->now,
                      loop->loops,
                      loop->suspended};
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        own[3] += loop->lanes[i].held;
        own[4] += loop->lanes[i].dropped;
    }
    const int64_t *engine = (const int64_t *)(const void *)mam_engine_counts(loop->engine);
    const size_t stride = MAM_COUNTER_VALUE_SIZE / sizeof(int64_t);
    for (size_t i = 0; i < ENGINE_COUNTERS; i++) {
        mam_counter_set(loop->config.counters + i * stride, engine[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        mam_counter_set(loop->config.counters + (ENGINE_COUNTERS + i) * stride, own[i]);
    }
    loop->since_counters = 0;
}

static void heartbeat(struct mam_loop *loop) {
    int64_t now = clock_now();
    if (now < loop->heartbeat_due && loop->since_counters < COUNTERS_EVERY) {
        return;
    }
    loop->heartbeat_due = now + HEARTBEAT_NS;
    publish_counters(loop);
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        mam_ring_set_heartbeat(&loop->lanes[i].in, now / 1000000);
        watch_hole(loop, i + 1, now);
    }
    struct mam_directory *directory = loop->config.directory;
    if (directory != NULL) {
        __atomic_store_n(&directory->heartbeat_ns, now, __ATOMIC_RELEASE);
    }
}

/* --- Idling --- */

static void pause_core(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Outputs that a sleep would hold up for longer than their sync takes. */
static bool waits_for_disk(const struct mam_loop *loop) {
    const uint64_t allowed = durable(loop);
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        if (loop->lanes[i].held > 0 && loop->lanes[i].next_durable > allowed) {
            return loop->config.durability == MAM_DURABILITY_COMMIT;
        }
    }
    return false;
}

static void idle(struct mam_loop *loop) {
    uint32_t round = loop->idle_rounds++;
    if (loop->config.idle == MAM_IDLE_SPIN || round < YIELDS / 2) {
        pause_core();
    } else if (loop->config.idle == MAM_IDLE_YIELD || round < YIELDS ||
               (round < DISK_YIELDS && waits_for_disk(loop))) {
        sched_yield();
    } else {
        int64_t ns = round < YIELDS + 100 ? 1000 * (int64_t)(round - YIELDS + 1) : 1000000;
        struct timespec time = {.tv_sec = 0, .tv_nsec = ns < 1000000 ? ns : 1000000};
        nanosleep(&time, NULL);
    }
}

/* --- Life --- */

static int64_t hold_capacity(const struct mam_capacities *limits) {
    int64_t capacity = 8 * ENTRY_SPACE;
    int64_t least = 2 * (int64_t)mam_engine_worst_case(limits, 8 + MAM_RING_RECORD_HEADER) + 4 * ENTRY_SPACE;
    while (capacity < least || (capacity & (capacity - 1)) != 0) {
        capacity = (capacity | (capacity - 1)) + 1;
    }
    return capacity;
}

uint64_t mam_loop_journal_capacity(const struct mam_capacities *limits) {
    uint64_t least =
        2 * mam_engine_worst_case(limits, MAM_ENTRY_HEADER + MAM_RING_RECORD_HEADER) + 8 * ENTRY_SPACE;
    uint64_t capacity = 1 << 20;
    while (capacity < least) {
        capacity *= 2;
    }
    return capacity;
}

uint64_t mam_loop_size(const struct mam_loop_config *config) {
    uint64_t engine = mam_engine_size(&config->limits);
    if (engine == 0 || config->bridge_count == 0 || config->bridge_count > config->limits.bridges ||
        hold_capacity(&config->limits) > MAM_RING_CAPACITY_MAX) {
        return 0;
    }
    uint64_t hold_bytes = (uint64_t)hold_capacity(&config->limits) + MAM_RING_TRAILER;
    uint64_t loop = (sizeof(struct mam_loop) + 4095) & ~UINT64_C(4095);
    return loop + engine + config->bridge_count * ((hold_bytes + 63) & ~UINT64_C(63));
}

static int attach_lane(struct lane *lane, const struct mam_loop_bridge *bridge, uint8_t *hold_memory,
                       uint64_t hold_bytes) {
    int status = mam_ring_attach(&lane->in, bridge->in, bridge->in_length);
    if (status == 0) {
        status = mam_ring_attach(&lane->out, bridge->out, bridge->out_length);
        mam_ring_batch(&lane->out, 1);
    }
    memset(hold_memory, 0, hold_bytes);
    return status != 0 ? status : mam_ring_attach(&lane->hold, hold_memory, hold_bytes);
}

struct mam_loop *mam_loop_create(void *memory, const struct mam_loop_config *config, char *error) {
    if (mam_loop_size(config) == 0) {
        snprintf(error, 200, "a limit is out of its range, or there is no bridge");
        return NULL;
    }
    struct mam_loop *loop = memory;
    memset(loop, 0, sizeof *loop);
    loop->config = *config;
    uint8_t *at = (uint8_t *)memory + ((sizeof *loop + 4095) & ~UINT64_C(4095));
    loop->engine = mam_engine_create(at, &config->limits);
    at += mam_engine_size(&config->limits);
    mam_engine_sink(loop->engine, mam_loop_put, mam_loop_flush, loop);
    uint64_t hold_bytes = (uint64_t)hold_capacity(&config->limits) + MAM_RING_TRAILER;
    for (uint32_t i = 0; i < config->bridge_count; i++) {
        int status = attach_lane(&loop->lanes[i], &config->bridges[i], at, hold_bytes);
        if (status != 0) {
            snprintf(error, 200, "bridge %.31s: %s", config->bridges[i].name, mam_ring_text(status));
            return NULL;
        }
        at += (hold_bytes + 63) & ~UINT64_C(63);
        if (config->bridge_counters != NULL) {
            const size_t stride = MAM_COUNTER_VALUE_SIZE / sizeof(int64_t);
            loop->lanes[i].recovery =
                config->bridge_counters + (i * MAM_LOOP_BRIDGE_COUNTERS + 1) * stride + stride / 2;
        }
    }
    int status = mam_ring_attach(&loop->journal, config->journal, config->journal_length);
    mam_ring_batch(&loop->journal, 1);
    if (status != 0 || (uint64_t)loop->journal.capacity < mam_loop_journal_capacity(&config->limits)) {
        snprintf(error, 200, "journal: %s",
                 status != 0 ? mam_ring_text(status) : "the ring is smaller than these limits need");
        return NULL;
    }
    loop->clock_error = -1;
    loop->clock_due = config->clock_error == NULL ? INT64_MAX : 0;
    loop->lost = -1;
    loop->worst_case =
        (int64_t)mam_engine_worst_case(&config->limits, MAM_ENTRY_HEADER + MAM_RING_RECORD_HEADER) +
        ENTRY_SPACE;
    loop->hold_worst_case = (int64_t)mam_engine_worst_case(&config->limits, 8 + MAM_RING_RECORD_HEADER);
    return loop;
}

void mam_loop_stop(struct mam_loop *loop) {
    __atomic_store_n(&loop->stop, 1, __ATOMIC_RELEASE);
}

static void on_signal(int number) {
    (void)number;
    if (signalled != NULL) {
        mam_loop_stop(signalled);
    }
}

static void install(struct mam_loop *loop, struct sigaction before[3]) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    signalled = loop;
    sigaction(SIGTERM, &action, &before[0]);
    sigaction(SIGINT, &action, &before[1]);
    mam_bus_guard_begin(&before[2]);
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        const struct mam_loop_bridge *bridge = &loop->config.bridges[i];
        loop->lanes[i].guard_in = mam_bus_guard_add(bridge->in, bridge->in_length);
        loop->lanes[i].guard_out = mam_bus_guard_add(bridge->out, bridge->out_length);
    }
}

static void uninstall(const struct sigaction before[3]) {
    sigaction(SIGTERM, &before[0], NULL);
    sigaction(SIGINT, &before[1], NULL);
    mam_bus_guard_end(&before[2]);
    signalled = NULL;
}

/* Regions that were truncated under us: the bridge is fenced, both ways; all others go on. */
static void fence_lost(struct mam_loop *loop) {
    loop->regions_lost = mam_bus_guard_lost();
    for (uint32_t bridge = 1; bridge <= loop->config.bridge_count; bridge++) {
        struct lane *lane = &loop->lanes[bridge - 1];
        if (mam_bus_guard_is_lost(lane->guard_in) || mam_bus_guard_is_lost(lane->guard_out)) {
            if (!lane->in_fenced) {
                fence_in(loop, bridge, MAM_RING_BAD_SIZE);
            }
            if (!lane->out_fenced) {
                fence_out(loop, bridge, MAM_RING_BAD_SIZE);
            }
        }
    }
}

static uint32_t poll_all(struct mam_loop *loop) {
    uint32_t work = 0;
    for (uint32_t bridge = 1; bridge <= loop->config.bridge_count; bridge++) {
        if (!loop->lanes[bridge - 1].in_fenced) {
            work += poll_bridge(loop, bridge);
        }
    }
    return work + release_all(loop);
}

static void flush_held(struct mam_loop *loop) {
    int64_t until = clock_now() + FLUSH_NS;
    int64_t held = 1;
    while (held > 0 && clock_now() < until) {
        release_all(loop);
        held = 0;
        for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
            held += loop->lanes[i].held;
        }
    }
}

int64_t mam_loop_run(struct mam_loop *loop) {
    struct sigaction before[3];
    install(loop, before);
    while (!room(loop) && !__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE)) {
        sched_yield(); /* the journal of a former run is still being drained */
    }
    if (loop->host_sequence == 0 && room(loop)) {
        send_opened(loop);
    }
    if (loop->lost >= 0 && room(loop)) {
        send_continued(loop);
    }
    mam_loop_note_generations(loop);
    while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE)) {
        uint32_t work = poll_all(loop);
        loop->loops++;
        if (mam_bus_guard_lost() != loop->regions_lost) {
            fence_lost(loop);
        }
        heartbeat(loop);
        if (stamp(loop) >= mam_engine_deadline(loop->engine) && room(loop)) {
            send_clock(loop);
        }
        if (clock_changed(loop) && room(loop)) {
            send_clock_state(loop);
        }
        if (__atomic_load_n(&loop->offered, __ATOMIC_ACQUIRE) != 0 && room(loop)) {
            mam_loop_take_up(loop, send_host);
        }
        watch_log(loop);
        if (loop->fences_untold > 0) {
            tell_fences(loop);
        }
        if (work > 0) {
            loop->idle_rounds = 0;
        } else {
            idle(loop);
        }
    }
    flush_held(loop);
    publish_counters(loop);
    uninstall(before);
    return loop->consumed;
}
