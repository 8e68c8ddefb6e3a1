"""`mam demo` as a whole: its figures, its log by code that shares nothing with ours, every way to end it."""

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance.audit import read_entries
from appliance.audit.replay import replay
from appliance.demo.leftovers import instance_of, sweep
from appliance.memory import MemoryLayoutError, leftovers, read_counters
from appliance.schema.codec import to_json
from tests.cli.command import assert_refused, command
from tests.daemon.rig import (
    PATIENCE_S,
    ROOT,
    assert_gone,
    assert_log_good,
    assert_one_line,
    family,
    mam,
    mam_command,
    wait_for,
)

pytestmark = pytest.mark.process

SMALL = ("--accounts", "60", "--orders", "40")
LAWS = {
    "conservation", "entitlement", "one_price", "plan_first", "determinism",
    "exactly_once", "tamper_evidence", "no_trust", "clients_first", "fair_over_time",
}  # fmt: skip


def vkey_of(folder: Path) -> str:
    return (folder / "signing.key.vkey").read_text()


def play(folder: Path, *more: str, seed: int = 1) -> dict[str, Any]:
    done = mam("demo", *SMALL, "--json", "--seed", str(seed), "--dir", folder, *more)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def seed_5(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder, and what the demo in it said."""
    folder = tmp_path_factory.mktemp("seed-5")
    return folder, play(folder, seed=5)


def test_the_json_is_that_of_the_issue_and_the_log_is_real(seed_5: tuple[Path, dict[str, Any]]) -> None:
    folder, said = seed_5
    assert list(said)[:6] == ["orders", "children", "latency_us", "laws", "audit", "host"]
    assert said["orders"] == 40 and said["children"] > 1000
    latency = said["latency_us"]
    assert list(latency) == ["p50", "p99", "p999", "max"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert said["laws"].keys() == LAWS and set(said["laws"].values()) == {0}
    assert set(said["ledger"].values()) == {0} and said["replay"]["difference"] is None
    assert list(said["audit"]) == ["records", "verified", "dir"]
    assert said["audit"]["verified"] is True and said["audit"]["dir"] == str(folder / "log")
    found = assert_log_good(folder / "log", vkey_of(folder))
    assert found["leaves"] == found["signed"] == said["audit"]["records"]
    done = command("audit", "verify", folder / "log", "--key", folder / "signing.key.vkey")
    assert done.status == 0, done


def test_the_news_reduce_exclude_and_stop_and_the_log_says_why(tmp_path: Path) -> None:
    done = mam(
        "demo", "--scenario", "news", "--accounts", "120", "--orders", "120", "--json", "--dir", tmp_path
    )
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)["news"]
    assert told["reduced"] > 0 and told["excluded"] > 0 and told["stopped"] > 0
    assert told["unexplained"] == 0
    assert told["reasons"].keys() >= {"margin_buffer", "drawdown"}
    assert_log_good(tmp_path / "log", vkey_of(tmp_path))
    stops = [to_json(entry.message) for entry in read_entries(tmp_path / "log") if entry.kind == 2]
    begun = [stop for stop in stops if stop["msg"] == "RiskStop" and stop["reason"] == "drawdown_stop"]
    assert len({stop["login"] for stop in begun}) == told["stopped"]
    assert all(stop["since"] > 0 for stop in begun)
    daily = [stop for stop in begun if stop["basis"] == "daily"]
    assert all(stop["until"] > stop["since"] for stop in daily)


def test_a_seed_gives_its_allocations(tmp_path: Path, seed_5: tuple[Path, dict[str, Any]]) -> None:
    same, other = (play(tmp_path / str(seed), seed=seed) for seed in (5, 6))
    assert seed_5[1]["allocations"] == same["allocations"] != other["allocations"]


def test_a_terminal_of_forty_columns(tmp_path: Path) -> None:
    """Progress is one line that is written over; the end is one screen."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        mam_command("demo", *SMALL, "--dir", tmp_path),
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "40"},
    ) as child:
        os.close(theirs)
        shown = b""
        while data := _read(ours):
            shown += data
        assert child.stdout is not None
        lines = child.stdout.read().decode().splitlines()
    os.close(ours)
    assert child.returncode == 0
    parts = shown.decode().split("\r\x1b[K")
    assert len(parts) > 5 and parts[-1] == "" and all(len(part) <= 39 and "\n" not in part for part in parts)
    heads = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert heads == ["orders", "children", "latency", "laws", "broker", "replay", "audit", "log"]
    assert len(lines) <= 40 and max(len(line) for line in lines if "█" in line) <= 40


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux: the other side of a pty is closed
        return b""


