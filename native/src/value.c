/*
 * What accounts are worth now. Marks, rates, profit, margin; an account exactly when it is needed, all of
 * them in bounded batches on Clock.
 *
 * Conflation: a quote makes its instrument due and asks for a Clock a millisecond later. However many quotes
 * came until then, the instrument is valued once, at the newest mark. A Clock works through at most
 * MAM_SWEEP_SLOTS slots and asks for another, so that an order never waits for more than one batch; and an
 * order values its own members itself.
 */
#include "books.h"
#include "state.h"

#include <string.h>

#define ONE INT64_C(100000000)
#define CONFLATION_NS 1000000
#define SWEEP_SLOTS 4096

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

void mam_mark_moved(struct mam_engine *engine, uint32_t instrument) {
    struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_quote_state *own =
        mam_quote_at(engine, instrument, engine->instruments[instrument].bridge);
    int64_t bid = own->bid, ask = own->ask;
    if (bid == 0 && !mam_best_quote(engine, instrument, &bid, &ask)) {
        return;
    }
    if (bid == of->bid && ask == of->ask) {
        return;
    }
    of->bid = bid;
    of->ask = ask;
    of->version++;
    engine->books.version++;
    of->moved = engine->instruments[instrument].definition.calc_mode == MAM_CALC_MODE_FOREX;
    if (of->stake_count > 0 || (of->moved && engine->counts.positions > 0)) {
        enqueue(&engine->books, engine->limits.instruments, instrument);
        want_clock(engine, engine->now + CONFLATION_NS);
    }
}

