/* Orders at the LPs: immediate-or-cancel, each with a time of its own. Silence is an unknown outcome. */
#include "state.h"

/* Requests about one leg, each after twice the time; then an alarm, and the same time again and again. */
#define ASKS_MAX 10

void mam_leg_set_status(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                        uint8_t status) {
    struct mam_bridge_state *lp = &engine->bridges[leg->bridge];
    bool was_open = leg->status == MAM_LEG_WORKING || leg->status == MAM_LEG_UNKNOWN;
    bool is_open = status == MAM_LEG_WORKING || status == MAM_LEG_UNKNOWN;
    block->open_legs += (uint32_t)is_open - (uint32_t)was_open;
    lp->unknown_legs += (uint32_t)(status == MAM_LEG_UNKNOWN) - (uint32_t)(leg->status == MAM_LEG_UNKNOWN);
    leg->status = status;
    if (!is_open) {
        leg->deadline = INT64_MAX;
    }
}

int64_t mam_leg_timeout(const struct mam_engine *engine, const struct mam_block *block) {
    uint32_t own = block->policy.leg_timeout;
    return (int64_t)(own != 0 ? own : engine->limits.leg_timeout_ms) * 1000000;
}

void mam_leg_send(struct mam_engine *engine, struct mam_block *block, uint32_t lp, uint8_t purpose,
                  int64_t volume, int64_t limit) {
    MAM_ASSERT(block->leg_count < MAM_LEGS_MAX && volume > 0);
    int64_t time = mam_leg_timeout(engine, block);
    if (purpose == MAM_LEG_EXECUTE && block->until != INT64_MAX && block->until - engine->now < time) {
        time = block->until - engine->now;
    }
    uint32_t at = block->leg_count++;
    struct mam_leg_state *state = &block->legs[at];
    *state = (struct mam_leg_state){.bridge = lp,
                                    .purpose = purpose,
                                    .side = purpose == MAM_LEG_EXECUTE ? block->side : block->side ^ 1u,
                                    .volume = volume,
                                    .sent = engine->now,
                                    .deadline = engine->now + time};
    mam_leg_set_status(engine, block, state, MAM_LEG_WORKING);
    mam_block_wake(engine, block, state->deadline);
    struct mam_leg leg;
    mam_leg_init(&leg);
    leg.block = block->id;
    leg.leg = at;
    leg.volume = volume;
    leg.price = limit;
    leg.time_limit = time < 1000000 ? 1 : (uint32_t)(time / 1000000); /* 0 would be none */
    leg.instrument = engine->instruments[block->instrument].definition.instrument;
    leg.side = state->side;
    leg.sent = engine->now;
    mam_emit(engine, lp, &leg, sizeof leg);
}

/* A LegCancel takes back what works of the leg, and asks how much was filled. */
static void send_cancel(struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_leg_state *leg) {
    mam_cancel_leg(engine, leg->bridge, block->id, (uint32_t)(leg - block->legs));
}

/* Asks again after twice the time, and never stops: one answer that is lost must not hold the block for good.
 */
void mam_leg_ask(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg) {
    send_cancel(engine, block, leg);
    if (leg->asked < ASKS_MAX && ++leg->asked == ASKS_MAX) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_LP_SILENT, block->id, 0);
    }
    uint32_t doubled = leg->asked < ASKS_MAX ? leg->asked : ASKS_MAX - 1;
    leg->deadline = engine->now + mam_leg_timeout(engine, block) * (1 << doubled);
    mam_block_wake(engine, block, leg->deadline);
}

void mam_legs_ask_anew(struct mam_engine *engine, uint32_t lp) {
    uint32_t left = engine->bridges[lp].unknown_legs;
    for (uint32_t at = engine->first_block; at != MAM_NONE && left > 0; at = engine->blocks[at].next) {
        struct mam_block *block = &engine->blocks[at];
        for (uint32_t i = 0; i < block->leg_count; i++) {
            struct mam_leg_state *leg = &block->legs[i];
            if (leg->bridge == lp && leg->status == MAM_LEG_UNKNOWN) {
                leg->asked = 0;
                leg->deadline = engine->now;
                mam_block_wake(engine, block, leg->deadline);
                left--;
            }
        }
    }
}

/* The LP is asked, the block waits, a person is told, and the LP gets nothing new. Nothing is sent again. */
void mam_leg_silent(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg) {
    if (leg->status == MAM_LEG_WORKING) {
        mam_leg_set_status(engine, block, leg, MAM_LEG_UNKNOWN);
        mam_leg_ask(engine, block, leg);
        if (!leg->alarmed) {
            leg->alarmed = 1;
            mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_LP_SILENT, block->id, 0);
        }
    }
}

