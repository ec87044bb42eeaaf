"""Every feature against its definition, written out once more in plain numpy over whole arrays."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema
from tests.unit.market.feature_bars import EIGHT_HOURS_MS, MINUTE_MS, MONDAY_MS, walk

pytestmark = pytest.mark.unit

FULL = FeatureSchema()
Floats = NDArray[np.float64]
Columns = dict[str, Floats]


def ema(values: Floats, alpha: float) -> Floats:
    """Return the exponential mean that starts as the plain mean; leading NaN are before its start."""
    out, level, count = np.full(len(values), np.nan), 0.0, 0
    for row, value in enumerate(values):
        if np.isfinite(value):
            count += 1
            weight = max(alpha, 1.0 / count)
            level = (1.0 - weight) * level + weight * value
            out[row] = level
    return out


def span(values: Floats, bars: int) -> Floats:
    return ema(values, 2.0 / (bars + 1))


def over(values: Floats, bars: int, measure: Callable[..., Floats]) -> Floats:
    """Return `measure` of every full window of `bars` values, NaN before."""
    windows = np.lib.stride_tricks.sliding_window_view(values, bars)
    return np.concatenate((np.full(bars - 1, np.nan), measure(windows, axis=-1)))


def lag(values: Floats, bars: int) -> Floats:
    return np.concatenate((np.full(bars, np.nan), values[:-bars]))


def rsi(close: Floats) -> Floats:
    step = close - lag(close, 1)
    gain = ema(np.where(np.isnan(step), np.nan, np.maximum(step, 0.0)), 1 / 14)
    loss = ema(np.where(np.isnan(step), np.nan, np.maximum(-step, 0.0)), 1 / 14)
    return 100.0 - 100.0 / (1.0 + gain / loss)


def atr(high: Floats, low: Floats, close: Floats) -> Floats:
    before = lag(close, 1)
    return ema(np.maximum(high - low, np.maximum(np.abs(high - before), np.abs(low - before))), 1 / 14)


def trend(c: Columns) -> Columns:
    high, low, close = c["high"], c["low"], c["close"]
    up, down = high - lag(high, 1), lag(low, 1) - low
    plus = ema(np.where(np.isnan(up), np.nan, np.where((up > down) & (up > 0), up, 0.0)), 1 / 14)
    minus = ema(np.where(np.isnan(up), np.nan, np.where((down > up) & (down > 0), down, 0.0)), 1 / 14)
    balance = (plus - minus) / (plus + minus)
    ten, twenty, fifty = (span(close, bars) for bars in (10, 20, 50))
    macd = span(close, 12) - span(close, 26)
    macd[:25] = np.nan
    signal, true_range = span(macd, 9), atr(high, low, close)
    return {
        "ema_10": ten,
        "ema_20": twenty,
        "ema_50": fifty,
        "ema_10_20_cross": ten / twenty - 1,
        "ema_10_50_cross": ten / fifty - 1,
        "ema_10_gap": close / ten - 1,
        "ema_20_gap": close / twenty - 1,
        "ema_50_gap": close / fifty - 1,
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": macd - signal,
        "macd_ratio": macd / close,
        "macd_signal_ratio": signal / close,
        "macd_hist_ratio": (macd - signal) / close,
        "rsi_14": rsi(close),
        "atr_14": true_range,
        "atr_14_ratio": true_range / close,
        "range_atr_ratio": (high - low) / true_range,
        "di_14_balance": balance,
        "adx_14": ema(np.where(np.arange(len(close)) >= 14, 100 * np.abs(balance), np.nan), 1 / 14),
    }


def shape(c: Columns) -> Columns:
    opened, high, low, close, volume = (c[name] for name in ("open", "high", "low", "close", "volume"))
    reach, middle = high - low, over(close, 20, np.mean)
    band = 2.0 * over(close, 20, np.std)
    out = {
        "price_change": close / lag(close, 1) - 1,
        "high_low_range": reach / close,
        "volume_change": np.minimum(volume / lag(volume, 1) - 1, 100.0),
        "body": (close - opened) / reach,
        "upper_wick": (high - np.maximum(opened, close)) / reach,
        "lower_wick": (np.minimum(opened, close) - low) / reach,
        "close_location": (2 * close - high - low) / reach,
        "open_gap": opened / lag(close, 1) - 1,
        "bb_position": (close - middle + band) / (2 * band),
        "bb_width": 2 * band / middle,
    }
    horizons = {"return_3": 3, "return_5": 5, "return_30": 30, "return_60": 60}
    for name, bars in (horizons | {"momentum_10": 10, "momentum_20": 20}).items():
        out[name] = close / lag(close, bars) - 1
    for bars in (20, 60):
        top, bottom = over(high, bars, np.max), over(low, bars, np.min)
        out[f"range_position_{bars}"] = (close - bottom) / (top - bottom)
    return out | {"drawdown_60": close / top - 1, "rise_60": close / bottom - 1}


def moments(c: Columns) -> Columns:
    high, low, close = c["high"], c["low"], c["close"]
    change = close / lag(close, 1) - 1
    deviation = {bars: over(change, bars, partial(np.std, ddof=1)) for bars in (10, 20, 60)}

    def standard(power: int) -> Floats:
        def moment(windows: Floats, axis: int) -> Floats:
            away = windows - windows.mean(axis=axis, keepdims=True)
            return np.asarray((away**power).mean(axis=axis) / windows.std(axis=axis) ** power)

        return over(change, 60, moment)

    echo = change * lag(change, 1)
    ranges = over(((high - low) / close) ** 2, 20, np.mean)
    out = {f"volatility_{bars}": deviation[bars] for bars in deviation}
    out |= {f"volatility_{bars}_60_ratio": deviation[bars] / deviation[60] for bars in (10, 20)}
    for bars in (20, 60):
        squares = over(change**2, bars, np.sum)
        out[f"autocorrelation_{bars}"] = over(echo, bars, np.sum) / squares
        out[f"efficiency_{bars}"] = over(change, bars, np.sum) / over(np.abs(change), bars, np.sum)
    return out | {
        "range_volatility_20": np.sqrt(ranges / (4 * np.log(2))),
        "return_zscore_20": (change - over(change, 20, np.mean)) / deviation[20],
        "downside_share_20": over(np.minimum(change, 0) ** 2, 20, np.sum) / over(change**2, 20, np.sum),
        "skew_60": standard(3),
        "kurtosis_60": standard(4) - 3,
    }


def volumes(c: Columns) -> Columns:
    high, low, close, volume = (c[name] for name in ("high", "low", "close", "volume"))
    size, flow = np.abs(close / lag(close, 1) - 1), volume * (2 * close - high - low) / (high - low)
    mean = {bars: over(volume, bars, np.mean) for bars in (10, 20, 60)}
    money = {bars: over(volume * close, bars, np.sum) for bars in (20, 60)}
    impact = {bars: over(size, bars, np.sum) / money[bars] for bars in (20, 60)}
    out = {f"volume_zscore_{n}": (volume - mean[n]) / over(volume, n, np.std) for n in (20, 60)}
    out |= {f"vwap_gap_{n}": close / (money[n] / (n * mean[n])) - 1 for n in (20, 60)}
    return out | {
        "volume_ma_ratio": volume / mean[20],
        "volume_10_60_ratio": mean[10] / mean[60],
        "volume_20_60_ratio": mean[20] / mean[60],
        "illiquidity_20_60_ratio": impact[20] / impact[60],
        "money_flow_20": over(flow, 20, np.sum) / over(volume, 20, np.sum),
    }


def carry(c: Columns, ts: NDArray[np.int64]) -> Columns:
    rates, close = c["funding"], c["close"]
    last = np.maximum.accumulate(np.where(np.isfinite(rates), np.arange(len(ts)), 0))
    mean = span(rates, 21)[last]
    basis = c["mark"] / close - 1
    level, count = span(basis, 60), np.arange(1, len(ts) + 1)
    variance = np.zeros(len(ts))
    for row in range(1, len(ts)):
        weight = max(2 / 61, 1 / count[row])
        away = basis[row] - level[row - 1]
        variance[row] = (1 - weight) * (variance[row - 1] + weight * away**2)
    known = ts + MINUTE_MS
    return {
        "funding_rate": rates[last],
        "funding_mean": mean,
        "funding_surprise": rates[last] - mean,
        "funding_countdown": 1 - (known - ts[last]) / EIGHT_HOURS_MS,
        "basis": basis,
        "basis_mean": level,
        "basis_zscore": np.divide(basis - level, np.sqrt(variance), where=variance > 0, out=0 * basis),
    }


def clock(ts: NDArray[np.int64]) -> Columns:
    known = ts + MINUTE_MS
    day = 2 * np.pi * (known % 86_400_000) / 86_400_000
    week = 2 * np.pi * ((known - MONDAY_MS) % 604_800_000) / 604_800_000
    return {
        "hour_sin": np.sin(day),
        "hour_cos": np.cos(day),
        "week_sin": np.sin(week),
        "week_cos": np.cos(week),
    }


def coarse(c: Columns, ts: NDArray[np.int64], step: int) -> Columns:
    """Aggregate by hand, compute on closed bars, and hold each value from the minute it is known."""
    whole = len(ts) // step * step
    cut = {name: column[:whole].reshape(-1, step) for name, column in c.items()}
    high, low, close = cut["high"].max(axis=1), cut["low"].min(axis=1), cut["close"][:, -1]
    volume, ten, twenty = cut["volume"].sum(axis=1), span(close, 10), span(close, 20)
    made = {
        "return": close / lag(close, 1) - 1,
        "ema_10_gap": close / ten - 1,
        "ema_10_20_cross": ten / twenty - 1,
        "rsi_14": rsi(close),
        "atr_14_ratio": atr(high, low, close) / close,
        "volume_ratio": volume / span(volume, 20),
    }
    known = (np.arange(len(ts)) + 1) // step - 1
    assert (ts[0] % (step * MINUTE_MS)) == 0
    return {f"{name}_{step}x": np.where(known >= 0, values[known], np.nan) for name, values in made.items()}


def definitions(bars: Bars) -> Columns:
    names = ("open", "high", "low", "close", "volume", "funding", "mark")
    c = {name: getattr(bars, name)[:, 0] for name in names}
    with np.errstate(invalid="ignore", divide="ignore"):
        out = trend(c) | shape(c) | moments(c) | volumes(c) | carry(c, bars.ts) | clock(bars.ts)
        for step in (5, 15, 60):
            out |= coarse(c, bars.ts, step)
    return out


def features(bars: Bars) -> Floats:
    return FeatureEngine(FULL, bars.symbols, bars.interval_ms).block(bars)[:, 0]


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-4, 2e-3, 3e-2]))
def test_every_feature_is_what_its_definition_says(seed: int, move: float) -> None:
    bars = walk(seed, FULL.warmup + 60, move=move)
    out, expected = features(bars), definitions(bars)
    assert set(expected) == set(FULL.names)
    for feature in FULL.features:
        start = feature.warmup - 1
        np.testing.assert_allclose(
            out[start:, feature.at],
            expected[feature.name][start:],
            rtol=1e-8,
            atol=1e-10,
            err_msg=feature.name,
        )


def test_a_coarse_feature_changes_only_when_its_bar_closes() -> None:
    bars = walk(3, FULL.warmup + 300)
    out = features(bars)[FULL.warmup :]
    closes = (bars.ts[FULL.warmup :] + MINUTE_MS) // MINUTE_MS
    for step in (5, 15, 60):
        column = out[:, FULL.index(f"return_{step}x")]
        moved = np.flatnonzero(np.diff(column)) + 1
        assert len(moved) >= len(column) // step - 1
        assert (closes[moved] % step == 0).all()
