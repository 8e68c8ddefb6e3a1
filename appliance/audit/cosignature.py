"""Witnesses: keys that sign other people's checkpoints (C2SP `tlog-cosignature`, type 0x04).

A cosignature says: at this time, this was the largest consistent tree of that log that the signer had seen.

    — <witness's name> <base64 of: key id || time (u64, big-endian, POSIX seconds) || Ed25519 signature>

Signed are the lines `cosignature/v1` and `time <seconds>`, and then the checkpoint's text.
"""

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit import note
from appliance.audit.errors import AuditError

_TIME = struct.Struct(">Q")
_BLOB_BYTES = _TIME.size + 64


def _signed_bytes(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@dataclass(frozen=True)
class Witness:
    """A witness's public key with its name."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return note.key_id(self.name, bytes([note.COSIGNATURE]) + self.public)

    @property
    def vkey(self) -> str:
        """The key as one line."""
        return note.format_key(self.name, note.COSIGNATURE, self.public, self.id)

    @classmethod
    def from_vkey(cls, vkey: str) -> "Witness":
        return cls(*note.parse_key(vkey, note.COSIGNATURE, "verifier key"))

    def time_of(self, text: str, signature: bytes) -> int:
        """When it signed that text, POSIX seconds; raises BadSignature."""
        if len(signature) == _BLOB_BYTES:
            seconds = int(_TIME.unpack_from(signature)[0])
            if note.fits(self.public, _signed_bytes(text, seconds), signature[_TIME.size :]):
                return seconds
        raise note.BadSignature(f"the cosignature of {self.name}+{self.id.hex()} does not fit the checkpoint")


@dataclass(frozen=True)
class Cosignature:
    witness: Witness
    size: int
    """Of the log, as the witness saw it."""
    seconds: int
    """POSIX."""


class Cosigner:
    """A witness's private key."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.witness = Witness(note.check_name(name), self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Cosigner":
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_text(cls, text: str) -> "Cosigner":
        """Reads what `text` wrote."""
        return cls(*note.parse_private(text, note.COSIGNATURE))

    @property
    def text(self) -> str:
        """The private key as one line. Secret."""
        witness = self.witness
        return note.PRIVATE_PREFIX + note.format_key(
            witness.name, note.COSIGNATURE, self._key.private_bytes_raw(), witness.id
        )

    def cosign(self, text: str, seconds: int) -> str:
        """The signature line for a checkpoint's text."""
        signature = self._key.sign(_signed_bytes(text, seconds))
        return note.signature_line(self.witness.name, self.witness.id + _TIME.pack(seconds) + signature)


def cosignatures(data: bytes, size: int, witnesses: Iterable[Witness]) -> list[Cosignature]:
    """Those of the known witnesses on a checkpoint of `size` leaves; BadSignature when one is wrong."""
    text, signatures = note.parse(data)
    known = {(witness.name, witness.id): witness for witness in witnesses}
    found = []
    for signature in signatures:
        witness = known.get((signature.name, signature.id))
        if witness is not None:
            found.append(Cosignature(witness, size, witness.time_of(text, signature.bytes)))
    return found


def others(data: bytes, origin: str) -> int:
    """How many signatures are not in the log's own name."""
    return sum(1 for signature in note.parse(data)[1] if signature.name != origin)


def merge(data: bytes, lines: str) -> bytes:
    """The note with further signature lines, each once; AuditError when they are no such lines."""
    text, _ = note.parse(data)
    both = data.decode() + "".join(line + "\n" for line in lines.splitlines() if line)
    note.parse(both.encode())
    signatures = both[len(text) + 1 :].splitlines()
    if not lines.strip():
        raise AuditError("no signature line")
    return (text + "\n" + "".join(line + "\n" for line in dict.fromkeys(signatures))).encode()


def decode(text: str) -> bytes:
    """Standard base64, as a proof's lines have it."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise AuditError("a line is not standard base64") from None
