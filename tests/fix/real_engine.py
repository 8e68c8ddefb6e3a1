"""The real engine beside the bridge, without processes: what it says to the bridge comes out as messages."""

from typing import Any

from appliance.engine import Capacities
from appliance.schema.decimals import to_text
from tests.engine.desk import Desk, only
from tests.fix.engine_model import units

LP = "lp1"
SMALL = Capacities(
    instruments=4,
    accounts=16,
    groups=4,
    members=16,
    blocks=64,
    children=256,
    holdings=256,
    positions=256,
    history=4096,
)


class RealEngine:
    """A desk of one account whose orders go to the bridge's LP; `other` quotes a second LP as well."""

    def __init__(self, other: str = "", stale_after: int = 0, **policy: Any) -> None:
        self.desk = Desk(SMALL)
        self.desk.instrument(stale_after=stale_after)
        self.desk.group(**({"execution": "stp", "on_partial": "allocate"} | policy))
        self.desk.account(1, "1000000000")
        self.desk.member(1)
        if other:
            self.desk.quote("lp2", other, other)
        self.orders = 0

    def take(self, raw: bytes) -> list[dict[str, Any]]:
        """A message of the bridge."""
        desk = self.desk
        return self._heard(desk._keep(desk.engine.apply(desk.time, desk.bridges[LP], raw)))

    def order(self, volume: int, **fields: Any) -> list[dict[str, Any]]:
        self.orders += 1
        return self._heard(self.desk.order(self.orders, to_text(volume, -8), **fields))

    def clock(self, time: int) -> list[dict[str, Any]]:
        return self._heard(self.desk.clock(time))

    def wait(self) -> list[dict[str, Any]]:
        """Until the engine's next deadline, if there is one within a minute."""
        deadline = self.desk.engine.deadline
        if deadline is None or deadline > self.desk.time + 60 * 10**9:
            return []
        return self.clock(max(deadline, self.desk.time))

    def _heard(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        booked = self.desk.book_all(outputs)
        return outputs + (self._heard(booked) if booked else [])

    def executed(self, block: int) -> int:
        """What it has given of a block to its client and to the house together, 1e-8 lot."""
        given = [
            m for m in self.desk.log if m.get("block") == block and m["msg"] in ("Booking", "HouseChange")
        ]
        return sum(units(m["volume"]) for m in given)

    def count(self, name: str) -> int:
        return self.desk.engine.counts()[name]

    def sent(self, msg: str) -> list[dict[str, Any]]:
        """All messages of that kind so far."""
        return only(self.desk.log, msg)


__all__ = ["LP", "RealEngine", "only"]
