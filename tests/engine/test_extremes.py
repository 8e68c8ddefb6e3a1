"""Figures at the ends of their ranges: refused with a reason, never a wrap, never a stop of the engine."""

import pytest

from tests.engine.desk import Desk, only, refused, volumes

LARGEST = "92233720368.54775807"  # the largest int64
QUARTER = "23058430092.13693951"


def stp(volume: str, **instrument: object) -> tuple[Desk, dict]:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    desk.instrument(volume_max=LARGEST, **instrument)
    desk.quote("lp1", "1.10000", "1.10010", size="0")  # unknown size: all of it
    (leg,) = only(desk.order(1, volume), "Leg")
    return desk, leg


def market(desk: Desk, price: str) -> None:
    for lp in ("lp1", "lp2"):
        desk.quote(lp, price, price)


@pytest.mark.parametrize("method", ["ratio", "multiplier", "fixed_lots"])
def test_a_position_takes_only_so_much(method: str) -> None:
    desk = Desk()
    desk.usual({1: "1"}, method=method)
    desk.instrument(volume_max=LARGEST)
    desk.book_all(desk.deal(1, "20000000000", position=9))
    refused(desk.deal(2, "5000000000", position=9), "overflow")
    refused(desk.deal(3, "5000000000", position=9, side="sell", entry="closing"), "overflow")
    desk.no_law_broken()


def test_deals_of_the_largest_volume_again_and_again() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    desk.instrument(volume_max=LARGEST)
    for deal in range(1, 8):
        desk.book_all(desk.deal(deal, QUARTER, position=99))
        desk.deal(100 + deal, QUARTER, position=99, side="sell", entry="closing")
    desk.no_law_broken()


def test_children_that_ask_for_more_than_there_can_be() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, method="multiplier", execution="stp")
    desk.instrument(volume_max=LARGEST)
    desk.member(1, "1000000000")
    desk.member(2, "1000000000")
    outputs = desk.order(1, "40")
    assert [report["status"] for report in only(outputs, "MasterReport")] == ["rejected"]
    desk.no_law_broken()


def test_the_largest_price_of_a_fill() -> None:
    desk, leg = stp("1")
    refused(desk.execution(leg, "1", "1", LARGEST), "out_of_range")
    market(desk, QUARTER)
    outputs = desk.execution(leg, "1", "1", QUARTER)
    assert only(outputs, "Booking")
    desk.book_all(outputs)
    desk.no_law_broken()


def test_an_average_whose_residue_does_not_fit_is_rounded_less() -> None:
    desk, leg = stp("1000000", digits=0)
    market(desk, "100.1")
    outputs = desk.execution(leg, "1000000", "1000000", "100.10000049")
    assert [booking["price"] for booking in only(outputs, "Booking")] == ["100.1"]
    desk.no_law_broken()


@pytest.mark.parametrize("field", ["price", "deviation"])
def test_an_orders_largest_prices(field: str) -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    refused(desk.order(1, "1", **{field: LARGEST}), "out_of_range")


def test_the_largest_quote() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    refused(desk.quote("lp1", "1", LARGEST), "out_of_range")


def test_steps_and_minimums_that_leave_nothing() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"})
    desk.instrument(volume_step=LARGEST, volume_min=LARGEST, volume_max=LARGEST)
    assert not volumes(desk.deal(1, "1"))
    desk.no_law_broken()


@pytest.mark.parametrize(
    "message", [b"\xff" * 16, b"\xff" * 7, b"", b"\0" * 8 + b"\xff" * 56, b"\0\0\xff\xff" * 16]
)
def test_what_is_said_of_garbage_is_no_garbage(message: bytes) -> None:
    desk = Desk()
    (said,) = desk._keep(desk.engine.apply(0, desk.bridges["lp1"], message))
    assert (said["msg"], said["reason"], said["ref_sequence"], said["ref_template"]) == (
        "Reject",
        "malformed",
        0,
        0,
    )
