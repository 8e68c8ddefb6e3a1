"""Every kind of single change to the log of a real run (`mam demo`), in small segments and three epochs.

The demo's own records are written again in segments of 128 KiB, with changes of key and signed roots between,
so that a verification is quick and there is much to move about.
"""

import bisect
import random
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from appliance._native import ffi, lib

from appliance.audit import keys, read_entries, records, segments, verify
from appliance.audit.chain import Asked
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.report import Problem
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, drain
from tests.audit.test_audit_tamper import frames, rebuild
from tests.cli.command import command

FLIPS = 150


@dataclass
class Real:
    """A log in `log`; where each record lies; an older copy; the newest key."""

    log: Path
    vkey: str
    key: Path
    older: Path
    starts: dict[Path, list[int]] = field(default_factory=dict)
    first: dict[Path, int] = field(default_factory=dict)
    signed: list[int] = field(default_factory=list)
    """Sizes at which a root was signed."""

    def problems(self, log: Path | None = None, asked: Asked | None = None) -> list[Problem]:
        report = verify(log or self.log, self.vkey, asked=asked)
        assert report.verified == (not report.problems)
        return report.problems


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    folder = tmp_path_factory.mktemp("real")
    done = command("demo", "--accounts", "60", "--orders", "60", "--seed", "3", "--dir", str(folder / "demo"))
    assert done.status == 0, done
    (source,) = {path.parent.parent for path in (folder / "demo").rglob("*.seg")}
    journal = [
        records.HEADER.pack(e.sequence, e.time, e.bridge, e.kind, records.VERSION, len(e.message)) + e.message
        for e in read_entries(source)
        if e.kind != records.OWN
    ]
    log, key = folder / "log", folder / "key"
    keys.generate(ORIGIN, key)
    made = Real(log, (folder / "key.vkey").read_text().strip(), key, folder / "older")
    third = len(journal) // 3
    for number in range(3):
        part = journal[number * third :] if number == 2 else journal[number * third : (number + 1) * third]
        ring = JournalRing(1 << 23)
        assert all(ring.write(entry) for entry in part)
        assert drain(log, KeyFile(key).signer, ring, SEGMENT) == 0
        with closing(Log(log, KeyFile(key), SEGMENT)) as opened:
            opened.say("checkpoint", note=opened.sign().decode())
            if number < 2:
                opened.change_key()
            for filler in range(60):  # so that the last segment has some, wherever it began
                opened.say("note", number=filler)
            opened.sign()
        if number == 1:
            shutil.copytree(log, made.older)
    for path in segments.paths(log):
        made.starts[path] = [offset for offset, _ in frames(path)]
        made.first[path] = segments.read_header(path).first_leaf
    made.signed = [
        entry.leaf_index
        for entry in read_entries(log)
        if entry.kind == records.OWN and records.parse(entry.message)["record"] == "checkpoint"
    ]
    report = verify(log, made.vkey)
    assert report.verified and report.segments >= 6 and report.epoch == 2, report
    made.signed.append(report.covered)
    return made


