"""What a subcommand reads: a file, or standard input for "-"."""

import sys
from pathlib import Path

from appliance.errors import InputError


def read_input(name: str) -> tuple[str, bytes]:
    """How to call it in messages, and its bytes; InputError when it cannot be read."""
    shown = "standard input" if name == "-" else name
    try:
        return shown, sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise InputError(f"{shown}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
