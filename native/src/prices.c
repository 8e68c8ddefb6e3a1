/*
 * per_fill: each child has the same mix of the fills' prices, to within one step (mix.c), as one Booking a
 * price. Fills at one price are one. What only a status answer's average tells, and what is off the step, is
 * a price of its own: their average. Where the mix cannot be (off_step, below_minimum, too_many_prices,
 * table_full), all children have the average of all, and a person is told.
 *
 * A child's first part keeps its number; the others are children of their own, behind the block's.
 */
#include "allocate.h"
#include "mix.h"
#include "state.h"

/* --- While LPs execute --- */

/* Children are booked at multiples of the tick. */
static int64_t on_tick(const struct mam_block *block, int64_t price) {
    int64_t rounded = 0;
    int64_t residue;
    enum mam_reason reason = mam_average_of(price, 1, block->tick, &rounded, &residue);
    return reason == MAM_REASON_NONE && rounded > 0 ? rounded : price;
}

static bool kept_apart(const struct mam_block *block) {
    return block->policy.price_mode == MAM_PRICE_MODE_PER_FILL && block->unmixed_reason == MAM_REASON_NONE;
}

/* Where the volume at a price is kept: at most `most` such places; `most`: none is left for a new price. */
static uint32_t place_of(struct mam_block *block, int64_t price, uint32_t most) {
    uint32_t free = block->price_count;
    for (uint32_t at = 0; at < block->price_count; at++) {
        if (block->prices[at].price == price) {
            return at;
        }
        bool empty =
            block->prices[at].volume == 0 && !block->mixed; /* all taken back, and no child is at it */
        free = empty && free == block->price_count ? at : free;
    }
    if (free >= most) {
        return most;
    }
    block->prices[free] = (struct mam_block_price){.price = price};
    if (free == block->price_count) {
        block->price_count++;
    }
    return free;
}

void mam_price_count(struct mam_block *block, int64_t price, int64_t volume) {
    if (!kept_apart(block) || volume == 0) {
        return;
    }
    uint32_t at = place_of(block, on_tick(block, price), MAM_PRICES_MAX);
    if (at == MAM_PRICES_MAX) {
        block->unmixed_reason = MAM_REASON_TOO_MANY_PRICES;
        return;
    }
    block->prices[at].volume += volume;
    MAM_ASSERT(block->prices[at].volume >= 0);
}

void mam_price_tell(struct mam_block *block, int64_t volume, __int128 notional) {
    if (kept_apart(block)) {
        block->told += volume;
        block->told_notional += notional;
        MAM_ASSERT(block->told >= 0);
    }
}

/* --- When the volumes are decided --- */

/* The whole steps of `volume`, at the average of it: with what is at that price already, or at a price of its
 * own. False: that average is none that a child may get. */
static bool add_average(const struct mam_engine *engine, struct mam_block *block, int64_t volume,
                        __int128 notional) {
    int64_t price = 0;
    int64_t residue;
    if (mam_average_of(notional, volume, block->tick, &price, &residue) != MAM_REASON_NONE || price <= 0 ||
        !mam_price_plausible(engine, block->instrument, price)) {
        return false;
    }
    uint32_t at = place_of(block, price, MAM_PRICES);
    if (at == MAM_PRICES) {
        return false;
    }
    block->prices[at].volume += volume - volume % block->step;
    return true;
}

/* Whole steps stay with their prices; the rests and what was told are one more. Less than a step is left out:
 * it is the house's in any case. False: the average of these is no price. */
static bool cut_to_steps(const struct mam_engine *engine, struct mam_block *block) {
    int64_t volume = block->told;
    __int128 notional = block->told_notional;
    for (uint32_t i = 0; i < block->price_count; i++) {
        int64_t rest = block->prices[i].volume % block->step;
        block->prices[i].volume -= rest;
        volume += rest;
        notional += (__int128)rest * block->prices[i].price;
    }
    return volume < block->step || add_average(engine, block, volume, notional);
}

static bool goes_before(const struct mam_block *block, uint8_t a, uint8_t b) {
    int64_t left = block->prices[a].price;
    int64_t right = block->prices[b].price;
    return left != right ? mam_as_good(block->side, left, right) : a < b;
}

