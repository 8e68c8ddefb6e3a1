"""The kernel's C code under sanitizers, on random figures and under libFuzzer; and the bound of `carry`."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import SANITIZE, Compile, fuzzing

pytestmark = pytest.mark.sanitizer

NAMES = (
    "allocate",
    "shares",
    "waterfill",
    "rounding",
    "select",
    "fills",
    "settle",
    "closing",
    "average",
    "mix",
)
KERNEL = [f"native/src/{name}.c" for name in NAMES]


def run(program: Path, *args: str) -> str:
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_fuzz_allocation_by_random_figures(compile_c: Compile) -> None:
    flags = [*SANITIZE, "-DMAM_FUZZ_MAIN"]
    program = compile_c("fuzz_allocation", "native/tests/fuzz_allocation.c", *KERNEL, flags=flags)
    assert run(program, "20000", "1").startswith("ok ")


def test_fuzz_allocation_by_coverage(compile_c: Compile, libfuzzer: str, tmp_path: Path) -> None:
    """libFuzzer; FUZZ_SECONDS says how long."""
    flags = ["-fsanitize=fuzzer,address,undefined", "-g", "-O1"]
    source = "native/tests/fuzz_allocation.c"
    program = compile_c("fuzz_allocation_clang", source, *KERNEL, flags=flags, compiler=libfuzzer)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    run(program, *fuzzing(3, 2048), str(corpus))


def test_carry_stays_within_its_bound_against_adversaries(compile_c: Compile) -> None:
    """The program aborts at a deviation over (n - 1) / 2 steps, the bound that docs/allocation.md proves."""
    program = compile_c("carry_bound", "native/tests/carry_bound.c", *KERNEL, flags=["-O2"])
    widest = {
        (name, int(n)): float(value) for name, n, value in map(str.split, run(program, "5000").splitlines())
    }
    assert max(value for (name, _), value in widest.items() if name in ("constant", "random")) < 1.5
