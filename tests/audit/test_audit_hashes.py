"""SHA-256, CRC-32C and the tree against hashlib, published vectors and RFC 6962 in plain Python."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from appliance._native import ffi, lib
from hypothesis import given
from hypothesis import strategies as st

EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_LEAF = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
ROOT_OF_TWO = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
ROOT_OF_THREE = "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"


@pytest.fixture(params=[1, 2], ids=["portable", "instructions"])
def sha256_path(request: pytest.FixtureRequest) -> Iterator[int]:
    if lib.mam_sha256_select(request.param) != request.param:
        pytest.skip("this processor has no SHA instructions")
    yield request.param
    lib.mam_sha256_select(0)


@pytest.fixture(params=[1, 2], ids=["portable", "instructions"])
def crc_path(request: pytest.FixtureRequest) -> Iterator[int]:
    if lib.mam_crc32c_select(request.param) != request.param:
        pytest.skip("this processor has no CRC instructions")
    yield request.param
    lib.mam_crc32c_select(0)


def digest(function: Any, *parts: Any) -> bytes:
    out = ffi.new("uint8_t[32]")
    function(*parts, out)
    return bytes(out)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_sha256_of_every_length(sha256_path: int) -> None:
    """Every position of the padding, in one, two and many blocks."""
    data = bytes(range(256)) * 3
    for length in (*range(300), 700):
        part = data[:length]
        assert digest(lib.mam_sha256, part, length) == sha256(part)
        assert digest(lib.mam_sha256_leaf, part, length) == sha256(b"\0" + part)


@given(data=st.binary(max_size=70000), shift=st.integers(0, 7))
def test_sha256_agrees_with_hashlib(data: bytes, shift: int) -> None:
    """Both paths, at any alignment."""
    memory = ffi.new("uint8_t[]", len(data) + 8)
    ffi.memmove(memory + shift, data, len(data))
    for path in (1, 2):
        lib.mam_sha256_select(path)
        assert digest(lib.mam_sha256, memory + shift, len(data)) == sha256(data)
        assert digest(lib.mam_sha256_leaf, memory + shift, len(data)) == sha256(b"\0" + data)
    lib.mam_sha256_select(0)


@given(left=st.binary(min_size=32, max_size=32), right=st.binary(min_size=32, max_size=32))
def test_node_hash(left: bytes, right: bytes) -> None:
    for path in (1, 2):
        lib.mam_sha256_select(path)
        assert digest(lib.mam_sha256_node, left, right) == sha256(b"\1" + left + right)
    lib.mam_sha256_select(0)


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
    ids=["empty", "check", "zeros", "ones", "up", "down"],
)
def test_crc32c_of_rfc_3720(crc_path: int, data: bytes, crc: int) -> None:
    assert lib.mam_crc32c(0, data, len(data)) == crc


@given(data=st.binary(max_size=2000), cut=st.integers(0, 2000))
def test_crc32c_goes_on(data: bytes, cut: int) -> None:
    """Both paths agree, and a CRC can be taken in parts."""
    results = set()
    for path in (1, 2):
        lib.mam_crc32c_select(path)
        first, second = data[:cut], data[cut:]
        results.add(lib.mam_crc32c(0, data, len(data)))
        results.add(lib.mam_crc32c(lib.mam_crc32c(0, first, len(first)), second, len(second)))
    lib.mam_crc32c_select(0)
    assert len(results) == 1


def rfc6962_root(entries: list[bytes]) -> bytes:
    """The definition in RFC 6962 §2.1, word for word."""
    n = len(entries)
    if n == 0:
        return sha256(b"")
    if n == 1:
        return sha256(b"\0" + entries[0])
    k = 1
    while k * 2 < n:
        k *= 2
    return sha256(b"\1" + rfc6962_root(entries[:k]) + rfc6962_root(entries[k:]))


def grown(entries: list[bytes]) -> Any:
    tree = ffi.new("struct mam_merkle *")
    lib.mam_merkle_init(tree)
    for entry in entries:
        lib.mam_merkle_append(tree, digest(lib.mam_sha256_leaf, entry, len(entry)))
    return tree


def test_vectors() -> None:
    leaves = [b"", b"\0", b"\x10"]
    assert digest(lib.mam_sha256_leaf, b"", 0).hex() == EMPTY_LEAF
    roots = [digest(lib.mam_merkle_root, grown(leaves[:size])).hex() for size in range(4)]
    assert roots == [EMPTY_ROOT, EMPTY_LEAF, ROOT_OF_TWO, ROOT_OF_THREE]


@pytest.mark.parametrize("size", [*range(18), 31, 32, 33, 255, 256, 257, 1000])
def test_tree_is_that_of_the_rfc(size: int) -> None:
    entries = [number.to_bytes(2, "big") for number in range(size)]
    assert digest(lib.mam_merkle_root, grown(entries)) == rfc6962_root(entries)


@given(size=st.integers(0, 300), more=st.integers(0, 40))
def test_a_saved_tree_grows_on(size: int, more: int) -> None:
    """The frontier alone is enough to continue."""
    entries = [number.to_bytes(2, "big") for number in range(size + more)]
    hashes = ffi.new("uint8_t[2048]")
    count = lib.mam_merkle_save(grown(entries[:size]), hashes)
    assert count == size.bit_count()
    tree = ffi.new("struct mam_merkle *")
    assert lib.mam_merkle_load(tree, size, hashes, count + 1) == -1
    assert lib.mam_merkle_load(tree, size, hashes, count) == 0
    for entry in entries[size:]:
        lib.mam_merkle_append(tree, digest(lib.mam_sha256_leaf, entry, len(entry)))
    assert digest(lib.mam_merkle_root, tree) == rfc6962_root(entries)


def two_leaves(one: bytes, two: bytes) -> bytes:
    out = ffi.new("uint8_t[64]")
    lib.mam_sha256_leaf_two(one, len(one), two, len(two), out)
    return bytes(out)


def test_two_leaves_at_a_time(sha256_path: int) -> None:
    """Every length beside its neighbours: the same number of blocks, and not; every place of the padding."""
    data = bytes(range(256)) * 3
    for length in range(300):
        for other in (length, length + 1, max(0, length - 1), (length * 7) % 300, 700):
            one, two = data[:length], data[5 : 5 + other]
            assert two_leaves(one, two) == sha256(b"\0" + one) + sha256(b"\0" + two), (length, other)


@given(one=st.binary(max_size=70000), two=st.binary(max_size=70000), same=st.booleans())
def test_two_leaves_agree_with_hashlib(one: bytes, two: bytes, same: bool) -> None:
    if same:
        one, two = one[: len(two)], two[: len(one)]
    for path in (1, 2):
        lib.mam_sha256_select(path)
        assert two_leaves(one, two) == sha256(b"\0" + one) + sha256(b"\0" + two)
    lib.mam_sha256_select(0)


def test_two_nodes_at_a_time(sha256_path: int) -> None:
    hashes = [sha256(bytes([number])) for number in range(4)]
    memory = ffi.new("uint8_t[128]", b"".join(hashes))
    lib.mam_sha256_node_two(memory, memory)  # in its own place
    expected = sha256(b"\1" + hashes[0] + hashes[1]) + sha256(b"\1" + hashes[2] + hashes[3])
    assert bytes(memory)[:64] == expected


@given(counts=st.lists(st.integers(0, 700), max_size=8), path=st.sampled_from([1, 2]))
def test_many_leaves_at_once_make_the_same_tree(counts: list[int], path: int) -> None:
    """However the leaves are cut into batches: the same nodes as one by one."""
    lib.mam_sha256_select(path)
    many, single = ffi.new("struct mam_merkle *"), ffi.new("struct mam_merkle *")
    number = 0
    for count in counts:
        leaves = [sha256(b"%d" % n) for n in range(number, number + count)]
        number += count
        memory = ffi.new("uint8_t[]", b"".join(leaves) or 1)
        lib.mam_merkle_append_many(many, memory, count)
        for leaf in leaves:
            lib.mam_merkle_append(single, leaf)
        assert many.size == single.size == number
        assert digest(lib.mam_merkle_root, many) == digest(lib.mam_merkle_root, single)
    for level in range(64):
        if number >> level & 1:
            assert bytes(many.node[level]) == bytes(single.node[level])
    lib.mam_sha256_select(0)
