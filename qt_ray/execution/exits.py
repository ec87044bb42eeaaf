"""Exits: where a position ends, decided when it begins and only ever tightened.

A stop stands at the venue from the first fill. It moves toward profit (breakeven, trail) and never away, a target
may be taken in parts, and time ends what neither reached. Levels come from ATR, the regime at entry and confidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.account import Book
from qt_ray.core.compiled import inlined
from qt_ray.core.errors import InvalidConfig
from qt_ray.core.records import I64, U8, empty
from qt_ray.market.regime import Regime


@dataclass(frozen=True, slots=True)
class Levels:
    """Where one position ends: distances in ATR from entry, R is the distance of its first stop.

    Zero switches off breakeven, trail and partial; stop, target and time always hold.
    """

    stop_atr: Decimal
    target_atr: Decimal
    breakeven_r: Decimal
    trail_atr: Decimal
    hours_max: int
    partial_r: Decimal = Decimal("1.5")
    partial_bps: int = 0

    def __post_init__(self) -> None:
        if min(self.stop_atr, self.target_atr) <= 0 or self.hours_max < 1:
            given = f"{self.stop_atr}, {self.target_atr} and {self.hours_max}"
            raise InvalidConfig(f"exits: stop_atr, target_atr and hours_max are positive, were {given}")
        if min(self.breakeven_r, self.trail_atr, self.partial_r) < 0 or not 0 <= self.partial_bps <= 10_000:
            given = f"{self.breakeven_r}, {self.trail_atr}, {self.partial_r} and {self.partial_bps}"
            raise InvalidConfig(
                "exits: breakeven_r, trail_atr and partial_r are not negative, partial_bps is at most 10000,"
                f" were {given}"
            )


def _levels(stop: str, target: str, breakeven: str, trail: str, hours: int) -> Levels:
    return Levels(Decimal(stop), Decimal(target), Decimal(breakeven), Decimal(trail), hours)


BY_REGIME: Mapping[Regime, Levels] = {
    Regime.LOW_VOL: _levels("1.2", "3.5", "1.0", "1.2", 48),
    Regime.NORMAL: _levels("1.5", "3.0", "1.0", "1.5", 36),
    Regime.HIGH: _levels("2.0", "4.0", "1.2", "2.0", 24),
    Regime.EXTREME: _levels("2.5", "5.0", "1.5", "2.5", 12),
    Regime.TRENDING: _levels("1.8", "4.5", "1.5", "1.8", 72),
    Regime.RANGING: _levels("1.0", "2.0", "0.8", "1.0", 18),
}


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """Levels by name of the regime at entry, none to protect nothing; the stop's distance is bounded in bps of price.

    `confidence_tilt` moves the target out by that share of its distance per unit of confidence above one half.
    """

    levels: Mapping[str, Levels]
    stop_min_bps: int = 5
    stop_max_bps: int = 1_000
    confidence_tilt: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not 0 < self.stop_min_bps <= self.stop_max_bps < 10_000:
            bounds = f"{self.stop_min_bps} and {self.stop_max_bps}"
            raise InvalidConfig(f"exits: 0 < stop_min_bps <= stop_max_bps < 10000, were {bounds}")
        if not 0 <= self.confidence_tilt <= 1:
            raise InvalidConfig(f"exits: confidence_tilt lies in [0, 1], was {self.confidence_tilt}")
        if unknown := set(self.levels) - set(Regime.__members__):
            raise InvalidConfig(f"exits: levels are by name of a regime, was {min(unknown)!r}")

    @staticmethod
    def none() -> "ExitPlan":
        """Return the plan that protects nothing, for measurements only."""
        return ExitPlan({})

    @staticmethod
    def dynamic(levels: Levels = BY_REGIME[Regime.NORMAL]) -> "ExitPlan":
        """Return the plan whose one set of levels follows volatility and confidence in every regime."""
        return ExitPlan(dict.fromkeys(Regime.__members__, levels), confidence_tilt=Decimal("0.4"))

    @staticmethod
    def by_regime(levels: Mapping[Regime, Levels] = BY_REGIME) -> "ExitPlan":
        """Return the plan that reads its levels off the table of regimes; an unknown regime is a normal one."""
        return ExitPlan(_by_name(levels))

    @staticmethod
    def hybrid(levels: Mapping[Regime, Levels] = BY_REGIME) -> "ExitPlan":
        """Return the table of regimes tilted by confidence, its stops between fixed bounds."""
        return ExitPlan(_by_name(levels), stop_min_bps=20, stop_max_bps=400, confidence_tilt=Decimal("0.4"))


def _by_name(levels: Mapping[Regime, Levels]) -> dict[str, Levels]:
    return {regime.name: levels.get(regime, levels[Regime.NORMAL]) for regime in Regime}


class ExitRow:
    """One regime's exit policy; multiples are hundredths, `active` is zero when nothing protects."""

    stop_atr_x100: I64
    target_atr_x100: I64
    breakeven_x100: I64
    trail_atr_x100: I64
    hours_max: I64
    partial_x100: I64
    partial_bps: I64
    stop_min_bps: I64
    stop_max_bps: I64
    confidence_tilt_bps: I64
    active: U8


