/*
 * What an instrument is to an account: MT4 and MT5 let a group of accounts have margin, limits and trade mode
 * of its own (InstrumentOverride, InstrumentVolumes), and floating leverage of its own (leverage_rules.c).
 * What moves profit (contract size, tick, currencies, digits) is the instrument's for all, as on the servers.
 */
#include <string.h>

#include "books.h"
#include "state.h"

static uint64_t override_key(uint32_t server_group, uint32_t instrument) {
    return (uint64_t)server_group << 32 | instrument;
}

struct mam_override *mam_override_find(const struct mam_engine *engine, uint32_t server_group,
                                       uint32_t instrument) {
    const struct mam_books *books = &engine->books;
    uint32_t at = server_group == 0 || books->override_count == 0
                      ? MAM_TABLE_NONE
                      : mam_table_get(&books->override_by_key, override_key(server_group, instrument));
    return at == MAM_TABLE_NONE ? NULL : &books->overrides[at];
}

/* The terms of an instrument for those whose override is `own`; NULL: they have none. */
static const struct mam_instrument *definition_of(const struct mam_engine *engine,
                                                  const struct mam_override *own, uint32_t instrument) {
    return own == NULL ? &engine->instruments[instrument].definition : &own->definition;
}

static struct mam_contract of_rule(const struct mam_engine *engine, const struct mam_instrument *definition,
                                   uint32_t rule) {
    const struct mam_tier_table *tiers = &engine->books.rules[rule - 1].tiers;
    bool together = tiers->range == MAM_TIER_VOLUME || tiers->range == MAM_TIER_VALUE;
    return (struct mam_contract){definition, tiers, together && tiers->count > 0 ? rule : 0};
}

struct mam_contract mam_contract_of(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    const struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_override *own =
        mam_override_find(engine, engine->accounts[account].definition.server_group, instrument);
    const struct mam_instrument *definition = definition_of(engine, own, instrument);
    if (own != NULL && own->rule != 0) {
        return of_rule(engine, definition, own->rule);
    }
    if (own != NULL && own->own_tiers) {
        return (struct mam_contract){definition, &own->tiers, 0};
    }
    return of->rule != 0 ? of_rule(engine, definition, of->rule)
                         : (struct mam_contract){definition, &of->tiers, 0};
}

/* The least that can be traded of it in that step. */
static int64_t in_steps(int64_t volume, int64_t step) {
    int64_t more = volume % step == 0 ? 0 : step - volume % step;
    return volume > INT64_MAX - more ? INT64_MAX : volume + more;
}

/* The instrument as it is, but for what was told of the group. */
static void compose(const struct mam_engine *engine, struct mam_override *own, uint32_t instrument) {
    const struct mam_instrument_override *m = &own->told;
    const struct mam_instrument_volumes *volumes = &own->volumes;
    struct mam_instrument *is = &own->definition;
    *is = engine->instruments[instrument].definition;
    if (m->server_group != 0) {
        is->trade_mode = m->trade_mode;
        is->margin_flags = m->margin_flags;
        is->volume_max = m->volume_max != 0 ? m->volume_max : is->volume_max;
        is->margin_initial = m->margin_initial;
        is->margin_maintenance = m->margin_maintenance;
        is->margin_hedged = m->margin_hedged;
        is->margin_rate_buy = m->margin_rate_buy;
        is->margin_rate_sell = m->margin_rate_sell;
        is->maintenance_rate_buy = m->maintenance_rate_buy;
        is->maintenance_rate_sell = m->maintenance_rate_sell;
    }
    is->volume_min =
        volumes->volume_min != 0 ? in_steps(volumes->volume_min, is->volume_step) : is->volume_min;
    is->volume_limit = volumes->volume_limit != 0 ? volumes->volume_limit : is->volume_limit;
}

struct mam_override *mam_override_make(struct mam_engine *engine, uint32_t server_group,
                                       uint32_t instrument) {
    struct mam_books *books = &engine->books;
    struct mam_override *own = mam_override_find(engine, server_group, instrument);
    if (own != NULL || books->override_count == MAM_OVERRIDES) {
        return own;
    }
    uint32_t at = books->override_count++;
    bool put = mam_table_put(&books->override_by_key, override_key(server_group, instrument), at);
    MAM_ASSERT(put);
    books->overrides[at] = (struct mam_override){0};
    compose(engine, &books->overrides[at], instrument);
    return &books->overrides[at];
}

