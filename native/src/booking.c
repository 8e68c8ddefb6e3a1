/*
 * The children at the broker's server. A Booking's key is (block, child): it never changes, so that either
 * side recognises a repeat. An answer moves a child once; an unknown outcome waits for a definite one.
 */
#include "state.h"

#define TRIES_MAX 3 /* "retry" answers before a booking counts as refused */

static struct mam_child *child_at(struct mam_engine *engine, const struct mam_block *block, uint32_t child) {
    return &engine->children[block->first_child + child];
}

/* --- Asking --- */

static void send(struct mam_engine *engine, struct mam_block *block, uint32_t at) {
    struct mam_child *child = child_at(engine, block, at);
    if (!block->plan_emitted) {
        mam_law_broken(engine, 4, block->id);
        return;
    }
    if (child->status == MAM_CHILD_BOOKED || child->status == MAM_CHILD_REFUSED) {
        mam_law_broken(engine, 6, block->id);
        return;
    }
    const struct mam_account_state_row *account = &engine->accounts[child->account];
    struct mam_booking booking;
    mam_booking_init(&booking);
    booking.block = block->id;
    booking.child = at;
    booking.login = account->login;
    booking.volume = child->assigned;
    booking.price = block->price;
    booking.position = block->entry == MAM_ENTRY_CLOSING && child->holding != MAM_NONE
                           ? engine->holdings[child->holding].ticket
                           : 0;
    booking.instrument = engine->instruments[block->instrument].definition.instrument;
    booking.side = block->side;
    booking.entry = block->entry;
    child->status = MAM_CHILD_ASKED;
    if (block->deadline == INT64_MAX) {
        mam_block_deadline(engine, block,
                           block->policy.booking_timeout != 0 ? block->policy.booking_timeout
                                                              : engine->limits.booking_timeout_ms);
    }
    engine->counts.bookings++;
    mam_emit(engine, account->bridge, &booking, sizeof booking);
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
    child->status = MAM_CHILD_DEFERRED;
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

static void hold_house(struct mam_engine *engine, const struct mam_block *block, int64_t volume) {
    int64_t direction = block->entry == MAM_ENTRY_CLOSING ? -1 : 1;
    engine->positions[block->position].house += direction * volume;
}

/* Volume that a child cannot have goes to the house; law 1 stays whole. */
static void give_to_house(struct mam_engine *engine, struct mam_block *block, struct mam_child *child,
                          int64_t volume) {
    MAM_ASSERT(volume >= 0 && volume <= child->assigned);
    block->allocated -= volume;
    block->house += volume;
    hold_house(engine, block, volume);
    child->assigned -= volume;
    if (child->assigned == 0) {
        child->status = MAM_CHILD_REFUSED;
    }
}

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
        if (holding->volume < 0) {
            int64_t missing = -holding->volume < child->assigned ? -holding->volume : child->assigned;
            give_to_house(engine, block, child, missing);
            holding->volume += missing;
        }
        if (child->assigned > 0) {
            send(engine, block, at);
        } else {
            block->answered++;
            holding->pending--;
            mam_block_finish_if_answered(engine, block);
        }
        block_id = next_block;
        at = next_child;
    }
    if (holding->volume < 0) {
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
    int64_t held = engine->holdings[child->holding].volume;
    int64_t most = held > 0 ? held : 0;
    if (child->assigned > most) {
        give_to_house(engine, block, child, child->assigned - most);
        block->reason = MAM_REASON_HOLDING;
    }
}

void mam_book_children(struct mam_engine *engine, struct mam_block *block) {
    bool fresh = engine->positions[block->position].holding_count == 0; /* nobody can be found in it */
    hold_house(engine, block, block->house);
    mam_unreserve(engine, block);
    for (uint32_t i = 0; i < block->child_count; i++) {
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
        if (block->entry == MAM_ENTRY_CLOSING) {
            trim_to_holding(engine, block, child);
        }
        if (child->assigned == 0) {
            continue;
        }
        hold(engine, block, child, 1);
        ask(engine, block, i);
    }
}

/* --- Answers --- */

static uint16_t impossible(struct mam_engine *engine, const struct mam_booking_report *m, uint16_t reason) {
    engine->counts.impossible++;
    mam_alert(engine, engine->bridge, MAM_ALERT_KIND_IMPOSSIBLE, reason, m->block, m->login);
    return reason;
}

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

