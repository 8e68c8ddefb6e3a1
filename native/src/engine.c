#include "engine.h"

#include <string.h>

#include "allocate.h"
#include "state.h"

/* --- Memory: one block, carved once --- */

struct carver {
    uint8_t *base; /* NULL: only measure */
    uint64_t used;
};

static void *carve(struct carver *carver, uint64_t count, uint64_t size) {
    carver->used = (carver->used + 63) & ~UINT64_C(63);
    void *at = carver->base ? carver->base + carver->used : NULL;
    carver->used += count * size;
    return at;
}

static uint32_t power_of_two(uint32_t count) {
    uint32_t units = 1;
    while (units < count) {
        units *= 2;
    }
    return units;
}

static void carve_table(struct carver *carver, struct mam_table *table, uint32_t limit) {
    uint32_t capacity = mam_table_capacity(limit);
    *table = (struct mam_table){
        .slots = carve(carver, capacity, sizeof(struct mam_slot)), .mask = capacity - 1, .limit = limit};
}

static void carve_rows(struct carver *carver, struct mam_scratch_rows *rows, uint64_t count) {
    uint32_t **words[] = {&rows->member, &rows->account, &rows->holding};
    int64_t **longs[] = {&rows->measure, &rows->weight, &rows->cap,          &rows->equity,
                         &rows->carry,   &rows->quota,  &rows->floor_volume, &rows->remainder,
                         &rows->result,  &rows->held,   &rows->minimum};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *words[i] = carve(carver, count, sizeof(uint32_t));
    }
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        *longs[i] = carve(carver, count, sizeof(int64_t));
    }
    rows->login = carve(carver, count, sizeof(uint64_t));
    rows->excluded = carve(carver, count, sizeof(uint16_t));
    rows->reason = carve(carver, count, sizeof(uint16_t));
    rows->cap_reason = carve(carver, count, sizeof(uint16_t));
    rows->binding = carve(carver, count, sizeof(uint8_t));
    rows->capped = carve(carver, count, sizeof(uint8_t));
    rows->kernel = carve(carver, 1, mam_scratch_size((uint32_t)count));
}

static void carve_books(struct carver *carver, struct mam_books *books, const struct mam_capacities *limits) {
    books->rows = carve(carver, limits->positions, sizeof *books->rows);
    books->stakes = carve(carver, limits->positions, sizeof *books->stakes);
    books->pages = carve(carver, mam_books_pages(limits), sizeof *books->pages);
    books->instruments = carve(carver, limits->instruments, sizeof *books->instruments);
    books->overrides = carve(carver, MAM_OVERRIDES, sizeof *books->overrides);
    books->accounts = carve(carver, limits->accounts, sizeof *books->accounts);
    books->members = carve(carver, limits->members, sizeof *books->members);
    books->floating = carve(carver, limits->accounts, sizeof *books->floating);
    books->levels = carve(carver, limits->accounts, sizeof *books->levels);
    books->queue = carve(carver, limits->instruments, sizeof *books->queue);
    books->moved = carve(carver, limits->instruments, sizeof *books->moved);
    carve_table(carver, &books->row_by_key, limits->positions);
    carve_table(carver, &books->stake_by_key, limits->positions);
    carve_table(carver, &books->override_by_key, MAM_OVERRIDES);
}

/*
 * The longest plan. A position's holders may be more than a group's members of today: those who left and
 * kept. An account is at most once among either; and then there is the house.
 */
static uint64_t rows_needed(const struct mam_capacities *limits) {
    uint64_t widest = limits->members > limits->holdings ? limits->members : limits->holdings;
    return (widest < limits->accounts ? widest : limits->accounts) + 1;
}

