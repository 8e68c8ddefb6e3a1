"""The bridge's host and the real engine, one clock, and a provider that says what the test says."""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from appliance.fix import host
from appliance.fix.config import Config, InstrumentSection, MarketSection, OrdersSection, SessionSection
from appliance.fix.delivery import Delivery, Words
from appliance.fix.journal import Journal
from appliance.fix.orders import Orders
from appliance.fix.records import Attached, Reported
from appliance.schema.codec import from_json, to_json
from tests.fix.real_engine import LP, RealEngine, only

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
LOT = 10**8
RUN = "r1"
UNKNOWN, DUPLICATE = 5, 6  # OrdRejReason
BOOK = [
    ("0", "80", 1),
    ("0", "79.9", 5),
    ("0", "79.8", 90),
    ("1", "80.1", 1),
    ("1", "80.2", 5),
    ("1", "80.3", 90),
]


class Event(NamedTuple):
    """As session.Event, which needs quickfix."""

    what: str
    text: str = ""


class Bench:
    """Rings and session of the host; `step` lets both sides work until nothing is left."""

    def __init__(self, directory: Path, engine: RealEngine) -> None:
        self.requests: list[dict[int, Any]] = []
        self.executions: list[dict[str, Any]] = []  # that the bridge has sent
        self.engine = engine
        self._taken = 0
        self.lost = False  # what the bridge writes is lost
        config = Config(
            bridge=LP,
            directory=str(directory),
            session=SessionSection(host="lp", port=1, sender="MAM", target="LP"),
            instruments=[InstrumentSection(id=1, symbol="EUR/USD", contract_size="100000")],
            market_data=MarketSection(depth=3),
        )
        self.journal, _ = Journal.open(directory)
        orders = Orders(config.instruments, OrdersSection())
        orders.apply(Attached(time=1, run=RUN))
        delivery = Delivery(Words(directory, new=True), self)
        self.host = host.Host(config, self.journal, orders, delivery, self, self)
        self.journal.note(Event("logon"))
        self.step()

    # --- The host's rings and session ---

    def send(self, message: Any) -> bool:
        if isinstance(message, bytes):
            shown = to_json(message)
            if shown["msg"] == "Execution":
                self.executions.append(shown)
            if not self.lost:
                self.engine.take(message)
        else:
            self.requests.append(dict(message))
        return True

    def receive(self, maximum: int = 0) -> list[bytes]:
        new, self._taken = self.engine.desk.log[self._taken :], len(self.engine.desk.log)
        return [from_json({k: v for k, v in m.items() if k != "to"}) for m in new if m["to"] == LP]

    def check(self) -> None: ...
    def market_taken(self) -> None: ...
    def marks(self) -> None: ...

    # --- What happens ---

    @property
    def time(self) -> int:
        return self.engine.desk.time

    def step(self) -> None:
        rounds = 0
        while self.host.poll() or self._taken < len(self.engine.desk.log):
            rounds += 1
            assert rounds < 1000, "they never come to an end"

    def at(self, ns: int) -> None:
        self.engine.clock(ns)
        self.step()

    def book(self, *entries: tuple[str, str, int]) -> None:
        """W, with volumes in lots."""
        self.send_lp(
            (35, "W"),
            (52, "20240102-03:04:05"),
            (55, "EUR/USD"),
            (268, len(entries)),
            *((t, v) for s, p, q in entries for t, v in ((269, s), (270, p), (271, q * 100000))),
        )

    def report(self, key: str, exec_id: str, kind: str, status: str, **fields: object) -> None:
        pairs = [(35, "8"), (11, key), (17, exec_id), (150, kind), (39, status), (54, "1")]
        more = [(int(tag[1:]), value) for tag, value in ({"t14": 0} | fields).items()]
        self.send_lp(*pairs, *more)

    def send_lp(self, *pairs: tuple[int, object]) -> None:
        text = "".join(f"{tag}={value}\x01" for tag, value in pairs)
        if pairs[0][1] == "W":
            self.journal.note(Event("market", text))
        else:
            self.journal.put(Reported(time=self.time, text=text))
        self.step()

    def order(self, lots: int) -> str:
        """A market order for which the LP gets a leg; its key."""
        outputs = self.engine.order(lots * LOT)
        self.step()
        legs = [leg for leg in only(outputs, "Leg") if leg["to"] == LP]
        return f"{RUN}-{legs[0]['block']}-{legs[0]['leg']}"

    def asked(self) -> int:
        return len(self.engine.sent("LegCancel"))

    def got(self, kind: str) -> list[dict[int, Any]]:
        return [request for request in self.requests if request[35] == kind]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from make(tmp_path, monkeypatch)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A second LP stands by, and what one does not fill is ordered at the other."""
    yield from make(tmp_path, monkeypatch, other="81", on_partial="complete")


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Quotes live for a second."""
    yield from make(tmp_path, monkeypatch, stale_after=1000)


