"""The account server's hot half (native/broker/account_server.h) as an object."""

import hashlib
from typing import Any

from appliance._broker import ffi, lib
from appliance.broker.scenario import Account, Instrument, Order
from appliance.broker.script import ServerScript
from appliance.broker.ticks import Tape, merge, read_all
from appliance.errors import InputError

WORKING: int = lib.MAM_SERVER_WORKING
COMPLETE: int = lib.MAM_SERVER_COMPLETE
NO_PRICE: int = lib.MAM_SERVER_NO_PRICE
CALLS = ("batches", "batch_most", "waiting_most", "queries")

VIOLATIONS: tuple[str, ...] = tuple(
    ffi.string(lib.mam_violation_name(kind)).decode() for kind in range(lib.MAM_VIOLATIONS)
)


def error_text(status: int) -> str:
    """What a negative status of the C halves means."""
    return str(ffi.string(lib.mam_server_error(status)).decode())


def instruments_array(instruments: tuple[Instrument, ...]) -> Any:
    return ffi.new(
        "struct mam_ledger_instrument[]",
        [
            {
                "id": i.id,
                "digits": i.digits,
                "calc_mode": i.calc_mode,
                "trade_mode": i.trade_mode,
                "symbol": i.symbol.encode(),
                "base": i.base.encode(),
                "profit": i.profit.encode(),
                "contract_size": i.contract_size,
                "volume_min": i.volume_min,
                "volume_step": i.volume_step,
                "volume_max": i.volume_max,
            }
            for i in instruments
        ],
    )


def accounts_array(accounts: tuple[Account, ...]) -> Any:
    return ffi.new(
        "struct mam_ledger_account[]",
        [
            {
                "login": a.login,
                "group": a.group,
                "leverage": a.leverage,
                "margin_mode": a.margin_mode,
                "trade_mode": a.trade_mode,
                "currency": a.currency.encode(),
                "balance": a.balance,
                "credit": a.credit,
            }
            for a in accounts
        ],
    )


def orders_array(orders: tuple[Order, ...]) -> Any:
    return ffi.new(
        "struct mam_desk_order[]",
        [
            {
                "group": o.group,
                "instrument": o.instrument,
                "volume": o.volume,
                "deviation": o.deviation,
                "closes": o.closes,
                "side": o.side,
                "execution": o.execution,
            }
            for o in orders
        ],
    )


