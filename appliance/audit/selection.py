"""Which segments a verification has to read: all, or those of a range and what vouches for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import note, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.place import Place
from appliance.audit.segment_check import Part
from appliance.audit.segments import Segment


@dataclass(frozen=True)
class Range:
    """`since` counts in, `until` not; None: from the first, to the last."""

    since: Place | None = None
    until: Place | None = None


class Selection:
    """Numbers of segment files, among `paths`."""

    def __init__(self, paths: Sequence[Path], wanted: Range | None, sizes: Sequence[int] = ()) -> None:
        """`sizes`: of checkpoints whose roots are to be known, too."""
        self.paths = paths
        self.first, self.end = 0, len(paths)
        """The files of the range itself: [first, end)."""
        self._numbers = set(range(len(paths)))
        self._signed_from: int | None = None
        if wanted is not None and paths:
            headers = [_header(path) for path in paths]
            self.first, self.end = _begin(headers, wanted.since), _end(headers, wanted.until)
            self.end = max(self.end, self.first + 1)
            held = {_begin(headers, Place(leaf=size)) for size in sizes}
            self._numbers = {*range(self.first, self.end), *_naming_keys(headers), *held}
            following = headers[self.end] if self.end < len(paths) else None
            self._signed_from = following.first_leaf if following is not None else None

    @property
    def numbers(self) -> list[int]:
        return sorted(self._numbers)

    def is_last(self, number: int) -> bool:
        """Whether it is the log's last."""
        return number == len(self.paths) - 1

    def is_asked_for(self, number: int) -> bool:
        return self.first <= number < self.end

    def follows(self, number: int) -> bool:
        """Whether the one before it is read too."""
        return number - 1 in self._numbers

    def more(self, parts: Sequence[tuple[int, Part]]) -> int | None:
        """The next segment to read, until a signed root lies behind the range; None: it does.

        Only what was read without a hole from the range on hangs together with it, and vouches for it.
        """
        read = dict(parts)
        number = self.first
        while number in self._numbers:
            number += 1
        together = [read[n] for n in range(self.first, number) if n in read]
        if self._signed_from is None:
            return None
        end = max([self._signed_from, *(part.size for n, part in parts if n < self.end)])
        if _newest_signed(together) >= end:  # a header that was not read may tell of an earlier end
            return None
        if number == len(self.paths):
            return None
        self._numbers.add(number)
        return number


def _header(path: Path) -> Segment | None:
    try:
        return segments.read_header(path)
    except AuditError:
        return None  # named when the segment is checked


def _begin(headers: Sequence[Segment | None], since: Place | None) -> int:
    """The segment in which the range begins. A record is no younger than the segment after its own."""
    if since is None:
        return 0
    before = 0
    for number, header in enumerate(headers):
        if header is None:
            continue
        if since.leaf is not None:
            begun = header.first_leaf <= since.leaf
        else:
            begun = header.native.created < (since.time or 0)
        before = number if begun else before
    return before


def _end(headers: Sequence[Segment | None], until: Place | None) -> int:
    """One behind the segment in which the range ends. By time one more: a record waits in the ring first."""
    if until is None:
        return len(headers)
    for number, header in enumerate(headers):
        if header is None:
            continue
        if until.leaf is not None and header.first_leaf >= until.leaf:
            return number
        if until.time is not None and header.native.created >= until.time:
            return min(number + 1, len(headers))
    return len(headers)


def _naming_keys(headers: Sequence[Segment | None]) -> set[int]:
    """The first segment, and those in which an epoch ends: perhaps the last, which no header tells."""
    ends = {0, len(headers) - 1}
    for number in range(len(headers) - 1):
        this, following = headers[number], headers[number + 1]
        if this is None or following is None or this.native.epoch != following.native.epoch:
            ends.add(number)
    return ends


def _newest_signed(parts: Sequence[Part]) -> int:
    """Of the signed roots that are leaves; whether they hold is checked later."""
    newest = 0
    for part in parts:
        for own in part.own:
            if own.record["record"] == "checkpoint":
                try:
                    size = Checkpoint.from_text(note.parse(str(own.record.get("note")).encode())[0]).size
                except (AuditError, UnicodeEncodeError):  # named when it is checked
                    continue
                newest = max(newest, size)
    return newest
