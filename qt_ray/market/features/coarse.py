"""Coarse: the same market on bars five, fifteen and sixty times as long.

A coarse bar is heard of when it has closed and not before; between closings its columns are held. Coarse bars
lie on multiples of their length since the epoch, and the first to count is one whose beginning was seen.
"""

from math import nan

from qt_ray.core.compiled import inlined
from qt_ray.market.features.averages import strength
from qt_ray.market.features.state import CoarseState
from qt_ray.market.features.wilder import advance_wilder
from qt_ray.market.features.windows import ratio

COARSE_STEPS = (5, 15, 60)
COARSE_COLUMNS = 6


@inlined
def advance_coarse(
    state: CoarseState,
    span: int,
    ts: int,
    known_at: int,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> None:
    """Take one bar into the open coarse bar and close that when its time is up."""
    if ts >= state.ends:
        if state.filled > 0:
            _close(state)
        state.ends = ts - ts % span + span
        if state.begun == 0 and ts % span != 0:
            return
        state.begun = 1
    if state.begun == 0:
        return
    if state.filled == 0:
        state.high = high
        state.low = low
        state.volume = 0.0
    state.high = max(state.high, high)
    state.low = min(state.low, low)
    state.close = close
    state.volume += volume
    state.filled += 1
    if known_at >= state.ends:
        _close(state)


@inlined
def _close(state: CoarseState) -> None:
    """Take the coarse bar into its averages and hold the columns it makes."""
    close = state.close
    step = close - state.last_close
    change = step / state.last_close
    if state.seen > 0:
        weight = 1.0 / float(min(state.seen, 14))
        state.gain += weight * (max(step, 0.0) - state.gain)
        state.loss += weight * (max(-step, 0.0) - state.loss)
    advance_wilder(state, state.high, state.low, close)
    each = 1.0 / float(state.seen)
    state.ema_10 += max(2.0 / 11.0, each) * (close - state.ema_10)
    state.ema_20 += max(2.0 / 21.0, each) * (close - state.ema_20)
    state.volume_mean += max(2.0 / 21.0, each) * (state.volume - state.volume_mean)
    state.filled = 0
    seen = state.seen
    state.held[0] = change if seen >= 2 else nan
    state.held[1] = close / state.ema_10 - 1.0 if seen >= 10 else nan
    state.held[2] = state.ema_10 / state.ema_20 - 1.0 if seen >= 20 else nan
    state.held[3] = strength(state.gain, state.loss) if seen >= 15 else nan
    state.held[4] = state.atr / close if seen >= 15 else nan
    state.held[5] = ratio(state.volume, state.volume_mean, 1.0) if seen >= 20 else nan
