/*
 * The laws of the allocation kernel on figures made from bytes: a fuzz target (with -DFUZZ), or a program
 * that makes the bytes itself: allocate_laws COUNT SEED. It aborts at the first law that is broken. Meant for
 * sanitizers.
 */
#include "allocate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assert.h"

#define MEMBERS 40

typedef __int128 wide;

struct bytes {
    const uint8_t *at, *end;
};

static uint64_t take(struct bytes *bytes, size_t size) {
    uint64_t value = 0;
    size_t left = (size_t)(bytes->end - bytes->at);
    memcpy(&value, bytes->at, size < left ? size : left);
    bytes->at += size < left ? size : left;
    return value;
}

/* Small, round, anything, or at an end of its type. */
static int64_t figure(struct bytes *bytes) {
    switch (take(bytes, 1) % 6) {
    case 0:
        return (int64_t)(take(bytes, 1) % 12);
    case 1:
        return (int64_t)take(bytes, 2);
    case 2:
        return (int64_t)(take(bytes, 2) * 1000000);
    case 3:
        return (int64_t)(take(bytes, 8) >> 1 >> take(bytes, 1) % 63);
    case 4:
        return INT64_MAX - (int64_t)(take(bytes, 1) % 3);
    default:
        return 1;
    }
}

struct arrays {
    uint64_t login[MEMBERS];
    int64_t weight[MEMBERS], cap[MEMBERS], equity[MEMBERS], carry[MEMBERS], carry_before[MEMBERS];
    int64_t quota[MEMBERS], floor_volume[MEMBERS], remainder[MEMBERS], result[MEMBERS], minimums[MEMBERS];
    uint16_t excluded[MEMBERS], reason[MEMBERS], cap_reason[MEMBERS];
    uint8_t capped[MEMBERS];
};

static wide sum_of(const int64_t *values, uint32_t count) {
    wide sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

static void fill_arrays(struct bytes *bytes, struct arrays *arrays, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        arrays->login[i] = take(bytes, 1);
        arrays->weight[i] = figure(bytes) * (take(bytes, 1) == 0 ? -1 : 1);
        arrays->cap[i] = figure(bytes);
        arrays->equity[i] = figure(bytes);
        arrays->carry[i] = (int64_t)take(bytes, 4) - INT32_MAX;
        arrays->carry_before[i] = arrays->carry[i];
        arrays->excluded[i] = take(bytes, 1) % 8 == 0 ? MAM_REASON_NO_RATE : 0;
        arrays->cap_reason[i] = MAM_REASON_MARGIN_BUFFER;
    }
}

static void check_member(const struct mam_allocation *a, uint32_t i) {
    int64_t volume = a->result[i];
    MAM_ASSERT(volume >= 0 && volume % a->step == 0);
    MAM_ASSERT(volume == 0 || volume >= (a->minimums == NULL ? a->minimum : a->minimums[i]));
    MAM_ASSERT(a->cap == NULL || volume <= a->cap[i]);
    MAM_ASSERT(volume > 0 || a->reason[i] != MAM_REASON_NONE);
    MAM_ASSERT(a->excluded == NULL || a->excluded[i] == 0 || (volume == 0 && a->reason[i] == a->excluded[i]));
    MAM_ASSERT(a->quota[i] == a->floor_volume[i] + a->remainder[i] && a->remainder[i] < a->step);
}

static void check_answer(const struct mam_allocation *a, const struct arrays *arrays) {
    for (uint32_t i = 0; i < a->count; i++) {
        check_member(a, i);
    }
    MAM_ASSERT(sum_of(a->result, a->count) == a->planned);
    if (a->family == MAM_FAMILY_PROPORTIONAL) {
        MAM_ASSERT(a->unallocated >= 0 && a->planned + a->unallocated == a->volume);
    }
    MAM_ASSERT(sum_of(arrays->carry, a->count) == sum_of(arrays->carry_before, a->count));
}

