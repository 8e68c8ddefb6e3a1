/* Currency rates from the LPs' quotes: which pair, which side. */
#include "state.h"

bool mam_best_quote(struct mam_engine *engine, uint32_t instrument, int64_t *bid, int64_t *ask) {
    int64_t newest;
    return mam_best_quote_at(engine, instrument, bid, ask, &newest);
}

bool mam_best_quote_at(struct mam_engine *engine, uint32_t instrument, int64_t *bid, int64_t *ask,
                       int64_t *newest) {
    int64_t stale = (int64_t)engine->instruments[instrument].definition.stale_after * 1000000;
    *bid = 0;
    *ask = INT64_MAX;
    *newest = INT64_MIN;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        const struct mam_quote_state *quote = mam_quote_at(engine, instrument, bridge);
        if (quote->bid > 0 && engine->bridges[bridge].role == MAM_ROLE_LP &&
            (stale == 0 || engine->now - quote->time <= stale)) {
            *bid = quote->bid > *bid ? quote->bid : *bid;
            *ask = quote->ask < *ask ? quote->ask : *ask;
            *newest = quote->time > *newest ? quote->time : *newest;
        }
    }
    if (*bid > *ask) {
        int64_t cheaper = *ask;
        *ask = *bid;
        *bid = cheaper;
    }
    return *bid > 0;
}

struct pair {
    int64_t bid, ask;
    uint32_t instrument;
    uint8_t inverse;
};

/* What can be traded at now; or the mark, which outlives its quotes. */
static bool price_of(struct mam_engine *engine, uint32_t instrument, bool marks, int64_t *bid, int64_t *ask) {
    if (!marks) {
        return mam_best_quote(engine, instrument, bid, ask);
    }
    *bid = engine->books.instruments[instrument].bid;
    *ask = engine->books.instruments[instrument].ask;
    return *bid > 0;
}

/* The forex instrument that quotes one in the other; the first announced where there are several. */
static bool find_pair(struct mam_engine *engine, uint8_t from, uint8_t to, bool marks, struct pair *pair) {
    for (uint32_t i = 0; i < engine->instrument_count; i++) {
        const struct mam_instrument_state *at = &engine->instruments[i];
        bool forward = at->base == from && at->profit == to;
        bool inverse = at->base == to && at->profit == from;
        if (at->definition.calc_mode == MAM_CALC_MODE_FOREX && (forward || inverse) &&
            price_of(engine, i, marks, &pair->bid, &pair->ask)) {
            pair->inverse = inverse;
            pair->instrument = i;
            return true;
        }
    }
    return false;
}

/* One pair, or two over USD. Returns how many; 0: there is no path. */
static uint32_t find_path(struct mam_engine *engine, uint8_t from, uint8_t to, bool marks,
                          struct pair pairs[2]) {
    static const char dollar[8] = "USD";
    if (find_pair(engine, from, to, marks, &pairs[0])) {
        return 1;
    }
    uint8_t usd = mam_currency(engine, dollar);
    bool over = usd != UINT8_MAX && usd != from && usd != to;
    return over && find_pair(engine, from, usd, marks, &pairs[0]) &&
                   find_pair(engine, usd, to, marks, &pairs[1])
               ? 2
               : 0;
}

uint32_t mam_mark_path(struct mam_engine *engine, uint8_t from, uint8_t to, uint32_t instruments[2]) {
    struct pair pairs[2];
    uint32_t count = from == to ? 0 : find_path(engine, from, to, true, pairs);
    for (uint32_t i = 0; i < count; i++) {
        instruments[i] = pairs[i].instrument;
    }
    return count;
}

static enum mam_reason conversion(struct mam_engine *engine, uint8_t from, uint8_t to, bool high, bool marks,
                                  struct mam_conversion *out) {
    *out = (struct mam_conversion){0};
    if (from == to) {
        return MAM_REASON_NONE;
    }
    struct pair pairs[2];
    uint32_t count = find_path(engine, from, to, marks, pairs);
    for (uint32_t i = 0; i < count; i++) {
        enum mam_reason reason = mam_conversion_step(out, pairs[i].bid, pairs[i].ask, pairs[i].inverse, high);
        if (reason != MAM_REASON_NONE) {
            return reason;
        }
    }
    return count == 0 ? MAM_REASON_NO_RATE : MAM_REASON_NONE;
}

enum mam_reason mam_conversion_of(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                  struct mam_conversion *out) {
    return conversion(engine, from, to, high, false, out);
}

enum mam_reason mam_conversion_at_marks(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                        struct mam_conversion *out) {
    return conversion(engine, from, to, high, true, out);
}

const struct mam_term *mam_term_settle(struct mam_engine *engine, struct mam_term *term,
                                       enum mam_reason reason, uint8_t from, uint8_t to, bool high) {
    struct mam_conversion steps;
    if (reason == MAM_REASON_NONE) {
        reason = mam_conversion_of(engine, from, to, high, &steps);
    }
    if (reason == MAM_REASON_NONE) {
        reason = mam_per_lot_convert(&term->per_lot, &steps);
    }
    term->stamp = engine->terms.stamp;
    term->reason = (uint16_t)reason;
    term->good = reason == MAM_REASON_NONE;
    return term;
}

/* Mid is (bid + ask) / 2, exactly: the sum over twice the price's unit. */
static void find_mid(struct mam_engine *engine, struct mam_mid_path *path, uint8_t from, uint8_t to) {
    struct pair pairs[2];
    uint32_t count = find_path(engine, from, to, false, pairs);
    path->steps = (uint8_t)count;
    path->good = count > 0;
    for (uint32_t i = 0; i < count; i++) {
        __int128 sum = (__int128)pairs[i].bid + pairs[i].ask;
        __int128 unit = 2 * (__int128)100000000;
        path->times[i] = pairs[i].inverse ? unit : sum;
        path->by[i] = pairs[i].inverse ? sum : unit;
    }
}

bool mam_at_mid(struct mam_engine *engine, struct mam_terms *terms, int64_t money, uint8_t from, uint8_t to,
                int64_t *out) {
    *out = money;
    if (from == to) {
        return true;
    }
    struct mam_mid_path *path = &terms->mid[from];
    if (path->stamp != terms->stamp) {
        path->stamp = terms->stamp;
        find_mid(engine, path, from, to);
    }
    for (uint32_t i = 0; i < path->steps; i++) {
        /* |money| < 2^63 and a price's sum < 2^63: the product fits */
        __int128 product = *out * path->times[i];
        __int128 quotient = product / path->by[i] - (product % path->by[i] < 0);
        *out = (int64_t)quotient;
        if (quotient != *out) {
            return false;
        }
    }
    return path->good;
}
