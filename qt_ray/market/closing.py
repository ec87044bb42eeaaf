"""Closing: candles of many symbols, in whatever order and however often they come, become rows of bars in time's order.

A row is told once: when every symbol's candle is there, or the venue has said that it has none, or the patience for one
that nobody can get is over. What has closed and was not heard is a hole that names itself, so that it can be asked for
before its row is told; what comes after its row is counted and never changes the past.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Final

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.gated_rows import GatedRows
from qt_ray.market.intervals import INTERVALS_MS
from qt_ray.market.ticks import Candle, MarkTick

PATIENCE_MS: Final = 2_000
# A stream tells a candle within this time after its close; who is not heard then is asked about.
GRACE_MS: Final = 1_000
# A closed candle is of the past; the venue's clock and ours never differ by more.
AHEAD_MS: Final = 1_000
ROWS_MAX: Final = 1_500
# No venue answers for more candles at once.
HOLE_ROWS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Hole:
    """Candles of a symbol that have closed and were not heard, by open time from the first to the last."""

    symbol: str
    first_ms: int
    last_ms: int


@dataclass(slots=True)
class _Row:
    """What has been heard of one open time, and when the last of it was."""

    heard_ms: int
    candles: dict[str, Candle] = field(default_factory=dict)


class Closing:
    """Gathers the candles of `symbols` from the row that opens at `start_ms` on; every moment is the venue's."""

    def __init__(
        self,
        symbols: Sequence[str],
        interval: str,
        start_ms: int,
        patience_ms: int = PATIENCE_MS,
        rows_max: int = ROWS_MAX,
    ) -> None:
        """Begin with nothing heard."""
        if not symbols or len(set(symbols)) < len(symbols):
            raise Invalid(f"bars are gathered of one symbol or more, each once, was {', '.join(symbols) or 'none'}")
        if interval not in INTERVALS_MS:
            raise Invalid(f"interval: one of {', '.join(INTERVALS_MS)}, was {interval!r}")
        self.symbols, self.interval, self.interval_ms = tuple(symbols), interval, INTERVALS_MS[interval]
        self.next_ms = start_ms - start_ms % self.interval_ms
        self._patience_ms, self._rows_max = patience_ms, rows_max
        self._rows = GatedRows(symbols, self.interval_ms)
        self._held: dict[int, _Row] = {}
        self._answered = dict.fromkeys(symbols, self.next_ms - self.interval_ms)

    @property
    def counts(self) -> Counter[str]:
        """Return what was of no use, by reason."""
        return self._rows.counts

    def heard(self, candle: Candle, at_ms: int) -> None:
        """Take in a candle; one that has not closed is no bar yet."""
        if candle.symbol not in self._answered or candle.interval != self.interval or not candle.closed:
            return
        reason = self._useless(candle, at_ms)
        if reason is None:
            self._hold(candle, at_ms)
        else:
            self.counts[reason] += 1

    def marked(self, tick: MarkTick) -> None:
        """Take in a mark."""
        self._rows.marked(tick)

    def settled(self, symbol: str, at_ms: int, rate: Decimal) -> None:
        """Take in a rate of funding that was settled."""
        self._rows.settled(symbol, at_ms, rate)

    def holes(self, at_ms: int) -> tuple[Hole, ...]:
        """Return what ought to be here and is not, the first hole of each symbol that lacks anything."""
        return tuple(hole for symbol in self.symbols if (hole := self._hole(symbol, at_ms)) is not None)

    def filled(self, hole: Hole, candles: Iterable[Candle], at_ms: int, *, is_whole: bool = True) -> None:
        """Take in the venue's answer about a hole: what it does not hold, nobody has, if all of it could be read.

        Of the last moments that is not believed yet: a venue's memory may be behind its streams.
        """
        for candle in candles:
            row = self._held.get(candle.open_ms)
            if hole.first_ms <= candle.open_ms <= hole.last_ms and (row is None or candle.symbol not in row.candles):
                self.heard(candle, at_ms)
        if is_whole:
            settled_ms = min(hole.last_ms, self._newest(at_ms - self._patience_ms))
            self._answered[hole.symbol] = max(self._answered[hole.symbol], settled_ms)

    def due(self, at_ms: int, most: int | None = None) -> tuple[Bars, ...]:
        """Return the rows that are whole, or will never be, or have waited long enough, the oldest first."""
        return tuple(islice(self._due(at_ms), most))

    def _due(self, at_ms: int) -> Iterator[Bars]:
        while self._is_due(at_ms):
            open_ms, row = self.next_ms, self._held.pop(self.next_ms, None)
            self.next_ms += self.interval_ms
            yield self._rows.row(open_ms, row.candles if row else {})

    def _is_due(self, at_ms: int) -> bool:
        row = self._held.get(self.next_ms)
        missing = [symbol for symbol in self.symbols if row is None or symbol not in row.candles]
        if all(self._answered[symbol] >= self.next_ms for symbol in missing):
            return True
        if not self._held:
            return False
        # Patience begins once the market is heard again: while nobody is heard there is nothing to hold up.
        since_ms = max(self.next_ms + self.interval_ms, self._held[min(self._held)].heard_ms)
        return at_ms >= since_ms + self._patience_ms

    def _useless(self, candle: Candle, at_ms: int) -> str | None:
        if candle.open_ms % self.interval_ms:
            return "off_grid"
        if candle.open_ms + self.interval_ms > at_ms + AHEAD_MS:
            return "not over yet"
        if candle.open_ms < self.next_ms:
            return "late"
        row = self._held.get(candle.open_ms)
        if row is None or candle.symbol not in row.candles:
            return None
        return "duplicate" if row.candles[candle.symbol] == candle else "conflicting_duplicate"

    def _hold(self, candle: Candle, at_ms: int) -> None:
        row = self._held.setdefault(candle.open_ms, _Row(at_ms))
        row.candles[candle.symbol], row.heard_ms = candle, at_ms
        oldest_ms = candle.open_ms - (self._rows_max - 1) * self.interval_ms
        if oldest_ms > self.next_ms:
            self.counts["rows beyond the bound"] += (oldest_ms - self.next_ms) // self.interval_ms
            self.next_ms = oldest_ms
            self._held = {open_ms: kept for open_ms, kept in self._held.items() if open_ms >= oldest_ms}

    def _hole(self, symbol: str, at_ms: int) -> Hole | None:
        first_ms = max(self.next_ms, self._answered[symbol] + self.interval_ms)
        times = range(first_ms, self._newest(at_ms - GRACE_MS) + 1, self.interval_ms)
        missing = [at for at in times if at not in self._held or symbol not in self._held[at].candles]
        if not missing:
            return None
        return Hole(symbol, missing[0], min(missing[-1], missing[0] + (HOLE_ROWS_MAX - 1) * self.interval_ms))

    def _newest(self, at_ms: int) -> int:
        """Return the open time of the newest candle that has closed by then."""
        return at_ms - at_ms % self.interval_ms - self.interval_ms
