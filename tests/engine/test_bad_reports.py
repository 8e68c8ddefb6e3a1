"""Bad reports of LPs and servers: one outcome each, an alarm, never a wrong child (docs/blocks.md)."""

from typing import Any

import pytest

from appliance.engine import Capacities
from appliance.memory import Role
from tests.engine.desk import Desk, only, refused, volumes

MOST = "92233720368.54775807"


def working() -> tuple[Desk, dict[str, Any]]:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1"), "Leg")
    return desk, leg


def finishes_rightly(desk: Desk, leg: dict[str, Any]) -> None:
    """Whatever came before: a good fill still makes the right children."""
    outputs = desk.execution(leg, "1", "1", "1.1001", execution=1000)
    assert volumes(outputs) == {1: "0.5", 2: "0.5"}
    desk.book_all(outputs)
    counts = desk.engine.counts()
    assert (counts["blocks_done"], counts["blocks_working"]) == (1, 0)
    assert not only(desk.log, "HouseChange")
    desk.no_law_broken()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"block": 99}, "unknown_block"),
        ({"leg": 1}, "unknown_block"),
        ({"leg": 2**32 - 2}, "unknown_block"),
        ({"execution": 0}, "out_of_range"),
        ({"volume": "-1"}, "out_of_range"),
        ({"volume": "0"}, "out_of_range"),
        ({"volume": MOST, "cumulative": MOST}, "out_of_range"),
        ({"cumulative": MOST}, "out_of_range"),
        ({"cumulative": "-1"}, "out_of_range"),
        ({"cumulative": "0.4"}, "out_of_range"),  # less than this fill
        ({"price": "0"}, "out_of_range"),
        ({"price": "-1.1"}, "out_of_range"),
        ({"price": MOST}, "out_of_range"),
        ({"price": "11.001"}, "implausible_price"),
        ({"price": "0.11001"}, "implausible_price"),
        ({"price": "110010"}, "implausible_price"),
        ({"kind": "bust", "reference": 77}, "unknown_block"),
        ({"kind": "correct", "reference": 77}, "unknown_block"),
        ({"kind": "ended", "cumulative": "-0.5"}, "wrong_state"),
        ({"kind": "status", "cumulative": "-0.5"}, "wrong_state"),
        ({"kind": "rejected", "cumulative": MOST}, "wrong_state"),
    ],
)
def test_a_bad_execution(fields: dict[str, Any], reason: str) -> None:
    desk, leg = working()
    usual = {"block": 1, "leg": 0, "execution": 5, "kind": "trade"}
    usual |= {"volume": "0.5", "cumulative": "0.5", "price": "1.1001"}
    outputs = desk.send("lp1", "Execution", **(usual | fields))
    refused(outputs, reason)
    alarms = [a["reason"] for a in only(outputs, "RiskAlert") if a["kind"] == "impossible"]
    assert alarms == [reason]
    assert desk.engine.counts()["impossible"] == 1
    assert not only(outputs, "Booking") and not only(outputs, "HouseChange")
    finishes_rightly(desk, leg)


def test_an_execution_of_another_lps_leg() -> None:
    desk, leg = working()
    outputs = desk.execution(leg | {"to": "lp2"}, "1", "1", "1.1001")
    refused(outputs, "wrong_source")
    assert only(outputs, "RiskAlert")[0]["kind"] == "impossible"
    finishes_rightly(desk, leg)


def test_an_implausible_price_fences_the_lp_until_it_has_answered() -> None:
    desk, leg = working()
    outputs = desk.execution(leg, "1", "1", "11.001")
    assert only(outputs, "LegCancel")[0]["to"] == "lp1"
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2"
    answer = {"kind": "status", "execution": 8}
    outputs = desk.execution(leg, "1", "0", "11.001", **answer)
    assert not only(outputs, "Booking"), "an answer with that price is none"
    outputs = desk.execution(leg, "1", "0", "1.1001", **answer | {"execution": 9})
    assert volumes(outputs) == {1: "0.5", 2: "0.5"}
    desk.quote("lp1", "1.10000", "1.10010")
    assert only(desk.order(3, "1"), "Leg")[0]["to"] == "lp1"


def test_a_fill_worse_than_the_limit_is_alarmed_and_taken() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1", price="1.1001", deviation="0.0001"), "Leg")
    outputs = desk.execution(leg, "1", "1", "1.1003")
    assert only(outputs, "RiskAlert")[0]["reason"] == "price_mismatch"
    assert only(outputs, "Booking")[0]["price"] == "1.1003"


def test_an_overfill_is_the_houses() -> None:
    desk, leg = working()
    outputs = desk.execution(leg, "3", "3", "1.1001")
    assert volumes(outputs) == {1: "0.5", 2: "0.5"}
    (change,) = only(outputs, "HouseChange")
    assert (change["volume"], change["reason"]) == ("2", "overfilled")
    assert desk.engine.counts()["impossible"] == 1


# --- bookings ---


def asked() -> tuple[Desk, list[dict[str, Any]]]:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"})
    return desk, only(desk.deal(1, "1"), "Booking")


