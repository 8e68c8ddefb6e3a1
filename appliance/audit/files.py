"""Small files that the user names: read and written with a sentence when it cannot be."""

from pathlib import Path

from appliance.audit.errors import AuditError


def read_bytes(path: Path) -> bytes:
    """The whole file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces the file."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise AuditError(f"{path}: cannot be written: {error.strerror}") from None
