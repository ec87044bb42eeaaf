"""Baselines: rules a person can check by hand, the bar that every model must clear.

Their confidence is the strength of the signal squeezed into [0.5, 1): ordered, and not calibrated, because a rule
has no probability. They vote as one member, so agreement is one of one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Floats, Forecasts, Predictor, Snapshot
from qt_ray.core.compiled import compiled
from qt_ray.core.errors import InvalidConfig
from qt_ray.market.bars import Bars


def strength(value: Floats) -> Floats:
    """Return 0.5 for nothing, toward 1 for more."""
    return np.asarray(0.5 + 0.5 * np.tanh(np.abs(value)), dtype=np.float64)


def single(score: Floats, confidence: Floats) -> Forecasts:
    """Return forecasts of one member, which abstains where its score is NaN; takes over both arrays."""
    silent = np.isnan(score)
    confidence[silent] = 0.0
    return Forecasts(score, confidence, (~silent).astype(np.uint8), members=1)


@compiled
def _cross(
    close: NDArray[np.float64],
    fast: float,
    slow: float,
    warmup: int,
    state: NDArray[np.float64],
    score: NDArray[np.float64],
) -> None:
    for at in range(close.shape[0]):
        for i in range(close.shape[1]):
            price = close[at, i]
            if not 0.0 < price < np.inf:
                score[at, i] = np.nan
                continue
            if state[i, 2] == 0.0:
                state[i, 0] = price
                state[i, 1] = price
            else:
                state[i, 0] += fast * (price - state[i, 0])
                state[i, 1] += slow * (price - state[i, 1])
            state[i, 2] += 1.0
            gap = state[i, 0] - state[i, 1]
            ready = state[i, 2] >= warmup
            score[at, i] = (gap > 0.0) * 1.0 - (gap < 0.0) * 1.0 if ready and gap != 0.0 else np.nan


class EmaCross:
    """Long while the fast average is above the slow one, short below; the benchmark's strategy."""

    name = "ema_cross"
    needs: tuple[str, ...] = ()

    def __init__(self, symbols: int, fast_bars: int = 10, slow_bars: int = 30) -> None:
        if not 1 <= fast_bars < slow_bars:
            raise InvalidConfig(f"ema_cross: 1 <= fast_bars < slow_bars, was {fast_bars} and {slow_bars}")
        self._alphas = (2.0 / (fast_bars + 1.0), 2.0 / (slow_bars + 1.0))
        self._warmup = slow_bars
        self._state = np.zeros((symbols, 3))

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Follow the averages over the snapshot's closes."""
        score = self._followed(snapshot.bars)
        return single(score, np.ones_like(score))

    def remember(self, bars: Bars) -> None:
        """Take bars as past without an opinion on them."""
        self._followed(bars)

    def _followed(self, bars: Bars) -> Floats:
        close = np.require(bars.close, np.float64, ("C", "W"))
        score = np.empty_like(close)
        _cross(close, *self._alphas, self._warmup, self._state, score)
        return score


@dataclass(frozen=True, slots=True)
class Trend:
    """Go with the averages when they are far apart for this volatility and the market moves in one direction."""

    gap_atr_min: float = 0.5
    adx_min: float = 20.0
    name: str = field(default="trend", init=False)
    needs: tuple[str, ...] = field(default=("ema_20", "ema_50", "atr_14", "adx_14"), init=False)

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Score the gap between averages in units of ATR."""
        fast, slow, atr, adx = np.moveaxis(snapshot.features, 2, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = np.where(atr > 0.0, (fast - slow) / atr, np.nan)
            active = (np.abs(gap) >= self.gap_atr_min) & (adx >= self.adx_min)
        score = np.where(np.isnan(gap) | np.isnan(adx), np.nan, np.where(active, np.tanh(gap), 0.0))
        return single(score, strength(np.nan_to_num(gap)))


@dataclass(frozen=True, slots=True)
class MeanReversion:
    """Fade a price outside its band in a market without direction; be flat once it is back in the middle.

    `stretch` is in half widths of the band: 1 is its edge. Between edge and middle it abstains, so what is held stays.
    """

    stretch: float = 1.0
    rsi_band: float = 20.0
    adx_max: float = 25.0
    name: str = field(default="mean_reversion", init=False)
    needs: tuple[str, ...] = field(default=("bb_position", "rsi_14", "adx_14"), init=False)

    def predict(self, snapshot: Snapshot) -> Forecasts:
        """Score the distance from the middle of the band, against it."""
        within, rsi, adx = np.moveaxis(snapshot.features, 2, 0)
        position = 2.0 * within - 1.0
        with np.errstate(invalid="ignore"):
            stretched = (np.abs(position) >= self.stretch) & (np.abs(rsi - 50.0) >= self.rsi_band)
            active = stretched & (adx <= self.adx_max)
            settled = np.abs(position) <= 0.1 * self.stretch
        known = ~(np.isnan(position) | np.isnan(rsi) | np.isnan(adx))
        score = np.where(active, -np.tanh(position), np.where(settled, 0.0, np.nan))
        return single(np.where(known, score, np.nan), strength(np.nan_to_num(position)))


BASELINES: Mapping[str, Callable[..., Predictor]] = {
    "ema_cross": EmaCross,
    "trend": lambda symbols, **given: Trend(**given),
    "mean_reversion": lambda symbols, **given: MeanReversion(**given),
}


def baseline(kind: str, symbols: int, parameters: Mapping[str, Any]) -> Predictor:
    """Return the baseline of that name for `symbols` symbols."""
    if kind not in BASELINES:
        raise InvalidConfig(f"predictor.kind is one of {', '.join(BASELINES)}, was {kind!r}")
    for name, value in parameters.items():
        if not isinstance(value, int | float) or not 0 <= value < np.inf:
            raise InvalidConfig(f"predictor.parameters for {kind}: {name} is a number from 0, was {value!r:.60}")
    try:
        return BASELINES[kind](symbols, **parameters)
    except TypeError as error:
        raise InvalidConfig(f"predictor.parameters for {kind}: {error}") from error
