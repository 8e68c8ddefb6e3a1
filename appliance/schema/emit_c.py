"""Writes native/include/mam/messages.h: structs, constants and the structural check, for C11 and C++17
hosts.
"""

import hashlib
import textwrap

from appliance.schema.model import Enum, Field, Message, Schema, canonical, members, snake

KINDS = ("UINT8", "UINT16", "UINT32", "UINT64", "INT64", "ENUM8", "ENUM16", "ASCII", "UTF8")


def fingerprint(schema: Schema) -> int:
    """64 bits of the SHA-256 of the layout; two programs with the same number agree on every byte."""
    return int.from_bytes(hashlib.sha256(canonical(schema).encode()).digest()[:8], "big")


def emit(schema: Schema) -> str:
    parts = [_HEAD, "/* cdef: begin */", _constants(schema)]
    parts += [_enum(enum) for enum in schema.enums]
    parts += [_HEADER_STRUCT]
    parts += [_struct(message) for message in schema.messages]
    parts += [_CHECK_PROTOTYPE + "/* cdef: end */\n", _ASSERT_MACRO]
    parts += [_assertions(message) for message in schema.messages]
    parts += [_HEADER_INIT]
    parts += [_init(message) for message in schema.messages]
    parts += [_RULES, _tables(schema), _CHECK, _TAIL]
    return "\n".join(parts)


def _comment(text: str, indent: str = "") -> str:
    if not text:
        return ""
    lines = textwrap.wrap(text, 105 - len(indent))
    return f"{indent}/* " + f"\n{indent} * ".join(lines) + " */\n"


def _constants(schema: Schema) -> str:
    longest = max(message.length for message in schema.messages)
    return (
        f"#define MAM_SCHEMA_ID {schema.id}\n"
        f"#define MAM_SCHEMA_VERSION {schema.version}\n"
        "/* Of the layout of all messages: two programs with the same number agree on every byte. */\n"
        f"#define MAM_SCHEMA_FINGERPRINT 0x{fingerprint(schema):016x}ULL\n"
        "/* Bytes of the longest message of this version, header included. */\n"
        f"#define MAM_MESSAGE_LENGTH_MAX {longest}\n"
        "/* Null values of the wire: no required field may carry one. */\n"
        "#define MAM_UINT8_NULL 255\n"
        "#define MAM_UINT16_NULL 65535\n"
        "#define MAM_UINT32_NULL 4294967295\n"
        "#define MAM_UINT64_NULL 0xffffffffffffffffULL\n"
    )


def _enum(enum: Enum) -> str:
    prefix = f"MAM_{snake(enum.name)}".upper()
    text = _comment(enum.description) + f"enum mam_{snake(enum.name)} {{\n"
    for value in enum.values:
        text += _comment(value.description, "    ")
        text += f"    {prefix}_{value.name.upper()} = {value.value},\n"
    return text + f"    {prefix}_NULL = {enum.null}\n}};\n"


def _struct(message: Message) -> str:
    name = f"MAM_{snake(message.name)}".upper()
    text = (
        f"#define {name}_ID {message.id}\n"
        f"#define {name}_BLOCK_LENGTH {message.block_length}\n"
        f"#define {name}_LENGTH {message.length}\n"
    )
    text += (
        _comment(message.description)
        + f"struct mam_{snake(message.name)} {{\n    struct mam_header header;\n"
    )
    for field, start, length in members(message):
        if field is None:
            text += f"    uint8_t padding_{start}[{length}];\n"
        else:
            text += _comment(_field_comment(field), "    ") + f"    {_declare(field)};\n"
    return text + "};\n"


def _field_comment(field: Field) -> str:
    kind = field.type
    unit = f"1e{kind.exponent}" if not isinstance(kind, Enum) and kind.exponent is not None else ""
    if isinstance(kind, Enum):
        unit = f"enum mam_{snake(kind.name)}"
    return ". ".join(
        part for part in (field.description, f"{kind.name}, {unit}" if unit else kind.name) if part
    )


