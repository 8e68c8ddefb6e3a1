#include "shares.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"
#include "waterfill.h"

uint64_t mam_minimum_steps(int64_t minimum, int64_t step) {
    return (uint64_t)(minimum / step) + (minimum % step != 0);
}

uint64_t mam_minimum_of(const struct mam_allocation *a, uint32_t i) {
    return mam_minimum_steps(a->minimums == NULL ? a->minimum : a->minimums[i], a->step);
}

/* Each member's into workspace.least. */
static void take_minimums(const struct mam_allocation *a, const struct mam_workspace *ws, uint64_t same) {
    for (uint32_t i = 0; i < a->count; i++) {
        ws->least[i] = a->minimums == NULL ? same : mam_minimum_of(a, i);
    }
}

static bool redistributes(const struct mam_allocation *a) {
    return a->on_shortfall == MAM_ON_SHORTFALL_REDISTRIBUTE && a->cap != NULL;
}

/* By halves, which cannot overflow (count <= 2^24) and need no carry between additions. */
static mam_uint128 sum_of(const uint64_t *values, uint32_t count) {
    uint64_t low = 0;
    uint64_t high = 0;
    for (uint32_t i = 0; i < count; i++) {
        low += values[i] & UINT32_MAX;
        high += values[i] >> 32;
    }
    return ((mam_uint128)high << 32) + low;
}

enum mam_reason mam_take_weights(struct mam_allocation *a, const struct mam_workspace *ws) {
    uint32_t out = 0;
    memcpy(ws->weight, a->weight, a->count * sizeof *ws->weight);
    for (uint32_t i = 0; a->excluded != NULL && i < a->count; i++) {
        out += a->excluded[i] != 0;
        ws->weight[i] = a->excluded[i] != 0 ? 0 : ws->weight[i];
    }
    if (out == a->count) {
        return MAM_REASON_NO_MEMBERS;
    }
    uint64_t signs = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        signs |= ws->weight[i];
    }
    if (signs >> 63 != 0) {
        return MAM_REASON_NEGATIVE_WEIGHT;
    }
    mam_uint128 sum = sum_of(ws->weight, a->count);
    if (sum > INT64_MAX) {
        return MAM_REASON_OVERFLOW;
    }
    a->total_weight = (uint64_t)sum;
    return sum == 0 ? MAM_REASON_ZERO_WEIGHTS : MAM_REASON_NONE;
}

/* Returns the steps that the floors leave over. */
static uint64_t divide_by_weight(struct mam_allocation *a, const struct mam_workspace *ws) {
    const int64_t step = a->step;
    const uint64_t steps = (uint64_t)(a->volume / step);
    const struct mam_ratio share = mam_ratio_of(steps, a->total_weight);
    const struct mam_ratio below_step = mam_ratio_of((uint64_t)step, a->total_weight);
    const uint64_t *restrict weights = ws->weight;
    uint64_t *restrict remainders = ws->remainder;
    int64_t *restrict quotas = a->quota;
    int64_t *restrict floors = a->floor_volume;
    int64_t *restrict rests = a->remainder;
    uint64_t given = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t remainder;
        uint64_t whole = mam_ratio_apply(&share, weights[i], &remainder);
        int64_t rest = (int64_t)mam_ratio_floor(&below_step, remainder);
        int64_t floor_volume = (int64_t)whole * step;
        given += whole;
        remainders[i] = remainder;
        quotas[i] = floor_volume + rest;
        floors[i] = floor_volume;
        rests[i] = rest;
    }
    MAM_ASSERT(given <= steps);
    return steps - given;
}

/* Is there a share under the minimum? */
static bool any_below(const struct mam_allocation *a, const struct mam_workspace *ws, uint64_t minimum) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t weight = ws->weight[i] - 1; /* none is the largest */
        least = weight < least ? weight : least;
    }
    struct mam_ratio share = mam_ratio_of((uint64_t)(a->volume / a->step), a->total_weight);
    return mam_ratio_floor(&share, least + 1) < minimum;
}

/* The same where each has its own; up to `harmless` steps it skips nobody. */
static bool any_below_own(const struct mam_allocation *a, const struct mam_workspace *ws, uint64_t harmless) {
    struct mam_ratio share = mam_ratio_of((uint64_t)(a->volume / a->step), a->total_weight);
    bool below = false;
    for (uint32_t i = 0; i < a->count; i++) {
        bool matters = ws->weight[i] > 0 && ws->least[i] > harmless;
        below |= matters && mam_ratio_floor(&share, ws->weight[i]) < ws->least[i];
    }
    return below;
}