class AccountServer:
    """One account server, its ledger and its script. Every call is made by one thread."""

    def __init__(self, script: ServerScript, tape: Tape | None = None) -> None:
        """InputError when the script does not hold together. `tape`: instead of reading the script's
        files."""
        self.tape = merge(read_all(script.ticks)) if tape is None else tape
        self._priced = 0
        config = {
            "seed": script.seed & (1 << 64) - 1,
            "max_bookings": script.max_bookings,
            "refuse_per_mille": script.refuse_per_mille,
            "batch": script.batch,
            "window": script.window,
            "send_states": int(script.send_states),
        }
        try:
            made = lib.mam_server_new(
                instruments_array(script.instruments),
                len(script.instruments),
                accounts_array(script.accounts),
                len(script.accounts),
                orders_array(script.orders),
                len(script.orders),
                ffi.new("struct mam_server_config *", config),
            )
        except (OverflowError, IndexError, TypeError) as error:
            raise InputError(f"the account server's script: a field is out of range: {error}") from None
        if made == ffi.NULL:
            raise InputError(
                "the account server's script: a field is out of range, or an order closes none before it"
            )
        self.pointer = ffi.gc(made, lib.mam_server_free)
        self._order_count = len(script.orders)

    def attach(self, instance: str, bridge: str) -> None:
        """InputError when the instance, or such a bridge of role broker, is not there."""
        status = lib.mam_server_attach(self.pointer, instance.encode(), bridge.encode())
        if status != 0:
            raise InputError(f"instance {instance}, bridge {bridge}: {error_text(status)}")

    def quotes_until(self, until: int) -> None:
        """Moves the server's own prices on to just before tick `until`."""
        until = min(until, len(self.tape))
        last: dict[int, int] = {}
        for at in range(self._priced, until):
            last[int(self.tape.instrument[at])] = at
        for instrument, at in last.items():
            at = self._usable(instrument, at)
            lib.mam_server_price(self.pointer, instrument, int(self.tape.bid[at]), int(self.tape.ask[at]))
        self._priced = max(self._priced, until)

    def _usable(self, instrument: int, at: int) -> int:
        """The newest tick of the instrument, at or before `at`, that is not crossed."""
        for tick in range(at, -1, -1):
            if self.tape.instrument[tick] == instrument and self.tape.bid[tick] <= self.tape.ask[tick]:
                return tick
        return at

    def send_reference(self) -> None:
        """Instruments, accounts and account states go out with the next polls."""
        lib.mam_server_send_reference(self.pointer)

    def release(self, until: int, in_flight: int = 0, interval_us: int = 0) -> None:
        """Orders up to number `until` may go."""
        lib.mam_server_release(self.pointer, until, in_flight, interval_us * 1000)

    def stand_still(self, wanted: bool) -> None:
        """At the next Booking, before its answer, the process stops itself (SIGSTOP)."""
        lib.mam_server_stand_still(self.pointer, wanted)

    def poll(self, slice_ns: int) -> int:
        """Works without the GIL. WORKING, COMPLETE (once a release), NO_PRICE, or a negative error."""
        return int(lib.mam_server_poll(self.pointer, slice_ns))

    @property
    def violations(self) -> dict[str, int]:
        counts = lib.mam_desk_counts(lib.mam_server_desk(self.pointer))
        return {name: int(counts.violations[kind]) for kind, name in enumerate(VIOLATIONS)}

    @property
    def first_violation(self) -> dict[str, Any] | None:
        detail = lib.mam_desk_violation(lib.mam_server_desk(self.pointer))
        if detail.kind < 0:
            return None
        fields = ("block", "child", "login", "expected", "found")
        return {"name": VIOLATIONS[detail.kind]} | {name: int(getattr(detail, name)) for name in fields}

    @property
    def counts(self) -> dict[str, int]:
        desk = lib.mam_desk_counts(lib.mam_server_desk(self.pointer))
        own = lib.mam_server_counts(self.pointer)
        names = (
            "submitted",
            "done",
            "rejected",
            "skipped",
            "booked",
            "refused",
            "no_money",
            "injected",
            "repeated",
        )
        more = ("sent", "children", "reports", "states", "rejects", "alerts", "backpressure", *CALLS)
        return {name: int(getattr(desk, name)) for name in names} | {
            name: int(getattr(own, name)) for name in more
        }

    @property
    def latencies_ns(self) -> list[int]:
        """Of the orders that had children, in the order of the script."""
        orders = lib.mam_server_orders(self.pointer)
        return [int(orders[i].latency_ns) for i in range(self._order_count) if orders[i].latency_ns >= 0]

    def allocations(self) -> list[tuple[int, int, int, int]]:
        """All that was booked, sorted: order number, login, volume, price."""
        bookings = ffi.new("struct mam_desk_booking **")
        count = lib.mam_desk_bookings(lib.mam_server_desk(self.pointer), bookings)
        rows = []
        for i in range(count):
            booking = bookings[0][i]
            if booking.deal != 0:
                deal = booking.asked.deal
                rows.append((int(booking.order), int(deal.login), int(deal.volume), int(deal.price)))
        return sorted(rows)

    def digest(self) -> str:
        """SHA-256 of the allocations: equal for two runs that booked the same."""
        lines = "".join(
            f"{order},{login},{volume},{price}\n" for order, login, volume, price in self.allocations()
        )
        return hashlib.sha256(lines.encode()).hexdigest()

    def result(self) -> dict[str, Any]:
        """What the process prints at its end."""
        counts = self.counts
        return {
            "orders": counts["submitted"],
            "children": counts["children"],
            "latencies_ns": self.latencies_ns,
            "violations": self.violations,
            "first_violation": self.first_violation,
            "allocations": self.digest(),
            "counts": counts,
        }
