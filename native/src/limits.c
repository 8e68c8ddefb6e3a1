/* Pre-trade controls of the appliance and of each group, and the kill switch. Each refusal has its reason. */
#include "state.h"

#define SECOND INT64_C(1000000000)
#define PERCENT_ALL INT64_C(10000000000) /* 100 percent as a factor */

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

/* --- Limits --- */

static uint16_t check_appliance_only(struct mam_engine *engine, const struct mam_limits *m, uint16_t *field) {
    bool own = m->group == 0;
    if (!own && m->booking_window != 0) {
        return fault(field, 8, MAM_REASON_OUT_OF_RANGE);
    }
    if (own ? m->daily_loss != 0 && m->currency[0] == 0 : m->currency[0] != 0) {
        return fault(field, 9, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->day_begins < 0 || m->day_begins >= (own ? INT64_C(86400) * SECOND : 1)) {
        return fault(field, 10, MAM_REASON_OUT_OF_RANGE);
    }
    if (own && m->currency[0] != 0) {
        uint8_t currency = mam_currency(engine, m->currency);
        if (currency == UINT8_MAX) {
            return fault(field, 9, MAM_REASON_TABLE_FULL);
        }
        engine->limits_currency = currency;
    }
    return MAM_REASON_NONE;
}

uint16_t mam_on_limits(struct mam_engine *engine, const struct mam_limits *m, uint16_t *field) {
    uint32_t group = m->group == 0 ? MAM_NONE : mam_group_find(engine, m->group);
    if (m->group != 0 && group == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_GROUP);
    }
    if (m->max_volume < 0) {
        return fault(field, 4, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->collar < 0 || m->collar >= PERCENT_ALL) {
        return fault(field, 5, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->daily_loss < 0) {
        return fault(field, 6, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->operator_name[0] == 0) {
        return fault(field, 7, MAM_REASON_NO_OPERATOR);
    }
    uint16_t reason = check_appliance_only(engine, m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    struct mam_limits_state *limits = m->group == 0 ? &engine->own_limits : &engine->groups[group].limits;
    if (m->group == 0) {
        engine->day_begins = m->day_begins;
    }
    mam_daily_limit(engine, group, m->daily_loss);
    limits->max_volume = m->max_volume;
    limits->collar = m->collar;
    limits->orders_per_second = m->orders_per_second;
    if (m->group == 0) {
        engine->booking_window = m->booking_window != 0 ? m->booking_window : MAM_BOOKING_WINDOW;
        engine->next_deadline = engine->now; /* a wider window lets out what waits */
    }
    return MAM_REASON_NONE;
}

/* --- The collar --- */

/* How far a price may be from mid: rounded down, so never more than the collar says. */
static int64_t distance(int64_t mid, int64_t collar) {
    return (int64_t)((__int128)mid * collar / PERCENT_ALL);
}

static int64_t tighter(int64_t a, int64_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t collar_of(const struct mam_engine *engine, uint32_t group) {
    return tighter(engine->own_limits.collar, engine->groups[group].limits.collar);
}

static bool mid_of(struct mam_engine *engine, uint32_t instrument, int64_t *mid) {
    int64_t bid;
    int64_t ask;
    if (!mam_best_quote(engine, instrument, &bid, &ask)) {
        return false;
    }
    *mid = bid + (ask - bid) / 2;
    return true;
}

int64_t mam_collar_limit(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint8_t side) {
    int64_t collar = collar_of(engine, group);
    int64_t mid;
    if (collar == 0 || !mid_of(engine, instrument, &mid)) {
        return 0;
    }
    int64_t away = distance(mid, collar);
    int64_t limit = side == MAM_SIDE_BUY ? mid + away : mid - away;
    return limit < 1 ? 1 : limit;
}

static uint16_t check_collar(struct mam_engine *engine, int64_t price, uint32_t group, uint32_t instrument) {
    int64_t collar = collar_of(engine, group);
    int64_t mid;
    if (collar == 0 || price == 0) {
        return MAM_REASON_NONE; /* a market order's legs get the collar as their limit */
    }
    if (!mid_of(engine, instrument, &mid)) {
        return MAM_REASON_NO_QUOTE;
    }
    int64_t away = price > mid ? price - mid : mid - price;
    return away > distance(mid, collar) ? MAM_REASON_PRICE_COLLAR : MAM_REASON_NONE;
}

/* --- Orders per second --- */

static bool rate_allows(struct mam_limits_state *limits, int64_t now) {
    if (limits->second != now / SECOND) {
        limits->second = now / SECOND;
        limits->orders = 0;
    }
    return limits->orders_per_second == 0 || limits->orders < limits->orders_per_second;
}

uint16_t mam_limits_check(struct mam_engine *engine, const struct mam_master_order *m, uint32_t group,
                          uint32_t instrument, uint16_t *field) {
    struct mam_limits_state *own = &engine->own_limits;
    struct mam_limits_state *of_group = &engine->groups[group].limits;
    int64_t most = tighter(own->max_volume, of_group->max_volume);
    if (most != 0 && m->volume > most) {
        return fault(field, 5, MAM_REASON_ABOVE_MAXIMUM);
    }
    uint16_t reason = check_collar(engine, m->price, group, instrument);
    if (reason != MAM_REASON_NONE) {
        return fault(field, 6, reason);
    }
    reason = m->entry == MAM_ENTRY_CLOSING ? MAM_REASON_NONE : mam_daily_check(engine, group);
    if (reason != MAM_REASON_NONE) {
        return fault(field, 0, reason);
    }
    bool both = rate_allows(own, engine->now);
    both = rate_allows(of_group, engine->now) && both;
    if (!both) {
        return fault(field, 0, MAM_REASON_RATE_LIMIT);
    }
    own->orders++;
    of_group->orders++;
    return MAM_REASON_NONE;
}

/* --- Deals: they are executed already --- */

void mam_limits_watch_deal(struct mam_engine *engine, const struct mam_master_deal *m, uint32_t group,
                           uint32_t instrument) {
    if (m->entry == MAM_ENTRY_CLOSING) {
        return;
    }
    int64_t most = tighter(engine->own_limits.max_volume, engine->groups[group].limits.max_volume);
    uint16_t reason = engine->killed || engine->groups[group].killed ? MAM_REASON_KILLED
                      : most != 0 && m->volume > most                ? MAM_REASON_ABOVE_MAXIMUM
                      : !mam_price_plausible(engine, instrument, m->price)
                          ? MAM_REASON_IMPLAUSIBLE_PRICE
                          : check_collar(engine, m->price, group, instrument);
    if (reason == MAM_REASON_NONE) {
        reason = mam_daily_check(engine, group);
    }
    if (reason == MAM_REASON_NONE) {
        return;
    }
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = MAM_ALERT_KIND_OVER_LIMIT;
    alert.reason = reason;
    alert.group = m->group;
    alert.instrument = m->instrument;
    alert.measured = m->volume;
    alert.limit = most;
    mam_alert_send(engine, engine->bridge, &alert);
}

/* --- The kill switch --- */

static void stop_blocks(struct mam_engine *engine, uint32_t group) {
    for (uint32_t at = engine->first_block; at != MAM_NONE;) {
        struct mam_block *block = &engine->blocks[at];
        at = block->next;
        if (group == MAM_NONE || block->group == group) {
            uint16_t field;
            mam_block_event(engine, block, MAM_EVENT_KILL, NULL, &field, block->id, 0);
        }
    }
}

/* Stopping is never refused for want of a name; trading again is. */
uint16_t mam_on_kill_switch(struct mam_engine *engine, const struct mam_kill_switch *m, uint16_t *field) {
    uint32_t group = m->scope == MAM_KILL_SCOPE_APPLIANCE ? MAM_NONE : mam_group_find(engine, m->group);
    if (m->scope != MAM_KILL_SCOPE_APPLIANCE && group == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_GROUP);
    }
    bool enables = m->action == MAM_KILL_ACTION_ENABLE;
    if (enables && m->operator_name[0] == 0) {
        return fault(field, 5, MAM_REASON_NO_OPERATOR);
    }
    *(group == MAM_NONE ? &engine->killed : &engine->groups[group].killed) = !enables;
    if (enables) {
        mam_task_drop(engine, group);
        mam_daily_enable(engine, group);
        return MAM_REASON_NONE;
    }
    stop_blocks(engine, group);
    if (m->action == MAM_KILL_ACTION_FLATTEN && !mam_task_add(engine, group, MAM_NONE)) {
        return fault(field, 4, MAM_REASON_TABLE_FULL); /* it is stopped all the same */
    }
    return MAM_REASON_NONE;
}
