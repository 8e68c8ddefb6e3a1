"""One object of POSIX shared memory, mapped whole.

Why not multiprocessing.shared_memory: its tracker removes a segment when a process that only attached ends.
Mode and owner are set on the descriptor after creating, because posix_ipc applies the umask. Space is
allocated before it is touched, so that a full /dev/shm is an error here and not a SIGBUS later.
"""

import contextlib
import errno
import logging
import mmap
import os
from types import TracebackType
from typing import Any, Self

import posix_ipc

from appliance._native import ffi, lib
from appliance.memory.errors import MemoryLayoutError

_log = logging.getLogger("mam.memory")
_said_unlocked = False


def _text(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _open(name: str, flags: int, size: int = 0) -> int:
    """A descriptor of our own; every failure as one line."""
    try:
        return int(posix_ipc.SharedMemory(name, flags=flags, mode=0o600, size=size).fd)
    except posix_ipc.ExistentialError:
        if flags & posix_ipc.O_CREAT:
            raise MemoryLayoutError(f"shared memory {name}: exists already") from None
        raise MemoryLayoutError(f"shared memory {name}: does not exist") from None
    except posix_ipc.PermissionsError:
        raise MemoryLayoutError(f"shared memory {name}: permission denied") from None
    except (OSError, ValueError) as error:
        raise MemoryLayoutError(f"shared memory {name}: {error}") from None


def remove(name: str) -> bool:
    """Unlink an object; False when there is none. Who has it mapped keeps it."""
    try:
        posix_ipc.unlink_shared_memory(name)
    except posix_ipc.ExistentialError:
        return False
    except posix_ipc.PermissionsError:
        raise MemoryLayoutError(f"shared memory {name}: permission denied to remove it") from None
    return True


class Region:
    """A mapped object. `address` is a cffi `uint8_t *`, valid until `close`."""

    def __init__(self, name: str, fd: int, size: int, writable: bool) -> None:
        """Takes over the descriptor. Use `create` or `attach`."""
        self.name = name
        self.size = size
        self.writable = writable
        self._fd = fd
        try:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map: mmap.mmap | None = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, access=access)
        except (OSError, ValueError) as error:
            os.close(fd)
            raise MemoryLayoutError(f"shared memory {name}: cannot map {size} bytes: {error}") from None
        self._buffer = ffi.from_buffer("uint8_t[]", self._map)

    @classmethod
    def create(cls, name: str, size: int, mode: int = 0o660, uid: int = -1, gid: int = -1) -> Self:
        """Make the object, zeroed, touched and locked in memory where the limit allows. It must not exist."""
        fd = _open(name, posix_ipc.O_CREX, size)
        try:
            os.posix_fallocate(fd, 0, size)
            os.fchown(fd, uid, gid)
            os.fchmod(fd, mode)
        except OSError as error:
            os.close(fd)
            remove(name)
            raise MemoryLayoutError(f"shared memory {name}, {size} bytes: {_text(error)}") from None
        try:
            region = cls(name, fd, size, writable=True)
        except MemoryLayoutError:
            remove(name)
            raise
        region.prepare()
        return region

    @classmethod
    def attach(cls, name: str, size: int | None = None, writable: bool = True) -> Self:
        """Map an existing object; with `size`, it must have exactly that."""
        # not through posix_ipc: it always opens for writing
        fd = _open(name, 0) if writable else _open_read_only(name)
        found = os.fstat(fd).st_size
        if found == 0 or (size is not None and found != size):
            os.close(fd)
            expected = "some" if size is None else str(size)
            raise MemoryLayoutError(f"shared memory {name}: has {found} bytes, expected {expected}")
        return cls(name, fd, found, writable)

    @property
    def address(self) -> Any:
        self.must_be_open()
        return self._buffer

    @property
    def closed(self) -> bool:
        return self._map is None

    def must_be_open(self) -> None:
        """Whoever keeps pointers into the region asks before each use: after `close` they lead nowhere."""
        if self._map is None:
            raise MemoryLayoutError(f"shared memory {self.name}: used after close")

    def prepare(self) -> None:
        """Touch every page, and lock them; says once when the limit forbids locking."""
        global _said_unlocked
        status = lib.mam_memory_prepare(self.address, self.size)
        if status != 0 and not _said_unlocked:
            _said_unlocked = True
            _log.warning("shared memory is not locked in RAM (%s): raise LimitMEMLOCK", os.strerror(status))

    def intact(self) -> bool:
        """Has the object its name and size still? If not, someone removed or truncated it under us."""
        info = os.fstat(self._fd)
        return info.st_nlink > 0 and info.st_size == self.size

    def close(self) -> None:
        """Unmap. The object stays. Rings and pointers into it must not be used any more."""
        if self._map is None:
            return
        ffi.release(self._buffer)
        mapping, self._map = self._map, None
        with contextlib.suppress(BufferError):  # a caller's own view: unmapped when that goes
            mapping.close()
        os.close(self._fd)

    def unlink(self) -> None:
        """Remove the name; no error when it is gone already."""
        remove(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_read_only(name: str) -> int:
    try:
        return os.open(f"/dev/shm{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise MemoryLayoutError(f"shared memory {name}: does not exist") from None
        raise MemoryLayoutError(f"shared memory {name}: {_text(error)}") from None
