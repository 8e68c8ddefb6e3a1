/* A block's life; its states and all that can happen in each: block_table.c, drawn in docs/blocks.md. */
#include <stddef.h>
#include <string.h>

#include "allocate.h"
#include "state.h"

/* --- The table of blocks --- */

static int64_t tick_of(const struct mam_instrument *instrument) {
    int64_t tick = 100000000;
    for (uint8_t digit = 0; digit < instrument->digits; digit++) {
        tick /= 10;
    }
    return tick;
}

static struct mam_block *block_open(struct mam_engine *engine, uint32_t group, uint32_t instrument) {
    mam_bookings_keep(engine);
    uint32_t at = engine->free_block;
    MAM_ASSERT(at != MAM_NONE);
    struct mam_block *block = &engine->blocks[at];
    const struct mam_instrument *definition = &engine->instruments[instrument].definition;
    engine->free_block = block->next;
    memset(block, 0, offsetof(struct mam_block, legs));
    block->id = ++engine->block_id;
    block->group = group;
    block->instrument = instrument;
    block->bridge = engine->bridge;
    block->position = block->next = block->only = MAM_NONE;
    block->previous = engine->last_block;
    block->deadline = block->until = INT64_MAX;
    block->step = definition->volume_step;
    block->minimum = definition->volume_min;
    block->tick = tick_of(definition);
    block->policy = engine->groups[group].policy;
    if (engine->last_block == MAM_NONE) {
        engine->first_block = at;
    } else {
        engine->blocks[engine->last_block].next = at;
    }
    engine->last_block = at;
    bool put = mam_table_put(&engine->block_by_id, block->id, at);
    MAM_ASSERT(put);
    engine->groups[group].open_blocks++;
    engine->counts.blocks_opened++;
    engine->counts.blocks_working++;
    return block;
}

void mam_block_close(struct mam_engine *engine, struct mam_block *block) {
    MAM_ASSERT(block->open_legs == 0);
    mam_old_legs_keep(engine, block);
    mam_old_answers_keep(engine, block);
    mam_book_unplanned(engine, block);
    uint32_t at = (uint32_t)(block - engine->blocks);
    if (block->extent > 0) {
        mam_extents_give(&engine->extents, block->first_child, block->extent);
        engine->counts.children_working -= block->child_count;
    }
    if (block->position != MAM_NONE) {
        engine->positions[block->position].open_blocks--;
        mam_position_sweep(engine, block->position);
    }
    engine->groups[block->group].open_blocks--;
    engine->counts.blocks_working--;
    mam_table_remove(&engine->block_by_id, block->id);
    *(block->previous == MAM_NONE ? &engine->first_block : &engine->blocks[block->previous].next) =
        block->next;
    *(block->next == MAM_NONE ? &engine->last_block : &engine->blocks[block->next].previous) =
        block->previous;
    block->next = engine->free_block;
    engine->free_block = at;
}

/* --- What is told of it --- */

void mam_block_change(struct mam_engine *engine, struct mam_block *block, uint8_t status, uint16_t reason) {
    struct mam_block_change change;
    mam_block_change_init(&change);
    change.block = block->id;
    change.reason = reason;
    change.status = status;
    change.previous = block->status;
    change.filled = block->filled;
    change.allocated = block->allocated;
    change.house = block->house;
    change.price = block->price;
    change.residue = block->residue;
    block->status = status;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &change, sizeof change);
}

void mam_block_report(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_master_report report;
    mam_master_report_init(&report);
    report.order = block->order;
    report.deal = block->deal;
    report.group = engine->groups[block->group].id;
    report.block = block->id;
    report.volume = block->volume;
    report.planned = block->planned;
    report.filled = block->filled;
    report.allocated = block->allocated;
    report.house = block->house;
    report.price = block->price;
    report.children = block->asked;
    report.reason = block->reason;
    report.status = block->status;
    report.master_position = block->position == MAM_NONE ? 0 : engine->positions[block->position].ticket;
    mam_emit(engine, block->bridge, &report, sizeof report);
}

