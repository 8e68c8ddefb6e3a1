"""Retention: deletes a log's oldest segments, when what is in them is safe elsewhere.

A segment may go when the newest checkpoint covers it, and nobody needs it to come back after a kill, and it
is either in an export, which is compared with it byte by byte, or seen by a witness (only its hash stays).

The log itself says so first (record `pruned`), signed like all others; then the receipts that keep the chain
of keys are written; then the files go, the oldest first. A crash in between leaves a log that verifies, and
the next prune goes on.
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance._native import ffi
from appliance.audit import checkpoint, cosignature, epochs, note, records, segments, snapshots, witness
from appliance.audit.archive import Archive
from appliance.audit.checkpoint import Checkpoint, sync_folder
from appliance.audit.cosignature import Witness
from appliance.audit.errors import AuditError
from appliance.audit.export import read_checkpoint
from appliance.audit.log import is_being_written, offline
from appliance.audit.note import Verifier
from appliance.audit.place import Place
from appliance.audit.progress import Bar
from appliance.audit.prune_request import REQUEST
from appliance.audit.reader import read_batches, read_entries
from appliance.audit.receipt import Receipt
from appliance.audit.segment_check import root_of
from appliance.audit.segments import Segment
from appliance.audit.tree import inclusion_proof
from appliance.audit.verify import verify
from appliance.schema.messages import BY_NAME

_WAIT_SECONDS = 30.0
_OPENED = BY_NAME["Opened"].id


class Refused(AuditError):
    """It is not safe to delete that."""


@dataclass(frozen=True)
class Terms:
    """What must hold for a segment to be deleted."""

    before: Place
    """Only what is older."""
    export: Path | None = None
    witnesses: tuple[Witness, ...] = ()
    operator: str = ""
    snapshots: bool = False
    """The engine may come back from a snapshot: what that covers of its run may go."""


@dataclass(frozen=True)
class Pruning:
    """What is deleted: the records before `first_leaf`, in `files`."""

    first_leaf: int
    files: tuple[Path, ...]
    bytes: int
    limit: str
    """Why not more."""


def plan(directory: Path, key: Verifier, terms: Terms, bar: Bar | None = None) -> Pruning:
    """What the terms allow to delete; raises Refused when the log, or what vouches for it, is bad."""
    headers = [segments.read_header(path) for path in segments.paths(directory)]
    if not headers:
        raise AuditError(f"{directory}: holds no log")
    report = verify(directory, key)
    if report.problems and report.problems[0].kind in ("empty", "origin", "key"):
        raise AuditError(report.problems[0].text)
    if report.problems:
        raise Refused(f"the log itself does not verify: {report.problems[0].text}")
    wanted, limit = _older(headers, terms.before), "what follows is not older than asked"
    if len(wanted) == len(headers) - 1:
        limit = "the newest segment always stays"
    limits = [(report.covered, "what follows is not signed yet")]
    limits.append(_snapshotted(directory) if terms.snapshots else _needed(directory, headers))
    if terms.export is not None:
        limits.append(_exported(directory, key, terms.export, headers[0], bar))
    if terms.witnesses:
        limits.append(_witnessed(directory, key, terms.witnesses))
    for most, why in limits:
        allowed = [header for header in headers[1:] if header.first_leaf <= most]
        if len(allowed) < len(wanted):
            wanted, limit = allowed, why
    first = wanted[-1].first_leaf if wanted else headers[0].first_leaf
    files = tuple(header.path for header in headers if header.first_leaf < first)
    return Pruning(first, files, sum(path.stat().st_size for path in files), limit)


def _older(headers: Sequence[Segment], before: Place) -> list[Segment]:
    """The segments that may be the first to stay: all records before them are older."""
    if before.leaf is not None:
        return [header for header in headers[1:] if header.first_leaf <= before.leaf]
    return [header for header in headers[1:] if header.native.created < (before.time or 0)]


def _needed(directory: Path, headers: Sequence[Segment]) -> tuple[int, str]:
    """Where the newest run began: the engine is fed that again when it comes back."""
    for number in reversed(range(len(headers))):
        until = headers[number + 1].first_leaf if number + 1 < len(headers) else None
        found = None
        for entry in read_entries(directory, headers[number].first_leaf):
            if until is not None and entry.leaf_index >= until:
                break
            if entry.kind == records.INPUT and int.from_bytes(entry.message[2:4], "little") == _OPENED:
                found = entry.leaf_index
        if found is not None:
            return found, "what follows is of the engine's newest run, which it needs to come back"
    return headers[0].first_leaf, "the whole log is of one run of the engine, which it needs to come back"


def _snapshotted(directory: Path) -> tuple[int, str]:
    """The oldest of the kept snapshots that this build can use and the log vouches for."""
    leaves = [snapshot.header.leaf for snapshot in snapshots.usable(directory)]
    if not leaves:
        return 0, "there is no snapshot that this build can use and the log vouches for"
    return min(leaves), "what follows is in no snapshot, and the engine needs it to come back"


def _exported(directory: Path, key: Verifier, out: Path, first: Segment, bar: Bar | None) -> tuple[int, str]:
    """How much an export has, byte by byte the same; Refused when it is another's, or not the same."""
    data, signed = read_checkpoint(out)
    try:
        checkpoint.read(data, _keys(directory, key))
    except AuditError as error:
        raise Refused(f"{out}: {error}") from None
    archive = Archive(out)
    if archive.root() != signed.root:
        raise Refused(f"{out}: its tiles do not give the root that its checkpoint signs")
    for batch in read_batches(directory, first.first_leaf):
        batch = batch.up_to(signed.size)
        if batch.count == 0:
            break
        for number, entry in enumerate(archive.entries(batch.first_leaf, batch.first_leaf + batch.count)):
            if entry != batch.entry(number):
                raise Refused(f"{out}: record {batch.first_leaf + number} is another than in the log")
        if bar is not None:
            bar(batch.first_leaf + batch.count, signed.size)
    if bar is not None:
        bar.end()
    return signed.size, f"what follows is not in {out} yet"


