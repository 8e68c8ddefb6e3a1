/*
 * The audit writer's work per record: journal ring → frames and leaf hashes → segment → fdatasync → head
 * published.
 *
 * One round takes what the ring holds (at most a buffer full), writes it with one pwrite, syncs it, and only
 * then gives the space back to the ring and says so in the counters. A round that fails leaves the log
 * unusable: the process has to end, for after a failed fdatasync nobody knows what is on disk.
 *
 * No allocation: the host brings the buffer. One thread. The ring's bytes are copied once, then checked, then
 * used.
 */
#ifndef MAM_LOG_WRITER_H
#define MAM_LOG_WRITER_H

#include <stdint.h>

#include "journal_reader.h"
#include "merkle.h"
#include "segment.h"

/* cdef: begin */
#define MAM_LOG_OK 0
#define MAM_LOG_FULL 1    /* the next entry does not fit this segment; all before it is durable */
#define MAM_LOG_GAP 2     /* the next entry has found_sequence and not sequence; all before it is durable */
#define MAM_LOG_CORRUPT 3 /* the ring, or an entry in it, is broken; all before it is durable */
#define MAM_LOG_FAILED 4  /* pwrite or fdatasync failed, see error: end the process */

#define MAM_LOG_BUFFER_MIN 131072 /* bytes; a largest frame fits */

struct mam_log {
    uint8_t *buffer;
    uint64_t capacity; /* of the buffer, bytes */
    uint64_t used;     /* bytes in the buffer, not yet written */
    uint64_t hashed;   /* bytes in the buffer whose frames are leaves of the tree already */
    int32_t fd;
    int32_t error;   /* errno of what failed */
    uint64_t length; /* of the segment */
    uint64_t offset; /* in the segment, where the buffer's first byte goes */
    uint32_t salt;
    uint32_t ordinal; /* of the next frame */
    uint32_t behind;  /* frames not yet synced */
    int32_t empty;    /* the ring was empty at the end of the last round */
    int32_t
        resuming; /* entries below `sequence` are already in the log: step over them, until a new one comes */
    int32_t reserved;
    uint64_t sequence; /* of the next journal entry */
    uint64_t found_sequence;
    uint64_t durable; /* journal entries with a lower sequence are on disk */
    uint64_t entries; /* journal entries made durable by this writer */
    uint64_t skipped; /* journal entries that were already there */
    uint64_t bytes;   /* of frames written */
    uint64_t syncs;
    int64_t sync_ns;        /* the last fdatasync took, ns */
    int64_t sync_ns_max;    /* the longest */
    struct mam_merkle tree; /* of all hashed; of all appended, and durable, once the buffer is empty */
    /* Counters in shared memory, stored after each sync; NULL: none. */
    int64_t *durable_counter;
    int64_t *entries_counter;
    int64_t *bytes_counter;
    int64_t *syncs_counter;
    int64_t *sync_ns_max_counter;
};

/* Goes on in a segment file: at `offset`, frame `ordinal`, with the tree and the journal sequence reached
   there. The buffer must be empty. */
void mam_log_use(struct mam_log *log, int fd, const struct mam_segment *segment, uint64_t offset,
                 uint32_t ordinal, const struct mam_merkle *tree, uint64_t sequence);
/* Appends an entry that the host made (kind 3) to the buffer: MAM_LOG_OK, or MAM_LOG_FULL. */
int mam_log_append(struct mam_log *log, const uint8_t *entry, uint32_t length);
/* Writes and syncs the buffer: MAM_LOG_OK or MAM_LOG_FAILED. */
int mam_log_sync(struct mam_log *log);
/* Stores the counters now. */
void mam_log_report(const struct mam_log *log);
/* One round. */
int mam_log_round(struct mam_log *log, struct mam_journal_reader *reader);
/* Rounds for run_ns; when the ring is empty naps for nap_ns (0: only yields the core), but no longer than 500
   MB/s need to fill the ring. Returns early when a round is not OK. */
int mam_log_run(struct mam_log *log, struct mam_journal_reader *reader, int64_t run_ns, int64_t nap_ns);
/* cdef: end */

#endif
