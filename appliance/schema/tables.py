"""The form of the tables that messages.py is generated into."""

from typing import NamedTuple


class Field(NamedTuple):
    name: str  # snake case
    id: int
    start: int  # from the message's start, header included
    size: int
    code: str  # of the struct module: B H I Q q, or 8s for a text
    kind: str  # integer, decimal, enum, ascii, utf8
    type: str  # its name in the schema
    exponent: int  # of a decimal, else 0
    lowest: int  # of a number; null is outside
    highest: int
    since: int


class Message(NamedTuple):
    name: str
    id: int
    block_length: int
    fields: tuple[Field, ...]

    @property
    def length(self) -> int:
        """Bytes of the whole message, header included."""
        return 8 + self.block_length
