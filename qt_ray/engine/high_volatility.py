"""High volatility: which wishes grow where nothing that was trained for it has chosen their size.

The guard shrinks them by a rule of its own, whatever is counted here: this is for the person who asks how often.
"""

from typing import Any

import numpy as np

from qt_ray.engine.pipeline import Sized
from qt_ray.market.regime import Regime

WILD = (Regime.HIGH, Regime.EXTREME)


def curbed(sized: Sized) -> tuple[str, ...]:
    """Return the symbols whose wish grows in a regime of high or extreme volatility."""
    books: Any = sized.world.books
    quotes: Any = sized.world.quotes
    wishes, held, regimes = sized.wishes, np.asarray(books["position"]), np.asarray(quotes["regime"])
    grows = (wishes != 0) & ((np.abs(wishes) > np.abs(held)) | (np.sign(wishes) != np.sign(held)))
    found = np.flatnonzero(grows & np.isin(regimes, WILD))
    return tuple(sized.opinion.snapshot.bars.symbols[i] for i in found)
