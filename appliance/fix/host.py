"""The bridge's one thread: rings on one side, the FIX session on the other, the orders between them.

Reconnecting goes in this order: what arrives is journaled; the orders are reconciled; only then quotes pass.
"""

import sys
import time
from typing import Any, Protocol

import msgspec

from appliance.fix import codes, records, requests
from appliance.fix.config import Config
from appliance.fix.delivery import Delivery
from appliance.fix.journal import SHORTEN_AT, Journal
from appliance.fix.market import Market
from appliance.fix.orders import Alarm, Ask, Effect, Orders, Tell
from appliance.fix.records import ENDED, CancelCame, LegCame, Session
from appliance.fix.sbe import LEG, LEG_CANCEL, QUOTE, REJECT, head
from appliance.fix.wire import FixError, Request, parse
from appliance.schema.messages import Reason

BATCH = 500  # items of the queue between two looks at the rings
BEAT_NS = 100_000_000
MARK_NS = 10 * 10**9  # between two looks at the session's numbers
RETELL_NS = 10**9  # from a quote that the engine refused until all books are told again
NAP_S = 0.0005


class FixSession(Protocol):
    """The session as this thread sees it (session.Link)."""

    def send(self, request: Request) -> bool: ...
    def market_taken(self) -> None: ...
    def marks(self) -> Session | None: ...


class Rings(Protocol):
    """The bridge's two rings (memory.Bridge)."""

    def send(self, message: bytes) -> bool: ...
    def receive(self, maximum: int = ...) -> list[bytes]: ...
    def check(self) -> None: ...


class Stopped(Exception):
    """The bridge may not go on; one line."""


def say(event: str, **fields: Any) -> None:
    """One line of JSON for whoever runs us."""
    sys.stdout.buffer.write(msgspec.json.encode({"event": event} | fields) + b"\n")
    sys.stdout.buffer.flush()


