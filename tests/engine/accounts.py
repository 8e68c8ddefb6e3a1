"""A desk whose accounts are valued twice: by the engine, and by tests/engine/bank.py."""

from dataclasses import asdict, replace
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

from appliance.engine import Capacities
from tests.engine.bank import NOTHING, Account, Bank, Market, Row, Rule, Tier
from tests.engine.desk import GROUP, Desk, accepted, only
from tests.native.valuation.published import (
    BUY,
    CFD,
    CFD_INDEX,
    CFD_LEVERAGE,
    EXCHANGE_FUTURES,
    FOREX,
    FOREX_NO_LEVERAGE,
    FUTURES,
    HEDGING,
    NETTING,
    STOCKS,
    Instrument,
)

MODES = {FOREX: "forex", CFD: "cfd", CFD_INDEX: "cfd_index", FUTURES: "futures", CFD_LEVERAGE: "cfd_leverage"}
MODES |= {FOREX_NO_LEVERAGE: "forex_no_leverage", STOCKS: "exchange_stocks"}
MODES |= {EXCHANGE_FUTURES: "exchange_futures"}
FIRST = {1: "1.10000", 2: "110.000", 3: "1.25000", 4: "1300.00", 5: "21000", 6: "80.00"}
FIRST |= {7: "17000.0", 8: "0.70000", 9: "42.15", 10: "2600.5"}
FIRST |= {11: "0.98000", 12: "1.07500", 13: "1.36000"}
DIGITS = {1: 5, 2: 3, 3: 5, 4: 2, 5: 0, 6: 2, 7: 1, 8: 5, 9: 2, 10: 1, 11: 5, 12: 5, 13: 5}
OWN_GROUP = 5  # the server group that has terms of its own
SIDES = ("buy", "sell")


def markets() -> list[Market]:
    """Pairs of seven currencies, gold, indexes, shares, futures: every calculation mode."""
    index = Instrument(mode=CFD_INDEX, contract=Decimal(1), tick_size=Decimal(1), tick_value=Decimal(5))
    future = Instrument(
        mode=FUTURES,
        contract=Decimal(1),
        tick_size=Decimal("0.01"),
        tick_value=Decimal("2.5"),
        initial=Decimal(900),
        maintenance=Decimal(700),
    )
    hedged = Instrument(hedged=Decimal(50000))
    leveraged = Instrument(
        mode=CFD_LEVERAGE,
        contract=Decimal(10),
        rates=(Decimal("1.5"), Decimal("0.75")),
        maintenance_rates=(Decimal("1.25"), Decimal(0)),
    )
    return [
        Market(1, hedged, "EUR", "USD", "EUR"),
        Market(2, Instrument(), "USD", "JPY", "USD"),
        Market(3, Instrument(flags=4), "GBP", "USD", "GBP"),
        Market(4, Instrument(mode=CFD, contract=Decimal(100)), "XAU", "USD", "USD"),
        Market(5, index, "JPY", "JPY", "JPY"),
        Market(6, future, "EUR", "EUR", "EUR"),
        Market(7, leveraged, "USD", "USD", "USD"),
        Market(8, Instrument(mode=FOREX_NO_LEVERAGE, hedged=Decimal(100000)), "AUD", "USD", "USD"),
        Market(9, Instrument(mode=STOCKS, contract=Decimal(1)), "EUR", "EUR", "EUR"),
        Market(11, Instrument(), "USD", "CHF", "USD"),
        Market(12, Instrument(), "EUR", "CHF", "EUR"),
        Market(13, Instrument(hedged=Decimal(25000)), "USD", "CAD", "USD"),
        Market(10, replace(future, mode=EXCHANGE_FUTURES, tick_size=Decimal("0.5")), "GBP", "GBP", "GBP"),
    ]


def accounts() -> list[Account]:
    """Hedging and netting, in six currencies; two of them convert over the dollar."""
    rows = [("USD", 100, HEDGING), ("EUR", 500, HEDGING), ("JPY", 30, HEDGING), ("GBP", 200, NETTING)]
    rows += [("USD", 50, NETTING), ("JPY", 100, NETTING), ("CHF", 100, HEDGING), ("CAD", 25, NETTING)]
    free = ("both", "none", "profit_only", "loss_only", "both", "loss_only", "both", "none")
    return [
        Account(
            login,
            currency,
            leverage,
            mode,
            Decimal(10_000_000),
            server_group=OWN_GROUP if login in (1, 4) else 0,
            free_margin=free[login - 1],
        )
        for login, (currency, leverage, mode) in enumerate(rows, 1)
    ]


