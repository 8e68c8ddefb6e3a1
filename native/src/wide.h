/*
 * Whole numbers of up to 640 bits, for exact products of several 64-bit figures. Only what valuation needs:
 * multiply and divide by 64-bit numbers. Dividing by a and then by b is dividing by a * b, for
 * floor(floor(x / a) / b) = floor(x / ab); `rest` says whether anything was cut off on the way.
 */
#ifndef MAM_WIDE_H
#define MAM_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "assert.h"

#define MAM_WIDE_LIMBS 10

struct mam_wide {
    uint64_t limb[MAM_WIDE_LIMBS]; /* least first; those from `length` up mean nothing */
    uint32_t length;               /* the highest limb is not 0; 0 is the number 0 */
    bool rest;
};

static inline struct mam_wide mam_wide_of(uint64_t value) {
    struct mam_wide wide = {.length = value != 0};
    wide.limb[0] = value;
    return wide;
}

/* Before any division: a product of at most MAM_WIDE_LIMBS factors always fits. */
static inline void mam_wide_multiply(struct mam_wide *wide, uint64_t factor) {
    uint64_t carry = 0;
    for (uint32_t i = 0; i < wide->length; i++) {
        unsigned __int128 product = (unsigned __int128)wide->limb[i] * factor + carry;
        wide->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry != 0) {
        MAM_ASSERT(wide->length < MAM_WIDE_LIMBS);
        wide->limb[wide->length++] = carry;
    }
    wide->length = factor == 0 ? 0 : wide->length;
}

/* By high * 2^64 + low. */
static inline void mam_wide_multiply_long(struct mam_wide *wide, uint64_t high, uint64_t low) {
    if (high == 0) {
        mam_wide_multiply(wide, low);
        return;
    }
    struct mam_wide upper = *wide;
    mam_wide_multiply(&upper, high);
    mam_wide_multiply(wide, low);
    MAM_ASSERT(upper.length < MAM_WIDE_LIMBS);
    uint64_t carry = 0;
    for (uint32_t i = 0; i < upper.length || carry != 0; i++) {
        while (wide->length < i + 2) {
            wide->limb[wide->length++] = 0;
        }
        unsigned __int128 sum =
            (unsigned __int128)wide->limb[i + 1] + (i < upper.length ? upper.limb[i] : 0) + carry;
        wide->limb[i + 1] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}

static inline void mam_wide_divide(struct mam_wide *wide, uint64_t divisor) {
    MAM_ASSERT(divisor != 0);
    uint64_t remainder = 0;
    for (uint32_t i = wide->length; i-- > 0;) {
        if (remainder == 0) {
            remainder = wide->limb[i] % divisor;
            wide->limb[i] /= divisor;
        } else {
            unsigned __int128 part = (unsigned __int128)remainder << 64 | wide->limb[i];
            wide->limb[i] = (uint64_t)(part / divisor);
            remainder = (uint64_t)(part % divisor);
        }
    }
    while (wide->length > 0 && wide->limb[wide->length - 1] == 0) {
        wide->length--;
    }
    wide->rest = wide->rest || remainder != 0;
}

/* As int64, rounded up or down; false: it does not fit. */
static inline bool mam_wide_value(const struct mam_wide *wide, bool up, int64_t *value) {
    uint64_t low = wide->length == 0 ? 0 : wide->limb[0];
    *value = INT64_MAX;
    if (wide->length > 1 || low > (uint64_t)INT64_MAX - (up && wide->rest)) {
        return false;
    }
    *value = (int64_t)(low + (up && wide->rest));
    return true;
}

/* The same below 2^126, so that two of them can be added. */
static inline bool mam_wide_long(const struct mam_wide *wide, bool up, __int128 *value) {
    uint64_t low = wide->length == 0 ? 0 : wide->limb[0];
    uint64_t high = wide->length < 2 ? 0 : wide->limb[1];
    *value = 0;
    if (wide->length > 2 || high >> 62 != 0) {
        return false;
    }
    *value = (__int128)((unsigned __int128)high << 64 | low) + (up && wide->rest);
    return true;
}

#endif
