"""`mam audit export`: the log as C2SP `tlog-tiles`, for tools that others wrote.

    OUT/checkpoint
    OUT/tile/<level>/<number>[.p/<width>]          hashes, 256 a tile
    OUT/tile/entries/<number>[.p/<width>]          entries, each behind its length (16 bits, big-endian)

An export into a folder that holds an earlier one adds what is new. The checkpoint comes last, and only when
the tiles give its root: OUT is at any time a complete log.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from appliance.audit import checkpoint, note, segments
from appliance.audit.bundle import WIDTH, Bundle
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.files import read_plain
from appliance.audit.reader import Batch, read_batches
from appliance.audit.tree import HASH_BYTES, Tree, leaf_hash, node_hash

BUNDLE_MAX = WIDTH * (2 + 0xFFFF)
"""Bytes of the largest bundle."""
Progress = Callable[[int, int], None]
"""Called with leaves done and leaves in all."""


@dataclass
class Export:
    """What was written. `since`: the leaves that OUT had before."""

    directory: str
    out: str
    origin: str
    size: int = 0
    since: int = 0
    tiles: int = 0
    bundles: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)


def tile_path(level: int | str, number: int, width: int = WIDTH) -> Path:
    """`tile/<level>/x001/x234/067`, with `.p/<width>` when the tile is not full."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    if width < WIDTH:
        groups[-1] += ".p"
        groups.append(str(width))
    return Path("tile", str(level), *groups)


def read_checkpoint(directory: Path) -> tuple[bytes, Checkpoint]:
    """The folder's checkpoint, not verified here; AuditError when there is none."""
    try:
        data = read_plain(directory / checkpoint.FILE, note.NOTE_BYTES_MAX)
    except FileNotFoundError as error:
        raise AuditError(f"{directory / checkpoint.FILE}: cannot be read: {error.strerror}") from None
    except OSError as error:
        raise Damaged(f"{directory / checkpoint.FILE}: cannot be read: {error.strerror}") from None
    try:
        return data, Checkpoint.from_text(note.parse(data)[0])
    except AuditError as error:
        raise Damaged(f"{directory / checkpoint.FILE}: {error}") from None


def hash_tile(out: Path, level: int, number: int, size: int) -> bytes:
    """A tile's hashes as an export of `size` leaves has them."""
    width = min(WIDTH, (size >> 8 * level) - number * WIDTH)
    path = out / tile_path(level, number, width)
    try:
        data = read_plain(path, width * HASH_BYTES)
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) != width * HASH_BYTES:
        raise Damaged(f"{path}: has {len(data)} bytes, expected {width * HASH_BYTES}")
    return data


def read_bundle(out: Path, number: int, size: int) -> list[bytes]:
    """A bundle's entries as an export of `size` leaves has it; AuditError unless each fits its hash."""
    bundle, path = bundle_at(out, number, size), out / bundle_path(number, size)
    if bundle.fault is not None:
        raise Damaged(f"{path}: {bundle.fault}")
    wrong = differing(bundle.hashes(), hash_tile(out, 0, number, size))
    if wrong:
        raise Damaged(f"{path}: record {number * WIDTH + wrong[0]} does not fit its hash")
    return bundle.entries()


def bundle_path(number: int, size: int) -> Path:
    """Of a bundle as an export of `size` leaves names it."""
    return tile_path("entries", number, min(WIDTH, size - number * WIDTH))


def bundle_at(out: Path, number: int, size: int, ordinal: int = 0) -> Bundle:
    """The same; Damaged when it cannot be read. What is in it is not checked."""
    path = out / bundle_path(number, size)
    try:
        data = read_plain(path, BUNDLE_MAX)
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}") from None
    return Bundle(data, min(WIDTH, size - number * WIDTH), ordinal)


