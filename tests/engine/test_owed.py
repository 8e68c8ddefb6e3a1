"""A close that the server refuses: the client still holds it and is owed it, at the price of that close."""

from appliance.engine import Capacities
from tests.engine.desk import Desk, only, refused, volumes

SECOND = 10**9


def opened(capacities: Capacities | None = None) -> Desk:
    desk = Desk(capacities)
    desk.usual({1: "1", 2: "1"})
    desk.book_all(desk.deal(1, "2"))
    return desk


def close(desk: Desk, deal: int, volume: str, price: str = "1.2", **fields: object) -> list[dict]:
    return desk.deal(deal, volume, side="sell", entry="closing", position=1, price=price, **fields)


def refuse_one(desk: Desk, volume: str = "2", deal: int = 2) -> list[dict]:
    """A close of which login 2's part is refused."""
    said = []
    for booking in only(close(desk, deal, volume), "Booking"):
        said += desk.book(booking, status="refused" if booking["login"] == 2 else "booked")
    return said


def alerts(outputs: list[dict]) -> list[tuple[str, str, int]]:
    return [(alert["kind"], alert["reason"], alert["login"]) for alert in only(outputs, "RiskAlert")]


def test_the_report_and_an_alert_say_what_was_not_closed() -> None:
    desk = opened()
    said = refuse_one(desk)
    report = only(said, "MasterReport")[-1]
    assert (report["status"], report["allocated"], report["house"], report["reason"]) == (
        "done", "1", "1", "not_closed",
    )  # fmt: skip
    assert alerts(said) == [("not_closed", "refused", 2)]
    assert desk.engine.counts()["holdings"] == 1
    desk.no_law_broken()


def test_it_is_tried_again_at_the_price_of_that_close_and_all_ends_at_zero() -> None:
    desk = opened()
    refuse_one(desk)
    desk.quote("lp1", "1.5", "1.6")  # the market has moved on: the client is owed 1.2
    again = desk.clock(SECOND)
    (booking,) = only(again, "Booking")
    assert (booking["login"], booking["volume"], booking["price"]) == (2, "1", "1.2")
    said = desk.book(booking)
    assert alerts(said) == [("closed_late", "not_closed", 2)]
    assert only(said, "MasterReport")[-1]["house"] == "0"
    assert desk.engine.counts()["holdings"] == 0
    refused(close(desk, 3, "1"), "unknown_position")  # exact zeros: the position is gone
    desk.no_law_broken()


def test_nothing_is_traded_at_an_lp_for_it() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, execution="stp", on_refused="unwind")
    (leg,) = only(desk.order(1, "2"), "Leg")
    desk.book_all(desk.execution(leg, "2", "2", "1.1"))
    (leg,) = only(desk.order(2, "2", side="sell", entry="closing", position=1), "Leg")
    first, second = only(desk.execution(leg, "2", "2", "1.2"), "Booking")
    desk.book(first)
    said = desk.book(second, status="refused") + desk.clock(SECOND)
    assert not only(said, "Leg")
    assert only(said, "Booking")[0]["price"] == "1.2"
    desk.book_all(said)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_later_and_later_then_a_person_is_told_once_more() -> None:
    desk = opened(capacities=Capacities(holdings=100))
    refuse_one(desk)
    times = []
    for _ in range(20000):
        if desk.engine.deadline is None:
            break
        outputs = desk.clock(desk.engine.deadline)
        for booking in only(outputs, "Booking"):
            times.append(desk.time // SECOND)
            desk.book(booking, status="refused")
    assert times == [1, 3, 7, 15, 31, 63, 127, 255, 511, 1023]
    assert desk.log[-1]["kind"] == "not_closed" and desk.log[-1]["to"] == "journal"
    # whatever begins again: here its leaving
    desk.member(2, status="left", on_leave="keep")
    desk.member(2, status="left", on_leave="close")
    said = desk.clock(desk.time) + desk.clock(desk.time + SECOND)
    while desk.engine.deadline == desk.time:  # its leaving has its turn too
        said += desk.clock(desk.time)
    (booking,) = only(said, "Booking")
    desk.book(booking)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_a_later_close_of_the_master_does_not_take_what_is_owed() -> None:
    """Half was closed, and refused for 2: it holds 1 and is owed 0.5; the master has 1 left, 0.5 of each."""
    desk = opened()
    refuse_one(desk, "1")
    rest = close(desk, 3, "1", price="1.3")
    assert volumes(rest) == {1: "0.5", 2: "0.5"}
    assert {b["price"] for b in only(rest, "Booking")} == {"1.3"}
    desk.book_all(rest)
    (booking,) = only(desk.clock(SECOND), "Booking")
    assert (booking["login"], booking["volume"], booking["price"]) == (2, "0.5", "1.2")
    desk.book(booking)
    assert desk.engine.counts()["holdings"] == 0
    refused(close(desk, 4, "1"), "unknown_position")
    desk.no_law_broken()


def test_two_refusals_at_two_prices_are_owed_their_average() -> None:
    desk = opened()
    refuse_one(desk, "1", 2)
    for booking in only(close(desk, 3, "0.5", price="1.4"), "Booking"):
        desk.book(booking, status="refused" if booking["login"] == 2 else "booked")
    (booking,) = only(desk.clock(SECOND), "Booking")
    # (0.5 x 1.2 + 0.25 x 1.4) / 0.75, to 1e-8
    assert (booking["volume"], booking["price"]) == ("0.75", "1.26666667")
    desk.book(booking)
    desk.book_all(close(desk, 4, "0.5"))
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_the_houses_own_part_closes_too() -> None:
    """The house has 1 of a block of 3; a close of all is refused for 2; nothing is left in the end."""
    desk = Desk()
    desk.usual({1: "1", 2: "1", 3: "1"})
    desk.member(3, max_volume="0.01")
    desk.book_all(desk.deal(1, "3"))
    refuse_one(desk, "3")
    (booking,) = only(desk.clock(SECOND), "Booking")
    desk.book(booking)
    assert desk.engine.counts()["holdings"] == 0
    refused(close(desk, 3, "1"), "unknown_position")
    desk.no_law_broken()


def test_fifo_is_judged_when_the_open_that_a_close_waits_for_is_answered() -> None:
    """Judged before, a refused open left a debt without a holding: a law broke, and all trading stopped."""
    desk = Desk()
    desk.instrument()
    desk.group()
    desk.account(1, "10000")
    desk.account(2, "10000", trade_flags=256)
    desk.member(1)
    desk.member(2)
    desk.quote("lp1", "1.10000", "1.10010")
    desk.book_all(desk.deal(1, "2"))
    opening = only(desk.deal(2, "2"), "Booking")
    desk.deal(3, "2", side="sell", entry="closing", position=2)
    for booking in opening:
        desk.book(booking, status="refused" if booking["login"] == 2 else "booked")
    desk.no_law_broken()
    assert desk.engine.counts()["halted"] == 0


def test_refusals_that_keep_coming_put_nobody_off() -> None:
    desk = opened()
    refuse_one(desk)
    late = 0
    for half_second in range(6):
        outputs = desk.clock(desk.time + SECOND // 2)
        late += len([b for b in only(outputs, "Booking") if b["login"] == 2])
        refuse = only(close(desk, 10 + half_second, "0.02"), "Booking")
        for booking in refuse:
            desk.book(booking, status="refused" if booking["login"] == 1 else "booked")
    assert late > 0
