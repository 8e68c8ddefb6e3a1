"""The whole way: daemon, bridge, a FIX provider that hangs up in the middle of its fills, the children."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

pytest.importorskip("quickfix", reason="the extra `fix` is not installed")

from appliance.audit import keys
from appliance.daemon.config import AuditSection, BridgeSection, CapacitySection, Config
from appliance.daemon.supervisor import Daemon
from appliance.memory import Bridge, read_counters
from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import SCHEMA_FINGERPRINT
from tests.fix.engine_model import units
from tests.fix.stage import CONFIG, PATIENCE_S, Child, free_port

pytestmark = pytest.mark.process
INSTRUMENT = {
    "instrument": 1,
    "symbol": "EURUSD",
    "base_currency": "EUR",
    "profit_currency": "USD",
    "margin_currency": "EUR",
    "contract_size": "100000",
    "digits": 5,
    "volume_min": "0.01",
    "volume_step": "0.01",
    "volume_max": "500",
    "margin_rate_buy": "1",
    "margin_rate_sell": "1",
    "trade_mode": "full",
}
POLICY = {
    "group": 7,
    "policy_version": 1,
    "master_login": 1000,
    "currency": "USD",
    "method": "equity",
    "execution": "stp",
    "on_partial": "allocate",
    "on_refused": "house",
}


class Market:
    """A broker, an operator, a daemon, a FIX bridge and its provider."""

    def __init__(self, directory: Path) -> None:
        self.name, self.port = f"fixd-{uuid4().hex[:8]}", free_port()
        keys.generate("test.example/fix", directory / "key")
        bridges = [BridgeSection(name=n, role=r) for n, r in (("broker", "broker"), ("lp1", "lp"))]
        config = Config(
            instance=self.name,
            bridges=[*bridges, BridgeSection(name="control", role="control")],
            audit=AuditSection(directory=str(directory / "log"), key=str(directory / "key")),
            capacities=CapacitySection(instruments=4, accounts=16, members=16, holdings=1024, children=1024),
        )
        self.daemon = Daemon(config, lambda: None)
        self.daemon.start()
        self.ends = {n: Bridge.attach(self.name, n, SCHEMA_FINGERPRINT) for n in ("broker", "control")}
        self.sequences = dict.fromkeys(self.ends, 0)
        self.got: list[dict[str, Any]] = []
        path = directory / "fix.toml"
        text = CONFIG.format(instance=self.name, directory=directory / "bridge", port=self.port)
        path.write_text(text.replace("depth = 3", "depth = 1"))
        self.lp = Child("tests/fix/acceptor.py", str(directory / "lp"), str(self.port))
        self.bridge = Child("-m", "appliance.fix", "--config", str(path))

    def send(self, end: str, msg: str, **fields: Any) -> None:
        self.sequences[end] += 1
        assert self.ends[end].send(from_json({"msg": msg, "sequence": self.sequences[end], **fields}))

    def turn(self) -> None:
        self.daemon.watch()
        self.lp.listen()
        self.bridge.listen()
        for raw in self.ends["broker"].receive():
            message = to_json(raw)
            self.got.append(message)
            if message["msg"] == "Booking":
                self.send(
                    "broker",
                    "BookingReport",
                    status="booked",
                    deal=message["child"] + 1,
                    position=message["child"] + 1,
                    **{name: message[name] for name in ("block", "child", "login", "volume", "price")},
                )

    def until(self, what: Any, why: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            self.turn()
            assert time.monotonic() < deadline, (why, self.got, self.bridge.errors)
            time.sleep(0.002)

    def counter(self, label: str) -> int:
        return next(counter.value for counter in read_counters(self.name) if counter.label == label)

    def rejected(self) -> int:
        """Without repeats: when the engine asks, the bridge says all fills again."""
        return self.counter("messages rejected") - self.counter("duplicates")

    def close(self) -> None:
        for child in (self.bridge, self.lp):
            child.end(9)
        for end in self.ends.values():
            end.close()
        self.daemon.stop()


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    made = Market(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_children_get_what_the_provider_filled_and_no_more(market: Market) -> None:
    market.until(lambda: market.bridge.count("passing"), "the bridge passes quotes")
    market.send("broker", "Instrument", **INSTRUMENT)
    market.send("control", "GroupPolicy", operator_name="test", **POLICY)
    for login in (1, 2):
        account = {"currency": "USD", "leverage": 100, "trade_mode": "full", "margin_mode": "hedging"}
        market.send("broker", "Account", login=login, money_digits=2, **account)
        market.send("broker", "AccountState", login=login, balance="100000", equity="100000")
        market.until(lambda: market.counter("bridge broker: messages consumed") >= 3, "it is consumed")
        market.send("control", "Member", group=7, login=login, weight="1", operator_name="test")
    sides = [
        [[269, side], [278, side], [270, price], [271, "5000000"]]
        for side, price in (("0", "1.1"), ("1", "1.2"))
    ]
    market.lp.tell(quotes=[["EUR/USD", "W", sides]])
    fills = [["fill", "30000", "1.2", "E1"], ["drop"], ["fill", "50000", "1.21", "E2"], ["cancelled"]]
    market.lp.tell(plan=[[["ack"], *fills]])
    market.until(lambda: market.lp.count("planned") and market.counter("quotes") > 0, "it is quoted")
    rejected = market.rejected()  # withdrawals of what the engine had not heard of yet
    order = {"order": 5, "group": 7, "instrument": 1, "side": "buy", "entry": "opening", "volume": "1"}
    market.send("broker", "MasterOrder", **order)
    market.until(lambda: any(m.get("status") == "done" for m in market.got), "the block is done")
    booked = [m for m in market.got if m["msg"] == "Booking"]
    assert sorted(m["volume"] for m in booked) == ["0.4", "0.4"]
    assert {m["price"] for m in booked} == {"1.20625"}
    report = next(m for m in market.got if m.get("status") == "done")
    assert units(report["filled"]) == units("0.8") == units(report["allocated"])
    assert len(market.lp.got("D")) == 1
    assert market.rejected() == rejected, market.bridge.errors
