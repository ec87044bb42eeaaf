"""Gathering: a venue's streams and its memory become rows, whole and in order of time, at the venue's own time.

What a stream leaves out is asked for over REST before its row is told, so a row is told once and is never another one
afterwards. The history is the same thing on a larger scale: nothing is told before all of it is here.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.binance.venue_clock import ClockView
from qt_ray.execution.venue.calls import Answer, Done, Refused
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.bars import Bars
from qt_ray.market.closing import ROWS_MAX, Closing, Hole
from qt_ray.market.intervals import INTERVALS_MS
from qt_ray.market.ticks import Candle, Gap, MarkTick, Tick

LOOK_MS: Final = 250
# A venue that does not answer is left alone for so many looks.
LOOKS_UNANSWERED: Final = 2
AT_ONCE_MAX: Final = 8
SLICE: Final = 32

Told = Tick | Unheeded | Unreadable


class Heard(Protocol):
    """Whoever tells the market."""

    def listen(self) -> AsyncIterator[Told]:
        """Yield what is heard, until cancelled."""


class Source(Protocol):
    """A venue, as far as its market is concerned; nothing can be done through it."""

    def market(self, wanted: Wanted) -> Heard:
        """Return a feed that reconnects and resubscribes by itself."""

    async def candles(self, symbol: str, interval: str, first_ms: int, last_ms: int) -> Answer[tuple[Candle, ...]]:
        """Ask for closed candles by their open times."""

    async def funding(self, symbol: str, first_ms: int, last_ms: int) -> Answer[tuple[tuple[int, Decimal], ...]]:
        """Ask for the rates of funding that were settled within a time, each beside its moment."""

    def venue_ms(self) -> int:
        """Return what time it is at the venue."""

    def clock(self) -> ClockView:
        """Return how far the wall clock is from the venue's."""

    async def close(self) -> None:
        """End the conversation."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is listened to, how many rows are wanted of the past, and how often what is missing is looked for."""

    symbols: tuple[str, ...]
    interval: str
    rows_max: int = ROWS_MAX
    look_ms: int = LOOK_MS

    @property
    def interval_ms(self) -> int:
        """Return the length of a bar."""
        return INTERVALS_MS[self.interval]


class Audience(Protocol):
    """Who is told."""

    def rows(self, rows: tuple[Bars, ...], is_history: bool) -> None:
        """Take rows that follow those before; the history comes once, and first."""

    def price(self, tick: Candle | MarkTick) -> None:
        """Take a price of this moment."""


class Gathering:
    """One venue's market, gathered for an audience; `counts` is what could not be used, by kind."""

    def __init__(self, source: Source, scope: Scope, audience: Audience) -> None:
        """Begin with nothing, as far in the past as rows are wanted."""
        self.heard_ms: int | None = None
        self.is_begun = False
        self._source, self._scope, self._audience = source, scope, audience
        self._counts: Counter[str] = Counter()
        start_ms = source.venue_ms() - scope.rows_max * scope.interval_ms
        self._closing = Closing(scope.symbols, scope.interval, start_ms, rows_max=scope.rows_max)

    @property
    def counts(self) -> dict[str, int]:
        """Return what could not be used, by kind."""
        return dict(self._counts + self._closing.counts)

    @property
    def holes(self) -> tuple[str, ...]:
        """Return the symbols that lack what has closed."""
        return tuple(hole.symbol for hole in self._closing.holes(self._source.venue_ms()))

    async def run(self) -> None:
        """Hear and mend until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._mend())

    async def _hear(self) -> None:
        kinds = frozenset({Stream.CANDLES, Stream.MARK})
        async for told in self._source.market(Wanted(self._scope.symbols, kinds, self._scope.interval)).listen():
            self._take(told, self._source.venue_ms())

    def _take(self, told: Told, at_ms: int) -> None:
        if isinstance(told, Candle | MarkTick):
            self.heard_ms = at_ms
            self._audience.price(told)
        if isinstance(told, Candle):
            self._closing.heard(told, at_ms)
            self._advance(at_ms)
        elif isinstance(told, MarkTick):
            self._closing.marked(told)
        elif isinstance(told, Unreadable | Unheeded | Gap):
            self._counts[type(told).__name__.lower()] += 1

    async def _mend(self) -> None:
        """Ask for what ought to be here and is not; a row that nobody can complete is told in time all the same."""
        while True:
            is_answered = await self._ask(self._closing.holes(self._source.venue_ms()))
            if not self.is_begun:
                await self._begin()
            self._advance(self._source.venue_ms())
            await asyncio.sleep(self._scope.look_ms * (1 if is_answered else LOOKS_UNANSWERED) / 1_000)

    async def _ask(self, holes: Iterable[Hole]) -> bool:
        """Ask about holes, a bounded number at once, and return whether all was answered."""
        room = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(hole: Hole) -> bool:
            async with room:
                found = await self._source.candles(hole.symbol, self._scope.interval, hole.first_ms, hole.last_ms)
            return self._fill(hole, found)

        return all(await asyncio.gather(*map(one, holes)))

    def _fill(self, hole: Hole, found: Answer[tuple[Candle, ...]]) -> bool:
        at_ms = self._source.venue_ms()
        if not isinstance(found, Done):
            self._counts["unanswered"] += 1
            return False
        if not found.unread:
            self._closing.filled(hole, found.value, at_ms)
            return True
        # What is missing among candles that cannot all be read is not known to be gone.
        self._counts["unreadable"] += len(found.unread)
        self._closing.filled(hole, found.value, at_ms, is_whole=False)
        return False

    async def _begin(self) -> None:
        """Tell the history once all of it is here; its rows are made a few at a time, so that nobody waits for them."""
        at_ms, rows = self._source.venue_ms(), list[Bars]()
        if self._closing.holes(at_ms) or not await self._is_funding_known(at_ms):
            return
        while some := self._closing.due(at_ms, SLICE):
            rows += some
            await asyncio.sleep(0)
        self.is_begun = True
        self._audience.rows(tuple(rows), True)

    async def _is_funding_known(self, at_ms: int) -> bool:
        """Return whether the venue has said what was settled in the time of the history, or that it will not."""
        first_ms = self._closing.next_ms
        asked = [self._source.funding(symbol, first_ms, at_ms) for symbol in self._scope.symbols]
        found = await asyncio.gather(*asked)
        for symbol, answer in zip(self._scope.symbols, found, strict=True):
            for settled_ms, rate in answer.value if isinstance(answer, Done) else ():
                self._closing.settled(symbol, settled_ms, rate)
            self._counts["funding unanswered"] += not isinstance(answer, Done)
        return all(isinstance(answer, Done | Refused) for answer in found)

    def _advance(self, at_ms: int) -> None:
        """Tell the rows that are due; what comes while the history is not all here waits behind it."""
        if self.is_begun and (rows := self._closing.due(at_ms)):
            self._audience.rows(rows, False)
