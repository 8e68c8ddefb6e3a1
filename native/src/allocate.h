/*
 * The allocation kernel: who gets how much of a block, exactly. Pure functions over arrays; no allocation, no
 * floating point, no clock, no state between calls. The rules, their sources and their proofs:
 * docs/allocation.md.
 *
 * Volumes: 1e-8 lot, >= 0. A `step` is the instrument's volume step, > 0. Logins break ties: the lower goes
 * first, and of equal logins the earlier in the arrays. Every function needs scratch memory:
 * mam_scratch_size(count) bytes, aligned to 8; its content does not matter before and after a call.
 */
#ifndef MAM_ALLOCATE_H
#define MAM_ALLOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "mam/messages.h"

/* cdef: begin */
/* Most members of one allocation. */
#define MAM_ALLOCATION_MAX 16777216

#define MAM_FAMILY_PROPORTIONAL 0 /* divides `volume` by weight */
#define MAM_FAMILY_ABSOLUTE 1     /* each member has a volume of its own; the block is their sum */

/* A carry counts in 1 / MAM_CARRY_ONE step. */
#define MAM_CARRY_ONE 4294967296LL

/*
 * One order. Arrays have `count` elements; those marked "or NULL" may be left out.
 * In a rejection (any result but MAM_REASON_NONE) planned is 0, all of `volume` is unallocated, no carry has
 * changed, and of the arrays only `capped` means something, and that only with MAM_REASON_SHORTFALL: who fell
 * short.
 */
struct mam_allocation {
    uint32_t count;
    uint8_t family;          /* MAM_FAMILY_... */
    uint8_t rounding;        /* enum mam_rounding */
    uint8_t on_shortfall;    /* enum mam_on_shortfall; absolute: redistribute is as reduce */
    uint8_t below_min;       /* enum mam_below_min */
    int64_t volume;          /* proportional: the order's; absolute: not looked at */
    int64_t step;            /* > 0 */
    int64_t minimum;         /* least tradable volume, 0 for none; counts as the next multiple of step */
    uint32_t overflow_index; /* rounding overflow: who takes the rest; UINT32_MAX: not of the group */

    const uint64_t *login;
    const int64_t
        *weight;        /* proportional: >= 0, any unit, their sum < 2^63; absolute: desired volume, >= 0 */
    const int64_t *cap; /* most that its constraints allow, >= 0; INT64_MAX is none; or NULL: no caps */
    const uint16_t *cap_reason; /* enum mam_reason of the binding constraint; or NULL: MAM_REASON_SHORTFALL */
    const int64_t *minimums;    /* each member's own in place of `minimum`, likewise; or NULL */
    const int64_t *equity;      /* rounding largest_equity, one currency; or NULL: all equal */
    const uint16_t *excluded;   /* 0, or why the member has no share at all; or NULL: all take part */
    int64_t *carry; /* in and out: shortfall so far; sum stays as it is; or NULL: all 0, not kept */

    int64_t *quota;        /* exact share volume * weight / total_weight, rounded down to 1e-8 lot */
    int64_t *floor_volume; /* that share rounded down to the step */
    int64_t *remainder;    /* quota - floor_volume */
    int64_t *result;       /* what it gets: 0, or a multiple of step from the minimum up */
    uint16_t *reason; /* why a constraint or the minimum changed it, or why it is 0; else MAM_REASON_NONE */
    uint8_t *capped;  /* 1: a constraint made it less */
    int64_t planned;  /* sum of result */
    int64_t unallocated;   /* proportional: volume - planned; absolute: 0 */
    uint64_t total_weight; /* proportional: of those that take part; absolute: 0 */
};

/* Bytes of scratch that any function here needs for `count` members; 0 when count is over MAM_ALLOCATION_MAX.
 */
size_t mam_scratch_size(uint32_t count);

/*
 * Divides one order. Returns MAM_REASON_NONE, or why the whole order is refused: OUT_OF_RANGE (count, volume,
 * step, minimum, an enum, a negative cap), OFF_STEP, BELOW_MINIMUM (volume under the minimum), NO_MEMBERS,
 * NEGATIVE_WEIGHT, ZERO_WEIGHTS, OVERFLOW (sum of weights, or a carry of 2^30 steps), SHORTFALL (on_shortfall
 * reject). BELOW_MINIMUM with minimums: under each of them.
 */
enum mam_reason mam_allocate(struct mam_allocation *allocation, void *scratch);

