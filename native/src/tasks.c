/*
 * Closing what is open, one position a Clock: a flattening (kill switch) of a group or of the appliance, or a
 * leaving member's part of its group's positions. Each close is a block like the master's own, executed at
 * the LPs; the server hears of it by a RiskAlert and its MasterReports. What cannot be closed is tried again,
 * later and later, and as soon as what had no price is quoted, until it is closed; a person is told once.
 */
#include "state.h"

#define PASSES_MAX 10 /* over what refused closes left; then it is a person's */
#define PASS_NS INT64_C(1000000000)
#define TOLD_AFTER 2   /* passes that have left something */
#define DOUBLINGS 6    /* of the time between passes */
#define FLATTENINGS 8  /* of the tasks: kept for these, whoever leaves */
#define LOOKED_AT 4096 /* positions that one Clock looks at */

static bool same_task(const struct mam_task *task, uint32_t group, uint32_t account) {
    return !task->owed && task->group == group && task->account == account;
}

bool mam_task_add(struct mam_engine *engine, uint32_t group, uint32_t account) {
    uint32_t at = 0;
    while (at < engine->task_count && !same_task(&engine->tasks[at], group, account)) {
        at++;
    }
    uint32_t most = account != MAM_NONE ? MAM_TASKS - FLATTENINGS
                    : group != MAM_NONE ? MAM_TASKS - 2 /* the appliance's own, and what is owed */
                                        : MAM_TASKS;
    if (at == engine->task_count && at >= most) {
        return false;
    }
    engine->tasks[at] = (struct mam_task){
        .group = group, .account = account, .due = engine->now, .prices = engine->books.prices};
    engine->task_count += at == engine->task_count;
    engine->next_deadline = engine->now;
    mam_task_add_owed(engine, true);
    return true;
}

void mam_task_add_owed(struct mam_engine *engine, bool anew) {
    uint32_t at = 0;
    while (at < engine->task_count && !engine->tasks[at].owed) {
        at++;
    }
    if (!anew || at == MAM_TASKS || engine->owed_holdings == 0) {
        return; /* a person has been told; the next refusal, flattening or leaving begins again */
    }
    int64_t soon = engine->now + PASS_NS;
    if (at == engine->task_count) {
        engine->tasks[at] = (struct mam_task){.owed = 1, .group = MAM_NONE, .account = MAM_NONE, .due = soon};
        engine->task_count++;
    } else if (engine->tasks[at].due > soon) { /* never later: refusals that keep coming put nobody off */
        engine->tasks[at].due = soon;
    }
    engine->next_deadline =
        engine->tasks[at].due < engine->next_deadline ? engine->tasks[at].due : engine->next_deadline;
}

static void drop(struct mam_engine *engine, uint32_t at) {
    engine->task_count--;
    for (uint32_t i = at; i < engine->task_count; i++) {
        engine->tasks[i] = engine->tasks[i + 1];
    }
}

void mam_task_drop_member(struct mam_engine *engine, uint32_t group, uint32_t account) {
    for (uint32_t i = engine->task_count; i-- > 0;) {
        if (same_task(&engine->tasks[i], group, account)) {
            drop(engine, i);
        }
    }
}

/* What of a position the task is to close and nobody is closing yet. */
static int64_t open_volume(const struct mam_engine *engine, const struct mam_task *task, uint32_t position) {
    const struct mam_position_row *row = &engine->positions[position];
    if (!row->used || (task->group != MAM_NONE && row->group != task->group)) {
        return 0;
    }
    if (task->account != MAM_NONE) {
        uint32_t at = mam_holding_find(engine, position, task->account);
        return at == MAM_NONE ? 0 : mam_holding_free(&engine->holdings[at]);
    }
    int64_t volume = mam_house_free(engine, position);
    for (uint32_t at = row->first_holding; at != MAM_NONE; at = engine->holdings[at].next) {
        int64_t held = mam_holding_free(&engine->holdings[at]);
        volume += held > 0 ? held : 0;
    }
    return volume;
}

