"""Checks one segment by itself: every frame, their order, the journal's sequence; and computes the tree."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import records, segments
from appliance.audit.errors import AuditError
from appliance.audit.report import Problem, records_text
from appliance.audit.segments import Segment

PROBLEMS_MAX = 100
_CHUNK = 1 << 16
_NEVER = (1 << 64) - 1
_ORDINALS = (1 << 32) - 1


@dataclass
class OwnRecord:
    """One of the log's own records, with the root of all leaves before it."""

    leaf_index: int
    segment: str
    record: dict[str, Any]
    root: bytes


@dataclass
class Part:
    """What one segment's records say."""

    segment: Segment
    problems: list[Problem] = field(default_factory=list)
    own: list[OwnRecord] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Root of the log at the sizes asked for, where they lie in this segment."""
    size: int = 0
    """Of the log, at the end of the segment."""
    frontier: bytes = b""
    sequence: int = 0
    """Of the journal entry after the segment."""
    entries: int = 0
    whole: bool = True
    """All frames are good, so that size, frontier and roots mean something."""


def frontier(tree: Any) -> bytes:
    """The hashes that a segment's header holds for a tree (struct mam_merkle *)."""
    hashes = ffi.new("uint8_t[2048]")
    count = lib.mam_merkle_save(tree, hashes)
    return bytes(ffi.buffer(hashes, 32 * count))


def root_of(tree: Any) -> bytes:
    root = ffi.new("uint8_t[32]")
    lib.mam_merkle_root(tree, root)
    return bytes(ffi.buffer(root))


class SegmentCheck:
    """`data`: the whole file; `covered`: leaves under the newest checkpoint; `sizes`: where to note the root;
    `tick` gets bytes.
    """

    def __init__(
        self,
        segment: Segment,
        data: bytes,
        last: bool,
        live: bool,
        covered: int,
        sizes: list[int],
        tick: Callable[[int], None],
    ) -> None:
        self._data = data
        self._base = ffi.from_buffer("uint8_t[]", self._data)
        self._last, self._live, self._covered, self._tick = last, live, covered, tick
        self._name = segment.path.name
        self.part = Part(segment)
        self._scan = ffi.new("struct mam_scan *")
        self._tree = ffi.addressof(self._scan, "tree")
        self._stops = sorted(size for size in set(sizes) if size >= self.part.segment.first_leaf)

    def run(self) -> Part:
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
        part.frontier = frontier(self._tree)
        return part

    def _problem(self, kind: str, text: str, leaf: int | None = None) -> None:
        if len(self.part.problems) < PROBLEMS_MAX:
            self.part.problems.append(Problem(kind, text, leaf, self._name))

    def _next_stop(self) -> None:
        self._scan.stop_leaf = self._stops.pop(0) if self._stops else _NEVER

    def _read(self) -> None:
        scan = self._scan
        done = 0
        while True:
            status = lib.mam_scan_run(scan, _CHUNK, 1, ffi.NULL, ffi.NULL)
            self._tick(int(scan.offset) - done)
            done = int(scan.offset)
            if status == lib.MAM_SCAN_REACHED:
                self.part.roots[int(scan.tree.size)] = root_of(self._tree)
                self._next_stop()
            elif status == lib.MAM_SCAN_OWN:
                self._own()
            elif status == lib.MAM_SCAN_SEQUENCE:
                self._out_of_sequence()
            elif status != lib.MAM_SCAN_MORE:
                self._tick(len(self._data) - done)
                self._stopped(status)
                return

    def _own(self) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        begin = scan.offset + segments.FRAME_HEADER
        sequence = int(scan.found_sequence)
        try:
            record = records.parse(self._data[begin + records.HEADER.size : begin + scan.frame.length])
            self.part.own.append(OwnRecord(leaf, self._name, record, root_of(self._tree)))
            if record["record"] == "journal_gap":
                missing = f"journal entries {record.get('expected')} to {sequence - 1}"
                self._problem("gap", f"record {leaf}: the writer found {missing} missing", leaf)
            sequence = records.sequence_after(record, sequence, int(scan.sequence))
        except AuditError as error:
            self._problem("changed", f"record {leaf}: {error}", leaf)
        lib.mam_scan_accept(scan, 1, sequence)

    def _out_of_sequence(self) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        text = f"record {leaf}: is journal entry {scan.found_sequence}, expected {scan.sequence}"
        self._problem("gap", text, leaf)
        scan.entries += 1
        lib.mam_scan_accept(scan, 1, scan.found_sequence + 1)

    # What lies where the good frames stopped

    def _stopped(self, status: int) -> None:
        scan, leaf = self._scan, int(self._scan.tree.size)
        left = int(lib.mam_segment_used(self._base, len(self._data), scan.offset)) - int(scan.offset)
        if status == lib.MAM_SCAN_END and left <= 0:
            return
        torn = lib.mam_scan_tail(scan, ffi.new("struct mam_frame *")) != lib.MAM_TAIL_DAMAGE
        if self._last and torn and leaf >= self._covered:
            if not self._live:
                text = f"{left} bytes of a write that was never finished, signed by no checkpoint"
                self._problem("leftover", f"after record {leaf - 1}: {text}", leaf)
            return
        self.part.whole = False
        _Damage(self, status).name()


