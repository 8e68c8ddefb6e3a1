"""The engine as a bridge sees it: rings, numbers that are taken once, fills that add up."""

from dataclasses import dataclass, field
from typing import Any

from appliance.schema.codec import from_json, to_json
from appliance.schema.decimals import from_text

LOT = 10**8


def units(text: str) -> int:
    return from_text(text, -8)


@dataclass
class LegBook:
    """What the engine believes of one leg."""

    volume: int
    fills: dict[int, tuple[int, int]] = field(default_factory=dict)  # execution number: volume, price
    cumulative: int = 0
    ended: str = ""
    statuses: int = 0


@dataclass
class EngineModel:
    """Takes each message as the engine does; `faults` must stay empty."""

    legs: dict[tuple[int, int], LegBook] = field(default_factory=dict)
    quotes: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    sequence: int = 0
    repeats: int = 0  # a sequence number that was seen
    duplicates: int = 0  # an Execution that adds nothing
    gaps: int = 0
    faults: list[str] = field(default_factory=list)

    def leg(self, block: int, leg: int, volume: int) -> None:
        self.legs[block, leg] = LegBook(volume)

    def take(self, raw: bytes) -> None:
        message = to_json(raw)
        if message["sequence"] <= self.sequence:
            self.repeats += 1
            return
        self.gaps += message["sequence"] != self.sequence + 1
        self.sequence = message["sequence"]
        if message["msg"] == "Quote":
            self.quotes[message["instrument"], message["level"]] = message
        elif message["msg"] == "Execution":
            self._execution(message)

    def _execution(self, m: dict[str, Any]) -> None:
        book = self.legs.get((m["block"], m["leg"]))
        if book is None:
            self.faults.append(f"no such leg: {m}")
            return
        volume, price, cumulative = units(m["volume"]), units(m["price"]), units(m["cumulative"])
        kind, number = m["kind"], m["execution"]
        if kind == "status":
            book.statuses += 1
            if number in self.numbers:
                self.faults.append(f"an answer under an old number: {m}")
            if cumulative != book.cumulative or cumulative + volume > book.volume:
                self.faults.append(f"the status of another order: {m}")
            self.numbers.add(number)
            return
        if number in self.numbers:
            self.duplicates += 1  # told again, because it was asked
            return
        self.numbers.add(number)
        if kind == "trade":
            if volume <= 0 or price <= 0 or cumulative - book.cumulative != volume:
                self.faults.append(f"does not follow {book.cumulative}: {m}")
            book.fills[number] = (volume, price)
        elif kind in ("correct", "bust"):
            if m["reference"] not in book.fills:
                self.faults.append(f"no such fill: {m}")
                return
            old = book.fills.pop(m["reference"])
            if kind == "correct":
                book.fills[m["reference"]] = (volume, price)
            elif volume != old[0]:
                self.faults.append(f"busts {volume} of {old[0]}: {m}")
        else:
            if book.ended not in ("", kind):
                self.faults.append(f"ended otherwise: {m}")
            self.duplicates += bool(book.ended)
            book.ended = kind
        book.cumulative = sum(v for v, _ in book.fills.values())
        if book.cumulative != cumulative:
            self.faults.append(f"adds up to {book.cumulative}: {m}")


def leg_message(
    sequence: int, block: int, leg: int, volume: str, price: str = "0", **fields: Any
) -> dict[str, Any]:
    return {
        "msg": "Leg",
        "sequence": sequence,
        "block": block,
        "leg": leg,
        "volume": volume,
        "price": price,
        "instrument": 1,
        "side": "buy",
        **fields,
    }


__all__ = ["LOT", "EngineModel", "LegBook", "from_json", "leg_message", "to_json", "units"]
