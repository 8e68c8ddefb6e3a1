/*
 * The day's loss of a group, and of the appliance: what its members' equity has lost since the day began,
 * deposits and withdrawals left out. Measured at every order that opens something, from equity as it is then.
 * At the limit nothing new is opened until a person enables it again; from then on the loss is counted anew.
 *
 * An account's day begins with the first Clock after the day's beginning (a few accounts at each Clock), or
 * when it is first seen in it: then its equity is kept.
 */
#include "state.h"

#define DAY (INT64_C(86400) * 1000000000)
#define BEGUN_A_CLOCK 1024
#define LOSS_MAX (INT64_MAX / 200) /* so that an alert can show it in 1e-8 */

/* From 1 on; 0 is no day. */
static int64_t today_of(const struct mam_engine *engine) {
    int64_t since = engine->now - engine->day_begins;
    return since / DAY - (since % DAY < 0) + 2;
}

static bool wanted(const struct mam_engine *engine) {
    return engine->daily_limits > 0;
}

static void begin_day(struct mam_engine *engine, uint32_t account, int64_t today) {
    struct mam_account_state_row *row = &engine->accounts[account];
    if (row->has_state && row->day != today) {
        mam_account_refresh(engine, account);
        row->day = today;
        row->day_equity = row->equity;
    }
}

void mam_daily_told(struct mam_engine *engine, uint32_t account) {
    if (wanted(engine)) {
        begin_day(engine, account, today_of(engine));
    }
}

void mam_daily_flow(struct mam_engine *engine, uint32_t account, int64_t amount) {
    struct mam_account_state_row *row = &engine->accounts[account];
    row->day_equity = mam_money((__int128)row->day_equity + amount);
}

/* --- The loss --- */

struct losses {
    int64_t today;
    __int128 of[MAM_CURRENCIES]; /* by currency of the account; below 0: a profit */
};

static void add_loss(struct mam_engine *engine, struct losses *losses, uint32_t account) {
    struct mam_account_state_row *row = &engine->accounts[account];
    begin_day(engine, account, losses->today);
    if (row->has_state) {
        mam_account_refresh(engine, account);
        losses->of[row->currency] += (__int128)row->day_equity - row->equity;
    }
}

static bool of_some_group(const struct mam_engine *engine, uint32_t account) {
    for (uint32_t at = engine->books.accounts[account].first_member; at != MAM_NONE;
         at = engine->books.members[at].next) {
        if (engine->members[at].status != MAM_MEMBER_STATUS_LEFT) {
            return true;
        }
    }
    return false;
}

static void gather(struct mam_engine *engine, uint32_t group, struct losses *losses) {
    if (group != MAM_NONE) {
        for (uint32_t at = engine->groups[group].first_member; at != MAM_NONE;
             at = engine->members[at].next) {
            if (engine->members[at].status != MAM_MEMBER_STATUS_LEFT) {
                add_loss(engine, losses, engine->members[at].account);
            }
        }
        return;
    }
    for (uint32_t account = 0; account < engine->account_count; account++) {
        if (of_some_group(engine, account)) {
            add_loss(engine, losses, account);
        }
    }
}

static int64_t bounded(__int128 money) {
    return money > LOSS_MAX ? LOSS_MAX : money < -LOSS_MAX ? -LOSS_MAX : (int64_t)money;
}

/* In the limit's currency at mid, a loss rounded up. False: some currency has no rate. */
static bool loss_of(struct mam_engine *engine, uint32_t group, uint8_t currency, int64_t *loss) {
    struct losses losses = {.today = today_of(engine)};
    gather(engine, group, &losses);
    engine->terms.stamp++; /* the rates of now, into this currency */
    __int128 sum = 0;
    for (uint32_t from = 0; from < engine->currency_count; from++) {
        int64_t converted;
        if (losses.of[from] == 0) {
            continue;
        }
        if (!mam_at_mid(engine, &engine->terms, bounded(-losses.of[from]), (uint8_t)from, currency,
                        &converted)) {
            return false;
        }
        sum -= converted;
    }
    *loss = bounded(sum);
    return true;
}

/* --- The limits --- */

static struct mam_limits_state *limits_of(struct mam_engine *engine, uint32_t group) {
    return group == MAM_NONE ? &engine->own_limits : &engine->groups[group].limits;
}

static uint8_t currency_of(const struct mam_engine *engine, uint32_t group) {
    return group == MAM_NONE ? engine->limits_currency : engine->groups[group].currency;
}

void mam_daily_limit(struct mam_engine *engine, uint32_t group, int64_t limit) {
    struct mam_limits_state *limits = limits_of(engine, group);
    engine->daily_limits += (uint32_t)(limit != 0) - (uint32_t)(limits->daily_loss != 0);
    limits->daily_loss = limit;
    if (limit != 0) { /* measured from now on, where it was not before */
        struct losses unused = {.today = today_of(engine)};
        gather(engine, group, &unused);
    }
    engine->next_deadline = engine->now;
}

static void tell(struct mam_engine *engine, uint32_t group, int64_t loss, int64_t limit) {
    struct mam_risk_alert message;
    mam_risk_alert_init(&message);
    message.kind = MAM_ALERT_KIND_DAILY_LOSS;
    message.reason = MAM_REASON_DAILY_LOSS;
    message.group = group == MAM_NONE ? 0 : engine->groups[group].id;
    message.measured = loss * 100;
    message.limit = bounded(limit) * 100;
    mam_alert_send(engine, engine->bridge, &message);
}

static uint16_t check(struct mam_engine *engine, uint32_t group) {
    struct mam_limits_state *limits = limits_of(engine, group);
    int64_t loss;
    if (limits->loss_stopped) {
        return MAM_REASON_DAILY_LOSS;
    }
    if (limits->daily_loss == 0) {
        return MAM_REASON_NONE;
    }
    if (!loss_of(engine, group, currency_of(engine, group), &loss)) {
        return MAM_REASON_NO_RATE;
    }
    loss -= limits->forgiven_day == today_of(engine) ? limits->forgiven : 0;
    if (loss < limits->daily_loss) {
        return MAM_REASON_NONE;
    }
    limits->loss_stopped = 1;
    tell(engine, group, bounded(loss), limits->daily_loss);
    return MAM_REASON_DAILY_LOSS;
}

uint16_t mam_daily_check(struct mam_engine *engine, uint32_t group) {
    uint16_t own = check(engine, MAM_NONE);
    return own != MAM_REASON_NONE ? own : check(engine, group);
}

void mam_daily_enable(struct mam_engine *engine, uint32_t group) {
    struct mam_limits_state *limits = limits_of(engine, group);
    int64_t loss;
    if (limits->loss_stopped && loss_of(engine, group, currency_of(engine, group), &loss)) {
        limits->forgiven = loss;
        limits->forgiven_day = today_of(engine);
    }
    limits->loss_stopped = 0;
}

/* --- Time --- */

int64_t mam_daily_clock(struct mam_engine *engine) {
    if (!wanted(engine)) {
        return INT64_MAX;
    }
    int64_t today = today_of(engine);
    if (engine->day != today) {
        engine->day = today;
        engine->day_next = 0;
    }
    uint32_t accounts = engine->account_count;
    for (uint32_t n = 0; n < BEGUN_A_CLOCK && engine->day_next < accounts; n++) {
        begin_day(engine, engine->day_next++, today);
    }
    __int128 next = (__int128)(today - 1) * DAY + engine->day_begins;
    return engine->day_next < accounts ? engine->now : next > INT64_MAX ? INT64_MAX : (int64_t)next;
}
