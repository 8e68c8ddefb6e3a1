"""The daemon: creates the instance's memory, starts the engine and the audit writer, watches them, ends them.

Order of the end: the engine stops taking messages, the writer drains the journal and signs a last checkpoint,
the regions go. Order of the start is the reverse: nothing can be journaled before there is a writer.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import psutil

from appliance._native import lib
from appliance.audit import counters as audit_counters
from appliance.audit import keys
from appliance.audit.writer import CANNOT_START as WRITER_CANNOT_START
from appliance.daemon.clock import ClockWatch
from appliance.daemon.config import BridgeSection, Config, capacities_of, check_config, owner_ids
from appliance.daemon.ending import Ended, EndSignals
from appliance.daemon.engine_process import (
    BRIDGE_COUNTER_TYPE,
    COUNTER_TYPE,
    READY,
    Renew,
    Start,
    bridge_counter_labels,
    counter_labels,
)
from appliance.daemon.returning import Returning
from appliance.daemon.schedule import SnapshotSchedule
from appliance.errors import InputError
from appliance.memory import (
    BridgeSpec,
    Directory,
    Instance,
    InstanceError,
    MemoryLayoutError,
    Region,
    Ring,
    Role,
    directory_name,
    in_name,
    out_name,
)
from appliance.schema.messages import SCHEMA_FINGERPRINT

START_SECONDS = 30.0  # a child that is not ready by then has failed
ENGINE_END_SECONDS = 5.0
WRITER_END_SECONDS = 60.0  # it may have a full journal ring to sync
WATCH_SECONDS = 0.2
RESTARTS_MAX = 3  # of an audit writer, and of an engine, that was killed
RESUME_SECONDS = 600.0  # the log of the run is replayed
ORPHAN_SECONDS = 15.0
COMMIT_NAP_US = {"spin": 0, "yield": 0, "backoff": 10}  # of a writer that finds nothing, by the engine's idle
CLOCK_TYPE = 230  # of the counters about the clock


class DaemonError(Exception):
    """A process of the daemon failed; the text is one line. Exit status 1."""


class WriterKilled(DaemonError):
    """The audit writer was killed before it was ready."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the audit writer did not start ({_fate(status)})")
        self.status = status


