/*
 * What accounts are worth now. Marks, rates, profit, margin; an account exactly when it is needed, all of
 * them in bounded batches on Clock.
 *
 * Conflation: a quote moves its instrument's mark, makes it due and asks for a Clock a millisecond later.
 * However many quotes came until then, the instrument is valued once, at the newest mark. A Clock works
 * through at most SWEEP_SLOTS slots and asks for another at once: the loop looks at its rings between two of
 * them, so that an order never waits for more than one slice; and an order values its own members itself.
 */
#include "books.h"
#include "state.h"

#define ONE INT64_C(100000000)
#define CONFLATION_NS 1000000
#define SWEEP_SLOTS 512 /* 5 microseconds */

static void want_clock(struct mam_engine *engine, int64_t at) {
    engine->books.clock = at < engine->books.clock ? at : engine->books.clock;
}

/* --- Marks --- */

static void enqueue(struct mam_books *books, uint32_t limit, uint32_t instrument) {
    if (!books->instruments[instrument].queued) {
        books->instruments[instrument].queued = 1;
        books->queue[(books->queue_first + books->queue_count++) % limit] = instrument;
    }
}

/* Every figure that goes over this pair is to be valued again. */
static void pair_moved(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    if (!books->instruments[instrument].moved && engine->counts.positions > 0) {
        books->instruments[instrument].moved = 1;
        books->moved[(books->moved_first + books->moved_count++) % engine->limits.instruments] = instrument;
        want_clock(engine, engine->now + CONFLATION_NS);
    }
}

static int64_t stale_after(const struct mam_engine *engine, uint32_t instrument) {
    return (int64_t)engine->instruments[instrument].definition.stale_after * 1000000;
}

/* At `when` some mark may be too old. */
static void want_marks(struct mam_engine *engine, int64_t when) {
    struct mam_books *books = &engine->books;
    books->next_marks = when < books->next_marks ? when : books->next_marks;
    want_clock(engine, books->next_marks);
}

void mam_mark_moved(struct mam_engine *engine, uint32_t instrument) {
    struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_quote_state *own =
        mam_quote_at(engine, instrument, engine->instruments[instrument].bridge);
    int64_t bid = own->bid, ask = own->ask, quoted = own->time, limit = stale_after(engine, instrument);
    bool good = bid > 0 && (limit == 0 || engine->now - quoted <= limit);
    if (!good && !mam_best_quote_at(engine, instrument, &bid, &ask, &quoted)) {
        return;
    }
    of->quoted = quoted;
    if (of->wanted) {
        of->wanted = 0;
        engine->books.prices++;
        engine->books.next_close =
            engine->now < engine->books.next_close ? engine->now + CONFLATION_NS : engine->books.next_close;
        want_clock(engine, engine->now + CONFLATION_NS);
    }
    if (of->stale) {
        want_marks(engine, engine->now + CONFLATION_NS);
    }
    if (bid == of->bid && ask == of->ask) {
        return;
    }
    engine->books.paths += of->bid == 0; /* a first mark may open a way */
    of->bid = bid;
    of->ask = ask;
    of->version++;
    engine->books.version++;
    engine->counts.conflated += of->queued;
    if (engine->instruments[instrument].definition.calc_mode == MAM_CALC_MODE_FOREX) {
        pair_moved(engine, instrument);
    }
    if (of->stake_count > 0) {
        enqueue(&engine->books, engine->limits.instruments, instrument);
        want_clock(engine, engine->now + CONFLATION_NS);
    }
}

/* --- Marks that are too old --- */

#define MARKS_NS INT64_C(20000000) /* looks at them are so far apart */

bool mam_mark_stale(const struct mam_engine *engine, uint32_t instrument) {
    const struct mam_instrument_book *of = &engine->books.instruments[instrument];
    int64_t limit = stale_after(engine, instrument);
    return limit > 0 && of->bid > 0 && engine->now - of->quoted > limit;
}

bool mam_account_stale(const struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    bool stale = false;
    for (uint32_t at = books->stale_marks > 0 ? books->accounts[account].first_stake : MAM_NONE;
         at != MAM_NONE && !stale; at = books->stakes[at].next) {
        stale = mam_mark_stale(engine, books->stakes[at].instrument);
    }
    return stale;
}

