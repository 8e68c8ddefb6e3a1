"""Receipts: made for one record, checked offline; every change is seen."""

import base64
import hashlib
from pathlib import Path

import pytest

from appliance.audit import read_entries, receipt
from appliance.audit.errors import AuditError
from appliance.audit.note import Signer, Verifier
from appliance.audit.receipt import Receipt
from appliance.audit.tree import root_of_proof, siblings
from appliance.schema.codec import from_json
from tests.audit import independent
from tests.audit.journals import SEGMENT, drain, entry, make_log
from tests.audit.test_audit_commands import run

NAME = "example.com/desk"


def rfc_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*rfc_path(index, leaves[:split]), root(leaves[split:])]
    return [*rfc_path(index - split, leaves[split:]), root(leaves[:split])]


def root(leaves: list[bytes]) -> bytes:
    tree = independent.Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def test_proofs_are_those_of_the_rfc() -> None:
    for size in range(1, 40):
        leaves = [bytes([n]) for n in range(size)]
        for index in range(size):
            path = rfc_path(index, leaves)
            assert len(siblings(index, size)) == len(path)
            leaf = hashlib.sha256(b"\0" + leaves[index]).digest()
            assert root_of_proof(index, size, leaf, path) == root(leaves)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, Verifier, list[bytes]]:
    """Of several segments; with what its leaves are, read by the independent reader."""
    signer = Signer.generate(NAME)
    ring = make_log(tmp_path / "log", signer, [b"%08d" % n * 9 for n in range(3000)])
    booking = from_json(
        {"msg": "Booking", "sequence": 1, "block": 7, "child": 2, "login": 55, "volume": "1.00"}
    )
    ring.write(entry(3000, booking, kind=2))
    assert drain(tmp_path / "log", signer, ring, SEGMENT) == 0
    leaves = list(independent.read_log(tmp_path / "log", NAME, crc=False))
    return tmp_path / "log", signer.verifier, leaves


def test_every_place(log: tuple[Path, Verifier, list[bytes]]) -> None:
    """First and last of the log and of its segments; the same proof as the RFC's, over all leaves."""
    directory, key, leaves = log
    firsts = [int(path.stem) for path in sorted((directory / "segments").glob("*.seg"))]
    assert len(firsts) > 2
    for index in {0, 1, 1000, len(leaves) - 1, *firsts, *(first - 1 for first in firsts[1:])}:
        made = receipt.prove(directory, index)
        assert made.entry == leaves[index] and list(made.proof) == rfc_path(index, leaves)
        assert Receipt.from_text(made.text.encode()) == made
        assert receipt.check(made, [key]).entry == leaves[index]


def test_a_booking(log: tuple[Path, Verifier, list[bytes]], tmp_path: Path) -> None:
    """From the command line, with the record inside and apart."""
    directory, key, _ = log
    out, apart = tmp_path / "r.tlog-proof", tmp_path / "leaf"
    assert run("prove", str(directory), "--booking", "7", "2", "-o", str(out)) == 0
    assert run("check", str(out), "--key", key.vkey) == 0
    text = out.read_text()
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra ") and f"\n\n{NAME}\n" in text
    found = receipt.check(Receipt.from_text(out.read_bytes()), [key]).as_dict()
    assert found["message"]["login"] == 55 and found["kind"] == "output"
    booking = ["--booking", "7", "2"]
    assert run("prove", str(directory), *booking, "-o", str(out), "--leaf-out", str(apart)) == 0
    assert run("check", str(out), "--key", key.vkey, "--leaf", str(apart), "--json") == 0
    apart.write_bytes(apart.read_bytes()[:-1] + b"\1")
    assert run("check", str(out), "--key", key.vkey, "--leaf", str(apart)) == 1
    with pytest.raises(AuditError, match="does not hold the record"):
        run("check", str(out), "--key", key.vkey)
    with pytest.raises(AuditError, match="no Booking of block 7, child 3"):
        run("prove", str(directory), "--booking", "7", "3", "-o", str(out))


def test_nothing_of_others_is_in_it(log: tuple[Path, Verifier, list[bytes]]) -> None:
    directory, _, leaves = log
    made = receipt.prove(directory, 1234)
    whole = b"".join([*made.proof, made.note, made.entry or b""])
    assert not any(leaf[24:] in whole for number, leaf in enumerate(leaves) if number != 1234)


def test_changes_are_seen(log: tuple[Path, Verifier, list[bytes]], tmp_path: Path) -> None:
    directory, key, leaves = log
    good = receipt.prove(directory, 1234)
    wrong_hash = (good.proof[1], good.proof[0], *good.proof[2:])
    for bad in (
        Receipt(1235, good.proof, good.note, good.entry),
        Receipt(good.index, wrong_hash, good.note, good.entry),
        Receipt(good.index, good.proof, good.note, leaves[1235]),
        Receipt(good.index, good.proof[:-1], good.note, good.entry),
        Receipt(good.index, good.proof, good.note.replace(b"3", b"4", 1), good.entry),
        Receipt(len(leaves), good.proof, good.note, good.entry),
    ):
        with pytest.raises(AuditError):
            receipt.check(bad, [key])
    thief = Signer.generate(NAME).verifier
    path = tmp_path / "receipt"
    path.write_text(good.text)
    assert run("check", str(path), "--key", thief.vkey) == 1
    for data in (b"", b"x\n\ny", good.text.encode()[:80], good.text.replace("index ", "index 0").encode()):
        with pytest.raises(AuditError):
            Receipt.from_text(data)


def test_a_record_that_no_checkpoint_covers(log: tuple[Path, Verifier, list[bytes]]) -> None:
    directory, _, leaves = log
    with pytest.raises(AuditError, match="is not among"):
        receipt.prove(directory, len(leaves))
    assert len(list(read_entries(directory))) == len(leaves)


def test_the_record_in_a_receipt_is_the_one_that_is_proven(log: tuple[Path, Verifier, list[bytes]]) -> None:
    """`extra` is not signed: another record in it is not proven."""
    directory, key, leaves = log
    text = receipt.prove(directory, 5).text
    forged = text.replace(base64.b64encode(leaves[5]).decode(), base64.b64encode(leaves[6]).decode())
    assert forged != text
    with pytest.raises(receipt.NotProven):
        receipt.check(Receipt.from_text(forged.encode()), [key])