/* Law 1, by counting again; law 9: the house has something only where no client could take it. */
void mam_block_law_check(struct mam_engine *engine, const struct mam_block *block) {
    int64_t assigned = 0;
    for (uint32_t i = 0; i < block->child_count; i++) {
        assigned += engine->children[block->first_child + i].assigned;
    }
    if (assigned != block->allocated || block->allocated + block->house != block->filled) {
        mam_law_broken(engine, 1, block->id);
    }
    if (block->house < 0) {
        mam_law_broken(engine, 9, block->id);
    }
}

/* --- From the master --- */

struct request {
    uint32_t group, instrument, position;
    uint64_t ticket;
    int64_t volume;
    int64_t opens; /* reversing: what is left of volume for the other way */
    uint8_t side, entry;
};

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

/*
 * `first`: the field of the group; instrument and volume follow it. A group's trades come one way, as its
 * policy says: one that came both as an order and as a deal would be booked twice.
 */
static uint16_t resolve(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint8_t execution,
                        struct request *request, uint16_t first, uint16_t *field) {
    if (engine->halted) {
        return MAM_REASON_HALTED;
    }
    request->group = mam_group_find(engine, group);
    if (request->group == MAM_TABLE_NONE) {
        return fault(field, first, MAM_REASON_UNKNOWN_GROUP);
    }
    if (engine->groups[request->group].policy.execution != execution) {
        return fault(field, first, MAM_REASON_WRONG_EXECUTION);
    }
    request->instrument = mam_table_get(&engine->instrument_by_id, instrument);
    if (request->instrument == MAM_TABLE_NONE) {
        return fault(field, first + 1, MAM_REASON_UNKNOWN_INSTRUMENT);
    }
    if (request->volume <= 0 || request->volume > MAM_VOLUME_MAX) {
        return fault(field, first + 2, MAM_REASON_OUT_OF_RANGE);
    }
    request->position = mam_position_find(engine, request->group, request->ticket);
    return MAM_REASON_NONE;
}

/* A close names a position of that instrument and the opposite side; an opening must not turn one round. */
static uint16_t check_position(const struct mam_engine *engine, const struct request *request) {
    if (request->position == MAM_NONE) {
        return request->entry == MAM_ENTRY_OPENING ? MAM_REASON_NONE : MAM_REASON_UNKNOWN_POSITION;
    }
    const struct mam_position_row *row = &engine->positions[request->position];
    bool opposite = row->side != request->side;
    if (row->instrument != request->instrument || opposite == (request->entry == MAM_ENTRY_OPENING)) {
        return MAM_REASON_UNKNOWN_POSITION;
    }
    return request->volume > MAM_VOLUME_MAX - row->traded ? MAM_REASON_OVERFLOW : MAM_REASON_NONE;
}

/* Blocks that may still be opened: those that reversing orders will need are taken. */
static uint32_t free_blocks(const struct mam_engine *engine) {
    return engine->limits.blocks - (uint32_t)engine->counts.blocks_working - engine->rests;
}

/* Looked at before anything is done or remembered: a refused deal may come again when there is room. */
static bool fits(const struct mam_engine *engine, const struct request *request) {
    return free_blocks(engine) > 0 && engine->block_id < UINT32_MAX - 1 &&
           (request->position != MAM_NONE || mam_position_fits(engine, request->group, request->ticket));
}

static void attach_position(struct mam_engine *engine, struct mam_block *block,
                            const struct request *request) {
    block->position = request->position;
    if (block->position == MAM_NONE) {
        block->position =
            mam_position_open(engine, request->group, request->instrument, request->ticket, request->side);
        engine->positions[block->position].bridge = block->bridge;
    }
    engine->positions[block->position].open_blocks++;
    block->side = request->side;
    block->entry = request->entry;
    block->volume = request->volume;
}

static uint16_t plan(struct mam_engine *engine, struct mam_block *block) {
    uint16_t reason =
        block->entry == MAM_ENTRY_CLOSING ? mam_plan_closing(engine, block) : mam_plan_opening(engine, block);
    mam_block_change(engine, block, MAM_BLOCK_STATUS_PLANNED, reason);
    return reason;
}

