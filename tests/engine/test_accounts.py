"""Accounts in real time against a second implementation: random days, and the real ticks."""

from decimal import Decimal
from random import Random

import pytest

from appliance.broker.ticks import merge, read_all
from tests.conftest import ROOT
from tests.engine.accounts import AccountDesk, AccountHistory
from tests.engine.desk import EURUSD, GROUP, Desk, accepted, only, refused, volumes
from tests.native.valuation.published import NETTING

TICKS = sorted((ROOT / "appliance" / "demo" / "data").glob("*.csv"))


@pytest.mark.parametrize("seed", range(12))
def test_random_days_against_decimal(seed: int) -> None:
    history = AccountHistory(Random(seed))
    for _ in range(120):
        history.step()
    history.swept()
    history.no_law_broken()


def test_the_real_ticks_at_every_tick() -> None:
    """The committed excerpt, both symbols, crossed quote included: equal to the last unit at every tick."""
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
        if at % 6 == 0:
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
    lifted = desk.send(
        "control",
        "Member",
        group=GROUP,
        login=1,
        weight="1",
        operator_name="Ada",
        drawdown_basis=basis,
        drawdown_action="close_only",
        drawdown_percent="10",
    )
    (end,) = only(lifted, "RiskStop")
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
