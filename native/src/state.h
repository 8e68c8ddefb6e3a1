/*
 * The engine's state: private to the engine's own files. Plain arrays of fixed size, joined by indexes, so
 * that it can be copied, compared and rebuilt. MAM_NONE is "no index".
 *
 * Invariants (block: asserted in block.c as it changes; all: native/tests/engine_audit.h recounts every
 * table): block:    sum of children's assigned volumes + house = filled          (law 1) assigned never falls
 * while legs work; = planned at full fill (law 2) every Booking of a block carries the block's price, or
 * under per_fill one of its prices (law 3) the Plan was emitted before the first Leg or Booking         (law
 * 4) position: sum of its holdings' volumes + house holding = the master's volume holding:  volume >= 0; a
 * close takes its volume out when it is assigned, a refusal puts it back, and owes it
 */
#ifndef MAM_STATE_H
#define MAM_STATE_H

#include <mam/messages.h>
#include <stdbool.h>

#include "assert.h"
#include "block_table.h"
#include "books.h"
#include "engine.h"
#include "extents.h"
#include "leg_sum.h"
#include "ratio.h"
#include "table.h"
#include "terms.h"

#define MAM_NONE UINT32_MAX
#define MAM_CURRENCIES 64
#define MAM_PRICE_MAX (INT64_MAX / 4) /* room to add two prices, and a price and a deviation */
#define MAM_VOLUME_MAX                                                                                       \
    (INT64_MAX / 4) /* of all that is ever traded of one position: no sum of its parts overflows */

#define MAM_LEVELS 8             /* of one LP's book of one instrument */
#define MAM_LEGS_MAX 64          /* of one block, with those that trade it out again */
#define MAM_LEGS_EXECUTE 48      /* of these, for the order itself */
#define MAM_ROUNDS_MAX 3         /* how often refused volume is offered to other members */
#define MAM_BOOKING_WINDOW 65536 /* unanswered bookings of one server, where Limits say nothing else */
#define MAM_BATCH 128            /* bookings of one call, where ServerTerms say nothing else */
#define MAM_PRICES_MAX 32        /* prices of a block's fills that `per_fill` keeps apart */
#define MAM_PRICES                                                                                           \
    (MAM_PRICES_MAX + 1 + MAM_ROUNDS_MAX) /* and the average of what is told, and of what is offered again   \
                                           */
#define MAM_TASKS 64                      /* flattenings and leavings under way */
#define MAM_CLOCK_BLOCKS 16               /* blocks that one Clock works on; the rest come with the next */
#define MAM_RELEASE 256                   /* queued bookings that one message releases at most */

#define MAM_ROLE_HOST 4 /* beside the roles of mam/directory.h: the engine's own host, bridge 0 */

struct mam_bridge_state {
    uint64_t in_sequence;         /* last one consumed */
    uint64_t out_sequence;        /* last one emitted */
    uint64_t skipped, skipped_to; /* numbers left out when memory was lost: after the one, up to the other */
    uint8_t role;                 /* 0: not opened */
    char name[32];
    uint32_t unknown_legs;       /* an LP: legs whose outcome is unknown; no new ones while there are any */
    uint32_t unanswered;         /* a server: bookings asked for, without a definite answer */
    uint32_t unknown_bookings;   /* of these: silent or unknown; no new ones while there are any */
    uint32_t window, batch_size; /* ServerTerms; 0: none told */
    uint32_t batch, in_batch;    /* number of the newest batch, and how many are in it */
    int64_t batch_input;         /* the input that it answers: a batch never waits for another */
    uint8_t platform;            /* whose return codes */
    uint32_t first_block, first_child, last_block, last_child; /* bookings that wait for room, oldest first */
    uint32_t queued;                                           /* how many */
};

struct mam_quote_state {
    int64_t bid, ask, bid_volume, ask_volume; /* bid 0: no quote */
    int64_t time;
};

/* Pre-trade controls of a group, or of the appliance; 0: none. */
struct mam_limits_state {
    int64_t max_volume, collar;
    uint32_t orders_per_second, orders; /* orders: in that second */
    int64_t second;
    int64_t daily_loss;             /* 0: none */
    int64_t forgiven, forgiven_day; /* the loss when a person enabled it again, and of which day */
    uint8_t loss_stopped;           /* the day's loss came to the limit */
};

struct mam_instrument_state {
    struct mam_instrument definition;
    uint32_t bridge;
    uint8_t base, profit, margin; /* currency indexes */
};

