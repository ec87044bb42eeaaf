"""Forecast: what a predictor thinks, as columns of time by symbol.

A score's sign is the direction and zero is a view too: be flat. NaN abstains, which is never a vote: what is held
stays and nothing grows. Confidence lies in [0, 1]; agreement counts the members that share the score's sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.votes import Ballot
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
    """Opinions for every bar and symbol of a snapshot; with a ballot where there are members to be named."""

    score: Floats
    confidence: Floats
    agreement: NDArray[np.uint8]
    members: int
    ballot: Ballot | None = None

    def __post_init__(self) -> None:
        if np.isinf(self.score).any():
            raise Invariant("a score is finite or NaN, was infinite")
        known = self.confidence[~np.isnan(self.score)]
        if known.size and not ((known >= 0) & (known <= 1)).all():
            raise Invariant(f"a confidence lies in [0, 1], was {known.min()} to {known.max()}")
        if self.ballot and self.ballot.votes.shape != (*self.score.shape, self.members):
            raise Invariant(f"a vote of each member about each score, was {self.ballot.votes.shape}")

    def bars(self, cut: slice) -> Self:
        """Return the forecasts of some bars, as views."""
        ballot = self.ballot and self.ballot.bars(cut)
        return type(self)(self.score[cut], self.confidence[cut], self.agreement[cut], self.members, ballot)

    def symbols(self, order: NDArray[np.int64]) -> Self:
        """Return the forecasts of symbols in another order, as columns of their own."""
        score, confidence = (np.ascontiguousarray(column[:, order]) for column in (self.score, self.confidence))
        agreement = np.ascontiguousarray(self.agreement[:, order])
        return type(self)(score, confidence, agreement, self.members, self.ballot and self.ballot.symbols(order))

    @classmethod
    def joined(cls, parts: Sequence[Self], axis: int = 0) -> Self:
        """Return parts as one: time after time, or with `axis` 1 symbol beside symbol."""
        ballots = [part.ballot for part in parts if part.ballot is not None]
        return cls(
            np.concatenate([part.score for part in parts], axis),
            np.concatenate([part.confidence for part in parts], axis),
            np.concatenate([part.agreement for part in parts], axis),
            parts[0].members,
            Ballot.joined(ballots, axis) if ballots else None,
        )


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
