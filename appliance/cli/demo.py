"""`mam demo`: the whole stack in one go, on the embedded broker and LPs."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import appliance.demo
from appliance.audit import AuditError, read_entries, verify
from appliance.audit.replay import Replay, replay
from appliance.daemon.supervisor import DaemonError
from appliance.demo import Demo, DemoFailed, Options, screen
from appliance.demo.report import Result, result_of
from appliance.errors import InputError

DATA = Path(appliance.demo.__file__).parent / "data"


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("demo", help="the whole stack in one go, on an embedded broker and LPs")
    parser.add_argument(
        "--accounts", type=_count, default=1000, metavar="N", help="sub-accounts (default: 1000)"
    )
    parser.add_argument(
        "--orders", type=_count, default=1000, metavar="N", help="master orders (default: 1000)"
    )
    parser.add_argument(
        "--ticks", nargs="+", type=Path, metavar="FILE", help="CSV files time_ns,bid,ask, one a symbol"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="two runs with one seed allocate the same"
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="where the log goes (default: a new temporary folder)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the screen")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to 100000")
    return count


class _Progress:
    """One line that is written over on a terminal; now and then a line elsewhere; nothing with --json."""

    def __init__(self, orders: int, quiet: bool) -> None:
        self._orders = orders
        self._live = sys.stderr.isatty()
        self._quiet = quiet
        self._due = 0.0
        self._last = ""

    def __call__(self, phase: str, done: int, children: int) -> None:
        if self._quiet or (time.monotonic() < self._due and phase == self._last):
            return
        self._due = time.monotonic() + (0.1 if self._live else 2.0)
        self._last = phase
        filled = 30 * done // max(1, self._orders)
        text = f"{phase:<10} [{'#' * filled:<30}] {done:,} of {self._orders:,} orders, {children:,} children"
        print(
            f"\r\x1b[K{text}" if self._live else text,
            end="" if self._live else "\n",
            file=sys.stderr,
            flush=True,
        )

    def say(self, text: str) -> None:
        if not self._quiet:
            print(
                f"\r\x1b[K{text}" if self._live else text,
                end="" if self._live else "\n",
                file=sys.stderr,
                flush=True,
            )

    def clear(self) -> None:
        if self._live and not self._quiet:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> int:
    """Play it; 0 only if every law is at zero and the log verifies."""
    ticks = options.ticks or sorted(DATA.glob("*.csv"))
    directory = _directory(options.dir)
    chosen = Options(options.accounts, options.orders, options.seed, ticks, directory)
    progress = _Progress(options.orders, options.json)
    try:
        result = _play(chosen, progress)
    except (DemoFailed, DaemonError) as error:
        progress.clear()
        print(f"mam demo: {error}; the log is in {directory}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.clear()
        print(f"mam demo: ended by you; the log up to here is in {directory / 'log'}", file=sys.stderr)
        return 130
    progress.clear()
    print(json.dumps(result.as_dict(), indent=1) if options.json else screen(result))
    return 0 if result.good else 1


def _directory(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="mam-demo-"))
    if wanted.exists() and any(wanted.iterdir()):
        raise InputError(f"--dir {wanted}: is not empty, expected a new or an empty folder")
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted


def _play(options: Options, progress: _Progress) -> Result:
    started = time.monotonic()
    with Demo(options, progress) as demo:
        played = demo.play()
        progress.say("ending: the writer drains the journal and signs the last checkpoint")
    progress.say("verifying the log from its public key")
    report = verify(demo.log, played.vkey)
    replayed = _replay(demo.log, progress.say)
    seconds = time.monotonic() - started
    return result_of(played, report, replayed, str(demo.log), options.seed, options.accounts, seconds)


def _replay(log: Path, say: Callable[[str], None]) -> Replay:
    def progress(inputs: int) -> None:
        if inputs % 20_000 == 0:
            say(f"replaying the log: {inputs:,} inputs, every output the same")

    try:
        return replay(read_entries(log), progress)
    except AuditError as error:
        return Replay(difference=str(error))
