/* Rows, stakes and pages: who holds what, kept so that one pass revalues all holders of an instrument. */
#include "books.h"
#include "state.h"

#define FINE_CONTRACT (1000 * INT64_C(100000000))

static uint64_t row_key(uint32_t account, uint64_t ticket) {
    return ticket * UINT64_C(0x9e3779b97f4a7c15) ^ account;
}

static uint64_t stake_key(uint32_t account, uint32_t instrument) {
    return (uint64_t)account << 32 | instrument;
}

uint64_t mam_books_pages(const struct mam_capacities *limits) {
    return (uint64_t)limits->positions / MAM_PAGE_SLOTS + limits->instruments + 1;
}

void mam_books_init(struct mam_engine *engine) {
    struct mam_books *books = &engine->books;
    const struct mam_capacities *limits = &engine->limits;
    for (uint32_t i = 0; i < limits->positions; i++) {
        uint32_t next = i + 1 < limits->positions ? i + 1 : MAM_NONE;
        books->rows[i] = (struct mam_row){.next = next, .stake = MAM_NONE};
        books->stakes[i].next = next;
    }
    uint32_t pages = (uint32_t)mam_books_pages(limits);
    for (uint32_t i = 0; i < pages; i++) {
        books->pages[i].next = i + 1 < pages ? i + 1 : MAM_NONE;
    }
    for (uint32_t i = 0; i < limits->instruments; i++) {
        books->instruments[i].first_page = MAM_NONE;
    }
    for (uint32_t i = 0; i < limits->accounts; i++) {
        books->accounts[i].first_stake = books->accounts[i].first_member = books->accounts[i].next_due =
            MAM_NONE;
        books->levels[i] = (struct mam_levels){.low = INT64_MIN, .high = INT64_MAX};
    }
    books->sweep_instrument = books->sweep_page = books->first_due = books->last_due = MAM_NONE;
    books->first_closing = books->last_closing = books->closing_at = MAM_NONE;
    books->clock = books->next_reset = books->next_marks = INT64_MAX;
}

/* --- Slots --- */

static void swap_slots(struct mam_books *books, struct mam_page *page, uint32_t a, uint32_t b) {
#define SWAP(array)                                                                                          \
    do {                                                                                                     \
        __typeof__(page->array[0]) kept = page->array[a];                                                    \
        page->array[a] = page->array[b];                                                                     \
        page->array[b] = kept;                                                                               \
    } while (0)
    SWAP(account);
    SWAP(stake);
    SWAP(currency);
    SWAP(volume[0]);
    SWAP(volume[1]);
    SWAP(notional[0]);
    SWAP(notional[1]);
    SWAP(profit);
    SWAP(exposure);
#undef SWAP
    books->stakes[page->stake[a]].at = a;
    books->stakes[page->stake[b]].at = b;
}

static void copy_slot(struct mam_page *to, uint32_t at, const struct mam_page *from, uint32_t of) {
    to->account[at] = from->account[of];
    to->stake[at] = from->stake[of];
    to->currency[at] = from->currency[of];
    for (int side = 0; side < 2; side++) {
        to->volume[side][at] = from->volume[side][of];
        to->notional[side][at] = from->notional[side][of];
    }
    to->profit[at] = from->profit[of];
    to->exposure[at] = from->exposure[of];
}

/* Regular slots are a page's first. */
static void set_regular(struct mam_books *books, struct mam_stake *stake, bool regular) {
    struct mam_page *page = &books->pages[stake->page];
    bool is = stake->at < page->regular;
    if (regular && !is) {
        swap_slots(books, page, stake->at, page->regular++);
    } else if (!regular && is) {
        swap_slots(books, page, stake->at, --page->regular);
    }
}

