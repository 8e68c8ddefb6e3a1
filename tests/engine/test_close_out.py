"""Close-outs that cannot close now, marks that are too old, stops that hold, alarms that do not flap."""

from typing import Any

import pytest

from appliance.memory import Role
from tests.engine.desk import EURUSD, GROUP, MASTER, USDJPY, Desk, accepted, only, refused
from tests.engine.test_accounts import alerts

SECOND = 10**9
HOUR = 3600 * SECOND
CLOSE_OUT = {"drawdown_basis": "initial", "drawdown_action": "close_out", "drawdown_money": "1000"}


def until(desk: Desk, time: int, most: int = 5000) -> list[dict[str, Any]]:
    """All the Clocks that the engine asks for until then."""
    said = []
    for _ in range(most):
        if desk.engine.deadline is None or desk.engine.deadline > time:
            desk.time = time
            return said
        said += desk.clock(max(desk.engine.deadline, desk.time))
    raise AssertionError(f"{most} Clocks, and only {desk.time} of {time} has passed")


def soon(desk: Desk) -> list[dict[str, Any]]:
    return until(desk, desk.time + 50_000_000)


def desk_of(members: int, execution: str = "post_trade", stale_after: int = 0, **terms: Any) -> Desk:
    """Accounts of 10,000 dollars at 1:100 in a group that divides equally."""
    desk = Desk()
    desk.time = 10 * HOUR
    desk.instrument(margin_currency="USD", stale_after=stale_after)
    desk.group(method="equal", execution=execution)
    for login in range(1, members + 1):
        desk.account(login, margin_call="100", stop_out="50")
        desk.member(login, **terms)
    desk.quote("lp1", "1.10000", "1.10010")
    soon(desk)
    return desk


def bought(desk: Desk, lots: str) -> None:
    desk.book_all(desk.deal(1, lots))
    soon(desk)


def filled(desk: Desk, outputs: list[dict[str, Any]], price: str) -> None:
    for leg in only(outputs, "Leg"):
        desk.book_all(desk.execution(leg, leg["volume"], leg["volume"], price))
    soon(desk)


def gap_down(desk: Desk) -> None:
    """The price falls by a hundred points, and then nobody quotes."""
    desk.quote("lp1", "1.09000", "1.09010")
    desk.quote("lp1", "0", "0")


def figures(desk: Desk, login: int = 1) -> dict[str, int]:
    found = desk.engine.figures(login)
    assert found is not None
    return found


# --- close-outs without a price ---


def test_a_close_out_without_a_price_waits_and_is_told_once() -> None:
    desk = desk_of(4, "stp", **CLOSE_OUT)
    filled(desk, desk.order(1, "8"), "1.1001")
    gap_down(desk)
    said = until(desk, desk.time + 60 * SECOND, most=150)
    assert len(only(said, "RiskStop")) == 4
    assert only(said, "BlockChange") == []
    assert alerts(said).count(("close_out_waits", 1)) == 1
    assert len([kind for kind, _ in alerts(said) if kind == "close_out_waits"]) == 4
    assert len(said) < 30
    desk.quote("lp1", "1.09000", "1.09010")
    legs = only(soon(desk), "Leg")
    assert [leg["volume"] for leg in legs] == ["2"] * 4
    filled(desk, legs, "1.09")
    until(desk, desk.time + 7 * SECOND)
    assert [figures(desk, login)["positions"] for login in range(1, 5)] == [0] * 4
    assert desk.engine.deadline is None
    desk.no_law_broken()


def test_who_can_be_closed_does_not_wait_for_those_who_cannot() -> None:
    desk = desk_of(4, "stp", **CLOSE_OUT)
    desk.instrument(
        USDJPY, symbol="XAUUSD", profit_currency="USD", margin_currency="USD", contract_size="100"
    )
    policy = {"currency": "USD", "method": "equal", "execution": "stp", "on_partial": "allocate"}
    accepted(
        desk.send("control", "GroupPolicy", group=8, policy_version=1, master_login=MASTER + 1, **policy)
    )
    desk.account(5)
    accepted(desk.send("control", "Member", group=8, login=5, weight="1", **CLOSE_OUT))
    desk.quote("lp1", "100.000", "100.010", instrument=USDJPY)
    filled(desk, desk.order(1, "8"), "1.1001")
    filled(desk, desk.order(2, "20", group=8, instrument=USDJPY), "100.010")
    gap_down(desk)
    desk.quote("lp1", "99.000", "99.010", instrument=USDJPY)
    (leg,) = only(soon(desk), "Leg")
    assert (leg["instrument"], leg["volume"]) == (USDJPY, "20")


