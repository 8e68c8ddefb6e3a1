"""The frame of both processes: commands come as JSON lines on stdin, events go out as JSON lines on stdout.

stdin: {"end": true} and the process's own commands. The end of stdin (the parent is gone), SIGTERM and SIGINT
end it too. stdout: {"event": "ready"}, progress about ten times a second, an event for each command that is
complete, and last {"event": "result", ...}. Exit status 0; 1 when the rings were taken away; 2 for bad input,
with one line on stderr.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from appliance.errors import InputError

SLICE_NS = 5_000_000
PROGRESS_S = 0.1

Command = dict[str, Any]


class Station(Protocol):
    """A hot half as the frame sees it."""

    def poll(self, slice_ns: int) -> int: ...
    def result(self) -> dict[str, Any]: ...


def say(event: str, **fields: Any) -> None:
    """One line for the parent; when nobody reads any more, the end of stdin will tell."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode({"event": event} | fields) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Commands:
    """Lines from a descriptor, without ever waiting."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False

    def read(self) -> Iterator[Command]:
        """The commands that have come in; InputError for a line that is none."""
        while not self.ended and select.select([self._descriptor], [], [], 0)[0]:
            data = os.read(self._descriptor, 65536)
            self.ended = not data
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            if line.strip():
                yield _decode(line)


def _decode(line: bytes) -> Command:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(f"stdin: expected a JSON object a line, found {line[:60]!r}") from None


class _Signals:
    """Notes SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.came = True


def serve(
    station: Station,
    obey: Callable[[Command], None],
    on_status: Callable[[int], None],
    progress: Callable[[], dict[str, Any]],
) -> int:
    """Polls until told to end. `obey` gets each command, `on_status` each positive status of a poll."""
    signals = _Signals()
    commands = Commands(sys.stdin.fileno())
    next_progress = 0.0
    status = 0
    ending = False
    say("ready")
    while not (ending or signals.came or commands.ended or status < 0):
        for command in commands.read():
            if command.pop("end", False):
                ending = True
            if command:
                obey(command)
        status = station.poll(SLICE_NS)
        if status > 0:
            on_status(status)
        if time.monotonic() >= next_progress:
            next_progress = time.monotonic() + PROGRESS_S
            say("progress", **progress())
    say("result", status=min(status, 0), **station.result())
    return 1 if status < 0 else 0


def run(main: Callable[[], int]) -> int:
    """Turns bad input into one line and exit status 2."""
    try:
        return main()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


def number(command: Command, name: str, default: int | None = None) -> int:
    """A field of a command that must be a whole number, 0 or more; it is taken out."""
    value = command.pop(name, default)
    if type(value) is not int or not 0 <= value < 2**31:
        raise InputError(f"stdin: expected {name} to be a whole number from 0 to 2147483647, found {value!r}")
    return value


def refuse_rest(command: Command) -> None:
    """A command's fields that nobody has taken out are unknown."""
    if command:
        raise InputError(f"stdin: unknown command {sorted(command)[0]!r}")
