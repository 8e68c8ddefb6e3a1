"""`mam simulate`: the examples' outputs, byte for byte; and lines that are none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.schema.messages import BY_NAME
from tests.cli.command import assert_refused, command

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.jsonl"))
GOLDEN = Path(__file__).parent / "golden"
QUOTE = {"msg": "Quote", "source": "lp", "time": 5, "instrument": 1, "bid": "1", "ask": "2"}


def run(*lines: dict[str, Any] | str | bytes) -> Any:
    texts = [line if isinstance(line, bytes) else _text(line).encode() for line in lines]
    return command("simulate", "-", stdin=b"\n".join(texts) + b"\n")


def _text(line: dict[str, Any] | str) -> str:
    return line if isinstance(line, str) else json.dumps(line)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_give_the_recorded_bytes(path: Path) -> None:
    done = command("simulate", path)
    assert (done.status, done.error) == (0, "")
    assert done.out == (GOLDEN / path.name).read_bytes()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_end_well(path: Path) -> None:
    """No message of an example is refused, every block is done, and its volume is somewhere."""
    said = [json.loads(line) for line in (GOLDEN / path.name).read_text().splitlines()]
    assert not [output for output in said if output["msg"] == "Reject"]
    reports = {output["block"]: output for output in said if output["msg"] == "MasterReport"}
    blocks = {output["block"] for output in said if output["msg"] == "Plan"}
    assert reports.keys() == blocks and {report["status"] for report in reports.values()} == {"done"}
    for report in reports.values():
        assert float(report["allocated"]) + float(report["house"]) == pytest.approx(float(report["filled"]))


def test_there_is_an_example_of_each_kind() -> None:
    assert {path.stem for path in EXAMPLES} >= {"post_trade", "stp_partial", "refused_to_house"}


@pytest.mark.process
def test_the_same_lines_give_the_same_bytes_in_any_locale() -> None:
    outputs = set()
    lines = "".join(path.read_text() for path in EXAMPLES[:1]) + json.dumps(
        QUOTE | {"source": "x", "time": 2**61}
    )
    for locale in ("C.UTF-8", "POSIX"):
        environment = os.environ | {"LC_ALL": locale, "PYTHONIOENCODING": "ascii", "PYTHONHASHSEED": "random"}
        done = subprocess.run(
            [sys.executable, "-m", "appliance", "simulate", "-"],
            input=lines.encode(),
            capture_output=True,
            cwd=ROOT,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        outputs.add(done.stdout)
    assert len(outputs) == 1


BAD: dict[str, tuple[Any, str]] = {
    "no json": ("{", "line 1, column 2: expected one JSON object"),
    "no object": ("[1]", "line 1: expected one JSON object"),
    "two objects": ("{} {}", "line 1, column 4: expected one JSON object"),
    "no utf-8": (b'{"msg": "\xff"}', "line 1, byte 10: expected UTF-8"),
    "deep": ("[" * 100_000, "line 1, column 1: expected one JSON object"),
    "digits": ('{"time": ' + "9" * 5000 + "}", "line 1, column 1: expected one JSON object"),
    "no msg": ({}, '"msg" is None: expected the name of a message'),
    "unknown msg": ({"msg": "Quot"}, "\"msg\" is 'Quot': expected the name of a message"),
    "msg no text": ({"msg": ["Quote"]}, "\"msg\" is ['Quote']: expected the name"),
    "unknown key": (QUOTE | {"bidd": "1"}, "Quote: there is no field 'bidd'"),
    "float": (QUOTE | {"bid": 1.1}, "Quote: bid must be a decimal in a string"),
    "digits of a price": (QUOTE | {"bid": "1.123456789"}, "Quote: bid must have at most 8 decimal places"),
    "NaN": ('{"msg": "Quote", "time": NaN}', '"time" is nan: expected whole ns'),
    "time text": (QUOTE | {"time": "5"}, "\"time\" is '5': expected whole ns"),
    "time before 1970": (QUOTE | {"time": -1}, '"time" is -1: expected whole ns since 1970'),
    "time of the far future": (QUOTE | {"time": 2**63 - 1}, "expected whole ns"),
    "source": (QUOTE | {"source": "a b"}, "\"source\" is 'a b': expected 1 to 31 characters"),
    "source of nobody": ({"msg": "Heartbeat"}, '"source" is missing: expected the name of the bridge'),
    "source unknown": ({"msg": "Heartbeat", "source": "x"}, "no bridge of that name has sent anything"),
    "journal": (QUOTE | {"source": "journal"}, "\"source\" is 'journal'"),
    "host": ({"msg": "BridgeOpened", "bridge": 9}, "bridges open when their source first speaks"),
    "enum": ({"msg": "KillSwitch", "scope": "all"}, "KillSwitch: scope must be one of"),
    "control": (QUOTE | {"bid": "\u0007\n"}, "Quote: bid must be"),
}


@pytest.mark.parametrize(("line", "expected"), BAD.values(), ids=BAD)
def test_a_bad_line_is_named(line: Any, expected: str) -> None:
    done = run(line)
    assert_refused(done, "standard input, line 1", expected)
    assert done.out == b""


def test_the_line_is_counted_through_comments_and_blanks() -> None:
    assert_refused(run("// a comment", "", QUOTE, "", {"msg": "x"}), "standard input, line 5: ")


def test_time_does_not_go_back() -> None:
    assert_refused(run(QUOTE, QUOTE | {"time": 4}), 'line 2: "time" is 4', "at least 5")


def test_a_source_that_says_what_it_may_not_is_answered_by_the_engine() -> None:
    done = run(QUOTE, {"msg": "MasterOrder", "source": "lp", "order": 1})
    assert done.status == 0 and b'"reason": "wrong_source"' in done.out


def test_a_line_of_ten_megabytes() -> None:
    assert_refused(run(QUOTE | {"x" * 10_000_000: 1}), "Quote: there is no field")
    assert len(run(QUOTE | {"bid": "9" * 10_000_000}).error) < 300


def test_too_many_bridges_are_bad_input() -> None:
    lines = [QUOTE | {"source": f"lp{number}"} for number in range(70)]
    assert_refused(run(*lines), "line 65", "more bridges than the 64")


def test_more_accounts_than_the_usual_tables_hold() -> None:
    lines = [
        {"msg": "Account", "source": "mt5", "login": login, "currency": "USD", "leverage": 100}
        for login in range(1, 5001)
    ]
    assert b"table_full" not in run(*lines).out


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    assert_refused(command("simulate", tmp_path / "none"), "none: cannot be read: No such file")
    assert_refused(command("simulate", tmp_path), "cannot be read: Is a directory")
    assert_refused(command("simulate", "a\0b"), "cannot be read")


SMALL = st.one_of(
    st.integers(-2, 300),
    st.sampled_from(
        ["", "0", "1", "-1", "0.01", "1.1", "99999999999", "buy", "sell", "USD", "stp", "x", None, [], {}]
    ),
    st.integers(),
    st.text(max_size=5),
)
FIELDS = sorted({field.name for message in BY_NAME.values() for field in message.fields})
MESSAGE = st.fixed_dictionaries(
    {"msg": st.sampled_from(sorted(BY_NAME))},
    optional={"source": st.sampled_from(["mt5", "lp1", "desk", "host"]), "time": st.integers(0, 2**62)},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(MESSAGE, st.dictionaries(st.sampled_from(FIELDS), SMALL, max_size=3)), max_size=6))
def test_fuzz_any_messages(parts: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    done = run(*({**message, **fields} for message, fields in parts))
    assert done.status in (0, 2)
    assert (done.status == 2) == bool(done.error)
    assert done.error.count("\n") <= 1


VALID = [
    json.loads(line) for path in EXAMPLES for line in path.read_text().splitlines() if line.startswith("{")
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_fuzz_an_example_with_changes(data: st.DataObject) -> None:
    """A real scenario with fields changed, lines dropped and repeated: no broken law, no traceback."""
    lines = [dict(line) for line in VALID[: data.draw(st.integers(1, len(VALID)))]]
    for line in lines:
        line.pop("time", None)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "repeat", "change"]))
        if what == "drop":
            lines[at] = {"msg": "Clock"}
        elif what == "repeat":
            lines.insert(data.draw(st.integers(0, len(lines))), dict(lines[at]))
        else:
            names = [name for name in lines[at] if name not in ("msg", "source")] or ["time"]
            name = data.draw(st.sampled_from(names))
            values = st.sampled_from(
                ["0", "0.01", "0.005", "1", "3", "-1", "500", "92233720368.54775807", "1.1001"]
            )
            if isinstance(lines[at].get(name), int):
                values = st.sampled_from([0, 1, 2, 7, 101, 102, 103, 900, 1000, 2**31, 2**63])
            lines[at][name] = data.draw(values)
    done = run(*lines)
    assert done.status in (0, 2), done.error
    assert done.error.count("\n") <= 1
