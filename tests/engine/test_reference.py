"""What a server may change of an instrument while somebody holds it, or works an order on it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.engine import accounts
from tests.engine.accounts import AccountDesk
from tests.engine.desk import EURUSD, Desk, accepted, only, refused, volumes
from tests.engine.test_close_out import bought, desk_of, soon

EURO_GOLD = 5
"""Gold in dollars, held by an account in euro: its profit is converted over EURUSD."""

OTHER_THINGS = {
    "calc_mode": ({"calc_mode": "cfd"}, 4),
    "base_currency": ({"base_currency": "GBP"}, 8),
    "profit_currency": ({"profit_currency": "JPY"}, 9),
    "margin_currency": ({"margin_currency": "EUR"}, 10),
    "contract_size": ({"contract_size": "1000"}, 11),
}


def announce(desk: Desk, **change: object) -> list[dict]:
    values = {"instrument": EURUSD, "symbol": "EURUSD", "base_currency": "EUR", "profit_currency": "USD"}
    values |= {"margin_currency": "USD", "contract_size": "100000", "digits": 5, "trade_mode": "full"}
    values |= {"volume_min": "0.01", "volume_step": "0.01", "volume_max": "500"}
    values |= {"margin_rate_buy": "1", "margin_rate_sell": "1"}
    return desk.send("broker", "Instrument", **(values | change))


def refused_for(said: list[dict], field: int) -> None:
    refused(said, "in_use")
    assert only(said, "Reject")[0]["field_id"] == field


@pytest.mark.parametrize("name", OTHER_THINGS)
def test_it_stays_what_it_is_while_the_house_alone_holds_it(name: str) -> None:
    change, field = OTHER_THINGS[name]
    desk = desk_of(1)
    (booking,) = only(desk.deal(1, "1"), "Booking")
    desk.book(booking, status="refused")
    soon(desk)
    figures = desk.engine.figures(1)
    assert figures is not None and figures["positions"] == 0
    refused_for(announce(desk, **change), field)
    desk.deal(2, "1", side="sell", entry="closing", position=1)
    soon(desk)
    accepted(announce(desk, **change))


@pytest.mark.parametrize("name", OTHER_THINGS)
def test_it_stays_what_it_is_while_lps_execute_an_order(name: str) -> None:
    """Nobody holds any yet: the block alone is of it."""
    change, field = OTHER_THINGS[name]
    desk = desk_of(1, execution="stp")
    said = desk.order(1, "1")
    assert len(only(said, "Leg")) == 1
    refused_for(announce(desk, **change), field)
    accepted(announce(desk, digits=6, tick_size="0.00002", margin_rate_buy="2"))
    (leg,) = only(said, "Leg")
    booked = desk.execution(leg, "1", "1", "1.1001")
    assert volumes(booked) == {1: "1"}
    desk.no_law_broken()


@pytest.mark.parametrize("ends", ["not executed", "in part", "filled"])
@pytest.mark.parametrize("change", ["step", "rounding"])
def test_an_order_at_work_keeps_its_step_and_no_carry_of_it_outlives_the_change(
    change: str, ends: str
) -> None:
    """The next orders are divided as by a desk that never had it: what was owed counted in other steps."""

    def next_orders(desk: Desk) -> list[dict[int, str]]:
        shares = []
        for order in range(2, 6):
            (leg,) = only(desk.order(order, "0.04"), "Leg")
            shares.append(volumes(desk.execution(leg, "0.04", "0.04", "1.1001")))
        return shares

    desks = [desk_of(3, execution="stp"), desk_of(3, execution="stp")]
    for desk in desks:
        desk.group(version=2, method="equal", execution="stp", rounding="carry")
    desk, other = desks
    (leg,) = only(desk.order(1, "0.05"), "Leg")
    for each in desks:
        if change == "step":
            accepted(announce(each, volume_step="0.02", volume_min="0.02"))
        else:
            each.group(version=3, method="equal", execution="stp")
            each.group(version=4, method="equal", execution="stp", rounding="carry")
    filled = {"not executed": "0", "in part": "0.04", "filled": "0.05"}[ends]
    said = desk.execution(leg, filled, filled, "1.1001") if filled != "0" else []
    if filled != "0.05":
        said += desk.execution(leg, filled, "0", "0", kind="ended")
    wanted = {"0": {}, "0.04": {1: "0.02", 2: "0.01", 3: "0.01"}, "0.05": {1: "0.02", 2: "0.02", 3: "0.01"}}
    assert volumes(said) == wanted[filled]
    assert next_orders(desk) == next_orders(other)
    desk.no_law_broken()


@pytest.mark.parametrize(
    "change", [{"digits": 6}, {"volume_step": "0.001"}, {"tick_size": "0.00001"}, {"tick_value": "2"}]
)
def test_terms_that_a_server_may_change_are_told_once(change: dict) -> None:
    desk = desk_of(2)
    bought(desk, "2")
    (alert,) = only(announce(desk, **change), "RiskAlert")
    wanted = {"kind": "terms_changed", "instrument": EURUSD, "measured": "2", "to": "broker"}
    assert {name: alert[name] for name in wanted} == wanted
    assert only(announce(desk, **change), "RiskAlert") == []  # as it was
    assert only(announce(desk, **change, volume_max="9", margin_rate_buy="2"), "RiskAlert") == []


def test_a_finer_step_and_price_are_valued_as_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against Decimal, one by one and in batches: what was held before, and what comes off the old units."""
    desk = AccountDesk()
    for login in desk.bank.accounts:
        desk.position(login, 10 * login, 1, login % 2, Decimal("1.37"), price_open="1.14604")
    desk.agree()
    desk.swept()
    monkeypatch.setitem(accounts.DIGITS, 1, 7)
    desk.announce(desk.bank.markets[1])  # seven digits
    desk.agree()
    desk.swept()
    desk.tick(1, Decimal("1.1460123"), Decimal("1.1460199"))
    desk.agree()
    desk.swept()
    fields = {"symbol": "I1", "base_currency": "EUR", "profit_currency": "USD", "margin_currency": "EUR"}
    fields |= {"contract_size": "100000", "digits": 7, "margin_hedged": "50000", "trade_mode": "full"}
    fields |= {"margin_rate_buy": "1", "margin_rate_sell": "1", "maintenance_rate_buy": "0"}
    fields |= {"volume_min": "0.0001", "volume_step": "0.0001", "volume_max": "500"}
    accepted(desk.send("broker", "Instrument", instrument=1, **fields))
    for login, account in desk.bank.accounts.items():
        if account.mode != accounts.NETTING:
            desk.position(login, 10 * login + 1, 1, 1, Decimal("0.0003"), price_open="1.1460001")
    desk.agree()
    desk.swept()
    for login in desk.bank.accounts:
        desk.position(login, 10 * login, 1, login % 2, Decimal(0))
    desk.agree()


