/*
 * An engine in a program of its own: inputs in, outputs out, to be compared byte for byte with another
 * build's. stdin: struct mam_capacities, then {int64 time, uint32 bridge, uint32 length, message}; stdout:
 * {uint32 bridge, uint32 length, message}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "assert.h"
#include "engine.h"

static void put(void *context, uint32_t bridge, const void *message, uint32_t length) {
    uint32_t header[2] = {bridge, length};
    MAM_ASSERT(fwrite(header, sizeof header, 1, context) == 1 && fwrite(message, length, 1, context) == 1);
}

int main(void) {
    struct mam_capacities limits;
    MAM_ASSERT(fread(&limits, sizeof limits, 1, stdin) == 1);
    void *memory = aligned_alloc(64, mam_engine_size(&limits));
    struct mam_engine *engine = mam_engine_create(memory, &limits);
    MAM_ASSERT(engine != NULL);
    mam_engine_sink(engine, put, NULL, stdout);
    struct {
        int64_t time;
        uint32_t bridge, length;
    } input;
    while (fread(&input, sizeof input, 1, stdin) == 1) {
        _Alignas(64) uint8_t message[MAM_INPUT_MAX];
        MAM_ASSERT(input.length <= sizeof message);
        MAM_ASSERT(input.length == 0 || fread(message, input.length, 1, stdin) == 1);
        mam_engine_apply(engine, input.time, input.bridge, message, input.length);
    }
    free(memory);
    return 0;
}
