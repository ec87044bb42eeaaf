"""Columns: arrays as text that a journal can keep, to the last bit and with their gaps.

JSON knows no NaN, and a price written in decimals must be read back to prove itself; the bytes as they lie are the
canonical form of an array, here as base64 beside its name.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars

PRICES: Final = ("open", "high", "low", "close", "volume", "funding", "mark")


def spelled(array: NDArray[Any]) -> str:
    """Return the bytes of an array as text."""
    return b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def read(text: str, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array that text spells, of that kind and shape, ours to write."""
    try:
        data = b64decode(text, validate=True)
        return np.frombuffer(data, np.dtype(kind)).reshape(shape).copy()
    except (Error, ValueError) as error:
        raise Invalid(f"a column of {shape} is the bytes of {np.dtype(kind)}, {error}") from error


@dataclass(frozen=True, slots=True)
class Rows:
    """Bars without what every bar of a fund shares: open times, and the columns that there are."""

    ts: tuple[int, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(bars: Bars) -> "Rows":
        """Return bars as they are kept."""
        columns = {name: spelled(column) for name in PRICES if (column := getattr(bars, name)) is not None}
        return Rows(tuple(map(int, bars.ts)), columns)

    def bars(self, symbols: tuple[str, ...], interval_ms: int) -> Bars:
        """Return the bars of these symbols."""
        shape = (len(self.ts), len(symbols))
        found: dict[str, Any] = {name: read(text, "<f8", shape) for name, text in self.columns.items()}
        if missing := set(PRICES[:5]) - found.keys():
            raise Invalid(f"bars: a column {min(missing)}, was missing")
        return Bars(symbols, interval_ms, np.array(self.ts, np.int64), **found)
