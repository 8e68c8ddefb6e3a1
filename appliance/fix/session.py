"""The FIX session: the only module that imports quickfix. Its callbacks copy text into a queue, no more."""

import os
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from appliance.errors import InputError
from appliance.fix import dictionary, store
from appliance.fix.config import Config, read_password
from appliance.fix.journal import Journal
from appliance.fix.records import Reported, Session
from appliance.fix.wire import SOH, Pairs, Request, short

try:
    import quickfix as fix  # type: ignore[import-untyped, import-not-found, unused-ignore]
except ImportError:
    raise InputError(
        "the FIX bridge needs the quickfix module, which is not installed: pip install 'mam-appliance[fix]'"
    ) from None

REMEMBERED = 65536  # orders whose sequence number is known, so that a refusal can be matched
MARKET_BACKLOG = 20_000  # messages of market data that may wait


class Event(NamedTuple):
    """Something of the session that is not kept: logon, logout, market, ask, alarm, dropped, fatal."""

    what: str
    text: str = ""


class Callbacks(fix.Application):  # type: ignore[misc]
    """What QuickFIX calls, on its thread and under its lock. Nothing here may call QuickFIX or wait."""

    def __init__(self, journal: Journal, credentials: tuple[str, str] | None) -> None:
        super().__init__()
        self._journal = journal
        self._credentials = credentials
        self._orders: OrderedDict[str, str] = OrderedDict()  # MsgSeqNum: ClOrdID
        self._market = 0  # messages of market data noted
        self.market_taken = 0  # and taken; written by the other thread

    def onCreate(self, session: Any) -> None:
        pass

    def onLogon(self, session: Any) -> None:
        self._journal.note(Event("logon"))

    def onLogout(self, session: Any) -> None:
        self._journal.note(Event("logout"))

    def toAdmin(self, message: Any, session: Any) -> None:
        kind = message.getHeader().getField(35)
        if kind == "A" and self._credentials is not None:
            message.setField(553, self._credentials[0])
            message.setField(554, self._credentials[1])
        elif kind == "5":
            self._look_for_lost_numbers(message, "we")
        elif kind == "3":
            self._journal.note(Event("alarm", f"we refused a message of the LP: {self._why(message)}"))
            self._journal.note(Event("ask"))

    def fromAdmin(self, message: Any, session: Any) -> None:
        kind = message.getHeader().getField(35)
        if kind == "5":
            self._look_for_lost_numbers(message, "the LP")
        elif kind == "A" and message.isSetField(141) and message.getField(141) == "Y":
            self._journal.note(Event("fatal", "the LP wants to begin its sequence numbers anew; refused"))
            raise fix.RejectLogon("ResetSeqNumFlag is not agreed")
        elif kind == "4":
            if not (message.isSetField(123) and message.getField(123) == "Y"):
                self._journal.note(Event("alarm", "the LP has reset its sequence numbers"))
            self._journal.note(Event("ask"))
        elif kind == "2":
            self._journal.note(Event("ask"))  # what it missed is not sent again: it may have been an order
        elif kind == "3":
            self._keep(message)

    def toApp(self, message: Any, session: Any) -> None:
        header = message.getHeader()
        if message.isSetField(11) and header.isSetField(34):
            self._orders[header.getField(34)] = message.getField(11)
            if len(self._orders) > REMEMBERED:
                self._orders.popitem(last=False)

    def fromApp(self, message: Any, session: Any) -> None:
        kind = message.getHeader().getField(35)
        if kind in "WX":
            self._take_market(message)
        elif kind in "89j":
            self._keep(message)
        elif kind == "Y":
            self._journal.note(Event("alarm", f"the LP refused a subscription: {self._why(message)}"))
        else:
            self._journal.note(Event("alarm", f"the LP sent a message of type {short(kind)}; refused"))
            raise fix.UnsupportedMessageType()

    def _take_market(self, message: Any) -> None:
        if self._market - self.market_taken >= MARKET_BACKLOG:
            if self._market - self.market_taken == MARKET_BACKLOG:
                self._journal.note(Event("dropped"))
                self._market += 1
            return
        self._market += 1
        self._journal.note(Event("market", _text(message)))

    def _keep(self, message: Any) -> None:
        """In the file before we return: after that QuickFIX counts the message as received."""
        text = _text(message)
        reference = message.getField(45) if message.isSetField(45) else None
        if reference is not None and reference in self._orders:
            text += f"11={self._orders[reference]}{SOH}"
        try:
            self._journal.put(Reported(time=time.time_ns(), text=text))
        except OSError as error:
            print(f"the journal cannot be written: {error.strerror or error}", file=sys.stderr, flush=True)
            os._exit(1)  # the LP sends it again to whoever comes next

    def _look_for_lost_numbers(self, message: Any, who: str) -> None:
        text = self._why(message)
        if store.TOO_LOW.search(text):
            what = f"{who} logged out: {text}; a session store is lost, agree on the numbers with the LP"
            self._journal.note(Event("fatal", what))

    @staticmethod
    def _why(message: Any) -> str:
        return short(message.getField(58)) if message.isSetField(58) else "no reason given"