class _Damage:
    """Goes through the rest of a damaged segment, frame by frame, and says what is wrong where."""

    def __init__(self, check: SegmentCheck, status: int) -> None:
        self._check = check
        self._status = status
        self._first = check.part.segment.first_leaf
        self._start = int(check._scan.ordinal)
        self._seen: set[int] = set()
        self._gaps: list[tuple[int, int, bool]] = []

    def name(self) -> None:
        check = self._check
        data, salt = check._data, check._scan.salt
        expected, offset = self._start, int(check._scan.offset)
        frame = ffi.new("struct mam_frame *")
        while lib.mam_frame_find(check._base, len(data), offset, salt, 0, _ORDINALS, frame):
            found = int(frame.ordinal)
            self._place(found, expected, bytes_between=int(frame.offset) > offset)
            self._seen.add(found)
            expected, offset = found + 1, int(frame.next)
        self._end(expected, offset)
        for first, last, damaged in self._gaps:
            self._gap(first, last, damaged)

    def _problem(self, kind: str, ordinal: int, text: str) -> None:
        self._check._problem(kind, text, self._first + ordinal)

    def _place(self, found: int, expected: int, bytes_between: bool) -> None:
        """A good frame, `found`, stands where `expected` should; perhaps with other bytes before it."""
        leaf = self._first + found
        if found == expected:
            if bytes_between:
                self._problem("changed", found, f"record {leaf}: stands behind bytes that are no record")
            elif self._status in (lib.MAM_SCAN_ENTRY, lib.MAM_SCAN_BEHIND) and found == self._start:
                self._problem("changed", found, f"record {leaf}: holds what no writer writes")
        elif found < self._start or found in self._seen:
            text = f"record {leaf}: stands a second time, where record {self._first + expected} should"
            self._problem("duplicate", found, text)
        elif found < expected:
            self._problem(
                "reordered", found, f"record {leaf}: stands after record {self._first + expected - 1}"
            )
        else:
            self._gaps.append((expected, found - 1, bytes_between))

    def _gap(self, first: int, last: int, damaged: bool) -> None:
        """Records that were not where they should be; those that stand elsewhere are named already."""
        if last - first < 1000 and all(ordinal in self._seen for ordinal in range(first, last + 1)):
            return
        names = records_text(self._first + first, self._first + last)
        if damaged:
            self._problem("changed", first, f"{names}: no longer as written (checksum)")
        else:
            self._problem("missing", first, f"{names}: missing")

    def _end(self, expected: int, offset: int) -> None:
        """What follows the last good frame, when that is not only zeros."""
        check = self._check
        used = int(lib.mam_segment_used(check._base, len(check._data), offset))
        leaf = self._first + expected
        if self._status == lib.MAM_SCAN_END and used > offset and expected == self._start and not check._last:
            self._problem("leftover", expected, f"after record {leaf - 1}: bytes that are no record")
        elif used > offset:
            self._problem("changed", expected, f"record {leaf}: no longer as written (checksum), or cut off")
