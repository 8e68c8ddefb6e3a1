/*
 * The children at the broker's server. A Booking's key is (block, child): it never changes, so that either
 * side recognises a repeat. An answer moves a child once; an unknown outcome waits for a definite one.
 */
#include "codes.h"
#include "state.h"

#define FIFO_FLAG 0x100             /* MT5 group trade flag: oldest position first, else 10045 */
#define FETCH_AHEAD 8               /* children */
#define TRIES_MAX 3                 /* "retry" answers before a booking counts as refused */
#define QUERIES_MAX 10              /* of one block, each after twice the time; then it is a person's */
#define AGAIN_NS INT64_C(100000000) /* after the first of them; twice as long after each */

static struct mam_child *child_at(struct mam_engine *engine, const struct mam_block *block, uint32_t child) {
    return mam_child_at(engine, block, child);
}

static struct mam_bridge_state *server_of(struct mam_engine *engine, const struct mam_child *child) {
    return &engine->bridges[engine->accounts[child->account].bridge];
}

/* Keeps the server's counts: what it has not answered, and of what it or we do not know the outcome. */
static void set_status(struct mam_engine *engine, struct mam_child *child, uint8_t status) {
    struct mam_bridge_state *server = server_of(engine, child);
    bool was = child->status == MAM_CHILD_ASKED || child->status == MAM_CHILD_UNKNOWN;
    bool is = status == MAM_CHILD_ASKED || status == MAM_CHILD_UNKNOWN;
    server->unanswered += (uint32_t)is - (uint32_t)was;
    server->unknown_bookings +=
        (uint32_t)(status == MAM_CHILD_UNKNOWN) - (uint32_t)(child->status == MAM_CHILD_UNKNOWN);
    child->status = status;
}

/* --- Asking --- */

static int64_t timeout_ns(const struct mam_engine *engine, const struct mam_block *block) {
    uint32_t own = block->policy.booking_timeout;
    return (int64_t)(own != 0 ? own : engine->limits.booking_timeout_ms) * 1000000;
}

/* Bookings that leave with one input are of one batch, up to what the server takes in one call. */
static uint16_t batch_number(const struct mam_engine *engine, struct mam_bridge_state *server) {
    uint32_t most = server->batch_size != 0 ? server->batch_size : MAM_BATCH;
    if (server->batch_input != engine->counts.inputs || server->in_batch >= most) {
        server->batch_input = engine->counts.inputs;
        server->batch = server->batch % (UINT16_MAX - 1) + 1;
        server->in_batch = 0;
    }
    server->in_batch++;
    return (uint16_t)server->batch;
}

/* What a close names: the ticket of the row that it takes from. */
static uint64_t ticket_of(const struct mam_engine *engine, const struct mam_block *block,
                          const struct mam_child *child) {
    if (block->entry != MAM_ENTRY_CLOSING || child->holding == MAM_NONE) {
        return 0;
    }
    const struct mam_holding *holding = &engine->holdings[child->holding];
    return holding->several && child->row != 0 ? engine->books.rows[child->row - 1].ticket : holding->ticket;
}

/* Makes a child's Booking and counts it as asked. Returns the bridge that gets it. */
static uint32_t make_booking(struct mam_engine *engine, struct mam_block *block, uint32_t at,
                             struct mam_booking *booking) {
    struct mam_child *child = child_at(engine, block, at);
    uint32_t bridge = engine->accounts[child->account].bridge;
    mam_booking_init(booking);
    booking->block = block->id;
    booking->child = at;
    booking->login = child->login;
    booking->volume = mam_child_part(child);
    booking->price = mam_child_price(block, child);
    booking->position = ticket_of(engine, block, child);
    booking->instrument = engine->instruments[block->instrument].definition.instrument;
    booking->side = block->side;
    booking->entry = block->entry;
    booking->batch = batch_number(engine, &engine->bridges[bridge]);
    child->sent = engine->now;
    set_status(engine, child, MAM_CHILD_ASKED);
    mam_block_wake(engine, block, engine->now + timeout_ns(engine, block));
    engine->counts.bookings++;
    mam_number(engine, bridge, booking, sizeof *booking);
    return bridge;
}

/* The plan of a child that goes on with what another has begun. */
static void emit_further(struct mam_engine *engine, const struct mam_block *block, uint32_t at,
                         uint16_t reason) {
    const struct mam_child *child = mam_child_at(engine, block, at);
    struct mam_plan_member member;
    mam_plan_member_init(&member);
    member.block = block->id;
    member.child = at;
    member.login = child->login;
    member.cap = member.volume = child->assigned;
    member.margin = engine->accounts[child->account].margin;
    member.reason = reason;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &member, sizeof member);
}