def test_an_lp_that_refuses_every_close_is_asked_later_and_later() -> None:
    desk = desk_of(4, "stp", **CLOSE_OUT)
    filled(desk, desk.order(1, "8"), "1.1001")
    desk.quote("lp1", "1.09000", "1.09010")
    legs = 0
    told = []
    end = desk.time + 60 * SECOND
    while desk.engine.deadline is not None and desk.engine.deadline <= end:
        said = desk.clock(max(desk.engine.deadline, desk.time))
        told += alerts(said)
        for leg in only(said, "Leg"):
            legs += 1
            execution = 1 + desk.sequences["lp1"]
            desk.send(
                "lp1", "Execution", block=leg["block"], leg=leg["leg"], kind="rejected", execution=execution
            )
    assert 4 * 8 <= legs <= 4 * 18
    assert sorted(told).count(("close_out_waits", 3)) == 1


def test_a_member_with_many_positions_and_no_price_for_one_loses_the_others() -> None:
    desk = desk_of(1, "stp", **CLOSE_OUT)
    desk.instrument(
        USDJPY, symbol="XAUUSD", profit_currency="USD", margin_currency="USD", contract_size="100"
    )
    desk.quote("lp1", "100.000", "100.010", instrument=USDJPY)
    filled(desk, desk.order(1, "1", instrument=USDJPY), "100.010")
    for order in range(2, 13):
        filled(desk, desk.order(order, "0.2"), "1.1001")
    desk.quote("lp1", "0", "0", instrument=USDJPY)
    desk.quote("lp1", "1.09000", "1.09010")
    said = soon(desk)
    assert len(only(said, "Leg")) == 11
    filled(desk, said, "1.09")
    assert len(only(until(desk, desk.time + 30 * SECOND), "Leg")) == 0
    desk.quote("lp1", "99.000", "99.010", instrument=USDJPY)
    filled(desk, soon(desk), "99")
    until(desk, desk.time + 10 * SECOND)
    assert figures(desk)["positions"] == 0


def test_a_day_s_close_out_goes_on_into_the_next_day() -> None:
    desk = desk_of(1, "stp", **(CLOSE_OUT | {"drawdown_basis": "daily"}))
    filled(desk, desk.order(1, "2"), "1.1001")
    gap_down(desk)
    assert len(only(soon(desk), "RiskStop")) == 1
    said = until(desk, 24 * HOUR + SECOND, most=20_000)
    assert only(said, "RiskStop") == []
    assert desk.engine.counts()["stops"] == 1
    desk.quote("lp1", "1.08600", "1.08610")  # the new day's loss is 800
    filled(desk, soon(desk), "1.086")
    said = until(desk, desk.time + 7 * SECOND)
    assert [stop["reason"] for stop in only(desk.log, "RiskStop")] == ["drawdown_stop", "none"]
    assert (figures(desk)["positions"], desk.engine.counts()["stops"]) == (0, 0)
    desk.no_law_broken()


# --- marks that are too old ---


def test_a_server_s_quote_is_the_mark_within_stale_after_only() -> None:
    desk = desk_of(1, stale_after=1000, drawdown_basis="initial", drawdown_action="close_only",
                   drawdown_money="1000")  # fmt: skip
    desk.quote("broker", "1.10000", "1.10010")
    bought(desk, "2")
    desk.time += SECOND // 2
    desk.quote("lp1", "1.09900", "1.09910")
    soon(desk)
    assert figures(desk)["floating"] == -20 * 10**6  # the server's is half a second old
    until(desk, desk.time + HOUR)
    desk.quote("lp1", "1.09000", "1.09010")
    said = soon(desk)
    assert figures(desk)["floating"] == -2020 * 10**6
    assert ("drawdown", 1) in alerts(said)
    assert len(only(said, "RiskStop")) == 1


