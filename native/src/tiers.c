#include "tiers.h"

#include "wide.h"

#define ONE INT64_C(100000000)
#define LARGER_LEG 0x4 /* margin flag */

typedef unsigned __int128 uint128;

enum mam_reason mam_tiers_check(const struct mam_tier *tiers, uint32_t count) {
    int64_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct mam_tier *tier = &tiers[i];
        if (tier->from < end || tier->to <= tier->from || tier->initial_rate < 0 ||
            tier->maintenance_rate < 0) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        end = tier->to;
    }
    return MAM_REASON_NONE;
}

/* How much of [low, high) lies in [from, to). */
static int64_t overlap(int64_t low, int64_t high, int64_t from, int64_t to) {
    int64_t start = low > from ? low : from;
    int64_t end = high < to ? high : to;
    return end > start ? end - start : 0;
}

/* Sum of amount x rate over the tiers. The amounts add up to less than 2^63, so the sum is under 2^126. */
static uint128 weigh(const struct mam_tier *tiers, uint32_t count, uint8_t stage, int64_t low, int64_t high) {
    uint128 sum = 0;
    int64_t outside = high - low;
    for (uint32_t i = 0; i < count; i++) {
        int64_t part = overlap(low, high, tiers[i].from, tiers[i].to);
        int64_t rate = stage == MAM_STAGE_MAINTENANCE ? tiers[i].maintenance_rate : tiers[i].initial_rate;
        sum += (uint128)(uint64_t)part * (uint64_t)rate;
        outside -= part;
    }
    return sum + (uint128)(uint64_t)outside * (uint64_t)ONE;
}

enum mam_reason mam_tiers_margin(const struct mam_tier *tiers, uint32_t count, uint8_t stage, int64_t before,
                                 int64_t amount, int64_t margin, int64_t *out) {
    int64_t high;
    *out = 0;
    if (before < 0 || amount < 0 || margin < 0 || stage > MAM_STAGE_MAINTENANCE) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (__builtin_add_overflow(before, amount, &high)) {
        return MAM_REASON_OVERFLOW;
    }
    if (amount == 0) {
        *out = margin; /* nothing to divide by */
        return MAM_REASON_NONE;
    }
    uint128 weighed = weigh(tiers, count, stage, before, high);
    struct mam_wide wide = mam_wide_of((uint64_t)margin);
    mam_wide_multiply_long(&wide, (uint64_t)(weighed >> 64), (uint64_t)weighed);
    mam_wide_divide(&wide, (uint64_t)amount);
    mam_wide_divide(&wide, (uint64_t)ONE);
    return mam_wide_value(&wide, true, out) ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
}

enum mam_reason mam_tier_volume(const struct mam_instrument *definition, const struct mam_exposure *exposure,
                                uint8_t margin_mode, int64_t *volume) {
    int64_t buy = exposure->side[MAM_SIDE_BUY].volume;
    int64_t sell = exposure->side[MAM_SIDE_SELL].volume;
    int64_t larger = buy > sell ? buy : sell;
    int64_t smaller = buy > sell ? sell : buy;
    *volume = larger;
    if (margin_mode != MAM_MARGIN_MODE_HEDGING || (definition->margin_flags & LARGER_LEG) != 0) {
        return MAM_REASON_NONE;
    }
    if (definition->contract_size <= 0 || definition->margin_hedged < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_wide covered = mam_wide_of((uint64_t)smaller);
    mam_wide_multiply(&covered, (uint64_t)definition->margin_hedged);
    mam_wide_divide(&covered, (uint64_t)definition->contract_size);
    int64_t counted;
    return mam_wide_value(&covered, true, &counted) &&
                   !__builtin_add_overflow(larger - smaller, counted, volume)
               ? MAM_REASON_NONE
               : MAM_REASON_OVERFLOW;
}

enum mam_reason mam_tier_value(const struct mam_instrument *definition, const struct mam_side_total *total,
                               int64_t volume, int64_t rate, int64_t *value) {
    struct mam_per_lot per_unit; /* of price 1e-8 */
    *value = 0;
    enum mam_reason reason = mam_exposure_per_lot(definition, 1, &per_unit);
    if (reason != MAM_REASON_NONE || volume == 0) {
        return reason;
    }
    if (volume < 0 || volume > total->volume || rate < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_wide wide = mam_wide_of((uint64_t)volume);
    mam_wide_multiply_long(&wide, total->notional.high, total->notional.low);
    mam_wide_multiply(&wide, (uint64_t)rate);
    for (uint8_t i = 0; i < per_unit.times_count; i++) {
        mam_wide_multiply(&wide, per_unit.times[i]);
    }
    mam_wide_divide(&wide, (uint64_t)total->volume);
    mam_wide_divide(&wide, (uint64_t)ONE);
    for (uint8_t i = 0; i < per_unit.by_count; i++) {
        mam_wide_divide(&wide, per_unit.by[i]);
    }
    return mam_wide_value(&wide, true, value) ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
}
