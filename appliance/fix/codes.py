"""Execution.code: OrdRejReason of the LP as it is (0 to 99), and the bridge's own, which begin at 9001."""

NOT_CONNECTED = 9001  # no session with the LP, or its orders are still being reconciled
TOO_LATE = 9002  # the leg's time limit was over before it could be sent
UNKNOWN_INSTRUMENT = 9003  # not configured
BAD_QUANTITY = 9004  # the volume is no exact quantity of the LP
UNKNOWN_AT_LP = 9005  # the LP never got it
REFUSED_BY_SESSION = 9006  # the LP's FIX session refused the message
NEVER_CAME = 9007  # asked about a leg that this bridge never got
CODE_MAX = 2**32 - 2


def of_reason(text: str | None) -> int:
    """OrdRejReason as a code; 0 when it is absent or no number."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 10:
        return 0
    return min(int(text), CODE_MAX)
