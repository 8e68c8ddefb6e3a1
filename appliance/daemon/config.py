"""The daemon's configuration file (TOML), checked and typed; every default stands here (docs/operator.md)."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from appliance.errors import InputError

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,31}$")]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the file; a key that it does not know is an error."""


class EngineSection(Section, kw_only=True):
    """How the loop runs."""

    cpu: Annotated[int, msgspec.Meta(ge=0)] | None = None  # core to pin it to; none: not pinned
    idle: Literal["spin", "yield", "backoff"] = "backoff"
    durability: Literal["async", "commit"] = "async"
    stuck_after_ms: Positive = 2000  # a claim or an unread ring is fenced after this


class AuditSection(Section, kw_only=True):
    """Where the log goes, and who signs it."""

    directory: str
    key: str  # file of the private signing key (mam audit keygen)
    cpu: Annotated[int, msgspec.Meta(ge=0)] | None = None


class BridgeSection(Section, kw_only=True):
    """One bridge: a ring in, a ring out."""

    name: Name
    role: Literal["broker", "lp", "control"]
    in_capacity: Positive = 1 << 20  # bytes, a power of two
    out_capacity: Positive = 1 << 22
    owner: str | None = None  # user that may attach; none: the daemon's
    group: str | None = None


class CapacitySection(Section, kw_only=True):
    """Limits of the engine's tables; all memory is reserved at start."""

    instruments: Positive = 64
    accounts: Positive = 16384
    groups: Positive = 256
    members: Positive = 16384
    blocks: Positive = 1024
    children: Positive = 65536
    holdings: Positive = 131072
    history: Positive = 65536
    leg_timeout_ms: Positive = 500
    booking_timeout_ms: Positive = 5000


class Config(Section, kw_only=True):
    """The whole file."""

    instance: Name = "mam"
    audit: AuditSection
    bridges: Annotated[list[BridgeSection], msgspec.Meta(min_length=1, max_length=64)]
    engine: EngineSection = msgspec.field(default_factory=EngineSection)
    capacities: CapacitySection = msgspec.field(default_factory=CapacitySection)


def read_config(path: str) -> Config:
    """Read and check a file; InputError with file, place and what was expected."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise InputError(f"{path}: not TOML: {error}") from None
    names = [bridge.name for bridge in config.bridges]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: bridges: two have the name {twice!r}, expected each once")
    for bridge in config.bridges:
        for what in ("in_capacity", "out_capacity"):
            capacity = getattr(bridge, what)
            if capacity & (capacity - 1) or not 4096 <= capacity <= 1 << 30:
                raise InputError(
                    f"{path}: bridge {bridge.name}: {what} {capacity}: expected a power of two, 4096 to 2^30"
                )
    return config
