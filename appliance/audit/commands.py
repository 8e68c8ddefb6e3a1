"""`mam audit`: verify a log, replay it, make a key."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from appliance.audit import (
    explain_command,
    export_command,
    keys,
    note,
    place,
    prune_command,
    query_command,
    receipt_command,
    replay_command,
    snapshot_command,
    witness_command,
)
from appliance.audit.chain import Asked
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.directory import check as directory_check
from appliance.audit.errors import AuditError
from appliance.audit.files import about, read_bytes
from appliance.audit.log import KEYS, is_being_written, offline
from appliance.audit.progress import Bar
from appliance.audit.report import Report
from appliance.audit.selection import Range
from appliance.audit.verify import verify
from appliance.audit.writer import REQUEST

GOOD, BAD_NEWS, USAGE = 0, 1, 2
ROTATE_SECONDS = 30.0
_USAGE_KINDS = {"empty", "origin", "key"}
"""Not the log is at fault, but what was asked for."""


def add_parser(subparsers: Any) -> None:
    """Adds `audit` with its own subcommands; each sets `run`, which returns the exit status."""
    parser = subparsers.add_parser("audit", help="the signed log: verify, replay, explain, export it")
    commands = parser.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")
    _add_verify(commands)
    _add_keygen(commands)
    _add_rotate(commands)
    replay_command.add_parser(commands)
    snapshot_command.add_parser(commands)
    export_command.add_parser(commands)
    explain_command.add_parser(commands)
    query_command.add_parser(commands)
    receipt_command.add_parser(commands)
    witness_command.add_parser(commands)
    prune_command.add_parser(commands)


def _add_verify(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="check a log, or an export of one, from its public key alone",
        description="Checks every record, the tree and the signatures. Exit status: 0 all of it "
        "holds; 1 it does not; 2 this is not a log of that key, or the log is still being written.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory, or an export's")
    parser.add_argument("--key", required=True, metavar="VKEY|FILE", help="the log's public key")
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="one that was kept elsewhere, which the log must agree with; may be given again",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="VKEY|FILE",
        help="a witness who must have signed a checkpoint of this log; may be given again",
    )
    parser.add_argument(
        "--from",
        dest="since",
        metavar="PLACE",
        help="begin with the segment of this record's number, or time (ISO 8601, UTC unless it says)",
    )
    parser.add_argument("--to", dest="until", metavar="PLACE", help="end with the segment before it")
    parser.add_argument(
        "--live", action="store_true", help="the log may be in use: check what its newest checkpoint covers"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.set_defaults(run=run_verify)


def _add_keygen(commands: Any) -> None:
    parser = commands.add_parser(
        "keygen",
        help="make the key of a new log",
        description="Prints the public key. A key is never replaced: neither file may exist.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--origin", metavar="NAME", help="name of the log, as example.com/mam")
    which.add_argument("--witness", metavar="NAME", help="the key of a witness instead, of that name")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="private key; FILE.vkey is the public one"
    )
    parser.set_defaults(run=run_keygen)


def _add_rotate(commands: Any) -> None:
    parser = commands.add_parser(
        "rotate",
        help="change the log's key: the old one is wiped",
        description="The log names the next key, the old key signs that and is wiped: who steals the new one "
        "cannot rewrite what was before. Any epoch's public key verifies the whole log. A writer that runs "
        "is asked to do it. Exit status: 0 done; 1 the writer did not; 2 not a log of that key.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="private key; not needed while a writer runs"
    )
    parser.set_defaults(run=run_rotate)


def run_rotate(options: argparse.Namespace) -> int:
    """Change the key, or have the writer do it; print the new public key."""
    directory: Path = options.dir
    directory_check(directory)
    if is_being_written(directory):
        return _ask_writer(directory)
    if options.key is None:
        raise AuditError(f"{directory}: no writer runs, so the private key is needed (--key)")
    with offline(directory, options.key) as log:
        log.change_key()
        print(log.signer.verifier.vkey)
    return GOOD


def _ask_writer(directory: Path) -> int:
    request = directory / REQUEST
    before = set((directory / KEYS).iterdir())
    request.touch()
    deadline = time.monotonic() + ROTATE_SECONDS
    while request.exists():
        if time.monotonic() > deadline:
            request.unlink(missing_ok=True)
            print(f"{directory}: the writer did not change its key", file=sys.stderr)
            return BAD_NEWS
        time.sleep(0.02)
    new = sorted(set((directory / KEYS).iterdir()) - before)
    if not new:
        print(f"{directory}: the writer could not change its key; its log says why", file=sys.stderr)
        return BAD_NEWS
    print(new[-1].read_text().strip())
    return GOOD


def run_keygen(options: argparse.Namespace) -> int:
    """Make a key; print the public one."""
    if options.witness is not None:
        print(keys.generate_witness(options.witness, options.out).vkey)
    else:
        print(keys.generate(options.origin, options.out).vkey)
    return GOOD


def run_verify(options: argparse.Namespace) -> int:
    """Verify, print the report, say by the exit status what it means."""
    key = keys.load_verifier(options.key)
    bar = Bar(quiet=options.json)
    asked = Asked(
        [_checkpoint(path) for path in options.checkpoint],
        [keys.load_witness(witness) for witness in options.witness],
        _range(options.since, options.until),
    )
    report = verify(options.dir, key, bar, asked)
    bar.end()
    if asked.range is not None and report.records and asked.range.since is not None:
        since = asked.range.since.leaf
        if since is not None and since > report.last:
            raise AuditError(f"--from {since}: {options.dir} ends with record {report.last}")
    if asked.range is not None and report.records and asked.range.until is not None:
        until = asked.range.until.leaf
        if until is not None and until <= report.first:
            raise AuditError(f"--to {until}: {options.dir} begins with record {report.first}")
    if options.json:
        print(json.dumps({**report.as_dict(), "verdict": verdict(report, options.live)}, indent=2))
    else:
        print(text(report, options.live))
    return status(report, options.live)


def _checkpoint(path: Path) -> bytes:
    data = read_bytes(path)
    with about(path):
        Checkpoint.from_text(note.parse(data)[0])
    return data


def _range(since: str | None, until: str | None) -> Range | None:
    if since is None and until is None:
        return None
    wanted = Range(place.parse(since) if since else None, place.parse(until) if until else None)
    if place.lies_before(wanted.since, wanted.until) is False:
        raise AuditError(f"--from {since} --to {until}: nothing lies between")
    return wanted


def status(report: Report, live: bool = False) -> int:
    """The exit status of a report."""
    if report.problems:
        return USAGE if report.problems[0].kind in _USAGE_KINDS else BAD_NEWS
    return USAGE if report.live and not live else GOOD


def verdict(report: Report, live: bool = False) -> str:
    """The answer in a sentence."""
    if report.problems:
        if report.problems[0].kind == "empty":
            return "there is no log to check"
        return "this log cannot be checked with this key" if status(report) == USAGE else "NOT VERIFIED"
    if report.live:
        return (
            f"still being written: the first {report.covered:,} records hold"
            if live
            else "still being written: stop the writer, check a copy, or ask for --live"
        )
    part = f"records {report.first:,} to {report.last:,}: "
    whole = report.first == 0 and report.last + 1 >= report.covered
    return f"verified: {'' if whole else part}{report.records:,} records, {report.entries:,} of the journal"


def text(report: Report, live: bool = False) -> str:
    """The report for people."""
    lines = [f"{report.directory}: {verdict(report, live)}"]
    lines += [f"  {problem.kind}: {problem.text}" for problem in report.problems]
    if report.root and not report.problems:
        lines.append(f"  root of {report.covered:,} records {report.root}, signed by {report.origin}")
    if report.pruned is not None:
        gone = report.pruned
        lines.append(
            f"  the first {gone['records']:,} records were pruned by {gone['operator']}, as record "
            f"{gone['record']:,} says; export: {gone['export'] or 'none'}, "
            f"witnesses: {', '.join(gone['witnesses']) or 'none'}"
        )
    newest = {seen.vkey: seen for seen in report.seen}
    lines += [f"  {witness_command.sentence(seen)}" for seen in newest.values()]
    if report.seconds > 0 and report.records:
        rate = report.records / report.seconds
        files = f"{report.segments} segments"
        if report.bundles:
            files = f"{report.bundles:,} entry bundles and {report.tiles:,} tiles of an export"
        lines.append(f"  {report.bytes:,} bytes in {files}; {rate:,.0f} records/s")
    lines += [f"  note: {note}" for note in report.notes]
    return "\n".join(lines)
