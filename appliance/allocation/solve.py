"""A problem as the messages of a broker, an LP and control; the engine's plan as the answer."""

from fractions import Fraction
from typing import Any

from appliance.allocation.answer import Answer, child_of, fixed, sentence_of
from appliance.allocation.problem import Problem
from appliance.engine import Capacities, Engine
from appliance.errors import InputError
from appliance.memory import Role
from appliance.schema.codec import MessageError, from_json, to_json
from appliance.schema.decimals import to_text as format_decimal
from appliance.schema.messages import MESSAGES

GROUP = 1
ORDER = 1


class _Desk:
    """Sends messages to an engine and keeps what comes back."""

    def __init__(self, problem: Problem) -> None:
        count = len(problem.members)
        self.engine = Engine(
            Capacities(
                accounts=count + 1,
                members=max(1, count),
                instruments=len(problem.quotes) + 1,
                groups=1,
                blocks=1,
                children=max(1, count),
                holdings=max(1, count),
                history=16,
            )
        )
        self._bridges = {role: self.engine.open_bridge(role.name.lower(), role) for role in Role}
        self._sequences = dict.fromkeys(Role, 0)
        self.outputs: list[dict[str, Any]] = []

    def send(self, role: Role, where: str, name: str, **fields: object) -> None:
        """One message; InputError (naming `where` in the problem) when it is refused."""
        self._sequences[role] += 1
        values = {"msg": name, "sequence": self._sequences[role], **fields}
        try:
            message = from_json(values)
        except MessageError as error:
            raise InputError(f"{where}: {error}") from None
        outputs = [to_json(output.message) for output in self.engine.apply(0, self._bridges[role], message)]
        for output in outputs:
            if output["msg"] == "Reject":
                raise InputError(f"{where}: {_sentence(output)}")
        self.outputs += outputs


def _sentence(reject: dict[str, Any]) -> str:
    message = MESSAGES.get(reject["ref_template"])
    field = next((f.name for f in message.fields if f.id == reject["field_id"]), None) if message else None
    return f"{reject['reason']}{f' ({field})' if field else ''}: {sentence_of(reject['reason'])}"


def solve(problem: Problem) -> Answer:
    """Ask the engine; InputError when it refuses the problem's own data."""
    desk = _Desk(problem)
    _instruments(desk, problem)
    _members(desk, problem)
    desk.send(
        Role.BROKER,
        "order",
        "MasterOrder",
        order=ORDER,
        group=GROUP,
        instrument=1,
        volume=problem.order.volume,
        stop_loss=problem.order.stop_loss,
        side=problem.order.side,
        entry="opening",
    )
    return _answer(desk.outputs, problem)


def _instruments(desk: _Desk, problem: Problem) -> None:
    traded = problem.instrument
    desk.send(
        Role.BROKER,
        "instrument",
        "Instrument",
        instrument=1,
        symbol=traded.symbol,
        base_currency=traded.base or traded.symbol[:3],
        profit_currency=traded.profit or traded.symbol[3:6] or "USD",
        margin_currency=traded.margin or traded.base or traded.symbol[:3],
        contract_size=traded.contract_size,
        digits=traded.digits,
        volume_min=traded.volume_min,
        volume_step=traded.volume_step,
        volume_max=traded.volume_max,
        calc_mode=traded.calc_mode,
        trade_mode=traded.trade_mode,
        margin_rate_buy="1",
        margin_rate_sell="1",
    )
    numbers = {traded.symbol: 1}
    for symbol in problem.quotes:
        if symbol in numbers:
            continue
        if len(symbol) < 6:
            raise InputError(
                f'quotes: unknown_instrument: "{symbol}" names no pair, expected two currencies: "EURUSD"'
            )
        numbers[symbol] = len(numbers) + 1
        desk.send(
            Role.BROKER,
            f"quotes.{symbol}",
            "Instrument",
            instrument=numbers[symbol],
            symbol=symbol,
            base_currency=symbol[:3],
            profit_currency=symbol[3:6],
            margin_currency=symbol[:3],
            contract_size="100000",
            digits=8,
            volume_min="0.01",
            volume_step="0.01",
            volume_max="1000",
            trade_mode="full",
        )
    for symbol, (bid, ask) in problem.quotes.items():
        desk.send(Role.LP, f"quotes.{symbol}", "Quote", instrument=numbers[symbol], bid=bid, ask=ask)


def _members(desk: _Desk, problem: Problem) -> None:
    group = problem.group
    desk.send(
        Role.CONTROL,
        "group",
        "GroupPolicy",
        group=GROUP,
        policy_version=1,
        currency=group.currency,
        method=group.method,
        rounding=group.rounding,
        on_shortfall=group.on_shortfall,
        below_min=group.below_min,
        overflow_login=group.overflow_login,
        execution="stp",
        on_partial="allocate",
        on_refused="house",
    )
    for at, member in enumerate(problem.members):
        where = f"members[{at}] (login {member.login})"
        equity = member.equity
        if equity is None:
            total = (Fraction(member.balance) + Fraction(member.credit)) * 10**6
            equity = format_decimal(int(total), -6)
        desk.send(
            Role.BROKER,
            where,
            "Account",
            login=member.login,
            currency=member.currency,
            leverage=member.leverage,
            trade_mode=member.trade_mode,
            money_digits=2,
        )
        desk.send(
            Role.BROKER,
            where,
            "AccountState",
            login=member.login,
            balance=member.balance,
            credit=member.credit,
            equity=equity,
            margin=member.margin,
        )
        desk.send(
            Role.CONTROL,
            where,
            "Member",
            group=GROUP,
            login=member.login,
            weight=member.weight,
            max_volume=member.max_volume,
            margin_buffer=member.margin_buffer,
            max_leverage=member.max_leverage,
            status=member.status,
        )


def _answer(outputs: list[dict[str, Any]], problem: Problem) -> Answer:
    plan = next(output for output in outputs if output["msg"] == "Plan")
    _, _, fraction = problem.instrument.volume_step.partition(".")
    places = len(fraction)
    children = [child_of(row, plan, places) for row in outputs if row["msg"] == "PlanMember"]
    planned = Fraction(plan["planned"])
    absolute = plan["method"] in ("fixed_lots", "multiplier", "risk")
    left = Fraction(0) if absolute else Fraction(plan["volume"]) - planned
    return Answer(
        children=children,
        volume=fixed(format_decimal(int(planned * 10**8), -8), places),
        unallocated=fixed(format_decimal(int(left * 10**8), -8), places),
        reason=None if plan["reason"] == "none" else plan["reason"],
        sentence=None if plan["reason"] == "none" else sentence_of(plan["reason"]),
    )
