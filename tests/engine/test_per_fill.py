"""priceMode per_fill: the same mix of the fills' prices for each child, to within one step."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.engine import Capacities
from tests.engine.books import units
from tests.engine.desk import Desk, only

STEP = 10**6
FIFO = 0x100
THREE = {1: "10000", 2: "20000", 3: "30000"}
Outputs = list[dict[str, Any]]


class Mixed(Desk):
    """A group under per_fill. Bookings at further prices wait for the next Clock."""

    def __init__(
        self, equities: dict[int, str] | None = None, capacities: Capacities | None = None, **policy: str
    ) -> None:
        super().__init__(capacities)
        self.usual(equities or THREE, execution="stp", price_mode="per_fill", **policy)
        self.cells: dict[int, dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))

    def filled(self, leg: dict[str, Any], *fills: tuple[int, str]) -> Outputs:
        """Steps and prices, one fill after the other."""
        said: Outputs = []
        cumulative = 0
        for steps, price in fills:
            cumulative += steps
            said += self.execution(leg, lots(cumulative), lots(steps), price)
        return said

    def leg(self, volume: str, **order: Any) -> dict[str, Any]:
        (leg,) = only(self.order(1 + len(only(self.log, "Plan")), volume, **order), "Leg")
        return leg

    def served(self, outputs: Outputs, refuse: int = 0) -> Outputs:
        """All that is asked for is booked; what is asked of login `refuse` is not. All that was said."""
        said = list(outputs)
        queue = only(outputs, "Booking")
        while True:
            if not queue:
                more = self.clock(self.time)
                said += more
                queue = only(more, "Booking")
                if not queue:
                    return said
            booking = queue.pop(0)
            bad = booking["login"] == refuse
            answer = self.book(booking, "refused" if bad else "booked")
            if not bad:
                self.cells[booking["block"]][booking["login"], booking["price"]] += units(booking["volume"])
            said += answer
            queue += only(answer, "Booking")

    def of(self, block: int = 1) -> dict[tuple[int, str], int]:
        """(login, price): steps booked."""
        return {key: volume // STEP for key, volume in self.cells[block].items()}


def lots(steps: int) -> str:
    return f"{steps / 100:.2f}"


def alerts(outputs: Outputs) -> list[str]:
    return [alert["reason"] for alert in only(outputs, "RiskAlert") if alert["kind"] == "average_price"]


def test_each_child_has_its_part_of_each_price_in_bookings_of_their_own() -> None:
    desk = Mixed()
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (12, "1.10012"), (18, "1.1002")))
    share = {1: Fraction(1, 6), 2: Fraction(1, 3), 3: Fraction(1, 2)}
    of_price = {"1.1001": 30, "1.10012": 12, "1.1002": 18}
    assert desk.of() == {(a, p): s * v for a, s in share.items() for p, v in of_price.items()}
    done = only(said, "MasterReport")[-1]
    assert (done["status"], done["children"], done["allocated"], done["house"]) == ("done", 9, "0.6", "0")
    assert done["price"] == "1.10013", "the average is what the master is told"
    desk.no_law_broken()


def test_the_parts_are_planned_in_the_journal_before_they_are_asked_for() -> None:
    desk = Mixed()
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1002")))
    further = [row for row in only(said, "PlanMember") if row["reason"] == "further_price"]
    asked = {b["child"]: b for b in only(said, "Booking")}
    assert [(row["child"], row["login"]) for row in further] == [(3, 1), (4, 2), (5, 3)]
    for row in further:
        assert row["volume"] == asked[row["child"]]["volume"]
        assert said.index(row) < said.index(asked[row["child"]])


def test_the_answer_to_a_fill_is_one_booking_a_member_and_the_clock_lets_out_the_rest() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    outputs = desk.filled(leg, (20, "1.1001"), (20, "1.1002"), (20, "1.1003"))
    assert len(only(outputs, "Booking")) == 3
    assert (desk.engine.deadline or 0) <= desk.time
    assert len(only(desk.clock(desk.time), "Booking")) == 6


def test_fills_at_one_price_are_one_booking_each() -> None:
    desk = Mixed()
    said = desk.served(desk.filled(desk.leg("0.60"), (20, "1.1001"), (40, "1.1001")))
    assert len(only(said, "Booking")) == 3


def test_the_other_block_gives_the_worst_price_first_so_that_rounding_is_fair() -> None:
    """A large account and ten of one step each: over two orders each pays the mean price."""
    desk = Mixed({1: "30000", **dict.fromkeys(range(2, 12), "1000")}, method="equity")
    for _ in range(2):
        desk.served(desk.filled(desk.leg("0.40"), (13, "1.1001"), (14, "1.1002"), (13, "1.1003")))
    points = {"1.1001": 1, "1.1002": 2, "1.1003": 3}
    paid: dict[int, int] = defaultdict(int)
    for block in (1, 2):
        for (login, price), steps in desk.of(block).items():
            paid[login] += steps * points[price]
    assert paid[1] == 2 * 30 * 2
    assert sum(paid[login] for login in range(2, 12)) == 2 * 10 * 2


def test_what_is_off_the_step_is_mixed_into_a_price_of_its_own() -> None:
    desk = Mixed({1: "10000", 2: "10000"})
    leg = desk.leg("0.04")
    desk.execution(leg, "0.015", "0.015", "1.1001")
    said = desk.served(desk.execution(leg, "0.04", "0.025", "1.1003"))
    booked = defaultdict(int)
    for (_, price), steps in desk.of().items():
        booked[price] += steps
    assert booked == {"1.1001": 1, "1.1003": 2, "1.1002": 1}
    assert only(said, "MasterReport")[-1]["house"] == "0"


def test_a_fill_that_was_taken_back_is_in_no_mix() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    desk.execution(leg, "0.3", "0.3", "1.1001", execution=71)
    desk.execution(leg, "0.4", "0.1", "1.1005", execution=72)
    desk.execution(leg, "0.3", "0", "0", kind="bust", execution=73, reference=72)
    desk.execution(leg, "0.3", "0.3", "1.1002", kind="correct", execution=74, reference=71)
    desk.served(desk.execution(leg, "0.6", "0.3", "1.1003", execution=75))
    assert {price for _, price in desk.of()} == {"1.1002", "1.1003"}
    desk.no_law_broken()


def test_what_only_a_status_answer_tells_is_at_the_price_that_its_average_leaves() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    desk.execution(leg, "0.3", "0.3", "1.1001")
    desk.served(desk.execution(leg, "0.6", "0", "1.1002", kind="status"))
    assert {price for _, price in desk.of()} == {"1.1001", "1.1003"}


def test_the_own_report_of_what_was_told_counts_with_its_price() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    desk.execution(leg, "0.12", "0.12", "1.1001")
    desk.execution(leg, "0.36", "0.48", "1.1002", kind="status")  # 0.24 were told, 0.24 still work
    desk.execution(leg, "0.24", "0.12", "1.1002")
    desk.execution(leg, "0.36", "0.12", "1.1003")
    desk.served(desk.execution(leg, "0.60", "0.24", "1.1004"))
    totals = defaultdict(int)
    for (_, price), steps in desk.of().items():
        totals[price] += steps
    assert totals == {"1.1001": 12, "1.1002": 12, "1.1003": 12, "1.1004": 24}
    desk.no_law_broken()


def test_refused_parts_are_offered_to_the_others_at_their_own_prices() -> None:
    desk = Mixed(on_refused="reallocate")
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1002")), refuse=3)
    totals = defaultdict(int)
    for (login, price), steps in desk.of().items():
        assert login in (1, 2)
        totals[price] += steps
    assert totals == {"1.1001": 30, "1.1002": 30}
    assert only(said, "MasterReport")[-1]["allocated"] == "0.6"
    assert desk.of() == {(1, "1.1001"): 10, (1, "1.1002"): 10, (2, "1.1001"): 20, (2, "1.1002"): 20}
    desk.no_law_broken()


def test_a_booking_at_the_average_is_no_answer_to_one_at_a_price() -> None:
    desk = Mixed()
    (first, *_) = only(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1003")), "Booking")
    desk.book(first, price="1.1002")
    said = desk.book(first, price=first["price"])
    assert not only(said, "Reject")


@pytest.mark.parametrize("mode", ["hedging", "netting"])
def test_a_close_has_its_mix_too_and_nothing_is_left(mode: str) -> None:
    desk = Desk.__new__(Mixed)
    Desk.__init__(desk)
    desk.cells = defaultdict(lambda: defaultdict(int))
    desk.instrument()
    desk.group(execution="stp", price_mode="per_fill")
    for login, equity in THREE.items():
        desk.account(login, equity, margin_mode=mode)
        desk.member(login)
    desk.quote("lp1", "1.10000", "1.10010")
    desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1002")))
    (leg,) = only(desk.order(2, "0.60", side="sell", entry="closing", position=1), "Leg")
    said = desk.served(desk.filled(leg, (20, "1.1"), (40, "1.0999")))
    assert only(said, "MasterReport")[-1]["status"] == "done"
    closed: dict[tuple[int, str], int] = defaultdict(int)
    for (login, price), steps in desk.of(2).items():
        closed[login, price] += steps
    totals = {login: sum(v for (a, _), v in closed.items() if a == login) for login in THREE}
    assert totals == {1: 10, 2: 20, 3: 30}
    for login, total in totals.items():
        assert abs(closed[login, "1.1"] - Fraction(total, 3)) <= 1
    assert desk.engine.counts()["holdings"] == 0
    assert desk.engine.counts()["blocks_working"] == 0
    desk.no_law_broken()


def test_a_close_that_waits_for_its_tickets_goes_when_they_come() -> None:
    desk = Mixed()
    outputs = desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1002"))
    (leg,) = only(desk.order(2, "0.60", side="sell", entry="closing", position=1), "Leg")
    closing = desk.filled(leg, (30, "1.1"), (30, "1.0999"))
    assert not only(closing, "Booking")
    desk.served(outputs + closing)
    assert desk.engine.counts()["holdings"] == 0
    desk.no_law_broken()


@pytest.mark.parametrize("price_mode", ["per_fill", "average"])
def test_a_close_that_waits_is_not_measured_by_what_the_server_has_yet(price_mode: str) -> None:
    """Law 1: a part that is not answered is not in the server's position, and so is not missing there."""
    desk = Mixed({1: "10000"})
    desk.group(version=2, execution="stp", price_mode=price_mode)
    desk.account(1, margin_mode="netting")
    desk.served(desk.filled(desk.leg("0.10"), (10, "1.1001")))
    outputs = desk.filled(desk.leg("0.60"), (5, "1.1001"), (55, "1.1002"))
    asked = only(outputs + desk.clock(desk.time), "Booking")
    first, *further = sorted(asked, key=lambda booking: units(booking["volume"]))
    if further:
        desk.book(first, position=1001)
    last = further[0] if further else first
    held = "0.1" if further else "0.05"  # somebody has closed 0.05
    state = {"login": 1, "position": 1001, "instrument": 1, "side": "buy", "volume": held}
    desk.send("broker", "PositionState", price_open="1.1", **state)
    (leg,) = only(desk.order(3, "0.60", side="sell", entry="closing", position=2), "Leg")
    outputs = desk.filled(leg, (60, "1.1"))
    desk.no_law_broken()
    outputs += desk.book(last, "refused")
    desk.served([output for output in outputs if output["msg"] == "Booking"])
    desk.no_law_broken()