static void tell_mark(struct mam_engine *engine, uint32_t instrument, bool stale) {
    const struct mam_instrument_state *of = &engine->instruments[instrument];
    struct mam_risk_alert message;
    mam_risk_alert_init(&message);
    message.kind = stale ? MAM_ALERT_KIND_MARK_STALE : MAM_ALERT_KIND_MARK_FRESH;
    message.reason = stale ? MAM_REASON_STALE_QUOTE : MAM_REASON_NONE;
    message.instrument = of->definition.instrument;
    __int128 age = engine->now - engine->books.instruments[instrument].quoted;
    message.measured = mam_money(age / 1000000 * ONE); /* milliseconds */
    message.limit = of->definition.stale_after * ONE;
    mam_alert_send(engine, of->bridge, &message);
}

/* Returns when the mark will be too old; INT64_MAX: it is, or nobody holds it, or it never is. */
static int64_t look_at_mark(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    struct mam_instrument_book *of = &books->instruments[instrument];
    int64_t limit = stale_after(engine, instrument);
    bool held = of->stake_count > 0 && of->bid > 0 && limit > 0;
    if (held && mam_mark_stale(engine, instrument)) {
        mam_mark_moved(engine, instrument); /* the server's quote is; an LP's may be newer */
    }
    bool stale = held && mam_mark_stale(engine, instrument);
    if (stale != (of->stale != 0)) {
        of->stale = stale;
        books->stale_marks += stale ? 1 : UINT32_MAX;
        tell_mark(engine, instrument, stale);
    }
    return held && !stale ? of->quoted + limit + 1 : INT64_MAX;
}

void mam_marks_look(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    if (engine->now < books->next_marks) {
        return;
    }
    books->marks_soonest = books->marks_at == 0 ? INT64_MAX : books->marks_soonest;
    for (uint32_t n = 0; n < MAM_MARKS_A_CLOCK && books->marks_at < engine->instrument_count; n++) {
        int64_t then = look_at_mark(engine, books->marks_at++);
        books->marks_soonest = then < books->marks_soonest ? then : books->marks_soonest;
    }
    if (books->marks_at < engine->instrument_count) {
        books->next_marks = engine->now;
        return;
    }
    int64_t next = engine->now + MARKS_NS;
    books->marks_at = 0;
    books->next_marks = books->marks_soonest > next ? books->marks_soonest : next;
}

/* Its contract is another one: every figure of those who hold it is worked out again, in slices; and at once
 * of whomever a plan needs. */
void mam_instrument_changed(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    struct mam_instrument_book *of = &books->instruments[instrument];
    books->version++;
    books->paths++;
    of->version++;
    of->contract++;
    if (of->stake_count > 0) {
        want_marks(engine, engine->now);
    }
    if (of->bid > 0 && engine->instruments[instrument].definition.calc_mode == MAM_CALC_MODE_FOREX) {
        pair_moved(engine, instrument);
    }
    if (of->stake_count > 0) {
        enqueue(books, engine->limits.instruments, instrument);
        want_clock(engine, engine->now);
    }
}

/* --- Rates and profit --- */

/* Profit at the low side of its pair, loss at the high one; forex by side instead: a buy's at the Ask, a
 * sell's at the Bid (docs/margin.md). */
static bool converts_high(const struct mam_instrument_state *of, uint8_t side, bool loss) {
    bool by_side = of->definition.calc_mode == MAM_CALC_MODE_FOREX ||
                   of->definition.calc_mode == MAM_CALC_MODE_FOREX_NO_LEVERAGE;
    return by_side ? side == MAM_SIDE_BUY : loss;
}

static enum mam_reason moves_of(struct mam_engine *engine, uint32_t instrument, uint8_t currency,
                                struct mam_moves *moves) {
    const struct mam_instrument_state *of = &engine->instruments[instrument];
    struct mam_conversions conversions;
    enum mam_reason reason = MAM_REASON_NONE;
    *moves = (struct mam_moves){0};
    for (int i = 0; i < 4 && reason == MAM_REASON_NONE; i++) {
        bool loss = i & 1;
        uint8_t side = (uint8_t)(i >> 1);
        reason = mam_conversion_at_marks(engine, of->profit, currency, converts_high(of, side, loss),
                                         &conversions.of[side][loss]);
    }
    struct mam_scale scale = engine->books.instruments[instrument].scale;
    scale.volume_unit = scale.volume_unit > 0 ? scale.volume_unit : 1;
    scale.price_unit = scale.price_unit > 0 ? scale.price_unit : 1;
    return reason != MAM_REASON_NONE ? reason : mam_moves_of(&of->definition, &scale, &conversions, moves);
}

