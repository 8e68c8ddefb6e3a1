"""The LP: quotes from ticks, and one answer a leg, by seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from appliance._broker import ffi, lib

from appliance.broker.provider import Provider
from appliance.broker.scenario import LOT, ONE, Instrument
from appliance.broker.script import ProviderScript
from appliance.broker.ticks import Tape
from appliance.errors import InputError
from appliance.schema.codec import from_json, to_json

CAPACITY = 1 << 15
EURUSD = Instrument(1, "EURUSD", "EUR", "USD", 5)
BID, ASK = 110_000_000, 110_010_000
TAPE = Tape(
    time=np.array([1, 2, 3], np.int64),
    bid=np.array([BID, ASK + 1000, BID], np.int64),
    ask=np.array([ASK, BID, ASK], np.int64),
    instrument=np.array([1, 1, 1], np.uint32),
)


class Link:
    """An LP on rings in this process's memory; the test is the engine."""

    def __init__(self, **options: int) -> None:
        script = ProviderScript(seed=options.pop("seed", 1), ticks=(), instruments=(EURUSD,), **options)
        self.provider = Provider(script, TAPE)
        size = CAPACITY + lib.MAM_RING_TRAILER
        self.memory = [ffi.new("uint64_t[]", size // 8) for _ in range(2)]
        self.rings = [ffi.new("struct mam_ring *") for _ in range(2)]
        assert lib.mam_lp_lend(self.provider.pointer, self.memory[0], size, self.memory[1], size) == 0
        for ring, memory in zip(self.rings, self.memory, strict=True):
            assert lib.mam_ring_attach(ring, memory, size) == 0
        self.sequence = 0

    def send(self, msg: str, **fields: Any) -> None:
        self.sequence += 1
        message = from_json({"msg": msg, "sequence": self.sequence, **fields})
        assert lib.mam_ring_write(self.rings[1], message[2], message, len(message)) == 0

    def read(self) -> list[dict[str, Any]]:
        """What the LP says, heartbeats left out."""
        self.provider.poll(2_000_000)
        buffer, kind, said = ffi.new("uint8_t[]", 512), ffi.new("int32_t *"), []
        while (length := lib.mam_ring_read(self.rings[0], buffer, 512, kind)) >= 0:
            said.append(to_json(bytes(ffi.buffer(buffer, length))))
        return [message for message in said if message["msg"] != "Heartbeat"]

    def quote(self) -> list[dict[str, Any]]:
        self.provider.release(3)
        return self.read()

    def leg(
        self, leg: int = 0, volume: str = "10.00", side: str = "buy", price: str = "0", block: int = 1
    ) -> Any:
        self.send("Leg", block=1, leg=leg, volume=volume, side=side, price=price, instrument=1)
        return [tidy(message) for message in self.read()]


def tidy(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("sequence", "executed")}


def trades(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in answer if message["kind"] == "trade"]


def test_quotes_come_from_the_tape_with_markup_and_crossed_as_they_are() -> None:
    link = Link(markup_points=2)
    first, crossed, last = link.quote()
    assert (first["bid"], first["ask"]) == ("1.09998", "1.10012")
    assert float(crossed["bid"]) > float(crossed["ask"])
    assert last["sequence"] == first["sequence"] + 2
    assert link.provider.counts["crossed"] == 1
    for quote in (first, last):
        assert 50 <= float(quote["ask_volume"]) <= 500


def test_one_release_at_a_time() -> None:
    link = Link()
    link.provider.release(1)
    assert len(link.read()) == 1
    assert link.provider.quoted == 1
    assert link.read() == []
    assert len(link.quote()) == 2


def test_a_whole_fill_ends_with_its_last_trade() -> None:
    link = Link()
    link.quote()
    for leg in range(20):
        answer = link.leg(leg)
        assert len(trades(answer)) == len(answer) in (1, 2)
        assert answer[-1]["cumulative"] == "10"
        assert float(answer[0]["price"]) == ASK / ONE


def test_what_is_not_there_is_not_filled() -> None:
    link = Link()
    assert link.leg(0)[0]["kind"] == "rejected"  # nothing quoted yet
    link.quote()
    assert link.leg(1, price="1.10009000")[0]["kind"] == "rejected"
    assert link.leg(2, price="1.10001000", side="sell")[0]["kind"] == "rejected"
    assert link.leg(3, volume="0.001")[0]["kind"] == "rejected"
    assert link.leg(4, price="1.10010000")[0]["kind"] == "trade"
    assert all(float(trade["price"]) <= 1.1001 for trade in trades(link.leg(5, price="1.10010000")))


def test_more_than_the_size_is_filled_in_part() -> None:
    link = Link(size_max=50 * LOT)
    link.quote()
    answer = link.leg(0, volume="60.00")
    assert [message["kind"] for message in answer][-1] == "ended"
    assert answer[-1]["cumulative"] == "50"


@pytest.mark.parametrize("options", [{}, {"partial_per_mille": 1000}, {"reject_per_mille": 1000}])
def test_a_repeated_leg_gets_the_same_answer(options: dict[str, int]) -> None:
    link = Link(**options)
    link.quote()
    first = [link.leg(leg) for leg in range(5)]
    assert [link.leg(leg) for leg in range(5)] == first
    assert link.provider.counts["legs"] == 5
    numbers = [message["execution"] for answer in first for message in answer]
    assert len(set(numbers)) == len(numbers)
    link.leg(0, volume="11.00")
    assert link.provider.counts["changed_repeats"] == 1


def test_cancels() -> None:
    """Before the leg: never filled. After it: how it ended. Of a silent leg: nothing was filled."""
    link = Link(partial_per_mille=1000)
    link.quote()
    link.send("LegCancel", block=1, leg=9)
    assert [(m["kind"], m["cumulative"]) for m in link.read()] == [("ended", "0")]
    assert trades(link.leg(9)) == []
    answer = link.leg(1)
    assert answer[-1]["kind"] == "ended"
    link.send("LegCancel", block=1, leg=1)
    assert [tidy(message) for message in link.read()] == answer[-1:]
    silent = Link(silent_per_mille=1000)
    silent.quote()
    assert silent.leg(1) == []
    silent.send("LegCancel", block=1, leg=1)
    assert [(m["kind"], m["cumulative"]) for m in silent.read()] == [("ended", "0")]


def test_chance_follows_the_seed() -> None:
    def answers(seed: int) -> list[Any]:
        link = Link(seed=seed, partial_per_mille=300, reject_per_mille=300, silent_per_mille=100)
        link.quote()
        return [link.leg(leg) for leg in range(40)]

    first = answers(1)
    assert answers(1) == first
    assert answers(2) != first
    assert {message["kind"] for answer in first for message in answer} == {"trade", "rejected", "ended"}
    for answer in first:
        filled = sum(float(trade["volume"]) for trade in trades(answer))
        assert not answer or filled == float(answer[-1]["cumulative"])


def test_withdrawn_quotes_are_not_dealt_on() -> None:
    link = Link()
    link.quote()
    link.provider.withdraw()
    assert [(m["bid"], m["ask"]) for m in link.read()] == [("0", "0")]
    assert link.leg(1)[0]["kind"] == "rejected"


def test_a_full_ring_delays_and_loses_nothing() -> None:
    count = 4 * CAPACITY // 72
    link = Link()
    one = np.ones(count, np.int64)
    tape = Tape(one, one * BID, one * ASK, np.ones(count, np.uint32))
    link.provider = Provider(ProviderScript(seed=1, ticks=(), instruments=(EURUSD,)), tape)
    size = CAPACITY + lib.MAM_RING_TRAILER
    assert lib.mam_lp_lend(link.provider.pointer, link.memory[0], size, link.memory[1], size) == 0
    link.provider.release(count)
    quotes: list[dict[str, Any]] = []
    while len(quotes) < count:
        quotes += link.read()
    sequences = [quote["sequence"] for quote in quotes]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize(
    "options",
    [
        {"max_legs": 0},
        {"partial_per_mille": 1001},
        {"partial_per_mille": 600, "reject_per_mille": 600},
        {"size_min": 0},
        {"size_max": 1},
        {"markup_points": -1},
        {"reject_per_mille": -1},
    ],
)
def test_bad_script(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="out of range"):
        Link(**options)


def test_unreadable_ticks_are_bad_input(tmp_path: Path) -> None:
    script = ProviderScript(seed=1, ticks=(str(tmp_path / "eurusd.csv"),), instruments=(EURUSD,))
    with pytest.raises(InputError, match="cannot be read"):
        Provider(script)
