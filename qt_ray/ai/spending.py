"""Spending: how sure each look at a running trial must be, so that all looks together err no more than one would.

Lan and DeMets' way: a curve says how much of the permitted error may be spent by a given share of the information, and
O'Brien and Fleming's curve spends nearly nothing early, so that the last look costs little more than a single one. A
bound is found by carrying the density of what has not stopped yet from look to look. Looks are foreseen, not chosen.
"""

from functools import lru_cache
from itertools import pairwise
from math import erfc, pi, sqrt
from typing import Final

import numpy as np

from qt_ray.ai.members.member import Floats
from qt_ray.ai.normal import above, quantile
from qt_ray.core.errors import Invalid

ALPHA_MAX: Final = 0.5
LOOKS_MAX: Final = 64
PLANS_KEPT: Final = 64
# The path of a trial at full information has a deviation of 1: beyond these nothing is left to count.
LOWEST, HIGHEST = -8.0, 12.0
POINTS: Final = 401
HALVINGS: Final = 50


def spent(alpha: float, fraction: float) -> float:
    """Return how much of `alpha` may be spent once this share of the information is in."""
    return 2.0 * above(quantile(1.0 - alpha / 2.0) / sqrt(fraction))


@lru_cache(PLANS_KEPT)
def bounds(alpha: float, fractions: tuple[float, ...]) -> tuple[float, ...]:
    """Return the standard score each look must reach; a trial of no effect ever reaches one with chance `alpha`."""
    _check(alpha, fractions)
    first = fractions[0]
    found = [-quantile(spent(alpha, first))]
    places = np.linspace(LOWEST, found[0] * sqrt(first), POINTS)
    mass = _bell(places / sqrt(first)) / sqrt(first) * _weights(places)
    for before, now in pairwise(fractions):
        step = sqrt(now - before)
        edge = _edge(places, mass, step, spent(alpha, now) - spent(alpha, before))
        found.append(edge / sqrt(now))
        ahead = np.linspace(LOWEST, edge, POINTS)
        mass = _bell((ahead[:, None] - places) / step) @ mass / step * _weights(ahead)
        places = ahead
    return tuple(found)


def _check(alpha: float, fractions: tuple[float, ...]) -> None:
    if not 0.0 < alpha < ALPHA_MAX:
        raise Invalid(f"alpha: between 0 and {ALPHA_MAX}, was {alpha}")
    if not 1 <= len(fractions) <= LOOKS_MAX:
        raise Invalid(f"fractions: 1 to {LOOKS_MAX} looks, was {len(fractions)}")
    if not fractions[0] > 0.0 or fractions[-1] != 1.0 or any(now <= before for before, now in pairwise(fractions)):
        raise Invalid(f"fractions: rising from above 0 to 1, was {fractions}")


def _edge(places: Floats, mass: Floats, step: float, cost: float) -> float:
    """Return beyond which place the next look finds a share `cost` of all paths."""
    low, high = LOWEST, HIGHEST
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        beyond = np.array([0.5 * erfc(distance) for distance in (middle - places) / (step * sqrt(2.0))])
        low, high = (middle, high) if float(mass @ beyond) > cost else (low, middle)
    return high


def _bell(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / sqrt(2.0 * pi), np.float64)


def _weights(places: Floats) -> Floats:
    """Return Simpson's weights of evenly spaced places, an odd number of them."""
    weights = np.full(len(places), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * (float(places[1] - places[0]) / 3.0)