def differing(one: bytes, other: bytes) -> list[int]:
    """The places of the hashes in which two rows differ."""
    if one == other:
        return []
    places = range(0, max(len(one), len(other)), HASH_BYTES)
    return [at // HASH_BYTES for at in places if one[at : at + HASH_BYTES] != other[at : at + HASH_BYTES]]


def perfect_root(hashes: bytes) -> bytes:
    """The root over a full tile's hashes."""
    tree = Tree()
    tree.append(hashes)
    return tree.root()


class Edge:
    """The last, growing tile of each level."""

    def __init__(self, out: Path, size: int) -> None:
        """As after `size` leaves, a multiple of 256, of the export in `out`."""
        self.levels: list[tuple[int, bytearray]] = []
        """Number of the tile, and its hashes so far; level 0 first."""
        while size:
            number, width = divmod(size, WIDTH)
            level = len(self.levels)
            held = hash_tile(out, level, number, size << 8 * level) if width else b""
            self.levels.append((number, bytearray(held)))
            size //= WIDTH

    def root(self) -> bytes:
        """Of all leaves so far: the frontier, from the right to the left."""
        node: bytes | None = None
        for _, hashes in self.levels:
            for start, count in _runs(len(hashes) // HASH_BYTES):
                part = perfect_root(bytes(hashes[start * HASH_BYTES : (start + count) * HASH_BYTES]))
                node = part if node is None else node_hash(part, node)
        return node if node is not None else Tree().root()


def _runs(width: int) -> list[tuple[int, int]]:
    """A row of that many full subtrees in powers of two, the smallest (rightmost) first."""
    runs = []
    while width:
        count = width & -width
        width -= count
        runs.append((width, count))
    return runs


class _Exporter:
    def __init__(self, directory: Path, out: Path, progress: Progress | None) -> None:
        self.directory, self.out, self.progress = directory, out, progress
        self.data, self.signed = read_checkpoint(directory)
        self.result = Export(str(directory), str(out), self.signed.origin, self.signed.size)
        self.before = self._former()
        self.start = self.before // WIDTH * WIDTH
        self.edge = Edge(out, self.start)
        self.bundle = bytearray()
        self.in_bundle = 0

    def _former(self) -> int:
        """How many leaves OUT has already; AuditError when they are another log's, or more."""
        if not (self.out / checkpoint.FILE).exists():
            return 0
        _, former = read_checkpoint(self.out)
        if former.origin != self.signed.origin:
            raise AuditError(f"{self.out}: holds the log {former.origin!r}, not {self.signed.origin!r}")
        if former.size > self.signed.size:
            raise AuditError(f"{self.out}: has {former.size} records, the log only {self.signed.size} signed")
        self.result.since = former.size
        return former.size

    def run(self) -> Export:
        done = self._take_from_former()
        for batch in read_batches(self.directory, done):
            batch = batch.up_to(self.signed.size)
            if batch.count == 0:
                break
            if batch.first_leaf != done:
                raise AuditError(
                    f"{self.directory}: begins with record {batch.first_leaf}, and {self.out} ends with "
                    f"record {done - 1}: what lies between was pruned"
                )
            self._take(batch)
            done += batch.count
            if self.progress is not None:
                self.progress(done, self.signed.size)
        if done < self.signed.size:
            raise Damaged(f"{self.directory}: holds {done} records, its checkpoint covers {self.signed.size}")
        if self.edge.root() != self.signed.root:
            raise Damaged(
                f"{self.directory}: its records do not give the root that is signed; see `mam audit verify`"
            )
        self._partials()
        os.sync()
        checkpoint.publish(self.out, self.data)
        self._drop_old_partials()
        return self.result

    def _take_from_former(self) -> int:
        """What the last, partial bundle of OUT has: the log may have pruned it. The next leaf."""
        if self.before > self.start:
            for entry in read_bundle(self.out, self.start // WIDTH, self.before):
                self._take_entry(entry, leaf_hash(entry))
        return self.before

    def _take(self, batch: Batch) -> None:
        hashes = batch.hashes()
        for number in range(batch.count):
            self._take_entry(batch.entry(number), hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES])

    def _take_entry(self, entry: bytes, node: bytes) -> None:
        self.bundle += len(entry).to_bytes(2, "big") + entry
        self.in_bundle += 1
        self._add(0, node)

    def _add(self, level: int, node: bytes) -> None:
        """One more hash of a level; a tile that is full is written and becomes a hash of the next level."""
        if level == len(self.edge.levels):
            self.edge.levels.append((0, bytearray()))
        number, hashes = self.edge.levels[level]
        hashes += node
        if len(hashes) < WIDTH * HASH_BYTES:
            return
        self._write(tile_path(level, number), bytes(hashes))
        if level == 0:
            self._write_bundle(number)
        self.edge.levels[level] = (number + 1, bytearray())
        self._add(level + 1, perfect_root(bytes(hashes)))

    def _write_bundle(self, number: int) -> None:
        self._write(tile_path("entries", number, self.in_bundle), bytes(self.bundle))
        self.result.bundles += 1
        self.bundle.clear()
        self.in_bundle = 0

    def _partials(self) -> None:
        for level, (number, hashes) in enumerate(self.edge.levels):
            if hashes:
                self._write(tile_path(level, number, len(hashes) // HASH_BYTES), bytes(hashes))
        if self.in_bundle:
            self._write_bundle(self.signed.size // WIDTH)

    def _write(self, name: Path, data: bytes) -> None:
        """So that the file is there whole or not at all; `run` syncs them all before the checkpoint."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        with open(temporary, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
        self.result.tiles += name.parts[1] != "entries"
        self.result.bytes += len(data)

    def _drop_old_partials(self) -> None:
        """Of the former checkpoint, where now a wider one or a full tile is there."""
        now = self.signed.size
        for level in range(8):
            width, number = (self.before >> 8 * level) % WIDTH, self.before >> 8 * level + 8
            if width == 0 or (now >> 8 * level) == (self.before >> 8 * level):
                continue
            for kind in (level, "entries") if level == 0 else (level,):
                (self.out / tile_path(kind, number, width)).unlink(missing_ok=True)


def export(directory: Path, out: Path, progress: Progress | None = None) -> Export:
    """Lays out what the newest checkpoint covers; AuditError when it cannot, and then OUT is as it was."""
    if (out / segments.FOLDER).exists():
        raise AuditError(f"{out}: is a log itself; an export needs a folder of its own")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _Exporter(directory, out, progress).run()
    except OSError as error:
        raise AuditError(f"{error.filename or out}: cannot be written: {error.strerror}") from None
