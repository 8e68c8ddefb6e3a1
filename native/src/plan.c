/*
 * Who takes part in a block, and how much of it: the members' live state into the kernel's arrays, the
 * kernel's answer into children, and all of it into the journal before anything is traded (law 4).
 */
#include "allocate.h"
#include "state.h"

#define FACTOR_ONE 100000000
#define PERCENT_ALL (100 * (int64_t)FACTOR_ONE)

static bool is_absolute(uint8_t method) {
    return method == MAM_METHOD_FIXED_LOTS || method == MAM_METHOD_MULTIPLIER || method == MAM_METHOD_RISK;
}

/* --- What each member brings --- */

/* For rounding by equity: in the group's currency at mid; last where it cannot be told. */
static int64_t equity_of(struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_account_state_row *account) {
    int64_t equity = INT64_MIN;
    uint8_t currency = engine->groups[block->group].currency;
    if (block->policy.rounding != MAM_ROUNDING_LARGEST_EQUITY || !account->has_state ||
        !mam_at_mid(engine, &engine->terms, account->equity, account->currency, currency, &equity)) {
        return INT64_MIN;
    }
    return equity;
}

/* The group's members, in the order of joining, as the kernel's arrays. Returns how many. */
uint32_t mam_gather_members(struct mam_engine *engine, const struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    uint32_t count = 0;
    bool percent = block->policy.method == MAM_METHOD_PERCENT;
    mam_terms_begin(engine, block);
    for (uint32_t at = engine->groups[block->group].first_member; at != MAM_NONE;
         at = engine->members[at].next) {
        struct mam_member_state *member = &engine->members[at];
        if (member->status == MAM_MEMBER_STATUS_LEFT) {
            continue;
        }
        const struct mam_account_state_row *account = &engine->accounts[member->account];
        mam_account_refresh(engine, member->account);
        struct mam_cap cap = mam_cap_of(engine, block, member);
        member->row = count;
        rows->member[count] = at;
        rows->account[count] = member->account;
        rows->holding[count] = MAM_NONE;
        rows->login[count] = account->login;
        rows->measure[count] = rows->weight[count] = 0;
        bool inactive = member->status == MAM_MEMBER_STATUS_INACTIVE;
        rows->excluded[count] = inactive && !percent ? MAM_REASON_INACTIVE
                                                     : mam_weigh(engine, block, member, &rows->measure[count],
                                                                 &rows->weight[count]);
        if (inactive && percent) { /* its percent is not the others': the block shrinks by it */
            cap = (struct mam_cap){.reason = MAM_REASON_INACTIVE, .binding = MAM_CONSTRAINT_PERMISSION};
        }
        rows->equity[count] = equity_of(engine, block, account);
        rows->cap[count] = cap.volume;
        rows->cap_reason[count] = cap.reason;
        rows->binding[count] = cap.binding;
        rows->carry[count] = *mam_carry_at(engine, block->instrument, at);
        count++;
    }
    return count;
}

/* --- Who becomes a child --- */

/* What the plan changes of a member's carry, where the policy keeps carries. */
static int64_t carry_change(struct mam_engine *engine, const struct mam_block *block, uint32_t row) {
    return mam_carry_kept(block)
               ? engine->rows.carry[row] - *mam_carry_at(engine, block->instrument, engine->rows.member[row])
               : 0;
}

/* A row is a child when it gets something, or when its carry must be put right should the block end short. */
static bool is_child(struct mam_engine *engine, const struct mam_block *block, uint32_t row) {
    return engine->rows.result[row] > 0 || carry_change(engine, block, row) != 0;
}

/* --- Into the journal --- */

static void emit_plan(struct mam_engine *engine, struct mam_block *block,
                      const struct mam_allocation *allocation, uint8_t method, uint16_t reason) {
    const struct mam_instrument *instrument = &engine->instruments[block->instrument].definition;
    struct mam_plan plan;
    mam_plan_init(&plan);
    plan.block = block->id;
    plan.group = engine->groups[block->group].id;
    plan.order = block->order;
    plan.deal = block->deal;
    plan.volume = block->volume;
    plan.planned = block->planned;
    plan.total_weight = allocation->total_weight;
    plan.step = block->step;
    plan.minimum = block->minimum;
    plan.policy_version = block->policy.policy_version;
    plan.instrument = instrument->instrument;
    plan.members = allocation->count;
    plan.method = method;
    plan.rounding = block->policy.rounding;
    plan.on_shortfall = block->policy.on_shortfall;
    plan.below_min = block->policy.below_min;
    plan.side = block->side;
    plan.entry = block->entry;
    plan.execution = block->execution;
    plan.reason = reason;
    plan.master_position = block->position == MAM_NONE ? 0 : engine->positions[block->position].ticket;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &plan, sizeof plan);
}

