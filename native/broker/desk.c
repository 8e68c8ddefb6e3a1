#include "desk.h"

#include <stdlib.h>
#include <string.h>

#include "mam/messages.h"
#include "map.h"

#define NONE UINT32_MAX
#define FIRST_ORDER                                                                                          \
    1000000000u /* ticket = FIRST_ORDER + number, from 1; deals and children's deals likewise */
#define FIRST_DEAL 2000000000u
#define FIRST_CHILD_DEAL 4000000001u

/* What the desk knows of a block of the appliance. */
struct block {
    uint32_t id;
    uint32_t order; /* number */
    uint32_t first; /* bookings, newest first */
    uint32_t children;
    int64_t asked;  /* volume of all children seen */
    int64_t taken;  /* of these: what was not refused */
    int64_t booked; /* of the group's members */
    int64_t parked; /* booked to accounts of no group: the house's */
    int64_t price;  /* 0: not known yet */
};

struct mam_desk {
    struct mam_ledger *ledger;
    struct mam_desk_order *orders; /* [number - 1] */
    struct mam_desk_booking *bookings;
    struct block *blocks;
    struct mam_map booking_keys; /* block and child -> booking */
    struct mam_map block_ids;    /* block -> blocks */
    struct mam_map tickets;      /* child's position ticket -> number of the order that opened it */
    struct mam_map active;       /* group -> index in active_order */
    uint32_t *active_order;      /* number of the order that a group has at work; 0: none */
    uint32_t order_count, booking_count, block_count, max_bookings, max_blocks, group_count;
    uint32_t refuse_per_mille;
    bool windowed; /* Bookings may come later than the report that the volumes are decided */
    uint64_t seed;
    struct mam_desk_counts counts;
    struct mam_violation_detail detail;
};

static const char *const violation_names[MAM_VIOLATIONS] = {
    "unknown_login",  "unknown_instrument",
    "volume",         "price",
    "one_price",      "side",
    "position",       "over_close",
    "permission",     "over_allocated",
    "changed_repeat", "wrong_block",
    "conservation",   "children",
    "residue",        "gap",
    "malformed",      "batch",
    "window",         "table_full",
};

const char *mam_violation_name(uint32_t kind) {
    return kind < MAM_VIOLATIONS ? violation_names[kind] : "";
}

uint64_t mam_desk_order_ticket(uint32_t number) {
    return (uint64_t)FIRST_ORDER + number;
}

uint64_t mam_desk_deal_ticket(uint32_t number) {
    return (uint64_t)FIRST_DEAL + number;
}

const struct mam_desk_counts *mam_desk_counts(const struct mam_desk *desk) {
    return &desk->counts;
}

const struct mam_violation_detail *mam_desk_violation(const struct mam_desk *desk) {
    return &desk->detail;
}

uint32_t mam_desk_bookings(const struct mam_desk *desk, const struct mam_desk_booking **bookings) {
    *bookings = desk->bookings;
    return desk->booking_count;
}

void mam_desk_set_windowed(struct mam_desk *desk) {
    desk->windowed = true;
}

void mam_desk_violate(struct mam_desk *desk, enum mam_violation kind,
                      const struct mam_violation_detail *detail) {
    desk->counts.violations[kind]++;
    if (desk->detail.kind < 0) {
        desk->detail = *detail;
        desk->detail.kind = (int32_t)kind;
    }
}

static void violate_block(struct mam_desk *desk, enum mam_violation kind, const struct block *block,
                          int64_t expected, int64_t found) {
    const struct mam_violation_detail detail = {.block = block->id, .expected = expected, .found = found};
    mam_desk_violate(desk, kind, &detail);
}

/* ---- set-up ---- */

static bool order_fits(const struct mam_desk *desk, uint32_t number) {
    const struct mam_desk_order *order = &desk->orders[number - 1];
    if (order->group == 0 || order->side > 1 || order->execution > 1 || order->volume < 0 ||
        mam_ledger_instrument_of(desk->ledger, order->instrument) == NULL) {
        return false;
    }
    if (order->closes == 0) {
        return order->volume > 0;
    }
    const struct mam_desk_order *opened = &desk->orders[order->closes - 1];
    return order->closes < number && opened->closes == 0 && opened->group == order->group &&
           opened->instrument == order->instrument && opened->side != order->side;
}