void mam_overrides_follow(struct mam_engine *engine, uint32_t instrument) {
    uint32_t id = engine->instruments[instrument].definition.instrument;
    for (uint32_t i = 0; i < engine->books.override_count; i++) {
        if (engine->books.overrides[i].definition.instrument == id) {
            compose(engine, &engine->books.overrides[i], instrument);
        }
    }
}

bool mam_overrides_fit_step(const struct mam_engine *engine, uint32_t instrument, int64_t step) {
    for (uint32_t i = 0; i < engine->books.override_count; i++) {
        const struct mam_override *own = &engine->books.overrides[i];
        int64_t theirs = own->volumes.volume_step;
        if (own->definition.instrument == instrument && theirs != 0 && step % theirs != 0) {
            return false;
        }
    }
    return true;
}

/* Whose instrument, and may this bridge speak of it? */
static uint16_t check_whose(const struct mam_engine *engine, uint32_t server_group, uint32_t instrument,
                            uint32_t *at, uint16_t *field) {
    *at = mam_table_get(&engine->instrument_by_id, instrument);
    *field = 2;
    if (server_group == 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 3;
    if (*at == MAM_TABLE_NONE) {
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    return engine->instruments[*at].bridge != engine->bridge ? MAM_REASON_WRONG_SOURCE : MAM_REASON_NONE;
}

/* Returns the number of the first that is negative, or the count. */
static uint16_t first_negative(const int64_t *figures, uint16_t count) {
    uint16_t i = 0;
    while (i < count && figures[i] >= 0) {
        i++;
    }
    return i;
}

uint16_t mam_on_instrument_override(struct mam_engine *engine, const struct mam_instrument_override *m,
                                    uint16_t *field) {
    uint32_t at;
    uint16_t reason = check_whose(engine, m->server_group, m->instrument, &at, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    const int64_t figures[] = {m->volume_max,           m->margin_initial,       m->margin_maintenance,
                               m->margin_hedged,        m->margin_rate_buy,      m->margin_rate_sell,
                               m->maintenance_rate_buy, m->maintenance_rate_sell};
    uint16_t wrong = first_negative(figures, sizeof figures / sizeof *figures);
    if (wrong < sizeof figures / sizeof *figures) {
        *field = (uint16_t)(6 + wrong);
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_override *own = mam_override_find(engine, m->server_group, at);
    const struct mam_instrument *is = definition_of(engine, own, at);
    if (m->volume_max != 0 && m->volume_max < is->volume_min) {
        *field = 6;
        return MAM_REASON_OUT_OF_RANGE;
    }
    own = mam_override_make(engine, m->server_group, at); /* only now: a refused message takes no place */
    if (own == NULL) {
        *field = 2;
        return MAM_REASON_TABLE_FULL;
    }
    own->told = *m;
    compose(engine, own, at);
    mam_instrument_changed(engine, at);
    return MAM_REASON_NONE;
}

/*
 * A block is divided in the instrument's step. A group's finer one admits all of its multiples; under a
 * coarser one a child could be off its own step, so it is refused: announce the instrument in the coarsest.
 */
uint16_t mam_on_instrument_volumes(struct mam_engine *engine, const struct mam_instrument_volumes *m,
                                   uint16_t *field) {
    uint32_t at;
    uint16_t reason = check_whose(engine, m->server_group, m->instrument, &at, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    const int64_t figures[] = {m->volume_min, m->volume_step, m->volume_limit};
    uint16_t wrong = first_negative(figures, 3);
    if (wrong < 3) {
        *field = (uint16_t)(4 + wrong);
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (m->volume_step != 0 && engine->instruments[at].definition.volume_step % m->volume_step != 0) {
        *field = 5;
        return MAM_REASON_STEP_COARSER;
    }
    struct mam_override *own = mam_override_find(engine, m->server_group, at);
    const struct mam_instrument *is = definition_of(engine, own, at);
    if (in_steps(m->volume_min, is->volume_step) > is->volume_max) {
        *field = 4;
        return MAM_REASON_OUT_OF_RANGE;
    }
    own = mam_override_make(engine, m->server_group, at); /* only now: a refused message takes no place */
    if (own == NULL) {
        *field = 2;
        return MAM_REASON_TABLE_FULL;
    }
    own->volumes = *m;
    compose(engine, own, at);
    return MAM_REASON_NONE;
}
