"""Tapes: bars and opinions, block by block, as the compiled cycle reads them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Forecasts
from qt_ray.engine.world import Tape
from qt_ray.market.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A window of bars with the opinions on it; `first` is its first row in the whole."""

    first: int
    bars: Bars
    forecasts: Forecasts


def tape_of(block: Block) -> Tape:
    """Return a block as the compiled cycle reads it."""
    bars, forecasts = block.bars, block.forecasts
    absent = np.zeros((0, len(bars.symbols)))
    return Tape(
        first=block.first,
        ts=_thawed(bars.ts),
        open=_thawed(bars.open),
        high=_thawed(bars.high),
        low=_thawed(bars.low),
        close=_thawed(bars.close),
        volume=_thawed(bars.volume),
        funding=absent if bars.funding is None else _thawed(bars.funding),
        mark=absent if bars.mark is None else _thawed(bars.mark),
        score=_thawed(forecasts.score),
        confidence=_thawed(forecasts.confidence),
        agreement=_thawed(forecasts.agreement),
        members=forecasts.members,
    )


def _thawed(column: NDArray[Any]) -> NDArray[Any]:
    """Return a column that kernels take: what came out of shared memory may only be read, and is another kind."""
    return column if column.flags.writeable else column.copy()