static void emit_booking(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_booking booking;
    struct mam_child *child = child_at(engine, block, at);
    if (child->further) {
        child->further = 0;
        emit_further(engine, block, at, MAM_REASON_FURTHER_PRICE);
    }
    uint32_t bridge = make_booking(engine, block, at, &booking);
    engine->put(engine->context, bridge, &booking, sizeof booking);
}

static uint32_t least_of(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t window_of(const struct mam_engine *engine, const struct mam_bridge_state *server) {
    return server->window != 0 ? least_of(server->window, engine->booking_window) : engine->booking_window;
}

/* No room in the server's window, or an outcome of it is unknown: the booking waits, oldest first. */
static bool server_busy(const struct mam_engine *engine, const struct mam_bridge_state *server) {
    return server->unanswered >= window_of(engine, server) || server->unknown_bookings > 0;
}

/* Of what waits, how many go now: whole batches, or all that waits. A window that is nearly full would let
 * each out alone, as the answers come. */
static uint32_t may_release(const struct mam_engine *engine, const struct mam_bridge_state *server) {
    uint32_t window = window_of(engine, server);
    uint32_t most = server->batch_size != 0 ? server->batch_size : MAM_BATCH;
    uint32_t whole = least_of(least_of(most, window), MAM_RELEASE);
    if (server_busy(engine, server)) {
        return 0;
    }
    uint32_t room = least_of(window - server->unanswered, MAM_RELEASE);
    return room >= server->queued ? server->queued : room - room % whole;
}

static void enqueue(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    struct mam_bridge_state *server = server_of(engine, child);
    if (server->last_block == 0) {
        server->first_block = block->id;
        server->first_child = at;
    } else {
        struct mam_child *last =
            child_at(engine, mam_block_find(engine, server->last_block), server->last_child);
        last->deferred_block = block->id;
        last->deferred_child = at;
    }
    server->last_block = block->id;
    server->last_child = at;
    child->deferred_block = MAM_NONE;
    server->queued++;
    set_status(engine, child, MAM_CHILD_QUEUED);
}

/* May this child's Booking go now? If its server is busy it waits, and a further price always does, so that
 * the answer to one message stays bounded; a broken law stops it. */
static bool may_go(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    if (!block->plan_emitted) {
        mam_law_broken(engine, 4, block->id);
        return false;
    }
    if (child->status == MAM_CHILD_BOOKED || child->status == MAM_CHILD_REFUSED) {
        mam_law_broken(engine, 6, block->id);
        return false;
    }
    struct mam_bridge_state *server = server_of(engine, child);
    if (server->last_block != 0 || child->further || server_busy(engine, server)) {
        enqueue(engine, block, at);
        engine->next_deadline = child->further ? engine->now : engine->next_deadline;
        return false;
    }
    return true;
}

static void send(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    if (may_go(engine, block, at)) {
        emit_booking(engine, block, at);
    }
}

bool mam_booking_release(struct mam_engine *engine, uint32_t bridge) {
    struct mam_bridge_state *server = &engine->bridges[bridge];
    for (uint32_t left = may_release(engine, server); left > 0; left--) {
        struct mam_block *block = mam_block_find(engine, server->first_block);
        MAM_ASSERT(block != NULL);
        uint32_t at = server->first_child;
        struct mam_child *child = child_at(engine, block, at);
        if (child->deferred_block == MAM_NONE) {
            server->first_block = server->last_block = 0;
        } else {
            server->first_block = child->deferred_block;
            server->first_child = child->deferred_child;
        }
        child->deferred_block = MAM_NONE;
        server->queued--;
        emit_booking(engine, block, at);
    }
    return may_release(engine, server) > 0;
}

/* A close waits while an open of the same holding is unanswered: it needs the ticket, and there may be
 * nothing to close. */
static bool must_wait(const struct mam_engine *engine, const struct mam_block *block,
                      const struct mam_child *child) {
    return block->entry == MAM_ENTRY_CLOSING && engine->holdings[child->holding].unconfirmed > 0;
}

static void defer(struct mam_engine *engine, const struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    struct mam_holding *holding = &engine->holdings[child->holding];
    uint32_t *to_block = &holding->deferred_block;
    uint32_t *to_child = &holding->deferred_child;
    while (*to_block != MAM_NONE) {
        struct mam_child *last = child_at(engine, mam_block_find(engine, *to_block), *to_child);
        to_block = &last->deferred_block;
        to_child = &last->deferred_child;
    }
    *to_block = block->id;
    *to_child = at;
    set_status(engine, child, MAM_CHILD_DEFERRED);
}

static void ask(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    struct mam_holding *holding = &engine->holdings[child->holding];
    block->asked++;
    holding->pending++;
    if (must_wait(engine, block, child)) {
        defer(engine, block, at);
        return;
    }
    if (block->entry == MAM_ENTRY_OPENING) {
        holding->unconfirmed += child->assigned;
    }
    mam_book_asked(engine, block, child); /* it counts from now on, whether it has to wait or not */
    send(engine, block, at);
}

/* --- The volumes' effect on holdings --- */

/* Moves `volume` of a child's open or close into its holding; `sign` -1 takes it back. */
static void hold(struct mam_engine *engine, const struct mam_block *block, const struct mam_child *child,
                 int64_t sign) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    int64_t direction = block->entry == MAM_ENTRY_CLOSING ? -1 : 1;
    holding->volume += sign * direction * child->assigned;
    if (holding->volume < 0 && holding->deferred_block == MAM_NONE) {
        mam_law_broken(engine, 1, block->id);
    }
}

