"""`mam counters`: the performance counters of a running instance, as text, JSON or OpenMetrics."""

import argparse
import json
import re
import sys
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from appliance.memory import Counter, Directory, MemoryLayoutError, Region, directory_name, read_counters

_OF_BRIDGE = re.compile(r"bridge (.*): (.*)")


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("counters", help="performance counters of a running instance")
    parser.add_argument("--instance", default="mam", metavar="NAME", help="instance (default: mam)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object")
    form.add_argument("--openmetrics", action="store_true", help="OpenMetrics text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print them; 1 when a law's counter is not zero, or the instance is dead."""
    counters = read_counters(options.instance)
    running = _running(options.instance)
    if options.json:
        print(
            json.dumps({counter.label: counter.value for counter in counters}, indent=2, ensure_ascii=False)
        )
    elif options.openmetrics:
        print(openmetrics(options.instance, counters, running), end="")
    else:
        width = max((len(f"{counter.value:,}") for counter in counters), default=1)
        for counter in counters:
            print(f"{counter.value:>{width},}  {counter.label}")
    if not running:
        sys.stdout.flush()
        print(
            f"mam counters: instance {options.instance} is not running: these are its last figures",
            file=sys.stderr,
        )
    broken = any(counter.label.startswith("law ") and counter.value for counter in counters)
    return 1 if broken or not running else 0


def _running(instance: str) -> bool:
    try:
        with Region.attach(directory_name(instance), writable=False) as region:
            return Directory(region).owner_alive() is not None
    except MemoryLayoutError:
        return False


def _metric(counter: Counter) -> tuple[str, str, dict[str, str]]:
    """Name, help and labels: mam_ and lower-case words; a bridge's counters are one metric with its name."""
    match = _OF_BRIDGE.fullmatch(counter.label)
    text = counter.label if match is None else f"bridge {match.group(2)}"
    labels = {} if match is None else {"bridge": match.group(1)}
    return "mam_" + re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_"), text, labels


class _Collector:
    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Any:
        return self._families


def openmetrics(instance: str, counters: list[Counter], running: bool = True) -> str:
    """OpenMetrics exposition of the counters."""
    up = GaugeMetricFamily("mam_running", "whether the instance's daemon lives", labels=["instance"])
    up.add_metric([instance], int(running))
    families = {up.name: up}
    for counter in counters:
        name, text, labels = _metric(counter)
        labels = {"instance": instance, **labels}
        family = families.setdefault(name, GaugeMetricFamily(name, text, labels=list(labels)))
        family.add_metric(list(labels.values()), counter.value)
    registry = CollectorRegistry()
    registry.register(_Collector(list(families.values())))
    exposition: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return exposition.decode()