static bool add_order(struct mam_desk *desk, uint32_t number) {
    struct mam_desk_order *order = &desk->orders[number - 1];
    if (!order_fits(desk, number)) {
        return false;
    }
    order->state = MAM_ORDER_WAITING;
    order->latency_ns = -1;
    order->block = 0;
    order->refusals = 0;
    order->remaining = order->held = order->filled = order->executed = 0;
    if (mam_map_get(&desk->active, order->group) == MAM_MAP_NONE) {
        return mam_map_put(&desk->active, order->group, desk->group_count++);
    }
    return true;
}

static bool reserve(struct mam_desk *desk) {
    desk->bookings = calloc((size_t)desk->max_bookings + 1, sizeof *desk->bookings);
    desk->blocks = calloc((size_t)desk->max_blocks + 1, sizeof *desk->blocks);
    desk->active_order = calloc((size_t)desk->order_count + 1, sizeof *desk->active_order);
    return mam_map_init(&desk->booking_keys, desk->max_bookings) &&
           mam_map_init(&desk->block_ids, desk->max_blocks) &&
           mam_map_init(&desk->tickets, desk->max_bookings) &&
           mam_map_init(&desk->active, desk->order_count) && desk->bookings != NULL && desk->blocks != NULL &&
           desk->active_order != NULL;
}

struct mam_desk *mam_desk_new(struct mam_ledger *ledger, struct mam_desk_order *orders, uint32_t order_count,
                              uint32_t max_bookings, uint64_t seed, uint32_t refuse_per_mille) {
    struct mam_desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        return NULL;
    }
    desk->ledger = ledger;
    desk->orders = orders;
    desk->order_count = order_count;
    desk->max_bookings = max_bookings;
    desk->max_blocks = 2 * order_count + 16;
    desk->seed = seed;
    desk->refuse_per_mille = refuse_per_mille;
    desk->detail.kind = -1;
    bool good =
        order_count < (1u << 26) && max_bookings < (1u << 28) && refuse_per_mille <= 1000 && reserve(desk);
    for (uint32_t number = 1; good && number <= order_count; number++) {
        good = add_order(desk, number);
    }
    if (!good) {
        mam_desk_free(desk);
        return NULL;
    }
    return desk;
}

void mam_desk_free(struct mam_desk *desk) {
    if (desk == NULL) {
        return;
    }
    mam_map_free(&desk->booking_keys);
    mam_map_free(&desk->block_ids);
    mam_map_free(&desk->tickets);
    mam_map_free(&desk->active);
    free(desk->bookings);
    free(desk->blocks);
    free(desk->active_order);
    free(desk);
}

/* ---- orders ---- */

static uint32_t *active_of(const struct mam_desk *desk, uint32_t group) {
    uint32_t index = mam_map_get(&desk->active, group);
    return index == MAM_MAP_NONE ? NULL : &desk->active_order[index];
}

static void end_order(struct mam_desk *desk, uint32_t number, enum mam_order_state state) {
    struct mam_desk_order *order = &desk->orders[number - 1];
    uint32_t *active = active_of(desk, order->group);
    if (*active == number) {
        *active = 0;
    }
    order->state = (uint8_t)state;
    desk->counts.done += state == MAM_ORDER_DONE;
    desk->counts.rejected += state == MAM_ORDER_REJECTED;
    desk->counts.skipped += state == MAM_ORDER_SKIPPED;
}

int mam_desk_submit(struct mam_desk *desk, uint32_t number) {
    struct mam_desk_order *order = &desk->orders[number - 1];
    struct mam_desk_order *opened = order->closes != 0 ? &desk->orders[order->closes - 1] : NULL;
    int64_t volume = order->volume;
    if (opened != NULL && (volume == 0 || volume > opened->remaining)) {
        volume = opened->remaining;
    }
    if (volume == 0) {
        end_order(desk, number, MAM_ORDER_SKIPPED);
        return 0;
    }
    int64_t price = mam_ledger_quote(desk->ledger, order->instrument, order->side);
    if (price == 0) {
        return -1;
    }
    order->executed = volume;
    order->price = price;
    order->state = MAM_ORDER_ACTIVE;
    *active_of(desk, order->group) = number;
    desk->counts.submitted++;
    return 1;
}

