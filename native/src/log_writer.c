#include "log_writer.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "assert.h"
#include "journal_entry.h"
#include "log_reader.h"

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    MAM_ASSERT(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_counter(int64_t *counter, int64_t value) {
    if (counter != NULL) {
        __atomic_store_n(counter, value, __ATOMIC_RELEASE);
    }
}

void mam_log_report(const struct mam_log *log) {
    set_counter(log->entries_counter, (int64_t)log->entries);
    set_counter(log->bytes_counter, (int64_t)log->bytes);
    set_counter(log->syncs_counter, (int64_t)log->syncs);
    set_counter(log->sync_ns_max_counter, log->sync_ns_max);
    set_counter(log->durable_counter, (int64_t)log->durable);
}

void mam_log_use(struct mam_log *log, int fd, const struct mam_segment *segment, uint64_t offset,
                 uint32_t ordinal, const struct mam_merkle *tree, uint64_t sequence) {
    MAM_ASSERT(log->used == 0 && log->behind == 0 && log->capacity >= MAM_LOG_BUFFER_MIN);
    MAM_ASSERT(tree->size == segment->first_leaf + ordinal && offset <= segment->length && (offset & 7) == 0);
    log->fd = fd;
    log->length = segment->length;
    log->offset = offset;
    log->salt = segment->salt;
    log->ordinal = ordinal;
    log->tree = *tree;
    log->sequence = sequence;
    log->durable = sequence;
    mam_log_report(log);
}

static int fits_segment(const struct mam_log *log, uint64_t length) {
    return mam_frame_bytes(length) <= log->length - log->offset - log->used;
}

static int fits_buffer(const struct mam_log *log, uint64_t length) {
    return mam_frame_bytes(length) <= log->capacity - log->used;
}

/* Writes the frame after what the buffer holds, without counting it yet. */
static const uint8_t *place(struct mam_log *log, const uint8_t *entry, uint32_t length) {
    uint8_t *out = log->buffer + log->used;
    mam_frame_write(out, entry, length, log->ordinal, log->behind, log->salt);
    return out + MAM_FRAME_HEADER;
}

/* Makes leaves of the frames that are none yet. */
static void hash_frames(struct mam_log *log) {
    uint64_t offsets[MAM_LEAVES_AT_ONCE], count = 0;
    uint8_t hashes[32 * MAM_LEAVES_AT_ONCE];
    while (log->hashed < log->used) {
        uint32_t length;
        memcpy(&length, log->buffer + log->hashed, sizeof length);
        MAM_ASSERT(count < MAM_LEAVES_AT_ONCE);
        offsets[count++] = log->hashed + MAM_FRAME_HEADER;
        log->hashed += mam_frame_bytes(length);
    }
    MAM_ASSERT(log->hashed == log->used);
    mam_leaf_hashes(log->buffer, offsets, count, hashes);
    mam_merkle_append_many(&log->tree, hashes, count);
}

/* Counts the frame that was placed last; many become leaves together, while they are in the cache. */
static void take(struct mam_log *log, uint32_t length) {
    log->used += mam_frame_bytes(length);
    log->ordinal++;
    log->behind++;
    if (log->behind % MAM_LEAVES_AT_ONCE == 0) {
        hash_frames(log);
    }
}

int mam_log_append(struct mam_log *log, const uint8_t *entry, uint32_t length) {
    MAM_ASSERT(length >= MAM_ENTRY_HEADER && length <= MAM_ENTRY_MAX);
    if (!fits_segment(log, length) || !fits_buffer(log, length)) {
        return MAM_LOG_FULL;
    }
    place(log, entry, length);
    take(log, length);
    return MAM_LOG_OK;
}

static int write_all(struct mam_log *log) {
    uint64_t done = 0;
    while (done < log->used) {
        const ssize_t count =
            pwrite(log->fd, log->buffer + done, log->used - done, (off_t)(log->offset + done));
        if (count == 0) { /* no regular file does that; to go on would be for ever */
            errno = EIO;
            return -1;
        }
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        done += count > 0 ? (uint64_t)count : 0;
    }
    return 0;
}

int mam_log_sync(struct mam_log *log) {
    if (log->used == 0) {
        return MAM_LOG_OK;
    }
    MAM_ASSERT(log->error == 0); /* a failed log is not written again */
    hash_frames(log);
    const int64_t before = clock_ns(CLOCK_MONOTONIC);
    if (write_all(log) != 0 || fdatasync(log->fd) != 0) {
        log->error = errno;
        return MAM_LOG_FAILED;
    }
    log->sync_ns = clock_ns(CLOCK_MONOTONIC) - before;
    log->sync_ns_max = log->sync_ns > log->sync_ns_max ? log->sync_ns : log->sync_ns_max;
    log->syncs++;
    log->bytes += log->used;
    log->offset += log->used;
    log->used = 0;
    log->hashed = 0;
    log->behind = 0;
    log->entries += log->sequence - log->durable;
    log->durable = log->sequence;
    mam_log_report(log);
    return MAM_LOG_OK;
}

/* Copies one ring entry into the buffer and checks the copy: MAM_LOG_OK, GAP or CORRUPT. */
static int take_entry(struct mam_log *log, const uint8_t *shared, uint32_t length) {
    const uint8_t *entry = place(log, shared, length);
    struct mam_entry_header header;
    if (mam_entry_read(entry, length, &header) != 0 || header.kind == MAM_ENTRY_OWN) {
        return MAM_LOG_CORRUPT;
    }
    if (log->resuming && header.sequence < log->sequence) {
        log->skipped++;
        return MAM_LOG_OK;
    }
    if (header.sequence != log->sequence) {
        log->found_sequence = header.sequence;
        return MAM_LOG_GAP;
    }
    log->resuming = 0;
    take(log, length);
    log->sequence++;
    return MAM_LOG_OK;
}

/* Ring → buffer, until the ring is empty (log->empty) or something else is full. */
static int drain(struct mam_log *log, struct mam_journal_reader *reader) {
    log->empty = 0;
    for (;;) {
        const uint8_t *entry = NULL;
        const int64_t length = mam_journal_next(reader, &entry);
        if (length == 0) {
            log->empty = 1;
            return MAM_LOG_OK;
        }
        if (length < MAM_ENTRY_HEADER || length > MAM_ENTRY_MAX) {
            return MAM_LOG_CORRUPT;
        }
        if (!fits_segment(log, (uint64_t)length)) {
            return MAM_LOG_FULL;
        }
        if (!fits_buffer(log, (uint64_t)length)) {
            return MAM_LOG_OK;
        }
        const int status = take_entry(log, entry, (uint32_t)length);
        if (status != MAM_LOG_OK) {
            return status;
        }
        mam_journal_advance(reader);
    }
}

int mam_log_round(struct mam_log *log, struct mam_journal_reader *reader) {
    const int status = drain(log, reader);
    if (mam_log_sync(log) != MAM_LOG_OK) {
        return MAM_LOG_FAILED;
    }
    if (reader->head != reader->published) {
        mam_journal_publish(reader);
    }
    return status;
}

/* 0: only yields the core. */
static void rest(int64_t ns) {
    const struct timespec time = {ns / 1000000000, ns % 1000000000};
    if (ns > 0) {
        nanosleep(&time, NULL); /* a signal ends it early: good */
    } else {
        sched_yield();
    }
}

int mam_log_run(struct mam_log *log, struct mam_journal_reader *reader, int64_t run_ns, int64_t nap_ns) {
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + run_ns;
    const int64_t longest = 2 * (int64_t)reader->capacity; /* ns: 500 MB/s do not fill the ring meanwhile */
    for (;;) {
        mam_journal_heartbeat(reader, clock_ns(CLOCK_REALTIME) / 1000000);
        const int status = mam_log_round(log, reader);
        if (status != MAM_LOG_OK || clock_ns(CLOCK_MONOTONIC) >= end) {
            return status;
        }
        if (log->empty) {
            rest(nap_ns < longest ? nap_ns : longest);
        }
    }
}
