"""Methods and constraints, as the engine gathers them from accounts and quotes for the kernel."""

from fractions import Fraction
from typing import Any

import pytest

from tests.engine.desk import USDJPY, Desk, only, volumes


def stp(equities: dict[int, str], **policy: Any) -> Desk:
    desk = Desk()
    desk.usual(equities, execution="stp", **policy)
    return desk


def planned(desk: Desk, volume: str = "1", number: int = 1, **order: Any) -> dict[int, dict[str, Any]]:
    """login: PlanMember of an order."""
    return {row["login"]: row for row in only(desk.order(number, volume, **order), "PlanMember")}


def given(desk: Desk, volume: str = "1", number: int = 1, **order: Any) -> dict[int, str]:
    return {login: row["volume"] for login, row in planned(desk, volume, number, **order).items()}


def test_equal() -> None:
    """V3b with a step of one unit: four get 67, two 66 (IBKR TWS API docs; which four is ours)."""
    desk = Desk()
    desk.instrument(volume_min="1", volume_step="1")
    desk.group(method="equal", execution="stp")
    for login in range(1, 7):
        desk.account(login)
        desk.member(login)
    desk.quote("lp1", "1.1", "1.1001")
    assert given(desk, "400") == {1: "67", 2: "67", 3: "67", 4: "67", 5: "66", 6: "66"}


def test_ratio() -> None:
    """V5b: ratio 1 : 2 (IBKR TWS API docs)."""
    desk = stp({1: "5", 2: "5"}, method="ratio")
    desk.member(2, "2")
    assert given(desk, "3") == {1: "1", 2: "2"}


def test_balance_equity_free_margin_look_at_different_money() -> None:
    for method, expected in (("balance", "1"), ("equity", "2"), ("free_margin", "1.5")):
        desk = stp({1: "1000", 2: "1000"}, method=method)
        desk.send("broker", "AccountState", login=1, balance="1000", equity="2000", margin="500")
        rows = planned(desk, "3")
        share = Fraction(rows[1]["weight"], rows[2]["weight"])
        assert share == Fraction(expected)


def test_the_coefficient_multiplies_the_measure() -> None:
    desk = stp({1: "1000", 2: "1000"})
    desk.member(2, "0.5")
    assert given(desk, "3") == {1: "2", 2: "1"}


def test_measures_are_compared_in_the_groups_currency_at_mid() -> None:
    desk = stp({1: "1100.05"})
    desk.account(2, "1000", "EUR")
    desk.member(2)
    desk.quote("lp2", "0", "0")
    desk.quote("lp1", "1.1", "1.1001")
    rows = planned(desk, "2")
    assert rows[2]["measure"] == "1100.05"
    assert {rows[1]["volume"], rows[2]["volume"]} == {"1"}


def test_a_currency_without_a_pair_goes_over_usd() -> None:
    desk = stp({1: "1000"}, currency="EUR")
    desk.instrument(USDJPY)
    desk.account(3, "110000", "JPY")
    desk.member(3)
    desk.quote("lp1", "110", "110", USDJPY)
    desk.quote("lp2", "0", "0")
    desk.quote("lp1", "1.1", "1.1")
    rows = planned(desk, "2")
    assert rows[3]["measure"] == "909.090909"


def test_a_missing_rate_excludes_the_member() -> None:
    desk = stp({1: "1000"})
    desk.account(2, "1000", "NOK")
    desk.member(2)
    rows = planned(desk)
    assert (rows[2]["volume"], rows[2]["reason"]) == ("0", "no_rate")
    assert rows[1]["volume"] == "1"


def test_fixed_lots_make_the_block() -> None:
    """V6: fixed 100 and 200 make 300 (IBKR TWS API docs)."""
    desk = stp({1: "1", 2: "1"}, method="fixed_lots")
    desk.member(1, "100")
    desk.member(2, "200")
    outputs = desk.order(1, "1")
    assert only(outputs, "Plan")[0]["planned"] == "300"
    assert only(outputs, "Leg")[0]["volume"] == "300"


def test_multiplier_rounds_down() -> None:
    """V9: 0.01 x 5.3 gives 0.05 (Axi Select)."""
    desk = stp({1: "1"}, method="multiplier")
    desk.member(1, "5.3")
    assert given(desk, "0.01") == {1: "0.05"}


def test_risk_sizes_by_the_loss_at_the_stop() -> None:
    """1 % of 10,000 USD over 50 points of EURUSD (500 USD a lot) is 0.2 lots, by hand."""
    desk = stp({1: "10000"}, method="risk")
    desk.quote("lp2", "0", "0")
    desk.quote("lp1", "1.09990", "1.10000")
    assert given(desk, "1", stop_loss="1.095") == {1: "0.2"}


def test_risk_without_a_stop_loss_is_refused() -> None:
    desk = stp({1: "10000"}, method="risk")
    outputs = desk.order(1, "1")
    assert only(outputs, "Plan")[0]["reason"] == "no_stop_loss"
    assert only(outputs, "MasterReport")[0]["status"] == "rejected"


