"""Reads the subset of SBE 1.0 that we use, and refuses the rest by name. What is read may still be wrong:
see check.
"""

from pathlib import Path
from xml.etree import ElementTree

from appliance.schema.model import (
    HEADER_FIELDS,
    PRIMITIVES,
    Enum,
    EnumValue,
    Field,
    Message,
    Schema,
    SchemaError,
    Type,
)

SBE = "{http://fixprotocol.io/2016/sbe}"
ENUM_ENCODINGS = ("uint8", "uint16")

# What each element may carry; the first set is required.
ATTRIBUTES: dict[str, tuple[set[str], set[str]]] = {
    "messageSchema": (
        {"package", "id", "version", "semanticVersion"},
        {"byteOrder", "headerType", "description"},
    ),
    "types": (set(), set()),
    "composite": ({"name"}, {"description"}),
    "type": ({"name", "primitiveType"}, {"length", "presence", "characterEncoding", "description"}),
    "enum": ({"name", "encodingType"}, {"description"}),
    "validValue": ({"name"}, {"description", "sinceVersion"}),
    "message": ({"name", "id", "blockLength"}, {"description", "sinceVersion"}),
    "field": ({"name", "id", "type"}, {"offset", "description", "sinceVersion"}),
}


def read(path: Path) -> Schema:
    """Reads a schema file; SchemaError, with the file's name in it, when it is not in our subset."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise SchemaError(f"{path}: {error.strerror}") from error
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error


def parse(text: bytes | str) -> Schema:
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise SchemaError(f"not XML: {error}") from error
    if root.tag != f"{SBE}messageSchema":
        raise SchemaError(f"the root is {root.tag}, not sbe:messageSchema of {SBE[1:-1]}")
    _attributes(root, "schema")
    if root.get("byteOrder", "littleEndian") != "littleEndian":
        raise SchemaError("schema: only byteOrder littleEndian is supported")
    if root.get("headerType", "messageHeader") != "messageHeader":
        raise SchemaError("schema: only headerType messageHeader is supported")
    types: list[Type] = []
    enums: list[Enum] = []
    header = False
    for element in root:
        if element.tag == "types":
            header |= _types(element, types, enums)
        elif element.tag != f"{SBE}message":
            raise _unsupported(element, "schema")
    if not header:
        raise SchemaError("types: composite messageHeader is missing")
    known: dict[str, Type | Enum] = {item.name: item for item in types}
    known.update((item.name, item) for item in enums)
    return Schema(
        package=root.attrib["package"],
        id=_integer(root, "id", "schema"),
        version=_integer(root, "version", "schema"),
        semantic_version=root.attrib["semanticVersion"],
        types=tuple(types),
        enums=tuple(enums),
        messages=tuple(_message(element, known) for element in root if element.tag != "types"),
        description=root.get("description", ""),
    )


def _types(block: ElementTree.Element, types: list[Type], enums: list[Enum]) -> bool:
    """Adds to types and enums; says whether the message header was among them."""
    header = False
    _attributes(block, "types")
    for element in block:
        if element.tag not in ("type", "composite", "enum"):
            raise _unsupported(element, "types")
        where = f"{element.tag} {element.get('name')}"
        _attributes(element, where)
        if element.tag == "enum":
            enums.append(_enum(element, where))
        elif element.tag == "type":
            types.append(_type(element, where))
        elif element.get("name") == "messageHeader":
            _check_header(element)
            header = True
        else:
            types.append(_decimal(element, where))
    return header


def _type(element: ElementTree.Element, where: str) -> Type:
    primitive = element.attrib["primitiveType"]
    length = _integer(element, "length", where, 1)
    encoding = element.get("characterEncoding", "US-ASCII")
    if primitive != "char" and primitive not in PRIMITIVES:
        raise SchemaError(f"{where}: primitiveType {primitive} is not supported")
    if element.get("presence", "required") != "required":
        raise SchemaError(f"{where}: only presence required is supported")
    if primitive != "char" and (length != 1 or "characterEncoding" in element.attrib):
        raise SchemaError(f"{where}: length and characterEncoding are for char only")
    if primitive == "char" and length < 1:
        raise SchemaError(f"{where}: length must be at least 1")
    if encoding not in ("US-ASCII", "UTF-8"):
        raise SchemaError(f"{where}: characterEncoding {encoding} is not supported")
    _childless(element, where)
    return Type(
        element.attrib["name"],
        primitive,
        length,
        utf8=encoding == "UTF-8",
        description=element.get("description", ""),
    )


def _decimal(element: ElementTree.Element, where: str) -> Type:
    """A composite other than the header must be an int64 mantissa with a constant exponent."""
    parts = [
        (part.tag, part.get("name"), part.get("primitiveType"), part.get("presence")) for part in element
    ]
    wanted = [("type", "mantissa", "int64", None), ("type", "exponent", "int8", "constant")]
    if parts != wanted:
        raise SchemaError(f"{where}: only a decimal (int64 mantissa, constant int8 exponent) is supported")
    for part in element:
        _attributes(part, f"{where}, {part.get('name')}")
    try:
        exponent = int(element[1].text or "")
    except ValueError:
        raise SchemaError(f"{where}: the exponent must be an integer") from None
    if not -18 <= exponent <= 0:
        raise SchemaError(f"{where}: the exponent must be from -18 to 0")
    name = element.attrib["name"]
    return Type(name, "int64", exponent=exponent, description=element.get("description", ""))


def _check_header(element: ElementTree.Element) -> None:
    parts = [(part.tag, part.attrib) for part in element]
    if parts != [("type", {"name": name, "primitiveType": "uint16"}) for name in HEADER_FIELDS]:
        raise SchemaError(f"composite messageHeader: must be {', '.join(HEADER_FIELDS)}, each uint16")


def _enum(element: ElementTree.Element, where: str) -> Enum:
    encoding = element.attrib["encodingType"]
    if encoding not in ENUM_ENCODINGS:
        raise SchemaError(f"{where}: encodingType must be one of {', '.join(ENUM_ENCODINGS)}")
    values = []
    for item in element:
        if item.tag != "validValue":
            raise _unsupported(item, where)
        place = f"{where}, value {item.get('name')}"
        _attributes(item, place)
        _childless(item, place)
        number = _number(item.text, place)
        since = _integer(item, "sinceVersion", place, 0)
        values.append(EnumValue(item.attrib["name"], number, item.get("description", ""), since))
    return Enum(element.attrib["name"], encoding, tuple(values), element.get("description", ""))


def _message(element: ElementTree.Element, known: dict[str, Type | Enum]) -> Message:
    where = f"message {element.get('name')}"
    _attributes(element, where)
    fields: list[Field] = []
    end = 0
    for item in element:
        if item.tag != "field":
            raise _unsupported(item, where)
        place = f"{where}, field {item.get('name')}"
        _attributes(item, place)
        _childless(item, place)
        kind = known.get(item.attrib["type"])
        if kind is None:
            raise SchemaError(f"{place}: there is no type {item.attrib['type']}")
        offset = _integer(item, "offset", place, end)
        since = _integer(item, "sinceVersion", place, 0)
        number = _integer(item, "id", place)
        fields.append(Field(item.attrib["name"], number, kind, offset, item.get("description", ""), since))
        end = offset + kind.size
    return Message(
        name=element.attrib["name"],
        id=_integer(element, "id", where),
        block_length=_integer(element, "blockLength", where),
        fields=tuple(fields),
        description=element.get("description", ""),
        since=_integer(element, "sinceVersion", where, 0),
    )


def _attributes(element: ElementTree.Element, where: str) -> None:
    required, optional = ATTRIBUTES[element.tag.removeprefix(SBE)]
    for name in element.attrib:
        if name not in required | optional:
            raise SchemaError(f"{where}: attribute {name} is not supported")
    for name in sorted(required):
        if name not in element.attrib:
            raise SchemaError(f"{where}: attribute {name} is missing")


def _childless(element: ElementTree.Element, where: str) -> None:
    for child in element:
        raise _unsupported(child, where)


def _unsupported(element: ElementTree.Element, where: str) -> SchemaError:
    return SchemaError(f"{where}: element {element.tag} is not supported here")


def _integer(element: ElementTree.Element, name: str, where: str, default: int | None = None) -> int:
    text = element.get(name)
    if text is None and default is not None:
        return default
    return _number(text, f"{where}: {name}")


def _number(text: str | None, where: str) -> int:
    """A number as the standard writes it: decimal digits only."""
    if text is None or not (text.isascii() and text.isdigit()):
        raise SchemaError(f"{where}: {text!r} is not a whole number of 0 or more")
    return int(text)
