"""Instruments, positions and books, from everyday figures to the ends of their types."""

from decimal import Decimal

from hypothesis import strategies as st

from tests.native.valuation import published
from tests.native.valuation.kernel import BIGGEST, natural
from tests.native.valuation.published import Instrument, Position

figures = st.one_of(
    st.integers(1, 1000).map(lambda n: n * 10**8),
    st.integers(1, 10**6).map(lambda n: n * 10**6),
    st.integers(1, 10**13),
    st.integers(1, 100),
    st.integers(1, BIGGEST),
    st.just(BIGGEST),
)
everyday = st.one_of(
    st.integers(1, 1000).map(lambda n: n * 10**8),
    st.integers(1, 10**4).map(lambda n: n * 10**6),
    st.integers(1, 10**10),
)
prices = st.one_of(st.integers(100_000, 200_000).map(lambda n: n * 1000), st.integers(1, 10**12))
leverages = st.sampled_from([1, 30, 100, 500, 2**32 - 1])
rates = st.sampled_from([10**8, 10**8, 5 * 10**7, 2 * 10**8, 0, 1, 123456789])


def decimals(numbers: st.SearchStrategy[int], places: int = 8) -> st.SearchStrategy[Decimal]:
    return numbers.map(lambda n: natural(n, places))


def pairs(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Decimal, Decimal]]:
    return st.tuples(decimals(numbers), decimals(numbers))


def instruments(sizes: st.SearchStrategy[int] = figures) -> st.SearchStrategy[Instrument]:
    zero = st.just(0)
    return st.builds(
        Instrument,
        mode=st.sampled_from(published.MODES),
        contract=decimals(sizes | zero),
        tick_size=decimals(sizes),
        tick_value=decimals(sizes | zero, 6),
        initial=decimals(zero | sizes, 6),
        maintenance=decimals(zero | sizes, 6),
        hedged=decimals(zero | sizes),
        rates=pairs(rates),
        maintenance_rates=pairs(rates),
        flags=st.sampled_from([0, published.LARGER_LEG]),
    )


def positions(side: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[Position]:
    return st.builds(
        Position,
        side=st.sampled_from([0, 1]) if side is None else side,
        lots=decimals(everyday),
        open=decimals(prices),
        rate=decimals(st.sampled_from([10**8, 110_000_000, 666_667, 15_000_000_000])),
    )


@st.composite
def books(draw: st.DrawFn, mode: int) -> list[Position]:
    if mode == published.HEDGING:
        return draw(st.lists(positions(), max_size=6))
    return draw(st.lists(positions(st.just(draw(st.sampled_from([0, 1])))), max_size=1))
