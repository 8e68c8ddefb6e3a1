"""Worked examples that others have published; each names its source."""

from decimal import Decimal

from appliance._native import lib

from tests.native.valuation import kernel
from tests.native.valuation.kernel import NONE, answer
from tests.native.valuation.published import CFD, HEDGING, Instrument, Position

LOT, PERCENT, UNIT = 10**8, 10**8, 10**6


def test_margin_and_stop_out_at_1_to_500() -> None:
    """V10, ITTrendex: balance 2000, 1 lot EURUSD at 1:500: margin 200; stop-out 20 % at a loss of 1960."""
    margin = answer(lib.mam_margin, kernel.definition(Instrument()), 0, 0, LOT, 110_000_000, 500)
    assert margin == (NONE, 200 * UNIT)
    at = lib.mam_level_equity(0, 20 * PERCENT, 200 * UNIT, 0)
    assert at == (2000 - 1960) * UNIT
    assert lib.mam_margin_level(at, 200 * UNIT) == 20 * PERCENT
    # It is a loss of 196 pips.
    loss = answer(
        lib.mam_profit, kernel.definition(Instrument()), 0, LOT, 110_000_000, 110_000_000 - 1_960_000
    )
    assert loss == (NONE, -1960 * UNIT)


def hedged(instrument: Instrument, buy: str, sell: str, leverage: int) -> tuple[int, int]:
    book = [Position(0, Decimal(1), Decimal(buy)), Position(1, Decimal(1), Decimal(sell))]
    return answer(
        lib.mam_exposure_margin, kernel.definition(instrument), kernel.exposure(book), HEDGING, 0, leverage
    )


def test_hedged_margin_of_50_percent() -> None:
    """V11, Grand Capital: buy 1 and sell 1 EURUSD cost the margin of one lot. MT4 writes 50,000 of both legs;
    the same in MT5 is 100,000 of the covered lot."""
    mt4 = Decimal(50_000)
    assert hedged(Instrument(hedged=2 * mt4), "1.1", "1.2", 100) == (NONE, 1000 * UNIT)


def test_hedged_margin_of_a_cfd_is_at_the_mean_price() -> None:
    """V11, Grand Capital: a CFD uses (buy open + sell open) / 2 as its price."""
    cfd = Instrument(mode=CFD, contract=Decimal(100), hedged=Decimal(100))
    assert hedged(cfd, "1900.00", "1910.00", 1) == (NONE, 190_500 * UNIT)


def test_without_hedged_margin_cover_is_free() -> None:
    """MT5 help, margin for retail forex (hedging): covered volume counts if hedged is set."""
    assert hedged(Instrument(), "1.1", "1.2", 100) == (NONE, 0)


def test_the_larger_leg() -> None:
    """MT5 help, same page: with the flag, hedged margin is ignored and the larger leg pays."""
    assert hedged(Instrument(hedged=Decimal(50_000), flags=4), "1.1", "1.2", 100) == (NONE, 1000 * UNIT)
