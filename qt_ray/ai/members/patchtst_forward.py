"""PatchTST forward: one window at a time, from bars to six answers, in memory that is given.

The view is summed in double precision, because a window's spread is small beside its values; everything after it is in
single, as it was trained.
"""

from typing import NamedTuple

import numpy as np

from qt_ray.ai.members.activations import gelu
from qt_ray.ai.members.answers import fan
from qt_ray.ai.members.attention import Gaze, attend
from qt_ray.ai.members.dense import ZERO, accumulate, dense
from qt_ray.ai.members.member import Floats, Ints, Singles
from qt_ray.ai.members.view import measure, unit, view
from qt_ray.core.compiled import compiled, inlined


class PatchTSTArrays(NamedTuple):
    """The weights as they are served; those of the layers are stacked."""

    embed_weight: Singles
    position: Singles
    qkv_weight: Singles
    qkv_bias: Singles
    mix_weight: Singles
    mix_scale: Singles
    mix_shift: Singles
    inner_weight: Singles
    inner_bias: Singles
    outer_weight: Singles
    outer_scale: Singles
    outer_shift: Singles
    hidden_weight: Singles
    hidden_bias: Singles
    answer_weight: Singles
    answer_bias: Singles


class PatchTSTMemory(NamedTuple):
    """What one window becomes on its way; `flat` is `tokens` as one row, and a token is a patch of a channel."""

    moments: Floats
    series: Singles
    patches: Singles
    tokens: Singles
    flat: Singles
    qkv: Singles
    gathered: Singles
    inner: Singles
    hidden: Singles
    said: Singles
    gaze: Gaze


@inlined
def look(tape: Singles, end: int, bars: int, moments: Floats, series: Singles) -> None:
    """Write the view of the window as `series[channel, bar]`, oldest first, its last bar repeated to the end."""
    view(tape, end, moments, series[:, bars - 1 :: -1])
    for c in range(series.shape[0]):
        for i in range(bars, series.shape[1]):
            series[c, i] = series[c, bars - 1]


@inlined
def embed(arrays: PatchTSTArrays, stride: int, memory: PatchTSTMemory) -> None:
    """Write every patch as features of what it holds and where it stands."""
    number, size = arrays.position.shape[0], arrays.embed_weight.shape[0]
    for row in range(memory.tokens.shape[0]):
        channel, patch = row // number, row % number
        for i in range(size):
            memory.patches[row, i] = memory.series[channel, patch * stride + i]
        for j in range(memory.tokens.shape[1]):
            memory.tokens[row, j] = arrays.position[patch, j]
    accumulate(memory.patches, arrays.embed_weight, memory.tokens)


@inlined
def add(tokens: Singles, scale: Singles, shift: Singles, change: Singles, weight: Singles) -> None:
    """Change the tokens and normalise them, which with folded weights is a scale, a shift and a product."""
    for row in range(tokens.shape[0]):
        for j in range(tokens.shape[1]):
            tokens[row, j] = tokens[row, j] * scale[j] + shift[j]
    accumulate(change, weight, tokens)


@inlined
def encode(arrays: PatchTSTArrays, memory: PatchTSTMemory) -> None:
    """Let the patches of each channel look at one another, layer after layer, and think about what they saw."""
    memory.gaze.scores[:] = ZERO
    for i in range(arrays.qkv_weight.shape[0]):
        dense(memory.tokens, arrays.qkv_weight[i], arrays.qkv_bias[i], memory.qkv)
        attend(memory.qkv, memory.gaze, memory.gathered)
        add(memory.tokens, arrays.mix_scale[i], arrays.mix_shift[i], memory.gathered, arrays.mix_weight[i])
        dense(memory.tokens, arrays.inner_weight[i], arrays.inner_bias[i], memory.inner)
        gelu(memory.inner)
        add(memory.tokens, arrays.outer_scale[i], arrays.outer_shift[i], memory.inner, arrays.outer_weight[i])


@inlined
def answer(arrays: PatchTSTArrays, memory: PatchTSTMemory) -> None:
    """Look at all patches of all channels at once and write the six numbers of the answer."""
    dense(memory.flat, arrays.hidden_weight, arrays.hidden_bias, memory.hidden)
    gelu(memory.hidden)
    dense(memory.hidden, arrays.answer_weight, arrays.answer_bias, memory.said)


@compiled
def forward(
    tape: Singles,
    ends: Ints,
    arrays: PatchTSTArrays,
    stride: int,
    root: float,
    memory: PatchTSTMemory,
    out: Singles,
    stats: Singles,
) -> None:
    """Write a logit and five quantiles, and the window's statistics, for every row; NaN where history is short or bad.

    A quantile is in units of the window's deviation times `root`, the square root of the horizon. The mean is not
    added: over one window it is mostly chance.
    """
    channels, padded = memory.series.shape
    bars = padded - stride
    for n in range(ends.shape[0]):
        out[n, :] = np.nan
        stats[n, :] = np.nan
        if ends[n] < bars - 1 or not measure(tape, ends[n], bars, memory.moments):
            continue
        for c in range(channels):
            stats[n, c], stats[n, channels + c] = memory.moments[0, c], memory.moments[1, c]
        look(tape, ends[n], bars, memory.moments, memory.series)
        embed(arrays, stride, memory)
        encode(arrays, memory)
        answer(arrays, memory)
        fan(memory.said[0], unit(memory.moments, root), out[n])
