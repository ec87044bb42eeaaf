"""Normal: the bell curve's areas, and where a given area ends, exact far out in its tails.

One less a probability forgets what is small, so whoever asks for the chance of something rare asks for `above`.
"""

from math import copysign, erfc, isfinite, log1p, sqrt
from statistics import NormalDist
from typing import Final

from qt_ray.core.errors import Invalid

STANDARD: Final = NormalDist()


def above(z: float) -> float:
    """Return the chance of more than `z`."""
    return 0.5 * erfc(z / sqrt(2.0))


def below(z: float) -> float:
    """Return the chance of less than `z`."""
    return above(-z)


def quantile(chance: float) -> float:
    """Return what is exceeded with all but this chance."""
    if not 0.0 < chance < 1.0:
        raise Invalid(f"a chance with a quantile is between 0 and 1, was {chance}")
    return STANDARD.inv_cdf(chance)


def as_normal(t: float, freedom: int) -> float:
    """Return what is as rare in a normal as Student's `t` is among his, by Wallace's formula of 1959.

    A handful of blocks makes large ratios by itself. From ten degrees on the formula errs by less than 0.005.
    """
    if freedom < 1 or not isfinite(t):
        raise Invalid(f"a ratio of Student's is finite and has a degree of freedom, was {t} with {freedom}")
    return copysign(sqrt(freedom * log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3), t)
