"""Pre-trade controls: each refusal with its reason; trading again only by a message that names who."""

from typing import Any

import pytest

from tests.engine.desk import EURUSD, GROUP, USDJPY, Desk, accepted, only, refused

DAY = 86400 * 10**9


def limits(desk: Desk, group: int = GROUP, **fields: Any) -> list[dict[str, Any]]:
    return desk.send("control", "Limits", group=group, **({"operator_name": "alice"} | fields))


def enable(desk: Desk, group: int | None = GROUP) -> None:
    where = {"scope": "appliance"} if group is None else {"scope": "group", "group": group}
    accepted(desk.send("control", "KillSwitch", action="enable", operator_name="bob", **where))


def stp(equities: dict[int, str] | None = None) -> Desk:
    desk = Desk()
    desk.usual(equities or {1: "10000", 2: "10000"}, execution="stp")
    return desk


def state(desk: Desk, login: int, equity: str, balance: str = "10000") -> None:
    """The server's figures: what is not balance is the client's own positions' profit."""
    accepted(desk.send("broker", "AccountState", login=login, balance=balance, equity=equity))


# --- the day's loss ---


def test_daily_loss_of_a_group_stops_openings_until_a_person_enables_them() -> None:
    desk = stp()
    accepted(limits(desk, daily_loss="1000"))
    state(desk, 1, "9500")
    accepted(desk.order(1, "0.1"))
    state(desk, 2, "9500.01")
    accepted(desk.order(2, "0.1"))
    state(desk, 2, "9500")
    outputs = desk.order(3, "0.1")
    refused(outputs, "daily_loss")
    alert = only(outputs, "RiskAlert")[0]
    assert (alert["kind"], alert["reason"], alert["group"]) == ("daily_loss", "daily_loss", GROUP)
    assert (alert["measured"], alert["limit"]) == ("1000", "1000")
    state(desk, 2, "10000")  # recovered, and still stopped; told once
    outputs = desk.order(4, "0.1")
    refused(outputs, "daily_loss")
    assert not only(outputs, "RiskAlert")
    desk.time += 2 * DAY  # nor does a new day enable it
    refused(desk.order(5, "0.1"), "daily_loss")
    refused(desk.send("control", "KillSwitch", scope="group", group=GROUP, action="enable"), "no_operator")
    refused(desk.order(6, "0.1"), "daily_loss")
    enable(desk)
    accepted(desk.order(7, "0.1"))


def test_after_enabling_the_loss_is_counted_anew() -> None:
    desk = stp()
    accepted(limits(desk, daily_loss="1000"))
    state(desk, 1, "9000")
    refused(desk.order(1, "0.1"), "daily_loss")
    enable(desk)
    state(desk, 1, "8000.01")
    accepted(desk.order(2, "0.1"))
    state(desk, 1, "8000")
    refused(desk.order(3, "0.1"), "daily_loss")


def test_daily_loss_never_refuses_a_close() -> None:
    desk = stp()
    legs = only(desk.order(1, "1"), "Leg")
    desk.book_all(desk.execution(legs[0], "1", "1", "1.1001"))
    accepted(limits(desk, daily_loss="100"))
    state(desk, 1, "9000")
    refused(desk.order(2, "0.1"), "daily_loss")
    accepted(desk.order(3, "1", side="sell", entry="closing", position=1))


def test_daily_loss_leaves_deposits_and_withdrawals_out() -> None:
    desk = stp()
    accepted(limits(desk, daily_loss="1000"))
    state(desk, 1, "5000", balance="5000")  # withdrew half
    accepted(desk.order(1, "0.1"))
    state(desk, 1, "10000")  # paid it in again
    state(desk, 1, "9000")
    refused(desk.order(2, "0.1"), "daily_loss")


def test_daily_loss_begins_anew_with_the_day() -> None:
    desk = stp()
    at = 3600 * 10**9  # a day begins at 01:00 UTC
    accepted(limits(desk, group=0, daily_loss="1000", currency="USD", day_begins=at))
    state(desk, 1, "9100")
    accepted(desk.order(1, "0.1"))
    desk.clock(at)
    state(desk, 1, "8200")
    accepted(desk.order(2, "0.1"))  # 900 of the day before, 900 of today
    state(desk, 1, "8100")
    refused(desk.order(3, "0.1"), "daily_loss")


def test_an_accounts_day_begins_with_the_clock_not_with_the_first_order() -> None:
    desk = stp()
    accepted(limits(desk, daily_loss="1000"))
    deadline = desk.engine.deadline
    assert deadline is not None
    desk.clock(deadline)
    while desk.engine.deadline is not None and desk.engine.deadline < DAY:
        desk.clock(desk.engine.deadline)
    assert desk.engine.deadline == DAY
    desk.clock(DAY)
    state(desk, 1, "9000")
    refused(desk.order(1, "0.1"), "daily_loss")


def test_daily_loss_of_the_appliance_stops_every_group() -> None:
    desk = stp()
    accepted(limits(desk, group=0, daily_loss="1000", currency="USD"))
    state(desk, 1, "9000")
    outputs = desk.order(1, "0.1")
    refused(outputs, "daily_loss")
    assert only(outputs, "RiskAlert")[0]["group"] == 0
    enable(desk)  # the group's own was never the matter
    refused(desk.order(2, "0.1"), "daily_loss")
    enable(desk, None)
    accepted(desk.order(3, "0.1"))