def make(directory: Path, patch: pytest.MonkeyPatch, **engine: Any) -> Iterator[Bench]:
    real = RealEngine(**engine)
    real.desk.time = BEGIN
    patch.setattr(host, "time", types.SimpleNamespace(time_ns=lambda: real.desk.time))
    made = Bench(directory, real)
    yield made
    made.journal.close()
    made.engine.desk.no_law_broken()


# --- Refusals ---


@pytest.mark.parametrize("reason", ["", *range(19), 99, 12345, "x", "99999999999"])
def test_a_refusal_is_final_whatever_its_reason(bench: Bench, reason: object) -> None:
    bench.book(*BOOK)
    key = bench.order(1)
    bench.report(key, "R1", "8", "8", **({"t103": reason} if reason != "" else {}))
    if reason == DUPLICATE:  # perhaps another of that name is at work: the LP is asked
        assert bench.engine.count("blocks_working") == 1
        assert len(bench.got("H")) == 1
        bench.report(key, "S1", "I", "8", t103=reason)
    if reason != UNKNOWN:  # that is the bridge's own 9005
        assert bench.asked() == 0
    assert bench.engine.count("blocks_working") == 0
    bench.book(*BOOK)
    assert bench.order(1) != key, "the LP goes on getting orders"


def test_the_bridges_own_refusals_are_final(bench: Bench) -> None:
    bench.book(*BOOK)
    bench.host.connected = bench.host.passing = False
    bench.order(1)
    assert bench.got("D") == []
    assert bench.engine.count("blocks_working") == 0


def test_an_ended_order_is_answered_under_a_new_number(bench: Bench) -> None:
    """Whatever of its reports the ring has lost, and how often the engine asks."""
    for block, (known, ending) in enumerate(((0, "8"), (0, "4"), (1, "4"), (2, "2")), start=1):
        bench.book(*BOOK)
        key = bench.order(2)
        bench.lost = True
        for n in range(known):
            bench.report(key, f"E{n}", "F", "1", t14=(n + 1) * 100000, t32=100000, t31="80.1")
        bench.report(key, "C", ending, ending, t14=known * 100000)
        bench.lost = False
        for _ in range(4):
            bench.engine.wait()
            bench.step()
        assert bench.engine.count("blocks_working") == 0, (known, ending)
        numbers = max(execution["execution"] for execution in bench.executions)
        bench.host._cancel({"block": block, "leg": 0}, bench.time)
        bench.step()
        answer = bench.executions.pop()
        assert answer["kind"] == {"8": "rejected", "4": "ended", "2": "status"}[ending]
        assert answer["execution"] > numbers
        assert answer["cumulative"] == str(known) and answer["volume"] == "0"
        assert bench.engine.executed(block) == known * LOT
        assert bench.engine.count("impossible") == 0


# --- Status ---


