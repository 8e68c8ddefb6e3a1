/*
 * Walks an engine's tables and counts everything again: what is free, what is used, who waits for whom. For
 * the engine's C tests; a fault ends the process with its line.
 */
#ifndef MAM_ENGINE_AUDIT_H
#define MAM_ENGINE_AUDIT_H

#include "must.h"
#include "state.h"

/* What the blocks at work say of one holding. */
struct audit_expected {
    uint32_t pending;
    int64_t unconfirmed, reserved;
};

static void audit_child(const struct mam_engine *engine, const struct mam_block *block,
                        const struct mam_child *child, struct audit_expected *expected) {
    MUST(child->assigned >= 0 && child->assigned <= child->planned);
    bool waits = child->status == MAM_CHILD_ASKED || child->status == MAM_CHILD_UNKNOWN ||
                 child->status == MAM_CHILD_DEFERRED || child->status == MAM_CHILD_QUEUED ||
                 child->status == MAM_CHILD_PUT_OFF;
    if (child->holding == MAM_NONE || !(waits || block->reserved)) {
        return; /* an answered child's holding may be gone, or another's */
    }
    struct audit_expected *of = &expected[child->holding];
    const struct mam_holding *holding = &engine->holdings[child->holding];
    MUST(holding->position == block->position && holding->account == child->account);
    of->pending += waits;
    if (waits && block->entry == MAM_ENTRY_OPENING) {
        of->unconfirmed += child->assigned;
    }
    if (block->reserved) {
        of->reserved += child->planned;
    }
}

/* Open legs, what servers have not answered, and whose outcomes are unknown. */
static void audit_bridges(const struct mam_engine *engine) {
    uint32_t legs[MAM_BRIDGES_MAX + 1] = {0};
    uint32_t unanswered[MAM_BRIDGES_MAX + 1] = {0};
    uint32_t unknown[MAM_BRIDGES_MAX + 1] = {0};
    uint32_t queued[MAM_BRIDGES_MAX + 1] = {0};
    for (uint32_t at = engine->first_block; at != MAM_NONE; at = engine->blocks[at].next) {
        const struct mam_block *block = &engine->blocks[at];
        uint32_t open = 0;
        for (uint32_t i = 0; i < block->leg_count; i++) {
            const struct mam_leg_state *leg = &block->legs[i];
            MUST(leg->sum.known <= leg->sum.highest || leg->status == MAM_LEG_ENDED);
            open += leg->status != MAM_LEG_ENDED;
            legs[leg->bridge] += leg->status == MAM_LEG_UNKNOWN;
        }
        MUST(open == block->open_legs);
        MUST(block->status != MAM_BLOCK_STATUS_WORKING || open > 0);
        MUST(block->status == MAM_BLOCK_STATUS_WORKING || block->status == MAM_BLOCK_STATUS_ALLOCATING ||
             block->status == MAM_BLOCK_STATUS_ROLLING_BACK);
        for (uint32_t i = 0; i < block->child_count; i++) {
            const struct mam_child *child = &engine->children[block->first_child + i];
            uint32_t server = engine->accounts[child->account].bridge;
            unanswered[server] += child->status == MAM_CHILD_ASKED || child->status == MAM_CHILD_UNKNOWN;
            unknown[server] += child->status == MAM_CHILD_UNKNOWN;
            queued[server] += child->status == MAM_CHILD_QUEUED;
        }
    }
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        const struct mam_bridge_state *state = &engine->bridges[bridge];
        MUST(state->unknown_legs == legs[bridge]);
        MUST(state->unanswered == unanswered[bridge]);
        MUST(state->unknown_bookings == unknown[bridge]);
        uint32_t waiting = 0;
        for (uint32_t id = state->last_block == 0 ? MAM_NONE : state->first_block, child = state->first_child;
             id != MAM_NONE; waiting++) {
            uint32_t at = mam_table_get(&engine->block_by_id, id);
            MUST(at != MAM_TABLE_NONE && child < engine->blocks[at].child_count && waiting <= queued[bridge]);
            const struct mam_child *row = &engine->children[engine->blocks[at].first_child + child];
            MUST(row->status == MAM_CHILD_QUEUED);
            id = row->deferred_block;
            child = row->deferred_child;
        }
        MUST(waiting == queued[bridge] && waiting == state->queued);
        uint32_t window = state->window != 0 && state->window < engine->booking_window
                              ? state->window
                              : engine->booking_window;
        uint32_t batch = state->batch_size != 0 ? state->batch_size : MAM_BATCH;
        MUST(waiting == 0 || window - state->unanswered < (batch < waiting ? batch : waiting) ||
             state->unknown_bookings > 0 || state->unanswered >= engine->booking_window ||
             (state->window != 0 && state->unanswered >= state->window) ||
             engine->next_deadline <= engine->now);
    }
}

