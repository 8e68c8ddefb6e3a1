"""The dealing desk: repeats, one price, sums, and every breach by its name."""

from typing import Any

import pytest
from appliance._broker import ffi, lib

from appliance.broker.scenario import LOT, MONEY, ONE, Account, Instrument, Order
from appliance.broker.server import VIOLATIONS, accounts_array, instruments_array, orders_array

INSTRUMENTS = (Instrument(1, "EURUSD", "EUR", "USD", 5), Instrument(2, "USDJPY", "USD", "JPY", 3))
ACCOUNTS = (
    *(Account(login, 7, "USD", 100_000 * MONEY, 100) for login in (11, 12, 13)),
    Account(14, 7, "USD", 100_000 * MONEY, 100, margin_mode=0),
    Account(21, 8, "USD", 100_000 * MONEY, 100),
    Account(22, 9, "USD", 100_000 * MONEY, 100, trade_mode=3),
    Account(90, 0, "USD", 100_000 * MONEY, 100),
)
ORDERS = (
    Order(7, 1, 0, 4 * LOT),  # 1
    Order(7, 1, 1, 0, closes=1),  # 2: all of 1
    Order(8, 1, 0, LOT, execution=1, deviation=1000),  # 3: stp
    Order(7, 1, 0, 4 * LOT),  # 4
    Order(7, 1, 1, LOT, closes=1),  # 5: nothing is left of 1
    Order(9, 1, 0, LOT),  # 6: its member may only close
)
ASK = 110_010_000
ALLOCATING, DONE, REJECTED = 5, 6, 7


class Desk:
    def __init__(self, refuse: int = 0, seed: int = 1, bookings: int = 100) -> None:
        accounts = accounts_array(ACCOUNTS)
        self.ledger = ffi.gc(
            lib.mam_ledger_new(instruments_array(INSTRUMENTS), 2, accounts, len(ACCOUNTS), 100),
            lib.mam_ledger_free,
        )
        self.price(ASK)
        self.orders = orders_array(ORDERS)
        made = lib.mam_desk_new(self.ledger, self.orders, len(ORDERS), bookings, seed, refuse)
        self.pointer = ffi.gc(made, lib.mam_desk_free)
        self.index = 0
        self.next_child = 0

    def price(self, ask: int) -> None:
        assert lib.mam_ledger_price(self.ledger, 1, ask - 10_000, ask)

    def submit(self, number: int) -> int:
        return int(lib.mam_desk_submit(self.pointer, number))

    def book(
        self, login: int, volume: int = LOT, block: int = 1, child: int | None = None, **fields: Any
    ) -> int:
        """Returns the code; `index` is the booking."""
        child = self.next_child if child is None else child
        self.next_child += 1
        deal = {"login": login, "volume": volume, "price": ASK, "instrument": 1} | fields
        code = ffi.new("uint32_t *")
        request = ffi.new("struct mam_booking_request *", {"block": block, "child": child, "deal": deal})
        self.index = int(lib.mam_desk_book(self.pointer, request, code))
        return int(code[0])

    def ticket(self, index: int) -> int:
        bookings = ffi.new("struct mam_desk_booking **")
        assert lib.mam_desk_bookings(self.pointer, bookings) > index
        return int(bookings[0][index].position)

    def report(self, number: int, status: int, allocated: int, **fields: Any) -> int:
        values = {
            "order": lib.mam_desk_order_ticket(number),
            "block": 1,
            "filled": allocated + fields.get("house", 0),
            "allocated": allocated,
            "price": ASK,
            "children": self.next_child,
            "status": status,
        }
        return int(lib.mam_desk_report(self.pointer, ffi.new("struct mam_block_report *", values | fields)))

    @property
    def violations(self) -> dict[str, int]:
        counts = lib.mam_desk_counts(self.pointer).violations
        return {name: int(counts[kind]) for kind, name in enumerate(VIOLATIONS) if counts[kind]}

    @property
    def counts(self) -> Any:
        return lib.mam_desk_counts(self.pointer)


@pytest.fixture
def desk() -> Desk:
    """Order 1 (buy 4 lots, group 7) is at work."""
    desk = Desk()
    assert desk.submit(1) == 1
    return desk


def fill(desk: Desk, number: int = 1, block: int = 1) -> list[int]:
    """Books 2, 1, 1 and ends the order; the tickets."""
    indexes = []
    for login, volume in ((11, 2 * LOT), (12, LOT), (13, LOT)):
        assert desk.book(login, volume, block) == lib.MAM_CODE_DONE
        indexes.append(desk.index)
    assert desk.report(number, ALLOCATING, 4 * LOT, block=block) == 0
    assert desk.report(number, DONE, 4 * LOT, block=block) == number
    return [desk.ticket(index) for index in indexes]


