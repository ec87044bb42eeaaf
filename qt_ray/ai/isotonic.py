"""Isotonic: from a model's score to a probability, by what happened at such scores. A higher score never means less.

Neighbours out of order are pooled until none are; a pool becomes one knot at its centre, with straight lines between,
so two scores of one pool are still told apart. Certainty is never reached: every knot keeps off 0 and 1.
"""

from dataclasses import dataclass

import numpy as np

from qt_ray.ai.members.member import Floats, Ints
from qt_ray.core.compiled import compiled
from qt_ray.core.errors import Invalid

KNOTS_MAX = 64
ROWS_MIN = 100
BLOCK_ROWS_MIN = 20
FLOOR = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A monotone map from score to probability: knots, straight lines between them, level beyond them."""

    x: Floats
    y: Floats

    def __post_init__(self) -> None:
        if not (1 <= len(self.x) <= KNOTS_MAX and self.x.shape == self.y.shape):
            raise Invalid(f"calibration: knots are 1 to {KNOTS_MAX} pairs, were {len(self.x)} and {len(self.y)}")
        if not (np.isfinite(self.x).all() and (np.diff(self.x) > 0.0).all()):
            raise Invalid("calibration: knots ascend in score, and did not")
        if not ((self.y > 0.0) & (self.y < 1.0)).all() or (np.diff(self.y) < 0.0).any():
            raise Invalid("calibration: probabilities never fall and lie in (0, 1), and did not")

    def apply(self, scores: Floats) -> Floats:
        """Return the probability of each score; NaN stays NaN."""
        flat = np.ascontiguousarray(scores, np.float64)
        out = np.empty_like(flat)
        _interpolate(self.x, self.y, flat.reshape(-1), out.reshape(-1))
        return out


def fit(
    scores: Floats,
    outcomes: Floats,
    weights: Floats | None = None,
    floor: float = FLOOR,
    block_rows_min: int = BLOCK_ROWS_MIN,
) -> Calibration:
    """Learn the map from scores and outcomes of 0 or 1; rows without either are left out."""
    if not 0.0 < floor < 0.5:
        raise Invalid(f"calibration: floor is inside (0, 0.5), was {floor}")
    known = np.isfinite(scores) & np.isfinite(outcomes)
    weight = np.ones(known.sum()) if weights is None else np.asarray(weights, np.float64)[known]
    score, outcome = np.asarray(scores, np.float64)[known], np.asarray(outcomes, np.float64)[known]
    _check(score, outcome, weight)
    x, place, rows = np.unique(score, return_inverse=True, return_counts=True)
    mass = _sums(place, weight)
    mean = _sums(place, weight * outcome) / mass
    _, pools = pool(mean, mass)
    knot = _knots(_sums(pools, rows), max(block_rows_min, -(-len(score) // KNOTS_MAX)))[pools]
    total = _sums(knot, mass)
    first = np.searchsorted(knot, np.arange(len(total)))
    last = np.append(first[1:], len(x)) - 1
    # Rounding may not carry a centre out of the scores it is the centre of, or knots could meet.
    centre = np.clip(_sums(knot, mass * x) / total, x[first], x[last])
    height = np.clip(_sums(knot, mass * mean) / total, floor, 1.0 - floor)
    return Calibration(centre, np.maximum.accumulate(height))


def pool(values: Floats, weights: Floats) -> tuple[Floats, Ints]:
    """Return the nearest values that never fall, in weighted squares, and the number of the pool each is in."""
    fitted, pools = np.empty(len(values)), np.empty(len(values), np.int64)
    _pool(values, weights, np.empty((len(values), 2)), np.empty_like(pools), fitted, pools)
    return fitted, pools


def _check(score: Floats, outcome: Floats, weight: Floats) -> None:
    if len(score) < ROWS_MIN:
        raise Invalid(f"calibration: at least {ROWS_MIN} rows have score and outcome, were {len(score)}")
    if not ((outcome == 0.0) | (outcome == 1.0)).all() or outcome.min() == outcome.max():
        raise Invalid(f"calibration: outcomes are 0 and 1, were {outcome.min():g} to {outcome.max():g}")
    if score.min() == score.max():
        raise Invalid(f"calibration: scores differ, all were {score[0]:g}")
    if not (np.isfinite(weight) & (weight > 0.0)).all():
        raise Invalid("calibration: weights are finite and above 0, and were not")


def _sums(place: Ints, values: Floats | Ints) -> Floats:
    return np.asarray(np.bincount(place, values), np.float64)


def _knots(rows: Floats, least: int) -> Ints:
    """Return the knot of each pool: neighbours join until a knot stands for `least` rows, the rest join the last."""
    knots, number, held = np.empty(len(rows), np.int64), 0, 0.0
    left = np.cumsum(rows[::-1])[::-1]
    for at, count in enumerate(rows):
        if held >= least and left[at] >= least:
            number, held = number + 1, 0.0
        knots[at] = number
        held += count
    return knots


@compiled
def _pool(values: Floats, weights: Floats, stack: Floats, first: Ints, fitted: Floats, pools: Ints) -> None:
    """Pool adjacent violators; `stack` holds level and weight of the pools so far, `first` where each begins."""
    top = -1
    for i in range(len(values)):
        top += 1
        stack[top, 0] = values[i]
        stack[top, 1] = weights[i]
        first[top] = i
        while top > 0 and stack[top - 1, 0] >= stack[top, 0]:
            mass = stack[top - 1, 1] + stack[top, 1]
            stack[top - 1, 0] += (stack[top, 0] - stack[top - 1, 0]) * (stack[top, 1] / mass)
            stack[top - 1, 1] = mass
            top -= 1
    stop = len(values)
    for number in range(top, -1, -1):
        for i in range(first[number], stop):
            fitted[i] = stack[number, 0]
            pools[i] = number
        stop = first[number]


@compiled
def _interpolate(x: Floats, y: Floats, scores: Floats, out: Floats) -> None:
    last = len(x) - 1
    for i in range(len(scores)):
        score = scores[i]
        if not x[0] < score < x[last]:
            out[i] = score if score != score else (y[0] if score <= x[0] else y[last])
            continue
        at = np.searchsorted(x, score, side="right") - 1
        slope = (y[at + 1] - y[at]) / (x[at + 1] - x[at])
        # The upper bound is against rounding: a higher score never means less.
        out[i] = min(y[at] + slope * (score - x[at]), y[at + 1])
