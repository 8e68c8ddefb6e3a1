"""Tickets, windows, refusals and the server's own word on positions, in any order, at one price and several.

The randomised exchange (exchange.py) never says a PositionState; here a server does, not always the truth.
"""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from tests.engine.books import units
from tests.engine.desk import EURUSD, Desk, only

STEP = 10**6
FIFO = 0x100
SEEDS = range(20)


def lots(volume: int) -> str:
    return f"{volume / 10**8:.8f}"


class Market(Desk):
    """Four clients of every kind, one LP that fills in parts, off step too, and a server with a window."""

    def __init__(self, seed: int, price_mode: str) -> None:
        super().__init__()
        self.random = Random(seed)
        self.bookings: list[dict[str, Any]] = []
        self.legs: dict[tuple[int, int], dict[str, Any]] = {}
        self.filled: dict[tuple[int, int], int] = defaultdict(int)
        self.tickets: list[tuple[int, int]] = []
        self.orders = 0
        choose = self.random.choice
        self.instrument()
        refused = choose(["house", "reallocate", "unwind"])
        self.group(execution="stp", price_mode=price_mode, on_refused=refused)
        for login in (1, 2, 3, 4):
            kind = {"margin_mode": choose(["hedging", "netting"]), "trade_flags": choose([0, FIFO])}
            self.account(login, str(self.random.randint(5000, 100000)), **kind)
            self.member(login)
        self.quote("lp1", "1.10000", "1.10010")
        self.send("broker", "ServerTerms", batch=2, window=choose([0, 1, 3]))

    def _keep(self, outputs: list[Any]) -> list[dict[str, Any]]:
        said = super()._keep(outputs)
        self.bookings += only(said, "Booking")
        self.legs |= {(leg["block"], leg["leg"]): leg for leg in only(said, "Leg")}
        self.no_law_broken()
        return said

    # --- what happens ---

    def open(self) -> None:
        self.orders += 1
        self.order(self.orders, lots(self.random.choice([10, 60, 200]) * STEP))

    def close(self) -> None:
        if self.orders:
            position = self.random.randint(1, self.orders)
            self.orders += 1
            volume = lots(self.random.choice([5, 10, 60, 200]) * STEP)
            self.order(self.orders, volume, side="sell", entry="closing", position=position)

    def fill(self) -> None:
        if not self.legs:
            return
        key = self.random.choice(list(self.legs))
        left = units(self.legs[key]["volume"]) - self.filled[key]
        if left <= 0 or self.random.random() < 0.1:
            self.end(key)
            return
        part = self.random.randint(1, max(1, left // STEP)) * STEP + self.random.choice([0, 0, 123456])
        part = min(left, part)
        self.filled[key] += part
        price = f"1.{self.random.randint(9990, 10030):05d}"
        self.execution(self.legs[key], lots(self.filled[key]), lots(part), price)

    def end(self, key: tuple[int, int]) -> None:
        self.execution(self.legs.pop(key), lots(self.filled[key]), "0", "0", kind="ended")

    def answer(self) -> None:
        if not self.bookings:
            return
        booking = self.bookings.pop(self.random.randrange(len(self.bookings)))
        status = self.random.choice(["booked"] * 6 + ["refused", "unknown", "retry"])
        self.book(booking, status)
        if status == "unknown":
            self.bookings.append(booking)
        if status == "booked":
            ticket = booking["position"] or booking["block"] * 1000 + booking["child"] + 1
            self.tickets.append((booking["login"], ticket))

    def tell_position(self) -> None:
        """Somebody has closed a part of it at the server, or all, or turned it."""
        if self.tickets:
            login, ticket = self.random.choice(self.tickets)
            what = {"volume": lots(self.random.randint(0, 20) * STEP), "price_open": "1.1"}
            side = self.random.choice(["buy", "buy", "sell"])
            place = {"login": login, "position": ticket, "instrument": EURUSD}
            self.send("broker", "PositionState", **place, **what, side=side, as_of=self.time)

    def pass_time(self) -> None:
        due = max(self.time, self.engine.deadline or self.time)
        self.clock(due if self.random.random() < 0.6 else self.time + 10**7)

    def finish(self) -> None:
        """Everything is answered at last, and everybody is kind."""
        for _ in range(600):
            for key in list(self.legs):
                self.end(key)
            while self.bookings:
                self.book(self.bookings.pop())
            if not self.engine.counts()["blocks_working"]:
                return
            self.clock(max(self.time, self.engine.deadline or self.time) + 10**6)
        raise AssertionError("a block never ends")


@pytest.mark.parametrize("price_mode", ["average", "per_fill"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_of_events_breaks_a_law(seed: int, price_mode: str) -> None:
    market = Market(seed, price_mode)
    trade = [market.open, market.close]
    other = [market.fill] * 4 + [market.answer] * 5 + [market.pass_time] * 2 + [market.tell_position]
    for step in range(400):
        market.random.choice(trade * 2 + other if step < 300 else other)()
    market.finish()
