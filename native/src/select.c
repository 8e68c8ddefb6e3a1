#include "select.h"

#include <stdbool.h>
#include <string.h>

#include "assert.h"

#define BUCKET_BITS 8
#define BUCKETS (1u << BUCKET_BITS)

/* By how much keys from 0 to range are to be shifted to make bucket numbers. */
static unsigned bucket_shift(uint64_t range) {
    unsigned bits = range == 0 ? 0 : 64 - (unsigned)__builtin_clzll(range);
    return bits > BUCKET_BITS ? bits - BUCKET_BITS : 0;
}

/* The bucket with the k-th largest key; *above gets how many keys are in those over it. */
static uint32_t find_bucket(const uint32_t *counts, uint32_t k, uint32_t *above) {
    uint32_t bucket = BUCKETS - 1;
    uint32_t seen = 0;
    while (seen + counts[bucket] < k) {
        seen += counts[bucket];
        MAM_ASSERT(bucket > 0);
        bucket--;
    }
    *above = seen;
    return bucket;
}

static uint32_t gather_bucket(const uint64_t *keys, uint32_t n, uint64_t low, unsigned shift, uint32_t bucket,
                              uint64_t *out) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        out[found] = key; /* found <= i: in place is fine */
        found += (key - low) >> shift == bucket;
    }
    return found;
}

static void range_of(const uint64_t *keys, uint32_t n, uint64_t *low, uint64_t *high) {
    *low = *high = keys[0];
    for (uint32_t i = 1; i < n; i++) {
        *low = keys[i] < *low ? keys[i] : *low;
        *high = keys[i] > *high ? keys[i] : *high;
    }
}

struct mam_threshold mam_select(const uint64_t *keys, uint32_t n, uint32_t k, uint64_t low, uint64_t high,
                                uint64_t *work) {
    MAM_ASSERT(0 < k && k <= n);
    uint32_t above = 0;
    while (low < high) {
        uint32_t counts[BUCKETS] = {0};
        unsigned shift = bucket_shift(high - low);
        for (uint32_t i = 0; i < n; i++) {
            counts[(keys[i] - low) >> shift]++;
        }
        uint32_t over;
        uint32_t bucket = find_bucket(counts, k - above, &over);
        above += over;
        n = gather_bucket(keys, n, low, shift, bucket, work);
        keys = work;
        range_of(keys, n, &low, &high);
    }
    return (struct mam_threshold){.key = low, .above = above, .equal = n};
}

static bool is_last(const struct mam_order *order, uint32_t level) {
    return level == sizeof order->criteria / sizeof *order->criteria || order->criteria[level].array == NULL;
}

/* Moves the members whose key is above the threshold to the front, the equal ones after them; both keep their
 * order. */
static void partition(uint32_t *list, const uint64_t *keys, uint32_t n, struct mam_threshold threshold,
                      uint32_t *spare) {
    uint32_t front = 0;
    uint32_t equal = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t member = list[i];
        spare[equal] = member;
        equal += keys[i] == threshold.key;
        list[front] = member;
        front += keys[i] > threshold.key;
    }
    MAM_ASSERT(front == threshold.above && equal == threshold.equal);
    memcpy(list + front, spare, equal * sizeof *list);
}

void mam_select_members(const struct mam_order *order, uint32_t *list, uint32_t n, uint32_t k,
                        uint32_t *spare, uint64_t *work) {
    MAM_ASSERT(k <= n);
    for (uint32_t level = 0; 0 < k && k < n && !is_last(order, level); level++) {
        const struct mam_criterion *criterion = &order->criteria[level];
        uint64_t *keys = work + n;
        for (uint32_t i = 0; i < n; i++) {
            keys[i] = criterion->array[list[i]] ^ criterion->flip;
        }
        uint64_t low;
        uint64_t high;
        range_of(keys, n, &low, &high);
        struct mam_threshold threshold = mam_select(keys, n, k, low, high, work);
        partition(list, keys, n, threshold, spare);
        list += threshold.above;
        k -= threshold.above;
        n = threshold.equal;
    }
}

static bool goes_before(const struct mam_order *order, uint32_t a, uint32_t b) {
    for (uint32_t level = 0; !is_last(order, level); level++) {
        const struct mam_criterion *criterion = &order->criteria[level];
        uint64_t key_a = criterion->array[a] ^ criterion->flip;
        uint64_t key_b = criterion->array[b] ^ criterion->flip;
        if (key_a != key_b) {
            return key_a > key_b;
        }
    }
    return a < b;
}

/* Heap sort: the root is the one that goes last. */
static void sift_down(const struct mam_order *order, uint32_t *list, uint32_t root, uint32_t n) {
    uint32_t member = list[root];
    for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && goes_before(order, list[child], list[child + 1])) {
            child++;
        }
        if (!goes_before(order, member, list[child])) {
            break;
        }
        list[root] = list[child];
    }
    list[root] = member;
}

void mam_sort_members(const struct mam_order *order, uint32_t *list, uint32_t n) {
    for (uint32_t root = n / 2; root-- > 0;) {
        sift_down(order, list, root, n);
    }
    for (uint32_t last = n; last-- > 1;) {
        uint32_t first = list[0];
        list[0] = list[last];
        list[last] = first;
        sift_down(order, list, 0, last);
    }
}
