"""Valid messages for tests: one fixed sample of each, and a strategy for all."""

from typing import Any

from hypothesis import strategies as st

from appliance.schema import decimals
from appliance.schema.messages import ENUMS, MESSAGES
from appliance.schema.tables import Field, Message


def sample(message: Message) -> dict[str, Any]:
    """The same object every time, in which no two numbers are the same, as far as their types go."""
    return {"msg": message.name} | {field.name: _sample(message, field) for field in message.fields}


def _sample(message: Message, field: Field) -> Any:
    seed = message.id * 1000 + field.id * 7 + 1
    if field.kind == "decimal":
        return decimals.to_text((-1) ** field.id * (seed * 10**11 + seed), field.exponent)
    if field.kind == "enum":
        names = [item.name.lower() for item in ENUMS[field.type]]
        return names[field.id % len(names)]
    if field.kind in ("ascii", "utf8"):
        tail = "é" if field.kind == "utf8" else "z"
        return f"{field.id}{field.name}"[: field.size - 2] + tail
    return seed % 251 if field.size == 1 else seed if field.size <= 4 else seed * 10**9 + seed


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "enum":
        return st.sampled_from([item.name.lower() for item in ENUMS[field.type]])
    if field.kind == "ascii":
        return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=field.size)
    if field.kind == "utf8":
        letters = st.characters(exclude_categories=("Cc", "Cs"))
        return st.text(letters, max_size=field.size).filter(lambda text: len(text.encode()) <= field.size)
    numbers = st.integers(field.lowest, field.highest)
    if field.kind == "decimal":
        return numbers.map(lambda number: decimals.to_text(number, field.exponent))
    return numbers


def objects() -> st.SearchStrategy[dict[str, Any]]:
    """Every message, whole."""
    return st.sampled_from(list(MESSAGES.values())).flatmap(
        lambda message: st.fixed_dictionaries(
            {"msg": st.just(message.name)} | {field.name: values(field) for field in message.fields}
        )
    )
