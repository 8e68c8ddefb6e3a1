/*
 * Every message of the MAM appliance. Generated from native/schema/mam.xml by `make generate`: do not
 * edit.
 *
 * A message is a struct of this file: the 8-byte header, then the block. All numbers are little-endian.
 * Fields are naturally aligned; padding is written as zero. Decimals are int64 mantissas; the comment
 * gives the unit (1e-8: 1 is 0.00000001). Texts are padded with zero bytes and need no zero at the end
 * when they fill the field. Units: volume 1e-8 lot, price 1e-8, money 1e-6 of its currency, time ns since
 * the Unix epoch (UTC).
 *
 * To send: mam_NAME_init(), set the fields, write MAM_NAME_LENGTH bytes. To receive: copy the bytes out of
 * the shared memory, then mam_message_check(), then look at the header's template_id. For C11 and C++17.
 */
#ifndef MAM_MESSAGES_H
#define MAM_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the structs are the wire's bytes only on a little-endian host"
#endif

/* clang-format off */

#ifdef __cplusplus
extern "C" {
#endif

/* cdef: begin */
#define MAM_SCHEMA_ID 7301
#define MAM_SCHEMA_VERSION 0
/* Of the layout of all messages: two programs with the same number agree on every byte. */
#define MAM_SCHEMA_FINGERPRINT 0x460479e297f87985ULL
/* Bytes of the longest message of this version, header included. */
#define MAM_MESSAGE_LENGTH_MAX 224
/* Null values of the wire: no required field may carry one. */
#define MAM_UINT8_NULL 255
#define MAM_UINT16_NULL 65535
#define MAM_UINT32_NULL 4294967295
#define MAM_UINT64_NULL 0xffffffffffffffffULL

enum mam_side {
    MAM_SIDE_BUY = 0,
    MAM_SIDE_SELL = 1,
    MAM_SIDE_NULL = 255
};

/* What a deal does to a position (MT5's numbers) */
enum mam_entry {
    /* Opens or adds */
    MAM_ENTRY_OPENING = 0,
    /* Closes, wholly or in part */
    MAM_ENTRY_CLOSING = 1,
    /* Closes all of it, and opens the rest the other way (netting) */
    MAM_ENTRY_REVERSING = 2,
    /* Closes a position by an opposite one, as much of both (hedging); MasterDeal only */
    MAM_ENTRY_CLOSE_BY = 3,
    MAM_ENTRY_NULL = 255
};

/* MT5's calculation mode numbers */
enum mam_calc_mode {
    MAM_CALC_MODE_FOREX = 0,
    MAM_CALC_MODE_FUTURES = 1,
    MAM_CALC_MODE_CFD = 2,
    MAM_CALC_MODE_CFD_INDEX = 3,
    MAM_CALC_MODE_CFD_LEVERAGE = 4,
    MAM_CALC_MODE_FOREX_NO_LEVERAGE = 5,
    MAM_CALC_MODE_EXCHANGE_STOCKS = 32,
    MAM_CALC_MODE_EXCHANGE_FUTURES = 33,
    MAM_CALC_MODE_NULL = 255
};

/* What may be traded (MT5's numbers) */
enum mam_trade_mode {
    MAM_TRADE_MODE_DISABLED = 0,
    MAM_TRADE_MODE_LONG_ONLY = 1,
    MAM_TRADE_MODE_SHORT_ONLY = 2,
    MAM_TRADE_MODE_CLOSE_ONLY = 3,
    MAM_TRADE_MODE_FULL = 4,
    MAM_TRADE_MODE_NULL = 255
};

/* Position keeping (MT5's numbers) */
enum mam_margin_mode {
    MAM_MARGIN_MODE_NETTING = 0,
    MAM_MARGIN_MODE_EXCHANGE = 1,
    MAM_MARGIN_MODE_HEDGING = 2,
    MAM_MARGIN_MODE_NULL = 255
};

/* Floating profit in free margin (MT5's numbers) */
enum mam_free_margin_mode {
    MAM_FREE_MARGIN_MODE_NONE = 0,
    MAM_FREE_MARGIN_MODE_BOTH = 1,
    MAM_FREE_MARGIN_MODE_PROFIT_ONLY = 2,
    MAM_FREE_MARGIN_MODE_LOSS_ONLY = 3,
    MAM_FREE_MARGIN_MODE_NULL = 255
};

/* How margin call and stop-out levels are meant (MT5's numbers) */
enum mam_stop_out_mode {
    /* Equity / margin, percent */
    MAM_STOP_OUT_MODE_PERCENT = 0,
    /* Equity, money */
    MAM_STOP_OUT_MODE_MONEY = 1,
    MAM_STOP_OUT_MODE_NULL = 255
};

/* What a tier of floating leverage measures (MT5's numbers) */
enum mam_tier_range {
    /* Of all instruments of a LeverageRule together */
    MAM_TIER_RANGE_VOLUME = 0,
    MAM_TIER_RANGE_VOLUME_PER_SYMBOL = 1,
    /* Of all instruments of a LeverageRule together */
    MAM_TIER_RANGE_VALUE = 2,
    MAM_TIER_RANGE_VALUE_PER_SYMBOL = 3,
    MAM_TIER_RANGE_NULL = 255
};

/* How a block is divided (docs/allocation.md) */
enum mam_method {
    MAM_METHOD_EQUAL = 0,
    MAM_METHOD_PERCENT = 1,
    MAM_METHOD_RATIO = 2,
    MAM_METHOD_BALANCE = 3,
    MAM_METHOD_EQUITY = 4,
    MAM_METHOD_FREE_MARGIN = 5,
    MAM_METHOD_FIXED_LOTS = 6,
    MAM_METHOD_MULTIPLIER = 7,
    MAM_METHOD_RISK = 8,
    /* A close: by what each child holds; never a policy's own */
    MAM_METHOD_HOLDINGS = 9,
    MAM_METHOD_NULL = 255
};

/* Who gets the steps that floors leave over */
enum mam_rounding {
    MAM_ROUNDING_LARGEST_REMAINDER = 0,
    MAM_ROUNDING_CARRY = 1,
    MAM_ROUNDING_LARGEST_EQUITY = 2,
    MAM_ROUNDING_LIST_ORDER = 3,
    MAM_ROUNDING_OVERFLOW = 4,
    MAM_ROUNDING_NULL = 255
};

/* What a binding constraint does */
enum mam_on_shortfall {
    MAM_ON_SHORTFALL_REDUCE = 0,
    MAM_ON_SHORTFALL_SKIP = 1,
    MAM_ON_SHORTFALL_REJECT = 2,
    MAM_ON_SHORTFALL_REDISTRIBUTE = 3,
    MAM_ON_SHORTFALL_NULL = 255
};

/* What becomes of a share under the minimum volume */
enum mam_below_min {
    MAM_BELOW_MIN_SKIP = 0,
    MAM_BELOW_MIN_RAISE = 1,
    MAM_BELOW_MIN_NULL = 255
};

/* Who executes the block */
enum mam_execution_mode {
    /* The broker's server has; children are booked at its price */
    MAM_EXECUTION_MODE_POST_TRADE = 0,
    /* The appliance sweeps the LPs' book */
    MAM_EXECUTION_MODE_STP = 1,
    MAM_EXECUTION_MODE_NULL = 255
};

/* What follows when LPs fill less than the block */
enum mam_on_partial {
    MAM_ON_PARTIAL_COMPLETE = 0,
    MAM_ON_PARTIAL_ALLOCATE = 1,
    MAM_ON_PARTIAL_ROLLBACK = 2,
    MAM_ON_PARTIAL_NULL = 255
};

/* What follows when the server refuses a child's booking */
enum mam_on_refused {
    MAM_ON_REFUSED_REALLOCATE = 0,
    MAM_ON_REFUSED_HOUSE = 1,
    MAM_ON_REFUSED_UNWIND = 2,
    MAM_ON_REFUSED_NULL = 255
};

/* The price of the children */
enum mam_price_mode {
    /* Volume-weighted average of the block's fills */
    MAM_PRICE_MODE_AVERAGE = 0,
    /* The same mix of fills, to within one step */
    MAM_PRICE_MODE_PER_FILL = 1,
    MAM_PRICE_MODE_NULL = 255
};

/* What becomes of a leaving member's positions */
enum mam_on_leave {
    MAM_ON_LEAVE_KEEP = 0,
    MAM_ON_LEAVE_CLOSE = 1,
    MAM_ON_LEAVE_NULL = 255
};

enum mam_member_status {
    MAM_MEMBER_STATUS_ACTIVE = 0,
    /* Opens nothing, still takes part in closes */
    MAM_MEMBER_STATUS_INACTIVE = 1,
    /* No longer of the group */
    MAM_MEMBER_STATUS_LEFT = 2,
    MAM_MEMBER_STATUS_NULL = 255
};

/* What a drawdown is measured against */
enum mam_drawdown_basis {
    MAM_DRAWDOWN_BASIS_NONE = 0,
    MAM_DRAWDOWN_BASIS_INITIAL = 1,
    MAM_DRAWDOWN_BASIS_DAILY = 2,
    MAM_DRAWDOWN_BASIS_HIGH_WATER = 3,
    MAM_DRAWDOWN_BASIS_NULL = 255
};

enum mam_drawdown_action {
    MAM_DRAWDOWN_ACTION_ALERT = 0,
    MAM_DRAWDOWN_ACTION_CLOSE_ONLY = 1,
    MAM_DRAWDOWN_ACTION_CLOSE_OUT = 2,
    MAM_DRAWDOWN_ACTION_NULL = 255
};

/* What bound a member's volume */
enum mam_constraint {
    MAM_CONSTRAINT_NONE = 0,
    MAM_CONSTRAINT_PERMISSION = 1,
    MAM_CONSTRAINT_SYNC = 2,
    MAM_CONSTRAINT_DRAWDOWN = 3,
    MAM_CONSTRAINT_MEMBER_MAXIMUM = 4,
    MAM_CONSTRAINT_INSTRUMENT_MAXIMUM = 5,
    MAM_CONSTRAINT_MARGIN_BUFFER = 6,
    MAM_CONSTRAINT_LEVERAGE = 7,
    /* A close: what the member holds */
    MAM_CONSTRAINT_HOLDING = 8,
    MAM_CONSTRAINT_NULL = 255
};

/* A block's life */
enum mam_block_status {
    MAM_BLOCK_STATUS_FRESH = 0,
    MAM_BLOCK_STATUS_PLANNED = 1,
    MAM_BLOCK_STATUS_WORKING = 2,
    MAM_BLOCK_STATUS_FILLED = 3,
    MAM_BLOCK_STATUS_PARTIAL = 4,
    MAM_BLOCK_STATUS_ALLOCATING = 5,
    MAM_BLOCK_STATUS_DONE = 6,
    MAM_BLOCK_STATUS_REJECTED = 7,
    MAM_BLOCK_STATUS_ROLLED_BACK = 8,
    /* What was filled is being traded out again */
    MAM_BLOCK_STATUS_ROLLING_BACK = 9,
    MAM_BLOCK_STATUS_NULL = 255
};

/* The server's answer to a Booking */
enum mam_booking_status {
    MAM_BOOKING_STATUS_BOOKED = 0,
    /* Final for this account */
    MAM_BOOKING_STATUS_REFUSED = 1,
    /* Not done; may be asked again */
    MAM_BOOKING_STATUS_RETRY = 2,
    /* Outcome unknown: reconciled, never resent */
    MAM_BOOKING_STATUS_UNKNOWN = 3,
    /* As code says, by the return codes of the server's platform */
    MAM_BOOKING_STATUS_CODED = 4,
    MAM_BOOKING_STATUS_NULL = 255
};

/* Whose return codes a server answers with */
enum mam_platform {
    MAM_PLATFORM_MT5 = 0,
    MAM_PLATFORM_MT4 = 1,
    MAM_PLATFORM_NULL = 255
};

/* What an LP reports of a leg */
enum mam_execution_kind {
    MAM_EXECUTION_KIND_TRADE = 0,
    MAM_EXECUTION_KIND_REJECTED = 1,
    /* Nothing more will come: cancelled or expired */
    MAM_EXECUTION_KIND_ENDED = 2,
    /* Replaces the fill named by reference */
    MAM_EXECUTION_KIND_CORRECT = 3,
    /* Undoes the fill named by reference */
    MAM_EXECUTION_KIND_BUST = 4,
    /* Answer to a status request */
    MAM_EXECUTION_KIND_STATUS = 5,
    MAM_EXECUTION_KIND_NULL = 255
};

enum mam_kill_scope {
    MAM_KILL_SCOPE_APPLIANCE = 0,
    MAM_KILL_SCOPE_GROUP = 1,
    MAM_KILL_SCOPE_NULL = 255
};

enum mam_kill_action {
    /* Cancels what works, refuses what comes */
    MAM_KILL_ACTION_STOP = 0,
    /* stop, and closes what is open */
    MAM_KILL_ACTION_FLATTEN = 1,
    /* Trading again */
    MAM_KILL_ACTION_ENABLE = 2,
    MAM_KILL_ACTION_NULL = 255
};

enum mam_alert_kind {
    /* A law was broken; the engine has stopped trading */
    MAM_ALERT_KIND_LAW = 0,
    /* Margin buffer fell short */
    MAM_ALERT_KIND_WARNING = 1,
    MAM_ALERT_KIND_MARGIN_CALL = 2,
    MAM_ALERT_KIND_STOP_OUT = 3,
    MAM_ALERT_KIND_DRAWDOWN = 4,
    MAM_ALERT_KIND_OUT_OF_SYNC = 5,
    MAM_ALERT_KIND_IN_SYNC = 6,
    /* Volume was parked in the house account */
    MAM_ALERT_KIND_HOUSE = 7,
    /* A message that the block's state does not allow */
    MAM_ALERT_KIND_IMPOSSIBLE = 8,
    /* A sender's sequence numbers have a hole */
    MAM_ALERT_KIND_GAP = 9,
    /* An answer is late; the outcome is unknown */
    MAM_ALERT_KIND_TIMEOUT = 10,
    /* A bridge's ring is broken or not read; the host no longer looks at it */
    MAM_ALERT_KIND_FENCED = 11,
    /* A deal was executed that cannot be allocated */
    MAM_ALERT_KIND_UNALLOCATED = 12,
    /* The log on disk is too far behind: no new orders */
    MAM_ALERT_KIND_LOG_BEHIND = 13,
    /* The log is on disk again: new orders are taken */
    MAM_ALERT_KIND_LOG_CAUGHT_UP = 14,
    /* The balance moved by no deal of ours: a deposit, a withdrawal, a charge */
    MAM_ALERT_KIND_BALANCE = 16,
    /* A close was refused: the client still holds it, the house is short; tried again */
    MAM_ALERT_KIND_NOT_CLOSED = 20,
    /* What a refused close left is closed, at the price of that close */
    MAM_ALERT_KIND_CLOSED_LATE = 21,
    /* The server has not told an account's figures for too long */
    MAM_ALERT_KIND_STATE_STALE = 23,
    /* It has told them again */
    MAM_ALERT_KIND_STATE_FRESH = 24,
    /* The day's loss limit is reached: no new positions until a person enables them */
    MAM_ALERT_KIND_DAILY_LOSS = 26,
    /* A deal was executed that the pre-trade controls would have refused; it is allocated */
    MAM_ALERT_KIND_OVER_LIMIT = 27,
    /* A server or LP answers that something is set up wrongly: its code is in measured */
    MAM_ALERT_KIND_CONFIGURATION = 28,
    /* The host's clock jumped, or its discipline was lost or has come back */
    MAM_ALERT_KIND_CLOCK = 29,
    /* A bridge has heard outputs that were not on disk when the machine failed */
    MAM_ALERT_KIND_OUTPUTS_LOST = 30,
    /* The disk of the log is full: no new orders until there is room */
    MAM_ALERT_KIND_LOG_DISK_FULL = 37,
    /* A close-out cannot close now, and goes on trying */
    MAM_ALERT_KIND_CLOSE_OUT_WAITS = 40,
    /* No quote of an instrument that accounts hold is newer than its staleAfter */
    MAM_ALERT_KIND_MARK_STALE = 41,
    /* It is quoted again */
    MAM_ALERT_KIND_MARK_FRESH = 42,
    /* A flattening or a leaving cannot close a position, and goes on trying: the volume is in measured */
    MAM_ALERT_KIND_FLATTEN_WAITS = 55,
    /* A flattening is done: nothing is open any more; group 0: the appliance's */
    MAM_ALERT_KIND_FLATTENED = 56,
    /* Trading was enabled before a flattening was done */
    MAM_ALERT_KIND_FLATTEN_DROPPED = 57,
    MAM_ALERT_KIND_NULL = 255
};

/* Why something was refused, reduced or left at zero */
enum mam_reason {
    /* Nothing to explain */
    MAM_REASON_NONE = 0,
    /* The bytes are not a message of the schema */
    MAM_REASON_MALFORMED = 1,
    /* A field is outside its range */
    MAM_REASON_OUT_OF_RANGE = 2,
    /* The figures do not fit 64 bits */
    MAM_REASON_OVERFLOW = 3,
    /* A limit of the configuration is reached */
    MAM_REASON_TABLE_FULL = 4,
    /* This ring may not send this message */
    MAM_REASON_WRONG_SOURCE = 5,
    /* Seen before; nothing was done again */
    MAM_REASON_DUPLICATE = 6,
    /* A sequence number was skipped */
    MAM_REASON_SEQUENCE_GAP = 7,
    /* No such instrument */
    MAM_REASON_UNKNOWN_INSTRUMENT = 8,
    /* No such account */
    MAM_REASON_UNKNOWN_ACCOUNT = 9,
    /* No such group */
    MAM_REASON_UNKNOWN_GROUP = 10,
    /* The account is not of the group */
    MAM_REASON_UNKNOWN_MEMBER = 11,
    /* No such block, leg or child */
    MAM_REASON_UNKNOWN_BLOCK = 12,
    /* The master holds no such position */
    MAM_REASON_UNKNOWN_POSITION = 13,
    /* This build does not do that yet */
    MAM_REASON_NOT_SUPPORTED = 14,
    /* The engine has stopped trading on a broken law */
    MAM_REASON_HALTED = 15,
    /* The kill switch is set */
    MAM_REASON_KILLED = 16,
    /* The volume is not a multiple of the step */
    MAM_REASON_OFF_STEP = 17,
    /* Under the instrument's minimum volume */
    MAM_REASON_BELOW_MINIMUM = 18,
    /* Over a maximum volume */
    MAM_REASON_ABOVE_MAXIMUM = 19,
    /* Nobody can take part */
    MAM_REASON_NO_MEMBERS = 20,
    /* The weights add up to zero */
    MAM_REASON_ZERO_WEIGHTS = 21,
    /* A weight is below zero */
    MAM_REASON_NEGATIVE_WEIGHT = 22,
    /* The percents do not make exactly 100 */
    MAM_REASON_PERCENT_SUM = 23,
    /* Method risk needs a stop-loss */
    MAM_REASON_NO_STOP_LOSS = 24,
    /* No quote converts the account's currency */
    MAM_REASON_NO_RATE = 25,
    /* No usable quote */
    MAM_REASON_NO_QUOTE = 26,
    /* Bid is above ask */
    MAM_REASON_CROSSED_QUOTE = 27,
    /* Less than this volume was executed */
    MAM_REASON_NOT_EXECUTED = 28,
    /* The share rounds to zero */
    MAM_REASON_ZERO_SHARE = 29,
    /* The member is not active */
    MAM_REASON_INACTIVE = 30,
    /* The account or instrument may not be traded so */
    MAM_REASON_PERMISSION = 31,
    /* No AccountState yet */
    MAM_REASON_STATE_MISSING = 32,
    /* The account's state is too old */
    MAM_REASON_STATE_STALE = 33,
    /* Our figures and the server's differ */
    MAM_REASON_OUT_OF_SYNC = 34,
    /* Stopped by its drawdown limit */
    MAM_REASON_DRAWDOWN_STOP = 35,
    /* The member's maximum volume */
    MAM_REASON_MEMBER_MAXIMUM = 36,
    /* The instrument's maximum volume */
    MAM_REASON_INSTRUMENT_MAXIMUM = 37,
    /* Margin level would fall under the member's buffer */
    MAM_REASON_MARGIN_BUFFER = 38,
    /* Over the member's maximum leverage */
    MAM_REASON_LEVERAGE = 39,
    /* It holds no more than that */
    MAM_REASON_HOLDING = 40,
    /* Constraints leave less room than was ordered */
    MAM_REASON_SHORTFALL = 41,
    /* No LP quotes enough within the deviation */
    MAM_REASON_NO_LIQUIDITY = 42,
    /* The LP rejected the leg */
    MAM_REASON_LP_REJECTED = 43,
    /* The LP did not answer in time */
    MAM_REASON_LP_SILENT = 44,
    /* The broker's server refused the booking */
    MAM_REASON_REFUSED = 45,
    /* Booked or filled at another price than asked */
    MAM_REASON_PRICE_MISMATCH = 46,
    /* More was filled than ordered */
    MAM_REASON_OVERFILLED = 47,
    /* Not possible in the block's state */
    MAM_REASON_WRONG_STATE = 48,
    /* The price is outside the collar */
    MAM_REASON_PRICE_COLLAR = 49,
    /* Too many orders in the second */
    MAM_REASON_RATE_LIMIT = 50,
    /* The day's loss limit is reached */
    MAM_REASON_DAILY_LOSS = 51,
    /* Cancelled by the master */
    MAM_REASON_CANCELLED = 52,
    /* The account's measure is zero or negative */
    MAM_REASON_ZERO_MEASURE = 53,
    /* A policy's version must rise by one */
    MAM_REASON_VERSION_ORDER = 54,
    /* Cannot change while positions or blocks are open */
    MAM_REASON_IN_USE = 55,
    /* The quote is too old */
    MAM_REASON_STALE_QUOTE = 56,
    /* The group already works an order on this instrument */
    MAM_REASON_BUSY = 57,
    /* The log on disk is too far behind; new orders wait for it */
    MAM_REASON_LOG_BEHIND = 58,
    /* The LP took a fill back */
    MAM_REASON_BUSTED = 70,
    /* The LP corrected a fill */
    MAM_REASON_CORRECTED = 71,
    /* Filled when the block was no longer executed */
    MAM_REASON_LATE_FILL = 72,
    /* Another member's refused booking was offered to this one */
    MAM_REASON_REALLOCATED = 73,
    /* Filled in part and traded out again, as the policy says */
    MAM_REASON_ROLLED_BACK = 74,
    /* A refused booking's volume was traded out again */
    MAM_REASON_UNWOUND = 75,
    /* The account must close its oldest position first */
    MAM_REASON_FIFO = 76,
    /* An outcome of that LP or server is unknown; it gets nothing new until it is known */
    MAM_REASON_FENCED = 77,
    /* The order's time is over */
    MAM_REASON_TIME_LIMIT = 78,
    /* The member leaves and its positions are closed */
    MAM_REASON_LEFT = 79,
    /* The kill switch closes what is open */
    MAM_REASON_FLATTENED = 80,
    /* The message does not name who gives the command */
    MAM_REASON_NO_OPERATOR = 81,
    /* The group's policy executes otherwise: stp takes a MasterOrder, post_trade a MasterDeal */
    MAM_REASON_WRONG_EXECUTION = 90,
    /* The group has as many members as its policy allows */
    MAM_REASON_GROUP_FULL = 91,
    /* Rounding overflow names no account that takes the rest */
    MAM_REASON_NO_OVERFLOW_ACCOUNT = 92,
    /* A login stands there twice */
    MAM_REASON_DUPLICATE_LOGIN = 93,
    /* The instrument's limit of volume in one direction */
    MAM_REASON_VOLUME_LIMIT = 94,
    /* The same close goes on with the account's next ticket */
    MAM_REASON_FURTHER_TICKET = 95,
    /* The same child goes on with the next price of the block's fills */
    MAM_REASON_FURTHER_PRICE = 96,
    /* More prices than are kept apart; all children get the average */
    MAM_REASON_TOO_MANY_PRICES = 97,
    /* The server refused a close: the client still holds it, the house is short by as much */
    MAM_REASON_NOT_CLOSED = 98,
    /* The members' own volumes make less than was executed */
    MAM_REASON_MEMBERS_SUM = 99,
    /* The account may hold one side of an instrument only */
    MAM_REASON_HEDGE_PROHIBITED = 100,
    /* No such time zone */
    MAM_REASON_UNKNOWN_ZONE = 101,
    /* Not between half and twice the market's price */
    MAM_REASON_IMPLAUSIBLE_PRICE = 110,
    /* The host's clock jumped */
    MAM_REASON_CLOCK_STEPPED = 120,
    /* Nothing steers the host's clock: times are not traceable to UTC */
    MAM_REASON_CLOCK_UNDISCIPLINED = 121,
    /* The host's clock is steered again */
    MAM_REASON_CLOCK_DISCIPLINED = 122,
    /* They left before they were on disk, and the machine failed; their numbers are not used again */
    MAM_REASON_OUTPUTS_LOST = 123,
    /* A fenced bridge has new rings */
    MAM_REASON_RENEWED = 124,
    /* No LeverageRule of that number from this sender */
    MAM_REASON_UNKNOWN_RULE = 130,
    /* The disk of the log is full; new orders wait for room */
    MAM_REASON_LOG_DISK_FULL = 150,
    MAM_REASON_NULL = 65535
};

/* The first 8 bytes of every message. */
struct mam_header {
    /* Bytes of the block, which follows. */
    uint16_t block_length;
    uint16_t template_id;
    uint16_t schema_id;
    uint16_t version;
};

#define MAM_INSTRUMENT_ID 1
#define MAM_INSTRUMENT_BLOCK_LENGTH 216
#define MAM_INSTRUMENT_LENGTH 224
/* An instrument as the broker's server defines it */
struct mam_instrument {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Number by which all other messages name it; 1 or more. Id */
    uint32_t instrument;
    /* Decimal places of a price, 0 to 8. Small */
    uint8_t digits;
    /* CalcMode, enum mam_calc_mode */
    uint8_t calc_mode;
    /* TradeMode, enum mam_trade_mode */
    uint8_t trade_mode;
    /* MT5 margin flags. Small */
    uint8_t margin_flags;
    /* Symbol */
    char symbol[32];
    /* Currency */
    char base_currency[8];
    /* Currency */
    char profit_currency[8];
    /* Currency */
    char margin_currency[8];
    /* Factor, 1e-8 */
    int64_t contract_size;
    /* Volume, 1e-8 */
    int64_t volume_min;
    /* Volume, 1e-8 */
    int64_t volume_step;
    /* Of one order. Volume, 1e-8 */
    int64_t volume_max;
    /* Of positions and orders together; 0 is none. Volume, 1e-8 */
    int64_t volume_limit;
    /* Price, 1e-8 */
    int64_t tick_size;
    /* Money, 1e-6 */
    int64_t tick_value;
    /* Per lot; 0: the formula of calcMode. Money, 1e-6 */
    int64_t margin_initial;
    /* Per lot; 0: as initial. Money, 1e-6 */
    int64_t margin_maintenance;
    /* Contract size of the covered part; 0: none. Factor, 1e-8 */
    int64_t margin_hedged;
    /* Factor, 1e-8 */
    int64_t margin_rate_buy;
    /* Factor, 1e-8 */
    int64_t margin_rate_sell;
    /* Factor, 1e-8 */
    int64_t maintenance_rate_buy;
    /* Factor, 1e-8 */
    int64_t maintenance_rate_sell;
    /* A quote older than this is not traded on; 0: never stale. Milliseconds */
    uint32_t stale_after;
    uint8_t padding_196[28];
};

#define MAM_ACCOUNT_ID 2
#define MAM_ACCOUNT_BLOCK_LENGTH 56
#define MAM_ACCOUNT_LENGTH 64
/* An account of the broker's server */
struct mam_account {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Login */
    uint64_t login;
    /* Deposit currency. Currency */
    char currency[8];
    /* 1:leverage; 1 or more. Count */
    uint32_t leverage;
    /* MarginMode, enum mam_margin_mode */
    uint8_t margin_mode;
    /* TradeMode, enum mam_trade_mode */
    uint8_t trade_mode;
    /* FreeMarginMode, enum mam_free_margin_mode */
    uint8_t free_margin_mode;
    /* StopOutMode, enum mam_stop_out_mode */
    uint8_t stop_out_mode;
    /* Percent or money, as stopOutMode says. Factor, 1e-8 */
    int64_t margin_call;
    /* Percent or money, as stopOutMode says. Factor, 1e-8 */
    int64_t stop_out;
    /* MT5 group trade flags: 0x100 FIFO close, 0x200 hedge prohibited. Flags */
    uint16_t trade_flags;
    /* Decimal places of the deposit currency, 0 to 6. Small */
    uint8_t money_digits;
    uint8_t padding_59[1];
    /* The server's group of accounts: whose InstrumentOverrides it has; 0: none. Id */
    uint32_t server_group;
};

#define MAM_ACCOUNT_STATE_ID 3
#define MAM_ACCOUNT_STATE_BLOCK_LENGTH 56
#define MAM_ACCOUNT_STATE_LENGTH 64
/* The server's own figures of an account: the truth for money */
struct mam_account_state {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Login */
    uint64_t login;
    /* Money, 1e-6 */
    int64_t balance;
    /* Money, 1e-6 */
    int64_t credit;
    /* Money, 1e-6 */
    int64_t equity;
    /* Money, 1e-6 */
    int64_t margin;
    /* The server's clock when it read them. Time */
    int64_t as_of;
};

#define MAM_POSITION_STATE_ID 4
#define MAM_POSITION_STATE_BLOCK_LENGTH 88
#define MAM_POSITION_STATE_LENGTH 96
/* The server's own figures of an open position; volume 0 is closed */
struct mam_position_state {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Login */
    uint64_t login;
    /* Ticket */
    uint64_t position;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Price, 1e-8 */
    int64_t price_open;
    /* Money, 1e-6 */
    int64_t swap;
    /* Id */
    uint32_t instrument;
    /* Side, enum mam_side */
    uint8_t side;
    uint8_t padding_61[3];
    /* Rate at which its margin was converted; 0: unknown. Factor, 1e-8 */
    int64_t rate_margin;
    /* Time */
    int64_t as_of;
    /* The master's ticket it belongs to; 0: the client's own. Ticket */
    uint64_t master_position;
    /* Group it belongs to; 0: none. Id */
    uint32_t group;
    uint8_t padding_92[4];
};

#define MAM_MASTER_ORDER_ID 5
#define MAM_MASTER_ORDER_BLOCK_LENGTH 88
#define MAM_MASTER_ORDER_LENGTH 96
/* The master's order, to be executed by us (stp) */
struct mam_master_order {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Ticket */
    uint64_t order;
    /* Id */
    uint32_t group;
    /* Id */
    uint32_t instrument;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Price the master saw; with deviation, the limit; 0: market. Price, 1e-8 */
    int64_t price;
    /* Worst acceptable distance from price. Price, 1e-8 */
    int64_t deviation;
    /* 0: none. Price, 1e-8 */
    int64_t stop_loss;
    /* 0: none. Price, 1e-8 */
    int64_t take_profit;
    /* The master's ticket that a close names. Ticket */
    uint64_t position;
    /* Side, enum mam_side */
    uint8_t side;
    /* Entry, enum mam_entry */
    uint8_t entry;
    uint8_t padding_82[2];
    /* To be filled within; 0: the policy's. Milliseconds */
    uint32_t time_limit;
    uint8_t padding_88[8];
};

#define MAM_MASTER_CANCEL_ID 6
#define MAM_MASTER_CANCEL_BLOCK_LENGTH 24
#define MAM_MASTER_CANCEL_LENGTH 32
/* The master takes an order back */
struct mam_master_cancel {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Ticket */
    uint64_t order;
    /* Id */
    uint32_t group;
    uint8_t padding_28[4];
};

#define MAM_MASTER_DEAL_ID 7
#define MAM_MASTER_DEAL_BLOCK_LENGTH 96
#define MAM_MASTER_DEAL_LENGTH 104
/* The server has executed the master's deal (post_trade) */
struct mam_master_deal {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Ticket */
    uint64_t deal;
    /* Ticket */
    uint64_t order;
    /* Id */
    uint32_t group;
    /* Id */
    uint32_t instrument;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Price, 1e-8 */
    int64_t price;
    /* 0: none. Price, 1e-8 */
    int64_t stop_loss;
    /* 0: none. Price, 1e-8 */
    int64_t take_profit;
    /* The master's ticket: the new one, or the one that is closed. Ticket */
    uint64_t position;
    /* The server's clock at execution. Time */
    int64_t executed;
    /* Side, enum mam_side */
    uint8_t side;
    /* Entry, enum mam_entry */
    uint8_t entry;
    uint8_t padding_90[6];
    /* close_by: the opposite ticket; side is of what closes `position`. Ticket */
    uint64_t position_by;
};

#define MAM_BOOKING_REPORT_ID 8
#define MAM_BOOKING_REPORT_BLOCK_LENGTH 64
#define MAM_BOOKING_REPORT_LENGTH 72
/* The server's answer to a Booking */
struct mam_booking_report {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t child;
    /* Login */
    uint64_t login;
    /* Ticket */
    uint64_t deal;
    /* Ticket */
    uint64_t position;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Price, 1e-8 */
    int64_t price;
    /* Code */
    uint32_t code;
    /* BookingStatus, enum mam_booking_status */
    uint8_t status;
    uint8_t padding_69[3];
};

#define MAM_HEARTBEAT_ID 9
#define MAM_HEARTBEAT_BLOCK_LENGTH 16
#define MAM_HEARTBEAT_LENGTH 24
/* A bridge lives */
struct mam_heartbeat {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Time */
    int64_t sent;
};

#define MAM_LEVERAGE_TIER_ID 12
#define MAM_LEVERAGE_TIER_BLOCK_LENGTH 56
#define MAM_LEVERAGE_TIER_LENGTH 64
/* Floating leverage: a tier of an instrument; tier 0 replaces all that were there */
struct mam_leverage_tier {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t instrument;
    /* From 0, rising by one; at most 7. Small */
    uint8_t tier;
    /* volume_per_symbol, value_per_symbol; the others are LeverageRule's. TierRange, enum mam_tier_range */
    uint8_t tier_range;
    uint8_t padding_22[2];
    /* Lots 1e-8, or money 1e-6 of the profit currency, as range says. Sequence */
    uint64_t from_amount;
    /* The first that is no longer in the tier; not above fromAmount: there are no tiers. Sequence */
    uint64_t to_amount;
    /* Of the margin; 0 is no margin. Factor, 1e-8 */
    int64_t initial_rate;
    /* Factor, 1e-8 */
    int64_t maintenance_rate;
    /* Of this server group's accounts alone; 0: of all that have none of their own. Id */
    uint32_t server_group;
    uint8_t padding_60[4];
};

#define MAM_LEVERAGE_RULE_ID 13
#define MAM_LEVERAGE_RULE_BLOCK_LENGTH 56
#define MAM_LEVERAGE_RULE_LENGTH 64
/* Floating leverage: a tier of a rule for several instruments; tier 0 replaces all that were there */
struct mam_leverage_rule {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* The sender's number of it, 1 or more. Id */
    uint32_t rule;
    /* From 0, rising by one; at most 7. Small */
    uint8_t tier;
    /* TierRange, enum mam_tier_range */
    uint8_t tier_range;
    uint8_t padding_22[2];
    /* Lots 1e-8, or money 1e-6 of currency, as range says. Sequence */
    uint64_t from_amount;
    /* The first that is no longer in the tier; not above fromAmount: there are no tiers. Sequence */
    uint64_t to_amount;
    /* Of the margin; 0 is no margin. Factor, 1e-8 */
    int64_t initial_rate;
    /* Factor, 1e-8 */
    int64_t maintenance_rate;
    /* Value is converted into it at today's rate; empty: the account's. Currency */
    char currency[8];
};

#define MAM_LEVERAGE_RULE_INSTRUMENT_ID 14
#define MAM_LEVERAGE_RULE_INSTRUMENT_BLOCK_LENGTH 24
#define MAM_LEVERAGE_RULE_INSTRUMENT_LENGTH 32
/* Which LeverageRule an instrument has; it counts in place of LeverageTiers */
struct mam_leverage_rule_instrument {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Of the same sender; 0: none. Id */
    uint32_t rule;
    /* Id */
    uint32_t instrument;
    /* For this server group's accounts alone; 0: for all that have none of their own. Id */
    uint32_t server_group;
    uint8_t padding_28[4];
};

#define MAM_INSTRUMENT_OVERRIDE_ID 93
#define MAM_INSTRUMENT_OVERRIDE_BLOCK_LENGTH 88
#define MAM_INSTRUMENT_OVERRIDE_LENGTH 96
/* An instrument as a server group's accounts have it: these fields replace Instrument's */
struct mam_instrument_override {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* 1 or more. Id */
    uint32_t server_group;
    /* Id */
    uint32_t instrument;
    /* TradeMode, enum mam_trade_mode */
    uint8_t trade_mode;
    /* MT5 margin flags. Small */
    uint8_t margin_flags;
    uint8_t padding_26[6];
    /* Of one order. Volume, 1e-8 */
    int64_t volume_max;
    /* Per lot; 0: the formula of calcMode. Money, 1e-6 */
    int64_t margin_initial;
    /* Per lot; 0: as initial. Money, 1e-6 */
    int64_t margin_maintenance;
    /* Contract size of the covered part; 0: none. Factor, 1e-8 */
    int64_t margin_hedged;
    /* Factor, 1e-8 */
    int64_t margin_rate_buy;
    /* Factor, 1e-8 */
    int64_t margin_rate_sell;
    /* Factor, 1e-8 */
    int64_t maintenance_rate_buy;
    /* Factor, 1e-8 */
    int64_t maintenance_rate_sell;
};

#define MAM_SERVER_TERMS_ID 96
#define MAM_SERVER_TERMS_BLOCK_LENGTH 24
#define MAM_SERVER_TERMS_LENGTH 32
/* What this connection to a server can take; without it: MT5, batches of 128, no window of its own */
struct mam_server_terms {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Bookings in one call, 1 to 65,536; MT4: 1. Count */
    uint32_t batch;
    /* Bookings without an answer; 0: as Limits.bookingWindow, which counts where it is smaller. Count */
    uint32_t window;
    /* Platform, enum mam_platform */
    uint8_t platform;
    uint8_t padding_25[7];
};

#define MAM_QUOTE_ID 20
#define MAM_QUOTE_BLOCK_LENGTH 56
#define MAM_QUOTE_LENGTH 64
/* Price and size of one level; a zero price withdraws it */
struct mam_quote {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t instrument;
    /* 0 is the top of the book. Small */
    uint8_t level;
    uint8_t padding_21[3];
    /* Price, 1e-8 */
    int64_t bid;
    /* Price, 1e-8 */
    int64_t ask;
    /* Volume, 1e-8 */
    int64_t bid_volume;
    /* Volume, 1e-8 */
    int64_t ask_volume;
    /* The LP's clock. Time */
    int64_t quoted;
};

#define MAM_EXECUTION_ID 21
#define MAM_EXECUTION_BLOCK_LENGTH 72
#define MAM_EXECUTION_LENGTH 80
/* What an LP did with a leg */
struct mam_execution {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t leg;
    /* The LP's number of this report; unique per LP. Ticket */
    uint64_t execution;
    /* Of this fill; correct: as it is now; status: still open, 0 when nothing more will come. Volume, 1e-8 */
    int64_t volume;
    /* Of this fill; status: average of all fills, 0 when not known. Price, 1e-8 */
    int64_t price;
    /* Filled so far, this one included. Volume, 1e-8 */
    int64_t cumulative;
    /* The fill that is corrected or busted. Ticket */
    uint64_t reference;
    /* Code */
    uint32_t code;
    /* ExecutionKind, enum mam_execution_kind */
    uint8_t kind;
    uint8_t padding_69[3];
    /* The LP's clock. Time */
    int64_t executed;
};

#define MAM_GROUP_POLICY_ID 30
#define MAM_GROUP_POLICY_BLOCK_LENGTH 136
#define MAM_GROUP_POLICY_LENGTH 144
/* How a group's blocks are divided and executed; applies to the next plan */
struct mam_group_policy {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t group;
    /* Rises by one with every change, from 1. Id */
    uint32_t policy_version;
    /* Login */
    uint64_t master_login;
    /* Takes the rest under rounding overflow; else 0. Login */
    uint64_t overflow_login;
    /* Takes what nobody can: the house account; 0: none. Login */
    uint64_t house_login;
    /* In which measures are compared. Currency */
    char currency[8];
    /* Method, enum mam_method */
    uint8_t method;
    /* Rounding, enum mam_rounding */
    uint8_t rounding;
    /* OnShortfall, enum mam_on_shortfall */
    uint8_t on_shortfall;
    /* BelowMin, enum mam_below_min */
    uint8_t below_min;
    /* ExecutionMode, enum mam_execution_mode */
    uint8_t execution;
    /* OnPartial, enum mam_on_partial */
    uint8_t on_partial;
    /* OnRefused, enum mam_on_refused */
    uint8_t on_refused;
    /* PriceMode, enum mam_price_mode */
    uint8_t price_mode;
    /* Of an order that names none. Price, 1e-8 */
    int64_t deviation;
    /* 0: the configuration's. Milliseconds */
    uint32_t leg_timeout;
    /* 0: the configuration's. Milliseconds */
    uint32_t booking_timeout;
    /* An AccountState older than this is stale; 0: never. Milliseconds */
    uint32_t state_max_age;
    /* 0: the configuration's. Count */
    uint32_t max_members;
    /* Who made the change. Name */
    char operator_name[32];
    uint8_t padding_120[24];
};

#define MAM_MEMBER_ID 31
#define MAM_MEMBER_BLOCK_LENGTH 120
#define MAM_MEMBER_LENGTH 128
/* An account's place in a group */
struct mam_member {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t group;
    /* MemberStatus, enum mam_member_status */
    uint8_t status;
    /* OnLeave, enum mam_on_leave */
    uint8_t on_leave;
    /* DrawdownBasis, enum mam_drawdown_basis */
    uint8_t drawdown_basis;
    /* DrawdownAction, enum mam_drawdown_action */
    uint8_t drawdown_action;
    /* Login */
    uint64_t login;
    /* Percent, ratio, coefficient, lots, multiplier or risk percent, as the method asks. Factor, 1e-8 */
    int64_t weight;
    /* Of one order; 0: none. Volume, 1e-8 */
    int64_t max_volume;
    /* Lowest equity / margin after a trade (1.5 is 150 %); 0: none. Factor, 1e-8 */
    int64_t margin_buffer;
    /* Highest exposure / equity after a trade; 0: none. Factor, 1e-8 */
    int64_t max_leverage;
    /* 0: not by percent. Factor, 1e-8 */
    int64_t drawdown_percent;
    /* 0: not by money. Money, 1e-6 */
    int64_t drawdown_money;
    /* Daily: time of day at which the day begins, ns after midnight in drawdownZone. Time */
    int64_t drawdown_reset;
    /* Who made the change. Name */
    char operator_name[32];
    /* A TimeZone; 0: UTC. Id */
    uint32_t drawdown_zone;
    uint8_t padding_124[4];
};

#define MAM_LIMITS_ID 32
#define MAM_LIMITS_BLOCK_LENGTH 112
#define MAM_LIMITS_LENGTH 120
/* Pre-trade controls of a group, or (group 0) of the appliance */
struct mam_limits {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t group;
    /* 0: none. Count */
    uint32_t orders_per_second;
    /* Of one order; 0: none. Volume, 1e-8 */
    int64_t max_volume;
    /* Greatest distance from mid, percent; 0: none. Factor, 1e-8 */
    int64_t collar;
    /* Of all members' equity since the day began, in the group's currency; 0: none. Money, 1e-6 */
    int64_t daily_loss;
    uint8_t padding_48[16];
    /* Who made the change; required. Name */
    char operator_name[32];
    /* Appliance only: unanswered bookings of one server; 0: 65,536. Count */
    uint32_t booking_window;
    /* Appliance only: of its dailyLoss. Currency */
    char currency[8];
    uint8_t padding_108[4];
    /* Appliance only: when a day begins, ns after midnight UTC. Time */
    int64_t day_begins;
};

#define MAM_KILL_SWITCH_ID 33
#define MAM_KILL_SWITCH_BLOCK_LENGTH 56
#define MAM_KILL_SWITCH_LENGTH 64
/* Stops, flattens or re-enables trading */
struct mam_kill_switch {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t group;
    /* KillScope, enum mam_kill_scope */
    uint8_t scope;
    /* KillAction, enum mam_kill_action */
    uint8_t action;
    uint8_t padding_22[2];
    /* Name */
    char operator_name[32];
    uint8_t padding_56[8];
};

#define MAM_RESYNC_ID 34
#define MAM_RESYNC_BLOCK_LENGTH 24
#define MAM_RESYNC_LENGTH 32
/* Asks for what was missed; or asks the server for its figures */
struct mam_resync {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* First output wanted again. Sequence */
    uint64_t from_sequence;
    /* Account whose state is wanted; 0: all. Login */
    uint64_t login;
};

#define MAM_TOLERANCE_ID 36
#define MAM_TOLERANCE_BLOCK_LENGTH 40
#define MAM_TOLERANCE_LENGTH 48
/* How far the server's figures and ours may differ, for accounts in a currency */
struct mam_tolerance {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Currency */
    char currency[8];
    /* Of balance, margin and floating profit. Money, 1e-6 */
    int64_t money;
    /* More for each position or deal: the server rounds each. Money, 1e-6 */
    int64_t per_position;
    /* More of floating profit: what so many spreads make of the positions. Factor, 1e-8 */
    int64_t spreads;
};

#define MAM_TIME_ZONE_ID 94
#define MAM_TIME_ZONE_BLOCK_LENGTH 64
#define MAM_TIME_ZONE_LENGTH 72
/* What a time zone's clocks show from some time on; one message a change of its clocks, in their order */
struct mam_time_zone {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* 1 to 16. Id */
    uint32_t zone;
    uint8_t padding_20[4];
    /* Europe/London, …. Name */
    char zone_name[32];
    /* The first one of a zone holds for all times before it too. Time */
    int64_t since;
    /* Local time less UTC, ns; within a day. Time */
    int64_t zone_offset;
};

#define MAM_CLOCK_ID 40
#define MAM_CLOCK_BLOCK_LENGTH 24
#define MAM_CLOCK_LENGTH 32
/* Time passes: the engine's timers run on this, never on a clock of their own */
struct mam_clock {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Time */
    int64_t now;
    /* Largest distance of the clock from UTC, ns; -1: not disciplined. Time */
    int64_t error_bound;
};

#define MAM_OPENED_ID 41
#define MAM_OPENED_BLOCK_LENGTH 80
#define MAM_OPENED_LENGTH 88
/* First record of a run: who opened the journal, with which limits */
struct mam_opened {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Counts the starts of this instance. Sequence */
    uint64_t generation;
    /* Count */
    uint32_t instruments;
    /* Count */
    uint32_t accounts;
    /* Count */
    uint32_t groups;
    /* Count */
    uint32_t members;
    /* Count */
    uint32_t blocks;
    /* Count */
    uint32_t children;
    /* Count */
    uint32_t holdings;
    /* Count */
    uint32_t bridges;
    /* Of the schema's layout. Sequence */
    uint64_t fingerprint;
    /* Version of the appliance. Currency */
    char build[8];
    /* Milliseconds */
    uint32_t leg_timeout;
    /* Milliseconds */
    uint32_t booking_timeout;
    /* Count */
    uint32_t history;
    /* Count */
    uint32_t positions;
};

#define MAM_BRIDGE_OPENED_ID 42
#define MAM_BRIDGE_OPENED_BLOCK_LENGTH 48
#define MAM_BRIDGE_OPENED_LENGTH 56
/* A ring pair and what its owner may send */
struct mam_bridge_opened {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t bridge;
    /* 1 broker, 2 LP, 3 control. Small */
    uint8_t role;
    uint8_t padding_21[3];
    /* Name */
    char bridge_name[32];
};

#define MAM_BRIDGE_FENCED_ID 43
#define MAM_BRIDGE_FENCED_BLOCK_LENGTH 16
#define MAM_BRIDGE_FENCED_LENGTH 24
/* The host no longer looks at one of a bridge's rings */
struct mam_bridge_fenced {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t bridge;
    /* Why: the ring's code, its sign turned; 0: it did not read, or never finished a write. Code */
    uint32_t code;
};

#define MAM_LOG_STATE_ID 44
#define MAM_LOG_STATE_BLOCK_LENGTH 24
#define MAM_LOG_STATE_LENGTH 32
/* How far the log on disk is behind: whether new orders may come */
struct mam_log_state {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Journal entries that are not on disk. Sequence */
    uint64_t behind;
    /* No new orders: 1 the log is behind, 2 its disk is full; 0: they may come. Small */
    uint8_t suspended;
    uint8_t padding_25[7];
};

#define MAM_CONTINUED_ID 83
#define MAM_CONTINUED_BLOCK_LENGTH 24
#define MAM_CONTINUED_LENGTH 32
/* The run goes on from the log, in new shared memory: bridges attach again and ask for what they missed */
struct mam_continued {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Counts the starts of this instance. Sequence */
    uint64_t generation;
    /* At most so many journal entries may have been lost with the memory; so many numbers of outputs and
     * blocks are left out. Sequence */
    uint64_t lost;
};

#define MAM_BRIDGE_RENEWED_ID 84
#define MAM_BRIDGE_RENEWED_BLOCK_LENGTH 24
#define MAM_BRIDGE_RENEWED_LENGTH 32
/* A fenced bridge has new, empty rings */
struct mam_bridge_renewed {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t bridge;
    uint8_t padding_20[4];
    /* Of the rings. Sequence */
    uint64_t generation;
};

#define MAM_CLOCK_STATE_ID 85
#define MAM_CLOCK_STATE_BLOCK_LENGTH 24
#define MAM_CLOCK_STATE_LENGTH 32
/* How good the host's clock is: at the start, at each change, and once a minute */
struct mam_clock_state {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Largest distance of the clock from UTC, ns; -1: not disciplined. Time */
    int64_t error_bound;
    /* It has jumped by so many ns; 0: it has not. Time */
    int64_t step;
};

#define MAM_LEG_ID 50
#define MAM_LEG_BLOCK_LENGTH 56
#define MAM_LEG_LENGTH 64
/* An immediate-or-cancel order for one LP */
struct mam_leg {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t leg;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Worst acceptable; 0: market. Price, 1e-8 */
    int64_t price;
    /* Milliseconds */
    uint32_t time_limit;
    /* Id */
    uint32_t instrument;
    /* Side, enum mam_side */
    uint8_t side;
    uint8_t padding_49[7];
    /* Time */
    int64_t sent;
};

#define MAM_LEG_CANCEL_ID 51
#define MAM_LEG_CANCEL_BLOCK_LENGTH 16
#define MAM_LEG_CANCEL_LENGTH 24
/* Takes a leg back, or asks for its state */
struct mam_leg_cancel {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t leg;
};

#define MAM_BOOKING_ID 60
#define MAM_BOOKING_BLOCK_LENGTH 56
#define MAM_BOOKING_LENGTH 64
/* Book this child. Key: block and child; a repeat is the same booking */
struct mam_booking {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t child;
    /* Login */
    uint64_t login;
    /* Volume, 1e-8 */
    int64_t volume;
    /* Price, 1e-8 */
    int64_t price;
    /* A close: the ticket to close (hedging). Ticket */
    uint64_t position;
    /* Id */
    uint32_t instrument;
    /* Side, enum mam_side */
    uint8_t side;
    /* Entry, enum mam_entry */
    uint8_t entry;
    /* Those of one number come one after the other and may be booked in one call; at most
     * ServerTerms.batch. Batch */
    uint16_t batch;
};

#define MAM_MASTER_REPORT_ID 61
#define MAM_MASTER_REPORT_BLOCK_LENGTH 96
#define MAM_MASTER_REPORT_LENGTH 104
/* What became of the master's order or deal */
struct mam_master_report {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Ticket */
    uint64_t order;
    /* Ticket */
    uint64_t deal;
    /* Id */
    uint32_t group;
    /* Id */
    uint32_t block;
    /* Asked for. Volume, 1e-8 */
    int64_t volume;
    /* Volume, 1e-8 */
    int64_t filled;
    /* To children. Volume, 1e-8 */
    int64_t allocated;
    /* Parked in the house account. Volume, 1e-8 */
    int64_t house;
    /* Of the children. Price, 1e-8 */
    int64_t price;
    /* Count */
    uint32_t children;
    /* Reason, enum mam_reason */
    uint16_t reason;
    /* BlockStatus, enum mam_block_status */
    uint8_t status;
    uint8_t padding_87[1];
    /* Volume, 1e-8 */
    int64_t planned;
    /* The master's ticket that is opened or closed. Ticket */
    uint64_t master_position;
};

#define MAM_RISK_ALERT_ID 62
#define MAM_RISK_ALERT_BLOCK_LENGTH 56
#define MAM_RISK_ALERT_LENGTH 64
/* Something a person should know */
struct mam_risk_alert {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Login */
    uint64_t login;
    /* Id */
    uint32_t group;
    /* Id */
    uint32_t block;
    /* Factor, 1e-8 */
    int64_t measured;
    /* Factor, 1e-8 */
    int64_t limit;
    /* Id */
    uint32_t instrument;
    /* Reason, enum mam_reason */
    uint16_t reason;
    /* AlertKind, enum mam_alert_kind */
    uint8_t kind;
    uint8_t padding_55[9];
};

#define MAM_REJECT_ID 63
#define MAM_REJECT_BLOCK_LENGTH 32
#define MAM_REJECT_LENGTH 40
/* A message of this bridge was refused; nothing of it was done */
struct mam_reject {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Sequence number of the refused message. Sequence */
    uint64_t ref_sequence;
    /* Its template id. Flags */
    uint16_t ref_template;
    /* Reason, enum mam_reason */
    uint16_t reason;
    /* Id of the field at fault; 0: the whole. Flags */
    uint16_t field_id;
    uint8_t padding_30[10];
};

#define MAM_RESUMED_ID 82
#define MAM_RESUMED_BLOCK_LENGTH 32
#define MAM_RESUMED_LENGTH 40
/* The answer to a bridge's Resync. The outputs that it asked for have come again before this one */
struct mam_resumed {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Last sequence number of the bridge's that the engine has: what came after is to be sent again.
     * Sequence */
    uint64_t consumed;
    /* As asked. Sequence */
    uint64_t from_sequence;
    /* Outputs that the bridge has heard and the log has not: reconcile. Sequence */
    uint64_t lost;
};

#define MAM_OUTPUTS_GONE_ID 86
#define MAM_OUTPUTS_GONE_BLOCK_LENGTH 16
#define MAM_OUTPUTS_GONE_LENGTH 24
/* Outputs that a bridge's Resync asked for were pruned from the log and do not come again: reconcile */
struct mam_outputs_gone {
    struct mam_header header;
    /* The last of them. Sequence */
    uint64_t sequence;
    /* The first of them. Sequence */
    uint64_t from_sequence;
};

#define MAM_BOOKING_QUERY_ID 66
#define MAM_BOOKING_QUERY_BLOCK_LENGTH 24
#define MAM_BOOKING_QUERY_LENGTH 32
/* Bookings of this block are unanswered: say again what became of each. Nothing is booked by this */
struct mam_booking_query {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* How many. Count */
    uint32_t unanswered;
    uint8_t padding_24[8];
};

#define MAM_PLAN_ID 70
#define MAM_PLAN_BLOCK_LENGTH 112
#define MAM_PLAN_LENGTH 120
/* The frozen plan of a block; its members follow as PlanMember */
struct mam_plan {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t group;
    /* Ticket */
    uint64_t order;
    /* Ticket */
    uint64_t deal;
    /* The master's. Volume, 1e-8 */
    int64_t volume;
    /* Sum of the children. Volume, 1e-8 */
    int64_t planned;
    /* Sum of the weights. Sequence */
    uint64_t total_weight;
    /* Volume, 1e-8 */
    int64_t step;
    /* Volume, 1e-8 */
    int64_t minimum;
    /* Id */
    uint32_t policy_version;
    /* Id */
    uint32_t instrument;
    /* Count */
    uint32_t members;
    /* Method, enum mam_method */
    uint8_t method;
    /* Rounding, enum mam_rounding */
    uint8_t rounding;
    /* OnShortfall, enum mam_on_shortfall */
    uint8_t on_shortfall;
    /* BelowMin, enum mam_below_min */
    uint8_t below_min;
    /* Side, enum mam_side */
    uint8_t side;
    /* Entry, enum mam_entry */
    uint8_t entry;
    /* ExecutionMode, enum mam_execution_mode */
    uint8_t execution;
    uint8_t padding_99[1];
    /* Reason, enum mam_reason */
    uint16_t reason;
    uint8_t padding_102[2];
    /* Ticket */
    uint64_t master_position;
    uint8_t padding_112[8];
};

#define MAM_PLAN_MEMBER_ID 71
#define MAM_PLAN_MEMBER_BLOCK_LENGTH 112
#define MAM_PLAN_MEMBER_LENGTH 120
/* One member of a plan, and why it gets what it gets */
struct mam_plan_member {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t child;
    /* Login */
    uint64_t login;
    /* Balance, equity or free margin in the group's currency; else 0. Money, 1e-6 */
    int64_t measure;
    /* Exact quota is volume x weight / totalWeight (proportional). Sequence */
    uint64_t weight;
    /* Exact share, rounded down to 1e-8 lot. Volume, 1e-8 */
    int64_t quota;
    uint8_t padding_56[8];
    /* Tightest constraint; the largest int64: none. Volume, 1e-8 */
    int64_t cap;
    /* Share rounded down to the step. Volume, 1e-8 */
    int64_t floor_volume;
    /* quota less floorVolume. Volume, 1e-8 */
    int64_t remainder;
    /* What it gets. Volume, 1e-8 */
    int64_t volume;
    /* Margin the account had when planned. Money, 1e-6 */
    int64_t margin;
    /* Reason, enum mam_reason */
    uint16_t reason;
    /* Constraint, enum mam_constraint */
    uint8_t binding;
    uint8_t padding_107[13];
};

#define MAM_BLOCK_CHANGE_ID 72
#define MAM_BLOCK_CHANGE_BLOCK_LENGTH 64
#define MAM_BLOCK_CHANGE_LENGTH 72
/* A block enters a state */
struct mam_block_change {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Reason, enum mam_reason */
    uint16_t reason;
    /* BlockStatus, enum mam_block_status */
    uint8_t status;
    /* BlockStatus, enum mam_block_status */
    uint8_t previous;
    /* Volume, 1e-8 */
    int64_t filled;
    /* Volume, 1e-8 */
    int64_t allocated;
    /* Volume, 1e-8 */
    int64_t house;
    /* Price, 1e-8 */
    int64_t price;
    /* What rounding the average price left: fills less price x filled. Residue */
    int64_t residue;
    uint8_t padding_64[8];
};

#define MAM_RISK_STOP_ID 76
#define MAM_RISK_STOP_BLOCK_LENGTH 88
#define MAM_RISK_STOP_LENGTH 96
/* A member is stopped by its drawdown, or the stop ends */
struct mam_risk_stop {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Login */
    uint64_t login;
    /* Id */
    uint32_t group;
    /* drawdown_stop: it begins; none: it has ended. Reason, enum mam_reason */
    uint16_t reason;
    /* DrawdownBasis, enum mam_drawdown_basis */
    uint8_t basis;
    /* DrawdownAction, enum mam_drawdown_action */
    uint8_t action;
    /* Time */
    int64_t since;
    /* The next reset; 0: until an operator lifts it; of an end: when. Time */
    int64_t until;
    /* Money, 1e-6 */
    int64_t equity;
    /* What equity is measured against. Money, 1e-6 */
    int64_t mark;
    /* Who lifted it; empty: the reset. Name */
    char operator_name[32];
};

#define MAM_BOOK_SOURCE_ID 80
#define MAM_BOOK_SOURCE_BLOCK_LENGTH 40
#define MAM_BOOK_SOURCE_LENGTH 48
/* An LP that a block's sweep leaves out, and why */
struct mam_book_source {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Id */
    uint32_t block;
    /* Id */
    uint32_t bridge;
    /* Price, 1e-8 */
    int64_t bid;
    /* Price, 1e-8 */
    int64_t ask;
    /* Reason, enum mam_reason */
    uint16_t reason;
    uint8_t padding_42[6];
};

#define MAM_HOUSE_CHANGE_ID 81
#define MAM_HOUSE_CHANGE_BLOCK_LENGTH 56
#define MAM_HOUSE_CHANGE_LENGTH 64
/* The house's exposure at the LPs changes: a volume that no block's division has */
struct mam_house_change {
    struct mam_header header;
    /* Sequence */
    uint64_t sequence;
    /* Block that the fill was of. Id */
    uint32_t block;
    /* Id */
    uint32_t instrument;
    /* Bought; sold is negative. Volume, 1e-8 */
    int64_t volume;
    /* Price, 1e-8 */
    int64_t price;
    /* The house's of that instrument, after it. Volume, 1e-8 */
    int64_t exposure;
    /* The LP. Id */
    uint32_t bridge;
    /* Reason, enum mam_reason */
    uint16_t reason;
    uint8_t padding_54[10];
};

/*
 * Is this a message of the schema? Looks at the bytes only, never at the meaning, and reads nothing past
 * length. The bytes may lie at any address, but must be a private copy: in shared memory they could change
 * after the check.
 *
 * MAM_REASON_NONE: yes; at MAM_SCHEMA_VERSION or older, length is exactly the header and the block. A
 * newer version may be longer; an older one lacks the fields that came later (they are absent: take them
 * as null).
 * MAM_REASON_MALFORMED: header cut short, another schema, unknown template, or a length that does not fit.
 * MAM_REASON_OUT_OF_RANGE: field *field_id (else 0) holds a null, an unknown enum value, or bytes that a
 * text may not have. A text may be empty; what it means to leave it so is the reader's matter.
 */
static inline enum mam_reason mam_message_check(const void *message, uint32_t length, uint16_t *field_id);
/* cdef: end */

#ifdef __cplusplus
#define MAM_LAYOUT(condition) static_assert(condition, "layout of the wire")
#else
#define MAM_LAYOUT(condition) _Static_assert(condition, "layout of the wire")
#endif

MAM_LAYOUT(sizeof(struct mam_header) == 8);

MAM_LAYOUT(sizeof(struct mam_instrument) == 224);
MAM_LAYOUT(offsetof(struct mam_instrument, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, instrument) == 16);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_instrument, digits) == 20);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->digits) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument, calc_mode) == 21);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->calc_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument, trade_mode) == 22);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->trade_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_flags) == 23);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_flags) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument, symbol) == 24);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->symbol) == 32);
MAM_LAYOUT(offsetof(struct mam_instrument, base_currency) == 56);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->base_currency) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, profit_currency) == 64);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->profit_currency) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_currency) == 72);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_currency) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, contract_size) == 80);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->contract_size) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, volume_min) == 88);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->volume_min) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, volume_step) == 96);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->volume_step) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, volume_max) == 104);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->volume_max) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, volume_limit) == 112);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->volume_limit) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, tick_size) == 120);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->tick_size) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, tick_value) == 128);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->tick_value) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_initial) == 136);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_initial) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_maintenance) == 144);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_maintenance) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_hedged) == 152);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_hedged) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_rate_buy) == 160);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_rate_buy) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, margin_rate_sell) == 168);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->margin_rate_sell) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, maintenance_rate_buy) == 176);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->maintenance_rate_buy) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, maintenance_rate_sell) == 184);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->maintenance_rate_sell) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument, stale_after) == 192);
MAM_LAYOUT(sizeof(((struct mam_instrument *)0)->stale_after) == 4);

