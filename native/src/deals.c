/*
 * What moves an account's rows: bookings of ours, and the server's PositionState.
 *
 * An opening counts from the moment it is asked for, a close when the server has answered: there is never
 * less risk in the figures than there may be. A PositionState that says what bookings at work explain changes
 * nothing: their reports will.
 */
#include "books.h"
#include "state.h"

static bool is_hedging(const struct mam_engine *engine, uint32_t account) {
    return engine->accounts[account].margin_mode == MAM_MARGIN_MODE_HEDGING;
}

/* --- Realised profit --- */

static void add_to_balance(struct mam_account_state_row *account, int64_t money) {
    const int64_t most = MAM_BOOK_MONEY_MAX / 2;
    if (money < most && money > -most && account->balance < most && account->balance > -most) {
        account->balance += money;
    }
}

/* A part of the swap goes with a part of the volume. */
static int64_t take_swap(struct mam_engine *engine, uint32_t at, int64_t volume) {
    struct mam_row *row = &engine->books.rows[at];
    int64_t swap = row->volume > 0 ? (int64_t)((__int128)row->swap * volume / row->volume) : row->swap;
    row->swap -= swap;
    engine->books.accounts[engine->books.stakes[row->stake].account].swap -= swap;
    return swap;
}

/* What closing `volume` of a row at `price` brings is balance from now on, and so is its swap; the server's
 * own figure follows. */
static void realise(struct mam_engine *engine, uint32_t at, int64_t volume, int64_t price) {
    const struct mam_row *row = &engine->books.rows[at];
    const struct mam_stake *stake = &engine->books.stakes[row->stake];
    struct mam_account_state_row *account = &engine->accounts[stake->account];
    struct mam_exposure part = {0};
    int64_t profit = 0;
    add_to_balance(account, take_swap(engine, at, volume));
    if (mam_exposure_add(&part, row->side, volume, row->price, 0) != MAM_REASON_NONE) {
        return;
    }
    enum mam_reason reason =
        mam_profit_of(engine, stake->instrument, account->currency, &part, price, price, &profit);
    engine->books.accounts[stake->account].deals++;
    engine->books.accounts[stake->account].valued = 0;
    if (reason == MAM_REASON_NONE) {
        add_to_balance(account, profit);
    }
}

static void add_volume(struct mam_engine *engine, uint32_t at, int64_t volume) {
    struct mam_row *row = &engine->books.rows[at];
    mam_row_leave(engine, at);
    row->volume += volume;
    mam_row_enter(engine, at);
}

/* Volume leaves a row at a price. The row stays while bookings of ours expect it to hold something. */
static void take_out(struct mam_engine *engine, uint32_t at, int64_t volume, int64_t price) {
    MAM_ASSERT(volume >= 0 && volume <= engine->books.rows[at].volume);
    if (volume > 0) {
        realise(engine, at, volume, price);
    }
    add_volume(engine, at, -volume);
}

static void close_if_over(struct mam_engine *engine, uint32_t at) {
    const struct mam_row *row = &engine->books.rows[at];
    if (row->volume == 0 && row->closing == 0 && row->expected <= 0 && !row->pending) {
        mam_row_close(engine, at);
    }
}

/* What the server has of what our bookings made; nothing, when a netting position has turned. */
static int64_t held_of(const struct mam_row *row) {
    return row->expected > 0 && row->side != row->expected_side ? 0 : row->volume + row->gone;
}

static bool is_short(const struct mam_row *row) {
    return row->expected >= 0 && !row->pending && held_of(row) < row->expected;
}

bool mam_row_mismatched(const struct mam_engine *engine, const struct mam_row *row) {
    bool hedging = is_hedging(engine, engine->books.stakes[row->stake].account);
    return is_short(row) || (hedging && row->expected >= 0 && !row->pending && held_of(row) > row->expected);
}

/* Our bookings add to a position that they, or the client, have made. */
static void expect_more(struct mam_row *row, uint8_t side, int64_t volume) {
    row->expected = (row->expected > 0 ? row->expected : 0) + volume;
    row->expected_side = side;
}

static void expect_less(struct mam_row *row, int64_t volume) {
    if (row->expected >= 0) {
        row->expected -= volume < row->expected ? volume : row->expected;
    }
}

