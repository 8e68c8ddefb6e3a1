"""`mam audit query`: rows of a log by account, order, time, reason; as CSV, JSON lines or Parquet."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from appliance.audit import place, query
from appliance.audit.archive import read_entries
from appliance.audit.arguments import natural
from appliance.audit.directory import check
from appliance.audit.errors import AuditError
from appliance.audit.progress import Bar
from appliance.audit.reader import Entry, covered_leaves


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "query",
        help="pick records of a log",
        description="Without a condition every message of the journal is a row; all conditions must hold. "
        "Exit status: 0, also when nothing was found; 2 bad input.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory, or an export")
    parser.add_argument("--account", type=natural, metavar="LOGIN")
    parser.add_argument(
        "--order", type=natural, metavar="N", help="the order, its plan, its bookings and all else"
    )
    parser.add_argument(
        "--from",
        dest="since",
        metavar="PLACE",
        help="a time in ISO 8601 (UTC unless it says), or a record's number",
    )
    parser.add_argument("--to", dest="until", metavar="PLACE", help="up to, and without")
    parser.add_argument("--reason", metavar="CODE", help="such as margin_buffer (docs/messages.md)")
    parser.add_argument("--msg", metavar="NAME", help="such as Booking (docs/messages.md)")
    parser.add_argument("--format", choices=("jsonl", "csv", "parquet"), default="jsonl")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="instead of standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the rows; how many on standard error, when that is a terminal."""
    wanted = query.Filter(
        options.account,
        options.order,
        None if options.since is None else place.parse(options.since),
        None if options.until is None else place.parse(options.until),
        options.reason,
        options.msg,
    )
    if options.format == "parquet" and options.out is None:
        raise AuditError("parquet is no text: name a file with -o")
    check(options.dir, archive=True)
    found = query.rows(_counted(read_entries(options.dir), covered_leaves(options.dir)), wanted)
    if options.format == "parquet":
        query.write_parquet(found, options.out, options.msg)
        return 0
    if options.out is None:
        _write(options, found, sys.stdout)
        return 0
    try:
        with open(options.out, "w", newline="", encoding="utf-8") as out:
            _write(options, found, out)
    except OSError as error:
        raise AuditError(f"{options.out}: cannot be written: {error.strerror}") from None
    return 0


def _write(options: argparse.Namespace, found: Iterator[query.Json], out: TextIO) -> None:
    if options.format == "csv":
        query.write_csv(found, out, options.msg)
    else:
        query.write_jsonl(found, out)


def _counted(entries: Iterable[Entry], total: int) -> Iterator[Entry]:
    """The same, with a bar that moves; not where the rows themselves go to the terminal."""
    bar = Bar(quiet=os.isatty(1))
    for entry in entries:
        if entry.leaf_index % 4096 == 0:
            bar(entry.leaf_index, max(total, entry.leaf_index))
        yield entry
    bar.end()