struct mam_account_state_row {
    uint64_t login;
    int64_t balance, credit;
    int64_t equity, margin; /* of the moment it was last valued (mam_account_refresh) */
    int64_t free_margin;
    int64_t state_time;      /* of the last AccountState */
    int64_t day, day_equity; /* daily.c: the day that has begun for it, and its equity then */
    uint32_t leverage;
    uint32_t bridge;
    uint8_t currency, trade_mode, margin_mode;
    uint8_t has_state, out_of_sync;
    uint32_t first_holding; /* of all that it holds, newest first */
    struct mam_account definition;
};

struct mam_group_state {
    uint32_t id;
    uint32_t first_member, last_member, member_count; /* in the order of joining */
    uint32_t present;                                 /* of these: have not left */
    uint32_t open_blocks;
    uint8_t currency;
    uint8_t killed;
    struct mam_limits_state limits;
    struct mam_group_policy policy;
};

struct mam_member_state {
    uint32_t group, account;
    uint32_t next;
    uint32_t row; /* in the last plan of its group */
    uint8_t status;
    struct mam_member terms;
};

/* A master's open position and who holds how much of it. */
struct mam_position_row {
    uint64_t ticket;
    uint32_t group, instrument;
    uint32_t bridge; /* the server that reported the master's trade */
    uint8_t side, used;
    uint32_t first_holding, holding_count;
    uint32_t open_blocks;   /* blocks at work on it */
    int64_t traded;         /* opened and closed so far; at most MAM_VOLUME_MAX */
    int64_t house_reserved; /* of house: closes that are being executed may take it, or it is traded out */
    int64_t house;          /* volume that no child holds; less what it closed for clients who are owed */
    int64_t owed;           /* sum of its holdings' */
};

struct mam_holding {
    uint32_t position, account;
    uint32_t next, previous;
    uint32_t account_next, account_previous; /* of the account's */
    int64_t volume;                          /* assigned by opens, less what closes have taken out */
    int64_t reserved;                        /* of volume: closes that are being executed may take it */
    uint64_t ticket;                         /* the child's position at the server; 0: not known yet */
    int64_t unconfirmed;                     /* opens that the server has not answered */
    int64_t owed;           /* of volume: closed for the master, refused by the server; the house is short */
    __int128 owed_notional; /* sum of price x volume of it */
    uint32_t pending;       /* bookings without an answer, and deferred ones */
    uint8_t several;        /* hedging: opened under more than one ticket; its rows in the books have them */
    uint8_t close_pass;     /* the pass of a close-out in which it was tried last; 0: not yet */
    uint8_t tried;          /* the pass in which what is owed was tried last; 0: not yet */
    uint32_t deferred_block, deferred_child; /* first child that waits for the ticket */
};

enum mam_child_status {
    MAM_CHILD_PLANNED,  /* nothing asked of the server yet */
    MAM_CHILD_DEFERRED, /* a close that waits for its ticket */
    MAM_CHILD_PUT_OFF,  /* the server wants to be asked again, later */
    MAM_CHILD_QUEUED,   /* waits for room in the server's window, or until its outcomes are known */
    MAM_CHILD_ASKED,    /* Booking sent, no answer */
    MAM_CHILD_UNKNOWN,  /* the server does not know, or did not answer in time */
    MAM_CHILD_BOOKED,
    MAM_CHILD_REFUSED,
};

struct mam_child {
    uint64_t login;
    uint32_t account, member, holding;
    uint32_t deferred_block, deferred_child; /* next in the holding's queue, or in the server's */
    int64_t sent; /* when its Booking left last; put off: when it is to leave again */
    int64_t planned, assigned;
    int64_t
        rest; /* of assigned: a close that goes on with the account's next ticket, when this one is booked */
    int64_t carry;   /* what the plan changed of its carry */
    int64_t minimum; /* its least tradable volume when it was planned */
    uint64_t deal;   /* the server's number of its booking */
    uint32_t row;    /* of books, plus 1: what it opens or closes there */
    uint8_t status;
    uint8_t tries;
    uint8_t price;   /* of the block's prices, plus 1; 0: the block's own */
    uint8_t further; /* a part at a further price, whose PlanMember leaves with its Booking */
};

/* per_fill: what was filled at one price; once that is divided, what the server refused of it. */
struct mam_block_price {
    int64_t price, volume;
};

enum mam_leg_status { MAM_LEG_WORKING = 1, MAM_LEG_UNKNOWN, MAM_LEG_ENDED };
enum mam_leg_purpose { MAM_LEG_EXECUTE, MAM_LEG_REVERSE };

struct mam_leg_state {
    uint32_t bridge;
    uint8_t status;  /* enum mam_leg_status */
    uint8_t purpose; /* enum mam_leg_purpose */
    uint8_t side;
    uint8_t over;    /* the LP has said that nothing more will come */
    uint8_t asked;   /* status requests so far */
    uint8_t again;   /* the LP may be tried again for this block */
    uint8_t alarmed; /* a person knows that it is silent */
    int64_t volume;
    struct mam_leg_sum sum;
    int64_t told_in_block;  /* of sum.by_status: what the block has */
    __int128 told_notional; /* of the block's notional: what the averages made of that */
    int64_t sent, deadline;
};

