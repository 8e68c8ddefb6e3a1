"""Parses the command line, runs the subcommand, turns its end into an exit status.

0 good; 1 the answer is bad news; 2 usage or bad input, with one line that says what and where.
"""

import argparse
import errno
import os
import sys
from io import TextIOWrapper
from typing import NoReturn

from appliance import __version__
from appliance.audit import commands as audit
from appliance.audit.errors import AuditError, Damaged
from appliance.cli import allocate, counters, demo, simulate
from appliance.cli import run as daemon
from appliance.errors import InputError
from appliance.memory.errors import MemoryLayoutError

_OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _Parser(argparse.ArgumentParser):
    """A mistake in the command line is one line, as every bad input is."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mam",
        description="Multi Account Manager appliance: divides a master's trades over sub-accounts.",
    )
    parser.add_argument("--version", action="version", version=f"mam {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (demo, daemon, allocate, simulate, counters, audit):
        command.add_parser(commands)
    return parser


def run(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    _prepare_streams()
    options = _parser().parse_args(arguments)
    status = 0
    try:
        status = int(options.run(options))
        sys.stdout.flush()
    except Damaged as error:
        _say(options.command, _one_line(str(error)))
        return 1
    except (InputError, AuditError, MemoryLayoutError) as error:
        return _say(options.command, _one_line(str(error)))
    except BrokenPipeError:
        _discard_output()  # the reader went away (`mam … | head`): that is no news, good or bad
    except OSError as error:
        if error.filename is not None or error.errno not in _OUTPUT_ERRORS:
            raise
        _discard_output()
        return _say(options.command, f"cannot write the output: {error.strerror}")
    return status


def _prepare_streams() -> None:
    """What the caller closed is empty: else the next file, or shared memory, would get its number.

    What a terminal cannot show is written as its escape.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            assert descriptor == number
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(command: str, text: str) -> int:
    print(f"mam {command}: {text}", file=sys.stderr)
    return 2


def _one_line(text: str) -> str:
    """Whatever a file held, its fault is told in one line that a terminal can show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _discard_output() -> None:
    """Keeps Python from complaining again at exit about what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
