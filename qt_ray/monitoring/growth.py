"""Growth: what one unit of money became, free of deposits and withdrawals.

Every ratio, drawdown and month is read from one growth curve, so they cannot contradict each other. Ruin is
final: after growth reaches zero there are no more returns to speak of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.engine.run import Run
from qt_ray.market.bars import Bars, Floats, Ints

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
DAILY_FROM_DAYS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Growth at every `ts` of what was 1 at `start_ms`."""

    start_ms: int
    interval_ms: int
    ts: Ints
    growth: Floats

    @property
    def years(self) -> float:
        """Return the length of the curve in years of 365 days."""
        return (int(self.ts[-1]) - self.start_ms) / YEAR_MS

    @property
    def total(self) -> float:
        """Return the whole period's return."""
        return float(self.growth[-1]) - 1.0

    @property
    def drawdown(self) -> Floats:
        """Return how far growth stands below its highest point so far; never above zero."""
        peak = np.maximum(np.maximum.accumulate(self.growth), 1.0)
        return np.asarray(self.growth / peak - 1.0, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Returns per period of equal length, up to ruin."""

    ts: Ints
    values: Floats
    per_year: float
    daily: bool


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall below a peak; `recovered_ms` is None while it lasts."""

    depth: float
    peak_ms: int
    trough_ms: int
    recovered_ms: int | None
    end_ms: int

    @property
    def length_ms(self) -> int:
        """Return the time from peak to recovery, or to the end of the record."""
        return self.end_ms - self.peak_ms


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month (UTC) and its return; NaN after ruin."""

    year: int
    month: int
    value: float


def growth_curve(run: Run) -> Curve:
    """Return the fund's growth; a transfer changes equity and not growth."""
    cycles = run.cycles
    if len(cycles) == 0:
        raise Invalid("a report needs at least one cycle, was given none")
    if run.initial <= 0:
        raise Invalid(f"a report needs an initial balance above 0, was {run.initial}")
    equity = cycles["equity"].astype(np.float64)
    moved = np.diff(cycles["transfers"], prepend=0).astype(np.float64)
    growth: Floats = equity / run.initial
    if moved.any():
        before = np.concatenate(([float(run.initial)], equity[:-1]))
        factor = np.divide(equity - moved, before, out=np.zeros_like(equity), where=before > 0)
        growth = np.cumprod(np.maximum(factor, 0.0), dtype=np.float64)
    growth[np.logical_or.accumulate(growth <= 0)] = 0.0
    interval = run.bars.interval_ms
    return Curve(int(cycles["ts"][0]) - interval, interval, cycles["ts"].astype(np.int64), growth)


def held_curve(bars: Bars, ts: Ints) -> Curve | None:
    """Return equal weights of all symbols bought at their first close and never touched, at times `ts`.

    A symbol's share waits as cash until its first price; a missing bar keeps the price before it.
    """
    rows = np.searchsorted(bars.ts + bars.interval_ms, ts, side="right") - 1
    total = np.zeros(len(ts))
    priced = 0
    for column in range(len(bars.symbols)):
        share = held_share(bars.close[:, column], rows)
        if share is not None:
            total += share
            priced += 1
    if priced == 0:
        return None
    return Curve(int(ts[0]) - bars.interval_ms, bars.interval_ms, ts, total / priced)


def held_share(close: Floats, rows: Ints) -> Floats | None:
    """Return price at `rows` over the first price among them, 1 before it; None when there is no price."""
    known = np.isfinite(close) & (close > 0)
    last = np.maximum.accumulate(np.where(known, np.arange(len(close)), -1))
    at = np.where(rows >= 0, last[rows], -1)
    if not (at >= 0).any():
        return None
    first = close[at[np.argmax(at >= 0)]]
    return np.where(at >= 0, close[at] / first, 1.0)


def returns_of(curve: Curve) -> Returns:
    """Return daily returns from a month of record on, else one per bar."""
    days = (int(curve.ts[-1]) - curve.start_ms) / DAY_MS
    daily = curve.interval_ms < DAY_MS and days >= DAILY_FROM_DAYS
    rows = _period_ends((curve.ts - 1) // DAY_MS) if daily else np.arange(len(curve.ts))
    growth = np.concatenate(([1.0], curve.growth[rows]))
    ruined = np.flatnonzero(growth <= 0)
    stop = int(ruined[0]) if len(ruined) else len(growth)
    alive = growth[: stop + 1]
    values = alive[1:] / alive[:-1] - 1.0
    period = DAY_MS if daily else curve.interval_ms
    return Returns(curve.ts[rows][: len(values)], values, YEAR_MS / period, daily)


def months_of(curve: Curve) -> tuple[Month, ...]:
    """Return the return of every month on record; together they compound to the total."""
    month = (curve.ts - 1).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    rows = _period_ends(month)
    growth = np.concatenate(([1.0], curve.growth[rows]))
    ratio = np.full(len(rows), np.nan)
    np.divide(growth[1:], growth[:-1], out=ratio, where=growth[:-1] > 0)
    return tuple(
        Month(1970 + int(number) // 12, int(number) % 12 + 1, float(value))
        for number, value in zip(month[rows], ratio - 1.0, strict=True)
    )


def drawdowns_of(curve: Curve, count: int = 5) -> tuple[Drawdown, ...]:
    """Return the `count` deepest falls, deepest first."""
    depth = curve.drawdown
    edges = np.diff(np.concatenate(([False], depth < 0, [False])).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) == 0:
        return ()
    lows = np.minimum.reduceat(depth, starts)
    deepest = np.argsort(lows, kind="stable")[:count]
    return tuple(_drawdown(curve, depth, int(starts[at]), int(stops[at])) for at in deepest)


def _drawdown(curve: Curve, depth: Floats, start: int, stop: int) -> Drawdown:
    trough = start + int(np.argmin(depth[start:stop]))
    recovered = int(curve.ts[stop]) if stop < len(depth) else None
    return Drawdown(
        depth=float(depth[trough]),
        peak_ms=int(curve.ts[start - 1]) if start else curve.start_ms,
        trough_ms=int(curve.ts[trough]),
        recovered_ms=recovered,
        end_ms=int(curve.ts[-1]) if recovered is None else recovered,
    )


def _period_ends(number: Ints) -> NDArray[np.int64]:
    last = np.flatnonzero(np.diff(number))
    return np.concatenate((last, [len(number) - 1])).astype(np.int64)
