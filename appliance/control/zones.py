"""A time zone as the engine takes it: it has no files and no clock, so each change of the zone's clocks is a
message (TimeZone), worked out from the host's zone data."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.errors import InputError

KEPT = 8  # changes of a zone that the engine keeps: four years of summer time
_HOUR = 3600


def _offset(zone: ZoneInfo, time: int) -> int:
    difference = datetime.fromtimestamp(time, UTC).astimezone(zone).utcoffset()
    assert difference is not None
    return int(difference.total_seconds())


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second of the offset that holds at `after`; at `before` another one does."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def time_zone(number: int, name: str, since: int, until: int) -> list[dict[str, Any]]:
    """TimeZone messages of a zone: what its clocks show at `since`, and each change up to `until`.

    Times are seconds since the epoch, UTC; the first KEPT messages are made. Sent in this order, and later
    again with later times, they go on from there. InputError: this host does not know the zone.
    """
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"time zone {name!r}: expected one of this host's, as Europe/London") from None
    times = [since]
    at = since
    while at < until and len(times) < KEPT:
        following = min(at + 24 * _HOUR, until)
        if _offset(zone, following) != _offset(zone, at):
            times.append(_change(zone, at, following))
        at = following
    return [
        {
            "msg": "TimeZone",
            "zone": number,
            "zone_name": name,
            "since": time * 10**9,
            "zone_offset": _offset(zone, time) * 10**9,
        }
        for time in times
    ]
