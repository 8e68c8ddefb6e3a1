/* Dividing a close by what each holds. */
#include "allocate.h"

#include <stdbool.h>
#include <string.h>

#include "ratio.h"
#include "select.h"
#include "workspace.h"

/* Whole steps of each exact share into out, the rest into workspace.extra and .remainder; returns what is
 * left. */
static int64_t close_floors(uint32_t count, int64_t step, int64_t closed, uint64_t total, int64_t *out,
                            const struct mam_workspace *ws) {
    struct mam_ratio share = mam_ratio_of((uint64_t)closed, total);
    struct mam_ratio per_step = mam_ratio_of(1, (uint64_t)step);
    int64_t left = closed;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t volume = mam_ratio_apply(&share, (uint64_t)ws->base[i], &ws->remainder[i]);
        mam_ratio_apply(&per_step, volume, &ws->extra[i]);
        out[i] = (int64_t)(volume - ws->extra[i]);
        left -= out[i];
    }
    return left;
}

static bool any_off_step(const int64_t *held, uint32_t count, int64_t step) {
    struct mam_ratio per_step = mam_ratio_of(1, (uint64_t)step);
    uint64_t off_step = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t rest;
        mam_ratio_apply(&per_step, (uint64_t)held[i], &rest);
        off_step |= rest;
    }
    return off_step != 0;
}

/*
 * Largest remainder: each takes a step, or all that it still holds when that is less. One pass is enough:
 * each can take at least its remainder, and the remainders make what is left.
 */
static void give_rest(uint32_t count, int64_t step, const uint64_t *login, int64_t left, bool off_step,
                      int64_t *out, const struct mam_workspace *ws) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        ws->list[n] = i;
        n += (ws->extra[i] | ws->remainder[i]) != 0;
    }
    struct mam_order order = {
        .criteria = {{ws->extra, MAM_LARGEST}, {ws->remainder, MAM_LARGEST}, {login, MAM_SMALLEST}}};
    if (off_step) {
        mam_sort_members(&order, ws->list, n);
    } else {
        mam_select_members(&order, ws->list, n, (uint32_t)(left / step), ws->spare, ws->work);
    }
    for (uint32_t i = 0; left > 0; i++) {
        MAM_ASSERT(i < n);
        uint32_t member = ws->list[i];
        int64_t room = ws->base[member] - out[member];
        int64_t taken = room < step ? room : step;
        taken = left < taken ? left : taken;
        out[member] += taken;
        left -= taken;
    }
}

enum mam_reason mam_divide_close(uint32_t count, int64_t step, const uint64_t *login, const int64_t *held,
                                 int64_t closed, int64_t *out, void *scratch) {
    if (count > MAM_ALLOCATION_MAX || step <= 0 || closed < 0) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    mam_uint128 total = 0;
    bool negative = false;
    for (uint32_t i = 0; i < count; i++) {
        negative |= held[i] < 0;
        total += (uint64_t)held[i];
    }
    if (negative) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (total > INT64_MAX) {
        return MAM_REASON_OVERFLOW;
    }
    if ((uint64_t)closed > (uint64_t)total) {
        return MAM_REASON_HOLDING;
    }
    struct mam_workspace ws = mam_workspace_of(scratch, count);
    if ((uint64_t)closed == (uint64_t)total) {
        memmove(out, held, count * sizeof *out);
        return MAM_REASON_NONE;
    }
    bool off_step = closed % step != 0 || any_off_step(held, count, step);
    memcpy(ws.base, held, count * sizeof *ws.base);
    int64_t left = close_floors(count, step, closed, (uint64_t)total, out, &ws);
    give_rest(count, step, login, left, off_step, out, &ws);
    return MAM_REASON_NONE;
}
