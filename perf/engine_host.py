"""Compiling and running the C hosts of the engine's benchmarks, and what to say of the machine."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "perf" / "results"
FLAGS = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-Wno-unused-function"]
FLAGS += ["-Inative/include", "-iquote", "native/src"]


@contextmanager
def program(name: str) -> Iterator[list[str]]:
    """The command that runs perf/native/NAME.c; SystemExit with one line when it cannot be built."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("neither gcc nor clang was found")
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/{name}"
        sources = [
            f"perf/native/{name}.c",
            *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("native/src/*.c")),
        ]
        subprocess.run([compiler, *FLAGS, *sources, "-o", target, "-lpthread", "-lrt"], cwd=ROOT, check=True)
        yield [target]


def run(command: list[str], *arguments: int) -> list[int]:
    """One run's lines, ns; the loop on the first CPU that we may use, the client on the last."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit(f"two CPUs are needed, this process may use {len(cpus)}")
    full = [*command, *map(str, arguments), str(cpus[0]), str(cpus[-1])]
    done = subprocess.run(full, stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"the benchmark ended with status {done.returncode}")
    return sorted(int(line) for line in done.stdout.splitlines())


def options(about: str | None, runs: int) -> argparse.Namespace:
    """--runs, --json, --record."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the figures in perf/results")
    return parser.parse_args()


def percentile(ordered: list[int], percent: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def machine() -> str:
    """One line: CPU, how many, and what else runs."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    load = os.getloadavg()[0]
    return (
        f"{model}, {platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f} (2 are this benchmark's own)"
    )


def report(name: str, result: dict[str, Any], table: str, as_json: bool, record: bool) -> None:
    """Print, and keep in perf/results when asked to."""
    print(json.dumps(result, indent=1) if as_json else table)
    if record:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(table + "\n")
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
