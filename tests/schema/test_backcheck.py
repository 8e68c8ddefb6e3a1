"""A new version may only append; each other change is refused."""

import pytest

from appliance.schema.backcheck import backcheck
from appliance.schema.check import check
from appliance.schema.model import SchemaError
from appliance.schema.parse import parse
from tests.schema.test_check import GOOD

NEXT = GOOD.replace('version="2"', 'version="3"', 1)
END = "</sbe:messageSchema>"
LABEL = '<field name="label" id="2" type="Label" offset="24"/>'
LONGER = ('name="Second" id="2" blockLength="56"', 'name="Second" id="2" blockLength="64"')
DOWN = '<validValue name="down">1</validValue>'
LEFT = '<validValue name="left">2</validValue>'


def compare(new: str) -> None:
    after = parse(new)
    check(after)
    backcheck(parse(GOOD), after)


def test_the_same_and_other_prose() -> None:
    compare(GOOD)
    compare(GOOD.replace('name="Way"', 'name="Way" description="Up or down"'))


def test_appended_things_pass() -> None:
    new = NEXT.replace(*LONGER).replace(
        LABEL, LABEL + '<field name="more" id="3" type="Large" sinceVersion="3"/>'
    )
    new = new.replace(DOWN, DOWN + '<validValue name="left" sinceVersion="3">2</validValue>')
    new = new.replace(
        END, f'<sbe:message name="Third" id="3" blockLength="8" sinceVersion="3">{FIELD}</sbe:message>{END}'
    )
    compare(new)


FIELD = '<field name="one" id="1" type="Large"/>'

CHANGES = [
    (
        "without a version",
        GOOD,
        DOWN,
        DOWN + '<validValue name="left">2</validValue>',
        "version must rise above 2",
    ),
    ("version falls", GOOD, 'version="2"', 'version="1"', "version must rise above 2"),
    ("schema id", NEXT, 'id="1" version', 'id="2" version', "package or id changed"),
    ("message gone", NEXT, 'name="Second"', 'name="Other"', "message Second: is gone"),
    (
        "message id",
        NEXT,
        'name="Second" id="2"',
        'name="Second" id="3"',
        "id changed from 2 to 3",
    ),
    ("field renamed", NEXT, 'name="bid"', 'name="ask"', "field bid: is gone, renamed or moved"),
    ("field removed", NEXT, LABEL, "", "field label: is gone, renamed or moved"),
    ("field id", NEXT, 'name="bid" id="2"', 'name="bid" id="9"', "field bid: id changed from 2 to 9"),
    (
        "field moved",
        NEXT,
        'type="Word" offset="20"',
        'type="Word" offset="24"',
        "changed from 20 to 24",
    ),
    ("field type", NEXT, 'id="2" type="Price"', 'id="2" type="Large"', "type changed from Price to Large"),
    ("exponent", NEXT, "-8</type>", "-6</type>", "field bid: type changed from Price to Price"),
    (
        "field since",
        NEXT,
        'type="Word" sinceVersion="1"',
        'type="Word" sinceVersion="2"',
        "sinceVersion changed",
    ),
    ("block length", NEXT, *LONGER, "blockLength changed from 56 to 64"),
    ("enum value gone", NEXT, 'name="down">1<', 'name="left">1<', "value down: is gone or changed"),
    ("enum value changed", NEXT, 'name="down">1<', 'name="down">2<', "value down: is gone or changed"),
    ("enum width", NEXT, 'encodingType="uint8"', 'encodingType="uint16"', "type changed from Way to Way"),
    (
        "enum value without since",
        NEXT,
        DOWN,
        DOWN + '<validValue name="left">2</validValue>',
        "must be above 2",
    ),
    (
        "message without since",
        NEXT,
        END,
        f'<sbe:message name="Third" id="3" blockLength="8">{FIELD}</sbe:message>{END}',
        "message Third: is new, so its sinceVersion must be above 2",
    ),
    (
        "field without since",
        NEXT.replace(*LONGER),
        LABEL,
        LABEL + '<field name="more" id="3" type="Large"/>',
        "field more: is new, so its sinceVersion must be above 2",
    ),
    (
        "field in the old block",
        NEXT,
        'sinceVersion="1"/>',
        'sinceVersion="1"/><field name="more" id="6" type="Word" sinceVersion="3"/>',
        "field more: lies in the old block; its offset must be 32 or more",
    ),
]


@pytest.mark.parametrize(("name", "base", "old", "new", "line"), CHANGES, ids=[name for name, *_ in CHANGES])
def test_other_changes_are_refused(name: str, base: str, old: str, new: str, line: str) -> None:
    assert old in base
    with pytest.raises(SchemaError) as caught:
        compare(base.replace(old, new, 1))
    assert line in str(caught.value)
