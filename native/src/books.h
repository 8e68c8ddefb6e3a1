/*
 * What every account holds, and what it is worth now: rows, stakes, pages. Private to the engine.
 *
 *   row    a position at the server (ticket), or a booking of ours that it has not answered (pending)
 *   stake  all of an account's rows in one instrument: one exposure, one margin, one slot of a page
 *   page   slots of one instrument as a structure of arrays, as mam_revalue takes them
 *
 * A quote only moves the instrument's mark and makes the instrument due. Slots are revalued in bounded
 * batches on Clock (value.c), and an account that a plan needs is valued then, exactly and alone. Both give
 * the same figures: a slot's profit is a function of its exposure, the mark and the rates, never of when it
 * was worked out.
 *
 * The server's AccountState is the truth for money. Ours are its figures of then, moved since by quotes and
 * bookings (agree.c).
 */
#ifndef MAM_BOOKS_H
#define MAM_BOOKS_H

#include <mam/messages.h>
#include <stdbool.h>

#include "drawdown.h"
#include "exposure.h"
#include "revalue.h"
#include "table.h"
#include "tiers.h"

#define MAM_PAGE_SLOTS 128
#define MAM_TIERS_MAX 8
#define MAM_OVERRIDES 1024 /* instruments of server groups that differ */
#define MAM_RULES 64       /* of floating leverage */
#define MAM_ZONES 16
#define MAM_ZONE_CHANGES 8 /* kept of a zone: four years */
#define MAM_MOVES_KEPT 256
#define MAM_RATES_KEPT 64
#define MAM_BOOK_MONEY_MAX (INT64_MAX / 4)

struct mam_capacities;
struct mam_engine;
struct mam_block;
struct mam_child;
struct mam_member_state;

struct mam_row {
    uint64_t ticket;         /* the server's; 0: not known yet */
    uint64_t master;         /* of a booking of ours: the master's ticket; 0: the client's own */
    uint32_t stake;          /* MAM_NONE: the row is free */
    uint32_t next, previous; /* of the stake, in the order they came; free rows through next */
    int64_t volume, price, rate, swap;
    int64_t closing;       /* closes of ours that the server has not answered */
    int64_t close_price;   /* of the newest of these */
    int64_t gone;          /* of closing: out of volume already, the server's figures were without it */
    int64_t expected;      /* what our bookings made of it; -1: the client's own */
    uint8_t expected_side; /* a netting row turns */
    uint8_t side, pending; /* pending: enum mam_pending */
};

enum mam_pending {
    MAM_AT_SERVER,
    MAM_ASKED,   /* a Booking is out, or waits for its server */
    MAM_PLANNED, /* LPs are executing it */
};

struct mam_stake {
    uint32_t account, instrument;
    uint32_t page, at;       /* its slot */
    uint32_t next, previous; /* of the account; free stakes through next */
    uint32_t first_row, last_row, row_count;
    uint64_t valued;           /* the mark's version its profit is of, where it was valued alone */
    uint64_t contract;         /* the instrument's contract that its margin is of */
    int64_t margin;            /* maintenance, in account currency, pending bookings included; in a pool:
                                  before tiers */
    int64_t amount;            /* in a pool: what it puts into the tiers */
    struct mam_exposure total; /* its rows added up, see mam_row_enter */
    uint32_t pending_count;    /* rows */
    uint32_t pool;             /* as in struct mam_contract, when its margin was worked out */
    uint8_t converts;          /* its margin moves with currency rates */
    uint8_t untiered;          /* its value has no rate into the tiers' currency */
    uint16_t unvalued;         /* why there is no profit of it (no_rate …) */
    uint8_t dirty;             /* its figures are to be made up before they are looked at */
    uint8_t beyond;            /* a row did not fit its total: the rows are added up each time */
    uint32_t unrated;          /* rows without a margin rate: none was known */
    uint8_t in_other;     /* of the server's figures, not told apart: MAM_SYNC_FLOATING, MAM_SYNC_MARGIN */
    int64_t other_profit; /* its profit as it was counted then */
};

