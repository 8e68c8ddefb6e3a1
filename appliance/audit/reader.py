"""Reading a log: its entries in order, each frame checked. Whether the log is *true* says verify."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance._native import ffi, lib
from appliance.audit import checkpoint, note, records, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.segments import Segment

_BATCH = 4096
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


class _SegmentReader:
    """The entries of one segment."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
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
            raise AuditError(f"{self.segment.path.name}: record {self.scan.tree.size} {text}")

    def _entry(self, leaf: int, offset: int) -> Entry:
        sequence, time, bridge, kind, _, length = records.HEADER.unpack_from(self.data, offset)
        begin = offset + records.HEADER.size
        return Entry(leaf, sequence, time, bridge, kind, self.data[begin : begin + length])

    def _own(self) -> Entry:
        entry = self._entry(int(self.scan.tree.size), int(self.scan.offset) + segments.FRAME_HEADER)
        record = records.parse(entry.message)
        sequence = records.sequence_after(record, entry.sequence, int(self.scan.sequence))
        lib.mam_scan_accept(self.scan, 0, sequence)
        return entry

    def ends_quietly(self, covered: int) -> bool:
        """Whether what stopped `entries` in the last segment is an unfinished tail and no damage."""
        proof = ffi.new("struct mam_frame *")
        return bool(
            self.scan.tree.size >= covered and lib.mam_scan_tail(self.scan, proof) != lib.MAM_TAIL_DAMAGE
        )

    def check_end(self, following: Segment | None) -> None:
        """Raises AuditError unless the segment after this one (None: none) begins where this one ended."""
        if following is not None and following.first_leaf != self.scan.tree.size:
            raise AuditError(
                f"{self.segment.path.name}: ends before record {self.scan.tree.size}, but the next segment "
                f"begins with record {following.first_leaf}"
            )


def covered_leaves(directory: Path) -> int:
    """What the newest checkpoint claims to cover (not checked here); 0 when there is none."""
    try:
        text, _ = note.parse((directory / checkpoint.FILE).read_bytes())
    except FileNotFoundError:
        return 0
    return Checkpoint.from_text(text).size


def read_entries(directory: Path | str, first_leaf: int = 0) -> Iterator[Entry]:
    """Every entry from `first_leaf` on, checked frame by frame; raises AuditError at the first that is bad.

    A torn or unfinished tail of the last segment ends the log quietly: no checkpoint covers it.
    """
    paths = segments.paths(Path(directory))
    if not paths:
        raise AuditError(f"{directory}: holds no log (no segment files)")
    headers = [segments.read_header(path) for path in paths]
    covered = covered_leaves(Path(directory))
    start = max(0, sum(1 for header in headers if header.first_leaf <= first_leaf) - 1)
    for number in range(start, len(paths)):
        part = _SegmentReader(paths[number])
        following = headers[number + 1] if number + 1 < len(paths) else None
        try:
            yield from (entry for entry in part.entries() if entry.leaf_index >= first_leaf)
        except AuditError:
            if following is not None or not part.ends_quietly(covered):
                raise
        part.check_end(following)


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
