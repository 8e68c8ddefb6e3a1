/* The constraints, recomputed from live state for every plan, each as the largest volume that it allows. */
#include "state.h"

static bool side_allowed(uint8_t trade_mode, uint8_t side) {
    return trade_mode == MAM_TRADE_MODE_FULL ||
           (trade_mode == MAM_TRADE_MODE_LONG_ONLY && side == MAM_SIDE_BUY) ||
           (trade_mode == MAM_TRADE_MODE_SHORT_ONLY && side == MAM_SIDE_SELL);
}

static void tighten(struct mam_cap *cap, int64_t volume, uint16_t reason, uint8_t binding) {
    if (volume < cap->volume) {
        cap->volume = volume;
        cap->reason = reason;
        cap->binding = binding;
    }
}

#define HEDGE_PROHIBITED 0x200 /* MT5 group trade flag: no opposite positions, else 10046 */

/* An account that may hold one side of an instrument only has the other one open, or on its way. */
static bool would_hedge(const struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_account_state_row *account) {
    if ((account->definition.trade_flags & HEDGE_PROHIBITED) == 0 ||
        account->margin_mode != MAM_MARGIN_MODE_HEDGING) {
        return false;
    }
    uint32_t at = mam_stake_find(engine, (uint32_t)(account - engine->accounts), block->instrument);
    return at != MAM_TABLE_NONE &&
           mam_slot_exposure(&engine->books, &engine->books.stakes[at])->side[block->side ^ 1u].volume > 0;
}

static void permission(const struct mam_engine *engine, const struct mam_block *block,
                       const struct mam_account_state_row *account, const struct mam_instrument *instrument,
                       struct mam_cap *cap) {
    if (!side_allowed(account->trade_mode, block->side) ||
        !side_allowed(instrument->trade_mode, block->side)) {
        tighten(cap, 0, MAM_REASON_PERMISSION, MAM_CONSTRAINT_PERMISSION);
    }
    if (would_hedge(engine, block, account)) {
        tighten(cap, 0, MAM_REASON_HEDGE_PROHIBITED, MAM_CONSTRAINT_PERMISSION);
    }
}

static void synchronised(const struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_account_state_row *account, struct mam_cap *cap) {
    int64_t max_age = (int64_t)block->policy.state_max_age * 1000000;
    if (!account->has_state) {
        tighten(cap, 0, MAM_REASON_STATE_MISSING, MAM_CONSTRAINT_SYNC);
    } else if (max_age > 0 && engine->now - account->state_time > max_age) {
        tighten(cap, 0, MAM_REASON_STATE_STALE, MAM_CONSTRAINT_SYNC);
    }
    uint16_t unfit = mam_account_unfit(engine, (uint32_t)(account - engine->accounts));
    if (unfit != MAM_REASON_NONE) {
        tighten(cap, 0, unfit, MAM_CONSTRAINT_SYNC);
    }
    if (account->out_of_sync) {
        tighten(cap, 0, MAM_REASON_OUT_OF_SYNC, MAM_CONSTRAINT_SYNC);
    }
}

/* Does the plan look at what the member's positions are worth? */
static bool needs_marks(const struct mam_block *block, const struct mam_member *terms) {
    uint8_t method = block->policy.method;
    return method == MAM_METHOD_EQUITY || method == MAM_METHOD_FREE_MARGIN || method == MAM_METHOD_RISK ||
           block->policy.rounding == MAM_ROUNDING_LARGEST_EQUITY || terms->margin_buffer > 0 ||
           terms->max_leverage > 0 || terms->drawdown_basis != MAM_DRAWDOWN_BASIS_NONE;
}

/* --- The instrument's limit --- */

static const struct mam_exposure *held_of(const struct mam_engine *engine, const struct mam_block *block,
                                          const struct mam_account_state_row *account) {
    static const struct mam_exposure nothing = {0};
    uint32_t stake = mam_stake_find(engine, (uint32_t)(account - engine->accounts), block->instrument);
    return stake == MAM_TABLE_NONE ? &nothing
                                   : mam_slot_exposure(&engine->books, &engine->books.stakes[stake]);
}

/* What a netting account holds the other way: an order closes that before it opens anything. */
static int64_t opposite_of(const struct mam_engine *engine, const struct mam_block *block,
                           const struct mam_account_state_row *account) {
    return account->margin_mode == MAM_MARGIN_MODE_HEDGING
               ? 0
               : held_of(engine, block, account)->side[block->side ^ 1u].volume;
}

/* Most volume of an account in one direction, bookings in flight included. */
static void volume_limit(const struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_account_state_row *account, int64_t limit, struct mam_cap *cap) {
    if (limit == 0 || cap->volume == 0) {
        return;
    }
    __int128 room = (__int128)limit + opposite_of(engine, block, account) -
                    held_of(engine, block, account)->side[block->side].volume;
    tighten(cap,
            room < 0           ? 0
            : room > INT64_MAX ? INT64_MAX
                               : (int64_t)room,
            MAM_REASON_VOLUME_LIMIT, MAM_CONSTRAINT_INSTRUMENT_MAXIMUM);
}

/* --- Margin buffer --- */

static struct mam_term *margin_slot(struct mam_engine *engine, const struct mam_account_state_row *account) {
    uint32_t leverage = account->leverage, server_group = account->definition.server_group;
    uint8_t currency = account->currency;
    uint32_t at = (leverage * 31 + currency + server_group * 7) % MAM_TERMS_MARGINS;
    if (engine->terms.margin[at].leverage != leverage || engine->terms.margin[at].currency != currency ||
        engine->terms.margin[at].server_group != server_group) {
        engine->terms.margin[at].leverage = leverage;
        engine->terms.margin[at].currency = currency;
        engine->terms.margin[at].server_group = server_group;
        engine->terms.margin[at].term.stamp = 0;
    }
    return &engine->terms.margin[at].term;
}

