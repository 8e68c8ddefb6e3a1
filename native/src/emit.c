/* What leaves the engine: numbering per destination, rejections, alerts, and the stop on a broken law. */
#include <string.h>

#include "state.h"

void mam_number(struct mam_engine *engine, uint32_t bridge, void *message, uint32_t length) {
    MAM_ASSERT(bridge <= engine->limits.bridges || bridge == MAM_BRIDGE_JOURNAL);
    uint64_t *sequence =
        bridge == MAM_BRIDGE_JOURNAL ? &engine->journal_sequence : &engine->bridges[bridge].out_sequence;
    *sequence += 1;
    memcpy((uint8_t *)message + sizeof(struct mam_header), sequence, sizeof *sequence);
    engine->counts.outputs++;
    engine->spent += length + 8;
}

void mam_emit(struct mam_engine *engine, uint32_t bridge, void *message, uint32_t length) {
    mam_number(engine, bridge, message, length);
    engine->put(engine->context, bridge, message, length);
}

/* `message`: what is refused; NULL when too short to hold a header and a sequence number. */
void mam_reject(struct mam_engine *engine, const void *message, uint16_t reason, uint16_t field_id) {
    engine->counts.rejects++;
    struct mam_reject reject;
    mam_reject_init(&reject);
    if (message != NULL) {
        struct mam_header header;
        memcpy(&header, message, sizeof header);
        memcpy(&reject.ref_sequence, (const uint8_t *)message + sizeof header, sizeof reject.ref_sequence);
        reject.ref_template = header.template_id;
        if (reject.ref_sequence == UINT64_MAX || reject.ref_template == UINT16_MAX) {
            reject.ref_sequence = reject.ref_template = 0; /* the schema's nulls: no message may carry them */
        }
    }
    reject.reason = reason;
    reject.field_id = field_id;
    uint32_t to = engine->bridge == MAM_BRIDGE_HOST ? MAM_BRIDGE_JOURNAL : engine->bridge;
    mam_emit(engine, to, &reject, sizeof reject);
}

void mam_alert_send(struct mam_engine *engine, uint32_t bridge, struct mam_risk_alert *alert) {
    engine->counts.alerts++;
    mam_emit(engine, bridge, alert, sizeof *alert);
}

void mam_ask_state(struct mam_engine *engine, uint32_t bridge, uint64_t login) {
    struct mam_resync resync;
    mam_resync_init(&resync);
    resync.login = login;
    mam_emit(engine, bridge, &resync, sizeof resync);
}

void mam_cancel_leg(struct mam_engine *engine, uint32_t bridge, uint32_t block, uint32_t leg) {
    struct mam_leg_cancel cancel;
    mam_leg_cancel_init(&cancel);
    cancel.block = block;
    cancel.leg = leg;
    mam_emit(engine, bridge, &cancel, sizeof cancel);
}

void mam_alert(struct mam_engine *engine, uint32_t bridge, uint8_t kind, uint16_t reason, uint32_t block,
               uint64_t login) {
    struct mam_risk_alert alert;
    mam_risk_alert_init(&alert);
    alert.kind = kind;
    alert.reason = reason;
    alert.block = block;
    alert.login = login;
    const struct mam_block *at = block == 0 ? NULL : mam_block_find(engine, block);
    if (at != NULL) {
        alert.group = engine->groups[at->group].id;
        alert.instrument = engine->instruments[at->instrument].definition.instrument;
    }
    mam_alert_send(engine, bridge == MAM_BRIDGE_HOST ? MAM_BRIDGE_JOURNAL : bridge, &alert);
}

void mam_law_broken(struct mam_engine *engine, uint32_t law, uint32_t block) {
    MAM_ASSERT(law >= 1 && law <= MAM_LAWS);
    engine->counts.laws[law - 1]++;
    engine->counts.halted = 1;
    if (!engine->halted) {
        engine->halted = 1;
        mam_alert(engine, MAM_BRIDGE_JOURNAL, MAM_ALERT_KIND_LAW, MAM_REASON_HALTED, block, law);
    }
}
