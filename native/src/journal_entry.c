#include "journal_entry.h"

#include <string.h>

int mam_entry_read(const uint8_t *entry, uint64_t length, struct mam_entry_header *header) {
    if (length < MAM_ENTRY_HEADER || length > MAM_ENTRY_MAX) {
        return -1;
    }
    memcpy(header, entry, sizeof *header);
    if (header->version != MAM_ENTRY_VERSION || header->length != length - MAM_ENTRY_HEADER) {
        return -1;
    }
    return header->kind >= MAM_ENTRY_INPUT && header->kind <= MAM_ENTRY_OWN ? 0 : -1;
}
