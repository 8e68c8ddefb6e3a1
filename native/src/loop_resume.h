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
/* Has the audit writer taken all of the journal ring? Only then read the log. */
int mam_loop_drained(const struct mam_loop *loop);
/* Sets `replay` to feed this loop's engine; again at each Opened, which begins with nothing. */
void mam_loop_resume_open(struct mam_loop *loop, struct mam_replay *replay, uint8_t *bytes,
                          uint64_t capacity);
/* After the last entry of the log. 0, or −1 and one line in `error`. Then mam_loop_run goes on. */
int mam_loop_resume_finish(struct mam_loop *loop, struct mam_replay *replay, char *error);
/* cdef: end */

#endif
