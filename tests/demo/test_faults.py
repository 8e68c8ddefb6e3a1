"""`mam demo --scenario partial` and `outage`: all laws at zero, and what happened is told from the log."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.demo.faults import BATCH, WINDOW
from tests.daemon.rig import mam

pytestmark = pytest.mark.process


def play(scenario: str, folder: Path, orders: int) -> dict[str, Any]:
    sizes = ("--accounts", "200", "--orders", str(orders))
    done = mam("demo", "--json", "--scenario", scenario, "--dir", folder, *sizes)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert not any(result["laws"].values()) and not any(result["ledger"].values())
    assert result["replay"]["difference"] is None and result["audit"]["verified"]
    return result


def test_partial(tmp_path: Path) -> None:
    told = play("partial", tmp_path / "demo", 150)["partial"]
    assert told["partial"] > told["rolled_back"]["blocks"] > 0
    assert float(told["rolled_back"]["volume"]) > 0
    assert told["refused"] > 0
    assert told["reallocated"]["children"] > 0
    assert told["parked"]["blocks"] + told["unwound"] > 0
    assert told["seen_twice"] == {"legs": 0, "bookings": 0}
    assert told["calls"]["batch_most"] <= BATCH < told["calls"]["waiting_most"] <= WINDOW, "some have to wait"


def test_outage(tmp_path: Path) -> None:
    told = play("outage", tmp_path / "demo", 300)["outage"]
    assert set(told["outages"]) == {"broker", "lp1", "lp2"}
    assert told["asked"]["legs"] >= told["outages"]["lp1"] + told["outages"]["lp2"]
    assert told["asked"]["bookings"] >= told["outages"]["broker"]
    assert told["calls"]["queries"] == told["asked"]["bookings"]
    assert told["seen_twice"] == {"legs": 0, "bookings": 0}
    assert told["alerts"]["timeout"] > 0
