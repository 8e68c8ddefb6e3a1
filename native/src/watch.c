/*
 * What is watched of an account after every change: margin levels (warning, margin call, stop-out) and its
 * members' drawdown. An account is looked at on Clock only, exactly valued, and only if its equity has come
 * to a level (books.low, books.high) or something other than a quote has happened to it.
 */
#include <string.h>

#include "books.h"
#include "state.h"

#define ONE INT64_C(100000000)
#define EMITTED_A_CLOCK 256
#define NEVER INT64_MIN
#define RETRY_NS INT64_C(100000000)
#define RETRY_DOUBLINGS 6 /* to 6.4 s */
#define TOLD_AFTER 4      /* passes without anything closed */
#define PASS_NUMBER 0x7fu /* in mam_holding.close_pass; the other bit: there was no price */
#define NO_PRICE 0x80u

static void alert(struct mam_engine *engine, uint32_t account, uint32_t group, uint8_t kind, uint16_t reason,
                  int64_t measured, int64_t limit) {
    struct mam_risk_alert message;
    mam_risk_alert_init(&message);
    message.kind = kind;
    message.reason = reason;
    message.login = engine->accounts[account].login;
    message.group = group;
    message.measured = measured == INT64_MIN ? INT64_MIN + 1 : measured;
    message.limit = limit;
    mam_alert_send(engine, engine->accounts[account].bridge, &message);
}

/* --- Margin levels --- */

/* The largest buffer of the account's members: what it must keep in each group. */
static int64_t buffer_of(const struct mam_engine *engine, uint32_t account) {
    int64_t buffer = 0;
    for (uint32_t at = engine->books.accounts[account].first_member; at != MAM_NONE;
         at = engine->books.members[at].next) {
        const struct mam_member_state *member = &engine->members[at];
        if (member->status != MAM_MEMBER_STATUS_LEFT && member->terms.margin_buffer > buffer) {
            buffer = member->terms.margin_buffer;
        }
    }
    return buffer;
}

static void levels(const struct mam_engine *engine, uint32_t account, int64_t at[MAM_ALARMS]) {
    const struct mam_account_state_row *row = &engine->accounts[account];
    const struct mam_account *definition = &row->definition;
    __int128 keep = (__int128)buffer_of(engine, account) * row->margin;
    uint16_t hedged = definition->trade_flags & MAM_TRADE_STOP_OUT_HEDGED;
    at[0] = keep > 0 ? mam_money((keep + ONE - 1) / ONE - 1) : NEVER;
    at[1] = definition->margin_call == 0
                ? NEVER
                : mam_level_equity(definition->stop_out_mode, definition->margin_call, row->margin, 0);
    at[2] = definition->stop_out == 0 && hedged == 0
                ? NEVER
                : mam_level_equity(definition->stop_out_mode, definition->stop_out, row->margin, hedged);
}

/* Alarms are a set: a buffer may lie under the margin call. */
static bool alarm_is_on(unsigned alarms, uint8_t alarm) {
    return (alarms >> (alarm - 1) & 1) != 0;
}

static void tell_alarms(struct mam_engine *engine, uint32_t account, unsigned before, unsigned now) {
    static const uint8_t kinds[MAM_ALARMS] = {MAM_ALERT_KIND_WARNING, MAM_ALERT_KIND_MARGIN_CALL,
                                              MAM_ALERT_KIND_STOP_OUT};
    const struct mam_account_state_row *row = &engine->accounts[account];
    bool money = row->definition.stop_out_mode == MAM_STOP_OUT_MODE_MONEY;
    int64_t level = mam_margin_level(row->equity, row->margin);
    int64_t limits[MAM_ALARMS] = {mam_money((__int128)buffer_of(engine, account) * 100),
                                  row->definition.margin_call, row->definition.stop_out};
    for (uint8_t alarm = 1; alarm <= MAM_ALARMS; alarm++) {
        if (alarm_is_on(now & ~before, alarm)) {
            bool by_money = money && alarm > MAM_ALARM_WARNING;
            alert(engine, account, 0, kinds[alarm - 1], MAM_REASON_MARGIN_BUFFER,
                  by_money ? mam_money((__int128)row->equity * 100) : level, limits[alarm - 1]);
        }
    }
}