MAM_LAYOUT(sizeof(struct mam_account) == 64);
MAM_LAYOUT(offsetof(struct mam_account, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_account, login) == 16);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_account, currency) == 24);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->currency) == 8);
MAM_LAYOUT(offsetof(struct mam_account, leverage) == 32);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->leverage) == 4);
MAM_LAYOUT(offsetof(struct mam_account, margin_mode) == 36);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->margin_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_account, trade_mode) == 37);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->trade_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_account, free_margin_mode) == 38);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->free_margin_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_account, stop_out_mode) == 39);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->stop_out_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_account, margin_call) == 40);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->margin_call) == 8);
MAM_LAYOUT(offsetof(struct mam_account, stop_out) == 48);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->stop_out) == 8);
MAM_LAYOUT(offsetof(struct mam_account, trade_flags) == 56);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->trade_flags) == 2);
MAM_LAYOUT(offsetof(struct mam_account, money_digits) == 58);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->money_digits) == 1);
MAM_LAYOUT(offsetof(struct mam_account, server_group) == 60);
MAM_LAYOUT(sizeof(((struct mam_account *)0)->server_group) == 4);

MAM_LAYOUT(sizeof(struct mam_account_state) == 64);
MAM_LAYOUT(offsetof(struct mam_account_state, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, login) == 16);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, balance) == 24);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->balance) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, credit) == 32);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->credit) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, equity) == 40);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->equity) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, margin) == 48);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->margin) == 8);
MAM_LAYOUT(offsetof(struct mam_account_state, as_of) == 56);
MAM_LAYOUT(sizeof(((struct mam_account_state *)0)->as_of) == 8);

