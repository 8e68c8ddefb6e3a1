/*
 * The engine's state as bytes that another process of the same build and the same limits can go on with. The
 * state is plain arrays joined by indexes; only the places of the arrays are addresses, and those become
 * offsets. The same inputs give the same bytes, wherever the memory lay.
 */
#ifndef MAM_SNAPSHOT_H
#define MAM_SNAPSHOT_H

#include <stdint.h>

#include "engine.h"

/* cdef: begin */
/* Between two messages: turns the engine's memory (mam_engine_size bytes) into those bytes, where it is. It
 * is no engine then, until mam_engine_thaw. */
void mam_engine_freeze(struct mam_engine *engine);
/* Makes an engine of such bytes, which were copied to `memory` (64-byte aligned); it has no sink yet. NULL:
 * they are not of these limits. */
struct mam_engine *mam_engine_thaw(void *memory, const struct mam_capacities *limits);
/* Sequence numbers of the last output to a bridge, and of its last message. */
uint64_t mam_engine_last_output(const struct mam_engine *engine, uint32_t bridge);
uint64_t mam_engine_last_input(const struct mam_engine *engine, uint32_t bridge);
/* Role of a bridge of the run (0: not opened) and its name, which is terminated. */
uint32_t mam_engine_bridge(const struct mam_engine *engine, uint32_t bridge, char name[33]);
/* Why it refuses new orders: LogState.suspended; 0: it does not. */
int32_t mam_engine_log_behind(const struct mam_engine *engine);
/* cdef: end */

#endif
