/* Quotes of the LPs, each level's newest. */
#include <string.h>

#include "state.h"

struct mam_quote_state *mam_quote_at(struct mam_engine *engine, uint32_t instrument, uint32_t bridge) {
    return &engine->quotes[((uint64_t)instrument * (engine->limits.bridges + 1) + bridge) * MAM_LEVELS];
}

void mam_quotes_forget(struct mam_engine *engine, uint32_t instrument) {
    struct mam_quote_state *all = mam_quote_at(engine, instrument, 0);
    memset(all, 0, (size_t)(engine->limits.bridges + 1) * MAM_LEVELS * sizeof *all);
    engine->books.instruments[instrument].bid = engine->books.instruments[instrument].ask = 0;
}

static uint16_t check_quote(const struct mam_quote *m, uint16_t *field) {
    *field = 3;
    if (m->level >= MAM_LEVELS) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 4;
    bool one_sided = (m->bid == 0) != (m->ask == 0);
    if (m->bid < 0 || m->ask < 0 || (one_sided && m->level == 0) || m->bid > MAM_PRICE_MAX) {
        return MAM_REASON_OUT_OF_RANGE; /* a book may be deeper on one side, but has both at its top */
    }
    if (m->ask > MAM_PRICE_MAX) {
        *field = 5;
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (m->bid > m->ask && m->ask != 0) {
        return MAM_REASON_CROSSED_QUOTE;
    }
    *field = 6;
    return m->bid_volume < 0 || m->ask_volume < 0 ? MAM_REASON_OUT_OF_RANGE : MAM_REASON_NONE;
}

/* A refused quote withdraws the LP's whole book: a source that talks nonsense is not traded on. */
uint16_t mam_on_quote(struct mam_engine *engine, const struct mam_quote *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    if (at == MAM_TABLE_NONE) {
        *field = 2;
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    struct mam_quote_state *quote = mam_quote_at(engine, at, engine->bridge);
    uint16_t reason = check_quote(m, field);
    if (reason != MAM_REASON_NONE) {
        memset(quote, 0, MAM_LEVELS * sizeof *quote);
        mam_mark_moved(engine, at);
        return reason;
    }
    quote[m->level] = (struct mam_quote_state){.bid = m->bid,
                                               .ask = m->ask,
                                               .bid_volume = m->bid_volume,
                                               .ask_volume = m->ask_volume,
                                               .time = engine->now};
    engine->counts.quotes++;
    mam_mark_moved(engine, at);
    return MAM_REASON_NONE;
}
