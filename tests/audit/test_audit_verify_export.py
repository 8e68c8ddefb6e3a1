"""`mam audit verify` of an export: each kind of file changed in each way is found, and named."""

import json
import os
import random
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import keys, note, read_entries, verify
from appliance.audit.bundle import WIDTH
from appliance.audit.chain import Asked
from appliance.audit.errors import AuditError
from appliance.audit.export import export, tile_path
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.place import Place
from appliance.audit.report import Problem, Report
from appliance.audit.selection import Range
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, drain, entry
from tests.audit.test_audit_export import Grown, bundles, fold, grown
from tests.audit.test_audit_export import independent as by_hand
from tests.cli.command import assert_refused, command

__all__ = ["grown"]
COUNT = 66_000
"""Three levels of tiles: full and partial ones of the lower two."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    made = Grown(tmp_path_factory.mktemp("large"))
    made.grow(COUNT)
    export(made.log, made.out)
    return made


def kinds(report: Report) -> list[str]:
    return [problem.kind for problem in report.problems]


def only(report: Report) -> Problem:
    """The one thing that is wrong."""
    assert not report.verified and len(report.problems) == 1, report.problems
    return report.problems[0]


def one_of_each(size: int) -> list[Path]:
    """A full and a partial file of each kind that an export of that size has."""
    found: list[Path] = []
    for level in ("entries", 0, 1, 2):
        leaves = size >> (0 if level == "entries" else 8 * int(level))
        full, width = divmod(leaves, WIDTH)
        found += [tile_path(level, number) for number in sorted({0, full // 2, full - 1}) if full]
        found += [tile_path(level, full, width)] if width else []
    return found


# What is good


@pytest.mark.parametrize("count", [1, 252, 253, 254, 700])
def test_an_export_verifies(grown: Grown, count: int) -> None:
    grown.grow(count)
    export(grown.log, grown.out)
    report, of_log = verify(grown.out, grown.vkey), verify(grown.log, grown.vkey)
    assert report.verified and report.entries == count, report.problems
    assert (report.records, report.root, report.first, report.last) == (
        of_log.records, of_log.root, of_log.first, of_log.last,
    )  # fmt: skip


def test_an_export_that_goes_on(grown: Grown) -> None:
    """Exported again and again, each time with another tile that is not full."""
    done = 0
    for count in (1, 300, 5, 211, 256, 1, 2000):
        grown.grow(count)
        done += count
        export(grown.log, grown.out)
        report = verify(grown.out, grown.vkey)
        assert report.verified and report.entries == done, report.problems


def test_it_may_grow_while_it_is_verified(grown: Grown) -> None:
    """A tile that is not full goes away when a wider one comes: that is no damage."""
    grown.grow(300)
    export(grown.log, grown.out)
    over = threading.Event()

    def grow() -> None:
        for _ in range(20):
            grown.grow(100)
            export(grown.log, grown.out)
        over.set()

    thread = threading.Thread(target=grow)
    thread.start()
    while not over.is_set():
        report = verify(grown.out, grown.vkey)
        assert report.verified, report.problems
    thread.join()
    assert verify(grown.out, grown.vkey).entries == 2300


def test_what_it_says(large: Grown) -> None:
    (large.log.parent / "vkey").write_text(large.vkey + "\n")
    done = command("audit", "verify", large.out, "--key", large.log.parent / "vkey")
    assert (
        done.status == 0 and f"verified: {COUNT + 3:,} records, {COUNT:,} of the journal".encode() in done.out
    )
    assert b" in 258 entry bundles and 261 tiles of an export" in done.out, done
    done = command("audit", "verify", large.out, "--key", large.vkey, "--json")
    found = json.loads(done.out)
    assert done.status == 0 and found["verified"] and found["entries"] == COUNT and found["bundles"] == 258
    seen: list[tuple[int, int]] = []
    assert verify(large.out, large.vkey, lambda done, total: seen.append((done, total))).verified
    assert seen == sorted(seen) and seen[-1] == (516, 516)


# What is not


@pytest.mark.parametrize("seed", range(5))
def test_each_changed_byte_is_found_and_named(large: Grown, seed: int) -> None:
    choose = random.Random(seed)
    size = verify(large.out, large.vkey).covered
    for name in one_of_each(size):
        path, good = large.out / name, (large.out / name).read_bytes()
        at = choose.randrange(len(good))
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << choose.randrange(8)]) + good[at + 1 :])
        try:
            problem = only(verify(large.out, large.vkey))
            assert problem.kind == "changed" and problem.segment == str(name), (name, at, problem)
            if name.parts[1] == "entries":
                assert problem.leaf_index == leaf_at(name, good, at), (name, at, problem)
            else:
                assert f"its hash {at // 32} changed" in problem.text, problem
        finally:
            path.write_bytes(good)
    assert verify(large.out, large.vkey).verified


def leaf_at(name: Path, data: bytes, at: int) -> int:
    """Which record the byte at `at` of a bundle belongs to."""
    parts = name.parts[2:-1] if name.parts[-2].endswith(".p") else name.parts[2:]
    digits = "".join(part.removeprefix("x").removesuffix(".p") for part in parts)
    leaf, end = int(digits) * WIDTH, 0
    while True:
        end += 2 + int.from_bytes(data[end : end + 2], "big")
        if at < end:
            return leaf
        leaf += 1


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + path.read_bytes()[-34:])


def _remove(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # a plain open would wait for a writer for ever


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("spoil", [_fifo, _device, _sparse])
def test_what_is_no_file_of_an_export(large: Grown, spoil: Callable[[Path], None]) -> None:
    for name in [*one_of_each(verify(large.out, large.vkey).covered), Path("checkpoint")]:
        path, good = large.out / name, (large.out / name).read_bytes()
        spoil(path)
        try:
            assert kinds(verify(large.out, large.vkey))
        finally:
            path.unlink()
            path.write_bytes(good)


def test_a_size_that_nobody_signed_costs_nothing(grown: Grown) -> None:
    grown.grow(300)
    export(grown.log, grown.out)
    path = grown.out / "checkpoint"
    lines = path.read_bytes().split(b"\n")
    for size in (10**18, 2_560_000_000):
        path.write_bytes(b"\n".join([lines[0], str(size).encode(), *lines[2:]]))
        whole = command("audit", "verify", grown.out, "--key", grown.vkey)
        assert whole.status == 1 and b"entry bundles" in whole.out + whole.error.encode(), whole
        part = command("audit", "verify", grown.out, "--key", grown.vkey, "--from", "0", "--to", "5")
        assert part.status == 1, part


@pytest.mark.parametrize("spoil", [_cut, _empty, _longer, _remove, _folder])
def test_a_file_that_is_not_whole(large: Grown, spoil: Callable[[Path], None]) -> None:
    for name in one_of_each(verify(large.out, large.vkey).covered):
        path, good = large.out / name, (large.out / name).read_bytes()
        spoil(path)
        try:
            problem = only(verify(large.out, large.vkey))
            assert problem.segment == str(name) and problem.leaf_index is not None, problem
            assert problem.kind == ("incomplete" if spoil in (_remove, _folder) else "changed"), problem
        finally:
            if path.is_dir():
                path.rmdir()
            path.write_bytes(good)


def test_swapped_bundles(large: Grown) -> None:
    """Alone, and with their tiles: what remains is the hash above."""
    one, other = ((large.out / tile_path(level, n)) for level, n in (("entries", 3), ("entries", 7)))
    pairs = [(one, other)]
    for more in ([], [(large.out / tile_path(0, 3), large.out / tile_path(0, 7))]):
        pairs += more
        swap(pairs)
        try:
            report = verify(large.out, large.vkey)
            named = {
                problem.leaf_index // WIDTH for problem in report.problems if problem.leaf_index is not None
            }
            assert set(kinds(report)) == {"changed"} and named == {3, 7}, report.problems
        finally:
            swap(pairs)
    assert verify(large.out, large.vkey).verified


def swap(pairs: list[tuple[Path, Path]]) -> None:
    for one, other in pairs:
        data = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(data)


def forge(out: Path, leaf: int, upto: int) -> None:
    """One record changed, and all hashes made good again below level `upto`."""
    size = read_size(out)
    path = out / tile_path("entries", leaf // WIDTH, min(WIDTH, size - leaf // WIDTH * WIDTH))
    entries = list(bundles(out, size))
    changed = bytearray(entries[leaf])
    changed[-3] ^= 1  # a letter of a record of the log's own, which stays JSON
    entries[leaf] = bytes(changed)
    part = entries[leaf // WIDTH * WIDTH :][:WIDTH]
    path.write_bytes(b"".join(len(one).to_bytes(2, "big") + one for one in part))
    row, level = [by_hand.sha256(b"\0" + one) for one in entries], 0
    while row and level < upto:
        for number in range((len(row) + WIDTH - 1) // WIDTH):
            hashes = row[WIDTH * number :][:WIDTH]
            (out / tile_path(level, number, len(hashes))).write_bytes(b"".join(hashes))
        row = [fold(row[at : at + WIDTH]) for at in range(0, len(row) // WIDTH * WIDTH, WIDTH)]
        level += 1


def read_size(out: Path) -> int:
    return int((out / "checkpoint").read_text().split("\n")[1])


@pytest.mark.parametrize(
    ("upto", "kind", "leaf", "said"),
    [
        (0, "changed", 1000, "tile/entries/003: record 1000: no longer as written"),
        (
            1,
            "changed",
            768,
            "records 768 to 1023: changed, and tile/0/003 with them; the signed hash 3 in tile/1/000",
        ),
        (
            2,
            "changed",
            0,
            "records 0 to 65535: changed, and tile/1/000 with them; the signed hash 0 in tile/2/000",
        ),
        (3, "root", 0, "changed; the root of"),
    ],
)
def test_one_who_knows_the_format(
    large: Grown, tmp_path: Path, upto: int, kind: str, leaf: int, said: str
) -> None:
    """However far up the hashes were made good: what is above them tells, at last the signed root."""
    out = shutil.copytree(large.out, tmp_path / "out")
    forge(out, 1000, upto)
    problem = only(verify(out, large.vkey))
    assert (problem.kind, problem.leaf_index) == (kind, leaf) and said in problem.text, problem


def test_signed_roots_among_the_records_narrow_it_down(tmp_path: Path) -> None:
    """As in a log: the change lies between the last that holds and the first that does not."""
    log, out, signer = tmp_path / "log", tmp_path / "out", Signer.generate(ORIGIN)
    with closing(Log(log, signer, SEGMENT)) as opened:
        for _ in range(5):
            for number in range(100):
                opened.say("note", number=number)
            opened.say("checkpoint", note=opened.sign().decode())
        opened.sign()
    export(log, out)
    signed = [e.leaf_index for e in read_entries(log) if b'"record":"checkpoint"' in e.message]
    forge(out, signed[1] + 50, 9)
    problem = only(verify(out, signer.verifier))
    assert problem.kind == "root" and problem.leaf_index == signed[1], problem
    assert problem.text.startswith(f"records {signed[1]} to {signed[2] - 1}: changed")


def test_the_checkpoint(grown: Grown) -> None:
    grown.grow(600)
    kept = (grown.log / "checkpoint").read_bytes()
    export(grown.log, grown.out)
    grown.grow(600)
    newer = (grown.log / "checkpoint").read_bytes()
    assert verify(grown.out, grown.vkey, asked=Asked([kept])).verified
    assert kinds(verify(grown.out, grown.vkey, asked=Asked([newer]))) == ["truncated"]
    export(grown.log, grown.out)
    assert verify(grown.out, grown.vkey, asked=Asked([kept, newer])).verified
    path = grown.out / "checkpoint"
    path.write_bytes(kept)  # an older one: its last tiles are gone
    assert set(kinds(verify(grown.out, grown.vkey))) == {"incomplete"}
    path.write_bytes(newer[:-10] + b"AAAA" + newer[-6:])
    assert kinds(verify(grown.out, grown.vkey)) == ["signature"]
    path.write_bytes(newer.replace(str(read_size(grown.log)).encode(), b"1203"))
    assert "signature" in kinds(verify(grown.out, grown.vkey))


def test_another_history_of_the_same_key(grown: Grown, tmp_path: Path) -> None:
    """Its tiles under the checkpoint of the one that was signed; and a kept checkpoint against it."""
    grown.grow(600)
    export(grown.log, grown.out)
    kept = (grown.out / "checkpoint").read_bytes()
    (tmp_path / "b").mkdir()
    other = Grown(tmp_path / "b")
    other.signer = grown.signer
    other.grow(600)
    export(other.log, other.out)
    assert verify(other.out, grown.vkey).verified
    assert kinds(verify(other.out, grown.vkey, asked=Asked([kept]))) == ["root"]
    (other.out / "checkpoint").write_bytes(kept)
    assert kinds(verify(other.out, grown.vkey)) == ["root"]


# Keys


@pytest.fixture
def epochs(tmp_path: Path) -> Path:
    """A folder: `log` of three epochs and journals, its export `out`, `key`."""
    keys.generate(ORIGIN, tmp_path / "key")
    for number in range(3):
        ring = JournalRing()
        for sequence in range(400):
            assert ring.write(
                entry(sequence, sequence.to_bytes(8, "little"), time=10**18 + 1000 * number + sequence)
            )
        assert drain(tmp_path / "log", KeyFile(tmp_path / "key").signer, ring, SEGMENT) == 0
        with closing(Log(tmp_path / "log", KeyFile(tmp_path / "key"), SEGMENT)) as log:
            if number:
                log.change_key()
            log.sign()
    export(tmp_path / "log", tmp_path / "out")
    return tmp_path


def vkeys(folder: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((folder / "log/keys").glob("*.vkey"))]


def test_the_key_of_any_epoch_verifies_it(epochs: Path) -> None:
    """All of it, and each range of it."""
    assert len(vkeys(epochs)) == 3
    for vkey in vkeys(epochs):
        report = verify(epochs / "out", vkey)
        assert report.verified and report.epoch == 2 and report.entries == 1200, report.problems
        for first in range(0, report.records, 256):
            asked = Asked(range=Range(Place(leaf=first + 3), Place(leaf=first + 4)))
            part = verify(epochs / "out", vkey, asked=asked)
            assert part.verified and (part.first, part.records) == (first, min(256, report.records - first))


def test_a_range_of_times(epochs: Path) -> None:
    asked = Range(Place(time=10**18 + 1100), Place(time=10**18 + 1110))
    report = verify(epochs / "out", vkeys(epochs)[0], asked=Asked(range=asked))
    assert report.verified and report.records in (256, 512), report
    inside = [e.leaf_index for e in read_entries(epochs / "log") if 1100 <= e.time - 10**18 < 1110]
    assert inside and report.first <= inside[0] and inside[-1] <= report.last
    path = epochs / "out" / tile_path("entries", report.first // WIDTH)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert not verify(epochs / "out", vkeys(epochs)[0], asked=Asked(range=asked)).verified


def test_a_range_reads_only_what_it_must(large: Grown, tmp_path: Path) -> None:
    """A change outside is not seen, one inside is; the hashes above are all held against the signed root."""
    out = shutil.copytree(large.out, tmp_path / "out")
    asked = Asked(range=Range(Place(leaf=20_000), Place(leaf=30_000)))
    report = verify(out, large.vkey, asked=asked)
    assert report.verified and report.first == 19_968 and report.last == 30_207, report
    assert report.bundles < 50
    forge(out, 50_000, 0)
    assert verify(out, large.vkey, asked=asked).verified
    forge(out, 25_000, 0)
    assert [p.leaf_index for p in verify(out, large.vkey, asked=asked).problems] == [25_000]
    forge(out, 40_000, 3)
    assert not verify(out, large.vkey, asked=asked).verified
    done = command("audit", "verify", large.out, "--key", large.vkey, "--from", "70000")
    assert_refused(done, "--from 70000", "ends with record 66002")


def test_an_end_of_an_epoch_that_is_hidden(epochs: Path) -> None:
    """In a range the bundles that name keys are searched for: to change one breaks the chain."""
    out = epochs / "out"
    name = next(
        path
        for path in sorted(out.glob("tile/entries/*"))
        if path.is_file() and b"epoch_closed" in path.read_bytes()
    )
    data = name.read_bytes()
    name.write_bytes(data.replace(b"epoch_closed", b"epoch_clozed"))
    last = Asked(range=Range(Place(leaf=1200), None))
    report = verify(out, vkeys(epochs)[0], asked=last)
    assert not report.verified and set(kinds(report)) & {"changed", "key", "signature"}, report.problems


def test_wrong_questions(epochs: Path, tmp_path: Path) -> None:
    out, other = epochs / "out", tmp_path / "other"
    keys.generate(ORIGIN, other)
    done = command("audit", "verify", out, "--key", f"{other}.vkey")
    assert done.status == 2 and b"this log cannot be checked with this key" in done.out, done
    keys.generate("example.com/another", tmp_path / "another")
    done = command("audit", "verify", out, "--key", tmp_path / "another.vkey")
    assert done.status == 2 and b"origin: " in done.out, done
    (out / "checkpoint").rename(out / "kept")
    done = command("audit", "verify", out, "--key", vkeys(epochs)[0])
    assert done.status == 1 and b"checkpoint: does not exist; part of the log is missing" in done.out, done
    (out / "kept").rename(out / "checkpoint")
    shutil.rmtree(out / "tile" / "entries")
    done = command("audit", "verify", out, "--key", vkeys(epochs)[0])
    assert done.status == 1 and b"it is only part of a log" in done.out, done


# Retention


def test_the_export_of_a_pruned_log(epochs: Path) -> None:
    """What was exported before verifies with what came after; a new export of the rest is refused."""
    log, out, vkey = epochs / "log", epochs / "out", vkeys(epochs)[0]
    with closing(Log(log, KeyFile(epochs / "key"), SEGMENT)) as opened:
        for number in range(200):
            opened.say("note", text="x" * 2000, number=number)
        opened.sign()
    export(log, out)
    done = command(
        "audit", "prune", log, "--key", vkey, "--private-key", epochs / "key", "--keep-days", "0",
        "--export", out,
    )  # fmt: skip
    assert done.status == 0, done
    (log / "segments" / f"{0:020d}.seg").unlink(missing_ok=True)
    export(log, out)
    report = verify(out, vkey)
    assert report.verified and report.first == 0 and report.pruned is None, report.problems


def test_gaps_of_the_journal_are_told(tmp_path: Path) -> None:
    """A new journal at the border of two bundles is none; an entry that is missing is."""
    signer = Signer.generate(ORIGIN)
    for count in range(250, 258):
        log, out = tmp_path / str(count), tmp_path / f"out{count}"
        with closing(Log(log, signer, SEGMENT)) as opened:
            for number in range(count):
                opened.say("note", number=number)
            opened.say("journal_started", sequence=7, previous=0)
            opened.say("note", number=-1)
            opened.sign()
        export(log, out)
        assert verify(out, signer.verifier).verified
    with closing(Log(log, signer, SEGMENT)) as opened:
        opened.say("journal_gap", sequence=20, expected=7, found=20)
        opened.sign()
    export(log, out)
    assert kinds(verify(out, signer.verifier)) == ["gap"]


def test_what_no_writer_writes(grown: Grown) -> None:
    """An entry shorter than any record: no crash, but a sentence."""
    grown.grow(10)
    export(grown.log, grown.out)
    path = grown.out / tile_path("entries", 0, 13)
    path.write_bytes(b"\0\5short" + path.read_bytes())
    problem = only(verify(grown.out, grown.vkey))
    assert problem.kind == "changed" and "shorter than any record" in problem.text
    with pytest.raises(AuditError, match="shorter than any record"):
        export(grown.log, grown.out)
        grown.grow(1)
        export(grown.log, grown.out)


def test_notes_are_checked_as_in_a_log(tmp_path: Path) -> None:
    """A checkpoint among the records that another key signed."""
    log, out, signer, thief = (
        tmp_path / "log",
        tmp_path / "out",
        Signer.generate(ORIGIN),
        Signer.generate(ORIGIN),
    )
    with closing(Log(log, signer, SEGMENT)) as opened:
        opened.say("checkpoint", note=thief.sign(note.parse(opened.sign())[0]))
        opened.sign()
    export(log, out)
    assert kinds(verify(out, signer.verifier)) == kinds(verify(log, signer.verifier)) == ["signature"]
