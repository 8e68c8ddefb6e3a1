"""What one would try who wants to catch the log out: with its own key, old files, or files of others."""

import base64
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from appliance._native import ffi, lib

from appliance.audit import keys, note, read_entries, segments, verify
from appliance.audit.chain import Asked
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.cosignature import Cosigner
from appliance.audit.errors import AuditError
from appliance.audit.export import export
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.note import Signer
from appliance.audit.place import Place
from appliance.audit.receipt import Receipt, check, prove
from appliance.audit.records import OWN, parse
from appliance.audit.report import Report
from appliance.audit.selection import Range
from appliance.audit.witness import Refused, Request, ask, keep, sign
from tests.audit.journals import ORIGIN, SEGMENT, JournalRing, drain
from tests.audit.scenario_log import NAME, journal_of, lines_of
from tests.audit.test_audit_epochs import grow
from tests.audit.test_audit_prune import run_once
from tests.audit.test_audit_tamper import forge
from tests.cli.command import assert_refused, command


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keys.generate(ORIGIN, tmp_path / "key")
    return tmp_path / "key"


def kinds(report: Report) -> list[str]:
    assert not report.verified
    return [problem.kind for problem in report.problems]


def vkey_of(key: Path) -> str:
    return Path(f"{key}.vkey").read_text().strip()


def fill(log: Path, key: Path, count: int, change: bool = False) -> None:
    """Records of 3 kB, each eighth with a signed root; at the end perhaps a new key."""
    with closing(Log(log, KeyFile(key), SEGMENT)) as opened:
        for number in range(count):
            opened.say("note", number=number, text="x" * 3000)
            if number % 8 == 7:
                opened.say("checkpoint", note=opened.sign().decode())
        if change:
            opened.change_key()
        opened.sign()


def rewrite_header(path: Path, change: Callable[[Any], None]) -> None:
    """A header changed by one who can make its checksum right."""
    native = segments.read_header(path).native
    change(native)
    header = ffi.new("uint8_t[]", segments.HEADER_BYTES)
    lib.mam_segment_write(native, header)
    path.write_bytes(bytes(header) * 2 + path.read_bytes()[segments.FIRST_FRAME :])


# The log's own signer cheats


def test_a_checkpoint_of_another_origin_with_this_log_s_key(tmp_path: Path, key: Path) -> None:
    """A key speaks for the log of its name only: in DIR, from outside, among the records, in a receipt."""
    log, signer = tmp_path / "log", keys.load_signer(key)
    fill(log, key, 3)
    good = Checkpoint.from_text(note.parse((log / "checkpoint").read_bytes())[0])
    other = signer.sign(Checkpoint("example.com/other", good.size, good.root).text).encode()
    with pytest.raises(AuditError, match="but signed with the key of"):
        verify(log, vkey_of(key), asked=Asked([other]))
    receipt = prove(log, 2)
    with pytest.raises(AuditError, match="is of the log"):
        check(Receipt(receipt.index, receipt.proof, other, receipt.entry), [signer.verifier])
    with closing(Log(log, signer, SEGMENT)) as opened:
        text = Checkpoint("example.com/other", opened.size, opened.root()).text
        opened.say("checkpoint", note=signer.sign(text))
        opened.sign()
    assert kinds(verify(log, vkey_of(key))) == ["signature"]
    (log / "checkpoint").write_bytes(other)
    assert kinds(verify(log, vkey_of(key))) == ["origin"]


@pytest.mark.parametrize("which", ["first", "same"])
def test_a_key_that_was_used_before_is_no_new_key(tmp_path: Path, key: Path, which: str) -> None:
    """It may have been stolen since: an epoch that goes back to it ends nothing."""
    log, first = tmp_path / "log", keys.load_signer(key)
    if which == "first":
        grow(log, key)
    present = keys.load_signer(key)
    with closing(Log(log, present, SEGMENT)) as opened:
        close_epoch(opened, first.verifier.vkey)
        opened.signer = first
        opened.say("note", number=1)
        opened.sign()
    report = verify(log, first.verifier)
    assert kinds(report) == ["epoch"] and "a key that was used before" in report.problems[0].text


def close_epoch(log: Log, vkey: str, **fields: object) -> None:
    root = base64.b64encode(log.root()).decode()
    said = {"epoch": log.epoch, "next_epoch": log.epoch + 1, **fields}
    log.say("epoch_closed", size=log.size, root=root, next_vkey=vkey, **said)
    log.say("checkpoint", note=log.signer.sign(Checkpoint(ORIGIN, log.size, log.root()).text))


