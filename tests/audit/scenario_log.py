"""Logs of scenarios: the lines of `mam simulate`, journaled as the loop does, written by the writer."""

import json
from pathlib import Path

from appliance.audit.note import Signer
from appliance.audit.records import HEADER
from appliance.cli.simulate import Simulation
from appliance.engine import Engine, Output
from tests.audit.journals import SEGMENT, JournalRing, drain
from tests.conftest import ROOT

NAME = "example.com/desk"
EXAMPLES = ("post_trade", "stp_partial", "refused_to_house")


class Journal:
    """Stands before an engine and keeps what goes in and out, as the loop does."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self._apply = Engine.apply

    def keep(self, time: int, bridge: int, kind: int, message: bytes) -> None:
        header = HEADER.pack(len(self.entries), time, bridge, kind, 1, len(message))
        self.entries.append(header + message)

    def apply(self, engine: Engine, time: int, bridge: int, message: bytes) -> list[Output]:
        self.keep(time, bridge, 1, message)
        outputs = self._apply(engine, time, bridge, message)
        for output in outputs:
            self.keep(time, output.bridge, 2, output.message)
        return outputs


def limits_of(engine: Engine) -> dict[str, int]:
    """What the first message of a run says."""
    limits = {name: value for name, value in vars(engine.capacities).items() if not name.endswith("_ms")}
    limits["leg_timeout"] = engine.capacities.leg_timeout_ms
    limits["booking_timeout"] = engine.capacities.booking_timeout_ms
    return limits


def lines_of(name: str) -> list[tuple[int, dict[str, object]]]:
    places = (ROOT / "examples", ROOT / "tests" / "engine" / "scenarios")
    text = next(place / f"{name}.jsonl" for place in places if (place / f"{name}.jsonl").exists()).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    return [(number, json.loads(line)) for number, line in enumerate(lines)]


def journal_of(lines: list[tuple[int, dict[str, object]]]) -> list[bytes]:
    """The journal's entries of a scenario."""
    journal = Journal()
    original = Engine.apply
    Engine.apply = lambda self, time, bridge, message: journal.apply(self, time, bridge, message)  # type: ignore[method-assign]
    try:
        simulation = Simulation(lines)
        simulation.engine.host(0, "Opened", **limits_of(simulation.engine))
        for _, fields in lines:
            list(simulation.feed(fields))
    finally:
        Engine.apply = original  # type: ignore[method-assign]
    return journal.entries


def make_scenario_log(directory: Path, name: str, signer: Signer | None = None) -> None:
    """The log of one of the examples, or of the engine's scenarios."""
    ring = JournalRing()
    for entry in journal_of(lines_of(name)):
        assert ring.write(entry)
    assert drain(directory, signer or Signer.generate(NAME), ring, SEGMENT) == 0
