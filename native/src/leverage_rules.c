/*
 * What is told of floating leverage: tiers of one instrument (LeverageTier), and rules whose tiers several
 * instruments have, each alone or all together (LeverageRule, LeverageRuleInstrument). Rules are the
 * sender's: two servers may use the same number.
 */
#include "books.h"
#include "state.h"

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

/* Another server's instrument is none of a server's business. */
static bool is_others(const struct mam_engine *engine, uint32_t instrument) {
    return engine->instruments[instrument].bridge != engine->bridge &&
           engine->bridges[engine->bridge].role == MAM_ROLE_BROKER;
}

/* --- Tiers, one after the other --- */

struct told {
    uint64_t from, to;
    int64_t initial_rate, maintenance_rate;
    uint8_t tier, range;
};

/* One more tier in the table, which stays as it is when that makes no sense. */
static uint16_t add_tier(struct mam_tier_table *table, const struct told *told, uint16_t *field) {
    if (told->tier >= MAM_TIERS_MAX ||
        (told->tier > 0 && (told->tier != table->count || told->range != table->range))) {
        return fault(field, 3, MAM_REASON_OUT_OF_RANGE);
    }
    if (told->from > INT64_MAX || told->to > INT64_MAX) {
        return fault(field, 5, MAM_REASON_OUT_OF_RANGE);
    }
    struct mam_tier_table with = *table;
    with.tiers[told->tier] = (struct mam_tier){.from = (int64_t)told->from,
                                               .to = (int64_t)told->to,
                                               .initial_rate = told->initial_rate,
                                               .maintenance_rate = told->maintenance_rate};
    with.count = told->tier == 0 && told->to <= told->from ? 0 : told->tier + 1u;
    with.range = told->range;
    if (mam_tiers_check(with.tiers, with.count) != MAM_REASON_NONE) {
        return fault(field, 5, MAM_REASON_OUT_OF_RANGE);
    }
    *table = with;
    return MAM_REASON_NONE;
}

uint16_t mam_on_leverage_tier(struct mam_engine *engine, const struct mam_leverage_tier *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    if (at == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_INSTRUMENT);
    }
    if (is_others(engine, at)) {
        return fault(field, 2, MAM_REASON_WRONG_SOURCE);
    }
    if (m->tier_range != MAM_TIER_RANGE_VOLUME_PER_SYMBOL &&
        m->tier_range != MAM_TIER_RANGE_VALUE_PER_SYMBOL) {
        return fault(field, 4, MAM_REASON_NOT_SUPPORTED); /* of several together: LeverageRule */
    }
    struct mam_override *own = mam_override_find(engine, m->server_group, at);
    struct mam_tier_table table = {0};
    if (m->server_group == 0) {
        table = engine->books.instruments[at].tiers;
    } else if (own != NULL && own->own_tiers) {
        table = own->tiers;
    }
    const struct told told = {.from = m->from_amount,
                              .to = m->to_amount,
                              .initial_rate = m->initial_rate,
                              .maintenance_rate = m->maintenance_rate,
                              .tier = m->tier,
                              .range = m->tier_range};
    uint16_t reason = add_tier(&table, &told, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    own = m->server_group == 0 ? NULL : mam_override_make(engine, m->server_group, at);
    if (m->server_group != 0 && own == NULL) {
        return fault(field, 9, MAM_REASON_TABLE_FULL);
    }
    if (own != NULL) {
        own->own_tiers = 1;
    }
    *(own != NULL ? &own->tiers : &engine->books.instruments[at].tiers) = table;
    mam_instrument_changed(engine, at);
    return MAM_REASON_NONE;
}

/* --- Rules --- */

/* Number of the sender's rule, plus 1; 0: there is none. */
static uint32_t find_rule(const struct mam_engine *engine, uint32_t id) {
    for (uint32_t i = 0; i < engine->books.rule_count; i++) {
        const struct mam_rule *rule = &engine->books.rules[i];
        if (rule->id == id && rule->bridge == engine->bridge) {
            return i + 1;
        }
    }
    return 0;
}

