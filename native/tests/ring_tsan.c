/* Two threads over one ring, for ThreadSanitizer: its model stands for the two processes that it cannot see.
 *
 *   ring_tsan MESSAGES SEED
 *
 * The producer uses write, claim and abort; the consumer read, take with a publish a batch, and read_batch.
 * Every payload is checked. Prints "ok", or aborts.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "mam/ring.h"
#include "must.h"

enum { CAPACITY = 4096, LARGEST = CAPACITY / 8 };

static _Alignas(64) uint8_t memory[CAPACITY + MAM_RING_TRAILER];
static uint32_t messages;
static uint32_t seed;

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static uint32_t length_of(uint32_t number) {
    uint32_t state = number ^ seed;
    return next_random(&state) % (LARGEST + 1);
}

static void fill(uint8_t *payload, uint32_t number) {
    for (uint32_t i = 0; i < length_of(number); i++)
        payload[i] = (uint8_t)(number + i);
}

static void check(const uint8_t *payload, int32_t length, int32_t type, uint32_t number) {
    MUST(type == (int32_t)(number % 1000 + 1));
    MUST(length == (int32_t)length_of(number));
    for (uint32_t i = 0; i < length_of(number); i++)
        MUST(payload[i] == (uint8_t)(number + i));
}

static int produce_one(struct mam_ring *ring, uint32_t number, uint32_t choice) {
    int32_t type = (int32_t)(number % 1000 + 1);
    uint8_t copy[LARGEST];
    void *payload = NULL;
    if (choice % 8 == 0 && mam_ring_claim(ring, type, choice % LARGEST, &payload) == 0) {
        memset(payload, 0xee, choice % LARGEST);
        mam_ring_abort(ring);
    }
    if (choice % 2 == 0) {
        fill(copy, number);
        return mam_ring_write(ring, type, copy, length_of(number));
    }
    int status = mam_ring_claim(ring, type, length_of(number), &payload);
    if (status == 0) {
        fill(payload, number);
        mam_ring_commit(ring);
    }
    return status;
}

static void *produce(void *unused) {
    (void)unused;
    struct mam_ring ring;
    uint32_t state = seed;
    MUST(mam_ring_attach(&ring, memory, sizeof memory) == 0);
    for (uint32_t number = 0; number < messages;) {
        int status = produce_one(&ring, number, next_random(&state));
        MUST(status == 0 || status == MAM_RING_FULL);
        number += status == 0;
        if (status != 0)
            sched_yield();
        else if (mam_ring_free(&ring, 64, 56) >= 64 && number < messages && length_of(number) <= 56) {
            uint8_t copy[LARGEST];
            fill(copy, number);
            MUST(mam_ring_write(&ring, (int32_t)(number % 1000 + 1), copy, length_of(number)) == 0);
            number++;
        }
    }
    return NULL;
}

static uint32_t consume_batch(struct mam_ring *ring, uint32_t number) {
    static uint8_t out[4 * CAPACITY];
    uint32_t used = 0;
    int32_t count = mam_ring_read_batch(ring, out, sizeof out, 7, &used);
    MUST(count > 0 || count == MAM_RING_EMPTY || count == MAM_RING_CLAIMED);
    const uint8_t *at = out;
    for (int32_t i = 0; i < count; i++) {
        int32_t header[2];
        memcpy(header, at, sizeof header);
        check(at + 8, header[0], header[1], number++);
        at += mam_ring_space((uint32_t)header[0]);
    }
    return number;
}

static uint32_t consume_some(struct mam_ring *ring, uint32_t number, uint32_t choice) {
    uint8_t payload[LARGEST];
    int32_t type = 0;
    for (uint32_t i = 0; i < choice % 5 + 1; i++) {
        int32_t length = choice % 2 == 0 ? mam_ring_take(ring, payload, sizeof payload, &type)
                                         : mam_ring_read(ring, payload, sizeof payload, &type);
        MUST(length >= 0 || length == MAM_RING_EMPTY || length == MAM_RING_CLAIMED);
        if (length >= 0)
            check(payload, length, type, number++);
    }
    mam_ring_publish(ring);
    return number;
}

static void *consume(void *unused) {
    (void)unused;
    struct mam_ring ring;
    uint32_t state = seed + 1;
    MUST(mam_ring_attach(&ring, memory, sizeof memory) == 0);
    for (uint32_t number = 0; number < messages;) {
        uint32_t before = number, choice = next_random(&state);
        number = choice % 3 == 0 ? consume_batch(&ring, number) : consume_some(&ring, number, choice);
        if (choice % 64 == 0)
            MUST(mam_ring_check(&ring) == 0);
        if (number == before)
            sched_yield();
    }
    return NULL;
}

int main(int argc, char **argv) {
    MUST(argc == 3);
    messages = (uint32_t)strtoul(argv[1], NULL, 10);
    seed = (uint32_t)strtoul(argv[2], NULL, 10);
    pthread_t producer, consumer;
    MUST(pthread_create(&consumer, NULL, consume, NULL) == 0);
    MUST(pthread_create(&producer, NULL, produce, NULL) == 0);
    MUST(pthread_join(producer, NULL) == 0);
    MUST(pthread_join(consumer, NULL) == 0);
    puts("ok");
    return 0;
}
