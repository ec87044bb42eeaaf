"""Push: one bar of one symbol becomes one row of features. There is no second implementation.

Live, the loop below runs over one row of all symbols; in a block, over many. The order of the loop differs
and nothing else, because a symbol's state meets its own bars only and in their order.
"""

from math import cos, inf, nan, pi, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.records import Rows
from qt_ray.market.features.at import At
from qt_ray.market.features.averages import advance_averages, write_averages
from qt_ray.market.features.carry import settle_funding, write_basis, write_funding
from qt_ray.market.features.catalogue import COARSE_FIRST, Part
from qt_ray.market.features.coarse import COARSE_COLUMNS, COARSE_STEPS, advance_coarse
from qt_ray.market.features.moments import advance_moments, write_volatility, write_volume
from qt_ray.market.features.shape import write_bands, write_bar, write_peaks
from qt_ray.market.features.state import CLOSES, CoarseState, FeatureState, Floats
from qt_ray.market.features.wilder import advance_wilder, usable

TILE = 64
COARSE_COUNT = len(COARSE_STEPS)
MINUTE_MS = 60_000
WEEK_MINUTES = 10_080
THURSDAY_MINUTES = 3 * 1_440

BAR = int(Part.BAR)
AVERAGES = int(Part.AVERAGES)
SUMS = int(Part.SUMS)
PEAKS = int(Part.PEAKS)
BANDS = int(Part.BANDS)
FUNDING = int(Part.FUNDING)
BASIS = int(Part.BASIS)
CLOCK = int(Part.CLOCK)
COARSE = int(Part.COARSE)


class Columns(NamedTuple):
    """Bars as arrays `[time, symbol]`, C order."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    funding: Floats
    mark: Floats


class Wanted(NamedTuple):
    """Which columns to write: the kernels that make them, their places, and their warm-ups."""

    parts: int
    whole: bool
    columns: NDArray[np.int64]
    warmups: NDArray[np.int64]
    warm: int


@compiled
def clock_table(table: Floats) -> None:
    """Fill `table[minute of week]` with sine and cosine of the day and of the week, from Monday midnight."""
    for minute in range(WEEK_MINUTES):
        day = 2.0 * pi * minute / 1_440.0
        week = 2.0 * pi * minute / WEEK_MINUTES
        table[minute, 0] = sin(day)
        table[minute, 1] = cos(day)
        table[minute, 2] = sin(week)
        table[minute, 3] = cos(week)


@inlined
def _write_clock(known_at: int, clock: Floats, out: Floats) -> None:
    minute = (known_at // MINUTE_MS + THURSDAY_MINUTES) % WEEK_MINUTES
    out[At.HOUR_SIN] = clock[minute, 0]
    out[At.HOUR_COS] = clock[minute, 1]
    out[At.WEEK_SIN] = clock[minute, 2]
    out[At.WEEK_COS] = clock[minute, 3]


@inlined
def _push_coarse(
    coarse: Rows[CoarseState],
    first: int,
    ts: int,
    interval_ms: int,
    high: float,
    low: float,
    close: float,
    volume: float,
    out: Floats,
) -> None:
    for k in range(COARSE_COUNT):
        state = coarse[first + k]
        advance_coarse(state, COARSE_STEPS[k] * interval_ms, ts, ts + interval_ms, high, low, close, volume)
        for column in range(COARSE_COLUMNS):
            out[COARSE_FIRST + k * COARSE_COLUMNS + column] = state.held[column]


@inlined
def push_bar(
    state: FeatureState,
    parts: int,
    known_at: int,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    mark: float,
    out: Floats,
) -> None:
    """Take one usable bar and write every column of the asked-for parts that lives on it alone."""
    step = close - state.last_close
    change = step / state.last_close if state.seen > 0 else 0.0
    if parts & BAR:
        write_bar(state, open_, high, low, close, volume, out)
    state.closes[state.seen & (CLOSES - 1)] = close
    advance_wilder(state, high, low, close)
    state.last_volume = volume
    if parts & AVERAGES:
        advance_averages(state, close, step)
        write_averages(state, high, low, close, out)
    if parts & SUMS:
        advance_moments(state, change, high, low, close, volume)
        write_volatility(state, change, out)
        write_volume(state, close, volume, out)
    if parts & PEAKS:
        write_peaks(state, high, low, close, out)
    if parts & BANDS:
        write_bands(state, close, out)
    if parts & FUNDING:
        write_funding(state, known_at, out)
    if parts & BASIS:
        write_basis(state, mark, close, out)


@inlined
def _keep(seen: int, wanted: Wanted, row: Floats, out: Floats) -> None:
    """Move the wanted columns of `row` to `out` and blank those not yet warm."""
    if not wanted.whole:
        for column in range(len(wanted.columns)):
            out[column] = row[wanted.columns[column]]
    if seen < wanted.warm:
        for column in range(len(wanted.columns)):
            if seen < wanted.warmups[column]:
                out[column] = nan


@compiled
def push_columns(
    states: Rows[FeatureState],
    coarse: Rows[CoarseState],
    interval_ms: int,
    times: NDArray[np.int64],
    bars: Columns,
    wanted: Wanted,
    clock: Floats,
    row: Floats,
    out: NDArray[np.float64],
) -> None:
    """Push bars `[time, symbol]` into `out[time, symbol, feature]`; `row` is room for one full row.

    Time is cut in tiles, so that columns of input are still in cache when the next symbol reads them.
    """
    for start in range(0, len(times), TILE):
        for symbol in range(len(states)):
            state = states[symbol]
            first = symbol * COARSE_COUNT
            for t in range(start, min(start + TILE, len(times))):
                target = out[t, symbol]
                full = target if wanted.whole else row
                open_ = bars.open[t, symbol]
                high = bars.high[t, symbol]
                low = bars.low[t, symbol]
                close = bars.close[t, symbol]
                volume = bars.volume[t, symbol]
                mark = bars.mark[t, symbol]
                ts = times[t]
                settle_funding(state, ts, bars.funding[t, symbol])
                if usable(high, low, close) and 0.0 < open_ < inf and 0.0 <= volume < inf:
                    known_at = ts + interval_ms
                    push_bar(state, wanted.parts, known_at, open_, high, low, close, volume, mark, full)
                    if wanted.parts & CLOCK:
                        _write_clock(known_at, clock, full)
                    if wanted.parts & COARSE:
                        _push_coarse(coarse, first, ts, interval_ms, high, low, close, volume, full)
                    _keep(state.seen, wanted, full, target)
                else:
                    state.missing += 1
                    target[:] = nan
