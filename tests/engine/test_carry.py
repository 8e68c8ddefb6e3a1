"""Rounding `carry` through blocks that are not wholly executed: nobody drifts."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.desk import Desk, only, volumes


def desk_of(equities: dict[int, str]) -> Desk:
    desk = Desk()
    desk.usual(equities, execution="stp", rounding="carry")
    return desk


def test_a_rejected_order_leaves_carries_as_they_were() -> None:
    desk, other = desk_of({1: "1", 2: "1", 3: "1"}), desk_of({1: "1", 2: "1", 3: "1"})
    (leg,) = only(desk.order(1, "0.01"), "Leg")
    desk.execution(leg, "0", "0", "0", kind="rejected")
    (leg,) = only(desk.order(2, "0.01"), "Leg")
    (again,) = only(other.order(1, "0.01"), "Leg")
    one = desk.execution(leg, "0.01", "0.01", "1.1")
    assert volumes(one) == volumes(other.execution(again, "0.01", "0.01", "1.1"))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 10**6), min_size=2, max_size=6),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 100)), min_size=20, max_size=60),
)
def test_nobody_drifts_over_partial_fills(equities: list[int], orders: list[tuple[int, int]]) -> None:
    desk = desk_of({login: str(equity) for login, equity in enumerate(equities, 1)})
    owed = {login: Fraction(0) for login in range(1, len(equities) + 1)}
    for number, (steps, percent) in enumerate(orders, 1):
        (leg,) = only(desk.order(number, f"{steps / 100:.2f}"), "Leg")
        filled = steps * percent // 100
        outputs = []
        if filled:
            outputs += desk.execution(leg, f"{filled / 100:.2f}", f"{filled / 100:.2f}", "1.1")
        if filled < steps:
            outputs += desk.execution(leg, f"{filled / 100:.2f}", "0", "0", kind="ended")
        desk.book_all(outputs)
        booked = volumes(outputs)
        for login, equity in enumerate(equities, 1):
            owed[login] += Fraction(filled * equity, sum(equities)) - Fraction(booked.get(login, "0")) * 100
    bound = 3 + len(equities)
    assert max(abs(steps) for steps in owed.values()) <= bound, owed
    assert 0 <= desk.engine.counts()["carry_drift"] <= 1000 * ((len(equities) - 1) / 2 + 2)
    desk.no_law_broken()


def test_the_drift_that_operations_see() -> None:
    """Three equals and one step: it goes to 1, then 2, then 3; each is 2/3 over at most, and then even."""
    desk = desk_of({1: "1", 2: "1", 3: "1"})
    seen = []
    for number in range(1, 4):
        (leg,) = only(desk.order(number, "0.01"), "Leg")
        desk.book_all(desk.execution(leg, "0.01", "0.01", "1.1"))
        seen.append(desk.engine.counts()["carry_drift"])
    assert seen == [666, 666, 666]
    assert desk.engine.counts()["other_drift"] == 0
