"""SIGINT, SIGTERM and SIGHUP end a command at a place of its choosing, never in the middle of a step."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """Someone asked for the end. `status`: what a shell would say of it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class EndSignals:
    """A context manager. Outside of `held`, a signal raises Ended at once; inside, where `check` is called.

    Only the first one counts, to the end of the process: whoever presses Ctrl-C twice does not break the
    cleaning up. A signal that the parent told us to ignore (nohup, a shell's background job) stays ignored.
    """

    def __init__(self) -> None:
        """Nothing is caught yet."""
        self._number = 0
        self._held = False
        self._before: dict[int, object] = {}
        self._wake, self._woken = -1, -1

    def __enter__(self) -> Self:
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for number in SIGNALS:
            if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items() if not self._number else ():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._wake)
        os.close(self._woken)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._number:
            return
        self._number = number
        os.write(self._wake, b"\0")
        if not self._held:
            raise Ended(number)

    def check(self) -> None:
        """Raises Ended when a signal came."""
        if self._number:
            raise Ended(self._number)

    def wait(self, seconds: float) -> bool:
        """Sleeps, at most until a signal comes; whether one came."""
        return bool(select.select([self._woken], [], [], seconds)[0])

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, no signal raises by itself; one that comes is noted, for `check`."""
        self._held = True
        try:
            self.check()
            yield
        finally:
            self._held = False
