#include "segment.h"

#include <string.h>

#include "assert.h"
#include "crc32c.h"
#include "journal_entry.h"

static const char magic[8] = {'M', 'A', 'M', 'S', 'E', 'G', '\r', '\n'};

/* The header as it lies in the file. */
struct header {
    char magic[8];
    uint32_t version;
    uint32_t header_length;
    uint8_t log_id[16];
    uint8_t origin_hash[32];
    uint64_t number;
    uint64_t first_leaf;
    uint64_t length;
    int64_t created;
    uint64_t sequence;
    uint32_t epoch;
    uint32_t frontier_count;
    uint8_t zero[16];
    uint8_t frontier[64][32];
    uint8_t more_zero[1916];
    uint32_t crc;
};
_Static_assert(sizeof(struct header) == MAM_SEGMENT_HEADER, "header length");
_Static_assert(__builtin_offsetof(struct header, number) == 64, "header layout");
_Static_assert(__builtin_offsetof(struct header, frontier) == 128, "header layout");
_Static_assert(__builtin_offsetof(struct header, crc) == 4092, "header layout");

static uint32_t salt_of(const struct mam_segment *segment) {
    uint32_t crc = mam_crc32c(0, segment->log_id, sizeof segment->log_id);
    return mam_crc32c(crc, (const uint8_t *)&segment->first_leaf, sizeof segment->first_leaf);
}

void mam_segment_write(struct mam_segment *segment, uint8_t *out) {
    MAM_ASSERT(segment->tree.size == segment->first_leaf);
    MAM_ASSERT(segment->length >= MAM_SEGMENT_LENGTH_MIN && segment->length <= MAM_SEGMENT_LENGTH_MAX);
    struct header header;
    memset(&header, 0, sizeof header);
    memcpy(header.magic, magic, sizeof magic);
    header.version = 1;
    header.header_length = MAM_SEGMENT_HEADER;
    memcpy(header.log_id, segment->log_id, sizeof header.log_id);
    memcpy(header.origin_hash, segment->origin_hash, sizeof header.origin_hash);
    header.number = segment->number;
    header.first_leaf = segment->first_leaf;
    header.length = segment->length;
    header.created = segment->created;
    header.sequence = segment->sequence;
    header.epoch = segment->epoch;
    header.frontier_count = mam_merkle_save(&segment->tree, header.frontier[0]);
    header.crc = mam_crc32c(0, (const uint8_t *)&header, MAM_SEGMENT_HEADER - 4);
    memcpy(out, &header, sizeof header);
    segment->salt = salt_of(segment);
}

