"""Member: one model's opinion, or the reason why it has none. A silence is never a vote.

Whatever a member was trained with, it is served as arithmetic over arrays, and answers for every row it is shown.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

# Levels of every member that foretells more than a direction.
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Silence(IntEnum):
    """Why a member says nothing; SPOKE is its absence."""

    SPOKE = 0
    MISSING = 1
    SCHEMA = 2
    STALE = 3
    HISTORY = 4
    NOT_FINITE = 5
    OUT_OF_DISTRIBUTION = 6
    LATE = 7


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What members may look at: a row of features for each question, and the bars before it as channels.

    `features` is `[row, feature]`. `tape` is `[bar, channel]`, usable bars only; `ends[row]` is the bar in it that the
    row is about, so a window of n bars is `tape[ends - n + 1 : ends + 1]`; -1 where there is no history.
    """

    features: Singles
    tape: Singles
    ends: Ints

    def __len__(self) -> int:
        return len(self.ends)


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """One member's raw answers: P(up) before calibration, and quantiles of the return to the horizon if it has them.

    Where `silence` is not SPOKE the numbers beside it are NaN.
    """

    up: Floats
    silence: NDArray[np.uint8]
    quantiles: Floats | None = None


class Bounds(Protocol):
    """The region a member was trained in; what it would say outside is a guess."""

    def outside(self, rows: Singles) -> NDArray[np.bool_]:
        """Return which rows lie outside."""
        ...


class Member(Protocol):
    """A model of the ensemble, ready to be asked."""

    @property
    def kind(self) -> str:
        """Return the kind of model: xgboost, lightgbm, patchtst, nhits, catboost."""
        ...

    @property
    def lookback(self) -> int:
        """Return the bars of history a row needs; 0 for a model that reads features alone."""
        ...

    def opine(self, evidence: Evidence) -> Opinions:
        """Return an opinion or a silence for every row; the rows are judged one by one."""
        ...
