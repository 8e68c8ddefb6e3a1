/*
 * Local time. The engine has no clock and no files: control tells what a zone's clocks show, a change at a
 * time (TimeZone; appliance/control/zones.py makes them from the zone's name), so that a replay has the same
 * days.
 */
#include <string.h>

#include "books.h"
#include "state.h"

#define DAY (INT64_C(86400) * 1000000000)

bool mam_zone_known(const struct mam_engine *engine, uint32_t zone) {
    return zone == 0 || (zone <= MAM_ZONES && engine->books.zones[zone - 1].count > 0);
}

/* A later change is added, one of a time that is known replaces that one and all after it. */
uint16_t mam_on_time_zone(struct mam_engine *engine, const struct mam_time_zone *m, uint16_t *field) {
    if (m->zone < 1 || m->zone > MAM_ZONES) {
        *field = 2;
        return MAM_REASON_OUT_OF_RANGE;
    }
    if (m->zone_offset <= -DAY || m->zone_offset >= DAY) {
        *field = 5;
        return MAM_REASON_OUT_OF_RANGE;
    }
    struct mam_zone *zone = &engine->books.zones[m->zone - 1];
    while (zone->count > 0 && zone->since[zone->count - 1] >= m->since) {
        zone->count--;
    }
    if (zone->count == MAM_ZONE_CHANGES) { /* the oldest goes */
        memmove(&zone->since[0], &zone->since[1], (MAM_ZONE_CHANGES - 1) * sizeof zone->since[0]);
        memmove(&zone->offset[0], &zone->offset[1], (MAM_ZONE_CHANGES - 1) * sizeof zone->offset[0]);
        zone->count--;
    }
    zone->since[zone->count] = m->since;
    zone->offset[zone->count++] = m->zone_offset;
    mam_days_changed(engine);
    return MAM_REASON_NONE;
}

static int64_t offset_at(const struct mam_engine *engine, uint32_t number, int64_t time) {
    if (number == 0 || number > MAM_ZONES) {
        return 0;
    }
    const struct mam_zone *zone = &engine->books.zones[number - 1];
    uint32_t at = zone->count;
    while (at > 1 && zone->since[at - 1] > time) {
        at--;
    }
    return at == 0 ? 0 : zone->offset[at - 1];
}

static int64_t clamp(__int128 time) {
    return time > INT64_MAX ? INT64_MAX : time < INT64_MIN ? INT64_MIN : (int64_t)time;
}

int64_t mam_local_time(const struct mam_engine *engine, uint32_t zone, int64_t time) {
    return clamp((__int128)time + offset_at(engine, zone, time));
}

/* The local clock may change on the way: a day is 23 or 25 hours long then. A time of day that the change
 * leaves out has its day begin with the change; of one that comes twice, the first. */
int64_t mam_next_day(const struct mam_engine *engine, uint32_t zone, int64_t time, int64_t begins) {
    __int128 since = (__int128)mam_local_time(engine, zone, time) - begins;
    __int128 days = since / DAY - (since % DAY < 0);
    __int128 local = (days + 1) * DAY + begins;
    int64_t by_now = clamp(local - offset_at(engine, zone, time));
    int64_t by_then = clamp(local - offset_at(engine, zone, by_now));
    return by_then > time ? by_then : by_now;
}
