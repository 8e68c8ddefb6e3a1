/* Execution at the LPs: one immediate-or-cancel leg at a time, the best price first. */
#include "state.h"

enum leg_status { LEG_UNUSED, LEG_WORKING, LEG_ENDED, LEG_SILENT };

/* Is price a at least as good as b for that side? */
static bool at_least_as_good(uint8_t side, int64_t a, int64_t b) {
    return side == MAM_SIDE_BUY ? a <= b : a >= b;
}

static bool used_before(const struct mam_block *block, uint32_t bridge) {
    for (uint32_t i = 0; i < block->leg_count; i++) {
        if (block->legs[i].bridge == bridge) {
            return true;
        }
    }
    return false;
}

static bool quote_usable(const struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_quote_state *quote) {
    int64_t limit = (int64_t)engine->instruments[block->instrument].definition.stale_after * 1000000;
    return quote->bid > 0 && (limit == 0 || engine->now - quote->time <= limit);
}

/* Best price, then the larger size, then the lower bridge. MAM_NONE: nobody within the block's limit. */
static uint32_t best_lp(struct mam_engine *engine, const struct mam_block *block, int64_t *price) {
    uint32_t best = MAM_NONE;
    int64_t best_size = 0;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        const struct mam_quote_state *quote = mam_quote_at(engine, block->instrument, bridge);
        if (engine->bridges[bridge].role != MAM_ROLE_LP) {
            continue; /* a server's prices are nobody's to deal on */
        }
        if (!quote_usable(engine, block, quote) || used_before(block, bridge)) {
            continue;
        }
        int64_t offered = block->side == MAM_SIDE_BUY ? quote->ask : quote->bid;
        int64_t size = block->side == MAM_SIDE_BUY ? quote->ask_volume : quote->bid_volume;
        if (block->price_limit != 0 && !at_least_as_good(block->side, offered, block->price_limit)) {
            continue;
        }
        bool better = best == MAM_NONE || !at_least_as_good(block->side, *price, offered) ||
                      (offered == *price && size > best_size);
        if (better) {
            best = bridge;
            best_size = size;
            *price = offered;
        }
    }
    return best;
}

/* The worst price a fill may have: the master's price, or else the first best one, and the deviation. 0: any.
 */
static void set_limit(struct mam_block *block, int64_t best) {
    if (block->leg_count != 0 || block->price_limit != 0) {
        return;
    }
    int64_t from = block->reference_price != 0 ? block->reference_price : best;
    if (block->reference_price == 0 && block->deviation == 0) {
        return;
    }
    int64_t away = block->side == MAM_SIDE_BUY ? block->deviation : -block->deviation;
    int64_t limit;
    block->price_limit = __builtin_add_overflow(from, away, &limit) || limit < 1 ? 1 : limit;
}

bool mam_leg_send_next(struct mam_engine *engine, struct mam_block *block) {
    if (!block->plan_emitted) {
        mam_law_broken(engine, 4, block->id);
        return false;
    }
    int64_t price = 0;
    if (block->reference_price != 0) {
        set_limit(block, 0);
    }
    uint32_t bridge = best_lp(engine, block, &price);
    if (bridge == MAM_NONE || block->leg_count == MAM_BRIDGES_MAX) {
        return false;
    }
    set_limit(block, price);
    uint32_t timeout =
        block->policy.leg_timeout != 0 ? block->policy.leg_timeout : engine->limits.leg_timeout_ms;
    uint32_t at = block->leg_count++;
    block->legs[at] = (struct mam_leg_state){
        .bridge = bridge, .status = LEG_WORKING, .volume = mam_block_target(block) - block->filled};
    mam_block_deadline(engine, block, timeout);
    struct mam_leg leg;
    mam_leg_init(&leg);
    leg.block = block->id;
    leg.leg = at;
    leg.volume = block->legs[at].volume;
    leg.price = block->price_limit;
    leg.time_limit = timeout;
    leg.instrument = engine->instruments[block->instrument].definition.instrument;
    leg.side = block->side;
    leg.sent = engine->now;
    mam_emit(engine, bridge, &leg, sizeof leg);
    return true;
}

static void ask_about(struct mam_engine *engine, const struct mam_block *block, uint32_t at) {
    struct mam_leg_cancel cancel;
    mam_leg_cancel_init(&cancel);
    cancel.block = block->id;
    cancel.leg = at;
    mam_emit(engine, block->legs[at].bridge, &cancel, sizeof cancel);
}

