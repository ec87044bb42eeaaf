"""Drawdown: how far equity stands below its peaks, believed only when confirmed.

Peaks move with transfers, so a deposit is no profit and a withdrawal no loss. Equity from the venue or from bars that
passed the quality gate is confirmed and judged at once; a single unconfirmed tick can neither trip nor move a peak,
a day's start or a level, and where it differs from what is trusted the worse of the two is read.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

import numpy as np

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.errors import Invalid
from qt_ray.core.money import decimal, money, portion, ratio_bps
from qt_ray.core.records import I32, I64, U8, empty
from qt_ray.risk.ask import Limits

DAY_MS: Final = 86_400_000


class Level(IntEnum):
    """What a reading means."""

    OK = 0
    SOFT = 1
    HARD = 2


class Drawdown:
    """Peaks and the equity they are judged against, in money units; `trusted` is equity without single outliers."""

    day: I64
    day_start: I64
    day_peak: I64
    peak: I64
    equity: I64
    trusted: I64
    drawdown_bps: I32
    day_bps: I32
    breaches: I32
    hard_breaches: I32
    level: U8


@compiled
def begin(state: Drawdown, equity: int, ts_ms: int) -> None:
    """Start watching from `equity`, with nothing remembered."""
    state.day = ts_ms // DAY_MS
    state.day_start = state.day_peak = state.peak = equity
    state.equity = state.trusted = equity
    state.drawdown_bps = state.day_bps = 0
    state.breaches = state.hard_breaches = 0
    state.level = 0


@compiled
def transfer(state: Drawdown, amount: int) -> None:
    """Move every peak in proportion to a deposit or withdrawal, so that no reading changes by it.

    Where there is no equity to be in proportion to, peaks move by the amount itself.
    """
    before, after = state.trusted, state.trusted + amount
    if before > 0 and after >= 0:
        state.day_start = portion(state.day_start, after, before)
        state.day_peak = portion(state.day_peak, after, before)
        state.peak = portion(state.peak, after, before)
    else:
        state.day_start += amount
        state.day_peak += amount
        state.peak += amount
    state.equity += amount
    state.trusted = after


@compiled
def observe(state: Drawdown, limits: Limits, equity: int, ts_ms: int, confirmed: bool) -> int:
    """Take one reading of equity and return its Level."""
    if ts_ms // DAY_MS > state.day:
        state.day = ts_ms // DAY_MS
        state.day_start = state.day_peak = state.trusted
    state.trusted = equity if confirmed else _median(state.trusted, state.equity, equity)
    state.equity = equity
    state.peak = max(state.peak, state.trusted)
    state.day_peak = max(state.day_peak, state.trusted)
    worse = min(equity, state.trusted)
    state.drawdown_bps = _below(state.peak, worse)
    state.day_bps = -_below(state.day_start, worse)
    raw = _level(state.drawdown_bps, limits)
    state.breaches = state.breaches + 1 if raw >= 1 and not confirmed else 0
    state.hard_breaches = state.hard_breaches + 1 if raw >= 2 and not confirmed else 0
    state.level = raw if confirmed else max(min(raw, int(state.level)), _repeated(state, limits))
    return int(state.level)


@inlined
def _median(one: int, two: int, three: int) -> int:
    return max(min(one, two), min(max(one, two), three))


@inlined
def _below(peak: int, equity: int) -> int:
    """Return how far equity stands below a peak in bps, negative above it, between plus and minus 100 times."""
    return min(max(ratio_bps(peak - equity, max(peak, 1)), -1_000_000), 1_000_000)


@inlined
def _level(drawdown_bps: int, limits: Limits) -> int:
    if drawdown_bps >= limits.drawdown_hard_bps:
        return 2
    return 1 if drawdown_bps >= limits.drawdown_soft_bps else 0


@inlined
def _repeated(state: Drawdown, limits: Limits) -> int:
    """Return the level that enough unconfirmed readings in a row have all reached."""
    if state.hard_breaches >= limits.breaches_confirm:
        return 2
    return 1 if state.breaches >= limits.breaches_confirm else 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading for people: percentages to two places, negative below the peak."""

    equity: Decimal
    peak: Decimal
    drawdown_pct: Decimal
    day_pct: Decimal
    level: Level


class DrawdownMonitor:
    """The account's drawdown on the object side: the same compiled rule, Decimal in and out, state as bytes."""

    def __init__(self, limits: Any, equity: Decimal, ts_ms: int) -> None:
        self._limits = limits
        self._state: Any = empty(Drawdown, 1)
        begin(self._state[0], money(equity), ts_ms)

    def observe(self, equity: Decimal, ts_ms: int, *, confirmed: bool) -> Reading:
        """Judge one reading of equity with marks."""
        level = observe(self._state[0], self._limits, money(equity), ts_ms, confirmed)
        state = self._state[0]
        worse, peak, day_start = min(state["equity"], state["trusted"]), state["peak"], state["day_start"]
        return Reading(
            equity=equity,
            peak=decimal(peak),
            drawdown_pct=_percent(worse - peak, peak),
            day_pct=_percent(worse - day_start, day_start),
            level=Level(level),
        )

    def transfer(self, amount: Decimal) -> None:
        """Account for a deposit (positive) or withdrawal."""
        transfer(self._state[0], money(amount))

    def state_bytes(self) -> bytes:
        """Return the peaks as canonical bytes, to be kept across restarts."""
        return bytes(self._state.tobytes())

    def restore(self, state: bytes) -> None:
        """Take up peaks that `state_bytes` returned."""
        if len(state) != self._state.nbytes:
            raise Invalid(f"a drawdown state has {self._state.nbytes} bytes, was {len(state)}")
        self._state[:] = np.frombuffer(state, dtype=self._state.dtype)


def _percent(part: int, whole: int) -> Decimal:
    if whole <= 0:
        return Decimal("-100.00") if part < 0 else Decimal("0.00")
    return (Decimal(int(part)) * 100 / Decimal(int(whole))).quantize(Decimal("0.01"))