/* Nothing was executed: the master is told why, and the block is gone. */
static void reject_block(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    mam_unreserve(engine, block);
    mam_carry_undo(engine, block);
    block->reason = reason;
    engine->counts.blocks_rejected++;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_REJECTED, reason);
    mam_block_report(engine, block);
    mam_block_close(engine, block);
}

/*
 * --- Reversing a netting position: all of it is closed, then the rest opens the other way ---
 *
 * Where LPs execute, the rest waits for the close: were it refused, or filled in part, both sides would be
 * open.
 */

struct rest {
    struct request request; /* volume 0: there is none */
    int64_t stop_loss, price, deviation, until;
    uint32_t bridge;
};

static struct request the_rest(const struct request *request, uint64_t ticket) {
    struct request rest = *request;
    rest.position = MAM_NONE;
    rest.ticket = ticket;
    rest.volume = request->opens;
    rest.entry = MAM_ENTRY_OPENING;
    return rest;
}

/* What is to follow a close; asked for once, before the block may be gone. */
static struct rest take_rest(struct mam_block *block) {
    const struct request closed = {
        .group = block->group, .instrument = block->instrument, .side = block->side, .opens = block->opens};
    struct rest rest = {.request = the_rest(&closed, block->order),
                        .stop_loss = block->stop_loss,
                        .price = block->reference_price,
                        .deviation = block->deviation,
                        .until = block->until,
                        .bridge = block->bridge};
    block->opens = 0;
    return rest;
}

/* What forbids an order forbids its rest too, should it have come about since. A kill has stopped its close,
 * and so the rest. */
static uint16_t may_open(const struct mam_engine *engine, const struct request *request) {
    if (engine->halted) {
        return MAM_REASON_HALTED;
    }
    bool room =
        engine->block_id < UINT32_MAX - 1 && mam_position_fits(engine, request->group, request->ticket);
    return room ? MAM_REASON_NONE : MAM_REASON_TABLE_FULL;
}

static void open_rest(struct mam_engine *engine, const struct rest *rest, uint16_t failed);

/* Nothing of a block was executed: nor is what was to follow it. */
static void not_executed(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    struct rest rest = take_rest(block);
    reject_block(engine, block, reason);
    open_rest(engine, &rest, reason);
}

/* What clients and the house hold of a position; false: part of it is being closed by another order. */
static bool held_of(const struct mam_engine *engine, uint32_t position, int64_t *held) {
    const struct mam_position_row *row = &engine->positions[position];
    bool quiet = row->house_reserved == 0;
    *held = row->house;
    for (uint32_t at = row->first_holding; at != MAM_NONE; at = engine->holdings[at].next) {
        *held += engine->holdings[at].volume;
        quiet = quiet && engine->holdings[at].reserved == 0;
    }
    return quiet && *held > 0;
}

/* Turns a reversing request into its close; `opens` is what follows, under the new ticket. */
static uint16_t split_reversing(struct mam_engine *engine, struct request *request, uint64_t new_ticket) {
    int64_t held;
    const struct mam_group_policy *policy = &engine->groups[request->group].policy;
    uint32_t master = mam_table_get(&engine->account_by_login, policy->master_login);
    if (master != MAM_TABLE_NONE && engine->accounts[master].margin_mode == MAM_MARGIN_MODE_HEDGING) {
        return MAM_REASON_PERMISSION;
    }
    if (!held_of(engine, request->position, &held)) {
        return MAM_REASON_BUSY;
    }
    if (request->volume <= held) {
        return MAM_REASON_OUT_OF_RANGE; /* that is a close */
    }
    if (new_ticket == request->ticket || !mam_position_fits(engine, request->group, new_ticket) ||
        free_blocks(engine) < 2) {
        return MAM_REASON_TABLE_FULL;
    }
    request->opens = request->volume - held;
    request->volume = held;
    request->entry = MAM_ENTRY_CLOSING;
    return MAM_REASON_NONE;
}

/* --- post_trade --- */

