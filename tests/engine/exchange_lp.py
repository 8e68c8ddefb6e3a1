"""A liquidity provider that is not kind: the truth of what it has filled, and the reports on their way."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.engine.books import units
from tests.engine.history import STEP, lots

TIMED_OUT = 10012


@dataclass
class LpLeg:
    """A leg as its LP knows it."""

    leg: dict[str, Any]
    fills: dict[int, tuple[int, str]] = field(default_factory=dict)  # execution: volume, price
    over: bool = False  # it has said that nothing more will come
    peak: int = 0  # most that it had filled at once
    word: int = -1  # what it had filled then, or when all was filled, less what it took back; -1: neither

    @property
    def cumulative(self) -> int:
        return sum(volume for volume, _ in self.fills.values())

    @property
    def may_fill(self) -> int:
        """What it has filled or still may, without going back on its word."""
        if self.word >= 0:
            return min(self.cumulative, self.word)
        return max(units(self.leg["volume"]), self.cumulative)

    @property
    def too_much(self) -> int:
        """What it once filled beyond the leg is the house's for good, whatever it takes back later."""
        return max(0, self.peak - units(self.leg["volume"]))

    def add(self, execution: int, volume: int, price: str) -> None:
        self.fills[execution] = (volume, price)
        self.peak = max(self.peak, self.cumulative)

    def end(self) -> None:
        self.over = True
        self.give_word()

    def give_word(self) -> None:
        self.word = self.cumulative if self.word < 0 else self.word


class Lp:
    """One liquidity provider: the truth of what it has filled, and the reports on their way."""

    def __init__(self, name: str, random: Random) -> None:
        self.name, self.random = name, random
        self.legs: dict[tuple[int, int], LpLeg] = {}
        self.reports: list[dict[str, Any]] = []  # all that were ever made
        self.outbox: deque[dict[str, Any]] = deque()
        self.known: set[int] = set()  # executions that the engine has taken
        self.number = 0

    def report(self, at: LpLeg, kind: str, **fields: Any) -> dict[str, Any]:
        self.number += 1
        values = {"volume": "0", "price": "0", "cumulative": lots(at.cumulative)}
        place = {"block": at.leg["block"], "leg": at.leg["leg"]}
        report = {"kind": kind, "execution": self.number, **place, **values, **fields}
        self.reports.append(report)
        self.outbox.append(report)
        return report

    def on_leg(self, leg: dict[str, Any]) -> LpLeg:
        at = self.legs[leg["block"], leg["leg"]] = LpLeg(leg)
        return at

    def on_cancel(self, cancel: dict[str, Any]) -> None:
        at = self.legs[cancel["block"], cancel["leg"]]
        at.end()
        self.report(at, "status", price=self.average(at) if self.random.random() < 0.5 else "0")

    def average(self, at: LpLeg) -> str:
        total = sum(volume * units(price) for volume, price in at.fills.values())
        return lots(total // at.cumulative) if at.cumulative else "0"

    def trade(self, at: LpLeg, volume: int) -> None:
        price = f"1.{self.random.randint(9990, 10030):05d}"
        at.add(self.number + 1, volume, price)
        if at.cumulative >= units(at.leg["volume"]):
            at.give_word()
        self.report(at, "trade", volume=lots(volume), price=price)

    def settle(self) -> None:
        """It ends what works, and says everything again."""
        for leg in self.legs.values():
            if not leg.over:
                leg.end()
                self.report(leg, "ended")
        self.reconnect()
        for leg in self.legs.values():
            self.report(leg, "status", price=self.average(leg))

    def fill_all(self) -> None:
        """It fills what works, all of it."""
        for leg in list(self.legs.values())[-8:]:
            left = units(leg.leg["volume"]) - leg.cumulative
            if not leg.over and left > 0:
                self.trade(leg, left)

    def act(self) -> None:
        """Something happens to one of its legs."""
        if not self.legs:
            return
        at = self.legs[self.random.choice(list(self.legs)[-6:])]
        left = units(at.leg["volume"]) - at.cumulative
        act = self.random.choice(["part", "part", "full", "full", "end", "reject", "bust", "correct", "over"])
        if act in ("bust", "correct"):
            self.take_back(at, act)
        elif at.over and self.random.random() < 0.95:
            return  # else it fills what it had ended
        elif act == "part" and left > STEP:
            self.trade(at, self.random.randint(1, left // STEP) * STEP)
        elif act == "full" and left > 0:
            self.trade(at, left)
        elif act == "over" and self.random.random() < 0.3:
            self.trade(at, max(left, 0) + STEP)
        elif act == "end":
            at.end()
            self.report(at, "ended")
        elif act == "reject" and not at.fills:
            code = self.random.choice([0, 99, 10004, 10006, 10012, 10012, 10018])
            if code != TIMED_OUT:  # it may fill it yet
                at.end()
            self.report(at, "rejected", code=code)

    def take_back(self, at: LpLeg, act: str) -> None:
        known = [execution for execution in at.fills if execution in self.known]
        if not known:
            return
        execution = self.random.choice(known)
        volume, _ = at.fills.pop(execution)
        before, at.word = at.word, max(at.word - volume, min(at.word, 0))
        if act == "bust":
            self.report(at, "bust", reference=execution)
            return
        volume = max(STEP, volume + self.random.choice([-STEP, 0, STEP]))
        at.word = min(at.word + volume, before) if before >= 0 else before
        price = f"1.{self.random.randint(9990, 10030):05d}"
        at.add(self.number + 1, volume, price)
        self.report(at, "correct", reference=execution, volume=lots(volume), price=price)

    def reconnect(self) -> None:
        """Whatever the engine may have missed is said again, in order; then what was asked, as it is now."""
        asked = {(r["block"], r["leg"]) for r in self.outbox if r["kind"] == "status"}
        self.outbox = deque(report for report in self.reports if report["kind"] != "status")
        for key in sorted(asked):
            self.report(self.legs[key], "status", price=self.average(self.legs[key]))

    def next(self) -> dict[str, Any] | None:
        if not self.outbox:
            return None
        report = self.outbox.popleft()
        chance = self.random.random()
        if chance < 0.05 and report["kind"] in ("trade", "ended"):
            return None  # lost, until it reconnects
        if chance < 0.1:
            self.outbox.appendleft(report)  # twice
        return report
