"""What durability costs: a deal of ten children through a running daemon, to its last Booking.

    python perf/commit_latency.py [--orders 300] [--rounds 5] [--dir DIR] [--json] [--record]

    this process, a bridge                              daemon: engine, audit writer
    t0; MasterDeal ----------- in ring -------------->  journaled, planned, ten Bookings journaled,
    t1; last Booking read <--- out ring --------------  released at once (async), or when on disk (commit)

The engine is pinned to the first core, this process to the last; the writer runs where there is room.

`async` under load: deals one after the other, each answered and reported, without a pause; in turn with the
writer at work, and with the writer standing still (SIGSTOP).
`commit` at rest: a deal every 2 ms. Beside it, before the daemon starts and after it has ended, so that
nothing of ours disturbs them: bare synced writes of 4 KiB by this process, every 2 ms too, into a file beside
the log that was written once before. Both find the disk equally rested: on a virtual disk a sync that comes
2 ms after the last one takes twice as long as one right behind it (`bare_write_at_once`).

Targets: async with the writer within 10 % of async without; commit at most 1.5 bare synced writes. Ratios are
of the medians of one round, and the median of the rounds. DIR should lie on the disk that counts.
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
from collections.abc import Callable
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
BLOCK = 60  # orders with, then without the writer
REST_NS = 2_000_000  # no sync of the deal before is under way then
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
cpu = {cpu}
durability = "{durability}"
idle = "yield"
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
        self.cpus = os.sched_getaffinity(0)
        fields = {"name": self.name, "folder": folder, "durability": durability, "cpu": min(self.cpus)}
        config.write_text(TOML.format(**fields))
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "appliance", "run", "--config", str(config)],
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self.daemon.stdout is not None
        assert b"is running" in self.daemon.stdout.readline()
        os.sched_setaffinity(0, {max(self.cpus)})  # not before: the daemon would inherit it
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
        return taken

    def order(self) -> int:
        """Opens and closes a position in turn."""
        if self.deals % 2 == 0:
            return self.deal("buy", "opening", self.deals + 1)
        return self.deal("sell", "closing", self.deals)

    def orders(self, count: int) -> list[int]:
        return [self.order() for _ in range(count)]

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
        os.sched_setaffinity(0, self.cpus)


class BareFile:
    """Written once before, in blocks of 4 KiB."""

    def __init__(self, path: Path, blocks: int) -> None:
        self.file, self.blocks, self.at = os.open(path, os.O_RDWR | os.O_CREAT), blocks, 0
        self.data = os.urandom(4096)
        os.write(self.file, bytes(4096 * blocks))
        os.fsync(self.file)

    def write(self) -> int:
        """ns of one synced write."""
        self.at += 1
        started = time.perf_counter_ns()
        os.pwrite(self.file, self.data, 4096 * (self.at % self.blocks))
        os.fdatasync(self.file)
        return time.perf_counter_ns() - started


def rest() -> None:
    until = time.perf_counter_ns() + REST_NS
    while time.perf_counter_ns() < until:
        os.sched_yield()


Times = dict[str, list[int]]


def under_load(host: Host, orders: int) -> Times:
    found: Times = {"async": [], "async_without_writer": []}
    for _ in range(0, orders, BLOCK):
        found["async"] += host.orders(BLOCK)
        with host.without_writer():
            host.orders(6)
            found["async_without_writer"] += host.orders(BLOCK)
        host.orders(6)
    return found


def at_rest(act: Callable[[], int], count: int) -> list[int]:
    found = []
    for _ in range(count):
        found.append(act())
        rest()
    return found


def one_round(folder: Path, file: BareFile, orders: int) -> Times:
    with contextlib.closing(Host(folder / "async", "async")) as host:
        host.orders(50)
        found = under_load(host, orders)
    bare = at_rest(file.write, orders // 2)
    with contextlib.closing(Host(folder / "commit", "commit")) as host:
        host.orders(50)
        found["commit"] = at_rest(host.order, orders)
    found["bare_write"] = bare + at_rest(file.write, orders // 2)
    found["bare_write_at_once"] = [file.write() for _ in range(orders)]
    return found


def evaluate(rounds: list[Times]) -> dict[str, Any]:
    def medians(name: str) -> list[int]:
        return [percentile(sorted(times[name]), 50) for times in rounds]

    def ratio(over: str, under: str) -> float:
        pairs = zip(medians(over), medians(under), strict=True)
        return round(statistics.median(one / other for one, other in pairs), 2)

    result: dict[str, Any] = {}
    for name in rounds[0]:
        p99 = [percentile(sorted(times[name]), 99) for times in rounds]
        result[name] = {
            "p50_us": statistics.median(medians(name)) / 1000,
            "p99_us": statistics.median(p99) / 1000,
        }
    result["writer_costs"] = ratio("async", "async_without_writer")
    result["commit_over_bare"] = ratio("commit", "bare_write")
    result["commit_over_bare_at_once"] = ratio("commit", "bare_write_at_once")
    return result


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
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder, rounds = Path(name), []
        file = BareFile(folder / "bare", options.orders)
        for number in range(options.rounds):
            (folder / str(number)).mkdir()
            rounds.append(one_round(folder / str(number), file, options.orders))
    result: dict[str, Any] = {"machine": machine(), "orders": options.orders, "rounds": options.rounds}
    result |= evaluate(rounds)
    print(json.dumps(result, indent=1))
    if options.record:
        (RESULTS / "commit_latency.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["writer_costs"] <= 1.1 and result["commit_over_bare"] <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
