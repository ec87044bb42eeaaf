"""High volatility: which wishes grow where nothing that was trained for it has chosen their size, and what is left.

The guard shrinks them by a rule of its own; this asks that rule alone, for the person who wants to know how often.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from qt_ray.core.money import BPS
from qt_ray.engine.pipeline import Sized
from qt_ray.market.regime import Regime

WILD: Final = (Regime.HIGH, Regime.EXTREME)


@dataclass(frozen=True, slots=True)
class Curbed:
    """A wish that grows in high volatility, and the most of it that the fallback grants, in signed quantities."""

    symbol: str
    regime: str
    wished: Decimal
    allowed: Decimal


def curbed(sized: Sized) -> tuple[Curbed, ...]:
    """Return every wish that grows in a regime of high or extreme volatility."""
    books: Any = sized.world.books
    quotes: Any = sized.world.quotes
    wishes, held, regimes = sized.wishes, np.asarray(books["position"]), np.asarray(quotes["regime"])
    grows = (wishes != 0) & ((np.abs(wishes) > np.abs(held)) | (np.sign(wishes) != np.sign(held)))
    return tuple(_curbed(sized, int(i)) for i in np.flatnonzero(grows & np.isin(regimes, WILD)))


def _curbed(sized: Sized, i: int) -> Curbed:
    """Return one such wish; what is granted of it is a share, at little leverage, or what is held on its side."""
    rows: Any = sized.world
    wish, position, quote, limits = int(sized.wishes[i]), int(rows.books[i]["position"]), rows.quotes[i], rows.limits[0]
    value = int(quote["mark"]) * int(rows.instruments[i]["unit"])
    levered = max(int(rows.account[0]["equity"]), 0) // 100 * int(limits["fallback_leverage_x100"])
    most = min(abs(wish) * int(limits["fallback_bps"]) // BPS, levered // value if value > 0 else 0)
    side = 1 if wish > 0 else -1
    step = 1 / Decimal(repr(float(sized.world.steps_per[i])))
    symbol, regime = sized.opinion.snapshot.bars.symbols[i], Regime(int(quote["regime"]))
    return Curbed(symbol, regime.name, wish * step, side * max(most, position * side) * step)
