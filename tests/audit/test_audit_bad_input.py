"""What is no log of this key, or only half of one: each has its sentence and status, in every subcommand."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.audit import keys, segments
from tests.audit.scenario_log import NAME, make_scenario_log
from tests.audit.test_audit_tamper import flip
from tests.cli.command import Done, command

READING = ("replay", "prove", "booking", "explain", "query", "export")
"""They need no key: whose log it is they do not say."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: `log`, `key`, its export `good`, and the keys `other` (another origin) and `thief`."""
    folder = tmp_path_factory.mktemp("bad")
    keys.generate(NAME, folder / "key")
    keys.generate(NAME, folder / "thief")
    keys.generate("example.com/other", folder / "other")
    make_scenario_log(folder / "log", "post_trade", keys.load_signer(folder / "key"))
    assert command("audit", "export", folder / "log", folder / "good").status == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "f"))


def ask(folder: Path, what: str, key: str = "key") -> Done:
    """One subcommand about folder/log."""
    log, out = folder / "log", folder / "out"
    arguments: list[str | Path] = {
        "verify": ["verify", log, "--key", folder / f"{key}.vkey"],
        "replay": ["replay", log],
        "export": ["export", log, out],
        "prove": ["prove", log, "3", "-o", folder / "r"],
        "booking": ["prove", log, "--booking", "1", "1", "-o", folder / "r"],
        "explain": ["explain", log, "41"],
        "query": ["query", log, "--msg", "Booking"],
        "prune": [
            "prune",
            log,
            "--key",
            folder / f"{key}.vkey",
            "--keep-days",
            "0",
            "--export",
            folder / "good",
        ],
        "ask": ["witness", "ask", log, "-o", folder / "request"],
        "rotate": ["rotate", log, "--key", folder / key],
        "snapshot": ["snapshot", log, "--key", folder / key],
    }[what]
    return command("audit", *arguments)


ALL = ("verify", "prune", "ask", "rotate", "snapshot", *READING)


def refused(done: Done, status: int, sentence: str) -> None:
    """One sentence, that status, and nothing that sounds like success."""
    assert done.status == status, done
    said = done.out.decode() + done.error
    assert sentence in said and ": verified" not in said and "byte for byte" not in said, said
    assert done.error.count("\n") <= 1 and "Errno" not in said, said


def _empty(log: Path) -> None:
    shutil.rmtree(log)
    log.mkdir()


def _file(log: Path) -> None:
    shutil.rmtree(log)
    log.write_text("x")


def _no_checkpoint(log: Path) -> None:
    (log / "checkpoint").unlink()


def _empty_checkpoint(log: Path) -> None:
    (log / "checkpoint").write_bytes(b"")


def _checkpoint_folder(log: Path) -> None:
    (log / "checkpoint").unlink()
    (log / "checkpoint").mkdir()


def _no_segments(log: Path) -> None:
    shutil.rmtree(log / "segments")


def _cut(log: Path) -> None:
    os.truncate(segments.paths(log)[0], 5000)


def _changed(log: Path) -> None:
    flip(segments.paths(log)[0], 9000)


def _export(log: Path) -> None:
    shutil.rmtree(log)
    shutil.copytree(log.parent / "good", log)


@pytest.mark.parametrize("what", ALL)
@pytest.mark.parametrize(
    ("spoil", "status", "sentence"),
    [
        (_empty, 2, "holds no log"),
        (shutil.rmtree, 2, "does not exist"),
        (_file, 2, "is not a directory"),
        (_no_checkpoint, 1, "checkpoint: does not exist; part of the log is missing"),
        (_empty_checkpoint, 1, "checkpoint: not a signed note"),
        (_checkpoint_folder, 1, "checkpoint: cannot be read: Is a directory"),
        (_no_segments, 1, "has a checkpoint but no segments; it is only part of a log"),
    ],
)
def test_not_a_whole_log(
    folder: Path, what: str, spoil: Callable[[Path], None], status: int, sentence: str
) -> None:
    spoil(folder / "log")
    refused(ask(folder, what), status, sentence)


@pytest.mark.parametrize("what", [what for what in ALL if what != "ask"])  # which reads no record
@pytest.mark.parametrize("spoil", [_cut, _changed])
def test_damage_is_bad_news(folder: Path, what: str, spoil: Callable[[Path], None]) -> None:
    spoil(folder / "log")
    if what == "query":
        done = ask(folder, what)  # what comes before the damage has been printed
        assert done.status == 1 and "00000000000000000000.seg" in done.error
        return
    refused(ask(folder, what), 1, "record 4" if spoil is _changed else "00000000000000000000.seg: cut to")


@pytest.mark.parametrize("what", ALL)
def test_without_permission(folder: Path, what: str) -> None:
    (folder / "log").chmod(0)
    user = os.geteuid()
    os.chmod(folder, 0o755)
    if user == 0:
        for above in (folder, *folder.parents):
            if above.owner() == "root" and above.stat().st_mode & 1 == 0:
                above.chmod(above.stat().st_mode | 0o011)
        for name in ("key", "other", "thief"):
            (folder / name).chmod(0o600)
            os.chown(folder / name, 65534, 65534)
        os.seteuid(65534)
    try:
        done = ask(folder, what)
    finally:
        os.seteuid(user)
        (folder / "log").chmod(0o700)
    refused(done, 2, "log: cannot be read: Permission denied")


@pytest.mark.parametrize("what", ["verify", "prune", "rotate", "snapshot"])
@pytest.mark.parametrize(("key", "sentence"), [("other", "is"), ("thief", "signed"), ("none", "cannot")])
def test_another_key(folder: Path, what: str, key: str, sentence: str) -> None:
    refused(ask(folder, what, key), 2, sentence)


@pytest.mark.parametrize("what", ["prune", "ask", "rotate", "snapshot", "replay", "export"])
def test_an_export_is_no_log(folder: Path, what: str) -> None:
    _export(folder / "log")
    refused(ask(folder, what), 2, "is an export, not a log")


@pytest.mark.parametrize("what", ["verify", *READING])
def test_a_log_that_is_being_written(folder: Path, what: str) -> None:
    """Read it may be; verified it is not called."""
    descriptor = os.open(folder / "log" / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        done = ask(folder, what)
    finally:
        os.close(descriptor)
    if what == "verify":
        refused(done, 2, "still being written: stop the writer, check a copy, or ask for --live")
    else:
        assert done.status == 0 and done.error == "", done
        assert what != "replay" or b"it is still being written" in done.out
