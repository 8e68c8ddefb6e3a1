"""Verification of a log from its public key alone.

Each segment's header holds the tree of all leaves before it. So segments are checked side by side, each from
its own header, and the chain is closed by comparing: what a segment's records give must stand in the next
one's header, and the first begins with the empty tree. What then remains is the signature under the root.

A range is checked from the segment in which it begins to the first signed root behind it, which is a leaf;
besides, the segments that name the keys.
"""

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance._native import ffi, lib
from appliance.audit import directory as folder
from appliance.audit import epochs, segments
from appliance.audit.archive import is_archive
from appliance.audit.chain import Asked, Broken, Chain, Progress
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.files import read_plain
from appliance.audit.log import is_being_written
from appliance.audit.note import Verifier
from appliance.audit.report import Problem, Report, records_text
from appliance.audit.segment_check import PROBLEMS_MAX, Part, SegmentCheck, frontier, root_of
from appliance.audit.selection import Selection
from appliance.audit.verify_export import verify_export


class _Verification(Chain):
    def __init__(self, directory: Path, key: Verifier, asked: Asked, progress: Progress | None) -> None:
        super().__init__(directory, key, asked, progress)
        self.selection = Selection([], None)
        self.parts: list[tuple[int, Part]] = []
        """With the number of the file among those of the log."""
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

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
            folder.check(self.directory)
        except AuditError as error:
            self.problem("incomplete" if isinstance(error, Damaged) else "empty", str(error))

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
        sizes = [one.size for one in self.outside]
        if self.asked.witnesses:
            sizes += [one.size for _, _, one in self.kept]
        self.selection = Selection(paths, self.asked.range, sizes)
        self._total = sum(paths[number].stat().st_size for number in self.selection.numbers)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            self._check_some(pool, self.selection.numbers)
            while (more := self.selection.more(self.parts)) is not None:
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
            data = read_plain(path, lib.MAM_SEGMENT_LENGTH_MAX)
            segment = segments.parse_header(path, data)
            live, covered = self.report.live, self.report.covered
            return SegmentCheck(segment, data, last, live, covered, sizes, self._tick).run()
        except AuditError as error:
            return Problem("header", str(error), None, path.name)
        except OSError as error:
            return Problem("incomplete", f"{path.name}: cannot read it: {error.strerror}", None, path.name)

    # The chain of segments, and what is signed

    def root_at(self, size: int) -> bytes | None:
        return next((part.roots[size] for _, part in self.parts if size in part.roots), None)

    def _check_all(self) -> None:
        report, (number, last) = self.report, self.parts[-1]
        to_the_end = self.selection.is_last(number)
        self.end = last.size if to_the_end else None
        self.log_id = self.parts[0][1].segment.log_id.hex()
        self._count(to_the_end)
        if not self._begin():
            return  # whose signatures to expect is not known
        intact = True
        try:
            self._check_parts()
            if to_the_end and last.size < report.covered:
                names = records_text(last.size, report.covered - 1)
                self.problem("truncated", f"{names}: covered by the checkpoint, but cut off", last.size)
        except Broken:
            intact = False
        if self.closing is not None and last.size > self.closing:
            self._check_closing(last.size, "")
        self._check_pruned()
        self._check_signed(intact)

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
        self.first_root = root_of(ffi.addressof(part.segment.native, "tree"))
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
                raise Broken
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
        if segment.native.epoch != len(self.epochs.closed):
            text = f"{name}: its header says epoch {segment.native.epoch}, the log {len(self.epochs.closed)}"
            self.problem("header", text, leaf, name)
        if before and segment.native.sequence != before.sequence:
            text = f"{name}: begins with journal entry {segment.native.sequence}, expected {before.sequence}"
            self.problem("gap", text, leaf, name)

    def _check_pruned(self) -> None:
        """What is not there any more must be what the log says was pruned."""
        whole = self.parts[-1][1].whole and self.selection.is_last(self.parts[-1][0])
        if self.pruned < self.begins and whole and not self.report.problems:
            names = records_text(self.pruned, self.begins - 1)
            self.problem(
                "missing", f"{names}: missing, and no record says that they were pruned", self.pruned
            )


def verify(
    directory: Path | str,
    vkey: str | Verifier,
    progress: Progress | None = None,
    asked: Asked | None = None,
) -> Report:
    """Checks everything that is asked; AuditError when the key, or a checkpoint from outside, is bad."""
    key = vkey if isinstance(vkey, Verifier) else Verifier.from_vkey(vkey)
    directory = Path(directory)
    if is_archive(directory) and not segments.paths(directory):
        return verify_export(directory, key, progress, asked or Asked())
    return _Verification(directory, key, asked or Asked(), progress).run()
