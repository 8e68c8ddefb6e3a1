"""Accounts in real time against a second implementation: random days, and the real ticks."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.broker.ticks import merge, read_all
from appliance.control import time_zone
from tests.conftest import ROOT
from tests.engine.accounts import AccountDesk, AccountHistory
from tests.engine.desk import EURUSD, GROUP, Desk, accepted, only, refused, volumes
from tests.native.valuation.published import NETTING

# The committed excerpt; MAM_TICKS names a folder of whole days.
TICKS = sorted(Path(os.environ.get("MAM_TICKS", ROOT / "appliance" / "demo" / "data")).glob("*.csv"))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120))
@example(1343, 90)  # swap of a netting position whose volume a booking at work explains
def test_random_books_against_decimal(seed: int, steps: int) -> None:
    history = AccountHistory(Random(seed))
    for _ in range(steps):
        history.step()
    history.swept()
    history.no_law_broken()


def test_the_real_ticks_at_every_tick() -> None:
    """Crossed quotes included: equal to the last unit at every tick, one by one and in batches."""
    desk = AccountDesk()
    for login, account in desk.bank.accounts.items():
        for number, price in ((1, "1.14604"), (2, "109.692")):
            desk.position(login, 10 * login + number, number, login % 2, Decimal("1.37"), price_open=price)
            if account.mode != NETTING:
                desk.position(
                    login, 100 * login + number, number, 1 - login % 2, Decimal("0.21"), price_open=price
                )
    tape = merge(read_all([str(path) for path in TICKS]))
    for at in range(len(tape)):
        bid, ask = (Decimal(int(price[at])).scaleb(-8) for price in (tape.bid, tape.ask))
        desk.tick(int(tape.instrument[at]), bid, ask)
        desk.agree()
        if at % 50 == 0:
            desk.swept()
    desk.agree()
    desk.swept()


# --- watching ---


def settled(desk: Desk) -> list[dict]:
    """What the engine says at the Clocks that it asks for."""
    said = []
    time = desk.time + 2_000_000
    for _ in range(50):
        said += desk.clock(time)
        if desk.engine.deadline is None or desk.engine.deadline > time:
            break
    return said


def alerts(outputs: list[dict]) -> list[tuple[str, int]]:
    return [(out["kind"], out["login"]) for out in outputs if out["msg"] == "RiskAlert"]


def watched(**fields: object) -> Desk:
    """One hedging account of 10,000 dollars at 1:100 in a group, with these terms."""
    desk = Desk()
    desk.usual({})
    desk.instrument(margin_currency="USD")
    levels = {"margin_call": "100", "stop_out": "50", "leverage": 100}
    desk.account(1, "10000", **levels)
    desk.member(1, operator_name="ops", **fields)
    desk.clock(10**6)
    return desk


def positioned(desk: Desk, lots: str = "5", **fields: object) -> None:
    """The server tells of a buy at 1.10010: at the first quotes it is 50 dollars down."""
    values = {"login": 1, "position": 9, "instrument": EURUSD, "side": "buy", "volume": lots, "as_of": 5}
    accepted(desk.send("broker", "PositionState", **(values | {"price_open": "1.1001"} | fields)))


def at_price(desk: Desk, bid: str) -> list[dict]:
    """Both LPs quote it; the Clocks that follow."""
    ask = f"{Decimal(bid) + Decimal('0.0001'):.5f}"
    desk.quote("lp1", bid, ask)
    desk.quote("lp2", bid, ask)
    return settled(desk)


def test_each_level_is_told_once_a_crossing() -> None:
    desk = watched(margin_buffer="1.5")
    positioned(desk)  # margin 5,000
    assert alerts(at_price(desk, "1.10000")) == []
    assert alerts(at_price(desk, "1.09400")) == [("warning", 1)]  # equity 6,950: under 150 %
    assert alerts(at_price(desk, "1.09401")) == []
    assert alerts(at_price(desk, "1.09000")) == [("margin_call", 1)]
    assert alerts(at_price(desk, "1.08000")) == [("stop_out", 1)]
    assert alerts(at_price(desk, "1.08510")) == []  # 2,500 + 1 %: still on
    assert alerts(at_price(desk, "1.10000")) == []
    assert alerts(at_price(desk, "1.08000")) == [("warning", 1), ("margin_call", 1), ("stop_out", 1)]


@pytest.mark.parametrize("basis", ["initial", "daily", "high_water"])
def test_a_drawdown_stops_new_openings_until_it_is_lifted(basis: str) -> None:
    desk = watched(drawdown_basis=basis, drawdown_action="close_only", drawdown_percent="10")
    positioned(desk, "0.5")
    settled(desk)
    assert alerts(at_price(desk, "1.08100")) == []  # 955 of 10,000
    said = at_price(desk, "1.08009")
    assert alerts(said) == [("drawdown", 1)]
    (stop,) = only(said, "RiskStop")
    assert (stop["reason"], stop["action"], stop["login"], stop["mark"]) == (
        "drawdown_stop",
        "close_only",
        1,
        "10000",
    )
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert (member["reason"], member["binding"]) == ("drawdown_stop", "drawdown")
    assert alerts(at_price(desk, "1.08000")) == []
    limits = {"drawdown_basis": basis, "drawdown_action": "close_only", "drawdown_percent": "10"}
    member = {"group": GROUP, "login": 1, "weight": "1", "operator_name": "Ada"} | limits
    assert only(desk.send("control", "Member", status="inactive", **member), "RiskStop") == []
    (end,) = only(desk.send("control", "Member", **member), "RiskStop")
    assert (end["reason"], end["operator_name"], end["since"]) == ("none", "Ada", stop["since"])
    (member,) = only(desk.deal(2, "1"), "PlanMember")
    assert member["reason"] == "none"


def test_a_day_s_stop_ends_with_the_day() -> None:
    hour = 3600 * 10**9
    desk = watched(
        drawdown_basis="daily", drawdown_action="close_only", drawdown_money="500", drawdown_reset=22 * hour
    )
    positioned(desk, "0.5")
    settled(desk)
    (stop,) = only(at_price(desk, "1.08800"), "RiskStop")
    assert stop["until"] == 22 * hour
    assert desk.engine.deadline == 22 * hour
    (end,) = only(desk.clock(22 * hour), "RiskStop")
    assert (end["reason"], end["until"], end["operator_name"]) == ("none", 22 * hour, "")


def test_a_close_out_trades_that_member_alone() -> None:
    desk = watched(drawdown_basis="initial", drawdown_action="close_out", drawdown_money="1000")
    desk.account(2, "1000000")
    desk.member(2)
    desk.group(version=2, method="equal")
    desk.book_all(desk.deal(1, "10"))
    assert only(at_price(desk, "1.09900"), "Booking") == []
    said = at_price(desk, "1.09800")
    (booking,) = only(said, "Booking")
    assert (booking["login"], booking["volume"], booking["side"], booking["entry"], booking["price"]) == (
        1,
        "5",
        "sell",
        "closing",
        "1.098",
    )
    assert booking["position"] != 0
    report = only(said, "MasterReport")[-1]
    assert (report["order"], report["deal"], report["reason"], report["allocated"]) == (
        0,
        0,
        "drawdown_stop",
        "5",
    )
    desk.book(booking)
    figures = desk.engine.figures(1)
    assert figures is not None
    assert (figures["positions"], figures["balance"]) == (0, (10000 - 1050) * 10**6)
    settled(desk)
    closing = only(desk.deal(2, "5", side="sell", entry="closing", position=1), "Booking")
    assert [(child["login"], child["volume"]) for child in closing] == [(2, "5")]
    desk.book_all(closing)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


# --- agreeing ---


def test_out_of_sync_and_back() -> None:
    desk = watched()
    positioned(desk)  # 50 down, margin 5,000
    state = {"login": 1, "balance": "10000", "as_of": 6}
    assert alerts(desk.send("broker", "AccountState", equity="9950", margin="5000", **state)) == []
    assert alerts(desk.send("broker", "AccountState", equity="9950", margin="5400", **state)) == [
        ("out_of_sync", 1)
    ]
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["reason"] == "out_of_sync"
    assert alerts(desk.send("broker", "AccountState", equity="9940", margin="5000", **state)) == [
        ("in_sync", 1)
    ]
    assert alerts(desk.send("broker", "AccountState", equity="8000", margin="5000", **state)) == [
        ("out_of_sync", 1)
    ]


def test_a_position_of_ours_that_somebody_closed() -> None:
    desk = watched()
    (booking,) = only(desk.deal(1, "2"), "Booking")
    desk.book(booking)
    gone = {"login": 1, "position": 1001, "instrument": EURUSD, "side": "buy", "price_open": "1.1001"}
    assert alerts(desk.send("broker", "PositionState", volume="2", **gone)) == []
    assert alerts(desk.send("broker", "PositionState", volume="0", **gone)) == [("out_of_sync", 1)]
    assert alerts(desk.send("broker", "PositionState", volume="2", **gone)) == [("in_sync", 1)]


def test_a_deposit_in_the_middle_of_a_block_is_no_profit() -> None:
    desk = watched(drawdown_basis="high_water", drawdown_action="close_only", drawdown_money="1000")
    (booking,) = only(desk.deal(1, "2"), "Booking")
    said = desk.send("broker", "AccountState", login=1, balance="60000", equity="60000")
    assert alerts(said) == [("balance", 1)]
    desk.book(booking)
    said = desk.send("broker", "AccountState", login=1, balance="10000", equity="9980", margin="2000")
    assert alerts(said) == [("balance", 1)]
    assert only(settled(desk), "RiskStop") == []
    (stop,) = only(at_price(desk, "1.09480"), "RiskStop")
    assert stop["mark"] == "10000"


def test_a_hole_keeps_compared_accounts_out_until_their_next_state() -> None:
    desk = watched()
    positioned(desk)
    desk.sequences["broker"] += 1
    said = desk.send("broker", "Heartbeat")
    assert [out["msg"] for out in said] == ["RiskAlert", "Resync"]
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["reason"] == "out_of_sync"
    desk.send("broker", "AccountState", login=1, balance="10000", equity="9950", margin="5000", as_of=6)
    (member,) = only(desk.deal(2, "1"), "PlanMember")
    assert member["reason"] == "none"


# --- caps ---


def test_our_own_bookings_count_before_the_server_says_so() -> None:
    desk = watched(margin_buffer="2")
    desk.group(version=2, method="equal")
    assert volumes(desk.deal(1, "4")) == {1: "4"}  # margin 4,000 of 10,000
    assert volumes(desk.deal(2, "4")) == {1: "0.98"}  # 9,960 / 2 is the most, so 4,980


def test_leverage_tiers_bite() -> None:
    desk = watched(margin_buffer="1")
    desk.group(version=2, method="equal")
    lot = 10**8
    for tier, (low, high, rate) in enumerate([(0, 2 * lot, "1"), (2 * lot, 100 * lot, "4")]):
        accepted(
            desk.send(
                "broker",
                "LeverageTier",
                instrument=EURUSD,
                tier=tier,
                tier_range="volume_per_symbol",
                from_amount=low,
                to_amount=high,
                initial_rate=rate,
                maintenance_rate=rate,
            )
        )
    assert volumes(desk.deal(1, "9")) == {1: "4"}  # 2 lots at 1,000, 2 at 4,000
    figures = desk.engine.figures(1)
    assert figures is not None
    assert figures["margin"] == 10_000 * 10**6


def test_the_server_s_quotes_are_the_marks_and_nobody_s_to_deal_on() -> None:
    desk = watched()
    positioned(desk)
    desk.quote("broker", "1.08000", "1.08010")
    desk.quote("lp1", "1.20000", "1.20010")
    figures = desk.engine.figures(1)
    assert figures is not None
    assert figures["floating"] == -10_050 * 10**6
    desk.group(version=2, execution="stp", method="equal")
    (leg,) = only(desk.order(1, "0.5"), "Leg")
    assert leg["to"] == "lp2"


def test_no_way_to_the_account_s_currency() -> None:
    desk = watched()
    desk.account(2, "10000", "NOK")
    desk.member(2)
    desk.group(version=2, method="equal")
    positioned(desk, login=2)
    assert alerts(settled(desk)) == [("out_of_sync", 2)]
    plan = {member["login"]: member["reason"] for member in only(desk.deal(1, "1"), "PlanMember")}
    assert plan == {1: "none", 2: "no_rate"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"position": 0}, "out_of_range"),
        ({"volume": "-1"}, "out_of_range"),
        ({"price_open": "0"}, "out_of_range"),
        ({"rate_margin": "-1"}, "out_of_range"),
        ({"instrument": 99}, "unknown_instrument"),
        ({"login": 99}, "unknown_account"),
    ],
)
def test_positions_that_make_no_sense(fields: dict, reason: str) -> None:
    desk = watched()
    values = {
        "login": 1,
        "position": 9,
        "instrument": EURUSD,
        "side": "buy",
        "volume": "1",
        "price_open": "1.1",
    }
    refused(desk.send("broker", "PositionState", **(values | fields)), reason)


# --- what a server group has of its own ---


def override(desk: Desk, **fields: object) -> list[dict]:
    values = {"server_group": 5, "instrument": EURUSD, "trade_mode": "full", "volume_max": "500"}
    values |= {"margin_rate_buy": "1", "margin_rate_sell": "1"}
    return desk.send("broker", "InstrumentOverride", **(values | fields))


def two_groups() -> Desk:
    """Login 1 is of no server group, login 2 of number 5; both have a margin buffer of 2."""
    desk = watched(margin_buffer="2")
    desk.account(2, "10000", server_group=5)
    desk.member(2, margin_buffer="2")
    desk.group(version=2, method="equal")
    return desk


def test_an_override_counts_in_plans_and_margin_of_its_group_alone() -> None:
    desk = two_groups()
    accepted(override(desk, margin_rate_buy="4"))
    assert volumes(desk.deal(1, "20")) == {1: "5", 2: "1.25"}  # 5,000 of margin each: 1:100 and 1:25
    for login in (1, 2):
        figures = desk.engine.figures(login)
        assert figures is not None and figures["margin"] == 5_000 * 10**6
    accepted(override(desk, margin_rate_buy="8"))  # with positions open: their margin is another at once
    figures = desk.engine.figures(2)
    assert figures is not None and figures["margin"] == 10_000 * 10**6


def test_an_override_s_trade_mode_and_largest_volume() -> None:
    desk = two_groups()
    accepted(override(desk, trade_mode="short_only"))
    plan = {member["login"]: member["reason"] for member in only(desk.deal(1, "2"), "PlanMember")}
    assert plan == {1: "none", 2: "permission"}
    accepted(override(desk, volume_max="0.3"))
    assert volumes(desk.deal(2, "2")) == {1: "1", 2: "0.3"}


def test_an_instrument_announced_anew_leaves_overrides_alone() -> None:
    desk = two_groups()
    accepted(override(desk, margin_rate_buy="4"))
    desk.instrument(margin_currency="USD", volume_max="100")
    assert volumes(desk.deal(1, "20")) == {1: "5", 2: "1.25"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"server_group": 0}, "out_of_range"),
        ({"instrument": 99}, "unknown_instrument"),
        ({"margin_initial": "-1"}, "out_of_range"),
        ({"maintenance_rate_sell": "-1"}, "out_of_range"),
    ],
)
def test_overrides_that_make_no_sense(fields: dict, reason: str) -> None:
    refused(override(two_groups(), **fields), reason)


def own_volumes(desk: Desk, **fields: object) -> list[dict]:
    values = {"server_group": 5, "instrument": EURUSD}
    return desk.send("broker", "InstrumentVolumes", **(values | fields))


def reasons(outputs: list[dict]) -> dict[int, str]:
    return {member["login"]: member["reason"] for member in only(outputs, "PlanMember")}


def test_a_server_group_s_smallest_volume_is_its_members_alone() -> None:
    """Who is under it is skipped, and its part offered to the others; raised, it is paid for by them."""
    desk = two_groups()
    accepted(own_volumes(desk, volume_min="0.2"))
    said = desk.deal(1, "0.3")
    assert (volumes(said), reasons(said)) == ({1: "0.3"}, {1: "none", 2: "below_minimum"})
    assert volumes(desk.deal(2, "0.4")) == {1: "0.2", 2: "0.2"}
    desk.group(version=3, method="equal", below_min="raise")
    assert volumes(desk.deal(3, "0.3")) == {1: "0.1", 2: "0.2"}
    desk.group(version=4, method="fixed_lots")
    desk.member(2, "0.1", margin_buffer="2")
    assert volumes(desk.deal(4, "2")) == {1: "1"}
    accepted(own_volumes(desk, volume_min="0.1"))
    assert volumes(desk.deal(5, "2")) == {1: "1", 2: "0.1"}
    accepted(own_volumes(desk))  # 0: as the instrument's
    desk.group(version=5, method="equal")
    assert volumes(desk.deal(6, "0.02")) == {1: "0.01", 2: "0.01"}
    assert desk.engine.laws() == [0] * 10


def test_a_smallest_volume_under_the_instrument_s() -> None:
    desk = two_groups()
    desk.instrument(margin_currency="USD", volume_min="0.1")
    assert volumes(desk.deal(1, "0.19")) == {1: "0.19"}
    accepted(own_volumes(desk, volume_min="0.01"))
    assert volumes(desk.deal(2, "0.19")) == {2: "0.19"}  # 0.095 is under login 1's
    desk.instrument(margin_currency="USD", volume_min="0.05")
    assert volumes(desk.deal(3, "0.16")) == {1: "0.08", 2: "0.08"}


def test_a_server_group_s_limit_of_one_direction() -> None:
    desk = two_groups()
    accepted(own_volumes(desk, volume_limit="0.3"))
    said = desk.deal(1, "1")
    assert (volumes(said), reasons(said)) == ({1: "0.5", 2: "0.3"}, {1: "none", 2: "volume_limit"})
    desk.book_all(said)
    assert volumes(desk.deal(2, "1")) == {1: "0.5"}
    desk.instrument(margin_currency="USD", volume_limit="0.7")
    accepted(own_volumes(desk))
    assert volumes(desk.deal(3, "1")) == {2: "0.4"}


def test_a_limit_counts_what_lps_are_executing() -> None:
    desk = two_groups()
    desk.group(version=3, method="equal", execution="stp")
    desk.member(2)  # neither buffer nor leverage: the limit alone looks at its positions
    accepted(own_volumes(desk, volume_limit="0.3"))
    assert reasons(desk.order(1, "0.4")) == {1: "none", 2: "none"}  # its leg is out
    desk.group(group=8, method="equal", execution="stp")
    accepted(desk.send("control", "Member", group=8, login=2, weight="1"))
    (plan,) = only(desk.order(2, "0.4", group=8), "PlanMember")
    assert (plan["volume"], plan["reason"]) == ("0.1", "volume_limit")


def test_a_block_that_ends_short_keeps_everybody_s_smallest_volume() -> None:
    """Login 2 has 0.2 or nothing, and what it cannot have is login 1's."""
    for filled, shares in (
        ("0.3", {1: "0.1", 2: "0.2"}),
        ("0.15", {1: "0.15"}),
        ("0.8", {1: "0.4", 2: "0.4"}),
    ):
        desk = two_groups()
        desk.group(version=3, method="equal", execution="stp")
        accepted(own_volumes(desk, volume_min="0.2"))
        (leg,) = only(desk.order(1, "0.8"), "Leg")
        accepted(own_volumes(desk, volume_min="0.5"))  # the plan is frozen
        said = desk.execution(leg, filled, filled, "1.1001")
        if filled != "0.8":
            said += desk.execution(leg, filled, "0", "0", kind="ended")
        assert volumes(said) == shares
        assert desk.engine.laws() == [0] * 10


