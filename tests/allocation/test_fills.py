"""Dividing fills: exact sums, nobody falls, everybody within one step of its share, the plan at the end."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.allocation.kernel import average_price, divide_close, divide_fill, settle_short

OUT_OF_RANGE, OVERFLOW, OFF_STEP, BELOW_MINIMUM, HOLDING, OVERFILLED = 2, 3, 17, 18, 40, 47
BIGGEST = 2**63 - 1

plans = st.lists(st.integers(0, 8) | st.integers(0, 200), min_size=1, max_size=12).filter(any)


def largest_remainder(plan: list[int], filled: int) -> list[int]:
    shares = [Fraction(filled * steps, sum(plan)) for steps in plan]
    volumes = [share // 1 for share in shares]
    order = sorted(range(len(plan)), key=lambda i: (volumes[i] - shares[i], i))
    for i in order[: filled - sum(volumes)]:
        volumes[i] += 1
    return volumes


def check(plan: list[int], filled: int, before: list[int], after: list[int], step: int = 1) -> None:
    assert sum(after) == filled - filled % step
    for volume, held, steps in zip(after, before, plan, strict=True):
        assert held <= volume <= steps
        assert abs(volume - Fraction((filled - filled % step) * steps, sum(plan))) < step


def walk(plan: list[int], points: list[int], step: int = 1) -> list[int]:
    held = [0] * len(plan)
    for filled in points:
        reason, after, residue = divide_fill(plan, filled, held, step)
        assert (reason, residue) == (0, filled % step)
        check(plan, filled, held, after, step)
        held = after
    return held


def test_the_alabama_paradox_takes_nothing_from_anybody() -> None:
    """With 6 : 6 : 2 the third has 2 of 10 seats and 1 of 11 by largest remainder (Balinski, Young)."""
    plan = [6, 6, 2]
    assert (largest_remainder(plan, 10), largest_remainder(plan, 11)) == ([4, 4, 2], [5, 5, 1])
    reason, ten, _ = divide_fill(plan, 10, [0, 0, 0])
    reason, eleven, _ = divide_fill(plan, 11, ten)
    assert reason == 0
    check(plan, 11, ten, eleven)
    # and from the very state in which largest remainder would take one away
    _, eleven, _ = divide_fill(plan, 11, [4, 4, 2])
    check(plan, 11, [4, 4, 2], eleven)


@settings(max_examples=300, deadline=None)
@given(plans)
def test_step_by_step(plan: list[int]) -> None:
    walk(plan, list(range(1, min(sum(plan), 300) + 1)))
    assert walk(plan, [sum(plan)]) == plan


@settings(max_examples=500, deadline=None)
@given(plans, st.data())
def test_fills_of_any_size(plan: list[int], data: st.DataObject) -> None:
    points = sorted(data.draw(st.lists(st.integers(0, sum(plan)), max_size=12)))
    assert walk(plan, [*points, sum(plan)]) == plan


@settings(max_examples=200, deadline=None)
@given(plans, st.data())
def test_off_step_fills_leave_a_residue(plan: list[int], data: st.DataObject) -> None:
    step = data.draw(st.sampled_from([3, 10, 10**6]))
    scaled = [steps * step for steps in plan]
    points = sorted(data.draw(st.lists(st.integers(0, sum(scaled)), max_size=12)))
    assert walk(scaled, [*points, sum(scaled)], step) == scaled


def test_widest_figures() -> None:
    plan = [BIGGEST // 2, BIGGEST // 4, 1, BIGGEST // 4 - 10]
    assert walk(plan, [1, 2, 3, 10**18, BIGGEST // 3, sum(plan) - 1, sum(plan)]) == plan


def test_a_hundred_thousand_members() -> None:
    plan = [(i * 2654435761) % 50 for i in range(100_000)]
    total = sum(plan)
    held = [0] * len(plan)
    for filled in (1, 777, total // 3, total // 2 + 1, total - 1, total):
        _, after, _ = divide_fill(plan, filled, held)
        assert sum(after) == filled
        assert all(h <= a for h, a in zip(held, after, strict=True))
        share = [filled * steps for steps in plan]
        assert all(abs(a * total - s) < total for a, s in zip(after, share, strict=True))
        held = after
    assert held == plan


@settings(max_examples=500, deadline=None)
@given(plans, st.data())
def test_corrections_and_the_fills_after_them_keep_everybody_within_one_step(
    plan: list[int], data: st.DataObject
) -> None:
    held = [0] * len(plan)
    for filled in data.draw(st.lists(st.integers(0, sum(plan)), max_size=12)):
        grows = filled >= sum(held)
        reason, after, _ = divide_fill(plan, filled, held)
        assert reason == 0
        check(plan, filled, held if grows else [0] * len(plan), after)
        if not grows:
            assert after == divide_fill(plan, filled, [0] * len(plan))[1]
        held = after
    assert divide_fill(plan, sum(plan), held)[1] == plan


@settings(max_examples=300, deadline=None)
@given(plans, st.data())
def test_any_held_volumes_are_led_to_the_plan(plan: list[int], data: st.DataObject) -> None:
    """held need not come from us: a block may be taken over in any state."""
    held = [data.draw(st.integers(0, steps)) for steps in plan]
    for filled in data.draw(st.lists(st.integers(0, sum(plan)), max_size=5)):
        grows = filled >= sum(held)
        reason, after, _ = divide_fill(plan, filled, held)
        assert reason == 0
        assert sum(after) == filled
        assert all((h if grows else 0) <= a <= t for a, h, t in zip(after, held, plan, strict=True))
        held = after
    assert divide_fill(plan, sum(plan), held)[1] == plan


def test_bad_fills_are_refused() -> None:
    assert divide_fill([5, 5], 11, [0, 0])[0] == OVERFILLED
    assert divide_fill([5, 5], -1, [0, 0])[0] == OUT_OF_RANGE
    assert divide_fill([5, 5], 5, [6, 0])[0] == OUT_OF_RANGE
    assert divide_fill([5, -5], 0, [0, 0])[0] == OUT_OF_RANGE
    assert divide_fill([10, 5], 5, [0, 0], step=10)[0] == OFF_STEP
    assert divide_fill([10, 10], 5, [5, 0], step=10)[0] == OFF_STEP
    assert divide_fill([BIGGEST, 1], 5, [0, 0])[0] == OVERFLOW
    assert divide_fill([], 0, [])[0] == 0
    assert divide_fill([0, 0], 0, [0, 0])[1] == [0, 0]


# --- Ending short ---


def best_sum(plan: list[int], filled: int, minimum: int) -> int:
    """By trying all subsets: the largest sum not over `filled`."""
    best = 0
    for subset in range(1 << len(plan)):
        chosen = [steps for i, steps in enumerate(plan) if subset >> i & 1]
        if len(chosen) * minimum <= filled:
            best = max(best, min(filled, sum(chosen)))
    return best


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 9), st.data())
def test_short_fills_respect_the_minimum(minimum: int, data: st.DataObject) -> None:
    size = st.just(0) | st.integers(minimum, 4 * minimum)
    plan = data.draw(st.lists(size, min_size=1, max_size=8))
    filled = data.draw(st.integers(0, sum(plan)))
    reason, volumes, house = settle_short(plan, filled, minimum)
    assert reason == 0
    assert sum(volumes) + house == filled
    assert all(v == 0 or minimum <= v <= steps for v, steps in zip(volumes, plan, strict=True))
    assert sum(volumes) == best_sum([steps for steps in plan if steps], filled, minimum)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_short_fills_respect_minimums_of_their_own(data: st.DataObject) -> None:
    """What the house has, none of the left out could have had, and nobody else a step of."""
    minimums = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=8))
    plan = [data.draw(st.just(0) | st.integers(max(m, 1), 4 * m + 4)) for m in minimums]
    filled = data.draw(st.integers(0, sum(plan)))
    reason, volumes, house = settle_short(plan, filled, minimums)
    assert reason == 0
    assert sum(volumes) + house == filled
    for volume, most, least in zip(volumes, plan, minimums, strict=True):
        assert volume == 0 or least <= volume <= most
        assert volume == most or house < (1 if volume else max(least, 1))


def test_short_fills_by_hand() -> None:
    assert settle_short([20, 10, 10], 25, 10) == (0, [15, 10, 0], 0)
    assert settle_short([10, 10, 10], 25, 10) == (0, [10, 10, 0], 5)
    assert settle_short([10, 10], 9, 10) == (0, [0, 0], 9)
    assert settle_short([30, 20], 45, 10, step=10) == (0, [20, 20], 5)
    assert settle_short([6, 6, 2], 7, 1) == (0, [3, 3, 1], 0)
    assert settle_short([20, 10, 10], 12, [15, 10, 1]) == (0, [0, 10, 2], 0)
    assert settle_short([9, 20], 20, 10)[0] == BELOW_MINIMUM
    assert settle_short([9, 20], 20, [9, 21])[0] == BELOW_MINIMUM
    assert settle_short([9, 20], 20, [-1, 1])[0] == OUT_OF_RANGE
    assert settle_short([20], 21, 10)[0] == OVERFILLED
    assert settle_short([25], 20, 10, step=10)[0] == OFF_STEP


# --- Closing ---


@settings(max_examples=500, deadline=None)
@given(st.lists(st.integers(0, 60) | st.integers(0, 10**15), min_size=1, max_size=12), st.data())
def test_closes_are_exact_whatever_is_off_step(held: list[int], data: st.DataObject) -> None:
    step = data.draw(st.sampled_from([1, 7, 10, 10**6]))
    closed = data.draw(st.integers(0, sum(held)) | st.just(sum(held)))
    reason, volumes = divide_close(held, closed, step)
    assert reason == 0
    assert sum(volumes) == closed
    partial = 0
    for volume, has in zip(volumes, held, strict=True):
        assert 0 <= volume <= has
        assert sum(held) == 0 or abs(volume - Fraction(closed * has, sum(held))) < step
        partial += volume not in (has, volume // step * step)
    assert partial <= 1
    if closed == sum(held):
        assert volumes == held


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12), st.data())
def test_a_position_closed_bit_by_bit_ends_at_exactly_zero(held: list[int], data: st.DataObject) -> None:
    step = data.draw(st.sampled_from([1, 1000, 10**4]))
    for _ in range(data.draw(st.integers(0, 5))):
        _, volumes = divide_close(held, data.draw(st.integers(0, sum(held))), step)
        held = [has - volume for has, volume in zip(held, volumes, strict=True)]
    assert divide_close(held, sum(held), step)[1] == held


def test_closes_by_hand() -> None:
    assert divide_close([15, 15], 20, 10) == (0, [10, 10])
    assert divide_close([15, 15, 15, 15], 50, 10) == (0, [15, 15, 10, 10])
    assert divide_close([30, 30], 25, 10) == (0, [15, 10])
    assert divide_close([3, 3], 7) == (HOLDING, [3, 3])
    assert divide_close([3, -3], 0)[0] == OUT_OF_RANGE
    assert divide_close([BIGGEST, 1], 5)[0] == OVERFLOW


# --- Average price ---


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(10**14), 10**14), st.integers(0, 10**13)), min_size=1, max_size=9),
    st.sampled_from([1, 1000, 10**6]),
)
def test_average_price_is_nearest_and_its_residue_exact(fills: list[tuple[int, int]], tick: int) -> None:
    reason, average, residue = average_price(fills, tick)
    notional, volume = sum(p * v for p, v in fills), sum(v for _, v in fills)
    if volume == 0:
        assert reason == OUT_OF_RANGE
    elif reason == 0:
        assert average == round(Fraction(notional, volume * tick)) * tick  # round() goes to even on a tie
        assert average * volume + residue == notional
        assert 2 * abs(residue) <= volume * tick
    else:
        assert reason == OVERFLOW


def test_average_price_by_hand() -> None:
    assert average_price([(110000, 1), (110001, 1)]) == (0, 110000, 1)
    assert average_price([(110001, 1), (110002, 1)]) == (0, 110002, -1)
    assert average_price([(-3, 1), (-2, 1)]) == (0, -2, -1)
    assert average_price([(7, 0)])[0] == OUT_OF_RANGE
    assert average_price([(7, 5)], tick=0)[0] == OUT_OF_RANGE
    assert average_price([(7, BIGGEST), (7, 1)])[0] == OVERFLOW
    assert average_price([(BIGGEST, BIGGEST)]) == (0, BIGGEST, 0)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_equal_plans_fill_in_turn(count: int) -> None:
    """With equal plans nobody gets a second step before everybody has one."""
    held = [0] * count
    for filled in range(1, 3 * count + 1):
        held = divide_fill([3] * count, filled, held)[1]
        assert max(held) - min(held) <= 1
