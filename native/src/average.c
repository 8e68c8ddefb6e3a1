/* The one price of a block's children. */
#include "allocate.h"

#include <stdbool.h>

typedef __int128 mam_int128;

static bool fits(mam_int128 value) {
    return INT64_MIN <= value && value <= INT64_MAX;
}

enum mam_reason mam_average_of(__int128 notional, int64_t volume, int64_t tick, int64_t *average,
                               int64_t *residue) {
    if (volume <= 0 || tick <= 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    mam_int128 unit = (mam_int128)volume * tick; /* < 2^126 */
    mam_int128 ticks = notional / unit;
    mam_int128 rest = notional % unit;
    if (rest < 0) {
        rest += unit;
        ticks--;
    }
    bool up = rest > unit - rest || (rest == unit - rest && (ticks & 1) != 0);
    ticks += up;
    rest -= up ? unit : 0;
    if (!fits(ticks) || !fits(ticks * tick) || !fits(rest)) {
        return MAM_REASON_OVERFLOW;
    }
    *average = (int64_t)(ticks * tick);
    *residue = (int64_t)rest;
    return MAM_REASON_NONE;
}

enum mam_reason mam_average_price(uint32_t count, const int64_t *price, const int64_t *volume, int64_t tick,
                                  int64_t *average, int64_t *residue) {
    mam_int128 notional = 0;
    int64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (volume[i] < 0) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        mam_int128 product = (mam_int128)price[i] * volume[i];
        if (__builtin_add_overflow(notional, product, &notional) ||
            __builtin_add_overflow(total, volume[i], &total)) {
            return MAM_REASON_OVERFLOW;
        }
    }
    return mam_average_of(notional, total, tick, average, residue);
}
