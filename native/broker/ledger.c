#include "ledger.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "money.h"

#define NONE UINT32_MAX
#define FIRST_POSITION 3000000001u /* tickets are FIRST_POSITION + index */
#define MAX_INSTRUMENTS 64u
#define MAX_CURRENCIES 16u
#define ONE 100000000 /* 1 in units of 1e-8 */

enum { TRADE_DISABLED, TRADE_LONG_ONLY, TRADE_SHORT_ONLY, TRADE_CLOSE_ONLY, TRADE_FULL };
enum { CALC_FOREX = 0, CALC_CFD = 2, CALC_CFD_LEVERAGE = 4, CALC_FOREX_NO_LEVERAGE = 5 };
enum { MARGIN_NETTING = 0, MARGIN_HEDGING = 2 };

struct instrument {
    struct mam_ledger_instrument set;
    uint32_t base, profit; /* currency indexes */
    int64_t bid, ask;
};

struct account {
    struct mam_ledger_account set; /* balance is live */
    uint32_t currency;
    uint32_t first;  /* its open positions: a doubly linked list */
    uint32_t closed; /* those that were: through next */
    int64_t margin;
};

struct position {
    uint32_t account, instrument; /* indexes */
    uint32_t next, previous;
    int64_t volume; /* 0: closed */
    int64_t price;
    int64_t margin;
    uint8_t side;
};

struct mam_ledger {
    struct instrument *instruments;
    struct account *accounts;
    struct position *positions;
    struct mam_map logins;
    uint32_t instrument_count, account_count, position_count, max_positions;
    char currencies[MAX_CURRENCIES][8];
    uint32_t currency_count;
};

/* ---- set-up ---- */

static uint32_t currency_index(struct mam_ledger *ledger, const char name[8]) {
    for (uint32_t i = 0; i < ledger->currency_count; i++) {
        if (memcmp(ledger->currencies[i], name, 8) == 0) {
            return i;
        }
    }
    if (ledger->currency_count == MAX_CURRENCIES || name[0] == 0) {
        return NONE;
    }
    memcpy(ledger->currencies[ledger->currency_count], name, 8);
    return ledger->currency_count++;
}

static bool known_calc_mode(uint32_t mode) {
    return mode == CALC_FOREX || mode == CALC_CFD || mode == CALC_CFD_LEVERAGE ||
           mode == CALC_FOREX_NO_LEVERAGE;
}

static bool add_instrument(struct mam_ledger *ledger, const struct mam_ledger_instrument *set) {
    struct instrument *instrument = &ledger->instruments[ledger->instrument_count];
    if (set->id == 0 || mam_ledger_instrument_of(ledger, set->id) != NULL || set->digits > 8 ||
        !known_calc_mode(set->calc_mode) || set->trade_mode > TRADE_FULL || set->contract_size <= 0 ||
        set->volume_step <= 0 || set->volume_min <= 0 || set->volume_max < set->volume_min) {
        return false;
    }
    instrument->set = *set;
    instrument->base = currency_index(ledger, set->base);
    instrument->profit = currency_index(ledger, set->profit);
    ledger->instrument_count++;
    return instrument->base != NONE && instrument->profit != NONE;
}

static bool add_account(struct mam_ledger *ledger, const struct mam_ledger_account *set) {
    struct account *account = &ledger->accounts[ledger->account_count];
    if (set->login == 0 || set->leverage == 0 || set->trade_mode > TRADE_FULL ||
        (set->margin_mode != MARGIN_NETTING && set->margin_mode != MARGIN_HEDGING) ||
        mam_map_get(&ledger->logins, set->login) != MAM_MAP_NONE) {
        return false;
    }
    account->set = *set;
    account->currency = currency_index(ledger, set->currency);
    account->first = account->closed = NONE;
    return account->currency != NONE && mam_map_put(&ledger->logins, set->login, ledger->account_count++);
}

static bool reserve(struct mam_ledger *ledger, uint32_t instruments, uint32_t accounts, uint32_t positions) {
    ledger->instruments = calloc((size_t)instruments + 1, sizeof *ledger->instruments);
    ledger->accounts = calloc((size_t)accounts + 1, sizeof *ledger->accounts);
    ledger->positions = calloc((size_t)positions + 1, sizeof *ledger->positions);
    ledger->max_positions = positions;
    return mam_map_init(&ledger->logins, accounts) && ledger->instruments != NULL &&
           ledger->accounts != NULL && ledger->positions != NULL;
}

