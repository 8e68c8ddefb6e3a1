"""Every single change to a log is found, and named for what it is."""

import json
import random
import shutil
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from appliance._native import ffi, lib

from appliance.audit import Entry, read_entries, segments
from appliance.audit.chain import Asked
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.report import Report
from appliance.audit.verify import verify
from tests.audit import independent
from tests.audit.journals import ORIGIN, make_log

SIGNER = Signer(ORIGIN, bytes(range(32)))
VKEY = SIGNER.verifier.vkey
MESSAGES = [bytes([number % 251]) * (40 + number % 3) for number in range(3000)]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two full segments and a part of a third; frames of 80 and 88 bytes."""
    directory = tmp_path_factory.mktemp("log") / "log"
    make_log(directory, SIGNER, MESSAGES)
    report = verify(directory, VKEY)
    assert report.verified and report.entries == len(MESSAGES) and report.segments == 3
    return directory


@pytest.fixture
def log(original: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "log"
    shutil.copytree(original, copy)
    return copy


def frames(path: Path) -> list[tuple[int, int]]:
    """(offset, bytes) of each frame of a segment."""
    data, at, found = path.read_bytes(), segments.FIRST_FRAME, []
    while at + 16 <= len(data) and (length := struct.unpack_from("<I", data, at)[0]):
        size = (16 + length + 7) // 8 * 8
        found.append((at, size))
        at += size
    return found


def change(path: Path, function: Callable[[bytearray], bytes | bytearray | None]) -> None:
    data = bytearray(path.read_bytes())
    path.write_bytes(function(data) or data)


def kinds(report: Report) -> list[str]:
    assert not report.verified
    return [problem.kind for problem in report.problems]


def flip(path: Path, offset: int, bit: int = 0) -> None:
    def change_it(data: bytearray) -> None:
        data[offset] ^= 1 << bit

    change(path, change_it)


# Bits


def test_a_flipped_bit_anywhere_is_found(original: Path, tmp_path: Path) -> None:
    """In the header's fields, in frames, and at random."""
    choose = random.Random(1)
    for number, path in enumerate(segments.paths(original)):
        size = path.stat().st_size
        places = [*range(0, 136, 5), 4092, 4100, *range(segments.FIRST_FRAME, segments.FIRST_FRAME + 90, 3)]
        places += [choose.randrange(size) for _ in range(50)] + [size - 1]
        copy = tmp_path / f"log{number}"
        shutil.copytree(original, copy)
        for offset in places:
            bit = choose.randrange(8)
            flip(copy / "segments" / path.name, offset, bit)
            report = verify(copy, VKEY)
            assert not report.verified and report.problems[0].segment in (path.name, None), (
                path,
                offset,
                bit,
            )
            flip(copy / "segments" / path.name, offset, bit)
        assert verify(copy, VKEY).verified


def test_the_independent_check_finds_bits_too(log: Path) -> None:
    path = segments.paths(log)[1]
    for offset in (20, 4092, 5000, 8192, 8200, 8230, path.stat().st_size - 1):
        flip(path, offset)
        with pytest.raises(AssertionError):
            independent.check(log, VKEY)
        flip(path, offset)
    assert independent.check(log, VKEY)["entries"] == len(MESSAGES)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("field", [0, 4, 8, 12, 16, 30, 50])
def test_a_changed_record_is_named(log: Path, number: int, field: int) -> None:
    """Length, checksum, ordinal, behind, entry: exactly that record, and no other."""
    path = segments.paths(log)[number]
    offset, _ = frames(path)[37]
    leaf = segments.read_header(path).first_leaf + 37
    flip(path, offset + field, 3)
    report = verify(log, VKEY)
    assert kinds(report) == ["changed"]
    assert report.problems[0].leaf_index == leaf
    assert report.problems[0].text.startswith(f"record {leaf}: no longer as written")


def test_the_last_record_is_protected_too(log: Path) -> None:
    path = segments.paths(log)[-1]
    offset, _ = frames(path)[-1]
    flip(path, offset + 20)
    report = verify(log, VKEY)
    assert kinds(report) == ["changed"] and report.problems[0].leaf_index == report.covered - 1


def test_each_bit_of_the_checkpoint(log: Path) -> None:
    path = log / "checkpoint"
    for offset in range(path.stat().st_size):
        flip(path, offset, offset % 7)
        report = verify(log, VKEY)
        assert not report.verified, offset
        flip(path, offset, offset % 7)
    assert verify(log, VKEY).verified


