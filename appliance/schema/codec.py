"""Messages as JSON objects and back, exactly.

An object is {"msg": "Quote", ...fields by their names in snake case, in the schema's order}: decimals are
strings, enum values are names, texts are strings, all other numbers are integers. What is read is checked as
mam_message_check does.
"""

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from appliance.schema import decimals
from appliance.schema.messages import BY_NAME, ENUMS, MESSAGES, SCHEMA_ID, SCHEMA_VERSION, Reason
from appliance.schema.tables import Field, Message

_HEADER = struct.Struct("<HHHH")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class MessageError(ValueError):
    """Bytes or an object that are no message; the text is one line that names message, field and what is
    wanted.

    reason and field_id are what mam_message_check says of the same bytes; of an object they say the same
    kind of thing.
    """

    def __init__(self, text: str, reason: Reason = Reason.MALFORMED, field_id: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.field_id = field_id


class _Coder(NamedTuple):
    """One field's way out (a number or bytes to JSON) and back; both raise ValueError with what is wanted."""

    field: Field
    default: Any  # of the wire, when the object does not have the field
    to_json: Callable[[Any], Any]
    from_json: Callable[[Any], Any]


class _Form(NamedTuple):
    message: Message
    layout: struct.Struct
    header: tuple[int, int, int, int]
    coders: tuple[_Coder, ...]
    keys: frozenset[str]


def to_json(message: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The object of a message; MessageError when the bytes are not one.

    Of a newer version the fields that we know are given; of an older one, those that it has.
    """
    raw = bytes(message)
    form, version = _form_of(raw)
    if len(raw) != form.message.length:
        raw = raw[: form.message.length].ljust(form.message.length, b"\0")
    result: dict[str, Any] = {"msg": form.message.name}
    for coder, value in zip(form.coders, form.layout.unpack(raw)[4:], strict=True):
        if coder.field.since > version:
            continue
        try:
            result[coder.field.name] = coder.to_json(value)
        except ValueError as error:
            text = f"{form.message.name}: {coder.field.name} {error}"
            raise MessageError(text, Reason.OUT_OF_RANGE, coder.field.id) from None
    return result


def from_json(value: Mapping[str, Any]) -> bytes:
    """The bytes of an object, of our version; MessageError when it is not a message.

    A field that is absent is 0, the empty text, or the enum's value of number 0; a key that is no field is
    an error.
    """
    name = value.get("msg")
    message = BY_NAME.get(name) if isinstance(name, str) else None
    if message is None:
        raise MessageError(f"msg must name a message of the schema, not {_short(name)}")
    form = _FORMS[message.id]
    for key in value:
        if key not in form.keys:
            raise MessageError(f"{message.name}: there is no field {_short(key)}")
    numbers: list[Any] = []
    for coder in form.coders:
        field = coder.field
        try:
            numbers.append(coder.from_json(value[field.name]) if field.name in value else coder.default)
        except ValueError as error:
            text = f"{message.name}: {field.name} {error}, not {_short(value[field.name])}"
            raise MessageError(text, Reason.OUT_OF_RANGE, field.id) from None
    return form.layout.pack(*form.header, *numbers)


def _form_of(raw: bytes) -> tuple[_Form, int]:
    """The form that the header asks for and the message's version; the length is then as it must be."""
    if len(raw) < _HEADER.size:
        raise MessageError(f"a message has at least {_HEADER.size} bytes, not {len(raw)}")
    block, template, schema, version = _HEADER.unpack_from(raw)
    if schema != SCHEMA_ID:
        raise MessageError(f"the schema id must be {SCHEMA_ID}, not {schema}")
    form = _FORMS.get(template)
    if form is None:
        raise MessageError(f"there is no message of template id {template}")
    ours, whole = form.message.block_length, _HEADER.size + block
    if version > SCHEMA_VERSION:
        good = block >= ours and len(raw) >= whole
    elif version == SCHEMA_VERSION:
        good = block == ours and len(raw) == whole
    else:
        end = max(field.start + field.size for field in form.message.fields if field.since <= version)
        good = end <= whole <= form.message.length and len(raw) == whole
    if not good:
        raise MessageError(
            f"{form.message.name}: {len(raw)} bytes with a block of {block} do not fit version {version} "
            f"(ours: {form.message.length}, block {ours}, version {SCHEMA_VERSION})"
        )
    return form, version


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _integer(field: Field) -> _Coder:
    lowest, highest = field.lowest, field.highest

    def outward(number: int) -> int:
        if not lowest <= number <= highest:
            raise ValueError("is null")
        return number

    def inward(value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError(f"must be an integer from {lowest} to {highest}")
        return value

    return _Coder(field, 0, outward, inward)


def _decimal(field: Field) -> _Coder:
    lowest, highest, exponent = field.lowest, field.highest, field.exponent

    def outward(number: int) -> str:
        if not lowest <= number <= highest:
            raise ValueError("is null")
        return decimals.to_text(number, exponent)

    def inward(value: Any) -> int:
        if type(value) is not str:
            raise ValueError('must be a decimal in a string, such as "1.25"')
        number = decimals.from_text(value, exponent)
        if not lowest <= number <= highest:
            raise ValueError(f"must be from {decimals.to_text(lowest, exponent)} to its negative")
        return number

    return _Coder(field, 0, outward, inward)


def _enum(field: Field) -> _Coder:
    names = {int(item): item.name.lower() for item in ENUMS[field.type]}
    numbers = {name: number for number, name in names.items()}

    def outward(number: int) -> str:
        name = names.get(number)
        if name is None:
            raise ValueError(f"has no value {number}")
        return name

    def inward(value: Any) -> int:
        number = numbers.get(value) if type(value) is str else None
        if number is None:
            raise ValueError(f"must be one of {', '.join(numbers)}")
        return number

    return _Coder(field, 0, outward, inward)


def _text(field: Field) -> _Coder:
    encoding = "utf-8" if field.kind == "utf8" else "ascii"

    def outward(raw: bytes) -> str:
        try:
            text = raw.rstrip(b"\0").decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(f"is not {encoding.upper()}") from None
        if _CONTROL.search(text):
            raise ValueError("holds a control character")
        return text

    def inward(value: Any) -> bytes:
        try:
            raw = value.encode(encoding) if type(value) is str else None
        except UnicodeEncodeError:
            raw = None
        if raw is None or len(raw) > field.size or _CONTROL.search(value):
            raise ValueError(f"must be a text of at most {field.size} bytes, {encoding.upper()}, printable")
        return raw

    return _Coder(field, b"", outward, inward)


_MAKERS = {"integer": _integer, "decimal": _decimal, "enum": _enum, "ascii": _text, "utf8": _text}


def _form(message: Message) -> _Form:
    parts = ["<HHHH"]
    end = _HEADER.size
    for field in message.fields:
        parts += [f"{field.start - end}x"] if field.start > end else []
        parts.append(field.code)
        end = field.start + field.size
    parts += [f"{message.length - end}x"] if message.length > end else []
    return _Form(
        message,
        struct.Struct("".join(parts)),
        (message.block_length, message.id, SCHEMA_ID, SCHEMA_VERSION),
        tuple(_MAKERS[field.kind](field) for field in message.fields),
        frozenset(("msg", *(field.name for field in message.fields))),
    )


_FORMS = {message.id: _form(message) for message in MESSAGES.values()}