/* The master's own position, once it is known how much was executed. */
static void settle_master(struct mam_desk *desk, struct mam_desk_order *order) {
    if (order->closes == 0) {
        order->remaining = order->filled;
        return;
    }
    struct mam_desk_order *opened = &desk->orders[order->closes - 1];
    opened->remaining -= order->filled < opened->remaining ? order->filled : opened->remaining;
}

void mam_desk_reject(struct mam_desk *desk, uint32_t number) {
    if (number >= 1 && number <= desk->order_count && desk->orders[number - 1].state == MAM_ORDER_ACTIVE) {
        end_order(desk, number, MAM_ORDER_REJECTED);
    }
}

/* ---- blocks ---- */

static struct block *find_block(const struct mam_desk *desk, uint32_t id) {
    uint32_t index = mam_map_get(&desk->block_ids, id);
    return index == MAM_MAP_NONE ? NULL : &desk->blocks[index];
}

uint32_t mam_desk_order_of(const struct mam_desk *desk, uint32_t block) {
    const struct block *found = find_block(desk, block);
    return found == NULL ? 0 : found->order;
}

uint32_t mam_desk_first_booking(const struct mam_desk *desk, uint32_t number) {
    const struct block *block =
        number >= 1 && number <= desk->order_count ? find_block(desk, desk->orders[number - 1].block) : NULL;
    return block == NULL || block->order != number ? NONE : block->first;
}

static struct block *bind_block(struct mam_desk *desk, uint32_t id, uint32_t number) {
    struct mam_desk_order *order = &desk->orders[number - 1];
    if (order->state != MAM_ORDER_ACTIVE || order->block != 0 || desk->block_count == desk->max_blocks ||
        !mam_map_put(&desk->block_ids, id, desk->block_count)) {
        return NULL;
    }
    struct block *block = &desk->blocks[desk->block_count++];
    *block = (struct block){.id = id, .order = number, .first = NONE};
    block->price = order->execution == 0 ? order->price : 0;
    order->block = id;
    return block;
}

/* The block of a child: known, or new and then that of the order which the login's group has at work. */
static struct block *block_of_child(struct mam_desk *desk, const struct mam_booking_request *asked) {
    struct block *block = find_block(desk, asked->block);
    uint32_t account = mam_ledger_find(desk->ledger, asked->deal.login);
    if (block != NULL || account == NONE || asked->block == 0) {
        return block;
    }
    const uint32_t *active = active_of(desk, mam_ledger_account_at(desk->ledger, account)->group);
    return active == NULL || *active == 0 ? NULL : bind_block(desk, asked->block, *active);
}

/* ---- bookings ---- */

static bool same_request(const struct mam_booking_request *a, const struct mam_booking_request *b) {
    return a->deal.login == b->deal.login && a->deal.position == b->deal.position &&
           a->deal.volume == b->deal.volume && a->deal.price == b->deal.price &&
           a->deal.instrument == b->deal.instrument && a->deal.side == b->deal.side &&
           a->deal.entry == b->deal.entry;
}

static uint32_t breach(struct mam_desk *desk, enum mam_violation kind, uint32_t code,
                       const struct mam_booking_request *asked, int64_t expected, int64_t found) {
    const struct mam_violation_detail detail = {.block = asked->block,
                                                .child = asked->child,
                                                .login = asked->deal.login,
                                                .expected = expected,
                                                .found = found};
    mam_desk_violate(desk, kind, &detail);
    return code;
}

/* Is this child of this order? */
static uint32_t check_order(struct mam_desk *desk, const struct block *block,
                            const struct mam_booking_request *asked) {
    const struct mam_desk_order *order = &desk->orders[block->order - 1];
    const struct mam_ledger_request *deal = &asked->deal;
    uint32_t account = mam_ledger_find(desk->ledger, deal->login);
    uint32_t group = account == NONE ? 0 : mam_ledger_account_at(desk->ledger, account)->group;
    if (account == NONE || (group != 0 && group != order->group)) {
        return breach(desk, MAM_VIOLATION_UNKNOWN_LOGIN, MAM_CODE_INVALID, asked, order->group, group);
    }
    if (order->state != MAM_ORDER_ACTIVE) {
        return breach(desk, MAM_VIOLATION_WRONG_BLOCK, MAM_CODE_INVALID, asked, MAM_ORDER_ACTIVE,
                      order->state);
    }
    if (deal->instrument != order->instrument) {
        return breach(desk, MAM_VIOLATION_UNKNOWN_INSTRUMENT, MAM_CODE_INVALID, asked, order->instrument,
                      deal->instrument);
    }
    if (deal->side != order->side || deal->entry != (order->closes != 0)) {
        return breach(desk, MAM_VIOLATION_SIDE, MAM_CODE_INVALID, asked, order->side, deal->side);
    }
    if (deal->price <= 0) {
        return breach(desk, MAM_VIOLATION_PRICE, MAM_CODE_PRICE, asked, block->price, deal->price);
    }
    if (block->price != 0 && deal->price != block->price) {
        return breach(desk, MAM_VIOLATION_ONE_PRICE, MAM_CODE_PRICE, asked, block->price, deal->price);
    }
    return MAM_CODE_DONE;
}