MAM_LAYOUT(sizeof(struct mam_position_state) == 96);
MAM_LAYOUT(offsetof(struct mam_position_state, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, login) == 16);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, position) == 24);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->position) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, volume) == 32);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, price_open) == 40);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->price_open) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, swap) == 48);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->swap) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, instrument) == 56);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_position_state, side) == 60);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_position_state, rate_margin) == 64);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->rate_margin) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, as_of) == 72);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->as_of) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, master_position) == 80);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->master_position) == 8);
MAM_LAYOUT(offsetof(struct mam_position_state, group) == 88);
MAM_LAYOUT(sizeof(((struct mam_position_state *)0)->group) == 4);

MAM_LAYOUT(sizeof(struct mam_master_order) == 96);
MAM_LAYOUT(offsetof(struct mam_master_order, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, order) == 16);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->order) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, group) == 24);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_master_order, instrument) == 28);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_master_order, volume) == 32);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, price) == 40);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, deviation) == 48);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->deviation) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, stop_loss) == 56);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->stop_loss) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, take_profit) == 64);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->take_profit) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, position) == 72);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->position) == 8);
MAM_LAYOUT(offsetof(struct mam_master_order, side) == 80);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_master_order, entry) == 81);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->entry) == 1);
MAM_LAYOUT(offsetof(struct mam_master_order, time_limit) == 84);
MAM_LAYOUT(sizeof(((struct mam_master_order *)0)->time_limit) == 4);

