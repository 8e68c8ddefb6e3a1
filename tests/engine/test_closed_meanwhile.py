"""An opening whose Bookings have no answer yet, a close of it, then a refusal: nothing is closed, traded out
or given to others twice. Found by the randomised exchange."""

from typing import Any

from tests.engine.desk import GROUP, Desk, only


def filled(desk: Desk, outputs: list[dict[str, Any]], price: str = "1.1001") -> list[dict[str, Any]]:
    said = []
    for leg in only(outputs, "Leg"):
        said += desk.execution(leg, leg["volume"], leg["volume"], price)
    return said


def clocks(desk: Desk, time: int) -> list[dict[str, Any]]:
    said = []
    while desk.engine.deadline is not None and desk.engine.deadline <= time:
        said += desk.clock(max(desk.time, desk.engine.deadline))
    return said


def test_what_the_master_has_closed_is_not_given_to_others() -> None:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, on_refused="reallocate")
    first, second = only(desk.deal(1, "2"), "Booking")
    desk.deal(2, "2", side="sell", entry="closing", position=1)
    said = desk.book(second, status="refused") + desk.book(first)
    (booking,) = only(said, "Booking")
    assert (booking["entry"], booking["login"], booking["volume"]) == ("closing", 1, "1")
    desk.book(booking)
    counts = desk.engine.counts()
    assert (counts["holdings"], counts["blocks_working"]) == (0, 0)
    desk.no_law_broken()


def test_what_is_left_of_it_is_given_to_others() -> None:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, on_refused="reallocate")
    first, second = only(desk.deal(1, "2"), "Booking")
    desk.deal(2, "1", side="sell", entry="closing", position=1)
    said = desk.book(second, status="refused") + desk.book(first)
    assert [(b["entry"], b["login"], b["volume"]) for b in only(said, "Booking")] == [
        ("closing", 1, "0.5"),
        ("opening", 1, "0.5"),
    ]
    desk.book_all(said)
    said = desk.book_all(desk.deal(3, "1", side="sell", entry="closing", position=1))
    desk.book_all(said)  # the second ticket
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def closed_while_unanswered(volume: str, **policy: Any) -> tuple[Desk, list[dict[str, Any]], dict[str, Any]]:
    """A lot each of two clients; the second's Booking is refused once the close's leg is out."""
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, execution="stp", **policy)
    first, second = only(filled(desk, desk.order(1, "2")), "Booking")
    (leg,) = only(desk.order(2, volume, side="sell", entry="closing", position=1), "Leg")
    said = desk.book(second, status="refused") + desk.book(first)
    return desk, said, leg


def test_what_the_master_has_closed_is_not_traded_out() -> None:
    desk, said, leg = closed_while_unanswered("2", on_refused="unwind")
    said += clocks(desk, 0)
    said += filled(desk, [leg])
    desk.book_all(said)
    said += clocks(desk, 10**9)
    assert not only(said, "Leg")
    counts = desk.engine.counts()
    assert (counts["holdings"], counts["blocks_working"]) == (0, 0)
    desk.no_law_broken()


def test_what_is_left_of_it_is_traded_out() -> None:
    desk, said, leg = closed_while_unanswered("1", on_refused="unwind")
    said += clocks(desk, 0)
    (back,) = only(said, "Leg")
    assert (back["side"], back["volume"]) == ("sell", "0.5")
    desk.book_all(filled(desk, [leg]))
    closing = desk.order(3, "1", side="sell", entry="closing", position=1)
    (last,) = only(closing, "Leg")
    assert last["volume"] == "0.5"  # what is being traded out is nobody's to close
    filled(desk, [back])
    desk.book_all(filled(desk, [last]))
    counts = desk.engine.counts()
    assert (counts["holdings"], counts["blocks_working"]) == (0, 0)
    desk.no_law_broken()


def test_a_flattening_closes_only_what_a_close_at_work_leaves() -> None:
    desk, _, leg = closed_while_unanswered("1", on_refused="house")
    desk.send("control", "KillSwitch", scope="group", group=GROUP, action="flatten")
    (other,) = only(clocks(desk, 0), "Leg")
    assert other["volume"] == "1"
    desk.book_all(filled(desk, [leg]) + filled(desk, [other]))
    said = clocks(desk, 2 * 10**9)
    assert [a["kind"] for a in only(said, "RiskAlert") if a["kind"] == "flattened"] == ["flattened"]
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()
