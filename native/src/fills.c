/*
 * Dividing what was filled of a plan. Member i's steps are jobs: its j-th may be done once the quota rule
 * allows it (filled > (j - 1) * total / plan_i) and must be done by its deadline, ceil(j * total / plan_i).
 * Tijdeman's theorem (1980): all deadlines can be met. A fill does all jobs that are due, and of the rest
 * those with the earliest deadlines, which keeps the remaining ones feasible whatever the size of the fill
 * (docs/allocation.md).
 */
#include "allocate.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"
#include "workspace.h"

struct fill {
    uint32_t count;
    int64_t step;
    const uint64_t *login;
    const int64_t *plan;
    uint64_t total;  /* sum of plan */
    uint64_t steps;  /* filled, whole */
    uint64_t before; /* sum of held, in steps */
    int64_t *out;    /* holds what each held, until it is written */
};

static enum mam_reason check(uint32_t count, int64_t step, const int64_t *plan, const int64_t *held) {
    if (count > MAM_ALLOCATION_MAX || step <= 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_ratio per_step = mam_ratio_of(1, (uint64_t)step);
    bool bad_range = false;
    uint64_t off_step = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t has = held == NULL ? 0 : held[i];
        uint64_t plan_rest;
        uint64_t held_rest;
        bad_range |= has < 0 || has > plan[i];
        mam_ratio_apply(&per_step, (uint64_t)plan[i], &plan_rest);
        mam_ratio_apply(&per_step, (uint64_t)has, &held_rest);
        off_step |= plan_rest | held_rest;
    }
    return bad_range ? MAM_REASON_OUT_OF_RANGE : off_step != 0 ? MAM_REASON_OFF_STEP : MAM_REASON_NONE;
}

static mam_uint128 sum_of(const int64_t *volumes, uint32_t count) {
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint64_t)volumes[i];
    }
    return sum;
}

/* Exact share of a member at `steps`: whole steps as a volume, and the remainder over total. */
static int64_t share_at(const struct fill *fill, const struct mam_ratio *share, uint32_t i,
                        uint64_t *remainder) {
    return (int64_t)mam_ratio_apply(share, (uint64_t)fill->plan[i], remainder) * fill->step;
}

/* One step each to the `wanted` candidates in workspace.list with the earliest deadlines. */
static void give_by_deadline(const struct fill *fill, const struct mam_workspace *ws, uint32_t candidates,
                             uint32_t wanted) {
    MAM_ASSERT(wanted <= candidates);
    for (uint32_t i = 0; i < candidates && wanted < candidates; i++) {
        uint32_t member = ws->list[i];
        uint64_t missing = fill->total - ws->remainder[member];
        uint64_t plan = (uint64_t)fill->plan[member];
        ws->extra[member] = missing / plan + (missing % plan != 0); /* deadline - steps */
    }
    struct mam_order order = {
        .criteria = {{ws->extra, MAM_SMALLEST}, {ws->remainder, MAM_LARGEST}, {fill->login, MAM_SMALLEST}}};
    mam_select_members(&order, ws->list, candidates, wanted, ws->spare, ws->work);
    for (uint32_t i = 0; i < wanted; i++) {
        fill->out[ws->list[i]] += fill->step;
    }
}

/* What members have at least, with everything done that is due at `due` steps; in steps. */
static uint64_t sum_due(const struct fill *fill, uint64_t due) {
    struct mam_ratio share = mam_ratio_of(due, fill->total);
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < fill->count; i++) {
        uint64_t remainder;
        int64_t least = share_at(fill, &share, i, &remainder);
        sum += (uint64_t)(least > fill->out[i] ? least : fill->out[i]);
    }
    return (uint64_t)(sum / (uint64_t)fill->step);
}

/*
 * The latest point up to which all that is due can be done with the steps there are. After fills alone that
 * is `steps` itself; after a correction some may hold more than their share, and the others catch up as fast
 * as can be.
 */
static uint64_t latest_point(const struct fill *fill) {
    if (sum_due(fill, fill->steps) <= fill->steps) {
        return fill->steps;
    }
    uint64_t good = 0;
    uint64_t bad = fill->steps;
    while (bad - good > 1) {
        uint64_t middle = good + (bad - good) / 2;
        if (sum_due(fill, middle) <= fill->steps) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    return good;
}

/* Brings everyone to what is due at `point`; returns how many steps are left to give. */
static uint64_t do_due(const struct fill *fill, uint64_t point) {
    struct mam_ratio share = mam_ratio_of(point, fill->total);
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < fill->count; i++) {
        uint64_t remainder;
        int64_t least = share_at(fill, &share, i, &remainder);
        fill->out[i] = least > fill->out[i] ? least : fill->out[i];
        sum += (uint64_t)fill->out[i];
    }
    return fill->steps - (uint64_t)(sum / (uint64_t)fill->step);
}

/* Those who may have one step more than the whole steps of their share at `point`, and have not. */
static uint32_t list_behind(const struct fill *fill, const struct mam_workspace *ws, uint64_t point) {
    struct mam_ratio share = mam_ratio_of(point, fill->total);
    uint32_t n = 0;
    for (uint32_t i = 0; i < fill->count; i++) {
        int64_t least = share_at(fill, &share, i, &ws->remainder[i]);
        ws->list[n] = i;
        n += ws->remainder[i] > 0 && fill->out[i] <= least;
    }
    return n;
}

static void grow(const struct fill *fill, const struct mam_workspace *ws) {
    uint64_t point = latest_point(fill);
    uint64_t left = do_due(fill, point);
    uint32_t candidates = list_behind(fill, ws, point);
    give_by_deadline(fill, ws, candidates, (uint32_t)left);
}

enum mam_reason mam_divide_fill(uint32_t count, int64_t step, const uint64_t *login, const int64_t *plan,
                                int64_t filled, const int64_t *held, int64_t *out, int64_t *residue,
                                void *scratch) {
    enum mam_reason reason = filled < 0 ? MAM_REASON_OUT_OF_RANGE : check(count, step, plan, held);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    mam_uint128 total = sum_of(plan, count);
    if (total > INT64_MAX) {
        return MAM_REASON_OVERFLOW;
    }
    if ((uint64_t)filled > (uint64_t)total) {
        return MAM_REASON_OVERFILLED;
    }
    memmove(out, held, count * sizeof *out);
    struct mam_workspace workspace = mam_workspace_of(scratch, count);
    struct fill fill = {.count = count,
                        .step = step,
                        .login = login,
                        .plan = plan,
                        .total = (uint64_t)total,
                        .steps = (uint64_t)(filled / step),
                        .before = (uint64_t)(sum_of(held, count) / (uint64_t)step),
                        .out = out};
    *residue = filled % step;
    if (fill.steps < fill.before) {
        memset(out, 0, count * sizeof *out); /* a correction: as if this had been filled at once */
    }
    if (fill.steps != fill.before) {
        grow(&fill, &workspace);
    }
    MAM_ASSERT(sum_of(out, count) == (mam_uint128)(filled - *residue));
    return MAM_REASON_NONE;
}