/* Does it fit what the master has, and what this child holds of the master's position? */
static uint32_t check_volume(struct mam_desk *desk, const struct block *block,
                             const struct mam_booking_request *asked) {
    const struct mam_desk_order *order = &desk->orders[block->order - 1];
    const struct mam_ledger_request *deal = &asked->deal;
    if (deal->volume > 0 && deal->volume > order->executed - block->taken) {
        return breach(desk, MAM_VIOLATION_OVER_ALLOCATED, MAM_CODE_VOLUME, asked,
                      order->executed - block->taken, deal->volume);
    }
    uint32_t account = mam_ledger_find(desk->ledger, deal->login);
    bool netting = mam_ledger_account_at(desk->ledger, account)->margin_mode == MAM_MARGIN_MODE_NETTING;
    if (deal->entry == 0 || netting) {
        return MAM_CODE_DONE;
    }
    uint32_t opened = mam_map_get(&desk->tickets, deal->position);
    if (opened != order->closes) {
        return breach(desk, MAM_VIOLATION_POSITION, MAM_CODE_NO_POSITION, asked, order->closes,
                      opened == MAM_MAP_NONE ? 0 : opened);
    }
    return MAM_CODE_DONE;
}

/* Which refusals of the ledger are the appliance's fault. Too little money and too many are not. */
static uint32_t blame(struct mam_desk *desk, uint32_t code, const struct mam_booking_request *asked) {
    switch (code) {
    case MAM_CODE_NO_MONEY:
        desk->counts.no_money++;
        return code;
    case MAM_CODE_INVALID:
        return breach(desk, MAM_VIOLATION_UNKNOWN_LOGIN, code, asked, 0, 0);
    case MAM_CODE_VOLUME:
        return breach(desk, MAM_VIOLATION_VOLUME, code, asked, 0, asked->deal.volume);
    case MAM_CODE_PRICE:
        return breach(desk, MAM_VIOLATION_PRICE, code, asked, 0, asked->deal.price);
    case MAM_CODE_NO_POSITION:
        return breach(desk, MAM_VIOLATION_POSITION, code, asked, 0, (int64_t)asked->deal.position);
    case MAM_CODE_OVER_CLOSE:
        return breach(desk, MAM_VIOLATION_OVER_CLOSE, code, asked,
                      mam_ledger_held(desk->ledger, asked->deal.position), asked->deal.volume);
    case MAM_CODE_DISABLED:
    case MAM_CODE_LONG_ONLY:
    case MAM_CODE_SHORT_ONLY:
    case MAM_CODE_CLOSE_ONLY:
        return breach(desk, MAM_VIOLATION_PERMISSION, code, asked, 0, 0);
    case MAM_CODE_TOO_MANY:
        return breach(desk, MAM_VIOLATION_TABLE_FULL, code, asked, 0, 0);
    default:
        return code;
    }
}

/* Decided by order and login alone, so that it does not depend on who comes first. Openings only: what a
 * refused close leaves the appliance closes later, by a block of no order. */
static bool refused_by_chance(const struct mam_desk *desk, const struct block *block, uint64_t login) {
    uint64_t dice = mam_mix(desk->seed ^ mam_mix(block->order) ^ mam_mix(login << 20));
    return desk->orders[block->order - 1].closes == 0 && dice % 1000 < desk->refuse_per_mille;
}

