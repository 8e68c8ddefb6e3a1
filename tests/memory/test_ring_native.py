"""C programs under sanitizers: two threads on one ring, and a hostile peer that owns the memory."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SANITIZE, Compile, find_clang, fuzzing

pytestmark = pytest.mark.sanitizer


def sanitizer_links(compiler: str, flags: list[str], folder: Path) -> bool:
    source = folder / "probe.c"
    source.write_text("int main(void) { return 0; }\n")
    command = [compiler, *flags, str(source), "-o", str(folder / "probe")]
    return subprocess.run(command, capture_output=True).returncode == 0


def run(program: Path, *args: str) -> str:
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("seed", ["1", "2"])
def test_two_threads_under_tsan(compile_c: Compile, tmp_path: Path, seed: str) -> None:
    """Every byte that the reader sees was published to it; so is every byte that the writer reuses."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or find_clang() or "cc"
    if not sanitizer_links(compiler, ["-fsanitize=thread"], tmp_path):
        pytest.skip(f"{compiler} does not link -fsanitize=thread")
    program = compile_c(
        "ring_tsan", "native/tests/ring_tsan.c", flags=["-fsanitize=thread", "-g", "-O1"], compiler=compiler
    )
    done = subprocess.run([program, "20000", seed], capture_output=True, text=True, timeout=250)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("the thread sanitizer does not run on this kernel's address layout")
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr


def test_fuzz_by_random_inputs(compile_c: Compile) -> None:
    """The driver of our own, for any compiler."""
    program = compile_c("fuzz_ring", "native/tests/fuzz_ring.c", flags=[*SANITIZE, "-DMAM_FUZZ_MAIN"])
    assert run(program, os.environ.get("FUZZ_SECONDS", "2"), "1").startswith("ok ")


def test_fuzz_by_coverage(compile_c: Compile, libfuzzer: str, tmp_path: Path) -> None:
    """libFuzzer; FUZZ_SECONDS says how long."""
    flags = ["-fsanitize=fuzzer,address,undefined", "-g", "-O1"]
    program = compile_c("fuzz_ring_clang", "native/tests/fuzz_ring.c", flags=flags, compiler=libfuzzer)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    run(program, *fuzzing(3, 2048), str(corpus))
