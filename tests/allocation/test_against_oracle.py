"""The kernel against the oracle, over all policies, with figures from one to the ends of their types."""

import dataclasses

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.allocation import kernel, oracle
from tests.allocation.oracle import Member, Problem

BIGGEST = 2**63 - 1


def sizes(biggest: int) -> st.SearchStrategy[int]:
    """Mostly small numbers, where ties and bounds meet; but also any."""
    return st.one_of(st.integers(0, 12), st.integers(0, 1000), st.integers(0, biggest), st.just(biggest))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    step = draw(st.sampled_from([1, 1, 3, 10**6]))
    steps = draw(st.integers(1, 60) | st.integers(1, BIGGEST // step))
    near = st.integers(0, 2 * steps + 2) | st.integers(0, BIGGEST // step)
    cap = st.just(BIGGEST) | near.map(lambda n: min(n * step + draw(st.integers(0, step - 1)), BIGGEST))
    weight = draw(st.sampled_from([sizes(9), sizes(2**50), st.just(1), sizes(BIGGEST // 8)]))
    carry = st.just(0) | st.integers(-3, 3) | st.integers(-(2**33), 2**33)
    own = st.none() | st.integers(0, 6 * step) | st.integers(0, steps * step)
    member = st.builds(
        Member,
        minimum=own if draw(st.integers(0, 3)) == 0 else st.none(),
        login=st.just(0),
        weight=weight,
        cap=cap if draw(st.booleans()) else st.just(BIGGEST),
        cap_reason=st.sampled_from([36, 38]),
        equity=st.integers(-5, 5) | st.integers(-BIGGEST, BIGGEST),
        carry=carry if draw(st.booleans()) else st.just(0),
        excluded=st.sampled_from([0, 0, 0, 0, 25]),
    )
    drawn = draw(st.lists(member, min_size=1, max_size=9))
    logins = draw(st.permutations(range(1, len(drawn) + 1)))
    members = tuple(dataclasses.replace(m, login=n) for m, n in zip(drawn, logins, strict=True))
    return Problem(
        members,
        volume=steps * step,
        step=step,
        minimum=min(draw(st.integers(0, 6 * step) | st.integers(0, steps * step)), BIGGEST),
        rounding=draw(st.integers(0, 4)),
        on_shortfall=draw(st.integers(0, 3)),
        below_min=draw(st.integers(0, 1)),
        family=draw(st.sampled_from([oracle.PROPORTIONAL] * 5 + [oracle.ABSOLUTE])),
        overflow=draw(st.none() | st.integers(0, len(members) - 1)),
    )


def compare(problem: Problem) -> None:
    expected, got = oracle.allocate(problem), kernel.allocate(problem)
    assert got.reason == expected.reason
    if expected.reason != oracle.NONE:
        assert got.planned == 0
        assert got.unallocated == (problem.volume if problem.family == oracle.PROPORTIONAL else 0)
        assert got.carries == [member.carry for member in problem.members]
        if expected.reason == oracle.SHORTFALL:
            assert got.capped == expected.capped
        return
    assert got.volumes == expected.volumes
    assert got.carries == expected.carries
    assert (got.planned, got.unallocated) == (expected.planned, expected.unallocated)
    clear = [i for i in range(len(problem.members)) if i not in expected.at_limit]
    assert [got.capped[i] for i in clear] == [expected.capped[i] for i in clear]
    assert [got.reasons[i] for i in clear] == [expected.reasons[i] for i in clear]
    assert got.quotas == [quota // 1 for quota in expected.quotas]
    assert got.floors == [quota // problem.step * problem.step for quota in expected.quotas]
    assert got.remainders == [q - f for q, f in zip(got.quotas, got.floors, strict=True)]


def check_laws(problem: Problem) -> None:
    """What no policy may break, said without the oracle."""
    got = kernel.allocate(problem)
    if got.reason != oracle.NONE:
        return
    assert sum(got.volumes) == got.planned
    assert sum(got.carries) == sum(member.carry for member in problem.members)
    for member, volume, reason in zip(problem.members, got.volumes, got.reasons, strict=True):
        assert volume == 0 or volume >= oracle.least_of(problem, member)
        assert volume % problem.step == 0
        assert volume <= member.cap
        assert volume > 0 or reason != oracle.NONE
        if member.excluded:
            assert (volume, reason) == (0, member.excluded)
    if problem.family == oracle.PROPORTIONAL:
        assert got.planned + got.unallocated == problem.volume
        assert got.total_weight == sum(m.weight for m in problem.members if not m.excluded)


@settings(max_examples=1000, deadline=None)
@given(problems())
def test_kernel_gives_what_the_rules_say(problem: Problem) -> None:
    compare(problem)


@settings(max_examples=200, deadline=None)
@given(problems())
def test_laws_hold_for_every_policy(problem: Problem) -> None:
    check_laws(problem)


@settings(max_examples=200, deadline=None)
@given(problems())
def test_what_binds_nothing_is_divided_wholly(problem: Problem) -> None:
    members = tuple(dataclasses.replace(member, cap=BIGGEST) for member in problem.members)
    problem = dataclasses.replace(problem, members=members, family=oracle.PROPORTIONAL, rounding=0)
    got = kernel.allocate(problem)
    if got.reason == oracle.NONE:
        assert got.unallocated == 0


@settings(max_examples=200, deadline=None)
@given(problems(), st.integers(2, 50))
def test_shares_do_not_depend_on_the_unit_of_weights(problem: Problem, factor: int) -> None:
    assume(sum(abs(member.weight) for member in problem.members) * factor <= BIGGEST)
    assume(problem.family == oracle.PROPORTIONAL)
    members = tuple(dataclasses.replace(member, weight=member.weight * factor) for member in problem.members)
    scaled = kernel.allocate(dataclasses.replace(problem, members=members))
    assert scaled.volumes == kernel.allocate(problem).volumes


@settings(max_examples=200, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_the_list_matters_only_to_list_order(problem: Problem, random: object) -> None:
    rounding = oracle.LARGEST_REMAINDER if problem.rounding > oracle.LARGEST_EQUITY else problem.rounding
    problem = dataclasses.replace(problem, rounding=rounding, overflow=None)
    members = list(problem.members)
    random.shuffle(members)  # type: ignore[attr-defined]
    one = kernel.allocate(problem)
    other = kernel.allocate(dataclasses.replace(problem, members=tuple(members)))
    assert one.reason == other.reason
    if one.reason == oracle.NONE:
        by_login = {member.login: volume for member, volume in zip(members, other.volumes, strict=True)}
        assert [by_login[member.login] for member in problem.members] == one.volumes


def problem_of(weights: list[int], volume: int, **policy: int) -> Problem:
    members = tuple(Member(login, weight) for login, weight in enumerate(weights, 1))
    return Problem(members, volume, step=policy.pop("step", 1), minimum=policy.pop("minimum", 1), **policy)


EXTREMES = {
    "one account": problem_of([5], 7),
    "one account, widest figures": problem_of([BIGGEST], BIGGEST),
    "one huge weight": problem_of([BIGGEST - 3, 1, 1, 1], 10**6),
    "weights at the limit": problem_of([BIGGEST // 2, BIGGEST // 2, 1], BIGGEST),
    "all equal": problem_of([1] * 300, 1000 * 10**6, step=10**6),
    "step does not divide": problem_of([1, 1, 1], 100 * 7, step=7),
    "every share below the minimum": problem_of([1] * 30, 29, minimum=10),
    "every share below the minimum, raised": problem_of([1] * 30, 29, minimum=10, below_min=1),
    "shares that are exactly the minimum": problem_of([1] * 5, 30, minimum=10),
    "minimum off step": problem_of([5, 3, 1], 90, step=10, minimum=15),
    "zero weights among others": problem_of([0, 3, 0, 4], 5),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("rounding", range(5))
def test_extremes(name: str, rounding: int) -> None:
    problem = dataclasses.replace(EXTREMES[name], rounding=rounding, overflow=0)
    compare(problem)
    check_laws(problem)


@pytest.mark.parametrize("on_shortfall", range(4))
def test_all_caps_zero(on_shortfall: int) -> None:
    members = tuple(Member(login, 1, cap=0) for login in range(1, 20))
    problem = Problem(members, 100, step=1, minimum=1, on_shortfall=on_shortfall)
    compare(problem)
    got = kernel.allocate(problem)
    assert got.planned == 0
    assert got.reason == (oracle.SHORTFALL if on_shortfall == oracle.REJECT else oracle.NONE)


def test_a_cap_that_is_exactly_the_share_does_not_bind() -> None:
    members = (Member(1, 1, cap=10), Member(2, 1, cap=10), Member(3, 2, cap=20))
    got = kernel.allocate(Problem(members, 40, step=1, minimum=1, on_shortfall=oracle.REDISTRIBUTE))
    assert (got.volumes, got.capped, got.reasons) == ([10, 10, 20], [False] * 3, [0, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("rounding", [oracle.LARGEST_REMAINDER, oracle.CARRY])
def test_a_hundred_thousand_accounts(rounding: int) -> None:
    weights = [(login * 2654435761) % 10**9 + 1 for login in range(100_000)]
    members = tuple(Member(login, w, equity=w % 1000, carry=w % 7) for login, w in enumerate(weights, 1))
    compare(Problem(members, 123_456_789, step=1, minimum=1, rounding=rounding, overflow=3))


@pytest.mark.slow
@pytest.mark.parametrize("below_min", [0, 1])
def test_a_hundred_thousand_accounts_under_caps(below_min: int) -> None:
    members = tuple(
        Member(login, (login * 2654435761) % 10**6 + 1, cap=(login * 40503) % 4000)
        for login in range(1, 100_001)
    )
    problem = Problem(members, 90_000_000, step=1, minimum=20, on_shortfall=3, below_min=below_min)
    check_laws(problem)
    got = kernel.allocate(problem)
    levels = [
        volume / member.weight
        for member, volume in zip(members, got.volumes, strict=True)
        if 20 < volume < member.cap and member.weight > 10**5
    ]
    assert max(levels) / min(levels) < 1.02  # one water level, but for rounding


REFUSALS = {
    "negative weight": (problem_of([1, -1], 5), oracle.NEGATIVE_WEIGHT),
    "zero sum": (problem_of([0, 0], 5), oracle.ZERO_WEIGHTS),
    "sum of weights": (problem_of([BIGGEST, 1], 5), oracle.TOO_BIG),
    "nobody": (problem_of([], 5), oracle.NO_MEMBERS),
    "all excluded": (Problem((Member(1, 1, excluded=25),), 5, 1, 1), oracle.NO_MEMBERS),
    "off step": (problem_of([1], 5, step=2), oracle.OFF_STEP),
    "no volume": (problem_of([1], 0), oracle.OUT_OF_RANGE),
    "negative volume": (problem_of([1], -5), oracle.OUT_OF_RANGE),
    "under the minimum": (problem_of([1], 5, minimum=6), oracle.BELOW_MINIMUM),
    "zero step": (problem_of([1], 5, step=0), oracle.OUT_OF_RANGE),
    "unknown rounding": (problem_of([1], 5, rounding=5), oracle.OUT_OF_RANGE),
    "unknown shortfall": (problem_of([1], 5, on_shortfall=4), oracle.OUT_OF_RANGE),
    "unknown family": (problem_of([1], 5, family=2), oracle.OUT_OF_RANGE),
    "negative cap": (Problem((Member(1, 1, cap=-1),), 5, 1, 1), oracle.OUT_OF_RANGE),
    "wide carry": (Problem((Member(1, 1, carry=2**62 + 1),), 5, 1, 1), oracle.TOO_BIG),
    "absolute, negative": (problem_of([-1], 5, family=1), oracle.NEGATIVE_WEIGHT),
    "absolute, sum": (problem_of([BIGGEST, 1], 5, family=1), oracle.TOO_BIG),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_input_is_refused_with_its_own_reason(name: str) -> None:
    problem, reason = REFUSALS[name]
    got = kernel.allocate(problem)
    assert got.reason == reason
    assert (got.planned, got.unallocated) == (0, 0 if problem.family == oracle.ABSOLUTE else problem.volume)


def test_an_excluded_member_may_have_any_weight() -> None:
    members = (Member(1, -5, excluded=53), Member(2, 1), Member(3, BIGGEST, excluded=25))
    got = kernel.allocate(Problem(members, 10, 1, 1))
    assert (got.volumes, got.reasons) == ([0, 10, 0], [53, 0, 25])