void mam_hold_house(struct mam_engine *engine, const struct mam_block *block, int64_t volume) {
    int64_t direction = block->entry == MAM_ENTRY_CLOSING ? -1 : 1;
    engine->positions[block->position].house += direction * volume;
}

/* Volume that a child cannot have goes to the house; law 1 stays whole. */
static void give_to_house(struct mam_engine *engine, struct mam_block *block, struct mam_child *child,
                          int64_t volume) {
    MAM_ASSERT(volume >= 0 && volume <= child->assigned);
    block->allocated -= volume;
    block->house += volume;
    mam_hold_house(engine, block, volume);
    child->assigned -= volume;
    if (child->assigned == 0) {
        set_status(engine, child, MAM_CHILD_REFUSED);
    }
}

/* Once in a message for an account's close, of however many parts that is: the answer stays bounded. */
static void tell_not_closed(struct mam_engine *engine, const struct mam_block *block,
                            const struct mam_child *child, uint16_t reason) {
    uint64_t input = (uint64_t)engine->counts.inputs;
    uint8_t bit = reason == MAM_REASON_OUT_OF_SYNC ? 1 : 2;
    bool same = engine->not_closed.input == input && engine->not_closed.block == block->id &&
                engine->not_closed.login == child->login;
    if (same && (engine->not_closed.reasons & bit) != 0) {
        return;
    }
    engine->not_closed.input = input;
    engine->not_closed.block = block->id;
    engine->not_closed.login = child->login;
    engine->not_closed.reasons = same ? engine->not_closed.reasons | bit : bit;
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_NOT_CLOSED, reason, block->id, child->login);
}

void mam_owe(struct mam_engine *engine, const struct mam_block *block, const struct mam_child *child,
             int64_t volume, uint16_t reason) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    engine->owed_holdings += holding->owed == 0;
    holding->owed += volume;
    holding->tried = block->covers ? holding->tried : 0;
    holding->owed_notional += (__int128)mam_child_price(block, child) * volume;
    engine->positions[block->position].owed += volume;
    tell_not_closed(engine, block, child, reason);
    mam_task_add_owed(engine, !block->covers);
}

/* Somebody else has closed it at the server, which told so: the house has it since then, and of this close
 * too; the holding is rid of it. Never is more asked for than the server has: a netting account would turn.
 */
static void give_missing(struct mam_engine *engine, struct mam_block *block, struct mam_child *child,
                         int64_t missing) {
    mam_book_gone(engine, block, child, missing);
    engine->positions[block->position].house += missing;
    give_to_house(engine, block, child, missing);
    block->reason = MAM_REASON_OUT_OF_SYNC;
    tell_not_closed(engine, block, child, MAM_REASON_OUT_OF_SYNC);
}

static void trim_to_server(struct mam_engine *engine, struct mam_block *block, struct mam_child *child) {
    int64_t missing = mam_book_missing(engine, block, child);
    if (missing > 0) {
        engine->holdings[child->holding].volume -= missing;
        give_missing(engine, block, child, missing);
    }
}

static bool fifo_allows(const struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_child *child);

/*
 * The open that closes waited for has its answer. Was it refused, they cannot take out what never came in:
 * that part of them goes to the house, where the refused open went. The rest is asked for now.
 */
