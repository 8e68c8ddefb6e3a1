/* The embedded account server: a bridge of role broker, MT-style. It runs a script of master orders, closed
 * loop: a group's next order goes out when its previous one has ended, and groups do not wait for each other.
 * The ledger and the desk judge what comes back.
 *
 * Latency of an order: from just before its MasterDeal or MasterOrder is written into the ring, to the moment
 * at which its last child was read from the ring (all that is there is read and stamped before any of it is
 * worked on).
 *
 * Before a group's next order leaves, all answers and account states of its previous one are in the ring: so
 * the engine plans from the same figures in every run of one script. */
#ifndef MAM_BROKER_ACCOUNT_SERVER_H
#define MAM_BROKER_ACCOUNT_SERVER_H

#include <stdint.h>

#include "desk.h"
#include "ledger.h"

/* cdef: begin */
#define MAM_SERVER_WORKING 0  /* the time is over */
#define MAM_SERVER_COMPLETE 1 /* every released order has ended, everything is sent */
#define MAM_SERVER_NO_PRICE 2 /* an order is due, but its instrument has no price yet */

struct mam_server_config {
    uint64_t seed;
    uint32_t max_bookings; /* children of the whole run, refusals included */
    uint32_t refuse_per_mille;
    uint32_t batch;       /* ServerTerms: bookings of one call; 0: none are told */
    uint32_t window;      /* ServerTerms: bookings without an answer; 0: no limit of ours */
    uint32_t send_states; /* 1: an AccountState of each account after a block in which it took part */
};

struct mam_server_counts {
    int64_t sent;         /* messages of all kinds */
    int64_t children;     /* distinct bookings seen */
    int64_t reports;      /* BookingReports sent */
    int64_t states;       /* AccountStates sent */
    int64_t rejects;      /* Reject messages of the engine */
    int64_t alerts;       /* RiskAlerts of the engine */
    int64_t batches;      /* calls of Bookings */
    int64_t batch_most;   /* Bookings of the largest */
    int64_t waiting_most; /* Bookings that were read and not yet answered, at most */
    int64_t queries;      /* BookingQuery: answered with all that is known of the block */
    int64_t backpressure; /* writes that found no room and were tried again */
};

struct mam_server;

/* Instruments, accounts and orders are copied. NULL: an argument is out of range, or memory is short. */
struct mam_server *mam_server_new(const struct mam_ledger_instrument *instruments, uint32_t instrument_count,
                                  const struct mam_ledger_account *accounts, uint32_t account_count,
                                  const struct mam_desk_order *orders, uint32_t order_count,
                                  const struct mam_server_config *config);
void mam_server_free(struct mam_server *server);
/* 0, or a MAM_ERROR_* or MAM_RING_* code. */
int mam_server_attach(struct mam_server *server, const char *instance, const char *bridge);
/* For tests: rings in any memory; `in` is what the server writes. */
int mam_server_lend(struct mam_server *server, void *in, uint64_t in_length, void *out, uint64_t out_length);
/* Queues Instrument, Account and AccountState of all; the next polls send them. */
void mam_server_send_reference(struct mam_server *server);
/* The process stops itself (SIGSTOP) when it has read the next Booking and not answered it; false: no longer.
 */
void mam_server_stand_still(struct mam_server *server, int wanted);
/* Sets the server's own last price; orders execute at it. 0: not a usable quote. */
int mam_server_price(struct mam_server *server, uint32_t instrument, int64_t bid, int64_t ask);
/* Orders up to number `until` may go, at most `in_flight` at a time (0: no limit), `interval_ns` apart. */
void mam_server_release(struct mam_server *server, uint32_t until, uint32_t in_flight, int64_t interval_ns);
/* Works for at most `slice_ns`. MAM_SERVER_* or a negative error code. COMPLETE is said once, at once, for
 * each release and for the reference data. */
int mam_server_poll(struct mam_server *server, int64_t slice_ns);
const struct mam_desk_order *mam_server_orders(const struct mam_server *server);
const struct mam_server_counts *mam_server_counts(const struct mam_server *server);
struct mam_desk *mam_server_desk(struct mam_server *server);
struct mam_ledger *mam_server_ledger(struct mam_server *server);
const char *mam_server_error(int status);
/* cdef: end */

#endif
