"""Verification of a log from its public key alone.

Each segment's header holds the tree of all leaves before it. So segments are checked side by side, each from its own
header, and the chain is closed by comparing: what a segment's records give must stand in the next one's header, and
the first begins with the empty tree. What then remains is the signature under the newest root.

What no one can see in the log itself: that its end was cut off together with its checkpoint, or that it is an older,
complete copy. That takes a checkpoint that someone else kept (`witnessed`).
"""

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import checkpoint, note, records, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.log import is_being_written
from appliance.audit.note import Verifier
from appliance.audit.segments import Segment

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""
_CHUNK = 1 << 16
_PROBLEMS_MAX = 100
_NEVER = (1 << 64) - 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. kind: changed, missing, reordered, duplicate, truncated, root, signature, key, origin,
    header, gap, leftover, empty, incomplete."""

    kind: str
    text: str
    leaf_index: int | None = None
    segment: str | None = None


@dataclass
class Report:
    """What was found. `verified` is the answer; `problems` say why not."""

    directory: str
    origin: str
    key: str
    verified: bool = False
    live: bool = False
    """A writer has the log open: true is only what the checkpoint covers."""
    records: int = 0
    """Leaves read, own records included."""
    entries: int = 0
    """Journal entries among them."""
    covered: int = 0
    """Leaves under the newest checkpoint."""
    uncovered: int = 0
    """Good records after it, which no signature protects yet."""
    root: str = ""
    epoch: int = 0
    segments: int = 0
    bytes: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Own:
    """One of the log's own records, with the root of all leaves before it."""

    leaf_index: int
    segment: str
    record: dict[str, Any]
    root: bytes


