"""N-HITS: coarse before fine. Each stack sees the window at its own rate and forecasts at its own rate.

What a stack explains is subtracted before the next one looks, so a slow swing is never learned from the noise on top of
it (Challu et al., AAAI 2023). The numbers here are the network's as trained; only what is asked for is computed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np

from qt_ray.ai.members.answers import ANSWERS, opinions
from qt_ray.ai.members.member import Bounds, Evidence, Ints, Opinions, Singles
from qt_ray.ai.members.nhits_forward import NHITSMemory, forward
from qt_ray.core.errors import Invalid, Invariant


@dataclass(frozen=True, slots=True)
class NHITSShape:
    """What a network looks like; `pool`, `behind` and `ahead` have one entry a stack, in bars.

    `pool` is a cell of the pooling, `behind` and `ahead` lie between two knots of a backcast and of a forecast.
    The first channel is the one that is forecast and explained; the others are looked at.
    """

    lookback: int = 96
    channels: int = 4
    horizon: int = 1
    blocks: int = 1
    hidden: int = 64
    layers: int = 2
    pool: tuple[int, ...] = (8, 4, 1)
    behind: tuple[int, ...] = (8, 4, 1)
    ahead: tuple[int, ...] = (8, 4, 1)

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            sizes = value if isinstance(value, tuple) else (value,)
            if not sizes or not all(isinstance(size, int) and size >= 1 for size in sizes):
                raise Invalid(f"nhits: {name} counts from 1, was {value!r:.60}")
        if not len(self.pool) == len(self.behind) == len(self.ahead):
            raise Invalid(f"nhits: a stack has a pool, behind and ahead, was {self.pool}, {self.behind}, {self.ahead}")
        if self.lookback < max(2, *self.pool):
            raise Invalid(f"nhits: lookback is 2 bars and a cell at least, was {self.lookback}, pool {self.pool}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the shape that a file states."""
        if unknown := sorted(set(given) - {each.name for each in fields(cls)}):
            raise Invalid(f"nhits: a shape has no other fields, was {', '.join(unknown):.60}")
        sizes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return cls(**sizes)

    @property
    def stacks(self) -> tuple[int, ...]:
        """Return the stack of every block, in order."""
        return tuple(stack for stack in range(len(self.pool)) for _ in range(self.blocks))

    def inputs(self, stack: int) -> int:
        """Return how many pooled numbers a block of this stack reads."""
        return self.channels * -(-self.lookback // self.pool[stack])

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the dimensions of every weight, by the name it is trained under."""
        found: dict[str, tuple[int, ...]] = {}
        for block, stack in enumerate(self.stacks):
            widths = [self.inputs(stack)] + [self.hidden] * self.layers
            names = [f"hidden.{layer}" for layer in range(self.layers)] + ["theta"]
            behind, ahead = self.knots(stack)
            for name, inputs, outputs in zip(names, widths, [*widths[1:], behind + ANSWERS * ahead], strict=True):
                found[f"blocks.{block}.{name}.weight"] = (outputs, inputs)
                found[f"blocks.{block}.{name}.bias"] = (outputs,)
        return found

    def knots(self, stack: int) -> tuple[int, int]:
        """Return the knots of a backcast and of a forecast."""
        return max(self.lookback // self.behind[stack], 1), max(self.horizon // self.ahead[stack], 1)


@dataclass(frozen=True, slots=True, eq=False)
class NHITSArrays:
    """The weights as the forward reads them: `[input, output]`, block after block, layer after layer."""

    weights: tuple[Singles, ...]
    biases: tuple[Singles, ...]
    pools: Ints
    knots: Ints

    @classmethod
    def of(cls, shape: NHITSShape, tensors: Mapping[str, Singles]) -> Self:
        """Take the weights by the names they were trained under; of a forecast's knots only the last is served."""
        weights, biases = [], []
        for block, stack in enumerate(shape.stacks):
            behind, ahead = shape.knots(stack)
            width = shape.inputs(stack)
            for layer in range(shape.layers):
                name = f"blocks.{block}.hidden.{layer}"
                weights.append(_tensor(tensors, f"{name}.weight", (shape.hidden, width)).T)
                biases.append(_tensor(tensors, f"{name}.bias", (shape.hidden,)))
                width = shape.hidden
            name, rows = f"blocks.{block}.theta", behind + ANSWERS * ahead
            served = [*range(behind), *range(behind + ahead - 1, rows, ahead)]
            weights.append(_tensor(tensors, f"{name}.weight", (rows, width))[served].T)
            biases.append(_tensor(tensors, f"{name}.bias", (rows,))[served])
        return cls(
            tuple(np.array(each, order="C") for each in weights),
            tuple(np.array(each, order="C") for each in biases),
            np.array([shape.pool[stack] for stack in shape.stacks]),
            np.array([shape.knots(stack)[0] for stack in shape.stacks]),
        )


def _tensor(tensors: Mapping[str, Singles], name: str, shape: tuple[int, ...]) -> Singles:
    found = tensors.get(name)
    if found is None or found.shape != shape or found.dtype != np.float32:
        said = "missing" if found is None else f"{found.dtype} {found.shape}"
        raise Invalid(f"nhits: {name} is float32 {shape}, was {said}")
    return found


def _memory(shape: NHITSShape, arrays: NHITSArrays) -> NHITSMemory:
    return NHITSMemory(
        moments=np.empty((2, shape.channels)),
        series=np.empty((shape.channels, shape.lookback), np.float32),
        pooled=np.empty((1, max(map(len, arrays.weights))), np.float32),
        hidden=np.empty((2, 1, shape.hidden), np.float32),
        theta=np.empty((1, max(map(len, arrays.biases))), np.float32),
        said=np.empty(ANSWERS, np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class NHITSMember:
    """The network as a member; `bounds` judges the statistics of a window, its means and then its deviations."""

    shape: NHITSShape
    arrays: NHITSArrays
    bounds: Bounds | None = None
    kind: str = field(default="nhits", init=False)

    @property
    def lookback(self) -> int:
        """Return the bars of a window."""
        return self.shape.lookback

    def raw(self, evidence: Evidence) -> tuple[Singles, Singles]:
        """Return `[row, logit and quantiles]` and `[row, means and deviations]`, NaN where there is nothing to say."""
        shape, arrays, tape, ends = self.shape, self.arrays, evidence.tape, evidence.ends
        if tape.ndim != 2 or tape.shape[1] != shape.channels:
            raise Invalid(f"nhits: a tape has {shape.channels} channels, was {tape.shape}")
        if len(ends) and ends.max() >= len(tape):
            raise Invariant(f"a row ends within its tape of {len(tape)} bars, was {ends.max()}")
        out = np.empty((len(ends), ANSWERS), np.float32)
        stats = np.empty((len(ends), 2 * shape.channels), np.float32)
        root, memory = shape.horizon**0.5, _memory(shape, arrays)
        forward(tape, ends, root, arrays.pools, arrays.knots, arrays.weights, arrays.biases, memory, out, stats)
        return out, stats

    def opine(self, evidence: Evidence) -> Opinions:
        """Return P(up) and the quantiles at the horizon for every row, or why not."""
        out, stats = self.raw(evidence)
        return opinions(out, stats, evidence.ends, self.lookback, self.bounds)
