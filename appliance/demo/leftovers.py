"""Removes what demos that were killed left: each demo's instance has its process's number in its name."""

import contextlib
import re
from pathlib import Path

import psutil

from appliance.memory import MemoryLayoutError, leftovers
from appliance.memory.lock import lock_directory
from appliance.memory.region import remove

_OBJECT = re.compile(r"mam\.(demo-([0-9]+))\..*")
_LOCK = re.compile(r"demo-([0-9]+)\.lock")


def instance_of(pid: int) -> str:
    """The name of the instance that a demo's process runs."""
    return f"demo-{pid}"


def sweep() -> None:
    """Regions and lock files of demos whose process is gone; those of other users stay."""
    for path in Path("/dev/shm").iterdir():
        match = _OBJECT.fullmatch(path.name)
        if match and not psutil.pid_exists(int(match.group(2))):
            for name in leftovers(match.group(1)):
                with contextlib.suppress(MemoryLayoutError):
                    remove(name)
    for path in lock_directory().iterdir():
        match = _LOCK.fullmatch(path.name)
        if match and not psutil.pid_exists(int(match.group(1))):
            _unlink(path)


def remove_lock(pid: int) -> None:
    """Of a demo that ends: no other instance ever has its name."""
    _unlink(lock_directory() / f"{instance_of(pid)}.lock")


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
