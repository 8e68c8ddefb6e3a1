"""Snapshots on a schedule: a process of low priority, `mam audit snapshot`, now and then."""

import contextlib
import os
import subprocess
import sys
import time

from appliance.daemon.config import AuditSection


class SnapshotSchedule:
    """Call `look` a few times a second."""

    def __init__(self, audit: AuditSection) -> None:
        """The first one comes after a whole period."""
        self._audit = audit
        self._period = 60 * audit.snapshot_minutes
        self._due = time.monotonic() + self._period
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> list[str]:
        """What is new, a line each."""
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return []
            self._process = None
            if status != 0:
                return [
                    f"no snapshot was made (status {status}); the next is tried in {self._period // 60} min"
                ]
        elif self._period and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._period
            self._process = subprocess.Popen(
                [sys.executable, "-m", "appliance", "audit", "snapshot", self._audit.directory],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)
        return []

    def close(self) -> None:
        """End one that is being made."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
