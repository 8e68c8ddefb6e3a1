"""The engine's C parts under sanitizers: its tables, and histories that were tampered with."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.conftest import ROOT, SANITIZE, fuzzing
from tests.engine.history import History

HOST_ONLY = ("bundle", "log_", "segment", "merkle", "sha256", "crc32c", "journal_reader", "loop")
RIGHT_SEQUENCE, LATER = 0x80, 0x40

pytestmark = pytest.mark.sanitizer


def engine_sources() -> list[str]:
    """Every native/src/*.c that the engine itself needs."""
    files = sorted(ROOT.glob("native/src/*.c"))
    return [f"native/src/{file.name}" for file in files if not file.name.startswith(HOST_ONLY)]


def seed(history: History) -> bytes:
    """The inputs of a history as native/tests/fuzz_engine.c reads them."""
    out = bytearray(b"\0")
    before = 0
    for time, bridge, message in history.inputs:
        late = LATER if time - before > 10**9 else 0
        out += bytes([bridge | RIGHT_SEQUENCE | late]) + len(message).to_bytes(2, "little") + message
        before = time
    return bytes(out)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of random histories."""
    folder = tmp_path_factory.mktemp("seeds")
    for number in range(16):
        history = History(Random(number))
        for _ in range(60):
            history.step()
        (folder / f"{number:02d}").write_bytes(seed(history))
    return folder


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=120 + int(os.environ.get("FUZZ_SECONDS", "0")),
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stdout


def test_the_table_against_a_naive_map(compile_c: Callable[..., Path]) -> None:
    assert run(compile_c("engine_table", "native/tests/engine_table.c"), "7").startswith("ok")


def test_the_runs_of_children_against_a_naive_allocator(compile_c: Callable[..., Path]) -> None:
    program = compile_c("engine_extents", "native/tests/engine_extents.c", "native/src/extents.c")
    assert run(program, "7").startswith("ok")


def test_fuzz_the_engine(compile_c: Callable[..., Path], seeds: Path) -> None:
    """Tampered histories, with gcc alone; FUZZ_SECONDS says how long."""
    flags = [*SANITIZE, "-DMAM_FUZZ_MAIN"]
    program = compile_c("fuzz_engine", "native/tests/fuzz_engine.c", *engine_sources(), flags=flags)
    assert run(program, os.environ.get("FUZZ_SECONDS", "4"), "1", *sorted(seeds.iterdir())).startswith("ok ")


def test_fuzz_the_engine_guided(
    compile_c: Callable[..., Path], clang: str, seeds: Path, tmp_path: Path
) -> None:
    """libFuzzer; FUZZ_SECONDS says how long."""
    flags = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    program = compile_c(
        "fuzz_engine_guided", "native/tests/fuzz_engine.c", *engine_sources(), flags=flags, compiler=clang
    )
    found = tmp_path / "found"
    found.mkdir()
    run(program, *fuzzing(4, 65536), f"-artifact_prefix={found}/", tmp_path, seeds)