/* It is executed already, so whatever no client can take is the house's, and is told to a person. */
static void take_deal(struct mam_engine *engine, const struct mam_master_deal *m,
                      const struct request *request) {
    struct mam_block *block = block_open(engine, request->group, request->instrument);
    block->order = m->order;
    block->deal = m->deal;
    block->execution = MAM_EXECUTION_MODE_POST_TRADE;
    block->stop_loss = m->stop_loss;
    block->reference_price = m->price;
    attach_position(engine, block, request);
    block->reason = plan(engine, block);
    if (block->reason == MAM_REASON_NONE) {
        block->reason = block->short_reason;
    }
    engine->positions[block->position].traded += block->volume;
    block->filled = block->volume;
    block->price = m->price;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_FILLED, block->reason);
    mam_block_allocate(engine, block);
}

/* A hedging master closes a position by an opposite one: as much of both, at one price, and every child the
 * same. Its second half, where the position is `position_by` and the side is the other. */
static uint16_t other_half(const struct mam_engine *engine, const struct mam_master_deal *m,
                           struct request *request, struct request *other) {
    *other = *request;
    other->ticket = m->position_by;
    other->side = request->side ^ 1u;
    other->position = mam_position_find(engine, request->group, m->position_by);
    request->entry = other->entry = MAM_ENTRY_CLOSING;
    if (m->position_by == request->ticket || free_blocks(engine) < 2) {
        return m->position_by == request->ticket ? MAM_REASON_UNKNOWN_POSITION : MAM_REASON_TABLE_FULL;
    }
    return check_position(engine, other);
}