class Link:
    """A session with the LP. Its methods are called by one thread, never from a callback."""

    def __init__(self, config: Config, directory: Path, journal: Journal) -> None:
        """InputError when a file is missing or QuickFIX refuses the settings. Nothing is started."""
        session = config.session
        credentials = None
        if session.username is not None and session.password_file is not None:
            credentials = (session.username, read_password(session.password_file))
        path = directory / "session.cfg"
        path.write_text(_settings(config, directory), "utf-8")
        self._directory, self._session = directory, session
        self._id = fix.SessionID("FIX.4.4", session.sender, session.target)
        self._callbacks = Callbacks(journal, credentials)
        try:
            settings = fix.SessionSettings(str(path))
            self._stores = fix.FileStoreFactory(settings)
            self._logs = fix.FileLogFactory(settings)
            kind = fix.SocketInitiator if config.tls is None else _tls_initiator()
            self._initiator = kind(self._callbacks, self._stores, settings, self._logs)
        except (fix.ConfigError, fix.RuntimeError) as error:
            raise InputError(f"session: quickfix refuses it: {error}") from None

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        try:
            self._initiator.start()
        except (fix.ConfigError, fix.RuntimeError) as error:
            raise InputError(f"session: quickfix refuses it: {error}") from None

    def send(self, request: Request) -> bool:
        """False: it surely or perhaps did not leave. It is never sent again by QuickFIX."""
        return bool(fix.Session.sendToTarget(_message(request), self._id))

    def market_taken(self) -> None:
        """One message of market data has been worked."""
        self._callbacks.market_taken += 1

    def marks(self) -> Session | None:
        """Where the session's numbers stand."""
        try:
            return store.read_marks(self._directory, self._session)
        except store.StoreLost:
            return None  # it is being written

    def stop(self) -> None:
        """Log out and end. Returns when no callback runs any more."""
        self._initiator.stop()


def _tls_initiator() -> Any:
    kind = getattr(fix, "SSLSocketInitiator", None)
    if kind is None:
        raise InputError("tls: this build of quickfix has no TLS, expected one that has it (docs/fix.md)")
    return kind


def _text(message: Any) -> str:
    """The message, a character for each byte: texts of an LP may be of any encoding."""
    text: str = message.toString()
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _message(request: Request) -> Any:
    message = fix.Message()
    for tag, value in request:
        if isinstance(value, list):
            for entry in value:
                message.addGroup(_group(tag, entry))
        elif tag == 35:
            message.getHeader().setField(tag, value)
        else:
            message.setField(tag, value)
    return message


def _group(count_tag: int, entry: Pairs) -> Any:
    group = fix.Group(count_tag, entry[0][0])
    for tag, value in entry:
        group.setField(tag, value)
    return group


def _settings(config: Config, directory: Path) -> str:
    """QuickFIX's configuration file. No password is in it."""
    session = config.session
    words = session.dictionary
    if words is None:
        words = str(directory / "FIX44.xml")
        dictionary.write(Path(words))
    elif not Path(words).is_file():
        raise InputError(f"session.dictionary: {words}: cannot be read")
    lines = {
        "ConnectionType": "initiator",
        "SocketConnectHost": session.host,
        "SocketConnectPort": session.port,
        "SocketNodelay": "Y",
        "HeartBtInt": session.heartbeat_s,
        "ReconnectInterval": session.reconnect_s,
        "FileStorePath": directory,
        "FileLogPath": directory / "log",
        "UseDataDictionary": "Y",
        "DataDictionary": words,
        # a message that QuickFIX refuses is one whose fill we would not see
        "ValidateUserDefinedFields": "N",
        "ValidateFieldsOutOfOrder": "N",
        "ValidateFieldsHaveValues": "N",
        "AllowUnknownMsgFields": "Y",
        # numbers never begin anew by themselves, and an old order is never sent again
        "ResetOnLogon": "N",
        "ResetOnLogout": "N",
        "ResetOnDisconnect": "N",
        "PersistMessages": "N",
    }
    if session.schedule is None:
        lines["NonStopSession"] = "Y"
    else:
        lines |= {"StartTime": session.schedule.start_time, "EndTime": session.schedule.end_time}
        if session.schedule.start_day is not None:
            lines |= {"StartDay": session.schedule.start_day, "EndDay": session.schedule.end_day or ""}
    if config.tls is not None:
        lines |= {"CertificationAuthoritiesFile": config.tls.authorities, "CertificateVerifyLevel": 2}
        if config.tls.certificate is not None:
            lines |= {"ClientCertificateFile": config.tls.certificate}
            lines |= {"ClientCertificateKeyFile": config.tls.key or ""}
    settings = "".join(f"{name}={value}\n" for name, value in lines.items())
    return (
        f"[DEFAULT]\n{settings}[SESSION]\nBeginString=FIX.4.4\n"
        f"SenderCompID={session.sender}\nTargetCompID={session.target}\n"
    )
