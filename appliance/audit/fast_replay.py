"""Replay in C: a log's entries go to an engine without becoming Python objects (native/src/replay.h)."""

import itertools
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import segments
from appliance.audit.errors import AuditError
from appliance.audit.reader import Batch, Entry, ahead, read_batches, read_entries
from appliance.audit.records import HEADER, INPUT
from appliance.audit.replay import Replay, engine_of, replay
from appliance.engine import Engine
from appliance.schema.messages import OPENED_ID

Open = Callable[[Entry], None]
"""Called before each Opened: to give the replay (mam_replay_open) an engine for it."""
SPARE = 65536


def feed(replay_c: Any, batch: Batch, open_run: Open) -> int:
    """Feeds a batch; MAM_REPLAY_OK, or what it stopped at (number of the entry: `at`)."""
    status, first = _feed(replay_c, batch, 0, 0), 0
    while status == lib.MAM_REPLAY_OPENED:
        first = int(replay_c.at)
        open_run(entry_of(batch, first))
        status = _feed(replay_c, batch, first, 1)
    return status


def _feed(replay_c: Any, batch: Batch, first: int, opened: int) -> int:
    return int(lib.mam_replay_feed(replay_c, batch.base, batch.offsets, batch.count, first, opened))


def entry_of(batch: Batch, number: int) -> Entry:
    """One entry of a batch, as an object."""
    data = batch.entry(number)
    sequence, time, bridge, kind, _, _ = HEADER.unpack_from(data)
    return Entry(batch.first_leaf + number, sequence, time, bridge, kind, data[HEADER.size :])


def last_run(directory: Path) -> int:
    """A leaf before which the log's last run did not begin; as late as the segments' headers tell."""
    headers = [segments.read_header(path) for path in segments.paths(directory)]
    if not headers:
        raise AuditError(f"{directory}: holds no log (no segment files)")
    found = headers[0]
    for header, following in pairwise(headers):
        if following.native.sequence < header.native.sequence:
            found = header
    return found.first_leaf


class Fed:
    """An engine that is fed a log, run after run."""

    def __init__(self) -> None:
        self.native = ffi.new("struct mam_replay *", {"skip": 1})
        """The C half: struct mam_replay."""
        self.engine: Engine | None = None
        self.runs = self.unfinished = 0
        self._said: Any = None

    @property
    def inputs(self) -> int:
        return int(self.native.inputs)

    @property
    def cut_short(self) -> bool:
        """The last input lacks outputs in the log."""
        return int(self.native.compared) != int(self.native.said.length)

    def use(self, engine: Engine) -> None:
        """Goes on with this engine."""
        capacity = lib.mam_engine_worst_case(engine.capacities.to_c(), 16) + SPARE
        self.engine, self._said = engine, ffi.new("uint8_t[]", capacity)
        lib.mam_replay_open(self.native, engine.native, self._said, capacity)

    def feed(self, batch: Batch) -> int:
        """MAM_REPLAY_OK, or what it stopped at."""
        return feed(self.native, batch, self._open)

    def _open(self, entry: Entry) -> None:
        self.runs += 1
        self.unfinished += int(self.cut_short)
        self.use(engine_of(entry))


def replay_log(directory: Path, progress: Callable[[int], None] = lambda done: None) -> Replay:
    """The whole log, in C; for a difference the reference (replay.py) is asked, which has words.

    Snapshots of this build are made again on the way, and must be what the log says.
    """
    # snapshots.py is built on this module
    from appliance.audit import snapshots

    due = {snapshot.header.leaf: snapshot for snapshot in snapshots.usable(directory)}
    fed, result = Fed(), Replay()
    pruned = segments.is_pruned(directory)  # then the end of an older run may come first
    fed.native.skip = int(pruned)
    for batch in ahead(read_batches(directory)):
        for part, snapshot in _cut(batch, due):
            if fed.feed(part) != lib.MAM_REPLAY_OK:
                if result.skipped:
                    at = part.first_leaf + int(fed.native.at)
                    result.difference = f"record {at} is not what the engine says"
                    break
                return replay(_from_a_run(read_entries(directory)) if pruned else read_entries(directory))
            if snapshot is not None and fed.engine is None:  # the run began in what was pruned
                snapshots.resume(fed, snapshot)
                fed.runs += 1
                result.skipped = snapshot.header.leaf - segments.first_leaf(directory)
            elif snapshot is not None:
                result.snapshots += 1
                if snapshots.digest(fed, snapshot.header.leaf) != snapshot.sha256:
                    result.difference = f"{snapshot.path}: is not the state at record {snapshot.header.leaf}"
        if result.difference is not None:
            break
        progress(fed.inputs)
    result.inputs, result.outputs = fed.inputs, int(fed.native.outputs)
    result.runs, result.unfinished = fed.runs, fed.unfinished + int(fed.cut_short)
    return result


def _from_a_run(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Without what comes before the first Opened."""
    opens = OPENED_ID.to_bytes(2, "little")
    return itertools.dropwhile(lambda one: one.kind != INPUT or one.message[2:4] != opens, entries)


def _cut(batch: Batch, due: dict[int, Any]) -> Iterator[tuple[Batch, Any]]:
    """The batch in parts, each up to a leaf that something is due before."""
    for leaf in sorted(leaf for leaf in due if batch.first_leaf < leaf <= batch.first_leaf + batch.count):
        yield batch.up_to(leaf), due[leaf]
        batch = batch.since(leaf)
    yield batch, None
