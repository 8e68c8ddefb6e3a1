"""`mam audit`: each answer has its sentence and its exit status, and is never a traceback."""

import argparse
import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from appliance.audit import commands, keys, segments
from appliance.audit.errors import AuditError
from appliance.audit.note import Signer
from tests.audit.journals import make_log
from tests.audit.test_audit_tamper import flip

ORIGIN = "example.com/desk"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers(dest="command", required=True))
    options = parser.parse_args(["audit", *arguments])
    return int(options.run(options))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, str]:
    """A log and the file of its public key, made by keygen."""
    assert run("keygen", "--origin", ORIGIN, "--out", str(tmp_path / "key")) == 0
    make_log(tmp_path / "log", keys.load_signer(tmp_path / "key"), [b"m"] * 100)
    return tmp_path / "log", str(tmp_path / "key.vkey")


def test_verified(made: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    log, key = made
    printed = Path(key).read_text().strip()
    assert run("verify", str(log), "--key", printed) == 0
    assert "verified: 103 records, 100 of the journal" in capsys.readouterr().out
    assert run("verify", str(log), "--key", key, "--json", "--checkpoint", str(log / "checkpoint")) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verified"] is True and report["records"] == 103 and report["problems"] == []


def test_tampered(made: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    log, key = made
    flip(segments.paths(log)[0], 9000)
    assert run("verify", str(log), "--key", key) == 1
    out = capsys.readouterr().out
    assert "NOT VERIFIED" in out and "changed: record" in out
    assert run("verify", str(log), "--key", key, "--json") == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["kind"] == "changed"


def sentence(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    assert run("verify", *arguments) == status
    out = capsys.readouterr().out
    assert ": verified" not in out
    return out


def test_each_bad_input_has_its_sentence(
    made: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, key = made
    empty = tmp_path / "empty"
    empty.mkdir()
    other = Signer.generate("example.com/other").verifier.vkey
    thief = Signer.generate(ORIGIN).verifier.vkey
    assert "holds no log" in sentence(capsys, 2, str(empty), "--key", key)
    assert "does not exist" in sentence(capsys, 2, str(tmp_path / "nothing"), "--key", key)
    assert "is of the log 'example.com/desk'" in sentence(capsys, 2, str(log), "--key", other)
    assert "is signed with" in sentence(capsys, 2, str(log), "--key", thief)
    half = tmp_path / "half"
    shutil.copytree(log, half)
    (half / "checkpoint").unlink()
    assert "part of the log is missing" in sentence(capsys, 1, str(half), "--key", key)
    shutil.copy(log / "checkpoint", half)
    shutil.rmtree(half / "segments")
    assert "only part of a log" in sentence(capsys, 1, str(half), "--key", key)
    for text in ("nonsense", "/nonexistent", "a+b+c", str(tmp_path)):
        with pytest.raises(AuditError):
            run("verify", str(log), "--key", text)
    with pytest.raises(AuditError, match="cannot be read"):
        run("verify", str(log), "--key", key, "--checkpoint", "/nonexistent")


def test_a_log_in_use(made: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Not called verified; what is signed can be asked for."""
    log, key = made
    descriptor = os.open(log / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert "still being written: stop the writer" in sentence(capsys, 2, str(log), "--key", key)
    out = sentence(capsys, 0, str(log), "--key", key, "--live")
    assert "still being written: the first 103 records hold" in out
    os.close(descriptor)
