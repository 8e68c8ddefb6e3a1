"""What is committed is what the generator makes; the generator needs nothing but the standard library."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.resources import schema_file
from appliance.schema import messages
from appliance.schema.__main__ import load, main, outputs
from appliance.schema.emit_c import fingerprint
from appliance.schema.parse import parse
from tests.conftest import ROOT
from tests.schema.test_check import GOOD


@pytest.mark.parametrize(
    "name", ["native/include/mam/messages.h", "appliance/schema/messages.py", "docs/messages.md"]
)
def test_committed_files_are_current(name: str) -> None:
    assert (ROOT / name).read_text() == outputs(load(schema_file()))[name], "run `make generate`"


def test_fingerprint_is_of_the_layout_alone() -> None:
    schema = load(schema_file())
    assert fingerprint(schema) == messages.SCHEMA_FINGERPRINT
    text = schema_file().read_text()
    assert fingerprint(parse(text.replace("A bridge lives", "A bridge is alive"))) == fingerprint(schema)
    assert fingerprint(parse(text.replace('name="sell"', 'name="vend"'))) != fingerprint(schema)


def test_enums_have_their_sentences() -> None:
    for reason in messages.Reason:
        assert messages.SENTENCES["Reason"][reason], reason


def test_generator_runs_on_the_standard_library() -> None:
    """-S: no site-packages, so neither numpy nor a compiled module can be there."""
    command = [sys.executable, "-S", "-B", "-m", "appliance.schema", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_text(GOOD)
    new.write_text(GOOD.replace('name="down"', 'name="left"'))
    assert main(["backcheck", str(old), str(old)]) == 0
    assert main(["backcheck", str(old), str(new)]) == 1
    assert "version must rise" in capsys.readouterr().err
    assert main(["backcheck", str(old), str(tmp_path / "none.xml")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/none.xml: No such file or directory\n"
    new.write_text(GOOD.replace("<types>", "<types><set/>"))
    assert main(["backcheck", str(old), str(new)]) == 1
    assert capsys.readouterr().err == f"{new}: types: element set is not supported here\n"
    assert main(["nonsense"]) == 2
    assert capsys.readouterr().err.startswith("usage:")
