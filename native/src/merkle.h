/*
 * The RFC 6962 tree of a log, grown leaf by leaf. What is kept is the frontier: the roots of the maximal full
 * subtrees, one for each bit that is set in the size (node[l] covers 2^l leaves). That is all one needs to
 * append and to know the root; the leaves themselves stand in the log, so that anything can be computed
 * again.
 */
#ifndef MAM_MERKLE_H
#define MAM_MERKLE_H

#include <stdint.h>

/* cdef: begin */
struct mam_merkle {
    uint64_t size;        /* leaves */
    uint8_t node[64][32]; /* node[l] means something only when bit l of size is set */
};

void mam_merkle_init(struct mam_merkle *tree);
/* Appends the leaf hash (32 bytes). */
void mam_merkle_append(struct mam_merkle *tree, const uint8_t *leaf);
/* The same for `count` leaf hashes, one behind the other; faster, and uses the memory up. */
void mam_merkle_append_many(struct mam_merkle *tree, uint8_t *leaves, uint64_t count);
/* Writes the root (32 bytes); of an empty tree it is SHA-256 of nothing. */
void mam_merkle_root(const struct mam_merkle *tree, uint8_t *root);
/* The frontier without its holes, largest subtree first, at most 64 × 32 bytes; returns how many hashes. */
uint32_t mam_merkle_save(const struct mam_merkle *tree, uint8_t *hashes);
/* The reverse; 0, or −1 when `count` is not the number of bits set in `size`. */
int mam_merkle_load(struct mam_merkle *tree, uint64_t size, const uint8_t *hashes, uint32_t count);
/* cdef: end */

#endif
