/*
 * Floating profit of every account that holds one instrument, after a quote: structure of arrays, one pass,
 * exact.
 *
 * A slot is one account's positions in the instrument. Its buys together make bid * volume - sum of open *
 * volume, its sells the like at the ask: exactly. Each side's sum is multiplied by what a move is worth and
 * by the conversion of that side's profit or loss, and rounded once, down. The server rounds each position on
 * its own: the difference is at most one of its steps a position (docs/margin.md).
 *
 * A regular slot counts in units (volume step, price digit) so that all fits 64 bits: volumes and notional
 * are multiples of the units. The slots that do not fit come last and are computed from their exposures, in
 * 128 bits and more; so is everything when a figure might not fit. Both ways give the same figures.
 */
#ifndef MAM_REVALUE_H
#define MAM_REVALUE_H

#include <stdint.h>

#include "exposure.h"

/* cdef: begin */
/* Exact multiplication by times / by; whole, part, fraction, divisor as struct mam_ratio. `fits`: in 64 bits.
 */
struct mam_move {
    struct mam_per_lot per_unit;             /* money of a price move of 1e-8 on 1e-8 lot */
    uint64_t whole, part, fraction, divisor; /* money of one price unit on one volume unit */
    uint64_t largest;                        /* highest number of those units whose money fits */
};

/* Of one account currency. usable 0: there is no rate, its slots keep their figures. */
struct mam_moves {
    struct mam_move of[2][2]; /* by enum mam_side; 0 profit, 1 loss */
    uint8_t usable;
};

/* How profit and loss become account currency, by side; indexes as above. */
struct mam_conversions {
    struct mam_conversion of[2][2];
};

/* Units of the regular slots, and bounds of what is in them. Bounds may be larger than need be, never
 * smaller. */
struct mam_scale {
    int64_t volume_unit, price_unit; /* > 0 */
    int64_t largest_volume, largest_notional;
};

/*
 * What a move is worth in an account currency. conversions NULL: the same currency. Results as
 * mam_profit_per_lot and mam_per_lot_convert; usable is 1 only with NONE.
 */
enum mam_reason mam_moves_of(const struct mam_instrument *definition, const struct mam_scale *scale,
                             const struct mam_conversions *conversions, struct mam_moves *out);

/*
 * An exposure as a regular slot, and the scale's bounds raised to hold it. OFF_STEP: not in whole units;
 * OVERFLOW: too large; the slot then belongs to those that are not regular.
 */
enum mam_reason mam_scale_exposure(struct mam_scale *scale, const struct mam_exposure *exposure,
                                   int64_t volume[2], int64_t notional[2]);

/* Profit of an exposure, from its sums. OVERFLOW; NO_RATE: moves are not usable. bid, ask >= 0. */
enum mam_reason mam_exposure_profit(const struct mam_exposure *exposure, const struct mam_moves *moves,
                                    int64_t bid, int64_t ask, int64_t *profit);

struct mam_revaluation {
    uint32_t count, regular; /* slots; the first `regular` of them are regular */
    struct mam_scale scale;
    const uint32_t *account;             /* index into floating; none twice */
    const uint8_t *currency;             /* index into moves */
    const int64_t *volume[2];            /* by side, regular slots: volume units, >= 0 */
    const int64_t *notional[2];          /* by side, regular slots: units, >= 0 */
    const struct mam_exposure *exposure; /* all slots: the same, exactly */
    const struct mam_moves *moves;
    uint32_t currencies; /* how many moves */
    int64_t *profit;     /* in and out: what is counted in floating for the slot */
    int64_t *floating;   /* in and out: per account, over all its instruments */
};

/*
 * Brings profit and floating to this quote, 0 < bid <= ask. Returns how many slots kept their old figures,
 * for their currency has no rate or the figure does not fit.
 */
uint32_t mam_revalue(const struct mam_revaluation *revaluation, int64_t bid, int64_t ask);
/* cdef: end */

#endif