/* What a refused close left there: the client still holds it. */
static bool is_owed(const struct mam_engine *engine, const struct mam_task *task, uint32_t position) {
    const struct mam_position_row *row = &engine->positions[position];
    if (!row->used || row->owed == 0 || (task->group != MAM_NONE && row->group != task->group)) {
        return false;
    }
    uint32_t at = task->account == MAM_NONE ? MAM_NONE : mam_holding_find(engine, position, task->account);
    return task->account == MAM_NONE || (at != MAM_NONE && engine->holdings[at].owed > 0);
}

static bool blocks_open(const struct mam_engine *engine, const struct mam_task *task) {
    return task->group == MAM_NONE ? engine->counts.blocks_working > 0
                                   : engine->groups[task->group].open_blocks > 0;
}

/* What is left of a task, the most pressing last. */
enum { NOTHING, AT_WORK, OWED, LEFT };

/* The most pressing thing that is left of a task. */
static int look(const struct mam_engine *engine, const struct mam_task *task) {
    int found = blocks_open(engine, task) ? AT_WORK : NOTHING;
    for (uint32_t at = 0; at < engine->limits.holdings; at++) {
        if (open_volume(engine, task, at) > 0) {
            return LEFT;
        }
        found = is_owed(engine, task, at) ? OWED : found;
    }
    return found;
}

/* Tells every server of a flattening. */
static void tell(struct mam_engine *engine, const struct mam_task *task, uint8_t kind, uint16_t reason) {
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        if (engine->bridges[bridge].role == MAM_ROLE_BROKER) {
            struct mam_risk_alert alert;
            mam_risk_alert_init(&alert);
            alert.kind = kind;
            alert.reason = reason;
            alert.group = task->group == MAM_NONE ? 0 : engine->groups[task->group].id;
            mam_alert_send(engine, bridge, &alert);
        }
    }
}

/* Of a group, or (MAM_NONE) all flattenings. */
void mam_task_drop(struct mam_engine *engine, uint32_t group) {
    for (uint32_t i = engine->task_count; i-- > 0;) {
        const struct mam_task *task = &engine->tasks[i];
        if (!task->owed && task->account == MAM_NONE && (group == MAM_NONE || task->group == group)) {
            bool done = look(engine, task) == NOTHING;
            tell(engine, task, done ? MAM_ALERT_KIND_FLATTENED : MAM_ALERT_KIND_FLATTEN_DROPPED,
                 MAM_REASON_FLATTENED);
            drop(engine, i);
        }
    }
}

/* A pass is over. While closes are at work it is looked every second whether they have left nothing; else the
 * next pass is later and later. False: nothing is left, and nothing can come any more. */
static bool pass_over(struct mam_engine *engine, struct mam_task *task) {
    int left = look(engine, task);
    if (left == NOTHING) {
        if (task->account == MAM_NONE) {
            tell(engine, task, MAM_ALERT_KIND_FLATTENED, MAM_REASON_FLATTENED);
        }
        return false;
    }
    if (!task->waits) {
        task->waits = 1;
        task->retry = engine->now + (PASS_NS << (task->passes < DOUBLINGS ? task->passes : DOUBLINGS));
        task->passes = (uint8_t)(task->passes + ((left >= OWED || task->tried) && task->passes < UINT8_MAX));
        mam_task_add_owed(engine, true);
    }
    if (task->retry <= engine->now) {
        task->position = 0;
        task->waits = task->tried = 0;
        task->prices = engine->books.prices;
    }
    int64_t soon = engine->now + PASS_NS;
    task->due = blocks_open(engine, task) && soon < task->retry ? soon : task->retry;
    return true;
}

/* A person is told what a task cannot close. */
static void tell_waits(struct mam_engine *engine, const struct mam_task *task,
                       const struct mam_position_row *row, int64_t volume, bool priced) {
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = MAM_ALERT_KIND_FLATTEN_WAITS;
    alert.reason = priced ? MAM_REASON_NO_LIQUIDITY : MAM_REASON_NO_QUOTE;
    alert.group = engine->groups[row->group].id;
    alert.login = task->account == MAM_NONE ? 0 : engine->accounts[task->account].login;
    alert.instrument = engine->instruments[row->instrument].definition.instrument;
    alert.measured = volume;
    mam_alert_send(engine, row->bridge, &alert);
}

