"""A process of the embedded broker, as its stage manager sees it: commands in, events out, JSON lines."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil

COMPLETE_SECONDS = 120.0
END_SECONDS = 10.0


class ActorFailed(Exception):
    """A process of the embedded broker ended or fell silent; one line."""


class Actor:
    """One child process. `progress` is the last it told."""

    def __init__(self, module: str, name: str, instance: str, script: Path, cpus: set[int]) -> None:
        self.name = name
        self.result: dict[str, Any] | None = None
        self.progress: dict[str, Any] = {}
        self._rest = b""
        command = [
            sys.executable,
            "-m",
            module,
            "--instance",
            instance,
            "--bridge",
            name,
            "--script",
            str(script),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self._process.pid, cpus)

    def tell(self, **command: Any) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(command) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ActorFailed(f"{self.name} ended by itself (status {self._process.wait()})") from None

    def wait(self, event: str, beat: Any = lambda: None) -> dict[str, Any]:
        """The next event of that kind; `beat` is called about ten times a second meanwhile."""
        deadline = time.monotonic() + COMPLETE_SECONDS
        while time.monotonic() < deadline:
            for found in self._read(0.1):
                if found["event"] == event:
                    return found
                self.progress = found
            beat()
        raise ActorFailed(f"{self.name} did not say {event!r} within {COMPLETE_SECONDS:.0f} s")

    def _read(self, seconds: float) -> list[dict[str, Any]]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return []
        data = os.read(descriptor, 1 << 20)
        if not data:
            raise ActorFailed(f"{self.name} ended by itself (status {self._process.wait()})")
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [msgspec.json.decode(line) for line in lines]

    def end(self) -> dict[str, Any]:
        """Tell it to end; its result."""
        self.tell(end=True)
        result = self.wait("result")
        self._process.wait(END_SECONDS)
        return result

    def stands_still(self) -> bool:
        """It has stopped itself, as it was told to, and goes on when it is told to."""
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    def resume(self) -> None:
        """It goes on where it stood."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in any case."""
        self.resume()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._process.poll() is None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
