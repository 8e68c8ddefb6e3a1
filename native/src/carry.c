/*
 * Carries under rounding `carry`: what rounding owes each member is kept for its next order of that
 * instrument. The plan's carry stands for the plan's full fill. A block that ends otherwise is corrected
 * here, so that the carry always speaks of what was executed.
 *
 * Invariant: where the plan left the sum of the carries as it was, a correction does so too, to the last
 * unit.
 */
#include "allocate.h"
#include "state.h"

int64_t *mam_carry_at(struct mam_engine *engine, uint32_t instrument, uint32_t member) {
    return &engine->carries[(uint64_t)instrument * engine->limits.members + member];
}

void mam_carry_keep(struct mam_engine *engine, const struct mam_block *block, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        *mam_carry_at(engine, block->instrument, engine->rows.member[i]) = engine->rows.carry[i];
    }
}

void mam_carry_undo(struct mam_engine *engine, const struct mam_block *block) {
    for (uint32_t i = 0; i < block->child_count && mam_carry_kept(block); i++) {
        const struct mam_child *child = &engine->children[block->first_child + i];
        *mam_carry_at(engine, block->instrument, child->member) -= child->carry;
    }
}

/* Truncated; what that drops is given back below, so that the sum stays. */
static int64_t scaled(const struct mam_block *block, int64_t carry) {
    return (int64_t)((__int128)carry * block->filled / block->planned);
}

void mam_carry_scale(struct mam_engine *engine, const struct mam_block *block) {
    const struct mam_child *children = &engine->children[block->first_child];
    __int128 sum = 0;
    __int128 kept_sum = 0;
    for (uint32_t i = 0; i < block->child_count && mam_carry_kept(block); i++) {
        sum += children[i].carry;
        kept_sum += scaled(block, children[i].carry);
    }
    __int128 dropped = sum * block->filled / block->planned - kept_sum; /* less than a unit a child */
    for (uint32_t i = 0; i < block->child_count && mam_carry_kept(block); i++) {
        int64_t part = (int64_t)(dropped / (int64_t)(block->child_count - i));
        dropped -= part;
        *mam_carry_at(engine, block->instrument, children[i].member) +=
            scaled(block, children[i].carry) - children[i].carry + part;
    }
}
