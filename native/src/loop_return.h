/*
 * What returns to a loop that runs: a bridge that asks for outputs again, and new rings for one that was
 * fenced.
 *
 *   Resync   the loop lends the producer's end of the bridge's out ring to its daemon, by a word in shared
 *            memory (`from`), and holds what comes meanwhile. The daemon writes the outputs `from` … the last
 *            one that had been put, as the log has them, notes (sequence, tail), and clears the word.
 *   renewal  the daemon makes new rings, a thread of the engine's process maps them and offers them; the loop
 *            takes them up between two messages.
 */
#ifndef MAM_LOOP_RETURN_H
#define MAM_LOOP_RETURN_H

#include <stdint.h>

#include "loop.h"

/* cdef: begin */
/* Offers new rings for a bridge whose rings are fenced; from another thread than the loop's. The loop has
 * taken them up when the word RECOVERY_GENERATION of the bridge is `generation`. 0, or −1: an offer waits. */
int mam_loop_renew(struct mam_loop *loop, uint32_t bridge, const struct mam_loop_bridge *rings,
                   uint64_t generation);

/* The daemon's side of a lent out ring. `words`: of the bridge, in shared memory (loop_state.h). */
#define MAM_RECOVERY_OFFSET 64 /* of the words, in the value of the counter "messages released" */
/* First output that is wanted again; 0: nothing is lent. *last: the last one. */
uint64_t mam_lent(const int64_t *words, uint64_t *last);
/* Takes back what a former daemon did not finish writing, and readies the ring for mam_ring_write. */
int mam_lent_attach(const int64_t *words, struct mam_ring *ring, void *region, uint64_t length);
/* All of it is written: the ring is the loop's again. */
void mam_lent_return(int64_t *words, const struct mam_ring *ring);
/* cdef: end */

#endif