uint16_t mam_on_master_deal(struct mam_engine *engine, const struct mam_master_deal *m, uint16_t *field) {
    uint64_t order = m->order != 0 ? m->order : m->deal; /* a server names a position by its opening order */
    struct request request = {.ticket = m->position != 0 ? m->position : order,
                              .volume = m->volume,
                              .side = m->side,
                              .entry = m->entry};
    uint16_t reason =
        resolve(engine, m->group, m->instrument, MAM_EXECUTION_MODE_POST_TRADE, &request, 4, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (m->deal == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->price <= 0 || m->price > MAM_PRICE_MAX) {
        return fault(field, 7, MAM_REASON_OUT_OF_RANGE);
    }
    reason = check_position(engine, &request);
    if (reason != MAM_REASON_NONE) {
        return fault(field, 10, reason);
    }
    if (!fits(engine, &request)) {
        return MAM_REASON_TABLE_FULL;
    }
    bool by = request.entry == MAM_ENTRY_CLOSE_BY;
    struct request other = {0};
    if (by) {
        reason = other_half(engine, m, &request, &other);
        if (reason != MAM_REASON_NONE) {
            return fault(field, 14, reason);
        }
    }
    if (request.entry == MAM_ENTRY_REVERSING) {
        reason = split_reversing(engine, &request, m->deal);
        if (reason != MAM_REASON_NONE) {
            return fault(field, 13, reason);
        }
    }
    if (!mam_remember(engine, engine->bridge, 1, m->deal)) {
        engine->counts.duplicates++;
        return fault(field, 2, MAM_REASON_DUPLICATE);
    }
    mam_limits_watch_deal(engine, m, request.group, request.instrument);
    take_deal(engine, m, &request);
    if (request.opens > 0) {
        struct request rest = the_rest(&request, m->deal);
        take_deal(engine, m, &rest);
    }
    if (by) {
        take_deal(engine, m, &other);
    }
    return MAM_REASON_NONE;
}

static uint16_t check_order(const struct mam_engine *engine, const struct mam_master_order *m,
                            const struct request *request, uint16_t *field) {
    const struct mam_instrument *instrument = &engine->instruments[request->instrument].definition;
    if (engine->killed || engine->groups[request->group].killed) {
        return MAM_REASON_KILLED;
    }
    if (engine->log_behind && m->entry != MAM_ENTRY_CLOSING) {
        return engine->log_behind == MAM_LOG_DISK_FULL ? MAM_REASON_LOG_DISK_FULL : MAM_REASON_LOG_BEHIND;
    }
    if (m->order == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->entry == MAM_ENTRY_CLOSE_BY) {
        return fault(field, 12, MAM_REASON_NOT_SUPPORTED); /* nothing is traded by it: the server does it */
    }
    if (m->price < 0 || m->price > MAM_PRICE_MAX) {
        return fault(field, 6, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->deviation < 0 || m->deviation > MAM_PRICE_MAX) {
        return fault(field, 7, MAM_REASON_OUT_OF_RANGE);
    }
    if (m->volume > instrument->volume_max) {
        return fault(field, 5, MAM_REASON_ABOVE_MAXIMUM);
    }
    if (m->entry == MAM_ENTRY_OPENING && m->volume < instrument->volume_min) {
        return fault(field, 5, MAM_REASON_BELOW_MINIMUM);
    }
    if (m->entry == MAM_ENTRY_OPENING && !mam_is_multiple(m->volume, instrument->volume_step)) {
        return fault(field, 5, MAM_REASON_OFF_STEP);
    }
    return MAM_REASON_NONE;
}

/* --- stp --- */

/* Planned first, then executed at the LPs, then divided. Nothing planned is nothing sent. */
static void execute(struct mam_engine *engine, struct mam_block *block) {
    uint16_t reason = plan(engine, block);
    mam_reserve(engine, block);
    if (mam_block_target(block) == 0) {
        not_executed(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NO_MEMBERS);
    } else if (mam_block_target(block) > MAM_VOLUME_MAX - engine->positions[block->position].traded) {
        not_executed(engine, block, MAM_REASON_OVERFLOW);
    } else if (mam_sweep(engine, block, MAM_LEG_EXECUTE, mam_block_target(block)) == 0) {
        not_executed(engine, block, MAM_REASON_NO_LIQUIDITY);
    } else {
        engine->positions[block->position].traded += mam_block_target(block);
        if (block->entry == MAM_ENTRY_OPENING) {
            mam_book_planned(engine, block);
        }
        mam_block_change(engine, block, MAM_BLOCK_STATUS_WORKING, MAM_REASON_NONE);
    }
}

static void open_rest(struct mam_engine *engine, const struct rest *rest, uint16_t failed) {
    if (rest->request.volume == 0) {
        return;
    }
    struct mam_block *block = block_open(engine, rest->request.group, rest->request.instrument);
    engine->rests--;
    block->bridge = rest->bridge;
    block->order = rest->request.ticket;
    block->execution = MAM_EXECUTION_MODE_STP;
    block->stop_loss = rest->stop_loss;
    block->reference_price = rest->price;
    block->deviation = rest->deviation;
    block->until = rest->until;
    uint16_t reason = failed != MAM_REASON_NONE ? failed : may_open(engine, &rest->request);
    if (reason != MAM_REASON_NONE) {
        block->side = rest->request.side;
        block->entry = rest->request.entry;
        block->volume = rest->request.volume;
        mam_plan_nothing(engine, block, reason);
        reject_block(engine, block, reason);
        return;
    }
    attach_position(engine, block, &rest->request);
    execute(engine, block);
}

static void take_order(struct mam_engine *engine, const struct mam_master_order *m,
                       const struct request *request) {
    struct mam_block *block = block_open(engine, request->group, request->instrument);
    block->order = m->order;
    block->execution = MAM_EXECUTION_MODE_STP;
    block->stop_loss = m->stop_loss;
    block->reference_price = m->price;
    block->deviation = m->deviation != 0 ? m->deviation : block->policy.deviation;
    if (m->time_limit != 0) {
        block->until = engine->now + (int64_t)m->time_limit * 1000000;
    }
    block->opens = request->opens;
    engine->rests += request->opens > 0;
    attach_position(engine, block, request);
    execute(engine, block);
}

uint16_t mam_on_master_order(struct mam_engine *engine, const struct mam_master_order *m, uint16_t *field) {
    struct request request = {.ticket = m->position != 0 ? m->position : m->order,
                              .volume = m->volume,
                              .side = m->side,
                              .entry = m->entry};
    uint16_t reason = resolve(engine, m->group, m->instrument, MAM_EXECUTION_MODE_STP, &request, 3, field);
    if (reason == MAM_REASON_NONE) {
        reason = check_order(engine, m, &request, field);
    }
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    reason = check_position(engine, &request);
    if (reason != MAM_REASON_NONE) {
        return fault(field, 10, reason);
    }
    if (!fits(engine, &request)) {
        return MAM_REASON_TABLE_FULL;
    }
    if (request.entry == MAM_ENTRY_REVERSING) {
        reason = split_reversing(engine, &request, m->order);
        if (reason != MAM_REASON_NONE) {
            return fault(field, 12, reason);
        }
    }
    if (mam_remembers(engine, engine->bridge, 2, m->order)) {
        engine->counts.duplicates++;
        return fault(field, 2, MAM_REASON_DUPLICATE);
    }
    reason = mam_limits_check(engine, m, request.group, request.instrument, field);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    mam_remember(engine, engine->bridge, 2, m->order);
    take_order(engine, m, &request);
    return MAM_REASON_NONE;
}

/* --- A close of the engine's own: it has no order, and its server is told --- */

/* What the holders of a position could close at now: the mark. 0: never quoted, or too old. */
static int64_t closing_mark(const struct mam_engine *engine, const struct mam_position_row *row) {
    const struct mam_instrument_book *of = &engine->books.instruments[row->instrument];
    return mam_mark_stale(engine, row->instrument) ? 0 : row->side == MAM_SIDE_BUY ? of->bid : of->ask;
}

/* No LP has a part in such a group: the server books the close at the mark. */
static void close_at_mark(struct mam_engine *engine, struct mam_block *block) {
    uint16_t reason = plan(engine, block);
    if (block->planned + block->house_planned == 0) {
        reject_block(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NO_MEMBERS);
        return;
    }
    engine->positions[block->position].traded += block->volume;
    block->filled = block->volume;
    block->price = block->reference_price;
    block->reason = block->own_reason;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_FILLED, block->reason);
    mam_block_allocate(engine, block);
}

bool mam_position_priced(struct mam_engine *engine, uint32_t position) {
    const struct mam_position_row *row = &engine->positions[position];
    return engine->groups[row->group].policy.execution == MAM_EXECUTION_MODE_STP
               ? mam_book_offers(engine, row->instrument, row->side ^ 1u)
               : closing_mark(engine, row) > 0;
}

bool mam_close_position(struct mam_engine *engine, uint32_t position, uint32_t account, int64_t volume,
                        uint16_t reason) {
    const struct mam_position_row *row = &engine->positions[position];
    struct request request = {.group = row->group,
                              .instrument = row->instrument,
                              .position = position,
                              .ticket = row->ticket,
                              .volume = volume,
                              .side = row->side ^ 1u,
                              .entry = MAM_ENTRY_CLOSING};
    uint8_t execution = engine->groups[row->group].policy.execution;
    int64_t mark = closing_mark(engine, row);
    bool possible = !engine->halted && volume <= MAM_VOLUME_MAX - row->traded && fits(engine, &request) &&
                    mam_position_priced(engine, position);
    if (!possible) {
        return false;
    }
    struct mam_block *block = block_open(engine, request.group, request.instrument);
    block->bridge = row->bridge;
    block->execution = execution;
    block->only = account;
    block->policy.on_partial = MAM_ON_PARTIAL_COMPLETE;
    block->own_reason = reason;
    attach_position(engine, block, &request);
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_WARNING, reason, block->id,
              account == MAM_NONE ? 0 : engine->accounts[account].login);
    if (execution == MAM_EXECUTION_MODE_POST_TRADE) {
        block->reference_price = mark;
        close_at_mark(engine, block);
    } else {
        execute(engine, block);
    }
    return true;
}

