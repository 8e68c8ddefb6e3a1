"""What a flattening or a leaving cannot close now: a person is told, it goes on, and says when it is done."""

from typing import Any

import pytest

from appliance.engine import Capacities
from tests.engine.desk import EURUSD, GROUP, Desk, accepted, only, refused
from tests.engine.test_close_out import HOUR, SECOND, desk_of, filled, soon, until

NO_QUOTE = ("0", "0")


def flatten(desk: Desk, **where: Any) -> list[dict[str, Any]]:
    where = where or {"scope": "group", "group": GROUP}
    said = desk.send("control", "KillSwitch", action="flatten", **where)
    accepted(said)
    return said


def told(outputs: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [alert for alert in only(outputs, "RiskAlert") if alert["kind"] == kind]


def unpriced(execution: str = "stp") -> Desk:
    """Two clients hold a lot each; a quote that was good is gone."""
    desk = desk_of(2, execution, stale_after=10_000)
    if execution == "stp":
        filled(desk, desk.order(1, "2"), "1.1001")
    else:
        desk.book_all(desk.deal(1, "2"))
        soon(desk)
    desk.quote("lp1", *NO_QUOTE)
    until(desk, desk.time + 60 * SECOND)
    return desk


@pytest.mark.parametrize("execution", ["stp", "post_trade"])
def test_without_a_price_a_person_is_told_once_and_it_goes_on_when_one_comes(execution: str) -> None:
    desk = unpriced(execution)
    said = flatten(desk) + until(desk, desk.time + 5 * SECOND)
    (alert,) = told(said, "flatten_waits")
    assert (alert["to"], alert["group"], alert["instrument"]) == ("broker", GROUP, EURUSD)
    assert (alert["measured"], alert["reason"]) == ("2", "no_quote")
    said = until(desk, desk.time + HOUR)
    assert not told(said, "flatten_waits") and not only(said, "BlockChange")
    desk.quote("lp1", "1.10000", "1.10010")
    said = soon(desk)
    if execution == "stp":
        filled(desk, said, "1.1")
    desk.book_all(said)
    (done,) = told(until(desk, desk.time + 5 * SECOND), "flattened")
    assert (done["to"], done["group"], done["reason"]) == ("broker", GROUP, "flattened")
    assert desk.engine.counts()["holdings"] == 0
    assert not told(until(desk, desk.time + HOUR), "flattened")
    desk.no_law_broken()


def test_waiting_for_a_price_costs_little() -> None:
    desk = unpriced()
    flatten(desk)
    until(desk, desk.time + 100 * SECOND)
    before = desk.engine.counts()["inputs"]
    until(desk, desk.time + HOUR)
    assert desk.engine.counts()["inputs"] - before < 18 * 3600 / 64  # a pass over all tables is 17 Clocks


def test_an_lp_that_refuses_is_asked_later_and_later_and_a_person_is_told() -> None:
    desk = desk_of(2, "stp")
    filled(desk, desk.order(1, "2"), "1.1001")
    said = flatten(desk)
    legs = 0
    for _ in range(3000):
        for leg in only(said, "Leg"):
            legs += 1
            desk.send(
                "lp1", "Execution", block=leg["block"], leg=leg["leg"], kind="rejected", execution=legs + 100
            )
        if desk.engine.deadline is None or desk.engine.deadline > 10 * HOUR + 300 * SECOND:
            break
        said = desk.clock(max(desk.engine.deadline, desk.time))
    assert 6 <= legs <= 12
    (alert,) = told(desk.log, "flatten_waits")
    assert (alert["measured"], alert["reason"]) == ("2", "no_liquidity")
    assert not told(desk.log, "flattened")
    for _ in range(100):
        said = desk.clock(max(desk.engine.deadline or 0, desk.time))
        if only(said, "Leg"):
            break
    filled(desk, said, "1.1")
    until(desk, desk.time + 5 * SECOND)
    assert len(told(desk.log, "flattened")) == 1
    desk.no_law_broken()


def test_a_flattening_of_nothing_is_done_at_once() -> None:
    desk = desk_of(2, "stp")
    said = flatten(desk, scope="appliance") + soon(desk)
    assert [alert["group"] for alert in told(said, "flattened")] == [0]
    assert not told(said, "flatten_waits")


def test_who_enables_trading_before_it_is_done_is_told_that_it_was_not() -> None:
    desk = unpriced()
    flatten(desk)
    until(desk, desk.time + 5 * SECOND)
    said = desk.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="alice")
    assert [alert["group"] for alert in told(said, "flatten_dropped")] == [GROUP]
    desk.quote("lp1", "1.10000", "1.10010")
    said = until(desk, desk.time + HOUR)
    assert not only(said, "Leg") and not told(said, "flattened")
    said = desk.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="alice")
    assert not only(said, "RiskAlert")


def test_a_leaving_without_a_price_goes_on_too() -> None:
    desk = unpriced()
    desk.member(2, status="left", on_leave="close")
    (alert,) = told(until(desk, desk.time + 5 * SECOND), "flatten_waits")
    assert (alert["login"], alert["measured"]) == (2, "1")
    until(desk, desk.time + HOUR)
    desk.quote("lp1", "1.10000", "1.10010")
    (leg,) = only(soon(desk), "Leg")
    assert leg["volume"] == "1"
    filled(desk, [leg], "1.1")
    said = until(desk, desk.time + HOUR)
    assert not only(said, "Leg") and not told(said, "flattened")
    assert desk.engine.counts()["holdings"] == 1
    desk.no_law_broken()


def test_leavings_that_wait_leave_room_for_a_flattening() -> None:
    desk = desk_of(60, "stp")
    filled(desk, desk.order(1, "60"), "1.1001")
    desk.quote("lp1", *NO_QUOTE)
    terms = {"group": GROUP, "weight": "1", "status": "left", "on_leave": "close"}
    for login in range(1, 57):
        accepted(desk.send("control", "Member", login=login, **terms))
    refused(desk.send("control", "Member", login=57, **terms), "table_full")
    accepted(desk.send("control", "Member", login=1, **terms))  # that one is there
    flatten(desk)


def test_a_full_table_of_flattenings_stops_trading_all_the_same() -> None:
    """The market is closed, and everything waits: a further group is stopped though not flattened, and the
    appliance's own flattening always has its place."""
    groups = range(1, 66)
    desk = Desk(Capacities(groups=100))
    desk.instrument()
    desk.account(1, "1000000")
    desk.quote("lp1", "1.1", "1.1001")
    for group in groups:
        desk.group(group=group, execution="stp")
        accepted(desk.send("control", "Member", group=group, login=1, weight="1"))
        (leg,) = only(desk.order(group, "0.01", group=group), "Leg")
        desk.book_all(desk.execution(leg, "0.01", "0.01", "1.1001"))
    desk.quote("lp1", "0", "0")
    stop = {"action": "flatten", "operator_name": "test"}
    rejects = [desk.send("control", "KillSwitch", scope="group", group=group, **stop) for group in groups]
    assert [only(outputs, "Reject")[0]["reason"] for outputs in rejects if only(outputs, "Reject")] == [
        "table_full"
    ] * 3
    accepted(desk.send("control", "KillSwitch", scope="appliance", **stop))
    desk.quote("lp2", "1.1", "1.1001")
    desk.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="test")
    assert not only(desk.order(900, "0.01", group=65), "Leg"), "its own switch is still set"