MAM_LAYOUT(sizeof(struct mam_master_cancel) == 32);
MAM_LAYOUT(offsetof(struct mam_master_cancel, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_master_cancel *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_master_cancel, order) == 16);
MAM_LAYOUT(sizeof(((struct mam_master_cancel *)0)->order) == 8);
MAM_LAYOUT(offsetof(struct mam_master_cancel, group) == 24);
MAM_LAYOUT(sizeof(((struct mam_master_cancel *)0)->group) == 4);

MAM_LAYOUT(sizeof(struct mam_master_deal) == 104);
MAM_LAYOUT(offsetof(struct mam_master_deal, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, deal) == 16);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->deal) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, order) == 24);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->order) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, group) == 32);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_master_deal, instrument) == 36);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_master_deal, volume) == 40);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, price) == 48);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, stop_loss) == 56);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->stop_loss) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, take_profit) == 64);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->take_profit) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, position) == 72);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->position) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, executed) == 80);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->executed) == 8);
MAM_LAYOUT(offsetof(struct mam_master_deal, side) == 88);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_master_deal, entry) == 89);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->entry) == 1);
MAM_LAYOUT(offsetof(struct mam_master_deal, position_by) == 96);
MAM_LAYOUT(sizeof(((struct mam_master_deal *)0)->position_by) == 8);

