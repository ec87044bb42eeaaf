"""Recent: the last rows of a market that goes on, for readers that each keep their own place in it.

A reader names the open time of the last row that it has and is given what follows, the oldest first, so a reader that
was reborn needs nobody's help. What is older than the bound is gone for everybody alike.
"""

from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

import numpy as np

from qt_ray.market.bars import Bars, Floats

ROWS_MAX: Final = 1_500
PRICES: Final = ("open", "high", "low", "close", "volume")


class Recent:
    """The last `rows_max` rows, one `Bars` each."""

    def __init__(self, rows_max: int = ROWS_MAX) -> None:
        """Begin with none."""
        self._rows: deque[Bars] = deque(maxlen=rows_max)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def newest(self) -> Bars | None:
        """Return the last row."""
        return self._rows[-1] if self._rows else None

    def append(self, row: Bars) -> None:
        """Keep a row behind all others."""
        self._rows.append(row)

    def after(self, after_ms: int) -> Bars | None:
        """Return all rows that open after that moment, as one; nothing if there are none."""
        found = list(takewhile(lambda row: row.ts[0] > after_ms, reversed(self._rows)))
        return joined(found[::-1]) if found else None


def joined(parts: Sequence[Bars]) -> Bars:
    """Return rows of the same symbols one after another; a column that a part lacks is lacking in all."""
    first = parts[0]
    if len(parts) == 1:
        return first
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PRICES}
    ts = np.concatenate([part.ts for part in parts])
    funding, mark = (_joined([getattr(part, name) for part in parts]) for name in ("funding", "mark"))
    return Bars(first.symbols, first.interval_ms, ts, **columns, funding=funding, mark=mark)


def _joined(columns: Sequence[Floats | None]) -> Floats | None:
    present = [column for column in columns if column is not None]
    return np.concatenate(present) if len(present) == len(columns) else None
