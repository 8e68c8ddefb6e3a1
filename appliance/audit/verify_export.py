"""Verification of an export (C2SP `tlog-tiles`) from the log's public key alone.

First bundles and tiles are held against each other (tile_check.py). Then the entries are read as the
segments that they were: what checks a log checks them, each run of bundles from the tree that the tiles have
before it.

A range is rounded to whole bundles; the bundles beside it are read too, and those that name the keys. All its
hashes hang from the signed root by the tiles above, which are all read.
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import checkpoint, records, segments
from appliance.audit.archive import Archive
from appliance.audit.bundle import WIDTH
from appliance.audit.chain import Asked, Broken, Chain, Progress
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.export import BUNDLE_MAX, bundle_at, bundle_path
from appliance.audit.files import read_plain
from appliance.audit.note import NOTE_BYTES_MAX, Verifier
from appliance.audit.place import Place
from appliance.audit.report import Problem, Report
from appliance.audit.segment_check import PROBLEMS_MAX, Part, SegmentCheck, frontier
from appliance.audit.segments import Segment
from appliance.audit.tile_check import TileCheck

_RUN = 256
"""Bundles that are read as one segment."""
_TRIES = 5
_CLOSED = b'"record":"epoch_closed"'


class _Bundles:
    """Which bundles to read."""

    def __init__(self, out: Path, size: int, asked: Asked) -> None:
        self._out, self._size = out, size
        self.count = (size + WIDTH - 1) // WIDTH
        self.first, self.end = 0, self.count
        """The bundles of the range itself: [first, end)."""
        self.numbers = set(range(self.count))
        if asked.range is not None:
            self.first = self._begin(asked.range.since)
            self.end = max(self.first + 1, self._end(asked.range.until))
            beside = range(max(0, self.first - 1), min(self.count, self.end + 1))
            self.numbers = {0, self.count - 1, *beside, *self._naming_keys()}

    def _time(self, number: int) -> int | None:
        """Of the bundle's first journal entry. What is not as it should be is named when it is checked."""
        try:
            entries = bundle_at(self._out, number, self._size).entries()
        except Damaged:
            return None
        headers = (records.HEADER.unpack_from(entry) for entry in entries)
        return next((int(time) for _, time, _, kind, _, _ in headers if kind != records.OWN), None)

    def _begun(self, number: int, place: Place) -> bool:
        """Whether the bundle begins before the place."""
        if place.leaf is not None:
            return number * WIDTH < place.leaf
        found = self._time(number)
        return found is not None and found < (place.time or 0)

    def _bisect(self, place: Place) -> int:
        """The first bundle that does not begin before the place. The time of a run never goes back."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._begun(middle, place) else (low, middle)
        return low

    def _begin(self, since: Place | None) -> int:
        if since is None:
            return 0
        if since.leaf is not None:
            return min(since.leaf // WIDTH, self.count - 1)
        return max(0, self._bisect(since) - 1)

    def _end(self, until: Place | None) -> int:
        return self.count if until is None else self._bisect(until)

    def _naming_keys(self) -> Iterator[int]:
        """Those in which an epoch ends, and the next, which may hold the closed key's last signature.

        They are searched for, not trusted: where one was hidden, the chain of keys is broken.
        """
        for number in range(self.count):
            try:
                if _CLOSED in read_plain(self._out / bundle_path(number, self._size), BUNDLE_MAX):
                    yield from (number, min(number + 1, self.count - 1))
            except OSError:
                yield number

    def runs(self) -> list[range]:
        """The bundles as runs that are read together: none crosses an end of the range."""
        found: list[range] = []
        for number in sorted(self.numbers):
            cut = number in (self.first, self.end) or number % _RUN == 0
            if found and found[-1].stop == number and not cut:
                found[-1] = range(found[-1].start, number + 1)
            else:
                found.append(range(number, number + 1))
        return found


class _ExportVerification(Chain):
    what = "export"

    def __init__(self, out: Path, key: Verifier, asked: Asked, progress: Progress | None) -> None:
        super().__init__(out, key, asked, progress)
        self._lock = threading.Lock()
        self._done = self._total = 0

    def run(self) -> Report:
        started = time.monotonic()
        if self._read_checkpoint():
            self._read_kept()
            try:
                self._check()
            except Damaged as error:  # what was there a moment ago
                self.problem("incomplete", str(error))
        self.report.verified = not self.report.problems
        self.report.seconds = time.monotonic() - started
        self._add_notes()
        return self.report

    def grew(self) -> bool:
        """Whether another export into the folder came between."""
        try:
            return read_plain(self.directory / checkpoint.FILE, NOTE_BYTES_MAX) != self.note
        except OSError:
            return False

    def _tick(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self.progress is not None:
                self.progress(min(self._done, self._total), self._total)

    def _check(self) -> None:
        assert self.checkpoint is not None
        size = self.checkpoint.size
        held = sum(len(files) for *_, files in os.walk(self.directory / "tile" / "entries"))
        wanted = (size + WIDTH - 1) // WIDTH
        if wanted > 2 * held + PROBLEMS_MAX:  # whether that size is signed is not known yet
            raise Damaged(f"{self.directory}: has {held} of {wanted} entry bundles")
        self._archive = Archive(self.directory, size)
        self._bundles = _Bundles(self.directory, size, self.asked)
        for known in (*self.outside, *(kept for _, _, kept in self.kept)):
            if 0 < known.size <= size:  # the last tile of that size is needed to know its root
                self._bundles.numbers.add((known.size - 1) // WIDTH)
        self._total = 2 * len(self._bundles.numbers)
        intact = False
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            if self._check_tiles(pool):
                intact = self._check_records(pool)
        self.end = size
        self._check_signed(intact)

    def root_at(self, size: int) -> bytes | None:
        if size > self._archive.size:
            return None
        return self._archive.root(size)

    # Bundles and tiles

    def _check_tiles(self, pool: ThreadPoolExecutor) -> bool:
        assert self.checkpoint is not None
        check = TileCheck(self.directory, self.checkpoint, sorted(self._bundles.numbers), self._tick)
        check.run(pool)
        for problem in check.problems:
            self.problem(problem.kind, problem.text, problem.leaf_index, problem.segment)
        report = self.report
        report.bundles, report.tiles, report.bytes = len(self._bundles.numbers), check.tiles, check.bytes
        return not check.problems

    # What the entries say

    def _check_records(self, pool: ThreadPoolExecutor) -> bool:
        """False: the tree differs somewhere."""
        found = zip(self._bundles.runs(), pool.map(self._check_run, self._bundles.runs()), strict=True)
        before: Part | None = None
        chosen = []
        try:
            for run, part in found:
                if isinstance(part, Problem):
                    self.problem(part.kind, part.text, part.leaf_index, part.segment)
                    return False
                self._check_part(before, part)
                if self._bundles.first <= run.start < self._bundles.end:
                    chosen.append(part)
                before = part
        except Broken:
            return False
        finally:
            self._count(chosen)
        if before is not None and self.closing is not None and before.size > self.closing:
            self._check_closing(before.size, "")
        return True

    def _count(self, chosen: list[Part]) -> None:
        if chosen:
            report = self.report
            report.first, report.last = chosen[0].segment.first_leaf, chosen[-1].size - 1
            report.records = sum(part.size - part.segment.first_leaf for part in chosen)
            report.entries = sum(part.entries for part in chosen)

    def _check_run(self, run: range) -> Part | Problem:
        """Bundles as the segment that they were."""
        size, ordinal, pieces = self._archive.size, 0, [bytes(segments.FIRST_FRAME)]
        try:
            for number in run:
                bundle = bundle_at(self.directory, number, size, ordinal)
                pieces.append(bytes(bundle.frames))
                ordinal += bundle.count
                self._tick(1)
            data = b"".join(pieces)
            segment = self._segment(run.start, data)
            part = SegmentCheck(segment, data, False, False, 0, [], lambda count: None).run()
            if part.whole and part.frontier != frontier(self._tree(part.size)):
                raise Damaged(f"{bundle_path(run.start, size)}: changed while it was read")
        except (AuditError, OSError) as error:
            return Problem("incomplete", str(error), run.start * WIDTH, str(bundle_path(run.start, size)))
        return part

    def _segment(self, number: int, data: bytes) -> Segment:
        native = ffi.new("struct mam_segment *")
        native.first_leaf, native.length = number * WIDTH, len(data)
        native.tree = self._tree(number * WIDTH)[0]
        first = data[segments.FIRST_FRAME + segments.FRAME_HEADER :]
        native.sequence = int.from_bytes(first[:8], "little")
        return Segment(bundle_path(number, self._archive.size), native, 0)

    def _tree(self, size: int) -> Any:
        """The tree of the first `size` records, from the tiles."""
        nodes, first = [], 0
        for level in reversed(range(64)):
            if size >> level & 1:
                nodes.append(self._archive.span(first, first + (1 << level)))
                first += 1 << level
        tree = ffi.new("struct mam_merkle *")
        assert lib.mam_merkle_load(tree, size, b"".join(nodes), len(nodes)) == 0
        return tree

    def _check_part(self, before: Part | None, part: Part) -> None:
        first = part.segment.first_leaf
        for problem in part.problems:
            path = bundle_path((problem.leaf_index or 0) // WIDTH, self._archive.size)
            self.report.problems.append(replace(problem, segment=str(path)))
        if before is None or before.size != first:
            self.agreed = first
        elif part.segment.native.sequence != before.sequence and not self._begins_journal(part):
            found = part.segment.native.sequence
            text = f"record {first}: is journal entry {found}, expected {before.sequence}"
            self.problem("gap", text, first, str(part.segment.path))
        for own in part.own:
            path = bundle_path(own.leaf_index // WIDTH, self._archive.size)
            self._check_own(replace(own, segment=str(path)))
        if not part.whole:
            raise Broken

    def _begins_journal(self, part: Part) -> bool:
        """Whether its first record says that the journal goes on with another sequence."""
        own = part.own[0] if part.own else None
        return (
            own is not None
            and own.leaf_index == part.segment.first_leaf
            and own.record["record"] in ("journal_started", "journal_gap")
        )


def verify_export(out: Path, key: Verifier, progress: Progress | None, asked: Asked) -> Report:
    """Checks all that is asked; once more when another export into the folder came between."""
    for _ in range(_TRIES):
        found = _ExportVerification(out, key, asked, progress)
        report = found.run()
        if report.verified or not found.grew():
            break
    return report
