/*
 * Trading out again what was filled: a rollback (of a block that was filled in part, before any child is
 * touched) and an unwinding (of what refused bookings left with the house). Immediate-or-cancel at any price;
 * the cost is the house's. What no LP takes stays with the house, and a person is told.
 */
#include "state.h"

/* No child gets anything: all that was filled is the house's until it is traded out. */
static void take_from_children(struct mam_engine *engine, struct mam_block *block) {
    for (uint32_t i = 0; i < block->child_count; i++) {
        mam_child_at(engine, block, i)->assigned = 0;
    }
    block->allocated = 0;
    block->house = block->filled;
}

void mam_rollback(struct mam_engine *engine, struct mam_block *block) {
    mam_unreserve(engine, block);
    mam_carry_undo(engine, block);
    take_from_children(engine, block);
    block->to_reverse = block->filled;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_ROLLING_BACK, block->reason);
    mam_legs_next(engine, block);
}

void mam_unwind(struct mam_engine *engine, struct mam_block *block) {
    MAM_ASSERT(block->unwinding == 1);
    block->unwinding = 2;
    mam_legs_next(engine, block);
}

static void rolled_back(struct mam_engine *engine, struct mam_block *block) {
    if (block->filled > 0) {
        int64_t price = (int64_t)(block->notional / block->executed);
        mam_house_take(engine, block->bridge, block->id, block->instrument, 0, block->side, block->filled,
                       price, MAM_REASON_ROLLED_BACK);
    }
    block->reason = MAM_REASON_ROLLED_BACK;
    engine->counts.blocks_rolled_back++;
    mam_block_change(engine, block, MAM_BLOCK_STATUS_ROLLED_BACK, block->reason);
    mam_block_report(engine, block);
    mam_block_close(engine, block);
}

void mam_reverse_over(struct mam_engine *engine, struct mam_block *block) {
    if (block->status == MAM_BLOCK_STATUS_ROLLING_BACK) {
        rolled_back(engine, block);
        return;
    }
    if (block->unwinding == 2) {
        block->unwinding = 3;
        block->refused = 0;
        if (block->to_reverse > 0) {
            mam_alert(engine, block->bridge, MAM_ALERT_KIND_HOUSE, MAM_REASON_NO_LIQUIDITY, block->id,
                      block->policy.house_login);
        }
        engine->positions[block->position].house_reserved -= block->to_reverse;
        block->to_reverse = 0;
        block->reason = MAM_REASON_UNWOUND;
    }
    mam_block_finish_if_answered(engine, block);
}
