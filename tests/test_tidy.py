"""Our own style, where no other tool looks. Each rule says what to do about it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

SKIPPED = {"build", "dist", "__pycache__"}
GENERATED = {"native/include/mam/messages.h", "appliance/schema/messages.py", "docs/messages.md"}
TEXT = {".py", ".c", ".h", ".md", ".toml", ".xml", ".sh", ".in", ".json", ".service", ""}
LINES_OF_A_FUNCTION = 70
WIDTH_OF_C = 110


def files() -> list[Path]:
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any(part in SKIPPED or part.endswith(".egg-info") for part in parts[:-1])
        hidden |= parts[0].startswith(".") and parts[0] != ".ci" and len(parts) > 1
        if not hidden and path.is_file() and path.suffix in TEXT:
            found.append(path)
    return sorted(found)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def c_files() -> list[Path]:
    return [path for path in files() if path.suffix in (".c", ".h") and name_of(path).startswith("native/")]


def lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
        yield f"{name_of(path)}:{number}", line


def long_functions(text: str) -> list[tuple[int, int]]:
    """(line, lines) of each C function that is too long: from its name at column 0 to the `}` at column 0."""
    result = []
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"[A-Za-z_].*\(", line) and not line.startswith(("typedef", "struct {")):
            start = number
        if line.startswith("}"):
            if start is not None and number - start + 1 > LINES_OF_A_FUNCTION:
                result.append((start, number - start + 1))
            start = None
    return result


def test_no_long_functions() -> None:
    wrong = [
        f"{name_of(p)}:{line} has {size}" for p in c_files() for line, size in long_functions(p.read_text())
    ]
    assert not wrong, f"functions of more than {LINES_OF_A_FUNCTION} lines; divide them: {wrong}"


def test_the_rule_for_functions_sees_one() -> None:
    body = "    x();\n" * LINES_OF_A_FUNCTION
    assert long_functions(f"static int f(int a,\n             int b) {{\n{body}}}\n") == [(1, 73)]
    assert not long_functions(f"static const int t[] = {{\n{body}}};\nint g(void) {{\n    return 1;\n}}\n")


def test_width_of_c() -> None:
    wrong = [where for path in c_files() for where, line in lines(path) if len(line) > WIDTH_OF_C]
    assert not wrong, f"lines of more than {WIDTH_OF_C} characters: {wrong}"


def test_whitespace() -> None:
    checked = [path for path in files() if path.suffix != ".json" and path.name != "Makefile"]
    wrong = [
        where for path in checked for where, line in lines(path) if "\t" in line or line != line.rstrip()
    ]
    assert not wrong, f"tabs or blanks at the end of a line: {wrong}"
    endings = [name_of(path) for path in checked if path.stat().st_size and path.read_bytes()[-1:] != b"\n"]
    assert not endings, f"no line break at the end of the file: {endings}"


def test_names_say_something() -> None:
    vague = re.compile(r"(utils?|helpers?|manager|misc|common)\b|.*_(utils?|helpers?|manager)$")
    wrong = [name_of(path) for path in files() if vague.fullmatch(path.stem)]
    assert not wrong, f"name a file after the one thing that it is about: {wrong}"


def test_tests_mirror_the_package() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    wrong = sorted(name for name in folders if not (ROOT / "appliance" / name).is_dir() and name != "native")
    assert not wrong, f"folders of tests/ without one of that name in appliance/: {wrong}"


# Spelled so that this file does not hold what it looks for.
FOREIGN = [
    (re.compile("/" + r"(home|root|work|Users)/\w"), "a path of one machine"),
    (re.compile(r"(pypi|pythonhosted|npmjs|crates)\." + r"(org|io|com)"), "the host of a registry"),
    (re.compile("shared/" + r"(design|facts|ticks)"), "a path outside of the repository"),
]


@pytest.mark.parametrize(("pattern", "what"), FOREIGN, ids=[what for _, what in FOREIGN])
def test_nothing_of_one_machine(pattern: re.Pattern[str], what: str) -> None:
    wrong = [where for path in files() for where, line in lines(path) if pattern.search(line)]
    assert not wrong, f"{what}: {wrong}"


def test_generated_files_say_so() -> None:
    for name in GENERATED:
        assert "do not edit" in (ROOT / name).read_text()[:400].replace("\n", " ").replace(" * ", ""), name