@pytest.mark.parametrize("leaves", ["200000", "0", None])
def test_an_order_that_lives_is_not_ordered_again_elsewhere(two: Bench, leaves: str | None) -> None:
    two.book(*BOOK)
    key = two.order(2)
    more = {} if leaves is None else {"t151": leaves}
    two.engine.wait()
    two.step()
    assert two.asked() == 1
    two.report(key, "S1", "I", "0", t6="0", **more)
    assert len(two.engine.sent("Leg")) == 1
    two.report(key, "E1", "F", "2", t14=200000, t32=200000, t31="80.1")
    assert two.engine.executed(1) == 2 * LOT
    assert two.engine.count("blocks_working") == 0


def test_of_a_live_order_lost_fills_come_again_with_their_prices(two: Bench) -> None:
    two.book(*BOOK)
    key = two.order(2)
    two.lost = True
    two.report(key, "E1", "F", "1", t14=100000, t32=100000, t31="80.1")
    two.lost = False
    two.engine.wait()
    two.step()
    two.report(key, "E2", "F", "2", t14=200000, t32=100000, t31="80.3")
    assert two.engine.executed(1) == 2 * LOT
    assert only(two.engine.desk.log, "Booking")[0]["price"] == "80.2"
    assert len(two.engine.sent("Leg")) == 1


# --- Market data ---


def test_quotes_that_the_lp_repeats_do_not_turn_stale(fresh: Bench) -> None:
    for half in range(5):
        fresh.at(BEGIN + half * SECOND // 2)
        fresh.book(*BOOK)
    assert fresh.order(6)
    fresh.at(BEGIN + 4 * SECOND)
    fresh.engine.order(LOT)
    assert fresh.engine.sent("Leg")[1:] == [], "it has said nothing for two seconds"


def test_an_increment_renews_the_whole_book(fresh: Bench) -> None:
    fresh.book(*BOOK)
    fresh.at(BEGIN + 9 * SECOND // 10)
    change = [(279, "1"), (269, "1"), (55, "EUR/USD"), (270, "80.3"), (271, "100000")]
    text = [(35, "X"), (52, "20240102-03:04:05"), (268, 1), *change]
    fresh.journal.note(Event("market", "".join(f"{t}={v}\x01" for t, v in text)))
    fresh.step()
    fresh.at(BEGIN + 15 * SECOND // 10)
    assert fresh.order(6)
    assert fresh.engine.sent("Leg")[0]["volume"] == "6"


def test_a_book_that_was_crossed_for_a_moment_has_all_its_depth_again(bench: Bench) -> None:
    bench.book(*BOOK)
    bench.book(("0", "80.2", 1), *BOOK[1:])
    bench.engine.order(LOT)
    assert bench.engine.sent("Leg") == [], "nobody trades on a crossed book"
    bench.book(*BOOK)
    assert bench.order(6)
    assert [leg["volume"] for leg in bench.engine.sent("Leg")] == ["6"]
    assert bench.engine.sent("Reject") == []


def test_after_any_quote_that_the_engine_refused_the_book_is_told_again(bench: Bench) -> None:
    bench.book(*BOOK)
    delivery = bench.host._delivery
    delivery.quote(1, 99, (1, 2, 3, 4), 0)  # no such level: the engine has forgotten the book
    bench.step()
    bench.engine.order(LOT)
    assert bench.engine.sent("Leg") == []
    for tenth in range(13):
        bench.at(BEGIN + tenth * SECOND // 10)
    assert bench.order(6)


# --- Time ---


def test_no_time_limit_is_none_and_a_passed_one_refuses(bench: Bench) -> None:
    leg = dict(block=1, leg=0, instrument=1, side=0, volume=LOT, price=0, sent=BEGIN)
    bench.at(BEGIN + 3600 * SECOND)
    for number, (limit, sent) in enumerate(((0, True), (1, False), (3_600_000, True), (3_599_999, False))):
        bench.requests.clear()
        bench.host._leg(leg | {"block": number + 1, "time_limit": limit}, bench.time)
        bench.step()
        assert bool(bench.got("D")) == sent, limit