static void carve_engine(struct carver *carver, struct mam_engine *engine,
                         const struct mam_capacities *limits) {
    uint64_t children = power_of_two(limits->children);
    engine->instruments = carve(carver, limits->instruments, sizeof *engine->instruments);
    engine->quotes = carve(carver, (uint64_t)limits->instruments * (limits->bridges + 1) * MAM_LEVELS,
                           sizeof *engine->quotes);
    engine->house = carve(carver, limits->instruments, sizeof *engine->house);
    engine->fills = carve(carver, limits->history, sizeof *engine->fills);
    engine->old_legs = carve(carver, limits->history, sizeof *engine->old_legs);
    engine->old_blocks = carve(carver, limits->history, sizeof *engine->old_blocks);
    engine->old_answers = carve(carver, children, sizeof *engine->old_answers);
    engine->accounts = carve(carver, limits->accounts, sizeof *engine->accounts);
    engine->groups = carve(carver, limits->groups, sizeof *engine->groups);
    engine->members = carve(carver, limits->members, sizeof *engine->members);
    engine->positions = carve(carver, limits->holdings, sizeof *engine->positions);
    engine->holdings = carve(carver, limits->holdings, sizeof *engine->holdings);
    engine->blocks = carve(carver, limits->blocks, sizeof *engine->blocks);
    engine->children = carve(carver, children, sizeof *engine->children);
    engine->turns = carve(carver, (uint64_t)limits->instruments * limits->groups, sizeof *engine->turns);
    engine->carries = carve(carver, (uint64_t)limits->instruments * limits->members, sizeof *engine->carries);
    engine->extents.links = carve(carver, children, sizeof *engine->extents.links);
    engine->history = carve(carver, limits->history, sizeof *engine->history);
    carve_table(carver, &engine->instrument_by_id, limits->instruments);
    carve_table(carver, &engine->account_by_login, limits->accounts);
    carve_table(carver, &engine->group_by_id, limits->groups);
    carve_table(carver, &engine->member_by_key, limits->members);
    carve_table(carver, &engine->position_by_key, limits->holdings);
    carve_table(carver, &engine->holding_by_key, limits->holdings);
    carve_table(carver, &engine->block_by_id, limits->blocks);
    carve_table(carver, &engine->seen, limits->history);
    carve_table(carver, &engine->fill_by_key, limits->history);
    carve_table(carver, &engine->old_leg_by_key, limits->history);
    carve_table(carver, &engine->old_block_by_id, limits->history);
    carve_rows(carver, &engine->rows, rows_needed(limits));
    carve_books(carver, &engine->books, limits);
}

static bool between(uint32_t value, uint32_t low, uint32_t high) {
    return low <= value && value <= high;
}

static bool limits_good(const struct mam_capacities *limits) {
    return between(limits->instruments, 1, 4096) && between(limits->accounts, 1, 1 << 20) &&
           between(limits->groups, 1, 65536) && between(limits->members, 1, 1 << 20) &&
           between(limits->blocks, 1, 1 << 20) && between(limits->children, 1, 1 << 24) &&
           between(limits->holdings, 1, 1 << 24) && between(limits->bridges, 1, MAM_BRIDGES_MAX) &&
           between(limits->history, 1, 1 << 24) && between(limits->positions, 1, 1 << 24) &&
           between(limits->leg_timeout_ms, 1, 3600000) && between(limits->booking_timeout_ms, 1, 3600000);
}

uint64_t mam_engine_size(const struct mam_capacities *limits) {
    if (!limits_good(limits)) {
        return 0;
    }
    struct mam_engine measured;
    struct carver carver = {.base = NULL, .used = sizeof measured};
    carve_engine(&carver, &measured, limits);
    return (carver.used + 4095) & ~UINT64_C(4095);
}

void mam_engine_carve(struct mam_engine *engine, void *place, const struct mam_capacities *limits) {
    struct carver carver = {.base = place, .used = sizeof *engine};
    carve_engine(&carver, engine, limits);
}

