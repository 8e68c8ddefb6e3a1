"""scripts/find-python tries what really runs, and says why what it found does not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment in which no Python is to be found."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "tail"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return {"PATH": str(tools), "HOME": str(tmp_path)}


def find(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ROOT / "scripts" / "find-python")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


ELSEWHERE = [*Path("/usr/local/bin").glob("python3.1[1-4]"), *Path("/opt").glob("*/*/python3.1[1-4]")]


@pytest.mark.skipif(bool(ELSEWHERE), reason="a Python lies where the script looks last")
def test_none(empty: dict[str, str]) -> None:
    done = find(empty)
    assert done.returncode == 1
    assert done.stderr.startswith("No usable Python (3.11 to 3.14") and "PYTHON=" in done.stderr
    assert done.stdout == ""


def test_a_shim_that_fails_is_passed_over(empty: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.13", 'echo "pyenv: python3.13: command not found" >&2; exit 127')
    program(tmp_path / ".pyenv" / "versions" / "3.13.9" / "bin" / "python3.13", f'exec {sys.executable} "$@"')
    done = find(empty)
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)


def test_no_venv_is_passed_over_and_named(empty: dict[str, str]) -> None:
    reason = "cannot make environments (No module named 'ensurepip'; on Debian: apt install python3-venv)"
    fake = Path(empty["HOME"]) / "fake"
    program(fake, f'echo "{reason}" >&2; exit 1')
    done = find(empty | {"PYTHON": str(fake)})
    assert done.returncode == 1
    assert str(fake) in done.stderr and reason in done.stderr


def test_a_version_that_is_too_old_is_named(empty: dict[str, str], tmp_path: Path) -> None:
    program(
        tmp_path / "old",
        f"""exec {sys.executable} -c 'import sys; sys.version_info = (3, 9, 1)
sys.version = "3.9.1 (old)"
exec(sys.argv[1])' "$2\"""",
    )
    done = find(empty | {"PYTHON": str(tmp_path / "old")})
    assert done.returncode == 1
    assert "is 3.9.1, not 3.11 to 3.14" in done.stderr


def test_python_chooses(empty: dict[str, str]) -> None:
    done = find(empty | {"PYTHON": sys.executable})
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)
