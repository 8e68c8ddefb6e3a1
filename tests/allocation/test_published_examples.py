"""Worked examples that others have published; each names its source. Volumes are in lots."""

from decimal import Decimal

import pytest

from tests.allocation import kernel, oracle
from tests.allocation.oracle import Member, Problem

LOT = 10**8


def lots(*texts: str) -> list[int]:
    return [int(Decimal(text) * LOT) for text in texts]


def divide(
    weights: list[int], volume: str, rounding: int = oracle.LARGEST_REMAINDER, step: str = "0.01"
) -> list[int]:
    members = tuple(Member(login, weight, equity=weight) for login, weight in enumerate(weights, 1))
    (size,) = lots(step)
    got = kernel.allocate(Problem(members, lots(volume)[0], size, size, rounding=rounding))
    assert got.reason == 0
    assert sum(got.volumes) == lots(volume)[0]
    return got.volumes


def test_v1_equity_with_the_residue_to_the_largest_equity() -> None:
    """FXClearing MAM, allocation methods: equity 10000 / 7000 / 2000, 10.00 lots."""
    assert divide([10000, 7000, 2000], "10.00", oracle.LARGEST_EQUITY) == lots("5.27", "3.68", "1.05")
    assert divide([10000, 7000, 2000], "10.00") == lots("5.26", "3.69", "1.05")


@pytest.mark.parametrize("rounding", [oracle.LARGEST_REMAINDER, oracle.LARGEST_EQUITY])
def test_v2_balance(rounding: int) -> None:
    """FXClearing MAM, allocation methods: balance 1000 / 5000 / 10000, 5.00 lots (result derived)."""
    assert divide([1000, 5000, 10000], "5.00", rounding) == lots("0.31", "1.56", "3.13")


def test_v3_equal() -> None:
    """IBKR TWS API, financial advisors: 400 units over 4; over 6 four get 67, in ours the lower logins."""
    assert divide([1] * 4, "400", step="1") == lots(*["100"] * 4)
    assert divide([1] * 6, "400", step="1") == lots(*["67"] * 4, *["66"] * 2)


def test_v4_net_liquidation_or_available_equity() -> None:
    """IBKR TWS API, financial advisors: 25000 / 50000 / 100000, 700 units."""
    assert divide([25000, 50000, 100000], "700", step="1") == lots("100", "200", "400")


def test_v5_percent_and_ratio() -> None:
    """IBKR TWS API, financial advisors: 60 % / 40 % and 1 : 2 of 300 units."""
    assert divide([60, 40], "300", step="1") == lots("180", "120")
    assert divide([1, 2], "300", step="1") == lots("100", "200")


def absolute(
    desired: list[str], step: str = "0.01", caps: list[str] | None = None, **policy: int
) -> kernel.Result:
    caps = caps or ["1000000"] * len(desired)
    pairs = zip(lots(*desired), lots(*caps), strict=True)
    members = tuple(Member(login, weight, cap) for login, (weight, cap) in enumerate(pairs, 1))
    (size,) = lots(step)
    return kernel.allocate(Problem(members, 0, size, size, family=oracle.ABSOLUTE, **policy))


def test_v6_fixed_volumes_define_the_block() -> None:
    """IBKR TWS API, financial advisors: fixed 100 and 200 units make an order of 300."""
    got = absolute(["100", "200"], step="1")
    assert (got.volumes, got.planned) == (lots("100", "200"), 300 * LOT)


def test_v7_the_signs_of_a_change_of_position_are_those_of_a_close_by_holdings() -> None:
    """IBKR TWS API, PctChange: -50 % halves every position, -100 % leaves exactly zero."""
    held = lots("4", "2", "1.5")
    reason, half = kernel.divide_close(held, sum(held) // 2, lots("0.01")[0])
    assert (reason, half) == (0, lots("2", "1", "0.75"))
    assert kernel.divide_close(held, sum(held), lots("0.01")[0]) == (0, held)


def test_v8_limits_of_a_copied_volume() -> None:
    """Law Insider, clause "Limits Applied": the same inputs under our rule, which rounds down."""
    got = absolute(["0.324", "0.325", "0.004", "0.005", "0.01", "51"], caps=["50"] * 6)
    assert got.volumes == lots("0.32", "0.32", "0", "0", "0.01", "50")
    assert got.reasons == [0, 0, oracle.BELOW_MINIMUM, oracle.BELOW_MINIMUM, 0, oracle.SHORTFALL]
    raised = absolute(["0.004", "0.005"], below_min=oracle.BELOW_RAISE)
    assert raised.volumes == lots("0.01", "0.01")


def test_v9_multiplier_rounds_down() -> None:
    """Axi Select: 0.01 with multiplier 5.3 is 0.05."""
    assert absolute(["0.053"]).volumes == lots("0.05")


@pytest.mark.parametrize("rounding", range(5))
def test_v12_the_figures_of_the_source_are_wrong(rounding: int) -> None:
    """Boston Technologies MAM: balance 2500 / 6500 / 1000, 1.00 lot. What it prints is not pro rata."""
    volumes = divide([2500, 6500, 1000], "1.00", rounding)
    assert volumes == lots("0.25", "0.65", "0.10")
    assert volumes != lots("0.37", "0.48", "0.15")
