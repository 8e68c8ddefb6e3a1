"""The directory of an instance: who runs it, which bridges it has. Layout: native/include/mam/directory.h."""

import enum
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.memory.errors import InstanceError
from appliance.memory.region import Region
from appliance.memory.ring import error_text

SIZE: int = lib.MAM_DIRECTORY_SIZE


class Role(enum.IntEnum):
    BROKER = lib.MAM_ROLE_BROKER
    LP = lib.MAM_ROLE_LP
    CONTROL = lib.MAM_ROLE_CONTROL


class State(enum.IntEnum):
    CLOSED = lib.MAM_STATE_CLOSED
    OPEN = lib.MAM_STATE_OPEN
    FENCED = lib.MAM_STATE_FENCED


@dataclass(frozen=True, slots=True)
class BridgeSpec:
    """A bridge as configured. Capacities in bytes; `uid`, `gid` (-1: the daemon's) own its two rings."""

    name: str
    role: Role
    in_capacity: int = 1 << 20
    out_capacity: int = 1 << 20
    mode: int = 0o660
    uid: int = -1
    gid: int = -1


def process_start(pid: int) -> int | None:
    """Start time of a live process, in clock ticks since boot; None when there is none (or only a zombie)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


class Directory:
    """A view of a directory region."""

    def __init__(self, region: Region) -> None:
        if region.size != SIZE:
            raise InstanceError(f"directory {region.name}: has {region.size} bytes, expected {SIZE}")
        self._region = region
        self.pointer: Any = ffi.cast("struct mam_directory *", region.address)

    def problem(self, fingerprint: int) -> str | None:
        """What keeps us from believing the directory; None when it is whole and of these messages."""
        self._region.must_be_open()
        status = lib.mam_directory_check(self.pointer, self._region.size, fingerprint)
        return error_text(status) if status else None

    def owner_alive(self) -> int | None:
        """The pid of the live daemon that this directory names, or None."""
        self._region.must_be_open()
        whole = lib.mam_directory_check(self.pointer, SIZE, self.pointer.fingerprint) == 0
        pid = int(self.pointer.pid)
        return pid if whole and pid > 0 and process_start(pid) == self.pointer.pid_start else None

    def describe(
        self, instance: str, bridges: Sequence[BridgeSpec], fingerprint: int, journal: int, counters: int
    ) -> None:
        """Fill all constant fields, with no magic yet; rings closed."""
        fields = self.pointer
        ffi.memmove(fields, bytes(SIZE), SIZE)
        fields.version = lib.MAM_DIRECTORY_VERSION
        fields.bridge_count = len(bridges)
        fields.fingerprint = fingerprint
        fields.generation = 1
        fields.journal_capacity = journal
        fields.counters_capacity = counters
        fields.instance = instance.encode()
        for number, (entry, spec) in enumerate(zip(fields.bridges, bridges, strict=False)):
            entry.name = spec.name.encode()
            entry.id = number + 1
            entry.role = spec.role
            entry.in_capacity = spec.in_capacity
            entry.out_capacity = spec.out_capacity
            entry.generation = 1

    def matches(self, bridges: Sequence[BridgeSpec], journal: int, counters: int) -> bool:
        """Was the directory made for this very shape?"""
        fields = self.pointer
        found = [
            (ffi.string(e.name).decode(), e.role, e.in_capacity, e.out_capacity)
            for e in fields.bridges[0 : fields.bridge_count]
        ]
        asked = [(b.name, b.role, b.in_capacity, b.out_capacity) for b in bridges]
        sizes = (fields.journal_capacity, fields.counters_capacity)
        return found == asked and sizes == (journal, counters)

    def claim(self, now_ns: int) -> None:
        """Name ourselves as the daemon, and publish."""
        fields = self.pointer
        pid = os.getpid()
        start = process_start(pid)
        assert start is not None, "we live"
        fields.pid, fields.pid_start, fields.created_ns = pid, start, now_ns
        lib.mam_directory_beat(fields, now_ns)
        lib.mam_directory_publish(fields)

    def withdraw(self) -> None:
        self._region.must_be_open()
        lib.mam_directory_withdraw(self.pointer)

    def beat(self, now_ns: int) -> None:
        self._region.must_be_open()
        lib.mam_directory_beat(self.pointer, now_ns)

    def heartbeat(self) -> int:
        """When the daemon last said that it lives, ns since the Unix epoch."""
        self._region.must_be_open()
        return int(lib.mam_directory_heartbeat(self.pointer))

    def entry(self, bridge: str) -> Any:
        """The bridge's entry (`struct mam_directory_bridge *`)."""
        self._region.must_be_open()
        found = lib.mam_directory_find(self.pointer, bridge.encode())
        if found == ffi.NULL:
            raise InstanceError(f"directory {self._region.name}: no bridge {bridge!r}")
        return found

    def bridges(self) -> list[str]:
        self._region.must_be_open()
        return [
            ffi.string(entry.name).decode() for entry in self.pointer.bridges[0 : self.pointer.bridge_count]
        ]

    def set_state(self, bridge: str, state: State) -> None:
        """Open, close or fence both rings of a bridge."""
        lib.mam_directory_set_state(self.entry(bridge), state, state)

    def close_all(self) -> None:
        """Every ring closed, the directory void. By number: works however the directory looks by now."""
        self._region.must_be_open()
        for entry in self.pointer.bridges:
            lib.mam_directory_set_state(ffi.addressof(entry), State.CLOSED, State.CLOSED)
        lib.mam_directory_withdraw(self.pointer)

    def states(self, bridge: str) -> tuple[State, State]:
        """Of the in ring and the out ring."""
        entry = self.entry(bridge)
        return State(lib.mam_directory_in_state(entry)), State(lib.mam_directory_out_state(entry))
