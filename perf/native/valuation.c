/*
 * valuation ACCOUNTS ROUNDS SEED: account-instrument revaluations in the engine itself, one line of ns a
 * round.
 *
 *     not timed: ten instruments, ACCOUNTS accounts in eight currencies, each with positions in 1 to 10 of
 * the instruments (PositionState), a margin call level and a stop-out level a round:   a Quote of every
 * instrument, then the Clocks that the engine asks for until none is due
 *
 * The first line is how many slots there are; the others are the rounds' ns of this thread's own time.
 */
#define _GNU_SOURCE
#include <mam/messages.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../native/tests/must.h"
#include "engine.h"

enum { BROKER = 1, LP = 2, CONTROL = 3, INSTRUMENTS = 10, CURRENCIES = 8 };

#define ONE INT64_C(100000000)

static const char *const currencies[CURRENCIES] = {"USD", "EUR", "GBP", "AUD", "NZD", "CHF", "JPY", "CAD"};
/* The first seven are the pairs that convert dollars; all profit figures are in dollars or yen or the like.
 */
static const char *const pairs[INSTRUMENTS][2] = {
    {"EUR", "USD"}, {"GBP", "USD"}, {"AUD", "USD"}, {"NZD", "USD"}, {"USD", "CHF"},
    {"USD", "JPY"}, {"USD", "CAD"}, {"EUR", "GBP"}, {"EUR", "JPY"}, {"AUD", "NZD"}};
static const int64_t prices[INSTRUMENTS] = {110000000,   126000000, 70000000, 66000000,    98000000,
                                            11000000000, 136000000, 87300000, 12100000000, 106000000};
static const int digits[INSTRUMENTS] = {5, 5, 5, 5, 5, 3, 5, 5, 3, 5};

static struct mam_engine *engine;
static uint64_t sent[4], rejects, alerts;
static int64_t now = 1;
static uint64_t state = 88172645463325252u;

