/*
 * What an LP has filled of a leg: the fills that we have, and what its cumulative volumes say beside them.
 * Reports may be lost and come later, or come after a status answer has told their volume; busts and
 * corrections lower the cumulative volume that later reports count from.
 */
#ifndef MAM_LEG_SUM_H
#define MAM_LEG_SUM_H

#include <stdbool.h>
#include <stdint.h>

/* A stretch of the LP's cumulative volume, as its reports counted it. */
struct mam_span {
    int64_t from, to;
};

struct mam_leg_sum {
    int64_t known;        /* sum of the fills that we have */
    int64_t highest;      /* the largest cumulative volume heard of; more than known: a fill is missing */
    int64_t by_status;    /* of known: told by a status answer, its own report has not come */
    __int128 notional;    /* of known: sum of price x volume */
    __int128 by_average;  /* of notional: what the status answers' averages made of by_status */
    struct mam_span hole; /* while a fill is missing: where it is */
    struct mam_span told; /* while by_status > 0: where that is */
};

/* What a fill's figures say. */
enum mam_fill_place {
    MAM_FILL_NEWER,       /* it follows all that we have heard of */
    MAM_FILL_MISSING,     /* it fills a hole */
    MAM_FILL_TOLD,        /* a status answer has told it */
    MAM_FILL_KNOWN,       /* all up to it is known, under another number */
    MAM_FILL_CONTRADICTS, /* it would cover what is known */
};

static inline bool mam_span_holds(const struct mam_span *span, int64_t from, int64_t to) {
    return from >= span->from && to <= span->to;
}

static inline enum mam_fill_place mam_sum_place(const struct mam_leg_sum *sum, int64_t volume,
                                                int64_t cumulative) {
    int64_t start = cumulative - volume;
    bool fits = volume <= sum->highest - sum->known;
    if (volume <= sum->by_status && mam_span_holds(&sum->told, start, cumulative)) {
        return MAM_FILL_TOLD;
    }
    if (cumulative <= sum->highest) {
        return fits ? MAM_FILL_MISSING : MAM_FILL_KNOWN;
    }
    if (start >= sum->highest) {
        return MAM_FILL_NEWER;
    }
    return fits && mam_span_holds(&sum->hole, start, cumulative) ? MAM_FILL_MISSING : MAM_FILL_CONTRADICTS;
}

/* The LP has filled `cumulative`; of what is new to us we have a fill that begins at `start`, if any. */
static inline void mam_sum_heard(struct mam_leg_sum *sum, int64_t start, int64_t cumulative) {
    if (start > sum->highest) {
        sum->hole =
            (struct mam_span){.from = sum->highest > sum->known ? sum->hole.from : sum->highest, .to = start};
    }
    sum->highest = cumulative > sum->highest ? cumulative : sum->highest;
}

/* A fill that we have. */
static inline void mam_sum_add(struct mam_leg_sum *sum, int64_t volume, __int128 notional) {
    sum->known += volume;
    sum->notional += notional;
}

/* A status answer has told what was missing. */
static inline void mam_sum_tell(struct mam_leg_sum *sum, int64_t missing, __int128 notional) {
    struct mam_span *told = &sum->told;
    if (sum->by_status == 0) {
        *told = sum->hole;
    } else {
        told->from = sum->hole.from < told->from ? sum->hole.from : told->from;
        told->to = sum->hole.to > told->to ? sum->hole.to : told->to;
    }
    sum->by_status += missing;
    sum->by_average += notional;
    mam_sum_add(sum, missing, notional);
}

/* The price that an average of all leaves for what is missing. False: none from 1 to `most`. */
static inline bool mam_sum_price_missing(const struct mam_leg_sum *sum, int64_t cumulative, int64_t average,
                                         int64_t most, __int128 *notional, int64_t *price) {
    int64_t missing = cumulative - sum->known;
    *notional = (__int128)cumulative * average - sum->notional;
    bool good =
        average > 0 && average <= most && *notional >= missing && *notional <= (__int128)missing * most;
    *price = good ? (int64_t)(*notional / missing) : 0;
    return good;
}

/* The price that is left for the rest of what was told, once a fill of it is reported; 0: none that is one.
 */
static inline int64_t mam_sum_price_left(const struct mam_leg_sum *sum, int64_t volume, int64_t price,
                                         int64_t most) {
    int64_t left = sum->by_status - volume;
    if (left == 0) {
        return price;
    }
    __int128 notional = sum->by_average - (__int128)volume * price;
    return notional >= left && notional <= (__int128)left * most ? (int64_t)(notional / left) : 0;
}

/* The own report of a fill that was told. With the last of them the reports' prices replace the averages. */
static inline void mam_sum_reported(struct mam_leg_sum *sum, int64_t volume, int64_t price) {
    sum->by_status -= volume;
    sum->by_average -= (__int128)volume * price;
    if (sum->by_status == 0) {
        sum->notional -= sum->by_average;
        sum->by_average = 0;
    }
}

static inline int64_t mam_lowered(int64_t volume, int64_t by) {
    return volume > by ? volume - by : 0;
}

/* A fill is taken back. What was missing may have been reported before that, or counts from less now. */
static inline void mam_sum_undo(struct mam_leg_sum *sum, int64_t volume, __int128 notional) {
    mam_sum_add(sum, -volume, -notional);
    sum->highest -= volume;
    sum->hole.from = mam_lowered(sum->hole.from, volume);
    sum->told.from = mam_lowered(sum->told.from, volume);
}

/* May `added` come in the place of a fill of `undone`, with no volume of the sum over `most`? */
static inline bool mam_sum_fits(const struct mam_leg_sum *sum, int64_t undone, int64_t added, int64_t most) {
    return sum->known - undone <= most - added && sum->highest <= most - added;
}

/* The cumulative volume of a report that took fills back, by `less` in all (below 0: added). */
static inline void mam_sum_compare(struct mam_leg_sum *sum, int64_t cumulative, int64_t less) {
    if (cumulative > sum->highest) {
        mam_sum_heard(sum, cumulative, cumulative);
        sum->hole.to += less > 0 ? less : 0;
        sum->hole.from = less < 0 ? mam_lowered(sum->hole.from, -less) : sum->hole.from;
    }
}

#endif
