"""Columns: one symbol's bars as they came, before and after the quality gate.

Unlike `Bars` these rows may be late, doubled or wrong; only the gate turns them into something to trade on.
Row order is the order of the source, so a finding can name the row a person will look for.
"""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Floats, Ints

FIELDS = ("open", "high", "low", "close", "volume", "funding", "mark")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one symbol, as a stream delivers it."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    funding: float = math.nan
    mark: float = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Open times in milliseconds UTC and what was reported; `volume` is None for marks and indices."""

    ts: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats | None = None
    funding: Floats | None = None
    mark: Floats | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            if column is not None and column.shape != self.ts.shape:
                raise Invalid(f"columns: {field.name} has {len(self.ts)} rows, had {len(column)}")

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def present(self) -> dict[str, Floats]:
        """Return the value columns this table has, by name."""
        return {name: column for name in FIELDS if (column := getattr(self, name)) is not None}

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Columns":
        """Return the chosen rows."""
        return replace(self, ts=self.ts[rows], **{name: column[rows] for name, column in self.present.items()})
