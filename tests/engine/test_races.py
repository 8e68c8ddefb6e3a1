"""Bookings of ours and the server's own figures cross on the way: nothing counts twice, nothing is lost."""

from decimal import Decimal

import pytest

from tests.engine.desk import EURUSD, Desk, accepted, only, volumes
from tests.engine.test_accounts import alerts, at_price, settled

TICKET = 1001  # that the server gives the first booking


def account(margin_mode: str, lots: str = "2", **terms: object) -> Desk:
    """10,000 dollars at 1:100; the master has given it a buy at 1.1001, and the server's figures agree."""
    desk = Desk()
    desk.usual({}, method="equal")
    desk.instrument(margin_currency="USD")
    desk.account(1, margin_mode=margin_mode, margin_call="100", stop_out="50")
    desk.member(1, operator_name="ops", **terms)
    desk.clock(10**6)
    settled(desk)
    desk.book_all(desk.deal(1, lots))
    position(desk, lots, as_of=5)
    equity = 10000 - Decimal(lots) * 10
    assert alerts(state(desk, "10000", f"{equity:f}", f"{Decimal(lots) * 1000:f}", as_of=6)) == []
    settled(desk)
    return desk


def position(desk: Desk, lots: str, as_of: int, ticket: int = TICKET, **fields: object) -> list[dict]:
    values = {"login": 1, "position": ticket, "instrument": EURUSD, "side": "buy", "price_open": "1.1001"}
    said = desk.send("broker", "PositionState", **(values | {"volume": lots, "as_of": as_of} | fields))
    accepted(said)
    return said


def state(desk: Desk, balance: str, equity: str, margin: str, as_of: int) -> list[dict]:
    said = desk.send(
        "broker", "AccountState", login=1, balance=balance, equity=equity, margin=margin, as_of=as_of
    )
    accepted(said)
    return said


def close(desk: Desk, deal: int, lots: str, price: str = "1.1") -> list[dict]:
    return desk.deal(deal, lots, side="sell", entry="closing", position=1, price=price)


def figures(desk: Desk, *names: str) -> tuple[Decimal | int, ...]:
    """Money in the account's currency."""
    now = desk.engine.figures(1)
    assert now is not None
    money = ("balance", "floating", "equity", "margin", "free_margin")
    return tuple(Decimal(now[name]) / 10**6 if name in money else now[name] for name in names)


MODES = pytest.mark.parametrize("mode", ["netting", "hedging"])
CLOSE_OUT = {"drawdown_basis": "initial", "drawdown_action": "close_out"}


# --- a close, and the server's figures before its report ---


@MODES
def test_a_position_that_is_told_before_the_report_of_its_close_is_taken_once(mode: str) -> None:
    desk = account(mode)
    bookings = close(desk, 2, "1")
    assert alerts(position(desk, "1", as_of=7)) == []
    desk.book_all(bookings)
    settled(desk)
    assert figures(desk, "positions", "balance", "floating", "margin") == (1, 9990, -10, 1000)
    assert alerts(state(desk, "9990", "9980", "1000", as_of=8)) == []
    desk.no_law_broken()


@MODES
def test_a_refused_close_leaves_the_position(mode: str) -> None:
    desk = account(mode)
    (booking,) = only(close(desk, 2, "1"), "Booking")
    desk.book(booking, status="refused")
    assert figures(desk, "positions", "balance", "margin") == (1, 10000, 2000)
    assert alerts(position(desk, "1", as_of=7)) == [("out_of_sync", 1)]  # no close of ours is at work


# --- the server holds less than our bookings made ---


