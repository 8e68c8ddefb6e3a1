#include "waterfill.h"

#include <stdbool.h>

#include "ratio.h"

typedef __int128 mam_int128;

/* Moves member `from` of the pool to place `to`, which is not after it. */
static void keep(struct mam_pool *pool, uint32_t to, uint32_t from) {
    pool->member[to] = pool->member[from];
    pool->weight[to] = pool->weight[from];
    pool->limit[to] = pool->limit[from];
}

/*
 * Each round computes the level as if no limit bound, settles those over their limit, and so raises the level
 * for the rest: nobody is settled wrongly, for the level only rises. It ends with the first round that
 * settles nobody. At most some 360 rounds, whatever the count (docs/allocation.md); a few in practice, each
 * over fewer members.
 */
void mam_waterfill(struct mam_pool *pool) {
    uint32_t settled = 1;
    while (settled > 0) {
        struct mam_pool now = *pool; /* in registers: the loop below writes no pool */
        uint64_t steps = 0;
        uint64_t weights = 0;
        uint32_t left = 0;
        for (uint32_t i = 0; i < now.count; i++) {
            uint64_t weight = now.weight[i];
            uint64_t limit = now.limit[i];
            now.member[left] = now.member[i]; /* left <= i */
            now.weight[left] = weight;
            now.limit[left] = limit;
            bool fits = (mam_uint128)now.steps * weight <= (mam_uint128)limit * now.total_weight;
            left += fits;
            steps += fits ? 0 : limit;
            weights += fits ? 0 : weight;
        }
        MAM_ASSERT(steps <= pool->steps);
        settled = pool->count - left;
        pool->count = left;
        pool->steps -= steps;
        pool->total_weight -= weights;
    }
}

struct excess {
    uint64_t over, under;            /* whole steps by which shares are over limits, under the minimum */
    mam_uint128 remainder_over_both; /* their remainders, over total_weight */
};

/* Whole and remainder of the pool's i-th share. */
static uint64_t share_of(const struct mam_ratio *share, const struct mam_pool *pool, uint32_t i,
                         uint64_t *remainder) {
    return mam_ratio_apply(share, pool->weight[i], remainder);
}

/* By how much limits and minimum together push the sum: > 0 when the limits weigh more, and the level must
 * rise. */
static int balance(const struct mam_pool *pool, const struct mam_ratio *share, const uint64_t *least) {
    struct excess sum = {0};
    for (uint32_t i = 0; i < pool->count; i++) {
        uint64_t remainder;
        uint64_t whole = share_of(share, pool, i, &remainder);
        uint64_t minimum = least[pool->member[i]];
        if (whole < minimum) {
            sum.under += minimum - whole;
            sum.remainder_over_both += remainder;
        } else if (whole + (remainder > 0) > pool->limit[i]) {
            sum.over += whole - pool->limit[i];
            sum.remainder_over_both += remainder;
        }
    }
    mam_int128 whole = (mam_int128)sum.over - (mam_int128)sum.under;
    mam_int128 difference = whole * (mam_int128)pool->total_weight + (mam_int128)sum.remainder_over_both;
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

/*
 * Bitran and Hax's rule (1981): of the two kinds that violate a bound, those of the kind that weighs more are
 * at that bound in the solution too, so they are settled; when both weigh the same, the level is the
 * solution's.
 */
uint32_t mam_waterfill_between(struct mam_pool *pool, const uint64_t *least, uint32_t *raised) {
    uint32_t raised_count = 0;
    uint32_t settled = 1;
    while (settled > 0 && pool->count > 0) {
        struct mam_ratio share = mam_ratio_of(pool->steps, pool->total_weight);
        int sign = balance(pool, &share, least);
        uint64_t steps = 0;
        uint64_t weight = 0;
        uint32_t left = 0;
        for (uint32_t i = 0; i < pool->count; i++) {
            uint64_t remainder;
            uint64_t whole = share_of(&share, pool, i, &remainder);
            uint64_t minimum = least[pool->member[i]];
            bool under = whole < minimum && sign <= 0;
            bool over = whole >= minimum && whole + (remainder > 0) > pool->limit[i] && sign >= 0;
            steps += under ? minimum : over ? pool->limit[i] : 0;
            weight += under || over ? pool->weight[i] : 0;
            if (under) {
                raised[raised_count++] = pool->member[i];
            }
            keep(pool, left, i);
            left += !(under || over);
        }
        MAM_ASSERT(steps <= pool->steps);
        settled = pool->count - left;
        pool->count = left;
        pool->steps -= steps;
        pool->total_weight -= weight;
    }
    return raised_count;
}