/* It was executed when the house closed it for the client: this only hands it over. */
bool mam_close_owed(struct mam_engine *engine, uint32_t at) {
    struct mam_holding *holding = &engine->holdings[at];
    struct mam_position_row *row = &engine->positions[holding->position];
    struct request request = {.group = row->group,
                              .instrument = row->instrument,
                              .position = holding->position,
                              .ticket = row->ticket,
                              .volume = holding->owed,
                              .side = row->side ^ 1u,
                              .entry = MAM_ENTRY_CLOSING};
    if (engine->halted || holding->pending > 0 || holding->reserved > 0 || !fits(engine, &request)) {
        return false;
    }
    struct mam_block *block = block_open(engine, request.group, request.instrument);
    int64_t residue;
    bool priced =
        mam_average_of(holding->owed_notional, holding->owed, 1, &block->price, &residue) == MAM_REASON_NONE;
    MAM_ASSERT(priced); /* between prices that were good */
    block->bridge = row->bridge;
    block->execution = MAM_EXECUTION_MODE_POST_TRADE;
    block->only = holding->account;
    block->covers = 1;
    block->own_reason = MAM_REASON_NOT_CLOSED;
    attach_position(engine, block, &request);
    uint16_t reason = plan(engine, block);
    if (block->planned != request.volume) {
        reject_block(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NO_MEMBERS);
        return false;
    }
    block->residue = residue;
    block->filled = request.volume;
    block->reason = block->own_reason;
    row->house += request.volume;
    row->owed -= request.volume;
    engine->owed_holdings--;
    holding->owed = 0;
    holding->owed_notional = 0;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_FILLED, block->reason);
    mam_block_allocate(engine, block);
    return true;
}

