"""N-HITS forward: one window at a time through blocks that each explain a part of it and pass on the rest.

A window is read from its newest bar back, as the reference reads it, so that a last pooling cell with fewer bars holds
the oldest. Statistics are summed in double precision; everything after them is in single, as it was trained.
"""

import math

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.dense import dense, rectify
from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.core.compiled import compiled, inlined

# A channel that moves less does not move; it is far below any tick in units of a log return.
SIGMA_MIN = 1e-8

# What a forecast consists of, before and after it is put in order: a logit and five quantiles.
OUTPUTS = 6


@inlined
def standardise(tape: Singles, end: int, series: Singles, stats: Singles) -> float:
    """Write the window that ends with `end`, newest first, in units of its own spread; return the return's spread.

    `series` is `[channel, bar]`; `stats` becomes the means and then the standard deviations of the channels.
    """
    channels, bars = series.shape
    sigma = 0.0
    for c in range(channels):
        mean = 0.0
        for i in range(bars):
            mean += float(tape[end - i, c])
        mean /= bars
        variance = 0.0
        for i in range(bars):
            variance += (float(tape[end - i, c]) - mean) ** 2
        spread = math.sqrt(variance / bars)
        stats[c], stats[channels + c] = mean, spread
        spread = spread if not spread < SIGMA_MIN else SIGMA_MIN
        for i in range(bars):
            series[c, i] = (float(tape[end - i, c]) - mean) / spread
        sigma = spread if c == 0 else sigma
    return sigma


@inlined
def pool(series: Singles, size: int, pooled: Singles) -> None:
    """Write the largest of every `size` bars, channel after channel, into the one row of `pooled`."""
    channels, bars = series.shape
    at = 0
    for c in range(channels):
        for start in range(0, bars, size):
            largest = series[c, start]
            for i in range(start + 1, min(start + size, bars)):
                largest = series[c, i] if series[c, i] > largest else largest
            pooled[0, at] = largest
            at += 1


@inlined
def explain(theta: Singles, knots: int, residual: Singles) -> None:
    """Subtract the line through the first `knots` of `theta`, each at the middle of its share of the bars."""
    bars = residual.shape[0]
    for i in range(bars):
        place = max((i + 0.5) * knots / bars - 0.5, 0.0)
        left = int(place)
        right = min(left + 1, knots - 1)
        share = np.float32(place - left)
        residual[i] -= (np.float32(1.0) - share) * theta[0, left] + share * theta[0, right]


@inlined
def softplus(x: float) -> float:
    """Return log(1 + exp(x)) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@inlined
def order(row: Singles, unit: float) -> None:
    """Turn a median and four distances, in units of the window's spread, into five quantiles that cannot cross."""
    middle = np.float64(row[1])
    below = middle - softplus(np.float64(row[2]))
    lowest = below - softplus(np.float64(row[3]))
    above = middle + softplus(np.float64(row[4]))
    highest = above + softplus(np.float64(row[5]))
    row[1], row[2], row[3], row[4], row[5] = lowest * unit, below * unit, middle * unit, above * unit, highest * unit


@compiled
def forward(
    tape: Singles,
    ends: Ints,
    root: float,
    pools: Ints,
    knots: Ints,
    weights: tuple[Singles, ...],
    biases: tuple[Singles, ...],
    series: Singles,
    pooled: Singles,
    hidden: Singles,
    theta: Singles,
    out: Singles,
    stats: Singles,
) -> None:
    """Write a logit and five quantiles, and the window's statistics, for every row; NaN where history is short.

    A block has one entry of `pools` and `knots`, and as many matrices in a row as every other. A quantile is at the
    horizon, the last point of the block's path, which is its last knot; `root` is the horizon's square root.
    """
    blocks, bars = pools.shape[0], series.shape[1]
    layers = len(weights) // blocks
    for n in range(ends.shape[0]):
        if ends[n] < bars - 1:
            out[n, :] = np.nan
            stats[n, :] = np.nan
            continue
        sigma = standardise(tape, ends[n], series, stats[n])
        out[n, :] = 0.0
        for block in range(blocks):
            first = block * layers
            pool(series, pools[block], pooled)
            dense(pooled, weights[first], biases[first], hidden[0])
            rectify(hidden[0])
            for layer in range(1, layers - 1):
                now = layer % 2
                dense(hidden[1 - now], weights[first + layer], biases[first + layer], hidden[now])
                rectify(hidden[now])
            last = first + layers - 1
            dense(hidden[layers % 2], weights[last], biases[last], theta)
            explain(theta, knots[block], series[0])
            for k in range(OUTPUTS):
                out[n, k] += theta[0, knots[block] + k]
        order(out[n], sigma * root)


@inlined
def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)) without overflow."""
    small = math.exp(-abs(x))
    return (1.0 if x >= 0.0 else small) / (1.0 + small)


@compiled
def speak(out: Singles, silence: NDArray[np.uint8], up: Floats, quantiles: Floats) -> None:
    """Write P(up) and the quantiles of every row that is not silent, NaN for the others."""
    for n in range(out.shape[0]):
        spoke = silence[n] == 0
        up[n] = sigmoid(np.float64(out[n, 0])) if spoke else np.nan
        for k in range(quantiles.shape[1]):
            quantiles[n, k] = out[n, 1 + k] if spoke else np.nan
