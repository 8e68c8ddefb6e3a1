"""One entry bundle of an export (C2SP `tlog-tiles`), read as the frames of a segment."""

from typing import Any, Final

from appliance._native import ffi, lib
from appliance.audit.segments import FRAME_HEADER
from appliance.audit.tree import HASH_BYTES

WIDTH: Final[int] = lib.MAM_BUNDLE_WIDTH
"""Entries of a full bundle, hashes of a full tile."""
_FAULTS = {
    lib.MAM_BUNDLE_CUT: "its last entry is cut",
    lib.MAM_BUNDLE_MORE: "has more entries",
    lib.MAM_BUNDLE_ENTRY: "holds an entry that is shorter than any record",
}


class Bundle:
    """`data`: the file's bytes; `width`: the entries that it should have; `ordinal`: of the first frame."""

    def __init__(self, data: bytes, width: int = WIDTH, ordinal: int = 0) -> None:
        self._out = ffi.new("uint8_t[]", len(data) + width * lib.MAM_BUNDLE_FRAME_EXTRA)
        self._offsets = ffi.new("uint64_t[]", width)
        self._read = ffi.new("struct mam_bundle *")
        base = ffi.from_buffer("uint8_t[]", data)
        status = lib.mam_bundle_frames(base, len(data), width, ordinal, self._out, self._offsets, self._read)
        self.fault: str | None = _FAULTS.get(status)
        """What is wrong with it."""
        if self.fault is None and self.count < width:
            self.fault = f"has {self.count} entries, expected {width}"

    @property
    def count(self) -> int:
        """Entries that are whole."""
        return int(self._read.count)

    @property
    def frames(self) -> Any:
        """Of the entries, as a segment has them."""
        return ffi.buffer(self._out, self._read.bytes)

    def entries(self) -> list[bytes]:
        frames, found = bytes(self.frames), []
        for number in range(self.count):
            at = int(self._offsets[number])
            length = int.from_bytes(frames[at - FRAME_HEADER : at - FRAME_HEADER + 4], "little")
            found.append(frames[at : at + length])
        return found

    def hashes(self) -> bytes:
        """Their leaf hashes, 32 bytes each."""
        out = ffi.new("uint8_t[]", HASH_BYTES * self.count)
        lib.mam_leaf_hashes(self._out, self._offsets, self.count, out)
        return bytes(ffi.buffer(out))