static void audit_blocks(const struct mam_engine *engine, struct audit_expected *expected) {
    uint32_t blocks = 0;
    uint32_t units = 0;
    uint32_t previous = MAM_NONE;
    for (uint32_t at = engine->first_block; at != MAM_NONE; at = engine->blocks[at].next) {
        const struct mam_block *block = &engine->blocks[at];
        MUST(block->previous == previous && blocks < engine->limits.blocks);
        MUST(mam_table_get(&engine->block_by_id, block->id) == at);
        MUST(block->position != MAM_NONE && engine->positions[block->position].used);
        MUST(block->deadline >= engine->next_deadline);
        MUST(block->answered <= block->asked && block->house >= 0 && block->allocated >= 0);
        int64_t assigned = 0;
        for (uint32_t i = 0; i < block->child_count; i++) {
            audit_child(engine, block, &engine->children[block->first_child + i], expected);
            assigned += engine->children[block->first_child + i].assigned;
        }
        MUST(assigned == block->allocated);
        for (uint32_t run = 1; block->extent > 0 && units < UINT32_MAX; run *= 2) {
            if (run >= block->extent) {
                units += run;
                break;
            }
        }
        previous = at;
        blocks++;
    }
    MUST(previous == engine->last_block && blocks == engine->block_by_id.count);
    MUST(blocks == (uint64_t)engine->counts.blocks_working);
    MUST(units + engine->extents.free_units == engine->extents.units);
    uint32_t free_blocks = 0;
    for (uint32_t at = engine->free_block; at != MAM_NONE; at = engine->blocks[at].next) {
        free_blocks++;
    }
    MUST(free_blocks + blocks == engine->limits.blocks);
}

static uint32_t audit_position(const struct mam_engine *engine, uint32_t at,
                               const struct audit_expected *expected) {
    const struct mam_position_row *row = &engine->positions[at];
    uint32_t count = 0;
    int64_t owed = 0;
    uint32_t previous = MAM_NONE;
    for (uint32_t h = row->first_holding; h != MAM_NONE; h = engine->holdings[h].next) {
        const struct mam_holding *holding = &engine->holdings[h];
        MUST(holding->position == at && holding->previous == previous);
        MUST(mam_holding_find(engine, at, holding->account) == h);
        MUST(holding->pending == expected[h].pending);
        MUST(holding->unconfirmed == expected[h].unconfirmed);
        MUST(holding->reserved == expected[h].reserved);
        MUST(holding->owed >= 0 && (holding->owed > 0 || holding->owed_notional == 0));
        MUST(holding->volume >= holding->owed || holding->deferred_block != MAM_NONE);
        owed += holding->owed;
        MUST(holding->volume >= 0 || holding->deferred_block != MAM_NONE);
        MUST(holding->deferred_block == MAM_NONE || holding->unconfirmed > 0);
        previous = h;
        count++;
    }
    MUST(count == row->holding_count);
    MUST(owed == row->owed);
    MUST(count > 0 || row->house != 0 || row->open_blocks > 0);
    MUST(mam_position_find(engine, row->group, row->ticket) == at);
    return count;
}

static void audit_positions(const struct mam_engine *engine, const struct audit_expected *expected) {
    uint32_t used = 0;
    uint32_t holdings = 0;
    for (uint32_t at = 0; at < engine->limits.holdings; at++) {
        if (engine->positions[at].used) {
            holdings += audit_position(engine, at, expected);
            used++;
        }
    }
    uint32_t free_positions = 0;
    for (uint32_t at = engine->free_position; at != MAM_NONE; at = engine->positions[at].first_holding) {
        free_positions++;
    }
    uint32_t free_holdings = 0;
    for (uint32_t at = engine->free_holding; at != MAM_NONE; at = engine->holdings[at].next) {
        free_holdings++;
    }
    MUST(used == engine->position_by_key.count && used + free_positions == engine->limits.holdings);
    MUST(holdings == engine->holding_by_key.count && holdings + free_holdings == engine->limits.holdings);
    MUST(holdings == (uint64_t)engine->counts.holdings);
}