class Host:
    """Everything but the session's own thread. `poll` does a bounded piece of work."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        orders: Orders,
        delivery: Delivery,
        rings: Rings,
        link: FixSession,
    ) -> None:
        self._config, self._journal, self._orders = config, journal, orders
        self._delivery, self._rings, self._link = delivery, rings, link
        self.market = Market(config.instruments, config.market_data)
        for book in self.market.by_id.values():
            book.forget_told()
        self.connected = False
        self.passing = False  # connected, and every order is reconciled
        self._unsure: set[str] = set()  # orders of which the LP must speak before quotes pass
        self._asked = self._beaten = self._marked = 0
        self._retell_at: int | None = None
        self.counts = dict.fromkeys(("legs", "cancels", "told", "asked", "market", "alarms", "rejects"), 0)

    # --- One round ---

    def poll(self) -> bool:
        """One round; False when there was nothing to do. Stopped, InstanceError: it is over."""
        now = time.time_ns()
        busy = self._hear(now)
        busy |= self._listen(now)
        self._reconcile(now)
        told = self._delivery.flush()
        self.counts["told"] += told
        self._quote()
        self._beat(now)
        return busy or told > 0

    def withdraw(self) -> None:
        """Before the end: nobody shall trade on what is no longer looked after."""
        self.passing = False
        self._quote()

    def _hear(self, now: int) -> bool:
        """What the session and the journal have queued."""
        busy = False
        for item in self._journal.take(BATCH):
            busy = True
            if isinstance(item, records.Record):
                self.carry_out(self._orders.apply(item), now)
            else:
                self._event(item.what, item.text, now)
        return busy

    def carry_out(self, effects: list[Effect], now: int) -> None:
        for effect in effects:
            match effect:
                case Tell():
                    self._delivery.add(effect)
                case Alarm():
                    self.alarm(effect.text)
                case Ask():
                    self._ask(effect)

    def _ask(self, ask: Ask) -> None:
        """Without a session nothing leaves: the order stays open, and the reconnect asks for it."""
        if not self.connected:
            return
        self.counts["asked"] += 1
        if not self._link.send(ask.request) and ask.key:
            self.alarm(f"order {ask.key}: it perhaps did not leave; the LP will be asked")

    def alarm(self, text: str) -> None:
        self.counts["alarms"] += 1
        print(f"alarm: {text}", file=sys.stderr, flush=True)

    # --- The session ---

    def _event(self, what: str, text: str, now: int) -> None:
        if what == "market":
            self._link.market_taken()
            self._market_data(text, now)
        elif what == "dropped":
            self._link.market_taken()
            self.alarm("market data comes faster than it can be read; subscribed anew")
            self._subscribe(now)
        elif what == "logon":
            self._logged_on(now)
        elif what == "logout":
            self._logged_out()
        elif what == "ask":
            self._ask_all(now)
        elif what == "alarm":
            self.alarm(text)
        elif what == "fatal":
            raise Stopped(text)

    def _logged_on(self, now: int) -> None:
        self.connected = True
        self._mark(now)
        say("logon")
        self._ask_all(now)
        self._subscribe(now)

    def _logged_out(self) -> None:
        if self.connected:
            say("logout")
        self.connected = self.passing = False
        self.market.clear()
        self._quote()  # at once: the engine must not trade on prices of an LP that is not there

    def _subscribe(self, now: int) -> None:
        self.market.clear()
        for request in self.market.requests(requests.moment(now)):
            self._link.send(request)

    def _market_data(self, text: str, now: int) -> None:
        self.counts["market"] += 1
        try:
            for instrument in self.market.take(parse(text)):
                self.market.by_id[instrument].refresh(now)
        except FixError as error:
            self.alarm(f"market data is not understood, its book is withdrawn: {error}")

    def _ask_all(self, now: int) -> None:
        """Every order whose end is not known: no quote passes until the LP has spoken of each."""
        self._orders.confirmed.clear()
        self._unsure = {order.key for order in self._orders.open_orders()}
        self._ask_unsure(now)

    def _ask_unsure(self, now: int) -> None:
        self._asked = now
        for key in sorted(self._unsure):
            self._ask(self._orders.ask_status(self._orders.state.orders[key], now))

    def _reconcile(self, now: int) -> None:
        if not self.connected:
            return
        if self._unsure:
            orders = self._orders.state.orders
            done = {k for k in self._unsure if orders[k].status == ENDED and not orders[k].held}
            self._unsure -= done | {k for k in self._orders.confirmed if k in orders and not orders[k].held}
        if self._unsure and now - self._asked > self._config.orders.reconcile_s * 10**9:
            self.alarm(f"{len(self._unsure)} orders are not reconciled; the LP is asked again")
            self._ask_unsure(now)
        if self.passing == bool(self._unsure):
            self.passing = not self._unsure
            say("passing" if self.passing else "reconciling")

    # --- The engine ---

    def _listen(self, now: int) -> bool:
        messages = self._rings.receive()
        for raw in messages:
            kind = head(raw).template_id
            if kind == LEG.id:
                self._leg(LEG.unpack(raw), now)
            elif kind == LEG_CANCEL.id:
                self._cancel(LEG_CANCEL.unpack(raw), now)
            elif kind == REJECT.id:
                self._rejected(REJECT.unpack(raw))
        return bool(messages)

    def _leg(self, leg: dict[str, int], now: int) -> None:
        self.counts["legs"] += 1
        refuse = 0 if self.passing else codes.NOT_CONNECTED
        if leg["time_limit"] and now > leg["sent"] + leg["time_limit"] * 10**6:
            refuse = codes.TOO_LATE
        book = self.market.by_id.get(leg["instrument"])
        best = None if book is None else book.best(leg["side"])
        self._journal.put(
            LegCame(
                time=now,
                block=leg["block"],
                leg=leg["leg"],
                volume=leg["volume"],
                price=leg["price"],
                instrument=leg["instrument"],
                side=leg["side"],
                sent=leg["sent"],
                refuse=refuse,
                quote_id="" if best is None else best.quote_id,
            )
        )

    def _cancel(self, cancel: dict[str, int], now: int) -> None:
        self.counts["cancels"] += 1
        came = CancelCame(time=now, block=cancel["block"], leg=cancel["leg"], connected=self.connected)
        self._journal.put(came)

    def _rejected(self, reject: dict[str, int]) -> None:
        """A number that the engine knows already is the one we resumed with, or our numbers are lost."""
        duplicate = reject["reason"] == Reason.DUPLICATE
        if duplicate and reject["field_id"] == 1:
            if reject["ref_sequence"] != self._delivery.resumed:
                raise Stopped("the engine has seen higher sequence numbers of this bridge; its state is lost")
            return
        self.counts["rejects"] += 1
        if reject["ref_template"] == QUOTE.id:
            if self._retell_at is None:
                self._retell_at = time.time_ns() + RETELL_NS
        elif not duplicate:
            name = Reason(reject["reason"]).name.lower()
            self.alarm(f"the engine refused message {reject['ref_sequence']}: {name}")

    def _quote(self) -> None:
        """The newest of each level, as far as the ring has room: what has no room is conflated here."""
        now = time.time_ns()
        for book in self.market.by_id.values():
            for level, values in book.untold(self.passing):
                if not self._delivery.quote(book.instrument.id, level, values, book.quoted):
                    return
                book.told(level, values, now)

    def _beat(self, now: int) -> None:
        if now - self._beaten < BEAT_NS:
            return
        self._beaten = now
        if self._retell_at is not None and now > self._retell_at:
            self._retell_at = None
            for book in self.market.by_id.values():
                book.tell_again()
        self._rings.check()
        self._delivery.heartbeat(now)
        if now - self._marked > MARK_NS and self.connected:
            self._mark(now)
        if self._journal.size > SHORTEN_AT:
            self._orders.forget(now)
            self._journal.shorten(self._orders.state, now)

    def _mark(self, now: int) -> None:
        """Remember where the session's numbers stand, so that a lost store is recognised."""
        self._marked = now
        marks = self._link.marks()
        last = self._orders.state.session
        if marks is not None and (last is None or marks != msgspec.structs.replace(last, time=0)):
            self._journal.put(msgspec.structs.replace(marks, time=now))