def test_refused_volume_is_offered_only_to_those_who_can_book_it() -> None:
    desk = two_groups()
    desk.account(3)
    desk.member(3)
    desk.group(version=3, method="equal", on_refused="reallocate")
    accepted(own_volumes(desk, volume_min="0.2"))
    said = desk.deal(1, "0.6")
    assert volumes(said) == {1: "0.2", 2: "0.2", 3: "0.2"}
    for booking in only(said, "Booking"):
        again = desk.book(booking, status="refused" if booking["login"] == 3 else "booked")
    assert volumes(again) == {1: "0.2"}  # 0.1 for each of the others is too little for login 2
    assert desk.engine.laws() == [0] * 10


def test_a_server_group_s_step_is_the_instrument_s_or_divides_it() -> None:
    desk = two_groups()
    desk.instrument(margin_currency="USD", volume_min="0.1", volume_step="0.1")
    accepted(own_volumes(desk, volume_step="0.01"))
    accepted(own_volumes(desk, volume_step="0.1"))
    said = own_volumes(desk, volume_step="0.2")
    refused(said, "step_coarser")
    assert only(said, "Reject")[0]["field_id"] == 5
    fields = {"symbol": "EURUSD", "base_currency": "EUR", "profit_currency": "USD", "margin_currency": "USD"}
    fields |= {"contract_size": "100000", "digits": 5, "volume_max": "500", "trade_mode": "full"}
    fields |= {"instrument": EURUSD, "volume_min": "0.1"}
    said = desk.send("broker", "Instrument", volume_step="0.01", **fields)  # the group's is 0.1
    refused(said, "step_coarser")
    accepted(own_volumes(desk, volume_step="0.01", volume_min="0.11"))  # of tenths, 0.2 is the least
    assert volumes(desk.deal(2, "0.3")) == {1: "0.3"}
    accepted(own_volumes(desk, volume_step="0.1"))
    said = desk.deal(1, "0.4")
    assert volumes(said) == {1: "0.2", 2: "0.2"}
    accepted(own_volumes(desk))
    accepted(desk.send("broker", "Instrument", volume_step="0.01", **fields))


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"server_group": 0}, "out_of_range", 2),
        ({"instrument": 99}, "unknown_instrument", 3),
        ({"volume_min": "-1"}, "out_of_range", 4),
        ({"volume_min": "501"}, "out_of_range", 4),
        ({"volume_step": "-0.01"}, "out_of_range", 5),
        ({"volume_limit": "-1"}, "out_of_range", 6),
    ],
)
def test_volumes_that_make_no_sense(fields: dict, reason: str, field: int) -> None:
    said = own_volumes(two_groups(), **fields)
    refused(said, reason)
    assert only(said, "Reject")[0]["field_id"] == field


