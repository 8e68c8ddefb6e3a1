#include "outbox.h"

#include <stdlib.h>

#define ONE 100000000
#define ANSWERS_MAX 65536u
#define NONE UINT32_MAX
#define CLOSED_TOLD 64 /* of an account's closed positions, the newest */

bool mam_outbox_init(struct mam_outbox *outbox, uint32_t account_count, uint32_t max_bookings) {
    outbox->answers_size = 1024;
    while (outbox->answers_size < max_bookings && outbox->answers_size < ANSWERS_MAX) {
        outbox->answers_size *= 2;
    }
    outbox->account_count = account_count;
    outbox->answers = calloc(outbox->answers_size, sizeof *outbox->answers);
    outbox->states = calloc((size_t)account_count + 1, sizeof *outbox->states);
    outbox->state_queued = calloc((size_t)account_count + 1, sizeof *outbox->state_queued);
    outbox->tells = calloc((size_t)account_count + 1, sizeof *outbox->tells);
    return outbox->answers != NULL && outbox->states != NULL && outbox->state_queued != NULL &&
           outbox->tells != NULL;
}

void mam_outbox_free(struct mam_outbox *outbox) {
    free(outbox->answers);
    free(outbox->states);
    free(outbox->state_queued);
    free(outbox->tells);
    free(outbox->instruments);
}

void mam_outbox_reference(struct mam_outbox *outbox, const struct mam_ledger_instrument *instruments,
                          uint32_t count, uint32_t account_count) {
    outbox->account_count = account_count;
    outbox->instruments = calloc((size_t)count + 1, sizeof *outbox->instruments);
    for (uint32_t i = 0; outbox->instruments != NULL && i < count; i++) {
        outbox->instruments[outbox->instrument_count++] = instruments[i].id;
    }
}

uint32_t mam_outbox_room(const struct mam_outbox *outbox) {
    return outbox->answers_size - (outbox->answers_tail - outbox->answers_head);
}

void mam_outbox_answer(struct mam_outbox *outbox, const struct mam_outbox_answer *answer) {
    outbox->answers[outbox->answers_tail++ & (outbox->answers_size - 1)] = *answer;
}

void mam_outbox_state(struct mam_outbox *outbox, uint32_t account) {
    if (account >= outbox->account_count || outbox->state_queued[account]) {
        return;
    }
    outbox->state_queued[account] = true;
    outbox->states[outbox->states_tail++ % outbox->account_count] = account;
}

void mam_outbox_positions(struct mam_outbox *outbox, uint32_t account) {
    if (account < outbox->account_count) {
        outbox->tells[account] = true;
        mam_outbox_state(outbox, account);
    }
}

/* ---- reference data ---- */

static bool send_instrument(struct mam_station *station, const struct mam_ledger_instrument *set) {
    struct mam_instrument message;
    mam_instrument_init(&message);
    message.instrument = set->id;
    message.digits = (uint8_t)set->digits;
    message.calc_mode = (uint8_t)set->calc_mode;
    message.trade_mode = (uint8_t)set->trade_mode;
    memcpy(message.symbol, set->symbol, sizeof message.symbol);
    memcpy(message.base_currency, set->base, sizeof message.base_currency);
    memcpy(message.profit_currency, set->profit, sizeof message.profit_currency);
    bool by_price = set->calc_mode == MAM_CALC_MODE_CFD || set->calc_mode == MAM_CALC_MODE_CFD_LEVERAGE;
    memcpy(message.margin_currency, by_price ? set->profit : set->base, sizeof message.margin_currency);
    message.margin_hedged = 2 * set->contract_size; /* each of two opposite positions pays its own */
    message.contract_size = set->contract_size;
    message.volume_min = set->volume_min;
    message.volume_step = set->volume_step;
    message.volume_max = set->volume_max;
    message.tick_size = ONE;
    for (uint32_t i = 0; i < set->digits; i++) {
        message.tick_size /= 10;
    }
    message.margin_rate_buy = message.margin_rate_sell = ONE;
    message.maintenance_rate_buy = message.maintenance_rate_sell = ONE;
    return mam_station_send(station, &message);
}