static void on_booked(struct mam_engine *engine, struct mam_block *block, struct mam_child *child,
                      const struct mam_booking_report *m) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    child->status = MAM_CHILD_BOOKED;
    child->deal = m->deal;
    if (block->entry == MAM_ENTRY_OPENING && holding->ticket == 0) {
        holding->ticket = m->position;
    }
    answered(engine, block, holding, child->assigned);
}

static void on_refused(struct mam_engine *engine, struct mam_block *block, struct mam_child *child) {
    struct mam_holding *holding = &engine->holdings[child->holding];
    int64_t volume = child->assigned;
    engine->counts.bookings_refused++;
    hold(engine, block, child, -1);
    give_to_house(engine, block, child, volume);
    block->reason = MAM_REASON_REFUSED;
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, MAM_REASON_REFUSED, block->id,
              engine->accounts[child->account].login);
    answered(engine, block, holding, volume);
}

static uint16_t check_report(struct mam_engine *engine, const struct mam_block *block,
                             const struct mam_child *child, const struct mam_booking_report *m,
                             uint16_t *field) {
    *field = 4;
    const struct mam_account_state_row *account = &engine->accounts[child->account];
    if (m->login != account->login || account->bridge != engine->bridge) {
        return impossible(engine, m,
                          m->login != account->login ? MAM_REASON_UNKNOWN_ACCOUNT : MAM_REASON_WRONG_SOURCE);
    }
    *field = 10;
    if (child->status == MAM_CHILD_BOOKED && m->status == MAM_BOOKING_STATUS_BOOKED &&
        m->deal == child->deal) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (child->status == MAM_CHILD_REFUSED && m->status == MAM_BOOKING_STATUS_REFUSED) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (child->status != MAM_CHILD_ASKED && child->status != MAM_CHILD_UNKNOWN) {
        return impossible(engine, m, MAM_REASON_WRONG_STATE);
    }
    *field = m->volume != child->assigned ? 7 : 8;
    if (m->status == MAM_BOOKING_STATUS_BOOKED &&
        (m->volume != child->assigned || m->price != block->price)) {
        return impossible(engine, m, MAM_REASON_PRICE_MISMATCH);
    }
    return MAM_REASON_NONE;
}

uint16_t mam_on_booking_report(struct mam_engine *engine, const struct mam_booking_report *m,
                               uint16_t *field) {
    struct mam_block *block = mam_block_find(engine, m->block);
    if (block == NULL || m->child >= block->child_count) {
        *field = block == NULL ? 2 : 3;
        return impossible(engine, m, MAM_REASON_UNKNOWN_BLOCK);
    }
    struct mam_child *child = child_at(engine, block, m->child);
    uint16_t reason = check_report(engine, block, child, m, field);
    if (reason == MAM_REASON_PRICE_MISMATCH) {
        child->status =
            MAM_CHILD_UNKNOWN; /* what stands in the server's books must be reconciled by a person */
    }
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    switch (m->status) {
    case MAM_BOOKING_STATUS_BOOKED:
        on_booked(engine, block, child, m);
        break;
    case MAM_BOOKING_STATUS_RETRY:
        if (child->tries < TRIES_MAX) {
            child->tries++;
            send(engine, block, m->child);
            return MAM_REASON_NONE;
        }
        on_refused(engine, block, child);
        break;
    case MAM_BOOKING_STATUS_REFUSED:
        on_refused(engine, block, child);
        break;
    default:
        child->status = MAM_CHILD_UNKNOWN;
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_REFUSED, block->id, m->login);
        return MAM_REASON_NONE;
    }
    mam_block_finish_if_answered(engine, block);
    return MAM_REASON_NONE;
}

/* The server is silent: each outcome is unknown, nothing is asked twice, one alert names the block. */
void mam_booking_timeout(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->child_count; i++) {
        struct mam_child *child = child_at(engine, block, i);
        if (child->status == MAM_CHILD_ASKED) {
            child->status = MAM_CHILD_UNKNOWN;
        }
    }
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_TIMEOUT, MAM_REASON_REFUSED, block->id, 0);
}
