#include "log_reader.h"

#include <string.h>

#include "assert.h"
#include "journal_entry.h"
#include "sha256.h"

void mam_scan_begin(struct mam_scan *scan, const uint8_t *base, uint64_t file_length,
                    const struct mam_segment *segment) {
    memset(scan, 0, sizeof *scan);
    scan->base = base;
    scan->file_length = file_length;
    scan->offset = MAM_SEGMENT_FIRST_FRAME;
    scan->sequence = segment->sequence;
    scan->stop_leaf = UINT64_MAX;
    scan->salt = segment->salt;
    scan->tree = segment->tree;
}

/* Reads and checks the next frame without stepping over it; MAM_SCAN_MORE when it is the right one. */
static int look(struct mam_scan *scan) {
    static const int status_of[] = {MAM_SCAN_MORE, MAM_SCAN_END, MAM_SCAN_LENGTH, MAM_SCAN_CRC, MAM_SCAN_PAD};
    const int frame = mam_frame_read(scan->base, scan->file_length, scan->offset, scan->salt, &scan->frame);
    if (frame != MAM_FRAME_OK) {
        return status_of[frame];
    }
    if (scan->frame.ordinal != scan->ordinal) {
        return MAM_SCAN_ORDER;
    }
    if (scan->frame.behind > scan->frame.ordinal) {
        return MAM_SCAN_BEHIND;
    }
    struct mam_entry_header header;
    if (mam_entry_read(scan->base + scan->offset + MAM_FRAME_HEADER, scan->frame.length, &header) != 0) {
        return MAM_SCAN_ENTRY;
    }
    scan->found_sequence = header.sequence;
    if (header.kind == MAM_ENTRY_OWN) {
        return MAM_SCAN_OWN;
    }
    return header.sequence == scan->sequence ? MAM_SCAN_MORE : MAM_SCAN_SEQUENCE;
}

static void step(struct mam_scan *scan, int hash) {
    if (hash) {
        uint8_t leaf[32];
        mam_sha256_leaf(scan->base + scan->offset + MAM_FRAME_HEADER, scan->frame.length, leaf);
        mam_merkle_append(&scan->tree, leaf);
    } else {
        scan->tree.size++;
    }
    scan->offset = scan->frame.next;
    scan->ordinal++;
}

int mam_scan_run(struct mam_scan *scan, uint64_t count, int hash, uint64_t *offsets, uint64_t *passed) {
    uint64_t done = 0;
    int status = MAM_SCAN_MORE;
    for (; done < count; done++) {
        if (scan->tree.size == scan->stop_leaf) {
            status = MAM_SCAN_REACHED;
            break;
        }
        status = look(scan);
        if (status != MAM_SCAN_MORE) {
            break;
        }
        if (offsets != NULL) {
            offsets[done] = scan->offset + MAM_FRAME_HEADER;
        }
        step(scan, hash);
        scan->sequence++;
        scan->entries++;
    }
    if (passed != NULL) {
        *passed = done;
    }
    return status;
}

void mam_scan_accept(struct mam_scan *scan, int hash, uint64_t sequence) {
    MAM_ASSERT(scan->frame.offset == scan->offset && scan->frame.ordinal == scan->ordinal);
    step(scan, hash);
    scan->sequence = sequence;
}

int mam_scan_tail(const struct mam_scan *scan, struct mam_frame *proof) {
    uint64_t offset = scan->offset;
    if (mam_segment_used(scan->base, scan->file_length, offset) == offset) {
        return MAM_TAIL_CLEAN;
    }
    while (mam_frame_find(scan->base, scan->file_length, offset, scan->salt, scan->ordinal + 1, UINT32_MAX,
                          proof)) {
        if (proof->ordinal - proof->behind > scan->ordinal) {
            return MAM_TAIL_DAMAGE;
        }
        offset = proof->next;
    }
    return MAM_TAIL_TORN;
}

void mam_leaf_hashes(const uint8_t *base, const uint64_t *offsets, uint64_t count, uint8_t *hashes) {
    for (uint64_t i = 0; i < count; i++) {
        uint32_t length;
        memcpy(&length, base + offsets[i] - MAM_FRAME_HEADER, sizeof length);
        mam_sha256_leaf(base + offsets[i], length, hashes + 32 * i);
    }
}
