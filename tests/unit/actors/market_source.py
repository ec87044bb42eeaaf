"""A venue's market on a string: what it tells, what it remembers and what time it is there, as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

from qt_ray.adapters.binance.market_streams import Wanted
from qt_ray.adapters.binance.venue_clock import ClockView, Verdict
from qt_ray.adapters.gathering import Told
from qt_ray.execution.venue.calls import Answer, Done, Unsure
from qt_ray.market.ticks import Candle
from tests.unit.market.candles import MINUTE_MS, START_MS, candle, closed

LOOKS_MAX = 30_000


class MarketSource:
    """Its streams say only what `say` is given; its memory holds every candle that has closed, but for `lost` ones."""

    def __init__(self, number: int) -> None:
        self.now_ms = closed(number - 1) + 2_500
        self.verdict, self.is_closed, self.is_away = Verdict.GOOD, False, False
        self.asked: list[tuple[str, int, int]] = []
        self.lost: set[tuple[str, int]] = set()
        self.unread: tuple[str, ...] = ()
        self.settled: list[Answer[tuple[tuple[int, Decimal], ...]]] = []
        self.wanted: Wanted | None = None
        self._told: asyncio.Queue[Told] = asyncio.Queue()

    def market(self, wanted: Wanted) -> "MarketSource":
        self.wanted = wanted
        return self

    async def listen(self) -> AsyncIterator[Told]:
        while True:
            yield await self._told.get()

    def say(self, *told: Told) -> None:
        for one in told:
            self._told.put_nowait(one)

    async def candles(self, symbol: str, interval: str, first_ms: int, last_ms: int) -> Answer[tuple[Candle, ...]]:
        self.asked.append((symbol, first_ms, last_ms))
        if self.is_away:
            return Unsure("nobody answered")
        numbers = range((first_ms - START_MS) // MINUTE_MS, (last_ms - START_MS) // MINUTE_MS + 1)
        found = tuple(candle(symbol, number) for number in numbers if (symbol, number) not in self.lost)
        return Done(found, self.unread)

    async def funding(self, symbol: str, first_ms: int, last_ms: int) -> Answer[tuple[tuple[int, Decimal], ...]]:
        return self.settled.pop(0) if self.settled else Done(())

    def venue_ms(self) -> int:
        return self.now_ms

    def clock(self) -> ClockView:
        return ClockView(0 if self.verdict is Verdict.GOOD else 1_500, 0, self.verdict)

    async def close(self) -> None:
        self.is_closed = True


async def until(holds: Callable[[], bool]) -> None:
    """Let all tasks go on until something holds, but not for ever."""
    for _ in range(LOOKS_MAX):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to hold")
