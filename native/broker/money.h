/* Integer money of the embedded server: profit, margin and currency conversion, always rounded against the
 * account.
 *
 * Units: volume, price and contract size 1e-8, money 1e-6. A result that does not fit 64 bits is `false`,
 * never a wrap. This is the server's own arithmetic: it shares nothing with the engine's, so that each checks
 * the other. */
#ifndef MAM_BROKER_MONEY_H
#define MAM_BROKER_MONEY_H

#include <stdbool.h>
#include <stdint.h>

/* (close - open) x contract x volume, rounded down; `sign` is +1 for a buy, -1 for a sell. */
bool mam_money_profit(int64_t open, int64_t close, int64_t contract, int64_t volume, int sign,
                      int64_t *profit);

/* volume x contract / leverage, rounded up. */
bool mam_money_margin(int64_t volume, int64_t contract, int64_t leverage, int64_t *margin);

/* volume x contract x price / leverage, rounded up. */
bool mam_money_margin_at_price(int64_t volume, int64_t contract, int64_t price, int64_t leverage,
                               int64_t *margin);

/* value x numerator / denominator, rounded down; denominator > 0. */
bool mam_money_scale(int64_t value, int64_t numerator, int64_t denominator, int64_t *result);

#endif
