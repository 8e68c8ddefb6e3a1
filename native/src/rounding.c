#include "rounding.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"

static struct mam_criterion signed_criterion(const int64_t *array) {
    return (struct mam_criterion){(const uint64_t *)array, MAM_LARGEST_SIGNED};
}

/* Without an optional first criterion the others move up. */
static struct mam_order then_by_login(struct mam_criterion first, struct mam_criterion second,
                                      const uint64_t *login) {
    struct mam_order order = {0};
    uint32_t n = 0;
    if (first.array != NULL) {
        order.criteria[n++] = first;
    }
    if (second.array != NULL) {
        order.criteria[n++] = second;
    }
    order.criteria[n] = (struct mam_criterion){login, MAM_SMALLEST};
    return order;
}

static const struct mam_criterion NO_CRITERION = {0};

static bool has_room(const struct mam_allocation *a, uint32_t i, int64_t base) {
    return a->on_shortfall != MAM_ON_SHORTFALL_REDISTRIBUTE || a->cap == NULL ||
           (base <= INT64_MAX - a->step && base + a->step <= a->cap[i]);
}

static void give_one_each(struct mam_allocation *a, const uint32_t *list, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        a->result[list[i]] += a->step;
    }
}

/* Ties of the exact remainder: the members with that remainder, by accumulated shortfall, then login. */
static void round_ties(struct mam_allocation *a, const struct mam_workspace *ws, uint64_t remainder,
                       uint32_t wanted) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        ws->list[n] = i; /* n <= i */
        n += ws->remainder[i] == remainder;
    }
    struct mam_order order = then_by_login(signed_criterion(a->carry), NO_CRITERION, a->login);
    mam_select_members(&order, ws->list, n, wanted, ws->spare, ws->work);
    give_one_each(a, ws->list, wanted);
}

/* `from` may be result itself. */
static void round_largest_remainder(struct mam_allocation *a, const struct mam_workspace *ws,
                                    const struct mam_shares *shares, const int64_t *from, uint32_t leftover) {
    struct mam_threshold threshold =
        mam_select(ws->remainder, a->count, leftover, 0, shares->total_weight - 1, ws->work);
    MAM_ASSERT(threshold.key > 0);
    bool all_equal_too = threshold.above + threshold.equal == leftover;
    uint64_t least = threshold.key + !all_equal_too;
    for (uint32_t i = 0; i < a->count; i++) {
        a->result[i] = from[i] + (ws->remainder[i] >= least ? a->step : 0);
    }
    if (!all_equal_too) {
        round_ties(a, ws, threshold.key, leftover - threshold.above);
    }
}

/*
 * The remainders in fixed point, 1 / MAM_CARRY_ONE step, in workspace.limit: their sum is exactly the
 * leftover steps, for the units that fixed point leaves over go to the largest rests of their own.
 */
static void fix_point(const struct mam_allocation *a, const struct mam_workspace *ws,
                      const struct mam_shares *shares) {
    struct mam_ratio unit = mam_ratio_of((uint64_t)MAM_CARRY_ONE, shares->total_weight);
    uint64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        ws->limit[i] = mam_ratio_apply(&unit, ws->remainder[i], &ws->extra[i]);
        sum += ws->limit[i];
        ws->list[n] = i;
        n += ws->remainder[i] > 0;
    }
    uint64_t units = shares->leftover * (uint64_t)MAM_CARRY_ONE - sum;
    MAM_ASSERT(units <= n);
    struct mam_order order =
        then_by_login((struct mam_criterion){ws->extra, MAM_LARGEST}, NO_CRITERION, a->login);
    mam_select_members(&order, ws->list, n, (uint32_t)units, ws->spare, ws->work);
    for (uint64_t i = 0; i < units; i++) {
        ws->limit[ws->list[i]]++;
    }
}

/* A step each to the largest claims: what rounding has owed so far, and owes now. */
static void round_carry(struct mam_allocation *a, const struct mam_workspace *ws, uint32_t leftover) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        ws->extra[i] = ws->limit[i] + (a->carry == NULL ? 0 : (uint64_t)a->carry[i]);
        ws->list[n] = i;
        n += ws->remainder[i] > 0;
    }
    struct mam_order order =
        then_by_login(signed_criterion((const int64_t *)ws->extra), NO_CRITERION, a->login);
    mam_select_members(&order, ws->list, n, leftover, ws->spare, ws->work);
    give_one_each(a, ws->list, leftover);
}

/* Those with weight and room, in list order. */
static uint32_t list_eligible(const struct mam_allocation *a, const struct mam_workspace *ws,
                              const struct mam_shares *shares) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        ws->list[n] = i;
        n += ws->weight[i] > 0 && has_room(a, i, shares->base[i]);
    }
    return n;
}