static uint32_t page_open(struct mam_books *books, uint32_t instrument) {
    uint32_t at = books->free_page;
    MAM_ASSERT(at != MAM_NONE); /* all but an instrument's first page are full */
    struct mam_page *page = &books->pages[at];
    books->free_page = page->next;
    page->next = books->instruments[instrument].first_page;
    page->previous = MAM_NONE;
    page->instrument = instrument;
    page->count = page->regular = 0;
    page->valued = page->contract = 0;
    if (page->next != MAM_NONE) {
        books->pages[page->next].previous = at;
    }
    books->instruments[instrument].first_page = at;
    return at;
}

/* Only an instrument's first page is ever empty. */
static void page_close(struct mam_books *books, uint32_t at) {
    struct mam_page *page = &books->pages[at];
    MAM_ASSERT(page->count == 0 && page->previous == MAM_NONE);
    books->instruments[page->instrument].first_page = page->next;
    if (page->next != MAM_NONE) {
        books->pages[page->next].previous = MAM_NONE;
    }
    if (books->sweep_page == at) {
        books->sweep_page = page->next;
    }
    page->next = books->free_page;
    books->free_page = at;
}

static void slot_open(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    uint32_t page = books->instruments[stake->instrument].first_page;
    if (page == MAM_NONE || books->pages[page].count == MAM_PAGE_SLOTS) {
        page = page_open(books, stake->instrument);
    }
    struct mam_page *to = &books->pages[page];
    stake->page = page;
    stake->at = to->count++;
    to->account[stake->at] = stake->account;
    to->stake[stake->at] = at;
    to->currency[stake->at] = engine->accounts[stake->account].currency;
    to->profit[stake->at] = 0;
    to->exposure[stake->at] = (struct mam_exposure){0};
}

/* The hole is filled from the first page, so that all others stay full. */
static void slot_close(struct mam_books *books, struct mam_stake *stake) {
    struct mam_page *page = &books->pages[stake->page];
    uint32_t hole_page = stake->page;
    mam_floating_add(books, stake->account, -page->profit[stake->at]);
    set_regular(books, stake, false);
    swap_slots(books, page, stake->at, page->count - 1);
    uint32_t hole = --page->count;
    uint32_t first = books->instruments[stake->instrument].first_page;
    if (first != hole_page) {
        struct mam_page *from = &books->pages[first];
        struct mam_stake *moved = &books->stakes[from->stake[from->count - 1]];
        bool regular = moved->at < from->regular;
        set_regular(books, moved, false);
        swap_slots(books, from, moved->at, from->count - 1);
        copy_slot(page, hole, from, --from->count);
        page->valued = from->valued < page->valued ? from->valued : page->valued;
        page->contract = from->contract < page->contract ? from->contract : page->contract;
        page->count++;
        moved->page = hole_page;
        moved->at = hole;
        set_regular(books, moved, regular);
    }
    if (books->pages[first].count == 0) {
        page_close(books, first);
    }
}

/* --- Stakes --- */

uint32_t mam_stake_find(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    return mam_table_get(&engine->books.stake_by_key, stake_key(account, instrument));
}

/* Averages of netting accounts are finer than the price's digits: only where a contract is so small that the
 * finest unit would not fit 64 bits are they left to the exact way. */
static void set_scale(struct mam_instrument_book *of, const struct mam_instrument *definition) {
    struct mam_scale scale = {.volume_unit = definition->volume_step, .price_unit = 1};
    for (uint8_t digit = definition->digits; digit < 8 && definition->contract_size < FINE_CONTRACT;
         digit++) {
        scale.price_unit *= 10;
    }
    bool same = of->scale.volume_unit == scale.volume_unit && of->scale.price_unit == scale.price_unit;
    of->contract += !same; /* moves that were kept count in other units */
    of->scale = scale;
}

