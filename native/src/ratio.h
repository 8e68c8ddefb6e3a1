/*
 * Exact multiplication by a fixed rational: floor(x * numerator / divisor) and the remainder, without a
 * division.
 *
 * Let numerator = whole * divisor + part with part < divisor, and fraction = floor(part * 2^64 / divisor).
 * For x < 2^64 the estimate floor(x * fraction / 2^64) is at most one under floor(x * part / divisor), for x
 * * part / divisor - x * fraction / 2^64 < x / 2^64 < 1. So its remainder is below 2 * divisor, is right
 * modulo 2^64 when divisor <= 2^63, and one conditional subtraction makes both exact.
 */
#ifndef MAM_RATIO_H
#define MAM_RATIO_H

#include <stdint.h>

#include "assert.h"

typedef unsigned __int128 mam_uint128;

struct mam_ratio {
    uint64_t whole, part, fraction, divisor;
};

/* 0 < divisor <= 2^63 */
static inline struct mam_ratio mam_ratio_of(uint64_t numerator, uint64_t divisor) {
    MAM_ASSERT(divisor > 0 && divisor <= UINT64_C(1) << 63);
    uint64_t part = numerator % divisor;
    return (struct mam_ratio){.whole = numerator / divisor,
                              .part = part,
                              .fraction = (uint64_t)(((mam_uint128)part << 64) / divisor),
                              .divisor = divisor};
}

/* The caller knows that the result fits 64 bits. */
static inline uint64_t mam_ratio_apply(const struct mam_ratio *ratio, uint64_t x, uint64_t *remainder) {
    uint64_t estimate = (uint64_t)(((mam_uint128)x * ratio->fraction) >> 64);
    uint64_t rest = x * ratio->part - estimate * ratio->divisor;
    uint64_t over = rest >= ratio->divisor;
    *remainder = rest - (over ? ratio->divisor : 0);
    return x * ratio->whole + estimate + over;
}

static inline uint64_t mam_ratio_floor(const struct mam_ratio *ratio, uint64_t x) {
    uint64_t remainder;
    return mam_ratio_apply(ratio, x, &remainder);
}

#endif