/* A fill as it was reported, remembered against repeats and for corrections. */
struct mam_fill {
    uint64_t execution, replaced_by;
    int64_t volume, price;
    int64_t in_block; /* of volume: what the block has; the rest is the house's */
    uint32_t block, leg, bridge;
    uint8_t status; /* enum mam_fill_status */
};

enum mam_fill_status { MAM_FILL_REPORT, MAM_FILL_LIVE, MAM_FILL_UNDONE };

/* A leg of a block that is gone: what comes late is still told apart from nonsense. */
struct mam_old_leg {
    uint32_t block, leg, bridge, instrument, to;
    uint8_t side;
    struct mam_leg_sum sum;
};

/* The answers to a block's Bookings, kept when it is gone: a repeat is told apart from nonsense. */
struct mam_old_block {
    uint32_t block, child_count;
    uint64_t first; /* number of its first answer, of all that were ever kept */
};

#define MAM_OLD_REFUSED UINT64_MAX

struct mam_old_answer {
    uint64_t login; /* 0: nothing was asked of it */
    uint64_t deal;  /* MAM_OLD_REFUSED: none */
};

/* Closes that are made one after the other, each with a Clock of its own. */
struct mam_task {
    uint8_t owed;          /* what refused closes left, of all; group and account are MAM_NONE */
    uint32_t group;        /* MAM_NONE: all */
    uint32_t account;      /* MAM_NONE: everybody's part is closed (flatten); else that one's (leaving) */
    uint32_t position;     /* the next to be looked at */
    uint8_t passes, tried; /* tried: to close something, in this pass */
    uint8_t unpriced;      /* something had no price */
    uint8_t waits;         /* the pass is over, the next one begins at `retry` */
    uint64_t prices;       /* books.prices when the pass began */
    int64_t due, retry;
};

struct mam_block {
    uint32_t id;
    uint32_t group, instrument, bridge, position;
    uint32_t next, previous; /* blocks at work, oldest first */
    uint64_t order, deal;
    uint32_t only;         /* a close of one account's part; else MAM_NONE */
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
    uint32_t leg_count, open_legs;             /* open: working or unknown */
    int64_t opens;                             /* reversing: what follows when all of this is closed */
    int64_t until;                             /* no leg is sent after this; INT64_MAX: no limit */
    int64_t query_due;                         /* when the server is asked again; 0: nothing is unknown */
    int64_t refused;                           /* of the house's: what refused bookings left there */
    int64_t to_reverse;                        /* what legs are still to trade out again */
    int64_t executed;                          /* all that went into notional */
    uint16_t own_reason;                       /* of a close of the engine's own */
    uint16_t short_reason;                     /* why the plan is smaller than the order */
    uint16_t stopped;                          /* why no more legs are sent: cancelled, killed, out of time */
    uint16_t leg_reason;                       /* why the last leg ended short */
    uint8_t status, side, entry, execution, plan_emitted;
    uint8_t cancel_sent, rounds;
    uint8_t queries;    /* so far, since something became unknown */
    uint8_t in_books;   /* children are in the books as MAM_PLANNED */
    uint8_t covers;     /* a close of what one account is owed, out of what the house closed for it */
    uint8_t unwinding;  /* refused volume is traded out again: 1 to be begun, 2 legs are out, 3 over */
    uint8_t reserved;   /* a close that is being executed: its plan is reserved in the holdings */
    uint8_t carry_over; /* what its plan changed was forgotten: it takes nothing back */
    uint8_t price_count;
    uint8_t worst_first;     /* the order in which its prices are given */
    uint8_t mixed;           /* the children are at the block's prices, not at its one price */
    uint16_t unmixed_reason; /* per_fill: why they are at one price all the same */
    int64_t told;            /* per_fill: filled at prices that only a status answer's average tells, … */
    __int128 told_notional;  /* … and their sum of price x volume */
    uint16_t reason;
    struct mam_group_policy policy; /* frozen */
    struct mam_leg_state
        legs[MAM_LEGS_MAX]; /* leg_count of them mean something; last, so that no more is cleared */
    struct mam_block_price prices[MAM_PRICES]; /* price_count of them */
};

/* Structure-of-arrays scratch for one plan, as long as the largest group. */
struct mam_scratch_rows {
    uint32_t *member, *account, *holding;
    uint64_t *login;
    int64_t *measure, *weight, *cap, *equity, *carry;
    uint16_t *excluded, *reason, *cap_reason;
    uint8_t *binding, *capped;
    int64_t *quota, *floor_volume, *remainder, *result, *held, *minimum;
    void *kernel; /* the allocation kernel's own */
};