void mam_leg_cancel(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->leg_count; i++) {
        if (block->legs[i].status == LEG_WORKING) {
            ask_about(engine, block, i);
        }
    }
}

/* Silence is an unknown outcome: the LP is asked, the block waits, a person is told. Nothing is sent again.
 */
void mam_leg_timeout(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->leg_count; i++) {
        if (block->legs[i].status == LEG_WORKING) {
            block->legs[i].status = LEG_SILENT;
            ask_about(engine, block, i);
            mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_LP_SILENT, block->id, 0);
        }
    }
}

/* --- What LPs answer --- */

static uint16_t impossible(struct mam_engine *engine, uint32_t block, uint16_t reason) {
    engine->counts.impossible++;
    mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_IMPOSSIBLE, reason, block, 0);
    return reason;
}

static uint16_t check_fill(struct mam_engine *engine, const struct mam_block *block,
                           const struct mam_leg_state *leg, const struct mam_execution *m, uint16_t *field) {
    *field = 5;
    if (m->volume <= 0 || m->price <= 0 || m->price > MAM_PRICE_MAX) {
        *field = m->volume <= 0 ? 5 : 6;
        return impossible(engine, block->id, MAM_REASON_OUT_OF_RANGE);
    }
    *field = 7;
    if (m->cumulative <= leg->cumulative) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (m->cumulative > leg->volume) {
        return impossible(engine, block->id, MAM_REASON_OVERFILLED);
    }
    if (m->cumulative - leg->cumulative != m->volume) {
        return impossible(engine, block->id, MAM_REASON_SEQUENCE_GAP);
    }
    if (leg->status == LEG_ENDED) {
        return impossible(engine, block->id, MAM_REASON_WRONG_STATE);
    }
    return MAM_REASON_NONE;
}

static void leg_ended(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                      uint16_t reason) {
    leg->status = LEG_ENDED;
    bool more = block->filled < mam_block_target(block) && !block->cancelled &&
                block->policy.on_partial == MAM_ON_PARTIAL_COMPLETE;
    if (more && mam_leg_send_next(engine, block)) {
        return;
    }
    block->deadline = INT64_MAX;
    mam_block_executed(engine, block, block->cancelled ? MAM_REASON_CANCELLED : reason);
}

static uint16_t on_fill(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                        const struct mam_execution *m, uint16_t *field) {
    uint16_t reason = check_fill(engine, block, leg, m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (block->price_limit != 0 && !at_least_as_good(block->side, m->price, block->price_limit)) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_IMPOSSIBLE, MAM_REASON_PRICE_MISMATCH, block->id, 0);
    }
    leg->cumulative = m->cumulative;
    block->filled += m->volume;
    block->notional += (__int128)m->volume * m->price;
    mam_entitle(engine, block);
    mam_block_law_check(engine, block);
    if (leg->cumulative == leg->volume) {
        leg_ended(engine, block, leg, MAM_REASON_NONE);
    }
    return MAM_REASON_NONE;
}

uint16_t mam_on_execution(struct mam_engine *engine, const struct mam_execution *m, uint16_t *field) {
    struct mam_block *block = mam_block_find(engine, m->block);
    *field = 2;
    if (block == NULL || m->leg >= block->leg_count) {
        return impossible(engine, m->block, MAM_REASON_UNKNOWN_BLOCK);
    }
    struct mam_leg_state *leg = &block->legs[m->leg];
    if (leg->bridge != engine->bridge) {
        return impossible(engine, m->block, MAM_REASON_WRONG_SOURCE);
    }
    if (block->status != MAM_BLOCK_STATUS_WORKING) {
        return impossible(engine, m->block, MAM_REASON_WRONG_STATE);
    }
    switch (m->kind) {
    case MAM_EXECUTION_KIND_TRADE:
        return on_fill(engine, block, leg, m, field);
    case MAM_EXECUTION_KIND_REJECTED:
    case MAM_EXECUTION_KIND_ENDED:
        *field = 7;
        if (leg->status == LEG_ENDED || m->cumulative != leg->cumulative) {
            return impossible(engine, m->block, MAM_REASON_WRONG_STATE);
        }
        leg_ended(engine, block, leg,
                  m->kind == MAM_EXECUTION_KIND_REJECTED ? MAM_REASON_LP_REJECTED : MAM_REASON_NOT_EXECUTED);
        return MAM_REASON_NONE;
    default:
        *field = 10;
        return impossible(engine, m->block, MAM_REASON_NOT_SUPPORTED);
    }
}
