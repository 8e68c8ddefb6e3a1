"""Profit, margin, loss, conversion, the volume that a limit leaves: against the published formulas."""

from decimal import Decimal, localcontext

import pytest
from appliance._native import ffi, lib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.native.valuation import kernel, published
from tests.native.valuation.kernel import BIGGEST, NONE, OUT_OF_RANGE, OVERFLOW, answer, natural
from tests.native.valuation.published import EXACT, Instrument, down, up
from tests.native.valuation.strategies import everyday, figures, instruments, leverages, prices

sides = st.sampled_from([0, 1])
stages = st.sampled_from([0, 1])
signed = st.one_of(prices, figures, st.integers(-BIGGEST, BIGGEST))


def same(got: tuple[int, int], exact: Decimal) -> None:
    """The figure, or OVERFLOW exactly when it does not fit."""
    wanted = int(exact.scaleb(6, EXACT))
    if abs(wanted) > BIGGEST:
        assert got == (OVERFLOW, 0) or got[0] == OVERFLOW
    else:
        assert got == (NONE, wanted)


@settings(deadline=None)
@given(instruments(), sides, figures, signed, signed)
def test_profit(i: Instrument, side: int, volume: int, opened: int, closed: int) -> None:
    got = answer(lib.mam_profit, kernel.definition(i), side, volume, opened, closed)
    if abs(closed - opened) > BIGGEST:
        assert got[0] == OVERFLOW
        return
    same(got, down(published.profit(i, side, natural(volume), natural(opened), natural(closed))))


@settings(deadline=None)
@given(instruments(), sides, stages, figures, prices | figures, leverages)
def test_margin(i: Instrument, side: int, stage: int, volume: int, price: int, leverage: int) -> None:
    got = answer(lib.mam_margin, kernel.definition(i), side, stage, volume, price, leverage)
    same(got, up(published.margin(i, side, stage, natural(volume), natural(price), leverage)))


@settings(deadline=None)
@given(instruments(), sides, figures, prices, prices)
def test_loss_at_a_stop(i: Instrument, side: int, volume: int, entry: int, stop: int) -> None:
    out = ffi.new("struct mam_per_lot *")
    reason = lib.mam_loss_per_lot(kernel.definition(i), side, entry, stop, out)
    if (entry <= stop) if side == published.BUY else (entry >= stop):
        assert reason == OUT_OF_RANGE
        return
    assert reason == NONE
    loss = -published.profit(i, side, natural(volume), natural(entry), natural(stop))
    same(answer(lib.mam_per_lot_money, out, volume, 1), up(loss))


@settings(deadline=None)
@given(
    st.integers(-BIGGEST, BIGGEST),
    st.lists(st.tuples(figures, figures, sides, sides), max_size=2),
    st.booleans(),
)
def test_conversion(money: int, steps: list[tuple[int, int, int, int]], upwards: bool) -> None:
    ordered = [(min(a, b), max(a, b), inverse, high) for a, b, inverse, high in steps]
    with localcontext(EXACT):
        exact = kernel.money(money)
        for bid, ask, inverse, high in ordered:
            rates = sorted([1 / natural(p) if inverse else natural(p) for p in (bid, ask)])
            exact *= rates[high]
    got = answer(lib.mam_convert_money, money, kernel.conversion(*ordered), upwards)
    same(got, up(exact) if upwards else down(exact))


@settings(deadline=None)
@given(instruments(), prices | figures)
def test_exposure_is_the_loss_of_a_buy_at_price_0(i: Instrument, price: int) -> None:
    per_lot = kernel.per_lot("exposure", kernel.definition(i), price)
    same(
        answer(lib.mam_per_lot_money, per_lot, 10**8, 1),
        up(published.profit(i, published.BUY, Decimal(1), Decimal(0), natural(price))),
    )


@settings(deadline=None)
@given(instruments(everyday), sides, prices, leverages, everyday, everyday | st.just(0), figures, st.data())
def test_volume_for_margin_is_the_largest(
    i: Instrument,
    side: int,
    price: int,
    leverage: int,
    equity: int,
    margin: int,
    buffer: int,
    data: st.DataObject,
) -> None:
    steps = data.draw(st.lists(st.tuples(prices, sides), max_size=2))
    conversion = kernel.conversion(*((p, p, inverse, 1) for p, inverse in steps))
    per_lot = kernel.per_lot("margin", kernel.definition(i), side, 0, price, leverage)
    assert lib.mam_per_lot_convert(per_lot, conversion) == NONE
    volume = lib.mam_volume_for_margin(equity, margin, per_lot, buffer)

    def holds(tried: int) -> bool:
        with localcontext(EXACT):
            needed = published.margin(i, side, 0, natural(tried), natural(price), leverage)
            for p, inverse in steps:
                needed = needed / natural(p) if inverse else needed * natural(p)
            total = kernel.money(margin) + up(needed)
            return kernel.money(equity) >= natural(buffer) * total and up(needed) <= kernel.money(BIGGEST)

    if volume == BIGGEST:
        assert published.margin(i, side, 0, Decimal(1), natural(price), leverage) == 0 or holds(BIGGEST)
        return
    assert volume == 0 or holds(volume)
    assert not holds(volume + 1)


