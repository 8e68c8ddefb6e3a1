"""Reading a log: its entries in order, each frame checked. Whether the log is *true* says verify."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import checkpoint, note, records, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.files import read_plain
from appliance.audit.segments import Segment
from appliance.schema.codec import MessageError, to_json

_BATCH = 8192
_STATUS_TEXT = {
    lib.MAM_SCAN_LENGTH: "has an impossible length",
    lib.MAM_SCAN_CRC: "does not fit its checksum",
    lib.MAM_SCAN_PAD: "is followed by padding that is not zero",
    lib.MAM_SCAN_ORDER: "is another than the one that belongs here",
    lib.MAM_SCAN_BEHIND: "has an impossible frame header",
    lib.MAM_SCAN_ENTRY: "is no journal entry",
    lib.MAM_SCAN_SEQUENCE: "does not follow the journal sequence",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf. `bridge` is the source of an input, the destination of an output; 0xFFFF: journal only."""

    leaf_index: int
    sequence: int
    time: int
    """ns since the Unix epoch, UTC."""
    bridge: int
    kind: int
    """1 input, 2 output, 3 the log's own record (records.py)."""
    message: bytes
    """SBE message, header included; of kind 3: JSON."""


def output_fields(entry: Entry) -> dict[str, Any]:
    """An output's message as JSON has it; AuditError: another program, or nobody, wrote it."""
    try:
        return to_json(entry.message)
    except MessageError as error:
        raise AuditError(
            f"record {entry.leaf_index}: not of the schema that this program knows: {error}"
        ) from None


@dataclass
class Batch:
    """Leaves of one segment that follow each other: where their entries are in the file."""

    data: bytes
    base: Any
    """The file's bytes, as uint8_t *."""
    first_leaf: int
    offsets: Any
    """uint64_t *, one an entry."""
    count: int

    def up_to(self, size: int) -> "Batch":
        """The same, without the leaves from `size` on."""
        return replace(self, count=max(0, min(self.count, size - self.first_leaf)))

    def since(self, leaf: int) -> "Batch":
        """The same, without the leaves before `leaf`."""
        skip = max(0, min(self.count, leaf - self.first_leaf))
        return replace(
            self, first_leaf=self.first_leaf + skip, offsets=self.offsets + skip, count=self.count - skip
        )

    def entry(self, number: int) -> bytes:
        """The bytes of a leaf, the journal entry's header included."""
        at = int(self.offsets[number])
        length = int.from_bytes(
            self.data[at - segments.FRAME_HEADER : at - segments.FRAME_HEADER + 4], "little"
        )
        return self.data[at : at + length]

    def hashes(self) -> bytes:
        """Their leaf hashes, 32 bytes each."""
        out = ffi.new("uint8_t[]", 32 * self.count)
        lib.mam_leaf_hashes(self.base, self.offsets, self.count, out)
        return bytes(ffi.buffer(out))


class _SegmentReader:
    """The entries of one segment."""

    def __init__(self, path: Path) -> None:
        try:
            self.data = read_plain(path, lib.MAM_SEGMENT_LENGTH_MAX)
        except OSError as error:
            raise Damaged(f"{path.name}: cannot read it: {error.strerror}") from None
        self.segment: Segment = segments.parse_header(path, self.data)
        self._base = ffi.from_buffer("uint8_t[]", self.data)
        self.scan = ffi.new("struct mam_scan *")
        lib.mam_scan_begin(self.scan, self._base, len(self.data), self.segment.native)
        self._offsets = ffi.new("uint64_t[]", _BATCH)
        self._passed = ffi.new("uint64_t *")

    def entries(self) -> Iterator[Entry]:
        """Up to the end; raises AuditError at the first that is bad."""
        status = lib.MAM_SCAN_MORE
        while status in (lib.MAM_SCAN_MORE, lib.MAM_SCAN_OWN):
            first = int(self.scan.tree.size)
            status = lib.mam_scan_run(self.scan, _BATCH, 0, self._offsets, self._passed)
            for number in range(self._passed[0]):
                yield self._entry(first + number, int(self._offsets[number]))
            if status == lib.MAM_SCAN_OWN:
                yield self._own()
        if status != lib.MAM_SCAN_END:
            text = _STATUS_TEXT[status]
            raise Damaged(f"{self.segment.path.name}: record {self.scan.tree.size} {text}")

    def _entry(self, leaf: int, offset: int) -> Entry:
        sequence, time, bridge, kind, _, length = records.HEADER.unpack_from(self.data, offset)
        begin = offset + records.HEADER.size
        return Entry(leaf, sequence, time, bridge, kind, self.data[begin : begin + length])

    def _own(self) -> Entry:
        entry = self._entry(int(self.scan.tree.size), int(self.scan.offset) + segments.FRAME_HEADER)
        try:
            record = records.parse(entry.message)
            sequence = records.sequence_after(record, entry.sequence, int(self.scan.sequence))
        except AuditError as error:
            raise Damaged(f"{self.segment.path.name}: record {entry.leaf_index}: {error}") from None
        lib.mam_scan_accept(self.scan, 0, sequence)
        return entry

    def batches(self) -> "Iterator[Batch]":
        """The same, many at a time."""
        status = lib.MAM_SCAN_MORE
        while status in (lib.MAM_SCAN_MORE, lib.MAM_SCAN_OWN):
            first, offsets = int(self.scan.tree.size), ffi.new("uint64_t[]", _BATCH)
            status = lib.mam_scan_run(self.scan, _BATCH, 0, offsets, self._passed)
            if self._passed[0]:
                yield Batch(self.data, self._base, first, offsets, int(self._passed[0]))
            if status == lib.MAM_SCAN_OWN:
                leaf, own = int(self.scan.tree.size), ffi.new("uint64_t[]", 1)
                own[0] = self.scan.offset + segments.FRAME_HEADER
                self._own()
                yield Batch(self.data, self._base, leaf, own, 1)
        if status != lib.MAM_SCAN_END:
            text = _STATUS_TEXT[status]
            raise Damaged(f"{self.segment.path.name}: record {self.scan.tree.size} {text}")

    def ends_quietly(self, covered: int) -> bool:
        """Whether what stopped `entries` in the last segment is an unfinished tail and no damage."""
        proof = ffi.new("struct mam_frame *")
        return bool(
            self.scan.tree.size >= covered and lib.mam_scan_tail(self.scan, proof) != lib.MAM_TAIL_DAMAGE
        )

    def check_end(self, following: Segment | None) -> None:
        """Raises AuditError unless the segment after this one (None: none) begins where this one ended."""
        if following is not None and following.first_leaf != self.scan.tree.size:
            raise Damaged(
                f"{self.segment.path.name}: ends before record {self.scan.tree.size}, but the next segment "
                f"begins with record {following.first_leaf}"
            )


