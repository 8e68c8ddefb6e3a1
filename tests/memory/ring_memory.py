"""A ring in private memory: two views of it, and its words by offset."""

import struct
from typing import Any

from appliance._native import ffi, lib

TRAILER = 768
TAIL, HEAD_CACHE, HEAD, CORRELATION, HEARTBEAT = 128, 256, 384, 512, 640
EMPTY, CLAIMED, FULL, TOO_LONG, BAD_TYPE, BUSY = (
    lib.MAM_RING_EMPTY,
    lib.MAM_RING_CLAIMED,
    lib.MAM_RING_FULL,
    lib.MAM_RING_TOO_LONG,
    lib.MAM_RING_BAD_TYPE,
    lib.MAM_RING_BUSY,
)


class RingMemory:
    """Memory of capacity + 768 bytes; a producer's and a consumer's view, made when first used."""

    def __init__(self, capacity: int = 1024) -> None:
        self.capacity = capacity
        self.size = capacity + TRAILER
        self.memory = ffi.new("uint64_t[]", self.size // 8)
        self.bytes = ffi.buffer(self.memory)
        self._producer: Any = None
        self._consumer: Any = None

    def attach(self) -> Any:
        ring = ffi.new("struct mam_ring *")
        status = lib.mam_ring_attach(ring, self.memory, self.size)
        assert status == 0, status
        return ring

    @property
    def producer(self) -> Any:
        self._producer = self._producer or self.attach()
        return self._producer

    @property
    def consumer(self) -> Any:
        self._consumer = self._consumer or self.attach()
        return self._consumer

    def write(self, kind: int, payload: bytes) -> int:
        return int(lib.mam_ring_write(self.producer, kind, payload, len(payload)))

    def claim(self, kind: int, length: int) -> tuple[int, Any]:
        place = ffi.new("void **")
        status = lib.mam_ring_claim(self.producer, kind, length, place)
        return status, ffi.buffer(place[0], length) if status == 0 else None

    def commit(self) -> None:
        lib.mam_ring_commit(self.producer)

    def abort(self) -> None:
        lib.mam_ring_abort(self.producer)

    def read(self, room: int | None = None) -> tuple[int, bytes] | int:
        """(type, payload), or the code."""
        room = self.capacity if room is None else room
        out = ffi.new("uint8_t[]", max(room, 1))
        kind = ffi.new("int32_t *")
        length = lib.mam_ring_read(self.consumer, out, room, kind)
        return (kind[0], ffi.buffer(out, min(length, room))[:]) if length >= 0 else int(length)

    def i32(self, offset: int) -> int:
        return int(struct.unpack_from("<i", self.bytes, offset)[0])

    def i64(self, offset: int) -> int:
        return int(struct.unpack_from("<q", self.bytes, offset)[0])

    def put32(self, offset: int, value: int) -> None:
        self.bytes[offset : offset + 4] = struct.pack("<i", value)

    def put64(self, offset: int, value: int) -> None:
        self.bytes[offset : offset + 8] = struct.pack("<q", value)

    @property
    def tail(self) -> int:
        return self.i64(self.capacity + TAIL)

    @property
    def head(self) -> int:
        return self.i64(self.capacity + HEAD)
