"""An LP's process: python -m appliance.broker.lp --instance NAME --bridge NAME --script FILE.

Commands: {"quotes_until": K, "interval_us": U} quotes the ticks before number K; {"withdraw": true} takes all
quotes back. Each is answered, when it is complete, by {"event": "complete", "sent": S, ...}: S messages have
gone into the ring so far.
"""

import argparse
import sys
from collections.abc import Sequence

from appliance.broker import host
from appliance.broker.provider import Provider
from appliance.broker.script import ProviderScript, read_script


class _Process:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.released = (0, 0)  # ticks, µs between two

    def obey(self, command: host.Command) -> None:
        if "stand_still" in command:
            self.provider.stand_still(bool(command.pop("stand_still")))
            if not command:
                return  # nothing is released by it, and nothing becomes complete
        if "quotes_until" in command:
            until = host.number(command, "quotes_until")
            self.released = (until, host.number(command, "interval_us", 0))
        if command.pop("withdraw", False):
            self.provider.withdraw()
        host.refuse_rest(command)
        self.provider.release(*self.released)

    def on_status(self, status: int) -> None:
        host.say("complete", **self.progress())

    def progress(self) -> dict[str, int]:
        return {"quoted": self.provider.quoted} | self.provider.counts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="lp", description="An embedded liquidity provider.")
    parser.add_argument("--instance", required=True, help="name of the appliance's instance")
    parser.add_argument("--bridge", required=True, help="name of the bridge, of role LP")
    parser.add_argument("--script", required=True, metavar="FILE", help="JSON: instruments, ticks, chances")
    options = parser.parse_args(arguments)
    provider = Provider(read_script(options.script, ProviderScript))
    provider.attach(options.instance, options.bridge)
    process = _Process(provider)
    return host.serve(provider, process.obey, process.on_status, process.progress)


if __name__ == "__main__":
    sys.exit(host.run(main))
