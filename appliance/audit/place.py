"""Places in a log that a user names: a record's number, or a time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.audit.errors import AuditError

_NS_FROM = 10**15
"""A plain number from here on is a time in ns (it is in 1970 all the same), below it a record."""


def lies_before(one: "Place | None", other: "Place | None") -> bool | None:
    """None: there is no place, or a record's number and a time, which cannot be compared."""
    if one is None or other is None:
        return None
    if one.leaf is not None and other.leaf is not None:
        return one.leaf < other.leaf
    if one.time is not None and other.time is not None:
        return one.time < other.time
    return None


@dataclass(frozen=True)
class Place:
    """One of the two is None. `time` in ns since the Unix epoch."""

    leaf: int | None = None
    time: int | None = None


def parse_time(text: str) -> int:
    """ns since the Unix epoch, from ns themselves or from ISO 8601 (UTC unless it says otherwise)."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AuditError(f"time {text!r}: expected ISO 8601 such as 2026-03-01T12:00:00, or ns") from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def parse(text: str) -> Place:
    """A record's number, or a time."""
    if text.isascii() and text.isdigit() and int(text[:20]) < _NS_FROM:
        return Place(leaf=int(text))
    try:
        return Place(time=parse_time(text))
    except AuditError:
        raise AuditError(
            f"{text!r}: expected the number of a record, or a time in ISO 8601 such as 2026-03-01T12:00:00"
        ) from None
