"""What a log says about itself and what others signed: checked alike in a log's segments and in an export.

Whoever reads the records hands over the log's own ones in their order, each with the root of all before it:
they name the keys, one an epoch, and hold signed roots. What then remains is the newest checkpoint, and those
that others kept.

What no one can see in the log itself: that its end was cut off together with its checkpoint, or that it is an
older, complete copy. That takes a checkpoint that someone else kept (`outside`), or witnesses.
"""

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import checkpoint, cosignature, note, records, witness
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.cosignature import Witness
from appliance.audit.epochs import Epochs
from appliance.audit.errors import AuditError
from appliance.audit.files import read_plain
from appliance.audit.note import Verifier
from appliance.audit.report import Problem, Report, Seen, records_text
from appliance.audit.segment_check import PROBLEMS_MAX, OwnRecord
from appliance.audit.selection import Range
from appliance.audit.tree import Tree

Progress = Callable[[int, int], None]
"""Called with what is done and what there is, from any thread, one at a time."""


@dataclass(frozen=True)
class Asked:
    """What, beside the key, a log is to be held against."""

    outside: Sequence[bytes] = ()
    """Checkpoints kept elsewhere."""
    witnesses: Sequence[Witness] = ()
    range: Range | None = None
    """None: all of it."""


class Broken(Exception):
    """The tree differs from here on: what follows differs for the same reason, and is not named again."""


