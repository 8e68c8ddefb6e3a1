#include "shares.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"
#include "waterfill.h"

uint64_t mam_minimum_steps(int64_t minimum, int64_t step) {
    return (uint64_t)(minimum / step) + (minimum % step != 0);
}

static bool redistributes(const struct mam_allocation *a) {
    return a->on_shortfall == MAM_ON_SHORTFALL_REDISTRIBUTE && a->cap != NULL;
}

static mam_uint128 sum_of(const uint64_t *values, uint32_t count) {
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum;
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
    uint64_t steps = (uint64_t)(a->volume / a->step);
    uint64_t given = 0;
    struct mam_ratio share = mam_ratio_of(steps, a->total_weight);
    struct mam_ratio below_step = mam_ratio_of((uint64_t)a->step, a->total_weight);
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t whole = mam_ratio_apply(&share, ws->weight[i], &ws->remainder[i]);
        int64_t rest = (int64_t)mam_ratio_floor(&below_step, ws->remainder[i]);
        int64_t floor_volume = (int64_t)whole * a->step;
        given += whole;
        a->quota[i] = floor_volume + rest;
        a->floor_volume[i] = floor_volume;
        a->remainder[i] = rest;
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

/* Who is settled under the minimum gets nothing and no longer divides. */
static void leave_out(struct mam_allocation *a, const struct mam_workspace *ws, uint32_t i, bool by_cap) {
    ws->weight[i] = 0;
    a->capped[i] = by_cap;
    a->reason[i] = MAM_REASON_BELOW_MINIMUM;
}

/* Caps in steps; a member whose cap is under the minimum can have nothing. */
static void take_limits(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t minimum) {
    if (!redistributes(a)) {
        for (uint32_t i = 0; i < a->count; i++) {
            ws->limit[i] = INT64_MAX;
        }
        return;
    }
    struct mam_ratio per_step = mam_ratio_of(1, (uint64_t)a->step);
    for (uint32_t i = 0; i < a->count; i++) {
        ws->limit[i] = mam_ratio_floor(&per_step, (uint64_t)a->cap[i]);
        if (ws->weight[i] > 0 && ws->limit[i] < minimum) {
            leave_out(a, ws, i, a->quota[i] > a->cap[i]);
        }
    }
}

/* Largest weight first, then as for remainders: larger shortfall, lower login. */
static struct mam_order by_weight(const struct mam_allocation *a, const struct mam_workspace *ws) {
    struct mam_order order = {.criteria = {{ws->weight, MAM_LARGEST}}};
    uint32_t n = 1;
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
    for (uint32_t i = 0; i < n; i++) {
        uint32_t member = ws->list[i];
        pool.member[i] = member;
        pool.weight[i] = ws->weight[member];
        pool.limit[i] = ws->limit[member];
        pool.total_weight += pool.weight[i];
    }
    return pool;
}

/* With only the first n of the sorted list: has the last of them, and so each of them, at least the minimum?
 */
static bool all_reach(const struct mam_allocation *a, const struct mam_workspace *ws, uint32_t n,
                      uint64_t minimum) {
    uint64_t least = ws->weight[ws->list[n - 1]];
    struct mam_pool pool = pool_of(a, ws, ws->spare, n);
    mam_waterfill(&pool);
    if (pool.count == 0) {
        return true; /* each is at its cap, which is not under the minimum */
    }
    return (mam_uint128)pool.steps * least >= (mam_uint128)minimum * pool.total_weight;
}

/* How many of the sorted list stay: the most of whom each has an exact share of the minimum or more. */
static uint32_t count_reaching(const struct mam_allocation *a, const struct mam_workspace *ws, uint32_t n,
                               uint64_t minimum) {
    uint32_t good = n > 0 ? 1 : 0; /* alone, the first has all, or its cap */
    uint32_t bad = n + 1;
    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        if (all_reach(a, ws, middle, minimum)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    return good;
}

/*
 * below_min skip. A share grows when others are left out, and the smallest weight is the first to be under
 * the minimum; so leaving out the smallest until no share is under it is the same as keeping as many of the
 * largest.
 */
static void skip_small(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t minimum) {
    struct mam_order order = by_weight(a, ws);
    uint32_t n = list_weighted(a, ws);
    mam_sort_members(&order, ws->list, n);
    for (uint32_t i = count_reaching(a, ws, n, minimum); i < n; i++) {
        leave_out(a, ws, ws->list[i], false);
    }
}

/* below_min raise, when the order is too small for everyone's minimum: the largest weights get theirs. */
static void skip_surplus(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t minimum) {
    uint64_t fits = (uint64_t)(a->volume / a->step) / minimum;
    uint32_t n = list_weighted(a, ws);
    if (fits >= n) {
        return;
    }
    struct mam_order order = by_weight(a, ws);
    mam_select_members(&order, ws->list, n, (uint32_t)fits, ws->spare, ws->work);
    uint64_t *kept = ws->extra;
    memset(kept, 0, a->count * sizeof *kept);
    for (uint64_t i = 0; i < fits; i++) {
        kept[ws->list[i]] = 1;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (ws->weight[i] > 0 && kept[i] == 0) {
            leave_out(a, ws, i, false);
        }
    }
}

/* Those that left the pool have whole steps and no weight any more; those in it divide the rest. */
static struct mam_shares settle_pool(struct mam_allocation *a, const struct mam_workspace *ws,
                                     const struct mam_pool *pool, uint32_t raised, uint64_t minimum) {
    for (uint32_t i = 0; i < a->count; i++) {
        bool settled = ws->weight[i] > 0;
        ws->base[i] = settled ? (int64_t)ws->limit[i] : 0; /* in steps, until the last loop */
        ws->remainder[i] = 0;
        ws->weight[i] = 0;
        a->capped[i] |= settled;
    }
    for (uint32_t i = 0; i < raised; i++) {
        ws->base[ws->spare[i]] = (int64_t)minimum;
        a->capped[ws->spare[i]] = 0;
    }
    struct mam_shares shares = {
        .base = ws->base, .total_weight = pool->total_weight, .leftover = pool->steps};
    struct mam_ratio share =
        pool->count > 0 ? mam_ratio_of(pool->steps, pool->total_weight) : (struct mam_ratio){0};
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t member = pool->member[i];
        uint64_t whole = mam_ratio_apply(&share, pool->weight[i], &ws->remainder[member]);
        ws->base[member] = (int64_t)whole;
        ws->weight[member] = pool->weight[i];
        a->capped[member] = 0;
        shares.leftover -= whole;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        ws->base[i] *= a->step;
    }
    return shares;
}

/* Shares that a minimum or a cap changes. */
static struct mam_shares share_again(struct mam_allocation *a, const struct mam_workspace *ws,
                                     uint64_t minimum, bool below, uint64_t *unplaced) {
    bool raises = below && a->below_min == MAM_BELOW_MIN_RAISE;
    take_limits(a, ws, minimum);
    if (raises) {
        skip_surplus(a, ws, minimum);
    } else if (below) {
        skip_small(a, ws, minimum);
    }
    struct mam_pool pool = pool_of(a, ws, ws->list, list_weighted(a, ws));
    uint32_t raised = 0;
    if (raises) {
        raised = mam_waterfill_between(&pool, minimum, ws->spare);
    } else if (redistributes(a)) {
        mam_waterfill(&pool);
    }
    struct mam_shares shares = settle_pool(a, ws, &pool, raised, minimum);
    if (pool.count == 0) {
        *unplaced = shares.leftover;
        shares.leftover = 0;
    }
    return shares;
}

struct mam_shares mam_share(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t *unplaced) {
    *unplaced = 0;
    uint64_t minimum = mam_minimum_steps(a->minimum, a->step);
    uint64_t leftover = divide_by_weight(a, ws);
    /* A minimum of one step skips nobody: whatever is rounded to a step can be traded. */
    bool matters = minimum > (a->below_min == MAM_BELOW_MIN_RAISE ? 0 : 1);
    bool below = matters && any_below(a, ws, minimum);
    struct mam_shares shares = {
        .base = a->floor_volume, .total_weight = a->total_weight, .leftover = leftover};
    if (below || redistributes(a)) {
        shares = share_again(a, ws, minimum, below, unplaced);
    }
    shares.minimum = minimum;
    return shares;
}
