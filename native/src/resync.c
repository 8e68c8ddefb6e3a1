/* What returns: bridges, their rings, the run itself after the machine lost its memory; and the host's clock.
 */
#include "state.h"

#define LOST_MAX UINT32_MAX /* more outputs than this no bridge can have heard before they were on disk */

uint16_t mam_resync_sequence(struct mam_engine *engine, uint64_t sequence) {
    struct mam_bridge_state *bridge = &engine->bridges[engine->bridge];
    if (sequence == bridge->in_sequence + 1) {
        bridge->in_sequence = sequence;
    }
    return MAM_REASON_NONE;
}

/*
 * The bridge is told up to where its own messages are known; its host sends again what it asks for, from the
 * log. Outputs that it has heard and we have not: they left before they were on disk, and the machine lost
 * its memory. Their numbers are not used again.
 */
uint16_t mam_on_resync(struct mam_engine *engine, const struct mam_resync *message, uint16_t *field) {
    struct mam_bridge_state *bridge = &engine->bridges[engine->bridge];
    uint64_t next = bridge->out_sequence + 1, wanted = message->from_sequence;
    bool lost = wanted > bridge->skipped + 1 && wanted <= bridge->skipped_to + 1;
    struct mam_resumed resumed;
    mam_resumed_init(&resumed);
    resumed.consumed = bridge->in_sequence;
    resumed.from_sequence = wanted;
    if (wanted > next) {
        *field = 2;
        if (wanted - next > LOST_MAX) {
            return MAM_REASON_OUT_OF_RANGE;
        }
        resumed.lost = wanted - next;
        bridge->out_sequence = wanted - 1;
    } else if (lost) {
        resumed.lost = wanted - 1 - bridge->skipped;
    }
    if (resumed.lost > 0) {
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_OUTPUTS_LOST, MAM_REASON_OUTPUTS_LOST, 0,
                  engine->bridge);
    }
    mam_emit(engine, engine->bridge, &resumed, sizeof resumed);
    mam_legs_ask_anew(engine, engine->bridge);
    return MAM_REASON_NONE;
}

/* What was lost may have used numbers of outputs and of blocks: none of them is given out again. */
uint16_t mam_on_continued(struct mam_engine *engine, const struct mam_continued *message, uint16_t *field) {
    *field = 3;
    if (message->lost > LOST_MAX - engine->block_id) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    engine->block_id += (uint32_t)message->lost;
    for (uint32_t bridge = 1; bridge <= engine->limits.bridges; bridge++) {
        engine->bridges[bridge].skipped = engine->bridges[bridge].out_sequence;
        engine->bridges[bridge].out_sequence += message->lost;
        engine->bridges[bridge].skipped_to = engine->bridges[bridge].out_sequence;
    }
    return MAM_REASON_NONE;
}

uint16_t mam_on_bridge_renewed(struct mam_engine *engine, const struct mam_bridge_renewed *message,
                               uint16_t *field) {
    *field = 2;
    if (message->bridge < 1 || message->bridge > engine->limits.bridges) {
        return MAM_REASON_OUT_OF_RANGE;
    }
    mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_FENCED, MAM_REASON_RENEWED, 0, message->bridge);
    mam_legs_ask_anew(engine, message->bridge);
    return MAM_REASON_NONE;
}

/* `step` is of this message, `disciplined` of the one before. */
uint16_t mam_on_clock_state(struct mam_engine *engine, const struct mam_clock_state *message) {
    bool undisciplined = message->error_bound < 0;
    if (message->step != 0) {
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_CLOCK, MAM_REASON_CLOCK_STEPPED, 0, 0);
    }
    if (undisciplined != (engine->clock_undisciplined != 0)) {
        engine->clock_undisciplined = undisciplined;
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_CLOCK,
                  undisciplined ? MAM_REASON_CLOCK_UNDISCIPLINED : MAM_REASON_CLOCK_DISCIPLINED, 0, 0);
    }
    return MAM_REASON_NONE;
}
