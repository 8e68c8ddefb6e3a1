"""Signed notes and their keys, as C2SP `signed-note` 1.0.0 has them.

    text, ending in a line feed
    (an empty line)
    — <key name> <base64 of: key id (4 bytes, big-endian) || signature>

Signed are the bytes of the text, its last line feed included, without the empty line. The text may hold empty
lines: the last one separates. Unknown signatures are ignored; a bad signature of a known key condemns the
note.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.audit.errors import AuditError

ED25519 = 0x01
"""Signature type of a log's own key."""
COSIGNATURE = 0x04
"""Signature type of a witness."""
PRIVATE_PREFIX = "PRIVATE+KEY+"
_DASH = "\u2014 "
_SIGNATURES_MAX = 64
NOTE_BYTES_MAX = 1 << 16


def key_id(name: str, key: bytes) -> bytes:
    """The 4-byte id of a key; `key` is the type byte followed by the public key."""
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]


def check_name(name: str) -> str:
    """The name of a key, which is the origin of its log; returns it."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 for c in name):
        raise AuditError(f"key name {name!r}: expected a URL without a scheme, without spaces and '+'")
    return name


def _decode(text: str, what: str) -> bytes:
    try:
        decoded = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise AuditError(f"{what}: not standard base64") from None
    if base64.b64encode(decoded).decode() != text:  # bits that say nothing, where a change would not show
        raise AuditError(f"{what}: not standard base64")
    return decoded


_KINDS = {
    ED25519: "the key of a log (Ed25519, type 1)",
    COSIGNATURE: "the key of a witness (Ed25519 cosignature, type 4)",
}


def format_key(name: str, kind: int, key: bytes, identity: bytes) -> str:
    """The line name+id+base64 of a key, public or private."""
    return f"{name}+{identity.hex()}+{base64.b64encode(bytes([kind]) + key).decode()}"


def parse_key(line: str, kind: int, what: str) -> tuple[str, bytes]:
    """Name and 32 bytes of a line name+id+base64 of that kind; a public key's id is checked."""
    parts = line.strip().split("+", 2)
    if len(parts) != 3:
        raise AuditError(f"{line.strip()[:80]!r} is not a {what}: expected name+id+base64")
    name, identity, encoded = parts
    key = _decode(encoded, f"{what} of {name!r}")
    if len(key) != 33 or key[0] not in _KINDS:
        raise AuditError(f"{what} of {name!r}: expected {_KINDS[kind]}")
    if key[0] != kind:
        raise AuditError(f"{what} of {name!r}: is {_KINDS[key[0]]}; expected {_KINDS[kind]}")
    public = key[1:] if what == "verifier key" else _public(key[1:])
    found = key_id(check_name(name), bytes([kind]) + public).hex()
    if found != identity:
        raise AuditError(f"{what} of {name!r}: its id is {found}, not {identity!r}")
    return name, key[1:]


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


@dataclass(frozen=True)
class Verifier:
    """A public key with its name."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return key_id(self.name, bytes([ED25519]) + self.public)

    @property
    def vkey(self) -> str:
        """The key as one line: name, id, and base64 of type and key."""
        return format_key(self.name, ED25519, self.public, self.id)

    @classmethod
    def from_vkey(cls, vkey: str) -> "Verifier":
        return cls(*parse_key(vkey, ED25519, "verifier key"))

    def valid(self, message: bytes, signature: bytes) -> bool:
        return fits(self.public, message, signature)


def fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is right."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def parse_private(text: str, kind: int) -> tuple[str, bytes]:
    """Name and seed of a private key's line (the form of Go's sumdb/note)."""
    if not text.startswith(PRIVATE_PREFIX):
        raise AuditError(f"not a private key: expected one line {PRIVATE_PREFIX}name+id+base64")
    return parse_key(text.strip().removeprefix(PRIVATE_PREFIX), kind, "private key")


class Signer:
    """A private key with its name."""

    def __init__(self, name: str, seed: bytes) -> None:
        self.name = check_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Signer":
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_text(cls, text: str) -> "Signer":
        """Reads what `text` wrote (the form of Go's sumdb/note)."""
        return cls(*parse_private(text, ED25519))

    @property
    def text(self) -> str:
        """The private key as one line. Secret."""
        return PRIVATE_PREFIX + format_key(
            self.name, ED25519, self._key.private_bytes_raw(), self.verifier.id
        )

    def sign(self, text: str) -> str:
        """The whole note."""
        blob = self.verifier.id + self._key.sign(text.encode())
        return f"{text}\n{signature_line(self.name, blob)}\n"


def signature_line(name: str, blob: bytes) -> str:
    """A note's line for a signature; `blob` begins with the key's id."""
    return f"{_DASH}{name} {base64.b64encode(blob).decode()}"


@dataclass(frozen=True)
class Signature:
    name: str
    id: bytes
    bytes: bytes


def parse(note: bytes) -> tuple[str, list[Signature]]:
    """Text and signatures of a note; raises AuditError. Nothing is verified."""
    if len(note) > NOTE_BYTES_MAX:
        raise AuditError("not a signed note: it is too long")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise AuditError("not a signed note: it is not UTF-8") from None
    if any((ord(c) < 0x20 and c != "\n") or c == "\x7f" for c in whole):
        raise AuditError("not a signed note: it holds control characters")
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise AuditError("not a signed note: no empty line before the signatures, or the last line is cut")
    lines = tail[:-1].split("\n")
    if len(lines) > _SIGNATURES_MAX:
        raise AuditError("not a signed note: too many signatures")
    return text + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not name:
        raise AuditError("not a signed note: a signature line is not '— name base64'")
    blob = _decode(encoded, "signature line")
    if len(blob) < 5:
        raise AuditError("not a signed note: a signature is too short")
    return Signature(name, blob[:4], blob[4:])


class BadSignature(AuditError):
    """A known key's signature does not fit the text: the note was changed."""


class NotSigned(AuditError):
    """No signature of a known key is on the note."""


def verify(note: bytes, known: Sequence[Verifier]) -> tuple[str, list[Verifier]]:
    """The text, and which of the known keys signed it (at least one); raises AuditError."""
    text, signatures = parse(note)
    keys = {(key.name, key.id): key for key in known}
    good = []
    for signature in signatures:
        key = keys.pop((signature.name, signature.id), None)
        if key is None:
            continue
        if not key.valid(text.encode(), signature.bytes):
            raise BadSignature(f"the signature of key {key.name}+{key.id.hex()} does not fit its text")
        good.append(key)
    if not good:
        signers = ", ".join(f"{s.name}+{s.id.hex()}" for s in signatures)
        wanted = ", ".join(f"{key.name}+{key.id.hex()}" for key in known)
        raise NotSigned(f"signed by {signers}, not by {wanted}")
    return text, good
