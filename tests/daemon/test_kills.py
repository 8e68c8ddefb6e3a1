"""kill -9 of every process, under load, at random moments and at named ones, and power cuts; after each the
laws are at zero and the log replays; at the end every output came once and every child is booked once.

`make nightly-kills` strikes 500 times (MAM_KILLS=, MAM_SEED=, MAM_KILL_DURABILITY=commit or async).
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance.audit import read_entries
from appliance.audit.fast_replay import replay_log
from appliance.memory import MemoryLayoutError, leftovers, read_counters
from appliance.schema.codec import to_json
from tests.daemon.desk_process import LOGINS, read
from tests.daemon.rig import ROOT, Rig, assert_log_good, mam, wait_for
from tests.daemon.test_recovery import large

pytestmark = pytest.mark.process
KILLS = int(os.environ.get("MAM_KILLS", "6"))
RANDOM = KILLS >= 100 or "MAM_RANDOM" in os.environ
SEED = int(os.environ.get("MAM_SEED", "0"))
DURABILITY = os.environ.get("MAM_KILL_DURABILITY", "commit").split(",")
CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "openat", "write", "unlink")
"""System calls of the writer that it is killed at."""
POINTS = (
    "mam_ring_claim", "mam_ring_commit", "mam_ring_flush", "mam_ring_publish", "mam_loop_journal",
    "mam_loop_mark_released", "mam_loop_hold", "mam_engine_apply", "mam_loop_resume_finish",
)  # fmt: skip
"""Functions of the engine's loop that it is killed in: every publication in shared memory."""
SLOW = {"engine_at_a_point": 150, "writer_at_a_call": 80, "power_cut": 100}
"""Deals that are at work while a strike is being prepared."""
TRACED = "pwrite64,fdatasync,fsync,rename"