static void count_mismatch(struct mam_engine *engine, uint32_t account, bool before, bool after) {
    struct mam_account_book *book = &engine->books.accounts[account];
    book->mismatched += after;
    book->mismatched -= before;
    if (before != after) {
        mam_account_sync(engine, account, book->mismatched > 0 ? MAM_SYNC_VOLUME : 0, MAM_SYNC_VOLUME,
                         book->mismatched, 0);
    }
}

/* --- Bookings of ours --- */

/* What a close may take of a row of ours: what the server and we agree is there, and nobody closes. */
static int64_t open_of(const struct mam_row *row) {
    int64_t held = held_of(row);
    int64_t least = held < row->expected ? held : row->expected;
    return least > row->closing ? least - row->closing : 0;
}

/* Of the tickets that the master's position opened for the account, the oldest that is open. */
static uint32_t oldest_open(const struct mam_engine *engine, const struct mam_block *block, uint32_t stake) {
    uint64_t master = engine->positions[block->position].ticket;
    uint32_t at = stake == MAM_TABLE_NONE ? MAM_NONE : engine->books.stakes[stake].first_row;
    for (; at != MAM_NONE; at = engine->books.rows[at].next) {
        const struct mam_row *row = &engine->books.rows[at];
        if (row->master == master && row->side != block->side && row->ticket != 0 && !row->pending &&
            open_of(row) > 0) {
            return at;
        }
    }
    return MAM_NONE;
}

/* A netting account's one row that the server has; MAM_NONE: it has no position. */
static uint32_t net_row(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    uint32_t stake = mam_stake_find(engine, account, instrument);
    uint32_t at = stake == MAM_TABLE_NONE ? MAM_NONE : engine->books.stakes[stake].first_row;
    while (at != MAM_NONE && engine->books.rows[at].pending) {
        at = engine->books.rows[at].next;
    }
    return at;
}

/* The row that a close of ours takes from; what is not open under its ticket is the child's rest. */
static uint32_t row_of_close(const struct mam_engine *engine, const struct mam_block *block,
                             struct mam_child *child) {
    if (!is_hedging(engine, child->account)) {
        uint32_t net = net_row(engine, child->account, block->instrument);
        return net != MAM_NONE && engine->books.rows[net].side != block->side ? net : MAM_NONE;
    }
    if (child->holding == MAM_NONE) {
        return MAM_NONE;
    }
    const struct mam_holding *holding = &engine->holdings[child->holding];
    uint32_t stake = mam_stake_find(engine, child->account, block->instrument);
    if (holding->several) {
        uint32_t at = oldest_open(engine, block, stake);
        if (at != MAM_NONE) {
            int64_t open = open_of(&engine->books.rows[at]);
            child->rest = child->assigned > open ? child->assigned - open : 0;
            return at;
        }
    }
    uint32_t at = holding->ticket == 0 ? MAM_NONE : mam_row_find(engine, child->account, holding->ticket);
    bool same =
        at != MAM_NONE && engine->books.rows[at].stake == stake && engine->books.rows[at].side != block->side;
    return same ? at : MAM_NONE;
}

/* Without room the booking goes out all the same; its account takes nothing new until the server's figures
 * hold it. */
static void no_room(struct mam_engine *engine, uint32_t account) {
    mam_account_sync(engine, account, MAM_SYNC_ROOM, MAM_SYNC_ROOM, 0, 0);
}

/* What margin currency costs in the account's. Without quotes the price of the deal itself may tell: of
 * EURUSD, for an account in USD. 0: nothing does. */
static int64_t rate_of_opening(struct mam_engine *engine, uint32_t account, const struct mam_block *block,
                               int64_t price) {
    const struct mam_instrument_state *of = &engine->instruments[block->instrument];
    int64_t rate = 0;
    mam_margin_rate_of(engine, account, block->instrument, block->side, &rate);
    bool tells = of->margin == of->base && of->profit == engine->accounts[account].currency;
    return rate == 0 && tells ? price : rate;
}

static uint32_t open_pending(struct mam_engine *engine, const struct mam_block *block,
                             const struct mam_child *child, int64_t volume, int64_t price, uint8_t pending) {
    uint32_t at = mam_row_open(engine, child->account, block->instrument);
    if (at == MAM_NONE) {
        no_room(engine, child->account);
        return MAM_NONE;
    }
    struct mam_row *row = &engine->books.rows[at];
    row->master = engine->positions[block->position].ticket;
    row->volume = volume;
    row->price = price;
    row->rate = rate_of_opening(engine, child->account, block, price);
    row->side = block->side;
    row->pending = pending;
    mam_row_enter(engine, at);
    return at;
}

