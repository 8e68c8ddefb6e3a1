"""Counters: Agrona's layout, allocation, reading what others wrote."""

import os
import struct
from collections.abc import Iterator

import pytest
from appliance._native import lib

from appliance.memory import Counters, InstanceError, MemoryLayoutError, Region, read_counters

CAPACITY = 8


@pytest.fixture
def region() -> Iterator[Region]:
    made = Region.create(f"/mam-test-counters-{os.getpid()}", 640 * CAPACITY)
    yield made
    made.close()
    made.unlink()


def content(region: Region) -> bytes:
    return bytes(region._map or b"")


def test_layout(region: Region) -> None:
    counters = Counters(region)
    assert counters.allocate(1, "first") == 0
    assert counters.allocate(0x01020304, "second", b"key") == 1
    counters.set(1, -7)
    memory = content(region)
    state, kind, reuse = struct.unpack_from("<iiq", memory, 512)
    assert (state, kind, reuse) == (1, 0x01020304, 2**63 - 1)
    assert memory[512 + 16 : 512 + 16 + 112] == b"key".ljust(112, b"\0")
    assert struct.unpack_from("<i", memory, 512 + 128) == (6,)
    assert memory[512 + 132 : 512 + 138] == b"second"
    assert struct.unpack_from("<q", memory, 512 * CAPACITY + 128) == (-7,)
    assert memory[1024 : 512 * CAPACITY] == bytes(512 * (CAPACITY - 2))


def test_set_add_get(region: Region) -> None:
    counters = Counters(region)
    number = counters.allocate(1, "n")
    counters.add(number)
    counters.add(number, 41)
    assert counters.get(number) == 42
    counters.set(number, 2**63 - 1)
    counters.add(number)
    assert counters.get(number) == -(2**63), "wraps as Agrona's does, with nothing undefined"


def test_the_same_counter_is_found_again(region: Region) -> None:
    """Regions outlive a daemon; the next one goes on with its counters."""
    assert Counters(region).allocate(1, "a", b"k") == 0
    Counters(region).add(0, 5)
    again = Counters(region)
    assert again.allocate(1, "a", b"k") == 0
    assert again.get(0) == 5
    assert again.allocate(2, "a", b"k") == 1
    assert again.allocate(1, "a", b"l") == 2


def test_full_and_too_long(region: Region) -> None:
    counters = Counters(region)
    for number in range(CAPACITY):
        assert counters.allocate(1, f"c{number}") == number
    with pytest.raises(MemoryLayoutError, match="all 8 are in use"):
        counters.allocate(1, "one more")
    with pytest.raises(MemoryLayoutError, match="over 380 bytes"):
        counters.allocate(1, "ü" * 191)
    with pytest.raises(MemoryLayoutError, match="no counter 8"):
        counters.get(CAPACITY)
    with pytest.raises(MemoryLayoutError, match="no counter -1"):
        counters.set(-1, 0)


def test_reclaimed_are_skipped_unused_end_the_list(region: Region) -> None:
    counters = Counters(region)
    for number in range(4):
        counters.allocate(1, f"c{number}")
    assert region._map is not None
    region._map[512:516] = struct.pack("<i", -1)
    region._map[3 * 512 : 3 * 512 + 4] = bytes(4)
    assert [counter.id for counter in counters.read()] == [0, 2]


@pytest.mark.parametrize("length", [-1, 381, 2**31 - 1, -(2**31)])
def test_a_corrupt_label_length_is_not_followed(region: Region, length: int) -> None:
    counters = Counters(region)
    counters.allocate(1, "label")
    assert region._map is not None
    region._map[128:132] = struct.pack("<i", length)
    region._map[132:512] = b"\xff" * 380
    assert counters.read()[0].label == "\ufffd" * 380


@pytest.mark.parametrize("size", [512, 639, 641])
def test_a_wrong_size_is_refused(size: int) -> None:
    name = f"/mam-test-odd-{os.getpid()}"
    with Region.create(name, size) as odd:
        odd.unlink()
        with pytest.raises(MemoryLayoutError, match="are not 1 to 65536 counters"):
            Counters(odd)


def test_no_instance() -> None:
    with pytest.raises(InstanceError, match=r"instance nobody: .*does not exist"):
        read_counters("nobody")
    with pytest.raises(InstanceError, match="a name is 1 to 31"):
        read_counters("no.body")


def test_constants() -> None:
    assert (lib.MAM_COUNTER_METADATA_SIZE, lib.MAM_COUNTER_VALUE_SIZE) == (512, 128)
