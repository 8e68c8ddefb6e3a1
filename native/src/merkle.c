#include "merkle.h"

#include <string.h>

#include "assert.h"
#include "sha256.h"

void mam_merkle_init(struct mam_merkle *tree) {
    memset(tree, 0, sizeof *tree);
}

/* Appends the root of 2^level leaves; the size is a multiple of that. */
static void append_at(struct mam_merkle *tree, const uint8_t *root, int first) {
    MAM_ASSERT(tree->size < UINT64_MAX - ((uint64_t)1 << first));
    uint8_t hash[32];
    memcpy(hash, root, sizeof hash);
    int level = first;
    for (; (tree->size >> level) & 1; level++) {
        mam_sha256_node(tree->node[level], hash, hash);
    }
    MAM_ASSERT(level < 64);
    memcpy(tree->node[level], hash, sizeof hash);
    tree->size += (uint64_t)1 << first;
}

void mam_merkle_append(struct mam_merkle *tree, const uint8_t *leaf) {
    append_at(tree, leaf, 0);
}

/* The root over 2^level hashes, level by level, two nodes at a time; `hashes` is used up. */
static void fold(uint8_t *hashes, int level) {
    for (uint64_t count = (uint64_t)1 << level; count > 1; count /= 2) {
        if (count == 2) {
            mam_sha256_node(hashes, hashes + 32, hashes);
            return;
        }
        for (uint64_t i = 0; i < count / 2; i += 2) {
            mam_sha256_node_two(hashes + 64 * i, hashes + 32 * i);
        }
    }
}

void mam_merkle_append_many(struct mam_merkle *tree, uint8_t *leaves, uint64_t count) {
    while (count > 0) {
        int level = tree->size == 0 ? 63 : __builtin_ctzll(tree->size);
        const int most = 63 - __builtin_clzll(count);
        level = level < most ? level : most;
        fold(leaves, level);
        append_at(tree, leaves, level);
        leaves += 32 * ((uint64_t)1 << level);
        count -= (uint64_t)1 << level;
    }
}

void mam_merkle_root(const struct mam_merkle *tree, uint8_t *root) {
    if (tree->size == 0) {
        mam_sha256(NULL, 0, root);
        return;
    }
    int level = __builtin_ctzll(tree->size);
    uint8_t hash[32];
    memcpy(hash, tree->node[level], sizeof hash);
    for (level++; level < 64; level++) {
        if ((tree->size >> level) & 1) {
            mam_sha256_node(tree->node[level], hash, hash);
        }
    }
    memcpy(root, hash, sizeof hash);
}

uint32_t mam_merkle_save(const struct mam_merkle *tree, uint8_t *hashes) {
    uint32_t count = 0;
    for (int level = 63; level >= 0; level--) {
        if ((tree->size >> level) & 1) {
            memcpy(hashes + 32 * (uint64_t)count, tree->node[level], 32);
            count++;
        }
    }
    return count;
}

int mam_merkle_load(struct mam_merkle *tree, uint64_t size, const uint8_t *hashes, uint32_t count) {
    if (count != (uint32_t)__builtin_popcountll(size)) {
        return -1;
    }
    mam_merkle_init(tree);
    tree->size = size;
    for (int level = 63; level >= 0; level--) {
        if ((size >> level) & 1) {
            memcpy(tree->node[level], hashes, 32);
            hashes += 32;
        }
    }
    return 0;
}
