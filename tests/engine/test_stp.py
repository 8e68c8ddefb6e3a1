"""stp: the block is executed at the LPs, then divided; children get the average price."""

import pytest

from tests.engine.desk import Desk, only, refused, volumes


def working(volume: str = "1", equities: dict[int, str] | None = None, **policy: str) -> tuple[Desk, dict]:
    desk = Desk()
    desk.usual(equities or {1: "10000", 2: "10000", 3: "10000"}, execution="stp", **policy)
    (leg,) = only(desk.order(1, volume), "Leg")
    return desk, leg


def test_the_best_price_gets_the_leg() -> None:
    desk, leg = working()
    assert (leg["to"], leg["volume"], leg["side"]) == ("lp1", "1", "buy")
    desk.quote("lp2", "1.10001", "1.10005")
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2"
    assert only(desk.order(3, "1", side="sell", position=3), "Leg")[0]["to"] == "lp2"


def test_a_full_fill_is_booked_at_its_price() -> None:
    desk, leg = working()
    outputs = desk.execution(leg, "1", "1", "1.1001")
    assert volumes(outputs) == {1: "0.34", 2: "0.33", 3: "0.33"}
    assert {b["price"] for b in only(outputs, "Booking")} == {"1.1001"}
    assert only(desk.book_all(outputs), "MasterReport")[0]["status"] == "done"
    desk.no_law_broken()


def test_children_get_the_average_price_and_the_residue_is_journaled() -> None:
    desk, leg = working("3")
    desk.execution(leg, "1", "1", "1.1001")
    outputs = desk.execution(leg, "3", "2", "1.10012")
    assert {b["price"] for b in only(outputs, "Booking")} == {"1.10011"}
    change = only(outputs, "BlockChange")[-1]
    assert change["residue"] == 110010000 * 10**8 + 2 * 110012000 * 10**8 - 3 * 110011000 * 10**8
    desk.no_law_broken()


def test_allocate_divides_what_was_filled() -> None:
    desk, leg = working("3")
    desk.execution(leg, "1.5", "1.5", "1.1001")
    outputs = desk.execution(leg, "1.5", "0", "0", kind="ended")
    assert volumes(outputs) == {1: "0.5", 2: "0.5", 3: "0.5"}
    assert only(outputs, "BlockChange")[0]["status"] == "partial"
    desk.no_law_broken()


def test_complete_routes_the_rest_to_the_next_lp() -> None:
    desk, leg = working("3", on_partial="complete")
    desk.execution(leg, "1", "1", "1.1001")
    (second,) = only(desk.execution(leg, "1", "0", "0", kind="ended"), "Leg")
    assert (second["to"], second["volume"]) == ("lp2", "2")
    outputs = desk.execution(second, "2", "2", "1.10013")
    assert {b["price"] for b in only(outputs, "Booking")} == {"1.10012"}
    desk.no_law_broken()


def test_a_rejected_leg_rejects_the_block_and_touches_no_child() -> None:
    desk, leg = working()
    outputs = desk.execution(leg, "0", "0", "0", kind="rejected")
    (report,) = only(outputs, "MasterReport")
    assert (report["status"], report["reason"]) == ("rejected", "lp_rejected")
    assert not only(outputs, "Booking")
    assert desk.engine.counts()["blocks_working"] == 0


def test_no_quote_is_no_liquidity() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    desk.quote("lp1", "0", "0")
    desk.quote("lp2", "0", "0")
    (report,) = only(desk.order(1, "1"), "MasterReport")
    assert (report["status"], report["reason"]) == ("rejected", "no_liquidity")


def test_the_deviation_limits_the_leg() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    (report,) = only(desk.order(1, "1", price="1.1", deviation="0.00009"), "MasterReport")
    assert report["reason"] == "no_liquidity"
    (leg,) = only(desk.order(2, "1", price="1.1", deviation="0.0001"), "Leg")
    assert leg["price"] == "1.1001"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"volume": "0.015"}, "off_step"),
        ({"volume": "501"}, "above_maximum"),
        ({"volume": "0"}, "out_of_range"),
        ({"order": 0}, "out_of_range"),
        ({"price": "-1"}, "out_of_range"),
    ],
)
def test_bad_orders_are_refused(fields: dict, reason: str) -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    values = {"order": 1, "volume": "1"} | fields
    refused(desk.order(values.pop("order"), values.pop("volume"), **values), reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"volume": "-1"}, "out_of_range"),
        ({"price": "0"}, "out_of_range"),
        ({"leg": 5}, "unknown_block"),
        ({"block": 9}, "unknown_block"),
        ({"cumulative": "0.4", "volume": "0.5"}, "out_of_range"),
        ({"execution": 0}, "out_of_range"),
    ],
)
def test_nonsense_of_an_lp_never_makes_a_child(fields: dict, reason: str) -> None:
    desk, leg = working()
    values = {"cumulative": "0.5", "volume": "0.5", "price": "1.1001"} | fields
    place = {"leg": values.pop("leg", leg["leg"]), "block": values.pop("block", leg["block"])}
    figures = [values.pop(name) for name in ("cumulative", "volume", "price")]
    outputs = desk.execution(leg | place, *figures, **values)
    refused(outputs, reason)
    assert not only(outputs, "Booking")
    desk.no_law_broken()