static uint32_t execute(struct mam_desk *desk, struct block *block, const struct mam_booking_request *asked,
                        uint64_t *position) {
    *position = 0;
    uint32_t code = check_order(desk, block, asked);
    if (code == MAM_CODE_DONE) {
        code = check_volume(desk, block, asked);
    }
    if (code != MAM_CODE_DONE) {
        return code;
    }
    if (refused_by_chance(desk, block, asked->deal.login)) {
        desk->counts.injected++;
        return MAM_CODE_REJECTED;
    }
    code = mam_ledger_book(desk->ledger, &asked->deal, position);
    return code == MAM_CODE_DONE ? code : blame(desk, code, asked);
}

static void count_booked(struct mam_desk *desk, struct block *block, const struct mam_desk_booking *booking) {
    const struct mam_ledger_request *deal = &booking->asked.deal;
    struct mam_desk_order *order = &desk->orders[block->order - 1];
    uint32_t account = mam_ledger_find(desk->ledger, deal->login);
    bool house = mam_ledger_account_at(desk->ledger, account)->group == 0;
    desk->counts.booked++;
    block->price = deal->price;
    block->taken += deal->volume;
    *(house ? &block->parked : &block->booked) += deal->volume;
    if (order->closes != 0) {
        desk->orders[order->closes - 1].held -= deal->volume;
        return;
    }
    order->held += deal->volume;
    if (mam_map_get(&desk->tickets, booking->position) == MAM_MAP_NONE) {
        mam_map_put(&desk->tickets, booking->position, block->order);
    }
}

static uint32_t record(struct mam_desk *desk, struct block *block, const struct mam_booking_request *asked,
                       uint32_t code, uint64_t position) {
    uint32_t index = desk->booking_count++;
    struct mam_desk_booking *booking = &desk->bookings[index];
    *booking = (struct mam_desk_booking){.asked = *asked, .code = code, .position = position, .next = NONE};
    mam_map_put(&desk->booking_keys, (uint64_t)asked->block << 32 | asked->child, index);
    if (block != NULL) {
        booking->order = block->order;
        booking->next = block->first;
        block->first = index;
        block->children++;
        if (asked->deal.volume > 0 && asked->deal.volume <= INT64_MAX - block->asked) {
            block->asked += asked->deal.volume;
        }
        desk->orders[block->order - 1].children = block->children;
    }
    if (code == MAM_CODE_DONE) {
        booking->deal = (uint64_t)FIRST_CHILD_DEAL + index;
        count_booked(desk, block, booking);
    } else {
        desk->counts.refused++;
        if (block != NULL) {
            desk->orders[block->order - 1].refusals = 1;
        }
    }
    return index;
}

uint32_t mam_desk_book(struct mam_desk *desk, const struct mam_booking_request *request, uint32_t *code) {
    uint32_t known = mam_map_get(&desk->booking_keys, (uint64_t)request->block << 32 | request->child);
    if (known != MAM_MAP_NONE) {
        const struct mam_desk_booking *before = &desk->bookings[known];
        if (same_request(&before->asked, request)) {
            desk->counts.repeated++;
            *code = before->code;
            return known;
        }
        desk->counts.refused++;
        *code = breach(desk, MAM_VIOLATION_CHANGED_REPEAT, MAM_CODE_INVALID, request,
                       before->asked.deal.volume, request->deal.volume);
        return NONE;
    }
    if (desk->booking_count == desk->max_bookings) {
        desk->counts.refused++;
        *code = breach(desk, MAM_VIOLATION_TABLE_FULL, MAM_CODE_TOO_MANY, request, desk->max_bookings, 0);
        return NONE;
    }
    uint64_t position = 0;
    struct block *block = block_of_child(desk, request);
    if (block == NULL) {
        bool known_login = mam_ledger_find(desk->ledger, request->deal.login) != NONE;
        *code = breach(desk, known_login ? MAM_VIOLATION_WRONG_BLOCK : MAM_VIOLATION_UNKNOWN_LOGIN,
                       MAM_CODE_INVALID, request, 0, request->block);
    } else {
        *code = execute(desk, block, request, &position);
    }
    return record(desk, block, request, *code, position);
}

/* ---- reports ---- */

static uint32_t number_of(const struct mam_desk *desk, const struct mam_block_report *report) {
    uint64_t number = 0;
    if (report->order > FIRST_ORDER) {
        number = report->order - FIRST_ORDER;
    } else if (report->deal > FIRST_DEAL) {
        number = report->deal - FIRST_DEAL;
    }
    return number <= desk->order_count ? (uint32_t)number : 0;
}