def exit_rows(plan: ExitPlan) -> NDArray[np.void]:
    """Return the plan as one row per regime, for compiled code."""
    rows = empty(ExitRow, len(Regime))
    for regime, level in plan.levels.items():
        multiples = (level.stop_atr, level.target_atr, level.breakeven_r, level.trail_atr)
        rows[Regime[regime]] = (
            *(int(multiple * 100) for multiple in multiples),
            level.hours_max,
            int(level.partial_r * 100),
            level.partial_bps if level.partial_r > 0 else 0,
            plan.stop_min_bps,
            plan.stop_max_bps,
            int(plan.confidence_tilt * 10_000),
            1,
        )
    return rows


@inlined
def stop_distance(rule: ExitRow, atr: int, price: int) -> int:
    """Return how far the stop stands from entry, in ticks; zero when nothing protects."""
    if rule.active == 0:
        return 0
    wanted = atr * rule.stop_atr_x100 // 100
    least = max(price * rule.stop_min_bps // 10_000, 1)
    return min(max(wanted, least), max(price * rule.stop_max_bps // 10_000, least))


@inlined
def target_distance(rule: ExitRow, atr: int, confidence_bps: int) -> int:
    """Return how far the target stands from entry; more confidence asks for more."""
    wanted = atr * rule.target_atr_x100 // 100
    return max(wanted + wanted * (confidence_bps - 5_000) // 10_000 * rule.confidence_tilt_bps // 10_000, 1)


@inlined
def protect(book: Book, rule: ExitRow, atr: int, confidence_bps: int, price: int, ts: int, regime: int) -> None:
    """Set the levels of a position that begins at `price`."""
    side = 1 if book.position > 0 else -1
    book.entry = price
    book.best = price
    book.opened_ts = ts
    book.entry_regime = regime
    book.partials = 0
    book.risk = stop_distance(rule, atr, price)
    book.stop = 0
    book.target = 0
    if rule.active == 1:
        book.stop = max(price - side * book.risk, 1)
        book.target = max(price + side * target_distance(rule, atr, confidence_bps), 1)


@inlined
def tightened(book: Book, rule: ExitRow, atr: int, close: int) -> int:
    """Take a bar's close and return the stop after it: breakeven, then trail, never looser, never through the close."""
    side = 1 if book.position > 0 else -1
    book.best = _tighter(side, book.best, close)
    run = side * (book.best - book.entry)
    wanted = book.stop
    if rule.breakeven_x100 > 0 and run * 100 >= rule.breakeven_x100 * book.risk:
        wanted = _tighter(side, wanted, book.entry)
    if rule.trail_atr_x100 > 0 and atr > 0 and run >= book.risk:
        wanted = _tighter(side, wanted, book.best - side * (atr * rule.trail_atr_x100 // 100))
    if side * (wanted - close) >= 0:
        wanted = close - side
    return _tighter(side, book.stop, wanted)


@inlined
def _tighter(side: int, one: int, other: int) -> int:
    return max(one, other) if side > 0 else min(one, other)


@inlined
def outlived(book: Book, rule: ExitRow, now_ms: int) -> bool:
    """Return whether the position has had its time."""
    return rule.active == 1 and book.position != 0 and now_ms - book.opened_ts >= rule.hours_max * 3_600_000


@inlined
def partial_due(book: Book, rule: ExitRow) -> bool:
    """Return whether the next target is the partial one."""
    return rule.partial_bps > 0 and book.partials == 0 and book.risk > 0


@inlined
def partial_target(book: Book, rule: ExitRow) -> int:
    """Return the price of the partial target."""
    side = 1 if book.position > 0 else -1
    return max(book.entry + side * max(book.risk * rule.partial_x100 // 100, 1), 1)
