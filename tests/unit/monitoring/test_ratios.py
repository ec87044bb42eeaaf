import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.monitoring import ratios
from qt_ray.monitoring.growth import YEAR_MS, Curve, Returns
from tests.unit.monitoring.runs import DAY, START_MS

pytestmark = pytest.mark.unit

values = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=80)


def returns_of(numbers: list[float] | np.ndarray, per_year: float = 365.0) -> Returns:
    ts = START_MS + np.arange(len(numbers), dtype=np.int64) * DAY
    return Returns(ts, np.asarray(numbers, dtype=np.float64), per_year, True)


def test_ratios_match_their_definition() -> None:
    returns = returns_of([0.01, -0.02, 0.03, 0.0])
    root = math.sqrt(365)
    spread = np.std([0.01, -0.02, 0.03, 0.0], ddof=1)
    assert ratios.volatility(returns) == pytest.approx(spread * root)
    assert ratios.sharpe(returns) == pytest.approx(0.005 / spread * root)
    assert ratios.sortino(returns) == pytest.approx(0.005 / math.sqrt(0.0004 / 4) * root)


@given(values)
def test_a_ratio_is_a_number_or_unknown_but_never_infinite(numbers: list[float]) -> None:
    returns = returns_of(numbers)
    for ratio in (ratios.sharpe, ratios.sortino, ratios.volatility, ratios.expected_shortfall):
        assert not math.isinf(ratio(returns))
    assert not np.isinf(ratios.rolling_sharpe(returns)).any()


@pytest.mark.parametrize("flat", [[0.0] * 50, [0.01] * 50, [0.01]])
def test_a_ratio_without_risk_is_unknown(flat: list[float]) -> None:
    assert math.isnan(ratios.sharpe(returns_of(flat)))
    assert math.isnan(ratios.sortino(returns_of(flat)))
    assert ratios.sharpe_interval(returns_of(flat)) is None


def test_a_short_record_is_not_extrapolated_to_a_year() -> None:
    week = Curve(0, DAY, np.array([7 * DAY]), np.array([1.05]))
    year = Curve(0, DAY, np.array([YEAR_MS]), np.array([1.05]))
    assert math.isnan(ratios.cagr(week))
    assert ratios.cagr(year) == pytest.approx(0.05)
    assert math.isnan(ratios.annual_mean(returns_of([0.01] * 7)))


def test_ruin_is_a_yearly_loss_of_everything() -> None:
    assert ratios.cagr(Curve(0, DAY, np.array([YEAR_MS // 2]), np.array([0.0]))) == -1.0


@given(st.lists(st.floats(-0.1, 0.1), min_size=31, max_size=60))
def test_the_rolling_ratio_is_the_ratio_of_its_window(numbers: list[float]) -> None:
    returns = returns_of(numbers)
    rolling = ratios.rolling_sharpe(returns)
    assert np.isnan(rolling[:29]).all()
    last = np.array(numbers[-30:])
    if last.std() > 1e-6:
        expected = last.mean() / last.std(ddof=1) * math.sqrt(365)
        assert rolling[-1] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_interval_is_seeded_and_contains_the_ratio() -> None:
    dice = np.random.default_rng(5)
    returns = returns_of(0.001 + 0.02 * dice.standard_normal(400))
    band = ratios.sharpe_interval(returns)
    assert band is not None
    assert band == ratios.sharpe_interval(returns)
    assert band.low < ratios.sharpe(returns) < band.high


def test_the_interval_of_luck_includes_zero_and_that_of_strength_does_not() -> None:
    noise = np.random.default_rng(5).standard_normal(400) * 0.02
    luck = ratios.sharpe_interval(returns_of(noise - noise.mean()))
    strength = ratios.sharpe_interval(returns_of(0.01 + noise))
    assert luck is not None
    assert strength is not None
    assert luck.includes_zero
    assert not strength.includes_zero
    assert strength.above_zero == 1.0


def test_blocks_keep_the_width_that_dependence_demands() -> None:
    dice = np.random.default_rng(9).standard_normal(3000) * 0.01
    slow = np.convolve(dice, np.ones(10) / 10, mode="valid")
    fast = ratios.sharpe_interval(returns_of(np.random.default_rng(1).permutation(slow)))
    dependent = ratios.sharpe_interval(returns_of(slow))
    assert fast is not None
    assert dependent is not None
    assert dependent.high - dependent.low > 1.5 * (fast.high - fast.low)


def test_what_moves_with_the_market_has_a_beta() -> None:
    market = returns_of(np.random.default_rng(3).standard_normal(100) * 0.01)
    double = returns_of(2 * market.values)
    assert ratios.together(double, market) == (pytest.approx(1.0), pytest.approx(2.0))
    assert all(map(math.isnan, ratios.together(returns_of([0.0] * 100), market)))
