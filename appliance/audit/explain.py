"""Why each account got what it got: an order's whole story, from the log alone.

One pass over the log. What changes often (quotes, account states) is kept as bytes, and read when a plan is
made: what an order saw is what was newest before it.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from appliance._native import lib
from appliance.audit import records, sentences
from appliance.audit.errors import AuditError
from appliance.audit.reader import Entry, output_fields
from appliance.schema.codec import MessageError, to_json
from appliance.schema.messages import MESSAGES

Json = dict[str, Any]
_NAMES = {number: message.name for number, message in MESSAGES.items()}
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_NO_CAP = "92233720368.54775807"
_CHANGES = {"GroupPolicy", "Member", "Limits", "KillSwitch", "Tolerance"}
_LATER = {"reallocated", *sentences.GOES_ON}
"""Reasons of a child that is no share of the order's own volume."""
_STATUS_OF = {
    lib.MAM_CODE_DONE: "booked",
    lib.MAM_CODE_PRICE: "retry",
    lib.MAM_CODE_BUSY: "retry",
    lib.MAM_CODE_REJECTED: "refused",
    lib.MAM_CODE_CLOSED: "refused",
    lib.MAM_CODE_ACCOUNT: "refused",
    lib.MAM_CODE_STATE: "refused",
    lib.MAM_CODE_CONFIG: "refused",
}
"""What a return code of each class says of a booking; all others: unknown (native/src/booking.c)."""
_PROPORTIONAL = {"equal", "percent", "ratio", "balance", "equity", "free_margin", "holdings"}


@dataclass(frozen=True)
class Question:
    """Which orders; what is None does not matter."""

    order: int | None = None
    deal: int | None = None
    block: int | None = None

    def asks_for(self, fields: Json) -> bool:
        """Of a message that has an order or deal, or a block."""
        return all(
            fields.get(name) == wanted
            for name, wanted in (("order", self.order), ("deal", self.deal), ("block", self.block))
            if wanted is not None
        )

    def __str__(self) -> str:
        names = (("order", self.order), ("deal", self.deal), ("block", self.block))
        return ", ".join(f"{name} {value}" for name, value in names if value is not None)


@dataclass
class _Run:
    """What is known of the engine's run at this point of the log."""

    bridges: dict[int, str] = field(default_factory=lambda: {0: "host", 0xFFFF: "journal"})
    instruments: dict[int, Entry] = field(default_factory=dict)
    quotes: dict[tuple[int, int], Entry] = field(default_factory=dict)
    states: dict[int, Entry] = field(default_factory=dict)
    accounts: dict[int, Entry] = field(default_factory=dict)
    policies: dict[int, Json] = field(default_factory=dict)
    members: dict[tuple[int, int], Json] = field(default_factory=dict)
    changes: list[Json] = field(default_factory=list)
    orders: dict[tuple[str, int], Json] = field(default_factory=dict)
    """The message of an order or deal, by its number."""
    blocks: dict[int, Json] = field(default_factory=dict)
    """Stories that are being told."""
    source: Json | None = None
    """The order that is being dealt with, when it was asked for."""
    pending: dict[int, list[Entry]] = field(default_factory=dict)
    """Alerts of a block that has no plan yet."""
    stops: dict[tuple[int, int], Json] = field(default_factory=dict)
    """The newest RiskStop of (group, login)."""
    in_sync: dict[int, Json] = field(default_factory=dict)
    """The newest alert of an account on whether its figures agree."""
    log_state: Json | None = None
    platforms: dict[int, str] = field(default_factory=dict)
    """Of each server's bridge: whose return codes it answers with."""
    clock: Json | None = None
    """The newest ClockState: how far the times may be off."""


def utc(ns: int) -> str:
    """A time in ns as ISO 8601 in UTC, to the nanosecond."""
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % 10**9:09d}Z"


