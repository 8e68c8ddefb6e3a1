"""The C functions over Decimals in natural units; for tests."""

from decimal import Decimal
from typing import Any

from appliance._native import ffi, lib

from tests.native.valuation.published import EXACT, Instrument, Position

NONE, OUT_OF_RANGE, OVERFLOW, NOT_SUPPORTED, OFF_STEP = 0, 2, 3, 14, 17
NO_QUOTE, CROSSED_QUOTE = 26, 27
BIGGEST = 2**63 - 1


def units(value: Decimal, places: int = 8) -> int:
    scaled = value.scaleb(places, EXACT)
    assert scaled == int(scaled), value
    return int(scaled)


def natural(value: int, places: int = 8) -> Decimal:
    return Decimal(value).scaleb(-places, EXACT)


def money(value: int) -> Decimal:
    return natural(value, 6)


def definition(i: Instrument) -> Any:
    return ffi.new(
        "struct mam_instrument *",
        {
            "calc_mode": i.mode,
            "contract_size": units(i.contract),
            "tick_size": units(i.tick_size),
            "tick_value": units(i.tick_value, 6),
            "margin_initial": units(i.initial, 6),
            "margin_maintenance": units(i.maintenance, 6),
            "margin_hedged": units(i.hedged),
            "margin_rate_buy": units(i.rates[0]),
            "margin_rate_sell": units(i.rates[1]),
            "maintenance_rate_buy": units(i.maintenance_rates[0]),
            "maintenance_rate_sell": units(i.maintenance_rates[1]),
            "margin_flags": i.flags,
        },
    )


def exposure(book: list[Position]) -> Any:
    out = ffi.new("struct mam_exposure *")
    for p in book:
        reason = lib.mam_exposure_add(out, p.side, units(p.lots), units(p.open), units(p.rate))
        assert reason == NONE, reason
    return out


def conversion(*steps: tuple[int, int, int, int]) -> Any:
    """Steps of (bid, ask, inverse, high), in 1e-8."""
    out = ffi.new("struct mam_conversion *")
    for step in steps:
        assert lib.mam_conversion_step(out, *step) == NONE
    return out


def per_lot(kind: str, *arguments: Any) -> Any:
    out = ffi.new("struct mam_per_lot *")
    reason = getattr(lib, f"mam_{kind}_per_lot")(*arguments, out)
    assert reason == NONE, reason
    return out


def answer(function: Any, *arguments: Any) -> tuple[int, int]:
    """(reason, figure) of a function that writes an int64 last."""
    out = ffi.new("int64_t *")
    return function(*arguments, out), out[0]
