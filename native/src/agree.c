/*
 * The server's figures and ours.
 *
 * The server is the truth for money: balance and credit are taken as they come. A balance that moved while
 * the floating profit is what we expect is a balance operation (deposit, withdrawal, charge): drawdown marks
 * move with it. Floating profit and margin are compared where the server tells its positions (PositionState);
 * where it does not, or where they disagree, ours are shifted to the server's and move on from there.
 */
#include <string.h>

#include "books.h"
#include "state.h"

#define ONE INT64_C(100000000)
#define DEFAULT_STEPS 100 /* tolerance of money, in the currency's steps: 1.00 of a currency with cents */
#define DEFAULT_SPREADS (2 * ONE)
#define LOOK_NS 100000000 /* 256 accounts in it: 10,000 accounts are looked after in four seconds */
#define ASK_AGAIN_NS INT64_C(5000000000)

/* --- Alerts --- */

static int64_t as_factor(int64_t money) {
    return mam_money((__int128)money * 100);
}

static void look_for(struct mam_engine *engine, int32_t more) {
    struct mam_books *books = &engine->books;
    if (books->look_for == 0) {
        books->next_look = engine->now + LOOK_NS;
        books->clock = books->next_look < books->clock ? books->next_look : books->clock;
    }
    books->look_for += (uint32_t)more;
}

/* The server is asked to tell an account's state and positions. */
static void ask_for(struct mam_engine *engine, uint32_t account) {
    engine->books.accounts[account].asked = engine->now > 0 ? engine->now : 1;
    mam_ask_state(engine, engine->accounts[account].bridge, engine->accounts[account].login);
}

void mam_account_sync(struct mam_engine *engine, uint32_t account, uint8_t bits, uint8_t mask,
                      int64_t measured, int64_t limit) {
    struct mam_account_book *book = &engine->books.accounts[account];
    struct mam_account_state_row *row = &engine->accounts[account];
    bool before = book->sync != 0;
    book->sync = (uint8_t)((book->sync & ~mask) | bits);
    row->out_of_sync = book->sync != 0;
    if (before == (book->sync != 0)) {
        return;
    }
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = before ? MAM_ALERT_KIND_IN_SYNC : MAM_ALERT_KIND_OUT_OF_SYNC;
    alert.reason = before ? MAM_REASON_NONE : MAM_REASON_OUT_OF_SYNC;
    alert.login = row->login;
    alert.measured = as_factor(measured);
    alert.limit = as_factor(limit);
    mam_alert_send(engine, row->bridge, &alert);
    engine->counts.out_of_sync += before ? -1 : 1;
    look_for(engine, before ? -1 : 1);
    if (before) {
        book->asked = 0;
    } else {
        ask_for(engine, account);
    }
}

static void tell_flow(struct mam_engine *engine, uint32_t account, int64_t amount) {
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = MAM_ALERT_KIND_BALANCE;
    alert.login = engine->accounts[account].login;
    alert.measured = as_factor(amount);
    mam_alert_send(engine, MAM_BRIDGE_JOURNAL, &alert);
}

/* --- Tolerance --- */