static uint32_t stake_open(struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    uint32_t at = books->free_stake;
    MAM_ASSERT(at != MAM_NONE); /* as many as rows */
    bool put = mam_table_put(&books->stake_by_key, stake_key(account, instrument), at);
    MAM_ASSERT(put);
    struct mam_stake *stake = &books->stakes[at];
    struct mam_account_book *book = &books->accounts[account];
    struct mam_instrument_book *of = &books->instruments[instrument];
    books->free_stake = stake->next;
    *stake = (struct mam_stake){.account = account,
                                .instrument = instrument,
                                .next = book->first_stake,
                                .previous = MAM_NONE,
                                .first_row = MAM_NONE,
                                .last_row = MAM_NONE};
    if (stake->next != MAM_NONE) {
        books->stakes[stake->next].previous = at;
    }
    book->first_stake = at;
    if (of->stake_count++ == 0) {
        set_scale(of, &engine->instruments[instrument].definition);
    }
    of->currencies |= UINT64_C(1) << engine->accounts[account].currency;
    slot_open(engine, at);
    return at;
}

static void stake_close(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    struct mam_account_book *book = &books->accounts[stake->account];
    book->margin -= stake->margin;
    book->unvalued -= stake->untiered;
    books->instruments[stake->instrument].in_other -= (stake->in_other & MAM_SYNC_FLOATING) != 0;
    book->unvalued -= stake->unvalued != MAM_REASON_NONE;
    books->instruments[stake->instrument].unvalued -= stake->unvalued != MAM_REASON_NONE;
    slot_close(books, stake);
    *(stake->previous == MAM_NONE ? &book->first_stake : &books->stakes[stake->previous].next) = stake->next;
    if (stake->next != MAM_NONE) {
        books->stakes[stake->next].previous = stake->previous;
    }
    books->instruments[stake->instrument].stake_count--;
    mam_table_remove(&books->stake_by_key, stake_key(stake->account, stake->instrument));
    stake->next = books->free_stake;
    books->free_stake = at;
    if (stake->pool != 0) {
        mam_account_pools(engine, stake->account);
    }
}

/* --- Rows --- */

uint32_t mam_row_find(const struct mam_engine *engine, uint32_t account, uint64_t ticket) {
    uint32_t at = mam_table_get(&engine->books.row_by_key, row_key(account, ticket));
    if (at == MAM_TABLE_NONE) {
        return MAM_NONE;
    }
    const struct mam_row *row = &engine->books.rows[at];
    bool same = row->ticket == ticket && engine->books.stakes[row->stake].account == account;
    return same ? at : MAM_NONE; /* the key is a mix: a collision is a miss */
}

void mam_stake_prefetch(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    mam_table_prefetch(&engine->books.stake_by_key, stake_key(account, instrument));
}

void mam_row_prefetch(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    const struct mam_books *books = &engine->books;
    uint32_t of = mam_stake_find(engine, account, instrument);
    if (of != MAM_TABLE_NONE && books->stakes[of].last_row != MAM_NONE) {
        __builtin_prefetch(&books->rows[books->stakes[of].last_row].next, 1);
    }
}

uint32_t mam_row_open(struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    struct mam_books *books = &engine->books;
    uint32_t at = books->free_row;
    if (at == MAM_NONE) {
        return MAM_NONE;
    }
    uint32_t of = mam_stake_find(engine, account, instrument);
    of = of != MAM_TABLE_NONE ? of : stake_open(engine, account, instrument);
    struct mam_stake *stake = &books->stakes[of];
    struct mam_row *row = &books->rows[at];
    books->free_row = row->next;
    *row = (struct mam_row){.stake = of, .next = MAM_NONE, .previous = stake->last_row, .expected = -1};
    *(stake->last_row == MAM_NONE ? &stake->first_row : &books->rows[stake->last_row].next) = at;
    stake->last_row = at;
    stake->row_count++;
    books->accounts[account].rows++;
    engine->counts.positions++;
    return at;
}

void mam_row_enter(struct mam_engine *engine, uint32_t at) {
    const struct mam_row *row = &engine->books.rows[at];
    struct mam_stake *stake = &engine->books.stakes[row->stake];
    stake->pending_count += row->pending != MAM_AT_SERVER;
    stake->unrated += row->rate == 0;
    engine->books.instruments[stake->instrument].unrated += row->rate == 0;
    if (!stake->beyond &&
        mam_exposure_add(&stake->total, row->side, row->volume, row->price, row->rate) != MAM_REASON_NONE) {
        stake->beyond = 1;
    }
}