struct mam_ledger *mam_ledger_new(const struct mam_ledger_instrument *instruments, uint32_t instrument_count,
                                  const struct mam_ledger_account *accounts, uint32_t account_count,
                                  uint32_t max_positions) {
    struct mam_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) {
        return NULL;
    }
    bool good = instrument_count <= MAX_INSTRUMENTS && account_count < (1u << 30) &&
                reserve(ledger, instrument_count, account_count, max_positions);
    for (uint32_t i = 0; good && i < instrument_count; i++) {
        good = add_instrument(ledger, &instruments[i]);
    }
    for (uint32_t i = 0; good && i < account_count; i++) {
        good = add_account(ledger, &accounts[i]);
    }
    if (!good) {
        mam_ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void mam_ledger_free(struct mam_ledger *ledger) {
    if (ledger == NULL) {
        return;
    }
    free(ledger->instruments);
    free(ledger->accounts);
    free(ledger->positions);
    mam_map_free(&ledger->logins);
    free(ledger);
}

/* ---- look-ups and prices ---- */

static uint32_t find_instrument(const struct mam_ledger *ledger, uint32_t id) {
    for (uint32_t i = 0; i < ledger->instrument_count; i++) {
        if (ledger->instruments[i].set.id == id) {
            return i;
        }
    }
    return NONE;
}

const struct mam_ledger_instrument *mam_ledger_instrument_of(const struct mam_ledger *ledger, uint32_t id) {
    uint32_t index = find_instrument(ledger, id);
    return index == NONE ? NULL : &ledger->instruments[index].set;
}

uint32_t mam_ledger_find(const struct mam_ledger *ledger, uint64_t login) {
    return mam_map_get(&ledger->logins, login);
}

const struct mam_ledger_account *mam_ledger_account_at(const struct mam_ledger *ledger, uint32_t index) {
    return &ledger->accounts[index].set;
}

int mam_ledger_price(struct mam_ledger *ledger, uint32_t instrument, int64_t bid, int64_t ask) {
    uint32_t index = find_instrument(ledger, instrument);
    if (index == NONE || bid <= 0 || ask < bid) {
        return 0;
    }
    ledger->instruments[index].bid = bid;
    ledger->instruments[index].ask = ask;
    return 1;
}

int64_t mam_ledger_quote(const struct mam_ledger *ledger, uint32_t instrument, uint8_t side) {
    uint32_t index = find_instrument(ledger, instrument);
    if (index == NONE) {
        return 0;
    }
    return side == 0 ? ledger->instruments[index].ask : ledger->instruments[index].bid;
}

/* One step of conversion over a pair that is quoted: what is received at bid, what is owed at ask, rounded
 * down. */
static bool convert_direct(const struct mam_ledger *ledger, int64_t amount, uint32_t from, uint32_t to,
                           int64_t *result) {
    for (uint32_t i = 0; i < ledger->instrument_count; i++) {
        const struct instrument *pair = &ledger->instruments[i];
        if (pair->bid == 0) {
            continue;
        }
        if (pair->base == from && pair->profit == to) {
            return mam_money_scale(amount, amount >= 0 ? pair->bid : pair->ask, ONE, result);
        }
        if (pair->base == to && pair->profit == from) {
            return mam_money_scale(amount, ONE, amount >= 0 ? pair->ask : pair->bid, result);
        }
    }
    return false;
}

/* Directly, else over any one currency that both are quoted in (for our pairs: USD). */
static bool convert(const struct mam_ledger *ledger, int64_t amount, uint32_t from, uint32_t to,
                    int64_t *result) {
    if (from == to || amount == 0) {
        *result = amount;
        return true;
    }
    if (convert_direct(ledger, amount, from, to, result)) {
        return true;
    }
    for (uint32_t over = 0; over < ledger->currency_count; over++) {
        int64_t between;
        if (over != from && over != to && convert_direct(ledger, amount, from, over, &between) &&
            convert_direct(ledger, between, over, to, result)) {
            return true;
        }
    }
    return false;
}

/* ---- figures ---- */

static bool position_profit(const struct mam_ledger *ledger, const struct position *position, int64_t price,
                            int64_t volume, int64_t *profit) {
    const struct instrument *instrument = &ledger->instruments[position->instrument];
    int64_t own;
    return mam_money_profit(position->price, price, instrument->set.contract_size, volume,
                            position->side == 0 ? 1 : -1, &own) &&
           convert(ledger, own, instrument->profit, ledger->accounts[position->account].currency, profit);
}

static bool account_equity(const struct mam_ledger *ledger, const struct account *account, int64_t *equity) {
    int64_t sum;
    if (__builtin_add_overflow(account->set.balance, account->set.credit, &sum)) {
        return false;
    }
    for (uint32_t at = account->first; at != NONE; at = ledger->positions[at].next) {
        const struct position *position = &ledger->positions[at];
        const struct instrument *instrument = &ledger->instruments[position->instrument];
        int64_t profit;
        int64_t price = position->side == 0 ? instrument->bid : instrument->ask;
        if (price == 0 || !position_profit(ledger, position, price, position->volume, &profit) ||
            __builtin_add_overflow(sum, profit, &sum)) {
            return false;
        }
    }
    *equity = sum;
    return true;
}

int mam_ledger_figures(const struct mam_ledger *ledger, uint64_t login, struct mam_ledger_figures *figures) {
    uint32_t index = mam_ledger_find(ledger, login);
    if (index == NONE) {
        return 0;
    }
    const struct account *account = &ledger->accounts[index];
    figures->balance = account->set.balance;
    figures->credit = account->set.credit;
    figures->margin = account->margin;
    return account_equity(ledger, account, &figures->equity);
}

int64_t mam_ledger_held(const struct mam_ledger *ledger, uint64_t position) {
    if (position < FIRST_POSITION || position - FIRST_POSITION >= ledger->position_count) {
        return 0;
    }
    return ledger->positions[position - FIRST_POSITION].volume;
}

/* Margin of a volume in its own currency: base, or where it is a share of the price the profit currency. */
static bool by_price(const struct mam_ledger_instrument *set) {
    return set->calc_mode == CALC_CFD || set->calc_mode == CALC_CFD_LEVERAGE;
}

static bool own_margin(const struct account *account, const struct mam_ledger_instrument *set, int64_t volume,
                       int64_t price, int64_t *own) {
    bool by_leverage = set->calc_mode == CALC_FOREX || set->calc_mode == CALC_CFD_LEVERAGE;
    int64_t leverage = by_leverage ? account->set.leverage : 1;
    return by_price(set) ? mam_money_margin_at_price(volume, set->contract_size, price, leverage, own)
                         : mam_money_margin(volume, set->contract_size, leverage, own);
}

/* In the account's currency, rounded up (a debt is converted, rounded down, and turned). */
static bool margin_of(const struct mam_ledger *ledger, const struct account *account,
                      const struct instrument *instrument, int64_t volume, int64_t price, int64_t *margin) {
    uint32_t from = by_price(&instrument->set) ? instrument->profit : instrument->base;
    int64_t own;
    if (!own_margin(account, &instrument->set, volume, price, &own) ||
        !convert(ledger, -own, from, account->currency, margin)) {
        return false;
    }
    *margin = -*margin;
    return true;
}

uint32_t mam_ledger_first(const struct mam_ledger *ledger, uint32_t account, int closed) {
    return closed ? ledger->accounts[account].closed : ledger->accounts[account].first;
}

uint32_t mam_ledger_next(const struct mam_ledger *ledger, uint32_t at) {
    return ledger->positions[at].next;
}

void mam_ledger_position_at(const struct mam_ledger *ledger, uint32_t at, struct mam_ledger_position *out) {
    const struct position *position = &ledger->positions[at];
    const struct mam_ledger_instrument *set = &ledger->instruments[position->instrument].set;
    int64_t own = 0, rate = ONE;
    if (own_margin(&ledger->accounts[position->account], set, position->volume, position->price, &own) &&
        own > 0) {
        rate = (int64_t)(((__int128)position->margin * ONE + own - 1) / own);
    }
    *out = (struct mam_ledger_position){.ticket = FIRST_POSITION + at,
                                        .volume = position->volume,
                                        .price = position->price,
                                        .rate = rate,
                                        .instrument = set->id,
                                        .side = position->side};
}

/* ---- positions ---- */

static uint32_t net_position(const struct mam_ledger *ledger, const struct account *account,
                             uint32_t instrument) {
    for (uint32_t at = account->first; at != NONE; at = ledger->positions[at].next) {
        if (ledger->positions[at].instrument == instrument) {
            return at;
        }
    }
    return NONE;
}

static void unlink_position(struct mam_ledger *ledger, uint32_t at) {
    struct position *position = &ledger->positions[at];
    if (position->previous == NONE) {
        ledger->accounts[position->account].first = position->next;
    } else {
        ledger->positions[position->previous].next = position->next;
    }
    if (position->next != NONE) {
        ledger->positions[position->next].previous = position->previous;
    }
}

static void link_position(struct mam_ledger *ledger, const struct position *fields, uint32_t *at) {
    *at = ledger->position_count++;
    struct position *position = &ledger->positions[*at];
    struct account *account = &ledger->accounts[fields->account];
    *position = *fields;
    position->previous = NONE;
    position->next = account->first;
    if (account->first != NONE) {
        ledger->positions[account->first].previous = *at;
    }
    account->first = *at;
}

/* A deal that has passed the checks of form: who and what it is about, by index. */
struct deal {
    const struct mam_ledger_request *asked;
    struct account *account;
    struct instrument *instrument;
    uint32_t account_index, instrument_index;
};

static uint32_t permission(uint32_t trade_mode, const struct mam_ledger_request *asked) {
    if (trade_mode == TRADE_DISABLED) {
        return MAM_CODE_DISABLED;
    }
    if (asked->entry == 1) {
        return MAM_CODE_DONE;
    }
    if (trade_mode == TRADE_CLOSE_ONLY) {
        return MAM_CODE_CLOSE_ONLY;
    }
    if (trade_mode == TRADE_LONG_ONLY && asked->side == 1) {
        return MAM_CODE_LONG_ONLY;
    }
    return trade_mode == TRADE_SHORT_ONLY && asked->side == 0 ? MAM_CODE_SHORT_ONLY : MAM_CODE_DONE;
}

static uint32_t check_form(struct mam_ledger *ledger, const struct mam_ledger_request *asked,
                           struct deal *deal) {
    deal->asked = asked;
    deal->account_index = mam_ledger_find(ledger, asked->login);
    deal->instrument_index = find_instrument(ledger, asked->instrument);
    if (deal->account_index == NONE || deal->instrument_index == NONE || asked->side > 1 ||
        asked->entry > 1) {
        return MAM_CODE_INVALID;
    }
    deal->account = &ledger->accounts[deal->account_index];
    deal->instrument = &ledger->instruments[deal->instrument_index];
    const struct mam_ledger_instrument *set = &deal->instrument->set;
    /* A close may be smaller than the minimum: a minimum must not lock a position in. */
    if (asked->volume <= 0 || asked->volume % set->volume_step != 0 || asked->volume > set->volume_max ||
        (asked->entry == 0 && asked->volume < set->volume_min)) {
        return MAM_CODE_VOLUME;
    }
    if (asked->price <= 0) {
        return MAM_CODE_PRICE;
    }
    uint32_t code = permission(deal->account->set.trade_mode, asked);
    return code == MAM_CODE_DONE ? permission(set->trade_mode, asked) : code;
}

/* Takes `volume` off a position at the deal's price; pays the profit into the balance, frees the margin. */
static uint32_t reduce(struct mam_ledger *ledger, const struct deal *deal, uint32_t at, int64_t volume) {
    struct position *position = &ledger->positions[at];
    int64_t profit, kept, balance;
    if (!position_profit(ledger, position, deal->asked->price, volume, &profit) ||
        __builtin_add_overflow(deal->account->set.balance, profit, &balance) ||
        !mam_money_scale(-position->margin, position->volume - volume, position->volume, &kept)) {
        return MAM_CODE_NO_PRICES;
    }
    deal->account->set.balance = balance;
    deal->account->margin += -kept - position->margin;
    position->margin = -kept;
    position->volume -= volume;
    if (position->volume == 0) {
        unlink_position(ledger, at);
        position->next = deal->account->closed;
        deal->account->closed = at;
    }
    return MAM_CODE_DONE;
}

/* Is there free margin for `volume` more, once `freed` is given back? */
static uint32_t check_money(const struct mam_ledger *ledger, const struct deal *deal, int64_t volume,
                            int64_t freed, int64_t *margin) {
    int64_t equity, after;
    if (!margin_of(ledger, deal->account, deal->instrument, volume, deal->asked->price, margin) ||
        !account_equity(ledger, deal->account, &equity) ||
        __builtin_add_overflow(deal->account->margin - freed, *margin, &after)) {
        return MAM_CODE_NO_PRICES;
    }
    return after > equity ? MAM_CODE_NO_MONEY : MAM_CODE_DONE;
}

static uint32_t open_new(struct mam_ledger *ledger, const struct deal *deal, int64_t volume, int64_t margin,
                         uint32_t *at) {
    const struct position fields = {.account = deal->account_index,
                                    .instrument = deal->instrument_index,
                                    .volume = volume,
                                    .price = deal->asked->price,
                                    .margin = margin,
                                    .side = deal->asked->side};
    link_position(ledger, &fields, at);
    deal->account->margin += margin;
    return MAM_CODE_DONE;
}

static uint32_t open_hedging(struct mam_ledger *ledger, const struct deal *deal, uint32_t *at) {
    int64_t margin;
    if (ledger->position_count == ledger->max_positions) {
        return MAM_CODE_TOO_MANY;
    }
    uint32_t code = check_money(ledger, deal, deal->asked->volume, 0, &margin);
    return code == MAM_CODE_DONE ? open_new(ledger, deal, deal->asked->volume, margin, at) : code;
}

/* Adds to a position: its price becomes the volume-weighted average, rounded against the account. */
static uint32_t add_netting(struct mam_ledger *ledger, const struct deal *deal, uint32_t at) {
    struct position *position = &ledger->positions[at];
    int64_t margin, volume;
    if (__builtin_add_overflow(position->volume, deal->asked->volume, &volume)) {
        return MAM_CODE_VOLUME;
    }
    uint32_t code = check_money(ledger, deal, deal->asked->volume, 0, &margin);
    if (code != MAM_CODE_DONE) {
        return code;
    }
    __int128 value =
        (__int128)position->volume * position->price + (__int128)deal->asked->volume * deal->asked->price;
    __int128 up = position->side == 0 ? volume - 1 : 0;
    position->price = (int64_t)((value + up) / volume);
    position->volume = volume;
    position->margin += margin;
    deal->account->margin += margin;
    return MAM_CODE_DONE;
}

/* An opposite deal reduces, closes or reverses. */
static uint32_t oppose_netting(struct mam_ledger *ledger, const struct deal *deal, uint32_t *at) {
    struct position *position = &ledger->positions[*at];
    int64_t rest = deal->asked->volume - position->volume;
    int64_t margin = 0;
    if (rest <= 0) {
        return reduce(ledger, deal, *at, deal->asked->volume);
    }
    if (ledger->position_count == ledger->max_positions) {
        return MAM_CODE_TOO_MANY;
    }
    uint32_t code = check_money(ledger, deal, rest, position->margin, &margin);
    if (code == MAM_CODE_DONE) {
        code = reduce(ledger, deal, *at, position->volume);
    }
    return code == MAM_CODE_DONE ? open_new(ledger, deal, rest, margin, at) : code;
}

static uint32_t book_opening(struct mam_ledger *ledger, const struct deal *deal, uint32_t *at) {
    if (deal->account->set.margin_mode == MARGIN_HEDGING) {
        return open_hedging(ledger, deal, at);
    }
    *at = net_position(ledger, deal->account, deal->instrument_index);
    if (*at == NONE) {
        return open_hedging(ledger, deal, at);
    }
    return ledger->positions[*at].side == deal->asked->side ? add_netting(ledger, deal, *at)
                                                            : oppose_netting(ledger, deal, at);
}

static uint32_t book_closing(struct mam_ledger *ledger, const struct deal *deal, uint32_t *at) {
    const struct mam_ledger_request *asked = deal->asked;
    if (deal->account->set.margin_mode == MARGIN_HEDGING) {
        if (mam_ledger_held(ledger, asked->position) == 0) {
            return MAM_CODE_NO_POSITION;
        }
        *at = (uint32_t)(asked->position - FIRST_POSITION);
    } else {
        *at = net_position(ledger, deal->account, deal->instrument_index);
    }
    const struct position *position = *at == NONE ? NULL : &ledger->positions[*at];
    if (position == NULL || position->account != deal->account_index ||
        position->instrument != deal->instrument_index || position->side == asked->side) {
        return MAM_CODE_NO_POSITION;
    }
    return asked->volume > position->volume ? MAM_CODE_OVER_CLOSE : reduce(ledger, deal, *at, asked->volume);
}

uint32_t mam_ledger_book(struct mam_ledger *ledger, const struct mam_ledger_request *request,
                         uint64_t *position) {
    struct deal deal;
    uint32_t at = NONE;
    uint32_t code = check_form(ledger, request, &deal);
    if (code == MAM_CODE_DONE) {
        code = request->entry == 0 ? book_opening(ledger, &deal, &at) : book_closing(ledger, &deal, &at);
    }
    *position = code == MAM_CODE_DONE ? (uint64_t)FIRST_POSITION + at : 0;
    return code;
}
