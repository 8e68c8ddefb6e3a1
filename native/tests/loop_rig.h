/*
 * A loop with its rings in memory that processes share, a group of members, and short ways to be its bridges.
 * For the loop's C tests and the benchmarks.
 *
 *     bridge 1 broker --in--> +------+ --out--> broker          rig.in[b], rig.out[b], rig.journal: the views
 * of bridge 2 lp     --in--> | loop | --out--> lp              the other side; one thread or process uses
 * them bridge 3 control--in--> +------+ --journal--> reader
 */
#ifndef MAM_LOOP_RIG_H
#define MAM_LOOP_RIG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <mam/counters.h>
#include <mam/messages.h>
#include <mam/ring.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "journal_entry.h"
#include "loop.h"
#include "must.h"

enum { BROKER = 1, LP = 2, CONTROL = 3, RIG_BRIDGES = 3 };

#define RIG_GROUP 7
#define RIG_INSTRUMENT 1

struct rig {
    struct mam_loop_config config;
    struct mam_loop *loop;
    struct mam_ring in[RIG_BRIDGES + 1], out[RIG_BRIDGES + 1], journal;
    uint64_t sent[RIG_BRIDGES + 1], heard[RIG_BRIDGES + 1]; /* sequence numbers */
    uint64_t journal_next;                                  /* entry */
    uint64_t master_sequence;
    uint64_t reports, bookings, rejects; /* heard */
    uint8_t last_status;
};

static inline void *rig_memory(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    MUST(at != MAP_FAILED);
    return at;
}

static inline void *rig_ring(uint64_t capacity, uint64_t *length) {
    *length = capacity + MAM_RING_TRAILER;
    return rig_memory(*length);
}

static inline void rig_make(struct rig *rig, uint32_t members, uint32_t blocks, uint32_t ring_capacity,
                            uint64_t journal_capacity) {
    static const char *const names[] = {"", "broker", "lp", "control"};
    memset(rig, 0, sizeof *rig);
    uint32_t children = 2 * members * blocks; /* a block takes a power of two */
    rig->config = (struct mam_loop_config){.limits = {.instruments = 4,
                                                      .accounts = members + 1,
                                                      .groups = 2,
                                                      .members = members + 1,
                                                      .blocks = blocks,
                                                      .children = children < 16 ? 16 : children,
                                                      .holdings = children + 16,
                                                      .bridges = RIG_BRIDGES,
                                                      .positions = 65536,
                                                      .history = 65536,
                                                      .leg_timeout_ms = 500,
                                                      .booking_timeout_ms = 60000},
                                           .bridge_count = RIG_BRIDGES,
                                           .idle = MAM_IDLE_SPIN,
                                           .generation = 1,
                                           .stuck_after_ns = INT64_C(5000000000)};
    for (uint32_t bridge = 1; bridge <= RIG_BRIDGES; bridge++) {
        struct mam_loop_bridge *at = &rig->config.bridges[bridge - 1];
        memcpy(at->name, names[bridge], strlen(names[bridge]));
        at->role = bridge;
        at->in = rig_ring(ring_capacity, &at->in_length);
        at->out = rig_ring(ring_capacity, &at->out_length);
        MUST(mam_ring_attach(&rig->in[bridge], at->in, at->in_length) == 0);
        MUST(mam_ring_attach(&rig->out[bridge], at->out, at->out_length) == 0);
    }
    uint64_t least = mam_loop_journal_capacity(&rig->config.limits);
    rig->config.journal =
        rig_ring(journal_capacity > least ? journal_capacity : least, &rig->config.journal_length);
    MUST(mam_ring_attach(&rig->journal, rig->config.journal, rig->config.journal_length) == 0);
    rig->config.counters = rig_memory(MAM_LOOP_COUNTERS * MAM_COUNTER_VALUE_SIZE);
    char error[200];
    rig->loop = mam_loop_create(rig_memory(mam_loop_size(&rig->config)), &rig->config, error);
    MUST(rig->loop != NULL);
}

