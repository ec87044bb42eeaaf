"""Fitting: what an ensemble learns after its members have: regimes they are good in, a common scale, an interval.

Few numbers from rows that no member was trained on, each bounded, so the house's weights are bent and not replaced.
"""

from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.ensemble.spec import PanelSpec
from qt_ray.ai.members.member import Floats, Ints
from qt_ray.core.errors import Invalid
from qt_ray.market.regime import Regime

# A weight is bent down to this share at most, and in a regime by itself once it has so many days.
TRUST_MIN = 0.05
DAYS_MIN = 60
# What a member may lack of the best before it keeps the least weight, as a share of what the best saves.
LACK_MAX = 0.5
COIN = log(2.0)
SLOPE_MIN, SLOPE_MAX = 0.01, 20.0
NEWTON_STEPS = 50
# Votes as they are: slope 1, shift 0. A whisper of a pull there keeps a step defined where all votes are alike.
FAITH = np.array([1.0, 0.0])
PULL = 1e-3
COVERAGE = 0.8
DAY_MS = 86_400_000


def bends(calibrated: Floats, up: Floats, regime: NDArray[np.uint8], ts: Ints) -> Floats:
    """Return multipliers `[regime, member]` of calibrated votes `[row, member]`: less where a member is surely worse.

    A member is measured by what it saves of a coin's log loss, against the member that saves most. What it lacks beyond
    one standard error is what its weight loses, and all of it once that is half of what the best saves: who knows half
    as much as another mostly repeats it with noise. Rows of one day count as one witness.
    """
    given = np.where(up[:, None] > 0.5, calibrated, 1.0 - calibrated)
    saved, days = COIN + np.log(given), ts // DAY_MS
    heard = np.isfinite(saved).all(axis=1)
    out = np.tile(_trust(saved[heard], days[heard]), (len(Regime), 1))
    for at in range(len(Regime)):
        rows = heard & (regime == at)
        if len(np.unique(days[rows])) >= DAYS_MIN:
            out[at] = _trust(saved[rows], days[rows])
    return out


def _trust(saved: Floats, days: Ints) -> Floats:
    """Return the share of its weight that each member keeps."""
    members, (witnesses, day) = saved.shape[1], np.unique(days, return_inverse=True)
    if len(witnesses) < 2:
        return np.ones(members)
    mean = saved.mean(axis=0)
    best = int(np.argmax(mean))
    if mean[best] <= 0.0:
        return np.ones(members)
    behind = saved[:, [best]] - saved
    apart = np.stack([np.bincount(day, behind[:, m] - behind[:, m].mean()) for m in range(members)])
    error = np.sqrt((apart**2).sum(axis=1) * len(witnesses) / (len(witnesses) - 1)) / len(saved)
    lacking = (behind.mean(axis=0) - error) / (mean[best] * LACK_MAX)
    kept: Floats = np.clip(1.0 - lacking, TRUST_MIN, 1.0)
    return kept


def scale(pooled: Floats, up: Floats) -> tuple[float, float]:
    """Return slope and shift of the log-odds under which pooled votes fit what happened best.

    A pool of calibrated votes is timid, and how timid depends on how alike its members are; a pool that knows nothing
    gets the least slope there is, and so says how often ups are.
    """
    known = np.isfinite(pooled) & np.isfinite(up)
    x, y = np.log(pooled[known] / (1.0 - pooled[known])), up[known].astype(np.float64)
    if len(x) < 2 or y.min() == y.max():
        raise Invalid(f"ensemble: a scale is fitted to votes of both outcomes, had {len(x)} rows")
    at = FAITH.copy()
    for _ in range(NEWTON_STEPS):
        step = _newton(at, x, y)
        # A whole step may overshoot where votes are far too sure or far too timid; a small enough one never does.
        while _loss(at - step, x, y) > _loss(at, x, y):
            step *= 0.5
        at = at - step
        if np.abs(step).max() < 1e-10:
            break
    slope, shift = map(float, at)
    bounded = float(np.clip(slope, SLOPE_MIN, SLOPE_MAX))
    return bounded, shift if bounded == slope else _shift(y)


def _loss(at: Floats, x: Floats, y: Floats) -> float:
    """Return the log loss of slope and shift `at`, and of their distance from FAITH."""
    z = at[0] * x + at[1]
    return float((np.logaddexp(0.0, z) - y * z).sum() + 0.5 * PULL * ((at - FAITH) ** 2).sum())


def _newton(at: Floats, x: Floats, y: Floats) -> Floats:
    """Return Newton's step of `_loss`, to be taken away."""
    p = 0.5 + 0.5 * np.tanh(0.5 * (at[0] * x + at[1]))
    weight = p * (1.0 - p)
    gradient = np.array([((p - y) * x).sum(), (p - y).sum()]) + PULL * (at - FAITH)
    cross = (weight * x).sum()
    curve = np.array([[(weight * x * x).sum() + PULL, cross], [cross, weight.sum() + PULL]])
    step: Floats = np.linalg.solve(curve, gradient)
    return step


def _shift(y: Floats) -> float:
    share = float(y.mean())
    return log(share / (1.0 - share))


def mirrored(scores: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Return rows and each row's reflection: the same market upside down.

    The days that calibrate went up or down as a whole, and cells of one day are hardly more than one witness. Whoever
    learns that drift foretells it for ever; with the reflections there is none to learn.
    """
    return np.concatenate((scores, 1.0 - scores)), np.concatenate((up, 1.0 - up))


def panel(
    kinds: tuple[str, ...],
    pooled: Floats,
    up: Floats,
    ret: Floats,
    size: Floats,
    outer: Floats | None,
    symmetric: bool = False,
) -> PanelSpec:
    """Return a panel: its scale, and an interval that held COVERAGE of the returns.

    `size` is volatility to the horizon, `outer` the members' own lowest and highest quantile `[row, 2]`, if any has.
    Where outcomes are `symmetric` the scale has no drift.
    """
    slope, shift = scale(*(mirrored(pooled, up) if symmetric else (pooled, up)))
    unit = ret / size
    tail = (1.0 - COVERAGE) / 2.0
    margin = 0.0
    if outer is not None:
        missed = np.maximum(outer[:, 0] - ret, ret - outer[:, 1]) / size
        margin = conformal(missed[np.isfinite(missed)], COVERAGE)
    return PanelSpec(
        kinds=kinds,
        slope=slope,
        shift=shift,
        coverage=COVERAGE,
        margin=margin,
        low=float(np.nanquantile(unit, tail)),
        high=float(np.nanquantile(unit, 1.0 - tail)),
    )


def conformal(missed: Floats, coverage: float) -> float:
    """Return the margin that holds a new row with probability `coverage`, whatever the rows' distribution."""
    if not len(missed):
        raise Invalid("ensemble: an interval is fitted to at least one row, had none")
    rank = min(ceil((len(missed) + 1) * coverage), len(missed))
    return float(np.sort(missed)[rank - 1])


def move_ratio(ret: Floats, size: Floats) -> float:
    """Return the mean size of a move over the mean volatility to its horizon."""
    known = np.isfinite(ret) & np.isfinite(size)
    return float(np.abs(ret[known]).mean() / size[known].mean())


def to_horizon(volatility: Floats, horizon_bars: int) -> Floats:
    """Return one bar's volatility as that of the way to the horizon."""
    return volatility * sqrt(horizon_bars)
