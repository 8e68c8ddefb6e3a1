"""Makes a market for the demo from a seed: accounts, groups with their policies, and the masters' orders.

Integers only and random.Random, so one seed gives the same scenario on every machine. No I/O. Units: volume,
price and weight 1e-8, money 1e-6, as in the messages. Names of enum values are those of the schema.

The day's shape: calm (one order at a time), busy (a few at a time), news (every group at once), and a
wind-down of closes. Each phase first lets the LPs quote up to a tick, then releases orders; so runs of one
seed see the same prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from appliance.broker.ticks import Ticks, merge

ONE = 10**8  # 1 in units of 1e-8
MONEY = 10**6  # 1 in units of money
LOT = ONE
FIRST_LOGIN = 100_001
HOUSE_LOGIN = 90_000
MASTERS = 90_000  # a group's master has this login and the group's number more

_LEVERAGES = (30, 100, 200, 500)
_STP_MEMBERS = 200  # so that the stp group's orders stay within the volume of one order
_DEVIATION = 20  # points
_EXPOSURE = 6  # times equity: at or above it a group closes before it opens again


@dataclass(frozen=True)
class Instrument:
    id: int
    symbol: str
    base: str
    profit: str
    digits: int
    contract_size: int = 100_000 * ONE
    volume_min: int = LOT // 100
    volume_step: int = LOT // 100
    volume_max: int = 500 * LOT
    calc_mode: int = 0  # forex
    trade_mode: int = 4  # full

    @property
    def point(self) -> int:
        """The smallest step of the price, 1e-8."""
        return int(10 ** (8 - self.digits))


@dataclass(frozen=True)
class Account:
    login: int
    group: int  # 0: the house
    currency: str
    balance: int
    leverage: int
    margin_mode: int = 2  # 0 netting, 2 hedging
    credit: int = 0
    trade_mode: int = 4  # full


@dataclass(frozen=True)
class Member:
    login: int
    weight: int


@dataclass(frozen=True)
class Group:
    """A master, its policy and its members."""

    id: int
    master_login: int
    house_login: int
    currency: str
    method: str  # equity or percent
    execution: str  # post_trade or stp
    deviation: int
    members: tuple[Member, ...]
    rounding: str = "largest_remainder"
    on_shortfall: str = "reduce"
    below_min: str = "skip"
    on_partial: str = "complete"
    on_refused: str = "house"


@dataclass(frozen=True)
class Order:
    """A line of the script. `closes`: the number, from 1, of the order whose position it closes; then
    volume 0
    is all of it."""

    group: int
    instrument: int
    side: int  # of the deal: 0 buy, 1 sell
    volume: int
    closes: int = 0
    execution: int = 0  # 0 post_trade, 1 stp
    deviation: int = 0


@dataclass(frozen=True)
class Phase:
    """First the LPs and the server see ticks before `quotes_until`, then orders up to `orders_until` go."""

    name: str
    quotes_until: int
    orders_until: int
    in_flight: int = 0  # orders at work at a time; 0: one of every group
    interval_us: int = 0  # between two orders


@dataclass(frozen=True)
class Scenario:
    seed: int
    instruments: tuple[Instrument, ...]
    accounts: tuple[Account, ...]
    groups: tuple[Group, ...]
    orders: tuple[Order, ...]
    phases: tuple[Phase, ...]

    @property
    def max_bookings(self) -> int:
        """More children than the orders can make."""
        sizes = {group.id: len(group.members) for group in self.groups}
        return 1024 + sum(sizes[order.group] for order in self.orders)


@dataclass
class _Book:
    """What a group's master holds while the script is being written."""

    equity: int  # money in the group's currency, roughly
    execution: int
    netting: bool
    size: int  # members
    open: list[tuple[int, Order, int]] = field(default_factory=list)  # number, order, volume left
    exposure: int = 0  # money


def generate(
    seed: int, accounts: int, orders: int, series: Sequence[Ticks], currencies: bool = False
) -> Scenario:
    """The scenario of a seed. `currencies`: some accounts in other currencies that the ticks can convert."""
    if accounts < 1 or orders < 0 or not series:
        raise ValueError("a scenario needs an account, no negative number of orders, and ticks")
    random = Random(seed)
    instruments = tuple(_instrument(i, ticks) for i, ticks in enumerate(series, 1))
    home = _home_currency(instruments)
    rates = _rates(instruments, series, home)
    groups: list[Group] = []
    people: list[Account] = []
    sizes = _sizes(random, accounts)
    for number, size in enumerate(sizes, 1):
        stp = len(sizes) > 1 and number == len(sizes)
        used = rates if currencies else {home: ONE}
        group, members = _group(random, number, FIRST_LOGIN + len(people), size, stp, used, instruments)
        groups.append(group)
        people.extend(members)
    script = _orders(random, orders, groups, people, instruments, series, rates)
    people.append(Account(HOUSE_LOGIN, 0, home, 10**9 * MONEY, 100))
    phases = _phases(len(script), series)
    return Scenario(seed, instruments, tuple(people), tuple(groups), tuple(script), phases)


