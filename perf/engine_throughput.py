"""Children a second through engine, out ring and journal ring, drained by another core without loss.

    python perf/engine_throughput.py [--runs N] [--json] [--record]

    client, core B                                     loop, core A (spins)
    t0; MasterDeals ------------ in ring ------------> plans each, and for each child
    drains <-------------------- out ring ------------ a Booking
    drains <-------------------- journal ring -------- a PlanMember and a Booking
    t1 when all has been read; a gap in either's sequence numbers ends the run
    not timed: the BookingReports, the closes

perf/native/engine_throughput.c does the work. Exit status 1 when the median is under the target.
"""

import statistics
import sys

from engine_host import machine, options, percentile, program, report, run

TARGET = 5.0  # million children a second
SIZES = ((100, 500, 6), (1000, 50, 6), (10000, 5, 6))  # children of a deal, deals, rounds


def main() -> int:
    asked = options(__doc__, runs=7)
    runs: dict[int, list[int]] = {children: [] for children, _, _ in SIZES}
    with program("engine_throughput") as command:
        for _ in range(asked.runs):
            for children, deals, rounds in SIZES:
                runs[children] += run(command, children, deals, rounds)
    result = {"machine": machine(), "runs": asked.runs, "millions_a_second": {}}
    rows = ["| children of a deal | best | upper quartile | median |", "|---|---|---|---|"]
    for children, deals, _ in SIZES:
        ordered = sorted(runs[children])
        times = {
            "best": ordered[0],
            "upper_quartile": percentile(ordered, 25),
            "median": statistics.median(ordered),
        }
        figures = {name: round(1000 * children * deals / ns, 2) for name, ns in times.items()}
        result["millions_a_second"][children] = figures  # type: ignore[index]
        rows.append(f"| {children:,} | " + " | ".join(f"{rate:.2f}" for rate in figures.values()) + " |")
    reached = result["millions_a_second"][1000]["median"] >= TARGET  # type: ignore[index]
    target = (
        f"Target, 1,000 children a deal: {TARGET:.0f} million a second: {'reached' if reached else 'missed'}."
    )
    title = f"# Children a second, millions ({asked.runs} interleaved runs)\n\n"
    table = title + "\n".join(rows) + f"\n\n{target}\n{machine()}"
    report("engine_throughput", result, table, asked.json, asked.record)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
