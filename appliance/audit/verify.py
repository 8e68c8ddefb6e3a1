"""Verification of a log from its public key alone.

Each segment's header holds the tree of all leaves before it. So segments are checked side by side, each from
its own header, and the chain is closed by comparing: what a segment's records give must stand in the next
one's header, and the first begins with the empty tree. What then remains is the signature under the root.

A range is checked from the segment in which it begins to the first signed root behind it, which is a leaf;
besides, the segments that name the keys.

What no one can see in the log itself: that its end was cut off together with its checkpoint, or that it is an
older, complete copy. That takes a checkpoint that someone else kept (`outside`), or witnesses.
"""

import base64
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance._native import ffi
from appliance.audit import checkpoint, cosignature, directory, epochs, note, records, segments, witness
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.cosignature import Witness
from appliance.audit.epochs import Epochs
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.log import is_being_written
from appliance.audit.note import Verifier
from appliance.audit.report import Problem, Report, Seen, records_text
from appliance.audit.segment_check import PROBLEMS_MAX, OwnRecord, Part, SegmentCheck, frontier, root_of
from appliance.audit.selection import Range, Selection

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, from any thread, one at a time."""


class _Broken(Exception):
    """The tree differs from here on: what follows differs for the same reason, and is not named again."""


class _Verification:
    def __init__(self, directory: Path, key: Verifier, asked: "Asked", progress: Progress | None) -> None:
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
        self.selection = Selection([], None)
        self.parts: list[tuple[int, Part]] = []
        """With the number of the file among those of the log."""
        self.epochs = Epochs()
        self.closing: int | None = None
        """Where the closed key's last signature must stand, as a leaf."""
        self.agreed = 0
        """Size at which a signed root last agreed: a change lies behind it."""
        self.begins = 0
        """The first record that is there; those before it were pruned."""
        self.pruned = 0
        """How many records the log itself says were pruned."""
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

    def problem(self, kind: str, text: str, leaf: int | None = None, segment: str | None = None) -> None:
        if len(self.report.problems) < PROBLEMS_MAX:
            self.report.problems.append(Problem(kind, text, leaf, segment))

    def run(self) -> Report:
        started = time.monotonic()
        report = self.report
        report.live = is_being_written(self.directory)
        paths = segments.paths(self.directory)
        if not paths:
            self._no_segments()
        elif self._read_checkpoint() and self._same_origin(paths):
            self._read_kept()
            self._check_segments(paths)
            if self.parts:
                self._check_all()
        report.verified = not report.problems
        report.seconds = time.monotonic() - started
        self._add_notes()
        return report

    # Before the records

    def _no_segments(self) -> None:
        try:
            directory.check(self.directory)
        except AuditError as error:
            self.problem("incomplete" if isinstance(error, Damaged) else "empty", str(error))

    def _read_checkpoint(self) -> bool:
        """Before the segments are listed: what it covers must be in them, even while the log grows."""
        path = self.directory / checkpoint.FILE
        try:
            self.note = path.read_bytes()
            text, signatures = note.parse(self.note)
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
        ours = any(s.name == self.key.name and s.id == self.key.id for s in signatures)
        if self.checkpoint.origin != self.key.name and not ours:
            text = f"is of the log {self.checkpoint.origin!r}, the key of {self.key.name!r}"
            self.problem("origin", f"{path}: {text}")
            return False
        return True

    def _same_origin(self, paths: list[Path]) -> bool:
        try:
            segment = segments.read_header(paths[0])
        except AuditError:
            return True  # named when the segments are checked
        if segment.origin_hash == hashlib.sha256(self.key.name.encode()).digest():
            return True
        self.problem("origin", f"{paths[0].name}: belongs to a log of another origin than {self.key.name!r}")
        return False

    def _read_kept(self) -> None:
        for path in witness.kept(self.directory):
            try:
                data = path.read_bytes()
                self.kept.append((path, data, Checkpoint.from_text(note.parse(data)[0])))
            except (AuditError, OSError) as error:
                self.problem("witness", f"{path}: {error}")

    # The records

    def _check_segments(self, paths: list[Path]) -> None:
        self.selection = Selection(paths, self.asked.range)
        self._total = sum(paths[number].stat().st_size for number in self.selection.numbers)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            self._check_some(pool, self.selection.numbers)
            while (more := self.selection.more([part for _, part in self.parts])) is not None:
                self._total += paths[more].stat().st_size
                self._check_some(pool, [more])
        self.report.segments, self.report.bytes = len(self.selection.numbers), self._total
        self.parts.sort(key=lambda numbered: numbered[0])

    def _check_some(self, pool: ThreadPoolExecutor, numbers: Sequence[int]) -> None:
        for number, result in zip(numbers, pool.map(self._check_segment, numbers), strict=True):
            if isinstance(result, Problem):
                self.report.problems.append(result)
            else:
                self.parts.append((number, result))
                room = PROBLEMS_MAX - len(self.report.problems)
                self.report.problems += result.problems[: max(0, room)]

    def _tick(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self.progress is not None:
                self.progress(min(self._done, self._total), self._total)

    def _check_segment(self, number: int) -> Part | Problem:
        path, last = self.selection.paths[number], self.selection.is_last(number)
        signed = (self.checkpoint, *self.outside, *(kept for _, _, kept in self.kept))
        sizes = [one.size for one in signed if one is not None]
        try:
            return SegmentCheck(path, last, self.report.live, self.report.covered, sizes, self._tick).run()
        except AuditError as error:
            return Problem("header", str(error), None, path.name)
        except OSError as error:
            return Problem("incomplete", f"{path.name}: cannot read it: {error.strerror}", None, path.name)

    # The chain of segments, and what is signed

    def _check_all(self) -> None:
        report, (number, last) = self.report, self.parts[-1]
        to_the_end = self.selection.is_last(number)
        self._count(to_the_end)
        if not self._begin():
            return  # whose signatures to expect is not known
        intact = True
        try:
            self._check_parts()
            if to_the_end and last.size < report.covered:
                names = records_text(last.size, report.covered - 1)
                self.problem("truncated", f"{names}: covered by the checkpoint, but cut off", last.size)
        except _Broken:
            intact = False
        if self.closing is not None and last.size > self.closing:
            self._check_closing(last.size, "")
        self._check_pruned()
        self._check_keys()
        self._check_signature(intact)
        self._read_outside()
        if intact and self.checkpoint is not None:
            self._check_root(self.checkpoint, "the signed one")
            for outside in self.outside:
                self._check_outside(outside)
        self._check_kept(intact)

    def _count(self, to_the_end: bool) -> None:
        report = self.report
        chosen = [part for number, part in self.parts if self.selection.is_asked_for(number)]
        if not chosen:
            return
        report.first, report.last = chosen[0].segment.first_leaf, chosen[-1].size - 1
        report.records = sum(part.size - part.segment.first_leaf for part in chosen)
        report.entries = sum(part.entries for part in chosen)
        report.uncovered = max(0, chosen[-1].size - report.covered) if to_the_end else 0

    def _begin(self) -> bool:
        """Where records were pruned, their keys are to be found elsewhere; False: they are not."""
        number, part = self.parts[0]
        self.begins = part.segment.first_leaf if number == 0 else 0
        if not self.begins:
            return True
        try:
            self.epochs = epochs.before(self.directory, int(part.segment.native.epoch))
            self.report.epoch = len(self.epochs.closed)
        except AuditError as error:
            self.problem("epoch", f"the keys of what was pruned: {error}")
            return False
        return True

    def _check_parts(self) -> None:
        before: Part | None = None
        for number, part in self.parts:
            if before is None or not self.selection.follows(number):
                self.agreed = part.segment.first_leaf
                before = None
            self._check_link(before, part, number)
            for own in part.own:
                self._check_own(own)
            if not part.whole:
                raise _Broken
            before = part

    def _check_link(self, before: Part | None, part: Part, file: int) -> None:
        """A segment begins where, and with what, the one before ended; else the chain is broken."""
        name, segment = part.segment.path.name, part.segment
        first = segment.first_leaf
        number, leaf = segment.number, first  # nothing was read before it: of a range, or pruned
        if before:
            number, leaf = before.segment.number + 1, before.size
        elif file == 0 and first == 0:
            number = 0
        if segment.path != segments.path_of(self.directory, first):
            self._break("reordered", f"{name}: is the segment that begins with record {first}", leaf, name)
        if segment.log_id != self.parts[0][1].segment.log_id:
            self._break("reordered", f"{name}: belongs to another log of this origin", leaf, name)
        if segment.number != number or first != leaf:
            kind = "missing" if first > leaf else "reordered"
            text = f"{records_text(leaf, first - 1)}: missing; the next segment begins with record {first}"
            if kind == "reordered":
                text = f"{name}: begins with record {first}, the one before ended with record {leaf - 1}"
            self._break(kind, text, leaf, name)
        if before and before.frontier != frontier(ffi.addressof(segment.native, "tree")):
            what = f"a record from {self.agreed} to {leaf - 1}, or the header of {name}, was changed"
            self._break("root", f"{what}: their trees differ", self.agreed, before.segment.path.name)
        if before and segment.native.sequence != before.sequence:
            text = f"{name}: begins with journal entry {segment.native.sequence}, expected {before.sequence}"
            self.problem("gap", text, leaf, name)

    def _break(self, kind: str, text: str, leaf: int | None, segment: str | None = None) -> None:
        self.problem(kind, text, leaf, segment)
        raise _Broken

    def _check_own(self, own: OwnRecord) -> None:
        """The log's own records: keys, epochs, and the checkpoints that are leaves."""
        what = own.record["record"]
        self._check_closing(own.leaf_index, what)
        try:
            if what == "log_opened":
                self._open(own)
            elif what == "epoch_closed":
                self._same_root(own, int(own.record["size"]), base64.b64decode(str(own.record["root"])))
                following = Verifier.from_vkey(str(own.record["next_vkey"]))
                self.epochs.close(own.leaf_index + 1, following)
                self.report.epoch = int(own.record["next_epoch"])
                self.closing = own.leaf_index + 1
            elif what == "checkpoint":
                data = str(own.record["note"]).encode()
                size = Checkpoint.from_text(note.parse(data)[0]).size
                signed, _ = checkpoint.read(data, self.epochs.at(size))
                self._same_root(own, signed.size, signed.root)
            elif what == "pruned":
                self._note_pruned(own)
        except (AuditError, ValueError, TypeError, KeyError) as error:
            kind = "signature" if isinstance(error, note.BadSignature | note.NotSigned) else "changed"
            self.problem(kind, f"record {own.leaf_index}: {error}", own.leaf_index, own.segment)

    def _note_pruned(self, own: OwnRecord) -> None:
        """The log says that its first records were deleted, and what root they had."""
        size = int(own.record["first_leaf"])
        if size > own.leaf_index:
            raise AuditError("tells of more pruned records than there were")
        if size == self.begins and own.record["root"] != base64.b64encode(self._first_root()).decode():
            raise AuditError("names another root of the pruned records than the first header gives")
        self.pruned = max(self.pruned, size)
        if size >= self.begins > 0:
            self.report.pruned = {"records": size, "record": own.leaf_index, **own.record}

    def _first_root(self) -> bytes:
        return root_of(ffi.addressof(self.parts[0][1].segment.native, "tree"))

    def _check_pruned(self) -> None:
        """What is not there any more must be what the log says was pruned."""
        whole = self.parts[-1][1].whole and self.selection.is_last(self.parts[-1][0])
        if self.pruned < self.begins and whole and not self.report.problems:
            names = records_text(self.pruned, self.begins - 1)
            self.problem(
                "missing", f"{names}: missing, and no record says that they were pruned", self.pruned
            )

    def _check_closing(self, leaf: int, what: object) -> None:
        """Right behind `epoch_closed` the closed key signs it: else a later key could have made it."""
        closing, self.closing = self.closing, None
        if closing is not None and (leaf != closing or what != "checkpoint"):
            text = f"record {closing}: is not the closed key's signature under the end of its epoch"
            self.problem("epoch", text, closing)

    def _open(self, own: OwnRecord) -> None:
        if own.leaf_index != 0:
            raise AuditError("opens a log, but is not its first record")
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
        root = next((part.roots[signed.size] for _, part in self.parts if signed.size in part.roots), None)
        bad_signature = any(problem.kind == "signature" for problem in self.report.problems)
        if root is not None and root != signed.root and not bad_signature:
            try:
                self._differs(signed.size, which)
            except _Broken:
                return

    def _known(self, size: int) -> list[Verifier]:
        """Who may have signed a checkpoint of that size that comes from elsewhere."""
        known = self.epochs.at(size) if self.key in self.epochs.keys else []
        return [*known, *([] if self.key in known else [self.key])]

    def _read_outside(self) -> None:
        """Their signatures, by the key of their epoch; AuditError: not a checkpoint of this log."""
        for data, outside in zip(self.asked.outside, self.outside, strict=True):
            checkpoint.read(data, self._known(outside.size))

    def _check_outside(self, outside: Checkpoint, where: str = "from outside") -> None:
        end = self.parts[-1][1].size
        if outside.size > end and self.selection.is_last(self.parts[-1][0]):
            names = records_text(end, outside.size - 1)
            self.problem("truncated", f"{names}: covered by the checkpoint {where}, but not in the log")
        elif outside.size < self.begins:
            self.report.notes.append(
                f"the checkpoint {where} covers {outside.size} records, which were pruned: not compared"
            )
        else:
            self._check_root(outside, f"that of the checkpoint {where}")

    def _check_kept(self, intact: bool) -> None:
        """What witnesses signed; and that each witness who was asked for has signed something."""
        for path, data, kept in self.kept:
            try:
                checkpoint.read(data, self._known(kept.size))
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


@dataclass(frozen=True)
class Asked:
    """What, beside the key, a log is to be held against."""

    outside: Sequence[bytes] = ()
    """Checkpoints kept elsewhere."""
    witnesses: Sequence[Witness] = ()
    range: Range | None = None
    """None: all of it."""


def verify(
    directory: Path | str,
    vkey: str | Verifier,
    progress: Progress | None = None,
    asked: Asked | None = None,
) -> Report:
    """Checks everything that is asked; AuditError when the key, or a checkpoint from outside, is bad."""
    key = vkey if isinstance(vkey, Verifier) else Verifier.from_vkey(vkey)
    return _Verification(Path(directory), key, asked or Asked(), progress).run()
