"""Floating leverage of several instruments together: against Decimal, in plans, and when rates move."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.accounts import OWN_GROUP, AccountDesk
from tests.engine.desk import EURUSD, GROUP, Desk, accepted, only, refused, volumes
from tests.engine.test_accounts import alerts, positioned, settled, watched
from tests.native.valuation.published import BUY, NETTING, Position

STEP = Decimal("0.01")
LOT = 10**8
GBPUSD = 2
DOLLARS = {"profit_currency": "USD", "margin_currency": "USD"}


def rule(desk: Desk, tiers: list[tuple[int, int, str]], number: int = 1, **fields: object) -> None:
    for tier, (low, high, rate) in enumerate(tiers):
        values = {"rule": number, "tier": tier, "tier_range": "volume", "currency": "USD"}
        values |= {"from_amount": low, "to_amount": high, "initial_rate": rate, "maintenance_rate": rate}
        accepted(desk.send("broker", "LeverageRule", **(values | fields)))


def under(desk: Desk, *instruments: int, number: int = 1, **fields: object) -> None:
    for instrument in instruments:
        values = {"rule": number, "instrument": instrument}
        accepted(desk.send("broker", "LeverageRuleInstrument", **(values | fields)))


def two_pairs(**fields: object) -> Desk:
    """One account of 10,000 dollars at 1:100, two pairs of dollar margin, first tier 2 lots of both."""
    desk = watched(**fields)
    desk.instrument(GBPUSD, symbol="GBPUSD", base_currency="GBP", **DOLLARS, digits=5)
    for lp in ("lp1", "lp2"):
        desk.quote(lp, "1.25000", "1.25010", instrument=GBPUSD)
    desk.group(version=2, method="equal")
    return desk


def margin_of(desk: Desk, login: int = 1) -> int:
    figures = desk.engine.figures(login)
    assert figures is not None
    return figures["margin"] // 10**6


def test_the_exposure_of_all_instruments_of_a_rule_counts() -> None:
    """3 lots of one and 3 of the other: alone each is within 4 lots, together 2 of the 6 cost four times."""
    desk = two_pairs()
    rule(desk, [(0, 4 * LOT, "1"), (4 * LOT, 100 * LOT, "4")])
    positioned(desk, "3")
    positioned(desk, "3", position=10, instrument=GBPUSD, price_open="1.25")
    assert margin_of(desk) == 6_000
    under(desk, EURUSD, GBPUSD)
    assert margin_of(desk) == 12_000  # 6,000 x (4 x 1 + 2 x 4) / 6
    rule(desk, [(0, 4 * LOT, "1"), (4 * LOT, 100 * LOT, "4")], tier_range="volume_per_symbol")
    assert margin_of(desk) == 6_000
    rule(desk, [(0, 500_000 * 10**6, "1"), (500_000 * 10**6, 10**15, "2")], tier_range="value")
    assert margin_of(desk) == 7_744  # 205,030 of 330,030 + 375,000 count twice
    under(desk, GBPUSD, number=0)
    assert margin_of(desk) == 6_000


def test_a_plan_s_buffer_sees_the_other_instruments_of_the_rule() -> None:
    desk = two_pairs(margin_buffer="1")
    rule(desk, [(0, 4 * LOT, "1"), (4 * LOT, 100 * LOT, "4")])
    under(desk, EURUSD, GBPUSD)
    positioned(desk, "3", position=10, instrument=GBPUSD, price_open="1.2500")  # 3,000; worth what was paid
    assert volumes(desk.deal(1, "20")) == {1: "2.5"}  # 1 lot at 1,000, 1.5 at 4,000
    assert margin_of(desk) == 10_000


def test_a_pool_s_order_counts_where_nothing_of_it_is_held() -> None:
    """The order's own instrument is free; the tiers are full of the other one."""
    desk = two_pairs(margin_buffer="1")
    rule(desk, [(0, 3 * LOT, "0"), (3 * LOT, 100 * LOT, "5")])
    under(desk, EURUSD, GBPUSD)
    positioned(desk, "3", position=10, instrument=GBPUSD, price_open="1.25")
    assert margin_of(desk) == 0
    assert volumes(desk.deal(1, "20")) == {1: "2"}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 8),
    st.sampled_from(["volume", "value", "volume_per_symbol", "value_per_symbol"]),
    st.sampled_from(["", "USD", "EUR", "JPY"]),
    st.lists(st.sampled_from([0, 1, 5, 12, 40, 1000]), unique=True, min_size=2),
    st.lists(st.sampled_from(["0", "0.5", "1", "2", "5"]), min_size=6, max_size=6),
    st.lists(st.tuples(st.sampled_from([1, 2, 4, 7]), st.integers(0, 1), st.integers(1, 900)), max_size=5),
    st.sampled_from([1, 4, 7]),
    st.integers(0, 1),
)
def test_the_volume_that_the_buffer_leaves_is_the_largest(
    login: int,
    tier_range: str,
    currency: str,
    edges: list[int],
    rates: list[str],
    held: list[tuple[int, int, int]],
    number: int,
    side: int,
) -> None:
    """Margin with the planned volume holds by the Decimal formulas; with one step more it does not."""
    desk = AccountDesk()
    account, market = desk.bank.accounts[login], desk.bank.markets[number]
    scale = 10**6 if tier_range.startswith("value") else 1
    tiers = [
        (Decimal(low * scale), Decimal(high * scale), Decimal(rate))
        for (low, high), rate in zip(pairwise(sorted(edges)), rates, strict=False)
    ]
    desk.rule(1, tier_range, currency, tiers)
    for each in (1, 2, 4, 7):
        desk.under_rule(0, each, 1)
    for at, (where, way, lots) in enumerate(held):
        if account.mode == NETTING and any(row.market == where for row in account.rows.values()):
            continue
        price = Decimal({1: "1.1", 2: "110", 4: "1300", 7: "17000"}[where])
        desk.position(login, 100 + at, where, way, lots * STEP, price_open=price)
    desk.agree()
    desk.send("control", "Member", group=GROUP, login=login, weight="1", margin_buffer="2")
    for other in desk.bank.accounts:
        if other != login:
            desk.send("control", "Member", group=GROUP, login=other, weight="1", status="left")
    price = market.ask if side == BUY else market.bid
    equity = desk.bank.figures(login).equity
    rate = desk.bank.margin_rate(account, market, side)
    outputs = desk.deal(
        1, "500", instrument=number, side=("buy", "sell")[side], price=f"{price:f}", position=1
    )
    (row,) = [m for m in only(outputs, "PlanMember") if m["login"] == login]

    def holds(lots: Decimal) -> bool:
        return desk.bank.margin_with(account, market, Position(side, lots, price, rate)) * 2 <= equity

    volume = Decimal(row["volume"])
    assert not volume or holds(volume)
    assert volume == 500 or not holds(volume + STEP)


