/*
 * Water-filling: dividing a number of steps by weight when members have a most (and a least) of their own.
 * The exact solution is min(limit, level * weight), or the same clamped to a minimum from below, for the one
 * level at which the sum is right. Internal to the kernel.
 */
#ifndef MAM_WATERFILL_H
#define MAM_WATERFILL_H

#include <stdint.h>

/*
 * Members that still divide `steps` by weight; total_weight is the sum of their weights, < 2^63. All limits
 * and steps are < 2^63. When none is left, steps is what nobody could take.
 */
struct mam_pool {
    uint32_t *member;
    uint64_t *weight; /* > 0 */
    uint64_t *limit;  /* in steps */
    uint32_t count;
    uint64_t steps, total_weight;
};

/* Takes out of the pool those whose exact share is over their limit: they get the limit, in whole steps. */
void mam_waterfill(struct mam_pool *pool);

/*
 * The same with a least volume for everyone, by member, in steps: together <= steps, each <= its limit. Those
 * that get their least are taken out as well, and are named in raised; returns how many.
 */
uint32_t mam_waterfill_between(struct mam_pool *pool, const uint64_t *least, uint32_t *raised);

#endif
