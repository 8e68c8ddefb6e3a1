"""The account server's process: python -m appliance.broker.account_server --instance NAME --script FILE.

Commands: {"reference": true} sends instruments, accounts and their states; {"quotes_until": K} moves its own
prices on; {"orders_until": N, "in_flight": M, "interval_us": U} lets orders up to number N go. Each is
answered, when it is complete, by {"event": "complete", "sent": S, ...}: S messages have gone into
the ring so far.
"""

import argparse
import sys
from collections.abc import Sequence

from appliance.broker import host
from appliance.broker.script import ServerScript, read_script
from appliance.broker.server import COMPLETE, NO_PRICE, AccountServer
from appliance.errors import InputError


class _Process:
    def __init__(self, server: AccountServer) -> None:
        self.server = server
        self.released = (0, 0, 0)  # orders, in flight, µs between two

    def obey(self, command: host.Command) -> None:
        if "stand_still" in command:
            self.server.stand_still(bool(command.pop("stand_still")))
            if not command:
                return  # nothing is released by it, and nothing becomes complete
        if "quotes_until" in command:
            self.server.quotes_until(host.number(command, "quotes_until"))
        if command.pop("reference", False):
            self.server.send_reference()
        if "orders_until" in command:
            until = host.number(command, "orders_until")
            in_flight = host.number(command, "in_flight", 0)
            self.released = (until, in_flight, host.number(command, "interval_us", 0))
        host.refuse_rest(command)
        self.server.release(*self.released)

    def on_status(self, status: int) -> None:
        if status == COMPLETE:
            host.say("complete", **self.progress())
        elif status == NO_PRICE:
            raise InputError("an order is due, but its instrument has no price yet: quotes_until comes first")

    def progress(self) -> dict[str, int]:
        counts = self.server.counts
        ended = counts["done"] + counts["rejected"] + counts["skipped"]
        return {
            "sent": counts["sent"],
            "orders": counts["submitted"],
            "ended": ended,
            "children": counts["children"],
            "booked": counts["booked"],
            "refused": counts["refused"],
            "violations": sum(self.server.violations.values()),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="account_server", description="The embedded account server.")
    parser.add_argument("--instance", required=True, help="name of the appliance's instance")
    parser.add_argument("--bridge", default="broker", help="name of the bridge, of role broker")
    parser.add_argument("--script", required=True, metavar="FILE", help="JSON: instruments, accounts, orders")
    options = parser.parse_args(arguments)
    server = AccountServer(read_script(options.script, ServerScript))
    server.attach(options.instance, options.bridge)
    process = _Process(server)
    return host.serve(server, process.obey, process.on_status, process.progress)


if __name__ == "__main__":
    sys.exit(host.run(main))
