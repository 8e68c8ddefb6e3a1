"""Market data: W and X of a liquidity provider become the levels of our Quote messages. No engine needed."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from appliance.fix.amounts import PRICE_MAX, size
from appliance.fix.config import InstrumentSection, MarketSection
from appliance.fix.wire import Fields, FixError, Request, short, time_ns

BID, OFFER, EMPTY = "0", "1", "J"  # MDEntryType
NEW, CHANGE, DELETE, OVERLAY = "0", "1", "2", "5"  # MDUpdateAction
Key = tuple[str, str, str]


class Entry(NamedTuple):
    """One price of one side. Price 1e-8, volume 1e-8 lot."""

    side: str
    price: int
    volume: int
    quote_id: str


class Level(NamedTuple):
    """One level of a Quote message; a price of 0 on both sides withdraws it."""

    bid: int
    ask: int
    bid_volume: int
    ask_volume: int


WITHDRAWN = Level(0, 0, 0, 0)
REFRESH_NS = 10**8  # a level that stands is told again after this, when the LP speaks of its book


class Book:
    """What the LP quotes of one instrument, and what of it the engine has been told."""

    def __init__(self, instrument: InstrumentSection, depth: int) -> None:
        self.instrument = instrument
        self.quoted = 0  # the LP's clock, ns
        self._depth = depth
        self._entries: dict[Key, Entry] = {}
        self._told: list[Level] = [WITHDRAWN] * depth
        self._told_at = [0] * depth  # ns
        self._again: set[int] = set()  # levels that go out although they are as they were told

    def snapshot(self, entries: Iterable[Fields]) -> None:
        """W: everything anew. FixError leaves the book empty."""
        self._entries = {}
        fresh: dict[Key, Entry] = {}
        for at, fields in enumerate(entries):
            if fields.get(269) in (BID, OFFER):
                # a snapshot may quote a price twice: where there is no id, the place makes it another entry
                key = _key(fields) if fields.get(278) else ("at", str(at), _key(fields)[2])
                fresh[key] = self._entry(fields)
        self._entries = fresh

    def change(self, fields: Fields) -> None:
        """One entry of X. FixError leaves the book empty, since nobody knows what it should be."""
        try:
            self._change(fields)
        except FixError:
            self._entries = {}
            raise

    def _change(self, fields: Fields) -> None:
        action = fields.need(279)
        if action not in (NEW, CHANGE, DELETE, OVERLAY):
            raise FixError(f"field 279 must be 0, 1, 2 or 5, not {short(action)}")
        if fields.get(269) == EMPTY:
            self._entries = {}
            return
        if action != DELETE and fields.get(269) not in (BID, OFFER):
            return
        self._drop_referenced(fields)
        key = self._find(fields)
        if action == DELETE:
            self._entries.pop(key, None)
            return
        old = self._entries.get(key)
        self._entries[key] = self._entry(fields, old)

    def _drop_referenced(self, fields: Fields) -> None:
        """MDEntryRefID: this entry takes the place of another."""
        reference = fields.get(280)
        if reference and reference != fields.get(278):
            self._entries.pop(("id", reference, ""), None)

    def _find(self, fields: Fields) -> Key:
        """The entry that is meant: by its id, else by side and price, the only other names it has."""
        if fields.get(278) or not fields.get(280):
            key = _key(fields)
            if key[0] == "price":
                same = (k for k, e in self._entries.items() if k[0] == "at" and _price_key(e) == key)
                return next(same, key)
            return key
        return "id", fields.need(280), ""

    def _entry(self, fields: Fields, old: Entry | None = None) -> Entry:
        side = fields.need(269)
        price = fields.decimal(270) if old is None or fields.get(270) else old.price
        if not 0 < price <= PRICE_MAX:
            raise FixError(f"field 270 must be a price above 0, not {short(fields.get(270) or '')}")
        volume = old.volume if old is not None else 0
        if fields.get(271):
            units = fields.decimal(271)
            if units < 0:
                raise FixError(f"field 271 must not be negative, not {short(fields.need(271))}")
            volume = size(units, self.instrument.contract)
        return Entry(side, price, volume, fields.get(299) or "")

    def clear(self) -> None:
        """The LP quotes nothing any more."""
        self._entries = {}

    def sides(self) -> tuple[list[Entry], list[Entry]]:
        """Bids from the highest, offers from the lowest; among equals the older first. None without size."""
        entries = [entry for entry in self._entries.values() if entry.volume > 0]
        bids = sorted((e for e in entries if e.side == BID), key=lambda e: -e.price)
        offers = sorted((e for e in entries if e.side == OFFER), key=lambda e: e.price)
        return bids, offers

    def levels(self) -> list[Level]:
        """Exactly `depth` levels. A level has both sides or none. None stands while the book is crossed: the
        engine refuses such a quote, and forgets the whole book with it.
        """
        pairs = list(zip(*self.sides(), strict=False))[: self._depth]
        if pairs and pairs[0][0].price > pairs[0][1].price:
            pairs = []
        levels = [Level(b.price, a.price, b.volume, a.volume) for b, a in pairs]
        return levels + [WITHDRAWN] * (self._depth - len(levels))

    def best(self, side: int) -> Entry | None:
        """What an order of that side (0 buy, 1 sell) would hit first."""
        bids, offers = self.sides()
        return next(iter(bids if side else offers), None)

    def untold(self, passing: bool) -> list[tuple[int, Level]]:
        """Levels that the engine should be told: the newest, or, when nothing may pass, that nothing is left.

        Deeper levels are withdrawn first, so that no level ever stands below a gap.
        """
        wanted = self.levels() if passing else [WITHDRAWN] * self._depth
        levels = enumerate(wanted)
        changed = [(at, level) for at, level in levels if level != self._told[at] or at in self._again]
        gone = [item for item in reversed(changed) if item[1] == WITHDRAWN]
        return gone + [item for item in changed if item[1] != WITHDRAWN]

    def told(self, at: int, level: Level, now: int = 0) -> None:
        """The engine has been sent a level."""
        self._told[at], self._told_at[at] = level, now
        self._again.discard(at)

    def refresh(self, now: int) -> None:
        """The LP has spoken of this book: what stands in it is as new as that, whether it changed or not."""
        self._stands_again(lambda at: abs(now - self._told_at[at]) >= REFRESH_NS)

    def tell_again(self) -> None:
        """What stands goes out again: the engine has refused a quote, and has no book of this LP now."""
        self._stands_again(lambda at: True)

    def _stands_again(self, wanted: Callable[[int], bool]) -> None:
        self._again |= {at for at, level in enumerate(self._told) if level != WITHDRAWN and wanted(at)}

    def forget_told(self) -> None:
        """Nobody knows what the engine was told: say it all again."""
        self._told = [Level(-1, -1, -1, -1)] * self._depth


def _key(fields: Fields) -> Key:
    if entry_id := fields.get(278):
        return "id", entry_id, ""
    return "price", fields.need(269), str(fields.decimal(270))


def _price_key(entry: Entry) -> Key:
    return "price", entry.side, str(entry.price)


class Market:
    """The books of all instruments."""

    def __init__(self, instruments: Iterable[InstrumentSection], settings: MarketSection) -> None:
        self._settings = settings
        self.books = {i.symbol: Book(i, settings.depth) for i in instruments}
        self.by_id = {book.instrument.id: book for book in self.books.values()}

    def requests(self, prefix: str) -> list[Request]:
        """A MarketDataRequest of each symbol; `prefix` must differ from one subscription to the next."""
        updates = "1" if self._settings.updates == "incremental" else "0"
        return [
            [
                (35, "V"),
                (262, f"{prefix}-{book.instrument.id}"),
                (263, "1"),
                (264, str(self._settings.depth)),
                (265, updates),
                (267, [[(269, BID)], [(269, OFFER)]]),
                (146, [[(55, symbol)]]),
            ]
            for symbol, book in self.books.items()
        ]

    def take(self, fields: Fields) -> set[int]:
        """W or X; the numbers of the instruments that it touched. FixError: those it names are empty now."""
        quoted = time_ns(fields.get(52) or fields.need(60))
        if fields.kind == "W":
            book = self._book(fields.need(55))
            book.quoted = quoted
            book.snapshot(fields.group(268))
            return {book.instrument.id}
        touched = set()
        symbol = fields.get(55)
        for entry in fields.group(268):
            symbol = entry.get(55) or symbol  # an entry that names none is of the one before
            if not symbol:
                raise FixError("field 55 is missing")
            book = self._book(symbol)
            book.quoted = quoted
            book.change(entry)
            touched.add(book.instrument.id)
        return touched

    def _book(self, symbol: str) -> Book:
        book = self.books.get(symbol)
        if book is None:
            raise FixError(f"field 55: nobody asked for {short(symbol)}")
        return book

    def clear(self) -> None:
        for book in self.books.values():
            book.clear()
