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

void mam_carry_forget(struct mam_engine *engine, uint32_t instrument, uint32_t group) {
    for (uint32_t i = 0; i < engine->instrument_count; i++) {
        for (uint32_t at = 0; at < engine->member_count; at++) {
            if ((instrument == MAM_NONE || instrument == i) &&
                (group == MAM_NONE || engine->members[at].group == group)) {
                *mam_carry_at(engine, i, at) = 0;
            }
        }
    }
    for (uint32_t at = engine->first_block; at != MAM_NONE; at = engine->blocks[at].next) {
        struct mam_block *block = &engine->blocks[at];
        block->carry_over |= (instrument == MAM_NONE || instrument == block->instrument) &&
                             (group == MAM_NONE || group == block->group);
    }
}

/*
 * Law 10: under `carry` no deviation of n members ever exceeds (n - 1) / 2 steps (proof: docs/allocation.md);
 * a step more for each block at work, whose part that is not executed is yet to be taken back.
 */
static void note_drift(struct mam_engine *engine, const struct mam_block *block, int64_t largest) {
    const struct mam_group_state *group = &engine->groups[block->group];
    bool bounded = block->policy.rounding == MAM_ROUNDING_CARRY;
    int64_t *drift = bounded ? &engine->counts.carry_drift : &engine->counts.other_drift;
    int64_t thousandths = (int64_t)((__int128)largest * 1000 / MAM_CARRY_ONE);
    int64_t bound = (int64_t)(group->member_count - 1) * (MAM_CARRY_ONE / 2) +
                    ((int64_t)group->open_blocks + 1) * MAM_CARRY_ONE;
    *drift = thousandths > *drift ? thousandths : *drift;
    if (bounded && largest > bound) {
        mam_law_broken(engine, 10, block->id);
    }
}

void mam_carry_keep(struct mam_engine *engine, const struct mam_block *block, uint32_t count) {
    int64_t largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t carry = engine->rows.carry[i];
        *mam_carry_at(engine, block->instrument, engine->rows.member[i]) = carry;
        carry = carry < 0 ? -carry : carry;
        largest = carry > largest ? carry : largest;
    }
    note_drift(engine, block, largest);
}

void mam_carry_settle(struct mam_engine *engine, const struct mam_block *block) {
    int64_t largest = 0;
    for (uint32_t i = 0; i < block->child_count; i++) {
        int64_t carry = engine->rows.carry[i];
        *mam_carry_at(engine, block->instrument, engine->children[block->first_child + i].member) = carry;
        carry = carry < 0 ? -carry : carry;
        largest = carry > largest ? carry : largest;
    }
    note_drift(engine, block, largest);
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
