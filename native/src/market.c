/* Quotes of the LPs, each one's newest. */
#include "state.h"

struct mam_quote_state *mam_quote_at(struct mam_engine *engine, uint32_t instrument, uint32_t bridge) {
    return &engine->quotes[(uint64_t)instrument * (engine->limits.bridges + 1) + bridge];
}

static uint16_t check_quote(const struct mam_quote *m, uint16_t *field) {
    *field = 3;
    if (m->level != 0) {
        return MAM_REASON_NOT_SUPPORTED;
    }
    *field = 4;
    if (m->bid < 0 || m->ask < 0 || (m->bid == 0) != (m->ask == 0)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (m->ask > MAM_PRICE_MAX && m->bid <= m->ask) {
        *field = 5;
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (m->bid > m->ask) {
        return MAM_REASON_CROSSED_QUOTE;
    }
    *field = 6;
    return m->bid_volume < 0 || m->ask_volume < 0 ? MAM_REASON_OUT_OF_RANGE : MAM_REASON_NONE;
}

/* A refused quote withdraws the LP's former one: a source that talks nonsense is not traded on. */
uint16_t mam_on_quote(struct mam_engine *engine, const struct mam_quote *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    if (at == MAM_TABLE_NONE) {
        *field = 2;
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    struct mam_quote_state *quote = mam_quote_at(engine, at, engine->bridge);
    uint16_t reason = check_quote(m, field);
    if (reason != MAM_REASON_NONE) {
        *quote = (struct mam_quote_state){0};
        mam_mark_moved(engine, at);
        return reason;
    }
    *quote = (struct mam_quote_state){.bid = m->bid,
                                      .ask = m->ask,
                                      .bid_volume = m->bid_volume,
                                      .ask_volume = m->ask_volume,
                                      .time = engine->now};
    engine->counts.quotes++;
    mam_mark_moved(engine, at);
    return MAM_REASON_NONE;
}
