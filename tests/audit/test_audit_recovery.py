"""A log that is opened again: torn tails are cut, damage is refused, and the journal goes on where it was."""

import os
import random
import shutil
import struct
from contextlib import closing
from pathlib import Path

import pytest
from appliance._native import ffi, lib

from appliance.audit import AuditError, read_entries, segments
from appliance.audit.log import Log, WriteFailed
from appliance.audit.note import Signer
from appliance.audit.verify import verify
from tests.audit import independent
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, drain, entry, make_log
from tests.audit.test_audit_tamper import change, flip, frames

SIGNER = Signer(ORIGIN, bytes(range(32)))
VKEY = SIGNER.verifier.vkey


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    make_log(directory, SIGNER, [b"message" * 5] * 20)
    return directory


def append_unsynced(directory: Path, count: int, synced_first: int = 0) -> list[bytes]:
    """Frames after the signed end: some synced, then one group that was not."""
    path = segments.paths(directory)[-1]
    header = segments.read_header(path)
    at, size = frames(path)[-1]
    ordinal, offset, out = len(frames(path)), at + size, ffi.new("uint8_t[]", 4096)
    written = []
    data = bytearray(path.read_bytes())
    for number in range(count):
        behind = 0 if number < synced_first else number - synced_first
        body = entry(20 + number, b"unsigned")
        length = lib.mam_frame_write(out, body, len(body), ordinal, behind, header.native.salt)
        data[offset : offset + length] = bytes(ffi.buffer(out, length))
        ordinal, offset = ordinal + 1, offset + length
        written.append(body)
    path.write_bytes(data)
    return written


def reopen(directory: Path, signer: Signer = SIGNER) -> int:
    """Opens and closes the log; the bytes that were cut."""
    with closing(Log(directory, signer, SEGMENT)) as opened:
        opened.sign()
        return opened.cut_bytes


def journal(directory: Path) -> list[int]:
    return [e.sequence for e in read_entries(directory) if e.kind != 3]


def test_restart_goes_on(log: Path) -> None:
    """Whole records that nobody had signed yet are kept."""
    append_unsynced(log, 3)
    assert reopen(log) == 0
    assert verify(log, VKEY).verified and journal(log) == list(range(23))


def test_the_tree_goes_on_over_segments(tmp_path: Path) -> None:
    for _ in range(3):
        make_log(tmp_path, SIGNER, [b"x" * 100] * 1500)
    report = verify(tmp_path, VKEY)
    assert report.verified and report.entries == 4500 and report.segments > 3
    assert independent.check(tmp_path, VKEY)["root"] == report.root


def test_a_torn_tail_is_cut(log: Path) -> None:
    """A group of five that was never synced: the third did not reach the disk, the fifth did."""
    append_unsynced(log, 5)
    offset, size = frames(segments.paths(log)[-1])[-3]
    change(segments.paths(log)[-1], lambda data: data[:offset] + bytes(size) + data[offset + size :])
    report = verify(log, VKEY)
    assert [problem.kind for problem in report.problems] == ["leftover"]
    assert len(list(read_entries(log))) == report.covered + 2
    assert reopen(log) > 0
    assert verify(log, VKEY).verified and journal(log) == list(range(22))


@pytest.mark.parametrize("seed", range(40))
def test_any_torn_group_is_cut(log: Path, seed: int) -> None:
    """Of an unsynced write any 512-byte sectors may be missing; what remains in front of the hole is kept."""
    choose = random.Random(seed)
    path = segments.paths(log)[-1]
    before = path.read_bytes()
    append_unsynced(log, choose.randrange(1, 60))
    after = bytearray(path.read_bytes())
    for sector in range(0, len(after), 512):
        if choose.random() < 0.4:
            after[sector : sector + 512] = before[sector : sector + 512]
    path.write_bytes(after)
    reopen(log)
    sequences = journal(log)
    assert verify(log, VKEY).verified and sequences == list(range(len(sequences))) and len(sequences) >= 20
    independent.check(log, VKEY)