class Chain(ABC):
    what = "log"

    def __init__(self, directory: Path, key: Verifier, asked: Asked, progress: Progress | None) -> None:
        self.directory = directory
        self.key = key
        self.asked = asked
        self.progress = progress
        self.report = Report(str(directory), key.name, key.vkey)
        self.checkpoint: Checkpoint | None = None
        self.note = b""
        self.kept: list[tuple[Path, bytes, Checkpoint]] = []
        """Checkpoints that witnesses were asked about, as the log's directory has them."""
        self.outside = [Checkpoint.from_text(note.parse(data)[0]) for data in asked.outside]
        self.epochs = Epochs()
        self.closing: int | None = None
        """Where the closed key's last signature must stand, as a leaf."""
        self.agreed = 0
        """Size at which a signed root last agreed: a change lies behind it."""
        self.begins = 0
        """The first record that is there; those before it were pruned."""
        self.first_root = Tree().root()
        """Of the records before that one."""
        self.pruned = 0
        """How many records the log itself says were pruned."""
        self.log_id: str | None = None
        """As the segments have it, in hex; an export has none."""
        self.end: int | None = None
        """How many records there are; None: it was not read to its end."""

    @abstractmethod
    def root_at(self, size: int) -> bytes | None:
        """The root of the first `size` records, as far as they were read."""

    def problem(self, kind: str, text: str, leaf: int | None = None, segment: str | None = None) -> None:
        if len(self.report.problems) < PROBLEMS_MAX:
            self.report.problems.append(Problem(kind, text, leaf, segment))

    def _break(self, kind: str, text: str, leaf: int | None, segment: str | None = None) -> None:
        self.problem(kind, text, leaf, segment)
        raise Broken

    # Before the records

    def _read_checkpoint(self) -> bool:
        """Before the segments are listed: what it covers must be in them, even while the log grows."""
        path = self.directory / checkpoint.FILE
        try:
            self.note = read_plain(path, note.NOTE_BYTES_MAX)
            text, _ = note.parse(self.note)
            self.checkpoint = Checkpoint.from_text(text)
        except FileNotFoundError:
            why = "the log is new, and not signed yet" if self.report.live else "part of the log is missing"
            self.problem("incomplete", f"{path}: does not exist; {why}")
            return False
        except OSError as error:
            self.problem("incomplete", f"{path}: cannot be read: {error.strerror}")
            return False
        except AuditError as error:
            self.problem("signature", f"{path}: {error}")
            return False
        self.report.covered = self.checkpoint.size
        self.report.root = self.checkpoint.root.hex()
        if self.checkpoint.origin != self.key.name:
            text = f"is of the log {self.checkpoint.origin!r}, the key of {self.key.name!r}"
            self.problem("origin", f"{path}: {text}")
            return False
        return True

    def _read_kept(self) -> None:
        for path in witness.kept(self.directory):
            try:
                data = read_plain(path, note.NOTE_BYTES_MAX)
                self.kept.append((path, data, Checkpoint.from_text(note.parse(data)[0])))
            except (AuditError, OSError) as error:
                self.problem("witness", f"{path}: {error}")

    # What the records say

    def _check_own(self, own: OwnRecord) -> None:
        """The log's own records: keys, epochs, and the checkpoints that are leaves."""
        what = own.record["record"]
        self._check_closing(own.leaf_index, what)
        try:
            if what == "log_opened":
                self._open(own)
            elif what == "epoch_closed":
                self._close(own)
            elif what == "checkpoint":
                data = str(own.record["note"]).encode()
                size = Checkpoint.from_text(note.parse(data)[0]).size
                signed, _ = checkpoint.read(data, self.epochs.at(size))
                self._same_root(own, signed.size, signed.root)
            elif what == "pruned":
                self._note_pruned(own)
        except (AuditError, ValueError, TypeError, KeyError, OverflowError) as error:
            kind = "signature" if isinstance(error, note.BadSignature | note.NotSigned) else "changed"
            self.problem(kind, f"record {own.leaf_index}: {error}", own.leaf_index, own.segment)

    def _note_pruned(self, own: OwnRecord) -> None:
        """The log says that its first records were deleted, and what root they had."""
        size = int(own.record["first_leaf"])
        if size > own.leaf_index:
            raise AuditError("tells of more pruned records than there were")
        if size == self.begins and own.record["root"] != base64.b64encode(self.first_root).decode():
            raise AuditError("names another root of the pruned records than the first header gives")
        self.pruned = max(self.pruned, size)
        if size >= self.begins > 0:
            self.report.pruned = {**own.record, "records": size, "record": own.leaf_index}

    def _check_closing(self, leaf: int, what: object) -> None:
        """Right behind `epoch_closed` the closed key signs it: else a later key could have made it."""
        closing, self.closing = self.closing, None
        if closing is not None and (leaf != closing or what != "checkpoint"):
            text = f"record {closing}: is not the closed key's signature under the end of its epoch"
            self.problem("epoch", text, closing)

    def _close(self, own: OwnRecord) -> None:
        """The end of an epoch. A key that signed once, or another log's, is no new key."""
        self._same_root(own, int(own.record["size"]), base64.b64decode(str(own.record["root"])))
        following = Verifier.from_vkey(str(own.record["next_vkey"]))
        epoch = len(self.epochs.closed)
        if (own.record.get("epoch"), own.record["next_epoch"]) != (epoch, epoch + 1):
            raise AuditError(
                f"closes epoch {own.record.get('epoch')}, but epoch {epoch} is the one that ends"
            )
        wrong = "the key of another log" if following.name != self.key.name else None
        wrong = "a key that was used before" if following in self.epochs.keys else wrong
        self.epochs.close(own.leaf_index + 1, following)
        self.report.epoch = epoch + 1
        self.closing = own.leaf_index + 1
        if wrong is not None:
            self.problem("epoch", f"record {own.leaf_index}: names {wrong} as the next", own.leaf_index)

    def _open(self, own: OwnRecord) -> None:
        if own.leaf_index != 0:
            raise AuditError("opens a log, but is not its first record")
        if self.log_id is not None and own.record.get("log_id") != self.log_id:
            raise AuditError(f"opens the log {own.record.get('log_id')!r}, the segments are of {self.log_id}")
        if own.record.get("format") != records.FORMAT:
            raise AuditError(f"format {own.record.get('format')!r} is not known to this program")
        self.epochs.keys.append(Verifier.from_vkey(str(own.record["vkey"])))

    def _same_root(self, own: OwnRecord, size: int, root: bytes) -> None:
        if size != own.leaf_index:
            raise AuditError(f"speaks of {size} records, not of the {own.leaf_index} before it")
        if root != own.root:
            self._differs(size, "that of the checkpoint written then", own.segment)
        self.agreed = size

    def _differs(self, size: int, which: str, segment: str | None = None) -> None:
        what = records_text(self.agreed, size - 1)
        self._break(
            "root", f"{what}: changed; the root of {size} records is not {which}", self.agreed, segment
        )

    # What is signed

    def _check_signed(self, intact: bool) -> None:
        """After the records. `intact`: the tree is known to their end."""
        self._check_keys()
        self._check_signature(intact)
        self._read_outside()
        if intact and self.checkpoint is not None:
            self._check_root(self.checkpoint, "the signed one")
            for outside in self.outside:
                self._check_outside(outside)
        self._check_kept(intact)

    def _check_keys(self) -> None:
        named = self.epochs.keys
        if not named:
            if not self.report.problems:
                self.problem("missing", "record 0: does not open the log", 0)
        elif self.key not in named and not self.report.problems:
            self.problem("key", f"the log is signed with {named[-1].vkey}, not with {self.key.vkey}")

    def _check_signature(self, intact: bool) -> None:
        """The newest checkpoint is signed by the epoch's key, which the given key vouches for.

        Where the log is broken it was not read to the end, and the last keys may not be known.
        """
        path = self.directory / checkpoint.FILE
        chained = self.key in self.epochs.keys
        trusted = {self.key, *(self.epochs.keys if chained else [])}
        try:
            _, signers = note.verify(self.note, sorted(trusted, key=lambda key: key.vkey))
            wanted = self.epochs.at(self.checkpoint.size) if self.checkpoint else []
            if chained and not set(wanted) <= set(signers):
                raise note.NotSigned(f"is signed with a key of another epoch, not with {wanted[0].vkey}")
        except note.NotSigned as error:
            if chained and intact:
                self.problem("signature", f"{path}: {error}")
            elif not self.report.problems:
                self.problem("key", f"{path}: {error}")
        except AuditError as error:
            self.problem("signature", f"{path}: {error}")

    def _check_root(self, signed: Checkpoint, which: str) -> None:
        root = self.root_at(signed.size)
        bad_signature = any(problem.kind == "signature" for problem in self.report.problems)
        if root is not None and root != signed.root and not bad_signature:
            try:
                self._differs(signed.size, which)
            except Broken:
                return

    def _known(self, size: int) -> list[Verifier]:
        """Who may have signed a checkpoint of that size that comes from elsewhere."""
        known = self.epochs.at(size) if self.key in self.epochs.keys else []
        return [*known, *([] if self.key in known else [self.key])]

    def _read_outside(self) -> None:
        """Their signatures, by the key of their epoch; AuditError: not a checkpoint of this log."""
        for data, outside in zip(self.asked.outside, self.outside, strict=True):
            checkpoint.read(data, self._known(outside.size))

    def _is_read(self, size: int) -> bool:
        """Whether a root of that size can be compared, or is known not to be there."""
        return self.root_at(size) is not None or (self.end is not None and size > self.end)

    def _check_outside(self, outside: Checkpoint, where: str = "from outside") -> None:
        if self.end is not None and outside.size > self.end:
            names = records_text(self.end, outside.size - 1)
            self.problem(
                "truncated", f"{names}: covered by the checkpoint {where}, but not in the {self.what}"
            )
        elif outside.size < self.begins:
            self.report.notes.append(
                f"the checkpoint {where} covers {outside.size} records, which were pruned: not compared"
            )
        elif not self._is_read(outside.size):
            self.report.notes.append(
                f"the checkpoint {where} covers {outside.size} records, which lies outside what was read: "
                "not compared"
            )
        else:
            self._check_root(outside, f"that of the checkpoint {where}")

    def _check_kept(self, intact: bool) -> None:
        """What witnesses signed; and that each witness who was asked for has signed something."""
        for path, data, kept in self.kept:
            try:
                checkpoint.read(data, self._known(kept.size))
                if intact and kept.size >= self.begins and not self._is_read(kept.size):
                    continue  # of a range: nothing is known of it
                for one in cosignature.cosignatures(data, kept.size, self.asked.witnesses):
                    self.report.seen.append(Seen(one.witness.name, one.witness.vkey, one.size, one.seconds))
            except AuditError as error:
                self.problem("witness", f"{path}: {error}")
                continue
            if intact and kept.size >= self.begins:
                self._check_outside(kept, f"in {witness.FOLDER}/{path.name}")
        found = {seen.vkey for seen in self.report.seen}
        for asked in self.asked.witnesses:
            if asked.vkey not in found:
                self.problem("witness", f"{self.directory}: holds no cosignature of {asked.vkey}")

    def _add_notes(self) -> None:
        report = self.report
        if report.live:
            report.notes.append(
                f"the log is being written: only the first {report.covered} records are signed"
            )
        if report.uncovered:
            report.notes.append(f"{report.uncovered} records follow the newest checkpoint, not signed yet")
        unknown = sum(cosignature.others(data, kept.origin) for _, data, kept in self.kept)
        if unknown and not self.asked.witnesses:
            report.notes.append(f"{unknown} cosignatures are kept; --witness checks those of a witness")
        usage = report.problems and report.problems[0].kind in ("empty", "origin", "key")
        if not self.outside and not report.seen and not usage:
            report.notes.append(
                "whether the end was cut off, checkpoint and all, shows only a checkpoint kept elsewhere"
            )
