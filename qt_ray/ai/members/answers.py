"""Answers: the six numbers of a network, put in order, and the reasons why some of them are not an opinion.

A network says a logit, a median and four distances from it. Distances cannot be negative, so quantiles cannot cross,
whatever the weights are.
"""

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.activations import logistic, softplus
from qt_ray.ai.members.member import Bounds, Floats, Ints, Opinions, Silence, Singles
from qt_ray.core.compiled import compiled, inlined

# A logit and five quantiles.
ANSWERS = 6


@inlined
def fan(said: Singles, unit: float, out: Singles) -> None:
    """Write the logit and five quantiles in units of return; `unit` is the return that a distance of one stands for.

    What was said is a logit, a median, the distances down to the next quantile and the last, and the same two upward.
    """
    median = np.float64(said[1])
    low = median - softplus(said[2])
    high = median + softplus(said[4])
    out[0] = said[0]
    out[1] = (low - softplus(said[3])) * unit
    out[2] = low * unit
    out[3] = median * unit
    out[4] = high * unit
    out[5] = (high + softplus(said[5])) * unit


@compiled
def speak(out: Singles, silence: NDArray[np.uint8], up: Floats, quantiles: Floats) -> None:
    """Write P(up) and the quantiles of every row that is not silent, NaN for the others."""
    for n in range(out.shape[0]):
        spoke = silence[n] == 0
        up[n] = logistic(np.float64(out[n, 0])) if spoke else np.nan
        for k in range(quantiles.shape[1]):
            quantiles[n, k] = out[n, 1 + k] if spoke else np.nan


def opinions(out: Singles, stats: Singles, ends: Ints, lookback: int, bounds: Bounds | None) -> Opinions:
    """Return what a network's rows amount to; `bounds` judges the statistics of the windows that were understood."""
    silence = np.zeros(len(ends), np.uint8)
    silence[~np.isfinite(out).all(axis=1)] = Silence.NOT_FINITE
    silence[ends < lookback - 1] = Silence.HISTORY
    if bounds is not None:
        spoke = np.flatnonzero(silence == Silence.SPOKE)
        silence[spoke[bounds.outside(stats[spoke])]] = Silence.OUT_OF_DISTRIBUTION
    up = np.empty(len(ends))
    quantiles = np.empty((len(ends), ANSWERS - 1))
    speak(out, silence, up, quantiles)
    return Opinions(up, silence, quantiles)