static bool still_good(const struct mam_engine *engine, const struct mam_kept_moves *kept) {
    const struct mam_books *books = &engine->books;
    bool good =
        kept->contract == books->instruments[kept->instrument].contract && kept->paths == books->paths;
    for (uint32_t i = 0; i < kept->pairs && good; i++) {
        good = kept->pair_version[i] == books->instruments[kept->pair[i]].version;
    }
    return good;
}

static const struct mam_kept_moves *kept_moves(struct mam_engine *engine, uint32_t instrument,
                                               uint8_t currency) {
    struct mam_books *books = &engine->books;
    struct mam_kept_moves *kept = &books->kept[(instrument * 11 + currency) % MAM_MOVES_KEPT];
    if (kept->instrument == instrument && kept->currency == currency && still_good(engine, kept)) {
        return kept;
    }
    kept->instrument = instrument;
    kept->currency = currency;
    kept->contract = books->instruments[instrument].contract;
    kept->paths = books->paths;
    kept->pairs =
        (uint8_t)mam_mark_path(engine, engine->instruments[instrument].profit, currency, kept->pair);
    for (uint32_t i = 0; i < kept->pairs; i++) {
        kept->pair_version[i] = books->instruments[kept->pair[i]].version;
    }
    kept->reason = moves_of(engine, instrument, currency, &kept->moves);
    return kept;
}

enum mam_reason mam_profit_of(struct mam_engine *engine, uint32_t instrument, uint8_t currency,
                              const struct mam_exposure *exposure, int64_t bid, int64_t ask,
                              int64_t *profit) {
    const struct mam_kept_moves *kept = kept_moves(engine, instrument, currency);
    *profit = 0;
    return kept->reason != MAM_REASON_NONE ? kept->reason
                                           : mam_exposure_profit(exposure, &kept->moves, bid, ask, profit);
}

void mam_account_due_for_sure(struct mam_engine *engine, uint32_t account) {
    struct mam_books *books = &engine->books;
    struct mam_account_book *book = &books->accounts[account];
    if (book->due) {
        return;
    }
    book->due = 1;
    book->next_due = MAM_NONE;
    *(books->last_due == MAM_NONE ? &books->first_due : &books->accounts[books->last_due].next_due) = account;
    books->last_due = account;
    want_clock(engine, engine->now + CONFLATION_NS);
}

bool mam_account_watched(const struct mam_engine *engine, uint32_t account) {
    const struct mam_account *definition = &engine->accounts[account].definition;
    return engine->books.accounts[account].watched || definition->margin_call != 0 ||
           definition->stop_out != 0 || (definition->trade_flags & MAM_TRADE_STOP_OUT_HEDGED) != 0;
}

static bool rates_to_tell(const struct mam_account_book *book) {
    return (book->unvalued > 0) != (book->unvalued_told != 0);
}

void mam_account_due(struct mam_engine *engine, uint32_t account) {
    if (mam_account_watched(engine, account) || rates_to_tell(&engine->books.accounts[account])) {
        mam_account_due_for_sure(engine, account);
    }
}

/* From now on the account takes nothing new, until there is a rate again; told at the next Clock. */
static void set_unvalued(struct mam_engine *engine, struct mam_stake *stake, uint16_t reason) {
    if ((stake->unvalued != MAM_REASON_NONE) != (reason != MAM_REASON_NONE)) {
        uint32_t more = reason != MAM_REASON_NONE ? 1 : UINT32_MAX;
        engine->books.accounts[stake->account].unvalued += more;
        engine->books.instruments[stake->instrument].unvalued += more;
        mam_account_due_for_sure(engine, stake->account);
    }
    stake->unvalued = reason;
}

