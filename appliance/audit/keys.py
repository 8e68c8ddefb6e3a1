"""Key files: the private key is one line (as in Go's sumdb/note), mode 0600; the public one `.vkey`."""

import os
import stat
from pathlib import Path

from appliance.audit.errors import AuditError
from appliance.audit.note import Signer, Verifier

_FILE_BYTES_MAX = 4096


def generate(origin: str, path: Path) -> Verifier:
    """Makes a key for the log `origin`: `path` (private, 0600) and `path`.vkey; replaces neither."""
    signer = Signer.generate(origin)
    public = Path(f"{path}.vkey")
    for file in (path, public):
        if file.exists():
            raise AuditError(f"{file}: exists; a key is never replaced")
    _create(path, signer.text + "\n", 0o600)
    _create(public, signer.verifier.vkey + "\n", 0o644)
    return signer.verifier


def _create(path: Path, text: str, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise AuditError(f"{path}: cannot create the key file: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask is
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise AuditError(f"{path}: cannot read the key file: {error.strerror}") from None
    if len(data) > _FILE_BYTES_MAX or not data.isascii():
        raise AuditError(f"{path}: not a key file")
    return data.decode()


def load_signer(path: Path) -> Signer:
    """The private key of a file that only its owner can read."""
    text = _read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise AuditError(f"{path}: mode {mode:04o} lets others at the private key; expected 0600")
    try:
        return Signer.from_text(text)
    except AuditError as error:
        raise AuditError(f"{path}: {error}") from None


def load_verifier(key: str) -> Verifier:
    """A public key, given as the vkey itself or as the name of a file that holds it."""
    if key.count("+") >= 2 and not Path(key).exists():
        return Verifier.from_vkey(key)
    try:
        return Verifier.from_vkey(_read(Path(key)))
    except AuditError as error:
        text = str(error)
        raise AuditError(text if text.startswith(key) else f"{key}: {text}") from None
