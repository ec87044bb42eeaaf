"""Regime watch: the regime of each symbol as its bars close, and a word whenever hysteresis has let one change.

What the past led to is no news: a watch that has just been brought up to date says nothing of how it came there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qt_ray.core.limits import Volatility
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.regime import Regime, RegimeParams, RegimeState, observe_columns, regime_params


@dataclass(frozen=True, slots=True)
class Turn:
    """A symbol's regime before and after, as of the close of a bar."""

    symbol: str
    old: Regime
    new: Regime
    at_ms: int


class RegimeWatch:
    """The regimes of some symbols."""

    def __init__(self, symbols: Sequence[str], volatility: Volatility | None = None) -> None:
        """Begin with every regime unknown."""
        self._symbols = tuple(symbols)
        self._states = empty(RegimeState, len(self._symbols))
        self._params = params_of(volatility or Volatility())

    def governed(self, volatility: Volatility) -> None:
        """Take in other thresholds; they count from the next bar on, with the averages as they are."""
        self._params = params_of(volatility)

    @property
    def regimes(self) -> Mapping[str, Regime]:
        """Return how each symbol moves now."""
        return {name: Regime(int(row["regime"])) for name, row in zip(self._symbols, self._states, strict=True)}

    def take(self, bars: Bars) -> tuple[Turn, ...]:
        """Take in closed bars and return which regimes they have changed, from the first to the last of them."""
        before = self.regimes
        out = np.zeros(bars.close.shape, np.uint8)
        observe_columns(self._states, self._params, bars.high, bars.low, bars.close, out)
        at_ms = int(bars.ts[-1]) + bars.interval_ms
        return tuple(Turn(s, before[s], new, at_ms) for s, new in self.regimes.items() if new is not before[s])


def params_of(volatility: Volatility) -> RegimeParams:
    """Return the detector's thresholds as a policy states them."""
    return regime_params(
        normal_bps=volatility.atr_low_bps,
        high_bps=volatility.atr_high_bps,
        extreme_bps=volatility.atr_extreme_bps,
        trending_adx=volatility.adx_trend,
        strong_adx=volatility.adx_strong,
    )
