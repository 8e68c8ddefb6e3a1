/*
 * The loop in one thread, its bridges in another, the journal's reader in a third. loop_threads MEMBERS DEALS
 *
 * For the thread sanitizer; and under strace: between the marks "begin" and "end" (writes to no file) the
 * loop's thread, which says "loop" first, must not appear. It counts what the loop's thread allocates:
 * nothing.
 */
#include "loop_rig.h" /* first: it asks for the system's extensions */

#include <pthread.h>
#include <unistd.h>

static _Thread_local bool in_loop;
static uint64_t allocations; /* by the loop's thread */

#ifdef MAM_COUNT_MALLOC
extern void *__libc_malloc(size_t size);

void *malloc(size_t size);

void *malloc(size_t size) {
    allocations += in_loop;
    return __libc_malloc(size);
}
#endif

static void mark(const char *text) {
    ssize_t written = write(-1, text, strlen(text));
    (void)written;
}

static void *run_loop(void *rig) {
    mark("loop");
    in_loop = true;
    mam_loop_run(((struct rig *)rig)->loop);
    in_loop = false;
    return NULL;
}

static int stop;

static void *run_journal(void *rig) {
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        rig_drain_journal(rig, 1024);
    }
    rig_drain_journal(rig, UINT32_MAX);
    return NULL;
}

/* As the broker: a deal, and an answer to each of its Bookings. */
static void trade(struct rig *rig, uint64_t deal, uint64_t position, bool close, uint32_t members) {
    uint64_t reports = rig->reports;
    rig_deal(rig, deal, position, close, members);
    while (rig->reports < reports + 2) {
        _Alignas(8) uint8_t message[MAM_INPUT_MAX];
        if (rig_read(rig, BROKER, message) > 0 &&
            ((const struct mam_header *)(const void *)message)->template_id == MAM_BOOKING_ID) {
            rig_answer(rig, (const void *)message);
        }
    }
}

int main(int argc, char **argv) {
    MUST(argc == 3);
    uint32_t members = (uint32_t)atoi(argv[1]);
    struct rig rig;
    rig_make(&rig, members, 4, 1 << 20, 1 << 20);
    pthread_t loop, reader;
    MUST(pthread_create(&loop, NULL, run_loop, &rig) == 0);
    rig_start(&rig, members);
    MUST(pthread_create(&reader, NULL, run_journal, &rig) == 0);
    mark("begin");
    for (uint64_t deal = 1; deal <= (uint64_t)atoi(argv[2]); deal++) {
        trade(&rig, 2 * deal, 2 * deal, false, members);
        trade(&rig, 2 * deal + 1, 2 * deal, true, members);
    }
    mark("end");
    mam_loop_stop(rig.loop);
    pthread_join(loop, NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(reader, NULL);
    MUST(rig.rejects == 0 && rig.bookings == 2 * (uint64_t)members * (uint64_t)atoi(argv[2]));
    MUST(rig_counter(&rig, "halted on a broken law") == 0 && rig_counter(&rig, "holdings") == 0);
    MUST(rig.journal_next == (uint64_t)rig_counter(&rig, "journal records"));
    MUST(allocations == 0);
    printf("ok %llu journal records\n", (unsigned long long)rig.journal_next);
    return 0;
}
