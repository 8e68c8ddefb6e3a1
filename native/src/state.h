/*
 * The engine's state: private to the engine's own files. Plain arrays of fixed size, joined by indexes, so
 * that it can be copied, compared and rebuilt. MAM_NONE is "no index".
 *
 * Invariants (asserted in audit.c after every message that touches a block):
 *   block:    sum of children's assigned volumes + house = filled          (law 1)
 *             assigned never falls while legs work; = planned at full fill (law 2)
 *             every Booking of a block carries the block's price           (law 3)
 *             the Plan was emitted before the first Leg or Booking         (law 4)
 *   position: sum of its holdings' volumes + house holding = the master's volume
 *   holding:  volume >= 0; a close takes its volume out when it is assigned, a refusal puts it back
 */
#ifndef MAM_STATE_H
#define MAM_STATE_H

#include <mam/messages.h>
#include <stdbool.h>

#include "assert.h"
#include "engine.h"
#include "extents.h"
#include "table.h"
#include "terms.h"

#define MAM_NONE UINT32_MAX
#define MAM_CURRENCIES 64
#define MAM_PRICE_MAX (INT64_MAX / 4) /* room to add two prices, and a price and a deviation */
#define MAM_VOLUME_MAX                                                                                       \
    (INT64_MAX / 4) /* of all that is ever traded of one position: no sum of its parts overflows */

#define MAM_ROLE_HOST 4 /* beside the roles of mam/directory.h: the engine's own host, bridge 0 */

struct mam_bridge_state {
    uint64_t in_sequence;  /* last one consumed */
    uint64_t out_sequence; /* last one emitted */
    uint8_t role;          /* 0: not opened */
    char name[32];
};

struct mam_quote_state {
    int64_t bid, ask, bid_volume, ask_volume; /* bid 0: no quote */
    int64_t time;
};

struct mam_instrument_state {
    struct mam_instrument definition;
    uint32_t bridge;
    uint8_t base, profit, margin; /* currency indexes */
};

struct mam_account_state_row {
    uint64_t login;
    int64_t balance, credit, equity, margin;
    int64_t exposure;   /* what its positions are worth, in its currency */
    int64_t state_time; /* of the last AccountState */
    uint32_t leverage;
    uint32_t bridge;
    uint8_t currency, trade_mode, margin_mode;
    uint8_t has_state, out_of_sync;
    struct mam_account definition;
};

struct mam_group_state {
    uint32_t id;
    uint32_t first_member, last_member, member_count; /* in the order of joining */
    uint32_t open_blocks;
    uint8_t currency;
    uint8_t killed;
    struct mam_group_policy policy;
};

struct mam_member_state {
    uint32_t group, account;
    uint32_t next;
    uint8_t status;
    struct mam_member terms;
};

/* A master's open position and who holds how much of it. */
struct mam_position_row {
    uint64_t ticket;
    uint32_t group, instrument;
    uint8_t side, used;
    uint32_t first_holding, holding_count;
    uint32_t open_blocks;   /* blocks at work on it */
    int64_t traded;         /* opened and closed so far; at most MAM_VOLUME_MAX */
    int64_t house_reserved; /* of house: closes that are being executed may take it */
    int64_t house;          /* volume that no child holds */
};

struct mam_holding {
    uint32_t position, account;
    uint32_t next, previous;
    int64_t volume;                          /* assigned by opens, less what closes have taken out */
    int64_t reserved;                        /* of volume: closes that are being executed may take it */
    uint64_t ticket;                         /* the child's position at the server; 0: not known yet */
    int64_t unconfirmed;                     /* opens that the server has not answered */
    uint32_t pending;                        /* bookings without an answer, and deferred ones */
    uint32_t deferred_block, deferred_child; /* first child that waits for the ticket */
};

enum mam_child_status {
    MAM_CHILD_PLANNED,  /* nothing asked of the server yet */
    MAM_CHILD_DEFERRED, /* a close that waits for its ticket */
    MAM_CHILD_ASKED,    /* Booking sent, no answer */
    MAM_CHILD_UNKNOWN,  /* the server does not know, or did not answer in time */
    MAM_CHILD_BOOKED,
    MAM_CHILD_REFUSED,
};

struct mam_child {
    uint64_t login;
    uint32_t account, member, holding;
    uint32_t deferred_block, deferred_child; /* next in the holding's queue */
    int64_t planned, assigned;
    int64_t carry; /* what the plan changed of its carry */
    uint64_t deal; /* the server's number of its booking */
    uint8_t status;
    uint8_t tries;
};

struct mam_leg_state {
    uint32_t bridge;
    uint8_t status; /* enum leg_status of legs.c */
    int64_t volume, cumulative;
};

