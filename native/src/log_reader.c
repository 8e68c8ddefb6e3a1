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

static void step(struct mam_scan *scan) {
    scan->offset = scan->frame.next;
    scan->ordinal++;
}

/* Makes leaves of the entries at these offsets: hashed two at a time, while they are in the cache. */
static void grow(struct mam_scan *scan, int hash, const uint64_t *offsets, uint64_t count) {
    uint8_t hashes[32 * MAM_LEAVES_AT_ONCE];
    MAM_ASSERT(count <= MAM_LEAVES_AT_ONCE);
    if (hash) {
        mam_leaf_hashes(scan->base, offsets, count, hashes);
        mam_merkle_append_many(&scan->tree, hashes, count);
    } else {
        scan->tree.size += count;
    }
}

int mam_scan_run(struct mam_scan *scan, uint64_t count, int hash, uint64_t *offsets, uint64_t *passed) {
    uint64_t done = 0, waiting = 0, leaves[MAM_LEAVES_AT_ONCE];
    int status = MAM_SCAN_MORE;
    for (; done < count; done++) {
        if (scan->tree.size + waiting == scan->stop_leaf) {
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
        leaves[waiting++] = scan->offset + MAM_FRAME_HEADER;
        if (waiting == MAM_LEAVES_AT_ONCE) {
            grow(scan, hash, leaves, waiting);
            waiting = 0;
        }
        step(scan);
        scan->sequence++;
        scan->entries++;
    }
    grow(scan, hash, leaves, waiting);
    if (passed != NULL) {
        *passed = done;
    }
    return status;
}

void mam_scan_accept(struct mam_scan *scan, int hash, uint64_t sequence) {
    MAM_ASSERT(scan->frame.offset == scan->offset && scan->frame.ordinal == scan->ordinal);
    const uint64_t leaf = scan->offset + MAM_FRAME_HEADER;
    grow(scan, hash, &leaf, 1);
    step(scan);
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

static uint32_t length_at(const uint8_t *base, uint64_t offset) {
    uint32_t length;
    memcpy(&length, base + offset - MAM_FRAME_HEADER, sizeof length);
    return length;
}

void mam_leaf_hashes(const uint8_t *base, const uint64_t *offsets, uint64_t count, uint8_t *hashes) {
    uint64_t i = 0;
    for (; i + 1 < count; i += 2) {
        mam_sha256_leaf_two(base + offsets[i], length_at(base, offsets[i]), base + offsets[i + 1],
                            length_at(base, offsets[i + 1]), hashes + 32 * i);
    }
    if (i < count) {
        mam_sha256_leaf(base + offsets[i], length_at(base, offsets[i]), hashes + 32 * i);
    }
}