# --- when rates move ---


def in_yen() -> Desk:
    """Value counts in yen; no rate is known at first."""
    desk = watched(margin_buffer="1")
    desk.group(version=2, method="equal")
    rule(desk, [(0, 60 * 10**12, "1"), (60 * 10**12, 10**18, "5")], tier_range="value", currency="JPY")
    under(desk, EURUSD)
    return desk


def test_value_in_another_currency_moves_with_its_rate_and_so_do_the_levels() -> None:
    desk = in_yen()
    desk.instrument(2)
    desk.quote("lp1", "100.000", "100.010", instrument=2)
    positioned(desk)  # 550,050 dollars, 55 million yen
    settled(desk)
    assert margin_of(desk) == 5_000
    desk.quote("lp1", "150.000", "150.010", instrument=2)
    said = settled(desk)
    assert alerts(said) == [("warning", 1), ("margin_call", 1)]  # nothing but the yen has moved
    assert margin_of(desk) == 10_456  # 60 million at once, 22.5 five times
    desk.quote("lp1", "100.000", "100.010", instrument=2)
    settled(desk)
    assert margin_of(desk) == 5_000


def test_no_rate_into_the_tiers_currency_is_told_and_takes_nothing_new() -> None:
    desk = in_yen()
    (member,) = only(desk.deal(1, "1"), "PlanMember")
    assert (member["volume"], member["reason"]) == ("0", "no_rate")
    positioned(desk)
    assert alerts(settled(desk)) == [("out_of_sync", 1)]
    assert margin_of(desk) == 5_000  # as if there were no tiers
    (member,) = only(desk.deal(2, "1"), "PlanMember")
    assert (member["volume"], member["reason"]) == ("0", "no_rate")
    desk.instrument(2)
    desk.quote("lp1", "100.000", "100.010", instrument=2)
    assert alerts(settled(desk)) == [("in_sync", 1)]
    assert volumes(desk.deal(3, "1")) == {1: "1"}


