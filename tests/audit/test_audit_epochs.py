"""Changes of key: one public key verifies all; a stolen later key rewrites nothing; crashes anywhere."""

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import keys, read_entries, verify
from appliance.audit.chain import Asked
from appliance.audit.errors import AuditError
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.note import Signer
from tests.audit import independent
from tests.audit.journals import ORIGIN, SEGMENT
from tests.audit.test_audit_commands import run


class Crash(Exception):
    """Where the process would have died."""


def grow(directory: Path, key: Path, changes: int = 1) -> None:
    with closing(Log(directory, KeyFile(key), SEGMENT)) as log:
        for number in range(changes):
            log.say("note", number=number)
            log.change_key()
        log.say("note", number=-1)
        log.sign()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keys.generate(ORIGIN, tmp_path / "key")
    return tmp_path / "key"


def vkeys(key: Path, log: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((log / "keys").glob("*.vkey"))]


def test_every_epochs_key_verifies_all(tmp_path: Path, key: Path) -> None:
    log, first = tmp_path / "log", key.read_text()
    grow(log, key, 3)
    assert key.read_text() != first and (key.stat().st_mode & 0o777) == 0o600
    assert sorted(path.name for path in tmp_path.glob("key*")) == ["key", "key.vkey"]
    named = vkeys(key, log)
    assert len(named) == 4 and named[0] == (tmp_path / "key.vkey").read_text().strip()
    for vkey in named:
        report = verify(log, vkey)
        assert report.verified and report.epoch == 3, report.problems
    independent.check(log, named[-1])  # the newest signs the checkpoint
    grow(log, key)
    assert verify(log, named[0]).verified


def test_a_kept_checkpoint_of_any_epoch_counts(tmp_path: Path, key: Path) -> None:
    log, first = tmp_path / "log", (tmp_path / "key.vkey").read_text()
    kept = []
    for _ in range(3):
        grow(log, key)
        kept.append((log / "checkpoint").read_bytes())
    assert verify(log, first, asked=Asked(kept)).verified
    other = tmp_path / "other"
    keys.generate(ORIGIN, tmp_path / "other-key")
    grow(other, tmp_path / "other-key")
    with pytest.raises(AuditError):
        verify(log, first, asked=Asked([(other / "checkpoint").read_bytes()]))


def test_a_stolen_key_cannot_rewrite_what_was_before(tmp_path: Path, key: Path) -> None:
    """The thief has the second epoch's key, writes the first epoch anew, and cannot make its end."""
    log, first = tmp_path / "log", (tmp_path / "key.vkey").read_text().strip()
    grow(log, key)
    stolen = keys.load_signer(key)
    forged = tmp_path / "forged"
    with closing(Log(forged, Signer.generate(ORIGIN), SEGMENT)) as false:
        real = json.loads(next(read_entries(log)).message)
        assert real["vkey"] == first
    shutil.rmtree(forged)

    class Thief(Log):
        def _opening(self) -> dict[str, object]:
            return {**super()._opening(), "vkey": first}

    with closing(Thief(forged, stolen, SEGMENT)) as false:
        false.say("note", number=0)
        false.say(
            "epoch_closed",
            epoch=0,
            size=false.size,
            root=independent.base64.b64encode(false.root()).decode(),
            next_epoch=1,
            next_vkey=stolen.verifier.vkey,
        )
        false.say("checkpoint", note=false.sign().decode())
        false.sign()
    report = verify(forged, first)
    assert not report.verified and {problem.kind for problem in report.problems} <= {"signature", "epoch"}


def test_without_the_closed_keys_signature_an_epoch_is_not_believed(tmp_path: Path, key: Path) -> None:
    log, first = tmp_path / "log", (tmp_path / "key.vkey").read_text()
    with closing(Log(log, KeyFile(key), SEGMENT)) as opened:
        following = Signer.generate(ORIGIN)
        root = independent.base64.b64encode(opened.root()).decode()
        vkey = following.verifier.vkey
        opened.say("epoch_closed", epoch=0, size=opened.size, root=root, next_epoch=1, next_vkey=vkey)
        opened.signer = following
        opened.say("note", number=1)
        opened.sign()
    report = verify(log, first)
    assert [problem.kind for problem in report.problems] == ["epoch"]


def test_an_old_key_signs_nothing_new(tmp_path: Path, key: Path) -> None:
    log, old = tmp_path / "log", keys.load_signer(key)
    first = old.verifier.vkey
    grow(log, key)
    with closing(Log(log, KeyFile(key), SEGMENT)) as opened:
        opened.signer = old
        opened.say("note", number=1)
        opened.sign()
    report = verify(log, first)
    assert [problem.kind for problem in report.problems] == ["signature"]


@pytest.mark.parametrize("step", range(14))
def test_a_crash_at_any_step_is_finished_or_undone(
    tmp_path: Path, key: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each call that changes a file, before it is made. After the next start all is well."""
    log, first = tmp_path / "log", (tmp_path / "key.vkey").read_text()
    grow(log, key, 0)
    opened = Log(log, KeyFile(key), SEGMENT)
    assert opened._preparing is not None
    opened._preparing.join()
    left = [step]

    def dying(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                raise Crash
            return real(*arguments, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("rename", "link", "write", "fsync", "unlink"):
        dying(name)
    crashed = True
    try:
        opened.change_key()
        crashed = False
    except Crash:
        pass
    monkeypatch.undo()
    opened.close()
    assert crashed or step > 8
    state = verify(log, first)
    assert state.verified, state.problems
    grow(log, key, 1)
    report = verify(log, first)
    assert report.verified and report.epoch in (1, 2), report.problems
    assert not list(tmp_path.glob("key.next")) and not list(tmp_path.glob("key.old"))


def test_rotate_from_the_command_line(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, first = tmp_path / "log", (tmp_path / "key.vkey").read_text()
    with pytest.raises(AuditError, match="does not exist"):
        run("rotate", str(log), "--key", str(key))
    grow(log, key, 0)
    with pytest.raises(AuditError, match="private key is needed"):
        run("rotate", str(log))
    assert run("rotate", str(log), "--key", str(key)) == 0
    assert capsys.readouterr().out.strip() == keys.load_signer(key).verifier.vkey
    assert verify(log, first).epoch == 1
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert keys.load_signer(Path("credential:key")).verifier.vkey == keys.load_signer(key).verifier.vkey
    with pytest.raises(AuditError, match="cannot be replaced"):
        run("rotate", str(log), "--key", "credential:key")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(AuditError, match="there are no credentials"):
        keys.load_signer(Path("credential:key"))
