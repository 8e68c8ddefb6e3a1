#include "bundle.h"

#include "journal_entry.h"
#include "segment.h"

#define LENGTH_BYTES 2

int mam_bundle_frames(const uint8_t *bundle, uint64_t length, uint32_t most, uint32_t ordinal, uint8_t *out,
                      uint64_t *offsets, struct mam_bundle *read) {
    read->bytes = 0;
    read->count = 0;
    for (uint64_t at = 0; at < length;) {
        if (read->count == most) {
            return MAM_BUNDLE_MORE;
        }
        if (length - at < LENGTH_BYTES) {
            return MAM_BUNDLE_CUT;
        }
        const uint32_t entry = (uint32_t)bundle[at] << 8 | bundle[at + 1];
        at += LENGTH_BYTES;
        if (length - at < entry) {
            return MAM_BUNDLE_CUT;
        }
        if (entry < MAM_ENTRY_HEADER) {
            return MAM_BUNDLE_ENTRY;
        }
        offsets[read->count] = read->bytes + MAM_FRAME_HEADER;
        read->bytes += mam_frame_write(out + read->bytes, bundle + at, entry, ordinal + read->count, 0, 0);
        read->count++;
        at += entry;
    }
    return MAM_BUNDLE_OK;
}
