"""Feed: how long after a candle has closed at the venue its row is out, and what a history costs to begin with.

The paper venue is in this process, behind real sockets, and its clock is put just before each close, so that many
minutes take few seconds. Like the real one it tells of a candle every quarter of a second, and that is most of what is
measured; how much of it is ours is measured alone, from the last candle heard to a reader that waits for the row.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from benchmarks.form import Row, Sample, at_most, main
from qt_ray.actors.exporting import RayExporter
from qt_ray.actors.feed import Feed
from qt_ray.actors.living import Living
from qt_ray.adapters import clock
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.market_streams import Wanted
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.venue_clock import ClockView, Verdict
from qt_ray.adapters.gathering import Scope
from qt_ray.adapters.metrics_logger import MetricsLogger
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.execution.venue.calls import Done
from qt_ray.market.ticks import Candle

MINUTE_MS: Final = 60_000
START_MS: Final = 1_704_067_200_000
STEP_MS: Final = 10
BEFORE_MS: Final = 400
CLOSES, CLOSES_QUICK = 40, 4
MANY, MANY_QUICK = 50, 10
WAIT_MS: Final = 10_000
HEARD, HEARD_QUICK, HEARD_SYMBOLS = 300, 30, 100
LATE_MS, LATE_WORST_MS, BEGUN_MS, OURS_MS = 300.0, 1_000.0, 5_000.0, 5.0


@dataclass
class Scene:
    """A venue whose clock is moved on, and a feed on it."""

    venue: PaperVenue
    feed: Feed
    ahead: list[int] = field(default_factory=lambda: [0])

    def now_ms(self) -> int:
        """Return what time it is at the venue."""
        return clock.now_ms() + self.ahead[0]

    async def closed(self, after_ms: int) -> tuple[int, int]:
        """Let one more candle close; return its row's open time, and how late the row was."""
        self.ahead[0] += (MINUTE_MS - BEFORE_MS - self.now_ms() % MINUTE_MS) % MINUTE_MS
        closing_ms = self.now_ms() // MINUTE_MS * MINUTE_MS
        # A history that was read across the end of a minute leaves a row behind, which is not the one to be timed.
        while after_ms < closing_ms:
            row = await self.feed.rows(after_ms, WAIT_MS)
            told_ms = self.now_ms()
            if row is None:
                raise SystemExit(f"a row follows within {WAIT_MS} ms, none did")
            after_ms = int(row.ts[-1])
        return after_ms, told_ms - after_ms - MINUTE_MS


@asynccontextmanager
async def seen(symbols: int) -> AsyncIterator[Scene]:
    """Yield a feed of so many symbols that has not begun yet."""
    ahead = [0]
    wanted = PaperSettings(
        symbols=("BTCUSDT", "ETHUSDT") if symbols == 2 else (),
        invented=0 if symbols == 2 else symbols,
        step_ms=STEP_MS if symbols == 2 else STEP_MS * 10,
        weight_minute=10**9,
        now_ms=lambda: clock.now_ms() + ahead[0],
    )
    venue = PaperVenue(wanted)
    await venue.start()

    async def opening() -> BinanceSession:
        # The venue's clock is put on again and again, so it is asked for again and again.
        endpoints = Endpoints(venue.base_url, venue.ws_url, venue.base_url)
        return await BinanceSession.open(endpoints, None, None, Pace(clock_s=0.05))

    names = tuple(venue.hall.board.rows)[:symbols]
    feed = Feed(
        opening,
        Scope(names, "1m"),
        Living("Feed", was_reconstructed=False),
        lambda *events: None,
        MetricsLogger(RayExporter()),
    )
    work = asyncio.create_task(feed.run())
    try:
        yield Scene(venue, feed, ahead)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        await venue.stop()


