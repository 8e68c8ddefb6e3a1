/* The ledger of the embedded account server: accounts, instruments, positions. It checks every deal that it
 * is asked to book and refuses nonsense with an MT5 return code; nothing of a refused deal is done.
 *
 * Units: volume, price, contract size 1e-8; money 1e-6 of the account's currency. Equity is balance + credit
 * + floating profit at the ledger's own last prices. Margin is simple: every position pays its own, at the
 * rate of its opening. */
#ifndef MAM_BROKER_LEDGER_H
#define MAM_BROKER_LEDGER_H

#include <stdint.h>

/* cdef: begin */
#define MAM_CODE_DONE 10009
#define MAM_CODE_REJECTED 10006
#define MAM_CODE_INVALID 10013
#define MAM_CODE_VOLUME 10014
#define MAM_CODE_PRICE 10015
#define MAM_CODE_DISABLED 10017
#define MAM_CODE_NO_MONEY 10019
#define MAM_CODE_NO_PRICES 10021
#define MAM_CODE_TOO_MANY 10024
#define MAM_CODE_NO_POSITION 10036
#define MAM_CODE_OVER_CLOSE 10038
#define MAM_CODE_LONG_ONLY 10042
#define MAM_CODE_SHORT_ONLY 10043
#define MAM_CODE_CLOSE_ONLY 10044

struct mam_ledger_instrument {
    uint32_t id;        /* 1 or more */
    uint32_t digits;    /* 0 to 8 */
    uint32_t calc_mode; /* MT5's numbers; 0 forex, 2 cfd, 4 cfd with leverage, 5 forex without */
    uint32_t trade_mode;
    char symbol[32];
    char base[8];
    char profit[8];
    int64_t contract_size;
    int64_t volume_min;
    int64_t volume_step;
    int64_t volume_max;
};

struct mam_ledger_account {
    uint64_t login;
    uint32_t group; /* the MAM group it belongs to; 0: any (a house or master account) */
    uint32_t leverage;
    uint32_t margin_mode; /* 0 netting, 2 hedging */
    uint32_t trade_mode;
    char currency[8];
    int64_t balance;
    int64_t credit;
};

struct mam_ledger_request {
    uint64_t login;
    uint64_t position; /* a close on a hedging account: the ticket */
    int64_t volume;
    int64_t price;
    uint32_t instrument;
    uint8_t side;  /* of the deal: 0 buy, 1 sell; a buy is closed by a sell */
    uint8_t entry; /* 0 opening, 1 closing */
};

struct mam_ledger_figures {
    int64_t balance;
    int64_t credit;
    int64_t equity;
    int64_t margin;
};

struct mam_ledger;

/* NULL if an argument is out of range (a duplicate login, a currency too many, ...) or memory is short. */
struct mam_ledger *mam_ledger_new(const struct mam_ledger_instrument *instruments, uint32_t instrument_count,
                                  const struct mam_ledger_account *accounts, uint32_t account_count,
                                  uint32_t max_positions);
void mam_ledger_free(struct mam_ledger *ledger);

/* Sets an instrument's last price; a crossed or empty quote is not taken: returns 0, else 1. */
int mam_ledger_price(struct mam_ledger *ledger, uint32_t instrument, int64_t bid, int64_t ask);
/* The price at which a side deals now (buy: ask); 0 if there is none. */
int64_t mam_ledger_quote(const struct mam_ledger *ledger, uint32_t instrument, uint8_t side);

/* Books a deal. Returns MAM_CODE_DONE and the ticket of the position that it opened, added to or closed; or
 * the code of the refusal. */
uint32_t mam_ledger_book(struct mam_ledger *ledger, const struct mam_ledger_request *request,
                         uint64_t *position);

/* 1, or 0 if the login is unknown or a figure cannot be had (no price, overflow). */
int mam_ledger_figures(const struct mam_ledger *ledger, uint64_t login, struct mam_ledger_figures *figures);
/* Volume left on a ticket; 0 if there is none. */
int64_t mam_ledger_held(const struct mam_ledger *ledger, uint64_t position);
/* cdef: end */

/* Index of a login in the array given to mam_ledger_new, or UINT32_MAX; and the account at an index. */
uint32_t mam_ledger_find(const struct mam_ledger *ledger, uint64_t login);
/* An account's positions, newest first: those that are open, or those that are closed. UINT32_MAX: no more.
 */
struct mam_ledger_position {
    uint64_t ticket;
    int64_t volume; /* 0: closed */
    int64_t price;
    int64_t rate; /* 1e-8: what one of margin currency was in the account's when it was opened */
    uint32_t instrument;
    uint8_t side;
};
uint32_t mam_ledger_first(const struct mam_ledger *ledger, uint32_t account, int closed);
uint32_t mam_ledger_next(const struct mam_ledger *ledger, uint32_t at);
void mam_ledger_position_at(const struct mam_ledger *ledger, uint32_t at, struct mam_ledger_position *out);
const struct mam_ledger_account *mam_ledger_account_at(const struct mam_ledger *ledger, uint32_t index);
const struct mam_ledger_instrument *mam_ledger_instrument_of(const struct mam_ledger *ledger, uint32_t id);

#endif
