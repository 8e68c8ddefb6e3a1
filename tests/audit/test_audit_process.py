"""The writer as a process on real shared memory: signals, kills, failing disks, a log in use."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.audit import counters, keys, read_entries, verify
from appliance.memory import Instance, Ring
from tests.audit import independent
from tests.audit.journals import ORIGIN, SEGMENT, entry
from tests.audit.strace import strace
from tests.conftest import ROOT

pytestmark = pytest.mark.process
CAPACITY = 1 << 18


class Host:
    """An instance's memory, a producer, and writers."""

    def __init__(self, folder: Path, instance: Instance) -> None:
        self.folder, self.instance = folder, instance
        self.log = folder / "log"
        self.vkey = keys.generate(ORIGIN, folder / "key").vkey
        self.ids = counters.allocate(instance.counters)
        self.ring = Ring(instance.journal_region)
        self.written = 0
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *more: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*prefix, sys.executable, "-m", "appliance.audit.writer", "--instance", self.instance.name]
        command += ["--dir", str(self.log), "--key", str(self.folder / "key")]
        command += ["--segment-bytes", str(SEGMENT), *more]
        self.instance.counters.set(self.ids[counters.STATE], 0)
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.processes.append(process)
        return process

    def wait_running(self) -> None:
        self.wait(lambda: self.counter(counters.STATE) == counters.RUNNING)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.001)

    def counter(self, kind: int) -> int:
        return self.instance.counters.get(self.ids[kind])

    def write(self, count: int) -> None:
        """Entries whose message is their own number."""
        for _ in range(count):
            payload = numbered(self.written)
            self.wait(lambda payload=payload: self.ring.write(1, payload))  # type: ignore[misc]
            self.written += 1

    def check(self) -> None:
        """All that was written is in the log once, in order; by our check and by the independent one."""
        report = verify(self.log, self.vkey)
        assert report.verified, report.problems
        numbers = [int.from_bytes(e.message[:8], "little") for e in read_entries(self.log) if e.kind == 1]
        assert numbers == list(range(self.written))
        found = independent.check(self.log, self.vkey, crc=False)
        assert found["entries"] == self.written and found["signed"] == found["leaves"] == report.records


def numbered(number: int) -> bytes:
    """An entry whose message is its own number."""
    return entry(number, number.to_bytes(8, "little") * (1 + number % 9))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    name = f"audit{os.getpid()}"
    with Instance.create(
        name, [], fingerprint=1, journal_capacity=CAPACITY, counters_capacity=32, lock_in=tmp_path
    ) as instance:
        made = Host(tmp_path, instance)
        yield made
        for process in made.processes:
            kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """The writer, and the tracer above it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end(host: Host, process: subprocess.Popen[str]) -> tuple[int, str]:
    host.wait_running()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_all_is_signed_at_the_end(host: Host) -> None:
    """SIGTERM: what the ring holds is taken and signed. SIGINT is the daemon's business."""
    process = host.start()
    host.wait_running()
    host.write(4000)
    process.send_signal(signal.SIGINT)
    host.write(1000)
    assert end(host, process) == (0, "")
    host.check()
    assert host.counter(counters.DURABLE) == host.counter(counters.ENTRIES) == 5000
    assert host.counter(counters.STATE) == counters.ENDED
    assert not list(host.log.glob("segments/next*"))


def test_at_rest_all_is_durable_and_signed(host: Host) -> None:
    """Without more traffic the last record is soon on disk, given back, counted and signed."""
    process = host.start()
    host.write(100)
    host.wait(lambda: host.counter(counters.DURABLE) == 100)
    host.wait(lambda: host.counter(counters.SIGNED) >= 102)
    assert host.ring.free(CAPACITY, 8) > CAPACITY - 200
    report = verify(host.log, host.vkey)
    assert report.live and report.verified and report.entries == 100
    assert end(host, process) == (0, "")


