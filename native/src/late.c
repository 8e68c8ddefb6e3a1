/* What LPs report of blocks that are gone: the children are booked, so it is the house's; alarmed. */
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

static bool plausible(const struct mam_execution *m) {
    return m->volume > 0 && m->volume <= MAM_VOLUME_MAX && m->price > 0 && m->price <= MAM_PRICE_MAX;
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
    bool told = m->volume <= leg->by_status && m->cumulative <= leg->peak;
    if (told) {
        leg->by_status -= m->volume;
        remember(engine, m, MAM_FILL_REPORT);
    }
    bool newer = m->cumulative > leg->highest;
    if (told || (!newer && m->volume > leg->highest - leg->known)) {
        *field = 7;
        engine->counts.duplicates++; /* known under another number, or by a status answer */
        return MAM_REASON_DUPLICATE;
    }
    if (leg->known > MAM_VOLUME_MAX - m->volume) {
        *field = 5;
        return mam_impossible(engine, m->block, 0, MAM_REASON_OUT_OF_RANGE);
    }
    leg->known += m->volume;
    leg->highest = newer ? m->cumulative : leg->highest;
    leg->peak = leg->highest > leg->peak ? leg->highest : leg->peak;
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
    struct mam_fill *fill = live_fill(engine, m);
    if (fill == NULL || fill->volume > leg->known) {
        *field = 8;
        return mam_impossible(engine, m->block, 0, MAM_REASON_UNKNOWN_BLOCK);
    }
    int64_t added = why == MAM_REASON_CORRECTED ? m->volume : 0;
    leg->known += added - fill->volume;
    leg->highest += added - fill->volume;
    leg->highest = m->cumulative > leg->highest ? m->cumulative : leg->highest;
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
    uint16_t reason = undo(engine, m, MAM_REASON_CORRECTED, field);
    if (reason == MAM_REASON_NONE) {
        struct mam_old_leg *leg = mam_old_leg_find(engine, m->block, m->leg);
        take(engine, leg, leg->side, m->volume, m->price, MAM_REASON_CORRECTED);
        remember(engine, m, MAM_FILL_LIVE);
    }
    return reason;
}

/* An answer that crossed the end: nothing to do, if the leg was the LP's. */
uint16_t mam_late_end(struct mam_engine *engine, struct mam_block *block, const void *message,
                      uint16_t *field) {
    (void)block;
    uint16_t reason;
    return known_leg(engine, message, field, &reason) == NULL ? reason : MAM_REASON_NONE;
}