struct mam_page {
    uint32_t next, previous, instrument;
    uint32_t count, regular;
    uint64_t valued, contract; /* every slot's are at least these */
    uint32_t account[MAM_PAGE_SLOTS], stake[MAM_PAGE_SLOTS];
    uint8_t currency[MAM_PAGE_SLOTS];
    int64_t volume[2][MAM_PAGE_SLOTS], notional[2][MAM_PAGE_SLOTS]; /* by side */
    int64_t profit[MAM_PAGE_SLOTS];
    struct mam_exposure exposure[MAM_PAGE_SLOTS];
};

/* Floating leverage of one instrument, or of a rule's. */
struct mam_tier_table {
    uint32_t count;
    uint8_t range;
    uint8_t currency; /* of value: MAM_TIERS_IN_*, or MAM_TIERS_IN_CURRENCY + its index */
    struct mam_tier tiers[MAM_TIERS_MAX];
};

#define MAM_TIERS_IN_PROFIT 0  /* the instrument's profit currency */
#define MAM_TIERS_IN_ACCOUNT 1 /* the account's currency */
#define MAM_TIERS_IN_CURRENCY 2

/* Floating leverage of several instruments. */
struct mam_rule {
    uint32_t id, bridge; /* whose number it is */
    struct mam_tier_table tiers;
};

/* An instrument as a server group's accounts have it. */
struct mam_override {
    struct mam_instrument definition;    /* with all that was told */
    struct mam_instrument_override told; /* serverGroup 0: nothing */
    struct mam_instrument_volumes volumes;
    uint8_t own_tiers; /* else the instrument's */
    uint32_t rule;     /* number in books.rules, plus 1; 0: none of its own */
    struct mam_tier_table tiers;
};

/* What is in force for an account's margin. */
struct mam_contract {
    const struct mam_instrument *definition;
    const struct mam_tier_table *tiers;
    uint32_t pool; /* the rule (plus 1) whose instruments fill the tiers together; 0: this one alone */
};

/* What an exposure needs of margin. */
struct mam_need {
    int64_t margin; /* of a pool's: before tiers */
    int64_t amount; /* what it puts into tiers */
    uint32_t pool;
    uint8_t converts, untiered;
};

/* An account's exposures by rule, added up. */
struct mam_pools {
    uint64_t used; /* bits: the others are not cleared */
    struct {
        __int128 margin, amount;
    } of[MAM_RULES];
};

/* What a zone's clocks show, from each change on. */
struct mam_zone {
    uint32_t count; /* 0: not known */
    int64_t since[MAM_ZONE_CHANGES], offset[MAM_ZONE_CHANGES];
};

struct mam_instrument_book {
    int64_t bid, ask;  /* the mark; 0: never quoted. A withdrawn quote leaves it */
    int64_t quoted;    /* time of the newest quote that it is of */
    uint64_t version;  /* of the mark */
    uint64_t contract; /* version of its definition, overrides and tiers */
    uint32_t first_page, stake_count;
    uint32_t unvalued;   /* stakes without a rate */
    uint8_t wanted;      /* a close-out found no price */
    uint8_t stale;       /* told: the mark is too old, and somebody holds it */
    uint32_t unrated;    /* rows without a margin rate */
    uint32_t in_other;   /* stakes whose profit is in the server's figures alone */
    uint8_t queued;      /* is due to be revalued */
    uint8_t moved;       /* as a pair: the mark has moved since the rates that use it were looked after */
    uint64_t currencies; /* bits: of those who hold or held it */
    struct mam_scale scale;
    struct mam_tier_table tiers;
    uint32_t rule;            /* number in books.rules, plus 1; 0: none */
    uint64_t tier_currencies; /* bits: into which a rule converts, or converted, its value */
    uint8_t tiers_convert;    /* a rule converts its value */
};

