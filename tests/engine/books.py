"""The laws again, from the outputs alone: an independent set of books that is kept beside an engine.

Volumes are integers, 1e-8 lot. Nothing here knows how the engine works; it hears what goes in and comes out.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

PROPORTIONAL = {"equal", "percent", "ratio", "balance", "equity", "free_margin"}


TRIES = 3  # a further "retry" counts as refused
# What some of MT5's return codes mean (MetaQuotes' reference).
MEANS = {
    10008: "",  # placed
    10009: "booked",
    10012: "unknown",  # time-out
    10014: "refused",  # volume
    10019: "refused",  # no money
    10024: "retry",  # too many requests
    10036: "refused",  # no such position
}


def units(volume: str) -> int:
    """A decimal as 1e-8 units."""
    scaled = Decimal(volume).scaleb(8)
    assert scaled == int(scaled)
    return int(scaled)


@dataclass
class Child:
    """One Booking and its answer."""

    login: int
    volume: int
    price: str
    answer: str = ""  # booked, refused; "" while there is none that is final
    retries: int = 0  # "retry" answers that have not been asked again
    tries: int = 0  # all of them


@dataclass
class Block:
    """What the outputs said of one block."""

    plan: dict[str, Any]
    planned: dict[int, int] = field(default_factory=dict)  # login: volume
    offered: dict[int, int] = field(default_factory=dict)  # child: volume that others refused
    divided: int = -1  # what the children were given when the bookings began
    children: dict[int, Child] = field(default_factory=dict)
    position: tuple[int, int] = (0, 0)
    filled: int = 0
    house: int = 0
    status: str = "fresh"
    room: dict[int, int] = field(default_factory=dict)  # login: what its cap leaves besides its plan
    covers: bool = (
        False  # closes what a refused close left: nothing is executed for it, the house hands it over
    )
    target: int = 0  # a close: most of it that may be executed, when it was planned
    reverses: int = 0  # most that may be traded out again

    @property
    def closing(self) -> bool:
        return bool(self.plan["entry"] == "closing")

    @property
    def own(self) -> bool:
        """The engine's: a flattening, a close-out, a leaving, or what a refused close left."""
        return not (self.plan["order"] or self.plan["deal"])

    @property
    def refused(self) -> int:
        return sum(child.volume for child in self.children.values() if child.answer == "refused")

    @property
    def certain(self) -> int:
        """What it adds to the master's position, whatever happens now; a close takes away, at most."""
        if self.closing:
            executed = self.status in ("allocating", "done")
            return (
                -self.filled
                if executed
                else 0
                if self.status in ("rejected", "rolled_back")
                else -self.target
            )
        if self.status == "allocating":
            return self.filled - self.refused  # which may be traded out again
        return self.filled if self.status == "done" else 0


