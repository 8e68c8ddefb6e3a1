"""Rows of a log: the messages that a question picks, as flat records."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from appliance.audit import records
from appliance.audit.errors import AuditError
from appliance.audit.explain import utc
from appliance.audit.place import Place
from appliance.audit.reader import Entry, output_fields
from appliance.schema.codec import MessageError, to_json
from appliance.schema.messages import BY_NAME, MESSAGES, Reason

Json = dict[str, Any]
Progress = Callable[[int, int], None]
FIRST = ("leaf", "sequence", "time", "time_ns", "kind", "bridge", "msg")
_KINDS = {records.INPUT: "input", records.OUTPUT: "output", records.OWN: "own"}


@dataclass(frozen=True)
class Filter:
    """What a row must be; None: anything. `since` counts in, `until` not."""

    account: int | None = None
    order: int | None = None
    since: Place | None = None
    until: Place | None = None
    reason: str | None = None
    msg: str | None = None

    def __post_init__(self) -> None:
        """AuditError names what no row can have."""
        if self.msg is not None and self.msg not in BY_NAME:
            raise AuditError(f"message {self.msg!r}: expected a name of the schema, such as Booking")
        if self.reason is not None and self.reason not in Reason.__members__:
            names = {name.lower() for name in Reason.__members__}
            if self.reason not in names:
                raise AuditError(f"reason {self.reason!r}: expected one of the schema, such as margin_buffer")


def rows(entries: Iterable[Entry], wanted: Filter) -> Iterator[Json]:
    """The rows, in the log's order. What names a block belongs to the order of that block."""
    blocks: dict[int, tuple[int, int]] = {}
    template = BY_NAME[wanted.msg].id if wanted.msg is not None else None
    for entry in entries:
        number = int.from_bytes(entry.message[2:4], "little") if entry.kind != records.OWN else 0
        if wanted.order is not None:
            _note_block(entry, number, blocks)
        if entry.kind == records.OWN or not _in_time(entry, wanted):
            continue
        if template is not None and number != template:
            continue
        fields = _fields(entry)
        if fields is not None and _fits(fields, wanted, blocks):
            yield {
                "leaf": entry.leaf_index,
                "sequence": entry.sequence,
                "time": utc(entry.time),
                "time_ns": entry.time,
                "kind": _KINDS[entry.kind],
                "bridge": entry.bridge,
                "msg": fields.pop("msg"),
                **{f"msg_{name}" if name in FIRST else name: value for name, value in fields.items()},
            }


def _note_block(entry: Entry, number: int, blocks: dict[int, tuple[int, int]]) -> None:
    """Which order a block is of; a new run begins to count again."""
    if entry.kind == records.INPUT and number == BY_NAME["Opened"].id:
        blocks.clear()
    elif entry.kind == records.OUTPUT and number == BY_NAME["Plan"].id:
        plan = output_fields(entry)
        blocks[plan["block"]] = (plan["order"], plan["deal"])


def _in_time(entry: Entry, wanted: Filter) -> bool:
    since, until = wanted.since, wanted.until
    return (since is None or not _before(entry, since)) and (until is None or _before(entry, until))


def _before(entry: Entry, place: Place) -> bool:
    if place.leaf is not None:
        return entry.leaf_index < place.leaf
    return entry.time < (place.time or 0)


def _fields(entry: Entry) -> Json | None:
    try:
        return to_json(entry.message)
    except MessageError:
        return None  # an input that was refused as malformed: its bytes are no row


def _fits(fields: Json, wanted: Filter, blocks: dict[int, tuple[int, int]]) -> bool:
    if wanted.account is not None and fields.get("login") != wanted.account:
        return False
    if wanted.reason is not None and fields.get("reason") != wanted.reason:
        return False
    if wanted.order is not None and wanted.order != fields.get("order"):
        return wanted.order == blocks.get(fields.get("block", -1), (None,))[0]
    return True


def write_jsonl(found: Iterable[Json], out: TextIO) -> int:
    """One JSON object a line; how many."""
    count = 0
    for row in found:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def columns(msg: str | None) -> list[str]:
    """Of a table: those of one message, or of all."""
    names = list(FIRST)
    for message in [BY_NAME[msg]] if msg else MESSAGES.values():
        for field in message.fields:
            name = f"msg_{field.name}" if field.name in FIRST else field.name
            if name not in names:
                names.append(name)
    return names


def write_csv(found: Iterable[Json], out: TextIO, msg: str | None) -> int:
    """RFC 4180, a head line first; what a message does not have is empty."""
    writer = csv.DictWriter(out, columns(msg), restval="")
    writer.writeheader()
    count = 0
    for row in found:
        writer.writerow(row)
        count += 1
    return count


def write_parquet(found: Iterable[Json], path: Path, msg: str | None) -> int:
    """A Parquet file; numbers as int64 or uint64, decimals as text so that none is rounded."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise AuditError("parquet needs pyarrow: install mam-appliance[parquet]") from None
    schema = pa.schema([(name, _arrow_type(pa, name, msg)) for name in columns(msg)])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        batch: list[Json] = []
        for row in found:
            batch.append(row)
            count += 1
            if len(batch) == 65_536:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))
    return count


def _arrow_type(pa: Any, name: str, msg: str | None) -> Any:
    if name in ("leaf", "sequence"):
        return pa.uint64()
    if name in ("time_ns", "bridge"):
        return pa.int64()
    kinds = {
        (field.kind, field.code)
        for message in ([BY_NAME[msg]] if msg else MESSAGES.values())
        for field in message.fields
        if name in (field.name, f"msg_{field.name}")
    }
    if kinds and all(kind == "integer" for kind, _ in kinds):
        return pa.int64() if all(code in "BHIq" for _, code in kinds) else pa.uint64()
    return pa.string()
