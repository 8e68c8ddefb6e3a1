/*
 * What a server refused to book for one member is offered to the others: by the policy's weights, each under
 * its own constraints as they are now, at the block's price or prices, as new children with new numbers.
 * Never to one who refused; three rounds at most; what is left is the house's.
 */
#include <string.h>

#include "allocate.h"
#include "state.h"

/* What each member has of this block already counts against its cap; who refused is out. */
static void limit_rows(struct mam_engine *engine, const struct mam_block *block, uint32_t count) {
    struct mam_scratch_rows *rows = &engine->rows;
    for (uint32_t i = 0; i < block->child_count; i++) {
        const struct mam_child *child = mam_child_at(engine, block, i);
        uint32_t row = engine->members[child->member].row;
        if (row >= count || rows->member[row] != child->member) {
            continue; /* it has left */
        }
        if (child->status == MAM_CHILD_REFUSED && child->assigned == 0) {
            rows->excluded[row] = MAM_REASON_REFUSED;
        }
        rows->cap[row] = rows->cap[row] > child->assigned ? rows->cap[row] - child->assigned : 0;
    }
}

/* What of the refused volume the position still has: its closes may have taken it in the meantime. */
static int64_t to_offer(const struct mam_engine *engine, const struct mam_block *block) {
    int64_t free = mam_house_free(engine, block->position);
    int64_t offered = block->refused < free ? block->refused : free;
    return offered - offered % block->step;
}

static bool divide(struct mam_engine *engine, const struct mam_block *block, uint32_t count,
                   int64_t *planned) {
    struct mam_scratch_rows *rows = &engine->rows;
    struct mam_allocation allocation = {
        .count = count,
        .family = MAM_FAMILY_PROPORTIONAL,
        .rounding = block->policy.rounding == MAM_ROUNDING_LARGEST_EQUITY ||
                            block->policy.rounding == MAM_ROUNDING_LIST_ORDER
                        ? block->policy.rounding
                        : MAM_ROUNDING_LARGEST_REMAINDER, /* a carry is kept of plans alone */
        .on_shortfall = MAM_ON_SHORTFALL_REDISTRIBUTE,
        .below_min = MAM_BELOW_MIN_SKIP,
        .volume = to_offer(engine, block),
        .step = block->step,
        .minimum = block->minimum,
        .overflow_index = UINT32_MAX,
        .login = rows->login,
        .weight = rows->weight,
        .cap = rows->cap,
        .cap_reason = rows->cap_reason,
        .minimums = mam_minimums(engine, block, count),
        .equity = rows->equity,
        .excluded = rows->excluded,
        .quota = rows->quota,
        .floor_volume = rows->floor_volume,
        .remainder = rows->remainder,
        .result = rows->result,
        .reason = rows->reason,
        .capped = rows->capped,
    };
    bool good = mam_allocate(&allocation, rows->kernel) == MAM_REASON_NONE;
    *planned = allocation.planned;
    return good && allocation.planned > 0;
}

static uint32_t run_of(uint32_t count) {
    uint32_t run = 1;
    while (run < count) {
        run *= 2;
    }
    return run;
}

bool mam_children_grow(struct mam_engine *engine, struct mam_block *block, uint32_t more) {
    uint32_t wanted = block->child_count + more;
    if (run_of(wanted) > run_of(block->extent)) {
        uint32_t first =
            wanted > engine->extents.units ? MAM_EXTENT_NONE : mam_extents_take(&engine->extents, wanted);
        if (first == MAM_EXTENT_NONE) {
            return false;
        }
        memcpy(&engine->children[first], &engine->children[block->first_child],
               block->child_count * sizeof *engine->children);
        mam_extents_give(&engine->extents, block->first_child, block->extent);
        block->first_child = first;
    }
    block->extent = wanted;
    return true;
}

