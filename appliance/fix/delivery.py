"""To the engine: every Execution once, in order, with a sequence number that survives a kill.

Four words in a small mapped file say which number was used last and which Execution is on its way. They are
written in program order, so that whatever the moment of a kill, the Execution that was on its way goes out
again under the number that it had: the engine knows that number or does not, and takes it exactly once.
"""

import mmap
import os
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from appliance.errors import InputError
from appliance.fix.orders import Tell
from appliance.fix.sbe import EXECUTION, HEARTBEAT, QUOTE

NAME = "delivery.state"
_MAGIC = b"MAMFIX01"
_WORD = struct.Struct("<Q")
_USED, _TOLD, _ON_ITS_WAY, _ITS_NUMBER = 8, 16, 24, 32
_SIZE = 40


class Sender(Protocol):
    """The ring into the engine."""

    def send(self, message: bytes) -> bool: ...


class Words:
    """The mapped file. A killed process leaves what it wrote last; a lost machine may not."""

    def __init__(self, directory: Path, new: bool) -> None:
        """InputError when the file is missing (and nothing is new here), or is not ours."""
        path = directory / NAME
        if not path.exists():
            if not new:
                raise InputError(f"{path}: is missing although there is a journal; restore both, or neither")
            fresh = path.with_suffix(".new")
            fresh.write_bytes(_MAGIC.ljust(_SIZE, b"\0"))
            fresh.rename(path)
        with path.open("r+b") as file:
            if os.fstat(file.fileno()).st_size != _SIZE or file.read(8) != _MAGIC:
                raise InputError(f"{path}: is not a delivery file of this bridge")
            self._map = mmap.mmap(file.fileno(), _SIZE)

    def get(self, at: int) -> int:
        return int(_WORD.unpack_from(self._map, at)[0])

    def set(self, at: int, value: int) -> None:
        self._map[at : at + 8] = _WORD.pack(value)


class Delivery:
    """Numbers what goes into the ring. One thread."""

    def __init__(self, words: Words, ring: Sender) -> None:
        self._words = words
        self._ring = ring
        self._waiting: deque[Tell] = deque()
        self._resuming = words.get(_USED) > 0  # the last number may or may not have been used
        self.resumed = words.get(_USED)

    @property
    def told(self) -> int:
        """Executions that the engine has been told."""
        return self._words.get(_TOLD)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def skip_to(self, told: int) -> None:
        """All Executions before number `told` are dealt with otherwise."""
        self._words.set(_TOLD, max(told, self.told))

    def add(self, tell: Tell) -> None:
        """Queue an Execution; one that the engine has been told already is left out."""
        if tell.at >= self.told:
            self._waiting.append(tell)

    def flush(self) -> int:
        """Send what waits, as far as the ring has room; how many."""
        sent = 0
        if self._resuming and not self._resume():
            return 0
        while self._waiting and self._tell(self._waiting[0]):
            self._waiting.popleft()
            sent += 1
        return sent

    def _resume(self) -> bool:
        """The last number again: with the Execution that bore it, or else with a heartbeat."""
        words = self._words
        if words.get(_ON_ITS_WAY) == words.get(_TOLD) + 1 and self._waiting:
            self._resuming = not self._tell(self._waiting[0], words.get(_ITS_NUMBER))
            if not self._resuming:
                self._waiting.popleft()
        else:
            self._resuming = not self._ring.send(HEARTBEAT.pack(sequence=words.get(_USED)))
        return not self._resuming

    def _tell(self, tell: Tell, number: int = 0) -> bool:
        assert tell.at == self.told, (tell.at, self.told)
        words, again = self._words, number
        number = again or words.get(_USED) + 1
        if not again:
            words.set(_ITS_NUMBER, number)
            words.set(_ON_ITS_WAY, tell.at + 1)
        used = words.get(_USED)
        words.set(_USED, max(number, used))
        if not self._ring.send(_execution(tell, number)):
            if not again:
                words.set(_ON_ITS_WAY, 0)
                words.set(_USED, used)
            return False
        words.set(_TOLD, tell.at + 1)
        return True

    def quote(self, instrument: int, level: int, values: tuple[int, int, int, int], quoted: int) -> bool:
        """One level of a book; False when the ring has no room."""
        bid, ask, bid_volume, ask_volume = values
        return self._send(
            lambda number: QUOTE.pack(
                sequence=number,
                instrument=instrument,
                level=level,
                bid=bid,
                ask=ask,
                bid_volume=bid_volume,
                ask_volume=ask_volume,
                quoted=quoted,
            )
        )

    def heartbeat(self, now: int) -> bool:
        return self._send(lambda number: HEARTBEAT.pack(sequence=number, sent=now))

    def _send(self, make: Callable[[int], bytes]) -> bool:
        if self._resuming:
            return False
        used = self._words.get(_USED)
        self._words.set(_USED, used + 1)
        if self._ring.send(make(used + 1)):
            return True
        self._words.set(_USED, used)
        return False


def _execution(tell: Tell, number: int) -> bytes:
    told, order = tell.told, tell.order
    return EXECUTION.pack(
        sequence=number,
        block=order.block,
        leg=order.leg,
        execution=told.number,
        volume=told.volume,
        price=told.price,
        cumulative=told.cumulative,
        reference=told.reference,
        code=told.code,
        kind=told.kind,
        executed=told.executed,
    )
