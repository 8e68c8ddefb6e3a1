"""`mam audit prune`: delete a log's oldest segments, when what is in them is safe elsewhere."""

import argparse
import json
import os
import pwd
import sys
import time
from pathlib import Path
from typing import Any

from appliance.audit import keys, place, prune
from appliance.audit.arguments import natural
from appliance.audit.directory import check
from appliance.audit.place import Place
from appliance.audit.progress import Bar
from appliance.audit.prune import Pruning, Terms

_DAY_NS = 86_400 * 10**9


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "prune",
        help="delete old segments that are exported, or that a witness saw",
        description="Deletes whole segments, the oldest first, and never one that is not signed yet, that "
        "the running engine needs to come back, or that is not safe: with --export every record is compared "
        "with the export; with --witness a cosignature must cover it (then only the proof of what it was "
        "remains). The log records what is deleted, and by whom; what remains still verifies. Exit status: "
        "0 done, or nothing to do; 1 refused; 2 bad input.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory; it may be in use")
    parser.add_argument("--key", required=True, metavar="VKEY|FILE", help="the log's public key")
    age = parser.add_mutually_exclusive_group(required=True)
    age.add_argument("--keep-days", type=natural, metavar="N", help="delete what is older than that")
    age.add_argument("--before", metavar="PLACE", help="delete what is before this record's number, or time")
    parser.add_argument("--export", type=Path, metavar="OUT", help="what `mam audit export` wrote")
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY|FILE", help="all of these must have seen it"
    )
    parser.add_argument(
        "--private-key", type=Path, metavar="FILE", help="to sign the record; not needed while a writer runs"
    )
    parser.add_argument(
        "--with-snapshots",
        action="store_true",
        help="the newest run too, as far as the kept snapshots go; a new build must then begin a new run",
    )
    parser.add_argument("--operator", metavar="NAME", help="who decides (default: the user)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be deleted")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Prune, and say what was deleted."""
    if options.export is None and not options.witness:
        options.parser.error("say what makes it safe: --export OUT, --witness VKEY, or both")
    check(options.dir)
    terms = Terms(
        _before(options),
        options.export,
        tuple(keys.load_witness(key) for key in options.witness),
        options.operator or pwd.getpwuid(os.getuid()).pw_name,
        options.with_snapshots,
    )
    try:
        pruning = prune.plan(options.dir, keys.load_verifier(options.key), terms, Bar(options.json))
    except prune.Refused as error:
        print(f"{options.dir}: NOTHING DELETED: {error}", file=sys.stderr)
        return 1
    if not options.dry_run:
        prune.carry_out(options.dir, pruning, terms, options.private_key)
    if options.json:
        print(json.dumps({**prune.as_dict(pruning), "done": not options.dry_run}, indent=1))
    else:
        print(text(options.dir, pruning, options.dry_run))
    return 0


def _before(options: argparse.Namespace) -> Place:
    if options.before is not None:
        return place.parse(options.before)
    return Place(time=time.time_ns() - options.keep_days * _DAY_NS)


def text(directory: Path, pruning: Pruning, dry: bool) -> str:
    """For people."""
    if not pruning.files:
        return f"{directory}: nothing to delete: {pruning.limit}"
    what = "would be deleted" if dry else "deleted"
    return (
        f"{directory}: {len(pruning.files)} segments, {pruning.bytes:,} bytes, {what}; the log begins with "
        f"record {pruning.first_leaf:,}\n  {pruning.limit}"
    )