/* Best price first or worst first, as it is the block's turn. Returns the volume of all. */
static int64_t sort_prices(const struct mam_block *block, struct mam_price_mix *mix) {
    int64_t total = 0;
    mix->parts = 0;
    for (uint8_t price = 0; price < block->price_count; price++) {
        if (block->prices[price].volume == 0) {
            continue;
        }
        uint32_t at = mix->parts++;
        for (; at > 0 && goes_before(block, price, mix->price[at - 1]) != block->worst_first; at--) {
            mix->price[at] = mix->price[at - 1];
        }
        mix->price[at] = price;
        total += block->prices[price].volume;
    }
    return total;
}

static uint64_t *bits_of(struct mam_engine *engine) {
    return (uint64_t *)engine->rows.held;
}

static int64_t cell(struct mam_engine *engine, const struct mam_block *block, uint32_t row, uint32_t part) {
    int64_t more = bits_of(engine)[row] >> part & 1;
    return mam_mix_cell(&engine->mix.share[part], engine->rows.result[row], block->step, more);
}

/* Counts the parts beyond each row's first. False: some part is under the minimum. */
static bool count_further(struct mam_engine *engine, const struct mam_block *block, uint32_t count,
                          uint32_t *further) {
    *further = 0;
    for (uint32_t row = 0; row < count; row++) {
        uint32_t parts = 0;
        for (uint32_t part = 0; part < engine->mix.parts; part++) {
            int64_t volume = cell(engine, block, row, part);
            if (volume > 0 && volume < engine->rows.minimum[row] && volume < engine->rows.result[row]) {
                return false;
            }
            parts += volume > 0;
        }
        *further += parts > 1 ? parts - 1 : 0;
    }
    return true;
}

uint16_t mam_prices_mix(struct mam_engine *engine, struct mam_block *block, uint32_t count,
                        uint32_t *further) {
    struct mam_scratch_rows *rows = &engine->rows;
    struct mam_price_mix *mix = &engine->mix;
    int64_t total = sort_prices(block, mix);
    int64_t part[MAM_PRICES];
    int64_t house = total;
    for (uint32_t i = 0; i < mix->parts; i++) {
        part[i] = block->prices[mix->price[i]].volume;
        mix->share[i] = mam_mix_share(part[i], total, block->step);
    }
    for (uint32_t row = 0; row < count; row++) {
        house -= rows->result[row];
    }
    MAM_ASSERT(house >= 0);
    rows->login[count] = UINT64_MAX;
    rows->result[count] = house;
    enum mam_reason reason = mam_divide_mix(count + 1, block->step, rows->login, rows->result, mix->parts,
                                            part, bits_of(engine), rows->kernel);
    if (reason != MAM_REASON_NONE) {
        return (uint16_t)reason; /* off_step: a close of a holding that is */
    }
    return count_further(engine, block, count, further) ? MAM_REASON_NONE : MAM_REASON_BELOW_MINIMUM;
}

void mam_prices_give(struct mam_engine *engine, struct mam_block *block, uint32_t row, uint32_t child) {
    struct mam_child *first = mam_child_at(engine, block, child);
    int64_t left = first->assigned;
    MAM_ASSERT(left == engine->rows.result[row]);
    for (uint32_t part = 0; part < engine->mix.parts; part++) {
        int64_t volume = cell(engine, block, row, part);
        if (volume == 0) {
            continue;
        }
        uint8_t price = engine->mix.price[part] + 1;
        if (first->price == 0) {
            first->price = price;
            first->planned -= first->assigned - volume;
            first->assigned = volume;
        } else {
            uint32_t at = block->child_count++;
            *mam_child_at(engine, block, at) = (struct mam_child){.login = first->login,
                                                                  .account = first->account,
                                                                  .member = first->member,
                                                                  .holding = first->holding,
                                                                  .minimum = first->minimum,
                                                                  .deferred_block = MAM_NONE,
                                                                  .planned = volume,
                                                                  .assigned = volume,
                                                                  .price = price,
                                                                  .further = 1};
        }
        left -= volume;
    }
    MAM_ASSERT(left == 0);
}

