"""A provider whose session loses, repeats and delays reports, and a bridge that is killed at every step.

What the engine then holds must be what the provider executed: the same volume, the same fills, each once. The
model says of each Execution whether it follows; the real engine, which hears the same, what comes of it.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.fix.config import InstrumentSection, OrdersSection
from appliance.fix.delivery import Delivery, Words
from appliance.fix.journal import Journal
from appliance.fix.orders import Alarm, Ask, Orders, Tell
from appliance.fix.records import Attached, CancelCame, LegCame, Reported
from tests.fix.engine_model import EngineModel, to_json
from tests.fix.real_engine import LP, RealEngine, only

INSTRUMENT = InstrumentSection(id=1, symbol="EUR/USD", contract_size="100000")
LOTS = 10**6  # a hundredth of a lot, which is 1000 units
RUN = "r1"
PRICE = 80  # what the LP quotes; the engine asks about a fill at under half or over twice of it


class Killed(Exception):
    """The process is gone, at this very instruction."""


class Ring:
    """The in ring, which survives the bridge. `mood` says what becomes of each write."""

    def __init__(self, take: Callable[[bytes], None], mood: Callable[[], str]) -> None:
        self.take, self.mood = take, mood

    def send(self, message: bytes) -> bool:
        mood = self.mood()
        if mood == "full":
            return False
        if mood == "killed before":
            raise Killed
        self.take(message)
        if mood == "killed after":
            raise Killed
        return True


@dataclass
class Truth:
    """An order as the provider has it, in thousands of units."""

    key: str
    volume: int
    fills: dict[str, tuple[int, int]] = field(default_factory=dict)
    sent: list[list[tuple[int, str]]] = field(default_factory=list)
    ended: bool = False
    received: bool = False
    was_full: bool = False  # its last trade ended it; a bust after that does not open it again

    @property
    def cumulative(self) -> int:
        return sum(volume for volume, _ in self.fills.values())

    def report(self, kind: str, exec_id: str, **fields: object) -> list[tuple[int, str]]:
        done = self.cumulative == self.volume
        self.was_full |= done
        status = "4" if self.ended else "2" if done else "1" if self.fills else "0"
        value = sum(v * p for v, p in self.fills.values())
        average = f"{value / self.cumulative:.10f}" if self.cumulative else "0"
        pairs = {
            35: "8",
            11: self.key,
            17: exec_id,
            150: kind,
            39: status,
            14: self.cumulative * 1000,
            6: average,
        }
        pairs |= {int(tag[1:]): value for tag, value in fields.items()}
        pairs[60] = "20240102-03:04:05"
        return [(tag, str(value)) for tag, value in pairs.items()]


class World:
    """The provider, the engine and a bridge between them."""

    def __init__(self, directory: Path, moods: Iterator[str]) -> None:
        self.directory = directory
        self.engine, self.real = EngineModel(), RealEngine()
        self.ring = Ring(self.hear, lambda: "good")
        self.truths: dict[str, Truth] = {}
        self.alarms: list[str] = []
        self.asked: list[str] = []
        self.count = 0
        self.alive = False
        self.start()
        self.delivery.quote(1, 0, (PRICE * 10**8, PRICE * 10**8, 10**12, 10**12), 0)
        self.ring.mood = lambda: next(moods, "good")

    def hear(self, message: bytes) -> None:
        self.engine.take(message)
        said = to_json(message)
        if said.get("kind") == "status" and said["volume"] == "0":
            truth = self.truths[f"{RUN}-{said['block']}-{said['leg']}"]
            if not (truth.ended or truth.was_full):
                self.engine.faults.append(f"it lives: {said}")
        self.follow(self.real.take(message))

    def follow(self, outputs: list[dict[str, Any]]) -> None:
        """What the real engine asks for."""
        for cancel in only(outputs, "LegCancel"):
            self.journal.put(
                CancelCame(time=self.count, block=cancel["block"], leg=cancel["leg"], connected=True)
            )

    def wait(self) -> None:
        """The engine's patience with its legs is over."""
        self.follow(self.real.wait())

    def start(self) -> None:
        """As __main__ does."""
        self.journal, found = Journal.open(self.directory)
        self.orders = Orders([INSTRUMENT], OrdersSection())
        tells = [e for record in found for e in self.orders.apply(record) if isinstance(e, Tell)]
        self.delivery = Delivery(Words(self.directory, new=not found), self.ring)
        if not found:
            self.orders.apply(Attached(time=1, run=RUN))
            self.journal.shorten(self.orders.state, 1)
        for tell in tells:
            self.delivery.add(tell)
        self.alive = True

    def settle(self) -> None:
        """The bridge works until nothing is left; a killed one is started again, and asks."""
        while True:
            try:
                if not self.alive:
                    self.journal.close()
                    self.start()
                    for order in self.orders.open_orders():
                        self.ask(self.orders.ask_status(order, self.count).request)
                self._work()
            except Killed:
                self.alive = False
                continue
            if not self.asked and not self.delivery.waiting:
                return
            self._answer()

    def _work(self) -> None:
        for record in self.journal.take(1000):
            for effect in self.orders.apply(record):
                match effect:
                    case Tell():
                        self.delivery.add(effect)
                    case Ask():
                        self.ask(effect.request)
                    case Alarm():
                        self.alarms.append(effect.text)
        self.delivery.flush()

    def ask(self, request: list[tuple[int, str]]) -> None:
        fields = dict(request)
        if fields[35] == "D":
            self.truths[fields[11]].received = True
        elif fields[35] == "H":
            self.asked.append(fields[11])

    def _answer(self) -> None:
        asked, self.asked = self.asked, []
        for key in asked:
            self.count += 1
            truth = self.truths[key]
            if truth.received:
                self.deliver(truth.report("I", f"S{self.count}"))
            else:
                self.deliver(
                    [
                        (35, "8"),
                        (11, key),
                        (17, f"S{self.count}"),
                        (150, "I"),
                        (39, "8"),
                        (103, "5"),
                        (14, "0"),
                    ]
                )

    def deliver(self, pairs: list[tuple[int, str]]) -> None:
        """As QuickFIX's thread does: kept when this returns."""
        text = "".join(f"{tag}={value}\x01" for tag, value in pairs)
        self.count += 1
        self.journal.put(Reported(time=self.count, text=text))

    # --- What happens ---

    def order(self, lots: int) -> None:
        legs = [leg for leg in only(self.real.order(lots * LOTS), "Leg") if leg["to"] == LP]
        if not legs:
            return  # while the LP owes an answer it gets no order
        block = legs[0]["block"]
        self.truths[f"{RUN}-{block}-0"] = Truth(f"{RUN}-{block}-0", lots)
        self.engine.leg(block, 0, lots * LOTS)
        self.journal.put(
            LegCame(
                time=block, block=block, leg=0, volume=lots * LOTS, price=0, instrument=1, side=0, sent=block
            )
        )

    def pick(self, which: int) -> Truth | None:
        alive = [truth for truth in self.truths.values() if truth.received]
        return alive[which % len(alive)] if alive else None

    def send(self, truth: Truth, pairs: list[tuple[int, str]], lost: bool) -> None:
        truth.sent.append(pairs)
        if not lost:
            self.deliver(pairs)

    def fill(self, truth: Truth, lots: int, price: int, lost: bool, flag: list[tuple[int, str]]) -> None:
        """`flag`: a missed fill comes for the first time as a possible duplicate."""
        lots = min(lots, truth.volume - truth.cumulative)
        if lots > 0 and not (truth.ended and lost):
            self.count += 1
            truth.fills[f"E{self.count}"] = (lots, price)
            self.send(truth, truth.report("F", f"E{self.count}", t32=lots * 1000, t31=price) + flag, lost)

    def amend(self, truth: Truth, which: int, lots: int, price: int) -> None:
        """A correction, or, of no lots, a bust."""
        if not truth.fills:
            return
        reference = sorted(truth.fills)[which % len(truth.fills)]
        old, old_price = truth.fills.pop(reference)
        self.count += 1
        exec_id, lots = f"E{self.count}", min(lots, truth.volume - truth.cumulative)
        if lots:
            truth.fills[exec_id] = (lots, price)
        kind, size, at = ("G", lots, price) if lots else ("H", old, old_price)
        self.send(truth, truth.report(kind, exec_id, t19=reference, t32=size * 1000, t31=at), False)

    def end(self, truth: Truth) -> None:
        if not truth.ended and truth.cumulative < truth.volume:
            truth.ended = True
            self.count += 1
            self.send(truth, truth.report("4", f"C{self.count}"), False)

    def again(self, truth: Truth, which: int, tag: int) -> None:
        if truth.sent:
            self.deliver([*truth.sent[which % len(truth.sent)], (tag, "Y")])

    def cancel(self, truth: Truth) -> None:
        block = int(truth.key.split("-")[1])
        self.journal.put(CancelCame(time=self.count, block=block, leg=0, connected=True))