/* A member that cannot have the minimum gets nothing and no longer divides. */
static void leave_out(struct mam_allocation *a, const struct mam_workspace *ws, uint32_t i) {
    ws->weight[i] = 0;
    a->reason[i] = MAM_REASON_BELOW_MINIMUM;
}

static void take_no_limits(const struct mam_allocation *a, const struct mam_workspace *ws) {
    for (uint32_t i = 0; i < a->count; i++) {
        ws->limit[i] = INT64_MAX;
    }
}

/* Caps in steps; a member whose cap is under the minimum can have nothing. */
static void take_limits(struct mam_allocation *a, const struct mam_workspace *ws) {
    const struct mam_ratio per_step = mam_ratio_of(1, (uint64_t)a->step);
    const int64_t *restrict caps = a->cap;
    const int64_t *restrict quotas = a->quota;
    const uint64_t *restrict least = ws->least;
    uint64_t *restrict weights = ws->weight;
    uint64_t *restrict limits = ws->limit;
    uint8_t *restrict capped = a->capped;
    uint16_t *restrict reasons = a->reason;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t limit = mam_ratio_floor(&per_step, (uint64_t)caps[i]);
        bool out = (weights[i] > 0) & (limit < least[i]);
        limits[i] = limit;
        weights[i] = out ? 0 : weights[i];
        capped[i] = out & (quotas[i] > caps[i]);
        reasons[i] = out ? MAM_REASON_BELOW_MINIMUM : reasons[i];
    }
}

/* Largest first by up to two criteria, then as for remainders: larger shortfall, lower login. */
static struct mam_order largest_by(const struct mam_allocation *a, const uint64_t *first,
                                   const uint64_t *second) {
    struct mam_order order = {.criteria = {{first, MAM_LARGEST}, {second, MAM_LARGEST}}};
    uint32_t n = second == NULL ? 1 : 2;
    if (a->carry != NULL) {
        order.criteria[n++] = (struct mam_criterion){(const uint64_t *)a->carry, MAM_LARGEST_SIGNED};
    }
    order.criteria[n] = (struct mam_criterion){a->login, MAM_SMALLEST};
    return order;
}

static uint32_t list_weighted(const struct mam_allocation *a, const struct mam_workspace *ws) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        ws->list[n] = i;
        n += ws->weight[i] > 0;
    }
    return n;
}

/* The first n of the list as a pool for all steps of the order. The list itself may become the pool's. */
static struct mam_pool pool_of(const struct mam_allocation *a, const struct mam_workspace *ws,
                               uint32_t *members, uint32_t n) {
    struct mam_pool pool = {.member = members,
                            .weight = ws->work,
                            .limit = ws->work + a->count,
                            .count = n,
                            .steps = (uint64_t)(a->volume / a->step)};
    uint64_t total_weight = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t member = ws->list[i];
        members[i] = member;
        pool.weight[i] = ws->weight[member];
        pool.limit[i] = ws->limit[member];
        total_weight += pool.weight[i];
    }
    pool.total_weight = total_weight;
    return pool;
}

/* All that have weight as a pool for all steps of the order. */
static struct mam_pool pool_of_all(const struct mam_allocation *a, const struct mam_workspace *ws) {
    struct mam_pool pool = {.member = ws->list,
                            .weight = ws->work,
                            .limit = ws->work + a->count,
                            .steps = (uint64_t)(a->volume / a->step)};
    const uint64_t *restrict weights = ws->weight;
    const uint64_t *restrict limits = ws->limit;
    uint32_t *restrict members = pool.member;
    uint64_t *restrict pool_weights = pool.weight;
    uint64_t *restrict pool_limits = pool.limit;
    uint64_t total_weight = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        members[n] = i;
        pool_weights[n] = weights[i];
        pool_limits[n] = limits[i];
        total_weight += weights[i];
        n += weights[i] > 0;
    }
    pool.count = n;
    pool.total_weight = total_weight;
    return pool;
}

/* Minimums of a step or less skip nobody. */
#define HARMLESS 1