static bool send_terms(const struct mam_outbox *outbox, struct mam_station *station) {
    struct mam_server_terms message;
    mam_server_terms_init(&message);
    message.batch = outbox->batch;
    message.window = outbox->window;
    message.platform = MAM_PLATFORM_MT5;
    return outbox->batch == 0 || mam_station_send(station, &message);
}

static uint8_t money_digits(const char currency[8]) {
    return memcmp(currency, "JPY", 4) == 0 ? 0 : 2;
}

static bool send_account(struct mam_station *station, const struct mam_ledger_account *set) {
    struct mam_account message;
    mam_account_init(&message);
    message.login = set->login;
    memcpy(message.currency, set->currency, sizeof message.currency);
    message.leverage = set->leverage;
    message.margin_mode = (uint8_t)set->margin_mode;
    message.trade_mode = (uint8_t)set->trade_mode;
    message.free_margin_mode = MAM_FREE_MARGIN_MODE_BOTH;
    message.stop_out_mode = MAM_STOP_OUT_MODE_PERCENT;
    message.margin_call = 100 * (int64_t)ONE;
    message.stop_out = 50 * (int64_t)ONE;
    message.money_digits = money_digits(set->currency);
    return mam_station_send(station, &message);
}

static bool send_state(struct mam_station *station, const struct mam_ledger *ledger, uint32_t account) {
    struct mam_account_state message;
    struct mam_ledger_figures figures = {0};
    uint64_t login = mam_ledger_account_at(ledger, account)->login;
    if (!mam_ledger_figures(ledger, login, &figures)) {
        return true; /* no price, no figures: nothing true can be said */
    }
    mam_account_state_init(&message);
    message.login = login;
    message.balance = figures.balance;
    message.credit = figures.credit;
    message.equity = figures.equity;
    message.margin = figures.margin;
    message.as_of = mam_now_ns(CLOCK_REALTIME);
    return mam_station_send(station, &message);
}

static bool send_position(struct mam_station *station, const struct mam_ledger *ledger, uint32_t account,
                          uint32_t at) {
    struct mam_ledger_position position;
    struct mam_position_state message;
    mam_ledger_position_at(ledger, at, &position);
    mam_position_state_init(&message);
    message.login = mam_ledger_account_at(ledger, account)->login;
    message.position = position.ticket;
    message.volume = position.volume;
    message.price_open = position.price;
    message.instrument = position.instrument;
    message.side = position.side;
    message.rate_margin = position.rate;
    message.as_of = mam_now_ns(CLOCK_REALTIME);
    return mam_station_send(station, &message);
}

/* False: the ring is full; it goes on after those that were told. */
static bool send_positions(struct mam_outbox *outbox, struct mam_station *station,
                           const struct mam_ledger *ledger, uint32_t account) {
    uint32_t count = 0, closed = 0;
    for (int over = 0; over < 2; over++) {
        uint32_t at = mam_ledger_first(ledger, account, over);
        for (; at != NONE && closed < CLOSED_TOLD; at = mam_ledger_next(ledger, at)) {
            closed += over != 0;
            if (count++ < outbox->told) {
                continue;
            }
            if (!send_position(station, ledger, account, at)) {
                return false;
            }
            outbox->told++;
        }
    }
    outbox->told = 0;
    outbox->tells[account] = false;
    return true;
}

/* Item `at` of: the terms, all instruments, then of each account itself and its state. */
static bool send_reference_item(const struct mam_outbox *outbox, struct mam_station *station,
                                const struct mam_ledger *ledger, uint32_t at) {
    if (at == 0) {
        return send_terms(outbox, station);
    }
    at--;
    if (at < outbox->instrument_count) {
        return send_instrument(station, mam_ledger_instrument_of(ledger, outbox->instruments[at]));
    }
    at -= outbox->instrument_count;
    if (at % 2 == 1 && outbox->tells[at / 2]) {
        return true; /* after its positions */
    }
    return at % 2 == 0 ? send_account(station, mam_ledger_account_at(ledger, at / 2))
                       : send_state(station, ledger, at / 2);
}