static void add_child(struct mam_engine *engine, struct mam_block *block, uint32_t row) {
    const struct mam_scratch_rows *rows = &engine->rows;
    uint32_t at = block->child_count++;
    *mam_child_at(engine, block, at) = (struct mam_child){.login = rows->login[row],
                                                          .account = rows->account[row],
                                                          .member = rows->member[row],
                                                          .holding = MAM_NONE,
                                                          .deferred_block = MAM_NONE,
                                                          .minimum = rows->minimum[row],
                                                          .planned = rows->result[row],
                                                          .assigned = rows->result[row]};
    struct mam_plan_member member;
    mam_plan_member_init(&member);
    member.block = block->id;
    member.child = at;
    member.login = rows->login[row];
    member.measure = rows->measure[row];
    member.weight = (uint64_t)rows->weight[row];
    member.quota = rows->quota[row];
    member.cap = rows->cap[row];
    member.floor_volume = rows->floor_volume[row];
    member.remainder = rows->remainder[row];
    member.volume = rows->result[row];
    member.margin = engine->accounts[rows->account[row]].margin;
    member.reason = MAM_REASON_REALLOCATED;
    member.binding = rows->capped[row] ? rows->binding[row] : MAM_CONSTRAINT_NONE;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &member, sizeof member);
}

/* The rows' children, from number `first` on, at the prices of what was refused. */
static void give_at_prices(struct mam_engine *engine, struct mam_block *block, uint32_t count,
                           uint32_t first) {
    for (uint32_t i = 0; i < count; i++) {
        if (engine->rows.result[i] > 0) {
            mam_prices_give(engine, block, i, first++);
        }
    }
    mam_prices_keep(engine, block, count);
}

/* Room for the rows' children, at the prices of what was refused or, where that cannot be, at one: the
 * clients come first. */
static bool make_room(struct mam_engine *engine, struct mam_block *block, uint32_t count, uint32_t rows,
                      uint32_t *further) {
    *further = 0;
    if (!block->mixed) {
        return mam_children_grow(engine, block, rows);
    }
    uint16_t reason = mam_prices_mix(engine, block, count, further);
    if (reason == MAM_REASON_NONE && mam_children_grow(engine, block, rows + *further)) {
        return true;
    }
    *further = 0;
    return mam_children_grow(engine, block, rows) &&
           mam_prices_offer_one(engine, block, count,
                                reason == MAM_REASON_NONE ? MAM_REASON_TABLE_FULL : reason);
}

bool mam_reallocate(struct mam_engine *engine, struct mam_block *block) {
    bool possible = block->policy.on_refused == MAM_ON_REFUSED_REALLOCATE &&
                    block->entry == MAM_ENTRY_OPENING && block->rounds < MAM_ROUNDS_MAX &&
                    block->refused >= block->step;
    if (!possible || engine->halted || to_offer(engine, block) < block->step) {
        return false;
    }
    uint32_t count = mam_gather_members(engine, block);
    limit_rows(engine, block, count);
    int64_t planned = 0;
    if (count == 0 || !divide(engine, block, count, &planned)) {
        return false;
    }
    block->rounds++;
    uint32_t more = 0;
    for (uint32_t i = 0; i < count; i++) {
        more += engine->rows.result[i] > 0;
    }
    uint32_t further;
    if (!make_room(engine, block, count, more, &further)) {
        return false;
    }
    uint32_t first = block->child_count;
    for (uint32_t i = 0; i < count; i++) {
        if (engine->rows.result[i] > 0) {
            add_child(engine, block, i);
        }
    }
    if (block->mixed) {
        give_at_prices(engine, block, count, first);
    }
    engine->counts.children_planned += more + further;
    engine->counts.children_working += more + further;
    block->refused -= planned;
    block->house -= planned;
    block->allocated += planned;
    mam_hold_house(engine, block, -planned);
    mam_block_law_check(engine, block);
    mam_book_children(engine, block, first);
    mam_block_change(engine, block, MAM_BLOCK_STATUS_ALLOCATING, MAM_REASON_REALLOCATED);
    mam_block_report(engine, block);
    return true;
}