/* Bits of an account's disagreement with the server. */
#define MAM_SYNC_FLOATING 1
#define MAM_SYNC_MARGIN 2
#define MAM_SYNC_VOLUME 4
#define MAM_SYNC_ROOM 8

struct mam_account_book {
    uint32_t first_stake, first_member; /* memberships, through mam_member_watch.next */
    uint32_t next_due;
    uint8_t due;
    uint8_t told;   /* the server tells its positions: figures are compared */
    uint8_t sync;   /* MAM_SYNC_* */
    uint8_t alarm;  /* the worst that is on, MAM_ALARM_* */
    uint8_t alarms; /* bits: those that are on */
    uint8_t unvalued_told;
    uint8_t watched;     /* a member of it has a buffer or a drawdown limit */
    uint8_t dirty;       /* a stake of it is */
    uint64_t valued;     /* books.version + 1 that its figures are of; 0: they have changed otherwise */
    uint32_t unvalued;   /* stakes without a rate, for their profit or for their tiers */
    uint32_t mismatched; /* rows of ours whose volume the server changed */
    uint32_t deals;      /* closed since the last AccountState: each may be rounded by a step */
    uint32_t rows;
    __int128 swap, margin;                /* sums over rows and stakes; margin with what pools change */
    __int128 tiered;                      /* of margin: what the tiers of pools change */
    int64_t other_floating, other_margin; /* of the server's figures: what our rows do not explain */
    int64_t as_of;                        /* of the last AccountState */
    int64_t asked;                        /* when its figures were asked for last; 0: not since they agreed */
    uint8_t stale;                        /* told: its figures are too old */
    uint64_t gap;                         /* the bridge's holes when the last AccountState came */
};

struct mam_member_watch {
    uint32_t next; /* of the account */
    uint8_t linked, started, alerted, stopped, closing;
    int64_t since, until;
    struct mam_drawdown drawdown;
    /* being closed out */
    uint32_t close_next, close_previous;
    int64_t close_retry, close_held; /* when it is tried again; what it held then */
    uint8_t close_pass;              /* holdings that were tried in this one have its number */
    uint8_t close_failed;            /* something of this pass could not be closed */
    uint8_t close_unpriced;          /* something of the last pass had no price */
    uint8_t close_waits, waits_told; /* passes without success; a person was told */
    uint64_t close_prices;           /* books.prices at the end of the last pass */
};

/* Floating profit at or beyond which an account must be looked at. */
struct mam_levels {
    int64_t low, high;
};

/* What moves are worth in a currency; good while neither the contract nor the rates on the way have changed.
 */
struct mam_kept_moves {
    uint64_t contract, paths, pair_version[2];
    uint32_t instrument, pair[2];
    uint8_t currency, pairs;
    enum mam_reason reason;
    struct mam_moves moves;
};

/* A bridge's numbers had a hole: all figures are asked for until they begin to come; those that then stay out
 * are asked for one by one. */
struct mam_hole {
    int64_t asked;
    uint8_t state;   /* enum mam_hole_state */
    uint8_t whole;   /* a look at all accounts began after the first figures came */
    uint8_t waiting; /* accounts without figures were seen in it */
};

enum mam_hole_state { MAM_HOLE_NONE, MAM_HOLE_ASKED, MAM_HOLE_HEARD };

