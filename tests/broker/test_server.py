"""The account server and the LPs against the engine itself, over real shared memory, in one process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from appliance.broker.provider import Provider
from appliance.broker.scenario import Scenario, generate
from appliance.broker.script import ProviderScript, provider_script, server_script
from appliance.broker.server import COMPLETE, AccountServer
from appliance.broker.ticks import merge, read_all
from appliance.errors import InputError
from appliance.schema.codec import to_json
from tests.broker.pump import Pump

DATA = Path(__file__).resolve().parents[2] / "appliance" / "demo" / "data"
FILES = sorted(DATA.glob("*.csv"))
SERIES = read_all(FILES)
TAPE = merge(SERIES)
SLICE = 200_000
TURNS = 20_000


class Market:
    """A pump, an account server and two LPs, driven through a scenario's phases."""

    def __init__(
        self, scenario: Scenario, folder: Path, faults: bool = True, refuse: int = 0, crossed: int = 0
    ):
        self.scenario = scenario
        self.pump = Pump(f"t{uuid4().hex[:12]}", folder)
        name = self.pump.instance.name
        self.server = AccountServer(server_script(scenario, FILES, refuse), TAPE)
        self.server.attach(name, "broker")
        self.providers = []
        for number in (1, 2):
            script = provider_script(scenario, FILES, number)
            fields = {field: getattr(script, field) for field in script.__struct_fields__}
            provider = Provider(ProviderScript(**fields | {"crossed_per_mille": crossed}), TAPE)
            provider.attach(name, f"lp{number}")
            self.providers.append(provider)

    def drain(self) -> None:
        while self.pump.turn():
            pass

    def settle(self, until: int = COMPLETE) -> None:
        """Lets everybody work until the server says that it is complete."""
        for _ in range(TURNS):
            status = self.server.poll(SLICE)
            assert status >= 0
            for provider in self.providers:
                assert provider.poll(1) >= 0
            self.pump.turn()
            if status == until:
                self.drain()
                return
        raise AssertionError(f"nothing is complete: {self.server.counts}")

    def quote(self, until: int) -> None:
        for provider in self.providers:
            provider.release(until)
            while provider.poll(SLICE) != 1:
                self.drain()
        self.drain()
        self.server.quotes_until(until)

    def announce(self) -> None:
        """Instruments and accounts, then the groups: before the first quote, which needs its instrument."""
        self.server.send_reference()
        self.settle()
        self.pump.groups(self.scenario)

    def run(self) -> None:
        self.announce()
        for phase in self.scenario.phases:
            self.quote(phase.quotes_until)
            self.server.release(phase.orders_until, phase.in_flight)
            self.settle()

    def close(self) -> None:
        self.pump.close()


@pytest.fixture
def markets(tmp_path: Path) -> Iterator[list[Market]]:
    """What a test appends is closed after it."""
    opened: list[Market] = []
    yield opened
    for market in opened:
        market.close()


def run(markets: list[Market], folder: Path, **options: int) -> Market:
    scenario = generate(11, 150, 60, SERIES, True)
    market = Market(scenario, folder, **options)
    markets.append(market)
    market.run()
    return market


def test_a_day_against_the_engine(markets: list[Market], tmp_path: Path) -> None:
    """Every order ends, nothing is held against the engine, nothing against the broker."""
    market = run(markets, tmp_path)
    counts = market.server.counts
    assert counts["done"] + counts["rejected"] + counts["skipped"] == 60
    assert counts["done"] > 45
    assert counts["refused"] == 0
    assert counts["booked"] == counts["children"] == counts["reports"] > 200
    assert market.server.first_violation is None
    assert not any(market.server.violations.values())
    engine = market.pump.engine.counts()
    assert market.pump.engine.laws() == [0] * 10
    assert (engine["gaps"], engine["impossible"], engine["blocks_working"]) == (0, 0, 0)
    assert len(market.server.latencies_ns) >= counts["done"] - 2
    assert all(latency > 0 for latency in market.server.latencies_ns)
    assert sum(provider.counts["trades"] for provider in market.providers) > 0
    for provider in market.providers:
        assert provider.quoted == 6000
        for name in ("malformed", "gaps", "rejects", "changed_repeats"):
            assert provider.counts[name] == 0


def test_one_seed_gives_the_same_allocations(markets: list[Market], tmp_path: Path) -> None:
    first, second = run(markets, tmp_path), run(markets, tmp_path)
    assert first.server.allocations() == second.server.allocations()
    assert first.server.digest() == second.server.digest()


def test_refusals_are_parked_and_still_add_up(markets: list[Market], tmp_path: Path) -> None:
    market = run(markets, tmp_path, refuse=100)
    assert market.server.counts["injected"] > 0
    assert market.server.first_violation is None
    assert market.pump.engine.laws() == [0] * 10


