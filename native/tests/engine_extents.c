/* extents.c against an array of marks: random takes and gives; nothing overlaps, nothing is lost.
 * engine_extents SEED */
#include "extents.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

#define UNITS 256
#define RUNS 64
struct run {
    uint32_t first, count; /* count 0: none */
};

static bool owned[UNITS];

static uint32_t rounded(uint32_t count) {
    uint32_t units = 1;
    while (units < count) {
        units *= 2;
    }
    return units;
}

static void mark(const struct run *run, bool now) {
    for (uint32_t at = run->first; at < run->first + rounded(run->count); at++) {
        MUST(at < UNITS && owned[at] != now);
        owned[at] = now;
    }
}

/* Is there a free run of that size at a place where one may begin? */
static bool naive_room(uint32_t count) {
    uint32_t units = rounded(count);
    for (uint32_t first = 0; first + units <= UNITS; first += units) {
        bool room = true;
        for (uint32_t at = first; at < first + units; at++) {
            room = room && !owned[at];
        }
        if (room) {
            return true;
        }
    }
    return false;
}

static void compare(const struct mam_extents *extents) {
    uint32_t free_units = 0;
    for (uint32_t at = 0; at < UNITS; at++) {
        free_units += !owned[at];
    }
    MUST(free_units == extents->free_units);
}

int main(int argc, char **argv) {
    srand(argc > 1 ? (unsigned)atoi(argv[1]) : 1u);
    struct mam_extents extents;
    struct mam_extent_link links[UNITS];
    struct run runs[RUNS];
    memset(runs, 0, sizeof runs);
    mam_extents_init(&extents, links, UNITS);
    for (uint32_t round = 0; round < 200000; round++) {
        struct run *run = &runs[rand() % RUNS];
        if (run->count != 0) {
            mark(run, false);
            mam_extents_give(&extents, run->first, run->count);
            run->count = 0;
        } else {
            uint32_t most = 1u << (rand() % 9);
            uint32_t count = 1 + (uint32_t)rand() % most;
            bool room = naive_room(count);
            run->first = mam_extents_take(&extents, count);
            MUST((run->first != MAM_EXTENT_NONE) == room);
            run->count = room ? count : 0;
            if (room) {
                mark(run, true);
            }
        }
        compare(&extents);
    }
    for (uint32_t at = 0; at < RUNS; at++) {
        if (runs[at].count != 0) {
            mam_extents_give(&extents, runs[at].first, runs[at].count);
        }
    }
    MUST(mam_extents_take(&extents, UNITS) == 0);
    printf("ok\n");
    return 0;
}
