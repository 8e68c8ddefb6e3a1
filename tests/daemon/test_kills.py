"""kill -9 of every process, under load, at random moments and at named ones, and power cuts; after each the
laws are at zero and the log replays; at the end every output came once and every child is booked once.

`make nightly-kills` strikes 500 times (MAM_KILLS=, MAM_SEED=, MAM_KILL_DURABILITY=commit or async;
MAM_STRIKES=power_cut,writer: only these).
"""

import contextlib
import os
import random
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
from tests.audit.power_cut import TRACED, Versions, cut
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
SLOW = {"engine_at_a_point": 150, "writer_at_a_call": 80, "power_cut": 100, "power_cut_at_a_call": 100}
"""Deals that are at work while a strike is being prepared."""


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

    def power_cut(self, at: tuple[str, int] | None = None) -> None:
        """Everything dies, shared memory is gone; of the disk only what was synced is sure to be there.

        `at`: in the n-th such call of the writer, else at a random moment.
        """
        process, trace, kept = (
            self.victim("audit.writer"),
            self.rig.folder / "trace",
            self.rig.folder / "kept",
        )
        if process is None:
            return
        command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={TRACED}", "-o", str(trace)]
        if at is not None:
            command += ["-e", f"inject={at[0]}:signal=KILL:when={at[1]}"]
        kept.mkdir()
        assert self.rig.daemon is not None
        with Versions(self.rig.log, kept) as versions:
            tracer = subprocess.Popen([*command, "-p", str(process.pid)], stderr=subprocess.DEVNULL)
            until = time.monotonic() + (0.2 + 0.3 * self.choose.random() if at is None else 1.5)
            self.rig.daemon.send_signal(signal.SIGSTOP)  # it shall not start a writer that nobody traces
            while time.monotonic() < until and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.002)
            process.kill()  # first, while the others keep it at work
            self.kill_all()
            tracer.wait()
        self.errors.append(self.rig.ended()[1])
        self.struck.update(f"lost {what}" for what in cut(trace.read_text(), self.choose, versions))
        shutil.rmtree(kept)
        for name in leftovers(self.rig.name):
            Path("/dev/shm", name.lstrip("/")).unlink()
        self.rig.start()

    def power_cut_at_a_call(self) -> None:
        """Between a write or a rename and its sync, mostly."""
        self.struck["power_cut"] += 1
        self.power_cut((self.choose.choice(TRACED.split(",")), self.choose.randint(1, 6)))

    def snapshot(self) -> None:
        mam("audit", "snapshot", self.rig.log)

    def strikes(self) -> list[Callable[[], None]]:
        found = [self.engine, self.writer, self.bridge, self.daemon, self.all, self.power_cut, self.snapshot]
        found += [self.writer_at_a_call] * 3 if shutil.which("strace") else []
        found += [self.engine_at_a_point] * 2 if shutil.which("gdb") else []
        found += [self.power_cut_at_a_call] if shutil.which("strace") else []
        asked = os.environ.get("MAM_STRIKES", "").split(",")
        found = [one for one in found if asked == [""] or one.__name__ in asked]
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
