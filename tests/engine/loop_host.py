"""The daemon's loop in a thread of this process, its rings in this process's memory, and their other ends."""

import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import Any

from appliance._native import ffi, lib

from appliance.engine import Capacities
from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import BY_NAME

ROLES = {"broker": 1, "lp": 2, "control": 3}
SMALL = Capacities(
    instruments=2, accounts=8, groups=2, members=8, blocks=4, children=16, holdings=16, bridges=4
)
ENTRY = struct.Struct("<QqHBBI")
INPUT, OUTPUT = 1, 2
JOURNAL = 0xFFFF


class LoopHost:
    """with LoopHost(["broker", "lp"], stuck_after_ns=…) as host: host.send("broker", "Heartbeat") …"""

    def __init__(
        self,
        names: list[str],
        capacities: Capacities = SMALL,
        ring: int = 65536,
        out: dict[str, int] | None = None,
        stuck_after_ns: int = 10**10,
    ) -> None:
        self.names = names
        self.memory: list[Any] = []
        config = self.config = ffi.new("struct mam_loop_config *")
        for key, value in asdict(capacities).items():
            setattr(config.limits, key, value)
        config.bridge_count = len(names)
        config.idle = lib.MAM_IDLE_YIELD
        config.stuck_after_ns = stuck_after_ns
        self.ins, self.outs = {}, {}
        for at, name in enumerate(names):
            bridge = config.bridges[at]
            bridge.name = name.encode()
            bridge.role = ROLES[name.rstrip("0123456789")]
            for end, views, capacity in (
                ("in", self.ins, ring),
                ("out", self.outs, (out or {}).get(name, ring)),
            ):
                memory, views[name] = self.ring(capacity)
                setattr(bridge, end, memory)  # `in` is a keyword of Python
                setattr(bridge, f"{end}_length", len(memory))
        config.journal, self.journal = self.ring(lib.mam_loop_journal_capacity(ffi.addressof(config.limits)))
        config.journal_length = len(self.memory[-2])
        config.counters = self.counters = self.keep(ffi.new("int64_t[]", 16 * lib.MAM_LOOP_COUNTERS))
        size = lib.mam_loop_size(config)
        room = self.keep(ffi.new("uint8_t[]", size + 64))
        error = ffi.new("char[]", 200)
        address = (int(ffi.cast("uintptr_t", room)) + 63) & ~63
        self.loop = lib.mam_loop_create(ffi.cast("void *", address), config, error)
        assert self.loop != ffi.NULL, ffi.string(error)
        self.thread = threading.Thread(target=lib.mam_loop_run, args=(self.loop,))
        self.sequences = dict.fromkeys(names, 0)
        self.entries: list[tuple[int, int, dict[str, Any]]] = []  # kind, bridge, message ({} when it is none)
        self.raw: list[bytes] = []  # the same as the journal has it

    def keep(self, memory: Any) -> Any:
        self.memory.append(memory)
        return memory

    def ring(self, capacity: int) -> tuple[Any, Any]:
        """Memory of a ring, and a view of it."""
        memory = self.keep(ffi.new("uint8_t[]", capacity + lib.MAM_RING_TRAILER))
        view = self.keep(ffi.new("struct mam_ring *"))
        assert lib.mam_ring_attach(view, memory, len(memory)) == 0
        return memory, view

    def __enter__(self) -> "LoopHost":
        self.thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        lib.mam_loop_stop(self.loop)
        while self.thread.is_alive():
            self.drain()
            self.thread.join(0.01)
        self.drain()

    # --- as a bridge ---

    def send(self, name: str, msg: str, kind: int | None = None, **fields: Any) -> bool:
        """Write one message; False when the ring is full."""
        message = from_json({"msg": msg, "sequence": self.sequences[name] + 1, **fields})
        template = BY_NAME[msg].id if kind is None else kind
        sent = bool(lib.mam_ring_write(self.ins[name], template, message, len(message)) == 0)
        self.sequences[name] += sent
        return sent

    @contextmanager
    def together(self, name: str) -> Iterator[None]:
        """What a bridge sends inside is seen by the loop all at once."""
        lib.mam_ring_batch(self.ins[name], 1)
        yield
        lib.mam_ring_flush(self.ins[name])
        lib.mam_ring_batch(self.ins[name], 0)

    def read(self, name: str) -> dict[str, Any] | None:
        return self._take(self.outs[name])

    def _take(self, view: Any) -> dict[str, Any] | None:
        raw = self._raw(view)
        return None if raw is None else to_json(raw)

    def _raw(self, view: Any) -> bytes | None:
        buffer, kind = ffi.new("uint8_t[]", 2048), ffi.new("int32_t *")
        length = lib.mam_ring_read(view, buffer, 2048, kind)
        return None if length < 0 else bytes(ffi.buffer(buffer, length))

    # --- as the audit writer ---

    def drain(self) -> list[tuple[int, int, dict[str, Any]]]:
        """What the journal has got since; all of it is in .entries, whose sequence has no gap."""
        new = []
        while (raw := self._raw(self.journal)) is not None:
            sequence, _, bridge, kind, _, length = ENTRY.unpack_from(raw)
            assert sequence == len(self.entries)
            assert length == len(raw) - ENTRY.size
            try:
                message = to_json(raw[ENTRY.size :])
            except ValueError:
                message = {}
            self.entries.append((kind, bridge, message))
            self.raw.append(raw)
            new.append(self.entries[-1])
        return new

    def journaled(self, name: str | None, kind: int, msg: str) -> list[dict[str, Any]]:
        """The journaled messages of one kind, of or for one bridge (None: the journal's own)."""
        bridge = JOURNAL if name is None else self.names.index(name) + 1
        return [m for k, b, m in self.entries if (k, b, m.get("msg")) == (kind, bridge, msg)]

    def counter(self, label: str) -> int:
        at = 0
        while ffi.string(lib.mam_loop_counter_label(at)).decode() != label:
            at += 1
        return int(self.counters[16 * at])

    def until(self, holds: Callable[[], Any], drain: bool = True) -> Any:
        """Wait until something holds; what it is."""
        for _ in self._patience():
            if drain:
                self.drain()
            value = holds()
            if value:
                return value
        raise AssertionError("it did not happen within 20 s")

    @staticmethod
    def _patience() -> Iterator[None]:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            yield
            time.sleep(0.0005)
