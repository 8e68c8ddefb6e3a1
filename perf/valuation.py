"""How many account-instrument positions are revalued in a second on one core; beside numpy on a like book.

    python perf/valuation.py [--accounts 1000 10000 100000] [--seconds 1.0] [--json] [--record]

A book: each account holds 1 to 10 of ten instruments, in one of eight account currencies. One round is a
quote of every instrument, each revalued for all who hold it: floating profit per account, converted, rounded
down to 1e-6. Three ways, all timed in this run, after a warm round, in the thread's own time:

    engine   Quote and Clock messages into the engine itself (perf/native/valuation.c): marks, rates,
             conflation, slices, and the look at each account's margin-call and stop-out level
    kernel   mam_revalue alone, over arrays
    numpy    the same as the kernel in float64, which is not exact: it is here to compare speed

Results of kernel and numpy are compared, and some of the kernel's are checked exactly. Exit status 1 when the
engine does not reach 100 million a second at 10,000 accounts, in its best round.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt
from appliance._native import ffi, lib
from engine_host import machine, program, report

INSTRUMENTS = 10
CURRENCIES = 8
STEP, POINT = 10**6, 10**3
ONE = 10**8
TARGET_M, TARGET_ACCOUNTS = 100, 10_000
WAYS = ("engine", "kernel", "numpy")

Ints = npt.NDArray[np.int64]


@dataclass
class Holders:
    """Those who hold one instrument, as the engine keeps them."""

    account: npt.NDArray[np.uint32]
    currency: npt.NDArray[np.uint8]
    buy: Ints
    sell: Ints
    buy_notional: Ints
    sell_notional: Ints
    profit: Ints
    price: int
    moves: Any
    rates: list[int]


def pointer(kind: str, array: npt.NDArray[Any]) -> Any:
    return ffi.cast(f"{kind} *", array.ctypes.data)


def moves_of(scale: Any, rates: list[int]) -> Any:
    """One per currency, by a pair profit/account of spread 2e-4; the first is the profit currency."""
    definition = ffi.new("struct mam_instrument *", {"calc_mode": 0, "contract_size": 100_000 * ONE})
    moves = ffi.new("struct mam_moves[]", CURRENCIES)
    for i, rate in enumerate(rates):
        conversions = ffi.new("struct mam_conversions *")
        for side, loss in product((0, 1), (0, 1)) if i > 0 else ():
            step = ffi.addressof(conversions.of[side][loss])
            assert lib.mam_conversion_step(step, rate, rate + rate // 5000, 0, loss) == 0
        assert lib.mam_moves_of(definition, scale, conversions, moves + i) == 0
    return moves


def holders(random: np.random.Generator, accounts: int, held: npt.NDArray[np.bool_], own: Ints) -> Holders:
    account = np.flatnonzero(held).astype(np.uint32)
    count = len(account)
    price = int(random.integers(50_000, 200_000))
    volume = random.integers(1, 10_000, count)
    other = np.where(random.random(count) < 0.3, random.integers(1, 10_000, count), 0)
    sells = random.random(count) < 0.5
    buy, sell = np.where(sells, other, volume), np.where(sells, volume, other)
    near = [price + random.integers(-900, 900, count) for _ in range(2)]
    rates = [ONE, *(int(rate) for rate in random.integers(ONE // 2, 2 * ONE, CURRENCIES - 1))]
    return Holders(
        account=account,
        currency=own[account].astype(np.uint8),
        buy=buy,
        sell=sell,
        buy_notional=buy * near[0],
        sell_notional=sell * near[1],
        profit=np.zeros(count, np.int64),
        price=price,
        moves=None,
        rates=rates,
    )


def revaluation(h: Holders, floating: Ints, exposure: Any) -> Any:
    r = ffi.new("struct mam_revaluation *")
    r.count = r.regular = len(h.account)
    r.scale.volume_unit, r.scale.price_unit = STEP, POINT
    r.scale.largest_volume = int(max(h.buy.max(), h.sell.max()))
    r.scale.largest_notional = int(max(h.buy_notional.max(), h.sell_notional.max()))
    h.moves = moves_of(ffi.addressof(r, "scale"), h.rates)
    r.account, r.currency = pointer("uint32_t", h.account), pointer("uint8_t", h.currency)
    r.volume = [pointer("int64_t", h.buy), pointer("int64_t", h.sell)]
    r.notional = [pointer("int64_t", h.buy_notional), pointer("int64_t", h.sell_notional)]
    r.exposure = exposure
    r.moves, r.currencies = h.moves, CURRENCIES
    r.profit, r.floating = pointer("int64_t", h.profit), pointer("int64_t", floating)
    return r


def numpy_round(h: Holders, bid: int, ask: int, tables: tuple[Any, Any], profit: Any, floating: Any) -> None:
    now = np.zeros(len(h.account))
    for move in (bid * h.buy - h.buy_notional, h.sell_notional - ask * h.sell):
        now += np.floor(move * np.where(move < 0, tables[1][h.currency], tables[0][h.currency]))
    floating[h.account] += now - profit
    profit[:] = now


def tables_of(h: Holders) -> tuple[Any, Any]:
    unit = 100_000 * STEP * POINT / ONE / ONE * 10**6
    low = [rate for rate in h.rates]
    high = [rate + (rate // 5000 if i else 0) for i, rate in enumerate(h.rates)]
    return np.array(low) * unit / ONE, np.array(high) * unit / ONE


def quotes(h: Holders, round_: int) -> tuple[int, int]:
    bid = h.price + (round_ * 37) % 200 - 100
    return bid, bid + 8


def check_exactly(h: Holders, bid: int, ask: int) -> None:
    for slot in range(0, len(h.account), max(1, len(h.account) // 50)):
        money = 0
        for exact in (bid * h.buy[slot] - h.buy_notional[slot], h.sell_notional[slot] - ask * h.sell[slot]):
            rate = h.rates[h.currency[slot]]
            rate += rate // 5000 if exact < 0 and h.currency[slot] else 0
            money += floor(Fraction(int(exact) * 100_000 * STEP * POINT * 10**6 * rate, ONE * ONE * ONE))
        assert h.profit[slot] == money, (slot, h.profit[slot], money)


def engine(command: list[str], accounts: int, seconds: float, seed: int) -> dict[str, float]:
    """Millions a second in the engine's own path."""
    rounds = max(5, int(seconds * 100e6 / (5.5 * accounts)))
    done = subprocess.run(
        [*command, str(accounts), str(rounds), str(seed)], stdout=subprocess.PIPE, text=True, check=True
    )
    slots, *times = map(int, done.stdout.split())
    return {
        "engine_best": round(slots / min(times) * 1e3, 1),
        "engine_median": round(slots / sorted(times)[len(times) // 2] * 1e3, 1),
    }


def measure(accounts: int, seconds: float, seed: int) -> dict[str, float]:
    random = np.random.default_rng(seed)
    own = random.integers(0, CURRENCIES, accounts)
    wanted = random.integers(1, INSTRUMENTS + 1, accounts)
    held = random.random((accounts, INSTRUMENTS)).argsort(axis=1) < wanted[:, None]
    book = [holders(random, accounts, held[:, i], own) for i in range(INSTRUMENTS)]
    floating, plain = np.zeros(accounts, np.int64), np.zeros(accounts)
    exposure = ffi.new("struct mam_exposure[]", 1)
    native = [revaluation(h, floating, exposure) for h in book]
    counted = [np.zeros(len(h.account)) for h in book]
    tables = [tables_of(h) for h in book]

    def by_native(round_: int) -> None:
        for h, r in zip(book, native, strict=True):
            bid, ask = quotes(h, round_)
            assert lib.mam_revalue(r, bid * POINT, ask * POINT) == 0

    def by_numpy(round_: int) -> None:
        for h, profit, table in zip(book, counted, tables, strict=True):
            numpy_round(h, *quotes(h, round_), table, profit, plain)

    slots = sum(len(h.account) for h in book)
    result: dict[str, float] = {"accounts": accounts, "slots": slots}
    for name, one_round in (("kernel", by_native), ("numpy", by_numpy)):
        one_round(0)
        times: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            at = time.thread_time()
            one_round(len(times) + 1)
            times.append(time.thread_time() - at)
        result[f"{name}_best"] = round(slots / min(times) / 1e6, 1)
        result[f"{name}_median"] = round(slots / sorted(times)[len(times) // 2] / 1e6, 1)
    by_native(1)
    by_numpy(1)
    for h in book:
        check_exactly(h, *quotes(h, 1))
    result["largest_difference"] = float(np.abs(plain - floating).max())
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="Positions revalued a second, beside numpy.")
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each of both, per size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the figures in perf/results")
    arguments = parser.parse_args()
    with program("valuation") as command:
        rows = [
            measure(accounts, arguments.seconds, arguments.seed)
            | engine(command, accounts, arguments.seconds, arguments.seed)
            for accounts in arguments.accounts
        ]
    lines = [
        "# Account-instrument revaluations, millions a second of one core's time (best round; median)",
        "",
        "| accounts | slots | engine | kernel | numpy | engine / numpy |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{row[f'{way}_best']}; {row[f'{way}_median']}" for way in WAYS]
        ratio = row["engine_median"] / row["numpy_median"]
        lines.append(f"| {row['accounts']:,} | {row['slots']:,} | {' | '.join(cells)} | {ratio:.1f} |")
    reached = all(row["engine_best"] >= TARGET_M for row in rows if row["accounts"] == TARGET_ACCOUNTS)
    lines += [
        "",
        f"Target: {TARGET_M} million in the engine at {TARGET_ACCOUNTS:,} accounts: "
        f"{'reached' if reached else 'missed'}.",
        machine(),
    ]
    result = {"machine": machine(), "rows": rows, "reached": reached}
    report("valuation", result, "\n".join(lines), arguments.json, arguments.record)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
