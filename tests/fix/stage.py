"""The bridge's process between rings that the test turns and a liquidity provider in a process of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from appliance.memory import BridgeSpec, Instance, Ring, Role
from appliance.schema.messages import SCHEMA_FINGERPRINT
from tests.fix.engine_model import EngineModel, from_json, leg_message, to_json, units

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
CONFIG = """
instance = "{instance}"
bridge = "lp1"
directory = "{directory}"
[session]
host = "127.0.0.1"
port = {port}
sender = "MAM"
target = "LP"
reconnect_s = 1
[market_data]
depth = 3
[orders]
reconcile_s = 1
[[instruments]]
id = 1
symbol = "EUR/USD"
contract_size = "100000"
[[instruments]]
id = 2
symbol = "USD/JPY"
contract_size = "100000"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process that prints JSON lines."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self.events: list[dict[str, Any]] = []
        self.errors = ""
        self.noise: list[bytes] = []
        self._rest = b""

    def tell(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def listen(self) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None
        if self.process.stdout.closed:
            return
        self._rest += self.process.stdout.read() or b""
        *lines, self._rest = self._rest.split(b"\n")
        # QuickFIX's TLS prints lines of its own
        self.events += [json.loads(line) for line in lines if line.startswith(b"{")]
        self.noise += [line for line in lines if not line.startswith(b"{")]
        self.errors += (self.process.stderr.read() or b"").decode()

    def count(self, event: str, **fields: Any) -> int:
        return sum(e["event"] == event and fields.items() <= e.items() for e in self.events)

    def got(self, kind: str) -> list[str]:
        return [e["text"] for e in self.events if e["event"] == "got" and e["kind"] == kind]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status; a second call only says it again."""
        if self.process.stdout is None or self.process.stdout.closed:
            return self.process.returncode
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
        self.listen()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return self.process.returncode


class Stage:
    """Everything that a test needs; `close` ends it."""

    def __init__(self, directory: Path, lp: bool = True, more: str = "", tls: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.name = f"fix-{uuid4().hex[:8]}"
        self.port = free_port()
        self.config = directory / "fix.toml"
        self.tls = tls
        self.config.write_text(
            more + CONFIG.format(instance=self.name, directory=directory / "bridge", port=self.port)
        )
        self.engine = EngineModel()
        self._sequence = 0
        self.raise_instance()
        self.lp = self.start_lp() if lp else Child("-c", "")
        self.bridge = self.start_bridge()

    def raise_instance(self) -> None:
        spec = BridgeSpec("lp1", Role.LP, 1 << 16, 1 << 16)
        self.instance = Instance.create(
            self.name,
            [spec],
            fingerprint=SCHEMA_FINGERPRINT,
            journal_capacity=1 << 16,
            lock_in=self.directory,
        )
        self._in = Ring(self.instance.in_region("lp1"))
        self._out = Ring(self.instance.out_region("lp1"))

    def start_lp(self) -> Child:
        return Child("tests/fix/acceptor.py", str(self.directory / "lp"), str(self.port), *self.tls)

    def start_bridge(self) -> Child:
        return Child("-m", "appliance.fix", "--config", str(self.config))

    def turn(self) -> None:
        for _, message in self._in.read(1000):
            self.engine.take(message)
        self.lp.listen()
        self.bridge.listen()

    def lose(self, msg: str, count: int) -> None:
        """So many messages of that kind are read from the ring and forgotten."""
        deadline = time.monotonic() + PATIENCE_S
        while count > 0:
            for _, message in self._in.read(1000):
                if to_json(message)["msg"] == msg:
                    count -= 1
                else:
                    self.engine.take(message)
            self.lp.listen()
            assert time.monotonic() < deadline, (msg, self.bridge.errors, self.lp.errors)
            time.sleep(0.002)

    def until(self, what: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            self.turn()
            assert time.monotonic() < deadline, (why, self.engine, self.bridge.errors, self.lp.errors)
            assert self.bridge.process.poll() is None, (why, self.bridge.errors)
            time.sleep(0.002)
        self.turn()

    def up(self) -> None:
        """Both are there, and quotes may pass."""
        before = self.bridge.count("passing")
        self.until(lambda: self.bridge.count("passing") > before, "the bridge passes quotes")

    def plan(self, *orders: list[list[str]]) -> None:
        """What the LP does with its next orders; it knows when this returns."""
        before = self.lp.count("planned")
        self.lp.tell(plan=orders)
        self.until(lambda: self.lp.count("planned") > before, "the LP knows the plan")

    def leg(self, block: int, volume: str, price: str = "0", leg: int = 0, **fields: Any) -> None:
        self.engine.leg(block, leg, units(volume))
        self._sequence += 1
        message = leg_message(self._sequence, block, leg, volume, price, sent=time.time_ns(), **fields)
        assert self._out.write(50, from_json(message))

    def cancel(self, block: int, leg: int = 0) -> None:
        self._sequence += 1
        message = {"msg": "LegCancel", "sequence": self._sequence, "block": block, "leg": leg}
        assert self._out.write(51, from_json(message))

    def filled(self, block: int, leg: int = 0) -> int:
        return self.engine.legs[block, leg].cumulative

    def close(self) -> None:
        for child in (self.bridge, self.lp):
            child.end(signal.SIGKILL)
        self.instance.close()