/* The slot alone, as a sweep values it. */
static enum mam_reason value_slot(struct mam_engine *engine, const struct mam_stake *stake) {
    static const uint8_t first;
    struct mam_books *books = &engine->books;
    const struct mam_instrument_book *of = &books->instruments[stake->instrument];
    struct mam_page *page = &books->pages[stake->page];
    const struct mam_kept_moves *kept = kept_moves(engine, stake->instrument, page->currency[stake->at]);
    const struct mam_revaluation revaluation = {
        .count = 1,
        .regular = stake->at < page->regular,
        .scale = of->scale,
        .account = &page->account[stake->at],
        .currency = &first,
        .volume = {&page->volume[0][stake->at], &page->volume[1][stake->at]},
        .notional = {&page->notional[0][stake->at], &page->notional[1][stake->at]},
        .exposure = &page->exposure[stake->at],
        .moves = &kept->moves,
        .currencies = 1,
        .profit = &page->profit[stake->at],
        .floating = books->floating};
    if (kept->reason != MAM_REASON_NONE) {
        return kept->reason;
    }
    return mam_revalue(&revaluation, of->bid, of->ask) == 0 ? MAM_REASON_NONE : MAM_REASON_OVERFLOW;
}

bool mam_stake_valued(const struct mam_engine *engine, const struct mam_stake *stake) {
    return engine->books.instruments[stake->instrument].bid > 0 && stake->unvalued == MAM_REASON_NONE;
}

void mam_stake_in_figures(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    uint32_t *count = &books->instruments[stake->instrument].in_other;
    *count -= (stake->in_other & MAM_SYNC_FLOATING) != 0;
    stake->in_other = mam_stake_valued(engine, stake) ? 0 : MAM_SYNC_FLOATING;
    stake->other_profit = books->pages[stake->page].profit[stake->at];
    *count += stake->in_other != 0;
    stake->in_other |= stake->unrated > 0 ? MAM_SYNC_MARGIN : 0;
}

/* It can be told from now on: no longer a part of what only the server knew. */
static void told_apart(struct mam_engine *engine, struct mam_stake *stake) {
    struct mam_books *books = &engine->books;
    struct mam_account_book *book = &books->accounts[stake->account];
    if ((stake->in_other & MAM_SYNC_FLOATING) != 0 && mam_stake_valued(engine, stake)) {
        int64_t profit = books->pages[stake->page].profit[stake->at];
        stake->in_other &= (uint8_t)~MAM_SYNC_FLOATING;
        books->instruments[stake->instrument].in_other--;
        book->other_floating = mam_money((__int128)book->other_floating - profit + stake->other_profit);
        book->valued = 0;
        mam_account_due(engine, stake->account);
    }
}

/* Before its first quote a position is worth what was paid. */
void mam_stake_value(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    int64_t *counted = &books->pages[stake->page].profit[stake->at];
    int64_t before = *counted, most = MAM_BOOK_MONEY_MAX / engine->limits.instruments;
    enum mam_reason reason = MAM_REASON_NONE;
    if (books->instruments[stake->instrument].bid > 0) {
        reason = value_slot(engine, stake);
    } else {
        mam_floating_add(books, stake->account, -before);
        *counted = 0;
    }
    if (*counted > most || *counted < -most) {
        reason = MAM_REASON_OVERFLOW;
        mam_floating_add(books, stake->account, before - *counted);
        *counted = before; /* the last figure that there was */
    }
    set_unvalued(engine, stake, (uint16_t)reason);
    if (stale_after(engine, stake->instrument) > 0 && !books->instruments[stake->instrument].stale) {
        want_marks(engine,
                   books->instruments[stake->instrument].quoted + stale_after(engine, stake->instrument) + 1);
    }
    stake->valued = books->instruments[stake->instrument].version;
    told_apart(engine, stake);
}

/* --- Margin --- */

enum mam_reason mam_rate_between(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                 int64_t *rate) {
    struct mam_books *books = &engine->books;
    *rate = ONE;
    if (from == to) {
        return MAM_REASON_NONE;
    }
    uint32_t at = (from * 11u + to * 2u + high) % MAM_RATES_KEPT;
    if (books->kept_rate[at].version != books->version + 1 || books->kept_rate[at].from != from ||
        books->kept_rate[at].to != to || books->kept_rate[at].high != high) {
        struct mam_conversion conversion;
        enum mam_reason reason = mam_conversion_at_marks(engine, from, to, high, &conversion);
        books->kept_rate[at].version = books->version + 1;
        books->kept_rate[at].from = from;
        books->kept_rate[at].to = to;
        books->kept_rate[at].high = high;
        books->kept_rate[at].rate = ONE;
        books->kept_rate[at].reason =
            reason != MAM_REASON_NONE ? reason
                                      : mam_convert_money(ONE, &conversion, 1, &books->kept_rate[at].rate);
    }
    *rate = books->kept_rate[at].rate;
    return books->kept_rate[at].reason;
}

