/*
 * What LPs report of legs. A fill is known by (LP, execution id) and checked against the leg's cumulative
 * volume (leg_sum.h); while a fill is missing the leg's outcome is unknown and the LP is asked.
 *
 * A fill is the block's up to what is still wanted of the leg and of the block; the rest, and all that comes
 * when the volumes are decided, is the house's (house.c): never a wrong child.
 */
#include "codes.h"
#include "state.h"

static struct mam_leg_state *leg_of(struct mam_block *block, const struct mam_execution *m) {
    return &block->legs[m->leg];
}

/* Is the leg one that this state of the block works on? If not, what is reported of it comes too late. */
static bool at_work(const struct mam_block *block, const struct mam_leg_state *leg) {
    return (leg->purpose == MAM_LEG_EXECUTE) == (block->status == MAM_BLOCK_STATUS_WORKING);
}

static void remember(struct mam_engine *engine, const struct mam_execution *m, uint8_t status,
                     int64_t in_block) {
    mam_fill_remember(engine, &(struct mam_fill){.execution = m->execution,
                                                 .volume = m->volume,
                                                 .price = m->price,
                                                 .in_block = in_block,
                                                 .block = m->block,
                                                 .leg = m->leg,
                                                 .bridge = engine->bridge,
                                                 .status = status});
}

/* --- What a fill does --- */

/* The block has `volume` more (or, negative, less) of this purpose. */
static void count_in(struct mam_engine *engine, struct mam_block *block, const struct mam_leg_state *leg,
                     int64_t volume, __int128 notional) {
    if (leg->purpose == MAM_LEG_EXECUTE) {
        block->filled += volume;
        block->executed += volume;
        block->notional += notional;
        mam_entitle(engine, block, volume > 0);
    } else {
        block->to_reverse -= volume;
        block->filled -= volume;
        block->house -= volume;
        if (block->status == MAM_BLOCK_STATUS_ALLOCATING) {
            mam_hold_house(engine, block, -volume);
            engine->positions[block->position].house_reserved -= volume;
        }
    }
    mam_block_law_check(engine, block);
}

static __int128 part_of(__int128 notional, int64_t volume, int64_t part) {
    return part == volume ? notional : notional / volume * part;
}

/* Returns how much of a fill the block takes; the rest goes to the house. `notional` is of the whole. */
static int64_t take_fill(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                         int64_t volume, __int128 notional) {
    bool works = at_work(block, leg);
    int64_t room =
        leg->purpose == MAM_LEG_EXECUTE ? mam_block_target(block) - block->filled : block->to_reverse;
    int64_t of_leg = leg->volume > leg->sum.known ? leg->volume - leg->sum.known : 0;
    room = !works ? 0 : room < of_leg ? room : of_leg;
    int64_t taken = volume < room ? volume : room;
    if (taken > 0) {
        count_in(engine, block, leg, taken, part_of(notional, volume, taken));
    }
    if (taken < volume) {
        uint16_t reason = works ? MAM_REASON_OVERFILLED : MAM_REASON_LATE_FILL;
        engine->counts.impossible += works;
        mam_house_take(engine, block->bridge, block->id, block->instrument, leg->bridge, leg->side,
                       volume - taken, (int64_t)(notional / volume), reason);
    }
    return taken;
}

/* The LP is asked what it has filled, and gets nothing new until it has said so. */
static void doubt(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg) {
    if (leg->status != MAM_LEG_UNKNOWN) {
        mam_leg_set_status(engine, block, leg, MAM_LEG_UNKNOWN);
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_GAP, MAM_REASON_SEQUENCE_GAP, block->id, 0);
        mam_leg_ask(engine, block, leg);
    }
}

/* After any report: is a fill missing, is the leg over, does its LP live? */
static void review(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg) {
    if (leg->sum.highest > leg->sum.known) {
        doubt(engine, block, leg);
        return;
    }
    if (leg->over || leg->sum.known >= leg->volume) {
        bool was_open = leg->status != MAM_LEG_ENDED;
        mam_leg_set_status(engine, block, leg, MAM_LEG_ENDED);
        if (was_open && (at_work(block, leg) || block->open_legs == 0)) {
            mam_legs_next(engine, block);
        }
        return;
    }
    if (leg->status == MAM_LEG_UNKNOWN) { /* it speaks again */
        mam_leg_set_status(engine, block, leg, MAM_LEG_WORKING);
        leg->asked = 0;
        leg->deadline = engine->now + mam_leg_timeout(engine, block);
        mam_block_wake(engine, block, leg->deadline);
    }
}

/* --- Trades --- */

