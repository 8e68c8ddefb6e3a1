"""TLS: the provider's certificate is checked, and no word is said to one that we do not trust."""

import subprocess
from pathlib import Path

import pytest

from tests.fix.stage import Stage

quickfix = pytest.importorskip("quickfix", reason="the extra `fix` is not installed")
has_tls = hasattr(quickfix, "SSLSocketInitiator")
pytestmark = [pytest.mark.process, pytest.mark.skipif(not has_tls, reason="this quickfix has no TLS")]


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    for name in ("ours", "other"):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
        openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files)
    files = ("-keyout", "lp.key", "-out", "lp.csr", "-subj", "/CN=localhost")
    openssl(tmp_path, "req", "-newkey", "rsa:2048", "-nodes", *files)
    signer = ("-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial")
    openssl(tmp_path, "x509", "-req", "-in", "lp.csr", *signer, "-out", "lp.pem", "-days", "2")
    return tmp_path


def start(directory: Path, authority: str) -> Stage:
    more = f"tls = {{authorities = '{directory / authority}'}}\n"
    return Stage(directory, more=more, tls=(str(directory / "lp.pem"), str(directory / "lp.key")))


def test_a_trusted_provider(certificates: Path) -> None:
    stage = start(certificates, "ours.pem")
    try:
        stage.up()
        assert stage.lp.count("logon") == 1
        assert stage.bridge.noise == []
    finally:
        stage.close()


def test_a_provider_that_nobody_vouches_for(certificates: Path) -> None:
    stage = start(certificates, "other.pem")
    log = certificates / "bridge" / "log" / "FIX.4.4-MAM-LP.event.current.log"
    try:
        stage.until(lambda: log.exists() and log.read_text().count("Connecting") >= 2, "it has tried twice")
        assert stage.bridge.count("logon") == 0
        messages = log.with_name("FIX.4.4-MAM-LP.messages.current.log").read_text()
        assert "35=A" not in messages, log.read_text()
    finally:
        stage.close()