@settings(deadline=None)
@given(instruments(everyday), prices, everyday, everyday | st.just(0), everyday)
def test_volume_for_leverage_is_the_largest(
    i: Instrument, price: int, equity: int, now: int, limit: int
) -> None:
    per_lot = kernel.per_lot("exposure", kernel.definition(i), price)
    volume = lib.mam_volume_for_leverage(equity, now, per_lot, limit)

    def holds(tried: int) -> bool:
        with localcontext(EXACT):
            more = up(published.profit(i, 0, natural(tried), Decimal(0), natural(price)))
            total = kernel.money(now) + more
            return total <= kernel.money(equity) * natural(limit) and more <= kernel.money(BIGGEST)

    if published.profit(i, 0, Decimal(1), Decimal(0), natural(price)) == 0:
        assert volume == BIGGEST
        return
    assert volume == 0 or holds(volume)
    assert volume == BIGGEST or not holds(volume + 1)


@settings(deadline=None)
@given(st.integers(-BIGGEST, 0), figures)
@example(-1, 1)
def test_no_equity_no_volume(equity: int, buffer: int) -> None:
    per_lot = kernel.per_lot("margin", kernel.definition(Instrument()), 0, 0, 110_000_000, 100)
    assert lib.mam_volume_for_margin(equity, 0, per_lot, buffer) == 0
    assert lib.mam_volume_for_margin(equity, 0, per_lot, 0) == BIGGEST  # no buffer, no limit


def test_rate_0_is_no_margin_and_no_check() -> None:
    free = kernel.definition(Instrument(rates=(Decimal(0), Decimal(1))))
    assert answer(lib.mam_margin, free, 0, 0, 10**8, 110_000_000, 100) == (NONE, 0)
    assert answer(lib.mam_margin, free, 1, 0, 10**8, 110_000_000, 100) == (NONE, 1000 * 10**6)
    assert lib.mam_volume_for_margin(0, 1, kernel.per_lot("margin", free, 0, 0, 1, 100), 10**8) == BIGGEST


def test_maintenance_0_is_as_initial() -> None:
    own = Instrument(initial=Decimal(500), rates=(Decimal(2), Decimal(1)))
    for stage in (0, 1):
        assert answer(lib.mam_margin, kernel.definition(own), 0, stage, 10**8, 1, 100) == (NONE, 10 * 10**6)


def bad_instrument(**fields: int) -> object:
    definition = kernel.definition(Instrument())
    for name, value in fields.items():
        setattr(definition, name, value)
    return definition


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"calc_mode": 34}, kernel.NOT_SUPPORTED),
        ({"calc_mode": 255}, kernel.NOT_SUPPORTED),
        ({"contract_size": -1}, OUT_OF_RANGE),
        ({"calc_mode": 1, "tick_size": 0, "tick_value": 1}, OUT_OF_RANGE),
        ({"calc_mode": 1, "tick_value": -1}, OUT_OF_RANGE),
    ],
)
def test_bad_definitions_are_refused(fields: dict[str, int], reason: int) -> None:
    assert answer(lib.mam_profit, bad_instrument(**fields), 0, 10**8, 1, 2) == (reason, 0)


@pytest.mark.parametrize(
    ("fields", "arguments", "reason"),
    [
        ({"calc_mode": 34}, (0, 0, 1, 1, 1), kernel.NOT_SUPPORTED),
        ({"calc_mode": 34, "margin_initial": 1}, (0, 0, 1, 1, 1), kernel.NOT_SUPPORTED),
        ({}, (0, 0, 1, 1, 0), OUT_OF_RANGE),  # leverage
        ({}, (2, 0, 1, 1, 1), OUT_OF_RANGE),  # side
        ({}, (0, 2, 1, 1, 1), OUT_OF_RANGE),  # stage
        ({}, (0, 0, -1, 1, 1), OUT_OF_RANGE),  # volume
        ({"calc_mode": 2}, (0, 0, 1, 0, 1), OUT_OF_RANGE),  # price
        ({"margin_initial": -1}, (0, 0, 1, 1, 1), OUT_OF_RANGE),
        ({"margin_rate_buy": -1}, (0, 0, 1, 1, 1), OUT_OF_RANGE),
        ({"calc_mode": 3, "tick_size": 0}, (0, 0, 1, 1, 1), OUT_OF_RANGE),
    ],
)
def test_bad_margin_questions_are_refused(
    fields: dict[str, int], arguments: tuple[int, ...], reason: int
) -> None:
    assert answer(lib.mam_margin, bad_instrument(**fields), *arguments) == (reason, 0)


def test_bad_quotes_convert_nothing() -> None:
    conversion = ffi.new("struct mam_conversion *")
    assert lib.mam_conversion_step(conversion, 0, 1, 0, 0) == kernel.NO_QUOTE
    assert lib.mam_conversion_step(conversion, 2, 1, 0, 0) == kernel.CROSSED_QUOTE
    assert conversion.steps == 0
    for _ in range(2):
        assert lib.mam_conversion_step(conversion, 1, 1, 0, 0) == NONE
    assert lib.mam_conversion_step(conversion, 1, 1, 0, 0) == OUT_OF_RANGE
