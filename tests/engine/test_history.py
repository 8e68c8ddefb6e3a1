"""The laws over random histories; the engine's own counters are not believed (tests/engine/books.py)."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.history import History


def run(random: Random, steps: int) -> History:
    history = History(random)
    for _ in range(steps):
        history.step()
    history.settle()
    history.close_everything()
    return history


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False), steps=st.integers(1, 40))
def test_the_laws_hold_over_any_short_history(random: Random, steps: int) -> None:
    run(random, steps)


@pytest.mark.parametrize("seed", range(12))
def test_the_laws_hold_over_long_histories(seed: int) -> None:
    run(Random(seed), 300)