static void make_free_lists(struct mam_engine *engine) {
    for (uint32_t i = 0; i < engine->limits.holdings; i++) {
        uint32_t next = i + 1 < engine->limits.holdings ? i + 1 : MAM_NONE;
        engine->positions[i].first_holding = next;
        engine->holdings[i].next = next;
    }
    for (uint32_t i = 0; i < engine->limits.blocks; i++) {
        engine->blocks[i].next = i + 1 < engine->limits.blocks ? i + 1 : MAM_NONE;
    }
}

struct mam_engine *mam_engine_create(void *memory, const struct mam_capacities *limits) {
    uint64_t size = mam_engine_size(limits);
    if (size == 0) {
        return NULL;
    }
    MAM_ASSERT(((uintptr_t)memory & 63) == 0);
    memset(memory, 0, size);
    struct mam_engine *engine = memory;
    struct carver carver = {.base = memory, .used = sizeof *engine};
    carve_engine(&carver, engine, limits);
    MAM_ASSERT(carver.used <= size);
    engine->limits = *limits;
    engine->first_block = engine->last_block = MAM_NONE;
    engine->next_deadline = INT64_MAX;
    engine->booking_window = MAM_BOOKING_WINDOW;
    engine->allowance = mam_engine_worst_case(limits, 0);
    engine->unkept = MAM_NONE;
    make_free_lists(engine);
    mam_extents_init(&engine->extents, engine->extents.links, power_of_two(limits->children));
    mam_books_init(engine);
    engine->bridges[MAM_BRIDGE_HOST].role = MAM_ROLE_HOST;
    return engine;
}

void mam_engine_sink(struct mam_engine *engine, mam_put_fn put, mam_said_fn said, void *context) {
    engine->put = put;
    engine->said = said;
    engine->context = context;
}

static void put_buffer(void *context, uint32_t bridge, const void *message, uint32_t length) {
    struct mam_buffer *buffer = context;
    uint64_t need = 8 + ((length + 7) & ~UINT64_C(7));
    if (buffer->capacity - buffer->length < need) {
        buffer->overflowed = 1;
        return;
    }
    uint8_t *at = buffer->bytes + buffer->length;
    memset(at, 0, need);
    memcpy(at, &length, 4);
    memcpy(at + 4, &bridge, 4);
    memcpy(at + 8, message, length);
    buffer->length += need;
}

void mam_engine_sink_buffer(struct mam_engine *engine, struct mam_buffer *buffer) {
    mam_engine_sink(engine, put_buffer, NULL, buffer);
}

const struct mam_engine_counts *mam_engine_counts(const struct mam_engine *engine) {
    return &engine->counts;
}

/* --- Look-ups --- */

uint32_t mam_group_find(const struct mam_engine *engine, uint32_t id) {
    return mam_table_get(&engine->group_by_id, id);
}

struct mam_block *mam_block_find(struct mam_engine *engine, uint32_t id) {
    uint32_t at = mam_table_get(&engine->block_by_id, id);
    return at == MAM_TABLE_NONE ? NULL : &engine->blocks[at];
}

uint8_t mam_currency(struct mam_engine *engine, const char *name) {
    for (uint32_t i = 0; i < engine->currency_count; i++) {
        if (memcmp(engine->currencies[i], name, 8) == 0) {
            return (uint8_t)i;
        }
    }
    if (engine->currency_count == MAM_CURRENCIES) {
        return UINT8_MAX;
    }
    memcpy(engine->currencies[engine->currency_count], name, 8);
    return (uint8_t)engine->currency_count++;
}

/* Tickets of one bridge and family are mixed into one key; a collision (2^-64) would look like a repeat:
 * refused. */
static uint64_t ticket_key(uint32_t bridge, uint8_t family, uint64_t ticket) {
    return ticket * UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)bridge << 56) ^ ((uint64_t)family << 48);
}

bool mam_remembers(const struct mam_engine *engine, uint32_t bridge, uint8_t family, uint64_t ticket) {
    return mam_table_get(&engine->seen, ticket_key(bridge, family, ticket)) != MAM_TABLE_NONE;
}