/* Immediate-or-cancel legs leave little to cancel: what works is taken back, what was filled is allocated. */
uint16_t mam_on_master_cancel(struct mam_engine *engine, const struct mam_master_cancel *m, uint16_t *field) {
    bool found = false;
    uint16_t answer = MAM_REASON_NONE;
    for (uint32_t at = engine->first_block; at != MAM_NONE;) {
        struct mam_block *block = &engine->blocks[at];
        at = block->next;
        if (m->order != 0 && block->order == m->order && block->bridge == engine->bridge &&
            block->execution == MAM_EXECUTION_MODE_STP && engine->groups[block->group].id == m->group) {
            uint16_t reason = mam_block_event(engine, block, MAM_EVENT_CANCEL, m, field, block->id, 0);
            answer = found && answer == MAM_REASON_NONE ? answer : reason; /* a reversing order has two */
            found = true;
        }
    }
    return found ? answer : mam_block_event(engine, NULL, MAM_EVENT_CANCEL, m, field, 0, 0);
}

/* --- From filled to done --- */

void mam_block_executed(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    if (block->filled == 0) {
        not_executed(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NOT_EXECUTED);
        return;
    }
    uint8_t status =
        block->filled == mam_block_target(block) ? MAM_BLOCK_STATUS_FILLED : MAM_BLOCK_STATUS_PARTIAL;
    block->reason = status == MAM_BLOCK_STATUS_FILLED ? MAM_REASON_NONE
                    : reason == MAM_REASON_NONE       ? MAM_REASON_NOT_EXECUTED
                                                      : reason;
    uint16_t failed = block->stopped != MAM_REASON_NONE ? block->stopped : block->reason;
    struct rest rest = take_rest(block);
    if (status == MAM_BLOCK_STATUS_PARTIAL && block->policy.on_partial == MAM_ON_PARTIAL_ROLLBACK) {
        mam_rollback(engine, block);
    } else {
        if (status == MAM_BLOCK_STATUS_FILLED) {
            block->reason = block->own_reason != MAM_REASON_NONE ? block->own_reason : block->short_reason;
        }
        mam_block_change(engine, block, status, block->reason);
        mam_block_allocate(engine, block);
    }
    open_rest(engine, &rest, failed);
}

/* The house has something that no reason explains yet: a rest of less than a step, or one that no child could
 * have for its minimum. Of a close, the house's own part is none. */
static void explain_house(struct mam_block *block) {
    if (block->reason == MAM_REASON_NONE && block->house > block->house_planned) {
        block->reason = block->house < block->step ? MAM_REASON_OFF_STEP : MAM_REASON_BELOW_MINIMUM;
    }
}

/* The volumes are final: holdings move, bookings go out, the master hears how many children to expect. */
void mam_block_allocate(struct mam_engine *engine, struct mam_block *block) {
    mam_settle(engine, block);
    explain_house(block);
    mam_block_law_check(engine, block);
    mam_book_children(engine, block, 0);
    mam_block_change(engine, block, MAM_BLOCK_STATUS_ALLOCATING, block->reason);
    mam_block_report(engine, block);
    if (block->house > block->house_planned) {
        MAM_ASSERT(block->reason != MAM_REASON_NONE);
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, block->reason, block->id,
                  block->policy.house_login);
    }
    mam_block_finish_if_answered(engine, block);
}

