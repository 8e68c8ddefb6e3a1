#include "station.h"

#include "lp.h"

#include <signal.h>
#include <stdlib.h>

#include "map.h"

#define NONE UINT32_MAX
#define MAX_INSTRUMENTS 64u
#define FIRST_EXECUTION 1000001u
#define REPORTS_A_LEG 3u /* two trades and an end */
#define CODE_DONE 10009u
#define CODE_PARTIAL 10010u
#define CODE_REJECTED 10006u
#define CODE_OFF_QUOTES 10021u
#define QUOTES_A_POLL 64

struct book {
    struct mam_lp_instrument set;
    int64_t bid, ask, bid_volume, ask_volume; /* as last quoted */
};

/* An answer that is to be sent: which reports of which leg. */
struct reply {
    uint32_t leg;  /* index */
    uint32_t from; /* first report: 0 ... 2 */
};

struct mam_lp {
    struct mam_station station;
    struct book books[MAX_INSTRUMENTS];
    uint32_t book_count;
    const struct mam_lp_tick *ticks;
    uint64_t tick_count, next, released;
    int64_t interval_ns, not_before_ns;
    struct mam_lp_config config;
    struct mam_map leg_keys;
    struct mam_lp_leg *legs;
    uint32_t leg_count;
    struct reply *replies; /* a queue over a power of two */
    uint32_t replies_size, replies_head, replies_tail;
    uint32_t withdraw_at; /* next book to withdraw; NONE: not asked */
    bool stand_still;     /* at the next leg */
    bool announced;       /* that all released quotes are out has been returned */
    struct mam_lp_counts counts;
};

/* ---- set-up ---- */

static bool add_book(struct mam_lp *lp, const struct mam_lp_instrument *set) {
    if (set->id == 0 || set->markup < 0 || set->point <= 0 || set->step <= 0 || set->size_min < set->step ||
        set->size_max < set->size_min) {
        return false;
    }
    lp->books[lp->book_count++] = (struct book){.set = *set};
    return true;
}

static bool config_good(const struct mam_lp_config *config) {
    return config->max_legs > 0 && config->max_legs < (1u << 24) && config->crossed_per_mille <= 1000 &&
           config->partial_per_mille <= 1000 && config->reject_per_mille <= 1000 &&
           config->silent_per_mille <= 1000 &&
           config->partial_per_mille + config->reject_per_mille + config->silent_per_mille <= 1000;
}

static bool reserve(struct mam_lp *lp) {
    lp->replies_size = 1024;
    lp->legs = calloc(lp->config.max_legs, sizeof *lp->legs);
    lp->replies = calloc(lp->replies_size, sizeof *lp->replies);
    return mam_map_init(&lp->leg_keys, lp->config.max_legs) && lp->legs != NULL && lp->replies != NULL;
}

struct mam_lp *mam_lp_new(const struct mam_lp_instrument *instruments, uint32_t instrument_count,
                          const struct mam_lp_tick *ticks, uint64_t tick_count,
                          const struct mam_lp_config *config) {
    struct mam_lp *lp = calloc(1, sizeof *lp);
    if (lp == NULL) {
        return NULL;
    }
    lp->ticks = ticks;
    lp->tick_count = tick_count;
    lp->config = *config;
    lp->withdraw_at = NONE;
    lp->announced = true;
    bool good = instrument_count <= MAX_INSTRUMENTS && config_good(config) && reserve(lp);
    for (uint32_t i = 0; good && i < instrument_count; i++) {
        good = add_book(lp, &instruments[i]);
    }
    if (!good) {
        mam_lp_free(lp);
        return NULL;
    }
    return lp;
}

void mam_lp_free(struct mam_lp *lp) {
    if (lp == NULL) {
        return;
    }
    mam_station_detach(&lp->station);
    mam_map_free(&lp->leg_keys);
    free(lp->legs);
    free(lp->replies);
    free(lp);
}

int mam_lp_attach(struct mam_lp *lp, const char *instance, const char *bridge) {
    return mam_station_attach(&lp->station, instance, bridge, MAM_ROLE_LP);
}

int mam_lp_lend(struct mam_lp *lp, void *in, uint64_t in_length, void *out, uint64_t out_length) {
    return mam_station_lend(&lp->station, in, in_length, out, out_length);
}

void mam_lp_release(struct mam_lp *lp, uint64_t until, int64_t interval_ns) {
    lp->released = until < lp->tick_count ? until : lp->tick_count;
    lp->interval_ns = interval_ns;
    lp->announced = false;
}

void mam_lp_withdraw(struct mam_lp *lp) {
    lp->withdraw_at = 0;
    lp->announced = false;
}

