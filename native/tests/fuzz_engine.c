/*
 * Fuzz target: the engine, fed by bridges that may send anything. No input may fire an assertion, break a
 * law, leave the tables inconsistent or cause more output than mam_engine_worst_case says.
 *
 * With clang: -fsanitize=fuzzer,address,undefined. Without: -DMAM_FUZZ_MAIN makes a program that mutates
 * seeds by itself: fuzz_engine SECONDS SEED FILE... (tests/engine/test_native.py writes seeds from random
 * histories).
 *
 * Input: byte 0 chooses the limits; then records:
 *   0         1               3
 *   +---------+---------------+-----------------+   how: bits 0-2 bridge; 0x80 the right sequence number is
 * put in; | how, u8 | length, u16   | message: length |        0x40 ten seconds pass before it; else one
 * millisecond
 *   +---------+---------------+-----------------+
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_audit.h"

#define BRIDGES 4
#define RIGHT_SEQUENCE 0x80
#define LATER 0x40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mam_capacities LIMITS[] = {
    {4, 32, 4, 64, 16, 256, 128, BRIDGES, 96, 64, 500, 5000},
    {1, 2, 1, 2, 1, 1, 1, BRIDGES, 1, 1, 500, 5000},
    {2, 8, 2, 8, 3, 8, 8, BRIDGES, 8, 4, 500, 5000},
    {2, 8, 2, 8, 3, 16, 3, BRIDGES, 2, 4, 1, 1},
};

struct host {
    struct mam_engine *engine;
    struct audit_expected *work;
    uint64_t bytes; /* of outputs of the message at hand */
    uint64_t out_sequence[BRIDGES + 1], journal_sequence;
    int64_t now;
};

static void put(void *context, uint32_t bridge, const void *message, uint32_t length) {
    struct host *host = context;
    uint16_t field = 0;
    MUST(mam_message_check(message, length, &field) == MAM_REASON_NONE);
    MUST(bridge == MAM_BRIDGE_JOURNAL || (bridge >= 1 && bridge <= BRIDGES));
    uint64_t *last = bridge == MAM_BRIDGE_JOURNAL ? &host->journal_sequence : &host->out_sequence[bridge];
    uint64_t sequence;
    memcpy(&sequence, (const uint8_t *)message + 8, 8);
    MUST(sequence == ++*last);
    host->bytes += (length + 32 + 7) & ~7u;
}

static void feed(struct host *host, uint8_t how, const uint8_t *bytes, uint32_t length) {
    _Alignas(64) uint8_t message[MAM_INPUT_MAX];
    uint32_t bridge = (how & 7u) % (BRIDGES + 1);
    length = length < MAM_INPUT_MAX ? length : MAM_INPUT_MAX;
    memcpy(message, bytes, length);
    if ((how & RIGHT_SEQUENCE) && length >= 16) {
        uint64_t sequence = host->engine->bridges[bridge].in_sequence + 1;
        memcpy(message + 8, &sequence, 8);
    }
    host->now += how & LATER ? INT64_C(10000000000) : 1000000;
    host->bytes = 0;
    mam_engine_apply(host->engine, host->now, bridge, message, length);
    MUST(host->bytes <= mam_engine_worst_case(&host->engine->limits, 32));
    mam_engine_audit(host->engine, host->work);
}