/* What the larger side of each of its instruments would need alone. */
static __int128 one_sided_margin(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    __int128 sum = 0;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        struct mam_exposure larger = *mam_slot_exposure(books, &books->stakes[at]);
        bool sells = larger.side[MAM_SIDE_SELL].volume > larger.side[MAM_SIDE_BUY].volume;
        larger.side[sells ? MAM_SIDE_BUY : MAM_SIDE_SELL] = (struct mam_side_total){0};
        struct mam_need need;
        if (mam_need_of(engine, account, books->stakes[at].instrument, &larger, &need) == MAM_REASON_NONE) {
            sum += need.margin;
        }
    }
    return sum;
}

/* One percentage point of margin level: an alarm that is on goes off only above that. A hedged account that
 * may be stopped out has little margin or none: there, of what its larger sides would need. */
static int64_t slack_of(struct mam_engine *engine, uint32_t account) {
    const struct mam_account_state_row *row = &engine->accounts[account];
    __int128 margin = row->margin;
    if ((row->definition.trade_flags & MAM_TRADE_STOP_OUT_HEDGED) != 0) {
        __int128 hedged = one_sided_margin(engine, account);
        margin = hedged > margin ? hedged : margin;
    }
    return mam_money(margin / 100);
}

static void check_levels(struct mam_engine *engine, uint32_t account) {
    struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_account_book *book = &engine->books.accounts[account];
    int64_t at[MAM_ALARMS], slack = slack_of(engine, account);
    unsigned before = book->alarms, now = 0;
    levels(engine, account, at);
    for (uint8_t alarm = 1; alarm <= MAM_ALARMS; alarm++) {
        int64_t own[MAM_ALARMS] = {NEVER, NEVER, NEVER};
        own[alarm - 1] = at[alarm - 1];
        uint8_t was = alarm_is_on(before, alarm) ? alarm : MAM_ALARM_NONE;
        if (mam_alarm_next(was, row->equity, own, slack) != MAM_ALARM_NONE) {
            now |= 1u << (alarm - 1);
            book->alarm = alarm;
        }
    }
    book->alarm = now == 0 ? MAM_ALARM_NONE : book->alarm;
    book->alarms = (uint8_t)now;
    tell_alarms(engine, account, before, now);
}

/* --- Drawdown --- */

/* Local time of the zone in which a member's days begin. */
static int64_t local_now(const struct mam_engine *engine, const struct mam_member *terms) {
    return mam_local_time(engine, terms->drawdown_zone, engine->now);
}

static int64_t next_reset(const struct mam_engine *engine, const struct mam_member *terms) {
    return mam_next_day(engine, terms->drawdown_zone, engine->now, terms->drawdown_reset);
}

static int64_t mark_of(const struct mam_drawdown *drawdown, uint8_t basis) {
    return basis == MAM_DRAWDOWN_BASIS_INITIAL ? drawdown->initial
           : basis == MAM_DRAWDOWN_BASIS_DAILY ? drawdown->day_start
                                               : drawdown->high_water;
}

static void tell_stop(struct mam_engine *engine, uint32_t at, uint16_t reason, int64_t until,
                      const char *name) {
    const struct mam_member_state *member = &engine->members[at];
    const struct mam_member_watch *watch = &engine->books.members[at];
    struct mam_risk_stop stop;
    mam_risk_stop_init(&stop);
    stop.login = engine->accounts[member->account].login;
    stop.group = engine->groups[member->group].id;
    stop.reason = reason;
    stop.basis = member->terms.drawdown_basis;
    stop.action = member->terms.drawdown_action;
    stop.since = watch->since;
    stop.until = until;
    stop.equity = engine->accounts[member->account].equity;
    stop.mark = mam_money(mark_of(&watch->drawdown, member->terms.drawdown_basis));
    if (name != NULL) {
        memcpy(stop.operator_name, name, sizeof stop.operator_name);
    }
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &stop, sizeof stop);
}