def _declare(field: Field) -> str:
    kind = field.type
    if kind.primitive == "char":
        return f"char {snake(field.name)}[{kind.size}]"
    return f"{kind.primitive}_t {snake(field.name)}"


def _assertions(message: Message) -> str:
    struct = f"struct mam_{snake(message.name)}"
    lines = [f"MAM_LAYOUT(sizeof({struct}) == {message.length});"]
    lines += [
        f"MAM_LAYOUT(offsetof({struct}, {snake(field.name)}) == {field.start});"
        f"\nMAM_LAYOUT(sizeof((({struct} *)0)->{snake(field.name)}) == {field.type.size});"
        for field in message.fields
    ]
    return "\n".join(lines) + "\n"


def _init(message: Message) -> str:
    name = snake(message.name)
    gap = " " if len(name) < 24 else "\n                    "  # lines of at most 110 characters
    return (
        f"static inline void mam_{name}_init(struct mam_{name} *message) {{\n"
        "    memset(message, 0, sizeof *message);\n"
        f"    mam_header_init(&message->header, MAM_{name.upper()}_ID,"
        f"{gap}MAM_{name.upper()}_BLOCK_LENGTH);\n"
        "}\n"
    )


def _tables(schema: Schema) -> str:
    words: list[str] = []
    places: dict[str, tuple[int, int]] = {}
    for enum in schema.enums:
        bits = sum(1 << value.value for value in enum.values)
        count = bits.bit_length() // 64 + (1 if bits.bit_length() % 64 else 0)
        places[enum.name] = (len(words), count)
        words += [f"0x{bits >> 64 * i & 2**64 - 1:016x}ULL" for i in range(count)]
    fields: list[str] = []
    rules: list[str] = []
    for message in schema.messages:
        rules.append(
            f"{{MAM_{snake(message.name).upper()}_BLOCK_LENGTH, {len(fields)}, {len(message.fields)}}}"
        )
        fields += [_field_rule(field, places) for field in message.fields]
    index = [0] * (max(message.id for message in schema.messages) + 1)
    for number, message in enumerate(schema.messages, 1):
        index[message.id] = number
    return "\n".join(
        (
            "/* Which numbers are values of an enum, one bit each. */",
            _array("uint64_t mam_check_enums", words),
            _array("struct mam_check_field mam_check_fields", fields),
            "/* The first is no message: what mam_check_index says of an unknown template id. */",
            _array("struct mam_check_message mam_check_messages", ["{0, 0, 0}", *rules]),
            _array("uint8_t mam_check_index", [str(number) for number in index]),
            f"#define MAM_CHECK_TEMPLATES {len(index)}\n",
        )
    )


def _field_rule(field: Field, places: dict[str, tuple[int, int]]) -> str:
    kind = field.type
    first, count = 0, 0
    if isinstance(kind, Enum):
        tag = f"ENUM{8 * kind.size}"
        first, count = places[kind.name]
    else:
        tag = kind.kind.upper() if kind.primitive == "char" else kind.primitive.upper()
    assert tag in KINDS, f"{tag}: the check in C does not know this encoding yet"
    return f"{{{field.id}, {field.start}, {kind.size}, {field.since}, {first}, {count}, MAM_CHECK_{tag}}}"


def _array(declaration: str, items: list[str]) -> str:
    body = "\n".join(textwrap.wrap(", ".join(item.replace(" ", "\0") for item in items), 100))
    return f"static const {declaration}[{len(items)}] = {{\n{textwrap.indent(body, '    ')}\n}};".replace(
        "\0", " "
    )