def test_an_override_leaves_what_it_says_nothing_of() -> None:
    """Neither tiers nor volumes of a group freeze the rest of its instrument, nor does a largest of 0."""
    desk = two_groups()
    accepted(own_volumes(desk, volume_min="0.2"))
    desk.instrument(margin_currency="USD", margin_rate_buy="4")
    assert volumes(desk.deal(1, "20")) == {1: "1.25", 2: "1.25"}
    accepted(override(desk, volume_max="0"))
    desk.instrument(margin_currency="USD", volume_max="0.3")
    assert volumes(desk.deal(2, "2")) == {1: "0.3", 2: "0.3"}
    said = override(desk, volume_max="0.1")  # under its smallest
    refused(said, "out_of_range")
    assert only(said, "Reject")[0]["field_id"] == 6


def test_tiers_of_a_server_group() -> None:
    desk = two_groups()
    for group, rate in ((0, "2"), (5, "4")):
        values = {"instrument": EURUSD, "tier": 0, "tier_range": "volume_per_symbol", "server_group": group}
        values |= {"from_amount": 0, "to_amount": 10**12, "initial_rate": rate, "maintenance_rate": rate}
        accepted(desk.send("broker", "LeverageTier", **values))
    assert volumes(desk.deal(1, "20")) == {1: "2.5", 2: "1.25"}