# --- whose they are, and bad input ---


def test_a_server_group_s_rule_is_its_own() -> None:
    desk = AccountDesk()
    five = [(Decimal(0), Decimal(10**6), Decimal(5))]
    desk.rule(1, "volume", "", five)
    desk.rule(2, "volume", "", [(Decimal(0), Decimal(10**6), Decimal(3))])
    for login in (1, 2):
        desk.position(login, 10 + login, 1, BUY, Decimal(1), price_open=Decimal("1.1"))
    desk.under_rule(0, 1, 1)
    desk.under_rule(OWN_GROUP, 1, 2)
    desk.agree()
    desk.under_rule(OWN_GROUP, 1, 0)
    desk.floating_leverage(OWN_GROUP, 1, [])  # none, though all others have a rule
    desk.agree()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rule": 0}, "out_of_range"),
        ({"tier": 1}, "out_of_range"),
        ({"tier": 8}, "out_of_range"),
        ({"from_amount": 2**63}, "out_of_range"),
        ({"initial_rate": "-1"}, "out_of_range"),
    ],
)
def test_rules_that_make_no_sense(fields: dict, reason: str) -> None:
    values = {"rule": 1, "tier": 0, "tier_range": "volume", "from_amount": 0, "to_amount": LOT}
    values |= {"initial_rate": "1", "maintenance_rate": "1"}
    refused(watched().send("broker", "LeverageRule", **(values | fields)), reason)


def test_a_rule_s_tiers_count_in_one_currency_and_range() -> None:
    desk = watched()
    rule(desk, [(0, LOT, "1")])
    values = {"rule": 1, "tier": 1, "tier_range": "volume", "currency": "USD"}
    values |= {"from_amount": LOT, "to_amount": 2 * LOT, "initial_rate": "2", "maintenance_rate": "2"}
    refused(desk.send("broker", "LeverageRule", **(values | {"currency": "EUR"})), "out_of_range")
    refused(desk.send("broker", "LeverageRule", **(values | {"tier_range": "value"})), "out_of_range")
    accepted(desk.send("broker", "LeverageRule", **values))


def test_rules_are_the_sender_s_and_there_is_room_for_64() -> None:
    desk = watched()
    rule(desk, [(0, LOT, "1")])
    fields = {"rule": 1, "instrument": EURUSD}
    refused(desk.send("control", "LeverageRuleInstrument", **fields), "unknown_rule")
    refused(desk.send("broker", "LeverageRuleInstrument", rule=1, instrument=99), "unknown_instrument")
    for number in range(2, 65):
        rule(desk, [(0, LOT, "1")], number=number)
    values = {"rule": 1, "tier_range": "volume", "to_amount": LOT}
    refused(desk.send("control", "LeverageRule", **values), "table_full")


@pytest.mark.parametrize("tier_range", ["volume", "value"])
def test_one_instrument_s_tiers_cannot_be_of_several(tier_range: str) -> None:
    values = {"instrument": EURUSD, "tier_range": tier_range, "to_amount": LOT}
    refused(watched().send("broker", "LeverageTier", **values), "not_supported")
