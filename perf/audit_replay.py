"""How many journal records a second replay, in C and by the Python reference, on one core.

    python perf/audit_replay.py [--orders 20000] [--rounds 7] [--json] [--record]

A group of ten accounts; an order is a deal, ten bookings, their reports, and quotes
between; a later deal closes it. The journal is
made by the engine itself and written by the writer; then the log is replayed. Median of the rounds. Target: 3
million a second.
"""

import argparse
import json
import statistics
import struct
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from appliance._native import ffi, lib
from engine_host import machine

from appliance.audit.counters import WriterCounters
from appliance.audit.fast_replay import replay_log
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.reader import read_entries
from appliance.audit.replay import replay
from appliance.audit.writer import Stop, Writer, WriterConfig
from appliance.engine import Capacities, Engine
from appliance.memory import Role
from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import BOOKING_ID

HEADER = struct.Struct("<QqHBBI")
QUOTES = 20  # an order
OPEN = 10  # positions at one time
SIGNER = Signer("example.com/perf", bytes(32))


class Recorder:
    """An engine, and the journal of what goes in and comes out."""

    def __init__(self, orders: int) -> None:
        self.engine = Engine(Capacities(history=4 * orders))
        self.journal: list[bytes] = []
        self.sequence = dict.fromkeys(range(4), 0)
        self.time = 1

    def say(self, bridge: int, msg: str, /, **fields: object) -> list[bytes]:
        self.sequence[bridge] += 1
        self.time += 1000
        message = from_json({"msg": msg, "sequence": self.sequence[bridge], **fields})
        self.keep(bridge, 1, message)
        outputs = self.engine.apply(self.time, bridge, message)
        for output in outputs:
            self.keep(output.bridge, 2, output.message)
        return [output.message for output in outputs]

    def keep(self, bridge: int, kind: int, message: bytes) -> None:
        self.journal.append(
            HEADER.pack(len(self.journal), self.time, bridge, kind, 1, len(message)) + message
        )


def trade(made: Recorder, deal: int, position: int, side: str, entry: str) -> None:
    """A deal of the master's, and the answers to its bookings."""
    fields = {"deal": deal, "order": deal, "position": position, "group": 7, "instrument": 1}
    outputs = made.say(1, "MasterDeal", **fields, volume="5.00", price="1.1001", side=side, entry=entry)
    for message in outputs:
        if int.from_bytes(message[2:4], "little") == BOOKING_ID:
            asked = to_json(message)
            answer = {name: asked[name] for name in ("block", "child", "login", "volume", "price")}
            made.say(1, "BookingReport", **answer, deal=deal, position=position)


def record(orders: int) -> list[bytes]:
    """The journal."""
    made = Recorder(orders)
    limits = {name: value for name, value in vars(made.engine.capacities).items() if not name.endswith("_ms")}
    made.say(0, "Opened", **limits, leg_timeout=500, booking_timeout=5000)
    for bridge, role in ((1, Role.BROKER), (2, Role.LP), (3, Role.CONTROL)):
        made.say(0, "BridgeOpened", bridge=bridge, role=int(role), bridge_name=role.name.lower())
    size = {"contract_size": "100000", "volume_min": "0.01", "volume_step": "0.01", "volume_max": "500"}
    money = {"base_currency": "EUR", "profit_currency": "USD", "digits": 5, "trade_mode": "full"}
    made.say(
        1,
        "Instrument",
        instrument=1,
        symbol="EURUSD",
        **size,
        **money,
        margin_rate_buy="1",
        margin_rate_sell="1",
    )
    made.say(
        3,
        "GroupPolicy",
        group=7,
        policy_version=1,
        master_login=1,
        house_login=900,
        currency="USD",
        method="equity",
        on_refused="house",
    )
    for login in range(101, 111):
        made.say(
            1, "Account", login=login, currency="USD", leverage=100, margin_mode="hedging", trade_mode="full"
        )
        made.say(1, "AccountState", login=login, balance="90000", equity=str(90000 + login))
        made.say(3, "Member", group=7, login=login, weight="1")
    for number in range(1, orders + 1):
        for tick in range(QUOTES):
            bid = f"1.1000{tick % 10}"
            made.say(2, "Quote", instrument=1, bid=bid, ask="1.10020", bid_volume="5", ask_volume="5")
        trade(made, number, number, "buy", "opening")
        if number > OPEN:
            trade(made, orders + number, number - OPEN, "sell", "closing")
    return made.journal


def write(directory: Path, journal: list[bytes]) -> None:
    """Through the writer."""
    length = (1 << 22) + lib.MAM_RING_TRAILER
    memory, ring = ffi.new("uint8_t[]", length), ffi.new("struct mam_ring *")
    lib.mam_ring_attach(ring, memory, length)
    stop = Stop(None)
    stop.reason = "the journal is written"
    with closing(Log(directory, SIGNER)) as log:
        writer = Writer(log, memory, length, WriterCounters(None), WriterConfig("perf", directory, Path()))
        left = iter([*journal, b""])
        entry = next(left)
        while entry:
            while entry and lib.mam_ring_write(ring, 1, entry, len(entry)) == 0:
                entry = next(left)
            writer.run(stop)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the figures in perf/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "log")
        journal = record(options.orders)
        write(directory, journal)
        seconds = []
        for _ in range(options.rounds):
            started = time.perf_counter()
            result = replay_log(directory)
            seconds.append(time.perf_counter() - started)
            assert result.difference is None and result.inputs + result.outputs == len(journal), result
        started = time.perf_counter()
        part = replay(entry for entry in read_entries(directory) if entry.leaf_index < 50_000)
        python = (part.inputs + part.outputs) / (time.perf_counter() - started)
    found = {
        "records": len(journal),
        "replay_per_second": round(len(journal) / statistics.median(seconds)),
        "best_round_per_second": round(len(journal) / min(seconds)),
        "python_reference_per_second": round(python),
        "machine": machine(),
    }
    if options.record:
        Path(__file__).with_name("results").joinpath("audit_replay.json").write_text(
            json.dumps(found, indent=1) + "\n"
        )
    print(
        json.dumps(found, indent=2) if options.json else "\n".join(f"{v:>12}  {k}" for k, v in found.items())
    )
    return 0 if found["replay_per_second"] >= 3_000_000 else 1


if __name__ == "__main__":
    sys.exit(main())
