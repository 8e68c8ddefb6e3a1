#include "block_table.h"

#include "state.h"

#define STATES (MAM_BLOCK_STATUS_ROLLING_BACK + 1)
#define GONE                                                                                                 \
    MAM_BLOCK_STATUS_FRESH /* the row of blocks that are no longer, or never were, in the table of blocks */

_Static_assert((int)MAM_EVENT_STATUS == (int)MAM_EXECUTION_KIND_STATUS, "executions first");
_Static_assert((int)MAM_EVENT_UNKNOWN == MAM_EVENT_BOOKED + (int)MAM_BOOKING_STATUS_UNKNOWN, "then bookings");

/*
 * Planned, filled and partial are passed within one message, and done, rejected and rolled_back are the last
 * of a block: no message ever meets them.
 */
struct action {
    mam_block_handler handler; /* NULL: impossible */
    const char *name;          /* as it stands in the drawn table */
};
#define DO(name) {mam_##name, #name}

static const struct action TABLE[STATES][MAM_EVENTS] = {
    [GONE] =
        {
            [MAM_EVENT_TRADE] = DO(late_trade),
            [MAM_EVENT_REJECTED] = DO(late_end),
            [MAM_EVENT_ENDED] = DO(late_end),
            [MAM_EVENT_CORRECT] = DO(late_correct),
            [MAM_EVENT_BUST] = DO(late_bust),
            [MAM_EVENT_STATUS] = DO(late_status),
            [MAM_EVENT_BOOKED] = DO(late_booked),
            [MAM_EVENT_REFUSED] = DO(late_refused),
            [MAM_EVENT_CANCEL] = DO(cancel_gone),
        },
    [MAM_BLOCK_STATUS_WORKING] =
        {
            [MAM_EVENT_TRADE] = DO(take_trade),
            [MAM_EVENT_REJECTED] = DO(take_rejected),
            [MAM_EVENT_ENDED] = DO(take_ended),
            [MAM_EVENT_CORRECT] = DO(take_correct),
            [MAM_EVENT_BUST] = DO(take_bust),
            [MAM_EVENT_STATUS] = DO(take_status),
            [MAM_EVENT_CANCEL] = DO(cancel_working),
            [MAM_EVENT_KILL] = DO(kill_working),
            [MAM_EVENT_CLOCK] = DO(clock_legs),
        },
    [MAM_BLOCK_STATUS_ROLLING_BACK] =
        {
            [MAM_EVENT_TRADE] = DO(take_trade),
            [MAM_EVENT_REJECTED] = DO(take_rejected),
            [MAM_EVENT_ENDED] = DO(take_ended),
            [MAM_EVENT_CORRECT] = DO(take_correct),
            [MAM_EVENT_BUST] = DO(take_bust),
            [MAM_EVENT_STATUS] = DO(take_status),
            [MAM_EVENT_CANCEL] = DO(cancel_late),
            [MAM_EVENT_KILL] = DO(kill_later),
            [MAM_EVENT_CLOCK] = DO(clock_legs),
        },
    [MAM_BLOCK_STATUS_ALLOCATING] =
        {
            [MAM_EVENT_TRADE] = DO(take_trade),
            [MAM_EVENT_REJECTED] = DO(take_rejected),
            [MAM_EVENT_ENDED] = DO(take_ended),
            [MAM_EVENT_CORRECT] = DO(take_correct),
            [MAM_EVENT_BUST] = DO(take_bust),
            [MAM_EVENT_STATUS] = DO(take_status),
            [MAM_EVENT_BOOKED] = DO(take_booked),
            [MAM_EVENT_REFUSED] = DO(take_refused),
            [MAM_EVENT_RETRY] = DO(take_retry),
            [MAM_EVENT_UNKNOWN] = DO(take_unknown),
            [MAM_EVENT_CANCEL] = DO(cancel_late),
            [MAM_EVENT_KILL] = DO(kill_later),
            [MAM_EVENT_CLOCK] = DO(clock_allocating),
        },
};

uint16_t mam_impossible(struct mam_engine *engine, uint32_t block, uint64_t login, uint16_t reason) {
    engine->counts.impossible++;
    bool broker = engine->bridges[engine->bridge].role == MAM_ROLE_BROKER;
    mam_alert(engine, broker ? engine->bridge : MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_IMPOSSIBLE, reason, block,
              login);
    return reason;
}

uint16_t mam_block_event(struct mam_engine *engine, struct mam_block *block, enum mam_block_event event,
                         const void *message, uint16_t *field, uint32_t id, uint64_t login) {
    mam_block_handler handler = TABLE[block == NULL ? GONE : block->status][event].handler;
    if (handler == NULL) {
        return mam_impossible(engine, id, login,
                              block == NULL ? MAM_REASON_UNKNOWN_BLOCK : MAM_REASON_WRONG_STATE);
    }
    return handler(engine, block, message, field);
}

const char *mam_block_action(uint32_t status, uint32_t event) {
    const struct action *action = status < STATES && event < MAM_EVENTS ? &TABLE[status][event] : NULL;
    return action == NULL || action->name == NULL ? "" : action->name;
}
