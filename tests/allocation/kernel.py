"""The kernel as Python functions over lists; for tests."""

from dataclasses import dataclass
from typing import Any

from appliance._native import ffi, lib

from tests.allocation.oracle import Problem, least_of

NOWHERE = 2**32 - 1


@dataclass
class Result:
    reason: int
    volumes: list[int]
    reasons: list[int]
    capped: list[bool]
    quotas: list[int]
    floors: list[int]
    remainders: list[int]
    carries: list[int]
    planned: int
    unallocated: int
    total_weight: int


def scratch(count: int) -> Any:
    return ffi.new("uint64_t[]", lib.mam_scratch_size(count) // 8 + 1)


def allocate(problem: Problem) -> Result:
    members = problem.members
    count = len(members)
    alive: list[Any] = []

    def array(kind: str, values: Any) -> Any:
        alive.append(ffi.new(f"{kind}[]", values))
        return alive[-1]

    a = ffi.new("struct mam_allocation *")
    a.count, a.family, a.rounding = count, problem.family, problem.rounding
    a.on_shortfall, a.below_min = problem.on_shortfall, problem.below_min
    a.volume, a.step, a.minimum = problem.volume, problem.step, problem.minimum
    a.overflow_index = NOWHERE if problem.overflow is None else problem.overflow
    a.login = array("uint64_t", [member.login for member in members])
    a.weight = array("int64_t", [member.weight for member in members])
    a.cap = array("int64_t", [member.cap for member in members])
    a.cap_reason = array("uint16_t", [member.cap_reason for member in members])
    if any(member.minimum is not None for member in members):
        a.minimums = array("int64_t", [least_of(problem, member) for member in members])
    a.equity = array("int64_t", [member.equity for member in members])
    a.excluded = array("uint16_t", [member.excluded for member in members])
    a.carry = array("int64_t", [member.carry for member in members])
    a.quota, a.floor_volume = array("int64_t", count), array("int64_t", count)
    a.remainder, a.result = array("int64_t", count), array("int64_t", count)
    a.reason, a.capped = array("uint16_t", count), array("uint8_t", count)
    reason = lib.mam_allocate(a, scratch(count))
    return Result(
        reason=reason,
        volumes=list(a.result[0:count]),
        reasons=list(a.reason[0:count]),
        capped=[bool(capped) for capped in a.capped[0:count]],
        quotas=list(a.quota[0:count]),
        floors=list(a.floor_volume[0:count]),
        remainders=list(a.remainder[0:count]),
        carries=list(a.carry[0:count]),
        planned=a.planned,
        unallocated=a.unallocated,
        total_weight=a.total_weight,
    )


def _logins(count: int) -> list[int]:
    return list(range(1, count + 1))


def divide_fill(
    plan: list[int], filled: int, held: list[int], step: int = 1, logins: list[int] | None = None
) -> tuple[int, list[int], int]:
    """(reason, volumes, residue)"""
    count = len(plan)
    out, residue = ffi.new("int64_t[]", held), ffi.new("int64_t *")
    reason = lib.mam_divide_fill(
        count, step, logins or _logins(count), plan, filled, held, out, residue, scratch(count)
    )
    return reason, list(out), residue[0]


def settle_short(
    plan: list[int], filled: int, minimum: int | list[int], step: int = 1
) -> tuple[int, list[int], int]:
    """(reason, volumes, house)"""
    count = len(plan)
    out, house = ffi.new("int64_t[]", count), ffi.new("int64_t *")
    same, own = (0, minimum) if isinstance(minimum, list) else (minimum, ffi.NULL)
    reason = lib.mam_settle_short(
        count, step, same, own, _logins(count), plan, filled, out, house, scratch(count)
    )
    return reason, list(out), house[0]


def divide_close(held: list[int], closed: int, step: int = 1) -> tuple[int, list[int]]:
    """(reason, volumes)"""
    count = len(held)
    out = ffi.new("int64_t[]", held)
    reason = lib.mam_divide_close(count, step, _logins(count), held, closed, out, scratch(count))
    return reason, list(out)


def average_price(fills: list[tuple[int, int]], tick: int = 1) -> tuple[int, int, int]:
    """(reason, average, residue) of (price, volume) pairs"""
    average, residue = ffi.new("int64_t *"), ffi.new("int64_t *")
    prices, volumes = [price for price, _ in fills], [volume for _, volume in fills]
    reason = lib.mam_average_price(len(fills), prices, volumes, tick, average, residue)
    return reason, average[0], residue[0]


def divide_mix(
    volumes: list[int], parts: list[int], step: int = 1, logins: list[int] | None = None
) -> tuple[int, list[list[int]]]:
    """(reason, for each member what it has of each part)"""
    count, total = len(volumes), sum(volumes)
    more = ffi.new("uint64_t[]", count)
    reason = lib.mam_divide_mix(
        count, step, logins or _logins(count), volumes, len(parts), parts, more, scratch(count)
    )
    if reason or not total:
        return reason, [[0] * len(parts) for _ in volumes]
    return reason, [
        [lib.mam_mix_volume(volume, part, total, step, bits >> at & 1) for at, part in enumerate(parts)]
        for volume, bits in zip(volumes, more, strict=True)
    ]
