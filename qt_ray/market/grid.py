"""Grid: series of one or many symbols laid on one clock.

A bar that is not there is NaN in every field; nothing is carried forward, repeated or interpolated.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qt_ray.market.bars import Bars, Floats, Ints

BAR_FIELDS = ("open", "high", "low", "close", "volume")


def on_grid(symbol: str, interval_ms: int, at: Ints, columns: Mapping[str, Floats]) -> Bars:
    """Return ascending rows as bars of one symbol, NaN in every row that is not there."""
    start = int(at[0])
    ts = start + np.arange((int(at[-1]) - start) // interval_ms + 1) * interval_ms
    cells = {
        name: placed(ts, interval_ms, at, column)[:, None]
        for name, column in columns.items()
        if name in (*BAR_FIELDS, "funding", "mark")
    }
    cells.setdefault("volume", np.full((len(ts), 1), math.nan))
    return Bars((symbol,), interval_ms, ts, **cells)


def aligned(each: Sequence[Bars]) -> Bars:
    """Return bars of one interval on the grid that spans them all; funding and marks are left out."""
    interval_ms = each[0].interval_ms
    start = min(int(bars.ts[0]) for bars in each)
    end = max(int(bars.ts[-1]) for bars in each)
    ts = start + np.arange((end - start) // interval_ms + 1) * interval_ms
    cells = {
        name: np.stack([placed(ts, interval_ms, bars.ts, getattr(bars, name)[:, 0]) for bars in each], 1)
        for name in BAR_FIELDS
    }
    return Bars(tuple(bars.symbols[0] for bars in each), interval_ms, ts, **cells)


def gathered(bars: Bars, each: Sequence[Bars], columns: Sequence[Floats | None]) -> Floats | None:
    """Return one column of cells for each symbol on the common grid, or None when no symbol has any."""
    if all(column is None for column in columns):
        return None
    cells = np.full((len(bars), len(each)), math.nan)
    for i, (one, column) in enumerate(zip(each, columns, strict=True)):
        if column is not None:
            cells[:, i] = placed(bars.ts, bars.interval_ms, one.ts, column)
    return cells


def placed(ts: Ints, interval_ms: int, at: Ints, values: Floats) -> Floats:
    """Return `values` at their times on the grid `ts`, NaN elsewhere; times off the range are left out."""
    cells = np.full(len(ts), math.nan)
    rows = (at - ts[0]) // interval_ms
    inside = (rows >= 0) & (rows < len(ts))
    cells[rows[inside]] = values[inside]
    return cells
