/*
 * Floating leverage: tiers of volume or value, each with its own margin rates (MT5, build 4150 and later).
 * Pure; the rules: docs/margin.md.
 */
#ifndef MAM_TIERS_H
#define MAM_TIERS_H

#include <stdint.h>

#include "exposure.h"

/* cdef: begin */
/* What a rule's tiers measure (MT5's numbers): of all its symbols together, or of each alone. */
#define MAM_TIER_VOLUME 0
#define MAM_TIER_VOLUME_PER_SYMBOL 1
#define MAM_TIER_VALUE 2
#define MAM_TIER_VALUE_PER_SYMBOL 3

/* [from, to): volume 1e-8 lot or value 1e-6. Rates: factor 1e-8; 0 is no margin. */
struct mam_tier {
    int64_t from, to;
    int64_t initial_rate, maintenance_rate;
};

/* OUT_OF_RANGE: a figure < 0, from >= to, or tiers that are not in order or overlap. */
enum mam_reason mam_tiers_check(const struct mam_tier *tiers, uint32_t count);

/*
 * The margin of `amount` (volume or value, >= 0) that would be `margin` without tiers, when `before` fills
 * the tiers already (positions before orders): the average margin of a unit x what falls into each tier x its
 * rate, rounded up. What falls into no tier keeps its margin. OUT_OF_RANGE, OVERFLOW. The tiers have been
 * checked.
 */
enum mam_reason mam_tiers_margin(const struct mam_tier *tiers, uint32_t count, uint8_t stage, int64_t before,
                                 int64_t amount, int64_t margin, int64_t *out);

/*
 * What an exposure puts into tiers by volume: netting: its volume; hedging: uncovered volume, and covered
 * volume x hedged / contract size (rounded up); with margin flag 0x4, the larger leg.
 */
enum mam_reason mam_tier_volume(const struct mam_instrument *definition, const struct mam_exposure *exposure,
                                uint8_t margin_mode, int64_t *volume);

/* The part of a notional (sum of open price x volume) that `volume` of `total` has, as money in profit
 * currency x rate (1e-8, of today, into the rule's currency), rounded up: what goes into tiers by value. */
enum mam_reason mam_tier_value(const struct mam_instrument *definition, const struct mam_side_total *total,
                               int64_t volume, int64_t rate, int64_t *value);
/* cdef: end */

#endif
