"""The hot halves under the sanitizers; and they include nothing that a vendor has not."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Compile

SOURCES = sorted((ROOT / "native" / "broker").glob("*.c"))


@pytest.mark.sanitizer
def test_a_storm_of_messages(compile_c: Compile) -> None:
    """Random Bookings, reports, legs and garbage: no crash, no overflow, never more booked than executed."""
    program = compile_c("storm", Path("tests/broker/storm.c"), *SOURCES)
    for seed in range(1, 4):
        done = subprocess.run([program, str(seed), "1500"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"seed {seed}: {done.stderr}"


def test_it_is_a_vendor() -> None:
    """native/broker includes its own headers, the vendors' and the system's."""
    own = {path.name for path in (ROOT / "native" / "broker").glob("*.h")}
    public = {f"mam/{path.name}" for path in (ROOT / "native" / "include" / "mam").glob("*.h")}
    for path in (ROOT / "native" / "broker").glob("*.[ch]"):
        included = set(re.findall(r'#include "([^"]+)"', path.read_text()))
        assert included <= own | public, path
