"""Key files: the private key is one line (as in Go's sumdb/note), mode 0600; the public one `.vkey`."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from appliance.audit.cosignature import Cosigner, Witness
from appliance.audit.errors import AuditError
from appliance.audit.note import Signer, Verifier
from appliance.audit.room import needs_room

_FILE_BYTES_MAX = 4096
_Key = TypeVar("_Key")


def generate(origin: str, path: Path) -> Verifier:
    """Makes a key for the log `origin`: `path` (private, 0600) and `path`.vkey; replaces neither."""
    signer = Signer.generate(origin)
    _create_pair(path, signer.text, signer.verifier.vkey)
    return signer.verifier


def generate_witness(name: str, path: Path) -> Witness:
    """The same for a witness, which signs the checkpoints of others."""
    cosigner = Cosigner.generate(name)
    _create_pair(path, cosigner.text, cosigner.witness.vkey)
    return cosigner.witness


def _create_pair(path: Path, private: str, vkey: str) -> None:
    public = Path(f"{path}.vkey")
    for file in (path, public):
        if file.exists():
            raise AuditError(f"{file}: exists; a key is never replaced")
    _create(path, private + "\n", 0o600)
    _create(public, vkey + "\n", 0o644)


def _create(path: Path, text: str, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise AuditError(f"{path}: cannot create the key file: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask is
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise AuditError(f"{path}: cannot write the key file: {error.strerror}") from None


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise AuditError(f"{path}: cannot read the key file: {error.strerror}") from None
    if len(data) > _FILE_BYTES_MAX or not data.isascii():
        raise AuditError(f"{path}: not a key file")
    return data.decode()


CREDENTIAL = "credential:"


def resolve(path: Path) -> Path:
    """The file of a key: itself, or for `credential:NAME` what systemd gave the unit under that name."""
    text = str(path)
    if not text.startswith(CREDENTIAL):
        return path
    name, folder = text.removeprefix(CREDENTIAL), os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise AuditError(
            f"{text}: there are no credentials; only a systemd unit with LoadCredential= has them"
        )
    if not name or "/" in name:
        raise AuditError(f"{text}: expected the name of a credential")
    return Path(folder) / name


def load_signer(path: Path) -> Signer:
    """The private key of a file that only its owner can read, or of a credential (see `resolve`)."""
    return _load_private(path, Signer.from_text)


def load_cosigner(path: Path) -> Cosigner:
    """The same for a witness's private key."""
    return _load_private(path, Cosigner.from_text)


def _load_private(path: Path, parse: Callable[[str], _Key]) -> _Key:
    # systemd lends a credential by an access list, whose mask shows as the group's bits.
    others = 0o007 if str(path).startswith(CREDENTIAL) else 0o077
    path = resolve(path)
    text = _read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & others:
        raise AuditError(f"{path}: mode {mode:04o} lets others at the private key; expected 0600")
    try:
        return parse(text)
    except AuditError as error:
        raise AuditError(f"{path}: {error}") from None


def load_verifier(key: str) -> Verifier:
    """A public key, given as the vkey itself or as the name of a file that holds it."""
    return _load_public(key, Verifier.from_vkey)


def load_witness(key: str) -> Witness:
    """The same for a witness's public key."""
    return _load_public(key, Witness.from_vkey)


def _load_public(key: str, parse: Callable[[str], _Key]) -> _Key:
    if key.count("+") >= 2 and not Path(key).exists():
        return parse(key)
    try:
        return parse(_read(Path(key)))
    except AuditError as error:
        text = str(error)
        raise AuditError(text if text.startswith(key) else f"{key}: {text}") from None


class KeyFile:
    """A log's private key in its file, and the change to the next one, which a crash may interrupt anywhere.

    FILE holds the key; FILE.next the next one while the log is being told of it; FILE.old the last one while
    it is wiped.
    """

    def __init__(self, path: Path) -> None:
        """AuditError when there is no such key, or others can read it."""
        self.replaceable = not str(path).startswith(CREDENTIAL)
        self.path = resolve(path)
        self.signer = load_signer(path)
        self._next, self._old = Path(f"{self.path}.next"), Path(f"{self.path}.old")
        self.following: Signer | None = None
        if self.replaceable:
            _wipe(self._old)
            if self._next.exists():
                self.following = self._load_next()

    def _load_next(self) -> Signer | None:
        try:
            return load_signer(self._next)
        except AuditError:
            return None  # it was never written whole, so the log was never told of it

    def make_next(self) -> Signer:
        """A new key beside the present one; durable when this returns."""
        if not self.replaceable:
            raise AuditError(
                f"{CREDENTIAL}{self.path.name}: a credential cannot be replaced; keep the key in a file"
            )
        self.discard_next()
        self.following = Signer.generate(self.signer.name)
        _create(self._next, self.following.text + "\n", 0o600)
        _sync_folder(self.path.parent)
        return self.following

    def discard_next(self) -> None:
        """The log was not told of it."""
        if self.replaceable:
            _wipe(self._next)
        self.following = None

    def take_next(self) -> None:
        """The next key is the key; the one before is wiped. NoRoomError: nothing was done."""
        assert self.following is not None
        self._old.unlink(missing_ok=True)
        with needs_room(self._old):
            os.link(self.path, self._old)
            os.rename(self._next, self.path)
        _sync_folder(self.path.parent)
        _wipe(self._old)
        self.signer, self.following = self.following, None


def _wipe(path: Path) -> None:
    """Overwrites a key and removes it. The disk itself may keep copies all the same."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.write(descriptor, bytes(os.fstat(descriptor).st_size))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
