"""`mam allocate`: the forms of the design, and problems that are none."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.schema.messages import SENTENCES, Reason
from tests.cli.command import Done, assert_refused, command

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
DESIGN = """
{"instrument": {"symbol": "EURUSD", "base": "EUR", "profit": "USD", "contract_size": "100000", "digits": 5,
                "volume_min": "0.01", "volume_step": "0.01", "volume_max": "500", "calc_mode": "forex"},
 "quotes": {"EURUSD": ["1.10000", "1.10010"]},
 "group": {"currency": "USD", "method": "equity", "rounding": "largest_remainder",
           "on_shortfall": "reduce", "below_min": "skip"},
 "members": [{"login": 1, "currency": "USD", "balance": "10000", "equity": "10000", "credit": "0",
              "margin": "0", "leverage": 100, "margin_buffer": "1.5", "weight": "1", "max_volume": "50"}],
 "order": {"side": "buy", "volume": "10.00", "stop_loss": "1.09500"}}
"""


def problem(**changes: Any) -> dict[str, Any]:
    """Three members by equity; `members__0__equity="5"` changes a place."""
    made: dict[str, Any] = {
        "instrument": {"symbol": "EURUSD"},
        "quotes": {"EURUSD": ["1.10000", "1.10010"]},
        "group": {"method": "equity"},
        "members": [{"login": n, "balance": money} for n, money in ((1, "10000"), (2, "7000"), (3, "2000"))],
        "order": {"volume": "10.00"},
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        at: Any = made
        for step in steps:
            at = at[int(step)] if step.isdigit() else at[step]
        at[int(last) if last.isdigit() else last] = value
    return made


def ask(asked: Any, *arguments: str) -> Done:
    text = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return command("allocate", "-", *arguments, stdin=text)


def answer(asked: Any) -> dict[str, Any]:
    done = ask(asked)
    assert done.error == "" and done.status == (0 if json.loads(done.out)["reason"] is None else 1), done
    return json.loads(done.out)


def test_the_designs_question_gets_the_designs_form() -> None:
    """The keys of the answer as printed there come first, in that order; more may follow."""
    said = answer(DESIGN.encode())
    assert list(said)[:3] == ["children", "volume", "unallocated"]
    (child,) = said["children"]
    assert list(child)[:4] == ["login", "volume", "quota", "reason"]
    assert (child["login"], child["quota"]) == (1, "10")
    # 10,000 / 1.5 of margin at 1.1001 x 100,000 / 100 a lot: 6.06 lots
    assert (child["volume"], child["binding"]) == ("6.06", "margin_buffer")
    assert (said["volume"], said["unallocated"]) == ("6.06", "3.94")


def test_quotas_are_exact_and_volumes_have_the_steps_places() -> None:
    said = answer(problem())
    assert [c["volume"] for c in said["children"]] == ["5.26", "3.69", "1.05"]
    assert [c["quota"] for c in said["children"]] == ["5.263157…", "3.684210…", "1.052631…"]
    assert (said["volume"], said["unallocated"], said["reason"]) == ("10.00", "0.00", None)


def test_the_example_gives_the_recorded_bytes() -> None:
    done = command("allocate", ROOT / "examples" / "problem.json")
    assert (done.status, done.error) == (0, "")
    assert done.out == (GOLDEN / "problem.json").read_bytes()


def test_absent_keys_take_the_defaults() -> None:
    spelled = problem(
        instrument={
            "symbol": "EURUSD", "base": "EUR", "profit": "USD", "margin": "EUR", "contract_size": "100000",
            "digits": 5, "volume_min": "0.01", "volume_step": "0.01", "volume_max": "500",
            "calc_mode": "forex", "trade_mode": "full",
        },
        group={
            "currency": "USD", "method": "equity", "rounding": "largest_remainder", "on_shortfall": "reduce",
            "below_min": "skip", "overflow_login": 0,
        },
        order={"volume": "10", "side": "buy", "stop_loss": "0"},
    )  # fmt: skip
    assert answer(spelled) == answer({**problem(), "group": {}})


def test_the_table_fits_the_answer() -> None:
    done = ask(problem(members__2__max_volume="0.5"), "--table")
    lines = done.out.decode().splitlines()
    assert lines[0].split() == ["login", "volume", "quota", "measure", "share", "%", "cap", "binding", "why"]
    assert lines[1].split()[:5] == ["1", "5.26", "5.263157…", "10000", "52.6316"]
    assert lines[3].split()[-1] == "member_maximum"
    assert lines[-1] == "planned 9.45, unallocated 0.55"


def test_a_refused_order_is_bad_news() -> None:
    done = ask(problem(group={"method": "percent"}))
    assert done.status == 1 and json.loads(done.out)["reason"] == "percent_sum"
    shown = ask(problem(group={"method": "percent"}), "--table").out.decode()
    assert shown.splitlines()[-1].startswith("refused: percent_sum: ")


def many(**fields: Any) -> dict[str, Any]:
    """Both members' fields, or the group's (`group__…`)."""
    made = problem(members=[{"login": 1, "balance": "1000"}, {"login": 2, "balance": "1000"}])
    for name, value in fields.items():
        for at in [made["group"]] if name.startswith("group__") else made["members"]:
            at[name.removeprefix("group__")] = value
    return made


REFUSED_ORDERS: dict[str, tuple[Any, str]] = {
    "zero in sum": (many(group__method="ratio", weight="0"), "zero_weights"),
    "the sum overflows": (many(group__method="ratio", weight="92233720367"), "overflow"),
    "each overflows": (many(balance="1000000000000", weight="10000000000"), "overflow"),
    "percents": (many(group__method="percent", weight="49.99999999"), "percent_sum"),
    "no rate for anybody": (many(currency="NOK"), "no_rate"),
    "nobody": (problem(members=[]), "no_members"),
    "all inactive": (many(status="inactive"), "inactive"),
    "no stop-loss": (many(group__method="risk"), "no_stop_loss"),
    "falls short": (many(group__on_shortfall="reject", max_volume="0.1"), "shortfall"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "reason"), REFUSED_ORDERS.values(), ids=REFUSED_ORDERS)
def test_an_order_that_is_refused_has_its_reason_and_sentence(asked: Any, reason: str) -> None:
    said = answer(asked)
    sentence = SENTENCES["Reason"][Reason[reason.upper()]]
    assert (said["reason"], said["sentence"]) == (reason, sentence) and len(sentence) > 10
    assert all(child["volume"] == "0.00" and child["reason"] for child in said["children"])
    done = ask(asked, "--table")
    assert done.status == 1 and done.out.decode().splitlines()[-1] == f"refused: {reason}: {sentence}"


def test_a_missing_rate_excludes_the_member_and_the_table_says_what_that_means() -> None:
    done = ask(problem(members__0__currency="NOK"), "--table")
    assert done.status == 0
    assert "no_rate: No quote converts the account's currency" in done.out.decode().splitlines()


BAD: dict[str, tuple[Any, str]] = {
    "weight": (problem(members__0__weight="-1"), "members[0] (login 1): negative_weight (weight): A weight"),
    "overflow": (problem(group__rounding="overflow"), "group: no_overflow_account (overflow_login): "),
    "empty": (b"", "ends too early, expected more JSON"),
    "cut": (json.dumps(problem()).encode()[:-9], "ends too early"),
    "no json": (b'{\n "instrument": tru}', "line 2, column 20: is not JSON"),
    "two": (json.dumps(problem()).encode() + b" {}", "is not JSON: trailing characters"),
    "no utf-8": (b'{"quotes": {"\xff": ["1", "1"]}}', "expected JSON in UTF-8"),
    "list": ([], "expected an object, found a list"),
    "nothing": ({}, "expected the key 'instrument', which is missing"),
    "unknown key": ({**problem(), "x": 1}, "unknown key 'x', expected one of instrument, members"),
    "unknown inner": (problem(members__1__lots="1"), "members[1]: unknown key 'lots', expected"),
    "number": (problem(order__volume=10), 'order.volume: expected a decimal in a text, such as "0.01"'),
    "float": (problem(members__0__balance=1.5), "members[0].balance: expected a decimal in a text"),
    "exponent": (problem(order__volume="1e1"), "order.volume: expected a decimal in a text"),
    "long": (problem(members__0__balance="9" * 5000), "members[0].balance: expected a decimal in a text"),
    "places": (problem(members__0__balance="0.0000001"), "members[0] (login 1): AccountState: balance must"),
    "range": (problem(members__0__balance="99999999999999999"), "members[0] (login 1): Account"),
    "login": (problem(members__0__login=0), "members[0].login: expected a whole number from 1"),
    "login twice": (problem(members__1__login=1), "members[1].login: duplicate_login: 1 stands there twice"),
    "side": (problem(order__side="up"), "order.side: expected one of buy, sell, found 'up'"),
    "method": (problem(group__method="luck"), "group: GroupPolicy: method must be one of equal, percent"),
    "volume 0": (problem(order__volume="0"), "order: out_of_range (volume)"),
    "off step": (problem(order__volume="1.005"), "order: off_step (volume)"),
    "crossed": (problem(quotes={"EURUSD": ["2", "1"]}), "quotes.EURUSD: crossed_quote (bid)"),
    "no pair": (problem(quotes={"EUR": ["1", "2"]}), 'quotes: unknown_instrument: "EUR" names no pair'),
    "one price": (problem(quotes={"EURUSD": ["1"]}), "quotes[...]: expected a list of length 2"),
    "step 0": (problem(instrument__volume_step="0"), "instrument: out_of_range (volume_step)"),
    "symbol": (problem(instrument__symbol="é" * 9), "instrument: Instrument: symbol must be a text of"),
    "newline": (problem(quotes={"A\nB": ["1", "2"]}), 'quotes: unknown_instrument: "A\\nB" names no pair'),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), BAD.values(), ids=BAD)
def test_a_bad_problem_is_one_line_with_its_place(asked: Any, expected: str) -> None:
    done = ask(asked)
    assert_refused(done, "mam allocate: standard input: ", expected)
    assert done.out == b""


def test_no_file(tmp_path: Path) -> None:
    assert_refused(command("allocate", tmp_path / "p.json"), "p.json: cannot be read: No such file")
    assert_refused(command("allocate", tmp_path), "cannot be read: Is a directory")


def test_ten_thousand_members() -> None:
    members = [{"login": n, "balance": "1000"} for n in range(1, 10_001)]
    said = answer({**problem(order__volume="500"), "members": members})
    assert sum(Fraction(c["volume"]) for c in said["children"]) == 500


def test_too_many_members_are_bad_input() -> None:
    members = [{"login": n} for n in range(1, 100_002)]
    assert_refused(ask({**problem(), "members": members}), "members: 100,001, expected at most 100,000")


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["1", "0.01", "-5", "1e9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
PLACES = [
    "instrument", "quotes", "group", "members", "order", "instrument__symbol", "instrument__digits",
    "instrument__volume_step", "instrument__volume_min", "instrument__volume_max", "instrument__calc_mode",
    "instrument__contract_size", "instrument__base", "quotes__EURUSD", "group__method", "group__currency",
    "group__rounding", "group__on_shortfall", "group__below_min", "group__overflow_login", "members__0",
    "members__0__balance", "members__1__equity", "members__2__leverage", "members__0__margin_buffer",
    "members__0__weight", "members__0__max_volume", "members__0__status", "order__volume", "order__stop_loss",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), ANY, min_size=1, max_size=2))
def test_fuzz_a_problem_with_anything_anywhere(changes: dict[str, Any]) -> None:
    ordered = dict(sorted(changes.items(), key=lambda item: -item[0].count("__")))
    done = ask(problem(**ordered))
    assert done.status in (0, 1, 2)
    assert (done.status == 2) == bool(done.error) and done.error.count("\n") <= 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_fuzz_bytes(text: bytes) -> None:
    assert_refused(ask(text))


DECIMAL = st.decimals(0, 10**6, places=2, allow_nan=False).map(str)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(DECIMAL, min_size=1, max_size=8),
    st.integers(1, 50_000).map(lambda steps: f"{steps // 100}.{steps % 100:02d}"),
    st.sampled_from(["equity", "balance", "equal", "ratio"]),
    st.sampled_from(["largest_remainder", "largest_equity", "list_order", "carry"]),
)
def test_what_is_planned_and_what_is_not_make_the_order(
    money: list[str], volume: str, method: str, rounding: str
) -> None:
    members = [{"login": 7 + at, "balance": amount} for at, amount in enumerate(money)]
    asked = {
        **problem(order__volume=volume),
        "members": members,
        "group": {"method": method, "rounding": rounding},
    }
    done = ask(asked)
    assert done.status in (0, 1), done.error
    said = json.loads(done.out)
    planned = sum((Fraction(child["volume"]) for child in said["children"]), Fraction(0))
    assert planned == Fraction(said["volume"])
    assert planned + Fraction(said["unallocated"]) == Fraction(volume)
