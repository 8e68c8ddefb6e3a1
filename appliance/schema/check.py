"""What a schema must keep so that every language reads the same bytes. `check` raises at the first fault."""

import itertools
import keyword
import re
from collections.abc import Iterable

from appliance.schema.model import PRIMITIVES, Enum, Field, Message, Schema, SchemaError, snake

CACHE_LINE = 64
# The journal cuts what is longer, and the tables of the generated C are indexed by template id.
MESSAGE_LIMIT = 1024
TEMPLATE_LIMIT = 1023
MESSAGES_LIMIT = 255

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PRIMITIVE_NAMES = {*PRIMITIVES, "char", "float", "double"}

# Words that some generator would have to rename, so that a vendor would look for a name in vain.
_KEYWORDS = {
    "C, C++": """
        alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept
        const constexpr continue default delete do double dynamic_cast else enum explicit export extern
        false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr
        operator or or_eq private protected public register reinterpret_cast requires restrict return short
        signed sizeof static static_cast struct switch template this thread_local throw true try typedef
        typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
    """,
    "Java": """
        abstract assert boolean byte extends final finally implements import instanceof interface native
        package strictfp super synchronized throws transient null
    """,
    "C#": """
        as base checked decimal delegate event fixed foreach implicit in internal is lock object out
        override params readonly ref sbyte sealed stackalloc string uint ulong unchecked unsafe ushort
    """,
    "Go": """
        chan defer fallthrough func go map range select type var
    """,
    "Rust": """
        async await become box crate dyn fn gen impl let loop match mod move mut priv pub self Self trait
        type unsafe unsized use where yield
    """,
    "Python": """
        from import lambda pass def
    """,
}
_RESERVED = {word: language for language, words in _KEYWORDS.items() for word in words.split()}


def check(schema: Schema) -> None:
    """Raises SchemaError, one line, for the first rule that the schema breaks."""
    _range(schema.id, 0, 65534, "schema: id")
    _range(schema.version, 0, 65534, "schema: version")
    _name(schema.package, "schema: package")
    top = [item.name for item in schema.types]
    top += [item.name for item in schema.enums]
    top += [item.name for item in schema.messages]
    _unique(top, "schema: name")
    _unique((snake(name) for name in top), "schema: name in lower case")
    for name in top:
        _name(name, f"type or message {name}")
        if name in _PRIMITIVE_NAMES:
            raise SchemaError(f"type or message {name}: is the name of a primitive type")
    _unique((message.id for message in schema.messages), "schema: message id")
    _range(len(schema.messages), 1, MESSAGES_LIMIT, "schema: number of messages")
    for enum in schema.enums:
        _check_enum(enum, schema.version)
    for message in schema.messages:
        _check_message(message, schema.version)
    _unique(_c_constants(schema), "schema: generated C name")
    for place, text in _prose(schema):
        if "*/" in text or "\n" in text or "|" in text or '"' in text or "\\" in text:
            raise SchemaError(f'{place}: the description may not hold */ | " \\ or a line break')


def _check_enum(enum: Enum, version: int) -> None:
    where = f"enum {enum.name}"
    if not enum.values:
        raise SchemaError(f"{where}: has no values")
    _unique((value.name for value in enum.values), f"{where}: value name")
    _unique((value.value for value in enum.values), f"{where}: value")
    if all(value.value != 0 for value in enum.values):
        raise SchemaError(f"{where}: needs a value 0, which a zeroed message has")
    _, lowest, highest, null = PRIMITIVES[enum.primitive]
    for value in enum.values:
        place = f"{where}, value {value.name}"
        _name(value.name, place)
        if value.name.lower() == "null":
            raise SchemaError(f"{place}: that name is for the null value")
        if value.value == null:
            raise SchemaError(f"{place}: {value.value} is the null value of {enum.primitive}")
        _range(value.value, lowest, highest, place)
        _since(value.since, version, place)


