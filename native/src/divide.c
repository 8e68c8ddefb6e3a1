/* What was filled, over the children: entitlements while legs work, final volumes when they are over. */
#include "allocate.h"
#include "state.h"

static struct mam_child *children_of(struct mam_engine *engine, const struct mam_block *block) {
    return &engine->children[block->first_child];
}

/* The children's plans and what they are entitled to so far, as arrays. False: some plan is off step (a
 * close). */
static bool gather(struct mam_engine *engine, const struct mam_block *block, int64_t step) {
    struct mam_scratch_rows *rows = &engine->rows;
    const struct mam_child *children = children_of(engine, block);
    bool on_step = true;
    for (uint32_t i = 0; i < block->child_count; i++) {
        rows->login[i] = children[i].login;
        rows->weight[i] = children[i].planned;
        rows->held[i] = children[i].assigned;
        on_step = on_step && children[i].planned % step == 0;
    }
    return on_step;
}

static int64_t children_part(const struct mam_block *block) {
    return block->filled < block->planned ? block->filled : block->planned;
}

/*
 * Law 2 of one child: within one step of filled * plan / planned, and not less than before. An LP may fill
 * less than a whole step; that rest is nobody's yet, and no part of what is shared.
 */
static bool entitled(const struct mam_block *block, int64_t step, int64_t plan, int64_t before, int64_t now) {
    int64_t part = children_part(block);
    __int128 exact = (__int128)(part - part % step) * plan;
    __int128 has = (__int128)now * block->planned;
    __int128 distance = has > exact ? has - exact : exact - has;
    return now >= before && distance < (__int128)step * block->planned;
}

static void take(struct mam_engine *engine, struct mam_block *block, int64_t step, bool check, bool grew) {
    struct mam_child *children = children_of(engine, block);
    block->allocated = 0;
    for (uint32_t i = 0; i < block->child_count; i++) {
        int64_t volume = engine->rows.result[i];
        int64_t before = grew ? children[i].assigned : 0;
        if (check && !entitled(block, step, children[i].planned, before, volume)) {
            mam_law_broken(engine, 2, block->id);
        }
        children[i].assigned = volume;
        block->allocated += volume;
    }
    block->house = block->filled - block->allocated;
}

void mam_entitle(struct mam_engine *engine, struct mam_block *block, bool grew) {
    int64_t step = block->step;
    struct mam_scratch_rows *rows = &engine->rows;
    if (!gather(engine, block, step)) {
        step = 1; /* holdings that are off step are entitled to the last unit; they are settled on steps at
                     the end */
    }
    int64_t residue = 0;
    enum mam_reason reason =
        mam_divide_fill(block->child_count, step, rows->login, rows->weight, children_part(block), rows->held,
                        rows->result, &residue, rows->kernel);
    MAM_ASSERT(reason == MAM_REASON_NONE);
    take(engine, block, step, true, grew);
}

/*
 * An opening that ended short is divided once more, by largest remainder or `carry`, each child at most its
 * plan. The entitlements so far would be exact too, but they go by deadline, and a
 * small plan's first step has a late one: over many partial fills they favour the large accounts (law 10;
 * measured in tests/engine/test_carry.py).
 */
static void round_opening(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    const struct mam_child *children = children_of(engine, block);
    int64_t part = children_part(block);
    struct mam_allocation allocation = {
        .count = block->child_count,
        .family = MAM_FAMILY_PROPORTIONAL,
        .rounding = block->policy.rounding == MAM_ROUNDING_CARRY ? MAM_ROUNDING_CARRY
                                                                 : MAM_ROUNDING_LARGEST_REMAINDER,
        .on_shortfall = MAM_ON_SHORTFALL_REDISTRIBUTE,
        .below_min = MAM_BELOW_MIN_SKIP,
        .volume = part - part % block->step,
        .step = block->step,
        .minimum = block->step,
        .overflow_index = UINT32_MAX,
        .login = rows->login,
        .weight = rows->weight,
        .cap = rows->cap,
        .carry = mam_carry_kept(block) ? rows->carry : NULL,
        .quota = rows->quota,
        .floor_volume = rows->floor_volume,
        .remainder = rows->remainder,
        .result = rows->result,
        .reason = rows->reason,
        .capped = rows->capped,
    };
    for (uint32_t i = 0; i < block->child_count; i++) {
        rows->cap[i] = children[i].planned;
        rows->carry[i] = *mam_carry_at(engine, block->instrument, children[i].member);
    }
    if (mam_allocate(&allocation, rows->kernel) != MAM_REASON_NONE) {
        for (uint32_t i = 0; i < block->child_count; i++) {
            rows->result[i] = 0; /* less than a step was filled: it is the house's */
        }
    } else if (mam_carry_kept(block)) {
        mam_carry_settle(engine, block);
    }
}