/* --- Members whose positions are being closed out: a list, newest last --- */

static uint8_t next_pass(uint8_t pass) {
    return pass == PASS_NUMBER ? 1 : (uint8_t)(pass + 1); /* 0: a holding that was never tried */
}

static void closing_begins(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_member_watch *watch = &books->members[at];
    watch->closing = 1;
    watch->close_waits = watch->close_failed = watch->close_unpriced = watch->waits_told = 0;
    watch->close_retry = engine->now;
    watch->close_held = INT64_MAX;
    watch->close_pass = next_pass(watch->close_pass);
    for (uint32_t i = engine->accounts[engine->members[at].account].first_holding; i != MAM_NONE;
         i = engine->holdings[i].account_next) {
        if (engine->positions[engine->holdings[i].position].group == engine->members[at].group) {
            engine->holdings[i].close_pass = 0;
        }
    }
    watch->close_next = MAM_NONE;
    watch->close_previous = books->last_closing;
    *(books->last_closing == MAM_NONE ? &books->first_closing
                                      : &books->members[books->last_closing].close_next) = at;
    books->last_closing = at;
    books->closing_members++;
    books->next_close = engine->now;
}

static void closing_ends(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_member_watch *watch = &books->members[at];
    if (!watch->closing) {
        return;
    }
    watch->closing = 0;
    books->closing_members--;
    books->closing_at = books->closing_at == at ? watch->close_next : books->closing_at;
    *(watch->close_previous == MAM_NONE ? &books->first_closing
                                        : &books->members[watch->close_previous].close_next) =
        watch->close_next;
    *(watch->close_next == MAM_NONE ? &books->last_closing
                                    : &books->members[watch->close_next].close_previous) =
        watch->close_previous;
}

static void stop_begins(struct mam_engine *engine, uint32_t at) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member *terms = &engine->members[at].terms;
    watch->stopped = 1;
    watch->since = engine->now;
    watch->until = terms->drawdown_basis == MAM_DRAWDOWN_BASIS_DAILY ? next_reset(engine, terms) : 0;
    engine->counts.stops++;
    if (terms->drawdown_action == MAM_DRAWDOWN_ACTION_CLOSE_OUT) {
        closing_begins(engine, at);
    }
    tell_stop(engine, at, MAM_REASON_DRAWDOWN_STOP, watch->until, NULL);
}

static void stop_ends(struct mam_engine *engine, uint32_t at, const char *name) {
    struct mam_member_watch *watch = &engine->books.members[at];
    engine->counts.stops--;
    closing_ends(engine, at);
    watch->stopped = watch->alerted = 0;
    tell_stop(engine, at, MAM_REASON_NONE, engine->now, name);
}

static void start(struct mam_engine *engine, uint32_t at) {
    const struct mam_member_state *member = &engine->members[at];
    struct mam_member_watch *watch = &engine->books.members[at];
    mam_drawdown_start(&watch->drawdown, engine->accounts[member->account].equity,
                       local_now(engine, &member->terms), member->terms.drawdown_reset);
    watch->started = 1;
    watch->alerted = watch->stopped;
}

static bool reached(const struct mam_member_watch *watch, const struct mam_member *terms, int64_t equity,
                    int64_t tenths) {
    return mam_drawdown_reached(&watch->drawdown, terms->drawdown_basis, equity,
                                mam_money((__int128)terms->drawdown_percent * tenths / 10),
                                mam_money((__int128)terms->drawdown_money * tenths / 10)) != 0;
}

static void tell_drawdown(struct mam_engine *engine, uint32_t at) {
    const struct mam_member_state *member = &engine->members[at];
    const struct mam_member *terms = &member->terms;
    const struct mam_drawdown *drawdown = &engine->books.members[at].drawdown;
    int64_t equity = engine->accounts[member->account].equity;
    bool percent = terms->drawdown_percent > 0;
    int64_t measured =
        percent ? mam_drawdown_percent(drawdown, terms->drawdown_basis, equity)
                : mam_money((__int128)mam_drawdown_loss(drawdown, terms->drawdown_basis, equity) * 100);
    alert(engine, member->account, engine->groups[member->group].id, MAM_ALERT_KIND_DRAWDOWN,
          MAM_REASON_DRAWDOWN_STOP, measured,
          percent ? terms->drawdown_percent : mam_money((__int128)terms->drawdown_money * 100));
}