bool mam_remember(struct mam_engine *engine, uint32_t bridge, uint8_t family, uint64_t ticket) {
    uint64_t key = ticket_key(bridge, family, ticket);
    if (mam_table_get(&engine->seen, key) != MAM_TABLE_NONE) {
        return false;
    }
    if (engine->history_count == engine->limits.history) {
        mam_table_remove(&engine->seen, engine->history[engine->history_next]);
    } else {
        engine->history_count++;
    }
    engine->history[engine->history_next] = key;
    engine->history_next = (engine->history_next + 1) % engine->limits.history;
    bool put = mam_table_put(&engine->seen, key, 0);
    MAM_ASSERT(put);
    return true;
}

/* --- The function --- */

/* Which role may send which message; the first line of defence against a vendor in the wrong ring. */
uint8_t mam_engine_role_of(uint16_t template_id) {
    switch (template_id) {
    case MAM_INSTRUMENT_ID:
    case MAM_ACCOUNT_ID:
    case MAM_ACCOUNT_STATE_ID:
    case MAM_POSITION_STATE_ID:
    case MAM_MASTER_ORDER_ID:
    case MAM_MASTER_CANCEL_ID:
    case MAM_MASTER_DEAL_ID:
    case MAM_BOOKING_REPORT_ID:
    case MAM_LEVERAGE_TIER_ID:
    case MAM_LEVERAGE_RULE_ID:
    case MAM_LEVERAGE_RULE_INSTRUMENT_ID:
    case MAM_INSTRUMENT_OVERRIDE_ID:
    case MAM_INSTRUMENT_VOLUMES_ID:
    case MAM_SERVER_TERMS_ID:
        return MAM_ROLE_BROKER;
    case MAM_QUOTE_ID:
    case MAM_EXECUTION_ID:
        return MAM_ROLE_LP;
    case MAM_GROUP_POLICY_ID:
    case MAM_MEMBER_ID:
    case MAM_LIMITS_ID:
    case MAM_KILL_SWITCH_ID:
    case MAM_TOLERANCE_ID:
    case MAM_TIME_ZONE_ID:
        return MAM_ROLE_CONTROL;
    case MAM_CLOCK_ID:
    case MAM_OPENED_ID:
    case MAM_BRIDGE_OPENED_ID:
    case MAM_BRIDGE_FENCED_ID:
    case MAM_LOG_STATE_ID:
    case MAM_CONTINUED_ID:
    case MAM_BRIDGE_RENEWED_ID:
    case MAM_CLOCK_STATE_ID:
        return MAM_ROLE_HOST;
    default:
        return 0;
    }
}

static bool may_send(const struct mam_engine *engine, uint32_t bridge, uint16_t template_id) {
    uint8_t role = engine->bridges[bridge].role;
    if (template_id == MAM_HEARTBEAT_ID || template_id == MAM_RESYNC_ID) {
        return role != 0;
    }
    bool leverage = template_id == MAM_LEVERAGE_TIER_ID || template_id == MAM_LEVERAGE_RULE_ID ||
                    template_id == MAM_LEVERAGE_RULE_INSTRUMENT_ID;
    if (leverage && role == MAM_ROLE_CONTROL) {
        return true; /* before the news, by hand */
    }
    if (template_id == MAM_QUOTE_ID && role == MAM_ROLE_BROKER) {
        return true; /* the server's own prices: what it values accounts at */
    }
    return role != 0 && role == mam_engine_role_of(template_id);
}

static uint16_t on_opened(struct mam_engine *engine, const struct mam_opened *message, uint16_t *field) {
    const struct mam_capacities *limits = &engine->limits;
    bool same = message->instruments == limits->instruments && message->accounts == limits->accounts &&
                message->groups == limits->groups && message->members == limits->members &&
                message->blocks == limits->blocks && message->children == limits->children &&
                message->holdings == limits->holdings && message->bridges == limits->bridges &&
                message->history == limits->history && message->positions == limits->positions &&
                message->leg_timeout == limits->leg_timeout_ms &&
                message->booking_timeout == limits->booking_timeout_ms;
    *field = 0;
    return same ? MAM_REASON_NONE : MAM_REASON_OUT_OF_RANGE;
}