static bool flush_reference(struct mam_outbox *outbox, struct mam_station *station,
                            const struct mam_ledger *ledger) {
    if (!outbox->reference_left) {
        return true;
    }
    uint32_t items = 1 + outbox->instrument_count + 2 * outbox->account_count;
    while (outbox->reference_at < items) {
        if (!send_reference_item(outbox, station, ledger, outbox->reference_at)) {
            return false;
        }
        outbox->reference_at++;
    }
    outbox->reference_left = false;
    return true;
}

/* ---- answers and states ---- */

static bool send_answer(struct mam_station *station, const struct mam_desk *desk,
                        const struct mam_outbox_answer *answer) {
    const struct mam_desk_booking *bookings;
    uint32_t count = mam_desk_bookings(desk, &bookings);
    struct mam_booking_report message;
    mam_booking_report_init(&message);
    message.block = answer->block;
    message.child = answer->child;
    message.login = answer->login;
    message.code = answer->code;
    message.status = MAM_BOOKING_STATUS_CODED; /* the engine reads the code as MT5's */
    if (answer->booking < count && answer->code == MAM_CODE_DONE) {
        const struct mam_desk_booking *booking = &bookings[answer->booking];
        message.deal = booking->deal;
        message.position = booking->position;
        message.volume = booking->asked.deal.volume;
        message.price = booking->asked.deal.price;
    }
    return mam_station_send(station, &message);
}

static bool flush_states(struct mam_outbox *outbox, struct mam_station *station,
                         const struct mam_ledger *ledger, struct mam_server_counts *counts) {
    while (outbox->states_head != outbox->states_tail) {
        uint32_t account = outbox->states[outbox->states_head % outbox->account_count];
        if ((outbox->tells[account] && !send_positions(outbox, station, ledger, account)) ||
            !send_state(station, ledger, account)) {
            return false;
        }
        outbox->state_queued[account] = false;
        outbox->states_head++;
        counts->states++;
    }
    outbox->states_head = outbox->states_tail = 0;
    return true;
}

bool mam_outbox_flush(struct mam_outbox *outbox, struct mam_station *station, const struct mam_ledger *ledger,
                      const struct mam_desk *desk, struct mam_server_counts *counts) {
    if (!flush_reference(outbox, station, ledger)) {
        return false;
    }
    while (outbox->answers_head != outbox->answers_tail) {
        if (!send_answer(station, desk,
                         &outbox->answers[outbox->answers_head & (outbox->answers_size - 1)])) {
            return false;
        }
        outbox->unanswered -= !outbox->answers[outbox->answers_head & (outbox->answers_size - 1)].again;
        outbox->answers_head++;
        counts->reports++;
    }
    return flush_states(outbox, station, ledger, counts);
}

/* ---- the masters' messages ---- */

/* The master's position has the ticket of the order that opened it, as on MT5. */
static uint64_t master_position(const struct mam_desk_order *order, uint32_t number) {
    return mam_desk_order_ticket(order->closes == 0 ? number : order->closes);
}

bool mam_outbox_deal(struct mam_station *station, const struct mam_desk_order *order, uint32_t number) {
    struct mam_master_deal message;
    mam_master_deal_init(&message);
    message.deal = mam_desk_deal_ticket(number);
    message.order = mam_desk_order_ticket(number);
    message.group = order->group;
    message.instrument = order->instrument;
    message.volume = order->executed;
    message.price = order->price;
    message.position = master_position(order, number);
    message.executed = mam_now_ns(CLOCK_REALTIME);
    message.side = order->side;
    message.entry = order->closes != 0;
    return mam_station_send(station, &message);
}

bool mam_outbox_order(struct mam_station *station, const struct mam_desk_order *order, uint32_t number) {
    struct mam_master_order message;
    mam_master_order_init(&message);
    message.order = mam_desk_order_ticket(number);
    message.group = order->group;
    message.instrument = order->instrument;
    message.volume = order->executed;
    message.price = order->price;
    message.deviation = order->deviation;
    message.position = order->closes == 0 ? 0 : master_position(order, number);
    message.side = order->side;
    message.entry = order->closes != 0;
    return mam_station_send(station, &message);
}