void mam_lp_stand_still(struct mam_lp *lp, int wanted) {
    lp->stand_still = wanted != 0;
}

uint64_t mam_lp_quoted(const struct mam_lp *lp) {
    return lp->next;
}

const struct mam_lp_counts *mam_lp_counts(const struct mam_lp *lp) {
    return &lp->counts;
}

uint32_t mam_lp_legs(const struct mam_lp *lp, const struct mam_lp_leg **legs) {
    *legs = lp->legs;
    return lp->leg_count;
}

static struct book *find_book(struct mam_lp *lp, uint32_t instrument) {
    for (uint32_t i = 0; i < lp->book_count; i++) {
        if (lp->books[i].set.id == instrument) {
            return &lp->books[i];
        }
    }
    return NULL;
}

/* ---- quotes ---- */

/* A size that depends on the seed and the tick alone, on the step. */
static int64_t size_of(const struct mam_lp *lp, const struct mam_lp_instrument *set, uint64_t tick,
                       uint64_t side) {
    uint64_t steps = (uint64_t)((set->size_max - set->size_min) / set->step) + 1;
    uint64_t dice = mam_mix(lp->config.seed ^ mam_mix(2 * tick + side));
    return set->size_min - set->size_min % set->step + (int64_t)(dice % steps) * set->step;
}

static bool send_quote(struct mam_lp *lp, const struct book *book, int64_t quoted) {
    struct mam_quote message;
    mam_quote_init(&message);
    message.instrument = book->set.id;
    message.bid = book->bid;
    message.ask = book->ask;
    message.bid_volume = book->bid_volume;
    message.ask_volume = book->ask_volume;
    message.quoted = quoted;
    return mam_station_send(&lp->station, &message);
}

/* The quote of a tick, markup and chance included; a crossed tick of the file stays crossed. */
static void price_tick(const struct mam_lp *lp, uint64_t at, struct book *book) {
    const struct mam_lp_tick *tick = &lp->ticks[at];
    book->bid = tick->bid > book->set.markup ? tick->bid - book->set.markup : tick->bid;
    book->ask = tick->ask + book->set.markup;
    book->bid_volume = size_of(lp, &book->set, at, 0);
    book->ask_volume = size_of(lp, &book->set, at, 1);
    if (book->bid < book->ask &&
        mam_mix(~lp->config.seed ^ mam_mix(at)) % 1000 < lp->config.crossed_per_mille) {
        int64_t bid = book->bid;
        book->bid = book->ask;
        book->ask = bid;
    }
}

static bool quote_next(struct mam_lp *lp) {
    const struct mam_lp_tick *tick = &lp->ticks[lp->next];
    struct book *book = find_book(lp, tick->instrument);
    if (book != NULL) {
        struct book quoted = *book;
        price_tick(lp, lp->next, &quoted);
        if (!send_quote(lp, &quoted, tick->time_ns)) {
            return false;
        }
        lp->counts.quotes++;
        if (quoted.bid > quoted.ask) {
            lp->counts.crossed++; /* it is sent as it is, but nobody can deal on it */
        } else {
            *book = quoted;
        }
    }
    lp->next++;
    return true;
}

static bool quote_due(struct mam_lp *lp) {
    bool any = false;
    for (int i = 0; i < QUOTES_A_POLL && lp->next < lp->released; i++) {
        int64_t now = lp->interval_ns > 0 ? mam_now_ns(CLOCK_MONOTONIC) : 0;
        if ((lp->interval_ns > 0 && now < lp->not_before_ns) || !quote_next(lp)) {
            break;
        }
        lp->not_before_ns = now + lp->interval_ns;
        any = true;
    }
    return any;
}

static void withdraw_due(struct mam_lp *lp) {
    while (lp->withdraw_at != NONE) {
        if (lp->withdraw_at == lp->book_count) {
            lp->withdraw_at = NONE;
            return;
        }
        struct book empty = {.set = lp->books[lp->withdraw_at].set};
        if (!send_quote(lp, &empty, mam_now_ns(CLOCK_REALTIME))) {
            return;
        }
        lp->books[lp->withdraw_at++] = empty;
    }
}

/* ---- legs ---- */

static void reject_leg(struct mam_lp *lp, struct mam_lp_leg *leg, uint32_t code) {
    leg->rejected = 1;
    leg->code = code;
    lp->counts.rejected++;
}

