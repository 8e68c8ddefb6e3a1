"""post_trade: the server has executed the master's deal; the children are booked at its price."""

import pytest

from tests.engine.desk import Desk, only, refused, volumes

V1 = {1: "10000", 2: "7000", 3: "2000"}


def test_v1_largest_remainder() -> None:
    """Source: FXClearing MAM, allocation methods; largest_remainder derived (shared facts, V1)."""
    desk = Desk()
    desk.usual(V1)
    outputs = desk.deal(1, "10")
    assert volumes(outputs) == {1: "5.26", 2: "3.69", 3: "1.05"}
    assert {booking["price"] for booking in only(outputs, "Booking")} == {"1.1001"}


def test_v1_largest_equity() -> None:
    """Source: FXClearing MAM: 5.27 / 3.68 / 1.05."""
    desk = Desk()
    desk.usual(V1, rounding="largest_equity")
    assert volumes(desk.deal(1, "10")) == {1: "5.27", 2: "3.68", 3: "1.05"}


def test_plan_comes_before_any_booking() -> None:
    desk = Desk()
    desk.usual(V1)
    kinds = [output["msg"] for output in desk.deal(1, "10")]
    assert kinds.index("Plan") < kinds.index("PlanMember") < kinds.index("Booking")
    assert kinds[-1] == "MasterReport"


def test_block_is_done_when_every_booking_is_answered() -> None:
    desk = Desk()
    desk.usual(V1)
    said = desk.book_all(desk.deal(1, "10"))
    reports = only(said, "MasterReport")
    assert [(r["status"], r["allocated"], r["house"]) for r in reports] == [("done", "10", "0")]
    assert desk.engine.counts()["blocks_working"] == 0
    desk.no_law_broken()


def test_what_no_client_can_take_is_the_houses() -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    desk.member(1, max_volume="0.5")
    outputs = desk.deal(1, "2")
    (report,) = only(outputs, "MasterReport")
    assert (report["allocated"], report["house"]) == ("0.5", "1.5")
    assert [alert["kind"] for alert in only(outputs, "RiskAlert")] == ["house"]
    desk.no_law_broken()


def test_a_deal_off_step_leaves_the_part_step_to_the_house() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"})
    (report,) = only(desk.deal(1, "0.02500001"), "MasterReport")
    assert (report["allocated"], report["house"]) == ("0.02", "0.00500001")


def test_a_repeated_deal_is_refused_and_does_nothing() -> None:
    desk = Desk()
    desk.usual(V1)
    desk.deal(1, "10")
    refused(desk.deal(1, "10"), "duplicate")
    assert desk.engine.counts()["blocks_opened"] == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"group": 99}, "unknown_group"),
        ({"instrument": 99}, "unknown_instrument"),
        ({"volume": "0"}, "out_of_range"),
        ({"volume": "-1"}, "out_of_range"),
        ({"price": "0"}, "out_of_range"),
        ({"price": "-1.1"}, "out_of_range"),
        ({"deal": 0}, "out_of_range"),
        ({"entry": "closing", "side": "sell", "position": 77}, "unknown_position"),
    ],
)
def test_a_deal_that_cannot_be_allocated_is_refused_and_alarmed(fields: dict, reason: str) -> None:
    desk = Desk()
    desk.usual(V1)
    outputs = desk.send(
        "broker",
        "MasterDeal",
        **({"deal": 1, "group": 7, "instrument": 1, "volume": "1", "price": "1.1"} | fields),
    )
    refused(outputs, reason)
    assert [alert["kind"] for alert in only(outputs, "RiskAlert")] == ["unallocated"]
    assert desk.engine.counts()["blocks_opened"] == 0


def test_percents_must_make_exactly_100() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, method="percent")
    desk.member(1, "60")
    desk.member(2, "39.99999999")
    outputs = desk.deal(1, "3")
    assert only(outputs, "Plan")[0]["reason"] == "percent_sum"
    assert only(outputs, "MasterReport")[-1]["house"] == "3"
    desk.member(2, "40")
    assert volumes(desk.deal(2, "3")) == {1: "1.8", 2: "1.2"}


def test_inactive_members_get_nothing_and_are_explained() -> None:
    desk = Desk()
    desk.usual(V1)
    desk.member(2, status="inactive")
    outputs = desk.deal(1, "12")
    assert volumes(outputs) == {1: "10", 3: "2"}
    rows = {row["login"]: row for row in only(outputs, "PlanMember")}
    assert (rows[2]["volume"], rows[2]["reason"]) == ("0", "inactive")