class AccountDesk(Desk):
    """Everything that the engine hears, the bank hears too."""

    def __init__(self, capacities: Capacities | None = None) -> None:
        super().__init__(capacities)
        self.bank = Bank(markets(), accounts())
        for market in self.bank.markets.values():
            self.announce(market)
        self.group(method="equal")
        for account in self.bank.accounts.values():
            self.enter(account)
        for number, price in FIRST.items():
            self.tick(number, Decimal(price), Decimal(price) + 2 * self.point(number))
        self.as_of = 1

    @staticmethod
    def point(number: int) -> Decimal:
        return Decimal(1).scaleb(-DIGITS[number])

    def announce(self, market: Market) -> None:
        terms = asdict(market.terms)
        self.instrument(
            market.number,
            symbol=f"I{market.number}",
            base_currency=market.base,
            profit_currency=market.profit,
            margin_currency=market.margin,
            contract_size=str(terms["contract"]),
            digits=DIGITS[market.number],
            calc_mode=MODES[market.terms.mode],
            tick_size=str(terms["tick_size"]),
            tick_value=str(terms["tick_value"]),
            margin_initial=str(terms["initial"]),
            margin_maintenance=str(terms["maintenance"]),
            margin_hedged=str(terms["hedged"]),
            margin_flags=terms["flags"],
            margin_rate_buy=str(terms["rates"][BUY]),
            margin_rate_sell=str(terms["rates"][1 - BUY]),
            maintenance_rate_buy=str(terms["maintenance_rates"][BUY]),
            maintenance_rate_sell=str(terms["maintenance_rates"][1 - BUY]),
        )

    def enter(self, account: Account) -> None:
        fields: dict[str, Any] = {"leverage": account.leverage}
        fields["margin_mode"] = "hedging" if account.mode == HEDGING else "netting"
        fields |= {"server_group": account.server_group, "free_margin_mode": account.free_margin}
        self.account(account.login, str(account.balance), account.currency, **fields)
        self.member(account.login)

    # --- what happens ---

    def tick(self, number: int, bid: Decimal, ask: Decimal, lp: str = "lp1") -> list[dict[str, Any]]:
        """A quote; the bank keeps the last good one."""
        market = self.bank.markets[number]
        if 0 < bid <= ask:
            market.bid, market.ask = bid, ask
        return self.quote(lp, f"{bid:f}", f"{ask:f}", instrument=number)

    def override(self, number: int, terms: Instrument) -> None:
        """The server group has the instrument otherwise."""
        self.bank.overrides[OWN_GROUP, number] = terms
        accepted(
            self.send(
                "broker",
                "InstrumentOverride",
                server_group=OWN_GROUP,
                instrument=number,
                trade_mode="full",
                volume_max="500",
                margin_flags=terms.flags,
                margin_initial=str(terms.initial),
                margin_maintenance=str(terms.maintenance),
                margin_hedged=str(terms.hedged),
                margin_rate_buy=str(terms.rates[BUY]),
                margin_rate_sell=str(terms.rates[1 - BUY]),
                maintenance_rate_buy=str(terms.maintenance_rates[BUY]),
                maintenance_rate_sell=str(terms.maintenance_rates[1 - BUY]),
            )
        )

    def floating_leverage(self, group: int, number: int, tiers: list[Tier]) -> None:
        """Tiers of volume, of all or of the server group; none: they are taken away."""
        self.bank.tiers[group, number] = tiers
        for at, (low, high, times) in enumerate(tiers or [(NOTHING, NOTHING, NOTHING)]):
            accepted(
                self.send(
                    "broker",
                    "LeverageTier",
                    server_group=group,
                    instrument=number,
                    tier=at,
                    tier_range="volume_per_symbol",
                    from_amount=int(low * 10**8),
                    to_amount=int(high * 10**8),
                    initial_rate=str(times),
                    maintenance_rate=str(times),
                )
            )

    def rule(self, rule: int, tier_range: str, currency: str, tiers: list[Tier]) -> None:
        """A rule's tiers, of volume or value; none: they are taken away."""
        self.bank.rules[rule] = Rule(tier_range, currency, tiers)
        unit = 10**8 if tier_range.startswith("volume") else 10**6
        for at, (low, high, times) in enumerate(tiers or [(NOTHING, NOTHING, NOTHING)]):
            accepted(
                self.send(
                    "broker",
                    "LeverageRule",
                    rule=rule,
                    tier=at,
                    tier_range=tier_range,
                    currency=currency,
                    from_amount=int(low * unit),
                    to_amount=int(high * unit),
                    initial_rate=str(times),
                    maintenance_rate=str(times),
                )
            )

    def under_rule(self, group: int, number: int, rule: int) -> None:
        """All, or the server group, have the instrument under a rule; 0: under none."""
        self.bank.rule_of[group, number] = rule
        fields = {"server_group": group, "instrument": number, "rule": rule}
        accepted(self.send("broker", "LeverageRuleInstrument", **fields))

    def position(self, login: int, ticket: int, number: int, side: int, lots: Decimal, **fields: Any) -> None:
        """The server tells of a position: a new one, a change, an end."""
        account, market = self.bank.accounts[login], self.bank.markets[number]
        price = Decimal(fields.get("price_open", "1"))
        self.as_of += 1
        outputs = self.send(
            "broker",
            "PositionState",
            login=login,
            position=ticket,
            instrument=number,
            side=SIDES[side],
            volume=f"{lots:f}",
            as_of=self.as_of,
            **(fields | {"price_open": f"{price:f}"}),
        )
        accepted(outputs)
        row = account.rows.get(ticket)
        if row is not None:
            if row.side == side and lots < row.lots:
                mark = market.bid if row.side == BUY else market.ask
                self.bank.realise(account, row, row.lots - lots, mark)
            if not lots:
                del account.rows[ticket]
                return
        if lots:
            rate = Decimal(fields.get("rate_margin", "0")) or (
                row.rate if row is not None else self.bank.margin_rate(account, market, side)
            )
            swap = Decimal(fields.get("swap", "0"))
            account.rows[ticket] = Row(number, side, lots, price, rate, swap)

    def trade(self, deal: int, number: int, side: int, lots: str, price: Decimal) -> list[dict[str, Any]]:
        """A master's deal: the bank takes what the engine asks the server to book."""
        outputs = self.deal(
            deal, lots, instrument=number, side=SIDES[side], price=f"{price:f}", position=deal
        )
        for booking in only(outputs, "Booking"):
            account = self.bank.accounts[booking["login"]]
            market = self.bank.markets[number]
            rate = self.bank.margin_rate(account, market, side)
            key = (booking["block"], booking["child"])
            account.rows[key] = Row(number, side, Decimal(booking["volume"]), price, rate, pending=True)
        return outputs

    def answer(self, booking: dict[str, Any], good: bool) -> None:
        """The server books an opening, or refuses it."""
        key = (booking["block"], booking["child"])
        account = self.bank.accounts[booking["login"]]
        accepted(self.book(booking, status="booked" if good else "refused"))
        if good:
            self.bank.confirm(account, key, booking["block"] * 1000 + booking["child"] + 1)
        else:
            del account.rows[key]

    # --- what must hold ---

    def agree(self) -> None:
        """Both say the same of every account, to the last unit."""
        for login, account in self.bank.accounts.items():
            ours, figures = self.engine.figures(login), self.bank.figures(login)
            assert ours is not None
            names = ("balance", "floating", "equity", "margin", "free_margin")
            told = {name: Decimal(ours[name]) / 10**6 for name in names}
            expected = asdict(figures) | {"balance": account.balance}
            assert told == expected, (login, told, expected)

    def swept(self) -> None:
        """After the Clocks that the engine asked for, the batches have every account at the newest marks."""
        time = self.time + 2_000_000
        for _ in range(100):
            self.clock(time)
            deadline = self.engine.deadline
            if deadline is None or deadline > time:
                break
        for login in self.bank.accounts:
            figures = self.engine.figures(login)
            assert figures is not None
            assert figures["swept"] == figures["floating"], login


