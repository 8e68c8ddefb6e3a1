"""`mam audit prove` makes the receipt of one record, `mam audit check` checks it, offline."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from appliance.audit import directory, keys, receipt
from appliance.audit.arguments import natural
from appliance.audit.files import about, read_bytes, write_bytes
from appliance.audit.receipt import Receipt


def add_parser(commands: Any) -> None:
    """Add the two subcommands of `mam audit`."""
    parser = commands.add_parser(
        "prove",
        help="a receipt of one record, for one client",
        description="Writes a .tlog-proof: anyone with the log's public key can check it, offline, and sees "
        "nothing of the other records.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory, or an export")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("leaf", type=natural, nargs="?", metavar="LEAF", help="number of the record, from 0")
    which.add_argument(
        "--booking", type=natural, nargs=2, metavar=("BLOCK", "CHILD"), help="the Booking of one child"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the receipt")
    parser.add_argument(
        "--leaf-out", type=Path, metavar="FILE", help="the record apart; the receipt is then without it"
    )
    parser.set_defaults(run=run_prove)
    parser = commands.add_parser(
        "check",
        help="check a receipt, offline",
        description="Exit status: 0 the record is in the signed log; 1 it is not; 2 not a receipt.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the receipt")
    parser.add_argument(
        "--key", required=True, action="append", metavar="VKEY|FILE", help="the log's public key"
    )
    parser.add_argument("--leaf", type=Path, metavar="FILE", help="the record's bytes, where they come apart")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run_check)


def run_prove(options: argparse.Namespace) -> int:
    """Write the receipt, say what of."""
    directory.check(options.dir, archive=True)
    leaf = options.leaf
    if options.booking:
        leaf = receipt.find_booking(options.dir, *options.booking).leaf_index
    made = receipt.prove(options.dir, leaf)
    if options.leaf_out is not None:
        write_bytes(options.leaf_out, made.entry or b"")
        made = Receipt(made.index, made.proof, made.note, None)
    write_bytes(options.out, made.text.encode())
    print(f"{options.out}: receipt of record {leaf}, {len(made.proof)} hashes")
    return 0


def run_check(options: argparse.Namespace) -> int:
    """Check a receipt; print the record."""
    verifiers = [keys.load_verifier(key) for key in options.key]
    with about(options.file):
        made = Receipt.from_text(read_bytes(options.file))
    try:
        checked = receipt.check(made, verifiers, read_bytes(options.leaf) if options.leaf else None)
    except receipt.NOT_PROVEN as error:
        print(f"{options.file}: NOT PROVEN: {error}")
        return 1
    found = checked.as_dict()
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        print()
    else:
        print(f"{options.file}: proven: record {checked.index} of the {checked.size} of {checked.origin}")
        print(json.dumps(found["message"], indent=1))
    return 0
