"""Feed: the public streams. What happens is told at once, what stands is told as often as its stream promises.

Nothing is put into words that nobody listens to, and a quote whose best prices did not move is no news.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from qt_ray.adapters.paper.board import Board, Candle, Printed
from qt_ray.adapters.paper.hub import Hub, Message
from qt_ray.adapters.paper.market_shapes import (
    aggregate_event,
    best_event,
    continuous,
    kline_event,
    liquidation_event,
    mark_event,
    mini_event,
    pairs,
    ticker_event,
    trade_event,
)
from qt_ray.adapters.paper.spelling import text
from qt_ray.adapters.paper.stream_names import CANDLES_MS, Kind, Stream
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Listing
from qt_ray.execution.exchange.told import LiquidationTold

Tell = Callable[[Message], None]
Sides = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]
DEPTH_LEVELS = 1_000
MARK_MS = 1_000
EVENT_NAMES = {
    Kind.MARK: "markPriceUpdate",
    Kind.MINI: "24hrMiniTicker",
    Kind.TICKER: "24hrTicker",
    Kind.KLINE: "kline",
    Kind.DEPTH: "depthUpdate",
    Kind.LEVELS: "depthUpdate",
}


@dataclass(slots=True)
class Storm:
    """So many messages a second until a moment, and up to when they have been told."""

    rate: int
    told_ms: int
    until_ms: int

    def due(self, now_ms: int) -> int:
        """Return how many are due, and count them as told."""
        upto_ms = min(now_ms, self.until_ms)
        count = max(self.rate * (upto_ms - self.told_ms) // 1_000, 0)
        if count:
            self.told_ms = upto_ms
        return count


class Feed:
    """Turns what the board shows into messages for those who listen."""

    def __init__(
        self,
        exchange: Exchange,
        listings: dict[str, Listing],
        board: Board,
        hub: Hub,
        tell: Tell,
        mark_ms: int = MARK_MS,
    ) -> None:
        self._exchange, self._listings, self._board, self._hub, self._tell = exchange, listings, board, hub, tell
        self._mark_ms = mark_ms
        self._best_names = {symbol: f"{symbol.lower()}@bookTicker" for symbol in listings}
        self._best: dict[str, tuple[Any, ...]] = {}
        self._sent_ms: dict[str, int] = {}
        self._depths: dict[str, tuple[int, Sides]] = {}
        self._bars: dict[str, int] = {}
        self._storm = Storm(0, 0, 0)
        self._shapes: dict[Kind, Callable[[Stream, int], dict[str, Any] | None]] = {
            Kind.MARK: self._mark,
            Kind.MINI: self._mini,
            Kind.TICKER: self._ticker,
            Kind.DEPTH: self._depth,
            Kind.LEVELS: self._levels,
        }

    def begin(self, stream: Stream) -> None:
        """Remember the book from which a new stream tells changes, so a snapshot taken later always joins on."""
        self._bars.pop(stream.name, None)
        if stream.kind is Kind.DEPTH and stream.symbol in self._listings:
            self._depths[stream.name] = self._book(stream.symbol)

    def best(self, symbols: Iterable[str], now_ms: int) -> None:
        """Tell the best prices of symbols, where they moved and somebody listens."""
        to_all = self._hub.wants("!bookTicker")
        for symbol in symbols:
            name = self._best_names[symbol]
            if not to_all and not self._hub.wants(name):
                continue
            book = self._exchange.depth(symbol, 1)
            found = (book.bids[:1], book.asks[:1])
            if not book.bids or not book.asks or self._best.get(symbol) == found:
                continue
            self._best[symbol] = found
            payload = orjson.dumps(best_event(now_ms, symbol, book.update_id, book.bids[0], book.asks[0]))
            for each in (name, "!bookTicker"):
                self._tell(Message(each, "bookTicker", payload, Kind.BOOK_TICKER))

    def repeat(self, rounds: int, now_ms: int) -> None:
        """Tell everybody's best prices again and again, as in a storm."""
        for _ in range(rounds):
            self._best.clear()
            self.best(self._listings, now_ms)
            self._hub.flush()

    def storm(self, rate: int, for_ms: int, now_ms: int) -> None:
        """From now on tell so many best prices a second, for a while; they are told by `blow`."""
        self._storm = Storm(rate, now_ms, now_ms + for_ms)

    def blow(self, now_ms: int) -> None:
        """Tell what of a storm has become due since the last time: the same few messages, as often as it takes."""
        count = self._storm.due(now_ms)
        if not count:
            return
        said = [message for symbol in self._listings if (message := self._as_it_stands(symbol, now_ms)) is not None]
        for at in range(count if said else 0):
            self._tell(said[at % len(said)])

    def _as_it_stands(self, symbol: str, now_ms: int) -> Message | None:
        """Return a symbol's best prices, moved or not, or nothing where nobody listens or there are none."""
        name, book = self._best_names[symbol], self._exchange.depth(symbol, 1)
        if not self._hub.wants(name) or not book.bids or not book.asks:
            return None
        payload = orjson.dumps(best_event(now_ms, symbol, book.update_id, book.bids[0], book.asks[0]))
        return Message(name, "bookTicker", payload, Kind.BOOK_TICKER)

    def trade(self, printed: Printed) -> None:
        """Tell a trade, alone and as an aggregate."""
        symbol = printed.trade.symbol.lower()
        if self._hub.wants(name := f"{symbol}@trade"):
            self._tell(Message(name, "trade", orjson.dumps(trade_event(printed.trade)), Kind.TRADE))
        if self._hub.wants(name := f"{symbol}@aggTrade"):
            self._tell(Message(name, "aggTrade", orjson.dumps(aggregate_event(printed)), Kind.AGGREGATE))

    def liquidation(self, told: LiquidationTold) -> None:
        """Tell a liquidation."""
        payload = orjson.dumps(liquidation_event(told))
        for name in (f"{told.symbol.lower()}@forceOrder", "!forceOrder@arr"):
            self._tell(Message(name, "forceOrder", payload, Kind.LIQUIDATION))

    def tick(self, symbols: Collection[str], now_ms: int) -> None:
        """Tell what is due on every stream that tells how things stand, of these symbols or of all together."""
        moved = {*symbols, None}
        for stream in tuple(self._hub.streams):
            if stream.symbol not in moved or stream.kind not in EVENT_NAMES or not self._is_listed(stream):
                continue
            if now_ms - self._sent_ms.get(stream.name, 0) < self._every_ms(stream):
                continue
            self._sent_ms[stream.name] = now_ms
            for shape in self._due(stream, now_ms):
                self._tell(Message(stream.name, EVENT_NAMES[stream.kind], orjson.dumps(shape), stream.kind))

    def _every_ms(self, stream: Stream) -> int:
        """Return how often a stream speaks at most; marks as often as the venue is set to, by the second they name."""
        return stream.every_ms * self._mark_ms // MARK_MS if stream.kind is Kind.MARK else stream.every_ms

    def _due(self, stream: Stream, now_ms: int) -> Iterable[Any]:
        if stream.is_array:
            each = (self._shapes[stream.kind](self._single(stream, symbol), now_ms) for symbol in self._listings)
            found = [shape for shape in each if shape is not None]
            return (found,) if found else ()
        if stream.kind is Kind.KLINE:
            return self._klines(stream, now_ms)
        shape = self._shapes[stream.kind](stream, now_ms)
        return () if shape is None else (shape,)

    def _is_listed(self, stream: Stream) -> bool:
        return stream.symbol is None or stream.symbol in self._listings

    @staticmethod
    def _single(stream: Stream, symbol: str) -> Stream:
        return Stream(stream.name, stream.kind, symbol, stream.every_ms)

    def _mark(self, stream: Stream, now_ms: int) -> dict[str, Any] | None:
        symbol = stream.symbol or ""
        quote = self._board.quote(symbol)
        return None if quote is None else mark_event(self._listings[symbol], quote)

    def _mini(self, stream: Stream, now_ms: int) -> dict[str, Any] | None:
        symbol = stream.symbol or ""
        day = self._board.rows[symbol].day(now_ms)
        return None if day is None else mini_event(symbol, day, now_ms)

    def _ticker(self, stream: Stream, now_ms: int) -> dict[str, Any] | None:
        symbol = stream.symbol or ""
        row = self._board.rows[symbol]
        day = row.day(now_ms)
        if day is None or not row.trades:
            return None
        return ticker_event(symbol, day, row.trades[-1].trade, self._listings[symbol].tick, now_ms)

    def _klines(self, stream: Stream, now_ms: int) -> Iterable[dict[str, Any]]:
        """Yield the bar as it stands, and before it the one that ended since it was last told."""
        symbol, interval_ms = stream.symbol or "", CANDLES_MS[stream.argument]
        row = self._board.rows[symbol]
        bar = row.current(interval_ms)
        if bar is None:
            return
        told_ms = self._bars.get(stream.name, bar.opened_ms)
        self._bars[stream.name] = bar.opened_ms
        ended: list[Candle] = []
        if told_ms < bar.opened_ms:
            ended = row.bars(interval_ms, told_ms, bar.opened_ms - 1, 1)
        for each in (*ended, bar):
            shape = kline_event(symbol, each, stream.argument, interval_ms, now_ms)
            yield continuous(shape) if stream.is_continuous else shape

    def _book(self, symbol: str) -> tuple[int, Sides]:
        book = self._exchange.depth(symbol, DEPTH_LEVELS)
        return book.update_id, ({x.price: x.quantity for x in book.bids}, {x.price: x.quantity for x in book.asks})

    def _depth(self, stream: Stream, now_ms: int) -> dict[str, Any] | None:
        """Return what changed in a book since it was last told on this stream."""
        symbol = stream.symbol or ""
        before, book = self._depths[stream.name], self._book(symbol)
        self._depths[stream.name] = book
        if before[0] == book[0]:
            return None
        bids, asks = (_changes(old, new) for old, new in zip(before[1], book[1], strict=True))
        return depth_event(symbol, now_ms, (before[0], book[0]), bids, asks)

    def _levels(self, stream: Stream, now_ms: int) -> dict[str, Any] | None:
        """Return the best levels of a book."""
        symbol = stream.symbol or ""
        book = self._exchange.depth(symbol, int(stream.argument))
        known = self._depths.get(stream.name)
        self._depths[stream.name] = (book.update_id, ({}, {}))
        before = book.update_id - 1 if known is None else known[0]
        if before == book.update_id:
            return None
        return depth_event(symbol, now_ms, (before, book.update_id), pairs(book.bids), pairs(book.asks))


def depth_event(
    symbol: str, now_ms: int, ids: tuple[int, int], bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> dict[str, Any]:
    """Return a change of a book; `ids` are the last change told before it and the last one in it."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": now_ms,
        "s": symbol,
        "U": ids[0] + 1,
        "u": ids[1],
        "pu": ids[0],
        "b": bids,
        "a": asks,
    }


def _changes(old: dict[Decimal, Decimal], new: dict[Decimal, Decimal]) -> list[tuple[str, str]]:
    """Return the levels that are new, changed or gone; a level that is gone has quantity zero."""
    changed = [(text(price), text(quantity)) for price, quantity in new.items() if old.get(price) != quantity]
    return changed + [(text(price), "0") for price in old if price not in new]