def _keys(directory: Path, key: Verifier) -> list[Verifier]:
    """The given key and those of the log's other epochs; the log was verified with the given one."""
    known = {key.vkey: key}
    for path in sorted(directory.joinpath(epochs.KEYS).glob("epoch-*.vkey")):
        one = Verifier.from_vkey(path.read_text())
        known[one.vkey] = one
    return list(known.values())


def _witnessed(directory: Path, key: Verifier, witnesses: Sequence[Witness]) -> tuple[int, str]:
    """How much all of them have seen."""
    seen = dict.fromkeys((one.vkey for one in witnesses), 0)
    for path in witness.kept(directory):
        data = path.read_bytes()
        size = Checkpoint.from_text(note.parse(data)[0]).size
        checkpoint.read(data, _keys(directory, key))
        for one in cosignature.cosignatures(data, size, witnesses):
            seen[one.witness.vkey] = max(seen[one.witness.vkey], size)
    least = min(seen, key=lambda vkey: seen[vkey])
    return seen[least], f"what follows was not seen by {least.split('+')[0]} yet"


# Doing it


def carry_out(directory: Path, pruning: Pruning, terms: Terms, key: Path | None) -> None:
    """The log is told, the chain of keys is kept, the files go. `key`: private, when no writer runs."""
    if not pruning.files:
        return
    fields = _fields(directory, pruning, terms)
    if is_being_written(directory):
        _ask_writer(directory, fields)
    elif key is None:
        raise AuditError(f"{directory}: no writer runs, so the private key is needed (--private-key)")
    else:
        with offline(directory, key) as log:
            log.say("pruned", **fields)
            log.sign()
    _keep_keys(directory, pruning.first_leaf)
    for path in pruning.files:
        path.unlink()
        sync_folder(path.parent)


def _fields(directory: Path, pruning: Pruning, terms: Terms) -> dict[str, Any]:
    header = segments.read_header(segments.path_of(directory, pruning.first_leaf))
    return {
        "first_leaf": pruning.first_leaf,
        "root": base64.b64encode(root_of(ffi.addressof(header.native, "tree"))).decode(),
        "operator": terms.operator,
        "export": None if terms.export is None else str(terms.export),
        "witnesses": [one.vkey for one in terms.witnesses],
    }


def _ask_writer(directory: Path, fields: dict[str, object]) -> None:
    """The writer says the record and signs it, then removes the request."""
    path = directory / REQUEST
    if path.exists():
        raise AuditError(f"{path}: another pruning is under way, or was interrupted; remove it if none is")
    size = read_checkpoint(directory)[1].size
    checkpoint.replace(path, json.dumps(fields).encode())
    deadline = time.monotonic() + _WAIT_SECONDS
    while path.exists():
        if time.monotonic() > deadline:
            path.unlink(missing_ok=True)
            raise AuditError(f"{directory}: the writer did not answer; nothing was deleted")
        time.sleep(0.02)
    for entry in read_entries(directory, size):
        if entry.kind == records.OWN:
            record = records.parse(entry.message)
            if record["record"] == "pruned" and record["first_leaf"] == fields["first_leaf"]:
                return
    raise AuditError(f"{directory}: the writer did not log it; its own log says why; nothing was deleted")


def _keep_keys(directory: Path, first_leaf: int) -> None:
    """A receipt of each end of an epoch that goes (see epochs.py)."""
    closed: tuple[int, int] | None = None
    for entry in read_entries(directory):
        if entry.leaf_index >= first_leaf:
            return
        if entry.kind != records.OWN:
            continue
        record = records.parse(entry.message)
        if record["record"] == "epoch_closed":
            closed = (entry.leaf_index, int(record["epoch"]))
        elif record["record"] == "checkpoint" and closed is not None:
            leaf, epoch = closed
            bytes_, proof, _ = inclusion_proof(directory, leaf, leaf + 1)
            receipt = Receipt(leaf, tuple(proof), str(record["note"]).encode(), bytes_)
            checkpoint.replace(epochs.closed_path(directory, epoch), receipt.text.encode())
            closed = None


def as_dict(pruning: Pruning) -> dict[str, object]:
    """For JSON."""
    return {**asdict(pruning), "files": [path.name for path in pruning.files]}
