"""View in torch: how a window goes into a network that is trained, and how six answers come out.

`ai.members.view` and `ai.members.answers` give the same numbers and are what is served.
"""

import torch
from torch import Tensor
from torch.nn import functional

from qt_ray.ai.members.view import LOGARITHM, SIGMA_MIN


def view(windows: Tensor) -> Tensor:
    """Return `[row, channel, bar]`, newest bar first, of `windows[row, bar, channel]`, oldest first.

    Summed in double precision, because a window's spread is small beside its values.
    """
    bars = windows.double().transpose(1, 2).flip(2)
    logs = bars[:, LOGARITHM : LOGARITHM + 1]
    amounts = (logs - logs.mean(2, keepdim=True)).exp()
    bars = torch.cat((bars[:, :LOGARITHM], amounts, bars[:, LOGARITHM + 1 :]), 1)
    mean = bars.mean(2, keepdim=True)
    spread = (bars - mean).square().mean(2, keepdim=True).sqrt().clamp_min(SIGMA_MIN)
    centre = torch.cat((torch.zeros_like(mean[:, :1]), mean[:, 1:]), 1)
    roots = torch.arange(1.0, bars.shape[2] + 1.0, dtype=torch.float64).sqrt()
    return (((bars - centre) / spread).cumsum(2) / roots).float()


def unit(windows: Tensor, horizon: int) -> Tensor:
    """Return, a row, the return that its window makes likely: its spread times the root of the horizon."""
    spread: Tensor = windows[:, :, 0].double().std(1, correction=0).clamp_min(SIGMA_MIN)
    return spread.mul(horizon**0.5).float()


def on_the_way(unit: Tensor, steps: int) -> Tensor:
    """Return `[row, step]`, the likely return after each step: a unit times the root of the share that is walked.

    The root of the whole is 1, so the last step is the unit itself to the bit.
    """
    return unit[:, None] * (torch.arange(1.0, steps + 1.0) / steps).sqrt()


def fan(said: Tensor, unit: Tensor) -> Tensor:
    """Return a logit and quantiles that cannot cross, out of a logit, a median and four distances.

    What is said is `[row, output]` for a unit a row, or `[row, output, step]` for a unit a step of it. A network that
    says zero foretells about a normal return: log 2 is close to its quartile.
    """
    median, distance = said[:, 1:2], functional.softplus(said[:, 2:])
    below = median - distance[:, :2].cumsum(1)
    above = median + distance[:, 2:].cumsum(1)
    return torch.cat((said[:, :1], torch.cat((below.flip(1), median, above), 1) * unit[:, None]), 1)
