"""What the demo's processes told at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.memory import Counter


@dataclass(frozen=True)
class Played:
    """What the account server and the LPs counted, the appliance's counters, who stood still how often."""

    server: dict[str, Any]
    counters: list[Counter]
    vkey: str
    lps: Sequence[dict[str, Any]] = ()
    outages: Mapping[str, int] = field(default_factory=dict)
