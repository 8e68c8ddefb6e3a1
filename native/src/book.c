/*
 * The aggregated book of all LPs: best price first, then the larger size, then the lower bridge, then the
 * lower level. A sweep takes it down to the block's limit, as one leg per LP.
 */
#include <string.h>

#include "state.h"

#define OFFERS_MAX (MAM_BRIDGES_MAX * MAM_LEVELS)

struct offer {
    int64_t price, size; /* size INT64_MAX: not known, so as much as is wanted */
    uint32_t bridge;
};

struct sweep {
    uint8_t side, purpose;
    int64_t volume, step, minimum, limit;
    uint32_t count;
    struct offer offers[OFFERS_MAX]; /* best first */
    int64_t leg[MAM_BRIDGES_MAX + 1];
};

/* --- Whose quotes count --- */

static bool level_stale(const struct mam_engine *engine, uint32_t instrument,
                        const struct mam_quote_state *level) {
    int64_t limit = (int64_t)engine->instruments[instrument].definition.stale_after * 1000000;
    return limit != 0 && engine->now - level->time > limit;
}

/* Why this LP's quotes are not traded on; NONE: they are. `fresh`: time of the newest level. */
static uint16_t why_excluded(const struct mam_engine *engine, uint32_t instrument,
                             const struct mam_quote_state *levels, uint32_t bridge, int64_t *newest) {
    int64_t bid = 0;
    int64_t ask = INT64_MAX;
    bool any = false;
    *newest = INT64_MIN;
    for (uint32_t i = 0; i < MAM_LEVELS; i++) {
        if ((levels[i].bid > 0 || levels[i].ask > 0) && !level_stale(engine, instrument, &levels[i])) {
            any = true;
            bid = levels[i].bid > bid ? levels[i].bid : bid;
            ask = levels[i].ask > 0 && levels[i].ask < ask ? levels[i].ask : ask;
            *newest = levels[i].time > *newest ? levels[i].time : *newest;
        }
    }
    if (engine->bridges[bridge].unknown_legs > 0) {
        return MAM_REASON_FENCED;
    }
    return !any ? MAM_REASON_STALE_QUOTE : bid > ask ? MAM_REASON_CROSSED_QUOTE : MAM_REASON_NONE;
}

bool mam_book_offers(struct mam_engine *engine, uint32_t instrument, uint8_t side) {
    bool offers = false;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges && !offers; bridge++) {
        const struct mam_quote_state *levels = mam_quote_at(engine, instrument, bridge);
        int64_t newest;
        if (engine->bridges[bridge].role != MAM_ROLE_LP ||
            why_excluded(engine, instrument, levels, bridge, &newest) != MAM_REASON_NONE) {
            continue;
        }
        for (uint32_t i = 0; i < MAM_LEVELS; i++) {
            offers = offers || ((side == MAM_SIDE_BUY ? levels[i].ask : levels[i].bid) > 0 &&
                                !level_stale(engine, instrument, &levels[i]));
        }
    }
    return offers;
}

/* An LP gets a second leg of a block only if its last was filled wholly or may be tried again, and it has
 * quoted since. */
static bool done_with(const struct mam_block *block, uint8_t purpose, uint32_t bridge, int64_t newest) {
    for (uint32_t i = block->leg_count; i-- > 0;) {
        const struct mam_leg_state *leg = &block->legs[i];
        if (leg->bridge == bridge && leg->purpose == purpose) {
            bool open = leg->status != MAM_LEG_ENDED;
            return open || !(leg->sum.known >= leg->volume || leg->again) || newest <= leg->sent;
        }
    }
    return false;
}

static void tell_excluded(struct mam_engine *engine, const struct mam_block *block, uint32_t bridge,
                          const struct mam_quote_state *levels, uint16_t reason) {
    struct mam_book_source source;
    mam_book_source_init(&source);
    source.block = block->id;
    source.bridge = bridge;
    source.bid = levels[0].bid;
    source.ask = levels[0].ask;
    source.reason = reason;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &source, sizeof source);
}

static bool goes_before(uint8_t side, const struct offer *a, const struct offer *b) {
    if (a->price != b->price) {
        return mam_as_good(side, a->price, b->price);
    }
    return a->size > b->size; /* equal ones stay as they come: lower bridge, lower level */
}

static void insert(struct sweep *sweep, const struct offer *offer) {
    uint32_t at = sweep->count++;
    for (; at > 0 && goes_before(sweep->side, offer, &sweep->offers[at - 1]); at--) {
        sweep->offers[at] = sweep->offers[at - 1];
    }
    sweep->offers[at] = *offer;
}

static void gather_lp(const struct mam_engine *engine, const struct mam_block *block,
                      const struct mam_quote_state *levels, uint32_t bridge, struct sweep *sweep) {
    for (uint32_t i = 0; i < MAM_LEVELS; i++) {
        int64_t price = sweep->side == MAM_SIDE_BUY ? levels[i].ask : levels[i].bid;
        int64_t size = sweep->side == MAM_SIDE_BUY ? levels[i].ask_volume : levels[i].bid_volume;
        if (price > 0 && !level_stale(engine, block->instrument, &levels[i])) {
            insert(sweep,
                   &(struct offer){.price = price, .size = size == 0 ? INT64_MAX : size, .bridge = bridge});
        }
    }
}

