"""The C check with figures of every length, under the address and undefined-behaviour sanitizers."""

import subprocess

import pytest

from tests.conftest import Compile

SOURCES = [f"native/src/{name}.c" for name in ("formula", "exposure", "tiers", "revalue", "drawdown")]


@pytest.mark.sanitizer
@pytest.mark.parametrize("seed", [1, 20190101])
def test_sanitized(compile_c: Compile, seed: int) -> None:
    program = compile_c("valuation_check", "native/tests/valuation_check.c", *SOURCES)
    done = subprocess.run([program, "20000", str(seed)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ok\n", "")