def test_a_future_s_tick_is_worth_something_else_at_once() -> None:
    """An exchange sets it anew each day where it is worth another currency: the server values all anew."""
    desk = AccountDesk()
    market = desk.bank.markets[6]
    for login in desk.bank.accounts:
        desk.position(login, 10 * login, 6, login % 2, Decimal("3"), price_open="79.50")
    for terms in ({"tick_value": Decimal("3.1")}, {"tick_size": Decimal("0.02")}):
        market.terms = replace(market.terms, **terms)
        desk.announce(market)
        desk.agree()
        desk.swept()
        desk.tick(6, Decimal("80.11"), Decimal("80.13"))
        desk.agree()
        desk.swept()


def euro_account() -> Desk:
    """Login 2, in euro, holds gold; login 1 has nothing."""
    desk = desk_of(1)
    fields = {
        "symbol": "XAUUSD",
        "base_currency": "XAU",
        "calc_mode": "cfd",
        "contract_size": "100",
        "digits": 2,
    }
    desk.instrument(EURO_GOLD, profit_currency="USD", margin_currency="USD", **fields)
    desk.quote("lp1", "1300.00", "1300.50", instrument=EURO_GOLD)
    desk.account(2, "1000000", "EUR", margin_call="100", stop_out="50")
    desk.member(2)
    position = {"login": 2, "position": 9, "instrument": EURO_GOLD, "side": "buy", "volume": "1"}
    accepted(desk.send("broker", "PositionState", price_open="1200", as_of=5, **position))
    assert only(soon(desk), "RiskAlert") == []
    return desk


@pytest.mark.parametrize(
    "change", [{"base_currency": "GBP"}, {"calc_mode": "cfd"}, {"profit_currency": "JPY"}]
)
def test_a_pair_that_is_another_thing_converts_nothing_any_more(change: dict) -> None:
    """Nobody holds the pair, but accounts are valued over it: told, kept out, and back with a new rate."""
    desk = euro_account()
    before = desk.engine.figures(2)
    accepted(announce(desk, **change))
    assert [(out["reason"], out["login"]) for out in only(soon(desk), "RiskAlert")] == [("no_rate", 2)]
    plan = {
        row["login"]: row["reason"] for row in only(desk.deal(1, "1", instrument=EURO_GOLD), "PlanMember")
    }
    assert plan == {1: "none", 2: "no_rate"}
    accepted(announce(desk, instrument=77))
    desk.quote("lp2", "1.10000", "1.10010", instrument=77)
    soon(desk)
    assert desk.engine.figures(2) == before


def test_what_was_quoted_of_the_other_thing_is_no_price_of_this_one() -> None:
    desk = desk_of(1)
    accepted(announce(desk, base_currency="GBP"))
    desk.group(version=2, method="equal", execution="stp")
    (report,) = only(desk.order(1, "1"), "MasterReport")
    assert report["reason"] in ("no_quote", "no_liquidity")
    desk.quote("lp1", "1.30000", "1.30010")
    assert len(only(desk.order(2, "1"), "Leg")) == 1


def test_who_has_a_small_minimum_of_its_own_gets_what_others_cannot_take() -> None:
    """Law 9: of those whose share is under the minimum one further on may still fit."""
    desk = Desk()
    desk.instrument()
    desk.group(method="ratio", on_shortfall="redistribute", below_min="skip")
    for login, weight, least in ((1, "80", "0"), (2, "10", "0.95"), (3, "1", "0.50")):
        desk.account(login, "1000000", server_group=login)
        desk.member(login, weight=weight, max_volume="0.10" if login == 1 else "0")
        fields = {"server_group": login, "instrument": EURUSD, "volume_min": least}
        accepted(desk.send("broker", "InstrumentVolumes", volume_step="0", volume_limit="0", **fields))
    assert volumes(desk.deal(1, "1.00")) == {1: "0.1", 3: "0.9"}
    desk.no_law_broken()


def test_refused_volumes_of_a_group_take_no_place_in_the_table() -> None:
    desk = Desk()
    desk.instrument()
    fields = {"instrument": EURUSD, "volume_step": "0", "volume_limit": "0"}
    for group in range(1, 1100):
        values = {"server_group": group, "volume_min": "1000", **fields}
        refused(desk.send("broker", "InstrumentVolumes", **values), "out_of_range")
    accepted(desk.send("broker", "InstrumentVolumes", server_group=2000, volume_min="0.1", **fields))
