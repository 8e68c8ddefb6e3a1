"""Law 5: the same inputs give the same bytes; in another engine, and in another compiler's build."""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from appliance._native import ffi

from appliance.engine import Engine
from tests.engine.history import History
from tests.engine.test_native import engine_sources

Inputs = list[tuple[int, int, bytes]]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    history = History(Random(1))
    for _ in range(500):
        history.step()
    history.settle()
    opened = Engine()
    record: Inputs = []
    apply = opened.apply
    opened.apply = lambda *input: record.append(input) or apply(*input)  # type: ignore[func-returns-value,method-assign]
    for name, role in history.roles.items():
        opened.open_bridge(name, role)
    return record + history.inputs


def outputs(inputs: Inputs) -> bytes:
    """As native/tests/engine_replay.c writes them."""
    engine, out = Engine(), bytearray()
    for time, bridge, message in inputs:
        for output in engine.apply(time, bridge, message):
            out += struct.pack("<II", output.bridge, len(output.message)) + output.message
    return bytes(out)


def test_two_engines_say_the_same(inputs: Inputs) -> None:
    assert outputs(inputs) == outputs(inputs) != b""


@pytest.mark.parametrize("flags", [["-O0"], ["-O3", "-march=native"]])
@pytest.mark.parametrize("compiler", [None, "clang"])
def test_another_build_says_the_same(
    inputs: Inputs,
    compile_c: Callable[..., Path],
    compiler: str | None,
    flags: list[str],
    request: pytest.FixtureRequest,
) -> None:
    chosen = request.getfixturevalue("clang") if compiler else None
    program = compile_c(
        "replay", "native/tests/engine_replay.c", *engine_sources(), flags=flags, compiler=chosen
    )
    fed = bytearray(bytes(ffi.buffer(Engine().capacities.to_c())))
    for time, bridge, message in inputs:
        fed += struct.pack("<qII", time, bridge, len(message)) + message
    done = subprocess.run([str(program)], input=bytes(fed), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == outputs(inputs)
