"""Quotes that arrive together, and an order between them, through real rings: what is valued, and when."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from appliance.engine import Capacities, Engine
from appliance.engine.offline import Output
from appliance.schema.codec import to_json
from tests.engine.loop_host import ENTRY, INPUT, OUTPUT, LoopHost

HOLDERS = 1300  # more than two slices of a Clock
QUOTES = 200  # of the server before the order, and after it
SLICE = 640  # accounts that a Clock values at most: 512, and what a page has over it
CAPACITIES = Capacities(
    instruments=2, accounts=2048, groups=2, members=8, blocks=4, children=16, holdings=16, bridges=4
)
EURUSD, GOLD = 1, 2


def told(host: LoopHost, name: str, messages: Iterable[dict[str, Any]]) -> None:
    """Send them, as the ring has room."""
    for message in messages:
        while not host.send(name, **message):
            host.drain()


def instrument(number: int, symbol: str, **fields: object) -> dict[str, Any]:
    values = {"msg": "Instrument", "instrument": number, "symbol": symbol, "profit_currency": "USD"}
    values |= {"margin_currency": "USD", "contract_size": "100000", "digits": 5, "trade_mode": "full"}
    values |= {"volume_min": "0.01", "volume_step": "0.01", "volume_max": "500"}
    return values | {"margin_rate_buy": "1", "margin_rate_sell": "1"} | fields


def account(login: int) -> Iterator[dict[str, Any]]:
    """It holds a lot of euro, bought at 1.1, and an ounce of gold: a margin of 2,400 and 10,000 for it."""
    yield {
        "msg": "Account",
        "login": login,
        "currency": "USD",
        "leverage": 100,
        "trade_mode": "full",
        "margin_mode": "hedging",
        "free_margin_mode": "both",
        "margin_call": "405",
        "money_digits": 2,
    }
    yield {"msg": "AccountState", "login": login, "balance": "10000", "equity": "10000"}
    for number, lots, price in ((EURUSD, "1", "1.1"), (GOLD, "0.01", "1300")):
        position = {"msg": "PositionState", "login": login, "position": 2 * login + number, "side": "buy"}
        yield position | {"instrument": number, "volume": lots, "price_open": price, "as_of": 5}


def quote(number: int, bid: str, ask: str) -> dict[str, Any]:
    sizes = {"bid_volume": "100", "ask_volume": "100"}
    return {"msg": "Quote", "instrument": number, "bid": bid, "ask": ask, **sizes}


def opened(host: LoopHost) -> None:
    gold = instrument(GOLD, "XAUUSD", base_currency="XAU", calc_mode="cfd", contract_size="100")
    euro = instrument(EURUSD, "EURUSD", base_currency="EUR", margin_currency="EUR")
    told(host, "broker", [euro, gold, quote(EURUSD, "1.10000", "1.10010")])
    for login in range(1, HOLDERS + 1):
        told(host, "broker", account(login))
    told(host, "broker", [{"msg": "Heartbeat"}])
    host.until(lambda: host.journaled("broker", INPUT, "Heartbeat"))
    policy = {"msg": "GroupPolicy", "group": 7, "policy_version": 1, "currency": "USD", "method": "equity"}
    policy |= {"execution": "post_trade", "on_partial": "allocate", "on_refused": "house"}
    told(host, "control", [policy, {"msg": "Member", "group": 7, "login": 1, "weight": "1"}])
    host.until(lambda: host.journaled("control", INPUT, "Member"))


def burst(host: LoopHost) -> None:
    """Two LPs' quotes of gold, each newest another one; the server's of the euro, its order among them."""
    for name, newest in (("lp1", 1310), ("lp2", 1311)):
        with host.together(name):
            for left in reversed(range(QUOTES)):
                told(
                    host, name, [quote(GOLD, f"{newest - left / 100:.2f}", f"{newest + 2 - left / 100:.2f}")]
                )
    host.until(lambda: len(host.journaled("lp1", INPUT, "Quote")) == QUOTES)
    host.until(lambda: len(host.journaled("lp2", INPUT, "Quote")) == QUOTES)
    deal = {"msg": "MasterDeal", "deal": 1, "order": 1, "group": 7, "instrument": EURUSD, "side": "buy"}
    deal |= {"volume": "1", "price": "1.0981", "entry": "opening"}
    with host.together("broker"):
        for pip in range(1, 2 * QUOTES + 1):
            told(host, "broker", [quote(EURUSD, f"{1.1 - pip / 1e5:.5f}", f"{1.1001 - pip / 1e5:.5f}")])
            told(host, "broker", [deal] if pip == QUOTES else [])
    host.until(lambda: len(host.journaled("broker", OUTPUT, "RiskAlert")) >= HOLDERS)


class Replayed:
    """The journal's inputs once more, by an engine of its own; each output must be the journal's."""

    def __init__(self, host: LoopHost) -> None:
        self.engine = Engine(CAPACITIES)
        self.clocks: list[tuple[int, int]] = []  # number of the entry, accounts valued in it
        waiting: list[Output] = []
        for at, raw in enumerate(host.raw):
            _, time, bridge, kind, _, _ = ENTRY.unpack_from(raw)
            message = raw[ENTRY.size :]
            if kind == INPUT:
                assert waiting == []
                before = self.engine.counts()["revaluations"]
                waiting = self.engine.apply(time, bridge, message)
                valued = self.engine.counts()["revaluations"] - before
                if to_json(message)["msg"] == "Clock":
                    self.clocks.append((at, valued))
                else:
                    assert valued == 0, "only a Clock values"
            else:
                assert waiting.pop(0) == Output(bridge, message)
        assert waiting == []


@pytest.fixture(scope="module")
def host() -> LoopHost:
    with LoopHost(["broker", "lp1", "lp2", "control"], CAPACITIES, ring=2**20) as running:
        opened(running)
        burst(running)
    return running


@pytest.fixture(scope="module")
def replayed(host: LoopHost) -> Replayed:
    return Replayed(host)


def place_of(host: LoopHost, msg: str, bid: str | None = None) -> int:
    """The number of the one entry that is it."""
    places = [at for at, (_, _, m) in enumerate(host.entries) if m["msg"] == msg and m.get("bid") == bid]
    assert len(places) == 1
    return places[0]


def test_every_quote_is_an_input_of_the_journal_in_its_order(host: LoopHost) -> None:
    euro = [quote["bid"] for quote in host.journaled("broker", INPUT, "Quote")]
    assert [Decimal(bid) for bid in euro] == [Decimal(110_000 - pip) / 10**5 for pip in range(2 * QUOTES + 1)]
    for name, newest in (("lp1", 1310), ("lp2", 1311)):
        bids = [Decimal(quote["bid"]) for quote in host.journaled(name, INPUT, "Quote")]
        assert bids == [newest - Decimal(left) / 100 for left in reversed(range(QUOTES))]


def test_the_order_among_them_has_the_marks_of_its_moment(host: LoopHost) -> None:
    """Not those of the last Clock, nor those that come after it."""
    (row,) = host.journaled(None, OUTPUT, "PlanMember")
    assert Decimal(row["measure"]) == 10_000 - 200 + 11


def test_the_order_waits_for_no_valuation(host: LoopHost, replayed: Replayed) -> None:
    """Between two Clocks the loop looks at its rings; a Clock values a slice; the order has its answer."""
    at = place_of(host, "MasterDeal")
    said = []
    for kind, _, message in host.entries[at + 1 :]:
        if kind == INPUT:
            break
        said.append(message["msg"])
    assert "Plan" in said
    assert "Booking" in said
    first, last = place_of(host, "Quote", "1.09999"), place_of(host, "Quote", "1.096")
    inputs = [message["msg"] for kind, _, message in host.entries[first:last] if kind == INPUT]
    assert ("Clock", "Clock") not in pairwise(inputs)
    assert max(valued for _, valued in replayed.clocks) <= SLICE


def test_what_came_together_is_valued_once(host: LoopHost, replayed: Replayed) -> None:
    first, last = place_of(host, "Quote", "1.09999"), place_of(host, "Quote", "1.096")
    during = [valued for at, valued in replayed.clocks if first < at < last]
    after = [valued for at, valued in replayed.clocks if at > last]
    # how many Clocks come into the burst is the host's speed; what each may value is not
    assert sum(during) <= SLICE * len(during)
    assert sum(after) <= 2 * (HOLDERS + SLICE)
    assert replayed.engine.counts()["conflated"] >= 2 * QUOTES - 2 * len(during) - 2
    for login in range(1, HOLDERS + 1):
        figures = replayed.engine.figures(login)
        assert figures is not None
        assert figures["swept"] == figures["floating"]
    figures = replayed.engine.figures(HOLDERS)
    assert figures is not None and figures["floating"] == (-400 + 11) * 10**6


def test_each_account_is_told_once_and_the_replay_says_the_same(host: LoopHost, replayed: Replayed) -> None:
    """Replayed has compared every output, byte for byte: the Clocks say what was conflated."""
    told_of = [alert["login"] for alert in host.journaled("broker", OUTPUT, "RiskAlert")]
    assert sorted(told_of) == list(range(1, HOLDERS + 1))
    assert len(replayed.clocks) > 1
    assert replayed.engine.laws() == [0] * 10