/* A fill with a report of its own. Returns how much of it the block takes. */
static int64_t take_report(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                           const struct mam_execution *m) {
    __int128 notional = (__int128)m->volume * m->price;
    int64_t taken = take_fill(engine, block, leg, m->volume, notional);
    mam_sum_add(&leg->sum, m->volume, notional);
    return taken;
}

/* The own report of what a status answer told, which can be taken back from now on. Its price counts: with
 * the last of such reports what the average was rounded by goes out of the block's notional too. */
static uint16_t take_told(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                          const struct mam_execution *m) {
    int64_t part = m->volume < leg->told_in_block ? m->volume : leg->told_in_block;
    leg->told_in_block -= part;
    leg->told_notional -= (__int128)part * m->price;
    if (leg->told_in_block == 0) {
        block->notional -= at_work(block, leg) && leg->purpose == MAM_LEG_EXECUTE ? leg->told_notional : 0;
        leg->told_notional = 0;
    }
    mam_sum_reported(&leg->sum, m->volume, m->price);
    remember(engine, m, MAM_FILL_LIVE, part);
    engine->counts.duplicates++;
    if (m->cumulative > leg->sum.highest) { /* unless it is a new one of the same size, after a bust */
        doubt(engine, block, leg);
    }
    return MAM_REASON_DUPLICATE;
}

/* Worse than the leg's limit: it was dealt all the same, so it is taken and a person is told. */
static void watch_limit(struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_leg_state *leg, int64_t price) {
    int64_t limit = leg->purpose == MAM_LEG_EXECUTE ? block->price_limit : 0;
    if (limit != 0 && !mam_as_good(leg->side, price, limit)) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_IMPOSSIBLE, MAM_REASON_PRICE_MISMATCH, block->id, 0);
    }
}

/* No child gets such a price: the LP is asked, and may report it again as it was. */
static uint16_t implausible(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                            uint16_t *field) {
    *field = 6;
    uint16_t reason = mam_impossible(engine, block->id, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    doubt(engine, block, leg);
    return reason;
}

static bool plausible(const struct mam_execution *m, uint16_t *field) {
    *field = m->volume <= 0 || m->volume > MAM_VOLUME_MAX ? 5
             : m->price <= 0 || m->price > MAM_PRICE_MAX  ? 6
                                                          : 7;
    return m->volume > 0 && m->volume <= MAM_VOLUME_MAX && m->price > 0 && m->price <= MAM_PRICE_MAX &&
           m->cumulative >= 0 && m->cumulative <= MAM_VOLUME_MAX;
}

uint16_t mam_take_trade(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    const struct mam_execution *m = message;
    struct mam_leg_state *leg = leg_of(block, m);
    if (!plausible(m, field) || m->cumulative < m->volume || leg->sum.known > MAM_VOLUME_MAX - m->volume) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_OUT_OF_RANGE);
    }
    *field = 7;
    enum mam_fill_place place = mam_sum_place(&leg->sum, m->volume, m->cumulative);
    bool told = place == MAM_FILL_TOLD;
    int64_t left = told ? mam_sum_price_left(&leg->sum, m->volume, m->price, MAM_PRICE_MAX) : m->price;
    if (!mam_price_plausible(engine, block->instrument, m->price) || left <= 0 ||
        !mam_price_plausible(engine, block->instrument, left)) {
        return implausible(engine, block, leg, field);
    }
    if (told) {
        return take_told(engine, block, leg, m);
    }
    if (place == MAM_FILL_KNOWN) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (place == MAM_FILL_CONTRADICTS) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_SEQUENCE_GAP);
    }
    watch_limit(engine, block, leg, m->price);
    if (place == MAM_FILL_NEWER) {
        mam_sum_heard(&leg->sum, m->cumulative - m->volume, m->cumulative);
    }
    int64_t taken = take_report(engine, block, leg, m);
    remember(engine, m, MAM_FILL_LIVE, taken);
    review(engine, block, leg);
    return MAM_REASON_NONE;
}

/* --- The end of a leg --- */

/* An answer is the last word on the cumulative volume, also where it is less than was heard before. */
static void truth(struct mam_leg_sum *sum, int64_t cumulative) {
    if (cumulative < sum->highest) {
        sum->highest = cumulative;
    }
    mam_sum_heard(sum, cumulative, cumulative);
}

/*
 * Less than the LP itself has reported: a bust of its own that is lost, or nonsense. Its fills stand until it
 * takes them back, a person is told, and the leg ends with them: nothing would ever end it otherwise.
 */
static uint16_t less_than_known(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                                const struct mam_execution *m, bool over) {
    remember(engine, m, MAM_FILL_REPORT, 0);
    uint16_t reason = mam_impossible(engine, block->id, 0, MAM_REASON_WRONG_STATE);
    leg->over = leg->over || over;
    review(engine, block, leg);
    return reason;
}

