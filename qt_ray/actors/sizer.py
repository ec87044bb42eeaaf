"""Sizer: how much of an opinion to hold, by the plan that every fund begins with.

No policy was trained for sizes yet, so a wish that grows in high volatility is told and counted as the fallback's; the
guard grants it a share of itself.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from qt_ray.actors.topology import SIZER
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.logs import log
from qt_ray.core.events import event
from qt_ray.core.notices import SizeFallback
from qt_ray.engine.high_volatility import Curbed, curbed
from qt_ray.engine.pipeline import Opinion, Sized
from qt_ray.engine.pipeline import Sizer as Plan

RL_FALLBACK_HIGH_VOL: Final = "RL_FALLBACK_HIGH_VOL"
Told = Callable[[Curbed], None]


class Sizer:
    """One fund's sizer; `told` hears of every fallback, `counts` keeps their number by symbol."""

    def __init__(self, told: Told) -> None:
        """Be ready to be asked."""
        self.sized, self.counts = 0, Counter[str]()
        self._told, self._plan = told, Plan()

    async def size(self, opinion: Opinion) -> Sized:
        """Return the wishes that follow from an opinion."""
        sized = self._plan.size(opinion)
        self.sized += 1
        for one in curbed(sized):
            self.counts[one.symbol] += 1
            self._told(one)
        return sized


def fell_back(tell: Callable[..., None]) -> Told:
    """Return who hears of fallbacks, wherever sizes are made: the log, and through `tell` everybody."""

    def heard(curbed: Curbed) -> None:
        log().warning(RL_FALLBACK_HIGH_VOL, symbol=curbed.symbol, regime=curbed.regime, wished=str(curbed.wished))
        told = SizeFallback(curbed.symbol, curbed.regime, curbed.wished, curbed.allowed, RL_FALLBACK_HIGH_VOL)
        tell(event("rl.fallback", told, SIZER, now_ms()))

    return heard