struct mam_books {
    struct mam_row *rows;
    struct mam_stake *stakes;
    struct mam_page *pages;
    struct mam_instrument_book *instruments;
    struct mam_override *overrides;
    uint32_t override_count;
    struct mam_rule rules[MAM_RULES];
    uint32_t rule_count;
    struct mam_zone zones[MAM_ZONES];
    struct mam_account_book *accounts;
    struct mam_member_watch *members;
    int64_t *floating;         /* by account: profit of its slots */
    struct mam_levels *levels; /* by account */
    uint32_t *queue;           /* instruments due, a ring */
    uint32_t queue_first, queue_count;
    uint32_t *moved; /* pairs whose rates are to be looked after, a ring */
    uint32_t moved_first, moved_count;
    uint32_t sweep_instrument, sweep_page; /* at work; MAM_NONE: none */
    uint64_t sweep_version;                /* of the mark when it began */
    uint32_t first_due, last_due;          /* accounts to be looked at */
    uint32_t free_row, free_stake, free_page;
    struct mam_table row_by_key, stake_by_key, override_by_key;
    int64_t clock;      /* when the engine wants a Clock for this; INT64_MAX: not */
    int64_t next_reset; /* first beginning of a day that a drawdown waits for */
    uint64_t version;   /* counts changes of marks and instruments */
    uint64_t paths;     /* counts what may open another way from one currency to another */
    uint32_t closing_members, first_closing, last_closing;
    uint32_t closing_at;     /* the next of a round; MAM_NONE: none is under way */
    int64_t closing_soonest; /* of that round */
    uint64_t closing_prices; /* books.prices when it began */
    uint64_t prices;         /* counts quotes of instruments that a close-out found without a price */
    int64_t next_close;      /* when somebody is tried again */
    int64_t next_marks;      /* when a mark may have become too old */
    uint32_t marks_at;       /* the next instrument of such a look; 0: none is under way */
    int64_t marks_soonest;   /* of that look */
    uint32_t stale_marks;    /* instruments that somebody holds at a mark that is too old */
    int64_t next_look; /* when the next accounts are looked at: are their figures old, or to be asked for? */
    uint32_t look_at;  /* the first of these */
    uint32_t look_for; /* groups with an age limit, and accounts out of sync: 0, nobody is looked at */
    struct mam_kept_moves kept[MAM_MOVES_KEPT];
    struct {
        uint64_t version; /* books.version + 1 that it is of */
        int64_t rate;
        uint8_t from, to, high;
        enum mam_reason reason;
    } kept_rate[MAM_RATES_KEPT];
    struct {
        int64_t money, per_position, spreads;
        uint8_t told;
    } tolerance[64];
    uint64_t gaps[65];          /* holes in a bridge's numbers */
    struct mam_hole holes[65];  /* the newest of them */
    struct mam_moves moves[64]; /* of the instrument at work, by account currency */
};

/* Money as it is kept: figures beyond are as large as can be. */
static inline int64_t mam_money(__int128 money) {
    return money > MAM_BOOK_MONEY_MAX    ? MAM_BOOK_MONEY_MAX
           : money < -MAM_BOOK_MONEY_MAX ? -MAM_BOOK_MONEY_MAX
                                         : (int64_t)money;
}

/* --- stakes.c: rows, stakes, pages --- */
uint64_t mam_books_pages(const struct mam_capacities *limits);
void mam_books_init(struct mam_engine *engine);
uint32_t mam_stake_find(const struct mam_engine *engine, uint32_t account, uint32_t instrument);
uint32_t mam_row_find(const struct mam_engine *engine, uint32_t account, uint64_t ticket);
/* Some accounts ahead of mam_row_open, the stake first: what it will look at and write to is on its way. */
void mam_stake_prefetch(const struct mam_engine *engine, uint32_t account, uint32_t instrument);
void mam_row_prefetch(const struct mam_engine *engine, uint32_t account, uint32_t instrument);
/* A row of an account at the end of its stake's, empty; MAM_NONE: no room. To be filled, entered, and its
 * stake made up again. */
uint32_t mam_row_open(struct mam_engine *engine, uint32_t account, uint32_t instrument);
void mam_row_close(struct mam_engine *engine, uint32_t row);
/* Around every change of a row's side, volume, price, rate or pending: out of its stake's total and in again,
 * so that what an account holds is never added up anew. */
