"""Window: the recent bars of a fund and the features of the newest, however the bars came in.

A predictor that has just begun is shown all of it, one that is in step only the bar before the newest.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from qt_ray.ai.forecast import Floats
from qt_ray.engine.backtest import SCHEMA
from qt_ray.engine.columns import PRICES
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine

ROWS_MAX: Final = 1_500


class Window:
    """The last `rows_max` bars of `symbols`, and the features that `needs` names."""

    def __init__(
        self, symbols: tuple[str, ...], interval_ms: int, needs: tuple[str, ...], rows_max: int = ROWS_MAX
    ) -> None:
        self._rows_max, self._width = rows_max, len(symbols)
        self._engine = FeatureEngine(SCHEMA.subset(needs), symbols, interval_ms) if needs else None
        self._bars: Bars | None = None

    def push(self, bars: Bars) -> Floats:
        """Take bars in, the oldest first, and return the features of each."""
        self._bars = bars if self._bars is None else joined(self._bars, bars)
        self._bars = self._bars.window(max(len(self._bars) - self._rows_max, 0), len(self._bars))
        return self._engine.block(bars) if self._engine else np.zeros((len(bars), self._width, 0))

    def past(self, whole: bool) -> Bars | None:
        """Return the bars before the newest: all that are held, or the last of them."""
        bars = self._bars
        if bars is None or len(bars) < 2:
            return None
        return bars.window(0 if whole else len(bars) - 2, len(bars) - 1)


def joined(before: Bars, after: Bars) -> Bars:
    """Return bars and what came after them; a column that only one of them has is unknown in the other."""
    columns: dict[str, Any] = {}
    for name in PRICES:
        parts = [getattr(before, name), getattr(after, name)]
        if all(part is None for part in parts):
            columns[name] = None
            continue
        blank = [np.full(bars.close.shape, np.nan) for bars in (before, after)]
        columns[name] = np.concatenate([b if part is None else part for part, b in zip(parts, blank, strict=True)])
    ts: Any = np.concatenate([before.ts, after.ts])
    return replace(before, ts=ts, **columns)