/* With only the first n of the sorted list: has each of them at least its minimum? */
static bool all_reach(const struct mam_allocation *a, const struct mam_workspace *ws, uint32_t n) {
    struct mam_pool pool = pool_of(a, ws, ws->spare, n);
    mam_waterfill(&pool); /* who leaves it is at its cap, which is not under its minimum */
    bool all = true;
    for (uint32_t i = 0; i < pool.count; i++) {
        uint64_t least = ws->least[pool.member[i]];
        all &= least <= HARMLESS ||
               (mam_uint128)pool.steps * pool.weight[i] >= (mam_uint128)least * pool.total_weight;
    }
    return all;
}

/* How many of the sorted list stay: the most of whom each has an exact share of its minimum or more. */
static uint32_t count_reaching(const struct mam_allocation *a, const struct mam_workspace *ws, uint32_t n) {
    uint32_t good = 0;
    uint32_t bad = n + 1;
    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        if (all_reach(a, ws, middle)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    return good;
}

/*
 * Weight over minimum, as 64 bits and 64 more behind the point, in extra and base: the smaller, the higher
 * must the level be for a share to reach its minimum.
 */
static struct mam_order by_reach(const struct mam_allocation *a, const struct mam_workspace *ws) {
    uint64_t *behind = (uint64_t *)ws->base;
    for (uint32_t i = 0; i < a->count; i++) {
        bool never = ws->least[i] <= HARMLESS;
        uint64_t least = never ? 1 : ws->least[i];
        ws->extra[i] = never ? UINT64_MAX : ws->weight[i] / least;
        behind[i] = never ? UINT64_MAX : (uint64_t)(((mam_uint128)(ws->weight[i] % least) << 64) / least);
    }
    return largest_by(a, ws->extra, behind);
}

/*
 * below_min skip. A share grows when others are left out, and the smallest weight (over its minimum, where
 * each has its own) is the first to be under; so leaving out the smallest until no share is under its minimum
 * is the same as keeping as many of the largest.
 */
static void keep_those_that_fit(struct mam_allocation *a, const struct mam_workspace *ws, uint32_t good,
                                uint32_t n) {
    uint64_t left = (uint64_t)(a->volume / a->step);
    for (uint32_t i = 0; i < good; i++) { /* what they leave though each is at its limit */
        uint64_t limit = ws->limit[ws->list[i]];
        left -= limit < left ? limit : left;
    }
    for (uint32_t i = good; i < n; i++) {
        uint64_t least = ws->least[ws->list[i]];
        if (least <= left) {
            left -= least;
        } else {
            leave_out(a, ws, ws->list[i]);
        }
    }
    for (uint32_t i = 0; i < a->count; i++) {
        ws->least[i] = ws->least[i] <= HARMLESS ? 0 : ws->least[i]; /* else they are raised to a step */
    }
}

/* Where each has its own minimum, one further down the list may still fit where one before it does not. */
static void skip_small(struct mam_allocation *a, const struct mam_workspace *ws) {
    struct mam_order order = a->minimums == NULL ? largest_by(a, ws->weight, NULL) : by_reach(a, ws);
    uint32_t n = list_weighted(a, ws);
    mam_sort_members(&order, ws->list, n);
    uint32_t good = count_reaching(a, ws, n);
    if (a->minimums != NULL) {
        keep_those_that_fit(a, ws, good, n);
        return;
    }
    for (uint32_t i = good; i < n; i++) {
        leave_out(a, ws, ws->list[i]);
    }
}

/* The same where each has its own: the largest weight first, whoever's minimum still has room. */
static void skip_surplus_own(struct mam_allocation *a, const struct mam_workspace *ws) {
    struct mam_order order = largest_by(a, ws->weight, NULL);
    uint64_t left = (uint64_t)(a->volume / a->step);
    uint32_t n = list_weighted(a, ws);
    mam_sort_members(&order, ws->list, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t member = ws->list[i];
        if (ws->least[member] > left) {
            leave_out(a, ws, member);
        } else {
            left -= ws->least[member];
        }
    }
}

/* below_min raise, when the order is too small for everyone's minimum: the largest weights get theirs. */
static void skip_surplus(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t minimum) {
    if (a->minimums != NULL) {
        skip_surplus_own(a, ws);
        return;
    }
    uint64_t fits = (uint64_t)(a->volume / a->step) / minimum;
    uint32_t n = list_weighted(a, ws);
    if (fits >= n) {
        return;
    }
    struct mam_order order = largest_by(a, ws->weight, NULL);
    mam_select_members(&order, ws->list, n, (uint32_t)fits, ws->spare, ws->work);
    uint64_t *kept = ws->extra;
    memset(kept, 0, a->count * sizeof *kept);
    for (uint64_t i = 0; i < fits; i++) {
        kept[ws->list[i]] = 1;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (ws->weight[i] > 0 && kept[i] == 0) {
            leave_out(a, ws, i);
        }
    }
}

/* Everybody with weight as if settled at its limit, and without weight any more. */
static void settle_all(struct mam_allocation *a, const struct mam_workspace *ws) {
    const int64_t step = a->step;
    const uint64_t *restrict limits = ws->limit;
    uint64_t *restrict weights = ws->weight;
    uint64_t *restrict remainders = ws->remainder;
    int64_t *restrict base = ws->base;
    uint8_t *restrict capped = a->capped;
    for (uint32_t i = 0; i < a->count; i++) {
        bool settled = weights[i] > 0;
        base[i] = settled ? (int64_t)(limits[i] * (uint64_t)step) : 0;
        remainders[i] = 0;
        weights[i] = 0;
        capped[i] |= settled;
    }
}

/* Those that left the pool are settled; those in it divide the rest by weight. */
static struct mam_shares settle_pool(struct mam_allocation *a, const struct mam_workspace *ws,
                                     const struct mam_pool *pool, uint32_t raised) {
    settle_all(a, ws);
    for (uint32_t i = 0; i < raised; i++) {
        ws->base[ws->spare[i]] = (int64_t)ws->least[ws->spare[i]] * a->step;
        a->capped[ws->spare[i]] = 0;
    }
    struct mam_shares shares = {
        .base = ws->base, .total_weight = pool->total_weight, .leftover = pool->steps};
    if (pool->count == 0) {
        return shares;
    }
    const struct mam_ratio share = mam_ratio_of(pool->steps, pool->total_weight);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t member = pool->member[i];
        uint64_t whole = mam_ratio_apply(&share, pool->weight[i], &ws->remainder[member]);
        ws->base[member] = (int64_t)whole * a->step;
        ws->weight[member] = pool->weight[i];
        a->capped[member] = 0;
        shares.leftover -= whole;
    }
    return shares;
}

