"""Votes: what every member of an ensemble said about a bar, and what was made of it, kept with the forecast.

A decision can only be explained by the opinions it rests on, so they are rows like everything else that is recorded:
fixed, packed, digested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.records import F32, U8


class VoteRow:
    """One member about one bar: P(up) as the model said it and calibrated, its weight, and its Silence.

    A silent member's numbers are NaN and its weight is zero.
    """

    raw: F32
    calibrated: F32
    weight: F32
    silence: U8


class OutlookRow:
    """What the members made together: P(up), their disagreement, and the interval of the return to the horizon.

    `disagreement` is the weighted deviation of the members' probabilities, `move` the size of a usual move to the
    horizon; `low` and `high` hold the return as often as the interval promises. NaN where nobody spoke.
    """

    up: F32
    disagreement: F32
    move: F32
    low: F32
    high: F32


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """Votes `[time, symbol, member]` and outlooks `[time, symbol]`."""

    votes: NDArray[np.void]
    outlook: NDArray[np.void]

    def bars(self, cut: slice) -> Self:
        """Return the ballot of some bars, as views."""
        return type(self)(self.votes[cut], self.outlook[cut])

    def symbols(self, order: NDArray[np.int64]) -> Self:
        """Return the ballot of symbols in another order, as columns of their own."""
        return type(self)(np.ascontiguousarray(self.votes[:, order]), np.ascontiguousarray(self.outlook[:, order]))

    @classmethod
    def joined(cls, parts: Sequence[Self], axis: int = 0) -> Self:
        """Return parts as one: time after time, or with `axis` 1 symbol beside symbol."""
        votes = np.concatenate([part.votes for part in parts], axis)
        return cls(votes, np.concatenate([part.outlook for part in parts], axis))
