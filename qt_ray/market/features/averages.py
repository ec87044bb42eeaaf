"""Averages: EMAs, MACD, RSI and Wilder's, each one recurrence without a seed.

An average begins as the plain mean of what it has seen and becomes exponential once that mean would weigh a
new bar less than the exponential does: weight = max(alpha, 1 / bars).
"""

from qt_ray.core.compiled import inlined
from qt_ray.market.features.at import At
from qt_ray.market.features.state import FeatureState, Floats
from qt_ray.market.features.windows import ratio

SIGNAL_FROM = 26


@inlined
def strength(gain: float, loss: float) -> float:
    """Return the relative strength index; 50 when price has not moved."""
    return 100.0 * ratio(gain, gain + loss, 0.5)


@inlined
def advance_averages(state: FeatureState, close: float, step: float) -> None:
    """Take a close, `step` above the last one, into every average; `state.seen` already counts it."""
    each = 1.0 / float(state.seen)
    state.ema_10 += max(2.0 / 11.0, each) * (close - state.ema_10)
    state.ema_12 += max(2.0 / 13.0, each) * (close - state.ema_12)
    state.ema_20 += max(2.0 / 21.0, each) * (close - state.ema_20)
    state.ema_26 += max(2.0 / 27.0, each) * (close - state.ema_26)
    state.ema_50 += max(2.0 / 51.0, each) * (close - state.ema_50)
    if state.seen > 1:
        weight = 1.0 / float(min(state.seen - 1, 14))
        state.gain += weight * (max(step, 0.0) - state.gain)
        state.loss += weight * (max(-step, 0.0) - state.loss)
    if state.seen >= SIGNAL_FROM:
        weight = max(0.2, 1.0 / float(state.seen - SIGNAL_FROM + 1))
        state.signal += weight * (state.ema_12 - state.ema_26 - state.signal)


@inlined
def write_averages(state: FeatureState, high: float, low: float, close: float, out: Floats) -> None:
    """Write the columns of trend."""
    price = 1.0 / close
    macd = state.ema_12 - state.ema_26
    out[At.EMA_10] = state.ema_10
    out[At.EMA_20] = state.ema_20
    out[At.EMA_50] = state.ema_50
    out[At.EMA_10_20_CROSS] = state.ema_10 / state.ema_20 - 1.0
    out[At.EMA_10_50_CROSS] = state.ema_10 / state.ema_50 - 1.0
    out[At.EMA_10_GAP] = close / state.ema_10 - 1.0
    out[At.EMA_20_GAP] = close / state.ema_20 - 1.0
    out[At.EMA_50_GAP] = close / state.ema_50 - 1.0
    out[At.MACD] = macd
    out[At.MACD_SIGNAL] = state.signal
    out[At.MACD_HIST] = macd - state.signal
    out[At.MACD_RATIO] = macd * price
    out[At.MACD_SIGNAL_RATIO] = state.signal * price
    out[At.MACD_HIST_RATIO] = (macd - state.signal) * price
    out[At.RSI_14] = strength(state.gain, state.loss)
    out[At.ATR_14] = state.atr
    out[At.ATR_14_RATIO] = state.atr * price
    out[At.RANGE_ATR_RATIO] = ratio(high - low, state.atr, 1.0)
    out[At.ADX_14] = state.adx
    out[At.DI_14_BALANCE] = ratio(state.plus - state.minus, state.plus + state.minus, 0.0)
