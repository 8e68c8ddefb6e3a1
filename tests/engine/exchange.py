"""A seeded exchange, to which nobody is kind.

LPs fill in part, reject, fall silent, repeat, lose, correct and take back; a server books, refuses, puts off,
forgets and repeats; a master and an operator do as they please. The laws are checked after every message from
the outputs alone (tests/engine/books.py); at the end every lot that an LP filled is a child's or the house's.

    python -m tests.engine.exchange SEED STEPS

replays a failing seed exactly.
"""

import os
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from random import Random
from typing import Any

from appliance.engine import Capacities
from appliance.memory import Role
from tests.engine.books import MEANS, Books, units
from tests.engine.desk import EURUSD, GROUP, Desk, only
from tests.engine.history import METHODS, STEP, lots

# The same answer in the status of the message, or as a return code of MT5.
TIMED_OUT = 10012
CODED = {"booked": ["booked", "booked", "10009"], "refused": ["refused", "10019", "10036", "10014"]}


@dataclass
class LpLeg:
    """A leg as its LP knows it."""

    leg: dict[str, Any]
    fills: dict[int, tuple[int, str]] = field(default_factory=dict)  # execution: volume, price
    over: bool = False  # it has said that nothing more will come
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
        return max(0, self.cumulative - units(self.leg["volume"]))

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

    def on_leg(self, leg: dict[str, Any]) -> None:
        self.legs[leg["block"], leg["leg"]] = LpLeg(leg)

    def on_cancel(self, cancel: dict[str, Any]) -> None:
        at = self.legs[cancel["block"], cancel["leg"]]
        at.end()
        self.report(at, "status", price=self.average(at) if self.random.random() < 0.5 else "0")

    def average(self, at: LpLeg) -> str:
        total = sum(volume * units(price) for volume, price in at.fills.values())
        return lots(total // at.cumulative) if at.cumulative else "0"

    def trade(self, at: LpLeg, volume: int) -> None:
        price = f"1.{self.random.randint(9990, 10030):05d}"
        at.fills[self.number + 1] = (volume, price)
        if at.cumulative >= units(at.leg["volume"]):
            at.give_word()
        self.report(at, "trade", volume=lots(volume), price=price)

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
        at.fills[self.number + 1] = (volume, price)
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


class Exchange(Desk):
    """The engine among them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        per_fill = self.random.random() < 0.3
        self.books = Books(per_fill)
        self.exposure = 0
        self.steps = 0
        self.lps: dict[str, Lp] = {}
        self.waiting: list[tuple[dict[str, Any], str]] = []  # the server's answers on their way
        self.answers: dict[tuple[int, int], str] = {}
        self.asked: dict[tuple[int, int], dict[str, Any]] = {}
        self.taken: dict[tuple[int, int], str] = {}  # final answers that the engine has taken
        small = {"accounts": 64, "members": 64, "groups": 4, "instruments": 4}
        super().__init__(
            Capacities(blocks=512, history=16384, children=4096, holdings=4096, positions=8192, **small)
        )
        for name in ("lp3", "lp4"):
            self.bridges[name] = self.engine.open_bridge(name, Role.LP)
            self.names[self.bridges[name]] = name
            self.sequences[name] = 0
        self.lps = {name: Lp(name, self.random) for name in ("lp1", "lp2", "lp3", "lp4")}
        self.ticket, self.version = 0, 1
        self.logins = list(range(1, 2 + self.random.randint(1, 6)))
        self.usual(
            {login: str(self.random.randint(1, 10**5)) for login in self.logins},
            execution="stp",
            booking_timeout=700,
            price_mode="per_fill" if per_fill else "average",
            on_refused=self.random.choice(["house", "reallocate", "unwind"]),
            on_partial=self.random.choice(["complete", "allocate", "rollback"]),
        )
        window, batch = self.random.choice([0, 2, 5]), self.random.choice([1, 2, 128])
        self.books.batch = batch
        self.send("broker", "ServerTerms", batch=batch, window=window)
        self.send(
            "control",
            "Limits",
            booking_window=self.random.choice([0, 1, 3]),
            daily_loss=self.random.choice(["0", "0", "2"]),
            currency="USD",
            operator_name="test",
        )

    # --- both ways ---

    def send(self, source: str, msg: str, **fields: Any) -> list[dict[str, Any]]:
        outputs = super().send(source, msg, **fields)
        self.hear({"msg": msg, **fields}, outputs)
        return outputs

    def clock(self, time: int) -> list[dict[str, Any]]:
        outputs = super().clock(time)
        self.hear({"msg": "Clock"}, outputs)
        return outputs

    def hear(self, message: dict[str, Any], outputs: list[dict[str, Any]]) -> None:
        self.steps += 1
        self.books.hear(message, outputs)
        self.no_law_broken()
        for change in only(outputs, "HouseChange"):
            self.exposure += units(change["volume"])
            assert self.exposure == units(change["exposure"])
        for leg in only(outputs, "Leg"):
            self.lps[leg["to"]].on_leg(leg)
        for number in {leg["block"] for leg in only(outputs, "Leg")}:
            self.nothing_is_ordered_twice(number)
        for cancel in only(outputs, "LegCancel"):
            if self.random.random() < 0.8:
                self.lps[cancel["to"]].on_cancel(cancel)
        for booking in only(outputs, "Booking"):
            self.on_booking(booking)
        for query in only(outputs, "BookingQuery"):
            for (block, child), booking in self.asked.items():
                if block == query["block"] and (block, child) in self.answers:
                    self.waiting.append((booking, self.answers[block, child]))

    def nothing_is_ordered_twice(self, number: int) -> None:
        """Law 6: what LPs have filled or may still fill of a block is never more than was planned of it."""
        plan = self.books.blocks[number].plan
        legs = [leg for lp in self.lps.values() for (block, _), leg in lp.legs.items() if block == number]
        legs = [leg for leg in legs if leg.leg["side"] == plan["side"]]
        if plan["entry"] == "opening":
            most = units(plan["planned"]) + sum(leg.too_much for leg in legs)
            assert sum(leg.may_fill for leg in legs) <= most, "law 6: ordered again what may still be filled"

    # --- the server ---

    def on_booking(self, booking: dict[str, Any]) -> None:
        key = (booking["block"], booking["child"])
        self.asked[key] = booking
        assert key not in self.answers, "law 6: a booking that has an answer was asked again"
        status = self.random.choice(["booked"] * 6 + ["refused", "refused", "retry", "unknown", "silent"])
        if status == "retry":
            self.waiting.append((booking, self.random.choice(["retry", "10024"])))
            return
        self.answers[key] = "refused" if status == "refused" else "booked"
        if status != "silent":
            final = self.random.choice(CODED[self.answers[key]])
            unknown = self.random.choice(["unknown", "10012", "10008"])
            self.waiting.append((booking, unknown if status == "unknown" else final))
        if status == "unknown":
            self.waiting.append((booking, self.answers[key]))

    def answer(self) -> None:
        if not self.waiting:
            return
        at = self.random.randrange(len(self.waiting))
        booking, status = self.waiting.pop(at)
        coded = status.isdigit()
        self.say(booking, status, "coded" if coded else status, int(status) if coded else 0)
        if status in ("booked", "refused") and self.random.random() < 0.05:
            self.say(booking, status, status, 0)

    def say(self, booking: dict[str, Any], answer: str, status: str, code: int) -> None:
        """An answer again, however late, is known as one."""
        key = (booking["block"], booking["child"])
        final = MEANS[int(answer)] if answer.isdigit() else answer
        outputs = self.book(booking, status=status, code=code)
        final_too = final in ("booked", "refused")
        if final_too and self.taken.setdefault(key, final) == final and only(outputs, "Reject"):
            assert only(outputs, "Reject")[0]["reason"] == "duplicate"
            assert not only(outputs, "RiskAlert")

    # --- the LPs ---

    def deliver(self, name: str | None = None) -> None:
        lp = self.lps[name or self.random.choice(list(self.lps))]
        report = lp.next()
        if report is not None:
            self.tell(lp, report)

    def tell(self, lp: Lp, report: dict[str, Any]) -> None:
        """What the engine has taken, or has been told by a status answer, can be taken back."""
        rejects = only(self.send(lp.name, "Execution", **report), "Reject")
        if not rejects or (report["kind"] == "trade" and rejects[0]["reason"] == "duplicate"):
            lp.known.add(report["execution"])

    def quotes(self) -> None:
        bid = 110000 + self.random.randint(-5, 5)
        level = self.random.choice([0, 0, 1, 2])
        size = self.random.choice(["0", "0.01", "0.05", "1", "20"])
        values = {"bid": f"{bid / 1e5:.5f}", "ask": f"{(bid + 10) / 1e5:.5f}", "level": level}
        lp = self.random.choice(list(self.lps))
        self.send(lp, "Quote", instrument=EURUSD, bid_volume=size, ask_volume=size, **values)

    # --- the master and the operator ---

    def next_ticket(self) -> int:
        self.ticket += 1
        return self.ticket

    def open(self) -> None:
        volume = lots(self.random.choice([1, 3, 10, 77, 500]) * STEP)
        limit = self.random.choice([{}, {"price": "1.1001", "deviation": "0.0002"}, {"time_limit": 300}])
        act = self.order if self.random.random() < 0.97 else self.deal  # a deal is refused: the group is stp
        act(self.next_ticket(), volume, **(limit if act == self.order else {}))

    def close(self) -> None:
        held = [(ticket, volume) for (_, ticket), volume in self.books.masters().items() if volume > 0]
        if held:
            position, volume = self.random.choice(held)
            part = self.random.choice([volume, volume, self.random.randint(1, volume)])
            act = self.order if self.random.random() < 0.97 else self.deal
            entry = self.random.choice(["closing", "closing", "closing", "reversing"])
            more = 5 * STEP if entry == "reversing" else 0
            act(self.next_ticket(), lots(part + more), side="sell", entry=entry, position=position)

    def cancel(self) -> None:
        self.send("broker", "MasterCancel", order=self.random.randint(1, self.ticket + 1), group=GROUP)

    def kill(self) -> None:
        action = self.random.choice(["stop", "stop", "flatten"])
        self.send("control", "KillSwitch", scope="appliance", action=action)
        for _ in range(self.random.randint(1, 4)):
            self.tick()
        self.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="test")

    def member(self, login: int, weight: str = "1", **fields: Any) -> None:
        super().member(login, weight, **fields)

    def change_member(self) -> None:
        status = self.random.choice(["active", "active", "inactive", "left", "left"])
        on_leave = self.random.choice(["keep", "close", "close"])
        most = self.random.choice(["0", "0", "0.05"])
        login = self.random.choice(self.logins)
        self.member(login, status=status, on_leave=on_leave, max_volume=most)

    def change_policy(self) -> None:
        self.version += 1
        self.group(
            version=self.version,
            method=self.random.choice([*METHODS[:5], "multiplier"]),
            execution="stp",
            booking_timeout=700,
            price_mode="per_fill" if self.books.per_fill else "average",
            on_partial=self.random.choice(["complete", "allocate", "rollback"]),
            on_refused=self.random.choice(["house", "reallocate", "unwind"]),
        )

    def tick(self) -> None:
        """What the host does: a Clock when the engine wants one, or some time later."""
        deadline = self.engine.deadline
        step = self.random.choice([10**6, 10**7, 6 * 10**8])
        self.clock(
            max(self.time, deadline)
            if deadline is not None and self.random.random() < 0.7
            else self.time + step
        )

    def reconnect(self) -> None:
        self.random.choice(list(self.lps.values())).reconnect()

    def step(self) -> None:
        """One thing happens."""
        rare = [
            self.cancel,
            self.kill,
            self.change_member,
            self.change_member,
            self.change_policy,
            self.reconnect,
        ]
        often = [self.open, self.close, self.answer, self.answer, self.quotes, self.quotes, self.tick]
        often += [self.deliver] * 4 + [lp.act for lp in self.lps.values()]
        self.random.choice(rare if self.random.random() < 0.06 else often)()

    # --- the end ---

    def finish(self) -> None:
        """All is said at last; every lot that an LP has filled is a child's or the house's."""
        self.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="test")
        for _ in range(60):
            for lp in self.lps.values():
                for leg in lp.legs.values():
                    if not leg.over:
                        leg.end()
                        lp.report(leg, "ended")
                lp.reconnect()
                for leg in lp.legs.values():
                    lp.report(leg, "status", price=lp.average(leg))
                while lp.outbox:
                    self.tell(lp, lp.outbox.popleft())
            while self.waiting:
                self.answer()
            if not self.engine.counts()["blocks_working"]:
                break
            for leg_key, booking in self.asked.items():
                if leg_key in self.answers:
                    self.waiting.append((booking, self.answers[leg_key]))
            self.clock(max(self.time, self.engine.deadline or self.time))
            while (due := self.engine.deadline) is not None and due <= self.time:
                self.clock(self.time)
        self.check()

    def check(self) -> None:
        counts = self.engine.counts()
        assert counts["blocks_working"] == 0, "a block never ends"
        traded = 0
        for lp in self.lps.values():
            for leg in lp.legs.values():
                traded += leg.cumulative if leg.leg["side"] == "buy" else -leg.cumulative
        booked = 0
        for block in self.books.blocks.values():
            if block.status == "done" and block.plan["execution"] == "stp":
                booked += block.filled if block.plan["side"] == "buy" else -block.filled
        assert traded == booked + self.exposure, "a lot is lost between the LPs, the children and the house"
        holdings, houses = self.books.holdings(), self.books.houses()
        for position, volume in self.books.masters().items():
            held = holdings.get(position, {})
            assert min(held.values(), default=0) >= 0, "a client was closed beyond what it held"
            assert sum(held.values()) + houses[position] == volume
        assert counts["holdings"] == sum(len(held) for held in holdings.values()), "holdings leaked"


def run(seed: int, steps: int) -> Exchange:
    """Plays a seed; a failure names it."""
    exchange = Exchange(seed)
    try:
        for _ in range(steps):
            exchange.step()
        exchange.finish()
    except Exception as error:
        told = f"seed {seed}, steps {steps}, message {exchange.steps}: {error}"
        raise AssertionError(f"{told}\nreplay: python -m tests.engine.exchange {seed} {steps}") from error
    return exchange


def play(seed: int, messages: int) -> int:
    """Plays seeds from `seed` on, short and long ones, until so many messages were exchanged."""
    done = 0
    while done < messages:
        done += run(seed, (60, 150, 400, 1000)[seed % 4]).steps
        seed += 1
    return done


SHARE = 100_000  # messages of one piece of the nightly run
SEEDS = 10_000  # seeds that a piece may use: its first is a multiple of it away from the others'


def nightly(seed: int, messages: int) -> None:
    """The same on every core, in pieces, each with seeds of its own; a failing seed is told."""
    pieces = -(-messages // SHARE)
    done = 0
    begun = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        parts = {pool.submit(play, seed + at * SEEDS, SHARE): at for at in range(pieces)}
        for part in as_completed(parts):
            try:
                done += part.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            rate = done / (time.monotonic() - begun)
            first = seed + parts[part] * SEEDS
            print(
                f"{done:,} of {messages:,} messages, {rate:,.0f} a second; seeds from {first} good",
                flush=True,
            )
    print(f"{done} messages: all laws hold")


def main(arguments: list[str]) -> None:
    """SEED STEPS: one seed; --nightly SEED MESSAGES: many."""
    if arguments[0] == "--nightly":
        nightly(int(arguments[1]), int(arguments[2]))
    else:
        seed, steps = int(arguments[0]), int(arguments[1])
        print(f"{run(seed, steps).steps} messages: all laws hold")


if __name__ == "__main__":
    main(sys.argv[1:])
