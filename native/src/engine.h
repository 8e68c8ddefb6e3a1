/*
 * The engine: one deterministic function from a state and a message to messages. No clock (time is an
 * argument), no allocation after mam_engine_create, no system call, no lock, no floating point.
 *
 * Every host (the daemon's loop, the simulator, the replayer, the fuzzers) calls mam_engine_apply and nothing
 * else. The same calls with the same limits give the same outputs, byte for byte, on any machine.
 */
#ifndef MAM_ENGINE_H
#define MAM_ENGINE_H

#include <mam/directory.h>
#include <stdint.h>

#define MAM_BRIDGE_HOST 0         /* bridge number of the engine's own host (Clock, Opened, BridgeOpened) */
#define MAM_BRIDGE_JOURNAL 0xFFFF /* destination of what goes to the journal only */

/* cdef: begin */
#define MAM_LAWS 10
#define MAM_INPUT_MAX 1024

/* LogState.suspended */
#define MAM_LOG_BEHIND 1
#define MAM_LOG_DISK_FULL 2

/* Every table's size, fixed for the life of an engine. A full table is a rejection, MAM_REASON_TABLE_FULL. */
struct mam_capacities {
    uint32_t instruments;    /* 1 … 4,096 */
    uint32_t accounts;       /* 1 … 2^20 */
    uint32_t groups;         /* 1 … 65,536 */
    uint32_t members;        /* memberships of all groups, 1 … 2^20 */
    uint32_t blocks;         /* at work at one time, 1 … 2^20 */
    uint32_t children;       /* of all blocks at work, 1 … 2^24; rounded up to a power of two */
    uint32_t holdings;       /* (master position, account) pairs, 1 … 2^24 */
    uint32_t bridges;        /* 1 … MAM_BRIDGES_MAX */
    uint32_t positions;      /* of all accounts at the server, and bookings on their way there, 1 … 2^24 */
    uint32_t history;        /* deals and orders remembered against repeats, 1 … 2^24 */
    uint32_t leg_timeout_ms; /* an LP is silent after this */
    uint32_t booking_timeout_ms; /* the server is silent after this */
};

/* What the engine counts; laws[i] counts violations of law i + 1 and must stay zero. */
struct mam_engine_counts {
    int64_t laws[MAM_LAWS];
    int64_t inputs;
    int64_t outputs;
    int64_t rejects;
    int64_t duplicates;
    int64_t gaps;
    int64_t impossible;
    int64_t alerts;
    int64_t quotes;
    int64_t blocks_opened;
    int64_t blocks_done;
    int64_t blocks_rejected;
    int64_t blocks_rolled_back;
    int64_t house_changes;
    int64_t children_planned;
    int64_t bookings;
    int64_t bookings_refused;
    int64_t accounts;
    int64_t members;
    int64_t instruments;
    int64_t groups;
    int64_t blocks_working;
    int64_t children_working;
    int64_t holdings;
    int64_t halted;
    int64_t positions;
    int64_t revaluations; /* slots that a quote revalued */
    int64_t stops;        /* members stopped by their drawdown */
    int64_t carry_drift;  /* largest deviation so far under rounding carry, 1/1000 step; bounded (law 10) */
    int64_t other_drift;  /* the same under largest_remainder, which has no bound */
    int64_t conflated;    /* quotes that a later one came before */
    int64_t out_of_sync;  /* accounts, now */
    int64_t stale;        /* accounts whose figures are too old, now */
};

/* Where outputs go: called in order, within mam_engine_apply. The message is the sink's only until it
 * returns. */
typedef void (*mam_put_fn)(void *context, uint32_t bridge, const void *message, uint32_t length);
/* Called once a message when all its outputs have been put and only the engine's own books are still to be
 * kept: a host may let the outputs go now. NULL: nobody cares. */
typedef void (*mam_said_fn)(void *context);

struct mam_engine;

/* Bytes that mam_engine_create needs, or 0 if a limit is out of its range. */
uint64_t mam_engine_size(const struct mam_capacities *limits);
/* Builds an engine in `memory` (zeroed by it, 64-byte aligned, mam_engine_size bytes). NULL: a limit is out
 * of range. */
struct mam_engine *mam_engine_create(void *memory, const struct mam_capacities *limits);
void mam_engine_sink(struct mam_engine *engine, mam_put_fn put, mam_said_fn said, void *context);
/*
 * Consumes one message. `time`: ns UTC, never less than the call before. `bridge`: who sent it. The bytes may
 * be anything: what is not a message of the schema is answered by a Reject. `message` must be 8-byte aligned.
 */
void mam_engine_apply(struct mam_engine *engine, int64_t time, uint32_t bridge, const void *message,
                      uint32_t length);
const struct mam_engine_counts *mam_engine_counts(const struct mam_engine *engine);
/* What an account is worth now; looking changes nothing. Money 1e-6 of its currency, level and counts as
 * named. */
struct mam_figures {
    int64_t balance, credit, floating, equity, margin, free_margin;
    int64_t level; /* percent, 1e-8; the largest int64: no margin */
    int64_t swept; /* floating as of the last Clock that worked everything off */
    uint32_t positions;
    uint8_t out_of_sync, alarm;
};
/* 0: no such account. */
int32_t mam_engine_figures(struct mam_engine *engine, uint64_t login, struct mam_figures *figures);
/* Next time at which the engine wants a Clock message; INT64_MAX: none. */
int64_t mam_engine_deadline(const struct mam_engine *engine);
/* Most bytes of outputs (8-byte aligned, `overhead` added to each) that one message can cause under these
 * limits. */
uint64_t mam_engine_worst_case(const struct mam_capacities *limits, uint32_t overhead);

/* The role (MAM_ROLE_*; 4 is the engine's own host) that may send a message; 0: nobody, or any (Heartbeat,
 * Resync). */
uint8_t mam_engine_role_of(uint16_t template_id);

/* A sink for offline hosts: appends {uint32 length, uint32 bridge, message padded to 8} to a buffer. */
struct mam_buffer {
    uint8_t *bytes;
    uint64_t capacity;
    uint64_t length;
    int32_t overflowed;
};
void mam_engine_sink_buffer(struct mam_engine *engine, struct mam_buffer *buffer);
/* cdef: end */

#endif
