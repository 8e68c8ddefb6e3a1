"""What LPs answer of a leg: every answer has one outcome, and none of them is the last that is ever heard."""

from typing import Any

import pytest

from tests.engine.desk import Desk, only, refused, volumes

FOREVER = 10**15


def working(**policy: Any) -> tuple[Desk, dict[str, Any]]:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, execution="stp", **({"on_partial": "complete"} | policy))
    (leg,) = only(desk.order(1, "1"), "Leg")
    return desk, leg


def answer(desk: Desk, leg: dict[str, Any], kind: str, cumulative: str = "0", **fields: Any) -> Any:
    values = {"volume": "0", "price": "0"} | fields
    return desk.execution(leg, cumulative, values.pop("volume"), values.pop("price"), kind=kind, **values)


def reasons(outputs: list[dict[str, Any]]) -> list[str]:
    return [alert["reason"] for alert in only(outputs, "RiskAlert")]


# --- rejections ---


@pytest.mark.parametrize("code", [1, 4, 11, 99, 4711, 9001, 10006, 10018, 2**32 - 2])
def test_a_rejection_with_any_other_code_is_final(code: int) -> None:
    """LPs have codes of their own: rejected is rejected."""
    desk, leg = working()
    outputs = answer(desk, leg, "rejected", code=code)
    assert not only(outputs, "LegCancel") and not only(outputs, "RiskAlert")
    (second,) = only(outputs, "Leg")
    assert (second["to"], second["volume"]) == ("lp2", "1")
    assert desk.execution(second, "1", "1", "1.1001")
    desk.quote("lp1", "1.10000", "1.10010")
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp1", "its LP gets the next order"


@pytest.mark.parametrize("code", [10011, 10012, 10031])
def test_a_rejection_that_says_that_nobody_knows_leaves_the_leg_unknown(code: int) -> None:
    desk, leg = working()
    outputs = answer(desk, leg, "rejected", code=code)
    assert [o["msg"] for o in outputs] == ["LegCancel", "RiskAlert"]
    outputs = answer(desk, leg, "rejected", code=code)
    assert outputs == [], "again: nothing is ordered elsewhere while the LP may still fill it"
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2"
    assert volumes(desk.execution(leg, "1", "1", "1.1001")) == {1: "0.5", 2: "0.5"}


def test_a_time_out_and_then_a_rejection_that_nobody_knows() -> None:
    desk, leg = working()
    desk.clock(desk.engine.deadline or 0)
    assert answer(desk, leg, "rejected", code=10012) == []
    (second,) = only(answer(desk, leg, "rejected", code=10006), "Leg")
    assert (second["to"], second["volume"]) == ("lp2", "1"), "a definite answer ends it"


def test_a_rejection_that_nobody_knows_after_the_legs_end_changes_nothing() -> None:
    desk, leg = working(on_refused="unwind")
    outputs = desk.execution(leg, "1", "1", "1.1001")
    refused(answer(desk, leg, "rejected", "1", code=10012), "duplicate")
    assert only(desk.book_all(outputs), "MasterReport")[-1]["status"] == "done"


@pytest.mark.parametrize(("code", "again"), [(10004, True), (10024, True), (10018, False), (99, False)])
def test_who_is_asked_again_for_the_same_block(code: int, again: bool) -> None:
    """A closed market is not busy: the LP is done with this block."""
    desk, leg = working()
    (second,) = only(answer(desk, leg, "rejected", code=code), "Leg")
    desk.time += 1000
    desk.quote("lp1", "1.10000", "1.10010")
    legs = only(answer(desk, second, "rejected", code=10006), "Leg")
    assert [leg["to"] for leg in legs] == (["lp1"] if again else [])


def test_a_closed_market_refuses_a_booking() -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    outputs = desk.book(booking, status="coded", code=10018)
    assert only(outputs, "MasterReport")[-1]["house"] == "1"