def test_the_lps_take_over_when_the_server_s_quote_becomes_too_old() -> None:
    desk = desk_of(1, stale_after=1000)
    desk.quote("broker", "1.10000", "1.10010")
    bought(desk, "2")
    desk.time += SECOND * 8 // 10
    desk.quote("lp1", "1.09900", "1.09910")
    said = until(desk, desk.time + SECOND // 2)
    assert figures(desk)["floating"] == -220 * 10**6
    assert alerts(said) == []


def test_a_mark_that_is_too_old_is_told_once_and_again_when_it_is_fresh() -> None:
    desk = desk_of(1, stale_after=1000)
    bought(desk, "2")
    said = until(desk, desk.time + 60 * SECOND, most=50)
    (alert,) = only(said, "RiskAlert")
    assert (alert["kind"], alert["reason"], alert["instrument"], alert["to"], alert["limit"]) == (
        "mark_stale",
        "stale_quote",
        EURUSD,
        "broker",
        "1000",
    )
    desk.quote("lp1", "1.10000", "1.10010")
    assert [alert["kind"] for alert in only(soon(desk), "RiskAlert")] == ["mark_fresh"]


@pytest.mark.parametrize(
    ("policy", "terms", "reason"),
    [
        ({}, {}, "none"),
        ({}, {"margin_buffer": "2"}, "stale_quote"),
        ({}, {"max_leverage": "100"}, "stale_quote"),
        ({}, {"drawdown_basis": "initial", "drawdown_money": "9000"}, "stale_quote"),
        ({"method": "equity"}, {}, "stale_quote"),
    ],
)
def test_a_plan_does_without_those_whose_worth_it_cannot_tell(
    policy: dict[str, Any], terms: dict[str, Any], reason: str
) -> None:
    desk = desk_of(2, stale_after=1000, **terms)
    desk.instrument(USDJPY, margin_currency="USD", stale_after=1000)
    desk.send("control", "Member", group=GROUP, login=2, weight="1", status="inactive", **terms)
    bought(desk, "2")
    desk.member(2, **terms)
    if policy:
        desk.group(version=2, **policy)
    until(desk, desk.time + 2 * SECOND)
    desk.quote("lp1", "150.000", "150.010", instrument=USDJPY)
    members = only(desk.deal(2, "0.4", instrument=USDJPY, price="150.010"), "PlanMember")
    assert [member["reason"] for member in members] == [reason, "none"]
    desk.quote("lp1", "1.10000", "1.10010")
    members = only(desk.deal(3, "0.4", instrument=USDJPY, price="150.010"), "PlanMember")
    assert [member["reason"] for member in members] == ["none", "none"]


def test_no_close_of_our_own_is_booked_at_an_old_mark() -> None:
    desk = desk_of(1, stale_after=1000, **CLOSE_OUT)
    bought(desk, "2")
    position = {"login": 1, "position": 1001, "instrument": EURUSD, "side": "buy", "volume": "2", "as_of": 5}
    accepted(desk.send("broker", "PositionState", price_open="1.1001", **position))
    desk.send("broker", "AccountState", login=1, balance="10000", equity="9980", margin="2000", as_of=6)
    until(desk, desk.time + HOUR)
    desk.send("broker", "AccountState", login=1, balance="10000", equity="4000", margin="2000", as_of=8)
    said = until(desk, desk.time + 60 * SECOND)
    assert (len(only(said, "RiskStop")), only(said, "Booking")) == (1, [])
    desk.quote("lp1", "1.07000", "1.07010")  # good for a second: it is not missed
    bookings = only(soon(desk), "Booking")
    assert [(booking["price"], booking["volume"]) for booking in bookings] == [("1.07", "2")]


# --- what an instrument is, while it is held ---


def test_an_instrument_is_of_the_server_that_announced_it() -> None:
    desk = Desk()
    desk.instrument()
    desk.bridges["other"] = desk.engine.open_bridge("other", Role.BROKER)
    desk.names[desk.bridges["other"]] = "other"
    desk.sequences["other"] = 0
    fields = {"symbol": "GER40", "profit_currency": "USD", "contract_size": "1", "digits": 5}
    fields |= {"volume_min": "0.01", "volume_step": "0.01", "volume_max": "500", "trade_mode": "full"}
    refused(desk.send("other", "Instrument", instrument=EURUSD, **fields), "wrong_source")
    accepted(desk.send("other", "Instrument", instrument=9, **fields))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"profit_currency": "JPY"}, 9), ({"contract_size": "1000"}, 11), ({"calc_mode": "cfd"}, 4)],
)
def test_what_a_move_is_worth_does_not_change_while_somebody_holds_it(
    change: dict[str, str], field: int
) -> None:
    desk = desk_of(1)
    own = {"margin_currency": "USD"} | change
    desk.instrument(**own)  # nobody holds it
    desk.instrument(margin_currency="USD")
    bought(desk, "2")
    before = figures(desk)
    with pytest.raises(AssertionError, match="in_use"):
        desk.instrument(**own)
    assert only(desk.log, "Reject")[-1]["field_id"] == field
    assert figures(desk) == before
    desk.instrument(margin_currency="USD", volume_max="5", margin_rate_buy="2")
    desk.book_all(desk.deal(2, "2", side="sell", entry="closing", position=1))
    soon(desk)
    desk.instrument(**own)


# --- levels ---


