/*
 * The journal entry: the payload of a journal ring record, and the bytes of a log leaf.
 *
 *   0         8         16      18     19    20      24
 *   +---------+---------+-------+------+-----+-------+----------------------+
 *   |sequence | time    |bridge | kind | ver |length | message: length bytes|
 *   |u64      | i64, ns | u16   | u8   | u8  | u32   |                      |
 *   +---------+---------+-------+------+-----+-------+----------------------+
 *
 * Little-endian. kind: 1 input, 2 output, 3 the log's own record, whose `sequence` repeats the next entry's.
 */
#ifndef MAM_JOURNAL_ENTRY_H
#define MAM_JOURNAL_ENTRY_H

#include <stdint.h>

/* cdef: begin */
#define MAM_ENTRY_HEADER 24
#define MAM_ENTRY_MAX 65535 /* a tile's entry bundle gives a length 16 bits */
#define MAM_ENTRY_VERSION 1
#define MAM_ENTRY_INPUT 1
#define MAM_ENTRY_OUTPUT 2
#define MAM_ENTRY_OWN 3

struct mam_entry_header {
    uint64_t sequence;
    int64_t time;
    uint16_t bridge;
    uint8_t kind;
    uint8_t version;
    uint32_t length;
};

/* Reads and checks the header of an entry of `length` bytes; 0, or −1 when it is no entry. */
int mam_entry_read(const uint8_t *entry, uint64_t length, struct mam_entry_header *header);
/* cdef: end */

_Static_assert(sizeof(struct mam_entry_header) == MAM_ENTRY_HEADER, "journal entry header");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the log is little-endian, and so must be the host"
#endif

#endif