# --- where it cannot be, all have the average, and a person is told ---


def test_a_part_under_the_minimum_gives_all_the_average() -> None:
    desk = Mixed()
    desk.instrument(volume_min="0.10")
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1003")))
    assert {price for _, price in desk.of()} == {"1.1002"}
    assert alerts(said) == ["below_minimum"]


def test_more_prices_than_are_kept_apart_give_all_the_average() -> None:
    desk = Mixed()
    fills = [(1, f"1.1{point:04d}") for point in range(1, 34)]
    said = desk.served(desk.filled(desk.leg("0.33"), *fills))
    assert len({price for _, price in desk.of()}) == 1
    assert alerts(said) == ["too_many_prices"]
    again = desk.served(desk.filled(desk.leg("0.32"), *fills[:32]))
    assert len({price for _, price in desk.of(2)}) == 32 and not alerts(again)


def test_no_room_for_the_parts_gives_all_the_average() -> None:
    desk = Mixed(capacities=Capacities(children=4, blocks=4, holdings=8, accounts=4, members=4))
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1003")))
    assert {price for _, price in desk.of()} == {"1.1002"}
    assert alerts(said) == ["table_full"]
    desk.no_law_broken()


def test_a_deal_of_the_server_has_one_price_in_any_case() -> None:
    desk = Desk()
    desk.usual(THREE, price_mode="per_fill")
    outputs = desk.deal(1, "0.60")
    assert {b["price"] for b in only(outputs, "Booking")} == {"1.1001"}
    assert not alerts(outputs)


