/* Random messages, half sane and half mad, at the account server and the LP, with sanitizers on: nothing may
 * crash, overflow or read outside, and what was booked must be within what the masters have. Usage: storm
 * SEED ROUNDS */
#include "../../native/broker/station.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../native/broker/account_server.h"
#include "../../native/broker/lp.h"
#include "../../native/broker/map.h"

#define LOT 100000000
#define CAPACITY 16384
#define ORDERS 64u
#define ACCOUNTS 12u

static uint64_t seed;

static uint64_t dice(uint64_t sides) {
    seed = mam_mix(seed);
    return seed % sides;
}

/* Mostly a small number, sometimes any. */
static int64_t wild(int64_t tame) {
    return dice(30) != 0 ? tame : (int64_t)mam_mix(dice(1000));
}

static void check(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "storm: %s\n", what);
        exit(1);
    }
}

static uint64_t in[(CAPACITY + MAM_RING_TRAILER) / 8], out[(CAPACITY + MAM_RING_TRAILER) / 8];
static struct mam_ring to_us, from_us; /* the engine's side: it reads `in` and writes `out` */

static void drain(void) {
    uint64_t bytes[64];
    int32_t type;
    uint16_t field;
    int32_t length;
    while ((length = mam_ring_read(&from_us, bytes, sizeof bytes, &type)) >= 0) {
        check(mam_message_check(bytes, (uint32_t)length, &field) == MAM_REASON_NONE,
              "what it sends is malformed");
    }
    check(length == MAM_RING_EMPTY, "its ring is broken");
}

static void send(void *message) {
    static uint64_t sequence;
    struct mam_any_message *any = message;
    any->sequence = ++sequence;
    uint32_t length = 8u + any->header.block_length;
    if (dice(50) == 0) {
        length = (uint32_t)dice(length);
        ((uint8_t *)message)[dice(16)] ^= (uint8_t)dice(256);
    }
    mam_ring_write(&to_us, any->header.template_id & 0x7fff ? any->header.template_id & 0x7fff : 1, message,
                   length);
}

static void lend(void) {
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    check(mam_ring_attach(&from_us, in, sizeof in) == 0 && mam_ring_attach(&to_us, out, sizeof out) == 0,
          "attach");
}

/* ---- the account server ---- */

static struct mam_server *make_server(void) {
    const struct mam_ledger_instrument instruments[2] = {
        {1, 5, 0, 4, "EURUSD", "EUR", "USD", 100000LL * LOT, LOT / 100, LOT / 100, 500LL * LOT},
        {2, 3, 4, 4, "USDJPY", "USD", "JPY", 100000LL * LOT, LOT / 100, LOT / 100, 500LL * LOT}};
    struct mam_ledger_account accounts[ACCOUNTS];
    struct mam_desk_order orders[ORDERS];
    memset(accounts, 0, sizeof accounts);
    memset(orders, 0, sizeof orders);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        accounts[i] = (struct mam_ledger_account){100 + i,
                                                  i % 4,
                                                  100,
                                                  i % 2 * 2,
                                                  4,
                                                  {0},
                                                  (int64_t)dice(1000000) * (i % 3 == 0 ? 100000000 : 1000000),
                                                  0};
        memcpy(accounts[i].currency, i % 3 == 0 ? "JPY" : "USD", 3);
    }
    for (uint32_t i = 0; i < ORDERS; i++) {
        bool closes = i >= 8 && i % 2 == 1;
        orders[i].closes = closes ? i - 7 + 1 - (i - 7) % 2 : 0;
        const struct mam_desk_order *opened = closes ? &orders[orders[i].closes - 1] : NULL;
        closes = closes && opened->closes == 0;
        orders[i].closes = closes ? orders[i].closes : 0;
        orders[i].group = closes ? opened->group : 1 + i % 3;
        orders[i].instrument = closes ? opened->instrument : 1 + i / 3 % 2;
        orders[i].side = closes ? !opened->side : (uint8_t)dice(2);
        orders[i].volume = closes && dice(2) ? 0 : (int64_t)(1 + dice(40)) * LOT;
        orders[i].execution = closes ? opened->execution : (uint8_t)dice(2);
    }
    const struct mam_server_config config = {.seed = seed,
                                             .max_bookings = 20000,
                                             .refuse_per_mille = 100,
                                             .batch = 128,
                                             .window = 4096,
                                             .send_states = 1};
    struct mam_server *server = mam_server_new(instruments, 2, accounts, ACCOUNTS, orders, ORDERS, &config);
    check(server != NULL, "no server");
    check(mam_server_price(server, 1, 110000000, 110010000) &&
              mam_server_price(server, 2, 10900000000, 10901000000),
          "no price");
    return server;
}

