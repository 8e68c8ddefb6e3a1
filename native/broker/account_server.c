#include "station.h"

#include "account_server.h"

#include <signal.h>
#include <stdlib.h>

#include "map.h"
#include "outbox.h"

#define NONE UINT32_MAX
#define INBOX 256

/* A message as it was read, and when. */
struct letter {
    int64_t seen_ns;
    int32_t length;
    int32_t type;
    uint64_t bytes[(MAM_MESSAGE_LENGTH_MAX + 7) / 8];
};

struct group {
    uint32_t next;   /* number of its next order; 0: none */
    uint32_t active; /* number of the order at work; 0: none */
};

struct mam_server {
    struct mam_station station;
    struct mam_ledger *ledger;
    struct mam_desk *desk;
    struct mam_desk_order *orders;
    uint32_t *follower;  /* [number]: the group's order after this one */
    int64_t *last_child; /* [number]: when its last child was read */
    struct group *groups;
    uint32_t order_count, group_count, at_work, released, in_flight_limit, turn;
    uint32_t send_states;
    uint32_t batch, window;        /* as told; 0: none */
    uint32_t last_batch, in_batch; /* the newest call's number, and its Bookings so far */
    bool announced;                /* that all is complete has been returned */
    bool stand_still;              /* at the next Booking */
    int64_t interval_ns, not_before_ns;
    struct mam_outbox outbox;
    struct mam_server_counts counts;
    struct letter inbox[INBOX];
};

/* ---- set-up ---- */

static bool queue_orders(struct mam_server *server) {
    struct mam_map seen;
    uint32_t *last = calloc((size_t)server->order_count + 1, sizeof *last);
    bool good = mam_map_init(&seen, server->order_count) && last != NULL;
    for (uint32_t number = 1; good && number <= server->order_count; number++) {
        uint32_t group = server->orders[number - 1].group;
        uint32_t index = mam_map_get(&seen, group);
        if (index == MAM_MAP_NONE) {
            index = server->group_count++;
            good = mam_map_put(&seen, group, index);
            server->groups[index].next = number;
        } else {
            server->follower[last[index]] = number;
        }
        last[index] = number;
    }
    mam_map_free(&seen);
    free(last);
    return good;
}

static bool reserve(struct mam_server *server, const struct mam_desk_order *orders, uint32_t order_count,
                    uint32_t account_count, const struct mam_server_config *config) {
    server->orders = calloc((size_t)order_count + 1, sizeof *server->orders);
    server->follower = calloc((size_t)order_count + 1, sizeof *server->follower);
    server->last_child = calloc((size_t)order_count + 1, sizeof *server->last_child);
    server->groups = calloc((size_t)order_count + 1, sizeof *server->groups);
    if (server->orders == NULL || server->follower == NULL || server->last_child == NULL ||
        server->groups == NULL) {
        return false;
    }
    if (order_count != 0) {
        memcpy(server->orders, orders, order_count * sizeof *orders);
    }
    server->order_count = order_count;
    server->send_states = config->send_states;
    server->batch = config->batch;
    server->window = config->window;
    server->outbox.batch = config->batch;
    server->outbox.window = config->window;
    return mam_outbox_init(&server->outbox, account_count, config->max_bookings);
}

struct mam_server *mam_server_new(const struct mam_ledger_instrument *instruments, uint32_t instrument_count,
                                  const struct mam_ledger_account *accounts, uint32_t account_count,
                                  const struct mam_desk_order *orders, uint32_t order_count,
                                  const struct mam_server_config *config) {
    struct mam_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->ledger =
        mam_ledger_new(instruments, instrument_count, accounts, account_count, config->max_bookings);
    if (server->ledger != NULL && reserve(server, orders, order_count, account_count, config)) {
        server->desk = mam_desk_new(server->ledger, server->orders, order_count, config->max_bookings,
                                    config->seed, config->refuse_per_mille);
        server->announced = true;
        if (server->desk != NULL && config->window != 0) {
            mam_desk_set_windowed(server->desk);
        }
        mam_outbox_reference(&server->outbox, instruments, instrument_count, account_count);
    }
    if (server->desk == NULL || !queue_orders(server)) {
        mam_server_free(server);
        return NULL;
    }
    return server;
}

void mam_server_free(struct mam_server *server) {
    if (server == NULL) {
        return;
    }
    mam_station_detach(&server->station);
    mam_desk_free(server->desk);
    mam_ledger_free(server->ledger);
    mam_outbox_free(&server->outbox);
    free(server->orders);
    free(server->follower);
    free(server->last_child);
    free(server->groups);
    free(server);
}

int mam_server_attach(struct mam_server *server, const char *instance, const char *bridge) {
    return mam_station_attach(&server->station, instance, bridge, MAM_ROLE_BROKER);
}

