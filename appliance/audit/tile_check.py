"""Whether an export's entry bundles and tiles fit each other, and which of them is wrong where they do not.

Each tile is compared with what lies below it: level 0 with the entries' hashes, a higher one with the roots
of its full tiles below. What lies above decides who is right: the hash that a full tile has in the tile above
it; for the growing tiles at the right edge, the signed root.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.bundle import WIDTH
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError, Damaged
from appliance.audit.export import (
    Edge,
    bundle_at,
    bundle_path,
    differing,
    hash_tile,
    perfect_root,
    tile_path,
)
from appliance.audit.report import Problem, records_text
from appliance.audit.tree import HASH_BYTES


@dataclass
class _Tile:
    """What is known of one tile. None: its file, or what lies below, cannot be read or was not asked for."""

    stored: bytes | None
    below: list[bytes | None]
    """The hashes that what lies below gives."""

    def row(self) -> bytes | None:
        """The hashes of what lies below, where that was not read those of the tile."""
        row = []
        for place, node in enumerate(self.below):
            if node is None and self.stored is not None:
                node = self.stored[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            if node is None:
                return None
            row.append(node)
        return b"".join(row)

    def wrong(self) -> list[int]:
        """The places at which it differs from what lies below it."""
        row = self.row()
        return [] if self.stored is None or row is None else differing(self.stored, row)


def _runs(places: list[int]) -> list[range]:
    """The places that follow each other, together."""
    runs: list[range] = []
    for place in places:
        if runs and runs[-1].stop == place:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


class TileCheck:
    """`numbers`: of the bundles to read; all tiles of level 1 and above are read anyway."""

    def __init__(
        self, out: Path, signed: Checkpoint, numbers: Sequence[int], tick: Callable[[int], None]
    ) -> None:
        self.out, self.signed, self.numbers, self._tick = out, signed, numbers, tick
        self.size = signed.size
        self.problems: list[Problem] = []
        self.tiles = self.bytes = 0
        self._levels: list[dict[int, _Tile]] = []

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Reads them all; then `problems` says what is wrong."""
        found = list(pool.map(self._bundle, self.numbers))
        self._levels = [{number: tile for number, (tile, _) in zip(self.numbers, found, strict=True)}]
        self.problems += [problem for _, problems in found for problem in problems]
        while self.size >> 8 * len(self._levels):
            self._read_level(len(self._levels))
        self.tiles = sum(len(tiles) for tiles in self._levels)
        for level, tiles in enumerate(self._levels):
            for number, tile in tiles.items():
                self._compare(level, number, tile)

    # Reading

    def _bundle(self, number: int) -> tuple[_Tile, list[Problem]]:
        problems: list[Problem] = []
        stored = self._stored(0, number, problems)
        hashes: list[bytes | None] = [None] * self._width(0, number)
        try:
            bundle = bundle_at(self.out, number, self.size)
            self.bytes += len(bundle.frames)
            row = bundle.hashes()
            for place in range(bundle.count):
                hashes[place] = row[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            if bundle.fault is not None:
                leaf = number * WIDTH + min(bundle.count, len(hashes) - 1)
                problems.append(self._problem("changed", bundle_path(number, self.size), bundle.fault, leaf))
        except Damaged as error:
            problems.append(self._lost(bundle_path(number, self.size), error, 0, number))
        self._tick(1)
        return _Tile(stored, hashes), problems

    def _width(self, level: int, number: int) -> int:
        return min(WIDTH, (self.size >> 8 * level) - number * WIDTH)

    def _stored(self, level: int, number: int, problems: list[Problem]) -> bytes | None:
        try:
            stored = hash_tile(self.out, level, number, self.size)
        except Damaged as error:
            problems.append(self._lost(self._path(level, number), error, level, number))
            return None
        self.bytes += len(stored)
        return stored

    def _read_level(self, level: int) -> None:
        """The tiles of a level above 0, held against the full ones below."""
        tiles = {}
        for number in range(((self.size >> 8 * level) + WIDTH - 1) // WIDTH):
            stored = self._stored(level, number, self.problems)
            first = number * WIDTH
            below = [self._root(level - 1, first + place) for place in range(self._width(level, number))]
            tiles[number] = _Tile(stored, below)
        self._levels.append(tiles)

    def _root(self, level: int, number: int) -> bytes | None:
        """Of a full tile, as its file has it; where there is none, as what lies below it gives."""
        tile = self._levels[level].get(number)
        row = None if tile is None else tile.stored if tile.stored is not None else tile.row()
        return None if row is None else perfect_root(row)

    # Judging

    def _compare(self, level: int, number: int, tile: _Tile) -> None:
        places = [p for p in tile.wrong() if level == 0 or not self._named(level - 1, number * WIDTH + p)]
        if not places:
            return
        row = tile.row()
        assert tile.stored is not None and row is not None
        fits = [self._fits(level, number, hashes) for hashes in (tile.stored, row)]
        for run in _runs(places):
            self._name(level, number, run, *fits)

    def _named(self, level: int, number: int) -> bool:
        """Whether that tile is known to differ from what lies below it, or not to be there."""
        tile = self._levels[level].get(number)
        return tile is not None and (tile.stored is None or bool(tile.wrong()))

    def _fits(self, level: int, number: int, hashes: bytes) -> bool:
        """Whether these hashes in the place of a tile give what lies above it."""
        if self._width(level, number) < WIDTH:
            return self.edge_root({level: hashes}) == self.signed.root
        above, place = divmod(number, WIDTH)
        if level + 1 == len(self._levels):
            return False
        tile = self._levels[level + 1][above]
        stored = tile.stored
        return stored is not None and stored[place * HASH_BYTES : (place + 1) * HASH_BYTES] == perfect_root(
            hashes
        )

    def edge_root(self, instead: dict[int, bytes] | None = None) -> bytes | None:
        """The root that the tiles at the right edge give, with others `instead` of those of some levels."""
        edge = Edge(self.out, 0)
        for level in range(len(self._levels)):
            number, width = divmod(self.size >> 8 * level, WIDTH)
            tile = self._levels[level].get(number) if width else None
            held = b"" if tile is None else tile.stored or tile.row()
            if instead is not None and level in instead:
                held = instead[level]
            if held is None or (width and not held):
                return None
            edge.levels.append((number, bytearray(held)))
        return edge.root()

    # Saying

    def _path(self, level: int, number: int) -> Path:
        return tile_path(level, number, self._width(level, number))

    def _problem(self, kind: str, path: Path, text: str, leaf: int) -> Problem:
        return Problem(kind, f"{path}: {text}", leaf, str(path))

    def _lost(self, path: Path, error: AuditError, level: int, number: int) -> Problem:
        """A file that is not there, or not as long as it must be."""
        first, last = self._records(level, number)
        text = str(error).removeprefix(f"{self.out / path}: ")
        kind = "incomplete" if text.startswith("cannot be read") else "changed"
        return self._problem(kind, path, f"{text} ({records_text(first, last)})", first)

    def _records(self, level: int, number: int) -> tuple[int, int]:
        """First and last record under a tile."""
        first = number * WIDTH << 8 * level
        return first, min(first + (WIDTH << 8 * level), self.size) - 1

    def _name(self, level: int, number: int, run: range, tile_fits: bool, below_fits: bool) -> None:
        path = self._path(level, number)
        first = (number * WIDTH + run.start) << 8 * level
        names = records_text(first, ((number * WIDTH + run.stop) << 8 * level) - 1)
        hashes = f"hash {run.start}" if len(run) == 1 else f"hashes {run.start} to {run.stop - 1}"
        if below_fits and not tile_fits:
            problem = self._problem("changed", path, f"its {hashes} changed; {names} as written", first)
        elif not tile_fits:
            text = f"neither its {hashes} nor {names} as signed"
            problem = self._problem("changed", path, text, first)
        elif level == 0:
            bundle = bundle_path(number, self.size)
            problem = self._problem("changed", bundle, f"{names}: no longer as written", first)
        else:
            below = self._path(level - 1, number * WIDTH + run.start)
            text = f"{names}: changed, and {below} with them; the signed {hashes} in {path} differs"
            problem = Problem("changed", text, first, str(below))
        self.problems.append(problem)
