"""What LPs answer of a leg: every answer has one outcome, and none of them is the last that is ever heard."""

from itertools import pairwise
from typing import Any

import pytest

from tests.engine.desk import Desk, only, refused, volumes


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


# --- fills that a status answer told ---


def told(**policy: Any) -> tuple[Desk, dict[str, Any]]:
    """Half is filled at 1.1001, says the answer; half works on. Then its own report comes: number 901."""
    desk, leg = working(**({"on_partial": "allocate"} | policy))
    desk.clock(desk.engine.deadline or 0)
    answer(desk, leg, "status", "0.5", volume="0.5", price="1.1001", execution=900)
    refused(desk.execution(leg, "0.5", "0.5", "1.1001", execution=901), "duplicate")
    return desk, leg


def test_a_told_fill_can_be_busted() -> None:
    desk, leg = told()
    outputs = answer(desk, leg, "bust", "0", reference=901, execution=902)
    assert not only(outputs, "Reject") and reasons(outputs) == ["busted"]
    refused(answer(desk, leg, "bust", "0", reference=901, execution=903), "unknown_block")
    (report,) = only(answer(desk, leg, "ended", "0", execution=904), "MasterReport")
    assert report["status"] == "rejected"
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp1"
    assert not only(desk.log, "HouseChange")
    desk.no_law_broken()


def test_a_told_fill_can_be_corrected_and_the_correction_too() -> None:
    """Each correction names the number that the LP gave first."""
    desk, leg = told()
    values = {"cumulative": "0.5", "volume": "0.5", "reference": 901}
    answer(desk, leg, "correct", price="1.1003", execution=902, **values)
    outputs = answer(desk, leg, "correct", price="1.1005", execution=903, **values)
    assert reasons(outputs) == ["corrected"]
    outputs = answer(desk, leg, "ended", "0.5", execution=904)
    assert {booking["price"] for booking in only(outputs, "Booking")} == {"1.1005"}
    outputs = answer(desk, leg, "bust", "0", reference=902, execution=905)
    (change,) = only(outputs, "HouseChange")
    assert (change["volume"], change["price"], change["reason"]) == ("-0.5", "1.1005", "busted")
    desk.no_law_broken()


def test_the_price_of_a_told_fill_is_that_of_its_own_report() -> None:
    """Of two that were told at their average, one is taken back: the children get the price of the other."""
    desk, leg = working(on_partial="allocate")
    desk.clock(desk.engine.deadline or 0)
    answer(desk, leg, "status", "0.6", volume="0.4", price="1.10043333", execution=900)
    desk.execution(leg, "0.4", "0.4", "1.1", execution=901)
    desk.execution(leg, "0.6", "0.2", "1.1013", execution=902)
    answer(desk, leg, "bust", "0.4", reference=902, execution=903)
    outputs = answer(desk, leg, "ended", "0.4", execution=904)
    assert {booking["price"] for booking in only(outputs, "Booking")} == {"1.1"}
    change = only(outputs, "BlockChange")[0]
    assert change["residue"] == 0, "and nothing of the average's rounding stays"


def test_a_report_that_leaves_no_price_for_the_rest_of_what_was_told() -> None:
    desk, leg = working(on_partial="allocate")
    desk.clock(desk.engine.deadline or 0)
    answer(desk, leg, "status", "0.6", volume="0.4", price="1.1001", execution=900)
    outputs = desk.execution(leg, "0.5", "0.5", "1.3", execution=901)
    refused(outputs, "implausible_price")
    assert only(outputs, "LegCancel")


def test_a_told_fill_of_a_block_that_is_gone_can_be_busted() -> None:
    desk, leg = working(on_partial="allocate")
    desk.book_all(answer(desk, leg, "ended", "0", execution=1))
    outputs = answer(desk, leg, "status", "0.5", price="1.1001", execution=2)
    assert only(outputs, "HouseChange")[0]["volume"] == "0.5"
    refused(desk.execution(leg, "0.5", "0.5", "1.1001", execution=3), "duplicate")
    (change,) = only(answer(desk, leg, "bust", "0", reference=3, execution=4), "HouseChange")
    assert (change["volume"], change["exposure"]) == ("-0.5", "0")


