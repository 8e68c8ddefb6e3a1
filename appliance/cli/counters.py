"""`mam counters`: the performance counters of a running instance, as text, JSON or OpenMetrics."""

import argparse
import json
import re
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from appliance.memory import Counter, read_counters


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("counters", help="performance counters of a running instance")
    parser.add_argument("--instance", default="mam", metavar="NAME", help="instance (default: mam)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object")
    form.add_argument("--openmetrics", action="store_true", help="OpenMetrics text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print them; 1 when a law's counter is not zero."""
    counters = read_counters(options.instance)
    if options.json:
        print(
            json.dumps({counter.label: counter.value for counter in counters}, indent=2, ensure_ascii=False)
        )
    elif options.openmetrics:
        print(openmetrics(options.instance, counters), end="")
    else:
        width = max((len(f"{counter.value:,}") for counter in counters), default=1)
        for counter in counters:
            print(f"{counter.value:>{width},}  {counter.label}")
    return 1 if any(counter.label.startswith("law ") and counter.value for counter in counters) else 0


def metric_name(label: str) -> str:
    """A counter's label as a metric name: mam_ and lower-case words."""
    return "mam_" + re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


class _Collector:
    def __init__(self, instance: str, counters: list[Counter]) -> None:
        self._instance = instance
        self._counters = counters

    def collect(self) -> Any:
        for counter in self._counters:
            family = GaugeMetricFamily(metric_name(counter.label), counter.label, labels=["instance"])
            family.add_metric([self._instance], counter.value)
            yield family


def openmetrics(instance: str, counters: list[Counter]) -> str:
    """OpenMetrics exposition of the counters."""
    registry = CollectorRegistry()
    registry.register(_Collector(instance, counters))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()
