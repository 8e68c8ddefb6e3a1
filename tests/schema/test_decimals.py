from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.schema import decimals

EXPONENTS = st.integers(-18, 0)
MANTISSAS = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("mantissa", "exponent", "text"),
    [
        (0, -8, "0"),
        (110000000, -8, "1.1"),
        (1000000, -8, "0.01"),
        (-300000000, -8, "-3"),
        (1, -8, "0.00000001"),
        (-1, -6, "-0.000001"),
        (7, 0, "7"),
        (-(2**63) + 1, -8, "-92233720368.54775807"),
    ],
)
def test_text_is_the_shortest_exact_one(mantissa: int, exponent: int, text: str) -> None:
    assert decimals.to_text(mantissa, exponent) == text
    assert decimals.from_text(text, exponent) == mantissa


@given(MANTISSAS, EXPONENTS)
def test_round_trip_and_value(mantissa: int, exponent: int) -> None:
    text = decimals.to_text(mantissa, exponent)
    assert decimals.from_text(text, exponent) == mantissa
    assert Decimal(text) == Decimal(mantissa).scaleb(exponent)


@given(MANTISSAS, EXPONENTS, st.integers(0, 20), st.integers(0, 10))
def test_zeros_around_change_nothing(mantissa: int, exponent: int, before: int, after: int) -> None:
    text = decimals.to_text(abs(mantissa), exponent)
    text = "0" * before + text + ("." if "." not in text and after else "") + "0" * after
    assert decimals.from_text(text, exponent) == abs(mantissa)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "1.",
        ".5",
        "+1",
        "1e5",
        " 1",
        "1 ",
        "1,5",
        "--1",
        "0x1",
        "nan",
        "inf",
        "1.0.0",
        "\uff11",
        "1" * 41,
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a decimal"):
        decimals.from_text(text, -8)


def test_nothing_is_rounded() -> None:
    assert decimals.from_text("1.1000000000", -8) == 110000000
    with pytest.raises(ValueError, match="at most 8 decimal places"):
        decimals.from_text("1.000000001", -8)
