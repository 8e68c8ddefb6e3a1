"""The demo reserves what its own orders need: a table of ours that is full would park clients' volume."""

from pathlib import Path

import pytest

from appliance.broker.scenario import generate
from appliance.broker.ticks import read_all
from appliance.cli.demo import DATA
from appliance.daemon.config import check_config
from appliance.demo import Demo, Options


@pytest.mark.parametrize("accounts", [1, 1000, 20_000])
def test_a_burst_over_all_groups_fits(tmp_path: Path, accounts: int) -> None:
    ticks = sorted(DATA.glob("*.csv"))
    scenario = generate(1, accounts, 200, read_all(ticks))
    demo = Demo(Options(accounts, 200, 1, ticks, tmp_path), scenario, lambda phase, done, children: None)
    config = demo._config(tmp_path / "key")
    check_config(config)
    at_once = sum(len(group.members) for group in scenario.groups)
    assert config.capacities.children >= at_once == accounts
    assert config.capacities.holdings >= scenario.max_bookings
    assert config.capacities.blocks >= len(scenario.groups)
