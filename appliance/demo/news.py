"""`mam demo --scenario news`: the same day with a bad end, and what the log says of it.

At 85 % of the ticks the news comes: every price gaps down, spreads are twenty times as wide, and control has
sent the leverage tiers of the news, which multiply margin. Members have a margin buffer and a drawdown limit
here, so some take less, some nothing, and some are stopped; each of these is a record of the log, with its
reason. `read` counts them there, and looks for one without.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.audit import Entry
from appliance.broker.scenario import LOT, Scenario
from appliance.broker.ticks import read_all
from appliance.control import time_zone
from appliance.schema.codec import to_json
from appliance.schema.decimals import to_text
from appliance.schema.messages import BY_NAME

NEWS_FROM = 85  # percent of the ticks
GAP = 30  # per mille of the price, down
WIDER = 20
ZONE = 1
ZONE_NAME = "America/New_York"
_TIERS = {  # lots from, to, times the margin: of a usual day, and of the news
    False: ((0, 2, "1"), (2, 1_000_000, "2")),
    True: ((0, 2, "4"), (2, 10, "8"), (10, 1_000_000, "20")),
}
_HOUR = 3600 * 10**9
_TERMS: tuple[dict[str, Any], ...] = (
    {"drawdown_basis": "initial", "drawdown_action": "close_only", "drawdown_percent": "3"},
    {"drawdown_basis": "high_water", "drawdown_action": "alert", "drawdown_percent": "3"},
    {
        "drawdown_basis": "daily",
        "drawdown_action": "close_only",
        "drawdown_percent": "3",
        "drawdown_reset": 17 * _HOUR,
        "drawdown_zone": ZONE,
    },
)


def terms(login: int) -> dict[str, Any]:
    """What a member has beside its weight: equity stays eight times its margin."""
    return {"margin_buffer": "8", **_TERMS[login % len(_TERMS)]}


def zone() -> list[dict[str, Any]]:
    """TimeZone messages of the coming years."""
    now = int(time.time())
    return time_zone(ZONE, ZONE_NAME, now - 86_400, now + 3 * 366 * 86_400)


def write_ticks(paths: Sequence[Path], folder: Path) -> list[Path]:
    """The ticks with the news in them, as files of the same names in `folder`."""
    folder.mkdir()
    written = []
    for path, ticks in zip(paths, read_all(list(paths)), strict=True):
        point = 10 ** (8 - ticks.digits)
        first = len(ticks) * NEWS_FROM // 100
        lines = ["time_ns,bid,ask"]
        for at in range(len(ticks)):
            bid, ask = int(ticks.bid[at]), int(ticks.ask[at])
            if at >= first and bid <= ask:
                gap = bid * GAP // 1000 // point * point
                bid, ask = bid - gap - WIDER * (ask - bid), ask - gap
            lines.append(f"{int(ticks.time[at])},{to_text(bid, -8)},{to_text(ask, -8)}")
        target = folder / path.name
        target.write_text("\n".join(lines) + "\n")
        written.append(target)
    return written


def tiers(scenario: Scenario, bad: bool) -> Iterable[dict[str, Any]]:
    """LeverageTier of every instrument: of a usual day, or of the news."""
    for instrument in scenario.instruments:
        for tier, (low, high, rate) in enumerate(_TIERS[bad]):
            yield {
                "instrument": instrument.id,
                "tier": tier,
                "tier_range": "volume_per_symbol",
                "from_amount": low * LOT,
                "to_amount": high * LOT,
                "initial_rate": rate,
                "maintenance_rate": rate,
            }


_LIMITS = {"margin_buffer", "leverage", "drawdown", "sync", "drawdown_stop", "out_of_sync", "state_stale"}


@dataclass
class Told:
    """What the log says of the accounts."""

    reduced: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)  # of accounts that got less or nothing, by plan
    alerts: Counter[str] = field(default_factory=Counter)
    unexplained: int = 0  # decisions without a reason

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "reduced": len(self.reduced),
            "excluded": len(self.excluded),
            "stopped": len(self.stopped),
            "reasons": dict(sorted(self.reasons.items())),
            "alerts": dict(sorted(self.alerts.items())),
            "unexplained": self.unexplained,
        }


def read(entries: Iterable[Entry]) -> Told:
    """Counts the decisions in the log."""
    told = Told()
    wanted = {BY_NAME[name].id: name for name in ("PlanMember", "RiskStop", "RiskAlert", "Plan")}
    opening = False
    for entry in entries:
        name = wanted.get(int.from_bytes(entry.message[2:4], "little"))
        if entry.kind != 2 or name is None:
            continue
        fields = to_json(entry.message)
        if name == "Plan":
            opening = fields["entry"] == "opening"
        elif name == "PlanMember" and opening:
            _member(told, fields)
        elif name == "RiskStop":
            _stop(told, fields)
        elif name == "RiskAlert":
            told.alerts[fields["kind"]] += 1
    return told


def _stop(told: Told, fields: dict[str, Any]) -> None:
    """A stop says why, since and until when; one that ends, that it ended."""
    if fields["reason"] == "drawdown_stop":
        told.stopped.add(fields["login"])
        told.unexplained += fields["since"] == 0 or fields["basis"] == "none"


def _member(told: Told, fields: dict[str, Any]) -> None:
    """A member that a constraint bound; its binding or its reason says which."""
    nothing = fields["volume"] == "0"
    if fields["binding"] not in _LIMITS and fields["reason"] not in _LIMITS:
        told.unexplained += nothing and fields["reason"] == "none"
        return
    (told.excluded if nothing else told.reduced).add(fields["login"])
    told.reasons[fields["binding"] if fields["binding"] in _LIMITS else fields["reason"]] += 1


def lines(told: Told) -> list[str]:
    """For people."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in told.reasons.most_common()) or "none"
    alerts = ", ".join(f"{kind} {count:,}" for kind, count in told.alerts.most_common()) or "none"
    return [
        f"news        {len(told.reduced):,} accounts reduced, {len(told.excluded):,} excluded, "
        f"{len(told.stopped):,} stopped",
        f"decisions   {reasons}",
        f"            each is in the log with its reason; without one: {told.unexplained}",
        f"alerts      {alerts}",
    ]