# --- position keeping ---


def test_an_account_that_may_not_hedge() -> None:
    desk = watched()
    desk.account(2, "10000", trade_flags=0x200)
    desk.member(2)
    desk.group(version=2, method="equal")
    bookings = desk.deal(1, "2")
    assert volumes(bookings) == {1: "1", 2: "1"}
    plan = {m["login"]: m["reason"] for m in only(desk.deal(2, "2", side="sell"), "PlanMember")}
    assert plan == {1: "none", 2: "hedge_prohibited"}  # its buy is on the way
    desk.book_all(bookings)
    desk.book_all(desk.deal(3, "2", side="sell", entry="closing", position=1))
    assert volumes(desk.deal(4, "2", side="sell")) == {1: "1", 2: "1"}


def test_close_by() -> None:
    """A buy of 2 is closed by 1.5 of a sell: every child the same, at one price; the rest stays."""
    desk = watched()
    desk.account(2, "10000")
    desk.member(2)
    desk.group(version=2, method="equal")
    desk.book_all(desk.deal(1, "2"))
    desk.book_all(desk.deal(2, "3", side="sell", price="1.1"))
    said = desk.deal(3, "1.5", side="sell", entry="close_by", position=1, position_by=2, price="1.1")
    bookings = only(said, "Booking")
    assert sorted((b["side"], b["login"], b["entry"], b["volume"]) for b in bookings) == [
        ("buy", 1, "closing", "0.75"),
        ("buy", 2, "closing", "0.75"),
        ("sell", 1, "closing", "0.75"),
        ("sell", 2, "closing", "0.75"),
    ]
    assert {report["master_position"] for report in only(said, "MasterReport")} == {1, 2}
    desk.book_all(bookings)
    for login in (1, 2):
        figures = desk.engine.figures(login)
        assert figures is not None  # 10 points on 0.75 of what was bought
        assert (figures["positions"], figures["balance"]) == (2, (10_000 * 10 - 75) * 10**5)
    desk.no_law_broken()
    again = {"entry": "close_by", "side": "sell", "position": 1}
    refused(desk.deal(4, "0.5", position_by=1, **again), "unknown_position")
    refused(desk.deal(5, "0.5", position_by=9, **again), "unknown_position")


