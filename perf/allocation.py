"""Cost of dividing one order, per member: the kernel, numpy and plain Python on one problem.

    python perf/allocation.py [--json FILE]

`plain`: proportional, largest remainder. `constrained`: every member has a cap, most of them bind, and
what they leave is redistributed by water-filling. `constrained, with history`: the same, and each
member's shortfall is kept (policy state, which the others do not have). The figures are chosen so that
numpy's int64 products do not overflow; the kernel has no such limit. Times are processor time, the best
of several runs, since the machine has other work.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from appliance._native import ffi, lib

SIZES = (10, 100, 1_000, 10_000, 100_000)
STEP = 1_000_000
LARGEST_REMAINDER, REDISTRIBUTE = 0, 3
RUNS = 15


class Problem:
    """`count` members, some seven steps each; caps of 0 to 13 steps."""

    def __init__(self, count: int, constrained: bool) -> None:
        random = np.random.default_rng(count)
        self.count, self.constrained = count, constrained
        self.steps = (count * 21) // 4 if constrained else count * 7 + 3
        self.weights = random.integers(1, 10**10, count, dtype=np.int64)
        self.limits = random.integers(0, 14, count, dtype=np.int64)


def kernel(problem: Problem, history: bool) -> Callable[[], Any]:
    count, alive = problem.count, []

    def array(kind: str, values: Any) -> Any:
        alive.append(ffi.new(f"{kind}[]", values))
        return alive[-1]

    a = ffi.new("struct mam_allocation *")
    a.count, a.volume, a.step, a.minimum = count, problem.steps * STEP, STEP, STEP
    a.rounding, a.overflow_index = LARGEST_REMAINDER, 2**32 - 1
    a.login = array("uint64_t", list(range(1, count + 1)))
    a.weight = array("int64_t", problem.weights.tolist())
    if problem.constrained:
        a.on_shortfall = REDISTRIBUTE
        a.cap = array("int64_t", (problem.limits * STEP + STEP // 2).tolist())
    if history:
        a.carry = array("int64_t", count)
    for name in ("quota", "floor_volume", "remainder", "result"):
        setattr(a, name, array("int64_t", count))
    a.reason, a.capped = array("uint16_t", count), array("uint8_t", count)
    scratch = array("uint64_t", lib.mam_scratch_size(count) // 8 + 1)

    def run(allocate: Any = lib.mam_allocate, alive: Any = alive) -> None:
        assert allocate(a, scratch) == 0

    run.answer = lambda: [volume // STEP for volume in a.result[0:count]]  # type: ignore[attr-defined]
    return run


def with_numpy(problem: Problem) -> Callable[[], np.ndarray]:
    def run() -> np.ndarray:
        weights, steps = problem.weights, problem.steps
        result = np.zeros(problem.count, dtype=np.int64)
        free = np.arange(problem.count)
        while True:
            total = int(weights.sum())
            floors, remainders = np.divmod(weights * steps, total)
            if not problem.constrained:
                break
            over = floors + (remainders > 0) > problem.limits[free]
            if not over.any():
                break
            settled = free[over]
            result[settled] = problem.limits[settled]
            steps -= int(problem.limits[settled].sum())
            free, weights = free[~over], weights[~over]
        left = steps - int(floors.sum())
        if left:
            floors[np.argpartition(remainders, -left)[-left:]] += 1
        result[free] = floors
        return result

    return run


def with_python(problem: Problem) -> Callable[[], list[int]]:
    all_weights, limits = problem.weights.tolist(), problem.limits.tolist()

    def run() -> list[int]:
        free, steps = list(range(problem.count)), problem.steps
        result = [0] * problem.count
        while True:
            total = sum(all_weights[i] for i in free)
            over = []
            if problem.constrained:
                over = [i for i in free if all_weights[i] * steps > limits[i] * total]
            if not over:
                break
            for i in over:
                result[i] = limits[i]
                steps -= limits[i]
            settled = set(over)
            free = [i for i in free if i not in settled]
        remainders = []
        for i in free:
            result[i], remainder = divmod(all_weights[i] * steps, total)
            remainders.append((-remainder, i))
        steps_left = steps - sum(result[i] for i in free)
        for _, i in sorted(remainders)[:steps_left]:
            result[i] += 1
        return result

    return run


def measure(run: Callable[[], Any], count: int, members: int) -> float:
    """Nanoseconds per member: the best of RUNS runs over at least `members` members each."""
    rounds = max(1, members // count)
    best = float("inf")
    for _ in range(RUNS):
        begin = time.thread_time_ns()
        for _ in range(rounds):
            run()
        best = min(best, (time.thread_time_ns() - begin) / rounds / count)
    return best


def table() -> list[dict[str, Any]]:
    rows = []
    for case, constrained, history in (
        ("plain", False, False),
        ("constrained", True, False),
        ("constrained, with history", True, True),
    ):
        for count in SIZES:
            problem = Problem(count, constrained)
            run = kernel(problem, history)
            run()
            assert run.answer() == with_numpy(problem)().tolist() == with_python(problem)()  # type: ignore[attr-defined]
            row = {"case": case, "members": count, "kernel": measure(run, count, 200_000)}
            if not history:
                row["numpy"] = measure(with_numpy(problem), count, 20_000)
                row["python"] = measure(with_python(problem), count, 1_000)
            rows.append({key: round(v, 2) if isinstance(v, float) else v for key, v in row.items()})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    rows = table()
    print(f"{'ns per member':<28}{'members':>8}{'kernel':>10}{'numpy':>10}{'Python':>10}")
    for row in rows:
        others = "".join(
            f"{row[name]:>10.1f}" if name in row else f"{'':>10}" for name in ("numpy", "python")
        )
        print(f"{row['case']:<28}{row['members']:>8}{row['kernel']:>10.1f}{others}")
    if arguments.json:
        machine = {
            "machine": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        }
        arguments.json.write_text(
            json.dumps({**machine, "unit": "ns per member", "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