/* An order that is at work, else any. */
static uint32_t some_order(const struct mam_desk_order *orders) {
    for (int i = 0; i < 20; i++) {
        uint32_t at = (uint32_t)dice(ORDERS);
        if (orders[at].state == MAM_ORDER_ACTIVE) {
            return at;
        }
    }
    return (uint32_t)dice(ORDERS);
}

/* A ticket of somebody, or one that nobody has. */
static uint64_t some_ticket(struct mam_server *server) {
    const struct mam_desk_booking *bookings;
    uint32_t count = mam_desk_bookings(mam_server_desk(server), &bookings);
    return count == 0 ? 0 : bookings[dice(count)].position;
}

static void send_booking(struct mam_server *server) {
    const struct mam_desk_order *orders = mam_server_orders(server);
    const uint32_t at = some_order(orders);
    const struct mam_desk_order *order = &orders[at];
    struct mam_booking message;
    mam_booking_init(&message);
    message.block = (uint32_t)wild(order->block != 0 ? order->block : at + 1);
    message.child = (uint32_t)dice(200);
    message.login = (uint64_t)wild((int64_t)(100 + order->group + 4 * dice(3)));
    message.volume = wild((int64_t)dice(20) * LOT / 2);
    message.price = wild(order->price);
    message.position = some_ticket(server);
    message.instrument = (uint32_t)wild(order->instrument);
    message.side = dice(10) == 0 ? (uint8_t)dice(2) : order->side;
    message.entry = dice(10) == 0 ? (uint8_t)dice(2) : order->closes != 0;
    send(&message);
}

static void send_report(const struct mam_desk_order *orders) {
    const uint32_t at = some_order(orders);
    struct mam_master_report message;
    mam_master_report_init(&message);
    message.order = (uint64_t)wild(1000000001 + at);
    message.deal = (uint64_t)wild(2000000001 + at);
    message.block = (uint32_t)wild(orders[at].block != 0 ? orders[at].block : at + 1);
    message.filled = wild(orders[at].executed);
    message.allocated = wild(message.filled);
    message.house = wild(0);
    message.price = wild(orders[at].price);
    message.children = (uint32_t)dice(20);
    message.status = (uint8_t)dice(9);
    send(&message);
}

static void send_reject(const struct mam_desk_order *orders) {
    struct mam_reject message;
    mam_reject_init(&message);
    message.ref_sequence = orders[some_order(orders)].sequence;
    send(&message);
}

static void check_server(struct mam_server *server) {
    const struct mam_desk_order *orders = mam_server_orders(server);
    const struct mam_desk_booking *bookings;
    uint32_t count = mam_desk_bookings(mam_server_desk(server), &bookings);
    int64_t booked[ORDERS + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        check(bookings[i].order <= ORDERS, "a booking of no order");
        booked[bookings[i].order] += bookings[i].deal != 0 ? bookings[i].asked.deal.volume : 0;
    }
    for (uint32_t i = 0; i < ORDERS; i++) {
        check(booked[i + 1] <= orders[i].executed, "more was booked than the master has");
        check(orders[i].remaining >= 0, "a master holds less than nothing");
    }
    for (uint64_t login = 100; login < 100 + ACCOUNTS; login++) {
        struct mam_ledger_figures figures;
        mam_ledger_figures(mam_server_ledger(server), login, &figures);
        check(figures.margin >= 0, "a margin below zero");
    }
}

