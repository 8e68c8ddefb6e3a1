"""The whole bridge against a real FIX acceptor in another process, interrupted wherever it hurts."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("quickfix", reason="the extra `fix` is not installed")

from tests.fix.engine_model import units
from tests.fix.raw_lp import RawLp
from tests.fix.stage import Stage

pytestmark = pytest.mark.process


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_an_order_is_filled_in_parts(stage: Stage) -> None:
    stage.up()
    stage.plan([["ack"], ["fill", "40000", "1.10001", "E1"], ["fill", "60000", "1.10003", "E2"]])
    stage.leg(7, "1")
    stage.until(lambda: stage.filled(7) == units("1"), "it is filled")
    assert sorted(stage.engine.legs[7, 0].fills.values()) == [
        (units("0.4"), units("1.10001")),
        (units("0.6"), units("1.10003")),
    ]
    assert stage.engine.faults == []
    assert stage.bridge.end() == 0
    assert stage.bridge.errors == ""


def test_fills_missed_while_disconnected_are_booked_once(stage: Stage) -> None:
    """They come for the first time with PossDupFlag, since the bridge asks for what it missed."""
    stage.up()
    stage.plan([["ack"], ["fill", "30000", "1.1", "E1"], ["drop"], ["fill", "50000", "1.2", "E2"]])
    stage.leg(1, "1")
    stage.until(lambda: stage.filled(1) == units("0.8"), "the missed fill is booked")
    stage.lp.tell(order=key(stage), do=[["again", "E1"], ["again", "E2"], ["cancelled"]])
    stage.until(lambda: stage.engine.legs[1, 0].ended == "ended", "it has ended")
    assert stage.filled(1) == units("0.8")
    assert any("\x0143=Y\x01" in text for text in received(stage, "E2"))
    assert stage.bridge.errors == ""
    assert stage.engine.faults == []
    assert len(stage.lp.got("D")) == 1


def test_corrections_and_busts(stage: Stage) -> None:
    stage.up()
    fills = [["fill", "40000", "1.1", "E1"], ["fill", "20000", "1.2", "E2"]]
    stage.plan([*fills, ["correct", "E3", "E1", "50000", "1.15"], ["bust", "E4", "E2"]])
    stage.leg(1, "1")
    stage.until(lambda: stage.filled(1) == units("0.5"), "corrected and busted")
    stage.lp.tell(order=key(stage), do=[["again", "E4"], ["again", "E3"], ["again", "E2"], ["again", "E1"]])
    stage.lp.tell(order=key(stage), do=[["correct", "E5", "E3", "10000", "1.3"], ["cancelled"]])
    stage.until(lambda: stage.engine.legs[1, 0].ended == "ended", "it has ended")
    assert list(stage.engine.legs[1, 0].fills.values()) == [(units("0.1"), units("1.3"))]
    assert stage.engine.faults == []


def test_a_killed_bridge_loses_nothing_and_doubles_nothing(stage: Stage) -> None:
    stage.up()
    fills = [["fill", "10000", "1.1", f"E{n}"] for n in range(10)]
    for round_, cut in enumerate((0, 3, 7), start=1):
        stage.plan([["ack"], *fills[:cut]])
        stage.leg(round_, "1")
        stage.until(lambda n=round_: len(stage.lp.got("D")) == n, "the LP has the order")
        stage.bridge.end(signal.SIGKILL)
        stage.lp.tell(order=key(stage), do=[*fills[cut:5]])
        stage.bridge = stage.start_bridge()
        stage.up()
        stage.lp.tell(order=key(stage), do=[*fills[max(cut, 5) :], *([["again", "E1"]])])
        stage.until(lambda n=round_: stage.filled(n) == units("1"), "it is filled")
    assert stage.engine.faults == []
    assert stage.engine.gaps == 0
    assert len(stage.lp.got("D")) == 3


def test_a_lost_fill_is_found_by_asking(stage: Stage) -> None:
    stage.up()
    stage.plan([["fill", "30000", "1.1", "E1"], ["swallow", "E2", "20000", "1.4"]])
    stage.leg(1, "1")
    stage.until(lambda: stage.filled(1) == units("0.3"), "what was reported is booked")
    stage.lp.tell(order=key(stage), do=[["fill", "50000", "1.2", "E3"]])
    stage.until(lambda: stage.filled(1) == units("1"), "the lost fill is found")
    assert sorted(stage.engine.legs[1, 0].fills.values()) == [
        (units("0.2"), units("1.4")),
        (units("0.3"), units("1.1")),
        (units("0.5"), units("1.2")),
    ]
    assert stage.engine.faults == []
    assert "a lost fill is booked" in stage.bridge.errors


def test_reports_that_a_renewed_ring_lost_come_again_when_the_engine_asks(stage: Stage) -> None:
    """No Resync is needed: the engine asks for each leg that is silent for too long."""
    stage.up()
    stage.plan([["ack"], ["fill", "30000", "1.1", "E1"], ["fill", "70000", "1.2", "E2"]])
    stage.leg(1, "1")
    stage.lose("Execution", 2)
    assert stage.filled(1) == 0
    stage.cancel(1)
    stage.until(lambda: stage.filled(1) == units("1"), "both are told again")
    stage.cancel(1)
    stage.until(lambda: stage.engine.duplicates == 2, "and are known by their numbers")
    stage.cancel(2)  # its Leg was lost
    stage.engine.leg(2, 0, units("1"))
    stage.until(lambda: stage.engine.legs[2, 0].ended == "rejected", "it never came here")
    assert stage.engine.faults == []
    assert len(stage.lp.got("D")) == 1


def test_an_order_that_the_lp_never_got_is_rejected(stage: Stage) -> None:
    stage.up()
    stage.plan([["forget"], ["drop"]])
    stage.leg(1, "1")
    stage.until(lambda: stage.engine.legs[1, 0].ended == "rejected", "it is rejected")
    assert len(stage.lp.got("H")) >= 1
    assert len(stage.lp.got("D")) == 1


def test_cancels_and_refusals(stage: Stage) -> None:
    stage.up()
    stage.plan([["ack"]], [["reject", "3"]], [["ack"], ["fill", "100000", "1.1", "E1"]])
    for block in (1, 2, 3):
        stage.leg(block, "1")
    stage.until(lambda: stage.engine.legs[2, 0].ended == "rejected", "the second is rejected")
    for block in (1, 2, 3):
        stage.cancel(block)
    stage.until(lambda: stage.engine.legs[1, 0].ended == "ended", "the first is cancelled")
    assert stage.filled(3) == units("1")
    assert stage.engine.faults == []


QUOTES = [
    [[269, "0"], [278, "b1"], [270, "1.1"], [271, "1000000"], [299, "q1"]],
    [[269, "0"], [278, "b2"], [270, "1.0999"], [271, "500000"], [299, "q2"]],
    [[269, "1"], [278, "a1"], [270, "1.1002"], [271, "2000000"], [299, "q3"]],
    [[269, "1"], [278, "a2"], [270, "1.1003"], [271, "250000"], [299, "q4"]],
]


def test_quotes_of_several_levels_and_their_end(stage: Stage) -> None:
    stage.up()
    stage.lp.tell(quotes=[["EUR/USD", "W", QUOTES]])
    stage.until(lambda: price(stage, 1) == ("1.0999", "1.1003"), "two levels")
    assert price(stage, 0) == ("1.1", "1.1002")
    assert stage.engine.quotes[1, 0]["ask_volume"] == "20"
    stage.lp.tell(quotes=[["EUR/USD", "X", [[[279, "2"], [269, "0"], [278, "b1"], [55, "EUR/USD"]]]]])
    stage.until(lambda: price(stage, 0) == ("1.0999", "1.1002"), "the best bid is gone")
    stage.until(lambda: price(stage, 1) == ("0", "0"), "and so is the second level")
    stage.lp.tell(drop=True)
    stage.until(lambda: price(stage, 0) == ("0", "0"), "withdrawn with the connection")
    stage.up()
    assert price(stage, 0) == ("0", "0")
    stage.lp.tell(quotes=[["EUR/USD", "W", QUOTES]])
    stage.until(lambda: price(stage, 0) == ("1.1", "1.1002"), "quoted again")
    assert stage.bridge.end() == 0
    stage.turn()
    assert price(stage, 0) == ("0", "0")


def test_what_is_out_of_scope_is_refused_clearly(stage: Stage) -> None:
    stage.up()
    entry = [[299, "1"], [55, "EUR/USD"], [132, "1.1"]]
    quotes = [[302, "1"], [304, "1"], [295, "1"], *entry]
    stage.lp.tell(send=[[35, "i"], [117, "x"], [296, [quotes]]])
    stage.until(lambda: len(stage.lp.got("j")) == 1, "a business reject")
    assert "\x01380=3\x01" in stage.lp.got("j")[0]
    assert "alarm: the LP sent a message of type 'i'; refused" in stage.bridge.errors


def test_a_lost_store_is_an_alarm_and_an_end(stage: Stage) -> None:
    stage.up()
    stage.bridge.end()
    store = next((stage.directory / "bridge").glob("*.seqnums"))
    session = store.with_suffix(".session")
    saved = store.read_bytes(), session.read_bytes()
    store.unlink()
    session.unlink()
    for what in ("is lost", "is damaged"):
        bridge = stage.start_bridge()
        bridge.process.wait(30)
        assert bridge.end() == 1
        assert bridge.errors.startswith("alarm: ") and what in bridge.errors
        assert bridge.errors.count("\n") == 1
        session.write_bytes(saved[1])
    store.write_bytes(b"0000000001 : 0000000001")
    bridge = stage.start_bridge()
    bridge.process.wait(30)
    assert bridge.end() == 1
    assert "older than the journal" in bridge.errors


def test_an_lp_that_has_lost_its_store_is_an_alarm_and_an_end(stage: Stage) -> None:
    stage.up()
    stage.lp.end(signal.SIGKILL)
    for path in (stage.directory / "lp").glob("FIX.4.4*"):
        path.unlink()
    stage.lp = stage.start_lp()
    stage.bridge.process.wait(30)
    assert stage.bridge.end() == 1
    assert "agree on the numbers with the LP" in stage.bridge.errors
    assert "Traceback" not in stage.bridge.errors


def test_the_end_of_the_appliance_ends_the_bridge(stage: Stage) -> None:
    stage.up()
    stage.instance.close()
    stage.bridge.process.wait(30)
    assert stage.bridge.end() == 1
    assert stage.bridge.errors.count("\n") == 1


def test_a_fill_of_a_former_run_is_not_booked_in_the_next(stage: Stage) -> None:
    """A new engine counts its blocks from 1 again: only what it asks for is its own."""
    stage.up()
    stage.plan([["ack"]], [["ack"]])
    stage.leg(1, "1")
    stage.until(lambda: len(stage.lp.got("D")) == 1, "the LP has the order")
    old = key(stage)
    stage.instance.close()
    stage.bridge.process.wait(30)
    stage.bridge.end()
    stage.raise_instance()
    stage.engine.legs.clear()
    stage.bridge = stage.start_bridge()
    stage.up()
    stage.leg(1, "1")
    stage.until(lambda: len(stage.lp.got("D")) == 2, "the LP has the new order")
    stage.lp.tell(order=old, do=[["fill", "60000", "1.1", "E1"]])
    stage.until(lambda: "former run" in stage.bridge.errors, "a person is told")
    stage.lp.tell(order=key(stage), do=[["fill", "100000", "1.2", "E2"]])
    stage.until(lambda: stage.filled(1) == units("1"), "the new order is filled")
    assert list(stage.engine.legs[1, 0].fills.values()) == [(units("1"), units("1.2"))]
    assert stage.engine.faults == []


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[tuple[Stage, RawLp]]:
    stage = Stage(tmp_path, lp=False)
    lp = RawLp(stage.port)
    try:
        lp.accept()
        lp.until("A")
        yield stage, lp
    finally:
        lp.close()
        stage.close()


LOGON = ((98, "0"), (108, "30"))
REPORT = ((37, "x"), (11, "nobody"), (17, "E1"), (150, "F"), (39, "2"), (55, "EUR/USD"), (54, "1"), (14, "1"))


def test_texts_of_any_encoding_do_no_harm(raw: tuple[Stage, RawLp]) -> None:
    stage, lp = raw
    lp.send("A", *LOGON)
    stage.until(lambda: stage.bridge.count("passing") == 1, "the bridge passes quotes")
    lp.send("8", *REPORT, (58, b"caf\xe9 \xff\x80"))
    stage.until(lambda: "which nobody knows" in stage.bridge.errors, "a person is told")
    assert b"\x0111=nobody\x01" in lp.until("H")


def test_an_lp_that_begins_its_numbers_anew_is_an_alarm_and_an_end(raw: tuple[Stage, RawLp]) -> None:
    stage, lp = raw
    lp.send("A", *LOGON, (141, "Y"))
    stage.bridge.process.wait(30)
    assert stage.bridge.end() == 1
    assert stage.bridge.errors.startswith("alarm: the LP wants to begin its sequence numbers anew")
    assert stage.bridge.errors.count("\n") == 1


def test_a_sequence_reset_is_an_alarm_and_the_orders_are_asked_for(raw: tuple[Stage, RawLp]) -> None:
    stage, lp = raw
    lp.send("A", *LOGON)
    stage.until(lambda: stage.bridge.count("passing") == 1, "the bridge passes quotes")
    stage.leg(1, "1")
    order = field(lp.until("D").split(b"35=D\x01")[1].decode(), 11)
    lp.send("4", (36, "50"), (123, "N"))
    assert f"\x0111={order}\x01".encode() in lp.until("H")
    stage.until(lambda: "has reset its sequence numbers" in stage.bridge.errors, "a person is told")
    lp.sequence = 50
    lp.send("8", *REPORT[:1], (11, order), *REPORT[2:7], (14, "100000"), (32, "100000"), (31, "1.1"))
    stage.until(lambda: stage.filled(1) == units("1"), "it is filled")
    assert stage.bridge.count("reconciling") == 1


def test_a_number_that_was_used_before_ends_the_session(raw: tuple[Stage, RawLp]) -> None:
    stage, lp = raw
    lp.send("A", *LOGON)
    stage.until(lambda: stage.bridge.count("passing") == 1, "the bridge passes quotes")
    lp.sequence = 1
    lp.send("0")
    stage.bridge.process.wait(30)
    assert stage.bridge.end() == 1
    assert "MsgSeqNum too low" in stage.bridge.errors
    assert stage.bridge.errors.count("\n") == 1


def test_an_order_that_the_session_refuses_is_rejected(raw: tuple[Stage, RawLp]) -> None:
    stage, lp = raw
    lp.send("A", *LOGON)
    stage.until(lambda: stage.bridge.count("passing") == 1, "the bridge passes quotes")
    stage.leg(1, "1")
    number = field(lp.until("D").split(b"35=D\x01")[1].decode(), 34)
    lp.send("3", (45, number), (372, "D"), (373, "1"), (58, "no such tag"))
    stage.until(lambda: stage.engine.legs[1, 0].ended == "rejected", "it is rejected")


def key(stage: Stage) -> str:
    """ClOrdID of the newest order that the LP got."""
    return field(stage.lp.got("D")[-1], 11)


def field(text: str, tag: int) -> str:
    return next(part.partition("=")[2] for part in text.split("\x01") if part.startswith(f"{tag}="))


def received(stage: Stage, exec_id: str) -> list[str]:
    """What the bridge got, by its engine's own log."""
    log = next((stage.directory / "bridge" / "log").glob("FIX*messages.current.log")).read_text()
    return [line for line in log.splitlines() if f"\x0117={exec_id}\x01" in line]


def price(stage: Stage, level: int) -> tuple[str, str] | None:
    quote = stage.engine.quotes.get((1, level))
    return None if quote is None else (quote["bid"], quote["ask"])
