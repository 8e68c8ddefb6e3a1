#include "allocate.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "rounding.h"
#include "shares.h"
#include "workspace.h"

/* The widest carry: far from the ends of int64, so that no sum of one order leaves it. */
#define CARRY_LIMIT (INT64_C(1) << 62)

size_t mam_scratch_size(uint32_t count) {
    return count > MAM_ALLOCATION_MAX ? 0 : (size_t)count * MAM_WORKSPACE_MEMBER_BYTES;
}

static bool any_negative(const int64_t *values, uint32_t count) {
    uint64_t signs = 0;
    for (uint32_t i = 0; i < count; i++) {
        signs |= (uint64_t)values[i];
    }
    return signs >> 63 != 0;
}

/* The least volume of all that may be traded. */
static int64_t smallest_minimum(const struct mam_allocation *a) {
    int64_t smallest = a->minimums == NULL ? a->minimum : INT64_MAX;
    for (uint32_t i = 0; a->minimums != NULL && i < a->count; i++) {
        smallest = a->minimums[i] < smallest ? a->minimums[i] : smallest;
    }
    return smallest;
}

static bool any_wide(const int64_t *carry, uint32_t count) {
    uint64_t wide = 0;
    for (uint32_t i = 0; i < count;
         i++) { /* of limit + carry and limit - carry both are negative only then */
        wide |= ((uint64_t)CARRY_LIMIT + (uint64_t)carry[i]) & ((uint64_t)CARRY_LIMIT - (uint64_t)carry[i]);
    }
    return wide >> 63 != 0;
}

static enum mam_reason check(const struct mam_allocation *a) {
    if (a->count > MAM_ALLOCATION_MAX || a->step <= 0 || a->minimum < 0 || a->family > MAM_FAMILY_ABSOLUTE ||
        a->rounding > MAM_ROUNDING_OVERFLOW || a->on_shortfall > MAM_ON_SHORTFALL_REDISTRIBUTE ||
        a->below_min > MAM_BELOW_MIN_RAISE) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (a->count == 0) {
        return MAM_REASON_NO_MEMBERS;
    }
    if ((a->cap != NULL && any_negative(a->cap, a->count)) || smallest_minimum(a) < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (a->carry != NULL && any_wide(a->carry, a->count)) {
        return MAM_REASON_OVERFLOW;
    }
    if (a->family == MAM_FAMILY_ABSOLUTE) {
        return MAM_REASON_NONE;
    }
    if (a->volume <= 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (a->volume % a->step != 0) {
        return MAM_REASON_OFF_STEP;
    }
    return a->volume < smallest_minimum(a) ? MAM_REASON_BELOW_MINIMUM : MAM_REASON_NONE;
}

static bool any_over_cap(struct mam_allocation *a) {
    bool any = false;
    for (uint32_t i = 0; a->cap != NULL && i < a->count; i++) {
        a->capped[i] |= a->result[i] > a->cap[i];
        any |= a->capped[i] != 0;
    }
    return any;
}

/* What a member over its cap gets: the cap in whole steps, or nothing. */
static int64_t cut(const struct mam_allocation *a, uint32_t i) {
    if (a->on_shortfall == MAM_ON_SHORTFALL_SKIP) {
        return 0;
    }
    int64_t volume = a->cap[i] - a->cap[i] % a->step;
    return volume < (a->minimums == NULL ? a->minimum : a->minimums[i]) ? 0 : volume;
}

static void cut_to_caps(struct mam_allocation *a) {
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->result[i] > a->cap[i]) {
            a->result[i] = cut(a, i);
            a->capped[i] = 1;
        }
    }
}

static void name_reasons(struct mam_allocation *a) {
    for (uint32_t i = 0; i < a->count; i++) {
        uint16_t of_zero = a->reason[i] != 0 ? a->reason[i] : MAM_REASON_ZERO_SHARE;
        a->reason[i] = a->result[i] > 0 ? MAM_REASON_NONE : of_zero;
    }
    for (uint32_t i = 0; a->cap != NULL && i < a->count; i++) {
        uint16_t of_cap = a->cap_reason != NULL ? a->cap_reason[i] : MAM_REASON_SHORTFALL;
        a->reason[i] = a->capped[i] != 0 ? of_cap : a->reason[i];
    }
}