class Explainer:
    """Feed it a log's entries; `stories` are the answer."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.run = _Run()
        self.stories: list[Json] = []
        self.refusals: list[Json] = []
        """Orders that were asked for, and refused before there was a block."""

    def feed(self, entry: Entry) -> None:
        """The next entry of the log."""
        if entry.kind == records.OWN or len(entry.message) < 16:
            return
        name = _NAMES.get(int.from_bytes(entry.message[2:4], "little"))
        if name is None:
            return
        if entry.kind == records.INPUT:
            self.run.source = None
        handle = getattr(self, f"_on_{name.lower()}", None)
        if handle is not None:
            handle(entry)
        elif name in _CHANGES and entry.kind == records.INPUT:
            self._change(entry)

    # What the engine was told

    def _on_opened(self, entry: Entry) -> None:
        self.run = _Run()

    def _on_bridgeopened(self, entry: Entry) -> None:
        fields = self._json(entry)
        self.run.bridges[fields["bridge"]] = fields["bridge_name"]

    def _on_instrument(self, entry: Entry) -> None:
        self.run.instruments[_U32.unpack_from(entry.message, 16)[0]] = entry

    def _on_quote(self, entry: Entry) -> None:
        self.run.quotes[_U32.unpack_from(entry.message, 16)[0], entry.bridge] = entry

    def _on_account(self, entry: Entry) -> None:
        self.run.accounts[_U64.unpack_from(entry.message, 16)[0]] = entry

    def _on_accountstate(self, entry: Entry) -> None:
        self.run.states[_U64.unpack_from(entry.message, 16)[0]] = entry

    def _change(self, entry: Entry) -> None:
        """Who changed which policy, from what to what."""
        fields = self._json(entry)
        group = int(fields.get("group", 0))
        key = (group, int(fields.get("login", 0)))
        old: Json = {}
        if fields["msg"] == "GroupPolicy":
            old, self.run.policies[group] = self.run.policies.get(group, {}), fields
        elif fields["msg"] == "Member":
            old, self.run.members[key] = self.run.members.get(key, {}), fields
        hidden = {"msg", "sequence", "leaf", "time", "bridge", "operator_name"}
        changed = {
            name: {"from": old.get(name), "to": value}
            for name, value in fields.items()
            if name not in hidden and old.get(name) != value
        }
        self.run.changes.append(
            {
                "msg": fields["msg"],
                "leaf": entry.leaf_index,
                "time": utc(entry.time),
                "group": group,
                "login": key[1],
                "operator": fields.get("operator_name", ""),
                "bridge": fields["bridge"],
                "first": not old,
                "changed": changed,
            }
        )

    def _on_masterorder(self, entry: Entry) -> None:
        fields = self._json(entry)
        self.run.orders["order", fields["order"]] = fields
        self._asked(fields)

    def _on_masterdeal(self, entry: Entry) -> None:
        fields = self._json(entry)
        self.run.orders["deal", fields["deal"]] = fields
        self._asked(fields)

    def _on_mastercancel(self, entry: Entry) -> None:
        fields = self._json(entry)
        for story in self.run.blocks.values():
            if story["order"] is not None and story["order"]["order"] == fields["order"]:
                story["cancels"].append(fields)

    def _on_logstate(self, entry: Entry) -> None:
        self.run.log_state = self._json(entry)

    def _on_clockstate(self, entry: Entry) -> None:
        self.run.clock = self._json(entry)

    def _asked(self, fields: Json) -> None:
        if self.question.block is None and self.question.asks_for(fields):
            self.run.source = fields

    # What the engine said of it

    def _on_reject(self, entry: Entry) -> None:
        """Right behind the order: it was refused."""
        if self.run.source is not None and entry.kind == records.OUTPUT:
            reject = self._json(entry)
            order = self.run.source
            self._refuse({"order": order, "reject": reject}, reject["reason"])

    def _refuse(self, refusal: Json, reason: str) -> None:
        """With what was in force: limits, kill switches, and how far the log was behind."""
        run, group = self.run, refusal["order"]["group"]
        refusal["sentence"] = sentences.clause(reason)
        refusal["instrument"] = self._maybe(run.instruments.get(refusal["order"].get("instrument", 0)))
        refusal["policy_changes"] = [
            change
            for change in run.changes
            if change["msg"] in ("Limits", "KillSwitch") and change["group"] in (0, group)
        ]
        refusal["log_state"] = run.log_state if reason in ("log_behind", "log_disk_full") else None
        self.refusals.append(refusal)
        run.source = None

    def _on_plan(self, entry: Entry) -> None:
        plan = self._json(entry)
        if not self.question.asks_for(plan):
            return
        run = self.run
        changes = [
            change
            for change in run.changes
            if change["group"] in (0, plan["group"]) or change["msg"] == "KillSwitch"
        ]
        deal, order = run.orders.get(("deal", plan["deal"])), run.orders.get(("order", plan["order"]))
        story: Json = {
            "block": plan["block"],
            "order": (deal if plan["deal"] else None) or order or deal,
            "instrument": self._maybe(run.instruments.get(plan["instrument"])),
            "quotes": [
                self._json(quote)
                for (instrument, _), quote in sorted(run.quotes.items())
                if instrument == plan["instrument"]
            ],
            "policy": run.policies.get(plan["group"]),
            "policy_changes": changes,
            "plan": plan,
            "children": [],
            "legs": [],
            "executions": [],
            "changes": [],
            "reports": [],
            "alerts": [],
            "left_out": [],
            "house": [],
            "cancels": [],
            "queries": [],
            "clock": run.clock,
        }
        run.blocks[plan["block"]] = story
        for alert in run.pending.pop(plan["block"], []):
            story["alerts"].append(self._json(alert))
        self.stories.append(story)

    def _on_planmember(self, entry: Entry) -> None:
        story = self._story(entry)
        if story is None:
            return
        member = self._json(entry)
        run, plan, login = self.run, story["plan"], member["login"]
        member["exact_quota"] = _exact(plan, member)
        inexact = "/" in (member["exact_quota"] or "") or "…" in (member["exact_quota"] or "")
        member["quota_shown"] = member["quota"] + ("…" if inexact else "")
        member["cap"] = None if member["cap"] == _NO_CAP else member["cap"]
        member["account"] = self._maybe(run.accounts.get(login))
        member["state"] = self._maybe(run.states.get(login))
        member["membership"] = run.members.get((plan["group"], login))
        member["stop"] = run.stops.get((plan["group"], login))
        member["in_sync"] = run.in_sync.get(login)
        member["bookings"] = []
        member["answers"] = []
        story["children"].append(member)

    def _on_booking(self, entry: Entry) -> None:
        self._of_child(entry, "bookings")

    def _on_bookingreport(self, entry: Entry) -> None:
        self._of_child(entry, "answers")

    def _on_serverterms(self, entry: Entry) -> None:
        self.run.platforms[entry.bridge] = str(self._json(entry)["platform"])

    def _of_child(self, entry: Entry, what: str) -> None:
        story = self._story(entry)
        if story is None:
            return
        fields = self._json(entry)
        if fields.get("status") == "coded":
            table = lib.MAM_CODES_MT4 if self.run.platforms.get(entry.bridge) == "mt4" else lib.MAM_CODES_MT5
            fields["status"] = _STATUS_OF.get(lib.mam_code_class(table, fields["code"]), "unknown")
        child = next((child for child in story["children"] if child["child"] == fields["child"]), None)
        if child is None:  # the house: it is no member of the plan
            child = {"child": fields["child"], "login": fields["login"], "house": True}
            child |= {"bookings": [], "answers": []}
            story["children"].append(child)
        child[what].append(fields)

    def _on_leg(self, entry: Entry) -> None:
        self._add(entry, "legs")

    def _on_legcancel(self, entry: Entry) -> None:
        self._add(entry, "legs")

    def _on_execution(self, entry: Entry) -> None:
        self._add(entry, "executions")

    def _on_booksource(self, entry: Entry) -> None:
        self._add(entry, "left_out")

    def _on_housechange(self, entry: Entry) -> None:
        self._add(entry, "house")

    def _on_bookingquery(self, entry: Entry) -> None:
        self._add(entry, "queries")

    def _on_blockchange(self, entry: Entry) -> None:
        self._add(entry, "changes")

    def _on_masterreport(self, entry: Entry) -> None:
        fields = self._json(entry)
        if fields["block"]:
            story = self.run.blocks.get(fields["block"])
            if story is not None:
                story["reports"].append(fields)
        elif self.run.source is not None:
            self._refuse({"order": self.run.source, "report": fields}, fields["reason"])

    def _on_riskalert(self, entry: Entry) -> None:
        fields = self._json(entry)
        if fields["kind"] in ("out_of_sync", "in_sync"):
            self.run.in_sync[fields["login"]] = fields
        story = self.run.blocks.get(fields["block"])
        if story is not None:
            story["alerts"].append(fields)
        elif fields["block"]:
            self.run.pending.setdefault(fields["block"], []).append(entry)

    def _on_riskstop(self, entry: Entry) -> None:
        fields = self._json(entry)
        self.run.stops[fields["group"], fields["login"]] = fields

    # Parts

    def _add(self, entry: Entry, what: str) -> None:
        story = self._story(entry)
        if story is not None:
            story[what].append(self._json(entry))

    def _story(self, entry: Entry) -> Json | None:
        """Of the block that the message is about; all such messages have it as their second field."""
        return self.run.blocks.get(_U32.unpack_from(entry.message, 16)[0]) if self.run.blocks else None

    def _json(self, entry: Entry) -> Json:
        try:
            fields = output_fields(entry) if entry.kind == records.OUTPUT else to_json(entry.message)
        except MessageError as error:  # an input that the engine refused as malformed
            fields = {"msg": "malformed", "error": str(error), "group": -1}
            fields |= {"order": None, "deal": None, "block": None, "bridge_name": "", "login": 0}
        if fields["msg"] == "BridgeOpened":
            return fields
        if "bridge" in fields:
            fields["lp"] = self.run.bridges.get(fields["bridge"], str(fields["bridge"]))
        bridge = self.run.bridges.get(entry.bridge, str(entry.bridge))
        return fields | {"leaf": entry.leaf_index, "time": utc(entry.time), "bridge": bridge}

    def _maybe(self, entry: Entry | None) -> Json | None:
        return None if entry is None else self._json(entry)


def _exact(plan: Json, member: Json) -> str | None:
    """Its share of the volume, as an exact decimal or fraction; None where the method is absolute."""
    if plan["method"] not in _PROPORTIONAL or not plan["total_weight"] or member["reason"] in _LATER:
        return None
    share = Fraction(plan["volume"]) * member["weight"] / plan["total_weight"]
    if (share * 10**8).denominator == 1:
        return str(member["quota"])
    whole = f"{share.numerator}/{share.denominator}"
    return whole if len(whole) <= 40 else f"{member['quota']}…"


def _finish(story: Json) -> None:
    """What can be said of a child only when all is known."""
    status = story["changes"][-1]["status"] if story["changes"] else "planned"
    outcome = sentences.OUTCOME.get(status, "")
    together = _together(story["children"])
    for child in story["children"]:
        booked = [answer for answer in child["answers"] if answer["status"] == "booked"]
        asked = child["bookings"][-1]["volume"] if child["bookings"] else "0"
        child["booked_volume"] = booked[-1]["volume"] if booked else "0"
        child["price"] = child["bookings"][-1]["price"] if child["bookings"] else None
        if "house" in child:
            child["sentence"] = f"the house account takes {asked} lots that no client could"
            continue
        child["share_of_all"] = _percent(story["plan"], child)
        child["sentence"] = sentences.child_sentence(child, together.get(child["child"], asked), outcome)
        if child["answers"]:
            child["sentence"] += f"; {sentences.BOOKING[child['answers'][-1]['status']]}"
        elif child["bookings"]:
            child["sentence"] += "; the server has not answered"


def _together(children: list[Json]) -> dict[int, str]:
    """Child: what was asked for it and for those that go on with it, at further prices or tickets."""
    sums: dict[int, Decimal] = {}
    begun: dict[int, int] = {}  # login: the child that the next of its children goes on with
    for child in sorted(children, key=lambda one: one["child"]):
        if child.get("reason") not in sentences.GOES_ON:
            begun[child["login"]] = child["child"]
        at = begun.setdefault(child["login"], child["child"])
        asked = child["bookings"][-1]["volume"] if child["bookings"] else "0"
        sums[at] = sums.get(at, Decimal(0)) + Decimal(asked)
    return {at: f"{total.normalize():f}" for at, total in sums.items()}


def _percent(plan: Json, member: Json) -> str | None:
    """Its weight among all, in percent with two decimals, where shares are by weight."""
    if plan["method"] not in _PROPORTIONAL or not plan["total_weight"] or member["reason"] in _LATER:
        return None
    return f"{10_000 * member['weight'] // plan['total_weight'] / 100:.2f}"


def explain(entries: Iterable[Entry], question: Question, login: int | None = None) -> Json:
    """{"blocks": […], "refused": […]}; AuditError when the log knows of none. `login`: that child alone."""
    explainer = Explainer(question)
    for entry in entries:
        explainer.feed(entry)
    if not explainer.stories and not explainer.refusals:
        raise AuditError(f"the log has no {question}")
    for story in explainer.stories:
        _finish(story)
        if login is not None:
            story["children"] = [child for child in story["children"] if child["login"] == login]
            story["policy_changes"] = [
                change for change in story["policy_changes"] if change["login"] in (0, login)
            ]
            story["alerts"] = [alert for alert in story["alerts"] if alert["login"] in (0, login)]
            if not story["children"]:
                raise AuditError(f"block {story['block']} has no account {login}")
    return {"blocks": explainer.stories, "refused": explainer.refusals}