/* Fills `volume`; half of the fills come in two parts, the second one point worse if the limit allows it. */
static void fill_leg(const struct book *book, struct mam_lp_leg *leg, int64_t volume, int64_t price,
                     uint64_t dice) {
    int64_t worse = leg->side == 0 ? price + book->set.point : price - book->set.point;
    int64_t half = volume / 2 / book->set.step * book->set.step;
    bool allowed = leg->limit == 0 || (leg->side == 0 ? worse <= leg->limit : worse >= leg->limit);
    leg->filled[0] = (dice & 1) != 0 ? volume - half : volume;
    leg->filled[1] = volume - leg->filled[0];
    leg->price[0] = price;
    leg->price[1] = allowed && worse > 0 ? worse : price;
    leg->code = volume == leg->asked ? CODE_DONE : CODE_PARTIAL;
}

static void decide_leg(struct mam_lp *lp, struct mam_lp_leg *leg) {
    const struct book *book = find_book(lp, leg->instrument);
    int64_t price = book == NULL ? 0 : leg->side == 0 ? book->ask : book->bid;
    int64_t size = book == NULL ? 0 : leg->side == 0 ? book->ask_volume : book->bid_volume;
    uint64_t dice = mam_mix(lp->config.seed ^ mam_mix(0x1e9 + (uint64_t)lp->counts.legs));
    uint32_t chance = (uint32_t)(dice % 1000);
    const struct mam_lp_config *config = &lp->config;
    bool outside = leg->limit != 0 && (leg->side == 0 ? price > leg->limit : price < leg->limit);
    if (price == 0 || leg->asked <= 0 || leg->asked % book->set.step != 0 || outside) {
        reject_leg(lp, leg, CODE_OFF_QUOTES);
        return;
    }
    if (chance < config->reject_per_mille) {
        reject_leg(lp, leg, CODE_REJECTED);
        return;
    }
    chance -= config->reject_per_mille;
    if (chance < config->silent_per_mille) {
        leg->silent = 1;
        lp->counts.silent++;
        return;
    }
    chance -= config->silent_per_mille;
    int64_t volume = leg->asked < size ? leg->asked : size;
    if (chance < config->partial_per_mille) {
        volume = volume / 4 * (int64_t)(1 + (dice >> 32) % 3) / book->set.step * book->set.step;
    }
    lp->counts.partials += volume < leg->asked;
    fill_leg(book, leg, volume, price, dice >> 16);
}

/* How many reports the answer has: trades, then an end when it was not filled whole. */
static uint32_t report_count(const struct mam_lp_leg *leg) {
    if (leg->silent) {
        return 0;
    }
    uint32_t trades = (uint32_t)(leg->filled[0] > 0) + (uint32_t)(leg->filled[1] > 0);
    return trades + (leg->rejected || leg->filled[0] + leg->filled[1] < leg->asked || leg->asked == 0);
}

static void reply(struct mam_lp *lp, uint32_t leg, uint32_t from) {
    lp->replies[lp->replies_tail++ & (lp->replies_size - 1)] = (struct reply){.leg = leg, .from = from};
}

static uint32_t find_leg(const struct mam_lp *lp, uint32_t block, uint32_t leg) {
    return mam_map_get(&lp->leg_keys, (uint64_t)block << 32 | leg);
}

/* NONE: the table is full. A leg that cannot be kept cannot be answered twice alike, so it is not answered at
 * all. */
static uint32_t new_leg(struct mam_lp *lp, uint32_t block, uint32_t leg) {
    if (lp->leg_count == lp->config.max_legs) {
        return NONE;
    }
    uint32_t index = lp->leg_count++;
    lp->legs[index] = (struct mam_lp_leg){
        .block = block, .leg = leg, .execution = FIRST_EXECUTION + (uint64_t)index * REPORTS_A_LEG};
    mam_map_put(&lp->leg_keys, (uint64_t)block << 32 | leg, index);
    return index;
}

static void on_leg(struct mam_lp *lp, const struct mam_leg *message) {
    uint32_t index = find_leg(lp, message->block, message->leg);
    if (index != NONE) {
        const struct mam_lp_leg *known = &lp->legs[index];
        bool same = known->asked == message->volume && known->limit == message->price &&
                    known->instrument == message->instrument && known->side == message->side;
        lp->counts.repeated++;
        lp->counts.changed_repeats += !same && known->asked != 0;
        reply(lp, index, 0);
        return;
    }
    index = new_leg(lp, message->block, message->leg);
    if (index == NONE) {
        lp->counts.silent++;
        return;
    }
    struct mam_lp_leg *leg = &lp->legs[index];
    leg->asked = message->volume;
    leg->limit = message->price;
    leg->instrument = message->instrument;
    leg->side = message->side;
    lp->counts.legs++;
    decide_leg(lp, leg);
    reply(lp, index, 0);
}