static void check_order(struct bytes *bytes, void *scratch) {
    static struct arrays arrays;
    struct mam_allocation a = {.count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1))};
    uint64_t optional = take(bytes, 1);
    a.family = take(bytes, 1) % 8 == 0;
    a.rounding = (uint8_t)(take(bytes, 1) % 5);
    a.on_shortfall = (uint8_t)(take(bytes, 1) % 4);
    a.below_min = (uint8_t)(take(bytes, 1) % 2);
    a.step = figure(bytes);
    a.volume = figure(bytes);
    if (a.step > 0 && take(bytes, 1) % 16 != 0) {
        a.volume -= a.volume % a.step;
    }
    a.minimum = figure(bytes);
    a.overflow_index = (uint32_t)(take(bytes, 1) % (MEMBERS + 2));
    fill_arrays(bytes, &arrays, a.count);
    a.login = arrays.login;
    a.weight = arrays.weight;
    a.cap = optional & 1 ? arrays.cap : NULL;
    a.cap_reason = optional & 2 ? arrays.cap_reason : NULL;
    a.equity = optional & 4 ? arrays.equity : NULL;
    a.carry = optional & 8 ? arrays.carry : NULL;
    a.excluded = optional & 16 ? arrays.excluded : NULL;
    for (uint32_t i = 0; optional & 32 && i < a.count; i++) {
        arrays.minimums[i] = figure(bytes);
        a.minimums = arrays.minimums;
    }
    a.quota = arrays.quota;
    a.floor_volume = arrays.floor_volume;
    a.remainder = arrays.remainder;
    a.result = arrays.result;
    a.reason = arrays.reason;
    a.capped = arrays.capped;
    if (mam_allocate(&a, scratch) == MAM_REASON_NONE) {
        check_answer(&a, &arrays);
    } else {
        MAM_ASSERT(a.planned == 0);
    }
}

/* |volume - filled * plan / total| < step */
static void check_entitled(int64_t step, int64_t plan, int64_t filled, wide total, int64_t volume) {
    wide distance = (wide)volume * total - (wide)filled * plan;
    MAM_ASSERT((distance < 0 ? -distance : distance) < step * total || total == 0);
}

static void check_fills(struct bytes *bytes, void *scratch) {
    uint64_t login[MEMBERS];
    int64_t plan[MEMBERS];
    int64_t held[MEMBERS] = {0};
    int64_t before[MEMBERS];
    uint32_t count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1));
    int64_t step = take(bytes, 1) % 2 == 0 ? 1 : 1000000;
    for (uint32_t i = 0; i < count; i++) {
        login[i] = take(bytes, 1);
        plan[i] = figure(bytes);
        plan[i] = plan[i] / (MEMBERS + 1) / step * step + (int64_t)take(bytes, 1) % 3 * step;
    }
    wide total = sum_of(plan, count);
    for (int round = 0; round < 8; round++) {
        int64_t filled = total == 0 ? 0 : (int64_t)(take(bytes, 8) % ((uint64_t)total + 1));
        filled = round == 7 ? (int64_t)total : filled;
        bool grows = filled >= sum_of(held, count);
        int64_t residue;
        memcpy(before, held, sizeof before);
        enum mam_reason reason =
            mam_divide_fill(count, step, login, plan, filled, held, held, &residue, scratch);
        MAM_ASSERT(reason == MAM_REASON_NONE && sum_of(held, count) + residue == filled && residue < step);
        for (uint32_t i = 0; i < count; i++) {
            MAM_ASSERT(!grows || held[i] >= before[i]);
            check_entitled(step, plan[i], filled - residue, total, held[i]);
        }
    }
    MAM_ASSERT(memcmp(held, plan, count * sizeof *plan) == 0);
}

static void check_close(struct bytes *bytes, void *scratch) {
    uint64_t login[MEMBERS];
    int64_t held[MEMBERS];
    int64_t out[MEMBERS];
    uint32_t count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1));
    int64_t step = figure(bytes);
    step += step == 0;
    for (uint32_t i = 0; i < count; i++) {
        login[i] = take(bytes, 1);
        held[i] = figure(bytes) / (MEMBERS + 1);
    }
    wide total = sum_of(held, count);
    int64_t closed = total == 0 ? 0 : (int64_t)(take(bytes, 8) % ((uint64_t)total + 1));
    MAM_ASSERT(mam_divide_close(count, step, login, held, closed, out, scratch) == MAM_REASON_NONE);
    MAM_ASSERT(sum_of(out, count) == closed);
    uint32_t partial = 0;
    for (uint32_t i = 0; i < count; i++) {
        MAM_ASSERT(0 <= out[i] && out[i] <= held[i]);
        check_entitled(step, held[i], closed, total, out[i]);
        partial += out[i] != held[i] && out[i] % step != 0;
    }
    MAM_ASSERT(partial <= 1);
}

static void check_settle(struct bytes *bytes, void *scratch) {
    uint64_t login[MEMBERS];
    int64_t plan[MEMBERS];
    int64_t out[MEMBERS];
    int64_t minimums[MEMBERS];
    uint32_t count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1));
    int64_t step = (int64_t)(take(bytes, 1) % 5) + 1;
    int64_t minimum = (int64_t)(take(bytes, 1) % 40);
    bool own = minimum >= 20; /* each has its own */
    for (uint32_t i = 0; i < count; i++) {
        login[i] = take(bytes, 1);
        minimums[i] = own ? (int64_t)(take(bytes, 1) % 20) : minimum;
        plan[i] = take(bytes, 1) % 4 == 0 ? 0 : ((int64_t)(take(bytes, 2) + 20) / step + 1) * step;
    }
    wide total = sum_of(plan, count);
    int64_t filled = (int64_t)(take(bytes, 8) % ((uint64_t)total + 1));
    int64_t house;
    enum mam_reason reason = mam_settle_short(count, step, minimum, own ? minimums : NULL, login, plan,
                                              filled, out, &house, scratch);
    MAM_ASSERT(reason == MAM_REASON_NONE && house >= 0 && sum_of(out, count) + house == filled);
    for (uint32_t i = 0; i < count; i++) {
        MAM_ASSERT(out[i] == 0 || (out[i] >= minimums[i] && out[i] <= plan[i] && out[i] % step == 0));
        int64_t least = (minimums[i] + step - 1) / step * step;
        MAM_ASSERT(out[i] > 0 || plan[i] == 0 || house < (least > step ? least : step));
        MAM_ASSERT(out[i] == 0 || out[i] == plan[i] || house < step);
    }
}

