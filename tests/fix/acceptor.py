"""A liquidity provider that speaks FIX 4.4, in a process of its own.

python acceptor.py DIRECTORY PORT [CERTIFICATE KEY]

Commands are JSON lines on stdin; events are JSON lines on stdout. What it does with its next orders is told
beforehand: {"plan": [[step, ...], ...]}, the steps of the first order first. Steps:
  ["ack"]  ["fill", qty, price, exec_id]  ["again", exec_id] (PossResend)  ["bust", exec_id, ref]
  ["correct", exec_id, ref, qty, price]  ["cancelled"]  ["reject", reason]  ["drop"] (the connection)
  ["forget"] (the order)  ["swallow", exec_id, qty, price] (filled, but the report is lost)
{"do": [step, ...], "order": key} does steps for an order that is there; without a session they are kept and
sent after the next logon with PossDupFlag, since the bridge asks for what it missed.
{"quotes": [[symbol, "W" or "X", [entries]]]} sends market data; an entry is a list of [tag, value].
{"send": [[tag, value], ...]} sends any message; {"drop": true} drops the connection.
"""

import json
import os
import sys
import threading
from decimal import Decimal
from pathlib import Path

import quickfix as fix

from appliance.fix import dictionary

SESSION = fix.SessionID("FIX.4.4", "LP", "MAM")
LOCK = threading.Lock()


def say(event, **fields):
    with LOCK:
        print(json.dumps({"event": event, **fields}), flush=True)


class Order:
    def __init__(self, message):
        self.key, self.symbol = message.getField(11), message.getField(55)
        self.side, self.quantity = message.getField(54), Decimal(message.getField(38))
        self.cumulative = self.value = Decimal(0)
        self.status, self.fills, self.reports = "0", {}, {}

    def report(self, kind, exec_id, **fields):
        average = self.value / self.cumulative if self.cumulative else Decimal(0)
        pairs = {35: "8", 37: "LP" + self.key, 11: self.key, 17: exec_id, 150: kind, 39: self.status}
        pairs |= {55: self.symbol, 54: self.side, 38: self.quantity, 14: self.cumulative}
        pairs |= {151: self.quantity - self.cumulative, 6: f"{average:.10f}", 60: "20240102-03:04:05.678"}
        pairs |= {int(tag[1:]): value for tag, value in fields.items() if value is not None}
        return [(tag, str(value)) for tag, value in pairs.items()]


class Provider(fix.Application):
    def __init__(self):
        super().__init__()
        self.orders, self.plans, self.todo = {}, [], []
        self.wake = threading.Event()
        self.ids = 0

    def onCreate(self, session): ...
    def toAdmin(self, message, session): ...
    def toApp(self, message, session): ...

    def onLogon(self, session):
        say("logon")

    def onLogout(self, session):
        say("logout")

    def fromAdmin(self, message, session):
        if message.getHeader().getField(35) in ("2", "3", "5"):
            say("admin", text=message.toString())

    def fromApp(self, message, session):
        self.todo.append(("message", message.toString()))
        self.wake.set()

    def work(self, item):
        kind, what = item
        if kind == "message":
            self.take(fix.Message(what, False), what)
        elif kind == "steps":
            for step in what[1]:
                self.step(self.orders[what[0]], *step)
        elif kind == "command":
            what()

    def take(self, message, text):
        kind = message.getHeader().getField(35)
        say("got", kind=kind, text=text)
        if kind == "D":
            order = self.orders[message.getField(11)] = Order(message)
            for step in self.plans.pop(0) if self.plans else [["ack"]]:
                self.step(order, *step)
        elif kind == "H":
            self.answer(message)
        elif kind == "F":
            order = self.orders.get(message.getField(41))
            if order is None or order.status in "248":
                late = [(39, order.status if order else "8"), (434, "1"), (102, "0" if order else "1")]
                key, original = message.getField(11), message.getField(41)
                send([(35, "9"), (37, "NONE"), (11, key), (41, original), *late])
            else:
                self.step(order, "cancelled")

    def answer(self, message):
        self.ids += 1
        order = self.orders.get(message.getField(11))
        if order is None:
            asked = [(tag, message.getField(tag)) for tag in (11, 55, 54, 790)]
            unknown = [
                (17, f"S{self.ids}"),
                (150, "I"),
                (39, "8"),
                (103, "5"),
                (14, "0"),
                (151, "0"),
                (6, "0"),
            ]
            send([(35, "8"), *asked, *unknown])
        else:
            send(order.report("I", f"S{self.ids}", t790=message.getField(790)))

    def step(self, order, what, *arguments):
        pairs = getattr(self, "do_" + what)(order, *arguments)
        if pairs:
            order.reports[dict(pairs)[17]] = pairs
            send(pairs)

    def do_ack(self, order):
        self.ids += 1
        return order.report("0", f"A{self.ids}")

    def do_fill(self, order, quantity, price, exec_id):
        order.cumulative += Decimal(quantity)
        order.value += Decimal(quantity) * Decimal(price)
        order.fills[exec_id] = (Decimal(quantity), Decimal(price))
        order.status = "2" if order.cumulative == order.quantity else "1"
        return order.report("F", exec_id, t32=quantity, t31=price)

    def do_swallow(self, order, exec_id, quantity, price):
        self.do_fill(order, quantity, price, exec_id)

    def do_again(self, order, exec_id):
        send(order.reports[exec_id], possible_resend=True)

    def do_correct(self, order, exec_id, reference, quantity, price):
        self._undo(order, reference)
        self.do_fill(order, quantity, price, exec_id)
        return order.report("G", exec_id, t19=reference, t32=quantity, t31=price)

    def do_bust(self, order, exec_id, reference):
        quantity, price = self._undo(order, reference)
        return order.report("H", exec_id, t19=reference, t32=quantity, t31=price)

    def _undo(self, order, reference):
        quantity, price = order.fills.pop(reference)
        order.cumulative -= quantity
        order.value -= quantity * price
        return quantity, price

    def do_cancelled(self, order):
        order.status = "4"
        self.ids += 1
        return order.report("4", f"C{self.ids}", t151="0")

    def do_reject(self, order, reason):
        order.status = "8"
        self.ids += 1
        return order.report("8", f"R{self.ids}", t103=reason, t151="0")

    def do_drop(self, order):
        fix.Session.lookupSession(SESSION).disconnect()

    def do_forget(self, order):
        del self.orders[order.key]