def test_netting_increases_reduces_reverses_and_closes() -> None:
    desk = watched()
    desk.account(2, "100000", margin_mode="netting")
    desk.member(2)
    desk.account(1, "10000")
    desk.send("control", "Member", group=GROUP, login=1, status="left", weight="1", operator_name="ops")

    def held() -> tuple[int, int]:
        figures = desk.engine.figures(2)
        assert figures is not None
        return figures["positions"], figures["margin"]

    desk.book_all(desk.deal(1, "2"))
    desk.book_all(desk.deal(2, "1", price="1.1031"))
    assert held() == (1, 3_000 * 10**6)
    desk.book_all(desk.deal(3, "1", side="sell", price="1.1"))
    assert held() == (1, 2_000 * 10**6)
    desk.book_all(desk.deal(4, "5", side="sell", price="1.1"))
    assert held() == (1, 3_000 * 10**6)
    desk.book_all(desk.deal(5, "3", price="1.1"))
    assert held() == (0, 0)


# --- levels ---


def test_levels_in_money() -> None:
    desk = watched()
    desk.account(1, "10000", margin_call="6000", stop_out="3000", stop_out_mode="money")
    positioned(desk)
    assert alerts(at_price(desk, "1.09300")) == []
    said = at_price(desk, "1.09200")  # equity 5,950
    assert alerts(said) == [("margin_call", 1)]
    (alert,) = only(said, "RiskAlert")
    assert (alert["measured"], alert["limit"]) == ("5950", "6000")
    assert alerts(at_price(desk, "1.08000")) == [("stop_out", 1)]
    assert alerts(at_price(desk, "1.08001")) == []


