"""The server's ledger: what it books, to the last unit, and each nonsense that it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from appliance._broker import ffi, lib
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.broker.scenario import LOT, MONEY, ONE, Account, Instrument
from appliance.broker.server import accounts_array, instruments_array

EURUSD = Instrument(1, "EURUSD", "EUR", "USD", 5)
USDJPY = Instrument(2, "USDJPY", "USD", "JPY", 3)
HEDGER, NETTER, JAPANESE, POOR = 11, 12, 13, 14
LONG_ONLY, SHORT_ONLY, CLOSE_ONLY, DISABLED = 15, 16, 17, 18
ACCOUNTS = (
    Account(HEDGER, 1, "USD", 100_000 * MONEY, 100),
    Account(NETTER, 1, "USD", 100_000 * MONEY, 100, margin_mode=0),
    Account(JAPANESE, 1, "JPY", 10_000_000 * MONEY, 100),
    Account(POOR, 1, "USD", 100 * MONEY, 100),
    Account(LONG_ONLY, 1, "USD", 100_000 * MONEY, 100, trade_mode=1),
    Account(SHORT_ONLY, 1, "USD", 100_000 * MONEY, 100, trade_mode=2),
    Account(CLOSE_ONLY, 1, "USD", 100_000 * MONEY, 100, trade_mode=3),
    Account(DISABLED, 1, "USD", 100_000 * MONEY, 100, trade_mode=0),
)
PRICE = 110_010_000  # 1.1001


class Ledger:
    def __init__(self, positions: int = 100) -> None:
        instruments = instruments_array((EURUSD, USDJPY))
        made = lib.mam_ledger_new(instruments, 2, accounts_array(ACCOUNTS), len(ACCOUNTS), positions)
        self.pointer = ffi.gc(made, lib.mam_ledger_free)
        assert lib.mam_ledger_price(self.pointer, 1, 110_000_000, PRICE)
        assert lib.mam_ledger_price(self.pointer, 2, 109 * ONE, 109 * ONE + 1_000_000)
        self.ticket = 0

    def book(self, login: int = HEDGER, **fields: Any) -> int:
        request = {
            "login": login,
            "instrument": 1,
            "side": 0,
            "entry": 0,
            "volume": LOT,
            "price": PRICE,
        } | fields
        ticket = ffi.new("uint64_t *")
        code = int(lib.mam_ledger_book(self.pointer, ffi.new("struct mam_ledger_request *", request), ticket))
        assert (ticket[0] != 0) == (code == lib.MAM_CODE_DONE)
        self.ticket = int(ticket[0])
        return code

    def figures(self, login: int = HEDGER) -> tuple[int, int, int]:
        """Balance, equity, margin."""
        out = ffi.new("struct mam_ledger_figures *")
        assert lib.mam_ledger_figures(self.pointer, login, out)
        return int(out.balance), int(out.equity), int(out.margin)

    def held(self, ticket: int) -> int:
        return int(lib.mam_ledger_held(self.pointer, ticket))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_open_and_close_to_the_cent(ledger: Ledger) -> None:
    """One lot bought at 1.1001, marked at the bid 1.1000, closed at 1.1005: 10 down, then 40 up."""
    assert ledger.book() == lib.MAM_CODE_DONE
    ticket = ledger.ticket
    assert ledger.figures() == (100_000 * MONEY, 99_990 * MONEY, 1100_100000)
    assert (
        ledger.book(side=1, entry=1, position=ticket, price=110_050_000, volume=LOT // 4) == lib.MAM_CODE_DONE
    )
    assert ledger.held(ticket) == LOT * 3 // 4
    assert ledger.figures()[0] == 100_010 * MONEY
    assert (
        ledger.book(side=1, entry=1, position=ticket, price=110_050_000, volume=LOT * 3 // 4)
        == lib.MAM_CODE_DONE
    )
    assert ledger.figures() == (100_040 * MONEY, 100_040 * MONEY, 0)


def test_money_in_another_currency_is_rounded_against_the_account(ledger: Ledger) -> None:
    """Profit in USD becomes yen at the bid, loss at the ask, the margin at the ask."""
    assert ledger.book(JAPANESE, price=110_000_000) == lib.MAM_CODE_DONE
    balance, equity, margin = ledger.figures(JAPANESE)
    assert (balance, equity) == (10_000_000 * MONEY, 10_000_000 * MONEY)
    assert margin == 1100_100000 * 10901 // 100
    assert (
        ledger.book(JAPANESE, side=1, entry=1, position=ledger.ticket, price=109_990_000) == lib.MAM_CODE_DONE
    )
    assert ledger.figures(JAPANESE)[0] == (10_000_000 * 100 - 10 * 10901) * MONEY // 100


def test_netting_adds_reduces_closes_and_reverses(ledger: Ledger) -> None:
    assert ledger.book(NETTER) == lib.MAM_CODE_DONE
    ticket = ledger.ticket
    assert ledger.book(NETTER, price=110_030_000) == lib.MAM_CODE_DONE
    assert (ledger.ticket, ledger.held(ticket)) == (ticket, 2 * LOT)
    assert ledger.book(NETTER, side=1, price=110_020_000) == lib.MAM_CODE_DONE  # average 1.1002: nothing won
    assert (ledger.held(ticket), ledger.figures(NETTER)[0]) == (LOT, 100_000 * MONEY)
    assert ledger.book(NETTER, side=1, volume=3 * LOT) == lib.MAM_CODE_DONE
    assert (ledger.held(ticket), ledger.held(ledger.ticket)) == (0, 2 * LOT)
    assert ledger.book(NETTER, entry=1, volume=2 * LOT) == lib.MAM_CODE_DONE
    assert ledger.figures(NETTER)[2] == 0


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("INVALID", {"login": 99}),
        ("INVALID", {"instrument": 3}),
        ("INVALID", {"side": 2}),
        ("INVALID", {"entry": 2}),
        ("VOLUME", {"volume": 0}),
        ("VOLUME", {"volume": -LOT}),
        ("VOLUME", {"volume": LOT // 100 + 1}),
        ("VOLUME", {"volume": LOT // 1000}),
        ("VOLUME", {"volume": 501 * LOT}),
        ("PRICE", {"price": 0}),
        ("PRICE", {"price": -1}),
        ("NO_MONEY", {"login": POOR}),
        ("DISABLED", {"login": DISABLED}),
        ("LONG_ONLY", {"login": LONG_ONLY, "side": 1}),
        ("SHORT_ONLY", {"login": SHORT_ONLY}),
        ("CLOSE_ONLY", {"login": CLOSE_ONLY}),
        ("NO_POSITION", {"entry": 1, "side": 1}),
        ("NO_POSITION", {"entry": 1, "side": 1, "position": 77}),
        ("NO_POSITION", {"login": NETTER, "entry": 1, "side": 1}),
    ],
)
def test_refuses(ledger: Ledger, code: str, fields: dict[str, Any]) -> None:
    """With its return code, and nothing of it is done."""
    login = fields.get("login", HEDGER)
    assert ledger.book(**fields) == getattr(lib, f"MAM_CODE_{code}")
    if login != 99:
        assert ledger.figures(login)[2] == 0


def test_refuses_closes_that_do_not_fit(ledger: Ledger) -> None:
    assert ledger.book() == lib.MAM_CODE_DONE
    ticket = ledger.ticket
    close = {"entry": 1, "side": 1, "position": ticket}
    assert ledger.book(**close, volume=2 * LOT) == lib.MAM_CODE_OVER_CLOSE
    assert ledger.book(**close | {"side": 0}) == lib.MAM_CODE_NO_POSITION
    assert ledger.book(**close, instrument=2) == lib.MAM_CODE_NO_POSITION
    assert ledger.book(NETTER, **close) == lib.MAM_CODE_NO_POSITION
    assert ledger.book(**close) == lib.MAM_CODE_DONE
    assert ledger.book(**close) == lib.MAM_CODE_NO_POSITION


def test_a_full_table_refuses() -> None:
    ledger = Ledger(positions=1)
    assert ledger.book() == lib.MAM_CODE_DONE
    assert ledger.book() == lib.MAM_CODE_TOO_MANY


def test_crossed_and_empty_prices_are_not_taken(ledger: Ledger) -> None:
    for bid, ask in ((2, 1), (0, 1), (0, 0), (-1, 1)):
        assert not lib.mam_ledger_price(ledger.pointer, 1, bid, ask)
    assert lib.mam_ledger_quote(ledger.pointer, 1, 0) == PRICE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda i, a: i[0].__setattr__("id", 0),
        lambda i, a: i[1].__setattr__("id", 1),
        lambda i, a: i[0].__setattr__("digits", 9),
        lambda i, a: i[0].__setattr__("calc_mode", 1),
        lambda i, a: i[0].__setattr__("volume_step", 0),
        lambda i, a: i[0].__setattr__("base", b""),
        lambda i, a: a[0].__setattr__("login", 0),
        lambda i, a: a[1].__setattr__("login", HEDGER),
        lambda i, a: a[0].__setattr__("leverage", 0),
        lambda i, a: a[0].__setattr__("margin_mode", 1),
    ],
)
def test_refuses_bad_set_up(spoil: Callable[[Any, Any], None]) -> None:
    instruments, accounts = instruments_array((EURUSD, USDJPY)), accounts_array(ACCOUNTS)
    spoil(instruments, accounts)
    assert lib.mam_ledger_new(instruments, 2, accounts, len(ACCOUNTS), 10) == ffi.NULL


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_asked_the_books_stay_whole(data: st.DataObject) -> None:
    """Random deals, sane and mad: margin never negative; all closed again, no margin is left."""
    ledger = Ledger(1000)
    tickets: list[tuple[int, int]] = []
    volumes = st.one_of(st.integers(1, 300).map(lambda n: n * LOT // 100), st.integers(-(2**63), 2**63 - 1))
    for _ in range(data.draw(st.integers(1, 25))):
        login = data.draw(st.sampled_from([HEDGER, JAPANESE]))
        known = [ticket for owner, ticket in tickets if owner == login] or [0]
        side, entry = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 1))
        position = data.draw(st.sampled_from(known))
        price = data.draw(st.one_of(st.integers(105_000_000, 115_000_000), st.integers(1, 2**63 - 1)))
        code = ledger.book(
            login, side=side, entry=entry, position=position, volume=data.draw(volumes), price=price
        )
        if code == lib.MAM_CODE_DONE and entry == 0:
            tickets.append((login, ledger.ticket))
    for login, ticket in tickets:
        volume = ledger.held(ticket)
        if volume:
            done = [
                ledger.book(login, side=s, entry=1, position=ticket, volume=volume, price=PRICE)
                for s in (0, 1)
            ]
            assert lib.MAM_CODE_DONE in done or lib.MAM_CODE_NO_PRICES in done
    for login in (HEDGER, JAPANESE):
        out = ffi.new("struct mam_ledger_figures *")
        lib.mam_ledger_figures(ledger.pointer, login, out)
        assert out.margin >= 0
        if all(ledger.held(ticket) == 0 for owner, ticket in tickets if owner == login):
            assert out.margin == 0
            assert out.equity == out.balance
