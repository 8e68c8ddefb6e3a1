/* Two pinned processes: a bare cache line back and forth, then the same through two of our rings.
 *
 *     parent, CPU a                       child, CPU b
 *     ---- one line:  word ------------->  sees n, writes n + 1 into the same word
 *     ---- two lines: ping -- line 1 ---->  pong -- line 2
 *     ---- rings:     64 bytes, ring 1 -->  64 bytes, ring 2
 *     ---- one way:   64 bytes, ring 1 -->  reads; acknowledges the last
 *
 *   ring_round_trip CPU_A CPU_B ROUNDS EXCHANGES MESSAGES
 *
 * Each round does all of them in turn, so that noise of the machine falls on all. Prints one line a round:
 * p50 and p99 in ns of one line, two lines, rings by copy; then one-way messages a second: read singly, in
 * batches.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mam/ring.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

enum { CAPACITY = 1 << 20, MESSAGE = 64, BATCH = 32 };

struct shared {
    _Alignas(128) uint64_t ping;
    _Alignas(128) uint64_t pong;
    _Alignas(128) uint64_t done;
    _Alignas(4096) uint8_t forth[CAPACITY + MAM_RING_TRAILER];
    _Alignas(4096) uint8_t back[CAPACITY + MAM_RING_TRAILER];
};

static struct shared *shared;
static uint32_t exchanges, messages;
static int64_t *times;
static double ns_per_tick = 1;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield" ::: "memory");
#endif
}

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int64_t ticks(void) {
#if defined(__x86_64__)
    return (int64_t)__builtin_ia32_rdtsc();
#else
    return clock_ns();
#endif
}

static void calibrate(void) {
    int64_t start_ns = clock_ns(), start = ticks();
    while (clock_ns() - start_ns < 50000000)
        relax();
    ns_per_tick = (double)(clock_ns() - start_ns) / (double)(ticks() - start);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* times[] holds a stamp before the first exchange and after each. */
static void print_percentiles(void) {
    for (uint32_t i = 0; i < exchanges; i++)
        times[i] = times[i + 1] - times[i];
    qsort(times, exchanges, sizeof *times, by_value);
    printf("%.1f %.1f ", (double)times[exchanges / 2] * ns_per_tick,
           (double)times[exchanges / 100 * 99] * ns_per_tick);
}

static void wait_for(uint64_t *word, uint64_t value) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
        relax();
}

static void one_line(int parent) {
    for (uint64_t i = 0; i < exchanges; i++) {
        if (parent) {
            __atomic_store_n(&shared->ping, 2 * i + 1, __ATOMIC_RELEASE);
            wait_for(&shared->ping, 2 * i + 2);
            times[i + 1] = ticks();
        } else {
            wait_for(&shared->ping, 2 * i + 1);
            __atomic_store_n(&shared->ping, 2 * i + 2, __ATOMIC_RELEASE);
        }
    }
}

static void two_lines(int parent) {
    for (uint64_t i = 1; i <= exchanges; i++) {
        if (parent) {
            __atomic_store_n(&shared->ping, i, __ATOMIC_RELEASE);
            wait_for(&shared->pong, i);
            times[i] = ticks();
        } else {
            wait_for(&shared->ping, i);
            __atomic_store_n(&shared->pong, i, __ATOMIC_RELEASE);
        }
    }
}

static void read_one(struct mam_ring *ring, uint64_t expected) {
    uint64_t message[MESSAGE / 8];
    int32_t type = 0, length;
    while ((length = mam_ring_take(ring, message, sizeof message, &type)) < 0) {
        MUST(length == MAM_RING_EMPTY || length == MAM_RING_CLAIMED);
        relax();
    }
    MUST(length == MESSAGE && message[0] == expected && message[7] == ~expected);
}

