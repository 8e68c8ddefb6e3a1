"""The generated market: the same for one seed, and sane for all."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.broker.scenario import HOUSE_LOGIN, ONE, Scenario, generate
from appliance.broker.script import ServerScript, provider_script, read_script, server_script, write_script
from appliance.broker.server import AccountServer
from appliance.broker.ticks import read_all
from appliance.errors import InputError

DATA = Path(__file__).resolve().parents[2] / "appliance" / "demo" / "data"
FILES = sorted(DATA.glob("*.csv"))
SERIES = read_all(FILES)


def test_one_seed_one_scenario() -> None:
    assert generate(5, 300, 120, SERIES, True) == generate(5, 300, 120, SERIES, True)
    assert generate(5, 300, 120, SERIES) != generate(6, 300, 120, SERIES)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63), st.integers(1, 400), st.integers(0, 200), st.booleans())
def test_every_scenario_is_sane(seed: int, accounts: int, orders: int, currencies: bool) -> None:
    scenario = generate(seed, accounts, orders, SERIES, currencies)
    check_accounts(scenario, accounts)
    check_orders(scenario, orders)
    check_phases(scenario)


def check_accounts(scenario: Scenario, accounts: int) -> None:
    logins = [account.login for account in scenario.accounts]
    assert len(set(logins)) == len(logins) == accounts + 1
    assert min(logins[:-1]) == 100_001
    assert logins[-1] == HOUSE_LOGIN
    assert all(account.balance > 0 for account in scenario.accounts)
    members = [member.login for group in scenario.groups for member in group.members]
    assert sorted(members) == sorted(logins[:-1])
    for group in scenario.groups:
        assert all(member.weight > 0 for member in group.members)
        if group.method == "percent":
            assert sum(member.weight for member in group.members) == 100 * ONE


def check_orders(scenario: Scenario, orders: int) -> None:
    assert len(scenario.orders) == orders
    left: dict[int, int] = defaultdict(int)
    for number, order in enumerate(scenario.orders, 1):
        instrument = scenario.instruments[order.instrument - 1]
        assert order.volume % instrument.volume_step == 0
        if order.closes == 0:
            assert order.volume >= instrument.volume_min
            left[number] = order.volume
            continue
        opened = scenario.orders[order.closes - 1]
        assert order.closes < number
        assert (opened.group, opened.instrument, opened.side) == (
            order.group,
            order.instrument,
            1 - order.side,
        )
        assert 0 <= order.volume < left[order.closes]
        left[order.closes] -= order.volume or left[order.closes]


def check_phases(scenario: Scenario) -> None:
    quotes = [phase.quotes_until for phase in scenario.phases]
    orders = [phase.orders_until for phase in scenario.phases]
    assert quotes == sorted(quotes)
    assert orders == sorted(orders)
    assert quotes[-1] == sum(len(ticks) for ticks in SERIES)
    assert orders[-1] == len(scenario.orders)


def test_the_demo_has_something_of_everything() -> None:
    scenario = generate(1, 1000, 300, SERIES, True)
    assert {group.method for group in scenario.groups} == {"equity", "percent"}
    assert {group.execution for group in scenario.groups} == {"post_trade", "stp"}
    assert {account.margin_mode for account in scenario.accounts} == {0, 2}
    assert {account.currency for account in scenario.accounts} == {"USD", "EUR", "JPY"}
    closes = [order for order in scenario.orders if order.closes]
    assert any(order.volume == 0 for order in closes)
    assert any(order.volume > 0 for order in closes)
    assert scenario.orders[-1].closes


def test_scripts_survive_the_file(tmp_path: Path) -> None:
    scenario = generate(3, 50, 30, SERIES)
    script = server_script(scenario, FILES)
    write_script(tmp_path / "server.json", script)
    assert read_script(tmp_path / "server.json", ServerScript) == script
    assert provider_script(scenario, FILES, 1).seed != provider_script(scenario, FILES, 2).seed


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 1}', '{"sead": 1}', "\xff"])
def test_bad_script_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_script(path, ServerScript)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_server_refuses_a_script_that_does_not_hold_together(tmp_path: Path) -> None:
    scenario = generate(3, 50, 30, SERIES)
    write_script(tmp_path / "server.json", server_script(scenario, FILES))
    text = (tmp_path / "server.json").read_text()
    for old, new in (
        ('"leverage":', '"leverage":-1,"x":'),
        ('"closes":', '"closes":77,"x":'),
        ('"login":100001', '"login":100002'),
    ):
        (tmp_path / "server.json").write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match="out of range"):
            AccountServer(read_script(tmp_path / "server.json", ServerScript))
