"""What accounts hold and are worth, once more: in Decimal by the published formulas; nothing of C."""

from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, localcontext

from tests.native.valuation.published import (
    BUY,
    EXACT,
    FOREX,
    FOREX_NO_LEVERAGE,
    HEDGING,
    LARGER_LEG,
    MAINTENANCE,
    SELL,
    Instrument,
    Position,
    down,
    margin_with,
    positions_margin,
    profit,
    up,
)

Tier = tuple[Decimal, Decimal, Decimal]  # lots or value from, to; times the margin

NOTHING = Decimal(0)
PRICE = Decimal("1e-8")
MONEY = Decimal("1e-6")


@dataclass
class Market:
    """An instrument and its mark."""

    number: int
    terms: Instrument
    base: str
    profit: str
    margin: str
    bid: Decimal = NOTHING
    ask: Decimal = NOTHING


@dataclass
class Row:
    """A position, or a booking that is not answered."""

    market: int
    side: int
    lots: Decimal
    price: Decimal
    rate: Decimal
    swap: Decimal = NOTHING
    pending: bool = False


@dataclass
class Account:
    login: int
    currency: str
    leverage: int
    mode: int
    balance: Decimal
    credit: Decimal = NOTHING
    server_group: int = 0
    free_margin: str = "both"
    rows: dict[object, Row] = field(default_factory=dict)  # by ticket, or by (block, child)


@dataclass
class Rule:
    """Floating leverage of several instruments; currency "": the account's."""

    range: str
    currency: str
    tiers: list[Tier]

    @property
    def together(self) -> bool:
        return bool(self.tiers) and self.range in ("volume", "value")


@dataclass
class Need:
    """Margin of positions in a market; amount: what they put into a pool's tiers."""

    margin: Decimal
    amount: Decimal = NOTHING
    pool: int = 0


@dataclass
class Figures:
    floating: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal


