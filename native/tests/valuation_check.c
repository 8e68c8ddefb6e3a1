/*
 * Valuation against plain 128-bit arithmetic where that suffices, and against its own properties with figures
 * up to the ends of their types, for the sanitizers.
 *
 *   valuation_check ROUNDS SEED
 *
 * Prints "ok", or aborts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assert.h"
#include "drawdown.h"
#include "revalue.h"
#include "tiers.h"

#define ONE INT64_C(100000000)
enum { SLOTS = 40, ACCOUNTS = 40, CURRENCIES = 4 };

static uint64_t state;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* 0 to 2^63 - 1, every length of number alike. */
static int64_t figure(void) {
    return (int64_t)(next() >> (1 + next() % 63));
}

static int64_t up_to(int64_t largest) {
    return (int64_t)(next() % (uint64_t)largest);
}

static const uint8_t MODES[] = {0, 1, 2, 3, 4, 5, 32, 33, 34};

static struct mam_instrument any_instrument(void) {
    struct mam_instrument i;
    mam_instrument_init(&i);
    i.calc_mode = MODES[next() % sizeof MODES];
    i.margin_flags = (uint8_t)(next() % 2 * 4);
    i.contract_size = figure();
    i.tick_size = figure();
    i.tick_value = figure();
    i.margin_initial = next() % 2 ? figure() : 0;
    i.margin_maintenance = next() % 2 ? figure() : 0;
    i.margin_hedged = next() % 2 ? figure() : 0;
    i.margin_rate_buy = next() % 2 ? ONE : figure();
    i.margin_rate_sell = next() % 2 ? ONE : figure();
    i.maintenance_rate_buy = next() % 2 ? 0 : figure();
    i.maintenance_rate_sell = next() % 2 ? 0 : figure();
    return i;
}

static __int128 floored(__int128 a, __int128 b) {
    return a / b - (a % b < 0);
}

/* Everyday forex: 128 bits hold the product. */
static void check_forex(void) {
    struct mam_instrument i;
    mam_instrument_init(&i);
    i.contract_size = 100000 * ONE;
    i.margin_rate_buy = i.margin_rate_sell = ONE;
    int64_t volume = up_to(10000 * ONE), open = up_to(100 * ONE), close = up_to(100 * ONE), got;
    uint32_t leverage = (uint32_t)up_to(1000) + 1;
    MAM_ASSERT(mam_profit(&i, 0, volume, open, close, &got) == MAM_REASON_NONE);
    __int128 units = (__int128)(close - open) * volume; /* x 1e13 (contract) / 1e18 */
    MAM_ASSERT(got == floored(units, 100000));
    MAM_ASSERT(mam_profit(&i, 1, volume, open, close, &got) == MAM_REASON_NONE);
    MAM_ASSERT(got == floored(-units, 100000));
    MAM_ASSERT(mam_margin(&i, 0, 0, volume, open, leverage, &got) == MAM_REASON_NONE);
    MAM_ASSERT(got == -floored(-(__int128)volume * 1000, leverage));
}

/* The volume that is left is the largest. */
static void check_volume(void) {
    struct mam_instrument i = any_instrument();
    struct mam_per_lot per_lot;
    struct mam_conversion conversion = {0};
    int64_t money = figure(), amount;
    while (conversion.steps < next() % 3) {
        int64_t bid = figure() / 2 + 1;
        MAM_ASSERT(mam_conversion_step(&conversion, bid, bid + up_to(bid), next() & 1, next() & 1) ==
                   MAM_REASON_NONE);
    }
    if (mam_margin_per_lot(&i, next() & 1, next() & 1, figure() + (int64_t)(next() & 1), (uint32_t)next() | 1,
                           &per_lot) != MAM_REASON_NONE) {
        return;
    }
    MAM_ASSERT(mam_per_lot_convert(&per_lot, &conversion) == MAM_REASON_NONE);
    int64_t volume = mam_volume_within(&per_lot, money);
    if (mam_per_lot_money(&per_lot, volume, 1, &amount) == MAM_REASON_NONE) {
        MAM_ASSERT(amount <= money);
    } else {
        MAM_ASSERT(false);
    }
    if (volume < INT64_MAX) {
        enum mam_reason reason = mam_per_lot_money(&per_lot, volume + 1, 1, &amount);
        MAM_ASSERT(reason == MAM_REASON_OVERFLOW || amount > money);
    }
    mam_volume_for_margin(figure() - figure(), figure(), &per_lot, figure());
    mam_volume_for_leverage(figure() - figure(), figure(), &per_lot, figure());
}

/* Comes and goes; margins of anything end in a figure or a reason. */
static void check_exposure(void) {
    struct mam_instrument i = any_instrument();
    struct mam_exposure exposure = {0}, empty = {0};
    int64_t position[6][3], margin, volume, value;
    uint8_t side[6];
    uint32_t held = 0;
    for (uint32_t n = 0; n < 6; n++) {
        side[held] = next() & 1;
        for (int k = 0; k < 3; k++) {
            position[held][k] = figure();
        }
        held += mam_exposure_add(&exposure, side[held], position[held][0], position[held][1],
                                 position[held][2]) == MAM_REASON_NONE;
    }
    for (uint8_t mode = 0; mode < 4; mode++) {
        uint32_t leverage = (uint32_t)next() % 1000;
        struct mam_addition addition = {next() & 1, figure(), figure(), figure()};
        mam_exposure_margin(&i, &exposure, mode, (uint8_t)(next() % 3), leverage, &margin);
        mam_exposure_margin_with(&i, &exposure, mode, leverage, &addition, &margin);
        mam_exposure_volume(&i, &exposure, mode, leverage, &addition, figure() - figure(), figure(),
                            figure());
        mam_tier_volume(&i, &exposure, mode, &volume);
    }
    mam_tier_value(&i, &exposure.side[0], figure(), figure(), &value);
    while (held-- > 0) {
        MAM_ASSERT(mam_exposure_remove(&exposure, side[held], position[held][0], position[held][1],
                                       position[held][2]) == MAM_REASON_NONE);
    }
    MAM_ASSERT(memcmp(&exposure, &empty, sizeof empty) == 0);
}

