"""What a verification found."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    kind: changed, missing, reordered, duplicate, truncated, root, signature, gap, header, leftover,
    incomplete, epoch, witness: the log is not what was written. empty, origin, key: not the log that was
    asked for.
    """

    kind: str
    text: str
    leaf_index: int | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a witness signed: at `seconds` (POSIX) it saw the first `size` records."""

    witness: str
    vkey: str
    size: int
    seconds: int


@dataclass
class Report:
    """What was found. `verified` is the answer; `problems` say why not."""

    directory: str
    origin: str
    key: str
    verified: bool = False
    live: bool = False
    """A writer has the log open: `verified` speaks of what the checkpoint covers."""
    first: int = 0
    last: int = -1
    """The records that were asked for, rounded to whole segments."""
    records: int = 0
    """Leaves read, the log's own records included."""
    entries: int = 0
    """Journal entries among them."""
    covered: int = 0
    """Leaves under the newest checkpoint."""
    uncovered: int = 0
    """Good records after it, which no signature protects yet."""
    root: str = ""
    epoch: int = 0
    segments: int = 0
    bundles: int = 0
    tiles: int = 0
    """Of an export: what was read of it."""
    bytes: int = 0
    seconds: float = 0.0
    pruned: dict[str, Any] | None = None
    """The record that says what was pruned, when the log does not begin with record 0."""
    seen: list[Seen] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def records_text(first: int, last: int) -> str:
    """'record 5', or 'records 5 to 7'."""
    return f"record {first}" if first >= last else f"records {first} to {last}"
