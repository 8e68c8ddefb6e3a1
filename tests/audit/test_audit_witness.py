"""Cosignatures: asked for, given, kept, checked; and what a witness does not sign."""

import hashlib
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import keys, verify
from appliance.audit.chain import Asked
from appliance.audit.cosignature import Cosigner, Witness
from appliance.audit.errors import AuditError
from appliance.audit.keys import KeyFile
from appliance.audit.log import Log
from appliance.audit.note import Verifier
from appliance.audit.tree import Tree, consistency_spans, is_consistent, leaf_hash
from appliance.audit.witness import Refused, Request, ask, keep, sign
from tests.audit.journals import ORIGIN, SEGMENT
from tests.audit.test_audit_epochs import grow
from tests.cli.command import assert_refused, command


@pytest.fixture
def cosigner() -> Cosigner:
    return Cosigner("example.org/w", bytes(range(32)))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keys.generate(ORIGIN, tmp_path / "key")
    return tmp_path / "key"


def vkeys(log: Path) -> list[Verifier]:
    return [Verifier.from_vkey(path.read_text()) for path in sorted((log / "keys").glob("*.vkey"))]


def more(log: Path, key: Path, count: int) -> None:
    with closing(Log(log, KeyFile(key), SEGMENT)) as opened:
        for number in range(count):
            opened.say("note", number=number, text="x" * 3000)
        opened.sign()


def test_the_specification_s_form(cosigner: Cosigner) -> None:
    """tlog-cosignature: the signed bytes, the blob, the key's id."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text = f"{ORIGIN}\n5\n{base64.b64encode(bytes(32)).decode()}\n"
    line = cosigner.cosign(text, 1_700_000_000)
    dash, name, blob = line.split(" ")
    raw = base64.b64decode(blob)
    public = cosigner.witness.public
    assert (dash, name) == ("\u2014", "example.org/w")
    assert raw[:4] == hashlib.sha256(b"example.org/w\n\x04" + public).digest()[:4]
    assert int.from_bytes(raw[4:12], "big") == 1_700_000_000 and len(raw) == 76
    signed = f"cosignature/v1\ntime 1700000000\n{text}".encode()
    Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], signed)
    assert Witness.from_vkey(cosigner.witness.vkey) == cosigner.witness
    assert Cosigner.from_text(cosigner.text).witness == cosigner.witness
    with pytest.raises(AuditError, match="is the key of a witness"):
        Verifier.from_vkey(cosigner.witness.vkey)


def root_of(leaves: list[bytes]) -> bytes:
    tree = Tree()
    tree.append(b"".join(leaves))
    return tree.root()


def test_consistency_of_every_size() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(34)]
    for new in range(1, len(leaves) + 1):
        for old in range(1, new + 1):
            proof = [root_of(leaves[first:last]) for first, last in consistency_spans(old, new)]
            roots = root_of(leaves[:old]), root_of(leaves[:new])
            assert is_consistent(old, roots[0], new, roots[1], proof)
            for number in range(len(proof)):
                wrong = [*proof[:number], bytes(32), *proof[number + 1 :]]
                assert not is_consistent(old, roots[0], new, roots[1], wrong)
            assert not is_consistent(old, roots[0], new, roots[1], [*proof, bytes(32)])
            assert not is_consistent(old, bytes(32), new, roots[1], proof)


def test_a_log_is_witnessed_again_and_again(tmp_path: Path, key: Path, cosigner: Cosigner) -> None:
    """Over segments and changes of key; each proof is small and each answer is kept."""
    log, state = tmp_path / "log", tmp_path / "state"
    more(log, key, 1)
    for step in (1, 3, 50, 2, 1):
        request = Request.from_body(ask(log).body)
        answer = sign(request, vkeys(log), cosigner, state, 1_700_000_000 + step)
        (found,) = keep(log, answer.encode(), [cosigner.witness])
        assert found.seconds == 1_700_000_000 + step and len(request.proof) < 20
        report = verify(log, vkeys(log)[0], asked=Asked(witnesses=[cosigner.witness]))
        assert report.verified and report.seen[-1].size == found.size, report.problems
        more(log, key, step)
        if step == 3:
            grow(log, key)
    assert len(report.seen) == 5


def test_a_witness_signs_no_second_history(tmp_path: Path, key: Path, cosigner: Cosigner) -> None:
    log, state = tmp_path / "log", tmp_path / "state"
    more(log, key, 5)
    shutil.copytree(log, tmp_path / "fork")
    known = vkeys(log)
    keep(log, sign(ask(log), known, cosigner, state).encode(), [cosigner.witness])
    more(log, key, 5)
    good = ask(log)
    wrong = Request(good.old, tuple(bytes(32) for _ in good.proof), good.note)
    with pytest.raises(Refused, match="does not begin with"):
        sign(wrong, known, cosigner, state)
    more(tmp_path / "fork", key, 9)
    with pytest.raises(Refused, match="records, not 0"):
        sign(ask(tmp_path / "fork"), known, cosigner, state)
    with pytest.raises(Refused, match="not by"):
        sign(good, [keys.generate(ORIGIN, tmp_path / "other")], cosigner, state)
    sign(good, known, cosigner, state)
    seen = verify(log, known[0]).covered
    with pytest.raises(Refused, match="does not begin with"):
        sign(ask(tmp_path / "fork", seen), known, cosigner, state)


def test_a_fork_and_an_older_copy_show(tmp_path: Path, key: Path, cosigner: Cosigner) -> None:
    """With the log's own key, which the witness has not: what it saw cannot be taken back."""
    log, older, fork = tmp_path / "log", tmp_path / "older", tmp_path / "fork"
    more(log, key, 5)
    shutil.copytree(log, older)
    shutil.copytree(log, fork)
    more(log, key, 5)
    keep(log, sign(ask(log), vkeys(log), cosigner, tmp_path / "state").encode(), [cosigner.witness])
    more(fork, key, 6)
    for copy, kind in ((older, "truncated"), (fork, "root")):
        shutil.copytree(log / "witnessed", copy / "witnessed")
        report = verify(copy, vkeys(log)[0])
        assert [problem.kind for problem in report.problems] == [kind], report.problems