def test_a_block_from_open_to_full_close(desk: Desk) -> None:
    tickets = fill(desk)
    desk.price(110_030_000)
    assert desk.submit(2) == 1
    assert (desk.orders[1].executed, desk.orders[1].price) == (4 * LOT, 110_020_000)
    close = {"block": 2, "side": 1, "entry": 1, "price": 110_020_000}
    for login, volume, ticket in zip((11, 12, 13), (2 * LOT, LOT, LOT), tickets, strict=True):
        assert desk.book(login, volume, position=ticket, **close) == lib.MAM_CODE_DONE
    assert desk.report(2, DONE, 4 * LOT, block=2, price=110_020_000) == 2
    assert desk.violations == {}
    assert (desk.orders[0].remaining, desk.orders[0].held, desk.counts.done) == (0, 0, 2)
    assert desk.submit(5) == 0
    assert desk.counts.skipped == 1


def test_a_repeat_is_answered_by_the_same_deal(desk: Desk) -> None:
    assert desk.book(11, child=5) == lib.MAM_CODE_DONE
    first = desk.index
    assert desk.book(11, child=5) == lib.MAM_CODE_DONE
    assert desk.index == first
    assert (desk.counts.booked, desk.counts.repeated) == (1, 1)
    assert desk.violations == {}


@pytest.mark.parametrize(
    "change",
    [{"login": 12}, {"volume": 2 * LOT}, {"price": ASK + 1}, {"side": 1}, {"instrument": 2}, {"position": 1}],
)
def test_a_changed_repeat_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    assert desk.book(11, child=5) == lib.MAM_CODE_DONE
    assert desk.book(**{"login": 11, "child": 5} | change) == lib.MAM_CODE_INVALID
    assert desk.violations == {"changed_repeat": 1}
    assert desk.counts.booked == 1


def test_a_refused_child_stays_refused(desk: Desk) -> None:
    """The repeat of a refusal is the refusal, even when it could be booked by now."""
    assert desk.book(11, 5 * LOT, child=5) == lib.MAM_CODE_VOLUME
    assert desk.book(11, 5 * LOT, child=5) == lib.MAM_CODE_VOLUME
    assert desk.violations == {"over_allocated": 1}


@pytest.mark.parametrize(
    ("name", "code", "fields"),
    [
        ("unknown_login", "INVALID", {"login": 99}),
        ("unknown_login", "INVALID", {"login": 21}),
        ("unknown_instrument", "INVALID", {"instrument": 2}),
        ("unknown_instrument", "INVALID", {"instrument": 3}),
        ("side", "INVALID", {"side": 1}),
        ("side", "INVALID", {"entry": 1}),
        ("price", "PRICE", {"price": 0}),
        ("one_price", "PRICE", {"price": ASK + 1}),
        ("volume", "VOLUME", {"volume": 0}),
        ("volume", "VOLUME", {"volume": -LOT}),
        ("volume", "VOLUME", {"volume": LOT + 1}),
        ("over_allocated", "VOLUME", {"volume": 4 * LOT}),
    ],
)
def test_nonsense_is_refused_by_name(desk: Desk, name: str, code: str, fields: dict[str, Any]) -> None:
    assert desk.book(11) == lib.MAM_CODE_DONE
    assert desk.book(**{"login": 12} | fields) == getattr(lib, f"MAM_CODE_{code}")
    assert desk.violations == {name: 1}
    assert desk.counts.booked == 1
    detail = lib.mam_desk_violation(desk.pointer)
    assert (VIOLATIONS[detail.kind], detail.block) == (name, 1)


def test_a_child_of_no_order(desk: Desk) -> None:
    assert desk.book(21, block=2) == lib.MAM_CODE_INVALID
    assert desk.violations == {"wrong_block": 1}


def test_a_child_after_the_end(desk: Desk) -> None:
    fill(desk)
    assert desk.book(11) == lib.MAM_CODE_INVALID
    assert desk.violations == {"wrong_block": 1}


def test_permission_is_the_appliances_matter() -> None:
    desk = Desk()
    assert desk.submit(6) == 1
    assert desk.book(22) == lib.MAM_CODE_CLOSE_ONLY
    assert desk.violations == {"permission": 1}


def test_too_little_money_is_nobodys_fault() -> None:
    desk = Desk()
    desk.orders[0].volume = 400 * LOT
    assert desk.submit(1) == 1
    assert desk.book(11, 300 * LOT) == lib.MAM_CODE_NO_MONEY
    assert (desk.violations, desk.counts.no_money, desk.counts.refused) == ({}, 1, 1)
    assert desk.report(1, ALLOCATING, 300 * LOT, filled=400 * LOT, house=100 * LOT) == 0
    assert desk.report(1, DONE, 0, house=400 * LOT) == 1
    assert desk.violations == {}