def test_daily_loss_adds_currencies_up_at_mid_against_the_account() -> None:
    desk = Desk()
    desk.instrument(USDJPY)
    desk.quote("lp1", "99.990", "100.010", instrument=USDJPY)
    desk.usual({1: "10000"}, execution="stp")
    desk.account(3, "1000000", currency="JPY")
    desk.member(3)
    accepted(limits(desk, daily_loss="1000"))
    state(desk, 3, "949999", balance="1000000")  # 50,001 JPY at 100
    state(desk, 1, "9500")
    refused(desk.order(1, "0.1"), "daily_loss")


def test_daily_loss_that_cannot_be_counted_refuses() -> None:
    desk = stp()
    desk.account(3, "1000000", currency="JPY")
    desk.member(3)
    accepted(limits(desk, daily_loss="1000"))
    accepted(desk.order(1, "0.1"))
    state(desk, 3, "999999", balance="1000000")
    refused(desk.order(2, "0.1"), "no_rate")


def test_daily_loss_by_quotes_alone() -> None:
    """No word of the server: our own figures of the open positions are enough."""
    desk = stp()
    legs = only(desk.order(1, "1"), "Leg")
    desk.book_all(desk.execution(legs[0], "1", "1", "1.1001"))
    accepted(limits(desk, daily_loss="500"))
    for lp in ("lp1", "lp2"):
        desk.quote(lp, "1.09510", "1.09520")
    accepted(desk.order(2, "0.1"))
    for lp in ("lp1", "lp2"):
        desk.quote(lp, "1.09500", "1.09510")
    refused(desk.order(3, "0.1"), "daily_loss")


# --- the message ---


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"operator_name": ""}, "no_operator", 7),
        ({"daily_loss": "-1"}, "out_of_range", 6),
        ({"currency": "USD"}, "out_of_range", 9),
        ({"day_begins": 1}, "out_of_range", 10),
        ({"group": 0, "daily_loss": "1"}, "out_of_range", 9),
        ({"group": 0, "day_begins": DAY}, "out_of_range", 10),
        ({"group": 0, "day_begins": -1}, "out_of_range", 10),
        ({"booking_window": 1}, "out_of_range", 8),
        ({"max_volume": "-1"}, "out_of_range", 4),
        ({"collar": "100"}, "out_of_range", 5),
        ({"group": 99}, "unknown_group", 2),
    ],
)
def test_bad_limits_are_refused(fields: dict[str, Any], reason: str, field: int) -> None:
    desk = stp()
    outputs = limits(desk, **fields)
    refused(outputs, reason)
    assert only(outputs, "Reject")[0]["field_id"] == field


# --- each refusal, of the group and of the appliance ---


@pytest.mark.parametrize("group", [GROUP, 0])
def test_each_limit_refuses(group: int) -> None:
    desk = stp()
    accepted(limits(desk, group=group, max_volume="2", collar="1", orders_per_second=2))
    refused(desk.order(1, "2.01"), "above_maximum")
    refused(desk.order(2, "1", price="1.11106"), "price_collar")
    refused(desk.order(3, "1", price="1.08904"), "price_collar")
    leg = only(desk.order(4, "1", deviation="0.5"), "Leg")[0]
    assert leg["price"] == "1.1110505", "the collar is tighter than the deviation"
    refused(desk.order(4, "1"), "duplicate")
    accepted(desk.order(5, "1"))
    refused(desk.order(6, "1"), "rate_limit")
    desk.time += 10**9
    accepted(desk.order(7, "1"))


@pytest.mark.parametrize("where", [{"scope": "appliance"}, {"scope": "group", "group": GROUP}])
def test_the_kill_switch_refuses_until_a_person_enables(where: dict[str, Any]) -> None:
    desk = stp()
    accepted(desk.send("control", "KillSwitch", action="stop", **where))
    refused(desk.order(1, "1"), "killed")
    refused(desk.send("control", "KillSwitch", action="enable", **where), "no_operator")
    refused(desk.send("broker", "KillSwitch", action="enable", operator_name="x", **where), "wrong_source")
    refused(desk.order(2, "1"), "killed")
    accepted(desk.send("control", "KillSwitch", action="enable", operator_name="bob", **where))
    accepted(desk.order(3, "1"))


# --- deals: executed already, so allocated; a person is told ---


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"volume": "2.01"}, "above_maximum"),
        ({"volume": "1", "price": "1.2"}, "price_collar"),
        ({"volume": "1"}, None),
    ],
)
def test_a_deal_over_a_limit_is_allocated_and_told(fields: dict[str, Any], reason: str | None) -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    accepted(limits(desk, max_volume="2", collar="1"))
    outputs = desk.deal(1, **fields)
    accepted(outputs)
    assert only(outputs, "Booking")
    told = [a["reason"] for a in only(outputs, "RiskAlert") if a["kind"] == "over_limit"]
    assert told == ([] if reason is None else [reason])


def test_a_deal_while_killed_is_allocated_and_told() -> None:
    desk = Desk()
    desk.usual({1: "10000"})
    accepted(desk.send("control", "KillSwitch", scope="appliance", action="stop"))
    outputs = desk.deal(1, "1", instrument=EURUSD)
    assert only(outputs, "Booking")
    assert only(outputs, "RiskAlert")[0]["reason"] == "killed"
    desk.book_all(outputs)
    assert not only(desk.deal(2, "1", side="sell", entry="closing", position=1), "RiskAlert")
