"""The same mix of prices for every member, to within one step, with every sum exact."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.allocation.kernel import divide_mix

PARTS_MAX = 33
BIGGEST = 2**62
OUT_OF_RANGE, OVERFLOW, OFF_STEP, MEMBERS_SUM = 2, 3, 17, 99


def check(volumes: list[int], parts: list[int], step: int = 1) -> list[list[int]]:
    reason, table = divide_mix(volumes, parts, step)
    assert reason == 0
    total = sum(volumes)
    assert [sum(row) for row in table] == volumes
    assert [sum(column) for column in zip(*table, strict=True)] == parts
    for volume, row in zip(volumes, table, strict=True):
        for part, cell in zip(parts, row, strict=True):
            assert cell >= 0 and cell % step == 0
            assert abs(cell - Fraction(volume * part, total or 1)) <= step
    return table


def cut(total: int, points: list[int]) -> list[int]:
    """A total in as many parts as there are points, and one more."""
    bounds = [0, *sorted(point % (total + 1) for point in points), total]
    return [high - low for low, high in pairwise(bounds)]


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=30),
    st.lists(st.integers(0, 2**40), max_size=PARTS_MAX - 1),
    st.sampled_from([1, 3, 10**6]),
)
@example([1] * 30, [7, 8, 20, 29], 1)
def test_every_sum_is_exact_and_every_cell_within_a_step(
    volumes: list[int], points: list[int], step: int
) -> None:
    parts = [steps * step for steps in cut(sum(volumes), points)]
    check([steps * step for steps in volumes], parts, step)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, BIGGEST // 8), min_size=1, max_size=8),
    st.lists(st.integers(0, BIGGEST), max_size=6),
)
def test_the_widest_figures(volumes: list[int], points: list[int]) -> None:
    check(volumes, cut(sum(volumes), points))


def test_a_thousand_members_and_all_the_prices() -> None:
    volumes = [(i * 2654435761) % 50 for i in range(1000)]
    check(volumes, cut(sum(volumes), [i * 7919 for i in range(PARTS_MAX - 1)]))


def test_equal_members_have_equal_mixes_where_it_can_be() -> None:
    assert check([4, 4, 4], [6, 6]) == [[2, 2]] * 3


def test_in_turn_best_and_worst_first_favours_nobody() -> None:
    """The mean price of a large and of many small accounts over an order each way round."""
    volumes, parts, prices = [30, *[1] * 10], [13, 14, 13], [1, 2, 3]
    forward = check(volumes, parts)
    backward = [row[::-1] for row in check(volumes, parts[::-1])]
    paid = [
        sum((a + b) * price for a, b, price in zip(*rows, prices, strict=True))
        for rows in zip(forward, backward, strict=True)
    ]
    assert paid[0] == 2 * 2 * 30, "twice the exact mean price, times the volume"
    assert sum(paid[1:]) == 2 * 2 * 10


def test_bad_figures_have_reasons() -> None:
    assert divide_mix([1, -1], [0])[0] == OUT_OF_RANGE
    assert divide_mix([1], [2, -1])[0] == OUT_OF_RANGE
    assert divide_mix([1], [1], step=0)[0] == OUT_OF_RANGE
    assert divide_mix([1], [1] + [0] * PARTS_MAX)[0] == OUT_OF_RANGE
    assert divide_mix([3], [3], step=2)[0] == OFF_STEP
    assert divide_mix([4], [3, 1], step=2)[0] == OFF_STEP
    assert divide_mix([2**63 - 1, 1], [1])[0] == OVERFLOW
    assert divide_mix([2], [1])[0] == MEMBERS_SUM
    assert divide_mix([0, 0], [0])[0] == 0
