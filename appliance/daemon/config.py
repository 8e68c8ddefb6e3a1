"""The daemon's configuration file (TOML), checked and typed; every default stands here (docs/operator.md)."""

import grp
import os
import pwd
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import psutil

from appliance._native import lib
from appliance.engine import Capacities
from appliance.errors import InputError
from appliance.misfit import sentence

_NAME = r"^[A-Za-z0-9_-]{1,31}$"
_PATH = r"^[^\x00]+$"
_PATTERNS = {_NAME: "a name of 1 to 31 characters of A-Z a-z 0-9 _ -", _PATH: "a path"}
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
FilePath = Annotated[str, msgspec.Meta(pattern=_PATH)]
Cpu = Annotated[int, msgspec.Meta(ge=0, le=4095)]
Ring = Annotated[int, msgspec.Meta(ge=4096, le=1 << 30)]  # bytes, a power of two
To4096 = Annotated[int, msgspec.Meta(ge=1, le=4096)]  # the ranges of struct mam_capacities
To65536 = Annotated[int, msgspec.Meta(ge=1, le=65536)]
ToMillion = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
To16Million = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
ToHour = Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]  # milliseconds


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the file; a key that it does not know is an error."""


class EngineSection(Section, kw_only=True):
    """How the loop runs."""

    cpu: Cpu | None = None  # core to pin it to; none: not pinned
    idle: Literal["spin", "yield", "backoff"] = "backoff"
    durability: Literal["async", "commit"] = "async"
    gap_limit: Annotated[int, msgspec.Meta(ge=0)] = 0  # journal entries not on disk at which new orders are
    # refused; 0: half of what the journal ring holds
    restart: Literal["continue", "new"] = "continue"  # go on with the log's run, or begin a new one
    stuck_after_ms: ToHour = 2000  # a claim or an unread ring is fenced after this


class AuditSection(Section, kw_only=True):
    """Where the log goes, and who signs it."""

    directory: FilePath
    key: FilePath  # file of the private signing key (mam audit keygen), or credential:NAME of the unit
    cpu: Cpu | None = None
    snapshot_minutes: Annotated[int, msgspec.Meta(ge=0, le=10080)] = (
        60  # the state is kept this often; 0: never
    )
    epoch_hours: Annotated[int, msgspec.Meta(ge=0, le=8760)] = 24  # a new key this often; 0: only when asked


class BridgeSection(Section, kw_only=True):
    """One bridge: a ring in, a ring out."""

    name: Name
    role: Literal["broker", "lp", "control"]
    in_capacity: Ring = 1 << 20  # bytes, a power of two
    out_capacity: Ring = 1 << 22
    owner: str | None = None  # user that may attach; none: the daemon's
    group: str | None = None


class CapacitySection(Section, kw_only=True):
    """Limits of the engine's tables; all memory is reserved at start."""

    instruments: To4096 = 64
    accounts: ToMillion = 16384
    groups: To65536 = 256
    members: ToMillion = 16384
    blocks: ToMillion = 1024
    children: To16Million = 65536
    holdings: To16Million = 131072
    positions: To16Million = 131072
    history: To16Million = 65536
    leg_timeout_ms: ToHour = 500
    booking_timeout_ms: ToHour = 5000


class Config(Section, kw_only=True):
    """The whole file."""

    instance: Name = "mam"
    audit: AuditSection
    bridges: Annotated[list[BridgeSection], msgspec.Meta(min_length=1, max_length=64)]
    engine: EngineSection = msgspec.field(default_factory=EngineSection)
    capacities: CapacitySection = msgspec.field(default_factory=CapacitySection)


def capacities_of(config: Config) -> Capacities:
    """The engine's limits, as the configuration has them."""
    return Capacities(**msgspec.structs.asdict(config.capacities), bridges=len(config.bridges))


def read_config(path: str) -> Config:
    """Read and check a file; InputError with file, place and what was expected."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {sentence(error, Config, text, _PATTERNS)}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise InputError(f"{path}: expected TOML: {error}") from None
    try:
        check_config(config)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return config


def check_config(config: Config) -> None:
    """What types cannot say, and what only this host knows; InputError names the place."""
    names = [bridge.name for bridge in config.bridges]
    for at, bridge in enumerate(config.bridges):
        if names.index(bridge.name) != at:
            raise InputError(
                f"bridges[{at}].name: {bridge.name!r} is also that of another, expected each once"
            )
        for what in ("in_capacity", "out_capacity"):
            capacity = getattr(bridge, what)
            if capacity & (capacity - 1):
                raise InputError(f"bridges[{at}].{what}: expected a power of two, found {capacity}")
        owner_ids(bridge, f"bridges[{at}]")
    for place, cpu in (("engine.cpu", config.engine.cpu), ("audit.cpu", config.audit.cpu)):
        allowed = sorted(os.sched_getaffinity(0))
        if cpu is not None and cpu not in allowed:
            shown = ", ".join(map(str, allowed))
            raise InputError(f"{place}: expected a core that this process may use ({shown}), found {cpu}")
    limits = capacities_of(config).to_c()
    _check_memory(int(lib.mam_engine_size(limits)))
    if lib.mam_loop_journal_capacity(limits) > lib.MAM_RING_CAPACITY_MAX:
        raise InputError(
            "capacities: one order could need a journal of more than 1 GiB; lower holdings or children"
        )


def _check_memory(needed: int) -> None:
    assert needed > 0, "the ranges of the configuration are those of the engine"
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"capacities: need {needed / 2**30:,.1f} GiB of memory, expected at most the "
            f"{available / 2**30:,.1f} GiB that are free (instruments times members counts most)"
        )


def owner_ids(bridge: BridgeSection, place: str) -> tuple[int, int]:
    """User and group that own a bridge's rings; -1: the daemon's. InputError: this host has none such."""
    try:
        uid = pwd.getpwnam(bridge.owner).pw_uid if bridge.owner is not None else -1
    except (KeyError, ValueError):
        raise InputError(f"{place}.owner: expected a user of this host, found {bridge.owner!r}") from None
    try:
        gid = grp.getgrnam(bridge.group).gr_gid if bridge.group is not None else -1
    except (KeyError, ValueError):
        raise InputError(f"{place}.group: expected a group of this host, found {bridge.group!r}") from None
    return uid, gid