# Records moved


def rebuild(path: Path, order: Callable[[list[bytes]], list[bytes]]) -> None:
    """Puts the frames of a segment in another order, the rest zero."""
    data = path.read_bytes()
    parts = [data[offset : offset + size] for offset, size in frames(path)]
    body = b"".join(order(parts))
    whole = data[: segments.FIRST_FRAME] + body
    path.write_bytes((whole + bytes(len(data)))[: len(data)])


def test_swapped_records(log: Path) -> None:
    path = segments.paths(log)[1]
    first = segments.read_header(path).first_leaf
    rebuild(path, lambda parts: [*parts[:10], parts[11], parts[10], *parts[12:]])
    report = verify(log, VKEY)
    assert kinds(report) == ["reordered"] and report.problems[0].leaf_index == first + 10


def test_a_record_taken_out(log: Path) -> None:
    path = segments.paths(log)[1]
    first = segments.read_header(path).first_leaf
    rebuild(path, lambda parts: parts[:10] + parts[11:])
    report = verify(log, VKEY)
    assert kinds(report)[0] == "missing" and report.problems[0].leaf_index == first + 10


def test_a_record_twice(log: Path) -> None:
    path = segments.paths(log)[-1]
    first = segments.read_header(path).first_leaf
    rebuild(path, lambda parts: parts[:11] + parts[10:])
    report = verify(log, VKEY)
    assert kinds(report) == ["duplicate"] and report.problems[0].leaf_index == first + 10


def test_a_record_zeroed(log: Path) -> None:
    path = segments.paths(log)[0]
    offset, size = frames(path)[5]
    change(path, lambda data: data[:offset] + bytes(size) + data[offset + size :])
    report = verify(log, VKEY)
    assert kinds(report) == ["changed"] and report.problems[0].leaf_index == 5


# Ends cut


def test_the_end_zeroed(log: Path) -> None:
    """A tail that the checkpoint covers is missed."""
    path = segments.paths(log)[-1]
    rebuild(path, lambda parts: parts[:-4])
    report = verify(log, VKEY)
    assert kinds(report) == ["truncated"]
    assert report.problems[0].leaf_index == report.covered - 4


def test_a_file_cut_short(log: Path) -> None:
    path = segments.paths(log)[-1]
    offset, _ = frames(path)[20]
    change(path, lambda data: data[: offset + 24])
    assert "truncated" in kinds(verify(log, VKEY))
    change(path, lambda data: data[:5000])
    assert "header" in kinds(verify(log, VKEY))


def test_an_older_copy_shows_against_a_checkpoint_from_outside(log: Path, tmp_path: Path) -> None:
    """The one thing that the log itself cannot show: all of it is older."""
    newer = tmp_path / "newer"
    shutil.copytree(log, newer)
    ring_messages = [b"more"] * 10
    journal = make_more(newer, ring_messages)
    assert journal == 10
    witnessed = (newer / "checkpoint").read_bytes()
    assert verify(newer, VKEY, asked=Asked([witnessed])).verified
    assert verify(log, VKEY).verified
    report = verify(log, VKEY, asked=Asked([witnessed]))
    assert kinds(report) == ["truncated"]
    older = (log / "checkpoint").read_bytes()
    assert verify(newer, VKEY, asked=Asked([older])).verified


def make_more(directory: Path, messages: list[bytes]) -> int:
    before = verify(directory, VKEY).entries
    make_log(directory, SIGNER, messages)
    return verify(directory, VKEY).entries - before


# Segments


def test_a_segment_missing(log: Path) -> None:
    first, middle, _ = segments.paths(log)
    saved = middle.read_bytes()
    middle.unlink()
    assert kinds(verify(log, VKEY)) == ["missing"]
    middle.write_bytes(saved)
    first.unlink()
    assert kinds(verify(log, VKEY)) == ["missing"]


def test_the_last_segment_missing(log: Path) -> None:
    segments.paths(log)[-1].unlink()
    assert kinds(verify(log, VKEY)) == ["truncated"]


def test_segments_swapped(log: Path) -> None:
    _, second, third = segments.paths(log)
    a, b = second.read_bytes(), third.read_bytes()
    second.write_bytes(b)
    third.write_bytes(a)
    assert "reordered" in kinds(verify(log, VKEY))


