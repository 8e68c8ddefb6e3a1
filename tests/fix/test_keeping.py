"""What is kept between two lives of the bridge: journal, delivery words, store; and how it is configured."""

from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.fix import requests, store
from appliance.fix.__main__ import main
from appliance.fix.config import ScheduleSection, SessionSection, read_config, read_password
from appliance.fix.delivery import Words
from appliance.fix.journal import Journal
from appliance.fix.records import Attached, Reported, Session, State

SESSION = SessionSection(host="lp", port=1, sender="MAM", target="LP")


def test_the_journal_gives_back_what_was_put(tmp_path: Path) -> None:
    journal, found = Journal.open(tmp_path)
    assert found == []
    records = [
        Attached(time=1, run="a"),
        Reported(time=2, text="8=FIX\x0111=é\udcff\n\x01".replace("\udcff", "")),
    ]
    for record in records:
        journal.put(record)
    journal.note("not kept")
    assert list(journal.take(9)) == [*records, "not kept"]
    journal.close()
    again, found = Journal.open(tmp_path)
    assert found == records
    again.close()


def test_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    journal.put(Attached(time=1, run="a"))
    whole = journal.size
    journal.put(Attached(time=2, run="b"))
    journal.close()
    path = tmp_path / "orders.journal"
    data = path.read_bytes()
    for cut in range(whole, len(data)):
        path.write_bytes(data[:cut])
        journal, found = Journal.open(tmp_path)
        assert [record.run for record in found] == ["a"]
        journal.put(Attached(time=3, run="c"))
        journal.close()
        journal, found = Journal.open(tmp_path)
        journal.close()
        assert [record.run for record in found] == ["a", "c"]


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    for run in "abc":
        journal.put(Attached(time=1, run=run))
    journal.close()
    path = tmp_path / "orders.journal"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="line 1 is damaged"):
        Journal.open(tmp_path)


def test_shortening_keeps_what_waits(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path)
    journal.put(Attached(time=1, run="a"))
    list(journal.take(1))
    journal.put(Attached(time=2, run="b"))
    journal.shorten(State(run="a"), 3)
    journal.put(Attached(time=4, run="c"))
    assert [record.run for record in journal.take(9)] == ["b", "c"]
    journal.close()
    journal, found = Journal.open(tmp_path)
    journal.close()
    assert [getattr(record, "run", None) for record in found] == [None, "b", "c"]
    assert found[0].state.run == "a"


def test_delivery_words_may_not_be_missing_beside_a_journal(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing although"):
        Words(tmp_path, new=False)
    Words(tmp_path, new=True).set(8, 7)
    assert Words(tmp_path, new=False).get(8) == 7
    (tmp_path / "delivery.state").write_bytes(b"x")
    with pytest.raises(InputError, match="is not a delivery file"):
        Words(tmp_path, new=False)


def put_store(directory: Path, created: str, sender: int, target: int) -> None:
    (directory / "FIX.4.4-MAM-LP.seqnums").write_text(f"{sender:020} : {target:020}")
    (directory / "FIX.4.4-MAM-LP.session").write_text(created)


def test_a_store_that_is_lost_older_or_another_is_refused(tmp_path: Path) -> None:
    left = Session(created="20240102-03:04:05", sender=7, target=9)
    store.check_store(tmp_path, SESSION, None)
    with pytest.raises(store.StoreLost, match="is lost"):
        store.check_store(tmp_path, SESSION, left)
    put_store(tmp_path, left.created, 8, 9)
    store.check_store(tmp_path, SESSION, left)
    assert store.read_marks(tmp_path, SESSION) == Session(created=left.created, sender=8, target=9)
    for sender, target in ((6, 9), (7, 8)):
        put_store(tmp_path, left.created, sender, target)
        with pytest.raises(store.StoreLost, match="is older"):
            store.check_store(tmp_path, SESSION, left)
    put_store(tmp_path, "20240103-00:00:00", 1, 1)
    with pytest.raises(store.StoreLost, match="made anew"):
        store.check_store(tmp_path, SESSION, left)
    daily = SessionSection(
        host="lp",
        port=1,
        sender="MAM",
        target="LP",
        schedule=ScheduleSection(start_time="22:00:00", end_time="21:00:00"),
    )
    store.check_store(tmp_path, daily, left)
    (tmp_path / "FIX.4.4-MAM-LP.seqnums").write_text("x")
    with pytest.raises(store.StoreLost, match="is damaged"):
        store.check_store(tmp_path, SESSION, left)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("MsgSeqNum too low, expecting 5 but received 1", True),
        ("Sequence number too low. Expected 12", True),
        ("msgseqnum (3) lower than expected (9)", True),
        ("session ended, see you tomorrow", False),
        ("sequence numbers will be kept", False),
    ],
)
def test_what_a_logout_says(text: str, lost: bool) -> None:
    assert bool(store.TOO_LOW.search(text)) == lost


def test_keys_are_stable_and_short() -> None:
    run = requests.run_name(1_700_000_000_123_456_789)
    assert requests.order_key(run, 7, 2) == requests.order_key(run, 7, 2) == f"{run}-7-2"
    assert len(requests.order_key(run, 2**32 - 2, 63)) <= 32
    assert requests.run_name(1_700_000_000_123_456_789 + 10**6) != run


GOOD = """
bridge = "lp1"
directory = "{directory}"
[session]
host = "lp.example"
port = 1234
sender = "MAM"
target = "LP"
[[instruments]]
id = 1
symbol = "EUR/USD"
contract_size = "100000"
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('bridge = "lp1"', "", "expected the key 'bridge', which is missing"),
        ("port = 1234", "port = 0", "session.port: expected a whole number from 1"),
        ('target = "LP"', 'target = "L/P"', "session.target: expected 1 to 64 printable"),
        ('"100000"', "100000", "contract_size: expected"),
        ('"100000"', '"0.0"', "instruments[0].contract_size: expected more than 0"),
        ("id = 1", "id = 1\ncolour = 3", "unknown key 'colour'"),
        ('host = "lp.example"', 'host = "lp.example"\nusername = "x"', "username and password_file together"),
        ("[[instruments]]", "[market_data]\nupdates = 'all'\n[[instruments]]", "one of full, incremental"),
        ("[session]", "[session", "expected TOML"),
    ],
)
def test_a_bad_configuration_is_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "fix.toml"
    text = GOOD.format(directory=tmp_path)
    path.write_text(text)
    assert read_config(str(path)).market_data.depth == 5
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as error:
        read_config(str(path))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_two_instruments_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "fix.toml"
    text = GOOD.format(directory=tmp_path)
    path.write_text(text + text[text.index("[[inst") :])
    with pytest.raises(InputError, match=r"instruments\[1\].id: 1 is also another's"):
        read_config(str(path))


def test_passwords(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\nmore\n")
    assert read_password(str(path)) == "secret"
    for text in ("", "\n", "caf\u00e9"):
        path.write_text(text, "utf-8")
        with pytest.raises(InputError, match="printable ASCII"):
            read_password(str(path))


def test_no_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", "/nowhere/fix.toml"]) == 2
    assert capsys.readouterr().err == "/nowhere/fix.toml: cannot be read: No such file or directory\n"