@pytest.mark.parametrize("status", ["booked", "refused", "retry", "unknown", "coded"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"block": 99}, "unknown_block"),
        ({"child": 2}, "unknown_block"),
        ({"child": 2**32 - 2}, "unknown_block"),
        ({"login": 2}, "unknown_account"),
        ({"login": 3}, "unknown_account"),
    ],
)
def test_a_booking_never_asked_for(fields: dict[str, Any], reason: str, status: str) -> None:
    desk, (first, second) = asked()
    outputs = desk.book(first, status=status, code=10019, **fields)
    refused(outputs, reason)
    assert [a["kind"] for a in only(outputs, "RiskAlert")] == ["impossible"]
    desk.book(first)
    assert only(desk.book(second), "MasterReport")[0]["allocated"] == "1"
    desk.no_law_broken()


@pytest.mark.parametrize("fields", [{"volume": "0.4"}, {"volume": "-0.5"}, {"price": "1.1002"}])
def test_a_booking_that_is_not_what_was_asked_for_is_unknown(fields: dict[str, Any]) -> None:
    desk, (first, second) = asked()
    outputs = desk.book(first, **fields)
    refused(outputs, "price_mismatch")
    assert only(outputs, "RiskAlert")[0]["kind"] == "impossible"
    assert not only(desk.deal(2, "1"), "Booking"), "the server gets nothing new"
    assert len(only(desk.book(first), "Booking")) == 2, "until it is known"
    assert only(desk.book(second), "MasterReport")[0]["status"] == "done"


def test_another_answer_after_a_final_one_is_impossible() -> None:
    desk, (first, _) = asked()
    desk.book(first)
    for status in ("refused", "retry", "unknown"):
        refused(desk.book(first, status=status), "wrong_state")
    refused(desk.book(first), "duplicate")
    assert desk.engine.counts()["impossible"] == 3


@pytest.mark.parametrize("first_answer", ["booked", "refused"])
def test_an_answer_again_after_the_blocks_end_is_a_repeat(first_answer: str) -> None:
    desk, (first, second) = asked()
    desk.book(first, status=first_answer)
    assert only(desk.book(second), "MasterReport")[0]["status"] == "done"
    before = desk.engine.counts()
    outputs = desk.book(first, status=first_answer) + desk.book(second)
    assert [output["reason"] for output in only(outputs, "Reject")] == ["duplicate"] * 2
    assert not only(outputs, "RiskAlert")
    assert desk.engine.counts()["duplicates"] == before["duplicates"] + 2
    assert desk.engine.counts()["impossible"] == before["impossible"] == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "refused"}, "wrong_state"),
        ({"deal": 77}, "wrong_state"),
        ({"login": 2}, "unknown_account"),
        ({"child": 2}, "unknown_block"),
        ({"block": 2}, "unknown_block"),
    ],
)
def test_another_answer_after_the_blocks_end_is_impossible(fields: dict[str, Any], reason: str) -> None:
    desk, bookings = asked()
    for booking in bookings:
        desk.book(booking)
    outputs = desk.book(bookings[0], **fields)
    refused(outputs, reason)
    assert [alert["kind"] for alert in only(outputs, "RiskAlert")] == ["impossible"]


def test_another_servers_answer_after_the_blocks_end_is_impossible() -> None:
    desk, bookings = asked()
    for booking in bookings:
        desk.book(booking)
    desk.bridges["other"] = desk.engine.open_bridge("other", Role.BROKER)
    desk.names[desk.bridges["other"]] = "other"
    desk.sequences["other"] = 0
    fields = {name: bookings[0][name] for name in ("block", "child", "login", "volume", "price")}
    refused(desk.send("other", "BookingReport", status="booked", deal=1001, **fields), "wrong_source")


def test_the_oldest_answers_are_forgotten() -> None:
    desk = Desk(Capacities(children=2, history=4))
    desk.usual({1: "10000", 2: "10000"})
    old = only(desk.deal(1, "1"), "Booking")
    for booking in old:
        desk.book(booking)
    refused(desk.book(old[0]), "duplicate")
    desk.book_all(desk.deal(2, "1"))
    refused(desk.book(old[0]), "unknown_block")


def test_an_unknown_outcome_is_asked_for_until_it_is_known() -> None:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, booking_timeout=500)
    first, second = only(desk.deal(1, "1"), "Booking")
    desk.book(first, status="unknown")
    desk.book(second)
    asked = []
    while (due := desk.engine.deadline) is not None and len(asked) < 20:
        (query,) = only(desk.clock(due), "BookingQuery")
        assert (query["block"], query["unanswered"]) == (1, 1)
        asked.append(due)
    gaps = [later - sooner for sooner, later in zip([0, *asked], asked, strict=False)]
    assert gaps == [500 * 10**6 << n for n in range(10)], "ten times, each after twice the time"
    assert only(desk.book(first), "MasterReport")[0]["status"] == "done"


def test_a_code_that_nobody_knows_is_an_unknown_outcome() -> None:
    desk, (first, _) = asked()
    desk.book(first, status="coded", code=4711)
    assert not only(desk.deal(2, "1"), "Booking")
    desk.book(first)
    assert desk.engine.counts()["bookings"] == 4


def test_mt4s_codes_are_not_mt5s() -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    refused(desk.send("broker", "ServerTerms", batch=2, platform="mt4"), "out_of_range")
    refused(desk.send("broker", "ServerTerms", batch=0), "out_of_range")
    refused(desk.send("lp1", "ServerTerms", batch=1), "wrong_source")
    desk.send("broker", "ServerTerms", batch=1, platform="mt4")
    (booking,) = only(desk.deal(1, "1"), "Booking")
    outputs = desk.book(booking, status="coded", code=134)  # not enough money
    assert only(outputs, "MasterReport")[0]["house"] == "1"