def test_frames_say_what_was_synced_before_them(tmp_path: Path) -> None:
    """Each group of the writer counts from its own first frame: what recovery relies on."""
    make_log(tmp_path, SIGNER, [b"one"] * 7)
    make_log(tmp_path, SIGNER, [b"two"] * 5)
    path = segments.paths(tmp_path)[0]
    data = path.read_bytes()
    behind = [struct.unpack_from("<I", data, offset + 12)[0] for offset, _ in frames(path)]
    # The log's own records (two, then one; two, then one) are synced one by one.
    assert behind == [0, 0, *range(7), 0, 0, 0, *range(5), 0]


def test_damage_before_a_synced_record_refuses(log: Path) -> None:
    """The second record after the checkpoint was on disk when the third was written."""
    append_unsynced(log, 4, synced_first=4)
    offset, _ = frames(segments.paths(log)[-1])[-3]
    flip(segments.paths(log)[-1], offset + 20)
    with pytest.raises(AuditError, match=r"was on disk when record \d+ was written"):
        reopen(log)
    with pytest.raises(AuditError, match="checksum"):
        list(read_entries(log))


def test_damage_under_the_checkpoint_refuses(log: Path) -> None:
    flip(segments.paths(log)[-1], frames(segments.paths(log)[-1])[-1][0] + 20)
    with pytest.raises(AuditError, match="the checkpoint covers it"):
        reopen(log)
    with pytest.raises(AuditError, match="checksum"):
        list(read_entries(log))


def test_less_than_the_checkpoint_covers_refuses(log: Path) -> None:
    offset, _ = frames(segments.paths(log)[-1])[-2]
    change(segments.paths(log)[-1], lambda data: data[:offset] + bytes(len(data) - offset))
    with pytest.raises(AuditError, match=r"covers 23 records, the segments hold only 21"):
        reopen(log)