def test_the_key_of_another_log_is_no_next_key(tmp_path: Path, key: Path) -> None:
    log, other = tmp_path / "log", Signer.generate("example.com/other")
    with closing(Log(log, keys.load_signer(key), SEGMENT)) as opened:
        close_epoch(opened, other.verifier.vkey)
        opened.sign()
    report = verify(log, vkey_of(key))
    assert "epoch" in kinds(report) and "the key of another log" in report.problems[0].text


def test_an_epoch_left_out(tmp_path: Path, key: Path) -> None:
    """Numbers that skip: as if the record between had been taken out."""
    log, following = tmp_path / "log", Signer.generate(ORIGIN)
    with closing(Log(log, keys.load_signer(key), SEGMENT)) as opened:
        close_epoch(opened, following.verifier.vkey, epoch=1, next_epoch=2)
        opened.sign()
    assert kinds(verify(log, vkey_of(key)))[0] == "changed"


# Two histories


def test_two_logs_of_one_origin_and_key(tmp_path: Path, key: Path) -> None:
    """Each verifies by itself; whoever kept a checkpoint of one catches the other, and so does a witness."""
    one, other = tmp_path / "one", tmp_path / "other"
    fill(one, key, 10)
    fill(other, key, 10)
    kept = (one / "checkpoint").read_bytes()
    assert verify(one, vkey_of(key)).verified and verify(other, vkey_of(key)).verified
    assert kinds(verify(other, vkey_of(key), asked=Asked([kept]))) == ["root"]
    cosigner, known = Cosigner.generate("example.org/w"), [keys.load_signer(key).verifier]
    sign(ask(one), known, cosigner, tmp_path / "state")
    with pytest.raises(Refused, match="records, not 0"):
        sign(ask(other), known, cosigner, tmp_path / "state")
    export(one, tmp_path / "out")
    (other / "checkpoint").write_bytes(kept)
    assert set(kinds(verify(other, vkey_of(key)))) & {"root", "signature"}
    with pytest.raises(AuditError):
        export(other, tmp_path / "out2")


