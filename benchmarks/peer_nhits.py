"""Peer: the reference N-HITS with random weights beside ours with the same ones, run by an interpreter of its own.

Prints one line of JSON with the largest difference, in single and in double precision: the second shows that both are
the same function, the first how far rounding takes them apart. Of this project it imports the torch network alone.
"""

import json
from importlib.metadata import version

import torch
from neuralforecast.losses.pytorch import MAE, MQLoss
from neuralforecast.models import NHITS
from torch import Tensor, nn

from qt_ray.adapters.models.torch_nhits import Hierarchy
from qt_ray.ai.members.nhits import NHITSShape

ROWS = 256
# As published, a backcast has a knot a bar. One lookback is no multiple of its pools; one horizon is a single step.
SHAPES = (
    NHITSShape(lookback=96, channels=1, horizon=24, pool=(8, 4, 1), behind=(1, 1, 1), ahead=(12, 4, 1)),
    NHITSShape(lookback=101, channels=1, horizon=30, blocks=2, layers=3, pool=(7, 2), behind=(1, 1), ahead=(7, 2)),
    NHITSShape(lookback=48, channels=1, horizon=1, hidden=16, pool=(4, 2, 1), behind=(1, 1, 1), ahead=(1, 1, 1)),
)


def reference(shape: NHITSShape, outputs: int) -> NHITS:
    """Return the reference with the same shape and random weights."""
    stacks = len(shape.pool)
    return NHITS(
        h=shape.horizon,
        input_size=shape.lookback,
        stack_types=["identity"] * stacks,
        n_blocks=[shape.blocks] * stacks,
        mlp_units=[[shape.hidden, shape.hidden]] * shape.layers,
        n_pool_kernel_size=list(shape.pool),
        n_freq_downsample=list(shape.ahead),
        loss=MAE() if outputs == 1 else MQLoss(quantiles=[(k + 1) / (outputs + 1) for k in range(outputs)]),
    ).eval()


def transplanted(theirs: NHITS, shape: NHITSShape, outputs: int) -> Hierarchy:
    """Return ours with their weights; their first two layers have nothing between them and are one of ours."""
    ours = Hierarchy(shape, outputs).eval()
    for mine, block in zip(ours.blocks, theirs.blocks, strict=True):
        first, *rest = [layer for layer in block.layers if isinstance(layer, nn.Linear)]
        *hidden, theta = rest
        folded = hidden[0].weight.double()
        mine.hidden[0].weight.data = (folded @ first.weight.double()).float()
        mine.hidden[0].bias.data = (folded @ first.bias.double() + hidden[0].bias.double()).float()
        for target, source in zip([*mine.hidden[1:], mine.theta], [*hidden[1:], theta], strict=True):
            target.load_state_dict(source.state_dict())
    return ours


def forecasts(theirs: NHITS, ours: Hierarchy, series: Tensor) -> tuple[Tensor, Tensor]:
    """Return both forecasts of `series[row, bar]`, a level: ours starts from its newest value."""
    asked = {"insample_y": series[:, :, None], "insample_mask": torch.ones_like(series)[:, :, None]}
    asked |= dict.fromkeys(("futr_exog", "hist_exog", "stat_exog"))
    path, _ = ours(series.flip(1)[:, None])
    return theirs(asked), (path + series[:, -1, None, None]).transpose(1, 2)


def exact(theirs: NHITS, ours: Hierarchy) -> None:
    """Make both double, and fold their first layers without rounding."""
    theirs.double(), ours.double()
    for mine, block in zip(ours.blocks, theirs.blocks, strict=True):
        first, second = [layer for layer in block.layers if isinstance(layer, nn.Linear)][:2]
        mine.hidden[0].weight.data = second.weight @ first.weight
        mine.hidden[0].bias.data = second.weight @ first.bias + second.bias


def differences(shape: NHITSShape, outputs: int) -> tuple[float, float]:
    """Return the largest difference of all rows in single and in double precision."""
    theirs = reference(shape, outputs)
    ours = transplanted(theirs, shape, outputs)
    series = torch.randn(ROWS, shape.lookback).cumsum(1) * 0.1
    single = _gap(*forecasts(theirs, ours, series))
    exact(theirs, ours)
    return single, _gap(*forecasts(theirs, ours, series.double()))


def _gap(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape:
        raise RuntimeError(f"both forecasts have one shape, was {tuple(one.shape)} and {tuple(other.shape)}")
    return float((one - other).abs().max())


def main() -> None:
    """Compare every shape with one output and with five, and print one line."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    with torch.no_grad():
        found = [differences(shape, outputs) for shape in SHAPES for outputs in (1, 5)]
    single, double = map(max, zip(*found, strict=True))
    versions = {name: version(name) for name in ("neuralforecast", "torch")}
    print(json.dumps({"difference": single, "double": double, "networks": len(found), "rows": ROWS, **versions}))


if __name__ == "__main__":
    main()
