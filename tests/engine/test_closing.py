"""Closing divides by what each child holds; a full close leaves exactly zero."""

import pytest

from tests.engine.desk import Desk, only, refused, volumes


def opened(equities: dict[int, str], volume: str) -> Desk:
    desk = Desk()
    desk.usual(equities)
    desk.book_all(desk.deal(1, volume))
    return desk


def close(desk: Desk, deal: int, volume: str) -> list[dict]:
    return desk.deal(deal, volume, side="sell", entry="closing", position=1)


def test_a_full_close_leaves_exact_zeros() -> None:
    desk = opened({1: "10000", 2: "7000", 3: "2000"}, "10")
    outputs = close(desk, 2, "10")
    assert volumes(outputs) == {1: "5.26", 2: "3.69", 3: "1.05"}
    desk.book_all(outputs)
    assert desk.engine.counts()["holdings"] == 0
    refused(close(desk, 3, "1"), "unknown_position")
    desk.no_law_broken()


def test_a_close_divides_by_holdings_not_by_todays_equity() -> None:
    desk = opened({1: "10000", 2: "10000"}, "2")
    desk.send("broker", "AccountState", login=1, balance="90000", equity="90000")
    assert volumes(close(desk, 2, "1")) == {1: "0.5", 2: "0.5"}


def test_partial_closes_add_up_to_a_full_one() -> None:
    desk = opened({1: "3", 2: "2", 3: "2"}, "0.07")
    for deal in range(2, 9):
        desk.book_all(close(desk, deal, "0.01"))
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_an_inactive_member_still_takes_part() -> None:
    desk = opened({1: "1", 2: "1"}, "2")
    desk.member(2, status="inactive")
    assert volumes(close(desk, 2, "2")) == {1: "1", 2: "1"}


def test_a_member_who_left_still_takes_part() -> None:
    desk = opened({1: "1", 2: "1"}, "2")
    desk.member(2, status="left")
    assert volumes(close(desk, 2, "2")) == {1: "1", 2: "1"}


def test_closes_name_the_childs_ticket() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    desk.book(booking, position=4711)
    assert only(close(desk, 2, "1"), "Booking")[0]["position"] == 4711


def test_a_close_waits_for_the_ticket_of_an_open_under_way() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    first = close(desk, 2, "0.4")
    second = close(desk, 3, "0.6")
    assert not only(first + second, "Booking")
    said = desk.book(booking, position=4711)
    assert [(b["block"], b["volume"], b["position"]) for b in only(said, "Booking")] == [
        (2, "0.4", 4711),
        (3, "0.6", 4711),
    ]
    desk.book_all(said)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_a_close_of_a_refused_open_is_the_houses() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    (booking,) = only(desk.deal(1, "1"), "Booking")
    close(desk, 2, "1")
    said = desk.book(booking, status="refused")
    assert not only(said, "Booking")
    assert desk.engine.counts()["blocks_working"] == 0
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_the_house_closes_its_part() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    desk.member(1, max_volume="1")
    desk.book_all(desk.deal(1, "4"))  # 1 to the client, 3 to the house
    outputs = close(desk, 2, "2")
    assert volumes(outputs) == {1: "0.5"}
    assert only(outputs, "MasterReport")[0]["house"] == "1.5"
    desk.book_all(outputs)
    desk.book_all(close(desk, 3, "2"))
    refused(close(desk, 4, "1"), "unknown_position")
    desk.no_law_broken()


def test_a_refused_close_is_carried_by_the_house() -> None:
    desk = opened({1: "1", 2: "1"}, "2")
    first, second = only(close(desk, 2, "2"), "Booking")
    desk.book(first)
    desk.book(second, status="refused")
    assert desk.engine.counts()["holdings"] == 1  # the client still holds it; the house is short as much
    desk.no_law_broken()


def test_the_wrong_side_is_refused() -> None:
    desk = opened({1: "1"}, "1")
    refused(desk.deal(2, "1", side="buy", entry="closing", position=1), "unknown_position")


