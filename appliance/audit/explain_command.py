"""`mam audit explain`: an order's story as a page for people, or as JSON."""

import argparse
import json
from pathlib import Path
from typing import Any

from appliance.audit.archive import read_entries
from appliance.audit.arguments import natural
from appliance.audit.directory import check
from appliance.audit.errors import AuditError
from appliance.audit.explain import Question, explain
from appliance.audit.explain_page import page


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "explain",
        help="who got what of an order, and why",
        description="From the log alone: the order, what it saw, the policy and who changed it, and for each "
        "account its share, its limits, its booking. Exit status: 0; 2 when the log has no such order.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory, or an export")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("order", type=natural, nargs="?", metavar="ORDER", help="the master's order ticket")
    which.add_argument("--deal", type=natural, metavar="N", help="the master's deal ticket")
    which.add_argument(
        "--block", type=natural, metavar="N", help="the block's number (it begins at 1 with each run)"
    )
    parser.add_argument("--login", type=natural, metavar="L", help="one account alone, for that client")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the story."""
    question = Question(options.order, options.deal, options.block)
    check(options.dir, archive=True)
    try:
        found = explain(read_entries(options.dir), question, options.login)
    except AuditError as error:
        text = str(error)
        raise type(error)(text if str(options.dir) in text else f"{options.dir}: {text}") from None
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print(page(found))
    return 0
