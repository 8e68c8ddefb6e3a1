"""Replay in C: a log's entries go to an engine without becoming Python objects (native/src/replay.h)."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import segments
from appliance.audit.errors import AuditError
from appliance.audit.reader import Batch, Entry, read_batches, read_entries
from appliance.audit.records import HEADER
from appliance.audit.replay import Replay, engine_of, replay

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


def replay_log(directory: Path, progress: Callable[[int], None] = lambda done: None) -> Replay:
    """The whole log, in C; for a difference the reference (replay.py) is asked, which has words."""
    result = Replay()
    state = ffi.new("struct mam_replay *")
    held: list[Any] = []

    def open_run(entry: Entry) -> None:
        result.runs += 1
        result.unfinished += int(state.compared != state.said.length)
        engine = engine_of(entry)
        capacity = lib.mam_engine_worst_case(engine.capacities.to_c(), 16) + SPARE
        held[:] = [engine, ffi.new("uint8_t[]", capacity)]
        lib.mam_replay_open(state, engine.native, held[1], capacity)

    for batch in read_batches(directory):
        if feed(state, batch, open_run) != lib.MAM_REPLAY_OK:
            return replay(read_entries(directory))
        progress(int(state.inputs))
    result.inputs, result.outputs = int(state.inputs), int(state.outputs)
    result.unfinished += int(state.compared != state.said.length)
    return result