def stp_close(desk: Desk, order: int, volume: str) -> list[dict]:
    """The group opened by deals (post_trade); from now on its orders go to the LPs."""
    if order == 2:
        desk.group(version=2, execution="stp")
    return desk.order(order, volume, side="sell", entry="closing", position=1)


def test_two_closes_at_work_never_take_the_same_volume() -> None:
    desk = opened({1: "1", 2: "1"}, "2")
    (first,) = only(stp_close(desk, 2, "1.5"), "Leg")
    (second,) = only(stp_close(desk, 3, "2"), "Leg")
    assert second["volume"] == "0.5"
    refused_order = only(stp_close(desk, 4, "1"), "MasterReport")[-1]
    assert (refused_order["status"], refused_order["reason"]) == ("rejected", "holding")
    desk.book_all(desk.execution(second, "0.5", "0.5", "1.1"))
    desk.execution(first, "0", "0", "1.1", kind="rejected")
    (third,) = only(stp_close(desk, 5, "2"), "Leg")
    desk.book_all(desk.execution(third, "1.5", "1.5", "1.1"))
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_an_open_refused_while_its_close_is_executed() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, execution="stp")
    (opening,) = only(desk.order(1, "2"), "Leg")
    first, second = only(desk.execution(opening, "2", "2", "1.1001"), "Booking")
    (leg,) = only(desk.order(2, "2", side="sell", entry="closing", position=1), "Leg")
    desk.book(first, status="refused")
    desk.book(second)
    outputs = desk.execution(leg, "2", "2", "1.1")
    assert volumes(outputs) == {second["login"]: "1"}
    assert only(outputs, "MasterReport")[-1]["house"] == "1"
    desk.book_all(outputs)
    counts = desk.engine.counts()
    assert (counts["holdings"], counts["blocks_working"]) == (0, 0)
    refused(stp_close(desk, 3, "1"), "unknown_position")
    desk.no_law_broken()


def test_a_ticket_made_to_collide_takes_no_others_place() -> None:
    """Groups' tickets are mixed into one key; a vendor can choose a ticket whose key another position has."""
    odd, modulus, ticket = 0x9E3779B97F4A7C15, 2**64, 5
    collides = ((ticket * odd) % modulus ^ 1) * pow(odd, -1, modulus) % modulus
    desk = Desk()
    desk.usual({1: "1"})
    desk.group(group=8)
    desk.send("control", "Member", group=8, login=1, weight="1")
    desk.book_all(desk.deal(1, "1", position=ticket))
    refused(desk.deal(2, "1", group=8, position=collides), "table_full")
    assert volumes(desk.deal(3, "1", position=ticket, side="sell", entry="closing")) == {1: "1"}
    desk.no_law_broken()


@pytest.mark.parametrize(("opens", "closes"), [("buy", "sell"), ("sell", "buy")])
def test_v7_a_trade_of_the_positions_side_raises_it_and_the_other_lowers_it(opens: str, closes: str) -> None:
    """IBKR TWS API, PctChange: a buy raises a long and lowers a short, a sell the other way; -100 %: zero."""
    desk = Desk()
    desk.usual({1: "3000000", 2: "1000000"})
    desk.book_all(desk.deal(1, "4", side=opens))
    assert volumes(desk.deal(2, "4", side=opens, position=1)) == {1: "3", 2: "1"}  # +100 %
    desk.book_all([b for b in desk.log if b["msg"] == "Booking" and b["block"] == 2])
    refused(desk.deal(3, "4", side=opens, entry="closing", position=1), "unknown_position")
    half = desk.deal(4, "4", side=closes, entry="closing", position=1)  # -50 %
    assert volumes(half) == {1: "3", 2: "1"}
    desk.book_all(half)
    rest = desk.deal(5, "4", side=closes, entry="closing", position=1)  # -100 %
    assert volumes(rest) == {1: "3", 2: "1"}
    desk.book_all(rest)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()
