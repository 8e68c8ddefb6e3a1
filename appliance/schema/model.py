"""What a schema is, once it is read: types, enums, messages and where each field lies. No XML, no checks."""

from dataclasses import dataclass

HEADER_LENGTH = 8
HEADER_FIELDS = ("blockLength", "templateId", "schemaId", "version")

# Primitive: bytes, smallest and largest value that is not null, null (SBE 1.0).
PRIMITIVES: dict[str, tuple[int, int, int, int]] = {
    "uint8": (1, 0, 2**8 - 2, 2**8 - 1),
    "uint16": (2, 0, 2**16 - 2, 2**16 - 1),
    "uint32": (4, 0, 2**32 - 2, 2**32 - 1),
    "uint64": (8, 0, 2**64 - 2, 2**64 - 1),
    "int8": (1, -(2**7) + 1, 2**7 - 1, -(2**7)),
    "int16": (2, -(2**15) + 1, 2**15 - 1, -(2**15)),
    "int32": (4, -(2**31) + 1, 2**31 - 1, -(2**31)),
    "int64": (8, -(2**63) + 1, 2**63 - 1, -(2**63)),
}


class SchemaError(Exception):
    """A schema that we refuse; the text is one line and names the place."""


@dataclass(frozen=True)
class Type:
    """A named encoding: an integer, a decimal (int64 with a constant exponent) or a text of fixed length."""

    name: str
    primitive: str  # a key of PRIMITIVES, or "char" for a text
    length: int = 1  # characters of a text
    exponent: int | None = None  # of a decimal
    utf8: bool = False  # a text may hold UTF-8, else printable ASCII
    description: str = ""

    @property
    def kind(self) -> str:
        if self.primitive == "char":
            return "utf8" if self.utf8 else "ascii"
        return "integer" if self.exponent is None else "decimal"

    @property
    def size(self) -> int:
        return self.length if self.primitive == "char" else PRIMITIVES[self.primitive][0]

    @property
    def alignment(self) -> int:
        return 1 if self.primitive == "char" else self.size


@dataclass(frozen=True)
class EnumValue:
    name: str
    value: int
    description: str = ""
    since: int = 0


@dataclass(frozen=True)
class Enum:
    name: str
    primitive: str  # uint8 or uint16
    values: tuple[EnumValue, ...]
    description: str = ""

    kind = "enum"

    @property
    def size(self) -> int:
        return PRIMITIVES[self.primitive][0]

    @property
    def alignment(self) -> int:
        return self.size

    @property
    def null(self) -> int:
        return PRIMITIVES[self.primitive][3]


@dataclass(frozen=True)
class Field:
    name: str
    id: int
    type: Type | Enum
    offset: int  # from the start of the block, which follows the header
    description: str = ""
    since: int = 0

    @property
    def start(self) -> int:
        """Offset from the start of the message, header included."""
        return HEADER_LENGTH + self.offset

    @property
    def end(self) -> int:
        return self.start + self.type.size


@dataclass(frozen=True)
class Message:
    name: str
    id: int
    block_length: int
    fields: tuple[Field, ...]
    description: str = ""
    since: int = 0

    @property
    def length(self) -> int:
        return HEADER_LENGTH + self.block_length


@dataclass(frozen=True)
class Schema:
    package: str
    id: int
    version: int
    semantic_version: str
    types: tuple[Type, ...]
    enums: tuple[Enum, ...]
    messages: tuple[Message, ...]
    description: str = ""


def snake(name: str) -> str:
    """lowerCamel or UpperCamel to lower_snake: refSequence -> ref_sequence."""
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def members(message: Message) -> list[tuple[Field | None, int, int]]:
    """The block without holes: (field or None for padding, offset from the message's start, length)."""
    result: list[tuple[Field | None, int, int]] = []
    at = HEADER_LENGTH
    for field in message.fields:
        if field.start > at:
            result.append((None, at, field.start - at))
        result.append((field, field.start, field.type.size))
        at = field.end
    if message.length > at:
        result.append((None, at, message.length - at))
    return result


def canonical(schema: Schema) -> str:
    """The layout as text, without the prose: what the fingerprint is taken of."""
    lines = [f"schema {schema.package} {schema.id} {schema.version}"]
    for enum in schema.enums:
        lines.append(f"enum {enum.name} {enum.primitive}")
        lines += [f" {value.name} {value.value}" for value in enum.values]
    for message in schema.messages:
        lines.append(f"message {message.name} {message.id} {message.block_length}")
        for field in message.fields:
            kind = field.type
            form = (
                kind.name
                if isinstance(kind, Enum)
                else f"{kind.kind} {kind.primitive} {kind.size} {kind.exponent}"
            )
            lines.append(f" {field.name} {field.id} {field.start} {form}")
    return "\n".join(lines) + "\n"
