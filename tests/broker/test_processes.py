"""The embedded broker's processes against the engine: commands in, events out, an end in every case."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from appliance.broker.scenario import generate
from appliance.broker.script import provider_script, server_script, write_script
from appliance.broker.ticks import read_all
from tests.broker.pump import Pump

DATA = Path(__file__).resolve().parents[2] / "appliance" / "demo" / "data"
FILES = sorted(DATA.glob("*.csv"))
SCENARIO = generate(4, 40, 25, read_all(FILES))
PATIENCE_S = 60

pytestmark = pytest.mark.process


class Process:
    """One of the broker's processes and its pipes."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", f"appliance.broker.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=DATA.parents[2],
        )
        assert self.child.stdout is not None
        os.set_blocking(self.child.stdout.fileno(), False)
        self.events: list[dict[str, Any]] = []
        self._rest = b""

    def tell(self, **command: Any) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(command).encode() + b"\n")
        self.child.stdin.flush()

    def listen(self) -> None:
        assert self.child.stdout is not None
        self._rest += self.child.stdout.read() or b""
        *lines, self._rest = self._rest.split(b"\n")
        self.events += [json.loads(line) for line in lines]

    def count(self, event: str) -> int:
        self.listen()
        return sum(said["event"] == event for said in self.events)

    def end(self) -> tuple[int, str]:
        """Exit status and stderr."""
        out, error = self.child.communicate(timeout=PATIENCE_S)
        self.events += [json.loads(line) for line in (self._rest + out).splitlines()]
        return self.child.returncode, error.decode()


class Stage:
    """A pump and the processes on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pump = Pump(f"p{uuid4().hex[:12]}", folder)
        self.processes: list[Process] = []

    def start(self, module: str, bridge: str, script: Any) -> Process:
        path = self.folder / f"{bridge}.json"
        write_script(path, script)
        name = self.pump.instance.name
        process = Process(module, "--instance", name, "--bridge", bridge, "--script", str(path))
        self.processes.append(process)
        self.wait(process, "ready", 1)
        return process

    def wait(self, process: Process, event: str, count: int) -> None:
        """Turns the engine until the process has said `event` so often."""
        until = time.monotonic() + PATIENCE_S
        while process.count(event) < count:
            assert time.monotonic() < until, f"no {event}: {process.events[-3:]}"
            assert process.child.poll() is None, process.end()
            self.pump.turn()
        while self.pump.turn():
            pass


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    for process in stage.processes:
        if process.child.poll() is None:
            process.child.kill()
        process.child.communicate()
    stage.pump.close()


def test_a_day_in_processes(stage: Stage) -> None:
    server = stage.start("account_server", "broker", server_script(SCENARIO, FILES))
    lps = [stage.start("lp", f"lp{n}", provider_script(SCENARIO, FILES, n)) for n in (1, 2)]
    server.tell(reference=True)
    stage.wait(server, "complete", 1)
    stage.pump.groups(SCENARIO)
    for done, phase in enumerate(SCENARIO.phases, 1):
        for lp in lps:
            lp.tell(quotes_until=phase.quotes_until)
            stage.wait(lp, "complete", done)
        server.tell(
            quotes_until=phase.quotes_until, orders_until=phase.orders_until, in_flight=phase.in_flight
        )
        stage.wait(server, "complete", done + 1)
    for process in (server, *lps):
        process.tell(end=True)
        assert process.end() == (0, "")
    result = server.events[-1]
    assert (result["event"], result["status"]) == ("result", 0)
    assert result["orders"] + result["counts"]["skipped"] == 25
    assert result["children"] == result["counts"]["booked"] > 20
    assert not any(result["violations"].values()), result["first_violation"]
    assert len(result["allocations"]) == 64
    assert lps[0].events[-1]["quoted"] == 6000
    assert stage.pump.engine.laws() == [0] * 10


@pytest.mark.parametrize("how", ["eof", "end", "SIGTERM", "SIGINT"])
def test_every_end_is_clean(stage: Stage, how: str) -> None:
    process = stage.start("lp", "lp1", provider_script(SCENARIO, FILES, 1))
    if how == "eof":
        assert process.child.stdin is not None
        process.child.stdin.close()
        process.child.stdin = None
    elif how == "end":
        process.tell(end=True)
    else:
        process.child.send_signal(getattr(signal, how))
    assert process.end() == (0, "")
    assert process.events[-1]["event"] == "result"


@pytest.mark.parametrize(
    "command", ['{"quotes_until": "x"}', '{"quotes_until": -1}', '{"fly": 1}', "[1]", "x"]
)
def test_a_bad_command_is_one_line(stage: Stage, command: str) -> None:
    process = stage.start("lp", "lp1", provider_script(SCENARIO, FILES, 1))
    assert process.child.stdin is not None
    process.child.stdin.write(command.encode() + b"\n")
    process.child.stdin.flush()
    status, error = process.end()
    assert status == 2
    assert error.startswith("stdin: ")
    assert error.count("\n") == 1


def test_orders_without_prices_are_refused(stage: Stage) -> None:
    server = stage.start("account_server", "broker", server_script(SCENARIO, FILES))
    server.tell(orders_until=1)
    status, error = server.end()
    assert (status, error.count("\n")) == (2, 1)
    assert "no price" in error


def test_no_instance_is_one_line(tmp_path: Path) -> None:
    write_script(tmp_path / "lp.json", provider_script(SCENARIO, FILES, 1))
    process = Process("lp", "--instance", "nobody", "--bridge", "lp1", "--script", str(tmp_path / "lp.json"))
    status, error = process.end()
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith("instance nobody, bridge lp1: ")


def test_the_end_of_the_appliance_ends_the_process(stage: Stage) -> None:
    process = stage.start("lp", "lp1", provider_script(SCENARIO, FILES, 1))
    stage.pump.instance.close()
    process.child.wait(timeout=PATIENCE_S)
    status, error = process.end()
    assert (status, error) == (1, "")
    assert process.events[-1]["status"] < 0
