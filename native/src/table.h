/*
 * A hash table of fixed capacity: uint64 key -> uint32 value. Open addressing, linear probing, backward-shift
 * deletion (no tombstones, so the cost of a look-up never grows with history). Memory is the caller's.
 *
 * Invariants: capacity is a power of two and at least twice the limit, so a probe always ends at a free slot;
 * a key's slot is reachable from its home slot without passing a free one; MAM_TABLE_NONE is never a value.
 */
#ifndef MAM_TABLE_H
#define MAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assert.h"

#define MAM_TABLE_NONE UINT32_MAX

struct mam_slot {
    uint64_t key;
    uint32_t value;
    uint32_t used;
};

struct mam_table {
    struct mam_slot *slots;
    uint32_t mask;
    uint32_t count;
    uint32_t limit;
};

static inline uint32_t mam_table_capacity(uint32_t limit) {
    uint32_t capacity = 16;
    while (capacity < 2 * (uint64_t)limit) {
        capacity *= 2;
    }
    return capacity;
}

/* splitmix64's finaliser: every input bit reaches every output bit. */
static inline uint32_t mam_table_home(const struct mam_table *table, uint64_t key) {
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(key ^ (key >> 31)) & table->mask;
}

static inline uint32_t mam_table_slot(const struct mam_table *table, uint64_t key) {
    uint32_t at = mam_table_home(table, key);
    while (table->slots[at].used && table->slots[at].key != key) {
        at = (at + 1) & table->mask;
    }
    return at;
}

/* Fetches a key's home slot for writing: it is far from all others, and whoever knows early what he will look
 * for need not wait. */
static inline void mam_table_prefetch(const struct mam_table *table, uint64_t key) {
    __builtin_prefetch(&table->slots[mam_table_home(table, key)], 1);
}

/* The value of a key, or MAM_TABLE_NONE. */
static inline uint32_t mam_table_get(const struct mam_table *table, uint64_t key) {
    const struct mam_slot *slot = &table->slots[mam_table_slot(table, key)];
    return slot->used ? slot->value : MAM_TABLE_NONE;
}

/* Adds or replaces. False, and nothing changed, when the table holds its limit already. */
static inline bool mam_table_put(struct mam_table *table, uint64_t key, uint32_t value) {
    MAM_ASSERT(value != MAM_TABLE_NONE);
    struct mam_slot *slot = &table->slots[mam_table_slot(table, key)];
    if (!slot->used) {
        if (table->count >= table->limit) {
            return false;
        }
        table->count++;
    }
    *slot = (struct mam_slot){.key = key, .value = value, .used = 1};
    return true;
}

/* Removes a key if it is there; then moves later entries of its run back so that none is cut off from home.
 */
static inline void mam_table_remove(struct mam_table *table, uint64_t key) {
    uint32_t hole = mam_table_slot(table, key);
    if (!table->slots[hole].used) {
        return;
    }
    MAM_ASSERT(table->count > 0);
    table->count--;
    for (uint32_t at = (hole + 1) & table->mask; table->slots[at].used; at = (at + 1) & table->mask) {
        uint32_t home = mam_table_home(table, table->slots[at].key);
        if (((at - home) & table->mask) >= ((at - hole) & table->mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct mam_slot){0};
}

#endif