/* Scratch of one division by prices: the block's prices in the order in which they are given. */
struct mam_price_mix {
    uint32_t parts;
    uint8_t price[MAM_PRICES];
    struct mam_ratio share[MAM_PRICES];
};

struct mam_engine {
    struct mam_capacities limits;
    struct mam_engine_counts counts;
    mam_put_fn put;
    mam_said_fn said;
    uint32_t unkept; /* an opening whose Bookings are out and not yet in the books; only within a message */
    void *context;
    int64_t now;
    int64_t next_deadline; /* no timer runs out before this */
    uint64_t journal_sequence;
    uint64_t spent;      /* bytes of outputs of the message at hand */
    uint64_t allowance;  /* most that one message may cause */
    const void *checked; /* the message at hand, once it is known to be one */
    uint32_t bridge;     /* source of the message at hand */
    uint32_t block_id;
    uint32_t rests; /* openings that wait for the close of their reversing order */
    uint8_t halted, killed;
    uint8_t log_behind; /* the host says why no new orders may come: MAM_LOG_BEHIND, …; 0: they may */
    uint8_t clock_undisciplined;

    char currencies[MAM_CURRENCIES][8];
    uint32_t currency_count;

    struct {
        uint64_t input, login;
        uint32_t block;
        uint8_t reasons;
    } not_closed; /* what the message at hand has said last of what cannot be closed */
    struct mam_bridge_state bridges[MAM_BRIDGES_MAX + 1];
    struct mam_instrument_state *instruments;
    struct mam_quote_state *quotes; /* instrument x bridge x level */
    int64_t *house;                 /* per instrument: what the house has of LPs' fills; sold is negative */
    struct mam_limits_state own_limits;
    int64_t day_begins, day;         /* daily.c: ns after midnight UTC; the day under way */
    uint32_t daily_limits, day_next; /* how many there are; the next account whose day is to begin */
    uint8_t limits_currency;         /* of the appliance's daily loss */
    uint32_t booking_window;
    struct mam_account_state_row *accounts;
    struct mam_group_state *groups;
    struct mam_member_state *members;
    struct mam_position_row *positions;
    struct mam_holding *holdings;
    struct mam_block *blocks;
    struct mam_child *children;
    uint8_t *turns;   /* instrument x group: whose next block gives the worst price first (prices.c) */
    int64_t *carries; /* instrument x member: what rounding owes, in 1 / MAM_CARRY_ONE step */

    struct mam_table instrument_by_id, account_by_login, group_by_id, member_by_key, position_by_key,
        holding_by_key, block_by_id, seen, fill_by_key, old_leg_by_key, old_block_by_id;
    uint64_t *history; /* ring of remembered keys */
    uint32_t history_next, history_count;
    struct mam_fill *fills; /* ring, as long as the history */
    uint32_t fill_next, fill_count;
    struct mam_old_leg *old_legs; /* likewise */
    uint32_t old_leg_next, old_leg_count;
    struct mam_old_block *old_blocks; /* likewise */
    uint32_t old_block_next, old_block_count;
    struct mam_old_answer *old_answers; /* ring, as long as the array of children */
    uint64_t old_answer_next;           /* of all that were ever kept */
    struct mam_task tasks[MAM_TASKS];
    uint32_t task_count;
    uint32_t owed_holdings; /* that are owed something */
    uint32_t instrument_count, account_count, group_count, member_count;
    uint32_t free_position, free_holding, free_block; /* lists through first_holding, next, next */
    uint32_t first_block, last_block;
    struct mam_extents extents;
    struct mam_price_mix mix;
    struct mam_scratch_rows rows;
    struct mam_books books;
    struct mam_terms terms; /* of the plan that is being made */
};

/* --- emit.c: what leaves --- */
void mam_emit(struct mam_engine *engine, uint32_t bridge, void *message, uint32_t length);
/*
 * Of many messages some are made before the first is put: mam_number each as it is made, then engine->put
 * them in that order. The copy into a ring reads wide what was just written in small fields; a core makes
 * such a read wait for all its stores before it, those into the ring too, whose lines come from another core.
 */
#define MAM_MADE_AHEAD 8
void mam_number(struct mam_engine *engine, uint32_t bridge, void *message, uint32_t length);
void mam_reject(struct mam_engine *engine, const void *message, uint16_t reason, uint16_t field_id);
/* Counts it and lets it out. */
void mam_alert_send(struct mam_engine *engine, uint32_t bridge, struct mam_risk_alert *alert);
/* Resync: a server is asked for an account's state and positions; login 0: of all. */
void mam_ask_state(struct mam_engine *engine, uint32_t bridge, uint64_t login);
/* LegCancel: an LP is asked to take a leg back, or what became of it. */
void mam_cancel_leg(struct mam_engine *engine, uint32_t bridge, uint32_t block, uint32_t leg);
void mam_alert(struct mam_engine *engine, uint32_t bridge, uint8_t kind, uint16_t reason, uint32_t block,
               uint64_t login);
