/* Quotes of the LPs, and conversion of money between currencies at their mid. */
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
        return reason;
    }
    *quote = (struct mam_quote_state){.bid = m->bid,
                                      .ask = m->ask,
                                      .bid_volume = m->bid_volume,
                                      .ask_volume = m->ask_volume,
                                      .time = engine->now};
    engine->counts.quotes++;
    return MAM_REASON_NONE;
}

int64_t mam_mid_doubled(struct mam_engine *engine, uint32_t instrument) {
    int64_t bid = 0;
    int64_t ask = INT64_MAX;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        const struct mam_quote_state *quote = mam_quote_at(engine, instrument, bridge);
        if (quote->bid > 0) {
            bid = quote->bid > bid ? quote->bid : bid;
            ask = quote->ask < ask ? quote->ask : ask;
        }
    }
    return bid == 0 || __builtin_add_overflow(bid, ask, &bid) ? 0 : bid;
}

/* One step: an instrument that quotes one currency in the other. Lower instrument first where several do. */
static bool convert_direct(struct mam_engine *engine, int64_t money, uint8_t from, uint8_t to, int64_t *out) {
    for (uint32_t i = 0; i < engine->instrument_count; i++) {
        const struct mam_instrument_state *at = &engine->instruments[i];
        bool forward = at->base == from && at->profit == to;
        if (at->definition.calc_mode != MAM_CALC_MODE_FOREX ||
            !(forward || (at->base == to && at->profit == from))) {
            continue;
        }
        int64_t mid2 = mam_mid_doubled(engine, i);
        if (mid2 == 0) {
            continue;
        }
        __int128 scale = 2 * (__int128)100000000;
        __int128 numerator = (__int128)money * (forward ? (__int128)mid2 : scale);
        __int128 denominator = forward ? scale : (__int128)mid2;
        __int128 quotient = numerator / denominator - (numerator % denominator < 0);
        *out = (int64_t)quotient;
        return quotient == *out;
    }
    return false;
}

bool mam_convert(struct mam_engine *engine, int64_t money, uint8_t from, uint8_t to, int64_t *out) {
    static const char dollar[8] = "USD";
    if (from == to) {
        *out = money;
        return true;
    }
    if (convert_direct(engine, money, from, to, out)) {
        return true;
    }
    uint8_t usd = mam_currency(engine, dollar);
    int64_t between;
    return usd != UINT8_MAX && usd != from && usd != to &&
           convert_direct(engine, money, from, usd, &between) &&
           convert_direct(engine, between, usd, to, out);
}
