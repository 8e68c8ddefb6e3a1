"""Room on the disk: what is written anew is there whole or not at all, and then it may be tried again."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

RESERVE = 1 << 20
"""Bytes that a new segment leaves on the disk: for the checkpoints of what is in it."""


class NoRoomError(OSError):
    """ENOSPC or EDQUOT before anything of the log was written."""


@contextlib.contextmanager
def needs_room(path: Path) -> Iterator[None]:
    """Whatever fails for want of room inside takes the unfinished file with it: NoRoomError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        path.unlink(missing_ok=True)
        raise NoRoomError(error.errno, error.strerror) from None


def spare(folder: Path, length: int) -> None:
    """That a file of this length leaves the reserve; OSError (ENOSPC): it does not."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < length + RESERVE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
