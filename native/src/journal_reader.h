/*
 * The consumer of the journal ring (Agrona OneToOneRingBuffer layout), with a head of its own.
 *
 * A record is taken when its bytes are on disk, not when they are read: the reader goes ahead with a private
 * head and publishes it after fdatasync. Until then the producer cannot reuse the space, so records may be
 * used where they lie, and a reader that is killed leaves everything it had not made durable in the ring.
 *
 * Nothing that the producer wrote is trusted: positions and lengths are read once, then checked, then used.
 */
#ifndef MAM_JOURNAL_READER_H
#define MAM_JOURNAL_READER_H

#include <stdint.h>

/* cdef: begin */
#define MAM_JOURNAL_RECORD 1 /* type of a ring record that holds a journal entry */
#define MAM_JOURNAL_CORRUPT -1

struct mam_journal_reader {
    uint8_t *buffer;
    uint64_t capacity;
    int64_t head;      /* private: the next record to read */
    int64_t next;      /* private: where the record at `head` ends, once mam_journal_next has returned it */
    int64_t published; /* what the shared head says */
    int64_t tail;      /* the producer's position, as last seen */
};

/* `length` is that of the region: capacity (a power of two, 64 to 2^30) + 768. 0, or −1: not such a region,
   or positions that no ring can have. */
int mam_journal_attach(struct mam_journal_reader *reader, uint8_t *region, uint64_t length);
/* The next entry: its length, with *entry set; 0: none yet; MAM_JOURNAL_CORRUPT: the ring is broken at
 * `head`. */
int64_t mam_journal_next(struct mam_journal_reader *reader, const uint8_t **entry);
/* Steps over the record that mam_journal_next has just returned (it does not do so itself). */
void mam_journal_advance(struct mam_journal_reader *reader);
/* Gives back to the producer all that lies before the private head. */
void mam_journal_publish(struct mam_journal_reader *reader);
/* Sets the consumer's heartbeat, ms since the epoch. */
void mam_journal_heartbeat(struct mam_journal_reader *reader, int64_t milliseconds);
/* cdef: end */

#endif
