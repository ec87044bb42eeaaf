"""Market feed: the market as it is told, whole where it can be, and with every hole named where it cannot.

A socket that ends, or says nothing though it answers pings, is followed by another with the same subscriptions. Books
are rebuilt from a snapshot, trades and candles filled up from what the venue remembers; until a book is whole again
nobody sees it. In a burst the newest price of a symbol counts, the others are not even read, and after a bounded number
of messages everybody else has a turn: whoever trades hears of his orders between them.
"""

import asyncio
from collections.abc import AsyncIterator
from math import inf
from typing import Any, Final

from qt_ray.adapters.binance.connection import Connection
from qt_ray.adapters.binance.mailbox import Mailbox
from qt_ray.adapters.binance.market_events import tick_of
from qt_ray.adapters.binance.market_streams import Shard, Stream, Wanted, shards
from qt_ray.adapters.binance.pace import Pace, Pauses
from qt_ray.adapters.binance.queues import drained
from qt_ray.adapters.binance.repair import Ask, Repair
from qt_ray.adapters.binance.requests import plan_of
from qt_ray.adapters.binance.user_events import unreadable
from qt_ray.adapters.binance.wire import Wire
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.core.errors import Retryable
from qt_ray.execution.venue.calls import AskBook, Done
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.book import Heard, OrderBook
from qt_ray.market.ticks import (
    BestPrice,
    BookChange,
    BookLost,
    BookTick,
    Candle,
    FeedDown,
    FeedUp,
    MarketTrade,
    MarkTick,
    Tick,
)

SNAPSHOT_LEVELS: Final = 500
SHOWN_LEVELS: Final = 20
TURN_MAX: Final = 200
ENVELOPE: Final = '{"stream":"'

Told = Tick | Unheeded | Unreadable


class MarketFeed:
    """All sockets of what is wanted, in one mailbox; `read` counts the messages, `replaced` those nobody had to see."""

    def __init__(self, wire: Wire, ask: Ask, wanted: Wanted, pace: Pace) -> None:
        self._wire, self._ask, self._wanted, self._pace = wire, ask, wanted, pace
        self._box: Mailbox[Told] = Mailbox(pace.queue_max)
        self._best: dict[str, str] = {}
        self.read = self._unread = 0
        self._repair = Repair(ask)
        self._books: dict[str, OrderBook] = {}
        self._rebuilding: dict[str, asyncio.Task[None]] = {}
        self._one_snapshot = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()

    @property
    def replaced(self) -> int:
        """Return how many prices gave way to younger ones before anybody took them."""
        return self._unread + self._box.replaced

    @property
    def waiting(self) -> int:
        """Return how much waits to be taken: at most one price of each kind and symbol, and `queue_max` of the rest."""
        return len(self._box) + len(self._best)

    async def listen(self) -> AsyncIterator[Told]:
        """Yield what is heard."""
        life = asyncio.create_task(self._live())
        try:
            async for tick in drained(self._box, life):
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
        await self._box.put(FeedUp(shard.names, now_ms()))
        quiet_s = self._pace.quiet_s if shard.is_lively else inf
        while (text := await connection.hear(quiet_s)) is not None:
            await self._take(text)
            self.read += 1
            if not self.read % TURN_MAX:
                await asyncio.sleep(0)
        self._read_best()
        await self._box.put(FeedDown(shard.names, connection.ended, now_ms()))
        if shard.public:
            self._lose_books(shard)

    async def _take(self, text: str | bytes) -> None:
        stream = _best_of(text)
        if stream is None:
            await self._told(text)
        elif isinstance(text, str):
            if not self._best:
                asyncio.get_running_loop().call_soon(self._read_best)
            self._unread += stream in self._best
            self._best[stream] = text

    def _read_best(self) -> None:
        """Read the newest of each stream of best prices that was heard in this turn."""
        newest, self._best = self._best, {}
        for stream, text in newest.items():
            said = tick_of(text, now_ms())
            if not isinstance(said, BestPrice | Unheeded | Unreadable):
                said = unreadable(f"{stream}: tells best prices and nothing else", text, now_ms())
            self._box.renew(stream, said)

    async def _told(self, text: str | bytes) -> None:
        said = tick_of(text, now_ms())
        if isinstance(said, BookChange):
            self._change(said)
        elif isinstance(said, MarketTrade):
            await self._put_all(self._repair.trades(said))
        elif isinstance(said, Candle):
            await self._put_all(self._repair.candles(said))
        elif isinstance(said, MarkTick):
            self._box.renew(f"mark of {said.symbol}", said)
        else:
            await self._box.put(said)

    async def _put_all(self, ticks: AsyncIterator[Any]) -> None:
        async for tick in ticks:
            await self._box.put(tick)

    def _change(self, change: BookChange) -> None:
        book = self._books.setdefault(change.symbol, OrderBook(change.symbol))
        heard = book.hear(change)
        if heard is Heard.APPLIED:
            self._show(book, change.time_ms)
        elif heard.loses_book:
            self._lost(change.symbol, heard.value)
        if not book.is_whole and change.symbol not in self._rebuilding:
            self._rebuilding[change.symbol] = self._tasks.create_task(self._rebuild(book))

    def _show(self, book: OrderBook, time_ms: int) -> None:
        shown = BookTick(book.symbol, book.update_id, *book.top(SHOWN_LEVELS), time_ms)
        self._box.renew(f"book of {book.symbol}", shown)

    def _lost(self, symbol: str, reason: str) -> None:
        self._box.renew(f"book of {symbol}", BookLost(symbol, reason, now_ms()))

    async def _rebuild(self, book: OrderBook) -> None:
        """Ask for snapshots until one fits the changes heard; one symbol at a time, for snapshots weigh."""
        step = plan_of(AskBook(book.symbol, SNAPSHOT_LEVELS), False).steps[0]
        while not book.is_whole:
            async with self._one_snapshot:
                found = await self._ask(step)
            if isinstance(found, Done) and book.start(found.value.update_id, found.value.bids, found.value.asks):
                self._show(book, found.value.time_ms)
            else:
                await asyncio.sleep(self._pace.repair_s)
        del self._rebuilding[book.symbol]

    def _lose_books(self, shard: Shard) -> None:
        gone = {name.partition("@")[0].upper() for name in shard.names if "@depth" in name}
        for symbol in gone & self._books.keys():
            # A snapshot that is still on its way would make a book that nothing keeps up to date.
            if symbol in self._rebuilding:
                self._rebuilding.pop(symbol).cancel()
            self._books[symbol].lose()
            self._lost(symbol, "the socket ended")


def _best_of(text: str | bytes) -> str | None:
    """Return the stream of best prices that a message is of, looking at nothing but its envelope."""
    if isinstance(text, bytes) or not text.startswith(ENVELOPE):
        return None
    stream = text[len(ENVELOPE) : text.find('"', len(ENVELOPE))]
    return stream if stream.endswith(Stream.BEST.value) else None