/* Its contract is another one: every figure of those who hold it is worked out again. */
void mam_instrument_changed(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    books->version++;
    books->instruments[instrument].version++;
    if (books->sweep_instrument == instrument) {
        books->sweep_page = MAM_NONE; /* all of it is valued here */
    }
    for (uint32_t page = books->instruments[instrument].first_page; page != MAM_NONE;
         page = books->pages[page].next) {
        for (uint32_t at = 0; at < books->pages[page].count; at++) {
            struct mam_stake *stake = &books->stakes[books->pages[page].stake[at]];
            int64_t margin = 0;
            if (mam_margin_of(engine, stake->account, instrument, &books->pages[page].exposure[at],
                              &margin) == MAM_REASON_NONE &&
                margin <= MAM_BOOK_MONEY_MAX) {
                books->accounts[stake->account].margin += margin - stake->margin;
                stake->margin = margin;
            }
            mam_stake_value(engine, books->pages[page].stake[at]);
            mam_account_due(engine, stake->account);
        }
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

/* Kept while no mark moves: a block books its children in one instrument and few currencies. */
static const struct mam_moves *kept_moves(struct mam_engine *engine, uint32_t instrument, uint8_t currency,
                                          enum mam_reason *reason) {
    struct mam_books *books = &engine->books;
    uint32_t at = (instrument * 7 + currency) % MAM_MOVES_KEPT;
    if (books->kept[at].version != books->version + 1 || books->kept[at].instrument != instrument ||
        books->kept[at].currency != currency) {
        books->kept[at].version = books->version + 1;
        books->kept[at].instrument = instrument;
        books->kept[at].currency = currency;
        books->kept[at].reason = moves_of(engine, instrument, currency, &books->kept[at].moves);
    }
    *reason = books->kept[at].reason;
    return &books->kept[at].moves;
}

enum mam_reason mam_profit_of(struct mam_engine *engine, uint32_t instrument, uint8_t currency,
                              const struct mam_exposure *exposure, int64_t bid, int64_t ask,
                              int64_t *profit) {
    enum mam_reason reason;
    const struct mam_moves *moves = kept_moves(engine, instrument, currency, &reason);
    *profit = 0;
    return reason != MAM_REASON_NONE ? reason : mam_exposure_profit(exposure, moves, bid, ask, profit);
}

static void due(struct mam_engine *engine, uint32_t account) {
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

void mam_account_due(struct mam_engine *engine, uint32_t account) {
    const struct mam_account *definition = &engine->accounts[account].definition;
    if (engine->books.accounts[account].watched || definition->margin_call != 0 ||
        definition->stop_out != 0 || (definition->trade_flags & MAM_TRADE_STOP_OUT_HEDGED) != 0) {
        due(engine, account);
    }
}

/* From now on the account takes nothing new, until there is a rate again; told at the next Clock. */
static void set_unvalued(struct mam_engine *engine, struct mam_stake *stake, uint16_t reason) {
    struct mam_account_book *book = &engine->books.accounts[stake->account];
    if ((stake->unvalued != MAM_REASON_NONE) != (reason != MAM_REASON_NONE)) {
        book->unvalued += reason != MAM_REASON_NONE ? 1 : UINT32_MAX;
        due(engine, stake->account);
    }
    stake->unvalued = reason;
}

/* Before its first quote a position is worth what was paid. */
void mam_stake_value(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    const struct mam_instrument_book *of = &books->instruments[stake->instrument];
    int64_t *counted = &books->pages[stake->page].profit[stake->at];
    int64_t profit = 0, most = MAM_BOOK_MONEY_MAX / engine->limits.instruments;
    enum mam_reason reason = MAM_REASON_NONE;
    if (of->bid > 0) {
        reason = mam_profit_of(engine, stake->instrument, engine->accounts[stake->account].currency,
                               mam_slot_exposure(books, stake), of->bid, of->ask, &profit);
    }
    if (reason != MAM_REASON_NONE || profit > most || profit < -most) {
        reason = reason != MAM_REASON_NONE ? reason : MAM_REASON_OVERFLOW;
        profit = *counted; /* the last figure that there was */
    }
    set_unvalued(engine, stake, (uint16_t)reason);
    mam_floating_add(books, stake->account, profit - *counted);
    *counted = profit;
    stake->valued = of->version;
}

/* --- Margin --- */

enum mam_reason mam_margin_rate_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                                   uint8_t side, int64_t *rate) {
    struct mam_conversion conversion;
    bool buy = side == MAM_SIDE_BUY;
    *rate = ONE;
    enum mam_reason reason = mam_conversion_at_marks(engine, engine->instruments[instrument].margin,
                                                     engine->accounts[account].currency, buy, &conversion);
    return reason != MAM_REASON_NONE ? reason : mam_convert_money(ONE, &conversion, 1, rate);
}

/* What an exposure puts into tiers. */
static enum mam_reason tier_amount(const struct mam_instrument_book *of,
                                   const struct mam_instrument *definition,
                                   const struct mam_exposure *exposure, uint8_t margin_mode,
                                   int64_t *amount) {
    enum mam_reason reason = mam_tier_volume(definition, exposure, margin_mode, amount);
    if (reason != MAM_REASON_NONE || of->tier_range == MAM_TIER_RANGE_VOLUME_PER_SYMBOL) {
        return reason;
    }
    const struct mam_side_total *buy = &exposure->side[MAM_SIDE_BUY], *sell = &exposure->side[MAM_SIDE_SELL];
    const struct mam_side_total *larger = buy->volume >= sell->volume ? buy : sell;
    int64_t volume = *amount < larger->volume ? *amount : larger->volume;
    return mam_tier_value(definition, larger, volume, ONE, amount);
}

enum mam_reason mam_margin_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                              const struct mam_exposure *exposure, int64_t *margin) {
    const struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_instrument *definition = &engine->instruments[instrument].definition;
    const struct mam_account_state_row *row = &engine->accounts[account];
    enum mam_reason reason = mam_exposure_margin(definition, exposure, row->margin_mode,
                                                 MAM_STAGE_MAINTENANCE, row->leverage, margin);
    if (reason != MAM_REASON_NONE || of->tier_count == 0) {
        return reason;
    }
    int64_t amount;
    reason = tier_amount(of, definition, exposure, row->margin_mode, &amount);
    return reason != MAM_REASON_NONE ? reason
                                     : mam_tiers_margin(of->tiers, of->tier_count, MAM_STAGE_MAINTENANCE, 0,
                                                        amount, *margin, margin);
}

/* Margin of positions and order together, the order in the tiers over the positions. */
static enum mam_reason tiered_with(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                                   const struct mam_exposure *exposure, const struct mam_addition *addition,
                                   int64_t *margin) {
    const struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_instrument *definition = &engine->instruments[instrument].definition;
    const struct mam_account_state_row *row = &engine->accounts[account];
    struct mam_exposure with = *exposure;
    int64_t plain, together, before, after, held, order;
    enum mam_reason reasons[] = {
        mam_exposure_margin(definition, exposure, row->margin_mode, MAM_STAGE_MAINTENANCE, row->leverage,
                            &plain),
        mam_exposure_margin_with(definition, exposure, row->margin_mode, row->leverage, addition, &together),
        mam_margin_of(engine, account, instrument, exposure, &held),
        tier_amount(of, definition, exposure, row->margin_mode, &before),
        mam_exposure_add(&with, addition->side, addition->volume, addition->price, addition->rate),
        tier_amount(of, definition, &with, row->margin_mode, &after)};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i] != MAM_REASON_NONE) {
            return reasons[i];
        }
    }
    int64_t more = together > plain ? together - plain : 0;
    enum mam_reason reason =
        mam_tiers_margin(of->tiers, of->tier_count, MAM_STAGE_INITIAL, before,
                         after > before ? after - before : 0, after > before ? more : 0, &order);
    *margin = reason == MAM_REASON_NONE ? mam_money((__int128)held + order) : 0;
    return reason;
}

