"""A power cut, simulated from a trace of the writer's system calls: what was not synced may be gone.

Each 512-byte sector of a write that no finished sync of its file followed is there or not. Each rename that
no finished sync of its folder followed has happened or not: a segment is `next` again, the checkpoint is the
one before.
"""

import os
import random
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TRACED = "pwrite64,fdatasync,fsync,rename"
"""System calls that the trace (strace -f -y -s 0) must have."""


@dataclass(frozen=True)
class Write:
    """Of a file, not synced."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Rename:
    """Whose folder was not synced."""

    old: Path
    path: Path


def unsynced(trace: str) -> list[Write | Rename]:
    """What a trace shows as done and not synced after that, in order."""
    waiting: list[Write | Rename] = []
    begun: dict[str, tuple[Path, int]] = {}  # a sync covers what was done before it began
    for line in trace.splitlines():
        thread = line.split()[0]
        if found := re.search(r"pwrite64\(\d+<([^>]+)>.*?, (\d+), (\d+)[ )]", line):
            waiting.append(Write(Path(found[1]), int(found[3]), int(found[2])))
        if found := re.search(r'rename\("([^"]+)", "([^"]+)"', line):
            waiting.append(Rename(Path(found[1]), Path(found[2])))
        if found := re.search(r"f(?:data)?sync\(\d+<([^>]+)>", line):
            begun[thread] = (Path(found[1]), len(waiting))
        if re.search(r"f(data)?sync.*= 0$", line) and thread in begun:
            path, count = begun.pop(thread)
            left = [at for at, one in enumerate(waiting) if at >= count or _synced_by(one) != path]
            waiting = [waiting[at] for at in left]
            begun = {who: (what, sum(at < upto for at in left)) for who, (what, upto) in begun.items()}
    return waiting


def _synced_by(one: Write | Rename) -> Path:
    return one.path if isinstance(one, Write) else one.path.parent


class Versions:
    """Keeps each checkpoint of a log from being lost when the next one takes its name. A context manager."""

    def __init__(self, log: Path, folder: Path) -> None:
        """`folder`: an empty one on the same disk."""
        self._file, self._folder = log / "checkpoint", folder
        self._kept: list[tuple[int, Path]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Versions":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._look()
            time.sleep(0.0005)
        self._look()

    def _look(self) -> None:
        copy = self._folder / f"{len(self._kept):06d}"
        try:
            os.link(self._file, copy)
        except FileNotFoundError:
            return
        inode = copy.stat().st_ino
        if self._kept and self._kept[-1][0] == inode:
            copy.unlink()
        else:
            self._kept.append((inode, copy))

    def restore_former(self) -> None:
        """The last rename to `checkpoint` has not happened; where no former one is known, it has."""
        self._file.unlink()
        os.link(self._kept[-2][1] if len(self._kept) > 1 else self._kept[-1][1], self._file)


def cut(trace: str, choose: random.Random, versions: Versions | None = None) -> list[str]:
    """Loses what the trace shows as not synced; the kinds of what was lost."""
    lost = []
    for one in reversed(unsynced(trace)):
        if isinstance(one, Write) and one.path.suffix == ".seg" and one.path.exists():
            _lose(one, choose)
            lost.append("write")
        elif isinstance(one, Rename) and not one.old.exists() and choose.random() < 0.7:
            if one.path.suffix == ".seg" and one.path.exists():
                os.rename(one.path, one.old)
                lost.append("segment")
            elif one.path.name == "checkpoint" and one.path.exists() and versions is not None:
                versions.restore_former()
                lost.append("checkpoint")
    return lost


def _lose(one: Write, choose: random.Random) -> None:
    with open(one.path, "r+b") as file:
        for sector in range(one.offset // 512, (one.offset + one.length + 511) // 512):
            begin = max(one.offset, 512 * sector)
            end = min(one.offset + one.length, 512 * sector + 512)
            if choose.random() < 0.7:
                os.pwrite(file.fileno(), bytes(end - begin), begin)
