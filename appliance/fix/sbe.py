"""SBE messages that this bridge writes and reads, as plain integers by field name."""

import struct
from typing import NamedTuple

from appliance.schema.messages import BY_NAME, SCHEMA_ID, SCHEMA_VERSION

_HEADER = struct.Struct("<HHHH")


class Form:
    """One message of the schema."""

    def __init__(self, name: str) -> None:
        message = BY_NAME[name]
        self.id, self.length = message.id, message.length
        self._names = [field.name for field in message.fields]
        self._header = (message.block_length, message.id, SCHEMA_ID, SCHEMA_VERSION)
        parts, end = ["<HHHH"], _HEADER.size
        for field in message.fields:
            parts.append(f"{field.start - end}x{field.code}")
            end = field.start + field.size
        self._layout = struct.Struct("".join([*parts, f"{message.length - end}x"]))

    def pack(self, **values: int) -> bytes:
        """The message; a field that is not named is zero. struct.error: a value does not fit its field."""
        assert values.keys() <= set(self._names), values
        return self._layout.pack(*self._header, *(values.get(name, 0) for name in self._names))

    def unpack(self, raw: bytes) -> dict[str, int]:
        """The fields; what a newer version has behind ours is skipped, what an older one lacks is zero."""
        padded = raw[: self.length].ljust(self.length, b"\0")
        return dict(zip(self._names, self._layout.unpack(padded)[4:], strict=True))


QUOTE = Form("Quote")
EXECUTION = Form("Execution")
HEARTBEAT = Form("Heartbeat")
LEG = Form("Leg")
LEG_CANCEL = Form("LegCancel")
REJECT = Form("Reject")


class Head(NamedTuple):
    """What every message begins with."""

    block_length: int
    template_id: int
    schema_id: int
    version: int


def head(raw: bytes) -> Head:
    """The header. The ring has checked that there are 8 bytes."""
    return Head(*_HEADER.unpack_from(raw))