MAM_LAYOUT(sizeof(struct mam_booking_report) == 72);
MAM_LAYOUT(offsetof(struct mam_booking_report, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_booking_report, child) == 20);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->child) == 4);
MAM_LAYOUT(offsetof(struct mam_booking_report, login) == 24);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, deal) == 32);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->deal) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, position) == 40);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->position) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, volume) == 48);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, price) == 56);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_report, code) == 64);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->code) == 4);
MAM_LAYOUT(offsetof(struct mam_booking_report, status) == 68);
MAM_LAYOUT(sizeof(((struct mam_booking_report *)0)->status) == 1);

MAM_LAYOUT(sizeof(struct mam_heartbeat) == 24);
MAM_LAYOUT(offsetof(struct mam_heartbeat, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_heartbeat *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_heartbeat, sent) == 16);
MAM_LAYOUT(sizeof(((struct mam_heartbeat *)0)->sent) == 8);

MAM_LAYOUT(sizeof(struct mam_leverage_tier) == 64);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, instrument) == 16);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, tier) == 20);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->tier) == 1);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, tier_range) == 21);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->tier_range) == 1);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, from_amount) == 24);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->from_amount) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, to_amount) == 32);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->to_amount) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, initial_rate) == 40);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->initial_rate) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, maintenance_rate) == 48);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->maintenance_rate) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_tier, server_group) == 56);
MAM_LAYOUT(sizeof(((struct mam_leverage_tier *)0)->server_group) == 4);

MAM_LAYOUT(sizeof(struct mam_leverage_rule) == 64);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, rule) == 16);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->rule) == 4);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, tier) == 20);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->tier) == 1);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, tier_range) == 21);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->tier_range) == 1);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, from_amount) == 24);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->from_amount) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, to_amount) == 32);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->to_amount) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, initial_rate) == 40);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->initial_rate) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, maintenance_rate) == 48);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->maintenance_rate) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule, currency) == 56);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule *)0)->currency) == 8);

MAM_LAYOUT(sizeof(struct mam_leverage_rule_instrument) == 32);
MAM_LAYOUT(offsetof(struct mam_leverage_rule_instrument, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule_instrument *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_leverage_rule_instrument, rule) == 16);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule_instrument *)0)->rule) == 4);
MAM_LAYOUT(offsetof(struct mam_leverage_rule_instrument, instrument) == 20);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule_instrument *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_leverage_rule_instrument, server_group) == 24);
MAM_LAYOUT(sizeof(((struct mam_leverage_rule_instrument *)0)->server_group) == 4);

MAM_LAYOUT(sizeof(struct mam_instrument_override) == 96);
MAM_LAYOUT(offsetof(struct mam_instrument_override, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, server_group) == 16);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->server_group) == 4);
MAM_LAYOUT(offsetof(struct mam_instrument_override, instrument) == 20);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_instrument_override, trade_mode) == 24);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->trade_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_flags) == 25);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_flags) == 1);
MAM_LAYOUT(offsetof(struct mam_instrument_override, volume_max) == 32);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->volume_max) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_initial) == 40);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_initial) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_maintenance) == 48);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_maintenance) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_hedged) == 56);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_hedged) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_rate_buy) == 64);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_rate_buy) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, margin_rate_sell) == 72);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->margin_rate_sell) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, maintenance_rate_buy) == 80);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->maintenance_rate_buy) == 8);
MAM_LAYOUT(offsetof(struct mam_instrument_override, maintenance_rate_sell) == 88);
MAM_LAYOUT(sizeof(((struct mam_instrument_override *)0)->maintenance_rate_sell) == 8);

MAM_LAYOUT(sizeof(struct mam_server_terms) == 32);
MAM_LAYOUT(offsetof(struct mam_server_terms, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_server_terms *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_server_terms, batch) == 16);
MAM_LAYOUT(sizeof(((struct mam_server_terms *)0)->batch) == 4);
MAM_LAYOUT(offsetof(struct mam_server_terms, window) == 20);
MAM_LAYOUT(sizeof(((struct mam_server_terms *)0)->window) == 4);
MAM_LAYOUT(offsetof(struct mam_server_terms, platform) == 24);
MAM_LAYOUT(sizeof(((struct mam_server_terms *)0)->platform) == 1);

MAM_LAYOUT(sizeof(struct mam_quote) == 64);
MAM_LAYOUT(offsetof(struct mam_quote, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_quote, instrument) == 16);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_quote, level) == 20);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->level) == 1);
MAM_LAYOUT(offsetof(struct mam_quote, bid) == 24);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->bid) == 8);
MAM_LAYOUT(offsetof(struct mam_quote, ask) == 32);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->ask) == 8);
MAM_LAYOUT(offsetof(struct mam_quote, bid_volume) == 40);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->bid_volume) == 8);
MAM_LAYOUT(offsetof(struct mam_quote, ask_volume) == 48);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->ask_volume) == 8);
MAM_LAYOUT(offsetof(struct mam_quote, quoted) == 56);
MAM_LAYOUT(sizeof(((struct mam_quote *)0)->quoted) == 8);

MAM_LAYOUT(sizeof(struct mam_execution) == 80);
MAM_LAYOUT(offsetof(struct mam_execution, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_execution, leg) == 20);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->leg) == 4);
MAM_LAYOUT(offsetof(struct mam_execution, execution) == 24);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->execution) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, volume) == 32);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, price) == 40);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, cumulative) == 48);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->cumulative) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, reference) == 56);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->reference) == 8);
MAM_LAYOUT(offsetof(struct mam_execution, code) == 64);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->code) == 4);
MAM_LAYOUT(offsetof(struct mam_execution, kind) == 68);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->kind) == 1);
MAM_LAYOUT(offsetof(struct mam_execution, executed) == 72);
MAM_LAYOUT(sizeof(((struct mam_execution *)0)->executed) == 8);

MAM_LAYOUT(sizeof(struct mam_group_policy) == 144);
MAM_LAYOUT(offsetof(struct mam_group_policy, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, group) == 16);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, policy_version) == 20);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->policy_version) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, master_login) == 24);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->master_login) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, overflow_login) == 32);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->overflow_login) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, house_login) == 40);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->house_login) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, currency) == 48);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->currency) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, method) == 56);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->method) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, rounding) == 57);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->rounding) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, on_shortfall) == 58);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->on_shortfall) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, below_min) == 59);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->below_min) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, execution) == 60);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->execution) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, on_partial) == 61);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->on_partial) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, on_refused) == 62);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->on_refused) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, price_mode) == 63);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->price_mode) == 1);
MAM_LAYOUT(offsetof(struct mam_group_policy, deviation) == 64);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->deviation) == 8);
MAM_LAYOUT(offsetof(struct mam_group_policy, leg_timeout) == 72);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->leg_timeout) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, booking_timeout) == 76);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->booking_timeout) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, state_max_age) == 80);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->state_max_age) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, max_members) == 84);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->max_members) == 4);
MAM_LAYOUT(offsetof(struct mam_group_policy, operator_name) == 88);
MAM_LAYOUT(sizeof(((struct mam_group_policy *)0)->operator_name) == 32);

MAM_LAYOUT(sizeof(struct mam_member) == 128);
MAM_LAYOUT(offsetof(struct mam_member, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_member, group) == 16);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_member, status) == 20);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->status) == 1);
MAM_LAYOUT(offsetof(struct mam_member, on_leave) == 21);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->on_leave) == 1);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_basis) == 22);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_basis) == 1);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_action) == 23);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_action) == 1);
MAM_LAYOUT(offsetof(struct mam_member, login) == 24);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_member, weight) == 32);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->weight) == 8);
MAM_LAYOUT(offsetof(struct mam_member, max_volume) == 40);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->max_volume) == 8);
MAM_LAYOUT(offsetof(struct mam_member, margin_buffer) == 48);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->margin_buffer) == 8);
MAM_LAYOUT(offsetof(struct mam_member, max_leverage) == 56);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->max_leverage) == 8);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_percent) == 64);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_percent) == 8);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_money) == 72);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_money) == 8);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_reset) == 80);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_reset) == 8);
MAM_LAYOUT(offsetof(struct mam_member, operator_name) == 88);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->operator_name) == 32);
MAM_LAYOUT(offsetof(struct mam_member, drawdown_zone) == 120);
MAM_LAYOUT(sizeof(((struct mam_member *)0)->drawdown_zone) == 4);

MAM_LAYOUT(sizeof(struct mam_limits) == 120);
MAM_LAYOUT(offsetof(struct mam_limits, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_limits, group) == 16);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_limits, orders_per_second) == 20);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->orders_per_second) == 4);
MAM_LAYOUT(offsetof(struct mam_limits, max_volume) == 24);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->max_volume) == 8);
MAM_LAYOUT(offsetof(struct mam_limits, collar) == 32);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->collar) == 8);
MAM_LAYOUT(offsetof(struct mam_limits, daily_loss) == 40);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->daily_loss) == 8);
MAM_LAYOUT(offsetof(struct mam_limits, operator_name) == 64);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->operator_name) == 32);
MAM_LAYOUT(offsetof(struct mam_limits, booking_window) == 96);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->booking_window) == 4);
MAM_LAYOUT(offsetof(struct mam_limits, currency) == 100);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->currency) == 8);
MAM_LAYOUT(offsetof(struct mam_limits, day_begins) == 112);
MAM_LAYOUT(sizeof(((struct mam_limits *)0)->day_begins) == 8);

