"""One daemon an instance: a lock file held by flock, which the kernel drops when its holder dies."""

import fcntl
import os
import stat
import tempfile
from pathlib import Path

from appliance.memory.errors import InstanceError
from appliance.memory.names import check_name

SYSTEM_DIRECTORY = Path("/run/mam")


def lock_directory() -> Path:
    """Where lock files are: systemd's runtime directory, else /run/mam, else this user's private folder."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    if SYSTEM_DIRECTORY.is_dir() and os.access(SYSTEM_DIRECTORY, os.W_OK):
        return SYSTEM_DIRECTORY
    return _private_directory()


def _private_directory() -> Path:
    """mam-UID under the temporary directory; refused when someone else made it."""
    path = Path(tempfile.gettempdir(), f"mam-{os.getuid()}")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        info = path.lstat()
    except OSError as error:
        raise InstanceError(f"lock directory {path}: {error.strerror}") from None
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
        raise InstanceError(f"lock directory {path}: is not a folder that only this user can use")
    return path


class InstanceLock:
    """Held from construction until `release`, or the death of this process and of all that it forked."""

    def __init__(self, instance: str, directory: Path | None = None) -> None:
        check_name(instance, "instance")
        self.path = (directory or lock_directory()) / f"{instance}.lock"
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InstanceError(f"lock file {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise InstanceError(
                f"instance {instance}: another daemon runs it (pid {holder}, lock {self.path})"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """The file stays: removing it would let two daemons lock two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
