/* table.h against a list that is searched from one end: random puts, gets and removals. engine_table SEED */
#include <stdio.h>
#include <stdlib.h>

#include "must.h"
#include "table.h"

#define LIMIT 40
#define KEYS 100
struct naive {
    uint32_t value[KEYS]; /* MAM_TABLE_NONE: not there */
    uint32_t count;
};

/* Few keys, many of them of one home: runs grow long, and wrap round the end. */
static uint64_t key_of(const struct mam_table *table, uint64_t *keys, uint32_t at) {
    static uint64_t next = 1;
    while (keys[at] == 0) {
        uint64_t key = next++;
        uint32_t home = mam_table_home(table, key);
        keys[at] = at % 3 == 0 || home >= table->mask - 2 || home == 0 ? key : 0;
    }
    return keys[at];
}

static void compare(const struct mam_table *table, const struct naive *naive, const uint64_t *keys) {
    MUST(table->count == naive->count);
    for (uint32_t at = 0; at < KEYS; at++) {
        MUST(mam_table_get(table, keys[at]) == naive->value[at]);
    }
    uint32_t used = 0;
    for (uint32_t slot = 0; slot <= table->mask; slot++) {
        used += table->slots[slot].used;
    }
    MUST(used == naive->count);
}

int main(int argc, char **argv) {
    srand(argc > 1 ? (unsigned)atoi(argv[1]) : 1u);
    uint32_t capacity = mam_table_capacity(LIMIT);
    struct mam_table table = {
        .slots = calloc(capacity, sizeof(struct mam_slot)), .mask = capacity - 1, .limit = LIMIT};
    struct naive naive = {.count = 0};
    uint64_t keys[KEYS] = {0};
    for (uint32_t at = 0; at < KEYS; at++) {
        naive.value[at] = MAM_TABLE_NONE;
        key_of(&table, keys, at);
    }
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t at = (uint32_t)rand() % KEYS;
        if (rand() % 2 == 0) {
            bool room = naive.value[at] != MAM_TABLE_NONE || naive.count < LIMIT;
            MUST(mam_table_put(&table, keys[at], round) == room);
            naive.count += room && naive.value[at] == MAM_TABLE_NONE;
            naive.value[at] = room ? round : naive.value[at];
        } else {
            mam_table_remove(&table, keys[at]);
            naive.count -= naive.value[at] != MAM_TABLE_NONE;
            naive.value[at] = MAM_TABLE_NONE;
        }
        compare(&table, &naive, keys);
    }
    free(table.slots);
    printf("ok\n");
    return 0;
}