static void check_sums(struct mam_desk *desk, const struct block *block,
                       const struct mam_block_report *report) {
    const struct mam_desk_order *order = &desk->orders[block->order - 1];
    if (report->allocated != block->booked) {
        violate_block(desk, MAM_VIOLATION_CONSERVATION, block, report->allocated, block->booked);
    }
    int64_t placed;
    if (__builtin_add_overflow(report->allocated, report->house, &placed) || placed != report->filled) {
        violate_block(desk, MAM_VIOLATION_CONSERVATION, block, report->filled, report->allocated);
    }
    if (report->filled < 0 || report->house < 0 || report->filled > order->executed ||
        block->parked > report->house) {
        violate_block(desk, MAM_VIOLATION_CONSERVATION, block, order->executed, report->filled);
    }
    if (block->booked != 0 && report->price != block->price) {
        violate_block(desk, MAM_VIOLATION_ONE_PRICE, block, block->price, report->price);
    }
}

/* After a full close of the master's position nobody may hold anything of it, unless a close was refused. */
static void check_residue(struct mam_desk *desk, const struct block *block) {
    const struct mam_desk_order *order = &desk->orders[block->order - 1];
    if (order->closes == 0 || order->refusals != 0) {
        return;
    }
    const struct mam_desk_order *opened = &desk->orders[order->closes - 1];
    if (opened->remaining == 0 && opened->refusals == 0 && opened->held != 0) {
        violate_block(desk, MAM_VIOLATION_RESIDUE, block, 0, opened->held);
    }
}

static void finish(struct mam_desk *desk, struct block *block, uint32_t number,
                   const struct mam_block_report *report) {
    struct mam_desk_order *order = &desk->orders[number - 1];
    bool done = report->status == MAM_BLOCK_STATUS_DONE;
    /* A figure that cannot be is a violation below; it must not become the master's position. */
    bool possible = report->filled >= 0 && report->filled <= order->executed;
    order->filled = done && possible ? report->filled : 0;
    if (done) {
        settle_master(desk, order);
    }
    if (block != NULL && done) {
        check_sums(desk, block, report);
        check_residue(desk, block);
    } else if (block != NULL && block->taken != 0) {
        violate_block(desk, MAM_VIOLATION_CONSERVATION, block, 0, block->taken);
    }
    end_order(desk, number, done ? MAM_ORDER_DONE : MAM_ORDER_REJECTED);
}

/* The report follows the last Booking, unless some wait for the server's window; at the end check_sums knows.
 * (`children` counts those of the plan, with those that got nothing and are not booked.) */
static void check_children(struct mam_desk *desk, const struct block *block,
                           const struct mam_block_report *report) {
    if (block->children > report->children) {
        violate_block(desk, MAM_VIOLATION_CHILDREN, block, report->children, block->children);
    }
    /* Refused volume was asked for; when it is offered to others the appliance no longer counts it. */
    bool too_few = !desk->windowed && report->allocated > block->asked;
    if (too_few || report->allocated < block->taken) {
        violate_block(desk, MAM_VIOLATION_CHILDREN, block, report->allocated, block->asked);
    }
}

uint32_t mam_desk_report(struct mam_desk *desk, const struct mam_block_report *report) {
    uint32_t number = number_of(desk, report);
    struct block *block = report->block == 0 ? NULL : find_block(desk, report->block);
    bool ends = report->status >= MAM_BLOCK_STATUS_DONE && report->status <= MAM_BLOCK_STATUS_ROLLED_BACK;
    if (number != 0 && block == NULL && report->block != 0) {
        block = bind_block(desk, report->block, number);
    }
    if (number == 0 || (block != NULL && block->order != number) ||
        (block != NULL && desk->orders[number - 1].block != block->id)) {
        const struct mam_violation_detail detail = {.block = report->block, .expected = number};
        mam_desk_violate(desk, MAM_VIOLATION_WRONG_BLOCK, &detail);
        return 0;
    }
    if (desk->orders[number - 1].state != MAM_ORDER_ACTIVE) {
        return 0; /* a report again, or a late one */
    }
    if (report->status == MAM_BLOCK_STATUS_ALLOCATING && block != NULL) {
        check_children(desk, block, report);
    }
    if (ends) {
        finish(desk, block, number, report);
    }
    return ends ? number : 0;
}
