from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.monitoring.growth import (
    Curve,
    drawdowns_of,
    growth_curve,
    held_curve,
    months_of,
    returns_of,
)
from tests.unit.monitoring.runs import DAY, HOUR, START_MS, UNIT, bars_of, make_run

pytestmark = pytest.mark.unit

steps = st.lists(st.floats(-0.3, 0.4), min_size=1, max_size=120)


def curve_of(returns: list[float], interval_ms: int = DAY) -> Curve:
    ts = START_MS + (1 + np.arange(len(returns), dtype=np.int64)) * interval_ms
    return Curve(START_MS, interval_ms, ts, np.cumprod(1 + np.array(returns)))


@given(steps)
def test_a_drawdown_is_never_above_zero_nor_below_everything(returns: list[float]) -> None:
    depth = curve_of(returns).drawdown
    assert (depth <= 0).all()
    assert (depth >= -1).all()


@given(steps, st.sampled_from([HOUR, DAY, 7 * DAY]))
def test_months_compound_to_the_total(returns: list[float], interval_ms: int) -> None:
    curve = curve_of(returns, interval_ms)
    compounded = np.prod([1 + month.value for month in months_of(curve)])
    assert compounded == pytest.approx(1 + curve.total, rel=1e-9)


@given(steps, st.sampled_from([HOUR, DAY]))
def test_returns_compound_to_the_total(returns: list[float], interval_ms: int) -> None:
    curve = curve_of(returns * 30, interval_ms)
    assert np.prod(1 + returns_of(curve).values) == pytest.approx(1 + curve.total, rel=1e-7)


@given(steps)
def test_the_deepest_drawdown_is_the_deepest_point(returns: list[float]) -> None:
    curve = curve_of(returns)
    falls = drawdowns_of(curve)
    deepest = float(curve.drawdown.min())
    assert (falls[0].depth if falls else 0.0) == deepest
    for fall in falls:
        assert fall.peak_ms < fall.trough_ms <= fall.end_ms


def test_a_drawdown_has_its_dates() -> None:
    curve = curve_of([0.10, -0.20, -0.10, 0.60, -0.05])
    first, second = drawdowns_of(curve)
    day = [START_MS + (n + 1) * DAY for n in range(5)]
    assert first.depth == pytest.approx(0.8 * 0.9 - 1)
    assert (first.peak_ms, first.trough_ms, first.recovered_ms) == (day[0], day[2], day[3])
    assert first.length_ms == 3 * DAY
    assert (second.depth, second.recovered_ms) == (pytest.approx(-0.05), None)


def test_a_fall_from_the_start_counts_from_the_initial_balance() -> None:
    (fall,) = drawdowns_of(curve_of([-0.1, 0.05]))
    assert fall.peak_ms == START_MS


def test_a_close_at_midnight_belongs_to_the_month_before() -> None:
    days = (datetime(2023, 2, 1, tzinfo=UTC) - datetime(2023, 1, 1, tzinfo=UTC)).days
    months = months_of(curve_of([0.01] * (days + 1)))
    assert [(m.year, m.month) for m in months] == [(2023, 1), (2023, 2)]
    assert months[1].value == pytest.approx(0.01)


def test_a_month_of_hours_gives_daily_returns_and_a_week_gives_hourly_ones() -> None:
    long, short = returns_of(curve_of([0.0] * 24 * 30, HOUR)), returns_of(curve_of([0.0] * 24 * 7, HOUR))
    assert (long.daily, len(long.values), long.per_year) == (True, 30, 365)
    assert (short.daily, len(short.values), short.per_year) == (False, 168, 8760)


def test_a_transfer_is_not_a_return() -> None:
    run = make_run(bars_of([100.0, 100.0, 100.0]), {}, transfers={1: 5_000 * UNIT, 2: -7_500 * UNIT})
    assert run.cycles["equity"].tolist() == [10_000 * UNIT, 15_000 * UNIT, 7_500 * UNIT]
    assert growth_curve(run).growth.tolist() == [1.0, 1.0, 1.0]


def test_ruin_is_final() -> None:
    run = make_run(bars_of([100.0] * 4), {})
    run.cycles["equity"] = [10_000 * UNIT, 0, -5 * UNIT, 200 * UNIT]
    curve = growth_curve(run)
    assert curve.growth.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert returns_of(curve).values.tolist() == [0.0, -1.0]
    assert curve.drawdown.min() == -1.0


def test_holding_waits_as_cash_for_a_first_price_and_keeps_it_over_a_gap() -> None:
    nan = float("nan")
    bars = bars_of([100.0, 110.0, nan, 120.0], [nan, 50.0, 60.0, nan], [nan] * 4)
    held = held_curve(bars, bars.ts + DAY)
    assert held is not None
    assert held.growth.tolist() == pytest.approx([1.0, 1.05, (1.1 + 1.2) / 2, (1.2 + 1.2) / 2])


def test_without_any_price_nothing_can_be_held() -> None:
    bars = bars_of([float("nan")] * 3)
    assert held_curve(bars, bars.ts + DAY) is None


def test_a_report_needs_a_cycle_and_money() -> None:
    run = make_run(bars_of([100.0]), {})
    with pytest.raises(Invalid, match="at least one cycle"):
        growth_curve(make_run(bars_of([100.0]).window(0, 0), {}))
    object.__setattr__(run, "initial", 0)
    with pytest.raises(Invalid, match="initial balance above 0, was 0"):
        growth_curve(run)