static void gather(struct mam_engine *engine, const struct mam_block *block, struct sweep *sweep) {
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        if (engine->bridges[bridge].role != MAM_ROLE_LP) {
            continue; /* a server's prices are nobody's to deal on */
        }
        const struct mam_quote_state *levels = mam_quote_at(engine, block->instrument, bridge);
        bool quoted = false;
        for (uint32_t i = 0; i < MAM_LEVELS; i++) {
            quoted = quoted || levels[i].bid > 0 || levels[i].ask > 0;
        }
        int64_t newest;
        uint16_t reason =
            quoted ? why_excluded(engine, block->instrument, levels, bridge, &newest) : MAM_REASON_NONE;
        if (reason != MAM_REASON_NONE) {
            tell_excluded(engine, block, bridge, levels, reason);
        } else if (quoted && !done_with(block, sweep->purpose, bridge, newest)) {
            gather_lp(engine, block, levels, bridge, sweep);
        }
    }
}

/* --- How much of whom --- */

static void divide(struct sweep *sweep, const bool *dropped) {
    int64_t offered[MAM_BRIDGES_MAX + 1] = {0};
    int64_t left = sweep->volume;
    memset(sweep->leg, 0, sizeof sweep->leg);
    for (uint32_t i = 0; i < sweep->count && left > 0; i++) {
        const struct offer *offer = &sweep->offers[i];
        bool within = sweep->limit == 0 || mam_as_good(sweep->side, offer->price, sweep->limit);
        if (!within || dropped[offer->bridge]) {
            continue;
        }
        int64_t *sum = &offered[offer->bridge];
        *sum = offer->size > INT64_MAX - *sum ? INT64_MAX : *sum + offer->size;
        int64_t room = *sum - *sum % sweep->step - sweep->leg[offer->bridge];
        int64_t taken = room < left ? room : left;
        sweep->leg[offer->bridge] += taken;
        left -= taken;
    }
}

/* Legs on the step, none under the minimum: an LP that can give less than that is left out for the others. */
static void divide_with_minimum(struct sweep *sweep) {
    bool dropped[MAM_BRIDGES_MAX + 1] = {false};
    for (uint32_t round = 0; round <= MAM_BRIDGES_MAX; round++) {
        divide(sweep, dropped);
        uint32_t smallest = 0;
        for (uint32_t bridge = 1; bridge <= MAM_BRIDGES_MAX; bridge++) {
            bool small = sweep->leg[bridge] > 0 && sweep->leg[bridge] < sweep->minimum;
            if (small && (smallest == 0 || sweep->leg[bridge] < sweep->leg[smallest])) {
                smallest = bridge;
            }
        }
        if (smallest == 0) {
            return;
        }
        dropped[smallest] = true;
    }
}

/* --- The limit --- */

static int64_t moved(int64_t from, int64_t by, uint8_t side) {
    int64_t limit;
    int64_t away = side == MAM_SIDE_BUY ? by : -by;
    return __builtin_add_overflow(from, away, &limit) || limit < 1 ? 1 : limit;
}

/*
 * The worst price a fill may have: the master's price, or else the first best one, and the deviation; the
 * collar where that is tighter. Set by the first sweep. 0: any.
 */
static void set_limit(struct mam_engine *engine, struct mam_block *block, const struct sweep *sweep) {
    if (block->leg_count != 0 || block->price_limit != 0) {
        return;
    }
    bool bounded = block->reference_price != 0 || block->deviation != 0;
    int64_t from = block->reference_price;
    if (from == 0) {
        from = sweep->count > 0 ? sweep->offers[0].price : 0;
    }
    if (bounded && from != 0) {
        block->price_limit = moved(from, block->deviation, block->side);
    }
    int64_t collar = mam_collar_limit(engine, block->group, block->instrument, block->side);
    if (collar != 0 && (block->price_limit == 0 || mam_as_good(block->side, collar, block->price_limit))) {
        block->price_limit = collar;
    }
}

int64_t mam_sweep(struct mam_engine *engine, struct mam_block *block, uint8_t purpose, int64_t volume) {
    if (!block->plan_emitted) {
        mam_law_broken(engine, 4, block->id);
        return 0;
    }
    bool strict = purpose == MAM_LEG_EXECUTE && block->entry == MAM_ENTRY_OPENING;
    struct sweep sweep;
    sweep.side = purpose == MAM_LEG_EXECUTE ? block->side : block->side ^ 1u;
    sweep.purpose = purpose;
    /* what clients hold off step, or LPs filled off step, must go out all the same */
    sweep.step = strict || volume % block->step == 0 ? block->step : 1;
    sweep.volume = volume - volume % sweep.step;
    sweep.minimum = strict || volume > block->minimum ? block->minimum : volume;
    sweep.count = 0;
    gather(engine, block, &sweep);
    if (purpose == MAM_LEG_EXECUTE) {
        set_limit(engine, block, &sweep);
    }
    sweep.limit = purpose == MAM_LEG_EXECUTE ? block->price_limit : 0;
    divide_with_minimum(&sweep);
    uint32_t most = purpose == MAM_LEG_EXECUTE ? MAM_LEGS_EXECUTE : MAM_LEGS_MAX;
    int64_t sent = 0;
    for (uint32_t bridge = 1; bridge <= MAM_BRIDGES_MAX && block->leg_count < most; bridge++) {
        if (sweep.leg[bridge] > 0) {
            mam_leg_send(engine, block, bridge, purpose, sweep.leg[bridge], sweep.limit);
            sent += sweep.leg[bridge];
        }
    }
    return sent;
}