static void explain_member(const struct mam_engine *engine, const struct mam_allocation *allocation,
                           uint32_t row, struct mam_plan_member *member) {
    const struct mam_scratch_rows *rows = &engine->rows;
    member->login = rows->login[row];
    member->measure = rows->measure[row];
    member->weight = (uint64_t)rows->weight[row];
    member->quota = rows->quota[row];
    member->cap = rows->cap[row];
    member->floor_volume = rows->floor_volume[row];
    member->remainder = rows->remainder[row];
    member->volume = rows->result[row];
    member->margin = rows->account[row] == MAM_NONE ? 0 : engine->accounts[rows->account[row]].margin;
    member->reason = rows->reason[row];
    member->binding = allocation->capped[row] ? rows->binding[row] : MAM_CONSTRAINT_NONE;
}

static void emit_members(struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_allocation *allocation, uint16_t refused) {
    struct mam_plan_member made[MAM_MADE_AHEAD];
    uint32_t child = 0;
    for (uint32_t i = 0; i < MAM_MADE_AHEAD; i++) {
        mam_plan_member_init(&made[i]);
        made[i].block = block->id;
    }
    for (uint32_t first = 0; first < allocation->count; first += MAM_MADE_AHEAD) {
        uint32_t left = allocation->count - first;
        uint32_t count = left < MAM_MADE_AHEAD ? left : MAM_MADE_AHEAD;
        for (uint32_t i = 0; i < count; i++) {
            bool is = refused == MAM_REASON_NONE && is_child(engine, block, first + i);
            made[i].child = is ? child++ : UINT32_MAX - 1;
            explain_member(engine, allocation, first + i, &made[i]);
            mam_number(engine, MAM_BRIDGE_JOURNAL, &made[i], sizeof made[i]);
        }
        for (uint32_t i = 0; i < count; i++) {
            engine->put(engine->context, MAM_BRIDGE_JOURNAL, &made[i], sizeof made[i]);
        }
    }
}

/* --- Into children --- */

static bool take_children(struct mam_engine *engine, struct mam_block *block, uint32_t count) {
    const struct mam_scratch_rows *rows = &engine->rows;
    uint32_t children = 0;
    for (uint32_t i = 0; i < count; i++) {
        children += is_child(engine, block, i);
    }
    block->child_count = 0;
    if (children == 0) {
        return true;
    }
    uint32_t first =
        children > engine->extents.units ? MAM_EXTENT_NONE : mam_extents_take(&engine->extents, children);
    if (first == MAM_EXTENT_NONE) {
        return false;
    }
    block->first_child = first;
    block->extent = children;
    for (uint32_t i = 0; i < count; i++) {
        if (is_child(engine, block, i)) {
            engine->children[first + block->child_count++] =
                (struct mam_child){.login = rows->login[i],
                                   .account = rows->account[i],
                                   .member = rows->member[i],
                                   .holding = rows->holding[i],
                                   .deferred_block = MAM_NONE,
                                   .carry = carry_change(engine, block, i),
                                   .planned = rows->result[i]};
        }
    }
    engine->counts.children_planned += children;
    engine->counts.children_working += children;
    return true;
}

static void nobody_gets_anything(struct mam_engine *engine, struct mam_allocation *allocation,
                                 uint16_t reason) {
    struct mam_scratch_rows *rows = &engine->rows;
    for (uint32_t i = 0; i < allocation->count; i++) {
        rows->quota[i] = rows->floor_volume[i] = rows->remainder[i] = rows->result[i] = 0;
        if (reason != MAM_REASON_SHORTFALL || !rows->capped[i]) {
            rows->reason[i] = rows->excluded[i] != MAM_REASON_NONE ? rows->excluded[i] : reason;
            rows->capped[i] = 0;
        } else {
            rows->reason[i] = rows->cap_reason[i];
        }
    }
    allocation->planned = 0;
    allocation->total_weight = 0;
}

/* The kernel's answer becomes the block's children and the journal's plan. Returns why there is none. */
static uint16_t conclude(struct mam_engine *engine, struct mam_block *block,
                         struct mam_allocation *allocation, uint8_t method, uint16_t reason) {
    if (reason == MAM_REASON_NONE && !take_children(engine, block, allocation->count)) {
        reason = MAM_REASON_TABLE_FULL;
    }
    if (reason != MAM_REASON_NONE) {
        nobody_gets_anything(engine, allocation, reason);
        block->house_planned = 0;
    }
    block->planned = allocation->planned;
    emit_plan(engine, block, allocation, method, reason);
    emit_members(engine, block, allocation, reason);
    block->plan_emitted = 1;
    return reason;
}

