/* Fuzz target: segments that someone tampered with, and a journal ring whose producer is hostile.
 *
 * With clang: -fsanitize=fuzzer,address,undefined. Without: -DMAM_FUZZ_MAIN makes a program that feeds itself
 * random inputs: fuzz_log SECONDS SEED. Memory has its exact size, so that the address sanitizer sees any
 * step outside.
 *
 * Input: byte 0 chooses what is attacked; then frames (one byte each: length) and pokes (2 bytes where, 1
 * what).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "journal_entry.h"
#include "log_reader.h"
#include "log_writer.h"
#include "must.h"
#include "sha256.h"

#define FRAMES_MAX 24

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *input, size_t bytes) {
    uint64_t value = 0;
    const size_t taken = bytes < input->left ? bytes : input->left;
    if (taken != 0) {
        memcpy(&value, input->at, taken);
    }
    input->at += taken;
    input->left -= taken;
    return value;
}

static uint32_t make_entry(uint8_t *out, uint64_t sequence, uint8_t shape) {
    const struct mam_entry_header header = {
        sequence, 1, 1, shape & 128 ? MAM_ENTRY_OWN : MAM_ENTRY_INPUT, 1, shape & 127};
    memcpy(out, &header, sizeof header);
    memset(out + sizeof header, shape, header.length);
    return MAM_ENTRY_HEADER + header.length;
}

/* Pokes what is left of the input into memory; returns how many bytes changed. */
static int poke(struct input *input, uint8_t *memory, size_t length) {
    int changed = 0;
    while (input->left >= 3) {
        const size_t where = take(input, 2) % length;
        const uint8_t what = (uint8_t)take(input, 1);
        changed += what != 0;
        memory[where] ^= what;
    }
    return changed;
}

static uint64_t scan_all(const uint8_t *file, uint64_t length, const struct mam_segment *segment,
                         int *status) {
    struct mam_scan scan;
    mam_scan_begin(&scan, file, length, segment);
    uint64_t offsets[4], passed = 0;
    do {
        const uint64_t before = scan.tree.size;
        *status = mam_scan_run(&scan, 4, 1, offsets, &passed);
        MUST(passed <= 4 && scan.tree.size == before + passed);
        for (uint64_t i = 0; i < passed; i++) {
            MUST(offsets[i] + MAM_ENTRY_HEADER <= length);
        }
        if (*status == MAM_SCAN_OWN || *status == MAM_SCAN_SEQUENCE) {
            mam_scan_accept(&scan, 1, scan.found_sequence + (*status == MAM_SCAN_SEQUENCE));
            *status = MAM_SCAN_MORE;
        }
        MUST(scan.offset <= length && scan.tree.size == segment->first_leaf + scan.ordinal);
    } while (*status == MAM_SCAN_MORE);
    struct mam_frame proof;
    const int tail = mam_scan_tail(&scan, &proof);
    MUST(tail != MAM_TAIL_DAMAGE || (proof.next <= length && proof.ordinal > scan.ordinal));
    MUST(*status != MAM_SCAN_END || tail == MAM_TAIL_CLEAN || scan.offset < length);
    return scan.ordinal;
}

static void attack_segment(struct input *input) {
    struct mam_segment segment, read;
    memset(&segment, 0, sizeof segment);
    segment.length = MAM_SEGMENT_LENGTH_MIN;
    const uint32_t frames = (uint32_t)take(input, 1) % FRAMES_MAX;
    const size_t length = MAM_SEGMENT_FIRST_FRAME + FRAMES_MAX * 200;
    uint8_t *file = calloc(1, length);
    mam_segment_write(&segment, file);
    memcpy(file + MAM_SEGMENT_HEADER, file, MAM_SEGMENT_HEADER);
    uint64_t at = MAM_SEGMENT_FIRST_FRAME, sequence = 0;
    for (uint32_t i = 0; i < frames; i++) {
        uint8_t entry[200];
        const uint8_t shape = (uint8_t)take(input, 1);
        const uint32_t size = make_entry(entry, sequence, shape);
        sequence += (shape & 128) == 0;
        at += mam_frame_write(file + at, entry, size, i, i & 3, segment.salt);
    }
    const int changed = poke(input, file, length);
    const int header = mam_segment_read(file, &read);
    int status;
    const uint64_t found = scan_all(file, length, &segment, &status);
    MUST(changed != 0 || (header == 0 && status == MAM_SCAN_END && found == frames));
    if (header == 0) {
        scan_all(file, length, &read, &status);
    }
    free(file);
}

/* A segment file in memory: fdatasync does nothing there, and succeeds. */
static int memory_file(void) {
    static int descriptor = -1;
    if (descriptor < 0) {
        descriptor = memfd_create("segment", 0);
        MUST(descriptor >= 0 && ftruncate(descriptor, MAM_SEGMENT_LENGTH_MIN) == 0);
    }
    return descriptor;
}

static void attack_ring(struct input *input) {
    static uint8_t buffer[MAM_LOG_BUFFER_MIN];
    const size_t capacity = 1024, length = capacity + 768;
    uint8_t *region = aligned_alloc(8, length);
    memset(region, 0, length);
    const uint32_t frames = (uint32_t)take(input, 1) % 8;
    int64_t tail = 0;
    for (uint32_t i = 0; i < frames && tail < 800; i++) {
        const int32_t head[2] = {8 + (int32_t)make_entry(region + tail + 8, i, (uint8_t)take(input, 1) & 127),
                                 MAM_JOURNAL_RECORD};
        memcpy(region + tail, head, sizeof head);
        tail += (head[0] + 7) & ~7;
    }
    memcpy(region + capacity + 128, &tail, sizeof tail);
    poke(input, region, length);
    struct mam_journal_reader reader;
    struct mam_log log;
    memset(&log, 0, sizeof log);
    if (mam_journal_attach(&reader, region, length) == 0) {
        struct mam_segment segment;
        memset(&segment, 0, sizeof segment);
        segment.length = MAM_SEGMENT_LENGTH_MIN;
        log.buffer = buffer;
        log.capacity = sizeof buffer;
        mam_log_use(&log, memory_file(), &segment, MAM_SEGMENT_FIRST_FRAME, 0, &segment.tree, 0);
        for (int round = 0; round < 3; round++) {
            const int64_t before = reader.head;
            const int status = mam_log_round(&log, &reader);
            MUST(status >= MAM_LOG_OK && status < MAM_LOG_FAILED && log.used == 0);
            MUST(reader.head >= before && reader.head - before <= 2 * (int64_t)capacity);
            MUST(log.tree.size == log.ordinal && log.durable == log.sequence);
        }
    }
    free(region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    if (take(&input, 1) & 1) {
        attack_ring(&input);
    } else {
        attack_segment(&input);
    }
    return 0;
}

#ifdef MAM_FUZZ_MAIN
int main(int count, char **arguments) {
    MUST(count == 3);
    const time_t end = time(NULL) + atoi(arguments[1]);
    uint64_t state = strtoull(arguments[2], NULL, 10), runs = 0;
    while (time(NULL) < end) {
        uint8_t data[96];
        for (size_t i = 0; i < sizeof data; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            data[i] = (uint8_t)(state >> 56);
        }
        LLVMFuzzerTestOneInput(data, (size_t)(state >> 40) % sizeof data);
        runs++;
    }
    printf("ok %llu\n", (unsigned long long)runs);
    return 0;
}
#endif
