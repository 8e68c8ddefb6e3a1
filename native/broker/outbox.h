/* What the account server still has to send: reference data, answers to bookings, account states, in this
 * order. The queues hold keys only; the message is made when there is room in the ring, so nothing here waits
 * for the engine. */
#ifndef MAM_BROKER_OUTBOX_H
#define MAM_BROKER_OUTBOX_H

#include "station.h"

#include <stdbool.h>
#include <stdint.h>

#include "account_server.h"

struct mam_outbox_answer {
    uint32_t booking; /* index; UINT32_MAX: refused without a record */
    uint32_t code;
    uint32_t block;
    uint32_t child;
    uint64_t login;
    bool again; /* a BookingQuery asked for it */
};

struct mam_outbox {
    struct mam_outbox_answer *answers;                 /* a queue over a power of two */
    uint32_t *states;                                  /* account indexes: a queue; each at most once */
    bool *state_queued;                                /* [account] */
    bool *tells;                                       /* [account]: its positions go before its state */
    uint32_t told;                                     /* of the positions at work */
    uint32_t *instruments;                             /* ids */
    uint32_t answers_size, answers_head, answers_tail; /* head and tail only grow */
    uint32_t states_head, states_tail, account_count;
    uint32_t instrument_count, reference_at;
    uint32_t unanswered;    /* Bookings read, less those whose first answer is in the ring */
    uint32_t batch, window; /* ServerTerms, the first of the reference data; batch 0: none are told */
    bool reference_left;
};

bool mam_outbox_init(struct mam_outbox *outbox, uint32_t account_count, uint32_t max_bookings);
void mam_outbox_free(struct mam_outbox *outbox);
void mam_outbox_reference(struct mam_outbox *outbox, const struct mam_ledger_instrument *instruments,
                          uint32_t count, uint32_t account_count);
/* How many more answers can be queued. */
uint32_t mam_outbox_room(const struct mam_outbox *outbox);
void mam_outbox_answer(struct mam_outbox *outbox, const struct mam_outbox_answer *answer);
void mam_outbox_state(struct mam_outbox *outbox, uint32_t account);
/* The same, after its positions: the open ones, and the last that were closed. */
void mam_outbox_positions(struct mam_outbox *outbox, uint32_t account);
/* True: nothing is left. */
bool mam_outbox_flush(struct mam_outbox *outbox, struct mam_station *station, const struct mam_ledger *ledger,
                      const struct mam_desk *desk, struct mam_server_counts *counts);

bool mam_outbox_deal(struct mam_station *station, const struct mam_desk_order *order, uint32_t number);
bool mam_outbox_order(struct mam_station *station, const struct mam_desk_order *order, uint32_t number);

#endif
