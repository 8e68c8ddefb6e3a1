/*
 * An entry bundle of an export (C2SP `tlog-tiles`): at most 256 entries, each behind its length (16 bits,
 * big-endian). It is read as the frames of a segment, so that whatever checks a segment checks an export.
 */
#ifndef MAM_BUNDLE_H
#define MAM_BUNDLE_H

#include <stdint.h>

/* cdef: begin */
#define MAM_BUNDLE_WIDTH 256      /* entries of a full bundle */
#define MAM_BUNDLE_FRAME_EXTRA 24 /* most bytes that a frame has beside its entry */

#define MAM_BUNDLE_OK 0
#define MAM_BUNDLE_CUT 1   /* the last entry is not whole */
#define MAM_BUNDLE_MORE 2  /* bytes follow the last entry that was asked for */
#define MAM_BUNDLE_ENTRY 3 /* an entry is shorter than any that a writer writes */

struct mam_bundle {
    uint64_t bytes; /* of frames */
    uint32_t count; /* of entries */
};

/* Writes frames (segment.h) of salt 0 at `out`, the first with `ordinal`, for at most `most` entries; `out`
   has `length` + most * MAM_BUNDLE_FRAME_EXTRA bytes. `offsets` receives where in `out` each entry begins. At
   what is not OK it stops; what it wrote until then is good. */
int mam_bundle_frames(const uint8_t *bundle, uint64_t length, uint32_t most, uint32_t ordinal, uint8_t *out,
                      uint64_t *offsets, struct mam_bundle *read);
/* cdef: end */

#endif
