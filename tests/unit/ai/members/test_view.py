import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.history import CHANNELS
from qt_ray.ai.members.member import Floats, Singles
from qt_ray.ai.members.view import LOGARITHM, SIGMA_MIN, measure, unit, view
from tests.unit.ai.members.nhits_paper import tape
from tests.unit.ai.members.slow_view import seen

pytestmark = pytest.mark.unit

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def viewed(bars: Singles, end: int, length: int) -> tuple[Singles, Floats]:
    """Return the view, oldest bar first, and the moments."""
    series, moments = np.empty((bars.shape[1], length), np.float32), np.empty((2, bars.shape[1]))
    assert measure(bars, end, length, moments)
    view(bars, end, moments, series)
    return series[:, ::-1], moments


@quick
@given(seeds, st.integers(1, 4), st.integers(2, 60))
def test_a_bar_holds_the_sum_since_it_in_units_of_chance(seed: int, channels: int, length: int) -> None:
    bars = tape(channels, 64, seed)
    series, moments = viewed(bars, 62, length)
    window = bars[63 - length : 63]
    assert series == pytest.approx(seen(window), rel=1e-5, abs=1e-6)
    assert moments == pytest.approx(np.stack((window.mean(0, dtype=float), window.std(0, dtype=float))), rel=1e-9)


@quick
@given(seeds, st.integers(2, 40))
def test_momentum_over_any_bars_is_one_number(seed: int, back: int) -> None:
    bars = tape(4, 96, seed)
    series, moments = viewed(bars, 95, 96)
    momentum = bars[96 - back :, 0].sum(dtype=float)
    assert series[0, -back] * moments[1, 0] * np.sqrt(back) == pytest.approx(momentum, rel=1e-5, abs=1e-9)


@quick
@given(seeds)
def test_a_market_upside_down_looks_upside_down(seed: int) -> None:
    bars = tape(4, 96, seed)
    series, _ = viewed(bars, 95, 96)
    turned, _ = viewed(bars * np.array([-1, 1, -1, 1], np.float32), 95, 96)
    assert (turned == series * np.array([-1, 1, -1, 1], np.float32)[:, None]).all()


def test_the_logarithm_is_the_volume_and_one_bar_may_trade_as_much_as_ten() -> None:
    assert CHANNELS[LOGARITHM] == "volume"
    bars = np.zeros((96, 4), np.float32)
    bars[-1, LOGARITHM] = np.log(10.0)
    series, _ = viewed(bars, 95, 96)
    assert series[LOGARITHM, -10] == pytest.approx((9.0 - 10 * 9.0 / 96) / np.sqrt(10 * 81 * 95 / 96**2), rel=1e-5)


def test_a_drift_is_seen_and_the_level_of_another_channel_is_not() -> None:
    bars = tape(2, 32, 3)
    series, _ = viewed(bars, 31, 32)
    drifting, _ = viewed(bars + np.array([1e-3, 0], np.float32), 31, 32)
    higher, _ = viewed(bars + np.array([0, 2], np.float32), 31, 32)
    assert (drifting[0] > series[0] + 0.5).all()
    assert higher[1] == pytest.approx(series[1], abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_window_with_a_bad_number_is_not_measured(value: float) -> None:
    bars = tape(4, 32, 3)
    bars[20, 2] = value
    moments = np.empty((2, 4))
    assert not measure(bars, 31, 12, moments)
    assert measure(bars, 31, 11, moments)


def test_a_market_that_stands_still_has_a_view_and_a_unit() -> None:
    series, moments = viewed(np.zeros((10, 3), np.float32), 9, 10)
    assert not series.any()
    assert unit(moments, 2.0) == 2.0 * SIGMA_MIN
