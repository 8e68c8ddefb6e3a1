"""`mam audit replay DIR`: the log, run again."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.audit.directory import check
from appliance.audit.fast_replay import replay_log
from appliance.audit.log import is_being_written
from appliance.audit.replay import Replay


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "replay",
        help="run the engine again over the log and compare every output",
        description="A fresh engine is fed the logged inputs; every output must come out byte for byte. "
        "Exit status: 0 it does; 1 it does not, and the first difference is told; 2 this is not a log.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, and say what came of it."""

    def progress(inputs: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{inputs:,} inputs, every output the same", end="", file=sys.stderr, flush=True)

    check(options.dir)
    result = replay_log(options.dir, progress)
    if sys.stderr.isatty():
        print("\r" + " " * 50 + "\r", end="", file=sys.stderr, flush=True)
    print(json.dumps(asdict(result), indent=1) if options.json else text(options.dir, result))
    return 0 if result.difference is None else 1


def text(directory: Path, result: Replay) -> str:
    """The result in words."""
    fed = f"{result.inputs:,} inputs of {result.runs} run{'s' if result.runs != 1 else ''}"
    if result.difference is None:
        again = f"{directory}: {fed} give all {result.outputs:,} outputs again, byte for byte"
        if is_being_written(directory):
            again += "; it is still being written"
        if result.skipped:
            again += f"; not the first {result.skipped:,} records, whose run begins in what was pruned"
        return f"{again}; {result.snapshots} snapshot(s) too" if result.snapshots else again
    return f"{directory}: NOT the same after {fed}: {result.difference}"
