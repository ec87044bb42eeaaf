"""N-HITS forward: one window at a time through blocks that each explain a part of it and pass on the rest.

A window is read from its newest bar back, as the reference reads it, so that a last pooling cell with fewer bars holds
the oldest. Its view is summed in double precision; everything after it is in single, as it was trained.
"""

from typing import NamedTuple

import numpy as np

from qt_ray.ai.members.answers import fan
from qt_ray.ai.members.dense import ZERO, dense, rectify
from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.ai.members.view import measure, unit, view
from qt_ray.core.compiled import compiled, inlined


class NHITSMemory(NamedTuple):
    """What one window becomes on its way; `series` is also what the blocks so far have left unexplained."""

    moments: Floats
    series: Singles
    pooled: Singles
    hidden: Singles
    theta: Singles
    said: Singles


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
def think(
    weights: tuple[Singles, ...], biases: tuple[Singles, ...], first: int, last: int, memory: NHITSMemory
) -> None:
    """Turn what was pooled into the knots of one block, whose matrices are `first` to `last`."""
    dense(memory.pooled, weights[first], biases[first], memory.hidden[0])
    rectify(memory.hidden[0])
    for at in range(first + 1, last):
        now = (at - first) % 2
        dense(memory.hidden[1 - now], weights[at], biases[at], memory.hidden[now])
        rectify(memory.hidden[now])
    dense(memory.hidden[(last - first - 1) % 2], weights[last], biases[last], memory.theta)


@compiled
def forward(
    tape: Singles,
    ends: Ints,
    root: float,
    pools: Ints,
    knots: Ints,
    weights: tuple[Singles, ...],
    biases: tuple[Singles, ...],
    memory: NHITSMemory,
    out: Singles,
    stats: Singles,
) -> None:
    """Write a logit and five quantiles, and the window's statistics, for every row; NaN where history is short or bad.

    A block has one entry of `pools` and `knots`, and as many matrices in a row as every other. A quantile is at the
    horizon, the last point of the block's path, which is its last knot; `root` is the horizon's square root.
    """
    channels, bars = memory.series.shape
    blocks = pools.shape[0]
    layers = len(weights) // blocks
    for n in range(ends.shape[0]):
        out[n, :] = np.nan
        stats[n, :] = np.nan
        if ends[n] < bars - 1 or not measure(tape, ends[n], bars, memory.moments):
            continue
        for c in range(channels):
            stats[n, c], stats[n, channels + c] = memory.moments[0, c], memory.moments[1, c]
        view(tape, ends[n], memory.moments, memory.series)
        memory.said[:] = ZERO
        for block in range(blocks):
            pool(memory.series, pools[block], memory.pooled)
            think(weights, biases, block * layers, block * layers + layers - 1, memory)
            explain(memory.theta, knots[block], memory.series[0])
            for k in range(memory.said.shape[0]):
                memory.said[k] += memory.theta[0, knots[block] + k]
        fan(memory.said, unit(memory.moments, root), out[n])
