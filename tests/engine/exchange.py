"""A seeded exchange, to which nobody is kind.

LPs fill in part, reject, fall silent, repeat, lose, correct and take back; a server books, refuses, puts off,
forgets and repeats; two masters, of a group that LPs execute and of one whose deals the server tells, and an
operator do as they please. The laws are checked after every message from the outputs (tests/engine/books.py)
and from what the LPs and the server have really done (exchange_lp.py, exchange_server.py); at the end every
lot that an LP filled is a child's or the house's, and a flattening leaves nothing of anybody.

    python -m tests.engine.exchange SEED STEPS

replays a failing seed exactly.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from random import Random
from typing import Any

from appliance.engine import Capacities
from appliance.memory import Role
from tests.engine.books import Books, units
from tests.engine.desk import EURUSD, GROUP, MASTER, Desk, only
from tests.engine.exchange_lp import Lp, LpLeg
from tests.engine.exchange_server import Server
from tests.engine.history import METHODS, ROUNDINGS, STEP, lots

STP, DEALS = GROUP, GROUP + 1  # the group of the one master, and of the other
GROUPS = (STP, DEALS)
FIFO = 0x100


class Exchange(Desk):
    """The engine among them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        per_fill = self.random.random() < 0.3
        self.books = Books(per_fill)
        self.server = Server(self.random)
        self.exposure = 0
        self.steps = 0
        self.flat = False  # the appliance has said so
        self.lps: dict[str, Lp] = {}
        self.legs: dict[int, list[LpLeg]] = {}  # of a block
        self.refused: list[tuple[int, dict[str, Any]]] = []  # deals that may come again
        self.taken: list[tuple[int, dict[str, Any]]] = []
        small = {"accounts": 64, "members": 64, "groups": 4, "instruments": 4}
        super().__init__(
            Capacities(blocks=512, history=16384, children=4096, holdings=4096, positions=8192, **small)
        )
        for name in ("lp3", "lp4"):
            self.bridges[name] = self.engine.open_bridge(name, Role.LP)
            self.names[self.bridges[name]] = name
            self.sequences[name] = 0
        self.lps = {name: Lp(name, self.random) for name in ("lp1", "lp2", "lp3", "lp4")}
        self.ticket = 0
        self.execution = {STP: "stp", DEALS: "post_trade"}
        self.versions = dict.fromkeys(GROUPS, 0)
        self.joined: dict[int, set[int]] = {group: set() for group in GROUPS}
        self.logins: list[int] = []
        self.netting = self.random.random() < 0.3  # netting accounts; then the masters never have both sides
        self.instrument()
        for group in GROUPS:
            self.policy(group, "equity", "largest_remainder")
        for _ in range(self.random.randint(2, 7)):
            self.new_client()
        self.quote("lp1", "1.10000", "1.10010")
        self.quote("lp2", "1.09999", "1.10012")
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
        ordered = set()
        for output in outputs:
            msg = output["msg"]
            if msg == "HouseChange":
                self.exposure += units(output["volume"])
                assert self.exposure == units(output["exposure"])
            elif msg == "Leg":
                leg = self.lps[output["to"]].on_leg(output)
                self.legs.setdefault(output["block"], []).append(leg)
                ordered.add(output["block"])
            elif msg == "RiskAlert":
                self.flat |= output["kind"] == "flattened" and output["group"] == 0
            elif msg == "Booking":
                self.server.on_booking(output, self.books.blocks[output["block"]])
        for number in ordered:
            self.nothing_is_ordered_twice(number)
        for output in outputs:
            if output["msg"] == "LegCancel" and self.random.random() < 0.8:
                self.lps[output["to"]].on_cancel(output)
            elif output["msg"] == "BookingQuery":
                self.server.on_query(output["block"])

    def nothing_is_ordered_twice(self, number: int) -> None:
        """Law 6: what LPs have filled or may still fill of a block is never more than it may take, one way or
        the other."""
        block = self.books.blocks[number]
        plan = block.plan
        one_way = [leg for leg in self.legs[number] if leg.leg["side"] == plan["side"]]
        back = [leg for leg in self.legs[number] if leg.leg["side"] != plan["side"]]
        for legs, most in (
            (one_way, block.target if block.closing else units(plan["planned"])),
            (back, max(block.reverses, block.refused)),
        ):
            most += sum(leg.too_much for leg in legs)
            assert sum(leg.may_fill for leg in legs) <= most, "law 6: ordered again what may still be filled"

    # --- the server ---

    def account(self, login: int, equity: str = "10000", currency: str = "USD", **fields: Any) -> None:
        mode = self.server.margin_mode(login, self.netting)
        super().account(login, equity, currency, margin_mode=mode, **fields)

    def answer(self) -> None:
        answer = self.server.next()
        if answer is None:
            return
        booking, status = answer
        coded = status.isdigit()
        self.say(booking, status, "coded" if coded else status, int(status) if coded else 0)
        if status in ("booked", "refused") and self.random.random() < 0.05:
            self.say(booking, status, status, 0)

    def say(self, booking: dict[str, Any], answer: str, status: str, code: int) -> None:
        """An answer again, however late, is known as one."""
        final = self.server.final(answer)
        position = self.server.position(booking)
        outputs = self.book(booking, status=status, code=code, position=position)
        if final not in ("booked", "refused"):
            return
        key = (booking["block"], booking["child"])
        known = self.server.taken.setdefault(key, final)
        if known == final and only(outputs, "Reject"):
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
        bid = 110000 + self.random.randint(-5, 5) * (8 if self.random.random() < 0.1 else 1)
        level = self.random.choice([0, 0, 1, 2])
        size = self.random.choice(["0", "0.01", "0.05", "1", "20"])
        values = {"bid": f"{bid / 1e5:.5f}", "ask": f"{(bid + 10) / 1e5:.5f}", "level": level}
        lp = self.random.choice(list(self.lps))
        self.send(lp, "Quote", instrument=EURUSD, bid_volume=size, ask_volume=size, **values)

    # --- the masters ---

    def next_ticket(self) -> int:
        self.ticket += 1
        return self.ticket

    def act(self, group: int, volume: int, **fields: Any) -> None:
        """A trade of a group's master, as the group's policy says; seldom the wrong way, which is refused."""
        right = self.random.random() < 0.97
        fields = {"group": group, "volume": lots(volume), **fields}
        if (self.execution[group] == "stp") == right:
            self.order(self.next_ticket(), **fields)
        else:
            fields["price"] = f"1.{self.random.randint(9990, 10030):05d}"
            self.tell_deal(self.next_ticket(), fields)

    def tell_deal(self, number: int, fields: dict[str, Any]) -> None:
        deal = {name: value for name, value in fields.items() if name not in ("deviation", "time_limit")}
        refused = only(self.deal(number, **deal), "Reject")
        (self.refused if refused else self.taken).append((number, deal))

    def deal_again(self) -> None:
        """One that was refused may be taken now; one that was taken is known."""
        if self.refused and self.random.random() < 0.5:
            number, deal = self.refused.pop()
            self.tell_deal(number, deal)
        elif self.taken:
            number, deal = self.random.choice(self.taken[-5:])
            assert only(self.deal(number, **deal), "Reject"), "law 6: a deal was taken twice"

    def held(self) -> list[tuple[tuple[int, int], int]]:
        return [(position, volume) for position, volume in self.books.masters().items() if volume > 0]

    def open(self) -> None:
        group = self.random.choice(GROUPS)
        volume = self.random.choice([1, 3, 10, 77, 500]) * STEP
        if self.execution[group] == "post_trade" and self.random.random() < 0.1:
            volume += self.random.randint(1, STEP)
        limit = self.random.choice([{}, {"price": "1.1001", "deviation": "0.0002"}, {"time_limit": 300}])
        side = "buy" if self.netting else self.random.choice(["buy", "buy", "sell"])
        self.act(group, volume, side=side, **limit)

    def add(self) -> None:
        """More of a position that is open."""
        if held := self.held():
            (group, ticket), _ = self.random.choice(held)
            side = self.books.sides[group, ticket]
            self.act(group, self.random.choice([1, 3, 40]) * STEP, side=side, position=ticket)

    def close(self) -> None:
        if held := self.held():
            (group, ticket), volume = self.random.choice(held)
            part = self.random.choice([volume, volume, self.random.randint(1, volume)])
            entry = self.random.choice(["closing", "closing", "closing", "reversing"])
            entry = "closing" if self.netting else entry
            more = 5 * STEP if entry == "reversing" else STEP if self.random.random() < 0.03 else 0
            side = "sell" if self.books.sides[group, ticket] == "buy" else "buy"
            self.act(group, part + more, side=side, entry=entry, position=ticket)

    def close_by(self) -> None:
        """A hedging master closes a position by an opposite one."""
        held = [(at, volume) for at, volume in self.held() if self.execution[at[0]] == "post_trade"]
        if not held:
            return
        (group, ticket), volume = self.random.choice(held)
        side = "sell" if self.books.sides[group, ticket] == "buy" else "buy"
        for (other_group, other), most in held:
            if other_group == group and self.books.sides[group, other] == side:
                least = lots(self.random.randint(1, min(volume, most)))
                fields = {"side": side, "entry": "close_by", "position": ticket, "position_by": other}
                self.tell_deal(
                    self.next_ticket(), {"group": group, "volume": least, "price": "1.1", **fields}
                )
                return

    def cancel(self) -> None:
        order, group = self.random.randint(1, self.ticket + 1), self.random.choice(GROUPS)
        self.send("broker", "MasterCancel", order=order, group=group)

    # --- the operator ---

    def kill(self) -> None:
        action = self.random.choice(["stop", "stop", "flatten"])
        where = self.random.choice([{"scope": "appliance"}, {"scope": "group", "group": DEALS}])
        self.send("control", "KillSwitch", action=action, **where)
        for _ in range(self.random.randint(1, 4)):
            self.tick()
        self.send("control", "KillSwitch", action="enable", operator_name="test", **where)

    def new_client(self) -> None:
        """A further account; it joins one group or both."""
        login = len(self.logins) + 1
        self.logins.append(login)
        flags = {"trade_flags": FIFO} if self.random.random() < 0.15 else {}
        self.account(login, str(self.random.randint(1, 10**5)), **flags)
        for group in self.random.choice([GROUPS, GROUPS, (STP,), (DEALS,)]):
            self.send("control", "Member", group=group, login=login, weight="1", **self.terms())

    def terms(self) -> dict[str, Any]:
        """Some have a limit that closes them out."""
        if self.random.random() < 0.6:
            return {}
        money = self.random.choice(["0.5", "3", "50"])
        return {"drawdown_basis": "initial", "drawdown_action": "close_out", "drawdown_money": money}

    def join(self) -> None:
        if len(self.logins) < 14:
            self.new_client()

    def change_member(self) -> None:
        status = self.random.choice(["active", "active", "inactive", "left", "left"])
        on_leave = self.random.choice(["keep", "close", "close"])
        most = self.random.choice(["0", "0", "0.05"])
        fields = {"status": status, "on_leave": on_leave, "max_volume": most, "weight": "1", **self.terms()}
        login, group = self.random.choice(self.logins), self.random.choice(GROUPS)
        self.send("control", "Member", group=group, login=login, **fields)

    def disable(self) -> None:
        """The server lets an account trade less, or all again; its figures are told again too."""
        mode = self.random.choice(["disabled", "close_only", "long_only", "full", "full"])
        login, equity = self.random.choice(self.logins), str(self.random.randint(1, 10**5))
        self.account(login, equity, trade_mode=mode)

    def change_policy(self) -> None:
        group = self.random.choice(GROUPS)
        if self.random.random() < 0.1:
            self.execution[group] = self.random.choice(["stp", "post_trade"])
        self.policy(group, self.random.choice([*METHODS[:5], "multiplier"]), self.random.choice(ROUNDINGS))

    def policy(self, group: int, method: str, rounding: str) -> list[dict[str, Any]]:
        self.versions[group] += 1
        return self.send(
            "control",
            "GroupPolicy",
            group=group,
            policy_version=self.versions[group],
            currency="USD",
            master_login=MASTER + group,
            method=method,
            rounding=rounding,
            overflow_login=1,
            execution=self.execution[group],
            booking_timeout=700,
            price_mode="per_fill" if self.books.per_fill else "average",
            on_shortfall=self.random.choice(["reduce", "reduce", "skip", "reject", "redistribute"]),
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
        rare = [self.cancel, self.kill, self.change_member, self.change_member, self.change_policy]
        rare += [self.reconnect, self.join, self.disable, self.deal_again, self.close_by]
        often = [self.open, self.close, self.answer, self.answer, self.quotes, self.quotes, self.tick]
        often += [self.add, *[self.deliver] * 4, *[lp.act for lp in self.lps.values()]]
        self.random.choice(rare if self.random.random() < 0.1 else often)()

    # --- the end ---

    def hear_all_of(self, act: Callable[[Lp], None]) -> None:
        """Each LP does that; then all that LPs and server have to say is heard."""
        for lp in self.lps.values():
            act(lp)
            while lp.outbox:
                self.tell(lp, lp.outbox.popleft())
        while self.server.waiting:
            self.answer()

    def finish(self) -> None:
        """All is said at last; every lot that an LP has filled is a child's or the house's."""
        self.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="test")
        for _ in range(240):
            self.hear_all_of(Lp.settle)
            if not self.engine.counts()["blocks_working"]:
                break
            for key in self.server.asked:
                self.server.say_again(key)
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
            of_server = {login: has for login, has in self.server.held.get(position, {}).items() if has}
            assert of_server == held, "the server has booked what nobody was told of"
        assert counts["holdings"] == sum(len(held) for held in holdings.values()), "holdings leaked"

    def flatten(self) -> None:
        """Everybody is kind now: a flattening leaves nothing of anybody, nor of the house."""
        self.server.kind = True
        for lp in self.lps:
            for level in range(3):
                fields = {"bid": "1.1", "ask": "1.1001", "bid_volume": "1000", "ask_volume": "1000"}
                self.send(lp, "Quote", instrument=EURUSD, level=level, **(fields if level == 0 else {}))
        self.send("control", "KillSwitch", scope="appliance", action="flatten")
        self.flat = False
        for _ in range(2000):
            self.hear_all_of(Lp.fill_all)
            if self.flat or self.engine.deadline is None:
                break
            self.clock(max(self.time, self.engine.deadline))
        assert self.flat, "a flattening never ends"
        self.check()
        assert self.engine.counts()["holdings"] == 0, "a flattening leaves something"
        for position, volume in self.books.masters().items():
            assert -self.books.over.get(position, 0) <= volume <= 0, f"{position} is not flat"


def run(seed: int, steps: int) -> Exchange:
    """Plays a seed; a failure names it."""
    exchange = Exchange(seed)
    try:
        for _ in range(steps):
            exchange.step()
        exchange.finish()
        exchange.flatten()
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
