"""Accounts in real time against a second implementation: random days, and the real ticks."""

from decimal import Decimal
from random import Random

import pytest

from appliance.broker.ticks import merge, read_all
from tests.conftest import ROOT
from tests.engine.accounts import AccountDesk, AccountHistory
from tests.native.valuation.published import BUY, NETTING, SELL

TICKS = sorted((ROOT / "appliance" / "demo" / "data").glob("*.csv"))


@pytest.mark.parametrize("seed", range(12))
def test_random_days_against_decimal(seed: int) -> None:
    history = AccountHistory(Random(seed))
    for _ in range(120):
        history.step()
    history.swept()
    history.no_law_broken()
