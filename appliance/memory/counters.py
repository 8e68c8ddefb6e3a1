"""Counters: allocate them (the daemon), read them (anyone)."""

from dataclasses import dataclass
from typing import Any

from appliance._native import ffi, lib
from appliance.memory.errors import InstanceError, MemoryLayoutError
from appliance.memory.names import counters_name
from appliance.memory.region import Region

SIZE: int = lib.MAM_COUNTER_SIZE


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter as read."""

    id: int
    type: int
    label: str
    value: int
    key: bytes
    registration: int
    owner: int
    reference: int


class Counters:
    """A view of a counters region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self.pointer: Any = ffi.new("struct mam_counters *")
        status = lib.mam_counters_attach(self.pointer, region.address, region.size)
        if status != 0:
            raise MemoryLayoutError(
                f"counters {region.name}: {region.size} bytes are not 1 to 65536 counters"
            )

    def allocate(self, kind: int, label: str, key: bytes = b"") -> int:
        """The id of the counter with that type, label and key. One allocator a region.

        That is the one which is there already (regions may outlive a daemon), else the next, at 0.
        """
        self._region.must_be_open()
        text = label.encode()
        padded = key.ljust(lib.MAM_COUNTER_KEY_MAX, b"\0")
        for counter in self.read():
            if (counter.type, counter.label, counter.key) == (kind, label, padded):
                return counter.id
        status = lib.mam_counter_allocate(self.pointer, kind, key, len(key), text, len(text))
        if status == lib.MAM_COUNTERS_FULL:
            raise MemoryLayoutError(f"counters {self._region.name}: all {self.pointer.capacity} are in use")
        if status < 0:
            raise MemoryLayoutError(f"counter {label!r}: label over 380 bytes or key over 112")
        return int(status)

    def at(self, counter: int) -> Any:
        """Where the value is (`int64_t *`), for its one writer in C."""
        self._region.must_be_open()
        place = lib.mam_counter_at(self.pointer, counter)
        if place == ffi.NULL:
            raise MemoryLayoutError(f"counters {self._region.name}: no counter {counter}")
        return place

    def set(self, counter: int, value: int) -> None:
        lib.mam_counter_set(self.at(counter), value)

    def add(self, counter: int, amount: int = 1) -> None:
        lib.mam_counter_add(self.at(counter), amount)

    def get(self, counter: int) -> int:
        return int(lib.mam_counter_get(self.at(counter)))

    def read(self) -> list[Counter]:
        """All that are allocated, by id."""
        self._region.must_be_open()
        info = ffi.new("struct mam_counter_info *")
        found = []
        for number in range(self.pointer.capacity):
            state = lib.mam_counter_read(self.pointer, number, info)
            if state == lib.MAM_COUNTER_UNUSED:
                break
            if state == lib.MAM_COUNTER_ALLOCATED:
                found.append(_counter(info))
        return found


def _counter(info: Any) -> Counter:
    label = ffi.buffer(info.label, info.label_length)[:].decode("utf-8", "replace")
    key = ffi.buffer(info.key)[:]
    return Counter(info.id, info.type, label, info.value, key, info.registration, info.owner, info.reference)


def read_counters(instance: str) -> list[Counter]:
    """All counters of a running instance, as they are now."""
    try:
        region = Region.attach(counters_name(instance), writable=False)
    except InstanceError:
        raise
    except MemoryLayoutError as error:
        raise InstanceError(f"instance {instance}: {error}") from None
    with region:
        return Counters(region).read()
