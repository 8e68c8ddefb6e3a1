"""Every code of the schema has its sentence, and every message its place in an explanation."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from appliance.audit import sentences
from appliance.audit.explain import Explainer, Question, explain
from appliance.audit.explain_page import page
from appliance.audit.note import Signer
from appliance.audit.reader import read_entries
from appliance.schema.messages import (
    MESSAGES,
    AlertKind,
    BookingStatus,
    Constraint,
    ExecutionKind,
    Reason,
)
from tests.audit.journals import SEGMENT, JournalRing, drain
from tests.audit.scenario_log import NAME, journal_of
from tests.conftest import ROOT

SCENARIOS = sorted((ROOT / "tests/engine/scenarios").glob("*.jsonl"))
NOT_OF_AN_ORDER = {
    "Heartbeat",
    "Clock",
    "Resync",
    "PositionState",
    "LeverageTier",
    "LeverageRule",
    "LeverageRuleInstrument",
    "ServerTerms",
    "BridgeFenced",
    "BridgeRenewed",
    "Continued",
    "InstrumentOverride",
    "InstrumentVolumes",
    "TimeZone",
    "Resumed",
    "OutputsGone",
}
"""What an order's story does not need: they say nothing of one order, or PlanMember has what follows."""


def test_every_code_has_a_sentence() -> None:
    for reason in Reason:
        said = sentences.clause(reason.name.lower())
        assert reason == Reason.NONE or (" " in said and said[0].islower()), reason
    for kind in AlertKind:
        assert sentences.alert(kind.name.lower())[0].islower(), kind
    statuses = {status.name.lower() for status in BookingStatus}
    assert statuses == {*sentences.BOOKING, "coded"}  # a coded answer is told as what its code says
    for codes, have in (
        (ExecutionKind, sentences.EXECUTION),
        (Constraint, sentences.BINDING),
    ):
        assert set(have) == {code.name.lower() for code in codes}, codes


def test_every_message_has_its_place() -> None:
    from appliance.audit.explain import _CHANGES

    handled = {
        name for name in (m.name for m in MESSAGES.values()) if hasattr(Explainer, f"_on_{name.lower()}")
    }
    assert handled | _CHANGES | NOT_OF_AN_ORDER == {message.name for message in MESSAGES.values()}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_each_scenario_can_be_explained(path: Path, tmp_path: Path) -> None:
    """Every order of every scenario of the engine: a page that says all, and no code left bare."""
    text = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("//")]
    lines = [(number, json.loads(line)) for number, line in enumerate(text)]
    ring = JournalRing()
    with redirect_stdout(io.StringIO()):
        for entry in journal_of(lines):
            assert ring.write(entry)
    assert drain(tmp_path / "log", Signer.generate(NAME), ring, SEGMENT) == 0
    entries = list(read_entries(tmp_path / "log"))
    asked = [Question(order=f["order"]) for _, f in lines if f["msg"] == "MasterOrder"]
    asked += [Question(deal=f["deal"]) for _, f in lines if f["msg"] == "MasterDeal"]
    asked += [Question(block=number) for number in (1, 2, 3)]
    told = 0
    for question in asked:
        try:
            found = explain(entries, question)
        except Exception as error:
            assert "the log has no" in str(error), error
            continue
        shown = page(found)
        told += 1
        for code in Reason:
            if "_" in (name := code.name.lower()):
                assert name not in shown.replace("largest_remainder", ""), (name, shown)
        for story in found["blocks"]:
            for child in story["children"]:
                assert child["sentence"] in shown
    assert told
