"""`mam simulate` over every scenario: one per row of the state table, readable as documentation.

`python -m tests.engine.test_scenarios` writes the expected outputs anew;
read the difference before you commit it.
"""

from pathlib import Path

import pytest

from appliance.cli import main

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(scenario: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["simulate", str(scenario)]) == 0, "a law was broken"
    assert capsysbinary.readouterr().out == scenario.with_suffix(".expected").read_bytes()


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