static uint16_t on_bridge_opened(struct mam_engine *engine, const struct mam_bridge_opened *message,
                                 uint16_t *field) {
    *field = 2;
    if (!between(message->bridge, 1, engine->limits.bridges)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    *field = 3;
    if (!between(message->role, MAM_ROLE_BROKER, MAM_ROLE_CONTROL)) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_bridge_state *bridge = &engine->bridges[message->bridge];
    bridge->role = message->role;
    memcpy(bridge->name, message->bridge_name, sizeof bridge->name);
    return MAM_REASON_NONE;
}

/* What a fenced bridge quoted is not traded on. */
static uint16_t on_bridge_fenced(struct mam_engine *engine, const struct mam_bridge_fenced *message) {
    if (message->bridge >= 1 && message->bridge <= engine->limits.bridges) {
        for (uint32_t i = 0; i < engine->instrument_count; i++) {
            memset(mam_quote_at(engine, i, message->bridge), 0, MAM_LEVELS * sizeof(struct mam_quote_state));
        }
    }
    mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_FENCED, MAM_REASON_MALFORMED, 0, message->bridge);
    return MAM_REASON_NONE;
}

/* A deal that the server has executed is still allocated; an order that is not executed yet is refused. */
static uint16_t on_log_state(struct mam_engine *engine, const struct mam_log_state *message) {
    bool full = message->suspended == MAM_LOG_DISK_FULL;
    uint8_t kind = MAM_ALERT_KIND_LOG_CAUGHT_UP;
    if (message->suspended != 0) {
        kind = full ? MAM_ALERT_KIND_LOG_DISK_FULL : MAM_ALERT_KIND_LOG_BEHIND;
    }
    engine->log_behind = message->suspended == 0 ? 0 : full ? MAM_LOG_DISK_FULL : MAM_LOG_BEHIND;
    mam_alert(engine, MAM_BRIDGE_JOURNAL, kind, full ? MAM_REASON_LOG_DISK_FULL : MAM_REASON_LOG_BEHIND, 0,
              0);
    return MAM_REASON_NONE;
}

/* What the engine's own host says. */
static uint16_t dispatch_host(struct mam_engine *engine, const void *message, uint16_t template_id,
                              uint16_t *field) {
    switch (template_id) {
    case MAM_CLOCK_ID:
        mam_block_on_clock(engine);
        mam_books_on_clock(engine);
        return MAM_REASON_NONE;
    case MAM_OPENED_ID:
        return on_opened(engine, message, field);
    case MAM_BRIDGE_OPENED_ID:
        return on_bridge_opened(engine, message, field);
    case MAM_BRIDGE_FENCED_ID:
        return on_bridge_fenced(engine, message);
    case MAM_LOG_STATE_ID:
        return on_log_state(engine, message);
    case MAM_CONTINUED_ID:
        return mam_on_continued(engine, message, field);
    case MAM_BRIDGE_RENEWED_ID:
        return mam_on_bridge_renewed(engine, message, field);
    case MAM_CLOCK_STATE_ID:
        return mam_on_clock_state(engine, message);
    default:
        return MAM_REASON_NOT_SUPPORTED;
    }
}

