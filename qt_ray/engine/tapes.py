"""Tapes: bars and opinions, block by block, as the compiled cycle reads them."""

from dataclasses import dataclass

import numpy as np

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
        ts=bars.ts,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        funding=absent if bars.funding is None else bars.funding,
        mark=absent if bars.mark is None else bars.mark,
        score=forecasts.score,
        confidence=forecasts.confidence,
        agreement=forecasts.agreement,
        members=forecasts.members,
    )
