/*
 * A block's life, drawn in docs/developer.md:
 *
 *   fresh -> planned -+-> (post_trade) ------------------> filled --+-> allocating -> done
 *                     +-> (stp) working -+-> filled | partial ------+
 *                                        +-> rejected (nothing was filled)
 */
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
    uint32_t at = engine->free_block;
    MAM_ASSERT(at != MAM_NONE);
    struct mam_block *block = &engine->blocks[at];
    const struct mam_instrument *definition = &engine->instruments[instrument].definition;
    engine->free_block = block->next;
    *block = (struct mam_block){.id = ++engine->block_id,
                                .group = group,
                                .instrument = instrument,
                                .bridge = engine->bridge,
                                .position = MAM_NONE,
                                .next = MAM_NONE,
                                .previous = engine->last_block,
                                .deadline = INT64_MAX,
                                .step = definition->volume_step,
                                .minimum = definition->volume_min,
                                .tick = tick_of(definition),
                                .policy = engine->groups[group].policy};
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

static void block_close(struct mam_engine *engine, struct mam_block *block) {
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
    uint8_t side, entry;
};

static uint16_t fault(uint16_t *field, uint16_t id, uint16_t reason) {
    *field = id;
    return reason;
}

static uint16_t resolve(struct mam_engine *engine, uint32_t group, uint32_t instrument,
                        struct request *request, uint16_t *field) {
    if (engine->halted) {
        return MAM_REASON_HALTED;
    }
    request->group = mam_group_find(engine, group);
    if (request->group == MAM_TABLE_NONE) {
        return fault(field, 3, MAM_REASON_UNKNOWN_GROUP);
    }
    request->instrument = mam_table_get(&engine->instrument_by_id, instrument);
    if (request->instrument == MAM_TABLE_NONE) {
        return fault(field, 4, MAM_REASON_UNKNOWN_INSTRUMENT);
    }
    if (request->volume <= 0 || request->volume > MAM_VOLUME_MAX) {
        return fault(field, 5, MAM_REASON_OUT_OF_RANGE);
    }
    request->position = mam_position_find(engine, request->group, request->ticket);
    return MAM_REASON_NONE;
}

/* A close names a position of that instrument and the opposite side; an opening must not turn one round. */
static uint16_t check_position(const struct mam_engine *engine, const struct request *request) {
    if (request->position == MAM_NONE) {
        return request->entry == MAM_ENTRY_CLOSING ? MAM_REASON_UNKNOWN_POSITION : MAM_REASON_NONE;
    }
    const struct mam_position_row *row = &engine->positions[request->position];
    bool opposite = row->side != request->side;
    if (row->instrument != request->instrument || opposite != (request->entry == MAM_ENTRY_CLOSING)) {
        return MAM_REASON_UNKNOWN_POSITION;
    }
    return request->volume > MAM_VOLUME_MAX - row->traded ? MAM_REASON_OVERFLOW : MAM_REASON_NONE;
}

/* Looked at before anything is done or remembered: a refused deal may come again when there is room. */
static bool fits(const struct mam_engine *engine, const struct request *request) {
    return engine->free_block != MAM_NONE && engine->block_id < UINT32_MAX - 1 &&
           (request->position != MAM_NONE || mam_position_fits(engine, request->group, request->ticket));
}

static void attach_position(struct mam_engine *engine, struct mam_block *block,
                            const struct request *request) {
    block->position = request->position;
    if (block->position == MAM_NONE) {
        block->position =
            mam_position_open(engine, request->group, request->instrument, request->ticket, request->side);
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
    block_close(engine, block);
}

/* post_trade: it is executed already, so whatever no client can take is the house's, and is told to a person.
 */
uint16_t mam_on_master_deal(struct mam_engine *engine, const struct mam_master_deal *m, uint16_t *field) {
    uint64_t order = m->order != 0 ? m->order : m->deal; /* a server names a position by its opening order */
    struct request request = {.ticket = m->position != 0 ? m->position : order,
                              .volume = m->volume,
                              .side = m->side,
                              .entry = m->entry};
    uint16_t reason = resolve(engine, m->group, m->instrument, &request, field);
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
    if (!mam_remember(engine, engine->bridge, 1, m->deal)) {
        engine->counts.duplicates++;
        return fault(field, 2, MAM_REASON_DUPLICATE);
    }
    struct mam_block *block = block_open(engine, request.group, request.instrument);
    block->order = m->order;
    block->deal = m->deal;
    block->execution = MAM_EXECUTION_MODE_POST_TRADE;
    block->stop_loss = m->stop_loss;
    block->reference_price = m->price;
    attach_position(engine, block, &request);
    block->reason = plan(engine, block);
    engine->positions[block->position].traded += block->volume;
    block->filled = block->volume;
    block->price = m->price;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_FILLED, block->reason);
    mam_block_allocate(engine, block);
    return MAM_REASON_NONE;
}

