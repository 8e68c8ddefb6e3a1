/*
 * The margin of an account's positions in one instrument, and of an order on top of them: netting, hedging
 * (covered and uncovered volume, or the larger leg). Then what the margin means: free margin, margin level,
 * margin call and stop-out. Pure functions; the rules and their sources: docs/margin.md.
 *
 * Units as in formula.h. `rate`: what turns one unit of margin currency into account currency, 1e-8, as it
 * was when the position was opened (PositionState.rateMargin); 1e8 for the same currency.
 */
#ifndef MAM_EXPOSURE_H
#define MAM_EXPOSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "formula.h"

/* cdef: begin */
/* high * 2^64 + low */
struct mam_sum {
    uint64_t low, high;
};

/* The positions of one side, added up exactly: averages are sums over volume, never rounded prices. */
struct mam_side_total {
    int64_t volume;
    struct mam_sum notional; /* of open price x volume, 1e-16 */
    struct mam_sum rated;    /* of rate x volume, 1e-16 */
};

/* By enum mam_side. All 0 is no position. */
struct mam_exposure {
    struct mam_side_total side[2];
};

/* One position comes, or goes (with the very price and rate it came with; part of its volume may go).
 * OUT_OF_RANGE: side, a figure < 0, more than is there; OVERFLOW: the volume. Unchanged then. */
enum mam_reason mam_exposure_add(struct mam_exposure *exposure, uint8_t side, int64_t volume, int64_t price,
                                 int64_t rate);
enum mam_reason mam_exposure_remove(struct mam_exposure *exposure, uint8_t side, int64_t volume,
                                    int64_t price, int64_t rate);

/*
 * Margin of the positions in account currency, rounded up (of covered and uncovered volume each).
 * margin_mode: enum mam_margin_mode; netting and exchange keep one side only (else OUT_OF_RANGE). Margin flag
 * 0x4: the larger leg.
 */
enum mam_reason mam_exposure_margin(const struct mam_instrument *definition,
                                    const struct mam_exposure *exposure, uint8_t margin_mode, uint8_t stage,
                                    uint32_t leverage, int64_t *margin);

/* An order on top of positions, as it would be filled. */
struct mam_addition {
    uint8_t side;
    int64_t volume;
    int64_t price; /* Ask of a buy, Bid of a sell */
    int64_t rate;  /* margin currency to account currency, now */
};

/*
 * What the positions and the order need together: positions at maintenance, the order at initial margin.
 * Netting: on the same side the sum; an opposite order needs nothing up to the position's volume, over it the
 * larger of the two. Hedging: maintenance of what is open plus what the order changes in initial margin (it
 * may free some).
 */
enum mam_reason mam_exposure_margin_with(const struct mam_instrument *definition,
                                         const struct mam_exposure *exposure, uint8_t margin_mode,
                                         uint32_t leverage, const struct mam_addition *addition,
                                         int64_t *margin);

/*
 * The volume of `addition` (its own is not looked at) that the margin buffer leaves: after it equity /
 * (other_margin + margin with it) >= buffer (1e-8; <= 0 is no limit), after one unit more not. other_margin:
 * of the account's other instruments. 0 also when the buffer is not kept now, and when the figures are out of
 * range; INT64_MAX when the order needs no margin.
 */
int64_t mam_exposure_volume(const struct mam_instrument *definition, const struct mam_exposure *exposure,
                            uint8_t margin_mode, uint32_t leverage, const struct mam_addition *addition,
                            int64_t equity, int64_t other_margin, int64_t buffer);

/* MT5's group trade flag: stop out fully hedged accounts too. */
#define MAM_TRADE_STOP_OUT_HEDGED 128

/* money: balance + credit. floating: profit of open positions. free_margin_mode: enum mam_free_margin_mode.
 */
enum mam_reason mam_free_margin(uint8_t free_margin_mode, int64_t money, int64_t floating, int64_t margin,
                                int64_t *free_margin);

/* equity / margin in percent, 1e-8, rounded down; INT64_MAX: no margin, or more than fits; INT64_MIN
 * likewise. */
int64_t mam_margin_level(int64_t equity, int64_t margin);

/*
 * The equity at and under which a margin call or stop-out level (enum mam_stop_out_mode; percent or money,
 * 1e-8) is reached: the comparison is exact. INT64_MIN, which is never: the account has no margin; but with
 * trade flag 0x80 (given for a stop-out only) equity below 0 is enough then.
 */
int64_t mam_level_equity(uint8_t stop_out_mode, int64_t level, int64_t margin, uint16_t trade_flags);
/* cdef: end */

#endif
