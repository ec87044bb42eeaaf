"""Run: everything a backtest or replay wrote down, and the digests that make it comparable.

Two runs are the same run when their digests agree; nothing else (speed, block size, processes) may differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.instruments import Instrument
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The bars a fund saw, what it thought of each, what the venue did, and what came of it."""

    bars: Bars
    instruments: tuple[Instrument, ...]
    parameters: Mapping[str, Any]
    digests: Mapping[str, str]
    initial: int
    cycles: NDArray[np.void]
    decisions: NDArray[np.void]
    fills: NDArray[np.void]
    ballot: Ballot | None = None

    @property
    def votes(self) -> NDArray[np.void]:
        """Return what every member of an ensemble said, `[time, symbol, member]`; empty without an ensemble."""
        return self.ballot.votes if self.ballot else empty(VoteRow, 0)

    @property
    def outlook(self) -> NDArray[np.void]:
        """Return what was made of the votes, `[time, symbol]`; empty without an ensemble."""
        return self.ballot.outlook if self.ballot else empty(OutlookRow, 0)

    @property
    def equity(self) -> NDArray[np.float64]:
        """Return equity at every close, in the quote currency."""
        return np.asarray(self.cycles["equity"] / 1e8, dtype=np.float64)
