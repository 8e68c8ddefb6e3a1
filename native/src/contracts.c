/*
 * What an instrument is to an account: MT4 and MT5 let a group of accounts have margin, limits and trade mode
 * of its own (InstrumentOverride), and floating leverage of its own (LeverageTier). What moves profit
 * (contract size, tick, currencies, digits) is the instrument's for all, as on the servers.
 */
#include <string.h>

#include "books.h"
#include "state.h"

static uint64_t override_key(uint32_t server_group, uint32_t instrument) {
    return (uint64_t)server_group << 32 | instrument;
}

static struct mam_override *find(const struct mam_engine *engine, uint32_t server_group,
                                 uint32_t instrument) {
    const struct mam_books *books = &engine->books;
    uint32_t at = server_group == 0 || books->override_count == 0
                      ? MAM_TABLE_NONE
                      : mam_table_get(&books->override_by_key, override_key(server_group, instrument));
    return at == MAM_TABLE_NONE ? NULL : &books->overrides[at];
}

struct mam_contract mam_contract_of(const struct mam_engine *engine, uint32_t account, uint32_t instrument) {
    const struct mam_override *own =
        find(engine, engine->accounts[account].definition.server_group, instrument);
    const struct mam_tier_table *all = &engine->books.instruments[instrument].tiers;
    return own == NULL ? (struct mam_contract){&engine->instruments[instrument].definition, all}
                       : (struct mam_contract){&own->definition, own->own_tiers ? &own->tiers : all};
}

/* Made from the instrument's own; NULL: there is no room. */
static struct mam_override *find_or_make(struct mam_engine *engine, uint32_t server_group,
                                         uint32_t instrument) {
    struct mam_books *books = &engine->books;
    struct mam_override *own = find(engine, server_group, instrument);
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
    struct mam_override *own = find_or_make(engine, m->server_group, at);
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

/* --- Floating leverage --- */

static uint16_t check_tier(const struct mam_leverage_tier *m, const struct mam_tier_table *table,
                           uint16_t *field) {
    *field = 4;
    if (m->tier_range != MAM_TIER_RANGE_VOLUME_PER_SYMBOL &&
        m->tier_range != MAM_TIER_RANGE_VALUE_PER_SYMBOL) {
        return MAM_REASON_NOT_SUPPORTED;
    }
    *field = 3;
    if (m->tier >= MAM_TIERS_MAX ||
        (m->tier > 0 && (m->tier != table->count || m->tier_range != table->range))) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 5;
    return m->from_amount > INT64_MAX || m->to_amount > INT64_MAX ? MAM_REASON_OUT_OF_RANGE : MAM_REASON_NONE;
}

uint16_t mam_on_leverage_tier(struct mam_engine *engine, const struct mam_leverage_tier *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    *field = 2;
    if (at == MAM_TABLE_NONE) {
        return MAM_REASON_UNKNOWN_INSTRUMENT;
    }
    struct mam_override *own = find(engine, m->server_group, at);
    struct mam_tier_table table = {0};
    if (m->server_group == 0) {
        table = engine->books.instruments[at].tiers;
    } else if (own != NULL && own->own_tiers) {
        table = own->tiers;
    }
    uint16_t reason = check_tier(m, &table, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    table.tiers[m->tier] = (struct mam_tier){.from = (int64_t)m->from_amount,
                                             .to = (int64_t)m->to_amount,
                                             .initial_rate = m->initial_rate,
                                             .maintenance_rate = m->maintenance_rate};
    table.count = m->tier == 0 && m->to_amount <= m->from_amount ? 0 : m->tier + 1u;
    table.range = m->tier_range;
    if (mam_tiers_check(table.tiers, table.count) != MAM_REASON_NONE) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    own = m->server_group == 0 ? NULL : find_or_make(engine, m->server_group, at);
    *field = 9;
    if (m->server_group != 0 && own == NULL) {
        return MAM_REASON_TABLE_FULL;
    }
    if (own != NULL) {
        own->own_tiers = 1;
    }
    *(own != NULL ? &own->tiers : &engine->books.instruments[at].tiers) = table;
    mam_instrument_changed(engine, at);
    *field = 0;
    return MAM_REASON_NONE;
}
