"""python -m appliance.fix --config FILE: the bridge as a process (docs/fix.md).

stdout: one JSON object a line (ready, logon, passing, reconciling, logout, result); stderr: alarms, a line
each. Exit status 0 after SIGTERM or SIGINT; 1 with one line when the rings, the session's store or the
numbers are lost; 2 with one line for bad input.
"""

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.errors import InputError
from appliance.fix import requests, store
from appliance.fix.config import Config, read_config
from appliance.fix.delivery import Delivery, Words
from appliance.fix.host import NAP_S, Host, Stopped, say
from appliance.fix.journal import Journal
from appliance.fix.orders import Orders, Tell
from appliance.fix.records import Attached, Parked
from appliance.memory import Bridge, InstanceError, MemoryLayoutError, Role
from appliance.schema.messages import SCHEMA_FINGERPRINT


def _directory(config: Config) -> tuple[Path, int]:
    """The bridge's folder, ours alone, and the lock that says so (it lasts as long as the process)."""
    path = Path(config.directory)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"directory: {path}: another bridge works there") from None
    except OSError as error:
        raise InputError(f"directory: {path}: cannot be used: {error.strerror}") from None
    return path, lock


def _attach(config: Config) -> Bridge:
    bridge = Bridge.attach(config.instance, config.bridge, SCHEMA_FINGERPRINT)
    if bridge.role != Role.LP:
        bridge.close()
        raise InputError(f"bridge: {config.bridge} is of role {bridge.role.name.lower()}, expected lp")
    return bridge


def _open_orders(config: Config, directory: Path) -> tuple[Journal, Orders, list[Tell]]:
    """The journal, what it makes, and every Execution that it ever told since it was shortened."""
    journal, found = Journal.open(directory)
    if not found and store.read_marks(directory, config.session) is not None:
        raise store.StoreLost(f"{directory}: the journal is lost; ask the LP for the fills of its orders")
    orders = Orders(config.instruments, config.orders)
    tells = [effect for record in found for effect in orders.apply(record) if isinstance(effect, Tell)]
    return journal, orders, tells


def _resume(journal: Journal, orders: Orders, tells: list[Tell], delivery: Delivery, run: str) -> None:
    """What the engine was not told yet is told now; to the engine of another run only when it asks."""
    now = time.time_ns()
    untold = [tell for tell in tells if tell.at >= delivery.told]
    if orders.state.run != run:
        parked = [Parked(time=now, key=tell.order.key, told=[tell.told]) for tell in untold]
        for record in [*parked, Attached(time=now, run=run)]:
            orders.apply(record)
        journal.shorten(orders.state, now)
        delivery.skip_to(orders.state.told)
        return
    for tell in untold:
        delivery.add(tell)


class _Signals:
    """Notes SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.came = True


def _own_stdout() -> None:
    """QuickFIX's TLS prints to descriptor 1: our events keep the pipe to themselves."""
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def run(config: Config) -> int:
    """Until a signal comes, or something is lost."""
    from appliance.fix.session import Link  # quickfix is an extra

    signals = _Signals()
    _own_stdout()
    directory, _lock = _directory(config)
    (directory / "log").mkdir(mode=0o700, exist_ok=True)
    journal, orders, tells = _open_orders(config, directory)
    store.check_store(directory, config.session, orders.state.session)
    bridge = _attach(config)
    delivery = Delivery(Words(directory, new=orders.state.run == ""), bridge)
    _resume(journal, orders, tells, delivery, requests.run_name(int(bridge.pointer.directory.created_ns)))
    link = Link(config, directory, journal)
    host = Host(config, journal, orders, delivery, bridge, link)
    host.poll()
    link.start()
    say("ready")
    try:
        while not signals.came:
            if not host.poll():
                time.sleep(NAP_S)
    finally:
        with contextlib.suppress(InstanceError, MemoryLayoutError, Stopped):
            host.withdraw()
        link.stop()
        with contextlib.suppress(InstanceError, MemoryLayoutError, Stopped):
            host.poll()  # what came until the end
        say("result", **host.counts)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m appliance.fix", description="A bridge to a FIX 4.4 LP.")
    parser.add_argument("--config", required=True, metavar="FILE", help="TOML (docs/fix.md)")
    options = parser.parse_args(arguments)
    try:
        return run(read_config(options.config))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except (InstanceError, MemoryLayoutError, Stopped, store.StoreLost) as error:
        print(f"alarm: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # QuickFIX's own threads and destructors have nothing left to do
