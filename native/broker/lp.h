/* An embedded liquidity provider: a bridge of role LP. It quotes from recorded ticks and answers legs: fills
 * whole, fills in part, rejects, or stays silent, by seeded chance.
 *
 * A leg is immediate-or-cancel. Its answer is made once and kept: one or two trades, then `ended` when less
 * than the leg was filled; or `rejected`. A repeated leg gets the same answer again, with the same execution
 * numbers; a LegCancel gets the end of the answer, and a leg that is cancelled before it was seen is never
 * filled. Chance is drawn from the seed and the leg's count at this LP, not from the time. */
#ifndef MAM_BROKER_LP_H
#define MAM_BROKER_LP_H

#include <stdint.h>

/* cdef: begin */
struct mam_lp_tick {
    int64_t time_ns; /* since the epoch, UTC */
    int64_t bid;     /* 1e-8 */
    int64_t ask;
    uint32_t instrument;
    uint32_t zero;
};

struct mam_lp_instrument {
    uint32_t id;
    uint32_t zero;
    int64_t markup;   /* taken off the bid and put on the ask, 1e-8 */
    int64_t point;    /* smallest price step, 1e-8 */
    int64_t step;     /* volume step, 1e-8 lot */
    int64_t size_min; /* of a quote, 1e-8 lot */
    int64_t size_max;
};

struct mam_lp_config {
    uint64_t seed;
    uint32_t max_legs;
    uint32_t partial_per_mille;
    uint32_t reject_per_mille;
    uint32_t silent_per_mille;
    uint32_t crossed_per_mille; /* of the quotes: bid and ask change places; the engine must reject them */
};

struct mam_lp_counts {
    int64_t sent; /* messages of all kinds */
    int64_t quotes;
    int64_t crossed; /* of these: bid above ask, from the file or by chance */
    int64_t legs;    /* distinct */
    int64_t repeated;
    int64_t cancels;
    int64_t trades;
    int64_t partials; /* legs filled in part */
    int64_t rejected;
    int64_t silent;
    int64_t changed_repeats; /* a leg again, with other content: a fault of the appliance */
    int64_t malformed;
    int64_t gaps;
    int64_t rejects; /* Reject messages of the engine */
};

/* What an LP answered to a leg. */
struct mam_lp_leg {
    uint64_t execution; /* number of the first report; the others follow it */
    int64_t asked;      /* 0: cancelled before it was seen */
    int64_t limit;
    int64_t filled[2];
    int64_t price[2];
    uint32_t block;
    uint32_t leg;
    uint32_t instrument;
    uint32_t code; /* of a rejection, else 10009 or 10010 */
    uint8_t side;
    uint8_t rejected;
    uint8_t silent;
    uint8_t zero;
};

struct mam_lp;

/* Ticks are not copied and must outlive the LP. NULL: an argument is out of range, or memory is short. */
struct mam_lp *mam_lp_new(const struct mam_lp_instrument *instruments, uint32_t instrument_count,
                          const struct mam_lp_tick *ticks, uint64_t tick_count,
                          const struct mam_lp_config *config);
void mam_lp_free(struct mam_lp *lp);
/* 0, or a MAM_ERROR_* or MAM_RING_* code. */
int mam_lp_attach(struct mam_lp *lp, const char *instance, const char *bridge);
/* For tests: rings in any memory; `in` is what the LP writes. */
int mam_lp_lend(struct mam_lp *lp, void *in, uint64_t in_length, void *out, uint64_t out_length);
/* Ticks before number `until` may be quoted, `interval_ns` apart (0: as fast as the ring takes them). */
void mam_lp_release(struct mam_lp *lp, uint64_t until, int64_t interval_ns);
/* Zero prices on all instruments at the next poll: nothing is quoted any more. */
void mam_lp_withdraw(struct mam_lp *lp);
/* The process stops itself (SIGSTOP) when it has taken the next leg and not answered it; false: no longer. */
void mam_lp_stand_still(struct mam_lp *lp, int wanted);
/* Works for at most `slice_ns`. 1: all released quotes and all answers are out; said once, at once, for each
 * release. 0: the time is over. Negative: error. */
int mam_lp_poll(struct mam_lp *lp, int64_t slice_ns);
uint64_t mam_lp_quoted(const struct mam_lp *lp);
const struct mam_lp_counts *mam_lp_counts(const struct mam_lp *lp);
uint32_t mam_lp_legs(const struct mam_lp *lp, const struct mam_lp_leg **legs);
/* cdef: end */

#endif
