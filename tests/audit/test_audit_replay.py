"""Replay of a log's entries, good ones and changed ones. Logs are made by the engine itself, in memory."""

from dataclasses import replace

import pytest

from appliance.audit import AuditError
from appliance.audit.reader import Entry
from appliance.audit.replay import INPUT, OUTPUT, replay
from appliance.engine import Capacities, Engine
from appliance.memory import Role
from appliance.schema.codec import from_json, to_json


class Recorder:
    """An engine whose inputs and outputs are kept as log entries."""

    def __init__(self) -> None:
        self.engine = Engine(Capacities())
        self.entries: list[Entry] = []
        self.sequence: dict[int, int] = {}

    def apply(self, bridge: int, msg: str, /, **fields: object) -> None:
        number = self.sequence[bridge] = self.sequence.get(bridge, 0) + 1
        message = from_json({"msg": msg, "sequence": number, **fields})
        self._keep(bridge, INPUT, message)
        for output in self.engine.apply(len(self.entries), bridge, message):
            self._keep(output.bridge, OUTPUT, output.message)

    def _keep(self, bridge: int, kind: int, message: bytes) -> None:
        number = len(self.entries)
        time = number if kind == INPUT else self.entries[-1].time
        self.entries.append(Entry(number, number, time, bridge, kind, message))


def opened(capacities: Capacities) -> dict[str, object]:
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
    fields: dict[str, object] = {name: getattr(capacities, name) for name in names}
    return fields | {
        "leg_timeout": capacities.leg_timeout_ms,
        "booking_timeout": capacities.booking_timeout_ms,
    }


@pytest.fixture
def entries() -> list[Entry]:
    recorder = Recorder()
    recorder.apply(0, "Opened", **opened(recorder.engine.capacities))
    recorder.apply(0, "BridgeOpened", bridge=1, role=int(Role.BROKER), bridge_name="broker")
    recorder.apply(1, "Account", login=5, currency="USD", leverage=100)
    recorder.apply(1, "Account", login=0, currency="USD", leverage=100)  # refused: an output
    return recorder.entries


def test_a_log_replays(entries: list[Entry]) -> None:
    result = replay(entries)
    assert (result.inputs, result.outputs, result.runs, result.difference) == (4, 1, 1, None)


def test_a_changed_output_is_told_in_words(entries: list[Entry]) -> None:
    fields = to_json(entries[-1].message) | {"reason": "table_full"}
    entries[-1] = replace(entries[-1], message=from_json(fields))
    difference = replay(entries).difference or ""
    assert (
        "Reject" in difference and "reason is table_full in the log, out_of_range by the engine" in difference
    )


def test_an_output_too_few_at_the_end_is_an_unfinished_run(entries: list[Entry]) -> None:
    result = replay(entries[:-1])
    assert result.difference is None and result.unfinished == 1


def test_an_output_too_many_is_told(entries: list[Entry]) -> None:
    assert "says nothing more" in (replay([*entries, entries[-1]]).difference or "")


def test_another_destination_is_told(entries: list[Entry]) -> None:
    entries[-1] = replace(entries[-1], bridge=2)
    assert "went to bridge 2" in (replay(entries).difference or "")


def test_an_output_between_inputs_that_the_log_lacks_is_told(entries: list[Entry]) -> None:
    again = replace(entries[2], leaf_index=9)
    assert "before record 9" in (replay([*entries[:-1], again]).difference or "")


def test_a_log_without_a_run_is_refused(entries: list[Entry]) -> None:
    with pytest.raises(AuditError, match="before the run was opened"):
        replay(entries[1:])
