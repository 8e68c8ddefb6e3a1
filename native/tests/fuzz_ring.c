/* Fuzz target: a hostile peer owns the ring's memory. It may write anything, before and between our calls.
 *
 * With clang: -fsanitize=fuzzer,address,undefined. Without: -DMAM_FUZZ_MAIN makes a program that mutates a
 * few seeds by itself: fuzz_ring SECONDS SEED. The ring lies in memory of its exact size, so that the address
 * sanitizer sees any step outside.
 *
 * Input: byte 0 chooses the capacity; 4 x 8 bytes are head, tail, head cache and the view's start position;
 * then pairs of one operation byte and, for a poke, 6 bytes (offset, value); what is left fills the records.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mam/ring.h"
#include "must.h"

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *input, size_t bytes) {
    uint64_t value = 0;
    size_t taken = bytes < input->left ? bytes : input->left;
    if (taken != 0)
        memcpy(&value, input->at, taken);
    input->at += taken;
    input->left -= taken;
    return value;
}

static bool known(int64_t code) {
    return code == MAM_RING_EMPTY || code == MAM_RING_CLAIMED || code == MAM_RING_FULL ||
           code == MAM_RING_TOO_LONG || code == MAM_RING_BUSY || code == MAM_RING_BAD_TYPE ||
           (code <= MAM_RING_CORRUPT_LENGTH && code >= MAM_RING_CORRUPT_HEAD);
}

/* What the reader may not write: the trailer, but for head. */
static uint64_t sum_of_trailer(const struct mam_ring *ring) {
    uint64_t sum = 0;
    for (int64_t offset = 0; offset < MAM_RING_TRAILER; offset += 8)
        if (offset != MAM_RING_HEAD_OFFSET)
            sum = sum * 31 + (uint64_t)*mam_ring_word(ring, offset);
    return sum;
}

/* A step of the reader never goes back, takes two records at most, and stays within the records. */
static void read_one(struct mam_ring *ring, bool short_buffer) {
    uint64_t trailer = sum_of_trailer(ring);
    uint8_t out[256];
    uint32_t room = short_buffer ? 5 : sizeof out;
    int64_t before = ring->head;
    int32_t type = 0, length = mam_ring_read(ring, out, room, &type);
    MUST(length >= 0 ? type >= 1 && length <= (int32_t)mam_ring_payload_max(ring) : known(length));
    MUST(ring->head >= before && ring->head - before <= 2 * (ring->record_max + 8));
    MUST(ring->head == ring->published);
    MUST(sum_of_trailer(ring) == trailer);
}

static void take_one(struct mam_ring *ring) {
    uint8_t out[256];
    int64_t before = ring->head;
    int32_t type = 0, length = mam_ring_take(ring, out, sizeof out, &type);
    MUST(length >= 0 || known(length));
    MUST(ring->head >= before && ring->head - ring->published < ring->capacity / 2 + ring->record_max + 8);
}

static void read_batch(struct mam_ring *ring, uint32_t max) {
    uint8_t *out = malloc(300);
    uint32_t used = 0;
    int32_t count = mam_ring_read_batch(ring, out, 300, max, &used);
    MUST(used <= 300 && (count > 0 ? (uint32_t)count <= max : count < 0 && known(count)));
    free(out);
}

static void write_one(struct mam_ring *ring, uint8_t operation) {
    uint8_t payload[64] = {operation};
    void *place = NULL;
    uint32_t length = operation % 64;
    int status = operation & 64 ? mam_ring_claim(ring, operation, length, &place)
                                : mam_ring_write(ring, operation, payload, length);
    MUST(status == 0 || known(status));
    if (place != NULL && status == 0) {
        uint8_t *start = place;
        MUST(start >= ring->buffer && start + length <= ring->buffer + ring->capacity);
        memset(place, 0xaa, length);
        if (operation & 32)
            mam_ring_commit(ring);
        else
            mam_ring_abort(ring);
    }
    int64_t sure = mam_ring_free(ring, operation, length);
    MUST(sure >= 0 ? sure <= ring->capacity : known(sure));
}

