"""kill -9 of engine, writer, daemon, all, under load: nothing is lost, nothing comes twice, laws at zero."""

import random
import threading
import time
from typing import Any

import pytest

from appliance.audit import read_entries
from appliance.audit.fast_replay import replay_log
from appliance.daemon.clock import ClockWatch, error_bound
from appliance.memory import read_counters
from appliance.schema.codec import to_json
from tests.daemon.rig import Rig, assert_log_good, wait_for

pytestmark = pytest.mark.process
LOGINS = (101, 102, 103)


class Server:
    """The broker's server: it books what it is asked to, and remembers every output that it got."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.sequence = {"broker": 0, "control": 0, "lp1": 0}
        self.outputs: list[dict[str, Any]] = []
        self.deals = self.booked = self.done = 0
        self.stop = threading.Event()

    def send(self, bridge: Any, name: str, msg: str, **fields: Any) -> None:
        self.sequence[name] += 1
        self.rig.send(bridge, msg=msg, sequence=self.sequence[name], **fields)

    def set_up(self, broker: Any, control: Any) -> None:
        self.send(
            broker,
            "broker",
            "Instrument",
            instrument=1,
            symbol="EURUSD",
            base_currency="EUR",
            profit_currency="USD",
            contract_size="100000",
            digits=5,
            volume_min="0.01",
            volume_step="0.01",
            volume_max="500",
            margin_rate_buy="1",
            margin_rate_sell="1",
            trade_mode="full",
        )
        for login in LOGINS:
            account = {"login": login, "currency": "USD", "leverage": 100, "margin_mode": "hedging"}
            self.send(broker, "broker", "Account", **account, trade_mode="full", money_digits=2)
            self.send(broker, "broker", "AccountState", login=login, balance="90000", equity="90000")
        wait_for(lambda: self.rig.consumed("broker") == 1 + 2 * len(LOGINS))
        policy = {"group": 7, "policy_version": 1, "master_login": 1000, "house_login": 900}
        self.send(
            control, "control", "GroupPolicy", **policy, currency="USD", method="equity", on_refused="house"
        )
        for login in LOGINS:
            self.send(control, "control", "Member", group=7, login=login, weight="1")
        wait_for(lambda: self.rig.consumed("control") == 1 + len(LOGINS))

    def serve(self, broker: Any) -> bool:
        """Reads what is there, and answers; False: nothing was."""
        found = broker.receive(64)
        for message in found:
            fields = to_json(message)
            self.outputs.append(fields)
            if fields["msg"] == "Booking":
                self.booked += 1
                answer = {name: fields[name] for name in ("block", "child", "login", "volume", "price")}
                self.send(broker, "broker", "BookingReport", **answer, deal=self.booked, position=self.booked)
            elif fields["msg"] == "MasterReport" and fields["status"] == "done":
                self.done += 1
        return bool(found)

    def trade(self, broker: Any, deals: int) -> None:
        """Deals, a few at work at any time, until the last of them is done."""
        last = self.deals + deals
        deadline = time.monotonic() + 60
        while self.done < last and not self.stop.is_set():
            assert time.monotonic() < deadline, (self.done, last, self.outputs[-3:])
            if self.deals < last and self.deals - self.done < 20:
                self.deals += 1
                deal = {"deal": self.deals, "order": self.deals, "position": self.deals, "group": 7}
                price = {"instrument": 1, "volume": "1.00", "price": "1.10010"}
                self.send(broker, "broker", "MasterDeal", **deal, **price, side="buy", entry="opening")
            elif not self.serve(broker):
                time.sleep(0.0005)

    def check(self) -> None:
        """Every output once, in order; a child is booked once."""
        numbers = [fields["sequence"] for fields in self.outputs]
        assert numbers == list(range(1, len(numbers) + 1))
        children = [(one["block"], one["child"]) for one in self.outputs if one["msg"] == "Booking"]
        assert len(set(children)) == len(children) == 3 * self.deals
        assert {one["msg"] for one in self.outputs} <= {"Booking", "MasterReport", "RiskAlert"}


def large(toml: str) -> str:
    """Room for a position of each deal."""
    return toml.replace("holdings = 256", "holdings = 262144\nhistory = 262144")


def laws(rig: Rig) -> list[int]:
    return [counter.value for counter in read_counters(rig.name) if counter.label.startswith("law ")]


def finish(rig: Rig, server: Server) -> None:
    server.check()
    assert laws(rig) == [0] * 10
    assert rig.counter("duplicates") == rig.counter("sequence gaps") == 0
    assert rig.end()[0] == 0
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)
    replayed = replay_log(rig.log)
    assert (replayed.difference, replayed.runs, replayed.unfinished) == (None, 1, 0)


@pytest.mark.parametrize("durability", ["async", "commit"])
def test_a_killed_engine_goes_on(rig: Rig, durability: str) -> None:
    rig.config.write_text(large(rig.toml(engine=f'durability = "{durability}"')))
    rig.start()
    server = Server(rig)
    with rig.bridge("broker") as broker, rig.bridge("control") as control:
        server.set_up(broker, control)
        for _ in range(3):
            killer = threading.Timer(random.random() * 0.3, lambda: rig.process("engine_process").kill())
            killer.start()
            server.trade(broker, 400)
            killer.join()
        server.trade(broker, 50)
        finish(rig, server)


def test_a_killed_daemon_goes_on(rig: Rig) -> None:
    """All of its processes at once; the bridges stay attached and lose nothing."""
    rig.config.write_text(large(rig.toml()))
    rig.start()
    server = Server(rig)
    with rig.bridge("broker") as broker, rig.bridge("control") as control:
        server.set_up(broker, control)
        for _ in range(2):

            def kill_all() -> None:
                assert rig.daemon is not None
                for process in [*rig.family, rig.daemon]:
                    process.kill()
                rig.ended()
                rig.start()

            killer = threading.Timer(random.random() * 0.3, kill_all)
            killer.start()
            server.trade(broker, 400)
            killer.join()
        server.trade(broker, 50)
        finish(rig, server)


def test_a_log_that_is_behind_stops_new_orders(rig: Rig) -> None:
    """The writer stands still: orders are refused and closes are not; it goes on: they are taken again."""
    rig.config.write_text(large(rig.toml(engine="gap_limit = 100")))
    rig.start()
    server = Server(rig)
    suspended = "new orders refused: the log is behind (1 yes, 2 its disk is full)"
    with rig.bridge("broker") as broker, rig.bridge("control") as control, rig.bridge("lp1") as lp:
        server.set_up(broker, control)
        server.send(control, "control", "GroupPolicy", group=8, policy_version=1, master_login=1000,
                    currency="USD", method="equity", execution="stp")  # fmt: skip
        wait_for(lambda: rig.counter("groups") == 2)
        wait_for(lambda: rig.counter("audit: journal entries on disk") >= rig.counter("journal records"))
        writer = rig.process("audit.writer")
        writer.suspend()
        for _ in range(150):
            server.send(lp, "lp1", "Heartbeat")
        wait_for(lambda: rig.counter(suspended) == 1)

        def order(number: int) -> dict[str, Any]:
            fields = {"order": number, "group": 8, "instrument": 1, "volume": "1.00", "price": "0"}
            server.send(broker, "broker", "MasterOrder", **fields, side="buy", entry="opening")
            (message,) = wait_for(lambda: broker.receive(1))
            return to_json(message)

        assert order(1)["reason"] == "log_behind"
        writer.resume()
        wait_for(lambda: rig.counter(suspended) == 0)
        assert order(1)["reason"] != "log_behind"
    assert rig.end()[0] == 0
    assert_log_good(rig.log, rig.vkey)
    replayed = replay_log(rig.log)
    assert (replayed.difference, replayed.runs) == (None, 1)
    records = [to_json(one.message) for one in read_entries(rig.log) if one.kind == 1 and one.bridge == 0]
    assert [one["suspended"] for one in records if one["msg"] == "LogState"] == [1, 0]


def test_the_clocks_own_error_bound_is_logged(rig: Rig) -> None:
    bound = error_bound()
    rig.start()
    server = Server(rig)
    with rig.bridge("lp1") as lp:
        server.send(lp, "lp1", "Heartbeat")
        wait_for(lambda: rig.consumed("lp1") == 1)
        shown = rig.counter("clock: error bound, ns (-1 not disciplined)")
        assert (shown < 0) == (bound < 0) and rig.counter("clock: steps") == 0
    assert rig.end()[0] == 0
    assert_log_good(rig.log, rig.vkey)


def test_a_jump_of_the_clock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ClockWatch()
    assert watch.look() == [] and watch.steps == 0
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3 * 10**9)
    assert watch.look()[0] == "the clock jumped by +3.000 s" and watch.steps == 1
    assert watch.look() == []