uint16_t mam_on_tolerance(struct mam_engine *engine, const struct mam_tolerance *m, uint16_t *field) {
    const int64_t figures[] = {m->money, m->per_position, m->spreads};
    for (uint16_t i = 0; i < 3; i++) {
        if (figures[i] < 0 || figures[i] > MAM_BOOK_MONEY_MAX >> 8) {
            *field = (uint16_t)(3 + i);
            return MAM_REASON_OUT_OF_RANGE;
        }
    }
    *field = 2;
    if (m->currency[0] == 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    uint8_t currency = mam_currency(engine, m->currency);
    if (currency == UINT8_MAX) {
        return MAM_REASON_TABLE_FULL;
    }
    engine->books.tolerance[currency].money = m->money;
    engine->books.tolerance[currency].per_position = m->per_position;
    engine->books.tolerance[currency].spreads = m->spreads;
    engine->books.tolerance[currency].told = 1;
    return MAM_REASON_NONE;
}

static int64_t step_of(const struct mam_account_state_row *row) {
    int64_t step = 1;
    for (uint8_t digit = row->definition.money_digits; digit < 6; digit++) {
        step *= 10;
    }
    return step;
}

/* Of money that `count` roundings went into. */
static int64_t tolerance(const struct mam_engine *engine, uint32_t account, uint32_t count) {
    const struct mam_account_state_row *row = &engine->accounts[account];
    int64_t step = step_of(row);
    bool told = engine->books.tolerance[row->currency].told;
    int64_t money = told ? engine->books.tolerance[row->currency].money : DEFAULT_STEPS * step;
    int64_t each = told ? engine->books.tolerance[row->currency].per_position : 2 * step;
    return mam_money((__int128)money + (__int128)each * count);
}

/* What so many spreads on either side of the mark make of an exposure; -1: it cannot be told. */
static int64_t spreads_cost(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                            const struct mam_exposure *exposure, int64_t profit) {
    const struct mam_instrument_book *of = &engine->books.instruments[instrument];
    uint8_t currency = engine->accounts[account].currency;
    int64_t factor =
        engine->books.tolerance[currency].told ? engine->books.tolerance[currency].spreads : DEFAULT_SPREADS;
    __int128 wider = (__int128)(of->ask - of->bid) * factor / ONE;
    int64_t width = wider > of->bid - 1 ? of->bid - 1 : (int64_t)wider;
    int64_t worst;
    if (of->bid == 0 || mam_profit_of(engine, instrument, currency, exposure, of->bid - width,
                                      of->ask + width, &worst) != MAM_REASON_NONE) {
        return -1;
    }
    return mam_money((__int128)profit - worst);
}

/* --- What the server should say --- */

struct expected {
    int64_t floating[2], margin[2]; /* without and with the bookings that it has not answered */
    __int128 spreads;
    uint8_t unknown; /* what cannot be compared: MAM_SYNC_FLOATING, MAM_SYNC_MARGIN */
};

static void add_stake(struct mam_engine *engine, const struct mam_stake *stake, struct expected *sums,
                      struct mam_pools pools[2]) {
    const struct mam_books *books = &engine->books;
    const struct mam_instrument_book *of = &books->instruments[stake->instrument];
    const struct mam_exposure *all = mam_slot_exposure(books, stake);
    int64_t profit = books->pages[stake->page].profit[stake->at];
    struct mam_need need = {.margin = stake->margin, .amount = stake->amount, .pool = stake->pool};
    sums->floating[1] = mam_money((__int128)sums->floating[1] + profit);
    sums->margin[1] = mam_money((__int128)sums->margin[1] + need.margin);
    mam_pools_add(&pools[1], &need);
    int64_t spreads = spreads_cost(engine, stake->account, stake->instrument, all, profit);
    sums->spreads += spreads > 0 ? spreads : 0;
    sums->unknown |= spreads < 0 || !mam_stake_valued(engine, stake) ? MAM_SYNC_FLOATING : 0;
    sums->unknown |= stake->unrated > 0 ? MAM_SYNC_MARGIN : 0;
    if (stake->pending_count > 0) {
        struct mam_exposure confirmed;
        mam_stake_exposure(engine, stake, false, &confirmed);
        if (of->bid == 0 ||
            mam_profit_of(engine, stake->instrument, engine->accounts[stake->account].currency, &confirmed,
                          of->bid, of->ask, &profit) != MAM_REASON_NONE) {
            profit = 0;
        }
        if (mam_need_of(engine, stake->account, stake->instrument, &confirmed, &need) != MAM_REASON_NONE) {
            need = (struct mam_need){0};
        }
    }
    sums->floating[0] = mam_money((__int128)sums->floating[0] + profit);
    sums->margin[0] = mam_money((__int128)sums->margin[0] + need.margin);
    mam_pools_add(&pools[0], &need);
}

static struct expected expect(struct mam_engine *engine, uint32_t account) {
    const struct mam_account_book *book = &engine->books.accounts[account];
    struct expected sums = {0};
    struct mam_pools pools[2];
    pools[0].used = pools[1].used = 0;
    mam_account_value(engine, account);
    for (uint32_t at = book->first_stake; at != MAM_NONE; at = engine->books.stakes[at].next) {
        add_stake(engine, &engine->books.stakes[at], &sums, pools);
    }
    for (int i = 0; i < 2; i++) {
        sums.floating[i] = mam_money((__int128)sums.floating[i] + book->swap);
        sums.margin[i] = mam_money(sums.margin[i] + mam_pools_change(engine, &pools[i]));
    }
    return sums;
}

/* How far a figure is above what lies between the two, or (below 0) under it; 0: it is there. */
static int64_t offset(int64_t figure, const int64_t expected[2], int64_t shift) {
    int64_t low = expected[0] < expected[1] ? expected[0] : expected[1];
    int64_t high = expected[0] < expected[1] ? expected[1] : expected[0];
    __int128 under = (__int128)low + shift - figure, over = (__int128)figure - ((__int128)high + shift);
    return mam_money(under > 0 ? -under : over > 0 ? over : 0);
}

static int64_t size_of(int64_t money) {
    return money < 0 ? -money : money;
}

static int64_t distance(int64_t figure, const int64_t expected[2], int64_t shift) {
    return size_of(offset(figure, expected, shift));
}

/* --- Closes that are in the server's figures before their reports --- */

struct figures {
    int64_t floating;
    const struct mam_account_state *told;
};

/* How far the server's figures are from ours, moved since its last. */
static __int128 apart(struct mam_engine *engine, uint32_t account, const struct figures *f) {
    const struct mam_account_book *book = &engine->books.accounts[account];
    struct expected sums = expect(engine, account);
    return (__int128)distance(f->floating, sums.floating, book->other_floating) +
           distance(f->told->margin, sums.margin, book->other_margin) +
           size_of(mam_money((__int128)f->told->balance - engine->accounts[account].balance));
}

/* Each close at work is taken as done where that brings us nearer to what the server says. */
static void take_early(struct mam_engine *engine, uint32_t account, const struct figures *f) {
    const struct mam_books *books = &engine->books;
    for (uint32_t of = books->accounts[account].first_stake; of != MAM_NONE; of = books->stakes[of].next) {
        for (uint32_t at = books->stakes[of].first_row; at != MAM_NONE; at = books->rows[at].next) {
            struct mam_early early;
            if (books->rows[at].closing == books->rows[at].gone) {
                continue;
            }
            __int128 before = apart(engine, account, f);
            if (mam_book_close_early(engine, at, &early) && apart(engine, account, f) >= before) {
                mam_book_not_early(engine, at, &early);
            }
        }
    }
}

/* --- Balance --- */

/* A deposit or withdrawal leaves positions and their profit as they were: balance and equity move alike. What
 * a close realises moves balance alone. `off`: floating profit's distance from where it was expected, which
 * prices may have moved meanwhile. */
static void balance_moved(struct mam_engine *engine, uint32_t account, const struct mam_account_state *m,
                          int64_t off, bool same_positions) {
    const struct mam_account_state_row *row = &engine->accounts[account];
    int64_t amount = mam_money((__int128)m->balance + m->credit - row->balance - row->credit);
    if (size_of(amount) <= tolerance(engine, account, engine->books.accounts[account].deals)) {
        return;
    }
    tell_flow(engine, account, amount);
    if (same_positions && size_of(off) < size_of(mam_money((__int128)amount + off))) {
        mam_account_flow(engine, account, amount);
    }
}

/* unknown: what cannot be compared; it stays as it was. */
static void compare(struct mam_engine *engine, uint32_t account, int64_t floating, int64_t floating_limit,
                    int64_t margin, int64_t margin_limit, uint8_t unknown) {
    uint8_t bits = 0;
    bits |= floating > floating_limit ? MAM_SYNC_FLOATING : 0;
    bits |= margin > margin_limit ? MAM_SYNC_MARGIN : 0;
    bits &= (uint8_t)~unknown;
    bool by_floating = (bits & MAM_SYNC_FLOATING) != 0;
    uint8_t mask = (MAM_SYNC_FLOATING | MAM_SYNC_MARGIN | MAM_SYNC_ROOM) & ~unknown;
    mam_account_sync(engine, account, bits, mask, by_floating ? floating : margin,
                     by_floating ? floating_limit : margin_limit);
}

/* Told once when its figures get too old, and once when they come again. */
static void set_stale(struct mam_engine *engine, uint32_t account, bool stale, int64_t age, int64_t limit) {
    struct mam_account_book *book = &engine->books.accounts[account];
    if (stale == (book->stale != 0)) {
        return;
    }
    book->stale = stale;
    engine->counts.stale += stale ? 1 : -1;
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = stale ? MAM_ALERT_KIND_STATE_STALE : MAM_ALERT_KIND_STATE_FRESH;
    alert.reason = stale ? MAM_REASON_STATE_STALE : MAM_REASON_NONE;
    alert.login = engine->accounts[account].login;
    alert.measured = mam_money((__int128)age / 1000000 * ONE); /* milliseconds */
    alert.limit = mam_money((__int128)limit / 1000000 * ONE);
    mam_alert_send(engine, engine->accounts[account].bridge, &alert);
    if (!stale) {
        book->asked = 0;
    }
}

/* --- Holes --- */

static void ask_for_all(struct mam_engine *engine, uint32_t bridge) {
    engine->books.holes[bridge].asked = engine->now;
    mam_ask_state(engine, bridge, 0);
}

/* What was missed may have been figures of any account: those that are compared wait for their next ones. */
void mam_bridge_gap(struct mam_engine *engine, uint32_t bridge) {
    struct mam_hole *hole = &engine->books.holes[bridge];
    if (engine->bridges[bridge].role != MAM_ROLE_BROKER) {
        return;
    }
    engine->books.gaps[bridge]++;
    if (hole->state == MAM_HOLE_NONE) {
        look_for(engine, 1);
    }
    hole->state = MAM_HOLE_ASKED;
    ask_for_all(engine, bridge);
}

/* Its figures come again. */
static void hole_heard(struct mam_engine *engine, uint32_t bridge) {
    struct mam_hole *hole = &engine->books.holes[bridge];
    if (hole->state == MAM_HOLE_ASKED) {
        hole->state = MAM_HOLE_HEARD;
        hole->whole = hole->waiting = 0;
    }
}

/* An account whose figures may have been in the hole. */
static bool is_waiting(const struct mam_engine *engine, uint32_t account) {
    const struct mam_account_book *book = &engine->books.accounts[account];
    return book->told && book->gap != engine->books.gaps[engine->accounts[account].bridge];
}

static void ask_again_for_all(struct mam_engine *engine) {
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        const struct mam_hole *hole = &engine->books.holes[bridge];
        if (hole->state == MAM_HOLE_ASKED && engine->now - hole->asked >= ASK_AGAIN_NS) {
            ask_for_all(engine, bridge);
        }
    }
}