int mam_server_lend(struct mam_server *server, void *in, uint64_t in_length, void *out, uint64_t out_length) {
    return mam_station_lend(&server->station, in, in_length, out, out_length);
}

/* ---- what Python asks ---- */

void mam_server_send_reference(struct mam_server *server) {
    server->outbox.reference_left = true;
    server->outbox.reference_at = 0;
    server->announced = false;
}

int mam_server_price(struct mam_server *server, uint32_t instrument, int64_t bid, int64_t ask) {
    return mam_ledger_price(server->ledger, instrument, bid, ask);
}

void mam_server_release(struct mam_server *server, uint32_t until, uint32_t in_flight, int64_t interval_ns) {
    server->released = until < server->order_count ? until : server->order_count;
    server->in_flight_limit = in_flight == 0 ? NONE : in_flight;
    server->interval_ns = interval_ns;
    server->announced = false;
}

const struct mam_desk_order *mam_server_orders(const struct mam_server *server) {
    return server->orders;
}

const struct mam_server_counts *mam_server_counts(const struct mam_server *server) {
    return &server->counts;
}

struct mam_desk *mam_server_desk(struct mam_server *server) {
    return server->desk;
}

struct mam_ledger *mam_server_ledger(struct mam_server *server) {
    return server->ledger;
}

const char *mam_server_error(int status) {
    return mam_error_text(status);
}

void mam_server_stand_still(struct mam_server *server, int wanted) {
    server->stand_still = wanted != 0;
}

/* ---- what the engine says ---- */

/* The terms that the server told: so many in a call, so many without an answer. */
static void check_terms(struct mam_server *server, const struct mam_booking *message) {
    struct mam_violation_detail detail = {
        .block = message->block, .child = message->child, .login = message->login};
    bool same = server->last_batch == message->batch && server->in_batch > 0;
    server->in_batch = same ? server->in_batch + 1 : 1;
    server->last_batch = message->batch;
    server->counts.batches += !same;
    if (server->in_batch > server->counts.batch_most) {
        server->counts.batch_most = server->in_batch;
    }
    if (server->batch != 0 && (server->in_batch > server->batch || message->batch == 0)) {
        detail.expected = server->batch;
        detail.found = server->in_batch;
        mam_desk_violate(server->desk, MAM_VIOLATION_BATCH, &detail);
    }
    uint32_t waiting = ++server->outbox.unanswered;
    if (waiting > server->counts.waiting_most) {
        server->counts.waiting_most = waiting;
    }
    if (server->window != 0 && waiting > server->window) {
        detail.expected = server->window;
        detail.found = waiting;
        mam_desk_violate(server->desk, MAM_VIOLATION_WINDOW, &detail);
    }
}

static void on_booking(struct mam_server *server, const struct letter *letter) {
    const struct mam_booking *message = (const struct mam_booking *)letter->bytes;
    const struct mam_booking_request request = {.block = message->block,
                                                .child = message->child,
                                                .deal = {.login = message->login,
                                                         .position = message->position,
                                                         .volume = message->volume,
                                                         .price = message->price,
                                                         .instrument = message->instrument,
                                                         .side = message->side,
                                                         .entry = message->entry}};
    const struct mam_desk_booking *bookings;
    uint32_t before = mam_desk_bookings(server->desk, &bookings);
    struct mam_outbox_answer answer = {
        .block = message->block, .child = message->child, .login = message->login};
    answer.booking = mam_desk_book(server->desk, &request, &answer.code);
    bool fresh = mam_desk_bookings(server->desk, &bookings) != before;
    answer.again = !fresh; /* only what was asked for the first time is under the terms */
    if (fresh) {
        check_terms(server, message);
        server->counts.children++;
        server->last_child[bookings[answer.booking].order] = letter->seen_ns;
    }
    mam_outbox_answer(&server->outbox, &answer);
}

static struct group *group_at_work(struct mam_server *server, uint32_t number) {
    for (uint32_t i = 0; i < server->group_count; i++) {
        if (server->groups[i].active == number) {
            return &server->groups[i];
        }
    }
    return NULL;
}

/* An order has ended: its group may go on, once the states of its accounts are sent. */
static void release_group(struct mam_server *server, uint32_t number) {
    struct group *group = group_at_work(server, number);
    if (group == NULL) {
        return;
    }
    group->active = 0;
    server->at_work--;
    if (server->send_states == 0) {
        return;
    }
    const struct mam_desk_booking *bookings;
    mam_desk_bookings(server->desk, &bookings);
    for (uint32_t at = mam_desk_first_booking(server->desk, number); at != NONE; at = bookings[at].next) {
        mam_outbox_state(&server->outbox, mam_ledger_find(server->ledger, bookings[at].asked.deal.login));
    }
}

