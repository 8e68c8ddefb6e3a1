"""Execution.code: OrdRejReason as the return code of MT5 that fits, which the engine reads; our own codes."""

NOT_CONNECTED = 9001  # no session with the LP, or its orders are still being reconciled
TOO_LATE = 9002  # the leg's time limit was over before it could be sent
UNKNOWN_INSTRUMENT = 9003  # not configured
BAD_QUANTITY = 9004  # the volume is no exact quantity of the LP
UNKNOWN_AT_LP = 9005  # the LP never got it
REFUSED_BY_SESSION = 9006  # the LP's FIX session refused the message
NEVER_CAME = 9007  # asked about a leg that this bridge never got

REJECTED = 10006
INVALID, BAD_VOLUME, BAD_PRICE, UNSUPPORTED = 10013, 10014, 10015, 10035
NO_TRADING, CLOSED, PRICE_MOVED, OVER_LIMIT = 10017, 10018, 10020, 10034

UNKNOWN_ORDER, DUPLICATE_ORDER = 5, 6  # OrdRejReason
_REASONS = {
    0: REJECTED,  # broker's or exchange's option
    1: INVALID,  # unknown symbol
    2: CLOSED,
    3: OVER_LIMIT,
    4: CLOSED,  # too late to enter
    UNKNOWN_ORDER: REJECTED,
    DUPLICATE_ORDER: REJECTED,
    7: REJECTED,  # duplicate of a verbal order
    8: PRICE_MOVED,  # stale order
    9: INVALID,  # trade along required
    10: NO_TRADING,  # invalid investor id
    11: UNSUPPORTED,
    12: REJECTED,  # surveillance
    13: BAD_VOLUME,
    14: BAD_VOLUME,  # incorrect allocated quantity
    15: NO_TRADING,  # unknown account
    16: BAD_PRICE,  # outside the price band (FIX 5)
    18: INVALID,  # invalid price increment (FIX 5)
    99: REJECTED,  # other
}


def reason(text: str | None) -> int | None:
    """OrdRejReason; None when it is absent or no number."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 10:
        return None
    return int(text)


def of_reason(text: str | None) -> int:
    """OrdRejReason as a code, never one of an unknown outcome; 0, which is final too, without a reason."""
    number = reason(text)
    return 0 if number is None else _REASONS.get(number, REJECTED)
