"""Repair: what a stream left out is asked for, in order and without doubles; what cannot be got is told as a gap.

Trades are numbered without holes and candles open at regular times, so that a hole shows itself with the first thing
heard after it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from qt_ray.adapters.binance.market_events import candle_row, trade_of
from qt_ray.adapters.binance.requests import Step, many
from qt_ray.execution.venue.calls import Answer, Done
from qt_ray.market.intervals import INTERVALS_MS
from qt_ray.market.ticks import Candle, Gap, MarketTrade

PAGE: Final = 1_000
PAGES_MAX: Final = 5

Ask = Callable[[Step], Awaitable[Answer[Any]]]
T = TypeVar("T", MarketTrade, Candle)


class Repair:
    """The last trade and the last closed candle of each symbol, and the way to what came between."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._trades: dict[str, int] = {}
        self._candles: dict[tuple[str, str], int] = {}

    async def trades(self, heard: MarketTrade) -> AsyncIterator[MarketTrade | Gap]:
        """Yield a trade behind those missing before it; one that was heard already is nothing new."""
        last = self._trades.get(heard.symbol, heard.id - 1)
        self._trades[heard.symbol] = max(last, heard.id)
        if heard.id > last + 1:
            async for missing in self._missing(_trades_step, heard.symbol, "trades", last + 1, heard.id - 1, 1):
                yield missing
        if heard.id > last:
            yield heard

    async def candles(self, heard: Candle) -> AsyncIterator[Candle | Gap]:
        """Yield a candle, a closed one behind those missing before it."""
        if not heard.closed:
            yield heard
            return
        key, step = (heard.symbol, heard.interval), INTERVALS_MS[heard.interval]
        last = self._candles.get(key, heard.open_ms - step)
        self._candles[key] = max(last, heard.open_ms)
        if heard.open_ms > last + step:
            between = last + step, heard.open_ms - step
            async for missing in self._missing(candles_step(heard.interval), heard.symbol, "candles", *between, step):
                yield missing
        if heard.open_ms > last:
            yield heard

    async def _missing(
        self, page: Callable[[str, int, int], Step], symbol: str, kind: str, first: int, last: int, every: int
    ) -> AsyncIterator[Any]:
        """Yield what lies from first to last, page by page, and a gap for the rest when a page brings nothing."""
        for _ in range(PAGES_MAX):
            begun, found = first, await self._ask(page(symbol, first, last))
            for at, value in found.value if isinstance(found, Done) else ():
                if at == first <= last:
                    first += every
                    yield value
            if first > last or first == begun:
                break
        if first <= last:
            yield Gap(symbol, kind, first, last)


def _trades_step(symbol: str, first: int, last: int) -> Step:
    pairs = (("symbol", symbol), ("fromId", str(first)), ("limit", str(min(last - first + 1, PAGE))))
    read = many(lambda data: _numbered(trade_of(symbol, data)), "aggTrades")
    return Step("GET", "/fapi/v1/aggTrades", pairs, read, 20, is_signed=False)


def candles_step(interval: str) -> Callable[[str, int, int], Step]:
    """Return how a page of closed candles is asked for, by symbol and open times; each comes beside its open time."""

    def step(symbol: str, first: int, last: int) -> Step:
        times = (("startTime", str(first)), ("endTime", str(last)), ("limit", str(PAGE)))
        pairs = (("symbol", symbol), ("interval", interval), *times)
        read = many(lambda data: _dated(candle_row(symbol, interval, data.raw("row"))), "klines")
        return Step("GET", "/fapi/v1/klines", pairs, lambda body: read(_rows(body)), 5, is_signed=False)

    return step


def funding_step(symbol: str, first: int, last: int) -> Step:
    """Return how the rates that were settled within a time are asked for; each comes beside its moment."""
    pairs = (("symbol", symbol), ("startTime", str(first)), ("endTime", str(last)), ("limit", str(PAGE)))
    read = many(lambda data: (data.moment("fundingTime"), data.number("fundingRate")), "fundingRate")
    return Step("GET", "/fapi/v1/fundingRate", pairs, read, is_signed=False)


def _rows(body: Any) -> Any:
    return [{"row": row} for row in body] if isinstance(body, list) else body


def _numbered(trade: MarketTrade) -> tuple[int, MarketTrade]:
    return trade.id, trade


def _dated(bar: Candle) -> tuple[int, Candle]:
    return bar.open_ms, bar