void mam_row_leave(struct mam_engine *engine, uint32_t at) {
    const struct mam_row *row = &engine->books.rows[at];
    struct mam_stake *stake = &engine->books.stakes[row->stake];
    stake->pending_count -= row->pending != MAM_AT_SERVER;
    stake->unrated -= row->rate == 0;
    engine->books.instruments[stake->instrument].unrated -= row->rate == 0;
    if (!stake->beyond) {
        enum mam_reason reason =
            mam_exposure_remove(&stake->total, row->side, row->volume, row->price, row->rate);
        MAM_ASSERT(reason == MAM_REASON_NONE); /* it went in so */
    }
}

void mam_row_confirm(struct mam_engine *engine, uint32_t at) {
    struct mam_row *row = &engine->books.rows[at];
    MAM_ASSERT(row->pending != MAM_AT_SERVER);
    engine->books.stakes[row->stake].pending_count--;
    row->pending = MAM_AT_SERVER;
}

void mam_row_close(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_row *row = &books->rows[at];
    struct mam_stake *stake = &books->stakes[row->stake];
    struct mam_account_book *book = &books->accounts[stake->account];
    if (row->ticket != 0) {
        mam_table_remove(&books->row_by_key, row_key(stake->account, row->ticket));
    }
    mam_row_leave(engine, at);
    *(row->previous == MAM_NONE ? &stake->first_row : &books->rows[row->previous].next) = row->next;
    *(row->next == MAM_NONE ? &stake->last_row : &books->rows[row->next].previous) = row->previous;
    stake->row_count--;
    book->rows--;
    book->swap -= row->swap;
    row->stake = MAM_NONE;
    row->next = books->free_row;
    books->free_row = at;
    engine->counts.positions--;
}

bool mam_row_name(struct mam_engine *engine, uint32_t at, uint64_t ticket) {
    struct mam_books *books = &engine->books;
    struct mam_row *row = &books->rows[at];
    uint32_t account = books->stakes[row->stake].account;
    if (ticket == 0 || row->ticket == ticket) {
        return true;
    }
    if (row->ticket != 0 || mam_table_get(&books->row_by_key, row_key(account, ticket)) != MAM_TABLE_NONE) {
        return false;
    }
    bool put = mam_table_put(&books->row_by_key, row_key(account, ticket), at);
    MAM_ASSERT(put); /* as many as rows */
    row->ticket = ticket;
    return true;
}

void mam_row_unname(struct mam_engine *engine, uint32_t at) {
    struct mam_row *row = &engine->books.rows[at];
    if (row->ticket != 0) {
        mam_table_remove(&engine->books.row_by_key,
                         row_key(engine->books.stakes[row->stake].account, row->ticket));
        row->ticket = 0;
    }
}

/* --- Added up --- */

/* floor or ceil of the volume-weighted mean; the volumes' sum is > 0 and fits. */
static int64_t mean(int64_t a, int64_t volume_a, int64_t b, int64_t volume_b, bool up) {
    unsigned __int128 sum = (unsigned __int128)(uint64_t)a * (uint64_t)volume_a +
                            (unsigned __int128)(uint64_t)b * (uint64_t)volume_b;
    uint64_t volume = (uint64_t)volume_a + (uint64_t)volume_b;
    return (int64_t)(uint64_t)((sum + (up ? volume - 1 : 0)) / volume);
}