/* By halves: the tiers' rates may differ from one to the next, so there is no good guess. */
static int64_t tiered_volume(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                             const struct mam_exposure *exposure, struct mam_addition *addition,
                             int64_t allowed) {
    int64_t low = 0, high = MAM_VOLUME_MAX / 4;
    for (int64_t at = low; high - low > 1;) {
        int64_t margin;
        at = addition->volume = low + (high - low) / 2;
        bool holds =
            tiered_with(engine, account, instrument, exposure, addition, &margin) == MAM_REASON_NONE &&
            margin <= allowed;
        *(holds ? &low : &high) = at;
    }
    return low;
}

int64_t mam_buffer_volume(struct mam_engine *engine, uint32_t account, uint32_t instrument, uint8_t side,
                          int64_t price, int64_t buffer, enum mam_reason *reason) {
    const struct mam_books *books = &engine->books;
    const struct mam_account_state_row *row = &engine->accounts[account];
    uint32_t at = mam_stake_find(engine, account, instrument);
    struct mam_exposure exposure = {0};
    struct mam_addition addition = {.side = side, .price = price};
    int64_t own = at == MAM_TABLE_NONE ? 0 : books->stakes[at].margin;
    int64_t other = row->margin > own ? row->margin - own : 0;
    if (at != MAM_TABLE_NONE) {
        exposure = *mam_slot_exposure(books, &books->stakes[at]);
    }
    *reason = price <= 0 ? MAM_REASON_NO_QUOTE
                         : mam_margin_rate_of(engine, account, instrument, side, &addition.rate);
    if (*reason != MAM_REASON_NONE || row->equity < 0) {
        return 0;
    }
    if (books->instruments[instrument].tier_count > 0) {
        __int128 allowed = (__int128)row->equity * ONE / buffer - other;
        return allowed < own
                   ? 0
                   : tiered_volume(engine, account, instrument, &exposure, &addition, mam_money(allowed));
    }
    return mam_exposure_volume(&engine->instruments[instrument].definition, &exposure, row->margin_mode,
                               row->leverage, &addition, row->equity, other, buffer);
}

