/* What the broker's server and control tell about instruments, accounts, groups and members. */
#include <string.h>

#include "state.h"

#define MONEY_MAX (INT64_MAX / 4) /* room to add two figures of an account */

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

/* --- Instrument --- */

static uint16_t check_instrument(const struct mam_instrument *m, uint16_t *field) {
    if (m->instrument == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->digits > 8) {
        return fault(field, 3, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->symbol[0] == 0 || m->profit_currency[0] == 0) {
        return fault(field, m->symbol[0] == 0 ? 7 : 9, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->contract_size <= 0) {
        return fault(field, 11, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume_step <= 0) {
        return fault(field, 13, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume_min < m->volume_step || m->volume_min % m->volume_step != 0) {
        return fault(field, 12, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume_max < m->volume_min) {
        return fault(field, 14, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume_limit < 0) {
        return fault(field, 15, MAM_REASON_OUT_OF_RANGE);
    }
    const int64_t margins[] = {m->tick_size,          m->tick_value,           m->margin_initial,
                               m->margin_maintenance, m->margin_hedged,        m->margin_rate_buy,
                               m->margin_rate_sell,   m->maintenance_rate_buy, m->maintenance_rate_sell};
    for (uint16_t i = 0; i < sizeof margins / sizeof *margins; i++) {
        if (margins[i] < 0) {
            return fault(field, (uint16_t)(16 + i), MAM_REASON_OUT_OF_RANGE);
        }
    }
    return MAM_REASON_NONE;
}

static bool is_held(const struct mam_engine *engine, uint32_t at) {
    return engine->books.instruments[at].stake_count > 0;
}

static bool is_worked(const struct mam_engine *engine, uint32_t at) {
    uint32_t block = engine->first_block;
    while (block != MAM_NONE && engine->blocks[block].instrument != at) {
        block = engine->blocks[block].next;
    }
    return block != MAM_NONE;
}

/* Of the master's positions: one may be the house's alone. */
static bool has_position(const struct mam_engine *engine, uint32_t at) {
    bool has = false;
    for (uint32_t i = 0; i < engine->limits.holdings && !has; i++) {
        has = engine->positions[i].used && engine->positions[i].instrument == at;
    }
    return has;
}

/* What no open position or block survives: what a lot is of, and what its move is worth. 0: none of it. */
static uint16_t other_thing(const struct mam_instrument_state *is, const struct mam_instrument_state *now) {
    return is->definition.calc_mode != now->definition.calc_mode           ? 4
           : is->base != now->base                                         ? 8
           : is->profit != now->profit                                     ? 9
           : is->margin != now->margin                                     ? 10
           : is->definition.contract_size != now->definition.contract_size ? 11
                                                                           : 0;
}

/*
 * An instrument belongs to the server that announced it first. What a lot is of may not change while somebody
 * holds it: equity would jump, and figures in one currency would be read in another.
 */
static uint16_t check_again(const struct mam_engine *engine, uint32_t at,
                            const struct mam_instrument_state *now, uint16_t *field) {
    const struct mam_instrument_state *is = &engine->instruments[at];
    if (is->bridge != engine->bridge) {
        return fault(field, 2, MAM_REASON_WRONG_SOURCE);
    }
    uint16_t changed = other_thing(is, now);
    if (changed != 0 && (is_held(engine, at) || is_worked(engine, at) || has_position(engine, at))) {
        return fault(field, changed, MAM_REASON_IN_USE);
    }
    return mam_overrides_fit_step(engine, now->definition.instrument, now->definition.volume_step)
               ? MAM_REASON_NONE
               : fault(field, 13, MAM_REASON_STEP_COARSER);
}

/* Terms that a server may change under open positions: whoever holds them is valued anew, and a person told.
 */
static void tell_terms(struct mam_engine *engine, uint32_t at, const struct mam_instrument *is,
                       const struct mam_instrument *now) {
    bool changed = is->digits != now->digits || is->volume_step != now->volume_step ||
                   is->tick_size != now->tick_size || is->tick_value != now->tick_value;
    if (changed && is_held(engine, at)) {
        struct mam_risk_alert message;
        mam_risk_alert_init(&message);
        message.kind = MAM_ALERT_KIND_TERMS_CHANGED;
        message.instrument = now->instrument;
        message.measured = (int64_t)engine->books.instruments[at].stake_count * 100000000;
        mam_alert_send(engine, engine->bridge, &message);
    }
}

static void change_instrument(struct mam_engine *engine, uint32_t at,
                              const struct mam_instrument_state *now) {
    const struct mam_instrument_state *is = &engine->instruments[at];
    bool other_price = is->base != now->base || is->profit != now->profit;
    if (other_price || is->definition.calc_mode != now->definition.calc_mode) {
        mam_pair_changing(engine, at);
    }
    if (other_price) {
        mam_quotes_forget(engine, at);
    }
    if (is->definition.volume_step != now->definition.volume_step) {
        mam_carry_forget(engine, at, MAM_NONE);
    }
    tell_terms(engine, at, &is->definition, &now->definition);
}

/* The message with its currencies' numbers. False: there is no room for one. */
static bool read_instrument(struct mam_engine *engine, const struct mam_instrument *m,
                            struct mam_instrument_state *out) {
    const char *base = m->base_currency[0] ? m->base_currency : m->profit_currency;
    const char *margin = m->margin_currency[0] ? m->margin_currency : base;
    *out = (struct mam_instrument_state){.definition = *m,
                                         .bridge = engine->bridge,
                                         .base = mam_currency(engine, base),
                                         .profit = mam_currency(engine, m->profit_currency),
                                         .margin = mam_currency(engine, margin)};
    return out->base != UINT8_MAX && out->profit != UINT8_MAX && out->margin != UINT8_MAX;
}

uint16_t mam_on_instrument(struct mam_engine *engine, const struct mam_instrument *m, uint16_t *field) {
    uint16_t reason = check_instrument(m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint32_t at = mam_table_get(&engine->instrument_by_id, m->instrument);
    bool is_new = at == MAM_TABLE_NONE;
    if (is_new && engine->instrument_count == engine->limits.instruments) {
        return fault(field, 2, MAM_REASON_TABLE_FULL);
    }
    struct mam_instrument_state now;
    uint32_t currencies = engine->currency_count;
    if (!read_instrument(engine, m, &now)) {
        engine->currency_count = currencies;
        return fault(field, 8, MAM_REASON_TABLE_FULL);
    }
    reason = is_new ? MAM_REASON_NONE : check_again(engine, at, &now, field);
    if (reason != MAM_REASON_NONE) {
        engine->currency_count = currencies;
        return reason;
    }
    if (is_new) {
        at = engine->instrument_count++;
        bool put = mam_table_put(&engine->instrument_by_id, m->instrument, at);
        MAM_ASSERT(put);
    } else {
        change_instrument(engine, at, &now);
    }
    engine->instruments[at] = now;
    engine->counts.instruments = engine->instrument_count;
    mam_overrides_follow(engine, at);
    mam_instrument_changed(engine, at);
    return MAM_REASON_NONE;
}

/* --- Account --- */

uint16_t mam_on_account(struct mam_engine *engine, const struct mam_account *m, uint16_t *field) {
    if (m->login == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->currency[0] == 0) {
        return fault(field, 3, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->leverage == 0) {
        return fault(field, 4, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->money_digits > 6) {
        return fault(field, 12, MAM_REASON_OUT_OF_RANGE);
    }
    uint32_t at = mam_table_get(&engine->account_by_login, m->login);
    if (at != MAM_TABLE_NONE && engine->accounts[at].bridge != engine->bridge) {
        return fault(field, 2, MAM_REASON_WRONG_SOURCE); /* a login belongs to the server that announced it */
    }
    if (at == MAM_TABLE_NONE && engine->account_count == engine->limits.accounts) {
        return fault(field, 2, MAM_REASON_TABLE_FULL);
    }
    uint8_t currency = mam_currency(engine, m->currency);
    if (currency == UINT8_MAX) {
        return fault(field, 3, MAM_REASON_TABLE_FULL);
    }
    if (at != MAM_TABLE_NONE && engine->books.accounts[at].rows > 0 &&
        (engine->accounts[at].currency != currency || engine->accounts[at].margin_mode != m->margin_mode)) {
        return fault(field, engine->accounts[at].currency != currency ? 3 : 5, MAM_REASON_IN_USE);
    }
    if (at == MAM_TABLE_NONE) {
        at = engine->account_count++;
        bool put = mam_table_put(&engine->account_by_login, m->login, at);
        MAM_ASSERT(put);
        engine->accounts[at] = (struct mam_account_state_row){
            .login = m->login, .bridge = engine->bridge, .first_holding = MAM_NONE};
    }
    struct mam_account_state_row *account = &engine->accounts[at];
    if (account->has_state && account->currency != currency) {
        account->has_state = 0; /* its figures are of another money: those of this one are waited for */
        mam_account_forgotten(engine, at);
    }
    account->currency = currency;
    account->leverage = m->leverage;
    account->trade_mode = m->trade_mode;
    account->margin_mode = m->margin_mode;
    account->definition = *m;
    mam_account_changed(engine, at);
    engine->counts.accounts = engine->account_count;
    return MAM_REASON_NONE;
}

static bool money_in_range(int64_t money) {
    return -MONEY_MAX <= money && money <= MONEY_MAX;
}

uint16_t mam_on_account_state(struct mam_engine *engine, const struct mam_account_state *m, uint16_t *field) {
    uint32_t at = mam_table_get(&engine->account_by_login, m->login);
    if (at == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_ACCOUNT);
    }
    struct mam_account_state_row *account = &engine->accounts[at];
    if (account->bridge != engine->bridge) {
        return fault(field, 2, MAM_REASON_WRONG_SOURCE);
    }
    const int64_t money[] = {m->balance, m->credit, m->equity, m->margin};
    for (uint16_t i = 0; i < 4; i++) {
        if (!money_in_range(money[i])) {
            return fault(field, (uint16_t)(3 + i), MAM_REASON_OUT_OF_RANGE);
        }
    }
    if (m->margin < 0) {
        return fault(field, 6, MAM_REASON_OUT_OF_RANGE);
    }
    mam_account_told(engine, at, m);
    return MAM_REASON_NONE;
}

/* --- Group and members --- */

/* What this version's engine can do of a policy; the rest is refused by name, never taken silently. */
static uint16_t check_policy(const struct mam_group_policy *m, uint16_t *field) {
    if (m->group == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->method == MAM_METHOD_HOLDINGS) {
        return fault(field, 8, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->currency[0] == 0) {
        return fault(field, 7, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->rounding == MAM_ROUNDING_OVERFLOW && m->overflow_login == 0) {
        return fault(field, 5, MAM_REASON_NO_OVERFLOW_ACCOUNT);
    }
    if (m->deviation < 0 || m->deviation > MAM_PRICE_MAX) {
        return fault(field, 16, MAM_REASON_OUT_OF_RANGE);
    }
    return MAM_REASON_NONE;
}

uint16_t mam_on_group_policy(struct mam_engine *engine, const struct mam_group_policy *m, uint16_t *field) {
    uint16_t reason = check_policy(m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint32_t at = mam_group_find(engine, m->group);
    uint32_t version = at == MAM_TABLE_NONE ? 0 : engine->groups[at].policy.policy_version;
    if (m->policy_version != version + 1) {
        return fault(field, 3, MAM_REASON_VERSION_ORDER);
    }
    if (at == MAM_TABLE_NONE && engine->group_count == engine->limits.groups) {
        return fault(field, 2, MAM_REASON_TABLE_FULL);
    }
    /* a deal would close what LPs are closing already */
    if (at != MAM_TABLE_NONE && engine->groups[at].policy.execution != m->execution &&
        engine->groups[at].open_blocks > 0) {
        return fault(field, 12, MAM_REASON_IN_USE);
    }
    uint8_t currency = mam_currency(engine, m->currency);
    if (currency == UINT8_MAX) {
        return fault(field, 7, MAM_REASON_TABLE_FULL);
    }
    if (at == MAM_TABLE_NONE) {
        at = engine->group_count++;
        bool put = mam_table_put(&engine->group_by_id, m->group, at);
        MAM_ASSERT(put);
        engine->groups[at] =
            (struct mam_group_state){.id = m->group, .first_member = MAM_NONE, .last_member = MAM_NONE};
    }
    if (engine->groups[at].policy.rounding != m->rounding) {
        mam_carry_forget(engine, MAM_NONE, at);
    }
    mam_age_limit_told(engine, engine->groups[at].policy.state_max_age, m->state_max_age);
    engine->groups[at].policy = *m;
    engine->groups[at].currency = currency;
    engine->counts.groups = engine->group_count;
    return MAM_REASON_NONE;
}

static uint16_t check_member(const struct mam_engine *engine, const struct mam_member *m, uint16_t *field) {
    if (m->weight < 0) {
        return fault(field, 8, MAM_REASON_NEGATIVE_WEIGHT);
    }
    const int64_t limits[] = {m->max_volume,       m->margin_buffer,  m->max_leverage,
                              m->drawdown_percent, m->drawdown_money, m->drawdown_reset};
    for (uint16_t i = 0; i < 6; i++) {
        if (limits[i] < 0) {
            return fault(field, (uint16_t)(9 + i), MAM_REASON_OUT_OF_RANGE);
        }
    }
    if (m->drawdown_reset >= INT64_C(86400) * 1000000000) {
        return fault(field, 14, MAM_REASON_OUT_OF_RANGE);
    }
    return mam_zone_known(engine, m->drawdown_zone) ? MAM_REASON_NONE
                                                    : fault(field, 16, MAM_REASON_UNKNOWN_ZONE);
}

/* Those who have left do not count; a lower maximum turns nobody out. */
static bool is_full(const struct mam_group_state *group) {
    return group->policy.max_members != 0 && group->present >= group->policy.max_members;
}

static uint16_t join(struct mam_engine *engine, uint32_t group, uint32_t account, uint64_t key,
                     uint32_t *member) {
    if (engine->member_count == engine->limits.members) {
        return MAM_REASON_TABLE_FULL;
    }
    struct mam_group_state *to = &engine->groups[group];
    uint32_t at = engine->member_count++;
    bool put = mam_table_put(&engine->member_by_key, key, at);
    MAM_ASSERT(put);
    engine->members[at] = (struct mam_member_state){.group = group, .account = account, .next = MAM_NONE};
    if (to->last_member == MAM_NONE) {
        to->first_member = at;
    } else {
        engine->members[to->last_member].next = at;
    }
    to->last_member = at;
    to->member_count++;
    engine->counts.members = engine->member_count;
    *member = at;
    return MAM_REASON_NONE;
}

/* One who left keeps its place in the list as `left`: what it holds is still closed with the master's
 * position. */
uint16_t mam_on_member(struct mam_engine *engine, const struct mam_member *m, uint16_t *field) {
    uint16_t reason = check_member(engine, m, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    uint32_t group = mam_group_find(engine, m->group);
    if (group == MAM_TABLE_NONE) {
        return fault(field, 2, MAM_REASON_UNKNOWN_GROUP);
    }
    uint32_t account = mam_table_get(&engine->account_by_login, m->login);
    if (account == MAM_TABLE_NONE) {
        return fault(field, 7, MAM_REASON_UNKNOWN_ACCOUNT);
    }
    uint64_t key = (uint64_t)group << 32 | account;
    uint32_t at = mam_table_get(&engine->member_by_key, key);
    bool was_present = at != MAM_TABLE_NONE && engine->members[at].status != MAM_MEMBER_STATUS_LEFT;
    bool is_present = m->status != MAM_MEMBER_STATUS_LEFT;
    if (is_present && !was_present && is_full(&engine->groups[group])) {
        return fault(field, 2, MAM_REASON_GROUP_FULL);
    }
    bool closes = m->status == MAM_MEMBER_STATUS_LEFT && m->on_leave == MAM_ON_LEAVE_CLOSE;
    if (closes && !mam_task_add(engine, group, account)) {
        return fault(field, 4, MAM_REASON_TABLE_FULL);
    }
    if (at == MAM_TABLE_NONE) {
        reason = join(engine, group, account, key, &at);
        if (reason != MAM_REASON_NONE) {
            return fault(field, 7, reason);
        }
    }
    if (!closes) {
        mam_task_drop_member(engine, group, account);
    }
    engine->groups[group].present += (uint32_t)is_present - (uint32_t)was_present;
    const struct mam_member_state before = engine->members[at];
    engine->members[at].status = m->status;
    engine->members[at].terms = *m;
    mam_member_told(engine, at, &before);
    return MAM_REASON_NONE;
}
