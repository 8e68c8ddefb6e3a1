"""Each rule of the schema's check, broken once in a small schema."""

import pytest

from appliance.schema.check import check
from appliance.schema.model import SchemaError
from appliance.schema.parse import parse

GOOD = """\
<sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe" package="small" id="1" version="2"
                   semanticVersion="0.1" byteOrder="littleEndian" headerType="messageHeader">
  <types>
    <composite name="messageHeader">
      <type name="blockLength" primitiveType="uint16"/>
      <type name="templateId" primitiveType="uint16"/>
      <type name="schemaId" primitiveType="uint16"/>
      <type name="version" primitiveType="uint16"/>
    </composite>
    <composite name="Price">
      <type name="mantissa" primitiveType="int64"/>
      <type name="exponent" primitiveType="int8" presence="constant">-8</type>
    </composite>
    <type name="Large" primitiveType="uint64"/>
    <type name="Word" primitiveType="uint32"/>
    <type name="Label" primitiveType="char" length="32"/>
    <enum name="Way" encodingType="uint8">
      <validValue name="up">0</validValue>
      <validValue name="down">1</validValue>
    </enum>
  </types>
  <sbe:message name="First" id="1" blockLength="32">
    <field name="count" id="1" type="Large"/>
    <field name="bid" id="2" type="Price"/>
    <field name="way" id="3" type="Way"/>
    <field name="word" id="4" type="Word" offset="20"/>
    <field name="later" id="5" type="Word" sinceVersion="1"/>
  </sbe:message>
  <sbe:message name="Second" id="2" blockLength="56">
    <field name="count" id="1" type="Large"/>
    <field name="label" id="2" type="Label" offset="24"/>
  </sbe:message>
</sbe:messageSchema>
"""


def test_the_good_one_passes() -> None:
    check(parse(GOOD))


