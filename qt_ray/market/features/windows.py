"""Windows: rolling sums and extremes that never subtract, so they cannot drift.

Each time a ring is full, its bars are folded in place into sums from each bar to the end. The window is then
the front (bars since the fold) plus one folded cell: two additions a bar, an error of at most one window of
roundings, and no trace of a bar that has left. The fold falls on bar counts, so no cut of a stream matters.
"""

from qt_ray.core.compiled import inlined
from qt_ray.market.features.state import Floats


@inlined
def roll_sums(width: int, at: int, value: Floats, front: Floats, total: Floats, ring: Floats) -> int:
    """Take `value` in at place `at` of the ring and return the next place."""
    count = len(value)
    if at == 0:
        for q in range(count):
            front[q] = 0.0
    if at + 1 < width:
        for q in range(count):
            front[q] += value[q]
            total[q] = front[q] + ring[at + 1, q]
            ring[at, q] = value[q]
        return at + 1
    for q in range(count):
        front[q] += value[q]
        total[q] = front[q]
        ring[at, q] = value[q]
    for k in range(width - 2, -1, -1):
        for q in range(count):
            ring[k, q] += ring[k + 1, q]
    return 0


@inlined
def roll_peaks(width: int, at: int, value: Floats, front: Floats, total: Floats, ring: Floats) -> int:
    """Do the same for maxima."""
    count = len(value)
    if at == 0:
        for q in range(count):
            front[q] = value[q]
    if at + 1 < width:
        for q in range(count):
            front[q] = max(front[q], value[q])
            total[q] = max(front[q], ring[at + 1, q])
            ring[at, q] = value[q]
        return at + 1
    for q in range(count):
        front[q] = max(front[q], value[q])
        total[q] = front[q]
        ring[at, q] = value[q]
    for k in range(width - 2, -1, -1):
        for q in range(count):
            ring[k, q] = max(ring[k, q], ring[k + 1, q])
    return 0


@inlined
def ratio(above: float, below: float, neutral: float) -> float:
    """Return `above / below`, or `neutral` where nothing happened to divide by."""
    return above / below if below > 0.0 else neutral


@inlined
def spread(first: float, second: float, inverse: float) -> float:
    """Return the variance of a window from its two sums, zero when it is no more than rounding."""
    mean = first * inverse
    square = second * inverse
    variance = square - mean * mean
    return variance if variance > 1e-12 * square else 0.0
