"""The audit writer: a process of its own that moves the journal ring to the log, and signs it.

    python -m appliance.audit.writer --instance NAME --dir DIR --key FILE

It ends at SIGTERM, or when the process that it was told to watch is gone: it takes what the ring still holds,
signs a last checkpoint and exits 0. SIGINT is ignored: Ctrl-C in a terminal reaches every process, and the
daemon decides. Exit status: 0 ended as told; 2 cannot start (one line says why); 3 writing failed; 4 the
journal has a gap; 5 the journal ring is broken.
"""

import argparse
import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import counters, keys, prune_request, reader, segments, snapshots
from appliance.audit.counters import WriterCounters
from appliance.audit.errors import AuditError
from appliance.audit.log import Log, NoRoom, WriteFailed
from appliance.memory import Counters, MemoryLayoutError, Region, counters_name, journal_name

OK, CANNOT_START, WRITE_FAILED, GAP, BROKEN = 0, 2, 3, 4, 5
_DRAIN_SECONDS_MAX = 30.0
_RECORD_SECONDS = 1.0
"""Under load a signed checkpoint becomes a leaf this often: it narrows down where a log was changed."""
_LOOK_SECONDS = 0.1
_ROOM_SECONDS = 0.05
SEGMENT, CHECKPOINT = "next segment", "next checkpoint"
REQUEST = "rotate"
"""A file of this name in the log's directory asks the writer for a new key; it removes the file when done."""
_log = logging.getLogger("mam.audit")


@dataclass(frozen=True)
class WriterConfig:
    instance: str
    directory: Path
    key: Path
    """File with the private key; its name is the log's origin."""
    segment_bytes: int = segments.LENGTH_DEFAULT
    checkpoint_ms: int = 100
    """Least time between two checkpoints."""
    nap_us: int = 5000
    """Sleep when the ring is empty: what comes meanwhile is one group, one sync. 0 yields the core."""
    cpu: int | None = None
    parent: int | None = None
    """End when this process is gone."""
    epoch_seconds: int = 0
    """A new key this often; 0: when asked to (`mam audit rotate`)."""
    epoch_records: int = 0
    """A new key after so many leaves; 0: not by size."""
    once: bool = False
    """Take what the ring holds, and end."""


class Stop:
    """Set by SIGTERM, or when the watched process is gone."""

    def __init__(self, parent: int | None) -> None:
        self._parent = parent
        self._look_at = 0.0
        self.reason: str | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.reason = self.reason or "told to end"

    def check(self) -> bool:
        if self.reason is None and self._parent is not None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_SECONDS
            if not _alive(self._parent):
                self.reason = "the engine's process is gone"
        return self.reason is not None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