MAM_LAYOUT(sizeof(struct mam_kill_switch) == 64);
MAM_LAYOUT(offsetof(struct mam_kill_switch, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_kill_switch *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_kill_switch, group) == 16);
MAM_LAYOUT(sizeof(((struct mam_kill_switch *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_kill_switch, scope) == 20);
MAM_LAYOUT(sizeof(((struct mam_kill_switch *)0)->scope) == 1);
MAM_LAYOUT(offsetof(struct mam_kill_switch, action) == 21);
MAM_LAYOUT(sizeof(((struct mam_kill_switch *)0)->action) == 1);
MAM_LAYOUT(offsetof(struct mam_kill_switch, operator_name) == 24);
MAM_LAYOUT(sizeof(((struct mam_kill_switch *)0)->operator_name) == 32);

MAM_LAYOUT(sizeof(struct mam_resync) == 32);
MAM_LAYOUT(offsetof(struct mam_resync, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_resync *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_resync, from_sequence) == 16);
MAM_LAYOUT(sizeof(((struct mam_resync *)0)->from_sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_resync, login) == 24);
MAM_LAYOUT(sizeof(((struct mam_resync *)0)->login) == 8);

MAM_LAYOUT(sizeof(struct mam_tolerance) == 48);
MAM_LAYOUT(offsetof(struct mam_tolerance, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_tolerance *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_tolerance, currency) == 16);
MAM_LAYOUT(sizeof(((struct mam_tolerance *)0)->currency) == 8);
MAM_LAYOUT(offsetof(struct mam_tolerance, money) == 24);
MAM_LAYOUT(sizeof(((struct mam_tolerance *)0)->money) == 8);
MAM_LAYOUT(offsetof(struct mam_tolerance, per_position) == 32);
MAM_LAYOUT(sizeof(((struct mam_tolerance *)0)->per_position) == 8);
MAM_LAYOUT(offsetof(struct mam_tolerance, spreads) == 40);
MAM_LAYOUT(sizeof(((struct mam_tolerance *)0)->spreads) == 8);

MAM_LAYOUT(sizeof(struct mam_time_zone) == 72);
MAM_LAYOUT(offsetof(struct mam_time_zone, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_time_zone *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_time_zone, zone) == 16);
MAM_LAYOUT(sizeof(((struct mam_time_zone *)0)->zone) == 4);
MAM_LAYOUT(offsetof(struct mam_time_zone, zone_name) == 24);
MAM_LAYOUT(sizeof(((struct mam_time_zone *)0)->zone_name) == 32);
MAM_LAYOUT(offsetof(struct mam_time_zone, since) == 56);
MAM_LAYOUT(sizeof(((struct mam_time_zone *)0)->since) == 8);
MAM_LAYOUT(offsetof(struct mam_time_zone, zone_offset) == 64);
MAM_LAYOUT(sizeof(((struct mam_time_zone *)0)->zone_offset) == 8);

MAM_LAYOUT(sizeof(struct mam_clock) == 32);
MAM_LAYOUT(offsetof(struct mam_clock, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_clock *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_clock, now) == 16);
MAM_LAYOUT(sizeof(((struct mam_clock *)0)->now) == 8);
MAM_LAYOUT(offsetof(struct mam_clock, error_bound) == 24);
MAM_LAYOUT(sizeof(((struct mam_clock *)0)->error_bound) == 8);

MAM_LAYOUT(sizeof(struct mam_opened) == 88);
MAM_LAYOUT(offsetof(struct mam_opened, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_opened, generation) == 16);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->generation) == 8);
MAM_LAYOUT(offsetof(struct mam_opened, instruments) == 24);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->instruments) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, accounts) == 28);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->accounts) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, groups) == 32);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->groups) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, members) == 36);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->members) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, blocks) == 40);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->blocks) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, children) == 44);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->children) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, holdings) == 48);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->holdings) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, bridges) == 52);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->bridges) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, fingerprint) == 56);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->fingerprint) == 8);
MAM_LAYOUT(offsetof(struct mam_opened, build) == 64);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->build) == 8);
MAM_LAYOUT(offsetof(struct mam_opened, leg_timeout) == 72);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->leg_timeout) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, booking_timeout) == 76);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->booking_timeout) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, history) == 80);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->history) == 4);
MAM_LAYOUT(offsetof(struct mam_opened, positions) == 84);
MAM_LAYOUT(sizeof(((struct mam_opened *)0)->positions) == 4);

MAM_LAYOUT(sizeof(struct mam_bridge_opened) == 56);
MAM_LAYOUT(offsetof(struct mam_bridge_opened, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_bridge_opened *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_bridge_opened, bridge) == 16);
MAM_LAYOUT(sizeof(((struct mam_bridge_opened *)0)->bridge) == 4);
MAM_LAYOUT(offsetof(struct mam_bridge_opened, role) == 20);
MAM_LAYOUT(sizeof(((struct mam_bridge_opened *)0)->role) == 1);
MAM_LAYOUT(offsetof(struct mam_bridge_opened, bridge_name) == 24);
MAM_LAYOUT(sizeof(((struct mam_bridge_opened *)0)->bridge_name) == 32);

MAM_LAYOUT(sizeof(struct mam_bridge_fenced) == 24);
MAM_LAYOUT(offsetof(struct mam_bridge_fenced, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_bridge_fenced *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_bridge_fenced, bridge) == 16);
MAM_LAYOUT(sizeof(((struct mam_bridge_fenced *)0)->bridge) == 4);
MAM_LAYOUT(offsetof(struct mam_bridge_fenced, code) == 20);
MAM_LAYOUT(sizeof(((struct mam_bridge_fenced *)0)->code) == 4);

MAM_LAYOUT(sizeof(struct mam_log_state) == 32);
MAM_LAYOUT(offsetof(struct mam_log_state, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_log_state *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_log_state, behind) == 16);
MAM_LAYOUT(sizeof(((struct mam_log_state *)0)->behind) == 8);
MAM_LAYOUT(offsetof(struct mam_log_state, suspended) == 24);
MAM_LAYOUT(sizeof(((struct mam_log_state *)0)->suspended) == 1);

MAM_LAYOUT(sizeof(struct mam_continued) == 32);
MAM_LAYOUT(offsetof(struct mam_continued, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_continued *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_continued, generation) == 16);
MAM_LAYOUT(sizeof(((struct mam_continued *)0)->generation) == 8);
MAM_LAYOUT(offsetof(struct mam_continued, lost) == 24);
MAM_LAYOUT(sizeof(((struct mam_continued *)0)->lost) == 8);

MAM_LAYOUT(sizeof(struct mam_bridge_renewed) == 32);
MAM_LAYOUT(offsetof(struct mam_bridge_renewed, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_bridge_renewed *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_bridge_renewed, bridge) == 16);
MAM_LAYOUT(sizeof(((struct mam_bridge_renewed *)0)->bridge) == 4);
MAM_LAYOUT(offsetof(struct mam_bridge_renewed, generation) == 24);
MAM_LAYOUT(sizeof(((struct mam_bridge_renewed *)0)->generation) == 8);

MAM_LAYOUT(sizeof(struct mam_clock_state) == 32);
MAM_LAYOUT(offsetof(struct mam_clock_state, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_clock_state *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_clock_state, error_bound) == 16);
MAM_LAYOUT(sizeof(((struct mam_clock_state *)0)->error_bound) == 8);
MAM_LAYOUT(offsetof(struct mam_clock_state, step) == 24);
MAM_LAYOUT(sizeof(((struct mam_clock_state *)0)->step) == 8);

MAM_LAYOUT(sizeof(struct mam_leg) == 64);
MAM_LAYOUT(offsetof(struct mam_leg, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_leg, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_leg, leg) == 20);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->leg) == 4);
MAM_LAYOUT(offsetof(struct mam_leg, volume) == 24);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_leg, price) == 32);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_leg, time_limit) == 40);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->time_limit) == 4);
MAM_LAYOUT(offsetof(struct mam_leg, instrument) == 44);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_leg, side) == 48);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_leg, sent) == 56);
MAM_LAYOUT(sizeof(((struct mam_leg *)0)->sent) == 8);

MAM_LAYOUT(sizeof(struct mam_leg_cancel) == 24);
MAM_LAYOUT(offsetof(struct mam_leg_cancel, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_leg_cancel *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_leg_cancel, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_leg_cancel *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_leg_cancel, leg) == 20);
MAM_LAYOUT(sizeof(((struct mam_leg_cancel *)0)->leg) == 4);

MAM_LAYOUT(sizeof(struct mam_booking) == 64);
MAM_LAYOUT(offsetof(struct mam_booking, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_booking, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_booking, child) == 20);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->child) == 4);
MAM_LAYOUT(offsetof(struct mam_booking, login) == 24);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_booking, volume) == 32);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_booking, price) == 40);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_booking, position) == 48);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->position) == 8);
MAM_LAYOUT(offsetof(struct mam_booking, instrument) == 56);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_booking, side) == 60);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_booking, entry) == 61);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->entry) == 1);
MAM_LAYOUT(offsetof(struct mam_booking, batch) == 62);
MAM_LAYOUT(sizeof(((struct mam_booking *)0)->batch) == 2);

MAM_LAYOUT(sizeof(struct mam_master_report) == 104);
MAM_LAYOUT(offsetof(struct mam_master_report, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, order) == 16);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->order) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, deal) == 24);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->deal) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, group) == 32);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_master_report, block) == 36);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_master_report, volume) == 40);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, filled) == 48);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->filled) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, allocated) == 56);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->allocated) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, house) == 64);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->house) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, price) == 72);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, children) == 80);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->children) == 4);
MAM_LAYOUT(offsetof(struct mam_master_report, reason) == 84);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_master_report, status) == 86);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->status) == 1);
MAM_LAYOUT(offsetof(struct mam_master_report, planned) == 88);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->planned) == 8);
MAM_LAYOUT(offsetof(struct mam_master_report, master_position) == 96);
MAM_LAYOUT(sizeof(((struct mam_master_report *)0)->master_position) == 8);

MAM_LAYOUT(sizeof(struct mam_risk_alert) == 64);
MAM_LAYOUT(offsetof(struct mam_risk_alert, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_alert, login) == 16);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_alert, group) == 24);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_risk_alert, block) == 28);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_risk_alert, measured) == 32);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->measured) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_alert, limit) == 40);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->limit) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_alert, instrument) == 48);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_risk_alert, reason) == 52);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_risk_alert, kind) == 54);
MAM_LAYOUT(sizeof(((struct mam_risk_alert *)0)->kind) == 1);

MAM_LAYOUT(sizeof(struct mam_reject) == 40);
MAM_LAYOUT(offsetof(struct mam_reject, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_reject *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_reject, ref_sequence) == 16);
MAM_LAYOUT(sizeof(((struct mam_reject *)0)->ref_sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_reject, ref_template) == 24);
MAM_LAYOUT(sizeof(((struct mam_reject *)0)->ref_template) == 2);
MAM_LAYOUT(offsetof(struct mam_reject, reason) == 26);
MAM_LAYOUT(sizeof(((struct mam_reject *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_reject, field_id) == 28);
MAM_LAYOUT(sizeof(((struct mam_reject *)0)->field_id) == 2);

MAM_LAYOUT(sizeof(struct mam_resumed) == 40);
MAM_LAYOUT(offsetof(struct mam_resumed, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_resumed *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_resumed, consumed) == 16);
MAM_LAYOUT(sizeof(((struct mam_resumed *)0)->consumed) == 8);
MAM_LAYOUT(offsetof(struct mam_resumed, from_sequence) == 24);
MAM_LAYOUT(sizeof(((struct mam_resumed *)0)->from_sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_resumed, lost) == 32);
MAM_LAYOUT(sizeof(((struct mam_resumed *)0)->lost) == 8);

MAM_LAYOUT(sizeof(struct mam_outputs_gone) == 24);
MAM_LAYOUT(offsetof(struct mam_outputs_gone, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_outputs_gone *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_outputs_gone, from_sequence) == 16);
MAM_LAYOUT(sizeof(((struct mam_outputs_gone *)0)->from_sequence) == 8);

MAM_LAYOUT(sizeof(struct mam_booking_query) == 32);
MAM_LAYOUT(offsetof(struct mam_booking_query, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_booking_query *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_booking_query, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_booking_query *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_booking_query, unanswered) == 20);
MAM_LAYOUT(sizeof(((struct mam_booking_query *)0)->unanswered) == 4);

MAM_LAYOUT(sizeof(struct mam_plan) == 120);
MAM_LAYOUT(offsetof(struct mam_plan, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_plan, group) == 20);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_plan, order) == 24);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->order) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, deal) == 32);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->deal) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, volume) == 40);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, planned) == 48);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->planned) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, total_weight) == 56);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->total_weight) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, step) == 64);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->step) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, minimum) == 72);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->minimum) == 8);
MAM_LAYOUT(offsetof(struct mam_plan, policy_version) == 80);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->policy_version) == 4);
MAM_LAYOUT(offsetof(struct mam_plan, instrument) == 84);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_plan, members) == 88);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->members) == 4);
MAM_LAYOUT(offsetof(struct mam_plan, method) == 92);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->method) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, rounding) == 93);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->rounding) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, on_shortfall) == 94);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->on_shortfall) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, below_min) == 95);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->below_min) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, side) == 96);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->side) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, entry) == 97);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->entry) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, execution) == 98);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->execution) == 1);
MAM_LAYOUT(offsetof(struct mam_plan, reason) == 100);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_plan, master_position) == 104);
MAM_LAYOUT(sizeof(((struct mam_plan *)0)->master_position) == 8);

MAM_LAYOUT(sizeof(struct mam_plan_member) == 120);
MAM_LAYOUT(offsetof(struct mam_plan_member, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_plan_member, child) == 20);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->child) == 4);
MAM_LAYOUT(offsetof(struct mam_plan_member, login) == 24);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, measure) == 32);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->measure) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, weight) == 40);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->weight) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, quota) == 48);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->quota) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, cap) == 64);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->cap) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, floor_volume) == 72);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->floor_volume) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, remainder) == 80);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->remainder) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, volume) == 88);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, margin) == 96);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->margin) == 8);
MAM_LAYOUT(offsetof(struct mam_plan_member, reason) == 104);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_plan_member, binding) == 106);
MAM_LAYOUT(sizeof(((struct mam_plan_member *)0)->binding) == 1);

MAM_LAYOUT(sizeof(struct mam_block_change) == 72);
MAM_LAYOUT(offsetof(struct mam_block_change, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_block_change, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_block_change, reason) == 20);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_block_change, status) == 22);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->status) == 1);
MAM_LAYOUT(offsetof(struct mam_block_change, previous) == 23);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->previous) == 1);
MAM_LAYOUT(offsetof(struct mam_block_change, filled) == 24);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->filled) == 8);
MAM_LAYOUT(offsetof(struct mam_block_change, allocated) == 32);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->allocated) == 8);
MAM_LAYOUT(offsetof(struct mam_block_change, house) == 40);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->house) == 8);
MAM_LAYOUT(offsetof(struct mam_block_change, price) == 48);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_block_change, residue) == 56);
MAM_LAYOUT(sizeof(((struct mam_block_change *)0)->residue) == 8);

MAM_LAYOUT(sizeof(struct mam_risk_stop) == 96);
MAM_LAYOUT(offsetof(struct mam_risk_stop, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, login) == 16);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->login) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, group) == 24);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->group) == 4);
MAM_LAYOUT(offsetof(struct mam_risk_stop, reason) == 28);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->reason) == 2);
MAM_LAYOUT(offsetof(struct mam_risk_stop, basis) == 30);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->basis) == 1);
MAM_LAYOUT(offsetof(struct mam_risk_stop, action) == 31);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->action) == 1);
MAM_LAYOUT(offsetof(struct mam_risk_stop, since) == 32);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->since) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, until) == 40);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->until) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, equity) == 48);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->equity) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, mark) == 56);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->mark) == 8);
MAM_LAYOUT(offsetof(struct mam_risk_stop, operator_name) == 64);
MAM_LAYOUT(sizeof(((struct mam_risk_stop *)0)->operator_name) == 32);

MAM_LAYOUT(sizeof(struct mam_book_source) == 48);
MAM_LAYOUT(offsetof(struct mam_book_source, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_book_source, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_book_source, bridge) == 20);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->bridge) == 4);
MAM_LAYOUT(offsetof(struct mam_book_source, bid) == 24);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->bid) == 8);
MAM_LAYOUT(offsetof(struct mam_book_source, ask) == 32);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->ask) == 8);
MAM_LAYOUT(offsetof(struct mam_book_source, reason) == 40);
MAM_LAYOUT(sizeof(((struct mam_book_source *)0)->reason) == 2);

MAM_LAYOUT(sizeof(struct mam_house_change) == 64);
MAM_LAYOUT(offsetof(struct mam_house_change, sequence) == 8);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->sequence) == 8);
MAM_LAYOUT(offsetof(struct mam_house_change, block) == 16);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->block) == 4);
MAM_LAYOUT(offsetof(struct mam_house_change, instrument) == 20);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->instrument) == 4);
MAM_LAYOUT(offsetof(struct mam_house_change, volume) == 24);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->volume) == 8);
MAM_LAYOUT(offsetof(struct mam_house_change, price) == 32);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->price) == 8);
MAM_LAYOUT(offsetof(struct mam_house_change, exposure) == 40);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->exposure) == 8);
MAM_LAYOUT(offsetof(struct mam_house_change, bridge) == 48);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->bridge) == 4);
MAM_LAYOUT(offsetof(struct mam_house_change, reason) == 52);
MAM_LAYOUT(sizeof(((struct mam_house_change *)0)->reason) == 2);

