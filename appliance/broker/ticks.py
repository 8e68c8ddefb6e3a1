"""Reads recorded ticks: CSV files with the columns time_ns, bid, ask.

One file is one symbol; its name begins with it (eurusd-2019-01-01.csv). Prices become integers in units of
1e-8. A fault is one line that names file, line and expectation. Crossed quotes (bid above ask) are kept as
they are: markets have them, and it is the engine's matter to refuse them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import InputError

HEADER = "time_ns,bid,ask"
_PRICE = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,8}))?")
_TIME = re.compile(r"[0-9]{1,19}")
_SYMBOL = re.compile(r"[a-z]{6}", re.IGNORECASE)
_PRICE_MAX = 10**15  # 1e-8: ten million

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ticks:
    """The ticks of one symbol, in rising order of time. Times in ns since the Unix epoch, prices 1e-8."""

    symbol: str
    digits: int  # decimal places of the prices, as written
    time: Int64s
    bid: Int64s
    ask: Int64s

    def __len__(self) -> int:
        return len(self.time)

    @property
    def crossed(self) -> int:
        """How many quotes have their bid above their ask."""
        return int(np.count_nonzero(self.bid > self.ask))


@dataclass(frozen=True)
class Tape:
    """The ticks of several symbols as one series: by time, then by the order of the symbols."""

    time: Int64s
    bid: Int64s
    ask: Int64s
    instrument: npt.NDArray[np.uint32]  # number of the symbol, from 1

    def __len__(self) -> int:
        return len(self.time)


def read_ticks(path: str | Path) -> Ticks:
    """Reads one file; InputError when it is not such a file."""
    path = Path(path)
    symbol = _symbol_of(path)
    try:
        with open(path, encoding="ascii", newline="") as file:
            return _read(path, symbol, file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a text file with the columns {HEADER}") from None


def read_all(paths: Iterable[str | Path]) -> list[Ticks]:
    """Reads several files; no symbol may come twice."""
    series = [(path, read_ticks(path)) for path in paths]
    seen: dict[str, str | Path] = {}
    for path, ticks in series:
        if ticks.symbol in seen:
            raise InputError(
                f"{path}: {ticks.symbol} was read from {seen[ticks.symbol]} already; one file a symbol"
            )
        seen[ticks.symbol] = path
    return [ticks for _, ticks in series]


def merge(series: Sequence[Ticks]) -> Tape:
    """One tape of all; instruments are numbered from 1 in the order given."""
    time = np.concatenate([ticks.time for ticks in series])
    number = np.concatenate([np.full(len(t), i, np.uint32) for i, t in enumerate(series, 1)])
    order = np.lexsort((number, time))
    bid = np.concatenate([ticks.bid for ticks in series])
    ask = np.concatenate([ticks.ask for ticks in series])
    return Tape(time=time[order], bid=bid[order], ask=ask[order], instrument=number[order])


def _symbol_of(path: Path) -> str:
    match = _SYMBOL.match(path.name)
    if match is None or path.name[6:7].isalpha():
        raise InputError(
            f"{path}: expected a file name that begins with a pair of currencies, as eurusd-2019-01-01.csv"
        )
    return match.group().upper()


def _read(path: Path, symbol: str, lines: Iterable[str]) -> Ticks:
    times: list[int] = []
    bids: list[int] = []
    asks: list[int] = []
    digits = 0
    number = 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if number == 1:
            if line != HEADER:
                raise _fault(path, number, f"the header {HEADER}", line)
            continue
        fields = line.split(",")
        if len(fields) != 3:
            raise _fault(path, number, f"3 fields ({HEADER})", line)
        times.append(_time(path, number, fields[0], times[-1] if times else 0))
        for text, prices in ((fields[1], bids), (fields[2], asks)):
            price, places = _price(path, number, text)
            prices.append(price)
            digits = max(digits, places)
    if not times:
        raise _fault(path, number + 1, "at least one tick", "")
    return Ticks(
        symbol, digits, np.array(times, np.int64), np.array(bids, np.int64), np.array(asks, np.int64)
    )


def _time(path: Path, number: int, text: str, last: int) -> int:
    if _TIME.fullmatch(text) is None or int(text) >= 2**63:
        raise _fault(path, number, "a time in ns since the epoch", text)
    if int(text) < last:
        raise _fault(path, number, f"a time not before that of the line above ({last})", text)
    return int(text)


def _price(path: Path, number: int, text: str) -> tuple[int, int]:
    match = _PRICE.fullmatch(text)
    if match is None:
        raise _fault(path, number, "a price with at most 8 decimal places", text)
    whole, part = match.group(1), match.group(2) or ""
    price = int(whole) * 10**8 + int(part.ljust(8, "0"))
    if not 0 < price <= _PRICE_MAX:
        raise _fault(path, number, "a price above 0 and at most 10000000", text)
    return price, len(part)


def _fault(path: Path, number: int, expected: str, found: str) -> InputError:
    shown = found if len(found) <= 60 else found[:57] + "..."
    return InputError(f"{path}:{number}: expected {expected}, found {shown!r}")
