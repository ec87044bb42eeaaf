"""Market burst: what becomes of our own orders while the market tells fifty thousand prices a second.

The venue, in a process of its own, tells its best prices at that rate to an account that trades all the while, first in
calm and then in the storm. How late order events are is taken from the venue's own time on them; how many messages
were read, how much waited, how old the price was that an entry would have rested on, and what it cost in memory.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from benchmarks.desk import RULES, SYMBOL, Desk, at_desk, until
from benchmarks.form import Row, Sample, at_least, at_most, main
from qt_ray.adapters.binance.market_feed import MarketFeed
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.trading.market_loop import MarketLoop
from qt_ray.core.orders import Side
from qt_ray.execution.freshness import Freshness, Part
from qt_ray.execution.venue.news import News, OrderNews
from qt_ray.market.ticks import BestPrice, Tick

RATE: Final = 50_000
STORM_S, STORM_S_QUICK = 10.0, 2.0
BEAT_S: Final = 0.1
PAGE_BYTES: Final = 4_096
LAG_MS_MAX: Final = 50.0
GROWTH_MAX: Final = 20.0


@dataclass(slots=True)
class Watch:
    """What was seen in one kind of weather."""

    lags_ms: list[int] = field(default_factory=list)
    ages_ms: list[int] = field(default_factory=list)
    waiting: int = 0
    declined: int = 0
    read: int = 0
    taken_s: float = 0.0

    def news(self, news: News, at_ms: int) -> None:
        """Count how long an order's event was under way."""
        if isinstance(news, OrderNews):
            self.lags_ms.append(at_ms - news.time_ms)

    def tick(self, tick: Tick) -> None:
        """Count how old a price is when it is known."""
        if isinstance(tick, BestPrice):
            self.ages_ms.append(now_ms() - tick.time_ms)


def tail(values: list[int]) -> Sample:
    """Return the 99th of a hundred, and the extremes."""
    ordered = sorted(values) or [0]
    return Sample(ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)], len(values), (ordered[0], ordered[-1]))


def resident_mb() -> float:
    """Return how much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 2**20


@asynccontextmanager
async def seeing(folder: Path) -> AsyncIterator[tuple[Desk, MarketFeed, MarketLoop]]:
    """Yield a desk that sees the market that it trades in."""
    freshness = Freshness((SYMBOL,), (Part.BEST, Part.MARK), RULES.limits, now_ms())
    async with at_desk(folder, gate=freshness.why_not) as desk:
        feed = desk.session.market(Wanted((SYMBOL,), frozenset((Stream.BEST, Stream.MARK))))
        market = MarketLoop(desk.account, feed, freshness)
        task = asyncio.create_task(market.run())
        try:
            await until(lambda: freshness.why_not(SYMBOL, now_ms()) is None)
            yield desk, feed, market
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def traded(desk: Desk, feed: MarketFeed, watch: Watch, for_s: float) -> None:
    """Buy and sell a step in turn, and look at what waits, for a while."""
    began_ns, read = monotonic_ns(), feed.read
    while (taken_s := (monotonic_ns() - began_ns) / 1e9) < for_s:
        side = Side.SELL if desk.account.custody.books.position(SYMBOL).quantity > 0 else Side.BUY
        quantity = desk.rules.step * 10
        desk.declined = ""
        desk.want(replace(await desk.two_levels(), side=side, quantity=quantity))
        watch.declined += bool(desk.declined)
        watch.waiting = max(watch.waiting, feed.waiting)
        await asyncio.sleep(BEAT_S)
    watch.read, watch.taken_s = feed.read - read, taken_s


async def weathered(storm_s: float) -> tuple[Watch, Watch, float]:
    """Return what was seen in calm and in the storm, and how much the process has grown by it."""
    calm, storm = Watch(), Watch()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        async with seeing(Path(name)) as (desk, feed, market):
            watch = calm
            desk.account.gateway.overhear(lambda news, at_ms: watch.news(news, at_ms))
            market.listen(lambda tick: watch.tick(tick))
            await traded(desk, feed, calm, storm_s / 2)
            watch, before = storm, resident_mb()
            await desk.tell("POST", "/do/burst", {"rate": RATE, "for_ms": int(storm_s * 1_000)})
            await traded(desk, feed, storm, storm_s)
            return calm, storm, resident_mb() - before


def measure(quick: bool) -> list[Row]:
    """Let a storm blow over an account that trades."""
    calm, storm, grown = asyncio.run(weathered(STORM_S_QUICK if quick else STORM_S))

    def one(value: float) -> Sample:
        return Sample(value, 1, (value, value))

    return [
        at_most("order events late, calm", "ms, p99", tail(calm.lags_ms), LAG_MS_MAX),
        at_most("order events late, burst", "ms, p99", tail(storm.lags_ms), LAG_MS_MAX),
        at_least("messages read in the burst", "1/s", one(storm.read / storm.taken_s), RATE * 0.9),
        at_most("age of the best price in the burst", "ms, p99", tail(storm.ages_ms), RULES.limits.book_age_max_ms),
        at_most("entries that the gate declined in the burst", "count", one(storm.declined), 0),
        at_most("prices waiting at once", "count", one(storm.waiting), 4),
        at_most("memory grown by the burst", "MB", one(grown), GROWTH_MAX),
    ]


if __name__ == "__main__":
    main(measure)