def test_corrections_of_a_block_that_is_gone_are_followed() -> None:
    desk, leg = working(on_partial="allocate")
    answer(desk, leg, "ended", "0", execution=1)
    desk.execution(leg, "0.5", "0.5", "1.1001", execution=2)
    values = {"cumulative": "0.5", "volume": "0.5", "reference": 2}
    answer(desk, leg, "correct", price="1.1003", execution=3, **values)
    first, second = only(answer(desk, leg, "correct", price="1.1005", execution=4, **values), "HouseChange")
    assert (first["volume"], first["price"]) == ("-0.5", "1.1003")
    assert (second["volume"], second["price"], second["exposure"]) == ("0.5", "1.1005", "0.5")


def test_what_is_told_late_has_the_price_that_the_average_leaves_for_it() -> None:
    desk, leg = working(on_partial="allocate")
    desk.execution(leg, "0.5", "0.5", "1.1001")
    desk.book_all(answer(desk, leg, "ended", "0.5"))
    outputs = answer(desk, leg, "status", "1", price="1.1003", execution=50)
    (change,) = only(outputs, "HouseChange")
    assert (change["volume"], change["price"], change["reason"]) == ("0.5", "1.1005", "late_fill")
    outputs = answer(desk, leg, "status", "1.1", price="1.3", execution=51)
    refused(outputs, "implausible_price")
    assert not only(outputs, "HouseChange")


# --- less than was reported ---


@pytest.mark.parametrize("kind", ["ended", "status", "rejected"])
@pytest.mark.parametrize("silent", [False, True])
def test_less_than_it_has_reported_ends_the_leg_with_what_it_has_reported(kind: str, silent: bool) -> None:
    """A bust that is lost, or nonsense: a person is told, and neither the block nor the LP waits for ever."""
    desk, leg = working(on_partial="allocate")
    desk.execution(leg, "0.5", "0.5", "1.1001", execution=11)
    if silent:
        desk.clock(desk.engine.deadline or 0)
    outputs = answer(desk, leg, kind, "0.2", execution=12)
    refused(outputs, "wrong_state")
    assert [a["kind"] for a in only(outputs, "RiskAlert")] == ["impossible"]
    assert volumes(outputs) == {1: "0.25", 2: "0.25"}
    refused(answer(desk, leg, kind, "0.2", execution=12), "duplicate")
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp1"
    (change,) = only(answer(desk, leg, "bust", "0", reference=11, execution=13), "HouseChange")
    assert (change["volume"], change["reason"]) == ("-0.5", "busted"), "the bust is the house's when it comes"
    desk.no_law_broken()


def test_less_than_it_has_reported_while_a_fill_is_missing() -> None:
    """Its answer is the last word on what is missing, too."""
    desk, leg = working(on_partial="allocate")
    desk.execution(leg, "0.9", "0.4", "1.1001", execution=11)
    refused(answer(desk, leg, "status", "0.3", execution=12), "wrong_state")
    assert desk.engine.counts()["bookings"] == 2
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp1"


def test_less_than_it_has_reported_but_the_rest_works_on() -> None:
    desk, leg = working(on_partial="allocate")
    desk.execution(leg, "0.5", "0.5", "1.1001", execution=11)
    refused(answer(desk, leg, "status", "0.2", volume="0.8", execution=12), "wrong_state")
    assert volumes(desk.execution(leg, "1", "0.5", "1.1001", execution=13)) == {1: "0.5", 2: "0.5"}


# --- prices ---


def test_a_price_that_only_the_average_hides_is_refused() -> None:
    """0.9 at 1.1001 are known; an average of 1.0 would leave 0.099 for the rest."""
    desk, leg = working(on_partial="allocate")
    desk.execution(leg, "0.9", "0.9", "1.1001")
    desk.clock(desk.engine.deadline or 0)
    outputs = answer(desk, leg, "status", "1", price="1")
    refused(outputs, "implausible_price")
    assert not only(outputs, "Booking") and reasons(outputs)[0] == "implausible_price"
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2", "it has not answered yet"
    assert volumes(desk.execution(leg, "1", "0.1", "1.1001")) == {1: "0.5", 2: "0.5"}


