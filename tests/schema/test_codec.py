"""The JSON codec: exact both ways, and each thing that is wrong has its line."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.schema.codec import MessageError, from_json, to_json
from appliance.schema.messages import BY_NAME, MESSAGES, SCHEMA_ID, SCHEMA_VERSION, Reason
from tests.schema.samples import objects, sample


@given(objects())
def test_round_trip(value: dict[str, Any]) -> None:
    raw = from_json(value)
    assert to_json(raw) == value
    assert list(to_json(raw)) == ["msg", *(field.name for field in BY_NAME[value["msg"]].fields)]
    assert from_json(to_json(raw)) == raw


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_an_error(raw: bytes) -> None:
    try:
        to_json(raw)
    except MessageError as error:
        assert "\n" not in str(error)


@given(objects(), st.data())
def test_bytes_that_pass_come_back_the_same(value: dict[str, Any], data: st.DataObject) -> None:
    """Whatever to_json accepts, from_json gives back: but for padding, nothing of a message is lost."""
    raw = bytearray(from_json(value))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(8, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        seen = to_json(raw)
    except MessageError as error:
        assert error.reason is Reason.OUT_OF_RANGE and error.field_id > 0
        return
    again = from_json(seen)
    for field in BY_NAME[value["msg"]].fields:
        here = slice(field.start, field.start + field.size)
        assert again[here] == raw[here]


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda message: message.name)
def test_absent_fields_are_zero(message: Any) -> None:
    raw = from_json({"msg": message.name})
    assert raw == struct.pack("<HHHH", message.block_length, message.id, SCHEMA_ID, SCHEMA_VERSION).ljust(
        message.length, b"\0"
    )
    assert from_json(to_json(raw)) == raw


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({}, "msg must name a message of the schema, not None"),
        ({"msg": 5}, "msg must name a message of the schema, not 5"),
        ({"msg": "quote"}, "msg must name a message of the schema, not 'quote'"),
        ({"msg": "Quote", "Bid": "1"}, "Quote: there is no field 'Bid'"),
        ({"msg": "Quote", "header": 1}, "Quote: there is no field 'header'"),
        ({"msg": "Quote", "bid": 1.5}, 'Quote: bid must be a decimal in a string, such as "1.25", not 1.5'),
        ({"msg": "Quote", "bid": "1e3"}, "Quote: bid must be a decimal such as \"1.25\", not '1e3'"),
        (
            {"msg": "Quote", "bid": "1.123456789"},
            "Quote: bid must have at most 8 decimal places, not '1.123456789'",
        ),
        ({"msg": "Quote", "level": -1}, "Quote: level must be an integer from 0 to 254, not -1"),
        ({"msg": "Quote", "level": 255}, "Quote: level must be an integer from 0 to 254, not 255"),
        ({"msg": "Quote", "level": True}, "Quote: level must be an integer from 0 to 254, not True"),
        ({"msg": "Quote", "level": "1"}, "Quote: level must be an integer from 0 to 254, not '1'"),
        ({"msg": "Quote", "level": None}, "Quote: level must be an integer from 0 to 254, not None"),
        ({"msg": "Leg", "side": "long"}, "Leg: side must be one of buy, sell, not 'long'"),
        ({"msg": "Leg", "side": 0}, "Leg: side must be one of buy, sell, not 0"),
        (
            {"msg": "Account", "currency": "EUROPEANS"},
            "Account: currency must be a text of at most 8 bytes, ASCII, printable, not 'EUROPEANS'",
        ),
        (
            {"msg": "Account", "currency": "€"},
            "Account: currency must be a text of at most 8 bytes, ASCII, printable, not '€'",
        ),
        (
            {"msg": "Member", "operator_name": "a\nb"},
            "Member: operator_name must be a text of at most 32 bytes, UTF-8, printable, not 'a\\nb'",
        ),
    ],
)
def test_each_mistake_has_its_line(value: dict[str, Any], line: str) -> None:
    with pytest.raises(MessageError) as caught:
        from_json(value)
    assert str(caught.value) == line


def test_range_of_decimals() -> None:
    assert (
        to_json(from_json({"msg": "Quote", "bid": "92233720368.54775807"}))["bid"] == "92233720368.54775807"
    )
    with pytest.raises(MessageError, match="bid must be from -92233720368"):
        from_json({"msg": "Quote", "bid": "92233720368.54775808"})
    with pytest.raises(MessageError, match="bid must be from -92233720368"):
        from_json({"msg": "Quote", "bid": "-92233720368.54775808"})


def changed(at: int, form: str, number: int) -> bytes:
    raw = bytearray(from_json(sample(MESSAGES[20])))
    struct.pack_into(form, raw, at, number)
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", "a message has at least 8 bytes, not 0"),
        (bytes(8), f"the schema id must be {SCHEMA_ID}, not 0"),
        (changed(2, "<H", 19), "there is no message of template id 19"),
        (changed(2, "<H", 65535), "there is no message of template id 65535"),
        (changed(0, "<H", 48), "Quote: 64 bytes with a block of 48 do not fit version 0"),
        (changed(0, "<H", 56)[:-1], "Quote: 63 bytes with a block of 56 do not fit version 0"),
        (changed(0, "<H", 56) + b"\0", "Quote: 65 bytes with a block of 56 do not fit version 0"),
        (changed(8, "<Q", 2**64 - 1), "Quote: sequence is null"),
        (changed(24, "<q", -(2**63)), "Quote: bid is null"),
    ],
)
def test_bytes_that_are_no_message(raw: bytes, line: str) -> None:
    with pytest.raises(MessageError) as caught:
        to_json(raw)
    assert str(caught.value).startswith(line)


def test_a_newer_version_may_be_longer() -> None:
    raw = bytearray(from_json(sample(MESSAGES[20])) + b"new!new!")
    struct.pack_into("<H", raw, 6, SCHEMA_VERSION + 1)
    struct.pack_into("<H", raw, 0, 64)
    assert to_json(raw) == sample(MESSAGES[20])
    with pytest.raises(MessageError):
        to_json(raw[:-1])
    struct.pack_into("<H", raw, 0, 48)
    with pytest.raises(MessageError):
        to_json(raw)
