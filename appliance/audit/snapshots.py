"""Snapshots: the engine's state at one place of the log, so that a start need not replay all of a run.

A file of `DIR/snapshots`, `<leaf, 20 digits>.snap`: a header of 4,096 bytes (one JSON object, then spaces),
then the state (native/src/snapshot.h). Made by replaying the log, never by the engine that trades. It counts
only if the log itself has a `snapshot` record with the file's hash, and only for the very build that made it;
else the log is replayed from farther back. The same log gives the same file, byte for byte.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from appliance import _native
from appliance._native import ffi, lib
from appliance.audit import checkpoint, records, segments
from appliance.audit.errors import AuditError
from appliance.audit.fast_replay import Fed, last_run
from appliance.audit.reader import Batch, read_batches
from appliance.engine import Capacities, Engine

FOLDER = "snapshots"
REQUEST = "snapshot.request"
"""A file of this name in the log's directory asks the writer to log a snapshot; it removes the file then."""
RECORD = "snapshot"
KEEP = 2
"""Newest snapshots that stay; older ones save nobody anything."""
_HEADER_BYTES = 4096
_CHUNK = 1 << 20
_FORMAT = 2
_SUFFIX = ".snap"


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """What the file says of itself."""

    format: int
    build: str
    """SHA-256 of the compiled module: another build may lay out its state in another way."""
    leaf: int
    """All leaves before this one are in it."""
    sequence: int
    """Of the next journal entry."""
    time: int
    """Of the last entry, ns since the Unix epoch, UTC."""
    limits: dict[str, int]
    bridges: list[tuple[int, str]]
    """Role and name of each that the run opened, bridge 1 first."""
    consumed: list[int]
    """Messages of each bridge in this run, bridge 0 first."""
    bytes: int
    """Of the state."""
    sha256: str
    """Of the state."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot file that may be used, if its hash is the log's."""

    path: Path
    header: Header
    sha256: str
    """As the log has it."""


