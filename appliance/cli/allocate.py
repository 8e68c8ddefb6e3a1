"""`mam allocate PROBLEM.json`: who would get what of an order, and why."""

import argparse
import sys
from typing import Any

import msgspec

from appliance.allocation import Answer, read_problem, sentence_of, solve
from appliance.cli.input import read_input
from appliance.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("allocate", help="what-if: who would get what of an order, and why")
    parser.add_argument(
        "problem",
        metavar="PROBLEM.json",
        help='the question, as examples/problem.json; "-" reads standard input',
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object (the default when not on a terminal)"
    )
    parser.add_argument("--table", action="store_true", help="a readable table (the default on a terminal)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the answer; 1 when the whole order is refused."""
    name, text = read_input(options.problem)
    try:
        answer = solve(read_problem(text, name))
    except InputError as error:
        text_of = str(error)
        raise InputError(text_of if text_of.startswith(name) else f"{name}: {text_of}") from None
    if options.table or (sys.stdout.isatty() and not options.json):
        print("\n".join(table(answer)))
    else:
        print(msgspec.json.format(msgspec.json.encode(answer), indent=1).decode())
    return 0 if answer.reason is None else 1


def table(answer: Answer) -> list[str]:
    """The answer as lines for people."""
    head = ["login", "volume", "quota", "measure", "share %", "cap", "binding", "why"]
    total = sum(int(child.weight) for child in answer.children)
    rows = [
        [
            str(c.login),
            c.volume,
            c.quota,
            c.measure or "",
            f"{100 * int(c.weight) / total:.4f}" if total else "",
            c.cap or "",
            c.binding or "",
            c.reason or "",
        ]
        for c in answer.children
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    lines += [
        f"{reason}: {sentence_of(reason)}"
        for reason in sorted({c.reason for c in answer.children if c.reason})
    ]
    lines.append(f"planned {answer.volume}, unallocated {answer.unallocated}")
    if answer.reason is not None:
        lines.append(f"refused: {answer.reason}: {answer.sentence}")
    return lines
