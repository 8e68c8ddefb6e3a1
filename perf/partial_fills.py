"""A block of 1,000 children over 5 LPs with 20 partial fills, beside the same block filled at once.

Prints engine time per message and in total; `ratio` is to the block whose legs are filled at once. Each fill
divides anew what every child is entitled to, so its cost is proportional to the children; it must not grow
with the fills before it. Times are those of Engine.apply, with the Python call and the copying of the outputs
in them.
"""

import argparse
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from engine_host import ROOT, machine, report

from appliance.engine import Capacities, Output
from appliance.memory import Role

sys.path.insert(0, str(ROOT))
from tests.engine.desk import EURUSD, Desk, only

CHILDREN, LPS, BLOCKS = 1000, 5, 20


class Timed(Desk):
    """A desk that keeps how long each message took."""

    def __init__(self) -> None:
        super().__init__(Capacities(accounts=2000, members=2000, children=16384))
        for number in range(3, LPS + 1):
            name = f"lp{number}"
            self.bridges[name] = self.engine.open_bridge(name, Role.LP)
            self.names[self.bridges[name]], self.sequences[name] = name, 0
        self.times: list[int] = []
        apply: Callable[[int, int, bytes], list[Output]] = self.engine.apply

        def timed(time: int, bridge: int, message: bytes) -> list[Output]:
            begin = perf_counter_ns()
            outputs = apply(time, bridge, message)
            self.times.append(perf_counter_ns() - begin)
            return outputs

        self.engine.apply = timed  # type: ignore[method-assign]


def play(fills: int) -> dict[str, Any]:
    """Blocks that are filled in so many parts."""
    desk = Timed()
    desk.usual({login: str(1000 + login) for login in range(1, CHILDREN + 1)}, execution="stp")
    for number in range(1, LPS + 1):
        desk.quote(f"lp{number}", "1.10000", "1.10010", size="20")
    desk.times.clear()
    fill_times: list[int] = []
    begin = perf_counter_ns()
    for block in range(1, BLOCKS + 1):
        legs = only(desk.order(block, "100", instrument=EURUSD), "Leg")
        outputs: list[dict[str, Any]] = []
        each = fills // LPS
        for part in range(1, each + 1):
            for leg in legs:
                done, volume = 20 * part / each, 20 / each
                outputs = desk.execution(leg, f"{done:g}", f"{volume:g}", "1.1001")
                fill_times.append(desk.times[-1])
        desk.book_all(outputs)
    assert desk.engine.counts()["blocks_done"] == BLOCKS
    total = sum(desk.times)
    times, fill_times = sorted(desk.times), sorted(fill_times)
    return {
        "fills_per_block": each * LPS,
        "messages": len(times),
        "p50_us": times[len(times) // 2] / 1000,
        "p99_us": times[len(times) * 99 // 100] / 1000,
        "fill_p50_us": fill_times[len(fill_times) // 2] / 1000,
        "fill_p99_us": fill_times[len(fill_times) * 99 // 100] / 1000,
        "total_ms_per_block": total / BLOCKS / 1e6,
        "wall_s": (perf_counter_ns() - begin) / 1e9,
    }


def table(runs: list[dict[str, Any]], host: str) -> str:
    lines = [f"a block of {CHILDREN} children over {LPS} LPs; {host}", ""]
    lines += [
        "| fills | messages | p50 | p99 | a fill, p50 | p99 | total a block | ratio |",
        "|---|" + "---|" * 7,
    ]
    for run in runs:
        ratio = run["total_ms_per_block"] / runs[0]["total_ms_per_block"]
        times = " | ".join(
            f"{run[name]:.1f} µs" for name in ("p50_us", "p99_us", "fill_p50_us", "fill_p99_us")
        )
        total = run["total_ms_per_block"]
        counts = f"{run['fills_per_block']} | {run['messages'] // BLOCKS}"
        lines.append(f"| {counts} | {times} | {total:.2f} ms | {ratio:.2f} |")
    fills = runs[-1]["fills_per_block"] - runs[0]["fills_per_block"]
    more = (runs[-1]["total_ms_per_block"] - runs[0]["total_ms_per_block"]) * 1000 / fills
    lines += [
        "",
        f"each further fill: {more:.1f} µs, {more * 1000 / CHILDREN:.1f} ns a child that it touches",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A block filled in many parts, beside the same filled at once."
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    runs = [play(fills) for fills in (5, 20, 100)]  # 5: each LP fills its leg at once
    result = {"machine": machine(), "children": CHILDREN, "lps": LPS, "runs": runs}
    report("partial_fills", result, table(runs, machine()), options.json, options.record)


if __name__ == "__main__":
    main()
