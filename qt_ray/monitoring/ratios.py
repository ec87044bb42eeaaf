"""Ratios: reward against risk, and how sure one may be of it.

A ratio without enough returns, or without any risk in them, is NaN: not known, never zero and never infinite.
The interval around the Sharpe ratio comes from resampling whole blocks, because returns are not independent.
"""

from dataclasses import dataclass

import numpy as np

from qt_ray.market.bars import Floats
from qt_ray.monitoring.growth import Curve, Returns

NAN = float("nan")
ANNUALISE_DAYS_MIN = 30
RETURNS_MIN = 20
RESAMPLES = 2_000
STILL = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of resampled ratios, and the share of them above zero."""

    low: float
    high: float
    above_zero: float

    @property
    def includes_zero(self) -> bool:
        """Return whether luck alone would explain the ratio."""
        return self.low <= 0.0 <= self.high


def cagr(curve: Curve) -> float:
    """Return growth per year, compounded; NaN when the record is shorter than a month."""
    if curve.years * 365 < ANNUALISE_DAYS_MIN:
        return NAN
    return float(curve.growth[-1] ** (1.0 / curve.years)) - 1.0


def annual_mean(returns: Returns) -> float:
    """Return the mean return per year, not compounded; NaN when the record is shorter than a month."""
    if len(returns.values) < ANNUALISE_DAYS_MIN * returns.per_year / 365:
        return NAN
    return float(returns.values.mean() * returns.per_year)


def volatility(returns: Returns) -> float:
    """Return the standard deviation per year."""
    if len(returns.values) < 2:
        return NAN
    return float(returns.values.std(ddof=1) * np.sqrt(returns.per_year))


def sharpe(returns: Returns) -> float:
    """Return mean over standard deviation per year, no risk-free rate."""
    values = returns.values
    if len(values) < 2:
        return NAN
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread <= STILL * max(1.0, abs(mean)):
        return NAN
    return mean / spread * float(np.sqrt(returns.per_year))


def sortino(returns: Returns) -> float:
    """Return mean over downside deviation from zero per year."""
    values = returns.values
    if len(values) < 2:
        return NAN
    downside = float(np.sqrt(np.mean(np.minimum(values, 0.0) ** 2)))
    return float(values.mean()) / downside * float(np.sqrt(returns.per_year)) if downside > STILL else NAN


def quotient(part: float, whole: float) -> float:
    """Return part over whole, NaN when there is no whole."""
    return part / whole if whole else NAN


def shape(returns: Returns) -> tuple[float, float]:
    """Return skewness and excess kurtosis."""
    values = returns.values
    spread = float(values.std()) if len(values) >= RETURNS_MIN else 0.0
    if spread <= STILL:
        return NAN, NAN
    z = (values - values.mean()) / spread
    return float(np.mean(z**3)), float(np.mean(z**4)) - 3.0


def expected_shortfall(returns: Returns, tail: float = 0.05) -> float:
    """Return the mean of the worst `tail` of the returns."""
    worst = int(len(returns.values) * tail)
    return float(np.sort(returns.values)[:worst].mean()) if worst else NAN


def together(fund: Returns, held: Returns) -> tuple[float, float]:
    """Return correlation with, and beta to, what was merely held."""
    count = min(len(fund.values), len(held.values))
    a, b = fund.values[:count], held.values[:count]
    if count < RETURNS_MIN or a.std() <= STILL or b.std() <= STILL:
        return NAN, NAN
    shared = float(np.mean((a - a.mean()) * (b - b.mean())))
    return shared / float(a.std() * b.std()), shared / float(b.var())


def rolling_window(returns: Returns) -> int:
    """Return how many returns one point of the rolling ratio looks back on."""
    return 30 if returns.daily else max(RETURNS_MIN, len(returns.values) // 10)


def rolling_sharpe(returns: Returns) -> Floats:
    """Return the Sharpe ratio of the last `rolling_window` returns, NaN until there are that many."""
    window, values = rolling_window(returns), returns.values
    out = np.full(len(values), np.nan)
    if len(values) < window:
        return out
    # Sums are taken around the mean, so squares do not cancel.
    centre = float(values.mean())
    shifted = values - centre
    first = _window_sums(shifted, window) / window
    second = _window_sums(shifted**2, window) / window
    spread = np.sqrt(np.maximum(second - first**2, 0.0) * window / (window - 1))
    ratio = np.full(len(spread), np.nan)
    np.divide(first + centre, spread, out=ratio, where=spread > 1e-9)
    out[window - 1 :] = ratio * np.sqrt(returns.per_year)
    return out


def sharpe_interval(returns: Returns, seed: int = 7, resamples: int = RESAMPLES) -> Interval | None:
    """Return the Sharpe ratio's interval from a circular block bootstrap; None when returns are too few.

    A resample's ratio needs only the sums of its blocks, so half a million returns cost as little as fifty.
    """
    values = returns.values
    count = len(values)
    if count < RETURNS_MIN or float(values.std()) <= STILL:
        return None
    block = max(1, round(count ** (1 / 3)))
    circle = np.concatenate((values, values[: block - 1]))
    first, second = _window_sums(circle, block), _window_sums(circle**2, block)
    dice = np.random.Generator(np.random.PCG64(seed))
    blocks = -(-count // block)
    ratios = np.empty(resamples)
    for at in range(resamples):
        picked = dice.integers(0, count, blocks)
        ratios[at] = _ratio(first[picked].sum(), second[picked].sum(), blocks * block)
    known = ratios[np.isfinite(ratios)] * np.sqrt(returns.per_year)
    if len(known) < resamples // 2:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(float(low), float(high), float(np.mean(known > 0)))


def _ratio(first: float, second: float, count: int) -> float:
    mean = first / count
    variance = (second / count - mean * mean) * count / (count - 1)
    return float(mean / np.sqrt(variance)) if variance > STILL**2 else NAN


def _window_sums(values: Floats, window: int) -> Floats:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(sums[window:] - sums[:-window], dtype=np.float64)
