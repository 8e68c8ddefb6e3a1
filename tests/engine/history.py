"""Random histories of a desk: a master, a server and LPs that do what they may, and what they should not."""

from random import Random
from typing import Any

from appliance.engine import Capacities, Output
from tests.engine.books import Books, units
from tests.engine.desk import EURUSD, GROUP, MASTER, Desk, only

STEP = 10**6
METHODS = ["equal", "ratio", "balance", "equity", "free_margin", "fixed_lots", "multiplier", "percent"]
ROUNDINGS = ["largest_remainder", "carry", "largest_equity", "list_order", "overflow"]


def lots(volume: int) -> str:
    """1e-8 units as a decimal."""
    return f"{volume // 10**8}.{volume % 10**8:08d}"


class History(Desk):
    """A desk that acts at random, and keeps books."""

    def __init__(self, random: Random, capacities: Capacities | None = None) -> None:
        self.books = Books()
        self.inputs: list[tuple[int, int, bytes]] = []
        super().__init__(capacities)
        self.record()
        self.random = random
        self.version = 1
        self.mode = random.choice(["stp", "post_trade"])
        self.ticket = 0
        self.legs: list[dict[str, Any]] = []
        self.done: dict[tuple[int, int], int] = {}  # (block, leg): cumulative
        self.bookings: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.logins = list(range(1, 2 + random.randint(0, 5)))
        self.usual({login: str(random.randint(1, 10**6)) for login in self.logins}, execution=self.mode)

    def record(self) -> None:
        """Keep the inputs as (time, bridge, bytes), for whoever feeds them to another engine."""
        apply = self.engine.apply

        def kept(time: int, bridge: int, message: bytes) -> list[Output]:
            self.inputs.append((time, bridge, message))
            return apply(time, bridge, message)

        self.engine.apply = kept  # type: ignore[method-assign]

    def send(self, source: str, msg: str, **fields: Any) -> list[dict[str, Any]]:
        outputs = super().send(source, msg, **fields)
        if not only(outputs, "Reject"):
            self.sent = [*self.sent[-20:], (source, msg, fields)]
        self.hear({"msg": msg, **fields}, outputs)
        return outputs

    def clock(self, time: int) -> list[dict[str, Any]]:
        outputs = super().clock(time)
        self.hear({"msg": "Clock"}, outputs)
        return outputs

    def hear(self, message: dict[str, Any], outputs: list[dict[str, Any]]) -> None:
        self.books.hear(message, outputs)
        self.no_law_broken()
        self.legs += only(outputs, "Leg")
        self.bookings += only(outputs, "Booking")

    # --- what may happen ---

    def step(self) -> None:
        """One thing happens."""
        acts = [self.open, self.close, self.fill, self.fill, self.answer, self.answer, self.answer]
        acts += [self.change_quote, self.change_member, self.change_state, self.change_policy, self.pass_time]
        acts += [self.cancel, self.contradict, self.repeat, self.nonsense, self.change_instrument]
        acts += [self.change_position, self.change_drawdown, self.change_tiers, self.change_rules]
        self.random.choice(acts)()

    def next_ticket(self) -> int:
        self.ticket += 1
        return self.ticket

    def volume(self) -> str:
        return lots(self.random.choice([1, 2, 3, 7, 10, 99, 1000, 12345]) * STEP)

    def open(self) -> None:
        ticket = self.next_ticket()
        fields: dict[str, Any] = {"position": self.random.choice([ticket, ticket, max(1, ticket - 3)])}
        if self.random.random() < 0.05:
            self.wrong_way(ticket, fields)
        elif self.mode == "post_trade":
            volume = self.volume()
            odd = lots(units(volume) + self.random.randint(0, STEP)) if self.random.random() < 0.2 else volume
            self.deal(ticket, odd, **fields)
        else:
            fields |= self.random.choice([{}, {"price": "1.1001", "deviation": "0.0001"}])
            self.order(ticket, self.volume(), **fields)

    def wrong_way(self, ticket: int, fields: dict[str, Any]) -> None:
        """What the group's policy does not let in: nothing may follow but the refusal and its alarm."""
        act, outputs = (self.order, ["Reject"])
        if self.mode == "stp":
            act, outputs = (self.deal, ["Reject", "RiskAlert"])
        assert [output["msg"] for output in act(ticket, self.volume(), **fields)] == outputs

    def close(self) -> None:
        held = [(ticket, volume) for (_, ticket), volume in self.books.masters().items() if volume > 0]
        if not held:
            return
        position, volume = self.random.choice(held)
        part = self.random.choice([volume, volume, self.random.randint(1, volume), volume + STEP])
        act = self.deal if self.mode == "post_trade" else self.order
        act(self.next_ticket(), lots(part), side="sell", entry="closing", position=position)

    def fill(self) -> None:
        if not self.legs:
            return
        leg = self.random.choice(self.legs)
        key = (leg["block"], leg["leg"])
        before, volume = self.done.get(key, 0), units(leg["volume"])
        kind = self.random.choice(["trade", "trade", "trade", "rejected", "ended"])
        more = (
            self.random.choice([volume - before, self.random.randint(0, volume), STEP])
            if kind == "trade"
            else 0
        )
        price = f"1.{self.random.randint(1, 2000):05d}"
        outputs = self.execution(leg, lots(before + more), lots(more), price, kind=kind)
        if not only(outputs, "Reject"):
            self.done[key] = before + more
            if kind != "trade" or before + more == volume:
                self.legs.remove(leg)

    def answer(self) -> None:
        if not self.bookings:
            return
        booking = self.random.choice(self.bookings)
        status = self.random.choice(["booked", "booked", "booked", "refused", "retry", "unknown"])
        wrong = self.random.choice(
            [{"price": "9"}, {"volume": "9"}, {"login": 999}, {"child": 999}, {"block": 9999}]
        )
        fields = wrong if self.random.random() < 0.1 else {}
        outputs = self.book(booking, status=status, **fields)
        if not only(outputs, "Reject") and status in ("booked", "refused", "retry"):
            self.bookings.remove(booking)
            if status != "retry":
                self.answered.append(booking)

    def contradict(self) -> None:
        """A final answer is followed by another one, or by itself: never taken."""
        if self.answered:
            booking = self.random.choice(self.answered)
            status = self.random.choice(["booked", "refused", "retry", "unknown"])
            assert only(self.book(booking, status=status, deal=self.random.choice([1, 2])), "Reject")

    def change_quote(self) -> None:
        bid = self.random.randint(0, 200000)
        ask = bid + self.random.randint(-3, 30)
        lp = self.random.choice(["lp1", "lp2"])
        self.send(
            lp, "Quote", instrument=EURUSD, bid=f"{bid / 1e5:.5f}", ask=f"{ask / 1e5:.5f}", bid_volume="1"
        )

    def change_member(self) -> None:
        status = self.random.choice(["active", "active", "active", "inactive", "left"])
        most = self.random.choice(["0", "0", "0.05", "1"])
        weight = self.random.choice(["0", "1", "1", "2.5", "0.33333333", "100"])
        login = self.random.choice([*self.logins, 999])
        self.send(
            "control", "Member", group=GROUP, login=login, status=status, weight=weight, max_volume=most
        )

    def change_state(self) -> None:
        equity = str(self.random.choice([-5, 0, 1, 10**3, 10**9, self.random.randint(1, 10**6)]))
        login = self.random.choice(self.logins)
        self.send("broker", "AccountState", login=login, balance=equity, equity=equity, margin="1")

    def change_position(self) -> None:
        """What the server might tell of a position: one of ours, another, gone, changed."""
        of_ours = [1000 * block + child + 1 for block in range(1, 9) for child in range(3)]
        self.send(
            "broker",
            "PositionState",
            login=self.random.choice(self.logins),
            position=self.random.choice([*of_ours, 77, 78]),
            instrument=EURUSD,
            side=self.random.choice(["buy", "buy", "sell"]),
            volume=self.random.choice(["0", self.volume(), self.volume()]),
            price_open=self.random.choice(["1.1001", "1.2", "0.00001"]),
            swap=self.random.choice(["0", "-1.5"]),
        )

    def change_drawdown(self) -> None:
        """A member with limits; no close-outs: those blocks nobody asked for, the books do not know."""
        self.send(
            "control",
            "Member",
            group=GROUP,
            login=self.random.choice(self.logins),
            weight="1",
            margin_buffer=self.random.choice(["0", "1.5", "20"]),
            drawdown_basis=self.random.choice(["none", "initial", "daily", "high_water"]),
            drawdown_action=self.random.choice(["alert", "close_only"]),
            drawdown_percent=self.random.choice(["0", "1", "50"]),
            drawdown_money=self.random.choice(["0", "1000"]),
        )

    def change_tiers(self) -> None:
        kind = self.random.choice(["volume_per_symbol", "value_per_symbol", "value"])
        tier, low = self.random.choice([0, 0, 1]), self.random.choice([0, 10**8])
        self.send(
            "broker",
            "LeverageTier",
            instrument=EURUSD,
            tier=tier,
            tier_range=kind,
            from_amount=low + tier * 10**9,
            to_amount=low + tier * 10**9 + self.random.choice([0, 5 * 10**8]),
            initial_rate="2",
            maintenance_rate="1.5",
        )

    def change_rules(self) -> None:
        """Floating leverage over several instruments; some messages make no sense."""
        tier, low = self.random.choice([0, 0, 1]), self.random.choice([0, 10**8])
        self.send(
            "broker",
            "LeverageRule",
            rule=self.random.choice([1, 1, 2, 0]),
            tier=tier,
            tier_range=self.random.choice(["volume", "value", "volume_per_symbol", "value_per_symbol"]),
            currency=self.random.choice(["", "USD", "EUR", "XXX"]),
            from_amount=low + tier * 10**9,
            to_amount=low + tier * 10**9 + self.random.choice([0, 5 * 10**8]),
            initial_rate="2",
            maintenance_rate="1.5",
        )
        fields = {"rule": self.random.choice([0, 1, 2]), "instrument": EURUSD}
        self.send("broker", "LeverageRuleInstrument", **fields)

    def change_policy(self) -> None:
        mode = self.random.choice([self.mode, self.mode, "stp", "post_trade"])
        outputs = self.send(
            "control",
            "GroupPolicy",
            group=GROUP,
            policy_version=self.version + 1,
            currency="USD",
            master_login=MASTER,
            execution=mode,
            method=self.random.choice(METHODS),
            rounding=self.random.choice(ROUNDINGS),
            overflow_login=self.random.choice([1, 999]),
            on_shortfall=self.random.choice(["reduce", "skip", "reject", "redistribute"]),
            below_min=self.random.choice(["skip", "raise"]),
            on_partial=self.random.choice(["complete", "allocate", "rollback"]),
            on_refused=self.random.choice(["house", "reallocate", "unwind"]),
            deviation=self.random.choice(["0", "0.001", "5"]),
        )
        if only(outputs, "Reject"):  # the other way of execution while blocks are at work
            assert mode != self.mode
        else:
            self.mode, self.version = mode, self.version + 1

    def change_instrument(self) -> None:
        step = self.random.choice([1, 1, 1, 10, 3])
        least = step * self.random.choice([1, 1, 5])
        self.instrument(
            volume_step=lots(step * STEP), volume_min=lots(least * STEP), digits=self.random.choice([5, 2])
        )

    def pass_time(self) -> None:
        self.clock(self.time + self.random.choice([1, 10**6, 6 * 10**8, 10**10]))

    def cancel(self) -> None:
        order = self.random.randint(1, self.ticket + 1)
        self.send("broker", "MasterCancel", order=order, group=GROUP)

    def repeat(self) -> None:
        """A message is sent again, with its old number or a new one."""
        source, msg, fields = self.random.choice(self.sent)
        if self.random.random() < 0.5:
            fields = {**fields, "sequence": self.random.randint(1, self.sequences[source])}
            outputs = self.send(source, msg, **fields)
            assert [output["msg"] for output in outputs if output["msg"] != "RiskAlert"] == ["Reject"]
        elif msg in ("MasterDeal", "MasterOrder"):
            assert only(self.send(source, msg, **fields), "Reject")

    def nonsense(self) -> None:
        source = self.random.choice(list(self.bridges))
        bridge, size = self.bridges[source], self.random.randint(0, 40)
        self._keep(self.engine.apply(self.time, bridge, self.random.randbytes(size)))

    # --- the end ---

    def settle(self) -> None:
        """Everything that is open is answered; then nothing may be left of it."""
        for _ in range(10000):
            if self.legs:
                leg = self.legs.pop()
                done = lots(self.done.get((leg["block"], leg["leg"]), 0))
                self.execution(leg, done, "0", "1.1", kind="ended")
            elif self.bookings:
                self.book(self.bookings.pop())
            elif self.engine.deadline is not None and self.engine.deadline <= self.time + 10**12:
                self.clock(max(self.time, self.engine.deadline))
            else:
                break
        counts = self.engine.counts()
        assert (counts["blocks_working"], counts["children_working"]) == (0, 0)
        assert {block.status for block in self.books.blocks.values()} <= {
            "done",
            "rejected",
            "rolled_back",
        }
        self.check_positions(counts["holdings"])

    def told(self) -> set[int]:
        """Of whom the server has said that it holds less than was booked: the house has the rest."""
        alerts = only(self.log, "RiskAlert")
        return {a["login"] for a in alerts if (a["kind"], a["reason"]) == ("not_closed", "out_of_sync")}

    def check_positions(self, engines_holdings: int) -> None:
        holdings, houses = self.books.holdings(), self.books.houses()
        for position, volume in self.books.masters().items():
            held = holdings.get(position, {})
            assert min(held.values(), default=0) >= 0, "a client was closed beyond what it held"
            assert sum(held.values()) + houses[position] == volume, (
                "holdings and house are not the master's volume"
            )
        told = {
            a["login"] for a in self.log if a.get("kind") == "not_closed" and a["reason"] == "out_of_sync"
        }
        sure = sum(login not in told for held in holdings.values() for login in held)
        most = sum(len(held) for held in holdings.values())
        assert sure <= engines_holdings <= most, "holdings leaked"

    def close_everything(self) -> None:
        """A full close leaves exact zeros."""
        if self.mode == "stp":
            self.version += 1
            self.group(version=self.version)
        for position, held in self.books.holdings().items():
            houses = self.books.houses()[position]
            total = sum(held.values()) + max(houses, 0)
            if total:
                ticket = self.next_ticket()
                self.deal(ticket, lots(total), side="sell", entry="closing", position=position[1])
        self.settle()
        assert not {login for held in self.books.holdings().values() for login in held} - self.told()
        assert self.engine.counts()["holdings"] == 0