def test_more_than_was_ordered_is_the_houses() -> None:
    desk, leg = working()
    outputs = desk.execution(leg, "2.5", "2.5", "1.1001")
    assert volumes(outputs) == {1: "0.34", 2: "0.33", 3: "0.33"}
    (change,) = only(outputs, "HouseChange")
    assert (change["volume"], change["exposure"], change["reason"]) == ("1.5", "1.5", "overfilled")
    assert desk.engine.counts()["impossible"] == 1
    desk.no_law_broken()


def test_a_missing_fill_is_asked_for_and_its_lp_waits() -> None:
    """0.4 of 1 came with a cumulative of 0.9: what lies between is not booked before its price is known."""
    desk, leg = working(on_partial="complete")
    said = desk.execution(leg, "0.9", "0.4", "1.1001")
    assert [o["msg"] for o in said] == ["RiskAlert", "LegCancel"]
    assert only(desk.order(2, "1"), "Leg")[0]["to"] == "lp2"
    desk.execution(leg, "0.5", "0.5", "1.1001")
    outputs = desk.execution(leg, "1", "0.1", "1.1001")
    assert sum(float(volume) for volume in volumes(outputs).values()) == 1
    assert only(desk.order(3, "1"), "Leg")[0]["to"] == "lp1"
    desk.no_law_broken()


def test_another_lps_word_does_not_count() -> None:
    desk, leg = working()
    refused(desk.execution(leg | {"to": "lp2"}, "1", "1", "1.1"), "wrong_source")


def test_a_silent_lp_is_asked_and_not_resent() -> None:
    desk, leg = working()
    said = desk.clock(desk.engine.deadline or 0)
    assert [o["msg"] for o in said] == ["LegCancel", "RiskAlert"]
    assert volumes(desk.execution(leg, "1", "1", "1.1001"))


def test_a_crossed_quote_is_refused_and_withdraws_the_lp() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    refused(desk.quote("lp1", "1.2", "1.1"), "crossed_quote")
    assert only(desk.order(1, "1"), "Leg")[0]["to"] == "lp2"


def test_a_stale_quote_is_not_traded_on() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    desk.instrument(stale_after=1000)
    desk.time = 1_000_000_001
    assert only(desk.order(1, "1"), "MasterReport")[0]["reason"] == "no_liquidity"


def test_the_kill_switch_refuses_orders_until_enabled() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    desk.send("control", "KillSwitch", scope="appliance", action="stop", operator_name="alice")
    refused(desk.order(1, "1"), "killed")
    desk.send("control", "KillSwitch", scope="appliance", action="enable", operator_name="bob")
    assert only(desk.order(2, "1"), "Leg")


def test_a_block_keeps_the_step_and_minimum_that_it_was_planned_with() -> None:
    """The server may redefine an instrument while a leg works; the plan is frozen all the same."""
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, execution="stp")
    (leg,) = only(desk.order(1, "0.04"), "Leg")
    desk.execution(leg, "0.02", "0.02", "1.1")
    desk.instrument(volume_min="0.4", volume_step="0.2", digits=2)
    desk.execution(leg, "0.03", "0.01", "1.1")
    outputs = desk.execution(leg, "0.03", "0", "1.1", kind="ended")
    assert sorted(volumes(outputs).values()) == ["0.01", "0.02"]
    desk.no_law_broken()


def test_an_lp_that_fills_part_of_a_step_breaks_no_law() -> None:
    """The rest of a step is the house's; the children share the whole steps."""
    desk = Desk()
    desk.usual({1: "12246", 2: "99"}, execution="stp")
    desk.instrument(volume_min="0.03", volume_step="0.03")
    (leg,) = only(desk.order(1, "123.45"), "Leg")
    desk.execution(leg, "90.4652247", "90.4652247", "1.1")
    outputs = desk.execution(leg, "90.4652247", "0", "1.1", kind="ended")
    assert volumes(outputs) == {1: "89.73", 2: "0.72"}
    assert only(outputs, "MasterReport")[0]["house"] == "0.0152247"
    desk.no_law_broken()
