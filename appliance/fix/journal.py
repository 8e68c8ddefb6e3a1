"""The bridge's own journal: one file of records, a line each, and the one queue in which they are worked.

Whoever calls `put` (QuickFIX's thread too) has the record in the file before the call returns, so that a
killed bridge has lost nothing that the LP thinks it has. A line is the CRC-32 of its JSON, a blank, the JSON.
The order in the file is the order in the queue: reading the file again repeats what was done.
"""

import os
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from appliance.errors import InputError
from appliance.fix import records

NAME = "orders.journal"
SHORTEN_AT = 64 << 20  # bytes


class Journal:
    """Open for appending. `put` and `note` may be called by any thread, `take` by one."""

    def __init__(self, directory: Path) -> None:
        """Use `open`."""
        self._path = directory / NAME
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._queue: deque[Any] = deque()
        self.size = os.fstat(self._file).st_size

    @classmethod
    def open(cls, directory: Path) -> tuple[Self, list[Any]]:
        """The journal and what it holds. A torn last line is cut; damage before it is an InputError."""
        path = directory / NAME
        found: list[Any] = []
        if path.exists():
            data = path.read_bytes()
            found, good = _read(path, data)
            if good < len(data):
                os.truncate(path, good)
        return cls(directory), found

    def put(self, record: records.Record) -> None:
        """Keep a record, and queue it. OSError: it is not kept, and not queued."""
        line = _frame(record)
        with self._lock:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(f"{self._path}: written in part")
            self.size += written
            self._queue.append(record)

    def note(self, item: Any) -> None:
        """Queue something that need not be kept, behind all that came before."""
        self._queue.append(item)

    def take(self, maximum: int) -> Iterator[Any]:
        """What waits, oldest first, at most `maximum`."""
        for _ in range(maximum):
            try:
                yield self._queue.popleft()
            except IndexError:
                return

    def shorten(self, state: records.State, now: int) -> None:
        """Replace the file by one snapshot of what the worked records have made, and those that wait."""
        fresh = self._path.with_suffix(".new")
        with self._lock:
            waiting = [item for item in self._queue if isinstance(item, records.Record)]
            lines = [_frame(records.Snapshot(time=now, state=state)), *map(_frame, waiting)]
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            with os.fdopen(os.dup(handle), "wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            os.rename(fresh, self._path)
            os.close(self._file)
            self._file, self.size = handle, sum(map(len, lines))

    def close(self) -> None:
        os.close(self._file)


def _frame(record: records.Record) -> bytes:
    text = records.encode(record)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(path: Path, data: bytes) -> tuple[list[Any], int]:
    """The records, and how many bytes of the file they are."""
    found, at, number = [], 0, 0
    while at < len(data):
        number += 1
        end = data.find(b"\n", at)
        if end < 0:
            break  # torn while it was written
        record = _record(data[at:end])
        if record is None:
            if data.find(b"\n", end + 1) < 0:
                break
            raise InputError(
                f"{path}: line {number} is damaged; restore the file, or ask the LP for all fills"
            )
        found.append(record)
        at = end + 1
    return found, at


def _record(line: bytes) -> Any:
    """The record of a line; None when it is none."""
    try:
        if line[8:9] != b" " or int(line[:8], 16) != zlib.crc32(line[9:]):
            return None
        return records.decode(line[9:])
    except (ValueError, msgspec.DecodeError):
        return None