def refused(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    with pytest.raises(SchemaError) as caught:
        check(parse(GOOD.replace(old, new, 1)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


COUNT = '<field name="count" id="1" type="Large"/>'

UNSUPPORTED = [
    ("<types>", "<wrong>", "not XML"),
    ("sbe:messageSchema xmlns", "sbe:message xmlns", "not XML"),
    ("2016/sbe", "2017/sbe", "not sbe:messageSchema"),
    ('byteOrder="littleEndian"', 'byteOrder="bigEndian"', "only byteOrder littleEndian"),
    ('headerType="messageHeader"', 'headerType="other"', "only headerType messageHeader"),
    (' package="small"', "", "attribute package is missing"),
    (' package="small"', ' package="small" extra="1"', "attribute extra is not supported"),
    ("<types>", '<include href="x.xml"/><types>', "element include is not supported"),
    ("<types>", "<types><set/>", "element set is not supported"),
    ('<composite name="messageHeader">', '<composite name="other">', "only a decimal"),
    ('name="templateId" primitiveType="uint16"', 'name="templateId" primitiveType="uint32"', "each uint16"),
    ('name="mantissa" primitiveType="int64"', 'name="mantissa" primitiveType="int32"', "only a decimal"),
    ('presence="constant">-8', 'presence="constant">-19', "exponent must be from -18 to 0"),
    ('presence="constant">-8', 'presence="constant">x', "exponent must be an integer"),
    ('primitiveType="uint32"/>', 'primitiveType="float"/>', "primitiveType float is not supported"),
    ('primitiveType="uint32"/>', 'primitiveType="uint32" length="2"/>', "are for char only"),
    ('primitiveType="uint32"/>', 'primitiveType="uint32" presence="optional"/>', "only presence required"),
    ('length="32"', 'length="0"', "length must be at least 1"),
    ('length="32"', 'length="32" characterEncoding="UTF-16"', "characterEncoding UTF-16"),
    ('encodingType="uint8"', 'encodingType="int8"', "encodingType must be one of"),
    ('<validValue name="up">0<', '<validValue name="up">zero<', "'zero' is not a whole number"),
    ('<validValue name="up">0<', '<validValue name="up">-1<', "'-1' is not a whole number"),
    (COUNT, COUNT + '<group name="g" id="9"/>', "element group is not supported"),
    (COUNT, COUNT + '<data name="d" id="9"/>', "element data is not supported"),
    (COUNT, '<field name="count" id="1" type="Large"><x/></field>', "element x is not supported"),
    (COUNT, '<field name="count" id="1" type="Nope"/>', "there is no type Nope"),
    (
        COUNT,
        '<field name="count" id="1" type="Large" presence="optional"/>',
        "attribute presence is not supp",
    ),
    (COUNT, '<field name="count" id="1" type="Large" minValue="1"/>', "attribute minValue is not supported"),
    (COUNT, '<field name="count" id="x" type="Large"/>', "id: 'x' is not a whole number"),
    (COUNT, '<field name="count" type="Large"/>', "attribute id is missing"),
    (' blockLength="32"', "", "attribute blockLength is missing"),
]

WRONG = [
    ('id="1" version="2"', 'id="65535" version="2"', "65535 is not from 0 to 65534"),
    ("<types>", '<types><type name="Large" primitiveType="uint8"/>', "schema: name Large is there twice"),
    ("<types>", '<types><type name="First" primitiveType="uint8"/>', "schema: name First is there twice"),
    ('name="Second"', 'name="first"', "name in lower case first is there twice"),
    ('name="Second" id="2"', 'name="Second" id="1"', "message id 1 is there twice"),
    ('name="Second" id="2"', 'name="Second" id="0"', "0 is not from 1 to 1023"),
    ('name="Second" id="2"', 'name="Second" id="1024"', "1024 is not from 1 to 1023"),
    ('name="Second"', 'name="Sec-ond"', "is not a name"),
    ('name="Second"', f'name="{"S" * 65}"', "is not a name"),
    ('name="Second"', 'name="Event"', "event is a keyword of C#"),
    ('name="count" id="1"', 'name="register" id="1"', "register is a keyword of C"),
    ('name="count" id="1"', 'name="chan" id="1"', "chan is a keyword of Go"),
    ('name="count" id="1"', 'name="match" id="1"', "match is a keyword of Rust"),
    ('name="count" id="1"', 'name="final" id="1"', "final is a keyword of Java"),
    ('name="count" id="1"', 'name="lambda" id="1"', "lambda is a keyword of Python"),
    ('name="count" id="1"', 'name="elif" id="1"', "elif is a keyword of Python"),
    ('name="count" id="1"', 'name="header" id="1"', "generated struct's own members"),
    ('name="count" id="1"', 'name="padding_8" id="1"', "generated struct's own members"),
    ('name="bid" id="2"', 'name="count" id="2"', "field name count is there twice"),
    ('name="bid" id="2"', 'name="Count" id="2"', "field name in lower case count is there twice"),
    ('name="bid" id="2"', 'name="bid" id="1"', "field id 1 is there twice"),
    ('name="bid" id="2"', 'name="bid" id="0"', "0 is not from 1 to 65534"),
    ('name="bid" id="2"', 'name="bid" id="65535"', "65535 is not from 1 to 65534"),
    ('type="Word" offset="20"', 'type="Word" offset="16"', "field word: overlaps field way"),
    ('type="Word" offset="20"', 'type="Word" offset="18"', "offset 18 is not a multiple of its 4 bytes"),
    ('type="Price"/>', 'type="Price" offset="12"/>', "offset 12 is not a multiple of its 8 bytes"),
    ('offset="24"', 'offset="25"', "across a 64-byte line"),
    ('blockLength="56"', 'blockLength="48"', "blockLength 48 is less than its fields need (56)"),
    ('blockLength="56"', 'blockLength="57"', "57 is not a multiple of 8"),
    ('blockLength="56"', 'blockLength="1024"', "1032 is not from 8 to 1024"),
    ('sinceVersion="1"', 'sinceVersion="3"', "sinceVersion 3 is above the schema's version 2"),
    ('type="Price"/>', 'type="Price" sinceVersion="2"/>', "is older than field bid before it"),
    ('<validValue name="up">0<', '<validValue name="up">7<', "needs a value 0"),
    ('name="down">1<', 'name="down">0<', "value 0 is there twice"),
    ('name="down">1<', 'name="up">1<', "value name up is there twice"),
    ('name="down">1<', 'name="down">255<', "255 is the null value of uint8"),
    ('name="down">1<', 'name="down">256<', "256 is not from 0 to 254"),
    ('name="down">1<', 'name="NULL">1<', "that name is for the null value"),
    ('name="down">1<', 'name="delete">1<', "delete is a keyword of C"),
    ('name="down">1<', 'name="UP">1<', "generated C name MAM_WAY_UP is there twice"),
    ('name="Way"', 'name="Way" description="a */ b"', "the description may not hold"),
]


@pytest.mark.parametrize(("old", "new", "line"), UNSUPPORTED, ids=[line for *_, line in UNSUPPORTED])
def test_outside_our_subset(old: str, new: str, line: str) -> None:
    assert line in refused(old, new)


@pytest.mark.parametrize(("old", "new", "line"), WRONG, ids=[line for *_, line in WRONG])
def test_broken_rule(old: str, new: str, line: str) -> None:
    assert line in refused(old, new)


def test_message_without_fields() -> None:
    bare = GOOD.replace(
        "</sbe:messageSchema>", '<sbe:message name="Bare" id="3" blockLength="8"/></sbe:messageSchema>'
    )
    with pytest.raises(SchemaError, match="message Bare: has no fields"):
        check(parse(bare))
