/*
 * order_latency CHILDREN ROUNDS [ENGINE_CORE CLIENT_CORE]: ns from a deal written to its last child read, one
 * a line.
 *
 *     client process, core B                                loop process, core A
 *     t0 = now; write MasterDeal ------ in ring ----------> copy, journal, plan, journal the plan,
 *     spin on the out ring until the                        for each child: journal, out ring
 *     last Booking is read; t1 = now <- out ring ----------
 *     not timed: gives the room back, answers every Booking, closes the position, drains the journal ring
 */
#include "../../native/tests/loop_rig.h" /* first: it asks for the system's extensions */

#include "loop_process.h"

#define CHILDREN_MAX 20000

static struct mam_booking bookings[CHILDREN_MAX];

/* Reads Bookings until there are `children`; what else comes is only counted. */
static void read_children(struct rig *rig, uint32_t children) {
    for (uint32_t count = 0; count < children;) {
        _Alignas(8) uint8_t message[MAM_INPUT_MAX];
        int32_t type = 0;
        int32_t length = mam_ring_take(&rig->out[BROKER], message, sizeof message, &type);
        if (length < 0) {
            MUST(length == MAM_RING_EMPTY || length == MAM_RING_CLAIMED);
            continue;
        }
        rig_heard(rig, BROKER, message);
        if (type == MAM_BOOKING_ID) {
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
    }
    while (rig_drain_journal(rig, 4096) > 0) {
    }
}

static void measure(struct rig *rig, uint32_t children, uint32_t rounds) {
    for (uint32_t round = 0; round < rounds; round++) {
        uint64_t position = 2 * (uint64_t)round + 1;
        int64_t before = rig_clock();
        rig_deal(rig, position, position, false, children);
        read_children(rig, children);
        int64_t after = rig_clock();
        mam_ring_publish(&rig->out[BROKER]);
        printf("%lld\n", (long long)(after - before));
        answer_all(rig, children);
        rig_deal(rig, position + 1, position, true, children);
        read_children(rig, children);
        mam_ring_publish(&rig->out[BROKER]);
        answer_all(rig, children);
    }
}

int main(int argc, char **argv) {
    MUST(argc >= 3);
    uint32_t children = (uint32_t)atoi(argv[1]);
    MUST(children >= 1 && children <= CHILDREN_MAX);
    struct rig rig;
    rig_make(&rig, children, 2, 1 << 22, 1 << 22);
    pid_t loop = loop_start(&rig, argc > 3 ? atoi(argv[3]) : 0, argc > 4 ? atoi(argv[4]) : 1);
    rig_start(&rig, children);
    measure(&rig, children, (uint32_t)atoi(argv[2]));
    loop_stop(&rig, loop);
    return 0;
}