async def watched(symbols: int, closes: int) -> tuple[float, list[int]]:
    """Return how long the history took, in milliseconds, and how late each row was."""
    async with seen(symbols) as scene:
        began_ns = clock.monotonic_ns()
        history = await scene.feed.rows(0, 3 * WAIT_MS)
        begun_ms = (clock.monotonic_ns() - began_ns) / 1e6
        if history is None:
            raise SystemExit(f"a history of {symbols} symbols is here within {3 * WAIT_MS} ms, was not")
        at_ms, late = int(history.ts[-1]), list[int]()
        for _ in range(closes):
            at_ms, late_ms = await scene.closed(at_ms)
            late.append(late_ms)
    return begun_ms, late


class Script:
    """A market that says what it is given, and remembers nothing."""

    def __init__(self) -> None:
        self.at_ms = START_MS
        self.told: asyncio.Queue[Candle] = asyncio.Queue()

    def market(self, wanted: Wanted) -> "Script":
        """Return itself."""
        return self

    async def listen(self) -> AsyncIterator[Candle]:
        """Yield what it is given."""
        while True:
            yield await self.told.get()

    async def candles(self, symbol: str, interval: str, first_ms: int, last_ms: int) -> Done[tuple[Candle, ...]]:
        """Remember nothing."""
        return Done(())

    async def funding(self, symbol: str, first_ms: int, last_ms: int) -> Done[tuple[tuple[int, Decimal], ...]]:
        """Remember nothing."""
        return Done(())

    def venue_ms(self) -> int:
        """Return the time of the script."""
        return self.at_ms

    def clock(self) -> ClockView:
        """Return that all clocks agree."""
        return ClockView(0, 0, Verdict.GOOD)

    async def close(self) -> None:
        """End."""


async def heard(rows: int) -> list[int]:
    """Return how long, in microseconds, from the last candle of a row to the reader that waits for it."""
    script, names = Script(), tuple(f"S{number}USDT" for number in range(HEARD_SYMBOLS))

    async def opening() -> Script:
        return script

    living, metrics = Living("Feed", was_reconstructed=False), MetricsLogger(RayExporter())
    feed = Feed(opening, Scope(names, "1m", 100), living, lambda *events: None, metrics)
    work = asyncio.create_task(feed.run())
    after = await feed.rows(0, WAIT_MS)
    at_ms, took = int(after.ts[-1]) if after is not None else 0, list[int]()
    for number in range(rows):
        waiting = asyncio.create_task(feed.rows(at_ms, WAIT_MS))
        at_ms += MINUTE_MS
        script.at_ms = at_ms + MINUTE_MS
        price = Decimal(100 + number % 3)
        for name in names:
            script.told.put_nowait(Candle(name, "1m", at_ms, price, price, price, price, Decimal(5), True))
        began_ns = clock.monotonic_ns()
        await waiting
        took.append((clock.monotonic_ns() - began_ns) // 1_000)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return took


def share(values: Sequence[float], percent: int) -> Sample:
    """Return one of a hundred of the values in order, and the extremes."""
    ordered = sorted(values)
    at = min(len(ordered) * percent // 100, len(ordered) - 1)
    return Sample(ordered[at], len(values), (ordered[0], ordered[-1]))


def measure(quick: bool) -> list[Row]:
    """Let candles close, of few symbols and of many."""
    closes, many = (CLOSES_QUICK, MANY_QUICK) if quick else (CLOSES, MANY)
    ours = [took / 1_000 for took in asyncio.run(heard(HEARD_QUICK if quick else HEARD))]
    name = f"{HEARD_SYMBOLS} candles heard to row at a waiting reader"
    rows = [
        at_most(name, "ms, p50", share(ours, 50), OURS_MS),
        at_most(name, "ms, p99", share(ours, 99), 4 * OURS_MS),
    ]
    for symbols in (2, many):
        begun_ms, late = asyncio.run(watched(symbols, closes))
        begun = Sample(begun_ms, 1, (begun_ms, begun_ms))
        rows += [
            at_most(f"candle closed to row out, {symbols} symbols", "ms, p50", share(late, 50), LATE_MS),
            at_most(f"candle closed to row out, {symbols} symbols", "ms, p99", share(late, 99), LATE_WORST_MS),
            at_most(f"history of 1 500 rows, {symbols} symbols", "ms", begun, BEGUN_MS),
        ]
    return rows


if __name__ == "__main__":
    main(measure)
