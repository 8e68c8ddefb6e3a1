"""`mam simulate` over every scenario: one per row of the state table, readable as documentation.

`python -m tests.engine.test_scenarios` writes the expected outputs anew;
read the difference before you commit it.
"""

import json
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.cli.simulate import Simulation
from tests.engine.test_block_table import drawn

FOLDER = Path(__file__).parent / "scenarios"
AT_WORK = ("working", "rolling_back", "allocating")
SCENARIOS = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(scenario: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["simulate", str(scenario)]) == 0, "a law was broken"
    assert capsysbinary.readouterr().out == scenario.with_suffix(".expected").read_bytes()


def met(scenario: Path) -> set[tuple[str, str]]:
    """(event, state of the block that met it) of all messages of a scenario."""
    lines = [json.loads(line) for line in scenario.read_text().splitlines() if not line.startswith("//")]
    simulation = Simulation(list(enumerate(lines)))
    states: dict[int, str] = {}
    pairs = set()
    for fields in lines:
        msg, block = fields["msg"], fields.get("block", max(states, default=0))
        state = states.get(block, "gone")
        if msg in ("Execution", "BookingReport"):
            pairs.add((fields["kind" if msg == "Execution" else "status"], state))
        elif msg == "MasterCancel":
            pairs.add(("cancel", state))
        elif msg == "KillSwitch":
            pairs |= {("kill", state) for state in states.values()}
        deadline = simulation.engine.deadline
        if deadline is not None and deadline <= fields.get("time", 0):  # a Clock comes before it
            pairs |= {("clock", state) for state in states.values()}
        for output in simulation.feed(fields):
            if output["msg"] == "BlockChange":
                states[output["block"]] = output["status"] if output["status"] in AT_WORK else "gone"
    return pairs


def test_every_cell_of_the_state_table_has_a_scenario() -> None:
    shown = set().union(*map(met, SCENARIOS))
    possible = {pair for pair, handler in drawn().items() if handler != "impossible"}
    assert possible - shown == set()


def rewrite() -> None:
    """Writes what `mam simulate` says now."""
    import contextlib
    import io

    for scenario in SCENARIOS:
        kept = io.BytesIO()
        with contextlib.redirect_stdout(io.TextIOWrapper(kept)):
            assert main(["simulate", str(scenario)]) == 0, scenario
            scenario.with_suffix(".expected").write_bytes(kept.getvalue())


if __name__ == "__main__":
    rewrite()
