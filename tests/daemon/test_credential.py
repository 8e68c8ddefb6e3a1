"""The signing key as a systemd service gets it: LoadCredential= puts it into $CREDENTIALS_DIRECTORY."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.audit import keys
from tests.daemon.rig import Rig, assert_gone, assert_log_good, assert_one_line, mam, wait_for

pytestmark = pytest.mark.process
NAME = "log-key"


@pytest.fixture
def credentials(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, with the modes that systemd gives it: the group's bits are the mask of an access list."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    shutil.move(rig.key, folder / NAME)
    (folder / NAME).chmod(0o440)
    folder.chmod(0o550)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    rig.config.write_text(rig.config.read_text().replace(str(rig.key), f"credential:{NAME}"))
    return folder


def heartbeats(rig: Rig, first: int, count: int) -> None:
    with rig.bridge("lp1") as lp:
        for number in range(first, first + count):
            rig.send(lp, msg="Heartbeat", sequence=number)
    wait_for(lambda: rig.consumed("lp1") == first + count - 1)


def test_it_signs_the_log_and_stays_as_it_is(rig: Rig, credentials: Path) -> None:
    """Over a killed writer, a request for a new key, and a second start."""
    before = (credentials / NAME).read_bytes()
    rig.start()
    heartbeats(rig, 1, 100)
    writer = rig.process("audit.writer")
    writer.kill()
    assert_gone([writer])
    heartbeats(rig, 101, 100)
    refused = mam("audit", "rotate", rig.log)
    assert refused.returncode == 1 and b"could not change its key; its log says why" in refused.stderr, (
        refused
    )
    status, said = rig.end()
    assert status == 0 and "a credential cannot be replaced; keep the key in a file" in said, said
    rig.start()
    heartbeats(rig, 1, 100) if rig.consumed("lp1") == 0 else heartbeats(rig, rig.consumed("lp1") + 1, 100)
    assert rig.end() == (0, "")
    assert_log_good(rig.log, rig.vkey)
    assert os.listdir(credentials) == [NAME] and (credentials / NAME).read_bytes() == before


def _no_folder(file: Path) -> None:
    del os.environ["CREDENTIALS_DIRECTORY"]


def _missing(file: Path) -> None:
    file.unlink()


def _too_open(file: Path) -> None:
    file.chmod(0o444)


def _public_key(file: Path) -> None:
    text = keys.load_signer(Path(f"credential:{NAME}")).verifier.vkey
    file.chmod(0o640)
    file.write_text(text)


def _empty(file: Path) -> None:
    file.chmod(0o640)
    file.write_bytes(b"")


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            _no_folder,
            f"credential:{NAME}: there are no credentials; only a systemd unit with LoadCredential=",
        ),
        (_missing, f"{NAME}: cannot read the key file: No such file or directory"),
        (_too_open, f"{NAME}: mode 0444 lets others at the private key; expected 0600"),
        (_public_key, f"{NAME}: not a private key: expected one line PRIVATE+KEY+"),
        (_empty, f"{NAME}: not a private key: expected one line PRIVATE+KEY+"),
        (_folder, f"{NAME}: cannot read the key file: Is a directory"),
    ],
)
def test_what_is_no_credential(
    rig: Rig, credentials: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], sentence: str
) -> None:
    credentials.chmod(0o750)
    monkeypatch.setenv(
        "CREDENTIALS_DIRECTORY", str(credentials)
    )  # restored at the end, whatever `spoil` does
    spoil(credentials / NAME)
    assert_one_line(mam("run", "--config", rig.config), sentence)
    assert not rig.log.exists()
    rig.assert_clean()


@pytest.mark.parametrize("name", ["", "../log-key", "a/b"])
def test_what_is_no_name(rig: Rig, credentials: Path, name: str) -> None:
    text = rig.config.read_text().replace(f"credential:{NAME}", f"credential:{name}")
    rig.config.write_text(text)
    assert_one_line(
        mam("run", "--config", rig.config), f"credential:{name}: expected the name of a credential"
    )


@pytest.mark.parametrize(
    ("origin", "sentence"), [("test.example/mam", ": signed by test.example/mam+"), ("b", "another origin")]
)
def test_the_key_of_another_log(rig: Rig, credentials: Path, origin: str, sentence: str) -> None:
    """Of the same origin, or not: the log that is there is not touched."""
    rig.start()
    heartbeats(rig, 1, 10)
    assert rig.end() == (0, "")
    before = (rig.log / "checkpoint").read_bytes()
    credentials.chmod(0o750)
    keys.generate(origin, credentials / "other")
    shutil.move(credentials / "other", credentials / NAME)
    assert_one_line(mam("run", "--config", rig.config), sentence)
    assert (rig.log / "checkpoint").read_bytes() == before
    assert_log_good(rig.log, rig.vkey)
