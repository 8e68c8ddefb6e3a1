"""Tiny capacities: what does not fit is refused (or the house's, if executed), and nothing is half-done."""

from appliance.engine import Capacities
from tests.engine.desk import Desk, accepted, only, refused, volumes


def test_a_group_larger_than_the_children_that_fit() -> None:
    desk = Desk(Capacities(children=1, holdings=100, members=3000))
    desk.usual({login: "1" for login in range(1, 2001)})
    outputs = desk.deal(1, "20")
    assert len(only(outputs, "PlanMember")) == 2000
    assert only(outputs, "Plan")[0]["reason"] == "table_full"
    assert only(outputs, "MasterReport")[-1]["house"] == "20"
    desk.no_law_broken()


def deal_now_and_later(desk: Desk, room: list[dict]) -> None:
    """A deal that finds no room is refused; the same deal is taken when `room` is answered."""
    refused(desk.deal(2, "1"), "table_full")
    assert desk.engine.counts()["blocks_opened"] == 1
    desk.book_all(room)
    outputs = desk.deal(2, "1")
    assert [plan["block"] for plan in only(outputs, "Plan")] == [2]
    desk.book_all(outputs)
    desk.no_law_broken()


def test_no_block_is_free() -> None:
    desk = Desk(Capacities(blocks=1))
    desk.usual({1: "1"})
    deal_now_and_later(desk, desk.deal(1, "1"))


def test_no_position_is_free() -> None:
    """The one position is closed, and only then given back."""
    desk = Desk(Capacities(holdings=1))
    desk.usual({1: "1"})
    desk.book_all(desk.deal(1, "1"))
    refused(desk.deal(2, "1"), "table_full")
    desk.book_all(desk.deal(3, "1", side="sell", entry="closing", position=1))
    assert volumes(desk.deal(2, "1")) == {1: "1"}
    desk.no_law_broken()


def test_no_holding_is_free() -> None:
    """Executed, so the part of the second client is the house's."""
    desk = Desk(Capacities(holdings=1))
    desk.usual({1: "1", 2: "1"})
    outputs = desk.deal(1, "2")
    assert len(volumes(outputs)) == 1
    assert only(outputs, "MasterReport")[-1]["house"] == "1"
    assert [alert["reason"] for alert in only(outputs, "RiskAlert")] == ["table_full"]
    desk.book_all(outputs)
    desk.book_all(desk.deal(2, "2", side="sell", entry="closing", position=1))
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_no_child_is_free_for_an_order() -> None:
    desk = Desk(Capacities(children=1))
    desk.usual({1: "1", 2: "1"}, execution="stp")
    outputs = desk.order(1, "2")
    assert not only(outputs, "Leg")
    assert [(r["status"], r["reason"]) for r in only(outputs, "MasterReport")] == [("rejected", "table_full")]
    desk.member(2, status="inactive")
    assert [leg["volume"] for leg in only(desk.order(2, "2"), "Leg")] == ["2"]
    desk.no_law_broken()


def test_no_instrument_account_group_or_member_is_free() -> None:
    desk = Desk(Capacities(instruments=1, accounts=1, groups=1, members=1))
    desk.usual({1: "1"})
    other = {
        "symbol": "X",
        "profit_currency": "USD",
        "contract_size": "1",
        "volume_min": "1",
        "volume_step": "1",
    }
    refused(desk.send("broker", "Instrument", instrument=2, volume_max="1", **other), "table_full")
    refused(desk.send("broker", "Account", login=2, currency="USD", leverage=1), "table_full")
    policy = {"currency": "USD", "on_partial": "allocate", "on_refused": "house"}
    refused(desk.send("control", "GroupPolicy", group=8, policy_version=1, **policy), "table_full")
    counts = desk.engine.counts()
    assert [counts[name] for name in ("instruments", "accounts", "groups", "members")] == [1, 1, 1, 1]
    desk.instrument()
    desk.account(1)
    desk.group(version=2)
    desk.member(1)
    desk.book_all(desk.deal(1, "1"))
    desk.no_law_broken()


def test_no_member_is_free() -> None:
    desk = Desk(Capacities(members=1))
    desk.usual({1: "1"})
    desk.account(2)
    refused(desk.send("control", "Member", group=7, login=2, weight="1"), "table_full")
    assert volumes(desk.deal(1, "1")) == {1: "1"}


def test_no_currency_is_free() -> None:
    """A refused instrument leaves none of its currencies behind."""
    desk = Desk()
    desk.usual({1: "1"})  # EUR and USD
    instrument = {"contract_size": "1", "volume_min": "1", "volume_step": "1", "volume_max": "1"}
    for number in range(2, 63):
        names = {"symbol": f"S{number}", "base_currency": f"B{number}", "profit_currency": "USD"}
        accepted(desk.send("broker", "Instrument", instrument=number, **names, **instrument))
    names = {"symbol": "S", "base_currency": "NEW1", "profit_currency": "NEW2"}
    refused(desk.send("broker", "Instrument", instrument=63, **names, **instrument), "table_full")
    names = {"symbol": "S", "base_currency": "NEW3", "profit_currency": "USD"}
    accepted(desk.send("broker", "Instrument", instrument=63, **names, **instrument))


def test_a_history_of_one_still_knows_the_last_deal() -> None:
    desk = Desk(Capacities(history=1))
    desk.usual({1: "1"})
    desk.book_all(desk.deal(1, "1"))
    refused(desk.deal(1, "1"), "duplicate")
    desk.book_all(desk.deal(2, "1"))
    refused(desk.deal(2, "1"), "duplicate")
    desk.no_law_broken()
