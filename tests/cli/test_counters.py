"""`mam counters` in its three forms, of an instance that runs."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from appliance.cli.counters import openmetrics
from appliance.memory import Counter
from tests.cli.command import assert_refused, command
from tests.daemon.rig import Rig, wait_for


def test_no_instance_is_one_line() -> None:
    assert_refused(command("counters", "--instance", "none"), "instance none: ")
    assert_refused(command("counters", "--instance", "a/b"), "instance 'a/b'")
    assert_refused(command("counters", "--json", "--openmetrics"), "not allowed with")


@pytest.mark.process
def test_the_three_forms_agree(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        rig.start()
        with rig.bridge("lp1") as bridge:
            rig.send(bridge, msg="Heartbeat", sequence=1)
        wait_for(lambda: rig.consumed("lp1") == 1)
        text, data, metrics = (
            command("counters", "--instance", rig.name, *form) for form in ([], ["--json"], ["--openmetrics"])
        )
        assert {done.status for done in (text, data, metrics)} == {0}
        values = json.loads(data.out)
        assert values["bridge lp1: messages consumed"] == 1
        assert next(iter(values)) == "law 1 conservation: violations"
        assert sum(label.startswith("law ") for label in values) == 10
        assert re.search(r"^ *1  bridge lp1: messages consumed$", text.out.decode(), re.MULTILINE)
        families = list(text_string_to_metric_families(metrics.out.decode()))
        assert len({family.name for family in families}) == len(families)
        samples = [sample for family in families for sample in family.samples]
        assert len(samples) == len(values) + 1  # and mam_running
        consumed = next(
            s for s in samples if s.name == "mam_bridge_messages_consumed" and s.labels["bridge"] == "lp1"
        )
        assert consumed.value == 1 and consumed.labels == {"instance": rig.name, "bridge": "lp1"}
        assert rig.end() == (0, "")
    finally:
        rig.close()
    assert_refused(command("counters", "--instance", rig.name), rig.name)


@pytest.mark.process
def test_of_a_dead_daemon_they_are_bad_news(tmp_path: Path) -> None:
    """The figures are those at its death; whoever watches them must not take them for news."""
    rig = Rig(tmp_path)
    try:
        rig.start().kill()
        rig.ended()
        done = command("counters", "--instance", rig.name)
        assert done.status == 1 and "law 1" in done.out.decode()
        assert done.error == f"mam counters: instance {rig.name} is not running: these are its last figures\n"
    finally:
        rig.close()


def test_labels_of_any_kind_make_good_metrics() -> None:
    labels = [
        "law 1 conservation: violations",
        "longest sync, ns",
        'bridge é"\\\n: messages held',
        "bridge a: x",
    ]
    counters = [Counter(n, 300 + n, label, n, b"", 0, 0, 0) for n, label in enumerate(labels)]
    families = list(text_string_to_metric_families(openmetrics('i"n', counters)))
    assert sorted(sample.value for family in families for sample in family.samples) == [0, 1, 1, 2, 3]
