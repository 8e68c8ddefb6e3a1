"""The C half under sanitizers: tampered segments, and a hostile producer in the journal ring."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, SANITIZE, Compile, fuzzing

pytestmark = pytest.mark.sanitizer
PARTS = ["sha256", "crc32c", "merkle", "journal_entry", "journal_reader", "segment"]
PARTS += ["log_reader", "log_writer"]
SOURCES = ["native/tests/fuzz_log.c", *(f"native/src/{name}.c" for name in PARTS)]


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_fuzz_by_random_inputs(compile_c: Compile) -> None:
    """The driver of our own, for any compiler."""
    program = compile_c("fuzz_log", *SOURCES, flags=[*SANITIZE, "-DMAM_FUZZ_MAIN"])
    assert run(program, os.environ.get("FUZZ_SECONDS", "2"), "1").startswith("ok ")


def test_fuzz_by_coverage(compile_c: Compile, libfuzzer: str, tmp_path: Path) -> None:
    """libFuzzer; FUZZ_SECONDS says how long."""
    flags = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    program = compile_c("fuzz_log_clang", *SOURCES, flags=flags, compiler=libfuzzer)
    run(program, *fuzzing(3, 200), f"-artifact_prefix={tmp_path}/")
