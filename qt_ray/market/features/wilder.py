"""Wilder: true range and directional movement, smoothed as Welles Wilder wrote them.

Every average begins as the plain mean of its first fourteen values and then moves by a fourteenth,
so there is one recurrence and no seed. ATR and ADX are read by features, regime, stops and guard alike.
"""

from qt_ray.core.compiled import inlined
from qt_ray.core.records import F64, I64

WILDER_BARS = 14
ATR_WARMUP = WILDER_BARS + 1
ADX_WARMUP = 2 * WILDER_BARS


class WilderState:
    """One symbol's averages; `atr` is in price units and is the true one from bar `ATR_WARMUP` on."""

    seen: I64
    last_high: F64
    last_low: F64
    last_close: F64
    atr: F64
    plus: F64
    minus: F64
    adx: F64


@inlined
def usable(high: float, low: float, close: float) -> bool:
    """Whether a bar may move an average: all prices finite, positive and in order."""
    return 0.0 < low <= high < float("inf") and 0.0 < close < float("inf")


@inlined
def advance_wilder(state: WilderState, high: float, low: float, close: float) -> None:
    """Take one usable bar into the averages."""
    seen = state.seen
    if seen > 0:
        weight = 1.0 / float(min(seen, WILDER_BARS))
        true_range = max(high, state.last_close) - min(low, state.last_close)
        up = high - state.last_high
        down = state.last_low - low
        state.atr += weight * (true_range - state.atr)
        state.plus += weight * ((up if up > down and up > 0.0 else 0.0) - state.plus)
        state.minus += weight * ((down if down > up and down > 0.0 else 0.0) - state.minus)
        if seen >= WILDER_BARS:
            both = state.plus + state.minus
            direction = 100.0 * abs(state.plus - state.minus) / both if both > 0.0 else 0.0
            turns = float(min(seen - WILDER_BARS + 1, WILDER_BARS))
            state.adx += (direction - state.adx) / turns
    state.last_high = high
    state.last_low = low
    state.last_close = close
    state.seen = seen + 1
