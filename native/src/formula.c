#include "formula.h"

#include "wide.h"

#define ONE INT64_C(100000000)           /* 1e8: a factor, price or lot */
#define MONEY INT64_C(1000000)           /* 1e6: a unit of money */
#define LOT_CONTRACT (ONE * ONE / MONEY) /* lot * contract -> money */
#define LOT_CONTRACT_PRICE (LOT_CONTRACT * ONE)

/* --- Factors --- */

/* Joined to the last one while the product fits: fewer long multiplications later. */
static enum mam_reason add_factor(uint64_t *factors, uint8_t *count, uint64_t factor) {
    uint64_t joined;
    if (factor == 1) {
        return MAM_REASON_NONE;
    }
    if (*count > 0 && !__builtin_mul_overflow(factors[*count - 1], factor, &joined)) {
        factors[*count - 1] = joined;
        return MAM_REASON_NONE;
    }
    if (*count == MAM_FACTORS) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    factors[(*count)++] = factor;
    return MAM_REASON_NONE;
}

enum mam_reason mam_per_lot_times(struct mam_per_lot *per_lot, int64_t factor) {
    return factor < 0 ? MAM_REASON_OUT_OF_RANGE
                      : add_factor(per_lot->times, &per_lot->times_count, (uint64_t)factor);
}

enum mam_reason mam_per_lot_by(struct mam_per_lot *per_lot, int64_t divisor) {
    return divisor <= 0 ? MAM_REASON_OUT_OF_RANGE
                        : add_factor(per_lot->by, &per_lot->by_count, (uint64_t)divisor);
}

static enum mam_reason times_over(struct mam_per_lot *per_lot, int64_t factor, int64_t divisor) {
    enum mam_reason reason = mam_per_lot_times(per_lot, factor);
    return reason != MAM_REASON_NONE ? reason : mam_per_lot_by(per_lot, divisor);
}

