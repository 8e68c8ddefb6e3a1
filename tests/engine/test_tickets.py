"""A position that was opened in several steps: a hedging account has a ticket of each, which closes name."""

from random import Random

import pytest

from appliance.engine import Capacities
from tests.engine.desk import Desk, only

STEP = 10**6


class Server(Desk):
    """Books as a hedging server does: a close names one open ticket, and takes no more than it has."""

    def __init__(self, capacities: Capacities | None = None) -> None:
        super().__init__(capacities)
        self.tickets: dict[tuple[int, int], int] = {}  # (login, ticket): steps

    def serve(self, outputs: list[dict]) -> list[dict]:
        """Books all, and all that follows."""
        said = []
        queue = only(outputs, "Booking")
        while queue:
            booking = queue.pop(0)
            answer = self.book(booking)
            said += answer
            queue += only(answer, "Booking")
            steps = round(float(booking["volume"]) * 100)
            if booking["entry"] == "opening":
                key = (booking["login"], booking["block"] * 1000 + booking["child"] + 1)
                self.tickets[key] = steps
            else:
                key = (booking["login"], booking["position"])
                assert 0 < steps <= self.tickets[key], "the server knows no such ticket, or it holds less"
                self.tickets[key] -= steps
        return said

    def open(self) -> dict[tuple[int, int], int]:
        return {key: steps for key, steps in self.tickets.items() if steps}


def opened(*volumes: str, capacities: Capacities | None = None) -> Server:
    server = Server(capacities)
    server.usual({1: "1000000", 2: "1000000"})
    for number, volume in enumerate(volumes, 1):
        server.serve(server.deal(number, volume, position=1))
    return server


def close(server: Server, deal: int, volume: str) -> list[dict]:
    return server.deal(deal, volume, side="sell", entry="closing", position=1)


def test_each_opening_has_its_ticket_and_a_full_close_takes_all_of_them() -> None:
    server = opened("2", "4", "1")
    assert sorted(server.open().values()) == [50, 50, 100, 100, 200, 200]
    outputs = close(server, 9, "7")
    assert [b["volume"] for b in only(outputs, "Booking")] == ["1", "1"]  # the oldest ticket first
    said = server.serve(outputs)
    assert server.open() == {} and server.engine.counts()["holdings"] == 0
    further = [row for row in only(said, "PlanMember") if row["reason"] == "further_ticket"]
    assert sorted((row["login"], row["volume"]) for row in further) == [
        (1, "0.5"),
        (1, "2.5"),
        (2, "0.5"),
        (2, "2.5"),
    ]
    report = only(said, "MasterReport")[-1]
    assert (report["status"], report["allocated"], report["house"], report["children"]) == (
        "done",
        "7",
        "0",
        6,
    )
    server.no_law_broken()


def test_a_partial_close_takes_the_oldest_first() -> None:
    server = opened("2", "4")
    server.serve(close(server, 9, "3"))
    assert sorted(server.open().values()) == [150, 150]
    server.serve(close(server, 10, "3"))
    assert server.open() == {}
    server.no_law_broken()


def test_two_closes_at_once_never_name_the_same_volume() -> None:
    server = opened("2", "4")
    first, second = close(server, 9, "3"), close(server, 10, "3")
    server.serve(second)
    server.serve(first)
    assert server.open() == {} and server.engine.counts()["holdings"] == 0
    server.no_law_broken()


def test_a_refused_ticket_leaves_the_whole_rest_owed() -> None:
    server = opened("2", "4")
    (first, second) = only(close(server, 9, "6"), "Booking")
    server.serve([second])
    said = server.book(first, status="refused")
    assert only(said, "MasterReport")[-1]["house"] == "3"
    server.serve(server.clock(10**9))
    assert server.open() == {} and server.engine.counts()["holdings"] == 0
    server.no_law_broken()


def test_no_child_is_free_for_the_next_ticket() -> None:
    """Two children, both in use: what the second ticket holds is owed, and closed later."""
    server = opened("2", "4", capacities=Capacities(children=2))
    server.serve(close(server, 9, "6"))
    for _ in range(3000):
        if server.engine.deadline is None:
            break
        server.serve(server.clock(server.engine.deadline))
    assert server.open() == {} and server.engine.counts()["holdings"] == 0
    server.no_law_broken()


@pytest.mark.parametrize("seed", range(8))
def test_any_openings_and_closes_name_tickets_that_are_there(seed: int) -> None:
    random = Random(seed)
    server = opened("1")
    held, deal = 100, 1
    waiting: list[list[dict]] = []
    for _ in range(60):
        deal += 1
        if held == 0 or random.random() < 0.4:
            steps = random.randint(1, 300)
            waiting.append(server.deal(deal, f"{steps / 100:.2f}", position=1))
            held += steps
        else:
            steps = random.choice([held, random.randint(1, held)])
            waiting.append(close(server, deal, f"{steps / 100:.2f}"))
            held -= steps
        while waiting and (held == 0 or random.random() < 0.6):
            server.serve(waiting.pop(0))
    for outputs in waiting:
        server.serve(outputs)
    if held:
        server.serve(close(server, deal + 1, f"{held / 100:.2f}"))
    assert server.open() == {} and server.engine.counts()["holdings"] == 0
    server.no_law_broken()