/* Every stake's rows, slot and sums; every list's length. */
static void audit_books(const struct mam_engine *engine) {
    const struct mam_books *books = &engine->books;
    uint32_t rows = 0, stakes = 0, slots = 0, pages = 0, free_rows = 0, free_stakes = 0, free_pages = 0;
    for (uint32_t account = 0; account < engine->account_count; account++) {
        const struct mam_account_book *book = &books->accounts[account];
        __int128 floating = 0, margin = 0, swap = 0;
        uint32_t own = 0, unvalued = 0, mismatched = 0;
        for (uint32_t at = book->first_stake; at != MAM_NONE; at = books->stakes[at].next) {
            const struct mam_stake *stake = &books->stakes[at];
            const struct mam_page *page = &books->pages[stake->page];
            struct mam_exposure exposure;
            uint32_t count = 0;
            MUST(stake->account == account && stake->at < page->count && page->stake[stake->at] == at);
            MUST(page->account[stake->at] == account && page->instrument == stake->instrument);
            MUST(page->currency[stake->at] == engine->accounts[account].currency);
            MUST(mam_stake_find(engine, account, stake->instrument) == at);
            for (uint32_t row = stake->first_row; row != MAM_NONE; row = books->rows[row].next) {
                const struct mam_row *of = &books->rows[row];
                MUST(of->stake == at && of->volume >= 0 && of->closing >= 0);
                MUST(of->ticket == 0 || mam_row_find(engine, account, of->ticket) == row);
                swap += of->swap;
                mismatched += mam_row_mismatched(engine, of);
                count++;
            }
            MUST(count == stake->row_count && count > 0);
            mam_stake_exposure(engine, stake, true, &exposure);
            MUST(!stake->dirty || book->dirty);
            MUST(stake->dirty || memcmp(&exposure, &page->exposure[stake->at], sizeof exposure) == 0);
            floating += page->profit[stake->at];
            margin += stake->margin;
            unvalued += stake->unvalued != MAM_REASON_NONE;
            unvalued += stake->untiered;
            own += count;
            stakes++;
        }
        MUST(floating == books->floating[account] && margin + book->tiered == book->margin &&
             swap == book->swap);
        MUST(own == book->rows && unvalued == book->unvalued && mismatched == book->mismatched);
        MUST((book->sync != 0) == (engine->accounts[account].out_of_sync != 0));
        MUST(((book->sync & MAM_SYNC_VOLUME) != 0) == (book->mismatched > 0));
        rows += own;
    }
    for (uint32_t instrument = 0; instrument < engine->instrument_count; instrument++) {
        for (uint32_t at = books->instruments[instrument].first_page; at != MAM_NONE;
             at = books->pages[at].next) {
            const struct mam_page *page = &books->pages[at];
            MUST(page->count > 0 && page->regular <= page->count && page->count <= MAM_PAGE_SLOTS);
            MUST(page->previous == MAM_NONE || page->count == MAM_PAGE_SLOTS);
            slots += page->count;
            pages++;
        }
    }
    for (uint32_t at = books->free_row; at != MAM_NONE; at = books->rows[at].next) {
        free_rows++;
    }
    for (uint32_t at = books->free_stake; at != MAM_NONE; at = books->stakes[at].next) {
        free_stakes++;
    }
    for (uint32_t at = books->free_page; at != MAM_NONE; at = books->pages[at].next) {
        free_pages++;
    }
    MUST(slots == stakes && stakes == books->stake_by_key.count &&
         rows == (uint64_t)engine->counts.positions);
    MUST(rows + free_rows == engine->limits.positions && stakes + free_stakes == engine->limits.positions);
    MUST(pages + free_pages == mam_books_pages(&engine->limits));
}

/* `work`: limits.holdings rows. */
static void mam_engine_audit(const struct mam_engine *engine, struct audit_expected *work) {
    memset(work, 0, engine->limits.holdings * sizeof *work);
    audit_blocks(engine, work);
    audit_bridges(engine);
    audit_positions(engine, work);
    audit_books(engine);
    for (int law = 0; law < MAM_LAWS; law++) {
        MUST(engine->counts.laws[law] == 0);
    }
    MUST(engine->counts.halted == 0);
}

#endif