static void operate(struct mam_ring *reader, struct mam_ring *writer, uint8_t *memory, size_t size,
                    struct input *input) {
    uint8_t operation = (uint8_t)take(input, 1);
    switch (operation % 8) {
    case 0:
        take_one(reader);
        return;
    case 1:
        read_one(reader, operation & 8);
        return;
    case 2:
        read_batch(reader, operation >> 3);
        return;
    case 3:
        MUST(mam_ring_check(reader) <= 0 && mam_ring_backlog(reader) <= reader->capacity);
        return;
    case 4:
        write_one(writer, operation);
        return;
    default:
        break; /* a poke at any 4 bytes, by whoever is on the other side */
    }
    uint32_t value = (uint32_t)take(input, 4);
    memcpy(memory + take(input, 2) % (size / 4) * 4, &value, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct input input = {data, length};
    size_t capacity = (size_t)128 << take(&input, 1) % 4, size = capacity + MAM_RING_TRAILER;
    uint8_t *memory = aligned_alloc(64, size);
    MUST(memory != NULL);
    memset(memory, 0, capacity);
    memset(memory + capacity, 0x5a, MAM_RING_TRAILER); /* a reader that strays into it is seen */
    static const size_t words[] = {MAM_RING_HEAD_OFFSET, MAM_RING_TAIL_OFFSET, MAM_RING_HEAD_CACHE_OFFSET};
    for (size_t i = 0; i < 3; i++) {
        uint64_t value = take(&input, 8);
        memcpy(memory + capacity + words[i], &value, 8);
    }
    struct input records = input;
    for (size_t i = 0; i < capacity && records.left != 0; i++)
        memory[i] = (uint8_t)take(&records, 1);
    struct mam_ring reader, writer;
    int status = mam_ring_attach(&reader, memory, size);
    MUST(status == mam_ring_attach(&writer, memory, size));
    if (status == 0) {
        int inspected = mam_ring_inspect(&reader);
        MUST(inspected == 0 || known(inspected));
        for (int i = 0; i < 200 && input.left != 0; i++)
            operate(&reader, &writer, memory, size, &input);
    } else {
        MUST(known(status));
    }
    free(memory);
    return 0;
}

#ifdef MAM_FUZZ_MAIN
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Plausible positions and headers, then noise: pure noise would rarely pass the attach. */
static size_t make_input(uint8_t *data, size_t room, uint64_t *state) {
    size_t length = 25 + next_random(state) % (room - 25);
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)next_random(state);
    if (next_random(state) % 8 != 0) {
        int64_t capacity = (int64_t)128 << data[0] % 4;
        int64_t head = (int64_t)(next_random(state) % 4096 & ~7u);
        int64_t tail = head + (int64_t)(next_random(state) % (uint64_t)capacity & ~7u);
        memcpy(data + 1, &head, 8);
        memcpy(data + 9, &tail, 8);
        for (size_t at = 25; at + 8 <= length && next_random(state) % 8 != 0;) {
            int32_t header[2] = {(int32_t)(next_random(state) % 40) - 2,
                                 (int32_t)(next_random(state) % 5) - 1};
            memcpy(data + at, header, 8);
            at += (size_t)mam_ring_aligned(header[0] > 0 ? header[0] : 8);
        }
    }
    return length;
}

int main(int argc, char **argv) {
    MUST(argc == 3);
    time_t end = time(NULL) + atoi(argv[1]);
    uint64_t state = strtoull(argv[2], NULL, 10) * 2654435761u + 1, runs = 0;
    uint8_t data[2048];
    do {
        for (int i = 0; i < 1000; i++, runs++) {
            size_t length = make_input(data, sizeof data, &state);
            LLVMFuzzerTestOneInput(data, length);
        }
    } while (time(NULL) < end);
    printf("ok %llu\n", (unsigned long long)runs);
    return 0;
}
#endif
