"""An LP's hot half (native/broker/lp.h) as an object."""

from typing import Any

import numpy as np

from appliance._broker import ffi, lib
from appliance.broker.script import ProviderScript
from appliance.broker.server import error_text
from appliance.broker.ticks import Tape, merge, read_all
from appliance.errors import InputError

COUNTS = (
    "sent",
    "quotes",
    "crossed",
    "legs",
    "repeated",
    "cancels",
    "trades",
    "partials",
    "rejected",
    "silent",
    "changed_repeats",
    "malformed",
    "gaps",
    "rejects",
)


class Provider:
    """One LP. Every call is made by one thread."""

    def __init__(self, script: ProviderScript, tape: Tape | None = None) -> None:
        """InputError when the script does not hold together. `tape`: instead of reading the script's
        files."""
        tape = merge(read_all(script.ticks)) if tape is None else tape
        instruments = [
            {
                "id": i.id,
                "markup": script.markup_points * i.point,
                "point": i.point,
                "step": i.volume_step,
                "size_min": script.size_min,
                "size_max": script.size_max,
            }
            for i in script.instruments
        ]
        names = ("partial_per_mille", "reject_per_mille", "silent_per_mille", "crossed_per_mille")
        config = {name: getattr(script, name) for name in names}
        config |= {"seed": script.seed & (1 << 64) - 1, "max_legs": script.max_legs}
        self._ticks = _tick_array(tape)
        try:
            made = lib.mam_lp_new(
                ffi.new("struct mam_lp_instrument[]", instruments),
                len(instruments),
                self._ticks,
                len(tape),
                ffi.new("struct mam_lp_config *", config),
            )
        except (OverflowError, TypeError) as error:
            raise InputError(f"the LP's script: a field is out of range: {error}") from None
        if made == ffi.NULL:
            raise InputError("the LP's script: a field is out of range")
        self.pointer = ffi.gc(made, lib.mam_lp_free)

    def attach(self, instance: str, bridge: str) -> None:
        """InputError when the instance, or such a bridge of role LP, is not there."""
        status = lib.mam_lp_attach(self.pointer, instance.encode(), bridge.encode())
        if status != 0:
            raise InputError(f"instance {instance}, bridge {bridge}: {error_text(status)}")

    def release(self, until: int, interval_us: int = 0) -> None:
        """Ticks before number `until` may be quoted."""
        lib.mam_lp_release(self.pointer, until, interval_us * 1000)

    def withdraw(self) -> None:
        """Takes all quotes back."""
        lib.mam_lp_withdraw(self.pointer)

    def stand_still(self, wanted: bool) -> None:
        """At the next leg, before its answer, the process stops itself (SIGSTOP)."""
        lib.mam_lp_stand_still(self.pointer, wanted)

    def poll(self, slice_ns: int) -> int:
        """Works without the GIL. 1: all released quotes are out (once a release); 0: not; negative: an
        error."""
        return int(lib.mam_lp_poll(self.pointer, slice_ns))

    @property
    def quoted(self) -> int:
        """How many ticks have been quoted."""
        return int(lib.mam_lp_quoted(self.pointer))

    @property
    def counts(self) -> dict[str, int]:
        counts = lib.mam_lp_counts(self.pointer)
        return {name: int(getattr(counts, name)) for name in COUNTS}

    def result(self) -> dict[str, Any]:
        """What the process prints at its end."""
        return {"quoted": self.quoted, "counts": self.counts}


def _tick_array(tape: Tape) -> Any:
    """The tape as the C half wants it."""
    layout = np.dtype(
        [("time_ns", "<i8"), ("bid", "<i8"), ("ask", "<i8"), ("instrument", "<u4"), ("zero", "<u4")]
    )
    rows = np.zeros(len(tape), layout)
    rows["time_ns"], rows["bid"], rows["ask"], rows["instrument"] = (
        tape.time,
        tape.bid,
        tape.ask,
        tape.instrument,
    )
    return ffi.from_buffer("struct mam_lp_tick[]", rows)
