"""Moments: what 10, 20 and 60 bars of returns, ranges and volume add up to.

Twelve quantities a bar go through three windows at once; every column is then a few operations on sums.
Where a window has nothing to divide by (no trade, no move) the column takes its stated neutral value.
"""

from math import log, sqrt

from qt_ray.core.compiled import inlined
from qt_ray.market.features.at import At
from qt_ray.market.features.state import FeatureState, Floats
from qt_ray.market.features.windows import ratio, roll_sums, spread

RETURN = 0
SQUARE = 1
CUBE = 2
FOURTH = 3
SIZE = 4
ECHO = 5
FALL = 6
RANGE = 7
VOLUME = 8
VOLUME_SQUARE = 9
TURNOVER = 10
FLOW = 11

ILLIQUIDITY_MAX = 100.0
PARKINSON = 1.0 / (4.0 * log(2.0) * 20.0)


@inlined
def advance_moments(state: FeatureState, change: float, high: float, low: float, close: float, volume: float) -> None:
    """Roll the bar's quantities into the three windows."""
    value = state.value
    square = change * change
    reach = (high - low) / close
    value[RETURN] = change
    value[SQUARE] = square
    value[CUBE] = square * change
    value[FOURTH] = square * square
    value[SIZE] = abs(change)
    value[ECHO] = change * state.change
    value[FALL] = square if change < 0.0 else 0.0
    value[RANGE] = reach * reach
    value[VOLUME] = volume
    value[VOLUME_SQUARE] = volume * volume
    value[TURNOVER] = volume * close
    value[FLOW] = volume * ((close - low) - (high - close)) / (high - low) if high > low else 0.0
    state.change = change
    state.at_10 = roll_sums(10, state.at_10, value, state.front_10, state.total_10, state.ring_10)
    state.at_20 = roll_sums(20, state.at_20, value, state.front_20, state.total_20, state.ring_20)
    state.at_60 = roll_sums(60, state.at_60, value, state.front_60, state.total_60, state.ring_60)


@inlined
def write_volatility(state: FeatureState, change: float, out: Floats) -> None:
    """Write the columns of spread, symmetry and memory of returns."""
    b, c = state.total_20, state.total_60
    deviation_10 = sqrt(spread(state.total_10[RETURN], state.total_10[SQUARE], 0.1) * (10.0 / 9.0))
    deviation_20 = sqrt(spread(b[RETURN], b[SQUARE], 0.05) * (20.0 / 19.0))
    variance = spread(c[RETURN], c[SQUARE], 1.0 / 60.0)
    deviation_60 = sqrt(variance * (60.0 / 59.0))
    inverse = ratio(1.0, deviation_60, 0.0)
    out[At.VOLATILITY_10] = deviation_10
    out[At.VOLATILITY_20] = deviation_20
    out[At.VOLATILITY_60] = deviation_60
    out[At.VOLATILITY_10_60_RATIO] = deviation_10 * inverse if inverse > 0.0 else 1.0
    out[At.VOLATILITY_20_60_RATIO] = deviation_20 * inverse if inverse > 0.0 else 1.0
    out[At.RANGE_VOLATILITY_20] = sqrt(b[RANGE] * PARKINSON)
    out[At.RETURN_ZSCORE_20] = ratio(change - 0.05 * b[RETURN], deviation_20, 0.0)
    out[At.DOWNSIDE_SHARE_20] = ratio(b[FALL], b[SQUARE], 0.5)
    out[At.AUTOCORRELATION_20] = ratio(b[ECHO], b[SQUARE], 0.0)
    out[At.AUTOCORRELATION_60] = ratio(c[ECHO], c[SQUARE], 0.0)
    out[At.EFFICIENCY_20] = ratio(b[RETURN], b[SIZE], 0.0)
    out[At.EFFICIENCY_60] = ratio(c[RETURN], c[SIZE], 0.0)
    mean = c[RETURN] / 60.0
    square = c[SQUARE] / 60.0
    third = c[CUBE] / 60.0 - mean * (3.0 * square - 2.0 * mean * mean)
    fourth = c[FOURTH] / 60.0 - mean * (4.0 * c[CUBE] / 60.0 - mean * (6.0 * square - 3.0 * mean * mean))
    out[At.SKEW_60] = ratio(third, variance * sqrt(variance), 0.0)
    out[At.KURTOSIS_60] = ratio(fourth, variance * variance, 3.0) - 3.0


@inlined
def write_volume(state: FeatureState, close: float, volume: float, out: Floats) -> None:
    """Write the columns of volume, liquidity and money flow."""
    b, c = state.total_20, state.total_60
    mean_10 = state.total_10[VOLUME] * 0.1
    mean_20 = b[VOLUME] * 0.05
    mean_60 = c[VOLUME] / 60.0
    deviation_20 = sqrt(spread(b[VOLUME], b[VOLUME_SQUARE], 0.05))
    deviation_60 = sqrt(spread(c[VOLUME], c[VOLUME_SQUARE], 1.0 / 60.0))
    out[At.VOLUME_MA_RATIO] = ratio(volume, mean_20, 1.0)
    out[At.VOLUME_ZSCORE_20] = ratio(volume - mean_20, deviation_20, 0.0)
    out[At.VOLUME_ZSCORE_60] = ratio(volume - mean_60, deviation_60, 0.0)
    out[At.VOLUME_10_60_RATIO] = ratio(mean_10, mean_60, 1.0)
    out[At.VOLUME_20_60_RATIO] = ratio(mean_20, mean_60, 1.0)
    impact = ratio(b[SIZE] * c[TURNOVER], b[TURNOVER] * c[SIZE], 1.0)
    out[At.ILLIQUIDITY_20_60_RATIO] = min(impact, ILLIQUIDITY_MAX)
    out[At.MONEY_FLOW_20] = ratio(b[FLOW], b[VOLUME], 0.0)
    out[At.VWAP_GAP_20] = ratio(close * b[VOLUME], b[TURNOVER], 1.0) - 1.0
    out[At.VWAP_GAP_60] = ratio(close * c[VOLUME], c[TURNOVER], 1.0) - 1.0
