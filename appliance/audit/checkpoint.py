"""Checkpoints: signed notes (C2SP `tlog-checkpoint`) that say how many leaves a log has and what its root is.

<origin, which is the key's name>
<size, decimal>
<root, base64>
"""

import base64
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import note
from appliance.audit.errors import AuditError
from appliance.audit.room import needs_room

FILE = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> "Checkpoint":
        """Extension lines after the third are accepted and ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or lines[-1]:
            raise AuditError("not a checkpoint: expected the lines origin, size, root")
        origin, size, root = lines[:3]
        if not size.isascii() or not size.isdigit() or size != str(int(size[:20])) or int(size) >= 1 << 64:
            raise AuditError(f"not a checkpoint: size {size[:40]!r} is not a plain decimal number")
        try:
            decoded = base64.b64decode(root.encode(), validate=True)
        except ValueError:
            decoded = b""
        if len(decoded) != 32:
            raise AuditError("not a checkpoint: the root is not 32 bytes in base64")
        return cls(origin, int(size), decoded)


def read(data: bytes, keys: Sequence[note.Verifier]) -> tuple[Checkpoint, list[note.Verifier]]:
    """A verified checkpoint, and which of the keys signed it; raises AuditError.

    A key speaks for the log of its own name only: what it signs of another is not believed.
    """
    text, signers = note.verify(data, keys)
    signed = Checkpoint.from_text(text)
    if any(signer.name != signed.origin for signer in signers):
        raise note.NotSigned(
            f"is of the log {signed.origin!r}, but signed with the key of {signers[0].name!r}"
        )
    return signed, signers


def publish(directory: Path, data: bytes) -> None:
    """Replaces the directory's checkpoint so that a crash leaves the old or the new one, whole."""
    replace(directory / FILE, data)


def replace(path: Path, data: bytes) -> None:
    """A small file, so that a crash leaves the old or the new one, whole.

    NoRoomError: the old one stays, and it may be tried again. Another OSError: nobody knows what is on disk.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with needs_room(temporary):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            _write_all(descriptor, temporary, data)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    sync_folder(path.parent)


def _write_all(descriptor: int, path: Path, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):  # the disk has room for a part of it only
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def sync_folder(folder: Path) -> None:
    """Makes the folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
