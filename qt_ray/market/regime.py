"""Regime: how a symbol moves now, in one word, slow to change its mind.

Danger is believed at once and calm has to be shown: a level rises when its threshold is reached and falls
only when the value is below that threshold by the hysteresis. High and extreme volatility outrank any trend.
"""

from enum import IntEnum
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.records import F64, I64, Rows, empty
from qt_ray.market.bars import Bars
from qt_ray.market.features.wilder import ADX_WARMUP, WilderState, advance_wilder, usable


class Regime(IntEnum):
    """The rows of the exit table; UNKNOWN until ATR and ADX are warm."""

    UNKNOWN = 0
    LOW_VOL = 1
    NORMAL = 2
    HIGH = 3
    EXTREME = 4
    TRENDING = 5
    RANGING = 6


class Volatility(IntEnum):
    """Level of ATR over price."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    EXTREME = 3


class Trend(IntEnum):
    """Level of ADX."""

    RANGING = 0
    TRENDING = 1
    STRONG = 2


# One row per Volatility, one column per Trend. An ordinary trend in ordinary volatility is the normal
# market; TRENDING, with its wide targets, is kept for the strong one, and RANGING for none at all.
COMBINED = np.array(
    [
        [Regime.LOW_VOL, Regime.LOW_VOL, Regime.TRENDING],
        [Regime.RANGING, Regime.NORMAL, Regime.TRENDING],
        [Regime.HIGH, Regime.HIGH, Regime.HIGH],
        [Regime.EXTREME, Regime.EXTREME, Regime.EXTREME],
    ],
    dtype=np.int64,
)


class RegimeParams:
    """Thresholds; `keep` is one minus the hysteresis: the part of a threshold that still holds a level."""

    normal_bps: F64
    high_bps: F64
    extreme_bps: F64
    trending_adx: F64
    strong_adx: F64
    keep: F64


class RegimeState(WilderState):
    """One symbol's averages, its two levels and the regime they make; `missing` counts unusable bars."""

    atr_bps: F64
    volatility: I64
    trend: I64
    regime: I64
    missing: I64


def regime_params(
    normal_bps: float = 50.0,
    high_bps: float = 150.0,
    extreme_bps: float = 300.0,
    trending_adx: float = 25.0,
    strong_adx: float = 40.0,
    hysteresis: float = 0.1,
) -> RegimeParams:
    """Return the thresholds as one record; bps are of ATR over close, on bars of the interval observed."""
    if not 0.0 < normal_bps < high_bps < extreme_bps < inf:
        raise InvalidConfig(
            f"regime: volatility thresholds ascend from above 0, were {normal_bps}, {high_bps}, {extreme_bps}"
        )
    if not 0.0 < trending_adx < strong_adx <= 100.0:
        raise InvalidConfig(f"regime: ADX thresholds ascend within (0, 100], were {trending_adx}, {strong_adx}")
    if not (isfinite(hysteresis) and 0.0 <= hysteresis < 1.0):
        raise InvalidConfig(f"regime: hysteresis is in [0, 1), was {hysteresis}")
    params = empty(RegimeParams, 1)
    params[0] = (normal_bps, high_bps, extreme_bps, trending_adx, strong_adx, 1.0 - hysteresis)
    row: RegimeParams = params[0]
    return row


@inlined
def _level(level: int, value: float, first: float, second: float, third: float, keep: float) -> int:
    """Return the level nearest to the present one that the value allows."""
    reached = int(value >= first) + int(value >= second) + int(value >= third)
    held = int(value >= first * keep) + int(value >= second * keep) + int(value >= third * keep)
    return min(max(level, reached), held)


@inlined
def observe(state: RegimeState, params: RegimeParams, high: float, low: float, close: float) -> int:
    """Take one bar and return the regime; an unusable bar (NaN is one) changes nothing but its count."""
    if not usable(high, low, close):
        state.missing += 1
        return state.regime
    advance_wilder(state, high, low, close)
    state.atr_bps = 1e4 * state.atr / close
    if state.seen >= ADX_WARMUP:
        state.volatility = _level(
            state.volatility,
            state.atr_bps,
            params.normal_bps,
            params.high_bps,
            params.extreme_bps,
            params.keep,
        )
        state.trend = _level(state.trend, state.adx, params.trending_adx, params.strong_adx, inf, params.keep)
        state.regime = COMBINED[state.volatility, state.trend]
    return state.regime


@compiled
def observe_columns(
    states: Rows[RegimeState],
    params: RegimeParams,
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Observe columns `[time, symbol]` into `out`, one state per symbol."""
    for symbol in range(len(states)):
        state = states[symbol]
        for row in range(high.shape[0]):
            out[row, symbol] = observe(state, params, high[row, symbol], low[row, symbol], close[row, symbol])


def regimes(bars: Bars, params: RegimeParams | None = None) -> NDArray[np.uint8]:
    """Return the regime of every cell of `bars`, from fresh states."""
    out = np.zeros(bars.close.shape, np.uint8)
    states = empty(RegimeState, len(bars.symbols))
    rules = regime_params() if params is None else params
    observe_columns(states, rules, bars.high, bars.low, bars.close, out)
    return out