void mam_row_leave(struct mam_engine *engine, uint32_t row);
void mam_row_enter(struct mam_engine *engine, uint32_t row);
/* The server has what was pending: the total stays. */
void mam_row_confirm(struct mam_engine *engine, uint32_t row);
/* Adds a volume of the same side at its price: the mean is rounded against the account. */
void mam_row_average(struct mam_row *row, const struct mam_row *added);
/* Gives a row its ticket. False: another has it already. _unname: it is another position from now on. */
bool mam_row_name(struct mam_engine *engine, uint32_t row, uint64_t ticket);
void mam_row_unname(struct mam_engine *engine, uint32_t row);
/* Makes a stake's figures of its rows: exposure, margin, profit; frees it when no row is left. */
void mam_stake_make_up(struct mam_engine *engine, uint32_t stake);
/* Margin of its exposure, by the contract of now. One that cannot be told is as much as can be: no new risk
 * on such a position. */
void mam_stake_margin(struct mam_engine *engine, uint32_t stake);
/* Of those of an account's stakes whose contract has changed, or whose tiers move with a currency. */
void mam_account_margins(struct mam_engine *engine, uint32_t account);
/* The same, but only when somebody needs the account's figures: a booking that leaves does not wait for it.
 */
void mam_stake_touch(struct mam_engine *engine, uint32_t stake);
void mam_account_make_up(struct mam_engine *engine, uint32_t account);
/* The exposure of its rows. pending 0: only what the server has. */
void mam_stake_exposure(const struct mam_engine *engine, const struct mam_stake *stake, bool pending,
                        struct mam_exposure *exposure);
/* Profits are kept within MAM_BOOK_MONEY_MAX / instruments (mam_stake_value), so that their sum fits;
 * unsigned, so that nonsense is no undefined behaviour. */
static inline void mam_floating_add(struct mam_books *books, uint32_t account, int64_t more) {
    books->floating[account] = (int64_t)((uint64_t)books->floating[account] + (uint64_t)more);
}
static inline struct mam_exposure *mam_slot_exposure(const struct mam_books *books,
                                                     const struct mam_stake *stake) {
    return &books->pages[stake->page].exposure[stake->at];
}

/* --- deals.c: bookings of ours, and what the server tells of positions --- */
/* Does the server hold of a row of ours something else than our bookings made of it? What a netting account
 * holds beyond that is the client's own. */
bool mam_row_mismatched(const struct mam_engine *engine, const struct mam_row *row);
/* What closes of ours take from a row is out of it, and realised, before their reports: the server's figures
 * seem to be without it. False: none is at work. _not_early: they were not. */
struct mam_early {
    int64_t volume, swap, balance;
    uint32_t deals;
};
bool mam_book_close_early(struct mam_engine *engine, uint32_t row, struct mam_early *before);
void mam_book_not_early(struct mam_engine *engine, uint32_t row, const struct mam_early *before);
/* Of a child's close: what the server does not have any more, as it told itself; somebody else has closed it.
 * _gone: so much of that is no longer expected there. */
int64_t mam_book_missing(const struct mam_engine *engine, const struct mam_block *block,
                         const struct mam_child *child);
void mam_book_gone(struct mam_engine *engine, const struct mam_block *block, const struct mam_child *child,
                   int64_t volume);
/* LPs begin to execute an opening: those whose caps look at their positions have it in their books at once.
 */
void mam_book_planned(struct mam_engine *engine, struct mam_block *block);
/* What was planned, and will not be asked for. */
void mam_book_unplanned(struct mam_engine *engine, struct mam_block *block);
void mam_book_asked(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child);
void mam_book_booked(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child,
                     uint64_t ticket);
void mam_book_refused(struct mam_engine *engine, const struct mam_block *block, struct mam_child *child);
uint16_t mam_on_position_state(struct mam_engine *engine, const struct mam_position_state *message,
                               uint16_t *field);

/* --- contracts.c: what instruments are to a server group's accounts --- */
struct mam_contract mam_contract_of(const struct mam_engine *engine, uint32_t account, uint32_t instrument);
uint16_t mam_on_instrument_override(struct mam_engine *engine, const struct mam_instrument_override *message,
                                    uint16_t *field);
