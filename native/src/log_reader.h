/*
 * Reads the frames of one segment in order, checks each, and grows the tree with them: what verification and
 * recovery do in bulk. The caller holds the file in memory and looks at what the scan stops at.
 */
#ifndef MAM_LOG_READER_H
#define MAM_LOG_READER_H

#include <stdint.h>

#include "segment.h"

/* cdef: begin */
#define MAM_SCAN_MORE 0    /* as many entries as asked for; go on */
#define MAM_SCAN_OWN 1     /* before a record of the log's own: look at it, then mam_scan_accept */
#define MAM_SCAN_REACHED 2 /* tree.size is stop_leaf */
#define MAM_SCAN_END 3     /* the frames end here (whether only zeros follow is not checked) */
#define MAM_SCAN_LENGTH 4  /* the frame at offset is bad: MAM_FRAME_LENGTH … */
#define MAM_SCAN_CRC 5
#define MAM_SCAN_PAD 6
#define MAM_SCAN_ORDER 7     /* the frame at offset is good, but not the one that should stand here */
#define MAM_SCAN_BEHIND 8    /* its `behind` says what cannot be */
#define MAM_SCAN_ENTRY 9     /* good frame, but not a journal entry */
#define MAM_SCAN_SEQUENCE 10 /* good entry, but its journal sequence is not the next */

struct mam_scan {
    const uint8_t *base; /* the whole file */
    uint64_t file_length;
    uint64_t offset;    /* of the next frame */
    uint64_t sequence;  /* that the next journal entry must have */
    uint64_t stop_leaf; /* stop when tree.size reaches it; UINT64_MAX: never */
    uint64_t entries;   /* of the journal (kinds 1 and 2), so far */
    uint32_t salt;
    uint32_t ordinal;        /* of the next frame */
    struct mam_frame frame;  /* the frame that the scan stopped at (OWN, ORDER and above) */
    uint64_t found_sequence; /* its entry's (OWN, SEQUENCE) */
    struct mam_merkle tree;  /* of the log up to here */
};

/* Sets a scan to the first frame of a segment whose header was read. */
void mam_scan_begin(struct mam_scan *scan, const uint8_t *base, uint64_t file_length,
                    const struct mam_segment *segment);
/* Goes on for at most `count` entries; MAM_SCAN_…. When `offsets` is not NULL it receives the file offset of
   each entry (not frame) that was passed, and `passed` how many; when `hash` is 0 the tree is left alone. */
int mam_scan_run(struct mam_scan *scan, uint64_t count, int hash, uint64_t *offsets, uint64_t *passed);
/* Steps over the frame that the scan stopped at (OWN); the next entry must have `sequence`. */
void mam_scan_accept(struct mam_scan *scan, int hash, uint64_t sequence);

#define MAM_TAIL_CLEAN 0  /* only zeros follow */
#define MAM_TAIL_TORN 1   /* what follows was never synced, as far as this file shows */
#define MAM_TAIL_DAMAGE 2 /* the frame at offset was on disk once: *proof was written after that */

/* What lies behind the place where a scan stopped, by the rule of recovery (segment.h). */
int mam_scan_tail(const struct mam_scan *scan, struct mam_frame *proof);
#define MAM_LEAVES_AT_ONCE 256

/* The leaf hashes (32 bytes each) of `count` entries, given by the file offsets that mam_scan_run wrote. */
void mam_leaf_hashes(const uint8_t *base, const uint64_t *offsets, uint64_t count, uint8_t *hashes);
/* cdef: end */

#endif