enum mam_reason mam_margin_rate_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                                   uint8_t side, int64_t *rate) {
    enum mam_reason reason = mam_rate_between(engine, engine->instruments[instrument].margin,
                                              engine->accounts[account].currency, side == MAM_SIDE_BUY, rate);
    *rate = reason == MAM_REASON_NONE ? *rate : 0;
    return reason;
}

/* --- An account --- */

/* Brings every stake to the newest marks; those that a conversion touches always. */
void mam_account_value(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    uint8_t currency = engine->accounts[account].currency;
    mam_account_margins(engine, account);
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        const struct mam_instrument_book *of = &books->instruments[stake->instrument];
        if ((stake->valued != of->version && books->pages[stake->page].valued != of->version) ||
            engine->instruments[stake->instrument].profit != currency) {
            mam_stake_value(engine, at);
        }
    }
}

void mam_account_changed(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    mam_account_make_up(engine, account);
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        mam_stake_make_up(engine, at); /* it has rows, so it stays */
    }
    engine->books.accounts[account].valued = 0;
    mam_account_due(engine, account);
}

void mam_account_refresh(struct mam_engine *engine, uint32_t account) {
    struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_account_book *book = &engine->books.accounts[account];
    if (!row->has_state || book->valued == engine->books.version + 1) {
        return; /* nothing has changed since the last time */
    }
    mam_account_value(engine, account);
    __int128 money = (__int128)row->balance + row->credit;
    __int128 floating = (__int128)engine->books.floating[account] + book->swap + book->other_floating;
    __int128 margin = (__int128)book->margin + book->other_margin;
    row->equity = mam_money(money + floating);
    row->margin = margin < 0 ? 0 : mam_money(margin);
    if (mam_free_margin(row->definition.free_margin_mode, mam_money(money), mam_money(floating), row->margin,
                        &row->free_margin) != MAM_REASON_NONE) {
        row->free_margin = 0;
    }
    book->valued = engine->books.version + 1;
    if (rates_to_tell(book)) {
        mam_account_due_for_sure(engine, account);
    }
}

static __int128 floating_now(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    __int128 sum = 0;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        const struct mam_instrument_book *of = &books->instruments[stake->instrument];
        int64_t profit = 0;
        if (of->bid > 0 &&
            mam_profit_of(engine, stake->instrument, engine->accounts[account].currency,
                          mam_slot_exposure(books, stake), of->bid, of->ask, &profit) != MAM_REASON_NONE) {
            profit = books->pages[stake->page].profit[stake->at];
        }
        sum += profit;
    }
    return sum;
}

int32_t mam_engine_figures(struct mam_engine *engine, uint64_t login, struct mam_figures *figures) {
    uint32_t account = mam_table_get(&engine->account_by_login, login);
    if (account == MAM_TABLE_NONE) {
        return 0;
    }
    const struct mam_account_state_row *row = &engine->accounts[account];
    const struct mam_account_book *book = &engine->books.accounts[account];
    mam_account_margins(engine, account);
    __int128 rest = (__int128)book->swap + book->other_floating;
    __int128 margin = (__int128)book->margin + book->other_margin;
    *figures = (struct mam_figures){.balance = row->balance,
                                    .credit = row->credit,
                                    .floating = mam_money(floating_now(engine, account) + rest),
                                    .swept = mam_money(engine->books.floating[account] + rest),
                                    .margin = margin < 0 ? 0 : mam_money(margin),
                                    .positions = book->rows,
                                    .out_of_sync = row->out_of_sync,
                                    .alarm = book->alarm};
    figures->equity = mam_money((__int128)row->balance + row->credit + figures->floating);
    figures->level = mam_margin_level(figures->equity, figures->margin);
    mam_free_margin(row->definition.free_margin_mode, mam_money((__int128)row->balance + row->credit),
                    figures->floating, figures->margin, &figures->free_margin);
    return 1;
}

