#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

typedef uint32_t (*crc_function)(uint32_t crc, const uint8_t *data, uint64_t length);

/* The CRC of the 16 values of half a byte: small enough to be checked by eye, fast enough for a fallback. */
static const uint32_t nibbles[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                     0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                     0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

static uint32_t crc_portable(uint32_t crc, const uint8_t *data, uint64_t length) {
    for (uint64_t i = 0; i < length; i++) {
        crc ^= data[i];
        crc = nibbles[crc & 15] ^ (crc >> 4);
        crc = nibbles[crc & 15] ^ (crc >> 4);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_instructions(uint32_t crc, const uint8_t *data,
                                                                   uint64_t length) {
    uint64_t wide = crc;
    for (; length >= 8; length -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; length > 0; length--, data++) {
        crc = _mm_crc32_u8(crc, *data);
    }
    return crc;
}

static int has_instructions(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) != 0;
}
#else
static int has_instructions(void) {
    return 0;
}
#define crc_instructions crc_portable
#endif

static uint32_t crc_first(uint32_t crc, const uint8_t *data, uint64_t length);

/* Written by every thread that finds it unset, always with the same value: a relaxed store suffices. */
static crc_function crc_chosen = crc_first;

int mam_crc32c_select(int implementation) {
    const int fast = implementation != MAM_CRC32C_PORTABLE && has_instructions();
    __atomic_store_n(&crc_chosen, fast ? crc_instructions : crc_portable, __ATOMIC_RELAXED);
    return fast ? MAM_CRC32C_INSTRUCTIONS : MAM_CRC32C_PORTABLE;
}

static uint32_t crc_first(uint32_t crc, const uint8_t *data, uint64_t length) {
    mam_crc32c_select(MAM_CRC32C_AUTOMATIC);
    return crc_chosen(crc, data, length);
}

uint32_t mam_crc32c(uint32_t crc, const uint8_t *data, uint64_t length) {
    return ~__atomic_load_n(&crc_chosen, __ATOMIC_RELAXED)(~crc, data, length);
}
