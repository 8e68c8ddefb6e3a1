"""What msgspec found wrong with a document, as one line for people: the place, and the expectation."""

import re
from typing import Any

import msgspec
from msgspec import inspect

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>key in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_BYTE = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)$", re.DOTALL)
_KINDS = {
    "int": "a whole number",
    "str": "a text",
    "bool": "true or false",
    "float": "a number",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def sentence(error: msgspec.DecodeError, model: type, text: bytes, patterns: dict[str, str]) -> str:
    """One line. `model`: the type that was decoded to; `patterns`: each regex of it, in words."""
    match = _PLACE.match(str(error))
    assert match is not None
    what, path = match.group("what"), (match.group("path") or "").lstrip(".")
    if not isinstance(error, msgspec.ValidationError):
        return _malformed(what, text)
    there = f"{path}: " if path else ""
    if match.group("key"):
        there = f"a key of {path}: "
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        return f"{there}expected the key {missing.group(1)!r}, which is missing"
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    if unknown:
        return f"{there}{_unknown(unknown.group(1), _at(model, path))}"
    invalid = re.fullmatch(r"Invalid enum value (.*)", what, re.DOTALL)
    if invalid:
        return f"{there}expected {_choices(_at(model, path))}, found {invalid.group(1)}"
    return there + _in_words(what, _at(model, path), patterns)


def _malformed(what: str, text: bytes) -> str:
    match = _BYTE.match(what)
    if match is None:
        return "ends too early, expected more JSON" if "truncated" in what else what
    before = text[: int(match.group(2))]
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    return f"line {line}, column {column}: is not JSON: {match.group(1)}"


def _unknown(key: str, kind: Any) -> str:
    fields = [field.encode_name for field in kind.fields] if isinstance(kind, inspect.StructType) else []
    return f"unknown key {key!r}" + (f", expected one of {', '.join(fields)}" if fields else "")


def _choices(kind: Any) -> str:
    values = [str(value) for value in kind.values] if isinstance(kind, inspect.LiteralType) else []
    return f"one of {', '.join(values)}" if values else "another value"


def _in_words(what: str, kind: Any, patterns: dict[str, str]) -> str:
    found = what.partition(", got ")[2]
    wanted = _wanted(kind, patterns)
    if wanted is None:
        wanted = what.partition(", got ")[0].removeprefix("Expected ")
        wanted = re.sub(r"`array` of length", "a list of length", wanted)
    return re.sub(r"`([a-z |]+)`", _kinds, f"expected {wanted}" + (f", found {found}" if found else ""))


def _kinds(match: re.Match[str]) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in match.group(1).split(" | "))


def _wanted(kind: Any, patterns: dict[str, str]) -> str | None:
    """A number's range, a text's pattern; None when the type has none to tell."""
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        return patterns[kind.pattern]
    if isinstance(kind, inspect.IntType) and kind.ge is not None:
        return f"a whole number from {kind.ge}" + (f" to {kind.le}" if kind.le is not None else "")
    return None


def _at(model: type, path: str) -> Any:
    """The type that stands at a path of the model; None when it is not known."""
    kind: Any = inspect.type_info(model)
    for name, index in _STEP.findall("." + path if path and not path.startswith("[") else path):
        kind = _one(kind)
        if name and isinstance(kind, inspect.StructType):
            kind = next((field.type for field in kind.fields if field.encode_name == name), None)
        elif index == "..." and isinstance(kind, inspect.DictType):
            kind = kind.value_type
        elif index and isinstance(kind, inspect.ListType):
            kind = kind.item_type
        elif index.isdigit() and isinstance(kind, inspect.TupleType) and int(index) < len(kind.item_types):
            kind = kind.item_types[int(index)]
        else:
            return None
    return _one(kind)


def _one(kind: Any) -> Any:
    """The kind itself; of `X | None` and of a constrained X, X."""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        else:
            kind = next((one for one in kind.types if not isinstance(one, inspect.NoneType)), None)
    return kind