@pytest.fixture
def choose(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


def some_segment(real: Real, choose: random.Random) -> tuple[Path, int]:
    """A segment, and how many records it has."""
    path = choose.choice([path for path, starts in real.starts.items() if len(starts) > 30])
    return path, len(real.starts[path])


@pytest.fixture
def segment(real: Real, choose: random.Random):  # type: ignore[no-untyped-def]
    """One that is put back in the end."""
    path, count = some_segment(real, choose)
    saved = path.read_bytes()
    yield path, count
    path.write_bytes(saved)


def test_bits_all_over(real: Real, choose: random.Random) -> None:
    """Each flip is found, in the right file, and where it lies in a record, in the right record."""
    for _ in range(FLIPS):
        path = choose.choice(list(real.starts))
        offset, bit = choose.randrange(path.stat().st_size), choose.randrange(8)
        with open(path, "r+b") as file:
            file.seek(offset)
            before = file.read(1)
            file.seek(offset)
            file.write(bytes([before[0] ^ 1 << bit]))
            file.flush()
            problems = real.problems()
            file.seek(offset)
            file.write(before)
        assert problems and problems[0].segment == path.name, (path, offset, bit, problems)
        starts = real.starts[path]
        end = frames(path)[-1]
        if offset < segments.FIRST_FRAME:
            assert problems[0].kind == "header", (offset, problems)
        elif offset < end[0] + end[1]:
            leaf = real.first[path] + bisect.bisect_right(starts, offset) - 1
            assert (problems[0].kind, problems[0].leaf_index) == ("changed", leaf), (offset, problems)
        else:
            assert problems[0].kind in ("leftover", "changed"), (offset, problems)
    assert not real.problems()


@pytest.mark.parametrize("seed", range(6))
def test_two_records_swapped(real: Real, segment: tuple[Path, int], seed: int) -> None:
    path, count = segment
    one, two = sorted(random.Random(seed).sample(range(1, count - 1), 2))

    def swap(parts: list[bytes]) -> list[bytes]:
        parts[one], parts[two] = parts[two], parts[one]
        return parts

    rebuild(path, swap)
    problems = real.problems()
    assert {problem.kind for problem in problems} == {"reordered"} and problems[0].segment == path.name
    named = {problem.leaf_index for problem in problems}
    assert named & {real.first[path] + one, real.first[path] + two}


@pytest.mark.parametrize("seed", range(6))
def test_a_record_cut_out(real: Real, segment: tuple[Path, int], seed: int) -> None:
    path, count = segment
    number = random.Random(seed).randrange(1, count - 1)
    rebuild(path, lambda parts: parts[:number] + parts[number + 1 :])
    problem = real.problems()[0]
    assert (problem.kind, problem.leaf_index) == ("missing", real.first[path] + number)


@pytest.mark.parametrize("seed", range(6))
def test_a_record_twice(real: Real, segment: tuple[Path, int], seed: int) -> None:
    path, count = segment
    number = random.Random(seed).randrange(1, count - 30)
    size = [size for _, size in frames(path)]
    if sum(size) + segments.FIRST_FRAME + size[number] > path.stat().st_size:
        path = list(real.starts)[-1]  # the last one has room
        saved, number = path.read_bytes(), min(number, len(real.starts[path]) - 2)
    else:
        saved = path.read_bytes()
    rebuild(path, lambda parts: parts[: number + 1] + parts[number:])
    problem = real.problems()[0]
    path.write_bytes(saved)
    assert (problem.kind, problem.leaf_index) == ("duplicate", real.first[path] + number)


@pytest.mark.parametrize("seed", range(6))
def test_the_end_cut_off(real: Real, seed: int) -> None:
    path = list(real.starts)[-1]
    saved = path.read_bytes()
    number = random.Random(seed).randrange(1, len(real.starts[path]))
    rebuild(path, lambda parts: parts[:number])
    problem = real.problems()[0]
    path.write_bytes(saved)
    assert (problem.kind, problem.leaf_index) == ("truncated", real.first[path] + number)


def test_a_segment_replaced_by_an_older_one(real: Real) -> None:
    """The one that was being written when the copy was made; and one of another place."""
    path = segments.paths(real.older)[-1]
    newer = real.log / "segments" / path.name
    saved = newer.read_bytes()
    newer.write_bytes(path.read_bytes())
    problems = real.problems()
    newer.write_bytes(saved)
    assert problems[0].kind == "missing" and problems[0].leaf_index == len(frames(path)) + real.first[newer]
    one, two = list(real.starts)[1:3]
    saved = two.read_bytes()
    two.write_bytes(one.read_bytes())
    problems = real.problems()
    two.write_bytes(saved)
    assert [problem.kind for problem in problems] == ["reordered"]


def test_the_whole_log_replaced_by_an_older_one(real: Real) -> None:
    kept = (real.log / "checkpoint").read_bytes()
    assert not real.problems(real.older)
    (problem,) = real.problems(real.older, Asked([kept]))
    assert problem.kind == "truncated" and "covered by the checkpoint from outside" in problem.text


def rewrite(real: Real, target: Path, leaf: int) -> None:
    """All of the log with one byte of one record changed, checksums, trees and headers made right again."""
    shutil.copytree(real.log, target)
    tree = ffi.new("struct mam_merkle *")
    for path in segments.paths(target):
        native, data = segments.read_header(path).native, path.read_bytes()
        native.tree = tree[0]
        body = bytearray(data[: segments.FIRST_FRAME])
        header = ffi.new("uint8_t[]", segments.HEADER_BYTES)
        lib.mam_segment_write(native, header)
        body[:] = bytes(header) * 2
        for ordinal, (offset, _) in enumerate(frames(path)):
            length, behind = (int.from_bytes(data[offset + at : offset + at + 4], "little") for at in (0, 12))
            entry = bytearray(data[offset + 16 : offset + 16 + length])
            if int(native.first_leaf) + ordinal == leaf:
                entry[-1] ^= 1
            out, hash_ = ffi.new("uint8_t[]", length + 24), ffi.new("uint8_t[32]")
            size = lib.mam_frame_write(out, bytes(entry), length, ordinal, behind, native.salt)
            body += bytes(ffi.buffer(out, size))
            lib.mam_sha256_leaf(bytes(entry), length, hash_)
            lib.mam_merkle_append(tree, hash_)
        path.write_bytes((bytes(body) + bytes(len(data)))[: len(data)])


def sign_again(target: Path, signer: Signer) -> None:
    """The newest checkpoint, by whoever has that key."""
    from appliance.audit.checkpoint import Checkpoint

    tree, size = ffi.new("struct mam_merkle *"), 0
    for path in segments.paths(target):
        for offset, _ in frames(path):
            data = path.read_bytes()
            length = int.from_bytes(data[offset : offset + 4], "little")
            hash_ = ffi.new("uint8_t[32]")
            lib.mam_sha256_leaf(data[offset + 16 : offset + 16 + length], length, hash_)
            lib.mam_merkle_append(tree, hash_)
            size += 1
    root = ffi.new("uint8_t[32]")
    lib.mam_merkle_root(tree, root)
    (target / "checkpoint").write_text(signer.sign(Checkpoint(ORIGIN, size, bytes(root)).text))


@pytest.mark.parametrize("part", [0.05, 0.4, 0.9])
def test_a_record_forged_by_one_who_knows_the_format(real: Real, tmp_path: Path, part: float) -> None:
    """No checksum, header or link is wrong: the signed roots tell between which of them the change lies."""
    leaf = int(real.signed[-1] * part)
    while leaf in {size for size in real.signed}:
        leaf += 1
    rewrite(real, tmp_path / "log", leaf)
    problem = real.problems(tmp_path / "log")[0]
    after = min(size for size in real.signed if size > leaf)
    assert problem.kind == "root" and problem.leaf_index is not None
    assert problem.leaf_index <= leaf < after and f"the root of {after} records" in problem.text


def test_the_past_re_signed_with_a_later_key(real: Real, tmp_path: Path) -> None:
    """The thief of the newest key signs the rewritten log: the roots signed by closed keys are against it."""
    leaf = real.signed[0] // 2
    rewrite(real, tmp_path / "log", leaf)
    before = (tmp_path / "log/checkpoint").read_bytes()
    sign_again(tmp_path / "log", KeyFile(real.key).signer)
    assert (tmp_path / "log/checkpoint").read_bytes() != before
    problem = real.problems(tmp_path / "log")[0]
    assert problem.kind == "root" and f"the root of {real.signed[0]} records" in problem.text