def test_refused_bookings_go_to_the_house() -> None:
    desk = Desk()
    desk.usual(V1)
    first, second, third = only(desk.deal(1, "10"), "Booking")
    desk.book(first)
    desk.book(second, status="refused")
    said = desk.book(third)
    (report,) = only(said, "MasterReport")
    assert (report["status"], report["allocated"], report["house"]) == ("done", "6.31", "3.69")
    desk.no_law_broken()


def test_an_unknown_outcome_waits_for_a_definite_one_and_is_never_resent() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    said = desk.book(booking, status="unknown")
    assert [output["msg"] for output in said] == ["RiskAlert"]
    assert only(desk.book(booking), "MasterReport")[0]["status"] == "done"


def test_silence_is_an_unknown_outcome() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    said = desk.clock(desk.engine.deadline or 0)
    assert [(alert["kind"], alert["block"]) for alert in only(said, "RiskAlert")] == [("timeout", 1)]
    assert not only(said, "Booking")
    assert only(desk.book(booking), "MasterReport")[0]["status"] == "done"


def test_a_repeated_answer_is_a_duplicate_and_another_answer_is_impossible() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"})
    first, _ = only(desk.deal(1, "1"), "Booking")
    desk.book(first)
    refused(desk.book(first), "duplicate")
    refused(desk.book(first, status="refused"), "wrong_state")
    assert desk.engine.counts()["impossible"] == 1
    desk.no_law_broken()


@pytest.mark.parametrize("change", [{"price": "1.2"}, {"volume": "0.4"}])
def test_booked_at_another_price_or_volume_is_not_taken(change: dict) -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"})
    first, _ = only(desk.deal(1, "1"), "Booking")
    refused(desk.book(first, **change), "price_mismatch")
    assert desk.engine.counts()["blocks_working"] == 1


def test_retry_is_asked_again_with_the_same_key_and_then_counts_as_refused() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    for wait in (10**8, 2 * 10**8, 4 * 10**8):  # each twice as long
        assert not only(desk.book(booking, status="retry"), "Booking")
        assert desk.engine.deadline == desk.time + wait
        assert not only(desk.clock(desk.time + wait - 1), "Booking")
        (again,) = only(desk.clock(desk.time + 1), "Booking")
        assert (again["block"], again["child"], again["volume"]) == (1, 0, "1")
    assert only(desk.book(booking, status="retry"), "MasterReport")[0]["house"] == "1"


def test_absolute_methods_never_book_more_than_was_executed() -> None:
    """Children that ask for 5 lots of a deal of 1 share that one by what they asked for."""
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, method="multiplier")
    desk.member(1, "2")
    desk.member(2, "3")
    outputs = desk.deal(1, "1")
    assert volumes(outputs) == {1: "0.4", 2: "0.6"}
    assert only(outputs, "MasterReport")[0]["house"] == "0"
    desk.no_law_broken()


def test_a_booking_that_is_asked_late_has_a_deadline_too() -> None:
    """A retry, and a close that waited for its ticket, come after the block's first deadline."""
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    desk.deal(2, "1", side="sell", entry="closing", position=1)
    desk.clock(desk.engine.deadline or 0)
    desk.book(booking, status="retry")
    assert only(desk.clock(desk.engine.deadline or 0), "Booking")  # put off for a moment
    said = desk.clock(desk.engine.deadline or 0)
    assert [(alert["kind"], alert["block"]) for alert in only(said, "RiskAlert")] == [("timeout", 1)]
    (closing,) = only(desk.book(booking), "Booking")
    said = desk.clock(desk.engine.deadline or 0)
    assert [(alert["kind"], alert["block"]) for alert in only(said, "RiskAlert")] == [("timeout", 2)]
    desk.book(closing)
    assert desk.engine.counts()["holdings"] == 0


def test_a_deal_in_an_lps_ring_is_refused_there_and_told_to_the_journal() -> None:
    desk = Desk()
    desk.usual(V1)
    outputs = desk.send("lp1", "MasterDeal", deal=1, group=7, instrument=1, volume="1", price="1.1")
    assert [(output["to"], output["msg"]) for output in outputs] == [
        ("lp1", "Reject"),
        ("journal", "RiskAlert"),
    ]