/* Counts a violation of law 1 … 10, alarms, and stops trading. */
void mam_law_broken(struct mam_engine *engine, uint32_t law, uint32_t block);

/* --- resync.c: what returns, and the host's clock --- */
/* A bridge that asks may not know its own number: any number is good, and only the next one counts. */
uint16_t mam_resync_sequence(struct mam_engine *engine, uint64_t sequence);
uint16_t mam_on_resync(struct mam_engine *engine, const struct mam_resync *message, uint16_t *field);
uint16_t mam_on_continued(struct mam_engine *engine, const struct mam_continued *message, uint16_t *field);
uint16_t mam_on_bridge_renewed(struct mam_engine *engine, const struct mam_bridge_renewed *message,
                               uint16_t *field);
uint16_t mam_on_clock_state(struct mam_engine *engine, const struct mam_clock_state *message);

/* --- reference.c: what the server and control tell --- */
uint16_t mam_on_instrument(struct mam_engine *engine, const struct mam_instrument *message, uint16_t *field);
uint16_t mam_on_account(struct mam_engine *engine, const struct mam_account *message, uint16_t *field);
uint16_t mam_on_account_state(struct mam_engine *engine, const struct mam_account_state *message,
                              uint16_t *field);
uint16_t mam_on_group_policy(struct mam_engine *engine, const struct mam_group_policy *message,
                             uint16_t *field);
uint16_t mam_on_member(struct mam_engine *engine, const struct mam_member *message, uint16_t *field);

/* --- market.c: quotes --- */
uint16_t mam_on_quote(struct mam_engine *engine, const struct mam_quote *message, uint16_t *field);
/* Of MAM_LEVELS; the first is the top of the LP's book. */
struct mam_quote_state *mam_quote_at(struct mam_engine *engine, uint32_t instrument, uint32_t bridge);
/* Of all bridges, and the mark: they were of another thing. */
void mam_quotes_forget(struct mam_engine *engine, uint32_t instrument);

/* --- limits.c: pre-trade controls and the kill switch --- */
uint16_t mam_on_limits(struct mam_engine *engine, const struct mam_limits *message, uint16_t *field);
uint16_t mam_on_kill_switch(struct mam_engine *engine, const struct mam_kill_switch *message,
                            uint16_t *field);
/* May this order be taken? Counts it when it may. */
uint16_t mam_limits_check(struct mam_engine *engine, const struct mam_master_order *message, uint32_t group,
                          uint32_t instrument, uint16_t *field);
/* Tells a person of a deal that the controls would have refused: it is executed, so it is allocated. */
void mam_limits_watch_deal(struct mam_engine *engine, const struct mam_master_deal *message, uint32_t group,
                           uint32_t instrument);
/* The worst price that the collars allow now; 0: no collar. */
int64_t mam_collar_limit(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint8_t side);

/* --- daily.c: the day's loss --- */
/* group MAM_NONE: the appliance's. */
void mam_daily_limit(struct mam_engine *engine, uint32_t group, int64_t limit);
/* May something be opened? */
uint16_t mam_daily_check(struct mam_engine *engine, uint32_t group);
/* A person lets it go on: the loss is counted anew. */
void mam_daily_enable(struct mam_engine *engine, uint32_t group);
/* The server has told an account's figures. */
void mam_daily_told(struct mam_engine *engine, uint32_t account);
void mam_daily_flow(struct mam_engine *engine, uint32_t account, int64_t amount);
/* Begins the accounts' days. Returns when it wants to be called again. */
int64_t mam_daily_clock(struct mam_engine *engine);

/* --- tasks.c: closing what is open, one position at a time --- */
/* False: too many tasks. group, account: as in struct mam_task. */
bool mam_task_add(struct mam_engine *engine, uint32_t group, uint32_t account);
void mam_task_drop(struct mam_engine *engine, uint32_t group);
void mam_task_drop_member(struct mam_engine *engine, uint32_t group, uint32_t account);
/* A close was refused: what is owed is tried again, later and later. `anew`: from the beginning. */
void mam_task_add_owed(struct mam_engine *engine, bool anew);
/* Closes at most one position. Returns when it wants to be called again; INT64_MAX: never. */
int64_t mam_tasks_run(struct mam_engine *engine);

/* --- house.c: fills that no block's division has --- */
/* The house has bought (or sold) `volume` at an LP. Journaled, and told to bridge `to`. */
void mam_house_take(struct mam_engine *engine, uint32_t to, uint32_t block, uint32_t instrument, uint32_t lp,
                    uint8_t side, int64_t volume, int64_t price, uint16_t reason);