enum mam_reason mam_per_lot_money(const struct mam_per_lot *per_lot, int64_t volume, uint8_t up,
                                  int64_t *money) {
    *money = 0;
    if (volume < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_wide wide = mam_wide_of((uint64_t)volume);
    for (uint8_t i = 0; i < per_lot->times_count; i++) {
        mam_wide_multiply(&wide, per_lot->times[i]);
    }
    for (uint8_t i = 0; i < per_lot->by_count; i++) {
        mam_wide_divide(&wide, per_lot->by[i]);
    }
    int64_t size;
    if (!mam_wide_value(&wide, (up != 0) != (per_lot->negative != 0), &size)) {
        return MAM_REASON_OVERFLOW;
    }
    *money = per_lot->negative ? -size : size;
    return MAM_REASON_NONE;
}

/* --- Conversion --- */

enum mam_reason mam_conversion_step(struct mam_conversion *conversion, int64_t bid, int64_t ask,
                                    uint8_t inverse, uint8_t high) {
    if (conversion->steps >= MAM_CONVERSION_STEPS) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (bid <= 0 || ask <= 0) {
        return MAM_REASON_NO_QUOTE;
    }
    if (bid > ask) {
        return MAM_REASON_CROSSED_QUOTE;
    }
    bool use_ask = (high != 0) != (inverse != 0);
    conversion->price[conversion->steps] = use_ask ? ask : bid;
    conversion->inverse[conversion->steps] = inverse != 0;
    conversion->steps++;
    return MAM_REASON_NONE;
}

enum mam_reason mam_per_lot_convert(struct mam_per_lot *per_lot, const struct mam_conversion *conversion) {
    enum mam_reason reason = MAM_REASON_NONE;
    uint8_t steps = conversion == NULL ? 0 : conversion->steps;
    if (steps > MAM_CONVERSION_STEPS) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    for (uint8_t i = 0; i < steps && reason == MAM_REASON_NONE; i++) {
        int64_t price = conversion->price[i];
        reason = price <= 0               ? MAM_REASON_NO_QUOTE
                 : conversion->inverse[i] ? times_over(per_lot, ONE, price)
                                          : times_over(per_lot, price, ONE);
    }
    return reason;
}

enum mam_reason mam_convert_money(int64_t money, const struct mam_conversion *conversion, uint8_t up,
                                  int64_t *out) {
    *out = 0;
    if (money == INT64_MIN) {
        return MAM_REASON_OVERFLOW;
    }
    struct mam_per_lot rate = {.negative = money < 0};
    enum mam_reason reason = mam_per_lot_convert(&rate, conversion);
    return reason != MAM_REASON_NONE ? reason : mam_per_lot_money(&rate, money < 0 ? -money : money, up, out);
}

/* --- Profit --- */

/* What one lot gains when the price moves by 1e-8: times and by, without the move. */
static enum mam_reason move_per_lot(const struct mam_instrument *definition, struct mam_per_lot *out) {
    *out = (struct mam_per_lot){0};
    switch ((enum mam_calc_mode)definition->calc_mode) {
    case MAM_CALC_MODE_FOREX:
    case MAM_CALC_MODE_FOREX_NO_LEVERAGE:
    case MAM_CALC_MODE_CFD:
    case MAM_CALC_MODE_CFD_LEVERAGE:
    case MAM_CALC_MODE_CFD_INDEX:
    case MAM_CALC_MODE_EXCHANGE_STOCKS:
        return times_over(out, definition->contract_size, LOT_CONTRACT_PRICE);
    case MAM_CALC_MODE_FUTURES:
    case MAM_CALC_MODE_EXCHANGE_FUTURES: {
        enum mam_reason reason = times_over(out, definition->tick_value, ONE);
        return reason != MAM_REASON_NONE ? reason : mam_per_lot_by(out, definition->tick_size);
    }
    default:
        return MAM_REASON_NOT_SUPPORTED;
    }
}

enum mam_reason mam_profit_per_lot(const struct mam_instrument *definition, uint8_t side, int64_t open,
                                   int64_t close, struct mam_per_lot *out) {
    enum mam_reason reason = move_per_lot(definition, out);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (side > MAM_SIDE_SELL) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    int64_t move;
    if (__builtin_sub_overflow(side == MAM_SIDE_BUY ? close : open, side == MAM_SIDE_BUY ? open : close,
                               &move) ||
        move == INT64_MIN) {
        return MAM_REASON_OVERFLOW;
    }
    out->negative = move < 0;
    return mam_per_lot_times(out, move < 0 ? -move : move);
}

enum mam_reason mam_loss_per_lot(const struct mam_instrument *definition, uint8_t side, int64_t entry,
                                 int64_t stop, struct mam_per_lot *out) {
    enum mam_reason reason = mam_profit_per_lot(definition, side, entry, stop, out);
    if (reason == MAM_REASON_NONE && !out->negative) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    out->negative = 0;
    return reason;
}

enum mam_reason mam_exposure_per_lot(const struct mam_instrument *definition, int64_t price,
                                     struct mam_per_lot *out) {
    return mam_loss_per_lot(definition, MAM_SIDE_BUY, price, 0, out);
}

/* --- Margin --- */

/* The fixed amount that replaces the formula; 0: none. Futures have no formula. */
static int64_t fixed_amount(const struct mam_instrument *definition, uint8_t stage) {
    bool own = stage == MAM_STAGE_MAINTENANCE && definition->margin_maintenance != 0;
    return own ? definition->margin_maintenance : definition->margin_initial;
}

static enum mam_reason formula_per_lot(const struct mam_instrument *definition, int64_t contract,
                                       struct mam_per_lot *out, bool *priced) {
    *priced = false;
    switch ((enum mam_calc_mode)definition->calc_mode) {
    case MAM_CALC_MODE_FOREX:
    case MAM_CALC_MODE_FOREX_NO_LEVERAGE:
        return times_over(out, contract, LOT_CONTRACT);
    case MAM_CALC_MODE_CFD:
    case MAM_CALC_MODE_CFD_LEVERAGE:
    case MAM_CALC_MODE_EXCHANGE_STOCKS:
        *priced = true;
        return times_over(out, contract, LOT_CONTRACT_PRICE);
    case MAM_CALC_MODE_CFD_INDEX: { /* price / tick size is a plain number; tick value is money */
        *priced = true;
        enum mam_reason reason = times_over(out, contract, ONE * ONE);
        return reason != MAM_REASON_NONE ? reason
                                         : times_over(out, definition->tick_value, definition->tick_size);
    }
    case MAM_CALC_MODE_FUTURES:
    case MAM_CALC_MODE_EXCHANGE_FUTURES:
        return mam_per_lot_times(out, 0);
    default:
        return MAM_REASON_NOT_SUPPORTED;
    }
}

enum mam_reason mam_margin_base(const struct mam_instrument *definition, uint8_t stage, bool hedged,
                                uint32_t leverage, struct mam_per_lot *out, bool *priced) {
    *out = (struct mam_per_lot){0};
    if (stage > MAM_STAGE_MAINTENANCE || leverage == 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    int64_t contract = hedged ? definition->margin_hedged : definition->contract_size;
    int64_t fixed = fixed_amount(definition, stage);
    enum mam_reason reason = formula_per_lot(definition, contract, out, priced);
    if (reason != MAM_REASON_NOT_SUPPORTED && fixed != 0) {
        *out = (struct mam_per_lot){0};
        *priced = false;
        reason = hedged ? times_over(out, contract, LOT_CONTRACT) : times_over(out, fixed, ONE);
    }
    bool leveraged =
        definition->calc_mode == MAM_CALC_MODE_FOREX || definition->calc_mode == MAM_CALC_MODE_CFD_LEVERAGE;
    return reason == MAM_REASON_NONE && leveraged ? mam_per_lot_by(out, leverage) : reason;
}

int64_t mam_margin_rate(const struct mam_instrument *definition, uint8_t side, uint8_t stage) {
    bool buy = side == MAM_SIDE_BUY;
    int64_t maintenance = buy ? definition->maintenance_rate_buy : definition->maintenance_rate_sell;
    int64_t initial = buy ? definition->margin_rate_buy : definition->margin_rate_sell;
    return stage == MAM_STAGE_MAINTENANCE && maintenance != 0 ? maintenance : initial;
}

enum mam_reason mam_margin_per_lot(const struct mam_instrument *definition, uint8_t side, uint8_t stage,
                                   int64_t price, uint32_t leverage, struct mam_per_lot *out) {
    bool priced;
    enum mam_reason reason = mam_margin_base(definition, stage, false, leverage, out, &priced);
    if (reason == MAM_REASON_NONE && (side > MAM_SIDE_SELL || (priced && price <= 0))) {
        reason = MAM_REASON_OUT_OF_RANGE;
    }
    if (reason == MAM_REASON_NONE && priced) {
        reason = mam_per_lot_times(out, price);
    }
    return reason != MAM_REASON_NONE ? reason
                                     : times_over(out, mam_margin_rate(definition, side, stage), ONE);
}

/* --- Whole positions --- */

enum mam_reason mam_profit(const struct mam_instrument *definition, uint8_t side, int64_t volume,
                           int64_t open, int64_t close, int64_t *profit) {
    struct mam_per_lot per_lot;
    *profit = 0;
    enum mam_reason reason = mam_profit_per_lot(definition, side, open, close, &per_lot);
    return reason != MAM_REASON_NONE ? reason : mam_per_lot_money(&per_lot, volume, 0, profit);
}

enum mam_reason mam_margin(const struct mam_instrument *definition, uint8_t side, uint8_t stage,
                           int64_t volume, int64_t price, uint32_t leverage, int64_t *margin) {
    struct mam_per_lot per_lot;
    *margin = 0;
    enum mam_reason reason = mam_margin_per_lot(definition, side, stage, price, leverage, &per_lot);
    return reason != MAM_REASON_NONE ? reason : mam_per_lot_money(&per_lot, volume, 1, margin);
}

/* --- The volume that a limit leaves --- */

static bool is_zero(const struct mam_per_lot *per_lot) {
    for (uint8_t i = 0; i < per_lot->times_count; i++) {
        if (per_lot->times[i] == 0) {
            return true;
        }
    }
    return false;
}

int64_t mam_volume_within(const struct mam_per_lot *per_lot, int64_t money) {
    MAM_ASSERT(!per_lot->negative);
    if (is_zero(per_lot)) {
        return INT64_MAX;
    }
    if (money < 0) {
        return 0;
    }
    /* ceil(volume * times / by) <= money means volume <= money * by / times */
    struct mam_wide wide = mam_wide_of((uint64_t)money);
    for (uint8_t i = 0; i < per_lot->by_count; i++) {
        mam_wide_multiply(&wide, per_lot->by[i]);
    }
    for (uint8_t i = 0; i < per_lot->times_count; i++) {
        mam_wide_divide(&wide, per_lot->times[i]);
    }
    int64_t volume;
    mam_wide_value(&wide, false, &volume); /* INT64_MAX where it does not fit */
    return volume;
}

/* floor(money * times / by) - used, kept within int64; negative money: no room. */
static int64_t room(int64_t money, int64_t times, int64_t by, int64_t used) {
    if (money < 0) {
        return -1;
    }
    __int128 rest = (__int128)money * times / by - used;
    return rest < 0 ? -1 : rest > INT64_MAX ? INT64_MAX : (int64_t)rest;
}

int64_t mam_volume_for_margin(int64_t equity, int64_t margin, const struct mam_per_lot *margin_per_lot,
                              int64_t buffer) {
    return buffer <= 0 ? INT64_MAX : mam_volume_within(margin_per_lot, room(equity, ONE, buffer, margin));
}

int64_t mam_volume_for_leverage(int64_t equity, int64_t exposure, const struct mam_per_lot *exposure_per_lot,
                                int64_t max_leverage) {
    return max_leverage <= 0 ? INT64_MAX
                             : mam_volume_within(exposure_per_lot, room(equity, max_leverage, ONE, exposure));
}