/* A child's row, if it is one that LPs are still executing; else MAM_NONE. */
static uint32_t planned_row(const struct mam_engine *engine, const struct mam_child *child) {
    bool planned = child->row != 0 && engine->books.rows[child->row - 1].pending == MAM_PLANNED;
    return planned ? child->row - 1 : MAM_NONE;
}

void mam_book_planned(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->child_count; i++) {
        struct mam_child *child = mam_child_at(engine, block, i);
        const struct mam_member *terms = &engine->members[child->member].terms;
        bool limited =
            mam_contract_of(engine, child->account, block->instrument).definition->volume_limit > 0;
        if (child->planned == 0 || !(limited || terms->margin_buffer > 0 || terms->max_leverage > 0)) {
            continue;
        }
        uint32_t at = open_pending(engine, block, child, child->planned, engine->terms.price, MAM_PLANNED);
        if (at != MAM_NONE) {
            child->row = at + 1;
            block->in_books = 1;
            mam_stake_make_up(engine, engine->books.rows[at].stake);
        }
    }
}

void mam_book_unplanned(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->child_count && block->in_books; i++) {
        struct mam_child *child = mam_child_at(engine, block, i);
        uint32_t at = planned_row(engine, child);
        if (at != MAM_NONE) {
            uint32_t stake = engine->books.rows[at].stake;
            child->row = 0;
            mam_row_close(engine, at);
            mam_stake_make_up(engine, stake);
        }
    }
    block->in_books = 0;
}

void mam_book_asked(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child) {
    uint32_t at = planned_row(engine, child);
    if (at != MAM_NONE) {
        struct mam_row *row = &engine->books.rows[at];
        mam_row_leave(engine, at);
        row->volume = child->assigned;
        row->price = mam_child_price(block, child);
        row->pending = MAM_ASKED;
        mam_row_enter(engine, at);
        mam_stake_make_up(engine, row->stake);
        return;
    }
    if (child->row != 0) {
        return; /* asked again */
    }
    bool opens = block->entry == MAM_ENTRY_OPENING;
    if (opens) {
        at = open_pending(engine, block, child, child->assigned, mam_child_price(block, child), MAM_ASKED);
    } else {
        at = row_of_close(engine, block, child);
        if (at != MAM_NONE) {
            engine->books.rows[at].closing += mam_child_part(child);
            engine->books.rows[at].close_price = mam_child_price(block, child);
        }
    }
    if (at != MAM_NONE) {
        child->row = at + 1;
        if (opens) {
            mam_stake_touch(engine, engine->books.rows[at].stake);
        }
    }
}

/* The deal took all of the position, and this much is left of it on the other side. */
static void turn(struct mam_engine *engine, uint32_t at, const struct mam_row *deal, int64_t left) {
    struct mam_row *net = &engine->books.rows[at];
    mam_row_leave(engine, at);
    net->side = deal->side;
    net->volume = left;
    net->price = deal->price;
    net->rate = deal->rate;
    mam_row_enter(engine, at);
    mam_row_unname(engine, at);
    net->expected = 0;
    expect_more(net, deal->side, left);
}

/* A deal of a netting account is folded into its position. */
static void net_deal(struct mam_engine *engine, uint32_t account, uint32_t instrument, uint32_t deal_at) {
    struct mam_row *deal = &engine->books.rows[deal_at];
    uint32_t at = net_row(engine, account, instrument);
    if (at == MAM_NONE) { /* the deal is the position */
        mam_row_confirm(engine, deal_at);
        expect_more(deal, deal->side, deal->volume);
        return;
    }
    struct mam_row *net = &engine->books.rows[at];
    bool before = mam_row_mismatched(engine, net);
    if (net->side == deal->side) {
        mam_row_leave(engine, at);
        mam_row_average(net, deal);
        mam_row_enter(engine, at);
        expect_more(net, deal->side, deal->volume);
    } else {
        int64_t closed = deal->volume < net->volume ? deal->volume : net->volume;
        take_out(engine, at, closed, deal->price);
        expect_less(net, closed);
        if (deal->volume > closed) {
            turn(engine, at, deal, deal->volume - closed);
        }
    }
    mam_row_close(engine, deal_at);
    count_mismatch(engine, account, before, mam_row_mismatched(engine, net));
    close_if_over(engine, at);
}