static void check_member(struct mam_engine *engine, uint32_t at) {
    const struct mam_member_state *member = &engine->members[at];
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member *terms = &member->terms;
    int64_t equity = engine->accounts[member->account].equity;
    if (terms->drawdown_basis == MAM_DRAWDOWN_BASIS_NONE || member->status == MAM_MEMBER_STATUS_LEFT) {
        return;
    }
    if (!watch->started) {
        start(engine, at);
        return;
    }
    bool begun =
        mam_drawdown_observe(&watch->drawdown, equity, local_now(engine, terms), terms->drawdown_reset) != 0;
    if (begun && terms->drawdown_basis == MAM_DRAWDOWN_BASIS_DAILY) {
        if (watch->stopped && !watch->closing) { /* else it ends when all is closed */
            stop_ends(engine, at, NULL);
        }
        watch->alerted = watch->stopped;
    }
    if (watch->alerted && !watch->stopped && !reached(watch, terms, equity, 9)) {
        watch->alerted = 0;
    }
    if (!watch->alerted && reached(watch, terms, equity, 10)) {
        watch->alerted = 1;
        tell_drawdown(engine, at);
        if (terms->drawdown_action != MAM_DRAWDOWN_ACTION_ALERT) {
            stop_begins(engine, at);
        }
    }
}

bool mam_member_stopped(const struct mam_engine *engine, const struct mam_member_state *member) {
    return engine->books.members[member - engine->members].stopped != 0;
}

static void want_reset(struct mam_engine *engine, const struct mam_member *terms) {
    struct mam_books *books = &engine->books;
    if (terms->drawdown_basis == MAM_DRAWDOWN_BASIS_DAILY) {
        int64_t next = next_reset(engine, terms);
        books->next_reset = next < books->next_reset ? next : books->next_reset;
        books->clock = next < books->clock ? next : books->clock;
    }
}

static void set_watched(struct mam_engine *engine, uint32_t account) {
    struct mam_account_book *book = &engine->books.accounts[account];
    bool before = book->watched != 0;
    book->watched = 0;
    for (uint32_t at = book->first_member; at != MAM_NONE; at = engine->books.members[at].next) {
        const struct mam_member *terms = &engine->members[at].terms;
        book->watched |= terms->margin_buffer > 0 || terms->drawdown_basis != MAM_DRAWDOWN_BASIS_NONE;
    }
    if (before && !book->watched) {
        engine->books.levels[account] = (struct mam_levels){.low = INT64_MIN, .high = INT64_MAX};
    }
}

static bool same_limits(const struct mam_member *a, const struct mam_member *b) {
    return a->drawdown_basis == b->drawdown_basis && a->drawdown_action == b->drawdown_action &&
           a->drawdown_percent == b->drawdown_percent && a->drawdown_money == b->drawdown_money &&
           a->drawdown_reset == b->drawdown_reset && a->drawdown_zone == b->drawdown_zone;
}

/* Control has spoken of a member. A stop is lifted, and measured from now, by other limits or by making it
 * active again; whoever leaves has none. What else may change (a weight) lifts nothing. */
void mam_member_told(struct mam_engine *engine, uint32_t at, const struct mam_member_state *before) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member *m = &engine->members[at].terms;
    uint32_t account = engine->members[at].account;
    if (!watch->linked) {
        watch->linked = 1;
        watch->next = engine->books.accounts[account].first_member;
        engine->books.accounts[account].first_member = at;
    }
    bool off = m->drawdown_basis == MAM_DRAWDOWN_BASIS_NONE || m->status == MAM_MEMBER_STATUS_LEFT;
    bool anew = m->status == MAM_MEMBER_STATUS_ACTIVE &&
                (before->status != MAM_MEMBER_STATUS_ACTIVE || !same_limits(m, &before->terms));
    mam_account_refresh(engine, account);
    if (watch->stopped && (off || anew)) {
        stop_ends(engine, at, m->operator_name);
        watch->started = 0;
    }
    if (off) {
        watch->started = 0;
    } else if (!watch->started && engine->accounts[account].has_state) {
        start(engine, at);
    }
    set_watched(engine, account);
    want_reset(engine, m);
    mam_account_due(engine, account);
}

