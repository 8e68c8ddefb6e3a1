/*
 * engine_throughput CHILDREN DEALS ROUNDS [ENGINE_CORE CLIENT_CORE]: ns for DEALS deals of CHILDREN each, one
 * round a line.
 *
 *     client process, core B                               loop process, core A
 *     t0; writes DEALS MasterDeals ---- in ring ---------> plans each, and for each child
 *     drains <------------------------- out ring --------- a Booking
 *     drains <------------------------- journal ring ----- a PlanMember and a Booking
 *     t1 when the last Booking and the last journal entry are read; no sequence number may be missing on
 * either not timed: answers every Booking and closes the positions
 */
#include "../../native/tests/loop_rig.h" /* first: it asks for the system's extensions */

#include "loop_process.h"

static struct mam_booking *bookings;

/* Takes what there is of the out ring, a batch at a time. */
static uint32_t take(struct rig *rig, uint32_t at, bool keep) {
    static _Alignas(64) uint8_t batch[65536];
    uint32_t used = 0;
    int32_t count = mam_ring_read_batch(&rig->out[BROKER], batch, sizeof batch, 256, &used);
    for (uint32_t offset = 0; count > 0 && offset < used;) {
        int32_t header[2];
        memcpy(header, batch + offset, sizeof header);
        rig_heard(rig, BROKER, batch + offset + 8);
        if (header[1] == MAM_BOOKING_ID && keep) {
            memcpy(&bookings[at++], batch + offset + 8, sizeof *bookings);
        }
        offset += (uint32_t)mam_ring_space((uint32_t)header[0]);
    }
    return at;
}

static int64_t deals(struct rig *rig, uint64_t first, uint32_t count, uint32_t children, bool close) {
    uint32_t heard = 0;
    int64_t before = rig_clock();
    for (uint32_t i = 0; i < count; i++) {
        rig_deal(rig, first + i + (close ? count : 0), first + i, close, children);
    }
    while (heard < count * children) {
        heard = take(rig, heard, true);
        rig_drain_journal(rig, 256);
    }
    uint32_t quiet = 0;
    while (quiet <
           2) { /* the last Booking was journaled before it was released: what is left is the reports */
        quiet = rig_drain_journal(rig, 256) == 0 ? quiet + 1 : 0;
    }
    return rig_clock() - before;
}

static void answer_all(struct rig *rig, uint32_t count) {
    int64_t done = rig_counter(rig, "blocks at work");
    for (uint32_t i = 0; i < count; i++) {
        rig_answer(rig, &bookings[i]);
    }
    while (done > 0) {
        rig_drain_out(rig);
        rig_drain_journal(rig, 4096);
        done = rig_counter(rig, "blocks at work");
    }
}

static void measure(struct rig *rig, uint32_t children, uint32_t count, uint32_t rounds) {
    uint64_t next = 1;
    for (uint32_t round = 0; round < rounds; round++) {
        printf("%lld\n", (long long)deals(rig, next, count, children, false));
        rig_wait(rig, "blocks at work", 1);
        answer_all(rig, count * children);
        deals(rig, next, count, children, true);
        rig_wait(rig, "blocks at work", 1);
        answer_all(rig, count * children);
        next += 2 * count;
    }
}

int main(int argc, char **argv) {
    MUST(argc >= 4);
    uint32_t children = (uint32_t)atoi(argv[1]);
    uint32_t count = (uint32_t)atoi(argv[2]);
    struct rig rig;
    rig_make(&rig, children, count, 1 << 20, 1 << 20);
    bookings = rig_memory(sizeof *bookings * children * count);
    pid_t loop = loop_start(&rig, argc > 4 ? atoi(argv[4]) : 0, argc > 5 ? atoi(argv[5]) : 1);
    rig_start(&rig, children);
    measure(&rig, children, count, (uint32_t)atoi(argv[3]));
    loop_stop(&rig, loop);
    return 0;
}