def test_kill_minus_nine_loses_and_doubles_nothing(host: Host) -> None:
    """Killed at random moments under load; the next writer goes on."""
    choose = random.Random(os.getpid())
    for _ in range(12):
        process = host.start("--checkpoint-ms", "1")
        if choose.random() < 0.8:
            host.wait_running()
        host.write(choose.randrange(600))
        time.sleep(choose.random() * 0.01)
        kill(process)
    assert end(host, host.start())[0] == 0
    host.check()


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "rename", "fsync"])
def test_killed_inside_a_call(host: Host, call: str) -> None:
    """At each of the first calls of a kind, in turn: of a new log, and of one that goes on."""
    host.write(20)
    for when in (1, 2, 3, 4, 1, 2, 3, 4, 5, 6):
        process = host.start(
            "--checkpoint-ms", "1", prefix=strace(host.folder / "trace", call, f"signal=KILL:when={when}")
        )
        for _ in range(5):
            host.write(50)
            time.sleep(0.005)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)  # it may not come to the n-th call of this kind
        kill(process)
    assert end(host, host.start())[0] == 0
    host.check()


FAULTS = [
    (call, error) for call in ("pwrite64", "fdatasync", "fsync", "rename") for error in ("EIO", "ENOSPC")
]
for call in ("pwrite64", "rename"):
    FAULTS.remove((call, "ENOSPC"))  # making the next segment or checkpoint, it waits for room


@pytest.mark.parametrize(("call", "error"), FAULTS)
def test_a_failing_disk_ends_the_writer(host: Host, call: str, error: str) -> None:
    """Never retried, one clear line, exit status 3; nothing unsynced was signed; the next one goes on."""
    inject = strace(host.folder / "trace", call, f"error={error}:when=6+")
    process = host.start("--checkpoint-ms", "1", prefix=inject)
    while process.poll() is None:
        for _ in range(40):  # the ring may be full when the writer ends
            host.written += bool(host.ring.write(1, numbered(host.written)))
        time.sleep(0.002)
    errors = process.communicate()[1]
    lines = [line for line in errors.splitlines() if "mam audit writer" in line]
    lines = [line for line in lines if "the disk is full" not in line or error == "EIO"]
    assert process.returncode == 3 and len(lines) == 1 and "writing the log failed" in lines[0], errors
    assert host.counter(counters.STATE) == counters.FAILED
    assert end(host, host.start())[0] == 0
    host.check()


def test_no_room_to_rename_is_waited_for(host: Host) -> None:
    """Neither a checkpoint nor a segment gets its name for a while: it waits, and goes on."""
    inject = strace(host.folder / "trace", "rename", "error=ENOSPC:when=6..40")
    process = host.start("--checkpoint-ms", "1", prefix=inject)
    host.wait_running()
    for _ in range(100):  # many groups, each with its checkpoint
        host.write(40)
        time.sleep(0.002)
    host.wait(lambda: host.counter(counters.SIGNED) >= 4002)
    os.killpg(process.pid, signal.SIGTERM)  # the tracer passes none on
    assert "there is room again" in process.communicate(timeout=60)[1] and process.returncode == 0
    host.check()


def test_no_room_to_allocate_is_waited_for(host: Host) -> None:
    """posix_fallocate of the next segment; glibc asks the file system itself."""
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    host.write(300)
    with traced(host, process.pid, "fallocate", "error=ENOSPC"):
        while host.counter(counters.NO_ROOM) == 0:
            host.written += bool(host.ring.write(1, numbered(host.written)))
    host.wait(lambda: host.counter(counters.DURABLE) == host.written)
    assert end(host, process)[0] == 0
    host.check()


@contextlib.contextmanager
def traced(host: Host, pid: int, call: str, fault: str, path: Path | None = None) -> Iterator[None]:
    """That fault in a writer that runs already; only for a `path`, if one is given."""
    tracer = [
        *strace(host.folder / "trace", call, fault),
        "-p",
        str(pid),
        *(["-P", str(path)] if path else []),
    ]
    with subprocess.Popen(tracer, stderr=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{pid}/status")
        host.wait(lambda: "TracerPid:\t0\n" not in status.read_text())
        yield
        process.terminate()


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        ("openat", "EIO", "checkpoint.tmp"),
        ("openat", "EMFILE", "checkpoint.tmp"),
        ("openat", "EROFS", "checkpoint.tmp"),
        ("write", "EIO", "checkpoint.tmp"),
        ("fdatasync", "EIO", "checkpoint.tmp"),
        ("fallocate", "EIO", None),
        ("fdatasync", "ENOSPC", None),
        ("pwrite64", "EDQUOT", None),
    ],
)
def test_a_disk_that_fails_under_load_ends_the_writer(
    host: Host, call: str, error: str, name: str | None
) -> None:
    """Each call of the checkpoint, too: exit status 3, and the next start loses nothing."""
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    host.write(300)
    with traced(host, process.pid, call, f"error={error}", host.log / name if name else None):
        while process.poll() is None:
            host.written += bool(host.ring.write(1, numbered(host.written)))
            time.sleep(0.001)
    errors = process.communicate()[1]
    assert process.returncode == 3 and errors.count("\n") == 1 and "writing the log failed" in errors, errors
    assert end(host, host.start())[0] == 0
    host.check()


