"""Verification of a log from its public key alone.

Each segment's header holds the tree of all leaves before it. So segments are checked side by side, each from
its own header, and the chain is closed by comparing: what a segment's records give must stand in the next
one's header, and the first begins with the empty tree. What then remains is the signature under the root.

What no one can see in the log itself: that its end was cut off together with its checkpoint, or that it is an
older, complete copy. That takes a checkpoint that someone else kept (`witnessed`).
"""

import base64
import hashlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance._native import ffi
from appliance.audit import checkpoint, note, records, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.log import is_being_written
from appliance.audit.note import Verifier
from appliance.audit.report import Problem, Report, records_text
from appliance.audit.segment_check import PROBLEMS_MAX, OwnRecord, Part, SegmentCheck, frontier

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, from any thread, one at a time."""


class _Broken(Exception):
    """The tree differs from here on: what follows differs for the same reason, and is not named again."""


class _Verification:
    def __init__(
        self, directory: Path, key: Verifier, progress: Progress | None, witnessed: list[bytes]
    ) -> None:
        self.directory = directory
        self.key = key
        self.progress = progress
        self.report = Report(str(directory), key.name, key.vkey)
        self.checkpoint: Checkpoint | None = None
        self.note = b""
        self.outside_notes = witnessed
        self.outside = [Checkpoint.from_text(note.parse(data)[0]) for data in witnessed]
        self.parts: list[Part] = []
        self.keys: list[Verifier] = []
        """As the log itself names them, one an epoch."""
        self.closed: list[int] = []
        """Size of the log when each epoch ended: more than that its key may not sign."""
        self.closing: int | None = None
        """Where the closed key's last signature must stand, as a leaf."""
        self.agreed = 0
        """Size at which a signed root last agreed: a change lies behind it."""
        self._lock = threading.Lock()
        self._done = 0

    def problem(self, kind: str, text: str, leaf: int | None = None, segment: str | None = None) -> None:
        if len(self.report.problems) < PROBLEMS_MAX:
            self.report.problems.append(Problem(kind, text, leaf, segment))

    def run(self) -> Report:
        started = time.monotonic()
        report = self.report
        report.live = is_being_written(self.directory)
        paths = segments.paths(self.directory) if self.directory.is_dir() else []
        if not paths:
            self._no_segments()
        elif self._read_checkpoint() and self._same_origin(paths):
            self._check_segments(paths)
            if self.parts:
                self._check_all()
        report.verified = not report.problems
        report.seconds = time.monotonic() - started
        self._add_notes()
        return report

    # Before the records

    def _no_segments(self) -> None:
        where = self.directory
        if not where.is_dir():
            self.problem("empty", f"{where}: is not a directory")
        elif (where / checkpoint.FILE).exists():
            self.problem("incomplete", f"{where}: has a checkpoint but no segments; it is only part of a log")
        else:
            self.problem("empty", f"{where}: holds no log")

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
        except (AuditError, OSError) as error:
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

    # The records

    def _check_segments(self, paths: list[Path]) -> None:
        total = sum(path.stat().st_size for path in paths)
        self.report.segments, self.report.bytes = len(paths), total

        def tick(count: int) -> None:
            with self._lock:
                self._done += count
                if self.progress is not None:
                    self.progress(min(self._done, total), total)

        def check(path: Path) -> Part | Problem:
            return self._check_segment(path, path == paths[-1], tick)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for result in pool.map(check, paths):
                if isinstance(result, Problem):
                    self.report.problems.append(result)
                else:
                    self.parts.append(result)
                    room = PROBLEMS_MAX - len(self.report.problems)
                    self.report.problems += result.problems[: max(0, room)]

    def _check_segment(self, path: Path, last: bool, tick: Callable[[int], None]) -> Part | Problem:
        sizes = [c.size for c in (self.checkpoint, *self.outside) if c is not None]
        try:
            return SegmentCheck(path, last, self.report.live, self.report.covered, sizes, tick).run()
        except AuditError as error:
            return Problem("header", str(error), None, path.name)
        except OSError as error:
            return Problem("incomplete", f"{path.name}: cannot read it: {error.strerror}", None, path.name)

    # The chain of segments, and what is signed

    def _check_all(self) -> None:
        report, last = self.report, self.parts[-1]
        report.records, report.entries = last.size, sum(part.entries for part in self.parts)
        report.uncovered = max(0, report.records - report.covered)
        intact = True
        try:
            before: Part | None = None
            for part in self.parts:
                self._check_link(before, part)
                for own in part.own:
                    self._check_own(own)
                if not part.whole:
                    raise _Broken
                before = part
            if last.size < report.covered:
                names = records_text(last.size, report.covered - 1)
                self.problem("truncated", f"{names}: covered by the checkpoint, but cut off", last.size)
        except _Broken:
            intact = False
        if self.closing is not None and last.size > self.closing:
            self._check_closing(last.size, "")
        self._check_keys()
        self._check_signature()
        self._read_outside()
        if intact and self.checkpoint is not None:
            self._check_root(self.checkpoint, "the signed one")
            for outside in self.outside:
                self._check_outside(outside)

    def _check_link(self, before: Part | None, part: Part) -> None:
        """A segment begins where, and with what, the one before ended; else the chain is broken."""
        name, segment = part.segment.path.name, part.segment
        number, leaf = (before.segment.number + 1, before.size) if before else (0, 0)
        first = segment.first_leaf
        if segment.path != segments.path_of(self.directory, first):
            self._break("reordered", f"{name}: is the segment that begins with record {first}", leaf, name)
        if before and segment.log_id != before.segment.log_id:
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
                self.keys.append(Verifier.from_vkey(str(own.record["next_vkey"])))
                self.report.epoch = int(own.record["next_epoch"])
                self.closed.append(own.leaf_index + 1)
                self.closing = own.leaf_index + 1
            elif what == "checkpoint":
                data = str(own.record["note"]).encode()
                size = Checkpoint.from_text(note.parse(data)[0]).size
                signed, _ = checkpoint.read(data, self._keys_at(size))
                self._same_root(own, signed.size, signed.root)
        except (AuditError, ValueError, TypeError, KeyError) as error:
            kind = "signature" if isinstance(error, note.BadSignature | note.NotSigned) else "changed"
            self.problem(kind, f"record {own.leaf_index}: {error}", own.leaf_index, own.segment)

    def _keys_at(self, size: int) -> list[Verifier]:
        """The one key that may sign a log of that size, as far as the log has named it."""
        epoch = sum(1 for closed in self.closed if closed < size)
        return self.keys[epoch : epoch + 1]

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
        self.keys.append(Verifier.from_vkey(str(own.record["vkey"])))

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
        if not self.keys:
            if not self.report.problems:
                self.problem("missing", "record 0: does not open the log", 0)
        elif self.key not in self.keys and not self.report.problems:
            self.problem("key", f"the log is signed with {self.keys[-1].vkey}, not with {self.key.vkey}")

    def _check_signature(self) -> None:
        """The newest checkpoint is signed by the epoch's key, which the given key vouches for."""
        path = self.directory / checkpoint.FILE
        trusted = {self.key, *(self.keys if self.key in self.keys else [])}
        try:
            _, signers = note.verify(self.note, sorted(trusted, key=lambda key: key.vkey))
            wanted = self._keys_at(self.checkpoint.size) if self.checkpoint else []
            if self.key in self.keys and not set(wanted) <= set(signers):
                raise note.NotSigned(f"is signed with a key of another epoch, not with {wanted[0].vkey}")
        except note.NotSigned as error:
            if self.key in self.keys:
                self.problem("signature", f"{path}: {error}")
            elif not self.report.problems:
                self.problem("key", f"{path}: {error}")
        except AuditError as error:
            self.problem("signature", f"{path}: {error}")

    def _check_root(self, signed: Checkpoint, which: str) -> None:
        root = next((part.roots[signed.size] for part in self.parts if signed.size in part.roots), None)
        bad_signature = any(problem.kind == "signature" for problem in self.report.problems)
        if root is not None and root != signed.root and not bad_signature:
            try:
                self._differs(signed.size, which)
            except _Broken:
                return

    def _read_outside(self) -> None:
        """Their signatures, by the key of their epoch; AuditError: not a checkpoint of this log."""
        for data, outside in zip(self.outside_notes, self.outside, strict=True):
            known = self._keys_at(outside.size) if self.key in self.keys else []
            checkpoint.read(data, [*known, *([] if self.key in known else [self.key])])

    def _check_outside(self, outside: Checkpoint) -> None:
        if outside.size > self.report.records:
            names = records_text(self.report.records, outside.size - 1)
            self.problem("truncated", f"{names}: covered by the checkpoint from outside, but not in the log")
        else:
            self._check_root(outside, "that of the checkpoint from outside")

    def _add_notes(self) -> None:
        report = self.report
        if report.live:
            report.notes.append(
                f"the log is being written: only the first {report.covered} records are signed"
            )
        if report.uncovered:
            report.notes.append(f"{report.uncovered} records follow the newest checkpoint, not signed yet")
        if not self.outside:
            report.notes.append(
                "whether the end was cut off, checkpoint and all, shows only a checkpoint kept elsewhere"
            )


def verify(
    directory: Path | str,
    vkey: str | Verifier,
    progress: Progress | None = None,
    witnessed: list[bytes] | None = None,
) -> Report:
    """Checks everything. `witnessed`: checkpoints kept elsewhere; AuditError when one, or the key, is bad."""
    key = vkey if isinstance(vkey, Verifier) else Verifier.from_vkey(vkey)
    return _Verification(Path(directory), key, progress, witnessed or []).run()
