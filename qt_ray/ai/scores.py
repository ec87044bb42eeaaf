"""Scores: how good probabilities were, with the doubt that goes with them.

A row counts where both the opinion and what it is held against are known; NaN is an abstention and counts for coverage
alone. Cells of one bar move together and so do neighbouring bars, so doubt comes from drawing whole days, not cells.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from qt_ray.ai.members.member import Floats, Ints, Singles

DAY_MS = 86_400_000
BINS = 10
# A probability of 0 for what happened costs as much as this one, and not infinity.
FLOOR = 1e-6
BLOCKS_MIN = 5
RESAMPLES = 200

# A number about rows, given how often each of them was drawn.
Statistic = Callable[[Floats], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic and where 95 % of its resamples lie; the bounds are NaN where there are too few blocks to tell."""

    value: float
    low: float
    high: float


def log_loss(p: Floats, up: Singles) -> float:
    """Return the mean of -log of the probability that was given to what happened."""
    return _once(_mean(_surprise(p, up)), len(p))


def brier(p: Floats, up: Singles) -> float:
    """Return the mean squared distance between probability and outcome."""
    return _once(_mean((p - up) ** 2), len(p))


def accuracy(p: Floats, up: Singles) -> float:
    """Return how often the likelier side happened; an opinion of exactly one half is half right."""
    return _once(_mean(_right(p, up)), len(p))


def ece(p: Floats, up: Singles) -> float:
    """Return the expected calibration error: the mean distance between the share foretold and the share that happened.

    Ten bins hold equal numbers of rows in order of `p`, equal opinions share one, and each counts by its rows.
    """
    return _once(_miscalibration(p, up), len(p))


def ic(p: Floats, ret: Floats) -> float:
    """Return Spearman's correlation of `p` - 0.5 with the return, equal values sharing the mean of their ranks."""
    return _once(_rank_correlation(p, ret), len(p))


def with_confidence(statistic: Statistic, ts: Ints, dice: np.random.Generator, block_ms: int = DAY_MS) -> Interval:
    """Return `statistic` of all rows, and its 95 % interval from drawing blocks of time with replacement."""
    names, block = np.unique(ts // block_ms, return_inverse=True)
    value = _once(statistic, len(ts))
    if len(names) < BLOCKS_MIN:
        return Interval(value, nan, nan)
    draws = dice.multinomial(len(names), np.full(len(names), 1.0 / len(names)), RESAMPLES).astype(np.float64)
    answers = np.array([statistic(draw[block]) for draw in draws])
    known = answers[np.isfinite(answers)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (nan, nan)
    return Interval(value, float(low), float(high))


def scorecard(p: Floats, up: Singles, ret: Floats, ts: Ints, seed: int) -> dict[str, float]:
    """Return each score with its bounds, the rows that counted, and their share of the known outcomes."""
    statistics = {
        "log_loss": _mean(_surprise(p, up)),
        "brier": _mean((p - up) ** 2),
        "ece": _miscalibration(p, up),
        "accuracy": _mean(_right(p, up)),
        "ic": _rank_correlation(p, ret),
    }
    known = np.isfinite(up)
    count = int((known & np.isfinite(p)).sum())
    card = {"count": float(count), "coverage": count / int(known.sum()) if known.any() else nan}
    for name, statistic in statistics.items():
        found = with_confidence(statistic, ts, np.random.default_rng(seed))
        card |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return card


def _once(statistic: Statistic, rows: int) -> float:
    return statistic(np.ones(rows))


def _surprise(p: Floats, up: Singles) -> Floats:
    given = 1.0 - np.abs(up - p)
    return np.asarray(-np.log(np.clip(given, FLOOR, 1.0)), np.float64)


def _right(p: Floats, up: Singles) -> Floats:
    return np.asarray(0.5 + 0.5 * np.sign(p - 0.5) * np.sign(up - 0.5), np.float64)


def _mean(values: Floats) -> Statistic:
    known = np.isfinite(values)
    present = np.where(known, values, 0.0)
    counts = known.astype(np.float64)

    def of(drawn: Floats) -> float:
        rows = float(drawn @ counts)
        return float(drawn @ present) / rows if rows > 0.0 else nan

    return of


def _miscalibration(p: Floats, up: Singles) -> Statistic:
    known = np.isfinite(p) & np.isfinite(up)
    _, level = np.unique(p[known], return_inverse=True)
    miss = (p - up)[known]

    def of(drawn: Floats) -> float:
        times = drawn[known]
        rows = float(times.sum())
        if not rows > 0.0:
            return nan
        bins = np.minimum(_middles(level, times) * (BINS / rows), BINS - 1).astype(np.int64)
        return float(np.abs(np.bincount(bins[level], times * miss)).sum()) / rows

    return of


def _rank_correlation(p: Floats, ret: Floats) -> Statistic:
    known = np.isfinite(p) & np.isfinite(ret)
    levels = [np.unique(values[known], return_inverse=True)[1] for values in (p, ret)]

    def of(drawn: Floats) -> float:
        times = drawn[known]
        half = float(times.sum()) / 2.0
        one, other = (_middles(level, times)[level] - half for level in levels)
        heavy = times * one
        scale = sqrt(float(heavy @ one) * float((times * other) @ other)) if len(times) else 0.0
        return float(heavy @ other) / scale if scale > 0.0 else nan

    return of


def _middles(level: Ints, times: Floats) -> Floats:
    """Return the mean rank of each level of equal values less one half, every row counted `times` over."""
    mass = np.bincount(level, times)
    return np.asarray(np.cumsum(mass) - 0.5 * mass, np.float64)