static void check_tiers(void) {
    struct mam_tier tiers[4];
    int64_t end = 0, margin;
    uint32_t count = 0;
    while (count < 4 && end < INT64_MAX) {
        int64_t from = end + up_to(INT64_MAX - end);
        tiers[count++] =
            (struct mam_tier){from, end = from + 1 + up_to(INT64_MAX - from), figure(), figure()};
    }
    MAM_ASSERT(mam_tiers_check(tiers, count) == MAM_REASON_NONE);
    mam_tiers_margin(tiers, count, next() & 1, figure(), figure(), figure(), &margin);
}

static void check_drawdown(void) {
    struct mam_drawdown drawdown;
    int64_t at[MAM_ALARMS] = {figure() - figure(), figure(), next() & 1 ? INT64_MIN : figure()};
    mam_drawdown_start(&drawdown, figure() - figure(), figure() - figure(), figure());
    for (uint8_t basis = 0; basis < 5; basis++) {
        int64_t equity = next() & 1 ? INT64_MIN : figure() - figure();
        mam_drawdown_observe(&drawdown, equity, next() & 1 ? INT64_MIN : figure() - figure(), figure());
        mam_drawdown_flow(&drawdown, figure() - figure());
        uint8_t reached = mam_drawdown_reached(&drawdown, basis, equity, figure(), figure());
        MAM_ASSERT(!reached || mam_drawdown_loss(&drawdown, basis, equity) > 0);
        MAM_ASSERT(!reached || mam_drawdown_percent(&drawdown, basis, equity) > 0);
        MAM_ASSERT(mam_alarm_next((uint8_t)(next() % 4), equity, at, figure()) <= MAM_ALARMS);
        mam_level_equity(next() & 1, figure() - figure(), figure(), (uint16_t)next());
        mam_margin_level(equity, figure());
    }
}

/* Every slot as from its sums; floating is the sum of the slots. */
static void check_batch(bool everyday) {
    static struct mam_exposure exposure[SLOTS];
    static int64_t volume[2][SLOTS], notional[2][SLOTS], profit[SLOTS], floating[ACCOUNTS];
    static uint32_t account[SLOTS];
    static uint8_t currency[SLOTS];
    struct mam_moves moves[CURRENCIES];
    struct mam_instrument i = any_instrument();
    i.contract_size = everyday ? 100000 * ONE : i.contract_size;
    struct mam_revaluation r = {.count = SLOTS,
                                .scale = {.volume_unit = 1000000, .price_unit = 1000},
                                .account = account,
                                .currency = currency,
                                .volume = {volume[0], volume[1]},
                                .notional = {notional[0], notional[1]},
                                .exposure = exposure,
                                .moves = moves,
                                .currencies = CURRENCIES,
                                .profit = profit,
                                .floating = floating};
    for (uint32_t n = 0; n < SLOTS; n++) {
        exposure[n] = (struct mam_exposure){0};
        for (int k = 0; k < 3; k++) {
            mam_exposure_add(&exposure[n], next() & 1, everyday ? up_to(9999) * 1000000 : figure(),
                             everyday ? up_to(200000) * 1000 : figure(), ONE);
        }
        int64_t volumes[2] = {0}, notionals[2] = {0};
        bool fits = mam_scale_exposure(&r.scale, &exposure[n], volumes, notionals) == MAM_REASON_NONE;
        for (int side = 0; side < 2; side++) {
            volume[side][n] = volumes[side];
            notional[side][n] = notionals[side];
        }
        r.regular += fits && r.regular == n;
        account[n] = n;
        currency[n] = (uint8_t)(next() % CURRENCIES);
        profit[n] = floating[n] = 0;
    }
    for (uint32_t n = 0; n < CURRENCIES; n++) {
        struct mam_conversions rates = {0};
        for (int k = 0; k < 4; k++) {
            int64_t price = figure();
            rates.of[k / 2][k % 2] = (struct mam_conversion){
                .price = {price == 0 ? 1 : price}, .inverse = {next() & 1}, .steps = (uint8_t)(next() % 2)};
        }
        mam_moves_of(&i, &r.scale, &rates, &moves[n]);
    }
    for (int quote = 0; quote < 5; quote++) {
        int64_t bid = everyday ? up_to(200000) * 1000 : figure();
        uint32_t kept = mam_revalue(&r, bid, bid), unknown = 0;
        for (uint32_t n = 0; n < SLOTS; n++) {
            int64_t wanted;
            bool known =
                mam_exposure_profit(&exposure[n], &moves[currency[n]], bid, bid, &wanted) == MAM_REASON_NONE;
            MAM_ASSERT(floating[account[n]] == profit[n]);
            unknown += !(known && profit[n] == wanted);
        }
        MAM_ASSERT(unknown <= kept);
    }
}

int main(int argc, char **argv) {
    MAM_ASSERT(argc == 3);
    state = strtoull(argv[2], NULL, 10) * 2 + 1;
    for (long round = strtol(argv[1], NULL, 10); round > 0; round--) {
        check_forex();
        check_volume();
        check_exposure();
        check_tiers();
        check_drawdown();
        check_batch(round % 2 == 0);
    }
    puts("ok");
    return 0;
}