/* --- remember.c: fills, legs and bookings that may be spoken of again --- */
struct mam_fill *mam_fill_find(struct mam_engine *engine, uint32_t bridge, uint64_t execution);
struct mam_fill *mam_fill_remember(struct mam_engine *engine, const struct mam_fill *fill);
struct mam_old_leg *mam_old_leg_find(struct mam_engine *engine, uint32_t block, uint32_t leg);
void mam_old_legs_keep(struct mam_engine *engine, const struct mam_block *block);
/* What the server answered of a child of a block that is gone; NULL: not known any more, or never asked. */
const struct mam_old_answer *mam_old_answer_find(const struct mam_engine *engine, uint32_t block,
                                                 uint32_t child);
void mam_old_answers_keep(struct mam_engine *engine, const struct mam_block *block);
/* --- plan.c: who takes part, and how much of it --- */
/* Plans an opening block into its children and emits Plan and PlanMember. The block shrinks to what can be
 * placed. */
/* A block that is never to be executed, as a plan of nobody: every block has a Plan. */
void mam_plan_nothing(struct mam_engine *engine, struct mam_block *block, uint16_t reason);
uint16_t mam_plan_opening(struct mam_engine *engine, struct mam_block *block);
/* The group's members as rows of the scratch, in the order of joining. Returns how many. */
uint32_t mam_gather_members(struct mam_engine *engine, const struct mam_block *block);
/* The rows' minimums, for the kernel; NULL: each is the block's. */
const int64_t *mam_minimums(const struct mam_engine *engine, const struct mam_block *block, uint32_t count);
/* The same for a closing block, by holdings. */
uint16_t mam_plan_closing(struct mam_engine *engine, struct mam_block *block);

/* --- block.c: a block's life --- */
uint16_t mam_on_master_deal(struct mam_engine *engine, const struct mam_master_deal *message,
                            uint16_t *field);
uint16_t mam_on_master_order(struct mam_engine *engine, const struct mam_master_order *message,
                             uint16_t *field);
uint16_t mam_on_master_cancel(struct mam_engine *engine, const struct mam_master_cancel *message,
                              uint16_t *field);
/* Closes a position, or one account's part of it (MAM_NONE: everybody's): at the LPs, or where the group's
 * execution is post_trade by its server at the mark. False: no room or no price now. */
bool mam_position_priced(struct mam_engine *engine, uint32_t position); /* could it be closed now? */
bool mam_close_position(struct mam_engine *engine, uint32_t position, uint32_t account, int64_t volume,
                        uint16_t reason);
/* Closes what one holder is owed, at the price at which the house closed it for it: nothing is traded. False:
 * no room now, or it is not known yet what it holds. */
bool mam_close_owed(struct mam_engine *engine, uint32_t holding);
void mam_block_change(struct mam_engine *engine, struct mam_block *block, uint8_t status, uint16_t reason);
void mam_block_report(struct mam_engine *engine, const struct mam_block *block);
/* The legs are over: rejected if nothing was filled, else on to the children. */
void mam_block_executed(struct mam_engine *engine, struct mam_block *block, uint16_t reason);
void mam_block_allocate(struct mam_engine *engine, struct mam_block *block);
void mam_block_finish_if_answered(struct mam_engine *engine, struct mam_block *block);
void mam_block_on_clock(struct mam_engine *engine);
void mam_block_close(struct mam_engine *engine, struct mam_block *block);
/* Wakes the host for this block: its next Clock works on it. */
void mam_block_wake(struct mam_engine *engine, struct mam_block *block, int64_t when);
void mam_block_law_check(struct mam_engine *engine, const struct mam_block *block);

/* --- carry.c: what rounding owes --- */
/* What was owed under another rounding, or in another step, is no debt of the new one's. MAM_NONE: all. */
void mam_carry_forget(struct mam_engine *engine, uint32_t instrument, uint32_t group);
int64_t *mam_carry_at(struct mam_engine *engine, uint32_t instrument, uint32_t member);
/* After a plan: its first `count` rows' carries are the members'. */
void mam_carry_keep(struct mam_engine *engine, const struct mam_block *block, uint32_t count);
/* After the last division: its rows' carries are the children's. */
void mam_carry_settle(struct mam_engine *engine, const struct mam_block *block);
/* Nothing was executed: the carries are as before the plan. */
void mam_carry_undo(struct mam_engine *engine, const struct mam_block *block);
static inline bool mam_carry_kept(const struct mam_block *block) {
    bool used = block->policy.rounding == MAM_ROUNDING_CARRY ||
                block->policy.rounding == MAM_ROUNDING_LARGEST_REMAINDER; /* there it breaks ties */
    return used && block->entry == MAM_ENTRY_OPENING && !block->carry_over;
}
/* Less than planned was executed: only that part of the plan's carry stands; the rounding of the fill comes
 * on top. */