/* An instrument whose margin moves with rates is looked after when they do. */
static void note_conversion(struct mam_engine *engine, uint32_t instrument, uint32_t rule) {
    struct mam_instrument_book *of = &engine->books.instruments[instrument];
    const struct mam_tier_table *tiers = &engine->books.rules[rule - 1].tiers;
    if (tiers->range != MAM_TIER_VALUE && tiers->range != MAM_TIER_VALUE_PER_SYMBOL) {
        return;
    }
    of->tiers_convert = 1;
    if (tiers->currency >= MAM_TIERS_IN_CURRENCY) {
        of->tier_currencies |= UINT64_C(1) << (tiers->currency - MAM_TIERS_IN_CURRENCY);
    }
}

/* Everybody whose margin goes through a rule has another one now. */
static void rule_changed(struct mam_engine *engine, uint32_t rule) {
    const struct mam_books *books = &engine->books;
    for (uint32_t i = 0; i < engine->instrument_count; i++) {
        bool used = books->instruments[i].rule == rule;
        for (uint32_t j = 0; j < books->override_count && !used; j++) {
            used = books->overrides[j].rule == rule &&
                   books->overrides[j].definition.instrument == engine->instruments[i].definition.instrument;
        }
        if (used) {
            note_conversion(engine, i, rule);
            mam_instrument_changed(engine, i);
        }
    }
}

uint16_t mam_on_leverage_rule(struct mam_engine *engine, const struct mam_leverage_rule *m, uint16_t *field) {
    struct mam_books *books = &engine->books;
    uint32_t rule = find_rule(engine, m->rule);
    if (m->rule == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (rule == 0 && books->rule_count == MAM_RULES) {
        return fault(field, 2, MAM_REASON_TABLE_FULL);
    }
    struct mam_tier_table table = rule == 0 ? (struct mam_tier_table){0} : books->rules[rule - 1].tiers;
    const struct told told = {.from = m->from_amount,
                              .to = m->to_amount,
                              .initial_rate = m->initial_rate,
                              .maintenance_rate = m->maintenance_rate,
                              .tier = m->tier,
                              .range = m->tier_range};
    uint16_t reason = add_tier(&table, &told, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint8_t currency = MAM_TIERS_IN_ACCOUNT;
    if (m->currency[0] != 0) {
        uint8_t index = mam_currency(engine, m->currency);
        if (index == UINT8_MAX) {
            return fault(field, 9, MAM_REASON_TABLE_FULL);
        }
        currency = (uint8_t)(MAM_TIERS_IN_CURRENCY + index);
    }
    if (m->tier > 0 && currency != table.currency) {
        return fault(field, 9, MAM_REASON_OUT_OF_RANGE); /* all tiers of a rule count in one */
    }
    table.currency = currency;
    if (rule == 0) {
        rule = ++books->rule_count;
        books->rules[rule - 1] = (struct mam_rule){.id = m->rule, .bridge = engine->bridge};
    }
    books->rules[rule - 1].tiers = table;
    rule_changed(engine, rule);
    return MAM_REASON_NONE;
}

uint16_t mam_on_leverage_rule_instrument(struct mam_engine *engine,
                                         const struct mam_leverage_rule_instrument *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    uint32_t rule = m->rule == 0 ? 0 : find_rule(engine, m->rule);
    if (at == MAM_TABLE_NONE) {
        return fault(field, 3, MAM_REASON_UNKNOWN_INSTRUMENT);
    }
    if (is_others(engine, at)) {
        return fault(field, 3, MAM_REASON_WRONG_SOURCE);
    }
    if (m->rule != 0 && rule == 0) {
        return fault(field, 2, MAM_REASON_UNKNOWN_RULE);
    }
    struct mam_override *own = m->server_group == 0 ? NULL : mam_override_make(engine, m->server_group, at);
    if (m->server_group != 0 && own == NULL) {
        return fault(field, 4, MAM_REASON_TABLE_FULL);
    }
    *(own != NULL ? &own->rule : &engine->books.instruments[at].rule) = rule;
    if (rule != 0) {
        note_conversion(engine, at, rule);
    }
    mam_instrument_changed(engine, at);
    return MAM_REASON_NONE;
}
