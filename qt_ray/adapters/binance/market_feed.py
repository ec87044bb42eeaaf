"""Market feed: the market as it is told, whole where it can be, and with every hole named where it cannot.

A socket that ends is followed by another with the same subscriptions. Books are rebuilt from a snapshot, trades and
candles filled up from what the venue remembers; until a book is whole again nobody sees it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from qt_ray.adapters.binance.connection import Connection
from qt_ray.adapters.binance.market_events import tick_of
from qt_ray.adapters.binance.market_streams import Shard, Wanted, shards
from qt_ray.adapters.binance.pace import Pace, Pauses
from qt_ray.adapters.binance.queues import drained
from qt_ray.adapters.binance.repair import Ask, Repair
from qt_ray.adapters.binance.requests import plan_of
from qt_ray.adapters.binance.wire import Wire
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.core.errors import Retryable
from qt_ray.execution.venue.calls import AskBook, Done
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.book import Heard, OrderBook
from qt_ray.market.ticks import (
    BookChange,
    BookLost,
    BookTick,
    Candle,
    FeedDown,
    FeedUp,
    MarketTrade,
    Tick,
)

SNAPSHOT_LEVELS: Final = 500
SHOWN_LEVELS: Final = 20

Told = Tick | Unheeded | Unreadable


class MarketFeed:
    """All sockets of what is wanted, in one queue that drops nothing."""

    def __init__(self, wire: Wire, ask: Ask, wanted: Wanted, pace: Pace) -> None:
        self._wire, self._ask, self._wanted, self._pace = wire, ask, wanted, pace
        self._queue: asyncio.Queue[Told] = asyncio.Queue(pace.queue_max)
        self._repair = Repair(ask)
        self._books: dict[str, OrderBook] = {}
        self._rebuilding: dict[str, asyncio.Task[None]] = {}
        self._one_snapshot = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()

    async def listen(self) -> AsyncIterator[Told]:
        """Yield what is heard."""
        life = asyncio.create_task(self._live())
        try:
            async for tick in drained(self._queue, life):
                yield tick
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            for shard in shards(self._wanted):
                self._tasks.create_task(self._carry(shard))

    async def _carry(self, shard: Shard) -> None:
        """Keep one socket's streams coming, from socket to socket."""
        pauses = Pauses(self._pace)
        url = self._wire.endpoints.public() if shard.public else self._wire.endpoints.market()
        while True:
            await asyncio.sleep(pauses.following())
            opened = monotonic_ns()
            try:
                connection = await Connection.open(self._wire.http, url, self._pace)
            except Retryable:
                continue
            try:
                await self._hear_out(shard, connection)
            finally:
                await connection.close()
            pauses.succeeded((monotonic_ns() - opened) / 1e9)

    async def _hear_out(self, shard: Shard, connection: Connection) -> None:
        for message in shard.subscriptions():
            await connection.say(message)
        await self._queue.put(FeedUp(shard.names, now_ms()))
        while (text := await connection.hear()) is not None:
            await self._take(text)
        await self._queue.put(FeedDown(shard.names, connection.ended, now_ms()))
        if shard.public:
            await self._lose_books(shard)

    async def _take(self, text: str | bytes) -> None:
        said = tick_of(text, now_ms())
        if isinstance(said, BookChange):
            await self._change(said)
        elif isinstance(said, MarketTrade):
            await self._put_all(self._repair.trades(said))
        elif isinstance(said, Candle):
            await self._put_all(self._repair.candles(said))
        else:
            await self._queue.put(said)

    async def _put_all(self, ticks: AsyncIterator[Any]) -> None:
        async for tick in ticks:
            await self._queue.put(tick)

    async def _change(self, change: BookChange) -> None:
        book = self._books.setdefault(change.symbol, OrderBook(change.symbol))
        heard = book.hear(change)
        if heard is Heard.APPLIED:
            await self._show(book, change.time_ms)
        elif heard.loses_book:
            await self._queue.put(BookLost(change.symbol, heard.value, now_ms()))
        if not book.is_whole and change.symbol not in self._rebuilding:
            self._rebuilding[change.symbol] = self._tasks.create_task(self._rebuild(book))

    async def _show(self, book: OrderBook, time_ms: int) -> None:
        await self._queue.put(BookTick(book.symbol, book.update_id, *book.top(SHOWN_LEVELS), time_ms))

    async def _rebuild(self, book: OrderBook) -> None:
        """Ask for snapshots until one fits the changes heard; one symbol at a time, for snapshots weigh."""
        step = plan_of(AskBook(book.symbol, SNAPSHOT_LEVELS), False).steps[0]
        while not book.is_whole:
            async with self._one_snapshot:
                found = await self._ask(step)
            if isinstance(found, Done) and book.start(found.value.update_id, found.value.bids, found.value.asks):
                await self._show(book, found.value.time_ms)
            else:
                await asyncio.sleep(self._pace.repair_s)
        del self._rebuilding[book.symbol]

    async def _lose_books(self, shard: Shard) -> None:
        gone = {name.partition("@")[0].upper() for name in shard.names if "@depth" in name}
        for symbol in gone & self._books.keys():
            # A snapshot that is still on its way would make a book that nothing keeps up to date.
            if symbol in self._rebuilding:
                self._rebuilding.pop(symbol).cancel()
            self._books[symbol].lose()
            await self._queue.put(BookLost(symbol, "the socket ended", now_ms()))
