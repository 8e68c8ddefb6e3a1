"""Drawdown against its three marks, and alarms that speak once."""

from fractions import Fraction

from appliance._native import ffi, lib
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.valuation.kernel import BIGGEST, NONE, OVERFLOW

HOUR = 3600 * 10**9
DAY = 24 * HOUR
NEVER = -(2**63)
NOTHING, INITIAL, DAILY, HIGH = range(4)
equities = st.integers(-(10**12), 10**12) | st.integers(-BIGGEST, BIGGEST)


def started(equity: int, now: int = 0, begins: int = 0) -> object:
    out = ffi.new("struct mam_drawdown *")
    lib.mam_drawdown_start(out, equity, now, begins)
    return out


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3 * DAY), equities), min_size=1, max_size=20),
    st.integers(0, DAY - 1),
    st.integers(-3 * DAY, 3 * DAY),
)
def test_marks(seen: list[tuple[int, int]], begins: int, epoch: int) -> None:
    now, first = epoch, seen[0][1]
    d = started(first, now, begins)
    day, day_start, high = (now - begins) // DAY, first, first
    for later, equity in seen[1:]:
        now += later
        begun = (now - begins) // DAY > day
        if begun:
            day, day_start = (now - begins) // DAY, equity
        high = max(high, equity)
        assert lib.mam_drawdown_observe(d, equity, now, begins) == begun
        for basis, mark in ((INITIAL, first), (DAILY, day_start), (HIGH, high)):
            loss = max(0, mark - equity)
            assert lib.mam_drawdown_loss(d, basis, equity) == min(loss, BIGGEST)
            check_limits(d, basis, equity, mark, loss)
        assert lib.mam_drawdown_loss(d, NOTHING, equity) == 0
        assert lib.mam_drawdown_loss(d, 99, equity) == 0


def check_limits(d: object, basis: int, equity: int, mark: int, loss: int) -> None:
    for percent in (10**8, 10 * 10**8, 100 * 10**8, 1, BIGGEST):
        wanted = loss > 0 and (mark <= 0 or Fraction(loss, mark) * 100 * 10**8 >= percent)
        assert lib.mam_drawdown_reached(d, basis, equity, percent, 0) == wanted
    for money in (1, 10**6, 10**12, min(max(loss, 1), BIGGEST), min(loss + 1, BIGGEST)):
        assert lib.mam_drawdown_reached(d, basis, equity, 0, money) == (loss > 0 and loss >= money)
    assert not lib.mam_drawdown_reached(d, basis, equity, 0, 0)
    shown = lib.mam_drawdown_percent(d, basis, equity)
    exact = -(-loss * 100 * 10**8 // mark) if mark > 0 else BIGGEST
    assert shown == (min(exact, BIGGEST) if loss else 0)


def test_a_day_begins_when_it_is_said_to() -> None:
    d = started(100, now=21 * HOUR, begins=22 * HOUR)
    assert not lib.mam_drawdown_observe(d, 90, 22 * HOUR - 1, 22 * HOUR)
    assert lib.mam_drawdown_loss(d, DAILY, 80) == 20
    assert lib.mam_drawdown_observe(d, 90, 22 * HOUR, 22 * HOUR)
    assert lib.mam_drawdown_loss(d, DAILY, 80) == 10
    assert not lib.mam_drawdown_observe(d, 50, 21 * HOUR, 22 * HOUR)  # a clock that went back
    assert lib.mam_drawdown_loss(d, DAILY, 80) == 10


@settings(deadline=None)
@given(equities, st.integers(-(10**12), 10**12), equities)
def test_a_withdrawal_is_no_loss(equity: int, flow: int, later: int) -> None:
    d = started(equity)
    before = [lib.mam_drawdown_loss(d, basis, later) for basis in range(4)]
    reason = lib.mam_drawdown_flow(d, flow)
    if abs(equity + flow) > BIGGEST:
        assert reason == OVERFLOW or equity + flow == NEVER
        return
    assert reason == NONE
    if abs(later + flow) <= BIGGEST:
        assert [lib.mam_drawdown_loss(d, basis, later + flow) for basis in range(4)] == before


@settings(deadline=None)
@given(
    st.lists(st.integers(-50, 400) | equities, max_size=60),
    st.tuples(st.just(200) | st.just(NEVER), st.just(100) | st.just(NEVER), st.just(20) | st.just(NEVER)),
    st.integers(0, 30),
)
def test_alarms(path: list[int], levels: tuple[int, int, int], slack: int) -> None:
    """One latch a level: on at or under it, off above it by slack; the alarm is the worst that is on."""
    at = ffi.new("int64_t[]", levels)
    alarm, latched = 0, [False] * 3
    for equity in path:
        worst = 0
        for i, level in enumerate(levels):
            if level != NEVER:
                latched[i] = equity <= level or (latched[i] and equity <= level + slack)
                worst = i + 1 if latched[i] else worst
        alarm = lib.mam_alarm_next(alarm, equity, at, slack)
        assert alarm == worst


def test_once_per_crossing() -> None:
    at, alarm, told = ffi.new("int64_t[]", [200, 100, 20]), 0, []
    for equity in [300, 200, 201, 199, 205, 200, 99, 101, 100, 150, 100, 20, 19, 500, 150]:
        after = lib.mam_alarm_next(alarm, equity, at, 5)
        if after > alarm:
            told.append((equity, after))
        alarm = after
    assert told == [(200, 1), (99, 2), (100, 2), (20, 3), (150, 1)]
