"""The state table: what is drawn in docs/blocks.md is what the code does; the impossible is told."""

import re
from typing import Any

import pytest
from appliance._native import ffi, lib

from tests.conftest import ROOT
from tests.engine.desk import Desk, only

STATES = {"gone": 0, "working": 2, "allocating": 5, "rolling_back": 9}
EVENTS = ["trade", "rejected", "ended", "correct", "bust", "status"]  # Execution.kind
EVENTS += ["booked", "refused", "retry", "unknown"]  # BookingReport.status
EVENTS += ["cancel", "kill", "clock"]


def drawn() -> dict[tuple[str, str], str]:
    """(event, state): the handler's name, or impossible."""
    text = (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8")
    table = text[text.index("| | working") :].split("\n\n")[0].splitlines()
    head = [cell.strip() for cell in table[0].strip("|").split("|")]
    cells = {}
    for line in table[2:]:
        event, *row = [cell.strip() for cell in line.strip("|").split("|")]
        for state, cell in zip(head[1:], row, strict=True):
            match = re.match(r"`(\w+)`: \S", cell)
            assert match or cell == "impossible", f"{event}, {state}: {cell!r}"
            cells[event, state] = match.group(1) if match else "impossible"
    return cells


def action(state: int, event: int) -> str:
    return ffi.string(lib.mam_block_action(state, event)).decode() or "impossible"


def test_the_drawn_table_is_the_codes() -> None:
    coded = {(e, s): action(n, at) for s, n in STATES.items() for at, e in enumerate(EVENTS)}
    assert drawn() == coded


def test_no_other_state_ever_meets_a_message() -> None:
    for state in set(range(16)) - set(STATES.values()):
        assert {action(state, event) for event in range(20)} == {"impossible"}
    assert action(2, len(EVENTS)) == "impossible"


# --- each pair, on an engine ---


def at_state(state: str) -> Desk:
    """An engine with block 1 in that state; its leg 0 is lp1's."""
    desk = Desk()
    policy = "rollback" if state == "rolling_back" else "allocate"
    desk.usual({1: "10000", 2: "10000"}, execution="stp", on_partial=policy)
    (leg,) = only(desk.order(1, "1"), "Leg")
    if state == "rolling_back":
        desk.execution(leg, "0.5", "0.5", "1.1001", execution=1)
        desk.execution(leg, "0.5", "0", "0", kind="ended", execution=2)
    if state in ("allocating", "gone"):
        outputs = desk.execution(leg, "1", "1", "1.1001", execution=1)
        if state == "gone":
            desk.book_all(outputs)
    status = [change["status"] for change in only(desk.log, "BlockChange")][-1]
    assert status == ("done" if state == "gone" else state)
    return desk


def message(event: str) -> tuple[str, str, dict[str, Any]]:
    """Of block 1, well-formed: source, message, fields."""
    if event in EVENTS[:6]:
        fields = {"block": 1, "leg": 0, "execution": 50, "kind": event, "cumulative": "0.5", "volume": "0"}
        fields["price"] = "0"
        return "lp1", "Execution", fields
    if event in EVENTS[6:10]:
        fields = {"block": 1, "child": 0, "login": 1, "deal": 1001, "position": 7, "volume": "0.5"}
        return "broker", "BookingReport", {**fields, "price": "1.1001", "status": event}
    assert event == "cancel"
    return "broker", "MasterCancel", {"order": 1, "group": 7}


PAIRS = [(state, event) for state in STATES for event in EVENTS if event not in ("kill", "clock")]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_the_impossible_is_refused_counted_and_alarmed(state: str, event: str) -> None:
    desk = at_state(state)
    before = desk.engine.counts()
    source, msg, fields = message(event)
    outputs = desk.send(source, msg, **fields)
    impossible = drawn()[event, state] == "impossible"
    reasons = [reject["reason"] for reject in only(outputs, "Reject")]
    if impossible:
        assert [output["msg"] for output in outputs] == ["RiskAlert", "Reject"], "and nothing else is done"
        assert reasons == ["unknown_block" if state == "gone" else "wrong_state"]
        assert only(outputs, "RiskAlert")[0]["kind"] == "impossible"
        changed = {name for name, count in desk.engine.counts().items() if count != before[name]}
        assert changed == {"inputs", "outputs", "rejects", "alerts", "impossible"}
        assert desk.engine.counts()["impossible"] == before["impossible"] + 1
    # an Execution may be nonsense in itself, the answer a contradiction: test_bad_reports.py
    elif msg != "Execution" and (state, event) != ("gone", "refused"):
        assert not [a for a in only(outputs, "RiskAlert") if a["kind"] == "impossible"]
    desk.no_law_broken()
