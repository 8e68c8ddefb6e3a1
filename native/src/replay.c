#include "replay.h"

#include <mam/messages.h>
#include <string.h>

#include "assert.h"

#define SAID_HEADER 8 /* uint32 length, uint32 bridge: as mam_engine_sink_buffer writes them */

void mam_replay_open(struct mam_replay *replay, struct mam_engine *engine, uint8_t *bytes,
                     uint64_t capacity) {
    replay->engine = engine;
    replay->said = (struct mam_buffer){.bytes = bytes, .capacity = capacity};
    replay->compared = 0;
    mam_engine_sink_buffer(engine, &replay->said);
}

uint32_t mam_replay_next(const struct mam_replay *replay, uint32_t *bridge, const uint8_t **message) {
    if (replay->compared == replay->said.length) {
        return 0;
    }
    uint32_t length;
    const uint8_t *at = replay->said.bytes + replay->compared;
    memcpy(&length, at, 4);
    memcpy(bridge, at + 4, 4);
    *message = at + SAID_HEADER;
    return length;
}

void mam_replay_step(struct mam_replay *replay) {
    uint32_t bridge = 0;
    const uint8_t *message = NULL;
    replay->compared += SAID_HEADER + ((mam_replay_next(replay, &bridge, &message) + 7) & ~UINT32_C(7));
}

static int opens_run(const struct mam_entry_header *header, const uint8_t *message) {
    uint16_t template_id = 0;
    if (header->length >= 4) {
        memcpy(&template_id, message + 2, 2);
    }
    return header->bridge == MAM_BRIDGE_HOST && template_id == MAM_OPENED_ID;
}

static int input(struct mam_replay *replay, const struct mam_entry_header *header, const uint8_t *message,
                 int opened) {
    if (opens_run(header, message) && !opened) {
        return MAM_REPLAY_OPENED;
    }
    if (replay->engine == NULL) {
        return MAM_REPLAY_NO_RUN;
    }
    if (replay->compared != replay->said.length) {
        return MAM_REPLAY_MISSING;
    }
    if (header->bridge >= sizeof replay->consumed / sizeof *replay->consumed) {
        return MAM_REPLAY_DIFFERENT;
    }
    if (opened) {
        memset(replay->consumed, 0, sizeof replay->consumed);
    }
    replay->said.length = replay->compared = 0;
    _Alignas(64) uint8_t copy[MAM_INPUT_MAX];
    uint32_t length = header->length < MAM_INPUT_MAX ? header->length : MAM_INPUT_MAX;
    if (((uintptr_t)message & 7) != 0) {
        memcpy(copy, message, length);
        message = copy;
    }
    mam_engine_apply(replay->engine, header->time, header->bridge, message, length);
    MAM_ASSERT(!replay->said.overflowed);
    replay->inputs++;
    replay->consumed[header->bridge]++;
    return MAM_REPLAY_OK;
}

static int output(struct mam_replay *replay, const struct mam_entry_header *header, const uint8_t *message) {
    uint32_t bridge = 0;
    const uint8_t *said = NULL;
    uint32_t length = mam_replay_next(replay, &bridge, &said);
    if (length == 0 || length != header->length || bridge != header->bridge || header->time != replay->time ||
        memcmp(said, message, length) != 0) {
        return MAM_REPLAY_DIFFERENT;
    }
    mam_replay_step(replay);
    replay->outputs++;
    return MAM_REPLAY_OK;
}

/* A run whose first entry is not an Opened, or whose time goes back, is no run of this engine. */
static int entry(struct mam_replay *replay, const struct mam_entry_header *header, const uint8_t *message,
                 int opened) {
    int status = MAM_REPLAY_OK;
    if (replay->engine == NULL && replay->skip && !opens_run(header, message)) {
        return MAM_REPLAY_OK;
    }
    if (header->kind == MAM_ENTRY_OUTPUT) {
        status = output(replay, header, message);
    } else if (header->kind == MAM_ENTRY_INPUT) {
        if (replay->engine != NULL && !opened && header->time < replay->time && !opens_run(header, message)) {
            return MAM_REPLAY_DIFFERENT;
        }
        status = input(replay, header, message, opened);
    } else {
        return MAM_REPLAY_OK;
    }
    if (status == MAM_REPLAY_OK) {
        replay->time = header->time;
        replay->sequence = header->sequence + 1;
        if (replay->seen != NULL && replay->seen(replay->context, header, message) != 0) {
            status = MAM_REPLAY_NOT_HELD;
        }
    }
    return status;
}

int mam_replay_feed(struct mam_replay *replay, const uint8_t *base, const uint64_t *offsets, uint64_t count,
                    uint64_t first, int opened) {
    for (replay->at = first; replay->at < count; replay->at++) {
        struct mam_entry_header header;
        const uint8_t *at = base + offsets[replay->at];
        memcpy(&header, at, sizeof header);
        int status = entry(replay, &header, at + MAM_ENTRY_HEADER, opened && replay->at == first);
        if (status != MAM_REPLAY_OK) {
            return status;
        }
    }
    return MAM_REPLAY_OK;
}