class Writer:
    """Drains one journal ring into one log. `ring`: cffi pointer and length of the region."""

    def __init__(
        self, log: Log, ring: Any, ring_length: int, counted: WriterCounters, config: WriterConfig
    ) -> None:
        self.log = log
        self._counters = counted
        self._period = config.checkpoint_ms / 1000
        self._nap_ns = config.nap_us * 1000
        self._reader = ffi.new("struct mam_journal_reader *")
        self._signed_at = 0.0
        self._config = config
        self._epoch_at, self._epoch_size = time.monotonic(), log.size
        self._lacking: set[str] = set()
        """What the disk has no room for: SEGMENT, CHECKPOINT."""
        counted.set(counters.NO_ROOM, 0)
        self._look_at = 0.0
        self._recorded_at = 0.0
        self._entries_recorded = 0
        if lib.mam_journal_attach(self._reader, ring, ring_length) != 0:
            raise AuditError(
                "the journal ring cannot be attached: its positions or its length are impossible"
            )

    def run(self, stop: Stop) -> int:
        """Until told to stop, and then until the ring is empty; the exit status."""
        if self._begin(stop):
            self._counters.connect(self.log.native)
            lib.mam_log_report(self.log.native)
        elif SEGMENT in self._lacking:  # nothing of the new journal comes before `journal_started`
            return self._end(WRITE_FAILED, stop.reason)
        status = OK
        if self.log.waits:
            self._lacks(SEGMENT)
        while status == OK and not stop.check():
            status = self._work()
        if status == OK:
            status = self._drain()
        return self._end(status, stop.reason)

    # The start: does the ring go on with the journal that the log ends with?

    def _begin(self, stop: Stop) -> bool:
        """Waits for the first entry and finds where it belongs; False when told to stop before one came."""
        entry = self._first_entry()
        while entry is None and not stop.check():
            self._idle()
            entry = self._first_entry()
        if entry is None:
            return False
        sequence = int.from_bytes(entry[:8], "little")
        if sequence < self.log.sequence:
            if reader.holds_entry(self.log.directory, sequence, entry):
                self.log.native.resuming = 1
            elif sequence == 0:
                return self._say_journal_started(stop)
        return True

    def _say_journal_started(self, stop: Stop) -> bool:
        """Before anything of the new journal; it may have to wait for room."""
        while True:
            try:
                self.log.say("journal_started", sequence=0, previous=self.log.sequence)
            except NoRoom:
                self._wait_for_room()
                if stop.check():
                    return False
            else:
                self._has(SEGMENT)
                return True

    def _first_entry(self) -> bytes | None:
        pointer = ffi.new("uint8_t **")
        length = lib.mam_journal_next(self._reader, pointer)
        return bytes(ffi.buffer(pointer[0], length)) if length > 0 else None

    def _idle(self) -> None:
        lib.mam_journal_heartbeat(self._reader, time.time_ns() // 1_000_000)
        self._sign_when_due()
        self._change_key_when_due()
        time.sleep(max(self._nap_ns, 50_000) / 1e9)

    # The work

    def _work(self) -> int:
        """Some rounds, at most until the next checkpoint is due; then the checkpoint."""
        if self.log.waits:
            self._next_segment()
            return OK
        until = self._signed_at + self._period - time.monotonic() if self.log.unsigned else self._period
        run_ns = max(0, int(min(until, self._period) * 1e9))
        status = lib.mam_log_run(self.log.native, self._reader, run_ns, self._nap_ns)
        if status != lib.MAM_LOG_OK:
            return self._stopped(status)
        self._has(SEGMENT)  # whoever made it: also a record of the log's own may have begun it
        self._sign_when_due()
        self._change_key_when_due()
        return OK

    def _change_key_when_due(self) -> None:
        now, config = time.monotonic(), self._config
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        self._say_what_is_pruned()
        self._log_snapshot()
        asked = (self.log.directory / REQUEST).exists()
        late = 0 < config.epoch_seconds <= now - self._epoch_at
        long = 0 < config.epoch_records <= self.log.size - self._epoch_size
        if not (asked or late or long):
            return
        try:
            self.log.change_key()
        except (AuditError, NoRoom) as error:  # tried again when the next one is due
            _log.error("%s: the key is not changed yet: %s", self.log.directory, error or "the disk is full")
        (self.log.directory / REQUEST).unlink(missing_ok=True)
        self._epoch_at, self._epoch_size = now, self.log.size

    def _say_what_is_pruned(self) -> None:
        """`mam audit prune` deletes segments only once the log says so, and that is signed."""
        path = self.log.directory / prune_request.REQUEST
        if not path.exists():
            return
        try:
            self.log.say("pruned", **prune_request.parse(path.read_bytes()))
            with contextlib.suppress(NoRoom):  # pruning makes room, and then it is signed
                self._sign()
        except (AuditError, NoRoom) as error:
            _log.error("%s: nothing is pruned: %s", self.log.directory, error or "the disk is full")
        path.unlink(missing_ok=True)

    def _log_snapshot(self) -> None:
        """The hash of a snapshot goes into the log: only then does it count."""
        request = self.log.directory / snapshots.REQUEST
        if not request.exists():
            return
        try:
            self.log.say(snapshots.RECORD, **snapshots.read_request(request))
        except (AuditError, NoRoom) as error:
            _log.error("%s: the snapshot is not logged: %s", request, error or "no room")
        request.unlink(missing_ok=True)

    def _next_segment(self) -> None:
        """Or, when the disk is full, a wait: the ring keeps what comes, and the engine refuses new orders."""
        try:
            self.log.rotate()
        except NoRoom:
            self._wait_for_room()
            return
        self._has(SEGMENT)

    def _wait_for_room(self) -> None:
        self._lacks(SEGMENT)
        lib.mam_journal_heartbeat(self._reader, time.time_ns() // 1_000_000)
        self._sign_when_due()
        time.sleep(_ROOM_SECONDS)

    def _lacks(self, what: str) -> None:
        """The alarm: the engine takes no new orders while it stands."""
        if not self._lacking:
            _log.critical("%s: the disk is full; the %s waits for room", self.log.directory, what)
            self._counters.set(counters.NO_ROOM, 1)
        self._lacking.add(what)

    def _has(self, what: str) -> None:
        if what not in self._lacking:
            return
        self._lacking.remove(what)
        if not self._lacking:
            _log.warning("%s: there is room again; the log goes on", self.log.directory)
            self._counters.set(counters.NO_ROOM, 0)

    def _stopped(self, status: int) -> int:
        """A round that was not plain: exit status, OK to go on."""
        native = self.log.native
        if status == lib.MAM_LOG_FULL:
            self._next_segment()
            return OK
        if status == lib.MAM_LOG_FAILED:
            self.log.fail()
        if status == lib.MAM_LOG_GAP:
            expected, found = int(native.sequence), int(native.found_sequence)
            _log.critical("the journal goes from entry %d to %d: records are missing", expected - 1, found)
            self.log.say("journal_gap", sequence=found, expected=expected, found=found)
            return GAP
        _log.critical("the journal ring is broken at position %d", self._reader.head)
        return BROKEN

    def _sign_when_due(self) -> None:
        now = time.monotonic()
        if not self.log.unsigned or now - self._signed_at < self._period:
            return
        self._signed_at = now
        try:
            note = self._sign()
        except NoRoom:  # what comes is kept all the same, as long as the segment has room
            self._lacks(CHECKPOINT)
            return
        entries = int(self.log.native.entries)
        if entries != self._entries_recorded and now - self._recorded_at >= _RECORD_SECONDS:
            self._recorded_at, self._entries_recorded = now, entries
            with contextlib.suppress(NoRoom):  # it only helps to find a change; the next one will do
                self.log.say("checkpoint", note=note.decode())

    def _sign(self) -> bytes:
        note = self.log.sign()
        self._counters.set(counters.CHECKPOINTS, self.log.checkpoints)
        self._counters.set(counters.SIGNED, self.log.size)
        self._has(CHECKPOINT)
        return note

    # The end

    def _drain(self) -> int:
        """Takes what the ring holds; a producer that never stops is left after a while."""
        deadline = time.monotonic() + _DRAIN_SECONDS_MAX
        status = OK
        if self.log.waits:
            self._next_segment()
        while status == OK and time.monotonic() < deadline:
            result = lib.mam_log_run(self.log.native, self._reader, 0, 0)
            if result == lib.MAM_LOG_OK and not self.log.waits:
                self._has(SEGMENT)
            if result == lib.MAM_LOG_OK and self.log.native.empty:
                break
            status = self._stopped(result) if result != lib.MAM_LOG_OK else OK
            if SEGMENT in self._lacking and self._config.once:
                status = WRITE_FAILED
        return WRITE_FAILED if SEGMENT in self._lacking else status

    def _end(self, status: int, reason: str | None) -> int:
        """Signs what is on disk; the rest, when there is no room, stays in the ring. The exit status."""
        reasons = {GAP: "the journal has a gap", BROKEN: "the journal ring is broken"}
        try:
            if SEGMENT not in self._lacking:
                self.log.say("writer_stopped", reason=reasons.get(status, reason or "done"))
            self._sign()
        except NoRoom:
            _log.critical(
                "%s: the disk is full: %d records are on disk and not signed; the next start signs them",
                self.log.directory,
                self.log.unsigned,
            )
            return status or WRITE_FAILED
        return status


def run_writer(config: WriterConfig) -> int:
    """Writes the log of an instance until told to end; the exit status. For a process's main thread."""
    stop = Stop(config.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop.on_signal)
    if config.once:
        stop.reason = "took what the ring held"
    if config.cpu is not None:
        os.sched_setaffinity(0, {config.cpu})
    try:
        signer = keys.KeyFile(config.key)
        with (
            Region.attach(journal_name(config.instance)) as journal,
            _counters_region(config.instance) as counted,
        ):
            return _run(config, signer, stop, journal, WriterCounters(Counters(counted)))
    except (AuditError, MemoryLayoutError) as error:
        _log.error("%s", error)
        return CANNOT_START
    except OSError as error:
        _log.error("%s: %s", config.directory, error.strerror)
        return CANNOT_START
    except NoRoom:
        _log.error("%s: No space left on device: expected room for a whole segment", config.directory)
        return CANNOT_START
    except WriteFailed as error:
        _log.critical("%s", error)
        return WRITE_FAILED


def _counters_region(instance: str) -> Region:
    return Region.attach(counters_name(instance))


def _run(config: WriterConfig, signer: Any, stop: Stop, journal: Region, counted: WriterCounters) -> int:
    status = WRITE_FAILED
    with closing(Log(config.directory, signer, config.segment_bytes)) as log:
        try:
            if log.cut_bytes:
                _log.warning("%s: a torn tail of %d bytes was cut", config.directory, log.cut_bytes)
            counted.set(counters.CUT_BYTES, log.cut_bytes)
            counted.set(counters.STATE, counters.RUNNING)
            status = Writer(log, journal.address, journal.size, counted, config).run(stop)
        finally:
            counted.set(counters.STATE, counters.ENDED if status == OK else counters.FAILED)
    return status


def _name_process(name: str) -> None:
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
    ctypes.CDLL(None).prctl(29, 1000, 0, 0, 0)  # timer slack, ns: a short nap stays short


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="mam-audit", description="Writes the audit log of a running instance."
    )
    parser.add_argument("--instance", required=True, metavar="NAME")
    parser.add_argument("--dir", required=True, type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument(
        "--key", required=True, type=Path, metavar="FILE", help="private key (mam audit keygen)"
    )
    parser.add_argument("--segment-bytes", type=int, default=segments.LENGTH_DEFAULT, metavar="N")
    parser.add_argument("--checkpoint-ms", type=int, default=100, metavar="MS")
    parser.add_argument("--nap-us", type=int, default=5000, metavar="US", help="sleep when idle; 0 yields")
    parser.add_argument("--cpu", type=int, metavar="N")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone")
    parser.add_argument("--epoch-seconds", type=int, default=0, metavar="S", help="a new key this often")
    parser.add_argument("--epoch-records", type=int, default=0, metavar="N", help="a new key after so many")
    parser.add_argument("--once", action="store_true", help="take what the ring holds, and end")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="mam audit writer: %(message)s", stream=sys.stderr)
    _name_process("mam-audit")
    return run_writer(
        WriterConfig(
            instance=options.instance,
            directory=options.dir,
            key=options.key,
            segment_bytes=options.segment_bytes,
            checkpoint_ms=options.checkpoint_ms,
            nap_us=options.nap_us,
            cpu=options.cpu,
            parent=options.parent,
            epoch_seconds=options.epoch_seconds,
            epoch_records=options.epoch_records,
            once=options.once,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
