"""An order's story as a page of text, for people: what `mam audit explain` prints."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from appliance.audit import sentences
from appliance.audit.explain import Json

_RULE = "\u2500" * 100


def page(found: Json) -> str:
    """All of it. Times are UTC; those of the day of the plan without the date."""
    lines: list[str] = []
    for refused in found["refused"]:
        lines += [*_Refusal(refused).lines(), ""]
    for story in found["blocks"]:
        lines += [*_Block(story).lines(), ""]
    return "\n".join(lines).rstrip()


def _words(code: str) -> str:
    return code.replace("_", " ")


class _Page:
    """What both kinds of page have; `day` is left out of times."""

    def __init__(self, day: str, instrument: Json | None) -> None:
        self.day = day[:10]
        self.symbol = instrument["symbol"] if instrument else None

    def at(self, fields: Json) -> str:
        """When, and where in the log."""
        time = fields["time"]
        return f"{time[11:] if time.startswith(self.day) else time}, record {fields['leaf']}"

    def order(self, order: Json) -> Iterator[str]:
        what = "Deal" if order["msg"] == "MasterDeal" else "Order"
        ticket = order["deal"] if what == "Deal" else order["order"]
        price = "market" if order["price"] == "0" else order["price"]
        symbol = self.symbol or f"instrument {order['instrument']}"
        yield f"{what} {ticket}: {order['side']} {order['volume']} lots {symbol} at {price}, {order['entry']}"
        more = [f"{_words(name)} {order[name]}" for name in _MORE if order.get(name) not in _NOTHING]
        yield f"  came {self.at(order)} from {order['bridge']}" + "".join(f", {text}" for text in more)

    def change(self, change: Json) -> str:
        """Who changed which policy."""
        if change["msg"] not in ("GroupPolicy", "Member"):
            text = ", ".join(
                f"{_words(name)} {one['to']}"
                for name, one in change["changed"].items()
                if one["to"] not in _NOTHING
            )
        elif change["first"]:
            text = "set up"
        else:
            pairs = (
                f"{_words(name)} {one['from']} to {one['to']}" for name, one in change["changed"].items()
            )
            text = ", ".join(pairs) or "repeated without a change"
        about = f"{change['msg']} {change['login'] or ''}".strip()
        return f"    {change['operator'] or 'nobody named'}: {about}: {text} ({self.at(change)})"


_MORE = ("stop_loss", "take_profit", "deviation", "position", "time_limit")
_NOTHING = (None, 0, "0")


class _Refusal(_Page):
    def __init__(self, refused: Json) -> None:
        super().__init__(refused["order"]["time"], refused["instrument"])
        self.refused = refused

    def lines(self) -> Iterator[str]:
        order, state = self.refused["order"], self.refused["log_state"]
        yield f"{_RULE}\nRefused on {self.day}; times are UTC"
        yield from self.order(order)
        yield f"  refused: {self.refused['sentence']}"
        for change in self.refused["policy_changes"]:
            yield self.change(change)
        if state is not None:
            yield f"    {state['behind']} journal entries were not on disk ({self.at(state)})"


class _Block(_Page):
    def __init__(self, story: Json) -> None:
        super().__init__(story["plan"]["time"], story["instrument"])
        self.story = story
        self.plan = story["plan"]

    def lines(self) -> Iterator[str]:
        plan, story = self.plan, self.story
        yield f"{_RULE}\nBlock {plan['block']} of group {plan['group']}, {self.day}; times are UTC"
        if story["order"] is not None:
            yield from self.order(story["order"])
        else:
            alert = next((sentences.clause(one["reason"]) for one in story["alerts"]), "")
            yield f"Asked for by no master: a close of the engine's own{': ' if alert else ''}{alert}"
        for cancel in story["cancels"]:
            yield f"  taken back by the master {self.at(cancel)}"
        yield from self._end()
        yield "\nWhat it saw"
        yield from self._seen()
        yield "\nThe policy, and who made it so"
        yield from self._policy()
        yield "\nThe division"
        yield from self._plan()
        for child in sorted(story["children"], key=lambda one: (one["login"], one["child"])):
            yield from self._child(child)
        if story["legs"] or story["executions"]:
            yield "\nThe execution"
            yield from self._execution()
        yield "\nThe block's life"
        yield from self._life()

    def _end(self) -> Iterator[str]:
        for report in self.story["reports"][-1:]:
            why = f" ({sentences.clause(report['reason'])})" if report["reason"] != "none" else ""
            yield (
                f"  {_words(report['status'])}{why}: filled {report['filled']}, to clients "
                f"{report['allocated']}, to the house {report['house']}, at {report['price']} "
                f"({self.at(report)})"
            )

    def _seen(self) -> Iterator[str]:
        instrument = self.story["instrument"]
        if instrument:
            yield (
                f"  {instrument['symbol']}: step {instrument['volume_step']}, from "
                f"{instrument['volume_min']} to {instrument['volume_max']} lots of "
                f"{instrument['contract_size']}, {instrument['calc_mode']}"
            )
        for quote in self.story["quotes"]:
            prices = f"{quote['bid']} / {quote['ask']}"
            yield f"  quote of {quote['bridge']}: {prices}, {self.at(quote)}"
        clock = self.story["clock"]
        if clock is not None:
            bound = clock["error_bound"]
            good = f"UTC to within {bound:,} ns" if bound >= 0 else "not disciplined: times may be off"
            yield f"  the clock, as of {self.at(clock)}: {good}"
        for source in self.story["left_out"]:
            why = sentences.clause(source["reason"])
            yield f"  {source['lp']} ({source['bid']} / {source['ask']}) was left out: {why}"

    def _policy(self) -> Iterator[str]:
        plan, policy = self.plan, self.story["policy"]
        yield (
            f"  version {plan['policy_version']}: {plan['method']}, rounding {plan['rounding']}, "
            f"on shortfall {plan['on_shortfall']}, below minimum {plan['below_min']}, {plan['execution']}"
        )
        if policy:
            yield (
                f"  on partial {policy['on_partial']}, on refused {policy['on_refused']}, compared in "
                f"{policy['currency']}, house account {policy['house_login'] or 'none'}"
            )
        changes = self.story["policy_changes"]
        for joined, some in groupby(changes, key=lambda one: one["msg"] == "Member" and one["first"]):
            several = list(some)
            if joined and len(several) > 3:
                yield self._members(several)
            else:
                yield from map(self.change, several)

    def _members(self, changes: list[Json]) -> str:
        who = ", ".join(dict.fromkeys(change["operator"] or "nobody named" for change in changes))
        return (
            f"    {who}: {len(changes)} members set up ({self.at(changes[0])} to {self.at(changes[-1])}; "
            "--login shows one)"
        )

    def _plan(self) -> Iterator[str]:
        plan = self.plan
        text = (
            f"  {plan['planned']} of {plan['volume']} lots for {plan['members']} accounts ({self.at(plan)})"
        )
        yield text + (f": {sentences.clause(plan['reason'])}" if plan["reason"] != "none" else "")

    def _child(self, child: Json) -> Iterator[str]:
        yield f"  Account {child['login']}: {child['sentence']}"
        if "house" not in child:
            yield from self._state(child)
            yield from self._measures(child)
        for booking in child["bookings"]:
            yield f"    asked to book {booking['volume']} at {booking['price']}, {self.at(booking)}"
        for answer in child["answers"]:
            what = sentences.BOOKING[answer["status"]]
            if answer["status"] == "booked":
                what += f": {answer['volume']} at {answer['price']}"
                what += f", deal {answer['deal']}, position {answer['position']}"
            elif answer["code"]:
                what += f" (code {answer['code']})"
            yield f"    {what}, {self.at(answer)}"

    def _state(self, child: Json) -> Iterator[str]:
        state, stop, sync = child["state"], child["stop"], child["in_sync"]
        if state:
            yield (
                f"    the server said: balance {state['balance']}, credit {state['credit']}, "
                f"equity {state['equity']}, margin {state['margin']} ({self.at(state)})"
            )
        if stop is not None and stop["reason"] != "none":
            yield (
                f"    stopped by its {stop['basis']} drawdown: equity {stop['equity']} against "
                f"{stop['mark']} ({self.at(stop)})"
            )
        if sync is not None and sync["kind"] == "out_of_sync":
            yield f"    {sentences.ALERT['out_of_sync']} by {sync['measured']} ({self.at(sync)})"

    def _measures(self, child: Json) -> Iterator[str]:
        share = f" ({child['share_of_all']} % of all)" if child["share_of_all"] else ""
        binding = sentences.BINDING.get(child["binding"], child["binding"])
        limit = f"limit {child['cap'] or 'none'}" + (f" ({binding})" if child["binding"] != "none" else "")
        yield (
            f"    {self._basis(child)}{share}; exact share {child['quota_shown']}; {limit}; "
            f"floor {child['floor_volume']}, remainder {child['remainder']}; volume {child['volume']} "
            f"(record {child['leaf']})"
        )

    def _basis(self, child: Json) -> str:
        """What its share goes by."""
        method, membership = self.plan["method"], child["membership"]
        weight: Any = membership["weight"] if membership else child["weight"]
        if method == "holdings":
            return f"held {child['weight'] / 10**8:.8f}".rstrip("0").rstrip(".")
        measure = sentences.MEASURE.get(method)
        return f"{measure} {child['measure']} times {weight}" if measure else f"weight {weight}"

    def _execution(self) -> Iterator[str]:
        """Legs, what the LPs did with them, and what became the house's, as it happened."""
        told = [(leg["leaf"], self._leg(leg)) for leg in self.story["legs"]]
        told += [(fill["leaf"], self._fill(fill)) for fill in self.story["executions"]]
        told += [(change["leaf"], self._house(change)) for change in self.story["house"]]
        yield from (text for _, text in sorted(told))

    def _leg(self, leg: Json) -> str:
        price = "market" if leg.get("price") == "0" else f"{leg.get('price')} or better"
        what = f"{leg.get('side')} {leg.get('volume')} at {price}"
        if leg["msg"] == "LegCancel":
            what = "taken back, or asked how it stands"
        return f"  leg {leg['leg']} to {leg['bridge']}: {what} ({self.at(leg)})"

    def _fill(self, fill: Json) -> str:
        what = sentences.EXECUTION[fill["kind"]].format(**fill)
        return f"  leg {fill['leg']}, {fill['bridge']} {what} ({self.at(fill)})"

    def _house(self, change: Json) -> str:
        return (
            f"  the house: {change['volume']} at {change['price']} with {change['lp']}: "
            f"{sentences.clause(change['reason'])}; it then has {change['exposure']} ({self.at(change)})"
        )

    def _life(self) -> Iterator[str]:
        """States and alerts, as they came."""
        told = [(change["leaf"], self._state_change(change)) for change in self.story["changes"]]
        told += [(alert["leaf"], self._alert(alert)) for alert in self.story["alerts"]]
        told += [
            (query["leaf"], f"  the server was asked again for {query['unanswered']} ({self.at(query)})")
            for query in self.story["queries"]
        ]
        yield from (text for _, text in sorted(told))

    def _state_change(self, change: Json) -> str:
        reason = f": {sentences.clause(change['reason'])}" if change["reason"] != "none" else ""
        states = f"{_words(change['previous'])} to {_words(change['status'])}"
        return f"  {states}{reason} ({self.at(change)})"

    def _alert(self, alert: Json) -> str:
        why = f": {sentences.clause(alert['reason'])}" if alert["reason"] != "none" else ""
        about = f" of account {alert['login']}" if alert["login"] else ""
        return f"  alert{about}: {sentences.alert(alert['kind'])}{why} ({self.at(alert)})"
