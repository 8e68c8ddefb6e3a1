"""The whole bridge against a real FIX acceptor in another process, interrupted wherever it hurts."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("quickfix", reason="the extra `fix` is not installed")

from tests.fix.engine_model import units
from tests.fix.stage import Stage

pytestmark = pytest.mark.process


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_an_order_is_filled_in_parts(stage: Stage) -> None:
    stage.up()
    stage.lp.tell(plan=[[["ack"], ["fill", "40000", "1.10001", "E1"], ["fill", "60000", "1.10003", "E2"]]])
    stage.leg(7, "1")
    stage.until(lambda: stage.filled(7) == units("1"), "it is filled")
    assert sorted(stage.engine.legs[7, 0].fills.values()) == [
        (units("0.4"), units("1.10001")),
        (units("0.6"), units("1.10003")),
    ]
    assert stage.engine.faults == []
    assert stage.bridge.end() == 0
    assert stage.bridge.errors == ""