def test_a_price_that_was_taken_back_is_none_of_the_prices_kept_apart() -> None:
    desk = Mixed()
    leg = desk.leg("0.33")
    for n in range(32):
        desk.execution(leg, lots(n + 1), "0.01", f"1.1{n + 1:04d}", execution=100 + n)
    desk.execution(leg, "0.31", "0", "0", kind="bust", execution=200, reference=131)
    desk.execution(leg, "0.32", "0.01", "1.11", execution=300)
    said = desk.served(desk.execution(leg, "0.32", "0", "0", kind="ended", execution=301))
    assert len({price for _, price in desk.of()}) == 32 and not alerts(said)


def test_told_volume_at_the_price_of_a_fill_is_one_with_it() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    desk.execution(leg, "0.3", "0.3", "1.1001")
    desk.execution(leg, "0.5", "0.2", "1.1003")
    said = desk.served(desk.execution(leg, "0.6", "0", "1.10016667", kind="status"))
    asked = [(booking["login"], booking["price"]) for booking in only(said, "Booking")]
    assert len(asked) == len(set(asked)) == 6
    for (login, price), steps in desk.of().items():
        assert abs(steps - Fraction(login, 6) * {"1.1001": 40, "1.1003": 20}[price]) <= 1, "law 3"


def test_a_rest_below_a_step_moves_no_price() -> None:
    desk = Mixed()
    leg = desk.leg("0.60")
    desk.execution(leg, "0.5", "0.5", "1.1001")
    desk.execution(leg, "0.505", "0.005", "1.1501")
    desk.served(desk.execution(leg, "0.505", "0", "0", kind="ended"))
    assert {price for _, price in desk.of()} == {"1.1001"}


