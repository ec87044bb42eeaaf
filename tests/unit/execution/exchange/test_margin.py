from decimal import Decimal
from itertools import pairwise

import pytest

from qt_ray.execution.exchange.margin import notional_max, tier_of
from tests.unit.execution.exchange.floor import BTC, START, D, buy, exchange, listing

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("notional", "number"), [("0", 1), ("10000", 1), ("10000.01", 2), ("100000", 2), ("1e9", 3)])
def test_a_bracket_reaches_to_its_cap_and_the_last_beyond(notional: str, number: int) -> None:
    assert tier_of(listing(), D(notional)).number == number


@pytest.mark.parametrize(("leverage", "most"), [(100, 10_000), (21, 10_000), (20, 100_000), (1, 10**7), (101, 0)])
def test_the_higher_the_leverage_the_smaller_the_position(leverage: int, most: int) -> None:
    assert notional_max(listing(), leverage) == Decimal(most)


def test_brackets_meet_without_a_step() -> None:
    tiers = listing().brackets
    for lower, upper in pairwise(tiers):
        before = lower.cap * lower.maintenance_rate - lower.deduction
        assert before == upper.floor * upper.maintenance_rate - upper.deduction


def test_each_asset_has_its_own_margin() -> None:
    x = exchange(listings=[listing(), listing("ETHUSDC", base="ETH", quote="USDC")], wallet="100")
    x.deposit("ann", "USDC", D(100), START)
    for symbol in (BTC, "ETHUSDC"):
        x.place("ann", buy("10", symbol=symbol), START)
    figures = x.figures("ann")
    assert [figures[asset].position_initial for asset in ("USDC", "USDT")] == [D(50), D(50)]
    assert x.totals("ann").position_initial == D(100)