static void release_deferred(struct mam_engine *engine, struct mam_holding *holding) {
    uint32_t block_id = holding->deferred_block;
    uint32_t at = holding->deferred_child;
    holding->deferred_block = MAM_NONE;
    while (block_id != MAM_NONE) {
        struct mam_block *block = mam_block_find(engine, block_id);
        MAM_ASSERT(block != NULL);
        struct mam_child *child = child_at(engine, block, at);
        uint32_t next_block = child->deferred_block;
        uint32_t next_child = child->deferred_child;
        child->deferred_block = MAM_NONE;
        if (holding->volume < holding->owed) { /* what is owed is not theirs to take */
            int64_t missing = holding->owed - holding->volume;
            missing = missing < child->assigned ? missing : child->assigned;
            give_to_house(engine, block, child, missing);
            holding->volume += missing;
        }
        int64_t gone = mam_book_missing(engine, block, child);
        if (gone > 0) {
            give_missing(engine, block, child, gone);
        }
        if (child->assigned > 0 && !fifo_allows(engine, block, child)) { /* not told before the open was */
            int64_t volume = child->assigned;
            holding->volume += volume;
            mam_owe(engine, block, child, volume, MAM_REASON_FIFO);
            give_to_house(engine, block, child, volume);
            block->reason = MAM_REASON_FIFO;
        }
        if (child->assigned > 0) {
            mam_book_asked(engine, block, child);
            send(engine, block, at);
        } else {
            block->answered++;
            holding->pending--;
            mam_block_finish_if_answered(engine, block);
        }
        block_id = next_block;
        at = next_child;
    }
    if (holding->volume < holding->owed) {
        mam_law_broken(engine, 1, 0);
    }
}

static void reserve(struct mam_engine *engine, const struct mam_block *block, int64_t sign) {
    engine->positions[block->position].house_reserved += sign * block->house_planned;
    for (uint32_t i = 0; i < block->child_count; i++) {
        const struct mam_child *child = child_at(engine, block, i);
        engine->holdings[child->holding].reserved += sign * child->planned;
    }
}

void mam_reserve(struct mam_engine *engine, struct mam_block *block) {
    if (block->entry == MAM_ENTRY_CLOSING) {
        reserve(engine, block, 1);
        block->reserved = 1;
    }
}

void mam_unreserve(struct mam_engine *engine, struct mam_block *block) {
    if (block->reserved) {
        reserve(engine, block, -1);
        block->reserved = 0;
    }
}

/* An open that was refused while LPs executed the close: what never came in cannot be taken out, and is the
 * house's. */
static void trim_to_holding(struct mam_engine *engine, struct mam_block *block, struct mam_child *child) {
    int64_t held = engine->holdings[child->holding].volume - engine->holdings[child->holding].owed;
    int64_t most = held > 0 ? held : 0;
    if (child->assigned > most) {
        give_to_house(engine, block, child, child->assigned - most);
        block->reason = MAM_REASON_HOLDING;
    }
}

/* Of a close, an account that must close its oldest position first has no older one that is open. */
static bool fifo_allows(const struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_child *child) {
    const struct mam_account_state_row *account = &engine->accounts[child->account];
    if (block->entry != MAM_ENTRY_CLOSING || (account->definition.trade_flags & FIFO_FLAG) == 0) {
        return true;
    }
    const struct mam_position_row *own = &engine->positions[block->position];
    const struct mam_holding *first = &engine->holdings[child->holding];
    for (uint32_t at = first->account_next; at != MAM_NONE; at = engine->holdings[at].account_next) {
        const struct mam_position_row *row = &engine->positions[engine->holdings[at].position];
        if (row->instrument == own->instrument && row->side == own->side && engine->holdings[at].volume > 0) {
            return false; /* the account's list is newest first */
        }
    }
    return true;
}

/* --- An opening: the Bookings first, the books when they are out --- */

static bool holdings_fit(const struct mam_engine *engine, const struct mam_block *block) {
    return engine->limits.holdings - (uint64_t)engine->counts.holdings >= block->child_count;
}

static void say_opening(struct mam_engine *engine, struct mam_block *block) {
    struct mam_booking made[MAM_MADE_AHEAD];
    uint32_t to[MAM_MADE_AHEAD];
    for (uint32_t i = 0; i < block->child_count;) {
        uint32_t count = 0;
        for (; i < block->child_count && count < MAM_MADE_AHEAD; i++) {
            if (child_at(engine, block, i)->assigned > 0) {
                block->asked++;
                if (may_go(engine, block, i)) {
                    to[count] = make_booking(engine, block, i, &made[count]);
                    count++;
                }
            }
        }
        for (uint32_t at = 0; at < count; at++) {
            engine->put(engine->context, to[at], &made[at], sizeof made[at]);
        }
    }
    engine->unkept = (uint32_t)(block - engine->blocks);
}

/* A table's slots and rows are far apart: those of later children are on their way while this one's are
 * written. */
