#include "sha256.h"

#include <string.h>

#include "assert.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define BLOCK 64U

typedef void (*compress_function)(uint32_t *state, const uint8_t *blocks, size_t count);

static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t round_constants[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t load_big_endian(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap32(word);
}

static void store_big_endian(uint8_t *bytes, uint32_t word) {
    word = __builtin_bswap32(word);
    memcpy(bytes, &word, sizeof word);
}

static uint32_t rotate(uint32_t word, int count) {
    return (word >> count) | (word << (32 - count));
}

static void expand_schedule(uint32_t *w, const uint8_t *block) {
    for (int i = 0; i < 16; i++) {
        w[i] = load_big_endian(block + 4 * i);
    }
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

static void compress_one_portable(uint32_t *state, const uint8_t *block) {
    uint32_t w[64];
    expand_schedule(w, block);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void compress_portable(uint32_t *state, const uint8_t *blocks, size_t count) {
    for (; count > 0; count--, blocks += BLOCK) {
        compress_one_portable(state, blocks);
    }
}

#if defined(__x86_64__)
/* Sixteen rounds at a time would not fit a screen: four rounds a step, the schedule kept in m[0..3] in turn.
 */
__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_instructions(uint32_t *state, const uint8_t *blocks, size_t count) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const __m128i *constants = (const __m128i *)(const void *)round_constants;
    /* The instructions want the state as ABEF and CDGH. */
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    low = _mm_shuffle_epi32(low, 0xB1);
    high = _mm_shuffle_epi32(high, 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8);
    __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);
    for (; count > 0; count--, blocks += BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i m[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            const int at = i & 3;
            if (i < 4) {
                m[at] = _mm_loadu_si128((const __m128i *)(const void *)(blocks + 16 * i));
                m[at] = _mm_shuffle_epi8(m[at], swap);
            } else {
                const __m128i previous = m[(i + 3) & 3];
                __m128i sum = _mm_sha256msg1_epu32(m[at], m[(i + 1) & 3]);
                sum = _mm_add_epi32(sum, _mm_alignr_epi8(previous, m[(i + 2) & 3], 4));
                m[at] = _mm_sha256msg2_epu32(sum, previous);
            }
            const __m128i words = _mm_add_epi32(m[at], constants[i]);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1B);
    high = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

/* Two messages at a time: the rounds of one wait for each other, those of two fill the gaps. */
struct lane {
    __m128i abef, cdgh, m[4];
};

__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
lane_load(struct lane *lane, const uint32_t *state) {
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    low = _mm_shuffle_epi32(low, 0xB1);
    high = _mm_shuffle_epi32(high, 0x1B);
    lane->abef = _mm_alignr_epi8(low, high, 8);
    lane->cdgh = _mm_blend_epi16(high, low, 0xF0);
}

__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
lane_store(const struct lane *lane, uint32_t *state) {
    const __m128i low = _mm_shuffle_epi32(lane->abef, 0x1B);
    const __m128i high = _mm_shuffle_epi32(lane->cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline __m128i
lane_words(struct lane *lane, const uint8_t *block, int i) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const int at = i & 3;
    if (i < 4) {
        lane->m[at] = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        lane->m[at] = _mm_shuffle_epi8(lane->m[at], swap);
    } else {
        const __m128i previous = lane->m[(i + 3) & 3];
        __m128i sum = _mm_sha256msg1_epu32(lane->m[at], lane->m[(i + 1) & 3]);
        sum = _mm_add_epi32(sum, _mm_alignr_epi8(previous, lane->m[(i + 2) & 3], 4));
        lane->m[at] = _mm_sha256msg2_epu32(sum, previous);
    }
    return _mm_add_epi32(lane->m[at], ((const __m128i *)(const void *)round_constants)[i]);
}

__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_two_instructions(uint32_t *state, const uint8_t *block, uint32_t *other_state,
                          const uint8_t *other_block) {
    struct lane a, b;
    lane_load(&a, state);
    lane_load(&b, other_state);
    const struct lane before = a, other_before = b;
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        const __m128i x = lane_words(&a, block, i);
        const __m128i y = lane_words(&b, other_block, i);
        a.cdgh = _mm_sha256rnds2_epu32(a.cdgh, a.abef, x);
        b.cdgh = _mm_sha256rnds2_epu32(b.cdgh, b.abef, y);
        a.abef = _mm_sha256rnds2_epu32(a.abef, a.cdgh, _mm_shuffle_epi32(x, 0x0E));
        b.abef = _mm_sha256rnds2_epu32(b.abef, b.cdgh, _mm_shuffle_epi32(y, 0x0E));
    }
    a.abef = _mm_add_epi32(a.abef, before.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, before.cdgh);
    b.abef = _mm_add_epi32(b.abef, other_before.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, other_before.cdgh);
    lane_store(&a, state);
    lane_store(&b, other_state);
}

static int has_instructions(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) {
        return 0;
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1U << 29)) != 0;
}
#else
static int has_instructions(void) {
    return 0;
}
#define compress_instructions compress_portable
static void compress_two_instructions(uint32_t *state, const uint8_t *block, uint32_t *other_state,
                                      const uint8_t *other_block) {
    compress_portable(state, block, 1);
    compress_portable(other_state, other_block, 1);
}
#endif

static void compress_first(uint32_t *state, const uint8_t *blocks, size_t count);

/* Written by every thread that finds it unset, always with the same value: a relaxed store suffices. */
static compress_function compress_chosen = compress_first;

int mam_sha256_select(int implementation) {
    const int fast = implementation != MAM_SHA256_PORTABLE && has_instructions();
    __atomic_store_n(&compress_chosen, fast ? compress_instructions : compress_portable, __ATOMIC_RELAXED);
    return fast ? MAM_SHA256_INSTRUCTIONS : MAM_SHA256_PORTABLE;
}

static void compress_first(uint32_t *state, const uint8_t *blocks, size_t count) {
    mam_sha256_select(MAM_SHA256_AUTOMATIC);
    compress_chosen(state, blocks, count);
}

static void compress(uint32_t *state, const uint8_t *blocks, size_t count) {
    __atomic_load_n(&compress_chosen, __ATOMIC_RELAXED)(state, blocks, count);
}

static void compress_two(uint32_t *state, const uint8_t *block, uint32_t *other_state,
                         const uint8_t *other_block) {
    if (__atomic_load_n(&compress_chosen, __ATOMIC_RELAXED) == compress_instructions) {
        compress_two_instructions(state, block, other_state, other_block);
    } else {
        compress(state, block, 1);
        compress(other_state, other_block, 1);
    }
}

/* The last, padded blocks: `length` (< 64) bytes at `rest`, of a message of `total` bytes. */
static void finish(uint32_t *state, const uint8_t *rest, size_t length, uint64_t total, uint8_t *digest) {
    MAM_ASSERT(length < BLOCK);
    uint8_t block[2 * BLOCK] = {0};
    const size_t count = length + 9 <= BLOCK ? 1 : 2;
    if (length > 0) {
        memcpy(block, rest, length);
    }
    block[length] = 0x80;
    store_big_endian(block + count * BLOCK - 8, (uint32_t)(total >> 29));
    store_big_endian(block + count * BLOCK - 4, (uint32_t)(total << 3));
    compress(state, block, count);
    for (int i = 0; i < 8; i++) {
        store_big_endian(digest + 4 * i, state[i]);
    }
}

static void hash(uint32_t *state, const uint8_t *data, uint64_t length, uint64_t total, uint8_t *digest) {
    const uint64_t blocks = length / BLOCK;
    if (blocks > 0) {
        compress(state, data, blocks);
    }
    const uint64_t done = blocks * BLOCK;
    finish(state, length > done ? data + done : NULL, length - done, total, digest);
}

void mam_sha256(const uint8_t *data, uint64_t length, uint8_t *digest) {
    uint32_t state[8];
    memcpy(state, initial_state, sizeof state);
    hash(state, data, length, length, digest);
}

void mam_sha256_leaf(const uint8_t *entry, uint64_t length, uint8_t *digest) {
    uint32_t state[8];
    uint8_t first[BLOCK];
    memcpy(state, initial_state, sizeof state);
    first[0] = 0x00;
    const size_t taken = length < BLOCK - 1 ? (size_t)length : BLOCK - 1;
    if (taken > 0) {
        memcpy(first + 1, entry, taken);
    }
    if (taken < BLOCK - 1) {
        finish(state, first, taken + 1, length + 1, digest);
        return;
    }
    compress(state, first, 1);
    hash(state, entry + taken, length - taken, length + 1, digest);
}

void mam_sha256_node(const uint8_t *left, const uint8_t *right, uint8_t *digest) {
    uint32_t state[8];
    uint8_t first[BLOCK];
    memcpy(state, initial_state, sizeof state);
    first[0] = 0x01;
    memcpy(first + 1, left, 32);
    memcpy(first + 33, right, 31);
    compress(state, first, 1);
    finish(state, right + 31, 1, 65, digest);
}

static uint64_t blocks_of(uint64_t length) {
    return (length + 1 + 8) / BLOCK + 1; /* with the prefix, the 0x80 and the length in bits */
}

/* One of a message's blocks: 0x00, entry, 0x80, zeros, the length in bits. Copied only where it is not whole.
 */
static const uint8_t *block_at(const uint8_t *entry, uint64_t length, uint64_t number, uint8_t *copy) {
    const uint64_t total = length + 1, start = number * BLOCK;
    if (number > 0 && start + BLOCK <= total) {
        return entry + start - 1;
    }
    memset(copy, 0, BLOCK);
    const uint64_t from = number == 0 ? 1 : 0; /* behind the prefix */
    if (start + from < total) {
        const uint64_t left = total - start - from;
        memcpy(copy + from, entry + start + from - 1, left < BLOCK - from ? left : BLOCK - from);
    }
    if (start <= total && total < start + BLOCK) {
        copy[total - start] = 0x80;
    }
    if (number + 1 == blocks_of(length)) {
        store_big_endian(copy + BLOCK - 8, (uint32_t)(total >> 29));
        store_big_endian(copy + BLOCK - 4, (uint32_t)(total << 3));
    }
    return copy;
}

static void store_state(const uint32_t *state, uint8_t *digest) {
    for (int i = 0; i < 8; i++) {
        store_big_endian(digest + 4 * i, state[i]);
    }
}

void mam_sha256_leaf_two(const uint8_t *entry, uint64_t length, const uint8_t *other, uint64_t other_length,
                         uint8_t *digests) {
    const uint64_t blocks = blocks_of(length);
    if (blocks != blocks_of(other_length)) {
        mam_sha256_leaf(entry, length, digests);
        mam_sha256_leaf(other, other_length, digests + 32);
        return;
    }
    uint32_t state[8], other_state[8];
    uint8_t copy[BLOCK], other_copy[BLOCK];
    memcpy(state, initial_state, sizeof state);
    memcpy(other_state, initial_state, sizeof other_state);
    for (uint64_t i = 0; i < blocks; i++) {
        compress_two(state, block_at(entry, length, i, copy), other_state,
                     block_at(other, other_length, i, other_copy));
    }
    store_state(state, digests);
    store_state(other_state, digests + 32);
}

void mam_sha256_node_two(const uint8_t *pairs, uint8_t *digests) {
    uint32_t state[8], other_state[8];
    uint8_t block[BLOCK], other[BLOCK];
    memcpy(state, initial_state, sizeof state);
    memcpy(other_state, initial_state, sizeof other_state);
    block[0] = other[0] = 0x01;
    memcpy(block + 1, pairs, BLOCK - 1);
    memcpy(other + 1, pairs + 64, BLOCK - 1);
    compress_two(state, block, other_state, other);
    uint8_t last[BLOCK] = {pairs[63], 0x80}, other_last[BLOCK] = {pairs[127], 0x80};
    store_big_endian(last + BLOCK - 4, 65 * 8);
    store_big_endian(other_last + BLOCK - 4, 65 * 8);
    compress_two(state, last, other_state, other_last);
    store_state(state, digests);
    store_state(other_state, digests + 32);
}
