"""What returns, as the engine sees it: Resync, a run in new memory, the clock; and its state as bytes."""

from typing import Any

import pytest

from appliance.engine import Capacities, Engine, Output
from appliance.memory import InOrder, Role
from appliance.schema.codec import from_json, to_json

SMALL = Capacities(
    instruments=2, accounts=8, groups=2, members=8, blocks=4, children=16, holdings=16, bridges=2
)


@pytest.fixture
def engine() -> Engine:
    made = Engine(SMALL)
    made.open_bridge("broker", Role.BROKER)
    made.open_bridge("lp", Role.LP)
    return made


def said(outputs: list[Output]) -> list[tuple[int, dict[str, Any]]]:
    return [(one.bridge, to_json(one.message)) for one in outputs]


def send(engine: Engine, msg: str, sequence: int, **fields: Any) -> list[tuple[int, dict[str, Any]]]:
    return said(engine.apply(5, 1, from_json({"msg": msg, "sequence": sequence, **fields})))


def test_a_resync_says_how_far_the_bridges_own_messages_are_known(engine: Engine) -> None:
    for number in range(1, 4):
        assert send(engine, "Heartbeat", number) == []
    for sequence, consumed in ((0, 3), (2, 3), (9, 3), (4, 4), (4, 4)):  # only the next number counts
        ((to, answer),) = send(engine, "Resync", sequence, from_sequence=1)
        assert (to, answer["msg"], answer["consumed"], answer["lost"]) == (1, "Resumed", consumed, 0)
    assert send(engine, "Heartbeat", 5) == []
    assert engine.counts()["gaps"] == engine.counts()["duplicates"] == 0


def test_outputs_that_only_the_bridge_knows_are_counted_and_their_numbers_are_not_used_again(
    engine: Engine,
) -> None:
    alert, answer = send(engine, "Resync", 0, from_sequence=8)
    assert (alert[1]["kind"], alert[1]["reason"]) == ("outputs_lost", "outputs_lost")
    assert (answer[1]["lost"], answer[1]["sequence"]) == (7, 8)
    ((_, refused),) = send(engine, "Resync", 0, from_sequence=1 << 40)
    assert (refused["msg"], refused["reason"], refused["sequence"]) == ("Reject", "out_of_range", 9)


def test_after_lost_memory_numbers_are_left_out(engine: Engine) -> None:
    assert send(engine, "Resync", 0, from_sequence=1)[0][1]["sequence"] == 1
    assert engine.host(5, "Continued", generation=2, lost=1000) == []
    for heard, lost in ((1, 0), (4, 3), (1, 0)):
        answer = send(engine, "Resync", 0, from_sequence=heard + 1)[-1][1]
        assert (answer["msg"], answer["lost"]) == ("Resumed", lost) and answer["sequence"] > 1001
    ((_, refused),) = said(engine.host(5, "Continued", generation=3, lost=1 << 33))
    assert refused["reason"] == "out_of_range"


def test_the_clocks_state_makes_alerts_when_it_changes(engine: Engine) -> None:
    def told(bound: int, step: int = 0) -> list[str]:
        return [one["reason"] for _, one in said(engine.host(9, "ClockState", error_bound=bound, step=step))]

    assert told(1000) == []
    assert told(-1) == ["clock_undisciplined"] and told(-1) == []
    assert told(-1, step=-5_000_000_000) == ["clock_stepped"]
    assert told(2000, step=1) == ["clock_stepped", "clock_disciplined"]


def test_a_frozen_engine_goes_on_elsewhere(engine: Engine) -> None:
    send(engine, "Heartbeat", 1)
    with engine.frozen() as state:
        kept = bytes(state)
    other = Engine(SMALL)

    def read(memory: Any) -> None:
        memory[:] = kept

    other.thaw(read)
    assert other.counts() == engine.counts()
    assert send(other, "Resync", 2, from_sequence=1) == send(engine, "Resync", 2, from_sequence=1)
    with engine.frozen() as one, other.frozen() as two:
        assert bytes(one) == bytes(two)


def test_each_output_once_whatever_the_ring_brings() -> None:
    def output(sequence: int, msg: str = "Heartbeat") -> bytes:
        return from_json({"msg": msg, "sequence": sequence})

    order = InOrder(3)
    assert [order.take(output(number)) for number in (1, 3, 3, 4)] == [False, True, False, True]
    assert not order.missing and not order.take(output(7)) and order.missing
    assert order.take(output(5)) and order.take(output(9, "Resumed")) and not order.missing
    assert order.next == 10 and not order.take(output(9, "Resumed"))
