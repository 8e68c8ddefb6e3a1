/*
 * The k largest of n, without sorting: a radix selection. It has no random choice and no bad case: each pass
 * looks at the keys that may still be the threshold, and divides their range by 128 or more, so there are at
 * most ten passes.
 */
#ifndef MAM_SELECT_H
#define MAM_SELECT_H

#include <stdint.h>

/* The k-th largest key, and how many keys are above it and equal to it: above < k <= above + equal. */
struct mam_threshold {
    uint64_t key;
    uint32_t above, equal;
};

/* 0 < k <= n; all keys are between low and high. work holds n keys. */
struct mam_threshold mam_select(const uint64_t *keys, uint32_t n, uint32_t k, uint64_t low, uint64_t high,
                                uint64_t *work);

/* One criterion of an order: larger array[member] ^ flip goes first. flip ~0 reverses; the sign bit orders
 * int64. */
struct mam_criterion {
    const uint64_t *array;
    uint64_t flip;
};

#define MAM_LARGEST UINT64_C(0)
#define MAM_SMALLEST (~UINT64_C(0))
#define MAM_LARGEST_SIGNED (UINT64_C(1) << 63)

/* Criteria in order of precedence, up to the first whose array is NULL; then the lower index. */
struct mam_order {
    struct mam_criterion criteria[4];
};

/* Puts the k that go first to the front of list, which holds n member indexes, rising. k <= n; work: n keys
 * twice. */
void mam_select_members(const struct mam_order *order, uint32_t *list, uint32_t n, uint32_t k,
                        uint32_t *spare, uint64_t *work);

/* Sorts list by the order. O(n log n), in place. */
void mam_sort_members(const struct mam_order *order, uint32_t *list, uint32_t n);

#endif
