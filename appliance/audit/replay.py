"""Replay: a fresh engine fed the logged inputs must say every logged output again, byte for byte (law 5)."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry
from appliance.engine import Capacities, Engine, Output
from appliance.errors import InputError
from appliance.schema.codec import MessageError, to_json
from appliance.schema.messages import OPENED_ID

INPUT, OUTPUT = 1, 2
Progress = Callable[[int], None]


@dataclass
class Replay:
    """What came of it. `difference`: the first one, in words; None: every output is the same.

    `skipped`: records of a run whose beginning was pruned, before its first snapshot: there is nothing to
    replay them on.
    `snapshots`: how many were made again and are what the log says.
    `unfinished`: runs whose last input lacks outputs: the engine was killed there. No output is missing that
    left, since each is journaled before it leaves.
    """

    inputs: int = 0
    outputs: int = 0
    runs: int = 0
    unfinished: int = 0
    snapshots: int = 0
    skipped: int = 0
    difference: str | None = None


def replay(entries: Iterable[Entry], progress: Progress = lambda done: None) -> Replay:
    """Feed the inputs to a fresh engine (a new one at each Opened) and compare. AuditError: no run."""
    result = Replay()
    engine: Engine | None = None
    expected: list[Output] = []
    for entry in entries:
        if entry.kind == OUTPUT:
            result.outputs += 1
            result.difference = _compare(entry, expected)
        elif entry.kind == INPUT:
            opened = _template(entry.message) == OPENED_ID and entry.bridge == 0
            if expected and not opened:
                said = _describe(expected[0].message)
                result.difference = (
                    f"before record {entry.leaf_index}: the engine says {said}, the log does not"
                )
            if opened:
                result.unfinished += bool(expected)
                engine = engine_of(entry)
                result.runs += 1
            if engine is None:
                raise AuditError(
                    f"record {entry.leaf_index}: an input before the run was opened; nothing to replay it on"
                )
            result.inputs += 1
            if result.difference is None:
                expected = engine.apply(entry.time, entry.bridge, entry.message)
        if result.difference is not None:
            return result
        progress(result.inputs)
    result.unfinished += bool(expected)
    return result


def _template(message: bytes) -> int:
    return int.from_bytes(message[2:4], "little")


def engine_of(entry: Entry) -> Engine:
    """With the limits of the run's Opened."""
    names = [field.name for field in dataclasses.fields(Capacities)]
    try:
        fields = to_json(entry.message)
        return Engine(Capacities(**{name: fields[name.removesuffix("_ms")] for name in names}))
    except (MessageError, InputError) as error:
        raise AuditError(f"record {entry.leaf_index}: the run's limits make no engine: {error}") from None


def _compare(entry: Entry, expected: list[Output]) -> str | None:
    where = f"record {entry.leaf_index} (journal entry {entry.sequence})"
    if not expected:
        return f"{where}: the log has {_describe(entry.message)}, the engine says nothing more"
    output = expected.pop(0)
    if output.message == entry.message and output.bridge == entry.bridge:
        return None
    if output.bridge != entry.bridge:
        kind = _describe(entry.message)
        return f"{where}: {kind} went to bridge {entry.bridge}, the engine sends it to {output.bridge}"
    return f"{where}: {_difference(entry.message, output.message)}"


def _difference(logged: bytes, said: bytes) -> str:
    try:
        one, other = to_json(logged), to_json(said)
    except MessageError:
        return f"the log has {_describe(logged)}, the engine says {_describe(said)}"
    if one["msg"] != other["msg"]:
        return f"the log has {one['msg']}, the engine says {other['msg']}"
    fields = [name for name in one if one[name] != other[name]]
    return f"{one['msg']}: " + ", ".join(
        f"{name} is {one[name]} in the log, {other[name]} by the engine" for name in fields
    )


def _describe(message: bytes) -> str:
    try:
        return str(to_json(message)["msg"])
    except MessageError:
        return f"{len(message)} bytes that are no message"
