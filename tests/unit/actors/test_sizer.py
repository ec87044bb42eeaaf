"""Sizer: the plan's sizes, and a word about each that grows where nothing was trained for it."""

import asyncio
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.sizer import Sizer
from qt_ray.ai.baselines import single
from qt_ray.engine import pipeline
from qt_ray.engine.backtest import Simulation
from qt_ray.engine.high_volatility import Curbed
from qt_ray.market.regime import Regime
from tests.unit.engine.funds import candles, fund, still

pytestmark = pytest.mark.unit

BARS = candles(still(30))


def opinion(score: float, regime: Regime, held: int = 0) -> pipeline.Opinion:
    world = Simulation(fund(), BARS).world
    quotes: Any = world.quotes
    books: Any = world.books
    quotes["regime"], books["position"] = regime, held
    quotes["mark"] = 1_000
    limits: Any = world.limits
    limits["fallback_bps"] = 3_000
    forecasts = single(np.full((1, 1), score), np.ones((1, 1)))
    return pipeline.Opinion(pipeline.Snapshot(BARS.window(29, 30), np.zeros((1, 1, 0)), world), forecasts)


@pytest.mark.requirement("P0-05", "S5 RlSizing")
@pytest.mark.p0_patches
@pytest.mark.parametrize("regime", [*Regime])
@pytest.mark.parametrize(("score", "held", "grows"), [(1.0, 0, True), (0.0, 500, False), (-1.0, 500, True)])
def test_a_wish_that_grows_in_high_volatility_is_told_as_the_fallbacks(
    regime: Regime, score: float, held: int, grows: bool
) -> None:
    told: list[Curbed] = []
    sizer, asked = Sizer(told.append), opinion(score, regime, held)
    sized = asyncio.run(sizer.size(asked))
    assert np.array_equal(sized.wishes, pipeline.Sizer().size(asked).wishes)
    is_wild = regime in (Regime.HIGH, Regime.EXTREME)
    assert [one.symbol for one in told] == (["BTCUSDT"] if grows and is_wild else [])
    assert all((one.regime, abs(one.wished)) == (regime.name, 1) for one in told)
    assert (sizer.sized, sizer.counts["BTCUSDT"]) == (1, len(told))
