import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.monitoring.performance import leverage, measure
from qt_ray.monitoring.summary import amount, summary
from tests.unit.monitoring.runs import DAY, START_MS, UNIT, bars_of, make_run

pytestmark = pytest.mark.unit


def traded() -> Run:
    """A fund that buys 10 at 100, sells them at 120 and pays for it."""
    closes = [100.0, 100.0, 110.0, 120.0, 120.0]
    return make_run(
        bars_of(closes, [50.0, 50.0, 50.0, 50.0, 25.0]),
        {0: {0: 10_000}, 3: {0: 0}},
        fee_ppm=1000,
        spread_ticks=10,
        funding={2: -3 * UNIT},
    )


def test_costs_walk_from_gross_to_net() -> None:
    costs = measure(traded()).costs
    assert costs.gross == 10 * UNIT * (1199 - 1001) // 10
    assert costs.fees == 10 * UNIT * (1199 + 1001) // 10_000
    assert costs.funding == 3 * UNIT
    assert costs.net == costs.gross - costs.fees - costs.funding
    assert costs.slippage == 2 * UNIT
    assert costs.turnover == 2200 * UNIT
    assert costs.bps(costs.fees) == pytest.approx(10.0)


def test_a_return_is_what_equity_made_of_the_initial_balance() -> None:
    performance = measure(traded())
    assert performance.reward.total == pytest.approx((198 - 2.2 - 3) / 10_000)
    assert performance.held is not None
    assert performance.held.total == pytest.approx((1.2 + 0.5) / 2 - 1)
    assert [row.held for row in performance.symbols] == pytest.approx([0.2, -0.5])


def test_exposure_is_position_value_over_equity() -> None:
    run = traded()
    gross, _ = leverage(run)
    assert gross[1] == pytest.approx(1000 / (10_000 - 1 - 1.001))
    exposure = measure(run).exposure
    assert exposure.invested == pytest.approx(3 / 5)
    assert exposure.gross_max == pytest.approx(gross.max())
    assert math.isnan(exposure.turns_per_year)


@pytest.mark.requirement("L12")
def test_a_fund_that_never_trades_has_no_ratios_and_no_invented_ones() -> None:
    performance = measure(make_run(bars_of([100.0] * 60), {}))
    assert performance.reward.total == 0
    assert performance.drawdowns == ()
    assert math.isnan(performance.reward.sharpe)
    assert math.isnan(performance.reward.calmar)
    assert performance.reward.interval is None
    assert math.isnan(performance.stats.win_rate)
    assert math.isnan(performance.costs.bps(performance.costs.fees))


def test_one_bar_is_a_record() -> None:
    performance = measure(make_run(bars_of([100.0]), {}))
    assert len(performance.curve.ts) == 1
    assert len(performance.months) == 1
    assert math.isnan(performance.reward.volatility)
    assert np.isnan(performance.rolling).all()


def liquidated() -> Run:
    """A fund that bets everything twice over and is liquidated."""

    def mark(cycles: np.ndarray, _: np.ndarray) -> None:
        cycles["equity"][3:] = 0
        cycles["wallet"][3:] = 0
        cycles["liquidated"][3:] = 1

    return make_run(
        bars_of([100.0, 100.0, 80.0, 50.0, 50.0] + [50.0] * 40),
        {0: {0: 200_000}, 3: {0: 0}},
        causes={(4, 0): Cause.LIQUIDATION},
        mark=mark,
    )


def test_liquidation_to_nothing_is_a_loss_of_everything_and_no_division_by_it() -> None:
    performance = measure(liquidated())
    assert performance.reward.total == -1.0
    assert performance.reward.cagr == -1.0
    assert performance.reward.drawdown == -1.0
    assert performance.liquidations == 1
    assert np.isfinite(performance.exposure.gross_mean)
    assert [group.name for group in performance.causes] == ["liquidation"]


@settings(max_examples=25)
@given(st.lists(st.floats(50, 200), min_size=35, max_size=50), st.integers(0, 3))
def test_the_same_run_measures_the_same_and_as_json(closes: list[float], every: int) -> None:
    closes = [round(close, 2) for close in closes]
    targets = {row: {0: (-1) ** row * 100} for row in range(0, len(closes) - 1, every + 1)}
    run = make_run(bars_of(closes), targets, fee_ppm=400)
    first = orjson.dumps(summary(run))
    assert first == orjson.dumps(summary(run))
    assert b"NaN" not in first


def test_a_summary_speaks_in_decimals_dates_and_nulls() -> None:
    values = summary(traded())
    assert values["initial"] == "10000.00000000"
    assert values["final"] == "10192.80000000"
    assert values["period"]["start"] == "2023-01-01T00:00:00.000Z"
    assert values["costs"]["fees"] == "2.20000000"
    assert values["reward"]["cagr"] is None
    assert values["reward"]["sharpe_low"] is None
    assert values["trips"]["count"] == 1
    assert values["trips"]["expectancy"] == "195.80000000"
    assert values["by_symbol"]["S1USDT"]["win_rate"] is None


def test_every_extreme_has_a_summary() -> None:
    for run in (liquidated(), make_run(bars_of([100.0]), {}), make_run(bars_of([float("nan")] * 3), {})):
        assert orjson.loads(orjson.dumps(summary(run)))["initial"] == "10000.00000000"


@pytest.mark.requirement("L12")
def test_an_amount_that_is_not_known_is_null() -> None:
    assert amount(float("nan")) is None
    assert amount(-1) == "-0.00000001"


def test_the_period_starts_when_the_first_bar_opens() -> None:
    curve = measure(traded()).curve
    assert curve.start_ms == START_MS
    assert curve.ts[-1] == START_MS + 5 * DAY
