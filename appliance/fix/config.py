"""The bridge's configuration file (TOML), checked and typed; every default stands here (docs/fix.md)."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from appliance.errors import InputError
from appliance.misfit import sentence
from appliance.schema import decimals

_NAME = r"^[A-Za-z0-9_-]{1,31}$"
_PATH = r"^[^\x00]+$"
_TEXT = r"^[!-~]([ -~]*[!-~])?$"
_COMP = r"^[!-.0-~]{1,64}$"  # a part of the store's file names: no slash
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
_DECIMAL = r"^[0-9]{1,10}(\.[0-9]{1,8})?$"
_PATTERNS = {
    _NAME: "a name of 1 to 31 characters of A-Z a-z 0-9 _ -",
    _PATH: "a path",
    _TEXT: "a printable ASCII text",
    _COMP: "1 to 64 printable ASCII characters without blank or slash",
    _CLOCK: "a time of day such as 21:00:00 (UTC)",
    _DECIMAL: 'a decimal such as "100000"',
}
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
FilePath = Annotated[str, msgspec.Meta(pattern=_PATH)]
Text = Annotated[str, msgspec.Meta(pattern=_TEXT)]
CompId = Annotated[str, msgspec.Meta(pattern=_COMP)]
Clock = Annotated[str, msgspec.Meta(pattern=_CLOCK)]
Day = Literal["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=3600)]
Depth = Annotated[int, msgspec.Meta(ge=1, le=32)]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
Decimal = Annotated[str, msgspec.Meta(pattern=_DECIMAL)]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the file; a key that it does not know is an error."""


class ScheduleSection(Section, kw_only=True):
    """When the session begins and ends (UTC): numbers start anew then, as agreed with the LP."""

    start_time: Clock
    end_time: Clock
    start_day: Day | None = None
    end_day: Day | None = None


class SessionSection(Section, kw_only=True):
    """Whom we talk to."""

    host: Text
    port: Port
    sender: CompId
    target: CompId
    heartbeat_s: Seconds = 30
    reconnect_s: Seconds = 5
    username: Text | None = None
    password_file: FilePath | None = None
    dictionary: FilePath | None = None  # the LP's own data dictionary (QuickFIX's XML); none: ours
    schedule: ScheduleSection | None = None  # none: numbers run on for ever


class TlsSection(Section, kw_only=True):
    """TLS to the LP; needs a build of quickfix that has it."""

    authorities: FilePath  # PEM file of whom we trust
    certificate: FilePath | None = None  # ours, PEM
    key: FilePath | None = None


class MarketSection(Section, kw_only=True):
    """What we subscribe to."""

    depth: Depth = 5  # levels
    updates: Literal["incremental", "full"] = "incremental"


class OrdersSection(Section, kw_only=True):
    """How orders are sent and looked after."""

    account: Text | None = None
    quote_id: bool = False  # name the quote (117) that an order is for
    reconcile_s: Seconds = 5  # a status request without an answer is repeated after this
    retain_days: Days = 7  # an ended order is forgotten after this; a later fill of it is an alarm


class InstrumentSection(Section, kw_only=True):
    """One instrument: our number, the LP's name."""

    id: Id
    symbol: Text
    contract_size: Decimal  # units of a lot
    currency: Text | None = None  # tag 15 of orders

    @property
    def contract(self) -> int:
        """Contract size in units of 1e-8."""
        return decimals.from_text(self.contract_size, -8)


class Config(Section, kw_only=True):
    """The whole file."""

    bridge: Name
    directory: FilePath  # of the session store, the logs and the journal
    session: SessionSection
    instruments: Annotated[list[InstrumentSection], msgspec.Meta(min_length=1, max_length=4096)]
    instance: Name = "mam"
    tls: TlsSection | None = None
    market_data: MarketSection = msgspec.field(default_factory=MarketSection)
    orders: OrdersSection = msgspec.field(default_factory=OrdersSection)


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
        _check(config)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return config


def _check(config: Config) -> None:
    """What types cannot say; InputError names the place."""
    for what in ("id", "symbol"):
        values = [getattr(instrument, what) for instrument in config.instruments]
        for at, value in enumerate(values):
            if values.index(value) != at:
                raise InputError(f"instruments[{at}].{what}: {value!r} is also another's, expected each once")
    for at, instrument in enumerate(config.instruments):
        if instrument.contract == 0:
            raise InputError(f"instruments[{at}].contract_size: expected more than 0")
    if (config.session.username is None) != (config.session.password_file is None):
        raise InputError("session: expected username and password_file together")
    schedule = config.session.schedule
    if schedule is not None and (schedule.start_day is None) != (schedule.end_day is None):
        raise InputError("session.schedule: expected start_day and end_day together")
    if config.tls is not None and (config.tls.certificate is None) != (config.tls.key is None):
        raise InputError("tls: expected certificate and key together")


def read_password(path: str) -> str:
    """The first line of a file; InputError when it is not there, or is not printable ASCII."""
    try:
        lines = Path(path).read_text("ascii").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a password of printable ASCII") from None
    if not lines or not lines[0].isprintable() or not lines[0]:
        raise InputError(f"{path}: expected a password of printable ASCII in the first line")
    return lines[0]