/* Every account has been looked at. A hole is over when nobody waits for figures any more. */
static void holes_looked_at(struct mam_engine *engine) {
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        struct mam_hole *hole = &engine->books.holes[bridge];
        if (hole->state == MAM_HOLE_HEARD && hole->whole && !hole->waiting) {
            hole->state = MAM_HOLE_NONE;
            look_for(engine, -1);
        }
        hole->whole = 1;
        hole->waiting = 0;
    }
}

/* --- The server has told --- */

void mam_account_told(struct mam_engine *engine, uint32_t account, const struct mam_account_state *m) {
    struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_account_book *book = &engine->books.accounts[account];
    mam_daily_told(engine, account); /* its day begins with what it had before */
    int64_t floating = mam_money((__int128)m->equity - m->balance - m->credit);
    take_early(engine, account, &(struct figures){floating, m});
    struct expected sums = expect(engine, account);
    int64_t money_limit = tolerance(engine, account, book->rows);
    int64_t floating_limit = mam_money(sums.spreads + money_limit);
    bool told = book->told != 0;
    if (row->has_state) {
        balance_moved(engine, account, m, offset(floating, sums.floating, book->other_floating),
                      !told || distance(m->margin, sums.margin, book->other_margin) <= money_limit);
    }
    compare(engine, account, told ? distance(floating, sums.floating, 0) : 0, floating_limit,
            told ? distance(m->margin, sums.margin, 0) : 0, money_limit, sums.unknown);
    bool agree = told && sums.unknown == 0 && (book->sync & (MAM_SYNC_FLOATING | MAM_SYNC_MARGIN)) == 0;
    book->other_floating = agree ? 0 : mam_money((__int128)floating - sums.floating[0]);
    book->other_margin = agree ? 0 : mam_money((__int128)m->margin - sums.margin[0]);
    for (uint32_t at = book->first_stake; at != MAM_NONE; at = engine->books.stakes[at].next) {
        mam_stake_in_figures(engine, at);
    }
    book->as_of = m->as_of;
    book->deals = 0;
    book->gap = engine->books.gaps[row->bridge];
    row->balance = m->balance;
    row->credit = m->credit;
    row->state_time = engine->now;
    row->has_state = 1;
    hole_heard(engine, row->bridge);
    set_stale(engine, account, false, 0, 0);
    if (!row->out_of_sync) {
        book->asked = 0;
    }
    book->valued = 0;
    mam_account_refresh(engine, account);
    mam_account_due(engine, account);
    mam_daily_told(engine, account);
}

