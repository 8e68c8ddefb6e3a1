/*
 * Every state of a block x everything that can happen to it: what is done. A pair that is not in the table is
 * impossible: counted, alarmed, refused. Drawn in docs/blocks.md.
 */
#ifndef MAM_BLOCK_TABLE_H
#define MAM_BLOCK_TABLE_H

#include <stdint.h>

struct mam_engine;
struct mam_block;

/* The first six in the order of enum mam_execution_kind, the next four of enum mam_booking_status. */
enum mam_block_event {
    MAM_EVENT_TRADE,
    MAM_EVENT_REJECTED,
    MAM_EVENT_ENDED,
    MAM_EVENT_CORRECT,
    MAM_EVENT_BUST,
    MAM_EVENT_STATUS,
    MAM_EVENT_BOOKED,
    MAM_EVENT_REFUSED,
    MAM_EVENT_RETRY,
    MAM_EVENT_UNKNOWN,
    MAM_EVENT_CANCEL,
    MAM_EVENT_KILL,
    MAM_EVENT_CLOCK,
    MAM_EVENTS
};

/* cdef: begin */
/* What the table says: the handler's name; empty: impossible. enum mam_block_status (0: gone) x enum
 * mam_block_event. */
const char *mam_block_action(uint32_t status, uint32_t event);
/* cdef: end */

/* What is done; `message` is of the event's type (NULL for kill and clock). Returns why it is refused. */
typedef uint16_t (*mam_block_handler)(struct mam_engine *engine, struct mam_block *block, const void *message,
                                      uint16_t *field);

/* `block` NULL: it is gone. `id` is the block that the message names, `login` the account, for the alarm. */
uint16_t mam_block_event(struct mam_engine *engine, struct mam_block *block, enum mam_block_event event,
                         const void *message, uint16_t *field, uint32_t id, uint64_t login);
/* Counts and alarms what the table does not allow, or what is nonsense in itself. Returns the reason. */
uint16_t mam_impossible(struct mam_engine *engine, uint32_t block, uint64_t login, uint16_t reason);

/* --- the handlers --- */
/* executions.c */
uint16_t mam_take_trade(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_rejected(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_ended(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_correct(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_bust(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_status(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
/* late.c: of a block that is gone */
uint16_t mam_late_trade(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_correct(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_bust(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_status(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_end(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_booked(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_late_refused(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
/* booking.c */
uint16_t mam_take_booked(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_refused(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_retry(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_take_unknown(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
/* block.c, legs.c */
uint16_t mam_cancel_working(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_cancel_gone(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_cancel_late(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_kill_working(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_kill_later(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_clock_legs(struct mam_engine *, struct mam_block *, const void *, uint16_t *);
uint16_t mam_clock_allocating(struct mam_engine *, struct mam_block *, const void *, uint16_t *);

#endif
