"""What the engine planned, in the form of `mam allocate --json`."""

from fractions import Fraction
from typing import Any

import msgspec

from appliance.schema.decimals import to_text as format_decimal
from appliance.schema.messages import SENTENCES, Reason

NO_CAP = "92233720368.54775807"


class Child(msgspec.Struct, kw_only=True):
    """One member, and why it gets what it gets. `quota` is exact to six decimals; "…": more follow."""

    login: int
    volume: str
    quota: str
    reason: str | None
    measure: str | None
    weight: str
    cap: str | None
    binding: str | None
    floor: str
    remainder: str


class Answer(msgspec.Struct, kw_only=True):
    """Who gets what. `reason`: why the whole order was refused, else None."""

    children: list[Child]
    volume: str
    unallocated: str
    reason: str | None = None
    sentence: str | None = None
    """The same in words."""


def sentence_of(reason: str) -> str:
    """What a reason code means, in the schema's words."""
    return SENTENCES["Reason"][Reason[reason.upper()]]


def quota_text(share: Fraction) -> str:
    """An exact share to six decimals, with "…" when it does not end there."""
    scaled = share * 10**6
    whole = scaled.numerator // scaled.denominator
    text = format_decimal(whole, -6)
    return text if scaled.denominator == 1 else f"{whole // 10**6}.{whole % 10**6:06d}…"


def child_of(row: dict[str, Any], plan: dict[str, Any], places: int) -> Child:
    """One PlanMember (as its JSON object), under its Plan."""
    total = plan["total_weight"]
    excluded = row["volume"] == "0" and row["quota"] == "0"
    if total and not excluded:
        quota = quota_text(Fraction(plan["volume"]) * row["weight"] / total)
    else:
        quota = quota_text(Fraction(row["quota"]))
    return Child(
        login=row["login"],
        volume=fixed(row["volume"], places),
        quota=quota,
        reason=None if row["reason"] == "none" else row["reason"],
        measure=None if row["measure"] == "0" else row["measure"],
        weight=str(row["weight"]),
        cap=None if row["cap"] == NO_CAP else row["cap"],
        binding=None if row["binding"] == "none" else row["binding"],
        floor=fixed(row["floor_volume"], places),
        remainder=row["remainder"],
    )


def fixed(decimal: str, places: int) -> str:
    """A decimal with at least so many places; never fewer than it needs."""
    whole, _, fraction = decimal.partition(".")
    digits = fraction.ljust(places, "0")
    return f"{whole}.{digits}" if digits else whole
