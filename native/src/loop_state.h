/*
 * The loop's own state, for the files that make the loop: loop.c runs it, loop_resume.c goes on with the run
 * of an engine that was killed.
 */
#ifndef MAM_LOOP_STATE_H
#define MAM_LOOP_STATE_H

#include <mam/counters.h>
#include <mam/messages.h>
#include <mam/ring.h>

#include "assert.h"
#include "journal_entry.h"
#include "loop.h"

#define LARGEST_OUTPUT 1024
#define ENTRY_SPACE (LARGEST_OUTPUT + MAM_ENTRY_HEADER)

/*
 * What the next engine must know of each bridge's rings, in the unused second half of the 128 bytes of the
 * bridge's counter "messages released". The pair (sequence, tail) of the last output in the out ring is
 * written beside the valid one, then made the valid one: a kill leaves the old or the new.
 */
enum recovery_word {
    RECOVERY_TAKEN,    /* position in the in ring behind the last message that was journaled */
    RECOVERY_WHICH,    /* 0 or 1: the valid pair */
    RECOVERY_SEQUENCE, /* of pair 0; pair 1 two words later */
    RECOVERY_TAIL,     /* of the out ring right behind it */
    RECOVERY_RESEND =
        6, /* the out ring is lent to the daemon, to send again from this output on; 0: it is not */
    RECOVERY_GENERATION, /* of the rings that all this is about */
    RECOVERY_WORDS,
};

/* New rings for a bridge, from the thread that mapped them. */
struct ring_offer {
    struct mam_loop_bridge rings;
    uint64_t generation;
    int32_t ready;
};

struct lane {
    struct mam_ring in, out;
    struct mam_ring
        hold;     /* private: outputs that the out ring cannot take yet, or that must be durable first */
    int64_t held; /* messages in it */
    int64_t held_since;    /* time at which the oldest began to wait; 0: none waits */
    int64_t claimed_since; /* time at which the producer was seen inside a write; 0: it is not */
    int64_t claimed_at;    /* position of that write */
    int64_t hole_since;    /* time at which tail was seen ahead of a record that is not there */
    int64_t hole_at;       /* its position, -1: there is none */
    int64_t crowded_since; /* time at which its hold memory was found too full to go on; 0: it is not */
    uint64_t next_durable; /* held head: released when this many records are durable */
    int32_t in_fenced, out_fenced;
    int32_t fence_code, fence_untold; /* a fence that the engine has not heard of yet */
    int64_t dropped;
    int64_t consumed, released;
    int guard_in, guard_out; /* numbers of its regions at the bus guard */
    uint64_t last_put;       /* sequence number of the last output written to the out ring */
    /* resuming: what is told to be in the out ring, where that ends, and where the ring's records end */
    uint64_t told;
    int64_t told_tail, end_tail;
    int64_t taken;     /* position behind the message that is being consumed */
    int32_t lent;      /* the out ring is the daemon's for now */
    int64_t *recovery; /* RECOVERY_WORDS in shared memory, which the next engine of this run reads; or NULL */
};

struct mam_loop {
    struct mam_loop_config config;
    struct mam_engine *engine;
    struct mam_ring journal;
    uint64_t journal_sequence; /* of the next entry */
    uint64_t host_sequence;
    int64_t worst_case; /* bytes of journal ring that one message can need */
    int64_t hold_worst_case;
    int64_t now, heartbeat_due;
    int64_t consumed, since_counters;
    int64_t journal_stalls, fenced, fences_untold, loops;
    uint64_t touched;                 /* lanes with outputs that wait for the flush, a bit each */
    uint32_t batched;                 /* outputs since the last flush */
    int64_t clock_error, clock_steps; /* as last told to the engine */
    int64_t clock_due;                /* when it is told again */
    int64_t lost;                     /* resuming without memory: for Continued; -1: the memory is there */
    int32_t offered;                  /* offers that wait */
    int32_t suspended;                /* the log is too far behind, and the engine knows */
    int32_t stop;
    int32_t regions_lost;
    uint32_t idle_rounds;
    uint32_t last_source, last_length; /* resuming: the last input of the log */
    uint8_t last_input[MAM_INPUT_MAX];
    struct lane lanes[MAM_BRIDGES_MAX];
    struct ring_offer offers[MAM_BRIDGES_MAX];
};

/* Journals one entry; there must be room. */
void mam_loop_journal(struct mam_loop *loop, uint8_t kind, uint32_t bridge, const void *message,
                      uint32_t length);
/* The engine's sink: journals an output, and releases or holds it. */
void mam_loop_put(void *context, uint32_t bridge, const void *message, uint32_t length);
/* Lets what was put go: the engine's `said`. */
void mam_loop_flush(void *context);
/* Holds an output until `records` journal entries are on disk and the ring has room; 0, or MAM_RING_FULL. */
int mam_loop_hold(struct lane *lane, const void *message, uint32_t length, uint64_t records);
/* Forgets what waits there. */
void mam_loop_empty_hold(struct lane *lane);
/* Tells the next engine of this run what the out ring has got; after its flush. */
void mam_loop_mark_released(struct lane *lane);
/* Behind `tail` there may be more records: those that are whole stay, the first that is not is taken back. */
void mam_loop_mend_out(struct mam_ring *ring, int64_t tail);
/* Before a bridge's Resync is consumed: lends its out ring if outputs are to be sent again. */
void mam_loop_resync(struct mam_loop *loop, uint32_t bridge, const void *message, uint32_t length);
/* Says which rings the words in shared memory are about. */
void mam_loop_note_generations(struct mam_loop *loop);
/* 1: it is still lent. 0: it is ours again. -1: and its words are broken. */
int mam_loop_still_lent(struct lane *lane);
/* Takes up one offer; the journal must have room. `tell` sends a message of the host. */
void mam_loop_take_up(struct mam_loop *loop, void (*tell)(struct mam_loop *, void *, uint32_t));
/* The message as the journal has it: a record whose type is not its message's is no message, length 0. */
uint32_t mam_loop_taken(const void *message, int32_t length, int32_t type);

#endif
