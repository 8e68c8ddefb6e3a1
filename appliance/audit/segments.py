"""Segment files: finding, reading and making them. Their bytes are specified in native/src/segment.h."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit.checkpoint import sync_folder
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.files import read_plain
from appliance.audit.room import needs_room, spare

FOLDER = "segments"
SUFFIX = ".seg"
NEXT = "next"
"""A file of zeros that waits to become the next segment."""
LENGTH_DEFAULT = 64 << 20
FIRST_FRAME: int = lib.MAM_SEGMENT_FIRST_FRAME
HEADER_BYTES: int = lib.MAM_SEGMENT_HEADER
FRAME_HEADER: int = lib.MAM_FRAME_HEADER
_ZEROS = bytes(1 << 20)


def check_length(length: int) -> int:
    low, high = lib.MAM_SEGMENT_LENGTH_MIN, lib.MAM_SEGMENT_LENGTH_MAX
    if not low <= length <= high or length % 4096:
        raise AuditError(f"segment length {length}: expected a multiple of 4096 from {low} to {high}")
    return length


def paths(directory: Path) -> list[Path]:
    """The segment files in the order of their leaves."""
    return sorted(directory.joinpath(FOLDER).glob(f"{'[0-9]' * 20}{SUFFIX}"))


def first_leaf(directory: Path) -> int:
    """The first record that the log has; above 0: those before were pruned."""
    return read_header(paths(directory)[0]).first_leaf


def first_leaves(directory: Path) -> list[int]:
    """Of each segment, in order."""
    return [read_header(path).first_leaf for path in paths(directory)]


def is_pruned(directory: Path) -> bool:
    """Whether the log begins after record 0."""
    return bool(paths(directory)) and first_leaf(directory) > 0


def path_of(directory: Path, first_leaf: int) -> Path:
    return directory / FOLDER / f"{first_leaf:020d}{SUFFIX}"


@dataclass
class Segment:
    """A segment's header; `native` is the C struct (and keeps the numbers)."""

    path: Path
    native: Any
    damaged_copies: int
    """0 or 1: how many of the two copies are bad."""

    @property
    def first_leaf(self) -> int:
        return int(self.native.first_leaf)

    @property
    def number(self) -> int:
        return int(self.native.number)

    @property
    def log_id(self) -> bytes:
        return bytes(self.native.log_id)

    @property
    def origin_hash(self) -> bytes:
        return bytes(self.native.origin_hash)


def parse_header(path: Path, data: bytes) -> Segment:
    """The header at the start of `data` (8,192 bytes or more); raises AuditError when both copies are bad."""
    if len(data) < FIRST_FRAME:
        raise Damaged(f"{path.name}: cut to {len(data)} bytes, less than a segment's header")
    results = []
    for copy in (0, 1):
        native = ffi.new("struct mam_segment *")
        header = data[copy * HEADER_BYTES : (copy + 1) * HEADER_BYTES]
        results.append((lib.mam_segment_read(header, native), native))
    good = [native for status, native in results if status == 0]
    if good:
        return Segment(path, good[0], 2 - len(good))
    status = results[0][0]
    reason = {
        lib.MAM_SEGMENT_NO_MAGIC: "not a segment (the magic is missing)",
        lib.MAM_SEGMENT_NO_VERSION: "a version of the format that this program does not know",
    }.get(status, "both copies of its header are damaged")
    raise Damaged(f"{path.name}: {reason}")


def read_header(path: Path) -> Segment:
    try:
        return parse_header(path, read_plain(path, FIRST_FRAME)[:FIRST_FRAME])
    except PermissionError as error:
        raise AuditError(f"{path.name}: cannot read it: {error.strerror}") from None
    except OSError as error:
        raise Damaged(f"{path.name}: cannot read it: {error.strerror}") from None


def prepare(directory: Path, length: int) -> None:
    """Writes the zeros of the next segment, unless they are there; in steps, not to hold up the log."""
    target = directory / FOLDER / NEXT
    if target.exists() and target.stat().st_size == length:
        return
    temporary = target.with_suffix(".tmp")
    with needs_room(temporary):
        spare(directory / FOLDER, length)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.posix_fallocate(descriptor, 0, length)
            for offset in range(0, length, len(_ZEROS)):
                os.pwrite(descriptor, _ZEROS[: min(len(_ZEROS), length - offset)], offset)
                os.fdatasync(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, target)


def _take_prepared(directory: Path, length: int) -> tuple[int, Path]:
    """A zeroed file of that length: its descriptor, and the name that it has for now."""
    target = directory / FOLDER / NEXT
    if target.exists() and target.stat().st_size == length:
        return os.open(target, os.O_RDWR | os.O_CLOEXEC), target
    # Not prepared in time: allocated only, which syncs slower but serves. Its name is another, for `prepare`
    # may be at work in a thread.
    target = target.with_suffix(".unprepared")
    with needs_room(target):
        spare(directory / FOLDER, length)
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.posix_fallocate(descriptor, 0, length)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor, target


def create(directory: Path, native: Any) -> int:
    """Makes the segment that `native` (struct mam_segment *) describes; returns its descriptor."""
    header = ffi.new("uint8_t[]", HEADER_BYTES)
    lib.mam_segment_write(native, header)
    descriptor, name = _take_prepared(directory, int(native.length))
    target = path_of(directory, int(native.first_leaf))
    try:
        with needs_room(name):  # it is no part of the log yet: another file may be tried
            for copy in (0, 1):
                if os.pwrite(descriptor, bytes(header), copy * HEADER_BYTES) != HEADER_BYTES:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(name))
            os.fsync(descriptor)
            os.rename(name, target)
        sync_folder(directory / FOLDER)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def discard_prepared(directory: Path) -> None:
    """Removes what waits to become a segment; nothing of the log is in it."""
    for path in directory.joinpath(FOLDER).glob(f"{NEXT}*"):
        path.unlink(missing_ok=True)