/* Refused volume that is to be traded out again is, with the next Clock: many blocks may end in one message.
 */
static bool unwinds(struct mam_engine *engine, struct mam_block *block) {
    if (block->unwinding == 0 && block->refused > 0 && block->policy.on_refused == MAM_ON_REFUSED_UNWIND &&
        block->entry == MAM_ENTRY_OPENING && block->execution == MAM_EXECUTION_MODE_STP) {
        int64_t free = mam_house_free(engine, block->position); /* closes may have taken it in the meantime */
        block->to_reverse = block->refused < free ? block->refused : free;
        block->unwinding = block->to_reverse > 0 ? 1 : 3;
        engine->positions[block->position].house_reserved += block->to_reverse;
        mam_block_wake(engine, block, engine->now);
    }
    return block->unwinding == 1 || block->unwinding == 2;
}

void mam_block_finish_if_answered(struct mam_engine *engine, struct mam_block *block) {
    if (block->status != MAM_BLOCK_STATUS_ALLOCATING || block->answered != block->asked ||
        block->open_legs > 0 || unwinds(engine, block)) {
        return;
    }
    while (mam_reallocate(engine, block)) {
        if (block->answered != block->asked) {
            return;
        }
    }
    mam_block_law_check(engine, block);
    if (block->refused > 0 && block->policy.on_refused == MAM_ON_REFUSED_REALLOCATE) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, MAM_REASON_REFUSED, block->id,
                  block->policy.house_login);
    }
    if (block->covers && block->house == 0) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_CLOSED_LATE, MAM_REASON_NOT_CLOSED, block->id,
                  engine->accounts[block->only].login);
    }
    block->deadline = INT64_MAX;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_DONE, block->reason);
    mam_block_report(engine, block);
    engine->counts.blocks_done++;
    mam_block_close(engine, block);
}

/* --- Time --- */

static void wake(struct mam_engine *engine, int64_t when) {
    engine->next_deadline = when < engine->next_deadline ? when : engine->next_deadline;
}

void mam_block_wake(struct mam_engine *engine, struct mam_block *block, int64_t when) {
    block->deadline = when < block->deadline ? when : block->deadline;
    wake(engine, block->deadline);
}

uint16_t mam_clock_allocating(struct mam_engine *engine, struct mam_block *block, const void *message,
                              uint16_t *field) {
    if (block->unwinding == 1) {
        mam_unwind(engine, block);
        return MAM_REASON_NONE;
    }
    mam_booking_clock(engine, block);
    return block->open_legs > 0 ? mam_clock_legs(engine, block, message, field) : MAM_REASON_NONE;
}

/* A bounded number of blocks; those left over have a deadline that has passed, so the next Clock comes at
 * once. */
static void clock_blocks(struct mam_engine *engine) {
    uint32_t worked = 0;
    for (uint32_t at = engine->first_block; at != MAM_NONE && worked < MAM_CLOCK_BLOCKS;) {
        struct mam_block *block = &engine->blocks[at];
        at = block->next;
        if (block->deadline <= engine->now) {
            uint16_t field;
            block->deadline = INT64_MAX;
            mam_block_event(engine, block, MAM_EVENT_CLOCK, NULL, &field, block->id, 0);
            worked++;
        }
    }
}

void mam_block_on_clock(struct mam_engine *engine) {
    clock_blocks(engine);
    int64_t next = mam_tasks_run(engine);
    int64_t days = mam_daily_clock(engine);
    next = days < next ? days : next;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        if (mam_booking_release(engine, bridge)) {
            next = engine->now;
        }
    }
    for (uint32_t at = engine->first_block; at != MAM_NONE; at = engine->blocks[at].next) {
        next = engine->blocks[at].deadline < next ? engine->blocks[at].deadline : next;
    }
    engine->next_deadline = next;
}