void mam_carry_scale(struct mam_engine *engine, const struct mam_block *block);

/* --- divide.c: what was filled, over the children --- */
/* After each fill: every child's exact share of it, to within one step, never less than before (law 2); after
 * a correction (`grew` false) some may have less. */
void mam_entitle(struct mam_engine *engine, struct mam_block *block, bool grew);
/* At the end: final volumes (minimum volumes kept), the children's price, the house's part. */
void mam_settle(struct mam_engine *engine, struct mam_block *block);

/* --- prices.c: the same mix of the fills' prices for each child (per_fill) --- */
/* The block has `volume` more (or, negative, less) at a price. */
void mam_price_count(struct mam_block *block, int64_t price, int64_t volume);
/* The same of what a status answer told. */
void mam_price_tell(struct mam_block *block, int64_t volume, __int128 notional);
/* The volumes are decided: each child's is divided into parts, one a price, as children of their own. */
void mam_prices_divide(struct mam_engine *engine, struct mam_block *block);
/* Rows 0 to count - 1 (login, result, minimum), and the house as one more, divide the volumes that the block
 * has at its prices: first what was filled, later what was refused. Returns why they cannot. *further: how
 * many children more than rows that makes. */
uint16_t mam_prices_mix(struct mam_engine *engine, struct mam_block *block, uint32_t count,
                        uint32_t *further);
/* They cannot, for this reason: they are to have it at the average of what was refused. */
bool mam_prices_offer_one(struct mam_engine *engine, struct mam_block *block, uint32_t count,
                          uint16_t reason);
/* Then, for each of these rows that has volume: its child is divided. */
void mam_prices_give(struct mam_engine *engine, struct mam_block *block, uint32_t row, uint32_t child);
/* Then: what nobody of them has stays on offer. */
void mam_prices_keep(struct mam_engine *engine, struct mam_block *block, uint32_t count);

/* --- book.c: the aggregated book of all LPs --- */
/*
 * Sweeps the book for `volume`: one leg per LP, within the block's limit. Returns the volume of the legs that
 * were sent, which may be 0.
 */
int64_t mam_sweep(struct mam_engine *engine, struct mam_block *block, uint8_t purpose, int64_t volume);
/* Does any LP quote that side now, as an order would be dealt on it? */
bool mam_book_offers(struct mam_engine *engine, uint32_t instrument, uint8_t side);
/* Is price a at least as good as b for that side? */
static inline bool mam_as_good(uint8_t side, int64_t a, int64_t b) {
    return side == MAM_SIDE_BUY ? a <= b : a >= b;
}

/* --- legs.c: orders at LPs and their time --- */
void mam_leg_send(struct mam_engine *engine, struct mam_block *block, uint32_t lp, uint8_t purpose,
                  int64_t volume, int64_t limit);
void mam_leg_set_status(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg,
                        uint8_t status);
void mam_leg_ask(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg);
/* The LP is back: it is asked anew for all that is unknown, with the next Clock. */
void mam_legs_ask_anew(struct mam_engine *engine, uint32_t lp);
int64_t mam_leg_timeout(const struct mam_engine *engine, const struct mam_block *block);
/* What became of a leg that works is not known. */
void mam_leg_silent(struct mam_engine *engine, struct mam_block *block, struct mam_leg_state *leg);
/* What the block still wants of the LPs: neither filled nor possibly filled by an open leg. */
int64_t mam_legs_wanted(const struct mam_block *block);
/* Some leg is over: sends the next ones, or ends this part of the block's life. */
void mam_legs_next(struct mam_engine *engine, struct mam_block *block);

/* --- executions.c: what LPs report --- */
/* Between half of the mark and twice of it; true where nobody has quoted yet. */
static inline bool mam_price_plausible(const struct mam_engine *engine, uint32_t instrument, int64_t price) {
    const struct mam_instrument_book *mark = &engine->books.instruments[instrument];
    return mark->bid <= 0 || (price >= mark->bid / 2 && price / 2 <= mark->ask);
}
uint16_t mam_on_execution(struct mam_engine *engine, const struct mam_execution *message, uint16_t *field);

/* --- reverse.c: trading out again what was filled --- */
void mam_rollback(struct mam_engine *engine, struct mam_block *block);
void mam_unwind(struct mam_engine *engine, struct mam_block *block);
/* No reverse leg is open any more. */
void mam_reverse_over(struct mam_engine *engine, struct mam_block *block);

