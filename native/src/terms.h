/*
 * What a member brings to a plan: its weight, and how much its constraints allow. Private to the engine.
 *
 * Everything that members share (prices, currency rates, margin per lot at a leverage) is worked out once a
 * plan and kept in struct mam_terms, since a group has many members and few currencies and leverages.
 */
#ifndef MAM_TERMS_H
#define MAM_TERMS_H

#include <mam/messages.h>
#include <stdbool.h>

#include "formula.h"

#define MAM_TERMS_CURRENCIES 64
#define MAM_TERMS_MARGINS 16 /* leverage and currency pairs kept; more are worked out anew */

struct mam_engine;
struct mam_block;
struct mam_member_state;

/* A figure per lot in some account's currency; of this plan if its stamp is the plan's. */
struct mam_term {
    uint64_t stamp;
    uint8_t good; /* else reason says why not */
    uint16_t reason;
    struct mam_per_lot per_lot;
};

/* How money of one currency becomes the group's at mid: up to two steps of numerator / denominator. */
struct mam_mid_path {
    uint64_t stamp;
    uint8_t good, steps;
    __int128 times[2], by[2];
};

struct mam_terms {
    uint64_t stamp; /* one more with every plan, so that nothing has to be cleared */
    int64_t price;  /* at which the order would trade; 0: no usable quote */
    struct mam_mid_path mid[MAM_TERMS_CURRENCIES];
    struct mam_term loss[MAM_TERMS_CURRENCIES], exposure[MAM_TERMS_CURRENCIES];
    struct {
        uint32_t leverage, server_group;
        uint8_t currency;
        struct mam_term term;
    } margin[MAM_TERMS_MARGINS];
};

struct mam_cap {
    int64_t volume;  /* INT64_MAX: none */
    uint16_t reason; /* of the binding constraint */
    uint8_t binding; /* enum mam_constraint */
    int64_t minimum; /* least volume that the member can trade */
};

/* --- rates.c --- */
/* Best bid and ask over all LPs (of crossed LPs, the cheaper is the bid). False: nobody quotes. */
bool mam_best_quote(struct mam_engine *engine, uint32_t instrument, int64_t *bid, int64_t *ask);
/* The same; *newest is the time of the newest of them. */
bool mam_best_quote_at(struct mam_engine *engine, uint32_t instrument, int64_t *bid, int64_t *ask,
                       int64_t *newest);
/* The steps from one currency to another: a pair of both, else over USD. NO_RATE: there is no path. */
enum mam_reason mam_conversion_of(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                  struct mam_conversion *conversion);
/* The same at the marks that accounts are valued at: the last known prices. */
enum mam_reason mam_conversion_at_marks(struct mam_engine *engine, uint8_t from, uint8_t to, bool high,
                                        struct mam_conversion *conversion);
/* The instruments whose marks convert one currency into another. Returns how many; 0: none, or the same
 * currency. */
uint32_t mam_mark_path(struct mam_engine *engine, uint8_t from, uint8_t to, uint32_t instruments[2]);
/* A term's last step: its per_lot, worked out with `reason`, in the account's currency. It is then this
 * plan's. */
const struct mam_term *mam_term_settle(struct mam_engine *engine, struct mam_term *term,
                                       enum mam_reason reason, uint8_t from, uint8_t to, bool high);
/* money of a currency in the group's at mid, rounded down. False: no path, or it does not fit. */
bool mam_at_mid(struct mam_engine *engine, struct mam_terms *terms, int64_t money, uint8_t from, uint8_t to,
                int64_t *out);

/* --- measure.c --- */
/* Forgets the last plan's figures; the price is the block's own, else the best quote of its side. */
void mam_terms_begin(struct mam_engine *engine, const struct mam_block *block);
/* The member's measure (0 where the method has none) and weight or desired volume; why it has none. */
uint16_t mam_weigh(struct mam_engine *engine, const struct mam_block *block,
                   const struct mam_member_state *member, int64_t *measure, int64_t *weight);

/* --- constraints.c --- */
/* Every constraint as a volume; the tightest is named, of equal ones the first in the design's order. */
struct mam_cap mam_cap_of(struct mam_engine *engine, const struct mam_block *block,
                          const struct mam_member_state *member);

#endif