static void fetch_ahead(struct mam_engine *engine, const struct mam_block *block, uint32_t at) {
    if (at + 2 * FETCH_AHEAD < block->child_count) {
        uint32_t account = child_at(engine, block, at + 2 * FETCH_AHEAD)->account;
        mam_holding_prefetch(engine, block->position, account);
        mam_stake_prefetch(engine, account, block->instrument);
    }
    if (at + FETCH_AHEAD < block->child_count) {
        mam_row_prefetch(engine, child_at(engine, block, at + FETCH_AHEAD)->account, block->instrument);
    }
}

void mam_bookings_keep(struct mam_engine *engine) {
    if (engine->unkept == MAM_NONE) {
        return;
    }
    struct mam_block *block = &engine->blocks[engine->unkept];
    /* nobody to be found; a child at several prices is found again */
    bool fresh = engine->positions[block->position].holding_count == 0 && !block->mixed;
    engine->unkept = MAM_NONE;
    for (uint32_t i = 0; i < block->child_count; i++) {
        struct mam_child *child = child_at(engine, block, i);
        fetch_ahead(engine, block, i);
        if (child->assigned == 0) {
            continue;
        }
        uint32_t at = fresh ? MAM_NONE : mam_holding_find(engine, block->position, child->account);
        child->holding = at != MAM_NONE ? at : mam_holding_open(engine, block->position, child->account);
        MAM_ASSERT(child->holding != MAM_NONE); /* holdings_fit */
        struct mam_holding *holding = &engine->holdings[child->holding];
        holding->pending++;
        holding->unconfirmed += child->assigned;
        hold(engine, block, child, 1);
        mam_book_asked(engine, block, child);
    }
    mam_book_unplanned(engine, block); /* who is asked for nothing */
}

/* What of a close cannot be asked for. */
static void trim(struct mam_engine *engine, struct mam_block *block, struct mam_child *child) {
    if (block->entry != MAM_ENTRY_CLOSING || child->assigned == 0) {
        return;
    }
    trim_to_holding(engine, block, child);
    if (must_wait(engine, block, child)) {
        return; /* what the server has is told when the open is answered: it is not in the rows before */
    }
    trim_to_server(engine, block, child);
    if (child->assigned > 0 && !fifo_allows(engine, block, child)) {
        mam_owe(engine, block, child, child->assigned, MAM_REASON_FIFO);
        give_to_house(engine, block, child, child->assigned);
        block->reason = MAM_REASON_FIFO;
    }
}

/* Under per_fill only what is asked for is mixed, and what is not is told once, not once a price. */
static void divide_by_prices(struct mam_engine *engine, struct mam_block *block) {
    if (block->policy.price_mode == MAM_PRICE_MODE_PER_FILL) {
        for (uint32_t i = 0; i < block->child_count; i++) {
            trim(engine, block, child_at(engine, block, i));
        }
    }
    mam_prices_divide(engine, block);
}

/* Books the children from number `first` on. */
void mam_book_children(struct mam_engine *engine, struct mam_block *block, uint32_t first) {
    mam_bookings_keep(engine);
    if (first == 0) {
        mam_hold_house(engine, block, block->house);
        mam_unreserve(engine, block);
        divide_by_prices(engine, block);
    }
    if (first == 0 && block->entry == MAM_ENTRY_OPENING && holdings_fit(engine, block)) {
        say_opening(engine, block);
        return;
    }
    bool fresh = first == 0 && !block->mixed && engine->positions[block->position].holding_count == 0;
    for (uint32_t i = first; i < block->child_count; i++) {
        struct mam_child *child = child_at(engine, block, i);
        if (child->assigned == 0) {
            continue;
        }
        if (child->holding == MAM_NONE) {
            uint32_t found = fresh ? MAM_NONE : mam_holding_find(engine, block->position, child->account);
            child->holding =
                found != MAM_NONE ? found : mam_holding_open(engine, block->position, child->account);
        }
        if (child->holding == MAM_NONE) {
            give_to_house(engine, block, child, child->assigned);
            block->reason = MAM_REASON_TABLE_FULL;
            continue;
        }
        trim(engine, block, child);
        if (child->assigned == 0) {
            continue;
        }
        hold(engine, block, child, 1);
        ask(engine, block, i);
    }
    mam_book_unplanned(engine, block); /* who is asked for nothing */
}

/* --- Answers --- */

