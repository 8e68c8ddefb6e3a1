"""The log's own records (journal entries of kind 3): what the writer has to say, as leaves like all others.

The message of such an entry is one JSON object, UTF-8, keys sorted, no spaces. Its `record` names it:

log_opened       Leaf 0. format, origin, log_id, epoch, vkey, previous (null, or the log before this one).
writer_started   At each start. epoch, cut_bytes (of a torn tail, removed from the last segment).
checkpoint       Now and then under load, and after epoch_closed. note: the checkpoint of all leaves before.
journal_started  The engine begins a new journal. previous (sequence that the old one had reached). The
                 sequence of this record's entry is that of the new journal's first entry.
journal_gap      A failure. expected, found (sequences); the sequence of this record's entry is `found`.
epoch_closed     epoch, size, root (base64; of all leaves before), next_epoch, next_vkey. The next leaf is a
                 `checkpoint` signed with the closed epoch's key, which is then wiped.
pruned           Before `mam audit prune` deletes the oldest segments. first_leaf (the first record that
                 stays), root (base64; of all leaves before it), operator, export, witnesses.
snapshot         The engine's state was kept (snapshots.py). file, sha256, leaf, journal, build.
writer_stopped   At each clean end. reason.

A verifier ignores records that it does not know.
"""

import json
import struct
import time
from typing import Any, Final

from appliance.audit.errors import AuditError

FORMAT: Final = 1
HEADER: Final = struct.Struct("<QqHBBI")
"""sequence, time, bridge, kind, version, length."""
INPUT, OUTPUT, OWN = 1, 2, 3
VERSION: Final = 1


def build(sequence: int, record: str, **fields: Any) -> bytes:
    """The entry of one own record; `sequence` is that of the next journal entry."""
    body = json.dumps({"record": record, **fields}, sort_keys=True, separators=(",", ":")).encode()
    return HEADER.pack(sequence, time.time_ns(), 0, OWN, VERSION, len(body)) + body


def parse(message: bytes) -> dict[str, Any]:
    """The object in the message of an own record; raises AuditError."""
    try:
        record = json.loads(message)
    except (ValueError, RecursionError):
        raise AuditError("the log's own record is not JSON") from None
    if not isinstance(record, dict) or not isinstance(record.get("record"), str):
        raise AuditError("the log's own record does not say what it is")
    return record


def sequence_after(record: dict[str, Any], header_sequence: int, expected: int) -> int:
    """The journal sequence after an own record; raises AuditError when it contradicts the log."""
    if record["record"] in ("journal_started", "journal_gap") or header_sequence == expected:
        return header_sequence
    raise AuditError(f"it names {header_sequence} as the next journal sequence, not {expected}")