static int64_t add_volume(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Both volumes >= 0; of the same side. */
void mam_row_average(struct mam_row *row, const struct mam_row *added) {
    if (row->volume > 0 || added->volume > 0) {
        bool up = added->side == MAM_SIDE_BUY;
        row->price = mean(row->price, row->volume, added->price, added->volume, up);
        bool unknown = (row->volume > 0 && row->rate == 0) || (added->volume > 0 && added->rate == 0);
        row->rate = unknown ? 0 : mean(row->rate, row->volume, added->rate, added->volume, true);
    }
    row->side = added->side;
    row->volume = add_volume(row->volume, added->volume);
}

/* Netting: a further deal adds (average price, against the account), reduces, closes or reverses. */
static void fold(struct mam_row *net, const struct mam_row *deal) {
    if (net->volume == 0 || net->side == deal->side) {
        mam_row_average(net, deal);
    } else if (deal->volume <= net->volume) {
        net->volume -= deal->volume;
    } else {
        int64_t rest = deal->volume - net->volume;
        net->side = deal->side;
        net->volume = rest;
        net->price = deal->price;
        net->rate = deal->rate;
    }
}

/* Row by row: netting accounts, where the order of the deals counts, and totals that do not fit. */
static void add_rows(const struct mam_engine *engine, const struct mam_stake *stake, bool pending,
                     bool hedging, struct mam_exposure *exposure) {
    const struct mam_books *books = &engine->books;
    struct mam_row net = {0};
    for (uint32_t at = stake->first_row; at != MAM_NONE; at = books->rows[at].next) {
        const struct mam_row *row = &books->rows[at];
        if (row->pending && !pending) {
            continue;
        }
        if (hedging) {
            enum mam_reason reason =
                mam_exposure_add(exposure, row->side, row->volume, row->price, row->rate);
            MAM_ASSERT(reason == MAM_REASON_NONE || reason == MAM_REASON_OVERFLOW);
        } else {
            fold(&net, row);
        }
    }
    if (!hedging && net.volume > 0) {
        enum mam_reason reason = mam_exposure_add(exposure, net.side, net.volume, net.price, net.rate);
        MAM_ASSERT(reason == MAM_REASON_NONE);
    }
}

/* Pending rows are the newest, mostly: from the end. */
static void take_pending(const struct mam_engine *engine, const struct mam_stake *stake,
                         struct mam_exposure *exposure) {
    uint32_t left = stake->pending_count;
    for (uint32_t at = stake->last_row; left > 0; at = engine->books.rows[at].previous) {
        MAM_ASSERT(at != MAM_NONE);
        const struct mam_row *row = &engine->books.rows[at];
        if (row->pending) {
            enum mam_reason reason =
                mam_exposure_remove(exposure, row->side, row->volume, row->price, row->rate);
            MAM_ASSERT(reason == MAM_REASON_NONE);
            left--;
        }
    }
}

void mam_stake_exposure(const struct mam_engine *engine, const struct mam_stake *stake, bool pending,
                        struct mam_exposure *exposure) {
    bool hedging = engine->accounts[stake->account].margin_mode == MAM_MARGIN_MODE_HEDGING;
    if (hedging && !stake->beyond) {
        *exposure = stake->total;
        if (!pending) {
            take_pending(engine, stake, exposure);
        }
    } else {
        *exposure = (struct mam_exposure){0};
        add_rows(engine, stake, pending, hedging, exposure);
    }
}

/* A margin rate that nobody knew is that of the first moment that has one. */
static void rate_rows(struct mam_engine *engine, uint32_t at) {
    struct mam_stake *stake = &engine->books.stakes[at];
    uint32_t before = stake->unrated;
    for (uint32_t i = stake->first_row; i != MAM_NONE && stake->unrated > 0; i = engine->books.rows[i].next) {
        struct mam_row *row = &engine->books.rows[i];
        int64_t rate;
        if (row->rate == 0 && mam_margin_rate_of(engine, stake->account, stake->instrument, row->side,
                                                 &rate) == MAM_REASON_NONE) {
            mam_row_leave(engine, i);
            row->rate = rate;
            mam_row_enter(engine, i);
        }
    }
    if (stake->unrated != before) {
        mam_stake_exposure(engine, stake, true, mam_slot_exposure(&engine->books, stake));
    }
}

/* Returns whether a pool is to be made up with it. */
static bool set_margin(struct mam_engine *engine, uint32_t at) {
    struct mam_stake *stake = &engine->books.stakes[at];
    struct mam_account_book *book = &engine->books.accounts[stake->account];
    struct mam_need need;
    bool pooled = stake->pool != 0;
    if (stake->unrated > 0) {
        rate_rows(engine, at);
    }
    if (mam_need_of(engine, stake->account, stake->instrument, mam_slot_exposure(&engine->books, stake),
                    &need) != MAM_REASON_NONE ||
        need.margin > MAM_BOOK_MONEY_MAX) {
        need = (struct mam_need){.margin = MAM_BOOK_MONEY_MAX, .converts = need.converts};
    }
    if (stake->unrated > 0) { /* until then: nothing new for the account */
        need.untiered = need.converts = 1;
    } else if (stake->in_other & MAM_SYNC_MARGIN) {
        stake->in_other &= (uint8_t)~MAM_SYNC_MARGIN;
        book->other_margin = mam_money((__int128)book->other_margin - (need.margin - stake->margin));
    }
    book->unvalued += need.untiered;
    book->unvalued -= stake->untiered;
    book->margin += need.margin - stake->margin;
    stake->margin = need.margin;
    stake->amount = need.amount;
    stake->pool = need.pool;
    stake->converts = need.converts;
    stake->untiered = need.untiered;
    stake->contract = engine->books.instruments[stake->instrument].contract;
    book->valued = 0;
    return pooled || need.pool != 0;
}

void mam_stake_margin(struct mam_engine *engine, uint32_t at) {
    if (set_margin(engine, at)) {
        mam_account_pools(engine, engine->books.stakes[at].account);
    }
}

void mam_account_margins(struct mam_engine *engine, uint32_t account) {
    const struct mam_books *books = &engine->books;
    bool pooled = false;
    mam_account_make_up(engine, account);
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        if (stake->converts || stake->contract != books->instruments[stake->instrument].contract) {
            pooled |= set_margin(engine, at);
        }
    }
    if (pooled) {
        mam_account_pools(engine, account);
    }
}