static void check_price(struct bytes *bytes) {
    int64_t price[MEMBERS];
    int64_t volume[MEMBERS];
    uint32_t count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1));
    for (uint32_t i = 0; i < count; i++) {
        price[i] = figure(bytes) * (take(bytes, 1) % 4 == 0 ? -1 : 1);
        volume[i] = figure(bytes);
    }
    int64_t tick = figure(bytes);
    int64_t average;
    int64_t residue;
    if (mam_average_price(count, price, volume, tick, &average, &residue) != MAM_REASON_NONE) {
        return;
    }
    wide notional = 0;
    for (uint32_t i = 0; i < count; i++) {
        notional += (wide)price[i] * volume[i];
    }
    MAM_ASSERT(average % tick == 0);
    MAM_ASSERT((wide)average * (int64_t)sum_of(volume, count) + residue == notional);
}

/* Cuts `steps` into parts at random. */
static void cut(struct bytes *bytes, uint64_t steps, int64_t step, uint32_t parts, int64_t *part) {
    for (uint32_t j = 0; j < parts; j++) {
        uint64_t some = j + 1 == parts ? steps : take(bytes, 8) % (steps + 1);
        part[j] = (int64_t)some * step;
        steps -= some;
    }
}

static void check_mix(struct bytes *bytes, void *scratch) {
    uint64_t login[MEMBERS];
    uint64_t more[MEMBERS];
    int64_t volume[MEMBERS];
    int64_t part[MAM_MIX_PARTS];
    uint32_t count = (uint32_t)(take(bytes, 1) % (MEMBERS + 1));
    uint32_t parts = (uint32_t)(take(bytes, 1) % MAM_MIX_PARTS) + 1;
    int64_t step = (int64_t)(take(bytes, 1) % 5) + 1;
    for (uint32_t i = 0; i < count; i++) {
        login[i] = take(bytes, 1);
        volume[i] = figure(bytes) / (MEMBERS + 1) / step * step;
    }
    int64_t total = (int64_t)sum_of(volume, count);
    cut(bytes, (uint64_t)(total / step), step, parts, part);
    MAM_ASSERT(mam_divide_mix(count, step, login, volume, parts, part, more, scratch) == MAM_REASON_NONE);
    wide left[MAM_MIX_PARTS];
    for (uint32_t j = 0; j < parts; j++) {
        left[j] = part[j];
    }
    for (uint32_t i = 0; i < count && total > 0; i++) {
        wide mine = 0;
        for (uint32_t j = 0; j < parts; j++) {
            int64_t cell = mam_mix_volume(volume[i], part[j], total, step, (int64_t)(more[i] >> j & 1));
            wide away = (wide)cell * total - (wide)volume[i] * part[j];
            MAM_ASSERT(cell >= 0 && cell % step == 0 && away <= (wide)step * total &&
                       -away <= (wide)step * total);
            mine += cell;
            left[j] -= cell;
        }
        MAM_ASSERT(mine == volume[i]);
    }
    for (uint32_t j = 0; j < parts && total > 0; j++) {
        MAM_ASSERT(left[j] == 0);
    }
}

static void check_all(struct bytes bytes) {
    size_t size = mam_scratch_size(MEMBERS);
    void *scratch = malloc(size); /* on the heap, so that a sanitizer sees its ends */
    MAM_ASSERT(scratch != NULL);
    memset(scratch, 0xA5, size);
    check_order(&bytes, scratch);
    check_fills(&bytes, scratch);
    check_close(&bytes, scratch);
    check_settle(&bytes, scratch);
    check_price(&bytes);
    check_mix(&bytes, scratch);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_all((struct bytes){data, data + size});
    return 0;
}

#ifdef MAM_FUZZ_MAIN
int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 1000;
    uint64_t state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint8_t data[2048];
    for (long n = 0; n < count; n++) {
        for (size_t i = 0; i < sizeof data; i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            data[i] = (uint8_t)(state >> 56);
        }
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    printf("ok %ld rounds\n", count);
    return 0;
}
#endif