uint16_t mam_on_leverage_tier(struct mam_engine *engine, const struct mam_leverage_tier *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    *field = 2;
    if (at == MAM_TABLE_NONE) {
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    struct mam_instrument_book *of = &engine->books.instruments[at];
    *field = 4;
    if (m->tier_range != MAM_TIER_RANGE_VOLUME_PER_SYMBOL &&
        m->tier_range != MAM_TIER_RANGE_VALUE_PER_SYMBOL) {
        return MAM_REASON_NOT_SUPPORTED;
    }
    *field = 3;
    if (m->tier >= MAM_TIERS_MAX ||
        (m->tier > 0 && (m->tier != of->tier_count || m->tier_range != of->tier_range))) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 5;
    if (m->from_amount > INT64_MAX || m->to_amount > INT64_MAX) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_tier tiers[MAM_TIERS_MAX];
    memcpy(tiers, of->tiers, sizeof tiers);
    tiers[m->tier] = (struct mam_tier){.from = (int64_t)m->from_amount,
                                       .to = (int64_t)m->to_amount,
                                       .initial_rate = m->initial_rate,
                                       .maintenance_rate = m->maintenance_rate};
    uint32_t count = m->tier == 0 && m->to_amount <= m->from_amount ? 0 : m->tier + 1u;
    if (mam_tiers_check(tiers, count) != MAM_REASON_NONE) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    memcpy(of->tiers, tiers, sizeof tiers);
    of->tier_count = count;
    of->tier_range = m->tier_range;
    mam_instrument_changed(engine, at);
    *field = 0;
    return MAM_REASON_NONE;
}

/* --- An account --- */

/* Brings every stake to the newest marks; those that a conversion touches always. */
void mam_account_value(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    uint8_t currency = engine->accounts[account].currency;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        if (stake->valued != books->instruments[stake->instrument].version ||
            engine->instruments[stake->instrument].profit != currency) {
            mam_stake_value(engine, at);
        }
    }
}

void mam_account_changed(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        mam_stake_make_up(engine, at); /* it has rows, so it stays */
    }
    mam_account_due(engine, account);
}

void mam_account_refresh(struct mam_engine *engine, uint32_t account) {
    struct mam_account_state_row *row = &engine->accounts[account];
    const struct mam_account_book *book = &engine->books.accounts[account];
    if (!row->has_state) {
        return;
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
        bool touched = false;
        for (uint64_t left = of->stake_count > 0 ? of->currencies : 0; left != 0 && !touched;
             left &= left - 1) {
            touched = uses(&engine->instruments[pair], engine->instruments[i].profit,
                           (uint8_t)__builtin_ctzll(left), usd);
        }
        if (touched) {
            enqueue(books, engine->limits.instruments, i);
        }
    }
    return engine->instrument_count / 16;
}

static void begin_instrument(struct mam_engine *engine, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    books->sweep_instrument = instrument;
    books->sweep_page = books->instruments[instrument].first_page;
    for (uint32_t i = 0; i < engine->currency_count; i++) {
        books->moves[i].usable = 0; /* who comes while this one is at work is valued exactly */
    }
    for (uint64_t left = books->instruments[instrument].currencies; left != 0; left &= left - 1) {
        uint8_t currency = (uint8_t)__builtin_ctzll(left);
        moves_of(engine, instrument, currency, &books->moves[currency]);
    }
}

/* Equity at or beyond a level that somebody waits for. */
static void look(struct mam_engine *engine, const struct mam_page *page) {
    struct mam_books *books = &engine->books;
    for (uint32_t at = 0; at < page->count; at++) {
        uint32_t account = page->account[at];
        if (books->floating[account] <= books->low[account] ||
            books->floating[account] >= books->high[account]) {
            mam_account_due(engine, account);
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
    for (uint32_t at = 0; at < page->count; at++) {
        struct mam_stake *stake = &books->stakes[page->stake[at]];
        stake->valued = of->version;
        if (!exact || stake->unvalued != MAM_REASON_NONE) {
            mam_stake_value(engine, page->stake[at]); /* says why, once */
        }
    }
    engine->counts.revaluations += page->count;
    look(engine, page);
    books->sweep_page = page->next;
    return page->count;
}

static bool sweep(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    for (uint32_t slots = 0; slots < SWEEP_SLOTS;) {
        if (books->sweep_instrument != MAM_NONE && books->sweep_page != MAM_NONE) {
            slots += sweep_page(engine);
        } else if (books->queue_count > 0) {
            uint32_t instrument = books->queue[books->queue_first];
            books->queue_first = (books->queue_first + 1) % engine->limits.instruments;
            books->queue_count--;
            books->instruments[instrument].queued = 0;
            if (books->instruments[instrument].moved) {
                books->instruments[instrument].moved = 0;
                slots += propagate(engine, instrument);
            }
            begin_instrument(engine, instrument);
            slots += 8;
        } else {
            books->sweep_instrument = MAM_NONE;
            return false;
        }
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
}
