"""The benchmarks' C programs fit the headers as they are: nothing else compiles them in the tests."""

from pathlib import Path

import pytest

from tests.conftest import Compile

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path.relative_to(ROOT) for path in (ROOT / "perf").glob("**/*.c"))


def test_there_are_programs() -> None:
    assert len(PROGRAMS) > 3


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_benchmark_fits_the_headers(compile_c: Compile, program: Path) -> None:
    compile_c(program.stem, program, flags=["-c", "-O1"])