def test_crossed_quotes_are_refused_by_the_engine(markets: list[Market], tmp_path: Path) -> None:
    market = run(markets, tmp_path, crossed=100)
    for provider in market.providers:
        assert provider.counts["crossed"] == provider.counts["rejects"] > 400
    assert market.server.first_violation is None


def test_a_doubled_booking_is_booked_once(markets: list[Market], tmp_path: Path) -> None:
    """The ring says everything twice: the books are those of the run in which it did not."""
    plain = run(markets, tmp_path)
    scenario = plain.scenario
    market = Market(scenario, tmp_path)
    markets.append(market)
    market.pump.alter = lambda message: [message, message] if message[2] == 60 else [message]
    market.run()
    assert market.server.counts["repeated"] == market.server.counts["children"]
    assert market.server.digest() == plain.server.digest()
    assert market.server.first_violation is None


@pytest.mark.parametrize(
    ("offset", "change", "name"),
    [
        (8, 5, "gap"),
        (20, 0, "changed_repeat"),
        (24, 1 << 40, "unknown_login"),
        (32, 1, "volume"),
        (40, 1, "one_price"),
    ],
)
def test_a_tampered_booking_is_noticed(
    markets: list[Market], tmp_path: Path, offset: int, change: int, name: str
) -> None:
    """One field of the second Booking is changed on its way: the server says so by name."""
    market = Market(generate(11, 150, 12, SERIES), tmp_path)
    markets.append(market)
    seen = []

    def alter(message: bytes) -> list[bytes]:
        if message[2] == 60:
            seen.append(message)
        if message[2] != 60 or len(seen) != 2:
            return [message]
        if name == "changed_repeat":
            return [message, changed(message, 32, 10**6)]
        return [changed(message, offset, change)]

    market.pump.alter = alter
    market.announce()
    market.quote(market.scenario.phases[0].quotes_until)
    market.server.release(12)
    for _ in range(200):
        market.server.poll(SLICE)
        for provider in market.providers:
            provider.poll(1)
        market.pump.turn()
    assert len(seen) > 2
    assert market.server.violations[name] >= 1


def changed(message: bytes, offset: int, change: int) -> bytes:
    value = int.from_bytes(message[offset : offset + 8], "little") + change
    return message[:offset] + value.to_bytes(8, "little") + message[offset + 8 :]


def test_garbage_is_counted_and_not_followed(markets: list[Market], tmp_path: Path) -> None:
    market = Market(generate(1, 10, 1, SERIES), tmp_path)
    markets.append(market)
    for number in (1, 2, 3):
        ring = market.pump.rings_out[number]
        for message in (b"", b"x", bytes(300), bytes(16)):
            assert ring.write(60, message)
    market.server.poll(SLICE)
    assert market.server.violations["malformed"] == 4
    for provider in market.providers:
        provider.poll(SLICE)
        assert provider.counts["malformed"] == 4


def test_a_fenced_ring_ends_the_work(markets: list[Market], tmp_path: Path) -> None:
    market = Market(generate(1, 10, 1, SERIES), tmp_path)
    markets.append(market)
    market.pump.instance.close()
    assert any(market.server.poll(150_000_000) < 0 for _ in range(3))


def test_attach_says_what_is_missing(markets: list[Market], tmp_path: Path) -> None:
    market = Market(generate(1, 10, 1, SERIES), tmp_path)
    markets.append(market)
    name = market.pump.instance.name
    for instance, bridge in (("nobody", "broker"), (name, "lp9"), (name, "lp1")):
        with pytest.raises(InputError, match=f"instance {instance}, bridge {bridge}: "):
            market.server.attach(instance, bridge)


def test_after_a_hole_the_server_tells_positions_and_the_engine_agrees(
    markets: list[Market], tmp_path: Path
) -> None:
    """A message is lost: the server tells what it holds, what was closed, and then each account's figures."""
    market = run(markets, tmp_path)
    logins = [account.login for account in market.scenario.accounts]
    before = {login: market.pump.engine.figures(login) for login in logins}
    heard: list[dict[str, Any]] = []
    apply = market.pump.apply

    def listen(bridge: str, message: bytes) -> None:
        heard.append(to_json(message))
        apply(bridge, message)

    setattr(market.pump, "apply", listen)  # noqa: B010
    market.server.send_reference()
    market.server.poll(SLICE)
    assert next(iter(market.pump.rings_in["broker"].read(1)))  # nobody will ever see it
    for _ in range(2000):
        market.server.poll(1)
        market.pump.turn()
    positions = [message for message in heard if message["msg"] == "PositionState"]
    told = {message["login"] for message in positions}
    assert len(told) > 50
    counts = market.pump.engine.counts()
    assert (counts["gaps"], counts["out_of_sync"]) == (1, 0)
    for login in logins:
        now, then = market.pump.engine.figures(login), before[login]
        assert now is not None and then is not None
        assert now["positions"] == then["positions"], login
    assert market.pump.engine.laws() == [0] * 10
