/*
 * Fills, legs and bookings that may be spoken of again, after their block is gone too: rings as long as the
 * history, with a table each. What the ring has forgotten is unknown, and alarmed as such.
 */
#include "state.h"

static uint64_t fill_key(uint32_t bridge, uint64_t execution) {
    return execution * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)bridge << 56;
}

/* The key is a mix; the row says whose it is, so that a collision is a miss. */
struct mam_fill *mam_fill_find(struct mam_engine *engine, uint32_t bridge, uint64_t execution) {
    uint32_t at = mam_table_get(&engine->fill_by_key, fill_key(bridge, execution));
    if (at == MAM_TABLE_NONE) {
        return NULL;
    }
    struct mam_fill *fill = &engine->fills[at];
    return fill->bridge == bridge && fill->execution == execution ? fill : NULL;
}

struct mam_fill *mam_fill_remember(struct mam_engine *engine, const struct mam_fill *fill) {
    uint64_t key = fill_key(fill->bridge, fill->execution);
    uint32_t at = engine->fill_next;
    struct mam_fill *row = &engine->fills[at];
    if (engine->fill_count == engine->limits.history) {
        uint64_t old = fill_key(row->bridge, row->execution);
        if (mam_table_get(&engine->fill_by_key, old) == at) {
            mam_table_remove(&engine->fill_by_key, old);
        }
    } else {
        engine->fill_count++;
    }
    engine->fill_next = (at + 1) % engine->limits.history;
    *row = *fill;
    if (mam_table_get(&engine->fill_by_key, key) == MAM_TABLE_NONE) { /* else another's: that one keeps it */
        bool put = mam_table_put(&engine->fill_by_key, key, at);
        MAM_ASSERT(put);
    }
    return row;
}

static uint64_t leg_key(uint32_t block, uint32_t leg) {
    return (uint64_t)block << 32 | leg;
}

struct mam_old_leg *mam_old_leg_find(struct mam_engine *engine, uint32_t block, uint32_t leg) {
    uint32_t at = mam_table_get(&engine->old_leg_by_key, leg_key(block, leg));
    return at == MAM_TABLE_NONE ? NULL : &engine->old_legs[at];
}

void mam_old_legs_keep(struct mam_engine *engine, const struct mam_block *block) {
    for (uint32_t i = 0; i < block->leg_count; i++) {
        uint32_t at = engine->old_leg_next;
        struct mam_old_leg *row = &engine->old_legs[at];
        if (engine->old_leg_count == engine->limits.history) {
            mam_table_remove(&engine->old_leg_by_key, leg_key(row->block, row->leg));
        } else {
            engine->old_leg_count++;
        }
        engine->old_leg_next = (at + 1) % engine->limits.history;
        *row = (struct mam_old_leg){.block = block->id,
                                    .leg = i,
                                    .bridge = block->legs[i].bridge,
                                    .instrument = block->instrument,
                                    .to = block->bridge,
                                    .side = block->legs[i].side,
                                    .sum = block->legs[i].sum};
        bool put = mam_table_put(&engine->old_leg_by_key, leg_key(block->id, i), at);
        MAM_ASSERT(put);
    }
}

/* A block's row stays until its answers are written over, or newer blocks have taken all the rows. */
const struct mam_old_answer *mam_old_answer_find(const struct mam_engine *engine, uint32_t block,
                                                 uint32_t child) {
    uint32_t at = mam_table_get(&engine->old_block_by_id, block);
    if (at == MAM_TABLE_NONE) {
        return NULL;
    }
    const struct mam_old_block *row = &engine->old_blocks[at];
    uint64_t number = row->first + child;
    if (child >= row->child_count || engine->old_answer_next - number > engine->extents.units) {
        return NULL;
    }
    const struct mam_old_answer *answer = &engine->old_answers[number & (engine->extents.units - 1)];
    return answer->login == 0 ? NULL : answer;
}

void mam_old_answers_keep(struct mam_engine *engine, const struct mam_block *block) {
    if (block->asked == 0) {
        return;
    }
    uint32_t at = engine->old_block_next;
    struct mam_old_block *row = &engine->old_blocks[at];
    if (engine->old_block_count == engine->limits.history) {
        mam_table_remove(&engine->old_block_by_id, row->block);
    } else {
        engine->old_block_count++;
    }
    engine->old_block_next = (at + 1) % engine->limits.history;
    *row = (struct mam_old_block){
        .block = block->id, .child_count = block->child_count, .first = engine->old_answer_next};
    bool put = mam_table_put(&engine->old_block_by_id, block->id, at);
    MAM_ASSERT(put);
    const struct mam_child *children = &engine->children[block->first_child];
    for (uint32_t i = 0; i < block->child_count; i++) {
        bool booked = children[i].status == MAM_CHILD_BOOKED;
        bool answered = booked || children[i].status == MAM_CHILD_REFUSED;
        engine->old_answers[engine->old_answer_next++ & (engine->extents.units - 1)] =
            (struct mam_old_answer){.login = answered ? children[i].login : 0,
                                    .deal = booked ? children[i].deal : MAM_OLD_REFUSED};
    }
}
