"""The daemon: creates the instance's memory, starts the engine and the audit writer, watches them, ends them.

Order of the end: the engine stops taking messages, the writer drains the journal and signs a last checkpoint,
the regions go. Order of the start is the reverse: nothing can be journaled before there is a writer.
"""

import contextlib
import grp
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import msgspec

from appliance._native import lib
from appliance.audit import counters as audit_counters
from appliance.audit import keys
from appliance.daemon.config import BridgeSection, Config
from appliance.daemon.engine_process import (
    BRIDGE_COUNTER_TYPE,
    COUNTER_TYPE,
    READY,
    Start,
    bridge_counter_labels,
    capacities_of,
    counter_labels,
)
from appliance.errors import InputError
from appliance.memory import BridgeSpec, Instance, Ring, Role
from appliance.schema.messages import SCHEMA_FINGERPRINT

START_SECONDS = 30.0  # a child that is not ready by then has failed
ENGINE_END_SECONDS = 5.0
WRITER_END_SECONDS = 60.0  # it may have a full journal ring to sync
WATCH_SECONDS = 0.2
RESTARTS_MAX = 3  # of an audit writer that was killed


class DaemonError(Exception):
    """A process of the daemon failed; the text is one line. Exit status 1."""


def _ids(bridge: BridgeSection) -> tuple[int, int]:
    """User and group that own a bridge's rings; -1: the daemon's."""
    try:
        uid = pwd.getpwnam(bridge.owner).pw_uid if bridge.owner else -1
        gid = grp.getgrnam(bridge.group).gr_gid if bridge.group else -1
    except KeyError as error:
        raise InputError(
            f"bridge {bridge.name}: {error.args[0]}: expected a user or group of this host"
        ) from None
    return uid, gid


def _spec(bridge: BridgeSection) -> BridgeSpec:
    uid, gid = _ids(bridge)
    role = Role[bridge.role.upper()]
    return BridgeSpec(bridge.name, role, bridge.in_capacity, bridge.out_capacity, uid=uid, gid=gid)


class Daemon:
    """One running instance. A context manager: leaving it ends everything, whatever happened inside."""

    def __init__(self, config: Config) -> None:
        """Nothing is made yet; `start` does."""
        self.config = config
        self.status = 0
        self._instance: Instance | None = None
        self._engine: subprocess.Popen[bytes] | None = None
        self._writer: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._ids: dict[int, int] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- Start ---

    def start(self) -> None:
        """Make the regions, then the writer, then the engine; returns when both work."""
        config = self.config
        keys.load_signer(Path(config.audit.key))
        journal = lib.mam_loop_journal_capacity(capacities_of(config).to_c())
        if journal > lib.MAM_RING_CAPACITY_MAX:
            raise InputError(
                "capacities: an order could need a journal of more than 1 GiB; lower holdings or children"
            )
        self._instance = Instance.create(
            config.instance,
            [_spec(bridge) for bridge in config.bridges],
            fingerprint=SCHEMA_FINGERPRINT,
            journal_capacity=journal,
            salvage=self._salvage,
        )
        counters = self._instance.counters
        loop = [counters.allocate(COUNTER_TYPE + i, label) for i, label in enumerate(counter_labels())]
        bridges = [
            counters.allocate(BRIDGE_COUNTER_TYPE + i, f"bridge {bridge.name}: {label}", bridge.name.encode())
            for bridge in config.bridges
            for i, label in enumerate(bridge_counter_labels())
        ]
        self._ids = audit_counters.allocate(counters)
        self._start_writer()
        self._start_engine(loop[0], bridges[0])

    def _writer_command(self, *more: str) -> list[str]:
        audit = self.config.audit
        command = [sys.executable, "-m", "appliance.audit.writer", "--instance", self.config.instance]
        command += ["--dir", audit.directory, "--key", audit.key, *more]
        return command if audit.cpu is None else [*command, "--cpu", str(audit.cpu)]

    def _salvage(self, ring: Ring) -> None:
        """What a killed daemon's journal still holds goes into the log before the ring is made anew."""
        done = subprocess.run(self._writer_command("--once"), start_new_session=True, check=False)
        if done.returncode != 0:
            raise DaemonError(
                "the journal of the former run could not be drained into the log; nothing was removed"
            )

    def _start_writer(self) -> None:
        assert self._instance is not None
        state = self._ids[audit_counters.STATE]
        self._instance.counters.set(state, 0)
        self._writer = subprocess.Popen(
            self._writer_command("--parent", str(os.getpid())),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while self._instance.counters.get(state) != audit_counters.RUNNING:
            if self._writer.poll() is not None:
                raise InputError(
                    f"audit: the writer did not start on {self.config.audit.directory} (its line is above)"
                )
            if time.monotonic() > deadline:
                raise DaemonError(f"the audit writer was not ready after {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _start_engine(self, first_counter: int, first_bridge_counter: int) -> None:
        assert self._instance is not None
        start = Start(
            config=self.config,
            generation=int(self._instance.directory.pointer.generation),
            first_counter=first_counter,
            first_bridge_counter=first_bridge_counter,
            durable_counter=self._ids[audit_counters.DURABLE],
        )
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "appliance.daemon.engine_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._engine.stdin is not None and self._engine.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._engine.stdin.write(msgspec.json.encode(start) + b"\n")
            self._engine.stdin.flush()
        ready, _, _ = select.select([self._engine.stdout], [], [], START_SECONDS)
        if not ready or self._engine.stdout.readline().strip() != READY.encode():
            raise DaemonError("the engine did not start (its line is above)")

    # --- Watch ---

    @property
    def engine_pid(self) -> int:
        assert self._engine is not None
        return self._engine.pid

    @property
    def writer_pid(self) -> int:
        assert self._writer is not None
        return self._writer.pid

    def watch(self) -> None:
        """Call this a few times a second. DaemonError: it cannot go on. A killed writer is started again."""
        assert self._instance is not None and self._engine is not None and self._writer is not None
        if self._engine.poll() is not None:
            raise DaemonError(
                f"the engine ended by itself (status {self._engine.returncode}); the log is whole up to there"
            )
        status = self._writer.poll()
        if status is not None:
            if status > 0 or self._restarts == RESTARTS_MAX:
                raise DaemonError(f"the audit writer ended (status {status}); trading stops with it")
            self._restarts += 1
            print("mam run: the audit writer was killed; starting it again", file=sys.stderr)
            self._start_writer()
        lost = self._instance.intact()
        if lost:
            raise DaemonError(f"shared memory {lost[0]} was removed or truncated by someone else")

    # --- End ---

    def stop(self) -> None:
        """End everything, in order; safe to call at any time, and twice."""
        self._end(self._engine, ENGINE_END_SECONDS)
        self._end(self._writer, WRITER_END_SECONDS)
        self._engine = self._writer = None
        if self._instance is not None:
            self._instance.close()
            self._instance = None

    def _end(self, process: "subprocess.Popen[bytes] | None", seconds: float) -> None:
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.status = 1
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextlib.contextmanager
def end_signals() -> Iterator[int]:
    """SIGTERM and SIGINT become bytes in a pipe; gives the descriptor to wait on."""
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def on_signal(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(write, bytes([number]))

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def run(config: Config) -> int:
    """`mam run`: until SIGTERM or SIGINT; the exit status."""
    with end_signals() as wake, Daemon(config) as daemon:
        print(
            f"mam run: instance {config.instance} is running, engine pid {daemon.engine_pid}, "
            f"log in {config.audit.directory}",
            flush=True,
        )
        while not select.select([wake], [], [], WATCH_SECONDS)[0]:
            daemon.watch()
    return daemon.status
