"""The loop as a C program: data races, system calls, allocations."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.engine.test_native import run


def sources() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("native/src/*.c"))


@pytest.mark.sanitizer
def test_no_data_race(compile_c: Callable[..., Path]) -> None:
    flags = ["-fsanitize=thread", "-g", "-O1"]
    program = compile_c("loop_tsan", "native/tests/loop_threads.c", *sources(), flags=flags)
    assert run(program, 8, 10).startswith("ok ")


@pytest.fixture(scope="module")
def plain(compile_c: Callable[..., Path]) -> Path:
    flags = ["-O2", "-g", "-DMAM_COUNT_MALLOC"]
    return compile_c("loop_threads", "native/tests/loop_threads.c", *sources(), flags=flags)


def test_no_allocation_after_start(plain: Path) -> None:
    assert run(plain, 50, 20).startswith("ok ")


def test_spinning_makes_no_system_call(plain: Path, tmp_path: Path) -> None:
    """By strace: from the first deal to the last the loop's thread does not enter the kernel."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: system calls were not counted")
    trace = tmp_path / "trace"
    done = subprocess.run(
        [strace, "-f", "-o", str(trace), str(plain), "50", "20"], capture_output=True, text=True, timeout=120
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()
    thread = next(line.split()[0] for line in lines if '"loop"' in line)
    begin = next(at for at, line in enumerate(lines) if '"begin"' in line)
    end = next(at for at, line in enumerate(lines) if '"end"' in line)
    made = [line for line in lines[begin:end] if line.split()[0] == thread]
    assert not [line for line in made if not re.search(r"--- SIG|resumed", line)]