static uint16_t check_order(const struct mam_engine *engine, const struct mam_master_order *m,
                            const struct request *request, uint16_t *field) {
    const struct mam_instrument *instrument = &engine->instruments[request->instrument].definition;
    if (engine->killed || engine->groups[request->group].killed) {
        return MAM_REASON_KILLED;
    }
    if (m->order == 0) {
        return fault(field, 2, MAM_REASON_OUT_OF_RANGE);
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

/* stp: planned first, then executed at the LPs, then divided. Nothing planned is nothing sent. */
uint16_t mam_on_master_order(struct mam_engine *engine, const struct mam_master_order *m, uint16_t *field) {
    struct request request = {.ticket = m->position != 0 ? m->position : m->order,
                              .volume = m->volume,
                              .side = m->side,
                              .entry = m->entry};
    uint16_t reason = resolve(engine, m->group, m->instrument, &request, field);
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
    if (!mam_remember(engine, engine->bridge, 2, m->order)) {
        engine->counts.duplicates++;
        return fault(field, 2, MAM_REASON_DUPLICATE);
    }
    struct mam_block *block = block_open(engine, request.group, request.instrument);
    block->order = m->order;
    block->execution = MAM_EXECUTION_MODE_STP;
    block->stop_loss = m->stop_loss;
    block->reference_price = m->price;
    block->deviation = m->deviation != 0 ? m->deviation : block->policy.deviation;
    attach_position(engine, block, &request);
    reason = plan(engine, block);
    mam_reserve(engine, block);
    if (mam_block_target(block) == 0) {
        reject_block(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NO_MEMBERS);
    } else if (mam_block_target(block) > MAM_VOLUME_MAX - engine->positions[block->position].traded) {
        reject_block(engine, block, MAM_REASON_OVERFLOW);
    } else if (!mam_leg_send_next(engine, block)) {
        reject_block(engine, block, MAM_REASON_NO_LIQUIDITY);
    } else {
        engine->positions[block->position].traded += mam_block_target(block);
        mam_block_change(engine, block, MAM_BLOCK_STATUS_WORKING, MAM_REASON_NONE);
    }
    return MAM_REASON_NONE;
}

/* Immediate-or-cancel legs leave little to cancel: what works is taken back, what was filled is allocated. */
uint16_t mam_on_master_cancel(struct mam_engine *engine, const struct mam_master_cancel *m, uint16_t *field) {
    for (uint32_t at = engine->first_block; at != MAM_NONE; at = engine->blocks[at].next) {
        struct mam_block *block = &engine->blocks[at];
        if (block->order == m->order && block->bridge == engine->bridge &&
            engine->groups[block->group].id == m->group && block->status == MAM_BLOCK_STATUS_WORKING) {
            block->cancelled = 1;
            mam_leg_cancel(engine, block);
            return MAM_REASON_NONE;
        }
    }
    *field = 2;
    return MAM_REASON_UNKNOWN_BLOCK;
}

/* --- From filled to done --- */

void mam_block_executed(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    if (block->filled == 0) {
        reject_block(engine, block, reason != MAM_REASON_NONE ? reason : MAM_REASON_NOT_EXECUTED);
        return;
    }
    uint8_t status =
        block->filled == mam_block_target(block) ? MAM_BLOCK_STATUS_FILLED : MAM_BLOCK_STATUS_PARTIAL;
    block->reason =
        status == MAM_BLOCK_STATUS_PARTIAL && reason == MAM_REASON_NONE ? MAM_REASON_NOT_EXECUTED : reason;
    mam_block_change(engine, block, status, block->reason);
    mam_block_allocate(engine, block);
}

/* The volumes are final: holdings move, bookings go out, the master hears how many children to expect. */
void mam_block_allocate(struct mam_engine *engine, struct mam_block *block) {
    mam_settle(engine, block);
    mam_block_law_check(engine, block);
    mam_book_children(engine, block);
    mam_block_change(engine, block, MAM_BLOCK_STATUS_ALLOCATING, block->reason);
    mam_block_report(engine, block);
    if (block->house > 0) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, block->reason, block->id,
                  block->policy.house_login);
    }
    mam_block_finish_if_answered(engine, block);
}

void mam_block_finish_if_answered(struct mam_engine *engine, struct mam_block *block) {
    if (block->status != MAM_BLOCK_STATUS_ALLOCATING || block->answered != block->asked) {
        return;
    }
    mam_block_law_check(engine, block);
    block->deadline = INT64_MAX;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_DONE, block->reason);
    mam_block_report(engine, block);
    engine->counts.blocks_done++;
    block_close(engine, block);
}

/* --- Time --- */

void mam_block_deadline(struct mam_engine *engine, struct mam_block *block, uint32_t milliseconds) {
    block->deadline = engine->now + (int64_t)milliseconds * 1000000;
    if (block->deadline < engine->next_deadline) {
        engine->next_deadline = block->deadline;
    }
}

void mam_block_on_clock(struct mam_engine *engine) {
    int64_t next = INT64_MAX;
    for (uint32_t at = engine->first_block; at != MAM_NONE;) {
        struct mam_block *block = &engine->blocks[at];
        at = block->next;
        if (block->deadline <= engine->now) {
            block->deadline = INT64_MAX;
            if (block->status == MAM_BLOCK_STATUS_WORKING) {
                mam_leg_timeout(engine, block);
            } else {
                mam_booking_timeout(engine, block);
            }
        }
        next = block->deadline < next ? block->deadline : next;
    }
    engine->next_deadline = next;
}