/* --- Reading; every sequence number must follow the one before --- */

static inline void rig_heard(struct rig *rig, uint32_t bridge, const uint8_t *message) {
    const struct mam_header *header = (const void *)message;
    uint64_t sequence;
    memcpy(&sequence, message + sizeof *header, sizeof sequence);
    MUST(sequence == ++rig->heard[bridge]);
    rig->bookings += header->template_id == MAM_BOOKING_ID;
    rig->rejects += header->template_id == MAM_REJECT_ID;
    if (header->template_id == MAM_MASTER_REPORT_ID) {
        rig->reports++;
        rig->last_status = ((const struct mam_master_report *)(const void *)message)->status;
    }
}

/* One message of a bridge's out ring, or 0. */
static inline int32_t rig_read(struct rig *rig, uint32_t bridge, uint8_t *message) {
    int32_t type = 0;
    int32_t length = mam_ring_read(&rig->out[bridge], message, MAM_INPUT_MAX, &type);
    if (length < 0) {
        MUST(length == MAM_RING_EMPTY || length == MAM_RING_CLAIMED);
        return 0;
    }
    rig_heard(rig, bridge, message);
    return length;
}

/* What the journal ring has, at most `most` entries; the sequence has no gap. Returns how many. */
static inline uint32_t rig_drain_journal(struct rig *rig, uint32_t most) {
    uint32_t count = 0;
    while (count < most) {
        _Alignas(8) uint8_t entry[MAM_INPUT_MAX + MAM_ENTRY_HEADER];
        int32_t type = 0;
        int32_t length = mam_ring_take(&rig->journal, entry, sizeof entry, &type);
        if (length < 0) {
            break;
        }
        struct mam_entry_header header;
        memcpy(&header, entry, sizeof header);
        MUST(header.sequence == rig->journal_next++);
        count++;
    }
    if (count > 0) {
        mam_ring_publish(&rig->journal);
    }
    return count;
}

static inline void rig_drain_out(struct rig *rig) {
    _Alignas(8) uint8_t message[MAM_INPUT_MAX];
    for (uint32_t bridge = 1; bridge <= RIG_BRIDGES; bridge++) {
        while (rig_read(rig, bridge, message) > 0) {
        }
    }
}

/* --- Writing --- */

/* Puts the sequence number in and writes; false: the ring is full now. */
static inline bool rig_try(struct rig *rig, uint32_t bridge, void *message, uint32_t length) {
    const struct mam_header *header = message;
    uint64_t sequence = rig->sent[bridge] + 1;
    memcpy((uint8_t *)message + sizeof *header, &sequence, sizeof sequence);
    int status = mam_ring_write(&rig->in[bridge], header->template_id, message, length);
    MUST(status == 0 || status == MAM_RING_FULL);
    rig->sent[bridge] += status == 0;
    return status == 0;
}

static inline void rig_send(struct rig *rig, uint32_t bridge, void *message, uint32_t length) {
    while (!rig_try(rig, bridge, message, length)) {
        rig_drain_out(rig);
        rig_drain_journal(rig, 1024);
    }
}

/* --- The desk --- */

