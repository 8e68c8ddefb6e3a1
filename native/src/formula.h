/*
 * What a volume of an instrument is worth: profit, margin, loss at a stop, exposure; conversion of money; the
 * volume that a limit leaves. Pure functions. The rules and their sources: docs/margin.md.
 *
 * Every figure is linear in volume, so each is kept as an exact rational per lot (struct mam_per_lot), to
 * which conversions are multiplied; it is rounded ONCE, to 1e-6 money, when a volume is applied: profit
 * towards minus infinity, margin and loss up (against the account). A result that does not fit int64 is
 * MAM_REASON_OVERFLOW.
 *
 * Units: volume 1e-8 lot; price 1e-8; money 1e-6; factors and rates 1e-8; leverage V of 1:V, a whole number.
 */
#ifndef MAM_FORMULA_H
#define MAM_FORMULA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mam/messages.h"

/* cdef: begin */
#define MAM_FACTORS 7
#define MAM_CONVERSION_STEPS 2

/* Which of an instrument's margin figures: to open, or to hold. */
#define MAM_STAGE_INITIAL 0
#define MAM_STAGE_MAINTENANCE 1

/* money = sign * volume * product of times / product of by. Made by the functions below only. */
struct mam_per_lot {
    uint64_t times[MAM_FACTORS], by[MAM_FACTORS];
    uint8_t times_count, by_count;
    uint8_t negative;
};

/* How money of one currency becomes another's: no step (the same currency), one, or two (over a third
 * currency). */
struct mam_conversion {
    int64_t price[MAM_CONVERSION_STEPS]; /* > 0 */
    uint8_t inverse[MAM_CONVERSION_STEPS];
    uint8_t steps;
};

/*
 * Adds a step: the pair quotes FROM in TO (inverse 0) or TO in FROM (inverse 1). `high`: the step's dearer
 * side, which is the Ask of a FROM/TO pair and so the Bid of a TO/FROM pair; else the cheaper. Profit takes
 * the low side, loss the high one; margin of a buy the high side, of a sell the low one. NO_QUOTE: a price is
 * not above 0; CROSSED_QUOTE; OUT_OF_RANGE: too many steps.
 */
enum mam_reason mam_conversion_step(struct mam_conversion *conversion, int64_t bid, int64_t ask,
                                    uint8_t inverse, uint8_t high);

/* money converted, rounded down (towards minus infinity) or, with `up`, up. NULL conversion: the same
 * currency. */
enum mam_reason mam_convert_money(int64_t money, const struct mam_conversion *conversion, uint8_t up,
                                  int64_t *out);

/*
 * Profit per lot, in profit currency. NOT_SUPPORTED: calc mode; OUT_OF_RANGE: side, contract size < 0, tick
 * size <= 0 or tick value < 0 where the mode uses them; OVERFLOW: close - open.
 */
enum mam_reason mam_profit_per_lot(const struct mam_instrument *definition, uint8_t side, int64_t open,
                                   int64_t close, struct mam_per_lot *out);

/*
 * Margin per lot, in margin currency, margin rate included. price: Ask for a buy, Bid for a sell, an open
 * position's average open price; > 0 (not looked at where the mode has none). A rate or an amount of
 * maintenance that is 0 is as initial; an initial rate of 0 is no margin and no check. Results as above;
 * OUT_OF_RANGE also: leverage 0, a price, amount or rate below 0.
 */
enum mam_reason mam_margin_per_lot(const struct mam_instrument *definition, uint8_t side, uint8_t stage,
                                   int64_t price, uint32_t leverage, struct mam_per_lot *out);

/* Loss per lot, > 0, from entry to a stop, in profit currency. OUT_OF_RANGE also: the stop is on the wrong
 * side. */
enum mam_reason mam_loss_per_lot(const struct mam_instrument *definition, uint8_t side, int64_t entry,
                                 int64_t stop, struct mam_per_lot *out);

/* What one lot moves at `price` > 0, in profit currency: the loss of a buy if the price fell to 0. */
enum mam_reason mam_exposure_per_lot(const struct mam_instrument *definition, int64_t price,
                                     struct mam_per_lot *out);

/* The same in another currency. OUT_OF_RANGE: too many factors (one conversion of two steps always fits). */
enum mam_reason mam_per_lot_convert(struct mam_per_lot *per_lot, const struct mam_conversion *conversion);

/* What `volume` >= 0 comes to: towards minus infinity, or, with `up`, towards plus infinity. OVERFLOW;
 * OUT_OF_RANGE. */
enum mam_reason mam_per_lot_money(const struct mam_per_lot *per_lot, int64_t volume, uint8_t up,
                                  int64_t *money);

/*
 * The largest volume whose amount, rounded up, is at most `money`: that volume holds and one unit more does
 * not. 0 when money < 0; INT64_MAX when the amount is 0 for any volume, or no int64 volume reaches `money`.
 * per_lot: not negative.
 */
int64_t mam_volume_within(const struct mam_per_lot *per_lot, int64_t money);

/*
 * The largest further volume after which equity / (margin + its margin) >= buffer (factor 1e-8; <= 0 is no
 * limit), and its margin is an int64. Equity and margin in account currency, as is margin_per_lot. 0 also
 * when it holds for no volume at all; INT64_MAX when a lot needs no margin, whatever the equity.
 */
int64_t mam_volume_for_margin(int64_t equity, int64_t margin, const struct mam_per_lot *margin_per_lot,
                              int64_t buffer);

/* The largest further volume after which (exposure + its exposure) / equity <= max_leverage (1e-8; <= 0 is no
 * limit); else as above. */
int64_t mam_volume_for_leverage(int64_t equity, int64_t exposure, const struct mam_per_lot *exposure_per_lot,
                                int64_t max_leverage);

/* Profit of one position in profit currency, rounded down; margin in margin currency, rounded up. volume >=
 * 0. */
enum mam_reason mam_profit(const struct mam_instrument *definition, uint8_t side, int64_t volume,
                           int64_t open, int64_t close, int64_t *profit);
enum mam_reason mam_margin(const struct mam_instrument *definition, uint8_t side, uint8_t stage,
                           int64_t volume, int64_t price, uint32_t leverage, int64_t *margin);
/* cdef: end */

/* One factor more; they stand for figures >= 0, and `by` for > 0. */
enum mam_reason mam_per_lot_times(struct mam_per_lot *per_lot, int64_t factor);
enum mam_reason mam_per_lot_by(struct mam_per_lot *per_lot, int64_t divisor);

/*
 * Margin per lot before price and margin rate: *priced says whether the mode multiplies by a price. hedged:
 * of covered volume, where margin_hedged stands for the contract size, or for the fixed amount per lot.
 */
enum mam_reason mam_margin_base(const struct mam_instrument *definition, uint8_t stage, bool hedged,
                                uint32_t leverage, struct mam_per_lot *out, bool *priced);
/* Factor 1e-8 by side; maintenance 0 is initial's. */
int64_t mam_margin_rate(const struct mam_instrument *definition, uint8_t side, uint8_t stage);

#endif
