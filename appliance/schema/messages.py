"""Every message of the appliance. Generated from native/schema/mam.xml by `make generate`: do not edit."""

from enum import IntEnum
from typing import Any, Final

import numpy as np

from appliance.schema.tables import Field, Message

SCHEMA_ID: Final = 7301
SCHEMA_VERSION: Final = 0
SCHEMA_FINGERPRINT: Final = 0x460479e297f87985


class Side(IntEnum):
    BUY = 0
    SELL = 1


class Entry(IntEnum):
    """What a deal does to a position (MT5's numbers)."""

    OPENING = 0
    CLOSING = 1
    REVERSING = 2
    CLOSE_BY = 3


class CalcMode(IntEnum):
    """MT5's calculation mode numbers."""

    FOREX = 0
    FUTURES = 1
    CFD = 2
    CFD_INDEX = 3
    CFD_LEVERAGE = 4
    FOREX_NO_LEVERAGE = 5
    EXCHANGE_STOCKS = 32
    EXCHANGE_FUTURES = 33


class TradeMode(IntEnum):
    """What may be traded (MT5's numbers)."""

    DISABLED = 0
    LONG_ONLY = 1
    SHORT_ONLY = 2
    CLOSE_ONLY = 3
    FULL = 4


class MarginMode(IntEnum):
    """Position keeping (MT5's numbers)."""

    NETTING = 0
    EXCHANGE = 1
    HEDGING = 2


class FreeMarginMode(IntEnum):
    """Floating profit in free margin (MT5's numbers)."""

    NONE = 0
    BOTH = 1
    PROFIT_ONLY = 2
    LOSS_ONLY = 3


class StopOutMode(IntEnum):
    """How margin call and stop-out levels are meant (MT5's numbers)."""

    PERCENT = 0
    MONEY = 1


class TierRange(IntEnum):
    """What a tier of floating leverage measures (MT5's numbers)."""

    VOLUME = 0
    VOLUME_PER_SYMBOL = 1
    VALUE = 2
    VALUE_PER_SYMBOL = 3


class Method(IntEnum):
    """How a block is divided (docs/allocation.md)."""

    EQUAL = 0
    PERCENT = 1
    RATIO = 2
    BALANCE = 3
    EQUITY = 4
    FREE_MARGIN = 5
    FIXED_LOTS = 6
    MULTIPLIER = 7
    RISK = 8
    HOLDINGS = 9


class Rounding(IntEnum):
    """Who gets the steps that floors leave over."""

    LARGEST_REMAINDER = 0
    CARRY = 1
    LARGEST_EQUITY = 2
    LIST_ORDER = 3
    OVERFLOW = 4


class OnShortfall(IntEnum):
    """What a binding constraint does."""

    REDUCE = 0
    SKIP = 1
    REJECT = 2
    REDISTRIBUTE = 3


class BelowMin(IntEnum):
    """What becomes of a share under the minimum volume."""

    SKIP = 0
    RAISE = 1


class ExecutionMode(IntEnum):
    """Who executes the block."""

    POST_TRADE = 0
    STP = 1


class OnPartial(IntEnum):
    """What follows when LPs fill less than the block."""

    COMPLETE = 0
    ALLOCATE = 1
    ROLLBACK = 2


class OnRefused(IntEnum):
    """What follows when the server refuses a child's booking."""

    REALLOCATE = 0
    HOUSE = 1
    UNWIND = 2


class PriceMode(IntEnum):
    """The price of the children."""

    AVERAGE = 0
    PER_FILL = 1


class OnLeave(IntEnum):
    """What becomes of a leaving member's positions."""

    KEEP = 0
    CLOSE = 1


class MemberStatus(IntEnum):
    ACTIVE = 0
    INACTIVE = 1
    LEFT = 2


class DrawdownBasis(IntEnum):
    """What a drawdown is measured against."""

    NONE = 0
    INITIAL = 1
    DAILY = 2
    HIGH_WATER = 3


class DrawdownAction(IntEnum):
    ALERT = 0
    CLOSE_ONLY = 1
    CLOSE_OUT = 2


class Constraint(IntEnum):
    """What bound a member's volume."""

    NONE = 0
    PERMISSION = 1
    SYNC = 2
    DRAWDOWN = 3
    MEMBER_MAXIMUM = 4
    INSTRUMENT_MAXIMUM = 5
    MARGIN_BUFFER = 6
    LEVERAGE = 7
    HOLDING = 8


class BlockStatus(IntEnum):
    """A block's life."""

    FRESH = 0
    PLANNED = 1
    WORKING = 2
    FILLED = 3
    PARTIAL = 4
    ALLOCATING = 5
    DONE = 6
    REJECTED = 7
    ROLLED_BACK = 8
    ROLLING_BACK = 9


class BookingStatus(IntEnum):
    """The server's answer to a Booking."""

    BOOKED = 0
    REFUSED = 1
    RETRY = 2
    UNKNOWN = 3
    CODED = 4


class Platform(IntEnum):
    """Whose return codes a server answers with."""

    MT5 = 0
    MT4 = 1


class ExecutionKind(IntEnum):
    """What an LP reports of a leg."""

    TRADE = 0
    REJECTED = 1
    ENDED = 2
    CORRECT = 3
    BUST = 4
    STATUS = 5


class KillScope(IntEnum):
    APPLIANCE = 0
    GROUP = 1