def test_a_checkpoint_of_other_records_refuses(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_log(other, SIGNER, [b"other"] * 20)
    shutil.copy(other / "checkpoint", log / "checkpoint")
    with pytest.raises(AuditError, match="do not give the checkpoint's root"):
        reopen(log)


def test_damage_in_an_earlier_segment_refuses(tmp_path: Path) -> None:
    """When the checkpoint was lost too, all is read again."""
    make_log(tmp_path, SIGNER, [b"x" * 100] * 1500)
    (tmp_path / "checkpoint").unlink()
    flip(segments.paths(tmp_path)[0], 20000)
    with pytest.raises(AuditError, match="and a segment follows"):
        reopen(tmp_path)


def test_wrong_key_and_origin_refuse(log: Path) -> None:
    with pytest.raises(AuditError, match="not by"):
        reopen(log, Signer(ORIGIN, bytes(32)))
    with pytest.raises(AuditError, match="another origin"):
        reopen(log, Signer("example.com/other", bytes(32)))
    (log / "checkpoint").unlink()
    with pytest.raises(AuditError, match="is signed with"):
        reopen(log, Signer(ORIGIN, bytes(32)))


def test_parts_missing_refuse(log: Path) -> None:
    segments.paths(log)[0].unlink()
    with pytest.raises(AuditError, match="has a checkpoint but no segments"):
        reopen(log)


def test_two_writers_are_refused(log: Path) -> None:
    with closing(Log(log, SIGNER, SEGMENT)), pytest.raises(AuditError, match="another process"):
        Log(log, SIGNER, SEGMENT)


def test_a_failed_write_ends_it(log: Path) -> None:
    """Nothing more is written or signed by a log whose write failed."""
    with closing(Log(log, SIGNER, SEGMENT)) as opened:
        full = os.open("/dev/full", os.O_WRONLY)
        opened.native.fd = full
        with pytest.raises(WriteFailed, match="No space left"):
            opened.say("writer_stopped", reason="test")
        with pytest.raises(AssertionError):
            opened.sign()
        os.close(full)


def test_a_crash_while_a_segment_is_made(log: Path) -> None:
    """What waits to become a segment is no part of the log, however far it came."""
    folder = log / segments.FOLDER
    (folder / "next.tmp").write_bytes(b"half")
    (folder / "next").write_bytes(b"short")
    (folder / "next.unprepared").write_bytes(bytes(SEGMENT))
    (log / "checkpoint.tmp").write_bytes(b"half")
    reopen(log)
    assert verify(log, VKEY).verified


# Which journal is it?


def test_what_is_in_the_log_already_is_not_taken_twice(tmp_path: Path) -> None:
    """A writer that was killed between fdatasync and publishing finds its records in the ring again."""
    entries = [entry(number, b"m%d" % number) for number in range(50)]
    first, again = JournalRing(), JournalRing()
    for item in entries[:30]:
        assert first.write(item)
    assert drain(tmp_path, SIGNER, first) == 0
    for item in entries[20:]:
        assert again.write(item)
    assert drain(tmp_path, SIGNER, again) == 0
    assert again.head == again.tail
    kept = [e.message for e in read_entries(tmp_path) if e.kind == 1]
    assert kept == [b"m%d" % number for number in range(50)]
    assert verify(tmp_path, VKEY).verified


def test_a_new_journal_is_another_one(tmp_path: Path) -> None:
    """The same sequences, other entries: the engine began anew. Nothing is taken for a repeat."""
    make_log(tmp_path, SIGNER, [b"one"] * 10)
    make_log(tmp_path, SIGNER, [b"two"] * 5)
    assert journal(tmp_path) == [*range(10), *range(5)]
    own = [e.message for e in read_entries(tmp_path) if b"journal_started" in e.message]
    assert own == [b'{"previous":10,"record":"journal_started"}']
    assert verify(tmp_path, VKEY).verified
    assert independent.check(tmp_path, VKEY)["entries"] == 15


def test_a_gap_is_loud_and_stays(tmp_path: Path) -> None:
    """Exit status 4, a record of it, and verification says so for ever; a restart goes on behind it."""
    ring = JournalRing()
    for sequence in (0, 1, 2, 5, 6):
        assert ring.write(entry(sequence))
    assert drain(tmp_path, SIGNER, ring) == 4
    assert journal(tmp_path) == [0, 1, 2]
    assert drain(tmp_path, SIGNER, ring) == 0
    assert journal(tmp_path) == [0, 1, 2, 5, 6]
    report = verify(tmp_path, VKEY)
    assert [problem.kind for problem in report.problems] == ["gap"]
    assert "journal entries 3 to 4 missing" in report.problems[0].text


def test_a_repeat_that_differs_is_a_gap(tmp_path: Path) -> None:
    make_log(tmp_path, SIGNER, [b"one"] * 10)
    ring = JournalRing()
    assert ring.write(entry(7, b"other"))
    assert drain(tmp_path, SIGNER, ring) == 4


@pytest.mark.parametrize(
    "payload",
    [
        b"short",
        entry(1)[:-1],
        entry(1) + b"x",
        entry(1, kind=3),
        entry(1, kind=4),
        entry(1, bytes(65535 - 23)),
    ],
    ids=["short", "cut", "long", "own", "kind", "over 65,535"],
)
def test_what_is_no_entry_stops_the_writer(tmp_path: Path, payload: bytes) -> None:
    """All before it is durable and signed; the ring keeps it."""
    ring = JournalRing()
    assert ring.write(entry(0)) and ring.write(payload)
    assert drain(tmp_path, SIGNER, ring) == 5
    assert journal(tmp_path) == [0] and verify(tmp_path, VKEY).verified
    assert ring.head < ring.tail


def test_the_largest_entry_is_taken(tmp_path: Path) -> None:
    make_log(tmp_path, SIGNER, [bytes(65535 - 24)] * 5)
    assert journal(tmp_path) == list(range(5)) and verify(tmp_path, VKEY).verified


@pytest.mark.parametrize("value", [-8, 3, 7, 1 << 19, (1 << 31) - 1, 100_000])
def test_a_broken_ring_is_not_followed(tmp_path: Path, value: int) -> None:
    """A length that cannot be: nothing behind it is read, nothing of it is taken."""
    ring = JournalRing()
    assert ring.write(entry(0))
    at = ring.tail
    assert ring.write(entry(1)) and ring.write(entry(2))
    ring.memory[at : at + 4] = list(struct.pack("<i", value))
    assert drain(tmp_path, SIGNER, ring) in (0, 5)
    assert journal(tmp_path) == [0] and ring.head == at
    assert verify(tmp_path, VKEY).verified
