"""Orders at the liquidity provider: legs out, reports in, every fill told exactly once. No engine is needed.

`Orders.apply` is a deterministic function of the journal's records: whoever applies them again has the same
state and tells the same Executions under the same numbers. What is told follows from volumes: the LP's
CumQty less what is known. A report that does not follow is held, and the LP is asked; its answer settles what
the session lost.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from appliance.fix import codes, requests
from appliance.fix.amounts import LOT, PRICE_MAX, volume
from appliance.fix.config import InstrumentSection, OrdersSection
from appliance.fix.records import (
    ENDED,
    LIVE,
    Attached,
    CancelCame,
    Fill,
    LegCame,
    Order,
    Parked,
    Reported,
    Session,
    Snapshot,
    State,
    Told,
)
from appliance.fix.wire import Fields, FixError, Pairs, parse, short, time_ns
from appliance.schema.messages import ExecutionKind

TRADES = ("F", "1", "2")  # 1 and 2: partial and full fill, as FIX 4.2 has them
FINAL = {"2": "filled", "3": "done for day", "4": "cancelled", "8": "rejected", "C": "expired"}
FILL_NEWS = (ExecutionKind.TRADE, ExecutionKind.CORRECT, ExecutionKind.BUST)
NS_A_DAY = 86_400 * 10**9


class Tell(NamedTuple):
    """An Execution for the engine; `at` counts them from 0, ever."""

    at: int
    order: Order
    told: Told


class Ask(NamedTuple):
    """A message for the LP. `key`: the order that it creates, "" when it creates none."""

    key: str
    request: Pairs


class Alarm(NamedTuple):
    """Something a person should know; one line."""

    text: str


Effect = Tell | Ask | Alarm


class Orders:
    """All orders of one liquidity provider."""

    def __init__(self, instruments: Iterable[InstrumentSection], settings: OrdersSection) -> None:
        self.state = State()
        self.confirmed: set[str] = set()  # orders of which the LP has spoken since it was last asked
        self._settings = settings
        self._instruments = {instrument.id: instrument for instrument in instruments}
        self._effects: list[Effect] = []
        self._now = 0
        self._index: dict[tuple[int, int], str] = {}  # block, leg: newest order

    # --- Records ---

    def apply(self, record: Any) -> list[Effect]:
        """Take one record; what is to be done about it."""
        self._effects, self._now = [], record.time
        try:
            self._dispatch(record)
        except FixError as error:
            self._alarm(str(error))
        return self._effects

    def _dispatch(self, record: Any) -> None:
        match record:
            case Attached():
                self.state.run = record.run
            case LegCame():
                self._leg(record)
            case CancelCame():
                self._cancel(record)
            case Reported():
                self._report(record.text)
            case Parked():
                order = self.state.orders.get(record.key)
                if order is not None:
                    order.parked += record.told
            case Session():
                self.state.session = record
            case Snapshot():
                self.state = record.state
                self._index = {(o.block, o.leg): o.key for o in self.state.orders.values()}

    def open_orders(self) -> list[Order]:
        """Orders whose end is not known, or of which a report is held."""
        return [order for order in self.state.orders.values() if order.status != ENDED or order.held]

    def ask_status(self, order: Order, now: int) -> Ask:
        """A status request that no record asked for: after a reconnect."""
        self._now = now
        return self._status_request(order)

    def forget(self, now: int) -> None:
        """Drop what ended long ago."""
        limit = now - self._settings.retain_days * NS_A_DAY
        orders = self.state.orders
        for key in [k for k, o in orders.items() if o.status == ENDED and not o.held and o.touched < limit]:
            order = orders.pop(key)
            if self._index.get((order.block, order.leg)) == key:
                del self._index[order.block, order.leg]

    # --- From the engine ---

    def _leg(self, came: LegCame) -> None:
        known = self._find(came.block, came.leg)
        if known is not None and (known.run == self.state.run or known.sent == came.sent):
            self._adopt(known)
            self._repeated(known, came)
            return
        order = Order(
            key=requests.order_key(self.state.run, came.block, came.leg),
            run=self.state.run,
            block=came.block,
            leg=came.leg,
            instrument=came.instrument,
            side=came.side,
            volume=came.volume,
            price=came.price,
            sent=came.sent,
            touched=self._now,
        )
        self._keep(order)
        instrument = self._instruments.get(came.instrument)
        if instrument is None or came.refuse:
            self._refuse(order, came.refuse or codes.UNKNOWN_INSTRUMENT)
            return
        order.symbol, order.contract = instrument.symbol, instrument.contract
        try:
            request = requests.new_order(order, instrument, self._settings, self._now, came.quote_id)
        except FixError as error:
            self._alarm(f"order {order.key}: {error}; it is refused")
            self._refuse(order, codes.BAD_QUANTITY)
            return
        self._effects.append(Ask(order.key, request))

    def _repeated(self, order: Order, came: LegCame) -> None:
        """Never sent twice: what is known is told again."""
        if (came.volume, came.price, came.instrument, came.side) != (
            order.volume,
            order.price,
            order.instrument,
            order.side,
        ):
            self._alarm(f"order {order.key}: the engine sends the leg again with another content; ignored")
        for told in list(order.told):
            self._put(order, told)

    def _cancel(self, came: CancelCame) -> None:
        order = self._find(came.block, came.leg)
        if order is None:
            self._never_came(came)
            return
        self._adopt(order)
        for told in [told for told in order.told if told.kind in FILL_NEWS]:
            self._put(order, told)  # a ring that was renewed may have lost any of them
        if order.status == ENDED and not order.held:
            self._ended_already(order)
            return
        order.asked = True
        if not came.connected:
            order.cancel_wanted = True
            return  # the reconnect asks first
        self._effects.append(Ask("", requests.cancel(order, self._now)))
        if order.status != LIVE or order.held:
            self._effects.append(self._status_request(order))

    def _ended_already(self, order: Order) -> None:
        """The answer has a number of its own: under an old one the engine would take it for a repeat."""
        ends = [told for told in order.told if told.kind not in FILL_NEWS]
        last = ends[-1] if ends else Told(int(ExecutionKind.STATUS), 0)  # volume 0: nothing more will come
        answer = msgspec.structs.replace(last, number=self._number(), cumulative=order.known)
        self._put(order, answer)

    def _never_came(self, came: CancelCame) -> None:
        """Refused for good: should the leg come after all, it is a repeat of one that was refused."""
        order = Order(
            key=requests.order_key(self.state.run, came.block, came.leg),
            run=self.state.run,
            block=came.block,
            leg=came.leg,
            instrument=0,
            side=0,
            volume=0,
            price=0,
            sent=0,
            touched=self._now,
        )
        self._keep(order)
        self._alarm(f"order {order.key}: asked for by the engine, but its leg never came here")
        self._refuse(order, codes.NEVER_CAME)

    def _adopt(self, order: Order) -> None:
        """The engine knows an order of a former run: it was restored, and may be told the rest."""
        if order.run == self.state.run:
            return
        order.run = self.state.run
        waiting, order.parked = order.parked, []
        for told in waiting:
            self._put(order, told)

    # --- From the LP ---

    def _report(self, text: str) -> None:
        try:
            fields = parse(text)
            handler = {"8": self._execution, "9": self._cancel_reject, "3": self._refusal, "j": self._refusal}
            handler[fields.kind](fields, text)
        except FixError as error:
            self._alarm(f"a report of the LP is not understood and nothing is booked: {error}")

    def _execution(self, fields: Fields, text: str) -> None:
        order = self._order_of(fields)
        if order is None:
            self._unknown(fields)
            return
        order.touched = self._now
        if not fields.possible_duplicate:
            self.confirmed.add(order.key)
        if fields.get(54) not in (None, requests.SIDE[order.side]):
            self._alarm(f"order {order.key}: the LP reports the other side; nothing is booked")
            self._effects.append(self._status_request(order))
            return
        try:
            self._take(order, fields, text)
        except FixError as error:
            self._alarm(f"order {order.key}: a report is not understood and nothing is booked: {error}")
            if fields.get(150) != "I":
                self._effects.append(self._status_request(order))

    def _take(self, order: Order, fields: Fields, text: str) -> None:
        kind = fields.need(150)
        answer = kind == "I"
        if kind in TRADES or kind in "GH":
            self._fill_report(order, fields, text)
        cumulative = self._volume(order, fields, 14) if fields.get(14) else 0
        if answer and not self._is_unknown_order(fields):
            self._settle(order, fields, cumulative)
        self._progress(order, fields, cumulative, answer)

    def _fill_report(self, order: Order, fields: Fields, text: str) -> None:
        exec_id, cumulative = fields.need(17), self._volume(order, fields, 14)
        if order.seen.get(exec_id) == cumulative or exec_id in [parse(held).get(17) for held in order.held]:
            return  # the same again: the fill counts once, the status below counts always
        if exec_id in order.seen:
            if cumulative <= order.known:
                return
            self._alarm(f"order {order.key}: the LP uses ExecID {short(exec_id)} a second time")
        if self._book(order, fields, forced=False):
            self._book_held(order)
            return
        if fields.need(150) in TRADES and cumulative <= order.known:
            order.seen[exec_id] = cumulative
            if not fields.possible_duplicate:
                self._alarm(f"order {order.key}: a fill adds nothing to what was filled; it is not booked")
                self._effects.append(self._status_request(order))
            return
        order.held.append(text)
        self._alarm(f"order {order.key}: a report does not follow what is known; the LP is asked")
        self._effects.append(self._status_request(order))

    def _book(self, order: Order, fields: Fields, forced: bool) -> bool:
        """Tell a fill, correction or bust if it follows what is known, or is forced. False: not told."""
        kind = fields.need(150)
        if kind in TRADES:
            return self._trade(order, fields)
        old = order.fills.get(fields.need(19))
        if old is None:
            return False
        new = self._volume(order, fields, 32) if kind == "G" else 0
        cumulative = self._volume(order, fields, 14)
        if cumulative != order.known - old.volume + new and not forced:
            return False
        self._amend(order, fields, old, new)
        return True

    def _trade(self, order: Order, fields: Fields) -> bool:
        exec_id, cumulative = fields.need(17), self._volume(order, fields, 14)
        filled, price = self._volume(order, fields, 32), self._price(fields, 31)
        known = order.known
        if filled <= 0:
            raise FixError(f"field 32 must be above 0, not {short(fields.need(32))}")
        if cumulative <= known or cumulative > known + filled:
            return False
        if cumulative < known + filled:
            self._alarm(f"order {order.key}: part of a fill was known already; the rest is booked")
        self._add_fill(order, exec_id, cumulative, cumulative - known, price, self._executed(fields))
        return True

    def _add_fill(
        self, order: Order, exec_id: str, cumulative: int, filled: int, price: int, executed: int
    ) -> None:
        number = self._number()
        name = exec_id if exec_id not in order.fills else f"{exec_id}#{cumulative}"
        order.fills[name] = Fill(number, filled, price)
        order.seen[exec_id] = cumulative
        if cumulative > order.volume:
            self._alarm(f"order {order.key}: the LP filled more than was ordered")
        told = Told(int(ExecutionKind.TRADE), number, filled, price, cumulative, executed=executed)
        self._tell(order, told)

    def _amend(self, order: Order, fields: Fields, old: Fill, new: int) -> None:
        """A correction or a bust of a fill that is known; `new`: its volume from now on."""
        exec_id, bust = fields.need(17), fields.need(150) == "H"
        price = old.price if bust else self._price(fields, 31)
        if not bust and new <= 0:
            raise FixError(f"field 32 must be above 0, not {short(fields.need(32))}")
        number = self._number()
        del order.fills[fields.need(19)]
        if not bust:
            order.fills[exec_id] = Fill(old.number, new, price)
        order.seen[exec_id] = self._volume(order, fields, 14)
        self._tell(
            order,
            Told(
                kind=int(ExecutionKind.BUST if bust else ExecutionKind.CORRECT),
                number=number,
                volume=old.volume if bust else new,
                price=price,
                cumulative=order.known,
                reference=old.number,
                executed=self._executed(fields),
            ),
        )

    def _book_held(self, order: Order, forced: bool = False) -> None:
        """What was held, as far as it follows now."""
        again = True
        while again:
            again = False
            for text in list(order.held):
                fields = parse(text)
                if self._book(order, fields, forced):
                    order.held.remove(text)
                    again = True
                elif fields.need(150) in TRADES and self._volume(order, fields, 14) <= order.known:
                    order.seen[fields.need(17)] = self._volume(order, fields, 14)
                    order.held.remove(text)

    # --- An answer to a status request settles what the session has lost ---

    def _settle(self, order: Order, fields: Fields, cumulative: int) -> None:
        self._book_held(order)
        held = sorted((self._volume(order, f, 14), f.need(17), t) for t, f in self._held_trades(order))
        for reached, _, text in held:
            trade = parse(text)
            missing = reached - self._volume(order, trade, 32) - order.known
            if missing > 0 and not self._recover(order, fields, missing):
                return
            self._book_held(order)
        if order.held:
            self._force(order)
        if cumulative > order.known:
            self._recover(order, fields, cumulative - order.known)
        elif cumulative < order.known and not fields.possible_duplicate:
            self._alarm(f"order {order.key}: the LP says that less was filled than it reported before")

    def _held_trades(self, order: Order) -> list[tuple[str, Fields]]:
        held = [(text, parse(text)) for text in order.held]
        return [(text, fields) for text, fields in held if fields.need(150) in TRADES]

    def _recover(self, order: Order, fields: Fields, missing: int) -> bool:
        """Book a fill whose report is lost, at what the average price leaves for it."""
        total = self._volume(order, fields, 14)
        known = sum(fill.volume * fill.price for fill in order.fills.values())
        held = [f for _, f in self._held_trades(order)]
        waiting = sum(self._volume(order, f, 32) * self._price(f, 31) for f in held)
        waiting_volume = sum(self._volume(order, f, 32) for f in held)
        lost = total - order.known - waiting_volume
        average = fields.ratio(6) * LOT
        price = round((total * average - known - waiting) / lost) if lost > 0 else 0
        if not 0 < price <= PRICE_MAX:
            self._alarm(f"order {order.key}: a fill is missing and no price can be found for it")
            return False
        self._alarm(f"order {order.key}: a lost fill is booked from the LP's average price")
        cumulative = order.known + missing
        self._add_fill(
            order, f"{fields.need(17)}@{cumulative}", cumulative, missing, price, self._executed(fields)
        )
        return True

    def _force(self, order: Order) -> None:
        """Corrections that no longer fit any count, and those of fills that nobody knows."""
        for text in list(order.held):
            fields = parse(text)
            order.held.remove(text)
            if self._book(order, fields, forced=True):
                self._alarm(f"order {order.key}: a correction was booked although CumQty says otherwise")
            else:
                named = short(fields.get(19) or "")
                self._alarm(f"order {order.key}: a correction names {named}, which nobody knows; not booked")

    # --- The order's end ---

    def _progress(self, order: Order, fields: Fields, cumulative: int, answer: bool) -> None:
        if self._is_unknown_order(fields):
            if order.known or order.held:
                self._alarm(f"order {order.key}: the LP does not know it, but has filled it")
            elif order.status != ENDED:
                self._refuse(order, codes.UNKNOWN_AT_LP)
            return
        if self._is_duplicate(fields) and not answer and order.status != ENDED:
            self._alarm(f"order {order.key}: the LP says that it has it already; it is asked")
            self._effects.append(self._status_request(order))
            return
        status = fields.need(39)
        if status not in FINAL and order.known < order.volume:
            self._alive(order, fields, answer)
            return
        if order.status == ENDED:
            return
        order.final, order.final_volume = (
            status if status in FINAL else "2",
            max(order.final_volume, cumulative),
        )
        order.code = codes.of_reason(fields.get(103))
        if order.held or order.known < order.final_volume:
            if not answer and not order.held:
                self._alarm(f"order {order.key}: it ended, but a fill is missing; the LP is asked")
                self._effects.append(self._status_request(order))
            return
        self._end(order, self._executed(fields))

    def _alive(self, order: Order, fields: Fields, answer: bool) -> None:
        """A report of an order that is at work, or a late one of an order whose end is known already."""
        if order.status == ENDED:
            return
        order.status = LIVE
        if answer:
            self._still_alive(order, fields)
        if order.final and not order.held and order.known >= order.final_volume:
            self._end(order, self._now)

    def _still_alive(self, order: Order, fields: Fields) -> None:
        """The LP still works it: the engine hears it if it has asked, and a cancel that waited goes out."""
        if order.asked and not order.final and not order.held:
            order.asked = False
            told = Told(
                int(ExecutionKind.STATUS),
                self._number(),
                volume=self._leaves(order, fields),
                cumulative=order.known,
            )
            self._put(order, told)
        if order.cancel_wanted:
            self._effects.append(Ask("", requests.cancel(order, self._now)))
        order.cancel_wanted = False

    def _leaves(self, order: Order, fields: Fields) -> int:
        """LeavesQty; what is not filled where the LP gives none or 0, which would say that it has ended."""
        leaves = self._volume(order, fields, 151) if fields.get(151) else 0
        return leaves or order.volume - order.known

    def _end(self, order: Order, executed: int) -> None:
        """Nothing more is expected. A leg that is filled needs no telling: the last trade said it."""
        order.status = ENDED
        if order.known >= order.volume:
            return
        rejected = order.final == "8" and order.known == 0
        kind = ExecutionKind.REJECTED if rejected else ExecutionKind.ENDED
        self._tell(
            order,
            Told(int(kind), self._number(), cumulative=order.known, code=order.code, executed=executed),
        )

    def _refuse(self, order: Order, code: int) -> None:
        order.final, order.code = "8", code
        if order.volume == 0:  # it never came: nobody knows how much it was
            order.status = ENDED
            told = Told(int(ExecutionKind.REJECTED), self._number(), code=code, executed=self._now)
            self._tell(order, told)
            return
        self._end(order, self._now)

    def _cancel_reject(self, fields: Fields, text: str) -> None:
        """Too late, or unknown: what became of the order is asked for."""
        order = self._order_of(fields)
        if order is None:
            self._unknown(fields)
        elif order.status != ENDED:
            self._effects.append(self._status_request(order))

    def _refusal(self, fields: Fields, text: str) -> None:
        """The session (3) or the application (j) refused a message of ours, which the host has named (11)."""
        order, refused = self._order_of(fields), fields.get(372) or "?"
        why = short(fields.get(58) or "")
        if order is not None and refused == "D" and not order.known and order.status != ENDED:
            self._alarm(f"order {order.key}: the LP refused the message: {why}")
            self._refuse(order, codes.REFUSED_BY_SESSION)
        elif order is not None and refused == "H" and fields.get(380) == "1" and order.status != ENDED:
            self.confirmed.add(order.key)
            if not order.known and not order.held:
                self._refuse(order, codes.UNKNOWN_AT_LP)
        else:
            self._alarm(f"the LP refused a message of type {short(refused)}: {why}")

    def _unknown(self, fields: Fields) -> None:
        """Not ours, or long forgotten: a person is told, and the LP is asked what it thinks of it."""
        key = requests.key_of(fields.get(41) or fields.get(11) or "")
        self._alarm(f"the LP reports on order {short(key)}, which nobody knows; nothing is booked")
        symbol, side = fields.get(55), fields.get(54)
        if key and symbol and side and fields.kind == "8" and fields.get(150) != "I":
            self._effects.append(Ask("", requests.status(key, symbol, side, self._now)))

    # --- Helpers of all of them ---

    def _is_unknown_order(self, fields: Fields) -> bool:
        unknown = codes.reason(fields.get(103)) == codes.UNKNOWN_ORDER
        return unknown and fields.get(39) == "8" and fields.get(150) in ("I", "8")

    def _is_duplicate(self, fields: Fields) -> bool:
        return fields.get(39) == "8" and codes.reason(fields.get(103)) == codes.DUPLICATE_ORDER

    def _order_of(self, fields: Fields) -> Order | None:
        for tag in (11, 41, 379):
            order = self.state.orders.get(requests.key_of(fields.get(tag) or ""))
            if order is not None:
                return order
        return None

    def _find(self, block: int, leg: int) -> Order | None:
        key = self._index.get((block, leg))
        return None if key is None else self.state.orders.get(key)

    def _keep(self, order: Order) -> None:
        self.state.orders[order.key] = order
        self._index[order.block, order.leg] = order.key

    def _status_request(self, order: Order) -> Ask:
        return Ask("", requests.status(order.key, order.symbol, requests.SIDE[order.side], self._now))

    def _volume(self, order: Order, fields: Fields, tag: int) -> int:
        if not order.contract:
            raise FixError("it was refused here and never sent")
        return volume(fields.decimal(tag), order.contract)

    def _price(self, fields: Fields, tag: int) -> int:
        price = fields.decimal(tag)
        if not 0 < price <= PRICE_MAX:
            raise FixError(f"field {tag} must be a price above 0, not {short(fields.need(tag))}")
        return price

    def _executed(self, fields: Fields) -> int:
        for tag in (60, 52):
            if text := fields.get(tag):
                return time_ns(text)
        return self._now

    def _number(self) -> int:
        self.state.number += 1
        return self.state.number

    def _tell(self, order: Order, told: Told) -> None:
        order.told.append(told)
        self._put(order, told)

    def _put(self, order: Order, told: Told) -> None:
        if order.run != self.state.run:
            order.parked.append(told)
            self._alarm(f"order {order.key}: news of a former run of the engine; it waits to be asked for")
            return
        self._effects.append(Tell(self.state.told, order, told))
        self.state.told += 1

    def _alarm(self, text: str) -> None:
        self._effects.append(Alarm(text))