class KillAction(IntEnum):
    STOP = 0
    FLATTEN = 1
    ENABLE = 2


class AlertKind(IntEnum):
    LAW = 0
    WARNING = 1
    MARGIN_CALL = 2
    STOP_OUT = 3
    DRAWDOWN = 4
    OUT_OF_SYNC = 5
    IN_SYNC = 6
    HOUSE = 7
    IMPOSSIBLE = 8
    GAP = 9
    TIMEOUT = 10
    FENCED = 11
    UNALLOCATED = 12
    LOG_BEHIND = 13
    LOG_CAUGHT_UP = 14
    BALANCE = 16
    NOT_CLOSED = 20
    CLOSED_LATE = 21
    STATE_STALE = 23
    STATE_FRESH = 24
    DAILY_LOSS = 26
    OVER_LIMIT = 27
    CONFIGURATION = 28
    CLOCK = 29
    OUTPUTS_LOST = 30
    LOG_DISK_FULL = 37
    CLOSE_OUT_WAITS = 40
    MARK_STALE = 41
    MARK_FRESH = 42
    FLATTEN_WAITS = 55
    FLATTENED = 56
    FLATTEN_DROPPED = 57


class Reason(IntEnum):
    """Why something was refused, reduced or left at zero."""

    NONE = 0
    MALFORMED = 1
    OUT_OF_RANGE = 2
    OVERFLOW = 3
    TABLE_FULL = 4
    WRONG_SOURCE = 5
    DUPLICATE = 6
    SEQUENCE_GAP = 7
    UNKNOWN_INSTRUMENT = 8
    UNKNOWN_ACCOUNT = 9
    UNKNOWN_GROUP = 10
    UNKNOWN_MEMBER = 11
    UNKNOWN_BLOCK = 12
    UNKNOWN_POSITION = 13
    NOT_SUPPORTED = 14
    HALTED = 15
    KILLED = 16
    OFF_STEP = 17
    BELOW_MINIMUM = 18
    ABOVE_MAXIMUM = 19
    NO_MEMBERS = 20
    ZERO_WEIGHTS = 21
    NEGATIVE_WEIGHT = 22
    PERCENT_SUM = 23
    NO_STOP_LOSS = 24
    NO_RATE = 25
    NO_QUOTE = 26
    CROSSED_QUOTE = 27
    NOT_EXECUTED = 28
    ZERO_SHARE = 29
    INACTIVE = 30
    PERMISSION = 31
    STATE_MISSING = 32
    STATE_STALE = 33
    OUT_OF_SYNC = 34
    DRAWDOWN_STOP = 35
    MEMBER_MAXIMUM = 36
    INSTRUMENT_MAXIMUM = 37
    MARGIN_BUFFER = 38
    LEVERAGE = 39
    HOLDING = 40
    SHORTFALL = 41
    NO_LIQUIDITY = 42
    LP_REJECTED = 43
    LP_SILENT = 44
    REFUSED = 45
    PRICE_MISMATCH = 46
    OVERFILLED = 47
    WRONG_STATE = 48
    PRICE_COLLAR = 49
    RATE_LIMIT = 50
    DAILY_LOSS = 51
    CANCELLED = 52
    ZERO_MEASURE = 53
    VERSION_ORDER = 54
    IN_USE = 55
    STALE_QUOTE = 56
    BUSY = 57
    LOG_BEHIND = 58
    BUSTED = 70
    CORRECTED = 71
    LATE_FILL = 72
    REALLOCATED = 73
    ROLLED_BACK = 74
    UNWOUND = 75
    FIFO = 76
    FENCED = 77
    TIME_LIMIT = 78
    LEFT = 79
    FLATTENED = 80
    NO_OPERATOR = 81
    WRONG_EXECUTION = 90
    GROUP_FULL = 91
    NO_OVERFLOW_ACCOUNT = 92
    DUPLICATE_LOGIN = 93
    VOLUME_LIMIT = 94
    FURTHER_TICKET = 95
    FURTHER_PRICE = 96
    TOO_MANY_PRICES = 97
    NOT_CLOSED = 98
    MEMBERS_SUM = 99
    HEDGE_PROHIBITED = 100
    UNKNOWN_ZONE = 101
    IMPLAUSIBLE_PRICE = 110
    CLOCK_STEPPED = 120
    CLOCK_UNDISCIPLINED = 121
    CLOCK_DISCIPLINED = 122
    OUTPUTS_LOST = 123
    RENEWED = 124
    UNKNOWN_RULE = 130
    LOG_DISK_FULL = 150


# By the name that the schema gives.
ENUMS: Final[dict[str, type[IntEnum]]] = {
    "Side": Side,
    "Entry": Entry,
    "CalcMode": CalcMode,
    "TradeMode": TradeMode,
    "MarginMode": MarginMode,
    "FreeMarginMode": FreeMarginMode,
    "StopOutMode": StopOutMode,
    "TierRange": TierRange,
    "Method": Method,
    "Rounding": Rounding,
    "OnShortfall": OnShortfall,
    "BelowMin": BelowMin,
    "ExecutionMode": ExecutionMode,
    "OnPartial": OnPartial,
    "OnRefused": OnRefused,
    "PriceMode": PriceMode,
    "OnLeave": OnLeave,
    "MemberStatus": MemberStatus,
    "DrawdownBasis": DrawdownBasis,
    "DrawdownAction": DrawdownAction,
    "Constraint": Constraint,
    "BlockStatus": BlockStatus,
    "BookingStatus": BookingStatus,
    "Platform": Platform,
    "ExecutionKind": ExecutionKind,
    "KillScope": KillScope,
    "KillAction": KillAction,
    "AlertKind": AlertKind,
    "Reason": Reason,
}

