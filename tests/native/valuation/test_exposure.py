"""Margin of positions and of an order on top, levels, free margin: against the published rules."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from appliance._native import ffi, lib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.native.valuation import kernel, published
from tests.native.valuation.kernel import BIGGEST, NONE, OUT_OF_RANGE, OVERFLOW, answer, natural, units
from tests.native.valuation.published import HEDGING, NETTING, Instrument, Position
from tests.native.valuation.strategies import books, everyday, instruments, leverages, positions, prices

stages = st.sampled_from([0, 1])
modes = st.sampled_from([NETTING, published.EXCHANGE, HEDGING])
NEVER = -(2**63)


@settings(deadline=None)
@given(st.data(), instruments(everyday), modes, stages, leverages)
def test_margin_of_positions(
    data: st.DataObject, i: Instrument, mode: int, stage: int, leverage: int
) -> None:
    book = data.draw(books(mode))
    got = answer(lib.mam_exposure_margin, kernel.definition(i), kernel.exposure(book), mode, stage, leverage)
    wanted = units(published.positions_margin(i, book, mode, stage, leverage), 6)
    assert got == (NONE, wanted) if wanted <= BIGGEST else got[0] == OVERFLOW


def addition(order: Position) -> object:
    return ffi.new(
        "struct mam_addition *", [order.side, units(order.lots), units(order.open), units(order.rate)]
    )


@settings(deadline=None)
@given(st.data(), instruments(everyday), modes, leverages, positions())
def test_margin_with_an_order(
    data: st.DataObject, i: Instrument, mode: int, leverage: int, order: Position
) -> None:
    book = data.draw(books(mode))
    arguments = (kernel.definition(i), kernel.exposure(book), mode, leverage, addition(order))
    got = answer(lib.mam_exposure_margin_with, *arguments)
    wanted = units(published.margin_with(i, book, mode, leverage, order), 6)
    assert got == (NONE, wanted) or (got[0] == OVERFLOW and wanted > BIGGEST // 4)


@dataclass(frozen=True)
class Question:
    """What volume does a buffer leave an account?"""

    instrument: Instrument
    mode: int
    order: Position
    book: list[Position]
    equity: int = 10**11
    other: int = 0
    buffer: int = 1
    leverage: int = 1

    def holds(self, tried: int) -> bool:
        then = Position(self.order.side, natural(tried), self.order.open, self.order.rate)
        with_it = published.margin_with(self.instrument, self.book, self.mode, self.leverage, then)
        margin = kernel.money(self.other) + with_it
        return kernel.money(self.equity) >= natural(self.buffer) * margin and margin <= kernel.money(BIGGEST)

    def check(self) -> None:
        volume = lib.mam_exposure_volume(
            kernel.definition(self.instrument),
            kernel.exposure(self.book),
            self.mode,
            self.leverage,
            addition(self.order),
            self.equity,
            self.other,
            self.buffer,
        )
        order = self.order
        if published.margin(self.instrument, order.side, 0, Decimal(1), order.open, self.leverage) == 0:
            assert volume == BIGGEST
        elif not self.holds(0):
            assert volume == 0
        else:
            held = units(sum((p.lots for p in self.book), Decimal(0)))
            assert self.holds(volume)
            assert volume >= BIGGEST - held or not self.holds(volume + 1)


@settings(deadline=None)
@given(st.data(), instruments(everyday), modes, leverages, positions(), everyday, everyday | st.just(0))
def test_the_volume_keeps_the_buffer_and_one_more_does_not(
    data: st.DataObject, i: Instrument, mode: int, leverage: int, order: Position, equity: int, other: int
) -> None:
    buffer = data.draw(st.sampled_from([10**8, 15 * 10**7, 3 * 10**8, 1, 10**12]))
    Question(i, mode, order, data.draw(books(mode)), equity, other, buffer, leverage).check()


def lots(side: int, volume: str) -> Position:
    return Position(side, Decimal(volume), Decimal(1), Decimal(1))


# Hardly any maintenance margin, so that what is held may be worth more than the widest money.
LIGHT = {"rates": (Decimal(1), Decimal(1)), "maintenance_rates": (natural(1), natural(1))}
WIDE = {
    "with the margin of other instruments over the widest money": Question(
        Instrument(mode=published.CFD, contract=Decimal(100)), NETTING, lots(0, "1"), [], other=10**10
    ),
    "a netting order that reduces, and alone would need more": Question(
        Instrument(mode=published.CFD, contract=Decimal(10**7), **LIGHT),
        NETTING,
        lots(1, "1"),
        [lots(0, "1000"), lots(0, "90000000000")],
    ),
    "a ticket more, of tickets whose initial margin is wider": Question(
        Instrument(mode=published.CFD, contract=Decimal(10**5), **LIGHT),
        HEDGING,
        lots(0, "1"),
        [lots(0, "90000000")],
    ),
    "both sides together over the widest volume": Question(
        Instrument(mode=published.CFD, contract=Decimal(1), hedged=Decimal(1), **LIGHT),
        HEDGING,
        lots(1, "1"),
        [lots(0, "90000000000"), lots(1, "80000000000")],
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_buffer_at_the_ends_of_money_and_volume(name: str) -> None:
    WIDE[name].check()


@settings(deadline=None)
@given(st.lists(positions(), max_size=8), st.randoms())
def test_positions_that_go_leave_nothing(book: list[Position], random: object) -> None:
    exposure = kernel.exposure(book)
    order = list(book)
    random.shuffle(order)  # type: ignore[attr-defined]
    for p in order:
        assert lib.mam_exposure_remove(exposure, p.side, units(p.lots), units(p.open), units(p.rate)) == NONE
    assert bytes(ffi.buffer(exposure)) == bytes(ffi.sizeof("struct mam_exposure"))


def test_what_is_not_there_cannot_go() -> None:
    exposure = kernel.exposure([Position(0, Decimal(1), Decimal("1.1"))])
    before = bytes(ffi.buffer(exposure))
    lot, price = 10**8, 110_000_000
    for wrong in [
        (0, lot + 1, price, 10**8),
        (1, 1, price, 10**8),
        (0, lot, price + 1, 10**8),
        (0, lot, price - 1, 10**8),
        (0, lot, price, 10**8 - 1),
        (2, 1, 1, 1),
        (0, -1, 1, 1),
        (0, 1, -1, 1),
        (0, 1, 1, -1),
    ]:
        assert lib.mam_exposure_remove(exposure, *wrong) == OUT_OF_RANGE
    assert lib.mam_exposure_add(exposure, 0, BIGGEST, 1, 1) == OVERFLOW
    assert bytes(ffi.buffer(exposure)) == before


def test_the_ends_of_the_types() -> None:
    exposure = ffi.new("struct mam_exposure *")
    for side in (0, 1):
        assert lib.mam_exposure_add(exposure, side, BIGGEST, BIGGEST, BIGGEST) == NONE
    widest = Instrument(
        mode=published.CFD_INDEX,
        contract=natural(BIGGEST),
        tick_value=kernel.money(BIGGEST),
        tick_size=natural(1),
        hedged=natural(BIGGEST),
        rates=(natural(BIGGEST), natural(BIGGEST)),
    )
    # both rates together overflow
    got = answer(lib.mam_exposure_margin, kernel.definition(widest), exposure, HEDGING, 0, 1)
    assert got[0] == OVERFLOW
    narrow = Instrument(mode=published.CFD, contract=natural(1), hedged=natural(1))
    got = answer(lib.mam_exposure_margin, kernel.definition(narrow), exposure, HEDGING, 0, 1)
    assert got[0] == OVERFLOW


def test_netting_keeps_one_side() -> None:
    both = kernel.exposure([Position(s, Decimal(1), Decimal(1)) for s in (0, 1)])
    for mode in (NETTING, published.EXCHANGE):
        assert (
            answer(lib.mam_exposure_margin, kernel.definition(Instrument()), both, mode, 0, 100)[0]
            == OUT_OF_RANGE
        )
    assert (
        answer(lib.mam_exposure_margin, kernel.definition(Instrument()), both, 3, 0, 100)[0] == OUT_OF_RANGE
    )


def test_an_opposite_order_under_netting() -> None:
    """Facts: up to the position no more margin; over it the larger of the two."""
    held = [Position(0, Decimal(2), Decimal("1.1"))]
    for lots, wanted in (("1", 2000), ("2", 2000), ("2.5", 2500), ("5", 5000)):
        order = Position(1, Decimal(lots), Decimal("1.1"))
        arguments = (kernel.definition(Instrument()), kernel.exposure(held), NETTING, 100, addition(order))
        assert answer(lib.mam_exposure_margin_with, *arguments) == (NONE, wanted * 10**6)


money = st.integers(-(10**15), 10**15)


@settings(deadline=None)
@given(money, st.integers(1, 10**15), st.integers(0, 10**12), st.booleans())
@example(40 * 10**6, 200 * 10**6, 20 * 10**8, False)
@example(40 * 10**6 + 1, 200 * 10**6, 20 * 10**8, False)
def test_levels(equity: int, margin: int, level: int, by_money: bool) -> None:
    at = lib.mam_level_equity(int(by_money), level, margin, 0)
    if by_money:
        assert (equity <= at) == (kernel.money(equity) <= natural(level))
    else:
        assert (equity <= at) == (equity * 100 * 10**8 <= level * margin)
        assert (equity <= at) == (lib.mam_margin_level(equity, margin) <= level) or (
            equity * 10**10 % margin != 0
        )


def test_an_account_without_margin_reaches_no_level() -> None:
    assert lib.mam_margin_level(5, 0) == BIGGEST
    for mode in (0, 1):
        assert lib.mam_level_equity(mode, 10**12, 0, 0) == NEVER
        assert lib.mam_level_equity(mode, 10**12, 0, 0x80) == -1  # fully hedged and below zero


@settings(deadline=None)
@given(money, money, money)
def test_free_margin(own: int, floating: int, margin: int) -> None:
    wanted = [own, own + floating, own + max(floating, 0), own + min(floating, 0)]
    for mode, before in enumerate(wanted):
        assert answer(lib.mam_free_margin, mode, own, floating, margin) == (NONE, before - margin)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [((4, 0, 0, 0), OUT_OF_RANGE), ((1, BIGGEST, 1, 0), OVERFLOW), ((0, NEVER, 0, 1), OVERFLOW)],
)
def test_free_margin_out_of_range(arguments: tuple[int, ...], reason: int) -> None:
    assert answer(lib.mam_free_margin, *arguments)[0] == reason


@settings(deadline=None)
@given(prices)
def test_level_is_clamped(margin: int) -> None:
    assert lib.mam_margin_level(BIGGEST, 1) == BIGGEST
    assert lib.mam_margin_level(NEVER, 1) == NEVER
    assert lib.mam_margin_level(-margin, margin) == -100 * 10**8
