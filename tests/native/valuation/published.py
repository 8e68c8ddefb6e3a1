"""The published rules of docs/margin.md once more, in Decimal and natural units; it shares nothing with C.

Lots, prices, money and rates are Decimals. Every function gives the exact figure; `down` and `up` round it to
the 1e-6 of money. A quotient of such figures that is no multiple of 1e-6 is further than 1e-250 from one, so
what is nearer is the error of the 400 digits: it is rounded away first.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

FOREX, FUTURES, CFD, CFD_INDEX, CFD_LEVERAGE, FOREX_NO_LEVERAGE, STOCKS, EXCHANGE_FUTURES = (
    0,
    1,
    2,
    3,
    4,
    5,
    32,
    33,
)
MODES = (FOREX, FUTURES, CFD, CFD_INDEX, CFD_LEVERAGE, FOREX_NO_LEVERAGE, STOCKS, EXCHANGE_FUTURES)
BUY, SELL = 0, 1
INITIAL, MAINTENANCE = 0, 1
NETTING, EXCHANGE, HEDGING = 0, 1, 2
LARGER_LEG = 0x4
EXACT = Context(prec=400, Emax=10**6, Emin=-(10**6))
UNIT = Decimal("1e-6")
FINEST = Decimal("1e-250")


@dataclass(frozen=True)
class Instrument:
    mode: int = FOREX
    contract: Decimal = Decimal(100000)
    tick_size: Decimal = Decimal("0.00001")
    tick_value: Decimal = Decimal(1)
    initial: Decimal = Decimal(0)
    maintenance: Decimal = Decimal(0)
    hedged: Decimal = Decimal(0)
    rates: tuple[Decimal, Decimal] = (Decimal(1), Decimal(1))
    maintenance_rates: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    flags: int = 0


@dataclass(frozen=True)
class Position:
    side: int
    lots: Decimal
    open: Decimal
    rate: Decimal = Decimal(1)


def down(money: Decimal) -> Decimal:
    return money.quantize(FINEST, context=EXACT).quantize(UNIT, ROUND_FLOOR, EXACT)


def up(money: Decimal) -> Decimal:
    return money.quantize(FINEST, context=EXACT).quantize(UNIT, ROUND_CEILING, EXACT)


def profit(i: Instrument, side: int, lots: Decimal, opened: Decimal, closed: Decimal) -> Decimal:
    with localcontext(EXACT):
        move = closed - opened if side == BUY else opened - closed
        if i.mode in (FUTURES, EXCHANGE_FUTURES):
            return move * i.tick_value / i.tick_size * lots
        return move * i.contract * lots


def _fixed(i: Instrument, stage: int) -> Decimal:
    return i.maintenance if stage == MAINTENANCE and i.maintenance else i.initial


def rate(i: Instrument, side: int, stage: int) -> Decimal:
    maintenance = i.maintenance_rates[side]
    return maintenance if stage == MAINTENANCE and maintenance else i.rates[side]


def _base(i: Instrument, stage: int, lots: Decimal, price: Decimal, leverage: int, hedged: bool) -> Decimal:
    """Margin before rates. Of covered volume `hedged` stands for contract size or amount."""
    with localcontext(EXACT):
        leveraged = i.mode in (FOREX, CFD_LEVERAGE)
        by = Decimal(leverage) if leveraged else Decimal(1)
        if _fixed(i, stage):
            return lots * (i.hedged if hedged else _fixed(i, stage)) / by
        contract = i.hedged if hedged else i.contract
        if i.mode in (FOREX, FOREX_NO_LEVERAGE):
            return lots * contract / by
        if i.mode in (CFD, CFD_LEVERAGE, STOCKS):
            return lots * contract * price / by
        if i.mode == CFD_INDEX:
            return lots * contract * price * i.tick_value / i.tick_size
        return Decimal(0)


def margin(i: Instrument, side: int, stage: int, lots: Decimal, price: Decimal, leverage: int) -> Decimal:
    with localcontext(EXACT):
        return _base(i, stage, lots, price, leverage, False) * rate(i, side, stage)


def _part(
    i: Instrument, stage: int, lots: Decimal, of: list[Position], leverage: int, by: Decimal, hedged: bool
) -> Decimal:
    if not lots:
        return Decimal(0)
    with localcontext(EXACT):
        total = sum(p.lots for p in of)
        price = sum(p.lots * p.open for p in of) / total
        conversion = sum(p.lots * p.rate for p in of) / total
        return up(_base(i, stage, lots, price, leverage, hedged) * by * conversion)


def positions_margin(i: Instrument, book: list[Position], mode: int, stage: int, leverage: int) -> Decimal:
    legs = [[p for p in book if p.side == side] for side in (BUY, SELL)]
    volumes = [sum((p.lots for p in leg), Decimal(0)) for leg in legs]
    if mode == HEDGING and not i.flags & LARGER_LEG:
        side = BUY if volumes[BUY] >= volumes[SELL] else SELL
        small = min(volumes)
        whole = _part(i, stage, volumes[side] - small, legs[side], leverage, rate(i, side, stage), False)
        with localcontext(EXACT):
            mean = (rate(i, BUY, stage) + rate(i, SELL, stage)) / 2
        return whole + (_part(i, stage, small, book, leverage, mean, True) if i.hedged else Decimal(0))
    return max(_part(i, stage, volumes[s], legs[s], leverage, rate(i, s, stage), False) for s in (BUY, SELL))


def margin_with(i: Instrument, book: list[Position], mode: int, leverage: int, order: Position) -> Decimal:
    held = positions_margin(i, book, mode, MAINTENANCE, leverage)
    if mode == HEDGING:
        before = positions_margin(i, book, mode, INITIAL, leverage)
        after = positions_margin(i, [*book, order] if order.lots else book, mode, INITIAL, leverage)
        return max(held + after - before, Decimal(0))
    alone = positions_margin(i, [order], mode, INITIAL, leverage)
    opposite = sum((p.lots for p in book if p.side != order.side), Decimal(0))
    if opposite == 0:
        return held + alone
    return max(held, alone) if order.lots > opposite else held


def floating(
    i: Instrument, book: list[Position], bid: Decimal, ask: Decimal, conversions: tuple[Decimal, Decimal]
) -> Decimal:
    """All positions of one account in one instrument; conversions of a profit and of a loss."""
    with localcontext(EXACT):
        total = sum(
            (profit(i, p.side, p.lots, p.open, bid if p.side == BUY else ask) for p in book), Decimal(0)
        )
        return total * conversions[total < 0]