static void open_bridges(struct host *host) {
    static const uint8_t roles[BRIDGES] = {MAM_ROLE_BROKER, MAM_ROLE_LP, MAM_ROLE_LP, MAM_ROLE_CONTROL};
    for (uint32_t bridge = 1; bridge <= BRIDGES; bridge++) {
        struct mam_bridge_opened opened;
        mam_bridge_opened_init(&opened);
        opened.bridge = bridge;
        opened.role = roles[bridge - 1];
        feed(host, RIGHT_SEQUENCE, (const uint8_t *)&opened, sizeof opened);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const struct mam_capacities *limits = &LIMITS[data[0] % (sizeof LIMITS / sizeof *LIMITS)];
    struct host host = {.work = calloc(limits->holdings, sizeof *host.work)};
    void *memory = aligned_alloc(64, mam_engine_size(limits));
    MUST(memory != NULL && host.work != NULL);
    host.engine = mam_engine_create(memory, limits);
    mam_engine_sink(host.engine, put, NULL, &host);
    open_bridges(&host);
    for (size_t at = 1; at + 3 <= size;) {
        uint32_t length = (uint32_t)data[at + 1] | (uint32_t)data[at + 2] << 8;
        size_t left = size - at - 3;
        length = length < left ? length : (uint32_t)left;
        feed(&host, data[at], data + at + 3, length);
        at += 3 + length;
    }
    free(memory);
    free(host.work);
    return 0;
}

#ifdef MAM_FUZZ_MAIN

#define SEEDS_MAX 64
#define SEED_BYTES 65536
#define RECORDS_MAX 600

static uint64_t state;

static uint64_t random_word(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit) {
    return (uint32_t)(random_word() % limit);
}

struct record {
    const uint8_t *at; /* how, length, message */
    uint32_t length;   /* of all */
};

struct seed {
    uint8_t *bytes;
    uint32_t count;
    struct record records[RECORDS_MAX];
};

static struct seed seeds[SEEDS_MAX];
static uint32_t seed_count;

static void load(const char *path) {
    struct seed *seed = &seeds[seed_count++];
    seed->bytes = malloc(SEED_BYTES);
    FILE *file = fopen(path, "rb");
    MUST(file != NULL && seed->bytes != NULL);
    size_t size = fread(seed->bytes, 1, SEED_BYTES, file);
    fclose(file);
    for (size_t at = 1; at + 3 <= size && seed->count < RECORDS_MAX;) {
        uint32_t length = 3 + ((uint32_t)seed->bytes[at + 1] | (uint32_t)seed->bytes[at + 2] << 8);
        if (at + length > size) {
            break;
        }
        seed->records[seed->count++] = (struct record){.at = seed->bytes + at, .length = length};
        at += length;
    }
}

/* One field of a message becomes something else; or its header, its sequence number, or how it comes. */
static void mutate(uint8_t *record, uint32_t length) {
    static const int64_t words[] = {0,         1,       2,  7, -1, INT64_MAX, INT64_MIN, INT64_MAX / 4,
                                    100000000, 1000000, 255};
    uint32_t offset = 3 + below(length - 2);
    int64_t word = words[below(sizeof words / sizeof *words)];
    switch (below(6)) {
    case 0:
        record[0] = (uint8_t)random_word();
        break;
    case 1:
        if (offset < length) {
            record[offset] ^= (uint8_t)(1u << below(8));
        }
        break;
    case 2:
        if (offset < length) {
            record[offset] = (uint8_t)below(10);
        }
        break;
    default:
        offset = 3 + 8 * below(1 + length / 8);
        uint32_t size = below(2) ? 8 : 4;
        if (offset + size <= length) {
            memcpy(record + offset, &word, size);
        }
    }
}

/* A history made of two seeds' records, mostly in their order: some left out, repeated, changed, or cut
 * short. */
static size_t make(uint8_t *out, size_t capacity) {
    size_t used = 1;
    out[0] = (uint8_t)(below(3) ? 0 : below(4));
    const struct seed *one = &seeds[below(seed_count)];
    const struct seed *two = &seeds[below(seed_count)];
    uint32_t rate = 2 + below(200);
    uint32_t stop = 20 + below(RECORDS_MAX);
    for (uint32_t i = 0; i < stop && i < one->count; i++) {
        const struct seed *from = below(20) == 0 && two->count > 0 ? two : one;
        const struct record *record = &from->records[from == two ? below(two->count) : i];
        uint32_t times = below(rate) == 0 ? below(3) : 1;
        for (uint32_t n = 0; n < times && used + record->length <= capacity; n++) {
            memcpy(out + used, record->at, record->length);
            if (below(rate) == 0) {
                mutate(out + used, record->length);
            }
            used += record->length;
        }
    }
    return used;
}

int main(int argc, char **argv) {
    MUST(argc >= 4);
    for (int i = 3; i < argc && seed_count < SEEDS_MAX; i++) {
        load(argv[i]);
    }
    state = strtoull(argv[2], NULL, 10);
    time_t until = time(NULL) + atoi(argv[1]);
    uint8_t *input = malloc(SEED_BYTES);
    MUST(input != NULL);
    uint64_t runs = 0;
    do {
        size_t size = make(input, SEED_BYTES);
        const char *keep = getenv("MAM_FUZZ_KEEP"); /* the input at hand, for a look at a fault */
        if (keep != NULL) {
            FILE *file = fopen(keep, "wb");
            MUST(file != NULL && fwrite(input, 1, size, file) == size);
            fclose(file);
        }
        LLVMFuzzerTestOneInput(input, size);
        runs++;
    } while (time(NULL) < until);
    printf("ok %llu histories\n", (unsigned long long)runs);
    for (uint32_t i = 0; i < seed_count; i++) {
        free(seeds[i].bytes);
    }
    free(input);
    return 0;
}

#endif
