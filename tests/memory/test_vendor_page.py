"""docs/vendor.md: its examples compile, run, and do what the page says; its numbers are the headers'."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from appliance._native import lib

from appliance.memory import BridgeSpec, Instance, Ring, Role, leftovers
from appliance.schema.codec import to_json
from appliance.schema.messages import SCHEMA_FINGERPRINT
from tests.conftest import ROOT, Compile

PAGE = (ROOT / "docs" / "vendor.md").read_text()
NAME = "test-vendor-page"


def example(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with Instance.create(
        NAME,
        [BridgeSpec("lp1", Role.LP, 4096, 4096)],
        fingerprint=SCHEMA_FINGERPRINT,
        journal_capacity=4096,
        counters_capacity=1,
        lock_in=tmp_path,
    ) as made:
        yield made
    assert leftovers(NAME) == []


def quote_in(instance: Instance) -> dict[str, object]:
    [(kind, message)] = Ring(instance.in_region("lp1")).read()
    assert kind == 20
    return to_json(message)


def heartbeat() -> bytes:
    from appliance.schema.codec import from_json

    return from_json({"msg": "Heartbeat", "sequence": 1, "sent": 7})


@pytest.mark.process
def test_the_c_example(instance: Instance, compile_c: Compile, tmp_path: Path) -> None:
    source = tmp_path / "example.c"
    source.write_text(example("c"))
    program = compile_c("example", source)
    Ring(instance.out_region("lp1")).write(9, heartbeat())
    done = subprocess.run([program, NAME, "lp1"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "template 9, 24 bytes\n", "")
    quote = quote_in(instance)
    assert (quote["msg"], quote["bid"], quote["bid_volume"]) == ("Quote", "1.1", "5")
    done = subprocess.run([program, NAME, "lp2"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "the instance has no bridge of that name\n")


@pytest.mark.process
def test_the_python_example(instance: Instance, tmp_path: Path) -> None:
    source = tmp_path / "example.py"
    source.write_text(example("python"))
    Ring(instance.out_region("lp1")).write(9, heartbeat())
    command = [sys.executable, str(source), NAME]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "lp1"], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    assert "'msg': 'Heartbeat'" in done.stdout
    assert quote_in(instance)["ask"] == "1.1001"
    done = subprocess.run([*command, "lp2"], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert done.stderr == f"instance {NAME}, bridge lp2: the instance has no bridge of that name\n"


def test_the_numbers() -> None:
    assert "8,448" in PAGE and lib.MAM_DIRECTORY_SIZE == 8448
    assert (lib.MAM_STATE_CLOSED, lib.MAM_STATE_OPEN, lib.MAM_STATE_FENCED) == (0, 1, 2)
    picture = PAGE[PAGE.index("ring   0") : PAGE.index("record 0")]
    offsets = [lib.MAM_RING_TAIL_OFFSET, lib.MAM_RING_HEAD_CACHE_OFFSET, lib.MAM_RING_HEAD_OFFSET]
    offsets += [lib.MAM_RING_CORRELATION_OFFSET, lib.MAM_RING_HEARTBEAT_OFFSET, lib.MAM_RING_TRAILER]
    assert [int(found) for found in re.findall(r"\+(\d+)", picture)] == offsets