void mam_plan_nothing(struct mam_engine *engine, struct mam_block *block, uint16_t reason) {
    struct mam_allocation allocation = {.count = 0};
    MAM_ASSERT(reason != MAM_REASON_NONE);
    conclude(engine, block, &allocation, block->policy.method, reason);
}

/* --- Openings --- */

static uint16_t check_group(const struct mam_engine *engine, const struct mam_block *block, uint32_t count) {
    if (count == 0) {
        return MAM_REASON_NO_MEMBERS;
    }
    if (block->policy.method == MAM_METHOD_PERCENT) {
        __int128 sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            sum += engine->rows.weight[i];
        }
        return sum == PERCENT_ALL ? MAM_REASON_NONE : MAM_REASON_PERCENT_SUM;
    }
    if (block->policy.method == MAM_METHOD_RISK && block->stop_loss == 0) {
        return MAM_REASON_NO_STOP_LOSS;
    }
    return MAM_REASON_NONE;
}

static uint32_t overflow_row(const struct mam_engine *engine, const struct mam_block *block, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (engine->rows.login[i] == block->policy.overflow_login) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Law 9: under `redistribute` volume is left to the house only where nobody may take a step more. */
static bool clients_first(const struct mam_scratch_rows *rows, const struct mam_allocation *allocation) {
    int64_t left = allocation->unallocated;
    if (allocation->on_shortfall != MAM_ON_SHORTFALL_REDISTRIBUTE || left < allocation->step) {
        return true;
    }
    int64_t minimum = allocation->minimum > allocation->step ? allocation->minimum : allocation->step;
    for (uint32_t i = 0; i < allocation->count; i++) {
        int64_t least = rows->result[i] > 0 ? allocation->step : minimum;
        bool takes_part = rows->excluded[i] == MAM_REASON_NONE && rows->weight[i] > 0;
        if (takes_part && left >= least && rows->cap[i] - rows->result[i] >= least) {
            return false;
        }
    }
    return true;
}

/* Nobody takes part: the one reason of all, if it is one. */
static uint16_t why_nobody(const struct mam_scratch_rows *rows, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (rows->excluded[i] != rows->excluded[0]) {
            return MAM_REASON_NO_MEMBERS;
        }
    }
    return count > 0 ? rows->excluded[0] : MAM_REASON_NO_MEMBERS;
}

/* Why the plan is smaller than the order: what bound, if it was one thing; else that something did. */
static uint16_t why_short(const struct mam_engine *engine, const struct mam_allocation *allocation,
                          int64_t volume) {
    const struct mam_scratch_rows *rows = &engine->rows;
    uint16_t why = MAM_REASON_NONE;
    if (allocation->planned >= volume) {
        return MAM_REASON_NONE;
    }
    for (uint32_t i = 0; i < allocation->count; i++) {
        if (rows->capped[i]) {
            why = why == MAM_REASON_NONE || why == rows->cap_reason[i] ? rows->cap_reason[i]
                                                                       : MAM_REASON_SHORTFALL;
        }
    }
    return why != MAM_REASON_NONE                          ? why
           : allocation->family == MAM_FAMILY_ABSOLUTE     ? MAM_REASON_MEMBERS_SUM
           : allocation->unallocated == 0                  ? MAM_REASON_OFF_STEP
           : allocation->rounding == MAM_ROUNDING_OVERFLOW ? MAM_REASON_NO_OVERFLOW_ACCOUNT
                                                           : MAM_REASON_BELOW_MINIMUM;
}

uint16_t mam_plan_opening(struct mam_engine *engine, struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    uint32_t count = mam_gather_members(engine, block);
    /* a deal executed off step: the whole steps are divided, the rest is the house's */
    int64_t volume = block->volume - block->volume % block->step;
    struct mam_allocation allocation = {
        .count = count,
        .family = is_absolute(block->policy.method) ? MAM_FAMILY_ABSOLUTE : MAM_FAMILY_PROPORTIONAL,
        .rounding = block->policy.rounding,
        .on_shortfall = block->policy.on_shortfall,
        .below_min = block->policy.below_min,
        .volume = volume,
        .step = block->step,
        .minimum = block->minimum,
        .overflow_index = overflow_row(engine, block, count),
        .login = rows->login,
        .weight = rows->weight,
        .cap = rows->cap,
        .cap_reason = rows->cap_reason,
        .equity = rows->equity,
        .excluded = rows->excluded,
        .carry = mam_carry_kept(block) ? rows->carry : NULL,
        .quota = rows->quota,
        .floor_volume = rows->floor_volume,
        .remainder = rows->remainder,
        .result = rows->result,
        .reason = rows->reason,
        .capped = rows->capped,
    };
    uint16_t reason = check_group(engine, block, count);
    if (reason == MAM_REASON_NONE) {
        reason = (uint16_t)mam_allocate(&allocation, rows->kernel);
        reason = reason == MAM_REASON_NO_MEMBERS ? why_nobody(rows, count) : reason;
    }
    if (reason == MAM_REASON_NONE) {
        block->short_reason = why_short(engine, &allocation, block->volume);
        if (!clients_first(rows, &allocation)) {
            mam_law_broken(engine, 9, block->id);
        }
    }
    reason = conclude(engine, block, &allocation, block->policy.method, reason);
    if (reason == MAM_REASON_NONE && mam_carry_kept(block)) {
        mam_carry_keep(engine, block, count);
    }
    return reason;
}

