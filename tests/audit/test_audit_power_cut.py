"""Power cuts at each system call of the writer: some writes and names that were not synced are gone."""

import contextlib
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.audit import counters
from tests.audit.power_cut import TRACED, Rename, Versions, Write, cut, unsynced
from tests.audit.test_audit_process import Host, end, host, kill, numbered

__all__ = ["host"]


def test_what_a_trace_shows_as_not_synced() -> None:
    trace = """\
7 pwrite64(5</l/segments/1.seg>, ""..., 100, 8192) = 100
7 fdatasync(5</l/segments/1.seg>) = 0
8 pwrite64(6</l/segments/next.tmp>, ""..., 9, 0) = 9
7 pwrite64(5</l/segments/1.seg>, ""..., 50, 8292 <unfinished ...>
8 rename("/l/segments/next.tmp", "/l/segments/next") = 0
7 <... pwrite64 resumed>) = 50
7 fsync(9</l/segments> <unfinished ...>
8 rename("/l/checkpoint.tmp", "/l/checkpoint") = 0
8 fsync(6</l> <unfinished ...>
7 <... fsync resumed>) = 0
"""
    assert unsynced(trace) == [
        Write(Path("/l/segments/next.tmp"), 0, 9),
        Write(Path("/l/segments/1.seg"), 8292, 50),
        Rename(Path("/l/checkpoint.tmp"), Path("/l/checkpoint")),
    ]


def test_a_sync_that_ends_during_another_takes_nothing_from_it() -> None:
    trace = """\
8 pwrite64(6</l/segments/next.tmp>, ""..., 9, 0) = 9
7 rename("/l/segments/next", "/l/segments/1.seg") = 0
7 fsync(9</l/segments> <unfinished ...>
8 fdatasync(6</l/segments/next.tmp>) = 0
7 rename("/l/segments/next", "/l/segments/2.seg") = 0
7 <... fsync resumed>) = 0
"""
    assert unsynced(trace) == [Rename(Path("/l/segments/next"), Path("/l/segments/2.seg"))]


@pytest.mark.process
@pytest.mark.parametrize("call", ["fsync", "rename", "fdatasync", "pwrite64"])
def test_at_each_call(host: Host, tmp_path: Path, call: str) -> None:
    """Segments are short: the cuts fall into rotations and checkpoints too. What was given back is there."""
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-qqq", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed or may not trace")
    choose, lost = random.Random(7), []
    kept, trace = tmp_path / "kept", tmp_path / "trace"
    for when in [*range(1, 9), 11, 14, 18, 24]:
        kept.mkdir()
        command = [path, "-f", "-qqq", "-y", "-s", "0", "-o", str(trace), "-e", f"trace={TRACED}"]
        command += ["-e", f"inject={call}:signal=KILL:when={when}"]
        with Versions(host.log, kept) as versions:
            process = host.start("--checkpoint-ms", "1", prefix=tuple(command))
            host.wait(lambda p=process: p.poll() is not None or host.counter(counters.STATE) == 1)  # type: ignore[misc]
            for _ in range(600):
                if host.ring.write(1, numbered(host.written)):
                    host.written += 1
                if host.written % 50 == 0:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.005)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.3)
            kill(process)
        lost += cut(trace.read_text(), choose, versions)
        shutil.rmtree(kept)
    print(call, {kind: lost.count(kind) for kind in lost})
    assert call != "fsync" or {"checkpoint", "segment"} <= set(lost), lost  # killed before it synced a name
    assert end(host, host.start())[0] == 0
    assert host.counter(counters.DURABLE) == host.written
    host.check()