static uint16_t take_end(struct mam_engine *engine, struct mam_block *block, const struct mam_execution *m,
                         uint16_t reason, uint16_t *field) {
    struct mam_leg_state *leg = leg_of(block, m);
    *field = 7;
    if (m->cumulative < 0 || m->cumulative > MAM_VOLUME_MAX) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_WRONG_STATE);
    }
    if (m->cumulative < leg->sum.known) {
        block->leg_reason = reason;
        return less_than_known(engine, block, leg, m, true);
    }
    remember(engine, m, MAM_FILL_REPORT, 0); /* an old one, repeated after a bust, would speak of more */
    if (leg->status == MAM_LEG_ENDED && m->cumulative == leg->sum.highest) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    leg->over = 1;
    truth(&leg->sum, m->cumulative);
    block->leg_reason = reason;
    review(engine, block, leg);
    return MAM_REASON_NONE;
}

/* A rejection is final, unless its code says that the LP does not know itself: then it may still fill. */
uint16_t mam_take_rejected(struct mam_engine *engine, struct mam_block *block, const void *message,
                           uint16_t *field) {
    const struct mam_execution *m = message;
    struct mam_leg_state *leg = leg_of(block, m);
    enum mam_code_class means = mam_rejection_class(m->code);
    if (means == MAM_CODE_UNKNOWN && leg->status != MAM_LEG_ENDED) {
        remember(engine, m, MAM_FILL_REPORT, 0);
        mam_leg_silent(engine, block, leg);
        return MAM_REASON_NONE;
    }
    leg->again = means == MAM_CODE_PRICE || means == MAM_CODE_BUSY;
    return take_end(engine, block, m, MAM_REASON_LP_REJECTED, field);
}

uint16_t mam_take_ended(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    return take_end(engine, block, message, MAM_REASON_NOT_EXECUTED, field);
}

/* --- Answers to status requests --- */

/* What is missing, priced by the average of all: its notional is exact to the LP's rounding of that average.
 * Without a price (0) its own reports must tell it. */
static uint16_t take_missing(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                             const struct mam_execution *m, uint16_t *field) {
    __int128 notional;
    int64_t price, missing = m->cumulative - leg->sum.known;
    if (missing == 0 || m->price == 0) {
        return MAM_REASON_NONE;
    }
    if (!mam_sum_price_missing(&leg->sum, m->cumulative, m->price, MAM_PRICE_MAX, &notional, &price) ||
        !mam_price_plausible(engine, block->instrument, m->price) ||
        !mam_price_plausible(engine, block->instrument, price)) {
        *field = 6;
        return mam_impossible(engine, block->id, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    }
    watch_limit(engine, block, leg, price);
    int64_t taken = take_fill(engine, block, leg, missing, notional);
    leg->told_in_block += taken;
    leg->told_notional += part_of(notional, missing, taken);
    mam_sum_tell(&leg->sum, missing, notional);
    return MAM_REASON_NONE;
}

uint16_t mam_take_status(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    const struct mam_execution *m = message;
    struct mam_leg_state *leg = leg_of(block, m);
    *field = 7;
    if (m->cumulative < 0 || m->cumulative > MAM_VOLUME_MAX || m->volume < 0) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_WRONG_STATE);
    }
    if (m->cumulative < leg->sum.known) {
        leg->sum.highest = leg->sum.known;
        return less_than_known(engine, block, leg, m, m->volume == 0);
    }
    remember(engine, m, MAM_FILL_REPORT, 0);
    if (leg->status == MAM_LEG_ENDED && m->cumulative == leg->sum.highest) {
        return MAM_REASON_NONE; /* asked twice, answered twice */
    }
    truth(&leg->sum, m->cumulative);
    leg->over = leg->over || m->volume == 0;
    uint16_t reason = take_missing(engine, block, leg, m, field);
    review(engine, block, leg);
    return reason;
}

/* --- Corrections and busts --- */

/* The fill that is spoken of now: corrections of corrections are followed. */
static struct mam_fill *live_fill(struct mam_engine *engine, const struct mam_execution *m) {
    struct mam_fill *fill = mam_fill_find(engine, engine->bridge, m->reference);
    for (int hops = 0; fill != NULL && fill->replaced_by != 0 && hops < 64; hops++) {
        fill = mam_fill_find(engine, engine->bridge, fill->replaced_by);
    }
    bool same = fill != NULL && fill->block == m->block && fill->leg == m->leg;
    return same && fill->status == MAM_FILL_LIVE ? fill : NULL;
}

