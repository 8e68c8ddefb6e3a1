"""Small files that the user names: read and written with a sentence when it cannot be."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from appliance.audit.errors import AuditError


def read_bytes(path: Path) -> bytes:
    """The whole file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from None


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
