"""Overfitting: what is left of a backtest's Sharpe ratio once it is known among how many trials it was the best.

The best of many trials of nothing looks good. After Bailey and López de Prado a Sharpe ratio is held against the best
that luck alone finds in so many trials, with doubt for skew and heavy tails; and time is cut into halves in every way,
to see how often what was best in one half falls below the middle in the other. The number of trials is the true one:
who shows fewer than were made must still say how many, and is believed no less luck than chance gives.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import e, inf, nan, sqrt
from typing import Final

import numpy as np

from qt_ray.ai.members.member import Floats
from qt_ray.ai.normal import below, quantile
from qt_ray.core.errors import Invalid

EULER: Final = 0.577_215_664_901_532_9
ROWS_MIN: Final = 10
TRIALS_MAX: Final = 1_000_000_000
# 16 parts of time have 12 870 halves.
PARTS_MIN, PARTS_MAX = 4, 16
PARTS: Final = 10
# Returns whose spread is so small a share of their mean are all the same.
SPREAD_MIN: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Record:
    """Returns in four numbers: how many, mean over deviation of a row, skew, and kurtosis, 3 for a normal."""

    rows: int
    sharpe: float
    skew: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if self.rows < ROWS_MIN:
            raise Invalid(f"record: {ROWS_MIN} rows at least, were {self.rows}")


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What a chosen trial is worth: `probability` is that of overfitting, `loss` of losing where nobody had chosen."""

    record: Record
    trials: int
    shown: int
    luck: float
    probabilistic: float
    deflated: float
    probability: float
    loss: float


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Over all halves of time: how often the best of one is below the middle of the other, and how often it loses."""

    probability: float
    loss: float
    halves: int


def record_of(returns: Floats) -> Record:
    """Return the four numbers; returns that never differ have a Sharpe ratio that nobody knows."""
    if returns.ndim != 1 or not np.isfinite(returns).all():
        raise Invalid("record: a column of known returns, was none")
    if len(returns) < ROWS_MIN:
        raise Invalid(f"record: {ROWS_MIN} rows at least, were {len(returns)}")
    mean, spread = float(returns.mean()), float(returns.std())
    if spread <= SPREAD_MIN * abs(mean):
        return Record(len(returns), nan, nan, nan)
    z = (returns - mean) / spread
    return Record(len(returns), mean / float(returns.std(ddof=1)), float((z**3).mean()), float((z**4).mean()))


def probabilistic_sharpe(record: Record, benchmark: float = 0.0) -> float:
    """Return the chance that the true Sharpe ratio of a row is above a benchmark; NaN where it is not known."""
    tails = 1.0 - record.skew * record.sharpe + (record.kurtosis - 1.0) / 4.0 * record.sharpe**2
    if not 0.0 < tails < inf:
        return nan
    return below((record.sharpe - benchmark) * sqrt((record.rows - 1) / tails))


def expected_maximum(trials: int, spread: float) -> float:
    """Return what the best of so many trials without any skill is expected to reach."""
    if not 1 <= trials <= TRIALS_MAX:
        raise Invalid(f"trials: 1 to {TRIALS_MAX}, were {trials}")
    if not 0.0 <= spread < inf:
        raise Invalid(f"trials: their Sharpe ratios have a known spread, was {spread}")
    if trials == 1:
        return 0.0
    return spread * ((1.0 - EULER) * quantile(1.0 - 1.0 / trials) + EULER * quantile(1.0 - 1.0 / (trials * e)))


def deflated_sharpe(record: Record, trials: int, spread: float) -> float:
    """Return the chance that the true Sharpe ratio is above what luck finds in so many trials."""
    return probabilistic_sharpe(record, expected_maximum(trials, spread))


def overfitting(returns: Floats, chosen: int, trials: int, parts: int = PARTS) -> Overfitting:
    """Return what the chosen column of `[time, trial]` is worth, one of truly so many trials."""
    _check(returns, parts)
    rows, shown = returns.shape
    if trials < shown:
        raise Invalid(f"trials: at least those that are shown, {shown}, were {trials}")
    if not 0 <= chosen < shown:
        raise Invalid(f"chosen: one of {shown} trials, was {chosen}")
    record = record_of(returns[:, chosen])
    spread = float(_sharpes(returns).std(ddof=1)) if shown > 1 else 0.0
    # What is not shown may have differed as much as chance alone lets trials differ.
    spread = spread if trials == shown else max(spread, 1.0 / sqrt(rows - 1))
    halves = symmetry(returns, parts) if shown > 1 else Symmetry(nan, nan, 0)
    return Overfitting(
        record=record,
        trials=trials,
        shown=shown,
        luck=expected_maximum(trials, spread),
        probabilistic=probabilistic_sharpe(record),
        deflated=deflated_sharpe(record, trials, spread),
        probability=halves.probability,
        loss=halves.loss,
    )


def symmetry(returns: Floats, parts: int = PARTS) -> Symmetry:
    """Return what choosing the best of `[time, trial]` is worth, by every way to learn from one half of the parts.

    The oldest rows are left out where parts would differ in length. Equal trials share the middle of their ranks, and
    the middle itself counts as below it, so that trials that are all the same are a choice of nothing.
    """
    _check(returns, parts)
    rows, shown = returns.shape
    if shown < 2:
        raise Invalid(f"trials: two at least are shown to choose from, was {shown}")
    each = rows // parts
    kept = returns[rows - each * parts :].reshape(parts, each, shown)
    sums, squares = kept.sum(axis=1), (kept**2).sum(axis=1)
    half = _halves(parts)
    learned = _ratio(half @ sums, half @ squares, each * parts // 2)
    # The complement of a half is a half too: reversed, the list of all halves is the list of their complements.
    judged = learned[::-1]
    best = np.argmax(learned, axis=1)
    found = judged[np.arange(len(half)), best][:, None]
    rank = (judged < found).sum(axis=1) + 0.5 * (judged == found).sum(axis=1) + 0.5
    return Symmetry(float((rank <= (shown + 1) / 2).mean()), float((found < 0.0).mean()), len(half))


def _check(returns: Floats, parts: int) -> None:
    if returns.ndim != 2 or returns.shape[1] < 1 or not np.isfinite(returns).all():
        raise Invalid("trials: known returns as [time, trial], some were not")
    if not PARTS_MIN <= parts <= PARTS_MAX or parts % 2:
        raise Invalid(f"parts: an even number from {PARTS_MIN} to {PARTS_MAX}, was {parts}")
    if len(returns) < max(ROWS_MIN, 2 * parts):
        raise Invalid(f"trials: {max(ROWS_MIN, 2 * parts)} rows at least, were {len(returns)}")


def _sharpes(returns: Floats) -> Floats:
    return _ratio(returns.sum(axis=0), (returns**2).sum(axis=0), len(returns))


def _ratio(sums: Floats, squares: Floats, rows: int) -> Floats:
    """Return mean over deviation from sums; a trial that never moves has earned nothing."""
    mean = sums / rows
    spread = np.sqrt(np.maximum(squares / rows - mean**2, 0.0) * rows / (rows - 1))
    moved = spread > SPREAD_MIN * np.abs(mean)
    return np.asarray(np.where(moved, mean / np.where(moved, spread, 1.0), 0.0), np.float64)


@lru_cache(PARTS_MAX)
def _halves(parts: int) -> Floats:
    """Return every choice of one half of the parts as a row of ones and zeros, in lexical order."""
    chosen = np.array(list(combinations(range(parts), parts // 2)))
    half = np.zeros((len(chosen), parts))
    np.put_along_axis(half, chosen, 1.0, axis=1)
    half.flags.writeable = False
    return half
