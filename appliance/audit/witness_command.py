"""`mam audit witness`: have checkpoints signed by somebody else, be that somebody, keep the answers."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.audit import keys, witness
from appliance.audit.arguments import natural
from appliance.audit.directory import check
from appliance.audit.files import about, read_bytes, write_bytes
from appliance.audit.report import Seen
from appliance.audit.witness import Request


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`, with three of its own."""
    parser = commands.add_parser(
        "witness",
        help="checkpoints signed by somebody else",
        description="A witness on another host signs the log's checkpoints, and only such as continue those "
        "that it signed before: then nobody can cut off or rewrite what it saw, not even with the log's key. "
        "Requests and answers are those of C2SP tlog-witness, so any witness of that kind will do.",
    )
    steps = parser.add_subparsers(dest="witness_command", required=True, metavar="STEP")
    _add_ask(steps)
    _add_sign(steps)
    _add_keep(steps)


def _add_ask(steps: Any) -> None:
    parser = steps.add_parser("ask", help="1, the log's host: write a request for the newest checkpoint")
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory; it may be in use")
    parser.add_argument(
        "--old", type=natural, metavar="SIZE", help="what the witness signed last (default: the newest kept)"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="the request (default: standard output)"
    )
    parser.set_defaults(run=run_ask)


def _add_sign(steps: Any) -> None:
    parser = steps.add_parser(
        "sign",
        help="2, the witness: sign it, if it continues what was signed before",
        description="Exit status: 0 signed, the answer is printed; 1 refused; 2 not a request.",
    )
    parser.add_argument("request", type=Path, metavar="FILE", help="the request")
    parser.add_argument(
        "--log", required=True, action="append", metavar="VKEY|FILE", help="the log's public key"
    )
    parser.add_argument(
        "--key", required=True, type=Path, metavar="FILE", help="private key (keygen --witness)"
    )
    parser.add_argument(
        "--state", required=True, type=Path, metavar="DIR", help="where the witness keeps what it signed last"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="the answer (default: standard output)"
    )
    parser.set_defaults(run=run_sign)


def _add_keep(steps: Any) -> None:
    parser = steps.add_parser(
        "keep",
        help="3, the log's host: check the answer and keep it with the log",
        description="Exit status: 0 kept; 1 no signature of these witnesses fits; 2 bad input.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory; it may be in use")
    parser.add_argument("answer", type=Path, metavar="FILE", help="the answer, or a cosigned checkpoint")
    parser.add_argument(
        "--witness", required=True, action="append", metavar="VKEY|FILE", help="the witness's public key"
    )
    parser.set_defaults(run=run_keep)


def run_ask(options: argparse.Namespace) -> int:
    """Write the request."""
    check(options.dir)
    request = witness.ask(options.dir, options.old)
    _give(options.out, request.body)
    return 0


def run_sign(options: argparse.Namespace) -> int:
    """Sign it, or say why not."""
    log = [keys.load_verifier(key) for key in options.log]
    with about(options.request):
        request = Request.from_body(read_bytes(options.request))
    try:
        line = witness.sign(request, log, keys.load_cosigner(options.key), options.state)
    except witness.Refused as error:
        print(f"{options.request}: REFUSED: {error}", file=sys.stderr)
        return 1
    _give(options.out, (line + "\n").encode())
    return 0


def run_keep(options: argparse.Namespace) -> int:
    """Keep the answer, say whose and of what."""
    witnesses = [keys.load_witness(key) for key in options.witness]
    check(options.dir)
    try:
        with about(options.answer):
            found = witness.keep(options.dir, read_bytes(options.answer), witnesses)
    except witness.Refused as error:
        print(f"NOT KEPT: {error}", file=sys.stderr)
        return 1
    for one in found:
        print(sentence(Seen(one.witness.name, one.witness.vkey, one.size, one.seconds)))
    return 0


def sentence(one: Seen) -> str:
    """Who saw how much, and when."""
    when = datetime.fromtimestamp(one.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{one.witness} saw the first {one.size:,} records at {when}"


def _give(out: Path | None, data: bytes) -> None:
    if out is None:
        sys.stdout.write(data.decode())
    else:
        write_bytes(out, data)
