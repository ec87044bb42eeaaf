"""Aggregation: trades into bars, bars into coarser bars, one fold for streams and blocks.

Groups are aligned to UTC. A coarse bar exists only if every bar it is made of exists; a part of a group is
NaN, never a guess. Funding is kept whatever the price does: the rates of all settlements in a bar are summed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid
from qt_ray.core.records import F64, I64, empty
from qt_ray.market.bars import Bars, Floats, Ints
from qt_ray.market.columns import Bar

OPEN, HIGH, LOW, CLOSE, VOLUME, FUNDING, MARK = range(7)
CELLS = 7
JITTER_MS = 60_000


class GroupRow:
    """A coarse bar in the making; `seen` counts its parts, `broken` the parts that were missing."""

    ts: I64
    seen: I64
    broken: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    funding: F64
    mark: F64


@inlined
def begin(group: GroupRow, ts: int) -> None:
    """Start the group that opens at `ts`."""
    group.ts = ts
    group.seen = 0
    group.broken = 0
    group.open = group.high = group.low = group.close = math.nan
    group.volume = 0.0
    group.funding = group.mark = math.nan


@inlined
def fold(
    group: GroupRow,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    funding: float,
    mark: float,
) -> None:
    """Add one part, which must not be older than the parts before it."""
    if not math.isnan(funding):
        group.funding = funding if math.isnan(group.funding) else group.funding + funding
    group.mark = mark
    if math.isnan(close):
        group.broken += 1
        return
    if group.seen == 0:
        group.open, group.high, group.low = open_, high, low
    group.high = max(group.high, high)
    group.low = min(group.low, low)
    group.close = close
    group.volume += volume
    group.seen += 1


@inlined
def emit(group: GroupRow, parts: int, out: Floats) -> None:
    """Write the finished group; with `parts` above zero all of them must have been seen."""
    whole = group.seen > 0 and group.broken == 0 and (parts == 0 or group.seen == parts)
    out[0] = group.open if whole else math.nan
    out[1] = group.high if whole else math.nan
    out[2] = group.low if whole else math.nan
    out[3] = group.close if whole else math.nan
    out[4] = group.volume if whole else math.nan
    out[5] = group.funding
    out[6] = group.mark if whole else math.nan


@compiled
def fold_rows(group: GroupRow, ts: Ints, cells: Floats, interval_ms: int, parts: int, out: Floats) -> None:
    """Fold ascending rows of cells into `out`, one row for each group from the first to the last."""
    first = ts[0] - ts[0] % interval_ms
    begin(group, first)
    for i in range(len(ts)):
        opens = ts[i] - ts[i] % interval_ms
        if opens != group.ts:
            emit(group, parts, out[(group.ts - first) // interval_ms])
            begin(group, opens)
        row = cells[i]
        fold(group, row[0], row[1], row[2], row[3], row[4], row[5], row[6])
    emit(group, parts, out[(group.ts - first) // interval_ms])


@compiled
def fold_bar(group: GroupRow, ts: int, cells: Floats, interval_ms: int, parts: int, out: Floats) -> bool:
    """Fold one newer row; return whether it closed the group before it, now in `out`."""
    opens = ts - ts % interval_ms
    closed = group.ts >= 0 and opens != group.ts
    if closed:
        emit(group, parts, out)
    if opens != group.ts:
        begin(group, opens)
    fold(group, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6])
    return closed


def coarsen(bars: Bars, interval_ms: int) -> Bars:
    """Return `bars` on a coarser grid; a group with a missing or absent part is NaN."""
    parts = _parts(bars.interval_ms, interval_ms)
    if len(bars) == 0:
        raise Invalid("aggregate: bars to coarsen have at least one row")
    first, last = int(bars.ts[0] // interval_ms), int(bars.ts[-1] // interval_ms)
    out = np.full((len(bars.symbols), last - first + 1, CELLS), np.nan)
    group: Any = empty(GroupRow, 1)[0]
    for symbol in range(len(bars.symbols)):
        cells = _cells(len(bars))
        for cell, name in enumerate(("open", "high", "low", "close", "volume", "funding", "mark")):
            column = getattr(bars, name)
            if column is not None:
                cells[:, cell] = column[:, symbol]
        fold_rows(group, bars.ts, cells, interval_ms, parts, out[symbol])
    columns = [np.ascontiguousarray(out[:, :, cell].T) for cell in range(CELLS)]
    ts = (first + np.arange(last - first + 1)) * interval_ms
    open_, high, low, close, volume, funding, mark = columns
    return Bars(
        bars.symbols,
        interval_ms,
        ts,
        open_,
        high,
        low,
        close,
        volume,
        None if bars.funding is None else funding,
        None if bars.mark is None else mark,
    )


def bars_from_trades(symbol: str, ts: Ints, price: Floats, quantity: Floats, interval_ms: int) -> Bars:
    """Return the bars of ascending trades; an interval without a trade is a missing bar."""
    if len(ts) == 0:
        raise Invalid(f"{symbol}: bars need at least one trade")
    if (np.diff(ts) < 0).any():
        row = int(np.argmax(np.diff(ts) < 0)) + 2
        raise Invalid(f"{symbol}: trades ascend in time, row {row} does not")
    cells = _cells(len(ts))
    cells[:, OPEN:VOLUME] = price[:, None]
    cells[:, VOLUME] = quantity
    first, last = int(ts[0] // interval_ms), int(ts[-1] // interval_ms)
    out = np.full((last - first + 1, CELLS), np.nan)
    group: Any = empty(GroupRow, 1)[0]
    fold_rows(group, ts, cells, interval_ms, 0, out)
    columns = [out[:, cell : cell + 1].copy() for cell in range(FUNDING)]
    return Bars((symbol,), interval_ms, (first + np.arange(len(out))) * interval_ms, *columns)


def settle(open_times: Ints, interval_ms: int, ts: Ints, rates: Floats) -> Floats:
    """Return funding for each bar from settlement times, which are off by some milliseconds.

    Times are rounded to the minute. A settlement belongs to the bar it falls into; several in one bar add up.
    """
    funding = np.full(len(open_times), np.nan)
    if len(open_times) == 0:
        return funding
    grain = min(JITTER_MS, interval_ms)
    opens = (ts + grain // 2) // grain * grain // interval_ms * interval_ms
    at = np.searchsorted(open_times, opens)
    inside = (at < len(open_times)) & (open_times[np.minimum(at, len(open_times) - 1)] == opens)
    inside &= np.isfinite(rates)
    sums = np.zeros(len(open_times))
    np.add.at(sums, at[inside], rates[inside])
    funding[at[inside]] = sums[at[inside]]
    return funding


@dataclass(frozen=True, slots=True)
class _Pace:
    interval_ms: int
    parts: int


class BarBuilder:
    """The same fold for a stream: bars or trades go in, a coarse bar comes out when the next begins."""

    def __init__(self, interval_ms: int, part_ms: int | None = None) -> None:
        """Build bars of `interval_ms` from bars of `part_ms`, or from trades."""
        if interval_ms <= 0:
            raise Invalid(f"aggregate: interval_ms is positive, was {interval_ms}")
        self._pace = _Pace(interval_ms, 0 if part_ms is None else _parts(part_ms, interval_ms))
        self._group: Any = empty(GroupRow, 1)
        self._group["ts"] = -1
        self._newest = -1
        self._cells, self._out = np.full(CELLS, np.nan), np.full(CELLS, np.nan)
        self.late = 0

    def trade(self, ts: int, price: float, quantity: float) -> Bar | None:
        """Add a trade; return the bar it closes, if any. An older one than the last counts as late."""
        return self._push(ts, (price, price, price, price, quantity, math.nan, math.nan))

    def bar(self, bar: Bar) -> Bar | None:
        """Add a finer bar; return the coarse bar it closes, if any."""
        cells = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.funding, bar.mark)
        return self._push(bar.ts, cells)

    def close(self) -> Bar | None:
        """Return the bar in the making as it would close now, without ending it."""
        if self._group["ts"][0] < 0:
            return None
        emit(self._group[0], self._pace.parts, self._out)
        return self._told(int(self._group["ts"][0]))

    def _push(self, ts: int, cells: tuple[float, ...]) -> Bar | None:
        if ts < self._newest:
            self.late += 1
            return None
        self._newest = ts
        self._cells[:] = cells
        opened = int(self._group["ts"][0])
        closed = fold_bar(self._group[0], ts, self._cells, self._pace.interval_ms, self._pace.parts, self._out)
        return self._told(opened) if closed else None

    def _told(self, ts: int) -> Bar:
        return Bar(ts, *map(float, self._out))


def _cells(rows: int) -> NDArray[np.float64]:
    return np.full((rows, CELLS), np.nan)


def _parts(part_ms: int, interval_ms: int) -> int:
    if part_ms <= 0 or interval_ms <= 0 or interval_ms % part_ms != 0:
        raise Invalid(f"aggregate: an interval is a whole number of parts, was {interval_ms} ms of {part_ms} ms")
    return interval_ms // part_ms
