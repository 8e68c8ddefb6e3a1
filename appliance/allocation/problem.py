"""The JSON of `mam allocate`, checked and typed: decimals are texts, the defaults are these."""

from typing import Annotated, Literal

import msgspec

from appliance.errors import InputError
from appliance.misfit import sentence

MEMBERS_MAX = 100_000
QUOTES_MAX = 1_000

_DECIMAL = r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$"
_PATTERNS = {_DECIMAL: 'a decimal in a text, such as "0.01"'}
Decimal = Annotated[str, msgspec.Meta(pattern=_DECIMAL)]
Currency = Annotated[str, msgspec.Meta(max_length=8)]
Login = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Instrument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The instrument that is traded."""

    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    base: Currency = ""
    profit: Currency = ""  # default: the second three letters of the symbol
    margin: Currency = ""
    contract_size: Decimal = "100000"
    digits: Annotated[int, msgspec.Meta(ge=0, le=8)] = 5
    volume_min: Decimal = "0.01"
    volume_step: Decimal = "0.01"
    volume_max: Decimal = "500"
    calc_mode: str = "forex"
    trade_mode: str = "full"


class Group(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The group's policy."""

    currency: Currency = "USD"
    method: str = "equity"
    rounding: str = "largest_remainder"
    on_shortfall: str = "reduce"
    below_min: str = "skip"
    overflow_login: int = 0


class Member(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One sub-account. `weight`: percent, ratio, coefficient, lots, multiplier or risk percent, by method."""

    login: Login
    currency: Currency = "USD"
    balance: Decimal = "0"
    equity: Decimal | None = None  # default: balance + credit
    credit: Decimal = "0"
    margin: Decimal = "0"
    leverage: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 2)] = 100
    margin_buffer: Decimal = "0"
    max_leverage: Decimal = "0"
    weight: Decimal = "1"
    max_volume: Decimal = "0"
    status: Literal["active", "inactive"] = "active"
    trade_mode: str = "full"


class Order(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The master's order."""

    volume: Decimal
    side: Literal["buy", "sell"] = "buy"
    stop_loss: Decimal = "0"


class Problem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One what-if question."""

    instrument: Instrument
    members: list[Member]
    order: Order
    group: Group = msgspec.field(default_factory=Group)
    quotes: Annotated[dict[str, tuple[Decimal, Decimal]], msgspec.Meta(max_length=QUOTES_MAX)] = {}
    """symbol: bid, ask"""


def read_problem(text: bytes, name: str) -> Problem:
    """Parse a problem; InputError with what, where and what was expected."""
    try:
        problem = msgspec.json.decode(text, type=Problem)
    except msgspec.DecodeError as error:
        raise InputError(f"{name}: {sentence(error, Problem, text, _PATTERNS)}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: expected JSON in UTF-8: {error}") from None
    if len(problem.members) > MEMBERS_MAX:
        raise InputError(f"{name}: members: {len(problem.members):,}, expected at most {MEMBERS_MAX:,}")
    seen: set[int] = set()
    for at, member in enumerate(problem.members):
        if member.login in seen:
            raise InputError(
                f"{name}: members[{at}].login: duplicate_login: {member.login} stands there twice, "
                "expected each once"
            )
        seen.add(member.login)
    return problem
