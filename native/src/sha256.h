/*
 * SHA-256 (FIPS 180-4), and the two hashes of an RFC 6962 tree (§2.1): leaf = SHA-256(0x00 || entry),
 * node = SHA-256(0x01 || left || right). No allocation, no state between calls; safe from any thread.
 *
 * The compression function is chosen once, at the first call: the processor's SHA instructions where it has
 * them, else plain C. Both give the same bytes, and the tests run both.
 */
#ifndef MAM_SHA256_H
#define MAM_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* cdef: begin */
#define MAM_SHA256_AUTOMATIC 0
#define MAM_SHA256_PORTABLE 1
#define MAM_SHA256_INSTRUCTIONS 2

/* Hashes `length` bytes into the 32 bytes of `digest`. `data` may be NULL when length is 0. */
void mam_sha256(const uint8_t *data, uint64_t length, uint8_t *digest);
void mam_sha256_leaf(const uint8_t *entry, uint64_t length, uint8_t *digest);
/* `digest` may be the same 32 bytes as `left` or `right`. */
void mam_sha256_node(const uint8_t *left, const uint8_t *right, uint8_t *digest);
/* The same two at a time, which takes less than twice as long: two leaves into 64 bytes of `digests`. */
void mam_sha256_leaf_two(const uint8_t *entry, uint64_t length, const uint8_t *other, uint64_t other_length,
                         uint8_t *digests);
/* Two nodes: `pairs` is left, right, left, right; `digests` may be the same memory. */
void mam_sha256_node_two(const uint8_t *pairs, uint8_t *digests);
/* For tests: asks for one implementation (MAM_SHA256_…); returns the one that is now in use. */
int mam_sha256_select(int implementation);
/* cdef: end */

#endif