def test_a_smaller_checkpoint_s_signature_under_a_larger_tree(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "log"
    fill(log, key, 3)
    older = (log / "checkpoint").read_bytes().split(b"\n\n")[1]
    fill(log, key, 3)
    path = log / "checkpoint"
    newer = path.read_bytes().split(b"\n\n")[0]
    path.write_bytes(newer + b"\n\n" + older)
    assert kinds(verify(log, vkey_of(key))) == ["signature"]
    path.write_bytes(newer + b"\n\n" + older + path.read_bytes().split(b"\n\n")[1])
    assert kinds(verify(log, vkey_of(key))) == ["signature"]


def test_a_segment_of_an_earlier_log_with_the_same_numbers(tmp_path: Path, key: Path) -> None:
    """The log was begun anew under the same key. Its old segment, dressed up with the new one's id."""
    old, log = tmp_path / "old", tmp_path / "log"
    fill(old, key, 100)
    fill(log, key, 100)
    paths = segments.paths(log)
    assert len(paths) >= 3
    for number, path in enumerate(paths[:-1]):
        good = path.read_bytes()
        shutil.copy(segments.paths(old)[number], path)
        assert kinds(verify(log, vkey_of(key)))[0] == "reordered"
        identity = bytes(segments.read_header(paths[-1]).native.log_id)
        rewrite_header(path, lambda native, identity=identity: setattr(native, "log_id", identity))
        assert set(kinds(verify(log, vkey_of(key)))) & {"changed", "root", "reordered"}
        path.write_bytes(good)
    assert verify(log, vkey_of(key)).verified


# Headers, which are no leaves


@pytest.mark.parametrize(
    ("field", "value", "kind"), [("epoch", 1, "header"), ("sequence", 7, "gap"), ("number", 9, "reordered")]
)
def test_a_header_that_says_something_else(
    tmp_path: Path, key: Path, field: str, value: int, kind: str
) -> None:
    log = tmp_path / "log"
    fill(log, key, 100)
    rewrite_header(segments.paths(log)[1], lambda native: setattr(native, field, value))
    assert kind in kinds(verify(log, vkey_of(key)))


# Ranges


@pytest.fixture
def long(tmp_path: Path, key: Path) -> Path:
    """Eight segments and more; the key changes in two late ones, and all have signed roots."""
    log = tmp_path / "log"
    run_once(log, key, 0)
    fill(log, key, 200)
    fill(log, key, 50, change=True)
    fill(log, key, 50)
    fill(log, key, 5, change=True)
    run_once(log, key, 1)
    assert len(segments.paths(log)) >= 8
    return log


def another_name(body: bytearray) -> None:
    """The name of a record of the log's own: it stays JSON, and says nothing that is known."""
    body[-3] ^= 1


def heads(log: Path) -> list[int]:
    return segments.first_leaves(log)


def test_a_change_behind_the_last_signed_root_of_a_range(long: Path, key: Path) -> None:
    """A signed root of a far segment, read for the keys in it, vouches for nothing here."""
    for number in range(1, len(heads(long)) - 1):
        path = segments.paths(long)[number]
        good = path.read_bytes()
        last = heads(long)[number + 1] - 1 - heads(long)[number]
        forge(path, last, another_name)
        asked = Asked(range=Range(Place(leaf=heads(long)[number]), Place(leaf=heads(long)[number] + 1)))
        assert "root" in kinds(verify(long, vkey_of(key), asked=asked)), number
        path.write_bytes(good)
        assert verify(long, vkey_of(key), asked=asked).verified


def test_a_kept_checkpoint_outside_a_range_is_compared(long: Path, tmp_path: Path, key: Path) -> None:
    """Of another history: it does not matter where in the log the range lies."""
    fork = tmp_path / "fork"
    shutil.copytree(long, fork)
    fill(long, key, 30)
    kept = (long / "checkpoint").read_bytes()
    fill(fork, key, 60)
    asked = Range(Place(leaf=0), Place(leaf=1))
    assert verify(long, vkey_of(key), asked=Asked([kept], range=asked)).verified
    assert kinds(verify(fork, vkey_of(key), asked=Asked([kept], range=asked))) == ["root"]


def test_a_range_of_what_was_pruned(long: Path, tmp_path: Path, key: Path) -> None:
    """Nothing that is not there is called verified."""
    export(long, tmp_path / "out")
    first = heads(long)[2]
    done = command(
        "audit", "prune", long, "--key", vkey_of(key), "--private-key", key,
        "--before", str(first), "--export", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0 and heads(long)[0] == first, done
    assert_refused(
        command("audit", "verify", long, "--key", vkey_of(key), "--from", "3", "--to", "9"),
        f"--to 9: {long} begins with record {first}",
    )
    done = command("audit", "verify", long, "--key", vkey_of(key), "--from", "3", "--to", str(first + 1))
    assert done.status == 0 and f"verified: records {first:,} to".encode() in done.out, done
    assert b"were pruned by" in done.out


# Witnesses


def test_a_cosignature_of_another_log(tmp_path: Path, key: Path) -> None:
    """Copied from there, it does not fit; one of the same name but another key is not looked at."""
    log, other, cosigner = tmp_path / "log", tmp_path / "other", Cosigner.generate("example.org/w")
    keys.generate("example.com/other", tmp_path / "k")
    fill(log, key, 3)
    fill(other, tmp_path / "k", 3)
    answer = sign(ask(other), [keys.load_signer(tmp_path / "k").verifier], cosigner, tmp_path / "state")
    ask(log)
    with pytest.raises(AuditError):
        keep(log, answer.encode(), [cosigner.witness])
    (path,) = (log / "witnessed").iterdir()
    path.write_bytes(path.read_bytes() + answer.encode() + b"\n")
    asked = Asked(witnesses=[cosigner.witness])
    assert set(kinds(verify(log, vkey_of(key), asked=asked))) == {"witness"}
    shutil.copy(next((other / "witnessed").iterdir()), path)
    assert set(kinds(verify(log, vkey_of(key), asked=asked))) == {"witness"}


def test_a_log_that_speaks_for_another_at_a_witness(tmp_path: Path, key: Path) -> None:
    """With its own key it asks about the other's origin: it would take the other's place there."""
    log, victim, cosigner = tmp_path / "log", "example.com/victim", Cosigner.generate("example.org/w")
    fill(log, key, 3)
    signer = keys.load_signer(key)
    size, root = 10**9, bytes(32)
    false = signer.sign(Checkpoint(victim, size, root).text).encode()
    with pytest.raises(Refused, match=r"is of the log 'example\.com/victim'"):
        sign(Request(0, (), false), [signer.verifier], cosigner, tmp_path / "state")
    assert not list(tmp_path.glob("state/*"))


def test_a_witness_that_saw_what_a_range_does_not_read(long: Path, tmp_path: Path, key: Path) -> None:
    """It is compared when it is asked for: "saw the first N records" is never just repeated."""
    cosigner, fork = Cosigner.generate("example.org/w"), tmp_path / "fork"
    shutil.copytree(long, fork)
    known = [note.Verifier.from_vkey(path.read_text()) for path in sorted((long / "keys").glob("*.vkey"))]
    fill(long, key, 30)
    keep(long, sign(ask(long), known, cosigner, tmp_path / "state").encode(), [cosigner.witness])
    fill(fork, key, 60)
    shutil.copytree(long / "witnessed", fork / "witnessed")
    asked = Asked(witnesses=[cosigner.witness], range=Range(Place(leaf=0), Place(leaf=1)))
    assert verify(long, vkey_of(key), asked=asked).verified
    assert kinds(verify(fork, vkey_of(key), asked=asked)) == ["root"]


# Replay


@pytest.mark.parametrize("at", [4, 6])
def test_replay_of_a_log_of_another_schema(tmp_path: Path, at: int) -> None:
    """Its schema's number, or version, is not ours: told in words, and never byte for byte."""
    ring = JournalRing()
    for one in journal_of(lines_of("post_trade")):
        message = bytearray(one)
        message[24 + at : 24 + at + 2] = (999).to_bytes(2, "little")
        assert ring.write(bytes(message))
    signer = Signer.generate(NAME)
    assert drain(tmp_path / "log", signer, ring, SEGMENT) == 0
    assert verify(tmp_path / "log", signer.verifier).verified  # it is what was written, whatever it means
    done = command("audit", "replay", tmp_path / "log")
    said = done.out.decode() + done.error
    assert done.status in (1, 2) and "byte for byte" not in said and "Traceback" not in said, done
    if at == 4:  # a later version of our own is read as far as we know it
        for what in (
            ("explain", "41"),
            ("query", "--order", "41"),
            ("prove", "--booking", "1", "1", "-o", "r"),
        ):
            done = command("audit", what[0], tmp_path / "log", *what[1:])
            assert_refused(done, "not of the schema that this program knows: the schema id must be")


def test_an_export_and_its_log_say_the_same(tmp_path: Path, key: Path) -> None:
    """What is found in a log that was signed wrongly is found in its export."""
    log, out, thief = tmp_path / "log", tmp_path / "out", Signer.generate(ORIGIN)
    signer = keys.load_signer(key)
    with closing(Log(log, signer, SEGMENT)) as opened:
        close_epoch(opened, thief.verifier.vkey, next_epoch=5)
        opened.say("epoch_closed", size=1)
        opened.say("checkpoint", note="")
        opened.say("log_opened", vkey="")
        opened.say("pruned", first_leaf=10**9)
        opened.sign()
    export(log, out)
    found = verify(log, vkey_of(key)), verify(out, vkey_of(key))
    assert kinds(found[0]) == kinds(found[1])
    assert [one.leaf_index for one in found[0].problems] == [one.leaf_index for one in found[1].problems]


def test_a_forged_header_behind_a_range_shortens_no_check(long: Path, key: Path) -> None:
    """Of the segment behind a range only the header is read, and nothing signs what it says."""
    log, starts = long, heads(long)
    path, behind = segments.paths(log)[1], segments.paths(log)[2]
    asked = Asked(range=Range(Place(leaf=starts[1]), Place(leaf=starts[1] + 5)))
    assert verify(log, vkey_of(key), asked=asked).verified
    own = [e for e in read_entries(log) if e.kind == OWN and starts[1] <= e.leaf_index < starts[2]]
    signed = [e.leaf_index for e in own if parse(e.message)["record"] == "checkpoint"]

    def other(body: bytearray) -> None:
        body[-3] ^= 1

    forge(path, starts[2] - 1 - starts[1], other)

    def lie(native: Any) -> None:
        native.first_leaf = native.tree.size = signed[-1]

    rewrite_header(behind, lie)
    assert kinds(verify(log, vkey_of(key), asked=asked))


def test_a_segment_that_is_no_file(long: Path, key: Path) -> None:
    path = segments.paths(long)[1]
    path.unlink()
    os.mkfifo(path)  # a plain open would wait for a writer for ever
    assert kinds(verify(long, vkey_of(key)))