def covered_leaves(directory: Path) -> int:
    """What the newest checkpoint claims to cover (not checked here); 0 when there is none."""
    path = directory / checkpoint.FILE
    try:
        return Checkpoint.from_text(note.parse(path.read_bytes())[0]).size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}") from None
    except AuditError as error:
        raise Damaged(f"{path}: {error}") from None


def read_entries(directory: Path | str, first_leaf: int = 0) -> Iterator[Entry]:
    """Every entry from `first_leaf` on, checked frame by frame; raises AuditError at the first that is bad.

    A torn or unfinished tail of the last segment ends the log quietly: no checkpoint covers it.
    """
    for part in _parts(Path(directory), first_leaf):
        yield from (entry for entry in part if entry.leaf_index >= first_leaf)


def read_batches(directory: Path | str, first_leaf: int = 0) -> Iterator[Batch]:
    """The same in bulk, for what hashes or replays many; the first batch begins with `first_leaf`."""
    for part in _parts(Path(directory), first_leaf, _SegmentReader.batches):
        for batch in part:
            later = batch.since(first_leaf)
            if later.count:
                yield later


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches; while one is used a thread reads and checks the next."""
    with ThreadPoolExecutor(1, "log-reader") as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def _parts(
    directory: Path, first_leaf: int, read: Callable[[_SegmentReader], Iterator[Any]] = _SegmentReader.entries
) -> Iterator[Iterator[Any]]:
    """What `read` makes of each segment from that of `first_leaf` on."""
    paths = segments.paths(directory)
    if not paths:
        raise AuditError(f"{directory}: holds no log (no segment files)")
    headers = [segments.read_header(path) for path in paths]
    covered = covered_leaves(directory)
    start = max(0, sum(1 for header in headers if header.first_leaf <= first_leaf) - 1)
    for number in range(start, len(paths)):
        following = headers[number + 1] if number + 1 < len(paths) else None
        yield _whole(_SegmentReader(paths[number]), read, following, covered)


def _whole(
    part: _SegmentReader,
    read: Callable[[_SegmentReader], Iterator[Any]],
    following: Segment | None,
    covered: int,
) -> Iterator[Any]:
    try:
        yield from read(part)
    except AuditError:
        if following is not None or not part.ends_quietly(covered):
            raise
    part.check_end(following)


def frontier_at(directory: Path, leaf: int) -> tuple[Any, Iterator[Batch]]:
    """The tree (struct mam_merkle *) before the segment that holds `leaf`, and the batches from there on."""
    headers = [segments.read_header(path) for path in segments.paths(directory)]
    before = [header for header in headers if header.first_leaf <= leaf]
    if not before:
        raise AuditError(f"{directory}: record {leaf} is no longer in the log, which begins later")
    tree = ffi.new("struct mam_merkle *", before[-1].native.tree)
    return tree, read_batches(directory, before[-1].first_leaf)


def holds_entry(directory: Path, sequence: int, entry: bytes) -> bool:
    """Whether the log's newest journal has this very entry under this sequence."""
    for path in reversed(segments.paths(directory)):
        found: bool | None = None
        for old in _SegmentReader(path).entries():
            if old.kind == records.OWN:
                if old.sequence == 0 and old.leaf_index > 0 and _starts_journal(old):
                    found = False
            elif old.sequence == sequence:
                header = records.HEADER.pack(
                    old.sequence, old.time, old.bridge, old.kind, records.VERSION, len(old.message)
                )
                found = header + old.message == entry
        if found is not None:
            return found
    return False


def _starts_journal(entry: Entry) -> bool:
    return str(records.parse(entry.message)["record"]) == "journal_started"
