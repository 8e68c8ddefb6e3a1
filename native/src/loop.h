/*
 * The engine's loop: rings in, journal, rings out. One call that runs until it is told to stop; no
 * allocation, no lock, and with idle strategy `spin` no system call after it has started.
 *
 * For each message: copied out of the ring, stamped with the time, journaled, applied; each output is
 * journaled and then released. The loop takes no message unless the journal has room for all that one message
 * can cause, so a record is never lost and the engine never stops half-way. A bridge that does not read is
 * given `hold` memory, then fenced; a ring with broken words is fenced at once. All other rings go on.
 */
#ifndef MAM_LOOP_H
#define MAM_LOOP_H

#include <stdint.h>

#include "engine.h"

/* cdef: begin */
#define MAM_IDLE_SPIN 0    /* never leaves the core: for a core of its own */
#define MAM_IDLE_YIELD 1   /* spins a little, then yields the core */
#define MAM_IDLE_BACKOFF 2 /* spins, yields, then sleeps up to 1 ms */

#define MAM_DURABILITY_ASYNC 0  /* outputs are released at once */
#define MAM_DURABILITY_COMMIT 1 /* outputs are released when their records are on disk */

#define MAM_LOOP_COUNTERS 64
#define MAM_LOOP_BRIDGE_COUNTERS 4 /* of each bridge: messages consumed, released, held, rings fenced */

struct mam_loop_bridge {
    char name[32];
    uint32_t role;
    uint32_t reserved;
    void *in;
    uint64_t in_length;
    void *out;
    uint64_t out_length;
};

struct mam_loop_config {
    struct mam_capacities limits;
    uint32_t bridge_count;
    uint32_t idle;
    uint32_t durability;
    uint32_t reserved;
    uint64_t generation;
    int64_t stuck_after_ns; /* a claim, or a bridge that does not read, is fenced after this */
    uint64_t gap_limit;     /* records claimed but not durable at which no new order is taken; 0: none */
    char build[8];
    struct mam_loop_bridge bridges[64];
    void *journal;
    uint64_t journal_length;
    void *directory;          /* heartbeat and ring states are written here */
    int64_t *counters;        /* the first of MAM_LOOP_COUNTERS values, 128 bytes apart */
    int64_t *bridge_counters; /* MAM_LOOP_BRIDGE_COUNTERS for each bridge, one after the other; or NULL */
    /* largest distance of the clock from UTC, ns, −1: not disciplined; and how often it jumped. Or NULL */
    const int64_t *clock_error, *clock_steps;
    const int64_t *clock_step; /* how far it jumped last, ns; or NULL */
    const int64_t *durable;    /* records that are on disk, as the audit writer counts them; or NULL */
    const int64_t *no_room;    /* not 0: the log's disk is full, no new order is taken; or NULL */
};

struct mam_loop;

/* Bytes that mam_loop_create needs, or 0 if a limit is out of its range. */
uint64_t mam_loop_size(const struct mam_loop_config *config);
/* NULL, with one line in `error` (at least 200 bytes), when a ring or a size is wrong. `memory`: 64-byte
 * aligned. */
struct mam_loop *mam_loop_create(void *memory, const struct mam_loop_config *config, char *error);
/* Runs until SIGTERM, SIGINT or mam_loop_stop. Returns the number of messages consumed. */
int64_t mam_loop_run(struct mam_loop *loop);
void mam_loop_stop(struct mam_loop *loop);
/* Label of loop counter `at`; NULL past the last. */
const char *mam_loop_counter_label(uint32_t at);
const char *mam_loop_bridge_counter_label(uint32_t at);
/* The least journal ring (capacity, bytes) and the hold memory a bridge gets under these limits. */
uint64_t mam_loop_journal_capacity(const struct mam_capacities *limits);
/* cdef: end */

#endif