@pytest.mark.parametrize(("call", "error"), [("openat", "ENOSPC"), ("write", "ENOSPC"), ("write", "EDQUOT")])
def test_no_room_for_a_checkpoint_is_waited_for(host: Host, call: str, error: str) -> None:
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    host.write(300)
    with traced(host, process.pid, call, f"error={error}", host.log / "checkpoint.tmp"):
        host.write(100)
        host.wait(lambda: host.counter(counters.NO_ROOM) == 1)
        host.write(100)
        host.wait(lambda: host.counter(counters.DURABLE) == 500)
    host.wait(lambda: host.counter(counters.NO_ROOM) == 0)
    host.wait(lambda: host.counter(counters.SIGNED) >= 502)
    status, errors = end(host, process)
    assert status == 0 and "there is room again" in errors, errors
    host.check()


def test_a_short_write_ends_the_writer(host: Host) -> None:
    """The kernel takes a part of a group and no more: what was taken was never synced, and is cut."""
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    host.write(300)
    used = host.counter(counters.BYTES)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (used + 9000, used + 9000))
    while process.poll() is None:
        for _ in range(20):
            host.written += bool(host.ring.write(1, numbered(host.written)))
        time.sleep(0.002)
    errors = process.communicate()[1]
    assert process.returncode == 3 and "writing the log failed: File too large" in errors, errors
    assert end(host, host.start())[0] == 0
    host.check()


def test_a_write_that_writes_nothing_ends_the_writer(host: Host) -> None:
    process = host.start("--checkpoint-ms", "1")
    host.wait_running()
    host.write(300)
    with traced(host, process.pid, "pwrite64", "retval=0"):
        while process.poll() is None:
            host.written += bool(host.ring.write(1, numbered(host.written)))
            time.sleep(0.001)
    errors = process.communicate()[1]
    assert process.returncode == 3 and "writing the log failed: Input/output error" in errors, errors
    assert end(host, host.start())[0] == 0
    host.check()


def test_it_ends_with_the_process_that_it_watches(host: Host) -> None:
    watched = subprocess.Popen(["sleep", "60"])
    process = host.start("--parent", str(watched.pid))
    host.wait_running()
    host.write(100)
    watched.kill()
    watched.wait()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    host.check()


def test_once_takes_what_the_ring_holds(host: Host) -> None:
    host.write(1000)
    process = host.start("--once")
    assert process.wait(60) == 0
    host.check()


def test_a_second_writer_is_refused(host: Host) -> None:
    first = host.start()
    host.wait_running()
    second = host.start()  # which sets the state counter to 0
    assert second.wait(60) == 2
    assert "another process is writing this log" in second.communicate()[1]
    assert host.counter(counters.STATE) == 0  # the second did not speak for the first
    host.write(100)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    host.check()


def test_bad_input_is_one_line(host: Host) -> None:
    cases = [
        (["--instance", "nothing"], "does not exist"),
        (["--key", "/nonexistent"], "cannot read the key file"),
        (["--segment-bytes", "1000"], "segment length 1000: expected a multiple of 4096"),
        (["--dir", "/dev/null/log"], "Not a directory"),
    ]
    for arguments, sentence in cases:
        process = host.start(*arguments)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 2 and sentence in errors and errors.count("\n") == 1, errors


def test_keys_change_under_load(host: Host) -> None:
    """When asked, and by size; killed in between as well. The first public key verifies all of it."""
    from tests.audit.test_audit_commands import run

    process = host.start("--epoch-records", "300")
    host.wait_running()
    host.write(500)
    assert run("rotate", str(host.log)) == 0
    host.write(500)
    kill(process)
    process = host.start("--epoch-records", "300")
    host.write(1000)
    host.wait(lambda: host.counter(counters.DURABLE) == 2000)
    assert end(host, process) == (0, "")
    report = verify(host.log, host.vkey)
    assert report.verified and report.epoch >= 2 and report.entries == 2000, report.problems
