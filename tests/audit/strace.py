"""Faults in system calls, injected by strace."""

import shutil
import subprocess
from pathlib import Path

import pytest


def strace(trace: Path, call: str, fault: str) -> tuple[str, ...]:
    """A command that runs what follows with that fault in that system call (`none`: in none)."""
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-qqq", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed or may not trace")
    inject = ("-e", f"trace={call}") + (() if call == "none" else ("-e", f"inject={call}:{fault}"))
    return (path, "-f", "-qqq", "-o", str(trace), *inject)
