/*
 * What is reported of blocks that are gone. Of LPs: the children are booked, so it is the house's; alarmed.
 * Of servers: the answer again, or nonsense.
 */
#include "state.h"

/* The leg, if it is remembered and was this LP's; otherwise alarmed. */
static struct mam_old_leg *known_leg(struct mam_engine *engine, const struct mam_execution *m,
                                     uint16_t *field, uint16_t *reason) {
    struct mam_old_leg *leg = mam_old_leg_find(engine, m->block, m->leg);
    *field = 2;
    *reason = leg == NULL                     ? MAM_REASON_UNKNOWN_BLOCK
              : leg->bridge != engine->bridge ? MAM_REASON_WRONG_SOURCE
                                              : MAM_REASON_NONE;
    if (*reason != MAM_REASON_NONE) {
        mam_impossible(engine, m->block, 0, *reason);
        return NULL;
    }
    return leg;
}

static bool cumulative_plausible(const struct mam_execution *m) {
    return m->cumulative >= 0 && m->cumulative <= MAM_VOLUME_MAX;
}

static bool price_plausible(struct mam_engine *engine, const struct mam_execution *m, uint16_t *field) {
    const struct mam_old_leg *leg = mam_old_leg_find(engine, m->block, m->leg);
    *field = 6;
    return leg == NULL || mam_price_plausible(engine, leg->instrument, m->price);
}

static bool plausible(const struct mam_execution *m) {
    return m->volume > 0 && m->volume <= MAM_VOLUME_MAX && m->price > 0 && m->price <= MAM_PRICE_MAX &&
           cumulative_plausible(m);
}

static void remember(struct mam_engine *engine, const struct mam_execution *m, uint8_t status) {
    mam_fill_remember(engine, &(struct mam_fill){.execution = m->execution,
                                                 .volume = m->volume,
                                                 .price = m->price,
                                                 .block = m->block,
                                                 .leg = m->leg,
                                                 .bridge = engine->bridge,
                                                 .status = status});
}

static void take(struct mam_engine *engine, const struct mam_old_leg *leg, uint8_t side, int64_t volume,
                 int64_t price, uint16_t reason) {
    mam_house_take(engine, leg->to, leg->block, leg->instrument, leg->bridge, side, volume, price, reason);
}

/* Nobody waits for the answer; what it tells is the house's. */
static void ask(struct mam_engine *engine, const struct mam_old_leg *leg) {
    mam_cancel_leg(engine, leg->bridge, leg->block, leg->leg);
    mam_alert(engine, leg->to, MAM_ALERT_KIND_GAP, MAM_REASON_SEQUENCE_GAP, leg->block, 0);
}