def test_a_hedged_stop_out_does_not_flap() -> None:
    desk = Desk()
    desk.instrument(margin_currency="USD")
    desk.group(method="equal")
    desk.account(1, "0", stop_out="50", trade_flags=0x80)
    desk.member(1)
    desk.quote("lp1", "1.10000", "1.10010")
    for number, side, price in ((1, "buy", "1.1"), (2, "sell", "1.1001")):
        fields = {"login": 1, "position": number, "instrument": EURUSD, "side": side, "volume": "1"}
        accepted(desk.send("broker", "PositionState", price_open=price, as_of=5, **fields))
    soon(desk)
    said = []
    for _ in range(10):
        for ask in ("1.10011", "1.10010"):
            desk.quote("lp1", "1.10000", ask)
            said += soon(desk)
    assert alerts(said) == [("stop_out", 1)]
    desk.quote("lp1", "1.10000", "1.10000")  # 1 % of what a side needs alone: 10 dollars
    soon(desk)
    desk.quote("lp1", "1.10020", "1.10021")
    assert alerts(soon(desk)) == []
    desk.quote("lp1", "1.10030", "1.10025")


def test_a_buffer_under_the_margin_call_warns_at_its_own_level() -> None:
    desk = desk_of(1, margin_buffer="0.5")
    fields = {"login": 1, "position": 9, "instrument": EURUSD, "side": "buy", "volume": "9", "as_of": 5}
    accepted(desk.send("broker", "PositionState", price_open="1.1", **fields))
    soon(desk)
    desk.quote("lp1", "1.09790", "1.09800")  # 90 %
    assert alerts(soon(desk)) == [("margin_call", 1)]
    assert figures(desk)["alarm"] == 2
    desk.quote("lp1", "1.09398", "1.09408")  # 50.9 %
    assert alerts(soon(desk)) == []
    desk.quote("lp1", "1.09380", "1.09390")
    assert alerts(soon(desk)) == [("warning", 1), ("stop_out", 1)]
    desk.quote("lp1", "1.09500", "1.09510")  # both off, the call stays
    soon(desk)
    assert figures(desk)["alarm"] == 2
    desk.quote("lp1", "1.09380", "1.09390")
    assert alerts(soon(desk)) == [("warning", 1), ("stop_out", 1)]


# --- money of another kind ---


def test_an_account_whose_currency_changes_waits_for_its_figures() -> None:
    desk = desk_of(1, drawdown_basis="initial", drawdown_action="close_only", drawdown_money="1000")
    desk.instrument(USDJPY)
    desk.quote("lp1", "150.000", "150.010", instrument=USDJPY)
    fields = {"leverage": 100, "trade_mode": "full", "margin_mode": "hedging", "money_digits": 2}
    accepted(desk.send("broker", "Account", login=1, currency="JPY", **fields))
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert (member["reason"], member["volume"]) == ("state_missing", "0")
    desk.send("broker", "AccountState", login=1, balance="8000", equity="8000", as_of=9)
    assert alerts(soon(desk)) == []  # no loss of 2,000: other money
    desk.send("broker", "AccountState", login=1, balance="8000", equity="6900", as_of=10)
    assert ("drawdown", 1) in alerts(soon(desk))


# --- what lifts a stop ---

LIMITS = {"drawdown_basis": "initial", "drawdown_action": "close_only", "drawdown_money": "1000"}


def stopped() -> Desk:
    desk = desk_of(1, **LIMITS)
    bought(desk, "2")
    desk.quote("lp1", "1.09000", "1.09010")
    assert len(only(soon(desk), "RiskStop")) == 1
    return desk


def told(desk: Desk, **fields: Any) -> list[dict[str, Any]]:
    fields = {"weight": "1", "operator_name": "Ada"} | fields
    return only(desk.send("control", "Member", group=GROUP, login=1, **fields), "RiskStop")


@pytest.mark.parametrize("change", [{"weight": "1.1"}, {"max_volume": "3"}, {"margin_buffer": "2"}])
def test_a_message_of_something_else_lifts_no_stop(change: dict[str, str]) -> None:
    desk = stopped()
    assert told(desk, **(LIMITS | change)) == []
    (member,) = only(desk.deal(2, "2", price="1.09"), "PlanMember")
    assert member["reason"] == "drawdown_stop"


def test_other_limits_or_coming_back_lift_a_stop_and_measure_anew() -> None:
    desk = stopped()
    assert told(desk, **(LIMITS | {"status": "inactive"})) == []
    (end,) = told(desk, **LIMITS)
    assert (end["reason"], end["operator_name"]) == ("none", "Ada")
    assert only(soon(desk), "RiskStop") == []
    desk = stopped()
    assert len(told(desk, **(LIMITS | {"drawdown_money": "1001"}))) == 1
    assert only(soon(desk), "RiskStop") == []


def test_who_leaves_has_no_stop() -> None:
    desk = stopped()
    (end,) = told(desk, status="left", **LIMITS)
    assert (end["reason"], end["operator_name"]) == ("none", "Ada")
    assert desk.engine.counts()["stops"] == 0
    told(desk, **LIMITS)
    assert only(soon(desk), "RiskStop") == []
