/* The master's positions and who holds how much of each: what a close is divided by. */
#include "state.h"

static uint64_t position_key(uint32_t group, uint64_t ticket) {
    return ticket * UINT64_C(0x9e3779b97f4a7c15) ^ group;
}

/* The key is a mix; the row says whose it is, so that a collision is a miss and never another's position. */
uint32_t mam_position_find(const struct mam_engine *engine, uint32_t group, uint64_t ticket) {
    uint32_t at = mam_table_get(&engine->position_by_key, position_key(group, ticket));
    if (at == MAM_TABLE_NONE) {
        return MAM_NONE;
    }
    const struct mam_position_row *row = &engine->positions[at];
    return row->group == group && row->ticket == ticket ? at : MAM_NONE;
}

/* A key that another position has is as good as full: that one keeps it. */
bool mam_position_fits(const struct mam_engine *engine, uint32_t group, uint64_t ticket) {
    return engine->free_position != MAM_NONE &&
           mam_table_get(&engine->position_by_key, position_key(group, ticket)) == MAM_TABLE_NONE;
}

uint32_t mam_position_open(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint64_t ticket,
                           uint8_t side) {
    uint32_t at = engine->free_position;
    MAM_ASSERT(mam_position_fits(engine, group, ticket));
    bool put = mam_table_put(&engine->position_by_key, position_key(group, ticket), at);
    MAM_ASSERT(put);
    struct mam_position_row *row = &engine->positions[at];
    engine->free_position = row->first_holding;
    *row = (struct mam_position_row){.ticket = ticket,
                                     .group = group,
                                     .instrument = instrument,
                                     .side = side,
                                     .used = 1,
                                     .first_holding = MAM_NONE};
    return at;
}

static uint64_t holding_key(uint32_t position, uint32_t account) {
    return (uint64_t)position << 32 | account;
}

uint32_t mam_holding_find(const struct mam_engine *engine, uint32_t position, uint32_t account) {
    uint32_t at = mam_table_get(&engine->holding_by_key, holding_key(position, account));
    return at == MAM_TABLE_NONE ? MAM_NONE : at;
}

void mam_holding_prefetch(const struct mam_engine *engine, uint32_t position, uint32_t account) {
    mam_table_prefetch(&engine->holding_by_key, holding_key(position, account));
}

uint32_t mam_holding_open(struct mam_engine *engine, uint32_t position, uint32_t account) {
    uint32_t at = engine->free_holding;
    if (at == MAM_NONE || !mam_table_put(&engine->holding_by_key, holding_key(position, account), at)) {
        return MAM_NONE;
    }
    struct mam_position_row *row = &engine->positions[position];
    engine->free_holding = engine->holdings[at].next;
    engine->holdings[at] = (struct mam_holding){.position = position,
                                                .account = account,
                                                .next = row->first_holding,
                                                .previous = MAM_NONE,
                                                .account_next = engine->accounts[account].first_holding,
                                                .account_previous = MAM_NONE,
                                                .deferred_block = MAM_NONE};
    if (engine->accounts[account].first_holding != MAM_NONE) {
        engine->holdings[engine->accounts[account].first_holding].account_previous = at;
    }
    engine->accounts[account].first_holding = at;
    if (row->first_holding != MAM_NONE) {
        engine->holdings[row->first_holding].previous = at;
    }
    row->first_holding = at;
    row->holding_count++;
    engine->counts.holdings++;
    return at;
}

static void holding_free(struct mam_engine *engine, uint32_t at) {
    struct mam_holding *holding = &engine->holdings[at];
    struct mam_position_row *row = &engine->positions[holding->position];
    mam_table_remove(&engine->holding_by_key, holding_key(holding->position, holding->account));
    if (holding->previous == MAM_NONE) {
        row->first_holding = holding->next;
    } else {
        engine->holdings[holding->previous].next = holding->next;
    }
    if (holding->next != MAM_NONE) {
        engine->holdings[holding->next].previous = holding->previous;
    }
    *(holding->account_previous == MAM_NONE ? &engine->accounts[holding->account].first_holding
                                            : &engine->holdings[holding->account_previous].account_next) =
        holding->account_next;
    if (holding->account_next != MAM_NONE) {
        engine->holdings[holding->account_next].account_previous = holding->account_previous;
    }
    MAM_ASSERT(row->holding_count > 0);
    row->holding_count--;
    engine->counts.holdings--;
    holding->next = engine->free_holding;
    engine->free_holding = at;
}

int64_t mam_house_free(const struct mam_engine *engine, uint32_t position) {
    const struct mam_position_row *row = &engine->positions[position];
    int64_t free = row->house + row->owed - row->house_reserved;
    for (uint32_t at = row->first_holding; at != MAM_NONE && free > 0; at = engine->holdings[at].next) {
        int64_t held = mam_holding_free(&engine->holdings[at]);
        free += held < 0 ? held : 0;
    }
    return free > 0 ? free : 0;
}

void mam_position_sweep(struct mam_engine *engine, uint32_t position) {
    struct mam_position_row *row = &engine->positions[position];
    MAM_ASSERT(row->used);
    for (uint32_t at = row->first_holding; at != MAM_NONE;) {
        struct mam_holding *holding = &engine->holdings[at];
        uint32_t next = holding->next;
        if (holding->volume == 0 && holding->reserved == 0 && holding->deferred_block == MAM_NONE &&
            holding->pending == 0) {
            holding_free(engine, at);
        }
        at = next;
    }
    if (row->first_holding == MAM_NONE && row->house == 0 && row->open_blocks == 0) {
        mam_table_remove(&engine->position_by_key, position_key(row->group, row->ticket));
        row->used = 0;
        row->first_holding = engine->free_position;
        engine->free_position = position;
    }
}