static inline void mam_header_init(struct mam_header *header, uint16_t template_id, uint16_t block_length) {
    header->block_length = block_length;
    header->template_id = template_id;
    header->schema_id = MAM_SCHEMA_ID;
    header->version = MAM_SCHEMA_VERSION;
}

/* Each of these zeroes the message and sets its header. */

static inline void mam_instrument_init(struct mam_instrument *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_INSTRUMENT_ID, MAM_INSTRUMENT_BLOCK_LENGTH);
}

static inline void mam_account_init(struct mam_account *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_ACCOUNT_ID, MAM_ACCOUNT_BLOCK_LENGTH);
}

static inline void mam_account_state_init(struct mam_account_state *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_ACCOUNT_STATE_ID, MAM_ACCOUNT_STATE_BLOCK_LENGTH);
}

static inline void mam_position_state_init(struct mam_position_state *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_POSITION_STATE_ID, MAM_POSITION_STATE_BLOCK_LENGTH);
}

static inline void mam_master_order_init(struct mam_master_order *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_MASTER_ORDER_ID, MAM_MASTER_ORDER_BLOCK_LENGTH);
}

static inline void mam_master_cancel_init(struct mam_master_cancel *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_MASTER_CANCEL_ID, MAM_MASTER_CANCEL_BLOCK_LENGTH);
}

static inline void mam_master_deal_init(struct mam_master_deal *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_MASTER_DEAL_ID, MAM_MASTER_DEAL_BLOCK_LENGTH);
}

static inline void mam_booking_report_init(struct mam_booking_report *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BOOKING_REPORT_ID, MAM_BOOKING_REPORT_BLOCK_LENGTH);
}

static inline void mam_heartbeat_init(struct mam_heartbeat *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_HEARTBEAT_ID, MAM_HEARTBEAT_BLOCK_LENGTH);
}

static inline void mam_leverage_tier_init(struct mam_leverage_tier *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LEVERAGE_TIER_ID, MAM_LEVERAGE_TIER_BLOCK_LENGTH);
}

static inline void mam_leverage_rule_init(struct mam_leverage_rule *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LEVERAGE_RULE_ID, MAM_LEVERAGE_RULE_BLOCK_LENGTH);
}

static inline void mam_leverage_rule_instrument_init(struct mam_leverage_rule_instrument *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LEVERAGE_RULE_INSTRUMENT_ID,
                    MAM_LEVERAGE_RULE_INSTRUMENT_BLOCK_LENGTH);
}

static inline void mam_instrument_override_init(struct mam_instrument_override *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_INSTRUMENT_OVERRIDE_ID, MAM_INSTRUMENT_OVERRIDE_BLOCK_LENGTH);
}

static inline void mam_server_terms_init(struct mam_server_terms *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_SERVER_TERMS_ID, MAM_SERVER_TERMS_BLOCK_LENGTH);
}

static inline void mam_quote_init(struct mam_quote *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_QUOTE_ID, MAM_QUOTE_BLOCK_LENGTH);
}

static inline void mam_execution_init(struct mam_execution *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_EXECUTION_ID, MAM_EXECUTION_BLOCK_LENGTH);
}

static inline void mam_group_policy_init(struct mam_group_policy *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_GROUP_POLICY_ID, MAM_GROUP_POLICY_BLOCK_LENGTH);
}

static inline void mam_member_init(struct mam_member *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_MEMBER_ID, MAM_MEMBER_BLOCK_LENGTH);
}

static inline void mam_limits_init(struct mam_limits *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LIMITS_ID, MAM_LIMITS_BLOCK_LENGTH);
}

static inline void mam_kill_switch_init(struct mam_kill_switch *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_KILL_SWITCH_ID, MAM_KILL_SWITCH_BLOCK_LENGTH);
}

static inline void mam_resync_init(struct mam_resync *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_RESYNC_ID, MAM_RESYNC_BLOCK_LENGTH);
}

static inline void mam_tolerance_init(struct mam_tolerance *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_TOLERANCE_ID, MAM_TOLERANCE_BLOCK_LENGTH);
}

static inline void mam_time_zone_init(struct mam_time_zone *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_TIME_ZONE_ID, MAM_TIME_ZONE_BLOCK_LENGTH);
}

static inline void mam_clock_init(struct mam_clock *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_CLOCK_ID, MAM_CLOCK_BLOCK_LENGTH);
}

static inline void mam_opened_init(struct mam_opened *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_OPENED_ID, MAM_OPENED_BLOCK_LENGTH);
}

static inline void mam_bridge_opened_init(struct mam_bridge_opened *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BRIDGE_OPENED_ID, MAM_BRIDGE_OPENED_BLOCK_LENGTH);
}

static inline void mam_bridge_fenced_init(struct mam_bridge_fenced *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BRIDGE_FENCED_ID, MAM_BRIDGE_FENCED_BLOCK_LENGTH);
}

static inline void mam_log_state_init(struct mam_log_state *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LOG_STATE_ID, MAM_LOG_STATE_BLOCK_LENGTH);
}

static inline void mam_continued_init(struct mam_continued *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_CONTINUED_ID, MAM_CONTINUED_BLOCK_LENGTH);
}

static inline void mam_bridge_renewed_init(struct mam_bridge_renewed *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BRIDGE_RENEWED_ID, MAM_BRIDGE_RENEWED_BLOCK_LENGTH);
}

static inline void mam_clock_state_init(struct mam_clock_state *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_CLOCK_STATE_ID, MAM_CLOCK_STATE_BLOCK_LENGTH);
}

static inline void mam_leg_init(struct mam_leg *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LEG_ID, MAM_LEG_BLOCK_LENGTH);
}

static inline void mam_leg_cancel_init(struct mam_leg_cancel *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_LEG_CANCEL_ID, MAM_LEG_CANCEL_BLOCK_LENGTH);
}

static inline void mam_booking_init(struct mam_booking *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BOOKING_ID, MAM_BOOKING_BLOCK_LENGTH);
}

static inline void mam_master_report_init(struct mam_master_report *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_MASTER_REPORT_ID, MAM_MASTER_REPORT_BLOCK_LENGTH);
}

static inline void mam_risk_alert_init(struct mam_risk_alert *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_RISK_ALERT_ID, MAM_RISK_ALERT_BLOCK_LENGTH);
}

static inline void mam_reject_init(struct mam_reject *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_REJECT_ID, MAM_REJECT_BLOCK_LENGTH);
}

static inline void mam_resumed_init(struct mam_resumed *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_RESUMED_ID, MAM_RESUMED_BLOCK_LENGTH);
}

static inline void mam_outputs_gone_init(struct mam_outputs_gone *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_OUTPUTS_GONE_ID, MAM_OUTPUTS_GONE_BLOCK_LENGTH);
}

static inline void mam_booking_query_init(struct mam_booking_query *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BOOKING_QUERY_ID, MAM_BOOKING_QUERY_BLOCK_LENGTH);
}

static inline void mam_plan_init(struct mam_plan *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_PLAN_ID, MAM_PLAN_BLOCK_LENGTH);
}

static inline void mam_plan_member_init(struct mam_plan_member *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_PLAN_MEMBER_ID, MAM_PLAN_MEMBER_BLOCK_LENGTH);
}

static inline void mam_block_change_init(struct mam_block_change *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BLOCK_CHANGE_ID, MAM_BLOCK_CHANGE_BLOCK_LENGTH);
}

static inline void mam_risk_stop_init(struct mam_risk_stop *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_RISK_STOP_ID, MAM_RISK_STOP_BLOCK_LENGTH);
}

static inline void mam_book_source_init(struct mam_book_source *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_BOOK_SOURCE_ID, MAM_BOOK_SOURCE_BLOCK_LENGTH);
}

static inline void mam_house_change_init(struct mam_house_change *message) {
    memset(message, 0, sizeof *message);
    mam_header_init(&message->header, MAM_HOUSE_CHANGE_ID, MAM_HOUSE_CHANGE_BLOCK_LENGTH);
}

/* --- The tables of mam_message_check; not for direct use --- */

enum mam_check_kind {
    MAM_CHECK_UINT8,
    MAM_CHECK_UINT16,
    MAM_CHECK_UINT32,
    MAM_CHECK_UINT64,
    MAM_CHECK_INT64,
    MAM_CHECK_ENUM8,
    MAM_CHECK_ENUM16,
    MAM_CHECK_ASCII,
    MAM_CHECK_UTF8
};

struct mam_check_field {
    uint16_t id;
    uint16_t start; /* from the message's start, header included */
    uint16_t length;
    uint16_t since;
    uint16_t enum_first; /* in mam_check_enums */
    uint8_t enum_words;
    uint8_t kind;
};

struct mam_check_message {
    uint16_t block_length;
    uint16_t first; /* in mam_check_fields */
    uint16_t count;
};

