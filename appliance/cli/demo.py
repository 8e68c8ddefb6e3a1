"""`mam demo`: the whole stack in one go, on the embedded broker and LPs."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import appliance.demo
from appliance.audit import AuditError, read_entries, verify
from appliance.audit.replay import Replay, replay
from appliance.broker.scenario import Scenario, generate
from appliance.broker.ticks import read_all
from appliance.daemon.ending import Ended, EndSignals
from appliance.daemon.supervisor import AlreadySaid, DaemonError
from appliance.demo import Demo, DemoFailed, Options, faults, news, screen
from appliance.demo.played import Played
from appliance.demo.report import Result, result_of
from appliance.errors import InputError

DATA = Path(appliance.demo.__file__).parent / "data"
BOOKINGS_MAX = 1 << 24


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
    parser.add_argument(
        "--scenario",
        choices=("day", "news", *faults.KINDS),
        default="day",
        help="news: spreads widen, prices gap, leverage tiers bite; partial: LPs fill in part, reject, the "
        "server refuses; outage: LPs and the server fall silent besides (default: day)",
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
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._due = 0.0
        self._phase = ""

    def orders(self, phase: str, done: int, children: int) -> None:
        """How far the orders of a phase are."""
        filled = 20 * done // max(1, self._orders)
        self.say(phase, f"{phase:<10} [{'#' * filled:<20}] {done:,}/{self._orders:,}, {children:,} children")

    def say(self, phase: str, text: str) -> None:
        """Shows the text, unless that of the same phase was shown a moment ago."""
        if self._quiet or (time.monotonic() < self._due and phase == self._phase):
            return
        self._due = time.monotonic() + (0.1 if self._live else 2.0)
        self._phase = phase
        if self._live:
            width = max(10, shutil.get_terminal_size().columns - 1)  # a line that wraps is not written over
            self._write(f"\r\x1b[K{text[:width]}")
        else:
            self._write(f"{text}\n")

    def clear(self) -> None:
        """Before something else is printed."""
        if self._live and not self._quiet and self._phase:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:
            self._quiet = True  # nobody reads it: the demo goes on


def run(options: argparse.Namespace) -> int:
    """Play it; 0 only if every law is at zero and the log verifies."""
    progress = _Progress(options.orders, options.json)
    folder = _Folder(options.dir)
    with EndSignals() as signals:
        try:
            return _run(options, folder, progress, signals)
        except (DemoFailed, DaemonError) as error:
            return _fail(progress, folder, str(error), 1)
        except AlreadySaid:
            return 2
        except Ended as end:
            return _fail(progress, folder, f"ended by {end}", end.status)


def _fail(progress: _Progress, folder: "_Folder", text: str, status: int) -> int:
    progress.clear()
    where = f"; the log up to here is in {folder.path / 'log'}" if folder.keep else ""
    print(f"mam demo: {text}{where}", file=sys.stderr)
    return status


def _run(options: argparse.Namespace, folder: "_Folder", progress: _Progress, signals: EndSignals) -> int:
    started = time.monotonic()
    ticks = options.ticks or sorted(DATA.glob("*.csv"))
    bad = options.scenario == "news"
    scenario = _scenario(options, ticks)
    with signals.held(), folder:
        if bad:
            ticks = news.write_ticks(ticks, folder.path / "ticks")
        wrong = options.scenario if options.scenario in faults.KINDS else ""
        chosen = Options(options.accounts, options.orders, options.seed, ticks, folder.path, bad, wrong)

        def beat(phase: str, done: int, children: int) -> None:
            signals.check()
            progress.orders(phase, done, children)

        with Demo(chosen, scenario, beat) as demo:
            folder.keep = True  # from here on there is a log
            played = demo.play()
            progress.say("ending", "ending: the writer drains the journal, signs the last checkpoint")
    result = _judge(options, demo.log, played, progress, started)
    progress.clear()
    width = shutil.get_terminal_size().columns
    of_scenario: Any = news if bad else faults if wrong else None
    seen = (played,) if wrong else ()
    told = None if of_scenario is None else of_scenario.read(read_entries(folder.path / "log"))
    if options.json:
        more = {} if told is None else {options.scenario: told.as_dict(*seen)}
        print(json.dumps(result.as_dict() | more, indent=1))
    else:
        print(screen(result, width))
        for line in [] if told is None else of_scenario.lines(told, *seen):
            print(line)
    explained = told is None or not bad or told.unexplained == 0
    return 0 if result.good and explained else 1


def _scenario(options: argparse.Namespace, ticks: list[Path]) -> Scenario:
    scenario = generate(options.seed, options.accounts, options.orders, read_all(ticks))
    if options.scenario in faults.KINDS:
        scenario = faults.scenario_of(options.scenario, scenario)
    if scenario.max_bookings > BOOKINGS_MAX:
        raise InputError(
            f"--accounts {options.accounts} --orders {options.orders}: could make {scenario.max_bookings:,} "
            f"children, expected at most {BOOKINGS_MAX:,}"
        )
    return scenario


class _Folder:
    """Where the log goes. A context manager: what came into it goes again at an error, without `keep`."""

    def __init__(self, wanted: Path | None) -> None:
        """Nothing is made yet."""
        self.keep = False
        self.path = wanted or Path()
        self._wanted = wanted
        self._made = wanted is None or not wanted.exists()

    def __enter__(self) -> Self:
        """Makes it; InputError when that cannot be, or something is in it."""
        try:
            if self._wanted is None:
                self.path = Path(tempfile.mkdtemp(prefix="mam-demo-"))
            self.path.mkdir(parents=True, exist_ok=True)
            filled = any(self.path.iterdir())
        except OSError as error:
            where = f"--dir {self._wanted}" if self._wanted else tempfile.gettempdir()
            raise InputError(f"{where}: expected a folder to write in: {error.strerror}") from None
        if filled:
            raise InputError(f"--dir {self.path}: is not empty, expected a new or an empty folder")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or self.keep:
            return
        for path in self.path.iterdir():  # all of it is ours: it was empty
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if self._made:
            self.path.rmdir()


def _judge(
    options: argparse.Namespace, log: Path, played: Played, progress: _Progress, started: float
) -> Result:
    def checking(done: int, total: int) -> None:
        progress.say("verifying", f"verifying the log from its public key: {100 * done // max(1, total)} %")

    def replaying(inputs: int) -> None:
        if inputs % 1000 == 0:
            progress.say("replaying", f"replaying the log: {inputs:,} inputs, all outputs the same")

    report = verify(log, played.vkey, checking)
    try:
        replayed = replay(read_entries(log), replaying)
    except AuditError as error:
        replayed = Replay(difference=str(error))
    seconds = time.monotonic() - started
    return result_of(played, report, replayed, str(log), options.seed, options.accounts, seconds)
