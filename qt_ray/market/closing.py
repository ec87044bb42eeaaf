"""Closing: candles of many symbols become one row of bars, and no symbol holds the others up for long.

A row is told once, as soon as every symbol's candle has closed and passed its gate, or when the patience for it is
over; a symbol that is missing then is NaN in it, as in a stored series. Rows come in order of time, each at most once,
and a candle that comes after its row is counted and never changes the past.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.columns import Bar
from qt_ray.market.intervals import INTERVALS_MS
from qt_ray.market.quality_gate import QualityGate
from qt_ray.market.ticks import Candle, MarkTick

PATIENCE_MS: Final = 2_000
ROWS_MAX: Final = 64
COLUMNS: Final = ("open", "high", "low", "close", "volume")
NAN: Final = float("nan")


@dataclass(slots=True)
class _Row:
    """What has been heard of one open time."""

    bars: dict[str, Bar] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A symbol's last mark, and the funding that it settles at the end of its period."""

    mark: float
    rate: float
    settles_ms: int


class Closing:
    """Gathers the bars of `symbols`; `counts` is what was of no use, by reason."""

    def __init__(self, symbols: Sequence[str], interval: str, patience_ms: int = PATIENCE_MS) -> None:
        """Begin with nothing heard."""
        if not symbols or len(set(symbols)) < len(symbols):
            raise Invalid(f"bars are gathered of one symbol or more, each once, was {', '.join(symbols) or 'none'}")
        if interval not in INTERVALS_MS:
            raise Invalid(f"interval: one of {', '.join(INTERVALS_MS)}, was {interval!r}")
        self.symbols, self.interval, self.interval_ms = tuple(symbols), interval, INTERVALS_MS[interval]
        self.counts: Counter[str] = Counter()
        self._patience_ms = patience_ms
        self._gates = {symbol: QualityGate(self.interval_ms) for symbol in symbols}
        self._rows: dict[int, _Row] = {}
        self._told_ms: int | None = None
        self._seen: dict[str, _Seen] = {}
        self._settled: dict[str, tuple[int, float]] = {}

    def heard(self, candle: Candle) -> None:
        """Take in a candle; one that has not closed is no bar yet."""
        if candle.symbol not in self._gates or candle.interval != self.interval or not candle.closed:
            return
        if self._told_ms is not None and candle.open_ms <= self._told_ms:
            self.counts["late"] += 1
            return
        bar = Bar(candle.open_ms, *(float(getattr(candle, name)) for name in COLUMNS))
        verdict = self._gates[candle.symbol].admit(bar)
        if verdict.rule is not None:
            self.counts[verdict.rule.value] += 1
        row = self._rows.setdefault(candle.open_ms, _Row())
        row.judged.add(candle.symbol)
        if verdict.admitted:
            row.bars[candle.symbol] = bar
        if len(self._rows) > ROWS_MAX:
            del self._rows[min(self._rows)]
            self.counts["rows beyond the bound"] += 1

    def marked(self, tick: MarkTick) -> None:
        """Take in a mark; a period of funding that it ends has settled at the rate told last."""
        before = self._seen.get(tick.symbol)
        if before is not None and tick.next_funding_ms > before.settles_ms:
            self._settled[tick.symbol] = (before.settles_ms, before.rate)
        self._seen[tick.symbol] = _Seen(float(tick.mark), float(tick.funding_rate), tick.next_funding_ms)

    def due(self, at_ms: int) -> tuple[Bars, ...]:
        """Return the rows that are whole, or have waited long enough, the oldest first."""
        told = []
        for open_ms in sorted(self._rows):
            row, closed_ms = self._rows[open_ms], open_ms + self.interval_ms
            if len(row.judged) < len(self.symbols) and at_ms < closed_ms + self._patience_ms:
                break
            told.append(self._row(open_ms, self._rows.pop(open_ms)))
            self._told_ms = open_ms
        return tuple(told)

    @property
    def next_ms(self) -> int | None:
        """Return when the patience for the oldest row that waits is over."""
        return min(self._rows) + self.interval_ms + self._patience_ms if self._rows else None

    def _row(self, open_ms: int, row: _Row) -> Bars:
        self.counts["missing"] += len(self.symbols) - len(row.bars)
        columns = {
            name: np.array([[getattr(row.bars[s], name) if s in row.bars else NAN for s in self.symbols]])
            for name in COLUMNS
        }
        marks = [self._seen[s].mark if s in self._seen and s in row.bars else NAN for s in self.symbols]
        return Bars(
            self.symbols,
            self.interval_ms,
            np.array([open_ms], dtype=np.int64),
            **columns,
            funding=np.array([[self._funding(symbol, open_ms) for symbol in self.symbols]]),
            mark=np.array([marks]),
        )

    def _funding(self, symbol: str, open_ms: int) -> float:
        """Return the rate that was settled at the open of this bar, or nothing."""
        settled_ms, rate = self._settled.get(symbol, (-1, NAN))
        return rate if open_ms <= settled_ms < open_ms + self.interval_ms else NAN
