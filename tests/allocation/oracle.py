"""The allocation rules of docs/allocation.md once more, as plainly as they can be said, in fractions.

It shares nothing with the kernel and is slow: where the kernel selects, this sorts; where the kernel
leaves out many at once, this leaves out one and starts again. Volumes are integers (1e-8 lot). The
numbers of enums are the schema's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

LARGEST_REMAINDER, CARRY, LARGEST_EQUITY, LIST_ORDER, OVERFLOW = range(5)
REDUCE, SKIP, REJECT, REDISTRIBUTE = range(4)
BELOW_SKIP, BELOW_RAISE = range(2)
PROPORTIONAL, ABSOLUTE = range(2)
NONE, OUT_OF_RANGE, TOO_BIG, OFF_STEP, BELOW_MINIMUM = 0, 2, 3, 17, 18
NO_MEMBERS, ZERO_WEIGHTS, NEGATIVE_WEIGHT, ZERO_SHARE, SHORTFALL = 20, 21, 22, 29, 41
UNLIMITED = 2**63 - 1
CARRY_ONE = 2**32


@dataclass(frozen=True)
class Member:
    login: int
    weight: int
    cap: int = UNLIMITED
    cap_reason: int = SHORTFALL
    equity: int = 0
    carry: int = 0
    excluded: int = 0
    minimum: int | None = None  # its own, in place of the problem's


@dataclass(frozen=True)
class Problem:
    members: tuple[Member, ...]
    volume: int
    step: int
    minimum: int
    rounding: int = LARGEST_REMAINDER
    on_shortfall: int = REDUCE
    below_min: int = BELOW_SKIP
    family: int = PROPORTIONAL
    overflow: int | None = None


@dataclass
class Answer:
    reason: int
    volumes: list[int] = field(default_factory=list)
    reasons: list[int] = field(default_factory=list)
    capped: list[bool] = field(default_factory=list)
    quotas: list[Fraction] = field(default_factory=list)
    carries: list[int] = field(default_factory=list)
    planned: int = 0
    unallocated: int = 0
    # Their share is the cap, and more than one level makes it so: "capped" may be said of these or not.
    at_limit: list[int] = field(default_factory=list)


def allocate(problem: Problem) -> Answer:
    """Who gets what; or an answer with nothing but the reason for which the order is refused."""
    reason = _refusal(problem)
    if reason != NONE:
        return Answer(reason)
    return _absolute(problem) if problem.family == ABSOLUTE else _proportional(problem)


def least_of(problem: Problem, member: Member) -> int:
    return problem.minimum if member.minimum is None else member.minimum


def _refusal(problem: Problem) -> int:
    if not problem.members:
        return NO_MEMBERS
    if any(abs(member.carry) > 2**62 for member in problem.members):
        return TOO_BIG
    if problem.family == PROPORTIONAL:
        if problem.volume <= 0:
            return OUT_OF_RANGE
        if problem.volume % problem.step:
            return OFF_STEP
        if problem.volume < min(least_of(problem, member) for member in problem.members):
            return BELOW_MINIMUM
    weights = [member.weight for member in problem.members if not member.excluded]
    if not weights:
        return NO_MEMBERS
    if min(weights) < 0:
        return NEGATIVE_WEIGHT
    if problem.family == PROPORTIONAL and sum(weights) == 0:
        return ZERO_WEIGHTS
    return TOO_BIG if problem.family == PROPORTIONAL and sum(weights) > 2**63 - 1 else NONE


def _first(order: Sequence[int], key: Callable[[int], tuple], count: int) -> list[int]:
    return sorted(order, key=key)[:count]


class _Division:
    """One proportional order at work. Shares and limits are in steps."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.members = problem.members
        self.steps = problem.volume // problem.step
        self.least = [-(-least_of(problem, member) // problem.step) for member in self.members]
        self.everybody = range(len(problem.members))
        self.weights = [0 if member.excluded else member.weight for member in self.members]
        total = sum(self.weights)
        self.quotas = [Fraction(problem.volume * weight, total) for weight in self.weights]
        self.below: set[int] = set()
        self.capped: set[int] = set()
        self.redistributes = problem.on_shortfall == REDISTRIBUTE
        self.level: Fraction | None = None
        self.limits = [
            member.cap // problem.step if self.redistributes else UNLIMITED for member in self.members
        ]

    def seniority(self, i: int) -> tuple:
        return (-self.members[i].carry, self.members[i].login, i)

    def solve(self, who: Sequence[int], raises: bool) -> dict[int, Fraction]:
        """Shares of `who`: level * weight, under the limit (and over the minimum), that make all steps.

        The level is the lowest that does; None when even all limits make less.
        """

        def at(level: Fraction) -> dict[int, Fraction]:
            return {
                i: min(max(level * self.weights[i], Fraction(least[i])), Fraction(self.limits[i]))
                for i in who
            }

        least = self.least if raises else [0] * len(self.members)
        if not raises and not self.redistributes and who:
            self.level = Fraction(self.steps, sum(self.weights[i] for i in who))
            return {i: self.level * self.weights[i] for i in who}
        self.level = None
        if sum(self.limits[i] for i in who) < self.steps:
            return {i: Fraction(self.limits[i]) for i in who}
        bends = sorted(
            {Fraction(bound, self.weights[i]) for i in who for bound in (0, least[i], self.limits[i])}
        )
        low, high = -1, len(bends) - 1  # bends[high] makes enough, bends[low] does not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if sum(at(bends[middle]).values()) >= self.steps else (middle, high)
        self.level = bends[high]
        if low >= 0:
            below, above = sum(at(bends[low]).values()), sum(at(bends[high]).values())
            self.level = bends[low] + (bends[high] - bends[low]) * (self.steps - below) / (above - below)
        return at(self.level)

    def shares(self) -> dict[int, Fraction]:
        """Exact shares after minimum and redistribution; who has none is not in it."""
        problem = self.problem
        who = [i for i in self.everybody if self.weights[i] > 0]
        raises = problem.below_min == BELOW_RAISE
        matters = any(
            self.least[i] > (0 if raises else 1) and self.quotas[i] < self.least[i] * problem.step
            for i in who
        )
        if self.redistributes:
            # A member whose cap is below the minimum cannot trade at all.
            for i in [i for i in who if self.limits[i] < self.least[i]]:
                who.remove(i)
                (self.capped if self.quotas[i] // 1 > self.members[i].cap else self.below).add(i)
        if not matters:
            return self.solve(who, raises=False)
        if raises:
            keep, left = [], self.steps
            for i in sorted(who, key=lambda i: (-self.weights[i], *self.seniority(i))):
                if self.least[i] <= left:
                    keep.append(i)
                    left -= self.least[i]
            self.below.update(set(who) - set(keep))
            return self.solve([i for i in who if i in keep], raises=True)
        return self.skip(who)

    def reach(self, i: int) -> int:
        """The larger, the lower is the level at which it has its minimum; one of a step it always has."""
        return 2**200 if self.least[i] <= 1 else (self.weights[i] << 64) // self.least[i]

    def skip(self, who: list[int]) -> dict[int, Fraction]:
        """Leaves out the smallest until no share is under the minimum."""
        by_size = sorted(who, key=lambda i: (-self.reach(i), *self.seniority(i)))
        while by_size:
            shares = self.solve(by_size, raises=False)
            if all(shares[i] >= self.least[i] or self.least[i] <= 1 for i in shares):
                return shares
            self.below.add(by_size.pop())
        return {}

    def free(self, shares: dict[int, Fraction]) -> list[int]:
        """Those whose share is by weight, and not a bound."""
        return [i for i in shares if self.level is not None and shares[i] == self.level * self.weights[i]]

    def over(self, shares: dict[int, Fraction]) -> list[int]:
        """Those whose limit is under their share by weight."""
        return [i for i in shares if self.level is None or self.limits[i] < self.level * self.weights[i]]


def _fixed_point(division: _Division, remainders: dict[int, Fraction]) -> dict[int, int]:
    exact = {i: remainders[i] * CARRY_ONE for i in remainders}
    parts = {i: exact[i] // 1 for i in exact}
    units = sum(exact.values()) - sum(parts.values())
    assert units == int(units)
    order = [i for i in exact if exact[i] > 0]
    for i in _first(order, lambda i: (parts[i] - exact[i], division.members[i].login, i), int(units)):
        parts[i] += 1
    return parts


def _leftover_order(
    division: _Division, remainders: dict[int, Fraction], claims: dict[int, int], eligible: list[int]
) -> list[int]:
    problem, members = division.problem, division.members
    with_remainder = [i for i in remainders if remainders[i] > 0]
    if problem.rounding == CARRY:
        return sorted(with_remainder, key=lambda i: (-claims[i], members[i].login, i))
    if problem.rounding == LARGEST_EQUITY:
        return sorted(eligible, key=lambda i: (-members[i].equity, members[i].login, i))
    if problem.rounding == LIST_ORDER:
        return sorted(eligible)
    return sorted(with_remainder, key=lambda i: (-remainders[i], *division.seniority(i)))


def _overflow_takes(division: _Division, rounded: list[int], left: int) -> int:
    _problem, i = division.problem, division.problem.overflow
    if i is None or division.members[i].excluded:
        return 0
    has = rounded[i]
    room = max(0, division.limits[i] - has)
    if room < left:
        division.capped.add(i)
    take = min(left, room)
    return take if has + take >= division.least[i] else 0


def _proportional(problem: Problem) -> Answer:
    division = _Division(problem)
    shares = division.shares()
    members, step = problem.members, problem.step
    steps = {i: shares[i] // 1 for i in shares}
    remainders = {i: shares[i] - steps[i] for i in shares}
    left = int(sum(remainders.values()))
    assert left == sum(remainders.values())
    if division.redistributes:
        division.capped.update(division.over(shares))
    free = division.free(shares)
    eligible = [i for i in free if steps[i] + 1 <= division.limits[i]]
    parts = _fixed_point(division, remainders)
    claims = {i: parts[i] + members[i].carry for i in parts}
    rounded = [int(steps.get(i, 0)) for i in division.everybody]
    order = _leftover_order(division, remainders, claims, eligible)
    nobodys = 0
    if problem.rounding == OVERFLOW and left:
        taken = _overflow_takes(division, rounded, left)
        if taken:
            rounded[problem.overflow] += taken
        nobodys = left - taken
        left = 0
        if division.redistributes:
            order = [i for i in order if i != problem.overflow or not taken]
            nobodys, left = 0, nobodys
    assert left <= len(order)
    for i in order[:left]:
        rounded[i] += 1
    carries = [member.carry for member in members]
    if not nobodys:
        for i in division.everybody:
            carries[i] += int(parts.get(i, 0)) - int(rounded[i] - steps.get(i, 0)) * CARRY_ONE
    volumes = [count * step for count in rounded]
    over = [i for i in division.everybody if volumes[i] > members[i].cap]
    if problem.on_shortfall == REJECT and (over or nobodys):
        return Answer(SHORTFALL, capped=[i in over for i in division.everybody])
    _cut(problem, volumes, division.capped)
    answer = Answer(NONE, volumes, carries=carries, quotas=division.quotas, planned=sum(volumes))
    answer.unallocated = problem.volume - answer.planned
    _explain(problem, answer, division.capped, division.below)
    if division.redistributes and problem.below_min == BELOW_RAISE:
        answer.at_limit = [i for i in shares if shares[i] == division.limits[i]]
    return answer


def _cut(problem: Problem, volumes: list[int], capped: set[int]) -> None:
    for i, member in enumerate(problem.members):
        if volumes[i] > member.cap:
            capped.add(i)
            volumes[i] = 0 if problem.on_shortfall == SKIP else member.cap // problem.step * problem.step
            if volumes[i] < least_of(problem, member):
                volumes[i] = 0


def _explain(problem: Problem, answer: Answer, capped: set[int], below: set[int]) -> None:
    for i, member in enumerate(problem.members):
        answer.capped.append(i in capped)
        if i in capped:
            answer.reasons.append(member.cap_reason)
        elif answer.volumes[i] > 0:
            answer.reasons.append(NONE)
        elif member.excluded:
            answer.reasons.append(member.excluded)
        else:
            answer.reasons.append(BELOW_MINIMUM if i in below else ZERO_SHARE)


def _absolute(problem: Problem) -> Answer:
    volumes, below, quotas = [], set(), []
    for i, member in enumerate(problem.members):
        desired = 0 if member.excluded else member.weight
        minimum = -(-least_of(problem, member) // problem.step) * problem.step
        volume = desired // problem.step * problem.step
        if desired > 0 and volume < minimum:
            volume = minimum if problem.below_min == BELOW_RAISE else 0
            below.add(i)
        volumes.append(volume)
        quotas.append(Fraction(desired))
    over = [volumes[i] > member.cap for i, member in enumerate(problem.members)]
    if sum(volumes) > 2**63 - 1:
        return Answer(TOO_BIG)
    if problem.on_shortfall == REJECT and any(over):
        return Answer(SHORTFALL, capped=over)
    capped: set[int] = set()
    _cut(problem, volumes, capped)
    carries = [member.carry for member in problem.members]
    answer = Answer(NONE, volumes, carries=carries, quotas=quotas, planned=sum(volumes))
    _explain(problem, answer, capped, below)
    return answer
