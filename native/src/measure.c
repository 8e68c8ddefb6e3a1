/* The allocation methods: a member's weight (proportional), or its desired volume (absolute). */
#include <string.h>

#include "state.h"

#define FACTOR_ONE 100000000

void mam_terms_begin(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_terms *terms = &engine->terms;
    terms->stamp++;
    int64_t bid, ask;
    terms->price = block->reference_price;
    if (terms->price == 0 && mam_best_quote(engine, block->instrument, &bid, &ask)) {
        terms->price = block->side == MAM_SIDE_BUY ? ask : bid;
    }
}

/* floor(a * b / unit); false when it does not fit. */
static bool scaled(int64_t a, int64_t b, int64_t unit, int64_t *out) {
    int64_t small;
    if (b == unit) { /* a coefficient of one */
        *out = a;
        return true;
    }
    if (!__builtin_mul_overflow(
            a, b, &small)) { /* the usual figures: a division of 128 bits takes ten times as long */
        *out = small / unit - (small % unit < 0);
        return true;
    }
    __int128 product = (__int128)a * b;
    __int128 quotient = product / unit - (product % unit < 0);
    *out = (int64_t)quotient;
    return quotient == *out;
}

/* Balance, equity or free margin in the group's currency at mid. */
static uint16_t measure_of(struct mam_engine *engine, const struct mam_block *block,
                           const struct mam_account_state_row *account, int64_t *measure) {
    if (!account->has_state) {
        return MAM_REASON_STATE_MISSING;
    }
    uint8_t method = block->policy.method;
    int64_t own = method == MAM_METHOD_BALANCE  ? account->balance
                  : method == MAM_METHOD_EQUITY ? account->equity
                                                : account->equity - account->margin;
    uint8_t currency = engine->groups[block->group].currency;
    if (!mam_at_mid(engine, &engine->terms, own, account->currency, currency, measure)) {
        *measure = 0;
        return MAM_REASON_NO_RATE;
    }
    return *measure > 0 ? MAM_REASON_NONE : MAM_REASON_ZERO_MEASURE;
}

/* What one lot loses at the stop-loss, in a currency: the dearer side of the profit's conversion. */
static const struct mam_term *loss_in(struct mam_engine *engine, const struct mam_block *block,
                                      uint8_t currency) {
    struct mam_term *term = &engine->terms.loss[currency];
    if (term->stamp == engine->terms.stamp) {
        return term;
    }
    const struct mam_instrument_state *instrument = &engine->instruments[block->instrument];
    enum mam_reason reason = engine->terms.price == 0
                                 ? MAM_REASON_NO_QUOTE
                                 : mam_loss_per_lot(&instrument->definition, block->side, engine->terms.price,
                                                    block->stop_loss, &term->per_lot);
    return mam_term_settle(engine, term, reason, instrument->profit, currency, true);
}

/* The largest volume that loses at most equity x risk percent at the stop-loss. */
static uint16_t risk_volume(struct mam_engine *engine, const struct mam_block *block,
                            const struct mam_account_state_row *account, int64_t percent, int64_t *volume) {
    int64_t money;
    *volume = 0;
    if (!account->has_state) {
        return MAM_REASON_STATE_MISSING;
    }
    if (account->equity <= 0) {
        return MAM_REASON_ZERO_MEASURE;
    }
    if (!scaled(account->equity, percent, 100 * (int64_t)FACTOR_ONE, &money)) {
        return MAM_REASON_OVERFLOW;
    }
    const struct mam_term *loss = loss_in(engine, block, account->currency);
    if (!loss->good) {
        return loss->reason;
    }
    *volume = mam_volume_within(&loss->per_lot, money);
    return *volume > MAM_VOLUME_MAX ? MAM_REASON_OVERFLOW : MAM_REASON_NONE;
}

uint16_t mam_weigh(struct mam_engine *engine, const struct mam_block *block,
                   const struct mam_member_state *member, int64_t *measure, int64_t *weight) {
    const struct mam_account_state_row *account = &engine->accounts[member->account];
    int64_t given = member->terms.weight;
    uint16_t reason = MAM_REASON_NONE;
    *measure = 0;
    *weight = given;
    switch (block->policy.method) {
    case MAM_METHOD_EQUAL:
        *weight = 1;
        break;
    case MAM_METHOD_BALANCE:
    case MAM_METHOD_EQUITY:
    case MAM_METHOD_FREE_MARGIN:
        reason = measure_of(engine, block, account, measure);
        if (reason == MAM_REASON_NONE && !scaled(*measure, given, FACTOR_ONE, weight)) {
            reason = MAM_REASON_OVERFLOW;
        }
        break;
    case MAM_METHOD_MULTIPLIER:
        reason = scaled(block->volume, given, FACTOR_ONE, weight) ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
        break;
    case MAM_METHOD_RISK:
        *measure = account->has_state ? account->equity : 0; /* in its own currency: the risk is its own */
        reason = risk_volume(engine, block, account, given, weight);
        break;
    default: /* percent, ratio, fixed_lots: as given */
        break;
    }
    if (reason != MAM_REASON_NONE) {
        *weight = 0;
    }
    return reason;
}