class Bank:
    """Every market and account."""

    def __init__(self, markets: list[Market], accounts: list[Account]) -> None:
        self.markets = {market.number: market for market in markets}
        self.accounts = {account.login: account for account in accounts}
        self.overrides: dict[tuple[int, int], Instrument] = {}  # by server group and market
        self.tiers: dict[tuple[int, int], list[Tier]] = {}  # group 0: all that have none of their own
        self.rules: dict[int, Rule] = {}
        self.rule_of: dict[tuple[int, int], int] = {}  # by server group and market

    # --- what a server group has of its own ---

    def terms(self, account: Account, market: Market) -> Instrument:
        return self.overrides.get((account.server_group, market.number), market.terms)

    def rule_in_force(self, account: Account, market: Market) -> tuple[int, Rule]:
        """Its number, where it is a pool's; else 0."""
        group, number = account.server_group, market.number
        own = self.rule_of.get((group, number), 0) if group else 0
        if not own and group and (group, number) in self.tiers:
            return 0, Rule("volume_per_symbol", "", self.tiers[group, number])
        number_of_all = own or self.rule_of.get((0, number), 0)
        if number_of_all:
            rule = self.rules[number_of_all]
            return number_of_all if rule.together else 0, rule
        return 0, Rule("volume_per_symbol", "", self.tiers.get((0, number), []))

    def amount(self, account: Account, market: Market, book: list[Position]) -> Decimal:
        """What positions put into the tiers in force, by volume or by value."""
        terms, (_, rule) = self.terms(account, market), self.rule_in_force(account, market)
        lots = counted(terms, book, account.mode)
        if not rule.range.startswith("value") or not lots:
            return lots
        legs = [[p for p in book if p.side == side] for side in (BUY, SELL)]
        sums = [sum((p.lots for p in leg), NOTHING) for leg in legs]
        larger = BUY if sums[BUY] >= sums[SELL] else SELL
        with localcontext(EXACT):
            worth = sum((profit(terms, BUY, p.lots, NOTHING, p.open) for p in legs[larger]), NOTHING)
            rate = self.rate(market.profit, rule.currency or account.currency, True)
            return up(worth * min(lots, sums[larger]) / sums[larger] * rate)

    def need(self, account: Account, market: Market, rows: list[Row]) -> Need:
        """Maintenance margin of an account's rows in one market, tiers included but for a pool's."""
        terms, (pool, rule) = self.terms(account, market), self.rule_in_force(account, market)
        book = [Position(row.side, row.lots, row.price, row.rate) for row in rows]
        plain = positions_margin(terms, book, account.mode, MAINTENANCE, account.leverage)
        if not rule.tiers:
            return Need(plain)
        amount = self.amount(account, market, book)
        return Need(plain, amount, pool) if pool else Need(weighed(rule.tiers, NOTHING, amount, plain))

    def margin(self, account: Account) -> Decimal:
        """Maintenance margin of all that an account holds."""
        needs = []
        for number, market in self.markets.items():
            rows = self.held(account, number)
            if rows:
                needs.append(self.need(account, market, rows))
        total = sum((need.margin for need in needs if not need.pool), NOTHING)
        for pool in {need.pool for need in needs if need.pool}:
            total += self.pool_margin(pool, [need for need in needs if need.pool == pool])
        return total

    def pool_margin(self, pool: int, needs: list[Need]) -> Decimal:
        plain = sum((need.margin for need in needs), NOTHING)
        amount = sum((need.amount for need in needs), NOTHING)
        return weighed(self.rules[pool].tiers, NOTHING, amount, plain)

    def margin_with(self, account: Account, market: Market, order: Position) -> Decimal:
        """The account's margin with an order on top: it lies in the tiers over all positions."""
        terms, (pool, rule) = self.terms(account, market), self.rule_in_force(account, market)
        book = [
            Position(row.side, row.lots, row.price, row.rate) for row in self.held(account, market.number)
        ]
        held = positions_margin(terms, book, account.mode, MAINTENANCE, account.leverage)
        more = max(margin_with(terms, book, account.mode, account.leverage, order) - held, NOTHING)
        if not rule.tiers:
            return self.margin(account) + more
        own = self.amount(account, market, book)
        grows = self.amount(account, market, [*book, order]) - own
        before = own
        if pool:
            others = [m for m in self.markets.values() if self.rule_in_force(account, m)[0] == pool]
            before = sum(
                (
                    self.need(account, m, self.held(account, m.number)).amount
                    for m in others
                    if self.held(account, m.number)
                ),
                NOTHING,
            )
        if grows <= 0:
            return self.margin(account)
        return self.margin(account) + weighed(rule.tiers, before, grows, more)

    # --- rates ---

    def _step(self, source: str, target: str, high: bool) -> Decimal | None:
        for market in self.markets.values():
            if market.terms.mode != FOREX or not market.bid:
                continue
            with localcontext(EXACT):
                if (market.base, market.profit) == (source, target):
                    return market.ask if high else market.bid
                if (market.base, market.profit) == (target, source):
                    return 1 / (market.bid if high else market.ask)
        return None

    def convert(self, source: str, target: str, high: bool) -> Decimal | None:
        """Factor from one currency to another; None: there is no path."""
        if source == target:
            return Decimal(1)
        direct = self._step(source, target, high)
        if direct is not None or "USD" in (source, target):
            return direct
        first, second = self._step(source, "USD", high), self._step("USD", target, high)
        with localcontext(EXACT):
            return None if first is None or second is None else first * second

    def margin_rate(self, account: Account, market: Market, side: int) -> Decimal:
        return self.rate(market.margin, account.currency, side == BUY)

    def rate(self, source: str, target: str, high: bool) -> Decimal:
        """As it is kept: 1e-8, rounded up."""
        factor = self.convert(source, target, high)
        assert factor is not None
        return factor.quantize(Decimal("1e-250"), context=EXACT).quantize(PRICE, ROUND_CEILING, EXACT)

    # --- figures ---

    def worth(self, account: Account, market: Market, rows: list[Row], bid: Decimal, ask: Decimal) -> Decimal:
        """Floating profit of rows of one instrument, each side rounded once."""
        total = NOTHING
        for side in (BUY, SELL):
            with localcontext(EXACT):
                own = sum(
                    (
                        profit(market.terms, side, row.lots, row.price, bid if side == BUY else ask)
                        for row in rows
                        if row.side == side
                    ),
                    NOTHING,
                )
                by_side = market.terms.mode in (FOREX, FOREX_NO_LEVERAGE)
                factor = self.convert(market.profit, account.currency, side == BUY if by_side else own < 0)
                assert factor is not None
                total += down(own * factor)
        return total

    def held(self, account: Account, number: int) -> list[Row]:
        """An account's rows in an instrument; a netting account's as the one that they make."""
        rows = [row for row in account.rows.values() if row.market == number and row.lots]
        if account.mode == HEDGING or not rows:
            return rows
        confirmed = [row for row in rows if not row.pending] + [row for row in rows if row.pending]
        net = replace(confirmed[0])
        for row in confirmed[1:]:
            fold(net, row)
        return [net] if net.lots else []

    def figures(self, login: int) -> Figures:
        """An account now."""
        account = self.accounts[login]
        floating, margin = sum((row.swap for row in account.rows.values()), NOTHING), self.margin(account)
        for number, market in self.markets.items():
            rows = self.held(account, number)
            if rows and market.bid:
                floating += self.worth(account, market, rows, market.bid, market.ask)
        money = account.balance + account.credit
        counts = {"none": NOTHING, "both": floating, "profit_only": max(floating, NOTHING)}
        counts["loss_only"] = min(floating, NOTHING)
        return Figures(floating, money + floating, margin, money + counts[account.free_margin] - margin)

    # --- deals ---

    def realise(self, account: Account, row: Row, lots: Decimal, price: Decimal) -> None:
        """Closing a part of a row moves the balance, by its profit and by that part of its swap."""
        if lots:
            market = self.markets[row.market]
            account.balance += self.worth(account, market, [replace(row, lots=lots)], price, price)
            with localcontext(EXACT):
                swap = (row.swap * lots / row.lots).quantize(MONEY, ROUND_DOWN)
            account.balance += swap
            row.swap -= swap
            row.lots -= lots

    def confirm(self, account: Account, key: object, ticket: int) -> None:
        """The server has booked what was asked for."""
        row = account.rows.pop(key)
        row.pending = False
        net = next(
            ((k, r) for k, r in account.rows.items() if r.market == row.market and not r.pending), None
        )
        if account.mode == HEDGING or net is None:
            account.rows[ticket] = row
            return
        known, position = net
        if position.side == row.side:
            fold(position, row)
        else:
            closed = min(position.lots, row.lots)
            self.realise(account, position, closed, row.price)
            row.lots -= closed
            if not position.lots:
                del account.rows[known]
                if row.lots:
                    account.rows[ticket] = row