/* --- What is still wanted --- */

int64_t mam_legs_wanted(const struct mam_block *block) {
    uint8_t purpose = block->status == MAM_BLOCK_STATUS_WORKING ? MAM_LEG_EXECUTE : MAM_LEG_REVERSE;
    int64_t wanted = purpose == MAM_LEG_EXECUTE ? mam_block_target(block) - block->filled : block->to_reverse;
    for (uint32_t i = 0; i < block->leg_count; i++) {
        const struct mam_leg_state *leg = &block->legs[i];
        bool open = leg->status == MAM_LEG_WORKING || leg->status == MAM_LEG_UNKNOWN;
        if (open && leg->purpose == purpose && leg->sum.known < leg->volume) {
            wanted -= leg->volume - leg->sum.known;
        }
    }
    return wanted;
}

void mam_legs_next(struct mam_engine *engine, struct mam_block *block) {
    if (block->status != MAM_BLOCK_STATUS_WORKING) {
        int64_t wanted = mam_legs_wanted(block);
        if (wanted > 0) {
            mam_sweep(engine, block, MAM_LEG_REVERSE, wanted);
        }
        if (block->open_legs == 0) {
            mam_reverse_over(engine, block);
        }
        return;
    }
    int64_t wanted = mam_legs_wanted(block);
    if (wanted > 0 && block->stopped == MAM_REASON_NONE && !engine->halted && engine->now < block->until &&
        block->policy.on_partial == MAM_ON_PARTIAL_COMPLETE) {
        mam_sweep(engine, block, MAM_LEG_EXECUTE, wanted);
    }
    if (block->open_legs == 0) {
        mam_block_executed(engine, block,
                           block->stopped != MAM_REASON_NONE ? block->stopped : block->leg_reason);
    }
}

/* --- Cancels and time --- */

static void take_back(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    if (block->stopped == MAM_REASON_NONE) {
        block->stopped = reason;
    }
    if (!block->cancel_sent) {
        block->cancel_sent = 1;
        for (uint32_t i = 0; i < block->leg_count; i++) {
            if (block->legs[i].status == MAM_LEG_WORKING) {
                send_cancel(engine, block, &block->legs[i]);
            }
        }
    }
}

uint16_t mam_cancel_working(struct mam_engine *engine, struct mam_block *block, const void *message,
                            uint16_t *field) {
    (void)message, (void)field;
    take_back(engine, block, MAM_REASON_CANCELLED);
    return MAM_REASON_NONE;
}

/* It has ended, or never was: that a cancel comes too late is usual. */
uint16_t mam_cancel_gone(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    (void)engine, (void)block, (void)message;
    *field = 2;
    return MAM_REASON_UNKNOWN_BLOCK;
}

/* Its volumes are decided: what follows is the children's, or the way back. */
uint16_t mam_cancel_late(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    (void)engine, (void)block, (void)message;
    *field = 2;
    return MAM_REASON_WRONG_STATE;
}

/* The next Clock takes its legs back: a kill may meet every block there is. */
uint16_t mam_kill_working(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    (void)message, (void)field;
    if (block->stopped == MAM_REASON_NONE) {
        block->stopped = MAM_REASON_KILLED;
    }
    mam_block_wake(engine, block, engine->now);
    return MAM_REASON_NONE;
}

/* What was executed is booked, or traded out, to the end. */
uint16_t mam_kill_later(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    (void)engine, (void)block, (void)message, (void)field;
    return MAM_REASON_NONE;
}

static void leg_late(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg) {
    if (leg->status == MAM_LEG_WORKING) {
        mam_leg_silent(engine, block, leg);
    } else {
        mam_leg_ask(engine, block, leg);
    }
}

uint16_t mam_clock_legs(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    (void)message, (void)field;
    if (block->status == MAM_BLOCK_STATUS_WORKING) {
        if (engine->now >= block->until) {
            take_back(engine, block, MAM_REASON_TIME_LIMIT);
        } else if (block->stopped != MAM_REASON_NONE) {
            take_back(engine, block, block->stopped);
        }
    }
    for (uint32_t i = 0; i < block->leg_count; i++) {
        struct mam_leg_state *leg = &block->legs[i];
        if (leg->status != MAM_LEG_ENDED && leg->deadline <= engine->now) {
            leg_late(engine, block, leg);
        }
        if (leg->deadline < block->deadline) {
            mam_block_wake(engine, block, leg->deadline);
        }
    }
    if (block->status == MAM_BLOCK_STATUS_WORKING && block->until > engine->now &&
        block->until < block->deadline) {
        mam_block_wake(engine, block, block->until);
    }
    return MAM_REASON_NONE;
}
