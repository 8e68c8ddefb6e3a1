"""Writes docs/messages.md: every message, field, type and enum value, for people who write a bridge."""

from appliance.schema.emit_c import fingerprint
from appliance.schema.model import Enum, Message, Schema, Type, members, snake

_HEAD = """\
# Messages

Generated from `native/schema/mam.xml` by `make generate`: do not edit.

{description}. SBE 1.0, schema id {id}, version {version}, layout fingerprint `0x{fingerprint:016x}`. Little-
endian; a message is the 8-byte header and the block that follows it. Offsets below count from the start of
the message, header included. Padding is written as zero. Texts are padded with zero bytes; they may be
empty. No field may carry its type's null value.

In JSON a message is `{{"msg": "Name", ...}}` with the field names below; decimals are strings (`"1.1"`),
enum values are their names, all other numbers are integers. A field that is absent is zero (or empty, or the
enum's value of number 0).

Versioning: new fields come at the end of a block, new messages and enum values get new numbers, and nothing
else ever changes. A reader skips by the block length that it received.

| header | type | offset |
|---|---|---|
| block_length | uint16 | 0 |
| template_id | uint16 | 2 |
| schema_id | uint16 | 4 |
| version | uint16 | 6 |

"""


def emit(schema: Schema) -> str:
    text = _HEAD.format(
        description=schema.description or schema.package,
        id=schema.id,
        version=schema.version,
        fingerprint=fingerprint(schema),
    )
    text += "## Messages by number\n\n| id | message | bytes | |\n|---|---|---|---|\n"
    for message in schema.messages:
        name = f"[{message.name}](#{message.name.lower()})"
        text += f"| {message.id} | {name} | {message.length} | {message.description} |\n"
    text += "".join(_message(message) for message in schema.messages)
    text += "\n## Types\n\n| type | encoding | null | |\n|---|---|---|---|\n"
    text += "".join(
        f"| {item.name} | {_encoding(item)} | {_null(item)} | {item.description} |\n" for item in schema.types
    )
    return text + "".join(_enum(enum) for enum in schema.enums)


def _message(message: Message) -> str:
    text = f"\n## {message.name}\n\n{message.description or message.name}. "
    text += f"Template id {message.id}, {message.length} bytes"
    text += f", since version {message.since}.\n\n" if message.since else ".\n\n"
    text += "| field | id | type | offset | bytes | |\n|---|---|---|---|---|---|\n"
    for field, start, length in members(message):
        if field is None:
            text += f"| | | padding | {start} | {length} | |\n"
            continue
        note = field.description + (f" (since version {field.since})" if field.since else "")
        text += f"| {snake(field.name)} | {field.id} | {_link(field.type)} | {start} | {length} | {note} |\n"
    return text


def _link(kind: Type | Enum) -> str:
    return f"[{kind.name}](#enum-{kind.name.lower()})" if isinstance(kind, Enum) else kind.name


def _encoding(kind: Type) -> str:
    if kind.primitive == "char":
        return f"{kind.length} bytes, {'UTF-8' if kind.utf8 else 'printable ASCII'}"
    return kind.primitive if kind.exponent is None else f"{kind.primitive}, 1e{kind.exponent}"


def _null(kind: Type) -> str:
    nulls = {"int64": "-2^63", "uint64": "2^64 - 1", "uint32": "2^32 - 1", "uint16": "65535", "uint8": "255"}
    return nulls.get(kind.primitive, "")


def _enum(enum: Enum) -> str:
    text = f"\n### Enum {enum.name}\n\n"
    text += f"{enum.description}. " if enum.description else ""
    text += f"{enum.primitive}; null is {enum.null}.\n\n| value | name | |\n|---|---|---|\n"
    return text + "".join(
        f"| {value.value} | {value.name} | {value.description} |\n" for value in enum.values
    )
