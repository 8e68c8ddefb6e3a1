/*
 * Drawdown of an account: what it has lost against its start, the day's start, or its high-water mark; and
 * the alarm of an account, which speaks once per crossing. Pure; the rules: docs/margin.md.
 *
 * Money 1e-6; percent and factors 1e-8; time ns since the Unix epoch.
 */
#ifndef MAM_DRAWDOWN_H
#define MAM_DRAWDOWN_H

#include <stdint.h>

#include "mam/messages.h"

/* cdef: begin */
/* What equity is measured against. */
struct mam_drawdown {
    int64_t initial, day_start, high_water;
    int64_t day; /* number of the day that day_start is of */
};

/* Measured from now on: all three marks are this equity. day_begins: ns after midnight UTC, within one day.
 */
void mam_drawdown_start(struct mam_drawdown *drawdown, int64_t equity, int64_t now, int64_t day_begins);

/*
 * Equity now. The first equity that is seen of a later day is that day's mark (an earlier time changes no
 * day); a higher one than ever is the high-water mark. 1: a day has begun.
 */
uint8_t mam_drawdown_observe(struct mam_drawdown *drawdown, int64_t equity, int64_t now, int64_t day_begins);

/* A deposit (> 0) or withdrawal (< 0) moves all marks with it: neither is profit or loss. OVERFLOW: nothing
 * was done. */
enum mam_reason mam_drawdown_flow(struct mam_drawdown *drawdown, int64_t amount);

/* Money lost against the mark of `basis` (enum mam_drawdown_basis), >= 0; 0 for none and unknown ones. */
int64_t mam_drawdown_loss(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity);

/* The same as percent of the mark, rounded up; INT64_MAX: a loss against a mark that is not above 0, or too
 * much. */
int64_t mam_drawdown_percent(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity);

/* 1: the loss is `percent` of the mark or more, or `money` or more; a limit that is <= 0 is none. The
 * comparison is exact. */
uint8_t mam_drawdown_reached(const struct mam_drawdown *drawdown, uint8_t basis, int64_t equity,
                             int64_t percent, int64_t money);

/* How bad it is with an account; each is worse than the one before. */
#define MAM_ALARM_NONE 0
#define MAM_ALARM_WARNING 1
#define MAM_ALARM_MARGIN_CALL 2
#define MAM_ALARM_STOP_OUT 3
#define MAM_ALARMS 3

/*
 * The alarm after `equity`: the worst whose level it is at or under; an alarm that is on goes off only above
 * its level by `slack` (money, >= 0). A caller alerts when the answer is worse than `alarm`: once per
 * crossing, however equity trembles at the level. at[i]: equity at and under which alarm i + 1 is on
 * (mam_level_equity; INT64_MIN: never).
 */
uint8_t mam_alarm_next(uint8_t alarm, int64_t equity, const int64_t *at, int64_t slack);
/* cdef: end */

#endif
