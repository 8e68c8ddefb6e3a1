#include "revalue.h"

#include <string.h>

#include "ratio.h"
#include "wide.h"

typedef __int128 int128;
typedef unsigned __int128 uint128;

/* Sums of this size, and their differences, stay well within int64. */
#define LARGEST ((int64_t)1 << 61)

/* --- What a move is worth --- */

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    if (a == 0 || b == 0) {
        return a | b;
    }
    int twos = __builtin_ctzll(a | b);
    a >>= __builtin_ctzll(a);
    while (b != 0) { /* by halves: no division */
        b >>= __builtin_ctzll(b);
        uint64_t smaller = a < b ? a : b;
        b = a < b ? b - a : a - b;
        a = smaller;
    }
    return a << twos;
}

static void cancel(struct mam_per_lot *amount) {
    for (uint8_t i = 0; i < amount->times_count; i++) {
        for (uint8_t j = 0; j < amount->by_count; j++) {
            uint64_t common = common_divisor(amount->times[i], amount->by[j]);
            amount->times[i] /= common;
            amount->by[j] /= common;
        }
    }
}

static bool product_of(const uint64_t *factors, uint8_t count, uint64_t *product) {
    *product = 1;
    for (uint8_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(*product, factors[i], product)) {
            return false;
        }
    }
    return true;
}

/* The 64-bit form, where there is one; else its divisor stays 0. */
static void to_ratio(const struct mam_scale *scale, struct mam_move *move) {
    struct mam_per_lot unit = move->per_unit;
    uint64_t times, by;
    if (mam_per_lot_times(&unit, scale->volume_unit) != MAM_REASON_NONE ||
        mam_per_lot_times(&unit, scale->price_unit) != MAM_REASON_NONE) {
        return;
    }
    cancel(&unit);
    if (!product_of(unit.times, unit.times_count, &times) || !product_of(unit.by, unit.by_count, &by) ||
        by > (uint64_t)1 << 63) {
        return;
    }
    struct mam_ratio ratio = mam_ratio_of(times, by);
    uint128 largest = times == 0 ? (uint128)LARGEST : (uint128)LARGEST * by / times;
    move->whole = ratio.whole;
    move->part = ratio.part;
    move->fraction = ratio.fraction;
    move->divisor = ratio.divisor;
    move->largest = largest > (uint128)LARGEST ? (uint64_t)LARGEST : (uint64_t)largest;
}

static enum mam_reason move_of(const struct mam_instrument *definition, const struct mam_scale *scale,
                               const struct mam_conversion *conversion, struct mam_move *out) {
    *out = (struct mam_move){0};
    enum mam_reason reason = mam_profit_per_lot(definition, MAM_SIDE_BUY, 0, 1, &out->per_unit);
    if (reason == MAM_REASON_NONE) {
        reason = mam_per_lot_convert(&out->per_unit, conversion);
    }
    if (reason == MAM_REASON_NONE) {
        to_ratio(scale, out);
    }
    return reason;
}

/* There are two sides of a rate, so at most two of the four differ. Returns i where none before it is equal.
 */
static int same_as_before(const struct mam_conversions *conversions, int i) {
    int at = 0;
    while (at < i && conversions != NULL &&
           memcmp(&conversions->of[at / 2][at % 2], &conversions->of[i / 2][i % 2],
                  sizeof conversions->of[0][0]) != 0) {
        at++;
    }
    return at;
}

