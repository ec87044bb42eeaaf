"""The market feed against a venue that says exactly what a test wants; row 28 of the fault catalogue among it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from aiohttp import web

from qt_ray.adapters.binance.market_feed import MarketFeed, Told
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.ticks import BestPrice, BookLost, BookTick, Candle, FeedDown, FeedUp, Gap, MarketTrade, MarkTick
from tests.integration.binance_venue import QUICK, Venue, hangs_up, never_answers, refuses, says, session_at, venue

pytestmark = pytest.mark.integration

PACE = replace(QUICK, ping_s=5.0, pong_s=5.0)
DEPTH, TRADES, CANDLES = "/fapi/v1/depth", "/fapi/v1/aggTrades", "/fapi/v1/klines"

Story = Callable[[Venue, AsyncIterator[Told]], Awaitable[None]]


def play(story: Story, *kinds: Stream) -> None:
    async def whole() -> None:
        async with venue() as fake, session_at(fake, PACE) as session:
            ticks = feed(session, *kinds).listen()
            await asyncio.wait_for(story(fake, ticks), 20)
            await ticks.aclose()  # type: ignore[attr-defined]

    asyncio.run(whole())


def feed(session: BinanceSession, *kinds: Stream) -> MarketFeed:
    return session.market(Wanted(("BTCUSDT",), frozenset(kinds), "1m"))


async def send(socket: web.WebSocketResponse, *messages: dict[str, Any]) -> None:
    for message in messages:
        await socket.send_str(orjson.dumps({"stream": "x", "data": message}).decode())


async def take(ticks: AsyncIterator[Told], count: int) -> list[Told]:
    return [await anext(ticks) for _ in range(count)]


def change(previous: int, last: int, bids: list[list[str]], asks: list[list[str]] | None = None) -> dict[str, Any]:
    ids = {"U": previous + 1, "u": last, "pu": previous}
    return {"e": "depthUpdate", "E": 1, "T": last, "s": "BTCUSDT", **ids, "b": bids, "a": asks or []}


def snapshot(last: int) -> dict[str, Any]:
    return {"lastUpdateId": last, "E": 1, "T": 1, "bids": [["99", "1"], ["98", "2"]], "asks": [["101", "3"]]}


def trade(number: int) -> dict[str, Any]:
    return {"e": "aggTrade", "E": 1, "s": "BTCUSDT", "a": number, "p": "5", "q": "1", "T": 1, "m": True}


def bar(minute: int, closed: bool = True) -> dict[str, Any]:
    prices = {"o": "2", "h": "3", "l": "1", "c": "2", "v": "7"}
    kline = {"t": minute * 60_000, "s": "BTCUSDT", "i": "1m", "x": closed, **prices}
    return {"e": "kline", "E": 1, "s": "BTCUSDT", "k": kline}


def row(minute: int) -> list[Any]:
    return [minute * 60_000, "2", "3", "1", "2", "7", minute * 60_000 + 59_999]


def numbers(ticks: list[Told]) -> list[int]:
    return [tick.id for tick in ticks if isinstance(tick, MarketTrade)]


def test_streams_are_asked_for_by_door_and_heard_as_values() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        ups = await take(ticks, 2)
        await fake.told(2)
        asked = {name for message in fake.said for name in message["params"]}
        assert {message["method"] for message in fake.said} == {"SUBSCRIBE"}
        assert asked == {"btcusdt@bookTicker", "btcusdt@markPrice@1s"}
        assert {name for up in ups if isinstance(up, FeedUp) for name in up.streams} == asked
        best = {"e": "bookTicker", "u": 4, "s": "BTCUSDT", "b": "99", "B": "1", "a": "101", "A": "0", "T": 1, "E": 2}
        mark = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "5", "i": "6", "P": "5", "r": "-0.0001", "T": 9}
        await send(
            fake.sockets[0], best, {**best, "b": "0"}, {"result": None, "id": 1}, {"error": {"code": 2}, "id": 1}
        )
        heard = await take(ticks, 4)
        assert heard[0] == BestPrice("BTCUSDT", 4, Decimal(99), Decimal(1), Decimal(101), Decimal(0), 1)
        assert [type(one) for one in heard[1:]] == [Unreadable, Unheeded, Unreadable]
        await send(fake.doors["market"], mark)
        assert await take(ticks, 1) == [MarkTick("BTCUSDT", Decimal(5), Decimal(6), Decimal("-0.0001"), 9, 1)]

    play(story, Stream.BEST, Stream.MARK)


def test_row_28_a_book_is_shown_only_while_it_is_whole() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        fake.plan("GET", DEPTH, refuses(503, -1001, "Internal error"), says(snapshot(1)), says(snapshot(12)))
        await anext(ticks)
        socket = await fake.connected(1)
        await send(socket, change(10, 15, [["99", "5"]]), change(15, 17, [["98", "0"]]))
        first = await anext(ticks)
        assert isinstance(first, BookTick)
        assert first.bids[0] == (Decimal(99), Decimal(5))
        assert len(fake.asked("GET", DEPTH)) == 3
        fake.plan("GET", DEPTH, says(snapshot(40)))
        await send(socket, change(17, 19, []))
        assert isinstance(await anext(ticks), BookTick)
        await send(socket, change(30, 33, []), change(33, 41, [["97", "1"]]))
        kinds: list[type[Told]] = []
        while True:
            tick = await anext(ticks)
            kinds.append(type(tick))
            if isinstance(tick, BookTick) and tick.update_id == 41:
                break
        assert kinds[0] is BookLost
        assert tick.bids == ((Decimal(99), Decimal(1)), (Decimal(98), Decimal(2)), (Decimal(97), Decimal(1)))

    play(story, Stream.DEPTH)


def test_row_28_a_crossed_book_is_rebuilt_and_a_lost_socket_loses_it() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        fake.plan("GET", DEPTH, says(snapshot(12)), says(snapshot(16)), never_answers)
        fake.refused_sockets = 1
        await anext(ticks)
        socket = await fake.connected(1)
        await send(socket, change(10, 15, []))
        assert isinstance(await anext(ticks), BookTick)
        await send(socket, change(15, 16, [["101", "1"]]))
        lost = await anext(ticks)
        assert isinstance(lost, BookLost)
        assert lost.reason == "a bid reached an ask"
        assert isinstance(await anext(ticks), BookTick)
        await socket.close()
        assert [type(one) for one in await take(ticks, 3)] == [FeedDown, BookLost, FeedUp]
        await send(await fake.connected(2), change(30, 31, []))
        while len(fake.asked("GET", DEPTH)) < 3:
            await asyncio.sleep(0)
        await fake.sockets[1].close()
        assert [type(one) for one in await take(ticks, 3)] == [FeedDown, BookLost, FeedUp]

    play(story, Stream.DEPTH)


def test_row_29_a_socket_that_answers_pings_and_says_nothing_is_left_and_one_of_trades_is_not() -> None:
    async def story() -> None:
        pace = replace(QUICK, quiet_s=0.25)
        async with venue() as fake, session_at(fake, pace) as session:
            ticks = feed(session, Stream.MARK).listen()
            assert [type(one) for one in await take(ticks, 3)] == [FeedUp, FeedDown, FeedUp]
            calm = feed(session, Stream.TRADES).listen()
            await anext(calm)
            count = len(fake.sockets)
            await take(ticks, 2)
            assert len(fake.sockets) == count + 1
            await send(fake.sockets[count - 1], trade(3))
            assert numbers([await anext(calm)]) == [3]
            await ticks.aclose()  # type: ignore[attr-defined]
            await calm.aclose()  # type: ignore[attr-defined]

    asyncio.run(asyncio.wait_for(story(), 20))


def test_missing_trades_are_got_back_in_order_and_doubles_are_not_new() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        fake.plan("GET", TRADES, says([trade(n) for n in (4, 5)]), says([trade(6), trade(7)]))
        await anext(ticks)
        await send(await fake.connected(1), trade(3), trade(3))
        assert numbers([await anext(ticks)]) == [3]
        await fake.sockets[0].close()
        assert [type(one) for one in await take(ticks, 2)] == [FeedDown, FeedUp]
        await send(await fake.connected(2), trade(8), trade(2), trade(9))
        assert numbers(await take(ticks, 6)) == [4, 5, 6, 7, 8, 9]
        assert [r.query["fromId"] for r in fake.asked("GET", TRADES)] == ["4", "6"]

    play(story, Stream.TRADES)


def test_what_cannot_be_got_back_is_a_gap() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        fake.plan("GET", TRADES, says([trade(4)]), says([]), hangs_up)
        await anext(ticks)
        socket = await fake.connected(1)
        await send(socket, trade(3), trade(7))
        heard = await take(ticks, 4)
        assert numbers(heard) == [3, 4, 7]
        assert heard[2] == Gap("BTCUSDT", "trades", 5, 6)
        await send(socket, trade(9))
        assert await anext(ticks) == Gap("BTCUSDT", "trades", 8, 8)

    play(story, Stream.TRADES)


def test_closed_candles_have_no_holes() -> None:
    async def story(fake: Venue, ticks: AsyncIterator[Told]) -> None:
        fake.plan("GET", CANDLES, says([row(3), row(4)]))
        await anext(ticks)
        await send(await fake.connected(1), bar(2), bar(3, False), bar(5), bar(5), bar(6, False))
        heard = await take(ticks, 6)
        told = [(one.open_ms // 60_000, one.closed) for one in heard if isinstance(one, Candle)]
        assert told == [(2, True), (3, False), (3, True), (4, True), (5, True), (6, False)]

    play(story, Stream.CANDLES)