static void on_report(struct mam_server *server, const struct letter *letter) {
    const struct mam_master_report *message = (const struct mam_master_report *)letter->bytes;
    const struct mam_block_report report = {.order = message->order,
                                            .deal = message->deal,
                                            .group = message->group,
                                            .block = message->block,
                                            .volume = message->volume,
                                            .filled = message->filled,
                                            .allocated = message->allocated,
                                            .house = message->house,
                                            .price = message->price,
                                            .children = message->children,
                                            .status = message->status};
    uint32_t ended = mam_desk_report(server->desk, &report);
    uint32_t number = message->block == 0 ? 0 : mam_desk_order_of(server->desk, message->block);
    bool all_seen =
        message->status == MAM_BLOCK_STATUS_ALLOCATING || message->status == MAM_BLOCK_STATUS_DONE;
    if (number != 0 && all_seen) {
        struct mam_desk_order *order = &server->orders[number - 1];
        if (server->last_child[number] != 0) { /* again at the end: some may have waited for the window */
            order->latency_ns = server->last_child[number] - order->sent_ns;
        }
    }
    if (ended != 0) {
        release_group(server, ended);
    }
}

/* The engine refused one of our messages. If it was an order at work, that order has ended. */
static void on_reject(struct mam_server *server, const struct letter *letter) {
    const struct mam_reject *message = (const struct mam_reject *)letter->bytes;
    server->counts.rejects++;
    for (uint32_t i = 0; i < server->group_count; i++) {
        uint32_t number = server->groups[i].active;
        if (number != 0 && server->orders[number - 1].sequence == message->ref_sequence) {
            mam_desk_reject(server->desk, number);
            release_group(server, number);
            return;
        }
    }
}

/* The engine asks for an account's figures, or for all that there is. */
static void on_resync(struct mam_server *server, const struct letter *letter) {
    const struct mam_resync *message = (const struct mam_resync *)letter->bytes;
    if (message->login == 0) {
        server->outbox.reference_left = true;
        server->outbox.reference_at = 0;
        for (uint32_t i = 0; i < server->outbox.account_count; i++) {
            mam_outbox_positions(&server->outbox, i);
        }
        return;
    }
    uint32_t account = mam_ledger_find(server->ledger, message->login);
    if (account != NONE) {
        mam_outbox_positions(&server->outbox, account);
    }
}

/* What became of each booking of a block, again. Those that are not answered yet are in the outbox anyway, so
 * where it is full nothing is lost. */
static void on_query(struct mam_server *server, const struct letter *letter) {
    const struct mam_booking_query *message = (const struct mam_booking_query *)letter->bytes;
    uint32_t number = mam_desk_order_of(server->desk, message->block);
    const struct mam_desk_booking *bookings;
    mam_desk_bookings(server->desk, &bookings);
    server->counts.queries++;
    uint32_t at = number == 0 ? NONE : mam_desk_first_booking(server->desk, number);
    for (; at != NONE && mam_outbox_room(&server->outbox) > INBOX; at = bookings[at].next) {
        mam_outbox_answer(&server->outbox, &(struct mam_outbox_answer){.booking = at,
                                                                       .code = bookings[at].code,
                                                                       .block = bookings[at].asked.block,
                                                                       .child = bookings[at].asked.child,
                                                                       .login = bookings[at].asked.deal.login,
                                                                       .again = true});
    }
}

static void check_sequence(struct mam_server *server, uint64_t sequence) {
    uint64_t last = server->station.seen;
    if (last != 0 && sequence > last + 1) {
        const struct mam_violation_detail detail = {.expected = (int64_t)last + 1,
                                                    .found = (int64_t)sequence};
        mam_desk_violate(server->desk, MAM_VIOLATION_GAP, &detail);
    }
    server->station.seen = sequence > last ? sequence : last;
}

static void on_letter(struct mam_server *server, const struct letter *letter) {
    const struct mam_any_message *any = (const struct mam_any_message *)letter->bytes;
    uint16_t field = 0;
    if (letter->length < 16 || letter->length > MAM_MESSAGE_LENGTH_MAX ||
        mam_message_check(letter->bytes, (uint32_t)letter->length, &field) != MAM_REASON_NONE ||
        any->header.template_id != letter->type) {
        const struct mam_violation_detail detail = {.expected = letter->type, .found = letter->length};
        mam_desk_violate(server->desk, MAM_VIOLATION_MALFORMED, &detail);
        return;
    }
    check_sequence(server, any->sequence);
    switch (any->header.template_id) {
    case MAM_BOOKING_ID:
        on_booking(server, letter);
        break;
    case MAM_MASTER_REPORT_ID:
        on_report(server, letter);
        break;
    case MAM_REJECT_ID:
        on_reject(server, letter);
        break;
    case MAM_RISK_ALERT_ID:
        server->counts.alerts++;
        break;
    case MAM_BOOKING_QUERY_ID:
        on_query(server, letter);
        break;
    case MAM_RESYNC_ID:
        on_resync(server, letter);
        break;
    default:
        break;
    }
}

