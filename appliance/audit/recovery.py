"""Finding the end of an existing log, so that it can be continued.

From the segment that the newest checkpoint ends in (the first, when there is none) every record is read
again. A bad record with nothing after it that could only have been written once it was on disk is a torn
tail: cut and reported. Anything else that is wrong is damage, and the log is not continued.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance._native import ffi, lib
from appliance.audit import checkpoint, note, records, segments
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.note import Verifier
from appliance.audit.segments import Segment


@dataclass
class End:
    """Where a log ends."""

    segment: Segment
    scan: Any
    """struct mam_scan *: stands at the end of the last segment."""
    checkpoint: Checkpoint | None
    epoch: int
    vkey: str | None
    """Of the current epoch, as the log itself names it; None when the records read do not say."""
    cut_bytes: int
    closing: bool
    """The last thing the log says is that its epoch is closed; the closed key has not signed that yet."""


def newest_checkpoint(directory: Path, keys: list[Verifier]) -> Checkpoint | None:
    try:
        data = (directory / checkpoint.FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"{directory / checkpoint.FILE}: cannot be read: {error.strerror}") from None
    try:
        return checkpoint.read(data, keys)[0]
    except note.NotSigned as error:
        raise AuditError(f"{directory / checkpoint.FILE}: {error}") from None
    except AuditError as error:
        raise Damaged(f"{directory / checkpoint.FILE}: {error}") from None


def _read_from_disk(path: Path) -> bytes:
    """The file as it is on disk: after a failed sync, memory may hold as clean what the disk never got."""
    with open(path, "rb") as file:
        os.fdatasync(file.fileno())  # what a killed writer left in memory
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file.read()


class _Recovery:
    def __init__(self, directory: Path, verifiers: list[Verifier]) -> None:
        self.directory = directory
        self.checkpoint = newest_checkpoint(directory, verifiers)
        self.closing = False
        self.epoch = 0
        self.vkey: str | None = None
        self.scan: Any = None

    def damage(self, path: Path, what: str) -> AuditError:
        return Damaged(f"{path}: {what}; the log is damaged and is not continued (see `mam audit verify`)")

    def run(self) -> End:
        every = [segments.read_header(path) for path in segments.paths(self.directory)]
        for number, segment in enumerate(every):
            if segment.number != number + every[0].number:
                raise self.damage(
                    segment.path, f"is segment {segment.number}, expected {number + every[0].number}"
                )
        start = self._first_to_read(every)
        for number, segment in enumerate(every[start:], start):
            last = number == len(every) - 1
            data = _read_from_disk(segment.path)
            cut = self._read(segment, data, last)
            if not last and self.scan.tree.size != every[number + 1].first_leaf:
                raise self.damage(segment.path, "does not end where the next segment begins")
        self._check_covered()
        self.scan.base = ffi.NULL  # `data` ends here
        return End(segment, self.scan, self.checkpoint, self.epoch, self.vkey, cut, self.closing)

    def _first_to_read(self, every: list[Segment]) -> int:
        size = self.checkpoint.size if self.checkpoint else 0
        return max(0, sum(1 for segment in every if segment.first_leaf <= size) - 1)

    def _read(self, segment: Segment, data: bytes, last: bool) -> int:
        """Reads one segment to its end; returns the bytes that were cut."""
        if len(data) != segment.native.length:
            raise self.damage(segment.path, f"has {len(data)} bytes, not {segment.native.length}")
        base = ffi.from_buffer("uint8_t[]", data)
        scan = ffi.new("struct mam_scan *")
        lib.mam_scan_begin(scan, base, len(data), segment.native)
        self.scan, self.epoch = scan, int(segment.native.epoch)
        if self.checkpoint and self.checkpoint.size >= segment.first_leaf:
            scan.stop_leaf = self.checkpoint.size
        status = self._run(segment, data)
        if (
            status == lib.MAM_SCAN_END
            and lib.mam_scan_tail(scan, ffi.new("struct mam_frame *")) == lib.MAM_TAIL_CLEAN
        ):
            return 0
        if not last:
            raise self.damage(segment.path, f"record {scan.tree.size} is bad, and a segment follows")
        return self._cut(segment, base, len(data))

    def _run(self, segment: Segment, data: bytes) -> int:
        """Scans on over own records and the checkpoint's end; returns the status that stopped it."""
        while True:
            status = int(lib.mam_scan_run(self.scan, 1 << 62, 1, ffi.NULL, ffi.NULL))
            if status == lib.MAM_SCAN_OWN:
                self._own(segment, data)
            elif status == lib.MAM_SCAN_REACHED:
                self._check_root(segment)
            elif status != lib.MAM_SCAN_MORE:
                return status

    def _own(self, segment: Segment, data: bytes) -> None:
        scan = self.scan
        begin = scan.offset + segments.FRAME_HEADER
        message = data[begin + records.HEADER.size : begin + scan.frame.length]
        try:
            record = records.parse(message)
            sequence = records.sequence_after(record, scan.found_sequence, scan.sequence)
        except AuditError as error:
            raise self.damage(segment.path, f"record {scan.tree.size}: {error}") from None
        if record["record"] == "log_opened":
            self.vkey = str(record.get("vkey"))
        elif record["record"] == "epoch_closed":
            self.epoch, self.vkey = int(record["next_epoch"]), str(record["next_vkey"])
        self.closing = record["record"] == "epoch_closed"
        lib.mam_scan_accept(scan, 1, sequence)

    def _check_root(self, segment: Segment) -> None:
        assert self.checkpoint is not None
        root = ffi.new("uint8_t[32]")
        tree = ffi.addressof(self.scan, "tree")
        lib.mam_merkle_root(tree, root)
        if bytes(root) != self.checkpoint.root:
            raise self.damage(
                segment.path, f"the first {tree.size} records do not give the checkpoint's root"
            )
        self.scan.stop_leaf = (1 << 64) - 1

    def _check_covered(self) -> None:
        if self.checkpoint and self.scan.tree.size < self.checkpoint.size:
            raise Damaged(
                f"{self.directory}: the checkpoint covers {self.checkpoint.size} records, the segments hold "
                f"only {self.scan.tree.size}; the log is damaged and is not continued"
            )

    def _cut(self, segment: Segment, base: Any, length: int) -> int:
        """Zeroes the torn tail; refuses when it was on disk once."""
        scan = self.scan
        if self.checkpoint and scan.tree.size < self.checkpoint.size:
            raise self.damage(segment.path, f"record {scan.tree.size} is bad, and the checkpoint covers it")
        proof = ffi.new("struct mam_frame *")
        if lib.mam_scan_tail(scan, proof) == lib.MAM_TAIL_DAMAGE:
            later = segment.first_leaf + proof.ordinal
            raise self.damage(
                segment.path,
                f"record {scan.tree.size} is bad, but was on disk when record {later} was written",
            )
        used = int(lib.mam_segment_used(base, length, scan.offset))
        with open(segment.path, "r+b") as file:
            os.pwrite(file.fileno(), bytes(used - scan.offset), scan.offset)
            os.fdatasync(file.fileno())
        return used - int(scan.offset)


def recover(directory: Path, verifiers: list[Verifier]) -> End:
    """Reads the log's end, cuts a torn tail; raises AuditError when the log cannot be continued.

    `verifiers`: of the keys that may have signed the newest checkpoint.
    """
    return _Recovery(directory, verifiers).run()
