"""Quality gate for a live series: the file gate's rules, one bar at a time.

A stream cannot look ahead, so a bar that leaps waits until the next one confirms it: one bad tick never
becomes a price. Each symbol and interval has one gate, which counts everything it turned away.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qt_ray.core.errors import Invalid
from qt_ray.market.columns import Bar, Columns
from qt_ray.market.quality_rules import (
    WINDOW,
    Defect,
    Fate,
    Limits,
    Rule,
    Word,
    defects,
    judge_bar,
    memory,
    wick,
)

STALE_BARS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate on a bar: fate and rule, an earlier bar it confirms, and bars missing before it."""

    fate: Fate | None = None
    rule: Rule | None = None
    confirmed: Bar | None = None
    missing: int = 0

    @property
    def admitted(self) -> bool:
        """Tell whether the bar may be used."""
        return self.fate is None or self.fate in (Fate.FLAGGED, Fate.SUSPECT)


class QualityGate:
    """Admit the bars of one symbol and interval in order of time, or say why not."""

    def __init__(self, interval_ms: int, limits: Limits | None = None) -> None:
        if interval_ms <= 0:
            raise Invalid(f"quality: interval_ms is positive, was {interval_ms}")
        self.interval_ms = interval_ms
        self.limits = limits or Limits()
        self.counts: dict[Rule, int] = {}
        self._memory: Any = memory()
        self._ring, self._ordered = np.zeros(WINDOW), np.zeros(WINDOW)
        self._last: Bar | None = None
        self._waiting: Bar | None = None
        self._repeats = 1

    def admit(self, bar: Bar) -> Verdict:
        """Return the verdict on `bar` and remember it."""
        verdict = self._misplaced(bar) or self._unsound(bar) or self._judged(bar)
        if verdict.rule is not None:
            self.counts[verdict.rule] = self.counts.get(verdict.rule, 0) + 1
        if verdict.missing:
            self.counts[Rule.GAP] = self.counts.get(Rule.GAP, 0) + verdict.missing
        return verdict

    def stale(self, now_ms: int, bars: int = STALE_BARS) -> bool:
        """Tell whether the newest bar closed more than `bars` intervals before `now_ms`, or there is none."""
        return self._last is None or now_ms - self._last.ts > (bars + 1) * self.interval_ms

    def _misplaced(self, bar: Bar) -> Verdict | None:
        if bar.ts % self.interval_ms != 0:
            return Verdict(Fate.QUARANTINED, Rule.OFF_GRID)
        newest = self._waiting or self._last
        if newest is None or bar.ts > newest.ts:
            return None
        if bar.ts < newest.ts:
            return Verdict(Fate.QUARANTINED, Rule.OUT_OF_ORDER)
        if _told(bar) == _told(newest):
            return Verdict(Fate.DROPPED, Rule.DUPLICATE)
        return Verdict(Fate.QUARANTINED, Rule.CONFLICT)

    def _unsound(self, bar: Bar) -> Verdict | None:
        bits = defects(bar.open, bar.high, bar.low, bar.close, bar.volume)
        if not bits:
            return None
        return Verdict(Fate.QUARANTINED, next(Rule[defect.name] for defect in Defect if bits & defect))

    def _judged(self, bar: Bar) -> Verdict:
        newest = self._waiting or self._last
        missing = 0 if newest is None else (bar.ts - newest.ts) // self.interval_ms - 1
        words = judge_bar(
            self._memory[0],
            self._ring,
            self._ordered,
            bar.ts // self.interval_ms,
            bar.open,
            bar.close,
            self.limits.moves,
        )
        confirmed = self._waiting if words & Word.CONFIRMS else None
        self._last = confirmed or self._last
        if words & Word.HELD:
            self._waiting = bar
            return Verdict(Fate.QUARANTINED, Rule.OUTLIER, confirmed, missing)
        self._waiting = None
        self._repeats = self._repeats + 1 if self._last and _numbers(bar) == _numbers(self._last) else 1
        rule = self._strange(bar, math.nan if self._last is None else self._last.close)
        self._last = bar
        return Verdict(Fate.FLAGGED if rule else None, rule, confirmed, missing)

    def _strange(self, bar: Bar, before: float) -> Rule | None:
        idle = bar.volume == 0
        if self._repeats >= (self.limits.frozen_idle_bars if idle else self.limits.frozen_bars):
            return Rule.FROZEN
        reach = wick(before, bar.open, bar.high, bar.low, bar.close)
        if reach > max(float(self._memory["limit"][0]), self.limits.wick_min):
            return Rule.WICK
        return Rule.VOLUME_ZERO if idle else None


def rows(columns: Columns) -> list[Bar]:
    """Return the rows of a table as bars."""
    cells = columns.present
    cells.setdefault("volume", np.zeros(len(columns)))
    return [
        Bar(int(ts), **{name: float(column[i]) for name, column in cells.items()}) for i, ts in enumerate(columns.ts)
    ]


def _numbers(bar: Bar) -> tuple[float, ...]:
    return bar.open, bar.high, bar.low, bar.close, bar.volume


def _told(bar: Bar) -> tuple[str, ...]:
    return tuple(map(repr, (*_numbers(bar), bar.funding, bar.mark)))