/* Shares that a minimum or a cap changes. */
static struct mam_shares share_again(struct mam_allocation *a, const struct mam_workspace *ws,
                                     uint64_t minimum, bool below, uint64_t *unplaced) {
    bool raises = below && a->below_min == MAM_BELOW_MIN_RAISE;
    if (redistributes(a)) {
        take_limits(a, ws);
    } else {
        take_no_limits(a, ws);
    }
    if (raises) {
        skip_surplus(a, ws, minimum);
    } else if (below) {
        skip_small(a, ws);
    }
    struct mam_pool pool = pool_of_all(a, ws);
    uint32_t raised = 0;
    if (raises || (below && a->minimums != NULL)) {
        raised = mam_waterfill_between(&pool, ws->least, ws->spare);
    } else if (redistributes(a)) {
        mam_waterfill(&pool);
    }
    struct mam_shares shares = settle_pool(a, ws, &pool, raised);
    if (pool.count == 0) {
        *unplaced = shares.leftover;
        shares.leftover = 0;
    }
    return shares;
}

struct mam_shares mam_share(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t *unplaced) {
    *unplaced = 0;
    bool own = a->minimums != NULL;
    uint64_t minimum = mam_minimum_steps(a->minimum, a->step);
    uint64_t leftover = divide_by_weight(a, ws);
    if (own) {
        take_minimums(a, ws, 0);
    }
    /* A minimum of one step skips nobody: whatever is rounded to a step can be traded. */
    uint64_t harmless = a->below_min == MAM_BELOW_MIN_RAISE ? 0 : HARMLESS;
    bool below = own ? any_below_own(a, ws, harmless) : minimum > harmless && any_below(a, ws, minimum);
    struct mam_shares shares = {
        .base = a->floor_volume, .total_weight = a->total_weight, .leftover = leftover};
    if (below || redistributes(a)) {
        if (!own) {
            take_minimums(a, ws, minimum);
        }
        shares = share_again(a, ws, minimum, below, unplaced);
    }
    shares.minimum = own && a->overflow_index < a->count ? ws->least[a->overflow_index] : minimum;
    return shares;
}
