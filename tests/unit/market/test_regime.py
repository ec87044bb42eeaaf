import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import InvalidConfig
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.features.wilder import ADX_WARMUP, ATR_WARMUP
from qt_ray.market.regime import (
    Regime,
    RegimeState,
    Trend,
    Volatility,
    observe,
    observe_columns,
    regime_params,
    regimes,
)

pytestmark = pytest.mark.unit

Walk = tuple[np.ndarray, np.ndarray, np.ndarray]


def walk(seed: int, rows: int, move: float, drift: float = 0.0) -> Walk:
    """Return high, low and close of a seeded random walk with relative moves of size `move`."""
    dice = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(drift + move * dice.standard_normal(rows)))
    reach = 1.0 + move * np.abs(dice.standard_normal((2, rows)))
    before = np.concatenate(([100.0], close[:-1]))
    return np.maximum(close, before) * reach[0], np.minimum(close, before) / reach[1], close


def bars_of(*walks: Walk) -> Bars:
    high, low, close = (np.stack(column, axis=1) for column in zip(*walks, strict=True))
    ts = np.arange(len(close), dtype=np.int64) * 60_000
    names = tuple(f"S{number}" for number in range(close.shape[1]))
    return Bars(names, 60_000, ts, close, high, low, close, np.ones_like(close))


