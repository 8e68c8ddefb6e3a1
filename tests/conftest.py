"""Shared by all tests: compiling a C program against the checkout's headers."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wno-unused-function"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]

Compile = Callable[..., Path]


def find_clang() -> str | None:
    names = ("clang", *(f"clang-{version}" for version in range(22, 13, -1)))
    return next((path for name in names if (path := shutil.which(name))), None)


def fuzzing(seconds: int, longest: int) -> list[str]:
    """libFuzzer's options. What it takes for its own memory begins at that of pytest, which started it: the
    limit is on single allocations."""
    time = os.environ.get("FUZZ_SECONDS", str(seconds))
    return [
        f"-max_total_time={time}",
        f"-max_len={longest}",
        "-seed=1",
        "-rss_limit_mb=0",
        "-malloc_limit_mb=2048",
    ]


@pytest.fixture(scope="session")
def clang() -> str:
    """The path of clang; the test is skipped where there is none."""
    path = find_clang()
    if path is None:
        pytest.skip("clang is not installed")
    return path


@pytest.fixture(scope="session")
def libfuzzer(clang: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of clang, if it links libFuzzer; else the test is skipped."""
    probe = tmp_path_factory.mktemp("libfuzzer") / "probe.c"
    probe.write_text("int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n < 0; }\n")
    command = [clang, "-fsanitize=fuzzer,address,undefined", "-g", "-O1", probe, "-o", probe.with_suffix("")]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip(f"{clang} does not link libFuzzer")
    return clang


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """compile_c(name, *sources, flags=[...], compiler="gcc") -> the program. Sources lie below the root."""

    def build(
        name: str, *sources: str | Path, flags: list[str] = SANITIZE, compiler: str | None = None
    ) -> Path:
        target = tmp_path_factory.mktemp("c") / name
        chosen = compiler or os.environ.get("CC") or shutil.which("gcc") or find_clang() or "cc"
        standard = [] if any(flag.startswith("-std=") for flag in flags) else ["-std=gnu11"]
        command = [chosen, *standard, *WARNINGS, *flags, "-Inative/include", "-iquote", "native/src"]
        command += [str(source) for source in sources]
        done = subprocess.run(
            [*command, "-o", str(target), "-lpthread"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return target

    return build