void mam_stake_make_up(struct mam_engine *engine, uint32_t at) {
    struct mam_books *books = &engine->books;
    struct mam_stake *stake = &books->stakes[at];
    uint32_t account = stake->account;
    books->accounts[account].valued = 0;
    if (stake->row_count == 0) {
        stake_close(engine, at);
        mam_account_due(engine, account);
        return;
    }
    stake->dirty = 0;
    struct mam_exposure exposure;
    mam_stake_exposure(engine, stake, true, &exposure);
    struct mam_page *page = &books->pages[stake->page];
    int64_t volume[2] = {0}, notional[2] = {0};
    page->exposure[stake->at] = exposure;
    bool regular = mam_scale_exposure(&books->instruments[stake->instrument].scale, &exposure, volume,
                                      notional) == MAM_REASON_NONE;
    for (int side = 0; side < 2; side++) {
        page->volume[side][stake->at] = volume[side];
        page->notional[side][stake->at] = notional[side];
    }
    set_regular(books, stake, regular);
    mam_stake_margin(engine, at);
    mam_stake_value(engine, at);
    mam_account_due(engine, account);
}

void mam_stake_touch(struct mam_engine *engine, uint32_t at) {
    struct mam_stake *stake = &engine->books.stakes[at];
    struct mam_account_book *book = &engine->books.accounts[stake->account];
    if (stake->row_count == 0) {
        mam_stake_make_up(engine, at); /* frees it: there are no more stakes than rows */
        return;
    }
    stake->dirty = book->dirty = 1;
    book->valued = 0;
    mam_account_due(engine, stake->account);
}

void mam_account_make_up(struct mam_engine *engine, uint32_t account) {
    struct mam_books *books = &engine->books;
    if (!books->accounts[account].dirty) {
        return;
    }
    books->accounts[account].dirty = 0;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE;) {
        uint32_t next = books->stakes[at].next;
        if (books->stakes[at].dirty) {
            mam_stake_make_up(engine, at);
        }
        at = next;
    }
}