static void round_in_order(struct mam_allocation *a, const struct mam_workspace *ws,
                           const struct mam_shares *shares, uint32_t leftover) {
    uint32_t n = list_eligible(a, ws, shares);
    MAM_ASSERT(leftover <= n);
    if (a->rounding == MAM_ROUNDING_LARGEST_EQUITY) {
        struct mam_order order = then_by_login(signed_criterion(a->equity), NO_CRITERION, a->login);
        mam_select_members(&order, ws->list, n, leftover, ws->spare, ws->work);
    }
    give_one_each(a, ws->list, leftover);
}

/* How many of the leftover steps the overflow account may take. */
static uint64_t overflow_room(struct mam_allocation *a, const struct mam_shares *shares) {
    uint32_t i = a->overflow_index;
    if (i >= a->count || (a->excluded != NULL && a->excluded[i] != 0)) {
        return 0;
    }
    uint64_t has = (uint64_t)shares->base[i] / (uint64_t)a->step;
    uint64_t room = shares->leftover;
    if (a->on_shortfall == MAM_ON_SHORTFALL_REDISTRIBUTE && a->cap != NULL) {
        uint64_t limit = (uint64_t)a->cap[i] / (uint64_t)a->step;
        room = limit <= has ? 0 : limit - has < room ? limit - has : room;
        a->capped[i] |= room < shares->leftover;
    }
    return has + room < shares->minimum ? 0 : room;
}

/* What it cannot take is offered to the others when the policy redistributes, else it is nobody's. */
static uint64_t round_overflow(struct mam_allocation *a, const struct mam_workspace *ws,
                               const struct mam_shares *shares) {
    uint64_t taken = overflow_room(a, shares);
    if (taken > 0) {
        a->result[a->overflow_index] += (int64_t)taken * a->step;
    }
    uint64_t rest = shares->leftover - taken;
    if (rest == 0 || a->on_shortfall != MAM_ON_SHORTFALL_REDISTRIBUTE) {
        return rest;
    }
    uint64_t own = a->overflow_index < a->count ? ws->remainder[a->overflow_index] : 0;
    if (own > 0 && taken > 0) {
        ws->remainder[a->overflow_index] = 0; /* its cap is reached */
    }
    round_largest_remainder(a, ws, shares, a->result, (uint32_t)rest);
    if (own > 0) {
        ws->remainder[a->overflow_index] = own;
    }
    return 0;
}

uint64_t mam_round(struct mam_allocation *a, const struct mam_workspace *ws,
                   const struct mam_shares *shares) {
    if (shares->leftover == 0 || a->rounding != MAM_ROUNDING_LARGEST_REMAINDER) {
        memcpy(a->result, shares->base, a->count * sizeof *a->result);
    }
    if (shares->leftover == 0) {
        return 0;
    }
    MAM_ASSERT(shares->leftover < a->count);
    uint32_t leftover = (uint32_t)shares->leftover;
    if (a->rounding == MAM_ROUNDING_CARRY || a->carry != NULL) {
        fix_point(a, ws, shares);
    }
    switch ((enum mam_rounding)a->rounding) {
    case MAM_ROUNDING_CARRY:
        round_carry(a, ws, leftover);
        return 0;
    case MAM_ROUNDING_LARGEST_EQUITY:
    case MAM_ROUNDING_LIST_ORDER:
        round_in_order(a, ws, shares, leftover);
        return 0;
    case MAM_ROUNDING_OVERFLOW:
        return round_overflow(a, ws, shares);
    default:
        round_largest_remainder(a, ws, shares, shares->base, leftover);
        return 0;
    }
}

void mam_carry_on(struct mam_allocation *a, const struct mam_workspace *ws, const struct mam_shares *shares) {
    if (a->carry == NULL || shares->leftover == 0) {
        return;
    }
    const int64_t *restrict results = a->result;
    const int64_t *restrict bases = shares->base;
    const uint64_t *restrict units = ws->limit;
    int64_t *restrict carries = a->carry;
    for (uint32_t i = 0; i < a->count; i++) { /* a step or none, without a branch: it goes either way */
        carries[i] += (int64_t)units[i] - (int64_t)(results[i] != bases[i]) * MAM_CARRY_ONE;
    }
    uint32_t takes_more = a->rounding == MAM_ROUNDING_OVERFLOW ? a->overflow_index : a->count;
    if (takes_more < a->count && results[takes_more] != bases[takes_more]) {
        int64_t steps = (results[takes_more] - bases[takes_more]) / a->step;
        carries[takes_more] -= (steps - 1) * MAM_CARRY_ONE;
    }
}