static void storm_at_server(int64_t rounds) {
    lend();
    struct mam_server *server = make_server();
    check(mam_server_lend(server, in, sizeof in, out, sizeof out) == 0, "lend");
    mam_server_send_reference(server);
    for (int64_t round = 0; round < rounds; round++) {
        const struct mam_desk_order *orders = mam_server_orders(server);
        mam_server_release(server, ORDERS, 0, 0);
        check(mam_server_poll(server, 1) >= 0, "the server gave up");
        for (uint64_t i = dice(16); i > 0; i--) {
            send_booking(server);
        }
        if (dice(10) == 0) {
            send_report(orders);
        }
        if (dice(200) == 0) {
            send_reject(orders);
        }
        if (dice(4) != 0) {
            drain(); /* else the ring fills up, and the server must wait */
        }
        check_server(server);
    }
    const struct mam_desk_counts *counts = mam_desk_counts(mam_server_desk(server));
    check(counts->booked > 0 && counts->refused > 0 && counts->done > 0, "the storm reached nothing");
    printf("booked %lld refused %lld done %lld repeated %lld\n", (long long)counts->booked,
           (long long)counts->refused, (long long)counts->done, (long long)counts->repeated);
    mam_server_free(server);
}

/* ---- the LP ---- */

static void storm_at_lp(int64_t rounds) {
    const struct mam_lp_instrument instrument = {1, 0, 2000, 1000, LOT / 100, LOT, 50LL * LOT};
    const struct mam_lp_config config = {seed, 500, 200, 200, 100, 50};
    struct mam_lp_tick ticks[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        ticks[i] = (struct mam_lp_tick){i, wild(110000000), wild(110010000), 1 + (uint32_t)(dice(10) / 9), 0};
        ticks[i].bid = ticks[i].bid < 1 ? 1 : ticks[i].bid > 1000000000000 ? 1000000000000 : ticks[i].bid;
        ticks[i].ask = ticks[i].ask < 1 ? 1 : ticks[i].ask > 1000000000000 ? 1000000000000 : ticks[i].ask;
    }
    lend();
    struct mam_lp *lp = mam_lp_new(&instrument, 1, ticks, 1000, &config);
    check(lp != NULL && mam_lp_lend(lp, in, sizeof in, out, sizeof out) == 0, "no LP");
    for (int64_t round = 0; round < rounds; round++) {
        mam_lp_release(lp, (uint64_t)(round * 1000 / rounds), 0);
        check(mam_lp_poll(lp, 1) >= 0, "the LP gave up");
        struct mam_leg leg;
        mam_leg_init(&leg);
        leg.block = (uint32_t)dice(300);
        leg.leg = (uint32_t)dice(3);
        leg.volume = wild((int64_t)dice(100) * LOT);
        leg.price = wild(0);
        leg.instrument = (uint32_t)wild(1);
        leg.side = (uint8_t)dice(2);
        send(&leg);
        struct mam_leg_cancel cancel;
        mam_leg_cancel_init(&cancel);
        cancel.block = (uint32_t)dice(300);
        if (dice(4) == 0) {
            send(&cancel);
        }
        if (dice(4) != 0) {
            drain();
        }
    }
    const struct mam_lp_leg *legs;
    uint32_t count = mam_lp_legs(lp, &legs);
    for (uint32_t i = 0; i < count; i++) {
        check(legs[i].filled[0] >= 0 && legs[i].filled[1] >= 0, "a negative fill");
        check(legs[i].filled[0] == 0 || legs[i].filled[0] + legs[i].filled[1] <= legs[i].asked,
              "an overfill");
    }
    printf("legs %u trades %lld\n", count, (long long)mam_lp_counts(lp)->trades);
    check(mam_lp_counts(lp)->trades > 0, "no trade");
    mam_lp_free(lp);
}

int main(int count, char **arguments) {
    check(count == 3, "usage: storm SEED ROUNDS");
    seed = strtoull(arguments[1], NULL, 10);
    int64_t rounds = strtoll(arguments[2], NULL, 10);
    storm_at_server(rounds);
    storm_at_lp(rounds);
    return 0;
}
