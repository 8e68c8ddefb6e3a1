"""Every broken configuration is one line: file, place, expectation."""

import os
import re
from pathlib import Path

import pytest
from appliance._native import lib
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from appliance.audit.counters import LABELS
from appliance.daemon import read_config
from appliance.daemon.config import BridgeSection, CapacitySection, EngineSection
from appliance.daemon.engine_process import bridge_counter_labels, counter_labels
from appliance.engine import Capacities
from appliance.errors import InputError
from appliance.memory import leftovers
from tests.daemon.rig import Rig, assert_one_line, mam

ROOT = Path(__file__).resolve().parents[2]
AUDIT = 'instance = "cfg"\n[audit]\ndirectory = "/nowhere/log"\nkey = "/nowhere/key"\n'
BRIDGE = '[[bridges]]\nname = "b"\nrole = "broker"\n'
CORES = ", ".join(map(str, sorted(os.sched_getaffinity(0))))

BROKEN = {
    "empty": ("", "expected the key 'audit', which is missing"),
    "no toml": ("x", "expected TOML: "),
    "no text": (b"\xff", "expected TOML: "),
    "no bridges": (AUDIT, "expected the key 'bridges', which is missing"),
    "bridges empty": ("bridges = []\n" + AUDIT, "bridges: expected a list of length >= 1"),
    "unknown key": (AUDIT + BRIDGE + "foo = 1", "bridges[0]: unknown key 'foo', expected one of name, role"),
    "unknown section": (AUDIT + BRIDGE + "[foo]", "unknown key 'foo', expected one of instance, audit"),
    "name": (AUDIT.replace("cfg", "a.b") + BRIDGE, "instance: expected a name of 1 to 31 characters"),
    "role": (AUDIT + BRIDGE.replace("broker", "x"), "bridges[0].role: expected one of broker, control, lp"),
    "kind": (AUDIT + BRIDGE + 'in_capacity = "x"', "bridges[0].in_capacity: expected a whole number from 4"),
    "power": (AUDIT + BRIDGE + "in_capacity = 5000", "bridges[0].in_capacity: expected a power of two"),
    "low": (AUDIT + BRIDGE + "out_capacity = 2048", "bridges[0].out_capacity: expected a whole"),
    "twice": (AUDIT + BRIDGE + BRIDGE, "bridges[1].name: 'b' is also that of another, expected each once"),
    "owner": (AUDIT + BRIDGE + 'owner = "no one"', "bridges[0].owner: expected a user of this host, found"),
    "group": (AUDIT + BRIDGE + 'group = "no one"', "bridges[0].group: expected a group of this host"),
    "core": (
        AUDIT + BRIDGE + "[engine]\ncpu = 4000",
        f"engine.cpu: expected a core that this process may use ({CORES})",
    ),
    "audit core": (AUDIT + "cpu = 4000\n" + BRIDGE, "audit.cpu: expected a core that this process may use"),
    "idle": (
        AUDIT + BRIDGE + '[engine]\nidle = "fast"',
        "engine.idle: expected one of backoff, spin, yield, found 'fast'",
    ),
    "limit": (
        AUDIT + BRIDGE + "[capacities]\naccounts = 999999999",
        "capacities.accounts: expected a whole number from 1 to 1048576",
    ),
    "time": (
        AUDIT + BRIDGE + "[engine]\nstuck_after_ms = 99999999999",
        "engine.stuck_after_ms: expected a whole number from 1 to 3600000",
    ),
    "memory": (AUDIT + BRIDGE + "[capacities]\ninstruments = 4096\nmembers = 1048576", "capacities: need "),
    "nul": (AUDIT.replace("/nowhere/log", "a\\u0000b") + BRIDGE, "audit.directory: expected a path"),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_names_place_and_expectation(tmp_path: Path, text: str | bytes, expected: str) -> None:
    path = tmp_path / "mam.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        read_config(str(path))
    said = str(error.value)
    assert said.startswith(f"{path}: {expected}") and "\n" not in said


@pytest.mark.parametrize("text", [b"\x00", b"[" * 3000, b"a=" + b"[" * 3000, b'a = "\\q"', "\ufeff".encode()])
def test_no_bytes_are_a_surprise(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "mam.toml"
    path.write_bytes(text)
    with pytest.raises(InputError):
        read_config(str(path))


@given(st.binary(max_size=60))
def test_fuzzed_lines(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes((AUDIT + BRIDGE).encode() + line)
    try:
        read_config(str(path))
    except InputError as error:
        assert str(error).startswith(f"{path}: ")


def test_no_file(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=f"{re.escape(str(path))}: cannot be read: {why}"):
            read_config(str(path))


def test_all_that_the_file_may_say_the_engine_takes() -> None:
    """The ranges of the configuration are those of the engine."""
    for field in inspect.type_info(CapacitySection).fields:  # type: ignore[attr-defined]
        for value in (field.type.ge, field.type.le):
            assert lib.mam_engine_size(Capacities(**{field.name: value}).to_c()) > 0, field.name
        for value in (field.type.ge - 1, field.type.le + 1):
            assert lib.mam_engine_size(Capacities(**{field.name: value}).to_c()) == 0, field.name


@pytest.mark.process
def test_the_command_says_one_line_and_leaves_nothing(rig: Rig, tmp_path: Path) -> None:
    good = rig.config.read_text()
    (tmp_path / "file").touch()
    cases = [
        (good.replace("signing.key", "none.key"), "none.key: cannot read the key file"),
        (good.replace('/log"', '/file"'), f"{tmp_path}/file: File exists"),
        (good.replace(str(rig.log), "/proc/none"), "/proc/none: No such file or directory"),
        (good + "\nrole = 7\n", "mam.toml: expected TOML"),
    ]
    for text, expected in cases:
        rig.config.write_text(text)
        assert_one_line(mam("run", "--config", rig.config), expected)
        assert leftovers(rig.name) == []
    assert not rig.log.exists()


@pytest.mark.process
def test_the_command_line_is_checked_in_one_line() -> None:
    assert_one_line(mam("run"), "mam run: the following arguments are required: --config")
    assert_one_line(mam(), "mam: the following arguments are required: COMMAND")
    assert_one_line(mam("sing"), "invalid choice: 'sing'")


@pytest.mark.process
def test_check_only_reads(rig: Rig) -> None:
    done = mam("run", "--config", rig.config, "--check")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{rig.config}: good; instance {rig.name}, 3 bridges\n"
    assert not rig.log.exists() and leftovers(rig.name) == []


def test_the_operator_s_page_has_every_key_and_its_default() -> None:
    """docs/operator.md is checked against the types: `key` | default, in the table of its section."""
    page = (ROOT / "docs" / "operator.md").read_text()
    for section in (EngineSection, CapacitySection, BridgeSection):
        for name in section.__struct_fields__:
            assert f"`{name}`" in page, name
    defaults = CapacitySection()
    for name in CapacitySection.__struct_fields__:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` "))
        assert f"| {getattr(defaults, name):,} |" in row


def test_the_operator_s_page_has_every_counter() -> None:
    page = (ROOT / "docs" / "operator.md").read_text()
    labels = [*counter_labels()[10:], *LABELS.values()]  # the laws stand there as a row
    for label in labels:
        assert f"`{label.partition(' (')[0]}`" in page, label
    for label in bridge_counter_labels():
        assert f"`{label}`" in page or f"`bridge NAME: {label}`" in page, label
