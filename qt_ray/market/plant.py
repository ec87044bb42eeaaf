"""Plant: the one thing about the synthetic future that its past gives away, and exactly how much.

Busy markets follow their momentum and quiet ones fade it, with a known probability. Generator and oracle read
the same finished bars through the same kernel, so the best achievable accuracy is a number, not an estimate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid
from qt_ray.core.records import F64, I64, Rows, empty
from qt_ray.market.bars import Bars

WINDOW_MAX = 1_000

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]


class PlantRow:
    """A plant as compiled code sees it."""

    strength: F64
    busy_ratio: F64
    momentum: I64
    busy: I64
    usual: I64
    warm_up: I64


@dataclass(frozen=True, slots=True)
class Plant:
    """How strongly, and by which past bars, the sign of the next return is given away.

    With probability `strength` the next bar goes the planted way, otherwise it is a fair coin. A market is
    busy while its mean volume over `busy_bars` exceeds `busy_ratio` of that over `usual_bars`; with no
    `busy_bars` it always is.
    """

    strength: float = 0.12
    momentum_bars: int = 10
    busy_bars: int = 10
    usual_bars: int = 60
    busy_ratio: float = 0.8

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise Invalid(f"plant: strength is from 0 to 1, was {self.strength}")
        if not 1 <= self.momentum_bars <= WINDOW_MAX:
            raise Invalid(f"plant: momentum_bars is from 1 to {WINDOW_MAX}, was {self.momentum_bars}")
        if not 0 <= self.busy_bars < self.usual_bars <= WINDOW_MAX:
            rule = f"0 <= busy_bars < usual_bars <= {WINDOW_MAX}"
            raise Invalid(f"plant: {rule}, was {self.busy_bars} and {self.usual_bars}")
        if not self.busy_ratio >= 0.0:
            raise Invalid(f"plant: busy_ratio is not negative, was {self.busy_ratio}")

    @property
    def warm_up(self) -> int:
        """Return how many finished bars the plant needs before it speaks."""
        return max(self.momentum_bars + 1, self.usual_bars if self.busy_bars else 0)

    def best_accuracy(self) -> float:
        """Return the accuracy no causal forecast of the next bar's sign can beat, where the plant speaks."""
        return (1.0 + self.strength) / 2.0

    def rows(self) -> NDArray[np.void]:
        """Return the plant as compiled code sees it."""
        rows = empty(PlantRow, 1)
        windows = (self.momentum_bars, self.busy_bars, self.usual_bars)
        rows[0] = (self.strength, self.busy_ratio, *windows, self.warm_up)
        return rows

    def direction(self, bars: Bars) -> Signs:
        """Return the planted sign of the bar after each bar; 0 where the plant says nothing."""
        signs = np.zeros(bars.close.shape, dtype=np.int8)
        close, volume = np.ascontiguousarray(bars.close), np.ascontiguousarray(bars.volume)
        _directions(self.rows(), close, volume, signs)
        return signs

    def oracle(self, bars: Bars) -> Floats:
        """Return the true probability that each next close is higher, from bars up to that row only."""
        return np.asarray(0.5 + 0.5 * self.strength * self.direction(bars), dtype=np.float64)


@inlined
def direction(plant: PlantRow, close: Floats, volume: Floats, row: int, column: int) -> int:
    """Return the planted sign of the bar after `row`; the caller grants that the windows are filled."""
    change = close[row, column] - close[row - plant.momentum, column]
    sign = 1 if change > 0.0 else (-1 if change < 0.0 else 0)
    if plant.busy == 0 or sign == 0:
        return sign
    recent = 0.0
    for back in range(plant.busy):
        recent += volume[row - back, column]
    total = recent
    for back in range(plant.busy, plant.usual):
        total += volume[row - back, column]
    if not total >= 0.0:
        return 0
    return sign if recent * plant.usual > plant.busy_ratio * total * plant.busy else -sign


@compiled
def _directions(plants: Rows[PlantRow], close: Floats, volume: Floats, signs: Signs) -> None:
    plant = plants[0]
    for row in range(plant.warm_up - 1, close.shape[0]):
        for column in range(close.shape[1]):
            signs[row, column] = direction(plant, close, volume, row, column)


def hits(forecast: Floats, bars: Bars) -> tuple[int, int]:
    """Return how often an up-probability was on the right side of one half, and how often it took a side."""
    moved = np.sign(np.diff(bars.close, axis=0))
    side = np.sign(forecast[:-1] - 0.5)
    spoke = (side != 0) & (moved != 0) & np.isfinite(moved)
    return int((spoke & (side == moved)).sum()), int(spoke.sum())
