"""A full disk: the writer waits, loses nothing, and goes on when there is room."""

import errno
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import segments, verify
from appliance.audit.counters import WriterCounters
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.writer import OK, WRITE_FAILED, Stop, Writer, WriterConfig
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, entry

COUNT = 4000


class Disk:
    """Has no room for a new segment while `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self.refused = True, 0
        real = segments._take_prepared

        def take(directory: Path, length: int) -> tuple[int, Path]:
            if self.full and segments.paths(directory):
                self.refused += 1
                raise segments.NoRoomError(errno.ENOSPC, "No space left on device")
            return real(directory, length)

        monkeypatch.setattr(segments, "_take_prepared", take)


def run(tmp_path: Path, signer: Signer, disk: Disk, room_after: float | None) -> tuple[int, JournalRing]:
    """A writer on a ring with more than a segment holds; the disk gets room after so many seconds."""
    ring = JournalRing()
    for number in range(COUNT):
        assert ring.write(entry(number, bytes(40)))
    stop = Stop(None)

    def conduct() -> None:
        if room_after is not None:
            time.sleep(room_after)
            disk.full = False
        while ring.head != ring.tail and room_after is not None:
            time.sleep(0.01)
        if room_after is None:
            time.sleep(0.3)
        stop.reason = "the test is over"

    threading.Thread(target=conduct).start()
    config = WriterConfig("none", tmp_path / "log", Path("none"), SEGMENT, checkpoint_ms=10)
    with closing(Log(tmp_path / "log", signer, SEGMENT)) as log:
        return Writer(log, ring.memory, ring.length, WriterCounters(None), config).run(stop), ring


def test_it_waits_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk, signer = Disk(monkeypatch), Signer.generate(ORIGIN)
    status, _ = run(tmp_path, signer, disk, 0.5)
    assert status == OK and disk.refused > 1
    report = verify(tmp_path / "log", signer.verifier)
    assert report.verified and report.entries == COUNT, report.problems
    texts = [record.getMessage() for record in caplog.records]
    assert sum("the disk is full" in text for text in texts) == 1
    assert sum("there is room again" in text for text in texts) == 1


def test_told_to_end_with_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on disk is signed; what is not stays in the ring; the exit status says so."""
    disk, signer = Disk(monkeypatch), Signer.generate(ORIGIN)
    monkeypatch.setattr("appliance.audit.writer._DRAIN_SECONDS_MAX", 0.3)
    status, ring = run(tmp_path, signer, disk, None)
    assert status == WRITE_FAILED and 0 < ring.head < ring.tail
    report = verify(tmp_path / "log", signer.verifier)
    assert report.verified and 0 < report.entries < COUNT, report.problems
