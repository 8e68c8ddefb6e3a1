"""What the journal keeps: records of what came in, and the state that they fold into (orders.py)."""

from typing import Any

import msgspec

LIVE, ENDED = "live", "ended"


class Record(msgspec.Struct, tag_field="what", kw_only=True, omit_defaults=True):
    """One thing that happened. Times in ns since the Unix epoch."""

    time: int = 0


class Fill(msgspec.Struct):
    """A fill as it stands. `number`: under which the engine got it first."""

    number: int
    volume: int  # 1e-8 lot
    price: int  # 1e-8


class Told(msgspec.Struct):
    """One Execution, without its sequence number."""

    kind: int
    number: int
    volume: int = 0
    price: int = 0
    cumulative: int = 0
    reference: int = 0
    code: int = 0
    executed: int = 0


class Attached(Record, tag="attached"):
    """The bridge has found the engine; `run` names this start of the instance."""

    run: str


class LegCame(Record, tag="leg"):
    """A Leg from the engine; `refuse`: code with which it is refused without being sent, 0 sends it."""

    block: int
    leg: int
    volume: int
    price: int
    instrument: int
    side: int
    sent: int
    refuse: int = 0
    quote_id: str = ""


class CancelCame(Record, tag="cancel"):
    """A LegCancel from the engine; `connected`: the LP could be asked."""

    block: int
    leg: int
    connected: bool


class Reported(Record, tag="report"):
    """A message of the LP about an order, as it came."""

    text: str


class Parked(Record, tag="parked"):
    """Executions that the engine of a former run was not told in time."""

    key: str
    told: list[Told]


class Session(Record, tag="session"):
    """Where the numbers of the FIX session stood: the store may never be found behind this."""

    created: str  # content of the store's session file
    sender: int
    target: int


class Order(msgspec.Struct):
    """One leg at the LP."""

    key: str  # ClOrdID
    run: str  # the engine that knows it
    block: int
    leg: int
    instrument: int
    side: int
    volume: int
    price: int
    sent: int  # Leg.sent: a repeated leg is recognised by it
    touched: int  # time of its last news
    status: str = ""  # LIVE, ENDED; "" while the LP has not said that it knows it
    final: str = ""  # OrdStatus with which the LP ended it
    final_volume: int = 0  # CumQty of that
    code: int = 0  # of the refusal
    symbol: str = ""  # of the LP; "" when the leg was refused before it could be sent
    contract: int = 0  # contract size, 1e-8
    asked: bool = False  # the engine waits for the order's state
    cancel_wanted: bool = False  # it is to be cancelled as soon as the LP can be asked
    fills: dict[str, Fill] = {}  # by the ExecID that stands for it now
    seen: dict[str, int] = {}  # ExecID: CumQty, of every fill, correction and bust
    held: list[str] = []  # reports that do not follow what is known
    told: list[Told] = []  # what the engine was told
    parked: list[Told] = []  # what it may not be told: it belongs to a former run

    @property
    def known(self) -> int:
        """Filled, as far as the engine was told."""
        return sum(fill.volume for fill in self.fills.values())


class State(msgspec.Struct):
    """Everything that the records have made."""

    run: str = ""
    orders: dict[str, Order] = {}
    told: int = 0  # Executions so far
    number: int = 0  # last execution number
    session: Session | None = None


class Snapshot(Record, tag="snapshot"):
    """First record of a journal that was shortened."""

    state: State


ANY = Attached | LegCame | CancelCame | Reported | Parked | Session | Snapshot


def encode(record: Record) -> bytes:
    return msgspec.json.encode(record)


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ANY)


def decode(line: bytes) -> Any:
    """msgspec.DecodeError when it is no record."""
    return _DECODER.decode(line)