class Books:
    """Hears every message and every output; asserts the laws after each."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}
        self.of_position: dict[tuple[int, int], list[Block]] = {}
        self.sides: dict[tuple[int, int], str] = {}
        self.over: dict[tuple[int, int], int] = {}  # what deals have closed beyond what there was for sure
        self.batch = 128  # most Bookings of one batch
        self.batches: set[int] = set()
        self.newest = 0

    def hear(self, message: dict[str, Any], outputs: list[dict[str, Any]]) -> None:
        refused = any(output["msg"] == "Reject" for output in outputs)
        if message["msg"] == "BookingReport" and not refused:
            self._answer(message)
        self._hear_batches([output["batch"] for output in outputs if output["msg"] == "Booking"])
        for output in outputs:
            hear = getattr(self, f"_on_{output['msg'].lower()}", None)
            if hear is not None:
                hear(output)
        for number in {spoken.get("block") for spoken in [message, *outputs]}:
            if number in self.blocks:  # nothing else has changed
                self._check(self.blocks[number])

    # --- what is heard ---

    def _hear_batches(self, numbers: list[int]) -> None:
        """One batch's Bookings come one after the other, with one message's outputs, as fit one call."""
        for number in numbers:
            if number != self.newest:
                assert number == self.newest % 65534 + 1
            self.newest = number
        for number in set(numbers):
            assert number not in self.batches and numbers.count(number) <= self.batch
        self.batches |= set(numbers)

    def _answer(self, message: dict[str, Any]) -> None:
        status = MEANS[message["code"]] if message["status"] == "coded" else message["status"]
        if status == "":
            return  # no outcome yet
        child = self.blocks[message["block"]].children[message["child"]]
        assert child.answer == "", "an answered child was answered again, and that was taken"
        if status == "retry":
            child.retries += 1
            child.tries += 1
            if child.tries > TRIES:
                child.answer = "refused"
        elif status in ("booked", "refused"):
            child.answer = status

    def _on_plan(self, plan: dict[str, Any]) -> None:
        assert plan["block"] not in self.blocks
        block = self.blocks[plan["block"]] = Block(plan)
        block.position = (plan["group"], plan["master_position"])
        if plan["entry"] == "closing":
            self._on_close(block)
        else:
            self.sides[block.position] = plan["side"]
        self.of_position.setdefault(block.position, []).append(block)

    def certain(self, position: tuple[int, int]) -> int:
        """What the master has of a position for sure: what is opened, less all that closes may take of it."""
        return sum(block.certain for block in self.of_position.get(position, []) if not block.covers)

    def _on_close(self, block: Block) -> None:
        """Law 6, of closes: what one takes, no other may. A deal is executed already, whatever it closes."""
        volume = units(block.plan["volume"])
        if block.plan["deal"]:
            block.target, left = volume, max(self.certain(block.position), 0)
            self.over[block.position] = self.over.get(block.position, 0) + max(volume - left, 0)
        else:
            block.target = max(0, min(volume, self._booked(block.position)))

    def _on_planmember(self, row: dict[str, Any]) -> None:
        block = self.blocks[row["block"]]
        volume, weight, total = units(row["volume"]), int(row["weight"]), int(block.plan["total_weight"])
        if row["reason"] == "none":
            block.room[row["login"]] = units(row["cap"]) - volume
        if row["reason"] in ("reallocated", "further_ticket"):
            block.offered[row["child"]] = volume
            return
        if row["login"] < 2**64 - 1 and volume:
            block.planned[row["login"]] = volume
        if block.plan["method"] in PROPORTIONAL and total and not row["reason"].startswith("excluded"):
            divided = units(block.plan["volume"]) // units(block.plan["step"]) * units(block.plan["step"])
            exact = Fraction(divided * weight, total)
            assert units(row["quota"]) == exact.numerator // exact.denominator
        if block.closing:
            assert volume <= weight
            assert abs(volume - units(row["quota"])) <= units(block.plan["step"])

    def _on_leg(self, leg: dict[str, Any]) -> None:
        assert leg["block"] in self.blocks, "law 4: a Leg before its Plan"

    def _on_booking(self, booking: dict[str, Any]) -> None:
        assert booking["block"] in self.blocks, "law 4: a Booking before its Plan"
        block = self.blocks[booking["block"]]
        volume = units(booking["volume"])
        assert volume > 0
        known = block.children.get(booking["child"])
        if known is None:
            block.children[booking["child"]] = Child(booking["login"], volume, booking["price"])
        else:
            assert known.answer == "" and known.retries == 1, "law 6: asked again without a retry"
            assert (known.login, known.volume, known.price) == (booking["login"], volume, booking["price"])
            known.retries = 0
        assert len({child.price for child in block.children.values()}) == 1, "law 3"
        assert volume <= block.offered.get(booking["child"], block.planned.get(booking["login"], 0)), "law 2"

    def _on_blockchange(self, change: dict[str, Any]) -> None:
        block = self.blocks[change["block"]]
        filled, house = units(change["filled"]), units(change["house"])
        assert filled >= 0 and house >= 0, "law 9"
        less = change["reason"] in ("reallocated", "unwound")
        assert house >= block.house or block.status != "allocating" or less, "the house never gives back"
        if change["status"] == "filled" and change["reason"] == "not_closed":
            assert block.closing and not (block.plan["order"] or block.plan["deal"])
            block.covers = True
        if change["status"] == "allocating" and block.status != "allocating":
            block.divided = filled
        if change["status"] == "rolling_back":
            block.reverses = filled
        block.filled, block.house, block.status = filled, house, change["status"]
        if change["status"] in ("allocating", "done", "rolling_back", "rolled_back"):
            assert units(change["allocated"]) + house == filled, "law 1"
        if change["status"] == "filled" and block.plan["reason"] == "none":
            self._check_clients_first(block)
        if change["status"] in ("allocating", "done"):
            self._check_closed_once(block.position)

    def _check_closed_once(self, position: tuple[int, int]) -> None:
        """Law 6: the master's position is never closed, or traded out, beyond what was opened of it."""
        left = self.over.get(position, 0) + self._booked(position)
        assert left >= 0, f"law 6: {position} is closed twice"

    def _booked(self, position: tuple[int, int]) -> int:
        """What has been executed of a position."""
        return sum(
            -block.filled if block.closing else block.filled
            for block in self.of_position.get(position, [])
            if block.status in ("allocating", "done") and not block.covers
        )

    def _on_masterreport(self, report: dict[str, Any]) -> None:
        block = self.blocks[report["block"]]
        assert units(report["filled"]) == block.filled
        if report["status"] == "done":
            booked = sum(child.volume for child in block.children.values() if child.answer == "booked")
            assert booked == units(report["allocated"]), (
                "law 1: done, and the server has booked something else"
            )
        if report["status"] == "rejected":
            assert block.filled == 0 and not block.children
        if report["status"] == "rolled_back":
            assert not block.children, "a rollback touches no child"

    # --- what must hold at any time ---

    def _check(self, block: Block) -> None:
        if block.status in ("allocating", "done"):
            mine = sum(child.volume for child in block.children.values() if child.answer != "refused")
            assert mine <= block.filled, "law 1: more asked for than was filled"
        if block.status == "allocating" and not block.closing:
            self._check_entitlement(block)

    def _check_clients_first(self, block: Block) -> None:
        """Law 9, of a plan: under redistribute nobody could have taken one more step of what is left."""
        plan = block.plan
        left = units(plan["volume"]) - units(plan["planned"])
        if plan["on_shortfall"] != "redistribute" or plan["method"] not in PROPORTIONAL or block.closing:
            return
        step = units(plan["step"])
        for login, room in block.room.items():
            if left >= step and login in block.planned:
                assert room < step, "law 9: the house has what a client could take"

    def _check_entitlement(self, block: Block) -> None:
        """Law 2, of an opening without a minimum: exact shares of the whole steps filled, within a step.

        A block that ends short is divided by the policy's rounding: under carry what is owed from before
        counts too (less than a step), under overflow one login may take all that is left. A Booking may wait
        for its server, so who was not asked yet has nothing to show.
        """
        step, total = units(block.plan["step"]), sum(block.planned.values())
        if units(block.plan["minimum"]) > step or not total:
            return
        rounding = block.plan["rounding"]
        asked = {c.login: c.volume for number, c in block.children.items() if number not in block.offered}
        everybody = sum(asked.values()) + block.house == block.divided
        for login, planned in block.planned.items():
            if login not in asked and not everybody:
                continue
            exact = Fraction(min(block.divided, total) // step * step * planned, total)
            away = asked.get(login, 0) - exact
            assert away > (-2 * step if rounding == "carry" else -step), "law 2"
            if rounding != "overflow":
                assert away < (2 * step if rounding == "carry" else step), "law 2"

    # --- when everything is answered ---

    def holdings(self) -> dict[tuple[int, int], dict[int, int]]:
        """What each login holds of each master position, from the server's answers alone; zeros left out."""
        held: dict[tuple[int, int], dict[int, int]] = {}
        for block in self.blocks.values():
            for child in block.children.values():
                if child.answer == "booked":
                    logins = held.setdefault(block.position, {})
                    signed = -child.volume if block.closing else child.volume
                    logins[child.login] = logins.get(child.login, 0) + signed
        return {position: {k: v for k, v in logins.items() if v} for position, logins in held.items()}

    def masters(self) -> dict[tuple[int, int], int]:
        """The master's volume of each position."""
        held: dict[tuple[int, int], int] = {}
        for block in self.blocks.values():
            if block.status == "rolled_back" or block.covers:
                continue  # what could not be traded out is the house's own, not of the position
            signed = -block.filled if block.closing else block.filled
            held[block.position] = held.get(block.position, 0) + signed
        return held

    def houses(self) -> dict[tuple[int, int], int]:
        """What the house holds of each position."""
        held: dict[tuple[int, int], int] = {}
        for block in self.blocks.values():
            if block.status == "rolled_back":
                continue
            signed = -block.house if block.closing else block.house
            signed += block.filled if block.covers else 0
            held[block.position] = held.get(block.position, 0) + signed
        return held