/* Reads and stamps what is there, then works on it. Stops reading while too many answers wait. */
static bool receive(struct mam_server *server) {
    uint32_t count = 0;
    bool booked = false;
    uint32_t room = mam_outbox_room(&server->outbox);
    struct mam_ring *ring = &server->station.bridge.out;
    while (count < INBOX && count < room) {
        struct letter *letter = &server->inbox[count];
        letter->length = mam_ring_take(ring, letter->bytes, sizeof letter->bytes, &letter->type);
        if (letter->length < 0) {
            break;
        }
        letter->seen_ns = mam_now_ns(CLOCK_MONOTONIC);
        booked |= letter->type == MAM_BOOKING_ID;
        count++;
    }
    mam_ring_publish(ring);
    if (booked && server->stand_still) {
        server->stand_still = false;
        raise(SIGSTOP); /* whoever wanted it lets us go on */
    }
    for (uint32_t i = 0; i < count; i++) {
        on_letter(server, &server->inbox[i]);
    }
    return count != 0;
}

/* ---- the masters ---- */

static bool send_master(struct mam_server *server, uint32_t number) {
    struct mam_desk_order *order = &server->orders[number - 1];
    order->sequence = server->station.sent + 1;
    order->sent_ns = mam_now_ns(CLOCK_MONOTONIC);
    bool sent = order->execution == 0 ? mam_outbox_deal(&server->station, order, number)
                                      : mam_outbox_order(&server->station, order, number);
    return sent;
}

/* 1: sent or skipped; 0: it cannot go now; -1: no price. */
static int submit(struct mam_server *server, struct group *group) {
    uint32_t number = group->next;
    if (mam_ring_free(&server->station.bridge.in, MAM_MESSAGE_LENGTH_MAX, MAM_MESSAGE_LENGTH_MAX) <
        MAM_MESSAGE_LENGTH_MAX) {
        return 0;
    }
    int due = mam_desk_submit(server->desk, number);
    if (due < 0) {
        return -1;
    }
    group->next = server->follower[number];
    if (due == 0) {
        return 1;
    }
    group->active = number;
    server->at_work++;
    /* There is room: mam_ring_free said so, and nobody else writes into this ring. */
    return send_master(server, number) ? 1 : -1;
}

/* Each group that is free sends its next released order; the groups take turns. */
static int submit_due(struct mam_server *server, bool *left) {
    int status = 0;
    *left = false;
    for (uint32_t i = 0; i < server->group_count; i++) {
        struct group *group = &server->groups[(server->turn + i) % server->group_count];
        if (group->next == 0 || group->next > server->released) {
            continue;
        }
        *left = true;
        if (group->active != 0 || server->at_work >= server->in_flight_limit) {
            continue;
        }
        int64_t now = server->interval_ns > 0 ? mam_now_ns(CLOCK_MONOTONIC) : 0;
        if (now < server->not_before_ns && server->interval_ns > 0) {
            continue;
        }
        int done = submit(server, group);
        if (done < 0) {
            return done;
        }
        server->not_before_ns = now + server->interval_ns;
        status |= done;
    }
    server->turn++;
    return status;
}

/* One round: read, answer, send what is due. Sets `busy`: something was done; `complete`: nothing is left. */
static int step(struct mam_server *server, bool *busy, bool *complete) {
    bool left = false;
    *busy = receive(server);
    *complete = false;
    if (!mam_outbox_flush(&server->outbox, &server->station, server->ledger, server->desk, &server->counts)) {
        return 0;
    }
    int submitted = submit_due(server, &left);
    *busy |= submitted > 0;
    *complete = !*busy && !left && server->at_work == 0;
    return submitted;
}

int mam_server_poll(struct mam_server *server, int64_t slice_ns) {
    int64_t end = mam_now_ns(CLOCK_MONOTONIC) + slice_ns;
    int64_t now = 0;
    do {
        bool busy, complete;
        int submitted = step(server, &busy, &complete);
        now = mam_now_ns(CLOCK_MONOTONIC);
        int status = mam_station_beat(&server->station, now);
        server->counts.backpressure = server->station.full;
        server->counts.sent = (int64_t)server->station.sent;
        if (status != 0 || submitted < 0) {
            return status != 0 ? status : MAM_SERVER_NO_PRICE;
        }
        if (complete && !server->announced) {
            server->announced = true;
            return MAM_SERVER_COMPLETE;
        }
        if (busy) {
            server->station.idle = 0;
        } else {
            mam_station_rest(&server->station, server->at_work != 0);
        }
    } while (now < end);
    return MAM_SERVER_WORKING;
}