def wilder(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ATR-14 and ADX-14 from their textbook definition, seeds as plain means."""
    before = close[:-1]
    ranges = np.maximum(high[1:] - low[1:], np.maximum(np.abs(high[1:] - before), np.abs(low[1:] - before)))
    up, down = np.diff(high), -np.diff(low)

    def smooth(values: np.ndarray) -> np.ndarray:
        out = np.full(len(values), np.nan)
        out[13] = values[:14].mean()
        for row in range(14, len(values)):
            out[row] = (out[row - 1] * 13 + values[row]) / 14
        return out

    atr = smooth(ranges)
    plus = smooth(np.where((up > down) & (up > 0), up, 0.0)) / atr
    minus = smooth(np.where((down > up) & (down > 0), down, 0.0)) / atr
    strength = 100 * np.abs(plus - minus) / (plus + minus)
    adx = np.concatenate((np.full(13, np.nan), smooth(strength[13:])))
    return np.concatenate(([np.nan], atr)), np.concatenate(([np.nan], adx))


def settle(*walks: Walk, **settings_: float) -> np.ndarray:
    """Return the regime of the last row of each walk."""
    return regimes(bars_of(*walks), regime_params(**settings_))[-1]


def steady(rows: int, half_range: float, step: float = 0.0) -> Walk:
    """Return bars of one relative range around a close that climbs by `step` a bar."""
    close = 100.0 + step * np.arange(rows)
    return close * (1 + half_range), close * (1 - half_range), close


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 0.05))
def test_atr_and_adx_agree_with_their_textbook_definition(seed: int, move: float) -> None:
    high, low, close = walk(seed, 120, move)
    states, params = empty(RegimeState, 1), regime_params()
    atr, adx = wilder(high, low, close)
    for row in range(120):
        observe(states[0], params, high[row], low[row], close[row])
        if row + 1 >= ATR_WARMUP:
            assert states[0]["atr"] == pytest.approx(atr[row], rel=1e-12)
            assert states[0]["atr_bps"] == pytest.approx(1e4 * atr[row] / close[row], rel=1e-12)
        if row + 1 >= ADX_WARMUP:
            assert states[0]["adx"] == pytest.approx(adx[row], rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 5e-3, 2e-2]), st.integers(1, 199))
def test_what_comes_later_changes_no_regime_before_it(seed: int, move: float, cut: int) -> None:
    whole = walk(seed, 200, move)
    changed = tuple(np.concatenate((column[:cut], column[cut:] * 3.0)) for column in whole)
    a, b = regimes(bars_of(whole)), regimes(bars_of(changed))
    assert (a[:cut] == b[:cut]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-20, 20))
def test_the_unit_of_price_does_not_matter(seed: int, power: int) -> None:
    whole = walk(seed, 200, 8e-3)
    scaled = tuple(column * 2.0**power for column in whole)
    assert (regimes(bars_of(whole)) == regimes(bars_of(scaled))).all()


@pytest.mark.requirement("S5 RegimeDetector")
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.5))
def test_hysteresis_only_delays_the_return_of_calm(seed: int, hysteresis: float) -> None:
    bars = bars_of(walk(seed, 400, 8e-3))
    plain, slow = empty(RegimeState, 1), empty(RegimeState, 1)
    out = np.zeros(1, np.uint8).reshape(1, 1)
    for row in bars.blocks(1):
        columns = (row.high, row.low, row.close, out)
        observe_columns(plain, regime_params(hysteresis=0.0), *columns)
        observe_columns(slow, regime_params(hysteresis=hysteresis), *columns)
        assert slow["volatility"][0] >= plain["volatility"][0]
        assert slow["trend"][0] >= plain["trend"][0]


def test_a_level_falls_only_below_its_threshold_less_the_hysteresis() -> None:
    params, states = regime_params(hysteresis=0.1), empty(RegimeState, 1)

    def last(walked: Walk) -> tuple[int, float]:
        for high, low, close in zip(*walked, strict=True):
            observe(states[0], params, high, low, close)
        return int(states[0]["volatility"]), float(states[0]["atr_bps"])

    level, atr_bps = last(steady(60, 0.0080))
    assert (level, round(atr_bps)) == (Volatility.HIGH, 160)
    level, atr_bps = last(steady(200, 0.0070))
    assert (level, round(atr_bps)) == (Volatility.HIGH, 140)
    level, atr_bps = last(steady(200, 0.0066))
    assert (level, round(atr_bps)) == (Volatility.NORMAL, 132)
    level, atr_bps = last(steady(200, 0.0074))
    assert (level, round(atr_bps)) == (Volatility.NORMAL, 148)


def test_the_regime_is_unknown_until_both_averages_are_warm() -> None:
    seen = regimes(bars_of(walk(1, 60, 1e-3)))[:, 0]
    assert (seen[: ADX_WARMUP - 1] == Regime.UNKNOWN).all()
    assert (seen[ADX_WARMUP - 1 :] != Regime.UNKNOWN).all()


@pytest.mark.requirement("S5 RegimeDetector")
@pytest.mark.parametrize(
    ("half_range", "step", "regime"),
    [
        (0.001, 0.0, Regime.LOW_VOL),
        (0.004, 0.0, Regime.RANGING),
        (0.004, 0.5, Regime.TRENDING),
        (0.010, 0.0, Regime.HIGH),
        (0.010, 0.5, Regime.HIGH),
        (0.020, 0.0, Regime.EXTREME),
        (0.020, 0.5, Regime.EXTREME),
    ],
)
def test_volatility_outranks_trend_once_it_is_high(half_range: float, step: float, regime: Regime) -> None:
    assert settle(steady(80, half_range, step)) == [regime]


def test_an_ordinary_trend_in_ordinary_volatility_is_normal() -> None:
    bars = bars_of(walk(3, 4_000, 5e-3))
    states, params = empty(RegimeState, 1), regime_params()
    pairs = set()
    for high, low, close in zip(bars.high[:, 0], bars.low[:, 0], bars.close[:, 0], strict=True):
        regime = observe(states[0], params, high, low, close)
        pairs.add((int(states[0]["volatility"]), int(states[0]["trend"]), regime))
    assert (Volatility.NORMAL, Trend.TRENDING, Regime.NORMAL) in pairs
    assert {pair[2] for pair in pairs if pair[2]} <= set(Regime)


@pytest.mark.parametrize(
    ("high", "low", "close"),
    [
        (np.nan, 99.0, 100.0),
        (101.0, np.nan, 100.0),
        (101.0, 99.0, np.nan),
        (np.inf, 99.0, 100.0),
        (99.0, 101.0, 100.0),
        (101.0, 0.0, 100.0),
        (101.0, -1.0, 100.0),
        (101.0, 99.0, 0.0),
    ],
)
def test_an_unusable_bar_is_counted_and_moves_nothing(high: float, low: float, close: float) -> None:
    states, params = empty(RegimeState, 1), regime_params()
    for bar in zip(*walk(4, 40, 1e-2), strict=True):
        observe(states[0], params, *bar)
    before = states.copy()
    assert observe(states[0], params, high, low, close) == before["regime"][0]
    assert states["missing"][0] == 1
    states["missing"] = 0
    assert states.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    "bad",
    [
        {"normal_bps": 0.0},
        {"normal_bps": 150.0},
        {"extreme_bps": np.inf},
        {"high_bps": np.nan},
        {"trending_adx": 40.0},
        {"strong_adx": 101.0},
        {"hysteresis": 1.0},
        {"hysteresis": -0.1},
        {"hysteresis": np.nan},
    ],
)
def test_thresholds_that_make_no_ladder_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match=r"^regime: "):
        regime_params(**bad)
