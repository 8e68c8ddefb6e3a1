"""Receipts: that one record is in a log, as C2SP `tlog-proof`, checked offline, and silent about all others.

    c2sp.org/tlog-proof@v1
    extra <base64 of the record's bytes>
    index <number>
    <hash, base64>          one a line, from the leaf's sibling up
    (an empty line)
    <the checkpoint>

`extra` is the leaf itself: what the receipt is about travels with it. It needs no trust, for its hash is what
the proof begins with.
"""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.audit import checkpoint, note, records
from appliance.audit.archive import Archive, is_archive, read_entries
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.export import read_checkpoint
from appliance.audit.note import Verifier
from appliance.audit.reader import Entry, output_fields
from appliance.audit.tree import inclusion_proof, leaf_hash, root_of_proof
from appliance.schema.codec import MessageError, to_json
from appliance.schema.messages import BOOKING_ID

MAGIC = "c2sp.org/tlog-proof@v1"
BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class Receipt:
    index: int
    proof: tuple[bytes, ...]
    note: bytes
    """The signed checkpoint, as the log has it."""
    entry: bytes | None
    """The record's bytes, if they came with it."""

    @property
    def text(self) -> str:
        lines = [MAGIC]
        if self.entry is not None:
            lines.append(f"extra {base64.b64encode(self.entry).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(node).decode() for node in self.proof]
        return "\n".join(lines) + "\n\n" + self.note.decode()

    @classmethod
    def from_text(cls, data: bytes) -> "Receipt":
        """AuditError says what is not as it should be."""
        if len(data) > BYTES_MAX:
            raise AuditError("not a receipt: it is too long")
        head, separator, signed = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            lines = []
        if not separator or not lines or lines.pop(0) != MAGIC:
            raise AuditError(f"not a receipt: expected {MAGIC!r} in its first line, and a checkpoint")
        extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else None
        index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
        if not index.isdigit() or index != str(int(index[:20])):
            raise AuditError("not a receipt: no line 'index <number>'")
        proof = tuple(_decode(line) for line in lines)
        if any(len(node) != 32 for node in proof):
            raise AuditError("not a receipt: a hash has not 32 bytes")
        return cls(int(index), proof, signed, None if extra is None else _decode(extra))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AuditError("not a receipt: a line is not standard base64") from None


def prove(directory: Path, leaf: int) -> Receipt:
    """The receipt of one record that the newest checkpoint covers; from a log or its export."""
    data, signed = read_checkpoint(directory)
    if is_archive(directory):
        entry, proof = Archive(directory).inclusion_proof(leaf)
        root = root_of_proof(leaf, signed.size, leaf_hash(entry), proof)
    else:
        entry, proof, root = inclusion_proof(directory, leaf, signed.size)
    if root != signed.root:
        raise Damaged(f"{directory}: its records do not give the signed root; see `mam audit verify`")
    return Receipt(leaf, tuple(proof), data, entry)


def find_booking(directory: Path, block: int, child: int) -> Entry:
    """The newest Booking of that child."""
    found = None
    template = BOOKING_ID.to_bytes(2, "little")
    for entry in read_entries(directory):
        if entry.kind == records.OUTPUT and entry.message[2:4] == template:
            fields = output_fields(entry)
            if (fields["block"], fields["child"]) == (block, child):
                found = entry
    if found is None:
        raise AuditError(f"{directory}: has no Booking of block {block}, child {child}")
    return found


@dataclass(frozen=True)
class Checked:
    """What a receipt proves."""

    origin: str
    size: int
    index: int
    entry: bytes

    def as_dict(self) -> dict[str, Any]:
        """With the message as JSON, where it is one."""
        sequence, time, bridge, kind, _, _ = records.HEADER.unpack_from(self.entry)
        body = self.entry[records.HEADER.size :]
        try:
            message: Any = records.parse(body) if kind == records.OWN else to_json(body)
        except (AuditError, MessageError):
            message = body.hex()
        return {
            "origin": self.origin,
            "size": self.size,
            "index": self.index,
            "sequence": sequence,
            "time": time,
            "bridge": bridge,
            "kind": {1: "input", 2: "output", 3: "own"}.get(kind, kind),
            "message": message,
        }


def check(receipt: Receipt, keys: list[Verifier], leaf: bytes | None = None) -> Checked:
    """AuditError unless the record is in a tree that one of the keys signed. `leaf`: its bytes, if apart."""
    signed, _ = checkpoint.read(receipt.note, keys)
    entry = receipt.entry if leaf is None else leaf
    if entry is None:
        raise AuditError("the receipt does not hold the record: its bytes are needed (--leaf)")
    if root_of_proof(receipt.index, signed.size, leaf_hash(entry), receipt.proof) != signed.root:
        raise NotProven(f"the record is not number {receipt.index} of the log that was signed")
    if len(entry) < records.HEADER.size:
        raise AuditError("the record is in the log, but is too short for a journal entry")
    return Checked(signed.origin, signed.size, receipt.index, entry)


class NotProven(AuditError):
    """The receipt is well formed, and proves nothing."""


NOT_PROVEN = (NotProven, note.BadSignature, note.NotSigned)
