"""A producer or consumer that writes garbage: found, named, sticky, and never followed."""

import struct

import pytest
from appliance._native import ffi, lib
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.memory.ring_memory import CLAIMED, EMPTY, FULL, HEAD, HEAD_CACHE, TAIL, RingMemory

LENGTH, TYPE, BOUNDS, CORRUPT_TAIL, CORRUPT_HEAD = (
    lib.MAM_RING_CORRUPT_LENGTH,
    lib.MAM_RING_CORRUPT_TYPE,
    lib.MAM_RING_CORRUPT_BOUNDS,
    lib.MAM_RING_CORRUPT_TAIL,
    lib.MAM_RING_CORRUPT_HEAD,
)


@pytest.mark.parametrize("length", [1, 7, 1024 // 8 + 9, 1024, 1025, 2**16, 2**31 - 1, 2**31 - 8])
def test_length_out_of_range(length: int) -> None:
    ring = RingMemory()
    ring.write(1, b"x" * 16)
    ring.put32(0, length)
    before = ring.bytes[:]
    assert ring.read() == LENGTH
    assert ring.bytes[:] == before, "nothing was zeroed, nothing released"
    ring.put32(0, 24)  # too late to make it good again
    assert ring.read() == LENGTH
    assert lib.mam_ring_check(ring.consumer) == LENGTH
    assert lib.mam_ring_backlog(ring.consumer) == LENGTH


@pytest.mark.parametrize("length", [-1, -8, -24, -(2**31)])
def test_a_negative_length_is_a_claim_for_ever(length: int) -> None:
    ring = RingMemory()
    ring.write(1, b"x")
    ring.put32(0, length)
    assert [ring.read() for _ in range(3)] == [CLAIMED] * 3
    assert ring.head == 0


@pytest.mark.parametrize("kind", [0, -2, -(2**31)])
def test_type_neither_message_nor_padding(kind: int) -> None:
    ring = RingMemory()
    ring.write(1, b"x")
    ring.put32(4, kind)
    assert ring.read() == TYPE


@pytest.mark.parametrize("kind", [1, -1])
def test_a_record_that_would_cross_the_end(kind: int) -> None:
    ring = RingMemory()
    for _ in range(1024 // 16 - 1):
        ring.write(1, b"x" * 8)
        ring.read()
    ring.write(1, b"x" * 8)
    assert ring.i32(1008) == 16
    ring.put32(1012, kind)
    ring.put32(1008, 17)
    assert ring.read() == BOUNDS
    assert ring.i64(1024 + TAIL) == 1024


@pytest.mark.parametrize("length", [145, 1016])
def test_padding_longer_than_any_record(length: int) -> None:
    """Or a producer could have us clear the whole ring at each poll."""
    ring = RingMemory()
    ring.write(1, b"x")
    ring.put32(4, -1)
    ring.put32(0, length)
    assert ring.read() == LENGTH


@pytest.mark.parametrize("tail", [1, 1023, 1032 + 64, -8, -(2**63), 2**62, 2**63 - 8])
def test_a_tail_that_cannot_be(tail: int) -> None:
    ring = RingMemory()
    for _ in range(4):
        ring.write(1, b"x" * 8)
        ring.read()
    assert lib.mam_ring_check(ring.consumer) == 0
    if tail < 0 and tail == -8:
        tail = ring.head - 2 * 136 - 8  # more than one write behind
    ring.put64(1024 + TAIL, tail)
    assert lib.mam_ring_check(ring.consumer) == CORRUPT_TAIL
    assert ring.read() == CORRUPT_TAIL


def test_reading_looks_at_the_tail_itself_within_an_eighth() -> None:
    """Messages keep coming, but the tail does not follow: noticed while reading, without mam_ring_check."""
    ring = RingMemory()
    codes = []
    for _ in range(40):
        ring.write(1, b"x" * 24)
        ring.put64(1024 + TAIL, 8)
        codes.append(ring.read())
    assert codes[0] == (1, b"x" * 24)
    assert codes[-1] == CORRUPT_TAIL


def test_a_tail_one_write_behind_is_an_older_producer() -> None:
    ring = RingMemory()
    for _ in range(300):
        before = ring.tail
        assert ring.write(1, b"x" * 100) == 0
        after = ring.tail
        ring.put64(1024 + TAIL, before)
        assert ring.read() == (1, b"x" * 100)
        assert lib.mam_ring_check(ring.consumer) == 0
        assert lib.mam_ring_backlog(ring.consumer) == 0
        ring.put64(1024 + TAIL, after)


def test_the_reader_does_not_believe_the_shared_head() -> None:
    ring = RingMemory()
    ring.write(1, b"one")
    ring.read()
    ring.write(2, b"two")
    for value in (0, 8, -8, 2**62):
        ring.put64(1024 + HEAD, value)
    assert ring.read() == (2, b"two")
    assert ring.head == 32


def test_the_writer_does_not_believe_the_shared_tail() -> None:
    ring = RingMemory()
    ring.write(1, b"one")
    ring.put64(1024 + TAIL, 4000)
    ring.write(2, b"two")
    assert ring.tail == 32
    assert ring.read() == (1, b"one")
    assert ring.read() == (2, b"two")


@pytest.mark.parametrize("head", [-8, 1, 4, 2**62, -(2**63), 2**63 - 8, 1024])
def test_a_head_that_cannot_be(head: int) -> None:
    """The consumer says that it read what was never written, or takes a step back."""
    ring = RingMemory()
    while ring.write(1, b"x" * 56) == 0:
        pass
    ring.put64(1024 + HEAD, head)
    assert ring.write(1, b"x" * 56) == CORRUPT_HEAD
    ring.put64(1024 + HEAD, 0)
    assert ring.write(1, b"") == CORRUPT_HEAD
    assert lib.mam_ring_free(ring.producer, 8, 0) == CORRUPT_HEAD


def test_a_head_that_goes_back() -> None:
    ring = RingMemory()
    for _ in range(40):
        ring.write(1, b"x" * 56)
        ring.read()
    while (status := ring.write(1, b"x" * 56)) == 0:
        pass
    assert status == FULL
    ring.put64(1024 + HEAD, ring.producer.head_seen - 64)
    assert ring.write(1, b"x" * 56) == CORRUPT_HEAD


@pytest.mark.parametrize(
    ("head", "tail", "code"),
    [
        (8, 0, CORRUPT_TAIL),
        (0, 1032, CORRUPT_TAIL),
        (4, 8, CORRUPT_HEAD),
        (-8, 0, CORRUPT_HEAD),
        (0, 4, CORRUPT_TAIL),
        (0, -8, CORRUPT_TAIL),
        (2**63 - 8, 2**63 - 8, CORRUPT_HEAD),
        (0, 2**63 - 8, CORRUPT_TAIL),
    ],
)
def test_attach_refuses_positions_that_cannot_be(head: int, tail: int, code: int) -> None:
    ring = RingMemory()
    ring.put64(1024 + HEAD, head)
    ring.put64(1024 + TAIL, tail)
    assert lib.mam_ring_attach(ffi.new("struct mam_ring *"), ring.memory, ring.size) == code


@given(
    offset=st.integers(0, 1024 // 4 + 768 // 4 - 1), value=st.integers(-(2**31), 2**31 - 1), data=st.data()
)
@settings(max_examples=300, deadline=None)
def test_any_word_anywhere(offset: int, value: int, data: st.DataObject) -> None:
    """One word becomes anything, between any two calls: no read leaves the ring, and codes are known."""
    ring = RingMemory()
    assert ring.producer and ring.consumer  # both attached before the word changes
    for number in range(data.draw(st.integers(0, 12))):
        ring.write(number + 1, bytes([number]) * (number * 7))
    for _ in range(data.draw(st.integers(0, 4))):
        ring.read()
    ring.put32(offset * 4, value)
    known = {EMPTY, CLAIMED, LENGTH, TYPE, BOUNDS, CORRUPT_TAIL}
    for _ in range(40):
        found = ring.read()
        if isinstance(found, tuple):
            assert len(found[1]) <= 128
            assert found[0] >= 1
        else:
            assert found in known
    assert ring.write(1, b"x" * 30) in {0, FULL, CORRUPT_HEAD}


def test_random_content_is_never_followed() -> None:
    """A whole ring of random bytes. The fuzz target does the same with red zones around."""
    import random

    chance = random.Random(5)
    for _ in range(300):
        ring = RingMemory(256)
        ring.bytes[0:256] = chance.randbytes(256)
        ring.put64(256 + HEAD_CACHE, chance.getrandbits(63))
        head = chance.randrange(0, 4096, 8)
        ring.put64(256 + HEAD, head)
        ring.put64(256 + TAIL, head + chance.randrange(0, 256, 8))
        if chance.random() < 0.7:  # a plausible header, to get further
            ring.bytes[head % 256 : head % 256 + 8] = struct.pack("<ii", chance.randrange(1, 41), 1)
        for _ in range(20):
            ring.read()
        assert head <= ring.head <= head + 256
