"""The audit writer's counters: the daemon allocates them, the writer finds them by their type ids."""

from typing import Any, Final

from appliance.memory import Counters

DURABLE: Final = 200
ENTRIES: Final = 201
BYTES: Final = 202
SYNCS: Final = 203
SYNC_NS_MAX: Final = 204
CHECKPOINTS: Final = 205
SIGNED: Final = 206
STATE: Final = 207
CUT_BYTES: Final = 208
NO_ROOM: Final = 209

LABELS: Final = {
    DURABLE: "audit: journal entries on disk",
    ENTRIES: "audit: journal entries written by this writer",
    BYTES: "audit: bytes written",
    SYNCS: "audit: syncs",
    SYNC_NS_MAX: "audit: longest sync, ns",
    CHECKPOINTS: "audit: checkpoints signed",
    SIGNED: "audit: leaves signed",
    STATE: "audit: writer state (1 running, 2 ended, 3 failed)",
    CUT_BYTES: "audit: bytes of a torn tail cut at the start",
    NO_ROOM: "audit: waiting for room on the disk (1 yes)",
}
"""Type id → label. DURABLE: journal entries with a lower sequence are on disk."""

RUNNING, ENDED, FAILED = 1, 2, 3


def allocate(counters: Counters) -> dict[int, int]:
    """For the daemon: allocates them all; type id → counter id."""
    return {kind: counters.allocate(kind, label) for kind, label in LABELS.items()}


class WriterCounters:
    """The writer's view: those that are there."""

    def __init__(self, counters: Counters | None) -> None:
        self._counters = counters
        self._ids = {c.type: c.id for c in counters.read() if c.type in LABELS} if counters else {}

    def set(self, kind: int, value: int) -> None:
        if self._counters is not None and kind in self._ids:
            self._counters.set(self._ids[kind], value)

    def connect(self, log: Any) -> None:
        """Lets the C half (struct mam_log) store its own after each sync."""
        for kind, field in (
            (DURABLE, "durable_counter"),
            (ENTRIES, "entries_counter"),
            (BYTES, "bytes_counter"),
            (SYNCS, "syncs_counter"),
            (SYNC_NS_MAX, "sync_ns_max_counter"),
        ):
            if self._counters is not None and kind in self._ids:
                setattr(log, field, self._counters.at(self._ids[kind]))
