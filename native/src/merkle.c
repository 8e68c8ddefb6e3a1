#include "merkle.h"

#include <string.h>

#include "assert.h"
#include "sha256.h"

void mam_merkle_init(struct mam_merkle *tree) {
    memset(tree, 0, sizeof *tree);
}

void mam_merkle_append(struct mam_merkle *tree, const uint8_t *leaf) {
    MAM_ASSERT(tree->size < UINT64_MAX);
    uint8_t hash[32];
    memcpy(hash, leaf, sizeof hash);
    int level = 0;
    for (; (tree->size >> level) & 1; level++) {
        mam_sha256_node(tree->node[level], hash, hash);
    }
    MAM_ASSERT(level < 64);
    memcpy(tree->node[level], hash, sizeof hash);
    tree->size++;
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