/* A cancel asks how it ended: the last report of the answer again. A silent leg is answered at last: nothing
 * filled. */
static void on_cancel(struct mam_lp *lp, const struct mam_leg_cancel *message) {
    uint32_t index = find_leg(lp, message->block, message->leg);
    lp->counts.cancels++;
    if (index == NONE) {
        index = new_leg(lp, message->block, message->leg);
        if (index == NONE) {
            return;
        }
    }
    struct mam_lp_leg *leg = &lp->legs[index];
    leg->silent = 0;
    uint32_t count = report_count(leg);
    reply(lp, index, count == 0 ? 0 : count - 1);
}

static bool send_execution(struct mam_lp *lp, const struct mam_lp_leg *leg, uint32_t at) {
    struct mam_execution message;
    uint32_t trades = (uint32_t)(leg->filled[0] > 0) + (uint32_t)(leg->filled[1] > 0);
    mam_execution_init(&message);
    message.block = leg->block;
    message.leg = leg->leg;
    message.execution = leg->execution + at;
    message.code = leg->code;
    message.executed = mam_now_ns(CLOCK_REALTIME);
    message.cumulative = leg->filled[0] + (at > 0 ? leg->filled[1] : 0);
    if (at < trades) {
        message.kind = MAM_EXECUTION_KIND_TRADE;
        message.volume = leg->filled[at];
        message.price = leg->price[at];
    } else {
        message.kind = leg->rejected ? MAM_EXECUTION_KIND_REJECTED : MAM_EXECUTION_KIND_ENDED;
    }
    if (!mam_station_send(&lp->station, &message)) {
        return false;
    }
    lp->counts.trades += at < trades;
    return true;
}

static bool send_replies(struct mam_lp *lp) {
    while (lp->replies_head != lp->replies_tail) {
        struct reply *due = &lp->replies[lp->replies_head & (lp->replies_size - 1)];
        const struct mam_lp_leg *leg = &lp->legs[due->leg];
        while (due->from < report_count(leg)) {
            if (!send_execution(lp, leg, due->from)) {
                return false;
            }
            due->from++;
        }
        lp->replies_head++;
    }
    return true;
}

/* ---- the loop ---- */

static void on_message(struct mam_lp *lp, const void *bytes, int32_t length, int32_t type) {
    const struct mam_any_message *any = bytes;
    uint16_t field = 0;
    if (length < 16 || length > MAM_MESSAGE_LENGTH_MAX ||
        mam_message_check(bytes, (uint32_t)length, &field) != MAM_REASON_NONE ||
        any->header.template_id != type) {
        lp->counts.malformed++;
        return;
    }
    lp->counts.gaps += lp->station.seen != 0 && any->sequence > lp->station.seen + 1;
    lp->station.seen = any->sequence > lp->station.seen ? any->sequence : lp->station.seen;
    if (type == MAM_LEG_ID) {
        on_leg(lp, bytes);
        if (lp->stand_still) {
            lp->stand_still = false;
            raise(SIGSTOP); /* whoever wanted it lets us go on */
        }
    } else if (type == MAM_LEG_CANCEL_ID) {
        on_cancel(lp, bytes);
    } else if (type == MAM_REJECT_ID) {
        lp->counts.rejects++;
    }
}

static bool receive(struct mam_lp *lp) {
    uint64_t bytes[(MAM_MESSAGE_LENGTH_MAX + 7) / 8];
    bool any = false;
    while (lp->replies_tail - lp->replies_head < lp->replies_size) {
        int32_t type = 0;
        int32_t length = mam_ring_read(&lp->station.bridge.out, bytes, sizeof bytes, &type);
        if (length < 0) {
            break;
        }
        on_message(lp, bytes, length, type);
        any = true;
    }
    return any;
}

int mam_lp_poll(struct mam_lp *lp, int64_t slice_ns) {
    int64_t end = mam_now_ns(CLOCK_MONOTONIC) + slice_ns;
    int64_t now = 0;
    do {
        bool busy = receive(lp);
        bool sent_all = send_replies(lp);
        busy |= sent_all && quote_due(lp);
        withdraw_due(lp);
        now = mam_now_ns(CLOCK_MONOTONIC);
        int status = mam_station_beat(&lp->station, now);
        lp->counts.sent = (int64_t)lp->station.sent;
        if (status != 0) {
            return status;
        }
        if (!busy && sent_all && !lp->announced && lp->next >= lp->released && lp->withdraw_at == NONE) {
            lp->announced = true;
            return 1;
        }
        if (busy) {
            lp->station.idle = 0;
        } else {
            mam_station_rest(&lp->station, false);
        }
    } while (now < end);
    return 0;
}
