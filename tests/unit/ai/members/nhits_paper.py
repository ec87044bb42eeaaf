"""The paper read slowly: one window, one block, one number after the other, from its formulas in double precision."""

from collections.abc import Mapping

import numpy as np

from qt_ray.ai.members.member import Evidence, Floats, Ints, Singles
from qt_ray.ai.members.nhits import NHITSShape
from tests.unit.ai.members.slow_view import seen

OUTPUTS = 6

SMALL = NHITSShape(lookback=24, horizon=12, hidden=8, pool=(8, 4, 1), behind=(8, 4, 1), ahead=(6, 3, 1))
# Pools that do not divide the window, two blocks a stack, knots that fall between bars.
RAGGED = NHITSShape(
    lookback=23, channels=3, horizon=7, hidden=5, layers=3, blocks=2, pool=(5, 3), behind=(7, 2), ahead=(3, 2)
)
PLAIN = NHITSShape(lookback=9, channels=1, hidden=4, layers=1, pool=(1,), behind=(1,), ahead=(1,))
SHAPES = (SMALL, RAGGED, PLAIN)


def weights(shape: NHITSShape, seed: int, size: float = 1.0) -> dict[str, Singles]:
    """Return random weights by name, as a file would hold them."""
    dice, tensors = np.random.default_rng(seed), {}
    for block, stack in enumerate(shape.stacks):
        behind, ahead = shape.knots(stack)
        widths = [shape.inputs(stack)] + [shape.hidden] * shape.layers + [behind + OUTPUTS * ahead]
        names = [*(f"hidden.{layer}" for layer in range(shape.layers)), "theta"]
        for name, inputs, outputs in zip(names, widths, widths[1:], strict=False):
            scale = size / np.sqrt(inputs)
            tensors[f"blocks.{block}.{name}.weight"] = scale * dice.standard_normal((outputs, inputs))
            tensors[f"blocks.{block}.{name}.bias"] = 0.1 * size * dice.standard_normal(outputs)
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def tape(channels: int, bars: int, seed: int) -> Singles:
    """Return bars that look like a market's: small returns, ranges, places of the close and volumes."""
    dice = np.random.default_rng(seed)
    scales, centres = [1e-3, 0.8, 0.3, 1.5][:channels], [0.0, -6.0, 0.5, 12.0][:channels]
    return (dice.standard_normal((bars, channels)) * scales + centres).astype(np.float32)


def asked(bars: Singles, ends: Ints) -> Evidence:
    return Evidence(np.zeros((len(ends), 0), np.float32), bars, np.asarray(ends, np.int64))


def between(knots: Floats, points: int) -> Floats:
    """Draw the line through knots that each stand in the middle of an equal share of the points."""
    share = points / len(knots)
    return np.interp(np.arange(points), (np.arange(len(knots)) + 0.5) * share - 0.5, knots)


def hierarchy(shape: NHITSShape, tensors: Mapping[str, Singles], series: Floats) -> tuple[Floats, Floats]:
    """Return the paths `[output, step]` and the last residual of `series[channel, bar]`, newest bar first."""
    residual, paths = series[0], np.zeros((OUTPUTS, shape.horizon))
    for block, stack in enumerate(shape.stacks):
        size, (behind, ahead) = shape.pool[stack], shape.knots(stack)
        seen = [residual, *series[1:]]
        thought = np.array([each[at : at + size].max() for each in seen for at in range(0, shape.lookback, size)])
        for layer in range(shape.layers):
            name = f"blocks.{block}.hidden.{layer}"
            thought = np.maximum(tensors[f"{name}.weight"].astype(float) @ thought + tensors[f"{name}.bias"], 0.0)
        name = f"blocks.{block}.theta"
        theta = tensors[f"{name}.weight"].astype(float) @ thought + tensors[f"{name}.bias"]
        residual = residual - between(theta[:behind], shape.lookback)
        knots = theta[behind:].reshape(OUTPUTS, ahead)
        paths = paths + np.array([between(each, shape.horizon) for each in knots])
    return paths, residual


def answer(shape: NHITSShape, tensors: Mapping[str, Singles], window: Singles) -> Floats:
    """Return the logit, and the quantiles in units of the window's spread, of `window[bar, channel]`."""
    paths, _ = hierarchy(shape, tensors, seen(window)[:, ::-1])
    logit, middle, *gaps = paths[:, -1]
    one, two, three, four = np.logaddexp(0.0, gaps)
    quantiles = [middle - one - two, middle - one, middle, middle + three, middle + three + four]
    return np.array([logit, *(np.sqrt(shape.horizon) * np.array(quantiles))])
