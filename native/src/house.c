/*
 * What the house has of LPs' fills that no block divides: more than was ordered, too late, taken back after
 * the children were booked, or the rest of a rollback. A desk trades it out; the engine only keeps the sum.
 */
#include "state.h"

void mam_house_take(struct mam_engine *engine, uint32_t to, uint32_t block, uint32_t instrument, uint32_t lp,
                    uint8_t side, int64_t volume, int64_t price, uint16_t reason) {
    int64_t change = side == MAM_SIDE_BUY ? volume : -volume;
    int64_t *exposure = &engine->house[instrument];
    if (__builtin_add_overflow(*exposure, change, exposure) || *exposure == INT64_MIN) {
        *exposure = change > 0 ? INT64_MAX : -INT64_MAX; /* beyond all that can be: a person has been told */
    }
    engine->counts.house_changes++;
    struct mam_house_change message;
    mam_house_change_init(&message);
    message.block = block;
    message.instrument = engine->instruments[instrument].definition.instrument;
    message.volume = change;
    message.price = price;
    message.exposure = *exposure;
    message.bridge = lp;
    message.reason = reason;
    mam_emit(engine, MAM_BRIDGE_JOURNAL, &message, sizeof message);
    mam_alert(engine, to, MAM_ALERT_KIND_HOUSE, reason, block, 0);
}