def test_what_is_left_of_told_volume_has_a_price_that_a_child_may_get_or_all_have_the_average() -> None:
    """More was told than the block takes, and a fill of that came dear: the rest would be absurdly cheap."""
    desk = Mixed()
    desk.quote("lp1", "1.10000", "1.10010", size="0.3")
    first, second = only(desk.order(1, "0.60"), "Leg")
    desk.execution(first, "0.9", "0", "1.1", kind="status")  # 0.30 of it is the block's
    desk.execution(first, "0.29", "0.29", "1.12")
    said = desk.served(desk.execution(second, "0.3", "0.3", "1.1003"))
    assert alerts(said) == ["implausible_price"]
    assert len({price for _, price in desk.of()}) == 1
    desk.no_law_broken()


def test_refused_parts_that_make_no_mix_are_offered_at_their_average() -> None:
    """Law 9: two members could have 0.05 of each price, under the minimum, but 0.10 of both."""
    desk = Mixed(dict.fromkeys((1, 2, 3), "10000"), on_refused="reallocate")
    desk.instrument(volume_min="0.10")
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1003")), refuse=3)
    assert only(said, "MasterReport")[-1]["house"] == "0"
    assert desk.of() == {(a, p): 10 for a in (1, 2) for p in ("1.1001", "1.1002", "1.1003")}
    assert alerts(said) == ["below_minimum"]
    desk.no_law_broken()


