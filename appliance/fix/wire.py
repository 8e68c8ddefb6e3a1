"""FIX text: a message as its fields in order, and exact readings of single fields. No engine is needed."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from appliance.schema import decimals

SOH = "\x01"
Pairs = list[tuple[int, str]]
Request = Sequence[tuple[int, str | list[Pairs]]]  # a message to send; a repeating group is a list of entries

_NUMBER = re.compile(r"(-?)([0-9]{0,40})(?:\.([0-9]{0,40}))?", re.ASCII)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?", re.ASCII)


class FixError(ValueError):
    """A message that cannot be understood; one line that names the field and what is wanted."""


class Fields:
    """The fields of one message, or of one entry of a repeating group."""

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: Iterable[tuple[int, str]]) -> None:
        self.pairs = tuple(pairs)
        self._first: dict[int, str] = {}
        for tag, value in self.pairs:
            self._first.setdefault(tag, value)

    def get(self, tag: int) -> str | None:
        """The first value of a tag; None when it is not there."""
        return self._first.get(tag)

    def need(self, tag: int) -> str:
        value = self._first.get(tag)
        if not value:
            raise FixError(f"field {tag} is missing")
        return value

    @property
    def kind(self) -> str:
        """MsgType."""
        return self._first.get(35, "")

    @property
    def possible_duplicate(self) -> bool:
        """PossDupFlag or PossResend."""
        return self._first.get(43) == "Y" or self._first.get(97) == "Y"

    def decimal(self, tag: int) -> int:
        """A number in units of 1e-8, exactly."""
        return number(tag, self.need(tag))

    def ratio(self, tag: int) -> Fraction:
        """A number of any precision, such as an average; 0 when it is absent."""
        text = self.get(tag) or "0"
        if not _NUMBER.fullmatch(text) or not any(character.isdigit() for character in text):
            raise FixError(f"field {tag} must be a number, not {short(text)}")
        return Fraction(text + "0" if text.endswith(".") else text)

    def group(self, count_tag: int) -> list["Fields"]:
        """The entries of a repeating group; each begins with the tag that follows the count.

        The last entry may hold fields that follow the group: whoever reads one asks for its tags only.
        """
        at = next((i for i, (tag, _) in enumerate(self.pairs) if tag == count_tag), None)
        if at is None:
            return []
        if not re.fullmatch("[0-9]{1,6}", self.pairs[at][1], re.ASCII):
            raise FixError(f"field {count_tag} must be a count, not {short(self.pairs[at][1])}")
        count, rest = int(self.pairs[at][1]), self.pairs[at + 1 :]
        starts = [i for i, (tag, _) in enumerate(rest) if rest and tag == rest[0][0]]
        if len(starts) != count:
            raise FixError(f"field {count_tag} says {count} entries, and there are {len(starts)}")
        ends = [*starts[1:], len(rest)]
        return [Fields(rest[start:end]) for start, end in zip(starts, ends, strict=False)]


def parse(text: str) -> Fields:
    """The fields of a message as it came (tag=value, each ended by SOH)."""
    pairs = []
    for part in text.split(SOH):
        if not part:
            continue
        tag, found, value = part.partition("=")
        if not found or not re.fullmatch("[0-9]{1,9}", tag, re.ASCII):
            raise FixError(f"expected tag=value, found {short(part)}")
        pairs.append((int(tag), value))
    return Fields(pairs)


def number(tag: int, text: str) -> int:
    """A FIX number (leading and trailing zeros, either side of the point empty) in units of 1e-8, exactly."""
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise FixError(f"field {tag} must be a number, not {short(text)}")
    try:
        return decimals.from_text(f"{match[1]}{match[2] or '0'}.{match[3] or '0'}", -8)
    except ValueError as error:
        raise FixError(f"field {tag} {error}, not {short(text)}") from None


def time_ns(text: str) -> int:
    """UTCTimestamp as ns since the Unix epoch; FixError when it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise FixError(f"expected a UTC timestamp, found {short(text)}")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:  # a leap second is the second before it
        when = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        raise FixError(f"expected a UTC timestamp, found {short(text)}") from None
    return int(when.timestamp()) * 10**9 + int((match[7] or "0").ljust(9, "0")[:9])


def timestamp(now_ns: int) -> str:
    """UTCTimestamp with milliseconds."""
    seconds, rest = divmod(now_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}.{rest // 10**6:03d}"


def short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else shown[:57] + "..."
