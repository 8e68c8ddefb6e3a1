"""The batch over the holders of an instrument: every slot and account, equal to the last unit."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from appliance._native import ffi, lib
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.valuation import kernel, published
from tests.native.valuation.kernel import BIGGEST, NONE, OFF_STEP, OVERFLOW, natural, units
from tests.native.valuation.published import EXACT, Instrument, Position, down
from tests.native.valuation.strategies import everyday, instruments, positions, prices

STEP, POINT = 10**6, 10**3
SCALE = (STEP, POINT, 0, 0)


@dataclass
class Batch:
    """mam_revaluation over lists. The books that are regular must come first."""

    i: Instrument
    books: list[list[Position]]
    currency: list[int]
    conversions: list[Any]  # struct mam_conversions; None: no rate
    accounts: int
    account: list[int]
    keep: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.books)
        self.r = ffi.new("struct mam_revaluation *", {"count": count, "scale": SCALE})
        exposures = self.array("struct mam_exposure", [kernel.exposure(book)[0] for book in self.books])
        volume, notional = ([self.array("int64_t", [0] * count) for _ in range(2)] for _ in range(2))
        scale = ffi.addressof(self.r, "scale")
        regular = True
        for slot in range(count):
            units_of = (ffi.new("int64_t[2]"), ffi.new("int64_t[2]"))
            reason = lib.mam_scale_exposure(scale, exposures + slot, *units_of)
            assert reason in (NONE, OFF_STEP, OVERFLOW)
            regular = regular and reason == NONE
            self.r.regular += regular
            for side in (0, 1):
                volume[side][slot], notional[side][slot] = units_of[0][side], units_of[1][side]
        moves = self.array("struct mam_moves", [{}] * len(self.conversions))
        for n, conversions in enumerate(self.conversions):
            if conversions is not None:
                definition = kernel.definition(self.i)
                assert lib.mam_moves_of(definition, scale, conversions, moves + n) == NONE
        self.r.exposure, self.r.volume, self.r.notional = exposures, volume, notional
        self.r.moves, self.r.currencies = moves, len(self.conversions)
        self.r.account = self.array("uint32_t", self.account)
        self.r.currency = self.array("uint8_t", self.currency)
        self.r.profit = self.array("int64_t", [0] * count)
        self.r.floating = self.array("int64_t", [0] * self.accounts)

    def array(self, kind: str, values: list[Any]) -> Any:
        self.keep.append(ffi.new(f"{kind}[]", values or 1))
        return self.keep[-1]

    def revalue(self, bid: int, ask: int) -> int:
        return int(lib.mam_revalue(self.r, bid, ask))

    def profits(self) -> list[int]:
        return list(self.r.profit[0 : len(self.books)])


@st.composite
def on_grid(draw: st.DrawFn) -> Position:
    lots = Decimal(draw(st.integers(1, 10_000))) / 100
    return Position(draw(st.sampled_from([0, 1])), lots, Decimal(draw(st.integers(1, 300_000))).scaleb(-5))


Steps = list[tuple[int, int]]  # price; the pair quotes profit/account (0) or account/profit (1), spread 1 %
Routes = list[list[Steps]]  # by side, of profit and of loss


def rate_of(steps: Steps, high: int) -> Decimal:
    with localcontext(EXACT):
        rate = Decimal(1)
        for price, inverse in steps:
            sides = [natural(p) for p in (price, price + price // 100)]
            rate *= sorted(1 / p if inverse else p for p in sides)[high]
        return rate


def conversions(routes: Routes) -> Any:
    """The low side for a profit, the high one for a loss."""
    out = ffi.new("struct mam_conversions *")
    for side in (0, 1):
        for loss in (0, 1):
            steps = ((p, p + p // 100, inverse, loss) for p, inverse in routes[side][loss])
            out.of[side][loss] = kernel.conversion(*steps)[0]
    return out


DOLLAR: Routes = [[[], []], [[], []]]
quotes = st.tuples(
    st.integers(1, 300_000).map(lambda n: n * POINT), st.integers(0, 50).map(lambda n: n * POINT)
)
any_quotes = st.tuples(prices, st.integers(0, 10**6))
steps = st.lists(st.tuples(prices, st.sampled_from([0, 1])), max_size=2)
routes_ = st.tuples(*[st.tuples(steps, steps)] * 2)


@settings(deadline=None)
@given(
    instruments(everyday),
    st.lists(st.lists(on_grid(), max_size=4), max_size=6),
    st.lists(st.lists(positions(), max_size=4), max_size=3),
    st.lists(routes_, min_size=1, max_size=4),
    st.lists(quotes | any_quotes, min_size=1, max_size=4),
    st.data(),
)
def test_equal_to_the_last_unit(
    i: Instrument,
    regular: list[list[Position]],
    odd: list[list[Position]],
    routes: list[Routes],
    ticks: list[tuple[int, int]],
    data: st.DataObject,
) -> None:
    books = regular + odd
    currency = [data.draw(st.integers(0, len(routes) - 1)) for _ in books]
    account = data.draw(st.permutations(range(len(books))))
    batch = Batch(i, books, currency, [conversions(r) for r in routes], len(books), account)
    assert batch.r.regular >= len(regular)
    for bid, spread in ticks:
        before = batch.profits()
        kept = batch.revalue(bid, bid + spread)
        unfit = 0
        for slot, book in enumerate(books):
            exact = Decimal(0)
            for side in (0, 1):
                rates = tuple(rate_of(routes[currency[slot]][side][loss], loss) for loss in (0, 1))
                own = [p for p in book if p.side == side]
                exact += down(published.floating(i, own, natural(bid), natural(bid + spread), rates))
            wanted = units(exact, 6)
            if abs(wanted) > BIGGEST or abs(wanted - before[slot]) > BIGGEST:
                unfit += 1
                wanted = before[slot]
            assert batch.r.profit[slot] == wanted
            assert batch.r.floating[account[slot]] == wanted
        assert kept == unfit


def test_both_ways_give_the_same() -> None:
    """The same book as regular slots, and from its sums alone."""
    book = [[Position(n % 2, Decimal(n + 1) / 100, Decimal(100_000 + 7 * n).scaleb(-5))] for n in range(50)]
    euro: Routes = [[[(90_000_001, 1)]] * 2] * 2
    currency = [n % 2 for n in range(50)]
    rates = [conversions(DOLLAR), conversions(euro)]
    one, other = (Batch(Instrument(), book, currency, rates, 50, list(range(50))) for _ in range(2))
    assert one.r.regular == 50
    other.r.regular = 0
    for bid in (100_000 * POINT, 1, 99_999 * POINT, BIGGEST // 10**9 * POINT):
        assert one.revalue(bid, bid + POINT) == other.revalue(bid, bid + POINT) == 0
        assert one.profits() == other.profits()


def test_a_rate_that_has_no_64_bit_form() -> None:
    """Then all is computed from the sums; an account that is flat stays at 0."""
    i, route = Instrument(contract=natural(1)), [(100_001_000, 0), (1, 0)]
    held = [Position(0, Decimal(5000), Decimal("0.00001"))]
    for books in ([[]], [[], held]):
        accounts = list(range(len(books)))
        rates = [conversions([[route, route], [route, route]])]
        batch = Batch(i, books, [0] * len(books), rates, len(books), accounts)
        assert batch.r.regular == len(books)
        assert batch.r.moves[0].of[0][0].divisor == 0
        assert batch.revalue(POINT, POINT) == 0
        assert batch.profits() == [0] * len(books)


def test_no_rate_keeps_the_old_figure() -> None:
    book = [[Position(0, Decimal(1), Decimal(1))]] * 2
    batch = Batch(Instrument(), book, [0, 1], [conversions(DOLLAR), None], 2, [1, 0])
    assert batch.revalue(101_000_000, 101_000_000) == 1
    assert batch.profits() == [1000 * 10**6, 0]
    assert list(batch.r.floating[0:2]) == [0, 1000 * 10**6]


def test_floating_is_over_all_instruments_and_never_wraps() -> None:
    book = [[Position(0, Decimal(1), Decimal(1))]]
    batch = Batch(Instrument(), book, [0], [conversions(DOLLAR)], 1, [0])
    batch.r.floating[0] = 5
    assert batch.revalue(101_000_000, 101_000_000) == 0
    assert batch.r.floating[0] == 1000 * 10**6 + 5
    batch.r.floating[0] = BIGGEST
    assert batch.revalue(102_000_000, 102_000_000) == 1
    assert (batch.r.floating[0], batch.r.profit[0]) == (BIGGEST, 1000 * 10**6)
    assert batch.revalue(100_000_000, 100_000_000) == 0
    assert (batch.r.floating[0], batch.r.profit[0]) == (BIGGEST - 1000 * 10**6, 0)


@settings(deadline=None)
@given(st.lists(on_grid(), max_size=10), quotes, st.integers(0, 3))
def test_distance_to_the_servers_rounding(book: list[Position], quote: tuple[int, int], digits: int) -> None:
    """MT5 rounds each position to the currency's digits: we differ by half a step a position, and our own."""
    bid, ask = natural(quote[0]), natural(quote[0] + quote[1])
    batch = Batch(Instrument(), [book], [0], [conversions(DOLLAR)], 1, [0])
    assert batch.revalue(quote[0], quote[0] + quote[1]) == 0
    step = Decimal(1).scaleb(-digits)
    server = sum(
        published.profit(batch.i, p.side, p.lots, p.open, ask if p.side else bid).quantize(
            step, ROUND_HALF_UP
        )
        for p in book
    )
    assert abs(kernel.money(batch.r.profit[0]) - server) <= len(book) * step / 2 + Decimal("2e-6")


def test_bad_units_are_refused() -> None:
    definition, moves = kernel.definition(Instrument()), ffi.new("struct mam_moves *")
    for units_ in ((0, 1), (1, 0), (-1, 1)):
        scale = ffi.new("struct mam_scale *", [*units_, 0, 0])
        assert lib.mam_moves_of(definition, scale, ffi.NULL, moves) == kernel.OUT_OF_RANGE
        assert not moves.usable