static void answered(struct mam_engine *engine, struct mam_block *block, struct mam_holding *holding,
                     int64_t opened) {
    block->answered++;
    MAM_ASSERT(holding->pending > 0);
    holding->pending--;
    if (block->entry == MAM_ENTRY_OPENING) {
        holding->unconfirmed -= opened;
        MAM_ASSERT(holding->unconfirmed >= 0);
    }
    if (holding->unconfirmed == 0) {
        release_deferred(engine, holding);
    }
}

static int64_t missing_of_rest(const struct mam_engine *engine, const struct mam_block *block,
                               const struct mam_child *child, int64_t rest) {
    struct mam_child next = *child;
    next.assigned = rest;
    return mam_book_missing(engine, block, &next);
}

/* One ticket is closed: the rest of the close is a child of its own, with a number of its own, for the next.
 */
static void go_on(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    int64_t rest = child->rest;
    child->rest = 0;
    int64_t missing = missing_of_rest(engine, block, child, rest);
    if (missing > 0) {
        give_missing(engine, block, child, missing);
        rest -= missing;
    }
    if (rest == 0) {
        return;
    }
    if (!mam_children_grow(engine, block, 1)) {
        engine->holdings[child->holding].volume += rest; /* the client still holds it */
        mam_owe(engine, block, child, rest, MAM_REASON_TABLE_FULL);
        give_to_house(engine, block, child, rest);
        block->reason = MAM_REASON_NOT_CLOSED;
        return;
    }
    child = child_at(engine, block, at); /* it may have moved */
    child->assigned -= rest;
    child->planned -= rest;
    struct mam_child next = {.login = child->login,
                             .account = child->account,
                             .member = child->member,
                             .holding = child->holding,
                             .deferred_block = MAM_NONE,
                             .planned = rest,
                             .assigned = rest,
                             .price = child->price};
    uint32_t number = block->child_count++;
    *child_at(engine, block, number) = next;
    engine->counts.children_planned++;
    engine->counts.children_working++;
    emit_further(engine, block, number, MAM_REASON_FURTHER_TICKET);
    block->asked++;
    engine->holdings[next.holding].pending++;
    mam_book_asked(engine, block, child_at(engine, block, number));
    send(engine, block, number);
}

static void on_booked(struct mam_engine *engine, struct mam_block *block, struct mam_child *child,
                      const struct mam_booking_report *m) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    set_status(engine, child, MAM_CHILD_BOOKED);
    child->deal = m->deal;
    if (block->entry == MAM_ENTRY_OPENING && holding->ticket == 0) {
        holding->ticket = m->position;
    }
    if (block->entry == MAM_ENTRY_OPENING && holding->ticket != m->position) {
        holding->several = 1;
    }
    mam_book_booked(engine, block, child, m->position);
    int64_t opened = child->assigned;
    if (child->rest > 0) {
        go_on(engine, block, m->child);
    }
    answered(engine, block, holding, opened);
}

static void refuse(struct mam_engine *engine, struct mam_block *block, struct mam_child *child) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    int64_t volume = child->assigned;
    engine->counts.bookings_refused++;
    mam_book_refused(engine, block, child);
    child->rest = 0;
    hold(engine, block, child, -1);
    give_to_house(engine, block, child, volume);
    block->refused += volume;
    if (child->price != 0) {
        block->prices[child->price - 1].volume += volume;
    }
    if (block->entry == MAM_ENTRY_CLOSING) {
        block->reason = MAM_REASON_NOT_CLOSED;
        mam_owe(engine, block, child, volume, MAM_REASON_REFUSED);
    } else {
        block->reason = MAM_REASON_REFUSED;
    }
    if (block->policy.on_refused != MAM_ON_REFUSED_REALLOCATE && block->entry == MAM_ENTRY_OPENING) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, MAM_REASON_REFUSED, block->id,
                  engine->accounts[child->account].login);
    }
    answered(engine, block, holding, volume);
}

static bool same_answer(const struct mam_child *child, const struct mam_booking_report *m) {
    return (child->status == MAM_CHILD_BOOKED && m->status == MAM_BOOKING_STATUS_BOOKED &&
            m->deal == child->deal) ||
           (child->status == MAM_CHILD_REFUSED && m->status == MAM_BOOKING_STATUS_REFUSED);
}

