"""What the demo found: as JSON for machines, as one screen for people."""

import os
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from appliance.audit import Report
from appliance.audit.replay import Replay
from appliance.demo.played import Played

LAWS = (
    "conservation",
    "entitlement",
    "one_price",
    "plan_first",
    "determinism",
    "exactly_once",
    "tamper_evidence",
    "no_trust",
    "clients_first",
    "fair_over_time",
)
BAR = 40
PERCENTILES = (("p50", "p50"), ("p99", "p99"), ("p99.9", "p999"), ("max", "max"))


@dataclass(frozen=True)
class Result:
    """One run of the demo."""

    seed: int
    accounts: int
    orders: int
    skipped: int  # closes of what had come to nothing: they were not sent
    children: int
    latencies_us: "np.ndarray[Any, np.dtype[np.float64]]"
    laws: dict[str, int]
    ledger: dict[str, int]
    allocations: str
    report: Report
    replay: Replay
    directory: str
    seconds: float

    @property
    def good(self) -> bool:
        """Every law at zero by the engine's count and by the broker's own ledger, and the log verifies."""
        return not any(self.laws.values()) and not any(self.ledger.values()) and self.report.verified

    def latency(self) -> dict[str, float]:
        """Percentiles in µs; 0 when there was no order with children."""
        if len(self.latencies_us) == 0:
            return {"p50": 0.0, "p99": 0.0, "p999": 0.0, "max": 0.0}
        p50, p99, p999 = np.percentile(self.latencies_us, [50, 99, 99.9])
        named = {"p50": p50, "p99": p99, "p999": p999, "max": np.max(self.latencies_us)}
        return {name: round(float(value), 1) for name, value in named.items()}

    def as_dict(self) -> dict[str, Any]:
        """The JSON of `mam demo --json`."""
        return {
            "orders": self.orders,
            "children": self.children,
            "latency_us": self.latency(),
            "laws": self.laws,
            "audit": {
                "records": self.report.records,
                "verified": self.report.verified,
                "dir": self.directory,
            },
            "host": host(),
            "skipped": self.skipped,
            "ledger": self.ledger,
            "replay": {
                "inputs": self.replay.inputs,
                "outputs": self.replay.outputs,
                "difference": self.replay.difference,
            },
            "allocations": self.allocations,
            "seed": self.seed,
            "accounts": self.accounts,
            "seconds": round(self.seconds, 1),
        }


def result_of(
    played: Played, report: Report, replayed: Replay, directory: str, seed: int, accounts: int, seconds: float
) -> Result:
    """Put together what the processes, the counters, the verification and the replay say."""
    laws = dict.fromkeys(LAWS, 0)
    for counter in played.counters:
        if counter.label.startswith("law "):
            laws[LAWS[int(counter.label.split()[1]) - 1]] = counter.value
    laws["determinism"] += replayed.difference is not None or replayed.unfinished > 0
    laws["tamper_evidence"] += len(report.problems)
    return Result(
        seed=seed,
        accounts=accounts,
        orders=int(played.server["orders"]),
        skipped=int(played.server["counts"]["skipped"]),
        children=int(played.server["children"]),
        latencies_us=np.array(played.server["latencies_ns"], dtype=np.float64) / 1000,
        laws=laws,
        ledger=played.server["violations"],
        allocations=played.server["allocations"],
        report=report,
        replay=replayed,
        directory=directory,
        seconds=seconds,
    )


def host() -> dict[str, Any]:
    """What ran it."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _histogram(values: "np.ndarray[Any, np.dtype[np.float64]]", bar: int) -> list[str]:
    """Orders by latency, each row twice the last; its longest bar has `bar` characters."""
    if len(values) == 0:
        return []
    low = int(np.floor(np.log2(max(float(np.min(values)), 1))))
    high = int(np.floor(np.log2(max(float(np.max(values)), 1))))
    rows = []
    for power in range(low, high + 1):
        count = int(np.count_nonzero((values >= 2**power) & (values < 2 ** (power + 1))))
        if power == low:
            count += int(np.count_nonzero(values < 2**power))
        rows.append((2**power, count))
    most = max(count for _, count in rows)
    return [
        f"  {start:>9,} µs  {'█' * -(-bar * count // most) if count else '':<{bar}} {count:,}"
        for start, count in rows
    ]


def screen(result: Result, width: int = 80) -> str:
    """The one screen at the end, for a terminal of so many columns."""
    latency = result.latency()
    broken = {name: count for name, count in result.laws.items() if count}
    ledger = {name: count for name, count in result.ledger.items() if count}
    laws = (
        "all ten at zero violations"
        if not broken
        else ", ".join(f"{name}: {n}" for name, n in broken.items())
    )
    books = (
        "agrees with every allocation"
        if not ledger
        else ", ".join(f"{name}: {n}" for name, n in ledger.items())
    )
    audit = result.report
    verdict = (
        "verified"
        if audit.verified
        else f"NOT VERIFIED: {audit.problems[0].text if audit.problems else 'see mam audit verify'}"
    )
    same = result.laws["determinism"] == 0
    replayed = (
        f"{result.replay.outputs:,} outputs, byte for byte the same"
        if same
        else result.replay.difference or "the log ends before the engine's last outputs"
    )
    lines = [
        f"orders      {result.orders:,} over {result.accounts:,} sub-accounts, seed {result.seed}"
        + (f"; {result.skipped:,} more were closes of nothing" if result.skipped else ""),
        f"children    {result.children:,}",
        "latency     bridge's write of the order → bridge's sight of its last child",
        "            " + "   ".join(f"{name} {latency[key]:,} µs" for name, key in PERCENTILES),
        *_histogram(result.latencies_us, min(BAR, max(8, width - 24))),
        f"laws        {laws}",
        f"broker      its own ledger {books}",
        f"replay      {replayed}",
        f"audit       {audit.records:,} records, {verdict}",
        f"log         {result.directory}",
    ]
    return "\n".join(lines)