int64_t mam_account_exposure(struct mam_engine *engine, uint32_t account, uint32_t without, uint8_t side) {
    const struct mam_books *books = &engine->books;
    __int128 sum = 0;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        struct mam_exposure exposure = *mam_slot_exposure(books, stake);
        const struct mam_instrument_book *of = &books->instruments[stake->instrument];
        if (stake->instrument == without) {
            exposure.side[side].volume = 0;
        }
        struct mam_per_lot per_lot;
        struct mam_conversion conversion;
        int64_t money[2] = {0, 0}, price = of->bid > 0 ? of->ask : 0;
        if (price == 0 ||
            mam_exposure_per_lot(&engine->instruments[stake->instrument].definition, price, &per_lot) !=
                MAM_REASON_NONE ||
            mam_conversion_at_marks(engine, engine->instruments[stake->instrument].profit,
                                    engine->accounts[account].currency, true,
                                    &conversion) != MAM_REASON_NONE ||
            mam_per_lot_convert(&per_lot, &conversion) != MAM_REASON_NONE ||
            mam_per_lot_money(&per_lot, exposure.side[0].volume, 1, &money[0]) != MAM_REASON_NONE ||
            mam_per_lot_money(&per_lot, exposure.side[1].volume, 1, &money[1]) != MAM_REASON_NONE) {
            return MAM_BOOK_MONEY_MAX; /* what cannot be told is as much as can be */
        }
        sum += (__int128)money[0] + money[1];
    }
    return mam_money(sum);
}

/* --- All of them, a batch a Clock --- */

/* Does a rate between these two go over that pair? As mam_conversion_of chooses: directly, else over USD. */
static bool uses(const struct mam_instrument_state *pair, uint8_t from, uint8_t to, uint8_t usd) {
    uint8_t a = pair->base, b = pair->profit;
    bool direct = (a == from && b == to) || (a == to && b == from);
    bool first = (a == from && b == usd) || (a == usd && b == from);
    bool second = (a == usd && b == to) || (a == to && b == usd);
    return from != to && (direct || (from != usd && to != usd && (first || second)));
}

/* A pair's mark has moved: so has every figure that is converted over it. */
static uint32_t propagate(struct mam_engine *engine, uint32_t pair) {
    struct mam_books *books = &engine->books;
    static const char dollar[8] = "USD";
    uint8_t usd = mam_currency(engine, dollar);
    for (uint32_t i = 0; i < engine->instrument_count; i++) {
        const struct mam_instrument_book *of = &books->instruments[i];
        bool touched = of->unrated > 0;
        uint64_t currencies = of->currencies | of->tier_currencies;
        for (uint64_t left = of->stake_count > 0 ? currencies : 0; left != 0 && !touched; left &= left - 1) {
            touched = uses(&engine->instruments[pair], engine->instruments[i].profit,
                           (uint8_t)__builtin_ctzll(left), usd);
        }
        if (touched) {
            enqueue(books, engine->limits.instruments, i);
        }
    }
    return engine->instrument_count / 16;
}

void mam_pair_changing(struct mam_engine *engine, uint32_t instrument) {
    if (engine->books.instruments[instrument].bid > 0 &&
        engine->instruments[instrument].definition.calc_mode == MAM_CALC_MODE_FOREX) {
        propagate(engine, instrument);
        want_clock(engine, engine->now);
    }
}

static void begin_instrument(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    books->sweep_instrument = instrument;
    books->sweep_page = books->instruments[instrument].first_page;
    books->sweep_version = books->instruments[instrument].version;
    for (uint32_t i = 0; i < engine->currency_count; i++) {
        books->moves[i].usable = 0; /* who comes while this one is at work is valued exactly */
    }
    for (uint64_t left = books->instruments[instrument].currencies; left != 0; left &= left - 1) {
        uint8_t currency = (uint8_t)__builtin_ctzll(left);
        books->moves[currency] = kept_moves(engine, instrument, currency)->moves;
    }
}

/* Equity at or beyond a level that somebody waits for; or the level moves, with the margin. */
static void look(struct mam_engine *engine, const struct mam_page *page) {
    const struct mam_books *books = &engine->books;
    bool margin_moves = books->instruments[page->instrument].tiers_convert != 0;
    for (uint32_t at = 0; at < page->count; at++) {
        uint32_t account = page->account[at];
        int64_t floating = books->floating[account];
        bool reached = floating <= books->levels[account].low || floating >= books->levels[account].high;
        if (reached || margin_moves) {
            mam_account_due(engine, account);
        }
    }
}