/* The child that is spoken of, if it waits for an answer; else *reason says why not. */
static struct mam_child *asked_child(struct mam_engine *engine, struct mam_block *block,
                                     const struct mam_booking_report *m, uint16_t *reason, uint16_t *field) {
    *field = 3;
    if (m->child >= block->child_count) {
        *reason = mam_impossible(engine, m->block, m->login, MAM_REASON_UNKNOWN_BLOCK);
        return NULL;
    }
    struct mam_child *child = child_at(engine, block, m->child);
    const struct mam_account_state_row *account = &engine->accounts[child->account];
    *field = 4;
    if (m->login != account->login || account->bridge != engine->bridge) {
        *reason =
            mam_impossible(engine, m->block, m->login,
                           m->login != account->login ? MAM_REASON_UNKNOWN_ACCOUNT : MAM_REASON_WRONG_SOURCE);
        return NULL;
    }
    *field = 10;
    if (same_answer(child, m)) {
        engine->counts.duplicates++;
        *reason = MAM_REASON_DUPLICATE;
        return NULL;
    }
    if (child->status != MAM_CHILD_ASKED && child->status != MAM_CHILD_UNKNOWN) {
        *reason = mam_impossible(engine, m->block, m->login, MAM_REASON_WRONG_STATE);
        return NULL;
    }
    *reason = MAM_REASON_NONE;
    return child;
}

/* What stands in the server's books is not what was asked for: a person must reconcile it. */
static uint16_t mismatch(struct mam_engine *engine, struct mam_child *child,
                         const struct mam_booking_report *m, uint16_t *field) {
    *field = m->volume != mam_child_part(child) ? 7 : 8;
    set_status(engine, child, MAM_CHILD_UNKNOWN);
    return mam_impossible(engine, m->block, m->login, MAM_REASON_PRICE_MISMATCH);
}

uint16_t mam_take_booked(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    const struct mam_booking_report *m = message;
    uint16_t reason;
    struct mam_child *child = asked_child(engine, block, m, &reason, field);
    if (child == NULL) {
        return reason;
    }
    if (m->volume != mam_child_part(child) || m->price != mam_child_price(block, child)) {
        return mismatch(engine, child, m, field);
    }
    on_booked(engine, block, child, m);
    mam_block_finish_if_answered(engine, block);
    return MAM_REASON_NONE;
}

uint16_t mam_take_refused(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    uint16_t reason;
    struct mam_child *child = asked_child(engine, block, message, &reason, field);
    if (child != NULL) {
        refuse(engine, block, child);
        mam_block_finish_if_answered(engine, block);
    }
    return reason;
}

uint16_t mam_take_retry(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    const struct mam_booking_report *m = message;
    uint16_t reason;
    struct mam_child *child = asked_child(engine, block, m, &reason, field);
    if (child == NULL) {
        return reason;
    }
    if (child->tries < TRIES_MAX) {
        child->sent = engine->now + (AGAIN_NS << child->tries);
        child->tries++;
        set_status(engine, child, MAM_CHILD_PUT_OFF); /* it is not done: nothing is unanswered of it */
        mam_block_wake(engine, block, child->sent);
    } else {
        refuse(engine, block, child);
        mam_block_finish_if_answered(engine, block);
    }
    return MAM_REASON_NONE;
}

uint16_t mam_take_unknown(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    const struct mam_booking_report *m = message;
    uint16_t reason;
    struct mam_child *child = asked_child(engine, block, m, &reason, field);
    if (child != NULL) {
        set_status(engine, child, MAM_CHILD_UNKNOWN);
        if (block->query_due == 0) { /* it may find out by itself until then */
            block->query_due = engine->now + timeout_ns(engine, block);
            mam_block_wake(engine, block, block->query_due);
        }
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_REFUSED, block->id, m->login);
    }
    return reason;
}

/* --- What a return code means --- */

static uint8_t status_of(enum mam_code_class means) {
    switch (means) {
    case MAM_CODE_DONE:
        return MAM_BOOKING_STATUS_BOOKED;
    case MAM_CODE_PRICE:
    case MAM_CODE_BUSY:
        return MAM_BOOKING_STATUS_RETRY;
    case MAM_CODE_REJECTED:
    case MAM_CODE_CLOSED:
    case MAM_CODE_ACCOUNT:
    case MAM_CODE_STATE:
    case MAM_CODE_CONFIG:
        return MAM_BOOKING_STATUS_REFUSED;
    default:
        return MAM_BOOKING_STATUS_UNKNOWN;
    }
}

/* Beside the refusal: a person must set something right, or the server's state is to be read again. */
static void follow_up(struct mam_engine *engine, const struct mam_booking_report *m,
                      enum mam_code_class means) {
    if (means == MAM_CODE_CONFIG) {
        struct mam_risk_alert alert;
        mam_risk_alert_init(&alert);
        alert.kind = MAM_ALERT_KIND_CONFIGURATION;
        alert.reason = MAM_REASON_REFUSED;
        alert.block = m->block;
        alert.login = m->login;
        alert.measured = (int64_t)m->code * 100000000;
        mam_alert_send(engine, engine->bridge, &alert);
    } else if (means == MAM_CODE_STATE) {
        mam_ask_state(engine, engine->bridge, m->login);
    }
}