/* Initial margin of one more lot, in the account's currency: a buy is converted at the dearer side. */
static const struct mam_term *margin_in(struct mam_engine *engine, const struct mam_block *block,
                                        const struct mam_account_state_row *account,
                                        const struct mam_contract *contract) {
    struct mam_term *term = margin_slot(engine, account);
    if (term->stamp == engine->terms.stamp) {
        return term;
    }
    enum mam_reason reason = engine->terms.price == 0
                                 ? MAM_REASON_NO_QUOTE
                                 : mam_margin_per_lot(contract->definition, block->side, MAM_STAGE_INITIAL,
                                                      engine->terms.price, account->leverage, &term->per_lot);
    return mam_term_settle(engine, term, reason, engine->instruments[block->instrument].margin,
                           account->currency, block->side == MAM_SIDE_BUY);
}

/* The largest volume after which equity / margin is at least the member's buffer. No rate, no new risk. */
static void margin_buffer(struct mam_engine *engine, const struct mam_block *block,
                          const struct mam_account_state_row *account, const struct mam_contract *contract,
                          int64_t buffer, struct mam_cap *cap) {
    if (buffer == 0 || cap->volume == 0) {
        return;
    }
    const struct mam_term *margin = margin_in(engine, block, account, contract);
    if (!margin->good) {
        tighten(cap, 0, margin->reason, MAM_CONSTRAINT_MARGIN_BUFFER);
        return;
    }
    uint32_t at = (uint32_t)(account - engine->accounts);
    enum mam_reason reason = MAM_REASON_NONE;
    int64_t volume;
    if (contract->tiers->count > 0 || mam_stake_find(engine, at, block->instrument) != MAM_TABLE_NONE) {
        volume = mam_buffer_volume(engine, at, block->instrument, block->side, engine->terms.price, buffer,
                                   &reason);
    } else {
        volume = mam_volume_for_margin(account->equity, account->margin, &margin->per_lot, buffer);
    }
    reason = reason != MAM_REASON_NONE ? reason : MAM_REASON_MARGIN_BUFFER;
    tighten(cap, volume, (uint16_t)reason, MAM_CONSTRAINT_MARGIN_BUFFER);
}

/* --- Leverage --- */

static const struct mam_term *exposure_in(struct mam_engine *engine, const struct mam_block *block,
                                          uint8_t currency) {
    struct mam_term *term = &engine->terms.exposure[currency];
    if (term->stamp == engine->terms.stamp) {
        return term;
    }
    const struct mam_instrument_state *instrument = &engine->instruments[block->instrument];
    enum mam_reason reason =
        engine->terms.price == 0
            ? MAM_REASON_NO_QUOTE
            : mam_exposure_per_lot(&instrument->definition, engine->terms.price, &term->per_lot);
    return mam_term_settle(engine, term, reason, instrument->profit, currency, true);
}

/*
 * Exposure of all positions as they would be after the order: bookings in flight are in the books; what a
 * netting account holds the other way is closed first.
 */
static void leverage(struct mam_engine *engine, const struct mam_block *block,
                     const struct mam_account_state_row *account, int64_t maximum, struct mam_cap *cap) {
    if (maximum == 0 || cap->volume == 0) {
        return;
    }
    const struct mam_term *exposure = exposure_in(engine, block, account->currency);
    if (!exposure->good) {
        tighten(cap, 0, exposure->reason, MAM_CONSTRAINT_LEVERAGE);
        return;
    }
    uint32_t at = (uint32_t)(account - engine->accounts);
    int64_t nets = opposite_of(engine, block, account);
    int64_t others =
        mam_account_exposure(engine, at, nets > 0 ? block->instrument : MAM_NONE, block->side ^ 1u);
    __int128 volume = nets;
    volume += mam_volume_for_leverage(account->equity, others, &exposure->per_lot, maximum);
    tighten(cap, volume > INT64_MAX ? INT64_MAX : (int64_t)volume, MAM_REASON_LEVERAGE,
            MAM_CONSTRAINT_LEVERAGE);
}

struct mam_cap mam_cap_of(struct mam_engine *engine, const struct mam_block *block,
                          const struct mam_member_state *member) {
    const struct mam_account_state_row *account = &engine->accounts[member->account];
    const struct mam_contract contract = mam_contract_of(engine, member->account, block->instrument);
    struct mam_cap cap = {
        .volume = INT64_MAX, .binding = MAM_CONSTRAINT_NONE, .minimum = contract.definition->volume_min};
    permission(engine, block, account, contract.definition, &cap);
    synchronised(engine, block, account, &cap);
    if (needs_marks(block, &member->terms) && mam_account_stale(engine, member->account)) {
        tighten(&cap, 0, MAM_REASON_STALE_QUOTE, MAM_CONSTRAINT_SYNC);
    }
    if (mam_member_stopped(engine, member)) {
        tighten(&cap, 0, MAM_REASON_DRAWDOWN_STOP, MAM_CONSTRAINT_DRAWDOWN);
    }
    if (member->terms.max_volume > 0) {
        tighten(&cap, member->terms.max_volume, MAM_REASON_MEMBER_MAXIMUM, MAM_CONSTRAINT_MEMBER_MAXIMUM);
    }
    tighten(&cap, contract.definition->volume_max, MAM_REASON_INSTRUMENT_MAXIMUM,
            MAM_CONSTRAINT_INSTRUMENT_MAXIMUM);
    volume_limit(engine, block, account, contract.definition->volume_limit, &cap);
    margin_buffer(engine, block, account, &contract, member->terms.margin_buffer, &cap);
    leverage(engine, block, account, member->terms.max_leverage, &cap);
    return cap;
}