def test_damage_to_what_is_kept(tmp_path: Path, key: Path, cosigner: Cosigner) -> None:
    log = tmp_path / "log"
    more(log, key, 5)
    other = Cosigner("example.org/w", bytes(32))
    keep(log, sign(ask(log), vkeys(log), cosigner, tmp_path / "state").encode(), [cosigner.witness])
    (path,) = (log / "witnessed").iterdir()
    good = path.read_bytes()
    for offset in range(0, len(good), 3):
        path.write_bytes(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
        report = verify(log, vkeys(log)[0], asked=Asked(witnesses=[cosigner.witness]))
        assert not report.verified, offset
    path.write_bytes(good)
    report = verify(log, vkeys(log)[0], asked=Asked(witnesses=[other.witness]))
    assert [problem.kind for problem in report.problems] == ["witness"]


def test_the_commands(tmp_path: Path, key: Path) -> None:
    log, w = tmp_path / "log", tmp_path / "w"
    more(log, key, 3)
    assert command("audit", "keygen", "--witness", "example.org/w", "--out", w).status == 0
    request, answer = tmp_path / "request", tmp_path / "answer"
    assert command("audit", "witness", "ask", log, "-o", request).status == 0
    signing = ("audit", "witness", "sign", request, "--log", f"{key}.vkey", "--key", w)
    done = command(*signing, "--state", tmp_path / "state", "-o", answer)
    assert done.status == 0, done
    done = command("audit", "witness", "keep", log, answer, "--witness", f"{w}.vkey")
    assert done.status == 0 and done.out.startswith(b"example.org/w saw the first 5 records at ")
    done = command("audit", "verify", log, "--key", f"{key}.vkey", "--witness", f"{w}.vkey")
    assert done.status == 0 and b"example.org/w saw the first 5 records" in done.out
    assert command(*signing, "--state", tmp_path / "state").status == 1
    answer.write_text("\u2014 example.org/w AAAA\n")
    assert_refused(command("audit", "witness", "keep", log, answer, "--witness", f"{w}.vkey"), "too short")
    request.write_text("old x\n\nnonsense")
    assert_refused(command(*signing, "--state", tmp_path / "state"), "not a request")
    done = command("audit", "witness", "sign", request, "--log", f"{w}.vkey", "--key", w, "--state", log)
    assert_refused(done, "expected the key of a log")
