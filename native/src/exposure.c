#include "exposure.h"

#include "wide.h"

#define ONE INT64_C(100000000)
#define LARGER_LEG 0x4 /* margin flag */

typedef __int128 int128;
typedef unsigned __int128 uint128;

/* --- Sums --- */

static uint128 sum_of(struct mam_sum sum) {
    return (uint128)sum.high << 64 | sum.low;
}

static struct mam_sum to_sum(uint128 value) {
    return (struct mam_sum){.low = (uint64_t)value, .high = (uint64_t)(value >> 64)};
}

static uint128 product(int64_t a, int64_t b) {
    return (uint128)(uint64_t)a * (uint64_t)b;
}

static bool in_range(uint8_t side, int64_t volume, int64_t price, int64_t rate) {
    return side <= MAM_SIDE_SELL && volume >= 0 && price >= 0 && rate >= 0;
}

/* The sums cannot overflow when the volume does not: each is at most volume x 2^63. */
enum mam_reason mam_exposure_add(struct mam_exposure *exposure, uint8_t side, int64_t volume, int64_t price,
                                 int64_t rate) {
    if (!in_range(side, volume, price, rate)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_side_total *total = &exposure->side[side];
    if (volume > INT64_MAX - total->volume) {
        return MAM_REASON_OVERFLOW;
    }
    total->volume += volume;
    total->notional = to_sum(sum_of(total->notional) + product(volume, price));
    total->rated = to_sum(sum_of(total->rated) + product(volume, rate));
    return MAM_REASON_NONE;
}

enum mam_reason mam_exposure_remove(struct mam_exposure *exposure, uint8_t side, int64_t volume,
                                    int64_t price, int64_t rate) {
    if (!in_range(side, volume, price, rate)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_side_total *total = &exposure->side[side];
    uint128 notional = product(volume, price);
    uint128 rated = product(volume, rate);
    bool last = volume == total->volume; /* then nothing may be left of the sums */
    if (volume > total->volume || notional > sum_of(total->notional) || rated > sum_of(total->rated) ||
        (last && (notional != sum_of(total->notional) || rated != sum_of(total->rated)))) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    total->volume -= volume;
    total->notional = to_sum(sum_of(total->notional) - notional);
    total->rated = to_sum(sum_of(total->rated) - rated);
    return MAM_REASON_NONE;
}

/* --- Margin of what is open --- */

struct terms {
    const struct mam_instrument *definition;
    uint32_t leverage;
    uint8_t stage;
};

/* What averages are over: as struct mam_side_total; of both sides together the volume may need 64 bits. */
struct total {
    uint64_t volume;
    struct mam_sum notional, rated;
};

static struct total total_of(const struct mam_side_total *side) {
    return (struct total){.volume = (uint64_t)side->volume, .notional = side->notional, .rated = side->rated};
}

/*
 * volume x base x average price x average rate x margin rate, the averages over `total`. rate_by: what the
 * margin rate is to be divided by. In 128 bits: with an order, margin is a difference of two that may be
 * larger than money can be.
 */
static enum mam_reason part_margin(const struct terms *terms, bool hedged, int64_t volume,
                                   const struct total *total, uint64_t rate, int64_t rate_by,
                                   int128 *margin) {
    struct mam_per_lot base;
    bool priced;
    *margin = 0;
    enum mam_reason reason =
        mam_margin_base(terms->definition, terms->stage, hedged, terms->leverage, &base, &priced);
    if (reason != MAM_REASON_NONE || volume == 0) {
        return reason;
    }
    struct mam_wide wide = mam_wide_of((uint64_t)volume);
    mam_wide_multiply_long(&wide, total->rated.high, total->rated.low);
    if (priced) {
        mam_wide_multiply_long(&wide, total->notional.high, total->notional.low);
    }
    mam_wide_multiply(&wide, rate);
    for (uint8_t i = 0; i < base.times_count; i++) {
        mam_wide_multiply(&wide, base.times[i]);
    }
    mam_wide_divide(&wide, total->volume);
    if (priced) {
        mam_wide_divide(&wide, total->volume);
    }
    mam_wide_divide(&wide, (uint64_t)rate_by);
    mam_wide_divide(&wide, (uint64_t)ONE);
    for (uint8_t i = 0; i < base.by_count; i++) {
        mam_wide_divide(&wide, base.by[i]);
    }
    return mam_wide_long(&wide, true, margin) ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
}

/* `volume` of one side, at that side's averages and rate. */
static enum mam_reason leg_margin(const struct terms *terms, const struct mam_exposure *exposure,
                                  uint8_t side, int64_t volume, int128 *margin) {
    const struct total total = total_of(&exposure->side[side]);
    int64_t rate = mam_margin_rate(terms->definition, side, terms->stage);
    *margin = 0;
    return rate < 0 ? MAM_REASON_OUT_OF_RANGE
                    : part_margin(terms, false, volume, &total, (uint64_t)rate, ONE, margin);
}

static enum mam_reason larger_leg(const struct terms *terms, const struct mam_exposure *exposure,
                                  int128 *margin) {
    int128 buy, sell = 0;
    enum mam_reason reason =
        leg_margin(terms, exposure, MAM_SIDE_BUY, exposure->side[MAM_SIDE_BUY].volume, &buy);
    if (reason == MAM_REASON_NONE) {
        reason = leg_margin(terms, exposure, MAM_SIDE_SELL, exposure->side[MAM_SIDE_SELL].volume, &sell);
    }
    *margin = buy > sell ? buy : sell;
    return reason;
}

/* The smaller leg's volume, at the averages of all positions and the mean of both rates. */
static enum mam_reason covered_margin(const struct terms *terms, const struct mam_exposure *exposure,
                                      int64_t volume, int128 *margin) {
    const struct mam_side_total *buy = &exposure->side[MAM_SIDE_BUY];
    const struct mam_side_total *sell = &exposure->side[MAM_SIDE_SELL];
    const struct total all = {.volume = (uint64_t)buy->volume + (uint64_t)sell->volume,
                              .notional = to_sum(sum_of(buy->notional) + sum_of(sell->notional)),
                              .rated = to_sum(sum_of(buy->rated) + sum_of(sell->rated))};
    int64_t of_buys = mam_margin_rate(terms->definition, MAM_SIDE_BUY, terms->stage);
    int64_t of_sells = mam_margin_rate(terms->definition, MAM_SIDE_SELL, terms->stage);
    *margin = 0;
    if (volume == 0 || terms->definition->margin_hedged == 0) {
        return MAM_REASON_NONE;
    }
    if (of_buys < 0 || of_sells < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    return part_margin(terms, true, volume, &all, (uint64_t)of_buys + (uint64_t)of_sells, 2 * ONE, margin);
}

static enum mam_reason covered_and_uncovered(const struct terms *terms, const struct mam_exposure *exposure,
                                             int128 *margin) {
    int64_t buy = exposure->side[MAM_SIDE_BUY].volume;
    int64_t sell = exposure->side[MAM_SIDE_SELL].volume;
    int128 uncovered, covered = 0;
    uint8_t larger = buy >= sell ? MAM_SIDE_BUY : MAM_SIDE_SELL;
    *margin = 0;
    enum mam_reason reason =
        leg_margin(terms, exposure, larger, larger == MAM_SIDE_BUY ? buy - sell : sell - buy, &uncovered);
    if (reason == MAM_REASON_NONE) {
        reason = covered_margin(terms, exposure, larger == MAM_SIDE_BUY ? sell : buy, &covered);
    }
    *margin = uncovered + covered; /* each < 2^126 + 1 */
    return reason;
}

static enum mam_reason margin_of(const struct mam_instrument *definition, const struct mam_exposure *exposure,
                                 uint8_t margin_mode, uint8_t stage, uint32_t leverage, int128 *margin) {
    struct terms terms = {.definition = definition, .leverage = leverage, .stage = stage};
    *margin = 0;
    if (margin_mode > MAM_MARGIN_MODE_HEDGING) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (margin_mode == MAM_MARGIN_MODE_HEDGING && (definition->margin_flags & LARGER_LEG) == 0) {
        return covered_and_uncovered(&terms, exposure, margin);
    }
    bool both = exposure->side[MAM_SIDE_BUY].volume > 0 && exposure->side[MAM_SIDE_SELL].volume > 0;
    if (both && margin_mode != MAM_MARGIN_MODE_HEDGING) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    return larger_leg(&terms, exposure, margin);
}

static enum mam_reason as_money(enum mam_reason reason, int128 exact, int64_t *margin) {
    bool fits = exact <= INT64_MAX;
    *margin = reason == MAM_REASON_NONE && fits ? (int64_t)exact : 0;
    return reason != MAM_REASON_NONE || fits ? reason : MAM_REASON_OVERFLOW;
}

enum mam_reason mam_exposure_margin(const struct mam_instrument *definition,
                                    const struct mam_exposure *exposure, uint8_t margin_mode, uint8_t stage,
                                    uint32_t leverage, int64_t *margin) {
    int128 exact = 0;
    enum mam_reason reason = margin_of(definition, exposure, margin_mode, stage, leverage, &exact);
    return as_money(reason, exact, margin);
}

/* --- And with an order --- */

static enum mam_reason netting_with(const struct mam_instrument *definition,
                                    const struct mam_exposure *exposure, uint8_t margin_mode,
                                    uint32_t leverage, const struct mam_addition *addition, int128 *margin) {
    struct mam_exposure order = {0};
    int64_t opposite = exposure->side[!addition->side].volume;
    int128 needed = 0;
    enum mam_reason reason =
        margin_of(definition, exposure, margin_mode, MAM_STAGE_MAINTENANCE, leverage, margin);
    if (reason == MAM_REASON_NONE) {
        reason = mam_exposure_add(&order, addition->side, addition->volume, addition->price, addition->rate);
    }
    if (reason != MAM_REASON_NONE || (opposite > 0 && addition->volume <= opposite)) {
        return reason; /* it reduces the position, and needs nothing, whatever it alone would need */
    }
    reason = margin_of(definition, &order, margin_mode, MAM_STAGE_INITIAL, leverage, &needed);
    *margin = opposite == 0 ? *margin + needed : needed > *margin ? needed : *margin;
    return reason;
}

static enum mam_reason hedging_with(const struct mam_instrument *definition,
                                    const struct mam_exposure *exposure, uint32_t leverage,
                                    const struct mam_addition *addition, int128 *margin) {
    struct mam_exposure with = *exposure;
    int128 held, before = 0, after = 0;
    enum mam_reason reason =
        margin_of(definition, exposure, MAM_MARGIN_MODE_HEDGING, MAM_STAGE_MAINTENANCE, leverage, &held);
    if (reason == MAM_REASON_NONE) {
        reason = mam_exposure_add(&with, addition->side, addition->volume, addition->price, addition->rate);
    }
    if (reason == MAM_REASON_NONE) {
        reason =
            margin_of(definition, exposure, MAM_MARGIN_MODE_HEDGING, MAM_STAGE_INITIAL, leverage, &before);
    }
    if (reason == MAM_REASON_NONE) {
        reason = margin_of(definition, &with, MAM_MARGIN_MODE_HEDGING, MAM_STAGE_INITIAL, leverage, &after);
    }
    if (reason == MAM_REASON_NONE && __builtin_add_overflow(held, after - before, margin)) {
        reason = MAM_REASON_OVERFLOW;
    }
    *margin = *margin < 0 ? 0 : *margin; /* maintenance may be less than what the cover frees of initial */
    return reason;
}

enum mam_reason mam_exposure_margin_with(const struct mam_instrument *definition,
                                         const struct mam_exposure *exposure, uint8_t margin_mode,
                                         uint32_t leverage, const struct mam_addition *addition,
                                         int64_t *margin) {
    int128 exact = 0;
    enum mam_reason reason = MAM_REASON_OUT_OF_RANGE;
    if (addition->side <= MAM_SIDE_SELL) {
        reason = margin_mode == MAM_MARGIN_MODE_HEDGING
                     ? hedging_with(definition, exposure, leverage, addition, &exact)
                     : netting_with(definition, exposure, margin_mode, leverage, addition, &exact);
    }
    return as_money(reason, exact, margin);
}

/* --- The volume that the buffer leaves --- */

struct question {
    const struct mam_instrument *definition;
    const struct mam_exposure *exposure;
    struct mam_addition addition;
    int64_t allowed; /* margin with the order may be this */
    uint32_t leverage;
    uint8_t margin_mode;
};

static bool holds(struct question *question, int64_t volume) {
    int64_t margin;
    question->addition.volume = volume;
    return mam_exposure_margin_with(question->definition, question->exposure, question->margin_mode,
                                    question->leverage, &question->addition, &margin) == MAM_REASON_NONE &&
           margin <= question->allowed;
}

/* From a guess outwards in doubling steps, then by halves: low holds, high does not. */
static int64_t search(struct question *question, int64_t guess) {
    int64_t low = 0, high = INT64_MAX, step = 1;
    if (guess > 0 && holds(question, guess)) {
        low = guess;
        while (low <= INT64_MAX - step && holds(question, low + step)) {
            low += step;
            step = step > INT64_MAX / 2 ? INT64_MAX : 2 * step;
        }
        high = low <= INT64_MAX - step ? low + step : INT64_MAX;
    } else if (guess > 0) {
        high = guess;
        while (high > step && !holds(question, high - step)) {
            high -= step;
            step = step > INT64_MAX / 2 ? INT64_MAX : 2 * step;
        }
        low = high > step ? high - step : 0;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(holds(question, middle) ? &low : &high) = middle;
    }
    return low;
}

/*
 * Near the answer, mostly on it: over the volume that is opposite and free, margin grows by that of the order
 * alone (but for what it does to average prices).
 */
static int64_t guess_of(const struct question *question, const struct mam_per_lot *per_lot) {
    uint8_t side = question->addition.side;
    int64_t excess = question->exposure->side[!side].volume - question->exposure->side[side].volume;
    if (question->margin_mode != MAM_MARGIN_MODE_HEDGING && excess > 0) {
        return mam_volume_within(per_lot, question->allowed);
    }
    struct mam_addition addition = question->addition;
    addition.volume = excess > 0 ? excess : 0;
    int64_t margin, guess;
    if (mam_exposure_margin_with(question->definition, question->exposure, question->margin_mode,
                                 question->leverage, &addition, &margin) != MAM_REASON_NONE) {
        return 0;
    }
    guess = mam_volume_within(per_lot, question->allowed - margin);
    return guess > INT64_MAX - addition.volume ? INT64_MAX : guess + addition.volume;
}

/* Margin of one lot of the order alone, in account currency. */
static bool order_per_lot(const struct mam_instrument *definition, uint32_t leverage,
                          const struct mam_addition *addition, struct mam_per_lot *out) {
    return mam_margin_per_lot(definition, addition->side, MAM_STAGE_INITIAL, addition->price, leverage,
                              out) == MAM_REASON_NONE &&
           mam_per_lot_times(out, addition->rate) == MAM_REASON_NONE &&
           mam_per_lot_by(out, ONE) == MAM_REASON_NONE;
}

int64_t mam_exposure_volume(const struct mam_instrument *definition, const struct mam_exposure *exposure,
                            uint8_t margin_mode, uint32_t leverage, const struct mam_addition *addition,
                            int64_t equity, int64_t other_margin, int64_t buffer) {
    struct mam_per_lot per_lot;
    if (buffer <= 0) {
        return INT64_MAX;
    }
    if (!order_per_lot(definition, leverage, addition, &per_lot) || equity < 0 || other_margin < 0) {
        return 0;
    }
    if (mam_volume_within(&per_lot, 0) == INT64_MAX) {
        return INT64_MAX;
    }
    int128 most = (int128)equity * ONE / buffer;
    int128 allowed = (most > INT64_MAX ? INT64_MAX : most) - other_margin; /* all of it is money */
    struct question question = {.definition = definition,
                                .exposure = exposure,
                                .addition = *addition,
                                .allowed = (int64_t)allowed,
                                .leverage = leverage,
                                .margin_mode = margin_mode};
    if (allowed < 0 || !holds(&question, 0)) {
        return 0;
    }
    return search(&question, guess_of(&question, &per_lot));
}

/* --- What margin means --- */

enum mam_reason mam_free_margin(uint8_t free_margin_mode, int64_t money, int64_t floating, int64_t margin,
                                int64_t *free_margin) {
    *free_margin = 0;
    if (free_margin_mode > MAM_FREE_MARGIN_MODE_LOSS_ONLY) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    bool counts = free_margin_mode == MAM_FREE_MARGIN_MODE_BOTH ||
                  (free_margin_mode == MAM_FREE_MARGIN_MODE_PROFIT_ONLY && floating > 0) ||
                  (free_margin_mode == MAM_FREE_MARGIN_MODE_LOSS_ONLY && floating < 0);
    __int128 sum = (__int128)money + (counts ? floating : 0) - margin;
    *free_margin = (int64_t)sum;
    return sum == *free_margin ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
}

static int64_t clamp(__int128 value) {
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static __int128 floor_of(__int128 dividend, __int128 divisor) {
    return dividend / divisor - (dividend % divisor < 0);
}

int64_t mam_margin_level(int64_t equity, int64_t margin) {
    return margin <= 0 ? INT64_MAX : clamp(floor_of((__int128)equity * 100 * ONE, margin));
}

int64_t mam_level_equity(uint8_t stop_out_mode, int64_t level, int64_t margin, uint16_t trade_flags) {
    if (margin <= 0) {
        return (trade_flags & MAM_TRADE_STOP_OUT_HEDGED) != 0 ? -1 : INT64_MIN;
    }
    return stop_out_mode == MAM_STOP_OUT_MODE_MONEY ? clamp(floor_of(level, 100))
                                                    : clamp(floor_of((__int128)level * margin, 100 * ONE));
}
