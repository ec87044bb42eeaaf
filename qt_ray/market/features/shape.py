"""Shape: the bar itself, how far price has come, where it stands in its range and in its bands."""

from qt_ray.core.compiled import inlined
from qt_ray.market.features.at import At
from qt_ray.market.features.state import CLOSES, FeatureState, Floats
from qt_ray.market.features.windows import ratio, roll_peaks

VOLUME_CHANGE_MAX = 100.0


@inlined
def _since(state: FeatureState, close: float, bars: int) -> float:
    """Return the simple return over `bars`; the ring holds earlier closes, this one is not in it yet."""
    before: float = state.closes[(state.seen - bars) & (CLOSES - 1)]
    return (close - before) / before


@inlined
def write_bar(
    state: FeatureState, open_: float, high: float, low: float, close: float, volume: float, out: Floats
) -> None:
    """Write the columns of one candle and of returns; called before `seen` counts the bar."""
    before = state.last_volume
    swing = 1.0 / (high - low) if high > low else 0.0
    out[At.HIGH_LOW_RANGE] = (high - low) / close
    out[At.VOLUME_CHANGE] = min(
        ratio(volume - before, before, VOLUME_CHANGE_MAX if volume > 0.0 else 0.0), VOLUME_CHANGE_MAX
    )
    out[At.BODY] = (close - open_) * swing
    out[At.UPPER_WICK] = (high - max(open_, close)) * swing
    out[At.LOWER_WICK] = (min(open_, close) - low) * swing
    out[At.CLOSE_LOCATION] = ((close - low) - (high - close)) * swing
    out[At.OPEN_GAP] = (open_ - state.last_close) / state.last_close
    out[At.PRICE_CHANGE] = (close - state.last_close) / state.last_close
    out[At.RETURN_3] = _since(state, close, 3)
    out[At.RETURN_5] = _since(state, close, 5)
    out[At.MOMENTUM_10] = _since(state, close, 10)
    out[At.MOMENTUM_20] = _since(state, close, 20)
    out[At.RETURN_30] = _since(state, close, 30)
    out[At.RETURN_60] = _since(state, close, 60)


@inlined
def write_peaks(state: FeatureState, high: float, low: float, close: float, out: Floats) -> None:
    """Write where the close stands between the extremes of 20 and 60 bars."""
    state.peak[0] = high
    state.peak[1] = -low
    state.peak_at_20 = roll_peaks(
        20, state.peak_at_20, state.peak, state.peak_front_20, state.peak_20, state.peak_ring_20
    )
    state.peak_at_60 = roll_peaks(
        60, state.peak_at_60, state.peak, state.peak_front_60, state.peak_60, state.peak_ring_60
    )
    out[At.RANGE_POSITION_20] = ratio(close + state.peak_20[1], state.peak_20[0] + state.peak_20[1], 0.5)
    out[At.RANGE_POSITION_60] = ratio(close + state.peak_60[1], state.peak_60[0] + state.peak_60[1], 0.5)
    out[At.DRAWDOWN_60] = close / state.peak_60[0] - 1.0
    out[At.RISE_60] = close / -state.peak_60[1] - 1.0


@inlined
def write_bands(state: FeatureState, close: float, out: Floats) -> None:
    """Write position in and width of the Bollinger bands: 20 bars, two population deviations.

    Closes are summed as distances from an anchor near them, so squares do not cancel. Folding the ring
    moves the anchor to the last close; a window spans one fold at most and so has one anchor.
    """
    at = state.band_at
    if at == 0:
        state.band_front[0] = 0.0
        state.band_front[1] = 0.0
        if state.band_anchor == 0.0:
            state.band_anchor = close
    distance = close - state.band_anchor
    state.band_front[0] += distance
    state.band_front[1] += distance * distance
    first = state.band_front[0]
    second = state.band_front[1]
    if at < 19:
        first += state.band_ring[at + 1, 0]
        second += state.band_ring[at + 1, 1]
    state.band_ring[at, 0] = close
    state.band_at = at + 1
    mean = first * 0.05
    variance = second * 0.05 - mean * mean
    half = 2.0 * variance**0.5 if variance > 1e-24 * close * close else 0.0
    out[At.BB_POSITION] = ratio(distance - mean + half, 2.0 * half, 0.5)
    out[At.BB_WIDTH] = 2.0 * half / (mean + state.band_anchor)
    if at == 19:
        _fold_bands(state, close)


@inlined
def _fold_bands(state: FeatureState, anchor: float) -> None:
    """Turn the ring's closes into sums of distances from `anchor`, from each bar to the end."""
    first = 0.0
    second = 0.0
    for k in range(19, -1, -1):
        distance = state.band_ring[k, 0] - anchor
        first += distance
        second += distance * distance
        state.band_ring[k, 0] = first
        state.band_ring[k, 1] = second
    state.band_anchor = anchor
    state.band_at = 0