def test_a_fully_hedged_account_below_zero_is_stopped_out_where_its_flag_says_so() -> None:
    desk = watched()
    desk.account(1, "1000", stop_out="50", trade_flags=0x80)
    desk.account(2, "1000", stop_out="50")
    for login in (1, 2):
        positioned(desk, "5", login=login, position=9, price_open="1.11")
        positioned(desk, "5", login=login, position=10, side="sell", price_open="1.10")
    assert alerts(at_price(desk, "1.10000")) == [("stop_out", 1)]


# --- days, in a zone ---

HOUR = 3600 * 10**9


def test_a_zone_s_days_are_23_and_25_hours_long_where_its_clocks_change() -> None:
    desk = watched()
    for message in time_zone(3, "Europe/London", 1_700_000_000, 1_750_000_000):
        accepted(desk.send("control", **message))
    began = datetime(2024, 3, 29, 12, tzinfo=UTC)
    desk.clock(int(began.timestamp()) * 10**9)
    desk.member(
        1,
        drawdown_basis="daily",
        drawdown_money="100",
        drawdown_reset=17 * HOUR,
        drawdown_zone=3,
        operator_name="ops",
    )
    settled(desk)
    assert desk.engine.deadline is not None
    first = datetime.fromtimestamp(desk.engine.deadline / 10**9, UTC)
    assert first == datetime(2024, 3, 29, 17, tzinfo=UTC)
    lengths = []
    last = desk.engine.deadline
    for _ in range(230):
        desk.clock(last)
        settled(desk)
        assert desk.engine.deadline is not None
        lengths.append((desk.engine.deadline - last) // HOUR)
        last = desk.engine.deadline
        local = datetime.fromtimestamp(last / 10**9, ZoneInfo("Europe/London"))
        assert (local.hour, local.minute) == (17, 0)
    assert sorted(set(lengths)) == [23, 24, 25]
    assert (lengths.count(23), lengths.count(25)) == (1, 1)


def test_a_member_of_a_zone_that_nobody_told() -> None:
    desk = watched()
    values = {"group": GROUP, "login": 1, "weight": "1", "operator_name": "ops", "drawdown_zone": 4}
    refused(desk.send("control", "Member", **values), "unknown_zone")
    refused(desk.send("control", "TimeZone", zone=17, zone_name="X"), "out_of_range")
    refused(desk.send("control", "TimeZone", zone=1, zone_offset=24 * HOUR, zone_name="X"), "out_of_range")


# --- close-outs ---


def test_a_close_out_of_an_stp_group_goes_to_the_lps_and_tells_the_master_s_server() -> None:
    desk = watched(drawdown_basis="initial", drawdown_action="close_out", drawdown_money="1000")
    desk.account(2, "1000000")
    desk.member(2, operator_name="ops")
    desk.group(version=2, method="equal", execution="stp")
    (leg,) = only(desk.order(77, "10"), "Leg")
    desk.book_all(desk.execution(leg, "10", "10", "1.1001"))
    said = at_price(desk, "1.09800")
    assert only(said, "Booking") == []
    (leg,) = only(said, "Leg")
    assert (leg["side"], leg["volume"]) == ("sell", "5")
    said = desk.execution(leg, "5", "5", "1.098")
    (booking,) = only(said, "Booking")
    assert (booking["login"], booking["volume"], booking["entry"]) == (1, "5", "closing")
    (report,) = only(said, "MasterReport")
    assert (report["to"], report["order"], report["master_position"]) == ("broker", 0, 77)
    assert (report["reason"], report["filled"], report["allocated"]) == ("drawdown_stop", "5", "5")
    desk.book(booking)
    settled(desk)
    (leg,) = only(desk.order(78, "5", side="sell", entry="closing", position=77), "Leg")
    assert leg["volume"] == "5"  # the master's volume has followed
    desk.book_all(desk.execution(leg, "5", "5", "1.098"))
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


def test_a_close_out_of_a_fifo_account_begins_with_its_oldest() -> None:
    desk = watched(drawdown_basis="initial", drawdown_action="close_out", drawdown_money="1000")
    desk.account(1, "10000", trade_flags=0x100)
    for deal in (1, 2, 3):
        desk.book_all(desk.deal(deal, "2"))
    said = at_price(desk, "1.09500")
    assert [booking["position"] // 1000 for booking in only(said, "Booking")] == [1, 2, 3]


# --- asking the server ---

PLAIN_POSITION = {"login": 2, "position": 8, "instrument": EURUSD, "side": "buy", "volume": "1"}
PLAIN_POSITION |= {"as_of": 5, "price_open": "1.1"}


def test_figures_that_are_too_old_are_told_and_asked_for() -> None:
    desk = watched()
    desk.group(version=2, state_max_age=1000, method="equal")
    desk.send("broker", "AccountState", login=1, balance="10000", equity="10000")
    told = desk.time
    said = []
    while desk.engine.deadline is not None and desk.engine.deadline < told + 9 * 10**9:
        said += desk.clock(desk.engine.deadline)
    assert alerts(said) == [("state_stale", 1)]
    assert [(out["login"], out["to"]) for out in only(said, "Resync")] == [(1, "broker")] * 2
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["reason"] == "state_stale"
    assert alerts(desk.send("broker", "AccountState", login=1, balance="10000", equity="10000")) == [
        ("state_fresh", 1)
    ]
    (member,) = only(desk.deal(2, "1"), "PlanMember")
    assert member["reason"] == "none"


def test_figures_that_differ_are_asked_for_until_they_agree() -> None:
    desk = watched()
    positioned(desk)
    state = {"login": 1, "balance": "10000", "as_of": 6}
    said = desk.send("broker", "AccountState", equity="9950", margin="5400", **state)
    assert [(out["login"], out["to"]) for out in only(said, "Resync")] == [(1, "broker")]
    began, said = desk.time, []
    while desk.engine.deadline is not None and desk.engine.deadline < began + 12 * 10**9:
        said += desk.clock(desk.engine.deadline)
    assert len(only(said, "Resync")) == 2
    desk.send("broker", "AccountState", equity="9950", margin="5000", **state)
    settled(desk)
    desk.clock(desk.time + 10**9)
    assert desk.engine.deadline is None


def clocked(desk: Desk, seconds: int) -> list[dict]:
    """What the engine says at the Clocks that it asks for, until then."""
    end, said = desk.time + seconds * 10**9, []
    while desk.engine.deadline is not None and desk.engine.deadline <= end:
        said += desk.clock(max(desk.engine.deadline, desk.time))
    said += desk.clock(end)
    return said


def asked(outputs: list[dict]) -> list[int]:
    return [out["login"] for out in only(outputs, "Resync")]


def test_after_a_hole_all_is_asked_for_until_figures_come() -> None:
    desk = watched()
    positioned(desk)
    desk.account(2, "10000")
    accepted(desk.send("broker", "PositionState", **PLAIN_POSITION))
    clocked(desk, 1)
    desk.sequences["broker"] += 3  # a hole
    state = {"balance": "10000", "as_of": 7}
    assert asked(desk.send("broker", "Heartbeat")) == [0]
    assert asked(clocked(desk, 16)) == [0, 0, 0]  # nobody answers: every five seconds
    desk.send("broker", "AccountState", login=1, equity="9950", margin="5000", **state)
    assert asked(clocked(desk, 16)) == [2] * 3  # only the one that is still missing
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["reason"] == "none"
    desk.send("broker", "AccountState", login=2, equity="10000", margin="1000", **state)
    assert asked(clocked(desk, 16)) == []


def test_a_hole_of_a_server_without_accounts_ends_with_its_first_figures() -> None:
    desk = watched()
    desk.sequences["broker"] += 3
    assert asked(desk.send("broker", "Heartbeat")) == [0]
    desk.send("broker", "AccountState", login=1, balance="10000", equity="10000", as_of=7)
    assert asked(clocked(desk, 16)) == []
    assert desk.engine.deadline is None


# --- conflation ---


def test_quotes_that_come_together_are_valued_once() -> None:
    desk = watched()
    positioned(desk)
    settled(desk)
    before = desk.engine.counts()
    for pip in range(50):
        desk.quote("lp1", f"1.{10000 + pip}", f"1.{10010 + pip}")
    settled(desk)
    after = desk.engine.counts()
    assert after["revaluations"] - before["revaluations"] == 1
    assert after["conflated"] - before["conflated"] == 48  # the first one is the mark that there was
    assert after["quotes"] - before["quotes"] == 50


def test_an_order_in_a_burst_of_quotes_waits_for_no_valuation_and_has_the_newest_marks() -> None:
    desk = watched()
    desk.group(version=2, method="equity")
    positioned(desk, "1", price_open="1.1")
    others = 1300
    for login in range(2, 2 + others):
        desk.account(login)
        position = {"position": login, "instrument": EURUSD, "side": "buy", "volume": "1", "as_of": 5}
        accepted(desk.send("broker", "PositionState", login=login, price_open="1.1", **position))
    clocked(desk, 1)
    begin = desk.engine.counts()["revaluations"]
    for pip in range(1, 301):  # two LPs take turns; the newest of each counts
        desk.quote("lp1", f"{1.1 + pip / 1e5:.5f}", f"{1.1002 + pip / 1e5:.5f}")
        desk.quote("lp2", f"{1.1001 + pip / 1e5:.5f}", f"{1.1003 + pip / 1e5:.5f}")
    assert desk.engine.counts()["revaluations"] == begin
    desk.clock(desk.time + 2_000_000)
    slice_of = desk.engine.counts()["revaluations"] - begin
    assert 0 < slice_of <= 640  # a slice, and what a page has over it
    assert desk.engine.deadline == desk.time  # more is to do; but first the order
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert member["measure"] == "10310"  # bid 1.1031
    assert desk.engine.counts()["revaluations"] == begin + slice_of
    settled(desk)
    assert others < desk.engine.counts()["revaluations"] - begin <= others + 1 + 640  # once, not 600 times
    for login in (1, 2, 1 + others):
        figures = desk.engine.figures(login)
        assert figures is not None and figures["swept"] == figures["floating"]


# --- bad input: a defined effect each, in the log ---


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("1.1002", "1.1001", "crossed_quote"),
        ("0", "1.1", "out_of_range"),
        ("-1", "1.1", "out_of_range"),
        ("1.1", "-1.1", "out_of_range"),
    ],
)
def test_a_bad_quote_withdraws_its_source_and_leaves_the_mark(bid: str, ask: str, reason: str) -> None:
    desk = watched()
    positioned(desk)
    figures = desk.engine.figures(1)
    refused(desk.quote("lp2", bid, ask), reason)
    settled(desk)
    assert desk.engine.figures(1) == figures
    refused(desk.quote("lp1", bid, ask), reason)
    settled(desk)
    assert desk.engine.figures(1) == figures  # the last good mark, though nobody quotes now
    desk.group(version=2, execution="stp", method="equal")
    (report,) = only(desk.order(1, "0.5"), "MasterReport")
    assert report["reason"] == "no_liquidity"