static uint64_t any(uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void put(void *context, uint32_t bridge, const void *message, uint32_t length) {
    (void)context, (void)bridge, (void)length;
    const struct mam_header *header = message;
    rejects += header->template_id == MAM_REJECT_ID;
    alerts += header->template_id == MAM_RISK_ALERT_ID;
}

static void tell(uint32_t bridge, void *message, uint32_t length) {
    uint64_t sequence = ++sent[bridge];
    memcpy((uint8_t *)message + sizeof(struct mam_header), &sequence, sizeof sequence);
    mam_engine_apply(engine, now, bridge, message, length);
}

static int64_t point_of(int instrument) {
    return digits[instrument] == 3 ? 100000 : 1000;
}

static void announce(void) {
    for (uint32_t bridge = 1; bridge <= 3; bridge++) {
        struct mam_bridge_opened opened;
        mam_bridge_opened_init(&opened);
        opened.bridge = bridge;
        opened.role = (uint8_t)bridge;
        tell(0, &opened, sizeof opened);
    }
    for (int i = 0; i < INSTRUMENTS; i++) {
        struct mam_instrument m;
        mam_instrument_init(&m);
        m.instrument = (uint32_t)i + 1;
        m.digits = (uint8_t)digits[i];
        m.trade_mode = MAM_TRADE_MODE_FULL;
        snprintf(m.symbol, sizeof m.symbol, "%s%s", pairs[i][0], pairs[i][1]);
        memcpy(m.base_currency, pairs[i][0], 3);
        memcpy(m.profit_currency, pairs[i][1], 3);
        m.contract_size = 100000 * ONE;
        m.volume_min = m.volume_step = 1000000;
        m.volume_max = 1000 * ONE;
        m.margin_rate_buy = m.margin_rate_sell = ONE;
        tell(BROKER, &m, sizeof m);
    }
}

static void quote(int instrument, int64_t round) {
    struct mam_quote m;
    mam_quote_init(&m);
    m.instrument = (uint32_t)instrument + 1;
    m.bid = prices[instrument] + (round * 37 % 200 - 100) * point_of(instrument);
    m.ask = m.bid + 8 * point_of(instrument);
    tell(LP, &m, sizeof m);
}

static void settle(void) {
    while (mam_engine_deadline(engine) < INT64_MAX) {
        now = mam_engine_deadline(engine) > now ? mam_engine_deadline(engine) : now;
        struct mam_clock clock;
        mam_clock_init(&clock);
        clock.now = now;
        tell(0, &clock, sizeof clock);
    }
}

static void enter(uint32_t accounts) {
    uint64_t ticket = 0;
    for (uint32_t i = 0; i < accounts; i++) {
        struct mam_account account;
        mam_account_init(&account);
        account.login = 1000 + i;
        memcpy(account.currency, currencies[any(CURRENCIES)], 3);
        account.leverage = 100;
        account.margin_mode = MAM_MARGIN_MODE_HEDGING;
        account.trade_mode = MAM_TRADE_MODE_FULL;
        account.margin_call = 100 * ONE;
        account.stop_out = 50 * ONE;
        account.money_digits = 2;
        tell(BROKER, &account, sizeof account);
        struct mam_account_state told;
        mam_account_state_init(&told);
        told.login = account.login;
        told.balance = told.equity = INT64_C(1000000) * 100000000;
        tell(BROKER, &told, sizeof told);
    }
    for (uint32_t i = 0; i < accounts; i++) {
        uint64_t wanted = 1 + any(INSTRUMENTS), first = any(INSTRUMENTS);
        for (uint64_t n = 0; n < wanted; n++) {
            int instrument = (int)((first + n * 3) % INSTRUMENTS);
            uint32_t rows = any(10) < 3 ? 2 : 1; /* some are hedged */
            for (uint32_t row = 0; row < rows; row++) {
                struct mam_position_state m;
                mam_position_state_init(&m);
                m.login = 1000 + i;
                m.position = ++ticket;
                m.instrument = (uint32_t)instrument + 1;
                m.side = (uint8_t)((ticket + row) & 1);
                m.volume = (int64_t)(1 + any(1000)) * 1000000;
                m.price_open = prices[instrument] + ((int64_t)any(1800) - 900) * point_of(instrument);
                m.rate_margin = ONE;
                tell(BROKER, &m, sizeof m);
            }
        }
    }
}

static int64_t own_time(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int main(int argc, char **argv) {
    MUST(argc >= 4);
    uint32_t accounts = (uint32_t)atoi(argv[1]);
    state += (uint64_t)atoi(argv[3]) * 7919;
    struct mam_capacities limits = {.instruments = INSTRUMENTS + 2,
                                    .accounts = accounts + 1,
                                    .groups = 1,
                                    .members = 1,
                                    .blocks = 1,
                                    .children = 16,
                                    .holdings = 16,
                                    .bridges = 3,
                                    .positions = accounts * 20 + 1,
                                    .history = 1024,
                                    .leg_timeout_ms = 500,
                                    .booking_timeout_ms = 5000};
    uint64_t size = mam_engine_size(&limits);
    MUST(size > 0);
    void *memory = aligned_alloc(4096, (size + 4095) & ~UINT64_C(4095));
    MUST(memory != NULL);
    engine = mam_engine_create(memory, &limits);
    MUST(engine != NULL);
    mam_engine_sink(engine, put, NULL, NULL);
    announce();
    enter(accounts);
    for (int64_t round = 0; round < 3; round++) {
        for (int i = 0; i < INSTRUMENTS; i++) {
            quote(i, round);
        }
        settle();
    }
    int64_t first = mam_engine_counts(engine)->revaluations;
    MUST(rejects == 0);
    for (int64_t round = 0; round < atoi(argv[2]); round++) {
        now += 1000000;
        int64_t began = own_time();
        for (int i = 0; i < INSTRUMENTS; i++) {
            quote(i, round + 3);
        }
        settle();
        int64_t took = own_time() - began;
        if (round == 0) {
            printf("%lld\n", (long long)(mam_engine_counts(engine)->revaluations - first));
        }
        printf("%lld\n", (long long)took);
    }
    MUST(rejects == 0 && alerts == 0);
    return 0;
}