/* Is the least volume of some child more than a step? */
static bool minimums_matter(struct mam_engine *engine, const struct mam_block *block) {
    const struct mam_child *children = children_of(engine, block);
    bool matter = false;
    for (uint32_t i = 0; i < block->child_count; i++) {
        matter |= children[i].planned > 0 && children[i].minimum > block->step;
    }
    return matter;
}

/* Minimums above a step are no matter of rounding: as few as must be are left out, and the house gets least.
 */
static void settle_opening(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    const struct mam_child *children = children_of(engine, block);
    int64_t house = 0;
    mam_carry_scale(engine, block);
    if (!minimums_matter(engine, block)) {
        round_opening(engine, block);
        return;
    }
    for (uint32_t i = 0; i < block->child_count; i++) {
        rows->minimum[i] = children[i].planned > 0 ? children[i].minimum : block->minimum;
    }
    enum mam_reason reason = mam_settle_short(
        block->child_count, block->step, block->minimum, mam_minimums(engine, block, block->child_count),
        rows->login, rows->weight, children_part(block), rows->result, &house, rows->kernel);
    MAM_ASSERT(reason == MAM_REASON_NONE);
}

static void settle_closing(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    enum mam_reason reason = mam_divide_close(block->child_count, block->step, rows->login, rows->weight,
                                              children_part(block), rows->result, rows->kernel);
    MAM_ASSERT(reason == MAM_REASON_NONE);
}

static void settle_short(struct mam_engine *engine, struct mam_block *block) {
    gather(engine, block, block->step);
    if (block->entry == MAM_ENTRY_CLOSING) {
        settle_closing(engine, block);
    } else {
        settle_opening(engine, block);
    }
    bool shared = block->entry == MAM_ENTRY_OPENING && !minimums_matter(engine, block);
    take(engine, block, block->step, shared, false);
}

/* Law 9: what the house has, no child could take. */
static void clients_first(struct mam_engine *engine, const struct mam_block *block) {
    const struct mam_child *children = children_of(engine, block);
    for (uint32_t i = 0; i < block->child_count && block->house >= block->step; i++) {
        int64_t room = children[i].planned - children[i].assigned;
        int64_t least = children[i].assigned > 0 || block->entry == MAM_ENTRY_CLOSING ? block->step
                        : children[i].minimum > block->step                           ? children[i].minimum
                                                                                      : block->step;
        if (room >= least && block->house >= least) {
            mam_law_broken(engine, 9, block->id);
            return;
        }
    }
}

/* One price for all: a post_trade deal has it, an stp block the average of its fills. */
static void set_price(struct mam_engine *engine, struct mam_block *block) {
    if (block->execution == MAM_EXECUTION_MODE_POST_TRADE) {
        return;
    }
    int64_t residue = 0;
    int64_t tick = block->tick;
    enum mam_reason reason = mam_average_of(block->notional, block->filled, tick, &block->price, &residue);
    while (reason == MAM_REASON_OVERFLOW && tick > 1) {
        tick /= 10; /* what rounding leaves of so large a volume does not fit: round less */
        reason = mam_average_of(block->notional, block->filled, tick, &block->price, &residue);
    }
    if (reason != MAM_REASON_NONE) {
        mam_law_broken(engine, 3, block->id);
    }
    block->residue = residue;
}

void mam_settle(struct mam_engine *engine, struct mam_block *block) {
    set_price(engine, block);
    if (block->filled >= block->planned) {
        struct mam_child *children = children_of(engine, block);
        for (uint32_t i = 0; i < block->child_count; i++) {
            children[i].assigned = children[i].planned;
        }
        block->allocated = block->planned;
        block->house = block->filled - block->allocated;
    } else if (block->child_count > 0) {
        settle_short(engine, block);
    }
    clients_first(engine, block);
}