SMALL = st.integers(0, 9)
PRICES = st.integers(PRICE // 2, PRICE * 2)
OPERATION = st.one_of(
    st.tuples(st.just("order"), st.integers(1, 20)),
    st.tuples(st.just("fill"), SMALL, st.integers(1, 9), PRICES),
    st.tuples(st.just("fill"), SMALL, st.integers(1, 9), PRICES),
    st.tuples(st.just("missed"), SMALL, st.integers(1, 9), PRICES),
    st.tuples(st.just("amend"), SMALL, SMALL, st.integers(0, 9), PRICES),
    st.tuples(st.just("again"), SMALL, SMALL, st.sampled_from([43, 97])),
    st.tuples(st.just("end"), SMALL),
    st.tuples(st.just("cancel"), SMALL),
    st.tuples(st.just("settle")),
    st.tuples(st.just("kill")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("lose"), SMALL, st.integers(1, 9), PRICES),
)
MOOD = st.sampled_from(["good", "good", "good", "full", "killed before", "killed after"])


def play(world: World, operations: list[tuple[Any, ...]], losing: bool) -> None:
    for name, *arguments in operations:
        if name == "order":
            world.order(*arguments)
            world.settle()
        elif name == "settle":
            world.settle()
        elif name == "kill":
            world.alive = False
        elif name == "wait":
            world.wait()
        else:
            truth = world.pick(arguments[0])
            if truth is None:
                continue
            if name in ("fill", "lose", "missed"):
                lost = name == "lose" and losing
                world.fill(truth, *arguments[1:], lost=lost, flag=[(43, "Y")] if name == "missed" else [])
            else:
                getattr(world, name)(truth, *arguments[1:])
    world.settle()
    for truth in world.truths.values():
        world.ask([(35, "H"), (11, truth.key)])
    world.settle()


def check(world: World, losing: bool) -> None:
    assert world.engine.faults == []
    assert world.engine.gaps == 0
    for truth in world.truths.values():
        block = int(truth.key.split("-")[1])
        book = world.engine.legs[block, 0]
        assert book.cumulative == truth.cumulative * LOTS, (truth, book, world.alarms)
        if not losing:
            wanted = sorted((v * LOTS, p * 10**8) for v, p in truth.fills.values())
            assert sorted(book.fills.values()) == wanted, (truth, book)
            assert not any("lost fill" in alarm for alarm in world.alarms), world.alarms
        assert truth.was_full or bool(book.ended) == (truth.ended or not truth.received), (truth, book)


def finish(world: World) -> None:
    """Every order ends, and the real engine, which asks as long as it doubts, has booked all of it."""
    for truth in world.truths.values():
        world.end(truth)
    for _ in range(9):
        world.settle()
        world.wait()
    world.settle()
    for truth in world.truths.values():
        block = int(truth.key.split("-")[1])
        assert world.real.executed(block) == truth.cumulative * LOTS, (truth, world.alarms)
    assert world.real.count("blocks_working") == 0
    assert world.real.count("impossible") == 0
    world.real.desk.no_law_broken()


def run(operations: list[tuple[Any, ...]], moods: list[str], losing: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), iter(moods))
        play(world, [("order", 10), *operations], losing)
        check(world, losing)
        finish(world)
        check(world, losing)
        world.journal.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OPERATION, max_size=30), st.lists(MOOD, max_size=40))
def test_whatever_is_repeated_or_killed_each_fill_counts_once(
    operations: list[tuple[Any, ...]], moods: list[str]
) -> None:
    run(operations, moods, losing=False)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OPERATION.filter(lambda o: o[0] != "amend"), max_size=30), st.lists(MOOD, max_size=40))
def test_fills_whose_reports_are_lost_are_found(operations: list[tuple[Any, ...]], moods: list[str]) -> None:
    run(operations, moods, losing=True)