_HEAD = """\
/*
 * Every message of the MAM appliance. Generated from native/schema/mam.xml by `make generate`: do not
 * edit.
 *
 * A message is a struct of this file: the 8-byte header, then the block. All numbers are little-endian.
 * Fields are naturally aligned; padding is written as zero. Decimals are int64 mantissas; the comment
 * gives the unit (1e-8: 1 is 0.00000001). Texts are padded with zero bytes and need no zero at the end
 * when they fill the field. Units: volume 1e-8 lot, price 1e-8, money 1e-6 of its currency, time ns since
 * the Unix epoch (UTC).
 *
 * To send: mam_NAME_init(), set the fields, write MAM_NAME_LENGTH bytes. To receive: copy the bytes out of
 * the shared memory, then mam_message_check(), then look at the header's template_id. For C11 and C++17.
 */
#ifndef MAM_MESSAGES_H
#define MAM_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the structs are the wire's bytes only on a little-endian host"
#endif

/* clang-format off */

#ifdef __cplusplus
extern "C" {
#endif
"""

_HEADER_STRUCT = """\
/* The first 8 bytes of every message. */
struct mam_header {
    /* Bytes of the block, which follows. */
    uint16_t block_length;
    uint16_t template_id;
    uint16_t schema_id;
    uint16_t version;
};
"""

_CHECK_PROTOTYPE = """\
/*
 * Is this a message of the schema? Looks at the bytes only, never at the meaning, and reads nothing past
 * length. The bytes may lie at any address, but must be a private copy: in shared memory they could change
 * after the check.
 *
 * MAM_REASON_NONE: yes; at MAM_SCHEMA_VERSION or older, length is exactly the header and the block. A
 * newer version may be longer; an older one lacks the fields that came later (they are absent: take them
 * as null).
 * MAM_REASON_MALFORMED: header cut short, another schema, unknown template, or a length that does not fit.
 * MAM_REASON_OUT_OF_RANGE: field *field_id (else 0) holds a null, an unknown enum value, or bytes that a
 * text may not have. A text may be empty; what it means to leave it so is the reader's matter.
 */
static inline enum mam_reason mam_message_check(const void *message, uint32_t length, uint16_t *field_id);
"""

_ASSERT_MACRO = """\
#ifdef __cplusplus
#define MAM_LAYOUT(condition) static_assert(condition, "layout of the wire")
#else
#define MAM_LAYOUT(condition) _Static_assert(condition, "layout of the wire")
#endif

MAM_LAYOUT(sizeof(struct mam_header) == 8);
"""

_HEADER_INIT = """\
static inline void mam_header_init(struct mam_header *header, uint16_t template_id, uint16_t block_length) {
    header->block_length = block_length;
    header->template_id = template_id;
    header->schema_id = MAM_SCHEMA_ID;
    header->version = MAM_SCHEMA_VERSION;
}

/* Each of these zeroes the message and sets its header. */
"""

_RULES = """\
/* --- The tables of mam_message_check; not for direct use --- */

enum mam_check_kind {
    MAM_CHECK_UINT8,
    MAM_CHECK_UINT16,
    MAM_CHECK_UINT32,
    MAM_CHECK_UINT64,
    MAM_CHECK_INT64,
    MAM_CHECK_ENUM8,
    MAM_CHECK_ENUM16,
    MAM_CHECK_ASCII,
    MAM_CHECK_UTF8
};

struct mam_check_field {
    uint16_t id;
    uint16_t start; /* from the message's start, header included */
    uint16_t length;
    uint16_t since;
    uint16_t enum_first; /* in mam_check_enums */
    uint8_t enum_words;
    uint8_t kind;
};

struct mam_check_message {
    uint16_t block_length;
    uint16_t first; /* in mam_check_fields */
    uint16_t count;
};
"""