/* The contract has changed since the page's margins were worked out. */
static void margins(struct mam_engine *engine, struct mam_page *page, uint64_t contract) {
    for (uint32_t at = 0; at < page->count; at++) {
        if (engine->books.stakes[page->stake[at]].contract != contract) {
            mam_stake_margin(engine, page->stake[at]);
            mam_account_due(engine, page->account[at]);
        }
    }
    page->contract = contract;
}

/* Of those who held it before there was a quote, or a rate. */
static void first_figures(struct mam_engine *engine, const struct mam_page *page) {
    for (uint32_t at = 0; at < page->count; at++) {
        struct mam_stake *stake = &engine->books.stakes[page->stake[at]];
        told_apart(engine, stake);
        if (stake->unrated > 0) {
            mam_stake_margin(engine, page->stake[at]);
            mam_account_due(engine, page->account[at]);
        }
    }
}

static uint32_t sweep_page(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    struct mam_instrument_book *of = &books->instruments[books->sweep_instrument];
    struct mam_page *page = &books->pages[books->sweep_page];
    const struct mam_revaluation revaluation = {.count = page->count,
                                                .regular = page->regular,
                                                .scale = of->scale,
                                                .account = page->account,
                                                .currency = page->currency,
                                                .volume = {page->volume[0], page->volume[1]},
                                                .notional = {page->notional[0], page->notional[1]},
                                                .exposure = page->exposure,
                                                .moves = books->moves,
                                                .currencies = engine->currency_count,
                                                .profit = page->profit,
                                                .floating = books->floating};
    bool exact = of->bid > 0 && mam_revalue(&revaluation, of->bid, of->ask) == 0;
    for (uint32_t at = 0; (!exact || of->unvalued > 0) && at < page->count; at++) {
        if (!exact || books->stakes[page->stake[at]].unvalued != MAM_REASON_NONE) {
            mam_stake_value(engine, page->stake[at]); /* says why, once */
        }
    }
    page->valued = books->sweep_version;
    if (page->contract != of->contract) {
        margins(engine, page, of->contract);
    }
    if (of->in_other > 0 || of->unrated > 0) {
        first_figures(engine, page);
    }
    engine->counts.revaluations += page->count;
    look(engine, page);
    books->sweep_page = page->next;
    return page->count;
}

/* The next instrument that is due; rates come first, so that each is valued once at all that has moved.
 * Returns how much work that was, in slots; 0: nothing is due. */
static uint32_t next_instrument(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    uint32_t limit = engine->limits.instruments;
    if (books->moved_count > 0) {
        uint32_t pair = books->moved[books->moved_first];
        books->moved_first = (books->moved_first + 1) % limit;
        books->moved_count--;
        books->instruments[pair].moved = 0;
        return 1 + propagate(engine, pair);
    }
    if (books->queue_count > 0) {
        uint32_t instrument = books->queue[books->queue_first];
        books->queue_first = (books->queue_first + 1) % limit;
        books->queue_count--;
        books->instruments[instrument].queued = 0;
        begin_instrument(engine, instrument);
        return 64;
    }
    books->sweep_instrument = MAM_NONE;
    return 0;
}

static bool sweep(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    for (uint32_t slots = 0; slots < SWEEP_SLOTS;) {
        bool pages = books->sweep_instrument != MAM_NONE && books->sweep_page != MAM_NONE;
        uint32_t done = pages ? sweep_page(engine) : next_instrument(engine);
        if (done == 0) {
            return false;
        }
        slots += done;
    }
    return true;
}

void mam_books_on_clock(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    if (engine->now < books->clock) {
        return;
    }
    books->clock = INT64_MAX;
    bool more = sweep(engine);
    more = mam_watch_on_clock(engine) || more;
    books->clock = more ? engine->now : INT64_MAX; /* whom the batch made due has been looked at */
    if (books->closing_members > 0) {
        want_clock(engine, books->next_close);
    }
    want_clock(engine, books->next_reset);
    want_clock(engine, books->next_marks);
    mam_agree_on_clock(engine);
}