def test_risk_with_the_stop_on_the_wrong_side_takes_nobody() -> None:
    desk = stp({1: "10000"}, method="risk")
    rows = planned(desk, "1", stop_loss="1.2")
    assert rows[1]["reason"] == "out_of_range"


# --- constraints ---


def bound(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["volume"], row["binding"], row["reason"]


def test_the_margin_buffer_is_the_largest_volume_that_keeps_the_level() -> None:
    """1 lot of EURUSD at 1.1001 and 1:100 takes 1,100.10 USD; 10,000 / (V x 1,100.10) >= 2: V <= 4.545."""
    desk = stp({1: "10000"})
    desk.member(1, margin_buffer="2")
    assert bound(planned(desk, "10")[1]) == ("4.54", "margin_buffer", "margin_buffer")


def test_margin_in_use_counts_against_the_buffer() -> None:
    desk = stp({1: "10000"})
    desk.member(1, margin_buffer="2")
    desk.send("broker", "AccountState", login=1, balance="10000", equity="10000", margin="4500")
    assert planned(desk, "10")[1]["volume"] == "0.45"


def test_the_margin_buffer_in_another_currency_uses_the_dearer_side() -> None:
    desk = Desk()
    desk.instrument(USDJPY)
    desk.instrument()
    desk.group(execution="stp", currency="EUR")
    desk.account(1, "1000", "EUR")
    desk.member(1, margin_buffer="1")
    desk.quote("lp1", "1.0", "1.25")
    desk.quote("lp1", "100", "100", USDJPY)
    # margin 1,000 USD a lot; a buy converts USD to EUR at the dearer side, 1 / 1.0
    assert planned(desk, "10", instrument=USDJPY)[1]["volume"] == "1"


def test_the_maximum_leverage_caps_exposure() -> None:
    desk = stp({1: "11001"})
    desk.member(1, max_leverage="5")
    assert bound(planned(desk, "10")[1]) == ("0.5", "leverage", "leverage")


@pytest.mark.parametrize(
    ("mode", "side", "volume"),
    [
        ("disabled", "buy", "0"),
        ("long_only", "buy", "1"),
        ("long_only", "sell", "0"),
        ("short_only", "sell", "1"),
        ("close_only", "buy", "0"),
        ("full", "sell", "1"),
    ],
)
def test_trade_modes(mode: str, side: str, volume: str) -> None:
    desk = stp({1: "1000"})
    desk.account(1, "1000", trade_mode=mode)
    row = planned(desk, "1", side=side)[1]
    assert row["volume"] == volume
    assert row["binding"] == ("permission" if volume == "0" else "none")


def test_a_stale_state_keeps_the_account_out() -> None:
    desk = stp({1: "1000", 2: "1000"}, state_max_age=1000)
    desk.time = 2_000_000_000
    desk.send("broker", "AccountState", login=2, balance="1000", equity="1000")
    rows = planned(desk, "2")
    assert bound(rows[1]) == ("0", "sync", "state_stale")
    assert rows[2]["volume"] == "1"


@pytest.mark.parametrize(
    ("on_shortfall", "expected"),
    [
        ("reduce", {1: "0.1", 2: "1"}),
        ("skip", {1: "0", 2: "1"}),
        ("redistribute", {1: "0.1", 2: "1.9"}),
    ],
)
def test_on_shortfall(on_shortfall: str, expected: dict[int, str]) -> None:
    desk = stp({1: "1000", 2: "1000"}, on_shortfall=on_shortfall)
    desk.member(1, max_volume="0.1")
    assert given(desk, "2") == expected


def test_on_shortfall_reject_refuses_the_order_and_names_who_fell_short() -> None:
    desk = stp({1: "1000", 2: "1000"}, on_shortfall="reject")
    desk.member(1, max_volume="0.1")
    outputs = desk.order(1, "2")
    assert only(outputs, "MasterReport")[0]["reason"] == "shortfall"
    rows = {row["login"]: row for row in only(outputs, "PlanMember")}
    assert bound(rows[1]) == ("0", "member_maximum", "member_maximum")


def test_a_new_policy_version_applies_to_the_next_plan_only() -> None:
    desk = stp({1: "1000", 2: "3000"})
    (leg,) = only(desk.order(1, "2"), "Leg")
    desk.group(version=2, method="equal", execution="stp")
    assert volumes(desk.execution(leg, "2", "2", "1.1001")) == {1: "0.5", 2: "1.5"}
    assert given(desk, "2", 2) == {1: "1", 2: "1"}


def test_policy_versions_rise_by_one() -> None:
    desk = stp({1: "1000"})
    fields = {"group": 7, "policy_version": 3, "currency": "USD", "method": "equal", "on_refused": "house"}
    (reject,) = only(desk.send("control", "GroupPolicy", **fields), "Reject")
    assert reject["reason"] == "version_order"
