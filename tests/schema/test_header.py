"""mam_message_check in C says what the Python codec says, of good, bent and random bytes; with sanitizers."""

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from appliance.resources import schema_file
from appliance.schema import emit_c
from appliance.schema.__main__ import load
from appliance.schema.backcheck import backcheck
from appliance.schema.check import check
from appliance.schema.codec import MessageError, from_json, to_json
from appliance.schema.messages import MESSAGES, Reason
from appliance.schema.parse import parse
from tests.conftest import ROOT, SANITIZE, Compile, fuzzing
from tests.schema.samples import sample

pytestmark = pytest.mark.sanitizer


@pytest.fixture(scope="module")
def program(compile_c: Compile) -> Path:
    return compile_c("message_check", "native/tests/message_check.c")


def say_c(program: Path, cases: list[bytes]) -> list[tuple[int, int]]:
    frames = b"".join(struct.pack("<I", len(raw)) + raw for raw in cases)
    done = subprocess.run([program], input=frames, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def say_python(raw: bytes) -> tuple[int, int]:
    try:
        to_json(raw)
    except MessageError as error:
        return int(error.reason), error.field_id
    return int(Reason.NONE), 0


def compare(program: Path, cases: list[bytes]) -> set[int]:
    said = say_c(program, cases)
    assert len(said) == len(cases)
    for raw, answer in zip(cases, said, strict=True):
        assert answer == say_python(raw), raw.hex()
    return {reason for reason, _ in said}


def test_good_and_cut_and_long(program: Path) -> None:
    whole = [from_json(sample(message)) for message in MESSAGES.values()]
    assert compare(program, whole) == {Reason.NONE}
    cut = [raw[:length] for raw in whole for length in range(0, len(raw), 3)]
    assert compare(program, [*cut, *(raw + b"\0" for raw in whole)]) == {Reason.MALFORMED}


def test_headers(program: Path) -> None:
    cases = []
    for message in MESSAGES.values():
        raw = from_json(sample(message))
        block = message.block_length
        for length in (0, 8, block - 8, block - 1, block, block + 1, block + 8, 65535):
            for version in (0, 1, 2, 65535):
                for tail in (b"", bytes(8), bytes(40)):
                    cases.append(struct.pack("<HHHH", length, message.id, 7301, version) + raw[8:] + tail)
    cases += [struct.pack("<HHHH", 56, template, 7301, 0) + bytes(56) for template in range(0, 65536, 7)]
    compare(program, cases)


def test_every_value_of_every_enum_and_null(program: Path) -> None:
    cases = []
    for message in MESSAGES.values():
        raw = from_json(sample(message))
        for field in message.fields:
            numbers = range(300) if field.kind == "enum" else (0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
            for number in (*numbers, -1, -2):
                value = (number % 2 ** (8 * field.size)).to_bytes(field.size, "little")
                cases.append(raw[: field.start] + value + raw[field.start + field.size :])
    assert compare(program, cases) == {Reason.NONE, Reason.OUT_OF_RANGE}


def test_texts(program: Path) -> None:
    """All two-byte texts, and three- and four-byte ones around every border of UTF-8."""
    heads = [bytes([a, b]) for a in range(256) for b in range(256)]
    edges = (0x00, 0x1F, 0x20, 0x7E, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xF4, 0xFF)
    heads += [bytes([a, b, c]) for a in range(0xDF, 0xF1) for b in edges for c in edges]
    heads += [bytes([a, b, c, 0x80]) for a in range(0xEF, 0x100) for b in edges for c in edges]
    raw = from_json({"msg": "KillSwitch"})
    cases = [raw[:24] + head.ljust(32, b"\0") + raw[56:] for head in heads]
    cases += [raw[:24] + head.rjust(32, b"x") + raw[56:] for head in heads[::17]]
    ascii_raw = from_json({"msg": "Account"})
    cases += [ascii_raw[:24] + head.ljust(8, b"\0") + ascii_raw[32:] for head in heads[:65536]]
    assert compare(program, cases) == {Reason.NONE, Reason.OUT_OF_RANGE}


def test_bent_messages(program: Path) -> None:
    dice = random.Random(7)
    cases = []
    for _ in range(20000):
        raw = bytearray(from_json(sample(dice.choice(list(MESSAGES.values())))))
        for _ in range(dice.randint(1, 4)):
            raw[dice.randrange(len(raw))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        cases.append(bytes(raw))
    assert compare(program, cases) == {Reason.NONE, Reason.MALFORMED, Reason.OUT_OF_RANGE}


def test_an_older_version_lacks_what_came_later(tmp_path: Path, compile_c: Compile) -> None:
    """The header of a later schema, where Quote has one field more, reads today's messages."""
    text = schema_file().read_text().replace('version="0"', 'version="2"', 1)
    before, after = text.split('<sbe:message name="Quote" id="20" blockLength="56"')
    added = '<field name="more" id="9" type="Sequence" sinceVersion="2"/></sbe:message>'
    text = f'{before}<sbe:message name="Quote" id="20" blockLength="64"' + after.replace(
        "</sbe:message>", added, 1
    )
    later = parse(text)
    check(later)
    backcheck(load(schema_file()), later)
    (tmp_path / "mam").mkdir()
    (tmp_path / "mam" / "messages.h").write_text(emit_c.emit(later))
    program = compile_c("later", "native/tests/message_check.c", flags=[f"-I{tmp_path}", *SANITIZE])
    body = from_json(sample(MESSAGES[20]))[8:]

    def quote(block: int, version: int, tail: bytes = b"") -> bytes:
        return (struct.pack("<HHHH", block, 20, 7301, version) + body + tail)[: 8 + block]

    cases = [quote(56, 0), quote(56, 1), quote(64, 2, bytes(8)), quote(64, 3, bytes(8))]
    assert say_c(program, cases) == [(0, 0)] * 4
    bad = [quote(48, 0), quote(40, 1), quote(0, 0), quote(56, 2), quote(56, 3), quote(72, 0, bytes(16))]
    assert say_c(program, bad) == [(int(Reason.MALFORMED), 0)] * 6
    assert say_c(program, [quote(64, 2, b"\xff" * 8)]) == [(int(Reason.OUT_OF_RANGE), 9)]


def test_header_is_cplusplus_too(tmp_path: Path, compile_c: Compile) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    source = tmp_path / "vendor.cpp"
    source.write_text(
        "#include <mam/messages.h>\n"
        "int main() { mam_quote q; mam_quote_init(&q); q.bid = 1; uint16_t f;\n"
        "return mam_message_check(&q, MAM_QUOTE_LENGTH, &f) == MAM_REASON_NONE ? 0 : 1; }\n"
    )
    compile_c("vendor.o", source, flags=["-xc++", "-std=gnu++17", "-c"], compiler="g++")


def test_fuzz_messages(tmp_path: Path, compile_c: Compile, clang: str) -> None:
    """Some seconds here; `make fuzz FUZZ_SECONDS=600` for longer. The samples are the seeds."""
    flags = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    program = compile_c("fuzz_message", "native/tests/fuzz_message.c", flags=flags, compiler=clang)
    for message in MESSAGES.values():
        (tmp_path / message.name).write_bytes(from_json(sample(message)))
    command = [program, *fuzzing(3, 300), f"-artifact_prefix={tmp_path}/", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
