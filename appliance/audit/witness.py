"""Asking a witness, being one, and keeping what it answered (C2SP `tlog-witness`).

    old <size>                        a request: the size that the witness signed last,
    <hash, base64>                    the consistency proof from there, at most 63 lines,
    (an empty line)
    <checkpoint>                      and what it shall sign

    — <name> <base64>                 the answer: signature lines

DIR/witnessed/<size> holds each checkpoint that a witness was asked to sign, with its answers: `verify` holds
the log against them.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import checkpoint, cosignature, note
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.cosignature import Cosignature, Cosigner, Witness
from appliance.audit.errors import AuditError
from appliance.audit.export import read_checkpoint
from appliance.audit.note import Verifier
from appliance.audit.tree import consistency_proof, is_consistent

FOLDER = "witnessed"
_PROOF_MAX = 63


class Refused(AuditError):
    """The witness does not sign that."""


@dataclass(frozen=True)
class Request:
    """The body of `add-checkpoint`."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @property
    def body(self) -> bytes:
        lines = [f"old {self.old}", *(base64.b64encode(node).decode() for node in self.proof)]
        return ("\n".join(lines) + "\n\n").encode() + self.note

    @classmethod
    def from_body(cls, data: bytes) -> "Request":
        """AuditError says what is not as it should be."""
        head, separator, signed = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            first, lines = "", []
        number = first.removeprefix("old ")
        if not separator or not first.startswith("old ") or not number.isdigit() or len(number) > 20:
            raise AuditError("not a request: expected 'old <size>', hashes, an empty line, a checkpoint")
        proof = tuple(cosignature.decode(line) for line in lines)
        if len(proof) > _PROOF_MAX or any(len(node) != 32 for node in proof):
            raise AuditError(f"not a request: expected at most {_PROOF_MAX} hashes of 32 bytes")
        return cls(int(number), proof, signed)


# The log's side


def kept(directory: Path) -> Iterator[Path]:
    """The checkpoints that witnesses were asked about, the oldest first."""
    yield from sorted(directory.joinpath(FOLDER).glob("[0-9]" * 20))


def _path(directory: Path, size: int) -> Path:
    return directory / FOLDER / f"{size:020d}"


def signed_last(directory: Path) -> int:
    """Size of the newest checkpoint that has an answer; 0: none."""
    for path in reversed(list(kept(directory))):
        data = path.read_bytes()
        if cosignature.others(data, Checkpoint.from_text(note.parse(data)[0]).origin):
            return int(path.name)
    return 0


def ask(directory: Path, old: int | None = None) -> Request:
    """A request for the newest checkpoint, which is kept for the answer."""
    data, signed = read_checkpoint(directory)
    start = signed_last(directory) if old is None else old
    if start > signed.size:
        raise AuditError(f"{directory}: has {signed.size} signed records, fewer than {start}")
    proof = consistency_proof(directory, start, signed.size)
    path = _path(directory, signed.size)
    if not path.exists():
        path.parent.mkdir(mode=0o750, exist_ok=True)
        checkpoint.replace(path, data)
    return Request(start, tuple(proof), data)


def keep(directory: Path, answer: bytes, witnesses: Sequence[Witness]) -> list[Cosignature]:
    """Keeps the lines of an answer (or of a whole cosigned checkpoint); AuditError unless one is good."""
    lines = answer.decode(errors="replace").rpartition("\n\n")[2]
    for path in reversed(list(kept(directory))):
        data = cosignature.merge(path.read_bytes(), lines)
        with contextlib.suppress(note.BadSignature):
            found = cosignature.cosignatures(data, int(path.name), witnesses)
            if found:
                checkpoint.replace(path, data)
                return found
    names = ", ".join(witness.vkey for witness in witnesses)
    raise Refused(f"no cosignature of {names} fits a checkpoint that was asked about")


# The witness's side


def sign(
    request: Request, log: Sequence[Verifier], cosigner: Cosigner, state: Path, seconds: int | None = None
) -> str:
    """The answer's line, after the checkpoint was stored in `state`; raises Refused."""
    try:
        signed, _ = checkpoint.read(request.note, log)
    except (note.BadSignature, note.NotSigned) as error:
        raise Refused(str(error)) from None
    state.mkdir(parents=True, exist_ok=True)
    path = state / hashlib.sha256(signed.origin.encode()).hexdigest()
    with _alone(state):
        _check(request, signed, path)
        checkpoint.replace(path, request.note)
    return cosigner.cosign(note.parse(request.note)[0], int(time.time()) if seconds is None else seconds)


def _check(request: Request, signed: Checkpoint, path: Path) -> None:
    """That the new tree begins with the one that was signed last."""
    last = Checkpoint(signed.origin, 0, hashlib.sha256().digest())
    if path.exists():
        last = Checkpoint.from_text(note.parse(path.read_bytes())[0])
    if request.old != last.size:
        raise Refused(f"the last checkpoint signed here has {last.size} records, not {request.old}")
    if not is_consistent(last.size, last.root, signed.size, signed.root, request.proof):
        raise Refused(
            f"the tree of {signed.size} records does not begin with the one of {last.size} that was signed "
            "here: the log was changed, or the proof is wrong"
        )


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
