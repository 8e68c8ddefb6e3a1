/*
 * The same mix of prices for every member. Each cell of the table (member x price) has the whole steps of its
 * exact share, or one more. The steps that are left make a table of noughts and ones whose sums by row and
 * column are given. The exact remainders fill that table, so it can be filled (the margins of a transport
 * problem are integers); and giving each column's to the rows that need most never fails (Gale 1957, Ryser
 * 1957).
 */
#include "allocate.h"

#include <string.h>

#include "mix.h"
#include "select.h"
#include "workspace.h"

static enum mam_reason check(uint32_t count, int64_t step, const int64_t *volumes, mam_uint128 *total) {
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (volumes[i] < 0) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        if (volumes[i] % step != 0) {
            return MAM_REASON_OFF_STEP;
        }
        *total += (uint64_t)volumes[i];
    }
    return *total > INT64_MAX ? MAM_REASON_OVERFLOW : MAM_REASON_NONE;
}

/* Takes the whole steps of the exact shares out of what members need. Returns what is left of the part. */
static uint64_t take_whole(uint32_t count, int64_t step, const int64_t *volume, const struct mam_ratio *share,
                           uint64_t part, uint64_t *need) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t whole = mam_ratio_floor(share, (uint64_t)(volume[i] / step));
        need[i] -= whole;
        part -= whole;
    }
    return part;
}

/* One step each to those who need most; among equals to the largest remainder, then to the lowest login. */
static void give_left(uint32_t count, int64_t step, const uint64_t *login, const int64_t *volume,
                      const struct mam_ratio *share, uint32_t left, uint64_t bit, uint64_t *more,
                      const struct mam_workspace *ws) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        mam_ratio_apply(share, (uint64_t)(volume[i] / step), &ws->remainder[i]);
        ws->list[n] = i;
        n += ws->extra[i] > 0;
    }
    MAM_ASSERT(left <= n);
    struct mam_order order = {
        .criteria = {{ws->extra, MAM_LARGEST}, {ws->remainder, MAM_LARGEST}, {login, MAM_SMALLEST}}};
    mam_select_members(&order, ws->list, n, left, ws->spare, ws->work);
    for (uint32_t i = 0; i < left; i++) {
        uint32_t member = ws->list[i];
        more[member] |= bit;
        ws->extra[member]--;
    }
}

int64_t mam_mix_volume(int64_t volume, int64_t part, int64_t total, int64_t step, int64_t more) {
    struct mam_ratio share = mam_mix_share(part, total, step);
    return mam_mix_cell(&share, volume, step, more);
}

enum mam_reason mam_divide_mix(uint32_t count, int64_t step, const uint64_t *login, const int64_t *volume,
                               uint32_t parts, const int64_t *part, uint64_t *more, void *scratch) {
    if (count > MAM_ALLOCATION_MAX || step <= 0 || parts > MAM_MIX_PARTS) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    mam_uint128 total;
    mam_uint128 of_parts;
    enum mam_reason reason = check(count, step, volume, &total);
    if (reason == MAM_REASON_NONE) {
        reason = check(parts, step, part, &of_parts);
    }
    if (reason != MAM_REASON_NONE) {
        return reason;
    }
    if (total != of_parts) {
        return MAM_REASON_MEMBERS_SUM;
    }
    memset(more, 0, count * sizeof *more);
    if (total == 0) {
        return MAM_REASON_NONE;
    }
    struct mam_workspace ws = mam_workspace_of(scratch, count);
    uint64_t left[MAM_MIX_PARTS];
    struct mam_ratio share[MAM_MIX_PARTS];
    for (uint32_t i = 0; i < count; i++) {
        ws.extra[i] = (uint64_t)(volume[i] / step);
    }
    for (uint32_t j = 0; j < parts; j++) {
        share[j] = mam_mix_share(part[j], (int64_t)total, step);
        left[j] = take_whole(count, step, volume, &share[j], (uint64_t)(part[j] / step), ws.extra);
    }
    for (uint32_t j = 0; j < parts; j++) {
        give_left(count, step, login, volume, &share[j], (uint32_t)left[j], UINT64_C(1) << j, more, &ws);
    }
    for (uint32_t i = 0; i < count; i++) {
        MAM_ASSERT(ws.extra[i] == 0);
    }
    return MAM_REASON_NONE;
}
