"""What a command does when its output has nowhere to go, and how it says what is wrong with its arguments."""

import subprocess

import pytest

from appliance.cli import main
from tests.cli.command import assert_refused, command
from tests.daemon.rig import ROOT, mam_command

PROBLEM = ROOT / "examples" / "problem.json"
SCENARIO = ROOT / "examples" / "post_trade.jsonl"


def shell(text: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in which `mam` is the command."""
    line = f'mam() {{ {" ".join(mam_command())} "$@"; }}; set -o pipefail; {text}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.mark.process
@pytest.mark.parametrize("what", [f"allocate {PROBLEM}", f"simulate {SCENARIO}"])
def test_a_reader_that_went_away_is_no_news(what: str) -> None:
    done = shell(f"mam {what} | head -c 1")
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 1, "")


@pytest.mark.process
def test_a_full_disk_is_one_line() -> None:
    done = shell(f"mam allocate {PROBLEM} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "mam allocate: cannot write the output: No space left on device\n"


@pytest.mark.process
def test_closed_descriptors_are_no_traceback() -> None:
    assert shell(f"mam allocate {PROBLEM} >&-").stderr == ""
    assert shell("mam allocate /none 2>&-").returncode == 2
    assert "Traceback" not in shell(f"mam simulate {SCENARIO} >&-").stderr
    assert "Traceback" not in shell("mam allocate - <&-").stderr
    assert shell(f"mam simulate {SCENARIO} <&- >&- 2>&-").returncode == 0


@pytest.mark.process
def test_a_terminal_that_cannot_show_a_character_gets_its_escape() -> None:
    done = shell(f"PYTHONIOENCODING=ascii mam allocate --table {PROBLEM}")
    assert done.returncode == 0 and "5.263157\\u2026" in done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["sing"], ["demo", "--accounts", "0"], ["allocate"], ["demo", "--x"]]
)
def test_a_wrong_command_line_is_one_line(arguments: list[str]) -> None:
    assert_refused(command(*arguments), "--help)")


@pytest.mark.parametrize(
    "words", ["", "demo", "run", "allocate", "simulate", "counters", "audit", "audit verify", "audit keygen"]
)
def test_every_command_has_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words.split(), "--help"])
    assert end.value.code == 0 and capsys.readouterr().out.startswith(f"usage: mam {words}".rstrip())