/* The own report of what a status answer told, which can be taken back from now on. */
static uint16_t take_told(struct mam_engine *engine, struct mam_old_leg *leg, const struct mam_execution *m,
                          uint16_t *field) {
    int64_t left = mam_sum_price_left(&leg->sum, m->volume, m->price, MAM_PRICE_MAX);
    if (left <= 0 || !mam_price_plausible(engine, leg->instrument, left)) {
        *field = 6;
        return mam_impossible(engine, m->block, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    }
    mam_sum_reported(&leg->sum, m->volume, m->price);
    remember(engine, m, MAM_FILL_LIVE);
    engine->counts.duplicates++;
    if (m->cumulative > leg->sum.highest) { /* unless it is a new one of the same size, after a bust */
        ask(engine, leg);
    }
    return MAM_REASON_DUPLICATE;
}

uint16_t mam_late_trade(struct mam_engine *engine, struct mam_block *block, const void *message,
                        uint16_t *field) {
    (void)block;
    const struct mam_execution *m = message;
    uint16_t reason;
    struct mam_old_leg *leg = known_leg(engine, m, field, &reason);
    if (leg == NULL) {
        return reason;
    }
    if (!plausible(m)) {
        *field = 5;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    enum mam_fill_place place = mam_sum_place(&leg->sum, m->volume, m->cumulative);
    *field = 7;
    if (place == MAM_FILL_KNOWN) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (!mam_price_plausible(engine, leg->instrument, m->price)) {
        *field = 6;
        return mam_impossible(engine, m->block, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    }
    if (place == MAM_FILL_TOLD) {
        return take_told(engine, leg, m, field);
    }
    if (place == MAM_FILL_CONTRADICTS) {
        return mam_impossible(engine, m->block, 0, MAM_REASON_SEQUENCE_GAP);
    }
    if (leg->sum.known > MAM_VOLUME_MAX - m->volume) {
        *field = 5;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    if (place == MAM_FILL_NEWER) {
        mam_sum_heard(&leg->sum, m->cumulative - m->volume, m->cumulative);
    }
    mam_sum_add(&leg->sum, m->volume, (__int128)m->volume * m->price);
    take(engine, leg, leg->side, m->volume, m->price, MAM_REASON_LATE_FILL);
    remember(engine, m, MAM_FILL_LIVE);
    return MAM_REASON_NONE;
}

static struct mam_fill *live_fill(struct mam_engine *engine, const struct mam_execution *m) {
    struct mam_fill *fill = mam_fill_find(engine, engine->bridge, m->reference);
    for (int hops = 0; fill != NULL && fill->replaced_by != 0 && hops < 64; hops++) {
        fill = mam_fill_find(engine, engine->bridge, fill->replaced_by);
    }
    bool same = fill != NULL && fill->block == m->block && fill->leg == m->leg;
    return same && fill->status == MAM_FILL_LIVE ? fill : NULL;
}

static uint16_t undo(struct mam_engine *engine, const struct mam_execution *m, uint16_t why,
                     uint16_t *field) {
    uint16_t reason;
    struct mam_old_leg *leg = known_leg(engine, m, field, &reason);
    if (leg == NULL) {
        return reason;
    }
    if (!cumulative_plausible(m)) {
        *field = 7;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    struct mam_fill *fill = live_fill(engine, m);
    if (fill == NULL || fill->volume > leg->sum.known) {
        *field = 8;
        return mam_impossible(engine, m->block, 0, MAM_REASON_UNKNOWN_BLOCK);
    }
    int64_t added = why == MAM_REASON_CORRECTED ? m->volume : 0;
    if (!mam_sum_fits(&leg->sum, fill->volume, added, MAM_VOLUME_MAX)) {
        *field = 5;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    mam_sum_undo(&leg->sum, fill->volume, (__int128)fill->volume * fill->price);
    mam_sum_add(&leg->sum, added, (__int128)added * m->price);
    leg->sum.highest += added;
    mam_sum_compare(&leg->sum, m->cumulative, fill->volume - added);
    fill->status = MAM_FILL_UNDONE;
    fill->replaced_by = why == MAM_REASON_CORRECTED ? m->execution : 0;
    take(engine, leg, leg->side ^ 1u, fill->volume, fill->price, why);
    return MAM_REASON_NONE;
}

uint16_t mam_late_bust(struct mam_engine *engine, struct mam_block *block, const void *message,
                       uint16_t *field) {
    (void)block;
    uint16_t reason = undo(engine, message, MAM_REASON_BUSTED, field);
    if (reason == MAM_REASON_NONE) {
        remember(engine, message, MAM_FILL_REPORT);
    }
    return reason;
}

uint16_t mam_late_correct(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    (void)block;
    const struct mam_execution *m = message;
    if (!plausible(m)) {
        *field = 5;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    if (!price_plausible(engine, m, field)) {
        return mam_impossible(engine, m->block, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    }
    uint16_t reason = undo(engine, m, MAM_REASON_CORRECTED, field);
    if (reason == MAM_REASON_NONE) {
        struct mam_old_leg *leg = mam_old_leg_find(engine, m->block, m->leg);
        take(engine, leg, leg->side, m->volume, m->price, MAM_REASON_CORRECTED);
        remember(engine, m, MAM_FILL_LIVE);
    }
    return reason;
}

/* More filled than we know of, priced by the average of all. Without a price its own reports must tell it. */
static uint16_t take_missing(struct mam_engine *engine, struct mam_old_leg *leg,
                             const struct mam_execution *m, uint16_t *field) {
    __int128 notional;
    int64_t price, missing = m->cumulative - leg->sum.known;
    if (m->price == 0) {
        mam_alert(engine, leg->to, MAM_ALERT_KIND_GAP, MAM_REASON_SEQUENCE_GAP, leg->block, 0);
        return MAM_REASON_NONE;
    }
    if (!mam_sum_price_missing(&leg->sum, m->cumulative, m->price, MAM_PRICE_MAX, &notional, &price) ||
        !mam_price_plausible(engine, leg->instrument, m->price) ||
        !mam_price_plausible(engine, leg->instrument, price)) {
        *field = 6;
        return mam_impossible(engine, m->block, 0, MAM_REASON_IMPLAUSIBLE_PRICE);
    }
    mam_sum_tell(&leg->sum, missing, notional);
    take(engine, leg, leg->side, missing, price, MAM_REASON_LATE_FILL);
    return MAM_REASON_NONE;
}

uint16_t mam_late_status(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    (void)block;
    const struct mam_execution *m = message;
    uint16_t reason;
    struct mam_old_leg *leg = known_leg(engine, m, field, &reason);
    if (leg == NULL) {
        return reason;
    }
    if (!cumulative_plausible(m)) {
        *field = 7;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    mam_sum_heard(&leg->sum, m->cumulative, m->cumulative);
    remember(engine, m, MAM_FILL_REPORT);
    return m->cumulative > leg->sum.known ? take_missing(engine, leg, m, field) : MAM_REASON_NONE;
}

/* An answer that crossed the end: nothing to do, if the leg was the LP's. */
uint16_t mam_late_end(struct mam_engine *engine, struct mam_block *block, const void *message,
                      uint16_t *field) {
    (void)block;
    uint16_t reason;
    return known_leg(engine, message, field, &reason) == NULL ? reason : MAM_REASON_NONE;
}

/* --- Servers: each Booking has been answered; a BookingQuery may have made them say it once more --- */

static uint16_t answer_again(struct mam_engine *engine, const struct mam_booking_report *m, uint64_t deal,
                             uint16_t *field) {
    const struct mam_old_answer *known = mam_old_answer_find(engine, m->block, m->child);
    *field = known == NULL ? 2 : 4;
    if (known == NULL) {
        return mam_impossible(engine, m->block, m->login, MAM_REASON_UNKNOWN_BLOCK);
    }
    if (known->login != m->login) {
        return mam_impossible(engine, m->block, m->login, MAM_REASON_UNKNOWN_ACCOUNT);
    }
    uint32_t account = mam_table_get(&engine->account_by_login, m->login);
    if (account == MAM_TABLE_NONE || engine->accounts[account].bridge != engine->bridge) {
        return mam_impossible(engine, m->block, m->login, MAM_REASON_WRONG_SOURCE);
    }
    *field = 10;
    if (known->deal != deal) {
        return mam_impossible(engine, m->block, m->login, MAM_REASON_WRONG_STATE);
    }
    engine->counts.duplicates++;
    return MAM_REASON_DUPLICATE;
}

uint16_t mam_late_booked(struct mam_engine *engine, struct mam_block *block, const void *message,
                         uint16_t *field) {
    (void)block;
    const struct mam_booking_report *m = message;
    return answer_again(engine, m, m->deal, field);
}

uint16_t mam_late_refused(struct mam_engine *engine, struct mam_block *block, const void *message,
                          uint16_t *field) {
    (void)block;
    return answer_again(engine, message, MAM_OLD_REFUSED, field);
}
