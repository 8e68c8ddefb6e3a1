"""`mam audit snapshot DIR`: the state as of now, so that the next start is short."""

import argparse
import time
from pathlib import Path
from typing import Any

from appliance.audit import snapshots
from appliance.audit.directory import check
from appliance.audit.errors import AuditError
from appliance.audit.log import is_being_written, offline
from appliance.audit.snapshots import Snapshot

WRITER_SECONDS = 30.0


def add_parser(commands: Any) -> None:
    """Add the subcommand of `mam audit`."""
    parser = commands.add_parser(
        "snapshot",
        help="keep the engine's state as of now: the next start need not replay what is before",
        description="Replays the log from the newest snapshot on and writes the state to DIR/snapshots; its "
        "hash goes into the log. The daemon does it by itself (audit.snapshot_minutes). Exit status: 0 done, "
        "or there is nothing new; 1 the writer did not log it; 2 not a log.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="private key; not needed while a writer runs"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make one, have it logged, drop old ones."""
    directory: Path = options.dir
    check(directory)
    live = is_being_written(directory)
    if not live and options.key is None:
        raise AuditError(f"{directory}: no writer runs, so the private key is needed (--key)")
    snapshot = snapshots.take(directory)
    if snapshot is None:
        print(f"{directory}: nothing new since the last snapshot")
        return 0
    if live:
        _ask_writer(directory, snapshot)
    else:
        with offline(directory, options.key) as log:
            log.say(snapshots.RECORD, **snapshots.record_of(snapshot))
            log.sign()
    snapshots.discard_old(directory)
    print(f"{snapshot.path}: the state before record {snapshot.header.leaf:,}, SHA-256 {snapshot.sha256}")
    return 0


def _ask_writer(directory: Path, snapshot: Snapshot) -> None:
    snapshots.write_request(directory, snapshot)
    deadline = time.monotonic() + WRITER_SECONDS
    while (directory / snapshots.REQUEST).exists():
        if time.monotonic() > deadline:
            (directory / snapshots.REQUEST).unlink(missing_ok=True)
            snapshot.path.unlink(missing_ok=True)
            raise AuditError(f"{directory}: the writer did not log the snapshot")
        time.sleep(0.02)
