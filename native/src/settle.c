/* The last division of a block that was not wholly filled, when children have a minimum volume. */
#include "allocate.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"
#include "shares.h"
#include "waterfill.h"
#include "workspace.h"

/* A minimum of each child's own, or the same for all. */
struct minimums {
    int64_t same;
    const int64_t *own; /* or NULL */
};

static int64_t minimum_of(const struct minimums *minimums, uint32_t child) {
    return minimums->own == NULL ? minimums->same : minimums->own[child];
}

static enum mam_reason check(uint32_t count, int64_t step, const struct minimums *minimums,
                             const int64_t *plan, int64_t filled) {
    if (count > MAM_ALLOCATION_MAX || step <= 0 || minimums->same < 0 || filled < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    mam_uint128 total = 0;
    bool below = false;
    for (uint32_t i = 0; i < count; i++) {
        if (plan[i] < 0) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        if (plan[i] % step != 0) {
            return MAM_REASON_OFF_STEP;
        }
        if (minimum_of(minimums, i) < 0) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        below |= plan[i] > 0 && plan[i] < minimum_of(minimums, i);
        total += (uint64_t)plan[i];
    }
    if (below) {
        return MAM_REASON_BELOW_MINIMUM;
    }
    if (total > INT64_MAX) {
        return MAM_REASON_OVERFLOW;
    }
    return (uint64_t)filled > (uint64_t)total ? MAM_REASON_OVERFILLED : MAM_REASON_NONE;
}

/* Of the list's n, the largest plans first: whoever's minimum still has room. Returns how many, in front. */
static uint32_t choose_own(const uint64_t *login, const int64_t *plan, uint64_t steps, uint32_t n,
                           const struct mam_workspace *ws) {
    struct mam_order order = {.criteria = {{(const uint64_t *)plan, MAM_LARGEST}, {login, MAM_SMALLEST}}};
    uint32_t kept = 0;
    mam_sort_members(&order, ws->list, n);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t least = ws->least[ws->list[i]];
        ws->list[kept] = ws->list[i];
        kept += least <= steps;
        steps -= least <= steps ? least : 0;
    }
    return kept;
}

/*
 * Who keeps a child: as many as can have the minimum, the largest plans first. Those can take the most, so
 * the sum is as near to what was filled as any choice could make it. minimum: of all; UINT64_MAX: each has
 * its own.
 */
static struct mam_pool choose(uint32_t count, int64_t step, uint64_t minimum, const uint64_t *login,
                              const int64_t *plan, uint64_t steps, const struct mam_workspace *ws) {
    struct mam_pool pool = {.member = ws->list, .weight = ws->weight, .limit = ws->limit, .steps = steps};
    for (uint32_t i = 0; i < count; i++) {
        ws->list[pool.count] = i;
        pool.count += plan[i] > 0;
    }
    uint64_t fits = minimum == 0 ? pool.count : steps / minimum;
    if (minimum == UINT64_MAX) {
        pool.count = choose_own(login, plan, steps, pool.count, ws);
    } else if (fits < pool.count) {
        struct mam_order order = {.criteria = {{(const uint64_t *)plan, MAM_LARGEST}, {login, MAM_SMALLEST}}};
        mam_select_members(&order, ws->list, pool.count, (uint32_t)fits, ws->spare, ws->work);
        pool.count = (uint32_t)fits;
    }
    for (uint32_t i = 0; i < pool.count; i++) {
        pool.weight[i] = (uint64_t)plan[ws->list[i]];
        pool.limit[i] = pool.weight[i] / (uint64_t)step;
        pool.total_weight += pool.weight[i];
    }
    return pool;
}

/* What is left of the pool divides its steps by largest remainder. */
static void divide_pool(struct mam_pool *pool, int64_t step, const uint64_t *login, int64_t *out,
                        const struct mam_workspace *ws) {
    if (pool->count == 0) {
        return;
    }
    struct mam_ratio share = mam_ratio_of(pool->steps, pool->total_weight);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t member = pool->member[i];
        uint64_t whole = mam_ratio_apply(&share, pool->weight[i], &ws->remainder[member]);
        out[member] = (int64_t)whole * step;
        pool->steps -= whole;
    }
    struct mam_order order = {.criteria = {{ws->remainder, MAM_LARGEST}, {login, MAM_SMALLEST}}};
    mam_select_members(&order, pool->member, pool->count, (uint32_t)pool->steps, ws->spare, ws->work);
    for (; pool->steps > 0; pool->steps--) {
        out[pool->member[pool->steps - 1]] += step;
    }
}

enum mam_reason mam_settle_short(uint32_t count, int64_t step, int64_t minimum, const int64_t *minimums,
                                 const uint64_t *login, const int64_t *plan, int64_t filled, int64_t *out,
                                 int64_t *house, void *scratch) {
    const struct minimums of = {.same = minimum, .own = minimums};
    enum mam_reason reason = check(count, step, &of, plan, filled);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    struct mam_workspace ws = mam_workspace_of(scratch, count);
    uint64_t steps = (uint64_t)(filled / step);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t least = mam_minimum_steps(minimum_of(&of, i), step);
        ws.least[i] = least > 1 ? least : 0; /* any whole step can be booked */
    }
    uint64_t least = minimums != NULL ? UINT64_MAX : count > 0 ? ws.least[0] : 0;
    struct mam_pool pool = choose(count, step, least, login, plan, steps, &ws);
    uint32_t kept = pool.count;
    memcpy(ws.spare, ws.list, kept * sizeof *ws.spare);
    memset(out, 0, count * sizeof *out);
    for (uint32_t i = 0; i < kept; i++) {
        out[ws.spare[i]] = plan[ws.spare[i]]; /* of those that leave the pool at their plan */
    }
    uint32_t *raised = (uint32_t *)ws.extra;
    uint32_t raised_count = mam_waterfill_between(&pool, ws.least, raised);
    for (uint32_t i = 0; i < raised_count; i++) {
        out[raised[i]] = (int64_t)ws.least[raised[i]] * step;
    }
    divide_pool(&pool, step, login, out, &ws);
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint64_t)out[i];
    }
    MAM_ASSERT(sum <= (uint64_t)filled);
    *house = filled - (int64_t)sum;
    return MAM_REASON_NONE;
}
