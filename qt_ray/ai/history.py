"""History: the bars before each row, as models that read sequences want them, streamed or in blocks to the same bits.

A window holds usable bars only, and is refused where its holes are so large that it is no longer the recent past. The
first bar of a symbol begins its history and is not in it, because it has no return.
"""

from math import inf, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid
from qt_ray.core.records import F64, I64, Rows, empty
from qt_ray.market.bars import Bars
from qt_ray.market.features.wilder import usable

CHANNELS = ("return", "range", "location", "volume")
# What changes its sign in a market that is looked at upside down.
SIGNED = ("return", "location")
LOOKBACK_MAX = 4_096
NOWHERE = -1


class PastRow:
    """What one symbol carries beside its tail: the last close, the last log volume, and the rows its tail holds."""

    close: F64
    volume: F64
    held: I64


class _Tails(NamedTuple):
    """The last usable bars of each symbol, channels and open times, the oldest first."""

    rows: NDArray[np.float32]
    ts: Ints


class _Columns(NamedTuple):
    ts: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class History:
    """The recent past of `symbols`; a window is `lookback` usable bars."""

    def __init__(self, symbols: tuple[str, ...], lookback: int) -> None:
        if not 1 <= lookback <= LOOKBACK_MAX:
            raise Invalid(f"history: lookback is from 1 to {LOOKBACK_MAX}, was {lookback}")
        self.symbols = symbols
        self.lookback = lookback
        self._past = empty(PastRow, len(symbols))
        shape = (len(symbols), lookback)
        self._tails = _Tails(np.zeros((*shape, len(CHANNELS)), np.float32), np.zeros(shape, np.int64))

    def feed(self, bars: Bars) -> tuple[Singles, Ints]:
        """Take a block; return its tape, and for row `t * symbols + s` the place in it where the window ends.

        The tape is, symbol after symbol, the tail carried so far and the block's usable bars. The place is -1 where the
        bar is missing, bars are too few, or they stretch over more than a sixteenth more intervals than they are.
        """
        if bars.symbols != self.symbols:
            raise Invalid(f"history: a block has the {len(self.symbols)} symbols it began with, had others")
        columns = _Columns(bars.ts, *map(_plain, (bars.open, bars.high, bars.low, bars.close, bars.volume)))
        length = int(self._past["held"].sum()) + bars.close.size
        tape, times = np.empty((length, len(CHANNELS)), np.float32), np.empty(length, np.int64)
        ends = np.empty(bars.close.size, np.int64)
        span_ms = (self.lookback + self.lookback // 16 - 1) * bars.interval_ms
        filled = _feed(self._past, self._tails, columns, span_ms, tape, times, ends)
        return tape[:filled], ends


def _plain(column: Floats) -> Floats:
    return np.require(column, np.float64, ("C", "W"))


@compiled
def _feed(
    past: Rows[PastRow], tails: _Tails, bars: _Columns, span_ms: int, tape: Singles, times: Ints, ends: Ints
) -> int:
    """Fill the tape from its start, note where each row's window ends, and return the tape's length."""
    lookback = tails.ts.shape[1]
    symbols = len(past)
    stop = 0
    for s in range(symbols):
        state, first = past[s], stop
        for k in range(state.held):
            _move(tails.rows[s, k], tape[stop])
            times[stop] = tails.ts[s, k]
            stop += 1
        for t in range(len(bars.ts)):
            ends[t * symbols + s] = NOWHERE
            if _take(state, bars, t, s, tape[stop]):
                times[stop] = bars.ts[t]
                start = stop - lookback + 1
                if start >= first and times[stop] - times[start] <= span_ms:
                    ends[t * symbols + s] = stop
                stop += 1
        state.held = min(stop - first, lookback)
        for k in range(state.held):
            _move(tape[stop - state.held + k], tails.rows[s, k])
            tails.ts[s, k] = times[stop - state.held + k]
    return stop


@inlined
def _move(source: Singles, target: Singles) -> None:
    for channel in range(len(CHANNELS)):
        target[channel] = source[channel]


@inlined
def _take(state: PastRow, bars: _Columns, t: int, s: int, row: Singles) -> bool:
    """Take one bar and write its channels; return whether it has any."""
    high, low, close, volume = bars.high[t, s], bars.low[t, s], bars.close[t, s], bars.volume[t, s]
    if not (usable(high, low, close) and 0.0 < bars.open[t, s] < inf and 0.0 <= volume < inf):
        return False
    before = state.close
    state.close = close
    if volume > 0.0:
        state.volume = log(volume)
    if before == 0.0:
        return False
    row[0] = log(close / before)
    row[1] = log(high / low)
    row[2] = (2.0 * close - high - low) / (high - low) if high > low else 0.0
    row[3] = state.volume
    return True