def test_both_prices_zero_withdraw_a_quote() -> None:
    desk = watched()
    positioned(desk)
    figures = desk.engine.figures(1)
    for lp in ("lp2", "lp1"):
        accepted(desk.quote(lp, "0", "0"))
    settled(desk)
    assert desk.engine.figures(1) == figures


def test_a_stale_quote_is_no_price_to_deal_on() -> None:
    desk = watched()
    desk.instrument(margin_currency="USD", stale_after=500)
    desk.group(version=2, execution="stp", method="equal")
    desk.clock(desk.time + 10**9)
    said = desk.order(1, "0.5")
    assert {source["reason"] for source in only(said, "BookSource")} == {"stale_quote"}
    (report,) = only(said, "MasterReport")
    assert report["reason"] == "no_liquidity"


def test_unknown_instruments_and_leverage_zero() -> None:
    desk = watched()
    refused(desk.quote("lp1", "1", "2", instrument=99), "unknown_instrument")
    refused(desk.send("broker", "Account", login=5, currency="USD", leverage=0), "out_of_range")
    values = {"instrument": 3, "symbol": "X", "profit_currency": "USD", "contract_size": "1", "digits": 2}
    values |= {"volume_min": "1", "volume_step": "1", "volume_max": "9", "margin_rate_buy": "-1"}
    refused(desk.send("broker", "Instrument", **values), "out_of_range")


