"""Signed notes, keys and checkpoints, by the letter of C2SP."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit import keys, note
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.errors import AuditError
from appliance.audit.note import BadSignature, NotSigned, Signer, Verifier

NAME = "example.com/foo"
KEY = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"


def test_key_id_of_the_specification() -> None:
    assert note.key_id(NAME, base64.b64decode(KEY)).hex() == "530d903a"
    verifier = Verifier.from_vkey(f"{NAME}+530d903a+{KEY}")
    assert verifier.vkey == f"{NAME}+530d903a+{KEY}"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        f"{NAME}+530d903b+{KEY}",
        f"{NAME}+530d903a+{KEY}x",
        f"{NAME}+530d903a+AAAA",
        f"a b+530d903a+{KEY}",
        f"other+530d903a+{KEY}",
        f"{NAME}+530d903a+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
    ],
)
def test_bad_vkeys(vkey: str) -> None:
    with pytest.raises(AuditError):
        Verifier.from_vkey(vkey)


def test_sign_and_verify() -> None:
    """Signed are the bytes of the text with its last line feed; the text may hold empty lines."""
    signer = Signer.generate(NAME)
    for text in (TEXT, "a\n\nb\n", "\n"):
        signed = signer.sign(text)
        assert signed.startswith(text + "\n\u2014 example.com/foo ")
        assert note.verify(signed.encode(), [signer.verifier]) == (text, [signer.verifier])


def test_key_survives_its_text() -> None:
    signer = Signer.generate(NAME)
    assert Signer.from_text(signer.text).verifier == signer.verifier
    assert Verifier.from_vkey(signer.verifier.vkey) == signer.verifier


def test_unknown_signatures_are_ignored_and_a_bad_one_is_not() -> None:
    ours, theirs = Signer.generate(NAME), Signer.generate("example.com/witness")
    both = ours.sign(TEXT) + theirs.sign(TEXT).split("\n\n")[1]
    assert note.verify(both.encode(), [ours.verifier])[1] == [ours.verifier]
    assert set(note.verify(both.encode(), [ours.verifier, theirs.verifier])[1]) == {
        ours.verifier,
        theirs.verifier,
    }
    forged = both.replace("answer", "anwser").encode()
    with pytest.raises(BadSignature):
        note.verify(forged, [ours.verifier])
    with pytest.raises(NotSigned):
        note.verify(both.encode(), [Signer.generate(NAME).verifier])


def test_sixteen_signatures_are_accepted() -> None:
    ours = Signer.generate(NAME)
    line = Signer.generate("example.com/w").sign(TEXT).split("\n\n")[1]
    many = TEXT + "\n" + line * 15 + ours.sign(TEXT).split("\n\n")[1]
    assert note.verify(many.encode(), [ours.verifier])[0] == TEXT


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_verifies(position: int, bit: int) -> None:
    """Whatever is changed: an error of ours, never another text accepted."""
    signer = Signer(NAME, bytes(range(32)))
    signed = bytearray(signer.sign(TEXT).encode())
    signed[position % len(signed)] ^= 1 << bit
    try:
        text, _ = note.verify(bytes(signed), [signer.verifier])
    except AuditError:
        return
    assert text == TEXT


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_garbage_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(AuditError):
        note.verify(data, [Signer(NAME, bytes(32)).verifier])


def test_checkpoint_text() -> None:
    checkpoint = Checkpoint(NAME, 70000, bytes(range(32)))
    assert checkpoint.text == f"{NAME}\n70000\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert Checkpoint.from_text(checkpoint.text) == checkpoint
    assert Checkpoint.from_text(checkpoint.text + "an extension\n") == checkpoint


@pytest.mark.parametrize("size", ["", "01", "-1", "+1", " 1", "1_0", "٣", str(1 << 64), "1" * 5000])
def test_checkpoint_sizes_are_plain_decimals(size: str) -> None:
    with pytest.raises(AuditError):
        Checkpoint.from_text(f"{NAME}\n{size}\n{base64.b64encode(bytes(32)).decode()}\n")


def test_keygen(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask; never replaced; refused when others can read it."""
    path = tmp_path / "key"
    old = os.umask(0)
    try:
        verifier = keys.generate(NAME, path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load_signer(path).verifier == verifier
    assert keys.load_verifier(str(tmp_path / "key.vkey")) == verifier
    assert keys.load_verifier(verifier.vkey) == verifier
    with pytest.raises(AuditError, match="never replaced"):
        keys.generate(NAME, path)
    path.chmod(0o640)
    with pytest.raises(AuditError, match="mode 0640"):
        keys.load_signer(path)


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+", "PRIVATE+KEY+a+b+c", "x" * 5000, "\xff"])
def test_broken_key_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(AuditError, match="key"):
        keys.load_signer(path)
    with pytest.raises(AuditError, match="key"):
        keys.load_verifier(str(path))