struct mam_block {
    uint32_t id;
    uint32_t group, instrument, bridge, position;
    uint32_t next, previous; /* blocks at work, oldest first */
    uint64_t order, deal;
    int64_t volume;        /* the master's */
    int64_t planned;       /* sum of the children's plans */
    int64_t house_planned; /* a close: what the house holds and closes with them */
    int64_t filled, allocated, house;
    int64_t step, minimum, tick; /* the instrument's when the block was made: frozen, as the plan is */
    int64_t reference_price, deviation, price_limit, stop_loss;
    int64_t price;                             /* of the children, once known */
    int64_t residue;                           /* 1e-16 price x lot that rounding it left */
    __int128 notional;                         /* sum of price x volume of the fills */
    int64_t deadline;                          /* INT64_MAX: none */
    uint32_t first_child, child_count, extent; /* extent: children taken from the pool */
    uint32_t asked, answered;                  /* bookings */
    uint32_t leg_count;
    uint8_t status, side, entry, execution, plan_emitted, cancelled;
    uint8_t reserved; /* a close that is being executed: its plan is reserved in the holdings */
    uint16_t reason;
    struct mam_leg_state legs[MAM_BRIDGES_MAX];
    struct mam_group_policy policy; /* frozen */
};

/* Structure-of-arrays scratch for one plan, as long as the largest group. */
struct mam_scratch_rows {
    uint32_t *member, *account, *holding;
    uint64_t *login;
    int64_t *measure, *weight, *cap, *equity, *carry;
    uint16_t *excluded, *reason, *cap_reason;
    uint8_t *binding, *capped;
    int64_t *quota, *floor_volume, *remainder, *result, *held;
    void *kernel; /* the allocation kernel's own */
};

struct mam_engine {
    struct mam_capacities limits;
    struct mam_engine_counts counts;
    mam_put_fn put;
    void *context;
    int64_t now;
    int64_t next_deadline; /* no timer runs out before this */
    uint64_t journal_sequence;
    uint32_t bridge; /* source of the message at hand */
    uint32_t block_id;
    uint8_t halted, killed;
    uint8_t log_behind; /* the host says that the log is too far behind: no new orders */

    char currencies[MAM_CURRENCIES][8];
    uint32_t currency_count;

    struct mam_bridge_state bridges[MAM_BRIDGES_MAX + 1];
    struct mam_instrument_state *instruments;
    struct mam_quote_state *quotes; /* instrument x bridge */
    struct mam_account_state_row *accounts;
    struct mam_group_state *groups;
    struct mam_member_state *members;
    struct mam_position_row *positions;
    struct mam_holding *holdings;
    struct mam_block *blocks;
    struct mam_child *children;
    int64_t *carries; /* instrument x member: 1e-8 lot that rounding still owes */

    struct mam_table instrument_by_id, account_by_login, group_by_id, member_by_key, position_by_key,
        holding_by_key, block_by_id, seen;
    uint64_t *history; /* ring of remembered keys */
    uint32_t history_next, history_count;
    uint32_t instrument_count, account_count, group_count, member_count;
    uint32_t free_position, free_holding, free_block; /* lists through first_holding, next, next */
    uint32_t first_block, last_block;
    struct mam_extents extents;
    struct mam_scratch_rows rows;
    struct mam_terms terms; /* of the plan that is being made */
};

/* --- emit.c: what leaves --- */
void mam_emit(struct mam_engine *engine, uint32_t bridge, void *message, uint32_t length);
void mam_reject(struct mam_engine *engine, const void *message, uint16_t reason, uint16_t field_id);
void mam_alert(struct mam_engine *engine, uint32_t bridge, uint8_t kind, uint16_t reason, uint32_t block,
               uint64_t login);
/* Counts a violation of law 1 … 10, alarms, and stops trading. */
void mam_law_broken(struct mam_engine *engine, uint32_t law, uint32_t block);

/* --- reference.c: what the server and control tell --- */
uint16_t mam_on_instrument(struct mam_engine *engine, const struct mam_instrument *message, uint16_t *field);
uint16_t mam_on_account(struct mam_engine *engine, const struct mam_account *message, uint16_t *field);
uint16_t mam_on_account_state(struct mam_engine *engine, const struct mam_account_state *message,
                              uint16_t *field);
uint16_t mam_on_group_policy(struct mam_engine *engine, const struct mam_group_policy *message,
                             uint16_t *field);
uint16_t mam_on_member(struct mam_engine *engine, const struct mam_member *message, uint16_t *field);
uint16_t mam_on_kill_switch(struct mam_engine *engine, const struct mam_kill_switch *message,
                            uint16_t *field);

/* --- market.c: quotes --- */
uint16_t mam_on_quote(struct mam_engine *engine, const struct mam_quote *message, uint16_t *field);
struct mam_quote_state *mam_quote_at(struct mam_engine *engine, uint32_t instrument, uint32_t bridge);

/* --- plan.c: who takes part, and how much of it --- */
/* Plans an opening block into its children and emits Plan and PlanMember. The block shrinks to what can be
 * placed. */
uint16_t mam_plan_opening(struct mam_engine *engine, struct mam_block *block);
/* The same for a closing block, by holdings. */
uint16_t mam_plan_closing(struct mam_engine *engine, struct mam_block *block);

