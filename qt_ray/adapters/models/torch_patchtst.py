"""PatchTST in torch: what is trained. `ai.members.patchtst` gives the same numbers and is what is served.

`Encoder` is the published one. Between the published normalisation and the published head it is `ForecastPatchTST`;
between our view of a window and our head it is `PatchTST`. The names of the weights are a contract: files hold them.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from qt_ray.adapters.models.torch_view import fan, unit, view
from qt_ray.ai.members.answers import ANSWERS
from qt_ray.ai.members.member import Singles
from qt_ray.ai.members.patchtst import NORM_EPSILON, PatchTSTShape

# Added to a variance. The published 1e-5 is larger than the variance of a minute's return and would hide its scale.
REVIN_EPSILON = 1e-16


class RevIN(nn.Module):
    """Every channel of a window in units of its own spread, and back (Kim et al., ICLR 2022)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return `windows[row, bar, channel]` normalised, and mean and deviation as `[row, channel]`."""
        exact = windows.double()
        mean = exact.mean(1)
        deviation = (exact.var(1, correction=0) + REVIN_EPSILON).sqrt()
        normal = ((exact - mean[:, None]) / deviation[:, None]).float()
        return normal * self.weight + self.bias, mean.float(), deviation.float()

    def restore(self, normal: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return `normal[row, bar, channel]` in the units of its channels."""
        return (normal - self.bias) / self.weight * deviation[:, None] + mean[:, None]


class Layer(nn.Module):
    """Attention and a feed-forward network, each added to what was there and normalised over the batch.

    Scores add up over the layers, as in the reference by default: a layer only says what it sees differently.
    """

    def __init__(self, shape: PatchTSTShape, dropout: float) -> None:
        super().__init__()
        wide, self.heads = shape.features, shape.heads
        self.qkv, self.mix = nn.Linear(wide, 3 * wide), nn.Linear(wide, wide)
        self.inner, self.outer = nn.Linear(wide, shape.inner), nn.Linear(shape.inner, wide)
        self.mix_norm, self.outer_norm = (nn.BatchNorm1d(wide, NORM_EPSILON) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, scores: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return `tokens[series, patch, feature]` as changed, and the scores for the next layer."""
        seen, scores = self.attended(tokens, scores)
        tokens = normed(self.mix_norm, tokens + self.dropout(self.mix(seen)))
        thought = self.outer(self.dropout(functional.gelu(self.inner(tokens))))
        return normed(self.outer_norm, tokens + self.dropout(thought)), scores

    def attended(self, tokens: Tensor, scores: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what each patch gathers from the patches of its series, and the scores it did so by."""
        heads = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        now = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
        scores = now if scores is None else now + scores
        return (scores.softmax(-1) @ value).transpose(1, 2).flatten(-2), scores


def normed(norm: nn.BatchNorm1d, tokens: Tensor) -> Tensor:
    """Return the tokens with every feature normalised over all patches of the batch."""
    return cast(Tensor, norm(tokens.flatten(0, 1))).view_as(tokens)


class Encoder(nn.Module):
    """From a window to features of its patches, every channel by itself and all with the same weights."""

    def __init__(self, shape: PatchTSTShape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Linear(shape.patch, shape.features)
        self.position = nn.Parameter(torch.empty(shape.patches, shape.features).uniform_(-0.02, 0.02))
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.dropout = nn.Dropout(dropout)

    def encode(self, series: Tensor) -> Tensor:
        """Return `[row, channel, patch, feature]` of `series[row, channel, bar]`, oldest bar first."""
        padded = functional.pad(series, (0, self.shape.stride), mode="replicate")
        patches = padded.unfold(-1, self.shape.patch, self.shape.stride)
        tokens, scores = self.dropout(self.embed(patches) + self.position).flatten(0, 1), None
        for layer in self.layers:
            tokens, scores = layer(tokens, scores)
        return cast(Tensor, tokens.unflatten(0, (-1, self.shape.channels)))


class ForecastPatchTST(Encoder):
    """The published network: each channel's patches foretell that channel, `horizon` bars of it."""

    def __init__(self, shape: PatchTSTShape, dropout: float = 0.0) -> None:
        super().__init__(shape, dropout)
        self.revin = RevIN(shape.channels)
        self.forecast = nn.Linear(shape.patches * shape.features, shape.horizon)

    def forward(self, windows: Tensor) -> Tensor:
        """Return `[row, bar ahead, channel]` for `windows[row, bar, channel]`."""
        normal, mean, deviation = self.revin(windows)
        ahead = self.forecast(self.encode(normal.transpose(1, 2)).flatten(-2)).transpose(1, 2)
        return self.revin.restore(ahead, mean, deviation)


class Head(nn.Module):
    """Six answers out of all patches of all channels.

    The published head reads each channel alone, and what volume says about a return is in neither of the two: so a
    hidden layer sees them together.
    """

    def __init__(self, shape: PatchTSTShape) -> None:
        super().__init__()
        self.hidden = nn.Linear(shape.channels * shape.patches * shape.features, shape.hidden)
        self.answer = nn.Linear(shape.hidden, ANSWERS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the numbers that `fan` puts in order."""
        return cast(Tensor, self.answer(functional.gelu(self.hidden(tokens.flatten(1)))))


class PatchTST(Encoder):
    """A logit and five quantiles of the log return to the horizon, out of a window of bars."""

    def __init__(self, shape: PatchTSTShape, dropout: float = 0.0) -> None:
        super().__init__(shape, dropout)
        self.head = Head(shape)

    def forward(self, windows: Tensor) -> Tensor:
        """Return `[row, logit and quantiles]` for `windows[row, bar, channel]`, oldest bar first."""
        tokens = self.encode(view(windows).flip(2))
        return fan(self.head(tokens), unit(windows, self.shape.horizon))


def patchtst(shape: PatchTSTShape, seed: int, dropout: float = 0.0) -> PatchTST:
    """Return a network whose first weights follow from `seed`; the dice of the process are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PatchTST(shape, dropout)


def tensors(network: PatchTST) -> Mapping[str, Singles]:
    """Return the weights by name, as they are packed."""
    state = network.state_dict()
    return {name: state[name].numpy() for name in network.shape.tensors()}
