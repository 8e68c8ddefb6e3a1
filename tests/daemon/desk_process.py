"""A broker's server that can be killed at any moment: a process whose memory is two files.

    python -m tests.daemon.desk_process INSTANCE FOLDER

`heard`: every output that it took, in order; `sent`: every message of its own, written down before it is
sent. So whatever kills it, it knows what it has, asks for what it has not, and sends again what the engine
has not.
`target`: how many deals it makes; `done`: how many are done.
"""

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from appliance.memory import Bridge, InOrder, InstanceError, MemoryLayoutError
from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import SCHEMA_FINGERPRINT

LOGINS = (101, 102, 103)
IN_FLIGHT = 20
SIZES = {
    "contract_size": "100000",
    "digits": 5,
    "volume_min": "0.01",
    "volume_step": "0.01",
    "volume_max": "500",
}
RATES = {"margin_rate_buy": "1", "margin_rate_sell": "1", "trade_mode": "full"}
PAIR = {"symbol": "EURUSD", "base_currency": "EUR", "profit_currency": "USD"}


class Records:
    """A file of records; one that is appended is in it whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.all = read(path)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, record: bytes) -> None:
        os.write(self.file, len(record).to_bytes(4, "little") + record)
        self.all.append(record)


def read(path: Path) -> list[bytes]:
    """Its records."""
    data, at, found = path.read_bytes() if path.exists() else b"", 0, []
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


class Desk:
    """Sends deals, books what it is asked to."""

    def __init__(self, instance: str, folder: Path) -> None:
        self.instance, self.folder = instance, folder
        self.heard, self.sent = Records(folder / "heard"), Records(folder / "sent")
        self.asked: list[dict[str, Any]] = []
        self.done: set[int] = set()
        self.deals = sum(message[2:4] == b"\x07\0" for message in self.sent.all)
        self.reports = sum(message[2:4] == b"\x08\0" for message in self.sent.all)
        self.answered = False
        for message in self.heard.all:
            self.note(message)
        last = int.from_bytes(self.heard.all[-1][8:16], "little") if self.heard.all else 0
        self.order = InOrder(last + 1)
        self.bridge: Bridge | None = None

    def note(self, message: bytes) -> None:
        fields = to_json(message)
        if fields["msg"] == "Booking":
            self.asked.append(fields)
        elif fields["msg"] == "MasterReport" and fields["status"] == "done":
            self.done.add(int(fields["deal"]))
        elif fields["msg"] == "Resumed":
            self.answered = True
            self.again = self.sent.all[int(fields["consumed"]) :]

    def put(self, message: bytes) -> None:
        assert self.bridge is not None
        while not self.bridge.send(message):
            self.bridge.check()
            time.sleep(0.0005)

    def say(self, msg: str, **fields: Any) -> None:
        message = from_json({"msg": msg, "sequence": len(self.sent.all) + 1, **fields})
        self.sent.add(message)
        self.put(message)

    def take(self) -> bool:
        """What the ring has, in order; False: nothing."""
        assert self.bridge is not None
        found = self.bridge.receive(64)
        for message in found:
            if self.order.take(message):
                self.heard.add(message)
                self.note(message)
        return bool(found)

    def resync(self) -> None:
        """What we missed comes, and what the engine missed goes."""
        self.answered, self.order.missing, self.again = False, False, []
        self.put(from_json({"msg": "Resync", "sequence": 0, "from_sequence": self.order.next}))
        while not self.answered:
            if not self.take():
                assert self.bridge is not None
                self.bridge.check()
                time.sleep(0.0005)
        for message in self.again:
            self.put(message)
            self.take()

    def set_up(self) -> None:
        """What of it was not written down yet."""
        steps: list[tuple[str, dict[str, Any]]] = [
            ("Instrument", {"instrument": 1, **PAIR, **SIZES, **RATES})
        ]
        for login in LOGINS:
            account = {"login": login, "currency": "USD", "leverage": 100, "margin_mode": "hedging"}
            steps.append(("Account", {**account, "trade_mode": "full", "money_digits": 2}))
            steps.append(("AccountState", {"login": login, "balance": "90000000", "equity": "90000000"}))
        for msg, fields in steps[len(self.sent.all) :]:
            self.say(msg, **fields)

    def work(self) -> None:
        """One round."""
        while self.reports < len(self.asked):
            asked, self.reports = self.asked[self.reports], self.reports + 1
            answer = {name: asked[name] for name in ("block", "child", "login", "volume", "price")}
            self.say("BookingReport", **answer, deal=self.reports, position=self.reports)
        target = int((self.folder / "target").read_text() or 0)
        if self.deals < target and self.deals - len(self.done) < IN_FLIGHT:
            self.deals += 1
            deal = {"deal": self.deals, "order": self.deals, "position": self.deals, "group": 7}
            price = {"instrument": 1, "volume": "1.00", "price": "1.10010", "side": "buy", "entry": "opening"}
            self.say("MasterDeal", **deal, **price)
        elif not self.take():
            (self.folder / "done").write_text(str(len(self.done)))
            assert self.bridge is not None
            self.bridge.check()
            time.sleep(0.0005)
        if self.order.missing:
            self.resync()

    def run(self) -> None:
        """For ever: attached, or trying to be."""
        while True:
            with (
                contextlib.suppress(InstanceError, MemoryLayoutError),
                Bridge.attach(self.instance, "broker", SCHEMA_FINGERPRINT) as self.bridge,
            ):
                self.resync()
                self.set_up()
                while True:
                    self.work()
            time.sleep(0.01)


if __name__ == "__main__":
    Desk(sys.argv[1], Path(sys.argv[2])).run()