uint16_t mam_on_instrument_volumes(struct mam_engine *engine, const struct mam_instrument_volumes *message,
                                   uint16_t *field);
/* Could the instrument (by its id) have that step, for all whose own step is known? */
bool mam_overrides_fit_step(const struct mam_engine *engine, uint32_t instrument, int64_t step);
/* NULL: it has none. _make: made from the instrument's own; NULL: there is no room. */
struct mam_override *mam_override_find(const struct mam_engine *engine, uint32_t server_group,
                                       uint32_t instrument);
struct mam_override *mam_override_make(struct mam_engine *engine, uint32_t server_group, uint32_t instrument);
/* The instrument was announced anew: what overrides leave alone is as it says. */
void mam_overrides_follow(struct mam_engine *engine, uint32_t instrument);

/* --- leverage_rules.c: what is told of floating leverage --- */
uint16_t mam_on_leverage_tier(struct mam_engine *engine, const struct mam_leverage_tier *message,
                              uint16_t *field);
uint16_t mam_on_leverage_rule(struct mam_engine *engine, const struct mam_leverage_rule *message,
                              uint16_t *field);
uint16_t mam_on_leverage_rule_instrument(struct mam_engine *engine,
                                         const struct mam_leverage_rule_instrument *message, uint16_t *field);

/* --- leverage.c: margin through tiers, and what it leaves of a buffer --- */
/* Maintenance margin of an exposure; tiers included, but for those of a pool. */
enum mam_reason mam_need_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                            const struct mam_exposure *exposure, struct mam_need *need);
void mam_pools_add(struct mam_pools *pools, const struct mam_need *need);
/* What their tiers make of the sums, less the sums. */
__int128 mam_pools_change(const struct mam_engine *engine, const struct mam_pools *pools);
/* Works account_book.tiered out again, and moves its margin. */
void mam_account_pools(struct mam_engine *engine, uint32_t account);
/* The volume of an order that a margin buffer leaves an account with a stake or tiers in the instrument. */
int64_t mam_buffer_volume(struct mam_engine *engine, uint32_t account, uint32_t instrument, uint8_t side,
                          int64_t price, int64_t buffer, enum mam_reason *reason);

/* --- zones.c: local time --- */
uint16_t mam_on_time_zone(struct mam_engine *engine, const struct mam_time_zone *message, uint16_t *field);
bool mam_zone_known(const struct mam_engine *engine, uint32_t zone);
/* Local time of a zone (0: UTC). */
int64_t mam_local_time(const struct mam_engine *engine, uint32_t zone, int64_t time);
/* The next beginning of a day after `time` where it begins that long after local midnight; UTC. */
int64_t mam_next_day(const struct mam_engine *engine, uint32_t zone, int64_t time, int64_t begins);

/* --- value.c: marks, profit, figures --- */
/* A source's quote has changed: the mark is the quote of the bridge that announced the instrument, if that
 * bridge quotes it and the quote is not older than staleAfter, else the best of all LPs. */
void mam_mark_moved(struct mam_engine *engine, uint32_t instrument);
/* Is the newest quote that the mark is of older than staleAfter? */
bool mam_mark_stale(const struct mam_engine *engine, uint32_t instrument);
/* Does the account hold an instrument whose mark is? */
bool mam_account_stale(const struct mam_engine *engine, uint32_t account);
/* Looks, a slice a Clock, for marks that have become too old, and tells each once. */
#define MAM_MARKS_A_CLOCK 64
void mam_marks_look(struct mam_engine *engine);
void mam_instrument_changed(struct mam_engine *engine, uint32_t instrument);
/* Before its currencies or its calculation mode change: what is converted over it is due. */
void mam_pair_changing(struct mam_engine *engine, uint32_t instrument);
void mam_stake_value(struct mam_engine *engine, uint32_t stake);
/* Has it a profit that can be told? */
bool mam_stake_valued(const struct mam_engine *engine, const struct mam_stake *stake);
/* The server's figures of now have it in them: what we cannot tell of it stays as the server's, until it can
 * be told (first quote, first rate). */
