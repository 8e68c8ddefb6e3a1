"""An engine in this process: feed it messages, read what it says.

    engine = Engine(Capacities(accounts=100))
    engine.open_bridge("broker", Role.BROKER)
    outputs = engine.apply(time, "broker", message)

It has no allocation logic of its own: everything is mam_engine_apply.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

from appliance._native import ffi, lib
from appliance.errors import InputError
from appliance.memory import Role
from appliance.schema.codec import from_json

HOST = 0
JOURNAL = 0xFFFF


@dataclass(frozen=True)
class Capacities:
    """The engine's limits; see struct mam_capacities in native/src/engine.h for the ranges."""

    instruments: int = 64
    accounts: int = 4096
    groups: int = 64
    members: int = 8192
    blocks: int = 256
    children: int = 16384
    holdings: int = 65536
    bridges: int = 8
    positions: int = 65536
    history: int = 65536
    leg_timeout_ms: int = 500
    booking_timeout_ms: int = 5000

    def to_c(self) -> "ffi.CData":
        """As struct mam_capacities; InputError when a figure is out of its range."""
        try:
            return ffi.new("struct mam_capacities *", asdict(self))
        except OverflowError as error:
            raise InputError(f"capacities: a limit is out of its range: {error}") from None


@dataclass(frozen=True)
class Output:
    """One message of the engine, and where it goes."""

    bridge: int
    message: bytes


class Engine:
    """One engine; not for use by several threads."""

    def __init__(self, capacities: Capacities | None = None) -> None:
        self.capacities = capacities or Capacities()
        limits = self.capacities.to_c()
        size = lib.mam_engine_size(limits)
        if size == 0:
            raise InputError(f"capacities: a limit is out of its range: {self.capacities}")
        # cffi zeroes; 64 bytes more, since the engine wants to begin on a cache line
        self._size = int(size)
        self._memory = ffi.new("uint8_t[]", size + 64)
        address = int(ffi.cast("uintptr_t", self._memory))
        self._engine = lib.mam_engine_create(ffi.cast("void *", (address + 63) & ~63), limits)
        worst = lib.mam_engine_worst_case(limits, 16) + 65536
        self._outputs = ffi.new("uint8_t[]", worst)
        self._buffer = ffi.new("struct mam_buffer *", {"bytes": self._outputs, "capacity": worst})
        lib.mam_engine_sink_buffer(self._engine, self._buffer)
        self._input = ffi.new("uint64_t[]", lib.MAM_INPUT_MAX // 8)
        self._host_sequence = 0
        self.bridges: list[str] = []

    @property
    def native(self) -> "ffi.CData":
        """The C engine (`struct mam_engine *`), for hosts in C; it lives as long as this object."""
        return self._engine

    @contextmanager
    def frozen(self) -> Iterator[Any]:
        """Inside, the engine is a buffer of its state; any engine of this build can go on with it."""
        lib.mam_engine_freeze(self._engine)
        try:
            yield ffi.buffer(self._engine, self._size)
        finally:
            self._wake()

    def thaw(self, read: Callable[[Any], None]) -> None:
        """Go on with such bytes, which `read` writes into a buffer; InputError: they are of other limits."""
        read(ffi.buffer(self._engine, self._size))
        self._wake()

    def _wake(self) -> None:
        if lib.mam_engine_thaw(self._engine, self.capacities.to_c()) == ffi.NULL:
            raise InputError("the state is not one of these limits")
        lib.mam_engine_sink_buffer(self._engine, self._buffer)

    def apply(self, time: int, bridge: int, message: bytes) -> list[Output]:
        """Consume one message (at most MAM_INPUT_MAX bytes; time never goes back) and give its outputs."""
        length = min(len(message), lib.MAM_INPUT_MAX)
        ffi.memmove(self._input, message, length)
        self._buffer.length = 0
        lib.mam_engine_apply(self._engine, time, bridge, self._input, length)
        if self._buffer.overflowed:
            raise AssertionError("the engine's outputs exceed its own worst case")
        return list(self._drain())

    def _drain(self) -> Iterator[Output]:
        data = bytes(ffi.buffer(self._outputs, self._buffer.length))
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "little")
            bridge = int.from_bytes(data[at + 4 : at + 8], "little")
            yield Output(bridge, data[at + 8 : at + 8 + length])
            at += 8 + (length + 7) // 8 * 8

    def host(self, time: int, name: str, **values: object) -> list[Output]:
        """Send a message of the engine's own host (Clock, BridgeOpened, …)."""
        self._host_sequence += 1
        return self.apply(time, HOST, from_json({"msg": name, "sequence": self._host_sequence, **values}))

    def open_bridge(self, name: str, role: Role, time: int = 0) -> int:
        """Give a bridge the next number."""
        number = len(self.bridges) + 1
        if number > self.capacities.bridges:
            raise InputError(
                f"bridge {name}: more bridges than the {self.capacities.bridges} of the capacities"
            )
        self.host(time, "BridgeOpened", bridge=number, role=int(role), bridge_name=name)
        self.bridges.append(name)
        return number

    @property
    def deadline(self) -> int | None:
        """When the engine next wants a Clock message (ns); None: it waits for nothing."""
        at = int(lib.mam_engine_deadline(self._engine))
        return None if at == 2**63 - 1 else at

    def figures(self, login: int) -> dict[str, int] | None:
        """What an account is worth now, in the units of struct mam_figures; None: no such account."""
        figures = ffi.new("struct mam_figures *")
        if not lib.mam_engine_figures(self._engine, login, figures):
            return None
        return {name: int(getattr(figures, name)) for name, _ in ffi.typeof("struct mam_figures").fields}

    def counts(self) -> dict[str, int]:
        """What the engine has counted; "laws" is a list, law 1 first."""
        counts = lib.mam_engine_counts(self._engine)
        names = [name for name, _ in ffi.typeof("struct mam_engine_counts").fields if name != "laws"]
        return {name: int(getattr(counts, name)) for name in names}

    def laws(self) -> list[int]:
        """Violations of law 1 … 10; all must be zero."""
        return [int(count) for count in lib.mam_engine_counts(self._engine).laws]


def capacities_for(**wanted: int) -> Capacities:
    """Capacities that hold at least what is asked for, by name."""
    default = Capacities()
    known = {field.name: int(getattr(default, field.name)) for field in fields(default)}
    return Capacities(**{name: max(value, wanted.get(name, 0)) for name, value in known.items()})
