"""What a bridge needs that returns: new rings when its own were fenced, and the outputs that it missed.

The loop lends us the producer's end of a bridge's out ring (native/src/loop_return.h) when the bridge asks
for outputs that it has had already; they are in the log, and we write them into the ring.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from appliance._native import ffi, lib
from appliance.audit import segments
from appliance.audit.errors import AuditError
from appliance.audit.reader import Batch, read_batches
from appliance.audit.records import OUTPUT
from appliance.daemon.config import Config
from appliance.daemon.rebuild import opening
from appliance.memory import Instance
from appliance.memory.directory import State
from appliance.schema.codec import from_json

PAUSE_SECONDS = 1.0
"""Between a fence and new rings; doubles up to PAUSE_MAX for a bridge that is fenced again and again."""
PAUSE_MAX_SECONDS = 64.0
FORGIVEN_SECONDS = 600.0
_LOOK_SECONDS = 0.002
_SETTLE_SECONDS = 1.0
"""After that the counters know of all that the bridge's out ring had when it was lent."""
_WORDS = lib.MAM_RECOVERY_OFFSET // 8
_GENERATION = 7  # of the words, native/src/loop_state.h

Tell = Callable[[int, int], None]
"""Tells the engine's process: bridge, generation of its new rings."""


class _Bridge:
    """What we know of one."""

    def __init__(self, number: int, name: str, words: Any) -> None:
        self.number = number
        self.name = name
        self.words = words
        self.due: float | None = None
        self.pause = PAUSE_SECONDS
        self.renewed_at = 0.0
        self.waits_for = 0  # the engine has taken up the rings of this generation; 0: nothing is under way
        self.thread: threading.Thread | None = None
        self.stop = threading.Event()
        self.news: list[str] = []


class Returning:
    """Call `look` a few times a second, `close` before the instance goes."""

    def __init__(
        self,
        config: Config,
        instance: Instance,
        first_counter: int,
        tell: Tell,
        journaled: Callable[[], tuple[int, int]],
    ) -> None:
        """`first_counter`: of the bridges' counters. `journaled`: entries of the journal, those on disk."""
        self._journaled = journaled
        self._instance = instance
        self._log = Path(config.audit.directory)
        self._tell = tell
        each = lib.MAM_LOOP_BRIDGE_COUNTERS
        self._bridges = [
            _Bridge(at + 1, bridge.name, instance.counters.at(first_counter + each * at + 1) + _WORDS)
            for at, bridge in enumerate(config.bridges)
        ]

    def look(self) -> list[str]:
        """What is new, a line each."""
        news = []
        for bridge in self._bridges:
            news += self._renew(bridge)
            self._resend(bridge)
            news += bridge.news
            bridge.news = []
        return news

    def settle(self) -> None:
        """Before an engine starts: what a bridge has been promised again is in its ring."""
        for bridge in self._bridges:
            self._resend(bridge)
            while bridge.thread is not None and bridge.thread.is_alive():
                bridge.thread.join(0.05)
                if State.FENCED in self._instance.directory.states(bridge.name):
                    break

    def close(self) -> None:
        """End the threads."""
        for bridge in self._bridges:
            self._end_thread(bridge)

    # --- New rings ---

    def _renew(self, bridge: _Bridge) -> list[str]:
        directory = self._instance.directory
        if bridge.waits_for:
            if int(bridge.words[_GENERATION]) != bridge.waits_for:
                return []
            bridge.waits_for = 0
            directory.set_state(bridge.name, State.OPEN)
            return [f"bridge {bridge.name} has new rings; it may attach again"]
        if State.FENCED not in directory.states(bridge.name):
            bridge.due = None
            return []
        now = time.monotonic()
        if bridge.due is None:
            again = bridge.renewed_at and now - bridge.renewed_at < FORGIVEN_SECONDS
            bridge.pause = min(2 * bridge.pause, PAUSE_MAX_SECONDS) if again else PAUSE_SECONDS
            bridge.due = now + bridge.pause
        if now < bridge.due:
            return []
        self._end_thread(bridge)
        bridge.waits_for = self._instance.make_rings(bridge.name)
        bridge.renewed_at, bridge.due = now, None
        self._tell(bridge.number, bridge.waits_for)
        return []

    # --- What was missed ---

    def _resend(self, bridge: _Bridge) -> None:
        last = ffi.new("uint64_t *")
        first = lib.mam_lent(bridge.words, last)
        if first == 0 or bridge.waits_for or (bridge.thread is not None and bridge.thread.is_alive()):
            return
        bridge.stop = threading.Event()
        bridge.thread = threading.Thread(
            target=self._write,
            args=(bridge, int(first), int(last[0])),
            name=f"resend {bridge.name}",
            daemon=True,
        )
        bridge.thread.start()

    def _end_thread(self, bridge: _Bridge) -> None:
        if bridge.thread is not None:
            bridge.stop.set()
            bridge.thread.join()
            bridge.thread = None

    def _write(self, bridge: _Bridge, first: int, last: int) -> None:
        region = self._instance.out_region(bridge.name)
        ring = ffi.new("struct mam_ring *")
        memory = ffi.cast("void *", region.address)
        if lib.mam_lent_attach(bridge.words, ring, memory, region.size) != 0:
            return
        for message in self._messages(bridge, first, last):
            template = message[2] | message[3] << 8
            while lib.mam_ring_write(ring, template, message, len(message)) != 0:
                if bridge.stop.is_set() or State.FENCED in self._instance.directory.states(bridge.name):
                    return
                time.sleep(_LOOK_SECONDS)
        if not bridge.stop.is_set():
            lib.mam_lent_return(bridge.words, ring)

    def _messages(self, bridge: _Bridge, first: int, last: int) -> Iterator[bytes]:
        """From the log, as soon as it has the last of them; before them, what was pruned is named."""
        gone_at: float | None = None
        wanted = 0
        while not bridge.stop.is_set():
            try:
                found = outputs(self._log, bridge.number, first, last)
            except AuditError:  # the writer is in the middle of a new segment
                found = Found([], False)
            if found.messages and found.messages[-1][0] == last:
                if found.pruned and found.messages[0][0] > first:
                    yield self._gone(bridge, first, found.messages[0][0] - 1)
                for _, message in found.messages:
                    yield message
                return
            if found.pruned and not found.messages:
                if gone_at is None:
                    gone_at = time.monotonic() + _SETTLE_SECONDS
                elif not wanted and time.monotonic() > gone_at:
                    wanted, _ = self._journaled()
                elif wanted and self._journaled()[1] >= wanted and not self._any(bridge, first, last):
                    yield self._gone(bridge, first, last)
                    return
            bridge.stop.wait(_LOOK_SECONDS * 5)

    def _any(self, bridge: _Bridge, first: int, last: int) -> bool:
        """Once more, now that all of the journal is on disk."""
        try:
            return bool(outputs(self._log, bridge.number, first, last).messages)
        except AuditError:
            return True

    def _gone(self, bridge: _Bridge, first: int, last: int) -> bytes:
        """The bridge is told, and so is the operator."""
        bridge.news.append(
            f"bridge {bridge.name} asked for its outputs from {first} on; {first} to {last} were pruned from "
            "the log and are not told again: reconcile it (mam audit query on the export has them)"
        )
        return from_json({"msg": "OutputsGone", "sequence": last, "from_sequence": first})