/* The row that a close was counted on when it was asked for; a netting account may have got one since. */
static uint32_t row_of_report(const struct mam_engine *engine, const struct mam_block *block,
                              const struct mam_child *child) {
    if (child->row != 0) {
        return child->row - 1;
    }
    uint32_t at =
        is_hedging(engine, child->account) ? MAM_NONE : net_row(engine, child->account, block->instrument);
    return at != MAM_NONE && engine->books.rows[at].side != block->side ? at : MAM_NONE;
}

/* The server has answered: what of a close was out of its row before that. */
static int64_t answered_part(struct mam_row *row, const struct mam_child *child) {
    int64_t part = child->row != 0 ? mam_child_part(child) : 0;
    int64_t gone = part < row->gone ? part : row->gone;
    row->closing -= part;
    row->gone -= gone;
    return gone;
}

static void booked_close(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child) {
    uint32_t at = row_of_report(engine, block, child);
    if (at == MAM_NONE) {
        return;
    }
    int64_t part = mam_child_part(child);
    struct mam_row *row = &engine->books.rows[at];
    uint32_t stake = row->stake;
    bool before = mam_row_mismatched(engine, row);
    int64_t rest = part - answered_part(row, child);
    if (row->side != block->side) {
        expect_less(row, part);
        int64_t most = row->expected >= 0 && row->volume - rest < row->expected
                           ? (row->volume > row->expected ? row->volume - row->expected : 0)
                           : (rest < row->volume ? rest : row->volume);
        take_out(engine, at, most, mam_child_price(block, child));
    }
    count_mismatch(engine, child->account, before, mam_row_mismatched(engine, row));
    close_if_over(engine, at);
    mam_stake_touch(engine, stake);
}

void mam_book_booked(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child,
                     uint64_t ticket) {
    if (block->entry == MAM_ENTRY_CLOSING) {
        booked_close(engine, block, child);
        child->row = 0;
        return;
    }
    if (child->row == 0) {
        return;
    }
    uint32_t at = child->row - 1;
    struct mam_row *row = &engine->books.rows[at];
    uint32_t stake = row->stake;
    child->row = 0;
    if (is_hedging(engine, child->account)) {
        mam_row_confirm(engine, at);
        expect_more(row, row->side, row->volume);
        if (!mam_row_name(engine, at, ticket)) { /* the server has added to a ticket that is known */
            uint32_t known = mam_row_find(engine, child->account, ticket);
            if (known != MAM_NONE && engine->books.rows[known].stake == stake &&
                engine->books.rows[known].side == row->side && !engine->books.rows[known].pending) {
                struct mam_row *to = &engine->books.rows[known];
                bool before = mam_row_mismatched(engine, to);
                mam_row_leave(engine, known);
                mam_row_average(to, row);
                mam_row_enter(engine, known);
                to->expected = to->expected >= 0 ? to->expected + row->volume : to->expected;
                count_mismatch(engine, child->account, before, mam_row_mismatched(engine, to));
                mam_row_close(engine, at);
            }
        }
    } else {
        net_deal(engine, child->account, block->instrument, at);
        uint32_t net = net_row(engine, child->account, block->instrument);
        if (net != MAM_NONE) {
            mam_row_name(engine, net, ticket);
        }
    }
    mam_stake_touch(engine, stake);
}

void mam_book_refused(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child) {
    if (child->row == 0) {
        return;
    }
    uint32_t at = child->row - 1;
    struct mam_row *row = &engine->books.rows[at];
    uint32_t stake = row->stake;
    if (block->entry == MAM_ENTRY_OPENING) {
        mam_row_close(engine, at);
    } else { /* the client still holds it */
        add_volume(engine, at, answered_part(row, child));
        close_if_over(engine, at);
    }
    child->row = 0;
    mam_stake_touch(engine, stake);
}

/* --- A close that is in the server's figures before its report --- */

