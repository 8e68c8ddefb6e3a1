/* The kernel's scratch memory as arrays. Internal to the kernel. */
#ifndef MAM_WORKSPACE_H
#define MAM_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

#include "assert.h"

struct mam_workspace {
    uint64_t *weight; /* of those that divide what is left by weight; 0: has none, or its volume is settled */
    uint64_t *remainder; /* of the exact share, over the divisor; 0: a whole number of steps */
    uint64_t *limit;     /* cap in steps; when rounding: the fixed-point part of the share */
    uint64_t *extra;
    uint64_t *least; /* minimum in steps */
    int64_t *base;   /* volume before the leftover steps are given */
    uint64_t *work;  /* 2 x count, of pools and selections */
    uint32_t *list, *spare;
};

#define MAM_WORKSPACE_MEMBER_BYTES (8 * sizeof(uint64_t) + 2 * sizeof(uint32_t))

static inline struct mam_workspace mam_workspace_of(void *scratch, uint32_t count) {
    MAM_ASSERT(scratch != NULL && (uintptr_t)scratch % sizeof(uint64_t) == 0);
    uint64_t *at = scratch;
    size_t n = count;
    return (struct mam_workspace){.weight = at,
                                  .remainder = at + n,
                                  .limit = at + 2 * n,
                                  .extra = at + 3 * n,
                                  .base = (int64_t *)(at + 4 * n),
                                  .work = at + 5 * n,
                                  .least = at + 7 * n,
                                  .list = (uint32_t *)(at + 8 * n),
                                  .spare = (uint32_t *)(at + 8 * n) + n};
}

#endif
