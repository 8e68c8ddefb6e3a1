/* A fixed hash map from a uint64 key to an index: open addressing, no removal, twice the room asked for. */
#ifndef MAM_BROKER_MAP_H
#define MAM_BROKER_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define MAM_MAP_NONE UINT32_MAX

struct mam_map {
    uint64_t *keys;
    uint32_t *values; /* index + 1; 0 is an empty slot */
    uint64_t mask;
    uint32_t used;
    uint32_t limit;
};

/* One step of splitmix64: mixes a key, and makes seeded decisions that do not depend on the order of events.
 */
static inline uint64_t mam_mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline bool mam_map_init(struct mam_map *map, uint32_t limit) {
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)limit) {
        slots *= 2;
    }
    map->keys = calloc(slots, sizeof *map->keys);
    map->values = calloc(slots, sizeof *map->values);
    map->mask = slots - 1;
    map->used = 0;
    map->limit = limit;
    return map->keys != NULL && map->values != NULL;
}

static inline void mam_map_free(struct mam_map *map) {
    free(map->keys);
    free(map->values);
    map->keys = NULL;
    map->values = NULL;
}

static inline uint32_t mam_map_get(const struct mam_map *map, uint64_t key) {
    for (uint64_t at = mam_mix(key) & map->mask;; at = (at + 1) & map->mask) {
        if (map->values[at] == 0) {
            return MAM_MAP_NONE;
        }
        if (map->keys[at] == key) {
            return map->values[at] - 1;
        }
    }
}

/* False if the map is full. The key must not be in it yet. */
static inline bool mam_map_put(struct mam_map *map, uint64_t key, uint32_t index) {
    if (map->used >= map->limit) {
        return false;
    }
    uint64_t at = mam_mix(key) & map->mask;
    while (map->values[at] != 0) {
        at = (at + 1) & map->mask;
    }
    map->keys[at] = key;
    map->values[at] = index + 1;
    map->used++;
    return true;
}

#endif