static inline void rig_announce(struct rig *rig, uint32_t members) {
    struct mam_instrument instrument;
    mam_instrument_init(&instrument);
    instrument.instrument = RIG_INSTRUMENT;
    instrument.digits = 5;
    instrument.trade_mode = MAM_TRADE_MODE_FULL;
    memcpy(instrument.symbol, "EURUSD", 6);
    memcpy(instrument.base_currency, "EUR", 3);
    memcpy(instrument.profit_currency, "USD", 3);
    instrument.contract_size = INT64_C(100000) * 100000000;
    instrument.volume_min = instrument.volume_step = 1000000;
    instrument.volume_max = INT64_C(100000) * 100000000;
    rig_send(rig, BROKER, &instrument, sizeof instrument);
    struct mam_group_policy policy;
    mam_group_policy_init(&policy);
    policy.group = RIG_GROUP;
    policy.policy_version = 1;
    policy.master_login = 1;
    memcpy(policy.currency, "USD", 3);
    policy.method = MAM_METHOD_EQUITY;
    policy.on_partial = MAM_ON_PARTIAL_ALLOCATE;
    policy.on_refused = MAM_ON_REFUSED_HOUSE;
    rig_send(rig, CONTROL, &policy, sizeof policy);
    for (uint32_t i = 0; i < members; i++) {
        struct mam_account account;
        mam_account_init(&account);
        account.login = 1000 + i;
        memcpy(account.currency, "USD", 3);
        account.leverage = 100;
        account.margin_mode = MAM_MARGIN_MODE_HEDGING;
        account.trade_mode = MAM_TRADE_MODE_FULL;
        rig_send(rig, BROKER, &account, sizeof account);
        struct mam_account_state state;
        mam_account_state_init(&state);
        state.login = account.login;
        state.balance = state.equity = INT64_C(1000000) * (10000 + 37 * (i % 101));
        rig_send(rig, BROKER, &state, sizeof state);
    }
}

/* After the accounts are known: the order of two rings is nobody's to promise. */
static inline void rig_join(struct rig *rig, uint32_t members) {
    for (uint32_t i = 0; i < members; i++) {
        struct mam_member member;
        mam_member_init(&member);
        member.group = RIG_GROUP;
        member.login = 1000 + i;
        member.weight = 100000000;
        rig_send(rig, CONTROL, &member, sizeof member);
    }
}

static inline int64_t rig_counter(const struct rig *rig, const char *label) {
    for (uint32_t at = 0; mam_loop_counter_label(at) != NULL; at++) {
        if (strcmp(mam_loop_counter_label(at), label) == 0) {
            return mam_counter_get(rig->config.counters + at * (MAM_COUNTER_VALUE_SIZE / sizeof(int64_t)));
        }
    }
    fprintf(stderr, "no counter %s\n", label);
    abort();
}

/* Reads along until a counter has a value. */
static inline void rig_wait(struct rig *rig, const char *label, int64_t value) {
    while (rig_counter(rig, label) < value) {
        rig_drain_out(rig);
        rig_drain_journal(rig, 1024);
    }
}

static inline void rig_start(struct rig *rig, uint32_t members) {
    rig_announce(rig, members);
    rig_wait(rig, "accounts", members);
    rig_wait(rig, "groups", 1);
    rig_join(rig, members);
    rig_wait(rig, "members", members);
    MUST(rig->rejects == 0);
}

static inline void rig_deal(struct rig *rig, uint64_t deal, uint64_t position, bool close, uint32_t members) {
    struct mam_master_deal message;
    mam_master_deal_init(&message);
    message.deal = message.order = deal;
    message.position = position;
    message.group = RIG_GROUP;
    message.instrument = RIG_INSTRUMENT;
    message.volume = INT64_C(10000000) * members; /* 0.1 lot each */
    message.price = 110010000;
    message.side = close ? MAM_SIDE_SELL : MAM_SIDE_BUY;
    message.entry = close ? MAM_ENTRY_CLOSING : MAM_ENTRY_OPENING;
    rig_send(rig, BROKER, &message, sizeof message);
}

static inline void rig_answer(struct rig *rig, const struct mam_booking *booking) {
    struct mam_booking_report report;
    mam_booking_report_init(&report);
    report.block = booking->block;
    report.child = booking->child;
    report.login = booking->login;
    report.deal = (uint64_t)booking->block << 32 | (booking->child + 1);
    report.position = booking->position != 0 ? booking->position : report.deal;
    report.volume = booking->volume;
    report.price = booking->price;
    report.status = MAM_BOOKING_STATUS_BOOKED;
    rig_send(rig, BROKER, &report, sizeof report);
}

static inline int64_t rig_clock(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static inline void rig_pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    sched_setaffinity(0, sizeof set, &set); /* where it may not be pinned, it runs unpinned */
}

#endif