bool mam_book_close_early(struct mam_engine *engine, uint32_t at, struct mam_early *before) {
    struct mam_row *row = &engine->books.rows[at];
    const struct mam_stake *stake = &engine->books.stakes[row->stake];
    int64_t left = row->closing - row->gone;
    *before = (struct mam_early){.volume = left < row->volume ? left : row->volume,
                                 .swap = row->swap,
                                 .balance = engine->accounts[stake->account].balance,
                                 .deals = engine->books.accounts[stake->account].deals};
    if (before->volume <= 0) {
        return false;
    }
    take_out(engine, at, before->volume, row->close_price);
    row->gone += before->volume;
    mam_stake_make_up(engine, row->stake);
    return true;
}

void mam_book_not_early(struct mam_engine *engine, uint32_t at, const struct mam_early *before) {
    struct mam_row *row = &engine->books.rows[at];
    const struct mam_stake *stake = &engine->books.stakes[row->stake];
    engine->accounts[stake->account].balance = before->balance;
    engine->books.accounts[stake->account].deals = before->deals;
    engine->books.accounts[stake->account].swap += before->swap - row->swap;
    row->swap = before->swap;
    row->gone -= before->volume;
    add_volume(engine, at, before->volume);
    mam_stake_make_up(engine, row->stake);
}

/* --- What the server no longer has --- */

/* Is it a row that a child's close may take from? */
static bool is_of_close(const struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_child *child, const struct mam_row *row) {
    const struct mam_holding *holding = &engine->holdings[child->holding];
    if (row->pending || row->expected < 0 || row->expected_side == block->side) {
        return false;
    }
    return !is_hedging(engine, child->account) ||
           (holding->several ? row->master == engine->positions[block->position].ticket
                             : row->ticket == holding->ticket);
}

static uint32_t first_of_close(const struct mam_engine *engine, const struct mam_block *block,
                               const struct mam_child *child) {
    uint32_t stake = child->holding == MAM_NONE ? MAM_TABLE_NONE
                                                : mam_stake_find(engine, child->account, block->instrument);
    return stake == MAM_TABLE_NONE ? MAM_NONE : engine->books.stakes[stake].first_row;
}

int64_t mam_book_missing(const struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_child *child) {
    bool is_less = false;
    int64_t open = 0;
    for (uint32_t at = first_of_close(engine, block, child); at != MAM_NONE;
         at = engine->books.rows[at].next) {
        const struct mam_row *row = &engine->books.rows[at];
        if (is_of_close(engine, block, child, row)) {
            is_less = is_less || is_short(row);
            open += open_of(row);
        }
    }
    return is_less && child->assigned > open ? child->assigned - open : 0;
}

void mam_book_gone(struct mam_engine *engine, const struct mam_block *block, const struct mam_child *child,
                   int64_t volume) {
    uint32_t next;
    for (uint32_t at = first_of_close(engine, block, child); at != MAM_NONE && volume > 0; at = next) {
        struct mam_row *row = &engine->books.rows[at];
        next = row->next;
        if (is_of_close(engine, block, child, row) && is_short(row)) {
            int64_t less = row->expected - held_of(row);
            less = volume < less ? volume : less;
            uint32_t stake = row->stake;
            expect_less(row, less);
            volume -= less;
            count_mismatch(engine, child->account, true, mam_row_mismatched(engine, row));
            close_if_over(engine, at);
            mam_stake_touch(engine, stake);
        }
    }
}

/* --- PositionState --- */

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

