"""Exports as others read them: tlog-scales, aics-tlog, and a reader of the standard library."""

import hashlib
import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audit import read_entries
from appliance.audit.errors import AuditError
from appliance.audit.export import export, tile_path
from appliance.audit.note import Signer
from tests.audit import independent
from tests.audit.journals import JournalRing, drain, entry

NAME = "example.com/tiles"


class Grown:
    """A log that can be written on, and its exports."""

    def __init__(self, folder: Path) -> None:
        self.log, self.out, self.signer = folder / "log", folder / "tiles", Signer.generate(NAME)
        self.ring = JournalRing(1 << 23)
        self.numbers = itertools.count()

    @property
    def vkey(self) -> str:
        return self.signer.verifier.vkey

    def grow(self, count: int) -> None:
        for number in itertools.islice(self.numbers, count):
            assert self.ring.write(entry(number, number.to_bytes(8, "big")))
        assert drain(self.log, self.signer, self.ring, 1 << 20) == 0


@pytest.fixture
def grown(tmp_path: Path) -> Grown:
    return Grown(tmp_path)


def check_by_hand(out: Path, vkey: str) -> list[bytes]:
    """The entries, after every tile was computed anew from the bundles: nothing of ours but the paths."""
    _, size, root = independent.read_checkpoint(out, vkey)
    entries = list(bundles(out, size))
    row = [independent.sha256(b"\0" + one) for one in entries]
    expected = {Path("checkpoint")}
    expected |= {tile_path("entries", n, min(256, size - 256 * n)) for n in range((size + 255) // 256)}
    level = 0
    while row:
        for number in range((len(row) + 255) // 256):
            part = row[256 * number : 256 * number + 256]
            path = tile_path(level, number, len(part))
            assert (out / path).read_bytes() == b"".join(part), path
            expected.add(path)
        row = [fold(row[at : at + 256]) for at in range(0, len(row) // 256 * 256, 256)]
        level += 1
    tree = independent.Tree()
    for one in entries:
        tree.add(one)
    assert tree.root() == root
    assert {path.relative_to(out) for path in out.rglob("*") if path.is_file()} == expected
    return entries


def bundles(out: Path, size: int) -> Iterator[bytes]:
    for number in range((size + 255) // 256):
        data = (out / tile_path("entries", number, min(256, size - 256 * number))).read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            assert len(data) >= 2 + length
            yield data[2 : 2 + length]
            data = data[2 + length :]


def fold(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [hashlib.sha256(b"\1" + a + b).digest() for a, b in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def test_paths() -> None:
    assert str(tile_path(0, 1234067)) == "tile/0/x001/x234/067"
    assert str(tile_path("entries", 5, 17)) == "tile/entries/005.p/17"
    assert str(tile_path(2, 1000, 1)) == "tile/2/x001/000.p/1"


@pytest.mark.parametrize("count", [1, 252, 253, 254, 700])
def test_every_tile_is_right(grown: Grown, count: int) -> None:
    """Around full tiles: the log adds three records of its own."""
    grown.grow(count)
    result = export(grown.log, grown.out)
    entries = check_by_hand(grown.out, grown.vkey)
    assert len(entries) == result.size == count + 3
    logged = [one.message for one in read_entries(grown.log)]
    assert [one[24:] for one in entries] == logged


def test_an_export_goes_on_where_the_last_ended(grown: Grown) -> None:
    """Only new tiles are written; partial ones that are wider now are gone."""
    for count in (1, 300, 5, 211, 256, 1, 2000):
        grown.grow(count)
        result = export(grown.log, grown.out)
        check_by_hand(grown.out, grown.vkey)
    assert result.tiles < 12
    again = export(grown.log, grown.out)
    assert again.size == again.since == result.size


def test_tools_of_others_accept_it(grown: Grown) -> None:
    """tlog-scales and aics-tlog: signature, root, inclusion; three levels of tiles."""
    grown.grow(66_000)
    export(grown.log, grown.out)
    tools = [tool for tool in (scales, aics) if importlib.util.find_spec(tool.__doc__ or "") is not None]
    if not tools:
        pytest.skip("neither tlog-scales nor aics-tlog is installed (pip install 'mam-appliance[tlog]')")
    for tool in tools:
        tool(grown)


def scales(grown: Grown) -> None:
    """tlog_scales"""
    from tlog_scales.backend import LocalBackend  # type: ignore[import-not-found]
    from tlog_scales.reader import TilesReader  # type: ignore[import-not-found]
    from tlog_scales.signing import Vkey  # type: ignore[import-not-found]

    reader = TilesReader(LocalBackend(grown.out))
    signed = reader.get_checkpoint()
    signed.verify(Vkey.from_string(grown.vkey))
    assert reader.calculate_root_hash() == signed.root_hash
    for index in (0, 255, 256, 65_535, 65_536, signed.size - 1):
        leaf = hashlib.sha256(b"\0" + reader.get_entry(index)).digest()
        reader.get_inclusion_proof(index, signed.size).check(leaf, signed.root_hash)


def aics(grown: Grown) -> None:
    """aics_tlog"""
    key = grown.out.parent / "vkey"
    key.write_text(grown.vkey + "\n")
    for command in (["verify-checkpoint"], ["verify-inclusion", "--index", "65537"]):
        arguments = [sys.executable, "-m", "aics_tlog", *command, "--tiles", str(grown.out)]
        done = subprocess.run([*arguments, "--vkey-file", str(key)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["ok"] is True


def test_a_changed_log_is_not_exported(grown: Grown) -> None:
    """Its checksum made good again, as one who knows the format would: the root tells."""
    grown.grow(300)
    other = Grown(grown.log.parent / "other")
    other.signer = grown.signer
    other.log.parent.mkdir()
    other.grow(300)
    (other.log / "checkpoint").write_bytes((grown.log / "checkpoint").read_bytes())
    with pytest.raises(AuditError, match="do not give the root that is signed"):
        export(other.log, grown.out)
    assert not (grown.out / "checkpoint").exists()


def test_refusals(grown: Grown, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        export(tmp_path, grown.out)
    grown.grow(10)
    export(grown.log, grown.out)
    other = Grown(tmp_path / "b")
    other.signer = Signer.generate("example.com/other")
    other.log.parent.mkdir()
    other.grow(10)
    with pytest.raises(AuditError, match="holds the log 'example"):
        export(other.log, grown.out)
    with pytest.raises(AuditError, match="cannot be written"):
        export(grown.log, Path("/dev/null/tiles"))