def send(pairs, possible_resend=False):
    fix.Session.sendToTarget(build(pairs, possible_resend), SESSION)


def build(pairs, possible_resend):
    message = fix.Message()
    for tag, value in pairs:
        if isinstance(value, list):
            for entry in value:
                group = fix.Group(tag, entry[0][0])
                for name, text in entry:
                    group.setField(name, text)
                message.addGroup(group)
        elif tag == 35:
            message.getHeader().setField(35, value)
        else:
            message.setField(tag, value)
    if possible_resend:
        message.getHeader().setField(97, "Y")
    return message


SETTINGS = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketReuseAddress=Y
SocketNodelay=Y
NonStopSession=Y
HeartBtInt=30
FileStorePath={directory}
FileLogPath={directory}/log
UseDataDictionary=Y
DataDictionary={directory}/FIX44.xml
ValidateUserDefinedFields=N
AllowUnknownMsgFields=Y
ValidateFieldsHaveValues=N
[SESSION]
BeginString=FIX.4.4
SenderCompID=LP
TargetCompID=MAM
"""


def obey(provider, command):
    if "plan" in command:
        provider.plans += command["plan"]
        say("planned")
    if "do" in command:
        provider.todo.append(("steps", (command["order"], command["do"])))
    for symbol, kind, entries in command.get("quotes", []):
        pairs = [(35, kind), *([(55, symbol)] if kind == "W" else []), (262, "md"), (268, entries)]
        provider.todo.append(("command", lambda pairs=pairs: send(pairs)))
    if "send" in command:
        provider.todo.append(("command", lambda: send(command["send"])))
    if command.get("drop"):
        provider.todo.append(("command", lambda: provider.do_drop(None)))
    provider.wake.set()


def commands(provider):
    for line in sys.stdin:
        obey(provider, json.loads(line))
    os._exit(0)


def main():
    directory = Path(sys.argv[1])
    (directory / "log").mkdir(parents=True, exist_ok=True)
    dictionary.write(directory / "FIX44.xml")
    text = SETTINGS.format(port=sys.argv[2], directory=directory)
    if len(sys.argv) > 3:
        tls = f"ServerCertificateFile={sys.argv[3]}\nServerCertificateKeyFile={sys.argv[4]}\n[SESSION]\n"
        text = text.replace("[SESSION]\n", tls)
    (directory / "lp.cfg").write_text(text)
    provider = Provider()
    settings = fix.SessionSettings(str(directory / "lp.cfg"))
    stores, logs = fix.FileStoreFactory(settings), fix.FileLogFactory(settings)
    kind = fix.SSLSocketAcceptor if len(sys.argv) > 3 else fix.SocketAcceptor
    acceptor = kind(provider, stores, settings, logs)
    acceptor.start()
    threading.Thread(target=commands, args=(provider,), daemon=True).start()
    say("ready")
    while True:
        provider.wake.wait()
        provider.wake.clear()
        while provider.todo:
            provider.work(provider.todo.pop(0))


if __name__ == "__main__":
    main()
