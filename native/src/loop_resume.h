/*
 * Going on where a killed engine stopped: same regions, same run, nothing lost and nothing twice.
 *
 * The state is made again from the log: the new engine is fed every journaled input of the run. Then
 *   the journal ring    a record that was never finished is taken back
 *   the last input      outputs that were not journaled any more are journaled now: they are the same
 *   the out rings       every output that is in the journal, and was not put into its ring, is put
 *   the in rings        messages that are in the journal and not yet given back are given back, not read
 * again
 */
#ifndef MAM_LOOP_RESUME_H
#define MAM_LOOP_RESUME_H

#include <stdint.h>

#include "loop.h"
#include "replay.h"

/* cdef: begin */
/* Takes back unfinished records; call once, after mam_loop_create, while no engine runs. 1: this journal has
 * a run to go on with. 0: it has none, run it as a new one. −1: it cannot be gone on with, see `error` (200
 * bytes). */
int mam_loop_resume_begin(struct mam_loop *loop, char *error);
/* Instead, in new shared memory: the log has a run to go on with. `lost`: at most so many journal entries of
 * it were not on disk when the memory went. */
void mam_loop_restore_begin(struct mam_loop *loop, uint64_t lost);
/* Has the audit writer taken all of the journal ring? Only then read the log. */
int mam_loop_drained(const struct mam_loop *loop);
/* Sets `replay` to feed this loop's engine; again at each Opened, which begins with nothing. */
void mam_loop_resume_open(struct mam_loop *loop, struct mam_replay *replay, uint8_t *bytes,
                          uint64_t capacity);
/* The engine's memory (mam_engine_size bytes), to read a snapshot into; then, with replay's consumed,
 * sequence and time set to the snapshot's, thaw. −1: it is of other limits, or a bridge waits for what is
 * before it: take an older one, or none. */
void *mam_loop_resume_memory(struct mam_loop *loop);
int mam_loop_resume_thaw(struct mam_loop *loop, struct mam_replay *replay, uint8_t *bytes, uint64_t capacity);
/* After the last entry of the log. 0, or −1 and one line in `error`. Then mam_loop_run goes on. */
int mam_loop_resume_finish(struct mam_loop *loop, struct mam_replay *replay, char *error);
/* cdef: end */

#endif