/* Its money is another one: drawdown is measured from its next figures; a stop stays. */
void mam_account_forgotten(struct mam_engine *engine, uint32_t account) {
    for (uint32_t at = engine->books.accounts[account].first_member; at != MAM_NONE;
         at = engine->books.members[at].next) {
        engine->books.members[at].started = 0;
    }
}

void mam_account_flow(struct mam_engine *engine, uint32_t account, int64_t amount) {
    mam_daily_flow(engine, account, amount);
    for (uint32_t at = engine->books.accounts[account].first_member; at != MAM_NONE;
         at = engine->books.members[at].next) {
        if (engine->books.members[at].started) {
            mam_drawdown_flow(&engine->books.members[at].drawdown, amount);
        }
    }
}

/* --- When to look again --- */

/* Equity at which a member's loss comes to its limit, or a hair before. */
static int64_t loss_level(const struct mam_member_watch *watch, const struct mam_member *terms,
                          int64_t tenths) {
    int64_t mark = mark_of(&watch->drawdown, terms->drawdown_basis);
    __int128 level = NEVER;
    if (terms->drawdown_money > 0) {
        level = (__int128)mark - (__int128)terms->drawdown_money * tenths / 10 + 1;
    }
    if (terms->drawdown_percent > 0) {
        __int128 loss = mark > 0 ? (__int128)mark * terms->drawdown_percent / (100 * ONE) * tenths / 10 : 0;
        level = (__int128)mark - loss + 1 > level ? (__int128)mark - loss + 1 : level;
    }
    return level <= NEVER ? NEVER : mam_money(level);
}

static void narrow(const struct mam_engine *engine, uint32_t at, int64_t *low, int64_t *high) {
    const struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member *terms = &engine->members[at].terms;
    if (!watch->started || terms->drawdown_basis == MAM_DRAWDOWN_BASIS_NONE) {
        return;
    }
    int64_t level = loss_level(watch, terms, watch->alerted ? 9 : 10);
    if (!watch->alerted) {
        *low = level > *low ? level : *low;
    } else if (!watch->stopped && level != NEVER) {
        *high = level < *high ? level : *high;
    }
    if (terms->drawdown_basis == MAM_DRAWDOWN_BASIS_HIGH_WATER) {
        int64_t above = mam_money((__int128)watch->drawdown.high_water + 1);
        *high = above < *high ? above : *high;
    }
}

static void set_thresholds(struct mam_engine *engine, uint32_t account) {
    struct mam_books *books = &engine->books;
    const struct mam_account_state_row *row = &engine->accounts[account];
    const struct mam_account_book *book = &books->accounts[account];
    int64_t at[MAM_ALARMS], low = NEVER, high = INT64_MAX;
    levels(engine, account, at);
    int64_t slack = book->alarms != 0 ? slack_of(engine, account) : 0;
    for (uint8_t alarm = 1; alarm <= MAM_ALARMS; alarm++) {
        int64_t level = at[alarm - 1];
        if (!alarm_is_on(book->alarms, alarm)) {
            low = level > low ? level : low;
        } else if (level != NEVER) {
            int64_t off = mam_money((__int128)level + slack + 1);
            high = off < high ? off : high;
        }
    }
    for (uint32_t member = book->first_member; member != MAM_NONE; member = books->members[member].next) {
        narrow(engine, member, &low, &high);
    }
    __int128 rest = (__int128)row->equity - books->floating[account];
    books->levels[account] =
        (struct mam_levels){.low = low == NEVER ? NEVER : mam_money(low - rest),
                            .high = high == INT64_MAX ? INT64_MAX : mam_money(high - rest)};
}

