"""Parses the command line, runs the subcommand, turns its end into an exit status.

0 good; 1 the answer is bad news; 2 usage or bad input, with one line that says what and where.
"""

import argparse
import os
import sys

from appliance import __version__
from appliance.audit import commands as audit
from appliance.audit.errors import AuditError
from appliance.cli import allocate, counters, demo, run, simulate
from appliance.errors import InputError
from appliance.memory.errors import MemoryLayoutError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mam",
        description="Multi Account Manager appliance: divides a master's trades over sub-accounts.",
    )
    parser.add_argument("--version", action="version", version=f"mam {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (demo, run, allocate, simulate, counters, audit):
        command.add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (InputError, AuditError, MemoryLayoutError) as error:
        print(f"mam {options.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # the reader went away (`mam … | head`): end quietly, and keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
