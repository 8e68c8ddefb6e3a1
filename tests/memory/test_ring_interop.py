"""Our ring and counters against an independent implementation: Aeron's C client, out of the pyaeron wheel.

Its library exports the Agrona-compatible rings and counters; both sides work on the same memory.
"""

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest
from appliance._native import lib
from cffi import FFI

from appliance.memory import Counters, Region
from tests.memory.ring_memory import EMPTY, RingMemory

DECLARATIONS = """
    int aeron_%(kind)s_rb_init(void *ring, void *buffer, size_t length);
    int aeron_%(kind)s_rb_write(void *ring, int32_t type, const void *message, size_t length);
    int32_t aeron_%(kind)s_rb_try_claim(void *ring, int32_t type, size_t length);
    int aeron_%(kind)s_rb_commit(void *ring, int32_t offset);
    int aeron_%(kind)s_rb_abort(void *ring, int32_t offset);
    size_t aeron_%(kind)s_rb_read(
        void *ring, void (*handler)(int32_t, const void *, size_t, void *), void *clientd, size_t limit);
"""
COUNTERS = """
    typedef void (*metadata_t)(
        int32_t, int32_t, const uint8_t *, size_t, const uint8_t *, size_t, void *);
    void aeron_counters_reader_foreach_metadata(uint8_t *, size_t, metadata_t, void *);
    int aeron_counters_manager_init(void *, uint8_t *, size_t, uint8_t *, size_t, void *, int64_t);
    int32_t aeron_counters_manager_allocate(
        void *, int32_t, const uint8_t *, size_t, const char *, size_t);
    void aeron_counters_manager_counter_registration_id(void *, int32_t, int64_t);
    void aeron_counters_manager_counter_owner_id(void *, int32_t, int64_t);
    void aeron_counters_manager_counter_reference_id(void *, int32_t, int64_t);
    void aeron_counters_manager_close(void *);
"""


@pytest.fixture(scope="module")
def aeron() -> tuple[Any, Any]:
    found = importlib.util.find_spec("pyaeron")
    libraries = sorted(Path(found.origin).parent.glob("*.so*")) if found and found.origin else []
    if not libraries:
        pytest.skip("pyaeron is not installed: no independent implementation to compare with")
    ffi = FFI()
    ffi.cdef(DECLARATIONS % {"kind": "spsc"} + DECLARATIONS % {"kind": "mpsc"} + COUNTERS)
    try:
        return ffi, ffi.dlopen(str(libraries[0]))
    except OSError as error:
        pytest.skip(f"pyaeron's library does not load: {error}")


class Stock:
    """One end of a ring, by Aeron's code."""

    def __init__(self, aeron: tuple[Any, Any], kind: str, ring: RingMemory) -> None:
        self.ffi, self.library = aeron
        self.kind = kind
        self.memory = self.ffi.from_buffer(ring.bytes)
        self.ring = self.ffi.new("uint64_t[32]")
        assert self.call("init", self.memory, ring.size) == 0
        self.got: list[tuple[int, bytes]] = []
        self.handler = self.ffi.callback("void(int32_t, const void *, size_t, void *)", self.on_message)

    def call(self, name: str, *args: Any) -> int:
        return int(getattr(self.library, f"aeron_{self.kind}_rb_{name}")(self.ring, *args))

    def on_message(self, kind: int, message: Any, length: int, _: Any) -> None:
        self.got.append((kind, self.ffi.buffer(message, length)[:]))

    def write(self, kind: int, payload: bytes) -> bool:
        return self.call("write", kind, payload, len(payload)) == 0

    def abort_one(self, length: int) -> None:
        offset = self.call("try_claim", 1, length)
        if offset >= 0:
            assert self.call("abort", offset) == 0

    def read(self) -> list[tuple[int, bytes]]:
        self.got = []
        self.call("read", self.handler, self.ffi.NULL, 1000)
        return self.got


def messages(seed: int, count: int, largest: int) -> list[tuple[int, bytes]]:
    chance = random.Random(seed)
    return [
        (chance.randint(1, 2**31 - 1), chance.randbytes(chance.randint(0, largest))) for _ in range(count)
    ]


