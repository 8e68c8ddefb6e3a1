"""The engine over real rings, turned by hand: what the daemon's loop does, in the test's own process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.broker.scenario import Group, Scenario
from appliance.engine import Capacities, Engine
from appliance.memory import BridgeSpec, Instance, Ring, Role
from appliance.schema.codec import from_json
from appliance.schema.messages import SCHEMA_FINGERPRINT

BRIDGES = {"broker": Role.BROKER, "lp1": Role.LP, "lp2": Role.LP, "control": Role.CONTROL}


class Pump:
    """Reads each bridge's ring, applies, writes what comes out. `alter` may change or drop an output."""

    def __init__(self, name: str, lock_in: Path, capacity: int = 1 << 16) -> None:
        specs = [BridgeSpec(bridge, role, capacity, capacity) for bridge, role in BRIDGES.items()]
        self.instance = Instance.create(
            name, specs, fingerprint=SCHEMA_FINGERPRINT, journal_capacity=1 << 16, lock_in=lock_in
        )
        self.engine = Engine(Capacities())
        self.numbers = {bridge: self.engine.open_bridge(bridge, role) for bridge, role in BRIDGES.items()}
        self.rings_in = {bridge: Ring(self.instance.in_region(bridge)) for bridge in BRIDGES}
        self.rings_out = {number: Ring(self.instance.out_region(b)) for b, number in self.numbers.items()}
        self.waiting: dict[int, list[bytes]] = {number: [] for number in self.rings_out}
        self.alter: Callable[[bytes], list[bytes]] = lambda message: [message]
        self.consumed = dict.fromkeys(BRIDGES, 0)
        self.time = 0
        self._sequence = 0

    def turn(self) -> int:
        """One round over all rings; how many messages came in."""
        count = 0
        for bridge, ring in self.rings_in.items():
            for _, message in ring.read(64):
                self.apply(bridge, message)
                count += 1
        self._flush()
        return count

    def apply(self, bridge: str, message: bytes) -> None:
        self.time += 1000
        self.consumed[bridge] += 1
        for output in self.engine.apply(self.time, self.numbers[bridge], message):
            if output.bridge in self.waiting:
                self.waiting[output.bridge] += self.alter(output.message)

    def _flush(self) -> None:
        for number, messages in self.waiting.items():
            ring = self.rings_out[number]
            while messages and ring.write(int.from_bytes(messages[0][2:4], "little"), messages[0]):
                del messages[0]

    def control(self, msg: str, **fields: Any) -> None:
        self._sequence += 1
        before = self.engine.counts()["rejects"]
        self.apply("control", from_json({"msg": msg, "sequence": self._sequence, **fields}))
        assert self.engine.counts()["rejects"] == before, (msg, fields)

    def groups(self, scenario: Scenario) -> None:
        """Policies and members, once the accounts are known."""
        for group in scenario.groups:
            self._policy(group)
            for member in group.members:
                self.control("Member", group=group.id, login=member.login, weight=decimal(member.weight))

    def _policy(self, group: Group) -> None:
        names = ("currency", "method", "rounding", "on_shortfall", "below_min", "execution", "on_partial")
        fields = {
            name: getattr(group, name) for name in (*names, "on_refused", "master_login", "house_login")
        }
        self.control(
            "GroupPolicy", group=group.id, policy_version=1, deviation=decimal(group.deviation), **fields
        )

    def close(self) -> None:
        self.instance.close()


def decimal(value: int) -> str:
    """Units of 1e-8 as the codec wants them."""
    return f"{value // 10**8}.{value % 10**8:08d}"