_CHECK = """\
static inline int mam_check_enum(const struct mam_check_field *field, uint32_t value) {
    uint32_t word = value / 64;
    return word < field->enum_words && (mam_check_enums[field->enum_first + word] >> (value % 64) & 1) != 0;
}

/* Bytes of the UTF-8 character at `at`, of at most `left`; 0 when it is none, or a control character. */
static inline uint32_t mam_check_utf8_length(const uint8_t *at, uint32_t left) {
    uint32_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    if (length > left || (at[0] >= 0x80 && at[0] < 0xc0) || at[0] >= 0xf8) {
        return 0;
    }
    for (uint32_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    int control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    int surrogate = code >= 0xd800 && code < 0xe000;
    if (control || surrogate || code > 0x10ffff) {
        return 0;
    }
    uint32_t shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    return length == shortest ? length : 0;
}

/* Printable characters, then zeros to the end. */
static inline int mam_check_text(const uint8_t *at, uint32_t length, int utf8) {
    uint32_t i = 0;
    while (i < length && at[i] != 0) {
        if (!utf8 && (at[i] < 0x20 || at[i] > 0x7e)) {
            return 0;
        }
        uint32_t step = utf8 ? mam_check_utf8_length(at + i, length - i) : 1;
        if (step == 0) {
            return 0;
        }
        i += step;
    }
    while (i < length) {
        if (at[i++] != 0) {
            return 0;
        }
    }
    return 1;
}

static inline int mam_check_value(const struct mam_check_field *field, const uint8_t *at) {
    uint16_t small = 0;
    uint32_t medium = 0;
    uint64_t large = 0;
    switch ((enum mam_check_kind)field->kind) {
    case MAM_CHECK_UINT8:
        return *at != MAM_UINT8_NULL;
    case MAM_CHECK_UINT16:
        memcpy(&small, at, sizeof small);
        return small != MAM_UINT16_NULL;
    case MAM_CHECK_UINT32:
        memcpy(&medium, at, sizeof medium);
        return medium != MAM_UINT32_NULL;
    case MAM_CHECK_UINT64:
        memcpy(&large, at, sizeof large);
        return large != MAM_UINT64_NULL;
    case MAM_CHECK_INT64:
        memcpy(&large, at, sizeof large);
        return large != 0x8000000000000000ULL;
    case MAM_CHECK_ENUM8:
        return mam_check_enum(field, *at);
    case MAM_CHECK_ENUM16:
        memcpy(&small, at, sizeof small);
        return mam_check_enum(field, small);
    case MAM_CHECK_ASCII:
        return mam_check_text(at, field->length, 0);
    case MAM_CHECK_UTF8:
        return mam_check_text(at, field->length, 1);
    }
    return 0;
}

/* Our own version must be as long as we know it, a newer one at least that. */
static inline int mam_check_length(const struct mam_header *header, const struct mam_check_message *rule,
                                   uint32_t length) {
    uint32_t whole = (uint32_t)sizeof *header + header->block_length;
    if (header->version > MAM_SCHEMA_VERSION) {
        return header->block_length >= rule->block_length && length >= whole;
    }
    if (header->version == MAM_SCHEMA_VERSION && header->block_length != rule->block_length) {
        return 0;
    }
    return header->block_length <= rule->block_length && length == whole;
}

static inline enum mam_reason mam_message_check(const void *message, uint32_t length, uint16_t *field_id) {
    const uint8_t *bytes = (const uint8_t *)message;
    struct mam_header header;
    *field_id = 0;
    if (length < sizeof header) {
        return MAM_REASON_MALFORMED;
    }
    memcpy(&header, bytes, sizeof header);
    if (header.schema_id != MAM_SCHEMA_ID || header.template_id >= MAM_CHECK_TEMPLATES ||
        mam_check_index[header.template_id] == 0) {
        return MAM_REASON_MALFORMED;
    }
    const struct mam_check_message *rule = &mam_check_messages[mam_check_index[header.template_id]];
    if (!mam_check_length(&header, rule, length)) {
        return MAM_REASON_MALFORMED;
    }
    for (uint32_t i = 0; i < rule->count; i++) {
        const struct mam_check_field *field = &mam_check_fields[rule->first + i];
        if (field->since > header.version) {
            continue;
        }
        if ((uint32_t)field->start + field->length > length) {
            return MAM_REASON_MALFORMED;
        }
        if (!mam_check_value(field, bytes + field->start)) {
            *field_id = field->id;
            return MAM_REASON_OUT_OF_RANGE;
        }
    }
    return MAM_REASON_NONE;
}
"""

_TAIL = """\
#ifdef __cplusplus
}
#endif

/* clang-format on */

#endif
"""
