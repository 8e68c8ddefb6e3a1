"""All regions of an instance, created by its one daemon and removed when that closes them.

A daemon that died leaves its regions, so that bridges and the audit writer can go on with what they hold. The
next daemon of the instance takes them over (`keep`), or drains the journal (`salvage`) and makes all anew.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance._native import ffi, lib
from appliance.memory import counters, directory, names
from appliance.memory.counters import Counters
from appliance.memory.directory import BridgeSpec, Directory, State
from appliance.memory.errors import InstanceError, MemoryLayoutError
from appliance.memory.lock import InstanceLock
from appliance.memory.region import Region, remove
from appliance.memory.ring import TRAILER, Ring, check_capacity

_SHARED_MEMORY = Path("/dev/shm")


def leftovers(instance: str) -> list[str]:
    """Names of all objects of the instance that exist."""
    prefix = names.prefix(instance)
    return sorted(f"/{path.name}" for path in _SHARED_MEMORY.iterdir() if f"/{path.name}".startswith(prefix))


class Instance:
    """The regions of a running instance, in its daemon."""

    def __init__(self, name: str, bridges: Sequence[BridgeSpec], lock: InstanceLock) -> None:
        """Use `create`."""
        self.name = name
        self.bridges = tuple(bridges)
        self._lock = lock
        self._pid = os.getpid()
        self._regions: dict[str, Region] = {}
        self._retired: list[Region] = []
        self._made = False

    @classmethod
    def create(
        cls,
        name: str,
        bridges: Sequence[BridgeSpec],
        *,
        fingerprint: int,
        journal_capacity: int = 1 << 24,
        counters_capacity: int = 1024,
        keep: bool = False,
        mend: bool = False,
        salvage: Callable[[Ring], None] | None = None,
        lock_in: Path | None = None,
    ) -> Self:
        """Create (or, with `keep`, take over) every region of the instance, rings open, directory published.

        MemoryLayoutError when another daemon runs it, or the shape makes no sense. What a dead daemon left is
        removed; before that `salvage` gets its journal ring, to read what the audit writer had not.
        """
        _check_shape(name, bridges, journal_capacity, counters_capacity)
        instance = cls(name, bridges, InstanceLock(name, lock_in))
        try:
            old = leftovers(name)
            _refuse_live_owner(name)
            if old and keep:
                instance._take_over(fingerprint, journal_capacity, counters_capacity, mend)
            else:
                if salvage is not None and names.journal_name(name) in old:
                    _salvage(name, salvage)
                for left in old:
                    remove(left)
                instance._make(fingerprint, journal_capacity, counters_capacity)
        except BaseException as error:
            instance._abandon(remove_objects=instance._made)
            if isinstance(error, MemoryLayoutError) and not isinstance(error, InstanceError):
                raise InstanceError(f"instance {name}: {error}") from None
            raise
        return instance

    @property
    def directory_region(self) -> Region:
        return self._regions[names.directory_name(self.name)]

    @property
    def journal_region(self) -> Region:
        return self._regions[names.journal_name(self.name)]

    @property
    def counters_region(self) -> Region:
        return self._regions[names.counters_name(self.name)]

    def in_region(self, bridge: str) -> Region:
        """The ring from a bridge to the engine."""
        return self._bridge_region(names.in_name(self.name, bridge), bridge)

    def out_region(self, bridge: str) -> Region:
        """The ring from the engine to a bridge."""
        return self._bridge_region(names.out_name(self.name, bridge), bridge)

    @property
    def directory(self) -> Directory:
        return Directory(self.directory_region)

    @property
    def counters(self) -> Counters:
        return Counters(self.counters_region)

    def heartbeat(self, now_ns: int | None = None) -> None:
        """Say that the daemon lives."""
        self.directory.beat(time.time_ns() if now_ns is None else now_ns)

    def intact(self) -> list[str]:
        """Names of regions that someone removed or truncated under us; [] when all is well."""
        return [name for name, region in self._regions.items() if not region.intact()]

    def renew(self, bridge: str) -> None:
        """`make_rings`, open at once: for an instance whose engine maps them later."""
        self.make_rings(bridge)
        self.directory.set_state(bridge, State.OPEN)

    def make_rings(self, bridge: str) -> int:
        """New, empty rings for a bridge whose rings were fenced, still closed; their generation.

        The old ones stay mapped until `close`, since the engine may still hold pointers into them.
        """
        spec = next((spec for spec in self.bridges if spec.name == bridge), None)
        if spec is None:
            raise InstanceError(f"instance {self.name}: no bridge {bridge!r}")
        fields = self.directory
        fields.set_state(bridge, State.CLOSED)
        for name, capacity in self._rings_of(spec):
            self._retired.append(self._regions.pop(name))
            remove(name)
            self._create(name, capacity + TRAILER, spec.mode, spec.uid, spec.gid)
        fields.entry(bridge).generation += 1
        fields.pointer.generation += 1
        return int(fields.entry(bridge).generation)

    def close(self) -> None:
        """Close the rings, remove every object, let the next daemon in. A forked child only unmaps."""
        if os.getpid() == self._pid and self._regions:
            self.directory.close_all()
        self._abandon(remove_objects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bridge_region(self, name: str, bridge: str) -> Region:
        if name not in self._regions:
            raise InstanceError(f"instance {self.name}: no bridge {bridge!r}")
        return self._regions[name]

    def _rings_of(self, spec: BridgeSpec) -> list[tuple[str, int]]:
        return [
            (names.in_name(self.name, spec.name), spec.in_capacity),
            (names.out_name(self.name, spec.name), spec.out_capacity),
        ]

    def _create(self, name: str, size: int, mode: int, uid: int = -1, gid: int = -1) -> None:
        self._regions[name] = Region.create(name, size, mode, uid, gid)

    def _make(self, fingerprint: int, journal: int, counted: int) -> None:
        self._made = True
        # directory and counters: written by the daemon alone, read by anyone; the journal: its own
        self._create(names.directory_name(self.name), directory.SIZE, 0o644)
        self._create(names.counters_name(self.name), counted * counters.SIZE, 0o644)
        self._create(names.journal_name(self.name), journal + TRAILER, 0o600)
        for spec in self.bridges:
            for name, capacity in self._rings_of(spec):
                self._create(name, capacity + TRAILER, spec.mode, spec.uid, spec.gid)
        self.directory.describe(self.name, self.bridges, fingerprint, journal, counted)
        self._publish()

    def _take_over(self, fingerprint: int, journal: int, counted: int, mend: bool) -> None:
        """Map what a dead daemon left, if we would have made the same, with nothing of ours half-written.

        `mend`: what is half-written may stay, since the next engine takes it back.
        """
        try:
            self._map_all(journal, counted)
            fields = self.directory
            problem = fields.problem(fingerprint)
            if problem is None and not fields.matches(self.bridges, journal, counted):
                problem = "they have another shape"
            problem = problem or (None if mend else self._half_written())
        except MemoryLayoutError as error:
            problem = str(error)
        if problem is not None:
            raise InstanceError(
                f"instance {self.name}: the regions left by a dead daemon cannot be kept: {problem}"
            )
        fields.withdraw()
        self._publish()

    def _map_all(self, journal: int, counted: int) -> None:
        sizes = [
            (names.directory_name(self.name), directory.SIZE),
            (names.counters_name(self.name), counted * counters.SIZE),
            (names.journal_name(self.name), journal + TRAILER),
        ]
        for spec in self.bridges:
            sizes += [(name, capacity + TRAILER) for name, capacity in self._rings_of(spec)]
        for name, size in sizes:
            region = self._regions[name] = Region.attach(name, size)
            region.prepare()

    def _half_written(self) -> str | None:
        """A message that a dead producer never finished blocks its ring: we could not go on behind it."""
        ours = [names.journal_name(self.name)]
        ours += [names.out_name(self.name, spec.name) for spec in self.bridges]
        for name in ours:
            status = lib.mam_ring_inspect(Ring(self._regions[name]).pointer)
            if status != 0:
                return f"ring {name}: {ffi.string(lib.mam_error_text(status)).decode()}"
        for spec in self.bridges:
            Ring(self.in_region(spec.name))
        return None

    def _publish(self) -> None:
        fields = self.directory
        for spec in self.bridges:
            fields.set_state(spec.name, State.OPEN)
        fields.claim(time.time_ns())

    def _abandon(self, remove_objects: bool) -> None:
        for region in self._retired:
            region.close()
        for name, region in self._regions.items():
            region.close()
            if remove_objects and os.getpid() == self._pid:
                remove(name)
        self._regions.clear()
        self._retired.clear()
        self._lock.release()


def _check_shape(name: str, bridges: Sequence[BridgeSpec], journal: int, counted: int) -> None:
    names.check_name(name, "instance")
    if len(bridges) > lib.MAM_BRIDGES_MAX:
        raise InstanceError(f"instance {name}: {len(bridges)} bridges, at most {lib.MAM_BRIDGES_MAX}")
    for spec in bridges:
        names.check_name(spec.name, "bridge")
        check_capacity(spec.in_capacity, f"bridge {spec.name}, in ring")
        check_capacity(spec.out_capacity, f"bridge {spec.name}, out ring")
    if len({spec.name for spec in bridges}) != len(bridges):
        raise InstanceError(f"instance {name}: two bridges have one name")
    check_capacity(journal, f"instance {name}, journal")
    if not 1 <= counted <= lib.MAM_COUNTERS_MAX:
        raise InstanceError(f"instance {name}: {counted} counters, expected 1 to {lib.MAM_COUNTERS_MAX}")


def _refuse_live_owner(name: str) -> None:
    """The lock is ours, but the other's may have been removed, or stand elsewhere: ask the directory too."""
    try:
        region = Region.attach(names.directory_name(name), directory.SIZE, writable=False)
    except MemoryLayoutError:
        return
    with region:
        pid = Directory(region).owner_alive()
    if pid is not None:
        raise InstanceError(f"instance {name}: another daemon runs it (pid {pid})")


def _salvage(name: str, salvage: Callable[[Ring], None]) -> None:
    """A journal that cannot be read refuses the start, unless its daemon died before it was published."""
    try:
        region = Region.attach(names.journal_name(name))
    except MemoryLayoutError:
        if _published(name):
            raise
        return
    with region:
        try:
            ring = Ring(region)
        except MemoryLayoutError:
            if _published(name):
                raise
            return
        salvage(ring)


def _published(name: str) -> bool:
    try:
        region = Region.attach(names.directory_name(name), directory.SIZE, writable=False)
    except MemoryLayoutError:
        return False
    with region:
        return Directory(region).problem(Directory(region).pointer.fingerprint) is None
