"""Explanations and queries of the examples' logs; the figures are those that the messages have."""

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest

from appliance.audit.place import parse_time
from appliance.audit.query import Filter, columns
from tests.audit.scenario_log import EXAMPLES, make_scenario_log
from tests.cli.command import assert_refused, command


@pytest.fixture(scope="module", params=EXAMPLES)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("log") / request.param
    make_scenario_log(directory, request.param)
    return directory


@pytest.fixture(scope="module")
def post_trade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("log") / "log"
    make_scenario_log(directory, "post_trade")
    return directory


def query(log: Path, *arguments: str) -> list[dict[str, object]]:
    done = command("audit", "query", log, *arguments)
    assert done.status == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


def test_the_log_replays(log: Path) -> None:
    assert command("audit", "replay", log).status == 0


def test_every_block_is_explained(log: Path) -> None:
    """What the explanation says of each child is what the plan and the bookings in the log say."""
    plans = query(log, "--msg", "Plan")
    assert plans
    for plan in plans:
        done = command("audit", "explain", log, "--block", str(plan["block"]), "--json")
        (story,) = json.loads(done.out)["blocks"]
        assert story["plan"]["planned"] == plan["planned"]
        children = [child for child in story["children"] if "house" not in child]
        assert len(children) == plan["members"]
        assert sum(Fraction(child["volume"]) for child in children) == Fraction(str(plan["planned"]))
        for child in children:
            assert child["sentence"]
            share = Fraction(plan["volume"]) * child["weight"] / plan["total_weight"]  # type: ignore[arg-type]
            assert Fraction(child["exact_quota"]) == share
            bookings = query(log, "--msg", "Booking", "--account", str(child["login"]))
            mine = [one["volume"] for one in bookings if one["block"] == plan["block"]]
            assert [booking["volume"] for booking in child["bookings"]] == mine
        page = command("audit", "explain", log, "--block", str(plan["block"])).out.decode()
        assert all(f"Account {child['login']}: " in page for child in story["children"])
        assert story["policy"]["policy_version"] == plan["policy_version"]
        assert str(story["policy_changes"][0]["operator"]) in page


def test_a_child_at_several_prices_has_what_was_planned_in_several_bookings(tmp_path: Path) -> None:
    make_scenario_log(tmp_path / "log", "per_fill")
    assert command("audit", "replay", tmp_path / "log").status == 0
    (story,) = json.loads(command("audit", "explain", tmp_path / "log", "--block", "1", "--json").out)[
        "blocks"
    ]
    told = {child["child"]: (child["login"], child["sentence"]) for child in story["children"]}
    assert told[0] == (1, "exact share 0.6 lots; 0.6 in whole steps; booked by the server")
    assert told[1] == (2, "exact share 0.3 lots; 0.3 in whole steps; booked by the server")
    goes_on = "0.2 lots more: the same child goes on with the next price of the block's fills; "
    assert told[3] == (2, goes_on + "refused by the server")
    assert [(b["block"], b["child"], b["price"]) for b in query(tmp_path / "log", "--msg", "Booking")] == [
        (1, 0, "1.1001"),
        (1, 1, "1.1001"),
        (1, 2, "1.1002"),
        (1, 3, "1.1002"),
        (1, 4, "1.1002"),
    ]


def test_a_page(post_trade: Path) -> None:
    page = command("audit", "explain", post_trade, "41").out.decode()
    for part in (
        "Deal 51: buy 10 lots EURUSD at 1.1001, opening",
        "version 1: equity, rounding largest_remainder",
        "alice: GroupPolicy: set up",
        "Account 101: exact share 5.26315789… lots; 5.26 in whole steps; booked by the server",
        "the server said: balance 10000, credit 0, equity 10000",
        "equity 10000 times 1 (52.63 % of all); exact share 5.26315789…",
        "asked to book 3.69 at 1.1001",
        "done: filled 10, to clients 10",
    ):
        assert part in page, page


def test_the_state_is_the_one_that_was_seen(post_trade: Path) -> None:
    """Account 101 grew after the first deal: its explanation still has the old figures."""
    first = json.loads(command("audit", "explain", post_trade, "--deal", "51", "--json").out)["blocks"][0]
    second = json.loads(command("audit", "explain", post_trade, "--deal", "52", "--json").out)["blocks"][0]
    equity = [
        next(child for child in story["children"] if child["login"] == 101)["state"]["equity"]
        for story in (first, second)
    ]
    assert equity == ["10000", "50000"]


def test_one_client_sees_no_other(post_trade: Path) -> None:
    done = command("audit", "explain", post_trade, "41", "--login", "102")
    text = (
        done.out.decode()
        + command("audit", "explain", post_trade, "41", "--login", "102", "--json").out.decode()
    )
    assert "Account 102" in text and '"login": 102' in text
    for other in ("101", "103"):
        assert f"Account {other}" not in text and f'"login": {other}' not in text
    assert '"equity": "7000"' in text and '"10000"' not in text
    assert_refused(command("audit", "explain", post_trade, "41", "--login", "9"), "has no account 9")


def test_queries(post_trade: Path) -> None:
    bookings = query(post_trade, "--msg", "Booking")
    assert len(bookings) == 9
    assert {row["login"] for row in query(post_trade, "--account", "102")} == {102}
    of_order = query(post_trade, "--order", "42")
    assert {row["msg"] for row in of_order} >= {
        "MasterDeal",
        "Plan",
        "PlanMember",
        "Booking",
        "BookingReport",
    }
    assert [row["block"] for row in of_order if row["msg"] == "Booking"] == [2, 2, 2]
    since = str(bookings[3]["time_ns"])
    assert len(query(post_trade, "--msg", "Booking", "--from", since)) == 6
    assert len(query(post_trade, "--msg", "Booking", "--to", since)) == 3
    assert len(query(post_trade, "--msg", "Booking", "--from", str(bookings[3]["time"]))) == 6
    assert query(post_trade, "--reason", "margin_buffer") == []


def test_csv(post_trade: Path, tmp_path: Path) -> None:
    done = command(
        "audit", "query", post_trade, "--format", "csv", "--msg", "Booking", "-o", tmp_path / "x.csv"
    )
    assert done.status == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    assert [row["volume"] for row in rows[:3]] == ["5.26", "3.69", "1.05"]
    whole = command("audit", "query", post_trade, "--format", "csv").out.decode()
    assert len(next(csv.reader(io.StringIO(whole)))) == len(columns(None))


def test_parquet(post_trade: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    done = command("audit", "query", post_trade, "--format", "parquet", "-o", path)
    try:
        import pyarrow.parquet as pq
    except ImportError:
        assert_refused(done, "parquet needs pyarrow")
        return
    table = pq.read_table(path).to_pylist()
    assert [row["volume"] for row in table if row["msg"] == "Booking"][:3] == ["5.26", "3.69", "1.05"]


def test_bad_questions(post_trade: Path, tmp_path: Path) -> None:
    assert_refused(command("audit", "explain", post_trade, "999"), "the log has no order 999")
    assert_refused(command("audit", "explain", tmp_path, "1"), "holds no log")
    assert_refused(command("audit", "query", post_trade, "--msg", "Bokking"), "expected a name of the schema")
    assert_refused(command("audit", "query", post_trade, "--reason", "why"), "expected one of the schema")
    assert_refused(command("audit", "query", post_trade, "--from", "yesterday"), "a time in ISO 8601")
    assert_refused(command("audit", "query", post_trade, "--format", "parquet"), "name a file")
    assert parse_time("1970-01-02T00:00:00+01:00") == 82_800 * 10**9
    assert Filter(reason="none").reason == "none"
