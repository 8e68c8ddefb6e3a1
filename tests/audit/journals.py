"""Builds journals and logs for the tests: a ring in plain memory, and the writer on it in this process."""

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from appliance._native import ffi, lib

from appliance.audit import records
from appliance.audit.counters import WriterCounters
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.writer import Stop, Writer, WriterConfig

SEGMENT = 131072
ORIGIN = "example.com/mam"


def entry(sequence: int, message: bytes = b"", kind: int = 1, time: int | None = None) -> bytes:
    """A journal entry; its time differs from run to run as the real one does, unless given."""
    stamp = int.from_bytes(os.urandom(6), "little") if time is None else time
    return records.HEADER.pack(sequence, stamp, 3, kind, 1, len(message)) + message


class JournalRing:
    """A journal ring in plain memory, with its producer."""

    def __init__(self, capacity: int = 1 << 20) -> None:
        self.length = capacity + lib.MAM_RING_TRAILER
        self.memory = ffi.new("uint8_t[]", self.length)
        self.producer = ffi.new("struct mam_ring *")
        assert lib.mam_ring_attach(self.producer, self.memory, self.length) == 0

    def write(self, payload: bytes, kind: int = 1) -> bool:
        return bool(lib.mam_ring_write(self.producer, kind, ffi.from_buffer(payload), len(payload)) == 0)

    @property
    def head(self) -> int:
        """The shared head: what the consumer has given back."""
        at = self.length - lib.MAM_RING_TRAILER + lib.MAM_RING_HEAD_OFFSET
        return int.from_bytes(bytes(self.memory[at : at + 8]), "little")

    @property
    def tail(self) -> int:
        return int(self.producer.tail)


def drain(directory: Path, signer: Signer, ring: JournalRing, segment: int = SEGMENT) -> int:
    """Runs the writer until the ring is empty; its exit status."""
    config = WriterConfig("none", directory, Path("none"), segment, checkpoint_ms=0)
    stop = Stop(None)
    stop.reason = "the test is over"
    with closing(Log(directory, signer, segment)) as log:
        writer = Writer(log, ring.memory, ring.length, WriterCounters(None), config)
        return writer.run(stop)


def make_log(
    directory: Path, signer: Signer, messages: Iterable[bytes], segment: int = SEGMENT
) -> JournalRing:
    """A log of these messages, written through a ring; the ring, empty."""
    ring = JournalRing()
    for sequence, message in enumerate(messages):
        assert ring.write(entry(sequence, message))
    assert drain(directory, signer, ring, segment) == 0
    return ring
