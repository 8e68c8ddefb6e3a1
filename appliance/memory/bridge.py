"""A bridge's end in Python: what a vendor uses, and nothing that a vendor may not."""

from types import TracebackType
from typing import Any, Self

from appliance._native import ffi, lib
from appliance.memory.directory import Role
from appliance.memory.errors import InstanceError, MemoryLayoutError
from appliance.memory.ring import error_text, unpack_batch

_BATCH_BYTES = 1 << 16


class Bridge:
    """Two rings: `send` to the engine, `receive` from it. One thread; one process a bridge."""

    def __init__(self, pointer: Any, instance: str, name: str) -> None:
        """Use `attach`."""
        self.pointer = pointer
        self.instance = instance
        self.name = name
        self.id = int(pointer.id)
        self.role = Role(pointer.role)
        self._in = ffi.addressof(pointer, "in")
        self._out = ffi.addressof(pointer, "out")
        self._used = ffi.new("uint32_t *")
        largest = lib.mam_ring_space(lib.mam_ring_payload_max(self._out))
        self._batch = ffi.new("uint8_t[]", max(_BATCH_BYTES, largest))
        self._open = True

    @classmethod
    def attach(cls, instance: str, name: str, fingerprint: int) -> Self:
        """Find a running instance's bridge and map its rings. InstanceError says what is in the way."""
        pointer = ffi.new("struct mam_bridge *")
        status = lib.mam_attach(instance.encode(), name.encode(), fingerprint, pointer)
        if status != 0:
            why = error_text(status)
            if status == lib.MAM_ERROR_SYSTEM:
                why += f" (errno {ffi.errno})"
            raise InstanceError(f"instance {instance}, bridge {name}: {why}")
        return cls(pointer, instance, name)

    def send(self, message: bytes | bytearray | memoryview) -> bool:
        """Put one SBE message, its header included, into the in ring; False when that is full."""
        self._must_be_open()
        view = memoryview(message).cast("B")
        if len(view) < 8:
            raise MemoryLayoutError(f"bridge {self.name}: a message has at least its 8-byte header")
        template = view[2] | view[3] << 8
        status = lib.mam_ring_write(self._in, template, ffi.from_buffer(view), len(view))
        if status == lib.MAM_RING_FULL:
            return False
        self._check(status)
        return True

    def receive(self, maximum: int = 1 << 20) -> list[bytes]:
        """The next messages of the out ring, at most `maximum` and about 64 KiB; [] when there is none."""
        count, used = self.receive_into(self._batch, maximum)
        return [payload for _, payload in unpack_batch(ffi.buffer(self._batch, used)[:], count)]

    def receive_into(self, buffer: Any, maximum: int = 1 << 20) -> tuple[int, int]:
        """Copy messages into a writable buffer, each as [int32 length][int32 type][message, padded to 8].

        Returns how many, and the bytes used. It must hold the largest message, capacity / 8 + 8.
        """
        self._must_be_open()
        place = buffer if isinstance(buffer, ffi.CData) else ffi.from_buffer("uint8_t[]", buffer, True)
        count = lib.mam_ring_read_batch(self._out, place, len(place), maximum, self._used)
        if count in (lib.MAM_RING_EMPTY, lib.MAM_RING_CLAIMED):
            return 0, 0
        return self._check(count), self._used[0]

    def check(self) -> None:
        """InstanceError when the daemon has closed, fenced or renewed our rings: close, and attach again."""
        self._must_be_open()
        status = lib.mam_bridge_check(self.pointer)
        if status != 0:
            raise InstanceError(f"instance {self.instance}, bridge {self.name}: {error_text(status)}")

    def heartbeat(self) -> int:
        """When the daemon last said that it lives, ns since the Unix epoch."""
        self._must_be_open()
        return int(lib.mam_directory_heartbeat(self.pointer.directory))

    def close(self) -> None:
        """Unmap; the rings stay."""
        if self._open:
            self._open = False
            lib.mam_detach(self.pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _must_be_open(self) -> None:
        if not self._open:
            raise InstanceError(f"instance {self.instance}, bridge {self.name}: used after close")

    def _check(self, status: int) -> int:
        if status < 0:
            raise MemoryLayoutError(f"instance {self.instance}, bridge {self.name}: {error_text(status)}")
        return status
