"""A full disk: the writer waits, loses nothing, and goes on when there is room."""

import errno
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import checkpoint, counters, keys, segments, verify
from appliance.audit.counters import WriterCounters
from appliance.audit.log import Log, NoRoom
from appliance.audit.note import Signer
from appliance.audit.room import NoRoomError
from appliance.audit.writer import OK, WRITE_FAILED, Stop, Writer, WriterConfig
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, entry
from tests.audit.small_disk import fill, mounted
from tests.audit.test_audit_process import Host, end, host, kill, numbered

__all__ = ["host"]
COUNT = 4000


class Disk:
    """Has no room for a new segment while `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self.refused = True, 0
        real = segments._take_prepared

        def take(directory: Path, length: int) -> tuple[int, Path]:
            if self.full and segments.paths(directory):
                self.refused += 1
                raise NoRoomError(errno.ENOSPC, "No space left on device")
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


# A file system that is really full


@pytest.fixture
def disk(host: Host, tmp_path: Path) -> Iterator[Path]:
    """The log of `host` is on it."""
    with mounted(tmp_path / "disk", 6) as folder:
        host.log = folder / "log"
        yield folder
        for process in host.processes:
            kill(process)


def until_full(host: Host, limit: int = 200_000) -> None:
    """Entries until the ring takes no more."""
    while host.written < limit and host.ring.write(1, numbered(host.written)):
        host.written += 1
    assert host.written < limit


def fill_by_log(host: Host, disk: Path) -> tuple[Path, "subprocess.Popen[str]"]:
    """A writer that has filled its disk; what to unlink for room, and the writer."""
    ballast = fill(disk, leave=2 << 20)
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    while host.counter(counters.NO_ROOM) == 0:
        until_full(host)
    return ballast, process


@pytest.mark.process
def test_no_room_for_a_checkpoint(host: Host, disk: Path) -> None:
    """Others filled the disk: the alarm; what comes is kept, not signed; with room all of it is signed."""
    process = host.start("--checkpoint-ms", "1")
    host.write(200)
    host.wait(lambda: host.counter(counters.SIGNED) >= 202)
    ballast = fill(disk)
    host.write(50)
    host.wait(lambda: host.counter(counters.NO_ROOM) == 1)
    signed = (host.log / "checkpoint").read_bytes()
    host.write(50)
    host.wait(lambda: host.counter(counters.DURABLE) == 300)
    assert (host.log / "checkpoint").read_bytes() == signed and process.poll() is None
    host.wait(lambda: not list(host.log.glob("*.tmp")))  # between two tries
    ballast.unlink()
    host.wait(lambda: host.counter(counters.NO_ROOM) == 0)
    host.wait(lambda: host.counter(counters.SIGNED) >= 302)
    host.write(50)
    status, errors = end(host, process)
    assert status == 0 and [line.split(": ")[2] for line in errors.splitlines()] == [
        "the disk is full; the next checkpoint waits for room",
        "there is room again; the log goes on",
    ], errors
    host.check()


@pytest.mark.process
def test_the_log_fills_its_disk(host: Host, disk: Path) -> None:
    """It stops before the last room is gone: all that is on disk is signed while it waits."""
    ballast, process = fill_by_log(host, disk)
    until_full(host)
    held = host.counter(counters.DURABLE)
    assert 0 < held < host.written
    host.wait(lambda: host.counter(counters.SIGNED) >= held)
    host.wait(lambda: verify(host.log, host.vkey).uncovered == 0)  # a checkpoint's record, too
    report = verify(host.log, host.vkey)
    assert report.live and report.problems == [] and report.entries == held
    assert process.poll() is None
    ballast.unlink()
    host.wait(lambda: host.counter(counters.DURABLE) == host.written)
    assert end(host, process)[0] == 0
    host.check()


@pytest.mark.process
@pytest.mark.parametrize("told", [False, True])
def test_killed_in_a_full_segment_on_a_full_disk(host: Host, disk: Path, told: bool) -> None:
    """Again and again: each next writer waits where the last one did. With room all of it goes on disk.

    `told`: the last of them is told to end before there is room; then the next one takes what is left.
    """
    ballast, process = fill_by_log(host, disk)
    for _ in range(3):
        until_full(host)
        held = host.counter(counters.DURABLE)
        assert 0 < held < host.written
        kill(process)
        host.instance.counters.set(host.ids[counters.NO_ROOM], 0)
        process = host.start("--checkpoint-ms", "1")
        host.wait_running()
        host.wait(lambda: host.counter(counters.NO_ROOM) == 1)
        assert host.counter(counters.DURABLE) == held and process.poll() is None
    report = verify(host.log, host.vkey)
    assert report.live and report.problems == [] and report.entries == held
    if told:
        status, errors = end(host, process)
        assert status == 3 and "the disk is full" in errors, errors
        ballast.unlink()
        process = host.start()
    else:
        ballast.unlink()
    host.wait(lambda: host.counter(counters.DURABLE) == host.written)
    host.wait(lambda: host.counter(counters.NO_ROOM) == 0)
    host.write(500)
    assert end(host, process)[0] == 0
    host.check()


@pytest.mark.process
def test_a_new_journal_in_a_full_segment_on_a_full_disk(host: Host, disk: Path) -> None:
    """What the log says before the first entry of a new run has to wait, too."""
    ballast, process = fill_by_log(host, disk)
    kill(process)
    ring = JournalRing(1 << 16)
    for number in range(10):
        assert ring.write(entry(number, b"of the next run"))
    stop = Stop(None)
    with closing(Log(host.log, keys.load_signer(host.folder / "key"), SEGMENT)) as log:
        writer = Writer(
            log, ring.memory, ring.length, WriterCounters(None), WriterConfig("", host.log, Path(""))
        )
        thread = threading.Thread(target=lambda: ended.append(writer.run(stop)))
        ended: list[int] = []
        thread.start()
        time.sleep(0.3)
        assert ring.head == 0 and not ended
        ballast.unlink()
        host.wait(lambda: ring.head == ring.tail)
        stop.reason = "the test is over"
        thread.join()
    assert ended == [OK]
    report = verify(host.log, host.vkey)
    assert report.verified, report.problems


@pytest.mark.process
def test_told_to_end_with_no_room_for_a_checkpoint(host: Host, disk: Path) -> None:
    process = host.start("--checkpoint-ms", "1")
    host.write(200)
    host.wait(lambda: host.counter(counters.SIGNED) >= 202)
    ballast = fill(disk)
    host.write(50)
    status, errors = end(host, process)
    assert status == 3 and "on disk and not signed; the next start signs them" in errors, errors
    ballast.unlink()
    assert end(host, host.start())[0] == 0
    host.check()


@pytest.mark.process
def test_a_new_key_on_a_full_disk(host: Host, disk: Path) -> None:
    """It is not changed, or changed later; the writer lives."""
    process = host.start("--checkpoint-ms", "1")
    host.write(200)
    host.wait(lambda: host.counter(counters.SIGNED) >= 202)
    ballast = fill(disk)
    (host.log / "rotate").touch()
    host.wait(lambda: not (host.log / "rotate").exists())
    host.write(50)
    assert process.poll() is None
    ballast.unlink()
    host.wait(lambda: host.counter(counters.NO_ROOM) == 0)
    assert end(host, process)[0] == 0
    report = verify(host.log, host.vkey)
    assert report.verified and report.epoch == 1, report.problems  # the key's own disk had room


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("step", ["the public key", "the checkpoint", "the private key"])
def test_no_room_in_the_middle_of_a_change_of_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, killed: bool
) -> None:
    """The log has named the next key: whatever step fails, the log goes on, and so does a next start."""
    vkey, log = keys.generate(ORIGIN, tmp_path / "key").vkey, tmp_path / "log"

    def full(*arguments: object) -> None:
        raise NoRoomError(errno.ENOSPC, "No space left on device")

    opened = Log(log, keys.KeyFile(tmp_path / "key"), SEGMENT)
    opened.sign()
    with monkeypatch.context() as patch:
        if step == "the public key":
            patch.setattr(opened, "_write_key", full)
        elif step == "the checkpoint":
            patch.setattr(checkpoint, "publish", full)
        else:
            patch.setattr(opened.keys, "take_next", full)
        for _ in range(2):
            with pytest.raises(NoRoom):
                opened.change_key()
        with pytest.raises(NoRoom):
            opened.sign()
        opened.say("note", number=1)
    if killed:
        opened.close()
        opened = Log(log, keys.KeyFile(tmp_path / "key"), SEGMENT)
    opened.say("note", number=2)
    opened.sign()
    assert not list(tmp_path.glob("key.next")) and not list(tmp_path.glob("key.old"))
    opened.change_key()
    opened.close()
    report = verify(log, vkey)
    assert report.verified and report.epoch == 2, report.problems
    assert len(list((log / "keys").glob("*.vkey"))) == 3
