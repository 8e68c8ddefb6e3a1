"""The tick reader: what it takes, and one clear line for what it does not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.broker.ticks import HEADER, merge, read_all, read_ticks
from appliance.errors import InputError

DATA = Path(__file__).resolve().parents[2] / "appliance" / "demo" / "data"


def write(folder: Path, text: str, name: str = "eurusd.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_committed_excerpt() -> None:
    """Real ticks: 3,000 of each symbol, as the README beside them says."""
    eurusd, usdjpy = read_all([DATA / "eurusd-2019-01-01.csv", DATA / "usdjpy-2019-01-01.csv"])
    assert (eurusd.symbol, eurusd.digits, len(eurusd)) == ("EURUSD", 5, 3000)
    assert (usdjpy.symbol, usdjpy.digits, len(usdjpy)) == ("USDJPY", 3, 3000)
    assert (eurusd.time[0], eurusd.bid[0], eurusd.ask[0]) == (1546383600078000000, 114605000, 114643000)
    assert eurusd.crossed == usdjpy.crossed == 0
    tape = merge([eurusd, usdjpy])
    assert len(tape) == 6000
    assert np.all(np.diff(tape.time) >= 0)
    assert (tape.instrument[0], tape.bid[0]) == (2, 10967600000)


def test_crossed_and_equal_times_are_kept(tmp_path: Path) -> None:
    ticks = read_ticks(write(tmp_path, f"{HEADER}\n1,1.2,1.1\r\n1,1.1,1.2\n"))
    assert ticks.crossed == 1
    assert list(ticks.time) == [1, 1]


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", ":1: ", "at least one tick"),
        (f"{HEADER}\n", ":2: ", "at least one tick"),
        ("time,bid,ask\n1,1,1\n", ":1: ", HEADER),
        (f"{HEADER}\n1,1.1\n", ":2: ", "3 fields"),
        (f"{HEADER}\n1,1.1,1.2,1\n", ":2: ", "3 fields"),
        (f"{HEADER}\n1,1.1,1.2\n\n", ":3: ", "3 fields"),
        (f"{HEADER}\nx,1.1,1.2\n", ":2: ", "a time in ns"),
        (f"{HEADER}\n-1,1.1,1.2\n", ":2: ", "a time in ns"),
        (f"{HEADER}\n9999999999999999999,1.1,1.2\n", ":2: ", "a time in ns"),
        (f"{HEADER}\n5,1.1,1.2\n4,1.1,1.2\n", ":3: ", "not before"),
        (f"{HEADER}\n1,1.123456789,1.2\n", ":2: ", "8 decimal places"),
        (f"{HEADER}\n1,1.1,1e5\n", ":2: ", "8 decimal places"),
        (f"{HEADER}\n1,,1.2\n", ":2: ", "8 decimal places"),
        (f"{HEADER}\n1,0.0,1.2\n", ":2: ", "above 0"),
        (f"{HEADER}\n1,1.1,10000001\n", ":2: ", "above 0"),
    ],
)
def test_bad_file_is_one_line(tmp_path: Path, text: str, place: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_ticks(path)
    line = str(caught.value)
    assert line.startswith(f"{path}{place}")
    assert expected in line
    assert "\n" not in line


def test_bad_names_and_places(tmp_path: Path) -> None:
    for name in ("ticks.csv", "eurusdx.csv", "eu.csv"):
        with pytest.raises(InputError, match="pair of currencies"):
            read_ticks(write(tmp_path, f"{HEADER}\n1,1,1\n", name))
    with pytest.raises(InputError, match="cannot be read"):
        read_ticks(tmp_path / "gbpusd.csv")
    (tmp_path / "gbpusd.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="text file"):
        read_ticks(tmp_path / "gbpusd.csv")
    path = write(tmp_path, f"{HEADER}\n1,1,1\n")
    with pytest.raises(InputError, match="one file a symbol"):
        read_all([path, path])


@given(st.text(alphabet="0123456789.,-ex\n time_nsbidask", max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Nothing but InputError comes out of a bad file."""
    path = write(tmp_path_factory.getbasetemp(), f"{HEADER}\n{text}")
    try:
        ticks = read_ticks(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert len(ticks.time) == len(ticks.bid) == len(ticks.ask) > 0
