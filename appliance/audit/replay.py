"""Replay: a fresh engine fed the logged inputs must say every logged output again, byte for byte (law 5)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry
from appliance.engine import Capacities, Engine, Output
from appliance.schema.codec import MessageError, to_json
from appliance.schema.messages import OPENED_ID

INPUT, OUTPUT = 1, 2
Progress = Callable[[int], None]


@dataclass
class Replay:
    """What came of it. `difference`: the first one, in words; None: every output is the same."""

    inputs: int = 0
    outputs: int = 0
    runs: int = 0
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
            if expected:
                said = _describe(expected[0].message)
                result.difference = (
                    f"before record {entry.leaf_index}: the engine says {said}, the log does not"
                )
            opened = _template(entry.message) == OPENED_ID and entry.bridge == 0
            if opened:
                engine = Engine(_capacities(entry))
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
    if expected:
        result.difference = f"at the end: the engine says {_describe(expected[0].message)}, the log does not"
    return result


def _template(message: bytes) -> int:
    return int.from_bytes(message[2:4], "little")


def _capacities(entry: Entry) -> Capacities:
    fields = to_json(entry.message)
    names = (
        "instruments",
        "accounts",
        "groups",
        "members",
        "blocks",
        "children",
        "holdings",
        "bridges",
        "positions",
        "history",
    )
    return Capacities(
        **{name: fields[name] for name in names},
        leg_timeout_ms=fields["leg_timeout"],
        booking_timeout_ms=fields["booking_timeout"],
    )


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