# ---- instruments and rates ----


def _instrument(number: int, ticks: Ticks) -> Instrument:
    return Instrument(number, ticks.symbol, ticks.symbol[:3], ticks.symbol[3:], ticks.digits)


def _home_currency(instruments: Sequence[Instrument]) -> str:
    quoted = {name for i in instruments for name in (i.base, i.profit)}
    return "USD" if "USD" in quoted else instruments[0].profit


def _rates(instruments: Sequence[Instrument], series: Sequence[Ticks], home: str) -> dict[str, int]:
    """What a unit of a currency is worth in the home currency, roughly, 1e-8; only those with a pair
    of it."""
    rates = {home: ONE}
    for instrument, ticks in zip(instruments, series, strict=True):
        price = int(ticks.bid[0])
        if instrument.profit == home:
            rates.setdefault(instrument.base, price)
        elif instrument.base == home:
            rates.setdefault(instrument.profit, ONE * ONE // price)
    return rates


# ---- groups and accounts ----


def _sizes(random: Random, accounts: int) -> list[int]:
    """How many members each group has: from a few to a great many; they add up to `accounts`."""
    count = max(1, min(40, accounts // 60))
    shares = [random.randrange(1, 100) ** 2 for _ in range(count)]
    total = sum(shares)
    sizes = [1 + share * (accounts - count) // total for share in shares]
    if count > 1:
        sizes[-1] = min(sizes[-1], _STP_MEMBERS)  # the stp group
    for i in range(accounts - sum(sizes)):
        sizes[i % max(1, count - 1)] += 1
    return sizes


def _balance(random: Random) -> int:
    """Log-uniform from 1,000 to about 1,000,000, in money to the cent."""
    base = 1_000 << random.randrange(10)
    return (base * 100 + random.randrange(base * 100)) * (MONEY // 100)


def _account(random: Random, login: int, group: int, netting: bool, rates: dict[str, int]) -> Account:
    currency = next(iter(rates))
    if len(rates) > 1 and random.randrange(5) == 0:
        currency = random.choice(sorted(rates))
    balance = _balance(random) * ONE // rates[currency] // MONEY * MONEY
    return Account(login, group, currency, balance, random.choice(_LEVERAGES), 0 if netting else 2)


def _percents(random: Random, worths: Sequence[int]) -> list[int]:
    """Weights near the members' worths that make exactly 100 percent."""
    noisy = [worth * random.randrange(70, 131) for worth in worths]
    total = sum(noisy)
    weights = [max(1, part * 100 * ONE // total) for part in noisy]
    weights[weights.index(max(weights))] += 100 * ONE - sum(weights)
    return weights


def _worth(account: Account, rates: dict[str, int]) -> int:
    return account.balance * rates[account.currency] // ONE


def _group(
    random: Random,
    number: int,
    first: int,
    size: int,
    stp: bool,
    rates: dict[str, int],
    instruments: Sequence[Instrument],
) -> tuple[Group, list[Account]]:
    """Every third group keeps its positions netting, every fourth divides by percent; the last one is stp."""
    netting = number % 3 == 2
    people = [_account(random, first + i, number, netting, rates) for i in range(size)]
    percent = number % 4 == 2 and not stp
    weights = _percents(random, [_worth(account, rates) for account in people]) if percent else [ONE] * size
    group = Group(
        id=number,
        master_login=MASTERS + number,
        house_login=HOUSE_LOGIN,
        currency=next(iter(rates)),
        method="percent" if percent else "equity",
        execution="stp" if stp else "post_trade",
        deviation=_DEVIATION * min(instrument.point for instrument in instruments),
        members=tuple(Member(a.login, w) for a, w in zip(people, weights, strict=True)),
    )
    return group, people


# ---- the masters' orders ----


def _lot_values(
    instruments: Sequence[Instrument], series: Sequence[Ticks], rates: dict[str, int]
) -> dict[int, int]:
    """Money of one lot in the home currency, roughly."""
    values = {}
    for instrument, ticks in zip(instruments, series, strict=True):
        lot = instrument.contract_size * MONEY // ONE
        if instrument.base in rates:
            values[instrument.id] = lot * rates[instrument.base] // ONE
        else:
            profit = rates.get(instrument.profit, ONE)
            values[instrument.id] = lot * int(ticks.ask[0]) // ONE * profit // ONE
    return values


def _books(groups: Sequence[Group], people: Sequence[Account], rates: dict[str, int]) -> dict[int, _Book]:
    books = {}
    for group in groups:
        own = [account for account in people if account.group == group.id]
        equity = sum(_worth(account, rates) for account in own)
        books[group.id] = _Book(equity, int(group.execution == "stp"), own[0].margin_mode == 0, len(own))
    return books


def _orders(
    random: Random,
    count: int,
    groups: Sequence[Group],
    people: Sequence[Account],
    instruments: Sequence[Instrument],
    series: Sequence[Ticks],
    rates: dict[str, int],
) -> list[Order]:
    books = _books(groups, people, rates)
    values = _lot_values(instruments, series, rates)
    script: list[Order] = []
    closing_from = count * 85 // 100
    for number in range(1, count + 1):
        group = random.choice(groups)
        book = books[group.id]
        if number > closing_from and not book.open:  # the wind-down looks for somebody who holds something
            holders = [other for other in groups if books[other.id].open]
            group = random.choice(holders) if holders else group
            book = books[group.id]
        full = book.exposure >= _EXPOSURE * book.equity
        if book.open and (full or number > closing_from or random.randrange(6) == 0):
            script.append(_closing(random, group, book, values, number > closing_from))
        else:
            script.append(_opening(random, number, group, book, instruments, values))
    return script


def _opening(
    random: Random,
    number: int,
    group: Group,
    book: _Book,
    instruments: Sequence[Instrument],
    values: dict[int, int],
) -> Order:
    """One to two and a half times the group's equity; netting groups trade one side of an instrument only."""
    instrument = random.choice(instruments)
    side = (group.id + instrument.id) % 2 if book.netting else random.randrange(2)
    percent = random.randrange(100, 251)
    steps = book.equity * percent // 100 * LOT // values[instrument.id] // instrument.volume_step
    volume = max(steps * instrument.volume_step, instrument.volume_min)
    if book.execution == 1:
        volume = min(volume, instrument.volume_max)
    deviation = _DEVIATION * instrument.point if book.execution == 1 else 0
    order = Order(group.id, instrument.id, side, volume, 0, book.execution, deviation)
    book.open.append((number, order, volume))
    book.exposure += volume * values[instrument.id] // LOT
    return order


def _closing(random: Random, group: Group, book: _Book, values: dict[int, int], whole: bool) -> Order:
    """All or a part of one of the master's positions."""
    at = random.randrange(len(book.open))
    number, opened, left = book.open[at]
    step = LOT // 100
    part = left * random.randrange(20, 80) // 100 // step * step
    partly = part > 0 and random.randrange(3 if not whole else 6) == 0
    volume = part if partly else left
    if partly:
        book.open[at] = (number, opened, left - part)
    else:
        del book.open[at]
    book.exposure -= volume * values[opened.instrument] // LOT
    return Order(
        group=group.id,
        instrument=opened.instrument,
        side=1 - opened.side,
        volume=part if partly else 0,
        closes=number,
        execution=book.execution,
        deviation=opened.deviation,
    )


# ---- the day's shape ----

_SHAPE = (  # name, slices, share of the orders and of the ticks in percent, orders at a time, µs between two
    ("calm", 8, 15, 60, 1, 4_000),
    ("busy", 4, 25, 25, 4, 1_000),
    ("news", 2, 45, 10, 0, 0),
    ("wind-down", 1, 15, 5, 0, 0),
)


def _phases(orders: int, series: Sequence[Ticks]) -> tuple[Phase, ...]:
    tape = merge(series)
    ticks = len(tape)
    ready = max(int((tape.instrument == i).argmax()) + 1 for i in range(1, len(series) + 1))
    phases = []
    done_orders = done_ticks = 0
    for name, slices, order_share, tick_share, in_flight, interval in _SHAPE:
        for part in range(1, slices + 1):
            quotes = ticks * (done_ticks * slices + tick_share * part) // (100 * slices)
            until = orders * (done_orders * slices + order_share * part) // (100 * slices)
            phases.append(Phase(name, max(quotes, ready), until, in_flight, interval))
        done_orders += order_share
        done_ticks += tick_share
    return tuple(phases)
