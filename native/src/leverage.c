/*
 * Margin through the tiers of floating leverage: of one instrument, or of a pool, the instruments of a rule
 * whose exposures fill its tiers together; and the volume that a margin buffer leaves with them.
 *
 * A pool's margin is the sum of its instruments' margins x the mean rate of what all of them put into the
 * tiers. A stake keeps its own margin and amount; what the tiers change is the account's (book.tiered).
 */
#include "books.h"
#include "state.h"

#define ONE INT64_C(100000000)

/* --- What an exposure puts into tiers --- */

static bool by_value(const struct mam_tier_table *tiers) {
    return tiers->range == MAM_TIER_VALUE || tiers->range == MAM_TIER_VALUE_PER_SYMBOL;
}

/* The currency that value is counted in, for that account. */
static uint8_t currency_of(const struct mam_engine *engine, const struct mam_tier_table *tiers,
                           uint32_t account, uint32_t instrument) {
    return tiers->currency == MAM_TIERS_IN_PROFIT    ? engine->instruments[instrument].profit
           : tiers->currency == MAM_TIERS_IN_ACCOUNT ? engine->accounts[account].currency
                                                     : (uint8_t)(tiers->currency - MAM_TIERS_IN_CURRENCY);
}

/* What one of the instrument's profit currency is in the tiers', at the dearer side: value is never too
 * small.
 */
static enum mam_reason value_rate(struct mam_engine *engine, const struct mam_tier_table *tiers,
                                  uint32_t account, uint32_t instrument, int64_t *rate) {
    *rate = ONE;
    return by_value(tiers) ? mam_rate_between(engine, engine->instruments[instrument].profit,
                                              currency_of(engine, tiers, account, instrument), true, rate)
                           : MAM_REASON_NONE;
}

/* rate: value_rate's. */
static enum mam_reason tier_amount(const struct mam_contract *of, const struct mam_exposure *exposure,
                                   uint8_t margin_mode, int64_t rate, int64_t *amount) {
    enum mam_reason reason = mam_tier_volume(of->definition, exposure, margin_mode, amount);
    if (reason != MAM_REASON_NONE || !by_value(of->tiers)) {
        return reason;
    }
    const struct mam_side_total *buy = &exposure->side[MAM_SIDE_BUY], *sell = &exposure->side[MAM_SIDE_SELL];
    const struct mam_side_total *larger = buy->volume >= sell->volume ? buy : sell;
    int64_t volume = *amount < larger->volume ? *amount : larger->volume;
    return mam_tier_value(of->definition, larger, volume, rate, amount);
}

/* --- Margin --- */

enum mam_reason mam_need_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                            const struct mam_exposure *exposure, struct mam_need *need) {
    const struct mam_contract of = mam_contract_of(engine, account, instrument);
    const struct mam_account_state_row *row = &engine->accounts[account];
    int64_t rate;
    *need = (struct mam_need){.pool = of.pool};
    enum mam_reason reason = mam_exposure_margin(of.definition, exposure, row->margin_mode,
                                                 MAM_STAGE_MAINTENANCE, row->leverage, &need->margin);
    if (reason != MAM_REASON_NONE || of.tiers->count == 0) {
        return reason;
    }
    need->converts = by_value(of.tiers) && currency_of(engine, of.tiers, account, instrument) !=
                                               engine->instruments[instrument].profit;
    if (value_rate(engine, of.tiers, account, instrument, &rate) != MAM_REASON_NONE) {
        need->untiered = 1; /* it keeps its margin; the account takes nothing new */
        need->pool = 0;
        return MAM_REASON_NONE;
    }
    reason = tier_amount(&of, exposure, row->margin_mode, rate, &need->amount);
    return reason != MAM_REASON_NONE || of.pool != 0
               ? reason
               : mam_tiers_margin(of.tiers->tiers, of.tiers->count, MAM_STAGE_MAINTENANCE, 0, need->amount,
                                  need->margin, &need->margin);
}

/* --- Pools --- */

void mam_pools_add(struct mam_pools *pools, const struct mam_need *need) {
    if (need->pool == 0) {
        return;
    }
    uint32_t at = need->pool - 1;
    if ((pools->used >> at & 1) == 0) {
        pools->used |= UINT64_C(1) << at;
        pools->of[at].margin = pools->of[at].amount = 0;
    }
    pools->of[at].margin += need->margin;
    pools->of[at].amount += need->amount;
}

/* What cannot be told is as much as can be. */
static int64_t pool_margin(const struct mam_engine *engine, const struct mam_pools *pools, uint32_t at) {
    const struct mam_tier_table *tiers = &engine->books.rules[at].tiers;
    int64_t margin;
    if (pools->of[at].margin > MAM_BOOK_MONEY_MAX || pools->of[at].amount > MAM_BOOK_MONEY_MAX ||
        mam_tiers_margin(tiers->tiers, tiers->count, MAM_STAGE_MAINTENANCE, 0, (int64_t)pools->of[at].amount,
                         (int64_t)pools->of[at].margin, &margin) != MAM_REASON_NONE ||
        margin > MAM_BOOK_MONEY_MAX) {
        return MAM_BOOK_MONEY_MAX;
    }
    return margin;
}

__int128 mam_pools_change(const struct mam_engine *engine, const struct mam_pools *pools) {
    __int128 change = 0;
    for (uint64_t left = pools->used; left != 0; left &= left - 1) {
        uint32_t at = (uint32_t)__builtin_ctzll(left);
        change += pool_margin(engine, pools, at) - pools->of[at].margin;
    }
    return change;
}

