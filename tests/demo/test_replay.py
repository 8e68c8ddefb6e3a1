"""Replay finds each change of the log, and knows a run that was killed."""

from dataclasses import replace

import pytest

from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry
from appliance.audit.replay import replay
from appliance.engine import Capacities, Engine
from appliance.memory import Role
from appliance.schema.codec import from_json

LIMITS = Capacities(instruments=4, accounts=4, groups=1, members=4, blocks=4, children=16, holdings=16)


class Journal:
    """What a daemon's loop writes, of one run after another."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def run(self, quotes: int) -> None:
        """Opened, a bridge, and quotes of an instrument that nobody announced: each gets a Reject."""
        self.engine = Engine(LIMITS)
        limits = {name: getattr(LIMITS, name) for name in LIMITS.__dataclass_fields__}
        timeouts = {name: limits.pop(f"{name}_ms") for name in ("leg_timeout", "booking_timeout")}
        self.feed(0, msg="Opened", sequence=1, **limits, **timeouts)
        self.feed(0, msg="BridgeOpened", sequence=2, bridge=1, role=int(Role.LP), bridge_name="lp1")
        for number in range(1, quotes + 1):
            self.feed(1, msg="Quote", sequence=number, instrument=9, bid="1", ask="2")

    def feed(self, source: int, **fields: object) -> None:
        message = from_json(fields)
        self.keep(1, source, message)
        for output in self.engine.apply(7, source, message):
            self.keep(2, output.bridge, output.message)

    def keep(self, kind: int, bridge: int, message: bytes) -> None:
        self.entries.append(Entry(len(self.entries), len(self.entries), 7, bridge, kind, message))


@pytest.fixture
def journal() -> Journal:
    made = Journal()
    made.run(3)
    made.run(2)
    return made


def test_an_honest_log(journal: Journal) -> None:
    found = replay(journal.entries)
    assert (found.difference, found.runs, found.unfinished) == (None, 2, 0)
    assert (found.inputs, found.outputs) == (9, 5)


def test_a_run_that_was_killed_is_unfinished_and_no_difference(journal: Journal) -> None:
    last = [at for at, entry in enumerate(journal.entries) if entry.kind == 2]
    for cut in (last[2], last[-1]):  # the last output of each run
        found = replay(journal.entries[:cut] + journal.entries[cut + 1 :])
        assert (found.difference, found.unfinished) == (None, 1)


def test_a_missing_output_in_the_middle_is_a_difference(journal: Journal) -> None:
    first = next(at for at, entry in enumerate(journal.entries) if entry.kind == 2)
    found = replay(journal.entries[:first] + journal.entries[first + 1 :])
    assert found.difference is not None and "the engine says Reject, the log does not" in found.difference


def test_each_changed_output_is_found(journal: Journal) -> None:
    for at, entry in enumerate(journal.entries):
        if entry.kind == 2:
            changed = bytearray(entry.message)
            changed[8] ^= 1  # its sequence number
            entries = [*journal.entries]
            entries[at] = replace(entry, message=bytes(changed))
            found = replay(entries)
            assert found.difference is not None and found.difference.startswith(f"record {at} ")
            assert "Reject: sequence is " in found.difference
            entries[at] = replace(entry, bridge=2)
            assert "went to bridge 2, the engine sends it to 1" in str(replay(entries).difference)


def test_an_opened_that_is_none_is_one_line(journal: Journal) -> None:
    first = journal.entries[0]
    broken = bytearray(first.message)
    broken[24:28] = b"\xff" * 4  # instruments
    for message in (bytes(broken), first.message[:20]):
        with pytest.raises(AuditError, match="record 0: the run's limits"):
            replay([replace(first, message=message)])
