"""Feed: the market into the fund, whole and in order, for readers that each keep their own place in it.

A reader names the last row that it has and waits for what follows; a feed that is born again asks the venue for the
history anew. So neither needs the other's help, and no row is ever told as another one than it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qt_ray.actors.bell import Bell
from qt_ray.actors.living import Living
from qt_ray.actors.topology import FEED
from qt_ray.adapters.binance.venue_clock import Verdict
from qt_ray.adapters.gathering import Gathering, Scope, Source
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import RegimeChanged
from qt_ray.governance.policy_view import PolicyView
from qt_ray.market.bars import Bars
from qt_ray.market.quotes import Quotes
from qt_ray.market.recent import Recent, joined
from qt_ray.market.regime_watch import RegimeWatch, Turn
from qt_ray.market.ticks import Candle, MarkTick
from qt_ray.monitoring.feed_health import UNREACHED, FeedSight, judged
from qt_ray.monitoring.health import Condition

TICK_MS: Final = 1_000
WAIT_MS_MAX: Final = 30_000


class Feed:
    """One venue's feed."""

    def __init__(
        self,
        opening: Callable[[], Awaitable[Source]],
        scope: Scope,
        living: Living,
        tell: Callable[..., None],
        metrics: MetricsLogger,
        mute: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._opening, self._scope, self._living = opening, scope, living
        self._tell, self._metrics, self._mute = tell, metrics, mute
        self._recent, self._regimes, self._bell = Recent(scope.rows_max), RegimeWatch(scope.symbols), Bell()
        self._quotes = Quotes()
        self._source: Source | None = None
        self._gathering: Gathering | None = None

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after `after_ms`, as soon as there are any, or nothing after `wait_ms`."""
        if not 0 < wait_ms <= WAIT_MS_MAX:
            raise Invalid(f"wait_ms: 1 to {WAIT_MS_MAX}, was {wait_ms}")
        found = self._recent.after(after_ms)
        if found is None and await self._bell.heard(wait_ms):
            return self._recent.after(after_ms)
        return found

    async def marks(self) -> Mapping[str, Decimal]:
        """Return the newest mark of each symbol that has one."""
        return {symbol: tick.mark for symbol, tick in self._quotes.marks.items()}

    async def rates(self) -> Mapping[str, Decimal]:
        """Return at which rate the period of funding that is under way will settle, of each symbol that told one."""
        return {symbol: tick.funding_rate for symbol, tick in self._quotes.marks.items()}

    async def condition(self) -> Condition:
        """Return how the feed is: how old what it heard is, how the market moves, and what could not be used."""
        sight, newest, mute = self._sight(), self._recent.newest, self._mute()
        health, reasons = judged(sight)
        facts = {
            "rows": len(self._recent),
            "row_ms": None if newest is None else int(newest.ts[-1]),
            "venue_ms": sight.at_ms,
            "heard_ms": sight.heard_ms,
            "regimes": {symbol: regime.name for symbol, regime in self._regimes.regimes.items()},
            "counts": self._gathering.counts if self._gathering else {},
        }
        return self._living.condition(health, (*reasons, mute) if mute else reasons, facts, ready=sight.is_begun)

    async def run(self) -> None:
        """Gather the market until cancelled."""
        source = self._source = await self._opening()
        gathering = self._gathering = Gathering(source, self._scope, _Audience(self._rows, self._quotes.take))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(gathering.run())
                group.create_task(self._quote())
        finally:
            await source.close()

    def governed(self, view: PolicyView) -> None:
        """Take in where the policy in force lets volatility and trend change their names."""
        self._regimes.governed(view.policy.volatility)

    async def rest(self) -> None:
        """Hear no more; nothing is lost by it, for the venue remembers."""
        await self._living.rest()

    def _rows(self, rows: tuple[Bars, ...], is_history: bool) -> None:
        turns = self._regimes.take(joined(rows)) if rows else ()
        for row in rows:
            self._recent.append(row)
        if turns and not is_history:
            self._tell(*map(_turned, turns))
        for symbol in () if is_history else [symbol for row in rows for symbol in _empty(row)]:
            self._metrics.record_counter("qt_bars_missing_total", symbol=symbol)
        self._bell.ring()

    async def _quote(self) -> None:
        """Tell the last price of each symbol that has a new one, once a second."""
        while True:
            await asyncio.sleep(TICK_MS / 1_000)
            self._show()
            at_ms = self._source.venue_ms() if self._source else 0
            if prices := [event("market.tick", price, FEED, at_ms) for price in self._quotes.due()]:
                self._tell(*prices)

    def _show(self) -> None:
        sight = self._sight()
        if sight.heard_ms is not None:
            age_s = max(sight.at_ms - sight.heard_ms, 0) / 1_000
            self._metrics.record_gauge("qt_feed_age_seconds", age_s, part="market")

    def _sight(self) -> FeedSight:
        source, gathering, newest = self._source, self._gathering, self._recent.newest
        if source is None or gathering is None:
            return UNREACHED
        clock, marks = source.clock(), self._quotes.marks
        return FeedSight(
            at_ms=source.venue_ms(),
            interval_ms=self._scope.interval_ms,
            is_begun=gathering.is_begun,
            heard_ms=gathering.heard_ms,
            row_ms=None if newest is None else int(newest.ts[-1]),
            marks_ms={s: marks[s].time_ms if s in marks else None for s in self._scope.symbols},
            empty=() if newest is None else _empty(newest),
            holes=gathering.holes,
            clock_fault="" if clock.verdict is Verdict.GOOD else f"the wall clock is off by {clock.ahead_ms} ms",
            is_clock_wrong=clock.verdict is Verdict.STOP,
        )


@dataclass(frozen=True, slots=True)
class _Audience:
    rows: Callable[[tuple[Bars, ...], bool], None]
    price: Callable[[Candle | MarkTick], None]


def _turned(turn: Turn) -> Event:
    payload = RegimeChanged(turn.symbol, turn.old.name, turn.new.name)
    return event("market.regime.changed", payload, FEED, turn.at_ms)


def _empty(row: Bars) -> tuple[str, ...]:
    cells: Any = row.close[-1]
    return tuple(symbol for symbol, close in zip(row.symbols, cells, strict=True) if close != close)