uint16_t mam_account_unfit(const struct mam_engine *engine, uint32_t account) {
    const struct mam_account_book *book = &engine->books.accounts[account];
    if (is_waiting(engine, account)) {
        return MAM_REASON_OUT_OF_SYNC;
    }
    return book->unvalued > 0 ? MAM_REASON_NO_RATE : MAM_REASON_NONE;
}

/* --- Looking after --- */

void mam_age_limit_told(struct mam_engine *engine, uint32_t before, uint32_t now) {
    if ((before > 0) != (now > 0)) {
        look_for(engine, now > 0 ? 1 : -1);
    }
}

/* The strictest of its groups; 0: none. */
static int64_t age_limit(const struct mam_engine *engine, uint32_t account) {
    uint32_t limit = 0;
    for (uint32_t at = engine->books.accounts[account].first_member; at != MAM_NONE;
         at = engine->books.members[at].next) {
        const struct mam_member_state *member = &engine->members[at];
        uint32_t own = engine->groups[member->group].policy.state_max_age;
        if (member->status != MAM_MEMBER_STATUS_LEFT && own > 0 && (limit == 0 || own < limit)) {
            limit = own;
        }
    }
    return (int64_t)limit * 1000000;
}

static void look_after(struct mam_engine *engine, uint32_t account) {
    const struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_account_book *book = &engine->books.accounts[account];
    int64_t limit = row->has_state ? age_limit(engine, account) : 0;
    int64_t age = engine->now - row->state_time;
    if (limit > 0 && age > limit) {
        set_stale(engine, account, true, age, limit);
    }
    bool wanted = book->stale || row->out_of_sync;
    if (is_waiting(engine, account)) {
        struct mam_hole *hole = &engine->books.holes[row->bridge];
        hole->waiting = 1;
        wanted |= hole->state == MAM_HOLE_HEARD && engine->now - hole->asked >= ASK_AGAIN_NS;
    }
    if (wanted && (book->asked == 0 || engine->now - book->asked >= ASK_AGAIN_NS)) {
        ask_for(engine, account);
    }
}

void mam_agree_on_clock(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    if (books->look_for == 0) {
        return;
    }
    if (engine->now >= books->next_look) {
        for (uint32_t n = 0; n < MAM_LOOKED_AFTER && n < engine->account_count; n++) {
            books->look_at = books->look_at + 1 < engine->account_count ? books->look_at + 1 : 0;
            if (books->look_at == 0) {
                holes_looked_at(engine);
            }
            look_after(engine, books->look_at);
        }
        ask_again_for_all(engine);
        books->next_look = engine->now + LOOK_NS;
    }
    books->clock = books->next_look < books->clock ? books->next_look : books->clock;
}