/* --- What refused closes left --- */

/* Closes what one holder of the position is owed. False: nothing is owed there that can be closed now. */
static bool close_owed(struct mam_engine *engine, uint32_t position, uint8_t pass) {
    const struct mam_position_row *row = &engine->positions[position];
    for (uint32_t at = row->first_holding; row->used && row->owed > 0 && at != MAM_NONE;
         at = engine->holdings[at].next) {
        struct mam_holding *holding = &engine->holdings[at];
        if (holding->owed > 0 && holding->tried != pass) {
            holding->tried = pass;
            if (mam_close_owed(engine, at)) {
                return true;
            }
        }
    }
    return false;
}

/* After 1, 2, 4 ... seconds; at last a person is told once more. */
static bool next_owed_pass(struct mam_engine *engine, struct mam_task *task) {
    if (engine->owed_holdings == 0) {
        return false;
    }
    task->passes++;
    if (task->passes == PASSES_MAX) {
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_NOT_CLOSED, MAM_REASON_NOT_CLOSED, 0, 0);
        return false;
    }
    task->position = 0;
    task->due = engine->now + (PASS_NS << task->passes);
    return true;
}

static bool run_owed(struct mam_engine *engine, struct mam_task *task) {
    for (uint32_t n = 0; n < LOOKED_AT && engine->owed_holdings > 0; n++) {
        if (task->position == engine->limits.holdings) {
            return next_owed_pass(engine, task);
        }
        if (close_owed(engine, task->position, (uint8_t)(task->passes + 1))) {
            return true; /* it may owe others too */
        }
        task->position++;
    }
    return engine->owed_holdings > 0;
}

/* Begins to close a position, if it can be closed now. */
static void try_close(struct mam_engine *engine, struct mam_task *task, uint32_t position, int64_t volume) {
    const struct mam_position_row *row = &engine->positions[position];
    bool priced = mam_position_priced(engine, position);
    if (task->passes == TOLD_AFTER) {
        tell_waits(engine, task, row, volume, priced);
    }
    if (!priced) {
        engine->books.instruments[row->instrument].wanted = 1;
        task->unpriced = 1;
    }
    uint16_t reason = task->account == MAM_NONE ? MAM_REASON_FLATTENED : MAM_REASON_LEFT;
    task->tried |= mam_close_position(engine, position, task->account, volume, reason);
}

/* Closes at most one position. False: the task is over. */
static bool run(struct mam_engine *engine, struct mam_task *task) {
    if (task->owed) {
        return run_owed(engine, task);
    }
    for (uint32_t n = 0; n < LOOKED_AT; n++) {
        if (task->position == engine->limits.holdings) {
            return pass_over(engine, task);
        }
        uint32_t position = task->position++;
        int64_t volume = open_volume(engine, task, position);
        if (volume > 0) {
            try_close(engine, task, position, volume);
            return true;
        }
    }
    return true;
}

/* What a task found without a price may have one now. */
static void see_prices(const struct mam_engine *engine, struct mam_task *task) {
    if (task->waits && task->unpriced && task->prices != engine->books.prices) {
        task->unpriced = 0;
        task->retry = task->due = engine->now;
    }
}

int64_t mam_tasks_run(struct mam_engine *engine) {
    for (uint32_t i = 0; i < engine->task_count; i++) {
        see_prices(engine, &engine->tasks[i]);
    }
    for (uint32_t i = 0; i < engine->task_count; i++) {
        if (engine->tasks[i].due <= engine->now) {
            if (!run(engine, &engine->tasks[i])) {
                drop(engine, i);
            }
            break;
        }
    }
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < engine->task_count; i++) {
        next = engine->tasks[i].due < next ? engine->tasks[i].due : next;
    }
    return next;
}