GOOD = {"bid": "1.1", "ask": "1.1001", "bid_volume": "1", "ask_volume": "1"}
BAD = {
    "crossed": ("Quote", {"bid": "1.1002"}, "crossed_quote", 4),
    "no bid": ("Quote", {"bid": "0"}, "out_of_range", 4),
    "no ask": ("Quote", {"ask": "0"}, "out_of_range", 4),
    "negative bid": ("Quote", {"bid": "-1.1"}, "out_of_range", 4),
    "negative ask": ("Quote", {"ask": "-1.1"}, "out_of_range", 4),
    "bid over the widest price": ("Quote", {"bid": "23058430093", "ask": "23058430094"}, "out_of_range", 4),
    "ask over the widest price": ("Quote", {"ask": "23058430093"}, "out_of_range", 5),
    "negative size": ("Quote", {"ask_volume": "-1"}, "out_of_range", 6),
    "no such level": ("Quote", {"level": 8}, "out_of_range", 3),
    "unknown instrument": ("Quote", {"instrument": 99}, "unknown_instrument", 2),
    "leverage 0": ("Account", {"leverage": 0}, "out_of_range", 4),
    "no currency": ("Account", {"currency": ""}, "out_of_range", 3),
}


@pytest.mark.parametrize("source", ["lp1", "broker"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_changes_no_account_and_stops_nothing(name: str, source: str) -> None:
    """Of an LP and of the server itself, whose own price is the mark; with a position open."""
    msg, wrong, reason, field = BAD[name]
    desk = watched()
    positioned(desk)
    desk.quote("broker", "1.09990", "1.10000")
    settled(desk)
    before = desk.engine.figures(1)
    values = {"instrument": EURUSD} | GOOD
    if msg == "Account":
        source = "broker"
        values = {"login": 1, "currency": "USD", "leverage": 100, "trade_mode": "full", "money_digits": 2}
        values |= {"margin_mode": "hedging", "free_margin_mode": "both"}
    said = desk.send(source, msg, **(values | wrong))
    (reject,) = only(said, "Reject")
    assert (reject["to"], reject["reason"], reject["field_id"]) == (source, reason, field)
    settled(desk)
    figures = desk.engine.figures(1)
    assert before is not None and figures is not None
    withdrawn = source == "broker" and msg == "Quote" and reason != "unknown_instrument"
    assert figures["floating"] == -(50 if withdrawn else 100) * 10**6  # else LPs' is the mark
    desk.quote("broker", "1.09990", "1.10000")
    settled(desk)
    assert desk.engine.figures(1) == before
    assert volumes(desk.deal(1, "1")) == {1: "1"}
    assert desk.engine.laws() == [0] * 10