/*
 * Of the blocks of one kind (group, instrument, side, opening or closing) every other one gives the best
 * price first, and those between the worst: rounding favours nobody for long. Turns by the blocks' numbers
 * would be no turns where two groups, or two instruments, are traded in turn.
 */
static uint8_t *turns_of(struct mam_engine *engine, const struct mam_block *block, uint8_t *bit) {
    *bit = (uint8_t)(1u << ((block->entry == MAM_ENTRY_CLOSING) * 2u + (block->side == MAM_SIDE_SELL)));
    return &engine->turns[(uint64_t)block->instrument * engine->limits.groups + block->group];
}

static uint16_t divide(struct mam_engine *engine, struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    uint32_t count = block->child_count;
    uint32_t further = 0;
    if (!cut_to_steps(engine, block)) {
        return MAM_REASON_IMPLAUSIBLE_PRICE;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct mam_child *child = mam_child_at(engine, block, i);
        rows->login[i] = child->login;
        rows->result[i] = child->assigned;
        rows->minimum[i] = block->entry == MAM_ENTRY_CLOSING ? block->minimum : child->minimum;
        if (child->assigned % block->step != 0) {
            return MAM_REASON_OFF_STEP;
        }
    }
    uint8_t bit;
    uint8_t *turns = turns_of(engine, block, &bit);
    block->worst_first = (*turns & bit) != 0;
    uint16_t reason = mam_prices_mix(engine, block, count, &further);
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (engine->mix.parts == 1 && block->prices[engine->mix.price[0]].price == block->price) {
        return MAM_REASON_NONE; /* one price: it is the block's */
    }
    if (!mam_children_grow(engine, block, further)) {
        return MAM_REASON_TABLE_FULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (rows->result[i] > 0) {
            mam_prices_give(engine, block, i, i);
        }
    }
    for (uint32_t i = 0; i < block->price_count; i++) {
        block->prices[i].volume = 0; /* nothing of it is refused yet */
    }
    *turns ^= bit;
    block->mixed = 1;
    engine->counts.children_planned += further;
    engine->counts.children_working += further;
    return MAM_REASON_NONE;
}

void mam_prices_divide(struct mam_engine *engine, struct mam_block *block) {
    if (block->policy.price_mode != MAM_PRICE_MODE_PER_FILL || block->execution != MAM_EXECUTION_MODE_STP ||
        block->allocated == 0) {
        return; /* a post_trade deal has one price */
    }
    uint16_t reason = block->unmixed_reason;
    if (reason == MAM_REASON_NONE) {
        reason = divide(engine, block);
    }
    if (reason != MAM_REASON_NONE) {
        mam_alert(engine, block->bridge, MAM_ALERT_KIND_AVERAGE_PRICE, reason, block->id, 0);
    }
}

/* --- What the server refused, to others --- */

bool mam_prices_offer_one(struct mam_engine *engine, struct mam_block *block, uint32_t count,
                          uint16_t reason) {
    int64_t volume = 0;
    __int128 notional = 0;
    uint32_t further = 0;
    for (uint32_t i = 0; i < block->price_count; i++) {
        volume += block->prices[i].volume;
        notional += (__int128)block->prices[i].volume * block->prices[i].price;
    }
    for (uint32_t i = 0; i < block->price_count; i++) {
        block->prices[i].volume = 0;
    }
    if (!add_average(engine, block, volume, notional) ||
        mam_prices_mix(engine, block, count, &further) != MAM_REASON_NONE) {
        return false;
    }
    mam_alert(engine, block->bridge, MAM_ALERT_KIND_AVERAGE_PRICE, reason, block->id, 0);
    return true;
}

void mam_prices_keep(struct mam_engine *engine, struct mam_block *block, uint32_t count) {
    int64_t kept[MAM_PRICES];
    for (uint32_t part = 0; part < engine->mix.parts; part++) {
        kept[part] = cell(engine, block, count, part);
    }
    for (uint32_t part = 0; part < engine->mix.parts; part++) {
        block->prices[engine->mix.price[part]].volume = kept[part];
    }
}