/* Law 8: what is not checked is not used. */
static uint16_t dispatch(struct mam_engine *engine, const void *message, uint16_t template_id,
                         uint16_t *field) {
    if (engine->checked != message) {
        mam_law_broken(engine, 8, 0);
        return MAM_REASON_MALFORMED;
    }
    switch (template_id) {
    case MAM_QUOTE_ID:
        return mam_on_quote(engine, message, field);
    case MAM_MASTER_DEAL_ID:
        return mam_on_master_deal(engine, message, field);
    case MAM_MASTER_ORDER_ID:
        return mam_on_master_order(engine, message, field);
    case MAM_MASTER_CANCEL_ID:
        return mam_on_master_cancel(engine, message, field);
    case MAM_BOOKING_REPORT_ID:
        return mam_on_booking_report(engine, message, field);
    case MAM_EXECUTION_ID:
        return mam_on_execution(engine, message, field);
    case MAM_INSTRUMENT_ID:
        return mam_on_instrument(engine, message, field);
    case MAM_ACCOUNT_ID:
        return mam_on_account(engine, message, field);
    case MAM_ACCOUNT_STATE_ID:
        return mam_on_account_state(engine, message, field);
    case MAM_SERVER_TERMS_ID:
        return mam_on_server_terms(engine, message, field);
    case MAM_POSITION_STATE_ID:
        return mam_on_position_state(engine, message, field);
    case MAM_LEVERAGE_TIER_ID:
        return mam_on_leverage_tier(engine, message, field);
    case MAM_LEVERAGE_RULE_ID:
        return mam_on_leverage_rule(engine, message, field);
    case MAM_LEVERAGE_RULE_INSTRUMENT_ID:
        return mam_on_leverage_rule_instrument(engine, message, field);
    case MAM_INSTRUMENT_OVERRIDE_ID:
        return mam_on_instrument_override(engine, message, field);
    case MAM_INSTRUMENT_VOLUMES_ID:
        return mam_on_instrument_volumes(engine, message, field);
    case MAM_TOLERANCE_ID:
        return mam_on_tolerance(engine, message, field);
    case MAM_TIME_ZONE_ID:
        return mam_on_time_zone(engine, message, field);
    case MAM_GROUP_POLICY_ID:
        return mam_on_group_policy(engine, message, field);
    case MAM_MEMBER_ID:
        return mam_on_member(engine, message, field);
    case MAM_LIMITS_ID:
        return mam_on_limits(engine, message, field);
    case MAM_KILL_SWITCH_ID:
        return mam_on_kill_switch(engine, message, field);
    case MAM_HEARTBEAT_ID:
        return MAM_REASON_NONE;
    case MAM_RESYNC_ID:
        return mam_on_resync(engine, message, field);
    default:
        return dispatch_host(engine, message, template_id, field);
    }
}

/* A sender counts from 1. A number seen before is a repeat and does nothing; a hole is told and survived. */
static uint16_t check_sequence(struct mam_engine *engine, uint64_t sequence) {
    struct mam_bridge_state *bridge = &engine->bridges[engine->bridge];
    if (sequence <= bridge->in_sequence) {
        engine->counts.duplicates++;
        return MAM_REASON_DUPLICATE;
    }
    if (sequence != bridge->in_sequence + 1) {
        engine->counts.gaps++;
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_GAP, MAM_REASON_SEQUENCE_GAP, 0, 0);
        mam_bridge_gap(engine, engine->bridge);
    }
    bridge->in_sequence = sequence;
    return MAM_REASON_NONE;
}

