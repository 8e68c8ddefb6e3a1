"""What the processes of the embedded broker are given: one JSON file each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from appliance.broker.scenario import ONE, Account, Instrument, Order, Scenario
from appliance.errors import InputError


class ServerScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For the account server. `ticks`: its own price feed; orders execute at it. `batch`: Bookings of one
    call, `window`: without an answer (ServerTerms; 0: none told, no limit)."""

    seed: int
    ticks: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    accounts: tuple[Account, ...]
    orders: tuple[Order, ...]
    max_bookings: int
    refuse_per_mille: int = 0
    batch: int = 128
    window: int = 0
    send_states: bool = True


class ProviderScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For one LP. Its prices are the ticks' with `markup_points` on either side; sizes in 1e-8 lot."""

    seed: int
    ticks: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    markup_points: int = 0
    size_min: int = 50 * ONE
    size_max: int = 500 * ONE
    max_legs: int = 1 << 16
    partial_per_mille: int = 0
    reject_per_mille: int = 0
    silent_per_mille: int = 0
    crossed_per_mille: int = 0


Script = TypeVar("Script", ServerScript, ProviderScript)


def server_script(scenario: Scenario, ticks: Sequence[str | Path], refuse_per_mille: int = 0) -> ServerScript:
    """The account server's part of a scenario. `ticks`: the files, in the order of the instruments."""
    return ServerScript(
        seed=scenario.seed,
        ticks=tuple(str(path) for path in ticks),
        instruments=scenario.instruments,
        accounts=scenario.accounts,
        orders=scenario.orders,
        max_bookings=scenario.max_bookings,
        refuse_per_mille=refuse_per_mille,
    )


def provider_script(
    scenario: Scenario, ticks: Sequence[str | Path], number: int, faults: bool = True
) -> ProviderScript:
    """The part of LP `number`, from 1: each has a markup and a chance of its own; `faults`: some part-
    fill."""
    return ProviderScript(
        seed=scenario.seed * 1000 + number,
        ticks=tuple(str(path) for path in ticks),
        instruments=scenario.instruments,
        markup_points=2 * number,
        partial_per_mille=150 if faults else 0,
        reject_per_mille=50 if faults else 0,
    )


def write_script(path: str | Path, script: ServerScript | ProviderScript) -> None:
    Path(path).write_bytes(msgspec.json.encode(script))


def read_script(path: str | Path, kind: type[Script]) -> Script:
    """InputError, in one line, when the file is not such a script."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
