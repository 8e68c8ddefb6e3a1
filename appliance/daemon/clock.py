"""How good this host's clock is: its own error bound, and whether it jumps. The kernel is asked.

The bound is the kernel's `maxerror` (adjtimex), which chrony and ntpd keep; without them, or when they have
lost their sources, the clock counts as not disciplined.
"""

import ctypes
import time

UNDISCIPLINED = -1
STEP_NS = 10_000_000
"""A jump of more than this between two looks, against the monotonic clock, is a step."""
_TIME_ERROR = 5
_STA_UNSYNC = 0x40


class _Timex(ctypes.Structure):
    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def error_bound() -> int:
    """Largest distance from UTC in ns, as the kernel knows it; UNDISCIPLINED when nothing steers it."""
    state = _Timex()
    result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    if result < 0 or result == _TIME_ERROR or state.status & _STA_UNSYNC:
        return UNDISCIPLINED
    return int(state.maxerror) * 1000


class ClockWatch:
    """Looks now and then; `steps` counts jumps, `step` is the last, `bound` the last error bound, both ns."""

    def __init__(self) -> None:
        self.bound = error_bound()
        self.steps = 0
        self.step = 0
        self._offset = self._now()

    @staticmethod
    def _now() -> int:
        return time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def look(self) -> list[str]:
        """What is new, a line each."""
        news = []
        offset, bound = self._now(), error_bound()
        jump, self._offset = offset - self._offset, offset
        if abs(jump) > STEP_NS:
            self.steps += 1
            self.step = jump
            news.append(f"the clock jumped by {jump / 1e9:+.3f} s")
            bound = max(bound, abs(jump)) if bound >= 0 else bound
        if (bound < 0) != (self.bound < 0):
            news.append("nothing disciplines the clock" if bound < 0 else "the clock is disciplined again")
        self.bound = bound
        return news
