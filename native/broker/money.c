#include "money.h"

#include <stddef.h>

typedef __int128 wide;

static wide floor_div(wide value, wide divisor) {
    wide quotient = value / divisor;
    return quotient * divisor > value ? quotient - 1 : quotient;
}

static bool narrow(wide value, int64_t *result) {
    if (value > INT64_MAX || value < INT64_MIN) {
        return false;
    }
    *result = (int64_t)value;
    return true;
}

bool mam_money_profit(int64_t open, int64_t close, int64_t contract, int64_t volume, int sign,
                      int64_t *profit) {
    const wide unit = (wide)1000000000 * 1000000000; /* 1e-24 to 1e-6 */
    wide value;
    if (__builtin_mul_overflow(((wide)close - open) * sign, (wide)contract, &value) ||
        __builtin_mul_overflow(value, (wide)volume, &value)) {
        return false;
    }
    return narrow(floor_div(value, unit), profit);
}

bool mam_money_margin(int64_t volume, int64_t contract, int64_t leverage, int64_t *margin) {
    const wide unit = 10000000000; /* 1e-16 to 1e-6 */
    return leverage > 0 && narrow(-floor_div(-((wide)volume * contract), unit * leverage), margin);
}

bool mam_money_margin_at_price(int64_t volume, int64_t contract, int64_t price, int64_t leverage,
                               int64_t *margin) {
    const wide unit = (wide)1000000000 * 1000000000;
    wide value;
    if (leverage <= 0 || __builtin_mul_overflow((wide)volume * contract, (wide)price, &value)) {
        return false;
    }
    return narrow(-floor_div(-value, unit * leverage), margin);
}

bool mam_money_scale(int64_t value, int64_t numerator, int64_t denominator, int64_t *result) {
    return denominator > 0 && narrow(floor_div((wide)value * numerator, denominator), result);
}
