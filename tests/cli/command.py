"""The `mam` command inside this process, for tests that call it often."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from appliance.cli import main


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit status."""

    status: int
    out: bytes
    error: str


@contextlib.contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.StringIO]]:
    out, error = io.BytesIO(), io.StringIO()
    writer = io.TextIOWrapper(out, encoding="utf-8")
    with (
        mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        mock.patch("sys.stdout", writer),
        mock.patch("sys.stderr", error),
    ):
        yield out, error
        writer.flush()
        writer.detach()


def command(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Runs it; whatever it raises is the test's failure."""
    with _streams(stdin) as (out, error):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
    return Done(status, out.getvalue(), error.getvalue())


def assert_refused(done: Done, *parts: str) -> None:
    """Exit status 2 and one line that has the parts."""
    assert done.status == 2, done
    assert done.error.startswith("mam") and done.error.count("\n") == 1 and done.error.endswith("\n"), done
    for part in parts:
        assert part in done.error, done.error
