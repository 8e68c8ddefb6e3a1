"""W and X become levels; nonsense empties the book it names, and no other."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fix.config import InstrumentSection, MarketSection
from appliance.fix.market import WITHDRAWN, Book, Level, Market
from appliance.fix.wire import Fields, FixError

EURUSD = InstrumentSection(id=1, symbol="EUR/USD", contract_size="100000")
USDJPY = InstrumentSection(id=2, symbol="USD/JPY", contract_size="100000")
PRICE = 10**8


def market(depth: int = 3) -> Market:
    return Market([EURUSD, USDJPY], MarketSection(depth=depth))


def message(kind: str, entries: list[dict[int, Any]], symbol: str | None = "EUR/USD") -> Fields:
    pairs: list[tuple[int, str]] = [(35, kind), (52, "20240102-03:04:05.678")]
    pairs += [(55, symbol)] if symbol and kind == "W" else []
    pairs += [(268, str(len(entries)))]
    for entry in entries:
        pairs += [(tag, str(value)) for tag, value in entry.items()]
    return Fields(pairs)


def full(*entries: tuple[str, str, str, int]) -> Fields:
    return message("W", [{269: side, 278: i, 270: price, 271: size} for side, i, price, size in entries])


def test_a_snapshot_has_as_many_levels_as_both_sides_have() -> None:
    books = market()
    assert books.take(full(("0", "b", "1.1", 100000), ("1", "a", "1.2", 200000), ("1", "c", "1.3", 1))) == {1}
    book = books.by_id[1]
    assert book.levels() == [Level(110000000, 120000000, PRICE, 2 * PRICE), WITHDRAWN, WITHDRAWN]
    assert book.quoted % 10**9 == 678 * 10**6


def test_the_same_price_twice_in_a_snapshot_is_two_entries() -> None:
    book = market().by_id[1]
    entries = [{269: "0", 270: "1.1", 271: 100000}, {269: "0", 270: "1.1", 271: 300000}]
    book.snapshot(Fields((tag, str(value)) for tag, value in entry.items()) for entry in entries)
    assert [entry.volume for entry in book.sides()[0]] == [PRICE, 3 * PRICE]


def test_increments_add_change_and_delete() -> None:
    books = market()
    books.take(full(("0", "b1", "1.1", 100000), ("1", "a1", "1.2", 100000)))
    books.take(
        message(
            "X",
            [
                {279: "0", 269: "0", 278: "b2", 55: "EUR/USD", 270: "1.15", 271: 50000},
                {279: "1", 269: "1", 278: "a1", 271: 250000},  # no symbol: that of the one before; same price
                {279: "2", 278: "b1"},
            ],
        )
    )
    bids, offers = books.by_id[1].sides()
    assert [(e.price, e.volume) for e in bids] == [(115000000, PRICE // 2)]
    assert [(e.price, e.volume) for e in offers] == [(120000000, 250000000)]


def test_an_entry_takes_the_place_of_the_one_it_refers_to() -> None:
    books = market()
    books.take(full(("0", "b1", "1.1", 100000)))
    change = {279: "1", 269: "0", 278: "b2", 280: "b1", 55: "EUR/USD", 270: "1.12", 271: 70000}
    books.take(message("X", [change]))
    assert [entry.price for entry in books.by_id[1].sides()[0]] == [112000000]


def test_entries_without_id_are_known_by_side_and_price() -> None:
    books = market()
    books.take(message("W", [{269: "0", 270: "1.1", 271: 100000}, {269: "0", 270: "1.0", 271: 100000}]))
    books.take(message("X", [{279: "2", 269: "0", 55: "EUR/USD", 270: "1.10"}]))
    assert [entry.price for entry in books.by_id[1].sides()[0]] == [PRICE]


@pytest.mark.parametrize(
    "entry",
    [
        {279: "7", 269: "0", 278: "x"},
        {279: "0", 269: "0", 278: "x", 270: "abc", 271: 1},
        {279: "0", 269: "0", 278: "x", 270: "-1", 271: 1},
        {279: "0", 269: "0", 278: "x", 270: "0", 271: 1},
        {279: "0", 269: "0", 278: "x", 270: "1", 271: -1},
        {279: "0", 269: "0", 278: "x"},
        {279: "2"},
    ],
)
def test_nonsense_empties_its_book_only(entry: dict[int, Any]) -> None:
    books = market()
    both = [{269: "0", 270: "1.1", 271: 100000}, {269: "1", 270: "1.2", 271: 100000}]
    for symbol in ("EUR/USD", "USD/JPY"):
        books.take(message("W", both, symbol))
    with pytest.raises(FixError):
        books.take(message("X", [entry | {55: "EUR/USD"}]))
    assert books.by_id[1].levels() == [WITHDRAWN] * 3
    assert books.by_id[2].levels()[0] != WITHDRAWN


def test_what_nobody_asked_for_is_refused() -> None:
    with pytest.raises(FixError, match="nobody asked for 'GBP/USD'"):
        market().take(message("W", [], "GBP/USD"))


def test_withdrawals_go_first_and_from_the_deepest() -> None:
    book = Book(EURUSD, 3)
    old = [Level(1, 2, 1, 1), Level(3, 4, 1, 1), Level(5, 6, 1, 1)]
    for at, level in enumerate(old):
        book.told(at, level)
    assert book.untold(True) == [(2, WITHDRAWN), (1, WITHDRAWN), (0, WITHDRAWN)]
    book.snapshot(full(("0", "b", "1.1", 100000), ("1", "a", "1.2", 100000)).group(268))
    assert [at for at, _ in book.untold(True)] == [2, 1, 0]
    assert [at for at, level in book.untold(False)] == [2, 1, 0]


ENTRY = st.fixed_dictionaries(
    {279: st.sampled_from("0125"), 269: st.sampled_from("01J2"), 55: st.sampled_from(["EUR/USD", "USD/JPY"])},
    optional={
        278: st.sampled_from("abcd"),
        280: st.sampled_from("abcd"),
        270: st.sampled_from(["1.1", "1.2", "1.3", "0", "x"]),
        271: st.sampled_from(["100000", "0", "50000", "-1"]),
    },
)


@given(st.lists(st.lists(ENTRY, max_size=4), max_size=20))
def test_what_the_engine_was_told_is_what_stands(batches: list[list[dict[int, str]]]) -> None:
    """However the increments come, and however often the ring was full in between."""
    books = market(2)
    told: dict[tuple[int, int], Level] = {}
    for number, batch in enumerate(batches):
        with contextlib.suppress(FixError):
            books.take(message("X", batch))
        for book in books.by_id.values():
            for at, level in book.untold(True)[: number % 3]:
                book.told(at, level)
                told[book.instrument.id, at] = level
    for book in books.by_id.values():
        for at, level in book.untold(True):
            book.told(at, level)
            told[book.instrument.id, at] = level
        assert [told.get((book.instrument.id, at), WITHDRAWN) for at in range(2)] == book.levels()
        assert all((level.bid > 0) == (level.ask > 0) for level in book.levels())


def test_requests_name_each_symbol_once() -> None:
    requests = market().requests("p")
    assert [dict(r)[262] for r in requests] == ["p-1", "p-2"]
    assert dict(requests[0])[146] == [[(55, "EUR/USD")]]
