#include "loop_return.h"

#include <mam/directory.h>

#include "bus_guard.h"
#include "loop_resume.h"
#include "loop_state.h"
#include "snapshot.h"

/* --- Resync --- */

void mam_loop_resync(struct mam_loop *loop, uint32_t bridge, const void *message, uint32_t length) {
    struct lane *lane = &loop->lanes[bridge - 1];
    struct mam_resync resync;
    if (length < sizeof resync || lane->recovery == NULL || lane->lent || lane->out_fenced) {
        return;
    }
    memcpy(&resync, message, sizeof resync);
    if (resync.from_sequence == 0 || resync.from_sequence > lane->last_put) {
        return;
    }
    mam_loop_mark_released(lane);
    lane->lent = 1;
    lane->held++; /* the lent ring counts as one: what comes is held behind it */
    lane->next_durable = 0;
    __atomic_store_n(&lane->recovery[RECOVERY_RESEND], (int64_t)resync.from_sequence, __ATOMIC_RELEASE);
}

int mam_loop_still_lent(struct lane *lane) {
    if (__atomic_load_n(&lane->recovery[RECOVERY_RESEND], __ATOMIC_ACQUIRE) != 0) {
        return 1;
    }
    void *region = lane->out.buffer;
    size_t bytes = (size_t)(lane->out.capacity + MAM_RING_TRAILER);
    lane->lent = 0;
    lane->held--;
    if (mam_ring_attach(&lane->out, region, bytes) != 0) {
        return -1;
    }
    mam_ring_batch(&lane->out, 1);
    return 0;
}

uint64_t mam_lent(const int64_t *words, uint64_t *last) {
    int64_t from = __atomic_load_n(&words[RECOVERY_RESEND], __ATOMIC_ACQUIRE);
    *last = (uint64_t)words[RECOVERY_SEQUENCE + 2 * (words[RECOVERY_WHICH] & 1)];
    return from > 0 ? (uint64_t)from : 0;
}

int mam_lent_attach(const int64_t *words, struct mam_ring *ring, void *region, uint64_t length) {
    int status = mam_ring_attach(ring, region, length);
    if (status == 0) {
        mam_loop_mend_out(ring, words[RECOVERY_TAIL + 2 * (words[RECOVERY_WHICH] & 1)]);
    }
    return status;
}

void mam_lent_return(int64_t *words, const struct mam_ring *ring) {
    int64_t which = words[RECOVERY_WHICH] ^ 1;
    words[RECOVERY_SEQUENCE + 2 * which] = words[RECOVERY_SEQUENCE + 2 * (which ^ 1)];
    words[RECOVERY_TAIL + 2 * which] = ring->tail;
    __atomic_store_n(&words[RECOVERY_WHICH], which, __ATOMIC_RELEASE);
    __atomic_store_n(&words[RECOVERY_RESEND], 0, __ATOMIC_RELEASE);
}

/* --- Renewal --- */

void mam_loop_note_generations(struct mam_loop *loop) {
    const struct mam_directory *directory = loop->config.directory;
    for (uint32_t i = 0; i < loop->config.bridge_count && directory != NULL; i++) {
        if (loop->lanes[i].recovery != NULL) {
            loop->lanes[i].recovery[RECOVERY_GENERATION] = (int64_t)directory->bridges[i].generation;
        }
    }
}

int mam_loop_renew(struct mam_loop *loop, uint32_t bridge, const struct mam_loop_bridge *rings,
                   uint64_t generation) {
    struct ring_offer *offer = &loop->offers[bridge - 1];
    if (__atomic_load_n(&offer->ready, __ATOMIC_ACQUIRE)) {
        return -1;
    }
    offer->rings = *rings;
    offer->generation = generation;
    __atomic_store_n(&offer->ready, 1, __ATOMIC_RELEASE);
    __atomic_add_fetch(&loop->offered, 1, __ATOMIC_ACQ_REL);
    return 0;
}

/* What the old rings had is in the journal, or was never taken; the bridge asks for it. */
static int take_up(struct mam_loop *loop, uint32_t bridge, const struct ring_offer *offer) {
    struct lane *lane = &loop->lanes[bridge - 1];
    struct mam_ring in, out;
    if (mam_ring_attach(&in, offer->rings.in, offer->rings.in_length) != 0 ||
        mam_ring_attach(&out, offer->rings.out, offer->rings.out_length) != 0) {
        return -1;
    }
    lane->in = in;
    lane->out = out;
    mam_ring_batch(&lane->out, 1);
    lane->dropped += lane->held - lane->lent;
    mam_loop_empty_hold(lane);
    lane->lent = lane->in_fenced = lane->out_fenced = 0;
    lane->claimed_since = lane->crowded_since = lane->held_since = 0;
    lane->fence_untold = 0;
    mam_bus_guard_replace(lane->guard_in, offer->rings.in, offer->rings.in_length);
    mam_bus_guard_replace(lane->guard_out, offer->rings.out, offer->rings.out_length);
    loop->config.bridges[bridge - 1].in = offer->rings.in;
    loop->config.bridges[bridge - 1].out = offer->rings.out;
    lane->last_put = mam_engine_last_output(loop->engine, bridge);
    if (lane->recovery != NULL) {
        lane->recovery[RECOVERY_TAKEN] = 0;
        lane->recovery[RECOVERY_RESEND] = 0;
        mam_loop_mark_released(lane);
    }
    return 0;
}

void mam_loop_take_up(struct mam_loop *loop, void (*tell)(struct mam_loop *, void *, uint32_t)) {
    for (uint32_t i = 0; i < loop->config.bridge_count; i++) {
        struct ring_offer *offer = &loop->offers[i];
        if (!__atomic_load_n(&offer->ready, __ATOMIC_ACQUIRE)) {
            continue;
        }
        if (take_up(loop, i + 1, offer) == 0) {
            struct mam_bridge_renewed renewed;
            mam_bridge_renewed_init(&renewed);
            renewed.bridge = i + 1;
            renewed.generation = offer->generation;
            tell(loop, &renewed, sizeof renewed);
            if (loop->lanes[i].recovery != NULL) {
                __atomic_store_n(&loop->lanes[i].recovery[RECOVERY_GENERATION], (int64_t)offer->generation,
                                 __ATOMIC_RELEASE);
            }
        }
        __atomic_sub_fetch(&loop->offered, 1, __ATOMIC_ACQ_REL);
        __atomic_store_n(&offer->ready, 0, __ATOMIC_RELEASE);
        return; /* one at a time: each needs room in the journal */
    }
}