static void write_one(struct mam_ring *ring, uint64_t number) {
    uint64_t message[MESSAGE / 8] = {number, 0, 0, 0, 0, 0, 0, ~number};
    int status;
    while ((status = mam_ring_write(ring, 1, message, sizeof message)) != 0) {
        MUST(status == MAM_RING_FULL);
        relax();
    }
}

static void rings(int parent, struct mam_ring *forth, struct mam_ring *back) {
    for (uint64_t i = 1; i <= exchanges; i++) {
        if (parent) {
            write_one(forth, i);
            read_one(back, i);
            times[i] = ticks();
            mam_ring_publish(back);
        } else {
            read_one(forth, i);
            write_one(back, i);
            mam_ring_publish(forth);
        }
    }
}

static void read_many(struct mam_ring *ring) {
    uint64_t message[MESSAGE / 8];
    int32_t type = 0;
    for (uint64_t i = 1; i <= messages;) {
        for (int in_batch = 0; in_batch < BATCH; in_batch++) {
            int32_t length = mam_ring_take(ring, message, sizeof message, &type);
            if (length < 0)
                break;
            MUST(message[0] == i && message[7] == ~i);
            i++;
        }
        mam_ring_publish(ring);
    }
}

static void one_way(int parent, struct mam_ring *forth, int batched) {
    int64_t start = clock_ns();
    if (parent) {
        for (uint64_t i = 1; i <= messages; i++)
            write_one(forth, i);
        wait_for(&shared->done, messages);
        printf("%.0f ", messages * 1e9 / (double)(clock_ns() - start));
        return;
    }
    if (batched)
        read_many(forth);
    else
        for (uint64_t i = 1; i <= messages; i++) {
            read_one(forth, i);
            mam_ring_publish(forth);
        }
    __atomic_store_n(&shared->done, messages, __ATOMIC_RELEASE);
}

/* Both sides begin together, with the words at 0. */
static void meet(int parent) {
    if (parent) {
        shared->ping = shared->pong = 0;
        __atomic_store_n(&shared->done, 1ull << 40, __ATOMIC_RELEASE);
        wait_for(&shared->done, 0);
        times[0] = ticks();
    } else {
        wait_for(&shared->done, 1ull << 40);
        __atomic_store_n(&shared->done, 0, __ATOMIC_RELEASE);
    }
}

static void run_rounds(int parent, uint32_t rounds) {
    struct mam_ring forth, back;
    MUST(mam_ring_attach(&forth, shared->forth, sizeof shared->forth) == 0);
    MUST(mam_ring_attach(&back, shared->back, sizeof shared->back) == 0);
    for (uint32_t round = 0; round < rounds; round++) {
        for (int mode = 0; mode < 3; mode++) {
            meet(parent);
            if (mode == 0)
                one_line(parent);
            else if (mode == 1)
                two_lines(parent);
            else
                rings(parent, &forth, &back);
            if (parent)
                print_percentiles();
        }
        for (int batched = 0; batched < 2; batched++) {
            meet(parent);
            one_way(parent, &forth, batched);
        }
        if (parent)
            puts("");
        fflush(stdout);
    }
}

static void pin(size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    MUST(sched_setaffinity(0, sizeof set, &set) == 0);
}

int main(int argc, char **argv) {
    MUST(argc == 6);
    exchanges = (uint32_t)atoi(argv[4]);
    messages = (uint32_t)atoi(argv[5]);
    void *memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED);
    shared = memory;
    memset(memory, 0, sizeof *shared);
    times = malloc((exchanges + 1) * sizeof *times);
    MUST(times != NULL);
    pid_t child = fork();
    MUST(child >= 0);
    pin((size_t)atoi(argv[child == 0 ? 2 : 1]));
    alarm(300); /* if one side fails, the other would wait for ever */
    if (child != 0)
        calibrate();
    run_rounds(child != 0, (uint32_t)atoi(argv[3]));
    if (child == 0)
        _exit(0);
    int status;
    MUST(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}
