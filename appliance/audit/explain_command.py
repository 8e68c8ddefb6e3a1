"""`mam audit explain`: an order's story as a page for people, or as JSON."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.audit import sentences
from appliance.audit.archive import read_entries
from appliance.audit.errors import AuditError
from appliance.audit.explain import Json, Question, explain


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
    which.add_argument("order", type=int, nargs="?", metavar="ORDER", help="the master's order ticket")
    which.add_argument("--deal", type=int, metavar="N", help="the master's deal ticket")
    which.add_argument(
        "--block", type=int, metavar="N", help="the block's number (it begins at 1 with each run)"
    )
    parser.add_argument("--login", type=int, metavar="L", help="one account alone: for that client's eyes")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the story."""
    question = Question(options.order, options.deal, options.block)
    try:
        found = explain(read_entries(options.dir), question, options.login)
    except AuditError as error:
        text = str(error)
        raise AuditError(text if str(options.dir) in text else f"{options.dir}: {text}") from None
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print(page(found))
    return 0


def page(found: Json) -> str:
    """All of it, as text of at most some 120 columns."""
    lines: list[str] = []
    for refused in found["refused"]:
        lines += [*_order(refused["order"]), f"  refused: {refused['sentence']}", ""]
    for story in found["blocks"]:
        lines += [*_block(story), ""]
    return "\n".join(lines).rstrip()


def _block(story: Json) -> Iterator[str]:
    plan = story["plan"]
    yield f"Block {plan['block']} of group {plan['group']}, planned {plan['time']} (record {plan['leaf']})"
    if story["order"] is not None:
        yield from _order(story["order"])
    yield from _seen(story)
    yield from _policy(story)
    yield from _plan(plan)
    for child in story["children"]:
        yield from _child(child, plan)
    yield from _execution(story)
    yield from _life(story)


def _order(order: Json) -> Iterator[str]:
    what = "Deal" if order["msg"] == "MasterDeal" else "Order"
    ticket = order["deal"] if what == "Deal" else order["order"]
    price = "market" if order["price"] == "0" else order["price"]
    text = f"{order['side']} {order['volume']} lots of instrument {order['instrument']} at {price}"
    yield f"{what} {ticket}: {text}, {order['entry']}"
    stop = "" if order["stop_loss"] == "0" else f", stop-loss {order['stop_loss']}"
    yield f"  came {order['time']} from {order['bridge']}, record {order['leaf']}{stop}"


def _seen(story: Json) -> Iterator[str]:
    instrument = story["instrument"]
    if instrument:
        yield (
            f"  instrument {instrument['symbol']}: step {instrument['volume_step']}, "
            f"from {instrument['volume_min']} to {instrument['volume_max']} lots, "
            f"contract {instrument['contract_size']}"
        )
    for quote in story["quotes"]:
        prices = f"{quote['bid']} / {quote['ask']}"
        yield f"  quote of {quote['bridge']}: {prices}, {quote['time']}, record {quote['leaf']}"


def _policy(story: Json) -> Iterator[str]:
    plan, policy = story["plan"], story["policy"]
    yield (
        f"  policy version {plan['policy_version']}: {plan['method']}, rounding {plan['rounding']}, "
        f"on shortfall {plan['on_shortfall']}, below minimum {plan['below_min']}, {plan['execution']}"
    )
    if policy:
        yield f"  compared in {policy['currency']}; the house account is {policy['house_login'] or 'none'}"
    for change in story["policy_changes"]:
        if change["first"]:
            text = "set up"
        else:
            pairs = (f"{name} {one['from']} to {one['to']}" for name, one in change["changed"].items())
            text = ", ".join(pairs) or "repeated without a change"
        who = change["operator"] or "nobody named"
        about = f"{change['msg']} {change['login'] or ''}".strip()
        yield f"    {change['time']} {who}: {about}: {text} (record {change['leaf']})"


def _plan(plan: Json) -> Iterator[str]:
    yield (
        f"  planned {plan['planned']} of {plan['volume']} lots for {plan['members']} accounts; "
        f"sum of weights {plan['total_weight']}"
    )
    if plan["reason"] != "none":
        yield f"  {sentences.clause(plan['reason'])}"
    yield ""


def _child(child: Json, plan: Json) -> Iterator[str]:
    yield f"  Account {child['login']}: {child['sentence']}"
    if "house" not in child:
        state = child["state"]
        if state:
            yield (
                f"    balance {state['balance']}, credit {state['credit']}, equity {state['equity']}, "
                f"margin {state['margin']} ({state['time']}, record {state['leaf']})"
            )
        measure = sentences.MEASURE.get(plan["method"])
        shown = f"{measure} {child['measure']}, " if measure else ""
        yield (
            f"    {shown}weight {child['weight']}; exact share {child['quota_shown']}; "
            f"limit {child['cap'] or 'none'} ({child['binding']}); floor {child['floor_volume']}, "
            f"remainder {child['remainder']}; volume {child['volume']} (record {child['leaf']})"
        )
    for booking in child["bookings"]:
        yield (
            f"    asked to book {booking['volume']} at {booking['price']}, {booking['time']}, "
            f"record {booking['leaf']}"
        )
    for answer in child["answers"]:
        yield (
            f"    {sentences.BOOKING[answer['status']]}: {answer['volume']} at {answer['price']}, deal "
            f"{answer['deal']}, position {answer['position']}, {answer['time']}, record {answer['leaf']}"
        )


def _execution(story: Json) -> Iterator[str]:
    for leg in story["legs"]:
        what = "taken back" if leg["msg"] == "LegCancel" else f"{leg['volume']} at {leg['price']} or better"
        yield f"  leg {leg['leg']} to {leg['bridge']}: {what}, {leg['time']}"
    for fill in story["executions"]:
        what = f"{fill['kind']} {fill['volume']} at {fill['price']}"
        yield f"  {fill['bridge']} on leg {fill['leg']}: {what}, {fill['time']}"


def _life(story: Json) -> Iterator[str]:
    for change in story["changes"]:
        reason = f": {sentences.clause(change['reason'])}" if change["reason"] != "none" else ""
        yield f"  {change['time']} {change['previous']} to {change['status']}{reason}"
    for alert in story["alerts"]:
        yield f"  {alert['time']} alert {alert['kind']}: {sentences.clause(alert['reason'])}"
    for report in story["reports"][-1:]:
        yield (
            f"  at the end: {report['status']}, filled {report['filled']}, to clients {report['allocated']}, "
            f"to the house {report['house']}, at {report['price']}"
        )
