"""The data dictionary that we give the FIX engine: the messages of this bridge, and their repeating groups.

It exists because an engine without one takes the fields of a repeating group for repeated fields. It asks for
nothing and checks no value: a message that the engine itself refused would be lost to us, so orders.py and
market.py look at every field, and say what they do not understand.
"""

from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr


class Group(NamedTuple):
    """A repeating group: the tag of its count, and its members, the first of which begins each entry."""

    counter: str
    members: tuple["Member", ...]


Member = str | Group


def _tags(text: str) -> tuple[Member, ...]:
    return tuple(text.split())


def _group(count: str, members: str, *groups: Group) -> Group:
    return Group(count, (*_tags(members), *groups))


HEADER = _tags("8 9 35 49 56 34 43 97 52 122 50 57 115 116 128 129 142 143 144 145 347 369")
TRAILER = _tags("93 89 10")
INSTRUMENT = _tags("55 65 48 22 460 461 167 762 200 541 231 223 207 106 107")
ORDER = _tags("1 11 15 18 21 37 38 40 41 44 54 58 59 60 63 64 99 110 117 126 152 198 526 581 790 847")
REPORT = _tags(
    "6 12 13 14 17 19 20 29 30 31 32 39 75 76 100 102 103 119 120 130 150 151 155 156 159 192 194 195 378 "
    "381 423 424 425 426 427 434 442 483 527 571 583 584 636 637 640 641 797 851 911 912 1057"
)
ENTRY = (
    "270 15 271 272 273 274 275 276 277 282 283 284 286 59 432 126 110 18 287 37 299 288 289 346 290 546 58 "
    "63 64 336 625 188 190 189 191 451 811 1070 1023"
)
SYMBOL = " ".join(str(tag) for tag in INSTRUMENT)
PARTIES = _group("453", "448 447 452", _group("802", "523 803"))
REPORT_GROUPS = (
    PARTIES,
    _group("382", "375 337 437 438 655"),
    _group("518", "519 520 521"),
    _group("136", "137 138 139 891"),
    _group("454", "455 456"),
    _group("864", "865 866 867 868"),
    _group("232", "233 234"),
)
QUOTES = _group("295", f"299 {SYMBOL} 132 133 134 135 62 188 190 60 64")
MARKET = _tags("15 60 75 262 451 813 911 1021 1500")

ADMIN: dict[str, tuple[Member, ...]] = {
    "0": _tags("112"),
    "1": _tags("112"),
    "2": _tags("7 16"),
    "3": _tags("45 371 372 373 58 354 355"),
    "4": _tags("123 36"),
    "5": _tags("58 354 355 789 1409"),
    "A": _tags("98 108 95 96 141 789 383 464 553 554 925 58 1137"),
}
APPLICATION: dict[str, tuple[Member, ...]] = {
    "D": (*ORDER, *INSTRUMENT),
    "F": (*ORDER, *INSTRUMENT),
    "H": (*ORDER, *INSTRUMENT, PARTIES),
    "V": (*_tags("262 263 264 265 266"), _group("267", "269"), _group("146", SYMBOL)),
    "W": (*MARKET, *INSTRUMENT, _group("268", f"269 278 {ENTRY}")),
    "X": (*MARKET, *INSTRUMENT, _group("268", f"279 285 269 278 280 {SYMBOL} {ENTRY}")),
    "Y": (*_tags("262 281 58 354 355"), PARTIES, _group("816", "817")),
    "8": (*ORDER, *REPORT, *INSTRUMENT, *_tags("354 355"), *REPORT_GROUPS),
    "9": (*ORDER, *_tags("39 102 434 354 355")),
    "i": (*_tags("131 117 537 301 293 294"), _group("296", "302 367 304 893", QUOTES)),
    "j": _tags("45 372 379 380 58 354 355"),
}
TYPES = dict.fromkeys(("9", "93", "95", "354"), "LENGTH") | dict.fromkeys(("89", "96", "355"), "DATA")


def text() -> str:
    """The dictionary, in QuickFIX's XML."""
    parts = (HEADER, TRAILER, *ADMIN.values(), *APPLICATION.values())
    found = [tag for part in parts for tag in _all(part)]
    counts = {tag for tag, is_count in found if is_count}
    kinds = TYPES | dict.fromkeys(counts, "NUMINGROUP")
    fields = "".join(
        f"<field number='{tag}' name='F{tag}' type='{kinds.get(tag, 'STRING')}'/>\n"
        for tag in sorted({tag for tag, _ in found}, key=int)
    )
    messages = _messages(ADMIN, "admin") + _messages(APPLICATION, "app")
    return (
        "<fix type='FIX' major='4' minor='4' servicepack='0'>\n"
        f"<header>{_members(HEADER)}</header>\n<messages>\n{messages}</messages>\n"
        f"<trailer>{_members(TRAILER)}</trailer>\n<components/>\n<fields>\n{fields}</fields>\n</fix>\n"
    )


def write(path: Path) -> None:
    path.write_text(text(), "ascii")


def _messages(messages: dict[str, tuple[Member, ...]], category: str) -> str:
    return "".join(
        f"<message name='M{kind}' msgtype={quoteattr(kind)} msgcat='{category}'>{_members(body)}</message>\n"
        for kind, body in messages.items()
    )


def _members(members: tuple[Member, ...]) -> str:
    return "".join(
        f"<field name='F{member}' required='N'/>"
        if isinstance(member, str)
        else f"<group name='F{member.counter}' required='N'>{_members(member.members)}</group>"
        for member in dict.fromkeys(members)
    )


def _all(members: tuple[Member, ...]) -> list[tuple[str, bool]]:
    """Every tag, and whether it counts a group."""
    found = []
    for member in members:
        if isinstance(member, str):
            found.append((member, False))
        else:
            found += [(member.counter, True), *_all(member.members)]
    return found
