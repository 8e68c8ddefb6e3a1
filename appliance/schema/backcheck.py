"""Compares two versions of a schema: what others have built against the old one must go on to work."""

from appliance.schema.model import Enum, Field, Message, Schema, SchemaError, canonical


def backcheck(old: Schema, new: Schema) -> None:
    """Raises SchemaError, one line, unless `new` is `old` with things appended and a higher version.

    Prose may change freely. An appended field, message or enum value carries the version that brought it
    (`sinceVersion`, above the old schema's version); a field comes after the whole of the old block.
    """
    if (old.package, old.id) != (new.package, new.id):
        raise SchemaError(
            f"schema: package or id changed ({old.package} {old.id}, now {new.package} {new.id})"
        )
    if canonical(old) == canonical(new):
        return
    if new.version <= old.version:
        raise SchemaError(f"schema: the layout changed, so the version must rise above {old.version}")
    messages = {message.name: message for message in new.messages}
    for message in old.messages:
        if message.name not in messages:
            raise SchemaError(f"message {message.name}: is gone")
        _compare_messages(message, messages[message.name], old.version)
    known = {message.name for message in old.messages}
    for message in new.messages:
        if message.name not in known:
            _brought(message.since, old.version, f"message {message.name}")
    _compare_enums(old, new)


def _compare_messages(old: Message, new: Message, version: int) -> None:
    where = f"message {old.name}"
    if old.id != new.id:
        raise SchemaError(f"{where}: id changed from {old.id} to {new.id}")
    if old.since != new.since:
        raise SchemaError(f"{where}: sinceVersion changed")
    for index, field in enumerate(old.fields):
        place = f"{where}, field {field.name}"
        if index >= len(new.fields) or new.fields[index].name != field.name:
            raise SchemaError(f"{place}: is gone, renamed or moved")
        _compare_fields(field, new.fields[index], place)
    added = new.fields[len(old.fields) :]
    for field in added:
        place = f"{where}, field {field.name}"
        _brought(field.since, version, place)
        if field.offset < old.block_length:
            raise SchemaError(
                f"{place}: lies in the old block; its offset must be {old.block_length} or more"
            )
    if not added and new.block_length != old.block_length:
        raise SchemaError(f"{where}: blockLength changed from {old.block_length} to {new.block_length}")


def _compare_fields(old: Field, new: Field, where: str) -> None:
    if old.id != new.id:
        raise SchemaError(f"{where}: id changed from {old.id} to {new.id}")
    if old.offset != new.offset:
        raise SchemaError(f"{where}: offset changed from {old.offset} to {new.offset}")
    if old.since != new.since:
        raise SchemaError(f"{where}: sinceVersion changed")
    if _form(old) != _form(new):
        raise SchemaError(f"{where}: type changed from {old.type.name} to {new.type.name}, or what it is did")


def _form(field: Field) -> tuple[object, ...]:
    """What the type is on the wire and in JSON; an enum counts by name, its values are compared elsewhere."""
    kind = field.type
    if isinstance(kind, Enum):
        return ("enum", kind.name, kind.primitive)
    return (kind.kind, kind.primitive, kind.size, kind.exponent)


def _compare_enums(old: Schema, new: Schema) -> None:
    enums = {enum.name: enum for enum in new.enums}
    for before in old.enums:
        if before.name not in enums:
            raise SchemaError(f"enum {before.name}: is gone")
        after = enums[before.name]
        if before.primitive != after.primitive:
            raise SchemaError(f"enum {before.name}: encodingType changed")
        values = {value.name: value for value in after.values}
        for value in before.values:
            same = values.pop(value.name, None)
            if same is None or (same.value, same.since) != (value.value, value.since):
                raise SchemaError(f"enum {before.name}, value {value.name}: is gone or changed")
        for value in values.values():
            _brought(value.since, old.version, f"enum {before.name}, value {value.name}")


def _brought(since: int, version: int, where: str) -> None:
    if since <= version:
        raise SchemaError(f"{where}: is new, so its sinceVersion must be above {version}")
