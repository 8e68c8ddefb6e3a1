"""FIX text and amounts: read exactly, or refused with the field's name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fix.amounts import LOT, VOLUME_MAX, quantity, size, volume
from appliance.fix.wire import Fields, FixError, number, parse, time_ns, timestamp

TEXT = st.text(st.characters(exclude_characters="\x01", exclude_categories=("Cs",)), max_size=20)


@given(st.lists(st.tuples(st.integers(1, 10**9 - 1), TEXT), max_size=20))
def test_fields_come_back_in_their_order(pairs: list[tuple[int, str]]) -> None:
    text = "".join(f"{tag}={value}\x01" for tag, value in pairs)
    assert parse(text).pairs == tuple(pairs)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        fields = parse(text)
        fields.group(268)
        fields.decimal(44)
        fields.ratio(6)
    except FixError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.10001", 110001000), ("00023.2300", 2323000000), (".5", 50000000), ("5.", 500000000), ("-1", -LOT)],
)
def test_numbers_as_fix_writes_them(text: str, value: int) -> None:
    assert number(44, text) == value
    assert Fields([(44, text)]).ratio(44) * LOT == value


@pytest.mark.parametrize("text", ["", ".", "-", "1e5", "1,5", "+1", " 1", "0x1", "1.123456789", "²", "NaN"])
def test_what_is_no_exact_number_is_refused(text: str) -> None:
    with pytest.raises(FixError, match="field 44"):
        number(44, text)


def test_a_group_ends_where_its_count_says() -> None:
    fields = parse("35=W\x01268=2\x01269=0\x01270=1\x01269=1\x01270=2\x01")
    assert [entry.pairs for entry in fields.group(268)] == [
        ((269, "0"), (270, "1")),
        ((269, "1"), (270, "2")),
    ]
    assert parse("35=W\x01268=0\x01").group(268) == []
    assert parse("35=W\x01").group(268) == []
    with pytest.raises(FixError, match="says 3 entries, and there are 2"):
        parse("268=3\x01269=0\x01269=1\x01").group(268)
    with pytest.raises(FixError, match="must be a count"):
        parse("268=x\x01269=0\x01").group(268)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)))
def test_times_to_the_millisecond(when: datetime) -> None:
    ns = int(when.replace(tzinfo=UTC).timestamp() * 1000) * 10**6
    assert time_ns(timestamp(ns)) == ns


def test_times_of_any_precision() -> None:
    whole = time_ns("20240102-03:04:05")
    assert time_ns("20240102-03:04:05.123456789") == whole + 123456789
    assert time_ns("20240102-03:04:05.1") == whole + 100000000
    assert time_ns("20161231-23:59:60") == time_ns("20161231-23:59:59")
    for wrong in ("20240132-03:04:05", "2024-01-02T03:04:05", "", "20240102"):
        with pytest.raises(FixError, match="UTC timestamp"):
            time_ns(wrong)


@given(st.integers(1, VOLUME_MAX), st.integers(1, 10**18))
def test_a_quantity_is_exact_or_refused(lots: int, contract: int) -> None:
    try:
        text = quantity(lots, contract)
    except FixError:
        assert lots * contract % LOT
        return
    assert volume(number(38, text), contract) == lots


def test_quantities_of_currencies_and_ounces() -> None:
    assert quantity(LOT // 100, 100_000 * LOT) == "1000"
    assert quantity(LOT // 100, 100 * LOT) == "1"
    assert volume(1_234_560 * LOT, 100_000 * LOT) == 1234560000
    with pytest.raises(FixError, match="no multiple"):
        volume(1, 100_000 * LOT * 3)
    with pytest.raises(FixError, match="out of range"):
        volume(-LOT, LOT)
    assert size(1, 3 * LOT) == 0
