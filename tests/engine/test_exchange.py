"""The randomised exchange, as much of it as fits a few seconds; `make nightly` plays ten million messages."""

import pytest

from tests.engine.exchange import Exchange, run


@pytest.mark.parametrize("seed", range(24))
def test_the_laws_hold_over_a_hostile_exchange(seed: int) -> None:
    run(seed, 150)


def test_a_seed_replays_exactly() -> None:
    def messages(seed: int) -> list[dict]:
        exchange = Exchange(seed)
        for _ in range(200):
            exchange.step()
        return exchange.log

    assert messages(77) == messages(77)


def test_the_exchange_meets_what_it_is_for() -> None:
    """Over a few seeds there are rollbacks, reallocations, house changes, queries and every way to end."""
    seen: set[str] = set()
    for seed in range(216, 232):
        for output in run(seed, 200).log:
            seen |= {output["msg"], *(str(output.get(name)) for name in ("reason", "status", "kind"))}
    wanted = {
        "rolled_back",
        "reallocated",
        "unwound",
        "late_fill",
        "busted",
        "corrected",
        "overfilled",
        "fenced",
        "daily_loss",
        "fifo",
        "further_ticket",
        "closed_late",
        "drawdown_stop",
        "over_limit",
        "unallocated",
    }
    wanted |= {
        "HouseChange",
        "BookingQuery",
        "LegCancel",
        "BookSource",
        "flattened",
        "flatten_dropped",
        "RiskStop",
        "left",
        "done",
        "rejected",
    }
    assert wanted <= seen, wanted - seen
