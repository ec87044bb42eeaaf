"""Bars: what the market did, as columns of time by symbol.

A missing bar is NaN in every field of its cell, never a repeated or invented price. `ts` is the open
time of the bar in milliseconds UTC, strictly ascending on a fixed grid; a bar is known at `ts + interval_ms`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Columns `[time, symbol]`; `funding` is NaN except on the bar that opens with a settlement."""

    symbols: tuple[str, ...]
    interval_ms: int
    ts: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    funding: Floats | None = None
    mark: Floats | None = None

    def __post_init__(self) -> None:
        shape = (len(self.ts), len(self.symbols))
        for name in ("open", "high", "low", "close", "volume", "funding", "mark"):
            column = getattr(self, name)
            if column is not None and column.shape != shape:
                raise Invalid(f"bars: column {name} has shape {shape}, was {column.shape}")
        if self.interval_ms <= 0:
            raise Invalid(f"bars: interval_ms is positive, was {self.interval_ms}")
        if len(self.ts) > 1 and not (np.diff(self.ts) > 0).all():
            row = int(np.argmax(np.diff(self.ts) <= 0)) + 1
            raise Invalid(f"bars: open times ascend, row {row} does not")

    def __len__(self) -> int:
        return len(self.ts)

    def window(self, start: int, stop: int) -> "Bars":
        """Return rows `start` to `stop` as views on the same memory."""
        cut = slice(start, stop)
        return Bars(
            symbols=self.symbols,
            interval_ms=self.interval_ms,
            ts=self.ts[cut],
            open=self.open[cut],
            high=self.high[cut],
            low=self.low[cut],
            close=self.close[cut],
            volume=self.volume[cut],
            funding=None if self.funding is None else self.funding[cut],
            mark=None if self.mark is None else self.mark[cut],
        )

    def blocks(self, size: int) -> Iterator["Bars"]:
        """Yield consecutive windows of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self.window(start, min(start + size, len(self)))

    def digest(self) -> str:
        """Return the SHA-256 of symbols, grid and every column, independent of how they were loaded."""
        state = sha256(repr((self.symbols, self.interval_ms)).encode())
        for name in ("ts", "open", "high", "low", "close", "volume", "funding", "mark"):
            column = getattr(self, name)
            state.update(name.encode())
            if column is not None:
                state.update(np.ascontiguousarray(column).view(np.uint8).data)
        return state.hexdigest()