/* --- block.c: a block's life --- */
uint16_t mam_on_master_deal(struct mam_engine *engine, const struct mam_master_deal *message,
                            uint16_t *field);
uint16_t mam_on_master_order(struct mam_engine *engine, const struct mam_master_order *message,
                             uint16_t *field);
uint16_t mam_on_master_cancel(struct mam_engine *engine, const struct mam_master_cancel *message,
                              uint16_t *field);
void mam_block_change(struct mam_engine *engine, struct mam_block *block, uint8_t status, uint16_t reason);
void mam_block_report(struct mam_engine *engine, const struct mam_block *block);
/* The legs are over: rejected if nothing was filled, else on to the children. */
void mam_block_executed(struct mam_engine *engine, struct mam_block *block, uint16_t reason);
void mam_block_allocate(struct mam_engine *engine, struct mam_block *block);
void mam_block_finish_if_answered(struct mam_engine *engine, struct mam_block *block);
void mam_block_deadline(struct mam_engine *engine, struct mam_block *block, uint32_t milliseconds);
void mam_block_on_clock(struct mam_engine *engine);
void mam_block_law_check(struct mam_engine *engine, const struct mam_block *block);

/* --- carry.c: what rounding owes --- */
int64_t *mam_carry_at(struct mam_engine *engine, uint32_t instrument, uint32_t member);
/* After a plan: its first `count` rows' carries are the members'. */
void mam_carry_keep(struct mam_engine *engine, const struct mam_block *block, uint32_t count);
/* Nothing was executed: the carries are as before the plan. */
void mam_carry_undo(struct mam_engine *engine, const struct mam_block *block);
static inline bool mam_carry_kept(const struct mam_block *block) {
    return block->policy.rounding == MAM_ROUNDING_CARRY && block->entry == MAM_ENTRY_OPENING;
}
/* Less than planned was executed: only that part of the plan's carry stands; the rounding of the fill comes
 * on top. */
void mam_carry_scale(struct mam_engine *engine, const struct mam_block *block);

/* --- divide.c: what was filled, over the children --- */
/* After each fill: every child's exact share of it, to within one step, never less than before (law 2). */
void mam_entitle(struct mam_engine *engine, struct mam_block *block);
/* At the end: final volumes (minimum volumes kept), the children's price, the house's part. */
void mam_settle(struct mam_engine *engine, struct mam_block *block);

/* --- legs.c: execution at LPs --- */
uint16_t mam_on_execution(struct mam_engine *engine, const struct mam_execution *message, uint16_t *field);
/* Sends the block's next leg; false: nobody quotes within its limit. */
bool mam_leg_send_next(struct mam_engine *engine, struct mam_block *block);
void mam_leg_cancel(struct mam_engine *engine, struct mam_block *block);
void mam_leg_timeout(struct mam_engine *engine, struct mam_block *block);

/* --- booking.c: the children at the server --- */
uint16_t mam_on_booking_report(struct mam_engine *engine, const struct mam_booking_report *message,
                               uint16_t *field);
/* A close that LPs execute: what it plans to take is not planned for another close. */
void mam_reserve(struct mam_engine *engine, struct mam_block *block);
void mam_unreserve(struct mam_engine *engine, struct mam_block *block);
/* Sends the Booking of every child that has volume. */
void mam_book_children(struct mam_engine *engine, struct mam_block *block);
void mam_booking_timeout(struct mam_engine *engine, struct mam_block *block);

/* --- position.c: the master's positions and their holders --- */
uint32_t mam_position_find(const struct mam_engine *engine, uint32_t group, uint64_t ticket);
/* Is there room for a new position of that ticket? */
bool mam_position_fits(const struct mam_engine *engine, uint32_t group, uint64_t ticket);
/* Only where it fits. */
uint32_t mam_position_open(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint64_t ticket,
                           uint8_t side);
uint32_t mam_holding_find(const struct mam_engine *engine, uint32_t position, uint32_t account);
uint32_t mam_holding_open(struct mam_engine *engine, uint32_t position, uint32_t account);
/* Frees holdings and the position itself when nothing is left in them. */
void mam_position_sweep(struct mam_engine *engine, uint32_t position);

/* --- small look-ups (engine.c) --- */
struct mam_block *mam_block_find(struct mam_engine *engine, uint32_t id);
uint8_t mam_currency(struct mam_engine *engine, const char *name); /* UINT8_MAX: table full */
uint32_t mam_group_find(const struct mam_engine *engine, uint32_t id);
/* Remembers a ticket of a bridge; false: it was seen before. */
bool mam_remember(struct mam_engine *engine, uint32_t bridge, uint8_t family, uint64_t ticket);

/* What is to be executed: the children's part and the house's. */
static inline int64_t mam_block_target(const struct mam_block *block) {
    return block->planned + block->house_planned;
}

static inline bool mam_is_multiple(int64_t volume, int64_t step) {
    return step > 0 && volume % step == 0;
}

#endif
