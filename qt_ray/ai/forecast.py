"""Forecast: what a predictor thinks, as columns of time by symbol.

A score's sign is the direction and zero is a view too: be flat. NaN abstains, which is never a vote: what is held
stays and nothing grows. Confidence lies in [0, 1]; agreement counts the members that share the score's sign.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invariant
from qt_ray.market.bars import Bars

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What a predictor may know: closed bars, and the features it asked for as `[time, symbol, feature]`."""

    bars: Bars
    features: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Opinions for every bar and symbol of a snapshot."""

    score: Floats
    confidence: Floats
    agreement: NDArray[np.uint8]
    members: int

    def __post_init__(self) -> None:
        if np.isinf(self.score).any():
            raise Invariant("a score is finite or NaN, was infinite")
        known = self.confidence[~np.isnan(self.score)]
        if known.size and not ((known >= 0) & (known <= 1)).all():
            raise Invariant(f"a confidence lies in [0, 1], was {known.min()} to {known.max()}")


class Predictor(Protocol):
    """Something with opinions. One bar or a million at once: the answers are the same bits."""

    @property
    def name(self) -> str:
        """Return the name that decisions carry."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the features the predictor reads, by name."""
        ...

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Return an opinion for every bar of the snapshot, in order of time."""
        ...
