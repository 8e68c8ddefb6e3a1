"""Tiny capacities: whatever does not fit is refused (or the house's, where it was executed), and nothing is half-done."""

from appliance.engine import Capacities
from tests.engine.desk import Desk, only


def test_a_group_larger_than_the_children_that_fit() -> None:
    desk = Desk(Capacities(children=1, holdings=100, members=3000))
    desk.usual({login: "1" for login in range(1, 2001)})
    outputs = desk.deal(1, "20")
    assert len(only(outputs, "PlanMember")) == 2000
    assert only(outputs, "Plan")[0]["reason"] == "table_full"
    assert only(outputs, "MasterReport")[-1]["house"] == "20"
    desk.no_law_broken()
