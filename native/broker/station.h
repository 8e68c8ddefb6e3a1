/* What both halves of the embedded broker need to be a bridge: the rings, the clock, waiting, and sending
 * with a sequence number. */
#ifndef MAM_BROKER_STATION_H
#define MAM_BROKER_STATION_H

#include "mam/directory.h" /* first: it asks for POSIX */

#include <sched.h>
#include <stdbool.h>
#include <time.h>

#include "mam/messages.h"

#define MAM_STATION_BEAT_NS 100000000 /* between heartbeats */
#define MAM_STATION_SPINS 200         /* without work, before yielding */
#define MAM_STATION_YIELDS 200        /* without work, before sleeping */
#define MAM_STATION_NAP_NS 50000

struct mam_station {
    struct mam_bridge bridge;
    bool attached;   /* through the directory; else the rings are memory that a test lent */
    uint64_t sent;   /* sequence number of our last message */
    uint64_t seen;   /* sequence number of the engine's last message; 0: none yet */
    int64_t beat_ns; /* when to beat next */
    uint32_t idle;   /* polls without work */
    int64_t full;    /* writes that found no room */
};

static inline int64_t mam_now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Every message begins with its header and its sequence number. */
struct mam_any_message {
    struct mam_header header;
    uint64_t sequence;
};

/* Numbers the message and writes it. False: no room now, nothing was sent. */
static inline bool mam_station_send(struct mam_station *station, void *message) {
    struct mam_any_message *any = message;
    any->sequence = station->sent + 1;
    uint32_t length = (uint32_t)sizeof any->header + any->header.block_length;
    if (mam_ring_write(&station->bridge.in, any->header.template_id, message, length) != 0) {
        station->full++;
        return false;
    }
    station->sent++;
    return true;
}

/* Says that we live, every now and then. 0, or why the rings may no longer be used. */
static inline int mam_station_beat(struct mam_station *station, int64_t now_ns) {
    if (station->bridge.in.error != 0 || station->bridge.out.error != 0) {
        return station->bridge.in.error != 0 ? station->bridge.in.error : station->bridge.out.error;
    }
    if (now_ns < station->beat_ns) {
        return 0;
    }
    station->beat_ns = now_ns + MAM_STATION_BEAT_NS;
    struct mam_heartbeat beat;
    mam_heartbeat_init(&beat);
    beat.sent = mam_now_ns(CLOCK_REALTIME);
    mam_station_send(station, &beat);
    mam_ring_set_heartbeat(&station->bridge.out, beat.sent / 1000000);
    return station->attached ? mam_bridge_check(&station->bridge) : 0;
}

/* Waits a little; who expects an answer (`urgent`) never sleeps. */
static inline void mam_station_rest(struct mam_station *station, bool urgent) {
    const struct timespec nap = {.tv_nsec = MAM_STATION_NAP_NS};
    station->idle++;
    if (station->idle <= MAM_STATION_SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    } else if (urgent || station->idle <= MAM_STATION_SPINS + MAM_STATION_YIELDS) {
        sched_yield();
    } else {
        nanosleep(&nap, NULL);
    }
}

/* Rings too small for the longest message would block for ever. */
static inline int mam_station_check_size(const struct mam_station *station) {
    bool good = mam_ring_payload_max(&station->bridge.in) >= MAM_MESSAGE_LENGTH_MAX &&
                mam_ring_payload_max(&station->bridge.out) >= MAM_MESSAGE_LENGTH_MAX;
    return good ? 0 : MAM_ERROR_SIZE;
}

static inline int mam_station_attach(struct mam_station *station, const char *instance, const char *bridge,
                                     uint32_t role) {
    int status = mam_attach(instance, bridge, MAM_SCHEMA_FINGERPRINT, &station->bridge);
    if (status == 0 && station->bridge.role != role) {
        mam_detach(&station->bridge);
        return MAM_ERROR_NO_BRIDGE;
    }
    station->attached = status == 0;
    return status != 0 ? status : mam_station_check_size(station);
}

static inline int mam_station_lend(struct mam_station *station, void *in, uint64_t in_length, void *out,
                                   uint64_t out_length) {
    int status = mam_ring_attach(&station->bridge.in, in, in_length);
    if (status == 0) {
        status = mam_ring_attach(&station->bridge.out, out, out_length);
    }
    return status != 0 ? status : mam_station_check_size(station);
}

static inline void mam_station_detach(struct mam_station *station) {
    if (station->attached) {
        mam_detach(&station->bridge);
        station->attached = false;
    }
}

#endif