static uint16_t check(const struct mam_position_state *m, uint16_t *field) {
    if (m->position == 0) {
        return fault(field, 3, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume < 0 || m->volume > MAM_VOLUME_MAX / 2) {
        return fault(field, 4, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->price_open < 0 || m->price_open > MAM_PRICE_MAX || (m->volume > 0 && m->price_open == 0)) {
        return fault(field, 5, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->swap > MAM_BOOK_MONEY_MAX || m->swap < -MAM_BOOK_MONEY_MAX) {
        return fault(field, 6, MAM_REASON_OUT_OF_RANGE);
    }
    return m->rate_margin < 0 ? fault(field, 9, MAM_REASON_OUT_OF_RANGE) : MAM_REASON_NONE;
}

/* Prices within one point of the instrument's: the server may have rounded what was asked for. */
static bool is_same_price(const struct mam_engine *engine, uint32_t instrument, int64_t a, int64_t b) {
    int64_t point = 1;
    for (uint8_t digit = engine->instruments[instrument].definition.digits; digit < 8; digit++) {
        point *= 10;
    }
    return a - b <= point && b - a <= point;
}

/* A booking of ours whose report is still on its way, of the very volume and price. */
static uint32_t find_pending(const struct mam_engine *engine, uint32_t account, uint32_t instrument,
                             const struct mam_position_state *m) {
    uint32_t stake = mam_stake_find(engine, account, instrument);
    uint32_t at = stake == MAM_TABLE_NONE ? MAM_NONE : engine->books.stakes[stake].first_row;
    for (; at != MAM_NONE; at = engine->books.rows[at].next) {
        const struct mam_row *row = &engine->books.rows[at];
        if (row->ticket == 0 && row->pending != MAM_PLANNED && row->volume == m->volume &&
            row->side == m->side && is_same_price(engine, instrument, row->price, m->price_open)) {
            return at;
        }
    }
    return MAM_NONE;
}

/* Netting: is it what the position becomes when the first of the bookings at work are in it? */
static bool is_explained(const struct mam_engine *engine, uint32_t account, uint32_t instrument,
                         const struct mam_position_state *m) {
    uint32_t of = mam_stake_find(engine, account, instrument);
    if (of == MAM_TABLE_NONE) {
        return false;
    }
    const struct mam_stake *stake = &engine->books.stakes[of];
    __int128 sum = 0, closing = 0, told = m->side == MAM_SIDE_BUY ? m->volume : -m->volume;
    for (uint32_t at = stake->first_row; at != MAM_NONE; at = engine->books.rows[at].next) {
        const struct mam_row *row = &engine->books.rows[at];
        if (row->pending == MAM_PLANNED) {
            continue;
        }
        int64_t sign = row->side == MAM_SIDE_BUY ? 1 : -1;
        sum += (__int128)sign * row->volume;
        closing += (__int128)sign * (row->closing - row->gone);
        if (row->pending && (sum == told || sum - closing == told)) {
            return true;
        }
    }
    return false;
}

/* The position was in the server's figures already, or came after them. */
static void explains(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                     const struct mam_position_state *m, __int128 floating, __int128 margin) {
    struct mam_account_book *book = &engine->books.accounts[account];
    uint32_t stake = mam_stake_find(engine, account, instrument);
    book->valued = 0;
    if (m->as_of <= book->as_of) {
        if (stake != MAM_TABLE_NONE) {
            mam_stake_in_figures(engine, stake);
        }
        book->other_floating =
            mam_money(book->other_floating - (engine->books.floating[account] + book->swap - floating));
        book->other_margin = mam_money(book->other_margin - (book->margin - margin));
    }
}

/* A row that is in no total: as the server says, and entered. */
static void set_row(struct mam_engine *engine, uint32_t at, const struct mam_position_state *m) {
    struct mam_row *row = &engine->books.rows[at];
    const struct mam_stake *stake = &engine->books.stakes[row->stake];
    int64_t rate = m->rate_margin;
    if (rate == 0) {
        rate = row->rate;
    }
    if (rate == 0) {
        mam_margin_rate_of(engine, stake->account, stake->instrument, m->side, &rate);
    }
    engine->books.accounts[stake->account].swap += m->swap - row->swap;
    row->swap = m->swap;
    row->rate = rate;
    row->price = m->price_open;
    row->side = m->side;
    row->volume = m->volume;
    mam_row_enter(engine, at);
}

static uint16_t new_position(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                             const struct mam_position_state *m, uint16_t *field) {
    struct mam_account_book *book = &engine->books.accounts[account];
    if (m->volume == 0) {
        return MAM_REASON_NONE;
    }
    uint32_t at = is_hedging(engine, account) ? find_pending(engine, account, instrument, m)
                                              : net_row(engine, account, instrument);
    if (at != MAM_NONE && engine->books.rows[at].ticket == 0) {
        mam_row_name(engine, at, m->position);
        return MAM_REASON_NONE;
    }
    __int128 floating = engine->books.floating[account] + book->swap, margin = book->margin;
    at = mam_row_open(engine, account, instrument);
    if (at == MAM_NONE) {
        no_room(engine, account);
        return fault(field, 3, MAM_REASON_TABLE_FULL);
    }
    set_row(engine, at, m);
    mam_row_name(engine, at, m->position);
    mam_stake_make_up(engine, engine->books.rows[at].stake);
    explains(engine, account, instrument, m, floating, margin);
    return MAM_REASON_NONE;
}

/* Is it what the row becomes with closes of ours that the server has not reported, or what it was before? */
static bool is_close_at_work(const struct mam_row *row, const struct mam_position_state *m) {
    int64_t least = row->volume - (row->closing - row->gone);
    return (m->volume < row->volume && m->volume >= least) ||
           (row->gone > 0 && m->volume >= row->volume && m->volume <= row->volume + row->gone);
}

/* The server says otherwise than our row. Less volume was closed by somebody else: before the server's
 * figures, and then it is in them; or after them, at about the mark. */
static void known_position(struct mam_engine *engine, uint32_t account, uint32_t at,
                           const struct mam_position_state *m) {
    struct mam_row *row = &engine->books.rows[at];
    struct mam_account_book *book = &engine->books.accounts[account];
    uint32_t of = row->stake;
    const struct mam_instrument_book *instrument =
        &engine->books.instruments[engine->books.stakes[of].instrument];
    bool before = mam_row_mismatched(engine, row);
    if (row->pending || is_close_at_work(row, m)) {
        return;
    }
    int64_t mark = row->side == MAM_SIDE_BUY ? instrument->bid : instrument->ask;
    mam_stake_value(engine, of);
    __int128 floating = engine->books.floating[account] + book->swap, margin = book->margin;
    if (m->as_of > book->as_of && m->volume < row->volume && m->side == row->side && mark > 0) {
        take_out(engine, at, row->volume - m->volume, mark);
    }
    mam_row_leave(engine, at);
    if (m->volume > 0) {
        set_row(engine, at, m);
    } else {
        take_swap(engine, at, row->volume);
        row->volume = 0;
        mam_row_enter(engine, at);
    }
    count_mismatch(engine, account, before, mam_row_mismatched(engine, row));
    close_if_over(engine, at);
    uint32_t number = engine->books.stakes[of].instrument;
    mam_stake_make_up(engine, of);
    explains(engine, account, number, m, floating, margin);
}

/* Bookings at work explain its volume; its swap is the server's to tell all the same. */
static void swap_told(struct mam_engine *engine, uint32_t account, uint32_t at,
                      const struct mam_position_state *m) {
    struct mam_account_book *book = &engine->books.accounts[account];
    if (at == MAM_NONE || engine->books.rows[at].side != m->side || engine->books.rows[at].swap == m->swap ||
        m->volume == 0) {
        return;
    }
    struct mam_row *row = &engine->books.rows[at];
    __int128 floating = engine->books.floating[account] + book->swap, margin = book->margin;
    book->swap += m->swap - row->swap;
    row->swap = m->swap;
    uint32_t of = row->stake;
    mam_stake_make_up(engine, of);
    explains(engine, account, engine->books.stakes[of].instrument, m, floating, margin);
}

uint16_t mam_on_position_state(struct mam_engine *engine, const struct mam_position_state *m,
                               uint16_t *field) {
    uint32_t account = mam_table_get(&engine->account_by_login, m->login);
    if (account == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_ACCOUNT);
    }
    if (engine->accounts[account].bridge != engine->bridge) {
        return fault(field, 2, MAM_REASON_WRONG_SOURCE);
    }
    uint32_t instrument = mam_table_get(&engine->instrument_by_id, m->instrument);
    if (instrument == MAM_TABLE_NONE) {
        return fault(field, 7, MAM_REASON_UNKNOWN_INSTRUMENT);
    }
    uint16_t reason = check(m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint32_t at = mam_row_find(engine, account, m->position);
    if (at != MAM_NONE && engine->books.stakes[engine->books.rows[at].stake].instrument != instrument) {
        return fault(field, 7, MAM_REASON_UNKNOWN_POSITION); /* a ticket does not change its instrument */
    }
    engine->books.accounts[account].told = 1;
    mam_account_make_up(engine, account); /* what the position explains is told by what it changes */
    if (!is_hedging(engine, account)) {
        bool explained = is_explained(engine, account, instrument, m);
        at = at != MAM_NONE ? at : net_row(engine, account, instrument);
        if (explained) {
            swap_told(engine, account, at, m);
            return MAM_REASON_NONE;
        }
    }
    if (at == MAM_NONE) {
        return new_position(engine, account, instrument, m, field);
    }
    mam_row_name(engine, at, m->position);
    known_position(engine, account, at, m);
    return MAM_REASON_NONE;
}