static int all_zero(const uint8_t *bytes, uint64_t count) {
    uint8_t any = 0;
    for (uint64_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

static int header_agrees(const struct header *header) {
    const uint64_t used = 32 * (uint64_t)header->frontier_count;
    return header->header_length == MAM_SEGMENT_HEADER && header->length >= MAM_SEGMENT_LENGTH_MIN &&
           header->length <= MAM_SEGMENT_LENGTH_MAX && used <= sizeof header->frontier &&
           all_zero(header->zero, sizeof header->zero) &&
           all_zero(header->frontier[0] + used, sizeof header->frontier - used) &&
           all_zero(header->more_zero, sizeof header->more_zero);
}

int mam_segment_read(const uint8_t *bytes, struct mam_segment *segment) {
    struct header header;
    memcpy(&header, bytes, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) != 0) {
        return MAM_SEGMENT_NO_MAGIC;
    }
    if (header.crc != mam_crc32c(0, bytes, MAM_SEGMENT_HEADER - 4)) {
        return MAM_SEGMENT_DAMAGED;
    }
    if (header.version != 1) {
        return MAM_SEGMENT_NO_VERSION;
    }
    if (!header_agrees(&header) ||
        mam_merkle_load(&segment->tree, header.first_leaf, header.frontier[0], header.frontier_count) != 0) {
        return MAM_SEGMENT_DAMAGED;
    }
    memcpy(segment->log_id, header.log_id, sizeof header.log_id);
    memcpy(segment->origin_hash, header.origin_hash, sizeof header.origin_hash);
    segment->number = header.number;
    segment->first_leaf = header.first_leaf;
    segment->length = header.length;
    segment->created = header.created;
    segment->sequence = header.sequence;
    segment->epoch = header.epoch;
    segment->salt = salt_of(segment);
    return 0;
}

/* The frame's header as it lies in the file. */
struct frame_header {
    uint32_t length;
    uint32_t crc;
    uint32_t ordinal;
    uint32_t behind;
};
_Static_assert(sizeof(struct frame_header) == MAM_FRAME_HEADER, "frame header");

static uint32_t frame_crc(const struct frame_header *header, const uint8_t *entry, uint32_t salt) {
    uint32_t fields[3] = {header->length, header->ordinal, header->behind};
    uint32_t crc = mam_crc32c(salt, (const uint8_t *)fields, sizeof fields);
    return mam_crc32c(crc, entry, header->length);
}

uint64_t mam_frame_bytes(uint64_t length) {
    return (MAM_FRAME_HEADER + length + 7) & ~(uint64_t)7;
}

int mam_frame_read(const uint8_t *base, uint64_t file_length, uint64_t offset, uint32_t salt,
                   struct mam_frame *frame) {
    if (offset > file_length || file_length - offset < MAM_FRAME_HEADER) {
        return MAM_FRAME_END;
    }
    struct frame_header header;
    memcpy(&header, base + offset, sizeof header);
    if (header.length == 0 && header.crc == 0 && header.ordinal == 0 && header.behind == 0) {
        return MAM_FRAME_END;
    }
    if (header.length < MAM_ENTRY_HEADER || header.length > MAM_ENTRY_MAX ||
        mam_frame_bytes(header.length) > file_length - offset) {
        return MAM_FRAME_LENGTH;
    }
    const uint8_t *entry = base + offset + MAM_FRAME_HEADER;
    if (header.crc != frame_crc(&header, entry, salt)) {
        return MAM_FRAME_CRC;
    }
    const uint64_t bytes = mam_frame_bytes(header.length);
    if (!all_zero(entry + header.length, bytes - MAM_FRAME_HEADER - header.length)) {
        return MAM_FRAME_PAD;
    }
    *frame = (struct mam_frame){offset, offset + bytes, header.length, header.ordinal, header.behind};
    return MAM_FRAME_OK;
}

int mam_frame_find(const uint8_t *base, uint64_t file_length, uint64_t offset, uint32_t salt, uint32_t from,
                   uint32_t to, struct mam_frame *frame) {
    MAM_ASSERT((offset & 7) == 0);
    for (; offset < file_length && file_length - offset >= MAM_FRAME_HEADER; offset += 8) {
        struct frame_header header;
        memcpy(&header, base + offset, sizeof header);
        /* Cheap tests first: nearly every place that is no frame fails them. */
        if (header.length < MAM_ENTRY_HEADER || header.length > MAM_ENTRY_MAX || header.ordinal < from ||
            header.ordinal >= to || header.behind > header.ordinal) {
            continue;
        }
        if (mam_frame_read(base, file_length, offset, salt, frame) == MAM_FRAME_OK) {
            return 1;
        }
    }
    return 0;
}

uint64_t mam_frame_write(uint8_t *out, const uint8_t *entry, uint32_t length, uint32_t ordinal,
                         uint32_t behind, uint32_t salt) {
    MAM_ASSERT(length >= MAM_ENTRY_HEADER && length <= MAM_ENTRY_MAX);
    MAM_ASSERT(behind <= ordinal);
    const uint64_t bytes = mam_frame_bytes(length);
    memset(out + bytes - 8, 0, 8);
    memcpy(out + MAM_FRAME_HEADER, entry, length);
    struct frame_header header = {length, 0, ordinal, behind};
    header.crc = frame_crc(&header, out + MAM_FRAME_HEADER, salt);
    memcpy(out, &header, sizeof header);
    return bytes;
}

uint64_t mam_segment_used(const uint8_t *base, uint64_t file_length, uint64_t offset) {
    while (file_length > offset && base[file_length - 1] == 0) {
        if (file_length - offset >= 4096 && all_zero(base + file_length - 4096, 4096)) {
            file_length -= 4096;
        } else {
            file_length--;
        }
    }
    return file_length;
}
