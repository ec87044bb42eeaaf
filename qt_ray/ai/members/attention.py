"""Attention: patches look at the patches of their own channel, and what one layer saw adds to what the next one sees.

The heads of a channel stand on the diagonal of one matrix with zeros around them: a few long products are faster than
many short ones, and a zero changes no sum.
"""

from typing import NamedTuple

import numpy as np

from qt_ray.ai.members.activations import Int32s, softmax
from qt_ray.ai.members.dense import ZERO, accumulate
from qt_ray.ai.members.member import Singles
from qt_ray.core.compiled import inlined


class Gaze(NamedTuple):
    """Memory to attend with; `scores` is `[channel, query, head and key]` and outlives a layer.

    The rest is for one channel at a time. `keys` and `values` are zero off the diagonal, where nothing writes.
    """

    scores: Singles
    weights: Singles
    keys: Singles
    values: Singles
    exponent: Int32s


def gaze(channels: int, patches: int, heads: int, features: int) -> Gaze:
    """Return memory for `features` in so many heads."""
    lanes = heads * patches
    return Gaze(
        scores=np.empty((channels, patches, lanes), np.float32),
        weights=np.empty((patches, lanes), np.float32),
        keys=np.zeros((features, lanes), np.float32),
        values=np.zeros((lanes, features), np.float32),
        exponent=np.empty(lanes, np.int32),
    )


@inlined
def stand(tokens: Singles, first: int, memory: Gaze) -> None:
    """Put keys and values of one channel on their diagonals; its patches are in `tokens` from row `first`."""
    lanes, features = memory.values.shape
    patches = memory.scores.shape[1]
    width = features // (lanes // patches)
    for f in range(features):
        lane = f // width * patches
        for i in range(patches):
            memory.keys[f, lane + i] = tokens[first + i, features + f]
            memory.values[lane + i, f] = tokens[first + i, 2 * features + f]


@inlined
def attend(tokens: Singles, memory: Gaze, out: Singles) -> None:
    """Write what every patch gathers; `tokens` is `[channel and patch, query | key | value]`, queries scaled."""
    channels, patches, _ = memory.scores.shape
    out[:] = ZERO
    for c in range(channels):
        rows = slice(c * patches, c * patches + patches)
        stand(tokens, c * patches, memory)
        accumulate(tokens[rows], memory.keys, memory.scores[c])
        softmax(memory.scores[c], patches, memory.exponent, memory.weights)
        accumulate(memory.weights, memory.values, out[rows])
