#include "snapshot.h"

#include <stddef.h>
#include <string.h>

#include "state.h"

#define WORDS (sizeof(struct mam_engine) / sizeof(uint64_t))
_Static_assert(sizeof(struct mam_engine) % sizeof(uint64_t) == 0, "the engine is whole words");
_Static_assert(sizeof(void *) == sizeof(uint64_t), "an address is a word");

/*
 * Which words of the engine are addresses of its arrays: carved twice, for two places that are `SHIFT` apart,
 * those differ, and by just that. So no list of them has to be kept.
 */
#define SHIFT 4096
union carved {
    struct mam_engine engine;
    uint64_t words[WORDS];
};

static void carve_at(union carved *carved, uint64_t place, const struct mam_capacities *limits) {
    memset(carved, 0, sizeof *carved);
    mam_engine_carve(&carved->engine, (void *)(uintptr_t)place, limits);
}

/* Adds `distance` to each address in the engine. False: one of them is not where these limits have it. */
static bool move(uint8_t *memory, const struct mam_capacities *limits, uint64_t expected, uint64_t distance) {
    union carved one, other;
    carve_at(&one, SHIFT, limits);
    carve_at(&other, 2 * SHIFT, limits);
    for (size_t i = 0; i < WORDS; i++) {
        if (one.words[i] != other.words[i]) {
            MAM_ASSERT(other.words[i] - one.words[i] == SHIFT);
            uint64_t word;
            memcpy(&word, memory + i * sizeof word, sizeof word);
            if (word - expected != one.words[i] - SHIFT) {
                return false;
            }
            word += distance;
            memcpy(memory + i * sizeof word, &word, sizeof word);
        }
    }
    return true;
}

/* What a plan leaves behind in its scratch is no state. */
static void clear_scratch(struct mam_engine *engine) {
    uint8_t *first = (uint8_t *)engine->rows.member, *past = (uint8_t *)engine->books.rows;
    MAM_ASSERT(first < (uint8_t *)engine->rows.kernel && (uint8_t *)engine->rows.kernel < past);
    memset(first, 0, (size_t)(past - first));
    memset(&engine->terms, 0, sizeof engine->terms);
    memset(&engine->mix, 0, sizeof engine->mix);
}

void mam_engine_freeze(struct mam_engine *engine) {
    uint64_t base = (uintptr_t)engine;
    clear_scratch(engine);
    engine->put = NULL;
    engine->said = NULL;
    engine->context = NULL;
    engine->checked = NULL;
    bool ours = move((uint8_t *)engine, &engine->limits, base, 0 - base);
    MAM_ASSERT(ours);
}

struct mam_engine *mam_engine_thaw(void *memory, const struct mam_capacities *limits) {
    struct mam_engine *engine = memory;
    MAM_ASSERT(((uintptr_t)memory & 63) == 0);
    if (memcmp(&engine->limits, limits, sizeof *limits) != 0 || !move(memory, limits, 0, (uintptr_t)memory)) {
        return NULL;
    }
    return engine;
}

uint64_t mam_engine_last_output(const struct mam_engine *engine, uint32_t bridge) {
    MAM_ASSERT(bridge <= engine->limits.bridges);
    const struct mam_bridge_state *at = &engine->bridges[bridge];
    return at->out_sequence == at->skipped_to ? at->skipped : at->out_sequence;
}

uint64_t mam_engine_last_input(const struct mam_engine *engine, uint32_t bridge) {
    MAM_ASSERT(bridge <= engine->limits.bridges);
    return engine->bridges[bridge].in_sequence;
}

uint32_t mam_engine_bridge(const struct mam_engine *engine, uint32_t bridge, char name[33]) {
    const struct mam_bridge_state *state = &engine->bridges[bridge];
    memcpy(name, state->name, sizeof state->name);
    name[32] = 0;
    return state->role;
}

int32_t mam_engine_log_behind(const struct mam_engine *engine) {
    return engine->log_behind;
}