class Storm:
    """A rig under load, and ways to strike it."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.choose = random.Random(seed)
        self.folder = rig.folder / "desk"
        self.folder.mkdir()
        self.errors: list[str] = []
        self.target = 0
        self.aim(0)
        self.desk = self.start_desk()
        self.struck: Tally[str] = Tally()

    def aim(self, more: int) -> None:
        self.target += more
        temporary = self.folder / "target.tmp"
        temporary.write_text(str(self.target))
        temporary.rename(self.folder / "target")

    def start_desk(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.daemon.desk_process", self.rig.name, str(self.folder)]
        return subprocess.Popen(command, cwd=ROOT)

    def done(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "done").read_text())
        return 0

    def settle(self) -> None:
        """All deals that were asked for are done."""
        wait_for(lambda: self.done() >= self.target, 60)

    def restart(self) -> None:
        self.errors.append(self.rig.ended()[1])
        self.rig.start()

    # --- The strikes ---

    def victim(self, module: str) -> psutil.Process | None:
        """One that runs now."""
        for process in self.rig.family:
            with contextlib.suppress(psutil.Error):
                if module in " ".join(process.cmdline()):
                    return process
        return None

    def kill(self, module: str) -> None:
        process = self.victim(module)
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def engine(self) -> None:
        self.kill("engine_process")

    def writer(self) -> None:
        self.kill("audit.writer")

    def bridge(self) -> None:
        self.desk.kill()
        self.desk.wait()
        self.desk = self.start_desk()

    def daemon(self) -> None:
        assert self.rig.daemon is not None
        self.rig.daemon.kill()
        self.restart()

    def all(self) -> None:
        self.kill_all()
        self.restart()

    def kill_all(self) -> None:
        assert self.rig.daemon is not None
        self.desk.kill()
        for process in [*self.rig.family, self.rig.daemon]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        self.desk.wait()
        self.desk = self.start_desk()

    def writer_at_a_call(self) -> None:
        """Inside its n-th write, sync, rename, …"""
        process = self.victim("audit.writer")
        call, number = self.choose.choice(CALLS), self.choose.randint(1, 6)
        self.struck[f"{call} {number}"] += 1
        if process is None:
            return
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        with subprocess.Popen(
            ["strace", "-f", "-p", str(process.pid), *inject, "-o", "/dev/null"], stderr=subprocess.DEVNULL
        ) as tracer:
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(1.5)
            tracer.terminate()

    def engine_at_a_point(self) -> None:
        """In the n-th call of a function that publishes, at each place it was inlined."""
        process = self.victim("engine_process")
        point, number = self.choose.choice(POINTS), self.choose.randint(0, 40)
        self.struck[point] += 1
        if process is None:
            return
        script = ["-ex", "set pagination off", "-ex", f"break {point}", "-ex", f"ignore 1 {number}"]
        script += ["-ex", "continue", "-ex", "kill"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                ["gdb", "-q", "-batch", "-p", str(process.pid), *script],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20,
            )  # fmt: skip
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()

    def power_cut(self) -> None:
        """Everything dies, shared memory is gone; of the disk only what was synced is sure to be there."""
        process, trace = self.victim("audit.writer"), self.rig.folder / "trace"
        if process is None:
            return
        tracer = subprocess.Popen(
            [
                "strace",
                "-f",
                "-y",
                "-s",
                "0",
                "-e",
                f"trace={TRACED}",
                "-p",
                str(process.pid),
                "-o",
                str(trace),
            ],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.2 + 0.3 * self.choose.random())
        self.kill_all()
        tracer.wait()
        self.errors.append(self.rig.ended()[1])
        for path, offset, length in unsynced(trace.read_text()):
            self.lose(path, offset, length)
        for name in leftovers(self.rig.name):
            Path("/dev/shm", name.lstrip("/")).unlink()
        self.rig.start()

    def lose(self, path: Path, offset: int, length: int) -> None:
        """A write that was not synced: each of its sectors is there or not."""
        if path.suffix != ".seg" or not path.exists():
            return
        with open(path, "r+b") as file:
            for sector in range(offset // 512, (offset + length + 511) // 512):
                begin, end = max(offset, 512 * sector), min(offset + length, 512 * sector + 512)
                if self.choose.random() < 0.7:
                    os.pwrite(file.fileno(), bytes(end - begin), begin)

    def snapshot(self) -> None:
        mam("audit", "snapshot", self.rig.log)

    def strikes(self) -> list[Callable[[], None]]:
        found = [self.engine, self.writer, self.bridge, self.daemon, self.all, self.power_cut, self.snapshot]
        found += [self.writer_at_a_call] * 3 if shutil.which("strace") else []
        found += [self.engine_at_a_point] * 2 if shutil.which("gdb") else []
        return [one for one in found if one != self.power_cut or shutil.which("strace")]

    # --- After each ---

    def check(self) -> None:
        """Laws at zero, and every output is what the inputs give."""
        assert self.laws() == [0] * 10
        replayed = replay_log(self.rig.log)
        assert replayed.difference is None, replayed.difference

    def laws(self) -> list[int]:
        def tried() -> list[int]:
            with contextlib.suppress(MemoryLayoutError):
                return [one.value for one in read_counters(self.rig.name) if one.label.startswith("law ")]
            return []

        found = wait_for(tried, 60)
        assert isinstance(found, list)
        return found

    def close(self) -> None:
        self.desk.kill()
        self.desk.wait()


def unsynced(trace: str) -> list[tuple[Path, int, int]]:
    """What a trace (strace -f -y) shows as written and not synced after that: file, offset, bytes."""
    waiting: list[tuple[Path, int, int]] = []
    begun: dict[str, tuple[Path, int]] = {}  # a sync covers what was written before it began
    for line in trace.splitlines():
        thread = line.split()[0]
        if found := re.search(r"pwrite64\(\d+<([^>]+)>.*?, (\d+), (\d+)[ )]", line):
            waiting.append((Path(found[1]), int(found[3]), int(found[2])))
        if found := re.search(r"f(?:data)?sync\(\d+<([^>]+)>", line):
            begun[thread] = (Path(found[1]), len(waiting))
        if re.search(r"f(data)?sync.*= 0$", line) and thread in begun:
            path, count = begun.pop(thread)
            waiting = [one for at, one in enumerate(waiting) if at >= count or one[0] != path]
            begun = {who: (what, 0) for who, (what, _) in begun.items()}
    return waiting


def final_check(storm: Storm, durability: str) -> None:
    """Every output once and in order; every child booked once; nothing lost."""
    heard = [to_json(message) for message in read(storm.folder / "heard")]
    logged = [one.message for one in read_entries(storm.rig.log) if one.kind == 2 and one.bridge == 1]
    children = [(one["block"], one["child"]) for one in heard if one["msg"] == "Booking"]
    assert len(set(children)) == len(children)
    numbers = [one["sequence"] for one in heard]
    assert len(set(numbers)) == len(numbers) and numbers == sorted(numbers)
    lost = sum(one["lost"] for one in heard if one["msg"] == "Resumed")
    if durability == "commit" or storm.struck["power_cut"] == 0:
        assert lost == 0 and numbers == list(range(1, len(numbers) + 1))
        assert read(storm.folder / "heard") == logged[: len(heard)]
        assert len(children) == len(LOGINS) * storm.target
    else:
        assert set(logged[: len(heard)]) >= {
            message for message in read(storm.folder / "heard") if message in set(logged)
        }
        assert lost <= storm.struck["power_cut"] * 5000


@pytest.mark.parametrize("durability", DURABILITY)
def test_whatever_is_killed_the_appliance_comes_back(rig: Rig, durability: str) -> None:
    seed = SEED or os.getpid()
    print(f"MAM_SEED={seed} MAM_KILLS={KILLS} {durability}", flush=True)
    idle = {"commit": "yield", "async": "backoff"}[durability]  # and so does the audit writer with commit
    rig.config.write_text(large(rig.toml(engine=f'durability = "{durability}"\nidle = "{idle}"')))
    rig.start()
    storm = Storm(rig, seed)
    try:
        with rig.bridge("control") as control:
            wait_for(lambda: rig.consumed("broker") >= 1 + 2 * len(LOGINS))
            policy: dict[str, Any] = {
                "group": 7,
                "policy_version": 1,
                "master_login": 1000,
                "house_login": 900,
            }
            policy |= {"currency": "USD", "method": "equity", "on_refused": "house"}
            policy |= {"operator_name": "test"}
            rig.send(control, msg="GroupPolicy", sequence=1, **policy)
            for number, login in enumerate(LOGINS):
                member = {"group": 7, "login": login, "weight": "1", "operator_name": "test"}
                rig.send(control, msg="Member", sequence=2 + number, **member)
            wait_for(lambda: rig.consumed("control") == 1 + len(LOGINS))
        storm.aim(50)
        storm.settle()
        strikes = storm.strikes()
        for number in range(KILLS):
            strike = strikes[number % len(strikes)] if not RANDOM else storm.choose.choice(strikes)
            storm.aim(SLOW.get(strike.__name__, 40))
            time.sleep(0.25 * storm.choose.random())
            print(f"strike {number}: {strike.__name__} {storm.done()}/{storm.target}", flush=True)
            storm.struck[strike.__name__] += 1
            strike()
            if number % 3 == 2:  # a daemon starts a killed part three times, then it ends
                storm.struck["daemon"] += 1
                storm.daemon()
            storm.settle()
            storm.check()
        assert rig.end(signal.SIGTERM)[0] == 0
        storm.close()
        rig.assert_clean()
        assert_log_good(rig.log, rig.vkey)
        final_check(storm, durability)
        print(dict(storm.struck), flush=True)
    except BaseException:
        print("".join(storm.errors), flush=True)
        raise
    finally:
        storm.close()
