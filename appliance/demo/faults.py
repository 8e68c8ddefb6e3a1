"""`mam demo --scenario partial` and `--scenario outage`: what goes wrong outside, and what became of it.

partial  every group trades at the LPs (stp), under each of the policies for partial fills and for refused
         bookings in turn; half of the legs are filled in part, some are rejected, the server refuses some
         children.
outage   the same, and now and then an LP or the broker's server stands still: its process is stopped for a
         moment, longer than the time-outs, and goes on. What is unknown is asked for, never sent again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.audit import Entry
from appliance.broker.scenario import Scenario
from appliance.demo.actor import Actor
from appliance.schema.codec import to_json
from appliance.schema.decimals import from_text, to_text
from appliance.schema.messages import BY_NAME

KINDS = ("partial", "outage")
ON_PARTIAL = ("complete", "allocate", "rollback")
PARTIAL_PER_MILLE = 500
REJECT_PER_MILLE = 100
REFUSE_PER_MILLE = 50
LEG_TIMEOUT_MS = 200
BOOKING_TIMEOUT_MS = 300
TERMS = {"leg_timeout": LEG_TIMEOUT_MS, "booking_timeout": BOOKING_TIMEOUT_MS}
_STILL_S = 0.7  # longer than both time-outs, shorter than what fences a ring
_BETWEEN_S = 0.6
_OUTAGES = 6


def scenario_of(kind: str, scenario: Scenario) -> Scenario:
    """The day's script at the LPs. An outage's orders are spread, so that some are at work in it."""
    netting = {account.group for account in scenario.accounts if account.margin_mode == 0}
    groups = tuple(
        replace(
            group, execution="stp", on_partial=ON_PARTIAL[number % 3], on_refused=_refused(group.id, netting)
        )
        for number, group in enumerate(scenario.groups)
    )
    deviation = {group.id: group.deviation for group in scenario.groups}
    largest = {instrument.id: instrument.volume_max for instrument in scenario.instruments}
    orders = tuple(
        replace(
            order,
            execution=1,
            deviation=order.deviation or deviation[order.group],
            volume=min(order.volume, largest[order.instrument]),
        )
        for order in scenario.orders
    )
    if kind == "outage":
        pace = 6_000_000 // max(1, len(orders))
        phases = tuple(replace(phase, interval_us=pace) for phase in scenario.phases)
        return replace(scenario, groups=groups, orders=orders, phases=phases)
    return replace(scenario, groups=groups, orders=orders)


def _refused(group: int, netting: set[int]) -> str:
    return "reallocate" if group in netting else ("house", "unwind")[group % 2]


class Outages:
    """Stops one process after the other for a moment; `beat` is to be called some times a second."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        """Nothing stands still yet."""
        self._actors = actors
        self._still: Actor | None = None
        self._due = time.monotonic() + _BETWEEN_S
        self.done = 0

    def beat(self) -> None:
        """Stops the next one, or lets it go on, when it is time."""
        now = time.monotonic()
        if now < self._due:
            return
        if self._still is not None:
            self.end()
        elif self.done < _OUTAGES:
            self._still = self._actors[self.done % len(self._actors)]
            self._still.pause()
            self.done += 1
        self._due = now + (_BETWEEN_S if self._still is None else _STILL_S)

    def end(self) -> None:
        """Lets whoever stands still go on."""
        if self._still is not None:
            self._still.resume()
            self._still = None


# ---- what the log says of it ----


@dataclass
class Told:
    """Blocks and volumes, 1e-8 lot, by what became of them."""

    partial: int = 0
    rolled_back: int = 0
    rolled_back_volume: int = 0
    reallocated: int = 0
    reallocated_volume: int = 0
    unwound: int = 0
    parked: int = 0
    parked_volume: int = 0
    house: Counter[str] = field(default_factory=Counter)  # HouseChange by reason
    asked_legs: int = 0
    asked_bookings: int = 0
    fenced: int = 0
    refused: int = 0
    alerts: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "partial": self.partial,
            "rolled_back": {"blocks": self.rolled_back, "volume": to_text(self.rolled_back_volume, -8)},
            "reallocated": {"children": self.reallocated, "volume": to_text(self.reallocated_volume, -8)},
            "parked": {"blocks": self.parked, "volume": to_text(self.parked_volume, -8)},
            "unwound": self.unwound,
            "refused": self.refused,
            "house": dict(sorted(self.house.items())),
            "asked": {"legs": self.asked_legs, "bookings": self.asked_bookings},
            "fenced": self.fenced,
            "alerts": dict(sorted(self.alerts.items())),
        }


_HEARD = ("BlockChange", "PlanMember", "HouseChange", "LegCancel", "BookingQuery", "BookSource", "RiskAlert")


def read(entries: Iterable[Entry]) -> Told:
    """Counts what the engine did, from the log alone."""
    told = Told()
    wanted = {BY_NAME[name].id: name for name in (*_HEARD, "BookingReport")}
    filled: dict[int, int] = {}
    for entry in entries:
        name = wanted.get(int.from_bytes(entry.message[2:4], "little"))
        if name is None or (entry.kind == 1) != (name == "BookingReport"):
            continue
        fields = to_json(entry.message)
        if name == "BlockChange":
            _block(told, filled, fields)
        elif name == "PlanMember" and fields["reason"] == "reallocated":
            told.reallocated += 1
            told.reallocated_volume += from_text(fields["volume"], -8)
        elif name == "HouseChange":
            told.house[fields["reason"]] += 1
        elif name == "RiskAlert":
            told.alerts[fields["kind"]] += 1
        else:
            told.asked_legs += name == "LegCancel"
            told.asked_bookings += name == "BookingQuery"
            told.fenced += name == "BookSource" and fields["reason"] == "fenced"
            told.refused += name == "BookingReport" and fields["status"] == "refused"
    return told


def _block(told: Told, filled: dict[int, int], fields: dict[str, Any]) -> None:
    status, block = fields["status"], fields["block"]
    if status == "partial":
        told.partial += 1
    elif status == "rolling_back":
        filled[block] = from_text(fields["filled"], -8)
    elif status == "rolled_back":
        told.partial += 1
        told.rolled_back += 1
        told.rolled_back_volume += filled.pop(block, 0) - from_text(fields["filled"], -8)
    elif status == "done":
        told.unwound += fields["reason"] == "unwound"
        house = from_text(fields["house"], -8)
        told.parked += house > 0
        told.parked_volume += house


def lines(told: Told) -> list[str]:
    """For people."""
    house = ", ".join(f"{reason} {count:,}" for reason, count in told.house.most_common()) or "none"
    alerts = ", ".join(f"{kind} {count:,}" for kind, count in told.alerts.most_common()) or "none"
    return [
        f"partial     {told.partial:,} blocks were filled in part; {told.refused:,} bookings were refused",
        f"rolled back {told.rolled_back:,} blocks, {to_text(told.rolled_back_volume, -8)} lots traded out",
        f"reallocated {told.reallocated:,} children, {to_text(told.reallocated_volume, -8)} lots; "
        f"{told.unwound:,} blocks unwound",
        f"parked      {told.parked:,} blocks, {to_text(told.parked_volume, -8)} lots in the house account",
        f"house       changes beside the blocks: {house}",
        f"unknown     {told.asked_legs:,} legs and {told.asked_bookings:,} blocks' bookings asked for; "
        f"an LP left out {told.fenced:,} times until it had answered",
        f"alerts      {alerts}",
    ]