class AccountHistory(AccountDesk):
    """A random day."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.number = 0
        self.open: list[tuple[int, int]] = []
        self.asked: list[dict[str, Any]] = []

    def step(self) -> None:
        acts = (
            [self.any_tick] * 4 + [self.any_position] * 2 + [self.any_trade, self.any_answer, self.any_answer]
        )
        self.random.choice([*acts, self.any_override, self.any_tiers, self.any_rule, self.any_under_rule])()
        self.agree()
        if self.random.random() < 0.2:
            self.swept()

    def any_override(self) -> None:
        number, any_of = self.random.choice(list(FIRST)), self.random.choice
        own = self.bank.markets[number].terms
        rates = tuple(Decimal(any_of(["0.5", "1", "2.5"])) for _ in range(2))
        self.override(
            number,
            replace(
                own,
                initial=any_of([own.initial, Decimal("333.33")]),
                hedged=Decimal(any_of([0, 1, 50000])),
                rates=(rates[0], rates[1]),
                flags=any_of([0, 4]),
            ),
        )

    def any_tiers(self) -> None:
        group, number = self.random.choice([0, OWN_GROUP]), self.random.choice(list(FIRST))
        edges = sorted(self.random.sample([0, 1, 5, 12, 100, 1000], self.random.randint(0, 4)))
        tiers = [
            (Decimal(low), Decimal(high), Decimal(self.random.choice(["0", "0.5", "2", "5"])))
            for low, high in pairwise(edges)
        ]
        self.floating_leverage(group, number, tiers)

    def any_rule(self) -> None:
        tier_range = self.random.choice(["volume", "value", "volume_per_symbol", "value_per_symbol"])
        scale = 10 ** (6 if tier_range.startswith("value") else 0)
        edges = sorted(self.random.sample([0, 1, 5, 12, 100, 1000], self.random.randint(0, 4)))
        tiers = [
            (Decimal(low * scale), Decimal(high * scale), Decimal(self.random.choice(["0", "0.5", "2", "5"])))
            for low, high in pairwise(edges)
        ]
        self.rule(self.random.randint(1, 3), tier_range, self.random.choice(["", "USD", "EUR", "JPY"]), tiers)

    def any_under_rule(self) -> None:
        number, rule = self.random.choice(list(FIRST)), self.random.choice([0, *self.bank.rules])
        self.under_rule(self.random.choice([0, OWN_GROUP]), number, rule)

    def any_lots(self) -> Decimal:
        return Decimal(self.random.choice([1, 3, 10, 77, 250, 1234])) / 100

    def any_tick(self) -> None:
        number = self.random.choice(list(FIRST))
        point = self.point(number)
        bid = Decimal(FIRST[number]) + self.random.randint(-300, 300) * point
        spread = self.random.choice([0, 1, 2, 5, 50, -1])
        bid, ask = self.random.choice([(bid, bid + spread * point)] * 9 + [(NOTHING, NOTHING)])
        self.tick(number, bid, ask)

    def any_position(self) -> None:
        random = self.random
        if self.open and random.random() < 0.5:
            login, ticket = random.choice(self.open)
            row = self.bank.accounts[login].rows.get(ticket)
            if row is None:
                self.open.remove((login, ticket))
                return
            lots = random.choice(
                [row.lots, row.lots + Decimal("0.01"), (row.lots / 2).quantize(Decimal("0.01")), NOTHING]
            )
            fields = {"price_open": row.price, "swap": random.choice(["0", "-1.25", "3"])}
            self.position(login, ticket, row.market, row.side, lots, **fields)
            return
        login, number, side = (
            random.choice(list(self.bank.accounts)),
            random.choice(list(FIRST)),
            random.randint(0, 1),
        )
        account = self.bank.accounts[login]
        if account.mode == NETTING and any(row.market == number for row in account.rows.values()):
            return
        self.number += 1
        price = Decimal(FIRST[number]) + random.randint(-100, 100) * self.point(number)
        fields = {"price_open": price, "rate_margin": random.choice(["0", "1", "0.9123"])}
        self.position(login, 10**6 + self.number, number, side, self.any_lots(), **fields)
        self.open.append((login, 10**6 + self.number))

    def any_trade(self) -> None:
        self.number += 1
        number, side = self.random.choice(list(FIRST)), self.random.randint(0, 1)
        market = self.bank.markets[number]
        outputs = self.trade(self.number, number, side, "1.20", market.ask if side == BUY else market.bid)
        self.asked += only(outputs, "Booking")

    def any_answer(self) -> None:
        if self.asked:
            booking = self.asked.pop(0)  # a netting server books in order
            self.answer(booking, self.random.random() < 0.8)


__all__ = ["GROUP", "AccountDesk", "AccountHistory"]
