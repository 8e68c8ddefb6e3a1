"""Law 8: vendors that write what they like into their rings; each loses its own ring, all others go on."""

import contextlib
import mmap
import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.memory import Directory, Region, State, directory_name, in_name
from appliance.schema.codec import to_json
from tests.daemon.rig import Rig, assert_log_good, mam, wait_for

pytestmark = pytest.mark.process

CAPACITY = 65536
TAIL, HEAD = CAPACITY + 128, CAPACITY + 384


@contextlib.contextmanager
def raw(name: str) -> Iterator[mmap.mmap]:
    """A ring's bytes, with nothing of ours between."""
    descriptor = os.open(f"/dev/shm{name}", os.O_RDWR)
    try:
        with mmap.mmap(descriptor, 0) as mapped:
            yield mapped
    finally:
        os.close(descriptor)


def write(ring: mmap.mmap, payload: bytes, type_: int = 20, length: int | None = None) -> None:
    """One record at the tail, by Agrona's layout; `length` may lie."""
    (tail,) = struct.unpack_from("<q", ring, TAIL)
    at = tail % CAPACITY
    whole = 8 + len(payload)
    ring[at + 8 : at + whole] = payload
    struct.pack_into("<i", ring, at + 4, type_)
    struct.pack_into("<q", ring, TAIL, tail + (whole + 7) // 8 * 8)
    struct.pack_into("<i", ring, at, whole if length is None else length)


def huge_length(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16, length=2**31 - 1)


def short_length(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16, length=3)


def past_the_end(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16, length=CAPACITY)


def never_finished(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16, length=-24)


def type_zero(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16, type_=0)


def tail_goes_back(ring: mmap.mmap) -> None:
    write(ring, b"x" * 16)
    struct.pack_into("<q", ring, TAIL, -8)
    write_all = bytes(CAPACITY)
    ring[0:CAPACITY] = b"\xff" * len(write_all)


def noise(ring: mmap.mmap) -> None:
    ring[0 : len(ring)] = random.Random(7).randbytes(len(ring))


VANDALS: list[Callable[[mmap.mmap], None]] = [
    huge_length,
    short_length,
    past_the_end,
    never_finished,
    type_zero,
    tail_goes_back,
    noise,
]


def extra_bridges() -> str:
    return "".join(
        f'[[bridges]]\nname = "{vandal.__name__}"\nrole = "lp"\nin_capacity = {CAPACITY}\n'
        for vandal in VANDALS
    )


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[Rig]:
    """A rig with a bridge for each vandal, and little patience."""
    made = Rig(tmp_path, engine="stuck_after_ms = 200", bridges=extra_bridges())
    yield made
    made.close()


def states(rig: Rig, bridge: str) -> tuple[State, State]:
    with Region.attach(directory_name(rig.name), writable=False) as region:
        return Directory(region).states(bridge)


def test_each_vandal_is_fenced_alone(wide: Rig) -> None:
    wide.start()
    for vandal in VANDALS:
        with raw(in_name(wide.name, vandal.__name__)) as ring:
            vandal(ring)
    wait_for(lambda: wide.counter("rings fenced") >= len(VANDALS))
    for vandal in VANDALS:
        assert states(wide, vandal.__name__) == (State.FENCED, State.OPEN), vandal.__name__
        assert wide.counter(f"bridge {vandal.__name__}: rings fenced") == 1
    for name in ("broker", "lp1", "control"):
        assert states(wide, name) == (State.OPEN, State.OPEN)
        with wide.bridge(name) as bridge:
            for number in range(1, 4):
                wide.send(bridge, msg="Heartbeat", sequence=number)
        wait_for(lambda name=name: wide.consumed(name) == 3)
    shown = mam("counters", "--instance", wide.name)
    assert shown.returncode == 0 and f"{len(VANDALS):,}  rings fenced" in shown.stdout.decode()
    assert wide.end() == (0, "")
    wide.assert_clean()
    assert_log_good(wide.log, wide.vkey)


def test_garbage_that_is_well_framed_is_answered_and_harms_nobody(rig: Rig) -> None:
    """Unknown types, truncated bodies, random bytes: each is a Reject, and in the log as it came."""
    rig.start()
    dice = random.Random(3)
    count = 300
    with raw(in_name(rig.name, "lp1")) as ring, rig.bridge("lp1") as answers:
        for number in range(count):
            kind = dice.choice((20, 21, 30, 40, 60, 99, 32767))
            head = struct.pack("<HHHH", dice.randrange(200), kind, dice.choice((1, 77)), dice.randrange(3))
            payload = dice.choice((b"", b"\x00", head, head + dice.randbytes(dice.randrange(200))))
            write(ring, payload, type_=dice.choice((kind, 5)))
            wait_for(lambda number=number: rig.consumed("lp1") == number + 1)
        told = [to_json(message) for message in answers.receive()]
    assert {answer["msg"] for answer in told} == {"Reject"} and len(told) == count
    assert rig.counter("messages rejected") == count
    assert rig.counter("rings fenced") == 0
    assert rig.end() == (0, "")
    assert_log_good(rig.log, rig.vkey)


def test_a_vendor_that_never_reads_is_fenced_and_the_log_has_what_it_missed(tmp_path: Path) -> None:
    deaf = '[[bridges]]\nname = "deaf"\nrole = "lp"\nin_capacity = 65536\nout_capacity = 4096\n'
    rig = Rig(tmp_path, engine="stuck_after_ms = 200", bridges=deaf)
    try:
        rig.start()
        with rig.bridge("deaf") as bridge:
            for number in range(1, 200):  # each is answered by a Reject: the instrument is unknown
                rig.send(bridge, msg="Quote", sequence=number, instrument=9, bid="1", ask="2")
            wait_for(lambda: states(rig, "deaf") == (State.OPEN, State.FENCED))
        wait_for(lambda: rig.counter("outputs dropped at fences") > 0)
        with rig.bridge("lp1") as bridge:
            rig.send(bridge, msg="Heartbeat", sequence=1)
        wait_for(lambda: rig.consumed("lp1") == 1)
        assert rig.end() == (0, "")
        assert_log_good(rig.log, rig.vkey)
    finally:
        rig.close()


@pytest.mark.parametrize("side", ["in", "out"])
def test_a_truncated_ring_costs_its_own_bridge_only(rig: Rig, side: str) -> None:
    """Law 8: the engine's next touch of it is SIGBUS, which must end that bridge's rings and nothing else."""
    rig.start()
    os.truncate(f"/dev/shm/mam.{rig.name}.{side}.lp1", 0)
    with rig.bridge("broker") as other:
        for number in (1, 2, 3):
            rig.send(other, msg="Heartbeat", sequence=number)
    wait_for(lambda: rig.consumed("broker") == 3)
    if side == "in":
        wait_for(lambda: rig.counter("bridge lp1: rings fenced") == 2)
    time.sleep(0.5)  # the daemon looks at its regions five times a second
    status, error = rig.end()
    assert status == 0 and f"mam.{rig.name}.{side}.lp1 was removed or truncated" in error
    rig.assert_clean()
    assert_log_good(rig.log, rig.vkey)
