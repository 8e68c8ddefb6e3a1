/* The exact shares of an order, under minimum volume and caps. Internal to the kernel. */
#ifndef MAM_SHARES_H
#define MAM_SHARES_H

#include "allocate.h"
#include "rounding.h"
#include "workspace.h"

/* Effective weights into workspace.weight, their sum into total_weight; checks weights and who takes part. */
enum mam_reason mam_take_weights(struct mam_allocation *allocation, const struct mam_workspace *workspace);

/*
 * quota, floor_volume and remainder of each, and the shares to round: those, or where a minimum or
 * `redistribute` changes them, the new ones. *unplaced: steps that caps leave to nobody.
 */
struct mam_shares mam_share(struct mam_allocation *allocation, const struct mam_workspace *workspace,
                            uint64_t *unplaced);

/* `minimum` in steps, rounded up; a member's. */
uint64_t mam_minimum_steps(int64_t minimum, int64_t step);
uint64_t mam_minimum_of(const struct mam_allocation *allocation, uint32_t member);

#endif