def test_a_segment_of_another_log_of_the_same_key(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_log(other, SIGNER, MESSAGES)
    shutil.copy(segments.paths(other)[1], segments.paths(log)[1])
    assert kinds(verify(log, VKEY)) == ["reordered"]


def test_a_segment_replaced_by_an_older_copy(tmp_path: Path) -> None:
    log = tmp_path / "log"
    make_log(log, SIGNER, MESSAGES[:100])
    older = segments.paths(log)[0].read_bytes()
    make_more(log, MESSAGES)
    segments.paths(log)[0].write_bytes(older)
    assert kinds(verify(log, VKEY))[0] == "missing"


# Changes by someone who knows the format


def forge(path: Path, number: int, change_entry: Callable[[bytearray], None]) -> None:
    """Changes an entry and makes its checksum right again."""
    header = segments.read_header(path)
    offset, _ = frames(path)[number]

    def change_it(data: bytearray) -> None:
        length, _, ordinal, behind = struct.unpack_from("<IIII", data, offset)
        body = bytearray(data[offset + 16 : offset + 16 + length])
        change_entry(body)
        out = ffi.new("uint8_t[]", length + 24)
        size = lib.mam_frame_write(out, bytes(body), length, ordinal, behind, header.native.salt)
        data[offset : offset + size] = bytes(ffi.buffer(out, size))

    change(path, change_it)


def last_byte(body: bytearray) -> None:
    body[-1] ^= 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_forged_record_breaks_the_tree(log: Path, number: int) -> None:
    """No checksum is wrong; the root is. Where it lies is told as far as signed roots allow."""
    path = segments.paths(log)[number]
    header = segments.read_header(path)
    forge(path, 30, last_byte)
    report = verify(log, VKEY)
    assert kinds(report) == ["root"]
    assert "changed" in report.problems[0].text
    with pytest.raises(AssertionError):
        independent.check(log, VKEY)
    assert header.first_leaf + 30 < report.covered


def test_a_forged_sequence_is_a_gap(log: Path) -> None:
    forge(segments.paths(log)[-1], 30, lambda body: body.__setitem__(0, body[0] ^ 1))
    assert "gap" in kinds(verify(log, VKEY))


def test_forged_and_signed_with_another_key(log: Path) -> None:
    """Whoever rewrites the log must sign it anew, and has not our key."""
    thief = Signer(ORIGIN, bytes(32))
    rewritten = log.parent / "rewritten"
    make_log(rewritten, thief, MESSAGES)
    assert verify(rewritten, thief.verifier).verified
    assert kinds(verify(rewritten, VKEY)) == ["key"]
    shutil.copy(rewritten / "checkpoint", log / "checkpoint")
    assert "signature" in kinds(verify(log, VKEY))


def test_an_own_checkpoint_narrows_down_a_forgery(tmp_path: Path) -> None:
    """Signed roots inside the log say before which record, and after which, a change lies."""
    log = tmp_path / "log"
    make_log(log, SIGNER, MESSAGES[:50])
    with closing(Log(log, SIGNER, 131072)) as opened:
        opened.say("checkpoint", note=opened.sign().decode())
    make_log(log, SIGNER, MESSAGES[:50])
    with closing(Log(log, SIGNER, 131072)) as opened:
        opened.say("checkpoint", note=opened.sign().decode())
        opened.sign()
    own = [e.leaf_index for e in entries(log) if e.kind == 3 and b'"checkpoint"' in e.message]
    assert verify(log, VKEY).verified and len(own) == 2
    forge(segments.paths(log)[0], own[0] + 7, last_byte)
    report = verify(log, VKEY)
    assert kinds(report)[0] == "root" and report.problems[0].leaf_index == own[0]
    assert f"records {own[0]} to {own[1] - 1}: changed" in report.problems[0].text


def entries(log: Path) -> list[Entry]:
    return list(read_entries(log))


def test_unknown_own_records_are_no_problem(tmp_path: Path) -> None:
    """A later version may say more."""
    log = tmp_path / "log"
    with closing(Log(log, SIGNER, 131072)) as opened:
        opened.say("something_new", answer=42)
        opened.sign()
    assert verify(log, VKEY).verified
    assert json.loads(entries(log)[-1].message)["answer"] == 42
