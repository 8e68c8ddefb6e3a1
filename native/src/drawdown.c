#include "drawdown.h"

#include <stdbool.h>

#define ONE INT64_C(100000000)
#define DAY (INT64_C(86400) * 1000000000)

static int64_t clamp(__int128 value) {
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static int64_t day_of(int64_t now, int64_t day_begins) {
    __int128 since = (__int128)now - day_begins;
    return (int64_t)(since / DAY - (since % DAY < 0));
}

void mam_drawdown_start(struct mam_drawdown *drawdown, int64_t equity, int64_t now, int64_t day_begins) {
    *drawdown = (struct mam_drawdown){
        .initial = equity, .day_start = equity, .high_water = equity, .day = day_of(now, day_begins)};
}

uint8_t mam_drawdown_observe(struct mam_drawdown *drawdown, int64_t equity, int64_t now, int64_t day_begins) {
    int64_t day = day_of(now, day_begins);
    bool begun = day > drawdown->day;
    if (begun) {
        drawdown->day = day;
        drawdown->day_start = equity;
    }
    drawdown->high_water = equity > drawdown->high_water ? equity : drawdown->high_water;
    return begun;
}

enum mam_reason mam_drawdown_flow(struct mam_drawdown *drawdown, int64_t amount) {
    struct mam_drawdown moved = *drawdown;
    if (__builtin_add_overflow(moved.initial, amount, &moved.initial) ||
        __builtin_add_overflow(moved.day_start, amount, &moved.day_start) ||
        __builtin_add_overflow(moved.high_water, amount, &moved.high_water)) {
        return MAM_REASON_OVERFLOW;
    }
    *drawdown = moved;
    return MAM_REASON_NONE;
}

/* False: no such mark. */
static bool mark_of(const struct mam_drawdown *drawdown, uint8_t basis, int64_t *mark) {
    *mark = basis == MAM_DRAWDOWN_BASIS_INITIAL ? drawdown->initial
            : basis == MAM_DRAWDOWN_BASIS_DAILY ? drawdown->day_start
                                                : drawdown->high_water;
    return basis >= MAM_DRAWDOWN_BASIS_INITIAL && basis <= MAM_DRAWDOWN_BASIS_HIGH_WATER;
}

static __int128 loss_of(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity, int64_t *mark) {
    __int128 loss = mark_of(drawdown, basis, mark) ? (__int128)*mark - equity : 0;
    return loss > 0 ? loss : 0;
}

int64_t mam_drawdown_loss(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity) {
    int64_t mark;
    return clamp(loss_of(drawdown, basis, equity, &mark));
}

int64_t mam_drawdown_percent(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity) {
    int64_t mark;
    __int128 loss = loss_of(drawdown, basis, equity, &mark);
    if (loss == 0) {
        return 0;
    }
    return mark <= 0 ? INT64_MAX : clamp((loss * (100 * ONE) + mark - 1) / mark);
}

uint8_t mam_drawdown_reached(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity,
                             int64_t percent, int64_t money) {
    int64_t mark;
    __int128 loss = loss_of(drawdown, basis, equity, &mark);
    if (loss == 0) {
        return 0;
    }
    bool by_percent = percent > 0 && (mark <= 0 || loss * (100 * ONE) >= (__int128)percent * mark);
    bool by_money = money > 0 && loss >= money;
    return by_percent || by_money;
}

uint8_t mam_alarm_next(uint8_t alarm, int64_t equity, const int64_t *at, int64_t slack) {
    for (uint8_t worst = MAM_ALARMS; worst > 0; worst--) {
        int64_t level = at[worst - 1];
        bool on = alarm >= worst && level != INT64_MIN;
        if (equity <= clamp((__int128)level + (on ? slack : 0)) && level != INT64_MIN) {
            return worst;
        }
    }
    return MAM_ALARM_NONE;
}