def test_progress_elsewhere_is_lines(tmp_path: Path) -> None:
    done = mam("demo", "--accounts", "1", "--orders", "30", "--dir", tmp_path)
    steps = done.stderr.decode().splitlines()
    assert done.returncode == 0 and "\x1b" not in done.stderr.decode()
    assert steps[0].startswith("setting up") and steps[-1].startswith("replaying the log")


def test_one_order(tmp_path: Path) -> None:
    done = mam("demo", "--accounts", "130", "--orders", "1", "--json", "--dir", tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["orders"] == 1


# ---- ends that nobody planned ----


class Running:
    """A demo in a process group of its own, as a terminal starts it; long enough never to end in time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.child = subprocess.Popen(
            mam_command("demo", "--accounts", "200", "--orders", "20000", "--dir", folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        self.family: list[psutil.Process] = []

    def reach(self, stage: str, later: float = 0.0) -> None:
        """Lets it run to a stage, and so many seconds more."""
        wait_for(STAGES[stage](self))
        time.sleep(later)
        self.family = family(self.child.pid)

    def part(self, module: str) -> psutil.Process | None:
        for process in family(self.child.pid):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if module in " ".join(process.cmdline()):
                    return process
        return None

    def ended(self) -> str:
        _, error = self.child.communicate(timeout=PATIENCE_S)
        return error.decode()

    def assert_nothing_left(self) -> None:
        assert_gone(self.family)
        assert leftovers(instance_of(self.child.pid)) == []

    def assert_log_good(self) -> None:
        """Where there is a log, all of it holds and replays."""
        if (self.log / "checkpoint").exists():
            found = assert_log_good(self.log, vkey_of(self.folder))
            assert found["leaves"] == found["signed"]
            replayed = replay(read_entries(self.log))
            assert replayed.difference is None


STAGES: dict[str, Callable[[Running], Callable[[], Any]]] = {
    "born": lambda demo: lambda: True,
    "loaded": lambda demo: demo.folder.exists,
    "memory": lambda demo: lambda: leftovers(instance_of(demo.child.pid)),
    "writer": lambda demo: lambda: demo.part("audit.writer"),
    "engine": lambda demo: lambda: demo.part("engine_process"),
    "log": lambda demo: (demo.log / "checkpoint").exists,
    "lps": lambda demo: lambda: demo.part("broker.lp"),
    "orders": lambda demo: lambda: blocks(demo) > 0,
}


def blocks(demo: Running) -> int:
    try:
        counters = read_counters(instance_of(demo.child.pid))
    except MemoryLayoutError:
        return 0
    return next((counter.value for counter in counters if counter.label == "blocks opened"), 0)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path / "demo")
    yield made
    for process in [*made.family, *family(made.child.pid)]:
        if process.is_running():
            process.kill()
    made.child.kill()
    made.child.communicate()
    sweep()


DICE = random.Random(int(os.environ.get("MAM_TEST_SEED", "1")))


@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_ends_all_and_the_log_verifies(running: Running, stage: str) -> None:
    """At each stage and a random moment more; to the group as a terminal does, to the parent, or twice."""
    running.reach(stage, DICE.choice([0.0, 0.01, 0.1, 0.5]))
    times = DICE.choice([1, 2])
    for _ in range(times):
        with contextlib.suppress(ProcessLookupError):
            DICE.choice([os.kill, os.killpg])(running.child.pid, signal.SIGINT)
        time.sleep(0.02)
    said = running.ended()
    if stage != "born":  # then it is Python itself that is starting
        assert running.child.returncode == 130 and "mam demo: ended by SIGINT" in said, said
        assert "Traceback" not in said
    running.assert_nothing_left()
    running.assert_log_good()


def test_sigterm_is_as_good(running: Running) -> None:
    running.reach("orders", 0.5)
    running.child.terminate()
    said = running.ended()
    assert running.child.returncode == 143 and f"the log up to here is in {running.log}" in said
    running.assert_nothing_left()
    running.assert_log_good()


def test_a_killed_demo_leaves_no_process_and_the_next_one_removes_its_memory(
    running: Running, tmp_path: Path
) -> None:
    running.reach("orders", 0.5)
    running.child.kill()
    running.ended()
    assert_gone(running.family)
    running.assert_log_good()
    assert leftovers(instance_of(running.child.pid)) != []
    assert mam("demo", "--accounts", "1", "--orders", "1", "--dir", tmp_path / "next").returncode == 0
    assert leftovers(instance_of(running.child.pid)) == []


@pytest.mark.parametrize(
    ("part", "stage"),
    [("broker.lp", "lps"), ("broker.account_server", "orders")],
)
def test_a_killed_part_is_bad_news_in_one_line_and_a_clean_end(
    running: Running, part: str, stage: str
) -> None:
    running.reach(stage)
    killed = running.part(part)
    assert killed is not None
    killed.kill()
    said = running.ended().splitlines()
    assert running.child.returncode == 1 and said[-1].startswith("mam demo: ")
    assert not [line for line in said if "Traceback" in line]
    running.assert_nothing_left()
    running.assert_log_good()


def test_a_killed_engine_is_news_and_the_demo_goes_on(running: Running) -> None:
    """Its state comes back from the log; what was at work goes on."""
    running.reach("orders")
    engine = running.part("engine_process")
    assert engine is not None
    before = blocks(running)
    engine.kill()
    wait_for(lambda: blocks(running) > before + 200)
    running.family = family(running.child.pid)
    running.child.terminate()
    said = running.ended().splitlines()
    assert running.child.returncode == 143, said
    assert "mam run: the engine ended (killed by SIGKILL); it goes on from the log" in said
    assert not [line for line in said if "Traceback" in line]
    running.assert_nothing_left()
    running.assert_log_good()


def test_a_reader_that_goes_away_does_not_end_the_demo(tmp_path: Path) -> None:
    line = f"set -o pipefail; {' '.join(mam_command('demo', *SMALL, '--dir', tmp_path))} 2>&1 | head -c 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, cwd=ROOT, timeout=PATIENCE_S)
    assert done.returncode == 0 and (done.stdout, done.stderr) == (b"s", b"")
    assert_log_good(tmp_path / "log", vkey_of(tmp_path))


# ---- bad input ----


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    (tmp_path / "file").touch()
    for folder, expected in (
        (full, "is not empty, expected a new or an empty folder"),
        (tmp_path / "file", "expected a folder to write in: File exists"),
        (tmp_path / "file" / "x", "expected a folder to write in: Not a directory"),
        (Path("/proc/none"), "expected a folder to write in"),
    ):
        assert_one_line(
            mam("demo", *SMALL, "--json", "--dir", folder), f"mam demo: --dir {folder}: {expected}"
        )
    assert [path.name for path in full.iterdir()] == ["x"]


TICKS = {
    "empty": (b"", "expected at least one tick"),
    "header": (b"time,bid,ask\n1,1.1,1.2\n", ":1: expected the header time_ns,bid,ask, found"),
    "number": (b"time_ns,bid,ask\n1,x,1.2\n", ":2: expected a price with at most 8 decimal places"),
    "falling": (b"time_ns,bid,ask\n2,1.1,1.2\n1,1.1,1.2\n", ":3: expected a time not before that of the"),
    "no tick": (b"time_ns,bid,ask\n", ":2: expected at least one tick"),
    "bom": (b"\xef\xbb\xbftime_ns,bid,ask\n1,1.1,1.2\n", "expected a text file with the columns"),
    "binary": (bytes(range(256)), "expected a text file with the columns"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TICKS.values(), ids=TICKS)
def test_bad_ticks_are_one_line_and_leave_nothing(tmp_path: Path, text: bytes, expected: str) -> None:
    path = tmp_path / "eurusd.csv"
    path.write_bytes(text)
    folder = tmp_path / "demo"
    assert_refused(command("demo", *SMALL, "--ticks", path, "--dir", folder), f"mam demo: {path}", expected)
    assert not folder.exists()


def test_no_ticks_at_all(tmp_path: Path) -> None:
    (tmp_path / "eurusd").mkdir()
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("mam-demo-*"))
    assert_refused(command("demo", "--ticks", tmp_path / "eurusd"), "cannot be read: Is a directory")
    assert_refused(command("demo", "--ticks", tmp_path / "eurusd-none"), "cannot be read: No such file")
    (tmp_path / "eurusdx.csv").touch()
    assert_refused(command("demo", "--ticks", tmp_path / "eurusdx.csv"), "begins with a pair of currencies")
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("mam-demo-*")) - before == set()


def test_ticks_as_windows_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "eurusd.csv"
    path.write_bytes(b"time_ns,bid,ask\r\n" + b"".join(b"%d,1.1,1.2\r\n" % at for at in range(1, 50)))
    play(tmp_path / "demo", "--ticks", str(path))


def test_more_than_fits_is_bad_input(tmp_path: Path) -> None:
    done = command("demo", "--accounts", "100000", "--orders", "100000", "--dir", tmp_path / "demo")
    assert_refused(done, "--accounts 100000 --orders 100000: could make", "expected at most 16,777,216")
    assert not (tmp_path / "demo").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_bad_news_and_a_clean_end(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mount)], capture_output=True
    ).returncode:
        pytest.skip("cannot mount")
    try:
        done = mam("demo", *SMALL, "--json", "--dir", mount / "demo")
        assert done.returncode in (1, 2) and done.stdout == b"" and b"Traceback" not in done.stderr
        assert b"No space left on device" in done.stderr
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        done = mam("demo", *SMALL, "--json", "--dir", mount / "other")
        assert_one_line(done, "expected a folder to write in: Read-only file system")
    finally:
        subprocess.run(["umount", str(mount)], check=True)