void mam_stake_in_figures(struct mam_engine *engine, uint32_t stake);
/* Exact profit of an exposure at a price, in a currency at the rates of now. */
enum mam_reason mam_profit_of(struct mam_engine *engine, uint32_t instrument, uint8_t currency,
                              const struct mam_exposure *exposure, int64_t bid, int64_t ask, int64_t *profit);
/* Brings every stake of an account to the newest marks. */
void mam_account_value(struct mam_engine *engine, uint32_t account);
/* Brings equity, margin and free margin of an account's row to this moment. */
void mam_account_refresh(struct mam_engine *engine, uint32_t account);
/* Both sides of its positions at the marks, in its currency, rounded up; saturates. Of instrument `without`
 * (MAM_NONE: of none) that side is left out. */
int64_t mam_account_exposure(struct mam_engine *engine, uint32_t account, uint32_t without, uint8_t side);
/* At the marks, 1e-8, rounded up. */
enum mam_reason mam_rate_between(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                 int64_t *rate);
/* Margin currency into account currency, 1e-8: a buy's rounded up at the dearer side; 0: it is not known. */
enum mam_reason mam_margin_rate_of(struct mam_engine *engine, uint32_t account, uint32_t instrument,
                                   uint8_t side, int64_t *rate);
void mam_books_on_clock(struct mam_engine *engine);
/* The server has announced an account anew: leverage. */
void mam_account_changed(struct mam_engine *engine, uint32_t account);
/* An account's figures changed otherwise than by a quote: look at it at the next Clock, if somebody watches.
 */
void mam_account_due(struct mam_engine *engine, uint32_t account);
/* Does anything wait for a level of it? */
bool mam_account_watched(const struct mam_engine *engine, uint32_t account);
void mam_account_due_for_sure(struct mam_engine *engine, uint32_t account);

/* --- agree.c: the server's figures and ours --- */
void mam_account_told(struct mam_engine *engine, uint32_t account, const struct mam_account_state *message);
void mam_account_sync(struct mam_engine *engine, uint32_t account, uint8_t bits, uint8_t mask,
                      int64_t measured, int64_t limit);
uint16_t mam_on_tolerance(struct mam_engine *engine, const struct mam_tolerance *message, uint16_t *field);
/* Why the account takes no new volume for its figures' sake; NONE: it may. */
uint16_t mam_account_unfit(const struct mam_engine *engine, uint32_t account);
void mam_bridge_gap(struct mam_engine *engine, uint32_t bridge);
/* Looks after a bounded number of accounts: whose figures are too old, whose are to be asked for again. */
#define MAM_LOOKED_AFTER 256
void mam_agree_on_clock(struct mam_engine *engine);
void mam_age_limit_told(struct mam_engine *engine, uint32_t before, uint32_t now);

/* --- watch.c: alarms, drawdown, stops --- */
#define MAM_WATCHED_A_CLOCK 32  /* accounts looked at */
#define MAM_CLOSED_A_CLOCK 4    /* positions closed out */
#define MAM_CLOSING_A_CLOCK 64  /* members looked at for that */
#define MAM_WATCHED_OUTPUTS 440 /* most messages of it, but for those of one account's members */
/* True when it used up what one Clock may do. */
bool mam_watch_on_clock(struct mam_engine *engine);
/* before: its status and terms until now. */
void mam_member_told(struct mam_engine *engine, uint32_t member, const struct mam_member_state *before);
void mam_account_forgotten(struct mam_engine *engine, uint32_t account);
void mam_account_flow(struct mam_engine *engine, uint32_t account, int64_t amount);
/* A zone's clocks are known better: when days begin is worked out again, at the next Clock. */
void mam_days_changed(struct mam_engine *engine);
bool mam_member_stopped(const struct mam_engine *engine, const struct mam_member_state *member);

#endif