/* --- Closes --- */

static void holder_row(struct mam_engine *engine, uint32_t at, uint32_t account, uint32_t holding,
                       uint64_t login, int64_t held) {
    struct mam_scratch_rows *rows = &engine->rows;
    rows->member[at] = MAM_NONE;
    rows->account[at] = account;
    rows->holding[at] = holding;
    rows->login[at] = login;
    rows->measure[at] = 0;
    rows->weight[at] = held;
    rows->cap[at] = held;
    rows->cap_reason[at] = MAM_REASON_HOLDING;
    rows->excluded[at] = MAM_REASON_NONE;
    rows->binding[at] = MAM_CONSTRAINT_HOLDING;
    rows->reason[at] = MAM_REASON_NONE;
    rows->capped[at] = 0;
}

/* Everybody who holds some of the position, the house last. Returns how many; *total is what they hold. */
static uint32_t gather_holders(struct mam_engine *engine, const struct mam_block *block, int64_t *total,
                               bool *house) {
    const struct mam_position_row *position = &engine->positions[block->position];
    uint32_t count = 0;
    *total = 0;
    for (uint32_t at = position->first_holding; at != MAM_NONE; at = engine->holdings[at].next) {
        const struct mam_holding *holding = &engine->holdings[at];
        int64_t held = block->covers ? holding->owed : mam_holding_free(holding);
        if (held > 0 && (block->only == MAM_NONE || block->only == holding->account)) {
            holder_row(engine, count++, holding->account, at, engine->accounts[holding->account].login, held);
            *total += held;
        }
    }
    int64_t parked = mam_house_free(engine, block->position);
    *house = parked > 0 && block->only == MAM_NONE;
    if (*house) {
        holder_row(engine, count++, MAM_NONE, MAM_NONE, UINT64_MAX - 1, parked);
        *total += parked;
    }
    return count;
}

/* Exact share of a close: quota, floor and remainder, for the explanation. */
static void explain_close(struct mam_engine *engine, uint32_t count, int64_t closed, int64_t total,
                          int64_t step) {
    struct mam_scratch_rows *rows = &engine->rows;
    for (uint32_t i = 0; i < count; i++) {
        rows->quota[i] = (int64_t)((__int128)closed * rows->weight[i] / total);
        rows->floor_volume[i] = rows->quota[i] - rows->quota[i] % step;
        rows->remainder[i] = rows->quota[i] - rows->floor_volume[i];
        rows->reason[i] = rows->result[i] == 0 ? MAM_REASON_ZERO_SHARE : MAM_REASON_NONE;
    }
}

uint16_t mam_plan_closing(struct mam_engine *engine, struct mam_block *block) {
    struct mam_scratch_rows *rows = &engine->rows;
    int64_t total = 0;
    bool house = false;
    uint32_t count = gather_holders(engine, block, &total, &house);
    int64_t closed = block->volume < total ? block->volume : total;
    struct mam_allocation allocation = {
        .count = count, .total_weight = (uint64_t)total, .capped = rows->capped};
    uint16_t reason = count == 0 ? MAM_REASON_HOLDING : MAM_REASON_NONE;
    if (reason == MAM_REASON_NONE) {
        reason = (uint16_t)mam_divide_close(count, block->step, rows->login, rows->weight, closed,
                                            rows->result, rows->kernel);
    }
    if (reason == MAM_REASON_NONE) {
        explain_close(engine, count, closed, total, block->step);
        if (house) {
            block->house_planned = rows->result[count - 1];
            allocation.count = --count;
            closed -= block->house_planned;
        }
        allocation.planned = closed;
        block->short_reason = block->volume > total ? MAM_REASON_HOLDING : MAM_REASON_NONE;
    }
    return conclude(engine, block, &allocation, MAM_METHOD_HOLDINGS, reason);
}