# What a value means: enum, value -> sentence.
SENTENCES: Final[dict[str, dict[int, str]]] = {
    "Entry": {
        0: "Opens or adds",
        1: "Closes, wholly or in part",
        2: "Closes all of it, and opens the rest the other way (netting)",
        3: "Closes a position by an opposite one, as much of both (hedging); MasterDeal only",
    },
    "StopOutMode": {
        0: "Equity / margin, percent",
        1: "Equity, money",
    },
    "TierRange": {
        0: "Of all instruments of a LeverageRule together",
        2: "Of all instruments of a LeverageRule together",
    },
    "Method": {
        9: "A close: by what each child holds; never a policy's own",
    },
    "ExecutionMode": {
        0: "The broker's server has; children are booked at its price",
        1: "The appliance sweeps the LPs' book",
    },
    "PriceMode": {
        0: "Volume-weighted average of the block's fills",
        1: "The same mix of fills, to within one step",
    },
    "MemberStatus": {
        1: "Opens nothing, still takes part in closes",
        2: "No longer of the group",
    },
    "Constraint": {
        8: "A close: what the member holds",
    },
    "BlockStatus": {
        9: "What was filled is being traded out again",
    },
    "BookingStatus": {
        1: "Final for this account",
        2: "Not done; may be asked again",
        3: "Outcome unknown: reconciled, never resent",
        4: "As code says, by the return codes of the server's platform",
    },
    "ExecutionKind": {
        2: "Nothing more will come: cancelled or expired",
        3: "Replaces the fill named by reference",
        4: "Undoes the fill named by reference",
        5: "Answer to a status request",
    },
    "KillAction": {
        0: "Cancels what works, refuses what comes",
        1: "stop, and closes what is open",
        2: "Trading again",
    },
    "AlertKind": {
        0: "A law was broken; the engine has stopped trading",
        1: "Margin buffer fell short",
        7: "Volume was parked in the house account",
        8: "A message that the block's state does not allow",
        9: "A sender's sequence numbers have a hole",
        10: "An answer is late; the outcome is unknown",
        11: "A bridge's ring is broken or not read; the host no longer looks at it",
        12: "A deal was executed that cannot be allocated",
        13: "The log on disk is too far behind: no new orders",
        14: "The log is on disk again: new orders are taken",
        16: "The balance moved by no deal of ours: a deposit, a withdrawal, a charge",
        20: "A close was refused: the client still holds it, the house is short; tried again",
        21: "What a refused close left is closed, at the price of that close",
        23: "The server has not told an account's figures for too long",
        24: "It has told them again",
        26: "The day's loss limit is reached: no new positions until a person enables them",
        27: "A deal was executed that the pre-trade controls would have refused; it is allocated",
        28: "A server or LP answers that something is set up wrongly: its code is in measured",
        29: "The host's clock jumped, or its discipline was lost or has come back",
        30: "A bridge has heard outputs that were not on disk when the machine failed",
        37: "The disk of the log is full: no new orders until there is room",
        40: "A close-out cannot close now, and goes on trying",
        41: "No quote of an instrument that accounts hold is newer than its staleAfter",
        42: "It is quoted again",
        55: "A flattening or a leaving cannot close a position, and goes on trying: the volume is in measured",
        56: "A flattening is done: nothing is open any more; group 0: the appliance's",
        57: "Trading was enabled before a flattening was done",
    },
    "Reason": {
        0: "Nothing to explain",
        1: "The bytes are not a message of the schema",
        2: "A field is outside its range",
        3: "The figures do not fit 64 bits",
        4: "A limit of the configuration is reached",
        5: "This ring may not send this message",
        6: "Seen before; nothing was done again",
        7: "A sequence number was skipped",
        8: "No such instrument",
        9: "No such account",
        10: "No such group",
        11: "The account is not of the group",
        12: "No such block, leg or child",
        13: "The master holds no such position",
        14: "This build does not do that yet",
        15: "The engine has stopped trading on a broken law",
        16: "The kill switch is set",
        17: "The volume is not a multiple of the step",
        18: "Under the instrument's minimum volume",
        19: "Over a maximum volume",
        20: "Nobody can take part",
        21: "The weights add up to zero",
        22: "A weight is below zero",
        23: "The percents do not make exactly 100",
        24: "Method risk needs a stop-loss",
        25: "No quote converts the account's currency",
        26: "No usable quote",
        27: "Bid is above ask",
        28: "Less than this volume was executed",
        29: "The share rounds to zero",
        30: "The member is not active",
        31: "The account or instrument may not be traded so",
        32: "No AccountState yet",
        33: "The account's state is too old",
        34: "Our figures and the server's differ",
        35: "Stopped by its drawdown limit",
        36: "The member's maximum volume",
        37: "The instrument's maximum volume",
        38: "Margin level would fall under the member's buffer",
        39: "Over the member's maximum leverage",
        40: "It holds no more than that",
        41: "Constraints leave less room than was ordered",
        42: "No LP quotes enough within the deviation",
        43: "The LP rejected the leg",
        44: "The LP did not answer in time",
        45: "The broker's server refused the booking",
        46: "Booked or filled at another price than asked",
        47: "More was filled than ordered",
        48: "Not possible in the block's state",
        49: "The price is outside the collar",
        50: "Too many orders in the second",
        51: "The day's loss limit is reached",
        52: "Cancelled by the master",
        53: "The account's measure is zero or negative",
        54: "A policy's version must rise by one",
        55: "Cannot change while positions or blocks are open",
        56: "The quote is too old",
        57: "The group already works an order on this instrument",
        58: "The log on disk is too far behind; new orders wait for it",
        70: "The LP took a fill back",
        71: "The LP corrected a fill",
        72: "Filled when the block was no longer executed",
        73: "Another member's refused booking was offered to this one",
        74: "Filled in part and traded out again, as the policy says",
        75: "A refused booking's volume was traded out again",
        76: "The account must close its oldest position first",
        77: "An outcome of that LP or server is unknown; it gets nothing new until it is known",
        78: "The order's time is over",
        79: "The member leaves and its positions are closed",
        80: "The kill switch closes what is open",
        81: "The message does not name who gives the command",
        90: "The group's policy executes otherwise: stp takes a MasterOrder, post_trade a MasterDeal",
        91: "The group has as many members as its policy allows",
        92: "Rounding overflow names no account that takes the rest",
        93: "A login stands there twice",
        94: "The instrument's limit of volume in one direction",
        95: "The same close goes on with the account's next ticket",
        96: "The same child goes on with the next price of the block's fills",
        97: "More prices than are kept apart; all children get the average",
        98: "The server refused a close: the client still holds it, the house is short by as much",
        99: "The members' own volumes make less than was executed",
        100: "The account may hold one side of an instrument only",
        101: "No such time zone",
        110: "Not between half and twice the market's price",
        120: "The host's clock jumped",
        121: "Nothing steers the host's clock: times are not traceable to UTC",
        122: "The host's clock is steered again",
        123: "They left before they were on disk, and the machine failed; their numbers are not used again",
        124: "A fenced bridge has new rings",
        130: "No LeverageRule of that number from this sender",
        150: "The disk of the log is full; new orders wait for room",
    },
}

