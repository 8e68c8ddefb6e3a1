"""The ring's bytes and the order of its stores, against the layout that Agrona documents."""

import struct

import pytest
from appliance._native import ffi, lib

from tests.memory.ring_memory import BAD_TYPE, BUSY, CLAIMED, EMPTY, FULL, HEAD_CACHE, TOO_LONG, RingMemory


def record(length: int, kind: int, payload: bytes) -> bytes:
    return (struct.pack("<ii", length, kind) + payload).ljust((length + 7) // 8 * 8, b"\0")


def test_a_message_is_length_type_payload_padded_to_8() -> None:
    ring = RingMemory()
    assert ring.write(7, b"hello") == 0
    assert ring.bytes[0:16] == record(13, 7, b"hello")
    assert (ring.tail, ring.head) == (16, 0)
    assert ring.write(8, b"") == 0
    assert ring.bytes[16:24] == record(8, 8, b"")
    assert ring.tail == 24


def test_only_documented_words_of_the_trailer_change() -> None:
    ring = RingMemory()
    for _ in range(200):
        assert ring.write(1, b"x" * 40) == 0
        assert ring.read() == (1, b"x" * 40)
    trailer = bytearray(ring.bytes[ring.capacity :])
    for offset in (128, 256, 384):
        trailer[offset : offset + 8] = bytes(8)
    assert trailer == bytes(768)
    lib.mam_ring_set_heartbeat(ring.consumer, 0x0102030405060708)
    assert ring.i64(ring.capacity + 640) == 0x0102030405060708 == lib.mam_ring_heartbeat(ring.producer)


def test_a_claim_shows_a_negative_length_and_the_tail_moved() -> None:
    """Whoever looks at a producer that died inside a write sees this."""
    ring = RingMemory()
    ring.put64(24, -1)  # what a former lap left
    status, payload = ring.claim(3, 9)
    assert status == 0
    assert (ring.i32(0), ring.i32(4), ring.tail) == (-17, 3, 24)
    assert ring.i64(24) == 0, "the next record's header is zeroed before anything is published"
    assert ring.read() == CLAIMED
    payload[:] = b"123456789"
    ring.commit()
    assert ring.read() == (3, b"123456789")
    assert ring.read() == EMPTY


def test_a_write_is_whole_in_every_place_of_a_line() -> None:
    """What shares the header's line is written after the rest: at each offset, with each length."""
    ring = RingMemory(4096)
    for length in range(0, 150):
        payload = bytes((length + at) % 255 + 1 for at in range(length))
        assert ring.write(7, payload) == 0
        assert ring.read() == (7, payload)


def test_an_aborted_claim_is_padding() -> None:
    ring = RingMemory()
    ring.claim(3, 9)
    ring.abort()
    assert (ring.i32(0), ring.i32(4)) == (17, -1)
    assert ring.read() == EMPTY
    assert ring.head == 24


def test_one_claim_at_a_time() -> None:
    ring = RingMemory()
    ring.claim(3, 8)
    assert ring.claim(3, 8)[0] == BUSY
    assert ring.write(3, b"") == BUSY
    ring.commit()
    ring.commit()  # once more does nothing
    assert ring.write(3, b"") == 0


def test_the_reader_zeroes_what_it_read() -> None:
    """Many-to-one producers count on it."""
    ring = RingMemory()
    ring.write(1, b"\xff" * 50)
    ring.read()
    assert ring.bytes[0 : ring.capacity] == bytes(ring.capacity)
    assert ring.head == 64


def test_a_record_never_wraps() -> None:
    """What does not fit before the end is preceded by padding up to the end."""
    ring = RingMemory(128)
    assert lib.mam_ring_payload_max(ring.producer) == 16
    for _ in range(4):  # 4 records of 24 bytes: 96
        assert ring.write(1, b"a" * 16) == 0
        ring.read()
    assert ring.write(2, b"b" * 16) == 0  # 24 < 32 to the end: fits
    assert ring.read() == (2, b"b" * 16)
    assert ring.write(3, b"c" * 8) == 0  # 16 into the 8 left
    assert (ring.i32(120), ring.i32(124)) == (8, -1)
    assert (ring.i32(0), ring.i32(4)) == (16, 3)
    assert ring.tail == 128 + 16
    assert ring.read() == (3, b"c" * 8)


def test_a_record_may_end_exactly_at_the_end() -> None:
    ring = RingMemory(128)
    for _ in range(7):
        ring.write(1, b"a" * 8)
        ring.read()
    assert ring.tail == 112
    assert ring.write(2, b"b" * 8) == 0
    assert (ring.i32(112), ring.tail, ring.i64(0)) == (16, 128, 0)
    assert ring.read() == (2, b"b" * 8)


def test_full_leaves_eight_bytes_free() -> None:
    ring = RingMemory(128)
    assert [ring.write(1, b"a" * 16) for _ in range(6)] == [0, 0, 0, 0, 0, FULL]
    assert ring.tail == 120
    assert ring.write(1, b"") == FULL  # 8 to the end, and 8 more for the header after it
    ring.read()
    assert ring.write(1, b"") == 0


def test_limits() -> None:
    ring = RingMemory(1024)
    assert ring.write(1, b"x" * 128) == 0
    assert ring.write(1, b"x" * 129) == TOO_LONG
    assert ring.write(0, b"") == BAD_TYPE
    assert ring.write(-1, b"") == BAD_TYPE
    assert ring.write(2**31 - 1, b"") == 0


@pytest.mark.parametrize("size", [0, 767, 768, 64 + 768, 1000 + 768, 1032, 2**31 + 768])
def test_attach_refuses_a_wrong_size(size: int) -> None:
    memory = ffi.new("uint64_t[]", 1024)
    assert lib.mam_ring_attach(ffi.new("struct mam_ring *"), memory, size) == lib.MAM_RING_BAD_SIZE


def test_attach_refuses_memory_that_is_not_aligned() -> None:
    memory = ffi.new("uint8_t[]", 4096)
    ring = ffi.new("struct mam_ring *")
    assert lib.mam_ring_attach(ring, memory + 4, 128 + 768) == lib.MAM_RING_BAD_ALIGNMENT


def test_the_head_cache_is_kept_for_a_stock_producer_that_takes_over() -> None:
    """It computes free room with 32 bits from the cached head: a stale one would fool it."""
    ring = RingMemory()
    for _ in range(100):
        ring.write(1, b"x" * 50)
        ring.read()
    assert 0 <= ring.tail - ring.i64(ring.capacity + HEAD_CACHE) <= ring.capacity
    ring.put64(ring.capacity + HEAD_CACHE, 0)
    second = ring.attach()
    assert lib.mam_ring_write(second, 1, b"", 0) == 0
    assert ring.i64(ring.capacity + HEAD_CACHE) == ring.head


def test_a_short_buffer_gets_the_beginning_and_the_true_length() -> None:
    ring = RingMemory()
    ring.write(1, b"0123456789")
    out = ffi.new("uint8_t[]", b"........")
    kind = ffi.new("int32_t *")
    assert lib.mam_ring_read(ring.consumer, out, 4, kind) == 10
    assert ffi.buffer(out)[0:8] == b"0123...."
    assert ring.read() == EMPTY


def test_take_does_not_release_room_before_publish() -> None:
    ring = RingMemory(128)
    while ring.write(1, b"a" * 16) == 0:
        pass
    kind = ffi.new("int32_t *")
    assert lib.mam_ring_take(ring.consumer, ffi.new("uint8_t[16]"), 16, kind) == 16
    assert ring.head == 0
    lib.mam_ring_publish(ring.consumer)
    assert ring.head == 24


def test_take_publishes_by_itself_when_half_the_ring_waits() -> None:
    """So that nobody finds a record again after a lap, and skipped padding cannot hold up the producer."""
    ring = RingMemory(1024)
    kind, out = ffi.new("int32_t *"), ffi.new("uint8_t[128]")
    for number in range(500):
        assert ring.write(1, bytes([number % 256]) * 24) == 0
        assert lib.mam_ring_take(ring.consumer, out, 128, kind) == 24
        assert out[0] == number % 256
        assert ring.tail - ring.head < 512
        assert lib.mam_ring_take(ring.consumer, out, 128, kind) == EMPTY
    for _ in range(500):
        assert ring.claim(1, 100)[0] == 0
        ring.abort()
        assert lib.mam_ring_take(ring.consumer, out, 128, kind) == EMPTY


def test_a_call_does_bounded_work() -> None:
    """Aborted claims without end hold the reader up by two records a call, not for ever."""
    ring = RingMemory()
    for _ in range(5):
        ring.claim(1, 8)
        ring.abort()
    heads = []
    while ring.head < ring.tail:
        assert ring.read() == EMPTY
        heads.append(ring.head)
    assert heads == [32, 64, 80]


def test_batch_layout_and_limits() -> None:
    ring = RingMemory()
    ring.write(5, b"hello")
    ring.claim(1, 8)
    ring.abort()
    ring.write(6, b"12345678")
    out, used = ffi.new("uint8_t[]", 256), ffi.new("uint32_t *")
    ffi.memmove(out, b"\xff" * 256, 256)
    assert lib.mam_ring_read_batch(ring.consumer, out, 256, 10, used) == 2
    assert used[0] == 32
    expected = struct.pack("<ii", 5, 5) + b"hello\0\0\0" + struct.pack("<ii", 8, 6) + b"12345678"
    assert ffi.buffer(out)[0:32] == expected
    assert ffi.buffer(out)[32:] == b"\xff" * 224
    assert lib.mam_ring_read_batch(ring.consumer, out, 256, 10, used) == EMPTY
    ring.write(6, b"12345678")
    ring.write(7, b"12345678")
    assert lib.mam_ring_read_batch(ring.consumer, out, 8, 10, used) == TOO_LONG
    assert lib.mam_ring_read_batch(ring.consumer, out, 31, 10, used) == 1
    assert lib.mam_ring_read_batch(ring.consumer, out, 256, 0, used) == EMPTY
    assert ring.read() == (7, b"12345678")


def test_free_promises_only_what_holds() -> None:
    """Whatever free() promised for payloads up to `largest` can be written, wherever the tail stands."""
    for start in range(0, 256, 8):
        for largest in (0, 1, 8, 20, 32):
            ring = RingMemory(256)
            for _ in range(start // 8):
                ring.write(1, b"")
                ring.read()
            sure = lib.mam_ring_free(ring.producer, 256, largest)
            space = lib.mam_ring_space(largest)
            assert sure >= 256 - 2 * 8 - 2 * space
            for _ in range(sure // space):
                assert ring.write(1, b"x" * largest) == 0


def test_every_code_has_a_sentence() -> None:
    names = [name for name in dir(lib) if name.startswith(("MAM_RING_CORRUPT", "MAM_ERROR_"))]
    texts = {ffi.string(lib.mam_error_text(getattr(lib, name))) for name in names}
    assert len(texts) == len(names) >= 19
    assert b"unknown ring error" not in texts