def test_refused_parts_without_room_for_a_mix_are_offered_at_their_average() -> None:
    few = Capacities(children=16, blocks=4, holdings=8, accounts=4, members=4)
    desk = Mixed(dict.fromkeys((1, 2, 3), "10000"), few, on_refused="reallocate")
    said = desk.served(desk.filled(desk.leg("0.60"), (30, "1.1001"), (30, "1.1003")), refuse=3)
    assert only(said, "MasterReport")[-1]["house"] == "0"
    assert alerts(said) == ["table_full"]
    desk.no_law_broken()


def test_groups_that_trade_in_turn_are_both_fair() -> None:
    """Law 10: each block of the one has an odd number, and of the other an even one."""
    equities = {1: "30000", **dict.fromkeys(range(2, 12), "1000")}
    desk = Mixed(equities)
    desk.group(group=8, execution="stp", price_mode="per_fill", master_login=1001)
    for login, equity in equities.items():
        desk.account(100 + login, equity)
        desk.send("control", "Member", group=8, login=100 + login, weight="1")
    for _ in range(4):
        for group in (7, 8):
            leg = desk.leg("0.40", group=group)
            desk.served(desk.filled(leg, (13, "1.1001"), (14, "1.1002"), (13, "1.1003")))
    points = {"1.1001": 1, "1.1002": 2, "1.1003": 3}
    paid: dict[int, int] = defaultdict(int)
    for block in range(1, 9):
        for (login, price), steps in desk.of(block).items():
            paid[login] += steps * points[price]
    assert paid == {login: 4 * 2 * (30 if login % 100 == 1 else 1) for login in paid}


def test_a_close_that_cannot_be_asked_for_is_told_once_an_account() -> None:
    """Law 8: not once a price, which would be more than the answer to one message may be."""
    many = 900
    desk = Mixed(
        {},
        Capacities(accounts=many, members=many, blocks=8, children=65536, holdings=2048, bridges=4),
        method="equal",
    )
    for login in range(1, many + 1):
        desk.account(login, "1000000", trade_flags=FIFO)
        desk.member(login)
    desk.served(desk.filled(desk.leg(lots(many)), (many, "1.1001")))
    desk.served(desk.filled(desk.leg(lots(32 * many)), (32 * many, "1.1001")))
    (leg,) = only(desk.order(3, lots(32 * many), side="sell", entry="closing", position=2), "Leg")
    outputs = desk.filled(leg, *[(many, f"1.099{point:02d}") for point in range(32)])
    assert len([a for a in only(outputs, "RiskAlert") if a["kind"] == "not_closed"]) == many
    desk.no_law_broken()


# --- any fills, any accounts ---


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=12),
    st.booleans(),
)
def test_any_mix_is_exact_by_price_and_by_member(
    weights: list[int], fills: list[tuple[int, int]], all_of_it: bool
) -> None:
    desk = Mixed({login: str(1000 * weight) for login, weight in enumerate(weights, 1)})
    total = sum(steps for steps, _ in fills)
    prices = [(steps, f"1.1{point:04d}") for steps, point in fills]
    ordered = total if all_of_it else total + 7
    leg = desk.leg(lots(ordered))
    outputs = desk.filled(leg, *prices)
    if not all_of_it:
        outputs = desk.execution(leg, lots(total), "0", "0", kind="ended")
    said = desk.served(outputs)
    cells = desk.of()
    of_price: dict[str, int] = defaultdict(int)
    for steps, price in prices:
        of_price[price.rstrip("0")] += steps
    house = units(only(said, "MasterReport")[-1]["house"]) // STEP
    for price, steps in of_price.items():
        given_to = sum(v for (_, p), v in cells.items() if p == price)
        assert steps - house <= given_to <= steps
    for login in range(1, len(weights) + 1):
        mine = sum(v for (a, _), v in cells.items() if a == login)
        for price, steps in of_price.items():
            assert abs(cells.get((login, price), 0) - Fraction(mine * steps, total)) <= 1, "law 3"
    assert sum(cells.values()) + house == total
    desk.no_law_broken()
