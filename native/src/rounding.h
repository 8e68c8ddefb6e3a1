/* Who gets the steps that floors leave over. Internal to the kernel. */
#ifndef MAM_ROUNDING_H
#define MAM_ROUNDING_H

#include "allocate.h"
#include "workspace.h"

/* Shares of an order, before its leftover steps are given. */
struct mam_shares {
    const int64_t *base;   /* volume of each: floor of its share, or what it is settled at */
    uint64_t total_weight; /* divisor of workspace.remainder; 0: nobody divides anything */
    uint64_t leftover;     /* steps; as many as the remainders make together */
    uint64_t minimum;      /* steps; the overflow account's */
};

/* Writes result. Returns how many steps were left because nobody may have them (rounding overflow only). */
uint64_t mam_round(struct mam_allocation *allocation, const struct mam_workspace *workspace,
                   const struct mam_shares *shares);

/* The carries after an order: each grows by its exact share less what rounding made of it. Before any cut to
 * caps. */
void mam_carry_on(struct mam_allocation *allocation, const struct mam_workspace *workspace,
                  const struct mam_shares *shares);

#endif
