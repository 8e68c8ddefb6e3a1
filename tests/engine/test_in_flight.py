"""Margin buffer and maximum leverage with positions held, bookings asked for and orders at LPs.

The oracle is in Fraction, by definition: margin = lots x contract size x price / leverage (forex),
exposure = lots x contract size x price, each position, booking or order on its way at its own price.
"""

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.desk import Desk, only

CONTRACT = 100_000
LEVERAGE = 100
BID, ASK = Fraction("1.1"), Fraction("1.1001")
STEP = Fraction("0.01")


class Account:
    """What one account has: (side, lots, price), confirmed or not."""

    def __init__(self, balance: int) -> None:
        self.balance = Fraction(balance)
        self.rows: list[tuple[str, Fraction, Fraction]] = []

    def equity(self) -> Fraction:
        profit = sum(
            lots * CONTRACT * ((BID - price) if side == "buy" else (price - ASK))
            for side, lots, price in self.rows
        )
        return self.balance + profit

    def margin(self) -> Fraction:
        """Hedging, hedged margin zero: the uncovered volume at the average price of its side."""
        total = Fraction(0)
        sides = {side: [row for row in self.rows if row[0] == side] for side in ("buy", "sell")}
        volume = {side: sum((row[1] for row in rows), Fraction(0)) for side, rows in sides.items()}
        for side, other in (("buy", "sell"), ("sell", "buy")):
            uncovered = volume[side] - volume[other]
            if uncovered > 0:
                notional = sum(row[1] * row[2] for row in sides[side])
                total += uncovered * notional / volume[side] * CONTRACT / LEVERAGE
        return total

    def exposure(self) -> Fraction:
        return sum((lots for _, lots, _ in self.rows), Fraction(0)) * CONTRACT * ASK

    def allowed(self, volume: Fraction, buffer: Fraction, leverage: Fraction) -> bool:
        """May a buy of so much come on top?"""
        more = Account(0)
        more.rows = [*self.rows, ("buy", volume, ASK)]
        enough = not buffer or self.equity() >= buffer * more.margin()
        return enough and (
            not leverage or self.exposure() + volume * CONTRACT * ASK <= leverage * self.equity()
        )

    def most(self, buffer: Fraction, leverage: Fraction) -> Fraction:
        """In whole steps."""
        low, high = 0, 10**5
        while low < high:
            middle = (low + high + 1) // 2
            if self.allowed(middle * STEP, buffer, leverage):
                low = middle
            else:
                high = middle - 1
        return low * STEP


def desk_of(balance: int, buffer: str, leverage: str, **policy: Any) -> Desk:
    desk = Desk()
    desk.instrument()
    desk.group(execution="stp", **policy)
    desk.account(1, str(balance), leverage=LEVERAGE)
    desk.member(1, margin_buffer=buffer, max_leverage=leverage)
    desk.quote("lp1", "1.1", "1.1001")
    return desk


def text(value: Fraction) -> str:
    return f"{float(value):.2f}"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(5_000, 100_000),
    st.sampled_from(["0", "1", "1.5", "2.5"]),
    st.sampled_from(["0", "5", "20", "33.3"]),
    st.lists(
        st.tuples(st.sampled_from(["held", "asked", "working", "rejected"]), st.integers(1, 40)), max_size=4
    ),
)
def test_caps_see_all_that_is_held_and_in_flight(
    balance: int, buffer: str, leverage: str, before: list[tuple[str, int]]
) -> None:
    desk, account = desk_of(balance, buffer, leverage), Account(balance)
    number = 0
    for state, steps in before:
        number += 1
        volume = min(steps * STEP, account.most(Fraction(buffer), Fraction(leverage)))
        outputs = desk.order(number, text(steps * STEP))
        legs = only(outputs, "Leg")
        assert [leg["volume"] for leg in legs] == [text(volume).rstrip("0").rstrip(".")] * (volume > 0)
        if not legs:
            continue
        if state == "rejected":
            desk.execution(legs[0], "0", "0", "0", kind="rejected")
            continue
        account.rows.append(("buy", volume, ASK))
        if state != "working":
            said = desk.execution(legs[0], text(volume), text(volume), "1.1001")
            if state == "held":
                desk.book_all(said)
    most = account.most(Fraction(buffer), Fraction(leverage))
    if not Fraction(buffer) and not Fraction(leverage):
        most = Fraction(500)
    (row,) = only(desk.order(number + 1, "500"), "PlanMember")
    assert Fraction(row["volume"]) == most
    desk.no_law_broken()


def test_what_lps_fill_in_part_frees_the_rest_and_a_refusal_all() -> None:
    desk = desk_of(100_000, "0", "5")  # 500,000 of exposure: 4.545 lots at 1.1001
    (leg,) = only(desk.order(1, "4"), "Leg")
    assert only(desk.order(2, "4"), "PlanMember")[0]["volume"] == "0.54"
    said = desk.execution(leg, "1", "1", "1.1001") + desk.execution(leg, "1", "0", "0", kind="ended")
    (booking,) = only(said, "Booking")
    assert only(desk.order(3, "9"), "PlanMember")[0]["volume"] == "3"  # 4.54 - 1 - 0.54
    desk.book(booking, status="refused")
    assert only(desk.order(4, "9"), "PlanMember")[0]["volume"] == "1"  # 4.54 - 0.54 - 3
    desk.no_law_broken()


def test_a_netting_account_may_reverse_under_its_leverage() -> None:
    """It is short 1; a buy closes that first, and then opens 5 x equity the other way."""
    desk = desk_of(100_000, "0", "5")
    desk.account(2, "100000", leverage=LEVERAGE, margin_mode="netting")
    desk.member(1, status="left")
    desk.member(2, max_leverage="5")
    (leg,) = only(desk.order(1, "1", side="sell"), "Leg")
    desk.book_all(desk.execution(leg, "1", "1", "1.1"))
    (row,) = [r for r in only(desk.order(2, "9"), "PlanMember") if r["login"] == 2]
    equity = 100_000 - CONTRACT * (ASK - BID)
    exact = 1 + 5 * equity / (CONTRACT * ASK)
    assert Fraction(row["volume"]) == exact // STEP * STEP
    assert row["reason"] == "leverage" or row["binding"] == "leverage"
    desk.no_law_broken()
