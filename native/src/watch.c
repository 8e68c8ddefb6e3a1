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
    engine->counts.alerts++;
    mam_emit(engine, engine->accounts[account].bridge, &message, sizeof message);
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

static void tell_alarms(struct mam_engine *engine, uint32_t account, uint8_t from, uint8_t to) {
    static const uint8_t kinds[MAM_ALARMS] = {MAM_ALERT_KIND_WARNING, MAM_ALERT_KIND_MARGIN_CALL,
                                              MAM_ALERT_KIND_STOP_OUT};
    const struct mam_account_state_row *row = &engine->accounts[account];
    bool money = row->definition.stop_out_mode == MAM_STOP_OUT_MODE_MONEY;
    int64_t level = mam_margin_level(row->equity, row->margin);
    int64_t limits[MAM_ALARMS] = {mam_money((__int128)buffer_of(engine, account) * 100),
                                  row->definition.margin_call, row->definition.stop_out};
    int64_t at[MAM_ALARMS];
    levels(engine, account, at);
    for (uint8_t alarm = from + 1; alarm <= to; alarm++) {
        if (at[alarm - 1] != NEVER) {
            bool by_money = money && alarm > MAM_ALARM_WARNING;
            alert(engine, account, 0, kinds[alarm - 1], MAM_REASON_MARGIN_BUFFER,
                  by_money ? mam_money((__int128)row->equity * 100) : level, limits[alarm - 1]);
        }
    }
}

/* One percentage point of margin level: an alarm that is on goes off only above that. */
static int64_t slack_of(const struct mam_account_state_row *row) {
    return row->margin / 100;
}

static void check_levels(struct mam_engine *engine, uint32_t account) {
    struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_account_book *book = &engine->books.accounts[account];
    int64_t at[MAM_ALARMS];
    levels(engine, account, at);
    uint8_t next = mam_alarm_next(book->alarm, row->equity, at, slack_of(row));
    if (next > book->alarm) {
        tell_alarms(engine, account, book->alarm, next);
    }
    book->alarm = next;
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

static void stop_begins(struct mam_engine *engine, uint32_t at) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member *terms = &engine->members[at].terms;
    watch->stopped = 1;
    watch->since = engine->now;
    watch->until = terms->drawdown_basis == MAM_DRAWDOWN_BASIS_DAILY ? next_reset(engine, terms) : 0;
    engine->counts.stops++;
    if (terms->drawdown_action == MAM_DRAWDOWN_ACTION_CLOSE_OUT) {
        watch->closing = 1;
        engine->books.closing_members++;
        engine->books.next_close = engine->now;
    }
    tell_stop(engine, at, MAM_REASON_DRAWDOWN_STOP, watch->until, NULL);
}

static void stop_ends(struct mam_engine *engine, uint32_t at, const char *name) {
    struct mam_member_watch *watch = &engine->books.members[at];
    engine->counts.stops--;
    engine->books.closing_members -= watch->closing;
    watch->stopped = watch->closing = watch->alerted = 0;
    tell_stop(engine, at, MAM_REASON_NONE, engine->now, name);
}

static void start(struct mam_engine *engine, uint32_t at) {
    const struct mam_member_state *member = &engine->members[at];
    struct mam_member_watch *watch = &engine->books.members[at];
    mam_drawdown_start(&watch->drawdown, engine->accounts[member->account].equity,
                       local_now(engine, &member->terms), member->terms.drawdown_reset);
    watch->started = 1;
    watch->alerted = 0;
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
        watch->alerted = 0;
        if (watch->stopped) {
            stop_ends(engine, at, NULL);
        }
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

/* Control has spoken of a member: a stop is lifted by whoever makes it active again, and measured from now.
 */
void mam_member_told(struct mam_engine *engine, uint32_t at, const struct mam_member *m) {
    struct mam_member_watch *watch = &engine->books.members[at];
    uint32_t account = engine->members[at].account;
    if (!watch->linked) {
        watch->linked = 1;
        watch->next = engine->books.accounts[account].first_member;
        engine->books.accounts[account].first_member = at;
    }
    bool off = m->drawdown_basis == MAM_DRAWDOWN_BASIS_NONE;
    mam_account_refresh(engine, account);
    if (watch->stopped && (off || m->status == MAM_MEMBER_STATUS_ACTIVE)) {
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
    for (uint8_t worse = book->alarm; worse < MAM_ALARMS; worse++) {
        low = at[worse] > low ? at[worse] : low;
    }
    if (book->alarm > 0 && at[book->alarm - 1] != NEVER) {
        high = mam_money((__int128)at[book->alarm - 1] + slack_of(row) + 1);
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

/* Closes some of what a stopped member holds; false: nothing is left that could be closed now. */
static bool close_some(struct mam_engine *engine, uint32_t at, uint32_t *left) {
    struct mam_member_watch *watch = &engine->books.members[at];
    const struct mam_member_state *member = &engine->members[at];
    bool holds = false;
    for (uint32_t i = oldest_holding(engine, member->account); i != MAM_NONE;) {
        const struct mam_holding *holding = &engine->holdings[i];
        uint32_t position = holding->position;
        int64_t open = mam_holding_free(holding);
        bool own = engine->positions[position].group == member->group && holding->volume > 0;
        i = holding->account_previous; /* a close may free this one, never another */
        if (!own) {
            continue;
        }
        holds = true;
        if (*left == 0) {
            return true;
        }
        if (open > 0 &&
            mam_close_position(engine, position, member->account, open, MAM_REASON_DRAWDOWN_STOP)) {
            (*left)--;
        }
    }
    if (!holds) {
        watch->closing = 0;
        engine->books.closing_members--;
    }
    return false;
}

#define RETRY_NS 100000000 /* what could not be closed now: no block free, no price */

static bool close_out(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    uint32_t left = MAM_CLOSED_A_CLOCK;
    if (books->closing_members == 0 || engine->halted) {
        return false;
    }
    if (engine->now >= books->next_close) {
        for (uint32_t at = 0; at < engine->member_count && left > 0; at++) {
            if (books->members[at].closing && close_some(engine, at, &left)) {
                break;
            }
        }
        books->next_close = engine->now + (left == 0 ? 0 : RETRY_NS);
    }
    if (books->closing_members > 0 && books->next_close < books->clock) {
        books->clock = books->next_close;
    }
    return left == 0;
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
    bool closing = close_out(engine);
    return closing || books->first_due != MAM_NONE;
}
