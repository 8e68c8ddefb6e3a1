"""What durability costs: a deal of ten children through a running daemon, to its last Booking.

    python perf/commit_latency.py [--orders 300] [--rounds 5] [--dir DIR] [--json] [--record]

    this process, a bridge                              daemon: engine, audit writer
    t0; MasterDeal ----------- in ring -------------->  journaled, planned, ten Bookings journaled,
    t1; last Booking read <--- out ring --------------  released at once (async), or when on disk (commit)

In turn, in one run: `async`; `async` with the writer standing still (SIGSTOP: what the writer costs the
engine); `commit`; and one bare synced write of 4 KiB into a file written once before, beside the log.
Deals come one by one, 2 ms apart: no sync of the one before is under way.
Targets: async with the writer within 10 % of async without; commit at most 1.5 bare synced writes. DIR should
lie on the disk that counts.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from engine_host import RESULTS, ROOT, machine, percentile

from appliance.audit.keys import generate
from appliance.memory import Bridge
from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import BOOKING_ID, SCHEMA_FINGERPRINT

CHILDREN = 10
REST_NS = 2_000_000  # between two deals: no sync of the one before is under way
PAIR = {
    "symbol": "EURUSD",
    "base_currency": "EUR",
    "profit_currency": "USD",
    "digits": 5,
    "trade_mode": "full",
}
SIZES = {"contract_size": "100000", "volume_min": "0.01", "volume_step": "0.01", "volume_max": "500"}
TOML = """instance = "{name}"
[audit]
directory = "{folder}/log"
key = "{folder}/key"
[engine]
durability = "{durability}"
idle = "yield"
[capacities]
accounts = 64
members = 64
holdings = 65536
[[bridges]]
name = "broker"
role = "broker"
[[bridges]]
name = "control"
role = "control"
"""


class Host:
    """A daemon, and its broker's bridge."""

    def __init__(self, folder: Path, durability: str) -> None:
        folder.mkdir()
        self.name = f"p{uuid4().hex[:12]}"
        generate("example.com/perf", folder / "key")
        config = folder / "mam.toml"
        config.write_text(TOML.format(name=self.name, folder=folder, durability=durability))
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "appliance", "run", "--config", str(config)],
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self.daemon.stdout is not None
        assert b"is running" in self.daemon.stdout.readline()
        self.bridge = Bridge.attach(self.name, "broker", SCHEMA_FINGERPRINT)
        self.sequence = {"broker": 0, "control": 0}
        self.deals = 0
        (self.writer,) = [
            process
            for process in psutil.Process(self.daemon.pid).children()
            if "appliance.audit.writer" in process.cmdline()
        ]
        self.set_up()

    def say(self, bridge: Bridge, msg: str, **fields: Any) -> None:
        self.sequence[bridge.name] += 1
        message = from_json({"msg": msg, "sequence": self.sequence[bridge.name], **fields})
        while not bridge.send(message):
            pass

    def set_up(self) -> None:
        rates = {"margin_rate_buy": "1", "margin_rate_sell": "1"}
        self.say(self.bridge, "Instrument", instrument=1, **PAIR, **SIZES, **rates)
        for login in range(101, 101 + CHILDREN):
            account = {"login": login, "currency": "USD", "leverage": 100, "margin_mode": "hedging"}
            self.say(self.bridge, "Account", **account, trade_mode="full", money_digits=2)
            self.say(self.bridge, "AccountState", login=login, balance="900000000", equity="900000000")
        time.sleep(0.2)
        with Bridge.attach(self.name, "control", SCHEMA_FINGERPRINT) as control:
            policy = {"group": 7, "policy_version": 1, "master_login": 1, "house_login": 900}
            who = {"operator_name": "perf"}
            money = {"currency": "USD", "method": "equity", "on_refused": "house"}
            self.say(control, "GroupPolicy", **policy, **money, **who)
            for login in range(101, 101 + CHILDREN):
                self.say(control, "Member", group=7, login=login, weight="1", **who)
            time.sleep(0.2)

    def deal(self, side: str, entry: str, position: int) -> int:
        """ns from the deal to its last Booking; all are answered, and the report is taken."""
        self.deals += 1
        fields = {"deal": self.deals, "order": self.deals, "position": position, "group": 7, "instrument": 1}
        message = {"msg": "MasterDeal", "sequence": self.sequence["broker"] + 1, **fields}
        data = from_json({**message, "volume": "1.00", "price": "1.1", "side": side, "entry": entry})
        self.sequence["broker"] += 1
        asked: list[bytes] = []
        receive, send = self.bridge.receive, self.bridge.send
        started = time.perf_counter_ns()
        send(data)
        while len(asked) < CHILDREN:
            got = receive()
            asked += [one for one in got if one[2] | one[3] << 8 == BOOKING_ID]
            if not got:
                os.sched_yield()  # three processes may share two cores
        taken = time.perf_counter_ns() - started
        for number, one in enumerate(asked):
            booking = to_json(one)
            answer = {name: booking[name] for name in ("block", "child", "login", "volume", "price")}
            ticket = booking["position"] or 1000 * self.deals + number
            self.say(self.bridge, "BookingReport", **answer, deal=1000 * self.deals + number, position=ticket)
        while not any(to_json(one)["msg"] == "MasterReport" for one in receive()):
            os.sched_yield()
        rested = time.perf_counter_ns() + REST_NS
        while time.perf_counter_ns() < rested:
            os.sched_yield()
        return taken

    def orders(self, count: int) -> list[int]:
        """Each opens and closes a position."""
        found = []
        for _ in range(count // 2):
            found.append(self.deal("buy", "opening", self.deals + 1))
            found.append(self.deal("sell", "closing", self.deals))
        return found

    @contextlib.contextmanager
    def without_writer(self) -> Any:
        """The ring holds what comes meanwhile."""
        os.kill(self.writer.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.writer.pid, signal.SIGCONT)
            time.sleep(0.3)

    def close(self) -> None:
        self.bridge.close()
        self.daemon.terminate()
        self.daemon.wait()


def bare(file: int, count: int) -> list[int]:
    """ns of one synced write each."""
    data, found = os.urandom(4096), []
    for number in range(count):
        started = time.perf_counter_ns()
        os.pwrite(file, data, 4096 * number)
        os.fdatasync(file)
        found.append(time.perf_counter_ns() - started)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the figures in perf/results")
    options = parser.parse_args()
    found: dict[str, list[list[int]]] = {
        "async": [],
        "async_without_writer": [],
        "commit": [],
        "bare_write": [],
    }
    with tempfile.TemporaryDirectory(dir=options.dir) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        file = os.open(folder / "bare", os.O_RDWR | os.O_CREAT)
        os.write(file, bytes(4096 * options.orders))
        os.fsync(file)
        for round_ in range(options.rounds):
            for durability in ("async", "commit"):
                host = Host(folder / f"{durability}{round_}", durability)
                stack.callback(host.close)
                host.orders(50)
                found[durability].append(sorted(host.orders(options.orders)))
                if durability == "async":
                    with host.without_writer():
                        found["async_without_writer"].append(sorted(host.orders(options.orders)))
                host.close()
                stack.pop_all()
            found["bare_write"].append(sorted(bare(file, options.orders)))
    result: dict[str, Any] = {"machine": machine(), "orders": options.orders, "rounds": options.rounds}
    for name, rounds in found.items():
        p50, p99 = ([percentile(times, percent) for times in rounds] for percent in (50, 99))
        result[name] = {"p50_us": statistics.median(p50) / 1000, "p99_us": statistics.median(p99) / 1000}
    result["writer_costs"] = round(result["async"]["p50_us"] / result["async_without_writer"]["p50_us"], 3)
    result["commit_over_bare"] = round(result["commit"]["p50_us"] / result["bare_write"]["p50_us"], 2)
    print(json.dumps(result, indent=1))
    if options.record:
        (RESULTS / "commit_latency.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["writer_costs"] <= 1.1 and result["commit_over_bare"] <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