@dataclass(frozen=True)
class Found:
    """Outputs with their sequence numbers. `pruned`: earlier ones of the run are not in the log any more."""

    messages: list[tuple[int, bytes]]
    pruned: bool


def outputs(directory: Path, bridge: int, first: int, last: int) -> Found:
    """Those to a bridge, of the log's last run: `first` to `last`."""
    leaves = segments.first_leaves(directory)
    run = opening(directory)
    if run is None and (not leaves or leaves[0] == 0):
        return Found([], False)
    start = run[0] if run is not None else 0  # 0: it began in what was pruned
    found: list[list[tuple[int, bytes]]] = []
    pruned = False
    for at in range(len(leaves) - 1, -1, -1):
        past = leaves[at + 1] if at + 1 < len(leaves) else None
        part, reached = _outputs_of(directory, max(leaves[at], start), past, bridge, first, last)
        found.append(part)
        if reached or leaves[at] <= start:
            break
        pruned = at == 0
    return Found([message for part in reversed(found) for message in part], pruned)


def _outputs_of(
    directory: Path, leaf: int, past: int | None, bridge: int, first: int, last: int
) -> tuple[list[tuple[int, bytes]], bool]:
    """Of one segment; and whether it has one that is not newer than `first`."""
    found: list[tuple[int, bytes]] = []
    reached = False
    for batch in read_batches(directory, leaf):
        if past is not None and batch.first_leaf >= past:
            break
        numbers, sequences = _to(batch, bridge)
        reached = reached or bool((sequences <= first).any())
        for number in numbers[(sequences >= first) & (sequences <= last)]:
            entry = batch.entry(int(number))
            found.append((int.from_bytes(entry[32:40], "little"), entry[24:]))
    return found, reached


def _to(batch: Batch, bridge: int) -> tuple[Any, Any]:
    """Which of these are outputs to the bridge, and their sequence numbers."""
    offsets = np.frombuffer(ffi.buffer(batch.offsets, 8 * batch.count), "<u8")
    data = np.frombuffer(batch.data, np.uint8)
    to = data[offsets + 16].astype(np.uint16) | data[offsets + 17].astype(np.uint16) << 8
    numbers = np.flatnonzero((data[offsets + 18] == OUTPUT) & (to == bridge))
    sequences = np.zeros(len(numbers), np.uint64)
    for byte in range(8):
        sequences |= data[offsets[numbers] + 32 + byte].astype(np.uint64) << np.uint64(8 * byte)
    return numbers, sequences