/* Which numbers are values of an enum, one bit each. */
static const uint64_t mam_check_enums[31] = {
    0x0000000000000003ULL, 0x000000000000000fULL, 0x000000030000003fULL, 0x000000000000001fULL,
    0x0000000000000007ULL, 0x000000000000000fULL, 0x0000000000000003ULL, 0x000000000000000fULL,
    0x00000000000003ffULL, 0x000000000000001fULL, 0x000000000000000fULL, 0x0000000000000003ULL,
    0x0000000000000003ULL, 0x0000000000000007ULL, 0x0000000000000007ULL, 0x0000000000000003ULL,
    0x0000000000000003ULL, 0x0000000000000007ULL, 0x000000000000000fULL, 0x0000000000000007ULL,
    0x00000000000001ffULL, 0x00000000000003ffULL, 0x000000000000001fULL, 0x0000000000000003ULL,
    0x000000000000003fULL, 0x0000000000000003ULL, 0x0000000000000007ULL, 0x038007207db17fffULL,
    0x07ffffffffffffffULL, 0x1f00403ffc03ffc0ULL, 0x0000000000400004ULL
};
static const struct mam_check_field mam_check_fields[392] = {
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 1, 0, 0, 0, MAM_CHECK_UINT8}, {4, 21, 1, 0, 2, 1, MAM_CHECK_ENUM8},
    {5, 22, 1, 0, 3, 1, MAM_CHECK_ENUM8}, {6, 23, 1, 0, 0, 0, MAM_CHECK_UINT8},
    {7, 24, 32, 0, 0, 0, MAM_CHECK_ASCII}, {8, 56, 8, 0, 0, 0, MAM_CHECK_ASCII},
    {9, 64, 8, 0, 0, 0, MAM_CHECK_ASCII}, {10, 72, 8, 0, 0, 0, MAM_CHECK_ASCII},
    {11, 80, 8, 0, 0, 0, MAM_CHECK_INT64}, {12, 88, 8, 0, 0, 0, MAM_CHECK_INT64},
    {13, 96, 8, 0, 0, 0, MAM_CHECK_INT64}, {14, 104, 8, 0, 0, 0, MAM_CHECK_INT64},
    {15, 112, 8, 0, 0, 0, MAM_CHECK_INT64}, {16, 120, 8, 0, 0, 0, MAM_CHECK_INT64},
    {17, 128, 8, 0, 0, 0, MAM_CHECK_INT64}, {18, 136, 8, 0, 0, 0, MAM_CHECK_INT64},
    {19, 144, 8, 0, 0, 0, MAM_CHECK_INT64}, {20, 152, 8, 0, 0, 0, MAM_CHECK_INT64},
    {21, 160, 8, 0, 0, 0, MAM_CHECK_INT64}, {22, 168, 8, 0, 0, 0, MAM_CHECK_INT64},
    {23, 176, 8, 0, 0, 0, MAM_CHECK_INT64}, {24, 184, 8, 0, 0, 0, MAM_CHECK_INT64},
    {25, 192, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_ASCII},
    {4, 32, 4, 0, 0, 0, MAM_CHECK_UINT32}, {5, 36, 1, 0, 4, 1, MAM_CHECK_ENUM8},
    {6, 37, 1, 0, 3, 1, MAM_CHECK_ENUM8}, {7, 38, 1, 0, 5, 1, MAM_CHECK_ENUM8},
    {8, 39, 1, 0, 6, 1, MAM_CHECK_ENUM8}, {9, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 56, 2, 0, 0, 0, MAM_CHECK_UINT16},
    {12, 58, 1, 0, 0, 0, MAM_CHECK_UINT8}, {13, 60, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {3, 24, 8, 0, 0, 0, MAM_CHECK_INT64}, {4, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {4, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {5, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {6, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 56, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {8, 60, 1, 0, 0, 1, MAM_CHECK_ENUM8}, {9, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 72, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 80, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {12, 88, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 28, 4, 0, 0, 0, MAM_CHECK_UINT32}, {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 72, 8, 0, 0, 0, MAM_CHECK_UINT64}, {11, 80, 1, 0, 0, 1, MAM_CHECK_ENUM8},
    {12, 81, 1, 0, 1, 1, MAM_CHECK_ENUM8}, {13, 84, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {3, 24, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {4, 32, 4, 0, 0, 0, MAM_CHECK_UINT32}, {5, 36, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 72, 8, 0, 0, 0, MAM_CHECK_UINT64}, {11, 80, 8, 0, 0, 0, MAM_CHECK_INT64},
    {12, 88, 1, 0, 0, 1, MAM_CHECK_ENUM8}, {13, 89, 1, 0, 1, 1, MAM_CHECK_ENUM8},
    {14, 96, 8, 0, 0, 0, MAM_CHECK_UINT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {5, 32, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_UINT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 64, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {10, 68, 1, 0, 22, 1, MAM_CHECK_ENUM8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 1, 0, 0, 0, MAM_CHECK_UINT8},
    {4, 21, 1, 0, 7, 1, MAM_CHECK_ENUM8}, {5, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {6, 32, 8, 0, 0, 0, MAM_CHECK_UINT64}, {7, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 56, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 1, 0, 0, 0, MAM_CHECK_UINT8}, {4, 21, 1, 0, 7, 1, MAM_CHECK_ENUM8},
    {5, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {6, 32, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {7, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {8, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {9, 56, 8, 0, 0, 0, MAM_CHECK_ASCII}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 1, 0, 3, 1, MAM_CHECK_ENUM8}, {5, 25, 1, 0, 0, 0, MAM_CHECK_UINT8},
    {6, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 56, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 64, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 72, 8, 0, 0, 0, MAM_CHECK_INT64},
    {12, 80, 8, 0, 0, 0, MAM_CHECK_INT64}, {13, 88, 8, 0, 0, 0, MAM_CHECK_INT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 1, 0, 23, 1, MAM_CHECK_ENUM8},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 1, 0, 0, 0, MAM_CHECK_UINT8}, {4, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {8, 56, 8, 0, 0, 0, MAM_CHECK_INT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64}, {8, 56, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {9, 64, 4, 0, 0, 0, MAM_CHECK_UINT32}, {10, 68, 1, 0, 24, 1, MAM_CHECK_ENUM8},
    {11, 72, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {5, 32, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_UINT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_ASCII},
    {8, 56, 1, 0, 8, 1, MAM_CHECK_ENUM8}, {9, 57, 1, 0, 9, 1, MAM_CHECK_ENUM8},
    {10, 58, 1, 0, 10, 1, MAM_CHECK_ENUM8}, {11, 59, 1, 0, 11, 1, MAM_CHECK_ENUM8},
    {12, 60, 1, 0, 12, 1, MAM_CHECK_ENUM8}, {13, 61, 1, 0, 13, 1, MAM_CHECK_ENUM8},
    {14, 62, 1, 0, 14, 1, MAM_CHECK_ENUM8}, {15, 63, 1, 0, 15, 1, MAM_CHECK_ENUM8},
    {16, 64, 8, 0, 0, 0, MAM_CHECK_INT64}, {17, 72, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {18, 76, 4, 0, 0, 0, MAM_CHECK_UINT32}, {19, 80, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {20, 84, 4, 0, 0, 0, MAM_CHECK_UINT32}, {21, 88, 32, 0, 0, 0, MAM_CHECK_UTF8},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 1, 0, 17, 1, MAM_CHECK_ENUM8}, {4, 21, 1, 0, 16, 1, MAM_CHECK_ENUM8},
    {5, 22, 1, 0, 18, 1, MAM_CHECK_ENUM8}, {6, 23, 1, 0, 19, 1, MAM_CHECK_ENUM8},
    {7, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {8, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {9, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {10, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {11, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {12, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {13, 72, 8, 0, 0, 0, MAM_CHECK_INT64}, {14, 80, 8, 0, 0, 0, MAM_CHECK_INT64},
    {15, 88, 32, 0, 0, 0, MAM_CHECK_UTF8}, {16, 120, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 64, 32, 0, 0, 0, MAM_CHECK_UTF8}, {8, 96, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {9, 100, 8, 0, 0, 0, MAM_CHECK_ASCII}, {10, 112, 8, 0, 0, 0, MAM_CHECK_INT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 1, 0, 25, 1, MAM_CHECK_ENUM8}, {4, 21, 1, 0, 26, 1, MAM_CHECK_ENUM8},
    {5, 24, 32, 0, 0, 0, MAM_CHECK_UTF8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_ASCII},
    {3, 24, 8, 0, 0, 0, MAM_CHECK_INT64}, {4, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 24, 32, 0, 0, 0, MAM_CHECK_UTF8},
    {4, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {5, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_INT64},
    {3, 24, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 28, 4, 0, 0, 0, MAM_CHECK_UINT32}, {5, 32, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {6, 36, 4, 0, 0, 0, MAM_CHECK_UINT32}, {7, 40, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {8, 44, 4, 0, 0, 0, MAM_CHECK_UINT32}, {9, 48, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {10, 52, 4, 0, 0, 0, MAM_CHECK_UINT32}, {11, 56, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {12, 64, 8, 0, 0, 0, MAM_CHECK_ASCII}, {13, 72, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {14, 76, 4, 0, 0, 0, MAM_CHECK_UINT32}, {15, 80, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {16, 84, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 1, 0, 0, 0, MAM_CHECK_UINT8},
    {4, 24, 32, 0, 0, 0, MAM_CHECK_UTF8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {3, 24, 1, 0, 0, 0, MAM_CHECK_UINT8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_INT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {7, 44, 4, 0, 0, 0, MAM_CHECK_UINT32}, {8, 48, 1, 0, 0, 1, MAM_CHECK_ENUM8},
    {9, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 48, 8, 0, 0, 0, MAM_CHECK_UINT64}, {8, 56, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {9, 60, 1, 0, 0, 1, MAM_CHECK_ENUM8}, {10, 61, 1, 0, 1, 1, MAM_CHECK_ENUM8},
    {11, 62, 2, 0, 0, 0, MAM_CHECK_UINT16}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {4, 32, 4, 0, 0, 0, MAM_CHECK_UINT32}, {5, 36, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 72, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 80, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {12, 84, 2, 0, 28, 3, MAM_CHECK_ENUM16}, {13, 86, 1, 0, 21, 1, MAM_CHECK_ENUM8},
    {14, 88, 8, 0, 0, 0, MAM_CHECK_INT64}, {15, 96, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {3, 24, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 28, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 48, 4, 0, 0, 0, MAM_CHECK_UINT32}, {8, 52, 2, 0, 28, 3, MAM_CHECK_ENUM16},
    {9, 54, 1, 0, 27, 1, MAM_CHECK_ENUM8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 2, 0, 0, 0, MAM_CHECK_UINT16},
    {4, 26, 2, 0, 28, 3, MAM_CHECK_ENUM16}, {5, 28, 2, 0, 0, 0, MAM_CHECK_UINT16},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {3, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {4, 32, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {5, 32, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 56, 8, 0, 0, 0, MAM_CHECK_UINT64}, {9, 64, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 72, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 80, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {12, 84, 4, 0, 0, 0, MAM_CHECK_UINT32}, {13, 88, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {14, 92, 1, 0, 8, 1, MAM_CHECK_ENUM8}, {15, 93, 1, 0, 9, 1, MAM_CHECK_ENUM8},
    {16, 94, 1, 0, 10, 1, MAM_CHECK_ENUM8}, {17, 95, 1, 0, 11, 1, MAM_CHECK_ENUM8},
    {18, 96, 1, 0, 0, 1, MAM_CHECK_ENUM8}, {19, 97, 1, 0, 1, 1, MAM_CHECK_ENUM8},
    {20, 98, 1, 0, 12, 1, MAM_CHECK_ENUM8}, {21, 100, 2, 0, 28, 3, MAM_CHECK_ENUM16},
    {22, 104, 8, 0, 0, 0, MAM_CHECK_UINT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 24, 8, 0, 0, 0, MAM_CHECK_UINT64}, {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {6, 40, 8, 0, 0, 0, MAM_CHECK_UINT64}, {7, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 64, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 72, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 80, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 88, 8, 0, 0, 0, MAM_CHECK_INT64},
    {12, 96, 8, 0, 0, 0, MAM_CHECK_INT64}, {13, 104, 2, 0, 28, 3, MAM_CHECK_ENUM16},
    {14, 106, 1, 0, 20, 1, MAM_CHECK_ENUM8}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32}, {3, 20, 2, 0, 28, 3, MAM_CHECK_ENUM16},
    {4, 22, 1, 0, 21, 1, MAM_CHECK_ENUM8}, {5, 23, 1, 0, 21, 1, MAM_CHECK_ENUM8},
    {6, 24, 8, 0, 0, 0, MAM_CHECK_INT64}, {7, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64},
    {2, 16, 8, 0, 0, 0, MAM_CHECK_UINT64}, {3, 24, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {4, 28, 2, 0, 28, 3, MAM_CHECK_ENUM16}, {5, 30, 1, 0, 18, 1, MAM_CHECK_ENUM8},
    {6, 31, 1, 0, 19, 1, MAM_CHECK_ENUM8}, {7, 32, 8, 0, 0, 0, MAM_CHECK_INT64},
    {8, 40, 8, 0, 0, 0, MAM_CHECK_INT64}, {9, 48, 8, 0, 0, 0, MAM_CHECK_INT64},
    {10, 56, 8, 0, 0, 0, MAM_CHECK_INT64}, {11, 64, 32, 0, 0, 0, MAM_CHECK_UTF8},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 2, 0, 28, 3, MAM_CHECK_ENUM16},
    {1, 8, 8, 0, 0, 0, MAM_CHECK_UINT64}, {2, 16, 4, 0, 0, 0, MAM_CHECK_UINT32},
    {3, 20, 4, 0, 0, 0, MAM_CHECK_UINT32}, {4, 24, 8, 0, 0, 0, MAM_CHECK_INT64},
    {5, 32, 8, 0, 0, 0, MAM_CHECK_INT64}, {6, 40, 8, 0, 0, 0, MAM_CHECK_INT64},
    {7, 48, 4, 0, 0, 0, MAM_CHECK_UINT32}, {8, 52, 2, 0, 28, 3, MAM_CHECK_ENUM16}
};
/* The first is no message: what mam_check_index says of an unknown template id. */
static const struct mam_check_message mam_check_messages[47] = {
    {0, 0, 0}, {MAM_INSTRUMENT_BLOCK_LENGTH, 0, 25}, {MAM_ACCOUNT_BLOCK_LENGTH, 25, 13},
    {MAM_ACCOUNT_STATE_BLOCK_LENGTH, 38, 7}, {MAM_POSITION_STATE_BLOCK_LENGTH, 45, 12},
    {MAM_MASTER_ORDER_BLOCK_LENGTH, 57, 13}, {MAM_MASTER_CANCEL_BLOCK_LENGTH, 70, 3},
    {MAM_MASTER_DEAL_BLOCK_LENGTH, 73, 14}, {MAM_BOOKING_REPORT_BLOCK_LENGTH, 87, 10},
    {MAM_HEARTBEAT_BLOCK_LENGTH, 97, 2}, {MAM_LEVERAGE_TIER_BLOCK_LENGTH, 99, 9},
    {MAM_LEVERAGE_RULE_BLOCK_LENGTH, 108, 9}, {MAM_LEVERAGE_RULE_INSTRUMENT_BLOCK_LENGTH, 117, 4},
    {MAM_INSTRUMENT_OVERRIDE_BLOCK_LENGTH, 121, 13}, {MAM_SERVER_TERMS_BLOCK_LENGTH, 134, 4},
    {MAM_QUOTE_BLOCK_LENGTH, 138, 8}, {MAM_EXECUTION_BLOCK_LENGTH, 146, 11},
    {MAM_GROUP_POLICY_BLOCK_LENGTH, 157, 21}, {MAM_MEMBER_BLOCK_LENGTH, 178, 16},
    {MAM_LIMITS_BLOCK_LENGTH, 194, 10}, {MAM_KILL_SWITCH_BLOCK_LENGTH, 204, 5},
    {MAM_RESYNC_BLOCK_LENGTH, 209, 3}, {MAM_TOLERANCE_BLOCK_LENGTH, 212, 5},
    {MAM_TIME_ZONE_BLOCK_LENGTH, 217, 5}, {MAM_CLOCK_BLOCK_LENGTH, 222, 3},
    {MAM_OPENED_BLOCK_LENGTH, 225, 16}, {MAM_BRIDGE_OPENED_BLOCK_LENGTH, 241, 4},
    {MAM_BRIDGE_FENCED_BLOCK_LENGTH, 245, 3}, {MAM_LOG_STATE_BLOCK_LENGTH, 248, 3},
    {MAM_CONTINUED_BLOCK_LENGTH, 251, 3}, {MAM_BRIDGE_RENEWED_BLOCK_LENGTH, 254, 3},
    {MAM_CLOCK_STATE_BLOCK_LENGTH, 257, 3}, {MAM_LEG_BLOCK_LENGTH, 260, 9},
    {MAM_LEG_CANCEL_BLOCK_LENGTH, 269, 3}, {MAM_BOOKING_BLOCK_LENGTH, 272, 11},
    {MAM_MASTER_REPORT_BLOCK_LENGTH, 283, 15}, {MAM_RISK_ALERT_BLOCK_LENGTH, 298, 9},
    {MAM_REJECT_BLOCK_LENGTH, 307, 5}, {MAM_RESUMED_BLOCK_LENGTH, 312, 4},
    {MAM_OUTPUTS_GONE_BLOCK_LENGTH, 316, 2}, {MAM_BOOKING_QUERY_BLOCK_LENGTH, 318, 3},
    {MAM_PLAN_BLOCK_LENGTH, 321, 22}, {MAM_PLAN_MEMBER_BLOCK_LENGTH, 343, 14},
    {MAM_BLOCK_CHANGE_BLOCK_LENGTH, 357, 10}, {MAM_RISK_STOP_BLOCK_LENGTH, 367, 11},
    {MAM_BOOK_SOURCE_BLOCK_LENGTH, 378, 6}, {MAM_HOUSE_CHANGE_BLOCK_LENGTH, 384, 8}
};
static const uint8_t mam_check_index[97] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 10, 11, 12, 0, 0, 0, 0, 0, 15, 16, 0, 0, 0, 0, 0, 0, 0, 0, 17,
    18, 19, 20, 21, 0, 22, 0, 0, 0, 24, 25, 26, 27, 28, 0, 0, 0, 0, 0, 32, 33, 0, 0, 0, 0, 0, 0, 0, 0,
    34, 35, 36, 37, 0, 0, 40, 0, 0, 0, 41, 42, 43, 0, 0, 0, 44, 0, 0, 0, 45, 46, 38, 29, 30, 31, 39, 0,
    0, 0, 0, 0, 0, 13, 23, 0, 14
};
#define MAM_CHECK_TEMPLATES 97

static inline int mam_check_enum(const struct mam_check_field *field, uint32_t value) {
    uint32_t word = value / 64;
    return word < field->enum_words && (mam_check_enums[field->enum_first + word] >> (value % 64) & 1) != 0;
}

/* Bytes of the UTF-8 character at `at`, of at most `left`; 0 when it is none, or a control character. */
static inline uint32_t mam_check_utf8_length(const uint8_t *at, uint32_t left) {
    uint32_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    if (length > left || (at[0] >= 0x80 && at[0] < 0xc0) || at[0] >= 0xf8) {
        return 0;
    }
    for (uint32_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    int control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    int surrogate = code >= 0xd800 && code < 0xe000;
    if (control || surrogate || code > 0x10ffff) {
        return 0;
    }
    uint32_t shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    return length == shortest ? length : 0;
}

/* Printable characters, then zeros to the end. */
static inline int mam_check_text(const uint8_t *at, uint32_t length, int utf8) {
    uint32_t i = 0;
    while (i < length && at[i] != 0) {
        if (!utf8 && (at[i] < 0x20 || at[i] > 0x7e)) {
            return 0;
        }
        uint32_t step = utf8 ? mam_check_utf8_length(at + i, length - i) : 1;
        if (step == 0) {
            return 0;
        }
        i += step;
    }
    while (i < length) {
        if (at[i++] != 0) {
            return 0;
        }
    }
    return 1;
}

static inline int mam_check_value(const struct mam_check_field *field, const uint8_t *at) {
    uint16_t small = 0;
    uint32_t medium = 0;
    uint64_t large = 0;
    switch ((enum mam_check_kind)field->kind) {
    case MAM_CHECK_UINT8:
        return *at != MAM_UINT8_NULL;
    case MAM_CHECK_UINT16:
        memcpy(&small, at, sizeof small);
        return small != MAM_UINT16_NULL;
    case MAM_CHECK_UINT32:
        memcpy(&medium, at, sizeof medium);
        return medium != MAM_UINT32_NULL;
    case MAM_CHECK_UINT64:
        memcpy(&large, at, sizeof large);
        return large != MAM_UINT64_NULL;
    case MAM_CHECK_INT64:
        memcpy(&large, at, sizeof large);
        return large != 0x8000000000000000ULL;
    case MAM_CHECK_ENUM8:
        return mam_check_enum(field, *at);
    case MAM_CHECK_ENUM16:
        memcpy(&small, at, sizeof small);
        return mam_check_enum(field, small);
    case MAM_CHECK_ASCII:
        return mam_check_text(at, field->length, 0);
    case MAM_CHECK_UTF8:
        return mam_check_text(at, field->length, 1);
    }
    return 0;
}

/* Our own version must be as long as we know it, a newer one at least that. */
static inline int mam_check_length(const struct mam_header *header, const struct mam_check_message *rule,
                                   uint32_t length) {
    uint32_t whole = (uint32_t)sizeof *header + header->block_length;
    if (header->version > MAM_SCHEMA_VERSION) {
        return header->block_length >= rule->block_length && length >= whole;
    }
    if (header->version == MAM_SCHEMA_VERSION && header->block_length != rule->block_length) {
        return 0;
    }
    return header->block_length <= rule->block_length && length == whole;
}

static inline enum mam_reason mam_message_check(const void *message, uint32_t length, uint16_t *field_id) {
    const uint8_t *bytes = (const uint8_t *)message;
    struct mam_header header;
    *field_id = 0;
    if (length < sizeof header) {
        return MAM_REASON_MALFORMED;
    }
    memcpy(&header, bytes, sizeof header);
    if (header.schema_id != MAM_SCHEMA_ID || header.template_id >= MAM_CHECK_TEMPLATES ||
        mam_check_index[header.template_id] == 0) {
        return MAM_REASON_MALFORMED;
    }
    const struct mam_check_message *rule = &mam_check_messages[mam_check_index[header.template_id]];
    if (!mam_check_length(&header, rule, length)) {
        return MAM_REASON_MALFORMED;
    }
    for (uint32_t i = 0; i < rule->count; i++) {
        const struct mam_check_field *field = &mam_check_fields[rule->first + i];
        if (field->since > header.version) {
            continue;
        }
        if ((uint32_t)field->start + field->length > length) {
            return MAM_REASON_MALFORMED;
        }
        if (!mam_check_value(field, bytes + field->start)) {
            *field_id = field->id;
            return MAM_REASON_OUT_OF_RANGE;
        }
    }
    return MAM_REASON_NONE;
}

#ifdef __cplusplus
}
#endif

/* clang-format on */

#endif
