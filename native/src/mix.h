/* Internal to mix.c and prices.c: one cell of a mix. */
#ifndef MAM_MIX_H
#define MAM_MIX_H

#include "ratio.h"

static inline struct mam_ratio mam_mix_share(int64_t part, int64_t total, int64_t step) {
    return mam_ratio_of((uint64_t)(part / step), (uint64_t)(total / step));
}

static inline int64_t mam_mix_cell(const struct mam_ratio *share, int64_t volume, int64_t step,
                                   int64_t more) {
    return ((int64_t)mam_ratio_floor(share, (uint64_t)(volume / step)) + more) * step;
}

#endif
