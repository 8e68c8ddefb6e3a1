"""A failing disk under those who read a log and those who keep its snapshots: one line, nothing half-done."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audit import keys, segments, snapshots, verify
from appliance.audit.export import tile_path
from appliance.audit.fast_replay import replay_log
from tests.audit.scenario_log import NAME, make_scenario_log
from tests.audit.strace import strace
from tests.conftest import ROOT

pytestmark = pytest.mark.process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`log` and its `key`."""
    keys.generate(NAME, tmp_path / "key")
    make_scenario_log(tmp_path / "log", "post_trade", keys.load_signer(tmp_path / "key"))
    return tmp_path


def audit(folder: Path, call: str, fault: str, path: Path | None, *arguments: str | Path) -> tuple[int, str]:
    """A subcommand with that fault in that call, for that file; its exit status, and what it said."""
    command = [*strace(folder / "trace", call, fault), *(["-P", str(path)] if path else [])]
    command += [sys.executable, "-m", "appliance", "audit", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    said = done.stderr
    assert "Traceback" not in said and "Errno" not in said, said
    return done.returncode, said


SNAPSHOT = [
    ("mkdir", "snapshots", "EIO"),
    ("openat", "snapshots/lock", "EIO"),
    ("openat", "snapshots/next.tmp", "EIO"),
    ("openat", "snapshots/next.tmp", "ENOSPC"),
    ("write", "snapshots/next.tmp", "EIO"),
    ("write", "snapshots/next.tmp", "ENOSPC"),
    ("ftruncate", "snapshots/next.tmp", "EIO"),
    ("fsync", "snapshots/next.tmp", "EIO"),
    ("rename", "snapshots/next.tmp", "EIO"),
    ("fsync", "snapshots", "EIO"),
    ("fdatasync", None, "EIO"),
    ("pwrite64", None, "EIO"),
]
"""What it takes to make a snapshot and to log it, in order."""


@pytest.mark.parametrize(("call", "name", "error"), SNAPSHOT)
def test_a_snapshot_that_cannot_be_kept(folder: Path, call: str, name: str | None, error: str) -> None:
    """The log is as good as before, nothing half-made is used, and the next try is a good one."""
    log = folder / "log"
    path = log / name if name else None
    status, said = audit(folder, call, f"error={error}", path, "snapshot", log, "--key", folder / "key")
    assert status in (1, 2) and said.count("\n") == 1, (status, said)
    assert not (log / "snapshots" / "next.tmp").exists() and not list(snapshots.usable(log))
    again = audit(folder, "none", "error=EIO", None, "snapshot", log, "--key", folder / "key")
    assert again == (0, ""), again
    assert len(list(snapshots.usable(log))) == 1
    report = verify(log, (folder / "key.vkey").read_text())
    assert report.verified, report.problems
    replayed = replay_log(log)
    assert replayed.difference is None and replayed.snapshots == 1


@pytest.mark.parametrize("call", ["openat", "read"])
@pytest.mark.parametrize("what", ["replay", "snapshot", "export", "verify", "explain", "query"])
def test_a_log_that_cannot_be_read(folder: Path, what: str, call: str) -> None:
    """It is bad news with the file's name, never taken for the end of the log."""
    log = folder / "log"
    path = segments.paths(log)[-1]
    arguments: list[str | Path] = {
        "replay": ["replay", log],
        "snapshot": ["snapshot", log, "--key", folder / "key"],
        "export": ["export", log, folder / "out"],
        "verify": ["verify", log, "--key", folder / "key.vkey"],
        "explain": ["explain", log, "41"],
        "query": ["query", log, "--msg", "Booking"],
    }[what]
    status, said = audit(folder, call, "error=EIO", path, *arguments)
    if what == "verify":  # says it on standard output
        assert status == 1 and said == ""
    else:
        assert status == 1 and f"{path.name}: cannot read it: Input/output error\n" in said, said
    assert not list(snapshots.usable(log)) and not (folder / "out" / "checkpoint").exists()


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", ["openat", "write", "rename", "fdatasync"])
@pytest.mark.parametrize("name", ["checkpoint.tmp", "tile", "bundle"])
def test_an_export_that_cannot_be_written(folder: Path, name: str, call: str, error: str) -> None:
    """OUT is then no export yet; once there is room it is."""
    if call == "fdatasync" and name != "checkpoint.tmp":
        pytest.skip("tiles are synced all at once")
    log, out, key = folder / "log", folder / "out", (folder / "key.vkey").read_text()
    size = verify(log, key).covered
    files = {"tile": tile_path(0, 0, size), "bundle": tile_path("entries", 0, size)}
    path = out / (f"{files[name]}.tmp" if name in files else name)
    status, said = audit(folder, call, f"error={error}", path, "export", log, out)
    assert status == 2 and said.count("\n") == 1 and "cannot be written" in said, (status, said)
    assert not (out / "checkpoint").exists()
    assert audit(folder, "none", "", None, "export", log, out)[0] == 0
    assert verify(out, key).verified