def _check_message(message: Message, version: int) -> None:
    where = f"message {message.name}"
    _range(message.id, 1, TEMPLATE_LIMIT, f"{where}: id")
    _since(message.since, version, where)
    if not message.fields:
        raise SchemaError(f"{where}: has no fields")
    if message.block_length % 8:
        raise SchemaError(f"{where}: blockLength {message.block_length} is not a multiple of 8")
    _range(message.length, 8, MESSAGE_LIMIT, f"{where}: length with header")
    _unique((field.name for field in message.fields), f"{where}: field name")
    _unique((snake(field.name) for field in message.fields), f"{where}: field name in lower case")
    _unique((field.id for field in message.fields), f"{where}: field id")
    for before, field in itertools.pairwise((None, *message.fields)):
        assert field is not None
        _check_field(field, before, f"{where}, field {field.name}", version)
    end = message.fields[-1].end
    if end > message.length:
        raise SchemaError(
            f"{where}: blockLength {message.block_length} is less than its fields need ({end - 8})"
        )


def _check_field(field: Field, before: Field | None, where: str, version: int) -> None:
    _name(field.name, where)
    if snake(field.name) == "header" or snake(field.name).startswith("padding_"):
        raise SchemaError(f"{where}: that name is for the generated struct's own members")
    _range(field.id, 1, 65534, f"{where}: id")
    _since(field.since, version, where)
    if before and field.start < before.end:
        raise SchemaError(f"{where}: overlaps field {before.name}")
    if before and field.since < before.since:
        raise SchemaError(
            f"{where}: is older than field {before.name} before it; append new fields at the end"
        )
    if field.start % field.type.alignment:
        raise SchemaError(
            f"{where}: offset {field.offset} is not a multiple of its {field.type.alignment} bytes"
        )
    if field.start // CACHE_LINE != (field.end - 1) // CACHE_LINE:
        raise SchemaError(
            f"{where}: offset {field.offset} puts it across a {CACHE_LINE}-byte line (header counted)"
        )


def _name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise SchemaError(f"{where}: {name!r} is not a name of 1 to 64 letters, digits and _")
    for form in (name, snake(name)):
        if form in _RESERVED:
            raise SchemaError(f"{where}: {form} is a keyword of {_RESERVED[form]}")
    if (
        keyword.iskeyword(name) and name != "raise"
    ):  # generated Python has values in upper case; fields it would hit
        raise SchemaError(f"{where}: {name} is a keyword of Python")


def _since(since: int, version: int, where: str) -> None:
    if since > version:
        raise SchemaError(f"{where}: sinceVersion {since} is above the schema's version {version}")


def _range(value: int, lowest: int, highest: int, where: str) -> None:
    if not lowest <= value <= highest:
        raise SchemaError(f"{where}: {value} is not from {lowest} to {highest}")


def _unique(items: Iterable[object], what: str) -> None:
    seen: set[object] = set()
    for item in items:
        if item in seen:
            raise SchemaError(f"{what} {item} is there twice")
        seen.add(item)


def _c_constants(schema: Schema) -> list[str]:
    """Every constant that the C header defines: two names may meet in upper case (Foo's value bar_id,
    FooBar's id).
    """
    names = [f"MAM_SCHEMA_{part}" for part in ("ID", "VERSION", "FINGERPRINT")]
    for enum in schema.enums:
        names += [f"MAM_{snake(enum.name)}_{value.name}".upper() for value in enum.values]
        names.append(f"MAM_{snake(enum.name)}_NULL".upper())
    for message in schema.messages:
        names += [f"MAM_{snake(message.name)}_{part}".upper() for part in ("ID", "BLOCK_LENGTH", "LENGTH")]
    return names


def _prose(schema: Schema) -> list[tuple[str, str]]:
    result = [("schema", schema.description)]
    result += [(f"type {item.name}", item.description) for item in schema.types]
    result += [(f"enum {item.name}", item.description) for item in schema.enums]
    for enum in schema.enums:
        result += [(f"enum {enum.name}, value {value.name}", value.description) for value in enum.values]
    for message in schema.messages:
        result.append((f"message {message.name}", message.description))
        result += [
            (f"message {message.name}, field {item.name}", item.description) for item in message.fields
        ]
    return result