/* Takes a fill back: the block's part while its volumes are not decided, the house's for the rest. */
static void undo(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                 struct mam_fill *fill, uint16_t reason) {
    int64_t in_block = at_work(block, leg) ? fill->in_block : 0;
    mam_sum_undo(&leg->sum, fill->volume, (__int128)fill->volume * fill->price);
    if (in_block > 0) {
        count_in(engine, block, leg, -in_block, -(__int128)in_block * fill->price);
    }
    if (fill->volume > in_block) {
        mam_house_take(engine, block->bridge, block->id, block->instrument, leg->bridge, leg->side ^ 1u,
                       fill->volume - in_block, fill->price, reason);
    }
    fill->status = MAM_FILL_UNDONE;
}

static uint16_t check_undo(struct mam_engine *engine, const struct mam_block *block,
                           const struct mam_leg_state *leg, const struct mam_execution *m,
                           const struct mam_fill *fill, uint16_t *field) {
    *field = 8;
    if (fill == NULL || leg->sum.known < fill->volume) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_UNKNOWN_BLOCK);
    }
    *field = 7;
    return m->cumulative >= 0 && m->cumulative <= MAM_VOLUME_MAX
               ? MAM_REASON_NONE
               : mam_impossible(engine, block->id, 0, MAM_REASON_OUT_OF_RANGE);
}

uint16_t mam_take_bust(struct mam_engine *engine, struct mam_block *block, const void *message,
                       uint16_t *field) {
    const struct mam_execution *m = message;
    struct mam_leg_state *leg = leg_of(block, m);
    struct mam_fill *fill = live_fill(engine, m);
    uint16_t reason = check_undo(engine, block, leg, m, fill, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    undo(engine, block, leg, fill, MAM_REASON_BUSTED);
    mam_sum_compare(&leg->sum, m->cumulative, fill->volume);
    remember(engine, m, MAM_FILL_REPORT, 0);
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_WARNING, MAM_REASON_BUSTED, block->id, 0);
    review(engine, block, leg);
    return MAM_REASON_NONE;
}

/* The same volume of the house's at another price would be two entries of its ledger: one that cancels. */
uint16_t mam_take_correct(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    const struct mam_execution *m = message;
    struct mam_leg_state *leg = leg_of(block, m);
    if (!plausible(m, field)) {
        return mam_impossible(engine, block->id, 0, MAM_REASON_OUT_OF_RANGE);
    }
    struct mam_fill *fill = live_fill(engine, m);
    uint16_t reason = check_undo(engine, block, leg, m, fill, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (!mam_price_plausible(engine, block->instrument, m->price)) {
        return implausible(engine, block, leg, field);
    }
    if (!mam_sum_fits(&leg->sum, fill->volume, m->volume, MAM_VOLUME_MAX)) {
        *field = 5;
        return mam_impossible(engine, block->id, 0, MAM_REASON_OUT_OF_RANGE);
    }
    watch_limit(engine, block, leg, m->price);
    undo(engine, block, leg, fill, MAM_REASON_CORRECTED);
    fill->replaced_by = m->execution;
    leg->sum.highest += m->volume;
    int64_t taken = take_report(engine, block, leg, m);
    mam_sum_compare(&leg->sum, m->cumulative, fill->volume - m->volume);
    remember(engine, m, MAM_FILL_LIVE, taken);
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_WARNING, MAM_REASON_CORRECTED, block->id, 0);
    review(engine, block, leg);
    return MAM_REASON_NONE;
}

/* --- The way in --- */

/* A number that comes again with another fill is no repeat: that fill is lost to us, and a person must know.
 */
static bool says_the_same(const struct mam_fill *known, const struct mam_execution *m) {
    bool trade = m->kind == MAM_EXECUTION_KIND_TRADE;
    return known->block == m->block && known->leg == m->leg &&
           (!trade || (known->volume == m->volume && known->price == m->price));
}

uint16_t mam_on_execution(struct mam_engine *engine, const struct mam_execution *m, uint16_t *field) {
    struct mam_block *block = mam_block_find(engine, m->block);
    if (m->execution == 0) {
        *field = 4;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    if (block != NULL && m->leg >= block->leg_count) {
        *field = 3;
        return mam_impossible(engine, m->block, 0, MAM_REASON_UNKNOWN_BLOCK);
    }
    if (block != NULL && block->legs[m->leg].bridge != engine->bridge) {
        *field = 2;
        return mam_impossible(engine, m->block, 0, MAM_REASON_WRONG_SOURCE);
    }
    const struct mam_fill *known = mam_fill_find(engine, engine->bridge, m->execution);
    if (known != NULL) {
        *field = 4;
        engine->counts.duplicates++;
        return says_the_same(known, m) ? MAM_REASON_DUPLICATE
                                       : mam_impossible(engine, m->block, 0, MAM_REASON_DUPLICATE);
    }
    *field = 2;
    return mam_block_event(engine, block, (enum mam_block_event)m->kind, m, field, m->block, 0);
}