/*
 * Divides `filled`, the cumulative volume executed of a plan, 0 <= filled <= sum of plan. plan and held:
 * multiples of step, 0 <= held <= plan; held is what the last call gave (all 0 before the first). Writes out
 * (may be held): its sum is filled rounded down to the step, the rest is *residue, less than one step and
 * nobody's yet. With f for filled less residue: nobody falls; everybody is less than one step from f * plan /
 * sum of plan; at the full fill everybody has its plan. When filled shrinks (a fill was busted or corrected)
 * it is divided as if it had been filled at once: some fall, few may rise, each is within its step, and the
 * fills that follow keep all of the above. Returns MAM_REASON_NONE, OUT_OF_RANGE (count, step, a negative
 * volume, held over plan), OFF_STEP (of plan or held), OVERFLOW (sum of plan), OVERFILLED.
 */
enum mam_reason mam_divide_fill(uint32_t count, int64_t step, const uint64_t *login, const int64_t *plan,
                                int64_t filled, const int64_t *held, int64_t *out, int64_t *residue,
                                void *scratch);

/*
 * The last division of a block that was not wholly filled: every child is 0, or at least `minimum` and at
 * most its plan. plan: multiples of step, each 0 or >= minimum. The sum is as near to `filled` as can be; the
 * rest is *house. When the minimum is one step or less, call it not: the last fill's division stands.
 * minimums: each child's own in place of `minimum`, or NULL; the rest is then less than the minimum of any
 * child that is left out, and than a step where one is not at its plan. Returns as mam_divide_fill;
 * BELOW_MINIMUM: a plan is under its minimum.
 */
enum mam_reason mam_settle_short(uint32_t count, int64_t step, int64_t minimum, const int64_t *minimums,
                                 const uint64_t *login, const int64_t *plan, int64_t filled, int64_t *out,
                                 int64_t *house, void *scratch);

/*
 * Divides a close of `closed` by what each holds, 0 <= closed <= sum of held; neither need be multiples of
 * step. Writes out (may be held): the sum is closed exactly, 0 <= out <= held, each within one step of closed
 * * held / sum of held. Each is a multiple of step, but for those closed wholly and at most one other.
 * Returns MAM_REASON_NONE, OUT_OF_RANGE (count, step, a negative volume), OVERFLOW (sum of held), HOLDING
 * (closed is over the sum).
 */
enum mam_reason mam_divide_close(uint32_t count, int64_t step, const uint64_t *login, const int64_t *held,
                                 int64_t closed, int64_t *out, void *scratch);

#define MAM_MIX_PARTS 33 /* at most */

/*
 * The same mix for all: part[j] is how much there is of the j-th kind, volume[i] what member i gets of all
 * kinds together; multiples of step, with equal sums. Member i gets of kind j its exact share volume[i] *
 * part[j] / sum to within one step: mam_mix_volume with bit j of more[i]. Every sum, of a member's and of a
 * kind's, is exact. Of the steps that rounding leaves, the first kinds go to those who need most; so give the
 * kinds best first and worst first in turn, and nobody is favoured for long. Returns MAM_REASON_NONE,
 * OUT_OF_RANGE (count, step, parts, a negative volume), OFF_STEP, OVERFLOW (a sum), MEMBERS_SUM (the sums
 * differ).
 */
enum mam_reason mam_divide_mix(uint32_t count, int64_t step, const uint64_t *login, const int64_t *volume,
                               uint32_t parts, const int64_t *part, uint64_t *more, void *scratch);
/* What a member gets of one kind; `more` 0 or 1. */
int64_t mam_mix_volume(int64_t volume, int64_t part, int64_t total, int64_t step, int64_t more);

/*
 * One price for all children: sum of price[i] * volume[i] / sum of volume[i], rounded to the nearest multiple
 * of `tick` (1e-8, > 0), ties to the even multiple, so that rounding favours neither side. *residue is what
 * the children as a whole paid too little for by that, in 1e-16 price * lot: sum of price[i] * volume[i] -
 * *average * sum of volume[i]. Returns MAM_REASON_NONE, OUT_OF_RANGE (no volume, a negative volume, tick),
 * OVERFLOW.
 */
enum mam_reason mam_average_price(uint32_t count, const int64_t *price, const int64_t *volume, int64_t tick,
                                  int64_t *average, int64_t *residue);
/* cdef: end */

/* The same of sums that the caller keeps. */
enum mam_reason mam_average_of(__int128 notional, int64_t volume, int64_t tick, int64_t *average,
                               int64_t *residue);

#endif