static void look_at(struct mam_engine *engine, uint32_t account) {
    struct mam_account_book *book = &engine->books.accounts[account];
    mam_account_make_up(engine, account);
    if (!engine->accounts[account].has_state) {
        return;
    }
    mam_account_refresh(engine, account);
    bool unvalued = book->unvalued > 0;
    if (unvalued != (book->unvalued_told != 0)) {
        book->unvalued_told = unvalued;
        alert(engine, account, 0, unvalued ? MAM_ALERT_KIND_OUT_OF_SYNC : MAM_ALERT_KIND_IN_SYNC,
              unvalued ? MAM_REASON_NO_RATE : MAM_REASON_NONE, 0, 0);
    }
    if (!mam_account_watched(engine, account)) {
        return;
    }
    check_levels(engine, account);
    for (uint32_t at = book->first_member; at != MAM_NONE; at = engine->books.members[at].next) {
        check_member(engine, at);
    }
    set_thresholds(engine, account);
}

/* --- On Clock --- */

void mam_days_changed(struct mam_engine *engine) {
    engine->books.next_reset = engine->now;
    engine->books.clock = engine->now < engine->books.clock ? engine->now : engine->books.clock;
}

static void days_begin(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    if (engine->now < books->next_reset) {
        return;
    }
    books->next_reset = INT64_MAX;
    for (uint32_t at = 0; at < engine->member_count; at++) {
        const struct mam_member *terms = &engine->members[at].terms;
        if (terms->drawdown_basis == MAM_DRAWDOWN_BASIS_DAILY) {
            want_reset(engine, terms);
            mam_account_due(engine, engine->members[at].account);
        }
    }
}

/* The account's list is newest first; an account with the FIFO flag closes its oldest first. */
static uint32_t oldest_holding(const struct mam_engine *engine, uint32_t account) {
    uint32_t at = engine->accounts[account].first_holding;
    while (at != MAM_NONE && engine->holdings[at].account_next != MAM_NONE) {
        at = engine->holdings[at].account_next;
    }
    return at;
}

/* What was to be closed is closed. A day's stop that was kept for it ends now, where the day has. */
static void closed_out(struct mam_engine *engine, uint32_t at) {
    const struct mam_member_watch *watch = &engine->books.members[at];
    closing_ends(engine, at);
    if (watch->until > 0 && watch->until <= engine->now) {
        stop_ends(engine, at, NULL);
        mam_account_due(engine, engine->members[at].account);
    }
}

/* A pass is over. What could not be closed (no price, no block free, refused by an LP or the server) is tried
 * again, later and later, until less is held, and with the next quote what had no price; a person is told
 * once. */
static void pass_over(struct mam_engine *engine, uint32_t at, int64_t held, bool all) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member_state *member = &engine->members[at];
    watch->close_pass = next_pass(watch->close_pass);
    watch->close_prices = engine->books.prices;
    watch->close_unpriced = (watch->close_failed & NO_PRICE) != 0;
    if (all) {
        watch->close_waits = held < watch->close_held ? 0 : watch->close_waits;
        watch->close_held = held;
        watch->close_retry = engine->now + (RETRY_NS << watch->close_waits);
        if (watch->close_failed != 0 && watch->close_waits < RETRY_DOUBLINGS) {
            watch->close_waits++;
        }
    }
    watch->close_failed = 0;
    if (watch->close_waits == TOLD_AFTER && !watch->waits_told) {
        watch->waits_told = 1;
        alert(engine, member->account, engine->groups[member->group].id, MAM_ALERT_KIND_CLOSE_OUT_WAITS,
              MAM_REASON_NO_LIQUIDITY, 0, 0);
    }
}

