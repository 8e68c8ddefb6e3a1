/* The dealing desk of the embedded account server: the masters' orders, the blocks that the appliance makes
 * of them, and every child that it is asked to book. No rings and no clock: account_server.c brings the
 * messages.
 *
 * What it holds against the appliance: all children of a block have the order's instrument, side and price,
 * belong to the order's group and never add up to more than the master has; a (block, child) is booked once;
 * when a block ends, what was booked is what the appliance says; a full close leaves nothing. Each breach is
 * counted by name. */
#ifndef MAM_BROKER_DESK_H
#define MAM_BROKER_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

/* cdef: begin */
enum mam_violation {
    MAM_VIOLATION_UNKNOWN_LOGIN,      /* or a login that is not of the order's group */
    MAM_VIOLATION_UNKNOWN_INSTRUMENT, /* or not the order's */
    MAM_VIOLATION_VOLUME,             /* zero, off step, over the maximum */
    MAM_VIOLATION_PRICE,              /* zero or negative */
    MAM_VIOLATION_ONE_PRICE,          /* not the price of the block */
    MAM_VIOLATION_SIDE,               /* side or entry is not the order's */
    MAM_VIOLATION_POSITION,           /* closes a ticket that is not held, or not of this master position */
    MAM_VIOLATION_OVER_CLOSE,         /* closes more than is held */
    MAM_VIOLATION_PERMISSION,         /* trades what the account or instrument may not */
    MAM_VIOLATION_OVER_ALLOCATED,     /* children add up to more than the master has */
    MAM_VIOLATION_CHANGED_REPEAT,     /* a (block, child) again, with other content */
    MAM_VIOLATION_WRONG_BLOCK,        /* a child of no order at work, or a report that names another */
    MAM_VIOLATION_CONSERVATION,       /* sums of a finished block do not agree */
    MAM_VIOLATION_CHILDREN,           /* what was seen of the children is not what was reported */
    MAM_VIOLATION_RESIDUE,            /* a full close left something */
    MAM_VIOLATION_GAP,                /* a sequence number was skipped */
    MAM_VIOLATION_MALFORMED,          /* not a message of the schema */
    MAM_VIOLATION_BATCH,              /* more Bookings in one call than the server takes */
    MAM_VIOLATION_WINDOW,             /* more Bookings without an answer than the server takes */
    MAM_VIOLATION_TABLE_FULL,         /* the server's own limit; size it larger */
    MAM_VIOLATIONS
};

enum mam_order_state {
    MAM_ORDER_WAITING,
    MAM_ORDER_ACTIVE,
    MAM_ORDER_DONE,
    MAM_ORDER_REJECTED, /* by the appliance; also rolled back */
    MAM_ORDER_SKIPPED   /* a close of nothing */
};

/* One line of the script. */
struct mam_desk_order {
    uint32_t group; /* 1 or more */
    uint32_t instrument;
    int64_t volume;    /* 0 for a close: all that is left */
    int64_t deviation; /* stp: worst acceptable distance from the price seen */
    uint32_t closes;   /* 0: opens; else which order (its number from 1) opened what this one closes */
    uint8_t side;      /* of the deal */
    uint8_t execution; /* 0 post_trade, 1 stp */
    uint8_t state;     /* set by the desk from here on */
    uint8_t refusals;  /* 1: a child of it was refused */
    uint32_t block;
    uint32_t children;
    int64_t price;      /* at which the server executed, or which the master saw */
    int64_t executed;   /* volume sent */
    int64_t filled;     /* volume, as the appliance reported */
    int64_t remaining;  /* an opening order: what the master still holds */
    int64_t held;       /* an opening order: what its children still hold */
    int64_t sent_ns;    /* monotonic, just before the ring write */
    uint64_t sequence;  /* of the message */
    int64_t latency_ns; /* to the sight of the last child; -1: none */
};

struct mam_booking_request {
    uint32_t block;
    uint32_t child;
    struct mam_ledger_request deal;
};

struct mam_desk_booking {
    struct mam_booking_request asked;
    uint64_t deal;     /* 0: refused */
    uint64_t position; /* ticket */
    uint32_t code;
    uint32_t order; /* number from 1; 0: none */
    uint32_t next;  /* index of the block's next booking, UINT32_MAX: none */
};

struct mam_block_report {
    uint64_t order; /* tickets */
    uint64_t deal;
    uint32_t group;
    uint32_t block;
    int64_t volume;
    int64_t filled;
    int64_t allocated;
    int64_t house;
    int64_t price;
    uint32_t children;
    uint32_t status; /* BlockStatus */
};

struct mam_desk_counts {
    int64_t violations[MAM_VIOLATIONS];
    int64_t submitted;
    int64_t done;
    int64_t rejected;
    int64_t skipped;
    int64_t booked;
    int64_t refused;  /* all refusals */
    int64_t no_money; /* of these: too little free margin */
    int64_t injected; /* of these: made by fault injection */
    int64_t repeated;
};

/* The first violation, for the person who must find it. */
struct mam_violation_detail {
    int32_t kind; /* -1: none so far */
    uint32_t block;
    uint32_t child;
    uint64_t login;
    int64_t expected;
    int64_t found;
};

struct mam_desk;

/* The ledger and the orders are the caller's and stay his; the orders are written by the desk. NULL: a
 * closing order that does not fit its opening one, group 0, or no memory. */
struct mam_desk *mam_desk_new(struct mam_ledger *ledger, struct mam_desk_order *orders, uint32_t order_count,
                              uint32_t max_bookings, uint64_t seed, uint32_t refuse_per_mille);
void mam_desk_free(struct mam_desk *desk);
/* Executes (post_trade) or prepares (stp) order `number`, from 1: sets price, executed volume and state. 1:
 * it is to be sent; 0: there is nothing to close, it is skipped; -1: no price yet. */
int mam_desk_submit(struct mam_desk *desk, uint32_t number);
/* Books a child. Returns the index of its booking (a repeat: the first one's); UINT32_MAX with `code` set:
 * refused without a record (a changed repeat, a full table). */
uint32_t mam_desk_book(struct mam_desk *desk, const struct mam_booking_request *request, uint32_t *code);
/* A MasterReport. Returns the number of the order that ended by it, else 0. */
uint32_t mam_desk_report(struct mam_desk *desk, const struct mam_block_report *report);
/* The appliance refused the master's message itself. */
void mam_desk_reject(struct mam_desk *desk, uint32_t number);
uint32_t mam_desk_order_of(const struct mam_desk *desk, uint32_t block);
uint32_t mam_desk_bookings(const struct mam_desk *desk, const struct mam_desk_booking **bookings);
/* Index of the first booking of an order; the others follow by `next`. UINT32_MAX: none. */
uint32_t mam_desk_first_booking(const struct mam_desk *desk, uint32_t number);
const struct mam_desk_counts *mam_desk_counts(const struct mam_desk *desk);
const struct mam_violation_detail *mam_desk_violation(const struct mam_desk *desk);
const char *mam_violation_name(uint32_t kind);
uint64_t mam_desk_order_ticket(uint32_t number);
uint64_t mam_desk_deal_ticket(uint32_t number);
/* cdef: end */

/* The server has told a window: some Bookings wait for it. */
void mam_desk_set_windowed(struct mam_desk *desk);
void mam_desk_violate(struct mam_desk *desk, enum mam_violation kind,
                      const struct mam_violation_detail *detail);

#endif