/* --- reallocate.c: refused volume to members with room --- */
/* Room for `more` children behind the block's own; their numbers stay, their addresses may not. */
bool mam_children_grow(struct mam_engine *engine, struct mam_block *block, uint32_t more);
/* True: other members are asked now. */
bool mam_reallocate(struct mam_engine *engine, struct mam_block *block);

/* --- booking.c: the children at the server --- */
uint16_t mam_on_booking_report(struct mam_engine *engine, const struct mam_booking_report *message,
                               uint16_t *field);
uint16_t mam_on_server_terms(struct mam_engine *engine, const struct mam_server_terms *message,
                             uint16_t *field);
/* A close that LPs execute: what it plans to take is not planned for another close. */
void mam_reserve(struct mam_engine *engine, struct mam_block *block);
void mam_unreserve(struct mam_engine *engine, struct mam_block *block);
/* Sends the Booking of every child that has volume. */
void mam_book_children(struct mam_engine *engine, struct mam_block *block, uint32_t first);
/* Enters an opening whose Bookings this message has sent into holdings and accounts. Anybody who reads those
 * in the same message calls this first. */
void mam_bookings_keep(struct mam_engine *engine);
void mam_booking_clock(struct mam_engine *engine, struct mam_block *block);
/* Sends what waits for a server, as far as its window and its unknown outcomes allow. True: more waits. */
bool mam_booking_release(struct mam_engine *engine, uint32_t bridge);
/* The server will not close `volume` of a child's: the client still holds it, the house is short by it. */
void mam_owe(struct mam_engine *engine, const struct mam_block *block, const struct mam_child *child,
             int64_t volume, uint16_t reason);
/* Moves `volume` of the block's into the house's part of the position (negative: out of it). */
void mam_hold_house(struct mam_engine *engine, const struct mam_block *block, int64_t volume);

/* --- position.c: the master's positions and their holders --- */
uint32_t mam_position_find(const struct mam_engine *engine, uint32_t group, uint64_t ticket);
/* Is there room for a new position of that ticket? */
bool mam_position_fits(const struct mam_engine *engine, uint32_t group, uint64_t ticket);
/* Only where it fits. */
uint32_t mam_position_open(struct mam_engine *engine, uint32_t group, uint32_t instrument, uint64_t ticket,
                           uint8_t side);
/* Before mam_holding_find or mam_holding_open, some members ahead: their place in the table is on its way. */
void mam_holding_prefetch(const struct mam_engine *engine, uint32_t position, uint32_t account);
uint32_t mam_holding_find(const struct mam_engine *engine, uint32_t position, uint32_t account);
uint32_t mam_holding_open(struct mam_engine *engine, uint32_t position, uint32_t account);
/* What the house has of a position and nobody closes or trades out. What closes under way will miss in a
 * holding, since its open was refused, is the house's to give, so it is none of this. */
int64_t mam_house_free(const struct mam_engine *engine, uint32_t position);
/* Frees holdings and the position itself when nothing is left in them. */
void mam_position_sweep(struct mam_engine *engine, uint32_t position);

/* Sets the arrays' addresses of an engine whose memory lies at `place`; touches nothing there. */
void mam_engine_carve(struct mam_engine *engine, void *place, const struct mam_capacities *limits);

/* --- small look-ups (engine.c) --- */
struct mam_block *mam_block_find(struct mam_engine *engine, uint32_t id);
uint8_t mam_currency(struct mam_engine *engine, const char *name); /* UINT8_MAX: table full */
uint32_t mam_group_find(const struct mam_engine *engine, uint32_t id);
/* Remembers a ticket of a bridge; false: it was seen before. */
bool mam_remember(struct mam_engine *engine, uint32_t bridge, uint8_t family, uint64_t ticket);
bool mam_remembers(const struct mam_engine *engine, uint32_t bridge, uint8_t family, uint64_t ticket);

static inline struct mam_child *mam_child_at(struct mam_engine *engine, const struct mam_block *block,
                                             uint32_t child) {
    MAM_ASSERT(child < block->child_count);
    return &engine->children[block->first_child + child];
}

static inline int64_t mam_child_price(const struct mam_block *block, const struct mam_child *child) {
    return child->price == 0 ? block->price : block->prices[child->price - 1].price;
}

/* What its Booking asks for. */
static inline int64_t mam_child_part(const struct mam_child *child) {
    return child->assigned - child->rest;
}

/* What is to be executed: the children's part and the house's. */
static inline int64_t mam_block_target(const struct mam_block *block) {
    return block->planned + block->house_planned;
}

/* What of a holding another close may plan to take. */
static inline int64_t mam_holding_free(const struct mam_holding *holding) {
    return holding->volume - holding->reserved - holding->owed;
}

static inline bool mam_is_multiple(int64_t volume, int64_t step) {
    return step > 0 && volume % step == 0;
}

#endif
