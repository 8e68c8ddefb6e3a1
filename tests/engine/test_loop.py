"""The loop against bridges that break their rings, never read, or flood it; the others lose nothing."""

import struct
import time

import pytest
from appliance._native import ffi, lib

from appliance.schema.messages import BY_NAME
from tests.engine.loop_host import INPUT, OUTPUT, LoopHost

CONTROL_SENDS = {"scope": "appliance", "action": "enable"}
REFUSED = {"group": 99, "scope": "group", "action": "stop"}  # answered by a Reject: no such group


def fenced(host: LoopHost, name: str) -> list[dict]:
    number = host.names.index(name) + 1
    told = [m for k, b, m in host.entries if (k, b, m.get("msg")) == (INPUT, 0, "BridgeFenced")]
    return [message for message in told if message["bridge"] == number]


def goes_on(host: LoopHost, name: str = "control") -> None:
    """A bridge is heard, and answered."""
    assert host.send(name, "KillSwitch", **REFUSED)
    answer = host.until(lambda: host.read(name))
    assert (answer["msg"], answer["reason"]) == ("Reject", "unknown_group")


@pytest.mark.parametrize("word", [4, 2**31 - 1, 65536])
def test_a_corrupt_length_fences_that_ring_and_no_other(word: int) -> None:
    with LoopHost(["broker", "control"]) as host:
        host.send("broker", "Heartbeat")
        host.until(lambda: host.journaled("broker", INPUT, "Heartbeat"))
        view = host.ins["broker"]
        at = view.tail & (view.capacity - 1)
        ffi.buffer(view.buffer, view.capacity)[at : at + 8] = struct.pack("<ii", word, 9)
        (told,) = host.until(lambda: fenced(host, "broker"))
        assert told["code"] == -lib.MAM_RING_CORRUPT_LENGTH
        goes_on(host)
        host.until(lambda: host.counter("rings fenced") == 1)


def test_a_claim_that_stays_is_fenced() -> None:
    with LoopHost(["broker", "control"], stuck_after_ns=50_000_000) as host:
        payload = ffi.new("void **")
        assert lib.mam_ring_claim(host.ins["broker"], 9, 16, payload) == 0
        goes_on(host)
        assert host.until(lambda: fenced(host, "broker"))[0]["code"] == 0
        goes_on(host)


def test_a_write_cut_off_before_its_header_is_fenced() -> None:
    """The producer moved tail and died: nothing can be read there, ever."""
    with LoopHost(["broker", "control"], stuck_after_ns=50_000_000) as host:
        ring = host.ins["broker"]
        tail = ffi.cast("int64_t *", ring.buffer + ring.capacity + lib.MAM_RING_TAIL_OFFSET)
        tail[0] += 24
        goes_on(host)
        assert host.until(lambda: fenced(host, "broker"))[0]["code"] == 0
        goes_on(host)


def test_a_write_given_up_does_not_count_against_the_next() -> None:
    """Each write is open for less than the limit; all together, for longer."""
    with LoopHost(["broker", "control"], stuck_after_ns=400_000_000) as host:
        payload = ffi.new("void **")
        for _ in range(12):
            assert lib.mam_ring_claim(host.ins["broker"], 9, 16, payload) == 0
            goes_on(host)
            time.sleep(0.05)
            lib.mam_ring_abort(host.ins["broker"])
            goes_on(host)
        host.send("broker", "Heartbeat")
        host.until(lambda: host.journaled("broker", INPUT, "Heartbeat"))
        assert not fenced(host, "broker")


def test_room_of_given_up_writes_is_released() -> None:
    """A producer that gives up every write must still find room."""
    with LoopHost(["broker", "control"], ring=4096) as host:
        payload = ffi.new("void **")
        for _ in range(100):
            host.until(lambda: lib.mam_ring_claim(host.ins["broker"], 9, 400, payload) == 0)
            lib.mam_ring_abort(host.ins["broker"])


def test_a_bridge_that_never_reads_is_fenced_and_nothing_is_lost() -> None:
    out = {"broker": 1024}
    with LoopHost(["broker", "control"], out=out, stuck_after_ns=300_000_000) as host:
        for _ in range(400):
            host.until(lambda: host.send("broker", "MasterCancel", order=1, group=1))
        host.until(lambda: fenced(host, "broker"))
        goes_on(host)
        host.until(lambda: len(host.journaled("broker", INPUT, "MasterCancel")) == 400)
        rejects = host.until(lambda: [r for r in host.journaled("broker", OUTPUT, "Reject") if r])
        host.until(lambda: len(host.journaled("broker", OUTPUT, "Reject")) == 400)
        assert [reject["sequence"] for reject in host.journaled("broker", OUTPUT, "Reject")] == list(
            range(1, 401)
        )
        host.until(lambda: host.counter("outputs dropped at fences") > 0)
        read = [reject["sequence"] for reject in iter(lambda: host.read("broker"), None)]
        assert read == list(range(1, len(read) + 1)), "what it had been given it can still read, in order"
        assert rejects


def test_a_bridge_that_reads_late_misses_nothing() -> None:
    with LoopHost(["broker", "control"], out={"broker": 1024}) as host:
        for _ in range(300):
            host.until(lambda: host.send("broker", "MasterCancel", order=1, group=1))
        host.until(lambda: len(host.journaled("broker", INPUT, "MasterCancel")) == 300)
        for number in range(1, 301):
            assert host.until(lambda: host.read("broker"))["sequence"] == number
        assert not fenced(host, "broker")


def test_a_type_that_is_not_the_messages_is_refused() -> None:
    with LoopHost(["control"]) as host:
        assert host.send("control", "KillSwitch", kind=BY_NAME["Heartbeat"].id, **CONTROL_SENDS)
        answer = host.until(lambda: host.read("control"))
        assert (answer["msg"], answer["reason"]) == ("Reject", "malformed")
        host.sequences["control"] -= 1
        goes_on(host)


def test_a_full_journal_puts_inputs_off_and_loses_none() -> None:
    with LoopHost(["control"], ring=2**20) as host:
        sent = 0
        while host.send("control", "KillSwitch", **REFUSED):
            sent += 1
        host.until(lambda: host.counter("journal full: polls put off") > 0, drain=False)
        taken = host.counter("messages in")
        assert taken < sent
        host.until(lambda: len(host.journaled("control", INPUT, "KillSwitch")) == sent)
        host.until(lambda: len(host.journaled("control", OUTPUT, "Reject")) == sent)


def test_an_output_is_journaled_before_it_is_released() -> None:
    with LoopHost(["control"]) as host:
        for _ in range(200):
            host.send("control", "KillSwitch", **REFUSED)
            answer = host.until(lambda: host.read("control"), drain=False)
            host.drain()
            assert answer in host.journaled("control", OUTPUT, "Reject")[-1:]


def test_messages_longer_than_any_are_cut_and_refused() -> None:
    with LoopHost(["control"]) as host:
        assert lib.mam_ring_write(host.ins["control"], 33, b"\x21" * 8000, 8000) == 0
        answer = host.until(lambda: host.read("control"))
        assert answer["reason"] == "malformed"
        goes_on(host)