/* What is tried again has failed before. */
static bool try_close(struct mam_engine *engine, struct mam_member_watch *watch, uint32_t at) {
    struct mam_holding *holding = &engine->holdings[at];
    uint32_t position = holding->position, account = holding->account;
    bool again = holding->close_pass != 0, priced = mam_position_priced(engine, position);
    holding->close_pass = (uint8_t)(watch->close_pass | (priced ? 0 : NO_PRICE));
    bool begun = priced && mam_close_position(engine, position, account, mam_holding_free(holding),
                                              MAM_REASON_DRAWDOWN_STOP);
    if (!priced) {
        engine->books.instruments[engine->positions[position].instrument].wanted = 1;
    }
    unsigned failed = (priced ? 0 : NO_PRICE) | (again || !begun ? 1u : 0);
    watch->close_failed = (uint8_t)(watch->close_failed | failed);
    return begun;
}

/* One pass over what a stopped member holds, oldest first: each is tried once, as far as *left allows; false:
 * the rest is for a later Clock. `all`: else only what had no price. */
static bool close_some(struct mam_engine *engine, uint32_t at, bool all, uint32_t *left) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member_state *member = &engine->members[at];
    __int128 held = 0;
    for (uint32_t i = oldest_holding(engine, member->account); i != MAM_NONE;) {
        const struct mam_holding *holding = &engine->holdings[i];
        uint32_t tried = i;
        bool own = engine->positions[holding->position].group == member->group && holding->volume > 0;
        i = holding->account_previous; /* a close may free this one, never another */
        held += own ? holding->volume : 0;
        if (!own || mam_holding_free(holding) <= 0 ||
            (holding->close_pass & PASS_NUMBER) == watch->close_pass ||
            !(all || (holding->close_pass & NO_PRICE) != 0)) {
            continue;
        }
        if (*left == 0) {
            return false;
        }
        *left -= try_close(engine, watch, tried);
    }
    if (held == 0) {
        closed_out(engine, at);
    } else {
        pass_over(engine, at, mam_money(held), all);
    }
    return true;
}

/* One member's turn. Returns when it wants the next. */
static int64_t close_of(struct mam_engine *engine, uint32_t at, uint32_t *left) {
    const struct mam_books *books = &engine->books;
    const struct mam_member_watch *watch = &books->members[at];
    bool all = watch->close_retry <= engine->now;
    bool quoted = watch->close_unpriced && watch->close_prices != books->prices;
    if ((all || quoted) && !close_some(engine, at, all, left)) {
        return engine->now;
    }
    return watch->closing ? watch->close_retry : INT64_MAX;
}

/* Round after round over those who are being closed out, so that nobody waits for another's price. */
static bool close_out(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    uint32_t left = MAM_CLOSED_A_CLOCK;
    if (books->closing_members == 0) {
        return false;
    }
    if (engine->halted) {
        books->next_close = engine->now + RETRY_NS;
    } else if (engine->now >= books->next_close) {
        if (books->closing_at == MAM_NONE) {
            books->closing_at = books->first_closing;
            books->closing_soonest = INT64_MAX;
            books->closing_prices = books->prices;
        }
        for (uint32_t n = 0; books->closing_at != MAM_NONE && left > 0 && n < MAM_CLOSING_A_CLOCK; n++) {
            uint32_t at = books->closing_at;
            books->closing_at = books->members[at].close_next;
            int64_t next = close_of(engine, at, &left);
            books->closing_soonest = next < books->closing_soonest ? next : books->closing_soonest;
        }
        bool again = books->closing_at != MAM_NONE || books->closing_prices != books->prices;
        books->next_close = again ? engine->now : books->closing_soonest;
    }
    return books->closing_members > 0 && books->next_close <= engine->now;
}

bool mam_watch_on_clock(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    int64_t emitted = engine->counts.outputs;
    days_begin(engine);
    for (uint32_t looked = 0; books->first_due != MAM_NONE && looked < MAM_WATCHED_A_CLOCK &&
                              engine->counts.outputs - emitted < EMITTED_A_CLOCK;
         looked++) {
        uint32_t account = books->first_due;
        struct mam_account_book *book = &books->accounts[account];
        books->first_due = book->next_due;
        books->last_due = books->first_due == MAM_NONE ? MAM_NONE : books->last_due;
        book->due = 0;
        look_at(engine, account);
    }
    mam_marks_look(engine);
    bool closing = close_out(engine);
    return closing || books->first_due != MAM_NONE;
}
