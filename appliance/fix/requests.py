"""What is sent to the liquidity provider: orders, cancels, status requests. No engine is needed."""

from appliance.fix.amounts import quantity
from appliance.fix.config import InstrumentSection, OrdersSection
from appliance.fix.records import Order
from appliance.fix.wire import Pairs, timestamp
from appliance.schema import decimals

SIDE = "12"  # by our side
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def moment(ns: int) -> str:
    """A time's millisecond in base 36: 8 characters in this century."""
    value, text = ns // 10**6, ""
    while value:
        value, digit = divmod(value, 36)
        text = DIGITS[digit] + text
    return text or "0"


def run_name(created_ns: int) -> str:
    """The name of one start of the instance, by when it was made."""
    return moment(created_ns)


def order_key(run: str, block: int, leg: int) -> str:
    """ClOrdID: the same for the same leg, whoever asks and whenever. `run`: the start of the instance."""
    return f"{run}-{block}-{leg}"


def key_of(text: str) -> str:
    """The order's key out of any of our ids (`.c1` is a cancel, `.s1` a status request)."""
    return text.partition(".")[0]


def new_order(
    order: Order, instrument: InstrumentSection, settings: OrdersSection, now: int, quote_id: str
) -> Pairs:
    """NewOrderSingle, immediate or cancel. FixError when the volume is no exact quantity."""
    optional = [(1, settings.account), (117, quote_id if settings.quote_id else None)]
    request = [(35, "D"), (11, order.key), (21, "1")]
    request += [(tag, value) for tag, value in optional if value]
    request += [(55, instrument.symbol), (54, SIDE[order.side]), (60, timestamp(now))]
    request += [(38, quantity(order.volume, instrument.contract))]
    if order.price:
        request += [(40, "2"), (44, decimals.to_text(order.price, -8))]
    else:
        request += [(40, "1")]
    request += [(15, instrument.currency)] if instrument.currency else []
    return [*request, (59, "3")]


def cancel(order: Order, now: int) -> Pairs:
    """OrderCancelRequest."""
    return [
        (35, "F"),
        (41, order.key),
        (11, f"{order.key}.c{moment(now)}"),
        (55, order.symbol),
        (54, SIDE[order.side]),
        (60, timestamp(now)),
        (38, quantity(order.volume, order.contract)),
    ]


def status(key: str, symbol: str, side: str, now: int) -> Pairs:
    """OrderStatusRequest."""
    return [(35, "H"), (11, key), (55, symbol), (54, side), (790, f"{key}.s{moment(now)}")]
