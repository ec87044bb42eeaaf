"""PatchTST: a window is read as a few overlapping patches, each channel by itself, and patches look at one another.

Attention costs the square of what it looks at, and twelve patches are less than 96 bars; one set of weights for all
channels has less to learn by heart with (Nie et al., ICLR 2023). A norm that no longer learns is folded away.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np

from qt_ray.ai.members.answers import ANSWERS, opinions
from qt_ray.ai.members.attention import gaze
from qt_ray.ai.members.member import Bounds, Evidence, Opinions, Singles
from qt_ray.ai.members.patchtst_forward import PatchTSTArrays, PatchTSTMemory, forward
from qt_ray.core.errors import Invalid

# Of every size, the most that a file may ask for.
SIZES_MAX = {
    "lookback": 1_024,
    "channels": 16,
    "horizon": 1_024,
    "patch": 256,
    "stride": 256,
    "features": 256,
    "heads": 16,
    "layers": 8,
    "inner": 1_024,
    "hidden": 1_024,
}
PATCHES_MAX = 128
NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class PatchTSTShape:
    """What a network looks like: lengths in bars, and `features` of a patch, `inner` of them between two layers.

    The first channel is the return that is foretold, `horizon` bars ahead. `hidden` stand between patches and answers.
    """

    lookback: int = 96
    channels: int = 4
    horizon: int = 1
    patch: int = 16
    stride: int = 8
    features: int = 32
    heads: int = 4
    layers: int = 2
    inner: int = 64
    hidden: int = 48

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= SIZES_MAX[name]:
                raise Invalid(f"patchtst: {name} is 1 to {SIZES_MAX[name]}, was {value!r:.60}")
        if not self.stride <= self.patch <= self.lookback:
            lengths = f"{self.stride}, {self.patch}, {self.lookback}"
            raise Invalid(f"patchtst: stride <= patch <= lookback, was {lengths}")
        if self.patches > PATCHES_MAX:
            raise Invalid(f"patchtst: a channel has at most {PATCHES_MAX} patches, was {self.patches}")
        if self.features % self.heads:
            raise Invalid(f"patchtst: heads share the features equally, was {self.features} in {self.heads}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the shape that a file states."""
        if odd := sorted(set(given) ^ {each.name for each in fields(cls)}):
            raise Invalid(f"patchtst: a shape has its fields and no others, was {', '.join(odd):.60}")
        return cls(**given)

    @property
    def patches(self) -> int:
        """Return the patches of a channel; the last one reaches a stride beyond the window, which repeats its end."""
        return (self.lookback - self.patch) // self.stride + 2

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the dimensions of every weight, by the name it is trained under."""
        wide = self.features
        found = _linear("embed", self.patch, wide) | {"position": (self.patches, wide)}
        for layer in (f"layers.{i}." for i in range(self.layers)):
            found |= _linear(f"{layer}qkv", wide, 3 * wide) | _linear(f"{layer}mix", wide, wide)
            found |= _linear(f"{layer}inner", wide, self.inner) | _linear(f"{layer}outer", self.inner, wide)
            for norm in ("mix_norm", "outer_norm"):
                found |= {
                    f"{layer}{norm}.{part}": (wide,) for part in ("weight", "bias", "running_mean", "running_var")
                }
        found |= _linear("head.hidden", self.channels * self.patches * wide, self.hidden)
        return found | _linear("head.answer", self.hidden, ANSWERS)


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def folded(shape: PatchTSTShape, tensors: Mapping[str, Singles]) -> PatchTSTArrays:
    """Return the weights as they are served: `[input, output]`, layers stacked, and all that is linear multiplied out.

    A batch norm that no longer learns is a scale and a shift, and so is the scale of attention scores.
    """
    for name, expected in shape.tensors().items():
        if name not in tensors or tensors[name].shape != expected:
            was = tensors[name].shape if name in tensors else "missing"
            raise Invalid(f"patchtst: {name} is {expected}, was {was}")
    exact = {name: np.asarray(values, np.float64) for name, values in tensors.items()}
    layers = [_folded_layer(shape, exact, f"layers.{i}.") for i in range(shape.layers)]
    arrays = {
        "embed_weight": exact["embed.weight"].T,
        "position": exact["position"] + exact["embed.bias"],
        **{name: np.stack([layer[name] for layer in layers]) for name in layers[0]},
        "hidden_weight": exact["head.hidden.weight"].T,
        "hidden_bias": exact["head.hidden.bias"],
        "answer_weight": exact["head.answer.weight"].T,
        "answer_bias": exact["head.answer.bias"],
    }
    return PatchTSTArrays(**{name: np.ascontiguousarray(values, np.float32) for name, values in arrays.items()})


def _folded_layer(shape: PatchTSTShape, exact: Mapping[str, Any], layer: str) -> dict[str, Any]:
    scale = np.ones(3 * shape.features)
    scale[: shape.features] = (shape.features // shape.heads) ** -0.5
    arrays = {
        "qkv_weight": exact[f"{layer}qkv.weight"].T * scale,
        "qkv_bias": exact[f"{layer}qkv.bias"] * scale,
        "inner_weight": exact[f"{layer}inner.weight"].T,
        "inner_bias": exact[f"{layer}inner.bias"],
    }
    for name in ("mix", "outer"):
        norm = f"{layer}{name}_norm."
        if (exact[f"{norm}running_var"] < 0.0).any():
            raise Invalid(f"patchtst: a variance is 0 at least, was {exact[f'{norm}running_var'].min()} in {norm[:-1]}")
        scale = exact[f"{norm}weight"] / np.sqrt(exact[f"{norm}running_var"] + NORM_EPSILON)
        shift = exact[f"{norm}bias"] - exact[f"{norm}running_mean"] * scale
        arrays[f"{name}_weight"] = exact[f"{layer}{name}.weight"].T * scale
        arrays[f"{name}_scale"] = scale
        arrays[f"{name}_shift"] = exact[f"{layer}{name}.bias"] * scale + shift
    return arrays


def _memory(shape: PatchTSTShape) -> PatchTSTMemory:
    rows, wide = shape.channels * shape.patches, shape.features
    tokens = np.empty((rows, wide), np.float32)
    return PatchTSTMemory(
        moments=np.empty((2, shape.channels)),
        series=np.empty((shape.channels, shape.lookback + shape.stride), np.float32),
        patches=np.empty((rows, shape.patch), np.float32),
        tokens=tokens,
        flat=tokens.reshape(1, -1),
        qkv=np.empty((rows, 3 * wide), np.float32),
        gathered=np.empty((rows, wide), np.float32),
        inner=np.empty((rows, shape.inner), np.float32),
        hidden=np.empty((1, shape.hidden), np.float32),
        said=np.empty((1, ANSWERS), np.float32),
        gaze=gaze(shape.channels, shape.patches, shape.heads, wide),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PatchTSTMember:
    """The network as a member; `bounds` judges the statistics of a window, its means and then its deviations."""

    shape: PatchTSTShape
    arrays: PatchTSTArrays
    bounds: Bounds | None = None
    kind: str = field(default="patchtst", init=False)

    @property
    def lookback(self) -> int:
        """Return the bars of a window."""
        return self.shape.lookback

    def raw(self, evidence: Evidence) -> tuple[Singles, Singles]:
        """Return `[row, logit and quantiles]` and `[row, means and deviations]`, NaN where there is nothing to say."""
        shape, ends = self.shape, evidence.ends
        tape = np.require(evidence.tape, np.float32, ["C", "W"])
        if tape.ndim != 2 or tape.shape[1] != shape.channels:
            raise Invalid(f"patchtst: a tape has {shape.channels} channels, was {tape.shape}")
        if len(ends) and ends.max() >= len(tape):
            raise Invalid(f"patchtst: a row ends within its tape of {len(tape)} bars, was {ends.max()}")
        out = np.empty((len(ends), ANSWERS), np.float32)
        stats = np.empty((len(ends), 2 * shape.channels), np.float32)
        forward(tape, ends, self.arrays, shape.stride, shape.horizon**0.5, _memory(shape), out, stats)
        return out, stats

    def opine(self, evidence: Evidence) -> Opinions:
        """Return P(up) and the quantiles at the horizon for every row, or why not."""
        out, stats = self.raw(evidence)
        return opinions(out, stats, evidence.ends, self.lookback, self.bounds)
