/*
 * A segment file of the audit log: the bytes, what makes them valid, and what a crash may leave.
 *
 *   0             4096          8192                                                        length
 *   +-------------+-------------+---------+---------+-- ... --+---------+--------------------+
 *   | header      | same again  | frame 0 | frame 1 |         | frame n | zeros              |
 *   +-------------+-------------+---------+---------+-- ... --+---------+--------------------+
 *
 * The file has its full length, all zeros, before it is used: an fdatasync then has no metadata to write.
 * All numbers are little-endian.
 *
 * Header, 4096 bytes, written twice (one damaged copy is survived, and reported):
 *      0  magic "MAMSEG\r\n"           64  u64 number of the segment, from 0, without gaps
 *      8  u32 version, 1               72  u64 first leaf: index of frame 0's leaf in the log
 *     12  u32 header length, 4096      80  u64 length of the file, bytes
 *     16  log id, 16 random bytes      88  i64 created, ns since the Unix epoch, UTC
 *     32  SHA-256 of the origin       96  u64 sequence of the next journal entry
 *                                     104  u32 epoch: number of the signing key
 *                                     108  u32 how many hashes follow: bits set in `first leaf`
 *    112  16 zero bytes               128  frontier of the tree of all leaves before, largest subtree first
 *   4092  u32 CRC-32C of bytes 0 to 4091; everything not named is zero
 *
 * Frame, at a multiple of 8:
 *   0          4          8          12         16                        (zeros to a multiple of 8)
 *   +----------+----------+----------+----------+-------------------------+-----+
 *   |u32 length|u32 CRC   |u32       |u32       | entry: length bytes     | pad |
 *   |of entry  |          | ordinal  | behind   | (journal_entry.h)       |     |
 *   +----------+----------+----------+----------+-------------------------+-----+
 *   length   24 to 65,535
 *   CRC      CRC-32C of: log id, first leaf (24 bytes, as in the header), length, ordinal, behind, entry
 *   ordinal  0, 1, 2, ...: leaf index = first leaf + ordinal
 *   behind   how many frames before this one were written with it but not yet synced: everything before
 *            ordinal − behind was on disk (fdatasync had returned) when this frame was written
 *
 * Where the frames end: at a frame header of 16 zero bytes, or less than 16 bytes before the file's end.
 *
 * Recovery, of the last segment only. At the first bad frame, number k, look through the rest of the file:
 *   nothing but zeros                                    the end
 *   no valid frame with ordinal − behind > k             torn tail: never synced, never signed; zeroed,
 * reported such a frame                                         k was on disk once: damage; refuse to start
 * Frames that the newest checkpoint covers were on disk too; the host checks that. A new segment is only made
 * after the last frame of the one before is on disk, so all others must be whole.
 */
#ifndef MAM_SEGMENT_H
#define MAM_SEGMENT_H

#include <stdint.h>

#include "merkle.h"

/* cdef: begin */
#define MAM_SEGMENT_HEADER 4096
#define MAM_SEGMENT_FIRST_FRAME 8192
#define MAM_SEGMENT_LENGTH_MIN 131072     /* two headers and one largest frame fit */
#define MAM_SEGMENT_LENGTH_MAX 1073741824 /* ordinals fit 32 bits */
#define MAM_FRAME_HEADER 16

#define MAM_SEGMENT_NO_MAGIC -1   /* not a segment */
#define MAM_SEGMENT_NO_VERSION -2 /* a version that this code does not know */
#define MAM_SEGMENT_DAMAGED -3    /* CRC, or a field that contradicts another */

struct mam_segment {
    uint8_t log_id[16];
    uint8_t origin_hash[32];
    uint64_t number;
    uint64_t first_leaf;
    uint64_t length;   /* of the file, bytes */
    int64_t created;   /* ns since the Unix epoch, UTC */
    uint64_t sequence; /* of the next journal entry */
    uint32_t epoch;
    uint32_t salt;          /* CRC-32C of log id and first leaf; not in the file */
    struct mam_merkle tree; /* of all leaves before; tree.size is first_leaf */
};

/* Writes one copy, MAM_SEGMENT_HEADER bytes; sets segment->salt. */
void mam_segment_write(struct mam_segment *segment, uint8_t *header);
/* Reads one copy; 0 or MAM_SEGMENT_…. */
int mam_segment_read(const uint8_t *header, struct mam_segment *segment);

#define MAM_FRAME_OK 0
#define MAM_FRAME_END 1    /* 16 zero bytes, or no room for a frame */
#define MAM_FRAME_LENGTH 2 /* a length that no entry has, or past the file's end */
#define MAM_FRAME_CRC 3    /* length, CRC, ordinal, behind or entry changed */
#define MAM_FRAME_PAD 4    /* padding that is not zero */

struct mam_frame {
    uint64_t offset; /* of the frame in the file */
    uint64_t next;   /* offset of the frame after it */
    uint32_t length; /* of the entry, which begins at offset + MAM_FRAME_HEADER */
    uint32_t ordinal;
    uint32_t behind;
};

/* Reads the frame at `offset` of a file held at `base`; MAM_FRAME_…; `frame` is set only when it is OK. */
int mam_frame_read(const uint8_t *base, uint64_t file_length, uint64_t offset, uint32_t salt,
                   struct mam_frame *frame);
/* The first valid frame at or after `offset` with ordinal in [from, to): 1, or 0 when there is none. */
int mam_frame_find(const uint8_t *base, uint64_t file_length, uint64_t offset, uint32_t salt, uint32_t from,
                   uint32_t to, struct mam_frame *frame);
/* Writes a frame at `out`; returns its bytes, a multiple of 8. `out` must have length + 24 bytes. The entry
   is copied first, then checked: it may lie in memory that others write. */
uint64_t mam_frame_write(uint8_t *out, const uint8_t *entry, uint32_t length, uint32_t ordinal,
                         uint32_t behind, uint32_t salt);
/* Bytes that a frame of an entry of `length` bytes takes. */
uint64_t mam_frame_bytes(uint64_t length);
/* Offset of the last byte that is not zero in [offset, file_length), plus one; `offset` when all are zero. */
uint64_t mam_segment_used(const uint8_t *base, uint64_t file_length, uint64_t offset);
/* cdef: end */

#endif
