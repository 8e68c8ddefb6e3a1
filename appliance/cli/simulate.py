"""`mam simulate SCENARIO.jsonl`: messages in, messages out; no process, no clock. Same lines, same bytes."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from appliance._native import lib
from appliance.cli.input import read_input
from appliance.engine import Engine, Output
from appliance.engine.offline import HOST, JOURNAL, capacities_for
from appliance.errors import InputError
from appliance.memory import Role
from appliance.schema.codec import MessageError, from_json, to_json
from appliance.schema.messages import BY_NAME

Line = tuple[int, dict[str, Any]]
_BRIDGE = re.compile(r"[A-Za-z0-9_-]{1,31}")
LIMITS = {  # of the engine
    "accounts": 1 << 20,
    "members": 1 << 20,
    "instruments": 4096,
    "bridges": 64,
    "groups": 65536,
    "blocks": 1 << 20,
    "children": 1 << 24,
    "holdings": 1 << 24,
}


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("simulate", help="messages in, messages out; no process, no clock")
    parser.add_argument(
        "scenario", metavar="SCENARIO.jsonl", help='one message a line; "-" reads standard input'
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the engine's outputs, one JSON object a line; 1 when a law was broken."""
    name, data = read_input(options.scenario)
    lines = list(_parse(name, data))
    simulation = Simulation(lines)
    for number, fields in lines:
        try:
            outputs = list(simulation.feed(fields))
        except (MessageError, InputError) as error:
            sys.stdout.flush()
            raise InputError(f"{name}, line {number}: {error}") from None
        for output in outputs:
            _print(output)
    broken = [str(law) for law, count in enumerate(simulation.engine.laws(), 1) if count]
    if broken:
        sys.stdout.flush()
        print(f"mam simulate: the engine broke law {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def _print(output: dict[str, Any]) -> None:
    """The same bytes whatever the terminal's encoding is."""
    sys.stdout.buffer.write(json.dumps(output, ensure_ascii=False).encode() + b"\n")


def _parse(name: str, data: bytes) -> Iterator[Line]:
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{name}, line {number}, byte {error.start + 1}: expected UTF-8") from None
        if not text.strip() or text.lstrip().startswith("//"):
            continue
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
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
        sources = {source for _, fields in lines if isinstance(source := fields.get("source"), str)}
        wanted = {
            "accounts": kinds.count("Account"),
            "members": kinds.count("Member"),
            "instruments": kinds.count("Instrument"),
            "bridges": len(sources) + 3,
            "groups": kinds.count("GroupPolicy"),
            "blocks": kinds.count("MasterDeal") + kinds.count("MasterOrder"),
            "children": 2 * kinds.count("Member"),
            "holdings": 4 * kinds.count("Member"),
        }
        self.engine = Engine(capacities_for(**{key: min(wanted[key], LIMITS[key]) for key in wanted}))
        self._numbers: dict[str, int] = {"host": HOST}
        self._sequences: dict[int, int] = {}
        self._time = 0

    def feed(self, fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Consume one line; first the Clock messages that the engine wanted before it."""
        fields = dict(fields)
        time = fields.pop("time", self._time)
        if type(time) is not int or not self._time <= time < 2**63 - 1:
            raise InputError(f'"time" is {_short(time)}: expected whole ns since 1970, at least {self._time}')
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
        if not isinstance(name, str) or name not in BY_NAME:
            raise InputError(f'"msg" is {_short(name)}: expected the name of a message, such as "Quote"')
        if name in ("Opened", "BridgeOpened"):
            raise InputError(f'"msg" is {name!r}: bridges open when their source first speaks')
        role = int(lib.mam_engine_role_of(BY_NAME[name].id))
        default = {1: "broker", 2: "lp", 3: "control", 4: "host"}.get(role)
        source = fields.pop("source", default)
        if source is None:
            raise InputError(f'"source" is missing: expected the name of the bridge that sends {name}')
        if not isinstance(source, str) or not _BRIDGE.fullmatch(source) or source == "journal":
            raise InputError(f'"source" is {_short(source)}: expected 1 to 31 characters of A-Z a-z 0-9 _ -')
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


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