def test_stp_children_have_one_price_that_the_report_confirms() -> None:
    desk = Desk()
    assert desk.submit(3) == 1
    assert desk.book(21, LOT // 2, price=ASK - 3) == lib.MAM_CODE_DONE
    assert desk.book(21, LOT // 2, price=ASK - 4) == lib.MAM_CODE_PRICE
    assert desk.violations == {"one_price": 1}
    assert desk.report(3, DONE, LOT // 2, price=ASK - 3) == 3
    assert desk.violations == {"one_price": 1}
    assert desk.orders[2].remaining == LOT // 2


def test_stp_report_with_another_price() -> None:
    desk = Desk()
    assert desk.submit(3) == 1
    assert desk.book(21, LOT // 2) == lib.MAM_CODE_DONE
    desk.report(3, DONE, LOT // 2, price=ASK - 3)
    assert desk.violations == {"one_price": 1}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"allocated": 3 * LOT}, "conservation"),
        ({"filled": 5 * LOT}, "conservation"),
        ({"house": 1, "filled": 4 * LOT + 1}, "conservation"),
        ({"allocated": 2**63 - 1, "house": 2**63 - 1, "filled": 0}, "conservation"),
        ({"price": ASK + 1}, "one_price"),
        ({"order": 1000000002}, "wrong_block"),
        ({"order": 77}, "wrong_block"),
    ],
)
def test_sums_are_checked_at_the_end(desk: Desk, fields: dict[str, int], name: str) -> None:
    for login, volume in ((11, 2 * LOT), (12, LOT), (13, LOT)):
        desk.book(login, volume)
    desk.report(**{"number": 1, "status": DONE, "allocated": 4 * LOT} | fields)
    assert set(desk.violations) == {name}


@pytest.mark.parametrize("filled", [-LOT, 5 * LOT, -(2**63)])
def test_an_impossible_fill_does_not_become_a_position(desk: Desk, filled: int) -> None:
    desk.report(1, DONE, 0, filled=filled)
    assert (desk.orders[0].filled, desk.orders[0].remaining) == (0, 0)
    assert desk.violations["conservation"] >= 1


def test_a_lost_child_is_missed(desk: Desk) -> None:
    desk.book(11, 2 * LOT)
    desk.report(1, ALLOCATING, 4 * LOT)
    assert desk.violations == {"children": 1}


def test_a_rejected_block_may_have_no_children(desk: Desk) -> None:
    desk.book(11)
    assert desk.report(1, REJECTED, 0) == 1
    assert desk.violations == {"conservation": 1}


def test_a_close_names_a_ticket_of_this_position(desk: Desk) -> None:
    tickets = fill(desk)
    assert desk.submit(4) == 1
    fill(desk, 4, block=2)
    assert desk.submit(2) == 1
    close = {"block": 3, "side": 1, "entry": 1, "price": ASK - 10_000}
    other = desk.ticket(3)
    for ticket, volume, name in (
        (other, LOT, "position"),
        (0, LOT, "position"),
        (tickets[0], 3 * LOT, "over_close"),
    ):
        before = desk.violations.get(name, 0)
        assert desk.book(11, volume, position=ticket, **close) != lib.MAM_CODE_DONE
        assert desk.violations[name] == before + 1


def test_a_full_close_leaves_nothing(desk: Desk) -> None:
    tickets = fill(desk)
    assert desk.submit(2) == 1
    close = {"block": 2, "side": 1, "entry": 1, "price": ASK - 10_000}
    assert desk.book(11, 2 * LOT, position=tickets[0], **close) == lib.MAM_CODE_DONE
    desk.report(2, DONE, 2 * LOT, house=2 * LOT, block=2, price=ASK - 10_000)
    assert desk.violations == {"residue": 1}


def test_faults_are_injected_by_seed_and_only_when_asked() -> None:
    def refused(seed: int) -> list[bool]:
        desk = Desk(refuse=500, seed=seed)
        desk.submit(1)
        return [desk.book(login) == lib.MAM_CODE_REJECTED for login in (11, 12, 13)]

    assert all(refused(seed) == refused(seed) for seed in range(5))
    assert 0 < sum(sum(refused(seed)) for seed in range(20)) < 60


def test_a_full_table_asks_to_try_again() -> None:
    desk = Desk(bookings=1)
    desk.submit(1)
    assert desk.book(11) == lib.MAM_CODE_DONE
    assert desk.book(12) == lib.MAM_CODE_TOO_MANY
    assert desk.violations == {"table_full": 1}


@pytest.mark.parametrize(
    "order",
    [
        Order(0, 1, 0, LOT),
        Order(7, 3, 0, LOT),
        Order(7, 1, 2, LOT),
        Order(7, 1, 0, 0),
        Order(7, 1, 0, -LOT),
        Order(7, 1, 0, LOT, closes=1),
        Order(7, 1, 1, LOT, closes=9),
        Order(8, 1, 1, LOT, closes=1),
        Order(7, 2, 1, LOT, closes=1),
    ],
)
def test_refuses_a_script_that_cannot_be(order: Order) -> None:
    desk = Desk()
    orders = orders_array((ORDERS[0], order))
    assert lib.mam_desk_new(desk.ledger, orders, 2, 10, 1, 0) == ffi.NULL


def test_no_price_no_order() -> None:
    desk = Desk()
    orders = orders_array((Order(7, 2, 0, LOT),))
    other = lib.mam_desk_new(desk.ledger, orders, 1, 10, 1, 0)
    assert lib.mam_desk_submit(other, 1) == -1
    lib.mam_desk_free(other)
    assert ONE == LOT
