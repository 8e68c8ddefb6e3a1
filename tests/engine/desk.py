"""A desk for tests: an engine with a broker, two LPs and control, and short ways to speak as each of them."""

from typing import Any

from appliance.engine import Capacities, Engine
from appliance.engine.offline import JOURNAL
from appliance.memory import Role
from appliance.schema.codec import from_json, to_json

EURUSD = 1
USDJPY = 2
GROUP = 7
MASTER = 1000
LOT = 10**8


class Desk:
    """Numbers each sender's messages; every call returns the engine's outputs as JSON objects with a "to"."""

    def __init__(self, capacities: Capacities | None = None) -> None:
        self.engine = Engine(capacities)
        self.roles = {"broker": Role.BROKER, "lp1": Role.LP, "lp2": Role.LP, "control": Role.CONTROL}
        self.bridges = {name: self.engine.open_bridge(name, role) for name, role in self.roles.items()}
        self.names = {number: name for name, number in self.bridges.items()} | {JOURNAL: "journal"}
        self.sequences = dict.fromkeys(self.bridges, 0)
        self.time = 0
        self.log: list[dict[str, Any]] = []

    def send(self, source: str, msg: str, **fields: Any) -> list[dict[str, Any]]:
        """One message of a bridge."""
        sequence = fields.pop("sequence", None)
        if sequence is None:
            sequence = self.sequences[source] = self.sequences[source] + 1
        message = from_json({"msg": msg, "sequence": sequence, **fields})
        return self._keep(self.engine.apply(self.time, self.bridges[source], message))

    def clock(self, time: int) -> list[dict[str, Any]]:
        """Let time pass."""
        self.time = time
        return self._keep(self.engine.host(time, "Clock", now=time))

    def _keep(self, outputs: list[Any]) -> list[dict[str, Any]]:
        shown = [{"to": self.names[output.bridge], **to_json(output.message)} for output in outputs]
        self.log += shown
        return shown

    # --- what a server and control announce ---

    def instrument(self, instrument: int = EURUSD, **fields: Any) -> None:
        defaults = {
            "symbol": "EURUSD" if instrument == EURUSD else "USDJPY",
            "base_currency": "EUR" if instrument == EURUSD else "USD",
            "profit_currency": "USD" if instrument == EURUSD else "JPY",
            "contract_size": "100000",
            "digits": 5 if instrument == EURUSD else 3,
            "volume_min": "0.01",
            "volume_step": "0.01",
            "volume_max": "500",
            "margin_rate_buy": "1",
            "margin_rate_sell": "1",
            "trade_mode": "full",
        }
        accepted(self.send("broker", "Instrument", instrument=instrument, **(defaults | fields)))

    def account(self, login: int, equity: str = "10000", currency: str = "USD", **fields: Any) -> None:
        defaults = {"leverage": 100, "trade_mode": "full", "margin_mode": "hedging", "money_digits": 2}
        defaults["free_margin_mode"] = "both"
        accepted(self.send("broker", "Account", login=login, currency=currency, **(defaults | fields)))
        accepted(self.send("broker", "AccountState", login=login, balance=equity, equity=equity))

    def group(self, version: int = 1, **fields: Any) -> None:
        defaults = {
            "currency": "USD",
            "method": "equity",
            "execution": "post_trade",
            "on_partial": "allocate",
            "on_refused": "house",
            "master_login": MASTER,
        }
        fields = {"group": GROUP, "policy_version": version, **defaults, **fields}
        accepted(self.send("control", "GroupPolicy", **fields))

    def member(self, login: int, weight: str = "1", **fields: Any) -> None:
        accepted(self.send("control", "Member", group=GROUP, login=login, weight=weight, **fields))

    def usual(self, equities: dict[int, str], **policy: Any) -> None:
        """One instrument, one group, those accounts as members, a quote of each LP."""
        self.instrument()
        self.group(**policy)
        for login, equity in equities.items():
            self.account(login, equity)
            self.member(login)
        self.quote("lp1", "1.10000", "1.10010")
        self.quote("lp2", "1.09999", "1.10012")

    def quote(
        self, lp: str, bid: str, ask: str, instrument: int = EURUSD, size: str = "1000"
    ) -> list[dict[str, Any]]:
        return self.send(
            lp, "Quote", instrument=instrument, bid=bid, ask=ask, bid_volume=size, ask_volume=size
        )

    # --- trading ---

    def deal(self, deal: int, volume: str, **fields: Any) -> list[dict[str, Any]]:
        defaults = {
            "group": GROUP,
            "instrument": EURUSD,
            "price": "1.1001",
            "side": "buy",
            "entry": "opening",
        }
        return self.send("broker", "MasterDeal", deal=deal, order=deal, volume=volume, **(defaults | fields))

    def order(self, order: int, volume: str, **fields: Any) -> list[dict[str, Any]]:
        defaults = {"group": GROUP, "instrument": EURUSD, "side": "buy", "entry": "opening"}
        return self.send("broker", "MasterOrder", order=order, volume=volume, **(defaults | fields))

    def execution(self, leg: dict[str, Any], cumulative: str, volume: str, price: str, **fields: Any) -> Any:
        defaults = {"kind": "trade", "execution": 1 + self.sequences[leg["to"]]}
        values = {
            "block": leg["block"],
            "leg": leg["leg"],
            "cumulative": cumulative,
            "volume": volume,
            "price": price,
        }
        return self.send(leg["to"], "Execution", **(values | defaults | fields))

    def book(self, booking: dict[str, Any], status: str = "booked", **fields: Any) -> list[dict[str, Any]]:
        """The server's answer to a Booking."""
        number = booking["block"] * 1000 + booking["child"] + 1
        values = {
            "block": booking["block"],
            "child": booking["child"],
            "login": booking["login"],
            "deal": number,
            "position": booking["position"] or number,
            "volume": booking["volume"],
            "price": booking["price"],
            "status": status,
        }
        return self.send("broker", "BookingReport", **(values | fields))

    def book_all(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Every Booking among the outputs is booked; what the engine said to that."""
        said: list[dict[str, Any]] = []
        for booking in only(outputs, "Booking"):
            said += self.book(booking)
        return said

    def no_law_broken(self) -> None:
        assert self.engine.laws() == [0] * 10


def only(outputs: list[dict[str, Any]], msg: str) -> list[dict[str, Any]]:
    """The outputs of one kind."""
    return [output for output in outputs if output["msg"] == msg]


def accepted(outputs: list[dict[str, Any]]) -> None:
    assert not only(outputs, "Reject"), outputs


def refused(outputs: list[dict[str, Any]], reason: str) -> None:
    assert [output["reason"] for output in only(outputs, "Reject")] == [reason], outputs


def volumes(outputs: list[dict[str, Any]]) -> dict[int, str]:
    """login: volume of the Bookings."""
    return {booking["login"]: booking["volume"] for booking in only(outputs, "Booking")}
