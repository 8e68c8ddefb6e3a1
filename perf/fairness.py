"""Whom does each rounding rule favour? The drift of 100 accounts over a million orders, in steps.

    python perf/fairness.py [--orders N] [--json FILE] [--svg FILE]

Equities lie between 1,000 and 300,000, evenly in their logarithm. Two managers: one always trades the
same 1.00 lot, one any size from 0.01 to 20 lots. Every 50 orders each equity moves by up to 1 %. The
drift of an account is the sum of its exact shares less all that it got: positive, it was short-changed.
The kernel keeps it itself (struct mam_allocation's carry), exact to 2^-32 step an order. The overflow
account is the one with the largest equity.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from appliance._native import ffi, lib

RULES = ("largest_remainder", "carry", "largest_equity", "list_order", "overflow")
MANAGERS = ("always 1.00 lot", "any size")
ACCOUNTS = 100
STEP = 1_000_000
ONE = 2**32
EPOCH = 50


def drift(rule: int, manager: str, orders: int) -> tuple[np.ndarray, float]:
    """Drift of each account at the end, by rising equity, and the widest of any at any time, in steps."""
    random = np.random.default_rng(7)
    equities = np.exp(np.linspace(np.log(1_000), np.log(300_000), ACCOUNTS))
    listed = random.permutation(ACCOUNTS)  # the order of the list and of logins has nothing to do with equity
    weight, carry = np.zeros(ACCOUNTS, np.int64), np.zeros(ACCOUNTS, np.int64)
    out = [np.zeros(ACCOUNTS, np.int64) for _ in range(4)]
    reason, capped = np.zeros(ACCOUNTS, np.uint16), np.zeros(ACCOUNTS, np.uint8)
    login = np.arange(1, ACCOUNTS + 1, dtype=np.uint64)
    scratch = ffi.new("uint64_t[]", lib.mam_scratch_size(ACCOUNTS) // 8 + 1)

    def pointer(kind: str, array: np.ndarray) -> Any:
        return ffi.cast(f"{kind} *", array.ctypes.data)

    a = ffi.new("struct mam_allocation *")
    a.count, a.step, a.minimum, a.rounding = ACCOUNTS, STEP, STEP, rule
    a.overflow_index = int(np.flatnonzero(listed == ACCOUNTS - 1)[0])
    a.login, a.weight, a.carry = (
        pointer("uint64_t", login),
        pointer("int64_t", weight),
        pointer("int64_t", carry),
    )
    a.equity = a.weight
    a.quota, a.floor_volume, a.remainder, a.result = (pointer("int64_t", array) for array in out)
    a.reason, a.capped = pointer("uint16_t", reason), pointer("uint8_t", capped)
    widest = 0
    allocate = lib.mam_allocate
    for _ in range(orders // EPOCH):
        weight[:] = equities[listed] * 1_000_000
        steps = random.integers(1, 2001, EPOCH) if manager == "any size" else np.full(EPOCH, 100)
        for volume in (steps * STEP).tolist():
            a.volume = volume
            assert allocate(a, scratch) == 0
        widest = max(widest, int(np.abs(carry).max()))
        equities *= 1 + random.uniform(-0.01, 0.01, ACCOUNTS)
        equities = np.clip(equities, 1_000, 300_000)
    by_size = np.empty(ACCOUNTS)
    by_size[listed] = carry / ONE
    return by_size, widest / ONE


def measure(orders: int) -> list[dict[str, Any]]:
    rows = []
    for manager in MANAGERS:
        for rule, name in enumerate(RULES):
            by_size, widest = drift(rule, manager, orders)
            row = {
                "manager": manager,
                "rounding": name,
                "orders": orders,
                "mean": round(float(np.abs(by_size).mean()), 3),
                "worst": round(widest, 3),
                "smallest_ten": round(float(by_size[:10].mean()), 3),
                "largest_ten": round(float(by_size[-10:].mean()), 3),
                "drift": [round(value, 3) for value in by_size.tolist()],
            }
            rows.append(row)
            print(
                f"{manager:<18}{name:<20}{row['mean']:>14}{row['worst']:>14}"
                f"{row['smallest_ten']:>14}{row['largest_ten']:>14}",
                flush=True,
            )
    return rows


WIDTH, HEIGHT, MARGIN = 250, 150, 34
INK, FAINT = "#222", "#bbb"


def short(steps: float) -> str:
    return f"{steps:,.0f}" if steps >= 10 else f"{steps:.2f}"


def bar_chart(row: dict[str, Any], left: int, top: int) -> list[str]:
    """One bar an account, smallest equity at the left; up is short-changed. Each chart has its own scale."""
    values = row["drift"]
    scale = max(max(map(abs, values)), 1e-9)
    middle = top + MARGIN + (HEIGHT - MARGIN) / 2
    half = (HEIGHT - MARGIN) / 2 - 4
    bar = (WIDTH - 20) / len(values)
    bold = "#2a7" if row["rounding"] == "carry" else "#c62"
    parts = [
        f'<text x="{left}" y="{top + 13}" font-weight="bold">{row["rounding"]}</text>',
        f'<text x="{left}" y="{top + 27}" fill="#666" font-size="11">'
        f"bars to ±{short(scale)}; worst ever {short(row['worst'])}</text>",
        f'<line x1="{left}" x2="{left + WIDTH - 20}" y1="{middle}" y2="{middle}" stroke="{FAINT}"/>',
    ]
    for i, value in enumerate(values):
        high = abs(value) / scale * half
        y = middle - high if value > 0 else middle
        parts.append(
            f'<rect x="{left + i * bar:.1f}" y="{y:.1f}" width="{bar * 0.8:.1f}"'
            f' height="{high:.1f}" fill="{bold}"/>'
        )
    return parts


def draw(rows: list[dict[str, Any]]) -> str:
    width, height = WIDTH * len(RULES) + 20, (HEIGHT + 34) * len(MANAGERS) + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="20" font-size="15" font-weight="bold">Drift of {ACCOUNTS} accounts after'
        f" {rows[0]['orders']:,} orders, by rounding rule</text>",
        '<text x="10" y="38" fill="#666">one bar an account, smallest equity left, largest right;'
        " up: it got less than its exact share, down: more. 1 step is 0.01 lot.</text>",
    ]
    for line, manager in enumerate(MANAGERS):
        top = 52 + line * (HEIGHT + 34)
        parts.append(f'<text x="10" y="{top + 12}" fill="#666">The manager trades {manager}:</text>')
        for column, row in enumerate(row for row in rows if row["manager"] == manager):
            parts += bar_chart(row, 10 + column * WIDTH, top + 18)
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--svg", type=Path, help="draw them there")
    arguments = parser.parse_args()
    print(f"{'drift, steps':<38}{'mean':>14}{'worst ever':>14}{'10 smallest':>14}{'10 largest':>14}")
    rows = measure(arguments.orders)
    if arguments.json:
        arguments.json.write_text(json.dumps({"unit": "steps", "rows": rows}) + "\n")
    if arguments.svg:
        arguments.svg.write_text(draw(rows))


if __name__ == "__main__":
    main()