static uint16_t check_and_dispatch(struct mam_engine *engine, const void *message, uint32_t length,
                                   uint16_t *field) {
    uint16_t reason = (uint16_t)mam_message_check(message, length, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    engine->checked = message;
    const struct mam_header *header = message;
    if (!may_send(engine, engine->bridge, header->template_id)) {
        return MAM_REASON_WRONG_SOURCE;
    }
    uint64_t sequence;
    memcpy(&sequence, (const uint8_t *)message + sizeof *header, sizeof sequence);
    *field = 1;
    reason = header->template_id == MAM_RESYNC_ID ? mam_resync_sequence(engine, sequence)
                                                  : check_sequence(engine, sequence);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    *field = 0;
    return dispatch(engine, message, header->template_id, field);
}

/* A refused deal was executed all the same: a person must know, unless it is one that we have. */
static void alarm_if_executed(struct mam_engine *engine, const void *message, uint32_t length,
                              uint16_t reason) {
    const struct mam_header *header = message;
    if (length < sizeof *header || header->template_id != MAM_MASTER_DEAL_ID) {
        return;
    }
    bool whole = length >= sizeof(struct mam_master_deal);
    bool known = whole && reason == MAM_REASON_DUPLICATE &&
                 mam_remembers(engine, engine->bridge, 1, ((const struct mam_master_deal *)message)->deal);
    if (!known) {
        bool broker = engine->bridges[engine->bridge].role == MAM_ROLE_BROKER;
        mam_alert(engine, broker ? engine->bridge : MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_UNALLOCATED, reason, 0,
                  0);
    }
}

void mam_engine_apply(struct mam_engine *engine, int64_t time, uint32_t bridge, const void *message,
                      uint32_t length) {
    MAM_ASSERT(bridge <= engine->limits.bridges && engine->put != NULL && time >= engine->now);
    engine->now = time;
    engine->bridge = bridge;
    engine->counts.inputs++;
    engine->spent = 0;
    engine->checked = NULL;
    uint16_t field = 0;
    uint16_t reason = check_and_dispatch(engine, message, length, &field);
    if (reason != MAM_REASON_NONE) {
        mam_reject(engine, length >= 16 ? message : NULL, reason, field);
        alarm_if_executed(engine, message, length, reason);
    }
    if (engine->unkept != MAM_NONE) {
        if (engine->said != NULL) {
            engine->said(engine->context);
        }
        mam_bookings_keep(engine);
    }
    if (engine->spent > engine->allowance) {
        mam_law_broken(engine, 8, 0); /* the work of one message is bounded, whoever sent it */
    }
}

int64_t mam_engine_deadline(const struct mam_engine *engine) {
    return engine->next_deadline < engine->books.clock ? engine->next_deadline : engine->books.clock;
}

/*
 * The widest answer is to a reversing deal of a group with every member: two Plans, twice a PlanMember and a
 * Booking each (the house too), the blocks' changes and reports, an alert; and every close that waited for a
 * ticket. A sweep says of each LP why it is left out, or sends it a leg; a Clock works on a few blocks, each
 * with all its legs, makes one plan, releases bookings of every server, tells of the accounts it looked at,
 * and closes some members out.
 */
uint64_t mam_engine_worst_case(const struct mam_capacities *limits, uint32_t overhead) {
    uint64_t rows = 2 * rows_needed(limits);
    uint64_t per_message = sizeof(struct mam_plan) + overhead + 8;
    uint64_t per_row =
        sizeof(struct mam_plan_member) + sizeof(struct mam_booking) + 2 * ((uint64_t)overhead + 8);
    uint64_t per_block = 8 * (sizeof(struct mam_plan) + sizeof(struct mam_risk_alert) + overhead + 8);
    uint64_t sweeps =
        (MAM_CLOCK_BLOCKS + UINT64_C(2)) * (2 * MAM_LEGS_MAX + 3 * limits->bridges) * per_message;
    uint64_t released =
        (uint64_t)limits->bridges * MAM_RELEASE * per_row; /* each may be at a further price */
    uint64_t watched = (MAM_WATCHED_OUTPUTS + 2 * MAM_LOOKED_AFTER + 2 * (uint64_t)limits->groups) *
                       (sizeof(struct mam_risk_stop) + overhead + 8);
    uint64_t unsynced = rows_needed(limits) * (sizeof(struct mam_risk_alert) + sizeof(struct mam_resync) +
                                               2 * ((uint64_t)overhead + 8)); /* accounts without room */
    return rows * per_row + (limits->blocks + (uint64_t)1 + MAM_CLOSED_A_CLOCK) * per_block + sweeps +
           released + watched + unsynced;
}
