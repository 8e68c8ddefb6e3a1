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


# --- what cannot be compared ---


def unquoted(margin_buffer: str = "2") -> Desk:
    """3 lots of a pair without a quote: the server says that 6,000 are lost and 3,000 are its margin."""
    desk = Desk()
    desk.instrument()
    desk.instrument(2)
    desk.group(method="equal")
    desk.account(1, margin_call="100", stop_out="50")
    desk.member(1, margin_buffer=margin_buffer)
    position(desk, "3", as_of=5, ticket=77, instrument=2, price_open="150")
    state(desk, "10000", "4000", "3000", as_of=6)
    desk.quote("lp1", "1.10000", "1.10010")
    settled(desk)
    return desk


def test_a_position_without_a_quote_keeps_the_server_s_equity() -> None:
    desk = unquoted()
    assert figures(desk, "floating", "equity", "margin") == (-6000, 4000, 3000)
    assert volumes(desk.deal(1, "1")) == {}


def test_its_first_quote_counts_it_once() -> None:
    desk = unquoted()
    desk.quote("lp1", "147.000", "147.010", instrument=2)
    settled(desk)
    assert figures(desk, "floating", "swept", "equity") == (-6000, -6_000_000_000, 4000)
    desk.quote("lp1", "146.000", "146.010", instrument=2)
    settled(desk)
    assert figures(desk, "equity")[0] < 2000  # it moves from there: 300,000 yen more
    floating = (Decimal(-12000_00) / Decimal("1.4601")).quantize(Decimal("0.01"))
    state(desk, "10000", f"{10000 + floating:f}", "3000", as_of=7)
    settled(desk)
    assert figures(desk, "equity")[0] == 10000 + floating


def test_a_margin_rate_that_nobody_knows_is_worked_out_at_the_first_quote() -> None:
    desk = Desk()
    desk.instrument()
    desk.instrument(2)
    desk.group(method="equal")
    desk.account(1)
    desk.member(1, margin_buffer="2")
    position(desk, "4", as_of=5, price_open="1.1")  # euros of margin; nobody quotes them
    said = settled(desk)
    assert [out["reason"] for out in only(said, "RiskAlert")] == ["no_rate"]
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["reason"] == "no_rate"
    desk.quote("lp1", "1.25000", "1.25010")
    assert alerts(settled(desk)) == [("in_sync", 1)]
    assert figures(desk, "margin") == (Decimal("5000.4"),)
    desk.quote("lp1", "1.30000", "1.30010")
    settled(desk)
    assert figures(desk, "margin") == (Decimal("5000.4"),)  # as of then


def test_a_margin_that_the_server_told_before_we_could_is_counted_once() -> None:
    desk = Desk()
    desk.instrument()
    desk.group(method="equal")
    desk.account(1)
    position(desk, "4", as_of=5, price_open="1.25")
    state(desk, "10000", "10000", "5000", as_of=6)
    assert figures(desk, "margin", "out_of_sync") == (5000, 0)
    desk.quote("lp1", "1.25000", "1.25010")
    settled(desk)
    assert figures(desk, "margin", "equity") == (5000, 10000)


# --- flows, prices, reports ---


@MODES
def test_a_withdrawal_while_the_price_moves_is_no_loss(mode: str) -> None:
    desk = account(mode, drawdown_money="2000", **CLOSE_OUT)
    assert alerts(state(desk, "7000", "6880", "2000", as_of=7)) == [("balance", 1), ("out_of_sync", 1)]
    assert only(settled(desk), "RiskStop") == []


@MODES
def test_a_loss_that_somebody_realised_is_no_withdrawal(mode: str) -> None:
    desk = account(mode, drawdown_money="2000", **CLOSE_OUT)
    state(desk, "7900", "7900", "0", as_of=7)  # closed at a worse price than any that we saw
    assert len(only(settled(desk), "RiskStop")) == 1


def test_a_position_whose_price_the_server_rounded_is_our_booking() -> None:
    desk = account("hedging")
    bookings = desk.deal(2, "2", price="1.100055")
    position(desk, "2", as_of=7, ticket=2001, price_open="1.10006")
    assert figures(desk, "positions", "margin") == (2, 4000)
    desk.book_all(bookings)
    assert figures(desk, "positions", "margin") == (2, 4000)
    position(desk, "2", as_of=8, ticket=2001, price_open="1.10006")
    assert figures(desk, "positions", "margin", "out_of_sync") == (2, 4000, 0)


@MODES
@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("lots", ["2", "0.5"])
def test_figures_before_the_report_of_a_close_count_it_once(mode: str, good: bool, lots: str) -> None:
    desk = account(mode, drawdown_basis="high_water", drawdown_action="close_only", drawdown_money="1100")
    at_price(desk, "1.09500")
    bookings = close(desk, 2, lots, price="1.095")
    part = Decimal(lots)
    balance = 10000 - part * 510
    told = (f"{balance:f}", "8980", f"{2000 - part * 1000:f}")
    assert alerts(state(desk, *told, as_of=7)) == []
    assert figures(desk, "balance", "equity", "margin") == (balance, 8980, 2000 - part * 1000)
    if good:
        desk.book_all(bookings)
    else:
        desk.book(bookings and only(bookings, "Booking")[0], status="refused")
        assert figures(desk, "margin") == (2000,)
        return
    assert only(settled(desk), "RiskStop") == []
    assert figures(desk, "balance", "equity", "margin") == (balance, 8980, 2000 - part * 1000)
    assert alerts(state(desk, *told, as_of=8)) == []
    desk.no_law_broken()


@MODES
def test_figures_without_the_close_at_work_leave_it_at_work(mode: str) -> None:
    desk = account(mode)
    bookings = close(desk, 2, "1")
    assert alerts(state(desk, "10000", "9980", "2000", as_of=7)) == []
    assert figures(desk, "balance", "equity", "margin") == (10000, 9980, 2000)
    desk.book_all(bookings)
    assert figures(desk, "balance", "equity", "margin") == (9990, 9980, 1000)


@MODES
@pytest.mark.parametrize("told_first", [True, False])
def test_a_position_that_a_refusal_says_is_gone_ends_and_the_account_comes_back(
    mode: str, told_first: bool
) -> None:
    desk = account(mode)
    (booking,) = only(close(desk, 2, "2"), "Booking")
    if told_first:
        position(desk, "0", as_of=7)
    said = desk.book(booking, status="coded", code=10036)
    assert [out["login"] for out in only(said, "Resync")] == [1]
    said = position(desk, "0", as_of=8)
    assert alerts(said) == [("out_of_sync", 1)]
    state(desk, "9980", "9980", "0", as_of=8)
    said = desk.clock(desk.time + 2 * 10**9)
    assert not only(said, "Booking")
    assert ("in_sync", 1) in alerts(said)
    assert desk.engine.counts()["holdings"] == 0
    assert figures(desk, "positions", "out_of_sync") == (0, 0)
    assert volumes(desk.deal(3, "1")) == {1: "1"}
    desk.no_law_broken()
