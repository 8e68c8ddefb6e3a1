"""The broker's server: the truth of what it has booked for each client, and its answers on their way.

Law 6 of the children, opens and closes: what has an answer is never asked again, a close takes from the
client what the client has of that master's position, and from the ticket that it names, never twice.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from tests.engine.books import MEANS, Block, units

# The same answer in the status of the message, or as a return code of MT5.
CODED = {"booked": ["booked", "booked", "10009"], "refused": ["refused", "10019", "10036", "10014"]}
KIND = ["booked"]
UNKIND = ["booked"] * 6 + ["refused", "refused", "retry", "unknown", "silent"]


@dataclass
class Ticket:
    """A client's position in a hedging account."""

    of: tuple[int, int]  # group and ticket of the master's position
    side: str
    volume: int


class Server:
    """Books at once what it will book, whatever it says of it and when."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kind = False
        self.hedging: dict[int, bool] = {}
        self.asked: dict[tuple[int, int], dict[str, Any]] = {}
        self.answers: dict[tuple[int, int], str] = {}
        self.taken: dict[tuple[int, int], str] = {}  # final answers that the engine has taken
        self.waiting: list[tuple[dict[str, Any], str]] = []
        self.held: dict[tuple[int, int], dict[int, int]] = {}  # master's position: login: volume
        self.tickets: dict[tuple[int, int], Ticket] = {}  # (login, ticket)
        self.nets: dict[int, tuple[int, int]] = {}  # login: ticket, signed volume
        self.positions: dict[tuple[int, int], int] = {}  # (block, child): the ticket that its report names

    def margin_mode(self, login: int, netting: bool) -> str:
        if login not in self.hedging:
            self.hedging[login] = not netting or self.random.random() < 0.5
        return "hedging" if self.hedging[login] else "netting"

    def on_booking(self, booking: dict[str, Any], block: Block) -> None:
        key = (booking["block"], booking["child"])
        self.asked[key] = booking
        assert key not in self.answers, "law 6: a booking that has an answer was asked again"
        status = self.random.choice(KIND if self.kind else UNKIND)
        if status == "retry":
            self.waiting.append((booking, self.random.choice(["retry", "10024"])))
            return
        self.answers[key] = "refused" if status == "refused" else "booked"
        if self.answers[key] == "booked":
            self.execute(booking, block)
        if status != "silent":
            final = self.random.choice(CODED[self.answers[key]])
            unknown = self.random.choice(["unknown", "10012", "10008"])
            self.waiting.append((booking, unknown if status == "unknown" else final))
        if status == "unknown":
            self.waiting.append((booking, self.answers[key]))

    def on_query(self, block: int) -> None:
        for key in [key for key in self.asked if key[0] == block]:
            self.say_again(key)

    def say_again(self, key: tuple[int, int]) -> None:
        if key in self.answers:
            self.waiting.append((self.asked[key], self.answers[key]))

    # --- what it has ---

    def execute(self, booking: dict[str, Any], block: Block) -> None:
        login, volume, closes = booking["login"], units(booking["volume"]), booking["entry"] == "closing"
        number = booking["block"] * 1000 + booking["child"] + 1
        held = self.held.setdefault(block.position, {})
        held[login] = held.get(login, 0) + (-volume if closes else volume)
        assert held[login] >= 0, "law 6: a client was closed beyond what it has of the position"
        if not self.hedging[login]:
            ticket = self.net(login, number, volume if booking["side"] == "buy" else -volume)
        elif closes:
            ticket = booking["position"]
            of = self.tickets.get((login, ticket))
            assert of is not None, "law 6: a close names a ticket that the client does not have"
            assert (of.of, of.side) == (block.position, "sell" if booking["side"] == "buy" else "buy")
            of.volume -= volume
            assert of.volume >= 0, "law 6: a ticket was closed twice"
            if of.volume == 0:
                del self.tickets[login, ticket]
        else:
            ticket = number
            self.tickets[login, ticket] = Ticket(block.position, booking["side"], volume)
        self.positions[booking["block"], booking["child"]] = ticket

    def net(self, login: int, number: int, signed: int) -> int:
        ticket, before = self.nets.get(login, (number, 0))
        after = before + signed
        if before == 0 or (before > 0) != (after > 0):
            ticket = number if after else ticket
        self.nets[login] = (ticket, after)
        return ticket

    # --- what it says ---

    def next(self) -> tuple[dict[str, Any], str] | None:
        return self.waiting.pop(self.random.randrange(len(self.waiting))) if self.waiting else None

    def position(self, booking: dict[str, Any]) -> int:
        key = (booking["block"], booking["child"])
        return self.positions.get(key) or booking["position"] or key[0] * 1000 + key[1] + 1

    def final(self, answer: str) -> str:
        return MEANS[int(answer)] if answer.isdigit() else answer