/* Cuts to caps, names reasons, adds up: the sum is known to fit. */
static void finish(struct mam_allocation *a) {
    bool may_be_over = a->on_shortfall != MAM_ON_SHORTFALL_REDISTRIBUTE || a->family == MAM_FAMILY_ABSOLUTE;
    if (a->cap != NULL && may_be_over) {
        cut_to_caps(a);
    }
    name_reasons(a);
    uint64_t planned = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        planned += (uint64_t)a->result[i];
    }
    MAM_ASSERT(planned <= INT64_MAX);
    a->planned = (int64_t)planned;
}

static enum mam_reason allocate_proportional(struct mam_allocation *a, const struct mam_workspace *ws) {
    enum mam_reason reason = mam_take_weights(a, ws);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint64_t unplaced;
    struct mam_shares shares = mam_share(a, ws, &unplaced);
    uint64_t nobodys = mam_round(a, ws, &shares);
    if (a->on_shortfall == MAM_ON_SHORTFALL_REJECT && (any_over_cap(a) || nobodys > 0)) {
        return MAM_REASON_SHORTFALL;
    }
    if (nobodys == 0) {
        mam_carry_on(a, ws, &shares);
    }
    finish(a);
    MAM_ASSERT(a->planned <= a->volume);
    a->unallocated = a->volume - a->planned;
    MAM_ASSERT(a->cap != NULL || (uint64_t)a->unallocated == (nobodys + unplaced) * (uint64_t)a->step);
    MAM_ASSERT(a->on_shortfall != MAM_ON_SHORTFALL_REDISTRIBUTE ||
               (uint64_t)a->unallocated == unplaced * (uint64_t)a->step);
    return MAM_REASON_NONE;
}

/* A desired volume in whole steps; under the minimum (in steps) it is none, or the minimum. */
static uint64_t desired_volume(struct mam_allocation *a, uint32_t i) {
    uint64_t volume = (uint64_t)a->floor_volume[i];
    uint64_t minimum = mam_minimum_of(a, i) * (uint64_t)a->step; /* < 2^64: under both, rounded up */
    if (a->quota[i] == 0 || volume >= minimum) {
        return volume;
    }
    if (a->below_min == MAM_BELOW_MIN_RAISE) {
        return minimum;
    }
    a->reason[i] = MAM_REASON_BELOW_MINIMUM;
    return 0;
}

static enum mam_reason allocate_absolute(struct mam_allocation *a) {
    uint32_t out = 0;
    mam_uint128 sum = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        bool takes_part = a->excluded == NULL || a->excluded[i] == 0;
        out += !takes_part;
        a->quota[i] = takes_part ? a->weight[i] : 0;
        if (a->quota[i] < 0) {
            return MAM_REASON_NEGATIVE_WEIGHT;
        }
        a->remainder[i] = a->quota[i] % a->step;
        a->floor_volume[i] = a->quota[i] - a->remainder[i];
        uint64_t desired = desired_volume(a, i);
        a->result[i] = (int64_t)desired;
        sum += desired;
    }
    if (out == a->count) {
        return MAM_REASON_NO_MEMBERS;
    }
    if (sum > INT64_MAX) {
        return MAM_REASON_OVERFLOW;
    }
    if (a->on_shortfall == MAM_ON_SHORTFALL_REJECT && any_over_cap(a)) {
        return MAM_REASON_SHORTFALL;
    }
    finish(a);
    return MAM_REASON_NONE;
}

enum mam_reason mam_allocate(struct mam_allocation *a, void *scratch) {
    a->planned = 0;
    a->unallocated = a->family == MAM_FAMILY_ABSOLUTE ? 0 : a->volume;
    a->total_weight = 0;
    enum mam_reason reason = check(a);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    memset(a->capped, 0, a->count * sizeof *a->capped);
    if (a->excluded != NULL) {
        memcpy(a->reason, a->excluded, a->count * sizeof *a->reason);
    } else {
        memset(a->reason, 0, a->count * sizeof *a->reason);
    }
    if (a->family == MAM_FAMILY_ABSOLUTE) {
        return allocate_absolute(a);
    }
    struct mam_workspace workspace = mam_workspace_of(scratch, a->count);
    return allocate_proportional(a, &workspace);
}