@functools.cache
def build() -> str:
    """Of this program's compiled module, hexadecimal."""
    assert _native.__file__ is not None
    with open(_native.__file__, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(directory: Path) -> list[Path]:
    """All snapshot files of a log, the oldest first."""
    return sorted(directory.joinpath(FOLDER).glob(f"*{_SUFFIX}"))


def read_header(path: Path) -> Header:
    """AuditError when it is none."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(_HEADER_BYTES), type=Header)
    except (OSError, msgspec.MsgspecError):
        raise AuditError(f"{path}: is no snapshot") from None


def usable(directory: Path, limits: Capacities | None = None) -> Iterator[Snapshot]:
    """Those of this build (and these limits) that the log vouches for, the newest first."""
    for path in reversed(files(directory)):
        with contextlib.suppress(AuditError):
            header = read_header(path)
            ours = header.format == _FORMAT and header.build == build()
            if ours and (limits is None or header.limits == asdict(limits)):
                sha256 = _logged(directory, path.name, header.leaf)
                if sha256 is not None:
                    yield Snapshot(path, header, sha256)


def _logged(directory: Path, name: str, leaf: int) -> str | None:
    """The hash that the log has for a snapshot of what is before `leaf`."""
    for record in own_records(read_batches(directory, leaf)):
        if record["record"] == RECORD and record.get("file") == name:
            return str(record["sha256"])
    return None


def own_records(batches: Iterator[Batch]) -> Iterator[dict[str, Any]]:
    """The log's own records among these."""
    for batch in batches:
        if batch.count == 1 and _kinds(batch)[0] == records.OWN:
            yield records.parse(batch.entry(0)[records.HEADER.size :])


def _kinds(batch: Batch) -> Any:
    offsets = np.frombuffer(ffi.buffer(batch.offsets, 8 * batch.count), "<u8")
    return np.frombuffer(batch.data, np.uint8)[offsets + 18]


def load(snapshot: Snapshot, memory: Any) -> None:
    """Reads the state into `memory` (a writable buffer); AuditError: the file is not what was logged."""
    digest = hashlib.sha256()
    with open(snapshot.path, "rb") as file:
        digest.update(file.read(_HEADER_BYTES))
        view = memoryview(memory).cast("B")
        if len(view) != snapshot.header.bytes or file.readinto(view) != len(view) or file.read(1):
            raise AuditError(f"{snapshot.path}: has another length than it says")
    digest.update(view)
    if digest.hexdigest() != snapshot.sha256:
        raise AuditError(f"{snapshot.path}: is not the file whose hash the log has")


# --- Making one ---


def take(directory: Path, progress: Callable[[int], None] = lambda done: None) -> Snapshot | None:
    """Makes one of the newest state, from the newest before it; None: nothing has come since that."""
    folder = directory / FOLDER
    with _alone(folder):
        fed, first = _begin(directory)
        end = _last_input(directory)
        if end is None or end <= first:
            return None
        for batch in read_batches(directory, first):
            fed.feed(batch.up_to(end))
            progress(fed.inputs)
            if batch.first_leaf + batch.count >= end:
                break
        if fed.engine is None:
            return None
        return _write(folder, fed, end)


def _begin(directory: Path) -> tuple[Fed, int]:
    """An engine fed up to some leaf, and that leaf."""
    fed = Fed()
    for snapshot in usable(directory):
        with contextlib.suppress(AuditError):
            resume(fed, snapshot)
            return fed, snapshot.header.leaf
    return fed, last_run(directory)


def resume(fed: Fed, snapshot: Snapshot) -> None:
    """Sets an engine to a snapshot's state."""
    header = snapshot.header
    engine = Engine(Capacities(**header.limits))
    engine.thaw(lambda memory: load(snapshot, memory))
    fed.use(engine)
    fed.native.sequence, fed.native.time, fed.native.skip = header.sequence, header.time, 0
    fed.native.consumed = header.consumed


def _last_input(directory: Path) -> int | None:
    """The leaf of the log's last input: before it, every input has all its outputs."""
    for path in reversed(segments.paths(directory)):
        found = None
        first = segments.read_header(path).first_leaf
        for batch in read_batches(directory, first):
            inputs = np.flatnonzero(_kinds(batch) == records.INPUT)
            if len(inputs):
                found = batch.first_leaf + int(inputs[-1])
        if found is not None:
            return found
    return None


def image(fed: Fed, leaf: int) -> Iterator[bytes | memoryview]:
    """The bytes of the snapshot of what was fed, which ends before `leaf`: the header, then the state."""
    engine = fed.engine
    assert engine is not None
    bridges = _bridges(engine)
    with engine.frozen() as state:
        header = Header(
            format=_FORMAT,
            build=build(),
            leaf=leaf,
            sequence=int(fed.native.sequence),
            time=int(fed.native.time),
            limits=asdict(engine.capacities),
            bridges=bridges,
            consumed=list(fed.native.consumed),
            bytes=len(state),
            sha256=hashlib.sha256(state).hexdigest(),
        )
        yield msgspec.json.encode(header).ljust(_HEADER_BYTES)
        yield state
    lib.mam_engine_sink_buffer(engine.native, ffi.addressof(fed.native, "said"))


def _bridges(engine: Engine) -> list[tuple[int, str]]:
    found, name = [], ffi.new("char[33]")
    for number in range(1, engine.capacities.bridges + 1):
        role = int(lib.mam_engine_bridge(engine.native, number, name))
        if role:
            found.append((role, ffi.string(name).decode()))
    return found


def digest(fed: Fed, leaf: int) -> str:
    """The hash that the file would have."""
    found = hashlib.sha256()
    for part in image(fed, leaf):
        found.update(part)
    return found.hexdigest()


def _write(folder: Path, fed: Fed, leaf: int) -> Snapshot:
    temporary, found = folder / "next.tmp", hashlib.sha256()
    with _whole(temporary), open(temporary, "wb") as file:
        for part in image(fed, leaf):
            found.update(part)
            view = memoryview(part)
            for at in range(0, len(view), _CHUNK):  # what is zero takes no room
                chunk = view[at : at + _CHUNK]
                if any_set(chunk):
                    file.write(chunk)
                else:
                    file.seek(len(chunk), os.SEEK_CUR)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    path = folder / f"{leaf:020d}{_SUFFIX}"
    with _whole(temporary):
        os.rename(temporary, path)
    with _whole(path):
        checkpoint.sync_folder(folder)
    return Snapshot(path, read_header(path), found.hexdigest())


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """A file that cannot be written is not left behind: AuditError."""
    try:
        yield
    except OSError as error:
        path.unlink(missing_ok=True)
        raise AuditError(f"{path}: cannot be written: {error.strerror}") from None


def any_set(chunk: memoryview) -> bool:
    return bool(np.frombuffer(chunk, np.uint8).any())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time makes a snapshot of a log."""
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise AuditError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AuditError(f"{folder}: a snapshot is being made already") from None
    finally:
        os.close(descriptor)


def record_of(snapshot: Snapshot) -> dict[str, Any]:
    """The fields of its record."""
    header = snapshot.header
    return {
        "file": snapshot.path.name,
        "sha256": snapshot.sha256,
        "leaf": header.leaf,
        "journal": header.sequence,
        "build": header.build,
    }


def discard_old(directory: Path) -> None:
    """Leaves the newest KEEP."""
    for path in files(directory)[:-KEEP]:
        path.unlink(missing_ok=True)


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What a snapshot's record says."""

    file: str
    sha256: str
    leaf: int
    journal: int
    build: str


def write_request(directory: Path, snapshot: Snapshot) -> None:
    """Asks the writer that runs to log it."""
    temporary = directory / f"{REQUEST}.tmp"
    with _whole(temporary):
        temporary.write_bytes(msgspec.json.encode(record_of(snapshot)))
        os.rename(temporary, directory / REQUEST)


def read_request(path: Path) -> dict[str, Any]:
    """AuditError when it is none."""
    try:
        return msgspec.structs.asdict(msgspec.json.decode(path.read_bytes(), type=Request))
    except (OSError, msgspec.MsgspecError) as error:
        raise AuditError(f"no request: {error}") from None