uint16_t mam_on_server_terms(struct mam_engine *engine, const struct mam_server_terms *m, uint16_t *field) {
    struct mam_bridge_state *server = &engine->bridges[engine->bridge];
    *field = 2;
    if (m->batch == 0 || m->batch > 65536 || (m->platform == MAM_PLATFORM_MT4 && m->batch > 1)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    server->batch_size = m->batch;
    server->window = m->window;
    server->platform = m->platform;
    engine->next_deadline = engine->now; /* a wider window lets out what waits */
    return MAM_REASON_NONE;
}

uint16_t mam_on_booking_report(struct mam_engine *engine, const struct mam_booking_report *message,
                               uint16_t *field) {
    struct mam_booking_report answer = *message;
    const struct mam_booking_report *m = &answer;
    bool coded = m->status == MAM_BOOKING_STATUS_CODED;
    enum mam_code_class means =
        mam_code_class((enum mam_code_table)engine->bridges[engine->bridge].platform, m->code);
    *field = 2;
    if (coded && means == MAM_CODE_PROGRESS) { /* no outcome yet: its time runs on */
        const struct mam_block *block = mam_block_find(engine, m->block);
        bool asked = block != NULL && m->child < block->child_count;
        return asked ? MAM_REASON_NONE : mam_impossible(engine, m->block, m->login, MAM_REASON_UNKNOWN_BLOCK);
    }
    answer.status = coded ? status_of(means) : m->status;
    uint16_t reason =
        mam_block_event(engine, mam_block_find(engine, m->block),
                        (enum mam_block_event)(MAM_EVENT_BOOKED + m->status), m, field, m->block, m->login);
    if (reason == MAM_REASON_NONE && m->status == MAM_BOOKING_STATUS_REFUSED) {
        follow_up(engine, m, means);
    }
    if (mam_booking_release(engine, engine->bridge)) {
        engine->next_deadline = engine->now;
    }
    return reason;
}

/* --- Time --- */

static void query(struct mam_engine *engine, const struct mam_block *block, uint32_t bridge, uint32_t count) {
    struct mam_booking_query message;
    mam_booking_query_init(&message);
    message.block = block->id;
    message.unanswered = count;
    mam_emit(engine, bridge, &message, sizeof message);
}

static void ask_again(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    if (child->sent > engine->now) {
        mam_block_wake(engine, block, child->sent);
        return;
    }
    enqueue(engine, block, at); /* the end of this Clock lets it out */
}

/* Asks each server of which there are unknown outcomes, now if `late` and else when it is time, and says when
 * next. */
static void query_unknown(struct mam_engine *engine, struct mam_block *block, const uint32_t *unknown,
                          bool late) {
    bool any = false;
    bool due = late || (block->query_due <= engine->now && block->queries < QUERIES_MAX);
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        any |= unknown[bridge] > 0;
        if (unknown[bridge] > 0 && due) {
            query(engine, block, bridge, unknown[bridge]);
        }
    }
    if (!any) {
        block->query_due = 0;
        block->queries = 0;
        return;
    }
    if (due) {
        if (block->queries < QUERIES_MAX) {
            block->queries++;
        }
        block->query_due = engine->now + (timeout_ns(engine, block) << block->queries);
    }
    if (block->queries < QUERIES_MAX) {
        mam_block_wake(engine, block, block->query_due);
    }
}

/* A silent server: each late outcome is unknown, nothing is booked twice, the server is asked, and one alert
 * names the block. Nothing new goes to that server until all is known. */
void mam_booking_clock(struct mam_engine *engine, struct mam_block *block) {
    uint32_t unknown[MAM_BRIDGES_MAX + 1] = {0};
    int64_t timeout = timeout_ns(engine, block);
    bool late = false;
    for (uint32_t i = 0; i < block->child_count; i++) {
        struct mam_child *child = child_at(engine, block, i);
        if (child->status == MAM_CHILD_PUT_OFF) {
            ask_again(engine, block, i);
        }
        if (child->status == MAM_CHILD_ASKED && child->sent + timeout <= engine->now) {
            set_status(engine, child, MAM_CHILD_UNKNOWN);
            late = true;
        } else if (child->status == MAM_CHILD_ASKED) {
            mam_block_wake(engine, block, child->sent + timeout);
        }
        if (child->status == MAM_CHILD_UNKNOWN) {
            unknown[engine->accounts[child->account].bridge]++;
        }
    }
    query_unknown(engine, block, unknown, late);
    if (late) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_REFUSED, block->id, 0);
    }
}
