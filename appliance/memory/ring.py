"""A ring from Python: tools, tests and vendors. Batches, since one call costs about as much as a message.

Hosts of hot loops hand `Region.address` to C and attach there.
"""

import struct
from typing import Any

from appliance._native import ffi, lib
from appliance.memory.errors import MemoryLayoutError
from appliance.memory.region import Region

TRAILER: int = lib.MAM_RING_TRAILER
_HEADER = struct.Struct("<ii")
_BATCH_BYTES = 1 << 16


def error_text(code: int) -> str:
    """A MAM_RING_* or MAM_ERROR_* code as a sentence."""
    return str(ffi.string(lib.mam_error_text(code)).decode())


def check_capacity(capacity: int, what: str) -> int:
    low, high = lib.MAM_RING_CAPACITY_MIN, lib.MAM_RING_CAPACITY_MAX
    if not low <= capacity <= high or capacity & (capacity - 1):
        raise MemoryLayoutError(
            f"{what}: capacity {capacity} is not a power of two from {low} to {high} bytes"
        )
    return capacity


def unpack_batch(batch: bytes, count: int) -> list[tuple[int, bytes]]:
    """What mam_ring_read_batch wrote, as (type, payload)."""
    messages = []
    at = 0
    for _ in range(count):
        length, kind = _HEADER.unpack_from(batch, at)
        messages.append((kind, batch[at + 8 : at + 8 + length]))
        at += 8 + (length + 7 & ~7)
    return messages


class Ring:
    """One side of a ring: write to it, or read from it, in one thread."""

    def __init__(self, region: Region) -> None:
        """A view at the positions found. The region is not copied and not owned."""
        self._region = region
        self.name = region.name
        self.pointer: Any = ffi.new("struct mam_ring *")
        self._check(lib.mam_ring_attach(self.pointer, region.address, region.size))
        self._type = ffi.new("int32_t *")
        self._used = ffi.new("uint32_t *")
        self._batch = ffi.new("uint8_t[]", max(_BATCH_BYTES, lib.mam_ring_space(self.payload_max)))
        self.status = 0

    @property
    def capacity(self) -> int:
        return int(self.pointer.capacity)

    @property
    def payload_max(self) -> int:
        return int(lib.mam_ring_payload_max(self.pointer))

    @property
    def claimed(self) -> bool:
        """Did the last read stop at a message that is still being written? Stuck, if that does not pass."""
        return bool(self.status == lib.MAM_RING_CLAIMED)

    def write(self, kind: int, payload: bytes | bytearray | memoryview) -> bool:
        """Copy one message in; False when the ring is full. MemoryLayoutError when it can never fit."""
        self._region.must_be_open()
        status = lib.mam_ring_write(self.pointer, kind, ffi.from_buffer(payload), len(payload))
        if status == lib.MAM_RING_FULL:
            return False
        self._check(status)
        return True

    def free(self, wanted: int, largest: int) -> int:
        """Bytes of records (payload + 8, rounded up to 8) that surely fit, no payload over `largest`."""
        self._region.must_be_open()
        return int(self._check(lib.mam_ring_free(self.pointer, wanted, largest)))

    def read(self, maximum: int = 1 << 20) -> list[tuple[int, bytes]]:
        """The next messages as (type, payload), at most `maximum`; [] when there is none (see `claimed`)."""
        self._region.must_be_open()
        batch, size = self._batch, len(self._batch)
        count = lib.mam_ring_read_batch(self.pointer, batch, size, maximum, self._used)
        self.status = min(count, 0)
        if count in (lib.MAM_RING_EMPTY, lib.MAM_RING_CLAIMED):
            return []
        return unpack_batch(ffi.buffer(batch, self._used[0])[:], self._check(count))

    def check(self) -> None:
        """Compare the producer's position with ours; a reader does this now and then on a silent ring."""
        self._region.must_be_open()
        self._check(lib.mam_ring_check(self.pointer))

    def backlog(self) -> int:
        """Bytes that wait to be read."""
        self._region.must_be_open()
        return int(self._check(lib.mam_ring_backlog(self.pointer)))

    def _check(self, status: int) -> int:
        if status < 0:
            raise MemoryLayoutError(f"ring {self.name}: {error_text(status)}")
        return status