@MODES
@pytest.mark.parametrize("left", ["0.5", "0"])
def test_a_close_takes_no_more_than_the_server_has(mode: str, left: str) -> None:
    desk = account(mode)
    assert alerts(position(desk, left, as_of=7)) == [("out_of_sync", 1)]
    (member,) = only(desk.deal(9, "1"), "PlanMember")
    assert member["reason"] == "out_of_sync"
    said = close(desk, 2, "2")
    assert volumes(said) == ({1: left} if left != "0" else {})
    assert [out["reason"] for out in only(said, "RiskAlert") if out["kind"] == "not_closed"] == [
        "out_of_sync"
    ]
    assert ("in_sync", 1) in alerts(said)
    said += desk.book_all(said)
    assert only(said, "MasterReport")[-1]["status"] == "done"
    assert desk.engine.counts()["holdings"] == 0
    assert figures(desk, "positions", "margin", "out_of_sync") == (0, 0, 0)
    desk.no_law_broken()


@MODES
def test_a_close_out_takes_no_more_than_the_server_has(mode: str) -> None:
    desk = account(mode, drawdown_money="500", **CLOSE_OUT)
    position(desk, "0.5", as_of=7)
    state(desk, "9985", "9980", "500", as_of=7)
    said = at_price(desk, "1.08500")
    assert volumes(said) == {1: "0.5"}
    desk.book_all(said)
    assert not only(settled(desk), "Booking")
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_what_a_client_adds_to_a_netting_position_is_its_own() -> None:
    desk = account("netting")
    assert alerts(position(desk, "3", as_of=7)) == []
    assert alerts(position(desk, "2", as_of=8)) == []
    assert volumes(close(desk, 2, "2")) == {1: "2"}


# --- the server's figures before the position that explains them ---


@MODES
def test_a_known_position_that_was_in_the_figures_is_counted_once(mode: str) -> None:
    """The client has added six lots; one lot of the master's: 700 of a limit of 1,000 are lost."""
    desk = account(mode, "1", drawdown_money="1000", **CLOSE_OUT)
    at_price(desk, "1.09910")
    state(desk, "10000", "9300", "7000", as_of=7)
    assert figures(desk, "equity") == (9300,)
    position(desk, "7", as_of=7)
    assert only(settled(desk), "RiskStop") == []
    assert figures(desk, "floating", "equity", "margin") == (-700, 9300, 7000)


@MODES
def test_a_part_that_was_closed_in_the_figures_is_not_realised_again(mode: str) -> None:
    desk = account(mode)
    at_price(desk, "1.12000")
    state(desk, "11990", "13980", "1000", as_of=7)
    position(desk, "1", as_of=7)
    assert figures(desk, "balance", "floating", "equity", "margin") == (11990, 1990, 13980, 1000)
    position(desk, "0.5", as_of=8)  # after the figures: it is realised at the mark
    assert figures(desk, "balance", "floating", "equity") == (12985, 995, 13980)


# --- swap ---


@MODES
def test_swap_is_realised_with_the_volume(mode: str) -> None:
    desk = account(mode)
    position(desk, "2", as_of=7, swap="-300")
    state(desk, "10000", "9680", "2000", as_of=7)
    desk.book_all(close(desk, 2, "0.5"))
    assert figures(desk, "balance", "floating", "equity") == (9920, -240, 9680)
    assert alerts(state(desk, "9920", "9680", "1500", as_of=8)) == []  # no withdrawal
    desk.book_all(close(desk, 3, "1.5"))
    assert figures(desk, "balance", "floating", "equity") == (9680, 0, 9680)
    assert alerts(state(desk, "9680", "9680", "0", as_of=9)) == []


def test_swap_of_a_turned_position_is_realised() -> None:
    desk = account("netting")
    position(desk, "2", as_of=7, swap="-300")
    desk.book_all(desk.deal(2, "3", side="sell", price="1.1"))
    assert figures(desk, "balance", "floating", "margin") == (9680, -10, 1000)
    position(desk, "1", as_of=8, ticket=2001, side="sell", price_open="1.1")
    assert figures(desk, "balance", "floating", "positions", "out_of_sync") == (9680, -10, 1, 0)
