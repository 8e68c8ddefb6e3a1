/*
 * Contiguous runs of children from one array of fixed size: a buddy allocator, so that a block finds its n-th
 * child without a search, and blocks may end in any order without fragmenting the array for ever.
 *
 * Invariants: a run of order k holds 2^k units and begins at a multiple of 2^k; a free run is in exactly one
 * list; two free buddies are always one larger run. Deterministic: the lists are last in, first out.
 */
#ifndef MAM_EXTENTS_H
#define MAM_EXTENTS_H

#include <stdint.h>

#define MAM_EXTENT_NONE UINT32_MAX
#define MAM_EXTENT_ORDERS 28

struct mam_extent_link {
    uint32_t next;
    uint32_t previous;
    uint32_t free_order; /* order + 1 of the free run that begins here; 0: none */
};

struct mam_extents {
    struct mam_extent_link *links; /* one per unit */
    uint32_t units;                /* power of two */
    uint32_t free_units;
    uint32_t heads[MAM_EXTENT_ORDERS];
};

void mam_extents_init(struct mam_extents *extents, struct mam_extent_link *links, uint32_t units);
/* First unit of a run of at least `count` (1 or more) units, or MAM_EXTENT_NONE when no run is free. */
uint32_t mam_extents_take(struct mam_extents *extents, uint32_t count);
/* Gives back what mam_extents_take(…, count) returned. */
void mam_extents_give(struct mam_extents *extents, uint32_t first, uint32_t count);

#endif