def weighed(tiers: list[Tier], before: Decimal, amount: Decimal, plain: Decimal) -> Decimal:
    """The margin of an amount that lies over `before` in the tiers; both stages have the same rates here."""
    if not amount:
        return plain
    with localcontext(EXACT):
        inside = [
            max(NOTHING, min(before + amount, high) - max(before, low)) * (times - 1)
            for low, high, times in tiers
        ]
        return up(plain * (amount + sum(inside)) / amount)


def counted(terms: Instrument, book: list[Position], mode: int) -> Decimal:
    """What positions put into tiers by volume."""
    legs = [sum((p.lots for p in book if p.side == side), NOTHING) for side in (BUY, SELL)]
    if mode != HEDGING or terms.flags & LARGER_LEG:
        return max(legs)
    with localcontext(EXACT):
        covered = min(legs) * terms.hedged / terms.contract
    return max(legs) - min(legs) + covered.quantize(PRICE, ROUND_CEILING, EXACT)


def fold(net: Row, deal: Row) -> None:
    """A further deal of a netting position: adds at the average (against the account), reduces, reverses."""
    if not net.lots or net.side == deal.side:
        with localcontext(EXACT):
            lots = net.lots + deal.lots
            price = (net.price * net.lots + deal.price * deal.lots) / lots
            rate = (net.rate * net.lots + deal.rate * deal.lots) / lots
        away = ROUND_CEILING if deal.side == BUY else ROUND_FLOOR
        fine = Decimal("1e-250")
        net.price = price.quantize(fine, context=EXACT).quantize(PRICE, away, EXACT)
        net.rate = rate.quantize(fine, context=EXACT).quantize(PRICE, ROUND_CEILING, EXACT)
        net.lots, net.side = lots, deal.side
    elif deal.lots <= net.lots:
        net.lots -= deal.lots
    else:
        net.lots, net.side = deal.lots - net.lots, deal.side
        net.price, net.rate = deal.price, deal.rate
