/*
 * quoted_latency QUOTES CHILDREN ROUNDS [ENGINE_CORE CLIENT_CORE]: ns from a deal written to its last child
 * read, one a line, while QUOTES quotes a second arrive (0: none).
 *
 *     client process, core B                                loop process, core A
 *     at all times: a Quote of the next of four instruments, when it is due
 *     t0 = now; write MasterDeal ------ in ring ----------> as in order_latency.c, and before it: quotes,
 *     t1 = now when the last Booking is read <- out ring -- and slices of the valuation of all accounts
 *     not timed: answers, the close of the position, the journal, a pause in which quotes go on
 *
 * Besides the CHILDREN members, OTHERS accounts hold positions in the quoted instruments; the members do too.
 */
#include "../../native/tests/loop_rig.h" /* first: it asks for the system's extensions */

#include "loop_process.h"

enum { CHILDREN_MAX = 1000, OTHERS = 5000, INSTRUMENTS = 4 };

#define PAUSE_NS 300000

static struct mam_booking bookings[CHILDREN_MAX];
static int64_t interval, due; /* between two quotes; when the next one is */
static uint32_t quoted;

static const char *const symbols[INSTRUMENTS][2] = {
    {"EUR", "USD"}, {"GBP", "USD"}, {"AUD", "USD"}, {"NZD", "USD"}};

/* Writes a quote if one is due: the reference for both runs looks at the clock as often. */
static void quote(struct rig *rig) {
    int64_t now = rig_clock();
    if (interval == 0 || now < due) {
        return;
    }
    struct mam_quote m;
    mam_quote_init(&m);
    m.instrument = 1 + quoted % INSTRUMENTS;
    m.bid = 110000000 + (int64_t)(quoted * 7919 % 200) * 1000;
    m.ask = m.bid + 10000;
    m.bid_volume = m.ask_volume = INT64_C(100000000000);
    quoted++;
    due = now - due > 100 * interval ? now + interval : due + interval;
    rig_send(rig, LP, &m, sizeof m);
}

static void read_children(struct rig *rig, uint32_t children) {
    for (uint32_t count = 0; count < children;) {
        _Alignas(8) uint8_t message[MAM_INPUT_MAX];
        if (rig_read(rig, BROKER, message) == 0) {
            quote(rig);
        } else if (((const struct mam_header *)(const void *)message)->template_id == MAM_BOOKING_ID) {
            memcpy(&bookings[count++], message, sizeof bookings[0]);
        }
    }
}

static void answer_all(struct rig *rig, uint32_t children) {
    uint64_t reports = rig->reports;
    for (uint32_t i = 0; i < children; i++) {
        rig_answer(rig, &bookings[i]);
    }
    while (rig->reports < reports + 1 || rig->last_status != MAM_BLOCK_STATUS_DONE) {
        rig_drain_out(rig);
        rig_drain_journal(rig, 4096);
        quote(rig);
    }
    for (int64_t until = rig_clock() + PAUSE_NS; rig_clock() < until;) {
        rig_drain_journal(rig, 64);
        quote(rig);
    }
}

static void announce_instruments(struct rig *rig) {
    for (uint32_t i = 1; i < INSTRUMENTS; i++) {
        struct mam_instrument m;
        mam_instrument_init(&m);
        m.instrument = i + 1;
        m.digits = 5;
        m.trade_mode = MAM_TRADE_MODE_FULL;
        snprintf(m.symbol, sizeof m.symbol, "%s%s", symbols[i][0], symbols[i][1]);
        memcpy(m.base_currency, symbols[i][0], 3);
        memcpy(m.profit_currency, symbols[i][1], 3);
        m.contract_size = INT64_C(100000) * 100000000;
        m.volume_min = m.volume_step = 1000000;
        m.volume_max = INT64_C(100000) * 100000000;
        m.margin_rate_buy = m.margin_rate_sell = 100000000;
        rig_send(rig, BROKER, &m, sizeof m);
    }
}

static void tell_positions(struct rig *rig, uint32_t accounts) {
    for (uint32_t i = 0; i < 2 * accounts; i++) {
        struct mam_position_state m;
        mam_position_state_init(&m);
        m.login = 1000 + i / 2;
        m.position = UINT64_C(1) << 40 | i;
        m.instrument = 1 + (i / 2 + i % 2) % INSTRUMENTS;
        m.side = (uint8_t)(i & 1);
        m.volume = 10000000;
        m.price_open = 110000000;
        m.rate_margin = 100000000;
        rig_send(rig, BROKER, &m, sizeof m);
    }
}

static void measure(struct rig *rig, uint32_t children, uint32_t rounds) {
    for (uint32_t round = 0; round < rounds; round++) {
        uint64_t position = 2 * (uint64_t)round + 1;
        int64_t before = rig_clock();
        rig_deal(rig, position, position, false, children);
        read_children(rig, children);
        int64_t after = rig_clock();
        printf("%lld\n", (long long)(after - before));
        answer_all(rig, children);
        rig_deal(rig, position + 1, position, true, children);
        read_children(rig, children);
        answer_all(rig, children);
    }
}

int main(int argc, char **argv) {
    MUST(argc >= 4);
    int64_t rate = atoi(argv[1]);
    uint32_t children = (uint32_t)atoi(argv[2]), accounts = children + OTHERS;
    MUST(rate >= 0 && children >= 1 && children <= CHILDREN_MAX);
    struct rig rig;
    rig_make(&rig, accounts, 2, 1 << 22, 1 << 22);
    pid_t loop = loop_start(&rig, argc > 4 ? atoi(argv[4]) : 0, argc > 5 ? atoi(argv[5]) : 1);
    rig_announce(&rig, accounts);
    rig_wait(&rig, "accounts", accounts);
    rig_wait(&rig, "groups", 1);
    rig_join(&rig, children);
    announce_instruments(&rig);
    rig_wait(&rig, "instruments", INSTRUMENTS);
    tell_positions(&rig, accounts);
    rig_wait(&rig, "positions of accounts", 2 * accounts);
    rig_wait(&rig, "members", children);
    MUST(rig.rejects == 0);
    int64_t began = rig_clock(), valued = rig_counter(&rig, "positions revalued");
    interval = rate == 0 ? 0 : 1000000000 / rate;
    due = began;
    measure(&rig, children, (uint32_t)atoi(argv[3]));
    double seconds = (double)(rig_clock() - began) / 1e9;
    fprintf(stderr, "%.0f quotes a second, %.0f positions revalued a second\n", quoted / seconds,
            (double)(rig_counter(&rig, "positions revalued") - valued) / seconds);
    MUST(rig.rejects == 0);
    loop_stop(&rig, loop);
    return 0;
}
