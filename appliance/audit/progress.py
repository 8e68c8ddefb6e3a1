"""A progress bar on standard error, where that is a terminal."""

import sys


class Bar:
    """Call it with what is done and what there is; `end` wipes it away."""

    def __init__(self, quiet: bool = False) -> None:
        self._shown = -1
        self._on = sys.stderr.isatty() and not quiet

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if self._on and percent > self._shown:
            self._shown = percent
            print(f"\r[{'#' * (percent // 4):25}] {percent:3} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._on:
            print("\r" + " " * 34 + "\r", end="", file=sys.stderr, flush=True)
