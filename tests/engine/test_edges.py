"""Edges that one condition keeps: each was changed by hand once, and no other test had seen it."""

from typing import Any

from appliance.engine import Capacities
from tests.engine.desk import GROUP, USDJPY, Desk, accepted, only, refused

MS = 10**6


def held(volume: str = "1", capacities: Capacities | None = None, **policy: Any) -> Desk:
    """An stp group of two, whose master has bought under ticket 1."""
    desk = Desk(capacities)
    desk.usual({1: "10000", 2: "10000"}, **({"execution": "stp"} | policy))
    (leg,) = only(desk.order(1, volume), "Leg")
    desk.book_all(desk.execution(leg, volume, volume, "1.1001"))
    return desk


def reverse(desk: Desk, order: int, volume: str, **fields: Any) -> list[dict[str, Any]]:
    return desk.order(order, volume, side="sell", entry="reversing", position=1, **fields)


def test_a_close_names_a_position_of_its_own_instrument() -> None:
    desk = held()
    desk.instrument(USDJPY)
    desk.quote("lp1", "99.99", "100.01", instrument=USDJPY)
    close = {"side": "sell", "entry": "closing", "position": 1}
    refused(desk.order(2, "1", instrument=USDJPY, **close), "unknown_position")


def test_a_reversal_of_just_what_is_held_is_a_close() -> None:
    desk = held()
    refused(reverse(desk, 2, "1"), "out_of_range")
    assert only(reverse(desk, 3, "1.01"), "Leg")[0]["volume"] == "1"


def test_nothing_is_reversed_while_part_of_it_is_being_closed() -> None:
    desk = held()
    (leg,) = only(desk.order(2, "0.2", side="sell", entry="closing", position=1), "Leg")
    refused(reverse(desk, 3, "3"), "busy")
    desk.book_all(desk.execution(leg, "0.2", "0.2", "1.1"))
    assert only(reverse(desk, 4, "3"), "Leg")[0]["volume"] == "0.8"


def test_a_reversal_needs_two_blocks_and_keeps_the_second() -> None:
    small = {"children": 64, "holdings": 64}
    desk = held(capacities=Capacities(blocks=1, **small))
    refused(reverse(desk, 2, "3"), "table_full")
    desk = held(capacities=Capacities(blocks=2, **small))
    (leg,) = only(reverse(desk, 2, "3"), "Leg")
    refused(desk.order(3, "0.1"), "table_full")
    said = desk.execution(leg, "1", "1", "1.1")
    assert only(said, "Leg")[0]["volume"] == "2"


def test_a_kill_stops_the_rest_of_a_reversal_too() -> None:
    desk = held()
    (leg,) = only(reverse(desk, 2, "3"), "Leg")
    desk.send("control", "KillSwitch", scope="group", group=GROUP, action="stop")
    said = desk.execution(leg, "1", "1", "1.1")
    assert not only(said, "Leg")
    rest = [report for report in only(said, "MasterReport") if report["status"] == "rejected"]
    assert [(report["volume"], report["reason"]) for report in rest] == [("2", "killed")]


def test_no_leg_leaves_after_the_orders_time_though_no_clock_has_come() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp", on_partial="complete")
    (leg,) = only(desk.order(1, "1", time_limit=100), "Leg")
    desk.time = 99 * MS
    desk.quote("lp2", "1.10000", "1.10010")
    desk.time = 100 * MS
    said = desk.execution(leg, "0.4", "0.4", "1.1001")
    said += desk.execution(leg, "0.4", "0", "0", kind="ended")
    assert not only(said, "Leg")
    assert only(said, "Booking")[0]["volume"] == "0.4"


def test_what_is_unknown_of_the_order_itself_is_still_traded_out() -> None:
    """A leg that the order used speaks of more, with a hole; what is to be traded out is the same."""
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp", on_partial="rollback")
    (leg,) = only(desk.order(1, "1"), "Leg")
    desk.execution(leg, "0.5", "0.5", "1.1001")
    desk.quote("lp1", "0", "0")
    (back,) = only(desk.execution(leg, "0.5", "0", "0", kind="ended"), "Leg")
    assert (back["to"], back["volume"]) == ("lp2", "0.5")
    desk.execution(leg, "0.9", "0.1", "1.1001")
    desk.time += MS
    desk.quote("lp2", "1.1", "1.1001")
    desk.execution(back, "0", "0", "0", kind="rejected", code=10004)  # a requote: it may be asked again
    legs = [out["volume"] for out in desk.log if out["msg"] == "Leg" and out["side"] == "sell"]
    assert legs == ["0.5", "0.5"]


def test_a_leg_is_taken_back_once() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    desk.order(1, "1")
    said = desk.send("broker", "MasterCancel", order=1, group=GROUP)
    said += desk.send("broker", "MasterCancel", order=1, group=GROUP)
    desk.send("control", "KillSwitch", scope="appliance", action="stop")
    said += desk.clock(desk.time)
    assert len(only(said, "LegCancel")) == 1


def test_the_houses_own_part_of_a_close_needs_no_reason() -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    desk.member(1, max_volume="1")
    desk.book_all(desk.deal(1, "4"))
    said = desk.deal(2, "2", side="sell", entry="closing", position=1)
    (report,) = only(said, "MasterReport")
    assert (report["house"], report["reason"]) == ("1.5", "none")


def test_an_orders_time_is_kept_while_its_leg_is_asked_for() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1", time_limit=300), "Leg")
    desk.time = 100 * MS
    desk.execution(leg, "0", "0", "0", kind="rejected", code=10012)
    desk.send("lp1", "Resync", from_sequence=2)
    assert desk.engine.deadline == desk.time
    desk.clock(desk.time)
    assert desk.engine.deadline == 300 * MS


def test_a_block_waits_for_a_fill_that_is_missing_though_all_children_are_booked() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1"), "Leg")
    desk.execution(leg, "0.4", "0.4", "1.1001")
    said = desk.execution(leg, "0.4", "0", "0", kind="ended")
    desk.execution(leg, "0.9", "0.1", "1.1001")
    desk.book_all(said)
    assert desk.engine.counts()["blocks_working"] == 1
    said = desk.execution(leg, "0.9", "0", "1.1001", kind="status")
    assert only(said, "MasterReport")[-1]["status"] == "done"
    assert [change["volume"] for change in only(desk.log, "HouseChange")] == ["0.1", "0.4"]
    desk.no_law_broken()


def test_an_lp_that_fills_too_much_takes_nothing_of_anothers_leg() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    desk.quote("lp1", "1.10000", "1.10010", size="1")
    first, second = only(desk.order(1, "2"), "Leg")
    said = desk.execution(first, "1.5", "1.5", "1.1001")
    assert [change["volume"] for change in only(said, "HouseChange")] == ["0.5"]
    said = desk.execution(second, "1", "1", "1.1001")
    assert not only(said, "HouseChange")
    assert only(said, "Booking")[0]["volume"] == "2"


def test_a_bust_finds_its_fill_through_several_corrections() -> None:
    desk = Desk()
    desk.usual({1: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1"), "Leg")
    desk.execution(leg, "0.5", "0.5", "1.1001", execution=101)
    for number, price in ((102, "1.1002"), (103, "1.1003"), (104, "1.1004")):
        fields = {"kind": "correct", "execution": number, "reference": number - 1}
        accepted(desk.execution(leg, "0.5", "0.5", price, **fields))
    accepted(desk.execution(leg, "0", "0", "0", kind="bust", execution=105, reference=101))
    said = desk.execution(leg, "0", "0", "0", kind="ended")
    assert only(said, "MasterReport")[-1]["status"] == "rejected"
