"""Real processes of the `mam` command, and what they must not leave behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from appliance.audit import verify
from appliance.audit.keys import generate
from appliance.memory import Bridge, leftovers, read_counters
from appliance.schema.codec import from_json
from appliance.schema.messages import SCHEMA_FINGERPRINT
from tests.audit import independent

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180.0


def mam_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "appliance", *map(str, arguments)]


def mam(
    *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs a subcommand to its end."""
    return subprocess.run(
        mam_command(*arguments),
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env=os.environ | (env or {}),
        timeout=PATIENCE_S,
    )


def assert_one_line(done: subprocess.CompletedProcess[bytes], *parts: str, status: int = 2) -> None:
    """Bad input: nothing on stdout, one line on stderr that has the parts, and the exit status."""
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b""), text
    assert text.startswith("mam") and text.endswith("\n") and text.count("\n") == 1, text
    for part in parts:
        assert part in text, text


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Polls until `what` gives something true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def family(pid: int) -> list[psutil.Process]:
    """The processes that a process has started, and theirs; as they are now."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def assert_gone(processes: list[psutil.Process], seconds: float = 15.0) -> None:
    """They end by themselves."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert [" ".join(process.cmdline()) for process in alive] == []


def assert_log_good(log: Path, vkey: str, closed: bool = True) -> dict[str, Any]:
    """By our own verifier, and by code that shares nothing with it. What the latter found."""
    report = verify(log, vkey)
    assert report.problems == []
    assert report.verified or not closed
    return independent.check(log, vkey, crc=False)


class Rig:
    """An instance of its own: key, log, configuration file, and any number of daemons one after another."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.name = f"t{uuid4().hex[:12]}"
        self.folder = folder
        self.log = folder / "log"
        self.key = folder / "signing.key"
        self.vkey = generate("test.example/mam", self.key).vkey
        self.config = folder / "mam.toml"
        self.config.write_text(self.toml(**more))
        self.daemon: subprocess.Popen[bytes] | None = None

    def toml(self, engine: str = "", capacities: str = "", bridges: str = "") -> str:
        return f"""instance = "{self.name}"
[audit]
directory = "{self.log}"
key = "{self.key}"
[engine]
{engine}
[capacities]
accounts = 64
members = 64
children = 256
holdings = 256
{capacities}
[[bridges]]
name = "broker"
role = "broker"
{bridges}
[[bridges]]
name = "lp1"
role = "lp"
in_capacity = 65536
[[bridges]]
name = "control"
role = "control"
"""

    def start(self) -> subprocess.Popen[bytes]:
        """A daemon that says that it runs."""
        self.daemon = subprocess.Popen(
            mam_command("run", "--config", self.config),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self.daemon.stdout is not None and self.daemon.stderr is not None
        line = self.daemon.stdout.readline().decode()
        if "is running" not in line:
            raise AssertionError(line + self.daemon.stderr.read().decode())
        return self.daemon

    @property
    def family(self) -> list[psutil.Process]:
        assert self.daemon is not None
        return family(self.daemon.pid)

    def process(self, module: str) -> psutil.Process:
        """The engine's process or the writer's, by its module; waits until there is one."""

        def find() -> psutil.Process | None:
            for process in self.family:
                with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                    if module in " ".join(process.cmdline()):
                        return process
            return None

        found = wait_for(find)
        assert isinstance(found, psutil.Process)
        return found

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status, and stderr."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Waits until it has ended by itself."""
        assert self.daemon is not None
        _, error = self.daemon.communicate(timeout=PATIENCE_S)
        return self.daemon.returncode, error.decode()

    def assert_clean(self) -> None:
        """No region is left."""
        assert leftovers(self.name) == []

    def counter(self, label: str) -> int:
        return next(counter.value for counter in read_counters(self.name) if counter.label == label)

    @contextlib.contextmanager
    def bridge(self, name: str) -> Iterator[Bridge]:
        with Bridge.attach(self.name, name, SCHEMA_FINGERPRINT) as bridge:
            yield bridge

    def send(self, bridge: Bridge, **fields: Any) -> None:
        wait_for(lambda: bridge.send(from_json(fields)))

    def consumed(self, bridge: str) -> int:
        return self.counter(f"bridge {bridge}: messages consumed")

    def close(self) -> None:
        """After a test that failed: nothing may stay."""
        if self.daemon is not None:
            alive = [*self.family] if self.daemon.poll() is None else []
            self.daemon.kill()
            self.daemon.wait()
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            for pipe in (self.daemon.stdout, self.daemon.stderr):
                if pipe is not None:
                    pipe.close()
        for name in leftovers(self.name):
            Path("/dev/shm", name.lstrip("/")).unlink(missing_ok=True)
