/*
 * What an instrument is to an account: MT4 and MT5 let a group of accounts have margin, limits and trade mode
 * of its own (InstrumentOverride), and floating leverage of its own (leverage_rules.c). What moves profit
 * (contract size, tick, currencies, digits) is the instrument's for all, as on the servers.
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
    const struct mam_instrument *definition =
        own == NULL ? &engine->instruments[instrument].definition : &own->definition;
    if (own != NULL && own->rule != 0) {
        return of_rule(engine, definition, own->rule);
    }
    if (own != NULL && own->own_tiers) {
        return (struct mam_contract){definition, &own->tiers, 0};
    }
    return of->rule != 0 ? of_rule(engine, definition, of->rule)
                         : (struct mam_contract){definition, &of->tiers, 0};
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
    books->overrides[at] = (struct mam_override){.definition = engine->instruments[instrument].definition};
    return &books->overrides[at];
}

void mam_overrides_follow(struct mam_engine *engine, uint32_t instrument) {
    const struct mam_instrument *now = &engine->instruments[instrument].definition;
    for (uint32_t i = 0; i < engine->books.override_count; i++) {
        struct mam_instrument *own = &engine->books.overrides[i].definition;
        if (own->instrument == now->instrument) {
            struct mam_instrument kept = *own;
            *own = *now;
            own->trade_mode = kept.trade_mode;
            own->margin_flags = kept.margin_flags;
            own->volume_max = kept.volume_max;
            own->margin_initial = kept.margin_initial;
            own->margin_maintenance = kept.margin_maintenance;
            own->margin_hedged = kept.margin_hedged;
            own->margin_rate_buy = kept.margin_rate_buy;
            own->margin_rate_sell = kept.margin_rate_sell;
            own->maintenance_rate_buy = kept.maintenance_rate_buy;
            own->maintenance_rate_sell = kept.maintenance_rate_sell;
        }
    }
}

uint16_t mam_on_instrument_override(struct mam_engine *engine, const struct mam_instrument_override *m,
                                    uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    *field = 2;
    if (m->server_group == 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 3;
    if (at == MAM_TABLE_NONE) {
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    if (engine->instruments[at].bridge != engine->bridge &&
        engine->bridges[engine->bridge].role == MAM_ROLE_BROKER) {
        return MAM_REASON_WRONG_SOURCE;
    }
    const int64_t figures[] = {m->volume_max,           m->margin_initial,       m->margin_maintenance,
                               m->margin_hedged,        m->margin_rate_buy,      m->margin_rate_sell,
                               m->maintenance_rate_buy, m->maintenance_rate_sell};
    for (uint16_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (figures[i] < 0) {
            *field = (uint16_t)(6 + i);
            return MAM_REASON_OUT_OF_RANGE;
        }
    }
    struct mam_override *own = mam_override_make(engine, m->server_group, at);
    if (own == NULL) {
        return MAM_REASON_TABLE_FULL;
    }
    own->definition.trade_mode = m->trade_mode;
    own->definition.margin_flags = m->margin_flags;
    own->definition.volume_max = m->volume_max;
    own->definition.margin_initial = m->margin_initial;
    own->definition.margin_maintenance = m->margin_maintenance;
    own->definition.margin_hedged = m->margin_hedged;
    own->definition.margin_rate_buy = m->margin_rate_buy;
    own->definition.margin_rate_sell = m->margin_rate_sell;
    own->definition.maintenance_rate_buy = m->maintenance_rate_buy;
    own->definition.maintenance_rate_sell = m->maintenance_rate_sell;
    mam_instrument_changed(engine, at);
    return MAM_REASON_NONE;
}