@dataclass
class _Part:
    """What one segment's records say."""

    segment: Segment
    problems: list[Problem] = field(default_factory=list)
    own: list[_Own] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Root of the log at the sizes asked for, where they end in this segment."""
    size: int = 0
    frontier: bytes = b""
    sequence: int = 0
    entries: int = 0
    whole: bool = True
    """All records are good, so that size, frontier and roots mean something."""
    last_root: int = 0
    """Last size at which a signed root agreed; for saying where a change lies."""


def _frontier(tree: Any) -> bytes:
    hashes = ffi.new("uint8_t[2048]")
    count = lib.mam_merkle_save(tree, hashes)
    return bytes(ffi.buffer(hashes, 32 * count))


def _root(tree: Any) -> bytes:
    root = ffi.new("uint8_t[32]")
    lib.mam_merkle_root(tree, root)
    return bytes(ffi.buffer(root))


class _SegmentCheck:
    """Reads all frames of one segment."""

    def __init__(
        self, path: Path, last: bool, live: bool, covered: int, sizes: list[int], tick: Progress
    ) -> None:
        self._data = path.read_bytes()
        self._base = ffi.from_buffer("uint8_t[]", self._data)
        self._last, self._live, self._covered, self._tick = last, live, covered, tick
        self.part = _Part(segments.parse_header(path, self._data))
        self._name = path.name
        self._scan = ffi.new("struct mam_scan *")
        self._tree = ffi.addressof(self._scan, "tree")
        self._stops = sorted(size for size in sizes if size >= self.part.segment.first_leaf)

    def run(self) -> _Part:
        part, scan = self.part, self._scan
        if part.segment.damaged_copies:
            self._problem("header", f"{self._name}: one of the two copies of its header was changed")
        expected = int(part.segment.native.length)
        if len(self._data) != expected:
            self._problem("truncated", f"{self._name}: has {len(self._data)} bytes, not {expected}")
        lib.mam_scan_begin(scan, self._base, len(self._data), part.segment.native)
        self._next_stop()
        self._read()
        part.size, part.sequence, part.entries = int(scan.tree.size), int(scan.sequence), int(scan.entries)
        part.frontier = _frontier(self._tree)
        return part

    def _problem(self, kind: str, text: str, leaf: int | None = None) -> None:
        if len(self.part.problems) < _PROBLEMS_MAX:
            self.part.problems.append(Problem(kind, text, leaf, self._name))

    def _next_stop(self) -> None:
        self._scan.stop_leaf = self._stops.pop(0) if self._stops else _NEVER

    def _read(self) -> None:
        scan = self._scan
        done = 0
        while True:
            status = lib.mam_scan_run(scan, _CHUNK, 1, ffi.NULL, ffi.NULL)
            self._tick(int(scan.offset) - done, 0)
            done = int(scan.offset)
            if status == lib.MAM_SCAN_REACHED:
                self.part.roots[int(scan.tree.size)] = _root(self._tree)
                self._next_stop()
            elif status == lib.MAM_SCAN_OWN:
                self._own()
            elif status == lib.MAM_SCAN_SEQUENCE:
                self._out_of_sequence()
            elif status != lib.MAM_SCAN_MORE:
                self._tick(len(self._data) - done, 0)
                self._stopped(status)
                return

    def _own(self) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        begin = scan.offset + segments.FRAME_HEADER + records.HEADER.size
        sequence = int(scan.found_sequence)
        try:
            record = records.parse(
                self._data[begin : scan.offset + segments.FRAME_HEADER + scan.frame.length]
            )
            self.part.own.append(_Own(leaf, self._name, record, _root(self._tree)))
            if record["record"] == "journal_gap":
                text = f"record {leaf}: the writer found journal entries {record.get('expected')} to {sequence - 1} missing"
                self._problem("gap", text, leaf)
            sequence = records.sequence_after(record, sequence, int(scan.sequence))
        except AuditError as error:
            self._problem("changed", f"record {leaf}: {error}", leaf)
        lib.mam_scan_accept(scan, 1, sequence)

    def _out_of_sequence(self) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        self._problem(
            "gap", f"record {leaf}: is journal entry {scan.found_sequence}, expected {scan.sequence}", leaf
        )
        scan.entries += 1
        lib.mam_scan_accept(scan, 1, scan.found_sequence + 1)

    # What lies where the records stopped

    def _stopped(self, status: int) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        used = int(lib.mam_segment_used(self._base, len(self._data), scan.offset))
        if status == lib.MAM_SCAN_END and used <= scan.offset:
            return
        proof = ffi.new("struct mam_frame *")
        torn = lib.mam_scan_tail(scan, proof) != lib.MAM_TAIL_DAMAGE
        if self._last and torn and leaf >= self._covered:
            if not self._live:
                text = f"record {leaf}: bytes after the last whole record, of a write that was never finished"
                self._problem(
                    "leftover", f"{text} ({used - scan.offset} bytes, signed by no checkpoint)", leaf
                )
            return
        self.part.whole = False
        self._name_damage(status)

    def _name_damage(self, status: int) -> None:
        """Goes through the rest of the segment, frame by frame, and says what is wrong where."""
        first, seen = self.part.segment.first_leaf, set(range(self._scan.ordinal))
        expected, offset = int(self._scan.ordinal), int(self._scan.offset)
        frame = ffi.new("struct mam_frame *")
        size = len(self._data)
        while lib.mam_frame_find(self._base, size, offset, self._scan.salt, 0, (1 << 32) - 1, frame):
            found, at = int(frame.ordinal), int(frame.offset)
            if found == expected and at > offset:
                self._problem(
                    "changed", f"record {first + expected - 1}: bytes were put behind it", first + expected
                )
            elif found != expected:
                self._misplaced(first, found, expected, at > offset, seen)
            seen.add(found)
            expected, offset = found + 1, int(frame.next)
        self._after_last(first + expected, offset, status)

    def _misplaced(self, first: int, found: int, expected: int, damaged_bytes: bool, seen: set[int]) -> None:
        """A good frame stands where another should: `damaged_bytes` lie between it and the one before."""
        if found in seen:
            text = f"record {first + found}: stands a second time, where record {first + expected} should"
            self._problem("duplicate", text, first + found)
        elif found < expected:
            text = f"record {first + found}: stands after record {first + expected - 1}"
            self._problem("reordered", text, first + found)
        else:
            names = _range(first + expected, first + found - 1)
            what = "changed" if damaged_bytes else "missing"
            says = "no longer fits its checksum" if damaged_bytes else "missing here"
            self._problem(what, f"{names}: {says}", first + expected)

    def _after_last(self, leaf: int, offset: int, status: int) -> None:
        """What follows the last good frame, when that is not the regular end."""
        used = int(lib.mam_segment_used(self._base, len(self._data), offset))
        if used > offset or (status != lib.MAM_SCAN_END and not self.part.problems):
            text = f"record {leaf}: no longer fits its checksum, or is cut off"
            self._problem("changed", text, leaf)


def _range(first: int, last: int) -> str:
    return f"record {first}" if first == last else f"records {first} to {last}"


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
        self.outside = [checkpoint.read(data, [key])[0] for data in witnessed]
        self.parts: list[_Part] = []
        self._done = 0
        self._total = 0

    def problem(self, kind: str, text: str, leaf: int | None = None, segment: str | None = None) -> None:
        if len(self.report.problems) < _PROBLEMS_MAX:
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
            self._check_chain()
            self._check_own()
            self._check_signed()
        report.verified = not report.problems
        report.seconds = time.monotonic() - started
        report.notes += self._notes()
        return report

    # Before the records

    def _no_segments(self) -> None:
        if not self.directory.is_dir():
            self.problem("empty", f"{self.directory}: is not a directory")
        elif (self.directory / checkpoint.FILE).exists():
            self.problem(
                "incomplete",
                f"{self.directory}: has a checkpoint but no segment files; it is a part of a log",
            )
        else:
            self.problem("empty", f"{self.directory}: holds no log")

    def _read_checkpoint(self) -> bool:
        path = self.directory / checkpoint.FILE
        try:
            # Before the segments: what it covers must then be in them, even while the log grows.
            self.note = path.read_bytes()
            text, _ = note.parse(self.note)
            self.checkpoint = Checkpoint.from_text(text)
        except FileNotFoundError:
            what = "is being written and not signed yet" if self.report.live else "part of the log is missing"
            self.problem("incomplete", f"{path}: does not exist; {what}")
            return False
        except AuditError as error:
            self.problem("signature", f"{path}: {error}")
            return False
        self.report.covered = self.checkpoint.size
        if self.checkpoint.origin != self.key.name:
            text = f"{path}: is of the log {self.checkpoint.origin!r}, the key is that of {self.key.name!r}"
            self.problem("origin", text)
            return False
        return True

    def _same_origin(self, paths: list[Path]) -> bool:
        try:
            segment = segments.read_header(paths[0])
        except AuditError:
            return True  # named when the segments are checked
        if segment.origin_hash != hashlib.sha256(self.key.name.encode()).digest():
            self.problem(
                "origin", f"{paths[0].name}: belongs to a log of another origin than {self.key.name!r}"
            )
            return False
        return True

    # The records

    def _check_segments(self, paths: list[Path]) -> None:
        self._total = sum(path.stat().st_size for path in paths)
        self.report.segments, self.report.bytes = len(paths), self._total
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            jobs = [pool.submit(self._check_segment, path, path == paths[-1]) for path in paths]
            results = [job.result() for job in jobs]
        for result in results:
            if isinstance(result, _Part):
                self.parts.append(result)
                self.report.problems += result.problems[: _PROBLEMS_MAX - len(self.report.problems)]
            else:
                self.report.problems.append(result)

    def _check_segment(self, path: Path, last: bool) -> _Part | Problem:
        sizes = [c.size for c in (self.checkpoint, *self.outside) if c is not None]
        try:
            return _SegmentCheck(path, last, self.report.live, self.report.covered, sizes, self._tick).run()
        except AuditError as error:
            return Problem("header", str(error), None, path.name)
        except OSError as error:
            return Problem("incomplete", f"{path.name}: cannot read it: {error.strerror}", None, path.name)

    def _tick(self, count: int, _: int) -> None:
        self._done += count
        if self.progress is not None:
            self.progress(min(self._done, self._total), self._total)

    def _check_chain(self) -> None:
        """Each segment begins where, and with what, the one before ended."""
        before: _Part | None = None
        for part in self.parts:
            self._check_link(before, part)
            before = part
        last = self.parts[-1] if self.parts else None
        self.report.records = last.size if last else 0
        self.report.entries = sum(part.entries for part in self.parts)
        if last and last.whole and last.size < self.report.covered:
            names = _range(last.size, self.report.covered - 1)
            self.problem("truncated", f"{names}: covered by the checkpoint, but cut off", last.size)

    def _check_link(self, before: _Part | None, part: _Part) -> None:
        name, segment = part.segment.path.name, part.segment
        number, leaf = (before.segment.number + 1, before.size) if before else (0, 0)
        if segment.path != segments.path_of(self.directory, segment.first_leaf):
            self.problem("reordered", f"{name}: is the segment of record {segment.first_leaf}", None, name)
        elif segment.number > number:
            what = f"{_range(leaf, segment.first_leaf - 1)}: missing, with the segments {number} to {segment.number - 1}"
            self.problem("missing", what, leaf, name)
        elif before and segment.log_id != before.segment.log_id:
            self.problem("reordered", f"{name}: belongs to another log of this origin", None, name)
        elif before and not before.whole:
            return
        elif segment.first_leaf != leaf:
            what = (
                f"{name}: begins with record {segment.first_leaf}, the one before ends before record {leaf}"
            )
            self.problem("missing" if segment.first_leaf > leaf else "reordered", what, leaf, name)
        elif before and before.frontier != _frontier(ffi.addressof(segment.native, "tree")):
            what = f"a record from {before.segment.first_leaf} to {leaf - 1} was changed: the next segment's header"
            self.problem(
                "root", f"{what} has another tree", before.segment.first_leaf, before.segment.path.name
            )
        elif before and segment.native.sequence != before.sequence:
            what = f"{name}: begins with journal entry {segment.native.sequence}, expected {before.sequence}"
            self.problem("gap", what, leaf, name)

    # What is signed

    def _check_own(self) -> None:
        """The log's own records: keys, epochs, and the checkpoints that are leaves."""
        self.keys: list[Verifier] = []
        whole = True
        agreed = 0
        for part in self.parts:
            for own in part.own:
                if whole and not self._check_one(own, agreed):
                    whole = False  # what follows differs for the same reason
                agreed = own.leaf_index
            whole = whole and part.whole
        if not self.keys:
            self.problem("missing", "record 0: does not open the log")
        elif self.key not in self.keys and not self.report.problems:
            self.problem("key", f"the log is signed with {self.keys[-1].vkey}, not with {self.key.vkey}")

    def _check_one(self, own: _Own, agreed: int) -> bool:
        """False when the records before it are not those that it was written after."""
        what = own.record["record"]
        try:
            if what == "log_opened":
                self._open(own)
            elif what == "epoch_closed":
                self.keys.append(Verifier.from_vkey(str(own.record.get("next_vkey"))))
                self.report.epoch = int(own.record.get("next_epoch", -1))
                return self._same_root(
                    own, int(own.record.get("size", -1)), str(own.record.get("root")), agreed
                )
            elif what == "checkpoint":
                data = str(own.record.get("note")).encode()
                signed, _ = checkpoint.read(data, self.keys)
                if signed.size != own.leaf_index or signed.root != own.root:
                    self._differs(agreed, own.leaf_index)
                    return False
        except (AuditError, ValueError, TypeError) as error:
            kind = "signature" if isinstance(error, note.BadSignature) else "changed"
            self.problem(kind, f"record {own.leaf_index}: {error}", own.leaf_index, own.segment)
        return True

    def _open(self, own: _Own) -> None:
        if own.leaf_index != 0:
            raise AuditError("opens the log, but is not its first")
        if own.record.get("format") != records.FORMAT:
            raise AuditError(f"format {own.record.get('format')!r} is not known to this program")
        self.keys.append(Verifier.from_vkey(str(own.record.get("vkey"))))

    def _same_root(self, own: _Own, size: int, root: str, agreed: int) -> bool:
        import base64

        if size == own.leaf_index and root == base64.b64encode(own.root).decode():
            return True
        self._differs(agreed, own.leaf_index)
        return False

    def _differs(self, agreed: int, size: int) -> None:
        text = f"a record from {agreed} to {size - 1} was changed: the root of {size} records is not the signed one"
        self.problem("root", text, agreed)

    def _check_signed(self) -> None:
        """The newest checkpoint, and those from outside, against the records."""
        assert self.checkpoint is not None
        path = self.directory / checkpoint.FILE
        trusted = [self.key, *(self.keys if self.key in self.keys else [])]
        try:
            _, signers = note.verify(self.note, trusted)
            if self.keys and self.keys[-1] not in signers and not self.report.problems:
                self.problem(
                    "key",
                    f"{path}: is signed with {signers[0].vkey}, but the epoch's key is {self.keys[-1].vkey}",
                )
        except note.NotSigned as error:
            self.problem("key", f"{path}: {error}")
        except AuditError as error:
            self.problem("signature", f"{path}: {error}")
        self._check_root(self.checkpoint, "the signed one")
        for outside in self.outside:
            self._check_root(outside, "that of the checkpoint from outside")
        last = self.parts[-1] if self.parts else None
        self.report.root = self.checkpoint.root.hex()
        self.report.uncovered = max(0, self.report.records - self.report.covered) if last else 0

    def _check_root(self, signed: Checkpoint, which: str) -> None:
        if not all(part.whole for part in self.parts):
            return  # the tree of a damaged log says nothing more
        roots = [part.roots[signed.size] for part in self.parts if signed.size in part.roots]
        if not roots:
            if signed is not self.checkpoint:
                names = _range(self.report.records, signed.size - 1)
                self.problem(
                    "truncated", f"{names}: covered by the checkpoint from outside, but not in the log"
                )
            return
        if roots[-1] != signed.root and not any(p.kind == "root" for p in self.report.problems):
            own = [
                o.leaf_index for part in self.parts for o in part.own if o.record["record"] == "checkpoint"
            ]
            agreed = max([size for size in own if size <= signed.size], default=0)
            text = f"a record from {agreed} to {signed.size - 1} was changed: the root of {signed.size} records is not {which}"
            self.problem("root", text, agreed)

    def _notes(self) -> list[str]:
        notes = []
        if self.report.live:
            notes.append(
                f"the log is still being written: only the first {self.report.covered} records are signed"
            )
        if self.report.uncovered:
            notes.append(
                f"{self.report.uncovered} records follow the newest checkpoint; no signature protects them yet"
            )
        if not self.outside:
            notes.append(
                "whether the end was cut off together with its checkpoint shows only a checkpoint kept elsewhere"
            )
        return notes


def verify(
    directory: Path | str,
    vkey: str | Verifier,
    progress: Progress | None = None,
    witnessed: list[bytes] | None = None,
) -> Report:
    """Checks everything; `witnessed` are checkpoints that were kept elsewhere. AuditError: a key that is none."""
    key = vkey if isinstance(vkey, Verifier) else Verifier.from_vkey(vkey)
    return _Verification(Path(directory), key, progress, witnessed or []).run()
