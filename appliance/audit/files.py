"""Small files that the user names: read and written with a sentence when it cannot be."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.audit.errors import AuditError

LARGEST = 64 << 20


def read_plain(path: Path, most: int) -> bytes:
    """A file of a log or an export, at most `most` bytes and one; OSError: also a FIFO or a device."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is no plain file", str(path))
        return file.read(min(found.st_size, most) + 1)


def read_bytes(path: Path) -> bytes:
    """The whole file; what is larger than any of them is none of them."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise AuditError(f"{path}: over {LARGEST >> 20} MiB, which no receipt, key or checkpoint has")
    return data


@contextlib.contextmanager
def about(path: Path | str) -> Iterator[None]:
    """Whatever is wrong with what the file holds is said with its name."""
    try:
        yield
    except AuditError as error:
        text = str(error)
        if text.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {text}") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces the file."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise AuditError(f"{path}: cannot be written: {error.strerror}") from None
