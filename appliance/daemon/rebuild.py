"""The state of a run, made again from the log before the engine trades: after a kill, or in new memory.

The newest snapshot that the log vouches for comes first, then every input after it; without one, every input
of the run. Each output must come out as it was logged.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from appliance._native import ffi, lib
from appliance.audit import segments, snapshots
from appliance.audit.errors import AuditError
from appliance.audit.fast_replay import SPARE, entry_of, feed, last_run
from appliance.audit.reader import Entry, read_batches
from appliance.audit.records import INPUT
from appliance.daemon.config import Config, capacities_of
from appliance.schema.codec import to_json
from appliance.schema.messages import BRIDGE_OPENED_ID, OPENED_ID

DRAINED = ("told to end", "took what the ring held")
"""A writer that stopped for these reasons has taken everything."""
ROLES = {"broker": lib.MAM_ROLE_BROKER, "lp": lib.MAM_ROLE_LP, "control": lib.MAM_ROLE_CONTROL}
LEAST_ENTRY = 32  # bytes of the journal ring that an entry takes at least


class Refused(Exception):
    """The run cannot be gone on with; one line."""


def rebuild(loop: Any, c_config: Any, config: Config) -> None:
    """Sets the loop to go on with the run that shared memory or the log holds, if there is one. Refused."""
    error = ffi.new("char[200]")
    status = lib.mam_loop_resume_begin(loop, error)
    if status < 0:
        raise Refused(ffi.string(error).decode())
    directory = Path(config.audit.directory)
    if status == 0:
        lost = _lost(directory, config, int(c_config.journal_length))
        if lost is None:
            return
        lib.mam_loop_restore_begin(loop, lost)
    while not lib.mam_loop_drained(loop):  # the daemon sees to it that a writer runs
        time.sleep(0.001)
    _replay(loop, c_config, config, directory)


def _replay(loop: Any, c_config: Any, config: Config, directory: Path) -> None:
    replay = ffi.new("struct mam_replay *", {"skip": 1})
    capacity = lib.mam_engine_worst_case(ffi.addressof(c_config, "limits"), 16) + SPARE
    said = ffi.new("uint8_t[]", capacity)

    def open_run(entry: Entry) -> None:
        lib.mam_loop_resume_open(loop, replay, said, capacity)

    first = _thaw(loop, replay, said, capacity, config, directory)
    for batch in read_batches(directory, first):
        status = feed(replay, batch, open_run)
        if status != lib.MAM_REPLAY_OK:
            leaf = batch.first_leaf + int(replay.at)
            raise Refused(
                f"record {leaf} of {directory} does not replay (mam audit replay says why); "
                "mam run --new-run begins anew"
            )
    error = ffi.new("char[200]")
    if lib.mam_loop_resume_finish(loop, replay, error) != 0:
        raise Refused(ffi.string(error).decode())


def _thaw(loop: Any, replay: Any, said: Any, capacity: int, config: Config, directory: Path) -> int:
    """Sets the loop to the newest snapshot that serves; the leaf to go on from."""
    limits = capacities_of(config)
    size = lib.mam_engine_size(limits.to_c())
    memory = ffi.buffer(ffi.cast("uint8_t *", lib.mam_loop_resume_memory(loop)), size)
    for snapshot in snapshots.usable(directory, limits):
        header = snapshot.header
        try:
            snapshots.load(snapshot, memory)
        except AuditError as error:
            print(f"engine: {error}; it is left out", file=sys.stderr)
            continue
        replay.sequence, replay.time, replay.skip = header.sequence, header.time, 0
        replay.consumed = header.consumed
        if lib.mam_loop_resume_thaw(loop, replay, said, capacity) == 0:
            return header.leaf
    replay.skip, replay.sequence, replay.time, replay.engine = 1, 0, 0, ffi.NULL
    return last_run(directory)


# --- Is there a run to go on with? ---


def opening(directory: Path) -> tuple[int, list[dict[str, Any]]] | None:
    """Leaf of the last run's Opened, and it and the BridgeOpened after it; None: the log has no run."""
    start = last_run(directory)
    past = next((leaf for leaf in segments.first_leaves(directory) if leaf > start), None)
    found: int | None = None
    for batch in read_batches(directory, start):
        if past is not None and batch.first_leaf >= past:
            break
        found = max([batch.first_leaf + int(at) for at in np.flatnonzero(_opens(batch))], default=found)
    if found is None:
        return None
    messages: list[dict[str, Any]] = []
    for batch in read_batches(directory, found):
        for number in range(batch.count):
            entry = entry_of(batch, number)
            if entry.kind == INPUT and entry.bridge == 0:
                template = int.from_bytes(entry.message[2:4], "little")
                if template not in (OPENED_ID, BRIDGE_OPENED_ID):
                    return found, messages
                messages.append(to_json(entry.message))
            elif entry.kind == INPUT:
                return found, messages
    return found, messages