static void add_stakes(const struct mam_engine *engine, uint32_t account, struct mam_pools *pools) {
    const struct mam_books *books = &engine->books;
    pools->used = 0;
    for (uint32_t at = books->accounts[account].first_stake; at != MAM_NONE; at = books->stakes[at].next) {
        const struct mam_stake *stake = &books->stakes[at];
        const struct mam_need need = {.margin = stake->margin, .amount = stake->amount, .pool = stake->pool};
        mam_pools_add(pools, &need);
    }
}

void mam_account_pools(struct mam_engine *engine, uint32_t account) {
    struct mam_account_book *book = &engine->books.accounts[account];
    struct mam_pools pools;
    add_stakes(engine, account, &pools);
    __int128 change = mam_pools_change(engine, &pools);
    book->margin += change - book->tiered;
    book->tiered = change;
}

/* --- The volume that the buffer leaves --- */

struct question {
    struct mam_contract of;
    const struct mam_account_state_row *row;
    const struct mam_exposure *exposure;
    struct mam_addition addition;
    int64_t rate;    /* of value */
    int64_t own;     /* amount of exposure */
    int64_t before;  /* amount that fills the tiers: own, or the pool's */
    int64_t held;    /* margin of what is open: its own, or the pool's */
    int64_t allowed; /* margin with the order may be this */
};

/* Does the margin of positions and order together hold? The order lies in the tiers over the positions. */
static bool holds(struct question *question, int64_t volume) {
    const struct mam_contract *of = &question->of;
    const struct mam_account_state_row *row = question->row;
    struct mam_exposure with = *question->exposure;
    struct mam_addition *addition = &question->addition;
    int64_t plain, together, after, order;
    addition->volume = volume;
    if (mam_exposure_margin(of->definition, question->exposure, row->margin_mode, MAM_STAGE_MAINTENANCE,
                            row->leverage, &plain) != MAM_REASON_NONE ||
        mam_exposure_margin_with(of->definition, question->exposure, row->margin_mode, row->leverage,
                                 addition, &together) != MAM_REASON_NONE ||
        mam_exposure_add(&with, addition->side, volume, addition->price, addition->rate) != MAM_REASON_NONE ||
        tier_amount(of, &with, row->margin_mode, question->rate, &after) != MAM_REASON_NONE) {
        return false;
    }
    bool grows = after > question->own;
    int64_t more = grows && together > plain ? together - plain : 0;
    return mam_tiers_margin(of->tiers->tiers, of->tiers->count, MAM_STAGE_INITIAL, question->before,
                            grows ? after - question->own : 0, more, &order) == MAM_REASON_NONE &&
           (__int128)question->held + order <= question->allowed;
}

/* By halves: the tiers' rates may differ from one to the next, so there is no good guess. */
static int64_t tiered_volume(struct question *question) {
    int64_t low = 0, high = MAM_VOLUME_MAX / 4;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(holds(question, middle) ? &low : &high) = middle;
    }
    return low;
}

/* Fills in what is open, alone or in the pool. */
static enum mam_reason open_now(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                                struct question *question) {
    struct mam_need need;
    enum mam_reason reason = mam_need_of(engine, account, instrument, question->exposure, &need);
    if (reason == MAM_REASON_NONE) {
        reason = value_rate(engine, question->of.tiers, account, instrument, &question->rate);
    }
    if (reason == MAM_REASON_NONE) {
        reason = tier_amount(&question->of, question->exposure, question->row->margin_mode, question->rate,
                             &question->own);
    }
    question->before = question->own;
    question->held = need.margin;
    if (reason == MAM_REASON_NONE && question->of.pool != 0) {
        uint32_t at = question->of.pool - 1;
        struct mam_pools pools;
        add_stakes(engine, account, &pools);
        bool used = pools.used >> at & 1;
        question->before = used ? mam_money(pools.of[at].amount) : 0;
        question->held = used ? pool_margin(engine, &pools, at) : 0;
    }
    return reason;
}

int64_t mam_buffer_volume(struct mam_engine *engine, uint32_t account, uint32_t instrument, uint8_t side,
                          int64_t price, int64_t buffer, enum mam_reason *reason) {
    const struct mam_books *books = &engine->books;
    const struct mam_account_state_row *row = &engine->accounts[account];
    uint32_t at = mam_stake_find(engine, account, instrument);
    struct mam_exposure exposure = {0};
    struct mam_addition addition = {.side = side, .price = price};
    int64_t own = at == MAM_TABLE_NONE ? 0 : books->stakes[at].margin;
    if (at != MAM_TABLE_NONE) {
        exposure = *mam_slot_exposure(books, &books->stakes[at]);
    }
    *reason = price <= 0 ? MAM_REASON_NO_QUOTE
                         : mam_margin_rate_of(engine, account, instrument, side, &addition.rate);
    if (*reason != MAM_REASON_NONE || row->equity < 0) {
        return 0;
    }
    struct question question = {.of = mam_contract_of(engine, account, instrument),
                                .row = row,
                                .exposure = &exposure,
                                .addition = addition};
    if (question.of.tiers->count == 0) {
        return mam_exposure_volume(question.of.definition, &exposure, row->margin_mode, row->leverage,
                                   &addition, row->equity, row->margin > own ? row->margin - own : 0, buffer);
    }
    *reason = open_now(engine, account, instrument, &question);
    int64_t other = row->margin > question.held ? row->margin - question.held : 0;
    __int128 allowed = (__int128)row->equity * ONE / buffer - other;
    if (*reason != MAM_REASON_NONE || allowed < question.held) {
        return 0;
    }
    question.allowed = mam_money(allowed);
    return tiered_volume(&question);
}
