"""Lessons: what a batch of rows shows and what it is judged by, gathered from the shared tape and never written out.

The tape goes on after a row, so it also tells the way to the row's outcome. It is believed only where it arrives there:
past a barrier, a hole or the end of a symbol lie bars that have nothing to do with the row.
"""

from dataclasses import dataclass
from math import nan

import torch
from torch import Tensor
from torch.nn import functional

from qt_ray.adapters.models.torch_view import on_the_way, unit
from qt_ray.ai.history import CHANNELS, SIGNED
from qt_ray.ai.members.member import QUANTILES
from qt_ray.ai.sample import Sample

# How far a sum of returns in single precision may be off, as a share of their sizes: twice what rounding can do.
ROUNDING = 2.0**-23


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """A sample as tensors; `windows[start]` is a view of the tape as `[channel, bar]`, `ahead[start]` what follows.

    What follows is the returns of the next bars, as many as steps are taught.
    """

    windows: Tensor
    ahead: Tensor
    starts: Tensor
    up: Tensor
    ret: Tensor

    @classmethod
    def of(cls, sample: Sample, lookback: int, steps: int = 1) -> "Lessons":
        """Share the sample's tape and index its windows; past the tape's end no return is known."""
        tape = torch.tensor(sample.evidence.tape)
        ahead = functional.pad(tape[lookback:, 0], (0, steps), value=nan).unfold(0, steps, 1)
        starts = torch.tensor(sample.evidence.ends) - (lookback - 1)
        return cls(tape.unfold(0, lookback, 1), ahead, starts, torch.tensor(sample.up), torch.tensor(sample.ret))

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        """Return windows `[row, bar, channel]`, directions, and returns `[row, step]` from the row's close on.

        The last step is the horizon. The others are NaN where the tape does not arrive at the row's return.
        """
        starts, ret = self.starts[rows], self.ret[rows]
        ahead = self.ahead[starts].double()
        path = ahead.cumsum(1)
        arrives = (path[:, -1] - ret).abs() <= ROUNDING * ahead.abs().sum(1)
        way = path[:, :-1].masked_fill(~arrives[:, None], nan)
        return self.windows[starts].transpose(1, 2), self.up[rows], torch.cat((way, ret[:, None]), 1).float()


def mirrored(windows: Tensor, up: Tensor, ret: Tensor, turned: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch with the rows that are `turned` upside down: what rose falls, in the window and after it."""
    upside_down = torch.tensor([-1.0 if name in SIGNED else 1.0 for name in CHANNELS])
    seen = torch.where(turned[:, None, None], windows * upside_down, windows)
    return seen, torch.where(turned, 1.0 - up, up), torch.where(turned[:, None], -ret, ret)


def losses(said: Tensor, windows: Tensor, up: Tensor, ret: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """Return the cross entropy of the direction and the pinball loss of the quantiles `said[row, output, step]`.

    The direction is the last step's. A return is judged in units of what its window makes likely, its spread times the
    root of the bars it took, so that no step is louder than another; every row counts alike, however many it knows.
    """
    known = ~ret.isnan()
    share = known / known.float().mean(1, keepdim=True)
    scale = on_the_way(unit(windows, horizon), ret.shape[1])
    missed = (ret.masked_fill(~known, 0.0)[:, None] - said[:, 1:]) / scale[:, None]
    levels = torch.tensor(QUANTILES)[:, None]
    pinball = (torch.maximum(levels * missed, (levels - 1.0) * missed) * share[:, None]).mean()
    return functional.binary_cross_entropy_with_logits(said[:, 0, -1], up), pinball
