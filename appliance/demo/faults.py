"""`mam demo --scenario partial` and `--scenario outage`: what goes wrong outside, and what became of it.

partial  every group trades at the LPs (stp), under each of the policies for partial fills and for refused
         bookings in turn; half of the legs are filled in part, some are rejected, the server refuses some
         children.
outage   the same, and in turn each LP and the broker's server stands still: its process stops with a leg or
         a booking read and not answered, for longer than the time-outs, and goes on. What is unknown is asked
         for, never sent again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.audit import Entry
from appliance.broker.scenario import Scenario
from appliance.demo.actor import Actor
from appliance.demo.played import Played
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
DONE = 10009  # MT5's return code
_STILL_S = 0.7  # longer than both time-outs, shorter than what fences a ring
_BETWEEN_S = 0.3
_OUTAGES = 9
BATCH, WINDOW = 32, 64  # what the server takes in one call, and without an answer


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
    """One process after the other stops with a leg or a booking in its hands, unanswered, and goes on after a
    moment that is longer than the time-outs. `beat` is to be called some times a second."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        """Nothing stands still yet."""
        self._actors = actors
        self._told: Actor | None = None  # to stop at what comes next
        self._since: float | None = None  # when it was seen to have stopped
        self._due = time.monotonic()
        self._over = False
        self.of: Counter[str] = Counter()

    def beat(self) -> None:
        """Tells the next one to stop, or lets it go on, when it is time."""
        now = time.monotonic()
        if self._told is None:
            if not self._over and now >= self._due and sum(self.of.values()) < _OUTAGES:
                self._told = self._actors[sum(self.of.values()) % len(self._actors)]
                self._told.tell(stand_still=True)
        elif self._since is None:
            if self._told.stands_still():
                self._since = now
                self.of[self._told.name] += 1
            elif self._over:
                self._told = None
        elif now - self._since > _STILL_S:
            self._told.resume()
            self._told, self._since, self._due = None, None, now + _BETWEEN_S

    def end(self) -> None:
        """No more of them; who stands still goes on when its moment is over."""
        if self._told is not None and self._since is None:
            self._told.tell(stand_still=False)
        self._over = True


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

    def as_dict(self, played: Played) -> dict[str, Any]:
        """For --json."""
        server = played.server["counts"]
        return {
            "outages": dict(played.outages),
            "seen_twice": {
                "legs": sum(lp["counts"]["repeated"] for lp in played.lps),
                "bookings": server["repeated"],
            },
            "calls": {name: server[name] for name in ("batches", "batch_most", "waiting_most", "queries")},
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
            told.refused += name == "BookingReport" and fields["code"] != DONE
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


def lines(told: Told, played: Played) -> list[str]:
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
        *_outages(played),
        f"unknown     {told.asked_legs:,} legs and {told.asked_bookings:,} blocks' bookings asked for; "
        f"an LP left out {told.fenced:,} times until it had answered",
        *_seen(played),
        f"alerts      {alerts}",
    ]


def _outages(played: Played) -> list[str]:
    if not played.outages:
        return []
    whom = ", ".join(f"{name} {count}" for name, count in sorted(played.outages.items()))
    what = f"{_STILL_S} s each, a leg or a booking read and not answered"
    return [f"outages     {sum(played.outages.values())} ({whom}): {what}"]


def _seen(played: Played) -> list[str]:
    """What the LPs and the server counted themselves: a key that came twice would be here."""
    legs = sum(lp["counts"]["legs"] for lp in played.lps)
    twice = sum(lp["counts"]["repeated"] for lp in played.lps)
    server = played.server["counts"]
    return [
        f"seen        {legs:,} legs, {twice:,} of them twice; {server['children']:,} bookings, "
        f"{server['repeated']:,} of them twice; {server['queries']:,} queries answered",
        f"bookings    in {server['batches']:,} calls of at most {server['batch_most']} (limit {BATCH}), "
        f"at most {server['waiting_most']} without an answer (limit {WINDOW})",
    ]