@pytest.mark.parametrize("capacity", [1024, 4096])
def test_we_write_aeron_reads(aeron: tuple[Any, Any], capacity: int) -> None:
    """Its one-to-one reader does not zero: our producer may not count on zeroes either."""
    ring = RingMemory(capacity)
    stock = Stock(aeron, "spsc", ring)
    chance = random.Random(capacity)
    sent, got = messages(1, 3000, capacity // 8), []
    for kind, payload in sent:
        while ring.write(kind, payload) != 0:
            got += stock.read()
        if chance.random() < 0.2:
            ring.claim(1, chance.randrange(capacity // 8))
            ring.abort()
    for _ in range(10):
        got += stock.read()
    assert got == sent


@pytest.mark.parametrize("kind", ["spsc", "mpsc"])
@pytest.mark.parametrize("capacity", [1024, 4096])
def test_aeron_writes_we_read(aeron: tuple[Any, Any], kind: str, capacity: int) -> None:
    """Its many-to-one writer needs memory that the reader has zeroed."""
    ring = RingMemory(capacity)
    stock = Stock(aeron, kind, ring)
    chance = random.Random(capacity)
    sent, got = messages(2, 3000, capacity // 8), []

    def drain() -> None:
        before = -1
        while ring.head != before:
            before = ring.head
            while isinstance(found := ring.read(), tuple):
                got.append(found)
            assert found == EMPTY
        assert lib.mam_ring_check(ring.consumer) == 0

    for number, payload in sent:
        while not stock.write(number, payload):
            drain()
        if chance.random() < 0.2:
            stock.abort_one(chance.randrange(capacity // 8))
    drain()
    assert got == sent


def test_both_write_the_same_bytes(aeron: tuple[Any, Any]) -> None:
    """The records, tail and head cache of a whole history, compared after every message."""
    ours, theirs = RingMemory(1024), RingMemory(1024)
    stock_writer = Stock(aeron, "spsc", theirs)
    for kind, payload in messages(3, 500, 128):
        if ours.write(kind, payload) == 0:
            assert stock_writer.write(kind, payload)
        while isinstance(ours.read(), tuple):
            pass
        while isinstance(theirs.read(), tuple):
            pass
        assert (ours.tail, ours.head) == (theirs.tail, theirs.head)
        assert ours.bytes[0:1024] == theirs.bytes[0:1024]


def test_a_stock_producer_takes_over_and_hands_back(aeron: tuple[Any, Any]) -> None:
    ring = RingMemory(1024)
    expected = []
    for turn in range(60):
        stock = Stock(aeron, "spsc", ring)
        ring._producer = None
        for kind, payload in messages(turn, 4, 128):
            if stock.write(kind, payload) if turn % 2 else ring.write(kind, payload) == 0:
                expected.append((kind, payload))
        while isinstance(found := ring.read(), tuple):
            assert found == expected.pop(0)
    while isinstance(found := ring.read(), tuple):
        assert found == expected.pop(0)
    assert not expected


@pytest.fixture
def region() -> Any:
    import os

    made = Region.create(f"/mam-test-counters-{os.getpid()}", 640 * 16)
    yield made
    made.close()
    made.unlink()


def test_aeron_reads_our_counters(aeron: tuple[Any, Any], region: Region) -> None:
    ffi, library = aeron
    counters = Counters(region)
    labels = ["orders", "naïve ütf", "x" * 380]
    for kind, label in enumerate(labels):
        counters.add(counters.allocate(kind + 10, label, bytes([kind] * 8)), kind + 100)
    seen = []

    def on_counter(number: int, kind: int, key: Any, key_size: int, text: Any, size: int, _: Any) -> None:
        label = ffi.buffer(text, size)[:].decode()
        seen.append((number, kind, ffi.buffer(key, 8)[:], label))

    memory = ffi.from_buffer("uint8_t[]", region._map)
    callback = ffi.callback("metadata_t", on_counter)
    library.aeron_counters_reader_foreach_metadata(memory, 512 * 16, callback, ffi.NULL)
    ffi.release(memory)
    assert seen == [(i, i + 10, bytes([i] * 8), label) for i, label in enumerate(labels)]


def test_we_read_aerons_counters(aeron: tuple[Any, Any], region: Region) -> None:
    ffi, library = aeron
    memory = ffi.from_buffer("uint8_t[]", region._map)
    manager, clock = ffi.new("uint64_t[64]"), ffi.new("uint64_t[64]")
    values = memory + 512 * 16
    assert library.aeron_counters_manager_init(manager, memory, 512 * 16, values, 128 * 16, clock, 0) == 0
    for number in range(3):
        label = f"counter {number}".encode()
        taken = library.aeron_counters_manager_allocate(manager, 7 + number, b"key", 3, label, len(label))
        assert taken == number
        library.aeron_counters_manager_counter_registration_id(manager, number, 1000 + number)
        library.aeron_counters_manager_counter_owner_id(manager, number, 2000 + number)
        library.aeron_counters_manager_counter_reference_id(manager, number, 3000 + number)
        ffi.cast("int64_t *", values + 128 * number)[0] = -5 - number
    found = Counters(region).read()
    library.aeron_counters_manager_close(manager)
    ffi.release(memory)
    assert [(c.id, c.type, c.label, c.value, c.key.rstrip(b"\0")) for c in found] == [
        (n, 7 + n, f"counter {n}", -5 - n, b"key") for n in range(3)
    ]
    assert [(c.registration, c.owner, c.reference) for c in found] == [
        (1000 + n, 2000 + n, 3000 + n) for n in range(3)
    ]
