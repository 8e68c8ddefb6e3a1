"""What the audit commands' arguments may be."""

import argparse


def natural(text: str) -> int:
    """A number of something: 0 or more, in 64 bits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 1 << 64):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)