enum mam_reason mam_moves_of(const struct mam_instrument *definition, const struct mam_scale *scale,
                             const struct mam_conversions *conversions, struct mam_moves *out) {
    *out = (struct mam_moves){0};
    enum mam_reason reason = MAM_REASON_NONE;
    if (scale->volume_unit <= 0 || scale->price_unit <= 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    for (int i = 0; i < 4 && reason == MAM_REASON_NONE; i++) {
        const struct mam_conversion *conversion = conversions == NULL ? NULL : &conversions->of[i / 2][i % 2];
        int same = same_as_before(conversions, i);
        if (same < i) {
            out->of[i / 2][i % 2] = out->of[same / 2][same % 2];
        } else {
            reason = move_of(definition, scale, conversion, &out->of[i / 2][i % 2]);
        }
    }
    out->usable = reason == MAM_REASON_NONE;
    return reason;
}

/* --- One slot, from its sums --- */

static int128 sum_of(struct mam_sum sum) {
    return (int128)((uint128)sum.high << 64 | sum.low); /* < 2^126 */
}

/* One side's profit; false: it does not fit. */
static bool side_profit(const struct mam_side_total *total, uint8_t side, const struct mam_moves *moves,
                        int64_t price, int64_t *profit) {
    int128 move = (int128)price * total->volume - sum_of(total->notional); /* within 2^126 */
    move = side == MAM_SIDE_BUY ? move : -move;
    bool loss = move < 0;
    uint128 size = loss ? -(uint128)move : (uint128)move;
    const struct mam_per_lot *unit = &moves->of[side][loss].per_unit;
    struct mam_wide wide = mam_wide_of(1);
    mam_wide_multiply_long(&wide, (uint64_t)(size >> 64), (uint64_t)size);
    for (uint8_t i = 0; i < unit->times_count; i++) {
        mam_wide_multiply(&wide, unit->times[i]);
    }
    for (uint8_t i = 0; i < unit->by_count; i++) {
        mam_wide_divide(&wide, unit->by[i]);
    }
    bool fits = mam_wide_value(&wide, loss, profit);
    *profit = loss ? -*profit : *profit;
    return fits;
}

enum mam_reason mam_exposure_profit(const struct mam_exposure *exposure, const struct mam_moves *moves,
                                    int64_t bid, int64_t ask, int64_t *profit) {
    int64_t buys, sells, both;
    *profit = 0;
    if (!moves->usable) {
        return MAM_REASON_NO_RATE;
    }
    if (!side_profit(&exposure->side[MAM_SIDE_BUY], MAM_SIDE_BUY, moves, bid, &buys) ||
        !side_profit(&exposure->side[MAM_SIDE_SELL], MAM_SIDE_SELL, moves, ask, &sells) ||
        __builtin_add_overflow(buys, sells, &both)) {
        return MAM_REASON_OVERFLOW;
    }
    *profit = both;
    return MAM_REASON_NONE;
}

static bool count(const struct mam_revaluation *r, uint32_t slot, int64_t profit) {
    int64_t delta, sum;
    if (__builtin_sub_overflow(profit, r->profit[slot], &delta) ||
        __builtin_add_overflow(r->floating[r->account[slot]], delta, &sum)) {
        return false;
    }
    r->floating[r->account[slot]] = sum;
    r->profit[slot] = profit;
    return true;
}

static uint32_t revalue_exactly(const struct mam_revaluation *r, uint32_t first, int64_t bid, int64_t ask) {
    uint32_t kept = 0;
    for (uint32_t slot = first; slot < r->count; slot++) {
        int64_t profit;
        bool known = mam_exposure_profit(&r->exposure[slot], &r->moves[r->currency[slot]], bid, ask,
                                         &profit) == MAM_REASON_NONE;
        kept += !(known && count(r, slot, profit));
    }
    return kept;
}

/* --- Regular slots --- */

static bool scaled(int64_t value, int64_t unit, int64_t *out) {
    *out = value / unit;
    return value % unit == 0;
}

enum mam_reason mam_scale_exposure(struct mam_scale *scale, const struct mam_exposure *exposure,
                                   int64_t volume[2], int64_t notional[2]) {
    int128 unit = (int128)scale->volume_unit * scale->price_unit;
    for (uint8_t side = 0; side < 2; side++) {
        int128 exact = sum_of(exposure->side[side].notional);
        if (!scaled(exposure->side[side].volume, scale->volume_unit, &volume[side]) || exact % unit != 0) {
            return MAM_REASON_OFF_STEP;
        }
        if (exact / unit > LARGEST) {
            return MAM_REASON_OVERFLOW;
        }
        notional[side] = (int64_t)(exact / unit);
    }
    for (uint8_t side = 0; side < 2; side++) {
        scale->largest_volume = volume[side] > scale->largest_volume ? volume[side] : scale->largest_volume;
        scale->largest_notional =
            notional[side] > scale->largest_notional ? notional[side] : scale->largest_notional;
    }
    return MAM_REASON_NONE;
}

/* Whether every move of every regular slot, and its money, fits. */
static bool all_fits(const struct mam_revaluation *r, int64_t bid, int64_t ask) {
    const struct mam_scale *scale = &r->scale;
    if (bid % scale->price_unit != 0 || ask % scale->price_unit != 0) {
        return false;
    }
    int64_t price = (bid > ask ? bid : ask) / scale->price_unit;
    int128 by_price = (int128)scale->largest_volume * price;
    int128 largest = by_price > scale->largest_notional ? by_price : scale->largest_notional;
    for (uint32_t i = 0; i < 4 * r->currencies; i++) {
        const struct mam_move *move = &r->moves[i / 4].of[i / 2 % 2][i % 2];
        if (r->moves[i / 4].usable && (move->divisor == 0 || largest > move->largest)) {
            return false;
        }
    }
    return largest <= LARGEST;
}

/* of: the side's profit and loss. */
static inline int64_t regular_profit(const struct mam_move *of, int64_t move) {
    uint64_t negative = (uint64_t)(move >> 63); /* all ones or 0 */
    of += move < 0;
    struct mam_ratio ratio = {
        .whole = of->whole, .part = of->part, .fraction = of->fraction, .divisor = of->divisor};
    uint64_t rest;
    uint64_t money = mam_ratio_apply(&ratio, ((uint64_t)move ^ negative) - negative, &rest);
    money += negative & (rest != 0); /* a loss is rounded up */
    return (int64_t)((money ^ negative) - negative);
}

static uint32_t revalue_regular(const struct mam_revaluation *r, int64_t bid, int64_t ask) {
    uint32_t kept = 0;
    for (uint32_t slot = 0; slot < r->regular; slot++) {
        const struct mam_moves *moves = &r->moves[r->currency[slot]];
        int64_t buys = bid * r->volume[MAM_SIDE_BUY][slot] - r->notional[MAM_SIDE_BUY][slot];
        int64_t sells = r->notional[MAM_SIDE_SELL][slot] - ask * r->volume[MAM_SIDE_SELL][slot];
        kept += !(moves->usable && count(r, slot,
                                         regular_profit(moves->of[MAM_SIDE_BUY], buys) +
                                             regular_profit(moves->of[MAM_SIDE_SELL], sells)));
    }
    return kept;
}

uint32_t mam_revalue(const struct mam_revaluation *r, int64_t bid, int64_t ask) {
    if (!all_fits(r, bid, ask)) {
        return revalue_exactly(r, 0, bid, ask);
    }
    int64_t unit = r->scale.price_unit;
    return revalue_regular(r, bid / unit, ask / unit) + revalue_exactly(r, r->regular, bid, ask);
}