def _opens(batch: Any) -> Any:
    """Which of these are an Opened."""
    offsets = np.frombuffer(ffi.buffer(batch.offsets, 8 * batch.count), "<u8")
    data = np.frombuffer(batch.data, np.uint8)

    def half(at: int) -> Any:
        return data[offsets + at].astype(np.uint16) | data[offsets + at + 1].astype(np.uint16) << 8

    long = data[offsets + 20] >= 8  # a message has a header; length's lowest byte: an Opened's is 88
    opened = (data[offsets + 18] == INPUT) & (half(16) == 0) & long
    opened[opened] &= half(26)[opened] == OPENED_ID
    return opened


def _lost(directory: Path, config: Config, journal_bytes: int) -> int | None:
    """How many journal entries of the log's run may have been lost; None: a new run begins."""
    if config.engine.restart == "new":
        return None
    run = opening(directory)
    if run is None and not segments.is_pruned(directory):
        return None
    if run is None:
        _check_snapshot(directory, config)
    elif not _fits(run[1], config):
        print("engine: the log's run had other limits or other bridges: a new run begins", file=sys.stderr)
        return None
    if config.engine.durability == "commit" or _ended_well(directory):
        return 0
    return journal_bytes // LEAST_ENTRY


def _check_snapshot(directory: Path, config: Config) -> None:
    """Where the beginning of the run was pruned, only a snapshot has its state; Refused: none serves."""
    for snapshot in snapshots.usable(directory, capacities_of(config)):
        if snapshot.header.bridges == [(int(ROLES[one.role]), one.name) for one in config.bridges]:
            return
    raise Refused(
        f"{directory}: the beginning of the run was pruned, and no snapshot serves this build, these limits "
        "and bridges; mam run --new-run begins anew"
    )


def _fits(messages: list[dict[str, Any]], config: Config) -> bool:
    """Were these the limits and bridges of this configuration?"""
    limits = {name.removesuffix("_ms"): value for name, value in vars(capacities_of(config)).items()}
    opened, *bridges = messages
    asked = [
        (number + 1, int(ROLES[bridge.role]), bridge.name) for number, bridge in enumerate(config.bridges)
    ]
    return all(opened.get(name) == value for name, value in limits.items()) and asked == [
        (one["bridge"], one["role"], one["bridge_name"]) for one in bridges
    ]


def _ended_well(directory: Path) -> bool:
    """Had the writer before this one taken everything?"""
    names = [
        record
        for record in snapshots.own_records(read_batches(directory, _last_leaf(directory)))
        if record["record"] in ("writer_started", "writer_stopped")
    ]
    last = [at for at, record in enumerate(names) if record["record"] == "writer_started"]
    if not last or last[-1] == 0:
        return False
    before = names[last[-1] - 1]
    return before["record"] == "writer_stopped" and before["reason"] in DRAINED


def _last_leaf(directory: Path) -> int:
    """Of the last segment but one: a writer that started in the last one may have stopped before it."""
    leaves = segments.first_leaves(directory)
    return leaves[max(0, len(leaves) - 2)]
