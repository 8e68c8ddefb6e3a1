"""Floating leverage: marginal tiers, against the same added up in Decimal."""

from decimal import ROUND_CEILING, Decimal, localcontext
from itertools import pairwise

from appliance._native import ffi, lib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.native.valuation import kernel
from tests.native.valuation.kernel import BIGGEST, NONE, OUT_OF_RANGE, OVERFLOW, answer, natural, units
from tests.native.valuation.published import EXACT, HEDGING, NETTING, Instrument, Position
from tests.native.valuation.strategies import everyday, positions

LOT = 10**8
Tier = tuple[int, int, int, int]
# MT5's own shape: up to 10 lots as the leverage says, to 50 twice, above five times the margin.
STEPPED: list[Tier] = [
    (0, 10 * LOT, LOT, LOT),
    (10 * LOT, 50 * LOT, 2 * LOT, LOT),
    (50 * LOT, BIGGEST, 5 * LOT, 3 * LOT),
]


@st.composite
def tier_lists(draw: st.DrawFn) -> list[Tier]:
    edges = sorted(set(draw(st.lists(st.integers(0, 100 * LOT) | st.integers(0, BIGGEST), max_size=8))))
    rates = st.sampled_from([0, LOT, 2 * LOT, 5 * 10**7, 1, BIGGEST])
    return [(low, high, draw(rates), draw(rates)) for low, high in pairwise(edges) if draw(st.booleans())]


def array(tiers: list[Tier]) -> object:
    return ffi.new("struct mam_tier[]", tiers)


amounts = st.one_of(st.integers(0, 200 * LOT), st.integers(0, BIGGEST), st.just(0))


@settings(deadline=None)
@given(tier_lists(), st.sampled_from([0, 1]), amounts, amounts, st.integers(0, 10**15) | st.just(BIGGEST))
@example(STEPPED, 0, 0, 60 * LOT, 60 * 10**6)
@example([(0, BIGGEST, BIGGEST, BIGGEST)], 0, 0, BIGGEST, BIGGEST)
def test_margin(tiers: list[Tier], stage: int, before: int, amount: int, margin: int) -> None:
    assert lib.mam_tiers_check(array(tiers), len(tiers)) == NONE
    got = answer(lib.mam_tiers_margin, array(tiers), len(tiers), stage, before, amount, margin)
    if before + amount > BIGGEST:
        assert got[0] == OVERFLOW
        return
    with localcontext(EXACT):
        inside = [max(0, min(before + amount, t[1]) - max(before, t[0])) for t in tiers]
        weighed = sum(Decimal(part) * natural(t[2 + stage]) for part, t in zip(inside, tiers, strict=True))
        weighed += amount - sum(inside)
        exact = Decimal(margin) * weighed / amount if amount else Decimal(margin)
        wanted = int(exact.to_integral_value(ROUND_CEILING))
    assert got == (NONE, wanted) if wanted <= BIGGEST else got[0] == OVERFLOW


def test_the_steps_are_marginal() -> None:
    """60 lots at 1.00 a lot: 10 x 1 + 40 x 2 + 10 x 5 = 140; an order on top pays only the last."""
    tiers = array(STEPPED)
    assert answer(lib.mam_tiers_margin, tiers, 3, 0, 0, 60 * LOT, 60 * 10**6) == (NONE, 140 * 10**6)
    assert answer(lib.mam_tiers_margin, tiers, 3, 0, 60 * LOT, LOT, 10**6) == (NONE, 5 * 10**6)
    assert answer(lib.mam_tiers_margin, tiers, 3, 1, 0, 60 * LOT, 60 * 10**6) == (NONE, 80 * 10**6)


def test_tiers_out_of_order() -> None:
    good = STEPPED[0]
    for wrong in (
        [good, good],
        [(0, 0, 1, 1)],
        [(-1, 5, 1, 1)],
        [(0, 5, -1, 1)],
        [(0, 5, 1, -1)],
        STEPPED[::-1],
    ):
        assert lib.mam_tiers_check(array(wrong), len(wrong)) == OUT_OF_RANGE
    for bad in ((2, 0, 1, 1), (0, -1, 1, 1), (0, 0, -1, 1), (0, 0, 1, -1)):
        assert answer(lib.mam_tiers_margin, array(STEPPED), 3, *bad)[0] == OUT_OF_RANGE


@settings(deadline=None)
@given(st.lists(positions(), max_size=6), everyday, everyday | st.just(0), st.sampled_from([0, 4]))
def test_volume_that_counts(book: list[Position], contract: int, hedged: int, flags: int) -> None:
    i = kernel.definition(Instrument(contract=natural(contract), hedged=natural(hedged), flags=flags))
    buy, sell = (units(sum((p.lots for p in book if p.side == s), Decimal(0))) for s in (0, 1))
    covered = -(-min(buy, sell) * hedged // contract)
    wanted = max(buy, sell) if flags else abs(buy - sell) + covered
    got = answer(lib.mam_tier_volume, i, kernel.exposure(book), HEDGING)
    assert got == (NONE, wanted) if wanted <= BIGGEST else got[0] == OVERFLOW


def test_value_at_the_open_price() -> None:
    """2 of 3 lots EURUSD opened at 1.1 and 1.4 (mean 1.2): 2 x 100,000 x 1.2 USD, at 0.9 EUR."""
    book = [Position(0, Decimal(2), Decimal("1.1")), Position(0, Decimal(1), Decimal("1.4"))]
    exposure = kernel.exposure(book)
    i = kernel.definition(Instrument())
    side = ffi.addressof(exposure, "side")[0][0]
    assert answer(lib.mam_tier_value, i, ffi.addressof(exposure.side[0]), 2 * LOT, 90_000_000) == (
        NONE,
        216_000 * 10**6,
    )
    assert side.volume == 3 * LOT
    for volume, rate in ((-1, 1), (3 * LOT + 1, 1), (1, -1)):
        assert answer(lib.mam_tier_value, i, ffi.addressof(exposure.side[0]), volume, rate)[0] == OUT_OF_RANGE
    assert answer(lib.mam_tier_volume, i, exposure, NETTING) == (NONE, 3 * LOT)
