"""Bars with something in them to learn, and rows that point into them, each to its horizon."""

import numpy as np

from qt_ray.ai.members.member import Evidence, Floats
from qt_ray.ai.sample import Sample

LOOKBACK = 12


def sample(rows: int, seed: int, told: float = 2.0) -> Sample:
    """Return bars whose return leans against the last one by `told` times the spread of its chance."""
    dice = np.random.default_rng(seed)
    bars = dice.standard_normal((rows + LOOKBACK, 4))
    for at in range(1, len(bars)):
        bars[at, 0] -= told * np.sign(bars[at - 1, 0])
    return rows_of(bars, horizon=1)


def circling(rows: int, seed: int, horizon: int) -> Sample:
    """Return bars whose return goes round once in a window, so that the way to a horizon is bent."""
    bars = np.random.default_rng(seed).standard_normal((rows + LOOKBACK + horizon - 1, 4))
    bars[:, 0] += 2.0 * np.sin(2.0 * np.pi * np.arange(len(bars)) / LOOKBACK)
    return rows_of(bars, horizon)


def rows_of(bars: Floats, horizon: int) -> Sample:
    """Return a row a bar, of bars in units of their spread, with the return of the `horizon` bars after it."""
    tape = (bars * [1e-3, 1, 1, 1]).astype(np.float32)
    ends = np.arange(LOOKBACK - 1, len(tape) - horizon)
    ret = np.array([tape[end + 1 : end + 1 + horizon, 0].sum(dtype=np.float64) for end in ends])
    return Sample(
        evidence=Evidence(np.zeros((len(ends), 0), np.float32), tape, ends),
        up=(ret > 0).astype(np.float32),
        ret=ret,
        ts=ends * 60_000,
        until=(ends + horizon) * 60_000,
        symbol=np.zeros(len(ends), np.int32),
        regime=np.zeros(len(ends), np.uint8),
    )
