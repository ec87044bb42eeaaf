"""Splices: the bar from which a file goes on with another market's numbers.

A tail of spot bars in a futures file breaks no rule by itself. It betrays itself where the two are joined,
by three signs: the open misses the last close, volume changes its scale, prices change their precision. Two
of the three at one bar, or a leap no market makes, are called a suspicion and never more.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.market.bars import Floats, Ints
from qt_ray.market.columns import Columns
from qt_ray.market.quality_rules import Limits

SEAM_FACTOR = 5.0
VOLUME_WIDTHS = 6
SEAM_MIN = 5e-5
DECIMALS_MAX = 8
CANDIDATES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Splice:
    """A suspected joint: its row among the clean rows, and the signs in words."""

    row: int
    evidence: str


def decimals(prices: Floats) -> NDArray[np.int64]:
    """Return how many decimals each price needs, at most eight."""
    needed = np.full(prices.shape, DECIMALS_MAX, np.int64)
    for count in range(DECIMALS_MAX - 1, -1, -1):
        scaled = prices * 10.0**count
        needed[np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-7, scaled * 1e-13)] = count
    return needed


def splices(table: Columns, interval_ms: int, limits: Limits) -> list[Splice]:
    """Return suspected joints, at least a window apart."""
    width = limits.splice_bars
    if len(table) < 2 * width:
        return []
    seams = np.abs(np.log(table.open[1:] / table.close[:-1]))
    seams[np.diff(table.ts) != interval_ms] = 0.0
    places = np.maximum(decimals(table.close), decimals(table.open))
    found: list[Splice] = []
    for row in _candidates(seams, places, limits):
        if found and row - found[-1].row < width:
            continue
        evidence = _evidence(table, seams, places, int(row), limits)
        if evidence:
            found.append(Splice(int(row), evidence))
    return found


def _candidates(seams: Floats, places: NDArray[np.int64], limits: Limits) -> Ints:
    """Return rows worth a closer look: the largest seams, oldest first."""
    floor = max(SEAM_MIN, 3.0 * float(np.quantile(seams, 0.99)))
    rows = np.flatnonzero(seams > min(floor, limits.move_unwarmed)) + 1
    if len(rows) > CANDIDATES_MAX:
        rows = np.sort(rows[np.argsort(seams[rows - 1])[-CANDIDATES_MAX:]])
    return np.asarray(rows[(rows > 0) & (rows < len(places))], np.int64)


def _evidence(table: Columns, seams: Floats, places: NDArray[np.int64], row: int, limits: Limits) -> str:
    """Return the signs of a joint before `row` in words, empty when they do not suffice."""
    width = limits.splice_bars
    if min(row, len(table) - row) < width // 2:
        return ""
    signs = []
    seam = float(seams[row - 1])
    around = np.delete(seams[max(row - 1 - width, 0) : row - 1 + width], min(width, row - 1))
    if seam > max(SEAM_MIN, SEAM_FACTOR * float(around.max())):
        signs.append(f"open misses the last close by {seam:.3%}")
    if table.volume is not None:
        reach = VOLUME_WIDTHS * width
        shift = _volume_shift(table.volume[max(row - reach, 0) : row], table.volume[row : row + reach])
        if shift > math.log(limits.splice_volume_ratio):
            signs.append(f"volume scale changes {math.exp(shift):.1f} times")
    old, new = places[max(row - width, 0) : row], places[row : row + width]
    if old.max() < np.median(new) or new.max() < np.median(old):
        signs.append(f"prices go from {int(np.median(old))} to {int(np.median(new))} decimals")
    if seam > limits.move_unwarmed and not signs:
        signs.append(f"open misses the last close by {seam:.1%}")
    return "; ".join(signs) if len(signs) >= 2 or seam > limits.move_unwarmed else ""


def _volume_shift(old: Floats, new: Floats) -> float:
    """Return the change of the median log volume, zero when either side hardly traded."""
    old, new = old[old > 0], new[new > 0]
    if len(old) < 8 or len(new) < 8:
        return 0.0
    return abs(float(np.median(np.log(new))) - float(np.median(np.log(old))))
