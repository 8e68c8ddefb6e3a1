"""A small file system of its own, which a test can really fill."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_CHUNK = 4096


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs at `folder`; skips the test where it may not be mounted."""
    folder.mkdir()
    size = f"size={megabytes}m"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Somebody else's file that takes all the room but `leave` bytes; remove it to make room."""
    ballast = folder / "ballast"
    with open(ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(_CHUNK))
    if leave:
        with open(ballast, "r+b") as file:
            file.truncate(ballast.stat().st_size - leave)
    return ballast