class EngineKilled(DaemonError):
    """The engine was killed before it was ready."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the engine did not start ({_fate(status)})")
        self.status = status


class AlreadySaid(InputError):
    """Bad input, and the process that found it has said so in its one line."""


def _spec(bridge: BridgeSection) -> BridgeSpec:
    uid, gid = owner_ids(bridge, f"bridge {bridge.name}")
    role = Role[bridge.role.upper()]
    return BridgeSpec(bridge.name, role, bridge.in_capacity, bridge.out_capacity, uid=uid, gid=gid)


class Daemon:
    """One running instance. A context manager: leaving it ends everything, whatever happened inside."""

    def __init__(
        self, config: Config, patience: Callable[[], None] = lambda: None, keep_undrained: bool = True
    ) -> None:
        """Nothing is made yet; `start` does. `patience` is called while it waits, and may raise.

        `keep_undrained`: when the writer fails, the memory stays, and the next daemon drains its journal.
        """
        self.config = config
        self._keep_undrained = keep_undrained
        self._patience = patience
        self.status = 0
        self._instance: Instance | None = None
        self._taken_over = False  # a killed daemon's memory, with what its writer had not drained
        self._engine: subprocess.Popen[bytes] | None = None
        self._writer: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._engine_restarts = 0
        self._first = (0, 0)
        self._clock, self._clock_counter = ClockWatch(), 0
        self._lost: set[str] = set()
        self._ids: dict[int, int] = {}
        self._returning: Returning | None = None
        self._snapshots = SnapshotSchedule(config.audit)

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
        check_config(config)
        keys.load_signer(Path(config.audit.key))
        journal = lib.mam_loop_journal_capacity(capacities_of(config).to_c())
        self._instance = self._make_instance(journal)
        counters = self._instance.counters
        loop = [counters.allocate(COUNTER_TYPE + i, label) for i, label in enumerate(counter_labels())]
        bridges = [
            counters.allocate(BRIDGE_COUNTER_TYPE + i, f"bridge {bridge.name}: {label}", bridge.name.encode())
            for bridge in config.bridges
            for i, label in enumerate(bridge_counter_labels())
        ]
        self._ids = audit_counters.allocate(counters)
        self._first = loop[0], bridges[0]
        self._clock_counter = counters.allocate(CLOCK_TYPE, "clock: error bound, ns (-1 not disciplined)")
        counters.allocate(CLOCK_TYPE + 1, "clock: steps")
        counters.allocate(CLOCK_TYPE + 2, "clock: last step, ns")
        self._returning = Returning(
            config, self._instance, self._first[1], self._tell_engine, self._journaled
        )
        self._tell_clock()
        self._start_writer()
        self._start_engine()

    def _make_instance(self, journal: int) -> Instance:
        """The regions of a daemon that was killed, so that its run goes on; else new ones."""

        def create(keep: bool) -> Instance:
            return Instance.create(
                self.config.instance,
                [_spec(bridge) for bridge in self.config.bridges],
                fingerprint=SCHEMA_FINGERPRINT,
                journal_capacity=journal,
                salvage=self._salvage,
                keep=keep,
                mend=keep,
            )

        if not self._was_killed():
            return create(keep=False)
        self._end_orphans()
        try:
            instance = create(keep=True)
        except InstanceError as error:
            print(f"mam run: {error}; a new run begins", file=sys.stderr)
            return create(keep=False)
        self._taken_over = True
        return instance

    def _was_killed(self) -> bool:
        """Is there an instance whose daemon is gone, and did not end it? One that lives refuses us later."""
        with contextlib.suppress(MemoryLayoutError):
            region = Region.attach(directory_name(self.config.instance), writable=False)
            with region:
                directory = Directory(region)
                return directory.problem(SCHEMA_FINGERPRINT) is None and directory.owner_alive() is None
        return False

    def _end_orphans(self) -> None:
        """Engine and writer of a daemon that was killed end by themselves; wait for that."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        modules = ("appliance.daemon.engine_process", "appliance.audit.writer")
        name = self.config.instance

        def ours(process: psutil.Process) -> bool:
            with contextlib.suppress(psutil.Error):
                maps = {region.path for region in process.memory_maps()}
                return any(path.startswith(f"/dev/shm/mam.{name}.") for path in maps)
            return False

        while time.monotonic() < deadline:
            alive = [
                process
                for process in psutil.process_iter(["cmdline"])
                if any(module in (process.info["cmdline"] or []) for module in modules) and ours(process)
            ]
            if not alive:
                return
            self._patience()
            time.sleep(0.02)

    def _writer_command(self, *more: str) -> list[str]:
        audit = self.config.audit
        command = [sys.executable, "-m", "appliance.audit.writer", "--instance", self.config.instance]
        command += ["--dir", audit.directory, "--key", audit.key, *more]
        if self.config.engine.durability == "commit":  # every output waits for it
            command += ["--nap-us", str(COMMIT_NAP_US[self.config.engine.idle])]
        if not audit.key.startswith(keys.CREDENTIAL):
            command += ["--epoch-seconds", str(audit.epoch_hours * 3600)]
        return command if audit.cpu is None else [*command, "--cpu", str(audit.cpu)]

    def _salvage(self, ring: Ring) -> None:
        """What a killed daemon's journal still holds goes into the log before the ring is made anew."""
        if not self._drain():
            raise DaemonError(
                "the journal of the former run could not be drained into the log; nothing was removed"
            )

    def _drain(self) -> bool:
        """A writer that takes what the journal holds, and ends."""
        done = subprocess.run(
            self._writer_command("--once"), stdin=subprocess.DEVNULL, start_new_session=True, check=False
        )
        return done.returncode == 0

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
            self._patience()
            status = self._writer.poll()
            if status == WRITER_CANNOT_START:
                raise AlreadySaid("the audit writer did not start")
            if status is not None:
                raise WriterKilled(status)
            if time.monotonic() > deadline:
                raise DaemonError(f"the audit writer was not ready after {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _start_engine(self) -> None:
        """A new one, or one that first goes through the log of the run that it goes on with."""
        assert self._instance is not None and self._returning is not None
        self._returning.settle()
        first_counter, first_bridge_counter = self._first
        start = Start(
            config=self.config,
            generation=int(self._instance.directory.pointer.generation),
            first_counter=first_counter,
            first_bridge_counter=first_bridge_counter,
            durable_counter=self._ids[audit_counters.DURABLE],
            no_room_counter=self._ids[audit_counters.NO_ROOM],
            clock_counter=self._clock_counter,
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
        deadline = time.monotonic() + RESUME_SECONDS
        while not select.select([self._engine.stdout], [], [], 0.05)[0]:
            self._patience()
            self._watch_writer()
            if time.monotonic() > deadline:
                raise DaemonError(f"the engine was not ready after {RESUME_SECONDS:.0f} s")
        if self._engine.stdout.readline().strip() != READY.encode():
            raise EngineKilled(self._engine.wait())

    def _journaled(self) -> tuple[int, int]:
        """Entries of the journal, as the loop counted them last, and those of them that are on disk."""
        assert self._instance is not None
        counters = self._instance.counters
        records = self._first[0] + counter_labels().index("journal records")
        return counters.get(records), counters.get(self._ids[audit_counters.DURABLE])

    def _tell_engine(self, bridge: int, generation: int) -> None:
        """A bridge has new rings; an engine that starts finds them by itself."""
        assert self._engine is not None and self._engine.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            news = Renew(bridge=bridge, generation=generation)
            self._engine.stdin.write(msgspec.json.encode(news) + b"\n")
            self._engine.stdin.flush()

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
        for news in self._clock.look():
            print(f"mam run: {news}", file=sys.stderr)
        self._tell_clock()
        self._watch_writer()
        status = self._engine.poll()
        if status is not None:
            self._restart_engine(status)
        self._check_regions()
        assert self._returning is not None
        for news in [*self._returning.look(), *self._snapshots.look()]:
            print(f"mam run: {news}", file=sys.stderr)

    def _check_regions(self) -> None:
        """A bridge's ring that someone took away concerns that bridge only: the loop fences it (law 8)."""
        assert self._instance is not None
        gone = set(self._instance.intact())
        lost, self._lost = gone - self._lost, gone
        rings = {
            name(self.config.instance, bridge.name)
            for bridge in self.config.bridges
            for name in (in_name, out_name)
        }
        for region in sorted(lost & rings):
            print(
                f"mam run: shared memory {region} was removed or truncated by someone else; "
                "its bridge is fenced",
                file=sys.stderr,
            )
        for region in sorted(lost - rings):
            raise DaemonError(f"shared memory {region} was removed or truncated by someone else")

    def _tell_clock(self) -> None:
        assert self._instance is not None
        self._instance.counters.set(self._clock_counter, self._clock.bound)
        self._instance.counters.set(self._clock_counter + 2, self._clock.step)
        self._instance.counters.set(self._clock_counter + 1, self._clock.steps)

    def _watch_writer(self) -> None:
        assert self._writer is not None
        status = self._writer.poll()
        if status is not None:
            self._restart_writer(status)

    def _restart_engine(self, status: int) -> None:
        """One that was killed goes on where it was: its state comes from the log. Other ends are final."""
        while True:
            assert self._engine is not None
            if status >= 0 or status == -signal.SIGABRT or self._engine_restarts == RESTARTS_MAX:
                raise DaemonError(
                    f"the engine ended by itself ({_fate(status)}); the log is whole up to there"
                )
            self._engine_restarts += 1
            print(f"mam run: the engine ended ({_fate(status)}); it goes on from the log", file=sys.stderr)
            for pipe in (self._engine.stdin, self._engine.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            try:
                return self._start_engine()
            except EngineKilled as killed:
                status = killed.status

    def _restart_writer(self, status: int) -> None:
        """One that was killed lost nothing: the ring holds what it had not written. Other ends are final."""
        while True:
            if status >= 0 or self._restarts == RESTARTS_MAX:
                raise DaemonError(f"the audit writer ended ({_fate(status)}); trading stops with it")
            self._restarts += 1
            print(f"mam run: the audit writer ended ({_fate(status)}); starting it again", file=sys.stderr)
            try:
                return self._start_writer()
            except WriterKilled as killed:
                status = killed.status
            except AlreadySaid as error:
                raise DaemonError(f"{error} again; trading stops with it") from None

    # --- End ---

    def stop(self) -> None:
        """End everything, in order; safe to call at any time, and twice. `status` 1: not all ended well."""
        with contextlib.ExitStack() as stack:
            if self._instance is not None:
                journaled = self._taken_over or self._engine is not None
                stack.callback(self._leave, self._instance, journaled, self._writer)
            stack.callback(self._end, self._writer, WRITER_END_SECONDS, "the audit writer")
            stack.callback(self._end, self._engine, ENGINE_END_SECONDS, "the engine")
            if self._returning is not None:
                stack.callback(self._returning.close)
            stack.callback(self._snapshots.close)
            self._instance = self._engine = self._writer = self._returning = None

    def _leave(self, instance: Instance, journaled: bool, writer: "subprocess.Popen[bytes] | None") -> None:
        """Remove the memory; but no journal that may hold what the log has not: outputs have left on it."""
        drained = not journaled or (writer is not None and writer.returncode == 0)
        if writer is not None and writer.returncode < 0 and not drained:  # killed: another one can
            drained = self._drain()
        if drained or not self._keep_undrained:
            instance.close()
            return
        instance.directory.close_all()
        self.status = 1
        print(
            f"mam run: /dev/shm/mam.{instance.name}.* stays: the next start drains its journal into the log",
            file=sys.stderr,
        )

    def _end(self, process: "subprocess.Popen[bytes] | None", seconds: float, what: str) -> None:
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            if status not in (0, -signal.SIGTERM):  # SIGTERM: told to end before it had begun
                self.status = 1
                print(f"mam run: {what} did not end well ({_fate(status)})", file=sys.stderr)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _fate(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"


def run(config: Config) -> int:
    """`mam run`: until SIGTERM, SIGINT or SIGHUP; the exit status."""
    with EndSignals() as signals:
        try:
            with signals.held():
                return _run(config, signals)
        except Ended:
            return 0


def _run(config: Config, signals: EndSignals) -> int:
    with Daemon(config, signals.check) as daemon:
        print(
            f"mam run: instance {config.instance} is running, engine pid {daemon.engine_pid}, "
            f"log in {config.audit.directory}",
            flush=True,
        )
        while not signals.wait(WATCH_SECONDS):
            daemon.watch()
    return daemon.status