# By template id.
MESSAGES: Final[dict[int, Message]] = {
    1: Message("Instrument", 1, 216, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("instrument", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("digits", 3, 20, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("calc_mode", 4, 21, 1, "B", "enum", "CalcMode", 0, 0, 254, 0),
        Field("trade_mode", 5, 22, 1, "B", "enum", "TradeMode", 0, 0, 254, 0),
        Field("margin_flags", 6, 23, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("symbol", 7, 24, 32, "32s", "ascii", "Symbol", 0, 0, 0, 0),
        Field("base_currency", 8, 56, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("profit_currency", 9, 64, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("margin_currency", 10, 72, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("contract_size", 11, 80, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("volume_min", 12, 88, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("volume_step", 13, 96, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("volume_max", 14, 104, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("volume_limit", 15, 112, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("tick_size", 16, 120, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("tick_value", 17, 128, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_initial", 18, 136, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_maintenance", 19, 144, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_hedged", 20, 152, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_rate_buy", 21, 160, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_rate_sell", 22, 168, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate_buy", 23, 176, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate_sell", 24, 184, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("stale_after", 25, 192, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
    )),
    2: Message("Account", 2, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 2, 16, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("currency", 3, 24, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("leverage", 4, 32, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("margin_mode", 5, 36, 1, "B", "enum", "MarginMode", 0, 0, 254, 0),
        Field("trade_mode", 6, 37, 1, "B", "enum", "TradeMode", 0, 0, 254, 0),
        Field("free_margin_mode", 7, 38, 1, "B", "enum", "FreeMarginMode", 0, 0, 254, 0),
        Field("stop_out_mode", 8, 39, 1, "B", "enum", "StopOutMode", 0, 0, 254, 0),
        Field("margin_call", 9, 40, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("stop_out", 10, 48, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("trade_flags", 11, 56, 2, "H", "integer", "Flags", 0, 0, 65534, 0),
        Field("money_digits", 12, 58, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("server_group", 13, 60, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    3: Message("AccountState", 3, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 2, 16, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("balance", 3, 24, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("credit", 4, 32, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("equity", 5, 40, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin", 6, 48, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("as_of", 7, 56, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    4: Message("PositionState", 4, 88, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 2, 16, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("position", 3, 24, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("volume", 4, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price_open", 5, 40, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("swap", 6, 48, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("instrument", 7, 56, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("side", 8, 60, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("rate_margin", 9, 64, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("as_of", 10, 72, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("master_position", 11, 80, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("group", 12, 88, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    5: Message("MasterOrder", 5, 88, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("order", 2, 16, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("group", 3, 24, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 4, 28, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("volume", 5, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 6, 40, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("deviation", 7, 48, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("stop_loss", 8, 56, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("take_profit", 9, 64, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("position", 10, 72, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("side", 11, 80, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("entry", 12, 81, 1, "B", "enum", "Entry", 0, 0, 254, 0),
        Field("time_limit", 13, 84, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
    )),
    6: Message("MasterCancel", 6, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("order", 2, 16, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("group", 3, 24, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    7: Message("MasterDeal", 7, 96, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("deal", 2, 16, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("order", 3, 24, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("group", 4, 32, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 5, 36, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("volume", 6, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 7, 48, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("stop_loss", 8, 56, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("take_profit", 9, 64, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("position", 10, 72, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("executed", 11, 80, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("side", 12, 88, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("entry", 13, 89, 1, "B", "enum", "Entry", 0, 0, 254, 0),
        Field("position_by", 14, 96, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
    )),
    8: Message("BookingReport", 8, 64, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("child", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("login", 4, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("deal", 5, 32, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("position", 6, 40, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("volume", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 8, 56, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("code", 9, 64, 4, "I", "integer", "Code", 0, 0, 4294967294, 0),
        Field("status", 10, 68, 1, "B", "enum", "BookingStatus", 0, 0, 254, 0),
    )),
    9: Message("Heartbeat", 9, 16, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("sent", 2, 16, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    12: Message("LeverageTier", 12, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("instrument", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("tier", 3, 20, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("tier_range", 4, 21, 1, "B", "enum", "TierRange", 0, 0, 254, 0),
        Field("from_amount", 5, 24, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("to_amount", 6, 32, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("initial_rate", 7, 40, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate", 8, 48, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("server_group", 9, 56, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    13: Message("LeverageRule", 13, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("rule", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("tier", 3, 20, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("tier_range", 4, 21, 1, "B", "enum", "TierRange", 0, 0, 254, 0),
        Field("from_amount", 5, 24, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("to_amount", 6, 32, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("initial_rate", 7, 40, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate", 8, 48, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("currency", 9, 56, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
    )),
    14: Message("LeverageRuleInstrument", 14, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("rule", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("server_group", 4, 24, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    93: Message("InstrumentOverride", 93, 88, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("server_group", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("trade_mode", 4, 24, 1, "B", "enum", "TradeMode", 0, 0, 254, 0),
        Field("margin_flags", 5, 25, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("volume_max", 6, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_initial", 7, 40, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_maintenance", 8, 48, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_hedged", 9, 56, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_rate_buy", 10, 64, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_rate_sell", 11, 72, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate_buy", 12, 80, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("maintenance_rate_sell", 13, 88, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
    )),
    96: Message("ServerTerms", 96, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("batch", 2, 16, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("window", 3, 20, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("platform", 4, 24, 1, "B", "enum", "Platform", 0, 0, 254, 0),
    )),
    20: Message("Quote", 20, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("instrument", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("level", 3, 20, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("bid", 4, 24, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("ask", 5, 32, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("bid_volume", 6, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("ask_volume", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("quoted", 8, 56, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    21: Message("Execution", 21, 72, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("leg", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("execution", 4, 24, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("volume", 5, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 6, 40, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("cumulative", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("reference", 8, 56, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("code", 9, 64, 4, "I", "integer", "Code", 0, 0, 4294967294, 0),
        Field("kind", 10, 68, 1, "B", "enum", "ExecutionKind", 0, 0, 254, 0),
        Field("executed", 11, 72, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    30: Message("GroupPolicy", 30, 136, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("group", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("policy_version", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("master_login", 4, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("overflow_login", 5, 32, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("house_login", 6, 40, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("currency", 7, 48, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("method", 8, 56, 1, "B", "enum", "Method", 0, 0, 254, 0),
        Field("rounding", 9, 57, 1, "B", "enum", "Rounding", 0, 0, 254, 0),
        Field("on_shortfall", 10, 58, 1, "B", "enum", "OnShortfall", 0, 0, 254, 0),
        Field("below_min", 11, 59, 1, "B", "enum", "BelowMin", 0, 0, 254, 0),
        Field("execution", 12, 60, 1, "B", "enum", "ExecutionMode", 0, 0, 254, 0),
        Field("on_partial", 13, 61, 1, "B", "enum", "OnPartial", 0, 0, 254, 0),
        Field("on_refused", 14, 62, 1, "B", "enum", "OnRefused", 0, 0, 254, 0),
        Field("price_mode", 15, 63, 1, "B", "enum", "PriceMode", 0, 0, 254, 0),
        Field("deviation", 16, 64, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("leg_timeout", 17, 72, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("booking_timeout", 18, 76, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("state_max_age", 19, 80, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("max_members", 20, 84, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("operator_name", 21, 88, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
    )),
    31: Message("Member", 31, 120, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("group", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("status", 3, 20, 1, "B", "enum", "MemberStatus", 0, 0, 254, 0),
        Field("on_leave", 4, 21, 1, "B", "enum", "OnLeave", 0, 0, 254, 0),
        Field("drawdown_basis", 5, 22, 1, "B", "enum", "DrawdownBasis", 0, 0, 254, 0),
        Field("drawdown_action", 6, 23, 1, "B", "enum", "DrawdownAction", 0, 0, 254, 0),
        Field("login", 7, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("weight", 8, 32, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("max_volume", 9, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin_buffer", 10, 48, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("max_leverage", 11, 56, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("drawdown_percent", 12, 64, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("drawdown_money", 13, 72, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("drawdown_reset", 14, 80, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("operator_name", 15, 88, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
        Field("drawdown_zone", 16, 120, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    32: Message("Limits", 32, 112, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("group", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("orders_per_second", 3, 20, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("max_volume", 4, 24, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("collar", 5, 32, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("daily_loss", 6, 40, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("operator_name", 7, 64, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
        Field("booking_window", 8, 96, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("currency", 9, 100, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("day_begins", 10, 112, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    33: Message("KillSwitch", 33, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("group", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("scope", 3, 20, 1, "B", "enum", "KillScope", 0, 0, 254, 0),
        Field("action", 4, 21, 1, "B", "enum", "KillAction", 0, 0, 254, 0),
        Field("operator_name", 5, 24, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
    )),
    34: Message("Resync", 34, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("from_sequence", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 3, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
    )),
    36: Message("Tolerance", 36, 40, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("currency", 2, 16, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("money", 3, 24, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("per_position", 4, 32, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("spreads", 5, 40, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
    )),
    94: Message("TimeZone", 94, 64, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("zone", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("zone_name", 3, 24, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
        Field("since", 4, 56, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("zone_offset", 5, 64, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    40: Message("Clock", 40, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("now", 2, 16, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("error_bound", 3, 24, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    41: Message("Opened", 41, 80, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("generation", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("instruments", 3, 24, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("accounts", 4, 28, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("groups", 5, 32, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("members", 6, 36, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("blocks", 7, 40, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("children", 8, 44, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("holdings", 9, 48, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("bridges", 10, 52, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("fingerprint", 11, 56, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("build", 12, 64, 8, "8s", "ascii", "Currency", 0, 0, 0, 0),
        Field("leg_timeout", 13, 72, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("booking_timeout", 14, 76, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("history", 15, 80, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("positions", 16, 84, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
    )),
    42: Message("BridgeOpened", 42, 48, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("bridge", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("role", 3, 20, 1, "B", "integer", "Small", 0, 0, 254, 0),
        Field("bridge_name", 4, 24, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
    )),
    43: Message("BridgeFenced", 43, 16, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("bridge", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("code", 3, 20, 4, "I", "integer", "Code", 0, 0, 4294967294, 0),
    )),
    44: Message("LogState", 44, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("behind", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("suspended", 3, 24, 1, "B", "integer", "Small", 0, 0, 254, 0),
    )),
    83: Message("Continued", 83, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("generation", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("lost", 3, 24, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
    )),
    84: Message("BridgeRenewed", 84, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("bridge", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("generation", 3, 24, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
    )),
    85: Message("ClockState", 85, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("error_bound", 2, 16, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("step", 3, 24, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    50: Message("Leg", 50, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("leg", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("volume", 4, 24, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 5, 32, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("time_limit", 6, 40, 4, "I", "integer", "Milliseconds", 0, 0, 4294967294, 0),
        Field("instrument", 7, 44, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("side", 8, 48, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("sent", 9, 56, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    51: Message("LegCancel", 51, 16, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("leg", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
    )),
    60: Message("Booking", 60, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("child", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("login", 4, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("volume", 5, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 6, 40, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("position", 7, 48, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("instrument", 8, 56, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("side", 9, 60, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("entry", 10, 61, 1, "B", "enum", "Entry", 0, 0, 254, 0),
        Field("batch", 11, 62, 2, "H", "integer", "Batch", 0, 0, 65534, 0),
    )),
    61: Message("MasterReport", 61, 96, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("order", 2, 16, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("deal", 3, 24, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("group", 4, 32, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("block", 5, 36, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("volume", 6, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("filled", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("allocated", 8, 56, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("house", 9, 64, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 10, 72, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("children", 11, 80, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("reason", 12, 84, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("status", 13, 86, 1, "B", "enum", "BlockStatus", 0, 0, 254, 0),
        Field("planned", 14, 88, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("master_position", 15, 96, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
    )),
    62: Message("RiskAlert", 62, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 2, 16, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("group", 3, 24, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("block", 4, 28, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("measured", 5, 32, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("limit", 6, 40, 8, "q", "decimal", "Factor", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("instrument", 7, 48, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("reason", 8, 52, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("kind", 9, 54, 1, "B", "enum", "AlertKind", 0, 0, 254, 0),
    )),
    63: Message("Reject", 63, 32, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("ref_sequence", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("ref_template", 3, 24, 2, "H", "integer", "Flags", 0, 0, 65534, 0),
        Field("reason", 4, 26, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("field_id", 5, 28, 2, "H", "integer", "Flags", 0, 0, 65534, 0),
    )),
    82: Message("Resumed", 82, 32, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("consumed", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("from_sequence", 3, 24, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("lost", 4, 32, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
    )),
    86: Message("OutputsGone", 86, 16, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("from_sequence", 2, 16, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
    )),
    66: Message("BookingQuery", 66, 24, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("unanswered", 3, 20, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
    )),
    70: Message("Plan", 70, 112, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("group", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("order", 4, 24, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("deal", 5, 32, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
        Field("volume", 6, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("planned", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("total_weight", 8, 56, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("step", 9, 64, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("minimum", 10, 72, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("policy_version", 11, 80, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 12, 84, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("members", 13, 88, 4, "I", "integer", "Count", 0, 0, 4294967294, 0),
        Field("method", 14, 92, 1, "B", "enum", "Method", 0, 0, 254, 0),
        Field("rounding", 15, 93, 1, "B", "enum", "Rounding", 0, 0, 254, 0),
        Field("on_shortfall", 16, 94, 1, "B", "enum", "OnShortfall", 0, 0, 254, 0),
        Field("below_min", 17, 95, 1, "B", "enum", "BelowMin", 0, 0, 254, 0),
        Field("side", 18, 96, 1, "B", "enum", "Side", 0, 0, 254, 0),
        Field("entry", 19, 97, 1, "B", "enum", "Entry", 0, 0, 254, 0),
        Field("execution", 20, 98, 1, "B", "enum", "ExecutionMode", 0, 0, 254, 0),
        Field("reason", 21, 100, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("master_position", 22, 104, 8, "Q", "integer", "Ticket", 0, 0, 18446744073709551614, 0),
    )),
    71: Message("PlanMember", 71, 112, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("child", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("login", 4, 24, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("measure", 5, 32, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("weight", 6, 40, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("quota", 7, 48, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("cap", 8, 64, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("floor_volume", 9, 72, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("remainder", 10, 80, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("volume", 11, 88, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("margin", 12, 96, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("reason", 13, 104, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("binding", 14, 106, 1, "B", "enum", "Constraint", 0, 0, 254, 0),
    )),
    72: Message("BlockChange", 72, 64, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("reason", 3, 20, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("status", 4, 22, 1, "B", "enum", "BlockStatus", 0, 0, 254, 0),
        Field("previous", 5, 23, 1, "B", "enum", "BlockStatus", 0, 0, 254, 0),
        Field("filled", 6, 24, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("allocated", 7, 32, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("house", 8, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 9, 48, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("residue", 10, 56, 8, "q", "integer", "Residue", 0, -9223372036854775807, 9223372036854775807, 0),
    )),
    76: Message("RiskStop", 76, 88, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("login", 2, 16, 8, "Q", "integer", "Login", 0, 0, 18446744073709551614, 0),
        Field("group", 3, 24, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("reason", 4, 28, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
        Field("basis", 5, 30, 1, "B", "enum", "DrawdownBasis", 0, 0, 254, 0),
        Field("action", 6, 31, 1, "B", "enum", "DrawdownAction", 0, 0, 254, 0),
        Field("since", 7, 32, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("until", 8, 40, 8, "q", "integer", "Time", 0, -9223372036854775807, 9223372036854775807, 0),
        Field("equity", 9, 48, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("mark", 10, 56, 8, "q", "decimal", "Money", -6, -9223372036854775807, 9223372036854775807, 0),
        Field("operator_name", 11, 64, 32, "32s", "utf8", "Name", 0, 0, 0, 0),
    )),
    80: Message("BookSource", 80, 40, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("bridge", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("bid", 4, 24, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("ask", 5, 32, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("reason", 6, 40, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
    )),
    81: Message("HouseChange", 81, 56, (
        Field("sequence", 1, 8, 8, "Q", "integer", "Sequence", 0, 0, 18446744073709551614, 0),
        Field("block", 2, 16, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("instrument", 3, 20, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("volume", 4, 24, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("price", 5, 32, 8, "q", "decimal", "Price", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("exposure", 6, 40, 8, "q", "decimal", "Volume", -8, -9223372036854775807, 9223372036854775807, 0),
        Field("bridge", 7, 48, 4, "I", "integer", "Id", 0, 0, 4294967294, 0),
        Field("reason", 8, 52, 2, "H", "enum", "Reason", 0, 0, 65534, 0),
    )),
}

BY_NAME: Final[dict[str, Message]] = {message.name: message for message in MESSAGES.values()}


HEADER: Final = np.dtype(
    [("block_length", "<u2"), ("template_id", "<u2"), ("schema_id", "<u2"), ("version", "<u2")]
)

_FORMATS = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8", "b": "i1", "h": "<i2", "i": "<i4", "q": "<i8"}


def _dtype(message: Message) -> np.dtype[Any]:
    """A structured dtype of the message's own offsets and length; its first field is `header`."""
    return np.dtype(
        {
            "names": ["header", *(field.name for field in message.fields)],
            "formats": [HEADER, *(_FORMATS.get(field.code, f"S{field.size}") for field in message.fields)],
            "offsets": [0, *(field.start for field in message.fields)],
            "itemsize": message.length,
        }
    )


INSTRUMENT_ID: Final = 1
INSTRUMENT: Final = _dtype(MESSAGES[1])
ACCOUNT_ID: Final = 2
ACCOUNT: Final = _dtype(MESSAGES[2])
ACCOUNT_STATE_ID: Final = 3
ACCOUNT_STATE: Final = _dtype(MESSAGES[3])
POSITION_STATE_ID: Final = 4
POSITION_STATE: Final = _dtype(MESSAGES[4])
MASTER_ORDER_ID: Final = 5
MASTER_ORDER: Final = _dtype(MESSAGES[5])
MASTER_CANCEL_ID: Final = 6
MASTER_CANCEL: Final = _dtype(MESSAGES[6])
MASTER_DEAL_ID: Final = 7
MASTER_DEAL: Final = _dtype(MESSAGES[7])
BOOKING_REPORT_ID: Final = 8
BOOKING_REPORT: Final = _dtype(MESSAGES[8])
HEARTBEAT_ID: Final = 9
HEARTBEAT: Final = _dtype(MESSAGES[9])
LEVERAGE_TIER_ID: Final = 12
LEVERAGE_TIER: Final = _dtype(MESSAGES[12])
LEVERAGE_RULE_ID: Final = 13
LEVERAGE_RULE: Final = _dtype(MESSAGES[13])
LEVERAGE_RULE_INSTRUMENT_ID: Final = 14
LEVERAGE_RULE_INSTRUMENT: Final = _dtype(MESSAGES[14])
INSTRUMENT_OVERRIDE_ID: Final = 93
INSTRUMENT_OVERRIDE: Final = _dtype(MESSAGES[93])
SERVER_TERMS_ID: Final = 96
SERVER_TERMS: Final = _dtype(MESSAGES[96])
QUOTE_ID: Final = 20
QUOTE: Final = _dtype(MESSAGES[20])
EXECUTION_ID: Final = 21
EXECUTION: Final = _dtype(MESSAGES[21])
GROUP_POLICY_ID: Final = 30
GROUP_POLICY: Final = _dtype(MESSAGES[30])
MEMBER_ID: Final = 31
MEMBER: Final = _dtype(MESSAGES[31])
LIMITS_ID: Final = 32
LIMITS: Final = _dtype(MESSAGES[32])
KILL_SWITCH_ID: Final = 33
KILL_SWITCH: Final = _dtype(MESSAGES[33])
RESYNC_ID: Final = 34
RESYNC: Final = _dtype(MESSAGES[34])
TOLERANCE_ID: Final = 36
TOLERANCE: Final = _dtype(MESSAGES[36])
TIME_ZONE_ID: Final = 94
TIME_ZONE: Final = _dtype(MESSAGES[94])
CLOCK_ID: Final = 40
CLOCK: Final = _dtype(MESSAGES[40])
OPENED_ID: Final = 41
OPENED: Final = _dtype(MESSAGES[41])
BRIDGE_OPENED_ID: Final = 42
BRIDGE_OPENED: Final = _dtype(MESSAGES[42])
BRIDGE_FENCED_ID: Final = 43
BRIDGE_FENCED: Final = _dtype(MESSAGES[43])
LOG_STATE_ID: Final = 44
LOG_STATE: Final = _dtype(MESSAGES[44])
CONTINUED_ID: Final = 83
CONTINUED: Final = _dtype(MESSAGES[83])
BRIDGE_RENEWED_ID: Final = 84
BRIDGE_RENEWED: Final = _dtype(MESSAGES[84])
CLOCK_STATE_ID: Final = 85
CLOCK_STATE: Final = _dtype(MESSAGES[85])
LEG_ID: Final = 50
LEG: Final = _dtype(MESSAGES[50])
LEG_CANCEL_ID: Final = 51
LEG_CANCEL: Final = _dtype(MESSAGES[51])
BOOKING_ID: Final = 60
BOOKING: Final = _dtype(MESSAGES[60])
MASTER_REPORT_ID: Final = 61
MASTER_REPORT: Final = _dtype(MESSAGES[61])
RISK_ALERT_ID: Final = 62
RISK_ALERT: Final = _dtype(MESSAGES[62])
REJECT_ID: Final = 63
REJECT: Final = _dtype(MESSAGES[63])
RESUMED_ID: Final = 82
RESUMED: Final = _dtype(MESSAGES[82])
OUTPUTS_GONE_ID: Final = 86
OUTPUTS_GONE: Final = _dtype(MESSAGES[86])
BOOKING_QUERY_ID: Final = 66
BOOKING_QUERY: Final = _dtype(MESSAGES[66])
PLAN_ID: Final = 70
PLAN: Final = _dtype(MESSAGES[70])
PLAN_MEMBER_ID: Final = 71
PLAN_MEMBER: Final = _dtype(MESSAGES[71])
BLOCK_CHANGE_ID: Final = 72
BLOCK_CHANGE: Final = _dtype(MESSAGES[72])
RISK_STOP_ID: Final = 76
RISK_STOP: Final = _dtype(MESSAGES[76])
BOOK_SOURCE_ID: Final = 80
BOOK_SOURCE: Final = _dtype(MESSAGES[80])
HOUSE_CHANGE_ID: Final = 81
HOUSE_CHANGE: Final = _dtype(MESSAGES[81])

# By template id.
DTYPES: Final[dict[int, np.dtype[Any]]] = {
    1: INSTRUMENT,
    2: ACCOUNT,
    3: ACCOUNT_STATE,
    4: POSITION_STATE,
    5: MASTER_ORDER,
    6: MASTER_CANCEL,
    7: MASTER_DEAL,
    8: BOOKING_REPORT,
    9: HEARTBEAT,
    12: LEVERAGE_TIER,
    13: LEVERAGE_RULE,
    14: LEVERAGE_RULE_INSTRUMENT,
    93: INSTRUMENT_OVERRIDE,
    96: SERVER_TERMS,
    20: QUOTE,
    21: EXECUTION,
    30: GROUP_POLICY,
    31: MEMBER,
    32: LIMITS,
    33: KILL_SWITCH,
    34: RESYNC,
    36: TOLERANCE,
    94: TIME_ZONE,
    40: CLOCK,
    41: OPENED,
    42: BRIDGE_OPENED,
    43: BRIDGE_FENCED,
    44: LOG_STATE,
    83: CONTINUED,
    84: BRIDGE_RENEWED,
    85: CLOCK_STATE,
    50: LEG,
    51: LEG_CANCEL,
    60: BOOKING,
    61: MASTER_REPORT,
    62: RISK_ALERT,
    63: REJECT,
    82: RESUMED,
    86: OUTPUTS_GONE,
    66: BOOKING_QUERY,
    70: PLAN,
    71: PLAN_MEMBER,
    72: BLOCK_CHANGE,
    76: RISK_STOP,
    80: BOOK_SOURCE,
    81: HOUSE_CHANGE,
}
