"""Writes appliance/schema/messages.py: enums, field tables and numpy dtypes."""

from appliance.schema.emit_c import fingerprint
from appliance.schema.model import PRIMITIVES, Enum, Field, Message, Schema, snake

_CODES = {
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
}

_HEAD = '''\
"""Every message of the appliance. Generated from native/schema/mam.xml by `make generate`: do not edit."""

from enum import IntEnum
from typing import Any, Final

import numpy as np

from appliance.schema.tables import Field, Message

'''


def emit(schema: Schema) -> str:
    text = _HEAD
    text += f"SCHEMA_ID: Final = {schema.id}\n"
    text += f"SCHEMA_VERSION: Final = {schema.version}\n"
    text += f"SCHEMA_FINGERPRINT: Final = 0x{fingerprint(schema):016x}\n"
    for enum in schema.enums:
        text += _enum(enum)
    text += "\n\n# By the name that the schema gives.\nENUMS: Final[dict[str, type[IntEnum]]] = {\n"
    text += "".join(f'    "{enum.name}": {enum.name},\n' for enum in schema.enums)
    text += "}\n\n# What a value means: enum, value -> sentence.\n"
    text += "SENTENCES: Final[dict[str, dict[int, str]]] = {\n"
    text += "".join(_sentences(enum) for enum in schema.enums)
    text += "}\n\n# By template id.\nMESSAGES: Final[dict[int, Message]] = {\n"
    text += "".join(_message(message) for message in schema.messages)
    text += (
        "}\n\nBY_NAME: Final[dict[str, Message]] = {message.name: message for message in MESSAGES.values()}\n"
    )
    text += _DTYPES
    text += "".join(
        f"{snake(message.name).upper()}_ID: Final = {message.id}\n"
        f"{snake(message.name).upper()}: Final = _dtype(MESSAGES[{message.id}])\n"
        for message in schema.messages
    )
    text += "\n# By template id.\nDTYPES: Final[dict[int, np.dtype[Any]]] = {\n"
    text += "".join(f"    {message.id}: {snake(message.name).upper()},\n" for message in schema.messages)
    return text + "}\n"


def _enum(enum: Enum) -> str:
    text = f"\n\nclass {enum.name}(IntEnum):\n"
    if enum.description:
        text += f'    """{enum.description}."""\n\n'
    return text + "".join(f"    {value.name.upper()} = {value.value}\n" for value in enum.values)


def _sentences(enum: Enum) -> str:
    described = [
        f"        {value.value}: {_quote(value.description)},\n" for value in enum.values if value.description
    ]
    return f'    "{enum.name}": {{\n{"".join(described)}    }},\n' if described else ""


def _quote(text: str) -> str:
    return f'"{text}"'


def _message(message: Message) -> str:
    text = f'    {message.id}: Message("{message.name}", {message.id}, {message.block_length}, (\n'
    for field in message.fields:
        text += f"        Field({', '.join(_parts(field))}),\n"
    return text + "    )),\n"


def _parts(field: Field) -> list[str]:
    kind = field.type
    is_text = kind.primitive == "char"
    code = f"{kind.size}s" if is_text else _CODES[kind.primitive]
    lowest, highest = (0, 0) if is_text else PRIMITIVES[kind.primitive][1:3]
    exponent = 0 if isinstance(kind, Enum) else kind.exponent or 0
    return [
        _quote(snake(field.name)),
        str(field.id),
        str(field.start),
        str(kind.size),
        _quote(code),
        _quote(kind.kind),
        _quote(kind.name),
        str(exponent),
        str(lowest),
        str(highest),
        str(field.since),
    ]


_DTYPES = '''

HEADER: Final = np.dtype(
    [("block_length", "<u2"), ("template_id", "<u2"), ("schema_id", "<u2"), ("version", "<u2")]
)

_FORMATS = {"B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8", "b": "i1", "h": "<i2", "i": "<i4", "q": "<i8"}


def _dtype(message: Message) -> np.dtype[Any]:
    """A structured dtype of the message's own offsets and length; its first field is `header`."""
    return np.dtype(
        {
            "names": ["header", *(field.name for field in message.fields)],
            "formats": [HEADER, *(_FORMATS.get(field.code, f"S{field.size}") for field in message.fields)],
            "offsets": [0, *(field.start for field in message.fields)],
            "itemsize": message.length,
        }
    )


'''
