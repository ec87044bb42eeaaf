"""N-HITS in torch: what is trained. The forward in `ai.members.nhits` gives the same numbers and is what is served.

`Hierarchy` is the network as published, over a series of any unit; `NHITS` puts a window of bars into it and orders
what comes out. The names of the weights are a contract: files hold them.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qt_ray.adapters.models.torch_view import fan, on_the_way, unit, view
from qt_ray.ai.members.answers import ANSWERS
from qt_ray.ai.members.member import Singles
from qt_ray.ai.members.nhits import NHITSShape


class Block(nn.Module):
    """Pool the window, think, and draw one line through it and `outputs` lines ahead of it."""

    def __init__(self, shape: NHITSShape, stack: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.pool, self.outputs, self.horizon, self.dropout = shape.pool[stack], outputs, shape.horizon, dropout
        self.behind, ahead = shape.knots(stack)
        widths = [shape.inputs(stack)] + [shape.hidden] * shape.layers
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.theta = nn.Linear(shape.hidden, self.behind + outputs * ahead)

    def forward(self, residual: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
        """Return the backcast `[row, 1, bar]` and the forecast `[row, output, step]`.

        What is only looked at is pooled by itself: nothing flows back to it, and the index of a maximum is dear.
        """
        thought = torch.cat([self.pooled(series) for series in (residual, beside) if series.shape[1]], dim=1)
        for layer in self.hidden:
            thought = functional.dropout(functional.relu(layer(thought)), self.dropout, self.training)
        behind, ahead = self.theta(thought).tensor_split([self.behind], dim=1)
        return line(behind[:, None], residual.shape[2]), line(ahead.unflatten(1, (self.outputs, -1)), self.horizon)

    def extra_repr(self) -> str:
        """Return what the layers do not show, so that two networks read alike only if they are."""
        return f"pool={self.pool}, behind={self.behind}, horizon={self.horizon}, dropout={self.dropout}"

    def pooled(self, series: Tensor) -> Tensor:
        """Return the largest of every few bars as `[row, channel and cell]`."""
        return functional.max_pool1d(series, self.pool, ceil_mode=True).flatten(1)


def line(knots: Tensor, points: int) -> Tensor:
    """Return `points` on the line through `knots`, each knot at the middle of its share of them."""
    return functional.interpolate(knots, size=points, mode="linear") if knots.shape[2] != points else knots


class Hierarchy(nn.Module):
    """The published network: every block sees what the blocks before it left unexplained."""

    def __init__(self, shape: NHITSShape, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(shape, stack, outputs, dropout) for stack in shape.stacks)

    def forward(self, series: Tensor) -> tuple[Tensor, Tensor]:
        """Return the paths `[row, output, step]` and what no block explained of `series[row, channel, bar]`.

        Bars run from the newest back. The path of a level starts from zero: add the newest value to it.
        """
        residual, beside = series[:, :1], series[:, 1:]
        path: Tensor | float = 0.0
        for block in self.blocks:
            behind, ahead = block(residual, beside)
            residual, path = residual - behind, path + ahead
        return cast(Tensor, path), residual[:, 0]


class NHITS(Hierarchy):
    """A logit and five quantiles of the log return to the horizon, out of a window of bars."""

    def __init__(self, shape: NHITSShape, dropout: float = 0.0) -> None:
        super().__init__(shape, ANSWERS, dropout)
        self.horizon = shape.horizon

    def forward(self, windows: Tensor) -> Tensor:  # type: ignore[override] # a window goes in, one row comes out
        """Return `[row, logit and quantiles]` for `windows[row, bar, channel]`, oldest bar first: where paths end.

        The window's drift is not added to a quantile: what continues is for the network to say.
        """
        return self.paths(windows)[:, :, -1]

    def paths(self, windows: Tensor) -> Tensor:
        """Return `[row, logit and quantiles, step]`: the same for the return after every step to the horizon.

        Only whoever is taught them learns to interpolate: the last step is the last knot of every block's forecast, and
        the other knots have no part in it.
        """
        path, _ = super().forward(view(windows))
        return fan(path, on_the_way(unit(windows, self.horizon), self.horizon))


def tensors(network: nn.Module) -> dict[str, Singles]:
    """Return the weights of a network by name, as single precision arrays of their own."""
    return {name: value.detach().cpu().float().numpy().copy() for name, value in network.state_dict().items()}
