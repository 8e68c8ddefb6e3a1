"""`mam simulate SCENARIO.jsonl`: messages in, messages out; no process, no clock. Same lines, same bytes."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance._native import lib
from appliance.engine import Engine, Output
from appliance.engine.offline import HOST, JOURNAL, capacities_for
from appliance.errors import InputError
from appliance.memory import Role
from appliance.schema.codec import MessageError, from_json, to_json
from appliance.schema.messages import BY_NAME

Line = tuple[int, dict[str, Any]]


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("simulate", help="messages in, messages out; no process, no clock")
    parser.add_argument(
        "scenario", metavar="SCENARIO.jsonl", help='one message a line; "-" reads standard input'
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the engine's outputs, one JSON object a line."""
    name = options.scenario
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    lines = list(_parse(name, text))
    simulation = Simulation(lines)
    for number, fields in lines:
        try:
            outputs = list(simulation.feed(fields))
        except (MessageError, InputError) as error:
            raise InputError(f"{name}, line {number}: {error}") from None
        for output in outputs:
            print(json.dumps(output, ensure_ascii=False))
    return 0 if not any(simulation.engine.laws()) else 1


def _parse(name: str, text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("//"):
            continue
        try:
            fields = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            column = getattr(error, "colno", 1)
            raise InputError(f"{name}, line {number}, column {column}: expected one JSON object") from None
        if not isinstance(fields, dict):
            raise InputError(f"{name}, line {number}: expected one JSON object")
        yield number, fields


class Simulation:
    """An engine whose bridges are the `source`s of a scenario, opened when they first speak."""

    def __init__(self, lines: list[Line]) -> None:
        """Sized by the scenario's own messages, so that no limit of ours is met by accident."""
        kinds = [fields.get("msg") for _, fields in lines]
        accounts = kinds.count("Account")
        self.engine = Engine(
            capacities_for(
                accounts=accounts, members=kinds.count("Member"), instruments=kinds.count("Instrument")
            )
        )
        self._numbers: dict[str, int] = {"host": HOST}
        self._sequences: dict[int, int] = {}
        self._time = 0

    def feed(self, fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Consume one line; first the Clock messages that the engine wanted before it."""
        fields = dict(fields)
        time = fields.pop("time", self._time)
        if not isinstance(time, int) or isinstance(time, bool) or time < self._time:
            raise InputError(f'"time" is {time!r}: expected whole ns, not before {self._time}')
        bridge = self._bridge(fields)
        if bridge != HOST:
            sequence = fields.setdefault("sequence", self._sequences.get(bridge, 0) + 1)
            if isinstance(sequence, int):
                self._sequences[bridge] = max(sequence, self._sequences.get(bridge, 0))
        message = b"" if bridge == HOST else from_json(fields)
        while (deadline := self.engine.deadline) is not None and deadline <= time:
            yield from self._show(
                self.engine.host(max(deadline, self._time), "Clock", now=deadline), deadline
            )
        self._time = time
        if bridge == HOST:
            values = {key: value for key, value in fields.items() if key not in ("msg", "sequence")}
            yield from self._show(self.engine.host(time, fields["msg"], **values), time)
        else:
            yield from self._show(self.engine.apply(time, bridge, message), time)

    def _bridge(self, fields: dict[str, Any]) -> int:
        name = fields.get("msg")
        if name not in BY_NAME:
            raise InputError(f'"msg" is {name!r}: expected the name of a message, such as "Quote"')
        role = int(lib.mam_engine_role_of(BY_NAME[name].id))
        default = {1: "broker", 2: "lp", 3: "control", 4: "host"}.get(role)
        source = fields.pop("source", default)
        if not isinstance(source, str) or not 0 < len(source) < 32:
            raise InputError(f'"source" is {source!r}: expected the name of a bridge')
        if source not in self._numbers:
            if role not in (1, 2, 3):
                raise InputError(
                    f'"source" is {source!r}: no bridge of that name has sent anything that tells its role'
                )
            self._numbers[source] = self.engine.open_bridge(source, Role(role), self._time)
        return self._numbers[source]

    def _show(self, outputs: list[Output], time: int) -> Iterator[dict[str, Any]]:
        names = {number: name for name, number in self._numbers.items()} | {JOURNAL: "journal"}
        for output in outputs:
            fields = to_json(output.message)
            yield {"msg": fields.pop("msg"), "time": time, "to": names[output.bridge], **fields}
