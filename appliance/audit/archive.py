"""Reading an export (C2SP `tlog-tiles`): its entries and, from its tiles, any hash of the tree."""

import os
from collections.abc import Iterator
from pathlib import Path

from appliance.audit import reader, records
from appliance.audit.bundle import WIDTH
from appliance.audit.export import hash_tile, perfect_root, read_bundle, read_checkpoint
from appliance.audit.reader import Entry
from appliance.audit.tree import HASH_BYTES, Tree, node_hash, siblings


def is_archive(directory: Path) -> bool:
    """Whether it is an export, and no log."""
    return os.path.isdir(directory / "tile" / "entries")  # False, too, where it may not be looked


class Archive:
    """The export in `out`, as its checkpoint has it (which is not verified here)."""

    def __init__(self, out: Path, size: int | None = None) -> None:
        """`size`: of the checkpoint, where it was read already."""
        self.out = out
        self.size = read_checkpoint(out)[1].size if size is None else size

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """Those of the records [first, last)."""
        for number in range(first // WIDTH, (last + WIDTH - 1) // WIDTH):
            start = number * WIDTH
            yield from read_bundle(self.out, number, self.size)[max(0, first - start) : last - start]

    def span(self, first: int, last: int) -> bytes:
        """The hash over the records [first, last), a subtree of the tree."""
        count = last - first
        if count & (count - 1) == 0 and first % count == 0:
            level, below = divmod(count.bit_length() - 1, 8)
            number, place = divmod(first >> 8 * level, WIDTH)
            tile = hash_tile(self.out, level, number, self.size)
            return perfect_root(tile[place * HASH_BYTES : (place + (1 << below)) * HASH_BYTES])
        half = 1 << (count - 1).bit_length() - 1
        return node_hash(self.span(first, first + half), self.span(first + half, last))

    def root(self, size: int | None = None) -> bytes:
        """Of the first `size` records, or of all, from the tiles."""
        size = self.size if size is None else size
        return self.span(0, size) if size else Tree().root()

    def inclusion_proof(self, index: int) -> tuple[bytes, list[bytes]]:
        """A record's bytes, and its proof in the tree of all."""
        spans = siblings(index, self.size)
        return next(self.entries(index, index + 1)), [self.span(first, last) for first, last in spans]


def read_entries(directory: Path, first_leaf: int = 0) -> Iterator[Entry]:
    """Those of a log, or of an export, from `first_leaf` on."""
    if not is_archive(directory):
        yield from reader.read_entries(directory, first_leaf)
        return
    archive = Archive(directory)
    for leaf, data in enumerate(archive.entries(first_leaf, archive.size), first_leaf):
        sequence, time, bridge, kind, _, length = records.HEADER.unpack_from(data)
        yield Entry(leaf, sequence, time, bridge, kind, data[records.HEADER.size :][:length])
