/*
 * The log, run again: an engine is fed the journaled inputs, and what it says is compared with the journaled
 * outputs, byte for byte. For `mam audit replay`, and for an engine that goes on where a killed one stopped.
 */
#ifndef MAM_REPLAY_H
#define MAM_REPLAY_H

#include <stdint.h>

#include "engine.h"
#include "journal_entry.h"

/* cdef: begin */
#define MAM_REPLAY_OK 0
#define MAM_REPLAY_OPENED 1    /* before an input that opens a run: make an engine for it, then go on there */
#define MAM_REPLAY_DIFFERENT 2 /* the log has this output, the engine says another, or no more */
#define MAM_REPLAY_MISSING 3   /* before an input: the engine said more than the log has */
#define MAM_REPLAY_NO_RUN 4    /* an input before any run was opened */
#define MAM_REPLAY_NOT_HELD 5  /* the observer has no room */

struct mam_replay {
    struct mam_engine *engine; /* NULL: no run yet */
    struct mam_buffer said;    /* of the last input: what the engine said */
    uint64_t compared;         /* bytes of it that the log has too */
    uint64_t inputs, outputs;
    uint64_t consumed[65]; /* inputs of each bridge in this run, bridge 0 first */
    uint64_t sequence;     /* of the next journal entry */
    int64_t time;          /* of the last entry */
    int32_t skip;          /* before the first Opened there may be the end of an older run: pass over it */
    int32_t reserved;
    uint64_t at; /* entry of the batch that the last call stopped at */
    /* told of each entry that was right; not 0: stop. Or NULL */
    int (*seen)(void *context, const struct mam_entry_header *header, const void *message);
    void *context;
};

/* Goes on with `engine`, which must be new. `bytes`: room for all that one message can cause
 * (mam_engine_worst_case with overhead 16, and 64 KiB). */
void mam_replay_open(struct mam_replay *replay, struct mam_engine *engine, uint8_t *bytes, uint64_t capacity);
/* Feeds entries that begin at these offsets from `base` (as mam_scan_run gives them), from number `first` on;
 * MAM_REPLAY_… After OPENED and mam_replay_open, go on with `first` = at and `opened` = 1. */
int mam_replay_feed(struct mam_replay *replay, const uint8_t *base, const uint64_t *offsets, uint64_t count,
                    uint64_t first, int opened);
/* What the engine says next and the log does not have (yet): length, with *bridge and *message; 0: nothing.
 */
uint32_t mam_replay_next(const struct mam_replay *replay, uint32_t *bridge, const uint8_t **message);
/* Steps over it. */
void mam_replay_step(struct mam_replay *replay);
/* cdef: end */

#endif