def test_a_status_without_a_price_waits_for_the_fills_own_report() -> None:
    desk, leg = working(on_partial="allocate")
    desk.clock(desk.engine.deadline or 0)
    outputs = answer(desk, leg, "status", "1")
    assert not only(outputs, "Reject") and not only(outputs, "Booking")
    assert volumes(desk.execution(leg, "1", "1", "1.1001")) == {1: "0.5", 2: "0.5"}


@pytest.mark.parametrize("kind", ["status", "correct"])
def test_an_answer_beyond_the_limit_is_taken_and_alarmed(kind: str) -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1", price="1.1001", deviation="0.0001"), "Leg")
    if kind == "status":
        outputs = answer(desk, leg, "status", "1", price="1.2")
    else:
        desk.execution(leg, "0.5", "0.5", "1.1001", execution=11)
        outputs = answer(desk, leg, "correct", "0.5", volume="0.5", price="1.2", reference=11, execution=12)
        outputs += answer(desk, leg, "ended", "0.5")
    assert "price_mismatch" in reasons(outputs)
    assert only(outputs, "Booking")[0]["price"] == "1.2"


# --- time ---


def test_a_silent_lp_is_asked_later_and_later_and_never_given_up() -> None:
    desk, leg = working(leg_timeout=100)
    asked, said = [], []
    for _ in range(14):
        said = desk.clock(desk.engine.deadline or 0)
        assert len(only(said, "LegCancel")) == 1
        asked.append(desk.time // 10**8)
        assert reasons(said) == (["lp_silent"] if len(asked) in (1, 10) else []), (
            "the first and the tenth time"
        )
    waits = [after - before for before, after in pairwise(asked)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512, 512, 512]
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2"
    assert volumes(desk.execution(leg, "1", "1", "1.1001")) == {1: "0.5", 2: "0.5"}


def test_a_bridge_that_returns_is_asked_anew() -> None:
    desk, _ = working(leg_timeout=100)
    for _ in range(12):
        desk.clock(desk.engine.deadline or 0)
    desk.time += 10**9
    assert not only(desk.send("lp2", "Resync", from_sequence=1), "LegCancel")
    assert (desk.engine.deadline or 0) > desk.time, "another LP's bridge"
    desk.send("lp1", "Resync", from_sequence=1)
    assert desk.engine.deadline == desk.time
    assert len(only(desk.clock(desk.time), "LegCancel")) == 1
    assert desk.engine.deadline == desk.time + 2 * 10**8, "and soon again"


def test_a_leg_that_still_works_has_the_policys_time_again_and_one_alarm() -> None:
    desk, leg = working(leg_timeout=5000)
    for number in range(20):
        said = desk.clock(desk.engine.deadline or 0)
        assert desk.time == 5 * 10**9 * (number + 1)
        assert len(only(said, "LegCancel")) == 1
        assert reasons(said) == ([] if number else ["lp_silent"])
        assert answer(desk, leg, "status", volume="1", execution=100 + number) == []


def test_less_than_a_millisecond_is_still_a_limit() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp", on_partial="complete")
    (leg,) = only(desk.order(1, "1", time_limit=1), "Leg")
    desk.time = 400_000
    (second,) = only(answer(desk, leg, "ended"), "Leg")
    assert (leg["time_limit"], second["time_limit"]) == (1, 1), "0 would be none"


# --- numbers ---


def test_a_number_that_comes_again_with_another_fill_is_alarmed() -> None:
    desk, leg = working()
    desk.execution(leg, "1", "1", "1.1001", execution=5)
    desk.quote("lp1", "1.10000", "1.10010")
    (other,) = only(desk.order(2, "1"), "Leg")
    assert other["to"] == "lp1"
    for at, price in ((other, "1.1001"), (leg, "1.1002")):
        outputs = desk.execution(at, "1", "1", price, execution=5)
        refused(outputs, "duplicate")
        assert [(a["kind"], a["reason"]) for a in only(outputs, "RiskAlert")] == [("impossible", "duplicate")]
    outputs = desk.execution(leg, "1", "1", "1.1001", execution=5)
    refused(outputs, "duplicate")
    assert not only(outputs, "RiskAlert"), "the same again is a repeat"
