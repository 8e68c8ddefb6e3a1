"""What a hostile review found, each as it was shown."""

from tests.engine.desk import Desk, only, refused, volumes


def test_rejected_orders_do_not_starve_an_equal_account() -> None:
    """Law 10: a tie-break must not count orders that were never executed."""
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, execution="stp")
    got = []
    for number in range(1, 7):
        (leg,) = only(desk.order(number, "0.01"), "Leg")
        if number % 2:
            got += volumes(desk.execution(leg, "0.01", "0.01", "1.1"))
        else:
            desk.execution(leg, "0", "0", "0", kind="rejected")
    assert sorted(got) == [1, 1, 2] or sorted(got) == [1, 2, 2]


def test_largest_equity_looks_at_equity_whatever_the_method() -> None:
    for method in ("equal", "ratio", "percent"):
        desk = Desk()
        desk.usual({1: "1000", 2: "900000"}, method=method, rounding="largest_equity")
        if method == "percent":
            desk.member(1, "50")
            desk.member(2, "50")
        assert volumes(desk.deal(1, "0.01")) == {2: "0.01"}


def test_another_roundings_drift_is_no_debt_of_carry() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, method="equal", rounding="list_order")
    for deal in range(1, 13):
        desk.deal(deal, "0.01")
    desk.group(version=2, method="equal", rounding="carry")
    got = [next(iter(volumes(desk.deal(deal, "0.01")))) for deal in range(13, 23)]
    assert got.count(1) == got.count(2) == 5


def test_an_inactive_members_percent_is_not_the_others() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, method="percent")
    desk.member(1, "60")
    desk.member(2, "40", status="inactive")
    outputs = desk.deal(1, "10")
    assert volumes(outputs) == {1: "6"}
    rows = {row["login"]: row for row in only(outputs, "PlanMember")}
    assert rows[2]["reason"] == "inactive"


def test_a_bridge_that_counts_anew_loses_no_deal_in_silence() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    outputs = desk.send(
        "broker", "MasterDeal", sequence=1, deal=7, group=7, instrument=1, volume="1", price="1.1"
    )
    refused(outputs, "duplicate")
    assert [alert["kind"] for alert in only(outputs, "RiskAlert")] == ["unallocated"]


def test_a_fenced_lp_is_not_traded_on() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    desk.engine.host(0, "BridgeFenced", bridge=desk.bridges["lp1"], code=16)
    assert only(desk.order(1, "1"), "Leg")[0]["to"] == "lp2"


def test_the_kill_switch_takes_back_what_works_and_sends_no_next_leg() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp", on_partial="complete")
    (leg,) = only(desk.order(1, "1"), "Leg")
    said = desk.send("control", "KillSwitch", scope="appliance", action="stop", operator_name="alice")
    said += desk.clock(desk.engine.deadline or 0)  # at once, and as many as one message may send
    assert [(o["msg"], o["to"]) for o in said] == [("LegCancel", "lp1")]
    desk.execution(leg, "0.4", "0.4", "1.1001")
    outputs = desk.execution(leg, "0.4", "0", "0", kind="ended")
    assert not only(outputs, "Leg")
    assert volumes(outputs) == {1: "0.4"}


def test_the_house_gets_nothing_that_a_client_can_have() -> None:
    """Law 9, at a minimum above the step."""
    desk = Desk()
    desk.usual({1: "10", 2: "19"}, execution="stp")
    desk.instrument(volume_min="0.1")
    (leg,) = only(desk.order(1, "0.29"), "Leg")
    desk.execution(leg, "0.28", "0.28", "1.1001")
    outputs = desk.execution(leg, "0.28", "0", "0", kind="ended")
    assert volumes(outputs) == {1: "0.1", 2: "0.18"}
