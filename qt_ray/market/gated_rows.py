"""Gated rows: the candles of one time become one row of bars, each through its symbol's gate, and nothing is made up.

A candle that its gate turns away is missing, like one that never came: NaN, as in a stored series. A row bears the mark
and the funding of its own time and none that was told later, so a row that is late is the one that would have come.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qt_ray.market.bars import Bars
from qt_ray.market.columns import Bar
from qt_ray.market.quality_gate import QualityGate
from qt_ray.market.ticks import Candle, MarkTick

COLUMNS: Final = ("open", "high", "low", "close", "volume")
NAN: Final = float("nan")
# Marks and rates of so many times are remembered for each symbol: more than any row waits.
TIMES_MAX: Final = 64

Timed = dict[int, tuple[int, float]]


class GatedRows:
    """Makes the rows of `symbols`, in order of time; `counts` is what was wrong with candles, by rule."""

    def __init__(self, symbols: Sequence[str], interval_ms: int) -> None:
        """Begin with nothing seen."""
        self.symbols, self.interval_ms = tuple(symbols), interval_ms
        self.counts: Counter[str] = Counter()
        self._gates = {symbol: QualityGate(interval_ms) for symbol in symbols}
        self._marks: dict[str, Timed] = {symbol: {} for symbol in symbols}
        self._rates: dict[str, Timed] = {symbol: {} for symbol in symbols}

    def marked(self, tick: MarkTick) -> None:
        """Take in a mark, and the rate at which the period of funding will settle that is under way."""
        if tick.symbol not in self._gates:
            return
        _keep(self._marks[tick.symbol], self._open(tick.time_ms), tick.time_ms, float(tick.mark))
        _keep(self._rates[tick.symbol], tick.next_funding_ms, tick.time_ms, float(tick.funding_rate))

    def settled(self, symbol: str, at_ms: int, rate: Decimal) -> None:
        """Take in the rate that a period of funding was settled at; it is the last word on that period."""
        if symbol in self._gates:
            _keep(self._rates[symbol], at_ms, at_ms, float(rate))

    def row(self, open_ms: int, candles: Mapping[str, Candle]) -> Bars:
        """Return the row of one open time; whoever has no candle, or one that is turned away, is NaN in it."""
        bars = {symbol: bar for symbol in self.symbols if (bar := self._admitted(candles.get(symbol))) is not None}
        self.counts["missing"] += len(self.symbols) - len(bars)
        columns = {name: self._cells(partial(_cell, bars, name)) for name in COLUMNS}
        return Bars(
            self.symbols,
            self.interval_ms,
            np.array([open_ms], dtype=np.int64),
            **columns,
            funding=self._cells(lambda symbol: self._settled(symbol, open_ms)),
            mark=self._cells(lambda s: self._marks[s].get(open_ms, (0, NAN))[1] if s in bars else NAN),
        )

    def _admitted(self, candle: Candle | None) -> Bar | None:
        if candle is None:
            return None
        bar = Bar(candle.open_ms, *(float(getattr(candle, name)) for name in COLUMNS))
        verdict = self._gates[candle.symbol].admit(bar)
        if verdict.rule is not None:
            self.counts[verdict.rule.value] += 1
        return bar if verdict.admitted else None

    def _settled(self, symbol: str, open_ms: int) -> float:
        """Return the rate that was settled as this bar opened, or nothing."""
        known = self._rates[symbol]
        return next((rate for at, (_, rate) in reversed(known.items()) if self._open(at) == open_ms), NAN)

    def _open(self, time_ms: int) -> int:
        return time_ms - time_ms % self.interval_ms

    def _cells(self, cell: Callable[[str], float]) -> NDArray[np.float64]:
        return np.array([[cell(symbol) for symbol in self.symbols]], dtype=np.float64)


def _cell(bars: Mapping[str, Bar], name: str, symbol: str) -> float:
    return float(getattr(bars[symbol], name)) if symbol in bars else NAN


def _keep(known: Timed, key: int, time_ms: int, value: float) -> None:
    """Keep the last word on a time; the oldest times make room for new ones."""
    if key in known and known[key][0] > time_ms:
        return
    known[key] = (time_ms, value)
    if len(known) > TIMES_MAX:
        del known[min(known)]
